--
-- pipeline_refresh: after every refresh all is as if computed from scratch
--
\set QUIET on
SET client_min_messages = warning;
\ir pipeline_oracle.psql
SELECT plan(92);

CREATE TABLE orders (
	line bigserial PRIMARY KEY,
	customer bigint,
	ordered_at timestamp,
	amount numeric(10,2),
	order_no text,
	status text NOT NULL DEFAULT 'paid',
	note text
);
INSERT INTO orders (customer, ordered_at, amount, order_no)
SELECT 1 + n % 17, timestamp '2023-01-01' + n % 353 * interval '1 day' + n % 24 * interval '1 hour',
	CASE WHEN n % 7 = 0 THEN -1 ELSE 1 END * (n % 60) + 0.25, CASE WHEN n % 5 > 0 THEN 'A' || n % 170 END
FROM generate_series(1, 400) AS n;

CREATE FUNCTION lines(source text DEFAULT 'orders', condition text DEFAULT 'status <> ''test''') RETURNS text
LANGUAGE SQL RETURN format('SELECT customer, ordered_at::date AS day, amount, order_no AS order_id FROM %s WHERE %s', source, condition);

CALL tiering.create_pipeline('shop', orders => 'orders', customer_id => 'customer', ordered_at => 'ordered_at',
	amount => 'amount', order_id => 'order_no', filter => 'status <> ''test''');

SELECT is((SELECT count(*) FROM shop.purchase_history), 0::bigint, 'before the first refresh there are no histories');
SELECT throws_ok('SELECT * FROM shop.customer_rfm', '55000', NULL, 'and no scores: the materialized view says so');
SELECT is((SELECT state FROM tiering.pipelines), 'new', 'the pipeline is new');

CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'the first refresh');
SELECT is((SELECT build FROM shop.run), 'full', 'it builds everything');

-- twice, and nothing has changed
CREATE TABLE before AS SELECT 'history' AS what, h::text AS line FROM shop.purchase_history AS h
UNION ALL SELECT 'rfm', r::text FROM shop.customer_rfm AS r UNION ALL SELECT 'profile', p::text FROM shop.customer_profile AS p
UNION ALL SELECT 'cutoffs', c::text FROM shop.rfm_cutoff AS c;
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT results_eq($$SELECT rows FROM shop.log WHERE run = 2 AND step = 'histories'$$, ARRAY[0::bigint], 'a second refresh changes no history');
SELECT is((SELECT build FROM shop.run WHERE run = 2), 'changes', 'and looks for changes alone');
SELECT bag_eq($$SELECT 'history' AS what, h::text AS line FROM shop.purchase_history AS h
UNION ALL SELECT 'rfm', r::text FROM shop.customer_rfm AS r UNION ALL SELECT 'profile', p::text FROM shop.customer_profile AS p
UNION ALL SELECT 'cutoffs', c::text FROM shop.rfm_cutoff AS c$$, 'TABLE before', 'and leaves everything as it was');

-- each change, then a refresh, then the comparison; build is what that refresh
-- must do: what the row versions show is recomputed, what they cannot show is
-- noticed by the count of rows and builds everything; NULL where both are right
CREATE TEMP TABLE change (n serial, statement text, build text, reason text);
INSERT INTO change (statement, build, reason) VALUES
	($$INSERT INTO orders (customer, ordered_at, amount, order_no) VALUES (3, '2023-12-30', 99.90, 'B1')$$, 'changes', 'an order of a known customer'),
	($$INSERT INTO orders (customer, ordered_at, amount) VALUES (1000, '2023-12-30', 0)$$, 'changes', 'the first order of a new customer, of amount zero'),
	($$INSERT INTO orders (customer, ordered_at, amount) VALUES (4, '2009-02-28', 12)$$, 'changes', 'an order with a date of long ago'),
	($$INSERT INTO orders (customer, ordered_at, amount) VALUES (1001, '2023-12-01', -12)$$, 'changes', 'a customer with a refund alone'),
	($$INSERT INTO orders (customer, ordered_at, amount) VALUES (1002, '2024-01-01', 12), (5, '2024-01-01', 1)$$, 'changes', 'orders after the day of the analysis'),
	($$UPDATE orders SET amount = amount + 1000 WHERE line = 10$$, 'changes', 'a corrected amount'),
	($$UPDATE orders SET ordered_at = ordered_at - interval '400 days' WHERE line IN (11, 12)$$, 'changes', 'orders dated back'),
	($$UPDATE orders SET ordered_at = '2024-06-01' WHERE line = 13$$, 'changes', 'an order dated past the day of the analysis'),
	($$UPDATE orders SET note = 'seen' WHERE line < 20$$, 'changes', 'a column that does not matter'),
	($$UPDATE orders SET amount = NULL WHERE line = 14$$, 'changes', 'an amount taken away'),
	($$UPDATE orders SET ordered_at = NULL WHERE line = 15$$, 'changes', 'a date taken away'),
	($$UPDATE orders SET amount = 5, ordered_at = '2023-05-05' WHERE line IN (14, 15)$$, 'changes', 'both put back'),
	($$UPDATE orders SET status = 'test' WHERE line BETWEEN 30 AND 34$$, 'changes', 'orders that pass the filter no more'),
	($$UPDATE orders SET status = 'paid' WHERE line BETWEEN 32 AND 34$$, 'changes', 'orders that pass it again'),
	($$UPDATE orders SET order_no = 'C' || line WHERE order_no = 'A18'$$, 'changes', 'an order split'),
	($$UPDATE orders SET order_no = 'D1' WHERE customer = 5$$, 'changes', 'all lines of a customer put into one order'),
	($$UPDATE orders SET amount = -amount WHERE customer = 6$$, 'changes', 'purchases turned into refunds'),
	($$BEGIN; INSERT INTO orders (customer, ordered_at, amount) VALUES (7, '2023-12-31', 1); ROLLBACK$$, 'changes', 'an order rolled back'),
	($$BEGIN; SAVEPOINT a; INSERT INTO orders (customer, ordered_at, amount) VALUES (7, '2023-12-31', 1);
	   SAVEPOINT b; INSERT INTO orders (customer, ordered_at, amount) VALUES (8, '2023-12-31', 1); ROLLBACK TO b;
	   INSERT INTO orders (customer, ordered_at, amount) VALUES (1003, '2023-12-31', 1); COMMIT$$, 'changes', 'orders of subtransactions'),
	($$DELETE FROM orders WHERE line = 40$$, 'full', 'an order deleted'),
	($$DELETE FROM orders WHERE customer = 9$$, 'full', 'all orders of a customer deleted'),
	($$DELETE FROM orders WHERE customer = 1001$$, 'full', 'a customer with a refund alone deleted'),
	($$UPDATE orders SET customer = 11 WHERE line = 41$$, 'full', 'an order moved to another customer'),
	($$UPDATE orders SET customer = 2000 WHERE customer = 12$$, 'full', 'all orders of a customer moved to a new one'),
	($$UPDATE orders SET customer = NULL WHERE line = 43$$, 'full', 'an order that lost its customer'),
	($$UPDATE orders SET customer = CASE customer WHEN 13 THEN 14 ELSE 13 END WHERE customer IN (13, 14)$$, 'changes', 'two customers exchanged'),
	($$WITH d AS (DELETE FROM orders WHERE line = 50 RETURNING *) INSERT INTO orders (customer, ordered_at, amount) SELECT 16, ordered_at, amount FROM d$$,
		'full', 'one order deleted and one of another customer inserted'),
	($$BEGIN; CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM orders; TRUNCATE orders; INSERT INTO orders SELECT * FROM kept; COMMIT$$,
		NULL, 'emptied and loaded again'),
	($$BEGIN; CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM orders WHERE customer <> 15; TRUNCATE orders; INSERT INTO orders SELECT * FROM kept; COMMIT$$,
		'full', 'emptied and loaded again without one customer'),
	($$VACUUM (FREEZE) orders$$, 'changes', 'row versions frozen'),
	($$VACUUM (FULL, FREEZE) orders$$, 'changes', 'the table written anew'),
	($$CLUSTER orders USING orders_pkey$$, 'changes', 'the table sorted'),
	($$DELETE FROM orders$$, 'full', 'all orders deleted');
SELECT statement, $$CALL tiering.refresh('shop', as_of => '2023-12-31')$$,
	format($$SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', %L)$$, reason),
	CASE WHEN build IS NOT NULL THEN format($$SELECT is((SELECT build FROM shop.run ORDER BY run DESC LIMIT 1), %L, %L)$$, build, '-- build: ' || reason) END
FROM change ORDER BY n \gexec

SELECT is((SELECT count(*) FROM shop.customer_rfm), 0::bigint, 'no orders, no customers, no error');
SELECT matches((SELECT detail FROM shop.log ORDER BY run DESC, started_at LIMIT 1), '^all customers: orders were deleted, moved or filtered out: 0 rows, [0-9]+ expected$', 'the log says why everything was built');

-- a load that freezes its rows
BEGIN;
TRUNCATE orders;
COPY orders (customer, ordered_at, amount) FROM stdin WITH (FREEZE);
1	2023-03-01	10
2	2023-04-01	20
2	2023-05-01	30.5
\N	2023-05-01	7
\.
COMMIT;
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'rows loaded by COPY FREEZE');
SELECT is((SELECT lines_left_out FROM shop.run ORDER BY run DESC LIMIT 1), 1::bigint, 'a row without a customer is left out and counted');

-- many changed: above a twentieth of all customers everything is built
INSERT INTO orders (customer, ordered_at, amount) SELECT n, '2023-06-01', n % 100 FROM generate_series(1, 1500) AS n;
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', '1,500 customers changed');
SELECT is((SELECT build FROM shop.run ORDER BY run DESC LIMIT 1), 'full', 'so many that everything is built');
UPDATE orders SET amount = amount + 1 WHERE customer <= 900;
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', '900 customers changed');

-- a sample of a table of a few pages is all or nothing: it must decide nothing
SELECT is((SELECT count(*) FILTER (WHERE tiering.many_changed('shop', 'orders', '0')) FROM generate_series(1, 5000)), 0::bigint,
	'a small table is searched, whatever was sampled');

-- the day of the analysis
CALL tiering.refresh('shop', as_of => '2023-05-31');
SELECT is(verdict('shop', lines(), '2023-05-31'), 'sound', 'a day in the past');
SELECT is((SELECT count(*) FROM shop.customer_rfm), 2::bigint, 'with the customers of then');
CALL tiering.refresh('shop', as_of => '1999-12-31');
SELECT is(verdict('shop', lines(), '1999-12-31'), 'sound', 'a day before every purchase');
SELECT is((SELECT customers FROM tiering.pipelines), 0::bigint, 'no customers then, and no error');
CALL tiering.refresh('shop', as_of => '2030-01-01');
SELECT is(verdict('shop', lines(), '2030-01-01'), 'sound', 'a day to come');
CALL tiering.refresh('shop');
SELECT is((SELECT as_of FROM tiering.pipelines), (now() AT TIME ZONE 'UTC')::date - 1, 'the default is the last complete day');
SELECT throws_ok($$CALL tiering.refresh('shop', as_of => 'infinity')$$, '22023', NULL, 'infinity is no day');

-- all at once, at the request of the caller
CALL tiering.refresh('shop', as_of => '2023-12-31', "full" => true);
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'a full build asked for');
SELECT is((SELECT build || ': ' || detail FROM shop.run JOIN shop.log USING (run) WHERE step = 'histories' ORDER BY run DESC LIMIT 1),
	'full: all customers: asked for; 1 rows without a customer, date or amount left out', 'the log says so');

-- called from a function, it works in the caller's transaction
CREATE FUNCTION nightly() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO orders (customer, ordered_at, amount) VALUES (5000, '2023-12-31', 77);
	CALL tiering.refresh('shop', as_of => '2023-12-31', "concurrently" => true);
	RETURN verdict('shop', lines(), '2023-12-31');
END $$;
SELECT is(nightly(), 'sound', 'an order of the same transaction, from within a function');
INSERT INTO orders (customer, ordered_at, amount) VALUES (5000, '2023-12-31', 78);
CALL tiering.refresh('shop', as_of => '2023-12-31', "concurrently" => true);
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'and an order after it; concurrently');

SELECT * FROM finish();
