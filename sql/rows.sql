
/*
 * rows: what aggregates share that gather all rows before they work
 */

CREATE FUNCTION tiering.rows_combine(internal, internal)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_rows_combine';

CREATE FUNCTION tiering.rows_serialize(internal)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_rows_serialize';

CREATE FUNCTION tiering.rows_deserialize(bytea, internal)
RETURNS internal
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_rows_deserialize';

COMMENT ON FUNCTION tiering.rows_combine(internal, internal) IS
'combine function of aggregates that gather rows';
COMMENT ON FUNCTION tiering.rows_serialize(internal) IS
'sends rows that an aggregate gathered';
COMMENT ON FUNCTION tiering.rows_deserialize(bytea, internal) IS
'receives rows that an aggregate gathered';
