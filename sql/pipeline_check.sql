
/*
 * pipeline: what the server can tell, and checks
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

CREATE FUNCTION tiering.plain_rows(relation oid, columns text[], types regtype[])
RETURNS SETOF text[]
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 10
AS 'MODULE_PATHNAME', 'tiering_plain_rows';

COMMENT ON FUNCTION tiering.plain_rows(oid, text[], regtype[]) IS
'internal: columns of a plain table as text, read without planning or running anything that belongs to it';

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
