--
-- recommender: similarity, EASE and factors against plain SQL and dense oracles
--
\set QUIET on
SET client_min_messages = warning;
SET search_path = public, tiering, pg_catalog;
-- it takes longer to compile these queries than to run them
SET jit = off;
SELECT plan(338);

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

CREATE FUNCTION fitted(query text, options text DEFAULT NULL, as_of date DEFAULT NULL, event_weights text DEFAULT NULL) RETURNS bytea LANGUAGE SQL AS $$ SELECT recommender_send(recommender_fit($1, $2::jsonb, $3, $4::jsonb)) $$;
CREATE FUNCTION recommended(m recommender, basket text[], ranking text DEFAULT 'similar', only_new boolean DEFAULT true, n integer DEFAULT 1000, places integer DEFAULT 9) RETURNS text LANGUAGE SQL AS $$
	SELECT string_agg(format('%s:%s', item, round(score::numeric, places)), ' ' ORDER BY rank) FROM recommend_items($1, $2, $5, $3, $4) $$;
-- what does not depend on the start of the factors: one of them, solved to the end
SELECT is(count(DISTINCT recommended(m, b::text[], 'factors', false, 10, 6)), 1::bigint, format('one factor of %s is the same from any start', b)) FROM (SELECT recommender_fit('SELECT c, i, current_date AS day FROM generate_series(1, 24) AS c, generate_series(1, 7) AS i WHERE i <= c % 7 + 1', format('{"factors": 1, "iterations": 1000, "min_customers": 1, "seed": %s}', s)::jsonb) AS m FROM unnest('{0,1,2,3,2147483647}'::integer[]) AS s) AS m, unnest('{"{1}","{2,5}"}'::text[]) AS b GROUP BY b;
SELECT isnt(fitted('TABLE sold', '{"seed": 1}'), fitted('TABLE sold', '{"seed": 2}'), 'another seed is another start');
-- format, hash, and the rest up to the factors
SELECT is(substr(a, 34, length(a) - 33 - 30 * 32 * 8), substr(b, 34, length(b) - 33 - 30 * 32 * 8), '-- of the factors alone') FROM (SELECT fitted('TABLE sold', '{"seed": 1}') AS a, fitted('TABLE sold', '{"seed": 2}') AS b) AS s;
SELECT is(fitted('TABLE sold', '{"factors": 0, "seed": 1}'), fitted('TABLE sold', '{"factors": 0, "seed": 2}'), '-- and nothing without them');

-- 60 customers of two kinds, each with 6 of the 10 items of its kind
CREATE TABLE kind AS SELECT c AS customer, chr(64 + c % 2 * 10 + i) AS item, date '2025-01-01' + c AS day FROM generate_series(1, 60) AS c, generate_series(1, 10) AS i WHERE (c / 2 + i * i) % 5 < 3;
SELECT ok(bool_and((o.item < 'K') = (b < 'K') AND o.rank <= 7), format('what goes with items of one kind is of that kind, by %s', r)) FROM (SELECT recommender_fit('TABLE kind', '{"penalty": 1, "factors": 2, "min_customers": 1}') AS m) AS m, unnest('{similar,ease,factors}'::text[]) AS r, (SELECT DISTINCT item FROM kind) AS k(b), recommend_items(m, ARRAY[b], 3, r) AS o GROUP BY r ORDER BY r;

-- --- what counts ----------------------------------------------------------------------------------

CREATE TABLE five AS SELECT * FROM (VALUES (1, 'tea', date '2025-01-01'), (1, 'milk', '2025-01-01'), (1, 'cake', '2025-01-03'), (2, 'tea', '2025-01-02'), (2, 'milk', '2025-01-02'), (3, 'tea', '2025-01-03'), (3, 'milk', '2025-01-03'), (3, 'cake', '2025-01-03'), (4, 'tea', '2025-01-04'), (5, 'tea', '2025-01-04'), (5, 'cake', '2025-01-05')) AS v(customer, item, day);
CREATE TABLE small AS SELECT recommender_fit('TABLE five', '{"min_customers": 1, "half_life_days": 0, "factors": 2}') AS m;
SELECT is((SELECT string_agg(item, ' ' ORDER BY score DESC) FROM recommend_items(m, '{}')), 'tea cake milk', 'an empty basket gets what is popular') FROM small;
SELECT is(recommended(m, '{}', r), recommended(m, '{}', 'similar'), '-- by any ranking: ' || r) FROM small, unnest('{ease,factors}'::text[]) AS r;
SELECT is(recommended(m, '{milk}', r), (SELECT string_agg(item || ':' || round(sum, 9), ' ' ORDER BY sum DESC) FROM (SELECT item, sum(2 ^ ((day - date '2025-01-05') / 90.0)) FROM five WHERE item <> 'milk' GROUP BY item) AS s), 'popularity by hand') FROM small, unnest('{popular}'::text[]) AS r;
SELECT ok(apart(score, 3 / (sqrt(15.0) + 3) + 0.003 + 1e-7 * (SELECT sum(2 ^ ((day - date '2025-01-05') / 90.0)) FROM five AS f WHERE f.item = o.item)) < 1e-7, 'similarity to a basket by hand: ' || o.item) FROM small, recommend_items(m, '{tea}') AS o;
SELECT is((SELECT string_agg(item, ' ' ORDER BY rank) FROM recommend_items(m, '{cake}', 3, 'buy_again', false)), 'cake tea milk', 'what he has comes first to buy again') FROM small;
SELECT is((SELECT string_agg(item, ' ' ORDER BY rank) FROM recommend_items(m, '{cake}', 3, 'buy_again')), 'tea milk', '-- unless only new items are wanted') FROM small;
SELECT is(recommended(m, '{cake}', 'popular_in_group'), recommended(m, '{cake}', 'popular'), 'a basket has no group') FROM small;
SELECT is((SELECT string_agg(rank || item, ' ' ORDER BY rank) FROM recommend_items(m, '{}', 2)), '1tea 2cake', 'n of them') FROM small;
SELECT is((SELECT count(*) FROM recommend_items(m, '{tea,milk,cake}', 10, r)), 0::bigint, 'there is nothing new to one who has all: ' || r) FROM small, unnest('{popular,buy_again,similar,factors,ease}'::text[]) AS r;
SELECT is((SELECT count(*) FROM recommend_items(m, '{tea,milk,cake}', 10, r, false)), 3::bigint, '-- but what he has, ' || r) FROM small, unnest('{popular,buy_again,similar,factors,ease}'::text[]) AS r;
SELECT is(recommended(m, b::text[], r, f), recommended(m, '{tea,milk}', r, f), format('%s is tea and milk (%s)', b, r)) FROM small, unnest(ARRAY['{milk,tea}', '{tea,none,milk}', '{tea,NULL,milk}', '{tea,milk,tea,tea}', '{{tea,milk},{none,NULL}}', '[5:6]={tea,milk}']) AS b, (VALUES ('similar', false), ('ease', true), ('factors', false)) AS r(r, f);
SELECT is((SELECT count(*) FROM recommend_items(NULL, '{tea}')) + (SELECT count(*) FROM recommend_items(m, NULL)) + (SELECT count(*) FROM recommend_items(m, '{tea}', NULL)) + (SELECT count(*) FROM recommend_items(m, '{tea}', 1, NULL)) + (SELECT count(*) FROM recommend_items(m, '{tea}', 1, 'ease', NULL)), 0::bigint, 'nothing of NULL') FROM small;
SELECT ok(ease_is_installed(), 'EASE is installed');

SELECT is(fitted('TABLE five UNION ALL SELECT NULL, ''tea'', ''2025-01-01'' UNION ALL SELECT 9, NULL, ''2026-01-01'' UNION ALL SELECT 9, ''tea'', NULL UNION ALL SELECT 9, ''ham'', ''infinity'' UNION ALL SELECT 9, ''ham'', ''-infinity'''), fitted('TABLE five'), 'rows without customer, item or day do not count');
SELECT is(fitted('SELECT *, 1.0 AS weight FROM five UNION ALL SELECT 9, ''ham'', ''2026-01-01'', NULL UNION ALL SELECT 9, ''ham'', ''2026-01-01'', 0'), fitted('TABLE five'), '-- nor those of no weight');
SELECT is(fitted('TABLE five UNION ALL SELECT 9, ''ham'', ''2025-01-06''', NULL, '2025-01-05'), fitted('TABLE five'), '-- nor later ones');
SELECT is(fitted('TABLE five', NULL, '2025-01-05'), fitted('TABLE five'), 'as_of is the newest day');
SELECT is(fitted('SELECT customer, item, day + time ''23:59:59'' AS day FROM five'), fitted('TABLE five'), 'days of timestamps');
SELECT is(fitted('SELECT customer, item, day AS day, ''buy'' AS event FROM five'), fitted('TABLE five'), 'events weigh alike');
SELECT is(fitted('SELECT *, CASE WHEN item = ''tea'' THEN ''look'' ELSE ''buy'' END AS event FROM five UNION ALL SELECT 9, ''ham'', ''2025-06-06'', ''back''', '{"most_interest": 3}', NULL, '{"look": 0.25, "buy": 2, "back": 0}'), fitted('SELECT *, CASE WHEN item = ''tea'' THEN 0.25 ELSE 2 END AS weight FROM five', '{"most_interest": 3}'), 'events weigh what they are given');
SELECT is(fitted('SELECT *, CASE WHEN item = ''tea'' THEN ''look'' END AS event, 2 AS weight FROM five', '{"most_interest": 3}', NULL, '{"look": 0.25}'), fitted('SELECT *, CASE WHEN item = ''tea'' THEN 0.5 ELSE 2 END AS weight FROM five', '{"most_interest": 3}'), '-- times their rows'' weights; no event is one of weight 1');
SELECT is(fitted(format('SELECT customer, item, day, 2::%s AS weight FROM five', t), '{"most_interest": 3}'), fitted('SELECT *, 2.0 AS weight FROM five', '{"most_interest": 3}'), 'weights of type ' || t) FROM unnest('{smallint,integer,bigint,real,double precision,numeric}'::text[]) AS t;
SELECT is(fitted('SELECT customer, item, day, 0.25 AS weight FROM five, generate_series(1, 8)', '{"most_interest": 1.75}'), fitted('SELECT *, 5 AS weight FROM five', '{"most_interest": 1.75}'), 'rows add up, to most_interest at most');
SELECT is(recommended(recommender_fit('SELECT item AS weight, customer AS "group", day FROM (SELECT item AS customer, customer AS item, day FROM five) AS s', '{"min_customers": 1, "half_life_days": 0, "factors": 2}'), '{tea}', 'ease'), recommended(m, '{tea}', 'ease'), 'the first two columns are told by their places') FROM small;

-- a is bought by 5, b by 4 of them and once more by one, c by 6
CREATE TABLE rare AS SELECT c AS customer, i AS item, date '2025-01-01' AS day FROM generate_series(1, 6) AS c, unnest('{a,b,c}'::text[]) AS i WHERE i = 'c' OR i = 'a' AND c > 1 OR i = 'b' AND c > 2 UNION ALL SELECT 3, 'b', '2025-01-02';
SELECT is((SELECT string_agg(item, ' ' ORDER BY item) FROM recommend_items(m, basket, 10, r, false)), 'a c', format('what few bought is left out of everything: %s of %s', r, basket))
FROM (SELECT recommender_fit('TABLE rare', '{"factors": 2, "penalty": 1}') AS m) AS m, (VALUES ('popular', '{}'::text[]), ('popular', '{b}'), ('buy_again', '{b}'), ('similar', '{b,a}'), ('ease', '{b}'), ('factors', '{b}')) AS v(r, basket);
SELECT is(recommended(m, '{b,c}', r), recommended(o, '{c}', r), '-- as if it were not there, by ' || r) FROM (SELECT recommender_fit('TABLE rare', '{"factors": 0, "penalty": 1}', '2025-01-02') AS m, recommender_fit('SELECT * FROM rare WHERE item <> ''b''', '{"factors": 0, "penalty": 1}', '2025-01-02') AS o) AS m, unnest('{popular,similar,ease}'::text[]) AS r;
SELECT is((SELECT string_agg(item, ' ' ORDER BY item) FROM recommend_items(recommender_fit('TABLE rare', '{"min_customers": 7}'), '{a}', 10, 'similar', false)), NULL, 'nobody bought enough of anything');

SELECT is(fitted('SELECT 1, 2, current_date AS day WHERE false'), NULL, 'no rows, no recommender');
SELECT is(fitted('SELECT NULL::integer, 2, current_date AS day'), NULL, '-- nor from rows without customers');
SELECT is(fitted('TABLE five', NULL, '2024-12-31'), NULL, '-- nor from later ones');
SELECT is((SELECT count(*) FROM item_similarity(q)), 0::bigint, 'no pairs: ' || q) FROM unnest(ARRAY['SELECT 1, 2 WHERE false', 'SELECT 1, NULL::text', 'SELECT 1, 2', 'SELECT c, c FROM generate_series(1, 9) AS c']) AS q;
SELECT is((SELECT count(*) FROM item_similarity('TABLE five', NULL, '2024-12-31')), 0::bigint, 'no pairs of later rows');
SELECT is((SELECT count(*) FROM item_similarity('SELECT 1, i FROM generate_series(1, 30) AS i')), 870::bigint, 'all pairs of one customer');
SELECT is((SELECT string_agg(item, ' ') FROM recommend_items(m, '{7}', 10, r, f)), CASE WHEN f THEN NULL ELSE '7' END, format('one item, %s', r)) FROM (SELECT recommender_fit('SELECT c, 7, current_date AS day FROM generate_series(1, 5) AS c') AS m) AS m, unnest('{popular,buy_again,similar,factors,ease}'::text[]) AS r, unnest('{f,t}'::boolean[]) AS f;
SELECT is((SELECT count(*) FILTER (WHERE score BETWEEN 0 AND 2) FROM recommend_items(m, '{7}', 10, r)), 8::bigint, format('one customer, %s', r)) FROM (SELECT recommender_fit('SELECT 1, i, current_date AS day FROM generate_series(1, 9) AS i', '{"min_customers": 1}') AS m) AS m, unnest('{popular,buy_again,similar,factors,ease}'::text[]) AS r;
SELECT is((SELECT count(*) FROM recommend_items(recommender_fit('SELECT c, i, current_date AS day FROM generate_series(1, 5) AS c, generate_series(1, 300) AS i', '{"factors": 4}'), '{}', 1000)), 100::bigint, 'candidates are the best 100');
SELECT is((SELECT count(*) FROM recommend_items(recommender_fit('SELECT c, i, current_date AS day FROM generate_series(1, 5) AS c, generate_series(1, 300) AS i', '{"factors": 0, "ease_neighbours": 0, "similar_neighbours": 0}'), ARRAY(SELECT i::text FROM generate_series(101, 220) AS i), 1000, 'similar', false)), 220::bigint, '-- and the basket');
SELECT is(recommended(m, '{1}', r), recommended(m, '{}', 'similar'), 'a recommender of popularity alone, ' || r) FROM (SELECT recommender_fit('SELECT 0, 1, date ''2025-01-01'' AS day UNION ALL SELECT c, 1 + i, ''2025-01-01'' FROM generate_series(1, 9) AS c, generate_series(1, 9) AS i WHERE i < c', '{"ease_neighbours": 0, "similar_neighbours": 0, "factors": 0, "min_customers": 2}') AS m) AS m, unnest('{similar,factors,ease}'::text[]) AS r;
SELECT ok(bool_and(abs(score - 0.003) < 1e-15), 'old purchases are worth nothing: ' || r) FROM (SELECT recommender_fit('TABLE five', '{"min_customers": 1, "half_life_days": 0.5, "factors": 2}', '5874897-01-01') AS m) AS m, unnest('{similar,ease}'::text[]) AS r, recommend_items(m, '{tea}', 10, r) AS o GROUP BY r;

-- --- types, and the order of rows -------------------------------------------------------------------

CREATE FUNCTION casted(i integer, type text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
	EXECUTE format('SELECT (%s)::text', type) INTO r USING i;
	RETURN r;
END $$;
SELECT is((SELECT string_agg(item || round(score::numeric, 6), ' ' ORDER BY item) FROM (SELECT recommender_fit(format('SELECT %s, %s, weight, day FROM sold', replace(type, '$1', 'customer'), replace(type, '$1', 'item')), '{"factors": 0}') AS m) AS m, recommend_items(m, ARRAY[casted(3, type), casted(14, type)], 1000, r) AS o),
	(SELECT string_agg(casted(item::integer, type) || round(score::numeric, 6), ' ' ORDER BY casted(item::integer, type)) FROM (SELECT recommender_fit('TABLE sold', '{"factors": 0}') AS m) AS m, recommend_items(m, '{3,14}', 1000, r) AS o), format('ids as %s, %s', type, r))
FROM unnest(ARRAY['$1', '$1::bigint * 10000000000', '$1::text', 'md5($1::text)::uuid', 'date ''2020-01-01'' + $1', 'ARRAY[$1, NULL]', '$1 / 3.0::float8', '($1 || ''é"\ '')::varchar', '$1::numeric', '$1 * interval ''1 day''']) AS type, unnest('{similar,ease}'::text[]) AS r;
CREATE TABLE mixed AS SELECT customer, item, weight * 0.1 AS weight, day - n * 7 AS day, (ARRAY['n', 's', 'w'])[1 + customer % 3] AS "group" FROM sold, generate_series(0, 2) AS n;
SELECT is(fitted(format('SELECT * FROM mixed ORDER BY md5(customer || ''/'' || item || day || %s)', n), '{"most_interest": 5}'), fitted('TABLE mixed', '{"most_interest": 5}'), 'the same bytes in any order of rows, ' || n) FROM generate_series(1, 4) AS n;
SELECT is(fitted(format('SELECT c, i::%s, current_date AS day FROM (VALUES (1, %L), (2, %L), (3, %L), (3, %L)) AS v(c, i) ORDER BY length(i) DESC, i DESC', t, a, b, c, a), '{"min_customers": 1}'), fitted(format('SELECT c, i::%s, current_date AS day FROM (VALUES (1, %L), (2, %L), (3, %L), (3, %L)) AS v(c, i) ORDER BY length(i), i', t, a, b, c, a), '{"min_customers": 1}'), '-- of ids that are equal but written differently, ' || t)
FROM (VALUES ('numeric', '1.0', '1.00', '2'), ('float8', '0', '-0', '2'), ('interval', '1 day', '24 hours', '2 days')) AS v(t, a, b, c);
SELECT is((SELECT array_agg(o)::text FROM item_similarity('SELECT customer, item, weight, day FROM mixed ORDER BY md5(customer || ''/'' || item || day)', '{"most_interest": 5}') AS o), (SELECT array_agg(o)::text FROM item_similarity('SELECT customer, item, weight, day FROM mixed', '{"most_interest": 5}') AS o), '-- and the same pairs');
SELECT is(fitted('SELECT * FROM mixed UNION ALL SELECT customer, item, 1, day, ''z'' FROM mixed WHERE item = 3 ORDER BY 5 DESC'), fitted('SELECT * FROM mixed UNION ALL SELECT customer, item, 1, day, ''z'' FROM mixed WHERE item = 3 ORDER BY 5'), '-- and of two groups of a customer the first');
SELECT is(recommended(recommender_fit('TABLE mixed'), '{3,14}', r), recommended(recommender_fit('SELECT customer, item, weight, day FROM mixed'), '{3,14}', r), 'groups change nothing for a basket, ' || r) FROM unnest('{similar,factors,ease}'::text[]) AS r;

-- --- kept, and sent ---------------------------------------------------------------------------------

SELECT is(recommender_send(m::text::recommender), recommender_send(m), 'as text and back') FROM model;
CREATE TABLE kept (n integer, m recommender);
INSERT INTO kept SELECT 1, m FROM model UNION ALL SELECT 2, m FROM small UNION ALL SELECT 3, recommender_fit('TABLE mixed') UNION ALL SELECT 4, recommender_fit('TABLE kind') UNION ALL SELECT 5, NULL;
CREATE TABLE read (LIKE kept);
-- the file that COPY writes and reads
SELECT folder || 'check_recommender' AS file FROM CAST(current_setting('data_directory') || '/' AS text) AS folder \gset
COPY kept TO :'file' WITH (FORMAT binary);
COPY read FROM :'file' WITH (FORMAT binary);
SELECT is((SELECT array_agg(recommender_send(m) ORDER BY n) FROM read), (SELECT array_agg(recommender_send(m) ORDER BY n) FROM kept), 'through COPY in binary');
SELECT is(recommended(r.m, '{3,14}', x), recommended(k.m, '{3,14}', x), 'a stored one says the same: ' || x) FROM read AS r, model AS k, unnest('{similar,ease,factors}'::text[]) AS x WHERE r.n = 1;
TRUNCATE read;
COPY kept TO :'file';
COPY read FROM :'file';
SELECT is((SELECT array_agg(recommender_send(m) ORDER BY n) FROM read), (SELECT array_agg(recommender_send(m) ORDER BY n) FROM kept), 'through COPY as text, as a dump does');
SELECT is(string_agg(recommended(r.m, '{tea,3,C}', x), ' ' ORDER BY r.n, x), string_agg(recommended(k.m, '{tea,3,C}', x), ' ' ORDER BY r.n, x), 'several in one statement, more than a session keeps') FROM read AS r JOIN kept AS k USING (n), unnest('{similar,ease,factors}'::text[]) AS x;
SELECT is(attstorage::text, 'e', 'kept as it is, not compressed') FROM pg_attribute WHERE attrelid = 'kept'::regclass AND attname = 'm';

-- --- damaged -----------------------------------------------------------------------------------------

-- what comes of a text: the code of an error, or it can be used
CREATE FUNCTION tried(t text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	m recommender;
BEGIN
	BEGIN
		m := t;
	EXCEPTION WHEN OTHERS THEN
		RETURN SQLSTATE;
	END;
	IF get_byte(recommender_send(m), 65) = 1 THEN
		PERFORM o.score FROM unnest('{popular,popular_in_group,buy_again,similar,factors,ease}'::text[]) AS x, recommend_items(m, '{tea,b,2,C}', 10, x, false) AS o;
	END IF;
	PERFORM o.score FROM unnest('{popular,popular_in_group,buy_again,similar,factors,ease}'::text[]) AS x, recommend_numbered(m, '{99,109,1,130}', NULL, NULL, '0', NULL, x, 10, false, '{2}', '{99}', 2, 0.3) AS o;
	RETURN 'read';
END $$;
CREATE FUNCTION base64(b bytea) RETURNS text LANGUAGE SQL AS $$ SELECT replace(encode($1, 'base64'), E'\n', '') $$;
-- with the hash that belongs to it, so that what stands behind is read
CREATE FUNCTION signed(b bytea) RETURNS bytea LANGUAGE SQL AS $$ SELECT CASE WHEN length(b) > 33 THEN substr(b, 1, 1) || sha256(substr(b, 34)) || substr(b, 34) ELSE b END $$;
SELECT setseed(0.5);
CREATE TABLE victim AS SELECT n, recommender_send(m) AS b FROM kept WHERE n IN (2, 4) UNION ALL SELECT 5, fitted('SELECT *, customer % 2 AS "group" FROM five', '{"min_customers": 1, "factors": 3}')
	UNION ALL SELECT 6, recommender_send(recommender_fit('SELECT customer, ascii(item) AS item, day FROM five', '{"min_customers": 1, "factors": 2}', numbered_items => 130, categories => array_fill(2, ARRAY[120])));
SELECT is(base64(b), m::text, 'the text is base64 of the bytes') FROM victim JOIN kept USING (n) WHERE m IS NOT NULL;
SELECT is(tried(base64(signed(b))), 'read', 'the hash is of what stands behind it') FROM victim;
SELECT is(tried(base64(substr(b, 1, l))), '22P03', format('cut off after %s bytes', l)) FROM victim, unnest('{0,1,32,33,34,100}'::integer[]) AS l WHERE n = 2;
SELECT is(tried(base64(b || '\x00'::bytea)), '22P03', 'a byte too many') FROM victim WHERE n = 2;
SELECT is(tried(base64(signed(b || '\x00'::bytea))), '22P03', '-- with its hash') FROM victim WHERE n = 2;
SELECT is(tried(base64(set_byte(b, 0, 2))), '22P03', 'another format') FROM victim WHERE n = 2;
SELECT is(tried(t), '22P02', format('no base64: "%s"', t)) FROM unnest('{x,"====","AB!D","AAAAA"}'::text[]) AS t;
SELECT is(string_agg(DISTINCT tried(base64(set_byte(b, p, (get_byte(b, p) + 1 + floor(random() * 255)::integer) % 256))), ' '), '22P03', format('no damaged byte is overlooked, %s', n))
FROM victim, generate_series(1, 300) AS i, LATERAL (SELECT floor(random() * length(b))::integer + i * 0 AS p OFFSET 0) AS p GROUP BY n ORDER BY n;
SELECT is(string_agg(DISTINCT tried(overlay(t PLACING substr(a, 1 + (strpos(a, substr(t, p, 1)) + floor(random() * 63)::integer) % 64, 1) FROM p)), ' '), '22P03', format('no damaged character is, %s', n))
FROM victim, base64(b) AS t, CAST('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/' AS text) AS a, generate_series(1, 300) AS i, LATERAL (SELECT 1 + floor(random() * (length(t) - 4))::integer + i * 0 AS p OFFSET 0) AS p GROUP BY n ORDER BY n;
-- a byte, four in a row, a piece left out and one twice, each with the right hash: nothing in it is believed
CREATE TABLE forged AS SELECT n, i, kind, signed(CASE kind WHEN 'a byte' THEN set_byte(b, p, (ARRAY[0, 1, 127, 128, 255, floor(random() * 256)::integer])[ceil(random() * 6)]) WHEN 'four bytes' THEN overlay(b PLACING (ARRAY['\x7fffffff', '\x80000000', '\xffffffff', '\x00000000', '\x7ff80000', '\x7ff00000', '\x00000001']::bytea[])[ceil(random() * 7)] FROM p + 1)
	WHEN 'a piece left out' THEN substr(b, 1, p) || substr(b, p + 1 + ceil(random() * 16)::integer) ELSE substr(b, 1, p) || substr(b, GREATEST(1, p - 16)) END) AS b
FROM victim, generate_series(1, 500) AS i, unnest('{a byte,four bytes,a piece left out,a piece twice}'::text[]) AS kind, LATERAL (SELECT 33 + floor(random() ^ 2 * (length(b) - 38))::integer + i * 0 + length(kind) * 0 AS p OFFSET 0) AS p;
CREATE TABLE outcome AS SELECT kind, tried(base64(b)) AS code, count(*) FROM forged GROUP BY 1, 2;
SELECT diag(string_agg(format('%s: %s %s', kind, count, code), ', ' ORDER BY kind, code)) FROM outcome;
SELECT ok(bool_and(code IN ('read', '22P03', '08P01')) AND bool_or(code = '22P03'), 'what is forged is read or refused: ' || kind) FROM outcome GROUP BY kind ORDER BY kind;
-- the same through the binary input
CREATE TABLE one (m recommender);
CREATE FUNCTION received(b bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	file text := current_setting('data_directory') || '/check_recommender';
	object oid := lo_from_bytea(0, '\x5047434f50590aff0d0a00'::bytea || int4send(0) || int4send(0) || int2send(1::smallint) || int4send(length(b)) || b || '\xffff'::bytea);
BEGIN
	PERFORM lo_export(object, file), lo_unlink(object);
	EXECUTE format('COPY one FROM %L WITH (FORMAT binary)', file);
	RETURN 'read';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT is(received(b), 'read', 'binary input') FROM victim WHERE n = 2;
SELECT is(string_agg(DISTINCT received(set_byte(b, p, (get_byte(b, p) + 1 + floor(random() * 255)::integer) % 256)), ' '), '22P03', 'no damaged byte is overlooked in binary') FROM victim, generate_series(1, 100) AS i, LATERAL (SELECT floor(random() * length(b))::integer + i * 0 AS p OFFSET 0) AS p WHERE n = 2;
SELECT ok(bool_and(received(b) IN ('read', '22P03', '08P01')), 'what is forged is read or refused in binary') FROM forged WHERE n = 5 AND i <= 40;

-- --- refused ------------------------------------------------------------------------------------------

-- code, message and hint of an error
CREATE FUNCTION refused(statement text, OUT code text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;
CREATE TABLE refusal (n serial, statement text, code text, message text);
-- @ is a day
INSERT INTO refusal (statement, code, message)
SELECT format('SELECT recommender_fit(%s)', replace(a, '@', ', current_date AS day')), c, m FROM (VALUES
	('NULL', '22004', 'query must not be null'), ('$q$$q$', '22023', 'the query is not a SELECT'), ('$q$SELECT 1 AS day$q$', '22023', 'the query has 1 columns, not a customer and an item'), ('$q$SELECT 1, 2$q$', '22023', 'the query has no column "day"'),
	('$q$SELECT 1, 2@; SELECT 1, 2@$q$', '22023', 'the query has more than one statement'), ('$q$SELECT 1, 2@, 3 AS more$q$', '22023', 'column "more" of the query is not known'), ('$q$SELECT 1, point(1, 2)@$q$', '42883', 'item has type point, whose values cannot be hashed and ordered'),
	('$q$SELECT json ''1'', 2@$q$', '42883', 'customer has type json, whose values cannot be hashed and ordered'), ('$q$SELECT 1, 2@, json ''1'' AS "group"$q$', '42883', 'group has type json, whose values cannot be hashed and ordered'),
	('$q$SELECT 1, 2, now() AS day$q$', '42804', 'column "day" of the query has type timestamp with time zone, not date or timestamp without time zone'), ('$q$SELECT 1, 2@, text ''1'' AS weight$q$', '42804', 'column "weight" of the query has type text, not a number'), ('$q$SELECT 1, 2@, 3 AS event$q$', '42804', 'column "event" of the query has type integer, not text'),
	('$q$SELECT 1, 2@, -0.5 AS weight$q$', '22023', 'weight -0.5 is not between 0 and 1e+06'), ('$q$SELECT 1, 2@, float8 ''NaN'' AS weight$q$', '22023', 'weight nan is not between 0 and 1e+06'), ('$q$SELECT 1, 2@, numeric ''NaN'' AS weight$q$', '22023', 'weight nan is not between 0 and 1e+06'),
	('$q$SELECT 1, 2@, float8 ''Infinity'' AS weight$q$', '22023', 'weight inf% is not between 0 and 1e+06'), ('$q$SELECT 1, 2@, 1e400 AS weight$q$', '22023', 'weight % is not between 0 and 1e+06'), ('$q$SELECT 1, 2@, 1000001 AS weight$q$', '22023', 'weight 1e+06 is not between 0 and 1e+06'),
	('$q$SELECT 1, 2@, text ''a'' AS event$q$, NULL, NULL, ''{"b": 1}''', '22023', 'event "a" has no weight'), ('$q$SELECT 1, 2@, text ''a'' AS event$q$, NULL, NULL, ''[1]''', '22023', 'event "a" has no weight'), ('$q$SELECT 1, 2@, text ''a'' AS event$q$, NULL, NULL, ''{"a": "1"}''', '22023', 'the weight of event "a" is not a number'),
	('$q$SELECT 1, 2@, text ''a'' AS event$q$, NULL, NULL, ''{"a": null}''', '22023', 'the weight of event "a" is not a number'), ('$q$SELECT 1, 2@, text ''a'' AS event$q$, NULL, NULL, ''{"a": -1}''', '22023', 'weight -1 is not between 0 and 1e+06'), ('$q$SELECT 1, 2@, 2 AS weight, text ''a'' AS event$q$, NULL, NULL, ''{"a": 1e400}''', '22023', 'weight % is not between 0 and 1e+06'),
	('$q$SELECT 1, 2@$q$, ''[1]''', '22023', 'options are no object'), ('$q$SELECT 1, 2@$q$, ''{"penalti": 1}''', '22023', 'option "penalti" is unknown'), ('$q$SELECT 1, 2@$q$, ''{"neighbours": 1}''', '22023', 'option "neighbours" is unknown'), ('$q$SELECT 1, 2@$q$, ''{"penalty": "1"}''', '22023', 'option "penalty" is no number from 1e-06 to 1000000000'),
	('$q$SELECT c, repeat(i, 1025)@ FROM generate_series(1, 5) AS c, unnest(''{a,b}''::text[]) AS i$q$', '54000', 'an id of an item or a group is longer than 1024 bytes'), ('$q$SELECT c, c % 2@, repeat(''ab'', 40000) AS "group" FROM generate_series(1, 5) AS c$q$, ''{"min_customers": 1}''', '54000', 'an id of an item or a group is longer than 1024 bytes'),
	('$q$SELECT 1, 2@$q$, numbered_items => 2147483647', '22023', 'numbered_items 2147483647 is not between 0 and 10000000'), ('$q$SELECT 1, 2@$q$, numbered_items => -1', '22023', 'numbered_items -1 is not between 0 and 10000000'),
	('$q$SELECT c, i@, 1e6 AS weight FROM generate_series(1, 60) AS c, generate_series(1, 30) AS i WHERE (c * 31 + i * 17) % 7 < 3$q$, ''{"penalty": 1e-6, "most_interest": 1e6, "factors": 0}''', '22003', 'EASE with penalty 1e-06 cannot be solved'),
	('$q$SELECT c, i@, 1e6 AS weight FROM generate_series(1, 60) AS c, generate_series(1, 30) AS i WHERE (c * 31 + i * 17) % 7 < 3$q$, ''{"factor_penalty": 1e-6, "confidence": 1e6, "most_interest": 1e6, "ease_neighbours": 0}''', '22003', 'factors with factor_penalty 1e-06 and confidence 1e+06 cannot be solved')) AS v(a, c, m);
INSERT INTO refusal (statement, code, message) SELECT format('SELECT recommender_fit(''TABLE five'', ''{"%s": %s}'')', o, x), '22023', format('option "%s" is no %%', o) FROM (VALUES ('half_life_days', '-1'), ('half_life_days', '36501'), ('horizon_days', '0'), ('horizon_days', '1.5'), ('most_interest', '0'), ('ease_neighbours', '-1'), ('penalty', '0'), ('similar_neighbours', '10001'), ('similar_neighbours', 'null'), ('shrinkage', '-0.1'),
	('factors', '257'), ('confidence', '0'), ('factor_penalty', '0'), ('iterations', '0'), ('iterations', '1001'), ('seed', '2147483648'), ('min_customers', '0'), ('max_memory_mb', '0'), ('max_memory_mb', '1e7'), ('penalty', 'true'), ('penalty', '[1]'), ('confidence', '1e400')) AS v(o, x);
INSERT INTO refusal (statement, code, message) SELECT format('SELECT * FROM item_similarity(%s)', a), c, m FROM (VALUES ('NULL', '22004', 'query must not be null'), ('''TABLE five'', ''{"factors": 1}''', '22023', 'option "factors" is unknown'), ('''TABLE five'', ''{"neighbours": 0}''', '22023', 'option "neighbours" is no whole number from 1 to 10000'), ('''SELECT 1, 2'', ''{"half_life_days": 1}''', '22023', 'the query has no column "day"'), ('''SELECT 1, 2'', NULL, ''2025-01-01''', '22023', 'the query has no column "day"')) AS v(a, c, m);
INSERT INTO refusal (statement, code, message) SELECT format('SELECT s.* FROM small, LATERAL recommend_items(m, ''{tea}'', %s) AS s', a), '22023', m FROM (VALUES ('0', 'n 0 is not between 1 and 1000'), ('1001', 'n 1001 is not between 1 and 1000'), ('-1', 'n -1 is not between 1 and 1000'), ('1, ''best''', 'ranking "best" is unknown'), ('1, ''''', 'ranking "" is unknown'), ('1, ''blend''', 'ranking "blend" is unknown')) AS v(a, m);
INSERT INTO refusal (statement, code, message) VALUES ('SELECT * FROM recommend_items(recommender_fit(''SELECT 1, 2, date ''''2025-01-01'''' AS day'', numbered_items => 2), ''{2}'')', '22023', 'the recommender knows its items by their numbers alone'), ('SELECT ''x''::recommender', '22P02', 'text of a recommender is not base64'), ('SELECT ''''::recommender', '22P03', 'recommender is damaged: it is too short');
INSERT INTO refusal (statement, code, message) SELECT format('SELECT recommender_fit(''SELECT c, i, current_date AS day FROM generate_series(1, %s) AS c, generate_series(1, %s) AS i'', ''%s'')', c, i, o), '54000', m FROM (VALUES (5, 400, '{"max_memory_mb": 1}', 'a recommender of 400 items needs 3 MB of memory, more than max_memory_mb 1'), (5, 600, '{"max_memory_mb": 2, "ease_neighbours": 1, "similar_neighbours": 0, "factors": 0}', 'EASE of 600 items needs 3 MB of memory, more than max_memory_mb 2'), (100, 1000, '{"max_memory_mb": 1}', 'reading the query needs % MB of memory, more than max_memory_mb 1'), (300, 100, '{"max_memory_mb": 2, "ease_neighbours": 0}', '% needs % MB of memory, more than max_memory_mb 2'),
	(700, 10, '{"max_memory_mb": 1, "ease_neighbours": 0, "factors": 256}', '256 factors needs 2 MB of memory, more than max_memory_mb 1')) AS v(c, i, o, m);
INSERT INTO refusal (statement, code, message) VALUES ('SELECT * FROM item_similarity(''SELECT c, i FROM generate_series(1, 100) AS c, generate_series(1, 1000) AS i'', ''{"max_memory_mb": 1}'')', '54000', 'reading the query needs % MB of memory, more than max_memory_mb 1');
CREATE TABLE told_no AS SELECT n, statement, r.code || ' ' || r.message AS have, refusal.code || ' ' || refusal.message AS wanted, r.message, r.hint FROM refusal, LATERAL refused(statement) AS r;
SELECT ok(have ILIKE wanted, format('refused: %s', COALESCE(have, statement))) FROM told_no ORDER BY n;
SELECT is((SELECT string_agg(statement, E'\n') FROM told_no WHERE NOT message ~ '^([^A-Z]|EASE )'), NULL, 'messages begin with a small letter');
SELECT is((SELECT string_agg(have, E'\n') FROM told_no WHERE hint = ''), NULL, '-- and each has a hint');
SELECT throws_ok(format('SELECT recommender_fit(%L)', q), '0A000', NULL, 'nothing but to read: ' || q) FROM unnest('{DELETE FROM five,CREATE TABLE two (),"SELECT 1, 2, current_date AS day; DELETE FROM five"}'::text[]) AS q;
SELECT throws_ok('SELECT recommender_fit(''SELECT 1 / (n - 500), 1, current_date AS day FROM generate_series(1, 1000) AS n'')', '22012', NULL, 'errors of the query are those of the call');
SELECT throws_ok('SELECT recommender_fit(''SELECT FROM nothing here'')', '42P01', NULL, '-- and its names');
SELECT is((SELECT count(*) FROM small, recommend_numbered(m, '{1}', NULL, NULL, NULL, NULL, NULL, 10, true, NULL, NULL, 0, 0)), 0::bigint, 'a ranking that is NULL ranks nothing');

-- --- who calls, and how ---------------------------------------------------------------------------------

CREATE ROLE check_guest;
GRANT USAGE ON SCHEMA tiering TO check_guest;
SET ROLE check_guest;
SELECT throws_ok($$SELECT recommender_fit('TABLE five')$$, '42501', 'permission denied for table five', 'the rights are those of who calls');
RESET ROLE;
DROP OWNED BY check_guest;
DROP ROLE check_guest;
SELECT is((SELECT string_agg(proname || ' ' || provolatile::text || proparallel::text, ', ' ORDER BY proname) FROM pg_proc WHERE proname IN ('recommender_fit', 'recommend_items', 'item_similarity')), 'item_similarity vu, recommend_items ss, recommender_fit vu', 'what may run in parallel workers');
CREATE TABLE basket AS SELECT n, ARRAY[(n % 30)::text, (n * 7 % 30)::text] AS b FROM generate_series(1, 3000) AS n;
ANALYZE basket;
CREATE TABLE told_alone AS SELECT n, r, (SELECT string_agg(item || score, ' ' ORDER BY rank) FROM recommend_items(m, b, 5, r)) AS says FROM basket, model, unnest('{similar,factors,ease}'::text[]) AS r;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET max_parallel_workers_per_gather = 2;
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN ' || query; END $$;
SELECT $$SELECT n, r, string_agg(item || score, ' ' ORDER BY rank) AS says FROM basket CROSS JOIN model CROSS JOIN unnest('{similar,factors,ease}'::text[]) AS r, recommend_items(m, b, 5, r) GROUP BY n, r$$ AS in_workers \gset
SELECT ok(bool_or(l LIKE '%Workers Planned%'), 'it is planned for workers') FROM plan_of(:'in_workers') AS l;
SELECT is((SELECT count(*) FROM (:in_workers) AS w JOIN told_alone USING (n, r) WHERE w.says = told_alone.says), 9000::bigint, '-- which say the same');
RESET max_parallel_workers_per_gather;

-- --- cancelled --------------------------------------------------------------------------------------------

CREATE TABLE wide AS SELECT c AS customer, i AS item, date '2025-01-01' AS day FROM generate_series(1, 3000) AS c, generate_series(1, 300) AS i WHERE random() < 0.7;
CREATE TABLE many_items AS SELECT c AS customer, i AS item, date '2025-01-01' AS day FROM generate_series(1, 5) AS c, generate_series(1, 3000) AS i;
CREATE TABLE shop AS SELECT recommender_fit('SELECT 1, ''item'' || i, current_date AS day FROM generate_series(1, 30000) AS i', '{"min_customers": 1, "factors": 0, "ease_neighbours": 0, "similar_neighbours": 0}') AS m;
VACUUM ANALYZE wide, many_items;
CREATE TABLE ended (name text, after integer, code text, ms double precision);
CREATE FUNCTION run(name text, statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	begun timestamptz := clock_timestamp();
	code text := 'done';
BEGIN
	BEGIN
		EXECUTE statement;
	EXCEPTION WHEN OTHERS OR query_canceled THEN
		code := SQLSTATE;
	END;
	INSERT INTO ended VALUES (name, extract(epoch FROM current_setting('statement_timeout')::interval) * 1000, code, extract(epoch FROM clock_timestamp() - begun) * 1000);
END $$;
CREATE TABLE long (n serial, name text, statement text);
INSERT INTO long (name, statement) VALUES
	('reading', $$SELECT recommender_fit('SELECT n % 100000, n % 1000, date ''2025-01-01'' AS day FROM generate_series(1, 20000000) AS n', '{"factors": 0, "ease_neighbours": 0, "similar_neighbours": 0}')$$),
	('similarity', $$SELECT recommender_fit('TABLE wide', '{"factors": 0, "ease_neighbours": 0, "similar_neighbours": 300, "min_customers": 1}') FROM generate_series(1, 100)$$),
	('item_similarity', $$SELECT count(*) FROM generate_series(1, 100) AS n, LATERAL (SELECT * FROM item_similarity('TABLE wide', jsonb_build_object('shrinkage', n))) AS s$$),
	('a fit of 64 factors', $$SELECT recommender_fit('TABLE wide', '{"factors": 64, "iterations": 1000, "ease_neighbours": 0, "similar_neighbours": 0}')$$),
	('a fit of 256 factors', $$SELECT recommender_fit('TABLE wide', '{"factors": 256, "iterations": 1000, "ease_neighbours": 0, "similar_neighbours": 0}')$$),
	('EASE of many purchases', $$SELECT recommender_fit('TABLE wide', '{"factors": 0, "similar_neighbours": 0}') FROM generate_series(1, 100)$$),
	('EASE of many items', $$SELECT recommender_fit('TABLE many_items', '{"factors": 0, "similar_neighbours": 0}') FROM generate_series(1, 10)$$);
SELECT 'SET statement_timeout = ' || after, format('SELECT run(%L, %L)', name, statement) FROM long, unnest('{20,200,1000}'::integer[]) AS after ORDER BY n, after \gexec
RESET statement_timeout;
SELECT diag(format('%s: %s', name, string_agg(format('%s after %s + %s ms', code, after, round(ms - after)), ', ' ORDER BY after))) FROM long JOIN ended USING (name) GROUP BY n, name ORDER BY n;
SELECT ok(bool_and(code = '57014' AND ms < after + 2000), name || ' can be cancelled') FROM long JOIN ended USING (name) GROUP BY n, name ORDER BY n;

SELECT * FROM finish();
