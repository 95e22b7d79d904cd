--
-- tiers_benefits: who is entitled to what
--
\set QUIET on
SET client_min_messages = error;
\ir ../data/told_tiers.sql
SELECT plan(46);

CREATE TABLE person (id integer PRIMARY KEY, birthday date, joined date);
-- occasions are told by this day, whenever this runs
CREATE FUNCTION today() RETURNS date LANGUAGE SQL STABLE RETURN (now() AT TIME ZONE 'UTC')::date;
-- 28 years ago there was the same day, also on 29 February
INSERT INTO person VALUES (1, today() - interval '28 years', NULL), (2, today() + 1 - interval '28 years', NULL), (3, NULL, NULL), (4, today() - 1 - interval '28 years', NULL);
SELECT buy('2024-01-10 50', 1), buy('2024-01-10 100', 2), buy('2024-01-10 500', 3), buy('2024-01-10 500', 4), buy('2024-01-10 500', 5) \gset
CALL tiering.create_pipeline('club', 'orders', 'customer', 'day', 'amount', time_zone => 'UTC', customers => 'person');
CALL tiering.create_tiers('club', 'plan', '{100,500}', tiers => '{base,member,gold}', window_kind => 'lifetime');
CREATE FUNCTION benefits_of(of_customer integer) RETURNS text LANGUAGE SQL AS $$
	SELECT COALESCE(string_agg(benefit, ' ' ORDER BY benefit), 'none') FROM club.customer_benefit WHERE customer_id = of_customer
$$;
CREATE FUNCTION due_to(of_customer integer) RETURNS text LANGUAGE SQL AS $$
	SELECT COALESCE(string_agg(benefit, ' ' ORDER BY benefit), 'none') FROM club.customer_benefit WHERE customer_id = of_customer AND is_due
$$;
CALL tiering.refresh('club', as_of => '2024-12-31');
SELECT is((SELECT count(*) FROM club.customer_benefit), 0::bigint, 'no catalogue, no benefits');

-- --- inheritance --------------------------------------------------------------------

INSERT INTO club.tier_benefit (benefit, name, kind, value) VALUES ('card', 'A card', 'service', NULL), ('five', '5 percent off', 'discount', 5), ('ten', '10 percent off', 'discount', 10), ('lounge', 'The lounge', 'service', NULL);
INSERT INTO club.tier_entitlement VALUES ('plan', 'card', NULL), ('plan', 'five', 'member'), ('plan', 'lounge', 'gold'), ('plan', 'ten', 'gold');
SELECT is(benefits_of(c), b, t) FROM (VALUES (1, 'card', 'the base tier has what all have'), (2, 'card five', 'a member has that, and a member''s'), (3, 'card five lounge ten', 'gold has all of a member''s')) AS v(c, b, t);
UPDATE club.tier_benefit SET replaces = 'five' WHERE benefit = 'ten';
SELECT is(benefits_of(3), 'card lounge ten', 'but not a lesser one that another replaces');
SELECT is(benefits_of(2), 'card five', '-- which a member still has');
UPDATE club.tier_benefit SET valid_until = today() - 1 WHERE benefit = 'ten';
SELECT is(benefits_of(3), 'card five lounge', 'a benefit whose offer is over replaces nothing');
UPDATE club.tier_benefit SET valid_until = today() WHERE benefit = 'ten';
SELECT is(benefits_of(3), 'card lounge ten', 'the last day of an offer counts');
UPDATE club.tier_benefit SET valid_from = today() + 1, valid_until = 'infinity' WHERE benefit = 'ten';
SELECT is(due_to(3), 'card five lounge', 'an offer that begins tomorrow is not due, and replaces nothing');
UPDATE club.tier_benefit SET valid_from = today() WHERE benefit = 'ten';
SELECT is(due_to(3), 'card lounge ten', '-- one that begins today is');
INSERT INTO club.tier_benefit (benefit, name, kind, value, replaces) VALUES ('twenty', '20 percent off', 'discount', 20, 'ten');
INSERT INTO club.tier_entitlement VALUES ('plan', 'twenty', 'gold');
SELECT is(benefits_of(3), 'card lounge twenty', 'who replaces the one that replaces has that alone');
INSERT INTO club.tier_override (customer_id, tier, valid_from, reason) VALUES (1, 'gold', '2024-12-31', 'a friend');
CALL tiering.refresh('club', as_of => '2025-01-01');
SELECT is(benefits_of(1), 'card lounge twenty', 'a tier that is given has its benefits');
INSERT INTO club.tier_override (customer_id, tier, valid_from, at_least, reason) VALUES (4, 'base', '2025-01-02', false, 'fraud');
CALL tiering.refresh('club', as_of => '2025-01-02');
SELECT is(benefits_of(4), 'card', 'and one that is taken has not');
DELETE FROM orders WHERE customer = 5;
CALL tiering.refresh('club', as_of => '2025-01-03');
SELECT is(benefits_of(5), 'none', 'who has left has none');

-- --- occasions ------------------------------------------------------------------------

INSERT INTO club.tier_occasion VALUES ('birthday', 'birthday');
INSERT INTO club.tier_benefit (benefit, name, kind, occasion, whole_month) VALUES ('cake', 'A cake', 'gift', 'birthday', false), ('flowers', 'Flowers', 'gift', 'birthday', true), ('toast', 'A toast', 'gift', 'enrolment', false);
INSERT INTO club.tier_entitlement VALUES ('plan', 'cake', NULL), ('plan', 'flowers', NULL), ('plan', 'toast', NULL);
SELECT is((SELECT (next_on, is_due)::text FROM club.customer_benefit WHERE customer_id = 1 AND benefit = 'cake'), (today(), true)::text, 'a cake on his birthday, today');
SELECT is((SELECT (next_on, is_due)::text FROM club.customer_benefit WHERE customer_id = 2 AND benefit = 'cake'), (today() + 1, false)::text, '-- not the day before');
SELECT is((SELECT is_due FROM club.customer_benefit WHERE customer_id = 2 AND benefit = 'flowers'), extract(month FROM today()) = extract(month FROM today() + 1), 'flowers in the whole month of it');
SELECT is((SELECT is_due FROM club.customer_benefit WHERE customer_id = 4 AND benefit = 'flowers'), extract(month FROM today()) = extract(month FROM today() - 1), '-- also after the day');
SELECT is((SELECT (next_on IS NULL, is_due)::text FROM club.customer_benefit WHERE customer_id = 3 AND benefit = 'cake'), '(t,f)', 'whose birthday nobody knows has it not due');
SELECT is((SELECT to_char(next_on, 'MM-DD') FROM club.customer_benefit WHERE customer_id = 2 AND benefit = 'toast'), '01-10', 'the anniversary of the first purchase');
SELECT is(tiering.next_anniversary(d::date, t::date), n::date, d || ' after ' || t) FROM (VALUES
	('2000-02-29', '2024-02-28', '2024-02-29'), ('2000-02-29', '2024-02-29', '2024-02-29'), ('2000-02-29', '2024-03-01', '2025-02-28'), ('2000-02-29', '2025-02-28', '2025-02-28'), ('2000-02-29', '2025-03-01', '2026-02-28'),
	('2000-02-29', '2023-03-01', '2024-02-29'), ('2000-12-31', '2024-01-01', '2024-12-31'), ('2000-01-01', '2024-12-31', '2025-01-01'), ('2000-06-15', '2024-06-15', '2024-06-15'), ('2000-02-28', '2024-02-29', '2025-02-28')) AS v(d, t, n);

-- --- refused ---------------------------------------------------------------------------

SELECT matches(error_of(s), e, t) FROM (VALUES
	($$INSERT INTO club.tier_benefit (benefit, name) VALUES ('new', 'New'); INSERT INTO club.tier_entitlement VALUES ('plan', 'new', 'diamond')$$, '^23503 .*"diamond"', 'a benefit of a tier that does not exist'),
	($$INSERT INTO club.tier_entitlement VALUES ('plan', 'nothing', 'gold')$$, '^23503 ', 'a benefit that does not exist'),
	($$INSERT INTO club.tier_entitlement VALUES ('nothing', 'card', 'gold')$$, '^23503 ', 'a programme that does not exist'),
	($$INSERT INTO club.tier_benefit (benefit, name, kind, value, replaces) VALUES ('three', '3 percent off', 'discount', 3, 'five'); INSERT INTO club.tier_entitlement VALUES ('plan', 'three', 'gold')$$, '^23514 ', 'a higher tier has not less than a lower one'),
	($$INSERT INTO club.tier_benefit (benefit, name, kind, value, replaces) VALUES ('some', 'Some percent off', 'discount', NULL, 'five')$$, '^23514 .*no value', '-- nor one of no value'),
	($$INSERT INTO club.tier_benefit (benefit, name, kind, value, occasion, replaces) VALUES ('party', '50 percent off on a birthday', 'discount', 50, 'birthday', 'five')$$, '^23514 .*not due on all', '-- nor one that is due now and then only'),
	($$UPDATE club.tier_benefit SET replaces = 'flowers' WHERE benefit = 'cake'$$, '^23514 .*not due on all', '-- nor on a day of a month'),
	($$UPDATE club.tier_benefit SET value = 1 WHERE benefit = 'twenty'$$, '^23514 ', '-- nor is it made less later'),
	($$UPDATE club.tier_benefit SET value = 30 WHERE benefit = 'five'$$, '^23514 ', '-- nor is the lesser one made more'),
	($$UPDATE club.tier_benefit SET replaces = 'twenty' WHERE benefit = 'five'$$, '^23514 ', 'benefits do not replace each other in a circle'),
	($$UPDATE club.tier_benefit SET replaces = 'card' WHERE benefit = 'card'$$, '^23514 ', 'none replaces itself'),
	($$UPDATE club.tier_benefit SET valid_from = '2024-02-01', valid_until = '2024-01-31' WHERE benefit = 'card'$$, '^23514 ', 'an offer does not end before it begins'),
	($$INSERT INTO club.tier_occasion VALUES ('wedding', 'wedding')$$, '^42703 .*wedding', 'an occasion of a column that is not there'),
	($$INSERT INTO club.tier_occasion VALUES ('number', 'id')$$, '^42\S* ', '-- of one that is no date'),
	($$DELETE FROM club.tier_benefit WHERE benefit = 'five'$$, '^23503 ', 'a benefit that another replaces is not deleted')) AS v(s, e, t);
SELECT isnt(benefits_of(3), 'none', 'and all is as it was');

SELECT * FROM finish();
