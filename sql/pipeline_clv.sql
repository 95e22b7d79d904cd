
/*
 * pipeline: models of what customers are worth, and their values
 */

-- Records of all customers, in weeks, on a day: that of the run (day) or of
-- the run whose scores are published (rfm_cutoff)
CREATE FUNCTION tiering.clv_records_sql(pipeline text, day text)
RETURNS text
LANGUAGE SQL IMMUTABLE
RETURN pg_catalog.format($sql$
	SELECT r.customer_id, (SELECT d.as_of FROM %1$I.%2$I AS d) AS as_of,
		(r.record).frequency, (r.record).recency, (r.record).age, (r.record).monetary
	FROM (
		SELECT h.customer_id, tiering.clv_summary(h.history, (SELECT d.as_of FROM %1$I.%2$I AS d), 'week') AS record
		FROM %1$I.purchase_history AS h
		OFFSET 0
	) AS r
	WHERE (r.record).age IS NOT NULL$sql$, pipeline, day);

-- The models in use, as the functions take them; one row, of NULLs if there is none
CREATE FUNCTION tiering.define_clv(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	kind text;
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	EXECUTE format($sql$
CREATE VIEW %1$I.clv_model AS
SELECT m.kind, m.version, concat_ws('; ',
		COALESCE(m.status, CASE t.status WHEN 'converged' THEN 'none in use' ELSE t.status END, 'not fitted'),
		CASE WHEN t.version > m.version AND t.status <> 'converged' THEN t.kind || ': ' || t.status || ', the former model scores' END,
		CASE WHEN w.version > v.version IS NOT FALSE
			THEN 'gamma_gamma: ' || CASE w.status WHEN 'converged' THEN 'values without a mean' ELSE w.status END
				|| CASE WHEN v.version IS NULL THEN '' ELSE ', the former model scores' END END) AS status,
	CASE m.kind WHEN 'nbd' THEN jsonb_populate_record(NULL::tiering.nbd_model, m.fit) END AS nbd,
	CASE m.kind WHEN 'bgnbd' THEN jsonb_populate_record(NULL::tiering.bgnbd_model, m.fit) END AS bgnbd,
	CASE m.kind WHEN 'mbgnbd' THEN jsonb_populate_record(NULL::tiering.mbgnbd_model, m.fit) END AS mbgnbd,
	CASE m.kind WHEN 'pareto_nbd' THEN jsonb_populate_record(NULL::tiering.pareto_nbd_model, m.fit) END AS pareto_nbd,
	v.version AS value_version,
	CASE WHEN v.fit IS NOT NULL THEN jsonb_populate_record(NULL::tiering.gamma_gamma_model, v.fit) END AS gamma_gamma
FROM (VALUES (1)) AS one(one)
	LEFT JOIN LATERAL (
		SELECT x.kind, x.version, x.fit, CASE x.kind WHEN 'nbd' THEN x.note ELSE x.status END AS status
		FROM %1$I.model AS x WHERE x.model = 'purchase' AND x.in_use) AS m ON true
	LEFT JOIN LATERAL (
		SELECT x.version, x.fit FROM %1$I.model AS x WHERE x.model = 'value' AND x.in_use) AS v ON true
	LEFT JOIN LATERAL (
		SELECT x.kind, x.version, x.status FROM %1$I.model AS x WHERE x.model = 'purchase' ORDER BY x.version DESC LIMIT 1) AS t ON true
	LEFT JOIN LATERAL (
		SELECT x.version, x.status FROM %1$I.model AS x WHERE x.model = 'value' ORDER BY x.version DESC LIMIT 1) AS w ON true;
COMMENT ON VIEW %1$I.clv_model IS 'the models that score customers now, one row';
COMMENT ON COLUMN %1$I.clv_model.kind IS 'kind of the purchase model; NULL: there is none';
COMMENT ON COLUMN %1$I.clv_model.version IS 'its version in the table model';
COMMENT ON COLUMN %1$I.clv_model.status IS 'converged, or why it is not the model that was asked for, or why there is none';
COMMENT ON COLUMN %1$I.clv_model.nbd IS 'the model if it is NBD: nobody leaves';
COMMENT ON COLUMN %1$I.clv_model.bgnbd IS 'the model if it is BG/NBD';
COMMENT ON COLUMN %1$I.clv_model.mbgnbd IS 'the model if it is MBG/NBD';
COMMENT ON COLUMN %1$I.clv_model.pareto_nbd IS 'the model if it is Pareto/NBD';
COMMENT ON COLUMN %1$I.clv_model.value_version IS 'version of the model of values';
COMMENT ON COLUMN %1$I.clv_model.gamma_gamma IS 'the model of values';
$sql$, pipeline);
	PERFORM tiering.define_scores(pipeline, 'customer_clv', tiering.customer_clv_sql(pipeline));
	kind := CASE p.materialization WHEN 'view' THEN 'VIEW' WHEN 'table' THEN 'TABLE' ELSE 'MATERIALIZED VIEW' END;
	EXECUTE format($sql$
COMMENT ON %2$s %1$I.customer_clv IS 'one row for each customer with a purchase at as_of: is he one still, what will he buy, what is that worth';
COMMENT ON COLUMN %1$I.customer_clv.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.customer_clv.as_of IS 'day of the analysis';
COMMENT ON COLUMN %1$I.customer_clv.repeat_days IS 'purchase days after the first';
COMMENT ON COLUMN %1$I.customer_clv.recency_weeks IS 'weeks from the first purchase to the last';
COMMENT ON COLUMN %1$I.customer_clv.age_weeks IS 'weeks from the first purchase to as_of';
COMMENT ON COLUMN %1$I.customer_clv.p_alive IS 'probability that he is a customer still; NULL if the model knows of no leaving; 1 for every one-time buyer in BG/NBD';
COMMENT ON COLUMN %1$I.customer_clv.expected_purchases IS 'mean number of purchase days until the horizon';
COMMENT ON COLUMN %1$I.customer_clv.expected_order_value IS 'mean value of those';
COMMENT ON COLUMN %1$I.customer_clv.clv IS 'their value, times the margin, discounted to as_of';
COMMENT ON COLUMN %1$I.customer_clv.clv_lower IS 'the customer''s own value lies from here ...';
COMMENT ON COLUMN %1$I.customer_clv.clv_upper IS '... to here, in interval_level of all cases: the customer is one of many with his record';
COMMENT ON COLUMN %1$I.customer_clv.expected_clv_lower IS 'the mean that clv gives lies from here ...';
COMMENT ON COLUMN %1$I.customer_clv.expected_clv_upper IS '... to here, in interval_level of all cases: the parameters are estimates';
COMMENT ON COLUMN %1$I.customer_clv.clv_decile IS '1 for the tenth of customers with the highest value, 10 for the lowest';
COMMENT ON COLUMN %1$I.customer_clv.clv_cumulative_share IS 'share of all value that customers of this value and above have, 0 to 1';
COMMENT ON COLUMN %1$I.customer_clv.model_version IS 'version of the purchase model';
COMMENT ON COLUMN %1$I.customer_clv.model_status IS 'converged, or why a model is another one or none';
$sql$, pipeline, kind);
END;
$$;

-- The query behind customer_clv.  All functions stand in one SELECT over the
-- histories, so that workers can share it.
CREATE FUNCTION tiering.customer_clv_sql(pipeline text)
RETURNS text
LANGUAGE SQL STABLE
RETURN pg_catalog.format($sql$
SELECT v.customer_id, v.as_of, v.repeat_days, v.recency_weeks, v.age_weeks,
	CASE (SELECT m.kind FROM %1$I.clv_model AS m) WHEN 'nbd' THEN NULL ELSE v.p_alive END AS p_alive,
	v.expected_purchases, v.expected_order_value, v.clv,
	v.clv_lower, v.clv_upper, v.expected_clv_lower, v.expected_clv_upper,
	CASE WHEN v.clv IS NOT NULL
		THEN 1 + (10 * (rank() OVER best - 1) / count(v.clv) OVER ())::integer END AS clv_decile,
	CASE WHEN v.clv IS NOT NULL THEN sum(v.clv) OVER best / NULLIF(sum(v.clv) OVER (), 0) END AS clv_cumulative_share,
	(SELECT m.version FROM %1$I.clv_model AS m) AS model_version, (SELECT m.status FROM %1$I.clv_model AS m) AS model_status
FROM (
	SELECT c.customer_id, (SELECT d.as_of FROM %1$I.rfm_cutoff AS d) AS as_of,
		(c.scores).frequency AS repeat_days, (c.scores).recency AS recency_weeks, (c.scores).age AS age_weeks,
		(c.scores).p_alive, (c.scores).expected_purchases, (c.scores).expected_order_value, (c.scores).clv,
		(c.scores).clv_lower, (c.scores).clv_upper, (c.scores).expected_clv_lower, (c.scores).expected_clv_upper
	FROM (
		SELECT h.customer_id, COALESCE(%2$s,
				tiering.clv_scores(h.history, (SELECT d.as_of FROM %1$I.rfm_cutoff AS d))) AS scores
		FROM %1$I.purchase_history AS h
		OFFSET 0
	) AS c
	WHERE (c.scores).age IS NOT NULL
) AS v
WINDOW best AS (ORDER BY v.clv DESC NULLS LAST)$sql$, pipeline, (
	SELECT pg_catalog.string_agg(pg_catalog.format($sql$
				tiering.clv_scores((SELECT m.%2$I FROM %1$I.clv_model AS m), (SELECT m.gamma_gamma FROM %1$I.clv_model AS m),
					h.history, (SELECT d.as_of FROM %1$I.rfm_cutoff AS d),
					(SELECT extract(epoch FROM p.clv_horizon)::double precision / 604800 FROM %1$I.pipeline AS p),
					(SELECT p.annual_discount_rate FROM %1$I.pipeline AS p), (SELECT p.gross_margin FROM %1$I.pipeline AS p),
					(SELECT NULLIF(p.interval_level, 0) FROM %1$I.pipeline AS p))$sql$, pipeline, k.kind), ',' ORDER BY k.n)
	FROM pg_catalog.unnest('{bgnbd,mbgnbd,pareto_nbd,nbd}'::text[]) WITH ORDINALITY AS k(kind, n)));
