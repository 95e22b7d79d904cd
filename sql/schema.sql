/*
 * customer_tiering: customers, what they are worth and who is leaving, from
 * the orders table that a database already has.
 */

-- complain if the script is sourced in psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION customer_tiering" to load this file. \quit

-- A schema of this name that somebody made before would leave them its owner,
-- free to add functions that others then call, or to drop it with all in it.
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = 'tiering'::pg_catalog.regnamespace)
	   OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace = 'tiering'::pg_catalog.regnamespace)
	   OR EXISTS (SELECT FROM pg_catalog.pg_type WHERE typnamespace = 'tiering'::pg_catalog.regnamespace)
	   OR EXISTS (SELECT FROM pg_catalog.pg_namespace
				  WHERE nspname = 'tiering' AND nspowner NOT IN (10,
					-- whose a dump of a trusted extension makes it, whoever restores it
					(SELECT d.datdba FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()),
					(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user),
					(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE pg_catalog.quote_ident(r.rolname) = '@extowner@'))) THEN
		RAISE EXCEPTION 'a schema "tiering" of somebody else, or with objects in it, is in the way'
			USING ERRCODE = 'duplicate_schema',
				  HINT = 'Drop or rename it: CREATE EXTENSION makes it.';
	END IF;
END;
$$;

GRANT USAGE ON SCHEMA tiering TO PUBLIC;

COMMENT ON SCHEMA tiering IS
'customer_tiering: functions, types and procedures; each pipeline has a schema of its own';
