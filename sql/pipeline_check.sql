
/*
 * pipeline, part one: what the server can tell, and checks
 */

CREATE FUNCTION tiering.changed_since(row_xmin xid, since xid8)
RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'tiering_changed_since';

COMMENT ON FUNCTION tiering.changed_since(xid, xid8) IS
'was a row version (its xmin) made by a transaction that is not older than since?';

CREATE FUNCTION tiering.may_commit()
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tiering_may_commit';

COMMENT ON FUNCTION tiering.may_commit() IS
'may the procedure that calls this commit?';

-- gathers ids from all workers; array_agg() cannot before PostgreSQL 16
CREATE AGGREGATE tiering.gather(anycompatible) (
	SFUNC = pg_catalog.array_append,
	STYPE = anycompatiblearray,
	COMBINEFUNC = pg_catalog.array_cat,
	INITCOND = '{}',
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.gather(anycompatible) IS
'all values as an array, in no order; may run in parallel workers';

-- Refuses a pipeline that is not there or not wholly the current user's: what
-- a pipeline executes is its owner's text, and runs only as its owner.
CREATE FUNCTION tiering.require_pipeline(pipeline text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	me oid := (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user);
	place record;
	foreign_relation text;
BEGIN
	SELECT n.oid, n.nspowner, r.rolname INTO place
	FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
	WHERE n.nspname = pipeline
	  AND EXISTS (SELECT FROM pg_class c
				  WHERE c.relnamespace = n.oid AND c.relname = 'pipeline' AND c.relkind = 'r');
	IF NOT FOUND THEN
		RAISE EXCEPTION 'pipeline "%" does not exist', pipeline
			USING ERRCODE = 'undefined_object',
				  HINT = 'The view tiering.pipelines lists those that you may read.';
	END IF;
	SELECT c.relname INTO foreign_relation
	FROM pg_class c
	WHERE c.relnamespace = place.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
	  AND c.relowner <> me
	ORDER BY c.relname LIMIT 1;
	IF place.nspowner <> me OR foreign_relation IS NOT NULL THEN
		RAISE EXCEPTION 'must be owner of pipeline "%"', pipeline
			USING ERRCODE = 'insufficient_privilege',
				  DETAIL = CASE WHEN place.nspowner <> me
						THEN format('Its schema belongs to %I.', place.rolname)
						ELSE format('%I in its schema belongs to another role.', foreign_relation) END,
				  HINT = format('SET ROLE %I first: what a pipeline executes runs as its owner alone.', place.rolname);
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.require_pipeline(text) IS
'raises an error unless the pipeline exists and belongs wholly to the current user';

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
						(SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
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

-- SQL that gives the local date of a column: the same everywhere a source is read
CREATE FUNCTION tiering.source_date_sql(source regclass, column_name text, time_zone text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind regtype := tiering.source_column_type(source, column_name, 'ordered_at');
BEGIN
	IF time_zone IS NOT NULL THEN
		PERFORM now() AT TIME ZONE time_zone;	-- an unknown zone is an error here
	END IF;
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
			  HINT = 'ordered_at is a date, a timestamp or a timestamp with time zone; cast it in a view.';
END;
$$;

COMMENT ON FUNCTION tiering.source_date_sql(regclass, text, text) IS
'SQL expression for the local date of a source''s column';

-- SQL that gives the exact amount of a column
CREATE FUNCTION tiering.source_amount_sql(source regclass, column_name text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind regtype := tiering.source_column_type(source, column_name, 'amount');
BEGIN
	CASE
		WHEN kind = 'numeric'::regtype THEN
			RETURN format('%I::numeric', column_name);
		WHEN kind IN ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype, 'money'::regtype) THEN
			RETURN format('%I::numeric', column_name);
		WHEN kind IN ('real'::regtype, 'double precision'::regtype) THEN
			RETURN format('round(%I::numeric, 6)', column_name);	-- binary fractions have no exact end
		ELSE
			RAISE EXCEPTION 'column "%" of % has type %, which is no amount', column_name, source, kind
				USING ERRCODE = 'datatype_mismatch',
					  HINT = 'amount is a number; cast it to numeric in a view.';
	END CASE;
END;
$$;

COMMENT ON FUNCTION tiering.source_amount_sql(regclass, text) IS
'SQL expression for the amount in a source''s column as numeric';
