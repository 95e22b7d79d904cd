
/*
 * pipeline, part five: refresh
 */

-- Customers that were merged: id is now customer_id.  A table of the
-- pipeline's own, so that a change in the relation shows as a difference.
CREATE FUNCTION tiering.define_identity(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	customer_type text;
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	IF p.identity IS NULL THEN
		RETURN;
	END IF;
	customer_type := tiering.column_type(p.orders, p.customer_id);
	-- one that is there stays, since the profile reads it; it is filled anew
	IF to_regclass(format('%I.customer_identity', pipeline)) IS NOT NULL THEN
		EXECUTE format('DELETE FROM %I.customer_identity', pipeline);
	ELSE
		EXECUTE format($sql$
CREATE TABLE %1$I.customer_identity (
	id %2$s PRIMARY KEY,
	customer_id %2$s NOT NULL
);
COMMENT ON TABLE %1$I.customer_identity IS 'customers that were merged, as of the last refresh: id is now customer_id';
$sql$, pipeline, customer_type);
	END IF;
	EXECUTE format($sql$
CREATE VIEW %1$I.customer_merge AS
SELECT id::%2$s AS id, merged_into::%2$s AS merged_into
FROM %3$s
WHERE id IS NOT NULL AND merged_into IS NOT NULL AND id <> merged_into;
COMMENT ON VIEW %1$I.customer_merge IS 'the merges as the identity relation has them';
$sql$, pipeline, customer_type, p.identity);
END;
$$;

-- Follows the identity relation to its end and stores the result; returns
-- the SQL of an array of the customers whose histories that changes.
CREATE FUNCTION tiering.refresh_identity(pipeline text)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	twice text;
	ring text;
	affected bigint;
BEGIN
	EXECUTE format('SELECT id::text FROM %I.customer_merge GROUP BY id HAVING count(DISTINCT merged_into) > 1 LIMIT 1', pipeline)
		INTO twice;
	IF twice IS NOT NULL THEN
		RAISE EXCEPTION 'customer "%" is merged into more than one other', twice
			USING ERRCODE = 'cardinality_violation', HINT = 'Keep one row for each id.';
	END IF;
	EXECUTE format($sql$
CREATE TABLE %1$I.identity_fresh AS
WITH RECURSIVE step AS (
	SELECT DISTINCT id, merged_into FROM %1$I.customer_merge
), chain AS (
	SELECT id, merged_into AS customer_id FROM step
	UNION ALL
	SELECT c.id, s.merged_into FROM chain AS c JOIN step AS s ON s.id = c.customer_id
) CYCLE customer_id SET is_cycle USING path
SELECT c.id, c.customer_id, c.is_cycle
FROM chain AS c
WHERE c.is_cycle OR NOT EXISTS (SELECT FROM step AS s WHERE s.id = c.customer_id)$sql$, pipeline);
	EXECUTE format('SELECT id::text FROM %I.identity_fresh WHERE is_cycle LIMIT 1', pipeline) INTO ring;
	IF ring IS NOT NULL THEN
		RAISE EXCEPTION 'merges lead from customer "%" round in a circle', ring
			USING ERRCODE = 'invalid_recursion', HINT = 'Each chain of merges ends at one customer.';
	END IF;
	EXECUTE format($sql$
CREATE TABLE %1$I.identity_affected AS
SELECT DISTINCT v.customer_id
FROM %1$I.customer_identity AS o FULL JOIN %1$I.identity_fresh AS n ON n.id = o.id
	CROSS JOIN LATERAL (VALUES (o.id), (n.id), (o.customer_id), (n.customer_id)) AS v(customer_id)
WHERE o.customer_id IS DISTINCT FROM n.customer_id AND v.customer_id IS NOT NULL$sql$, pipeline);
	GET DIAGNOSTICS affected = ROW_COUNT;
	IF affected > 0 THEN
		EXECUTE format('DELETE FROM %I.customer_identity', pipeline);
		EXECUTE format('INSERT INTO %1$I.customer_identity SELECT id, customer_id FROM %1$I.identity_fresh', pipeline);
	END IF;
	EXECUTE format('DROP TABLE %I.identity_fresh', pipeline);
	RETURN affected;
END;
$$;

-- Refuses to go on when what the pipeline reads was dropped
CREATE FUNCTION tiering.require_sources(pipeline text, identity regclass, customers regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	gone record;
BEGIN
	SELECT v.* INTO gone FROM (VALUES
		('orders', 'order_line', 'orders => ... names the table again.'),
		('identity', 'customer_merge', 'identity => ... names the relation again, or ''-'' takes it away.'),
		('customers', 'customer_profile', 'customers => ... names the relation again, or ''-'' takes it away.'))
		AS v(source, relation, way_out)
	WHERE to_regclass(format('%I.%I', pipeline, v.relation)) IS NULL
	  AND (v.source = 'orders' OR v.source = 'identity' AND identity IS NOT NULL
		   OR v.source = 'customers' AND customers IS NOT NULL)
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'the % of pipeline "%" were dropped', gone.source, pipeline
			USING ERRCODE = 'undefined_table',
				  HINT = format('CALL tiering.alter_pipeline(%L, %s', pipeline, replace(gone.way_out, ' names', ') names'));
	END IF;
END;
$$;

-- Begins a run and returns its number; NULL if another session is at it
CREATE FUNCTION tiering.refresh_begin(pipeline text, day date, full_build boolean)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	busy record;
	started timestamptz;
	new_run bigint;
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	IF NOT tiering.try_lock_pipeline(pipeline) THEN
		RETURN NULL;
	END IF;
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	PERFORM tiering.require_sources(pipeline, p.identity, p.customers);
	IF day IN ('infinity', '-infinity') THEN
		RAISE EXCEPTION 'as_of must be a finite date' USING ERRCODE = 'invalid_parameter_value';
	END IF;

	-- a run whose session has gone, or does something else now, is over
	EXECUTE format('SELECT run, pid, backend_start FROM %I.run WHERE state = ''running'' ORDER BY run DESC LIMIT 1', pipeline)
		INTO busy;
	IF busy.run IS NOT NULL AND busy.pid <> pg_backend_pid() AND EXISTS (
			SELECT FROM pg_stat_activity AS a
			WHERE a.pid = busy.pid AND a.datname = current_database()
			  AND (a.backend_start IS NULL OR a.backend_start = busy.backend_start)
			  AND COALESCE(a.state, 'active') = 'active') THEN
		RETURN NULL;
	END IF;
	EXECUTE format('UPDATE %I.run SET state = ''failed'', finished_at = clock_timestamp(), error = ''the session ended'' WHERE state = ''running''', pipeline);
	EXECUTE format('UPDATE %I.log SET state = ''failed'', finished_at = clock_timestamp() WHERE state = ''running''', pipeline);

	-- the rules are used by every reader, so a broken set stops the run before it begins
	EXECUTE format('SELECT FROM %I.segment_cell LIMIT 1', pipeline);
	SELECT a.backend_start INTO started FROM pg_stat_activity AS a WHERE a.pid = pg_backend_pid();
	IF p.histories = 'view' THEN
		EXECUTE format('UPDATE %I.pipeline SET as_of = $1 WHERE as_of IS DISTINCT FROM $1', pipeline) USING day;
	END IF;
	EXECUTE format($sql$
INSERT INTO %I.run (as_of, state, backend_start, full_requested, settings_version)
VALUES (COALESCE($1, (clock_timestamp() AT TIME ZONE $2)::date - 1), 'running', $3, $4, $5)
RETURNING run$sql$, pipeline) INTO STRICT new_run
		USING day, COALESCE(p.time_zone, current_setting('TimeZone')), started, full_build, p.source_version;
	RETURN new_run;
END;
$$;

-- Takes the lock for a step and makes sure that the run is still the current one
CREATE FUNCTION tiering.refresh_enter(pipeline text, this_run bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	current_run bigint;
	same_settings boolean;
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	PERFORM tiering.lock_pipeline(pipeline);
	PERFORM tiering.require_pipeline(pipeline);	-- again: it may have been dropped while this waited
	EXECUTE format('SELECT max(run) FROM %I.run', pipeline) INTO current_run;
	EXECUTE format('SELECT r.settings_version = p.source_version FROM %1$I.run AS r CROSS JOIN %1$I.pipeline AS p WHERE r.run = $1', pipeline)
		INTO same_settings USING this_run;
	IF same_settings IS FALSE THEN
		RAISE EXCEPTION 'settings of pipeline "%" were changed while it was being refreshed', pipeline
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Refresh it again.';
	END IF;
	IF current_run IS DISTINCT FROM this_run THEN
		RAISE EXCEPTION 'run % of pipeline "%" was superseded by run %', this_run, pipeline, current_run
			USING ERRCODE = 'object_in_use', HINT = 'The newer run goes on; there is nothing to do.';
	END IF;
END;
$$;

-- One row of the log, made when a step begins and completed when it ends
CREATE FUNCTION tiering.refresh_log(pipeline text, this_run bigint, this_step text, new_state text,
	row_count bigint DEFAULT NULL, note text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	took interval;
BEGIN
	EXECUTE format($sql$
INSERT INTO %I.log AS l (run, step, state) VALUES ($1, $2, $3)
ON CONFLICT (run, step) DO UPDATE SET state = $3, rows = $4, detail = $5, finished_at = clock_timestamp()
RETURNING l.duration$sql$, pipeline) INTO took USING this_run, this_step, new_state, row_count, note;
	IF new_state = 'done' THEN
		RAISE NOTICE '%: % rows in % s%', this_step, COALESCE(row_count::text, 'no'),
			round(extract(epoch FROM took), 2), COALESCE(' (' || note || ')', '');
	END IF;
END;
$$;

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
BEGIN
	EXECUTE format('CREATE TABLE %I.purchase_history_fresh (customer_id %s, history tiering.purchase_history, source_rows bigint)',
		pipeline, tiering.customer_type(pipeline));
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
	RETURN made;
END;
$$;

-- Recomputes the customers whose orders changed.  One statement, so one
-- snapshot: what it counts is what it reads.  If too many changed, or if the
-- result does not add up to the orders there are, touched is NULL and why_not
-- says so, and then all must be built anew.
CREATE FUNCTION tiering.rebuild_changed(pipeline text, refunds text, changed_test text, affected bigint,
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
	SELECT s.counted, s.passed, ARRAY(SELECT DISTINCT u FROM unnest(s.customers%3$s) AS u) AS customers,
		(SELECT count(*) FROM %1$I.purchase_history_stored) AS known
	FROM swept AS s
), chosen AS MATERIALIZED (
	-- past a tenth of all customers, building everything is the shorter way
	SELECT w.*, cardinality(w.customers) <= GREATEST(1000, w.known / 10) AS worth_it FROM wanted AS w
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
		tiering.histories_sql(pipeline, refunds, ' WHERE customer_id = ANY ($1)', ', c.customers'));
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
-- the customers would only be time lost?
CREATE FUNCTION tiering.many_changed(pipeline text, orders regclass, since xid8)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	share double precision;
	lines_each double precision;
BEGIN
	EXECUTE format('SELECT count(*) FILTER (WHERE tiering.changed_since(xmin, $1))::double precision / NULLIF(count(*), 0)
		FROM %s TABLESAMPLE SYSTEM (1)', orders) INTO share USING since;
	EXECUTE format('SELECT avg(source_rows) FROM %I.purchase_history_stored TABLESAMPLE SYSTEM (1)', pipeline) INTO lines_each;
	RETURN COALESCE(1 - power(1 - share, lines_each) > 0.12, false);
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
	ELSIF p.changes_by = 'row versions' THEN
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
		FROM tiering.rebuild_changed(pipeline, p.refunds, changed_test, affected) AS c;
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
	END IF;
	PERFORM tiering.drop_relations(pipeline, ARRAY['identity_affected', 'history_changes']);

	EXECUTE format($sql$
UPDATE %I.run SET changed_from = $2, changed_from_time = $3, source_version = $4, build = $5, source_parts = $6,
	system_identifier = (SELECT c.system_identifier FROM pg_control_system() AS c)
WHERE run = $1$sql$, pipeline)
		USING this_run, watermark, COALESCE(watermark_time, '-infinity'), p.source_version, build, parts;
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
	EXECUTE format($sql$
SELECT bool_and(a.attnotnull) FROM pg_attribute AS a JOIN %I.pipeline AS p ON a.attrelid = p.orders
WHERE a.attname IN (p.customer_id, p.ordered_at, p.amount)$sql$, pipeline) INTO none_left_out;
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

-- The step that finds the cut points
CREATE FUNCTION tiering.refresh_cutoffs(pipeline text, this_run bigint, concurrently boolean, OUT row_count bigint, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	c record;
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	IF p.histories = 'view' THEN
		PERFORM tiering.refresh_view(pipeline, 'rfm_cutoff', $3);
		EXECUTE format('SELECT * FROM %I.rfm_cutoff', pipeline) INTO c;
	ELSE
		EXECUTE tiering.cutoffs_sql(pipeline) INTO c;
	END IF;
	EXECUTE format($sql$
UPDATE %I.run SET as_of = $2, since = $3, bins = $4, customers = $5, newest_purchase = $6,
	r_cutoffs = $7, f_cutoffs = $8, m_cutoffs = $9 WHERE run = $1$sql$, pipeline)
	USING this_run, c.as_of, c.since, c.bins, c.customers, c.newest_purchase, c.r_cutoffs, c.f_cutoffs, c.m_cutoffs;
	row_count := c.customers;
	note := format('as of %s', c.as_of);
	IF c.newest_purchase < c.as_of - 7 THEN
		RAISE NOTICE 'the newest purchase is of %, % days before as_of %', c.newest_purchase,
				c.as_of - c.newest_purchase, c.as_of
			USING HINT = 'Are the orders loaded? Or pass as_of => the last day of the data.';
	END IF;
END;
$$;

-- Refreshes one materialized view; the first time it cannot be done concurrently
CREATE FUNCTION tiering.refresh_view(pipeline text, relation text, concurrently boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('REFRESH MATERIALIZED VIEW %s %I.%I',
		CASE WHEN $3 AND (SELECT c.relispopulated FROM pg_class AS c
						  WHERE c.oid = format('%I.%I', pipeline, relation)::regclass)
			 THEN 'CONCURRENTLY' ELSE '' END, pipeline, relation);
END;
$$;

-- The step that scores the customers
CREATE FUNCTION tiering.refresh_customer_rfm(pipeline text, this_run bigint, concurrently boolean, OUT row_count bigint, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	IF p.materialization = 'materialized view' THEN
		PERFORM tiering.refresh_view(pipeline, 'customer_rfm', $3);
	ELSIF p.materialization = 'table' THEN
		EXECUTE format('CREATE TABLE %I.customer_rfm_fresh AS %s', pipeline, tiering.customer_rfm_sql(pipeline));
		EXECUTE format($sql$
INSERT INTO %1$I.customer_rfm AS t SELECT f.* FROM %1$I.customer_rfm_fresh AS f
ON CONFLICT (customer_id) DO UPDATE SET (as_of, recency_days, frequency, monetary,
	r_score, f_score, m_score, rfm_cell, segment) = (EXCLUDED.as_of, EXCLUDED.recency_days,
	EXCLUDED.frequency, EXCLUDED.monetary, EXCLUDED.r_score, EXCLUDED.f_score, EXCLUDED.m_score,
	EXCLUDED.rfm_cell, EXCLUDED.segment)
WHERE (t.*) IS DISTINCT FROM (EXCLUDED.*);
DELETE FROM %1$I.customer_rfm AS t
WHERE NOT EXISTS (SELECT FROM %1$I.customer_rfm_fresh AS f WHERE f.customer_id = t.customer_id);
DROP TABLE %1$I.customer_rfm_fresh;$sql$, pipeline);
	ELSE
		note := 'a plain view';
	END IF;
	EXECUTE format('SELECT customers FROM %I.run WHERE run = $1', pipeline) INTO row_count USING this_run;
	PERFORM tiering.refuse_twice(p.customers);
END;
$$;

-- Refuses a customers relation with two rows for one id
CREATE FUNCTION tiering.refuse_twice(customers regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	twice text;
BEGIN
	IF customers IS NULL THEN
		RETURN;
	END IF;
	EXECUTE format('SELECT id::text FROM %s WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1 LIMIT 1', customers) INTO twice;
	IF twice IS NOT NULL THEN
		RAISE EXCEPTION 'customer "%" has more than one row in %', twice, customers
			USING ERRCODE = 'cardinality_violation', HINT = 'The customers relation has one row for each id.';
	END IF;
END;
$$;

-- Does one step of a run.  Compiling these queries takes longer than it saves.
CREATE FUNCTION tiering.refresh_step(pipeline text, this_run bigint, step text, concurrently boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
	p record;
	result record;
BEGIN
	PERFORM tiering.refresh_enter(pipeline, this_run);
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	CASE step
		WHEN 'histories' THEN
			IF p.histories = 'view' THEN
				IF p.identity IS NOT NULL THEN
					PERFORM tiering.refresh_identity(pipeline);
					EXECUTE format('DROP TABLE %I.identity_affected', pipeline);
				END IF;
				PERFORM tiering.refresh_view(pipeline, 'purchase_history', $4);
				PERFORM tiering.count_lines(pipeline, this_run);
				EXECUTE format('UPDATE %1$I.run SET build = ''view'', customers = (SELECT count(*) FROM %1$I.purchase_history) WHERE run = $1 RETURNING customers AS row_count, ''materialized view'' AS note', pipeline)
					INTO result USING this_run;
			ELSE
				SELECT * INTO result FROM tiering.refresh_histories(pipeline, this_run);
			END IF;
			result.note := result.note || tiering.left_out_note(pipeline, this_run);
		WHEN 'cutoffs' THEN
			SELECT * INTO result FROM tiering.refresh_cutoffs(pipeline, this_run, $4);
		WHEN 'customer_rfm' THEN
			SELECT * INTO result FROM tiering.refresh_customer_rfm(pipeline, this_run, $4);
			EXECUTE format('UPDATE %I.run SET state = ''done'', finished_at = clock_timestamp() WHERE run = $1', pipeline)
				USING this_run;
	END CASE;
	PERFORM tiering.refresh_log(pipeline, this_run, step, 'done', result.row_count, result.note);
END;
$$;

-- Writes down that a run has failed, unless a newer one has begun
CREATE FUNCTION tiering.refresh_failed(pipeline text, this_run bigint, step text, message text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tiering.lock_pipeline(pipeline);
	IF to_regclass(format('%I.run', pipeline)) IS NULL THEN
		RETURN;					-- dropped meanwhile
	END IF;
	EXECUTE format('UPDATE %I.run SET state = ''failed'', finished_at = clock_timestamp(), error = $2 WHERE run = $1', pipeline)
		USING this_run, message;
	PERFORM tiering.refresh_log(pipeline, this_run, step, 'failed', NULL, message);
END;
$$;

-- Raises an error that was caught before; an empty detail or hint is none
CREATE FUNCTION tiering.raise_again(code text, message text, detail text, hint text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF detail <> '' AND hint <> '' THEN
		RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = detail, HINT = hint;
	ELSIF detail <> '' THEN
		RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = detail;
	ELSIF hint <> '' THEN
		RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, HINT = hint;
	END IF;
	RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message;
END;
$$;

-- It commits after each step where it may, so it has no SET clause: it sets
-- the search path after each COMMIT, and names everything in full before that.
CREATE PROCEDURE tiering.refresh(name text, as_of date DEFAULT NULL, "full" boolean DEFAULT false,
	"concurrently" boolean DEFAULT false)
LANGUAGE plpgsql
AS $$
DECLARE
	free boolean := tiering.may_commit();
	path_before text := pg_catalog.current_setting('search_path');
	this_run bigint;
	step text;
	told boolean := false;
	code text;
	message text;
	detail text;
	hint text;
BEGIN
	SET LOCAL search_path = pg_catalog, pg_temp;
	LOOP
		this_run := tiering.refresh_begin(name, as_of, COALESCE($3, false));
		EXIT WHEN this_run IS NOT NULL;
		IF NOT free THEN
			RAISE EXCEPTION 'pipeline "%" is being refreshed by another session', name
				USING ERRCODE = 'object_in_use', HINT = 'Wait for it: tiering.pipelines shows its state.';
		END IF;
		IF NOT told THEN
			RAISE NOTICE 'pipeline "%" is being refreshed by another session: waiting', name;
			told := true;
		END IF;
		COMMIT;
		SET LOCAL search_path = pg_catalog, pg_temp;
		PERFORM pg_sleep(0.2);
	END LOOP;
	IF NOT free THEN
		RAISE NOTICE 'refreshing in one transaction, since the caller began it';
	END IF;
	FOREACH step IN ARRAY ARRAY['histories', 'cutoffs', 'customer_rfm'] LOOP
		PERFORM tiering.refresh_log(name, this_run, step, 'running');
		IF free THEN
			COMMIT;
			SET LOCAL search_path = pg_catalog, pg_temp;
		END IF;
		BEGIN
			PERFORM tiering.refresh_step(name, this_run, step, COALESCE($4, false));
		EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
			GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
				detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
		END;
		IF code IS NOT NULL THEN
			IF free AND code <> '55006' THEN
				PERFORM tiering.refresh_failed(name, this_run, step, message);
				COMMIT;
				SET LOCAL search_path = pg_catalog, pg_temp;
			END IF;
			PERFORM tiering.raise_again(code, message, detail, hint);
		END IF;
		IF free THEN
			COMMIT;
			SET LOCAL search_path = pg_catalog, pg_temp;
		END IF;
	END LOOP;
	PERFORM set_config('search_path', path_before, true);
END;
$$;

COMMENT ON PROCEDURE tiering.refresh(text, date, boolean, boolean) IS
'brings a pipeline up to date: histories of changed customers, cut points, scores; as_of defaults to the last complete day';
