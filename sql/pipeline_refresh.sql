
/*
 * pipeline: refresh
 */

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
	WHERE NOT EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
					  WHERE n.nspname = pipeline AND c.relname = v.relation)
	  AND (v.source = 'orders' OR v.source = 'identity' AND identity IS NOT NULL
		   OR v.source = 'customers' AND customers IS NOT NULL)
	LIMIT 1;
	IF NOT FOUND THEN
		SELECT v.relation INTO gone.relation FROM unnest(ARRAY['purchase', 'purchase_history', 'day', 'rfm_cutoff',
			'segment_cell', 'customer_rfm', 'clv_model', 'customer_clv', 'segment_summary', 'rfm_heatmap', 'customer_profile']) AS v(relation)
		WHERE NOT EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
						  WHERE n.nspname = pipeline AND c.relname = v.relation)
		LIMIT 1;
		IF FOUND THEN
			RAISE EXCEPTION '%.% was dropped', quote_ident(pipeline), quote_ident(gone.relation)
				USING ERRCODE = 'undefined_table',
					  HINT = format('CALL tiering.alter_pipeline(%L, orders => ...) with the same orders makes it anew.', pipeline);
		END IF;
	ELSE
		RAISE EXCEPTION 'the % of pipeline "%" were dropped', gone.source, pipeline
			USING ERRCODE = 'undefined_table',
				  HINT = format('CALL tiering.alter_pipeline(%L, %s', pipeline, replace(gone.way_out, ' names', ') names'));
	END IF;
END;
$$;

-- Begins a run and returns its number; NULL if another session is at it
CREATE FUNCTION tiering.refresh_begin(pipeline text, day date, full_build boolean, refit boolean)
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
	PERFORM tiering.refuse_twice(p.customers);
	IF day NOT BETWEEN '0001-01-01' AND '9999-12-31' THEN
		RAISE EXCEPTION 'as_of % is not between 0001-01-01 and 9999-12-31', day
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass the last day that is to count.';
	END IF;

	-- a run whose session has gone, or does something else now, is over
	EXECUTE format('SELECT run, pid, backend_start FROM %I.run WHERE state = ''running'' ORDER BY run DESC LIMIT 1', pipeline)
		INTO busy;
	IF busy.run IS NOT NULL AND busy.pid <> pg_backend_pid()
	   AND tiering.session_runs(busy.pid, busy.backend_start) THEN
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
INSERT INTO %I.run (as_of, state, backend_start, full_requested, refit_requested, settings_version)
VALUES (COALESCE($1, (clock_timestamp() AT TIME ZONE $2)::date - 1), 'running', $3, $4, $5, $6)
RETURNING run$sql$, pipeline) INTO STRICT new_run
		USING day, COALESCE(p.time_zone, current_setting('TimeZone')), started, full_build, refit, p.source_version;
	EXECUTE format('UPDATE %I.pipeline SET last_run = $1', pipeline) USING new_run;
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
		RAISE NOTICE '%: % % in % s%', this_step, COALESCE(row_count::text, 'no'),
			CASE row_count WHEN 1 THEN 'row' ELSE 'rows' END, round(extract(epoch FROM took), 2), COALESCE(' (' || note || ')', '');
	END IF;
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
	message text;
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	EXECUTE tiering.cutoffs_sql(pipeline) INTO c;
	EXECUTE format($sql$
UPDATE %I.run SET as_of = $2, since = $3, bins = $4, customers = $5, newest_purchase = $6,
	r_cutoffs = $7, f_cutoffs = $8, m_cutoffs = $9 WHERE run = $1$sql$, pipeline)
	USING this_run, c.as_of, c.since, c.bins, c.customers, c.newest_purchase, c.r_cutoffs, c.f_cutoffs, c.m_cutoffs;
	row_count := c.customers;
	note := format('as of %s', to_char(c.as_of, 'YYYY-MM-DD'));
	IF c.since IS NOT NULL AND (c.newest_purchase >= c.as_of - 7) IS NOT TRUE THEN
		-- the window may have left nobody: then the orders are older still
		EXECUTE format('SELECT max(tiering.last_purchase(history, $1)) FROM %I.purchase_history', pipeline)
			INTO c.newest_purchase USING c.as_of;
	END IF;
	IF c.newest_purchase < c.as_of - 7 THEN
		-- a month of silence makes customers seem to have left: that is worth more than a notice
		message := format('the newest purchase is of %s, %s days before as_of %s', to_char(c.newest_purchase, 'YYYY-MM-DD'),
			c.as_of - c.newest_purchase, to_char(c.as_of, 'YYYY-MM-DD'));
		IF c.newest_purchase < c.as_of - 30 THEN
			RAISE WARNING '%', message USING HINT = 'Are the orders loaded? Or pass as_of => the last day of the data.';
		ELSE
			RAISE NOTICE '%', message USING HINT = 'Are the orders loaded? Or pass as_of => the last day of the data.';
		END IF;
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

-- Brings a relation of scores up to date, in the way that the pipeline stores them
CREATE FUNCTION tiering.store_scores(pipeline text, relation text, query text, concurrently boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	materialization text;
BEGIN
	EXECUTE format('SELECT materialization FROM %I.pipeline', pipeline) INTO STRICT materialization;
	IF materialization = 'materialized view' THEN
		PERFORM tiering.refresh_view(pipeline, relation, $4);
	ELSIF materialization = 'table' THEN
		PERFORM tiering.store_table_scores(pipeline, relation, query);
	END IF;
END;
$$;

-- Brings a table of scores up to date: rows that are the same stay as they are
CREATE FUNCTION tiering.store_table_scores(pipeline text, relation text, query text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text;
BEGIN
	SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns
	FROM pg_attribute AS a
	WHERE a.attrelid = format('%I.%I', pipeline, relation)::regclass AND a.attnum > 0 AND NOT a.attisdropped
	  AND a.attname <> 'customer_id';
	EXECUTE format('CREATE TABLE %I.%I AS %s', pipeline, relation || '_fresh', query);
	EXECUTE format($sql$
INSERT INTO %1$I.%2$I AS t (customer_id, %4$s) SELECT f.customer_id, %5$s FROM %1$I.%3$I AS f
ON CONFLICT (customer_id) DO UPDATE SET (%4$s) = (%6$s)
WHERE (t.*) IS DISTINCT FROM (EXCLUDED.*);
DELETE FROM %1$I.%2$I AS t
WHERE NOT EXISTS (SELECT FROM %1$I.%3$I AS f WHERE f.customer_id = t.customer_id);
DROP TABLE %1$I.%3$I;$sql$, pipeline, relation, relation || '_fresh', columns,
		'f.' || replace(columns, ', ', ', f.'), 'EXCLUDED.' || replace(columns, ', ', ', EXCLUDED.'));
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
	IF p.histories = 'view' THEN
		-- with the scores, not before them, so that all reports are of one run
		PERFORM tiering.refresh_view(pipeline, 'rfm_cutoff', $3);
	END IF;
	PERFORM tiering.store_scores(pipeline, 'customer_rfm', tiering.customer_rfm_sql(pipeline), $3);
	IF p.materialization = 'view' THEN
		note := 'a plain view';
	END IF;
	EXECUTE format('SELECT customers FROM %I.run WHERE run = $1', pipeline) INTO row_count USING this_run;
END;
$$;

-- The step that values the customers
CREATE FUNCTION tiering.refresh_customer_clv(pipeline text, this_run bigint, concurrently boolean, OUT row_count bigint, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tiering.store_scores(pipeline, 'customer_clv', tiering.customer_clv_sql(pipeline), $3);
	EXECUTE format('SELECT r.customers, m.status FROM %1$I.run AS r CROSS JOIN %1$I.clv_model AS m WHERE r.run = $1', pipeline)
		INTO row_count, note USING this_run;
END;
$$;

-- The steps of a refresh, in their order
CREATE FUNCTION tiering.refresh_steps(pipeline text)
RETURNS TABLE (n integer, step text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	has_tiers boolean;
	has_churn boolean;
	has_offers boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %1$I.tier_programme AS g WHERE g.in_use), EXISTS (SELECT FROM %1$I.churn_policy), EXISTS (SELECT FROM %1$I.recommend_policy)', pipeline) INTO has_tiers, has_churn, has_offers;
	RETURN QUERY VALUES (1, 'histories'), (2, 'cutoffs'), (3, 'models'), (4, 'customer_rfm'), (5, 'customer_clv');
	IF has_churn THEN
		RETURN QUERY VALUES (6, 'churn');
	END IF;
	IF has_tiers THEN
		RETURN QUERY VALUES (7, 'tiers');
	END IF;
	IF has_offers THEN
		RETURN QUERY VALUES (8, 'recommend');
	END IF;
END;
$$;

-- The step that decides tiers.  Time goes forward only: a day that was decided
-- before is left as it is.
CREATE FUNCTION tiering.refresh_tiers(pipeline text, this_run bigint, OUT row_count bigint, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	day date;
	last_day date;
BEGIN
	EXECUTE format('SELECT r.as_of, (SELECT max(e.as_of) FROM %1$I.tier_evaluation AS e) FROM %1$I.run AS r WHERE r.run = $1', pipeline)
		INTO day, last_day USING this_run;
	IF day < last_day THEN
		row_count := 0;
		note := format('decided until %s already', to_char(last_day, 'YYYY-MM-DD'));
		RETURN;
	END IF;
	row_count := tiering.evaluate_tiers(pipeline, day);
	EXECUTE format('SELECT format(''%%s: %%s customers'', e.programme, e.customers) FROM %I.tier_evaluation AS e ORDER BY e.evaluation DESC LIMIT 1', pipeline) INTO note;
END;
$$;

-- Refuses a relation of customers or products with two rows for one of them
CREATE FUNCTION tiering.refuse_twice(relation regclass, role text DEFAULT 'customer')
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	twice text;
BEGIN
	IF relation IS NULL THEN
		RETURN;
	END IF;
	EXECUTE format('SELECT min(id::text) FROM %s WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1 LIMIT 1', relation) INTO twice;
	IF twice IS NOT NULL THEN
		RAISE EXCEPTION '% "%" has more than one row in %', role, twice, relation
			USING ERRCODE = 'cardinality_violation', HINT = format('The %ss relation has one row for each id.', role);
	END IF;
END;
$$;

-- Says that a step begins, for those who watch the log
CREATE FUNCTION tiering.refresh_announce(pipeline text, this_run bigint, step text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tiering.refresh_enter(pipeline, this_run);
	PERFORM tiering.refresh_log(pipeline, this_run, step, 'running');
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
				PERFORM tiering.refresh_view(pipeline, 'purchase_history', $4);
				PERFORM tiering.count_lines(pipeline, this_run);
				IF p.order_id IS NULL AND p.scored_run IS NULL THEN
					PERFORM tiering.notice_lines(pipeline);
				END IF;
				EXECUTE format('UPDATE %1$I.run SET build = ''view'', customers = (SELECT count(*) FROM %1$I.purchase_history) WHERE run = $1 RETURNING customers AS row_count, ''materialized view'' AS note', pipeline)
					INTO result USING this_run;
			ELSE
				SELECT * INTO result FROM tiering.refresh_histories(pipeline, this_run);
			END IF;
			result.note := result.note || tiering.left_out_note(pipeline, this_run);
		WHEN 'cutoffs' THEN
			SELECT * INTO result FROM tiering.refresh_cutoffs(pipeline, this_run, $4);
		WHEN 'customer_rfm' THEN
			-- in one commit with the scores, so that all reports are of one run
			EXECUTE format('UPDATE %I.pipeline SET scored_run = $1', pipeline) USING this_run;
			SELECT * INTO result FROM tiering.refresh_customer_rfm(pipeline, this_run, $4);
		WHEN 'models' THEN
			SELECT * INTO result FROM tiering.refresh_models(pipeline, this_run);
		WHEN 'customer_clv' THEN
			SELECT * INTO result FROM tiering.refresh_customer_clv(pipeline, this_run, $4);
		WHEN 'churn' THEN
			SELECT * INTO result FROM tiering.refresh_churn(pipeline, this_run);
		WHEN 'tiers' THEN
			SELECT * INTO result FROM tiering.refresh_tiers(pipeline, this_run);
		WHEN 'recommend' THEN
			SELECT * INTO result FROM tiering.refresh_recommend(pipeline, this_run);
	END CASE;
	IF step = (SELECT s.step FROM tiering.refresh_steps(pipeline) AS s ORDER BY s.n DESC LIMIT 1) THEN
		EXECUTE format('UPDATE %I.run SET state = ''done'', finished_at = clock_timestamp() WHERE run = $1', pipeline)
			USING this_run;
	END IF;
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
	-- dropped meanwhile?  to_regclass() would ask a cache that does not know yet
	IF NOT EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
				   WHERE n.nspname = pipeline AND c.relname = 'run') THEN
		RETURN;
	END IF;
	EXECUTE format('UPDATE %I.run SET state = ''failed'', finished_at = clock_timestamp(), error = $2 WHERE run = $1', pipeline)
		USING this_run, message;
	-- with the values, the scores that were to be published beside them
	EXECUTE format('UPDATE %I.log SET state = ''failed'', finished_at = clock_timestamp() WHERE run = $1 AND state = ''running''', pipeline)
		USING this_run;
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
	"concurrently" boolean DEFAULT false, refit boolean DEFAULT false)
LANGUAGE plpgsql
AS $$
DECLARE
	-- types in full, for these lines are read under the caller's search path
	free pg_catalog.bool := tiering.may_commit();
	path_before pg_catalog.text := pg_catalog.current_setting('search_path');
	this_run pg_catalog.int8;
	step pg_catalog.text;
	steps pg_catalog.text[];
	phase pg_catalog.text;
	told pg_catalog.bool := false;
	code pg_catalog.text;
	message pg_catalog.text;
	detail pg_catalog.text;
	hint pg_catalog.text;
BEGIN
	SET LOCAL search_path = pg_catalog, pg_temp;
	LOOP
		this_run := tiering.refresh_begin(name, as_of, COALESCE($3, false), COALESCE($5, false));
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
	steps := ARRAY(SELECT s.step FROM tiering.refresh_steps(name) AS s ORDER BY s.n);
	FOREACH step IN ARRAY steps LOOP
	FOREACH phase IN ARRAY ARRAY['announce', 'do'] LOOP
		BEGIN
			IF phase = 'announce' THEN
				PERFORM tiering.refresh_announce(name, this_run, step);
			ELSE
				PERFORM tiering.refresh_step(name, this_run, step, COALESCE($4, false));
			END IF;
		EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
			GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
				detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
		END;
		IF code IS NOT NULL THEN
			IF free AND code <> '55006' THEN
				IF step = 'customer_clv' THEN
					ROLLBACK;	-- of scores whose values failed
					SET LOCAL search_path = pg_catalog, pg_temp;
				END IF;
				PERFORM tiering.refresh_failed(name, this_run, step, message);
				COMMIT;
				SET LOCAL search_path = pg_catalog, pg_temp;
			END IF;
			PERFORM tiering.raise_again(code, message, detail, hint);
		END IF;
		-- scores and values are published together
		IF free AND (step, phase) NOT IN (('customer_rfm', 'do'), ('customer_clv', 'announce')) THEN
			COMMIT;
			SET LOCAL search_path = pg_catalog, pg_temp;
		END IF;
	END LOOP;
	END LOOP;
	PERFORM set_config('search_path', path_before, true);
END;
$$;

COMMENT ON PROCEDURE tiering.refresh(text, date, boolean, boolean, boolean) IS
'brings a pipeline up to date: histories of changed customers, cut points, scores, models, values, churn, tiers, recommendations; as_of defaults to the last complete day';
COMMENT ON FUNCTION tiering.refresh_steps(text) IS
'internal: the steps of a refresh, in their order';
COMMENT ON FUNCTION tiering.refresh_tiers(text, bigint) IS
'internal: the step that decides tiers';
