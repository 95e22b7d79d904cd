--
-- pipeline_view: histories in a materialized view, refreshed by plain REFRESH
--
\set QUIET on
SET client_min_messages = warning;
\ir pipeline_oracle.psql
SELECT plan(33);

CREATE TABLE orders AS
SELECT n AS line, 1 + n * n % 29 AS customer, date '2023-01-01' + n * 7 % 350 AS day, ((n % 40) - 4)::numeric / 2 AS amount, 'A' || n / 3 AS order_id
FROM generate_series(1, 300) AS n;
INSERT INTO orders VALUES (1000, 77, current_date, 5, NULL), (1001, 78, current_date - 1, 5, NULL), (1002, 79, current_date - 2, 5, NULL);
CREATE FUNCTION lines() RETURNS text LANGUAGE SQL RETURN 'TABLE orders';

CALL tiering.create_pipeline('shop', 'orders', 'customer', 'day', 'amount', order_id => 'order_id', histories => 'view', time_zone => 'UTC');
SELECT throws_ok('SELECT * FROM shop.purchase_history', '55000', NULL, 'before the first REFRESH nothing is there, and it says so');
SELECT throws_ok('REFRESH MATERIALIZED VIEW shop.customer_rfm', '55000', NULL, 'in the wrong order, too');

-- the documented order, with no refresh() ever called
REFRESH MATERIALIZED VIEW shop.purchase_history;
REFRESH MATERIALIZED VIEW shop.rfm_cutoff;
REFRESH MATERIALIZED VIEW shop.customer_rfm;
REFRESH MATERIALIZED VIEW shop.customer_clv;
SELECT is(verdict_on_data('shop', lines(), current_date - 1), 'sound', 'three plain statements: the last complete day');
SELECT is((SELECT count(*) FROM shop.run), 0::bigint, 'without any run');
SELECT is((SELECT string_agg(customer_id::text, ' ' ORDER BY customer_id) FROM shop.customer_rfm WHERE customer_id > 70), '78 79', 'a purchase of today is not in it');
SELECT is((SELECT state FROM tiering.pipelines), 'new', 'the list knows of no run');

-- again and again, also concurrently
UPDATE orders SET amount = amount + 10 WHERE customer = 5;
DELETE FROM orders WHERE customer = 6;
UPDATE orders SET customer = 7 WHERE customer = 8;
REFRESH MATERIALIZED VIEW CONCURRENTLY shop.purchase_history;
REFRESH MATERIALIZED VIEW CONCURRENTLY shop.rfm_cutoff;
REFRESH MATERIALIZED VIEW CONCURRENTLY shop.customer_rfm;
REFRESH MATERIALIZED VIEW CONCURRENTLY shop.customer_clv;
SELECT is(verdict_on_data('shop', lines(), current_date - 1), 'sound', 'concurrently, after changes and deletions');
CREATE TABLE before AS SELECT ctid AS place, * FROM shop.customer_rfm;
REFRESH MATERIALIZED VIEW CONCURRENTLY shop.purchase_history;
REFRESH MATERIALIZED VIEW CONCURRENTLY shop.rfm_cutoff;
REFRESH MATERIALIZED VIEW CONCURRENTLY shop.customer_rfm;
REFRESH MATERIALIZED VIEW CONCURRENTLY shop.customer_clv;
SELECT bag_eq('SELECT ctid AS place, * FROM shop.customer_rfm', 'TABLE before', 'again: not one row is written');

-- settings take effect at the next REFRESH
CALL tiering.alter_pipeline('shop', bins => 7, rfm_window => '1 year');
REFRESH MATERIALIZED VIEW shop.rfm_cutoff;
REFRESH MATERIALIZED VIEW shop.customer_rfm;
REFRESH MATERIALIZED VIEW shop.customer_clv;
SELECT is(verdict_on_data('shop', lines(), current_date - 1, 7, 'reduce', (current_date - 1 - interval '1 year')::date + 1), 'sound', 'seven bins, a window of a year');
CALL tiering.alter_pipeline('shop', bins => 5, rfm_window => '0');

-- a day pinned, by refresh or by the owner; NULL is the last complete day again
CALL tiering.refresh('shop', as_of => '2023-06-30');
SELECT is(verdict('shop', lines(), '2023-06-30'), 'sound', 'refresh, with a day');
SELECT is((SELECT as_of FROM shop.pipeline), '2023-06-30', 'which is kept in the settings');
SELECT is((SELECT build FROM shop.run), 'view', 'the run says what it built');
SELECT is((SELECT string_agg(step || ' ' || state, ', ' ORDER BY started_at) FROM shop.log), 'histories done, cutoffs done, models done, customer_rfm done, customer_clv done', 'and the log has its steps');
INSERT INTO orders VALUES (2000, 3, '2023-06-29', 1000, NULL);
REFRESH MATERIALIZED VIEW shop.purchase_history;
REFRESH MATERIALIZED VIEW shop.rfm_cutoff;
REFRESH MATERIALIZED VIEW shop.customer_rfm;
REFRESH MATERIALIZED VIEW shop.customer_clv;
SELECT is((SELECT as_of FROM shop.rfm_cutoff), '2023-06-30', 'plain REFRESH keeps to that day');
SELECT is(verdict_on_data('shop', lines(), '2023-06-30'), 'sound', 'with the order that came later');
UPDATE shop.pipeline SET as_of = '2023-09-30';
REFRESH MATERIALIZED VIEW shop.rfm_cutoff;
SELECT is((SELECT DISTINCT as_of FROM shop.customer_rfm), '2023-06-30', 'the scores hold their own day until they are refreshed');
REFRESH MATERIALIZED VIEW shop.customer_rfm;
REFRESH MATERIALIZED VIEW shop.customer_clv;
SELECT is((SELECT DISTINCT as_of FROM shop.customer_rfm), '2023-09-30', 'and then have the one that the owner set');
CALL tiering.refresh('shop', "concurrently" => true);
SELECT is(verdict('shop', lines(), current_date - 1), 'sound', 'refresh without a day: the last complete one, concurrently');
SELECT is((SELECT as_of FROM shop.pipeline), NULL, 'and none is pinned any more');

-- every relation has a unique key
SELECT is((SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class AS c WHERE relnamespace = 'shop'::regnamespace AND relkind = 'm'
	AND EXISTS (SELECT FROM pg_index AS i WHERE indrelid = c.oid AND indisunique AND indisvalid AND indpred IS NULL AND indexprs IS NULL)),
	'customer_clv customer_rfm purchase_history rfm_cutoff', 'every materialized view has a unique key');

-- what is wrong in the orders stops the REFRESH, and leaves what was there
CREATE TABLE published AS SELECT * FROM shop.customer_rfm;
INSERT INTO orders VALUES (3000, 3, 'infinity', 5, NULL);
SELECT throws_ok('REFRESH MATERIALIZED VIEW shop.purchase_history', '22008', NULL, 'an infinite date');
UPDATE orders SET day = '2023-12-31', amount = 'NaN' WHERE line = 3000;
SELECT throws_ok('REFRESH MATERIALIZED VIEW shop.purchase_history', '22023', NULL, 'an amount that is no number');
SELECT bag_eq('TABLE shop.customer_rfm', 'TABLE published', 'what was published is untouched');
UPDATE orders SET amount = NULL WHERE line = 3000;
UPDATE shop.segment_rule SET r_max = 1 WHERE "position" = 1;
SELECT throws_ok('REFRESH MATERIALIZED VIEW shop.customer_rfm', '23514', NULL, 'rules with a hole stop it, too');
UPDATE shop.segment_rule AS r SET r_max = s.r_max FROM tiering.segment_rules() AS s WHERE s.position = r.position;
CALL tiering.refresh('shop');
SELECT is(verdict('shop', lines(), current_date - 1), 'sound', 'then all is well again');
SELECT is((SELECT lines_left_out FROM shop.run ORDER BY run DESC LIMIT 1), 1::bigint, 'and the row without an amount is counted');

-- void refunds, and each way to store the scores
CALL tiering.alter_pipeline('shop', refunds => 'void');
REFRESH MATERIALIZED VIEW shop.purchase_history;
REFRESH MATERIALIZED VIEW shop.rfm_cutoff;
REFRESH MATERIALIZED VIEW shop.customer_rfm;
REFRESH MATERIALIZED VIEW shop.customer_clv;
SELECT is(verdict_on_data('shop', lines(), current_date - 1, 5, 'void'), 'sound', 'void refunds');
CALL tiering.alter_pipeline('shop', materialization => 'view');
REFRESH MATERIALIZED VIEW shop.purchase_history;
REFRESH MATERIALIZED VIEW shop.rfm_cutoff;
SELECT is(verdict_on_data('shop', lines(), current_date - 1, 5, 'void'), 'sound', 'scores in a plain view over it');
CALL tiering.alter_pipeline('shop', materialization => 'table');
CALL tiering.refresh('shop');
SELECT is(verdict_on_data('shop', lines(), current_date - 1, 5, 'void'), 'sound', 'scores in a table over it');
CALL tiering.alter_pipeline('shop', histories => 'table', materialization => 'materialized view');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31', 5, 'void'), 'sound', 'and back to a table of histories');
DELETE FROM orders WHERE customer = 9;
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31', 5, 'void'), 'sound', 'which are kept from then on');

-- in the mode of the table, the scores can be refreshed alone, too
REFRESH MATERIALIZED VIEW shop.customer_rfm;
REFRESH MATERIALIZED VIEW shop.customer_clv;
SELECT is(verdict('shop', lines(), '2023-12-31', 5, 'void'), 'sound', 'REFRESH of the scores alone gives the same');
REFRESH MATERIALIZED VIEW CONCURRENTLY shop.customer_rfm;
REFRESH MATERIALIZED VIEW CONCURRENTLY shop.customer_clv;
SELECT is(verdict('shop', lines(), '2023-12-31', 5, 'void'), 'sound', 'concurrently, too');

SELECT * FROM finish();
