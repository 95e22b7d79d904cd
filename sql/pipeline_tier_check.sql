
/*
 * pipeline: tier policies that make sense, and stay
 */

-- What a guard of rows does not see
CREATE FUNCTION tiering.refuse_truncate()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION '%.% cannot be truncated: policies that have decided stay', quote_ident(TG_TABLE_SCHEMA), quote_ident(TG_TABLE_NAME)
		USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'DELETE rows of policies that have not decided, or a whole programme.';
END;
$$;

COMMENT ON FUNCTION tiering.refuse_truncate() IS
'internal: refuses to truncate a table of policies';

-- A programme that has decided keeps its name, by which its decisions know it
CREATE FUNCTION tiering.keep_decided_name()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	has_decided boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %I.tier_evaluation AS e WHERE e.programme = $1)', TG_TABLE_SCHEMA) INTO has_decided USING OLD.programme;
	IF has_decided THEN
		RAISE EXCEPTION 'programme "%" has decided tiers and keeps its name', OLD.programme
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Make another programme.';
	END IF;
	RETURN NEW;
END;
$$;

COMMENT ON FUNCTION tiering.keep_decided_name() IS
'internal: refuses another name for a programme that has decided tiers';

-- Yesterday's decisions keep yesterday's policy: a version that has decided is
-- neither changed nor taken away, and a new one begins after them
CREATE FUNCTION tiering.keep_decided_policy()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	touched record;
	decided record;
BEGIN
	FOR touched IN
		SELECT r.value ->> 'programme' AS programme, (r.value ->> 'version')::integer AS version, (r.value ->> 'valid_from')::date AS valid_from
		FROM jsonb_array_elements(jsonb_build_array(to_jsonb(OLD), to_jsonb(NEW))) AS r
		WHERE jsonb_typeof(r.value) = 'object'
	LOOP
		EXECUTE format($sql$
SELECT max(e.as_of) AS until FROM %1$I.tier_evaluation AS e
WHERE e.programme = $1 AND EXISTS (SELECT FROM %1$I.tier_programme AS g WHERE g.programme = $1)
HAVING max(e.as_of) >= COALESCE($3, (SELECT p.valid_from FROM %1$I.tier_policy AS p WHERE p.programme = $1 AND p.version = $2))$sql$, TG_TABLE_SCHEMA)
			INTO decided USING touched.programme, touched.version, touched.valid_from;
		IF decided.until IS NOT NULL THEN
			RAISE EXCEPTION 'version % of programme "%" has decided tiers until % and stays as it is', touched.version, touched.programme, to_char(decided.until, 'YYYY-MM-DD')
				USING ERRCODE = 'object_not_in_prerequisite_state',
					  HINT = format('Insert the next version, with valid_from after %s.', to_char(decided.until, 'YYYY-MM-DD'));
		END IF;
	END LOOP;
	RETURN COALESCE(NEW, OLD);
END;
$$;

-- When the transaction ends, its policies make sense or are refused
CREATE FUNCTION tiering.refuse_unsound_policy()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	saved text := COALESCE(NEW.programme, OLD.programme);
	fault record;
	is_there boolean;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %I.tier_programme AS g WHERE g.programme = $1)', TG_TABLE_SCHEMA) INTO is_there USING saved;
	IF NOT is_there THEN
		RETURN NULL;	-- deleted with all that is its own
	END IF;
	SELECT * INTO fault FROM tiering.check_policy(TG_TABLE_SCHEMA, saved) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'programme "%"%: %', saved, COALESCE(' version ' || fault.version, ''), fault.problem
			USING ERRCODE = 'check_violation', HINT = fault.hint;
	END IF;
	RETURN NULL;
END;
$$;

-- A metric has columns that exist, of types that can be added up
CREATE FUNCTION tiering.refuse_unsound_metric()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place regclass := NEW.relation;
	kind regtype;
	decided record;
BEGIN
	IF TG_OP = 'UPDATE' AND (NEW.kind, NEW.relation, NEW.customer_column, NEW.day_column, NEW.value_column)
		IS DISTINCT FROM (OLD.kind, OLD.relation, OLD.customer_column, OLD.day_column, OLD.value_column) THEN
		EXECUTE format($sql$
SELECT c.programme, max(e.as_of) AS until FROM %1$I.tier_condition AS c JOIN %1$I.tier_policy AS p USING (programme, version)
	JOIN %1$I.tier_evaluation AS e ON e.programme = c.programme AND e.as_of >= p.valid_from
WHERE c.metric = $1 GROUP BY c.programme LIMIT 1$sql$, TG_TABLE_SCHEMA) INTO decided USING OLD.metric;
		IF decided.until IS NOT NULL THEN
			RAISE EXCEPTION 'metric "%" has decided tiers of programme "%" until % and stays as it is', OLD.metric, decided.programme, to_char(decided.until, 'YYYY-MM-DD')
				USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Insert another metric, and a version of the programme that uses it.';
		END IF;
	END IF;
	IF NEW.kind IN ('sum', 'last') AND num_nulls(NEW.relation, NEW.customer_column, NEW.day_column, NEW.value_column) = 0 THEN
		PERFORM tiering.source_column_type(place, NEW.customer_column, 'customer_column');
		EXECUTE format('SELECT tiering.source_date_sql($1, $2, p.time_zone, ''day_column'') FROM %I.pipeline AS p', TG_TABLE_SCHEMA) USING place, NEW.day_column;
	ELSIF NEW.kind IN ('profile', 'percentile') AND NEW.value_column IS NOT NULL THEN
		place := format('%I.customer_profile', TG_TABLE_SCHEMA)::regclass;
	ELSE
		RETURN NEW;
	END IF;
	kind := tiering.source_column_type(place, NEW.value_column, 'value_column');
	IF (SELECT t.typcategory FROM pg_type AS t WHERE t.oid = kind) <> 'N' THEN
		RAISE EXCEPTION 'column "%" of % has type %, which is no number', NEW.value_column, place, kind
			USING ERRCODE = 'datatype_mismatch', HINT = 'Name a column with numbers.';
	END IF;
	RETURN NEW;
END;
$$;

COMMENT ON FUNCTION tiering.refuse_unsound_metric() IS
'internal: refuses a metric without the columns that it names';

-- Is every customer whose metrics meet one level's conditions sure to meet the
-- other's?  Conditions are arrays of (metric, threshold, weight).
CREATE FUNCTION tiering.tier_implies(one_combine text, one_needed integer, one jsonb, other_combine text, other_needed integer, other jsonb)
RETURNS boolean
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH o AS (
		-- of weights, those without which the rest is not enough
		SELECT c.metric, c.threshold
		FROM (SELECT c.*, sum(c.weight) OVER () - c.weight AS rest FROM jsonb_to_recordset(one) AS c(metric text, threshold numeric, weight integer)) AS c
		WHERE one_combine <> 'weights' OR c.rest < one_needed
	), met AS (
		-- which of the other's conditions each of the one's is enough for
		SELECT p.metric AS by_metric, c.metric, c.weight, COALESCE(p.metric = c.metric AND p.threshold >= c.threshold, false) AS holds
		FROM jsonb_to_recordset(other) AS c(metric text, threshold numeric, weight integer) LEFT JOIN o AS p ON true
	), summed AS (
		-- any: whichever of the one's holds must do; all: all of them together
		SELECT bool_and(m.holds) AS all_hold, bool_or(m.holds) AS any_holds, sum(m.weight) FILTER (WHERE m.holds) AS weight
		FROM (
			SELECT CASE one_combine WHEN 'any' THEN m.by_metric END AS option, m.metric, max(m.weight) AS weight, bool_or(m.holds) AS holds
			FROM met AS m GROUP BY 1, 2
		) AS m
		GROUP BY m.option
	)
	SELECT COALESCE(bool_and(CASE other_combine WHEN 'all' THEN s.all_hold WHEN 'any' THEN s.any_holds
		ELSE COALESCE(s.weight, 0) >= other_needed END), false) FROM summed AS s
$$;

COMMENT ON FUNCTION tiering.tier_implies(text, integer, jsonb, text, integer, jsonb) IS
'internal: does meeting the conditions of one tier mean meeting those of another?';

-- The levels of a programme with their conditions
CREATE FUNCTION tiering.tier_levels(pipeline text, of_programme text)
RETURNS TABLE (version integer, rank integer, tier text, combine text, weight_needed integer, floor_rank integer, conditions jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY EXECUTE format($sql$
SELECT t.version, t.rank, t.tier, t.combine, t.weight_needed, t.floor_rank,
	COALESCE(jsonb_agg(jsonb_build_object('metric', c.metric, 'threshold', c.threshold, 'weight', c.weight) ORDER BY c.metric) FILTER (WHERE c.metric IS NOT NULL), '[]')
FROM %1$I.tier AS t LEFT JOIN %1$I.tier_condition AS c USING (programme, version, rank)
WHERE t.programme = $1
GROUP BY t.programme, t.version, t.rank$sql$, pipeline) USING of_programme;
END;
$$;

COMMENT ON FUNCTION tiering.tier_levels(text, text) IS
'internal: tiers of a programme with their conditions';

CREATE FUNCTION tiering.check_tier_levels(pipeline text, programme text)
RETURNS TABLE (version integer, problem text, hint text)
LANGUAGE SQL STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH level AS MATERIALIZED (
		SELECT l.*, count(*) OVER w AS levels, row_number() OVER (w ORDER BY l.rank) - 1 AS place
		FROM tiering.tier_levels(pipeline, programme) AS l
		WINDOW w AS (PARTITION BY l.version)
	)
	SELECT l.version, format('there is no tier of rank %s below "%s"', l.place, l.tier),
		CASE l.place WHEN 0 THEN 'The base tier has rank 0 and needs nothing.' ELSE 'Ranks go up by one.' END
	FROM level AS l WHERE l.rank <> l.place AND l.place = (SELECT min(m.place) FROM level AS m WHERE m.version = l.version AND m.rank <> m.place)
	UNION ALL
	SELECT l.version, format('the base tier "%s" has conditions', l.tier), 'Everybody has at least the base tier: delete them, or add a tier of rank 0 below.'
	FROM level AS l WHERE l.rank = 0 AND l.conditions <> '[]'
	UNION ALL
	SELECT l.version, format('tier "%s" has no condition', l.tier), 'Without one, everybody reaches it.'
	FROM level AS l WHERE l.rank > 0 AND l.conditions = '[]'
	UNION ALL
	SELECT l.version, format('tier "%s" has %s conditions, more than 16', l.tier, jsonb_array_length(l.conditions)), 'Put some of them into one metric.'
	FROM level AS l WHERE jsonb_array_length(l.conditions) > 16
	UNION ALL
	SELECT l.version, format('nobody can reach tier "%s": its weights add up to %s of %s', l.tier, w.weight, l.weight_needed), 'Lower weight_needed.'
	FROM level AS l CROSS JOIN LATERAL (
		SELECT sum(c.weight) AS weight FROM jsonb_to_recordset(l.conditions) AS c(weight integer)) AS w
	WHERE l.combine = 'weights' AND w.weight < l.weight_needed
	UNION ALL
	SELECT l.version, format('tier "%s" needs a weight of 0, which everybody has', l.tier), 'Raise weight_needed.'
	FROM level AS l WHERE l.rank > 0 AND l.combine = 'weights' AND l.weight_needed <= 0
	UNION ALL
	SELECT low.version, format('tier "%s" is no harder to reach than "%s" below it, which nobody would have', high.tier, low.tier),
		'Whoever meets the conditions of a tier must not meet those of a higher one thereby.'
	FROM level AS low JOIN level AS high ON high.version = low.version AND high.rank > low.rank
	WHERE low.rank > 0 AND tiering.tier_implies(low.combine, low.weight_needed, low.conditions, high.combine, high.weight_needed, high.conditions)
$$;

COMMENT ON FUNCTION tiering.check_tier_levels(text, text) IS
'internal: what is wrong with the tiers of a programme';

CREATE FUNCTION tiering.check_tier_windows(pipeline text, of_programme text)
RETURNS TABLE (version integer, problem text, hint text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY EXECUTE format($sql$
WITH policy AS (
	SELECT p.*, row_number() OVER (ORDER BY p.version) AS place, lag(p.valid_from) OVER (ORDER BY p.version) AS before,
		p.window_kind NOT IN ('lifetime', 'rolling') OR p.decision_period IS NOT NULL AS has_period,
		tiering.months_of(p.window_length) AS months, tiering.days_of(p.window_length) AS days
	FROM %1$I.tier_policy AS p WHERE p.programme = $1
)
SELECT p.version, v.problem, v.hint
FROM policy AS p CROSS JOIN LATERAL (VALUES
	(p.version <> p.place, format('version %%s is missing before it', p.place), 'Versions are numbered 1, 2, 3, ...'),
	(p.valid_from <= p.before, format('valid_from %%s is not after that of the version before, %%s', to_char(p.valid_from, 'YYYY-MM-DD'), to_char(p.before, 'YYYY-MM-DD')), 'A version is valid until the next one begins.'),
	(NOT EXISTS (SELECT FROM %1$I.tier AS t WHERE t.programme = p.programme AND t.version = p.version), 'it has no tiers', 'Insert them into the table tier.'),
	(p.window_kind <> 'lifetime' AND COALESCE(p.months, 0) + COALESCE(p.days, 0) = 0 AND (p.window_length IS NULL OR p.months IS NOT NULL),
		format('a window of kind %%s needs a window_length', p.window_kind), 'Pass an interval such as 1 year or 3 months.'),
	(p.window_kind = 'lifetime' AND p.window_length IS NOT NULL, format('a lifetime has no window_length, such as %%s', p.window_length), 'Leave it NULL, or choose another window_kind.'),
	(p.months IS NULL AND p.window_length IS NOT NULL, format('window_length %%s does not consist of months and days', p.window_length), 'Pass an interval such as 1 year or 90 days.'),
	(p.months > 12000 OR p.days > 400000, format('window_length %%s is longer than 1000 years', p.window_length), 'Take a lifetime.'),
	(p.window_kind = 'calendar' AND (p.months NOT IN (1, 3, 6, 12) OR p.days > 0), format('window_length %%s is not a calendar''s period', p.window_length), 'Choose one of: 1 month, 3 months, 6 months, 1 year.'),
	(p.window_kind = 'cycle' AND p.cycle_start IS NULL, 'cycles need a cycle_start', 'Pass the first day of any cycle.'),
	(p.decision_period NOT IN (interval '1 month', interval '3 months', interval '6 months', interval '1 year'), format('decision_period %%s is none', p.decision_period), 'Choose one of: 1 month, 3 months, 6 months, 1 year.'),
	(p.decision_period IS NOT NULL AND p.window_kind NOT IN ('lifetime', 'rolling'), format('a window of kind %%s has periods of its own', p.window_kind), 'Leave decision_period NULL.'),
	(NOT p.has_period AND p.upgrade = 'next period', format('upgrade "%%s" needs periods, which a window of kind %%s has not', p.upgrade, p.window_kind), 'Pass a decision_period such as 1 month.'),
	(NOT p.has_period AND p.downgrade LIKE 'end of%%', format('downgrade "%%s" needs periods, which a window of kind %%s has not', p.downgrade, p.window_kind), 'Pass a decision_period such as 1 month.'),
	(p.window_kind IN ('calendar', 'enrolment', 'cycle') AND p.upgrade = 'next period' AND p.downgrade = 'at once' AND p.grace = interval '0' AND p.minimum_stay = interval '0' AND p.rounded_to = 'day',
		'nobody can reach a tier: it is given with a period in which counting begins anew, and taken at once', 'Choose downgrade "end of period", or upgrade "at once".'),
	(p.window_kind = 'term' AND p.downgrade = 'at once', 'a term cannot end at once', 'Choose downgrade "end of period".'),
	(p.landing = 'one level' AND p.downgrade IN ('at once', 'never'), format('landing "one level" needs a downgrade at the end of a period, not "%%s"', p.downgrade), 'Choose downgrade "end of period", or landing "earned".'),
	(tiering.months_of(p.grace) IS NULL OR tiering.months_of(p.grace) > 12000 OR tiering.days_of(p.grace) > 400000, format('grace %%s does not consist of months and days', p.grace), 'Pass an interval such as 2 months or 30 days.'),
	(tiering.months_of(p.minimum_stay) IS NULL OR tiering.months_of(p.minimum_stay) > 12000 OR tiering.days_of(p.minimum_stay) > 400000, format('minimum_stay %%s does not consist of months and days', p.minimum_stay), 'Pass an interval such as 6 months.')
) AS v(is_wrong, problem, hint)
WHERE v.is_wrong
ORDER BY p.version$sql$, pipeline) USING of_programme;
END;
$$;

COMMENT ON FUNCTION tiering.check_tier_windows(text, text) IS
'internal: what is wrong with the versions of a programme and their windows';

-- Metrics that cannot reach what is asked of them
CREATE FUNCTION tiering.check_tier_metrics(pipeline text, of_programme text)
RETURNS TABLE (version integer, problem text, hint text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY EXECUTE format($sql$
SELECT c.version, CASE WHEN t.combine = 'all' THEN format('nobody can reach tier "%%s": %%s is never %%s', t.tier, c.metric, c.threshold)
	ELSE format('nobody can meet a condition of tier "%%s": %%s is never %%s', t.tier, c.metric, c.threshold) END, v.hint
FROM %1$I.tier_condition AS c
	JOIN %1$I.tier AS t USING (programme, version, rank)
	JOIN %1$I.tier_policy AS p USING (programme, version)
	JOIN %1$I.tier_metric AS m USING (metric)
	CROSS JOIN LATERAL (VALUES
		(m.kind = 'percentile', 100, 'A percentile is 100 at most.'),
		(m.kind = 'purchase_days' AND p.window_kind <> 'lifetime', 31.0 * tiering.months_of(p.window_length) + tiering.days_of(p.window_length),
			'The window has no more days than that.'),
		(m.value_column IN ('r_score', 'f_score', 'm_score') AND m.kind = 'profile', (SELECT s.bins FROM %1$I.pipeline AS s), 'Scores go from 1 to the pipeline''s bins.')
	) AS v(applies, most, hint)
WHERE c.programme = $1 AND v.applies AND c.threshold > v.most
UNION ALL
SELECT c.version, format('everybody meets a condition of tier "%%s": %%s is never below %%s', t.tier, c.metric, c.threshold), 'Ask for more, or delete the condition.'
FROM %1$I.tier_condition AS c JOIN %1$I.tier AS t USING (programme, version, rank) JOIN %1$I.tier_metric AS m USING (metric)
WHERE c.programme = $1 AND m.kind IN ('orders', 'purchase_days', 'gross_spend', 'percentile') AND c.threshold <= 0
UNION ALL
SELECT p.version, format('benefit "%%s" belongs to tier "%%s", which this version has not', x.benefit, x.tier), 'Give the entitlement another tier in tier_entitlement, or none.'
FROM %1$I.tier_entitlement AS x JOIN %1$I.tier_policy AS p USING (programme)
WHERE x.programme = $1 AND x.tier IS NOT NULL
	AND NOT EXISTS (SELECT FROM %1$I.tier AS t WHERE t.programme = x.programme AND t.version = p.version AND t.tier = x.tier)
UNION ALL
SELECT c.version, format('it uses %%s metrics, more than 16', count(DISTINCT c.metric)), 'Use fewer.'
FROM %1$I.tier_condition AS c WHERE c.programme = $1 GROUP BY c.version HAVING count(DISTINCT c.metric) > 16$sql$, pipeline) USING of_programme;
END;
$$;

COMMENT ON FUNCTION tiering.check_tier_metrics(text, text) IS
'internal: conditions of a programme that nobody can meet';

CREATE FUNCTION tiering.check_policy(pipeline text, programme text)
RETURNS TABLE (version integer, problem text, hint text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known record;
BEGIN
	PERFORM tiering.require_tier_programme(pipeline, programme);
	EXECUTE format('SELECT g.in_use, EXISTS (SELECT FROM %1$I.tier_policy AS p WHERE p.programme = $1) AS has_policy FROM %1$I.tier_programme AS g WHERE g.programme = $1', pipeline)
		INTO known USING programme;
	IF known.in_use AND NOT known.has_policy THEN
		RETURN QUERY VALUES (NULL::integer, 'it is in use and has no version', 'Insert one into the table tier_policy.');
	END IF;
	PERFORM tiering.tier_enrolment_sql(pipeline, programme);
	RETURN QUERY SELECT * FROM tiering.check_tier_windows(pipeline, programme);
	RETURN QUERY SELECT * FROM tiering.check_tier_levels(pipeline, programme);
	RETURN QUERY SELECT * FROM tiering.check_tier_metrics(pipeline, programme);
END;
$$;

COMMENT ON FUNCTION tiering.check_policy(text, text) IS
'what is wrong with a programme''s tiers, windows and versions; no rows: nothing.  The same is asked when it is saved.';

COMMENT ON FUNCTION tiering.keep_decided_policy() IS
'internal: refuses to change a version that has decided tiers';

COMMENT ON FUNCTION tiering.refuse_unsound_policy() IS
'internal: refuses a policy that check_policy() finds fault with';
