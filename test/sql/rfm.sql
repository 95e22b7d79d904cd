--
-- rfm: recency, frequency and monetary value, cut points, scores, bands
--
SET search_path = tiering, public;
SET datestyle = ISO;

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
-- rfm
--
\set h '''1;2;2024-01-01,1,5.00;2024-01-10,2,9.00,1.00;2024-01-20,0,0.00,3.00;2024-02-01,1,4.00'''

SELECT as_of, since, (rfm(:h, as_of, since)).*
FROM (VALUES
  (1, '2023-12-31'::date, NULL::date),
  (2, '2024-01-01', NULL),
  (3, '2024-01-02', NULL),
  (4, '2024-01-10', NULL),
  (5, '2024-01-20', NULL),
  (6, '2024-02-01', NULL),
  (7, '2024-03-01', NULL),
  (8, '2024-03-01', '2024-01-01'),
  (9, '2024-03-01', '2024-01-02'),
  (10, '2024-03-01', '2024-01-10'),
  (11, '2024-03-01', '2024-01-11'),
  (12, '2024-03-01', '2024-02-01'),
  (13, '2024-03-01', '2024-02-02'),
  (14, '2024-01-31', '2024-01-11'),
  (15, '2024-01-31', '2024-02-01'),
  (16, '2024-03-01', '-infinity'),
  (17, '2024-03-01', 'infinity'),
  (18, '9999-12-31', NULL),
  (19, '4713-01-01 BC', NULL),
  (20, '5874897-12-31', NULL)
) AS v(n, as_of, since) ORDER BY n;
SELECT rfm(:h, '2024-03-01'), rfm(:h, '2024-03-01', '2024-01-10');

-- without a purchase, history or day there is none
SELECT rfm('1;2', '2024-03-01') IS NULL AS no_purchase,
  rfm('1;2;2024-01-01,0,0.00,5.00', '2024-03-01') IS NULL AS only_refunds,
  rfm(NULL, '2024-03-01') IS NULL AS no_history,
  rfm(:h, NULL) IS NULL AS no_day,
  rfm(NULL, NULL, NULL) IS NULL AS nothing;
SELECT * FROM rfm('1;2', '2024-03-01');
SELECT d AS as_of, pg_temp.attempt(format('SELECT tiering.rfm(%L, %L)', :h, d)) AS result
FROM unnest(ARRAY['infinity', '-infinity']) d;
-- frequency is an integer
SELECT rfm('1;0;2024-01-01,2147483647,1', '2024-01-01') AS most;
SELECT pg_temp.attempt($$SELECT tiering.rfm('1;0;2024-01-01,2147483647,1;2024-01-02,1,1', '2024-01-02')$$) AS one_more;
-- more given back than paid
SELECT * FROM rfm('1;2;2024-01-01,1,5.00,7.50', '2024-01-01');

--
-- cut points
--
SELECT bins, rfm_cutoffs(v, bins)
FROM generate_series(1, 10) v, unnest(ARRAY[2, 3, 4, 5, 9, 10]) bins GROUP BY bins ORDER BY bins;
-- more bins than values
SELECT bins, rfm_cutoffs(v, bins)
FROM generate_series(1, 10) v, unnest(ARRAY[11, 20]) bins GROUP BY bins ORDER BY bins;
SELECT array_length(rfm_cutoffs(v, 100), 1) AS n,
  rfm_cutoffs(v, 100) = (SELECT array_agg(i + 1 ORDER BY i)::float8[] FROM generate_series(1, 99) i) AS all_ranks
FROM generate_series(1, 100) v;
-- one value, equal values, few values
SELECT why, rfm_cutoffs(v, 5)
FROM (VALUES (1, 'one', '{7}'::float8[]), (2, 'equal', '{7,7,7,7,7,7}'), (3, 'two', '{1,2}'),
  (4, 'one above', '{1,1,1,1,2}'), (5, 'one below', '{1,2,2,2,2}'), (6, 'NULL among them', '{NULL,1,2,3,4,5,NULL}'),
  (7, 'below zero', '{-5,-4,-3,-2,-1}'), (8, 'both zeros', '{0,-0,0,-0,1}'),
  (9, 'large and small', '{-1.7976931348623157e308,-5e-324,0,5e-324,1.7976931348623157e308}')
) AS x(n, why, vs), unnest(vs) v GROUP BY n, why ORDER BY n;
-- the smallest value with at least ceil(k * n / 5) below: of 11 that is 3, 5, 7, 9
SELECT rfm_cutoffs(v, 5) FROM generate_series(1, 11) v;
-- nothing
SELECT rfm_cutoffs(v, 5) IS NULL AS no_rows, rfm_cutoffs_r(v, 5) IS NULL AS no_rows_r
FROM generate_series(1, 10) v WHERE false;
SELECT rfm_cutoffs(NULL, 5) IS NULL AS no_values, rfm_cutoffs_r(NULL, 5) IS NULL AS no_values_r
FROM generate_series(1, 10) v;
SELECT rfm_cutoffs(v, 5) FILTER (WHERE v > 10) IS NULL AS filtered FROM generate_series(1, 10) v;
-- not touched by order, unit or zero
SELECT rfm_cutoffs(v, 3 ORDER BY v) AS up, rfm_cutoffs(v, 3 ORDER BY -v) AS down, rfm_cutoffs(v * 4, 3) AS times_four,
  rfm_cutoffs(v + 100, 3) AS plus_hundred
FROM unnest(ARRAY[3, 1, 2, 2, 5, 9]) v;
SELECT rfm_cutoffs(DISTINCT v, 3) FROM unnest(ARRAY[3, 1, 2, 2, 2, 2, 2, 5, 9]) v;

SELECT name, call, pg_temp.attempt(format('SELECT tiering.%s(%s', name, call)) AS result
FROM unnest(ARRAY[
  $$v, 1) FROM generate_series(1, 3) v$$,
  $$v, 0) FROM generate_series(1, 3) v$$,
  $$v, -1) FROM generate_series(1, 3) v$$,
  $$v, 2) FROM generate_series(1, 3) v$$,
  $$v, 101) FROM generate_series(1, 3) v$$,
  $$v, 2147483647) FROM generate_series(1, 3) v$$,
  $$v, NULL) FROM generate_series(1, 3) v$$,
  $$v, v) FROM generate_series(2, 3) v$$,
  $$v, nullif(v, 3)) FROM generate_series(2, 3) v$$,
  $$'NaN', 5)$$,
  $$'Infinity', 5)$$,
  $$'-Infinity', 5)$$,
  $$v / 0.0, 5) FROM generate_series(1, 3) v$$
]) WITH ORDINALITY AS t(call, n), unnest(ARRAY['rfm_cutoffs', 'rfm_cutoffs_r']) name
ORDER BY n, name COLLATE "C";

-- as R has them: quantile(1:10, 1:4 / 5) + 1
SELECT (SELECT array_agg(round(c::numeric, 6) ORDER BY i) FROM unnest(cutoffs) WITH ORDINALITY AS t(c, i)) AS as_r
FROM (SELECT rfm_cutoffs_r(v, 5) AS cutoffs FROM generate_series(1, 10) v) t;
SELECT rfm_cutoffs_r(v, 2) AS one_value FROM (VALUES (41)) t(v);
SELECT rfm_cutoffs_r(v, 4) AS whole FROM unnest(ARRAY[10, 20, 30, 40, 50]) v;

--
-- scores
--
SELECT v, rfm_score(v, '{10,20,20,40}') AS score
FROM unnest('{-Infinity,-1,0,9.999,10,19.999,20,39,40,1e300,Infinity}'::float8[]) WITH ORDINALITY AS t(v, n) ORDER BY n;
SELECT rfm_score(1e308, '{1,Infinity}') AS finite, rfm_score(5, '{5}') AS one_cutoff,
  rfm_score(NULL, '{5}') IS NULL AS no_value, rfm_score(5, NULL) IS NULL AS no_cutoffs;
SELECT cutoffs, pg_temp.attempt(format('SELECT tiering.rfm_score(5, %L)', cutoffs)) AS result
FROM unnest(ARRAY['{1,NULL}', '{{1,2},{3,4}}', '[5:6]={1,2}']) WITH ORDINALITY AS t(cutoffs, n) ORDER BY n;

-- score = 1 + floor(5 * (rank - 1) / count)
SELECT v, rfm_score(v, rfm_cutoffs(v, 5) OVER ()) AS score, 1 + 5 * (rank() OVER (ORDER BY v) - 1) / count(*) OVER () AS by_rank
FROM unnest(ARRAY[1, 1, 2, 3, 3, 3, 3, 8, 9, 9, 40]) v ORDER BY v;
-- recency: the fewest days score highest, ties alike
SELECT days, rfm_score(-days, rfm_cutoffs(-days, 5) OVER ()) AS score
FROM unnest(ARRAY[1, 2, 3, 10, 10, 10, 200, 300, 400, 500]) days ORDER BY days;

--
-- bands
--
SELECT v, band(v, '{100,250.50,1000}') AS band
FROM unnest('{-1,0,99.99,100,100.01,250.49,250.5,250.500,999,1000,1e30}'::numeric[]) WITH ORDINALITY AS t(v, n) ORDER BY n;
SELECT band(5, '{10}') AS below, band(10, '{10}') AS at, band(NULL, '{10}') IS NULL AS no_value, band(1, NULL) IS NULL AS no_thresholds;
