
/*
 * pipeline: bringing the histories up to date
 */

-- The query that purchase_histories() runs, and what is done to its result
CREATE FUNCTION tiering.histories_sql(pipeline text, refunds text, query_suffix text, arguments text)
RETURNS text
LANGUAGE SQL STABLE
RETURN pg_catalog.format($sql$
SELECT b.customer_id, %4$s AS history, b.source_rows
FROM tiering.purchase_histories(%2$L%3$s) AS b(customer_id %5$s, history tiering.purchase_history, source_rows bigint)$sql$,
	pipeline,
	pg_catalog.format('SELECT customer_id, purchased_on, amount, lines FROM %I.purchase%s', pipeline, query_suffix),
	arguments,
	CASE refunds WHEN 'void' THEN 'tiering.history_void_refunds(b.history)' ELSE 'b.history' END,
	tiering.customer_type(pipeline));

-- Makes all histories anew beside the old ones, and puts them in their place
CREATE FUNCTION tiering.build_histories(pipeline text, refunds text)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	made bigint;
	grants text[] := tiering.grants_sql(pipeline, ARRAY['purchase_history_stored']);
BEGIN
	EXECUTE format('CREATE TABLE %1$I.purchase_history_fresh (LIKE %1$I.purchase_history_stored INCLUDING COMMENTS)', pipeline);
	made := tiering.store_purchase_histories(format('%I.purchase_history_fresh', pipeline)::regclass,
		format('SELECT customer_id, purchased_on, amount, lines FROM %I.purchase', pipeline), refunds = 'void');
	EXECUTE format($sql$
ALTER TABLE %1$I.purchase_history_fresh ADD CONSTRAINT purchase_history_fresh_pkey PRIMARY KEY (customer_id);
ANALYZE %1$I.purchase_history_fresh (customer_id);
CREATE OR REPLACE VIEW %1$I.purchase_history AS
SELECT customer_id, history, source_rows
FROM %1$I.purchase_history_fresh;
DROP TABLE %1$I.purchase_history_stored;
ALTER TABLE %1$I.purchase_history_fresh RENAME TO purchase_history_stored;
ALTER TABLE %1$I.purchase_history_stored
	RENAME CONSTRAINT purchase_history_fresh_pkey TO purchase_history_stored_pkey;
COMMENT ON TABLE %1$I.purchase_history_stored IS 'the histories as refresh keeps them; read them through the view purchase_history';
$sql$, pipeline);
	PERFORM tiering.grant_again(pipeline, grants);
	RETURN made;
END;
$$;

-- Recomputes the customers whose orders changed.  One statement, so one
-- snapshot: what it counts is what it reads.  If too many changed, or if the
-- result does not add up to the orders there are, touched is NULL and why_not
-- says so, and then all must be built anew.
CREATE FUNCTION tiering.rebuild_changed(pipeline text, refunds text, changed_test text, affected bigint, known bigint,
	OUT touched bigint, OUT why_not text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	total record;
	stored bigint;
BEGIN
	EXECUTE format($sql$
CREATE TABLE %1$I.history_changes AS
WITH swept AS MATERIALIZED (
	SELECT count(*) FILTER (WHERE l.counts) AS counted,
		count(*) FILTER (WHERE l.passes) AS passed,
		tiering.gather(l.customer_id) FILTER (WHERE %2$s AND l.customer_id IS NOT NULL) AS customers
	FROM %1$I.order_line AS l
), wanted AS MATERIALIZED (
	SELECT s.counted, s.passed, ARRAY(SELECT DISTINCT u FROM unnest(s.customers%3$s) AS u) AS customers
	FROM swept AS s
), chosen AS MATERIALIZED (
	-- past a twentieth of all customers, building everything is the shorter way
	SELECT w.*, cardinality(w.customers) <= %5$s AS worth_it FROM wanted AS w
), built AS MATERIALIZED (
	SELECT h.* FROM chosen AS c, LATERAL (%4$s) AS h
	WHERE c.worth_it
)
SELECT u.customer_id, b.history, b.source_rows, NULL::bigint AS passed, NULL::boolean AS worth_it
FROM chosen AS c CROSS JOIN LATERAL unnest(c.customers) AS u(customer_id)
	LEFT JOIN built AS b ON b.customer_id = u.customer_id
WHERE c.worth_it
UNION ALL
SELECT NULL, NULL, c.counted, c.passed, c.worth_it FROM chosen AS c$sql$,
		pipeline, changed_test,
		CASE WHEN affected > 0
			 THEN format(' || ARRAY(SELECT a.customer_id FROM %I.identity_affected AS a)', pipeline) ELSE '' END,
		tiering.histories_sql(pipeline, refunds, ' WHERE customer_id = ANY ($1)', ', c.customers'),
		GREATEST(1000, known / 20));
	EXECUTE format('SELECT source_rows AS counted, passed, worth_it FROM %I.history_changes WHERE worth_it IS NOT NULL', pipeline)
		INTO STRICT total;
	IF NOT total.worth_it THEN
		why_not := 'many changed';
		RETURN;
	END IF;
	EXECUTE format($sql$
WITH gone AS (
	DELETE FROM %1$I.purchase_history_stored AS s USING %1$I.history_changes AS c
	WHERE c.customer_id = s.customer_id AND c.history IS NULL
	RETURNING 1
), put AS (
	INSERT INTO %1$I.purchase_history_stored AS s (customer_id, history, source_rows)
	SELECT c.customer_id, c.history, c.source_rows FROM %1$I.history_changes AS c
	WHERE c.history IS NOT NULL
	ON CONFLICT (customer_id) DO UPDATE SET history = EXCLUDED.history, source_rows = EXCLUDED.source_rows
	WHERE s.source_rows <> EXCLUDED.source_rows OR s.history OPERATOR(tiering.<>) EXCLUDED.history
	RETURNING 1
)
SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM put)$sql$, pipeline) INTO touched;
	EXECUTE format('SELECT COALESCE(sum(source_rows), 0) FROM %I.purchase_history_stored', pipeline) INTO stored;
	IF stored <> total.counted THEN
		touched := NULL;
		why_not := format('orders were deleted, moved or filtered out: %s rows, %s expected', total.counted, stored);
		RETURN;
	END IF;
	EXECUTE format('UPDATE %1$I.run SET source_lines = $1, lines_left_out = $2 WHERE run = (SELECT max(run) FROM %1$I.run)', pipeline)
		USING total.counted, total.passed - total.counted;
END;
$$;

-- Looks at a hundredth of the orders: have so many changed that a search for
-- the customers would only be time lost?  A table so small that a hundredth of
-- it is a page or two tells nothing, and a search there costs nothing.
CREATE FUNCTION tiering.many_changed(pipeline text, orders regclass, since xid8)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	enough CONSTANT integer := 1000;
	share double precision;
	lines_each double precision;
BEGIN
	EXECUTE format('SELECT count(*) FILTER (WHERE tiering.changed_since(xmin, $1))::double precision / count(*)
		FROM %s TABLESAMPLE SYSTEM (1) REPEATABLE (0) HAVING count(*) >= $2', orders) INTO share USING since, enough;
	EXECUTE format('SELECT avg(source_rows) FROM %I.purchase_history_stored TABLESAMPLE SYSTEM (1) REPEATABLE (0)
		HAVING count(*) >= $1', pipeline) INTO lines_each USING enough;
	RETURN COALESCE(1 - power(1 - share, lines_each) > 0.06, false);
END;
$$;

-- The step that brings the histories up to date
CREATE FUNCTION tiering.refresh_histories(pipeline text, this_run bigint, OUT row_count bigint, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	r record;
	before record;
	changed_test text;
	watermark xid8;
	watermark_time timestamptz;
	affected bigint := 0;
	parts oid[];
	build text := 'full';
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	EXECUTE format('SELECT * FROM %I.run WHERE run = $1', pipeline) INTO STRICT r USING this_run;
	-- the last run that brought the histories up to date, whatever became of it later
	EXECUTE format('SELECT * FROM %I.run WHERE changed_from IS NOT NULL ORDER BY run DESC LIMIT 1', pipeline) INTO before;

	-- taken before the orders are read: what a later snapshot misses is younger
	watermark := pg_snapshot_xmin(pg_current_snapshot());
	parts := ARRAY(SELECT t.relid FROM tiering.relation_parts(p.orders) AS t);
	IF p.currency IS NOT NULL THEN
		EXECUTE tiering.one_currency_sql(pipeline);
	END IF;
	IF p.identity IS NOT NULL THEN
		affected := tiering.refresh_identity(pipeline);
	END IF;
	IF p.changes_by = 'changed_at' THEN
		-- a time in the future must not hide what is changed until then
		EXECUTE format('SELECT LEAST(max(changed), now()) FROM %I.order_line', pipeline) INTO watermark_time;
		changed_test := format('l.changed >= %L::timestamptz', before.changed_from_time - interval '1 hour');
	ELSIF p.changes_by = 'row versions' AND tiering.row_versions_tell(p.orders) THEN
		changed_test := format('tiering.changed_since(l.changed, %L::xid8)', before.changed_from);
	END IF;

	note := CASE
		WHEN before.run IS NULL THEN 'all customers: first run'
		WHEN r.full_requested THEN 'all customers: asked for'
		WHEN before.source_version <> p.source_version THEN 'all customers: settings changed'
		WHEN before.system_identifier <> (SELECT c.system_identifier FROM pg_control_system() AS c)
			THEN 'all customers: restored on another server'
		WHEN before.source_parts IS DISTINCT FROM parts THEN 'all customers: it is another table now, or its partitions changed'
		WHEN changed_test IS NULL THEN 'all customers: changes cannot be told'
		WHEN p.changes_by = 'row versions' AND tiering.many_changed(pipeline, p.orders, before.changed_from)
			THEN 'all customers: many changed' END;
	IF note IS NULL THEN
		SELECT c.touched, c.why_not INTO row_count, note
		FROM tiering.rebuild_changed(pipeline, p.refunds, changed_test, affected, before.customers) AS c;
		IF row_count IS NOT NULL THEN
			build := 'changes';
			note := 'customers with changed orders';
		ELSE
			note := 'all customers: ' || note;
		END IF;
	END IF;
	IF row_count IS NULL THEN
		row_count := tiering.build_histories(pipeline, p.refunds);
		PERFORM tiering.count_lines(pipeline, this_run);
		IF p.order_id IS NULL AND before.source_version IS DISTINCT FROM p.source_version THEN
			PERFORM tiering.notice_lines(pipeline);
		END IF;
	END IF;
	PERFORM tiering.drop_relations(pipeline, ARRAY['identity_affected', 'history_changes']);

	EXECUTE format($sql$
UPDATE %I.run SET changed_from = $2, changed_from_time = $3, source_version = $4, build = $5, source_parts = $6,
	system_identifier = (SELECT c.system_identifier FROM pg_control_system() AS c)
WHERE run = $1$sql$, pipeline)
		USING this_run, watermark, COALESCE(watermark_time, '-infinity'), p.source_version, build, parts;
END;
$$;

-- Asks whether rows are lines of orders, when nothing says which order they belong to
CREATE FUNCTION tiering.notice_lines(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	most integer;
BEGIN
	EXECUTE format('SELECT max(tiering.most_orders_in_a_day(history, ''infinity'')) FROM %I.purchase_history', pipeline) INTO most;
	IF most > 5 THEN
		RAISE NOTICE 'each row counts as one order, and a customer has % rows on one day', most
			USING HINT = 'If rows are lines of orders, name their order_id, or frequency counts lines.';
	END IF;
END;
$$;

-- Writes down how many rows of the source made the histories, and how many
-- pass the filter but could not
CREATE FUNCTION tiering.count_lines(pipeline text, this_run bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	none_left_out boolean;
BEGIN
	-- by number, since columns can be renamed; a foreign table only says so
	EXECUTE format($sql$
SELECT bool_and(c.relkind IN ('r', 'p') AND (
	SELECT count(*) = 3 FROM unnest(p.source_columns) AS u(attnum)
		JOIN pg_attribute AS o ON o.attrelid = p.orders AND o.attnum = u.attnum
		JOIN pg_attribute AS a ON a.attname = o.attname AND a.attrelid = c.oid AND a.attnotnull)
	AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'n' AND NOT k.convalidated))
FROM %I.pipeline AS p CROSS JOIN LATERAL tiering.relation_parts(p.orders) AS t JOIN pg_class AS c ON c.oid = t.relid
$sql$, pipeline) INTO none_left_out;
	EXECUTE format($sql$
UPDATE %1$I.run SET source_lines = (SELECT COALESCE(sum(h.source_rows), 0) FROM %1$I.purchase_history AS h),
	lines_left_out = CASE WHEN $2 THEN 0 ELSE (
		SELECT count(*) FROM %1$I.order_line AS l WHERE l.passes AND NOT l.counts) END
WHERE run = $1$sql$, pipeline) USING this_run, none_left_out;
END;
$$;

-- What a step says of the rows that it could not use
CREATE FUNCTION tiering.left_out_note(pipeline text, this_run bigint)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	note text;
BEGIN
	EXECUTE format('SELECT format(''; %%s rows without a customer, date or amount left out'', lines_left_out)
		FROM %I.run WHERE run = $1 AND lines_left_out > 0', pipeline) INTO note USING this_run;
	RETURN COALESCE(note, '');
END;
$$;
