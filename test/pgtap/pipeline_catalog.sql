--
-- pipeline_catalog: what is promised of every object, read from the catalogs
--
\set QUIET on
SET client_min_messages = warning;
SELECT plan(26);

-- --- the extension's own objects ------------------------------------------------

SELECT is((SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc AS p WHERE pronamespace = 'tiering'::regnamespace AND prosecdef), NULL,
	'no function runs with its owner''s rights');
SELECT is((SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc AS p JOIN pg_language AS l ON l.oid = prolang
	WHERE pronamespace = 'tiering'::regnamespace AND lanname = 'plpgsql' AND prosrc !~* '\mCOMMIT\s*;'
		AND NOT COALESCE('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)), NULL,
	'every PL/pgSQL function that does not commit pins its search path');
SELECT is((SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc AS p JOIN pg_language AS l ON l.oid = prolang
	WHERE pronamespace = 'tiering'::regnamespace AND lanname = 'sql' AND prosqlbody IS NULL
		AND NOT COALESCE('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)), NULL,
	'every SQL function has a parsed body, or pins its search path');
SELECT is((SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc AS p JOIN pg_language AS l ON l.oid = prolang
	WHERE pronamespace = 'tiering'::regnamespace AND lanname NOT IN ('c', 'internal', 'sql', 'plpgsql')), NULL, 'no other language is used');
SELECT is((SELECT string_agg(p.proname, ', ' ORDER BY p.proname) FROM pg_proc AS p WHERE pronamespace = 'tiering'::regnamespace AND prosrc ~* '\mCOMMIT\s*;'),
	'refresh', 'refresh commits, and nothing else does');
SELECT is((SELECT proconfig FROM pg_proc WHERE proname = 'refresh' AND pronamespace = 'tiering'::regnamespace), NULL, 'so it has no SET clause');
-- comments and blank lines out; what follows each COMMIT
CREATE TEMP TABLE committing AS
SELECT p.proname, regexp_replace(regexp_replace(prosrc, '--[^\n]*', '', 'g'), '\s+', ' ', 'g') AS source
FROM pg_proc AS p WHERE pronamespace = 'tiering'::regnamespace AND prosrc ~* '\mCOMMIT\s*;';
SELECT is((SELECT count(*) FROM committing, regexp_split_to_table(source, '\mCOMMIT\s*;', 'i') WITH ORDINALITY AS part(text, place)
	WHERE place > 1 AND text !~ '^ SET LOCAL search_path = pg_catalog, pg_temp;'), 0::bigint, 'after each COMMIT it sets its search path first');
SELECT cmp_ok((SELECT count(*) FROM committing, regexp_matches(source, '\mCOMMIT\s*;', 'gi')), '>=', 3::bigint, 'and there are such places');
SELECT ok((SELECT source ~ ' BEGIN SET LOCAL search_path = pg_catalog, pg_temp;' FROM committing), 'it sets it as the first statement');
SELECT is((SELECT count(*) FROM committing, regexp_matches(substring(source FROM '^(.*?) BEGIN '), ':= (?!(tiering\.|pg_catalog\.|false|true|NULL))', 'g')), 0::bigint,
	'and names everything in full before that');

SELECT is((SELECT string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.oid::regprocedure::text COLLATE "C") FROM pg_proc AS p
	WHERE pronamespace = 'tiering'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL), NULL, 'every function, aggregate and procedure has a comment');
SELECT is((SELECT string_agg(t.typname, ', ' ORDER BY t.typname) FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid
	WHERE typnamespace = 'tiering'::regnamespace AND typcategory <> 'A' AND (c.oid IS NULL OR c.relkind = 'c') AND obj_description(t.oid, 'pg_type') IS NULL), NULL, 'every type has a comment');
SELECT is((SELECT string_agg(c.relname, ', ') FROM pg_class AS c WHERE relnamespace = 'tiering'::regnamespace AND relkind IN ('v', 'm', 'r') AND obj_description(c.oid, 'pg_class') IS NULL), NULL, 'every view has a comment');
SELECT is((SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE attrelid = 'tiering.pipelines'::regclass AND attnum > 0 AND col_description(attrelid, attnum) IS NULL), NULL,
	'every column of tiering.pipelines has a comment');
SELECT is((SELECT string_agg(o.oid::regoperator::text, ', ') FROM pg_operator AS o WHERE oprnamespace = 'tiering'::regnamespace AND obj_description(o.oid, 'pg_operator') IS NULL), NULL, 'every operator has a comment');
SELECT isnt(obj_description('tiering'::regnamespace, 'pg_namespace'), NULL, 'the schema has a comment');
SELECT is((SELECT string_agg(c.relname, ', ') FROM pg_class AS c WHERE relnamespace = 'tiering'::regnamespace AND relkind IN ('r', 'p', 'S', 'm')), NULL, 'the extension owns no table');
SELECT ok(has_schema_privilege('public', 'tiering', 'USAGE') AND NOT has_schema_privilege('public', 'tiering', 'CREATE'), 'anybody may use the schema, nobody may create in it');
SELECT is((SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc AS p WHERE pronamespace = 'tiering'::regnamespace AND provolatile = 'i'
	AND prosrc ~* '\m(now|current_date|clock_timestamp|current_setting)\M'), NULL, 'no immutable function reads a clock or a setting');

-- --- the relations of a pipeline ---------------------------------------------------

CREATE TABLE orders (customer integer, day date, amount numeric);
INSERT INTO orders SELECT n, '2024-01-01', n FROM generate_series(1, 9) AS n;
CREATE TABLE customers (id integer, city text);
CREATE TABLE merged (id integer, merged_into integer);
CALL tiering.create_pipeline('shop', 'orders', 'customer', 'day', 'amount', customers => 'customers', identity => 'merged');
CALL tiering.refresh('shop', as_of => '2024-01-31');
CALL tiering.create_pipeline('plain', 'orders', 'customer', 'day', 'amount', histories => 'view', materialization => 'table');
CALL tiering.create_pipeline('shown', 'orders', 'customer', 'day', 'amount', materialization => 'view');
CREATE TEMP VIEW relation AS SELECT c.oid, n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname IN ('shop', 'plain', 'shown') AND c.relkind IN ('r', 'v', 'm');
SELECT is((SELECT string_agg(nspname || '.' || relname, ', ') FROM relation WHERE obj_description(oid, 'pg_class') IS NULL), NULL, 'every relation of a pipeline has a comment');
SELECT is((SELECT string_agg(DISTINCT relname || '.' || attname, ', ') FROM relation JOIN pg_attribute AS a ON attrelid = relation.oid
	WHERE attnum > 0 AND NOT attisdropped AND col_description(attrelid, attnum) IS NULL
		AND relname IN ('customer_rfm', 'segment_summary', 'rfm_heatmap', 'customer_profile', 'purchase_history')), NULL, 'every column of what reports read has one');
SELECT is((SELECT string_agg(DISTINCT relname || '.' || attname, ', ') FROM relation JOIN pg_attribute AS a ON attrelid = relation.oid
	WHERE attnum > 0 AND NOT attisdropped AND col_description(attrelid, attnum) IS NULL
		AND relname NOT IN ('customer_rfm', 'segment_summary', 'rfm_heatmap', 'customer_profile', 'purchase_history')), NULL, 'and every column of all else');
SELECT is((SELECT string_agg(DISTINCT relname || '.' || attname || ' ' || format_type(atttypid, NULL), ', ') FROM relation JOIN pg_attribute AS a ON attrelid = relation.oid
	WHERE attnum > 0 AND relname IN ('customer_rfm', 'segment_summary', 'rfm_heatmap', 'customer_profile')
		AND atttypid::regtype::text NOT IN ('integer', 'bigint', 'numeric', 'text', 'date', 'double precision', 'boolean')), NULL, 'reports read plain types alone');
SELECT is((SELECT string_agg(DISTINCT pg_get_userbyid(c.relowner), ', ') FROM relation JOIN pg_class AS c ON c.oid = relation.oid), current_user::text, 'all belongs to who made the pipeline');
SELECT matches(obj_description('shop'::regnamespace, 'pg_namespace'), 'orders', 'the schema says what it is made from');
SELECT matches(pg_get_viewdef('shop.purchase'::regclass), 'sum|order_line', 'the SQL that was made can be read');

SELECT * FROM finish();
