--
-- pipeline_rights: who may do what, and nobody runs another's text
--
\set QUIET on
SET client_min_messages = warning;
\ir pipeline_oracle.psql
SELECT plan(71);

-- roles belong to the whole server: made anew here, dropped at the end
CREATE FUNCTION drop_roles() RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['check_owner', 'check_member', 'check_reporter', 'check_nobody', 'check_mallory'] LOOP
		IF EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
			EXECUTE format('DROP OWNED BY %I CASCADE; DROP ROLE %I', name, name);
		END IF;
	END LOOP;
END $$;
SELECT drop_roles();
CREATE ROLE check_owner;
CREATE ROLE check_member IN ROLE check_owner;
CREATE ROLE check_reporter;
CREATE ROLE check_nobody;
CREATE ROLE check_mallory;
SELECT format('GRANT CREATE ON DATABASE %I TO check_owner, check_mallory', current_database()) \gexec

CREATE SCHEMA sales;
CREATE TABLE sales.orders (customer integer, day date, amount numeric, secret text);
INSERT INTO sales.orders SELECT 1 + n % 9, date '2023-01-01' + n, n % 20, 'x' FROM generate_series(1, 100) AS n;
GRANT USAGE ON SCHEMA sales TO check_owner, check_mallory;
CREATE FUNCTION error_of(statement text, what text DEFAULT 'all') RETURNS text LANGUAGE plpgsql AS $$
DECLARE code text; message text; detail text; hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN CASE what WHEN 'code' THEN code WHEN 'detail' THEN detail WHEN 'hint' THEN hint ELSE concat_ws(' ', code, message) END;
END $$;

-- --- the owner -------------------------------------------------------------------

SET ROLE check_nobody;
SELECT is(error_of($$CALL tiering.create_pipeline('shop', 'pg_class', 'oid', 'now', 'x')$$, 'code'), '42703', 'the columns are looked at first');
SELECT is(error_of($$CALL tiering.create_pipeline('shop', 'sales.orders', 'customer', 'day', 'amount')$$, 'code'), '42501', 'no right on the schema of the orders');
RESET ROLE;
GRANT USAGE ON SCHEMA sales TO check_nobody;
GRANT SELECT ON sales.orders TO check_nobody;
SET ROLE check_nobody;
SELECT matches(error_of($$CALL tiering.create_pipeline('shop', 'sales.orders', 'customer', 'day', 'amount')$$), '^42501 permission denied for database', 'no right to create a schema');
SET ROLE check_owner;
SELECT is(error_of($$CALL tiering.create_pipeline('shop', 'sales.orders', 'customer', 'day', 'amount')$$), '42501 permission denied for table orders', 'no right on the orders: the server''s own error');
SELECT hasnt_schema('shop', 'and nothing is left');
RESET ROLE;
GRANT SELECT (customer, day, amount) ON sales.orders TO check_owner;
SET ROLE check_owner;
SELECT matches(error_of($$CALL tiering.create_pipeline('shop', 'sales.orders', 'customer', 'secret', 'amount')$$, 'code'), '42804|42501', 'a column without a right');
RESET ROLE;
GRANT SELECT ON sales.orders TO check_owner;
SET ROLE check_owner;
SELECT lives_ok($$CALL tiering.create_pipeline('shop', 'sales.orders', 'customer', 'day', 'amount')$$, 'with rights on them it works');
CALL tiering.refresh('shop', as_of => '2023-12-31');
RESET ROLE;
SELECT is(verdict('shop', 'SELECT customer, day, amount, NULL AS order_id FROM sales.orders', '2023-12-31'), 'sound', 'and is refreshed by its owner, no superuser');
SELECT is((SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ' ') FROM pg_class WHERE relnamespace = 'shop'::regnamespace), 'check_owner', 'everything in it is the owner''s');
INSERT INTO sales.orders VALUES (77, '2023-05-05', 1);
SET ROLE check_owner;
CALL tiering.refresh('shop', as_of => '2023-12-31');
SELECT is((SELECT build FROM shop.run ORDER BY run DESC LIMIT 1), 'changes', 'changes are found, too');
RESET ROLE;

-- --- not the owner ---------------------------------------------------------------

CREATE TEMP TABLE act (n serial, statement text);
INSERT INTO act (statement) VALUES
	('CALL tiering.refresh(''shop'')'), ('CALL tiering.alter_pipeline(''shop'', bins => 4)'), ('CALL tiering.drop_pipeline(''shop'')'), ('SELECT tiering.segment_check(''shop'')');
GRANT SELECT ON act TO PUBLIC;
SELECT is(error_of(statement), '42501 must be owner of pipeline "shop"', 'a superuser who is not the owner: ' || statement) FROM act ORDER BY n;
SELECT is(error_of(statement, 'hint'), 'SET ROLE check_owner first: what a pipeline executes runs as its owner alone.', 'and is told what to do') FROM act WHERE n = 1;
SET ROLE check_nobody;
SELECT is(error_of(statement), '42501 must be owner of pipeline "shop"', 'somebody else: ' || statement) FROM act ORDER BY n;
SELECT is((SELECT count(*) FROM tiering.pipelines), 0::bigint, 'a role without rights sees no pipeline');
SELECT is(error_of('SELECT * FROM shop.customer_rfm', 'code'), '42501', 'and reads none');
SET ROLE check_member;
SELECT is(error_of('CALL tiering.refresh(''shop'')', 'code'), '42501', 'a member of the owner''s role');
SET ROLE check_owner;
SELECT is(error_of('CALL tiering.refresh(''shop'', as_of => ''2023-12-31'')'), 'no error', 'who has set the role');
RESET ROLE;

-- a relation of another role's among the pipeline's
SET ROLE check_owner;
GRANT USAGE, CREATE ON SCHEMA shop TO check_mallory;
SET ROLE check_mallory;
CREATE TABLE shop.history_changes (customer_id integer);
SET ROLE check_owner;
SELECT is(error_of('CALL tiering.refresh(''shop'')'), '42501 must be owner of pipeline "shop"', 'another role''s table in the schema stops the refresh');
SELECT matches(error_of('CALL tiering.refresh(''shop'')', 'detail'), 'history_changes', 'and is named');
SET ROLE check_mallory;
DROP TABLE shop.history_changes;
RESET ROLE;
REVOKE CREATE ON SCHEMA shop FROM check_mallory;

-- --- reports ------------------------------------------------------------------------

SET ROLE check_owner;
GRANT USAGE ON SCHEMA shop TO check_reporter;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO check_reporter;
SET ROLE check_reporter;
SELECT ok((SELECT count(*) > 0 FROM shop.customer_rfm), 'a reporting role reads the scores');
SELECT ok((SELECT count(*) > 0 FROM shop.customer_profile), 'the profiles, over orders that it may not read');
SELECT ok((SELECT sum(customers) > 0 FROM shop.segment_summary), 'the segments');
SELECT ok((SELECT sum(customers) > 0 FROM shop.rfm_heatmap), 'the heat map');
SELECT is((SELECT state FROM tiering.pipelines), 'done', 'and sees how the pipeline is');
SELECT is(error_of('SELECT * FROM sales.orders', 'code'), '42501', 'but not the orders');
RESET ROLE;
SET ROLE check_owner;
CALL tiering.refresh('shop', as_of => '2023-12-31', "full" => true);
SET ROLE check_reporter;
SELECT ok((SELECT count(*) > 0 FROM shop.customer_profile), 'after a full build it still reads them');
RESET ROLE;

-- the right on the orders taken away
REVOKE SELECT ON sales.orders FROM check_owner;
SET ROLE check_owner;
SELECT is(error_of('CALL tiering.refresh(''shop'')', 'code'), '42501', 'the right on the orders was taken away');
SELECT ok((SELECT count(*) > 0 FROM shop.customer_rfm), 'what was published stays');
RESET ROLE;
GRANT SELECT ON sales.orders TO check_owner;

-- row security of the orders holds for the owner of the pipeline
ALTER TABLE sales.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON sales.orders TO check_owner USING (customer <= 3);
SET ROLE check_owner;
CALL tiering.refresh('shop', as_of => '2023-12-31', "full" => true);
RESET ROLE;
SELECT is((SELECT count(*) FROM shop.customer_rfm), 3::bigint, 'row security hides orders from the owner, and so from the pipeline');
ALTER TABLE sales.orders DISABLE ROW LEVEL SECURITY;
SET ROLE check_owner;
CALL tiering.refresh('shop', as_of => '2023-12-31');
RESET ROLE;
SELECT is(verdict('shop', 'SELECT customer, day, amount, NULL AS order_id FROM sales.orders', '2023-12-31'), 'sound', 'and gives them back');

-- --- what only looks like a pipeline ----------------------------------------------

-- whoever reads tiering.pipelines must not run code of mallory's
CREATE FUNCTION make_fake(twist text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DROP SCHEMA IF EXISTS fake CASCADE;
	SET LOCAL ROLE check_mallory;
	CREATE SCHEMA fake;
	GRANT USAGE ON SCHEMA fake TO PUBLIC;
	CREATE FUNCTION fake.spy(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $f$
	BEGIN
		IF current_user <> 'check_mallory' THEN
			RAISE EXCEPTION 'mallory''s code runs as %', current_user;
		END IF;
		RETURN $1;
	END $f$;
	CREATE FUNCTION fake.spy(text) RETURNS text LANGUAGE SQL IMMUTABLE AS 'SELECT fake.spy(1)::text';
	CREATE TABLE fake.pipeline (pipeline text, orders regclass, histories text, materialization text);
	CREATE TABLE fake.run (run bigint, state text, as_of date, started_at timestamptz, finished_at timestamptz,
		customers bigint, source_lines bigint, build text, error text);
	INSERT INTO fake.pipeline VALUES ('shop', 'pg_class', 'table', 'view');
	INSERT INTO fake.run VALUES (1, 'done', '2023-01-01', now(), now(), 1, 1, 'full', '');
	EXECUTE twist;
	GRANT SELECT ON ALL TABLES IN SCHEMA fake TO PUBLIC;
END $$;
CREATE TEMP TABLE twist (n serial, statement text, reason text);
INSERT INTO twist (statement, reason) VALUES
	('ALTER TABLE fake.pipeline ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON fake.pipeline USING (fake.spy(length(histories)) > 0)', 'a row-security policy'),
	('ALTER TABLE fake.run ENABLE ROW LEVEL SECURITY; ALTER TABLE fake.run FORCE ROW LEVEL SECURITY; CREATE POLICY p ON fake.run USING (fake.spy(1) > 0)', 'a policy on its runs'),
	('CREATE DOMAIN fake.d AS text CHECK (fake.spy(VALUE) IS NOT NULL); ALTER TABLE fake.pipeline ALTER histories TYPE fake.d', 'a column of a domain'),
	('DROP TABLE fake.pipeline; CREATE VIEW fake.pipeline AS SELECT fake.spy(''x''::text) AS pipeline, ''pg_class''::regclass AS orders, fake.spy(''x''::text) AS histories, fake.spy(''x''::text) AS materialization', 'a view'),
	('DROP TABLE fake.run; CREATE VIEW fake.run AS SELECT fake.spy(1)::bigint AS run, fake.spy(''x''::text) AS state, current_date AS as_of, now() AS started_at, now() AS finished_at, 1::bigint AS customers, 1::bigint AS source_lines, ''''::text AS build, ''''::text AS error', 'a view of runs'),
	('CREATE TABLE fake.child (CHECK (fake.spy(1) > 0)) INHERITS (fake.run); ALTER TABLE fake.child ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON fake.child USING (fake.spy(1) > 0)', 'a child table'),
	('CREATE INDEX ON fake.run ((run + fake.spy(1)))', 'an index over an expression'),
	('CREATE INDEX ON fake.pipeline (pipeline) WHERE fake.spy(1) > 0', 'an index with a condition'),
	('CREATE STATISTICS fake.s ON (run + fake.spy(1)) FROM fake.run', 'statistics of an expression'),
	('ALTER TABLE fake.run ADD CHECK (run > fake.spy(1) - 1)', 'a check constraint'),
	('ALTER TABLE fake.pipeline ADD extra text GENERATED ALWAYS AS (fake.spy(histories)) STORED', 'a generated column'),
	('ALTER TABLE fake.run ALTER state TYPE varchar(10)', 'a column of another type'),
	('ALTER TABLE fake.run DROP error', 'a column that is missing'),
	('ALTER TABLE fake.run RENAME TO runs', 'no runs'),
	('DROP TABLE fake.run; CREATE TABLE fake.run (run bigint, state text, as_of date, started_at timestamptz, finished_at timestamptz, customers bigint, source_lines bigint, build text, error text) PARTITION BY RANGE (run)', 'partitioned runs');
CREATE FUNCTION list_with(twist text, reader text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	PERFORM make_fake(twist);
	SET LOCAL constraint_exclusion = on;
	EXECUTE format('SET LOCAL ROLE %I', reader);
	result := error_of('SELECT * FROM tiering.pipelines');
	RESET ROLE;
	RETURN result;
END $$;
SELECT is(list_with(statement, session_user::text) || ', ' || list_with(statement, 'check_nobody'), 'no error, no error', 'a fake pipeline with ' || reason) FROM twist ORDER BY n;
SELECT make_fake('SELECT');
SELECT is((SELECT string_agg(pipeline || ' of ' || owner, ', ' ORDER BY owner::text) FROM tiering.pipelines WHERE owner = 'check_mallory'), 'fake of check_mallory', 'a good fake goes by the name of its schema, and of its owner');
SELECT is(error_of('CALL tiering.refresh(''fake'')', 'code'), '42501', 'and cannot be refreshed by others');
DROP SCHEMA fake CASCADE;

-- --- a hostile search path ----------------------------------------------------------

CREATE SCHEMA hostile;
CREATE FUNCTION hostile.spring() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
-- operators and functions with the names of the server's own
SELECT format('CREATE FUNCTION hostile.%I(%s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN PERFORM hostile.spring(); RETURN NULL; END $f$', n, a, r) FROM (VALUES
	('format', 'text, text', 'text'), ('format', 'text, VARIADIC text[]', 'text'), ('quote_ident', 'text', 'text'), ('now', '', 'timestamptz'),
	('current_setting', 'text', 'text'), ('set_config', 'text, text, boolean', 'text'), ('pg_sleep', 'double precision', 'integer'), ('to_regclass', 'text', 'regclass'),
	('to_regnamespace', 'text', 'regnamespace'), ('count', '', 'bigint'), ('round', 'numeric, integer', 'numeric'), ('octet_length', 'text', 'integer'),
	('text_eq', 'text, text', 'boolean'), ('text_ne', 'text, text', 'boolean'), ('int_eq', 'integer, integer', 'boolean'), ('bigint_eq', 'bigint, bigint', 'boolean'),
	('oid_eq', 'oid, oid', 'boolean'), ('bool_eq', 'boolean, boolean', 'boolean'), ('name_eq', 'name, name', 'boolean'), ('name_text_eq', 'name, text', 'boolean'),
	('date_lt', 'date, date', 'boolean'), ('date_minus', 'date, integer', 'date'), ('bigint_plus', 'bigint, bigint', 'bigint'), ('text_cat', 'text, text', 'text'),
	('minus', 'integer', 'integer'), ('numeric_ge', 'numeric, numeric', 'boolean'), ('int_lt', 'integer, integer', 'boolean')) AS v(n, a, r) \gexec
SELECT format('CREATE OPERATOR hostile.%s (FUNCTION = hostile.%I, %s RIGHTARG = %s)', o, f, 'LEFTARG = ' || l || ',', r) FROM (VALUES
	('=', 'text_eq', 'text', 'text'), ('<>', 'text_ne', 'text', 'text'), ('=', 'int_eq', 'integer', 'integer'), ('=', 'bigint_eq', 'bigint', 'bigint'), ('=', 'oid_eq', 'oid', 'oid'),
	('=', 'bool_eq', 'boolean', 'boolean'), ('=', 'name_eq', 'name', 'name'), ('=', 'name_text_eq', 'name', 'text'), ('<', 'date_lt', 'date', 'date'), ('-', 'date_minus', 'date', 'integer'),
	('+', 'bigint_plus', 'bigint', 'bigint'), ('||', 'text_cat', 'text', 'text'), ('-', 'minus', NULL, 'integer'), ('>=', 'numeric_ge', 'numeric', 'numeric'), ('<', 'int_lt', 'integer', 'integer')) AS v(o, f, l, r) \gexec
CREATE TABLE hostile.pg_class (relname name);
CREATE TABLE hostile.pg_namespace (nspname name);
CREATE TABLE hostile.pg_attribute (attname name);
CREATE TABLE hostile.pg_roles (rolname name);
CREATE TABLE hostile.pg_stat_activity (pid integer);
CREATE DOMAIN hostile.text AS pg_catalog.text CHECK (VALUE <> VALUE);
CREATE DOMAIN hostile.date AS pg_catalog.date CHECK (VALUE IS NULL);
-- each statement with the traps before the server's own names
\set ON_ERROR_STOP off
\set hostile 'SET search_path = hostile, pg_catalog, public;'
\o /dev/null
:hostile
SELECT 1 = 1;
\set state :SQLSTATE
RESET search_path;
\o
SELECT is(:'state'::text, 'P0001', 'the traps are set');
\o /dev/null
:hostile
CALL tiering.create_pipeline('trap', 'sales.orders', 'customer', 'day', 'amount', filter => 'amount >= 0 AND customer <> 4');
\set state :SQLSTATE
RESET search_path;
\o
SELECT is(:'state'::text, '00000', 'traps: create_pipeline');
\o /dev/null
:hostile
CALL tiering.refresh('trap', as_of => '2023-12-31');
\set state :SQLSTATE
RESET search_path;
\o
SELECT is(:'state'::text, '00000', 'traps: refresh');
INSERT INTO sales.orders VALUES (78, '2023-06-06', 4);
\o /dev/null
:hostile
CALL tiering.refresh('trap', as_of => '2023-12-31', "concurrently" => true);
\set state :SQLSTATE
RESET search_path;
\o
SELECT is(:'state'::text, '00000', 'traps: refresh, of changes and concurrently');
SELECT is(verdict('trap', 'SELECT customer, day, amount, NULL AS order_id FROM sales.orders WHERE amount >= 0 AND customer <> 4', '2023-12-31'), 'sound', 'with the right result');
\o /dev/null
:hostile
SELECT * FROM trap.customer_profile;
\set state :SQLSTATE
RESET search_path;
\o
SELECT is(:'state'::text, '00000', 'traps: the profile');
\o /dev/null
:hostile
SELECT * FROM trap.segment_summary;
\set state :SQLSTATE
RESET search_path;
\o
SELECT is(:'state'::text, '00000', 'traps: the segments');
\o /dev/null
:hostile
SELECT * FROM trap.rfm_heatmap;
\set state :SQLSTATE
RESET search_path;
\o
SELECT is(:'state'::text, '00000', 'traps: the heat map');
\o /dev/null
:hostile
SELECT * FROM tiering.pipelines;
\set state :SQLSTATE
RESET search_path;
\o
SELECT is(:'state'::text, '00000', 'traps: the list');
\o /dev/null
:hostile
SELECT * FROM tiering.segment_check('trap');
\set state :SQLSTATE
RESET search_path;
\o
SELECT is(:'state'::text, '00000', 'traps: the check of the rules');
\o /dev/null
:hostile
CALL tiering.alter_pipeline('trap', bins => 4, filter => 'customer <> 5', materialization => 'table', histories => 'view');
\set state :SQLSTATE
RESET search_path;
\o
SELECT is(:'state'::text, '00000', 'traps: alter_pipeline');
\o /dev/null
:hostile
CALL tiering.refresh('trap', as_of => '2023-12-31');
\set state :SQLSTATE
RESET search_path;
\o
SELECT is(:'state'::text, '00000', 'traps: refresh after it');
\o /dev/null
:hostile
CALL tiering.alter_pipeline('trap', materialization => 'view', histories => 'table', refunds => 'void');
\set state :SQLSTATE
RESET search_path;
\o
SELECT is(:'state'::text, '00000', 'traps: alter_pipeline again');
\o /dev/null
:hostile
CALL tiering.refresh('trap', as_of => '2023-12-31');
\set state :SQLSTATE
RESET search_path;
\o
SELECT is(:'state'::text, '00000', 'traps: refresh after that');
SELECT is(verdict('trap', 'SELECT customer, day, amount, NULL AS order_id FROM sales.orders WHERE customer <> 5', '2023-12-31', 4, 'void'), 'sound', 'with the right result');
\o /dev/null
:hostile
CALL tiering.drop_pipeline('trap');
\set state :SQLSTATE
RESET search_path;
\o
SELECT is(:'state'::text, '00000', 'traps: drop_pipeline');
SELECT hasnt_schema('trap', 'it is gone');
\set ON_ERROR_STOP on

DROP SCHEMA hostile CASCADE;
SET ROLE check_owner;
SELECT lives_ok('CALL tiering.drop_pipeline(''shop'')', 'the owner drops the pipeline');
RESET ROLE;
SELECT drop_roles();
SELECT * FROM finish();
