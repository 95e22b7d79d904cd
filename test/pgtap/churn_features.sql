--
-- churn_features: dated rows of other relations, and contracts
--
\set QUIET on
SET client_min_messages = error;
SELECT plan(43);

-- --- a shop whose customers complain, and are silent after that --------------------------------

CREATE TABLE orders (customer integer, day date, amount numeric);
CREATE TABLE complaint (client bigint, said_on timestamp, weight numeric);
CREATE TABLE mood (who text, asked date, happy boolean);
CREATE TABLE customer (id integer, is_firm boolean, gone_on date, colour text);
INSERT INTO complaint SELECT c, date '2022-01-01' + (c * 37 + k * 211) % 1000 + interval '13 hours', 1 + k % 3 FROM generate_series(1, 600) AS c, generate_series(1, c % 4) AS k;
INSERT INTO orders SELECT c, d, 10 + c % 7 FROM generate_series(1, 600) AS c, LATERAL (SELECT date '2022-01-01' + c % 60 + (k * (20 + c % 30) + (c * k * 7919) % 17) AS d FROM generate_series(0, 45) AS k) AS o
WHERE d <= '2024-06-30' AND NOT EXISTS (SELECT FROM complaint AS x WHERE x.client = c AND d BETWEEN x.said_on AND x.said_on + interval '150 days');
INSERT INTO mood SELECT c::text, date '2022-02-01' + (c * 7 + k * 100) % 850, (c + k) % 3 > 0 FROM generate_series(1, 600) AS c, generate_series(1, 3) AS k WHERE c % 5 > 0;
INSERT INTO customer SELECT c, c % 3 = 0, NULL, 'red' FROM generate_series(1, 600) AS c WHERE c % 10 > 0;
CALL tiering.create_pipeline('shop', 'orders', 'customer', 'day', 'amount');
CALL tiering.refresh('shop', as_of => '2024-06-30');
INSERT INTO shop.churn_feature VALUES ('complaints_90', 'count', 'complaint', 'client', 'said_on', NULL, 90), ('grief', 'sum', 'complaint', 'client', 'said_on', 'weight', NULL),
	('happy', 'last', 'mood', 'who', 'asked', 'happy', NULL), ('is_firm', 'static', 'customer', 'id', NULL, 'is_firm', NULL);
SELECT is((tiering.churn_training_names('shop'))[24:], '{complaints_90,grief,happy,is_firm}', 'features have names, behind those of the history');

CREATE FUNCTION apart(day date) RETURNS bigint LANGUAGE SQL AS $$
	SELECT count(*) FROM tiering.churn_training_set('shop', day, 60) AS t, LATERAL (SELECT t.customer_id::integer AS c) AS i WHERE t.features[24:] IS DISTINCT FROM ARRAY[
		(SELECT count(*) FROM complaint WHERE client = c AND said_on::date <= day AND said_on::date > day - 90), (SELECT COALESCE(sum(weight), 0) FROM complaint WHERE client = c AND said_on::date <= day),
		(SELECT happy::integer FROM mood WHERE who = c::text AND asked <= day ORDER BY asked DESC LIMIT 1), (SELECT is_firm::integer FROM customer WHERE id = c)]::double precision[] $$;
SELECT is(apart(d::date), 0::bigint, 'they are what was known on ' || d::date) FROM unnest('{2022-03-01,2023-05-20,2024-04-30}'::text[]) AS d;
SELECT ok((SELECT count(*) FILTER (WHERE features[24] > 0) > 20 AND count(*) FILTER (WHERE features[26] IS NULL) > 20 FROM tiering.churn_training_set('shop', '2023-05-20', 60)), '-- of those who have them, and those who have not');
CREATE TABLE before AS SELECT * FROM tiering.churn_training_set('shop', '2023-05-20', 60);
UPDATE complaint SET weight = weight * 7, said_on = said_on + interval '30 days' WHERE said_on >= '2023-05-21';
DELETE FROM mood WHERE asked > '2023-06-20';
INSERT INTO mood SELECT c::text, '2023-05-21', false FROM generate_series(1, 600) AS c;
SELECT is((SELECT count(*) FROM before AS b JOIN tiering.churn_training_set('shop', '2023-05-20', 60) AS t USING (customer_id) WHERE b.features IS DISTINCT FROM t.features), 0::bigint, 'nothing that came later changes a feature');

-- what is no number is not known; of one day, the newest hour counts; no id is cut down or rounded
CREATE TABLE odd (who text, at timestamp, value double precision, also numeric);
INSERT INTO odd VALUES ('1', '2023-05-19 09:00', 9, 1), ('1', '2023-05-19 18:00', 1, 1), ('2', '2023-05-19', 'NaN', 1e300), ('3', '2023-05-19', 'Infinity', 'NaN'), ('4', '2023-05-19', 1e308, 7), ('4', '2023-05-18', 1e308, 7), ('5.4', '2023-05-19', 5, 5);
CREATE VIEW odd_number AS SELECT who::numeric AS who, at, value, also FROM odd;
INSERT INTO shop.churn_feature VALUES ('odd', 'last', 'odd_number', 'who', 'at', 'value', NULL), ('odd_sum', 'sum', 'odd_number', 'who', 'at', 'also', NULL);
SELECT is((SELECT string_agg(t.customer_id || ': ' || (t.features[28:29])::text, ', ' ORDER BY t.customer_id) FROM tiering.churn_training_set('shop', '2023-05-20', 60) AS t WHERE t.customer_id IN ('1', '2', '3', '4', '5')), '1: {1,2}, 2: {NULL,0}, 3: {NULL,0}, 4: {NULL,14}, 5: {NULL,0}', 'what is no number is not known, the newest hour counts, and no id is rounded');
DELETE FROM shop.churn_feature WHERE feature LIKE 'odd%';

CALL tiering.create_churn('shop', horizon_days => 60);
CALL tiering.refresh('shop', as_of => '2024-06-30');
SELECT ok((SELECT bool_and(q.auc > 0.75) FROM shop.churn_quality AS q WHERE purpose = 'report' AND candidate IN ('logistic', 'boosting')) AND (SELECT max(auc) FILTER (WHERE candidate IN ('logistic', 'boosting')) > max(auc) FILTER (WHERE candidate = 'no_purchase') + 0.02 FROM shop.churn_quality WHERE purpose = 'report'), 'what customers said tells more than what they bought');
SELECT ok((SELECT kind IN ('logistic', 'boosting') FROM shop.model WHERE model = 'churn' AND in_use), '-- and scores');
SELECT ok((SELECT sum(i.importance) FILTER (WHERE i.name IN ('complaints_90', 'grief')) > 0.05 FROM shop.model AS m, tiering.feature_importance(m.classifier) AS i WHERE m.model = 'churn' AND in_use), '-- by them');
SELECT is((SELECT count(*) FROM shop.customer_churn AS c JOIN tiering.churn_training_set('shop', '2024-06-30', 60) AS t ON t.customer_id = c.customer_id::text, shop.model AS m WHERE m.model = 'churn' AND m.in_use AND abs(c.probability - tiering.predict(m.classifier, t.features)) > 0.02), 0::bigint, 'customers are scored by the features of the day');
SELECT is((SELECT detail FROM shop.log WHERE step = 'churn' ORDER BY run DESC LIMIT 1) ~ 'too good', false, 'and none of them is too good to be true');
UPDATE shop.churn_feature SET within_days = 120 WHERE feature = 'complaints_90';
CALL tiering.refresh('shop', as_of => '2024-06-30');
SELECT matches((SELECT detail FROM shop.log WHERE step = 'churn' ORDER BY run DESC LIMIT 1), '^settings changed', 'another feature wants another model');

-- --- planted leaks -----------------------------------------------------------------------------------

SELECT throws_ok(format('INSERT INTO shop.churn_feature VALUES (%s)', s), c, m, t) FROM (VALUES
	($$'firm', 'last', 'customer', 'id', NULL, 'is_firm', NULL$$, '22023', 'feature "firm" has no day_column, so nobody knows since when it has been so', 'an attribute without a date is refused'), ($$'firm', 'count', 'customer', 'id', NULL, NULL, 30$$, '22023', NULL, '-- and rows without one'),
	($$'firm', 'static', 'mood', 'who', 'asked', 'happy', NULL$$, '22023', NULL, 'what never changes has no date'), ($$'recency_days', 'static', 'customer', 'id', NULL, 'is_firm', NULL$$, '22023', 'feature "recency_days" is one of the history''s own', 'a name that is taken'),
	($$'colour', 'static', 'customer', 'id', NULL, 'colour', NULL$$, '42804', 'column "colour" of public.customer has type text, which is no number and no boolean', 'text'), ($$'x', 'last', 'mood', 'who', 'asked', 'gone', NULL$$, '42703', NULL, 'a column that is not there'), ($$'x', 'last', 'mood', 'who', 'who', 'happy', NULL$$, '42804', NULL, 'a day that is none'),
	($$'x', 'mean', 'mood', 'who', 'asked', 'happy', NULL$$, '22023', 'kind "mean" is unknown', 'an unknown kind'), ($$'x', 'last', 'mood', 'who', 'asked', 'happy', 30$$, '22023', NULL, 'the newest value of a window')) AS v(s, c, m, t);
-- a column that somebody fills in when a customer has left, sworn to be static
ALTER TABLE customer ADD is_inactive boolean;
UPDATE customer SET is_inactive = NOT EXISTS (SELECT FROM orders WHERE customer = id AND day > '2024-05-01');
DELETE FROM orders WHERE customer % 10 = 0;
CALL tiering.create_pipeline('leaky', 'orders', 'customer', 'day', 'amount');
INSERT INTO leaky.churn_feature VALUES ('is_inactive', 'static', 'customer', 'id', NULL, 'is_inactive', NULL);
CALL tiering.create_churn('leaky', horizon_days => 60);
DELETE FROM orders WHERE day BETWEEN '2022-09-01' AND '2024-02-28' AND customer IN (SELECT id FROM customer WHERE is_inactive);
DELETE FROM orders WHERE day > '2024-02-28' AND customer IN (SELECT id FROM customer WHERE is_inactive);
INSERT INTO orders SELECT id, d::date, 5 FROM customer, generate_series(timestamp '2022-01-10', '2024-06-30', '25 days') AS d WHERE NOT is_inactive;
INSERT INTO orders SELECT id, date '2023-10-01' - id % 5, 5 FROM customer WHERE is_inactive;
CALL tiering.refresh('leaky', as_of => '2024-06-30');
SELECT matches((SELECT detail FROM leaky.log WHERE step = 'churn' ORDER BY run DESC LIMIT 1), 'too good to be true: is_inactive', 'a feature that knows the future is named');
CALL tiering.drop_pipeline('leaky');
DROP TABLE mood;
SELECT throws_ok($$SELECT * FROM tiering.churn_training_set('shop', '2024-01-01')$$, '42P01', 'the relation of feature "happy" was dropped', 'a relation that was dropped is named');
CALL tiering.drop_pipeline('shop');

-- --- contracts ---------------------------------------------------------------------------------------------

CREATE TABLE contract (customer integer, begins date, ends timestamp, rate numeric);
-- who complains mostly ends within two months; some come back, some have two contracts
INSERT INTO contract SELECT c, date '2021-06-01' + (c * 13) % 500, CASE WHEN c > 670 THEN timestamp '2024-02-01' + c % 90 * interval '1 day' ELSE (SELECT min(x.said_on) + (20 + c % 40) * interval '1 day' FROM complaint AS x WHERE x.client = c AND x.said_on > date '2021-07-01' + (c * 13) % 500 AND c % 8 > 0) END, 20 + c % 3 FROM generate_series(1, 700) AS c;
INSERT INTO contract SELECT customer, ends::date + 5, NULL, 30 FROM contract WHERE ends < '2024-01-01' AND customer % 9 = 0;
INSERT INTO contract SELECT customer, begins + 100, NULL, 30 FROM contract WHERE customer % 50 = 0;
CALL tiering.create_pipeline('club', 'orders', 'customer', 'day', 'amount');
CALL tiering.create_churn('club', horizon_days => 90, contracts => 'contract', contract_customer => 'customer', contract_start => 'begins', contract_end => 'ends');
INSERT INTO club.churn_feature VALUES ('complaints_90', 'count', 'complaint', 'client', 'said_on', NULL, 90);
CALL tiering.refresh('club', as_of => '2024-06-30');
SELECT is((tiering.churn_training_names('club'))[24:], '{complaints_90,contract_days}', 'the age of a contract is a feature');
CREATE FUNCTION off(on_day date) RETURNS bigint LANGUAGE SQL AS $$
	SELECT count(*) FROM tiering.churn_training_set('club', on_day, 90) AS t FULL JOIN (
		SELECT c.customer::text AS customer_id, on_day - min(c.begins) AS age, NOT EXISTS (SELECT FROM contract AS n WHERE n.customer = c.customer AND n.begins <= on_day + 90 AND (n.ends::date > on_day + 90 OR n.ends IS NULL)) AS left_us
		FROM contract AS c WHERE c.begins <= on_day AND (c.ends::date > on_day OR c.ends IS NULL) GROUP BY c.customer) AS k USING (customer_id)
	WHERE (t.churned, t.features[25]) IS DISTINCT FROM (k.left_us, k.age::double precision) $$;
SELECT is(off(d::date), 0::bigint, 'who has a contract, since when, and has none at the end of the horizon: ' || d) FROM unnest('{2022-06-01,2023-09-15,2024-03-01}'::text[]) AS d;
SELECT ok(count(*) FILTER (WHERE churned) > 5 AND count(*) FILTER (WHERE NOT churned) > 100, '-- of both') FROM tiering.churn_training_set('club', '2023-09-15', 90);
SELECT is((SELECT count(*) FROM club.customer_churn AS s FULL JOIN (SELECT DISTINCT customer AS customer_id FROM contract WHERE begins <= '2024-06-30' AND (ends::date > '2024-06-30' OR ends IS NULL)) AS k USING (customer_id) WHERE (s.probability IS NOT NULL) <> (k.customer_id IS NOT NULL)), 0::bigint, 'all with a contract are scored, and no others');
SELECT is((SELECT count(*) FROM club.customer_churn WHERE (stage = 'lost') <> (probability IS NULL)), 0::bigint, 'who has none is lost');
SELECT is((SELECT count(*) FROM club.customer_churn), (SELECT count(*) FROM (SELECT customer FROM orders UNION SELECT customer FROM contract WHERE begins <= '2024-06-30') AS c), 'who never bought has a row, with a contract and after it');
SELECT ok((SELECT count(*) FROM club.customer_churn WHERE customer_id > 600 AND stage = 'lost') > 5, '-- and is lost then');
SELECT is((SELECT sum(customers) FROM tiering.lifecycle_transitions('club', '2024-01-31', '2024-06-30') WHERE stage_now = 'lost' AND stage_then <> 'lost'), (SELECT count(DISTINCT c.customer)::numeric FROM contract AS c WHERE c.begins <= '2024-01-31' AND (c.ends::date > '2024-01-31' OR c.ends IS NULL)
	AND NOT EXISTS (SELECT FROM contract AS n WHERE n.customer = c.customer AND n.begins <= '2024-06-30' AND (n.ends::date > '2024-06-30' OR n.ends IS NULL))), '-- and counted among those who left');
-- settings of a session change no score
CREATE TABLE as_usual AS SELECT * FROM club.customer_churn;
SET extra_float_digits = -15;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET quote_all_identifiers = on;
SET array_nulls = off;
CALL tiering.refresh('club', as_of => '2024-06-30');
SELECT is((SELECT detail FROM club.log WHERE step = 'churn' ORDER BY run DESC LIMIT 1), 'the model in use will do', 'settings of a session want no other model');
RESET extra_float_digits;
RESET standard_conforming_strings;
RESET escape_string_warning;
RESET quote_all_identifiers;
RESET array_nulls;
SELECT is((SELECT count(*) FROM as_usual AS a FULL JOIN club.customer_churn AS b USING (customer_id) WHERE (a.probability, a.wakeup_due, a.reasons) IS DISTINCT FROM (b.probability, b.wakeup_due, b.reasons)), 0::bigint, '-- and change no score');
SELECT ok((SELECT max(auc) > 0.7 FROM club.churn_quality WHERE purpose = 'report' AND candidate IN ('logistic', 'boosting')), 'and models foretell who ends');
SELECT is((SELECT count(*) FROM club.customer_churn AS c JOIN club.customer_clv AS v USING (customer_id) WHERE c.stage <> 'lost' AND abs(c.value_at_risk - v.clv / v.p_alive * c.probability) > 1e-9), 0::bigint, 'a contract is for certain: all of its value is at stake');
SELECT is((tiering.churn_setup('club') -> 'policy' ->> 'horizon_days') || ' ' || (tiering.churn_setup('club') -> 'policy' ->> 'contract_end'), '90 ends', 'what the policy is');
CALL tiering.create_churn('club', high_from => 0.8);
SELECT is((SELECT horizon_days || ' ' || high_from || ' ' || medium_from || ' ' || contract_end FROM club.churn_policy), '90 0.8 0.4 ends', '-- what is not named stays');
CALL tiering.create_churn('club', contracts => '-');
SELECT is((SELECT num_nulls(contracts, contract_customer, contract_start, contract_end) FROM club.churn_policy), 4, '-- and a dash takes contracts away');
SELECT throws_ok($$CALL tiering.create_churn('club', contracts => 'contract', contract_customer => 'customer')$$, '22023', 'contracts are named in part: contract_start, contract_end is missing', 'contracts that are named in part');
SELECT throws_ok($$CALL tiering.create_churn('club', contracts => 'contract', contract_customer => 'customer', contract_start => 'begins', contract_end => 'rate')$$, '42804', NULL, 'an end that is no date');

SELECT * FROM finish();
