--
-- pipeline_errors: what is refused, with which words
--
SET client_min_messages = warning;
SET datestyle = ISO;
SET intervalstyle = postgres;
-- the error of a statement; whatever it did is undone
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  code text; message text; detail text; hint text;
BEGIN
  EXECUTE statement;
  RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n', code || ' ' || message, NULLIF('detail: ' || detail, 'detail: '), NULLIF('hint: ' || hint, 'hint: '));
END $$;
\pset format unaligned
\pset tuples_only on
\pset recordsep '\n\n'

CREATE TABLE orders (customer integer, day date, at timestamp, at_zone timestamptz, amount numeric, label text, flag boolean, currency text);
INSERT INTO orders SELECT n % 5, '2024-01-01', '2024-01-01', '2024-01-01', n, 'x', true, 'EUR' FROM generate_series(1, 20) AS n;
CREATE TABLE empty_id (customer integer);
CREATE INDEX orders_index ON orders (customer, day, amount);
CREATE SEQUENCE orders_sequence;
CREATE TYPE composite AS (customer integer, day date, amount numeric);
CREATE TEMP TABLE temporary AS TABLE orders;

-- create_pipeline: columns, zone, settings
SELECT arguments || E'\n' || pg_temp.attempt(format('CALL tiering.create_pipeline(''shop'', %s)', arguments)) FROM (VALUES
  (1, $$'orders', 'client', 'day', 'amount'$$),
  (2, $$'orders', 'customer', 'when', 'amount'$$),
  (3, $$'orders', 'customer', 'day', 'price'$$),
  (4, $$'orders', 'customer', 'label', 'amount'$$),
  (5, $$'orders', 'customer', 'day', 'label'$$),
  (6, $$'orders', 'customer', 'at_zone', 'amount'$$),
  (7, $$'orders', 'customer', 'at_zone', 'amount', time_zone => 'Mars/Olympus'$$),
  (8, $$'orders', 'customer', 'day', 'amount', time_zone => 'Mars/Olympus'$$),
  (9, $$'orders', 'customer', 'day', 'amount', order_id => 'number'$$),
  (10, $$'orders', 'customer', 'day', 'amount', product_id => 'sku'$$),
  (11, $$'orders', 'customer', 'day', 'amount', quantity => 'pieces'$$),
  (12, $$'orders', 'customer', 'day', 'amount', quantity => 'flag'$$),
  (13, $$'orders', 'customer', 'day', 'amount', changed_at => 'touched'$$),
  (14, $$'orders', 'customer', 'day', 'amount', changed_at => 'label'$$),
  (15, $$'orders', 'customer', 'day', 'amount', currency => 'money'$$),
  (16, $$'orders', 'customer', 'day', 'amount', bins => 1$$),
  (17, $$'orders', 'customer', 'day', 'amount', bins => 101$$),
  (18, $$'orders', 'customer', 'day', 'amount', rule_set => 'mine'$$),
  (19, $$'orders', 'customer', 'day', 'amount', refunds => 'ignore'$$),
  (20, $$'orders', 'customer', 'day', 'amount', materialization => 'file'$$),
  (21, $$'orders', 'customer', 'day', 'amount', histories => 'none'$$),
  (22, $$'orders', 'customer', 'day', 'amount', rfm_window => '12 hours'$$),
  (23, $$'orders', 'customer', 'day', 'amount', rfm_window => '-1 year'$$),
  (24, $$'orders', 'customer', 'day', 'amount', filter => 'status = ''paid'''$$),
  (25, $$'orders', 'customer', 'day', 'amount', filter => 'amount +'$$),
  (26, $$'orders', 'customer', 'day', 'amount', filter => 'amount'$$),
  (27, $$'orders', 'customer', 'day', 'amount', filter => 'sum(amount) > 1'$$),
  (28, $$'orders', 'customer', 'day', 'amount', products => 'empty_id'$$),
  (29, $$'orders', 'customer', 'day', 'amount', customers => 'empty_id'$$),
  (30, $$'orders', 'customer', 'day', 'amount', identity => 'empty_id'$$),
  (31, $$'nothing', 'customer', 'day', 'amount'$$),
  (32, $$'orders_index', 'customer', 'day', 'amount'$$),
  (33, $$'orders_sequence', 'last_value', 'day', 'amount'$$),
  (34, $$'composite', 'customer', 'day', 'amount'$$),
  (35, $$'temporary', 'customer', 'day', 'amount'$$),
  (36, $$NULL, 'customer', 'day', 'amount'$$),
  (37, $$'orders', NULL, 'day', NULL$$),
  (38, $$'orders', '', 'day', 'amount'$$),
  (39, $$'orders', 'customer', 'day', 'amount', bins => NULL, refunds => NULL$$)) AS v(n, arguments)
ORDER BY n;
-- nothing is left of any of them
SELECT count(*) FROM pg_namespace WHERE nspname = 'shop';

-- create_pipeline: names
SELECT pg_temp.attempt(format('CALL tiering.create_pipeline(%L, ''orders'', ''customer'', ''day'', ''amount'')', name)) FROM (VALUES
  (1, NULL), (2, ''), (3, repeat('n', 64)), (4, 'public'), (5, 'pg_shop'), (6, 'tiering')) AS v(n, name) ORDER BY n;

-- a pipeline that is not there
SELECT pg_temp.attempt(statement) FROM (VALUES
  (1, $$CALL tiering.refresh('nothing')$$), (2, $$CALL tiering.refresh(NULL)$$), (3, $$CALL tiering.alter_pipeline('nothing', bins => 3)$$),
  (4, $$CALL tiering.drop_pipeline('nothing')$$), (5, $$SELECT * FROM tiering.segment_check('nothing')$$), (6, $$CALL tiering.refresh('public')$$)) AS v(n, statement) ORDER BY n;

-- alter_pipeline: refused, and all stays as it was
CALL tiering.create_pipeline('shop', 'orders', 'customer', 'day', 'amount');
CALL tiering.refresh('shop', as_of => '2024-01-31');
SELECT arguments || E'\n' || pg_temp.attempt(format('CALL tiering.alter_pipeline(''shop'', %s)', arguments)) FROM (VALUES
  (1, $$customer_id => 'client'$$), (2, $$customer_id => ''$$), (3, $$ordered_at => 'label'$$), (4, $$amount => 'label'$$), (5, $$ordered_at => 'at_zone'$$),
  (6, $$time_zone => 'Mars/Olympus'$$), (7, $$time_zone => ''$$), (8, $$bins => 0$$), (9, $$refunds => ''$$), (10, $$rule_set => 'mine'$$),
  (11, $$materialization => 'file'$$), (12, $$filter => 'amount +'$$), (13, $$orders => 'empty_id'$$), (14, $$orders => '-'$$), (15, $$orders => 'nothing'$$),
  (16, $$customers => 'empty_id'$$), (17, $$rfm_window => '1 hour'$$)) AS v(n, arguments)
ORDER BY n;
SELECT customer_id, ordered_at, amount, bins, refunds, rule_set, materialization, filter, source_version FROM shop.pipeline;

-- refresh: values that are no purchases; what was published stays, the run and the log say why
CREATE TABLE published AS TABLE shop.customer_rfm;
CREATE FUNCTION pg_temp.with_order(day date, amount numeric) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  INSERT INTO orders (customer, day, amount, label) VALUES (3, day, amount, 'bad');
  result := pg_temp.attempt('CALL tiering.refresh(''shop'', as_of => ''2024-01-31'')');
  DELETE FROM orders WHERE label = 'bad';
  RETURN result;
END $$;
SELECT pg_temp.with_order(day::date, amount) FROM (VALUES (1, 'infinity', 1), (2, '-infinity', 1), (3, '10000-01-01', 1), (4, '0001-01-01 BC', 1),
  (5, '2024-01-01', 'NaN'), (6, '2024-01-01', 'Infinity'), (7, '2024-01-01', 0.0000001), (8, '2024-01-01', 1e15), (9, '2024-01-01', -1e15)) AS v(n, day, amount) ORDER BY n;
SELECT pg_temp.attempt($$CALL tiering.refresh('shop', as_of => 'infinity')$$);
INSERT INTO orders (customer, day, amount, label) VALUES (3, '2024-01-01', 'NaN', 'bad');
\set VERBOSITY terse
CALL tiering.refresh('shop', as_of => '2024-01-31');
SELECT run, state, error, finished_at IS NOT NULL AS ended FROM shop.run ORDER BY run;
SELECT run, step, state, rows, detail FROM shop.log WHERE run > 1 ORDER BY run, started_at;
SELECT state, error FROM tiering.pipelines;
SELECT count(*) FROM (TABLE published EXCEPT ALL TABLE shop.customer_rfm) AS d;
DELETE FROM orders WHERE label = 'bad';
CALL tiering.refresh('shop', as_of => '2024-01-31');
SELECT state, error FROM tiering.pipelines;

-- rules
UPDATE shop.segment_rule SET r_min = 5, r_max = 1 WHERE "position" = 2;
SELECT pg_temp.attempt($$CALL tiering.refresh('shop', as_of => '2024-01-31')$$);
DELETE FROM shop.segment_rule WHERE "position" = 2;
SELECT pg_temp.attempt($$CALL tiering.refresh('shop', as_of => '2024-01-31')$$);
SELECT problem, r_score, f_score, m_score, segments FROM tiering.segment_check('shop') LIMIT 3;
INSERT INTO shop.segment_rule SELECT * FROM tiering.segment_rules() WHERE position = 2;
UPDATE shop.segment_rule SET r_min = 1 WHERE "position" = 2;
SELECT pg_temp.attempt($$CALL tiering.refresh('shop', as_of => '2024-01-31')$$);
DELETE FROM shop.segment_rule;
SELECT pg_temp.attempt($$CALL tiering.refresh('shop', as_of => '2024-01-31')$$);
INSERT INTO shop.segment_rule SELECT * FROM tiering.segment_rules();

-- what others depend on
CREATE VIEW champions AS SELECT customer_id FROM shop.customer_rfm WHERE segment = 'Champions';
SELECT pg_temp.attempt($$CALL tiering.alter_pipeline('shop', materialization => 'table')$$);
SELECT pg_temp.attempt($$CALL tiering.drop_pipeline('shop')$$);
DROP VIEW champions;
CREATE TABLE shop.mine (a integer);
SELECT pg_temp.attempt($$CALL tiering.drop_pipeline('shop')$$);
DROP TABLE shop.mine;
CREATE FUNCTION shop.mine() RETURNS integer LANGUAGE SQL RETURN 1;
SELECT pg_temp.attempt($$CALL tiering.drop_pipeline('shop')$$);
DROP FUNCTION shop.mine();

-- the orders dropped
DROP TABLE orders;
\set VERBOSITY default
DROP TABLE orders CASCADE;
SELECT pg_temp.attempt($$CALL tiering.refresh('shop', as_of => '2024-01-31')$$);
CALL tiering.drop_pipeline('shop');
DROP TABLE empty_id, published;
DROP TYPE composite;
DROP SEQUENCE orders_sequence;
