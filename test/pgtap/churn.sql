--
-- churn: rules and features against slow, obvious SQL; training sets, the step of
-- a refresh, and what it publishes
--
\set QUIET on
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT plan(89);

-- --- a shop whose customers leave -----------------------------------------------------------

SELECT setseed(0.7) \gset
CREATE TABLE orders (customer integer, day date, amount numeric(10,2));
-- each buys with a gap of his own, from a day of his own, until he leaves
INSERT INTO orders
SELECT c.customer, c.first + COALESCE(sum(c.gap * -ln(1 - random())) OVER (PARTITION BY c.customer ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::integer, CASE WHEN random() < 0.05 THEN -20 ELSE round((10 + 90 * random())::numeric, 2) END
FROM (SELECT n AS customer, date '2022-01-01' + (random() * 700)::integer AS first, 10 + random() * random() * 90 AS gap, floor(ln(1 - random()) / ln(0.98 - 0.2 * random()))::integer AS orders FROM generate_series(1, 900) AS n) AS c,
	generate_series(0, c.orders) AS n;
DELETE FROM orders WHERE day > '2024-06-30';
CREATE TABLE history AS SELECT customer, tiering.purchase_history_agg(day, amount) AS h FROM orders GROUP BY customer;
CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

-- --- rules ------------------------------------------------------------------------------------

SELECT is((SELECT count(*) FROM history, unnest('{2022-06-30,2023-05-05,2024-06-30}'::date[]) AS d WHERE (tiering.overdue_ratio(h, d) IS NULL) <> (tiering.mean_gap(h, d) IS NULL)
	OR abs(tiering.overdue_ratio(h, d) - (d - tiering.last_purchase(h, d)) / tiering.mean_gap(h, d)) > 1e-9), 0::bigint, 'the overdue ratio is the days since the last purchase over the mean gap');
CREATE TABLE alarm AS SELECT customer, d::date AS day, tiering.wakeup_due(h, d::date) AS due, tiering.overdue_ratio(h, d::date) AS ratio, array_length(tiering.gaps(h, d::date), 1) AS gaps, tiering.last_purchase(h, d::date) AS bought
FROM history, generate_series(date '2023-01-01', '2023-12-31', '1 day') AS d WHERE customer <= 60;
SELECT is((SELECT count(*) FROM alarm WHERE (due IS NOT NULL) <> COALESCE(ratio > 1.5 AND gaps >= 3, false)), 0::bigint, 'a wake-up is due while the ratio is above 1.5, with three gaps');
SELECT ok((SELECT count(DISTINCT due) > 30 FROM alarm), '-- which it often is');
SELECT is((SELECT count(*) FROM (SELECT customer, bought, count(DISTINCT due) FROM alarm WHERE due IS NOT NULL GROUP BY 1, 2 HAVING count(DISTINCT due) > 1) AS s), 0::bigint, 'one alert a lapse: its day stays the same until a purchase');
SELECT is((SELECT count(*) FROM alarm AS a WHERE due IS NOT NULL AND day > '2023-01-01' AND due = day AND EXISTS (SELECT FROM alarm AS b WHERE b.customer = a.customer AND b.day = a.day - 1 AND b.due IS NOT NULL)), 0::bigint, '-- and the day is the first of it');
SELECT is(tiering.wakeup_due('1;0;2024-01-01,1,5;2024-01-11,1,5;2024-01-21,1,5;2024-01-31,1,5', d::date), w::date, 'gaps of 10 days, on ' || d) FROM (VALUES ('2024-02-14', NULL), ('2024-02-15', NULL), ('2024-02-16', '2024-02-16'), ('2025-01-01', '2024-02-16')) AS v(d, w);
SELECT is(tiering.wakeup_due('1;0;2024-01-01,1,5;2024-01-11,1,5', '2024-12-31', 2, 3, f), w::date, t) FROM (VALUES (NULL::double precision, NULL, 'one gap is too few'), (30, '2024-03-12', '-- the gap of others will do')) AS v(f, w, t);
SELECT is(tiering.wakeup_due('1;0;2024-01-01,0,0,5', '2024-12-31', 2, 1, 30), NULL, 'without a purchase there is no lapse');
SELECT is(tiering.lifecycle_stage(h::tiering.purchase_history, '2024-12-31'), s, s) FROM (VALUES ('1;0;2024-12-01,1,5', 'new'), ('1;0;2024-03-01,1,5;2024-09-01,1,5', 'active'), ('1;0;2023-03-01,1,5;2024-09-01,1,5', 'mature'),
	('1;0;2023-09-01,1,5;2023-09-11,1,5;2024-10-01,1,5;2024-10-03,1,5;2024-10-05,1,5;2024-10-07,1,5;2024-10-09,1,5;2024-10-11,1,5', 'mature'), ('1;0;2024-09-01,1,5;2024-09-11,1,5;2024-09-21,1,5', 'declining'), ('1;0;2024-05-01,1,5', 'dormant'), ('1;0;2023-05-01,1,5', 'lost'), ('1;0;2024-05-01,0,0,5', NULL)) AS v(h, s);

-- the personal rule, against an integral over his rate, and a product
SELECT ok(abs(tiering.p_silence(m, 3, 20, 35) - (SELECT sum(exp(-15 * l) * w) / sum(w) FROM (SELECT n / 20000.0 AS l, power(n / 20000.0, r + 2) * exp(-(a + 20) * n / 20000.0) AS w FROM generate_series(1, 40000) AS n) AS g)) < 1e-6, 'silence: an integral over the rates that he may have')
FROM (SELECT tiering.bgnbd(0.24, 4.4, 0.79, 2.4) AS m, 0.24 AS r, 4.4 AS a) AS v;
SELECT is(array_agg(DISTINCT p), ARRAY[tiering.p_silence(tiering.nbd(0.24, 4.4), 3, 20, 35)], '-- whatever makes customers leave') FROM (VALUES (tiering.p_silence(tiering.bgnbd(0.24, 4.4, 0.79, 2.4), 3, 20, 35)), (tiering.p_silence(tiering.mbgnbd(0.24, 4.4, 0.79, 2.4), 3, 20, 35)), (tiering.p_silence(tiering.pareto_nbd(0.24, 4.4, 0.6, 11), 3, 20, 35))) AS v(p);
SELECT ok(abs(tiering.p_silence(tiering.bgbb(1.2, 0.75, 0.66, 2.78), 2, 4, 7) - (SELECT exp(sum(ln((0.75 + 2 + i) / (1.2 + 0.75 + 4 + i)))) FROM generate_series(0, 2) AS i)) < 1e-12, '-- of opportunities, a product');

-- --- features ------------------------------------------------------------------------------------

CREATE TABLE feature AS SELECT customer, d AS as_of, u.name, u.value FROM history, unnest('{2022-05-01,2023-05-05,2024-06-30}'::date[]) AS d, LATERAL unnest(tiering.churn_feature_names(), tiering.churn_features(h, d, 60)) AS u(name, value);
CREATE TABLE slow AS
WITH bought AS (SELECT o.*, d AS as_of FROM orders AS o, unnest('{2022-05-01,2023-05-05,2024-06-30}'::date[]) AS d WHERE o.day <= d),
gap AS (SELECT customer, as_of, day - lag(day) OVER (PARTITION BY customer, as_of ORDER BY day) AS gap, day FROM (SELECT DISTINCT customer, as_of, day FROM bought WHERE amount >= 0) AS b),
gaps AS (SELECT customer, as_of, avg(gap)::double precision AS mean, stddev_pop(gap)::double precision AS spread, count(gap) AS gaps, (array_agg(gap ORDER BY day DESC))[1] AS last, min(day) AS first, max(day) AS latest, count(*) AS days FROM gap GROUP BY 1, 2)
SELECT b.customer, b.as_of, v.* FROM (SELECT customer, as_of, sum(amount) FILTER (WHERE amount >= 0) AS gross, -sum(LEAST(amount, 0)) AS refunded, count(*) FILTER (WHERE amount >= 0) AS orders,
		count(*) FILTER (WHERE amount >= 0 AND day > as_of - 30) AS o30, count(*) FILTER (WHERE amount >= 0 AND day > as_of - 365) AS o365, sum(amount) FILTER (WHERE day > as_of - 90) AS s90, sum(amount) FILTER (WHERE day > as_of - 180) AS s180,
		count(*) FILTER (WHERE amount >= 0 AND day > as_of - 365 AND day <= as_of - 365 + 60) AS season
	FROM bought GROUP BY 1, 2) AS b JOIN gaps AS g USING (customer, as_of), LATERAL (VALUES
	('recency_days', (b.as_of - g.latest)::double precision), ('overdue_ratio', (b.as_of - g.latest) / g.mean), ('orders_30', b.o30), ('orders_365', b.o365), ('spend_90', COALESCE(b.s90, 0)), ('spend_180', COALESCE(b.s180, 0)),
	('mean_gap_days', g.mean), ('last_gap_days', g.last), ('gap_trend', CASE WHEN g.gaps > 1 THEN g.last / g.mean END), ('gap_spread', CASE WHEN g.gaps > 1 THEN g.spread / g.mean END), ('tenure_days', b.as_of - g.first), ('purchase_days', g.days), ('orders', b.orders),
	('mean_order_value', b.gross / b.orders), ('refund_share', CASE WHEN b.gross > 0 THEN b.refunded / b.gross END), ('season_orders', CASE WHEN b.as_of - g.first >= 365 THEN b.season END)) AS v(name, value);
SELECT is((SELECT string_agg(DISTINCT s.name, ', ') FROM slow AS s LEFT JOIN feature AS f USING (customer, as_of, name) WHERE (f.value IS NULL) <> (s.value IS NULL) OR abs(f.value - s.value) > 1e-9 * greatest(1, abs(s.value))), NULL, 'features are those of the orders');
SELECT ok((SELECT count(*) FROM slow) > 20000, '-- of many customers and days');
SELECT is(cardinality(tiering.churn_feature_names()), cardinality(tiering.churn_features('1;0;2024-05-01,1,5', '2024-06-01')), 'as many names as features');
SELECT is(tiering.churn_features('1;0;2024-05-01,1,5', '2024-04-30'), NULL, 'none before the first purchase');

-- --- training sets --------------------------------------------------------------------------------

CALL tiering.create_pipeline('shop', 'orders', 'customer', 'day', 'amount', time_zone => 'UTC', purchase_model => 'mbgnbd');
CALL tiering.refresh('shop', as_of => '2024-06-30');
CREATE TABLE training AS SELECT * FROM tiering.churn_training_set('shop', '2024-01-01', 90, 365);
SELECT is((SELECT count(*) FROM training), (SELECT count(DISTINCT customer) FROM orders WHERE amount >= 0 AND day BETWEEN '2023-01-01' AND '2024-01-01'), 'who bought within a year is in the training set');
SELECT is((SELECT count(*) FROM training WHERE churned <> NOT EXISTS (SELECT FROM orders WHERE customer = customer_id::integer AND amount >= 0 AND day > '2024-01-01' AND day <= '2024-03-31')), 0::bigint, 'who bought nothing in the 90 days after has left');
SELECT is((SELECT count(*) FROM training JOIN history ON customer = customer_id::integer WHERE features[1:20] IS DISTINCT FROM tiering.churn_features(h, '2024-01-01')), 0::bigint, 'the features are those of the history');
SELECT is((SELECT count(DISTINCT churned) FROM tiering.churn_training_set('shop', '2024-05-01')), 0::bigint, 'where the horizon is not over, nobody knows');
CREATE TABLE model AS SELECT tiering.mbgnbd_fit((s).frequency, (s).recency, (s).age) AS m FROM (SELECT tiering.clv_summary(h, '2024-01-01') AS s FROM history) AS r WHERE (s).age IS NOT NULL;
SELECT ok(bool_and(abs(features[21] - tiering.p_alive(m, (s).frequency, (s).recency, (s).age)) < 1e-9), 'P(alive) is that of a model of the day')
FROM training JOIN history ON customer = customer_id::integer, model, LATERAL (SELECT tiering.clv_summary(h, '2024-01-01') AS s) AS r;
CREATE TABLE future AS SELECT * FROM orders WHERE day > '2024-01-01';
DELETE FROM orders WHERE day > '2024-01-01';
CALL tiering.refresh('shop', as_of => '2024-06-30');
SELECT is((SELECT count(*) FROM training AS a FULL JOIN tiering.churn_training_set('shop', '2024-01-01', 90, 365) AS b USING (customer_id) WHERE a.features IS DISTINCT FROM b.features), 0::bigint, 'without all that came later the features are the same: none looks past the day');
SELECT is((SELECT bool_and(churned) FROM tiering.churn_training_set('shop', '2024-01-01', 90, 365)), true, '-- but then all have left');
INSERT INTO orders SELECT customer, (SELECT day FROM future ORDER BY random() LIMIT 1), amount * 3 FROM future;
CALL tiering.refresh('shop', as_of => '2024-06-30');
SELECT is((SELECT count(*) FROM training AS a FULL JOIN tiering.churn_training_set('shop', '2024-01-01', 90, 365) AS b USING (customer_id) WHERE a.features IS DISTINCT FROM b.features), 0::bigint, '-- and with all of it shuffled');
SELECT ok(exists(SELECT FROM training JOIN history ON customer = customer_id::integer WHERE features[1:20] IS DISTINCT FROM tiering.churn_features(h, '2024-01-02')), 'a day more would be noticed');
DELETE FROM orders WHERE day > '2024-01-01';
INSERT INTO orders SELECT * FROM future;

-- --- the step ---------------------------------------------------------------------------------------

SELECT is((SELECT count(*) FROM shop.customer_churn), 0::bigint, 'without a policy nobody is scored');
CALL tiering.create_churn('shop', horizon_days => 60);
CALL tiering.refresh('shop', as_of => '2024-06-30');
SELECT is((SELECT string_agg(step, ' ' ORDER BY started_at) FROM shop.log WHERE run = (SELECT max(run) FROM shop.run)), 'histories cutoffs models customer_rfm customer_clv churn', 'churn is a step of a refresh');
SELECT is((SELECT string_agg(candidate || ' ' || purpose || ' ' || origin, ', ' ORDER BY purpose, candidate) FROM shop.churn_quality),
	'boosting choose 2024-03-02, logistic choose 2024-03-02, no_purchase choose 2024-03-02, recency choose 2024-03-02, boosting report 2024-05-01, logistic report 2024-05-01, no_purchase report 2024-05-01, recency report 2024-05-01, wakeup report 2024-05-01', 'each candidate is judged on two days, whose horizons do not touch');
SELECT is((SELECT candidate FROM shop.churn_quality WHERE purpose = 'choose' ORDER BY log_loss LIMIT 1), (SELECT kind FROM shop.model WHERE model = 'churn' AND in_use), 'the one of the least log-loss scores');
SELECT is((SELECT bool_and(is_chosen) FROM shop.churn_quality WHERE candidate = (SELECT kind FROM shop.model WHERE model = 'churn' AND in_use)), true, '-- and is said to');
SELECT ok((SELECT max(log_loss) FILTER (WHERE is_chosen) < 0.95 * max(log_loss) FILTER (WHERE candidate = 'recency') FROM shop.churn_quality WHERE purpose = 'report'), 'models beat the rule of recency');
SELECT is((SELECT count(*) FROM shop.churn_quality WHERE purpose = 'report' AND candidate <> 'wakeup' AND customers <> (SELECT count(DISTINCT customer) FROM orders WHERE amount >= 0 AND day <= '2024-05-01' AND day >= date '2024-05-01' - 365)), 0::bigint, 'all who were customers were judged');
SELECT ok((SELECT bool_and(slope BETWEEN 0.6 AND 1.6) FROM shop.churn_quality WHERE candidate = 'no_purchase'), 'probabilities are about right');
CREATE TABLE report AS SELECT t.churned, t.features FROM tiering.churn_training_set('shop', '2024-05-01', 60, 365) AS t;
SELECT ok(abs(q.log_loss - (SELECT tiering.log_loss(r.churned, tiering.predict(m.c, r.features)) FROM report AS r, (
	SELECT tiering.logistic_fit(t.churned, t.features, jsonb_build_object('transform', 'asinh', 'l2', 30, 'names', tiering.churn_training_names())) AS c
	FROM tiering.churn_learning_days((SELECT min(day) FROM orders WHERE amount >= 0), '2024-05-01', 60) AS d(day), LATERAL tiering.churn_training_set('shop', d.day, 60, 365) AS t) AS m)) < 1e-9, 'what was judged was fitted to days whose horizon was over on that day')
FROM shop.churn_quality AS q WHERE q.purpose = 'report' AND q.candidate = 'logistic';
-- orders of later days, of another kind: not even the kind of purchase model may know of them
CREATE TABLE until_then AS SELECT * FROM tiering.churn_training_set('shop', '2023-12-01', 60);
CREATE TABLE other_orders AS SELECT * FROM orders WHERE day <= '2023-12-01';
INSERT INTO other_orders (customer, day, amount) SELECT DISTINCT customer, d::date, 10 FROM orders, generate_series(timestamp '2023-12-02', '2024-06-30', '7 days') AS d;
CALL tiering.create_pipeline('later', 'other_orders', 'customer', 'day', 'amount');
CALL tiering.refresh('later', as_of => '2024-06-30');
SELECT isnt((SELECT kind FROM later.model WHERE model = 'purchase' AND in_use), (SELECT kind FROM shop.model WHERE model = 'purchase' AND in_use), 'later orders want another kind of purchase model');
SELECT is((SELECT count(*) FROM until_then AS a FULL JOIN tiering.churn_training_set('later', '2023-12-01', 60) AS b USING (customer_id) WHERE a.features IS DISTINCT FROM b.features), 0::bigint, '-- which no feature of a day before them knows');
CALL tiering.drop_pipeline('later');
SELECT ok((SELECT max(d.day) + 60 <= '2024-05-01' FROM tiering.churn_learning_days('2022-01-01', '2024-05-01', 60) AS d(day)), '-- all of them');
SELECT is((SELECT count(*) FROM shop.customer_churn), (SELECT count(DISTINCT customer) FROM orders WHERE amount >= 0), 'every customer has a row');
SELECT is((SELECT count(*) FROM shop.customer_churn WHERE (stage = 'lost') <> (probability IS NULL) OR NOT probability BETWEEN 0 AND 1), 0::bigint, 'who is not lost has a probability');
SELECT is((SELECT count(*) FROM shop.customer_churn JOIN history ON customer = customer_id WHERE wakeup_due IS NOT NULL AND COALESCE(array_length(tiering.gaps(h, '2024-06-30'), 1), 0) >= 3 AND wakeup_due IS DISTINCT FROM tiering.wakeup_due(h, '2024-06-30')), 0::bigint, 'wake-ups are those of the rule');
SELECT is((SELECT count(*) FROM shop.customer_churn WHERE probability >= 0.7 AND risk <> 'high' OR probability < 0.7 AND probability >= 0.4 AND risk <> 'medium' OR probability < 0.4 AND risk <> 'low'), 0::bigint, 'risk has the bounds of the policy');
SELECT ok((SELECT bool_and(cardinality(reasons) BETWEEN 0 AND 3) AND avg(cardinality(reasons)) > 1 FROM shop.customer_churn WHERE probability > 0.5), 'with up to three reasons');
SELECT is((SELECT count(*) FROM shop.customer_churn AS c JOIN shop.customer_clv AS v USING (customer_id) WHERE abs(c.value_at_risk - v.clv * LEAST(GREATEST(1 - (1 - c.probability) / v.p_alive, 0), 1)) > 1e-9 OR abs(c.win_back_value - v.clv * (1 - v.p_alive) / v.p_alive) > 1e-6), 0::bigint, 'what is at stake counts leaving once');
SELECT is((SELECT count(*) FROM tiering.lifecycle_transitions('shop', '2024-01-31', '2024-06-30') AS t FULL JOIN (
	SELECT tiering.lifecycle_stage(h, '2024-01-31') AS a, tiering.lifecycle_stage(h, '2024-06-30') AS b, count(*) FROM history WHERE tiering.lifecycle_stage(h, '2024-06-30') IS NOT NULL GROUP BY 1, 2) AS s ON s.a IS NOT DISTINCT FROM t.stage_then AND s.b = t.stage_now
	WHERE t.customers IS DISTINCT FROM s.count), 0::bigint, 'stages went from each to each other');
SELECT throws_ok($$SELECT * FROM tiering.lifecycle_transitions('shop', '2024-06-30', '2024-01-31')$$, '22023', 'from_day 2024-06-30 is not before to_day 2024-01-31', '-- forward in time');
SELECT throws_ok($$SELECT * FROM tiering.lifecycle_transitions('shop', '2024-01-31', '2024-07-31')$$, '22023', 'to_day 2024-07-31 is after the day of the analysis, 2024-06-30', '-- and not beyond the day of the analysis');
SELECT is((SELECT (m.kind, m.judged_on, m.auc, m.recency_log_loss)::text FROM shop.churn_model AS m), (SELECT (q.candidate, q.origin, q.auc, r.log_loss)::text FROM shop.churn_quality AS q, shop.churn_quality AS r WHERE q.is_chosen AND q.purpose = 'report' AND r.candidate = 'recency' AND r.purpose = 'report'), 'the model in use stands beside what it was worth');
SELECT is((SELECT sum(customers) FROM shop.value_matrix), (SELECT count(*)::numeric FROM shop.customer_churn), 'the matrix has everybody');
SELECT is((SELECT count(*) FROM shop.customer_profile AS p JOIN shop.customer_churn AS c USING (customer_id) WHERE (p.churn_probability, p.lifecycle_stage, p.wakeup_due, p.value_at_risk) IS DISTINCT FROM (c.probability, c.stage, c.wakeup_due, c.value_at_risk)), 0::bigint, 'and the profile says the same');
CALL tiering.refresh('shop', as_of => '2024-06-30');
SELECT is((SELECT detail FROM shop.log WHERE step = 'churn' ORDER BY run DESC LIMIT 1), 'the model in use will do', 'a model is not fitted again each time');
CREATE TABLE before AS SELECT * FROM shop.customer_churn;
CALL tiering.refresh('shop', as_of => '2024-06-30', refit => true);
SELECT is((SELECT count(*) FROM before AS b JOIN shop.customer_churn AS c USING (customer_id) WHERE b.probability IS DISTINCT FROM c.probability), 0::bigint, 'unless asked for; then it is the same, to the last bit');
CALL tiering.create_churn('shop', horizon_days => 30, high_from => 0.6);
CALL tiering.refresh('shop', as_of => '2024-06-30');
SELECT matches((SELECT detail FROM shop.log WHERE step = 'churn' ORDER BY run DESC LIMIT 1), '^settings changed: ', '-- or the policy is another');
DELETE FROM shop.churn_policy;
SELECT is((SELECT count(*) FROM shop.customer_churn) + (SELECT count(churn_probability) FROM shop.customer_profile), 0::bigint, 'without a policy there are no scores again');

-- --- little history ------------------------------------------------------------------------------------

CREATE FUNCTION short(since date) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE OR REPLACE VIEW late AS SELECT * FROM orders WHERE day >= %L', since);
	CALL tiering.create_pipeline('late', 'late', 'customer', 'day', 'amount', time_zone => 'UTC');
	CALL tiering.create_churn('late');
	CALL tiering.refresh('late', as_of => '2024-06-30');
	RETURN (SELECT m.kind || ' ' || m.status || ', ' || q.n || ', ' || l.detail FROM late.log AS l LEFT JOIN late.model AS m ON m.model = 'churn', (SELECT count(*) AS n FROM late.churn_quality) AS q WHERE l.step = 'churn');
END $$;
SELECT matches(short('2023-08-01'), '^(boosting fitted|(logistic|no_purchase|recency) converged), 5, .*two windows only', 'with less than a year there are fewer windows');
CALL tiering.drop_pipeline('late');
SELECT matches(short('2023-12-01'), '^recency converged, 0, .*one window only', 'with half a year the rule is fitted, and nothing is judged');
CALL tiering.drop_pipeline('late');
SELECT matches(short('2024-05-15'), '^recency too_few, 0, .*too little history', 'with a month there is no model');
SELECT is((SELECT count(probability) FROM late.customer_churn), 0::bigint, '-- and no probability');
SELECT ok((SELECT count(stage) = count(*) AND count(*) > 0 FROM late.customer_churn), '-- but stages');

-- --- models that do not fit --------------------------------------------------------------------------

CALL tiering.create_churn('shop', horizon_days => 60);
CALL tiering.refresh('shop', as_of => '2024-06-30');
CALL tiering.create_churn('shop', horizon_days => 700);
CALL tiering.refresh('shop', as_of => '2024-06-30');
SELECT is((SELECT count(probability) FROM shop.customer_churn), 0::bigint, 'a model of another horizon scores nobody');
SELECT matches((SELECT detail FROM shop.log WHERE step = 'churn' ORDER BY run DESC LIMIT 1), 'nobody is scored$', '-- and the log says so');
SELECT is((SELECT string_agg(DISTINCT risk, ' ' ORDER BY risk) FROM shop.value_matrix), 'lost unknown', '-- who is not lost is not known');
CALL tiering.create_churn('shop', horizon_days => 60);
CALL tiering.refresh('shop', as_of => '2024-06-30');
SELECT ok((SELECT count(probability) > 100 FROM shop.customer_churn), 'one that fits does');
CALL tiering.refresh('shop', as_of => '2022-03-15');
SELECT is((SELECT count(probability) FROM shop.customer_churn), 0::bigint, 'a model of a later day scores nobody');
TRUNCATE shop.churn_policy;
SELECT is((SELECT count(*) FROM shop.churn_score), 0::bigint, 'an emptied policy empties the scores');
SELECT is(tiering.wakeup_due('1;0;2024-01-03,1,5;2024-04-02,1,5', d::date, 2.3, 1), w::date, 'exactly 2.3 times 90 days on ' || d) FROM (VALUES ('2024-10-26', NULL), ('2024-10-27', '2024-10-27')) AS v(d, w);
SELECT is(tiering.leaves_if_alive(p, a), NULL, 'no probability: ' || p || ', ' || a) FROM (VALUES ('NaN'::double precision, 0.5::double precision), (0.5, 'NaN'), (2, 0.5), (0.5, 0)) AS v(p, a);

-- --- refused -------------------------------------------------------------------------------------------

SELECT matches(error_of(s), e, t) FROM (VALUES
	($$CALL tiering.create_churn('nothing')$$, '^42704 ', 'a pipeline that does not exist'), ($$CALL tiering.create_churn('shop', horizon_days => 3)$$, '^22023 .*horizon_days 3', 'a horizon of three days'),
	($$CALL tiering.create_churn('shop', high_from => 0.3)$$, '^22023 .*0.4 and high_from 0.3', 'bounds in the wrong order'), ($$SELECT tiering.churn_training_set('shop', 'infinity')$$, '^22023 ', 'a training set of no day'),
	($$SELECT tiering.wakeup_due('1;0;2024-05-01,1,5', '2024-06-01', 0)$$, '^22023 ratio 0 ', 'a ratio of nothing'), ($$SELECT tiering.overdue_ratio('1;0;2024-05-01,1,5', 'infinity')$$, '^22023 ', 'a ratio of no day'),
	($$SELECT tiering.churn_features('1;0;2024-05-01,1,5', '2024-06-01', 0)$$, '^22023 horizon_days 0', 'features of no horizon'), ($$SELECT tiering.lifecycle_stage('1;0;2024-05-01,1,5', '2024-06-01', 90, 400, 365)$$, '^22023 .*dormant 400', 'dormant after lost')) AS v(s, e, t);

SELECT * FROM finish();
