
/*
 * pipeline: churn scores, and what is to be done with them
 */

-- The query behind churn_score: all customers; those who bought lately enough
-- have a probability
CREATE FUNCTION tiering.churn_score_sql(pipeline text, kind text, purchase_kind text)
RETURNS text
LANGUAGE SQL STABLE
SET search_path = pg_catalog, pg_temp
RETURN format($sql$
SELECT s.customer_id, s.as_of, tiering.lifecycle_stage(s.history, s.as_of, 90, LEAST(180, s.active_within / 2), s.active_within) AS stage,
	tiering.overdue_ratio(s.history, s.as_of) AS overdue_ratio,
	tiering.wakeup_due(s.history, s.as_of, s.wakeup_ratio, s.wakeup_gaps, s.usual_gap) AS wakeup_due,
	tiering.calibrated(s.raw, s.slope, s.intercept) AS probability,
	%5$s AS reasons, s.kind AS model_kind, s.version AS model_version
FROM (
	SELECT t.*, tiering.predict(t.classifier, t.features) AS raw FROM (
	SELECT r.customer_id, r.history, c.*, CASE WHEN r.features IS NOT NULL THEN %3$s END AS features, r.features AS known
	FROM (
		SELECT h.customer_id, h.history, CASE WHEN (h.record).age IS NOT NULL AND ((h.record).age - (h.record).recency) * 7 < h.active_within + 0.5
			THEN tiering.churn_features(h.history, h.as_of, h.horizon_days) || %4$s END AS features
		FROM (
			SELECT h.customer_id, h.history, d.as_of, p.horizon_days, p.active_within, m.*, tiering.clv_summary(h.history, d.as_of, 'week') AS record
			FROM %1$I.purchase_history AS h CROSS JOIN (SELECT x.as_of FROM %1$I.rfm_cutoff AS x) AS d CROSS JOIN %1$I.churn_policy AS p CROSS JOIN %1$I.clv_model AS m
			OFFSET 0
		) AS h
		WHERE (h.record).age IS NOT NULL
		OFFSET 0
	) AS r CROSS JOIN (
		SELECT (SELECT x.as_of FROM %1$I.rfm_cutoff AS x) AS as_of, p.active_within, p.wakeup_ratio, p.wakeup_gaps, m.classifier, m.kind, m.version,
			(m.fit ->> 'slope')::double precision AS slope, (m.fit ->> 'intercept')::double precision AS intercept,
			(SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY g.gap) FROM (
				SELECT NULLIF(tiering.mean_gap(h.history, (SELECT x.as_of FROM %1$I.rfm_cutoff AS x)), 0) AS gap FROM %1$I.purchase_history AS h) AS g) AS usual_gap
		FROM %1$I.churn_policy AS p LEFT JOIN %1$I.model AS m ON m.model = 'churn' AND m.in_use
	) AS c
	OFFSET 0) AS t
	OFFSET 0
) AS s$sql$, pipeline, kind,
	COALESCE((SELECT c.features FROM tiering.churn_candidates() AS c WHERE c.candidate = kind), 'NULL::double precision[]'),
	CASE WHEN purchase_kind IS NULL THEN '''{NULL,NULL,NULL}''::double precision[]' ELSE format($sql$ARRAY[%2$s,
				tiering.expected_purchases(h.%1$I, (h.record).frequency, (h.record).recency, (h.record).age, h.horizon_days / 7.0::double precision),
				tiering.p_no_purchase(h.%1$I, (h.record).frequency, (h.record).recency, (h.record).age, h.horizon_days / 7.0::double precision)]$sql$, purchase_kind,
		CASE purchase_kind WHEN 'nbd' THEN 'NULL::double precision' ELSE format('tiering.p_alive(h.%I, (h.record).frequency, (h.record).recency, (h.record).age)', purchase_kind) END) END,
	-- the other candidates look at one thing alone, and that is when he bought
	CASE kind WHEN 'logistic' THEN 'tiering.reasons(s.classifier, s.features, 3)'
		ELSE $$CASE WHEN s.features IS NOT NULL THEN array_remove(ARRAY['days since the last purchase: ' || s.known[1], 'times the usual gap since then: ' || round(s.known[2]::numeric, 1), 'days of the usual gap: ' || round(s.known[11]::numeric)], NULL) END$$ END);

COMMENT ON FUNCTION tiering.churn_score_sql(text, text, text) IS
'internal: query for the scores of churn';

-- The step that scores churn
CREATE FUNCTION tiering.refresh_churn(pipeline text, this_run bigint, OUT row_count bigint, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reason text := tiering.churn_reason(pipeline, this_run);
	kind text;
	purchase_kind text;
BEGIN
	IF reason IS NOT NULL THEN
		SELECT r.note INTO note FROM tiering.refit_churn(pipeline, this_run, reason) AS r;
	END IF;
	EXECUTE format('SELECT m.kind FROM %I.model AS m WHERE m.model = ''churn'' AND m.in_use', pipeline) INTO kind;
	EXECUTE format('SELECT m.kind FROM %I.clv_model AS m', pipeline) INTO purchase_kind;
	PERFORM tiering.store_table_scores(pipeline, 'churn_score', tiering.churn_score_sql(pipeline, kind, purchase_kind));
	EXECUTE format('SELECT count(*) FROM %I.churn_score', pipeline) INTO row_count;
	note := COALESCE(note, CASE WHEN kind IS NULL THEN 'no model is in use' ELSE 'the model in use will do' END);
END;
$$;

COMMENT ON FUNCTION tiering.refresh_churn(text, bigint) IS
'internal: fits a model of churn where one is due, and scores customers';

-- What reports read of churn
CREATE FUNCTION tiering.define_churn_views(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
CREATE VIEW %1$I.customer_churn AS
SELECT s.customer_id, s.as_of, s.stage, s.probability,
	CASE WHEN s.probability >= p.high_from THEN 'high' WHEN s.probability >= p.medium_from THEN 'medium' WHEN s.probability IS NOT NULL THEN 'low' END AS risk,
	s.overdue_ratio, s.wakeup_due, s.reasons,
	v.clv * tiering.leaves_if_alive(s.probability, v.p_alive) AS value_at_risk,
	CASE WHEN v.p_alive > 0 THEN v.clv / v.p_alive * (1 - v.p_alive) END AS win_back_value,
	s.model_kind, s.model_version
FROM %1$I.churn_score AS s CROSS JOIN %1$I.churn_policy AS p
	LEFT JOIN %1$I.customer_clv AS v ON v.customer_id = s.customer_id;

CREATE VIEW %1$I.value_matrix AS
SELECT m.value_band, m.risk, m.customers, m.clv, m.value_at_risk,
	CASE m.risk WHEN 'high' THEN CASE m.value_band WHEN 'high' THEN 'call in person' WHEN 'medium' THEN 'send an offer with a date' ELSE 'one reminder' END
		WHEN 'medium' THEN CASE m.value_band WHEN 'high' THEN 'ask how it goes, offer a service' WHEN 'medium' THEN 'recommend what goes with the last order' ELSE 'newsletter' END
		WHEN 'low' THEN CASE m.value_band WHEN 'high' THEN 'thank, and show new things first' WHEN 'medium' THEN 'lead to the next tier' ELSE 'let be' END
		ELSE CASE m.value_band WHEN 'high' THEN 'win back with an offer of worth' WHEN 'medium' THEN 'win back by mail' ELSE 'let go' END END AS action
FROM (
	SELECT CASE WHEN v.clv_decile <= 2 THEN 'high' WHEN v.clv_decile <= 5 THEN 'medium' ELSE 'low' END AS value_band, COALESCE(c.risk, 'lost') AS risk,
		count(*) AS customers, sum(v.clv) AS clv, sum(c.value_at_risk) AS value_at_risk
	FROM %1$I.customer_churn AS c JOIN %1$I.customer_clv AS v ON v.customer_id = c.customer_id
	GROUP BY 1, 2
) AS m;
COMMENT ON VIEW %1$I.customer_churn IS 'one row a customer: will he leave, why, and what is at stake';
COMMENT ON COLUMN %1$I.customer_churn.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.customer_churn.as_of IS 'day of the analysis';
COMMENT ON COLUMN %1$I.customer_churn.stage IS 'new, active, mature, declining, dormant or lost';
COMMENT ON COLUMN %1$I.customer_churn.probability IS 'probability that he buys nothing within the horizon; NULL: lost already';
COMMENT ON COLUMN %1$I.customer_churn.risk IS 'high, medium or low, by the bounds in churn_policy';
COMMENT ON COLUMN %1$I.customer_churn.overdue_ratio IS 'days since the last purchase over his mean gap';
COMMENT ON COLUMN %1$I.customer_churn.wakeup_due IS 'day on which he became overdue: one alert a lapse; NULL: he is not';
COMMENT ON COLUMN %1$I.customer_churn.reasons IS 'what raises the probability most, up to three';
COMMENT ON COLUMN %1$I.customer_churn.value_at_risk IS 'his value, times the probability that he buys nothing within the horizon although he is a customer still';
COMMENT ON COLUMN %1$I.customer_churn.win_back_value IS 'what he would be worth as a customer, times the probability that he is none any more';
COMMENT ON COLUMN %1$I.customer_churn.model_kind IS 'candidate that scored';
COMMENT ON COLUMN %1$I.customer_churn.model_version IS 'its version in the table model';
COMMENT ON VIEW %1$I.value_matrix IS 'customers by value and risk, with what to do';
COMMENT ON COLUMN %1$I.value_matrix.value_band IS 'high: the fifth of customers with the highest value; medium: the three tenths below; low';
COMMENT ON COLUMN %1$I.value_matrix.risk IS 'risk of leaving, or lost';
COMMENT ON COLUMN %1$I.value_matrix.customers IS 'how many';
COMMENT ON COLUMN %1$I.value_matrix.clv IS 'their value';
COMMENT ON COLUMN %1$I.value_matrix.value_at_risk IS 'what of it is at risk';
COMMENT ON COLUMN %1$I.value_matrix.action IS 'what to do'$sql$, pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.define_churn_views(text) IS
'internal: makes customer_churn and value_matrix';

-- Of the probability of no purchase, the part that is not that he has left already
CREATE FUNCTION tiering.leaves_if_alive(probability double precision, p_alive double precision)
RETURNS double precision
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN p_alive > 0 THEN LEAST(GREATEST((probability - (1 - p_alive)) / p_alive, 0), 1) END;

COMMENT ON FUNCTION tiering.leaves_if_alive(double precision, double precision) IS
'probability that one who is a customer buys nothing, from that of no purchase and that of being a customer';
