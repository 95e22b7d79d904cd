
/*
 * pipeline: what reports read of tiers
 */

CREATE FUNCTION tiering.define_tier_views(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
CREATE VIEW %1$I.tier_history AS
SELECT d.customer_id, d.tier, daterange(d.valid_from, d.ends) AS valid, d.programme, d.version, d.rank, d.former_tier, d.former_rank, d.reason,
	d.metrics, d.recorded_at, NULL::timestamptz AS superseded_at
FROM (
	SELECT l.*, lead(l.valid_from) OVER w AS ends, lag(l.tier) OVER w AS former_tier, lag(l.rank) OVER w AS former_rank
	FROM %1$I.tier_decision AS l WHERE l.superseded_at IS NULL
	WINDOW w AS (PARTITION BY l.customer_id ORDER BY l.valid_from)
) AS d
WHERE d.tier IS NOT NULL
UNION ALL
SELECT d.customer_id, d.tier, daterange(d.valid_from, d.superseded_until), d.programme, d.version, d.rank, NULL, NULL, d.reason, d.metrics, d.recorded_at, d.superseded_at
FROM %1$I.tier_decision AS d WHERE d.superseded_at IS NOT NULL AND d.tier IS NOT NULL;

CREATE VIEW %1$I.customer_tier AS
SELECT s.customer_id, e.as_of, s.tier, COALESCE(n.name, s.tier) AS tier_name, s.rank, s.since, s.valid_until, s.then_tier, s.is_given, s.next_tier, s.missing_for_next,
	trunc(100 * s.progress::numeric, 1) AS progress_percent, s.missing_to_keep,
	CASE WHEN f.rank < s.rank THEN s.valid_until + 1 END AS downgrade_on, s.metrics, e.programme, s.version
FROM %1$I.tier_standing AS s
	CROSS JOIN (SELECT x.programme, x.as_of FROM %1$I.tier_evaluation AS x ORDER BY x.evaluation DESC LIMIT 1) AS e
	LEFT JOIN %1$I.tier_name AS n ON n.tier = s.tier AND n.language = 'en'
	LEFT JOIN %1$I.tier AS f ON f.programme = e.programme AND f.version = s.version AND f.tier = s.then_tier;

CREATE VIEW %1$I.tier_movement AS
SELECT date_trunc('month', h.valid_from)::date AS month, h.former_tier AS from_tier, h.tier AS to_tier, h.reason,
	CASE WHEN h.tier IS NULL THEN 'left' WHEN h.former_tier IS NULL THEN 'new' WHEN h.reason = 'policy' THEN 'policy'
		WHEN h.rank > h.former_rank THEN 'up' WHEN h.rank < h.former_rank THEN 'down' ELSE 'same' END AS direction,
	count(*) AS customers
FROM (
	SELECT l.valid_from, l.tier, l.rank, l.reason, lag(l.tier) OVER w AS former_tier, lag(l.rank) OVER w AS former_rank
	FROM %1$I.tier_decision AS l WHERE l.superseded_at IS NULL
	WINDOW w AS (PARTITION BY l.customer_id ORDER BY l.valid_from)
) AS h
WHERE h.tier IS NOT NULL OR h.former_tier IS NOT NULL
GROUP BY 1, 2, 3, 4, 5;

CREATE VIEW %1$I.tier_summary AS
SELECT t.tier, COALESCE(n.name, t.tier) AS tier_name, t.rank, count(s.customer_id) AS customers, COALESCE(sum(s.revenue), 0) AS revenue,
	COALESCE(sum(s.revenue) / NULLIF(sum(sum(s.revenue)) OVER (), 0), 0) AS revenue_share
FROM (SELECT x.programme, x.as_of FROM %1$I.tier_evaluation AS x ORDER BY x.evaluation DESC LIMIT 1) AS e
	JOIN %1$I.tier AS t ON t.programme = e.programme AND t.version = (
		SELECT max(p.version) FROM %1$I.tier_policy AS p WHERE p.programme = e.programme AND p.valid_from <= e.as_of)
	LEFT JOIN %1$I.tier_name AS n ON n.tier = t.tier AND n.language = 'en'
	LEFT JOIN LATERAL (
		SELECT c.customer_id, tiering.net_total(h.history, e.as_of) AS revenue
		FROM %1$I.tier_standing AS c LEFT JOIN %1$I.purchase_history AS h USING (customer_id) WHERE c.tier = t.tier) AS s ON true
GROUP BY t.tier, n.name, t.rank$sql$, pipeline);
	PERFORM tiering.comment_tier_views(pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.define_tier_views(text) IS
'internal: makes tier_history, customer_tier, tier_movement and tier_summary';

-- Comments on the views
CREATE FUNCTION tiering.comment_tier_views(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
COMMENT ON VIEW %1$I.tier_history IS 'which customer had which tier when, and why; superseded rows are what was told before a correction';
COMMENT ON COLUMN %1$I.tier_history.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.tier_history.tier IS 'code of the tier';
COMMENT ON COLUMN %1$I.tier_history.valid IS 'days with it; the last one is open';
COMMENT ON COLUMN %1$I.tier_history.programme IS 'programme that decided';
COMMENT ON COLUMN %1$I.tier_history.version IS 'version of its policy that decided; a later one under which the tier stays writes no row';
COMMENT ON COLUMN %1$I.tier_history.rank IS 'rank of the tier in that, 0 the lowest';
COMMENT ON COLUMN %1$I.tier_history.former_tier IS 'tier before; NULL: none';
COMMENT ON COLUMN %1$I.tier_history.former_rank IS 'its rank';
COMMENT ON COLUMN %1$I.tier_history.reason IS 'enrolled, upgraded, downgraded, policy (another version or programme), given, given ended, or corrected';
COMMENT ON COLUMN %1$I.tier_history.metrics IS 'metrics of the window that it was decided by';
COMMENT ON COLUMN %1$I.tier_history.recorded_at IS 'when it was decided';
COMMENT ON COLUMN %1$I.tier_history.superseded_at IS 'when it was taken back; NULL: it holds';
COMMENT ON VIEW %1$I.customer_tier IS 'one row a customer: tier, until when, and what is missing for the next';
COMMENT ON COLUMN %1$I.customer_tier.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.customer_tier.as_of IS 'day of the last evaluation';
COMMENT ON COLUMN %1$I.customer_tier.tier IS 'code of the tier';
COMMENT ON COLUMN %1$I.customer_tier.tier_name IS 'its name in English, or its code; the table tier_name has others';
COMMENT ON COLUMN %1$I.customer_tier.rank IS 'its rank, 0 the lowest';
COMMENT ON COLUMN %1$I.customer_tier.since IS 'first day with it';
COMMENT ON COLUMN %1$I.customer_tier.valid_until IS 'last day with it if nothing more is bought; NULL: no end in the next twenty years';
COMMENT ON COLUMN %1$I.customer_tier.then_tier IS 'tier after that';
COMMENT ON COLUMN %1$I.customer_tier.is_given IS 'was it given by hand?';
COMMENT ON COLUMN %1$I.customer_tier.next_tier IS 'next higher tier; NULL at the top, or while just this one is given';
COMMENT ON COLUMN %1$I.customer_tier.missing_for_next IS 'what of which metric is missing for it; NULL: nothing';
COMMENT ON COLUMN %1$I.customer_tier.progress_percent IS 'how much of the next tier is there: the least of its conditions where all are needed';
COMMENT ON COLUMN %1$I.customer_tier.missing_to_keep IS 'what is missing to keep the present tier; NULL: nothing';
COMMENT ON COLUMN %1$I.customer_tier.downgrade_on IS 'first day with a lower tier if nothing more is bought';
COMMENT ON COLUMN %1$I.customer_tier.metrics IS 'metrics of the window until as_of';
COMMENT ON COLUMN %1$I.customer_tier.programme IS 'programme in use';
COMMENT ON COLUMN %1$I.customer_tier.version IS 'version of its policy';
COMMENT ON VIEW %1$I.tier_movement IS 'changes of tier by month: upgrades, downgrades, customers who come and leave';
COMMENT ON COLUMN %1$I.tier_movement.month IS 'first day of the month';
COMMENT ON COLUMN %1$I.tier_movement.from_tier IS 'tier before; NULL: new';
COMMENT ON COLUMN %1$I.tier_movement.to_tier IS 'tier after; NULL: left';
COMMENT ON COLUMN %1$I.tier_movement.reason IS 'as in tier_history';
COMMENT ON COLUMN %1$I.tier_movement.direction IS 'new, up, down, same, left, or policy: another version or programme';
COMMENT ON COLUMN %1$I.tier_movement.customers IS 'how many';
COMMENT ON VIEW %1$I.tier_summary IS 'the pyramid: customers and revenue of each tier';
COMMENT ON COLUMN %1$I.tier_summary.tier IS 'code of the tier';
COMMENT ON COLUMN %1$I.tier_summary.tier_name IS 'its name in English';
COMMENT ON COLUMN %1$I.tier_summary.rank IS 'its rank, 0 the lowest';
COMMENT ON COLUMN %1$I.tier_summary.customers IS 'how many have it now';
COMMENT ON COLUMN %1$I.tier_summary.revenue IS 'net money that they ever spent';
COMMENT ON COLUMN %1$I.tier_summary.revenue_share IS 'share of all of it, 0 to 1'$sql$, pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.comment_tier_views(text) IS
'internal: comments on the views of tiers';
