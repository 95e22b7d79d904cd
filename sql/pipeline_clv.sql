
/*
 * pipeline, part nine: models of what customers are worth, and their values
 */

-- Records of all customers, in weeks, on a day: that of the run (day) or of
-- the run whose scores are published (rfm_cutoff)
CREATE FUNCTION tiering.clv_records_sql(pipeline text, day text)
RETURNS text
LANGUAGE SQL IMMUTABLE
RETURN pg_catalog.format($sql$
	SELECT r.customer_id, r.as_of, (r.record).frequency, (r.record).recency, (r.record).age, (r.record).monetary
	FROM (
		SELECT h.customer_id, d.as_of, tiering.clv_summary(h.history, d.as_of, 'week') AS record
		FROM %1$I.purchase_history AS h CROSS JOIN %1$I.%2$I AS d
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
SELECT m.kind, m.version, COALESCE(m.status, t.status, 'not fitted') AS status,
	CASE m.kind WHEN 'nbd' THEN tiering.nbd(m.p[1], m.p[2], 'week') END AS nbd,
	CASE m.kind WHEN 'bgnbd' THEN tiering.bgnbd(m.p[1], m.p[2], m.p[3], m.p[4], 'week') END AS bgnbd,
	CASE m.kind WHEN 'mbgnbd' THEN tiering.mbgnbd(m.p[1], m.p[2], m.p[3], m.p[4], 'week') END AS mbgnbd,
	CASE m.kind WHEN 'pareto_nbd' THEN tiering.pareto_nbd(m.p[1], m.p[2], m.p[3], m.p[4], 'week') END AS pareto_nbd,
	v.version AS value_version,
	tiering.gamma_gamma(v.p[1], v.p[2], v.p[3]) AS gamma_gamma
FROM (VALUES (1)) AS one(one)
	LEFT JOIN LATERAL (
		SELECT x.kind, x.version, x.parameters AS p, CASE x.kind WHEN 'nbd' THEN x.note ELSE x.status END AS status
		FROM %1$I.model AS x WHERE x.model = 'purchase' AND x.in_use) AS m ON true
	LEFT JOIN LATERAL (
		SELECT x.version, x.parameters AS p FROM %1$I.model AS x WHERE x.model = 'value' AND x.in_use) AS v ON true
	LEFT JOIN LATERAL (
		SELECT x.status FROM %1$I.model AS x WHERE x.model = 'purchase' ORDER BY x.version DESC LIMIT 1) AS t ON true;
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
COMMENT ON COLUMN %1$I.customer_clv.p_alive IS 'probability that he is a customer still; NULL if the model knows of no leaving';
COMMENT ON COLUMN %1$I.customer_clv.expected_purchases IS 'mean number of purchase days until the horizon';
COMMENT ON COLUMN %1$I.customer_clv.expected_order_value IS 'mean value of those';
COMMENT ON COLUMN %1$I.customer_clv.clv IS 'their value, times the margin, discounted to as_of';
COMMENT ON COLUMN %1$I.customer_clv.clv_decile IS '1 for the tenth of customers with the highest value, 10 for the lowest';
COMMENT ON COLUMN %1$I.customer_clv.clv_cumulative_share IS 'share of all value that customers of this value and above have, 0 to 1';
COMMENT ON COLUMN %1$I.customer_clv.model_version IS 'version of the purchase model';
COMMENT ON COLUMN %1$I.customer_clv.model_status IS 'converged, or why the model is another one or none';
$sql$, pipeline, kind);
END;
$$;

-- The query behind customer_clv
CREATE FUNCTION tiering.customer_clv_sql(pipeline text)
RETURNS text
LANGUAGE SQL STABLE
RETURN pg_catalog.format($sql$
SELECT v.customer_id, v.as_of, v.repeat_days, v.recency_weeks, v.age_weeks,
	v.p_alive, v.expected_purchases, v.expected_order_value, v.clv,
	CASE WHEN v.clv IS NOT NULL
		THEN 1 + (10 * (rank() OVER best - 1) / count(v.clv) OVER ())::integer END AS clv_decile,
	sum(v.clv) OVER best / NULLIF(sum(v.clv) OVER (), 0) AS clv_cumulative_share,
	v.model_version, v.model_status
FROM (
	SELECT s.customer_id, s.as_of, s.frequency AS repeat_days, s.recency AS recency_weeks, s.age AS age_weeks,
		COALESCE(
			tiering.p_alive(m.bgnbd, s.frequency, s.recency, s.age),
			tiering.p_alive(m.mbgnbd, s.frequency, s.recency, s.age),
			tiering.p_alive(m.pareto_nbd, s.frequency, s.recency, s.age)) AS p_alive,
		COALESCE(
			tiering.expected_purchases(m.bgnbd, s.frequency, s.recency, s.age, p.horizon),
			tiering.expected_purchases(m.mbgnbd, s.frequency, s.recency, s.age, p.horizon),
			tiering.expected_purchases(m.pareto_nbd, s.frequency, s.recency, s.age, p.horizon),
			tiering.expected_purchases(m.nbd, s.frequency, s.recency, s.age, p.horizon)) AS expected_purchases,
		tiering.expected_order_value(m.gamma_gamma, s.frequency, s.monetary) AS expected_order_value,
		COALESCE(
			tiering.discounted_clv(m.bgnbd, m.gamma_gamma, s.frequency, s.recency, s.age, s.monetary, p.horizon, p.rate, p.margin),
			tiering.discounted_clv(m.mbgnbd, m.gamma_gamma, s.frequency, s.recency, s.age, s.monetary, p.horizon, p.rate, p.margin),
			tiering.discounted_clv(m.pareto_nbd, m.gamma_gamma, s.frequency, s.recency, s.age, s.monetary, p.horizon, p.rate, p.margin),
			tiering.discounted_clv(m.nbd, m.gamma_gamma, s.frequency, s.recency, s.age, s.monetary, p.horizon, p.rate, p.margin)) AS clv,
		m.version AS model_version, m.status AS model_status
	FROM (%2$s) AS s
	CROSS JOIN (SELECT * FROM %1$I.clv_model OFFSET 0) AS m
	CROSS JOIN (
		SELECT extract(epoch FROM x.clv_horizon)::double precision / 604800 AS horizon,
			x.annual_discount_rate AS rate, x.gross_margin AS margin
		FROM %1$I.pipeline AS x
		OFFSET 0
	) AS p
	OFFSET 0
) AS v
WINDOW best AS (ORDER BY v.clv DESC NULLS LAST)$sql$, pipeline, tiering.clv_records_sql(pipeline, 'rfm_cutoff'));

-- Warns of customers who were there before the data begin: a first quarter
-- with many more new customers than the later ones have
CREATE FUNCTION tiering.notice_truncation(pipeline text, as_of date, fit_since date)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	q record;
BEGIN
	EXECUTE format($sql$
SELECT min(f.first_day) AS begins, sum(f.customers) FILTER (WHERE f.quarter = 0) AS first_quarter,
	sum(f.customers) FILTER (WHERE f.quarter > 0) / NULLIF(max(f.quarter), 0) AS later_quarters
FROM (
	SELECT d.first_day, count(*) AS customers, floor((d.first_day - min(d.first_day) OVER ()) / 91.31)::integer AS quarter
	FROM (SELECT tiering.first_purchase(history, $1) AS first_day FROM %I.purchase_history OFFSET 0) AS d
	WHERE d.first_day IS NOT NULL AND (d.first_day >= $2 OR $2 IS NULL)
	GROUP BY d.first_day
) AS f$sql$, pipeline) INTO q USING as_of, fit_since;
	IF q.first_quarter > 2 * q.later_quarters AND q.first_quarter >= 100 THEN
		RAISE NOTICE '% customers first bought in the first quarter of the data, later quarters have % on average',
				q.first_quarter, round(q.later_quarters)
			USING HINT = format('Many of them were customers before, and the fit takes them for new ones. CALL tiering.alter_pipeline(%L, fit_since => %L) leaves them out.',
				pipeline, q.begins + 91);
	END IF;
END;
$$;

-- Fits one model to the records; NULL if nobody has one
CREATE FUNCTION tiering.fit_model(pipeline text, kind text, fit_since date)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	fitted jsonb;
BEGIN
	EXECUTE format('SELECT to_jsonb(tiering.%I(%s)) FROM (%s) AS s WHERE s.as_of - (s.age * 7)::integer >= $1 OR $1 IS NULL',
		kind || '_fit',
		CASE kind WHEN 'gamma_gamma' THEN 's.frequency, s.monetary' ELSE 's.frequency, s.recency, s.age' END,
		tiering.clv_records_sql(pipeline, 'day')) INTO fitted USING fit_since;
	RETURN fitted;
END;
$$;

-- Stores a fitted model as the next version, and puts it in use if it may be
CREATE FUNCTION tiering.keep_model(pipeline text, this_run bigint, model text, kind text, fitted jsonb, use boolean, note text)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kept integer;
BEGIN
	IF use THEN
		EXECUTE format('UPDATE %I.model SET in_use = false WHERE model = $1 AND in_use', pipeline) USING model;
	END IF;
	EXECUTE format($sql$
INSERT INTO %1$I.model (model, version, kind, run, as_of, fit_since, customers, status, parameters, fit, in_use, note)
SELECT $1, COALESCE((SELECT max(version) FROM %1$I.model WHERE model = $1), 0) + 1, $2, r.run, r.as_of, p.fit_since,
	COALESCE(($3 ->> 'customers')::bigint, 0), COALESCE($3 ->> 'status', 'too_few'), $4, COALESCE($3, '{}'), $5, $6
FROM %1$I.run AS r CROSS JOIN %1$I.pipeline AS p WHERE r.run = $7
RETURNING version$sql$, pipeline) INTO kept
	USING model, kind, fitted, (
		SELECT array_agg((fitted ->> u.name)::double precision ORDER BY u.n)
		FROM unnest(CASE kind WHEN 'gamma_gamma' THEN '{p,q,v}' WHEN 'nbd' THEN '{r,alpha}'
			WHEN 'pareto_nbd' THEN '{r,alpha,s,beta}' ELSE '{r,alpha,a,b}' END::text[]) WITH ORDINALITY AS u(name, n)
		WHERE fitted ->> u.name IS NOT NULL), use, note, this_run;
	RETURN kept;
END;
$$;

-- Why models are to be fitted now; NULL if those in use will do
CREATE FUNCTION tiering.refit_reason(pipeline text, this_run bigint, asked boolean)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reason text;
BEGIN
	EXECUTE format($sql$
SELECT CASE
	WHEN m.version IS NULL THEN 'first fit'
	WHEN $2 THEN 'asked for'
	WHEN m.wanted IS DISTINCT FROM p.purchase_model OR m.fit_since IS DISTINCT FROM p.fit_since OR m.settings_version <> p.source_version
		THEN 'settings changed'
	WHEN r.as_of < m.as_of OR r.as_of >= m.as_of + p.fit_every THEN 'due'
	WHEN r.customers > 1.1 * m.customers_then THEN 'many new customers' END
FROM %1$I.pipeline AS p JOIN %1$I.run AS r ON r.run = $1
	LEFT JOIN LATERAL (
		SELECT x.version, x.as_of, x.fit_since, f.customers AS customers_then, f.settings_version, x.fit ->> 'wanted' AS wanted
		FROM %1$I.model AS x LEFT JOIN %1$I.run AS f ON f.run = x.run
		WHERE x.model = 'purchase' ORDER BY x.version DESC LIMIT 1) AS m ON true$sql$, pipeline)
		INTO reason USING this_run, COALESCE(asked, false);
	RETURN reason;
END;
$$;

-- The step that fits models.  One that is not the top of its likelihood never
-- replaces one that is; with none to keep, NBD, in which nobody leaves, scores.
CREATE FUNCTION tiering.refresh_models(pipeline text, this_run bigint, OUT row_count bigint, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	reason text;
	fitted jsonb;
	nested jsonb;
	good boolean;
BEGIN
	EXECUTE format('SELECT x.*, r.as_of AS day, r.refit_requested FROM %1$I.pipeline AS x CROSS JOIN %1$I.run AS r WHERE r.run = $1', pipeline)
		INTO STRICT p USING this_run;
	row_count := 0;
	reason := tiering.refit_reason(pipeline, this_run, p.refit_requested);
	IF reason IS NULL THEN
		note := 'the models in use will do';
		RETURN;
	END IF;
	PERFORM tiering.notice_truncation(pipeline, p.day, p.fit_since);
	fitted := COALESCE(tiering.fit_model(pipeline, p.purchase_model, p.fit_since), '{}') ||
		jsonb_build_object('wanted', p.purchase_model);
	EXECUTE format('SELECT EXISTS (SELECT FROM %I.model WHERE model = ''purchase'' AND in_use AND status = ''converged'' AND kind <> ''nbd'')', pipeline)
		INTO good;
	note := format('%s: %s %s', reason, p.purchase_model, COALESCE(fitted ->> 'status', 'too_few'));
	row_count := 1;
	IF fitted ->> 'status' IN ('ridge', 'boundary', 'not_converged') AND NOT good THEN
		nested := tiering.fit_model(pipeline, 'nbd', p.fit_since) || jsonb_build_object('wanted', p.purchase_model);
		PERFORM tiering.keep_model(pipeline, this_run, 'purchase', p.purchase_model, fitted, false, reason);
		PERFORM tiering.keep_model(pipeline, this_run, 'purchase', 'nbd', nested, nested ->> 'status' = 'converged',
			format('%s: %s', p.purchase_model, fitted ->> 'status'));
		note := note || ', nbd ' || (nested ->> 'status');
		row_count := 2;
	ELSE
		PERFORM tiering.keep_model(pipeline, this_run, 'purchase', p.purchase_model, fitted,
			COALESCE(fitted ->> 'status' = 'converged', false), reason);
		IF good AND COALESCE(fitted ->> 'status', 'too_few') <> 'converged' THEN
			note := note || ', the former model stays';
		END IF;
	END IF;
	fitted := tiering.fit_model(pipeline, 'gamma_gamma', p.fit_since);
	PERFORM tiering.keep_model(pipeline, this_run, 'value', 'gamma_gamma', fitted,
		COALESCE(fitted ->> 'status' = 'converged' AND (fitted ->> 'q')::double precision > 1, false), reason);
	note := note || format(', gamma_gamma %s', COALESCE(fitted ->> 'status', 'too_few'));
	row_count := row_count + 1;
END;
$$;
