--
-- purchase_history: aggregates, merging, slices, accessors, order
--
SET search_path = tiering, public;
SET datestyle = ISO;
SET timezone = 'UTC';

-- the result of a query, or its error in one line
CREATE FUNCTION pg_temp.attempt(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE query INTO result;
  RETURN coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s %s', SQLSTATE, SQLERRM);
END $$;

--
-- aggregates
--
CREATE TABLE history_orders (customer int, day date, amount numeric);
INSERT INTO history_orders VALUES
  (1, '2011-02-14', -12.90), (1, '2011-01-03', 50), (1, '2011-01-03', 24.50),
  (2, '2012-02-29', 0),
  (3, '2012-03-01', 5.25), (3, NULL, 7), (3, '2012-03-01', NULL), (3, NULL, NULL),
  (4, NULL, 1), (4, '2012-03-01', NULL), (4, NULL, NULL),
  (5, '2012-03-01', 10.0), (5, '2012-03-01', -10), (5, '2012-03-02', -1.125);

SELECT customer, purchase_history_agg(day, amount) FROM history_orders
GROUP BY customer ORDER BY customer;
-- no rows: NULL
SELECT purchase_history_agg(day, amount) IS NULL AS is_null FROM history_orders WHERE false;
SELECT customer, purchase_history_agg(day, amount) FROM history_orders WHERE false GROUP BY customer;
-- a refund of zero does not exist: zero is a purchase, whatever its sign
SELECT purchase_history_agg('2011-01-03'::date, -0.00);

-- all six signatures see the same purchases
SELECT purchase_history_agg(day, amount) AS a,
  purchase_history_agg(day, amount, (amount >= 0)::int::bigint) AS b,
  purchase_history_agg(day::timestamp + '23:59:59.999999', amount) AS c,
  purchase_history_agg(day::timestamp, amount, (amount >= 0)::int::bigint) AS d,
  purchase_history_agg(day::timestamptz + '23:59:59.999999', amount, 'UTC') AS e,
  purchase_history_agg(day::timestamptz, amount, 'UTC', (amount >= 0)::int::bigint) AS f
FROM history_orders WHERE customer = 1 \gx

-- rows that stand for several orders
SELECT purchase_history_agg(day, amount, orders)
FROM (VALUES
  ('2011-01-03'::date, 74.50, 2::bigint),
  ('2011-01-03', -5, 0),
  ('2011-01-04', 0, 3),
  ('2011-01-05', 0, 0),
  ('2011-01-06', NULL, 1),
  ('2011-01-07', 1, NULL),
  (NULL, 1, 1),
  ('2011-01-08', 1, 2147483647)
) AS v(day, amount, orders);
-- rows without purchase and without refund are no rows
SELECT purchase_history_agg('2011-01-05'::date, 0, 0) IS NULL AS is_null;

SELECT call, pg_temp.attempt('SELECT tiering.purchase_history_agg(' || call || ')') AS result
FROM unnest(ARRAY[
  $$'2011-01-03'::date, 1, 1$$,
  $$'2011-01-03'::date, -1, 0$$,
  $$'2011-01-03'::date, 0, 1$$,
  $$'2011-01-03'::date, -1, 1$$,
  $$'2011-01-03'::date, -0.000001, 1$$,
  $$'2011-01-03'::date, 1, 0$$,
  $$'2011-01-03'::date, 0.000001, 0$$,
  $$'2011-01-03'::date, 1, -1$$,
  $$'2011-01-03'::date, -1, -1$$,
  $$'2011-01-03'::date, 0, -1$$,
  $$'2011-01-03'::date, 1, 2147483647$$,
  $$'2011-01-03'::date, 1, 2147483648$$,
  $$'2011-01-03'::date, 0, 2147483648$$,
  $$'2011-01-03'::timestamp, -1, 1$$,
  $$'2011-01-03'::timestamp, 1, 0$$,
  $$'2011-01-03'::timestamptz, 1, 'UTC', 0$$,
  $$'2011-01-03'::timestamptz, 1, 'UTC', 2147483648$$,
  $$'2011-01-03'::date, NULL$$,
  $$NULL::date, 1$$,
  $$NULL::timestamp, 1$$,
  $$NULL::timestamptz, 1, 'UTC'$$,
  $$'2011-01-03'::date, 1, NULL$$,
  $$'2011-01-03'::timestamp, 1, NULL$$,
  $$'2011-01-03'::timestamptz, 1, 'UTC', NULL$$,
  $$'2011-01-03'::timestamptz, 1, NULL$$,
  $$'2011-01-03'::timestamptz, 1, NULL, 1$$,
  $$'2011-01-03'::timestamptz, 1, 'Nowhere/Land'$$,
  $$'2011-01-03'::timestamptz, 1, ''$$,
  $$'2011-01-03'::timestamptz, 1, 'Nowhere/Land', 1$$,
  $$'2011-01-03'::date, 'NaN'$$,
  $$'2011-01-03'::timestamp, 'Infinity'$$,
  $$'2011-01-03'::timestamptz, '-Infinity', 'UTC'$$
]) WITH ORDINALITY AS t(call, n) ORDER BY n;

-- first and last day
SELECT call, pg_temp.attempt('SELECT tiering.purchase_history_agg(' || call || ')') AS result
FROM unnest(ARRAY[
  $$'0001-01-01'::date, 1$$,
  $$'9999-12-31'::date, 1$$,
  $$'0001-12-31 BC'::date, 1$$,
  $$'10000-01-01'::date, 1$$,
  $$'4713-01-01 BC'::date, 1$$,
  $$'5874897-12-31'::date, 1$$,
  $$'infinity'::date, 1$$,
  $$'-infinity'::date, 1$$,
  $$'0001-01-01 00:00:00'::timestamp, 1$$,
  $$'9999-12-31 23:59:59.999999'::timestamp, 1$$,
  $$'0001-12-31 23:59:59.999999 BC'::timestamp, 1$$,
  $$'10000-01-01 00:00:00'::timestamp, 1$$,
  $$'infinity'::timestamp, 1$$,
  $$'-infinity'::timestamp, 1$$,
  $$'9999-12-31 23:59:59.999999+00'::timestamptz, 1, 'UTC'$$,
  $$'9999-12-31 23:30:00+00'::timestamptz, 1, 'Etc/GMT-1'$$,
  $$'10000-01-01 00:30:00+00'::timestamptz, 1, 'Etc/GMT+1'$$,
  $$'0001-01-01 00:30:00+00'::timestamptz, 1, 'Etc/GMT+1'$$,
  $$'0001-12-31 23:30:00+00 BC'::timestamptz, 1, 'Etc/GMT-1'$$,
  $$'infinity'::timestamptz, 1, 'UTC'$$,
  $$'-infinity'::timestamptz, 1, 'UTC'$$,
  $$'infinity'::date, 1, 1$$,
  $$'infinity'::timestamp, 1, 1$$,
  $$'infinity'::timestamptz, 1, 'UTC', 1$$
]) WITH ORDINALITY AS t(call, n) ORDER BY n;

-- the day of an instant is the shop's
SELECT zone, local_date('2024-03-31 00:30:00+00', zone) AS a, local_date('2024-03-30 23:30:00+00', zone) AS b,
  purchase_history_agg('2024-03-31 00:30:00+00'::timestamptz, 1, zone) AS history
FROM unnest(ARRAY['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Tokyo', 'Pacific/Kiritimati', 'europe/berlin', '-03:30'])
  WITH ORDINALITY AS t(zone, n) GROUP BY zone, n ORDER BY n;
SELECT local_date(NULL, 'UTC') IS NULL AS a, local_date(now(), NULL) IS NULL AS b;
SELECT pg_temp.attempt($$SELECT tiering.local_date(now(), 'Nowhere/Land')$$);
-- a row may name its own zone
SELECT purchase_history_agg('2024-03-30 23:30:00+00'::timestamptz, 1, zone)
FROM unnest(ARRAY['UTC', 'Asia/Tokyo', 'UTC']) zone;

--
-- merging
--
SELECT merge('1;2;2024-01-01,1,5.00', '1;2;2024-01-02,1,7.00') AS apart,
  merge('1;2;2024-01-01,1,5.00', '1;2;2024-01-01,2,7.50,1.00') AS same_day,
  merge('1;1;2024-01-01,1,5.0', '1;3;2024-01-01,0,0.000,0.125') AS scales,
  merge('1;2', '1;2;2024-01-01,1,5.00') AS with_empty,
  merge('1;2;2024-01-01,1,5.00', '1;4') AS with_empty_of_larger_scale,
  merge('1;1', '1;3') AS both_empty \gx
SELECT merge(NULL, '1;2;2024-01-01,1,5.00') AS left_null, merge('1;2;2024-01-01,1,5.00', NULL) AS right_null,
  merge(NULL, '1;2') AS null_and_empty, merge(NULL, NULL) IS NULL AS both_null;

SELECT rollup(h) FROM (VALUES ('1;2;2024-01-02,1,5.00'::purchase_history), (NULL),
  ('1;0;2024-01-01,1,7'), ('1;1;2024-01-02,0,0.0,0.5'), ('1;0')) v(h);
SELECT rollup(h) IS NULL AS is_null FROM (VALUES (NULL::purchase_history), (NULL)) v(h);
SELECT rollup(h) IS NULL AS is_null FROM (SELECT '1;2'::purchase_history AS h WHERE false) v;
SELECT rollup(h) FROM (VALUES ('1;2'::purchase_history)) v(h);

--
-- slices
--
\set h '''1;2;2024-01-01,1,5.00;2024-01-10,2,9.00,1.00;2024-01-20,0,0.00,3.00;2024-02-01,1,4.00'''

SELECT d AS as_of, history_until(:h, d)
FROM unnest('{-infinity,2023-12-31,2024-01-01,2024-01-02,2024-01-09,2024-01-10,2024-01-20,2024-01-31,2024-02-01,2024-02-02,infinity,4713-01-01 BC,5874897-12-31}'::date[])
  WITH ORDINALITY AS t(d, n) ORDER BY n;
SELECT a, b, history_between(:h, a, b)
FROM (VALUES
  (1, '-infinity'::date, 'infinity'::date),
  (2, '2024-01-01', '2024-02-01'),
  (3, '2024-01-02', '2024-01-31'),
  (4, '2024-01-10', '2024-01-10'),
  (5, '2024-01-11', '2024-01-19'),
  (6, '2024-01-20', 'infinity'),
  (7, '-infinity', '2024-01-10'),
  (8, '2024-02-01', '2024-01-01'),
  (9, 'infinity', '-infinity'),
  (10, 'infinity', 'infinity'),
  (11, '-infinity', '-infinity'),
  (12, '2024-02-02', '2024-02-03')
) AS v(n, a, b) ORDER BY n;
-- nothing left is empty, not NULL, and at the same scale
SELECT history_until('1;4;2024-01-01,1,5.0000', '2023-12-31'), history_until('1;6', 'infinity');
SELECT history_until(NULL, '2024-01-01') IS NULL AS a, history_until('1;2', NULL) IS NULL AS b,
  history_between('1;2', NULL, '2024-01-01') IS NULL AS c, history_between('1;2', '2024-01-01', NULL) IS NULL AS d,
  history_between(NULL, '2024-01-01', '2024-01-01') IS NULL AS e;

SELECT why, h, history_void_refunds(h) AS voided
FROM (VALUES
  (1, 'empty', '1;2'::purchase_history),
  (2, 'no refund', '1;2;2024-01-01,1,5.00'),
  (3, 'a part', '1;2;2024-01-01,1,5.00,4.99'),
  (4, 'all', '1;2;2024-01-01,1,5.00,5.00'),
  (5, 'more', '1;2;2024-01-01,1,5.00,5.01'),
  (6, 'all of several orders', '1;2;2024-01-01,3,5.00,5.00'),
  (7, 'a refund alone', '1;2;2024-01-01,0,0.00,5.00'),
  (8, 'nothing paid, nothing refunded', '1;2;2024-01-01,1,0.00'),
  (9, 'nothing paid, something refunded', '1;2;2024-01-01,1,0.00,1.00'),
  (10, 'the refund of another day', '1;2;2024-01-01,1,5.00;2024-01-02,0,0.00,5.00'),
  (11, 'some of many', '1;2;2024-01-01,1,5.00;2024-01-02,1,5.00,5.00;2024-01-03,1,5.00,7.00;2024-01-04,1,0.00')
) AS v(n, why, h) ORDER BY n;
SELECT history_void_refunds(NULL) IS NULL AS is_null;

--
-- rows
--
SELECT * FROM purchases(:h);
SELECT * FROM purchases('1;2');
SELECT * FROM purchases(NULL);
SELECT pg_typeof(purchased_on), pg_typeof(orders), pg_typeof(amount), pg_typeof(refunded)
FROM purchases('1;0;2024-01-01,1,5');
-- and back
SELECT purchase_history_agg(purchased_on, amount, orders) AS again
FROM (SELECT purchased_on, amount, orders FROM purchases(:h)
      UNION ALL SELECT purchased_on, -refunded, 0 FROM purchases(:h)) t;

--
-- accessors
--
SELECT d AS as_of, first_purchase(h, d) AS first, last_purchase(h, d) AS last, order_count(h, d) AS orders,
  most_orders_in_a_day(h, d) AS most, purchase_days(h, d) AS days, gross_total(h, d) AS gross,
  refunded_total(h, d) AS refunded, net_total(h, d) AS net, round(mean_order_value(h, d), 4) AS mean_value,
  mean_gap(h, d) AS mean_gap, last_gap(h, d) AS last_gap, gaps(h, d) AS gaps
FROM unnest('{-infinity,2023-12-31,2024-01-01,2024-01-09,2024-01-10,2024-01-19,2024-01-20,2024-01-31,2024-02-01,infinity}'::date[])
  WITH ORDINALITY AS t(d, n), (SELECT :h::purchase_history AS h) x ORDER BY n;
-- refunds alone, and nothing at all
SELECT h, first_purchase(h, d) AS first, last_purchase(h, d) AS last, order_count(h, d) AS orders,
  most_orders_in_a_day(h, d) AS most, purchase_days(h, d) AS days, gross_total(h, d) AS gross,
  refunded_total(h, d) AS refunded, net_total(h, d) AS net, mean_order_value(h, d) AS mean_value,
  mean_gap(h, d) AS mean_gap, last_gap(h, d) AS last_gap, gaps(h, d) AS gaps
FROM unnest('{"1;2;2024-01-01,0,0.00,5.00;2024-01-05,0,0.00,1.00","1;3","1;2;2024-01-01,2,0.00"}'::purchase_history[])
  WITH ORDINALITY AS t(h, n), (SELECT 'infinity'::date AS d) x ORDER BY n;
-- a refund is no purchase day: the gap reaches across it
SELECT gaps(h, 'infinity'), last_gap(h, 'infinity'), mean_gap(h, 'infinity'), last_purchase(h, 'infinity')
FROM (SELECT '1;2;2024-01-01,1,5.00;2024-01-03,0,0.00,5.00;2024-01-08,1,5.00;2024-01-09,0,0.00,1.00'::purchase_history AS h) t;
-- the longest gap
SELECT gaps(h, 'infinity'), mean_gap(h, 'infinity'), last_gap(h, 'infinity')
FROM (SELECT '1;0;0001-01-01,1,1;9999-12-31,1,1'::purchase_history AS h) t;
SELECT pg_typeof(order_count(h, d)), pg_typeof(most_orders_in_a_day(h, d)), pg_typeof(purchase_days(h, d)),
  pg_typeof(gross_total(h, d)), pg_typeof(mean_gap(h, d)), pg_typeof(last_gap(h, d)), pg_typeof(gaps(h, d))
FROM (SELECT '1;2'::purchase_history AS h, current_date AS d) t;

-- strict, immutable, parallel safe
SELECT proname, proisstrict AS strict, provolatile AS volatile, proparallel AS parallel
FROM pg_proc
WHERE pronamespace = 'tiering'::regnamespace AND proname = ANY ('{first_purchase,last_purchase,order_count,most_orders_in_a_day,purchase_days,gross_total,refunded_total,net_total,mean_order_value,mean_gap,last_gap,gaps,local_date,history_until,history_between,history_void_refunds,purchases,merge,rfm,rfm_score,band,rfm_segment,segment_score}')
ORDER BY proname COLLATE "C";
SELECT num_nulls(first_purchase(NULL, d), last_purchase(NULL, d), order_count(NULL, d),
    most_orders_in_a_day(NULL, d), purchase_days(NULL, d), gross_total(NULL, d), refunded_total(NULL, d),
    net_total(NULL, d), mean_order_value(NULL, d), mean_gap(NULL, d), last_gap(NULL, d), gaps(NULL, d)) AS no_history,
  num_nulls(first_purchase(h, NULL), last_purchase(h, NULL), order_count(h, NULL),
    most_orders_in_a_day(h, NULL), purchase_days(h, NULL), gross_total(h, NULL), refunded_total(h, NULL),
    net_total(h, NULL), mean_order_value(h, NULL), mean_gap(h, NULL), last_gap(h, NULL), gaps(h, NULL)) AS no_day
FROM (SELECT :h::purchase_history AS h, current_date AS d) t;

--
-- equality and order
--
CREATE TABLE history_sorted (n int, h purchase_history);
INSERT INTO history_sorted VALUES
  (1, '1;1;2024-01-01,1,12.5'), (1, '1;2;2024-01-01,1,12.50'), (1, '1;6;2024-01-01,1,12.500000'),
  (2, '1;2;2024-01-01,1,12.51'), (3, '1;2;2024-01-01,2,12.50'), (4, '1;2;2024-01-01,1,12.50,1.00'),
  (5, '1;2;2024-01-02,1,12.50'), (6, '1;2;2024-01-01,1,12.50;2024-01-02,1,12.50'),
  (7, '1;0'), (7, '1;6'), (8, '1;0;2024-01-01,0,0,1'), (8, '1;3;2024-01-01,0,0.000,1.000');

-- equal are those of one number, and no others, by operator and by hash
SELECT count(*) AS pairs,
  count(*) FILTER (WHERE (a.h = b.h) = (a.n = b.n)) AS eq,
  count(*) FILTER (WHERE (a.h <> b.h) = (a.n <> b.n)) AS ne,
  count(*) FILTER (WHERE (a.h < b.h)::int + (a.h = b.h)::int + (a.h > b.h)::int = 1) AS one_of_three,
  count(*) FILTER (WHERE (a.h <= b.h) = (a.h < b.h OR a.h = b.h) AND (a.h >= b.h) = (a.h > b.h OR a.h = b.h)) AS or_equal,
  count(*) FILTER (WHERE (a.h < b.h) = (b.h > a.h)) AS commutes,
  count(*) FILTER (WHERE sign(purchase_history_cmp(a.h, b.h)) = (a.h > b.h)::int - (a.h < b.h)::int) AS cmp,
  count(*) FILTER (WHERE a.n <> b.n OR purchase_history_hash(a.h) = purchase_history_hash(b.h)) AS hash,
  count(*) FILTER (WHERE a.n <> b.n OR purchase_history_hash_extended(a.h, 42) = purchase_history_hash_extended(b.h, 42)) AS hash_extended
FROM history_sorted a, history_sorted b;
SELECT count(*) AS breaches FROM history_sorted a, history_sorted b, history_sorted c
WHERE a.h <= b.h AND b.h <= c.h AND NOT a.h <= c.h;
-- seed 0 gives the plain hash in its low half; another seed another hash
SELECT bool_and(purchase_history_hash_extended(h, 0) & 4294967295 = purchase_history_hash(h)::bigint & 4294967295) AS low_half,
  bool_or(purchase_history_hash_extended(h, 1) <> purchase_history_hash_extended(h, 0)) AS seeded
FROM history_sorted;
SELECT '1;1;2024-01-01,1,12.5'::purchase_history OPERATOR(tiering.=) '1;2;2024-01-01,1,12.50' AS equal,
  '1;1;2024-01-01,1,12.5'::purchase_history = NULL AS with_null;

-- in all plans the same eight groups of the same size
SET enable_sort = off;
EXPLAIN (COSTS off) SELECT h, count(*) FROM history_sorted GROUP BY h;
SELECT array_agg(c ORDER BY c) FROM (SELECT count(*) AS c FROM history_sorted GROUP BY h) t;
SELECT count(*) FROM (SELECT DISTINCT h FROM history_sorted) t;
RESET enable_sort;
SET enable_hashagg = off;
SELECT array_agg(c ORDER BY c) FROM (SELECT count(*) AS c FROM history_sorted GROUP BY h) t;
SELECT count(*) FROM (SELECT DISTINCT h FROM history_sorted) t;
RESET enable_hashagg;
SELECT array_agg(n) = array_agg(n ORDER BY r) AS groups_together FROM (
  SELECT n, dense_rank() OVER (ORDER BY h) AS r FROM history_sorted ORDER BY h) t;
SELECT count(DISTINCT r) = 8 AND count(DISTINCT (n, r)) = 8 AS ranks FROM (
  SELECT n, dense_rank() OVER (ORDER BY h) AS r FROM history_sorted) t;

SET enable_nestloop = off;
SET enable_mergejoin = off;
EXPLAIN (COSTS off) SELECT count(*) FROM history_sorted a JOIN history_sorted b USING (h);
SELECT count(*) FROM history_sorted a JOIN history_sorted b USING (h);
RESET enable_mergejoin;
SET enable_hashjoin = off;
EXPLAIN (COSTS off) SELECT count(*) FROM history_sorted a JOIN history_sorted b USING (h);
SELECT count(*) FROM history_sorted a JOIN history_sorted b USING (h);
RESET enable_hashjoin;
RESET enable_nestloop;

-- indexes
CREATE TABLE history_unique (h purchase_history PRIMARY KEY);
INSERT INTO history_unique SELECT h FROM history_sorted WHERE n <> 1 ON CONFLICT DO NOTHING;
INSERT INTO history_unique VALUES ('1;1;2024-01-01,1,12.5');
SELECT pg_temp.attempt($$INSERT INTO history_unique VALUES ('1;2;2024-01-01,1,12.50')$$) ~ '^23505 ' AS refused;
SELECT count(*) FROM history_unique;
SET enable_seqscan = off;
EXPLAIN (COSTS off) SELECT h FROM history_unique WHERE h = '1;3;2024-01-01,1,12.500';
SELECT h FROM history_unique WHERE h = '1;3;2024-01-01,1,12.500';
SELECT count(*) FROM history_unique u WHERE u.h >= '1;3;2024-01-01,1,12.500' OR u.h < '1;3;2024-01-01,1,12.500';
CREATE INDEX history_sorted_hash ON history_sorted USING hash (h);
SELECT count(*) FROM history_sorted WHERE h = '1;4;2024-01-01,1,12.5000';
RESET enable_seqscan;

--
-- the histories of all customers of a query
--
SELECT * FROM purchase_histories('SELECT customer, day, amount FROM history_orders')
  AS h(customer_id int, history purchase_history) ORDER BY 1;
SELECT * FROM purchase_histories('SELECT customer, day, amount FROM history_orders')
  AS h(customer_id int, history purchase_history, source_rows bigint) ORDER BY 1;
SELECT * FROM purchase_histories('SELECT customer, day, sum(amount), count(*) FROM history_orders WHERE amount >= 0 GROUP BY 1, 2')
  AS h(customer_id int, history purchase_history, source_rows bigint) ORDER BY 1;
SELECT * FROM purchase_histories('SELECT customer, day, amount FROM history_orders WHERE customer = ANY ($1)', ARRAY[2, 5, 99])
  AS h(customer_id int, history purchase_history) ORDER BY 1;
SELECT * FROM purchase_histories('SELECT NULL::int, current_date, 1.0')
  AS h(customer_id int, history purchase_history);
SELECT * FROM purchase_histories('SELECT customer, day, amount FROM history_orders WHERE false')
  AS h(customer_id int, history purchase_history);
SELECT * FROM purchase_histories(NULL) AS h(customer_id int, history purchase_history);
SELECT * FROM purchase_histories('SELECT customer, day, amount FROM history_orders', NULL::int[])
  AS h(customer_id int, history purchase_history);

SELECT query, columns, pg_temp.attempt(format(
  'SELECT string_agg(h::text, '' '') FROM tiering.purchase_histories(%L) AS h(%s)', query, columns)) AS result
FROM (VALUES
  (1, 'SELECT 1, current_date', 'id int, h tiering.purchase_history'),
  (2, 'SELECT 1, current_date, 1.0, 1::bigint, 1', 'id int, h tiering.purchase_history'),
  (3, 'SELECT 1, 2, 1.0', 'id int, h tiering.purchase_history'),
  (4, 'SELECT 1, now(), 1.0', 'id int, h tiering.purchase_history'),
  (5, 'SELECT 1, current_date, 1', 'id int, h tiering.purchase_history'),
  (6, 'SELECT 1, current_date, 1.0::float8', 'id int, h tiering.purchase_history'),
  (7, 'SELECT 1, current_date, 1.0, 1', 'id int, h tiering.purchase_history, n bigint'),
  (8, 'SELECT 1, current_date, 1.0', 'id bigint, h tiering.purchase_history'),
  (9, 'SELECT 1::bigint, current_date, 1.0', 'id int, h tiering.purchase_history'),
  (10, 'SELECT 1, current_date, 1.0', 'id int, h text'),
  (11, 'SELECT 1, current_date, 1.0', 'id int'),
  (12, 'SELECT 1, current_date, 1.0', 'id int, h tiering.purchase_history, n int'),
  (13, 'SELECT 1, current_date, 1.0', 'id int, h tiering.purchase_history, n bigint, o bigint'),
  (14, 'SELECT point(1, 2), current_date, 1.0', 'id point, h tiering.purchase_history')
) AS v(n, query, columns) ORDER BY n;

SELECT query, pg_temp.attempt(format(
  'SELECT count(*) FROM tiering.purchase_histories(%L) AS h(id int, h tiering.purchase_history)', query)) AS result
FROM unnest(ARRAY[
  '',
  ';',
  '-- nothing',
  'SELEC 1',
  'SELECT 1, current_date, 1.0; SELECT 1, current_date, 1.0',
  'SELECT 1, current_date, 1.0;',
  'VALUES (1, current_date, 1.0)',
  'TABLE history_orders',
  'TABLE history_nowhere',
  'WITH x AS (SELECT 1, current_date, 1.0) SELECT * FROM x',
  'WITH x AS (DELETE FROM history_orders RETURNING *) SELECT * FROM x',
  'INSERT INTO history_orders VALUES (9, current_date, 1.0)',
  'INSERT INTO history_orders VALUES (9, current_date, 1.0) RETURNING *',
  'DELETE FROM history_orders RETURNING *',
  'SELECT 1, current_date, 1.0 INTO history_nowhere',
  'CREATE TABLE history_nowhere (i int)',
  'VACUUM',
  'COMMIT',
  'EXPLAIN SELECT 1, current_date, 1.0',
  'SHOW work_mem',
  'COPY history_orders TO STDOUT',
  'SELECT 1 / 0, current_date, 1.0',
  $$SELECT 1, 'infinity'::date, 1.0$$,
  $$SELECT 1, current_date, 'NaN'::numeric$$,
  $$SELECT 1, current_date, 1e15$$,
  'SELECT $1, current_date, 1.0'
]) WITH ORDINALITY AS t(query, n) ORDER BY n;
SELECT count(*) AS untouched FROM history_orders;
-- needs its column list
SELECT pg_temp.attempt($$SELECT tiering.purchase_histories('SELECT 1, current_date, 1.0')$$) ~ '^(0A000|42)' AS refused;

DROP TABLE history_orders, history_sorted, history_unique;
