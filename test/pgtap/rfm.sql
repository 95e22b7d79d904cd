--
-- rfm, cut points and scores against slow, obvious SQL
--
BEGIN;
SET LOCAL search_path = public, tiering;
SET LOCAL datestyle = ISO;
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL jit = off;
SELECT plan(54);

SELECT setseed(0.11);
CREATE TEMP TABLE orders AS
SELECT n, (random() * random() * 300)::int AS customer, '2019-12-01'::date + (random() * 500)::int AS day,
  round((random() * 200 - CASE WHEN random() < 0.2 THEN 190 ELSE 0 END)::numeric, 2) AS amount
FROM generate_series(1, 5000) n;
INSERT INTO orders VALUES (5001, 1001, '2020-01-01', -5), (5002, 1002, '2021-12-31', 5);
ANALYZE orders;
CREATE TEMP TABLE histories AS
SELECT customer, purchase_history_agg(day, amount) AS history FROM orders GROUP BY customer;
CREATE TEMP TABLE periods AS
SELECT '2020-01-01'::date + (random() * 600)::int AS as_of, CASE WHEN random() < 0.3 THEN NULL ELSE '2019-11-01'::date + (random() * 500)::int END AS since
FROM generate_series(1, 12);

--
-- rfm
--
SELECT is_empty($$
  SELECT customer, as_of, since, r, e FROM (
    SELECT customer, as_of, since, rfm(history, as_of, since)::text AS r,
      (SELECT CASE WHEN count(*) FILTER (WHERE amount >= 0) > 0
        THEN (as_of - max(day) FILTER (WHERE amount >= 0), count(*) FILTER (WHERE amount >= 0), sum(amount))::text END
       FROM orders o WHERE o.customer = h.customer AND day <= as_of AND (since IS NULL OR day >= since)) AS e
    FROM histories h, periods) t
  WHERE coalesce(r, '(,,)') IS DISTINCT FROM coalesce(e, '(,,)') LIMIT 5$$, 'rfm is what the rows say');
SELECT is_empty($$
  SELECT customer, as_of, since FROM histories, periods
  WHERE rfm(history, as_of, since)::text IS DISTINCT FROM rfm(history_between(history, coalesce(since, '-infinity'), as_of), as_of)::text$$,
  'rfm since a day is rfm of the slice');
SELECT cmp_ok((SELECT count(*) FROM histories, periods WHERE rfm(history, as_of, since) IS NULL), '>', 50::bigint, 'some had no purchase');
SELECT is_empty($$SELECT customer FROM histories, periods WHERE rfm(history, as_of)::text IS DISTINCT FROM rfm(history, as_of, NULL)::text$$,
  'since is NULL unless given');

--
-- scores are a matter of rank
--
CREATE TEMP TABLE sets (name text, n int, v float8);
INSERT INTO sets
SELECT 'random', n, random() * 1000 - 500 FROM generate_series(1, 500) n
UNION ALL SELECT 'ties', n, (random() * 20)::int FROM generate_series(1, 500) n
UNION ALL SELECT 'few', n, (random() * 2)::int FROM generate_series(1, 101) n
UNION ALL SELECT 'skewed', n, (random() ^ 8 * 100)::int FROM generate_series(1, 499) n
UNION ALL SELECT 'money', n, round((random() * 200 - 20)::numeric, 2) FROM generate_series(1, 256) n
UNION ALL SELECT 'equal', n, 42 FROM generate_series(1, 50) n
UNION ALL SELECT 'one', 1, 42
UNION ALL SELECT 'two', n, n FROM generate_series(1, 2) n
UNION ALL SELECT 'size ' || s, n, n * 7919 % s FROM unnest('{3,4,5,6,9,10,11,99,100,101}'::int[]) s, generate_series(1, s) n
UNION ALL SELECT 'extremes', n, (ARRAY['-1.7976931348623157e308', '-1', '-5e-324', '-0', '0', '5e-324', '1', '1.7976931348623157e308'])[1 + n % 8]::float8
  FROM generate_series(1, 40) n;

SELECT is_empty(format($$
  SELECT name, v, score, by_rank FROM (
    SELECT name, v, rfm_score(v, rfm_cutoffs(v, %1$s) OVER (PARTITION BY name)) AS score,
      1 + floor(%1$s * (rank() OVER (PARTITION BY name ORDER BY v) - 1) / count(*) OVER (PARTITION BY name)::numeric) AS by_rank
    FROM sets) t
  WHERE score IS DISTINCT FROM by_rank LIMIT 5$$, bins), format('scores on %s bins are 1 + floor(bins * (rank - 1) / count)', bins))
FROM unnest(ARRAY[2, 3, 4, 5, 7, 10, 99, 100]) bins;
SELECT is_empty(format($$
  SELECT name, k, cutoffs[k], slow FROM (
    SELECT name, k, cutoffs, coalesce((SELECT min(v) FROM sets s WHERE s.name = c.name
        AND (SELECT count(*) FROM sets b WHERE b.name = c.name AND b.v < s.v) >= ceil(k * size / %1$s::numeric)), 'Infinity') AS slow
    FROM (SELECT name, count(*) AS size, rfm_cutoffs(v, %1$s) AS cutoffs FROM sets GROUP BY name) c, generate_series(1, %1$s - 1) k
    WHERE size <= 110) t
  WHERE cutoffs[k] IS DISTINCT FROM slow LIMIT 5$$, bins), format('cut points on %s bins by their definition', bins))
FROM unnest(ARRAY[2, 3, 5, 10]) bins;
SELECT is_empty($$SELECT name FROM sets GROUP BY name
  HAVING array_length(rfm_cutoffs(v, 7), 1) <> 6 OR array_length(rfm_cutoffs_r(v, 7), 1) <> 6$$, 'bins - 1 cut points');
SELECT is_empty($$SELECT name FROM (SELECT name, rfm_cutoffs(v, 7) AS c FROM sets GROUP BY name) t
  WHERE c <> (SELECT array_agg(x ORDER BY x) FROM unnest(c) x)$$, 'cut points ascend');

--
-- what scores do not depend on
--
SELECT is_empty(format($$
  SELECT name, v FROM (
    SELECT name, v, rfm_score(v, rfm_cutoffs(v, 5) OVER (PARTITION BY name)) AS score,
      rfm_score(%1$s, rfm_cutoffs(%1$s, 5) OVER (PARTITION BY name)) AS moved
    FROM sets WHERE name <> 'extremes' AND name <> 'random') t
  WHERE score <> moved$$, e), format('scores of %s are those of v', e))
FROM unnest(ARRAY['v + 1000', 'v - 1e6', 'v * 4', 'v * 100', 'v / 1024', 'exp(v / 100)']) e;
SELECT is_empty(format($$
  SELECT a.name FROM (SELECT name, rfm_cutoffs(v, 5) AS c FROM sets GROUP BY name) a
    JOIN (SELECT name, rfm_cutoffs(v, 5 ORDER BY %s) AS c FROM sets GROUP BY name) b USING (name) WHERE a.c <> b.c$$, o), 'rows ordered by ' || o)
FROM unnest(ARRAY['v', 'v DESC', 'md5(n::text)']) o;
SELECT is_empty($$
  SELECT a.name FROM (SELECT name, rfm_cutoffs(v, 5) AS c, rfm_cutoffs_r(v, 5) AS r FROM sets GROUP BY name) a
    JOIN (SELECT name, rfm_cutoffs(v, 5) AS c, rfm_cutoffs_r(v, 5) AS r
          FROM (SELECT name, v FROM sets UNION ALL SELECT name, NULL FROM sets) t GROUP BY name) b USING (name)
  WHERE a.c <> b.c OR a.r <> b.r$$, 'NULL values are left out');

-- R's quantile of type 7, by the server's own percentile_cont
SELECT is_empty(format($$
  SELECT name, k, r[k], p FROM (
    SELECT name, k, rfm_cutoffs_r(v, %1$s) AS r, percentile_cont(k / %1$s::float8) WITHIN GROUP (ORDER BY v) + 1 AS p
    FROM sets, generate_series(1, %1$s - 1) k WHERE name <> 'extremes' GROUP BY name, k) t
  WHERE abs(r[k] - p) > 1e-9 LIMIT 5$$, bins), format('cut points of R on %s bins', bins))
FROM unnest(ARRAY[2, 5, 10, 37]) bins;
-- and as R's own source has it, where a sum that rounds moves a customer: stats::quantile, type 7, at seq(0, 1, length.out = bins + 1)
CREATE FUNCTION cutoffs_as_r(x float8[], bins int) RETURNS float8[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  n float8 := cardinality(x);
  index float8;
  lo float8;
  hi float8;
  h float8;
  q float8;
  found float8[] := '{}';
BEGIN
  x := ARRAY(SELECT v FROM unnest(x) v ORDER BY v);
  FOR k IN 1 .. bins - 1 LOOP
    index := 1::float8 + greatest(n - 1, 0) * (k::float8 * (1::float8 / bins::float8));
    lo := floor(index);
    hi := ceil(index);
    q := x[lo::int];
    IF index > lo AND x[hi::int] <> q THEN
      h := index - lo;
      q := (1::float8 - h) * q + h * x[hi::int];
    END IF;
    found := found || (q + 1::float8);
  END LOOP;
  RETURN found;
END $$;
SELECT is((SELECT rfm_cutoffs_r(v, 5)::text FROM unnest('{2,4,6,8,9,10,18,19,25,29,30}'::float8[]) v), '{7,10,19.000000000000004,26}', 'R''s third cut point is just above 19');
SELECT is_empty($$
  SELECT s, bins, cutoffs, slow FROM (
    SELECT s, 2 + s % 11 AS bins, array_agg(v) AS x, rfm_cutoffs_r(v, 2 + s % 11) AS cutoffs, cutoffs_as_r(array_agg(v), 2 + s % 11) AS slow
    FROM (SELECT s, CASE s % 3 WHEN 0 THEN floor(random() * 40) WHEN 1 THEN floor(random() * 4000) / 100 ELSE random() * 1e6 END AS v
          FROM generate_series(1, 3000) s, generate_series(1, 1 + s % 37)) d
    GROUP BY s) t
  WHERE cutoffs <> slow LIMIT 5$$, 'cut points of 3000 small sets, bit by bit as R''s formula has them');

--
-- one state for both final functions, windows, grouping sets
--
SELECT is_empty($$
  SELECT name FROM (SELECT name, rfm_cutoffs(v, 5) AS c, rfm_cutoffs_r(v, 5) AS r, rfm_cutoffs(v, 5) AS c2 FROM sets GROUP BY name) t
  WHERE c <> c2 OR c <> (SELECT rfm_cutoffs(v, 5) FROM sets s WHERE s.name = t.name)
    OR r <> (SELECT rfm_cutoffs_r(v, 5) FROM sets s WHERE s.name = t.name)$$, 'both kinds of cut points at once');
SELECT is_empty(format($$
  SELECT n, c, slow FROM (
    SELECT n, rfm_cutoffs(v, 5) OVER w AS c, rfm_cutoffs_r(v, 5) OVER w AS r, array_agg(v) OVER w AS vs
    FROM sets WHERE name = 'money' WINDOW w AS (%s)) t,
    LATERAL (SELECT rfm_cutoffs(x, 5) AS slow, rfm_cutoffs_r(x, 5) AS slow_r FROM unnest(vs) x) s
  WHERE c IS DISTINCT FROM slow OR r IS DISTINCT FROM slow_r LIMIT 5$$, w), 'window: ' || w)
FROM unnest(ARRAY['ORDER BY n', 'ORDER BY n DESC ROWS BETWEEN 9 PRECEDING AND CURRENT ROW',
  'ORDER BY n ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING', 'PARTITION BY n % 7']) w;
SELECT is_empty($$
  SELECT name, m FROM (SELECT name, n % 3 AS m, grouping(name, n % 3) AS g, rfm_cutoffs(v, 5) AS c, array_agg(v) AS vs FROM sets GROUP BY CUBE (name, n % 3)) t
  WHERE c IS DISTINCT FROM (SELECT rfm_cutoffs(x, 5) FROM unnest(vs) x)$$, 'grouping sets');
SELECT is_empty($$
  SELECT name FROM (SELECT name, rfm_cutoffs(DISTINCT v, 5) AS c, array_agg(DISTINCT v) AS vs, rfm_cutoffs(v, 5) FILTER (WHERE v > 0) AS f,
      array_agg(v) FILTER (WHERE v > 0) AS above FROM sets GROUP BY name) t
  WHERE c IS DISTINCT FROM (SELECT rfm_cutoffs(x, 5) FROM unnest(vs) x)
    OR f IS DISTINCT FROM (SELECT rfm_cutoffs(x, 5) FROM unnest(above) x)$$, 'DISTINCT and FILTER');

--
-- in parallel
--
CREATE TABLE sets_p AS SELECT name, n, CASE WHEN n % 17 = 0 THEN NULL ELSE v END AS v FROM sets, generate_series(1, 3);
CREATE TEMP TABLE sets_n AS SELECT * FROM sets_p;
ALTER TABLE sets_p SET (parallel_workers = 4);
ANALYZE sets_p, sets_n;
SET LOCAL max_parallel_workers_per_gather = 4;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
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
SELECT matches(plan_of('SELECT name, rfm_cutoffs(v, 5), rfm_cutoffs_r(v, 5) FROM sets_p GROUP BY name'),
  'Finalize [A-Za-z]*Aggregate.*Partial [A-Za-z]*Aggregate', 'a plan in two steps');
SELECT is_empty($$
  SELECT name FROM (SELECT name, rfm_cutoffs(v, 5) AS c, rfm_cutoffs_r(v, 5) AS r FROM sets_p GROUP BY name) a
    FULL JOIN (SELECT name, rfm_cutoffs(v, 5) AS c, rfm_cutoffs_r(v, 5) AS r FROM sets_n GROUP BY name) b USING (name)
  WHERE a.c IS DISTINCT FROM b.c OR a.r IS DISTINCT FROM b.r$$, 'in parallel');
SELECT is((SELECT rfm_cutoffs(v, 10) FROM sets_p), (SELECT rfm_cutoffs(v, 10) FROM sets_n), 'one group in parallel');
SELECT is((SELECT rfm_cutoffs(v, 10) FROM sets_p WHERE v IS NULL), NULL, 'NULL values alone in parallel');
SELECT throws_ok('SELECT rfm_cutoffs(v, 2 + n % 2) FROM sets_p', '22023', NULL, 'bins that differ among workers');
SELECT throws_ok($$SELECT rfm_cutoffs(CASE WHEN n = 400 THEN 'NaN' ELSE v END, 5) FROM sets_p$$, '22023', NULL, 'no number in a worker');
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL work_mem = '64kB';
SELECT is((SELECT rfm_cutoffs(n * 7919 % 100003, 4) FROM generate_series(1, 100000) n),
  (SELECT ARRAY[min(v) FILTER (WHERE r >= 25000), min(v) FILTER (WHERE r >= 50000), min(v) FILTER (WHERE r >= 75000)]::float8[]
   FROM (SELECT v, row_number() OVER (ORDER BY v) - 1 AS r FROM (SELECT n * 7919 % 100003 AS v FROM generate_series(1, 100000) n) x) y),
  'a hundred thousand values with little memory');

--
-- the thresholds and scores that the documentation of R's package rfm shows for its example.
-- test/data/rfm_orders.csv: the orders of that example, names made numbers; from the R package rfm
-- (Aravind Hebbali, github.com/rsquaredacademy/rfm), MIT licence.
--
CREATE TEMP TABLE rfm_orders (customer int, order_date date, revenue numeric);
\copy rfm_orders FROM 'test/data/rfm_orders.csv' WITH (FORMAT csv, HEADER)
CREATE TEMP TABLE rfm_r AS
SELECT customer, (rfm(purchase_history_agg(order_date, revenue), '2006-12-31')).* FROM rfm_orders GROUP BY customer;
CREATE TEMP TABLE cutoffs_r AS
SELECT rfm_cutoffs_r(recency_days, 5) AS r, rfm_cutoffs_r(frequency, 5) AS f, rfm_cutoffs_r(monetary::float8, 5) AS m FROM rfm_r;
SELECT is((SELECT array_agg(round(x) ORDER BY i) FROM cutoffs_r, unnest(r) WITH ORDINALITY AS t(x, i)), '{115,181,297,482}'::float8[], 'thresholds of recency as in R');
SELECT is((SELECT f FROM cutoffs_r), '{4,5,6,8}', 'thresholds of frequency as in R');
SELECT is((SELECT array_agg(round(x) ORDER BY i) FROM cutoffs_r, unnest(m) WITH ORDINALITY AS t(x, i)), '{256,382,506,666}'::float8[], 'thresholds of money as in R');
-- Abbey O'Reilly, Add Senger, Aden Lesch, Aden Murphy, Admiral Senger, Agness O'Keefe, Aileen Barton, Ailene Hermann, Aiyanna Bruen
SELECT results_eq($$
  SELECT customer, recency_days, frequency, monetary::int, (6 - rfm_score(recency_days, r))::text || rfm_score(frequency, f) || rfm_score(monetary::float8, m)
  FROM rfm_r, cutoffs_r WHERE customer <= 9 ORDER BY customer$$,
  $$VALUES (1, 205, 6, 472, '343'), (2, 140, 3, 340, '412'), (3, 194, 4, 405, '323'), (4, 98, 7, 596, '544'), (5, 132, 5, 448, '433'),
    (6, 90, 9, 843, '555'), (7, 84, 9, 763, '555'), (8, 281, 8, 699, '355'), (9, 246, 4, 157, '321')$$, 'scores as in R');

--
-- money as values, and bands
--
SELECT is_empty($$
  SELECT a FROM (SELECT round((random() * 10 ^ (d % 16) * CASE WHEN random() < 0.3 THEN -1 ELSE 1 END)::numeric, d % 7) AS a FROM generate_series(1, 3000) d
    UNION ALL SELECT a::numeric FROM unnest('{0,0.00,-0.000001,0.1,0.2,0.3,999999999999999.999999,-999999999999999.999999,9007199254740993,
      179769313486231570000000000000000000000000000,1e300,1e-300,0.30000000000000000000000000000000000001,123456789012345678901234567890.123456,NaN,Infinity,-Infinity}'::text[]) a) t
  WHERE money_value(a)::text IS DISTINCT FROM a::float8::text$$, 'money_value is a cast');
SELECT is_empty($$
  SELECT v, band(v::numeric, '{-100,0,0.01,250}') FROM sets WHERE name <> 'extremes'
    AND band(v::numeric, '{-100,0,0.01,250}') IS DISTINCT FROM
      CASE WHEN v::numeric < -100 THEN 1 WHEN v::numeric < 0 THEN 2 WHEN v::numeric < 0.01 THEN 3 WHEN v::numeric < 250 THEN 4 ELSE 5 END$$, 'bands');

SELECT * FROM finish();
ROLLBACK;
