--
-- tiers_refused: bad input is refused with a reason, and changes nothing
--
\set QUIET on
SET client_min_messages = error;
\ir ../data/told_tiers.sql
SELECT plan(120);

SELECT buy('2024-01-10 100, 2024-06-10 100'), buy('2024-03-10 600', 2) \gset
CALL tiering.create_tiers('shop', 'plan', '{100,500}', tiers => '{base,member,gold}', window_kind => 'rolling', window_length => '1 year');
CALL tiering.refresh('shop', as_of => '2024-06-30');

-- In one word: all that declares tiers, and all that was decided
CREATE FUNCTION state() RETURNS text LANGUAGE SQL AS $$
	SELECT md5(string_agg(query_to_xml(format('SELECT t FROM shop.%I AS t ORDER BY t::text', r), true, false, '')::text, ' ' ORDER BY r))
	FROM unnest('{tier_programme,tier_metric,tier_policy,tier,tier_condition,tier_name,tier_evaluation,tier_override,tier_snapshot,tier_history,customer_tier}'::text[]) AS r
$$;
CREATE TABLE before AS SELECT state();

-- --- create_tiers() --------------------------------------------------------------------

SELECT matches(error_of(format($$CALL tiering.create_tiers('shop', 'new', %s)$$, a)), e, t) FROM (VALUES
	($$'{100}', tiers => '{base,member}', metric => 'likes'$$, '^42704 .*"likes"', 'an unknown metric'),
	($$'{100}', tiers => '{base,member}', metric => NULL$$, '^22004 .*metric', 'no metric'),
	($$'{100}', tiers => '{base,member}', metric => ''$$, '^42704 ', 'an empty metric'),
	($$'{NaN}', tiers => '{base,member}'$$, '^2', 'NaN is no threshold'),
	($$'{Infinity}', tiers => '{base,member}'$$, '^2', 'nor is infinity'),
	($$'{-Infinity}', tiers => '{base,member}'$$, '^2', 'nor is -infinity'),
	($$'{NULL}', tiers => '{base,member}'$$, '^2', 'nor is NULL'),
	($$'{much}', tiers => '{base,member}'$$, '^22P02 .*"much"', 'nor is a word'),
	($$'{1e15}', tiers => '{base,member}'$$, '^2', 'too high a threshold'),
	($$'{0.0000001}', tiers => '{base,member}'$$, '^2', 'too fine a threshold'),
	($$'{100}', tiers => '{base,member,gold}'$$, '^22023 .*1 .*3', 'fewer thresholds than tiers'),
	($$'{100,200}', tiers => '{base,member}'$$, '^22023 .*2 .*2', 'more thresholds than tiers'),
	($$'{}', tiers => '{}'$$, '^2', 'no tiers'),
	($$NULL, tiers => '{base}'$$, '^22004 .*thresholds', 'no thresholds'),
	($$'{100}', tiers => NULL$$, '^22004 .*tiers', 'tiers that are NULL'),
	($$'{100}', tiers => '{base,NULL}'$$, '^2350[24] ', 'a tier that is NULL'),
	($$'{100}', tiers => '{base,""}'$$, '^23514 ', 'a tier without a code'),
	($$'{100}', tiers => '{base,base}'$$, '^2', 'the same tier twice'),
	($$'{200,100}', tiers => '{base,member,gold}'$$, '^23514 .*"gold".*"member"', 'a higher tier that is easier'),
	($$'{100,100}', tiers => '{base,member,gold}'$$, '^23514 .*"gold".*"member"', 'a higher tier that is as easy'),
	($$'{101}', tiers => '{base,member}', metric => 'spend_percentile'$$, '^23514 .*nobody.*"member"', 'a percentile of 101 is for nobody'),
	($$'{6}', tiers => '{base,member}', metric => 'r_score', window_kind => 'lifetime'$$, '^23514 .*nobody.*"member"', 'a score of 6 of 5'),
	($$'{32}', tiers => '{base,member}', metric => 'purchase_days', window_kind => 'rolling', window_length => '31 days'$$, '^23514 .*nobody.*"member"', '32 days of 31'),
	($$'{100}', tiers => '{base,member}', window_kind => 'sometimes'$$, '^22023 window_kind', 'an unknown window'),
	($$'{100}', tiers => '{base,member}', window_kind => NULL$$, '^2', 'a window that is NULL'),
	($$'{100}', tiers => '{base,member}', window_length => '0 days'$$, '^23514 .*window_length', 'a window of no days'),
	($$'{100}', tiers => '{base,member}', window_length => '-1 year'$$, '^23514 .*window_length', 'a window of less than nothing'),
	($$'{100}', tiers => '{base,member}', window_length => '1 month -1 day'$$, '^23514 .*window_length', '-- in part'),
	($$'{100}', tiers => '{base,member}', window_length => '1 year -10 days'$$, '^23514 .*window_length', '-- by several days'),
	($$'{100}', tiers => '{base,member}', window_length => '-1 month 31 days'$$, '^23514 .*window_length', '-- by a month'),
	($$'{100}', tiers => '{base,member}', grace => '2 months -10 days'$$, '^23514 .*grace', '-- of grace'),
	($$'{100}', tiers => '{base,member}', window_kind => 'calendar', upgrade => 'next period', downgrade => 'at once'$$, '^23514 .*nobody can reach', 'given and taken on one day'),
	($$'{{100}}', tiers => '{base,member}'$$, '^2202E ', 'thresholds in a table'),
	($$'{NaN}', tiers => '{base,member}'$$, '^22023 .*NaN', 'a threshold that is no number'),
	($$'{Infinity}', tiers => '{base,member}'$$, '^22023 .*Infinity', '-- that is infinite'),
	($$'{NULL}', tiers => '{base,member}'$$, '^22023 .*null', '-- that is not there'),
	($$'{0}', tiers => '{base,member}', metric => 'orders'$$, '^23514 .*everybody meets', 'no order at all'),
	($$'{100}', tiers => '{base,member}', window_length => '36 hours'$$, '^23514 .*window_length', 'a window of hours'),
	($$'{100}', tiers => '{base,member}', window_length => '100000 years'$$, '^23514 .*window_length', 'a window longer than the world'),
	($$'{100}', tiers => '{base,member}', window_kind => 'lifetime', window_length => '1 year'$$, '^23514 .*window_length', 'a lifetime of a year'),
	($$'{100}', tiers => '{base,member}', window_kind => 'calendar', window_length => '2 months'$$, '^23514 .*window_length', 'a calendar of two months'),
	($$'{100}', tiers => '{base,member}', window_kind => 'calendar', window_length => '30 days'$$, '^23514 .*window_length', 'a calendar of 30 days'),
	($$'{100}', tiers => '{base,member}', window_kind => 'calendar', fiscal_month => 13$$, '^23514 .*fiscal_month', 'a thirteenth month'),
	($$'{100}', tiers => '{base,member}', window_kind => 'cycle', window_length => '10 days'$$, '^23514 .*cycle', 'cycles without a first day'),
	($$'{100}', tiers => '{base,member}', window_kind => 'cycle', window_length => '10 days', cycle_start => 'infinity'$$, '^23514 .*cycle', 'cycles from infinity'),
	($$'{100}', tiers => '{base,member}', window_kind => 'rolling', downgrade => 'end of period'$$, '^23514 .*period', 'the end of a period, of a window that has none'),
	($$'{100}', tiers => '{base,member}', window_kind => 'lifetime', upgrade => 'next period'$$, '^23514 .*period', 'the next period, of a lifetime'),
	($$'{100}', tiers => '{base,member}', window_kind => 'rolling', decision_period => '5 days'$$, '^23514 .*period', 'a period of five days'),
	($$'{100}', tiers => '{base,member}', downgrade => 'perhaps'$$, '^22023 downgrade', 'an unknown downgrade'),
	($$'{100}', tiers => '{base,member}', upgrade => 'perhaps'$$, '^22023 upgrade', 'an unknown upgrade'),
	($$'{100}', tiers => '{base,member}', landing => 'soft'$$, '^22023 landing', 'an unknown landing'),
	($$'{100}', tiers => '{base,member}', rounded_to => 'week'$$, '^22023 rounded_to', 'an unknown rounding'),
	($$'{100}', tiers => '{base,member}', grace => '-1 day'$$, '^23514 .*grace', 'grace of less than nothing'),
	($$'{100}', tiers => '{base,member}', grace => '1 hour'$$, '^23514 .*grace', 'grace of an hour'),
	($$'{100}', tiers => '{base,member}', minimum_stay => '-1 month'$$, '^23514 .*minimum_stay', 'a stay of less than nothing'),
	($$'{100}', tiers => '{base,member}', valid_from => 'infinity'$$, '^23514 .*valid_from', 'valid from infinity'),
	($$'{100}', tiers => '{base,member}', corrections => 'sometimes'$$, '^22023 corrections', 'unknown corrections')) AS v(a, e, t);
SELECT matches(error_of($$CALL tiering.create_tiers('nowhere', 'plan', '{100}', tiers => '{base,member}')$$), '^3F000 |^42704 ', 'an unknown pipeline');
SELECT matches(error_of($$CALL tiering.create_tiers(NULL, 'plan', '{100}', tiers => '{base,member}')$$), '^22004 |^42704 ', 'a pipeline that is NULL');
SELECT matches(error_of($$CALL tiering.create_tiers('shop', NULL, '{100}', tiers => '{base,member}')$$), '^22004 .*programme', 'a programme that is NULL');
SELECT matches(error_of($$CALL tiering.create_tiers('shop', '', '{100}', tiers => '{base,member}')$$), '^23514 .*programme', 'a programme without a name');

-- --- the tables ---------------------------------------------------------------------------

SELECT matches(error_of('INSERT INTO shop.tier_programme VALUES (''new''); ' || s), e, t) FROM (VALUES
	($$INSERT INTO shop.tier_policy (programme, version) VALUES ('new', 1); INSERT INTO shop.tier VALUES ('new', 1, 0, 'base')$$, '^23514 .*window_length', 'a rolling window without a length'),
	($$INSERT INTO shop.tier_policy (programme, version, window_kind) VALUES ('new', 1, 'calendar'); INSERT INTO shop.tier VALUES ('new', 1, 0, 'base')$$, '^23514 .*window_length', 'a calendar without a length'),
	($$INSERT INTO shop.tier_policy (programme, version, window_kind) VALUES ('new', 1, 'lifetime')$$, '^23514 .*no tiers', 'a version without tiers'),
	($$INSERT INTO shop.tier_policy (programme, version, window_kind) VALUES ('new', 2, 'lifetime'); INSERT INTO shop.tier VALUES ('new', 2, 0, 'base')$$, '^23514 .*version 1', 'a second version without a first'),
	($$INSERT INTO shop.tier_policy (programme, version, window_kind) VALUES ('new', 1, 'lifetime'); INSERT INTO shop.tier VALUES ('new', 1, 1, 'member'); INSERT INTO shop.tier_condition VALUES ('new', 1, 1, 'orders', 1)$$, '^23514 .*rank 0', 'no base tier'),
	($$INSERT INTO shop.tier_policy (programme, version, window_kind) VALUES ('new', 1, 'lifetime'); INSERT INTO shop.tier VALUES ('new', 1, 0, 'base'), ('new', 1, 2, 'gold'); INSERT INTO shop.tier_condition VALUES ('new', 1, 2, 'orders', 1)$$, '^23514 .*rank 1', 'a rank that is left out'),
	($$INSERT INTO shop.tier_policy (programme, version, window_kind) VALUES ('new', 1, 'lifetime'); INSERT INTO shop.tier VALUES ('new', 1, 0, 'base'); INSERT INTO shop.tier_condition VALUES ('new', 1, 0, 'orders', 1)$$, '^23514 .*base', 'a base tier that not everybody has'),
	($$INSERT INTO shop.tier_policy (programme, version, window_kind) VALUES ('new', 1, 'lifetime'); INSERT INTO shop.tier VALUES ('new', 1, 0, 'base'), ('new', 1, 1, 'member')$$, '^23514 .*"member".*condition', 'a tier without a condition'),
	($$INSERT INTO shop.tier_policy (programme, version, window_kind) VALUES ('new', 1, 'lifetime'); INSERT INTO shop.tier VALUES ('new', 1, 0, 'base', 'all', 0), ('new', 1, 1, 'member', 'weights', 3); INSERT INTO shop.tier_condition VALUES ('new', 1, 1, 'orders', 1, 2)$$, '^23514 .*nobody.*"member".*2 of 3', 'weights that do not add up'),
	($$INSERT INTO shop.tier_policy (programme, version, window_kind) VALUES ('new', 1, 'lifetime'); INSERT INTO shop.tier VALUES ('new', 1, 0, 'base', 'all', 0), ('new', 1, 1, 'member', 'weights', 0); INSERT INTO shop.tier_condition VALUES ('new', 1, 1, 'orders', 1)$$, '^23514 .*"member"', 'a weight of 0 that everybody has'),
	($$INSERT INTO shop.tier_policy (programme, version, window_kind) VALUES ('new', 1, 'lifetime'); INSERT INTO shop.tier VALUES ('new', 1, 0, 'base'), ('new', 1, 1, 'member'); INSERT INTO shop.tier_condition VALUES ('new', 1, 1, 'likes', 1)$$, '^23503 .*', 'a condition on an unknown metric'),
	($$INSERT INTO shop.tier_policy (programme, version, window_kind) VALUES ('new', 1, 'lifetime'); INSERT INTO shop.tier VALUES ('new', 1, 0, 'base', 'all'), ('new', 1, 1, 'member', 'all'), ('new', 1, 2, 'gold', 'any');
		INSERT INTO shop.tier_condition VALUES ('new', 1, 1, 'orders', 3), ('new', 1, 1, 'net_spend', 100), ('new', 1, 2, 'orders', 3)$$, '^23514 .*"gold".*"member"', 'gold for one of what member asks for together'),
	($$INSERT INTO shop.tier_policy (programme, version, window_kind) VALUES ('new', 1, 'lifetime'); INSERT INTO shop.tier VALUES ('new', 1, 0, 'base', 'all', 0), ('new', 1, 1, 'member', 'weights', 2), ('new', 1, 2, 'gold', 'all', 0);
		INSERT INTO shop.tier_condition VALUES ('new', 1, 1, 'orders', 3), ('new', 1, 1, 'net_spend', 100), ('new', 1, 2, 'orders', 3)$$, '^23514 .*"gold".*"member"', '-- or of what it weighs together'),
	($$INSERT INTO shop.tier_policy (programme, version, window_kind) VALUES ('new', 1, 'lifetime'); INSERT INTO shop.tier VALUES ('new', 1, 0, 'base', 'all', 0, 0), ('new', 1, 1, 'member', 'all', 0, 2)$$, '^23514 .*floor_rank|^23514 .*tier_check', 'a floor above its tier'),
	($$INSERT INTO shop.tier_policy (programme, version, window_kind) VALUES ('new', 1, 'lifetime'), ('new', 2, 'lifetime'); INSERT INTO shop.tier VALUES ('new', 1, 0, 'base'), ('new', 2, 0, 'base')$$, '^23514 .*version 2.*valid_from', 'two versions from the same day'),
	($$INSERT INTO shop.tier_policy (programme, version, valid_from, window_kind) VALUES ('new', 1, '2024-01-01', 'lifetime'), ('new', 2, '2023-01-01', 'lifetime'); INSERT INTO shop.tier VALUES ('new', 1, 0, 'base'), ('new', 2, 0, 'base')$$, '^23514 .*version 2.*valid_from', 'a second version before the first')) AS v(s, e, t);
SELECT matches(error_of(s), e, t) FROM (VALUES
	($$UPDATE shop.tier_programme SET in_use = NULL$$, '^23502 ', 'neither in use nor not'),
	($$INSERT INTO shop.tier_programme (programme, in_use) VALUES ('other', true)$$, '^23P01 ', 'two programmes in use'),
	($$INSERT INTO shop.tier_metric (metric, kind) VALUES ('bad', 'median')$$, '^23514 ', 'a metric of unknown kind'),
	($$DELETE FROM shop.tier_metric WHERE metric = 'net_spend'$$, '^23503 ', 'a metric that a tier needs is not deleted'),
	($$INSERT INTO shop.tier_override (customer_id, tier, reason) VALUES (1, 'diamond', 'a friend')$$, '^23503 .*"diamond"', 'an override into a tier that does not exist'),
	($$INSERT INTO shop.tier_override (customer_id, tier, reason) VALUES (1, NULL, 'a friend')$$, '^2350[23] ', '-- into no tier'),
	($$INSERT INTO shop.tier_override (customer_id, tier, valid_from, valid_until, reason) VALUES (1, 'gold', '2024-02-01', '2024-01-31', 'a friend')$$, '^23514 ', '-- that ends before it begins'),
	($$INSERT INTO shop.tier_override (customer_id, tier, valid_until, reason) VALUES (1, 'gold', NULL, 'a friend')$$, '^23502 ', '-- whose end is NULL'),
	($$INSERT INTO shop.tier_override (customer_id, tier, reason) VALUES (NULL, 'gold', 'a friend')$$, '^23502 ', '-- for nobody')) AS v(s, e, t);

-- whatever is named is there, or is refused before a refresh fails of it
SELECT matches(error_of(s || $$; CALL tiering.create_tiers('shop', 'new', '{1}', tiers => '{base,member}', window_kind => 'lifetime', metric => 'bad', in_use => false)$$), e, t) FROM (VALUES
	($$INSERT INTO shop.tier_metric VALUES ('bad', 'sum', 'orders', 'customer', 'day', NULL)$$, '^23514 ', 'a sum of no column'),
	($$INSERT INTO shop.tier_metric VALUES ('bad', 'sum', 'orders', 'buyer', 'day', 'amount')$$, '^42703 .*buyer', 'a relation that has no such customer column'),
	($$INSERT INTO shop.tier_metric VALUES ('bad', 'sum', 'orders', 'customer', 'date', 'amount')$$, '^42703 .*date', '-- no such day'),
	($$INSERT INTO shop.tier_metric VALUES ('bad', 'sum', 'orders', 'customer', 'day', 'price')$$, '^42703 .*price', '-- no such value'),
	($$INSERT INTO shop.tier_metric VALUES ('bad', 'sum', 'orders', 'customer', 'amount', 'amount')$$, '^42804 .*amount', '-- whose day is no date'),
	($$INSERT INTO shop.tier_metric VALUES ('bad', 'sum', 'orders', 'customer', 'day', 'day')$$, '^42804 .*day', '-- whose value is no number'),
	($$INSERT INTO shop.tier_metric (metric, kind, value_column) VALUES ('bad', 'profile', 'moons')$$, '^42703 .*moons', 'a column that the profile does not have'),
	($$INSERT INTO shop.tier_metric (metric, kind, value_column) VALUES ('bad', 'profile', 'segment')$$, '^42804 .*segment', 'a column of the profile that is no number')) AS v(s, e, t);

-- --- calls -----------------------------------------------------------------------------------

SELECT matches(error_of(s), e, t) FROM (VALUES
	($$SELECT tiering.evaluate_tiers('shop', NULL)$$, '^22\S* .*null', 'evaluate on no day'),
	($$SELECT tiering.evaluate_tiers('shop', 'infinity')$$, '^22\S* .*infinity', '-- on an infinite day'),
	($$SELECT tiering.evaluate_tiers('shop', '-infinity')$$, '^22\S* .*-infinity', '-- before all days'),
	($$SELECT tiering.evaluate_tiers('nowhere', '2024-12-31')$$, '^3F000 |^42704 ', '-- of an unknown pipeline'),
	($$SELECT tiering.evaluate_tiers(NULL, '2024-12-31')$$, '^22004 |^3F000 |^42704 ', '-- of none'),
	($$SELECT tiering.evaluate_tiers('shop', '2024-06-29')$$, '^[25]\S* .*2024-06-30', '-- on a day that was decided, after which another was'),
	($$SELECT * FROM tiering.simulate_tiers('shop', 'nothing', '2024-01-01', '2024-12-31')$$, '^42704 .*"nothing"', 'simulate an unknown programme'),
	($$SELECT * FROM tiering.simulate_tiers('shop', 'plan', '2024-12-31', '2024-01-01')$$, '^2', '-- backwards'),
	($$SELECT * FROM tiering.simulate_tiers('shop', 'plan', NULL, '2024-01-01')$$, '^22\S* .*null', '-- from no day'),
	($$SELECT * FROM tiering.simulate_tiers('shop', 'plan', '2024-01-01', 'infinity')$$, '^22\S* .*infinity', '-- for ever'),
	($$SELECT * FROM tiering.simulate_tiers('shop', NULL, '2024-01-01', '2024-12-31')$$, '^22004 |^42704 ', '-- no programme'),
	($$SELECT * FROM tiering.check_policy('shop', 'nothing')$$, '^42704 .*"nothing"', 'check an unknown programme'),
	($$SELECT * FROM tiering.explain_tier('shop', 1, 'infinity')$$, '^22\S* .*infinity', 'explain an infinite day'),
	($$SELECT * FROM tiering.explain_tier('nowhere', 1)$$, '^3F000 |^42704 ', '-- an unknown pipeline'),
	($$SELECT * FROM tiering.tier_now('nowhere', 1)$$, '^3F000 |^42704 ', 'the tier now in an unknown pipeline'),
	($$SELECT * FROM tiering.tier_now('shop', 'one'::text)$$, '^22P02 |^42', '-- of a customer of another type')) AS v(s, e, t);
SELECT is((SELECT count(*) FROM tiering.explain_tier('shop', 1, '2024-01-09') WHERE explanation LIKE '%member%since%'), 0::bigint, 'explained before the first order: no tier');
SELECT lives_ok($$SELECT * FROM tiering.explain_tier('shop', 1, '1900-01-01')$$, '-- without an error');
SELECT is((SELECT count(*) FROM tiering.explain_tier('shop', 99) WHERE explanation LIKE '%since%'), 0::bigint, 'a customer who is not there has no tier to explain');
SELECT is((tiering.tier_now('shop', 99)).tier, NULL, '-- and has none now');
SELECT is((tiering.tier_now('shop', NULL::integer)).tier, NULL, '-- nor has NULL');
SELECT is((SELECT COALESCE(sum(customers), 0) FROM tiering.simulate_tiers('shop', 'plan', '2000-01-01', '2000-12-31')), 0::numeric, 'simulated before the first order: nobody');

SELECT is(state(), (SELECT * FROM before), 'none of it has changed anything');

-- dates before the first order, and policies of the future
CREATE TABLE later (customer integer, day date, amount numeric);
INSERT INTO later VALUES (1, '2024-06-01', 100);
CALL tiering.create_pipeline('later', 'later', 'customer', 'day', 'amount', time_zone => 'UTC');
CALL tiering.create_tiers('later', 'plan', '{100}', tiers => '{base,member}', window_kind => 'lifetime');
SELECT is(tiering.evaluate_tiers('later', '2024-05-31'), 0::bigint, 'on a day before the first order nobody has a tier');
SELECT is(history_of('later'), 'nothing', '-- nothing is told');
CALL tiering.refresh('later', as_of => '2024-06-01');
SELECT is(history_of('later'), 'member 2024-06-01', '-- and he has it on the first');

SELECT * FROM finish();
