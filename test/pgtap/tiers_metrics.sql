--
-- tiers_metrics: metrics of other relations and of the profile, tiers given by
-- hand, versions, names, and the time zone of the shop
--
\set QUIET on
SET client_min_messages = error;
\ir ../data/told_tiers.sql
SELECT plan(91);
CALL tiering.refresh('shop', as_of => '2020-01-01');

-- --- dated rows of another relation ---------------------------------------------------

CREATE TABLE stamps (who integer, on_day date, n numeric);
INSERT INTO shop.tier_metric VALUES ('stamps', 'sum', 'stamps', 'who', 'on_day', 'n'), ('balance', 'last', 'stamps', 'who', 'on_day', 'n');
CREATE FUNCTION stamped(rows text, policy text, until date, bought text DEFAULT '2024-01-01 1') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	INSERT INTO stamps SELECT 1, split_part(o, ' ', 1)::date, NULLIF(split_part(o, ' ', 2), 'NULL')::numeric FROM unnest(string_to_array(rows, ', ')) AS o;
	result := told(bought, policy, until);
	DELETE FROM stamps;
	RETURN result;
END $$;
\set stamps '\'{10}\', tiers => \'{base,member}\', metric => \'stamps\''
\set balance '\'{10}\', tiers => \'{base,member}\', metric => \'balance\''
SELECT is(stamped('2024-02-01 4, 2024-03-01 6', :'stamps' || $$, window_kind => 'lifetime'$$, '2024-12-31'), 'base 2024-01-01, member 2024-03-01', 'sum: 4 + 6 stamps');
SELECT is(stamped('2024-02-01 4, 2024-02-01 6', :'stamps' || $$, window_kind => 'lifetime'$$, '2024-12-31'), 'base 2024-01-01, member 2024-02-01', '-- on one day');
SELECT is(stamped('2024-02-01 12, 2024-03-01 -3', :'stamps' || $$, window_kind => 'lifetime'$$, '2024-12-31'), 'base 2024-01-01, member 2024-02-01, base 2024-03-01', '-- and taken away');
SELECT is(stamped('2024-02-01 4, 2024-02-10 6', :'stamps' || $$, window_kind => 'rolling', window_length => '30 days'$$, '2024-12-31'), 'base 2024-01-01, member 2024-02-10, base 2024-03-02', '-- within 30 days, which a day leaves after 30');
SELECT is(stamped('2023-12-01 10', :'stamps' || $$, window_kind => 'lifetime'$$, '2024-12-31'), 'member 2024-01-01', '-- before the first purchase: a member from that on');
SELECT is(stamped('2023-12-01 10', :'stamps' || $$, window_kind => 'rolling', window_length => '50 days'$$, '2024-12-31'), 'member 2024-01-01, base 2024-01-20', '-- as long as they count');
SELECT is(stamped('2024-02-01 9, 2024-03-01 NULL, 2024-04-01 1', :'stamps' || $$, window_kind => 'lifetime'$$, '2024-12-31'), 'base 2024-01-01, member 2024-04-01', '-- NULL is no stamp');
SELECT is(stamped('2024-02-01 9, 2025-01-01 1', :'stamps' || $$, window_kind => 'lifetime'$$, '2024-12-31'), 'base 2024-01-01', '-- tomorrow''s do not count');
SELECT is(stamped('2024-02-01 4, 2024-03-01 6', :'balance' || $$, window_kind => 'lifetime'$$, '2024-12-31'), 'base 2024-01-01', 'last: 4, then 6');
SELECT is(stamped('2024-02-01 12, 2024-03-01 3', :'balance' || $$, window_kind => 'lifetime'$$, '2024-12-31'), 'base 2024-01-01, member 2024-02-01, base 2024-03-01', '-- 12, then 3');
SELECT is(stamped('2023-02-01 12', :'balance' || $$, window_kind => 'lifetime'$$, '2024-12-31'), 'member 2024-01-01', '-- 12 since long ago');
SELECT is(stamped('2024-02-01 12', :'balance' || $$, window_kind => 'rolling', window_length => '30 days'$$, '2024-12-31'), 'base 2024-01-01, member 2024-02-01', '-- a value holds until the next: it does not leave a window');
SELECT is(stamped('2024-02-01 Infinity', :'stamps' || $$, window_kind => 'lifetime'$$, '2024-12-31') ~ '^22', true, 'an infinite stamp is refused');
SELECT is(stamped('2024-02-01 NaN', :'stamps' || $$, window_kind => 'lifetime'$$, '2024-12-31') ~ '^22', true, 'a NaN too');
SELECT is(stamped('-infinity 10', :'stamps' || $$, window_kind => 'lifetime'$$, '2024-12-31') ~ '^22', true, '-- and an infinite day');
CREATE TABLE moments (customer_id integer, at timestamptz, n numeric);
INSERT INTO moments VALUES (1, '2024-01-31 23:59:59+00', 4), (1, '2024-02-01 00:00+00', 6);
INSERT INTO shop.tier_metric VALUES ('moments', 'last', 'moments', 'customer_id', 'at', 'n');
SET timezone = 'Pacific/Kiritimati';
SELECT is(told('2024-01-01 1', $$'{4,6}', tiers => '{base,four,six}', metric => 'moments', window_kind => 'lifetime'$$, '2024-12-31'), 'base 2024-01-01, four 2024-01-31, six 2024-02-01', 'moments are on the day that the shop has, wherever the session is');
RESET timezone;
CREATE TABLE other_ids (who bigint, on_day date, n integer);
INSERT INTO other_ids VALUES (1, '2024-02-01', 10), (5000000000, '2024-02-01', 10), (NULL, '2024-02-01', 10), (2, '2024-02-01', 10);
INSERT INTO shop.tier_metric VALUES ('wide', 'sum', 'other_ids', 'who', 'on_day', 'n');
SELECT is(told('2024-01-01 1', $$'{10}', tiers => '{base,member}', metric => 'wide', window_kind => 'lifetime'$$, '2024-12-31'), 'base 2024-01-01, member 2024-02-01', 'a relation with wider ids, ids that no customer has, and none');

-- --- metrics of the profile, which are kept at each evaluation ---------------------------

CREATE TABLE member (id integer PRIMARY KEY, stars integer, birthday date);
INSERT INTO member VALUES (1, 1, NULL), (2, 5, NULL), (3, NULL, NULL), (4, 9, NULL);
CREATE TABLE bought (customer integer, day date, amount numeric);
INSERT INTO bought VALUES (1, '2024-01-01', 10), (2, '2024-01-01', 20), (3, '2024-01-01', 30), (4, '2024-01-01', 40), (5, '2024-01-01', 5);
CALL tiering.create_pipeline('club', 'bought', 'customer', 'day', 'amount', customers => 'member', time_zone => 'UTC');
INSERT INTO club.tier_metric (metric, kind, value_column) VALUES ('stars', 'profile', 'stars');
CALL tiering.create_tiers('club', 'starry', '{5}', metric => 'stars', tiers => '{base,member}', window_kind => 'lifetime', corrections => 'retroactive');
CALL tiering.refresh('club', as_of => '2024-02-01');
SELECT is(history_of('club', c), h, t) FROM (VALUES (2, 'base 2024-01-01, member 2024-02-01', 'a column of the profile counts from the evaluation that saw it'),
	(1, 'base 2024-01-01', 'one of five stars'), (3, 'base 2024-01-01', 'NULL is not enough'), (5, 'base 2024-01-01', 'nor is a customer without a row')) AS v(c, h, t);
UPDATE member SET stars = CASE id WHEN 1 THEN 5 WHEN 2 THEN 4 WHEN 4 THEN NULL END;
CALL tiering.refresh('club', as_of => '2024-02-02');
CALL tiering.refresh('club', as_of => '2024-02-03');
SELECT is(history_of('club', c), h, t) FROM (VALUES (1, 'base 2024-01-01, member 2024-02-02', 'a new value from the next evaluation on'),
	(2, 'base 2024-01-01, member 2024-02-01, base 2024-02-02', '-- and what was decided by the old one stays, though corrections are retroactive'),
	(4, 'base 2024-01-01, member 2024-02-01, base 2024-02-02', 'a value that is gone is no value')) AS v(c, h, t);
SELECT is((SELECT string_agg(day || ' ' || trim_scale(value), ', ' ORDER BY day) FROM club.tier_snapshot WHERE metric = 'stars' AND customer_id = 2), '2024-02-01 5, 2024-02-02 4', 'snapshots are kept where they changed');
INSERT INTO bought VALUES (1, '2023-12-01', 1), (2, '2023-12-01', 1);
CALL tiering.refresh('club', as_of => '2024-02-04');
SELECT is(history_of('club', 1), 'base 2023-12-01, member 2024-02-02', 'a late order replays from the snapshots');
SELECT is(history_of('club', 2), 'base 2023-12-01, member 2024-02-01, base 2024-02-02', '-- whatever the column is now');

CALL tiering.create_tiers('club', 'best', '{60,100}', metric => 'spend_percentile', tiers => '{base,good,best}', window_kind => 'lifetime', in_use => false);
UPDATE club.tier_programme SET in_use = false WHERE programme = 'starry';
UPDATE club.tier_programme SET in_use = true WHERE programme = 'best';
CALL tiering.refresh('club', as_of => '2024-02-05');
SELECT is((SELECT string_agg(customer_id || ' ' || tier, ', ' ORDER BY customer_id) FROM club.customer_tier), '1 base, 2 base, 3 good, 4 best, 5 base', 'percentile of money: the most of five is the 100th, the second is above the 60th, the third is not');
INSERT INTO bought VALUES (3, '2024-02-05', 10), (1, '2024-02-05', 10);
CALL tiering.refresh('club', as_of => '2024-02-06');
SELECT is((SELECT count(DISTINCT metrics ->> 'spend_percentile') FROM club.customer_tier WHERE customer_id IN (3, 4)), 1::bigint, 'who has as much is in the same percentile');

-- --- tiers given by hand ------------------------------------------------------------------

CREATE FUNCTION given(rows text, until date DEFAULT '2024-12-31', policy text DEFAULT '''{100,500}'', tiers => ''{base,member,gold}'', window_kind => ''lifetime''', bought text DEFAULT '2024-01-01 100') RETURNS text LANGUAGE SQL AS $$
	SELECT told(bought, policy, until, 'INSERT INTO shop.tier_override (customer_id, tier, valid_from, valid_until, at_least, reason) VALUES ' || rows)
$$;
SELECT is(given($$(1, 'gold', '2024-02-01', '2024-02-29', true, 'complaint')$$), 'member 2024-01-01, gold 2024-02-01, member 2024-03-01', 'gold for February: its last day counts');
SELECT is(given($$(1, 'gold', '2024-02-01', 'infinity', true, 'complaint')$$, '2030-12-31'), 'member 2024-01-01, gold 2024-02-01', 'for ever');
SELECT is(given($$(1, 'gold', '2024-02-01', '2024-02-01', true, 'birthday')$$), 'member 2024-01-01, gold 2024-02-01, member 2024-02-02', 'for a day');
SELECT is(given($$(1, 'base', '2024-02-01', '2024-02-29', true, 'at least')$$), 'member 2024-01-01', 'at least base: member is higher');
SELECT is(given($$(1, 'base', '2024-02-01', '2024-02-29', false, 'fraud')$$), 'member 2024-01-01, base 2024-02-01, member 2024-03-01', 'just base: lower than what is earned');
SELECT is(given($$(1, 'member', '2024-02-01', '2024-05-31', true, 'at least')$$, bought => '2024-01-01 1, 2024-03-01 499'), 'base 2024-01-01, member 2024-02-01, gold 2024-03-01', 'at least member: gold is earned meanwhile, and stays');
SELECT is(given($$(1, 'member', '2024-02-01', '2024-05-31', false, 'just')$$, bought => '2024-01-01 1, 2024-03-01 499'), 'base 2024-01-01, member 2024-02-01, gold 2024-06-01', 'just member: gold is shown after it');
SELECT is(given($$(1, 'gold', '2023-01-01', '2024-03-31', true, 'before')$$), 'gold 2024-01-01, member 2024-04-01', 'given before the first purchase: from that on');
SELECT is(given($$(1, 'gold', '2024-02-01', '2024-06-30', true, 'one'), (1, 'member', '2024-03-01', '2024-04-30', false, 'two')$$), 'member 2024-01-01, gold 2024-02-01, member 2024-03-01, gold 2024-05-01, member 2024-07-01', 'of two, the later one is shown, and the other one after it');
SELECT is(given($$(1, 'gold', '-infinity', '2024-03-31', true, 'always')$$), 'gold 2024-01-01, member 2024-04-01', 'since ever');
SELECT is(given($$(1, 'gold', '2024-03-01', '290000-01-01', true, 'long')$$), 'member 2024-01-01, gold 2024-03-01', 'until a day that is hardly a day');
SELECT is(given($$(1, 'gold', 'infinity', 'infinity', true, 'never')$$), 'member 2024-01-01', 'never');
SELECT is(given($$(2, 'gold', '2024-02-01', '2024-02-29', true, 'another customer')$$), 'member 2024-01-01', 'another customer''s');
SELECT is(given($$(1, 'gold', '2025-02-01', '2025-02-28', true, 'not yet')$$), 'member 2024-01-01', 'not yet');
SELECT is(given($$(1, 'gold', '2024-02-01', '2024-02-29', true, 'trial')$$, '2026-12-31', $$'{100,500}', tiers => '{base,member,gold}', window_kind => 'term', window_length => '1 year', minimum_stay => '6 months'$$), 'member 2024-01-01, gold 2024-02-01, member 2024-03-01, base 2025-01-01', 'what is given starts no term, and stays no longer than its expiry');
SELECT is(given($$(1, 'gold', '2024-02-01', '2024-02-29', true, 'trial')$$, '2026-12-31', $$'{100,500}', tiers => '{base,member,gold}', window_kind => 'rolling', window_length => '30 days'$$), 'member 2024-01-01, base 2024-01-31, gold 2024-02-01, base 2024-03-01', 'what was earned before is gone when it ends');
SELECT is(error_of(format('INSERT INTO club.tier_override (customer_id, tier, reason) VALUES (1, ''best'', %L)', r)) ~ p, true, 'a reason is needed: ' || COALESCE(r, 'NULL')) FROM (VALUES ('', '^23514 '), (NULL, '^23502 ')) AS v(r, p);

-- --- versions and names ------------------------------------------------------------------

\set member '\'{100}\', tiers => \'{base,member}\', window_kind => \'lifetime\''
SELECT is(told('2024-01-01 100', :'member', '2024-12-31', $$CALL tiering.create_tiers('shop', 'plan', '{101}', tiers => '{base,member}', window_kind => 'lifetime', valid_from => '2024-06-01')$$), 'member 2024-01-01, base 2024-06-01', 'the second version asks for more from 1 June');
SELECT is(told('2024-01-01 100', :'member', '2024-05-31', $$CALL tiering.create_tiers('shop', 'plan', '{101}', tiers => '{base,member}', window_kind => 'lifetime', valid_from => '2024-06-01')$$), 'member 2024-01-01', '-- and nothing on 31 May');
SELECT is(told('2024-01-01 100', :'member', '2024-12-31', $$CALL tiering.create_tiers('shop', 'plan', '{50,100}', tiers => '{base,member,gold}', window_kind => 'lifetime', valid_from => '2024-06-01')$$), 'member 2024-01-01, gold 2024-06-01', 'a tier more from 1 June');
SELECT is(told('2024-01-01 100', :'member' || $$, valid_from => '2024-06-01'$$, '2024-12-31'), 'member 2024-06-01', 'a policy that begins on 1 June decides nothing before it');
SELECT is(told('2024-01-01 100', :'member' || $$, valid_from => '2025-01-01'$$, '2024-12-31'), 'nothing', '-- one that begins tomorrow decides nothing today');
SELECT is(told('2024-01-01 100', :'member' || $$, valid_from => '2025-01-01'$$, '2025-01-01'), 'member 2025-01-01', '-- but tomorrow');
SELECT is(told('2024-01-01 100', :'member', '2024-12-31', $$INSERT INTO shop.tier_name VALUES ('member', 'en', 'Friend'), ('member', 'de', 'Mitglied'); UPDATE shop.tier_name SET name = 'Gold?' WHERE tier = 'gold'$$), 'member 2024-01-01', 'names decide nothing');
SELECT is((SELECT string_agg(tier, ' ' ORDER BY tier) FROM (SELECT tier FROM shop.tier_name WHERE language IN ('en', 'zh') AND name <> '' GROUP BY tier HAVING count(*) = 2) AS t), 'bronze gold junior middle platinum senior silver top', 'two sets of names come in English and Chinese');
CALL tiering.refresh('club', as_of => '2024-02-07');
CREATE TABLE before AS TABLE club.tier_history;
INSERT INTO club.tier_name VALUES ('best', 'en', 'The best');
UPDATE club.tier_name SET name = name || '!' WHERE tier = 'gold';
SELECT is(tiering.evaluate_tiers('club', '2024-02-07'), 0::bigint, 'a new name makes no decision');
SELECT results_eq('TABLE club.tier_history', 'TABLE before', '-- and changes none');
SELECT is((SELECT DISTINCT tier_name FROM club.tier_summary WHERE tier = 'best'), 'The best', '-- but is shown');

-- --- the shop's midnight ----------------------------------------------------------------

CREATE TABLE clock (customer integer, at timestamptz, amount numeric);
INSERT INTO clock VALUES (1, '2024-01-31 22:59:59+00', 100), (2, '2024-01-31 23:00:00+00', 100), (3, '2024-06-30 21:59:59+00', 100), (4, '2024-06-30 22:00:00+00', 100);
CALL tiering.create_pipeline('berlin', 'clock', 'customer', 'at', 'amount', time_zone => 'Europe/Berlin');
CALL tiering.create_tiers('berlin', 'plan', '{100}', tiers => '{base,member}', window_kind => 'calendar', window_length => '1 month', downgrade => 'at once');
SET timezone = 'Pacific/Kiritimati';
CALL tiering.refresh('berlin', as_of => '2024-12-31');
SELECT is(history_of('berlin', c), h, t) FROM (VALUES (1, 'member 2024-01-31, base 2024-02-01', 'bought a second before Berlin''s midnight, in January'), (2, 'member 2024-02-01, base 2024-03-01', '-- and at it, in February'),
	(3, 'member 2024-06-30, base 2024-07-01', 'in June, in summer time'), (4, 'member 2024-07-01, base 2024-08-01', '-- and at its midnight, in July')) AS v(c, h, t);
INSERT INTO clock VALUES (5, now(), 100), (6, now() + interval '36 hours', 100);
SELECT is((tiering.tier_now('berlin', 5)).since, (now() AT TIME ZONE 'Europe/Berlin')::date, 'today is Berlin''s day, wherever the session is');
SET timezone = 'America/Los_Angeles';
SELECT is((tiering.tier_now('berlin', 5)).tier, 'member', '-- on either side of the earth');
SELECT is((tiering.tier_now('berlin', 6)).tier, NULL, 'a purchase of the day after tomorrow is none');
RESET timezone;

-- --- customers whose ids are words, and who are merged -----------------------------------

CREATE TABLE purchase (customer text, day date, amount numeric);
INSERT INTO purchase VALUES ('ann', '2024-01-10', 100), ('bob', '2024-01-10', 50), ('bea', '2024-01-10', 60);
CREATE TABLE same_person (id text, merged_into text);
CALL tiering.create_pipeline('words', 'purchase', 'customer', 'day', 'amount', time_zone => 'UTC', identity => 'same_person');
CALL tiering.create_tiers('words', 'it''s "odd" 100%s', ARRAY[100], tiers => ARRAY['b''s', '"m"'], window_kind => 'lifetime');
CALL tiering.refresh('words', as_of => '2024-06-30');
SELECT is((SELECT string_agg(customer_id || ' ' || tier, ', ' ORDER BY customer_id) FROM words.customer_tier), 'ann "m", bea b''s, bob b''s', 'programmes and tiers of odd names');
SELECT lives_ok($$SELECT * FROM tiering.explain_tier('words', 'ann')$$, 'a customer is named by a plain literal, to explain');
SELECT lives_ok($$SELECT * FROM tiering.tier_now('words', 'ann')$$, '-- and for the tier now');
SELECT is((tiering.tier_now('words', 'ann'::varchar)).tier, '"m"', '-- or by another type of the kind');
INSERT INTO same_person VALUES ('bea', 'bob');
CALL tiering.refresh('words', as_of => '2024-07-01');
SELECT is((SELECT string_agg(customer_id || ' ' || tier, ', ' ORDER BY customer_id) FROM words.customer_tier), 'ann "m", bob "m"', 'merged: 50 and 60 are 110, of one customer');
SELECT is((SELECT upper(valid) FROM words.tier_history WHERE customer_id = 'bea' AND superseded_at IS NULL), '2024-07-01', '-- and the other one has left');
INSERT INTO words.tier_override (customer_id, tier, valid_from, valid_until, at_least, reason) VALUES ('bob', 'b''s', '2024-02-01', '2024-07-31', false, 'fraud');
CALL tiering.refresh('words', as_of => '2024-07-02');
SELECT is((SELECT string_agg(tier || ' ' || lower(valid), ', ' ORDER BY lower(valid)) FROM words.tier_history WHERE customer_id = 'bob' AND superseded_at IS NULL), 'b''s 2024-01-10, "m" 2024-07-01, b''s 2024-07-02', 'given for days that were told: from the first day that was not');
SELECT is((SELECT concat_ws(' ', tier, is_given, valid_until, then_tier, downgrade_on) FROM words.customer_tier WHERE customer_id = 'bob'), 'b''s t 2024-07-31 "m"', '-- until it expires, which is no downgrade');

-- --- members who have not bought, and rows that name those who were merged --------------

CREATE TABLE person (id integer, joined date, born date);
INSERT INTO person VALUES (1, '2024-01-05', '1990-03-01'), (2, '2024-02-10', '1991-03-01'), (3, NULL, NULL), (4, '2024-08-01', NULL), (5, '2023-12-01', NULL);
CREATE TABLE basket (customer integer, day date, amount numeric);
INSERT INTO basket VALUES (1, '2024-01-20', 100), (3, '2024-01-20', 100);
CREATE TABLE same (id integer, merged_into integer);
CREATE TABLE stamp (who integer, day date, stamps integer);
INSERT INTO stamp VALUES (2, '2024-03-01', 7), (5, '2024-03-05', 4);
CALL tiering.create_pipeline('joined', 'basket', 'customer', 'day', 'amount', time_zone => 'UTC', identity => 'same', customers => 'person');
INSERT INTO joined.tier_metric (metric, kind, relation, customer_column, day_column, value_column) VALUES ('stamps', 'sum', 'stamp', 'who', 'day', 'stamps');
CALL tiering.create_tiers('joined', 'plan', '{10}', tiers => '{base,member}', metric => 'stamps', window_kind => 'lifetime');
UPDATE joined.tier_programme SET enrolled_column = 'joined';
CALL tiering.refresh('joined', as_of => '2024-06-30');
SELECT is((SELECT string_agg(customer_id || ' ' || tier || ' ' || since, ', ' ORDER BY customer_id) FROM joined.customer_tier),
	'1 base 2024-01-05, 2 base 2024-02-10, 3 base 2024-01-20, 5 base 2023-12-01', 'who has joined and not bought has the base tier; who joins later has none yet');
SELECT is((SELECT missing_for_next::text FROM joined.customer_tier WHERE customer_id = 2), '{"stamps": 3}', '-- and what counts for him counts');
SELECT is((tiering.tier_now('joined', 4)).tier, 'base', '-- today he has joined');
SELECT is((SELECT explanation FROM tiering.explain_tier('joined', 5) WHERE topic = 'decision'), 'a member since then, with stamps 0', '-- which is explained');
SELECT is((SELECT explanation FROM tiering.explain_tier('joined', 3) WHERE topic = 'decision'), 'first purchase, with stamps 0', '-- to one who never joined, by his first purchase');
SELECT is((SELECT (customers, revenue)::text FROM joined.tier_summary WHERE tier = 'base'), '(4,200)', '-- he is counted in the summary');
SELECT is((SELECT tier FROM joined.customer_profile WHERE customer_id = 2), 'base', '-- and has his tier in the profile');
SELECT is((SELECT (customers, revenue)::text FROM tiering.simulate_tiers('joined', 'plan', '2024-01-01', '2024-06-30') WHERE tier = 'base'), '(4,200)', '-- and in a simulation');
INSERT INTO joined.tier_benefit (benefit, name, occasion) VALUES ('toast', 'A toast', 'enrolment');
INSERT INTO joined.tier_entitlement VALUES ('plan', 'toast', NULL);
SELECT is((SELECT string_agg(customer_id || ' ' || to_char(next_on, 'MM-DD'), ', ' ORDER BY customer_id) FROM joined.customer_benefit), '1 01-05, 2 02-10, 3 01-20, 5 12-01',
	'the anniversary of the enrolment is that of the date that the programme names, of the first purchase without one');
INSERT INTO same VALUES (5, 2);
INSERT INTO joined.tier_override (customer_id, tier, valid_from, valid_until, reason) VALUES (5, 'member', '2024-07-05', '2024-07-09', 'a friend');
CALL tiering.refresh('joined', as_of => '2024-07-01');
SELECT is((SELECT string_agg(customer_id || ' ' || tier, ', ' ORDER BY customer_id) FROM joined.customer_tier), '1 base, 2 member, 3 base', 'merged: 7 and 4 stamps are 11, of one customer');
SELECT is((tiering.tier_now('joined', 5)).tier, NULL, '-- and the one who was merged is no member any more');
DELETE FROM stamp WHERE who = 2;
CALL tiering.refresh('joined', as_of => '2024-07-05');
SELECT is((SELECT string_agg(tier || ' ' || reason || ' ' || lower(valid), ', ' ORDER BY valid) FROM joined.tier_history WHERE customer_id = 2 AND superseded_at IS NULL),
	'base enrolled 2024-02-10, member corrected 2024-07-01, base corrected 2024-07-02, member given 2024-07-05', 'what was given to one who was merged is his whom he was merged into');
SELECT matches((SELECT explanation FROM tiering.explain_tier('joined', 2) WHERE topic = 'decision'), 'given by hand by .*: a friend', '-- which is explained');
DELETE FROM person WHERE id = 2;
CALL tiering.refresh('joined', as_of => '2024-07-06');
SELECT is((SELECT string_agg(customer_id || ' ' || tier, ', ' ORDER BY customer_id) FROM joined.customer_tier), '1 base, 3 base', 'a member who is deleted and never bought has left');
SELECT is((SELECT max(upper(valid)) FROM joined.tier_history WHERE customer_id = 2 AND superseded_at IS NULL), '2024-07-06', '-- on the day when that was seen');
UPDATE person SET joined = 'infinity' WHERE id = 1;
CALL tiering.refresh('joined', as_of => '2024-07-07');
SELECT is((tiering.tier_now('joined', 1)).since, '2024-01-20', 'an infinite date of enrolment is none');
SELECT throws_ok($$UPDATE joined.tier_programme SET enrolled_column = 'joyned'$$, '42703', NULL, 'a column that does not exist is refused');
UPDATE joined.tier_programme SET enrolled_column = NULL;
SELECT is((SELECT string_agg(customer_id || ' ' || to_char(next_on, 'MM-DD'), ', ' ORDER BY customer_id) FROM joined.customer_benefit), '1 01-20, 3 01-20', 'a date of enrolment that is named no more moves the anniversary');

SELECT * FROM finish();
