--
-- purchase_history against slow, obvious SQL, in every kind of plan
--
BEGIN;
SET LOCAL search_path = public, tiering;
SET LOCAL datestyle = ISO;
SET LOCAL timezone = 'UTC';
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL jit = off;
SELECT plan(117);

--
-- the truth: the text of a history, from its rows
--
CREATE FUNCTION slow_history(days date[], amounts numeric[], at_scale int DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE AS $$
  WITH r AS (
    SELECT day, amount FROM unnest(days, amounts) AS t(day, amount)
    WHERE day IS NOT NULL AND amount IS NOT NULL
  ), s AS (
    SELECT coalesce(at_scale, (SELECT max(least(scale(amount), 6)) FROM r)) AS scale
  ), d AS (
    SELECT day, count(*) FILTER (WHERE amount >= 0) AS orders,
      coalesce(sum(amount) FILTER (WHERE amount >= 0), 0) AS gross,
      coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS refunded
    FROM r GROUP BY day
  )
  SELECT '1;' || scale || coalesce((
    SELECT string_agg(';' || to_char(day, 'YYYY-MM-DD') || ',' || orders || ',' || round(gross, scale)
      || CASE WHEN refunded > 0 THEN ',' || round(refunded, scale) ELSE '' END, '' ORDER BY day)
    FROM d), '')
  FROM s
$$;

SELECT setseed(0.42);
-- customer % 8 tells the money: scales 0 to 6, or 7, all of them
CREATE TEMP TABLE orders AS
SELECT n, customer, day,
  CASE WHEN random() < 0.02 THEN NULL WHEN random() < 0.03 THEN 0
    ELSE round((random() * 200 - CASE WHEN random() < 0.2 THEN 190 ELSE 0 END)::numeric,
      CASE WHEN customer % 8 < 7 THEN customer % 8 ELSE n % 7 END) END AS amount
FROM (SELECT n, 1 + (random() * random() * 300)::int AS customer,
        CASE WHEN random() < 0.02 THEN NULL
          ELSE '2019-12-01'::date + (random() * 120)::int * (1 + (random() * 4)::int) END AS day
      FROM generate_series(1, 6000) n) t;
-- the scale of all of a customer's amounts is one, zeros included
UPDATE orders SET amount = round(amount, customer % 8) WHERE customer % 8 < 7;
INSERT INTO orders VALUES (6001, 1001, NULL, 5), (6002, 1001, '2020-01-01', NULL), (6003, 1002, '2020-01-01', -5);
ANALYZE orders;

CREATE TEMP TABLE truth AS
SELECT customer, slow_history(array_agg(day), array_agg(amount)) AS history FROM orders GROUP BY customer;
CREATE TEMP TABLE histories AS
SELECT customer, purchase_history_agg(day, amount) AS history FROM orders GROUP BY customer;

-- names what differs from the truth
CREATE FUNCTION differs(query text) RETURNS TABLE (customer int, truth text, got text)
LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT customer, t.history, g.history::text
    FROM truth t FULL JOIN (%s) g USING (customer) WHERE t.history IS DISTINCT FROM g.history::text LIMIT 5', query);
END $$;

SELECT cmp_ok((SELECT count(*) FROM truth), '>', 250::bigint, 'there are customers to compare');
SELECT is((SELECT history FROM truth WHERE customer = 1001), NULL, 'the truth about rows of NULL is NULL');
SELECT is_empty($$SELECT * FROM differs('SELECT * FROM histories')$$, 'the aggregate');
SELECT is_empty($$SELECT * FROM differs('SELECT customer, history::text::purchase_history AS history FROM histories')$$,
  'text out and in again');

--
-- any order, any grouping
--
SELECT is_empty(format($$SELECT * FROM differs($q$
  SELECT customer, purchase_history_agg(day, amount ORDER BY %s) AS history FROM orders GROUP BY customer $q$)$$, o),
  'rows ordered by ' || o)
FROM unnest(ARRAY['day', 'day DESC', 'amount', 'n', 'md5(n::text)']) o;
SELECT is_empty(format($$SELECT * FROM differs($q$
  SELECT customer, rollup(h ORDER BY md5(part::text || customer)) AS history
  FROM (SELECT customer, %s AS part, purchase_history_agg(day, amount) AS h FROM orders GROUP BY 1, 2) t
  GROUP BY customer $q$)$$, part), 'rolled up from parts by ' || part)
FROM unnest(ARRAY['n % 2', 'n % 7', 'n', 'day', 'amount < 0', 'date_trunc(''month'', day)', 'md5(n::text) < ''8''']) part;
SELECT is_empty($$SELECT * FROM differs($q$
  SELECT customer, merge(merge(a, b), merge(c, d)) AS history
  FROM (SELECT customer, purchase_history_agg(day, amount) FILTER (WHERE n % 4 = 0) AS a,
          purchase_history_agg(day, amount) FILTER (WHERE n % 4 = 1) AS b,
          purchase_history_agg(day, amount) FILTER (WHERE n % 4 = 2) AS c,
          purchase_history_agg(day, amount) FILTER (WHERE n % 4 = 3) AS d
        FROM orders GROUP BY customer) t $q$)$$, 'merged in pairs');
SELECT is_empty($$SELECT * FROM differs($q$
  SELECT customer, merge(d, merge(merge(c, a), b)) AS history
  FROM (SELECT customer, purchase_history_agg(day, amount) FILTER (WHERE n % 4 = 0) AS a,
          purchase_history_agg(day, amount) FILTER (WHERE n % 4 = 1) AS b,
          purchase_history_agg(day, amount) FILTER (WHERE n % 4 = 2) AS c,
          purchase_history_agg(day, amount) FILTER (WHERE n % 4 = 3) AS d
        FROM orders GROUP BY customer) t $q$)$$, 'merged one by one, another way around');
SELECT is((SELECT rollup(history)::text FROM histories), (SELECT slow_history(array_agg(day), array_agg(amount)) FROM orders),
  'all customers as one');
SELECT is_empty($$
  SELECT a.customer FROM histories a JOIN histories b ON b.customer = a.customer + 1
  WHERE merge(a.history, b.history)::text IS DISTINCT FROM merge(b.history, a.history)::text
    OR purchase_history_send(merge(a.history, b.history)) IS DISTINCT FROM purchase_history_send(merge(b.history, a.history))$$,
  'merging commutes, byte for byte');

--
-- rows that stand for many, times, zones
--
SELECT is_empty($$SELECT * FROM differs($q$
  SELECT customer, purchase_history_agg(day, total, orders) AS history
  FROM (SELECT customer, day, sum(amount) AS total, CASE WHEN amount >= 0 THEN count(*) ELSE 0 END AS orders
        FROM orders GROUP BY customer, day, amount >= 0, amount) t GROUP BY customer $q$)$$, 'grouped by day and amount');
SELECT is_empty($$SELECT * FROM differs($q$
  SELECT customer, merge(purchase_history_agg(day, total, orders) FILTER (WHERE orders > 0),
    purchase_history_agg(day, total, 0) FILTER (WHERE orders = 0)) AS history
  FROM (SELECT customer, day, sum(amount) AS total, count(*) FILTER (WHERE amount >= 0) AS orders
        FROM orders GROUP BY customer, day, amount >= 0) t GROUP BY customer $q$)$$, 'grouped by day and sign');
SELECT is_empty($$SELECT * FROM differs($q$
  SELECT customer, purchase_history_agg(day + time '13:14:15' * (n % 2), amount) AS history
  FROM (SELECT customer, day::timestamp AS day, amount, n FROM orders) t GROUP BY customer $q$)$$, 'from timestamps');
SELECT is_empty(format($$SELECT * FROM differs($q$
  SELECT customer, purchase_history_agg((day + time '12:34:56') AT TIME ZONE %1$L, amount, %1$L) AS history
  FROM orders GROUP BY customer $q$)$$, zone), 'from instants in ' || zone)
FROM unnest(ARRAY['UTC', 'Europe/Berlin', 'Pacific/Kiritimati', 'America/St_Johns']) zone;
SELECT is_empty($$
  SELECT zone, instant, local_date(instant, zone), (instant AT TIME ZONE zone)::date
  FROM unnest('{UTC,Europe/Berlin,Europe/London,America/New_York,America/St_Johns,Asia/Kathmandu,Australia/Lord_Howe,Pacific/Apia,Pacific/Kiritimati,Africa/Monrovia,Asia/Tokyo,CET,EST5EDT,+05:30,<x>-7}'::text[]) zone,
    (SELECT '1890-01-01 00:00+00'::timestamptz + i * interval '3 days 7 hours 13 minutes 17 seconds' AS instant
     FROM generate_series(1, 15500, 11) i) t
  WHERE local_date(instant, zone) IS DISTINCT FROM (instant AT TIME ZONE zone)::date LIMIT 5$$,
  'local_date is AT TIME ZONE');
SELECT is_empty($$
  SELECT zone, instant, local_date(instant, zone)
  FROM unnest('{Europe/Berlin,America/New_York,Australia/Lord_Howe,America/Sao_Paulo}'::text[]) zone,
    (SELECT '2018-01-01 00:00+00'::timestamptz + i * interval '30 minutes' AS instant FROM generate_series(1, 17600) i) t
  WHERE local_date(instant, zone) IS DISTINCT FROM (instant AT TIME ZONE zone)::date LIMIT 5$$,
  'and so it is through a year of half hours');

--
-- accessors against the rows
--
CREATE TEMP TABLE as_of AS
SELECT d FROM unnest('{-infinity,2019-11-30,2019-12-01,infinity}'::date[]) d
UNION ALL SELECT '2019-12-01'::date + (random() * 500)::int FROM generate_series(1, 12);

CREATE TEMP TABLE expected AS
WITH r AS (
  SELECT customer, d, day, amount FROM (SELECT DISTINCT customer FROM orders) c CROSS JOIN as_of
    LEFT JOIN LATERAL (SELECT day, amount FROM orders o
      WHERE o.customer = c.customer AND day <= d AND amount IS NOT NULL) o ON true
), days AS (
  SELECT customer, d, day, count(*) AS orders, day - lag(day) OVER (PARTITION BY customer, d ORDER BY day) AS gap
  FROM r WHERE amount >= 0 GROUP BY customer, d, day
), money AS (
  SELECT customer, d, min(day) FILTER (WHERE amount >= 0) AS first_day, max(day) FILTER (WHERE amount >= 0) AS last_day,
    count(*) FILTER (WHERE amount >= 0) AS orders, count(DISTINCT day) FILTER (WHERE amount >= 0) AS days,
    coalesce(sum(amount) FILTER (WHERE amount >= 0), 0) AS gross, coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS refunded,
    coalesce(sum(amount), 0) AS net
  FROM r GROUP BY customer, d
), steps AS (
  SELECT customer, d, max(orders) AS most, sum(gap)::float8 / nullif(count(gap), 0) AS mean,
    array_agg(gap ORDER BY day) FILTER (WHERE gap IS NOT NULL) AS gaps
  FROM days GROUP BY customer, d
)
SELECT customer, d, first_day::text AS first_purchase, last_day::text AS last_purchase, orders::text AS order_count,
  coalesce(most, 0)::text AS most_orders_in_a_day, days::text AS purchase_days,
  trim_scale(gross)::text AS gross_total, trim_scale(refunded)::text AS refunded_total, trim_scale(net)::text AS net_total,
  trim_scale(round(gross / nullif(orders, 0), 12))::text AS mean_order_value,
  mean::text AS mean_gap, gaps[cardinality(gaps)]::text AS last_gap, coalesce(gaps, '{}')::text AS gaps
FROM money LEFT JOIN steps USING (customer, d)
-- of customers who have a history
WHERE customer IN (SELECT customer FROM histories WHERE history IS NOT NULL);

CREATE TEMP TABLE got AS
SELECT customer, d,
  first_purchase(history, d)::text AS first_purchase,
  last_purchase(history, d)::text AS last_purchase,
  order_count(history, d)::text AS order_count,
  most_orders_in_a_day(history, d)::text AS most_orders_in_a_day,
  purchase_days(history, d)::text AS purchase_days,
  trim_scale(gross_total(history, d))::text AS gross_total,
  trim_scale(refunded_total(history, d))::text AS refunded_total,
  trim_scale(net_total(history, d))::text AS net_total,
  trim_scale(round(mean_order_value(history, d), 12))::text AS mean_order_value,
  mean_gap(history, d)::text AS mean_gap,
  last_gap(history, d)::text AS last_gap,
  gaps(history, d)::text AS gaps
FROM histories, as_of WHERE history IS NOT NULL;

SELECT is((SELECT count(*) FROM got), (SELECT count(*) FROM expected), 'as many accessors as there should be');
SELECT is_empty(format('SELECT customer, d, e.%1$s AS expected, g.%1$s AS got FROM expected e FULL JOIN got g USING (customer, d)
  WHERE e.%1$s IS DISTINCT FROM g.%1$s LIMIT 5', accessor), accessor || ' of every customer at several days')
FROM unnest(ARRAY['first_purchase', 'last_purchase', 'order_count', 'most_orders_in_a_day', 'purchase_days', 'gross_total',
  'refunded_total', 'net_total', 'mean_order_value', 'mean_gap', 'last_gap', 'gaps']) accessor;

SELECT is_empty($$SELECT customer, sum(amount), net_total(history, 'infinity')
  FROM orders JOIN histories USING (customer) WHERE day IS NOT NULL AND history IS NOT NULL GROUP BY customer, history
  HAVING sum(amount)::text IS DISTINCT FROM net_total(history, 'infinity')::text$$, 'net money is sum(), to the last digit');
SELECT is_empty($$SELECT customer FROM histories, as_of WHERE history IS NOT NULL
  AND gross_total(history, d) - refunded_total(history, d) IS DISTINCT FROM net_total(history, d)$$, 'gross less refunded is net');
SELECT is_empty($$SELECT customer FROM histories, as_of WHERE order_count(history, d) > 0
  AND mean_order_value(history, d)::text IS DISTINCT FROM (gross_total(history, d) / order_count(history, d))::text$$,
  'the mean is a division of numeric');

--
-- slices
--
SELECT is_empty($$
  SELECT customer, a.d, history_until(h.history, a.d)::text,
    slow_history(array_agg(day) FILTER (WHERE day <= a.d), array_agg(amount) FILTER (WHERE day <= a.d), split_part(h.history::text, ';', 2)::int)
  FROM orders JOIN histories h USING (customer), as_of a WHERE h.history IS NOT NULL
  GROUP BY customer, a.d, h.history
  HAVING history_until(h.history, a.d)::text IS DISTINCT FROM
    slow_history(array_agg(day) FILTER (WHERE day <= a.d), array_agg(amount) FILTER (WHERE day <= a.d), split_part(h.history::text, ';', 2)::int)
  LIMIT 5$$, 'history_until holds the rows until that day');
SELECT is_empty($$
  SELECT customer, a.d, b.d, history_between(h.history, a.d, b.d)
  FROM orders JOIN histories h USING (customer), as_of a, as_of b
  WHERE h.history IS NOT NULL AND customer % 25 = 0
  GROUP BY customer, a.d, b.d, h.history
  HAVING history_between(h.history, a.d, b.d)::text IS DISTINCT FROM
    slow_history(array_agg(day) FILTER (WHERE day BETWEEN a.d AND b.d), array_agg(amount) FILTER (WHERE day BETWEEN a.d AND b.d),
      split_part(h.history::text, ';', 2)::int)
  LIMIT 5$$, 'history_between holds the rows between');
SELECT is_empty($$
  SELECT customer, d FROM histories, as_of WHERE history IS NOT NULL AND isfinite(d)
    AND merge(history_until(history, d), history_between(history, d + 1, 'infinity'))::text IS DISTINCT FROM history::text$$,
  'two slices make the whole');
SELECT is_empty($$
  WITH voided AS (
    SELECT h.customer, h.history, p.purchased_on, p.orders, p.amount, p.refunded,
      p.refunded > 0 AND p.refunded >= p.amount AS void
    FROM histories h, purchases(h.history) p
  )
  SELECT customer FROM voided GROUP BY customer, history
  HAVING history_void_refunds(history)::text IS DISTINCT FROM '1;' || split_part(history::text, ';', 2) ||
    coalesce(string_agg(format(';%s,%s,%s%s', to_char(purchased_on, 'YYYY-MM-DD'),
      CASE WHEN void THEN 0 ELSE orders END, CASE WHEN void THEN amount - amount ELSE amount END,
      CASE WHEN refunded - CASE WHEN void THEN amount ELSE 0 END > 0
        THEN ',' || (refunded - CASE WHEN void THEN amount ELSE 0 END) END), '' ORDER BY purchased_on)
      FILTER (WHERE NOT void OR refunded > amount), '')$$, 'history_void_refunds, day by day');
SELECT cmp_ok((SELECT count(*) FROM histories WHERE history_void_refunds(history)::text <> history::text), '>', 20::bigint,
  'some refunds are void');

--
-- rows and back
--
SELECT is_empty($$
  SELECT customer FROM histories LEFT JOIN LATERAL (
      SELECT purchase_history_agg(purchased_on, amount, orders) AS again
      FROM (SELECT purchased_on, amount, orders FROM purchases(history)
            UNION ALL SELECT purchased_on, -refunded, 0 FROM purchases(history)) t) x ON true
  WHERE history::text IS DISTINCT FROM again::text$$, 'rebuilt from its rows');
SELECT is_empty($$
  SELECT customer, p.* FROM histories, purchases(history) p
  EXCEPT
  SELECT customer, day, count(*) FILTER (WHERE amount >= 0), coalesce(sum(amount) FILTER (WHERE amount >= 0), 0),
    coalesce(-sum(amount) FILTER (WHERE amount < 0), 0)
  FROM orders WHERE amount IS NOT NULL AND day IS NOT NULL GROUP BY customer, day$$, 'each row of a history is a day of orders');
SELECT is((SELECT count(*) FROM histories, purchases(history)),
  (SELECT count(DISTINCT (customer, day)) FROM orders WHERE amount IS NOT NULL AND day IS NOT NULL), 'and none is missing');

--
-- windows: the same state gives a result and goes on
--
SELECT is_empty(format($$
  SELECT n, got, slow FROM (
    SELECT n, purchase_history_agg(day, amount) OVER w AS got, slow_history(array_agg(day) OVER w, array_agg(amount) OVER w) AS slow
    FROM orders WHERE customer BETWEEN 20 AND 40 WINDOW w AS (%s)) t
  WHERE got::text IS DISTINCT FROM slow LIMIT 5$$, w), 'window: ' || w)
FROM unnest(ARRAY[
  'PARTITION BY customer ORDER BY day, n ROWS UNBOUNDED PRECEDING',
  'PARTITION BY customer ORDER BY day, n ROWS BETWEEN 3 PRECEDING AND CURRENT ROW',
  'PARTITION BY customer ORDER BY day, n ROWS BETWEEN 5 PRECEDING AND 2 PRECEDING',
  'PARTITION BY customer ORDER BY day, n ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING',
  'PARTITION BY customer ORDER BY n DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW',
  'PARTITION BY customer ORDER BY day',
  'PARTITION BY customer ORDER BY day RANGE BETWEEN interval ''30 days'' PRECEDING AND CURRENT ROW',
  'PARTITION BY customer',
  'PARTITION BY customer ORDER BY day GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING']) w;
SELECT is_empty($$
  SELECT customer FROM (
    SELECT customer, rollup(history) OVER w AS got, array_agg(customer) OVER w AS customers
    FROM histories WHERE customer <= 60 WINDOW w AS (ORDER BY customer ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)) t
  WHERE got::text IS DISTINCT FROM (SELECT slow_history(array_agg(day), array_agg(amount)) FROM orders WHERE orders.customer = ANY (customers))$$,
  'window: rollup of three neighbours');
SELECT is_empty($$
  SELECT customer FROM (
    SELECT customer, rollup(history) OVER (ORDER BY customer) AS got FROM histories WHERE customer <= 40) t
  WHERE got::text IS DISTINCT FROM (SELECT slow_history(array_agg(day), array_agg(amount)) FROM orders o WHERE o.customer <= t.customer)$$,
  'window: rollup of all until here');

--
-- grouping sets, DISTINCT, FILTER, shared states
--
CREATE TEMP TABLE shops AS
SELECT *, 'shop ' || n % 3 AS shop, 'channel ' || n % 2 AS channel FROM orders WHERE customer <= 30;
SELECT is_empty(format($$
  SELECT * FROM (SELECT customer, shop, channel, grouping(customer, shop, channel) AS g,
      purchase_history_agg(day, amount)::text AS got, slow_history(array_agg(day), array_agg(amount)) AS slow
    FROM shops GROUP BY %s) t
  WHERE got IS DISTINCT FROM slow LIMIT 5$$, g), 'GROUP BY ' || g)
FROM unnest(ARRAY['CUBE (customer, shop, channel)', 'ROLLUP (customer, shop, channel)',
  'GROUPING SETS ((customer, shop), (channel), ())', 'customer, shop, channel']) g;
SET LOCAL enable_sort = off;
SELECT is_empty($$
  SELECT * FROM (SELECT customer, shop, channel, purchase_history_agg(day, amount)::text AS got,
      slow_history(array_agg(day), array_agg(amount)) AS slow FROM shops GROUP BY CUBE (customer, shop, channel)) t
  WHERE got IS DISTINCT FROM slow LIMIT 5$$, 'GROUP BY CUBE by hashing');
RESET enable_sort;
SELECT is_empty($$
  SELECT customer FROM (SELECT customer, purchase_history_agg(DISTINCT day, amount)::text AS got FROM orders GROUP BY customer) a
    JOIN (SELECT customer, slow_history(array_agg(day), array_agg(amount)) AS slow
          FROM (SELECT customer, day, amount FROM orders GROUP BY 1, 2, 3) t GROUP BY customer) b USING (customer)
  WHERE got IS DISTINCT FROM slow$$, 'DISTINCT rows');
SELECT is_empty($$
  SELECT a.customer FROM (SELECT customer, rollup(DISTINCT h) AS got
      FROM (SELECT customer, purchase_history_agg(day, amount) AS h FROM orders GROUP BY customer, n % 3
            UNION ALL SELECT customer, purchase_history_agg(day, amount) FROM orders GROUP BY customer, n % 3) t GROUP BY customer) a
    JOIN histories b USING (customer)
  WHERE a.got::text IS DISTINCT FROM b.history::text
    -- equal parts of a customer are one
    AND (SELECT count(DISTINCT h) = count(h) FROM (SELECT purchase_history_agg(day, amount) AS h FROM orders o
         WHERE o.customer = a.customer GROUP BY n % 3) t)$$, 'DISTINCT histories');
SELECT is_empty($$
  SELECT customer FROM (SELECT customer, purchase_history_agg(day, amount) FILTER (WHERE day < '2020-03-01')::text AS got,
      slow_history(array_agg(day) FILTER (WHERE day < '2020-03-01'), array_agg(amount) FILTER (WHERE day < '2020-03-01')) AS slow
    FROM orders GROUP BY customer) t
  WHERE got IS DISTINCT FROM slow$$, 'FILTER');
SELECT is_empty($$
  SELECT customer FROM (SELECT customer, purchase_history_agg(day, amount) AS a, order_count(purchase_history_agg(day, amount), 'infinity') AS b,
      purchase_history_agg(day, amount, 1) FILTER (WHERE amount >= 0) AS c,
      net_total(purchase_history_agg(day, amount), 'infinity') AS d, purchase_history_agg(day, amount) AS e
    FROM orders GROUP BY customer) t JOIN truth USING (customer)
  WHERE a::text IS DISTINCT FROM history OR e::text IS DISTINCT FROM history
    OR b IS DISTINCT FROM order_count(a, 'infinity') OR coalesce(b, 0) IS DISTINCT FROM coalesce(order_count(c, 'infinity'), 0)
    OR d IS DISTINCT FROM net_total(a, 'infinity')$$, 'several aggregates of the same rows');
-- another final function on the same transitions makes the server share the state itself
CREATE FUNCTION count_final(purchase_history) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$ SELECT tiering.order_count($1, 'infinity') $$;
CREATE AGGREGATE count_orders(date, numeric) (SFUNC = purchase_history_accum, STYPE = purchase_history, FINALFUNC = count_final);
SELECT is_empty($$
  SELECT customer FROM (SELECT customer, count_orders(day, amount) AS n, purchase_history_agg(day, amount) AS h,
      count(*) FILTER (WHERE amount >= 0 AND day IS NOT NULL) AS slow
    FROM orders GROUP BY customer) t JOIN truth USING (customer)
  WHERE h::text IS DISTINCT FROM history OR coalesce(n, 0) <> slow$$, 'two final functions on one state');
SELECT is_empty($$
  SELECT customer FROM (SELECT customer, n, count_orders(day, amount) OVER w AS c, purchase_history_agg(day, amount) OVER w AS h,
      count(*) FILTER (WHERE amount >= 0 AND day IS NOT NULL) OVER w AS slow
    FROM orders WHERE customer <= 40 WINDOW w AS (PARTITION BY customer ORDER BY n)) t
  WHERE coalesce(order_count(h, 'infinity'), 0) <> slow OR coalesce(c, 0) <> slow$$, 'two final functions in a window');
SELECT is((SELECT rollup(h)::text FROM (SELECT history AS h FROM histories UNION ALL SELECT NULL FROM histories) t),
  (SELECT rollup(history)::text FROM histories), 'NULL histories do not count');
SELECT is((SELECT rollup(rollup)::text FROM (SELECT rollup(history) FROM histories GROUP BY customer % 10) t),
  (SELECT rollup(history)::text FROM histories), 'rolled up twice');

--
-- plans
--
CREATE FUNCTION plan_of(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  line text;
  plan text := '';
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || query LOOP
    plan := plan || line || E'\n';
  END LOOP;
  RETURN plan;
END $$;
\set query 'SELECT customer, purchase_history_agg(day, amount) AS history FROM orders GROUP BY customer'
\set rolled 'SELECT fifth, rollup(history) AS history FROM parts GROUP BY fifth'

-- hashing that spills: as many groups as rows, with work_mem for a few
CREATE TEMP TABLE many AS
SELECT n % 20011 AS customer, '2020-01-01'::date + n % 7 AS day, (n % 1000)::numeric / 100 AS amount
FROM generate_series(1, 60000) n;
ANALYZE many;
CREATE TEMP TABLE many_truth AS
SELECT customer, purchase_history_agg(day, amount)::text AS history FROM many GROUP BY customer;
SET LOCAL work_mem = '64kB';
SET LOCAL hash_mem_multiplier = 1;
SET LOCAL enable_sort = off;
SELECT matches(plan_of('SELECT customer, purchase_history_agg(day, amount) FROM many GROUP BY customer'),
  'HashAggregate.*(Batches: ([2-9]|[1-9][0-9]+)|Planned Partitions)', 'the hash table goes to disk');
SELECT is_empty($$
  SELECT customer FROM many_truth JOIN (SELECT customer, purchase_history_agg(day, amount)::text AS got FROM many GROUP BY customer) t
    USING (customer) WHERE got IS DISTINCT FROM history$$, 'histories do not notice');
SELECT is((SELECT count(*) FROM (SELECT customer, purchase_history_agg(day, amount) FROM many GROUP BY customer) t), 20011::bigint,
  'and none is lost');
SELECT is_empty(format('SELECT * FROM differs(%L)', :'query'), 'few and long histories with little memory');
RESET enable_sort;
SET LOCAL enable_hashagg = off;
SELECT is_empty(format('SELECT * FROM differs(%L)', :'query'), 'grouped by sorting, with little memory');
RESET enable_hashagg;
RESET work_mem;
RESET hash_mem_multiplier;

-- in parallel: temporary tables stay with the leader
CREATE TABLE orders_p (LIKE orders);
ALTER TABLE orders_p SET (parallel_workers = 4);
INSERT INTO orders_p SELECT * FROM orders ORDER BY md5(n::text);
CREATE TABLE parts (fifth int, history purchase_history);
ALTER TABLE parts SET (parallel_workers = 4);
INSERT INTO parts SELECT customer % 5, purchase_history_agg(day, amount) FROM orders GROUP BY customer, n % 5;
ANALYZE orders_p, parts;
SET LOCAL max_parallel_workers_per_gather = 4;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
DO $$
BEGIN
  -- the setting has another name since 16
  EXECUTE format('SET LOCAL %I = on', (SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')));
END $$;
\set query_p 'SELECT customer, purchase_history_agg(day, amount) AS history FROM orders_p GROUP BY customer'
SELECT matches(plan_of(:'query_p'), 'Finalize [A-Za-z]*Aggregate.*Partial [A-Za-z]*Aggregate', 'a plan in two steps: purchase_history_agg');
SELECT is_empty(format('SELECT * FROM differs(%L)', :'query_p'), 'in parallel');
SELECT matches(plan_of(:'rolled'), 'Finalize [A-Za-z]*Aggregate.*Partial [A-Za-z]*Aggregate', 'a plan in two steps: rollup');
SELECT is_empty($$SELECT fifth FROM (SELECT fifth, rollup(history) AS history FROM parts GROUP BY fifth) t
    JOIN (SELECT customer % 5 AS fifth, slow_history(array_agg(day), array_agg(amount)) AS slow FROM orders GROUP BY customer % 5) s USING (fifth)
  WHERE history::text IS DISTINCT FROM slow$$, 'rolled up in parallel');
SELECT matches(plan_of('SELECT purchase_history_agg(day, amount) FROM orders_p'), 'Finalize Aggregate.*Partial Aggregate',
  'a plan in two steps: one group');
SELECT is((SELECT purchase_history_agg(day, amount)::text FROM orders_p),
  (SELECT slow_history(array_agg(day), array_agg(amount)) FROM orders), 'one group in parallel');
SELECT is((SELECT purchase_history_agg((day + time '23:00') AT TIME ZONE 'UTC', amount, 'Asia/Tokyo')::text FROM orders_p),
  (SELECT slow_history(array_agg(day + 1), array_agg(amount)) FROM orders), 'with zones in parallel');
SELECT is((SELECT purchase_history_agg(day, amount)::text FROM orders_p WHERE day IS NULL), NULL, 'NULL rows alone in parallel');
SELECT is((SELECT order_count(rollup(history), 'infinity') FROM parts HAVING net_total(rollup(history), 'infinity') > 0),
  (SELECT count(*) FROM orders WHERE amount >= 0 AND day IS NOT NULL), 'an accessor of the result in parallel');
SELECT throws_ok('SELECT purchase_history_agg(day, amount / 0) FROM orders_p', '22012', NULL, 'an error in a worker');
SELECT throws_ok('SELECT purchase_history_agg(day, amount * 1e15) FROM orders_p', '22003', NULL, 'an error of ours in a worker');
RESET max_parallel_workers_per_gather;
SET LOCAL max_parallel_workers_per_gather = 0;

-- partition by partition
CREATE TABLE orders_by_customer (LIKE orders) PARTITION BY HASH (customer);
CREATE TABLE orders_by_customer_0 PARTITION OF orders_by_customer FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE orders_by_customer_1 PARTITION OF orders_by_customer FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE orders_by_n (LIKE orders) PARTITION BY RANGE (n);
CREATE TABLE orders_by_n_0 PARTITION OF orders_by_n FOR VALUES FROM (MINVALUE) TO (2000);
CREATE TABLE orders_by_n_1 PARTITION OF orders_by_n FOR VALUES FROM (2000) TO (MAXVALUE);
INSERT INTO orders_by_customer SELECT * FROM orders;
INSERT INTO orders_by_n SELECT * FROM orders;
ANALYZE orders_by_customer, orders_by_n;
SET LOCAL enable_partitionwise_aggregate = on;
SELECT matches(plan_of(replace(:'query', 'orders', 'orders_by_customer')), 'Append.*Aggregate.*Aggregate', 'each partition by itself');
SELECT is_empty(format('SELECT * FROM differs(%L)', replace(:'query', 'orders', 'orders_by_customer')), 'the key of the partitions');
SELECT matches(plan_of(replace(:'query', 'orders', 'orders_by_n')), 'Finalize.*Append.*Partial', 'partitions share customers');
SELECT is_empty(format('SELECT * FROM differs(%L)', replace(:'query', 'orders', 'orders_by_n')), 'another key than the partitions');
RESET enable_partitionwise_aggregate;

--
-- a transition state is a value like any other
--
-- an aggregate without a final function lets its state out
CREATE AGGREGATE raw_history(date, numeric) (SFUNC = purchase_history_accum, STYPE = purchase_history, COMBINEFUNC = purchase_history_combine);
CREATE AGGREGATE raw_rollup(purchase_history) (SFUNC = purchase_history_combine, STYPE = purchase_history);
CREATE TEMP TABLE states AS
SELECT customer, raw_history(day, amount) AS state, purchase_history_agg(day, amount) AS plain FROM orders GROUP BY customer;
SELECT is_empty($$SELECT * FROM differs('SELECT customer, state AS history FROM states')$$, 'a state let out prints as its history');
SELECT cmp_ok((SELECT count(*) FROM states WHERE pg_column_size(state) <> pg_column_size(plain)), '>', 50::bigint, 'though it is another value inside');
INSERT INTO states
SELECT customer, raw_rollup(h), rollup(h) FROM (SELECT customer, n % 3 AS part, purchase_history_agg(day, amount) AS h FROM orders GROUP BY 1, 2) t GROUP BY customer
UNION ALL
SELECT customer,
  purchase_history_accum(purchase_history_accum(purchase_history_accum(history, '2020-02-02'::date, 1.5), '2020-01-01'::date, -2), '2020-02-02'::date, 0),
  merge(history, '1;1;2020-01-01,0,0,2;2020-02-02,2,1.5')
FROM histories;
SELECT is((SELECT count(*) FROM states WHERE state::text IS NOT DISTINCT FROM plain::text), (SELECT count(*) FROM states),
  'so do states of rollup, and rows added outside of an aggregate');
SELECT is_empty($$SELECT n FROM (SELECT n, raw_history(day, amount) OVER w AS raw, purchase_history_agg(day, amount) OVER w AS h
    FROM orders WHERE customer <= 20 WINDOW w AS (PARTITION BY customer ORDER BY n)) t WHERE raw::text IS DISTINCT FROM h::text$$,
  'a state let out of a window');
SELECT is_empty(format('SELECT customer, d, %1$s(state, d) FROM states, as_of WHERE %1$s(state, d)::text IS DISTINCT FROM %1$s(plain, d)::text', f),
  f || ' of a state')
FROM unnest(ARRAY['first_purchase', 'order_count', 'net_total', 'gaps', 'history_until']) f;
SELECT is_empty($$SELECT customer FROM states WHERE purchase_history_send(state) IS DISTINCT FROM purchase_history_send(plain)
  OR NOT state OPERATOR(tiering.=) plain OR purchase_history_hash(state) <> purchase_history_hash(plain)$$,
  'a state equals its history, sends and hashes alike');
SELECT is_empty($$SELECT customer FROM states WHERE merge(state, state)::text IS DISTINCT FROM merge(plain, plain)::text
  OR merge(NULL, state)::text IS DISTINCT FROM plain::text
  OR purchase_history_final(state)::text IS DISTINCT FROM plain::text
  OR history_void_refunds(state)::text IS DISTINCT FROM history_void_refunds(plain)::text
  OR rfm(state, '2022-01-01')::text IS DISTINCT FROM rfm(plain, '2022-01-01')::text
  OR (SELECT array_agg(p) FROM purchases(state) p) IS DISTINCT FROM (SELECT array_agg(p) FROM purchases(plain) p)$$,
  'and takes part in all else');
SELECT is((SELECT rollup(state)::text FROM states), (SELECT rollup(plain)::text FROM states), 'states rolled up');
SELECT is((SELECT count(*) FROM (SELECT DISTINCT x FROM (SELECT state AS x FROM states UNION ALL SELECT plain FROM states) t) u),
  (SELECT count(DISTINCT plain) + 1 FROM states), 'distinct as their histories are, and NULL');
SELECT is((SELECT purchase_history_accum(NULL, NULL::date, 1)), NULL, 'no state, no row');
SELECT is((SELECT purchase_history_accum('1;2', NULL::date, 1)::text), '1;2', 'no row leaves the state');
CREATE FUNCTION added_to(state purchase_history) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  before text := state;
  more purchase_history;
BEGIN
  more := purchase_history_accum(state, '2020-02-03'::date, 1);
  more := merge(state, more);
  more := purchase_history_combine(state, more);
  RETURN CASE WHEN state::text IS DISTINCT FROM before THEN state::text END;
END $$;
SELECT is(added_to((SELECT raw_history('2020-01-01'::date, 5))), NULL, 'a short state added to is not changed');
SELECT is_empty($$SELECT customer, added_to(state) FROM states WHERE added_to(state) IS NOT NULL$$, 'nor is a long one');

--
-- limits do not depend on the way
--
SELECT throws_ok(format('SELECT rollup(h ORDER BY o) FROM (VALUES
    (%s, ''1;0;2024-01-01,1,600000000000000000000000''::purchase_history), (%s, ''1;0;2024-01-01,1,399999999999999999999999''),
    (%s, ''1;6;2024-01-01,1,1'')) v(o, h)', i, j, k), '22003', NULL, format('too much money in the order %s %s %s', i, j, k))
FROM (VALUES (1, 2, 3), (3, 2, 1), (2, 3, 1)) v(i, j, k);

SELECT * FROM finish();
ROLLBACK;
