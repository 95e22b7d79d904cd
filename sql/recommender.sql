
/*
 * recommender: what goes with what, and what to offer whom
 */

CREATE TYPE tiering.recommender;

CREATE FUNCTION tiering.recommender_in(cstring)
RETURNS tiering.recommender
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_recommender_in';

CREATE FUNCTION tiering.recommender_out(tiering.recommender)
RETURNS cstring
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_model_out';

CREATE FUNCTION tiering.recommender_recv(internal)
RETURNS tiering.recommender
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_recommender_recv';

CREATE FUNCTION tiering.recommender_send(tiering.recommender)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_model_send';

COMMENT ON FUNCTION tiering.recommender_in(cstring) IS
'input of recommender';
COMMENT ON FUNCTION tiering.recommender_out(tiering.recommender) IS
'output of recommender';
COMMENT ON FUNCTION tiering.recommender_recv(internal) IS
'binary input of recommender';
COMMENT ON FUNCTION tiering.recommender_send(tiering.recommender) IS
'binary output of recommender';

-- not compressed, so that its first bytes can be looked at alone
CREATE TYPE tiering.recommender (
	INPUT = tiering.recommender_in,
	OUTPUT = tiering.recommender_out,
	RECEIVE = tiering.recommender_recv,
	SEND = tiering.recommender_send,
	STORAGE = external
);

COMMENT ON TYPE tiering.recommender IS
'what was learned of items: how they sell, what goes with what, their factors';

CREATE FUNCTION tiering.recommender_fit(query text, options jsonb DEFAULT NULL, as_of date DEFAULT NULL, event_weights jsonb DEFAULT NULL,
	numbered_items integer DEFAULT NULL, categories integer[] DEFAULT NULL)
RETURNS tiering.recommender
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tiering_recommender_fit';

COMMENT ON FUNCTION tiering.recommender_fit(text, jsonb, date, jsonb, integer, integer[]) IS
'learns from customers and items that a query gives: popularity, similarity, EASE and factors';

CREATE FUNCTION tiering.ease_is_installed()
RETURNS boolean
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'tiering_ease_is_installed';

COMMENT ON FUNCTION tiering.ease_is_installed() IS
'is the module there that inverts large matrices?';

CREATE FUNCTION tiering.recommend_items(model tiering.recommender, items text[], n integer DEFAULT 10, ranking text DEFAULT 'similar', only_new boolean DEFAULT true)
RETURNS TABLE (rank integer, item text, score double precision)
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 10
AS 'MODULE_PATHNAME', 'tiering_recommend_items';

COMMENT ON FUNCTION tiering.recommend_items(tiering.recommender, text[], integer, text, boolean) IS
'what goes with a basket, or with all that a customer has: also of one that the recommender does not know';

CREATE FUNCTION tiering.recommend_numbered(model tiering.recommender, items integer[], days date[], as_of date, "group" text, weights double precision[],
	ranking text, n integer, only_new boolean, excluded integer[], once integer[], most_in_category integer, diversity double precision)
RETURNS TABLE (rank integer, item integer, score double precision, reason text, because integer, times integer, last_on date, gap_days double precision)
LANGUAGE C STABLE PARALLEL SAFE ROWS 10 COST 20000
AS 'MODULE_PATHNAME', 'tiering_recommend_numbered';

COMMENT ON FUNCTION tiering.recommend_numbered(tiering.recommender, integer[], date[], date, text, double precision[], text, integer, boolean, integer[], integer[], integer, double precision) IS
'internal: recommendations for one customer, by the numbers of items';

CREATE FUNCTION tiering.recommend_by_all(model tiering.recommender, items integer[], days date[], as_of date, "group" text, excluded integer[], weights double precision[], n integer)
RETURNS TABLE (ranking text, only_new boolean, items integer[])
LANGUAGE C STABLE PARALLEL SAFE ROWS 12
AS 'MODULE_PATHNAME', 'tiering_recommend_by_all';

COMMENT ON FUNCTION tiering.recommend_by_all(tiering.recommender, integer[], date[], date, text, integer[], double precision[], integer) IS
'internal: the first items of each ranking for one customer';

CREATE FUNCTION tiering.recommend_training(model tiering.recommender, items integer[], days date[], as_of date, "group" text, excluded integer[], bought integer[], share double precision, seed integer)
RETURNS TABLE (label boolean, features double precision[])
LANGUAGE C STABLE PARALLEL SAFE ROWS 100
AS 'MODULE_PATHNAME', 'tiering_recommend_training';

COMMENT ON FUNCTION tiering.recommend_training(tiering.recommender, integer[], date[], date, text, integer[], integer[], double precision, integer) IS
'internal: what the blend learns from, of one customer';

CREATE FUNCTION tiering.recommend_feature_names()
RETURNS text[]
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_recommend_feature_names';

COMMENT ON FUNCTION tiering.recommend_feature_names() IS
'names of the terms of the blend, in their order';

CREATE FUNCTION tiering.item_similarity(query text, options jsonb DEFAULT NULL, as_of date DEFAULT NULL, event_weights jsonb DEFAULT NULL)
RETURNS TABLE (item text, neighbour text, rank integer, similarity double precision, customers bigint, item_customers bigint, neighbour_customers bigint, lift double precision)
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10000
AS 'MODULE_PATHNAME', 'tiering_item_similarity';

COMMENT ON FUNCTION tiering.item_similarity(text, jsonb, date, jsonb) IS
'the items most like each item, by the customers who have to do with both';
