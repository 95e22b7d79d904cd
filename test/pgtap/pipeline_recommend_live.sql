-- Recommendations of this moment: of customers who were merged, and between two fits.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off
SET client_min_messages = error;
SELECT no_plan();

-- customers who each buy a few things again and again
CREATE TABLE line AS
SELECT 'c' || c AS customer_id, d.day AS bought_on, 'p' || (c * 5 + k * k) % 30 AS product_id, 5 AS amount
FROM generate_series(1, 200) AS c, generate_series(0, 5) AS k,
	LATERAL (SELECT DATE '2024-01-01' + c % 20 + i * (14 + k * 5) AS day FROM generate_series(0, 40) AS i) AS d
WHERE d.day <= '2025-06-20';
CREATE INDEX ON line (customer_id);
CREATE TABLE merged AS SELECT 'old' AS id, 'c7' AS merged_into UNION ALL SELECT 'older', 'old';
INSERT INTO line SELECT 'old', bought_on + 3, product_id, amount FROM line WHERE customer_id = 'c8' AND bought_on <= '2025-06-17';
CALL tiering.create_pipeline('shop', orders => 'line', customer_id => 'customer_id', ordered_at => 'bought_on', amount => 'amount', product_id => 'product_id', identity => 'merged');
CALL tiering.create_recommendations('shop', n => 5, horizon_days => 60);
CALL tiering.refresh('shop', as_of => '2025-06-20');

-- everybody, in the stored form and at this moment
CREATE VIEW stored AS SELECT customer_id, rank, product_id, score, reason, model FROM shop.recommendation;
CREATE VIEW live AS SELECT c.customer_id, r.rank, r.product_id, r.score, r.reason, r.model FROM (SELECT DISTINCT customer_id FROM shop.recommendation) AS c, LATERAL tiering.recommend('shop', c.customer_id) AS r;
SELECT is((SELECT count(DISTINCT customer_id) FROM stored), 200::bigint, 'who was merged is no customer');
SELECT results_eq('SELECT * FROM live ORDER BY 1, 2', 'SELECT * FROM stored ORDER BY 1, 2', 'recommend() gives everybody what is stored');
CALL tiering.refresh('shop', as_of => '2025-06-25');
SELECT is((SELECT DISTINCT m.as_of FROM shop.model AS m WHERE m.model = 'recommend'), DATE '2025-06-20', '-- a refresh without a fit');
SELECT results_eq('SELECT * FROM live ORDER BY 1, 2', 'SELECT * FROM stored ORDER BY 1, 2', 'also after days for which nothing was fitted');
SELECT ok((SELECT count(*) > 0 FROM tiering.recommend('shop', 'c8', 20) AS r JOIN line AS l ON l.customer_id = 'old' AND l.product_id = r.product_id), '-- which have something of what was bought before the merge');

-- what he bought and dismissed under his former names is his
SELECT is((SELECT max(r.reason) FROM tiering.recommend('shop', 'c7', 30) AS r WHERE r.product_id = 'p15'), 'popular now', '-- he never had it');
BEGIN;
INSERT INTO line VALUES ('older', '2025-06-25', 'p15', 5);
SELECT is((SELECT r.reason FROM tiering.recommend('shop', 'c7', 30) AS r WHERE r.product_id = 'p15'), 'bought before: once, last on 2025-06-25', 'a purchase under an old name counts at once');
SELECT results_eq($$SELECT rank, product_id FROM tiering.recommend('shop', 'older')$$, $$SELECT rank, product_id FROM tiering.recommend('shop', 'c7')$$, 'and whoever asks by that name is told the same');
ROLLBACK;
CREATE TABLE best AS SELECT product_id FROM shop.recommendation WHERE customer_id = 'c7' AND rank = 1;
INSERT INTO shop.recommend_feedback (customer_id, product_id, event) SELECT 'older', product_id, 'dismissed' FROM best;
SELECT is((SELECT count(*) FROM tiering.recommend('shop', 'c7', 30) AS r JOIN best USING (product_id)), 0::bigint, 'what he dismissed under it rests at once');
CALL tiering.refresh('shop', as_of => '2025-06-25');
SELECT is((SELECT count(*) FROM shop.recommendation AS r JOIN best USING (product_id) WHERE r.customer_id = 'c7'), 0::bigint, 'and in the next refresh');
SELECT ok((SELECT count(*) > 0 FROM shop.recommendation AS r JOIN best USING (product_id)), 'for nobody else');
INSERT INTO shop.recommend_feedback (customer_id, product_id, event, happened_at) VALUES ('older', 'p15', 'clicked', '2025-06-20 23:30+00'), ('c9', 'p11', 'clicked', '2025-06-20 23:30+00');
SELECT results_eq(format('SELECT customer_id, product_id, day FROM (%s) AS e JOIN shop.recommend_item USING (item) WHERE NOT bought ORDER BY 1', tiering.recommend_events_sql('shop')),
	$$VALUES ('c7', 'p15', DATE '2025-06-20'), ('c9', 'p11', DATE '2025-06-20')$$, 'clicks are those of the customer he is');

-- orders of days to come are no purchases yet
BEGIN;
INSERT INTO line VALUES ('to come', '2199-01-01', 'p0', 5);
SELECT results_eq($$SELECT rank, product_id, model FROM tiering.recommend('shop', 'to come')$$, $$SELECT rank, product_id, model FROM tiering.recommend('shop', 'nobody')$$, 'who has only ordered for a day to come is a customer without a purchase');
ROLLBACK;

-- ids of another type, and none
CREATE TABLE short AS SELECT c % 30 AS customer_id, DATE '2025-01-01' + c % 60 AS day, 'p' || c % 7 AS product_id, 1 AS amount, (c % 30)::varchar(2) AS name, (c % 30)::character(2) AS padded FROM generate_series(1, 400) AS c;
CALL tiering.create_pipeline('short', orders => 'short', customer_id => 'customer_id', ordered_at => 'day', amount => 'amount', product_id => 'product_id');
CALL tiering.create_recommendations('short', n => 5, horizon_days => 30);
CALL tiering.refresh('short', as_of => '2025-03-05');
PREPARE of_three AS SELECT rank, product_id, reason FROM tiering.recommend('short', 3);
SELECT ok((SELECT bool_and(reason LIKE 'bought%' OR reason LIKE 'due%') FROM tiering.recommend('short', 3)), '-- a customer who bought');
SELECT results_eq('SELECT rank, product_id, reason FROM tiering.recommend(''short'', ' || id || ')', 'of_three', id || ' is the same customer') FROM unnest('{3::bigint,3::numeric,"''3''","''3''::varchar"}'::text[]) AS id;
SELECT throws_ok($$SELECT * FROM tiering.recommend('short', 'abc')$$, '22P02', 'customer "abc" is none of pipeline "short", whose ids are of type integer', 'an id that is none is refused');
SELECT throws_ok($$SELECT * FROM tiering.recommend('short', ROW(1, 2))$$, '22P02', 'customer "(1,2)" is none of pipeline "short", whose ids are of type integer', 'so is a row');
SELECT throws_ok($$SELECT * FROM tiering.recommend('short', 99999999999)$$, '22P02', 'customer "99999999999" is none of pipeline "short", whose ids are of type integer', 'and a number that none can have');
SELECT throws_ok($$SELECT * FROM tiering.recommend(NULL, 3)$$, '42704', 'pipeline "null" does not exist', 'no pipeline is none');
CALL tiering.alter_pipeline('short', customer_id => 'name');
CALL tiering.refresh('short', as_of => '2025-03-05');
SELECT results_eq($$SELECT rank, product_id, reason FROM tiering.recommend('short', '123')$$, $$SELECT rank, product_id, reason FROM tiering.recommend('short', 'nobody')$$, 'an id is not cut down to another');
SELECT results_eq($$SELECT rank, product_id, reason FROM tiering.recommend('short', 3)$$, 'of_three', 'a number finds the text');
CALL tiering.alter_pipeline('short', customer_id => 'padded');
CALL tiering.refresh('short', as_of => '2025-03-05');
SELECT results_eq($$SELECT rank, product_id, reason FROM tiering.recommend('short', '3')$$, 'of_three', 'also one that is filled up with blanks');

-- a shop that grows is learned anew, and a product that is too long for an index is named
INSERT INTO short SELECT c, DATE '2025-01-01' + c % 60, 'p' || c % 9, 1, left(c::text, 2), (c % 90 + 10)::character(2) FROM generate_series(30, 400) AS c;
CALL tiering.refresh('short', as_of => '2025-03-05');
SELECT matches((SELECT note FROM short.model WHERE model = 'recommend' AND in_use), '^many new customers', 'many new customers are a reason to learn anew');
INSERT INTO short SELECT 1, '2025-01-01', string_agg(md5(i::text), ''), 1, '1', '1' FROM generate_series(1, 400) AS i;
SELECT throws_like($$CALL tiering.refresh('short', as_of => '2025-03-05')$$, 'a product of pipeline "short" has an id that is too long: %', 'an id of a product that is too long for an index is refused');
CALL tiering.drop_pipeline('short');

-- the rights that doc/recommendations.md names are enough, and needed; those on tiers where products have tiers
CREATE ROLE check_web;
GRANT USAGE ON SCHEMA shop TO check_web;
CREATE TABLE needed AS SELECT unnest('{recommend_policy,recommend_product,recommend_item,recommend_purchase,recommend_customer,recommend_feedback,model,run,tier,tier_standing,customer_identity}'::text[]) AS relation;
SELECT format('GRANT SELECT ON shop.%I TO check_web', relation) FROM needed \gexec
GRANT INSERT ON shop.recommend_feedback TO check_web;
GRANT SELECT ON needed TO check_web;
SET ROLE check_web;
SELECT is((SELECT count(*) FROM tiering.recommend('shop', 'c7')), 5::bigint, 'a role that shows offers may ask');
SELECT lives_ok($$INSERT INTO shop.recommend_feedback (customer_id, product_id, event) VALUES ('c7', 'p1', 'shown')$$, 'and say what became of them');
SELECT throws_ok('SELECT * FROM line', '42501', NULL, 'it does not see the orders');
RESET ROLE;
SELECT format('REVOKE SELECT ON shop.%1$I FROM check_web; SET ROLE check_web; SELECT throws_ok($$SELECT * FROM tiering.recommend(''shop'', ''c7'')$$, ''42501'', NULL, ''not without %1$s''); RESET ROLE; GRANT SELECT ON shop.%1$I TO check_web', relation) FROM needed WHERE relation NOT IN ('tier', 'tier_standing') \gexec
DROP OWNED BY check_web;
DROP ROLE check_web;

-- an index on the customer serves, merged or not
SET enable_seqscan = off;
CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE step text; steps text := '';
BEGIN
	FOR step IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP steps := steps || step || E'\n'; END LOOP;
	RETURN steps;
END $$;
SELECT matches(plan_of($$SELECT * FROM shop.recommend_purchase WHERE source_customer_id = ANY (tiering.known_as('shop', 'c7'::text))$$), 'Index Cond: \(.*customer_id = ANY', 'purchases of one customer are found by an index');
RESET enable_seqscan;
SELECT set_eq($$SELECT unnest(tiering.known_as('shop', 'c7'::text))$$, '{c7,old,older}'::text[], 'a customer has all names that were merged into his');

-- clicks have the shop's day
CALL tiering.alter_pipeline('shop', time_zone => 'Europe/Berlin');
SELECT results_eq(format('SELECT DISTINCT day FROM (%s) AS e WHERE NOT bought', tiering.recommend_events_sql('shop')), $$VALUES (DATE '2025-06-21')$$, 'of the day that it was where the shop is');
SELECT finish();
