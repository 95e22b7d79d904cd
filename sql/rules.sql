
/*
 * rules: what is bought together
 */

CREATE FUNCTION tiering.association_rules(query text, min_support double precision DEFAULT 0.01, min_confidence double precision DEFAULT 0.1,
	max_length integer DEFAULT 3, min_lift double precision DEFAULT 0, min_baskets bigint DEFAULT 1, only_antecedents text[] DEFAULT NULL,
	only_consequents text[] DEFAULT NULL, without_redundant boolean DEFAULT false, max_memory_mb integer DEFAULT 1024)
RETURNS TABLE (antecedent text[], consequent text, baskets bigint, antecedent_baskets bigint, consequent_baskets bigint,
	support double precision, confidence double precision, lift double precision, leverage double precision, conviction double precision, jaccard double precision)
LANGUAGE C VOLATILE PARALLEL UNSAFE
ROWS 1000 COST 1000000
AS 'MODULE_PATHNAME', 'tiering_association_rules';

COMMENT ON FUNCTION tiering.association_rules(text, double precision, double precision, integer, double precision, bigint, text[], text[], boolean, integer) IS
'rules "who has these items has that one too" of a query''s baskets and items, most confident first';

CREATE FUNCTION tiering.frequent_itemsets(query text, min_support double precision DEFAULT 0.01, max_length integer DEFAULT 3, min_baskets bigint DEFAULT 1,
	max_memory_mb integer DEFAULT 1024)
RETURNS TABLE (items text[], baskets bigint, support double precision)
LANGUAGE C VOLATILE PARALLEL UNSAFE
ROWS 1000 COST 1000000
AS 'MODULE_PATHNAME', 'tiering_frequent_itemsets';

COMMENT ON FUNCTION tiering.frequent_itemsets(text, double precision, integer, bigint, integer) IS
'items that are often together in a query''s baskets, most frequent first';
