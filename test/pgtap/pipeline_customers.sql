--
-- pipeline_customers: merged customers, attributes of customers, products; the profile
--
\set QUIET on
SET client_min_messages = warning;
\ir pipeline_oracle.psql
SELECT plan(92);

CREATE TABLE orders AS
SELECT n AS line, 1 + n % 12 AS customer, date '2023-01-01' + n * 7 % 350 AS day, ((n % 40) - 4)::numeric AS amount, 'A' || n / 2 AS order_id
FROM generate_series(1, 200) AS n;
CREATE TABLE merged (id integer, merged_into integer);
-- the end of each chain of merges, by going step by step
CREATE FUNCTION root(customer integer) RETURNS integer LANGUAGE plpgsql STABLE AS $$
DECLARE found integer;
BEGIN
	FOR step IN 1 .. 1000 LOOP
		SELECT merged_into INTO found FROM merged WHERE id = customer AND merged_into IS NOT NULL AND merged_into <> id;
		EXIT WHEN found IS NULL;
		customer := found;
	END LOOP;
	RETURN customer;
END $$;
CREATE FUNCTION lines() RETURNS text LANGUAGE SQL RETURN 'SELECT root(customer) AS customer, day, amount, order_id FROM orders';
CREATE FUNCTION error_of(statement text, what text DEFAULT 'code') RETURNS text LANGUAGE plpgsql AS $$
DECLARE code text; message text; detail text; hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN CASE what WHEN 'code' THEN code WHEN 'detail' THEN detail WHEN 'hint' THEN hint WHEN 'all' THEN concat_ws(' ', code, message) ELSE message END;
END $$;

-- --- merged customers -----------------------------------------------------------

CALL tiering.create_pipeline('shop', 'orders', 'customer', 'day', 'amount', order_id => 'order_id', identity => 'merged');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'nobody merged yet');

CREATE TEMP TABLE change (n serial, statement text, customers integer, build text, reason text);
INSERT INTO change (statement, customers, build, reason) VALUES
	('INSERT INTO merged VALUES (2, 1)', 11, 'changes', 'one customer merged into another'),
	('INSERT INTO merged VALUES (3, 2)', 10, 'changes', 'a third merged into the one that is gone: the chain is followed'),
	('INSERT INTO merged VALUES (1, 4)', 9, 'changes', 'the end of the chain merged further'),
	('INSERT INTO merged VALUES (5, 900)', 9, 'changes', 'merged into a customer without orders'),
	('INSERT INTO merged VALUES (901, 6)', 9, 'changes', 'a customer without orders merged'),
	('INSERT INTO merged VALUES (7, 7), (8, NULL), (NULL, 9)', 9, 'changes', 'merged into oneself, into nobody, nobody merged: no merge at all'),
	('INSERT INTO merged VALUES (2, 1)', 9, 'changes', 'the same merge said twice'),
	('UPDATE merged SET merged_into = 6 WHERE id = 3', 9, 'changes', 'a merge changed'),
	('DELETE FROM merged WHERE id = 1', 10, 'changes', 'a merge taken back'),
	('UPDATE orders SET amount = amount + 5 WHERE customer = 3; INSERT INTO merged VALUES (10, 11)', 9, 'changes', 'an order of a merged customer changed, another merged'),
	('INSERT INTO orders VALUES (1000, 2, ''2023-12-01'', 99, NULL)', 9, 'changes', 'a new order of a merged customer'),
	('DELETE FROM orders WHERE line = 14', 9, 'full', 'an order of a merged customer deleted'),
	('INSERT INTO merged SELECT n, n + 1 FROM generate_series(10000, 10200) AS n; INSERT INTO orders VALUES (1001, 10000, ''2023-12-01'', 99, NULL)', 10, 'changes', 'a chain of two hundred'),
	('TRUNCATE merged', 13, 'changes', 'all taken back');
SELECT statement, $$CALL tiering.refresh('shop', as_of => '2023-12-31')$$,
	format($$SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', %L)$$, reason),
	format($$SELECT is((SELECT count(*) FROM shop.customer_rfm), %s::bigint, %L)$$, customers, '-- customers: ' || reason),
	format($$SELECT is((SELECT build FROM shop.run ORDER BY run DESC LIMIT 1), %L, %L)$$, build, '-- build: ' || reason)
FROM change ORDER BY n \gexec

INSERT INTO merged VALUES (1, 2), (1, 3);
SELECT matches(error_of($$CALL tiering.refresh('shop', as_of => '2023-12-31')$$, 'all'), '^21000 customer "1" is merged into more than one other', 'two targets are refused');
SELECT ok((SELECT count(*) FROM shop.customer_rfm) = 13, 'and what was published stays');
TRUNCATE merged;
INSERT INTO merged VALUES (1, 2), (2, 3), (3, 1);
SELECT matches(error_of($$CALL tiering.refresh('shop', as_of => '2023-12-31')$$, 'all'), '^42P19 merges .*lead from customer "[123]" round in a circle', 'a circle is refused');
TRUNCATE merged;
INSERT INTO merged VALUES (4, 1), (1, 2), (2, 1);
SELECT is(error_of($$CALL tiering.refresh('shop', as_of => '2023-12-31')$$), '42P19', 'a chain that ends in a circle, too');
TRUNCATE merged;
INSERT INTO merged VALUES (1, 2);
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'then all is well again');

CALL tiering.alter_pipeline('shop', histories => 'view');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'histories in a view');
INSERT INTO merged VALUES (3, 1);
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'and a merge');
CALL tiering.alter_pipeline('shop', histories => 'table');
CALL tiering.refresh('shop', as_of => '2023-12-31');

-- the relation dropped: the message says of what
DROP TABLE merged CASCADE;
SELECT matches(error_of($$CALL tiering.refresh('shop', as_of => '2023-12-31')$$, 'all'), '^42P01 .*identity', 'the relation of merges was dropped');
CALL tiering.alter_pipeline('shop', identity => '-');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', 'TABLE orders', '2023-12-31'), 'sound', 'and taken away');
CREATE TABLE merged_text (id text, merged_into text);
SELECT is(error_of($$CALL tiering.alter_pipeline('shop', identity => 'merged_text')$$), '42804', 'ids of another type are refused when the relation is named');
SELECT matches(error_of($$CALL tiering.alter_pipeline('shop', identity => 'merged_text')$$, 'message'), 'merged_text', 'and it is named');
CALL tiering.alter_pipeline('shop', identity => '-');

-- --- attributes -----------------------------------------------------------------

CREATE TABLE customers (id integer, "E-mail" text, enrolled_on date, birthday date, vip boolean, score numeric(6,2)[]);
COMMENT ON COLUMN customers."E-mail" IS 'the address';
INSERT INTO customers SELECT n, 'c' || n || '@example.org', '2020-01-01', '1980-02-29', n % 2 = 0, ARRAY[n] FROM generate_series(3, 15) AS n;
CREATE VIEW on_profile AS SELECT customer_id, segment FROM shop.customer_profile;
CALL tiering.alter_pipeline('shop', customers => 'customers');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', 'TABLE orders', '2023-12-31'), 'sound', 'with a relation of customers');
SELECT bag_eq($$SELECT customer_id, "E-mail", enrolled_on, birthday, vip, score FROM shop.customer_profile$$,
	$$SELECT COALESCE(c.id, r.customer_id), c."E-mail", c.enrolled_on, c.birthday, c.vip, c.score
	  FROM customers AS c FULL JOIN shop.customer_rfm AS r ON r.customer_id = c.id$$, 'the profile holds who bought, who is known, and both, once each');
SELECT is((SELECT count(*) FROM shop.customer_profile WHERE orders IS NULL), 3::bigint, 'those who never bought have no figures');
SELECT is((SELECT string_agg(DISTINCT as_of::text, ' ') FROM shop.customer_profile), '2023-12-31', 'all of one day');
SELECT is((SELECT count(*) FROM on_profile), 16::bigint, 'a view over the profile goes on');
SELECT is(col_description('shop.customer_profile'::regclass, (SELECT attnum FROM pg_attribute WHERE attrelid = 'shop.customer_profile'::regclass AND attname = 'E-mail')),
	'the address', 'a comment on an attribute comes along');
CREATE VIEW orders_of_3 AS
SELECT order_id, min(day) AS day, sum(amount) AS amount FROM orders WHERE customer = 3 AND order_id IS NOT NULL GROUP BY order_id
UNION ALL SELECT NULL, day, amount FROM orders WHERE customer = 3 AND order_id IS NULL;
SELECT results_eq($$SELECT orders::int, purchase_days::int, gross_total, refunded_total, net_total, first_purchase, last_purchase, last_gap_days FROM shop.customer_profile WHERE customer_id = 3$$,
	$$SELECT (SELECT count(*) FROM orders_of_3 WHERE amount >= 0)::int, count(DISTINCT day) FILTER (WHERE amount >= 0)::int, sum(GREATEST(amount, 0)), - sum(LEAST(amount, 0)), sum(amount),
		min(day) FILTER (WHERE amount >= 0), max(day) FILTER (WHERE amount >= 0),
		max(day) FILTER (WHERE amount >= 0) - (SELECT max(day) FROM orders_of_3 WHERE amount >= 0
			AND day < (SELECT max(day) FROM orders_of_3 WHERE amount >= 0))
	  FROM orders_of_3$$, 'the figures of one customer, from the orders');

UPDATE customers SET vip = NULL WHERE id = 4;
DELETE FROM customers WHERE id = 15;
SELECT is((SELECT count(*) FROM shop.customer_profile), 15::bigint, 'a change in the relation shows at once');
INSERT INTO customers (id) VALUES (NULL);
SELECT is((SELECT count(*) FROM shop.customer_profile WHERE customer_id IS NULL), 0::bigint, 'a row without an id is nobody');
INSERT INTO customers (id) VALUES (3);
SELECT is(error_of($$CALL tiering.refresh('shop', as_of => '2023-12-31')$$, 'all'), '21000 customer "3" has more than one row in public.customers', 'two rows for one customer are refused');
DELETE FROM customers WHERE id IS NULL OR id = 3;
CALL tiering.refresh('shop', as_of => '2023-12-31');

-- merged customers and attributes together
CREATE TABLE merged (id integer, merged_into integer);
INSERT INTO merged VALUES (4, 5), (14, 13);
CALL tiering.alter_pipeline('shop', identity => 'merged');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', lines(), '2023-12-31'), 'sound', 'merged customers and attributes');
SELECT is((SELECT count(*) FROM shop.customer_profile WHERE customer_id IN (4, 14)), 0::bigint, 'who was merged has no profile');
SELECT is((SELECT count(*) FROM (SELECT customer_id FROM shop.customer_profile GROUP BY 1 HAVING count(*) > 1) AS d), 0::bigint, 'and nobody has two');

-- another relation: what was published keeps its place, what is new comes after
CREATE TABLE customers_2 (id bigint, city text, "E-mail" text);
INSERT INTO customers_2 VALUES (3, 'Ulm', 'three@example.org'), (77, 'Bonn', NULL);
CREATE TEMP TABLE columns_before AS SELECT attnum, attname::text, atttypid::regtype::text FROM pg_attribute WHERE attrelid = 'shop.customer_profile'::regclass AND attnum > 0;
SELECT lives_ok($$CALL tiering.alter_pipeline('shop', identity => '-')$$, 'the relation of merges taken away while there are attributes');
SELECT lives_ok($$CALL tiering.alter_pipeline('shop', customers => 'customers_2')$$, 'another relation of customers');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is((SELECT count(*) FROM (TABLE columns_before EXCEPT SELECT attnum, attname, atttypid::regtype::text FROM pg_attribute WHERE attrelid = 'shop.customer_profile'::regclass) AS d),
	0::bigint, 'another relation: no published column has moved');
SELECT is((SELECT attname::text FROM pg_attribute WHERE attrelid = 'shop.customer_profile'::regclass ORDER BY attnum DESC LIMIT 1), 'city', 'the new one is the last');
SELECT results_eq('SELECT customer_id, "E-mail", city, vip FROM shop.customer_profile WHERE customer_id IN (3, 77) ORDER BY 1',
	$$VALUES (3, 'three@example.org', 'Ulm', NULL::boolean), (77, NULL, 'Bonn', NULL)$$, 'with ids of bigint beside integer');
CALL tiering.alter_pipeline('shop', customers => '-');
SELECT is((SELECT count(*) FROM shop.customer_profile WHERE city IS NOT NULL), 0::bigint, 'the relation taken away: its columns stay, empty');
SELECT is((SELECT count(*) FROM on_profile), 13::bigint, 'and the view over the profile goes on');

-- what cannot be joined
CREATE TABLE clash (id integer, segment text);
CREATE TABLE no_id (customer integer, city text);
CREATE TABLE text_id (id text, city text);
CREATE TABLE other_type (id integer, "E-mail" integer);
SELECT is(error_of(format('CALL tiering.alter_pipeline(''shop'', customers => %L)', r)), code, reason) FROM (VALUES
	('clash', '42701', 'an attribute with a name of the profile''s is refused'), ('no_id', '42703', 'a relation without an id, too'),
	('text_id', '42804', 'an id of another type, too'), ('other_type', '42P16', 'a published attribute of another type, too')) AS v(r, code, reason);
SELECT matches(error_of($$CALL tiering.alter_pipeline('shop', customers => 'text_id')$$, 'message'), 'text_id', 'the message names the relation');

-- the relation dropped
CALL tiering.alter_pipeline('shop', customers => 'customers');
DROP TABLE customers CASCADE;
SELECT matches(error_of($$CALL tiering.refresh('shop', as_of => '2023-12-31')$$, 'all'), '^42P01 .*customers', 'the relation of customers was dropped');
CALL tiering.alter_pipeline('shop', customers => '-');
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is(verdict('shop', 'TABLE orders', '2023-12-31'), 'sound', 'and taken away: the profile is back');

-- products
CREATE TABLE products (id text, category text, name text, recommendable boolean);
SELECT lives_ok($$CALL tiering.alter_pipeline('shop', products => 'products', product_id => 'order_id')$$, 'products');
SELECT is(error_of($$CALL tiering.alter_pipeline('shop', products => 'no_id')$$), '42703', 'products without an id are refused');
SELECT lives_ok($$CALL tiering.alter_pipeline('shop', products => '-', product_id => '')$$, 'no products');
SELECT is((SELECT concat(products, product_id) FROM shop.pipeline), '', 'are kept no more');

-- --- customers whose purchases are all older than the window of RFM --------------

CREATE TABLE lasting AS SELECT 1 + n % 60 AS customer, date '2022-01-01' + (n * n) % 400 + CASE WHEN n % 60 < 40 THEN 0 ELSE 300 END AS day, 10 + n % 7 AS amount, n % 5 AS product FROM generate_series(1, 1200) AS n;
CREATE TABLE some_customer AS SELECT n AS id, 'town ' || n % 3 AS town FROM generate_series(1, 80) AS n WHERE n % 2 = 0;
CALL tiering.create_pipeline('lasting', 'lasting', 'customer', 'day', 'amount', rfm_window => '90 days', product_id => 'product');
CALL tiering.create_churn('lasting', horizon_days => 30);
CALL tiering.create_recommendations('lasting', horizon_days => 30, n => 2);
CALL tiering.create_tiers('lasting', 'club', '{10,20,30}');
CALL tiering.refresh('lasting', as_of => '2023-12-01');
SELECT ok((SELECT count(*) BETWEEN 5 AND 55 FROM lasting.customer_rfm), '-- some are within the window');
PREPARE missing AS
SELECT p.customer_id FROM lasting.customer_profile AS p FULL JOIN lasting.customer_clv AS v USING (customer_id) FULL JOIN lasting.customer_churn AS u USING (customer_id) LEFT JOIN lasting.customer_tier AS t USING (customer_id)
	LEFT JOIN lasting.recommendation AS o ON o.customer_id = p.customer_id AND o.rank = 1 LEFT JOIN lasting.customer_rfm AS r ON r.customer_id = p.customer_id
WHERE v.customer_id IS NOT NULL AND (p.customer_id IS NULL OR (p.clv, p.p_alive, p.lifecycle_stage, p.churn_probability, p.value_at_risk, p.tier, p.next_product, p.segment, p.orders, p.as_of)
	IS DISTINCT FROM (v.clv, v.p_alive, u.stage, u.probability, u.value_at_risk, t.tier, o.product_id::text, r.segment, (SELECT count(*) FROM lasting AS l WHERE l.customer = v.customer_id), DATE '2023-12-01'));
SELECT is_empty('missing', 'all customers have their value, risk, tier and offer in the profile, within the window or not');
SELECT is((SELECT count(*) || ' ' || count(DISTINCT customer_id) || ' ' || count(churn_probability) || ' ' || count(segment) FROM lasting.customer_profile), (SELECT format('60 60 %s %s', (SELECT count(probability) FROM lasting.customer_churn), (SELECT count(*) FROM lasting.customer_rfm))), 'each in one row');
CALL tiering.alter_pipeline('lasting', customers => 'some_customer');
CALL tiering.refresh('lasting', as_of => '2023-12-01');
SELECT is_empty('missing', 'also with a relation of customers that knows some of them');
SELECT is((SELECT count(*) || ' ' || count(DISTINCT customer_id) || ' ' || count(town) FROM lasting.customer_profile), '70 70 40', 'which adds its own');
CALL tiering.alter_pipeline('lasting', rfm_window => '0');
CALL tiering.refresh('lasting', as_of => '2023-12-01');
SELECT is_empty('missing', 'and without a window');
SELECT is((SELECT count(*) || ' ' || count(DISTINCT customer_id) || ' ' || count(segment) FROM lasting.customer_profile), '70 70 60', 'all are scored then');
CALL tiering.drop_pipeline('lasting');

SELECT * FROM finish();
