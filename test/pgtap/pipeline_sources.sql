--
-- pipeline_sources: orders of every kind, customers of every type, any name
--
\set QUIET on
SET client_min_messages = warning;
\ir pipeline_oracle.psql
SELECT plan(118);

CREATE FUNCTION last_build(pipeline text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
	EXECUTE format('SELECT build FROM %I.run ORDER BY run DESC LIMIT 1', pipeline) INTO found;
	RETURN found;
END $$;

CREATE TABLE base AS
SELECT n AS line, 1 + n % 13 AS customer, date '2023-01-01' + n * 7 % 350 AS day,
	((n % 40) - 4)::numeric AS amount, 'A' || n / 2 AS order_id
FROM generate_series(1, 200) AS n;

-- --- kinds of relations ------------------------------------------------------

-- what a change in each must lead to
CREATE TABLE heap AS TABLE base;
CREATE TABLE parted (LIKE base) PARTITION BY RANGE (day);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2023-01-01') TO ('2023-07-01') PARTITION BY LIST (customer);
CREATE TABLE parted_1_1 PARTITION OF parted_1 FOR VALUES IN (1, 2, 3);
CREATE TABLE parted_1_2 PARTITION OF parted_1 DEFAULT;
-- a partition whose columns stand in another order
CREATE TABLE parted_2 (order_id text, amount numeric, extra int, day date, customer integer, line integer);
ALTER TABLE parted_2 DROP COLUMN extra;
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM ('2023-07-01') TO ('2024-01-01');
INSERT INTO parted TABLE base;
CREATE TABLE parent (LIKE base);
CREATE TABLE child (note text) INHERITS (parent);
INSERT INTO parent SELECT * FROM base WHERE line % 2 = 0;
INSERT INTO child SELECT * FROM base WHERE line % 2 = 1;
CREATE TABLE under_view AS TABLE base;
CREATE VIEW a_view AS SELECT * FROM under_view;
CREATE TABLE under_dated AS SELECT *, clock_timestamp() AS touched FROM base;
CREATE VIEW dated_view AS SELECT * FROM under_dated;
CREATE TABLE under_matview AS TABLE base;
CREATE MATERIALIZED VIEW a_matview AS SELECT * FROM under_matview;
CREATE UNIQUE INDEX ON a_matview (line);
CREATE TABLE dropped_column (gone text, line integer, customer integer, gone2 integer, day date, amount numeric, order_id text);
ALTER TABLE dropped_column DROP COLUMN gone, DROP COLUMN gone2;
INSERT INTO dropped_column TABLE base;
CREATE TABLE generated_column (line integer, customer integer, day date, cents bigint,
	amount numeric GENERATED ALWAYS AS (cents / 100.0) STORED, order_id text);
INSERT INTO generated_column (line, customer, day, cents, order_id) SELECT line, customer, day, amount * 100, order_id FROM base;
CREATE UNLOGGED TABLE unlogged AS TABLE base;

CREATE TEMP TABLE kind (n serial, source text, written text, changed_at text, refreshed text, insertion text, deletion text);
INSERT INTO kind (source, written, changed_at, refreshed, insertion, deletion) VALUES
	('heap', 'heap', NULL, NULL, 'changes', 'full'),
	('parted', 'parted', NULL, NULL, 'changes', 'full'),
	('parent', 'child', NULL, NULL, 'changes', 'full'),
	('a_view', 'under_view', NULL, NULL, 'full', 'full'),
	('dated_view', 'under_dated', 'touched', NULL, 'changes', NULL),
	('a_matview', 'under_matview', NULL, 'REFRESH MATERIALIZED VIEW a_matview', NULL, NULL),
	('a_matview', 'under_matview', NULL, 'REFRESH MATERIALIZED VIEW CONCURRENTLY a_matview', 'changes', 'full'),
	('dropped_column', 'dropped_column', NULL, NULL, 'changes', 'full'),
	('unlogged', 'unlogged', NULL, NULL, 'changes', 'full');
SELECT format($$CALL tiering.create_pipeline('p', %L, 'customer', 'day', 'amount', order_id => 'order_id', changed_at => %L)$$, source, changed_at),
	$$CALL tiering.refresh('p', as_of => '2023-12-31')$$,
	format($$SELECT is(verdict('p', 'SELECT * FROM %s', '2023-12-31'), 'sound', %L)$$, source, n || ': ' || source),
	format($$INSERT INTO %I (line, customer, day, amount, order_id%s) VALUES (1001, 3, '2023-12-20', 50, 'B1'%s)$$, written,
		', ' || changed_at, CASE WHEN changed_at IS NOT NULL THEN ', clock_timestamp() - interval ''50 minutes''' END),
	refreshed,
	$$CALL tiering.refresh('p', as_of => '2023-12-31')$$,
	format($$SELECT is(verdict('p', 'SELECT * FROM %s', '2023-12-31'), 'sound', %L)$$, source, n || ': ' || source || ' after an insertion'),
	format($$SELECT is(last_build('p'), COALESCE(%L, last_build('p')), %L)$$, insertion, n || ': which leads to this build'),
	format($$UPDATE %I SET amount = amount + 1%s WHERE customer = 5$$, written, ', ' || changed_at || ' = clock_timestamp()'),
	refreshed,
	$$CALL tiering.refresh('p', as_of => '2023-12-31')$$,
	format($$SELECT is(verdict('p', 'SELECT * FROM %s', '2023-12-31'), 'sound', %L)$$, source, n || ': ' || source || ' after an update'),
	format($$DELETE FROM %I WHERE line IN (21, 22, 1001)$$, written),
	refreshed,
	$$CALL tiering.refresh('p', as_of => '2023-12-31')$$,
	format($$SELECT is(verdict('p', 'SELECT * FROM %s', '2023-12-31'), 'sound', %L)$$, source, n || ': ' || source || ' after a deletion'),
	format($$SELECT is(last_build('p'), COALESCE(%L, last_build('p')), %L)$$, deletion, n || ': which leads to this build'),
	$$CALL tiering.drop_pipeline('p')$$
FROM kind ORDER BY n \gexec

CALL tiering.create_pipeline('p', 'generated_column', 'customer', 'day', 'amount', order_id => 'order_id');
CALL tiering.refresh('p', as_of => '2023-12-31');
UPDATE generated_column SET cents = cents + 50 WHERE line < 9;
CALL tiering.refresh('p', as_of => '2023-12-31');
SELECT is(verdict('p', 'SELECT * FROM generated_column', '2023-12-31'), 'sound', 'an amount that is a generated column');
CALL tiering.drop_pipeline('p');

-- a row that moves from one partition to another
CALL tiering.create_pipeline('p', 'parted', 'customer', 'day', 'amount', order_id => 'order_id');
CALL tiering.refresh('p', as_of => '2023-12-31');
UPDATE parted SET day = '2023-12-30' WHERE line = 1;
CALL tiering.refresh('p', as_of => '2023-12-31');
SELECT is(verdict('p', 'SELECT * FROM parted', '2023-12-31'), 'sound', 'a row moved to another partition');
-- partitions that come and go
CREATE TABLE parted_3 (LIKE parted_2);
INSERT INTO parted_3 SELECT order_id || 'x', amount, '2024-02-01', 1 + line % 3, line + 5000 FROM base WHERE line < 50;
CALL tiering.refresh('p', as_of => '2023-12-31');
ALTER TABLE parted ATTACH PARTITION parted_3 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CALL tiering.refresh('p', as_of => '2024-12-31');
SELECT is(verdict('p', 'SELECT * FROM parted', '2024-12-31'), 'sound', 'a partition attached whose rows are older than the last refresh');
CREATE TABLE parted_3_new (LIKE parted_3);
INSERT INTO parted_3_new SELECT order_id, amount * 2, day, customer, line FROM parted_3;
CALL tiering.refresh('p', as_of => '2024-12-31');
ALTER TABLE parted DETACH PARTITION parted_3;
ALTER TABLE parted ATTACH PARTITION parted_3_new FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CALL tiering.refresh('p', as_of => '2024-12-31');
SELECT is(verdict('p', 'SELECT * FROM parted', '2024-12-31'), 'sound', 'a partition exchanged for one with as many rows');
ALTER TABLE parted DETACH PARTITION parted_3_new;
CALL tiering.refresh('p', as_of => '2024-12-31');
SELECT is(verdict('p', 'SELECT * FROM parted', '2024-12-31'), 'sound', 'a partition detached');
CALL tiering.drop_pipeline('p');

-- a column with the time of the last change: where the row versions serve, they
-- are used; a time to come and the session's zone must not hide a change
CREATE TABLE dated AS SELECT *, now() AT TIME ZONE 'UTC' - line % 9 * interval '1 day' AS touched FROM base;
CREATE VIEW seen_dated AS TABLE dated;
CALL tiering.create_pipeline('p', 'dated', 'customer', 'day', 'amount', changed_at => 'touched');
CALL tiering.create_pipeline('q', 'seen_dated', 'customer', 'day', 'amount', changed_at => 'touched', time_zone => 'UTC');
CALL tiering.refresh('p', as_of => '2023-12-31');
UPDATE dated SET amount = amount + 100 WHERE line = 7;
CALL tiering.refresh('p', as_of => '2023-12-31');
SELECT is(verdict('p', 'SELECT customer, day, amount, NULL AS order_id FROM dated', '2023-12-31'), 'sound',
	'a table: an update that forgets changed_at is found by its row version');
SET TimeZone = 'UTC';
CALL tiering.refresh('q', as_of => '2023-12-31');
UPDATE dated SET amount = amount + 100, touched = localtimestamp WHERE line = 8;
SET TimeZone = 'Asia/Tokyo';
CALL tiering.refresh('q', as_of => '2023-12-31');
SELECT is(verdict('q', 'SELECT customer, day, amount, NULL AS order_id FROM dated', '2023-12-31'), 'sound',
	'a view: changed_at without a zone is read in the pipeline''s zone, not in the session''s');
RESET TimeZone;
UPDATE dated SET touched = '2099-01-01' WHERE line = 9;
UPDATE dated SET touched = 'infinity' WHERE line = 10;
UPDATE dated SET touched = NULL WHERE line = 11;
CALL tiering.refresh('q', as_of => '2023-12-31');
UPDATE dated SET amount = amount + 100, touched = now() AT TIME ZONE 'UTC' WHERE line = 12;
CALL tiering.refresh('q', as_of => '2023-12-31');
SELECT is(verdict('q', 'SELECT customer, day, amount, NULL AS order_id FROM dated', '2023-12-31'), 'sound',
	'a view: a changed_at in the future does not hide later changes');
CALL tiering.drop_pipeline('p');
CALL tiering.drop_pipeline('q');

-- a filter whose answer changes while the rows do not
CREATE TABLE blocked (customer integer);
INSERT INTO blocked VALUES (1);
CALL tiering.create_pipeline('p', 'heap', 'customer', 'day', 'amount', order_id => 'order_id',
	filter => 'customer NOT IN (SELECT b.customer FROM public.blocked AS b)');
CALL tiering.refresh('p', as_of => '2023-12-31');
INSERT INTO blocked VALUES (2);
CALL tiering.refresh('p', as_of => '2023-12-31');
SELECT is(verdict('p', 'SELECT * FROM heap WHERE customer > 2', '2023-12-31'), 'sound', 'a filter over another table: a customer blocked');
UPDATE heap SET customer = 3 WHERE customer = 2 AND line > 20;
DELETE FROM heap WHERE customer IN (4, 5);
INSERT INTO heap SELECT line + 300, 4 + line % 2, day, amount + line, 'X' || line FROM base WHERE line <= 40;
CALL tiering.refresh('p', as_of => '2023-12-31');
UPDATE blocked SET customer = 4 WHERE customer = 1;
CALL tiering.refresh('p', as_of => '2023-12-31');
INSERT INTO blocked VALUES (1);
CALL tiering.refresh('p', as_of => '2023-12-31');
UPDATE blocked SET customer = 5 WHERE customer = 4;
CALL tiering.refresh('p', as_of => '2023-12-31');
SELECT is(verdict('p', 'SELECT * FROM heap WHERE customer NOT IN (1, 2, 5)', '2023-12-31'), 'sound',
	'a filter over another table: one customer blocked, one freed, with as many orders each');
CALL tiering.drop_pipeline('p');

-- --- types of customer ids -----------------------------------------------------

CREATE DOMAIN email AS text CHECK (VALUE ~ '@');
CREATE TYPE channel AS ENUM ('web', 'shop', 'phone');
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TEMP TABLE id_type (n serial, type text, ids text[], customers integer);
INSERT INTO id_type (type, ids, customers) VALUES
	('smallint', '{-32768,0,32767}', 3), ('integer', '{1,2,3}', 3), ('bigint', '{9223372036854775807,-1,0}', 3),
	('numeric', '{1,1.0,1.00,2}', 2), ('numeric(12,2)', '{1,2}', 2), ('double precision', '{1,NaN,0,-1e-300}', 4),
	('uuid', '{00000000-0000-0000-0000-000000000000,ffffffff-ffff-ffff-ffff-ffffffffffff}', 2),
	('text', ARRAY['', ' ', 'a b', 'O''Brien', '"quoted"', E'back\\slash', 'Ünïcødé 顧客 🛒', E'two\nlines', '%I $1 NULL'], 9),
	('text COLLATE "C"', '{a,A,b}', 3), ('text COLLATE any_case', '{a,A,b}', 2), ('varchar(10)', '{a,b}', 2), ('char(5)', '{a,b}', 2),
	('name', '{a,b}', 2), ('email', '{a@b,c@d}', 2), ('channel', '{web,shop}', 2), ('bytea', '{\\x00,\\xff}', 2),
	('inet', '{10.0.0.1,::1}', 2), ('date', '{2020-01-01,infinity}', 2), ('jsonb', '{"{\"a\": 1}","{\"a\":1}","2"}', 2);
CREATE PROCEDURE try_type(type text, ids text[], OUT result text) LANGUAGE plpgsql AS $$
DECLARE customers bigint; kept text; source text;
BEGIN
	EXECUTE format('CREATE TABLE typed (customer %s, day date, amount numeric)', type);
	EXECUTE format('INSERT INTO typed SELECT u.id::%s, date ''2023-01-01'' + n.n * u.place::integer, u.place * n.n
		FROM unnest($1) WITH ORDINALITY AS u(id, place), generate_series(1, 3) AS n(n)', type) USING ids;
	CALL tiering.create_pipeline('typed_p', 'typed', 'customer', 'day', 'amount');
	CALL tiering.refresh('typed_p', as_of => '2023-12-31');
	EXECUTE format('INSERT INTO typed SELECT u.id::%s, date ''2023-06-01'', 1 FROM unnest($1) AS u(id)', type) USING ids[1:1];
	CALL tiering.refresh('typed_p', as_of => '2023-12-31');
	SELECT count(*) INTO customers FROM typed_p.customer_rfm;
	SELECT format_type(atttypid, atttypmod) INTO kept FROM pg_attribute WHERE attrelid = 'typed_p.customer_rfm'::regclass AND attname = 'customer_id';
	SELECT format_type(atttypid, atttypmod) INTO source FROM pg_attribute WHERE attrelid = 'typed'::regclass AND attname = 'customer';
	result := format('%s, %s customers, %s type, build %s', verdict('typed_p', 'SELECT customer, day, amount, NULL AS order_id FROM typed', '2023-12-31'),
		customers, CASE WHEN kept = source THEN 'same' ELSE kept END, last_build('typed_p'));
	CALL tiering.drop_pipeline('typed_p');
	DROP TABLE typed;
END $$;
CREATE FUNCTION tried(type text, ids text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	CALL try_type(type, ids, result);
	RETURN result;
END $$;
SELECT is(tried(type, ids), format('sound, %s customers, same type, build changes', customers), 'customer ids of type ' || type)
FROM id_type ORDER BY n;

-- types that cannot be grouped are refused at once
CREATE TABLE untyped (j json, m money, p point, x xml, i integer[], day date, amount numeric);
SELECT throws_ok(format('CALL tiering.create_pipeline(''bad'', ''untyped'', %L, ''day'', ''amount'')', c), NULL, NULL, 'a customer id of type ' || t || ' is refused')
FROM (VALUES ('j', 'json'), ('m', 'money'), ('p', 'point'), ('x', 'xml'), ('i', 'integer[]')) AS v(c, t);
SELECT hasnt_schema('bad', 'and nothing is left of it');
DROP SCHEMA IF EXISTS bad CASCADE;

-- types of the date and the amount
CREATE DOMAIN local_time AS timestamp;
CREATE DOMAIN price AS numeric(10,2);
CREATE TABLE of_types AS SELECT customer, day, day::timestamp + interval '23:59:59' AS ts, (day::timestamp + interval '23:30') AT TIME ZONE 'UTC' AS tz,
	day::timestamp::local_time AS dts, amount::integer AS i4, amount::bigint AS i8, amount::smallint AS i2, amount::double precision / 7 AS f8, amount::real / 4 AS f4,
	amount::numeric(10,2)::money AS m, amount::price AS p FROM base;
CREATE FUNCTION amounts_and_dates(d text, a text, zone text, expected_day text, expected_amount text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	CALL tiering.create_pipeline('t', 'of_types', 'customer', d, a, time_zone => zone);
	CALL tiering.refresh('t', as_of => '2024-01-15');
	result := verdict('t', format('SELECT customer, %s AS day, %s AS amount, NULL AS order_id FROM of_types', expected_day, expected_amount), '2024-01-15');
	CALL tiering.drop_pipeline('t');
	RETURN result;
END $$;
SELECT is(amounts_and_dates(d, a, zone, expected_day, expected_amount), 'sound', format('date %s, amount %s, zone %s', d, a, zone))
FROM (VALUES ('day', 'i2', NULL, 'day', 'i2'), ('ts', 'i4', NULL, 'day', 'i4'), ('dts', 'i8', 'Asia/Tokyo', 'day', 'i8'),
	('tz', 'f8', 'UTC', 'day', 'round(f8::numeric, 6)'), ('tz', 'f4', 'Asia/Tokyo', 'day + 1', 'f4::numeric'),
	('tz', 'm', 'America/New_York', 'day', 'm::numeric'), ('day', 'p', 'Europe/Berlin', 'day', 'p')) AS v(d, a, zone, expected_day, expected_amount);

-- the zone decides what a day is: changed later, and for the last complete day
CALL tiering.create_pipeline('t', 'of_types', 'customer', 'tz', 'p', time_zone => 'UTC');
CALL tiering.refresh('t', as_of => '2024-01-15');
SELECT is(verdict('t', 'SELECT customer, day, p AS amount, NULL AS order_id FROM of_types', '2024-01-15'), 'sound', 'half past eleven at night in UTC');
CALL tiering.alter_pipeline('t', time_zone => 'Asia/Tokyo');
CALL tiering.refresh('t', as_of => '2024-01-15');
SELECT is(verdict('t', 'SELECT customer, day + 1 AS day, p AS amount, NULL AS order_id FROM of_types', '2024-01-15'), 'sound', 'is the next day in Tokyo');
SELECT is(last_build('t'), 'full', 'another zone builds everything');
CREATE FUNCTION default_day(zone text) RETURNS date LANGUAGE plpgsql AS $$
BEGIN
	CALL tiering.alter_pipeline('t', time_zone => zone);
	CALL tiering.refresh('t');
	RETURN (SELECT as_of FROM t.run ORDER BY run DESC LIMIT 1);
END $$;
SELECT is(default_day(zone), (clock_timestamp() AT TIME ZONE zone)::date - 1, 'the last complete day in ' || zone)
FROM (VALUES ('Pacific/Kiritimati'), ('Etc/GMT+12')) AS v(zone);
CALL tiering.drop_pipeline('t');

-- --- names --------------------------------------------------------------------

CREATE SCHEMA "My ""Shop""; DROP SCHEMA tiering";
CREATE TABLE "My ""Shop""; DROP SCHEMA tiering"."the order's % lines $1" (
	"select" bigint, "Customer ""Id""" text, "ordered at" timestamptz, "amount'" numeric, "%I" text, "größe" integer, "$sql$" text);
INSERT INTO "My ""Shop""; DROP SCHEMA tiering"."the order's % lines $1" ("Customer ""Id""", "ordered at", "amount'", "%I", "größe", "$sql$")
SELECT 'c ' || customer, day::timestamp AT TIME ZONE 'UTC', amount, order_id, 1, 'EUR' FROM base;
CALL tiering.create_pipeline('Reports of "the" shop''s % $1', orders => '"My ""Shop""; DROP SCHEMA tiering"."the order''s % lines $1"',
	customer_id => 'Customer "Id"', ordered_at => 'ordered at', amount => 'amount''', order_id => '%I', product_id => 'select',
	quantity => 'größe', currency => '$sql$', time_zone => 'UTC', filter => '"amount''" > -100 AND "$sql$" <> ''100 % $1''');
CALL tiering.refresh('Reports of "the" shop''s % $1', as_of => '2023-12-31');
SELECT is(verdict('Reports of "the" shop''s % $1', 'SELECT ''c '' || customer AS customer, day, amount, order_id FROM base', '2023-12-31'),
	'sound', 'names that need quoting, for the pipeline, the schema, the table and the columns');
UPDATE "My ""Shop""; DROP SCHEMA tiering"."the order's % lines $1" SET "amount'" = 70 WHERE "%I" = 'A3';
CALL tiering.refresh('Reports of "the" shop''s % $1', as_of => '2023-12-31');
SELECT is(verdict('Reports of "the" shop''s % $1', 'SELECT ''c '' || customer AS customer, day, CASE order_id WHEN ''A3'' THEN 70 ELSE amount END AS amount, order_id FROM base', '2023-12-31'),
	'sound', 'and a change in it');
SELECT is(last_build('Reports of "the" shop''s % $1'), 'changes', 'found by its row version');
SELECT is((SELECT array_agg(pipeline) FROM tiering.pipelines), ARRAY['Reports of "the" shop''s % $1'], 'listed by that name');
SELECT is((SELECT count(*) FROM tiering.segment_check('Reports of "the" shop''s % $1')), 0::bigint, 'checked by that name');
CALL tiering.alter_pipeline('Reports of "the" shop''s % $1', materialization => 'table', histories => 'view');
CALL tiering.refresh('Reports of "the" shop''s % $1', as_of => '2023-12-31');
SELECT is((SELECT count(*) FROM "Reports of ""the"" shop's % $1".customer_profile), 13::bigint, 'altered by that name');
CALL tiering.drop_pipeline('Reports of "the" shop''s % $1');
SELECT hasnt_schema('Reports of "the" shop''s % $1', 'and dropped');

-- 63 bytes and not more
CALL tiering.create_pipeline(repeat('n', 63), 'base', 'customer', 'day', 'amount');
CALL tiering.refresh(repeat('n', 63), as_of => '2023-12-31');
SELECT is(verdict(repeat('n', 63), 'SELECT customer, day, amount, NULL AS order_id FROM base', '2023-12-31'), 'sound', 'a name of 63 bytes');
SELECT throws_ok(format('CALL tiering.refresh(%L)', repeat('n', 64)), '42704', NULL, 'a name of 64 bytes is not cut to it');
CALL tiering.drop_pipeline(repeat('n', 63));
SELECT throws_ok(format($$CALL tiering.create_pipeline(%L, 'base', 'customer', 'day', 'amount')$$, n), '42602', NULL, reason)
FROM (VALUES (repeat('n', 64), 'a name of 64 bytes'), (repeat('ü', 32), 'a name of 64 bytes in 32 letters'), ('', 'no name')) AS v(n, reason);
CREATE TABLE long_columns (customer integer, day date, amount numeric);
SELECT lives_ok(format('ALTER TABLE long_columns RENAME amount TO %I', repeat('a', 63)), 'a column with a name of 63 bytes');
SELECT throws_ok(format($$CALL tiering.create_pipeline('p', 'long_columns', 'customer', 'day', %L)$$, repeat('a', 64)), '42703', NULL, 'is not found by 64');
SELECT lives_ok(format($$CALL tiering.create_pipeline('p', 'long_columns', 'customer', 'day', %L)$$, repeat('a', 63)), 'but by 63');
CALL tiering.drop_pipeline('p');

-- the schema renamed: the pipeline goes by its new name
CALL tiering.create_pipeline('old_name', 'base', 'customer', 'day', 'amount');
CALL tiering.refresh('old_name', as_of => '2023-12-31');
ALTER SCHEMA old_name RENAME TO new_name;
CALL tiering.refresh('new_name', as_of => '2023-12-31');
SELECT is(verdict('new_name', 'SELECT customer, day, amount, NULL AS order_id FROM base', '2023-12-31'), 'sound', 'a pipeline whose schema was renamed');
SELECT is((SELECT array_agg(pipeline) FROM tiering.pipelines), ARRAY['new_name'], 'is listed by its new name');
CALL tiering.drop_pipeline('new_name');

SELECT * FROM finish();
