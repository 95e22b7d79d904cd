
/*
 * cached queries: text that is made at run time, planned once a session
 */

CREATE FUNCTION tiering.cached_query(query text, VARIADIC arguments "any")
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tiering_cached_query';

COMMENT ON FUNCTION tiering.cached_query(text, "any") IS
'internal: rows of a query, whose plan the session keeps';
