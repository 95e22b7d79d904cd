
/*
 * pipeline: decides who has which tier
 */

-- A relation's id as a customer's: NULL for a number that no customer can have
CREATE FUNCTION tiering.relation_id_sql(pipeline text, relation regclass, id_column text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id_type text := tiering.customer_type(pipeline);
	kind regtype := tiering.source_column_type(relation, id_column, 'customer_column');
BEGIN
	IF id_type IN ('smallint', 'integer', 'bigint') AND kind IN ('integer'::regtype, 'bigint'::regtype, 'numeric'::regtype) THEN
		RETURN format('CASE WHEN s.%1$I BETWEEN %2$s AND %3$s AND s.%1$I = trunc(s.%1$I) THEN s.%1$I::%4$s END', id_column,
			CASE id_type WHEN 'smallint' THEN -32768 WHEN 'integer' THEN -2147483648 ELSE -9223372036854775808 END,
			CASE id_type WHEN 'smallint' THEN 32767 WHEN 'integer' THEN 2147483647 ELSE 9223372036854775807 END, id_type);
	END IF;
	-- a length would cut one id down to another
	RETURN format('s.%I::%s', id_column, CASE WHEN id_type LIKE 'character varying(%' THEN 'character varying' WHEN id_type LIKE 'character(%' THEN 'bpchar' ELSE id_type END);
END;
$$;

COMMENT ON FUNCTION tiering.relation_id_sql(text, regclass, text) IS
'internal: a relation''s id as a customer''s, as SQL';

-- Rows that name customers, in the name of those whom they were merged into
CREATE FUNCTION tiering.survivors_sql(pipeline text, rows_sql text, columns text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass(format('%I.customer_identity', pipeline)) IS NULL THEN
		RETURN rows_sql;
	END IF;
	RETURN format('SELECT COALESCE(i.customer_id, q.customer_id) AS customer_id, %s FROM (%s) AS q LEFT JOIN %I.customer_identity AS i ON i.id = q.customer_id',
		columns, rows_sql, pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.survivors_sql(text, text, text) IS
'internal: a query of customers'' rows, with merged customers followed to their end';

CREATE FUNCTION tiering.tier_overrides_sql(pipeline text)
RETURNS text
LANGUAGE SQL STABLE
SET search_path = pg_catalog, pg_temp
RETURN tiering.survivors_sql(pipeline, format('SELECT * FROM %I.tier_override', pipeline),
	'q.override, q.tier, q.valid_from, q.valid_until, q.at_least, q.author, q.reason');

COMMENT ON FUNCTION tiering.tier_overrides_sql(text) IS
'internal: query for what was given by hand, to those who are customers now';

-- Dated rows of all customers for the metrics of a programme that are not made
-- of purchases, as arrays; NULL if it has none.  Where a simulation wants values
-- that were never stored, those of now stand for all days.
CREATE FUNCTION tiering.tier_entries_sql(pipeline text, of_programme text, simulated boolean DEFAULT false)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m record;
	zone text;
	parts text[] := '{}';
BEGIN
	EXECUTE format('SELECT p.time_zone FROM %I.pipeline AS p', pipeline) INTO zone;
	FOR m IN EXECUTE format($sql$
SELECT x.*, EXISTS (SELECT FROM %1$I.tier_snapshot AS s WHERE s.metric = x.metric) AS is_stored FROM (
	SELECT m.*, row_number() OVER (ORDER BY m.metric) AS number FROM %1$I.tier_metric AS m
	WHERE EXISTS (SELECT FROM %1$I.tier_condition AS c WHERE c.programme = $1 AND c.metric = m.metric)
) AS x WHERE x.kind IN ('sum', 'last', 'profile', 'percentile')$sql$, pipeline) USING of_programme LOOP
		IF m.kind IN ('sum', 'last') AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = m.relation) THEN
			RAISE EXCEPTION 'the relation of metric "%" was dropped', m.metric
				USING ERRCODE = 'undefined_table', HINT = 'Insert a metric of another relation, and a version of the programme that uses it.';
		END IF;
		parts := parts || CASE WHEN m.kind IN ('profile', 'percentile') AND simulated AND NOT m.is_stored THEN
			format('SELECT v.customer_id, %s AS metric, date ''0001-01-01'' AS day, v.value AS amount FROM (%s) AS v', m.number,
				tiering.tier_values_sql(pipeline, m.kind, m.value_column))
		WHEN m.kind IN ('profile', 'percentile') THEN
			format('SELECT s.customer_id, %s AS metric, s.day, s.value AS amount FROM %I.tier_snapshot AS s WHERE s.metric = %L', m.number, pipeline, m.metric)
		ELSE
			tiering.survivors_sql(pipeline,
				format('SELECT %1$s AS customer_id, %2$s AS metric, %3$s AS day, round((s.%4$I)::numeric, 6) AS amount FROM %5$s AS s WHERE %1$s IS NOT NULL AND s.%6$I IS NOT NULL AND s.%4$I IS NOT NULL',
					tiering.relation_id_sql(pipeline, m.relation, m.customer_column), m.number, tiering.source_date_sql(m.relation, m.day_column, zone, 'day_column'), m.value_column, m.relation, m.day_column),
				'q.metric, q.day, q.amount')
		END;
	END LOOP;
	RETURN CASE WHEN parts <> '{}' THEN format('SELECT e.customer_id, array_agg(ROW(e.metric, e.day, e.amount)::tiering.tier_entry ORDER BY e.metric, e.day, e.amount) AS entries FROM (%s) AS e GROUP BY e.customer_id',
		array_to_string(parts, ' UNION ALL ')) END;
END;
$$;

COMMENT ON FUNCTION tiering.tier_entries_sql(text, text, boolean) IS
'internal: query for the dated rows behind a programme''s metrics';

-- A date of the customers relation, which is c in the query around
CREATE FUNCTION tiering.customer_date_sql(customers regclass, date_column text, time_zone text, role text)
RETURNS text
LANGUAGE SQL STABLE
SET search_path = pg_catalog, pg_temp
RETURN format('(SELECT CASE WHEN isfinite(d.day) THEN d.day END FROM (SELECT %s AS day FROM (SELECT c.%I) AS d) AS d)',
	tiering.source_date_sql(customers, date_column, time_zone, role), date_column);

COMMENT ON FUNCTION tiering.customer_date_sql(regclass, text, text, text) IS
'internal: a date column of the customers relation, as SQL';

-- Since when customers are members, and how to join them to histories; empty if
-- that is since the first purchase
CREATE FUNCTION tiering.tier_enrolment_sql(pipeline text, of_programme text, OUT expression text, OUT joined text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
BEGIN
	EXECUTE format('SELECT s.customers, s.time_zone, g.enrolled_column FROM %1$I.pipeline AS s CROSS JOIN %1$I.tier_programme AS g WHERE g.programme = $1', pipeline)
		INTO p USING of_programme;
	expression := 'NULL::date';
	joined := '';
	IF p.enrolled_column IS NOT NULL THEN
		IF p.customers IS NULL THEN
			RAISE EXCEPTION 'enrolled_column "%" is one of the customers, and the pipeline has none', p.enrolled_column
				USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('CALL tiering.alter_pipeline(%L, customers => ...) names them.', pipeline);
		END IF;
		expression := tiering.customer_date_sql(p.customers, p.enrolled_column, p.time_zone, 'enrolled_column');
		joined := format(' LEFT JOIN %s AS c ON %s = h.customer_id', p.customers, tiering.profile_id_sql(pipeline, p.customers));
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.tier_enrolment_sql(text, text) IS
'internal: since when customers are members, as SQL';

-- Who can have a tier: whoever has bought, and where customers enrol, whoever has
-- enrolled; the history of one who has not bought is NULL
CREATE FUNCTION tiering.tier_members_sql(pipeline text, of_programme text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	enrolment record;
	customers regclass;
	id text;
BEGIN
	SELECT * INTO enrolment FROM tiering.tier_enrolment_sql(pipeline, of_programme);
	IF enrolment.joined = '' THEN
		RETURN format('SELECT h.customer_id, h.history, %s AS enrolled FROM %I.purchase_history AS h', enrolment.expression, pipeline);
	END IF;
	EXECUTE format('SELECT p.customers FROM %I.pipeline AS p', pipeline) INTO customers;
	id := tiering.profile_id_sql(pipeline, customers);
	RETURN format($sql$SELECT h.customer_id, h.history, %1$s AS enrolled FROM %2$I.purchase_history AS h%3$s
UNION ALL
SELECT %4$s, NULL::tiering.purchase_history, %1$s FROM %5$s AS c
WHERE %4$s IS NOT NULL AND %1$s IS NOT NULL AND NOT EXISTS (SELECT FROM %2$I.purchase_history AS h WHERE h.customer_id = %4$s)%6$s$sql$,
		enrolment.expression, pipeline, enrolment.joined, id, customers,
		CASE WHEN to_regclass(format('%I.customer_identity', pipeline)) IS NOT NULL
			 THEN format(' AND NOT EXISTS (SELECT FROM %I.customer_identity AS i WHERE i.id = %s)', pipeline, id) ELSE '' END);
END;
$$;

COMMENT ON FUNCTION tiering.tier_members_sql(text, text) IS
'internal: query for who can have a tier in a programme';

-- What a replay looks at, of every member
CREATE FUNCTION tiering.tier_cases_sql(pipeline text, of_programme text, simulated boolean DEFAULT false)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	entries text := tiering.tier_entries_sql(pipeline, of_programme, simulated);
	any_given boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %I.tier_override)', pipeline) INTO any_given;
	RETURN format('SELECT h.customer_id, h.history, h.enrolled, %s AS entries, %s AS overrides FROM (%s) AS h%s%s',
		CASE WHEN entries IS NULL THEN 'NULL::tiering.tier_entry[]' ELSE 'e.entries' END,
		CASE WHEN any_given THEN 'o.overrides' ELSE 'NULL::tiering.tier_override[]' END,
		tiering.tier_members_sql(pipeline, of_programme),
		' LEFT JOIN (' || entries || ') AS e ON e.customer_id = h.customer_id',
		CASE WHEN any_given THEN format(' LEFT JOIN (SELECT g.customer_id, array_agg(ROW(g.tier, g.valid_from, g.valid_until, g.at_least)::tiering.tier_override ORDER BY g.override) AS overrides FROM (%s) AS g GROUP BY g.customer_id) AS o ON o.customer_id = h.customer_id',
			tiering.tier_overrides_sql(pipeline)) END);
END;
$$;

COMMENT ON FUNCTION tiering.tier_cases_sql(text, text, boolean) IS
'internal: query for what a replay of each customer''s tiers looks at';

-- What a metric without dates is now, of every customer; one without a value has 0
CREATE FUNCTION tiering.tier_values_sql(pipeline text, kind text, value_column text)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN format(CASE kind WHEN 'percentile' THEN
	'SELECT p.customer_id, CASE WHEN p.%2$I IS NULL THEN 0 ELSE round((100 * percent_rank() OVER (PARTITION BY p.%2$I IS NULL ORDER BY p.%2$I))::numeric, 6) END AS value FROM %1$I.customer_profile AS p'
	ELSE 'SELECT p.customer_id, COALESCE(round((p.%2$I)::numeric, 6), 0) AS value FROM %1$I.customer_profile AS p' END, pipeline, value_column);

COMMENT ON FUNCTION tiering.tier_values_sql(text, text, text) IS
'internal: query for what a metric without dates is now';

-- Keeps the values of today of metrics that have no dates, where they changed
CREATE FUNCTION tiering.keep_tier_snapshots(pipeline text, of_programme text, day date)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m record;
BEGIN
	FOR m IN EXECUTE format($sql$
SELECT m.* FROM %1$I.tier_metric AS m WHERE m.kind IN ('profile', 'percentile')
	AND EXISTS (SELECT FROM %1$I.tier_condition AS c WHERE c.programme = $1 AND c.metric = m.metric)$sql$, pipeline) USING of_programme LOOP
		-- of one day the last word counts
		EXECUTE format('DELETE FROM %I.tier_snapshot WHERE metric = $1 AND day = $2', pipeline) USING m.metric, day;
		EXECUTE format($sql$
INSERT INTO %1$I.tier_snapshot (metric, customer_id, day, value)
SELECT $1, v.customer_id, $2, v.value
FROM (%2$s) AS v LEFT JOIN (
	SELECT DISTINCT ON (s.customer_id) s.customer_id, s.value FROM %1$I.tier_snapshot AS s
	WHERE s.metric = $1 ORDER BY s.customer_id, s.day DESC
) AS l USING (customer_id)
WHERE v.value <> COALESCE(l.value, 0)$sql$, pipeline, tiering.tier_values_sql(pipeline, m.kind, m.value_column)) USING m.metric, day;
	END LOOP;
END;
$$;

COMMENT ON FUNCTION tiering.keep_tier_snapshots(text, text, date) IS
'internal: stores what undated metrics are on a day';

-- Query for tiers that were told before the cut, where the standings, which are
-- those of the last day, do not say; an empty one has left
CREATE FUNCTION tiering.told_tiers_sql(pipeline text, cut date)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	last_day date;
BEGIN
	EXECUTE format('SELECT max(e.as_of) FROM %I.tier_evaluation AS e', pipeline) INTO last_day;
	RETURN format(CASE WHEN cut > last_day THEN $sql$
SELECT d.customer_id, max(d.valid_from) AS since, '' AS tier FROM %1$I.tier_decision AS d
WHERE d.superseded_at IS NULL AND d.tier IS NULL AND NOT EXISTS (SELECT FROM %1$I.tier_standing AS s WHERE s.customer_id = d.customer_id)
GROUP BY d.customer_id$sql$ ELSE $sql$
SELECT DISTINCT ON (d.customer_id) d.customer_id, d.valid_from AS since, COALESCE(d.tier, '') AS tier
FROM %1$I.tier_decision AS d WHERE d.superseded_at IS NULL AND d.valid_from < %2$L
ORDER BY d.customer_id, d.valid_from DESC$sql$ END, pipeline, cut);
END;
$$;

COMMENT ON FUNCTION tiering.told_tiers_sql(text, date) IS
'internal: query for the tiers that were told before a day';

-- Works out, in a table of its own, what has changed: where a customer stands,
-- and his decisions since the cut; NULL: all
CREATE FUNCTION tiering.replay_tiers(pipeline text, of_programme text, policy jsonb, cut date, as_of date)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	former record;
	told text := 't.tier';
	told_since text := 't.since';
BEGIN
	EXECUTE format('SELECT e.programme, e.as_of FROM %I.tier_evaluation AS e ORDER BY e.evaluation DESC LIMIT 1', pipeline) INTO former;
	IF cut > former.as_of THEN
		told := 'COALESCE(s.tier, t.tier)';
		told_since := 'COALESCE(s.since, t.since)';
	END IF;
	IF former.programme <> of_programme THEN
		-- a tier of another programme is another tier
		told := format($q$CASE WHEN %s IS NOT NULL THEN '' END$q$, told);
	END IF;
	-- one call does all, so that workers share it and hand over next to nothing
	EXECUTE format($sql$
CREATE UNLOGGED TABLE %1$I.tier_fresh AS
SELECT r.customer_id, (r.review).standing, (r.review).events,
	COALESCE(((r.review).events[array_length((r.review).events, 1)]).valid_from, r.told_since, ((r.review).standing).since) AS since,
	((r.review).standing).rank IS NULL AS has_left
FROM (
	SELECT c.customer_id, %8$s AS told_since,
		tiering.tier_review(c.history, c.entries, c.overrides, c.enrolled, %3$L, %4$L, %6$s, %5$L,
			CASE WHEN s.customer_id IS NOT NULL THEN ROW(s.version, s.rank, s.tier, s.since, s.is_given, NULL, NULL, s.valid_until, s.then_tier, s.metrics,
				s.next_tier, s.missing_for_next, s.progress, s.missing_to_keep)::tiering.tier_standing END) AS review
	FROM (%2$s) AS c
		LEFT JOIN %1$I.tier_standing AS s ON s.customer_id = c.customer_id
		LEFT JOIN (%7$s) AS t ON t.customer_id = c.customer_id
	OFFSET 0
) AS r
WHERE r.review IS DISTINCT FROM NULL
UNION ALL
SELECT g.customer_id, NULL, NULL, NULL, true
FROM (
	SELECT DISTINCT k.customer_id
	FROM (SELECT s.customer_id FROM %1$I.tier_standing AS s UNION ALL SELECT t.customer_id FROM (%7$s) AS t WHERE t.tier <> '') AS k
	WHERE NOT EXISTS (SELECT FROM (%9$s) AS h WHERE h.customer_id = k.customer_id)
) AS g$sql$,
		pipeline, tiering.tier_cases_sql(pipeline, of_programme), policy, cut, as_of, told, tiering.told_tiers_sql(pipeline, cut), told_since,
		tiering.tier_members_sql(pipeline, of_programme));
	EXECUTE format('ANALYZE %I.tier_fresh', pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.replay_tiers(text, text, jsonb, date, date) IS
'internal: replays the tiers of all customers, and keeps in a table what has changed';

-- Writes what an evaluation decided.  What was told of the same day and tier
-- stays as it is; the rest since the cut is superseded, and stays visible.
CREATE FUNCTION tiering.store_tier_decisions(pipeline text, this_evaluation bigint, of_programme text, cut date)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	told timestamptz := clock_timestamp();
	last_day date;
	last_programme text;
	written bigint;
BEGIN
	EXECUTE format($sql$
CREATE UNLOGGED TABLE %1$I.tier_decision_fresh AS
SELECT f.customer_id, (f.event).valid_from, (f.event).version, (f.event).rank, (f.event).tier, (f.event).reason, (f.event).metrics,
	lead((f.event).valid_from) OVER (PARTITION BY f.customer_id ORDER BY (f.event).valid_from) AS ends
FROM (SELECT f.customer_id, unnest(f.events) AS event FROM %1$I.tier_fresh AS f WHERE f.events IS NOT NULL) AS f
UNION ALL
SELECT f.customer_id, %2$L::date, NULL, NULL, NULL, 'left', NULL, NULL FROM %1$I.tier_fresh AS f
WHERE f.has_left AND %2$L::date IS NOT NULL AND EXISTS (SELECT FROM %1$I.tier_decision AS d WHERE d.customer_id = f.customer_id AND d.superseded_at IS NULL AND d.valid_from < %2$L);
ANALYZE %1$I.tier_decision_fresh;
$sql$, pipeline, cut);
	-- after the last day nothing was decided yet
	EXECUTE format('SELECT e.as_of, e.programme FROM %I.tier_evaluation AS e WHERE e.evaluation <> $1 ORDER BY e.evaluation DESC LIMIT 1', pipeline)
		INTO last_day, last_programme USING this_evaluation;
	IF (cut > last_day) IS NOT TRUE THEN
		EXECUTE format($sql$
UPDATE %1$I.tier_decision AS d SET superseded_at = %4$L, superseded_until = n.valid_until
FROM (
	SELECT l.customer_id, l.valid_from, l.programme, l.version, l.tier, l.reason, l.metrics,
		lead(l.valid_from) OVER (PARTITION BY l.customer_id ORDER BY l.valid_from) AS valid_until
	FROM %1$I.tier_decision AS l WHERE l.superseded_at IS NULL AND (l.valid_from >= %2$L OR %2$L IS NULL)
) AS n
WHERE d.superseded_at IS NULL AND d.customer_id = n.customer_id AND d.valid_from = n.valid_from
	AND NOT EXISTS (SELECT FROM %1$I.tier_decision_fresh AS f WHERE f.customer_id = n.customer_id AND f.valid_from = n.valid_from
		AND (f.version, f.tier, %3$L) IS NOT DISTINCT FROM (n.version, n.tier, n.programme)
		-- what is taken back to where it belongs is the whole decision
		AND (%2$L IS NOT NULL OR (f.reason, f.metrics) IS NOT DISTINCT FROM (n.reason, n.metrics)
			-- one that ends elsewhere among the days that were told is another
			AND (f.ends IS NOT DISTINCT FROM n.valid_until OR n.valid_until IS NULL AND f.ends > %5$L)))$sql$,
			pipeline, cut, of_programme, told, last_day);
	END IF;
	EXECUTE format($sql$
INSERT INTO %1$I.tier_decision (customer_id, valid_from, programme, version, rank, tier, reason, metrics, evaluation, recorded_at)
SELECT f.customer_id, f.valid_from, $1, f.version, f.rank, f.tier, CASE WHEN f.valid_from = $4 AND f.tier IS NOT NULL THEN 'policy' ELSE f.reason END, f.metrics, $2, $3
FROM %1$I.tier_decision_fresh AS f
ORDER BY f.customer_id, f.valid_from
ON CONFLICT (customer_id, valid_from) WHERE superseded_at IS NULL DO NOTHING$sql$, pipeline) USING of_programme, this_evaluation, told, CASE WHEN last_programme <> of_programme THEN cut END;
	GET DIAGNOSTICS written = ROW_COUNT;
	EXECUTE format('DROP TABLE %I.tier_decision_fresh', pipeline);
	RETURN written;
END;
$$;

COMMENT ON FUNCTION tiering.store_tier_decisions(text, bigint, text, date) IS
'internal: writes what an evaluation decided, and supersedes what it takes back';

-- Publishes where customers stand, as far as that has changed
CREATE FUNCTION tiering.store_tier_standings(pipeline text)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	customers bigint;
BEGIN
	EXECUTE format($sql$
INSERT INTO %1$I.tier_standing AS t (customer_id, version, rank, tier, since, is_given, valid_until, then_tier, metrics, next_tier,
	missing_for_next, progress, missing_to_keep)
SELECT f.customer_id, (f.standing).version, (f.standing).rank, (f.standing).tier, f.since, (f.standing).is_given,
	(f.standing).valid_until, (f.standing).then_tier, (f.standing).metrics, (f.standing).next_tier,
	(f.standing).missing_for_next, (f.standing).progress, (f.standing).missing_to_keep
FROM %1$I.tier_fresh AS f WHERE NOT f.has_left
ORDER BY f.customer_id
ON CONFLICT (customer_id) DO UPDATE SET (version, rank, tier, since, is_given, valid_until, then_tier, metrics, next_tier,
	missing_for_next, progress, missing_to_keep) = (EXCLUDED.version, EXCLUDED.rank, EXCLUDED.tier, EXCLUDED.since, EXCLUDED.is_given,
	EXCLUDED.valid_until, EXCLUDED.then_tier, EXCLUDED.metrics, EXCLUDED.next_tier, EXCLUDED.missing_for_next, EXCLUDED.progress, EXCLUDED.missing_to_keep);
DELETE FROM %1$I.tier_standing AS t
WHERE EXISTS (SELECT FROM %1$I.tier_fresh AS f WHERE f.has_left AND f.customer_id = t.customer_id)$sql$, pipeline);
	EXECUTE format('SELECT count(*) FROM %I.tier_standing', pipeline) INTO customers;
	RETURN customers;
END;
$$;

COMMENT ON FUNCTION tiering.store_tier_standings(text) IS
'internal: publishes where customers stand';

-- From which day on an evaluation may decide: what was told before stays, unless
-- the programme takes corrections back to where they belong
CREATE FUNCTION tiering.tier_cut(pipeline text, corrections text, as_of date)
RETURNS date
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	last_day date;
BEGIN
	EXECUTE format('SELECT max(e.as_of) FROM %I.tier_evaluation AS e', pipeline) INTO last_day;
	IF as_of < last_day THEN
		RAISE EXCEPTION 'tiers of pipeline "%" were decided until %, after as_of %', pipeline, to_char(last_day, 'YYYY-MM-DD'), to_char(as_of, 'YYYY-MM-DD')
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Time goes forward only: tier_history says who had which tier on an earlier day, simulate_tiers() who would have had.';
	END IF;
	RETURN CASE WHEN corrections = 'from_now' AND last_day IS NOT NULL THEN LEAST(last_day + 1, as_of) END;
END;
$$;

COMMENT ON FUNCTION tiering.tier_cut(text, text, date) IS
'internal: first day that an evaluation may decide; NULL: all';

-- Replays all customers and writes what is new; returns the number of decisions
CREATE FUNCTION tiering.evaluate_tiers(pipeline text, as_of date)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
	used text;
	corrections text;
	document jsonb;
	cut date;
	this_evaluation bigint;
	decided bigint;
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	PERFORM tiering.lock_pipeline(pipeline);
	IF (as_of BETWEEN '0001-01-01' AND '9999-12-31') IS NOT TRUE THEN
		RAISE EXCEPTION 'as_of % is not between 0001-01-01 and 9999-12-31', COALESCE(as_of::text, 'null')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass the last day that is to count.';
	END IF;
	-- nobody writes a policy while it decides, or puts another one in use
	EXECUTE format('LOCK TABLE %1$I.tier_programme, %1$I.tier_policy, %1$I.tier, %1$I.tier_condition, %1$I.tier_metric, %1$I.tier_override IN SHARE MODE', pipeline);
	used := tiering.tier_programme_in_use(pipeline);
	EXECUTE format('SELECT g.corrections FROM %I.tier_programme AS g WHERE g.programme = $1', pipeline) INTO corrections USING used;
	document := tiering.tier_document(pipeline, used);
	cut := tiering.tier_cut(pipeline, corrections, as_of);
	PERFORM tiering.keep_tier_snapshots(pipeline, used, as_of);
	PERFORM tiering.replay_tiers(pipeline, used, document, cut, as_of);
	EXECUTE format('INSERT INTO %I.tier_evaluation (programme, as_of, decided_from, policy) VALUES ($1, $2, $3, $4) RETURNING evaluation', pipeline)
		INTO this_evaluation USING used, as_of, cut, document;
	decided := tiering.store_tier_decisions(pipeline, this_evaluation, used, cut);
	EXECUTE format('UPDATE %I.tier_evaluation SET customers = $2, decisions = $3 WHERE evaluation = $1', pipeline)
		USING this_evaluation, tiering.store_tier_standings(pipeline), decided;
	EXECUTE format('DROP TABLE %I.tier_fresh', pipeline);
	RETURN decided;
END;
$$;

COMMENT ON FUNCTION tiering.evaluate_tiers(text, date) IS
'decides the tier of every customer until a day, keeps what was told before, and returns the number of new decisions; a part of refresh()';
