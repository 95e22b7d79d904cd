--
-- boosting: trees against XGBoost's own, and what they say
--
\set QUIET on
SET client_min_messages = warning;
\ir labelled.psql
SELECT plan(47);

-- the set of test/oracle/trees_oracle.py, and what trees grown in the same way give to its first rows
CREATE TABLE train (n serial, label boolean, x0 double precision, x1 double precision, x2 double precision, x3 double precision, x4 double precision);
\copy train (label, x0, x1, x2, x3, x4) FROM 'test/data/trees_train.csv' WITH (FORMAT csv, HEADER)
CREATE TABLE told (n serial, x0 double precision, x1 double precision, x2 double precision, x3 double precision, x4 double precision, margin double precision, base double precision, share double precision[]);
CREATE TABLE told_text (x0 double precision, x1 double precision, x2 double precision, x3 double precision, x4 double precision, margin double precision, base double precision, c0 double precision, c1 double precision, c2 double precision, c3 double precision, c4 double precision);
\copy told_text FROM 'test/data/trees_rows.csv' WITH (FORMAT csv, HEADER)
INSERT INTO told (x0, x1, x2, x3, x4, margin, base, share) SELECT x0, x1, NULLIF(x2, 'NaN'), x3, x4, margin, base, ARRAY[c0, c1, c2, c3, c4] FROM told_text;
CREATE VIEW rows AS SELECT n, label, ARRAY[x0, x1, x2, x3, x4] AS features FROM train;
CREATE TABLE model AS SELECT tiering.boost_fit(label, features, '{"rounds": 20, "depth": 4, "learning_rate": 0.3, "min_child_weight": 1, "bins": 256}') AS c FROM rows;

-- --- the same trees -----------------------------------------------------------------------

SELECT ok(max(abs(tiering.predict(c, ARRAY[x0, x1, x2, x3, x4]) - 1 / (1 + exp(-margin)))) < 1e-5, 'probabilities are those of the library: ' || max(abs(tiering.predict(c, ARRAY[x0, x1, x2, x3, x4]) - 1 / (1 + exp(-margin))))) FROM told, model;
SELECT ok(max(abs(e.contribution - CASE e.feature WHEN 0 THEN t.base ELSE t.share[e.feature] END)) < 1e-4, 'contributions are Shapley values: ' || max(abs(e.contribution - CASE e.feature WHEN 0 THEN t.base ELSE t.share[e.feature] END))) FROM told AS t, model, tiering.explain(c, ARRAY[x0, x1, x2, x3, x4]) AS e;
SELECT ok(max(abs(e.odds - ln(e.p / (1 - e.p)))) < 1e-9, 'they add up to the log odds') FROM (SELECT (SELECT sum(contribution) FROM tiering.explain(c, features)) AS odds, tiering.predict(c, features) AS p FROM rows, model) AS e;
SELECT is(s.kind || ' ' || s.status || ' ' || s.features || ' ' || s.rows || ' ' || s.positives || ' ' || s.iterations, (SELECT 'boosting fitted 5 600 ' || count(*) FILTER (WHERE label) || ' 20' FROM rows), 'what was fitted') FROM model, tiering.classifier_summary(c) AS s;
SELECT ok(apart(s.log_likelihood, (SELECT -600 * tiering.log_loss(label, tiering.predict(c, features)) FROM rows)) < 1e-6, 'the likelihood is that of the rows') FROM model, tiering.classifier_summary(c) AS s;
SELECT ok(apart(s.null_log_likelihood, (SELECT count(*) FILTER (WHERE label) * ln(avg(label::int)) + count(*) FILTER (WHERE NOT label) * ln(1 - avg(label::int)) FROM rows)) < 1e-12, '-- and that without features') FROM model, tiering.classifier_summary(c) AS s;
SELECT ok(apart(sum(importance), 1) < 1e-12 AND min(importance) >= 0, 'importances add up to 1') FROM model, tiering.feature_importance(c);
SELECT is((SELECT string_agg(name, ' ' ORDER BY importance DESC) FROM (SELECT * FROM tiering.feature_importance(c) ORDER BY importance DESC LIMIT 3) AS i), 'age sex weight', 'the features that make the label are the important ones')
FROM (SELECT tiering.boost_fit(sin(n) * sign(cos(n * 7)) + cos(n * 3) * 0.2 > 0.1, ARRAY[sin(n), sin(n * 11), cos(n * 7), cos(n * 3)], '{"names": ["age", "noise", "sex", "weight"], "depth": 4}') AS c FROM generate_series(1, 3000) AS n) AS m;
SELECT throws_ok('SELECT * FROM tiering.coefficients((SELECT c FROM model))', '42809', 'classifier of kind "boosting" has no coefficients', 'trees have no coefficients');

-- --- what trees can, and a line cannot -------------------------------------------------------

CREATE TABLE corners AS SELECT n, (n % 2 = 0) <> (n % 3 = 0) AS label, ARRAY[n % 2, n % 3 / 2.0, sin(n)] AS features FROM generate_series(1, 900) AS n;
SELECT ok(tiering.auc(label, tiering.predict(trees, features)) > 0.99 AND tiering.auc(label, tiering.predict(line, features)) < 0.8, 'one or the other, but not both') FROM corners, (SELECT tiering.boost_fit(label, features) AS trees, tiering.logistic_fit(label, features) AS line FROM corners) AS m;
CREATE TABLE holes AS SELECT n, n % 5 < 2 AS label, ARRAY[CASE WHEN n % 5 > 1 OR n % 50 = 0 THEN sin(n) END] AS features FROM generate_series(1, 1000) AS n;
SELECT ok(tiering.predict(c, '{NULL}') > 0.9 AND tiering.predict(c, '{0.5}') < 0.1, 'that nothing is known says something') FROM (SELECT tiering.boost_fit(label, features) AS c FROM holes) AS m;
SELECT is((SELECT value FROM tiering.explain(c, '{NULL}') WHERE feature = 1), NULL, '-- and is shown as missing') FROM (SELECT tiering.boost_fit(label, features) AS c FROM holes) AS m;
SELECT ok(tiering.reasons(c, '{400,20,3}') <> '{}' AND (tiering.reasons(c, '{400,20,3}'))[1] LIKE 'days since%', 'reasons of trees, in words: ' || tiering.reasons(c, '{400,20,3}')::text) FROM (
	SELECT tiering.boost_fit(n % 400 + 30 * sin(n) > 200, ARRAY[n % 400, n % 21, n % 7], '{"names": ["recency_days", "orders_365", "colour"]}') AS c FROM generate_series(1, 4000) AS n) AS m;
SELECT is(tiering.reasons(c, '{10,20,3}'), '{}', '-- and none for one who bought lately') FROM (
	SELECT tiering.boost_fit(n % 400 + 30 * sin(n) > 200, ARRAY[n % 400, n % 21, n % 7], '{"names": ["recency_days", "orders_365", "colour"]}') AS c FROM generate_series(1, 4000) AS n) AS m;

-- --- the same model from the same rows ---------------------------------------------------------

SELECT is((SELECT tiering.boost_fit(label, features, o ORDER BY n DESC)::text FROM rows), (SELECT tiering.boost_fit(label, features, o ORDER BY features, n)::text FROM rows), 'the same bits in any order: ' || o::text) FROM unnest(ARRAY['{}', '{"subsample": 0.5, "colsample": 0.5, "seed": 7}']::jsonb[]) AS o;
SELECT isnt((SELECT tiering.boost_fit(label, features, '{"subsample": 0.5, "seed": 7}')::text FROM rows), (SELECT tiering.boost_fit(label, features, '{"subsample": 0.5, "seed": 8}')::text FROM rows), 'another seed draws other rows');
SELECT is(c::text::tiering.classifier::text, c::text, 'as text and back') FROM model;
CREATE TABLE copied (c tiering.classifier);
INSERT INTO copied SELECT c FROM model;
SELECT ok(bool_and(tiering.predict(m.c, features) = tiering.predict(k.c, features)), 'a stored model says the same') FROM rows, model AS m, copied AS k;
CREATE TABLE several AS SELECT g, tiering.boost_fit(label, features, jsonb_build_object('rounds', g)) AS c FROM rows, generate_series(1, 40) AS g GROUP BY g;
SELECT is((SELECT count(DISTINCT tiering.predict(c, '{1,0,14,0.5,120}')) FROM several), 40::bigint, 'call sites that see several models keep them apart');
SELECT is((SELECT round(sum(tiering.predict(c, features))::numeric, 9) FROM several CROSS JOIN (SELECT features FROM rows LIMIT 20) AS r), (SELECT round(sum(p)::numeric, 9) FROM several, LATERAL (SELECT sum(tiering.predict(several.c, features)) AS p FROM (SELECT features FROM rows LIMIT 20) AS r) AS s), '-- in any order of rows');

-- --- no model ----------------------------------------------------------------------------------

CREATE FUNCTION fitted(labels text, features text, options text DEFAULT '{}') RETURNS text LANGUAGE SQL AS $$
	SELECT concat_ws(' ', s.status, round(tiering.predict(c, f)::numeric, 3)) FROM (SELECT tiering.boost_fit(l, ARRAY[f], options::jsonb) AS c, ARRAY[min(f)] AS f FROM unnest(labels::boolean[], features::double precision[]) AS u(l, f)) AS m, tiering.classifier_summary(c) AS s $$;
SELECT ok(tiering.boost_fit(label, features) IS NULL, 'no rows, no model') FROM labelled WHERE false;
SELECT is(fitted(a, b, d), c, t) FROM (VALUES ('{t}', '{1}', 'too_few', 'one row', '{}'), ('{t,t,t}', '{1,2,3}', 'too_few', 'one label', '{}'), ('{t,f}', '{1,2}', 'fitted 0.500', 'two rows are too few for a leaf', '{}'), ('{t,f}', '{1,2}', 'fitted 1.000', '-- unless leaves need none', '{"min_child_weight": 0, "l2": 0, "learning_rate": 1, "rounds": 20}'),
	('{f,t,f,t}', '{7,7,7,7}', 'fitted 0.500', 'a constant', '{}'), ('{f,t,f,t}', '{NULL,NULL,NULL,NULL}', 'fitted 0.500', 'nothing known', '{}'),
	('{f,t,f,t,t}', '{1e100,-1e100,1e100,-1e100,1e100}', 'fitted 0.919', 'the largest numbers', '{"min_child_weight": 0.1}'), ('{f,t,f,t}', '{1e-300,2e-300,3e-300,2.5e-300}', 'fitted 0.500', 'the smallest numbers, which are as good as the same', '{}')) AS v(a, b, c, t, d);
SELECT is((SELECT count(*) FROM tiering.explain(c, '{1}')) + (SELECT count(*) FROM tiering.feature_importance(c)), 0::bigint, 'nothing to explain without trees') FROM (SELECT tiering.boost_fit(true, ARRAY[1.0]) AS c) AS m;

SELECT is((SELECT s.status FROM tiering.classifier_summary(c) AS s), 'fitted', 'one label in a hundred thousand') FROM (SELECT tiering.boost_fit(n > 1, ARRAY[n % 97, n % 13]) AS c FROM generate_series(1, 100000) AS n) AS m;
SELECT is((SELECT s.status FROM tiering.classifier_summary(c) AS s), 'fitted', 'leaves that nothing holds back') FROM (SELECT tiering.boost_fit(hashint4(n) % 7 = 0, ARRAY[n % 50, hashint4(n + 1)], '{"l2": 0, "min_child_weight": 0, "learning_rate": 1, "rounds": 300, "subsample": 0.3}') AS c FROM generate_series(1, 1000) AS n) AS m;
CREATE TABLE several_deep AS SELECT g, tiering.boost_fit(label, features, jsonb_build_object('rounds', g)) AS c FROM rows, generate_series(1, 12) AS g GROUP BY g;
SELECT is((SELECT round(sum(tiering.predict(c, features))::numeric, 9) FROM several_deep, rows), (SELECT round(sum(p)::numeric, 9) FROM several_deep, LATERAL (SELECT sum(tiering.predict(several_deep.c, features)) AS p FROM rows OFFSET 0) AS s), 'more models than a call site keeps');

-- --- refused --------------------------------------------------------------------------------------

SELECT throws_ok(format('SELECT tiering.boost_fit(label, features, %L) FROM rows', s), '22023', m, t) FROM (VALUES
	('{"rounds": 0}', 'option "rounds" is no whole number from 1 to 5000', 'no rounds'), ('{"rounds": 2.5}', 'option "rounds" is no whole number from 1 to 5000', 'half a round'), ('{"depth": 13}', 'option "depth" is no whole number from 1 to 12', 'too deep'),
	('{"learning_rate": 0}', 'option "learning_rate" is no number from 1e-06 to 1', 'no learning'), ('{"subsample": 1.1}', 'option "subsample" is no number from 0.01 to 1', 'more rows than there are'), ('{"eta": 1}', 'option "eta" is unknown', 'an unknown option'), ('{"seed": -1}', 'option "seed" is no whole number from 0 to 2147483647', 'a seed below 0')) AS v(s, m, t);
SELECT throws_ok('SELECT tiering.boost_fit(n % 2 = 0, array_fill(n, ARRAY[150])::double precision[], ''{"depth": 12, "bins": 1024}'') FROM generate_series(1, 5000) AS n', '54000', 'depth 12 with 1024 bins of 150 features needs too much memory', 'more memory than there may be');
SELECT throws_ok('SELECT tiering.boost_fit(label, features, jsonb_build_object(''depth'', 3 + n % 2)) FROM rows', '22023', 'options differ within one group', 'options of a row');
SELECT throws_ok('SELECT tiering.boost_fit(label, CASE WHEN n > 300 THEN features ELSE features[1:2] END ORDER BY n) FROM rows', '2202E', NULL, 'rows of different lengths');

-- --- the server process -----------------------------------------------------------------------------

SELECT is((SELECT count(*) FROM pg_ls_dir('/proc/self/task')), 1::bigint, 'no thread was started');

-- memory that cancelled fits leave behind
CREATE TABLE many AS SELECT n, sin(n) + cos(n * 3) > 0.3 AS label, ARRAY[sin(n), cos(n * 5), n % 7, sin(n * 3), cos(n)] AS features FROM generate_series(1, 60000) AS n;
CREATE TABLE resident (n integer, pages bigint);
CREATE FUNCTION cancelled(n integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tiering.boost_fit(label, features, '{"rounds": 2000}') FROM many;
	RETURN 0;
EXCEPTION WHEN query_canceled THEN
	INSERT INTO resident VALUES (n, split_part(pg_read_file('/proc/self/statm'), ' ', 2)::bigint);
	RETURN 1;
END $$;
SELECT format('SET statement_timeout = %s', 30 + n % 7 * 25), format('DO $$ BEGIN PERFORM cancelled(%s); END $$', n) FROM generate_series(1, 100) AS n \gexec
RESET statement_timeout;
SELECT ok(count(*) >= 90, 'fits can be cancelled: ' || count(*)) FROM resident;
SELECT ok(max(pages) FILTER (WHERE n > 80) - max(pages) FILTER (WHERE n BETWEEN 8 AND 20) < 8 * 1024 * 1024 / 4096, format('and leave no memory behind: pages %s and then %s', max(pages) FILTER (WHERE n BETWEEN 8 AND 20), max(pages) FILTER (WHERE n > 80))) FROM resident;

SELECT * FROM finish();
