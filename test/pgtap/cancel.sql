--
-- cancel: whatever takes long can be cancelled
--
\set QUIET on
SET client_min_messages = warning;
SET search_path = tiering, public, pg_catalog;
SELECT plan(28);

-- Runs a statement until the timeout of this one; how it ended, and when
CREATE TABLE ended (name text, after integer, code text, ms double precision);
CREATE FUNCTION run(name text, statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	begun timestamptz := clock_timestamp();
	code text := 'done';
BEGIN
	BEGIN
		EXECUTE statement;
	EXCEPTION WHEN OTHERS OR query_canceled THEN
		code := SQLSTATE;
	END;
	-- the timeout may come just after the statement, and then but once
	FOR attempt IN 1..2 LOOP
		BEGIN
			INSERT INTO ended VALUES (name, extract(epoch FROM current_setting('statement_timeout')::interval) * 1000, code, extract(epoch FROM clock_timestamp() - begun) * 1000);
			EXIT;
		EXCEPTION WHEN query_canceled THEN
			NULL;
		END;
	END LOOP;
END $$;

-- 300,000 different records, donors with 100,000 opportunities, a million values
CREATE TABLE record AS
SELECT i AS customer, i % 40 AS x, CASE WHEN i % 40 = 0 THEN 0 ELSE 50 + (i * 7919::bigint % 300007) / 6e3::float8 END AS tx, 100 + (i * 104729::bigint % 300007) / 6e3::float8 AS age, 5 + i % 97 + i % 89 / 7.0::float8 AS m FROM generate_series(1, 300000) AS i;
CREATE TABLE donor AS SELECT i % 50 * 997 AS x, CASE WHEN i % 50 = 0 THEN 0 ELSE 49000 + i * 17 END AS tx, 100000 AS age FROM generate_series(1, 3000) AS i;
CREATE TABLE value AS SELECT 1 + i % 30 AS x, 5 + i % 97 + (i * 7919::bigint % 1000003) / 5e4::float8 AS m FROM generate_series(1, 1000000) AS i;
CREATE TABLE faithful AS SELECT i AS x, i + 3 AS tx, 100000 AS age FROM generate_series(1, 3000) AS i;
CREATE TABLE labelled AS SELECT sin(i) + cos(i * 0.7) + sin(i * 1.1) > 0.5 AS label, ARRAY[i % 97, sin(i * 3), cos(i), i % 7, sin(i * 0.01), i % 1000 / 7.0, cos(i * 5), i % 2, sin(i * 7), i % 31] AS features, i % 1001 / 1001.0 AS score FROM generate_series(1, 500000) AS i;
VACUUM ANALYZE record, donor, faithful, value, labelled;

CREATE TABLE long (n serial, name text, statement text, latest integer DEFAULT 1200);
INSERT INTO long (name, statement) VALUES
	('nbd_fit of 300,000 records', 'SELECT nbd_fit(x, tx, age) FROM record'),
	('bgnbd_fit of 300,000 records', 'SELECT bgnbd_fit(x, tx, age) FROM record'),
	('mbgnbd_fit of 300,000 records', 'SELECT mbgnbd_fit(x, tx, age) FROM record'),
	('pareto_nbd_fit of 300,000 records', 'SELECT pareto_nbd_fit(x, tx, age) FROM record'),
	('bgbb_fit of 100,000 opportunities', 'SELECT bgbb_fit(x, tx, age) FROM donor'),
	('bgbb log_likelihood of 100,000 opportunities', 'SELECT log_likelihood(bgbb(1.2, .75, .66, 2.78), x, tx, age) FROM donor, generate_series(1, 100)'),
	('bgbb purchases_interval of 100,000 opportunities', 'SELECT purchases_interval(bgbb(12, 7.5, .01, 200), 30, 50, 60, 100000)'),
	('bgbb clv_interval of 100,000 opportunities', 'SELECT clv_interval(bgbb(12, 7.5, .01, 200), gamma_gamma(6, 4, 15), 30, 50, 60, 20, 100000)'),
	('bgbb clv_scores of 100,000 opportunities', 'SELECT clv_scores(bgbb(12, 7.5, .01, 200), gamma_gamma(6, 4, 15), 30, 50, 60, 20, 100000, 0.1)'),
	('bgbb discounted_purchases of 100,000 opportunities', 'SELECT discounted_purchases(bgbb(12, 7.5, .01, 200), 30, 50, 60, 100000, i / 1e5) FROM generate_series(1, 100000) AS i'),
	('bgbb purchase_probability of 100,000 opportunities', 'SELECT purchase_probability(bgbb(12, 7.5, .01, 200), 50000 + i, 100000) FROM generate_series(1, 40000) AS i'),
	('nbd clv_interval of 100,000 purchases', 'SELECT clv_interval(nbd(1e5, 1), gamma_gamma(6, 4, 15), 3, 2, 4, 20, 5)'),
	('bgnbd clv_interval of 100,000 purchases', 'SELECT clv_interval(bgnbd(1e5, 1, .001, 1e5), gamma_gamma(6, 4, 15), 3, 2, 4 + i / 1e3, 20, 5) FROM generate_series(1, 1000) AS i'),
	('mbgnbd clv_interval of 100,000 purchases', 'SELECT clv_interval(mbgnbd(1e5, 1, .001, 1e5), gamma_gamma(6, 4, 15), 3, 2, 4 + i / 1e3, 20, 5) FROM generate_series(1, 1000) AS i'),
	('pareto_nbd clv_interval of 100,000 purchases', 'SELECT clv_interval(pareto_nbd(1e5, 1, 1, 100), gamma_gamma(6, 4, 15), 3, 2, 4, 20, 5)'),
	('bgnbd purchases_interval of 500,000 purchases', 'SELECT purchases_interval(bgnbd(1e5, 1, .001, 1e5), 3, 2, 4 + i / 1e3, 25) FROM generate_series(1, 1000) AS i'),
	('nbd clv_interval of values nearly alike', 'SELECT clv_interval(nbd(20, 1), gamma_gamma(1e6, 1e6, 15), 3, 2, 4 + i / 1e3, 20, 400) FROM generate_series(1, 1000) AS i'),
	('curves of spend, each of many nodes', 'SELECT clv_interval(nbd(50, 1), gamma_gamma(0.5, 400, 15), 3, 2, 4 + i / 1e3, 20, 20) FROM generate_series(1, 100000) AS i'),
	('bgnbd grid of a million', 'SELECT count(*) FROM frequency_recency_grid(bgnbd(.24, 4.4, .79, 2.4), 1e6, 1e6, 1000, 1000)'),
	('bgnbd grid of large numbers', 'SELECT * FROM frequency_recency_grid(bgnbd(.24, 4.4, .79, 2.4), 1e9, 1e9, 1000000, 1000000)'),
	('pareto_nbd grid of large numbers', 'SELECT * FROM frequency_recency_grid(pareto_nbd(.55, 10.6, .61, 11.7), 1e9, 1e9, 1000000, 1000000)'),
	('gamma_gamma_fit of a million values', 'SELECT gamma_gamma_fit(x, m) FROM value'),
	('logistic_fit of 500,000 rows', 'SELECT logistic_fit(label, features) FROM labelled'),
	('boost_fit of 500,000 rows', 'SELECT boost_fit(label, features, ''{"depth": 8}'') FROM labelled'),
	('boost_fit of many trees', 'SELECT boost_fit(label, features, ''{"rounds": 5000, "depth": 6}'') FROM labelled WHERE features[1] = 5'),
	('auc and calibration of 2,000,000 rows', 'SELECT auc(label, score), calibration_line(label, score) FROM labelled, generate_series(1, 4)'),
	('explain of deep trees', 'SELECT count(*) FROM labelled, (SELECT boost_fit(label, features, ''{"rounds": 200, "depth": 10, "min_child_weight": 1}'') AS c FROM labelled WHERE features[1] = 5) AS m, LATERAL explain(c, features)');
INSERT INTO long (name, statement, latest) VALUES ('bgbb_fit of 100,000 opportunities, many of them', 'SELECT bgbb_fit(x, tx, age) FROM faithful', 100);

-- early, and in the midst of what a fit does after it has read its rows
SELECT 'SET statement_timeout = ' || after, format('SELECT run(%L, %L)', name, statement) FROM long, unnest('{100,400,1200}'::int[]) AS after WHERE after <= latest ORDER BY n, after \gexec
RESET statement_timeout;
SELECT diag(format('%s: %s', name, string_agg(format('%s after %s + %s ms', code, LEAST(after, round(ms)), GREATEST(0, round(ms - after))), ', ' ORDER BY after))) FROM long JOIN ended USING (name) GROUP BY n, name ORDER BY n;
SELECT ok(bool_and(ms < after + 2000 AND (code = '57014' OR code = 'done' AND ms < after + 200)) AND bool_or(code = '57014'), name || ' can be cancelled') FROM long JOIN ended USING (name) GROUP BY n, name ORDER BY n;

SELECT * FROM finish();
