--
-- clv_scores: all scores at once, chances, and how sure they are
--
\set QUIET on
SET client_min_messages = warning;
\ir ../../doc/example-data.sql
SET search_path = tiering, public, pg_catalog;
SELECT plan(180);

CREATE FUNCTION near(a double precision, b double precision, relative double precision DEFAULT 1e-6) RETURNS boolean LANGUAGE SQL
RETURN abs(a - b) <= relative * abs(b);
-- The same, where both may be unknown
CREATE FUNCTION agree(a double precision, b double precision) RETURNS boolean LANGUAGE SQL
RETURN (a IS NULL AND b IS NULL) OR COALESCE(abs(a - b) <= 1e-12 * abs(b), false);
CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
-- Not every server has lgamma(): Stirling's series, after ten steps up
CREATE FUNCTION lgamma_of(x double precision) RETURNS double precision LANGUAGE SQL
RETURN (SELECT (z - 0.5) * ln(z) - z + 0.5 * ln(2 * pi()) + 1 / (12 * z) - 1 / (360 * z ^ 3) + 1 / (1260 * z ^ 5) - (SELECT sum(ln(x + k)) FROM generate_series(0, 9) AS k) FROM (SELECT x + 10 AS z) AS s);

CREATE TABLE history AS SELECT customer_id, purchase_history_agg(sold_on, amount) AS history FROM sale GROUP BY customer_id;
CREATE TABLE record AS SELECT customer_id, s.frequency AS x, s.recency AS tx, s.age, s.monetary AS m FROM history, LATERAL clv_summary(history, '2024-12-31') AS s;
CREATE TABLE model AS SELECT bgnbd_fit(x, tx, age) AS bgnbd, mbgnbd_fit(x, tx, age) AS mbgnbd, pareto_nbd_fit(x, tx, age) AS pareto_nbd, nbd_fit(x, tx, age) AS nbd, gamma_gamma_fit(x, m) AS gg FROM record;
CREATE TABLE kind AS SELECT kind FROM unnest('{bgnbd,mbgnbd,pareto_nbd,nbd}'::text[]) AS kind;

-- --- field by field ---------------------------------------------------------------

SELECT is((SELECT count(*) FROM record), 1000::bigint, 'all customers have a record');
SELECT format($$CREATE TABLE %1$I AS SELECT customer_id, x, tx, r.age AS t, m, s.*
FROM record AS r, model, LATERAL clv_scores(model.%1$I, gg, x, tx, r.age, m, 52, 0.1, 0.3, 0.9) AS s$$, kind) FROM kind \gexec
SELECT format($$SELECT is((SELECT count(*) FROM %1$I WHERE (frequency, recency, age, monetary) IS NOT DISTINCT FROM (x, tx, t, m)), 1000::bigint, '%1$s: scores have the record')$$, kind),
	format($$SELECT is((SELECT count(*) FROM %1$I AS s, model AS v WHERE s.p_alive = p_alive(v.%1$I, x, tx, t)), 1000::bigint, '-- P(alive)')$$, kind),
	format($$SELECT is((SELECT count(*) FROM %1$I AS s, model AS v WHERE agree(s.expected_purchases, expected_purchases(v.%1$I, x, tx, t, 52))), 1000::bigint, '-- expected purchases')$$, kind),
	format($$SELECT is((SELECT count(*) FROM %1$I AS s, model AS v WHERE agree(s.expected_order_value, expected_order_value(gg, x, m))), 1000::bigint, '-- their value')$$, kind),
	format($$SELECT is((SELECT count(*) FROM %1$I AS s, model AS v WHERE agree(s.clv, discounted_clv(v.%1$I, gg, x, tx, t, m, 52, 0.1, 0.3))), 1000::bigint, '-- what all are worth')$$, kind),
	format($$SELECT is((SELECT count(*) FROM %1$I AS s, model AS v, LATERAL clv_interval(v.%1$I, gg, x, tx, t, m, 52, 0.9, 0.3) AS i,
		LATERAL (SELECT discounted_purchases(v.%1$I, x, tx, t, 52, 0.1) / expected_purchases(v.%1$I, x, tx, t, 52) AS discount) AS d
		WHERE agree(s.clv_lower, i.lower * discount) AND agree(s.clv_upper, i.upper * discount) AND s.clv_upper >= s.clv_lower), 1000::bigint, '-- where his own lies, at the mean discount')$$, kind),
	format($$SELECT is((SELECT count(*) FROM %1$I AS s, model AS v, LATERAL expected_clv_interval(v.%1$I, gg, x, tx, t, m, 52, 0.1, 0.3, 0.9) AS i
		WHERE agree(s.expected_clv_lower, i.lower) AND agree(s.expected_clv_upper, i.upper) AND s.expected_clv_lower > 0), 1000::bigint, '-- where the mean lies')$$, kind)
FROM kind \gexec

-- of a history, in the unit of the model
SELECT format($$SELECT is((SELECT count(*) FROM history, (SELECT %1$I_fit(s.frequency, s.recency, s.age, 0, %2$L) AS model FROM history, LATERAL clv_summary(history, '2024-12-31', %2$L) AS s) AS f, model AS v,
	LATERAL clv_summary(history, '2024-12-31', %2$L) AS r, LATERAL clv_scores(f.model, gg, r.frequency, r.recency, r.age, r.monetary, %3$s, 0.1, 0.3, 0.9) AS by_record,
	LATERAL clv_scores(f.model, gg, history, '2024-12-31', %3$s, 0.1, 0.3, 0.9) AS by_history
	WHERE by_record = by_history AND by_history.age = r.age), 1000::bigint, '%1$s: the scores of a history are those of its record by the %2$s')$$, kind, unit, horizon)
FROM kind, (VALUES ('day', 365.2425), ('week', 365.2425 / 7), ('month', 12)) AS u(unit, horizon) \gexec
SELECT is((SELECT count(*) FROM history AS h JOIN mbgnbd AS s USING (customer_id), model AS v, LATERAL clv_scores(v.mbgnbd, gg, history, '2024-12-31', 52, 0.1) AS c, LATERAL clv_scores(v.mbgnbd, gg, x, tx, t, m, 52, 0.1, 1, 0.95) AS d WHERE c = d), 1000::bigint, 'margin 1 and level 0.95 if none is given');
SELECT is((SELECT count(*) FROM history, LATERAL clv_scores(history, '2024-12-31') AS s, LATERAL clv_summary(history, '2024-12-31', 'week') AS r
	WHERE (s.frequency, s.recency, s.age, s.monetary) IS NOT DISTINCT FROM (r.frequency, r.recency, r.age, r.monetary) AND num_nulls(s.p_alive, s.expected_purchases, s.expected_order_value, s.clv, s.clv_lower, s.clv_upper, s.expected_clv_lower, s.expected_clv_upper) = 8),
	1000::bigint, 'without models: the record by the week, and no scores');

-- --- one call after another: what is remembered belongs to its arguments --------------

CREATE TABLE each (n serial, customer_id integer, purchase mbgnbd_model, worth gamma_gamma_model, horizon double precision, rate double precision, level double precision);
INSERT INTO each (customer_id, purchase, worth, horizon, rate, level)
SELECT customer_id, CASE k % 2 WHEN 0 THEN mbgnbd ELSE mbgnbd(0.8, 7, 0.6, 2) END, CASE k / 2 % 2 WHEN 0 THEN gg ELSE gamma_gamma(3, 4, 30) END,
	CASE k / 4 % 2 WHEN 0 THEN 26 ELSE 52 END, CASE k / 8 % 2 WHEN 0 THEN 0 ELSE 0.2 END, CASE k / 16 WHEN 0 THEN 0.5 ELSE 0.95 END
FROM record, model, generate_series(0, 31) AS k, generate_series(0, 1) AS way WHERE customer_id <= 12
-- one way models alternate, the other way what is asked of one model
ORDER BY way, CASE way WHEN 0 THEN customer_id % 3 ELSE k % 4 END, CASE way WHEN 0 THEN k * 7 % 32 ELSE customer_id END, customer_id, k;
CREATE TABLE mixed AS SELECT n, s FROM each AS e JOIN record AS r USING (customer_id), LATERAL clv_scores(purchase, worth, x, tx, age, m, horizon, rate, 1, level) AS s ORDER BY n;
CREATE FUNCTION by_itself(e each, r record) RETURNS clv_score LANGUAGE plpgsql AS $$
DECLARE s clv_score;
BEGIN
	EXECUTE format('SELECT (clv_scores(%L::mbgnbd_model, %L::gamma_gamma_model, %L, %L, %L, %L, %L, %L, 1, %L)).*', e.purchase, e.worth, r.x, r.tx, r.age, r.m, e.horizon, e.rate, e.level) INTO s;
	RETURN s;
END $$;
SELECT is((SELECT count(*) FROM mixed), 768::bigint, 'many models, horizons, rates and levels in one query');
SELECT is((SELECT count(*) FROM mixed JOIN each AS e USING (n) JOIN record AS r USING (customer_id) WHERE s = by_itself(e, r)), 768::bigint, 'give what each gives alone');
SELECT is((SELECT count(DISTINCT s) FROM mixed JOIN each USING (n) WHERE customer_id = 2), 32::bigint, 'and all of them matter');

-- --- what is not known, and what is refused ---------------------------------------------

SELECT is((SELECT clv_scores(NULL::bgnbd_model, gg, 2, 30, 38, 22, 39, 0.1)::text FROM model), NULL, 'no model, no scores');
SELECT is((SELECT clv_scores(NULL::bgnbd_model, gg, history, '2024-12-31', 39, 0.1)::text FROM model, history LIMIT 1), NULL, '-- of a history');
SELECT is(format('%s %s %s', s.p_alive = p_alive(bgnbd, 2, 30, 38), s.expected_purchases = expected_purchases(bgnbd, 2, 30, 38, 39),
	num_nulls(s.expected_order_value, s.clv, s.clv_lower, s.clv_upper, s.expected_clv_lower, s.expected_clv_upper)), 't t 6', 'no model of values: purchases alone') FROM model, clv_scores(bgnbd, NULL, 2, 30, 38, 22, 39, 0.1) AS s;
SELECT is(format('%s %s', agree(s.clv, discounted_clv(bgnbd, gg, 2, 30, 38, 22, 39, 0.1)), num_nulls(s.clv_lower, s.clv_upper, s.expected_clv_lower, s.expected_clv_upper)), 't 4', 'no level, no intervals') FROM model, clv_scores(bgnbd, gg, 2, 30, 38, 22, 39, 0.1, 1, NULL) AS s;
SELECT is(format('%s %s %s', s.p_alive = p_alive(bgnbd, 2, 30, 38), s.expected_purchases > 0, num_nulls(s.expected_order_value, s.clv, s.clv_lower, s.clv_upper, s.expected_clv_lower, s.expected_clv_upper)), 't t 6', what)
FROM model, (VALUES (0::float8, 'repeat days worth nothing have no value'), (NULL, 'nor have those of unknown worth')) AS v(mean, what), LATERAL clv_scores(bgnbd, gg, 2, 30, 38, mean, 39, 0.1) AS s;
SELECT is(num_nulls(s.expected_order_value, s.clv, s.clv_lower, s.clv_upper, s.expected_clv_lower, s.expected_clv_upper), 0, 'one who has not bought again has a value') FROM model, clv_scores(bgnbd, gg, 0, 0, 38, NULL, 39, 0.1) AS s;
SELECT is(num_nulls(s.clv_lower, s.clv_upper) || ' ' || num_nulls(s.expected_clv_lower, s.expected_clv_upper), '0 2', 'a given model is not unsure') FROM model, clv_scores(bgnbd(.24, 4.4, .79, 2.4), gg, 2, 30, 38, 22, 39, 0.1) AS s;
SELECT is(num_nulls(s.expected_clv_lower, s.expected_clv_upper), 2, 'nor is a given model of values') FROM model, clv_scores(bgnbd, gamma_gamma(2, 3, 60), 2, 30, 38, 22, 39, 0.1) AS s;
SELECT is((SELECT count(clv_scores(bgnbd, gg, history, '2022-12-31', 39, 0.1)) FROM model, history), 0::bigint, 'nobody has bought until then');
SELECT is((SELECT count(clv_scores(history, '2022-12-31')) FROM history), 0::bigint, '-- without models');
SELECT is((SELECT count(*) FROM model, history, LATERAL clv_scores(bgnbd, gg, history, '2023-03-01', 39, 0.1) AS s WHERE s.age IS NOT NULL), (SELECT count(DISTINCT customer_id) FROM sale WHERE sold_on <= '2023-03-01'), 'some have a little later');
SELECT is(num_nonnulls(clv_scores(bgnbd, gg, NULL, 30, 38, 22, 39, 0.1), clv_scores(bgnbd, gg, 2, NULL, 38, 22, 39, 0.1), clv_scores(bgnbd, gg, 2, 30, NULL, 22, 39, 0.1), clv_scores(bgnbd, gg, 2, 30, 38, 22, NULL, 0.1),
	clv_scores(bgnbd, gg, 2, 30, 38, 22, 39, NULL), clv_scores(bgnbd, gg, 2, 30, 38, 22, 39, 0.1, NULL), clv_scores(bgnbd, gg, NULL::purchase_history, '2024-12-31', 39, 0.1)), 0, 'what is unknown is unknown') FROM model;
SELECT is((s.expected_purchases, s.clv, s.clv_lower, s.clv_upper)::text, '(0,0,0,0)', 'no time, no value') FROM model, clv_scores(bgnbd, gg, 2, 30, 38, 22, 0, 0.1) AS s;
CREATE FUNCTION without_unit(m bgnbd_model) RETURNS bgnbd_model LANGUAGE plpgsql AS 'BEGIN m.time_unit := NULL; RETURN m; END';
SELECT is(error_of(format('SELECT clv_scores(%s, 39, 0.1) FROM model, history', arguments)), message, arguments) FROM (VALUES
	('bgnbd, gg, history, ''infinity''', '22023 as_of infinity is not a finite date'),
	('bgnbd, gg, history, ''-infinity''', '22023 as_of -infinity is not a finite date'),
	('without_unit(bgnbd), gg, history, ''2024-12-31''', '22023 model has no time unit'),
	('without_unit(bgnbd), gg, 2, 30, 38, 22', '22023 model has no time unit'),
	('ROW(.24, 4.4, .79, 2.4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::bgnbd_model, gg, 2, 30, 38, 22', '22023 model has no time unit'),
	('bgnbd, gg, 2, 39, 38, 22', '22023 recency 39 is not between 0 and the age'),
	('bgnbd, gg, 2, 30, 38, -22', '22023 monetary -22 is not between 0 and 1e15')) AS v(arguments, message);
SELECT is(error_of('SELECT clv_scores(history, ''infinity'') FROM history'), '22023 as_of infinity is not a finite date', 'no models, no day');
SELECT matches(error_of(format('SELECT clv_scores(bgnbd, gg, 2, 30, 38, 22, %s) FROM model', arguments)), '^22023 ', arguments || ' is refused')
FROM unnest('{"''infinity'', 0.1","-1, 0.1","39, -0.1","39, ''NaN''","39, 0.1, 1.5","39, 0.1, 1, 0","39, 0.1, 1, 1","39, 0.1, 1, ''NaN''"}'::text[]) AS arguments;
SELECT is(p_alive(without_unit(bgnbd), 2, 30, 38), p_alive(bgnbd, 2, 30, 38), 'where no year counts, no unit does') FROM model;

-- --- the chance of n purchases ------------------------------------------------------------

CREATE TABLE someone (x integer, tx double precision, age double precision);
INSERT INTO someone VALUES (0, 0, 38), (1, 3.5, 86), (12, 73.25, 82.5), (40, 60, 61);
SELECT format($$CREATE TABLE chance_%1$s AS SELECT %1$L AS kind, x, n, purchase_probability(%1$I, x, tx, age, n, 39) AS chance FROM model, someone, generate_series(0, 600) AS n$$, kind),
	format($$CREATE TABLE mean_%1$s AS SELECT %1$L AS kind, x, expected_purchases(%1$I, x, tx, age, 39) AS mean, p_no_purchase(%1$I, x, tx, age, 39) AS none FROM model, someone$$, kind) FROM kind \gexec
CREATE VIEW chance AS TABLE chance_bgnbd UNION ALL TABLE chance_mbgnbd UNION ALL TABLE chance_pareto_nbd UNION ALL TABLE chance_nbd;
CREATE VIEW mean AS TABLE mean_bgnbd UNION ALL TABLE mean_mbgnbd UNION ALL TABLE mean_pareto_nbd UNION ALL TABLE mean_nbd;
SELECT ok(count(*) = 16 AND bool_and(abs(total - 1) < 1e-10 AND least >= 0), 'all chances of a customer together are one') FROM (SELECT sum(chance) AS total, min(chance) AS least FROM chance GROUP BY kind, x) AS s;
SELECT ok(bool_and(chance = none), 'that of none is that of no purchase') FROM chance JOIN mean USING (kind, x) WHERE n = 0;
SELECT ok(bool_and(near(s.mean, m.mean, 1e-8)), 'their mean is the mean') FROM (SELECT kind, x, sum(n * chance) AS mean FROM chance GROUP BY kind, x) AS s JOIN mean AS m USING (kind, x);
SELECT ok(purchase_probability(bgnbd, 2, 30, 38, 0, 0) = 1 AND purchase_probability(bgnbd, 2, 30, 38, 1, 0) = 0 AND purchase_probability(pareto_nbd, 2, 30, 38, 0, 0) = 1
	AND purchase_probability(nbd, 2, 30, 38, 3, 0) = 0, 'no time, no purchase') FROM model;
SELECT ok(near(purchase_probability(nbd, 7, 30, 45, n, 20), exp(lgamma_of(r + 7 + n) - lgamma_of(r + 7) - lgamma_of(n + 1)) * ((a + 45) / (a + 65)) ^ (r + 7) * (20 / (a + 65)) ^ n, 1e-8), 'NBD: a negative binomial, of ' || n)
FROM (SELECT nbd, (nbd).r, (nbd).alpha AS a FROM model) AS m, unnest('{0,1,5,30}'::int[]) AS n;
SELECT is(error_of(format('SELECT purchase_probability(bgnbd, 2, 30, 38, %s, 39) FROM model', n)), '22023 number of purchases ' || n || ' is not between 0 and 1000000', n || ' purchases') FROM unnest('{-1,1000001,9223372036854775807}'::bigint[]) AS n;
SELECT ok(purchase_probability(bgnbd, 2, 30, 38, 1000000, 39) BETWEEN 0 AND 1e-100, 'a million are not refused') FROM model;
SELECT matches(error_of(format('SELECT purchase_probability(%s) FROM model', arguments)), '^22023 ', arguments) FROM unnest('{"bgnbd, 2, 39, 38, 1, 39","bgnbd, 2, 30, 38, 1, -1","bgnbd, 2, 30, 38, 1, ''infinity''","bgbb(1, 1, 1, 1), 2, 3, 4, 1, 1.5"}'::text[]) AS arguments;
SELECT ok(near(sum(purchase_probability(bgbb(1.2, .75, .66, 2.78), 3, 5, 6, n, 10)), 1, 1e-12) AND near(sum(n * purchase_probability(bgbb(1.2, .75, .66, 2.78), 3, 5, 6, n, 10)), expected_purchases(bgbb(1.2, .75, .66, 2.78), 3, 5, 6, 10), 1e-10), 'BG/BB: ten opportunities') FROM generate_series(0, 10) AS n;
SELECT is(purchase_probability(bgbb(1.2, .75, .66, 2.78), 3, 5, 6, 11, 10), 0::float8, 'have no eleventh purchase');

-- --- covariances ---------------------------------------------------------------------------

-- donors whose chances to give differ, and some of whom leave
SELECT setseed(0.23);
CREATE TABLE donor AS
SELECT customer, count(*) FILTER (WHERE gives) AS x, COALESCE(max(year) FILTER (WHERE gives), 0) AS tx, 8 AS age
FROM (SELECT customer, year, random() < chance AND year < gone AS gives FROM (SELECT i AS customer, random() AS chance, ceil(ln(1 - random()) / ln(power(1 - random(), 0.25))) AS gone FROM generate_series(1, 1000) AS i OFFSET 0) AS c, generate_series(1, 8) AS year) AS s
GROUP BY customer;
CREATE TABLE donor_model AS SELECT bgbb_fit(x, tx, age) AS bgbb FROM donor;
CREATE TABLE spread AS
SELECT 'bgnbd' AS kind, (bgnbd).covariance AS c, ARRAY[(bgnbd).r_error, (bgnbd).alpha_error, (bgnbd).a_error, (bgnbd).b_error] AS e FROM model
UNION ALL SELECT 'mbgnbd', (mbgnbd).covariance, ARRAY[(mbgnbd).r_error, (mbgnbd).alpha_error, (mbgnbd).a_error, (mbgnbd).b_error] FROM model
UNION ALL SELECT 'pareto_nbd', (pareto_nbd).covariance, ARRAY[(pareto_nbd).r_error, (pareto_nbd).alpha_error, (pareto_nbd).s_error, (pareto_nbd).beta_error] FROM model
UNION ALL SELECT 'nbd', (nbd).covariance, ARRAY[(nbd).r_error, (nbd).alpha_error] FROM model
UNION ALL SELECT 'bgbb', (bgbb).covariance, ARRAY[(bgbb).alpha_error, (bgbb).beta_error, (bgbb).gamma_error, (bgbb).delta_error] FROM donor_model
UNION ALL SELECT 'gamma_gamma', (gg).covariance, ARRAY[(gg).p_error, (gg).q_error, (gg).v_error] FROM model
UNION ALL SELECT 'penalized', (p).covariance, ARRAY[(p).r_error, (p).alpha_error, (p).a_error, (p).b_error] FROM (SELECT bgnbd_fit(x, tx, age, 0.01) AS p FROM record) AS s;
SELECT ok(array_ndims(c) = 2 AND array_length(c, 1) = cardinality(e) AND array_length(c, 2) = cardinality(e)
	AND (SELECT bool_and(c[i][j] = c[j][i]) FROM generate_subscripts(e, 1) AS i, generate_subscripts(e, 1) AS j)
	AND (SELECT bool_and(near(c[i][i], e[i] ^ 2, 1e-9) AND e[i] > 0) FROM generate_subscripts(e, 1) AS i), kind || ': covariances are symmetric, with squares of errors') FROM spread;
SELECT is(num_nulls((bgnbd(1, 1, 1, 1)).covariance, (mbgnbd(1, 1, 1, 1)).covariance, (pareto_nbd(1, 1, 1, 1)).covariance, (nbd(1, 1)).covariance, (bgbb(1, 1, 1, 1)).covariance, (gamma_gamma(1, 2, 3)).covariance), 6, 'given models have none');
SELECT is((SELECT (bgnbd_fit(0, 0, 30)).covariance FROM record), NULL, 'nor has one that was not found');
SELECT ok(near((d).covariance[1][2], 7 * (bgnbd).covariance[1][2], 1e-5) AND near((d).covariance[2][2], 49 * (bgnbd).covariance[2][2], 1e-5) AND near((d).covariance[3][4], (bgnbd).covariance[3][4], 1e-5), 'in days those of alpha are 7 and 49 times as large') FROM model, (SELECT bgnbd_fit(x, tx * 7, age * 7, 0, 'day') AS d FROM record) AS s;

CREATE FUNCTION with_covariance(m bgnbd_model, c double precision[]) RETURNS bgnbd_model LANGUAGE plpgsql AS 'BEGIN m.covariance := c; RETURN m; END';
CREATE FUNCTION with_covariance(m gamma_gamma_model, c double precision[]) RETURNS gamma_gamma_model LANGUAGE plpgsql AS 'BEGIN m.covariance := c; RETURN m; END';
CREATE FUNCTION changed(m double precision[], i integer, j integer, value double precision) RETURNS double precision[] LANGUAGE plpgsql AS 'BEGIN m[i][j] := value; RETURN m; END';
CREATE TABLE malformed AS SELECT what, c FROM model, LATERAL (VALUES ('empty', '{}'::float8[]), ('flat', array_fill(0::float8, ARRAY[16])), ('too small', array_fill(0::float8, ARRAY[2, 2])), ('too wide', array_fill(0::float8, ARRAY[4, 5])),
	('too high', array_fill(0::float8, ARRAY[5, 4])), ('deep', array_fill(0::float8, ARRAY[4, 4, 1])), ('NULL', array_fill(NULL::float8, ARRAY[4, 4])), ('NaN', changed((bgnbd).covariance, 2, 1, 'NaN')),
	('NaN in its diagonal', changed((bgnbd).covariance, 2, 2, 'NaN')), ('infinite', changed((bgnbd).covariance, 3, 3, 'infinity')), ('a negative variance', changed((bgnbd).covariance, 1, 1, -1)),
	('negative everywhere', array_fill(-1::float8, ARRAY[4, 4])), ('a correlation above 1', changed((bgnbd).covariance, 3, 4, 1.01 * (bgnbd).a_error * (bgnbd).b_error)), ('a correlation below -1', changed((bgnbd).covariance, 3, 4, -1.01 * (bgnbd).a_error * (bgnbd).b_error))) AS v(what, c);
SELECT is((SELECT string_agg(DISTINCT left(error_of(format(call, format('with_covariance(bgnbd, %L)', c))), 5), ' ') FROM unnest(ARRAY[
	'SELECT p_alive(%s, 2, 30, 38) FROM model', 'SELECT expected_purchases(%s, 2, 30, 38, 39) FROM model', 'SELECT expected_purchases_interval(%s, 2, 30, 38, 39) FROM model', 'SELECT purchases_interval(%s, 2, 30, 38, 39) FROM model',
	'SELECT discounted_clv(%s, gg, 2, 30, 38, 22, 39, 0.1) FROM model', 'SELECT clv_interval(%s, gg, 2, 30, 38, 22, 39) FROM model', 'SELECT expected_clv_interval(%s, gg, 2, 30, 38, 22, 39, 0.1) FROM model', 'SELECT clv_scores(%s, gg, 2, 30, 38, 22, 39, 0.1) FROM model']) AS call),
	'22023', 'a covariance that is ' || what || ' is refused') FROM malformed;
SELECT matches(error_of(format('SELECT expected_clv_interval(bgnbd, with_covariance(gg, %L), 2, 30, 38, 22, 39, 0.1) FROM model', c)), '^22023 ', 'and one of values') FROM (VALUES (array_fill(0::float8, ARRAY[4, 4])), (array_fill('NaN'::float8, ARRAY[3, 3])), (array_fill(-1::float8, ARRAY[3, 3]))) AS v(c);

-- --- how sure a mean is ----------------------------------------------------------------------

SELECT is((SELECT count(*) FROM bgnbd WHERE expected_clv_lower < clv AND clv < expected_clv_upper AND near(expected_clv_lower * expected_clv_upper, clv * clv, 1e-9)), 1000::bigint, 'the mean lies inside of its interval, by factors in the middle');
CREATE TABLE few AS SELECT bgnbd_fit(x, tx, age) AS bgnbd, gamma_gamma_fit(x, m) AS gg FROM record WHERE customer_id <= 250;
SELECT ok((SELECT count(*) FROM record, model, few, LATERAL expected_clv_interval(model.bgnbd, model.gg, x, tx, age, m, 52, 0.1) AS many, LATERAL expected_clv_interval(few.bgnbd, few.gg, x, tx, age, m, 52, 0.1) AS less
	WHERE less.upper / less.lower > many.upper / many.lower) > 970, 'of fewer customers less is known');
SELECT is((SELECT count(*) FROM record, model, LATERAL expected_clv_interval(bgnbd, gg, x, tx, age, m, 52, 0.1, 1, 0.5) AS half, LATERAL expected_clv_interval(bgnbd, gg, x, tx, age, m, 52, 0.1, 1, 0.95) AS most, LATERAL expected_clv_interval(bgnbd, gg, x, tx, age, m, 52, 0.1, 1, 0.999) AS nearly_all
	WHERE half.lower > most.lower AND most.lower > nearly_all.lower AND half.upper < most.upper AND most.upper < nearly_all.upper), 1000::bigint, 'surer is wider');
SELECT ok(near(ln(most.upper / most.lower) / ln(half.upper / half.lower), 1.959963984540054 / 0.6744897501960817, 1e-9), 'by as many deviations as the level is worth') FROM model, expected_purchases_interval(bgnbd, 2, 30, 38, 39, 0.5) AS half, expected_purchases_interval(bgnbd, 2, 30, 38, 39) AS most;
-- the mean of NBD is (r + x) t / (alpha + T)
SELECT ok(near(upper, mean * exp(1.959963984540054 * sqrt((nbd).covariance[1][1] / ((nbd).r + 7) ^ 2 + (nbd).covariance[2][2] / ((nbd).alpha + 45) ^ 2 - 2 * (nbd).covariance[1][2] / ((nbd).r + 7) / ((nbd).alpha + 45))), 1e-6), 'NBD: the delta method by hand')
FROM model, expected_purchases_interval(nbd, 7, 30, 45, 20), LATERAL (SELECT ((nbd).r + 7) * 20 / ((nbd).alpha + 45) AS mean) AS m;
SELECT is(i::text, '(,)', 'a given model is not unsure') FROM expected_purchases_interval(nbd(1, 8), 2, 30, 38, 39) AS i;
SELECT is(i::text, '(0,0)', 'without time nothing is unsure') FROM model, expected_purchases_interval(bgnbd, 2, 30, 38, 0) AS i;

-- many shops of one truth: r 1, alpha 8, a 1, b 4
SELECT setseed(0.31);
CREATE TABLE shop AS
SELECT c.shop, c.customer, count(t.week) AS x, COALESCE(max(t.week), 0) AS tx, c.age
FROM (SELECT s AS shop, i AS customer, 20 + 58 * random() AS age, -ln(1 - random()) / 8 AS rate, ceil(ln(1 - random()) / ln(power(1 - random(), 0.25)))::integer AS purchases
	FROM generate_series(1, 200) AS s, generate_series(1, 400) AS i OFFSET 0) AS c
	LEFT JOIN LATERAL (SELECT sum(-ln(1 - random()) / c.rate) OVER (ORDER BY n) AS week FROM generate_series(1, LEAST(c.purchases, 80)) AS n) AS t ON t.week <= c.age
GROUP BY c.shop, c.customer, c.age;
CREATE TABLE shop_model AS SELECT shop, bgnbd_fit(x, tx, age) AS bgnbd FROM shop GROUP BY shop;
SELECT ok(count(*) > 190, 'most shops have a model') FROM shop_model WHERE (bgnbd).status = 'converged';
SELECT ok(avg((truth BETWEEN lower AND upper)::int) BETWEEN 0.80 AND 0.97, format('the interval of 90 of 100 holds the true mean, of %s repeat purchases, for %s of 100 shops', x, round(100 * avg((truth BETWEEN lower AND upper)::int), 1)))
FROM shop_model, (VALUES (0, 0, 40), (3, 20, 40), (6, 38, 40)) AS r(x, tx, age), LATERAL expected_purchases(bgnbd(1, 8, 1, 4), x, tx, age, 39) AS truth, LATERAL expected_purchases_interval(bgnbd, x, tx, age, 39, 0.9)
WHERE (bgnbd).status = 'converged' GROUP BY x ORDER BY x;

-- --- what a customer spends, discounted ---------------------------------------------------------

-- of the same truth, with Gamma-Gamma p 2, q 3, v 60: the year after the day of the analysis
SELECT setseed(0.17);
CREATE TABLE buyer AS
SELECT i AS customer, 20 + 58 * random() AS age, -ln(1 - random()) / 8 AS rate, ceil(ln(1 - random()) / ln(power(1 - random(), 0.25)))::integer AS purchases, -60 / ln((1 - random()) * (1 - random()) * (1 - random())) AS scale
FROM generate_series(1, 12000) AS i;
CREATE TABLE bought AS
SELECT customer, t.week, -scale * ln((1 - random()) * (1 - random())) AS amount
FROM buyer AS c, LATERAL (SELECT sum(-ln(1 - random()) / c.rate) OVER (ORDER BY n) AS week FROM generate_series(1, LEAST(c.purchases, 120)) AS n) AS t WHERE t.week <= c.age + 52;
CREATE TABLE outcome AS
SELECT customer, c.age, count(week) FILTER (WHERE week <= age) AS x, COALESCE(max(week) FILTER (WHERE week <= age), 0) AS tx, avg(amount) FILTER (WHERE week <= age) AS m,
	COALESCE(sum(amount) FILTER (WHERE week > age), 0) AS spend, COALESCE(sum(amount * 1.1 ^ (- (week - age) * 7 / 365.2425)) FILTER (WHERE week > age), 0) AS discounted
FROM buyer AS c LEFT JOIN bought USING (customer) GROUP BY customer, c.age;
CREATE TABLE judged AS
SELECT o.*, s.clv_lower, s.clv_upper, s.clv, i.lower, i.upper, h.lower AS quarter
FROM outcome AS o, LATERAL clv_scores(bgnbd(1, 8, 1, 4), gamma_gamma(2, 3, 60), x, tx, o.age, m, 52, 0.1) AS s, LATERAL clv_interval(bgnbd(1, 8, 1, 4), gamma_gamma(2, 3, 60), x, tx, o.age, m, 52) AS i,
	LATERAL clv_interval(bgnbd(1, 8, 1, 4), gamma_gamma(2, 3, 60), x, tx, o.age, m, 52, 0.5) AS h;
SELECT is(count(*), 12000::bigint, 'all of many buyers have an interval') FROM judged WHERE clv_upper >= clv_lower AND upper >= lower;
SELECT ok(share BETWEEN 0.92 AND 0.99, format('it holds the discounted spend of %s of 100', round(100 * share, 1))) FROM (SELECT avg((discounted BETWEEN clv_lower AND clv_upper)::int) AS share FROM judged) AS s;
SELECT ok(share BETWEEN 0.018 AND 0.032, format('more than its end spend %s of 100', round(100 * share, 1))) FROM (SELECT avg((discounted > clv_upper)::int) AS share FROM judged WHERE clv_upper > 0) AS s;
SELECT ok(share BETWEEN 0.018 AND 0.032, format('not discounted: %s of 100', round(100 * share, 1))) FROM (SELECT avg((spend > upper)::int) AS share FROM judged WHERE upper > 0) AS s;
SELECT ok(share BETWEEN 0.22 AND 0.28, format('less than a half''s beginning, where there is one: %s of 100', round(100 * share, 1))) FROM (SELECT avg((spend < quarter)::int) AS share FROM judged WHERE quarter > 0 HAVING count(*) > 1000) AS s;
SELECT ok(near(sum(discounted), sum(clv), 0.05), 'and all together spend what was expected') FROM judged;

-- a lower end that is hardly above nothing: levels at which the chance of no purchase is nearly what may lie below
SELECT is(count(*), 60::bigint, 'the lower end is below the upper one') FROM generate_series(1, 60) AS i,
	LATERAL (SELECT p_no_purchase(bgnbd(.8, 1, 1.2, 15), 0, 0, 40, 110) AS nothing) AS s,
	LATERAL clv_interval(bgnbd(.8, 1, 1.2, 15), gamma_gamma(3.5, 2.3, 100), 0, 0, 40, NULL, 110, 1 - 2 * nothing - i * 2e-9) WHERE lower <= upper;

-- ends beyond what a number can be
SELECT is((clv_interval(nbd(5, 10), gamma_gamma(.001, 4, 1), 0, 0, 38, NULL, 52, .9))::text, '(0,1.1283746985932264e-05)', 'a lower end below all numbers is 0');
SELECT ok(lower > 0 AND upper > 1e130, 'ends far apart') FROM clv_interval(nbd(5, 10), gamma_gamma(6, .01, 1), 0, 0, 38, NULL, 52, .9);
SELECT is(error_of(format('SELECT clv_interval(nbd(5, 10), gamma_gamma(6, %s, 1), 0, 0, 38, NULL, 52, .999)', q)), '22003 value of the purchases to come cannot be represented', 'an upper end above all numbers') FROM unnest('{.01,.001}'::text[]) AS q;
SELECT is(error_of(format('SELECT clv_scores(bgnbd(1, 8, 1, 4), NULL, 2, 5, 9, %L, 52, 0.1)', mean)), format('22023 monetary %s is not between 0 and 1e15', mean), 'means that are none') FROM unnest('{NaN,-1,Infinity}'::text[]) AS mean;

-- parameters next to nothing: values by mpmath, 100 digits, from the closed form of Fader, Hardie and Lee
SELECT ok(near(expected_purchases(bgnbd(r, alpha, a, b), t), value, 1e-9), format('r %s, alpha %s, a %s, b %s', r, alpha, a, b))
FROM (VALUES (1e-08, 5.0, 0.8, 2.4, 52.0, 6.02725772195045919e-8),(1e-13, 5.0, 0.8, 2.4, 52.0, 6.02725774825719832e-13),(0.5, 5.0, 1e-12, 1e-12, 30.0, 1.81101776349336762),(0.0001, 1e-09, 1e-13, 2e-13, 1000000000.0, 66666666666397.0224),(3.1429141665385167e-15, 1.5717695276627738e-13, 1.3161649484010138e-13, 2.1511166562153074e-13, 170783.6008107179, 2118.67659695683406)) AS v(r, alpha, a, b, t, value);

-- matrices that no fit makes
SELECT is(error_of(format('SELECT expected_purchases_interval(jsonb_populate_record(bgnbd, jsonb_build_object(''covariance'', %L::jsonb)), 2, 5, 9, 39) FROM model', matrix)), '22023 covariance of the model ' || why, why)
FROM (VALUES ('[[1,0,0,0],[0,-1,0,0],[0,0,1,0],[0,0,0,1]]', 'has a variance that is negative or infinite'), ('[[1,0,0,0],[0,1,0,0.5],[0,0,1,0],[0,0,0,1]]', 'is not symmetric'),
	('[[1,0.9,-0.9,0],[0.9,1,0.9,0],[-0.9,0.9,1,0],[0,0,0,1]]', 'gives some sum of parameters a negative variance'), ('[[1,2,0,0],[2,1,0,0],[0,0,1,0],[0,0,0,1]]', 'gives some sum of parameters a negative variance'),
	('[[0,1,0,0],[1,1,0,0],[0,0,1,0],[0,0,0,1]]', 'gives some sum of parameters a negative variance'), ('[[1,0],[0,1]]', 'is not a matrix of 4 rows and columns')) AS v(matrix, why);

-- --- numbers of purchases as count() gives them -----------------------------------------------------

CREATE TABLE counted AS SELECT customer, x, tx, age, m FROM outcome WHERE customer <= 400;
SELECT col_type_is('counted', 'x', 'bigint', 'a count is a bigint');
SELECT is(error_of(format('SELECT %s FROM counted%s', call, CASE WHEN call LIKE '%\_fit(%' THEN '' ELSE ', model' END)), 'no error', call) FROM unnest(ARRAY['nbd_fit(x, tx, age)', 'bgnbd_fit(x, tx, age)', 'mbgnbd_fit(x, tx, age, 0.1)', 'pareto_nbd_fit(x, tx, age, 0, ''week'')', 'bgbb_fit(LEAST(x, 3), CASE WHEN x > 0 THEN 5 ELSE 0 END, 9)',
	'gamma_gamma_fit(x, m)', 'log_likelihood(bgnbd, x, tx, age)', 'log_likelihood(gg, x, m)', 'p_alive(bgnbd, x, tx, age)', 'expected_purchases(bgnbd, x, tx, age, 39)', 'expected_order_value(gg, x, m)', 'purchase_probability(bgnbd, x, 39)',
	'purchase_probability(bgnbd, x, tx, age, x, 39)', 'p_no_purchase(bgnbd, x, tx, age, 39)', 'discounted_purchases(bgnbd, x, tx, age, 39, 0.1)', 'discounted_clv(bgnbd, gg, x, tx, age, m, 39, 0.1)', 'purchases_interval(bgnbd, x, tx, age, 39)',
	'clv_interval(bgnbd, gg, x, tx, age, m, 39)', 'expected_purchases_interval(bgnbd, x, tx, age, 39)', 'expected_clv_interval(bgnbd, gg, x, tx, age, m, 39, 0.1)', 'clv_scores(bgnbd, gg, x, tx, age, m, 39, 0.1)']) AS call;

SELECT * FROM finish();
