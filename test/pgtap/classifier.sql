--
-- classifier: logistic regression against statsmodels and scikit-learn, and by hand
--
\set QUIET on
SET client_min_messages = warning;
\ir labelled.psql
SELECT plan(65);

CREATE TABLE model AS SELECT name, tiering.logistic_fit(label, features) AS c, tiering.logistic_fit(label, features, '{"l2": 5}') AS ridge FROM labelled GROUP BY name;

-- --- reference values -------------------------------------------------------------------

SELECT is(worst('{estimate%,std_error%,z%,"p %"}', $$SELECT m.name, v.quantity || ' ' || (row_number() OVER (PARTITION BY m.name, v.quantity ORDER BY CASE k.term WHEN 'intercept' THEN 0 ELSE substr(k.term, 2)::integer END) - 1) AS quantity, v.value
	FROM model AS m, LATERAL tiering.coefficients(m.c) AS k, LATERAL (VALUES ('estimate', k.estimate), ('std_error', k.std_error), ('z', k.z), ('p', k.p)) AS v(quantity, value)$$), 'all within 1e-6', 'coefficients, standard errors, z and p are those of statsmodels');
SELECT is(worst('{log_likelihood,null_log_likelihood}', $$SELECT m.name, v.* FROM model AS m, LATERAL tiering.classifier_summary(m.c) AS s, LATERAL (VALUES ('log_likelihood', s.log_likelihood), ('null_log_likelihood', s.null_log_likelihood)) AS v(quantity, value)$$), 'all within 1e-6', '-- so are the likelihoods');
SELECT is(worst('{ridge%}', $$SELECT m.name, 'ridge ' || substr(k.term, 2) AS quantity, k.estimate AS value FROM model AS m, LATERAL tiering.coefficients(m.ridge) AS k WHERE k.term <> 'intercept'$$), 'all within 1e-6', 'with an l2 of 5, those of scikit-learn with C = 1/5 on scaled features');
SELECT is((SELECT string_agg(DISTINCT s.status, ' ') FROM model AS m, LATERAL tiering.classifier_summary(m.c) AS s), 'converged', 'all converged');
SELECT ok(bool_and(k.lower < k.estimate AND apart(k.upper - k.estimate, 1.959963984540054 * k.std_error) < 1e-12), 'intervals are of 95 %') FROM model AS m, LATERAL tiering.coefficients(m.c) AS k;

-- --- probabilities ------------------------------------------------------------------------

SELECT ok(bool_and(apart(tiering.predict(m.c, l.features), 1 / (1 + exp(-k.odds))) < 1e-12), 'a probability is that of its terms')
FROM model AS m JOIN labelled AS l USING (name), LATERAL (SELECT sum(k.estimate * CASE k.term WHEN 'intercept' THEN 1 ELSE l.features[substr(k.term, 2)::integer] END) AS odds FROM tiering.coefficients(m.c) AS k) AS k;
SELECT ok(bool_and(apart(e.odds, ln(p / (1 - p))) < 1e-9), 'what the features add makes the log odds') FROM (
	SELECT tiering.predict(m.c, l.features) AS p, (SELECT sum(e.contribution) FROM tiering.explain(m.c, l.features) AS e) AS odds FROM model AS m JOIN labelled AS l USING (name)) AS e;
SELECT ok(bool_and(apart(s.sum, s.count) < 1e-9), 'the probabilities add up to the labels') FROM (
	SELECT sum(tiering.predict(m.c, l.features)) AS sum, count(*) FILTER (WHERE label)::double precision AS count FROM model AS m JOIN labelled AS l USING (name) GROUP BY name) AS s;
SELECT ok(bool_and(apart((c.line).slope, 1) < 1e-6 AND apart((c.line).intercept, 0) < 1e-6), 'and are calibrated where they were fitted') FROM (
	SELECT tiering.calibration_line(label, tiering.predict(m.c, features)) AS line FROM model AS m JOIN labelled USING (name) GROUP BY name) AS c;
SELECT is((SELECT (array_agg(i.name ORDER BY importance DESC))[1] FROM tiering.feature_importance(c) AS i), 'x1', 'the most important feature') FROM model WHERE name = 'plain';
SELECT ok(apart((SELECT sum(importance) FROM tiering.feature_importance(c)), 1) < 1e-12, 'importances add up to 1') FROM model WHERE name = 'units';
SELECT is((SELECT string_agg(e.name, ' ') FROM tiering.explain(tiering.logistic_fit(label, features, '{"names": ["spend", "days", "visits", "it''s"]}'), '{1,1,1,1}') AS e), 'base spend days visits it''s', 'features have names') FROM labelled WHERE name = 'plain';

SELECT ok(bool_and(apart(tiering.predict(a, features), tiering.predict(b, ARRAY[asinh(features[1]), asinh(features[2]), asinh(features[3]), asinh(features[4])])) < 1e-12), 'asinh is taken of features, and for predict() as well')
FROM labelled, (SELECT tiering.logistic_fit(label, features, '{"transform": "asinh"}') AS a, tiering.logistic_fit(label, ARRAY[asinh(features[1]), asinh(features[2]), asinh(features[3]), asinh(features[4])]) AS b FROM labelled WHERE name = 'units') AS m WHERE name = 'units';
SELECT ok(apart((SELECT sum(contribution) FROM tiering.explain(a, '{1e6,0,1,5}')), ln(p / (1 - p))) < 1e-9, '-- and for explain()') FROM (SELECT a, tiering.predict(a, '{1e6,0,1,5}') AS p FROM (SELECT tiering.logistic_fit(label, features, '{"transform": "asinh"}') AS a FROM labelled WHERE name = 'units') AS m) AS q;

-- --- the same model from the same rows ------------------------------------------------------

SELECT is((SELECT tiering.logistic_fit(label, features ORDER BY score, features)::text FROM labelled WHERE name = n), (SELECT tiering.logistic_fit(label, features ORDER BY features DESC)::text FROM labelled WHERE name = n), 'the same bits in any order: ' || n) FROM unnest('{plain,units,rare}'::text[]) AS n;
SELECT is(c::text::tiering.classifier::text, c::text, 'as text and back: ' || name) FROM model ORDER BY name;
CREATE TABLE copied (name text, c tiering.classifier);
COPY model (name, c) TO '/dev/null' WITH (FORMAT binary);
INSERT INTO copied SELECT name, c FROM model;
SELECT ok(bool_and(tiering.predict(m.c, l.features) = tiering.predict(k.c, l.features)), 'a stored model says the same') FROM model AS m JOIN copied AS k USING (name) JOIN labelled AS l USING (name);

-- --- what is not known -----------------------------------------------------------------------

CREATE TABLE gaps AS SELECT label, ARRAY[CASE WHEN n % 3 > 0 THEN features[1] END, features[2], NULL] AS features, features[1] AS first, n % 3 = 0 AS is_gap
FROM (SELECT *, row_number() OVER (ORDER BY features) AS n FROM labelled WHERE name = 'plain') AS s;
SELECT is((SELECT string_agg(k.term || COALESCE(': ' || k.note, ''), ', ') FROM tiering.coefficients(tiering.logistic_fit(label, features)) AS k), 'intercept, x1, x1 is null, x2, x3: says nothing beside the others', 'a feature that is missing in part has a term for that; one that always is says nothing') FROM gaps;
SELECT ok((SELECT bool_and(apart(k.estimate, j.estimate) < 1e-7) FROM tiering.coefficients(a) AS k JOIN tiering.coefficients(b) AS j ON j.term = CASE k.term WHEN 'x1 is null' THEN 'x3' ELSE k.term END WHERE k.term IN ('x1', 'x1 is null', 'x2')), '-- as if it had the mean, and a term of its own')
FROM (SELECT tiering.logistic_fit(label, features) AS a FROM gaps) AS g, (SELECT tiering.logistic_fit(label, ARRAY[CASE WHEN is_gap THEN m ELSE first END, features[2], is_gap::integer]) AS b FROM gaps, (SELECT avg(first) FILTER (WHERE NOT is_gap) AS m FROM gaps) AS x) AS h;
SELECT ok(apart(tiering.predict(c, '{NULL,0,0,0}'), tiering.predict(c, ARRAY[(SELECT avg(features[1]) FROM labelled WHERE name = 'plain'), 0, 0, 0])) < 1e-12, 'what was never missing counts as the mean') FROM model WHERE name = 'plain';
SELECT is((SELECT value FROM tiering.explain(c, '{NULL,0,0,0}') WHERE feature = 1), NULL, '-- and is shown as missing') FROM model WHERE name = 'plain';

-- --- no model ----------------------------------------------------------------------------------

CREATE FUNCTION fitted(labels text, features text, options text DEFAULT '{}') RETURNS text LANGUAGE SQL AS $$
	SELECT concat_ws(' ', s.status, round(tiering.predict(c, f)::numeric, 3)) FROM (SELECT tiering.logistic_fit(l, ARRAY[f], options::jsonb) AS c, ARRAY[min(f)] AS f FROM unnest(labels::boolean[], features::double precision[]) AS u(l, f)) AS m, tiering.classifier_summary(c) AS s $$;
SELECT ok(tiering.logistic_fit(label, features) IS NULL, 'no rows, no model') FROM labelled WHERE false;
SELECT is(fitted(a, b), c, t) FROM (VALUES ('{t}', '{1}', 'too_few', 'one row'), ('{t,t,t}', '{1,2,3}', 'too_few', 'one label'), ('{t,f}', '{1,2}', 'separated 1.000', 'two rows are separated'), ('{t,f}', '{1,1}', 'converged 0.500', '-- unless they are the same'),
	('{f,f,t,t}', '{1,2,3,4}', 'separated 0.000', 'labels that a feature separates'), ('{f,f,t,f,t,t}', '{1,2,3,3,4,5}', 'separated 0.000', '-- all but for a tie'), ('{f,t,f,t}', '{7,7,7,7}', 'converged 0.500', 'a constant'), ('{f,t,f,t}', '{NULL,NULL,NULL,NULL}', 'converged 0.500', 'nothing known'),
	('{f,t,f,t,t}', '{1e100,-1e100,1e100,-1e100,1e100}', 'separated 1.000', 'the largest numbers'), ('{f,t,f,t}', '{1e-300,2e-300,3e-300,2.5e-300}', 'converged 0.500', 'the smallest numbers, which are as good as the same')) AS v(a, b, c, t);
SELECT is(fitted('{f,f,t,t}', '{1,2,3,4}', '{"l2": 1}'), 'converged 0.220', 'a penalty keeps separated labels apart from infinity');
SELECT is((SELECT string_agg(term || ' ' || note, ', ') FROM tiering.coefficients(c) WHERE note IS NOT NULL), 'x2 separates the labels', 'the term that separates is named') FROM (SELECT tiering.logistic_fit(n > 50, ARRAY[sin(n), n, cos(n * 3)]) AS c FROM generate_series(1, 100) AS n) AS s;
SELECT is((SELECT count(std_error) FROM tiering.coefficients(c)), 0::bigint, '-- and there are no errors') FROM (SELECT tiering.logistic_fit(n > 50, ARRAY[n]) AS c FROM generate_series(1, 100) AS n) AS s;
SELECT is(s.status || ' ' || round(s.log_likelihood::numeric, 6), 'converged -342.384307', 'one customer who spends a thousand million separates nobody') FROM (
	SELECT tiering.logistic_fit(n <> 1 AND n * 7919 % 101 < 20 + n % 50, ARRAY[CASE WHEN n = 1 THEN 1e9 ELSE 1 + n % 50 END]) AS c FROM generate_series(1, 500) AS n) AS m, tiering.classifier_summary(m.c) AS s;
SELECT is((SELECT s.status FROM tiering.classifier_summary(c) AS s), 'converged', '-- nor do five rows in which the labels cross') FROM (SELECT tiering.logistic_fit(l, ARRAY[x]) AS c FROM (VALUES (true, .083), (false, 1.237), (false, .0153), (false, 1168.99), (false, .787)) AS v(l, x)) AS m;
SELECT is(s.status || ' ' || round(s.log_likelihood::numeric, 4), 'converged -169.8466', 'features that differ by a hundred thousandth are two') FROM (
	SELECT tiering.logistic_fit(2 * sin(n * 1.7) + cos(n * 2.3) + (n * 7919 % 101 - 50) / 25.0 > 0, ARRAY[2 * sin(n * 1.7), 2 * sin(n * 1.7) + 1e-5 * cos(n * 2.3)]) AS c FROM generate_series(1, 400) AS n) AS m, tiering.classifier_summary(m.c) AS s;
SELECT is((SELECT s.status FROM tiering.classifier_summary(c) AS s), 'converged', 'more features than rows, with a penalty') FROM (SELECT tiering.logistic_fit(n % 2 = 0, ARRAY(SELECT sin(n * g) FROM generate_series(1, 200) AS g WHERE n > 0), '{"l2": 0.001}') AS c FROM generate_series(1, 3) AS n) AS m;
SELECT is((SELECT string_agg(term || ' ' || note, ', ') FROM tiering.coefficients(c) WHERE note IS NOT NULL), 'x3 says nothing beside the others', 'collinear features are named') FROM (SELECT tiering.logistic_fit(label, ARRAY[features[1], features[2], 2 * features[1] - features[2] + 1]) AS c FROM labelled WHERE name = 'plain') AS s;
SELECT ok(bool_and(apart(tiering.predict(c, ARRAY[features[1], features[2], 2 * features[1] - features[2] + 1]), tiering.predict(d, features[1:2])) < 1e-12), '-- and change nothing')
FROM labelled, (SELECT tiering.logistic_fit(label, ARRAY[features[1], features[2], 2 * features[1] - features[2] + 1]) AS c, tiering.logistic_fit(label, features[1:2]) AS d FROM labelled WHERE name = 'plain') AS s WHERE name = 'plain';

-- --- refused --------------------------------------------------------------------------------------

SELECT throws_ok(format('SELECT %s FROM labelled WHERE name = ''plain''', s), c, m, t) FROM (VALUES
	($$tiering.logistic_fit(label, ARRAY['NaN'::double precision])$$, '22003', 'feature 1 is NaN, which is no number up to 1e+100', 'NaN'), ($$tiering.logistic_fit(label, ARRAY[1, 'Infinity'::double precision])$$, '22003', 'feature 2 is Infinity, which is no number up to 1e+100', 'infinity'),
	($$tiering.logistic_fit(label, '{}')$$, '2202E', 'features are not an array of 1 to 500 numbers', 'no features'), ($$tiering.logistic_fit(label, ARRAY[[1, 2], [3, 4]])$$, '2202E', 'features are not an array of 1 to 500 numbers', 'a table'),
	($$tiering.logistic_fit(label, array_fill(1::double precision, ARRAY[501]))$$, '2202E', 'features are not an array of 1 to 500 numbers', 'too many'),
	($$tiering.logistic_fit(label, CASE WHEN label THEN features ELSE features[1:2] END)$$, '2202E', NULL, 'rows of different lengths'),
	($$tiering.logistic_fit(label, features, '{"l2": -1}')$$, '22023', 'option "l2" is no number from 0 to 1000000000', 'a negative penalty'), ($$tiering.logistic_fit(label, features, '{"l2": "much"}')$$, '22023', 'option "l2" is no number from 0 to 1000000000', '-- that is no number'),
	($$tiering.logistic_fit(label, features, '{"transform": "log"}')$$, '22023', 'option "transform" is unknown', 'an unknown transform'), ($$tiering.logistic_fit(label, features, '{"depth": 6}')$$, '22023', 'option "depth" is unknown', 'an unknown option'), ($$tiering.logistic_fit(label, features, '[1]')$$, '22023', 'options are no object', 'options in a list'),
	($$tiering.logistic_fit(label, features, '{"names": ["a"]}')$$, '22023', 'option "names" is no array of 4 texts', 'too few names'), ($$tiering.logistic_fit(label, features, '{"names": ["a", "b", 3, "d"]}')$$, '22023', 'option "names" has a name that is no text, is empty or too long', 'a name that is none')) AS v(s, c, m, t);
SELECT throws_ok($$SELECT tiering.predict(c, '{1,2}') FROM model WHERE name = 'plain'$$, '2202E', '2 features were passed, and there are 4', 'too few features to predict');
SELECT throws_ok(format('SELECT %L::tiering.classifier', s), c, NULL, t) FROM (VALUES ('', '22P03', 'an empty text'), ('hello', '22P02', 'a text'), ('AAAA', '22P03', 'some bytes')) AS v(s, c, t);
SELECT throws_ok(format('SELECT %L::tiering.classifier', translate(encode(set_byte(decode(c::text, 'base64'), 40, (get_byte(decode(c::text, 'base64'), 40) + 1) % 256), 'base64'), E'\n', '')), '22P03', 'classifier is damaged: its checksum is another', 'one byte of a model') FROM model WHERE name = 'small';

SELECT * FROM finish();
