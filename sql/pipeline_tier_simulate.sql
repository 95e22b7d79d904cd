
/*
 * pipeline: tiers as they would be under another policy
 */

-- What each customer would have on a day, and what he would have gone through
-- since another, under a programme; nothing is written
CREATE FUNCTION tiering.simulated_tiers(pipeline text, programme text, from_day date, until_day date)
RETURNS TABLE (customer_id text, tier text, rank integer, upgrades bigint, downgrades bigint, revenue numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
	document jsonb;
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	PERFORM tiering.require_tier_programme(pipeline, programme);
	IF (from_day <= until_day AND isfinite(from_day) AND isfinite(until_day)) IS NOT TRUE THEN
		RAISE EXCEPTION 'from_day % and until_day % are no days in this order', COALESCE(from_day::text, 'null'), COALESCE(until_day::text, 'null')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass two finite days, the earlier one first.';
	END IF;
	document := tiering.tier_document(pipeline, programme);
	IF document IS NULL THEN
		RAISE EXCEPTION 'programme "%" has no version', programme
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Insert one into the table tier_policy.';
	END IF;
	RETURN QUERY EXECUTE format($sql$
SELECT r.customer_id::text, (r.now).tier, (r.now).rank, m.upgrades, m.downgrades,
	COALESCE(tiering.net_total(r.history, %5$L), 0) - COALESCE(tiering.net_total(r.history, %4$L::date - 1), 0)
FROM (
	SELECT c.customer_id, c.history, tiering.tier_standing(c.history, c.entries, c.overrides, c.enrolled, %3$L, %5$L) AS now,
		tiering.tier_events(c.history, c.entries, c.overrides, c.enrolled, %3$L, NULL, NULL, %5$L) AS events
	FROM (%2$s) AS c
	OFFSET 0
) AS r CROSS JOIN LATERAL (
	SELECT count(*) FILTER (WHERE e.rank > e.former) AS upgrades, count(*) FILTER (WHERE e.rank < e.former) AS downgrades
	FROM (SELECT u.valid_from, u.rank, lag(u.rank) OVER (ORDER BY u.valid_from) AS former FROM unnest(r.events) AS u) AS e
	WHERE e.valid_from >= %4$L
) AS m
WHERE (r.now).rank IS NOT NULL$sql$, pipeline, tiering.tier_cases_sql(pipeline, programme, true), document, from_day, until_day);
END;
$$;

COMMENT ON FUNCTION tiering.simulated_tiers(text, text, date, date) IS
'the tier that each customer would have on a day under a programme, with his moves and his net money since another day; nothing is written';

-- The tiers of the version that holds on a day
CREATE FUNCTION tiering.tier_levels_on(pipeline text, of_programme text, day date)
RETURNS TABLE (tier text, rank integer)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY EXECUTE format($sql$
SELECT t.tier, t.rank FROM %1$I.tier AS t WHERE t.programme = $1 AND t.version = (
	SELECT max(p.version) FROM %1$I.tier_policy AS p WHERE p.programme = $1 AND p.valid_from <= $2)$sql$, pipeline) USING of_programme, day;
END;
$$;

COMMENT ON FUNCTION tiering.tier_levels_on(text, text, date) IS
'internal: tiers of the version that holds on a day';

CREATE FUNCTION tiering.simulate_tiers(pipeline text, programme text, from_day date, until_day date)
RETURNS TABLE (tier text, rank integer, customers bigint, customers_today bigint, revenue numeric, revenue_today numeric,
	upgrades bigint, upgrades_today bigint, downgrades bigint, downgrades_today bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	used text;
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	used := tiering.tier_programme_in_use(pipeline);
	RETURN QUERY
	WITH both_of AS (
		SELECT s.*, true AS is_other FROM tiering.simulated_tiers(pipeline, simulate_tiers.programme, from_day, until_day) AS s
		UNION ALL
		SELECT s.*, false FROM tiering.simulated_tiers(pipeline, used, from_day, until_day) AS s
	)
	SELECT l.tier, max(l.rank), count(b.tier) FILTER (WHERE b.is_other), count(b.tier) FILTER (WHERE NOT b.is_other),
		COALESCE(sum(b.revenue) FILTER (WHERE b.is_other), 0), COALESCE(sum(b.revenue) FILTER (WHERE NOT b.is_other), 0),
		COALESCE(sum(b.upgrades) FILTER (WHERE b.is_other), 0)::bigint, COALESCE(sum(b.upgrades) FILTER (WHERE NOT b.is_other), 0)::bigint,
		COALESCE(sum(b.downgrades) FILTER (WHERE b.is_other), 0)::bigint, COALESCE(sum(b.downgrades) FILTER (WHERE NOT b.is_other), 0)::bigint
	FROM (
		SELECT l.tier, max(l.rank) AS rank FROM (
			SELECT v.tier, v.rank FROM tiering.tier_levels_on(pipeline, simulate_tiers.programme, until_day) AS v
			UNION ALL SELECT v.tier, v.rank FROM tiering.tier_levels_on(pipeline, used, until_day) AS v) AS l GROUP BY l.tier
		) AS l LEFT JOIN both_of AS b ON b.tier = l.tier
	GROUP BY l.tier
	ORDER BY max(l.rank), l.tier;
END;
$$;

COMMENT ON FUNCTION tiering.simulate_tiers(text, text, date, date) IS
'who would be where under a programme beside the one in use: customers, net money and moves by tier; nothing is written';
