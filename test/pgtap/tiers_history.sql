--
-- tiers_history: late, corrected and deleted orders, other programmes and new
-- versions, and whether all that tells a tier tells the same
--
\set QUIET on
SET client_min_messages = error;
\ir ../data/told_tiers.sql
SELECT plan(139);

-- Two pipelines over the same orders, one of each kind of corrections
CALL tiering.create_pipeline('now', 'orders', 'customer', 'day', 'amount', time_zone => 'UTC');
CALL tiering.create_pipeline('retro', 'orders', 'customer', 'day', 'amount', time_zone => 'UTC');
SELECT format($$CALL tiering.create_tiers(%L, 'plan', '{100,500}', tiers => '{base,member,gold}', window_kind => 'lifetime'%s)$$, p, m)
FROM (VALUES ('now', ''), ('retro', ', corrections => ''retroactive''')) AS v(p, m) \gexec
CREATE FUNCTION overlaps(pipeline text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	EXECUTE format('WITH h AS (SELECT customer_id, valid, row_number() OVER () AS n FROM %I.tier_history WHERE superseded_at IS NULL)
		SELECT count(*) FROM h AS a JOIN h AS b ON a.customer_id = b.customer_id AND a.n < b.n AND (a.valid && b.valid OR isempty(a.valid))', pipeline) INTO n;
	RETURN n;
END $$;

-- --- late, corrected and deleted orders ----------------------------------------------------

SELECT buy('2024-01-10 100', 1), buy('2024-01-10 100, 2024-02-01 400', 2), buy('2024-01-10 100, 2024-02-01 400', 3), buy('2024-01-10 100', 4), buy('2024-01-10 90', 5) \gset
CALL tiering.refresh('now', as_of => '2024-06-30');
CALL tiering.refresh('retro', as_of => '2024-06-30');
CREATE TABLE told_on AS SELECT clock_timestamp() AS june;
SELECT buy('2024-03-10 400', 1), buy('2024-06-30 10', 5) \gset
DELETE FROM orders WHERE customer = 2 AND amount = 400;
UPDATE orders SET amount = 399.99 WHERE customer = 3 AND amount = 400;
DELETE FROM orders WHERE customer = 4;
CALL tiering.refresh('now', as_of => '2024-07-01');
CALL tiering.refresh('retro', as_of => '2024-07-01');
SELECT is(history_of(p, c), h, t || ': ' || p) FROM (VALUES
	(1, 'member 2024-01-10, gold 2024-07-01', 'member 2024-01-10, gold 2024-03-10', 'a late order lifts'),
	(2, 'member 2024-01-10, gold 2024-02-01, member 2024-07-01', 'member 2024-01-10', 'a deleted order lowers'),
	(3, 'member 2024-01-10, gold 2024-02-01, member 2024-07-01', 'member 2024-01-10', 'a corrected order lowers'),
	(4, 'member 2024-01-10, nothing 2024-07-01', 'nothing', 'without any orders he has left'),
	(5, 'base 2024-01-10, member 2024-07-01', 'base 2024-01-10, member 2024-06-30', 'a late order of the last day that was told')) AS v(c, n, r, t), LATERAL (VALUES ('now', n), ('retro', r)) AS w(p, h);
SELECT is((SELECT count(*) FROM now.tier_history WHERE superseded_at IS NOT NULL), 0::bigint, 'from now: nothing that was told is taken back');
SELECT is((SELECT string_agg(customer_id || ' ' || tier || ' ' || lower(valid), ', ' ORDER BY customer_id) FROM retro.tier_history WHERE superseded_at IS NOT NULL AND tier = 'gold'), '2 gold 2024-02-01, 3 gold 2024-02-01', 'retroactive: what was told of gold stays visible, superseded');
SELECT is((SELECT string_agg(tier, ' ') FROM retro.tier_history, told_on WHERE customer_id = c AND valid @> date '2024-04-01' AND recorded_at <= june AND COALESCE(superseded_at, 'infinity') > june), tier, 'what customer ' || c || ' was told in June about 1 April can be read still')
FROM (VALUES (1, 'member'), (2, 'gold'), (3, 'gold'), (4, 'member'), (5, 'base')) AS v(c, tier);
SELECT is((SELECT string_agg(reason, ' ' ORDER BY lower(valid)) FROM now.tier_history WHERE customer_id = 1), 'enrolled corrected', 'and the reason of the late upgrade is a correction');
SELECT is((SELECT count(*) FROM now.customer_tier WHERE customer_id = 4), 0::bigint, 'who has left has no tier');
SELECT is((tiering.tier_now('now', 4)).tier, NULL, '-- and has none now');

-- the same day once more
SELECT is(tiering.evaluate_tiers(p, '2024-07-01'), 0::bigint, 'the same day again decides nothing: ' || p) FROM unnest('{now,retro}'::text[]) AS p;
SELECT buy('2024-05-05 400', 5) \gset
CALL tiering.refresh('now', as_of => '2024-07-01');
CALL tiering.refresh('retro', as_of => '2024-07-01');
SELECT is(history_of('now', 4), 'member 2024-01-10, nothing 2024-07-01', 'the same day again: who has left has left');
SELECT is((SELECT tier FROM now.customer_tier WHERE customer_id = 5), 'gold', 'the same day again after a late order: gold today');
SELECT is(history_of('now', 5), 'base 2024-01-10, gold 2024-07-01', '-- not before');
SELECT is((SELECT string_agg(tier, ' ') FROM now.tier_history WHERE customer_id = 5 AND superseded_at IS NOT NULL), 'member', '-- and that he was told member on that day is still visible');
SELECT is(history_of('retro', 5), 'base 2024-01-10, member 2024-05-05, gold 2024-06-30', 'retroactive: from the days of the orders');
-- he comes back
SELECT buy('2024-07-20 100', 4) \gset
CALL tiering.refresh('now', as_of => '2024-07-31');
CALL tiering.refresh('retro', as_of => '2024-07-31');
SELECT is(history_of('now', 4), 'member 2024-01-10, nothing 2024-07-01, member 2024-07-20', 'who comes back has a tier from then on, and none between');
SELECT is(history_of('retro', 4), 'member 2024-07-20', '-- retroactive: he was never there before');
SELECT is((SELECT reason FROM now.tier_history WHERE customer_id = 4 AND lower(valid) = '2024-07-20'), 'enrolled', '-- enrolled again');
-- a late order of a customer who is new, and one who bought earlier than was known
SELECT buy('2024-02-02 100', 6), buy('2023-05-05 1', 1) \gset
CALL tiering.refresh('now', as_of => '2024-08-01');
CALL tiering.refresh('retro', as_of => '2024-08-01');
SELECT is(history_of('now', 6), 'member 2024-02-02', 'a new customer, who was told nothing, is a member since his late order');
SELECT is(history_of('retro', 6), 'member 2024-02-02', '-- retroactive too');
SELECT is(history_of('now', 1), 'member 2024-01-10, gold 2024-07-01', 'an order before the first one tells nothing new of the past from now');
SELECT is(history_of('retro', 1), 'base 2023-05-05, member 2024-01-10, gold 2024-03-10', '-- but retroactively');
SELECT is(overlaps(p), 0::bigint, 'live ranges do not overlap: ' || p) FROM unnest('{now,retro}'::text[]) AS p;
SELECT throws_ok($$INSERT INTO now.tier_decision SELECT * FROM now.tier_decision WHERE superseded_at IS NULL LIMIT 1$$, '23505', NULL, '-- the database sees to it');
CALL tiering.refresh('now', as_of => '2024-07-15');
SELECT is((SELECT max(as_of) FROM now.tier_evaluation), '2024-08-01', 'a refresh of a day before decides no tiers');

-- --- a random shop, changed again and again -------------------------------------------------

CREATE FUNCTION chance(seed text) RETURNS double precision LANGUAGE SQL IMMUTABLE RETURN ('x' || substr(md5(seed), 1, 7))::bit(28)::integer / 268435456.0;
CREATE TABLE sale (line integer PRIMARY KEY, customer integer, day date, amount numeric);
INSERT INTO sale SELECT n, 1 + (chance('who ' || n) * 250)::integer, date '2023-01-01' + (chance('when ' || n) * 540)::integer, round((100 * chance('much ' || n) - 10)::numeric, 2) FROM generate_series(1, 3000) AS n;
-- what is late, deleted and corrected in each round
CREATE PROCEDURE change_sales(round integer) LANGUAGE SQL AS $$
	INSERT INTO sale SELECT round * 10000 + n, 1 + (chance(round || ' who ' || n) * 260)::integer, date '2023-01-01' + (chance(round || ' when ' || n) * 540)::integer, round((100 * chance(round || ' much ' || n) - 10)::numeric, 2) FROM generate_series(1, 60) AS n;
	DELETE FROM sale WHERE chance(round || ' gone ' || line) < 0.02 OR chance(round || ' gone customer ' || customer) < 0.02;
	UPDATE sale SET amount = round(amount * 1.5, 2), day = day + 3 WHERE chance(round || ' other ' || line) < 0.02;
$$;
SELECT format($$CALL tiering.create_pipeline(%1$L, 'sale', 'customer', 'day', 'amount', time_zone => 'UTC', purchase_model => 'bgnbd', interval_level => 0, fit_every => 9999)$$, p || k), format($$CALL tiering.create_tiers(%L, 'plan', '{50,100,200}', corrections => %L%s)$$, p || k, p, a)
FROM unnest('{from_now,retroactive}'::text[]) AS p,
	(VALUES ('_rolling', $$, window_length => '120 days', grace => '15 days'$$), ('_calendar', $$, window_kind => 'calendar', window_length => '3 months', landing => 'one level'$$)) AS v(k, a) \gexec
-- what is told about each day, when it is told
CREATE TABLE told_then (pipeline text, customer integer, day date, tier text);
CREATE FUNCTION tiers_on_days(pipeline text, until date) RETURNS TABLE (customer integer, day date, tier text) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT h.customer_id, d::date, h.tier FROM %I.tier_history AS h JOIN generate_series(date ''2023-01-01'', $1, ''7 days'') AS d ON h.valid @> d::date WHERE h.superseded_at IS NULL', pipeline) USING until;
END $$;
CREATE FUNCTION taken_back(pipeline text, until date) RETURNS text LANGUAGE SQL AS $$
	SELECT count(*) || COALESCE(', such as ' || min(d::text), '') FROM ((SELECT customer, day, tier FROM told_then WHERE pipeline = $1 EXCEPT SELECT * FROM tiers_on_days($1, $2))
		UNION ALL (SELECT t.* FROM tiers_on_days($1, $2) AS t JOIN (SELECT DISTINCT customer FROM told_then WHERE pipeline = $1) AS known USING (customer)
			EXCEPT SELECT customer, day, tier FROM told_then WHERE pipeline = $1)) AS d
$$;
SELECT format('CALL tiering.refresh(%L, as_of => %L)', p, as_of),
	CASE WHEN p LIKE 'from_now%' AND n > 1 THEN format('SELECT is(taken_back(%L, %L), ''0'', %L)', p, before, 'nothing that was told until ' || before || ' is told otherwise on ' || as_of || ': ' || p) END,
	format('SELECT is(overlaps(%L), 0::bigint, %L)', p, 'no two tiers at once on ' || as_of || ': ' || p),
	CASE WHEN p LIKE 'from_now%' THEN format('DELETE FROM told_then WHERE pipeline = %L', p) END,
	CASE WHEN p LIKE 'from_now%' THEN format('INSERT INTO told_then SELECT %1$L, * FROM tiers_on_days(%1$L, %2$L)', p, as_of) END,
	CASE WHEN p = 'retroactive_calendar' THEN format('CALL change_sales(%s)', n) END
FROM (SELECT n, as_of, lag(as_of) OVER (ORDER BY n) AS before FROM unnest('{2023-07-03,2023-09-30,2023-10-01,2024-06-30}'::date[]) WITH ORDINALITY AS u(as_of, n)) AS r,
	unnest('{from_now_rolling,from_now_calendar,retroactive_rolling,retroactive_calendar}'::text[]) WITH ORDINALITY AS q(p, i) ORDER BY n, i \gexec
CREATE FUNCTION differences(one text, other text, columns text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
	EXECUTE format('WITH a AS (SELECT %3$s FROM %1$I.tier_history WHERE superseded_at IS NULL), b AS (SELECT %3$s FROM %2$I.tier_history WHERE superseded_at IS NULL)
		SELECT count(*) || COALESCE('', such as '' || min(d::text), '''') FROM ((TABLE a EXCEPT TABLE b) UNION ALL (TABLE b EXCEPT TABLE a)) AS d', one, other, columns) INTO found;
	RETURN found;
END $$;
-- the last changes, and a shop that never saw another state
SELECT format('CALL tiering.refresh(%L, as_of => ''2024-07-01'')', 'retroactive' || k), format('CALL tiering.create_pipeline(%L, ''sale'', ''customer'', ''day'', ''amount'', time_zone => ''UTC'', purchase_model => ''bgnbd'', interval_level => 0)', 'fresh' || k),
	format('CALL tiering.create_tiers(%L, ''plan'', ''{50,100,200}'', corrections => ''retroactive''%s)', 'fresh' || k, a), format('CALL tiering.refresh(%L, as_of => ''2024-07-01'')', 'fresh' || k),
	format($$SELECT is(differences(%1$L, %2$L, 'customer_id, tier, valid, rank, version, programme'), '0', 'four rounds of changes end in the same history as one from scratch: %1$s')$$, 'retroactive' || k, 'fresh' || k),
	format($$SELECT is(differences(%1$L, %2$L, 'customer_id, tier, valid, metrics'), '0', '-- with the metrics that the orders have now: %1$s')$$, 'retroactive' || k, 'fresh' || k),
	format($$SELECT set_eq('SELECT * FROM %1$I.customer_tier', 'SELECT * FROM %2$I.customer_tier', '-- and in the same tiers, with all that leads away from them: %1$s')$$, 'retroactive' || k, 'fresh' || k)
FROM (VALUES ('_rolling', $$, window_length => '120 days', grace => '15 days'$$), ('_calendar', $$, window_kind => 'calendar', window_length => '3 months', landing => 'one level'$$)) AS v(k, a) \gexec

-- --- all tell the same -----------------------------------------------------------------------

SELECT format($$SELECT is((SELECT count(*) FROM %1$I.customer_tier AS c FULL JOIN (SELECT * FROM %1$I.tier_history WHERE superseded_at IS NULL AND valid @> date '2024-07-01') AS h USING (customer_id)
	WHERE (c.tier, c.rank, c.since, c.version, c.programme) IS DISTINCT FROM (h.tier, h.rank, lower(h.valid), h.version, h.programme)), 0::bigint, 'customer_tier agrees with tier_history: %1$s')$$, p),
	format($$SELECT is((SELECT count(*) FROM %1$I.customer_tier AS c, tiering.explain_tier(%1$L, c.customer_id) AS e WHERE c.customer_id <= 30 AND e.topic = 'tier' AND e.explanation ILIKE '%%' || c.tier || '%% since ' || c.since || ',%%'), (SELECT count(*) FROM %1$I.customer_tier WHERE customer_id <= 30), '-- and explain_tier: %1$s')$$, p),
	format($$SELECT is((SELECT count(*) FROM %1$I.tier_history AS h, tiering.explain_tier(%1$L, h.customer_id, lower(h.valid)) AS e WHERE h.customer_id <= 10 AND h.superseded_at IS NULL AND e.topic = 'tier' AND e.explanation ILIKE '%%' || h.tier || '%% since ' || lower(h.valid) || ',%%'), (SELECT count(*) FROM %1$I.tier_history WHERE customer_id <= 10 AND superseded_at IS NULL), '-- on the first day of each tier: %1$s')$$, p),
	format($$SELECT is((SELECT sum(customers) FROM %1$I.tier_summary), (SELECT count(*)::numeric FROM %1$I.customer_tier), '-- and tier_summary: %1$s')$$, p),
	format($$SELECT is((SELECT sum(revenue) FROM %1$I.tier_summary), (SELECT sum(net_total) FROM %1$I.customer_profile WHERE tier IS NOT NULL), '-- whose money is that of the profile: %1$s')$$, p),
	format($$SELECT is((SELECT count(*) FROM tiering.simulate_tiers(%1$L, 'plan', '2022-12-31', '2024-07-01') WHERE (customers, revenue, upgrades, downgrades) IS DISTINCT FROM (customers_today, revenue_today, upgrades_today, downgrades_today)), 0::bigint, 'the programme in use, simulated, is as it is: %1$s')$$, p),
	format($$SELECT is((SELECT count(*) FROM tiering.simulate_tiers(%1$L, 'plan', '2022-12-31', '2024-07-01') AS s WHERE customers <> (SELECT count(*) FROM %1$I.customer_tier AS c WHERE c.tier = s.tier)), 0::bigint, '-- and as customer_tier has it: %1$s')$$, p),
	format($$SELECT is((SELECT (sum(upgrades), sum(downgrades))::text FROM tiering.simulate_tiers(%1$L, 'plan', '2022-12-31', '2024-07-01')), (SELECT (sum(customers) FILTER (WHERE direction = 'up'), sum(customers) FILTER (WHERE direction = 'down'))::text FROM %1$I.tier_movement), '-- with the moves of tier_movement: %1$s')$$, p),
	format($$SELECT is((SELECT count(*) FROM tiering.simulated_tiers(%1$L, 'plan', '2022-12-31', '2024-03-15') AS s FULL JOIN (SELECT customer_id::text, tier FROM %1$I.tier_history WHERE superseded_at IS NULL AND valid @> date '2024-03-15') AS h USING (customer_id)
		WHERE s.tier IS DISTINCT FROM h.tier), 0::bigint, 'a day of the past, replayed, is as it was told: %1$s')$$, p),
	format($$SELECT is((SELECT sum(revenue) FROM tiering.simulate_tiers(%1$L, 'plan', '2022-12-31', '2024-07-01')), (SELECT sum(amount) FROM sale WHERE day <= '2024-07-01' AND customer IN (SELECT customer_id FROM %1$I.customer_tier)), '-- and all money: %1$s')$$, p)
FROM unnest('{retroactive_rolling,retroactive_calendar}'::text[]) AS p \gexec
CALL tiering.create_tiers('retroactive_rolling', 'strict', '{500,1000,2000}', window_length => '30 days', in_use => false);
SET default_transaction_read_only = on;
SELECT count(*) AS n, sum(customers) AS all_of, sum(customers_today) AS all_today FROM tiering.simulate_tiers('retroactive_rolling', 'strict', '2023-01-01', '2024-07-01') \gset strict_
SET default_transaction_read_only = off;
SELECT is((:'strict_all_of', :'strict_all_today')::text, (SELECT (count(*)::text, count(*)::text)::text FROM retroactive_rolling.customer_tier), 'simulated in a transaction that writes nothing: the same customers');
SELECT ok((SELECT customers FROM tiering.simulate_tiers('retroactive_rolling', 'strict', '2023-01-01', '2024-07-01') WHERE rank = 0) > (SELECT customers_today FROM tiering.simulate_tiers('retroactive_rolling', 'strict', '2023-01-01', '2024-07-01') WHERE rank = 0), 'a stricter policy leaves more of them in the base tier');

-- --- a purchase of a second ago -----------------------------------------------------------------

SELECT is((tiering.tier_now('now', 2)).tier, 'member', 'before a purchase');
INSERT INTO orders (customer, day, amount) VALUES (2, (now() AT TIME ZONE 'UTC')::date, 400), (77, (now() AT TIME ZONE 'UTC')::date, 100);
SELECT is((tiering.tier_now('now', 2)).tier, 'gold', '-- and after it, at once');
SELECT is((tiering.tier_now('now', 2)).since, (now() AT TIME ZONE 'UTC')::date, '-- since today');
SELECT is((tiering.tier_now('now', 77)).tier, 'member', 'a customer of a second ago');
SELECT is((SELECT tier FROM now.customer_tier WHERE customer_id = 2), 'member', 'customer_tier is as of the last evaluation');
DELETE FROM orders WHERE day > '2025-01-01';
SELECT is((tiering.tier_now('now', 2)).tier, 'member', 'and taken back');

-- --- versions that have decided -------------------------------------------------------------------

SELECT matches(error_of(s), '^55000 .*plan.*2024-08-01', 'refused, for it has decided: ' || s) FROM unnest(ARRAY[
	$$UPDATE now.tier_condition SET threshold = 99 WHERE rank = 1$$, $$DELETE FROM now.tier_condition WHERE rank = 2$$, $$INSERT INTO now.tier_condition VALUES ('plan', 1, 1, 'orders', 2)$$,
	$$UPDATE now.tier SET combine = 'any' WHERE rank = 2$$, $$UPDATE now.tier SET tier = 'vip' WHERE rank = 2$$, $$DELETE FROM now.tier WHERE rank = 2$$, $$INSERT INTO now.tier VALUES ('plan', 1, 3, 'more')$$,
	$$UPDATE now.tier_policy SET downgrade = 'never'$$, $$UPDATE now.tier_policy SET valid_from = '2030-01-01'$$, $$DELETE FROM now.tier_policy$$,
	$$CALL tiering.create_tiers('now', 'plan', '{1,2}', tiers => '{base,member,gold}', window_kind => 'lifetime', valid_from => '2024-08-01')$$, $$CALL tiering.create_tiers('now', 'plan', '{1,2}', tiers => '{base,member,gold}', window_kind => 'lifetime', valid_from => '0001-01-02')$$]) AS s;
SELECT isnt(error_of(s), 'no error', 'nor is it evaded: ' || s) FROM unnest(ARRAY[
	$$UPDATE now.tier_programme SET programme = 'renamed'; UPDATE now.tier_condition SET threshold = 99 WHERE rank = 1$$,
	$$UPDATE now.tier_metric SET kind = 'gross_spend' WHERE metric = 'net_spend'$$,
	$$TRUNCATE now.tier_condition$$]) AS s;
SELECT is(error_of($$CALL tiering.create_tiers('now', 'plan', '{100}', tiers => '{base,member}', window_kind => 'lifetime', valid_from => '2024-08-02')$$), 'no error', 'a version from the day after is not');
CALL tiering.create_tiers('now', 'plan', '{100,400}', tiers => '{base,member,gold}', window_kind => 'lifetime', valid_from => '2024-09-01');
CREATE TABLE before AS SELECT customer_id, tier, lower(valid) AS since, version FROM now.tier_history WHERE superseded_at IS NULL;
UPDATE now.tier_condition SET threshold = 490 WHERE version = 2 AND rank = 2;
CALL tiering.refresh('now', as_of => '2024-08-31');
SELECT is((SELECT count(*) FROM now.customer_tier WHERE version <> 1), 0::bigint, 'the version from September decides nothing in August');
CALL tiering.refresh('now', as_of => '2024-09-30');
SELECT is((SELECT min(version) FROM now.customer_tier), 2, '-- and everything in September');
SELECT is((SELECT tier || ' ' || since FROM now.customer_tier WHERE customer_id = 3), 'gold 2024-09-01', '499.99 are gold by the second version, from its first day');
SELECT is((SELECT string_agg(reason, ' ') FROM now.tier_history WHERE customer_id = 3 AND lower(valid) = '2024-09-01'), 'policy', '-- for it is another policy');
SELECT is_empty('SELECT c.customer_id, c.version, h.version FROM now.customer_tier AS c JOIN now.tier_history AS h USING (customer_id) WHERE h.superseded_at IS NULL AND h.valid @> c.as_of AND h.version > c.version', 'tier_history names the version that decided, customer_tier the present one');
SELECT is_empty('SELECT * FROM before EXCEPT SELECT customer_id, tier, lower(valid), version FROM now.tier_history WHERE superseded_at IS NULL', 'what the first one decided stays');
SELECT matches(error_of($$UPDATE now.tier_condition SET threshold = 1000 WHERE version = 2 AND rank = 2$$), '^55000 ', 'now that has decided too');

-- --- another programme ---------------------------------------------------------------------------

SELECT format($$CALL tiering.create_tiers(%L, 'other', '{3}', tiers => '{low,high}', window_kind => 'lifetime', metric => 'orders', in_use => false)$$, p) FROM unnest('{now,retro}'::text[]) AS p \gexec
CREATE TABLE decided AS SELECT 'now' AS pipeline, customer_id, tier, lower(valid) AS since FROM now.tier_history WHERE superseded_at IS NULL UNION ALL SELECT 'retro', customer_id, tier, lower(valid) FROM retro.tier_history WHERE superseded_at IS NULL;
SELECT is(history_of('now', 2), (SELECT string_agg(tier || ' ' || since, ', ' ORDER BY since) FROM decided WHERE pipeline = 'now' AND customer_id = 2), 'a programme that is not in use decides nothing');
UPDATE now.tier_programme SET in_use = false WHERE programme = 'plan';
UPDATE now.tier_programme SET in_use = true WHERE programme = 'other';
UPDATE retro.tier_programme SET in_use = false WHERE programme = 'plan';
UPDATE retro.tier_programme SET in_use = true WHERE programme = 'other';
CALL tiering.refresh('now', as_of => '2024-10-01');
CALL tiering.refresh('retro', as_of => '2024-10-01');
SELECT is((SELECT string_agg(DISTINCT c.tier || ' ' || c.since || ' ' || c.programme, ', ') FROM now.customer_tier AS c), 'high 2024-10-01 other, low 2024-10-01 other', 'another programme decides from the first day that it is in use');
SELECT is_empty($$SELECT customer_id, tier, since FROM decided WHERE pipeline = 'now' EXCEPT SELECT customer_id, tier, lower(valid) FROM now.tier_history WHERE superseded_at IS NULL$$, 'what the former one decided stays');
SELECT is_empty($$SELECT customer_id, tier, since FROM decided WHERE pipeline = 'retro' EXCEPT SELECT customer_id, tier, lower(valid) FROM retro.tier_history WHERE superseded_at IS NULL$$, '-- also where corrections are retroactive');
SELECT is((SELECT string_agg(DISTINCT reason, ' ') FROM now.tier_history WHERE lower(valid) = '2024-10-01'), 'policy', '-- and the reason is the policy');
UPDATE now.tier_programme SET in_use = false;
SELECT is(error_of($$SELECT tiering.evaluate_tiers('now', '2024-10-02')$$) LIKE '55000 %', true, 'without a programme in use there is nothing to evaluate');
CALL tiering.refresh('now', as_of => '2024-10-02');
SELECT is((SELECT max(as_of) FROM now.tier_evaluation), '2024-10-01', '-- and a refresh does not');
UPDATE now.tier_programme SET in_use = true WHERE programme = 'plan';
CALL tiering.refresh('now', as_of => '2024-10-05');
SELECT is((SELECT tier || ' ' || since || ' ' || programme || ' ' || version FROM now.customer_tier WHERE customer_id = 3), 'gold 2024-10-02 plan 2', 'back to the former programme, from the day after the last one that was decided');
SELECT is(overlaps(p), 0::bigint, 'live ranges do not overlap: ' || p) FROM unnest('{now,retro}'::text[]) AS p;

-- --- who is no member any more on the days that follow ------------------------------------

CREATE TABLE moved (customer integer, day date, amount numeric);
INSERT INTO moved VALUES (1, '2024-12-01', 1000), (2, '2024-12-01', 50);
CREATE FUNCTION moved_tiers(pipeline text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
	EXECUTE format('SELECT string_agg(concat_ws('' '', tier, valid, reason), '', '' ORDER BY valid) FROM %I.tier_history WHERE customer_id = 1 AND superseded_at IS NULL', pipeline) INTO found;
	RETURN found;
END $$;
SELECT format($$CALL tiering.create_pipeline(%1$L, 'moved', 'customer', 'day', 'amount', time_zone => 'UTC'); CALL tiering.create_tiers(%1$L, 'plan', '{100,500}', tiers => '{bronze,silver,gold}'); CALL tiering.refresh(%1$L, as_of => '2025-02-01')$$, p) FROM unnest('{jump,daily}'::text[]) AS p \gexec
DELETE FROM moved WHERE customer = 1;
INSERT INTO moved VALUES (1, '2025-05-17', 20);
CALL tiering.refresh('daily', as_of => '2025-02-02');
CALL tiering.refresh('daily', as_of => '2025-08-20');
CALL tiering.refresh('jump', as_of => '2025-08-20');
SELECT is(moved_tiers(p), 'gold [2024-12-01,2025-02-02) enrolled, bronze [2025-05-17,) enrolled', 'who is no customer any more has left, until he buys anew: ' || t) FROM (VALUES ('daily', 'day by day'), ('jump', 'and at once')) AS v(p, t);
SELECT is((SELECT string_agg(concat_ws(' ', month, direction, from_tier, customers), ', ' ORDER BY month, direction) FROM jump.tier_movement WHERE direction = 'left'), '2025-02-01 left gold 1', 'and movement says that he left');
SELECT is((SELECT explanation FROM tiering.explain_tier('jump', 1, '2025-01-01') WHERE topic = 'note'), 'what is known today would have given no tier on that day; what was told stays', 'what was told and is no more is explained as such');
SELECT is((SELECT string_agg(explanation, '; ' ORDER BY topic) FROM tiering.explain_tier('jump', 1, '2025-01-01') WHERE topic IN ('rule', 'window')),
	'net_spend of at least 500; purchases of the last 1 year count; upgrade at once, downgrade at once, to what was earned', '-- by the rule that gave it');
SELECT is((SELECT count(*) FROM tiering.explain_tier('jump', 1, '2025-01-01') WHERE topic IN ('counts now', 'next tier', 'without purchases')), 0::bigint, '-- and nothing is foretold');
SELECT is((SELECT string_agg(tier || ' ' || customers, ', ' ORDER BY rank) FROM tiering.simulate_tiers('jump', 'plan', '2025-01-01', '2025-08-01')), 'bronze 2, silver 0, gold 0', 'a simulation tells of tiers that nobody has');
INSERT INTO jump.tier_override (customer_id, tier, valid_from, at_least, reason) VALUES (1, 'silver', '2025-08-21', false, 'a test');
CALL tiering.refresh('jump', as_of => '2025-08-21');
SELECT is((SELECT concat_ws(' ', tier, next_tier, missing_for_next) FROM jump.customer_tier WHERE customer_id = 1), 'silver', 'while just one tier is given, no purchase leads to another');
INSERT INTO moved VALUES (3, '2025-01-10', 20), (3, '2025-08-22', 600), (4, '2025-01-10', 800);
INSERT INTO jump.tier_override (customer_id, tier, valid_from, valid_until, reason, author) VALUES (3, 'silver', '2025-02-01', 'infinity', 'lost parcel', 'Kim'), (4, 'gold', '2025-02-01', '2026-12-31', 'lost parcel', 'Kim');
CALL tiering.refresh('jump', as_of => '2026-03-29');
SELECT is((SELECT reason FROM jump.tier_history WHERE customer_id = 3 AND superseded_at IS NULL AND tier = 'gold'), 'upgraded', 'an upgrade above what was given is one, and no end of it');
SELECT is((SELECT explanation FROM tiering.explain_tier('jump', 4) WHERE topic = 'given'), 'at least this by Kim: lost parcel, from 2025-02-01 to 2026-12-31', 'a tier that is there because it was given says so');
CREATE TABLE point (member integer, day date, points integer);
INSERT INTO point VALUES (2, '2025-04-10', 10), (2, '2025-04-11', 2);
INSERT INTO jump.tier_metric VALUES ('points', 'sum', 'point', 'member', 'day', 'points');
CALL tiering.create_tiers('jump', 'other', '{10}', metric => 'points', tiers => '{a,b}', in_use => true);
CALL tiering.refresh('jump', as_of => '2026-03-30');
SELECT is((SELECT explanation FROM tiering.explain_tier('jump', 2) WHERE topic = 'counts now'), 'points 12; points from rows of 2025-04-11 (2), 2025-04-10 (10)', 'points come from rows, and not from purchases');
DROP TABLE point;
SELECT throws_ok($$SELECT tiering.evaluate_tiers('jump', '2026-03-31')$$, '42P01', 'the relation of metric "points" was dropped', 'rows that are gone are missed by the name of their metric');

SELECT * FROM finish();
