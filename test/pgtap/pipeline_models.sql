--
-- pipeline_models: purchase_model auto, which compares models and takes one
--
\set QUIET on
SET client_min_messages = warning;
\ir ../../doc/example-data.sql
SELECT plan(91);

CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
-- The newest purchase model, and the one in use
CREATE FUNCTION newest(pipeline text, OUT version integer, OUT kind text, OUT status text, OUT in_use boolean, OUT note text, OUT metrics jsonb) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT version, kind, status, in_use, note, metrics FROM %I.model WHERE model = ''purchase'' ORDER BY version DESC LIMIT 1', pipeline) INTO version, kind, status, in_use, note, metrics;
END $$;
CREATE FUNCTION kind_in_use(pipeline text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
	EXECUTE format('SELECT string_agg(kind, '' and '') FROM %I.model WHERE model = ''purchase'' AND in_use', pipeline) INTO found;
	RETURN found;
END $$;
-- The kind that clv_holdout() finds best, of those that converged, on the days of a comparison
CREATE FUNCTION best_of(pipeline text, metrics jsonb) RETURNS text LANGUAGE SQL AS $$
	SELECT model FROM tiering.clv_holdout(pipeline, (metrics ->> 'calibration_end')::date, (metrics ->> 'holdout_end')::date)
	WHERE status = 'converged' AND model IN ('bgnbd', 'mbgnbd', 'pareto_nbd') ORDER BY log_likelihood DESC LIMIT 1
$$;
-- Percent by which one kind foretells better than another, by the same
CREATE FUNCTION gain_of(pipeline text, metrics jsonb, one text, other text) RETURNS double precision LANGUAGE SQL AS $$
	SELECT 100 * (a.log_likelihood - b.log_likelihood) / abs(b.log_likelihood)
	FROM tiering.clv_holdout(pipeline, (metrics ->> 'calibration_end')::date, (metrics ->> 'holdout_end')::date) AS a,
		tiering.clv_holdout(pipeline, (metrics ->> 'calibration_end')::date, (metrics ->> 'holdout_end')::date) AS b WHERE a.model = one AND b.model = other
$$;
-- How many customers have other values than clv_scores() gives with the models in use
CREATE FUNCTION other_scores(pipeline text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text;
	kind text := kind_in_use(pipeline);
BEGIN
	EXECUTE format($sql$
SELECT count(*) || ' of ' || (SELECT count(*) FROM %1$I.purchase_history)
FROM %1$I.purchase_history AS h CROSS JOIN %1$I.pipeline AS p CROSS JOIN %1$I.rfm_cutoff AS d
	LEFT JOIN %1$I.model AS m ON m.model = 'purchase' AND m.in_use LEFT JOIN %1$I.model AS v ON v.model = 'value' AND v.in_use
	CROSS JOIN LATERAL tiering.clv_scores(jsonb_populate_record(NULL::tiering.%2$I, m.fit), jsonb_populate_record(NULL::tiering.gamma_gamma_model, v.fit), h.history, d.as_of,
		extract(epoch FROM p.clv_horizon)::double precision / 604800, p.annual_discount_rate, p.gross_margin, NULLIF(p.interval_level, 0)) AS s
	LEFT JOIN %1$I.customer_clv AS c ON c.customer_id = h.customer_id
WHERE s.age IS NOT NULL AND (c.repeat_days, c.recency_weeks, c.age_weeks, COALESCE(c.p_alive, 1), c.expected_purchases, c.expected_order_value, c.clv, c.clv_lower, c.clv_upper, c.expected_clv_lower, c.expected_clv_upper, c.model_version)
	IS DISTINCT FROM (s.frequency, s.recency, s.age, s.p_alive, s.expected_purchases, s.expected_order_value, s.clv, s.clv_lower, s.clv_upper, s.expected_clv_lower, s.expected_clv_upper, m.version)$sql$,
		pipeline, kind || '_model') INTO found;
	RETURN found;
END $$;

-- --- the first comparison ---------------------------------------------------------------

CALL tiering.create_pipeline('shop', 'sale', 'customer_id', 'sold_on', 'amount');
SELECT is(purchase_model, 'auto', 'auto is what one gets') FROM shop.pipeline;
CALL tiering.refresh('shop', as_of => '2024-12-31');
SELECT is((kind, status, in_use, note)::text, '(mbgnbd,converged,t,"first fit, mbgnbd foretells best")', 'the first fit says which is best') FROM newest('shop');
SELECT is(kind, best_of('shop', metrics), 'and that is so') FROM newest('shop');
SELECT is(metrics ->> 'holdout_end', (SELECT max(sold_on)::text FROM sale WHERE sold_on <= '2024-12-31'), 'the hold-out ends with the last purchase') FROM newest('shop');
SELECT is(metrics ->> 'calibration_end', (SELECT (max(sold_on) - (max(sold_on) - min(sold_on)) / 3)::text FROM sale WHERE sold_on <= '2024-12-31'), 'and takes the last third') FROM newest('shop');
SELECT results_eq($$SELECT m.key, m.value ->> 'status', (m.value ->> 'customers')::bigint, (m.value ->> 'actual')::bigint FROM newest('shop'), jsonb_each(metrics -> 'models') AS m ORDER BY 1$$,
	$$SELECT h.model, h.status, h.customers, h.actual FROM newest('shop'), tiering.clv_holdout('shop', (metrics ->> 'calibration_end')::date, (metrics ->> 'holdout_end')::date) AS h ORDER BY 1$$, 'metrics are those of the hold-out');
SELECT is(count(*), 5::bigint, 'in all their numbers') FROM newest('shop'), jsonb_each(metrics -> 'models') AS m, tiering.clv_holdout('shop', (metrics ->> 'calibration_end')::date, (metrics ->> 'holdout_end')::date) AS h
WHERE h.model = m.key AND abs((m.value ->> 'expected')::float8 / h.expected - 1) < 1e-9 AND abs((m.value ->> 'mean_absolute_error')::float8 / h.mean_absolute_error - 1) < 1e-9
	AND abs((m.value ->> 'root_mean_squared_error')::float8 / h.root_mean_squared_error - 1) < 1e-9 AND COALESCE(abs((m.value ->> 'log_likelihood')::float8 / h.log_likelihood - 1), 0) < 1e-9 AND (m.value ->> 'log_likelihood' IS NULL) = (h.log_likelihood IS NULL);
SELECT is((SELECT parameters FROM shop.model WHERE model = 'purchase'), (SELECT ARRAY[(f).r, (f).alpha, (f).a, (f).b] FROM (SELECT tiering.mbgnbd_fit((r).frequency, (r).recency, (r).age) AS f
	FROM (SELECT tiering.clv_summary(tiering.purchase_history_agg(sold_on, amount), '2024-12-31') AS r FROM sale GROUP BY customer_id) AS s) AS t), 'the model itself knows all of the data');
SELECT is((SELECT kind FROM shop.clv_model), 'mbgnbd', 'and scores');
CALL tiering.refresh('shop', as_of => '2024-12-31');
SELECT is((SELECT version FROM newest('shop')), 1, 'nothing new, no comparison');
CALL tiering.refresh('shop', as_of => '2024-12-31', refit => true);
SELECT is((version, kind, note)::text, '(2,mbgnbd,"asked for, mbgnbd foretells best again")', 'it stays the best') FROM newest('shop');
SELECT is((SELECT metrics FROM shop.model WHERE model = 'purchase' AND version = 2), (SELECT metrics FROM shop.model WHERE model = 'purchase' AND version = 1), 'the same comparison gives the same numbers');

-- --- whoever comes to the throne --------------------------------------------------------

-- BG/NBD is nearly as good
UPDATE shop.model SET kind = 'bgnbd' WHERE model = 'purchase' AND in_use;
SELECT ok(gain_of('shop', metrics, 'mbgnbd', 'bgnbd') BETWEEN 0.01 AND 0.9, 'MBG/NBD foretells better than BG/NBD by less than 1 %') FROM newest('shop');
CALL tiering.refresh('shop', as_of => '2024-12-31', refit => true);
SELECT is((version, kind, in_use)::text, '(3,bgnbd,t)', 'so that stays') FROM newest('shop');
SELECT matches(note, '^asked for, bgnbd stays: mbgnbd foretells better by 0\.\d+ % only$', 'and the note says why') FROM newest('shop');
SELECT is(metrics ? 'challenger', false, 'nobody challenges it') FROM newest('shop');
CALL tiering.refresh('shop', as_of => '2024-12-31', refit => true);
SELECT is((version, kind, in_use)::text, '(4,bgnbd,t)', 'nor does it go the second time') FROM newest('shop');
SELECT is((SELECT count(*) FROM shop.model WHERE model = 'purchase' AND in_use), 1::bigint, 'one is in use');

-- Pareto/NBD is worse by more
UPDATE shop.model SET kind = 'pareto_nbd' WHERE model = 'purchase' AND in_use;
SELECT ok(gain_of('shop', metrics, 'mbgnbd', 'pareto_nbd') BETWEEN 1.1 AND 3, 'MBG/NBD foretells better than Pareto/NBD by more than 1 %') FROM newest('shop');
CALL tiering.refresh('shop', as_of => '2024-12-31', refit => true);
SELECT is((version, kind, in_use, metrics ->> 'challenger')::text, '(5,pareto_nbd,t,mbgnbd)', 'the first time it stays, and is challenged') FROM newest('shop');
SELECT is(note, format('asked for, pareto_nbd stays: mbgnbd foretells better by %s %%, and takes over if it does again', round(gain_of('shop', metrics, 'mbgnbd', 'pareto_nbd')::numeric, 2)), 'the note says so') FROM newest('shop');
SELECT is(other_scores('shop'), '0 of 1000', 'it scores still');
CALL tiering.refresh('shop', as_of => '2024-12-31', refit => true);
SELECT is((version, kind, in_use, metrics ->> 'challenger')::text, '(6,pareto_nbd,t,mbgnbd)', 'the same data again are no second time') FROM newest('shop');
CALL tiering.refresh('shop', as_of => '2024-12-24', refit => true);
SELECT is((version, kind, in_use, status)::text, '(7,mbgnbd,t,converged)', 'the second time the challenger takes over') FROM newest('shop');
SELECT matches(note, '^asked for, mbgnbd foretells better than pareto_nbd by 1\.\d+ % again and is to follow it$', 'the note says that') FROM newest('shop');
SELECT is(other_scores('shop'), '0 of 1000', 'and it scores');
SELECT is((SELECT count(*) FROM shop.model WHERE model = 'purchase' AND in_use), 1::bigint, 'one is in use');
SELECT is(metrics ? 'challenger', false, 'nobody challenges it') FROM newest('shop');

-- a comparison that does not confirm
UPDATE shop.model SET kind = 'pareto_nbd' WHERE model = 'purchase' AND in_use;
CALL tiering.refresh('shop', as_of => '2024-12-31', refit => true);
SELECT is((kind, metrics ->> 'challenger')::text, '(pareto_nbd,mbgnbd)', 'challenged once more') FROM newest('shop');
CALL tiering.refresh('shop', as_of => '2024-09-22');
SELECT ok(gain_of('shop', metrics, 'mbgnbd', 'pareto_nbd') < 1, 'on another day less than 1 %') FROM newest('shop');
SELECT is((kind, in_use, metrics ? 'challenger')::text, '(pareto_nbd,t,f)', 'is forgotten') FROM newest('shop');
CALL tiering.refresh('shop', as_of => '2024-12-31');
SELECT is((kind, in_use, metrics ->> 'challenger')::text, '(pareto_nbd,t,mbgnbd)', 'so the next one is a first one') FROM newest('shop');
CALL tiering.refresh('shop', as_of => '2023-03-05');
SELECT is((kind, metrics ? 'challenger')::text, '(pareto_nbd,)', 'nor does it outlast data that are too few to compare') FROM newest('shop');
SELECT matches(note, '^due, too few data to compare models', 'as the note says') FROM newest('shop');
CALL tiering.refresh('shop', as_of => '2024-12-31');
SELECT is((kind, in_use, metrics ->> 'challenger')::text, '(pareto_nbd,t,mbgnbd)', 'and again a first one') FROM newest('shop');
-- another challenger does not inherit
UPDATE shop.model SET metrics = metrics || '{"challenger": "bgnbd"}' WHERE model = 'purchase' AND in_use;
CALL tiering.refresh('shop', as_of => '2024-12-31', refit => true);
SELECT is((kind, in_use, metrics ->> 'challenger')::text, '(pareto_nbd,t,mbgnbd)', 'what another one won does not count') FROM newest('shop');
-- the next due comparison counts as one asked for does
CALL tiering.refresh('shop', as_of => '2024-12-24');
SELECT is((kind, in_use, split_part(note, ',', 1))::text, '(mbgnbd,t,due)', 'a week earlier it takes over') FROM newest('shop');

-- from auto to a kind, and back
CALL tiering.alter_pipeline('shop', purchase_model => 'bgnbd');
CALL tiering.refresh('shop', as_of => '2024-12-24');
SELECT is((kind, in_use, note, metrics)::text, '(bgnbd,t,"settings changed",)', 'a kind that is asked for is fitted, and not compared') FROM newest('shop');
SELECT is(other_scores('shop'), '0 of 1000', 'it scores');
CALL tiering.alter_pipeline('shop', purchase_model => 'auto');
CALL tiering.refresh('shop', as_of => '2024-12-24');
SELECT matches(note, '^settings changed, bgnbd stays: mbgnbd foretells better by 0\.\d+ % only$', 'back to auto is a comparison with that') FROM newest('shop');
CALL tiering.alter_pipeline('shop', purchase_model => 'bgnbd');
CALL tiering.refresh('shop', as_of => '2024-12-24');
SELECT is(note, 'settings changed', 'and the same kind, asked for, a new fit') FROM newest('shop');
SELECT is(version, (SELECT max(version) - 1 FROM shop.model WHERE model = 'purchase'), 'one version for each') FROM shop.model WHERE note LIKE 'settings changed, bgnbd stays%' AND model = 'purchase';

-- --- few data -----------------------------------------------------------------------------

CREATE FUNCTION days_after(days integer) RETURNS date LANGUAGE SQL RETURN (SELECT min(sold_on) + days FROM sale);
CALL tiering.create_pipeline('young', 'sale', 'customer_id', 'sold_on', 'amount');
CALL tiering.refresh('young', as_of => days_after(83));
SELECT is((version, kind, note, metrics)::text, '(1,mbgnbd,"first fit, too few data to compare models",)', 'after 83 days: MBG/NBD first') FROM young.model WHERE model = 'purchase' AND version = 1;
CALL tiering.refresh('young', as_of => days_after(84), refit => true);
SELECT is(metrics ->> 'calibration_end', days_after(56)::text, 'after 84 there is a comparison, of 28 days') FROM newest('young');
SELECT is((SELECT count(*) FROM young.model WHERE model = 'purchase' AND in_use), 1::bigint, 'and a model');
-- customers known at the end of the calibration: 99, and 100
CREATE TABLE first_day AS SELECT customer_id, min(sold_on) AS day FROM sale GROUP BY customer_id;
CREATE TABLE known AS SELECT customer_id, row_number() OVER (ORDER BY day, customer_id) AS n FROM first_day;
SELECT format($$CALL tiering.create_pipeline('first_%1$s', 'sale', 'customer_id', 'sold_on', 'amount', filter => 'customer_id IN (SELECT customer_id FROM public.known WHERE n <= %1$s)')$$, n),
	format($$CALL tiering.refresh('first_%1$s', as_of => '2024-12-31')$$, n) FROM unnest('{99,100}'::int[]) AS n \gexec
SELECT is((SELECT kind || ' ' || split_part(note, ', ', 2) FROM first_99.model WHERE model = 'purchase' AND version = 1), 'mbgnbd too few data to compare models', '99 customers: MBG/NBD first');
SELECT is((SELECT kind FROM first_100.model WHERE model = 'purchase' AND version = 1), (SELECT best_of('first_100', metrics) FROM newest('first_100')), '100 customers: the best');
SELECT is((SELECT (metrics #>> '{models,bgnbd,customers}')::int FROM newest('first_100')), 100, 'of a comparison of all of them');
CALL tiering.create_pipeline('chosen', 'sale', 'customer_id', 'sold_on', 'amount', purchase_model => 'mbgnbd');
CALL tiering.refresh('chosen', as_of => '2024-12-31');
CALL tiering.alter_pipeline('chosen', filter => 'customer_id IN (SELECT customer_id FROM public.known WHERE n <= 99)', purchase_model => 'auto');
CALL tiering.refresh('chosen', as_of => '2024-12-31');
SELECT is((kind, note)::text, '(mbgnbd,"settings changed, too few data to compare models")', 'one that is in use stays') FROM newest('chosen');
SELECT is(kind_in_use('chosen'), 'mbgnbd', 'and scores');

-- --- nobody leaves --------------------------------------------------------------------------

CREATE TABLE loyal (customer integer, day date, amount numeric);
INSERT INTO loyal SELECT c, date '2023-01-01' + d, 10 + c % 50 FROM generate_series(1, 400) AS c, generate_series(c % 9, 700, 10 + c % 40) AS d;
CALL tiering.create_pipeline('loyal', 'loyal', 'customer', 'day', 'amount');
CALL tiering.refresh('loyal', as_of => '2024-12-01');
SELECT is((kind, status, in_use)::text, '(nbd,converged,t)', 'nobody leaves: NBD in the end') FROM newest('loyal');
SELECT is((SELECT count(*) FROM loyal.model WHERE model = 'purchase' AND kind <> 'nbd' AND (in_use OR status = 'converged')), 0::bigint, 'since no other was found');
SELECT is((SELECT count(p_alive) || ' ' || count(expected_purchases) FROM loyal.customer_clv), '0 400', 'nobody''s chance to be a customer is known');
SELECT is((SELECT string_agg(DISTINCT model_status, ' ') FROM loyal.customer_clv), (SELECT kind || ': ' || status FROM loyal.model WHERE model = 'purchase' ORDER BY version LIMIT 1), 'the values say why');
SELECT is(other_scores('loyal'), '0 of 400', 'and are those of NBD');
CALL tiering.refresh('loyal', as_of => '2024-12-01', refit => true);
SELECT is(kind_in_use('loyal'), 'nbd', 'also the next time');

-- customers all alike, by chance alone: NBD ends at its boundary, and scores
CREATE TABLE alike AS
WITH gap AS (SELECT c, k, (('x' || substr(md5(c || ' ' || k), 1, 7))::bit(28)::integer + 0.5) / 268435456.0 AS u FROM generate_series(1, 1500) AS c, generate_series(1, 60) AS k)
SELECT c AS customer, date '2023-01-01' + (7 * sum(-ln(u) / 0.3) OVER (PARTITION BY c ORDER BY k))::integer AS day, 10 + c % 50 AS amount FROM gap;
DELETE FROM alike WHERE day > '2024-12-01';
CALL tiering.create_pipeline('alike', 'alike', 'customer', 'day', 'amount');
CALL tiering.refresh('alike', as_of => '2024-12-01');
SELECT is((SELECT string_agg(DISTINCT status, ' ') FROM alike.model WHERE model = 'purchase'), 'boundary', 'all models end at their boundaries');
SELECT is(kind_in_use('alike'), 'nbd', 'and NBD scores');
SELECT is((SELECT count(expected_purchases) || ' ' || count(p_alive) || ' ' || min(model_status) FROM alike.customer_clv WHERE expected_purchases BETWEEN 13 AND 18),
	'1500 0 mbgnbd: boundary, nbd: boundary; gamma_gamma: boundary', 'everybody buys 0.3 times a week, and the status says why nobody is known to leave');

-- --- digits -----------------------------------------------------------------------------------

CALL tiering.create_pipeline('digits', 'sale', 'customer_id', 'sold_on', 'amount');
CALL tiering.refresh('digits', as_of => '2024-12-31');
SET extra_float_digits = 0;
CALL tiering.refresh('digits', as_of => '2024-12-31', refit => true);
SET extra_float_digits = -15;
CALL tiering.refresh('digits', as_of => '2024-12-31', refit => true);
RESET extra_float_digits;
SELECT is((SELECT count(*) FROM digits.model WHERE model = 'purchase'), 3::bigint, 'models of sessions that ask for fewer digits');
SELECT is((SELECT count(DISTINCT (fit, parameters)) FROM digits.model WHERE model = 'purchase'), 1::bigint, 'have all of them');
SELECT is((SELECT count(DISTINCT (fit, parameters)) FROM digits.model WHERE model = 'value'), 1::bigint, 'those of values too');
SELECT is((SELECT count(DISTINCT metrics) FROM digits.model WHERE model = 'purchase'), 1::bigint, 'so have their metrics');
SET extra_float_digits = -13;
CALL tiering.create_pipeline('coarse', 'sale', 'customer_id', 'sold_on', 'amount');
CALL tiering.refresh('coarse', as_of => '2024-12-31');
RESET extra_float_digits;
SELECT is(kind_in_use('coarse'), 'mbgnbd', 'the same model is the best');
SET extra_float_digits = 0;
CALL tiering.refresh('digits', as_of => '2024-12-31');
RESET extra_float_digits;
SELECT is(other_scores('digits'), '0 of 1000', 'and the scores');

-- --- intervals ----------------------------------------------------------------------------------

CREATE TABLE wide AS TABLE digits.customer_clv;
SELECT is((SELECT count(*) FROM wide WHERE num_nulls(clv_lower, clv_upper, expected_clv_lower, expected_clv_upper) = 0 AND clv_lower <= clv_upper AND clv_upper >= 0 AND expected_clv_lower < clv AND clv < expected_clv_upper), 1000::bigint, 'customers have intervals');
CALL tiering.alter_pipeline('digits', interval_level => 0.5);
CALL tiering.refresh('digits', as_of => '2024-12-31');
SELECT is((SELECT count(*) FROM digits.customer_clv AS n JOIN wide AS w USING (customer_id) WHERE n.clv_lower >= w.clv_lower AND n.clv_upper < w.clv_upper + (w.clv_upper = 0)::int AND n.expected_clv_lower > w.expected_clv_lower AND n.expected_clv_upper < w.expected_clv_upper AND n.clv = w.clv), 1000::bigint, 'less sure is narrower');
SELECT is((SELECT count(*) FROM digits.model WHERE model = 'purchase'), 3::bigint, 'and no reason to fit');
SELECT is(other_scores('digits'), '0 of 1000', 'they are those of that level');
CALL tiering.alter_pipeline('digits', interval_level => 0);
CALL tiering.refresh('digits', as_of => '2024-12-31');
SELECT is((SELECT sum(num_nulls(clv_lower, clv_upper, expected_clv_lower, expected_clv_upper)) || ' ' || count(clv) FROM digits.customer_clv), '4000 1000', 'level 0: none');
SELECT matches(error_of(format('CALL tiering.alter_pipeline(''digits'', interval_level => %L)', level)), '^22023 interval_level ', 'level ' || level || ' is refused') FROM unnest('{1,-0.1,NaN,Infinity}'::text[]) AS level;
SELECT matches(error_of(format('CALL tiering.create_pipeline(''refused'', ''sale'', ''customer_id'', ''sold_on'', ''amount'', interval_level => %L)', level)), '^22023 interval_level ', '-- from the beginning') FROM unnest('{1,-0.1,NaN}'::text[]) AS level;

-- --- whatever they are kept in --------------------------------------------------------------------

SELECT format('CALL tiering.create_pipeline(%L, ''sale'', ''customer_id'', ''sold_on'', ''amount'', materialization => %L, histories => %L, gross_margin => 0.4, clv_horizon => ''200 days'', interval_level => 0.8)', m || h, m, h),
	format('CALL tiering.refresh(%L, as_of => ''2024-12-31'')', m || h),
	format('SELECT is(other_scores(%L), ''0 of 1000'', %L)', m || h, 'scores in a ' || m || ', histories in a ' || h)
FROM unnest('{table,view,materialized view}'::text[]) AS m, unnest('{table,view}'::text[]) AS h WHERE (m, h) <> ('materialized view', 'table') \gexec

-- --- likelihoods of the hold-out -----------------------------------------------------------------

CREATE TABLE held AS SELECT * FROM tiering.clv_holdout_customers('shop', '2024-03-31', '2024-12-31');
SELECT is(count(*), 4::bigint, 'likelihoods are of chances') FROM tiering.clv_holdout('shop', '2024-03-31', '2024-12-31') AS h JOIN (SELECT model, sum(ln(probability)) AS log_likelihood FROM held WHERE model <> 'naive' GROUP BY model) AS s USING (model)
WHERE abs(h.log_likelihood / s.log_likelihood - 1) < 1e-12;
SELECT ok(bool_and(log_likelihood IS NULL), 'the naive guess has none') FROM tiering.clv_holdout('shop', '2024-03-31', '2024-12-31') WHERE model = 'naive';
CREATE TABLE known_then AS SELECT customer_id, (r).* FROM (SELECT customer_id, tiering.clv_summary(tiering.purchase_history_agg(sold_on, amount), '2024-03-31') AS r FROM sale GROUP BY customer_id) AS s WHERE (r).age IS NOT NULL;
CREATE TABLE fitted_then AS SELECT tiering.bgnbd_fit(frequency, recency, age) AS bgnbd, tiering.mbgnbd_fit(frequency, recency, age) AS mbgnbd, tiering.pareto_nbd_fit(frequency, recency, age) AS pareto_nbd, tiering.nbd_fit(frequency, recency, age) AS nbd FROM known_then;
CREATE TABLE came AS SELECT k.customer_id, count(DISTINCT sold_on) FILTER (WHERE sold_on BETWEEN '2024-04-01' AND '2024-12-31') AS days FROM known_then AS k JOIN sale USING (customer_id) GROUP BY k.customer_id;
SELECT format($$SELECT is((SELECT count(*) FROM held AS h JOIN known_then AS k ON k.customer_id::text = h.customer_id JOIN came AS c ON c.customer_id = k.customer_id, fitted_then
	WHERE h.model = %1$L AND h.actual = c.days AND abs(h.probability / tiering.purchase_probability(%1$I, frequency, recency, age, days, 275 / 7.0) - 1) < 1e-12 AND abs(h.expected / tiering.expected_purchases(%1$I, frequency, recency, age, 275 / 7.0) - 1) < 1e-12),
	(SELECT count(*) FROM known_then), '%1$s: chances of what came, by the model of the day')$$, kind) FROM unnest('{bgnbd,mbgnbd,pareto_nbd,nbd}'::text[]) AS kind \gexec

-- --- many customers -----------------------------------------------------------------------------------

CREATE TABLE many AS SELECT customer_id + 1000 * k AS customer_id, sold_on + customer_id * k % 7 AS sold_on, amount FROM sale, generate_series(0, 24) AS k;
CALL tiering.create_pipeline('many', 'many', 'customer_id', 'sold_on', 'amount');
CALL tiering.refresh('many', as_of => '2024-12-31');
CALL tiering.refresh('many', as_of => '2024-12-31', refit => true);
SELECT is((SELECT metrics FROM many.model WHERE model = 'purchase' AND version = 2), (SELECT metrics FROM many.model WHERE model = 'purchase' AND version = 1), 'of many customers a sample, always the same');
SELECT ok((metrics #>> '{models,bgnbd,customers}')::int BETWEEN 11000 AND 14000, 'of half of 25,000') FROM newest('many');
SELECT is((SELECT customers FROM many.model WHERE model = 'purchase' AND in_use), 25000::bigint, 'the model itself is of all');

SELECT * FROM finish();
