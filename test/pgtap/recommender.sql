--
-- recommender: similarity, EASE and factors against plain SQL and dense oracles
--
\set QUIET on
SET client_min_messages = warning;
SET search_path = public, tiering, pg_catalog;
-- it takes longer to compile these queries than to run them
SET jit = off;
SELECT * FROM no_plan();

-- --- the numbers of test/oracle/recommender_oracle.py ----------------------------------------

CREATE TABLE sold AS SELECT c AS customer, i AS item, 0.5 + c * i % 3 AS weight, date '2025-01-01' + (c * 13 + i * 29) % 300 AS day FROM generate_series(1, 200) AS c, generate_series(1, 30) AS i
WHERE (c * c * 31 + i * i * 17 + c * i * 7 + c / 3) % 11 < 3 OR (c + i) % 10 = 0;
CREATE TABLE model AS SELECT recommender_fit('TABLE sold', '{"half_life_days": 100, "most_interest": 2, "similar_neighbours": 12, "shrinkage": 4, "ease_neighbours": 10, "penalty": 50, "factors": 6, "confidence": 15, "factor_penalty": 3, "seed": 7}') AS m;
CREATE TABLE oracle (ranking text, basket text[], items text[], scores double precision[]);
-- python3 test/oracle/recommender_oracle.py
INSERT INTO oracle VALUES
	('similar', '{1}', '{23,12,10,11,21}', '{0.575461890,0.549579697,0.342728342,0.335934355,0.324734734}'),
	('similar', '{2,9}', '{13,25,24,22,3}', '{0.796705784,0.541267695,0.507300598,0.503545638,0.451053731}'),
	('similar', '{3,14,27}', '{25,4,13,5,2}', '{1.291574644,1.065202823,1.053510668,0.939051800,0.817762220}'),
	('similar', '{5,6,7,8,30}', '{16,27,17,28,18}', '{1.546659495,1.170164547,1.145178304,1.037704969,0.998935932}'),
	('ease', '{1}', '{23,11,10,12,4}', '{0.238508116,0.103905163,0.086617361,0.072493727,0.070581747}'),
	('ease', '{2,9}', '{13,22,11,25,5}', '{0.259358693,0.144817795,0.089281342,0.079764519,0.073857092}'),
	('ease', '{3,14,27}', '{25,4,13,16,5}', '{0.285252588,0.216580952,0.128394002,0.124768163,0.109109010}'),
	('ease', '{5,6,7,8,30}', '{16,17,29,19,28}', '{0.453610710,0.296216392,0.247353588,0.227128225,0.176278739}'),
	('factors', '{1}', '{23,12,20,9,10}', '{0.679498076,0.578542175,0.521933059,0.406065024,0.344182384}'),
	('factors', '{2,9}', '{13,12,24,23,19}', '{0.883419518,0.787999086,0.661585902,0.642513686,0.564095408}'),
	('factors', '{3,14,27}', '{25,5,16,10,15}', '{1.012837454,0.996190338,0.869287790,0.839513283,0.643032064}'),
	('factors', '{5,6,7,8,30}', '{27,16,18,28,17}', '{0.943999859,0.917467668,0.877344155,0.840201087,0.833272804}');
SELECT ok(array_agg(o.item ORDER BY o.rank) = items AND max(abs(o.score - scores[o.rank])) < 2e-7, format('%s of %s is that of dense matrices', ranking, basket)) FROM model, oracle, recommend_items(m, basket, 5, ranking) AS o GROUP BY ranking, basket, items ORDER BY ranking, basket;

-- --- plain SQL --------------------------------------------------------------------------------

-- 50 customers, 12 items, up to 3 rows for each, over half a year; item 12 is bought by few
CREATE TABLE line (seed integer, customer integer, item integer, weight double precision, day date, event text);
DO $$
BEGIN
	FOR s IN 1..4 LOOP
		PERFORM setseed(s / 10.0);
		INSERT INTO line SELECT s, c, i, ceil(random() * 6) / 4, date '2025-01-01' + floor(random() * 180)::integer, (ARRAY['bought', 'viewed', 'returned'])[ceil(random() * 3)]
		FROM generate_series(1, 50) AS c, generate_series(1, 12) AS i, generate_series(1, 3) AS n WHERE random() < CASE WHEN i = 12 THEN 0.02 WHEN c % 3 = i % 3 THEN 0.4 ELSE 0.12 END;
	END LOOP;
END $$;
CREATE FUNCTION query_of(seed integer) RETURNS text LANGUAGE SQL AS $$ SELECT format('SELECT customer, item, weight, day, event FROM line WHERE seed = %s', seed) $$;
CREATE TABLE asked (n serial, options jsonb, as_of date, event_weights jsonb, name text);
INSERT INTO asked (options, as_of, event_weights, name) VALUES
	('{}', NULL, NULL, 'defaults'), ('{"shrinkage": 0}', NULL, NULL, 'no shrinkage'), ('{"shrinkage": 20.5, "most_interest": 0.75}', NULL, NULL, 'much of it, and little interest'), ('{"most_interest": 1000000}', NULL, NULL, 'any interest'),
	('{"half_life_days": 30, "most_interest": 4}', NULL, NULL, 'half-life'), ('{"half_life_days": 7.5, "most_interest": 2, "shrinkage": 0.1}', '2025-03-15', NULL, 'half-life at a day'), ('{"most_interest": 3}', '2025-04-01', '{"bought": 2, "viewed": 0.25, "returned": 0}', 'weights of events at a day'),
	('{"half_life_days": 60, "most_interest": 3, "min_customers": 5}', '2030-01-01', '{"bought": 1, "viewed": 0.1, "returned": 0, "other": 7}', 'all of it'), ('{"min_customers": 6}', NULL, NULL, 'pairs of many');

-- cells, and days of purchases, of what counts
CREATE FUNCTION told_rows(seed integer, options jsonb, as_of date, event_weights jsonb, half_life double precision)
RETURNS TABLE (customer integer, item integer, day date, value double precision) LANGUAGE SQL AS $$
	WITH r AS (SELECT customer, item, day, weight * COALESCE((event_weights ->> event)::double precision, 1) AS w FROM line WHERE seed = $1 AND ($3 IS NULL OR day <= $3))
	SELECT customer, item, day, CASE WHEN h > 0 THEN w * 2 ^ ((day - COALESCE($3, (SELECT max(day) FROM r))) / h) ELSE w END FROM r, COALESCE((options ->> 'half_life_days')::double precision, half_life) AS h WHERE w > 0
$$;
CREATE FUNCTION told_cells(seed integer, options jsonb, as_of date, event_weights jsonb, half_life double precision, fewest integer)
RETURNS TABLE (customer integer, item integer, x double precision) LANGUAGE SQL AS $$
	SELECT customer, item, x FROM (SELECT customer, item, LEAST(sum(value), COALESCE((options ->> 'most_interest')::double precision, 1)) AS x, count(*) OVER (PARTITION BY item) AS customers FROM told_rows($1, $2, $3, $4, half_life) GROUP BY customer, item) AS c WHERE customers >= fewest
$$;
CREATE FUNCTION told_pairs(seed integer, options jsonb, as_of date, event_weights jsonb, half_life double precision, fewest integer, fewest_together integer)
RETURNS TABLE (item text, neighbour text, similarity double precision, customers bigint, item_customers bigint, neighbour_customers bigint, lift double precision) LANGUAGE SQL AS $$
	WITH cells AS MATERIALIZED (SELECT * FROM told_cells($1, $2, $3, $4, half_life, fewest)), one AS (SELECT item, sqrt(sum(x * x)) AS norm, count(*) AS n FROM cells GROUP BY item),
		pair AS (SELECT a.item AS a, b.item AS b, sum(a.x * b.x) AS product, count(*) AS n FROM cells AS a JOIN cells AS b USING (customer) WHERE a.item <> b.item GROUP BY 1, 2)
	SELECT a.item::text, b.item::text, product / (a.norm * b.norm + COALESCE((options ->> 'shrinkage')::double precision, 3)), pair.n, a.n, b.n, pair.n * (SELECT count(DISTINCT customer) FROM cells)::double precision / (a.n * b.n)
	FROM pair JOIN one AS a ON a.item = pair.a JOIN one AS b ON b.item = pair.b WHERE pair.n >= fewest_together
$$;
CREATE FUNCTION apart(a double precision, b double precision) RETURNS double precision LANGUAGE SQL AS $$ SELECT abs(a - b) / GREATEST(1, abs(b)) $$;
SELECT is(count(*) FILTER (WHERE (p).item IS NULL OR (t).item IS NULL OR ((p).customers, (p).item_customers, (p).neighbour_customers) <> ((t).customers, (t).item_customers, (t).neighbour_customers) OR apart((p).similarity, (t).similarity) > 1e-12 OR apart((p).lift, (t).lift) > 1e-12), 0::bigint,
	format('similarity of all pairs: %s (%s)', name, count(p)))
FROM asked, generate_series(1, 4) AS s, LATERAL (SELECT p, t FROM item_similarity(query_of(s), options, as_of, event_weights) AS p FULL JOIN told_pairs(s, options, as_of, event_weights, 0, 1, COALESCE((options ->> 'min_customers')::integer, 1)) AS t USING (item, neighbour)) AS j(p, t) GROUP BY n, name ORDER BY n;
SELECT ok(bool_and(rank = place AND nth = line), 'ranked by similarity, of ties by the order of items') FROM (SELECT rank, nth, row_number() OVER (PARTITION BY s, item ORDER BY similarity DESC, neighbour::integer) AS place, row_number() OVER (PARTITION BY s ORDER BY item::integer, rank) AS line
	FROM generate_series(1, 4) AS s, item_similarity(query_of(s)) WITH ORDINALITY AS o(item, neighbour, rank, similarity, customers, ic, nc, lift, nth)) AS o;
SELECT results_eq($$SELECT item, neighbour, rank FROM item_similarity('SELECT c, i FROM generate_series(1, 4) AS c, generate_series(1, 12) AS i', '{"neighbours": 3}') WHERE item IN ('1', '2', '12')$$,
	$$VALUES ('1', '2', 1), ('1', '3', 2), ('1', '4', 3), ('2', '1', 1), ('2', '3', 2), ('2', '4', 3), ('12', '1', 1), ('12', '2', 2), ('12', '3', 3)$$, 'of ties those that stand first are kept, by the order of their type');
SELECT is((SELECT array_agg(few)::text FROM item_similarity(query_of(s), '{"neighbours": 4}') AS few), (SELECT array_agg(every)::text FROM item_similarity(query_of(s)) AS every WHERE rank <= 4), 'the best four of all, ' || s) FROM generate_series(1, 4) AS s;
SELECT ok(bool_and(apart(similarity, CASE WHEN item = 'milk' OR neighbour = 'milk' THEN 2 / (sqrt(6) + 3) ELSE 2 / (2 + 3.0) END) < 1e-15), 'similarity by hand') FROM item_similarity($$SELECT * FROM (VALUES (1, 'tea'), (1, 'milk'), (2, 'tea'), (2, 'milk'), (3, 'milk'), (1, 'cake'), (2, 'cake')) AS v$$);

-- square is n by n, row by row; the solution of square x = side, by Gauss and Jordan with pivots
CREATE FUNCTION solved(square double precision[], side double precision[]) RETURNS double precision[] LANGUAGE plpgsql AS $$
DECLARE
	n integer := cardinality(side);
	p integer;
	f double precision;
	k double precision;
BEGIN
	FOR c IN 1..n LOOP
		p := c;
		FOR r IN c + 1..n LOOP
			IF abs(square[(r - 1) * n + c]) > abs(square[(p - 1) * n + c]) THEN p := r; END IF;
		END LOOP;
		FOR j IN 1..n LOOP
			k := square[(c - 1) * n + j]; square[(c - 1) * n + j] := square[(p - 1) * n + j]; square[(p - 1) * n + j] := k;
		END LOOP;
		k := side[c]; side[c] := side[p]; side[p] := k;
		FOR r IN 1..n LOOP
			CONTINUE WHEN r = c;
			f := square[(r - 1) * n + c] / square[(c - 1) * n + c];
			FOR j IN c..n LOOP
				square[(r - 1) * n + j] := square[(r - 1) * n + j] - f * square[(c - 1) * n + j];
			END LOOP;
			side[r] := side[r] - f * side[c];
		END LOOP;
	END LOOP;
	FOR c IN 1..n LOOP
		side[c] := side[c] / square[(c - 1) * n + c];
	END LOOP;
	RETURN side;
END $$;
SELECT is(solved('{2,1,1,1}', '{3,2}')::text, '{1,1}', 'two equations');

-- what the three rankings say to a basket, for as many items as there are
CREATE FUNCTION told_ease(seed integer, options jsonb, as_of date, event_weights jsonb)
RETURNS TABLE (item integer, other integer, b double precision) LANGUAGE SQL AS $$
	WITH cells AS MATERIALIZED (SELECT *, dense_rank() OVER (ORDER BY item) AS place FROM told_cells($1, $2, $3, $4, 180, COALESCE((options ->> 'min_customers')::integer, 5))), place AS (SELECT DISTINCT item, place FROM cells),
		gram AS (SELECT array_agg(COALESCE(g, 0) + CASE WHEN a.place = b.place THEN COALESCE((options ->> 'penalty')::double precision, 100) ELSE 0 END ORDER BY a.place, b.place) AS g
			FROM place AS a CROSS JOIN place AS b LEFT JOIN (SELECT x.place AS a, y.place AS b, sum(x.x * y.x) AS g FROM cells AS x JOIN cells AS y USING (customer) GROUP BY 1, 2) AS s ON s.a = a.place AND s.b = b.place),
		p AS MATERIALIZED (SELECT place, item, solved(g, (SELECT array_agg((p.place = o.place)::integer::double precision ORDER BY o.place) FROM place AS o)) AS v FROM gram, place AS p),
		w AS (SELECT a.item, b.item AS other, -b.v[a.place] / b.v[b.place] AS b FROM p AS a, p AS b WHERE a.item <> b.item)
	SELECT item, other, b FROM (SELECT *, row_number() OVER (PARTITION BY item ORDER BY abs(b) DESC, other) AS nth FROM w) AS w WHERE nth <= COALESCE((options ->> 'ease_neighbours')::integer, 100)
$$;
CREATE FUNCTION told_popularity(seed integer, options jsonb, as_of date, event_weights jsonb)
RETURNS TABLE (item integer, popularity double precision) LANGUAGE SQL AS $$
	SELECT item, sum(2 ^ ((day - COALESCE($3, (SELECT max(day) FROM line WHERE seed = $1))) / 90.0)) FROM (SELECT DISTINCT customer, item, day FROM told_rows($1, $2, $3, $4, 180)) AS r GROUP BY item HAVING count(DISTINCT customer) >= COALESCE((options ->> 'min_customers')::integer, 5)
$$;
CREATE FUNCTION differences(seed integer, options jsonb, as_of date, event_weights jsonb, OUT by_similar bigint, OUT by_ease bigint, OUT by_popular bigint, OUT found bigint) LANGUAGE SQL AS $$
	WITH m AS MATERIALIZED (SELECT recommender_fit(query_of($1), $2, $3, $4) AS m), popular AS MATERIALIZED (SELECT * FROM told_popularity($1, $2, $3, $4)), basket AS (SELECT unnest(ARRAY['{1}', '{2,5}', '{1,4,7,11}', '{12}', '{}']::text[])::integer[] AS basket),
		pairs AS MATERIALIZED (SELECT item, neighbour, similarity FROM (SELECT *, row_number() OVER (PARTITION BY item ORDER BY similarity DESC, neighbour::integer) AS nth FROM told_pairs($1, $2, $3, $4, 180, COALESCE(($2 ->> 'min_customers')::integer, 5), COALESCE(($2 ->> 'min_customers')::integer, 5))) AS p WHERE nth <= COALESCE(($2 ->> 'similar_neighbours')::integer, 50)),
		weights AS MATERIALIZED (SELECT * FROM told_ease($1, $2, $3, $4)),
		told AS (SELECT basket, item, popularity, 0.003 + 1e-7 * popularity + GREATEST(0, COALESCE((SELECT sum(similarity) FROM pairs WHERE pairs.item::integer = ANY (basket) AND neighbour::integer = p.item), 0)) AS by_similar,
			0.003 + 1e-7 * popularity + GREATEST(0, COALESCE((SELECT sum(b) FROM weights AS w WHERE w.item = ANY (basket) AND other = p.item), 0)) AS ease FROM basket, popular AS p WHERE p.item <> ALL (basket))
	SELECT (SELECT count(*) FROM (SELECT basket, o.item::integer, o.score FROM m, basket, recommend_items(m, basket::text[], 1000, 'similar') AS o) AS o FULL JOIN told AS t USING (basket, item) WHERE (abs(o.score - t.by_similar) < 1e-6) IS NOT TRUE),
		(SELECT count(*) FROM (SELECT basket, o.item::integer, o.score FROM m, basket, recommend_items(m, basket::text[], 1000, 'ease') AS o) AS o FULL JOIN told AS t USING (basket, item) WHERE (abs(o.score - t.ease) < 1e-6) IS NOT TRUE),
		(SELECT count(*) FROM (SELECT basket, o.item::integer, o.score FROM m, basket, recommend_items(m, basket::text[], 1000, 'popular') AS o) AS o FULL JOIN told AS t USING (basket, item) WHERE (apart(o.score, t.popularity) < 1e-12) IS NOT TRUE),
		(SELECT count(*) FROM told)
$$;
CREATE TABLE difference AS SELECT n, name, s, d.* FROM (SELECT n, name, options - 'half_life_days' || jsonb_strip_nulls(jsonb_build_object('half_life_days', options -> 'half_life_days', 'factors', 0)) AS options, as_of, event_weights FROM asked WHERE n IN (1, 2, 4, 5, 6, 7, 8)
	UNION ALL VALUES (21, 'few neighbours', '{"similar_neighbours": 2, "ease_neighbours": 3, "penalty": 2, "most_interest": 4, "factors": 0}'::jsonb, NULL::date, NULL::jsonb), (22, 'no decay, everybody', '{"half_life_days": 0, "min_customers": 1, "penalty": 0.5, "most_interest": 9, "factors": 0}', NULL, NULL)) AS a(n, name, options, as_of, event_weights),
	generate_series(1, 4) AS s, LATERAL differences(s, options, as_of, event_weights) AS d;
SELECT is(sum(by_similar), 0::numeric, format('scores by similarity: %s (%s)', name, sum(found))) FROM difference GROUP BY n, name ORDER BY n;
SELECT is(sum(by_ease), 0::numeric, format('scores by EASE: %s (%s)', name, sum(found))) FROM difference GROUP BY n, name ORDER BY n;
SELECT is(sum(by_popular), 0::numeric, format('popularity: %s (%s)', name, sum(found))) FROM difference GROUP BY n, name ORDER BY n;

-- --- factors ---------------------------------------------------------------------------------

-- a number as it is sent
CREATE FUNCTION float8_of(bytes bytea) RETURNS double precision LANGUAGE SQL AS $$
	SELECT CASE WHEN bits::bit(64)::bigint = 0 THEN 0 ELSE CASE WHEN substr(bits, 1, 1) = '1' THEN -1 ELSE 1 END * 2::double precision ^ (substr(bits, 2, 11)::bit(11)::integer - 1023) * (1 + substr(bits, 13)::bit(52)::bigint / 2::double precision ^ 52) END
	FROM CAST(('x' || encode(bytes, 'hex'))::bit(64) AS text) AS bits
$$;
-- the factors of items, which stand at the end of a recommender
CREATE FUNCTION factors_of(m recommender, k integer, items integer) RETURNS TABLE (item integer, f double precision[]) LANGUAGE SQL AS $$
	SELECT i, array_agg(float8_of(substr(b, length(b) - (items - i + 1) * k * 8 + (j - 1) * 8 + 1, 8)) ORDER BY j) FROM CAST(recommender_send(m) AS bytea) AS b, generate_series(1, items) AS i, generate_series(1, k) AS j GROUP BY i
$$;
-- a row's factors from its cells and those of the columns: weight 1 + confidence r everywhere
CREATE FUNCTION told_factors(columns double precision[], k integer, r double precision[], confidence double precision, penalty double precision) RETURNS double precision[] LANGUAGE SQL AS $$
	WITH c AS (SELECT n, 1 + confidence * r[n] AS w, (r[n] > 0)::integer AS p FROM generate_subscripts(r, 1) AS n)
	SELECT solved((SELECT array_agg(v ORDER BY a, b) FROM (SELECT a, b, sum(w * columns[n][a] * columns[n][b]) + CASE WHEN a = b THEN penalty ELSE 0 END AS v FROM c, generate_series(1, k) AS a, generate_series(1, k) AS b GROUP BY a, b) AS s),
		(SELECT array_agg(v ORDER BY a) FROM (SELECT a, sum(w * p * columns[n][a]) AS v FROM c, generate_series(1, k) AS a GROUP BY a) AS s))
$$;
CREATE TABLE tiny AS SELECT c AS customer, i AS item, 1 + c * i % 2 AS weight, date '2025-01-01' AS day FROM generate_series(1, 24) AS c, generate_series(1, 7) AS i WHERE c % 3 = i % 3 OR (c * 5 + i * 3) % 11 = 0;
CREATE TABLE tiny_cell AS SELECT c AS customer, i AS item, COALESCE(weight, 0)::double precision AS r FROM generate_series(1, 24) AS c CROSS JOIN generate_series(1, 7) AS i LEFT JOIN tiny ON customer = c AND item = i;
CREATE TABLE fixed AS SELECT k, m, confidence, penalty FROM (VALUES (1, 20, 5), (2, 20, 5), (3, 7, 0.5), (5, 20, 2)) AS v(k, confidence, penalty),
	LATERAL (SELECT recommender_fit('TABLE tiny', jsonb_build_object('factors', k, 'confidence', confidence, 'factor_penalty', penalty, 'iterations', 1000, 'most_interest', 2, 'min_customers', 1)) AS m) AS m;
CREATE TABLE of_items AS SELECT k, confidence, penalty, (SELECT array_agg(i.f ORDER BY i.item) FROM factors_of(m, k, 7) AS i) AS f FROM fixed;
CREATE TABLE of_customers AS SELECT k, array_agg(x ORDER BY customer) AS x FROM (SELECT k, customer, told_factors(f, k, array_agg(r ORDER BY item), confidence::double precision, penalty::double precision) AS x FROM of_items, tiny_cell GROUP BY k, f, confidence, penalty, customer) AS s GROUP BY k;
SELECT ok(max(abs(a - b)) < 1e-6, format('%s factors of items are solved by those of customers, and those by them (%s)', k, max(abs(a - b))))
FROM (SELECT k, f, item, told_factors(x, k, array_agg(r ORDER BY customer), confidence::double precision, penalty::double precision) AS again FROM of_items JOIN of_customers USING (k), tiny_cell GROUP BY k, f, x, confidence, penalty, item) AS s, LATERAL (SELECT a, again[j] AS b FROM (SELECT j, f[item][j] AS a FROM generate_series(1, k) AS j) AS l) AS d GROUP BY k ORDER BY k;
SELECT ok(max(abs(o.score - 0.003 - 1e-7 * 24 - GREATEST(0, s))) < 1e-5, format('%s factors of a basket are solved by it', k)) FROM of_items JOIN (SELECT k, m FROM fixed) AS m USING (k), unnest(ARRAY['{1}', '{2,3}', '{1,4,7,5}']::text[]) AS b,
	LATERAL (SELECT told_factors(f, k, (SELECT array_agg((i::text = ANY (b::text[]))::integer::double precision ORDER BY i) FROM generate_series(1, 7) AS i), confidence::double precision, penalty::double precision) AS x) AS x,
	recommend_items(m, b::text[], 10, 'factors', false) AS o, LATERAL (SELECT sum(f[o.item::integer][j] * x[j]) AS s FROM generate_series(1, k) AS j) AS s GROUP BY k ORDER BY k;
