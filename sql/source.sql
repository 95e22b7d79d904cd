
/*
 * source: how a table of orders is read, the same for every topic
 */

-- The type of a source's column below any domain, or an error that lists what there is
CREATE FUNCTION tiering.source_column_type(source regclass, column_name text, role text)
RETURNS regtype
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type_found regtype;
	base regtype;
BEGIN
	SELECT a.atttypid INTO type_found FROM pg_attribute a
	WHERE a.attrelid = source AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped
	  AND octet_length(column_name) < 64;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'column "%" of % does not exist', column_name, source
			USING ERRCODE = 'undefined_column',
				  DETAIL = format('It was named as %s.', role),
				  HINT = format('Its columns are: %s.',
						(SELECT string_agg(a.attname, ', ' ORDER BY a.attnum)
						 FROM pg_attribute a
						 WHERE a.attrelid = source AND a.attnum > 0 AND NOT a.attisdropped));
	END IF;
	LOOP
		SELECT t.typbasetype INTO base FROM pg_type t WHERE t.oid = type_found AND t.typtype = 'd';
		EXIT WHEN NOT FOUND;
		type_found := base;
	END LOOP;
	RETURN type_found;
END;
$$;

COMMENT ON FUNCTION tiering.source_column_type(regclass, text, text) IS
'type of a column below any domain; an error with the columns there are if it is missing';

-- Refuses a type of id whose equality is not the server's own: everything here
-- is parsed with pg_catalog alone in the search path, and would compare it as
-- another type; a composite type cannot be looked up in an array.
CREATE FUNCTION tiering.require_id_type(source regclass, column_name text, role text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind regtype := tiering.source_column_type(source, column_name, role);
	cause text;
BEGIN
	SELECT CASE WHEN t.typarray = 0 OR t.typcategory = 'A' OR t.typtype = 'c' THEN 'which cannot be an id'
		WHEN EXISTS (SELECT FROM pg_opclass AS o JOIN pg_am AS m ON m.oid = o.opcmethod
					 WHERE o.opcintype = t.oid AND o.opcdefault AND m.amname IN ('btree', 'hash')
					   AND o.opcnamespace <> 'pg_catalog'::regnamespace)
			THEN 'whose equality is not the server''s own' END INTO cause
	FROM pg_type AS t WHERE t.oid = kind;
	IF cause IS NOT NULL THEN
		RAISE EXCEPTION 'column "%" of % has type %, %', column_name, source, kind, cause
			USING ERRCODE = 'datatype_mismatch', DETAIL = format('It was named as %s.', role),
				  HINT = 'Cast it to text in a view, for example as lower(email::text).';
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.require_id_type(regclass, text, text) IS
'internal: refuses a type of id that cannot be compared with the server''s own operators';

-- Refuses a zone that the server does not know; NULL is none
CREATE FUNCTION tiering.require_zone(time_zone text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM now() AT TIME ZONE time_zone;
EXCEPTION WHEN invalid_parameter_value THEN
	RAISE EXCEPTION 'time zone "%" is unknown', time_zone
		USING ERRCODE = 'invalid_parameter_value', HINT = 'The view pg_timezone_names lists them.';
END;
$$;

COMMENT ON FUNCTION tiering.require_zone(text) IS
'refuses a time zone that the server does not know';

-- SQL that gives the local date of a column: the same everywhere a source is read
CREATE FUNCTION tiering.source_date_sql(source regclass, column_name text, time_zone text, role text DEFAULT 'ordered_at')
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind regtype := tiering.source_column_type(source, column_name, role);
BEGIN
	PERFORM tiering.require_zone(time_zone);
	IF kind = 'date'::regtype THEN
		RETURN format('%I::date', column_name);
	ELSIF kind = 'timestamp'::regtype THEN
		RETURN format('%I::date', column_name);
	ELSIF kind = 'timestamptz'::regtype AND time_zone IS NULL THEN
		RAISE EXCEPTION 'column "%" of % is a timestamp with time zone, and no time zone is given', column_name, source
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Pass the shop''s own, for example time_zone => ''Europe/London'': it decides where a day ends.';
	ELSIF kind = 'timestamptz'::regtype THEN
		RETURN format('(%I AT TIME ZONE %L)::date', column_name, time_zone);
	END IF;
	RAISE EXCEPTION 'column "%" of % has type %, which is no date', column_name, source, kind
		USING ERRCODE = 'datatype_mismatch',
			  HINT = role || ' is a date, a timestamp or a timestamp with time zone; cast it in a view.';
END;
$$;

COMMENT ON FUNCTION tiering.source_date_sql(regclass, text, text, text) IS
'SQL expression for the local date of a source''s column';

-- SQL that gives the instant of a column, the same in every session
CREATE FUNCTION tiering.source_time_sql(source regclass, column_name text, time_zone text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind regtype := tiering.source_column_type(source, column_name, 'changed_at');
BEGIN
	IF kind = 'timestamptz'::regtype THEN
		RETURN format('%I::timestamptz', column_name);
	ELSIF kind = 'timestamp'::regtype AND time_zone IS NOT NULL THEN
		RETURN format('(%I AT TIME ZONE %L)', column_name, time_zone);
	ELSIF kind = 'timestamp'::regtype THEN
		RAISE EXCEPTION 'column "%" of % is a timestamp without time zone, and no time zone is given', column_name, source
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Pass the zone in which it is written, for example time_zone => ''UTC''.';
	END IF;
	RAISE EXCEPTION 'column "%" of % has type %, which is no time of a change', column_name, source, kind
		USING ERRCODE = 'datatype_mismatch', HINT = 'changed_at is a timestamp, with or without time zone.';
END;
$$;

COMMENT ON FUNCTION tiering.source_time_sql(regclass, text, text) IS
'SQL expression for the instant in a source''s column';

CREATE FUNCTION tiering.shortest_numeric(value double precision)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_shortest_numeric_double';

CREATE FUNCTION tiering.shortest_numeric(value real)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_shortest_numeric_real';

COMMENT ON FUNCTION tiering.shortest_numeric(double precision) IS
'the decimal with the fewest digits that is still this double, whatever extra_float_digits says';
COMMENT ON FUNCTION tiering.shortest_numeric(real) IS
'the decimal with the fewest digits that is still this real';

-- SQL that gives the exact amount of a column
CREATE FUNCTION tiering.source_amount_sql(source regclass, column_name text, role text DEFAULT 'amount')
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind regtype := tiering.source_column_type(source, column_name, role);
BEGIN
	CASE
		WHEN kind = 'numeric'::regtype THEN
			RETURN format('%I::numeric', column_name);
		WHEN kind IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'money'::regtype) THEN
			RETURN format('%I::numeric', column_name);
		WHEN kind IN ('real'::regtype, 'double precision'::regtype) THEN
			-- binary fractions have no exact end, and the server's own cast keeps six or fifteen digits
			RETURN format('round(tiering.shortest_numeric(%I::%s), 6)', column_name, kind);
		ELSE
			RAISE EXCEPTION 'column "%" of % has type %, which is no number', column_name, source, kind
				USING ERRCODE = 'datatype_mismatch', DETAIL = format('It was named as %s.', role),
					  HINT = 'Cast it to numeric in a view.';
	END CASE;
END;
$$;

COMMENT ON FUNCTION tiering.source_amount_sql(regclass, text, text) IS
'SQL expression for the amount in a source''s column as numeric';

-- The type of a column as SQL, with its own modifiers and collation
CREATE FUNCTION tiering.column_type(relation regclass, column_name text)
RETURNS text
LANGUAGE SQL STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format_type(a.atttypid, a.atttypmod) ||
		CASE WHEN a.attcollation NOT IN (0, t.typcollation)
			 THEN format(' COLLATE %I.%I', n.nspname, c.collname) ELSE '' END
	FROM pg_attribute AS a
		JOIN pg_type AS t ON t.oid = a.atttypid
		LEFT JOIN pg_collation AS c ON c.oid = a.attcollation
		LEFT JOIN pg_namespace AS n ON n.oid = c.collnamespace
	WHERE a.attrelid = relation AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped
$$;

COMMENT ON FUNCTION tiering.column_type(regclass, text) IS
'type of a column as SQL, with its modifiers and collation';

-- Can two columns of ids be compared, and do they call the same values equal?
-- Of two collations one must be the default, and neither may make equals of
-- what the other keeps apart.
CREATE FUNCTION tiering.collations_agree(relation regclass, column_name text, other regclass, other_column text)
RETURNS boolean
LANGUAGE SQL STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT a.attcollation = o.attcollation
		OR 'pg_catalog.default'::regcollation IN (a.attcollation, o.attcollation) AND NOT EXISTS (
			SELECT FROM pg_collation AS c WHERE c.oid IN (a.attcollation, o.attcollation) AND NOT c.collisdeterministic)
	FROM pg_attribute AS a, pg_attribute AS o
	WHERE a.attrelid = relation AND a.attname = column_name AND o.attrelid = other AND o.attname = other_column
$$;

COMMENT ON FUNCTION tiering.collations_agree(regclass, text, regclass, text) IS
'internal: do two columns call the same values equal?';
