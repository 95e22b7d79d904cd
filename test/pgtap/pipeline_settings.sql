--
-- pipeline_settings: every setting, at the start and changed later
--
\set QUIET on
SET client_min_messages = warning;
\ir pipeline_oracle.psql
SELECT plan(145);

CREATE TABLE orders AS
SELECT n AS line, 1 + n * n % 41 AS customer, date '2022-01-01' + n * 11 % 725 AS day,
	((n * 7 % 50) - 6)::numeric / 4 AS amount, 'A' || n / 2 AS order_no, n % 3 AS shop,
	CASE WHEN n % 3 = 0 THEN 'USD' ELSE 'EUR' END AS currency
FROM generate_series(1, 500) AS n;
-- days on which everything is taken back, more than everything, or nothing was paid
INSERT INTO orders (line, customer, day, amount, order_no, shop, currency) VALUES
	(600, 500, '2023-12-01', 10, 'V1', 0, 'EUR'), (601, 500, '2023-12-01', -10, 'V2', 0, 'EUR'),
	(602, 501, '2023-12-01', 10, 'V3', 0, 'EUR'), (603, 501, '2023-12-01', -12, 'V4', 0, 'EUR'), (604, 501, '2023-11-01', 3, 'V5', 0, 'EUR'),
	(605, 502, '2023-12-01', 10, 'V6', 0, 'EUR'), (606, 502, '2023-12-01', -9.99, 'V7', 0, 'EUR'),
	(607, 503, '2023-12-01', 0, 'V8', 0, 'EUR'), (608, 503, '2023-12-02', 10, 'V9', 0, 'EUR'), (609, 503, '2023-12-03', -10, 'V10', 0, 'EUR'),
	(610, 504, '2023-12-01', 10, 'V11', 0, 'EUR'), (611, 504, '2023-12-01', -10, 'V11', 0, 'EUR'),
	(612, 505, '2023-12-01', 10, 'V12', 0, 'EUR'), (613, 505, '2023-12-05', -11, 'V12', 0, 'EUR');
CREATE FUNCTION lines(condition text DEFAULT 'true') RETURNS text LANGUAGE SQL
RETURN 'SELECT customer, day, amount, order_no AS order_id FROM orders WHERE ' || condition;
CREATE PROCEDURE make_shop(materialization text DEFAULT 'materialized view', bins integer DEFAULT 5,
	refunds text DEFAULT 'reduce', rfm_window interval DEFAULT NULL) LANGUAGE SQL AS $$
	CALL tiering.create_pipeline('shop', 'orders', 'customer', 'day', 'amount', order_id => 'order_no',
		materialization => materialization, bins => bins, refunds => refunds, rfm_window => rfm_window)
$$;

-- --- the comparison itself can fail ---------------------------------------------

CALL make_shop('table');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'a table of scores');
CREATE FUNCTION spoiled(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE change;
	result := verdict('shop', lines(), '2023-12-31');
	RAISE EXCEPTION USING ERRCODE = 'ZZ001', MESSAGE = result;
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
	RETURN SQLERRM;
END $$;
SELECT matches(spoiled(change), expected, 'the comparison notices ' || reason)
FROM (VALUES
	('UPDATE shop.purchase_history_stored SET history = tiering.merge(history, history) WHERE customer_id = 5', '1 histories wrong', 'a wrong history'),
	('UPDATE shop.purchase_history_stored SET source_rows = source_rows + 1 WHERE customer_id = 5', '1 histories wrong', 'a wrong number of rows'),
	('DELETE FROM shop.purchase_history_stored WHERE customer_id = 5', '1 histories wrong', 'a history that is missing'),
	('DELETE FROM shop.customer_rfm WHERE customer_id = 5', '1 rows of customer_rfm differ', 'a customer that is missing'),
	('UPDATE shop.customer_rfm SET r_score = r_score % 5 + 1 WHERE customer_id = 5', '2 rows of customer_rfm differ', 'a wrong score'),
	('UPDATE shop.customer_rfm SET segment = ''Nobody'' WHERE customer_id = 5', 'a wrong day, cell or segment', 'a wrong segment'),
	('UPDATE shop.customer_rfm SET rfm_cell = ''000'' WHERE customer_id = 5', 'a wrong day, cell or segment', 'a wrong cell'),
	('UPDATE shop.run SET state = ''failed''', 'the run is failed', 'a run that failed'),
	('DELETE FROM shop.log WHERE step = ''cutoffs''', 'the log is not complete', 'a step not logged')) AS v(change, expected, reason);
CALL tiering.drop_pipeline('shop');

-- --- created so -----------------------------------------------------------------

CREATE TEMP TABLE scores (how text, row_text text);
CREATE TEMP TABLE way (n serial, how text, window_start date, bins integer, refunds text, materialization text, rfm_window text);
INSERT INTO way (how, bins, refunds, materialization, rfm_window, window_start) VALUES
	('a materialized view', 5, 'reduce', 'materialized view', NULL, NULL), ('a table', 5, 'reduce', 'table', NULL, NULL), ('a view', 5, 'reduce', 'view', NULL, NULL),
	('2 bins', 2, 'reduce', 'view', NULL, NULL), ('3 bins', 3, 'reduce', 'table', NULL, NULL), ('7 bins', 7, 'reduce', 'materialized view', NULL, NULL),
	('10 bins', 10, 'reduce', 'materialized view', NULL, NULL), ('100 bins', 100, 'reduce', 'table', NULL, NULL),
	('refunds void', 5, 'void', 'materialized view', NULL, NULL), ('refunds void in a table', 4, 'void', 'table', NULL, NULL),
	('a window of a year', 5, 'reduce', 'materialized view', '1 year', '2023-01-01'), ('a window of a month', 5, 'void', 'view', '1 month', '2023-12-01'),
	('a window of a day', 5, 'reduce', 'table', '1 day', '2023-12-31'), ('a window of 100 days', 9, 'reduce', 'view', '100 days', '2023-09-23');
SELECT format('CALL make_shop(%L, %s, %L, %L)', materialization, bins, refunds, rfm_window),
	$$CALL tiering.refresh('shop', as_of => '2023-12-31')$$,
	format($$SELECT is(verdict('shop', lines(), '2023-12-31', %s, %L, %L), 'sound', %L)$$, bins, refunds, window_start, how),
	format($$INSERT INTO scores SELECT %L, r::text FROM shop.customer_rfm AS r$$, how),
	$$UPDATE orders SET amount = amount + 0.25, day = '2023-12-31' WHERE customer = 3$$,
	$$DELETE FROM orders WHERE line = 601$$,
	$$CALL tiering.refresh('shop', as_of => '2023-12-31')$$,
	format($$SELECT is(verdict('shop', lines(), '2023-12-31', %s, %L, %L), 'sound', %L)$$, bins, refunds, window_start, how || ', after changes'),
	$$CALL tiering.refresh('shop', as_of => '2023-12-31', "concurrently" => true)$$,
	format($$SELECT is(verdict('shop', lines(), '2023-12-31', %s, %L, %L), 'sound', %L)$$, bins, refunds, window_start, how || ', concurrently'),
	$$CALL tiering.drop_pipeline('shop')$$,
	$$INSERT INTO orders VALUES (601, 500, '2023-12-01', -10, 'V2', 0, 'EUR')$$,
	$$UPDATE orders SET amount = ((line * 7 % 50) - 6)::numeric / 4, day = date '2022-01-01' + line * 11 % 725 WHERE customer = 3$$
FROM way ORDER BY n \gexec
SELECT bag_eq($$SELECT row_text FROM scores WHERE how = 'a materialized view'$$, format('SELECT row_text FROM scores WHERE how = %L', how),
	'a materialized view and ' || how || ' hold the same rows') FROM (VALUES ('a table'), ('a view')) AS v(how);

-- what a void refund does, customer by customer
CALL make_shop(refunds => 'void');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT results_eq('SELECT customer_id, recency_days, frequency, monetary FROM shop.customer_rfm WHERE customer_id >= 500 ORDER BY 1',
	$$VALUES (501, 60, 1, 1.00), (502, 30, 1, 0.01), (503, 29, 2, 0.00), (504, 30, 1, 0.00)$$,
	'void: a day whose refunds take all its money back is no purchase day; a zero amount is one, later refunds do not matter');
CALL tiering.alter_pipeline('shop', refunds => 'reduce');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT results_eq('SELECT customer_id, recency_days, frequency, monetary FROM shop.customer_rfm WHERE customer_id >= 500 ORDER BY 1',
	$$VALUES (500, 30, 1, 0.00), (501, 30, 2, 1.00), (502, 30, 1, 0.01), (503, 29, 2, 0.00), (504, 30, 1, 0.00)$$,
	'reduce: it is; the net amount of an order decides what the order is');

-- --- altered one by one -----------------------------------------------------------

GRANT USAGE ON SCHEMA shop TO PUBLIC;
CREATE VIEW on_scores AS SELECT customer_id, segment FROM shop.customer_rfm;
CREATE VIEW on_profile AS SELECT * FROM shop.customer_profile;
CREATE TABLE orders_2024 AS SELECT line, customer AS client, day AS bought_on, amount, order_no FROM orders WHERE shop = 1;
CREATE TABLE orders_text AS SELECT line, 'k' || customer AS client, day AS bought_on, amount, order_no FROM orders WHERE shop = 1;
CREATE TEMP TABLE alteration (n serial, arguments text, query text, bins integer, refunds text, since date, reason text);
INSERT INTO alteration (arguments, query, bins, refunds, since, reason) VALUES
	('bins => 10', lines(), 10, 'reduce', NULL, 'bins'),
	('rfm_window => ''1 year''', lines(), 10, 'reduce', '2023-01-01', 'a window'),
	('rfm_window => ''0''', lines(), 10, 'reduce', NULL, 'no window'),
	('filter => ''shop = 1''', lines('shop = 1'), 10, 'reduce', NULL, 'a filter'),
	('bins => 5, filter => ''shop <> 1''', lines('shop <> 1'), 5, 'reduce', NULL, 'two at once'),
	('filter => ''''', lines(), 5, 'reduce', NULL, 'no filter'),
	('order_id => ''''', 'SELECT customer, day, amount, NULL AS order_id FROM orders', 5, 'reduce', NULL, 'no order id: each row an order'),
	('order_id => ''line''', 'SELECT customer, day, amount, line AS order_id FROM orders', 5, 'reduce', NULL, 'another column as order id'),
	('refunds => ''void''', 'SELECT customer, day, amount, line AS order_id FROM orders', 5, 'void', NULL, 'refunds'),
	('refunds => ''reduce'', order_id => ''order_no''', lines(), 5, 'reduce', NULL, 'refunds back'),
	('amount => ''line''', 'SELECT customer, day, line AS amount, order_no AS order_id FROM orders', 5, 'reduce', NULL, 'another amount'),
	('amount => ''amount'', product_id => ''shop'', quantity => ''line''', lines(), 5, 'reduce', NULL, 'columns that later issues use'),
	('orders => ''orders_2024'', customer_id => ''client'', ordered_at => ''bought_on'', product_id => '''', quantity => ''''',
		'SELECT client AS customer, bought_on AS day, amount, order_no AS order_id FROM orders_2024', 5, 'reduce', NULL, 'another table'),
	('orders => ''orders'', customer_id => ''customer'', ordered_at => ''day''', lines(), 5, 'reduce', NULL, 'the first table again'),
	('time_zone => ''Asia/Tokyo''', lines(), 5, 'reduce', NULL, 'the zone');
SELECT format('CALL tiering.alter_pipeline(''shop'', %s)', arguments),
	$$CALL tiering.refresh('shop', as_of => '2023-12-31')$$,
	format($$SELECT is(verdict('shop', %L, '2023-12-31', %s, %L, %L), 'sound', %L)$$, query, bins, refunds, since, 'altered: ' || reason),
	$$UPDATE orders SET amount = amount + 1 WHERE line = 8$$,
	$$CALL tiering.refresh('shop', as_of => '2023-12-31')$$,
	format($$SELECT is(verdict('shop', %L, '2023-12-31', %s, %L, %L), 'sound', %L)$$, query, bins, refunds, since, 'altered and changed: ' || reason)
FROM alteration ORDER BY n \gexec
SELECT is((SELECT count(*) FROM on_scores), (SELECT count(*) FROM shop.customer_rfm), 'a view of the user''s over the scores has worked all the while');
SELECT is((SELECT time_zone FROM shop.pipeline), 'Asia/Tokyo', 'settings are kept');
CALL tiering.alter_pipeline('shop');
SELECT is((SELECT time_zone || bins || materialization FROM shop.pipeline), 'Asia/Tokyo5materialized view', 'no argument, no change');

-- what must rebuild relations that others use refuses, and names them
SELECT throws_like(format('CALL tiering.alter_pipeline(''shop'', %s)', arguments), '%cannot rebuild shop.customer_%', reason)
FROM (VALUES ('materialization => ''table''', 'another materialization is refused while a view uses the scores'),
	('histories => ''view''', 'another way to keep histories too'),
	('orders => ''orders_text'', customer_id => ''client'', ordered_at => ''bought_on''', 'another type of customer id too')) AS v(arguments, reason);
CREATE FUNCTION error_of(statement text, what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE code text; message text; detail text; hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN CASE what WHEN 'code' THEN code WHEN 'detail' THEN detail WHEN 'hint' THEN hint ELSE message END;
END $$;
SELECT is(error_of($$CALL tiering.alter_pipeline('shop', materialization => 'table')$$, 'detail'),
	E'view public.on_profile depends on view shop.customer_profile\nview public.on_scores depends on materialized view shop.customer_rfm',
	'the detail names all of them at once');
SELECT is(error_of($$CALL tiering.alter_pipeline('shop', materialization => 'table')$$, 'code'), '2BP01', 'with the code of dependent objects');
INSERT INTO shop.segment_rule SELECT 'holed', bins, "position", segment, r_min, r_max, f_min, f_max, m_min, m_max
FROM shop.segment_rule WHERE rule_set = 'standard' AND segment <> 'Lost';
SELECT matches(error_of($$CALL tiering.alter_pipeline('shop', rule_set => 'holed')$$, 'message'), 'hole at R 1, F 1, M 1',
	'a rule set with a hole is refused when it is named');
DELETE FROM shop.segment_rule WHERE rule_set = 'holed';
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'and nothing has changed');
SELECT is((SELECT materialization || customer_id FROM shop.pipeline), 'materialized viewcustomer', 'not even the settings');
DROP VIEW on_scores, on_profile;

-- rights and indexes outlive a rebuild
CREATE ROLE check_grantee;
CREATE ROLE check_column_grantee;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO check_grantee;
GRANT SELECT (customer_id, segment) ON shop.customer_rfm TO check_column_grantee;
GRANT SELECT ON shop.segment_summary TO PUBLIC;
CALL tiering.alter_pipeline('shop', materialization => 'table', histories => 'view');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is((SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class AS c
	WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'v', 'm') AND NOT has_table_privilege('check_grantee', oid, 'SELECT')),
	NULL, 'a role that could read everything still can');
SET ROLE check_grantee;
SELECT lives_ok('SELECT count(*) FROM shop.customer_profile, shop.segment_summary, shop.rfm_heatmap', 'and reads what it needs for reports');
RESET ROLE;
SET ROLE check_column_grantee;
SELECT lives_ok('SELECT segment, count(customer_id) FROM shop.customer_rfm GROUP BY segment', 'rights on columns are kept, too');
RESET ROLE;
SELECT ok(has_table_privilege('check_column_grantee', 'shop.segment_summary', 'SELECT'), 'and rights of PUBLIC');
DROP OWNED BY check_grantee, check_column_grantee;
DROP ROLE check_grantee, check_column_grantee;
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'altered: a table of scores over a view of histories');
CALL tiering.alter_pipeline('shop', materialization => 'view', histories => 'table');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'altered: a view over a table');
CALL tiering.alter_pipeline('shop', orders => 'orders_text', customer_id => 'client', ordered_at => 'bought_on');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', 'SELECT client AS customer, bought_on AS day, amount, order_no AS order_id FROM orders_text', '2023-12-31'), 'sound', 'altered: customers of another type');
SELECT col_type_is('shop', 'customer_rfm', 'customer_id', 'text', 'which is published');

-- the table dropped: the message says what to do, and that works
DROP TABLE orders_text CASCADE;
SELECT is(error_of($$CALL tiering.refresh('shop')$$, 'message'), 'the orders of pipeline "shop" were dropped', 'the source was dropped');
SELECT is(error_of($$CALL tiering.refresh('shop')$$, 'code'), '42P01', 'as an undefined table');
SELECT lives_ok($$CALL tiering.alter_pipeline('shop', orders => 'orders', customer_id => 'customer', ordered_at => 'day')$$, 'naming another as the hint says');
SELECT lives_ok($$CALL tiering.refresh('shop', as_of => '2023-12-31')$$, 'makes it work again');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'with the right result');
DROP SCHEMA shop CASCADE;

-- --- currencies --------------------------------------------------------------------

CALL tiering.create_pipeline('shop', 'orders', 'customer', 'day', 'amount', order_id => 'order_no', currency => 'currency');
SELECT is(error_of($$CALL tiering.refresh('shop', as_of => '2023-12-31')$$, 'message'), 'orders are in more than one currency: "EUR" and "USD"', 'two currencies');
SELECT is(error_of($$CALL tiering.refresh('shop', as_of => '2023-12-31')$$, 'hint'), 'Pick one with a filter on the currency''s column, for example filter => ''currency = ''''EUR''''''.', 'the hint picks one');
CALL tiering.alter_pipeline('shop', filter => 'currency = ''EUR''');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines('currency = ''EUR'''), '2023-12-31'), 'sound', 'one picked by the filter');
CALL tiering.alter_pipeline('shop', filter => '');
SELECT throws_ok($$CALL tiering.refresh('shop', as_of => '2023-12-31')$$, '22023', NULL, 'the filter taken away');
SELECT is(error_of($$CALL tiering.refresh('shop', as_of => '2023-12-31')$$, 'message'), 'orders are in more than one currency: "EUR" and "USD"', 'two again');
CALL tiering.alter_pipeline('shop', currency => '');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'no column of currencies named: the owner vouches for it');
UPDATE orders SET currency = 'EUR';
CALL tiering.alter_pipeline('shop', currency => 'currency');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'all of one currency');
UPDATE orders SET currency = NULL WHERE line = 3;
SELECT throws_ok($$CALL tiering.refresh('shop', as_of => '2023-12-31')$$, '22023', NULL, 'one order without a currency among them');
UPDATE orders SET currency = 'USD' WHERE line = 3;
CALL tiering.alter_pipeline('shop', histories => 'view');
SELECT throws_ok($$CALL tiering.refresh('shop', as_of => '2023-12-31')$$, '22023', NULL, 'histories in a view: refresh refuses two currencies');
SELECT throws_ok($$REFRESH MATERIALIZED VIEW shop.purchase_history$$, NULL, NULL, 'and so does a plain REFRESH');
CALL tiering.drop_pipeline('shop');

-- --- segment rules -----------------------------------------------------------------

CALL make_shop();
SELECT is((SELECT count(*) FROM tiering.segment_check('shop')), 0::bigint, 'the shipped rules are sound');
CREATE TEMP TABLE edit (n serial, statement text, problems text, reason text);
INSERT INTO edit (statement, problems, reason) VALUES
	($$DELETE FROM shop.segment_rule WHERE "position" = 1$$, 'hole', 'a hole'),
	($$UPDATE shop.segment_rule SET r_min = 1, f_min = 1, m_min = 1, r_max = 5, f_max = 5, m_max = 5 WHERE "position" = 1$$, 'overlap', 'an overlap'),
	($$UPDATE shop.segment_rule SET r_min = r_max, r_max = 1 WHERE "position" = 1$$, 'bounds inverted', 'inverted bounds'),
	($$UPDATE shop.segment_rule SET r_max = 6 WHERE "position" = 1$$, 'bounds outside the bins', 'a bound outside'),
	($$UPDATE shop.segment_rule SET bins = 4 WHERE "position" = 1$$, 'bins differ within the set, bounds outside the bins', 'one rule of another number of bins'),
	($$UPDATE shop.segment_rule SET bins = 4$$, 'bounds outside the bins', 'all of another number of bins'),
	($$UPDATE shop.segment_rule SET segment = '' WHERE "position" = 1$$, 'segment without a name', 'a segment without a name');
CREATE FUNCTION after_edit(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE listed text; refused text;
BEGIN
	BEGIN
		EXECUTE statement;
		SELECT string_agg(DISTINCT problem, ', ' ORDER BY problem) INTO listed FROM tiering.segment_check('shop');
		refused := error_of($c$CALL tiering.refresh('shop', as_of => '2023-12-31')$c$, 'code');
		RAISE EXCEPTION USING ERRCODE = 'ZZ001';
	EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
	END;
	RETURN format('%s; refresh %s', listed, refused);
END $$;
SELECT is(after_edit(statement), problems || '; refresh 23514', 'rules with ' || reason) FROM edit ORDER BY n;
SELECT is((SELECT count(*) FROM tiering.segment_check('shop', 'nothing')), 1::bigint, 'a rule set that is not there has no rules');
SELECT throws_ok($$CALL tiering.alter_pipeline('shop', rule_set => 'mine')$$, '42704', 'rule set "mine" does not exist in pipeline "shop"', 'and is refused');
INSERT INTO shop.segment_rule VALUES ('mine', 3, 1, 'Good', 2, 3, 1, 3, 2, 3), ('mine', 3, 2, 'Fair', 2, 3, 1, 3, 1, 1), ('mine', 3, 3, 'Gone', 1, 1, 1, 3, 1, 3);
SELECT is((SELECT count(*) FROM tiering.segment_check('shop', 'mine')), 0::bigint, 'a set of one''s own, on three bins');
CALL tiering.alter_pipeline('shop', rule_set => 'mine');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'is used: five bins mapped to three');
SELECT results_eq('SELECT segment FROM shop.segment_summary', ARRAY['Good', 'Fair', 'Gone'], 'with its segments in their order');
CALL tiering.alter_pipeline('shop', bins => 10);
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31', 10), 'sound', 'ten bins mapped to three');
SELECT is((SELECT count(DISTINCT rfm_cell) FROM shop.customer_rfm WHERE rfm_cell LIKE '%-%-%'), (SELECT count(DISTINCT rfm_cell) FROM shop.customer_rfm), 'cells of ten bins have dashes');
DELETE FROM shop.segment_rule WHERE rule_set = 'mine' AND "position" = 3;
SELECT throws_ok($$CALL tiering.refresh('shop', as_of => '2023-12-31')$$, '23514', NULL, 'then a hole is made in it');
SELECT is((SELECT count(*) FROM shop.customer_rfm), (SELECT customers FROM shop.rfm_cutoff), 'what was published stays');
CALL tiering.alter_pipeline('shop', rule_set => 'standard');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31', 10), 'sound', 'the shipped set again: ten bins mapped to five');

-- --- few customers, equal customers ---------------------------------------------------

CREATE TABLE few (customer integer, day date, amount numeric);
CALL tiering.create_pipeline('small', 'few', 'customer', 'day', 'amount');
CALL tiering.refresh('small', as_of => '2023-12-31');
SELECT is(verdict('small', 'SELECT *, NULL AS order_id FROM few', '2023-12-31'), 'sound', 'no orders at all');
SELECT is((SELECT sum(customers) FROM small.segment_summary), 0::numeric, 'every segment is there, empty');
INSERT INTO few VALUES (1, '2023-12-31', 5);
CALL tiering.refresh('small', as_of => '2023-12-31');
SELECT is(verdict('small', 'SELECT *, NULL AS order_id FROM few', '2023-12-31'), 'sound', 'one customer, who bought on the day of the analysis');
SELECT is((SELECT rfm_cell FROM small.customer_rfm), '111', 'nobody is below: the lowest scores');
INSERT INTO few SELECT n, '2023-12-31', 5 FROM generate_series(2, 20) AS n;
CALL tiering.refresh('small', as_of => '2023-12-31');
SELECT is(verdict('small', 'SELECT *, NULL AS order_id FROM few', '2023-12-31'), 'sound', 'all equal');
SELECT is((SELECT count(DISTINCT rfm_cell) FROM small.customer_rfm), 1::bigint, 'get the same scores');
INSERT INTO few SELECT n, '2023-10-31', 9 FROM generate_series(1, 20) AS n WHERE n % 2 = 0;
CALL tiering.refresh('small', as_of => '2023-12-31');
SELECT is(verdict('small', 'SELECT *, NULL AS order_id FROM few', '2023-12-31'), 'sound', 'half of them bought once');

SELECT * FROM finish();
