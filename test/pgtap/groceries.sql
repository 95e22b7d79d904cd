--
-- groceries: real baskets, against plain SQL and what R's arules is known to find
--
-- The set is that of Hahsler, Hornik and Reutterer (2006), of R's package arules (GPL-3; github.com/mhahsler/arules, commit 814537d,
-- data/Groceries.rda), and is not part of this repository.  Where it lies at test/data/groceries_baskets.csv.gz it is used: 43,367 lines
-- of basket_id and item, 9,835 baskets.
--
\set QUIET on
SET client_min_messages = warning;
\set have `test -e test/data/groceries_baskets.csv.gz && echo 1 || echo 0`
SELECT plan(10);
\if :have

CREATE TABLE line (basket_id integer, item text);
\copy line FROM PROGRAM 'gzip -dc test/data/groceries_baskets.csv.gz' WITH (FORMAT csv, HEADER)
ANALYZE line;
SELECT is((SELECT count(DISTINCT basket_id) FROM line), 9835::bigint, 'all baskets are there');

-- 0.001 of 9,835 baskets are 10
CREATE TABLE pair AS SELECT ARRAY[a.item, b.item] AS items, count(*) AS baskets FROM line AS a JOIN line AS b USING (basket_id) WHERE a.item < b.item GROUP BY a.item, b.item HAVING count(*) >= 10;
CREATE TABLE triple AS SELECT ARRAY[a.item, b.item, c.item] AS items, count(*) AS baskets FROM line AS a JOIN line AS b USING (basket_id) JOIN line AS c USING (basket_id) WHERE a.item < b.item AND b.item < c.item GROUP BY a.item, b.item, c.item HAVING count(*) >= 10;
CREATE TABLE sets AS SELECT * FROM tiering.frequent_itemsets('TABLE line', 0.001);
SELECT set_eq('SELECT items, baskets FROM sets WHERE cardinality(items) = 2', 'TABLE pair', 'pairs are those of a self-join');
SELECT set_eq('SELECT items, baskets FROM sets WHERE cardinality(items) = 3', 'TABLE triple', 'triples are those of a self-join');
SELECT is((SELECT string_agg(n || ' of ' || length, ', ' ORDER BY length) FROM (SELECT cardinality(items) AS length, count(*) AS n FROM sets GROUP BY 1) AS s), '157 of 1, 2981 of 2, 6831 of 3', 'so many are frequent');
SELECT set_eq('SELECT antecedent, consequent, baskets FROM tiering.association_rules(''TABLE line'', 0.001, 0)', 'SELECT array_remove(items, c), c, baskets FROM (TABLE pair UNION ALL TABLE triple) AS s, unnest(items) AS c', 'rules are made of them, each item once the consequent');

-- published with arules, arulesViz and by Lantz (Machine Learning with R)
CREATE TABLE rule AS SELECT * FROM tiering.association_rules('TABLE line', 0.001, 0.8, 10);
SELECT is((SELECT string_agg(n || ' of ' || length, ', ' ORDER BY length) FROM (SELECT cardinality(antecedent) + 1 AS length, count(*) AS n FROM rule GROUP BY 1) AS s), '29 of 3, 229 of 4, 140 of 5, 12 of 6', 'the 410 rules of support 0.001 and confidence 0.8');
SELECT is((SELECT count(*) FROM tiering.association_rules('TABLE line', 0.001, 0.5, 10)), 5668::bigint, 'those of confidence 0.5');
SELECT is((SELECT count(*) FROM tiering.association_rules('TABLE line', 0.006, 0.25, 10)), 463::bigint, 'those of support 0.006 and confidence 0.25');
SELECT is((SELECT format('%s > %s: %s, %s', antecedent, consequent, round(confidence::numeric, 7), round(lift::numeric, 5)) FROM rule ORDER BY lift DESC LIMIT 1), '{liquor,"red/blush wine"} > bottled beer: 0.9047619, 11.23527', 'the one with the highest lift');
SELECT set_eq('SELECT antecedent, consequent FROM tiering.association_rules(''TABLE line'', 0.001, 0.8, 10, without_redundant => true)',
	'SELECT antecedent, consequent FROM rule AS r WHERE NOT EXISTS (SELECT FROM rule AS p WHERE p.consequent = r.consequent AND p.antecedent <@ r.antecedent AND p.antecedent <> r.antecedent AND p.confidence >= r.confidence)', 'redundant ones are left out');

\else
SELECT skip('test/data/groceries_baskets.csv.gz is not there', 10);
\endif
SELECT * FROM finish();
