--
-- metrics: against scikit-learn and statsmodels, and by hand
--
\set QUIET on
SET client_min_messages = warning;
\ir labelled.psql
SELECT plan(47);

-- --- reference values -------------------------------------------------------------------

SELECT is(worst('{auc,average_precision,log_loss,brier}', 'SELECT name, v.* FROM (SELECT name, tiering.auc(label, score) AS a, tiering.average_precision(label, score) AS p, tiering.log_loss(label, score) AS l, tiering.brier(label, score) AS b FROM labelled GROUP BY name) AS s,
	LATERAL (VALUES (''auc'', a), (''average_precision'', p), (''log_loss'', l), (''brier'', b)) AS v(quantity, value)'), 'all within 1e-6', 'AUC, average precision, log-loss and Brier score are scikit-learn''s, ties and all');
SELECT is(worst('{lift_at%}', 'SELECT name, ''lift_at '' || f AS quantity, tiering.lift_at(label, score, f) AS value FROM labelled, unnest(''{0.01,0.1,0.33,1}''::double precision[]) AS f GROUP BY name, f'), 'all within 1e-6', 'lift, with the ties at the border in part');
SELECT is(worst('{slope,intercept}', 'SELECT name, v.* FROM (SELECT name, tiering.calibration_line(label, score) AS c FROM labelled GROUP BY name) AS s, LATERAL (VALUES (''slope'', (c).slope), (''intercept'', (c).intercept)) AS v(quantity, value)'),
	'all within 1e-6', 'slope and intercept of a calibration are those of a logistic regression on log odds');
SELECT is(worst('{precision%,recall%,f1%,accuracy%}', 'SELECT name, v.quantity || '' '' || t AS quantity, v.value FROM (SELECT name, t, tiering.confusion(label, score, t) AS c FROM labelled, unnest(''{0.2,0.5}''::double precision[]) AS t GROUP BY name, t) AS s,
	LATERAL (VALUES (''precision'', (c).precision), (''recall'', (c).recall), (''f1'', (c).f1), (''accuracy'', (c).accuracy)) AS v(quantity, value)'), 'all within 1e-6', 'the shares of a confusion table');

-- --- a slow and obvious way ---------------------------------------------------------------

SELECT ok(bool_and(apart(a, b) < 1e-12), 'AUC by comparing every pair') FROM (
	SELECT p.name, avg(CASE WHEN p.score > n.score THEN 1.0 WHEN p.score = n.score THEN 0.5 ELSE 0 END)::double precision AS a
	FROM labelled AS p JOIN labelled AS n USING (name) WHERE p.label AND NOT n.label GROUP BY p.name) AS s
	JOIN (SELECT name, tiering.auc(label, score) AS b FROM labelled GROUP BY name) AS o USING (name);
SELECT ok(bool_and(apart(area, auc) < 1e-12), 'the area under roc() is AUC') FROM (
	SELECT name, (SELECT sum((r.false_positive_rate - r.x) * (r.true_positive_rate + r.y) / 2) FROM (
			SELECT r.*, lag(false_positive_rate, 1, 0::double precision) OVER w AS x, lag(true_positive_rate, 1, 0::double precision) OVER w AS y
			FROM tiering.roc(array_agg(label), array_agg(score)) AS r WINDOW w AS (ORDER BY threshold DESC)) AS r) AS area,
		tiering.auc(label, score) AS auc
	FROM labelled GROUP BY name) AS s;
SELECT ok(bool_and(c.n = b.rows), 'bins of a calibration hold the rows between their bounds')
FROM (SELECT name, array_agg(label) AS l, array_agg(score) AS s FROM labelled GROUP BY name) AS g, LATERAL tiering.calibration(g.l, g.s, 7) AS b,
	LATERAL (SELECT count(*) AS n FROM labelled AS x WHERE x.name = g.name AND x.score BETWEEN b.lowest AND b.highest) AS c;
SELECT ok(bool_and(n = rows AND apart(m, mean_probability) < 1e-12 AND apart(p, positive_share) < 1e-12), 'with their means')
FROM (SELECT name, array_agg(label) AS l, array_agg(score) AS s FROM labelled GROUP BY name) AS g, LATERAL tiering.calibration(g.l, g.s, 7) AS b,
	LATERAL (SELECT count(*) AS n, avg(x.score) AS m, avg(x.label::integer)::double precision AS p FROM labelled AS x WHERE x.name = g.name AND x.score BETWEEN b.lowest AND b.highest) AS c;
SELECT ok(bool_and(abs(rows - 400 / 8.0) <= 10), 'of about as many each') FROM (SELECT array_agg(label) AS l, array_agg(score) AS s FROM labelled WHERE name = 'plain') AS g, LATERAL tiering.calibration(g.l, g.s, 8) AS b;

-- --- by hand -------------------------------------------------------------------------------

CREATE FUNCTION rows_of(labels text, scores text) RETURNS TABLE (l boolean, s double precision) LANGUAGE SQL AS $$ SELECT * FROM unnest(labels::boolean[], scores::double precision[]) $$;
SELECT is((SELECT tiering.auc(l, s) FROM rows_of(a, b)), c, t) FROM (VALUES
	('{t,f}', '{0.9,0.1}', 1::double precision, 'AUC of a right order'), ('{t,f}', '{0.1,0.9}', 0, '-- of a wrong one'), ('{t,f}', '{0.5,0.5}', 0.5, '-- of a tie'),
	('{t,t,f,f}', '{3,1,2,0}', 0.75, '-- of three pairs in four'), ('{t,t}', '{1,2}', NULL, '-- of one label: none'), ('{t}', '{1}', NULL, '-- of one row'), ('{}', '{}', NULL, '-- of nothing'),
	('{t,f,NULL,t}', '{2,1,9,NULL}', 1, 'rows with a NULL are left out'), ('{t,f}', '{0,-0}', 0.5, 'a negative zero is zero'), ('{t,f,f}', '{1e308,-1e308,0}', 1, 'any scores')) AS v(a, b, c, t);
SELECT is((SELECT round(tiering.log_loss(l, s)::numeric, 6) FROM rows_of(a, b)), c, t) FROM (VALUES
	('{t,f}', '{0.5,0.5}', 0.693147, 'log-loss of no idea is log 2'), ('{t,f}', '{1,0}', 0.000000, '-- of certainty that is right'), ('{f}', '{1}', 36.043653, '-- that is wrong: of the certainty that a double can hold'), ('{t,t}', '{0.9,0.9}', 0.105361, '-- of one label')) AS v(a, b, c, t);
SELECT is((SELECT tiering.brier(l, s) FROM rows_of('{t,f,t}', '{1,0,0.5}')), 0.25 / 3::double precision, 'Brier score');
SELECT is((SELECT tiering.average_precision(l, s) FROM rows_of(a, b)), c, t) FROM (VALUES
	('{t,f,t}', '{3,2,1}', (1 + 2 / 3.0::double precision) / 2, 'average precision'), ('{f,f}', '{1,2}', NULL, '-- without anything to find'), ('{t,f}', '{1,1}', 0.5, '-- of a tie')) AS v(a, b, c, t);
SELECT is((SELECT tiering.lift_at(l, s, f) FROM rows_of('{t,t,f,f,f,f,f,f,f,f}', '{10,9,8,7,6,5,4,3,2,1}')), x::double precision, 'lift at ' || f) FROM (VALUES (0.1, 5), (0.2, 5), (0.4, 2.5), (1, 1)) AS v(f, x);
SELECT is((SELECT tiering.lift_at(l, s, 0.5) FROM rows_of('{t,f,t,f}', '{1,1,1,1}')), 1::double precision, 'of scores that are all the same');
SELECT is((SELECT (tiering.calibration_line(l, s)).slope FROM rows_of(a, b)), NULL, t) FROM (VALUES ('{t,f}', '{0.9,0.1}', 'no slope where labels are separated'), ('{t,f,t}', '{0.3,0.3,0.3}', '-- of one score'), ('{t,t}', '{0.3,0.4}', '-- of one label')) AS v(a, b, t);
SELECT is((SELECT count(*) FROM tiering.calibration('{t,f,t}', '{0.5,0.5,0.5}', 10)), 1::bigint, 'one score is one bin');
SELECT is((SELECT (true_positives, false_positives, true_negatives, false_negatives, precision)::text FROM (SELECT (tiering.confusion(l, s, 0.5)).* FROM rows_of('{t,f,t,f}', '{0.5,0.4,0.3,0.9}')) AS c), '(1,1,1,1,0.5)', 'at the threshold counts as above it');

-- --- order, workers, errors ------------------------------------------------------------------

SELECT is((SELECT (tiering.log_loss(label, score ORDER BY score), tiering.brier(label, score ORDER BY label), tiering.average_precision(label, score ORDER BY features), tiering.calibration_line(label, score ORDER BY features))::text FROM labelled WHERE name = 'plain'),
	(SELECT (tiering.log_loss(label, score ORDER BY features), tiering.brier(label, score ORDER BY score DESC), tiering.average_precision(label, score), tiering.calibration_line(label, score ORDER BY score))::text FROM labelled WHERE name = 'plain'), 'the same bits in any order');
CREATE TABLE many AS SELECT name, label, features, score FROM labelled, generate_series(1, 30);
ALTER TABLE many SET (parallel_workers = 2);
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
CREATE TEMP TABLE parallel AS SELECT tiering.log_loss(label, score) AS l, tiering.auc(label, score) AS a FROM many;
SET max_parallel_workers_per_gather = 0;
SELECT is((SELECT (l, a)::text FROM parallel), (SELECT (tiering.log_loss(label, score), tiering.auc(label, score))::text FROM many), 'and with workers');
SELECT throws_ok(s, c, m, t) FROM (VALUES
	($$SELECT tiering.auc(true, 'NaN')$$, '22023', 'score NaN is not a finite number', 'NaN'), ($$SELECT tiering.brier(true, 'Infinity')$$, '22023', 'score Infinity is not a finite number', 'infinity'),
	($$SELECT tiering.log_loss(true, 1.5)$$, '22023', 'score 1.5 is not a probability, between 0 and 1', 'what is no probability'), ($$SELECT tiering.brier(true, -0.1)$$, '22023', 'score -0.1 is not a probability, between 0 and 1', '-- below 0'),
	($$SELECT tiering.lift_at(true, 1, 0)$$, '22023', 'fraction 0 is not above 0 and at most 1', 'the lift of nothing'), ($$SELECT tiering.calibration('{t}', '{0.5}', 0)$$, '22023', 'bins 0 is not between 1 and 1000', 'no bins'),
	($$SELECT tiering.roc('{t,f}', '{0.5}')$$, '2202E', '2 labels do not fit 1 scores', 'arrays that do not fit'), ($$SELECT tiering.lift_at(true, 1, f) FROM unnest('{0.1,0.2}'::double precision[]) AS f$$, '22023', 'last arguments differ within one group: 0.1 and 0.2', 'two fractions')) AS v(s, c, m, t);

SELECT * FROM finish();
