--
-- pipeline_edges: types of ids, orders whose declaration changes, failures half-way
--
\set QUIET on
SET client_min_messages = warning;
\ir pipeline_oracle.psql
SELECT plan(131);

CREATE FUNCTION drop_roles() RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['check_shop', 'check_reporter'] LOOP
		IF EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
			EXECUTE format('DROP OWNED BY %I CASCADE; DROP ROLE %I', name, name);
		END IF;
	END LOOP;
END $$;
SELECT drop_roles();
CREATE ROLE check_shop;
CREATE ROLE check_reporter;
SELECT format('GRANT CREATE ON DATABASE %I TO check_shop', current_database()) \gexec
GRANT CREATE ON SCHEMA public TO check_shop;

CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(' ', SQLSTATE, SQLERRM);
END $$;
CREATE FUNCTION last_run(pipeline text, what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
	EXECUTE format('SELECT %I FROM %I.run ORDER BY run DESC LIMIT 1', what, pipeline) INTO found;
	RETURN found;
END $$;
-- the oracle over a relation with the columns c, d and a
CREATE FUNCTION verdict_of(pipeline text, relation text) RETURNS text LANGUAGE SQL
RETURN verdict(pipeline, format('SELECT c AS customer, d AS day, a AS amount, NULL AS order_id FROM %s', relation), '2025-12-31');
SELECT count(*) FILTER (WHERE name = 'citext') > 0 AS has_citext, count(*) FILTER (WHERE name = 'postgres_fdw') > 0 AS has_fdw
FROM pg_available_extensions \gset

-- --- ids -------------------------------------------------------------------------

-- The customers of a pipeline with their orders and names, or the error's code.
-- Both relations have an id of the type given; all is undone.
CREATE FUNCTION profile_of(orders_type text, order_ids text[], other_type text, other_ids text[], role text DEFAULT 'customers',
	histories text DEFAULT 'table')
RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
	EXECUTE format('CREATE TABLE typed_orders AS SELECT i::%s AS c, date ''2025-01-01'' AS d, 1.0 AS a FROM unnest($1) AS i', orders_type) USING order_ids;
	EXECUTE format('CREATE TABLE typed_ids AS SELECT i::%1$s AS id, %2$s FROM unnest($1) AS i', other_type,
		CASE role WHEN 'identity' THEN format('''9''::%s AS merged_into', other_type) ELSE 'i AS name' END) USING other_ids;
	EXECUTE format('CALL tiering.create_pipeline(''typed'', ''typed_orders'', ''c'', ''d'', ''a'', histories => %L, %I => ''typed_ids'')', histories, role);
	CALL tiering.refresh('typed', as_of => '2025-12-31');
	EXECUTE format('SELECT string_agg(concat_ws('':'', customer_id, orders, %s), '' '' ORDER BY customer_id::text COLLATE "C", orders) FROM typed.customer_profile',
		CASE role WHEN 'customers' THEN 'name' ELSE 'NULL' END) INTO found;
	RAISE EXCEPTION USING ERRCODE = 'UNDO1', MESSAGE = found;
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
	RETURN SQLERRM;
WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;

CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN short_code AS varchar;
CREATE DOMAIN code5 AS varchar(5);
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TEMP TABLE pair (n serial, orders_type text, order_ids text[], other_type text, other_ids text[], expected text, why text, role text DEFAULT 'customers');
INSERT INTO pair (orders_type, order_ids, other_type, other_ids, expected, why) VALUES
	('varchar(5)', '{short}', 'varchar(20)', '{short,longname1,longname2}', '42804', 'a longer text would be cut to an id that is not there'),
	('varchar(5)', '{short}', 'text', '{short,longname1}', '42804', 'any text, too'),
	('varchar(5)', '{short}', 'varchar(5)', '{short,other}', 'other:other short:1:short', 'the same type is right'),
	('varchar', '{short}', 'varchar(20)', '{short,longname1}', 'longname1:longname1 short:1:short', 'so is one without a modifier'),
	('text', '{a}', 'varchar(20)', '{a,b}', 'a:1:a b:b', 'and text for a varchar'),
	('short_code', '{a}', 'text', '{a,b}', 'a:1:a b:b', 'and a domain over it'),
	('numeric(10,0)', '{1}', 'numeric', '{1,1.4}', '42804', 'a number with a fraction would be rounded to another id'),
	('numeric', '{1}', 'integer', '{1,2}', '1:1:1 2:2', 'whole numbers are numbers'),
	('integer', '{1}', 'bigint', '{1,2147483647,2147483648,5000000000,-5000000000}', '1:1:1 2147483647:2147483647', 'ids that no customer can have are left out'),
	('smallint', '{1}', 'bigint', '{1,-32768,32768}', '-32768:-32768 1:1:1', 'of smallint, too'),
	('smallint', '{1}', 'integer', '{1,32767,32768}', '1:1:1 32767:32767', 'and integer beside smallint'),
	('bigint', '{1,5000000000}', 'integer', '{1,2}', '1:1:1 2:2 5000000000:1', 'a narrower whole number holds no such id'),
	('uuid', '{00000000-0000-0000-0000-000000000001}', 'text', '{a}', '42804', 'a type that does not compare'),
	('char(3)', '{a}', 'text', '{"a","a "}', '42804', 'text keeps apart what char(n) calls equal'),
	('text', '{a}', 'char(3)', '{a}', '42804', 'and the other way round'),
	('char(3)', '{a}', 'char(3)', '{a,b}', 'a  :1:a b  :b', 'char(n) beside the same is right'),
	('text COLLATE loose', '{a,A,b}', 'text', '{A,a}', '42804', 'a collation keeps apart what that of the orders calls equal'),
	('text', '{a,A}', 'text COLLATE loose', '{a}', '42804', 'and the other way round'),
	('text COLLATE loose', '{a,A,b}', 'text COLLATE loose', '{A,C}', 'C:C a:2:A b:1', 'the same collation is right'),
	('text COLLATE loose', '{a,A,b}', 'text COLLATE loose', '{A,a}', '21000', 'and calls two rows one customer'),
	('text COLLATE "C"', '{a,A}', 'text', '{A,b}', 'A:1:A a:1 b:b', 'collations that keep all apart agree'),
	('text COLLATE "C"', '{a}', 'text COLLATE "POSIX"', '{a}', '42804', 'but two that are not the default cannot be compared'),
	('code5', '{short}', 'varchar(20)', '{short,longname1,longname2}', '42804', 'a domain hides the modifier'),
	('positive', '{1}', 'integer', '{1,-1}', '42804', 'and refuses as its base type does not'),
	('positive', '{1}', 'positive', '{1,2}', '1:1:1 2:2', 'the same domain is right'),
	('name', '{a}', 'text', '{a}', '42804', 'a name is cut'),
	('double precision', '{9007199254740992}', 'bigint', '{9007199254740992,9007199254740993}', '42804', 'a double rounds'),
	('oid', '{1}', 'bigint', '{1,5000000000}', '42804', 'an oid ends sooner'),
	('timestamptz', '{2025-01-01}', 'timestamp', '{2025-03-09 02:30,2025-03-09 03:30}', '42804', 'an instant depends on the zone');
INSERT INTO pair (orders_type, order_ids, other_type, other_ids, expected, why, role) VALUES
	('text COLLATE loose', '{a,A,b}', 'text', '{B,b}', '42804', 'merges of another collation would count an order twice', 'identity'),
	('text COLLATE loose', '{a,A,b}', 'text COLLATE loose', '{B}', '9:1 a:2', 'merges of the same collation are right', 'identity'),
	('integer', '{1}', 'bigint', '{}', '42804', 'merges of another type are refused', 'identity'),
	('numeric(10,0)', '{1,2}', 'numeric', '{1.4}', '42804', 'also where the modifier alone differs', 'identity');
SELECT is(profile_of(orders_type, order_ids, other_type, other_ids, role), expected, format('%s: %s beside %s: %s', role, orders_type, other_type, why)) FROM pair ORDER BY n;
SELECT is(profile_of(orders_type, order_ids, other_type, other_ids, role, 'view'), expected, format('histories in a view: %s beside %s', orders_type, other_type))
FROM pair WHERE role = 'identity' ORDER BY n;

-- what is not compared by the server's own operators
CREATE TYPE two_parts AS (a integer, b text);
CREATE DOMAIN two_parts_domain AS two_parts;
CREATE TABLE plain (c text, d date, a numeric, two two_parts, two_d two_parts_domain, several int[]);
INSERT INTO plain VALUES ('1', '2025-01-01', 1);
CREATE TABLE plain_ids (id two_parts, merged_into two_parts, name text);
SELECT matches(error_of(format('CALL tiering.create_pipeline(''p'', ''plain'', %L, ''d'', ''a'')', v)), '^42804 column "' || v, v || ' is refused as an id') FROM unnest('{two,two_d,several}'::text[]) AS v;
CALL tiering.create_pipeline('kept', 'plain', 'c', 'd', 'a');
SELECT matches(error_of('CALL tiering.alter_pipeline(''kept'', customer_id => ''two'')'), '^42804 column "two"', 'also later');
SELECT matches(error_of('CALL tiering.alter_pipeline(''kept'', customers => ''plain_ids'')'), '^42804 column "id"', 'also in customers');
SELECT matches(error_of('CALL tiering.alter_pipeline(''kept'', identity => ''plain_ids'')'), '^42804 column "id"', 'also in identity');
\if :has_citext
CREATE EXTENSION citext;
CREATE DOMAIN citext_domain AS citext;
SELECT is(profile_of(o, '{a,A}', i, '{A}'), '42804', format('equality is not the server''s own: %s beside %s', o, i)) FROM (VALUES ('citext', 'citext'), ('citext_domain', 'citext_domain'), ('text', 'citext')) AS v(o, i);
\else
SELECT skip('there is no citext', 3);
\endif
CALL tiering.refresh('kept', as_of => '2025-12-31');
SELECT is(verdict_of('kept', 'plain'), 'sound', 'what was refused changed nothing');

-- --- what changes cannot be told by any more -----------------------------------------

\if :has_fdw
CREATE EXTENSION postgres_fdw;
SELECT format('CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L, keep_connections ''off'')',
	split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database()) \gexec
CREATE USER MAPPING FOR CURRENT_USER SERVER loopback;
CREATE TABLE far AS SELECT 10 + i % 5 AS c, date '2025-01-01' + i AS d, 1 AS a FROM generate_series(1, 20) AS i;
CREATE TABLE parted (c int, d date, a numeric) PARTITION BY RANGE (c);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE parent (c int, d date, a numeric);
INSERT INTO parted SELECT i % 5, date '2025-01-01' + i, 1 FROM generate_series(1, 20) AS i;
INSERT INTO parent TABLE parted;
CALL tiering.create_pipeline('of_parted', 'parted', 'c', 'd', 'a');
CALL tiering.create_pipeline('of_parent', 'parent', 'c', 'd', 'a');
CREATE TEMP TABLE change (n serial, statement text, build text, why text);
INSERT INTO change (statement, build, why) VALUES
	('SELECT', 'full', 'the first run'),
	('UPDATE %1$s SET a = 2 WHERE c = 1 AND d = ''2025-01-02''', 'changes', 'all parts are here'),
	('CREATE FOREIGN TABLE far_%1$s %2$s SERVER loopback OPTIONS (table_name ''far'')', 'full', 'a foreign part came'),
	('UPDATE far_%1$s SET a = a + 10 WHERE c = 12', 'full', 'a change in the foreign part is seen'),
	('INSERT INTO %1$s VALUES (1, ''2025-02-01'', 3)', 'full', 'and one beside it'),
	('DROP FOREIGN TABLE far_%1$s', 'full', 'the foreign part went'),
	('UPDATE %1$s SET a = 4 WHERE c = 2 AND d = ''2025-01-03''', 'changes', 'and row versions tell all again');
SELECT format(c.statement, t.relation, t.as_part), format('CALL tiering.refresh(''of_%s'', as_of => ''2025-12-31'')', t.relation),
	format('SELECT is(concat_ws('' '', verdict_of(%1$L, %2$L), last_run(%1$L, ''build'')), %3$L, %4$L)', 'of_' || t.relation, t.relation, 'sound ' || c.build, t.relation || ': ' || c.why)
FROM change AS c, (VALUES ('parted', 'PARTITION OF parted FOR VALUES FROM (10) TO (20)'), ('parent', '() INHERITS (parent)')) AS t(relation, as_part)
ORDER BY t.relation, c.n \gexec
\else
SELECT skip('there is no postgres_fdw', 14);
\endif

-- row security, switched on and off; it does not bind a superuser
SET ROLE check_shop;
CREATE TABLE secured (c int, d date, a numeric, shop int);
INSERT INTO secured SELECT i % 5, date '2025-01-01' + i, CASE i % 2 WHEN 0 THEN 1 ELSE 10 END, i % 2 FROM generate_series(1, 20) AS i;
CREATE TABLE my_shop AS SELECT 0 AS shop;
CREATE POLICY of_shop ON secured USING (shop IN (SELECT shop FROM my_shop));
CALL tiering.create_pipeline('of_secured', 'secured', 'c', 'd', 'a');
CREATE TEMP TABLE policy (n serial, statement text, build text, revenue numeric, why text);
INSERT INTO policy (statement, build, revenue, why) VALUES
	('SELECT', 'full', 110, 'the first run'),
	('ALTER TABLE secured ENABLE ROW LEVEL SECURITY; UPDATE secured SET a = 2 WHERE c = 0 AND shop = 0 AND d = ''2025-01-11''', 'changes', 111, 'it does not bind the owner'),
	('ALTER TABLE secured FORCE ROW LEVEL SECURITY', 'full', 11, 'now it does'),
	('UPDATE my_shop SET shop = 1', 'full', 100, 'what decides changed, and no order'),
	('UPDATE my_shop SET shop = 0', 'full', 11, 'and back'),
	('ALTER TABLE secured DISABLE ROW LEVEL SECURITY', 'full', 111, 'switched off, there are more rows'),
	('UPDATE secured SET a = 3 WHERE d = ''2025-01-11''', 'changes', 112, 'and row versions tell all again');
CREATE TEMP TABLE got (n integer, verdict text);
SELECT statement, 'CALL tiering.refresh(''of_secured'', as_of => ''2025-12-31'')',
	format('INSERT INTO got SELECT %s, concat_ws('' '', verdict_of(''of_secured'', ''secured''), last_run(''of_secured'', ''build''), sum(monetary)) FROM of_secured.customer_rfm', n)
FROM policy ORDER BY n \gexec
RESET ROLE;
SELECT is(g.verdict, format('sound %s %s', p.build, p.revenue), 'row security: ' || p.why) FROM got AS g JOIN policy AS p USING (n) ORDER BY n;

-- --- NOT NULL that does not hold --------------------------------------------------

CREATE TABLE strict (c int NOT NULL, d date NOT NULL, a numeric NOT NULL);
INSERT INTO strict VALUES (1, '2025-01-01', 1), (2, '2025-01-05', 1);
CREATE TABLE upper (c int NOT NULL, d date NOT NULL, a numeric NOT NULL);
CREATE TABLE lower () INHERITS (upper);
ALTER TABLE lower ALTER c DROP NOT NULL;
INSERT INTO lower VALUES (NULL, '2025-01-01', 5), (1, '2025-01-01', 5);
CREATE TABLE half (c int, d date NOT NULL, a numeric NOT NULL);
INSERT INTO half VALUES (1, '2025-01-01', 1), (NULL, '2025-01-05', 1);
CREATE FUNCTION left_out(pipeline text, relation text, expected integer, why text) RETURNS text LANGUAGE SQL
RETURN is(concat_ws(' ', verdict_of(pipeline, relation), last_run(pipeline, 'lines_left_out')), 'sound ' || expected, pipeline || ': ' || why);
CREATE FUNCTION make_and_refresh(relation text, histories text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	CALL tiering.create_pipeline(relation || '_' || histories, relation::regclass, 'c', 'd', 'a', histories => histories);
	CALL tiering.refresh(relation || '_' || histories, as_of => '2025-12-31');
END $$;
SELECT format('DO $$BEGIN PERFORM make_and_refresh(%L, %L); END$$', r, h),
	format('SELECT left_out(%L, %L, %s, %L)', r || '_' || h, r, n, why)
FROM (VALUES ('strict', 0, 'NOT NULL holds'), ('upper', 1, 'a child may drop NOT NULL'), ('half', 1, 'a column may lack it')) AS v(r, n, why), unnest('{table,view}'::text[]) AS h \gexec
ALTER TABLE strict ALTER c DROP NOT NULL, ALTER d DROP NOT NULL, ALTER a DROP NOT NULL;
INSERT INTO strict VALUES (NULL, '2025-01-02', 7), (3, NULL, 5), (1, '2025-01-03', NULL);
ALTER TABLE half RENAME c TO customer;
SELECT format('CALL tiering.refresh(%L, as_of => ''2025-12-31'', "full" => true)', v.relation || '_' || h), format('SELECT left_out(%L, %L, %s, %L)', v.relation || '_' || h, v.query, n, why)
FROM (VALUES ('strict', 'strict', 3, 'NOT NULL was dropped'), ('half', '(SELECT customer AS c, d, a FROM half) AS h', 1, 'a column was renamed')) AS v(relation, query, n, why), unnest('{table,view}'::text[]) AS h \gexec
INSERT INTO strict VALUES (1, '2025-01-04', 1);
CALL tiering.refresh('strict_table', as_of => '2025-12-31');
SELECT is(verdict_of('strict_table', 'strict') || ' ' || last_run('strict_table', 'build'), 'sound changes', 'rows left out are not taken for rows deleted');
\if :has_fdw
CREATE TABLE far_half AS SELECT 1 AS c, date '2025-01-01' AS d, 1.0 AS a UNION ALL SELECT NULL, '2025-01-02', 5;
CREATE FOREIGN TABLE far_strict (c int NOT NULL, d date NOT NULL, a numeric NOT NULL) SERVER loopback OPTIONS (table_name 'far_half');
SELECT format('DO $$BEGIN PERFORM make_and_refresh(''far_strict'', %L); END$$', h), format('SELECT left_out(%L, ''far_strict'', 1, ''a foreign table only says NOT NULL'')', 'far_strict_' || h)
FROM unnest('{table,view}'::text[]) AS h \gexec
\else
SELECT skip('there is no postgres_fdw', 2);
\endif

-- --- amounts with binary fractions ---------------------------------------------------

CREATE TABLE binary_amounts (c int, d date, r real, f double precision, exact numeric);
INSERT INTO binary_amounts SELECT row_number() OVER (), '2025-01-01', v, v, v FROM unnest('{16777.25,1234567,0.5,8388608,0}'::numeric[]) AS v;
INSERT INTO binary_amounts (c, d, f, exact) SELECT 10 + row_number() OVER (), '2025-01-01', v, v
FROM unnest('{1234567890.123456,999999999.999999,0.1,1234.56,19.99,123456789012345}'::numeric[]) AS v;
SET extra_float_digits = 0;
SELECT results_eq(format('SELECT customer_id::int, monetary FROM tiering.rfm_table(''binary_amounts'', ''c'', ''d'', %L, ''2025-01-31'') ORDER BY 1', col),
	format('SELECT c, exact FROM binary_amounts WHERE %I IS NOT NULL ORDER BY 1', col), why)
FROM (VALUES ('r', 'a real keeps all digits that it holds'), ('f', 'a double precision, too')) AS v(col, why);
CALL tiering.create_pipeline('binary', 'binary_amounts', 'c', 'd', 'f');
CALL tiering.refresh('binary', as_of => '2025-12-31');
SELECT results_eq('SELECT customer_id, monetary FROM "binary".customer_rfm ORDER BY 1', 'SELECT c, exact FROM binary_amounts ORDER BY 1', 'in a pipeline, too');
RESET extra_float_digits;

-- --- rights outlast what is made anew ----------------------------------------------------

CREATE TABLE graded (c int, d date, a numeric, st text);
INSERT INTO graded VALUES (1, '2025-01-01', 1, 'x'), (2, '2025-01-02', 2, 'y');
CREATE TABLE graded_merged (id int, merged_into int);
CALL tiering.create_pipeline('read', 'graded', 'c', 'd', 'a', identity => 'graded_merged');
CALL tiering.refresh('read', as_of => '2025-01-31');
GRANT SELECT ON ALL TABLES IN SCHEMA read TO check_reporter;
GRANT SELECT (customer_id) ON read.order_line, read.purchase_history_stored TO PUBLIC;
GRANT SELECT ON read.purchase TO check_shop WITH GRANT OPTION;
CREATE FUNCTION lost_rights() RETURNS SETOF text LANGUAGE SQL AS $$
	SELECT 'of check_reporter on ' || c.relname FROM pg_class AS c
	WHERE c.relnamespace = 'read'::regnamespace AND c.relkind IN ('r', 'v', 'm') AND NOT has_table_privilege('check_reporter', c.oid, 'SELECT')
	UNION ALL SELECT 'of all on a column of ' || c.relname FROM pg_class AS c
	WHERE c.oid IN (to_regclass('read.order_line'), to_regclass('read.purchase_history_stored')) AND NOT has_column_privilege('check_shop', c.oid, 'customer_id', 'SELECT')
	UNION ALL SELECT 'to grant' WHERE NOT has_table_privilege('check_shop', 'read.purchase', 'SELECT WITH GRANT OPTION')
	UNION ALL SELECT 'none: more was granted' WHERE has_column_privilege('check_shop', 'read.order_line', 'amount', 'SELECT')
$$;
CREATE TEMP TABLE act (n serial, statement text, why text);
INSERT INTO act (statement, why) VALUES
	('CALL tiering.refresh(''read'', as_of => ''2025-01-31'', "full" => true)', 'a full build'),
	('CALL tiering.alter_pipeline(''read'', filter => ''st > '''''''''')', 'another filter'),
	('CALL tiering.alter_pipeline(''read'', orders => ''graded'')', 'the same orders named again'),
	('CALL tiering.alter_pipeline(''read'', materialization => ''table'')', 'another materialization'),
	('CALL tiering.alter_pipeline(''read'', identity => ''-'')', 'no merges any more'),
	('CALL tiering.alter_pipeline(''read'', histories => ''view'', filter => '''')', 'histories in a view');
SELECT statement, format('SELECT is_empty(''SELECT lost_rights()'', %L)', 'rights outlast: ' || why) FROM act ORDER BY n \gexec

-- --- columns of customers with a collation of their own ------------------------------------

CREATE TABLE collated (id text, nm text COLLATE "C", born varchar(9) COLLATE "POSIX");
CREATE TABLE other_customers (id text, city text);
INSERT INTO collated VALUES ('1', 'x', 'y');
CREATE FUNCTION collations() RETURNS text LANGUAGE SQL STABLE
RETURN (SELECT string_agg(format('%s %s', attname, tiering.column_type(attrelid::regclass, attname)), ', ' ORDER BY attnum)
	FROM pg_attribute WHERE attrelid = 'kept.customer_profile'::regclass AND attname IN ('nm', 'born'));
CALL tiering.alter_pipeline('kept', customers => 'collated');
SELECT is(collations(), 'nm text COLLATE pg_catalog."C", born character varying(9) COLLATE pg_catalog."POSIX"', 'attributes keep their collation');
SELECT is(error_of(format('CALL tiering.alter_pipeline(''kept'', customers => %L)', v)), 'no error', 'attributes with a collation: ' || why)
FROM (VALUES ('other_customers', 'another relation of customers'), ('-', 'none'), ('collated', 'and the first again')) AS v(v, why);
SELECT is(collations(), 'nm text COLLATE pg_catalog."C", born character varying(9) COLLATE pg_catalog."POSIX"', 'and they still have it');
CALL tiering.refresh('kept', as_of => '2025-12-31');
SELECT is(format('%s', p), '(1,1,x,y,)', 'and their values') FROM (SELECT customer_id, orders, nm, born, city FROM kept.customer_profile) AS p;

-- --- what only looks like a pipeline ---------------------------------------------------------

-- Is a real pipeline still listed beside one that somebody made by hand?  All is undone.
CREATE FUNCTION listed(orders text, number text, day text, instant text, row_values text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
	CREATE SCHEMA looks_like;
	EXECUTE format('CREATE TABLE looks_like.pipeline AS SELECT ''plain''::%s AS orders, ''x''::text AS histories, ''y''::text AS materialization', orders);
	EXECUTE format('CREATE TABLE looks_like.run (run %1$s, state text, as_of %2$s, started_at %3$s, finished_at %3$s,
		customers %1$s, source_lines %1$s, build text, error text, pid integer, backend_start %3$s)', number, day, instant);
	EXECUTE format('INSERT INTO looks_like.run VALUES %s', row_values);
	SELECT string_agg(concat_ws(' ', v.pipeline, v.state, v.run IS NOT NULL, v.age IS NOT NULL, v.duration IS NOT NULL), ', ' ORDER BY v.pipeline) INTO found
	FROM tiering.pipelines AS v WHERE v.pipeline IN ('kept', 'looks_like');
	RAISE EXCEPTION USING ERRCODE = 'UNDO1', MESSAGE = found;
EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
	RETURN SQLERRM;
WHEN OTHERS THEN
	RETURN concat_ws(' ', SQLSTATE, SQLERRM);
END $$;
SELECT matches(listed(o, n, d, i, r), '^kept done t t t' || more || '$', 'tiering.pipelines beside ' || why) FROM (VALUES
	('regclass', 'bigint', 'date', 'timestamptz', $$(1, 'done', '2025-01-01', now(), now(), 1, 1, 'full', NULL, 1, now())$$, ', looks_like done t t t', 'one with the right columns'),
	('regclass', 'text', 'text', 'text', $$('a', 'done', 'garbage', 'c', 'd', 'e', 'f', 'g', 'h', 0, 'j')$$, ', looks_like new f f f', 'texts instead of numbers and times'),
	('text', 'bigint', 'date', 'timestamptz', $$(1, 'done', '2025-01-01', now(), now(), 1, 1, 'full', NULL, 1, now())$$, '', 'a text instead of a relation'),
	('regclass', 'numeric', 'date', 'timestamptz', $$(1e30, 'done', '2025-01-01', now(), now(), 1, 1, 'full', NULL, 1, now())$$, ', looks_like new f f f', 'a number out of range'),
	('regclass', 'bigint', 'date', 'timestamptz', $$(1, 'done', 'infinity', '-infinity', 'infinity', 1, 1, 'full', NULL, 1, 'infinity')$$, ', looks_like done t f f', 'times that never were'),
	('regclass', 'bigint', 'date', 'timestamptz', $$(1, 'running', 'infinity', 'infinity', NULL, NULL, NULL, NULL, NULL, pg_backend_pid(), '-infinity')$$, ', looks_like interrupted t f f', 'a run that is none')) AS v(o, n, d, i, r, more, why);

SET datestyle = 'German';
SET timezone = 'America/New_York';
SELECT matches(listed('regclass', 'bigint', 'date', 'timestamptz', $$(1, 'done', '2025-01-01', '1800-01-01', '1800-01-02', 1, 1, 'full', NULL, 1, now())$$), '^kept done t t t', 'times are read whatever the date style');
SET datestyle = 'SQL, DMY';
SET timezone = 'Asia/Kolkata';
SELECT ok(age BETWEEN interval '0' AND interval '1 hour' AND last_finished BETWEEN now() - interval '1 hour' AND clock_timestamp(), 'and are right') FROM tiering.pipelines WHERE pipeline = 'kept';
RESET datestyle;
RESET timezone;

-- --- what a name or a type may hide ---------------------------------------------------------

CREATE TABLE renamed (c int, d date NOT NULL, a numeric NOT NULL, n int NOT NULL);
INSERT INTO renamed VALUES (1, '2025-01-01', 1, 1), (NULL, '2025-01-05', 1, 1);
CALL tiering.create_pipeline('renames', 'renamed', 'c', 'd', 'a');
ALTER TABLE renamed RENAME c TO cust;
ALTER TABLE renamed RENAME n TO c;
CALL tiering.refresh('renames', as_of => '2025-01-31');
SELECT is((SELECT lines_left_out FROM renames.run), 1::bigint, 'rows left out are counted when another column has taken the name');
CREATE TABLE prices (c int, d date, a real);
INSERT INTO prices SELECT i, '2025-01-01', (i / 100.0)::real FROM generate_series(1, 3000) AS i;
SELECT is((SELECT count(*) FROM tiering.rfm_table('prices', 'c', 'd', 'a', '2025-01-31') WHERE monetary <> customer_id::int / 100.0), 0::bigint, 'a real price is the price');

-- --- failures half-way ---------------------------------------------------------------------

CREATE TABLE scored AS SELECT i AS c, date '2025-01-01' + i AS d, i::numeric AS a FROM generate_series(1, 50) AS i;
CREATE TABLE known (id int, nm text);
INSERT INTO known VALUES (1, 'x'), (99, 'y');
-- all that reports read
CREATE FUNCTION reports(pipeline text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
	EXECUTE format('SELECT concat_ws(E''\n'', (SELECT string_agg(t::text, '' '' ORDER BY t) FROM %1$I.customer_rfm AS t), (SELECT string_agg(t::text, '' '' ORDER BY t) FROM %1$I.rfm_heatmap AS t),
		(SELECT string_agg(t::text, '' '' ORDER BY t) FROM %1$I.customer_profile AS t), (SELECT string_agg(t::text, '' '' ORDER BY t) FROM %1$I.segment_summary AS t),
		(SELECT string_agg(t::text, '' '') FROM %1$I.rfm_cutoff AS t))', pipeline) INTO found;
	RETURN found;
END $$;
CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the last step fails' USING ERRCODE = 'XX999'; END $$;
CREATE TEMP TABLE published AS SELECT 'by ' || m AS pipeline, m AS materialization, ''::text AS content FROM unnest('{materialized view,table,view}'::text[]) AS m
UNION ALL SELECT 'all views', 'materialized view', '';
SELECT format('CALL tiering.create_pipeline(%L, ''scored'', ''c'', ''d'', ''a'', customers => ''known'', bins => 10, materialization => %L, histories => %L)',
		pipeline, materialization, CASE pipeline WHEN 'all views' THEN 'view' ELSE 'table' END),
	format('CALL tiering.refresh(%L, as_of => ''2025-03-31'')', pipeline), format('CALL tiering.alter_pipeline(%L, bins => 2)', pipeline),
	format('UPDATE published SET content = reports(%1$L) WHERE pipeline = %1$L', pipeline),
	format('CREATE TRIGGER fail BEFORE UPDATE ON %I.run FOR EACH ROW WHEN (NEW.state = ''done'') EXECUTE FUNCTION break_off()', pipeline)
FROM published \gexec
SELECT is((SELECT count(*) FROM "by table".rfm_heatmap), 100::bigint, 'bins that were altered wait for the next refresh');
-- at the top level, where each step commits
\set ON_ERROR_STOP off
SELECT format('CALL tiering.refresh(%L, as_of => ''2025-06-30'')', pipeline) FROM published \gexec
\set ON_ERROR_STOP on
SELECT is(last_run(pipeline, 'state') || ' ' || last_run(pipeline, 'as_of') || ' ' || last_run(pipeline, 'bins'), 'failed 2025-06-30 2', pipeline || ': a refresh that has cut points fails') FROM published;
SELECT is(reports(pipeline), content, pipeline || ': all reports are as they were') FROM published;
SELECT format('DROP TRIGGER fail ON %I.run', pipeline), format('CALL tiering.refresh(%L, as_of => ''2025-06-30'')', pipeline),
	format('SELECT is(verdict(%L, ''SELECT c AS customer, d AS day, a AS amount, NULL AS order_id FROM scored'', ''2025-06-30'', 2), ''sound'', %L)', pipeline, pipeline || ': the next one is right'),
	format('SELECT results_eq(''SELECT DISTINCT as_of FROM %I.customer_profile'', ARRAY[date ''2025-06-30''], %L)', pipeline, pipeline || ': and all of one day')
FROM published \gexec

UPDATE published SET content = reports(pipeline);
INSERT INTO known VALUES (1, 'twice');
SELECT is(error_of(format('CALL tiering.refresh(%L, as_of => ''2025-12-31'')', pipeline)), '21000 customer "1" has more than one row in public.known', pipeline || ': two rows for one customer are refused') FROM published;
\set ON_ERROR_STOP off
SELECT format('CALL tiering.refresh(%L, as_of => ''2025-12-31'')', pipeline) FROM published \gexec
\set ON_ERROR_STOP on
DELETE FROM known WHERE nm = 'twice';
SELECT is(reports(pipeline) || last_run(pipeline, 'run'), content || '3', pipeline || ': before the run began') FROM published;

SELECT drop_roles();
SELECT * FROM finish();
