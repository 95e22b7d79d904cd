--
-- tiers: the vendors' worked examples, windows, upgrades and downgrades
--
\set QUIET on
SET client_min_messages = error;
\ir ../data/told_tiers.sql
SELECT plan(115);
CALL tiering.refresh('shop', as_of => '2020-01-01');

-- --- the vendors' examples ----------------------------------------------------------

SELECT is(told('2024-01-10 100, 2024-02-10 -50, 2024-03-10 500', $$'{100,500,1000}', tiers => '{first,second,third,fourth}', window_kind => 'lifetime', downgrade => 'at once'$$, '2024-12-31'),
	'second 2024-01-10, first 2024-02-10, third 2024-03-10', 'a live balance is all purchases, both ways at once: 100 is second, 50 first, 550 third');
SELECT is(told('2024-01-10 100, 2024-02-10 -50, 2024-03-10 500', $$'{100,500,1000}', tiers => '{first,second,third,fourth}', window_kind => 'lifetime', downgrade => 'never'$$, '2024-12-31'),
	'second 2024-01-10, third 2024-03-10', 'never downgraded, the 50 are second still');

\set yearly '\'{100,500,1000}\', tiers => \'{first,second,third,fourth}\', window_kind => \'calendar\', window_length => \'1 year\''
SELECT is(told('2023-06-10 1000, 2024-06-01 1000', :'yearly', '2025-12-31'), 'fourth 2023-06-10', 'recalculated after 2024, in which 1000 were bought again: kept');
SELECT is(told('2023-06-10 1000, 2024-06-01 120', :'yearly', '2025-12-31'), 'fourth 2023-06-10, second 2025-01-01', 'of 2024''s 120: drops to what was earned, second');
SELECT is(told('2023-06-10 1000, 2024-06-01 120', :'yearly' || $$, landing => 'one level'$$, '2025-12-31'), 'fourth 2023-06-10, third 2025-01-01', '-- softly: max(second, fourth - 1) is third');
SELECT is(told('2023-06-10 1000, 2024-06-01 120', :'yearly' || $$, landing => 'one level'$$, '2028-12-31'), 'fourth 2023-06-10, third 2025-01-01, second 2026-01-01, first 2027-01-01', '-- and one level a period after that, of nothing');
SELECT is(told('2023-06-10 1000, 2024-06-01 600', :'yearly' || $$, landing => 'one level'$$, '2025-12-31'), 'fourth 2023-06-10, third 2025-01-01', '-- of 600: max(third, third) is third');

\set member '\'{100}\', tiers => \'{base,member}\''
SELECT is(told('2023-03-01 100', :'member' || $$, window_kind => 'term', window_length => '365 days'$$, '2026-12-31'), 'member 2023-03-01, base 2024-02-29', 'a term of 365 days from 1 March 2023 ends before 29 February 2024');
SELECT is(told('2023-03-01 100, 2023-12-01 100', :'member' || $$, window_kind => 'term', window_length => '365 days'$$, '2026-12-31'), 'member 2023-03-01, base 2025-02-28', 'requalified within it: renewed for 365 days from its end');
SELECT is(told('2023-03-01 100, 2024-02-28 100', :'member' || $$, window_kind => 'term', window_length => '365 days'$$, '2026-12-31'), 'member 2023-03-01, base 2025-02-28', '-- on its last day');
SELECT is(told('2023-03-01 100, 2023-12-01 99.999999', :'member' || $$, window_kind => 'term', window_length => '365 days'$$, '2026-12-31'), 'member 2023-03-01, base 2024-02-29', 'not by less than the threshold: what was bought to get in does not count again');
SELECT is(told('2023-03-01 100, 2024-03-10 100', :'member' || $$, window_kind => 'term', window_length => '365 days'$$, '2024-12-31'), 'member 2023-03-01, base 2024-02-29, member 2024-03-10', 'after it: a term of its own');
SELECT is(told('2024-01-01 45000, 2024-02-01 25000, 2024-03-01 25000, 2024-04-01 10000', $$'{40000,100000}', tiers => '{base,first,second}', window_kind => 'lifetime'$$, '2024-12-31'),
	'first 2024-01-01, second 2024-04-01', '45k, 25k, 25k, 10k in a lifetime are 45k, 70k, 95k, 105k: first, first, first, second');
SELECT is(told('2023-01-25 100', :'member' || $$, window_kind => 'term', window_length => '1 month'$$, '2023-12-31'), 'member 2023-01-25, base 2023-02-25', 'one month from 25 January: until 25 February begins');
SELECT is(told('2023-01-31 100', :'member' || $$, window_kind => 'term', window_length => '1 month'$$, '2023-12-31'), 'member 2023-01-31, base 2023-02-28', 'one month from 31 January: until the last day of February begins');
SELECT is(told('2024-01-31 100', :'member' || $$, window_kind => 'term', window_length => '1 month'$$, '2024-12-31'), 'member 2024-01-31, base 2024-02-29', '-- the 29th in a leap year');
SELECT is(told('2023-01-31 100, 2023-02-10 100', :'member' || $$, window_kind => 'term', window_length => '1 month'$$, '2023-12-31'), 'member 2023-01-31, base 2023-03-31', 'two months from 31 January end with March''s last day, not its 28th');

-- --- thresholds -----------------------------------------------------------------------

\set life '\'{100}\', tiers => \'{base,member}\', window_kind => \'lifetime\''
SELECT is(told('2024-01-01 ' || a, :'life', '2024-12-31'), CASE WHEN a::numeric >= 100 THEN 'member' ELSE 'base' END || ' 2024-01-01', a || ' of 100') FROM unnest('{100,100.00,99.999999,100.000001,99.99}'::text[]) AS a;
SELECT is(told('2024-01-01 33.33, 2024-01-02 33.33, 2024-01-03 33.34', :'life', '2024-12-31'), 'base 2024-01-01, member 2024-01-03', '33.33 + 33.33 + 33.34 is 100, to the cent');
SELECT is(told((SELECT string_agg('2024-01-01 0.1', ', ') FROM generate_series(1, 1000)), :'life', '2024-12-31'), 'member 2024-01-01', 'a thousand times 0.1 is 100');
SELECT is(told('2024-01-01 0.000001', $$'{0.000001}', tiers => '{base,member}', window_kind => 'lifetime'$$, '2024-12-31'), 'member 2024-01-01', 'a millionth reached exactly');
SELECT is(told('2024-01-01 999999999999', $$'{999999999999,1000000000000}', tiers => '{base,member,king}', window_kind => 'lifetime'$$, '2024-12-31'), 'member 2024-01-01', 'a million millions less one');
SELECT is(told('2024-01-01 150, 2024-01-01 -60', :'life', '2024-12-31'), 'base 2024-01-01', 'a day counts as a whole: 150 taken back to 90 on it');
SELECT is(told('2024-01-01 5, 2024-01-02 5, 2024-01-03 5', $$'{2,3}', tiers => '{base,two,three}', metric => 'orders', window_kind => 'lifetime'$$, '2024-12-31'), 'base 2024-01-01, two 2024-01-02, three 2024-01-03', 'the second and the third order');
SELECT is(told('2024-01-01 5, 2024-01-01 5, 2024-01-02 -1', $$'{2}', tiers => '{base,two}', metric => 'orders', window_kind => 'lifetime'$$, '2024-12-31'), 'two 2024-01-01', 'two orders on a day are two; a refund takes none away');
SELECT is(told('2024-01-01 5, 2024-01-01 5, 2024-01-02 5', $$'{2}', tiers => '{base,two}', metric => 'purchase_days', window_kind => 'lifetime'$$, '2024-12-31'), 'base 2024-01-01, two 2024-01-02', 'but one day');
SELECT is(told('2024-01-01 100, 2024-01-02 -50', $$'{100}', tiers => '{base,member}', metric => 'gross_spend', window_kind => 'lifetime'$$, '2024-12-31'), 'member 2024-01-01', 'gross money is not lowered by refunds');
SELECT is(told('2024-01-01 100, 2024-01-02 -150', :'life', '2024-12-31'), 'member 2024-01-01, base 2024-01-02', 'less than nothing is the base tier');

-- --- combinations ---------------------------------------------------------------------

CREATE FUNCTION combined(bought text, combine text, needed integer DEFAULT 0) RETURNS text LANGUAGE SQL AS $$
	SELECT told(bought, $p$'{100}', tiers => '{base,member}', window_kind => 'lifetime'$p$, '2024-12-31', format($a$
		INSERT INTO shop.tier_condition VALUES ('plan', 1, 1, 'orders', 2, 2), ('plan', 1, 1, 'purchase_days', 3, 4);
		UPDATE shop.tier SET combine = %L, weight_needed = %s WHERE rank = 1$a$, combine, needed))
$$;
SELECT is(combined('2024-01-01 100, 2024-01-02 1, 2024-01-03 1', 'all'), 'base 2024-01-01, member 2024-01-03', 'all: money of 100, 2 orders and 3 days, when the last of them is there');
SELECT is(combined('2024-01-01 10, 2024-01-01 10', 'all'), 'base 2024-01-01', '-- two orders alone are not all');
SELECT is(combined('2024-01-01 10, 2024-01-02 10', 'any'), 'base 2024-01-01, member 2024-01-02', 'any: two orders');
SELECT is(combined('2024-01-01 100', 'any'), 'member 2024-01-01', 'any: money');
SELECT is(combined('2024-01-01 100', 'weights', 3), 'base 2024-01-01', 'weights: money weighs 1 of 3');
SELECT is(combined('2024-01-01 100, 2024-01-02 1', 'weights', 3), 'base 2024-01-01, member 2024-01-02', '-- and orders 2, which is 3 exactly');
SELECT is(combined('2024-01-01 1, 2024-01-02 1, 2024-01-03 1', 'weights', 4), 'base 2024-01-01, member 2024-01-03', '-- days weigh 4 alone');
SELECT is(combined('2024-01-01 1, 2024-01-02 1, 2024-01-03 1', 'weights', 7), 'base 2024-01-01', '-- and 6 with orders, of 7');

-- --- windows --------------------------------------------------------------------------

SELECT is(told('2024-01-01 100', :'member' || $$, window_kind => 'rolling', window_length => '30 days'$$, '2024-12-31'), 'member 2024-01-01, base 2024-01-31', 'the last 30 days: 1 to 30 January');
SELECT is(told('2024-01-01 100', :'member' || $$, window_kind => 'rolling', window_length => '1 day'$$, '2024-12-31'), 'member 2024-01-01, base 2024-01-02', 'the last day: this one');
SELECT is(told('2024-01-01 60, 2024-01-30 40', :'member' || $$, window_kind => 'rolling', window_length => '30 days'$$, '2024-12-31'), 'base 2024-01-01, member 2024-01-30, base 2024-01-31', 'together on one day only');
SELECT is(told('2024-01-01 60, 2024-01-31 40', :'member' || $$, window_kind => 'rolling', window_length => '30 days'$$, '2024-12-31'), 'base 2024-01-01', '-- or on none');
SELECT is(told('2024-01-10 100, 2024-01-20 -50', :'member' || $$, window_kind => 'rolling', window_length => '30 days'$$, '2024-12-31'), 'member 2024-01-10, base 2024-01-20', 'taken back in the window');
SELECT is(told('2023-12-01 -50, 2023-12-20 100', :'member' || $$, window_kind => 'rolling', window_length => '30 days'$$, '2024-12-31'), 'base 2023-12-20, member 2023-12-31, base 2024-01-19', 'a refund that leaves the window lifts what is left of it: enrolled with the first purchase');
SELECT is(told('2023-02-28 100', :'member' || $$, window_kind => 'rolling', window_length => '1 year'$$, '2026-12-31'), 'member 2023-02-28, base 2024-02-28', 'a rolling year from 28 February');
SELECT is(told('2023-11-15 100', :'member' || format($$, window_kind => 'calendar', downgrade => 'at once', window_length => %L$$, l), '2026-12-31'), 'member 2023-11-15, base ' || d, 'the calendar''s ' || l || ' ends, and with it what counts')
FROM (VALUES ('1 month', '2023-12-01'), ('3 months', '2024-01-01'), ('6 months', '2024-01-01'), ('1 year', '2024-01-01')) AS v(l, d);
SELECT is(told('2023-11-15 100', :'member' || format($$, window_kind => 'calendar', downgrade => 'at once', fiscal_month => 3, window_length => %L$$, l), '2026-12-31'), 'member 2023-11-15, base ' || d, '-- of a year that begins in March, ' || l)
FROM (VALUES ('1 month', '2023-12-01'), ('3 months', '2023-12-01'), ('6 months', '2024-03-01'), ('1 year', '2024-03-01')) AS v(l, d);
SELECT is(told('2023-12-31 100, 2024-01-01 100', :'member' || $$, window_kind => 'calendar', window_length => '1 month', downgrade => 'at once'$$, '2026-12-31'), 'member 2023-12-31, base 2024-02-01', '31 December and 1 January are in two months');
SELECT is(told('2023-01-31 10, 2024-01-30 100', :'member' || $$, window_kind => 'enrolment', window_length => '1 year', downgrade => 'at once'$$, '2026-12-31'), 'base 2023-01-31, member 2024-01-30, base 2024-01-31', 'enrolled on 31 January: the day before its anniversary');
SELECT is(told('2020-02-29 10, 2021-02-27 100', :'member' || $$, window_kind => 'enrolment', window_length => '1 year', downgrade => 'at once'$$, '2026-12-31'), 'base 2020-02-29, member 2021-02-27, base 2021-02-28', 'enrolled on 29 February: the 28th is its anniversary');
SELECT is(told('2020-02-29 10, 2024-02-28 100', :'member' || $$, window_kind => 'enrolment', window_length => '1 year', downgrade => 'at once'$$, '2026-12-31'), 'base 2020-02-29, member 2024-02-28, base 2024-02-29', '-- and the 29th again in a leap year');
SELECT is(told('2024-01-30 100', :'member' || $$, window_kind => 'cycle', window_length => '10 days', cycle_start => '2024-03-01', downgrade => 'at once'$$, '2026-12-31'), 'member 2024-01-30, base 2024-01-31', 'cycles of ten days, one of them from 1 March: 31 January begins one, before the first day that was named');
SELECT is(told('2024-03-30 100', :'member' || $$, window_kind => 'cycle', window_length => '1 month', cycle_start => '2024-01-31', downgrade => 'at once'$$, '2026-12-31'), 'member 2024-03-30, base 2024-03-31', 'cycles of a month from 31 January begin on 29 February and 31 March');
SELECT is(told('2024-06-01 1', $$'{1}', tiers => '{base,member}', window_kind => 'cycle', window_length => '2 years', cycle_start => '2023-07-01', downgrade => 'at once'$$, '2026-12-31'), 'member 2024-06-01, base 2025-07-01', 'a cycle of two years');

-- --- upgrades and downgrades ------------------------------------------------------------

SELECT is(told('2023-06-10 1000', :'yearly' || $$, upgrade => 'next period'$$, '2023-12-31'), 'first 2023-06-10', 'upgraded with the next period: not yet on the last day of this one');
SELECT is(told('2023-06-10 1000', :'yearly' || $$, upgrade => 'next period'$$, '2024-12-31'), 'first 2023-06-10, fourth 2024-01-01', '-- but on the first day of the next');
SELECT is(told('2023-06-10 1000, 2023-08-01 -1000', :'yearly' || $$, upgrade => 'next period'$$, '2024-12-31'), 'first 2023-06-10', '-- unless it was taken back by then');
SELECT is(told('2023-06-10 1000', :'yearly' || $$, downgrade => 'at once'$$, '2026-12-31'), 'fourth 2023-06-10, first 2024-01-01', 'at once: the new year has no purchases');
SELECT is(told('2023-06-10 1000', :'yearly' || $$, downgrade => 'end of period'$$, '2026-12-31'), 'fourth 2023-06-10, first 2025-01-01', 'end of period: 2023 earned it, 2024 did not');
SELECT is(told('2023-06-10 1000', :'yearly' || $$, downgrade => 'end of next period'$$, '2026-12-31'), 'fourth 2023-06-10, first 2026-01-01', 'end of the next: a year later');
SELECT is(told('2023-06-10 1000, 2025-06-01 1000', :'yearly' || $$, downgrade => 'end of next period'$$, '2026-12-31'), 'fourth 2023-06-10', '-- which may make it good');
SELECT is(told('2023-06-10 1000', :'yearly' || $$, downgrade => 'never'$$, '2030-12-31'), 'fourth 2023-06-10', 'never');
SELECT is(told('2023-06-10 1000, 2023-07-01 -950', :'yearly', '2024-12-31'), 'fourth 2023-06-10, first 2024-01-01', 'taken back within the year: kept until its end, and no longer');
SELECT is(told('2024-01-10 100, 2024-02-10 -50', :'life' || $$, decision_period => '3 months'$$, '2026-12-31'), 'member 2024-01-10, base 2024-04-01', 'a lifetime decided by quarters: lowered at the end of one');
SELECT is(told('2024-01-10 100', :'member' || $$, window_kind => 'rolling', window_length => '90 days', decision_period => '1 month'$$, '2026-12-31'), 'member 2024-01-10, base 2024-05-01', '90 days from 10 January end with 8 April, and are noticed when April ends');

-- --- grace, rounding, minimum stay, floors ------------------------------------------------

SELECT is(told('2023-06-10 1000, 2024-06-01 120', :'yearly' || $$, grace => '1 month'$$, '2025-12-31'), 'fourth 2023-06-10, second 2025-02-01', 'a month of grace after the year');
SELECT is(told('2023-06-10 1000, 2024-06-01 120, 2025-01-31 1000', :'yearly' || $$, grace => '1 month'$$, '2025-12-31'), 'fourth 2023-06-10', '-- whose last day may make it good');
SELECT is(told('2023-06-10 1000, 2024-06-01 120, 2025-01-31 999', :'yearly' || $$, grace => '1 month'$$, '2025-12-31'), 'fourth 2023-06-10, third 2025-02-01', '-- 999 make third of it');
SELECT is(told('2024-01-01 100', :'member' || $$, window_kind => 'rolling', window_length => '30 days', grace => '10 days'$$, '2024-12-31'), 'member 2024-01-01, base 2024-02-10', 'ten days of grace: 31 January to 9 February');
SELECT is(told('2024-01-01 100, 2024-02-09 100', :'member' || $$, window_kind => 'rolling', window_length => '30 days', grace => '10 days'$$, '2024-02-28'), 'member 2024-01-01', '-- the last of which makes it good');
SELECT is(told('2024-01-01 100, 2024-02-10 100', :'member' || $$, window_kind => 'rolling', window_length => '30 days', grace => '10 days'$$, '2024-02-28'), 'member 2024-01-01', 'bought on the day on which it would be lost: it is not lost');
SELECT is(told('2024-01-31 100', :'member' || $$, window_kind => 'rolling', window_length => '30 days', grace => '1 month'$$, '2024-12-31'), 'member 2024-01-31, base 2024-04-01', 'due on 1 March, with a month of grace on 1 April');
SELECT is(told('2023-01-31 100', :'member' || $$, window_kind => 'calendar', window_length => '1 month', grace => '1 month'$$, '2023-12-31'), 'member 2023-01-31, base 2023-04-01', 'February did not earn it, March is grace, to its last day');
SELECT is(told('2023-01-31 100', :'member' || $$, window_kind => 'term', window_length => '28 days', grace => '1 month'$$, '2023-12-31'), 'member 2023-01-31, base 2023-03-28', 'a term that ends before 28 February, and a month');
SELECT is(told('2023-02-10 100', :'member' || format($$, window_kind => 'term', window_length => '1 month', rounded_to => %L$$, r), '2026-12-31'), 'member 2023-02-10, base ' || d, 'one month from 10 February, rounded to ' || r)
FROM (VALUES ('day', '2023-03-10'), ('month', '2023-04-01'), ('quarter', '2023-04-01'), ('half-year', '2023-07-01'), ('year', '2024-01-01')) AS v(r, d);
SELECT is(told('2023-03-01 100', :'member' || $$, window_kind => 'term', window_length => '1 month', rounded_to => 'month'$$, '2026-12-31'), 'member 2023-03-01, base 2023-04-01', 'a term that ends with a month is not rounded further');
SELECT is(told('2024-01-10 100, 2024-02-10 -50', :'life' || $$, minimum_stay => '3 months'$$, '2024-12-31'), 'member 2024-01-10, base 2024-04-10', 'stays three months at least');
SELECT is(told('2024-01-31 100, 2024-02-10 -50', :'life' || $$, minimum_stay => '1 month'$$, '2024-12-31'), 'member 2024-01-31, base 2024-02-29', '-- one month from 31 January');
SELECT is(told('2024-01-10 100, 2024-05-10 -50', :'life' || $$, minimum_stay => '3 months'$$, '2024-12-31'), 'member 2024-01-10, base 2024-05-10', '-- and no longer if they are over');
SELECT is(told('2024-01-10 100, 2024-02-10 -50, 2024-03-01 60', :'life' || $$, minimum_stay => '3 months'$$, '2024-12-31'), 'member 2024-01-10', '-- made good meanwhile');
SELECT is(told('2023-06-10 1000', :'yearly', '2030-12-31', 'UPDATE shop.tier SET floor_rank = 1 WHERE rank >= 2'), 'fourth 2023-06-10, second 2025-01-01', 'who was third or higher never falls below second');
SELECT is(told('2023-06-10 100', :'yearly', '2030-12-31', 'UPDATE shop.tier SET floor_rank = 1 WHERE rank >= 2'), 'second 2023-06-10, first 2025-01-01', '-- who was second only, does');
SELECT is(told('2023-06-10 1000', :'yearly' || $$, landing => 'one level'$$, '2030-12-31', 'UPDATE shop.tier SET floor_rank = 2 WHERE rank = 3'), 'fourth 2023-06-10, third 2025-01-01', '-- nor one level at a time');

SELECT is(told(b, :'yearly', '2030-12-31', 'CALL tiering.create_tiers(''shop'', ''plan'', ' || :'yearly' || ', valid_from => ''2024-06-01''); UPDATE shop.tier SET floor_rank = 2 WHERE version = 2 AND rank = 3'), h, t) FROM (VALUES
	('2023-06-10 1000', 'fourth 2023-06-10, third 2025-01-01', 'a floor of the next version holds for whoever has the tier when it begins'),
	('2022-06-10 1000', 'fourth 2022-06-10, first 2024-01-01', '-- not for one who had it before')) AS v(b, h, t);

SELECT is(told('2023-06-10 1000', :'yearly', '2030-12-31', 'UPDATE shop.tier SET floor_rank = 1 WHERE rank = 2'), 'fourth 2023-06-10, second 2025-01-01', 'who skips a tier has its floor as well');
SELECT is(told('2023-06-10 1000', :'yearly' || $$, landing => 'one level', downgrade => 'end of next period'$$, '2030-12-31'), 'fourth 2023-06-10, third 2026-01-01, second 2027-01-01, first 2028-01-01', 'one level at a time: the first when the next period ends, then one a period');

-- a lapse outlives the version under which it began
SELECT is(told('2022-03-01 600', :'yearly', '2030-12-31', (SELECT string_agg('CALL tiering.create_tiers(''shop'', ''plan'', ' || :'yearly' || format(', valid_from => ''%s-01-01'')', y), ';') FROM generate_series(2024, 2028) AS y)),
	'third 2022-03-01, first 2024-01-01', 'a version a year gives nobody another year');
\set graceful '\'{100}\', tiers => \'{base,member}\', window_kind => \'rolling\', window_length => \'1 year\''
SELECT is(told('2022-03-01 100', :'graceful' || $$, grace => '60 days'$$, '2030-12-31', 'CALL tiering.create_tiers(''shop'', ''plan'', ' || :'graceful' || format(', valid_from => ''2023-04-01''%s)', more)), 'member 2022-03-01, base ' || d, t)
FROM (VALUES ($$, grace => '60 days'$$, '2023-04-30', 'a version within a grace of 60 days does not renew it'), ($$, grace => '90 days'$$, '2023-05-30', '-- a longer grace is that of the lapse'),
	('', '2023-04-30', '-- without one, what was promised is kept')) AS v(more, d, t);
SELECT is(told('2022-03-01 100', :'graceful' || $$, grace => '60 days'$$, '2030-12-31', 'CALL tiering.create_tiers(''shop'', ''plan'', ' || :'graceful' || ', valid_from => ''2023-04-01'', downgrade => ''never'')'), 'member 2022-03-01', '-- under never, it is kept');
SELECT is(told('2022-03-01 100', :'graceful' || $$, grace => '60 days'$$, '2030-12-31', 'CALL tiering.create_tiers(''shop'', ''plan'', ' || replace(:'graceful', '100', '50') || ', valid_from => ''2022-04-01'')'), 'member 2022-03-01, base 2023-03-01', 'a version before the lapse has its own grace');
SELECT is(told('2022-03-01 100, 2022-06-01 60', :'graceful' || $$, grace => '60 days'$$, '2030-12-31', 'CALL tiering.create_tiers(''shop'', ''plan'', ' || replace(:'graceful', '100', '50') || ', valid_from => ''2023-04-01'')'), 'member 2022-03-01, base 2023-06-01', 'a version that asks for less makes the lapse good');
SELECT is(told('2024-05-05 600', $$'{100,500}', tiers => '{bronze,silver,gold}', window_kind => 'calendar', upgrade => 'next period'$$, '2030-12-31', $$CALL tiering.create_tiers('shop', 'plan', '{100,500}', tiers => '{bronze,silver,gold}', window_kind => 'calendar', valid_from => '2025-01-01')$$),
	'bronze 2024-05-05, gold 2025-01-01, bronze 2026-01-01', 'what comes with the next period comes, also if another version begins with it');
SELECT is(told('2023-03-01 100, 2023-09-01 100', :'member' || $$, window_kind => 'term'$$, '2030-12-31', $$CALL tiering.create_tiers('shop', 'plan', '{50,100}', tiers => '{base,mid,member}', window_kind => 'term', valid_from => '2023-06-01')$$),
	'member 2023-03-01, member 2023-06-01, base 2025-03-01', 'a tier that is put below another does not begin its term anew');

SELECT is(told('2022-03-01 600', :'yearly', '2030-12-31', 'CALL tiering.create_tiers(''shop'', ''plan'', ' || replace(:'yearly', 'first,second,third,fourth', 'a,b,c,d') || ', valid_from => ''2024-01-01'')'),
	'third 2022-03-01, a 2024-01-01', '-- nor does one in which all tiers have other codes');
SELECT is(told(b, $$'{100}', tiers => '{base,member}', window_kind => 'calendar', downgrade => 'end of next period'$$, '2030-12-31', $$CALL tiering.create_tiers('shop', 'plan', '{100}', tiers => '{base,member}', window_length => '3 months', valid_from => '2024-07-01')$$), 'member 2023-03-01, base 2026-01-01', t)
FROM (VALUES ('2023-03-01 100, 2024-02-01 1', 'who has lapsed keeps the last day of the former version'), ('2023-03-01 100, 2024-02-01 100', '-- and so does who has not, for he spent more')) AS v(b, t);
SELECT is(told('2024-03-01 1000, 2025-03-01 1000', $$'{100,300,600}', tiers => '{a,b,c,d}'$$, '2030-12-31', $$UPDATE shop.tier SET floor_rank = 3 WHERE rank = 3; CALL tiering.create_tiers('shop', 'plan', '{100,300}', tiers => '{a,b,c}', valid_from => '2024-08-01');
	CALL tiering.create_tiers('shop', 'plan', '{100,300,600}', tiers => '{a,b,c,d}', valid_from => '2024-12-01')$$), 'd 2024-03-01, c 2024-08-01, d 2024-12-01', 'a floor outlives a version without its tier');

-- what a standing says adds up
BEGIN;
CALL tiering.create_tiers('shop', 'term', '{100}', tiers => '{base,member}', window_kind => 'term', window_length => '365 days', in_use => false);
SELECT is((s.window_from, s.metrics ->> 'net_spend')::text, '(2025-03-11,30)', 'the day that led to a term is none of those that count for it')
FROM (SELECT tiering.purchase_history_agg(d, a) AS h FROM (VALUES (date '2025-02-01', 10), ('2025-03-10', 100), ('2025-03-20', 30)) AS v(d, a)) AS p,
	LATERAL tiering.tier_standing(h, NULL, NULL, NULL, tiering.tier_document('shop', 'term'), '2025-04-01') AS s;
CALL tiering.create_tiers('shop', 'next', '{100}', tiers => '{base,member}', window_kind => 'calendar', upgrade => 'next period', in_use => false);
INSERT INTO shop.tier_condition (programme, version, rank, metric, threshold) VALUES ('next', 1, 1, 'orders', 10);
UPDATE shop.tier SET combine = 'any' WHERE programme = 'next' AND rank = 1;
SELECT is((s.tier, s.next_tier, s.missing_for_next)::text, '(base,member,)', 'one of two conditions is there: nothing is missing for a tier that comes with the next period')
FROM (SELECT tiering.purchase_history_agg(date '2025-03-10', 140) AS h) AS p,
	LATERAL tiering.tier_standing(h, NULL, NULL, NULL, tiering.tier_document('shop', 'next'), '2025-04-01') AS s;
ROLLBACK;

-- a refund that leaves the window is an upgrade that can be foreseen
BEGIN;
INSERT INTO shop.tier_programme (programme) VALUES ('refund');
INSERT INTO shop.tier_policy (programme, version, window_kind, window_length) VALUES ('refund', 1, 'rolling', '1 year');
INSERT INTO shop.tier (programme, version, rank, tier) VALUES ('refund', 1, 0, 'base'), ('refund', 1, 1, 'member');
INSERT INTO shop.tier_condition (programme, version, rank, metric, threshold) VALUES ('refund', 1, 1, 'net_spend', 100);
SELECT is((s.tier, s.valid_until, s.then_tier)::text, '(base,2026-01-09,member)', '10 - 50 + 120 are 80, and 120 when the refund of 10 January is a year old')
FROM (SELECT tiering.purchase_history_agg(d, a) AS h FROM (VALUES (date '2025-01-05', 10), ('2025-01-10', -50), ('2025-03-10', 120)) AS v(d, a)) AS p,
	LATERAL tiering.tier_standing(h, NULL, NULL, NULL, tiering.tier_document('shop', 'refund'), '2025-06-30') AS s;
ROLLBACK;

SELECT * FROM finish();
