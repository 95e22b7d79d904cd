--
-- purchase_histories: the same as grouping, whatever names the customers
--
BEGIN;
SET LOCAL search_path = public, tiering;
SET LOCAL datestyle = ISO;
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL jit = off;
SELECT plan(56);

SELECT setseed(0.77);
CREATE TEMP TABLE orders AS
SELECT n, CASE WHEN random() < 0.01 THEN NULL ELSE (random() * random() * 500)::int END AS customer,
  CASE WHEN random() < 0.01 THEN NULL ELSE '2019-12-01'::date + (random() * 500)::int END AS day,
  CASE WHEN random() < 0.01 THEN NULL WHEN random() < 0.02 THEN 0.0
    ELSE round((random() * 200 - CASE WHEN random() < 0.2 THEN 190 ELSE 0 END)::numeric, n % 4) END AS amount
FROM generate_series(1, 8000) n;
INSERT INTO orders VALUES (8001, 1001, NULL, 5), (8002, 1001, '2020-01-01', NULL), (8003, 1002, '2020-01-01', -5);
ANALYZE orders;

-- what purchase_histories and grouping do not agree on, for customers named by an expression of the number
CREATE FUNCTION disagree(id text, type text, source text DEFAULT 'orders') RETURNS TABLE (customer text, grouped text, got text)
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    SELECT (customer_id)::text, a.history || ' ' || a.source_rows, b.history::text || ' ' || b.source_rows
    FROM (SELECT %1$s AS customer_id, purchase_history_agg(day, amount)::text AS history,
            count(*) FILTER (WHERE day IS NOT NULL AND amount IS NOT NULL) AS source_rows
          FROM %3$s WHERE (%1$s) IS NOT NULL GROUP BY 1 HAVING purchase_history_agg(day, amount) IS NOT NULL) a
      FULL JOIN purchase_histories(%4$L) AS b(customer_id %2$s, history purchase_history, source_rows bigint) USING (customer_id)
    WHERE a.history IS DISTINCT FROM b.history::text OR a.source_rows IS DISTINCT FROM b.source_rows LIMIT 5 $q$,
    id, type, source, format('SELECT %s, day, amount FROM %s', id, source));
END $$;

CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
CREATE TYPE shop_customer AS (shop int, name text);
CREATE DOMAIN customer_code AS text CHECK (VALUE ~ '^c');
CREATE TEMP TABLE names (id text, type text);
INSERT INTO names VALUES
  ('customer', 'int'),
  ('customer::bigint', 'bigint'),
  ('customer::bigint * 10000000000 - 5000000000000', 'bigint'),
  ('customer::smallint', 'smallint'),
  ('customer::numeric', 'numeric'),
  ('round(customer / 7.0, customer % 5)', 'numeric'),
  ('customer::float8 / 8', 'float8'),
  ('(customer - 250)::float8 * CASE WHEN n % 2 = 0 THEN 1 ELSE 1 END', 'float8'),
  ('customer > 100', 'bool'),
  ('md5(customer::text)::uuid', 'uuid'),
  ('customer::text', 'text'),
  ('''customer '''' "'' || customer || ''"'' || chr(10) || chr(92) || ''; --''', 'text'),
  ('repeat(md5(customer::text), 100)', 'text'),
  ('repeat(''a'', 3000) || customer', 'text'),
  ('CASE customer % 3 WHEN 0 THEN '''' WHEN 1 THEN '' '' ELSE ''  '' END', 'text'),
  ('(''Kundin Ä'' || customer)::varchar', 'varchar'),
  ('customer::text::char(8)', 'char(8)'),
  ('(''n'' || customer)::name', 'name'),
  ('convert_to(md5(customer::text), ''UTF8'')', 'bytea'),
  ('''2000-01-01''::date + customer', 'date'),
  ('''2000-01-01''::timestamptz + customer * interval ''1 hour''', 'timestamptz'),
  ('ARRAY[customer, customer % 7]', 'int[]'),
  ('ARRAY[md5(customer::text), NULL]', 'text[]'),
  ('int4range(customer, customer + 5)', 'int4range'),
  ('CASE WHEN customer IS NOT NULL THEN ROW(customer % 5, customer::text)::shop_customer END', 'shop_customer'),
  ('jsonb_build_object(''id'', customer)', 'jsonb'),
  ('(ARRAY[''red'', ''green'', ''blue''])[1 + customer % 3]::colour', 'colour'),
  ('(''c'' || customer)::customer_code', 'customer_code'),
  ('''1.2.3.4''::inet + customer', 'inet'),
  ('interval ''1 hour'' * customer', 'interval');
SELECT is_empty(format('SELECT * FROM disagree(%L, %L)', id, type), format('customers named by %s', left(id, 60))) FROM names;

-- the same number in several forms is one customer
SELECT is_empty($$SELECT * FROM disagree('CASE WHEN n % 2 = 0 THEN customer::numeric ELSE customer + 0.000 END', 'numeric')$$, 'numeric of different scales');
SELECT is_empty($$SELECT * FROM disagree('CASE WHEN customer = 0 AND n % 2 = 0 THEN ''-0''::float8 ELSE customer END', 'float8')$$, 'both zeros of float8');
SELECT is_empty($$SELECT * FROM disagree('CASE WHEN customer % 2 = 0 THEN ''NaN''::float8 ELSE customer END', 'float8')$$, 'customers that are no number');
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT is((SELECT count(*) FROM (SELECT CASE WHEN n % 2 = 0 THEN 'anna' ELSE 'ANNA' END COLLATE any_case AS c FROM orders GROUP BY 1) t), 1::bigint,
  'a collation without case has one Anna');
SELECT is((SELECT array_agg(history::text || source_rows) FROM purchase_histories(
    $$SELECT CASE WHEN n % 2 = 0 THEN 'anna' ELSE 'ANNA' END COLLATE any_case, day, amount FROM orders$$)
    AS h(customer_id text COLLATE any_case, history purchase_history, source_rows bigint)),
  (SELECT ARRAY[purchase_history_agg(day, amount)::text || count(*)] FROM orders WHERE day IS NOT NULL AND amount IS NOT NULL),
  'so has purchase_histories');
SELECT is((SELECT count(*) FROM purchase_histories(
    $$SELECT CASE WHEN n % 2 = 0 THEN 'anna' ELSE 'ANNA' END, day, amount FROM orders$$)
    AS h(customer_id text, history purchase_history)), 2::bigint, 'a collation with case has two');

SELECT throws_ok($$SELECT * FROM purchase_histories('SELECT repeat(md5(customer::text), 400), day, amount FROM orders WHERE n < 100')
  AS h(customer_id text, history purchase_history)$$, '54000', NULL, 'customers with names of 12800 bytes are refused, as an index refuses them');

-- byte for byte
SELECT is_empty($$
  SELECT customer_id FROM purchase_histories('SELECT customer, day, amount FROM orders') AS h(customer_id int, history purchase_history)
    JOIN (SELECT customer AS customer_id, purchase_history_agg(day, amount) AS grouped FROM orders GROUP BY 1) t USING (customer_id)
  WHERE purchase_history_send(history) IS DISTINCT FROM purchase_history_send(grouped)
    OR pg_column_size(history) > pg_column_size(grouped)$$, 'the same bytes');

-- rows that stand for rows
SELECT is_empty($$
  SELECT customer_id FROM purchase_histories('SELECT customer, day, amount, (n % 5)::bigint FROM orders') AS h(customer_id int, history purchase_history, source_rows bigint)
    FULL JOIN (SELECT customer AS customer_id, purchase_history_agg(day, amount) AS grouped, sum(n % 5) AS rows FROM orders
      WHERE customer IS NOT NULL AND day IS NOT NULL AND amount IS NOT NULL GROUP BY 1) t USING (customer_id)
  WHERE history::text IS DISTINCT FROM grouped::text OR source_rows IS DISTINCT FROM rows$$, 'source rows are added up');

SELECT is((SELECT source_rows FROM purchase_histories('SELECT 1, current_date, 1.0, 3074457345618258602 FROM generate_series(1, 3)')
    AS h(customer_id int, history purchase_history, source_rows bigint)), 9223372036854775806, 'as many source rows as can be');
SELECT throws_ok($$SELECT * FROM purchase_histories('SELECT 1, current_date, 1.0, 3074457345618258603 FROM generate_series(1, 3)')
    AS h(customer_id int, history purchase_history, source_rows bigint)$$, '22003', NULL, 'more source rows than can be');

-- parameters
SELECT is((SELECT array_agg(customer_id ORDER BY customer_id) FROM purchase_histories(
    'SELECT customer, day, amount FROM orders WHERE customer = ANY ($1)', ARRAY[7, 3, 3, 99999, NULL]) AS h(customer_id int, history purchase_history)),
  ARRAY[3, 7], 'the customers that are asked for');
SELECT is_empty($$SELECT * FROM purchase_histories('SELECT customer, day, amount FROM orders WHERE customer = ANY ($1)', '{}'::int[])
  AS h(customer_id int, history purchase_history)$$, 'no customers asked for');
SELECT is_empty($$
  SELECT * FROM generate_series(1, 20) c, purchase_histories('SELECT customer, day, amount FROM orders WHERE customer = ANY ($1)', ARRAY[c])
      AS h(customer_id int, history purchase_history)
    JOIN (SELECT customer AS customer_id, purchase_history_agg(day, amount) AS grouped FROM orders GROUP BY 1) t USING (customer_id)
  WHERE customer_id <> c OR history::text <> grouped::text$$, 'called once a customer');
SELECT is_empty($$SELECT * FROM disagree('name', 'text', '(SELECT n, ''x'' || customer AS name, day, amount FROM orders ORDER BY md5(n::text)) s')$$,
  'from a subquery, in another order');
SELECT is((SELECT count(*) FROM purchase_histories($$SELECT h.customer_id, p.purchased_on, p.amount
    FROM purchase_histories('SELECT customer, day, amount FROM orders') AS h(customer_id int, history purchase_history), purchases(history) p$$)
    AS x(customer_id int, history purchase_history)),
  (SELECT count(DISTINCT customer) FROM orders WHERE day IS NOT NULL AND amount IS NOT NULL), 'one inside the other');
SELECT is((SELECT count(*) FROM (SELECT * FROM purchase_histories('SELECT customer, day, amount FROM orders') AS h(customer_id int, history purchase_history) LIMIT 1) t),
  1::bigint, 'one row is enough');
SELECT throws_ok($$SELECT * FROM purchase_histories('SELECT customer, day, round(1 / (n - 8003)::numeric, 2) FROM orders') AS h(customer_id int, history purchase_history)$$,
  '22012', NULL, 'an error in the last row');
SELECT throws_ok($$SELECT * FROM purchase_histories('SELECT customer, day, amount * 1e15 FROM orders') AS h(customer_id int, history purchase_history)$$,
  '22003', NULL, 'an error of ours');
SELECT is_empty($$SELECT * FROM disagree('customer', 'int')$$, 'and nothing is the worse for it');

-- more than fits into memory: spilled, and still the same
CREATE TEMP TABLE many AS
SELECT n, n * 7919 % 20011 AS customer, '2020-01-01'::date + n % 7 AS day, (n % 1000)::numeric / 100 AS amount FROM generate_series(1, 60000) n;
-- nearly all rows are one customer's
CREATE TEMP TABLE skewed AS
SELECT n, CASE WHEN n % 50 = 0 THEN n ELSE 7 END AS customer, '1990-01-01'::date + (n::bigint * 7919 % 9000)::int AS day, (n % 3000)::numeric / 100 - 3 AS amount
FROM generate_series(1, 40000) n;
ANALYZE many, skewed;
SET LOCAL work_mem = '64kB';
SET LOCAL hash_mem_multiplier = 1;
SELECT is_empty(format('SELECT * FROM disagree(%L, %L, %L)', id, type, source), format('with little memory: %s from %s', id, source))
FROM (VALUES ('customer', 'int', 'many'), ('md5(customer::text)', 'text', 'many'), ('customer', 'int', 'skewed'),
  ('''customer '' || customer', 'text', 'skewed')) v(id, type, source);
SELECT is((SELECT array_agg(customer_id) FROM purchase_histories('SELECT 7, day, amount FROM skewed') AS h(customer_id int, history purchase_history)),
  ARRAY[7], 'one customer alone');
SELECT is((SELECT history::text FROM purchase_histories('SELECT 7, day, amount FROM skewed') AS h(customer_id int, history purchase_history)),
  (SELECT purchase_history_agg(day, amount)::text FROM skewed), 'and the history is whole');
RESET work_mem;
RESET hash_mem_multiplier;

SELECT * FROM finish();
ROLLBACK;
