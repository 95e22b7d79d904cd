
/*
 * pipeline: churn scores, and what is to be done with them
 */

-- Why one is likely to leave, by the candidate that says so: those that look at
-- one thing look at when he bought.  Who is at risk as most are has no reason of
-- his own, and that is said.
CREATE FUNCTION tiering.churn_reasons_sql(kind text, medium_from double precision)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN kind IN ('logistic', 'boosting') THEN format(
	$sql$CASE WHEN r.probability IS NOT NULL THEN COALESCE(NULLIF(tiering.reasons(r.classifier, r.features, 3), '{}'),
		CASE WHEN r.probability >= %s THEN ARRAY['nothing unusual' || COALESCE('; days since the last purchase: ' || r.features[%s], '')] ELSE '{}' END) END$sql$,
	medium_from, array_position(tiering.churn_feature_names(), 'recency_days'))
ELSE format(
	$sql$CASE WHEN r.probability IS NOT NULL THEN array_remove(ARRAY['days since the last purchase: ' || r.features[%s],
		'times the usual gap since then: ' || round(r.features[%s]::numeric, 1), 'days of the usual gap: ' || round(r.features[%s]::numeric)], NULL) END$sql$,
	array_position(tiering.churn_feature_names(), 'recency_days'), array_position(tiering.churn_feature_names(), 'overdue_ratio'),
	array_position(tiering.churn_feature_names(), 'mean_gap_days')) END;

COMMENT ON FUNCTION tiering.churn_reasons_sql(text, double precision) IS
'internal: why one is likely to leave, as SQL';

-- The stage of a customer in SQL: of a purchase history r.history, or of a contract
CREATE FUNCTION tiering.churn_stage_sql(has_contracts boolean, day date, active_within integer)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN has_contracts THEN format('CASE WHEN r.started IS NULL THEN ''lost'' WHEN r.started > %1$L::date - 90 THEN ''new'' WHEN r.started <= %1$L::date - 365 THEN ''mature'' ELSE ''active'' END', day)
	ELSE format('tiering.lifecycle_stage(r.history, %L, 90, %s, %s)', day, LEAST(180, active_within / 2), active_within) END;

COMMENT ON FUNCTION tiering.churn_stage_sql(boolean, date, integer) IS
'internal: stage of a customer, as SQL';

-- Customers with what is known of them on a day: those who bought, and those who
-- have or had a contract
CREATE FUNCTION tiering.churn_known_sql(pipeline text, contracts text, day date)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN format('SELECT s.customer_id, s.history, s.started, (s.record).frequency AS x, (s.record).recency AS t_x, (s.record).age FROM (%s OFFSET 0) AS s WHERE (s.record).age IS NOT NULL OR s.has_had_contract',
	CASE WHEN contracts IS NULL THEN format('SELECT h.customer_id, h.history, NULL::date AS started, false AS has_had_contract, tiering.clv_summary(h.history, %2$L, ''week'') AS record FROM %1$I.purchase_history AS h', pipeline, day)
	ELSE format('SELECT COALESCE(h.customer_id, c.customer_id) AS customer_id, h.history, c.started, c.customer_id IS NOT NULL AS has_had_contract, h.record FROM (
		SELECT h.customer_id, h.history, tiering.clv_summary(h.history, %2$L, ''week'') AS record FROM %1$I.purchase_history AS h OFFSET 0
	) AS h FULL JOIN (
		SELECT c.customer_id, min(c.started) FILTER (WHERE c.ended > %2$L) AS started FROM (%3$s) AS c WHERE c.started <= %2$L AND c.customer_id IS NOT NULL GROUP BY c.customer_id
	) AS c ON c.customer_id = h.customer_id', pipeline, day, contracts) END);

COMMENT ON FUNCTION tiering.churn_known_sql(text, text, date) IS
'internal: query for the customers of a day, with their records and contracts';

-- Stages of all customers on a day
CREATE FUNCTION tiering.churn_stages_sql(pipeline text, active_within integer, contracts text, day date)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN format('SELECT r.customer_id, %s AS stage FROM (%s) AS r',
	tiering.churn_stage_sql(contracts IS NOT NULL, day, active_within), tiering.churn_known_sql(pipeline, contracts, day));

COMMENT ON FUNCTION tiering.churn_stages_sql(text, integer, text, date) IS
'internal: query for the stages of customers on a day';

CREATE FUNCTION tiering.lifecycle_transitions(pipeline text, from_day date, to_day date)
RETURNS TABLE (stage_then text, stage_now text, customers bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	active_within integer;
	contracts text := NULL;
	last_day date;
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	EXECUTE format('SELECT d.as_of FROM %I.day AS d', pipeline) INTO last_day;
	IF (from_day BETWEEN '0001-01-01' AND to_day AND to_day <= '9999-12-31') IS NOT TRUE THEN
		RAISE EXCEPTION 'from_day % is not before to_day %', COALESCE(from_day::text, 'null'), COALESCE(to_day::text, 'null')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass two days of the past, the earlier one first.';
	ELSIF to_day > last_day THEN
		RAISE EXCEPTION 'to_day % is after the day of the analysis, %', to_day, last_day
			USING ERRCODE = 'invalid_parameter_value', HINT = 'What is not known yet would look as if everybody had left. Refresh first.';
	END IF;
	EXECUTE format('SELECT p.active_within FROM %I.churn_policy AS p', pipeline) INTO active_within;
	IF active_within IS NOT NULL THEN
		contracts := tiering.churn_contracts_sql(pipeline);
	END IF;
	RETURN QUERY EXECUTE format('SELECT a.stage, b.stage, count(*) FROM (%s) AS b LEFT JOIN (%s) AS a ON a.customer_id = b.customer_id GROUP BY a.stage, b.stage ORDER BY a.stage, b.stage',
		tiering.churn_stages_sql(pipeline, COALESCE(active_within, 365), contracts, to_day), tiering.churn_stages_sql(pipeline, COALESCE(active_within, 365), contracts, from_day));
END;
$$;

COMMENT ON FUNCTION tiering.lifecycle_transitions(text, date, date) IS
'how many customers went from each stage of life to each other between two days; stage_then is NULL for those who came later';

-- The query behind churn_score: all customers; those who bought lately enough,
-- or have a contract, have a probability
CREATE FUNCTION tiering.churn_score_sql(pipeline text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
DECLARE
	p record;
	m record;
	extra record;
	day date;
	usual_gap double precision;
	kind text := tiering.churn_purchase_kind(pipeline);
	contracts text := tiering.churn_contracts_sql(pipeline);
BEGIN
	EXECUTE format('SELECT * FROM %I.churn_policy', pipeline) INTO STRICT p;
	EXECUTE format('SELECT x.kind, x.version FROM %I.model AS x WHERE x.model = ''churn'' AND x.in_use', pipeline) INTO m;
	EXECUTE format('SELECT x.as_of FROM %I.rfm_cutoff AS x', pipeline) INTO day;
	SELECT * INTO extra FROM tiering.churn_extra_sql(pipeline, day);
	EXECUTE format('SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY g.gap) FROM (SELECT tiering.mean_gap(h.history, $1) AS gap FROM %I.purchase_history AS h) AS g WHERE g.gap > 0', pipeline)
		INTO usual_gap USING day;
	RETURN format($sql$
WITH known AS MATERIALIZED (%1$s), fitted AS MATERIALIZED (%2$s)
SELECT r.customer_id, %3$L::date AS as_of, %4$s AS stage,
	tiering.overdue_ratio(r.history, %3$L) AS overdue_ratio, tiering.wakeup_due(r.history, %3$L, %5$L, %6$s, %7$L) AS wakeup_due,
	r.probability, %8$s AS reasons, %9$L::text AS model_kind, %10$L::integer AS model_version
FROM (
	SELECT r.*, CASE WHEN r.features IS NOT NULL THEN tiering.predict(r.classifier, %11$s) END AS probability
	FROM (
		SELECT k.customer_id, k.history, k.started, CASE WHEN %12$s THEN %13$s%14$s END AS features,
			(SELECT x.classifier FROM %15$I.model AS x WHERE x.model = 'churn' AND x.in_use) AS classifier
		FROM known AS k CROSS JOIN fitted AS f%16$s
		OFFSET 0
	) AS r
	OFFSET 0
) AS r$sql$,
		tiering.churn_known_sql(pipeline, contracts, day), tiering.churn_fitted_sql(kind), day, tiering.churn_stage_sql(contracts IS NOT NULL, day, p.active_within),
		p.wakeup_ratio, p.wakeup_gaps, usual_gap, tiering.churn_reasons_sql(m.kind, p.medium_from), m.kind, m.version,
		COALESCE((SELECT c.features FROM tiering.churn_candidates(pipeline) AS c WHERE c.candidate = m.kind), 'NULL'),
		CASE WHEN contracts IS NULL THEN format('(k.age - k.t_x) * 7 < %s + 0.5', p.active_within) ELSE 'k.started IS NOT NULL' END,
		tiering.churn_known_features_sql(kind, day, p.horizon_days), tiering.churn_more_sql(extra.nothing, contracts, day), pipeline,
		CASE WHEN extra.query IS NOT NULL THEN format(' LEFT JOIN (%s) AS e ON e.customer_id = k.customer_id', extra.query) ELSE '' END);
END;
$$;

COMMENT ON FUNCTION tiering.churn_score_sql(text) IS
'internal: query for the scores of churn';

-- The step that scores churn
CREATE FUNCTION tiering.refresh_churn(pipeline text, this_run bigint, OUT row_count bigint, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reason text := tiering.model_reason(pipeline, this_run, 'churn', tiering.churn_setup(pipeline), 'origins');
	kind text;
BEGIN
	IF reason IS NOT NULL THEN
		SELECT r.note INTO note FROM tiering.refit_churn(pipeline, this_run, reason) AS r;
	END IF;
	EXECUTE format('SELECT m.kind FROM %I.model AS m WHERE m.model = ''churn'' AND m.in_use', pipeline) INTO kind;
	PERFORM tiering.store_table_scores(pipeline, 'churn_score', tiering.churn_score_sql(pipeline));
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
	-- who has a contract is a customer still
	CASE WHEN p.contracts IS NULL THEN v.clv * tiering.leaves_if_alive(s.probability, COALESCE(v.p_alive, 1)) ELSE v.clv / NULLIF(COALESCE(v.p_alive, 1), 0) * s.probability END AS value_at_risk,
	v.clv / NULLIF(COALESCE(v.p_alive, 1), 0) * CASE WHEN p.contracts IS NULL THEN 1 - COALESCE(v.p_alive, 1) WHEN s.stage = 'lost' THEN 1 ELSE 0 END AS win_back_value,
	s.model_kind, s.model_version
FROM %1$I.churn_score AS s CROSS JOIN %1$I.churn_policy AS p
	LEFT JOIN %1$I.customer_clv AS v ON v.customer_id = s.customer_id;

CREATE VIEW %1$I.value_matrix AS
SELECT m.value_band, m.risk, m.customers, m.clv, m.value_at_risk, m.win_back_value,
	CASE m.risk WHEN 'high' THEN CASE m.value_band WHEN 'high' THEN 'call in person' WHEN 'medium' THEN 'send an offer with a date' ELSE 'one reminder' END
		WHEN 'medium' THEN CASE m.value_band WHEN 'high' THEN 'ask how it goes, offer a service' WHEN 'medium' THEN 'recommend what goes with the last order' ELSE 'newsletter' END
		WHEN 'low' THEN CASE m.value_band WHEN 'high' THEN 'thank, and show new things first' WHEN 'medium' THEN 'lead to the next tier' ELSE 'let be' END
		WHEN 'lost' THEN CASE m.value_band WHEN 'high' THEN 'win back with an offer of worth' WHEN 'medium' THEN 'win back by mail' ELSE 'let go' END
		ELSE 'nothing is known yet' END AS action
FROM (
	-- of the lost, by what they would be worth: their CLV knows that they are
	SELECT CASE WHEN d.decile <= 2 THEN 'high' WHEN d.decile <= 5 THEN 'medium' ELSE 'low' END AS value_band, d.risk,
		count(*) AS customers, sum(d.clv) AS clv, sum(d.value_at_risk) AS value_at_risk, sum(d.win_back_value) AS win_back_value
	FROM (
		SELECT k.risk, k.clv, k.value_at_risk, k.win_back_value, CASE k.risk WHEN 'lost' THEN ntile(10) OVER (PARTITION BY k.risk ORDER BY k.win_back_value DESC NULLS LAST, k.customer_id) ELSE k.clv_decile END AS decile
		FROM (
			SELECT c.customer_id, CASE WHEN c.risk IS NOT NULL THEN c.risk WHEN c.stage = 'lost' THEN 'lost' ELSE 'unknown' END AS risk, v.clv, v.clv_decile, c.value_at_risk, c.win_back_value
			FROM %1$I.customer_churn AS c LEFT JOIN %1$I.customer_clv AS v ON v.customer_id = c.customer_id
		) AS k
	) AS d
	GROUP BY 1, 2
) AS m;
CREATE VIEW %1$I.churn_model AS
SELECT m.version, m.kind, m.as_of, m.customers, q.origin AS judged_on, q.customers AS judged_customers, q.churn_rate, q.auc, q.log_loss, q.lift_at_10, q.slope, q.intercept,
	r.auc AS recency_auc, r.log_loss AS recency_log_loss,
	CASE WHEN q.log_loss IS NULL THEN 'not judged' WHEN q.auc > 0.98 THEN 'too good to be true' WHEN m.kind = 'recency' THEN 'the rule of recency' WHEN q.log_loss > r.log_loss OR q.auc < 0.55 THEN 'no better than the rule of recency'
		WHEN NOT (q.slope BETWEEN 0.8 AND 1.25 AND abs(q.intercept) <= 0.3) THEN 'ranks well, its level is off' ELSE 'good' END AS verdict
FROM %1$I.model AS m
	LEFT JOIN %1$I.churn_quality AS q ON q.run = m.run AND q.purpose = 'report' AND q.candidate = m.kind
	LEFT JOIN %1$I.churn_quality AS r ON r.run = m.run AND r.purpose = 'report' AND r.candidate = 'recency'
WHERE m.model = 'churn' AND m.in_use;
COMMENT ON VIEW %1$I.churn_model IS 'the model that scores churn now, how good it was on a day that it did not know, and what to think of it; no row: nobody is scored';
COMMENT ON COLUMN %1$I.churn_model.version IS 'its version in the table model';
COMMENT ON COLUMN %1$I.churn_model.kind IS 'candidate that scores';
COMMENT ON COLUMN %1$I.churn_model.as_of IS 'last day that it knows';
COMMENT ON COLUMN %1$I.churn_model.customers IS 'rows that it was fitted to';
COMMENT ON COLUMN %1$I.churn_model.judged_on IS 'day on which its like was judged; NULL: too little history';
COMMENT ON COLUMN %1$I.churn_model.judged_customers IS 'customers who were scored then';
COMMENT ON COLUMN %1$I.churn_model.churn_rate IS 'share of them that left';
COMMENT ON COLUMN %1$I.churn_model.auc IS 'chance that one who left scored above one who stayed';
COMMENT ON COLUMN %1$I.churn_model.log_loss IS 'mean of -log of the probability of what happened';
COMMENT ON COLUMN %1$I.churn_model.lift_at_10 IS 'churn rate of the tenth with the highest scores, over that of all';
COMMENT ON COLUMN %1$I.churn_model.slope IS 'of the calibration_line(); 1 is right';
COMMENT ON COLUMN %1$I.churn_model.intercept IS 'of the calibration_line(); 0 is right';
COMMENT ON COLUMN %1$I.churn_model.recency_auc IS 'AUC of the rule of recency on that day';
COMMENT ON COLUMN %1$I.churn_model.recency_log_loss IS 'its log-loss';
COMMENT ON COLUMN %1$I.churn_model.verdict IS 'good; ranks well, its level is off; the rule of recency, or no better than that; too good to be true; or not judged';
COMMENT ON VIEW %1$I.customer_churn IS 'one row a customer: will he leave, why, and what is at stake';
COMMENT ON COLUMN %1$I.customer_churn.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.customer_churn.as_of IS 'day of the analysis';
COMMENT ON COLUMN %1$I.customer_churn.stage IS 'new, active, mature, declining, dormant or lost';
COMMENT ON COLUMN %1$I.customer_churn.probability IS 'probability that he buys nothing within the horizon; NULL: lost already, or no model could be fitted';
COMMENT ON COLUMN %1$I.customer_churn.risk IS 'high, medium or low, by the bounds in churn_policy';
COMMENT ON COLUMN %1$I.customer_churn.overdue_ratio IS 'days since the last purchase over his mean gap';
COMMENT ON COLUMN %1$I.customer_churn.wakeup_due IS 'day on which he became overdue: one alert a lapse; NULL: he is not';
COMMENT ON COLUMN %1$I.customer_churn.reasons IS 'what raises the probability most, up to three';
COMMENT ON COLUMN %1$I.customer_churn.value_at_risk IS 'his value, times the probability that he buys nothing within the horizon although he is a customer still';
COMMENT ON COLUMN %1$I.customer_churn.win_back_value IS 'what he would be worth as a customer, times the probability that he is none any more';
COMMENT ON COLUMN %1$I.customer_churn.model_kind IS 'candidate that scored';
COMMENT ON COLUMN %1$I.customer_churn.model_version IS 'its version in the table model';
COMMENT ON VIEW %1$I.value_matrix IS 'customers by value and risk, with what to do';
COMMENT ON COLUMN %1$I.value_matrix.value_band IS 'high: the fifth of customers with the highest value; medium: the three tenths below; low. Of the lost, by win_back_value';
COMMENT ON COLUMN %1$I.value_matrix.win_back_value IS 'what could be won back of it';
COMMENT ON COLUMN %1$I.value_matrix.risk IS 'risk of leaving; lost; or unknown, without a model';
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
RETURN CASE WHEN p_alive > 0 AND p_alive <= 1 AND probability BETWEEN 0 AND 1 THEN LEAST(GREATEST((probability - (1 - p_alive)) / p_alive, 0), 1) END;

COMMENT ON FUNCTION tiering.leaves_if_alive(double precision, double precision) IS
'probability that one who is a customer buys nothing, from that of no purchase and that of being a customer';
