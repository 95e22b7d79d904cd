
/*
 * encoding: columns of any type become features
 */

CREATE FUNCTION tiering.encoding_type(type regtype)
RETURNS text
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_encoding_type';

CREATE FUNCTION tiering.encoding_names(encoding jsonb)
RETURNS text[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_encoding_names';

CREATE FUNCTION tiering.encoding_columns(encoding jsonb)
RETURNS text[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_encoding_columns';

CREATE FUNCTION tiering.encode_row(encoding jsonb, "row" record)
RETURNS double precision[]
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_encode_row';

COMMENT ON FUNCTION tiering.encoding_type(regtype) IS
'internal: how values of a type are taken: number, boolean, date or text; NULL: they are not';
COMMENT ON FUNCTION tiering.encoding_names(jsonb) IS
'names of the features that an encoding makes';
COMMENT ON FUNCTION tiering.encoding_columns(jsonb) IS
'column of each feature that an encoding makes';
COMMENT ON FUNCTION tiering.encode_row(jsonb, record) IS
'features of a row, as an encoding of train() makes them';
