
/*
 * pipeline: the relations of a pipeline
 *
 * Each is made by one function that holds its SQL as one readable text.
 */

-- Refuses a second currency, for money of two kinds has no sum
CREATE FUNCTION tiering.one_currency(first_one text, last_one text, some_without boolean)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF first_one <> last_one OR (some_without AND first_one IS NOT NULL) THEN
		RAISE EXCEPTION 'orders are in more than one currency: "%" and %', first_one,
				CASE WHEN first_one <> last_one THEN '"' || last_one || '"' ELSE 'none' END
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = format('Pick one with a filter on the currency''s column, for example filter => %L.',
						format('currency = %L', first_one));
	END IF;
	RETURN true;
END;
$$;

CREATE FUNCTION tiering.one_currency_sql(pipeline text)
RETURNS text
LANGUAGE SQL IMMUTABLE
RETURN pg_catalog.format('SELECT tiering.one_currency(min(l.currency COLLATE "C"), max(l.currency COLLATE "C"), bool_or(l.currency IS NULL)) FROM %I.order_line AS l WHERE l.counts', pipeline);

-- The histories: a table that refresh keeps, under a view; or a materialized view
CREATE FUNCTION tiering.define_histories(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	customer_type text;
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	customer_type := tiering.customer_type(pipeline);
	IF p.histories = 'table' THEN
		EXECUTE format($sql$
CREATE TABLE %1$I.purchase_history_stored (
	customer_id %2$s PRIMARY KEY,
	history tiering.purchase_history,
	source_rows bigint
);
CREATE VIEW %1$I.purchase_history AS
SELECT customer_id, history, source_rows
FROM %1$I.purchase_history_stored;
COMMENT ON TABLE %1$I.purchase_history_stored IS 'the histories as refresh keeps them; read them through the view purchase_history';
COMMENT ON COLUMN %1$I.purchase_history_stored.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.purchase_history_stored.history IS 'all purchases and refunds';
COMMENT ON COLUMN %1$I.purchase_history_stored.source_rows IS 'rows of the source that the history was made of';
COMMENT ON VIEW %1$I.purchase_history IS 'one row a customer: all purchases and refunds as one value';
$sql$, pipeline, customer_type);
		-- a type of id that cannot be hashed shows here
		EXECUTE tiering.histories_sql(pipeline, p.refunds, ' LIMIT 0', '');
	ELSE
		EXECUTE format($sql$
CREATE MATERIALIZED VIEW %1$I.purchase_history AS
SELECT customer_id,
	%2$s AS history,
	sum(lines)::bigint AS source_rows
FROM %1$I.purchase%3$s
GROUP BY customer_id
WITH NO DATA;
CREATE UNIQUE INDEX purchase_history_key ON %1$I.purchase_history (customer_id);
COMMENT ON MATERIALIZED VIEW %1$I.purchase_history IS 'one row a customer: all purchases and refunds as one value';
$sql$, pipeline, CASE p.refunds WHEN 'void'
			THEN 'tiering.history_void_refunds(tiering.purchase_history_agg(purchased_on, amount))'
			ELSE 'tiering.purchase_history_agg(purchased_on, amount)' END,
			CASE WHEN p.currency IS NULL THEN ''
				 ELSE E'\nWHERE (' || tiering.one_currency_sql(pipeline) || ')' END);
	END IF;
	EXECUTE format($sql$
COMMENT ON COLUMN %1$I.purchase_history.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.purchase_history.history IS 'all purchases and refunds, for the functions of schema tiering';
COMMENT ON COLUMN %1$I.purchase_history.source_rows IS 'rows of the source that the history was made of';
$sql$, pipeline);
END;
$$;

-- The type of a pipeline's customer ids, as SQL
CREATE FUNCTION tiering.customer_type(pipeline text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN tiering.column_type(to_regclass(format('%I.purchase', pipeline)), 'customer_id');
END;
$$;

-- The query that finds the cut points of a day: one row, even without customers
CREATE FUNCTION tiering.cutoffs_sql(pipeline text)
RETURNS text
LANGUAGE SQL STABLE
RETURN pg_catalog.format($sql$
SELECT d.as_of, d.since, d.bins, c.customers, c.newest_purchase,
	COALESCE(c.r_cutoffs, '{}') AS r_cutoffs,
	COALESCE(c.f_cutoffs, '{}') AS f_cutoffs,
	COALESCE(c.m_cutoffs, '{}') AS m_cutoffs
FROM %1$I.day AS d CROSS JOIN LATERAL (
	SELECT count(*) AS customers,
		max(d.as_of - (s.rfm).recency_days) AS newest_purchase,
		tiering.rfm_cutoffs(- (s.rfm).recency_days, d.bins) AS r_cutoffs,
		tiering.rfm_cutoffs((s.rfm).frequency, d.bins) AS f_cutoffs,
		tiering.rfm_cutoffs(tiering.money_value((s.rfm).monetary), d.bins) AS m_cutoffs
	FROM (
		SELECT tiering.rfm(h.history, d.as_of, d.since) AS rfm
		FROM %1$I.purchase_history AS h
		OFFSET 0
	) AS s
	WHERE (s.rfm).recency_days IS NOT NULL
) AS c$sql$, pipeline);

-- The day of the analysis and its cut points
CREATE FUNCTION tiering.define_cutoffs(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	EXECUTE format(CASE p.histories WHEN 'table' THEN $sql$
CREATE VIEW %1$I.day AS
SELECT r.as_of,
	(r.as_of - p.rfm_window)::date + 1 AS since,
	p.bins
FROM (SELECT as_of FROM %1$I.run ORDER BY run DESC LIMIT 1) AS r
	CROSS JOIN %1$I.pipeline AS p$sql$ ELSE $sql$
CREATE VIEW %1$I.day AS
SELECT t.as_of,
	(t.as_of - p.rfm_window)::date + 1 AS since,
	p.bins
FROM %1$I.pipeline AS p CROSS JOIN LATERAL (
	SELECT COALESCE(p.as_of, (now() AT TIME ZONE COALESCE(p.time_zone, current_setting('TimeZone')))::date - 1) AS as_of
) AS t$sql$ END, pipeline);
	IF p.histories = 'table' THEN
		EXECUTE format($sql$
CREATE VIEW %1$I.rfm_cutoff AS
SELECT r.as_of, r.since, r.bins, r.customers, r.newest_purchase, r.r_cutoffs, r.f_cutoffs, r.m_cutoffs
FROM %1$I.pipeline AS p JOIN %1$I.run AS r ON r.run = p.scored_run;
COMMENT ON VIEW %1$I.rfm_cutoff IS 'day of the analysis and cut points of the run whose scores are published';
$sql$, pipeline);
	ELSE
		EXECUTE format($sql$
CREATE MATERIALIZED VIEW %1$I.rfm_cutoff AS %2$s
WITH NO DATA;
CREATE UNIQUE INDEX rfm_cutoff_key ON %1$I.rfm_cutoff (as_of);
COMMENT ON MATERIALIZED VIEW %1$I.rfm_cutoff IS 'day of the analysis and its cut points';
$sql$, pipeline, tiering.cutoffs_sql(pipeline));
	END IF;
	EXECUTE format($sql$
COMMENT ON VIEW %1$I.day IS 'the day of the analysis';
COMMENT ON COLUMN %1$I.day.as_of IS 'last day that counts';
COMMENT ON COLUMN %1$I.day.since IS 'first day that counts; NULL: all of them';
COMMENT ON COLUMN %1$I.day.bins IS 'number of scores';
COMMENT ON COLUMN %1$I.rfm_cutoff.as_of IS 'day of the analysis';
COMMENT ON COLUMN %1$I.rfm_cutoff.since IS 'first day that counts; NULL: all of them';
COMMENT ON COLUMN %1$I.rfm_cutoff.bins IS 'number of scores';
COMMENT ON COLUMN %1$I.rfm_cutoff.customers IS 'customers scored';
COMMENT ON COLUMN %1$I.rfm_cutoff.newest_purchase IS 'day of the newest purchase until as_of';
COMMENT ON COLUMN %1$I.rfm_cutoff.r_cutoffs IS 'smallest values of minus recency_days that score 2, 3, ...';
COMMENT ON COLUMN %1$I.rfm_cutoff.f_cutoffs IS 'smallest values of frequency that score 2, 3, ...';
COMMENT ON COLUMN %1$I.rfm_cutoff.m_cutoffs IS 'smallest values of monetary that score 2, 3, ...';
$sql$, pipeline);

	EXECUTE format($sql$
CREATE VIEW %1$I.segment_cell AS
SELECT bins, r_score, f_score, m_score, segment
FROM tiering.segment_cells(ARRAY(
	SELECT ROW(s.rule_set, s.bins, s."position", s.segment,
		s.r_min, s.r_max, s.f_min, s.f_max, s.m_min, s.m_max)::tiering.segment_rule
	FROM %1$I.segment_rule AS s JOIN %1$I.pipeline AS p ON p.rule_set = s.rule_set
	ORDER BY s."position"));
COMMENT ON VIEW %1$I.segment_cell IS 'the segment of each cell of scores, from segment_rule; refuses rules with a hole or an overlap';
COMMENT ON COLUMN %1$I.segment_cell.bins IS 'bins that the scores count in';
COMMENT ON COLUMN %1$I.segment_cell.r_score IS 'score of recency';
COMMENT ON COLUMN %1$I.segment_cell.f_score IS 'score of frequency';
COMMENT ON COLUMN %1$I.segment_cell.m_score IS 'score of monetary value';
COMMENT ON COLUMN %1$I.segment_cell.segment IS 'name of the segment';
$sql$, pipeline);
END;
$$;

-- The query behind customer_rfm
CREATE FUNCTION tiering.customer_rfm_sql(pipeline text)
RETURNS text
LANGUAGE SQL STABLE
RETURN pg_catalog.format($sql$
SELECT s.customer_id, s.as_of, s.recency_days, s.frequency, s.monetary,
	s.r_score, s.f_score, s.m_score,
	tiering.rfm_cell(s.r_score, s.f_score, s.m_score, s.bins) AS rfm_cell,
	g.segment
FROM (
	-- OFFSET 0 keeps the planner from computing a row's scores once for each use
	SELECT t.customer_id, t.as_of, t.bins, t.rule_bins,
		(t.rfm).recency_days, (t.rfm).frequency, (t.rfm).monetary,
		tiering.rfm_score(- (t.rfm).recency_days, t.r_cutoffs) AS r_score,
		tiering.rfm_score((t.rfm).frequency, t.f_cutoffs) AS f_score,
		tiering.rfm_score(tiering.money_value((t.rfm).monetary), t.m_cutoffs) AS m_score
	FROM (
		SELECT h.customer_id, c.as_of, c.bins, c.r_cutoffs, c.f_cutoffs, c.m_cutoffs,
			tiering.rfm(h.history, c.as_of, c.since) AS rfm,
			(SELECT min(x.bins) FROM %1$I.segment_rule AS x JOIN %1$I.pipeline AS p ON p.rule_set = x.rule_set) AS rule_bins
		FROM %1$I.purchase_history AS h CROSS JOIN %1$I.rfm_cutoff AS c
		OFFSET 0
	) AS t
	WHERE (t.rfm).recency_days IS NOT NULL
	OFFSET 0
) AS s LEFT JOIN %1$I.segment_cell AS g
	ON tiering.segment_cell(g.r_score, g.f_score, g.m_score, g.bins, g.bins)
		= tiering.segment_cell(s.r_score, s.f_score, s.m_score, s.bins, s.rule_bins)$sql$, pipeline);

-- Makes a relation of scores from its query, in the way that the pipeline stores them
CREATE FUNCTION tiering.define_scores(pipeline text, relation text, query text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	materialization text;
BEGIN
	EXECUTE format('SELECT materialization FROM %I.pipeline', pipeline) INTO STRICT materialization;
	EXECUTE format(CASE materialization
			WHEN 'view' THEN 'CREATE VIEW %1$I.%2$I AS %3$s'
			WHEN 'table' THEN 'CREATE TABLE %1$I.%2$I AS %3$s WITH NO DATA'
			ELSE 'CREATE MATERIALIZED VIEW %1$I.%2$I AS %3$s WITH NO DATA' END, pipeline, relation, query);
	IF materialization <> 'view' THEN
		EXECUTE format('CREATE UNIQUE INDEX %I ON %I.%I (customer_id)', relation || '_key', pipeline, relation);
	END IF;
END;
$$;

CREATE FUNCTION tiering.define_customer_rfm(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	PERFORM tiering.define_scores(pipeline, 'customer_rfm', tiering.customer_rfm_sql(pipeline));
	EXECUTE format($sql$
COMMENT ON %2$s %1$I.customer_rfm IS 'one row for each customer with a purchase at as_of: recency, frequency, monetary value, scores and segment';
COMMENT ON COLUMN %1$I.customer_rfm.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.customer_rfm.as_of IS 'day of the analysis; later purchases do not count';
COMMENT ON COLUMN %1$I.customer_rfm.recency_days IS 'days from the last purchase to as_of';
COMMENT ON COLUMN %1$I.customer_rfm.frequency IS 'number of orders';
COMMENT ON COLUMN %1$I.customer_rfm.monetary IS 'money of the orders less refunds';
COMMENT ON COLUMN %1$I.customer_rfm.r_score IS 'score of recency: the higher, the more recent';
COMMENT ON COLUMN %1$I.customer_rfm.f_score IS 'score of frequency: the higher, the more orders';
COMMENT ON COLUMN %1$I.customer_rfm.m_score IS 'score of monetary value: the higher, the more money';
COMMENT ON COLUMN %1$I.customer_rfm.rfm_cell IS 'the three scores as one text';
COMMENT ON COLUMN %1$I.customer_rfm.segment IS 'name of the segment, by the rules in segment_rule';
$sql$, pipeline, CASE p.materialization WHEN 'view' THEN 'VIEW' WHEN 'table' THEN 'TABLE'
		ELSE 'MATERIALIZED VIEW' END);
END;
$$;

-- What reports read: plain views, so that one commit publishes all
CREATE FUNCTION tiering.define_summaries(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
CREATE VIEW %1$I.segment_summary AS
SELECT COALESCE(g.segment, r.segment) AS segment,
	count(r.customer_id) AS customers,
	round(count(r.customer_id) / NULLIF(sum(count(r.customer_id)) OVER (), 0), 4) AS customer_share,
	COALESCE(sum(r.frequency), 0)::bigint AS orders,
	COALESCE(sum(r.monetary), 0) AS revenue,
	round(sum(r.monetary) / NULLIF(sum(sum(r.monetary)) OVER (), 0), 4) AS revenue_share,
	round(avg(r.recency_days), 1) AS mean_recency_days,
	round(avg(r.frequency), 2) AS mean_frequency,
	round(avg(r.monetary), 2) AS mean_monetary,
	g.first_position AS "position"
FROM (
	SELECT s.segment, min(s."position") AS first_position
	FROM %1$I.segment_rule AS s JOIN %1$I.pipeline AS p ON p.rule_set = s.rule_set
	GROUP BY s.segment
) AS g FULL JOIN %1$I.customer_rfm AS r ON r.segment = g.segment
GROUP BY COALESCE(g.segment, r.segment), g.first_position
ORDER BY g.first_position;
COMMENT ON VIEW %1$I.segment_summary IS 'one row a segment: customers, orders, revenue and means; empty ones and those of older rules too';
COMMENT ON COLUMN %1$I.segment_summary.segment IS 'name of the segment';
COMMENT ON COLUMN %1$I.segment_summary.customers IS 'customers in it';
COMMENT ON COLUMN %1$I.segment_summary.customer_share IS 'of all scored customers, 0 to 1';
COMMENT ON COLUMN %1$I.segment_summary.orders IS 'their orders';
COMMENT ON COLUMN %1$I.segment_summary.revenue IS 'their net money';
COMMENT ON COLUMN %1$I.segment_summary.revenue_share IS 'of all revenue, 0 to 1';
COMMENT ON COLUMN %1$I.segment_summary.mean_recency_days IS 'mean of recency_days';
COMMENT ON COLUMN %1$I.segment_summary.mean_frequency IS 'mean of frequency';
COMMENT ON COLUMN %1$I.segment_summary.mean_monetary IS 'mean of monetary';
COMMENT ON COLUMN %1$I.segment_summary."position" IS 'place of its first rule in the rule set, best customers first; NULL: of older rules';

CREATE VIEW %1$I.rfm_heatmap AS
SELECT a.score AS r_score, b.score AS f_score,
	count(r.customer_id) AS customers,
	COALESCE(sum(r.monetary), 0) AS revenue,
	round(avg(r.monetary), 2) AS mean_monetary
FROM %1$I.rfm_cutoff AS c
	CROSS JOIN LATERAL tiering.scores(c.bins) AS a(score)
	CROSS JOIN LATERAL tiering.scores(c.bins) AS b(score)
	LEFT JOIN %1$I.customer_rfm AS r ON r.r_score = a.score AND r.f_score = b.score
GROUP BY a.score, b.score
ORDER BY a.score DESC, b.score;
COMMENT ON VIEW %1$I.rfm_heatmap IS 'one row for each pair of R and F scores; empty cells too';
COMMENT ON COLUMN %1$I.rfm_heatmap.r_score IS 'score of recency';
COMMENT ON COLUMN %1$I.rfm_heatmap.f_score IS 'score of frequency';
COMMENT ON COLUMN %1$I.rfm_heatmap.customers IS 'customers in the cell';
COMMENT ON COLUMN %1$I.rfm_heatmap.revenue IS 'their net money';
COMMENT ON COLUMN %1$I.rfm_heatmap.mean_monetary IS 'mean of monetary; NULL in an empty cell';
$sql$, pipeline);
END;
$$;
