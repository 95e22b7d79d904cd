--
-- ranking: how good recommended lists are, by hand and against plain SQL
--
\set QUIET on
SET client_min_messages = warning;
SELECT plan(70);

-- --- by hand -----------------------------------------------------------------------------

CREATE FUNCTION all_of(recommended integer[], relevant integer[], n integer) RETURNS text LANGUAGE SQL AS $$
	SELECT concat_ws(' ', round(tiering.ndcg_at(recommended, relevant, n)::numeric, 6), round(tiering.recall_at(recommended, relevant, n)::numeric, 4), round(tiering.precision_at(recommended, relevant, n)::numeric, 4),
		round(tiering.average_precision_at(recommended, relevant, n)::numeric, 6), tiering.hit_rate_at(recommended, relevant, n)) $$;
-- 1/log2(3) = 0.630930, 1/log2(4) = 0.5, 1/log2(5) = 0.430677
SELECT is(all_of(a::integer[], b::integer[], n), c, t) FROM (VALUES
	('{1,2,3}', '{1,3}', 3, '0.919721 1.0000 0.6667 0.833333 1', 'hits at 1 and 3'),
	('{1,2,3}', '{1,3}', 2, '0.613147 0.5000 0.5000 0.500000 1', '-- looking at two places'),
	('{1,2,3}', '{1,3}', 1, '1.000000 0.5000 1.0000 1.000000 1', '-- at one: as good as a list of one can be'),
	('{1,2,3}', '{1,3}', 5, '0.919721 1.0000 0.4000 0.833333 1', '-- at more than the list has: n counts for the precision'),
	('{1,2,3}', '{3,1}', 3, '0.919721 1.0000 0.6667 0.833333 1', 'the order of what came true does not matter'),
	('{1,2,3}', '{3,1,3,1,1}', 3, '0.919721 1.0000 0.6667 0.833333 1', 'nor do its duplicates'),
	('{1,2,3}', '{NULL,3,NULL,1}', 3, '0.919721 1.0000 0.6667 0.833333 1', 'nor its NULL'),
	('{1,1,3}', '{1,3}', 3, '0.919721 1.0000 0.6667 0.833333 1', 'a second copy is a miss at its place'),
	('{1,NULL,3}', '{1,3}', 3, '0.919721 1.0000 0.6667 0.833333 1', 'and so is a NULL'),
	('{1,NULL,3}', '{1,3,NULL}', 3, '0.919721 1.0000 0.6667 0.833333 1', '-- which is not the NULL that came true'),
	('{9,8,7,1}', '{1}', 4, '0.430677 1.0000 0.2500 0.250000 1', 'one hit, at 4'),
	('{9,8,7,1}', '{1}', 3, '0.000000 0.0000 0.0000 0.000000 0', 'below the places that count'),
	('{1,2}', '{1,2,3,4}', 2, '1.000000 0.5000 1.0000 1.000000 1', 'more came true than there are places'),
	('{1,2}', '{1,2,3,4}', 4, '0.636682 0.5000 0.5000 0.500000 1', '-- than the list has'),
	('{}', '{1}', 3, '0.000000 0.0000 0.0000 0.000000 0', 'an empty list hits nothing'),
	(NULL, '{1}', 3, '0.000000 0.0000 0.0000 0.000000 0', 'nor does NULL'),
	('{NULL,NULL}', '{1}', 3, '0.000000 0.0000 0.0000 0.000000 0', 'nor do NULL items'),
	('{1}', '{}', 3, '', 'a row without anything that came true is left out'),
	('{1}', NULL, 3, '', '-- NULL'), ('{1}', '{NULL}', 3, '', '-- NULL items'), (NULL, NULL, 3, '', '-- both'),
	('[5:7]={1,2,3}', '[0:1]={1,3}', 3, '0.919721 1.0000 0.6667 0.833333 1', 'arrays may begin anywhere'),
	('{1}', '{1}', 10000, '1.000000 1.0000 0.0001 1.000000 1', 'the largest n')) AS v(a, b, n, c, t);
SELECT is((SELECT tiering.recall_at(a::integer[], b::integer[], 2) FROM (VALUES ('{1,2}', '{1}'), ('{5}', '{1}'), (NULL, '{4}'), ('{1}', NULL), ('{1}', '{}'), ('{3,4}', '{3,9}')) AS v(a, b)), 1.5 / 4::double precision, 'the mean of the four rows in which something came true');
SELECT is((SELECT tiering.hit_rate_at(a, b, 3) FROM (SELECT '{1}'::integer[] AS a, '{1}'::integer[] AS b WHERE false) AS s), NULL, 'no rows');
SELECT is((SELECT array_agg(m ORDER BY g) FROM (SELECT g, tiering.precision_at(ARRAY[1, 2, 3], ARRAY[g, g + 1], g) AS m FROM generate_series(1, 3) AS g GROUP BY g) AS s), '{1,0.5,0.3333333333333333}'::double precision[], 'each group has its n');
SELECT is((SELECT array_agg(m) FROM (SELECT tiering.recall_at(ARRAY[i], ARRAY[1], 1) OVER (ORDER BY i) AS m FROM generate_series(1, 4) AS i) AS s), '{1,0.5,0.3333333333333333,0.25}'::double precision[], 'over a window');
SELECT is(tiering.ndcg_at(ARRAY[1], ARRAY[1], 1) FILTER (WHERE i < 0), NULL, 'a filter that leaves nothing') FROM generate_series(1, 3) AS i;

-- --- a slow and obvious way -----------------------------------------------------------------

CREATE FUNCTION slow(recommended integer[], relevant integer[], n integer) RETURNS TABLE (ndcg double precision, recall double precision, "precision" double precision, average_precision double precision, hit_rate double precision) LANGUAGE SQL AS $$
	WITH came AS (SELECT DISTINCT item FROM unnest(relevant) AS u(item) WHERE item IS NOT NULL),
		hit AS (SELECT min(place) AS place FROM unnest(recommended) WITH ORDINALITY AS u(item, place) JOIN came USING (item) GROUP BY item HAVING min(place) <= n),
		numbered AS (SELECT place, row_number() OVER (ORDER BY place) AS hits FROM hit),
		size AS (SELECT count(*) AS relevant, least(count(*), n) AS most FROM came),
		ideal AS (SELECT sum(ln(2) / ln(i + 1)) AS gain FROM size, generate_series(1, size.most) AS i)
	SELECT COALESCE(sum(ln(2) / ln(place + 1)), 0) / min(ideal.gain), count(place) / min(size.relevant)::double precision, count(place) / n::double precision,
		COALESCE(sum(hits / place::double precision), 0) / min(size.most), least(count(place), 1)
	FROM size CROSS JOIN ideal LEFT JOIN numbered ON true HAVING min(size.relevant) > 0 $$;
SELECT setseed(0.26);
-- few and many items that come true, some NULL, some twice
CREATE TABLE list AS
SELECT i, i % 5 AS g, CASE WHEN random() > 0.03 THEN ARRAY(SELECT CASE WHEN random() > 0.05 THEN (random() * 40)::integer END FROM generate_series(1, (random() * 12 + i * 0)::integer)) END AS recommended,
	CASE WHEN random() > 0.03 THEN ARRAY(SELECT CASE WHEN random() > 0.05 THEN (random() * 60)::integer END FROM generate_series(1, (random() ^ 2 * 80 + i * 0)::integer)) END AS relevant
FROM generate_series(1, 4000) AS i;
SELECT ok(count(*) FILTER (WHERE cardinality(relevant) > 16) > 1000 AND count(*) FILTER (WHERE cardinality(relevant) BETWEEN 1 AND 16) > 1000 AND count(*) FILTER (WHERE relevant IS NULL) > 20 AND count(*) FILTER (WHERE recommended IS NULL) > 20, 'random rows of all kinds') FROM list;
CREATE FUNCTION apart(a double precision, b double precision) RETURNS double precision LANGUAGE SQL AS 'SELECT CASE WHEN a IS NULL AND b IS NULL THEN 0 ELSE COALESCE(abs(a - b), 1) END';
SELECT ok(count(s.ndcg) BETWEEN 3000 AND 3990 AND max(apart(a.ndcg, s.ndcg)) < 1e-14 AND max(apart(a.recall, s.recall)) < 1e-14 AND max(apart(a.precision, s.precision)) < 1e-14 AND max(apart(a.average_precision, s.average_precision)) < 1e-14 AND max(apart(a.hit_rate, s.hit_rate)) = 0, 'each row at ' || n)
FROM (VALUES (1), (3), (10), (50)) AS v(n),
	LATERAL (SELECT i, tiering.ndcg_at(recommended, relevant, n) AS ndcg, tiering.recall_at(recommended, relevant, n) AS recall, tiering.precision_at(recommended, relevant, n) AS precision, tiering.average_precision_at(recommended, relevant, n) AS average_precision, tiering.hit_rate_at(recommended, relevant, n) AS hit_rate FROM list GROUP BY i) AS a
	JOIN list AS l USING (i) LEFT JOIN LATERAL slow(l.recommended, l.relevant, v.n) AS s ON true
GROUP BY n;
CREATE TABLE mean AS SELECT g, tiering.ndcg_at(recommended, relevant, 10) AS ndcg, tiering.recall_at(recommended, relevant, 10) AS recall, tiering.precision_at(recommended, relevant, 10) AS precision, tiering.average_precision_at(recommended, relevant, 10) AS average_precision, tiering.hit_rate_at(recommended, relevant, 10) AS hit_rate FROM list GROUP BY g;
SELECT ok(count(*) = 5 AND max(apart(m.ndcg, s.ndcg)) < 1e-13 AND max(apart(m.recall, s.recall)) < 1e-13 AND max(apart(m.precision, s.precision)) < 1e-13 AND max(apart(m.average_precision, s.average_precision)) < 1e-13 AND max(apart(m.hit_rate, s.hit_rate)) < 1e-13, 'means of groups')
FROM mean AS m JOIN (SELECT g, avg(ndcg) AS ndcg, avg(recall) AS recall, avg(precision) AS precision, avg(average_precision) AS average_precision, avg(hit_rate) AS hit_rate FROM list AS l, slow(l.recommended, l.relevant, 10) GROUP BY g) AS s USING (g);

-- --- types of items ---------------------------------------------------------------------------

-- the same lists with items of another type give the same
CREATE FUNCTION as_type(type text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT (tiering.ndcg_at(a, b, 10), tiering.recall_at(a, b, 10), tiering.precision_at(a, b, 10), tiering.average_precision_at(a, b, 10), tiering.hit_rate_at(a, b, 10))::text
		FROM (SELECT CASE WHEN recommended IS NOT NULL THEN ARRAY(SELECT %1$s FROM unnest(recommended) WITH ORDINALITY AS u(x, o) ORDER BY o) END AS a, ARRAY(SELECT %1$s FROM unnest(relevant) AS u(x)) AS b FROM list) AS s', type) INTO result;
	RETURN result;
END $$;
CREATE TYPE pair AS (a integer, b text);
CREATE DOMAIN item AS text;
SELECT is(as_type(type), as_type('x'), 'items: ' || type) FROM unnest('{x::bigint,x::text,"''item '' || x::text COLLATE \"C\"","(''item '' || x)::item",md5(x::text)::uuid,date ''2026-01-01'' + x,x::numeric,(x - 20)::double precision / 7,"chr(64 + x)::\"char\"","CASE WHEN x IS NOT NULL THEN int4range(x, x + 2) END","x::bit(8)","CASE WHEN x IS NOT NULL THEN (x, ''a'')::pair END","CASE WHEN x IS NOT NULL THEN (x, ''a''::text) END","x::money","repeat(x::text, 3000)"}'::text[]) AS type;
SELECT is(tiering.recall_at(ARRAY[0.0, 'NaN', 2]::double precision[], ARRAY['-0', 'NaN', 3, 3]::double precision[], 3), 2 / 3.0::double precision, 'equality is the type''s own');
SELECT is(tiering.recall_at(ARRAY[1.0, 2], ARRAY[1.00, 3] || array_fill(9.0, ARRAY[30]) || array_fill(9.00, ARRAY[30]), 3), 1 / 3.0::double precision, '-- with a hash, too');

-- --- order, workers, errors -------------------------------------------------------------------

SELECT is((SELECT (tiering.ndcg_at(recommended, relevant, 10 ORDER BY i), tiering.recall_at(recommended, relevant, 10 ORDER BY i), tiering.average_precision_at(recommended, relevant, 10 ORDER BY recommended))::text FROM list),
	(SELECT (tiering.ndcg_at(recommended, relevant, 10 ORDER BY relevant), tiering.recall_at(recommended, relevant, 10 ORDER BY i DESC), tiering.average_precision_at(recommended, relevant, 10))::text FROM list), 'the same bits in any order');
ALTER TABLE list SET (parallel_workers = 2);
ANALYZE list;
CREATE VIEW asked AS SELECT tiering.ndcg_at(recommended, relevant, 10), tiering.recall_at(recommended, relevant, 10), tiering.precision_at(recommended, relevant, 10), tiering.average_precision_at(recommended, relevant, 10), tiering.hit_rate_at(recommended, relevant, 10) FROM list;
CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS false) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	RETURN plan;
END $$;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;
SELECT matches(plan_of('SELECT * FROM asked'), 'Finalize Aggregate.*Gather.*Partial Aggregate', 'a parallel plan');
CREATE TEMP TABLE parallel AS SELECT * FROM asked;
CREATE TEMP TABLE parallel_nothing AS SELECT tiering.ndcg_at(recommended, relevant, 10) FROM list WHERE relevant IS NULL;
SELECT throws_ok('SELECT tiering.ndcg_at(recommended, relevant, 3 + i % 2) FROM list', '22023', NULL, 'two n, with workers');
SET max_parallel_workers_per_gather = 0;
SELECT is((SELECT p::text FROM parallel AS p), (SELECT a::text FROM asked AS a), 'the same bits with workers');
SELECT is((SELECT ndcg_at FROM parallel_nothing), NULL, 'nothing came true, with workers');

SELECT throws_ok(s, c, m, t) FROM (VALUES
	($$SELECT tiering.ndcg_at(ARRAY[1], ARRAY[1], 0)$$, '22023', 'n 0 is not between 1 and 10000', 'no places'), ($$SELECT tiering.recall_at(ARRAY[1], ARRAY[1], 10001)$$, '22023', 'n 10001 is not between 1 and 10000', 'too many'),
	($$SELECT tiering.hit_rate_at(ARRAY[1], NULL, -1)$$, '22023', 'n -1 is not between 1 and 10000', '-- in a row that is left out, too'), ($$SELECT tiering.precision_at(ARRAY[1], ARRAY[1], NULL)$$, '22004', 'n must not be null', 'n is NULL'),
	($$SELECT tiering.average_precision_at(ARRAY[1], ARRAY[1], n) FROM generate_series(5, 6) AS n$$, '22023', 'n differs within one group: 5 and 6', 'two n'),
	($$SELECT tiering.ndcg_at(ARRAY[[1], [2]], ARRAY[1], 3)$$, '2202E', 'recommended has 2 dimensions, not 1', 'a list of lists'), ($$SELECT tiering.ndcg_at(NULL, ARRAY[[[1]]], 3)$$, '2202E', 'relevant has 3 dimensions, not 1', '-- of what came true'),
	($$SELECT tiering.ndcg_at(ARRAY['1'::json], ARRAY['1'::json], 3)$$, '42883', 'could not identify an equality operator for type json', 'a type without equality'), ($$SELECT tiering.ndcg_at(ARRAY[(1, '1'::json)], ARRAY[(1, '1'::json)], 3)$$, '42883', 'could not identify an equality operator for type json', '-- inside of a row'),
	($$SELECT tiering.ndcg_at(ARRAY[1], ARRAY['a'], 3)$$, '42883', NULL, 'items of two types'), ($$SELECT tiering.ranking_ndcg_accum('{0,0,0,0}', ARRAY[1], ARRAY[1], 3)$$, 'XX000', NULL, 'parts of aggregates are not called'), ($$SELECT tiering.ranking_final('{5}')$$, 'XX000', NULL, '-- none of them')) AS v(s, c, m, t);

-- a state of another form is refused
CREATE AGGREGATE odd_at(anyarray, anyarray, integer) (SFUNC = tiering.ranking_recall_accum, STYPE = bigint[], INITCOND = '{0,0,0}', FINALFUNC = tiering.ranking_final);
SELECT throws_ok($$SELECT odd_at(ARRAY[1], ARRAY[1], 1)$$, 'XX000', 'state of an aggregate has a wrong form', 'a state of another form');

-- 100,000 items of a type without a hash are compared one by one
CREATE FUNCTION cancelled() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	items bit(32)[] := ARRAY(SELECT i::bit(32) FROM generate_series(1, 100000) AS i);
BEGIN
	PERFORM set_config('statement_timeout', '0', false), tiering.recall_at(items, items, 10);
	RETURN 'done';
EXCEPTION WHEN query_canceled THEN
	RETURN 'cancelled';
END $$;
SET statement_timeout = 300;
SELECT is(cancelled(), 'cancelled', 'can be cancelled');
RESET statement_timeout;

SELECT * FROM finish();
