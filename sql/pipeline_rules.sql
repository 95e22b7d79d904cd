
/*
 * pipeline: what is bought together in one order
 */

-- Orders of a pipeline and the products in them; of none that few customers bought
CREATE FUNCTION tiering.basket_sql(pipeline text, min_customers integer)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	has_orders boolean;
BEGIN
	EXECUTE format('SELECT p.order_id IS NOT NULL FROM %I.pipeline AS p', pipeline) INTO has_orders;
	RETURN format($sql$
SELECT ARRAY[o.customer_id::text, %2$s::text] AS basket, o.product_id::text AS item
FROM %1$I.order_line AS o JOIN (
	SELECT o.product_id FROM %1$I.order_line AS o WHERE %4$s GROUP BY o.product_id HAVING count(DISTINCT o.customer_id) >= %3$s
) AS known ON known.product_id = o.product_id
WHERE %4$s AND %2$s IS NOT NULL
	AND NOT EXISTS (SELECT FROM %1$I.recommend_product AS i WHERE i.product_id::text = o.product_id::text AND NOT i.is_offered)$sql$,
		pipeline, CASE WHEN has_orders THEN 'o.order_id' ELSE 'o.ordered_on' END, min_customers, tiering.is_product_bought_sql());
END;
$$;

COMMENT ON FUNCTION tiering.basket_sql(text, integer) IS
'internal: query for the orders of a pipeline and the products in them';

CREATE FUNCTION tiering.product_rules(pipeline text, min_support double precision DEFAULT 0.01, min_confidence double precision DEFAULT 0.1, max_length integer DEFAULT 3,
	min_lift double precision DEFAULT 0, without_redundant boolean DEFAULT true, min_customers integer DEFAULT NULL, max_memory_mb integer DEFAULT 1024)
RETURNS TABLE (antecedent text[], consequent text, antecedent_names text[], consequent_name text, baskets bigint, support double precision, confidence double precision,
	lift double precision, leverage double precision, conviction double precision, jaccard double precision)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	least integer;
BEGIN
	PERFORM tiering.require_recommend_policy(pipeline);
	PERFORM tiering.require_number('min_customers', min_customers, 2, 1000000000);
	EXECUTE format('SELECT COALESCE($1, (SELECT p.min_customers FROM %I.recommend_policy AS p), 5)', pipeline) INTO least USING min_customers;
	RETURN QUERY EXECUTE format($sql$
WITH name AS MATERIALIZED (SELECT i.product_id::text AS product, i.name FROM %I.recommend_product AS i), rule AS MATERIALIZED (
	SELECT row_number() OVER () AS n, r.* FROM tiering.association_rules($1, $2, $3, $4, min_lift => $5, without_redundant => $6, max_memory_mb => $7) AS r
)
SELECT r.antecedent, r.consequent, a.names, COALESCE(c.name, r.consequent), r.baskets, r.support, r.confidence, r.lift, r.leverage, r.conviction, r.jaccard
FROM rule AS r
	JOIN (
		SELECT s.n, array_agg(COALESCE(m.name, u.product) ORDER BY u.k) AS names
		FROM rule AS s CROSS JOIN LATERAL unnest(s.antecedent) WITH ORDINALITY AS u(product, k) LEFT JOIN name AS m ON m.product = u.product
		GROUP BY s.n
	) AS a ON a.n = r.n
	LEFT JOIN name AS c ON c.product = r.consequent
ORDER BY r.n$sql$, pipeline)
		USING tiering.basket_sql(pipeline, least), $2, $3, $4, $5, $6, $8;
END;
$$;

COMMENT ON FUNCTION tiering.product_rules(text, double precision, double precision, integer, double precision, boolean, integer, integer) IS
'association rules between the products of a pipeline''s orders, with their names';
