--
-- rules: what is bought together, against plain SQL and by hand
--
\set QUIET on
SET client_min_messages = warning;
SELECT plan(82);

-- --- against plain SQL --------------------------------------------------------------------

-- 60 baskets of up to 8 items, some of them liked more and some bought with others
CREATE TABLE line (seed integer, basket integer, item text);
DO $$
BEGIN
	FOR s IN 1..6 LOOP
		PERFORM setseed(s / 10.0);
		INSERT INTO line SELECT s, b, chr(96 + i) FROM generate_series(1, 60) AS b, generate_series(1, 8) AS i WHERE random() < 0.15 + 0.08 * (i % 4 + s % 2) + CASE WHEN b % 4 = i / 2 THEN 0.4 ELSE 0 END;
	END LOOP;
END $$;
CREATE TABLE bought AS SELECT seed, basket, array_agg(DISTINCT item) AS items FROM line GROUP BY seed, basket;
CREATE TABLE told AS
WITH RECURSIVE one AS (SELECT DISTINCT seed, item FROM line),
	sets AS (SELECT seed, ARRAY[item] AS items FROM one UNION ALL SELECT seed, items || item FROM sets JOIN one USING (seed) WHERE item > items[cardinality(items)] AND cardinality(items) < 4)
SELECT s.seed, s.items, count(b.basket) AS baskets FROM sets AS s LEFT JOIN bought AS b ON b.seed = s.seed AND b.items @> s.items GROUP BY 1, 2;
CREATE INDEX ON told (seed, items);
CREATE TABLE told_rule AS
SELECT t.seed, array_remove(t.items, c) AS antecedent, c AS consequent, t.baskets, a.baskets AS antecedent_baskets, f.baskets AS consequent_baskets, n.all::double precision
FROM told AS t, unnest(t.items) AS c, told AS a, told AS f, LATERAL (SELECT count(*) AS all FROM bought AS b WHERE b.seed = t.seed) AS n
WHERE cardinality(t.items) > 1 AND t.baskets > 0 AND a.seed = t.seed AND a.items = array_remove(t.items, c) AND f.seed = t.seed AND f.items = ARRAY[c];

CREATE FUNCTION told_rules(seed integer, support double precision, confidence double precision, length integer, lift double precision, fewest bigint, antecedents text[], consequents text[], unsaid boolean)
RETURNS SETOF told_rule LANGUAGE SQL AS $$
	SELECT * FROM told_rule AS r
	WHERE r.seed = $1 AND baskets >= ceil(round((support * r.all)::numeric, 9)) AND baskets >= fewest AND baskets::double precision / antecedent_baskets >= confidence AND cardinality(antecedent) < length
		AND round((baskets * r.all / antecedent_baskets / consequent_baskets)::numeric, 12) >= lift
		AND (antecedents IS NULL OR antecedent <@ antecedents) AND (consequents IS NULL OR consequent = ANY (consequents))
		AND NOT (unsaid AND EXISTS (SELECT FROM told_rule AS p WHERE p.seed = $1 AND p.consequent = r.consequent AND p.antecedent <@ r.antecedent AND p.antecedent <> r.antecedent
			AND p.baskets::double precision / p.antecedent_baskets >= r.baskets::double precision / r.antecedent_baskets))
$$;
CREATE FUNCTION query_of(seed integer) RETURNS text LANGUAGE SQL AS $$ SELECT format('SELECT basket, item FROM line WHERE seed = %s', seed) $$;
CREATE FUNCTION apart(a double precision, b double precision) RETURNS double precision LANGUAGE SQL AS $$ SELECT abs(a - b) / GREATEST(1, abs(b)) $$;

-- rules that are in one alone, or differ in a measure; and how many there are
CREATE FUNCTION differences(seed integer, support double precision, confidence double precision, length integer, lift double precision, fewest bigint, antecedents text[], consequents text[], unsaid boolean)
RETURNS TABLE (wrong bigint, found bigint) LANGUAGE SQL AS $$
	SELECT count(*) FILTER (WHERE o.consequent IS NULL OR t.consequent IS NULL
			OR (o.baskets, o.antecedent_baskets, o.consequent_baskets) <> (t.baskets, t.antecedent_baskets, t.consequent_baskets)
			OR apart(o.support, t.baskets / t.all) > 1e-12
			OR apart(o.confidence, t.baskets::double precision / t.antecedent_baskets) > 1e-12
			OR apart(o.lift, t.baskets::double precision / t.antecedent_baskets / (t.consequent_baskets / t.all)) > 1e-12
			OR apart(o.leverage, t.baskets / t.all - (t.antecedent_baskets / t.all) * (t.consequent_baskets / t.all)) > 1e-12
			OR (o.conviction IS NULL) <> (t.baskets = t.antecedent_baskets)
			OR apart(o.conviction, (1 - t.consequent_baskets / t.all) / NULLIF(1 - t.baskets::double precision / t.antecedent_baskets, 0)) > 1e-12
			OR apart(o.jaccard, t.baskets::double precision / (t.antecedent_baskets + t.consequent_baskets - t.baskets)) > 1e-12), count(o)
	FROM tiering.association_rules(query_of($1), $2, $3, $4, $5, $6, $7, $8, $9) AS o FULL JOIN told_rules($1, $2, $3, $4, $5, $6, $7, $8, $9) AS t ON o.antecedent = t.antecedent AND o.consequent = t.consequent
$$;
CREATE TABLE asked (n serial, support double precision, confidence double precision, length integer, lift double precision, fewest bigint, antecedents text[], consequents text[], unsaid boolean, name text);
INSERT INTO asked (support, confidence, length, lift, fewest, antecedents, consequents, unsaid, name) VALUES
	(0, 0, 2, 0, 1, NULL, NULL, false, 'all pairs'), (0, 0, 3, 0, 1, NULL, NULL, false, 'all triples'), (0, 0, 4, 0, 1, NULL, NULL, false, 'all rules of four items'),
	(0.1, 0, 4, 0, 1, NULL, NULL, false, 'frequent ones'), (0.2, 0.4, 4, 0, 1, NULL, NULL, false, 'confident ones'), (0.05, 0.1, 4, 1, 1, NULL, NULL, false, 'those with lift'),
	(0.05, 0.1, 4, 1.5, 7, NULL, NULL, false, 'those of so many baskets'), (0.05, 0, 4, 0, 1, '{a,b,c,e,none}', NULL, false, 'some antecedents'), (0.05, 0, 4, 0, 1, NULL, '{b,h,none}', false, 'some consequents'),
	(0.05, 0, 4, 0, 1, NULL, '{d}', false, 'one consequent'), (0.1, 0.2, 4, 0, 1, '{a,b,c}', '{c,d,e}', false, 'some of both'), (0.05, 0, 4, 0, 1, '{a}', '{b}', false, 'one of both'),
	(0, 0, 4, 0, 1, NULL, NULL, true, 'not redundant'), (0.1, 0.4, 4, 1.2, 1, NULL, NULL, true, 'not redundant, frequent and confident ones'), (0.05, 0, 4, 0, 1, '{a,c,d,h}', '{a,b}', true, 'not redundant, some of both'),
	(0, 0, 4, 0, 1, '{none}', NULL, false, 'no antecedent'), (0, 0, 4, 0, 1, NULL, '{}', false, 'no consequent');
SELECT is(sum(wrong), 0::numeric, format('%s are those of plain SQL (%s)', name, sum(found))) FROM asked, generate_series(1, 6) AS s, LATERAL differences(s, support, confidence, length, lift, fewest, antecedents, consequents, unsaid) GROUP BY n, name ORDER BY n;
SELECT ok(bool_and(o.nth = o.place), 'most confident first, then most frequent, then by items')
FROM (SELECT s, nth, row_number() OVER (PARTITION BY s ORDER BY confidence DESC, baskets DESC, antecedent, consequent) AS place FROM generate_series(1, 6) AS s, tiering.association_rules(query_of(s), 0, 0, 4) WITH ORDINALITY AS o(antecedent, consequent, baskets, ab, cb, support, confidence, lift, leverage, conviction, jaccard, nth)) AS o;
SELECT is(count(*) FILTER (WHERE o.items IS NULL OR t.items IS NULL OR o.baskets <> t.baskets OR o.support <> t.baskets / t.all), 0::bigint, format('sets of up to %s items in %s of baskets are those of plain SQL (%s)', l, f, count(*)))
FROM (VALUES (1, 0), (2, 0.1), (3, 0.05), (4, 0), (4, 0.25)) AS v(l, f), generate_series(1, 6) AS s, LATERAL (SELECT count(*)::double precision AS all FROM bought AS b WHERE b.seed = s) AS n,
	LATERAL (SELECT * FROM tiering.frequent_itemsets(query_of(s), f, l) AS o FULL JOIN (SELECT items, baskets FROM told WHERE seed = s AND cardinality(items) <= l AND baskets >= GREATEST(1, ceil(round((f * n.all)::numeric, 9)))) AS t USING (items)) AS j(items, baskets, support, told_baskets),
	LATERAL (SELECT CASE WHEN j.baskets IS NOT NULL THEN j.items END AS items, j.baskets, j.support) AS o, LATERAL (SELECT CASE WHEN told_baskets IS NOT NULL THEN j.items END AS items, told_baskets AS baskets, n.all) AS t GROUP BY l, f ORDER BY l, f;
SELECT ok(bool_and(o.nth = o.place), 'most frequent first, then by items')
FROM (SELECT s, nth, row_number() OVER (PARTITION BY s ORDER BY baskets DESC, items) AS place FROM generate_series(1, 6) AS s, tiering.frequent_itemsets(query_of(s), 0, 4) WITH ORDINALITY AS o(items, baskets, support, nth)) AS o;
SELECT is((SELECT array_agg(o ORDER BY nth)::text FROM tiering.association_rules('SELECT basket, item FROM line WHERE seed = 3 ORDER BY md5(basket || item || ' || n || ')', 0.05, 0, 4) WITH ORDINALITY AS o(antecedent, consequent, baskets, ab, cb, support, confidence, lift, leverage, conviction, jaccard, nth)),
	(SELECT array_agg(o ORDER BY nth)::text FROM tiering.association_rules(query_of(3), 0.05, 0, 4) WITH ORDINALITY AS o(antecedent, consequent, baskets, ab, cb, support, confidence, lift, leverage, conviction, jaccard, nth)), 'the order of rows does not matter, ' || n) FROM generate_series(1, 3) AS n;

-- --- by hand --------------------------------------------------------------------------------

-- five baskets: tea is in all, milk in three
CREATE TABLE five (basket integer, item text);
INSERT INTO five VALUES (1, 'tea'), (1, 'milk'), (1, 'cake'), (2, 'tea'), (2, 'milk'), (3, 'tea'), (3, 'milk'), (3, 'cake'), (4, 'tea'), (5, 'tea'), (5, 'cake');
SELECT results_eq($$SELECT antecedent::text, consequent, baskets, antecedent_baskets, consequent_baskets, support, round(confidence::numeric, 4), round(lift::numeric, 4), round(leverage::numeric, 4), round(conviction::numeric, 4), jaccard FROM tiering.association_rules('TABLE five', 0.4, 0.6)$$,
	$$VALUES ('{cake}', 'tea', 3::bigint, 3::bigint, 5::bigint, 0.6::double precision, 1.0000, 1.0000, 0.0000, NULL::numeric, 0.6::double precision), ('{milk}', 'tea', 3, 3, 5, 0.6, 1.0000, 1.0000, 0.0000, NULL, 0.6), ('{cake,milk}', 'tea', 2, 2, 5, 0.4, 1.0000, 1.0000, 0.0000, NULL, 0.4),
	('{cake}', 'milk', 2, 3, 3, 0.4, 0.6667, 1.1111, 0.0400, 1.2000, 0.5), ('{cake,tea}', 'milk', 2, 3, 3, 0.4, 0.6667, 1.1111, 0.0400, 1.2000, 0.5), ('{milk}', 'cake', 2, 3, 3, 0.4, 0.6667, 1.1111, 0.0400, 1.2000, 0.5), ('{milk,tea}', 'cake', 2, 3, 3, 0.4, 0.6667, 1.1111, 0.0400, 1.2000, 0.5),
	('{tea}', 'cake', 3, 5, 3, 0.6, 0.6000, 1.0000, 0.0000, 1.0000, 0.6), ('{tea}', 'milk', 3, 5, 3, 0.6, 0.6000, 1.0000, 0.0000, 1.0000, 0.6)$$, 'measures by hand');
SELECT results_eq($$SELECT antecedent::text, consequent FROM tiering.association_rules('TABLE five', 0.4, 0, without_redundant => true)$$,
	$$VALUES ('{cake}', 'tea'), ('{milk}', 'tea'), ('{cake}', 'milk'), ('{milk}', 'cake'), ('{tea}', 'cake'), ('{tea}', 'milk')$$, 'what a part of the antecedent says already is redundant');
SELECT results_eq($$SELECT items::text, baskets, support FROM tiering.frequent_itemsets('TABLE five', 0.5)$$,
	$$VALUES ('{tea}', 5::bigint, 1::double precision), ('{cake}', 3, 0.6), ('{cake,tea}', 3, 0.6), ('{milk}', 3, 0.6), ('{milk,tea}', 3, 0.6)$$, 'itemsets by hand');
SELECT is((SELECT count(*) FROM tiering.association_rules('TABLE five', s, 0, 2)), n, 'support ' || s || ' of five baskets') FROM (VALUES (0.4, 6::bigint), (0.41, 4), (0.6, 4), (0.6000001, 0)) AS v(s, n);
SELECT is((SELECT count(*) FROM tiering.frequent_itemsets('SELECT b, 1 FROM generate_series(1, 10) AS b UNION ALL SELECT b, 2 FROM generate_series(1, 3) AS b', 0.3, 1)), 2::bigint, 'three baskets of ten are 0.3 of them');
SELECT is((SELECT array_agg(o)::text FROM tiering.association_rules('SELECT five.* FROM five, generate_series(1, 1 + basket) UNION ALL SELECT 9, NULL UNION ALL SELECT NULL, ''tea''', 0.4, 0) AS o),
	(SELECT array_agg(o)::text FROM tiering.association_rules('TABLE five', 0.4, 0) AS o), 'repeated rows count once, those with a NULL not at all, not even as a basket');
SELECT is((SELECT count(*) FROM tiering.association_rules(q, 0, 0)), 0::bigint, t) FROM (VALUES ('SELECT 1, 2 WHERE false', 'no rows'), ('SELECT NULL::integer, NULL::integer', 'nothing but NULL'), ('SELECT 1, 1', 'one item'),
	('SELECT b, b FROM generate_series(1, 100) AS b', 'baskets of one item each')) AS v(q, t);
SELECT is((SELECT count(*) FROM tiering.frequent_itemsets('SELECT 1, 2 WHERE false')), 0::bigint, 'no rows, no itemsets');
SELECT is((SELECT string_agg(items::text || baskets, '') FROM tiering.frequent_itemsets('SELECT 1, 1')), '{1}1', 'one item is a set');
SELECT is((SELECT count(*) FROM tiering.frequent_itemsets('SELECT b, i FROM generate_series(1, 3) AS b, generate_series(1, 12) AS i', 1, 10)), 4082::bigint, 'all sets of up to 10 items out of 12');
SELECT is((SELECT count(*) FROM tiering.association_rules('SELECT b, i FROM generate_series(1, 3) AS b, generate_series(1, 12) AS i', 1, 1, 10)), 24420::bigint, 'all rules of up to 10 items out of 12');
SELECT is((SELECT count(*) FROM tiering.association_rules('SELECT b, i FROM generate_series(1, 3) AS b, generate_series(1, 12) AS i', 1, 1, 10, without_redundant => true)), 132::bigint, '-- of which one says all');

-- --- types ------------------------------------------------------------------------------------

SELECT is((SELECT array_agg(format('%s>%s', antecedent, consequent)) FROM tiering.association_rules(format('SELECT b::%s, %s FROM (VALUES (1, 10), (1, 9), (2, 9), (2, 10), (2, 2), (3, 2)) AS v(b, i)', bt, it), 0.5, 0)), r::text[], format('baskets of type %s, items as %s', bt, it))
FROM (VALUES ('integer', 'i', '{"{9}>10","{10}>9"}'), ('text', 'i::text', '{"{10}>9","{9}>10"}'), ('bigint', 'i::numeric', '{"{9}>10","{10}>9"}'), ('numeric', 'date ''2025-01-01'' + i', '{"{2025-01-10}>2025-01-11","{2025-01-11}>2025-01-10"}'),
	('text', 'md5(i::text)::uuid', '{"{45c48cce-2e2d-7fbd-ea1a-fc51c7c6ad26}>d3d94468-02a4-4259-755d-38e6d163e820","{d3d94468-02a4-4259-755d-38e6d163e820}>45c48cce-2e2d-7fbd-ea1a-fc51c7c6ad26"}'),
	('double precision', 'ARRAY[i, NULL]', '{"{\"{9,NULL}\"}>{10,NULL}","{\"{10,NULL}\"}>{9,NULL}"}')) AS v(bt, it, r);
SELECT is((SELECT antecedent::text || consequent FROM tiering.association_rules($$SELECT b, i FROM generate_series(1, 2) AS b, unnest('{"a, b","\"c\""}'::text[]) AS i$$, only_consequents => '{"a, b"}')), '{"\"c\""}a, b', 'items with commas and quotes');
SELECT is((SELECT sum(length(consequent)) FROM tiering.association_rules($$SELECT b, repeat(i, 100000) FROM generate_series(1, 2) AS b, unnest('{a,b}'::text[]) AS i$$)), 200000::bigint, 'long items');

-- --- size -------------------------------------------------------------------------------------

CREATE TABLE many AS SELECT b AS basket, floor(exp(random() * 6))::integer AS item FROM generate_series(1, 20000) AS b, generate_series(1, 6);
CREATE TABLE huge AS TABLE many UNION ALL SELECT -b, i FROM generate_series(1, 3) AS b, generate_series(1, 4000) AS i;
SELECT is((SELECT count(*) FROM tiering.association_rules('TABLE many', 0.005, 0, 2)), (SELECT count(*) * 2 FROM (SELECT FROM (SELECT DISTINCT * FROM many) AS a JOIN (SELECT DISTINCT * FROM many) AS b USING (basket) WHERE a.item < b.item GROUP BY a.item, b.item HAVING count(*) >= 100) AS s), 'pairs of 20,000 baskets');
SELECT is((SELECT count(*) FROM tiering.association_rules('TABLE huge', 0.005, 0, 2)), (SELECT count(*) * 2 FROM (SELECT FROM (SELECT DISTINCT * FROM huge) AS a JOIN (SELECT DISTINCT * FROM huge) AS b USING (basket) WHERE a.item < b.item GROUP BY a.item, b.item HAVING count(*) >= 101) AS s), '-- with three of 4,000 items');
SELECT throws_ok($$SELECT count(*) FROM tiering.association_rules('TABLE huge', 0, 0, 3)$$, '54000', 'the itemsets need more than 1024 MB of memory, max_memory_mb', 'rules beyond all measure are refused');
SELECT throws_ok($$SELECT count(*) FROM tiering.frequent_itemsets('TABLE huge', 0, 3, 1, 50)$$, '54000', 'the itemsets need more than 50 MB of memory, max_memory_mb', '-- so are itemsets');
SELECT throws_like($$SELECT count(*) FROM tiering.association_rules('TABLE huge', max_memory_mb => 1)$$, 'reading the query needs % MB of memory, more than max_memory_mb 1', '-- and baskets');

-- --- errors -----------------------------------------------------------------------------------

SELECT throws_ok(format('SELECT * FROM tiering.association_rules(%s)', a), c, m) FROM (VALUES
	('NULL', '22004', 'query is null'), ('''TABLE five'', NULL', '22004', 'min_support is null'), ('''TABLE five'', without_redundant => NULL', '22004', 'without_redundant is null'),
	('''TABLE five'', ''NaN''', '22023', 'min_support NaN is not between 0 and 1'), ('''TABLE five'', -0.1', '22023', 'min_support -0.1 is not between 0 and 1'), ('''TABLE five'', 0.1, 1.5', '22023', 'min_confidence 1.5 is not between 0 and 1'),
	('''TABLE five'', max_length => 1', '22023', 'max_length 1 is not between 2 and 10'), ('''TABLE five'', max_length => 11', '22023', 'max_length 11 is not between 2 and 10'), ('''TABLE five'', min_lift => ''infinity''', '22023', 'min_lift Infinity is not between 0 and 1e+12'),
	('''TABLE five'', min_baskets => 0', '22023', 'min_baskets 0 is below 1'), ('''TABLE five'', max_memory_mb => 0', '22023', 'max_memory_mb 0 is not between 1 and 1048576'), ('''TABLE five'', only_consequents => ''{NULL}''', '22004', 'only_consequents has an item that is null'),
	('''SELECT 1''', '22023', 'the query has 1 columns, not a basket and an item'), ('''SELECT 1, 2, 3 AS more''', '22023', 'column "more" of the query is not known'), ('''SELECT 1, point(1, 2)''', '42883', 'item has type point, whose values cannot be hashed and ordered'),
	('''DELETE FROM five''', '0A000', 'DELETE is not allowed in a non-volatile function')) AS v(a, c, m);
SELECT throws_ok('SELECT * FROM tiering.association_rules(''' || n || ''')', '42601', '"' || n || '" is not a query', 'a name is no query') FROM (VALUES ('five'), ('public.five')) AS v(n);
SELECT throws_ok('SELECT * FROM tiering.frequent_itemsets(''TABLE five'', max_length => 0)', '22023', 'max_length 0 is not between 1 and 10', 'max_length of sets is 1 or more');

-- --- who calls, and how -------------------------------------------------------------------------

CREATE SCHEMA shop;
CREATE TABLE shop.five AS SELECT * FROM five WHERE item <> 'cake';
SET search_path = shop, public;
SELECT is((SELECT array_agg(items::text) FROM tiering.frequent_itemsets('TABLE five')), '{"{tea}","{milk}","{milk,tea}"}', 'names are those that the caller sees');
RESET search_path;
CREATE ROLE check_guest;
GRANT USAGE ON SCHEMA tiering TO check_guest;
SET ROLE check_guest;
SELECT throws_ok($$SELECT * FROM tiering.frequent_itemsets('TABLE five')$$, '42501', 'permission denied for table five', 'and the rights are his');
RESET ROLE;
SELECT is((SELECT array_agg(n ORDER BY s) FROM generate_series(0.2, 0.6, 0.2) AS s, LATERAL (SELECT count(*) AS n FROM tiering.frequent_itemsets('TABLE five', s)) AS f), '{7,7,5}'::bigint[], 'several calls in one statement');
SET work_mem = '64kB';
SELECT is((SELECT (count(*), sum(baskets))::text FROM tiering.association_rules('TABLE many', 0.0005, 0)), (SELECT (sum(cardinality(items)), sum(baskets * cardinality(items)))::text FROM tiering.frequent_itemsets('TABLE many', 0.0005) WHERE cardinality(items) > 1), 'more than work_mem holds');
RESET work_mem;

-- --- cancelled ----------------------------------------------------------------------------------

CREATE TABLE dense AS SELECT b AS basket, i AS item FROM generate_series(1, 20000) AS b, generate_series(1, 24) AS i WHERE random() < 0.5;
CREATE TABLE ended (after integer, code text, ms double precision);
CREATE FUNCTION run(statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	begun timestamptz := clock_timestamp();
	code text := 'done';
BEGIN
	BEGIN
		EXECUTE statement;
	EXCEPTION WHEN OTHERS OR query_canceled THEN
		code := SQLSTATE;
	END;
	INSERT INTO ended VALUES (extract(epoch FROM current_setting('statement_timeout')::interval) * 1000, code, extract(epoch FROM clock_timestamp() - begun) * 1000);
END $$;
SELECT 'SET statement_timeout = ' || after, $$SELECT run($q$SELECT count(*) FROM tiering.association_rules('TABLE dense', 0, 0, 10, max_memory_mb => 100000)$q$)$$ FROM unnest('{5,50,200,500,1000}'::integer[]) AS after \gexec
RESET statement_timeout;
SELECT diag(string_agg(format('%s after %s + %s ms', code, after, round(ms - after)), ', ' ORDER BY after)) FROM ended;
SELECT ok(bool_and(code = '57014' AND ms < after + 2000), 'it can be cancelled at any time') FROM ended;

DROP OWNED BY check_guest;
DROP ROLE check_guest;
SELECT * FROM finish();
