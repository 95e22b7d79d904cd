--
-- pipeline_clv: models in a pipeline, and what they make of its customers
--
\set QUIET on
SET client_min_messages = warning;
\ir ../../doc/example-data.sql
SELECT plan(77);

CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
-- The values of a pipeline by the definition of each; 'sound' if they are the published ones
CREATE FUNCTION clv_verdict(pipeline text, kind text, parameters text, as_of date, horizon double precision DEFAULT 365.25 / 7, margin double precision DEFAULT 1) RETURNS text LANGUAGE plpgsql AS $$
DECLARE wrong text;
BEGIN
	EXECUTE format($sql$
WITH model AS (
	SELECT tiering.%2$I(%3$s) AS purchase, (SELECT tiering.gamma_gamma(m.parameters[1], m.parameters[2], m.parameters[3]) FROM %1$I.model AS m WHERE m.model = 'value' AND m.in_use) AS worth
), by_hand AS (
	SELECT customer_id, (r).frequency AS x, (r).recency AS t_x, (r).age, (r).monetary, purchase, worth
	FROM (SELECT customer_id, tiering.clv_summary(history, %4$L) AS r FROM %1$I.purchase_history) AS s, model WHERE (r).age IS NOT NULL
), valued AS (
	SELECT customer_id, %6$s AS p_alive, tiering.expected_purchases(purchase, x, t_x, age, %5$s) AS expected,
		tiering.expected_order_value(worth, x, monetary) AS order_value,
		%7$s * tiering.expected_order_value(worth, x, monetary) * tiering.discounted_purchases(purchase, x, t_x, age, %5$s, 0.1) AS clv
	FROM by_hand
), ranked AS (
	SELECT v.*, 1 + 10 * (SELECT count(*) FROM valued AS w WHERE w.clv > v.clv) / (SELECT count(clv) FROM valued) AS decile,
		(SELECT sum(clv) FROM valued AS w WHERE w.clv >= v.clv) / (SELECT sum(clv) FROM valued) AS share
	FROM valued AS v
)
SELECT CASE WHEN p.customer_id IS NULL OR r.customer_id IS NULL THEN 'a customer is missing'
	WHEN (p.p_alive, p.expected_purchases, p.expected_order_value) IS DISTINCT FROM (r.p_alive, r.expected, r.order_value) THEN format('customer %%s has other values', p.customer_id)
	WHEN abs(p.clv - r.clv) > 1e-12 * r.clv OR (p.clv IS NULL) <> (r.clv IS NULL) THEN format('customer %%s has another clv', p.customer_id)
	WHEN p.clv_decile <> r.decile OR abs(p.clv_cumulative_share - r.share) > 1e-9 THEN format('customer %%s is in another place', p.customer_id) END
FROM %1$I.customer_clv AS p FULL JOIN ranked AS r ON r.customer_id = p.customer_id
ORDER BY 1 NULLS LAST LIMIT 1$sql$, pipeline, kind, parameters, as_of, horizon,
		CASE kind WHEN 'nbd' THEN 'NULL::double precision' ELSE 'tiering.p_alive(purchase, x, t_x, age)' END, margin) INTO wrong;
	RETURN COALESCE(wrong, 'sound');
END $$;
CREATE FUNCTION parameters_of(pipeline text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
	EXECUTE format('SELECT array_to_string(parameters, '', '') FROM %I.model WHERE model = ''purchase'' AND in_use', pipeline) INTO found;
	RETURN found;
END $$;

-- --- the first run --------------------------------------------------------------------

CALL tiering.create_pipeline('shop', 'sale', 'customer_id', 'sold_on', 'amount', purchase_model => 'bgnbd');
CALL tiering.refresh('shop', as_of => '2024-12-31');
SELECT results_eq('SELECT model, version, kind, status, in_use, customers > 700, note FROM shop.model ORDER BY model', $$VALUES
	('purchase', 1, 'bgnbd', 'converged', true, true, 'first fit'), ('value', 1, 'gamma_gamma', 'converged', true, true, 'first fit')$$, 'both models are fitted');
SELECT is((SELECT fit - '{time_unit}'::text[] ->> 'r' FROM shop.model WHERE model = 'purchase'), (SELECT parameters[1]::text FROM shop.model WHERE model = 'purchase'), 'all that the fit said is kept');
SELECT is((SELECT ARRAY[(f).r, (f).alpha, (f).a, (f).b] FROM (SELECT tiering.bgnbd_fit((r).frequency, (r).recency, (r).age) AS f
	FROM (SELECT tiering.clv_summary(tiering.purchase_history_agg(sold_on, amount), '2024-12-31') AS r FROM sale GROUP BY customer_id) AS s) AS t), (SELECT parameters FROM shop.model WHERE model = 'purchase'), 'the model is that of the orders');
SELECT is(clv_verdict('shop', 'bgnbd', parameters_of('shop'), '2024-12-31'), 'sound', 'the values are those of the models');
SELECT is((SELECT count(*) FROM shop.customer_clv), (SELECT count(*) FROM shop.customer_rfm), 'of every customer who is scored');
SELECT is((SELECT count(*) FROM shop.customer_clv WHERE p_alive NOT BETWEEN 0 AND 1 OR expected_purchases < 0 OR clv < 0 OR clv_decile NOT BETWEEN 1 AND 10), 0::bigint, 'nothing is out of range');
SELECT is((SELECT count(*) FROM shop.customer_clv WHERE model_version = 1 AND model_status = 'converged' AND as_of = '2024-12-31'), 1000::bigint, 'with the model and the day');
SELECT is((SELECT max(clv_cumulative_share) FROM shop.customer_clv), 1::float8, 'all of the value is somebody''s');
SELECT is((SELECT count(*) FROM shop.customer_profile AS p JOIN shop.customer_clv AS v USING (customer_id)
	WHERE (p.p_alive, p.expected_purchases, p.clv, p.clv_decile) IS NOT DISTINCT FROM (v.p_alive, v.expected_purchases, v.clv, v.clv_decile)), 1000::bigint, 'the profile has them');
SELECT is((SELECT string_agg(step, ' ' ORDER BY started_at) FROM shop.log), 'histories cutoffs models customer_rfm customer_clv', 'the log has the steps');

-- --- later runs -------------------------------------------------------------------------

CREATE TEMP TABLE later (n serial, call text, versions bigint, note text, why text);
INSERT INTO later (call, versions, note, why) VALUES
	($$refresh('shop', as_of => '2024-12-31')$$, 1, 'first fit', 'nothing new'),
	($$refresh('shop', as_of => '2025-01-06')$$, 1, 'first fit', 'six days later'),
	($$refresh('shop', as_of => '2025-01-07')$$, 2, 'due', 'seven days later'),
	($$refresh('shop', as_of => '2025-01-07', refit => true)$$, 3, 'asked for', 'asked for'),
	($$refresh('shop', as_of => '2024-12-31')$$, 4, 'due', 'an earlier day'),
	($$alter_pipeline('shop', fit_every => 1)$$, 4, 'due', 'altered, not refreshed'),
	($$refresh('shop', as_of => '2025-01-01')$$, 5, 'due', 'every day'),
	($$alter_pipeline('shop', clv_horizon => '70 days', gross_margin => 0.5, fit_every => 30)$$, 5, 'due', 'settings of values alone'),
	($$refresh('shop', as_of => '2025-01-01')$$, 5, 'due', 'need no new model'),
	($$alter_pipeline('shop', purchase_model => 'mbgnbd')$$, 5, 'due', 'another model'),
	($$refresh('shop', as_of => '2025-01-01')$$, 6, 'settings changed', 'is fitted at once'),
	($$refresh('shop', as_of => '2025-01-01')$$, 6, 'settings changed', 'and once');
SELECT 'CALL tiering.' || call, format('SELECT is((SELECT max(version) || note FROM shop.model WHERE model = ''purchase'' AND in_use GROUP BY note), %L, %L)', versions || note, why) FROM later ORDER BY n \gexec
SELECT is(clv_verdict('shop', 'mbgnbd', parameters_of('shop'), '2025-01-01', 10, 0.5), 'sound', 'values of the other model, horizon and margin');
CALL tiering.alter_pipeline('shop', purchase_model => 'pareto_nbd', clv_horizon => '1 year', gross_margin => 1);
CALL tiering.refresh('shop', as_of => '2024-12-31');
SELECT is(clv_verdict('shop', 'pareto_nbd', parameters_of('shop'), '2024-12-31'), 'sound', 'of Pareto/NBD');
INSERT INTO sale SELECT 5000 + i, date '2024-12-30', 10 FROM generate_series(1, 90) AS i;
CALL tiering.refresh('shop', as_of => '2024-12-31');
SELECT is((SELECT count(*) FROM shop.model WHERE note = 'many new customers'), 0::bigint, 'a few new customers');
INSERT INTO sale SELECT 6000 + i, date '2024-12-30', 10 FROM generate_series(1, 20) AS i;
CALL tiering.refresh('shop', as_of => '2024-12-31');
SELECT is((SELECT note FROM shop.model WHERE model = 'purchase' AND in_use), 'many new customers', 'a tenth more');
SELECT is(clv_verdict('shop', 'pareto_nbd', parameters_of('shop'), '2024-12-31'), 'sound', 'are in the model');
DELETE FROM sale WHERE customer_id > 5000;

-- --- models that are none -----------------------------------------------------------------

CALL tiering.alter_pipeline('shop', purchase_model => 'bgnbd');
CALL tiering.refresh('shop', as_of => '2024-12-31');
CREATE TEMP TABLE good AS SELECT version, parameters FROM shop.model WHERE model = 'purchase' AND in_use;
SELECT is((SELECT count(*) FROM shop.model WHERE in_use), 2::bigint, 'one model of each is in use');
CALL tiering.alter_pipeline('shop', fit_since => '2024-12-25');
CALL tiering.refresh('shop', as_of => '2024-12-31');
SELECT is((SELECT status || in_use FROM shop.model WHERE model = 'purchase' ORDER BY version DESC LIMIT 1), 'too_fewfalse', 'nobody is left for a fit');
SELECT is((SELECT version FROM shop.model WHERE model = 'purchase' AND in_use), (SELECT version FROM good), 'the former model stays');
SELECT is((SELECT DISTINCT model_version || model_status FROM shop.customer_clv), (SELECT version FROM good) || 'converged; bgnbd: too_few, the former model scores; gamma_gamma: too_few, the former model scores', 'and scores, as the status says');
SELECT is(clv_verdict('shop', 'bgnbd', parameters_of('shop'), '2024-12-31'), 'sound', 'as before');
SELECT is((SELECT error_of(format('UPDATE shop.model SET %s WHERE model = ''purchase'' AND in_use', change)) LIKE '23514 %'), true, 'no model has ' || change)
FROM unnest('{fit = fit || jsonb_build_object(''time_unit''\, ''day''),kind = ''evil'',kind = ''gamma_gamma'',version = 2147483647,model = ''value''}'::text[]) AS change;
BEGIN;
UPDATE shop.model SET in_use = false WHERE model = 'purchase';
DELETE FROM shop.model WHERE status <> 'converged';
SELECT is((SELECT version || ' ' || status FROM shop.clv_model), NULL, 'no version scores');
SELECT is((SELECT status FROM shop.clv_model), 'none in use', 'where none may');
ROLLBACK;
SELECT is(error_of(format('CALL tiering.alter_pipeline(%L, fit_since => %L)', 'shop', 'infinity')), '22023 fit_since infinity is not a day', 'nobody bought after all days');
CALL tiering.alter_pipeline('shop', fit_since => '2023-02-01');
CALL tiering.refresh('shop', as_of => '2024-12-31');
SELECT is((SELECT customers FROM shop.model WHERE model = 'purchase' AND in_use), (SELECT count(*) FROM (SELECT min(sold_on) AS first FROM sale GROUP BY customer_id) AS f WHERE first >= '2023-02-01'), 'customers since a day');
CALL tiering.alter_pipeline('shop', fit_since => '-infinity');
CALL tiering.refresh('shop', as_of => '2024-12-31');
SELECT is((SELECT customers FROM shop.model WHERE model = 'purchase' AND in_use), 1000::bigint, 'all of them again');

-- customers who never leave: NBD scores, and says why
CREATE TABLE loyal (customer integer, day date, amount numeric);
INSERT INTO loyal SELECT c, date '2023-01-01' + d, 10 + c % 50 FROM generate_series(1, 400) AS c, generate_series(c % 9, 700, 10 + c % 40) AS d;
CALL tiering.create_pipeline('loyal', 'loyal', 'customer', 'day', 'amount', purchase_model => 'bgnbd');
CALL tiering.refresh('loyal', as_of => '2024-12-01');
SELECT results_eq($$SELECT kind, status = 'converged', in_use FROM loyal.model WHERE model = 'purchase' ORDER BY version$$, $$VALUES ('bgnbd', false, false), ('nbd', true, true)$$, 'nobody leaves: the nested model is in use');
SELECT is((SELECT DISTINCT model_status FROM loyal.customer_clv), 'bgnbd: boundary', 'the values say why');
SELECT is((SELECT count(p_alive) FROM loyal.customer_clv), 0::bigint, 'nobody''s chance to be a customer is known');
SELECT is(clv_verdict('loyal', 'nbd', parameters_of('loyal'), '2024-12-01'), 'sound', 'all else is');

-- one-time buyers
CREATE TABLE once AS SELECT i AS customer, date '2024-01-01' + i AS day, 5 AS amount FROM generate_series(1, 50) AS i;
CALL tiering.create_pipeline('once', 'once', 'customer', 'day', 'amount');
CALL tiering.refresh('once', as_of => '2024-12-01');
SELECT is((SELECT string_agg(DISTINCT model_status, ' ') || count(*) || count(clv) || count(expected_purchases) FROM once.customer_clv), 'too_few; gamma_gamma: too_few5000', 'one-time buyers have no model and no value');
SELECT is((SELECT count(*) FROM once.customer_profile WHERE clv IS NULL AND segment IS NOT NULL), 50::bigint, 'but scores');
-- free goods
INSERT INTO once SELECT customer, day + 30, 0 FROM once WHERE customer < 40;
CALL tiering.refresh('once', as_of => '2024-12-01', refit => true);
SELECT is((SELECT count(clv) FROM once.customer_clv), 0::bigint, 'repeat purchases worth nothing have no value');
CALL tiering.create_pipeline('empty', 'once', 'customer', 'day', 'amount', filter => 'false');
CALL tiering.refresh('empty', as_of => '2024-12-01');
SELECT is((SELECT count(*) FROM empty.customer_clv), 0::bigint, 'nobody at all');
CALL tiering.refresh('empty', as_of => '2024-12-01');
SELECT is((SELECT count(*) FROM empty.model WHERE model = 'purchase'), 1::bigint, 'is no reason to fit again');
-- another kind of model that finds nothing does not replace one that is good
CALL tiering.create_pipeline('changes', 'sale', 'customer_id', 'sold_on', 'amount', purchase_model => 'bgnbd');
CALL tiering.refresh('changes', as_of => '2024-12-31');
CALL tiering.alter_pipeline('changes', 'loyal', 'customer', 'day', 'amount', purchase_model => 'mbgnbd');
CALL tiering.refresh('changes', as_of => '2024-12-01');
SELECT is((SELECT string_agg(kind || ' ' || in_use, ', ' ORDER BY version) FROM changes.model WHERE model = 'purchase'), 'bgnbd true, mbgnbd false', 'a good model stays when another kind finds nothing');

-- --- other ways to keep them ------------------------------------------------------------------

SELECT format('CALL tiering.create_pipeline(%L, ''sale'', ''customer_id'', ''sold_on'', ''amount'', materialization => %L, histories => %L, purchase_model => ''bgnbd'')', m || h, m, h),
	format('CALL tiering.refresh(%L, as_of => ''2024-12-31'')', m || h),
	format('SELECT is(clv_verdict(%1$L, ''bgnbd'', parameters_of(%1$L), ''2024-12-31''), ''sound'', %2$L)', m || h, 'values in a ' || m || ', histories in a ' || h)
FROM unnest('{table,view,materialized view}'::text[]) AS m, unnest('{table,view}'::text[]) AS h WHERE (m, h) <> ('materialized view', 'table') \gexec
DELETE FROM sale WHERE customer_id = 7;
UPDATE sale SET amount = amount * 2 WHERE customer_id = 8;
CALL tiering.refresh('tabletable', as_of => '2024-12-31');
SELECT is(clv_verdict('tabletable', 'bgnbd', parameters_of('tabletable'), '2024-12-31'), 'sound', 'a table of values after changes');
REFRESH MATERIALIZED VIEW "materialized viewview".purchase_history;
REFRESH MATERIALIZED VIEW "materialized viewview".rfm_cutoff;
REFRESH MATERIALIZED VIEW "materialized viewview".customer_rfm;
REFRESH MATERIALIZED VIEW "materialized viewview".customer_clv;
SELECT is(clv_verdict('materialized viewview', 'bgnbd', parameters_of('materialized viewview'), '2024-12-31'), 'sound', 'plain REFRESH scores with the models in use');

-- --- bad settings, the hold-out ---------------------------------------------------------------

SELECT matches(error_of(format('CALL tiering.alter_pipeline(''shop'', %s)', setting)), message, setting || ' is refused') FROM (VALUES
	('purchase_model => ''bgbb''', '^22023 purchase_model "bgbb" is unknown'), ('clv_horizon => ''0''', '^22023 clv_horizon'), ('annual_discount_rate => -0.1', '^22023 annual_discount_rate -0.1'),
	('annual_discount_rate => ''NaN''', '^22023 annual_discount_rate NaN'), ('gross_margin => 1.5', '^22023 gross_margin 1.5'), ('fit_every => 0', '^22023 fit_every 0')) AS v(setting, message);
CALL tiering.refresh('shop', as_of => '2024-12-31');
SELECT is((SELECT (customers, actual)::text FROM tiering.clv_holdout('shop', '2024-03-31', '2024-12-31') WHERE model = 'naive'),
	(SELECT (count(*), sum(n))::text FROM (SELECT customer_id, count(DISTINCT sold_on) FILTER (WHERE sold_on > '2024-03-31') AS n FROM sale WHERE sold_on <= '2024-12-31' GROUP BY customer_id HAVING min(sold_on) <= '2024-03-31') AS s), 'the hold-out counts what came');
SELECT is((SELECT count(*) FROM tiering.clv_holdout('shop', '2024-03-31', '2024-12-31') AS h JOIN tiering.clv_holdout('shop', '2024-03-31', '2024-12-31') AS n ON n.model = 'naive'
	WHERE h.mean_absolute_error < n.mean_absolute_error AND h.status = 'converged' AND h.model <> 'nbd'), 3::bigint, 'every model in which customers leave beats the naive guess');
SELECT ok((SELECT bool_and(abs(h.expected - d.expected) < 1e-6 AND h.actual = round(d.actual)) FROM tiering.clv_holdout('shop', '2024-03-31', '2024-12-31') AS h
	JOIN (SELECT model, sum(customers * mean_expected) AS expected, sum(customers * mean_actual) AS actual FROM tiering.clv_holdout_deciles('shop', '2024-03-31', '2024-12-31') GROUP BY model) AS d USING (model)), 'the tenths add up');
SELECT matches(error_of($$SELECT tiering.clv_holdout('shop', '2024-12-31', '2024-12-31')$$), '^22023', 'no time to be foretold');
SELECT matches(error_of($$SELECT tiering.clv_holdout('shop', NULL, '2024-12-31')$$), '^22023', 'no day');

SELECT is((SELECT max(actual) FROM tiering.clv_tracking('shop', '2024-03-31', '2024-12-31')),
	(SELECT count(*) FROM (SELECT DISTINCT customer_id, sold_on FROM sale WHERE sold_on <= (SELECT max(week_end) FROM tiering.clv_tracking('shop', '2024-03-31', '2024-12-31'))) AS d) - (SELECT count(DISTINCT customer_id) FROM sale), 'the tracking curve counts repeat purchase days');
SELECT ok((SELECT max(abs(expected / actual - 1)) FROM tiering.clv_tracking('shop', '2024-03-31', '2024-12-31', 'mbgnbd') WHERE actual > 500) < 0.1, 'and the true model stays within a tenth of it');
SELECT matches(error_of($$SELECT tiering.clv_tracking('shop', '2024-03-31', '2024-12-31', 'bgbb')$$), '^22023', 'by no other model');

-- intervals hold what came: nine months that the models did not know
CREATE TEMP TABLE foretold AS
SELECT (r).*, tiering.purchase_days(history, '2024-12-31') - tiering.purchase_days(history, '2024-03-31') AS days,
	(tiering.gross_total(history, '2024-12-31') - tiering.gross_total(history, '2024-03-31'))::float8 AS spend
FROM (SELECT history, tiering.clv_summary(history, '2024-03-31') AS r FROM shop.purchase_history OFFSET 0) AS h;
CREATE TEMP TABLE foreteller AS SELECT tiering.mbgnbd_fit(frequency, recency, age) AS mbg, tiering.pareto_nbd_fit(frequency, recency, age) AS pareto, tiering.gamma_gamma_fit(frequency, monetary) AS gg FROM foretold;
SELECT ok((SELECT avg((days BETWEEN lower AND upper)::int) FROM foretold, foreteller, LATERAL tiering.purchases_interval(mbg, frequency, recency, age, 275 / 7.0)) BETWEEN 0.93 AND 0.99, 'MBG/NBD: 95 of 100 customers buy as often as foretold');
SELECT ok((SELECT avg((days BETWEEN lower AND upper)::int) FROM foretold, foreteller, LATERAL tiering.purchases_interval(pareto, frequency, recency, age, 275 / 7.0)) BETWEEN 0.93 AND 0.99, 'Pareto/NBD');
SELECT ok((SELECT avg((days BETWEEN lower AND upper)::int) FROM foretold, foreteller, LATERAL tiering.purchases_interval(mbg, frequency, recency, age, 275 / 7.0, 0.5)) BETWEEN 0.5 AND 0.85, 'half of them in a narrower one, which numbers make wide');
SELECT ok((SELECT avg((spend BETWEEN lower AND upper)::int) FROM foretold, foreteller, LATERAL tiering.clv_interval(mbg, gg, frequency, recency, age, monetary, 275 / 7.0)) BETWEEN 0.93 AND 0.99, 'and spend as much');

SELECT * FROM finish();
