
/*
 * pipeline: how good the models would have been
 */

-- x times itself, where the server would refuse one that is too small for it
CREATE FUNCTION tiering.square(x double precision)
RETURNS double precision
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN abs(x) < 1e-150 THEN 0 ELSE x * x END;

-- What each model, fitted on what was known at a day ($1), expected of each
-- customer until another ($2), and what he did; naive: his rate goes on.  Of
-- so many customers one, told by his id.
CREATE FUNCTION tiering.clv_holdout_sql(pipeline text, one_of integer)
RETURNS text
LANGUAGE SQL IMMUTABLE
RETURN pg_catalog.format($sql$
WITH known AS MATERIALIZED (
	SELECT s.customer_id, (s.record).frequency AS x, (s.record).recency AS t_x, (s.record).age, (s.record).monetary,
		s.actual, s.spent::double precision AS spent
	FROM (
		SELECT h.customer_id, tiering.clv_summary(h.history, $1, 'week') AS record,
			tiering.purchase_days(h.history, $2) - tiering.purchase_days(h.history, $1) AS actual,
			tiering.gross_total(h.history, $2) - COALESCE(tiering.gross_total(h.history, $1), 0) AS spent
		FROM %1$I.purchase_history AS h
		WHERE %2$s = 1 OR pg_catalog.hashtext(h.customer_id::text) %% %2$s = 0
		OFFSET 0
	) AS s
	WHERE (s.record).age IS NOT NULL
		AND $1 - ((s.record).age * 7)::integer >= (SELECT p.fit_since FROM %1$I.pipeline AS p) IS NOT FALSE
), fitted AS MATERIALIZED (
	SELECT tiering.nbd_fit(x, t_x, age) AS nbd, tiering.bgnbd_fit(x, t_x, age) AS bgnbd,
		tiering.mbgnbd_fit(x, t_x, age) AS mbgnbd, tiering.pareto_nbd_fit(x, t_x, age) AS pareto_nbd,
		tiering.gamma_gamma_fit(x, monetary) AS gamma_gamma, ($2 - $1) / 7.0::double precision AS horizon
	FROM known
), valued AS MATERIALIZED (
	SELECT k.*, CASE WHEN (f.gamma_gamma).status = 'converged' AND (f.gamma_gamma).q > 1
		THEN tiering.expected_order_value(f.gamma_gamma, k.x, k.monetary) END AS order_value
	FROM known AS k CROSS JOIN fitted AS f
)%3$s
UNION ALL
SELECT 'naive', NULL, k.customer_id::text, CASE WHEN k.age > 0 THEN k.x / k.age * f.horizon ELSE 0 END, k.actual, NULL,
	CASE WHEN k.age > 0 AND k.x > 0 THEN k.x / k.age * f.horizon * k.monetary ELSE 0 END, k.spent
FROM known AS k CROSS JOIN fitted AS f$sql$, pipeline, one_of, (
	SELECT pg_catalog.string_agg(pg_catalog.format($sql$
SELECT %1$L AS model, (f.%1$I).status, k.customer_id::text,
	tiering.expected_purchases(f.%1$I, k.x, k.t_x, k.age, f.horizon) AS expected, k.actual,
	tiering.purchase_probability(f.%1$I, k.x, k.t_x, k.age, k.actual, f.horizon) AS probability,
	tiering.expected_purchases(f.%1$I, k.x, k.t_x, k.age, f.horizon) * k.order_value AS expected_value, k.spent AS actual_value
FROM valued AS k CROSS JOIN fitted AS f
WHERE (f.%1$I).r IS NOT NULL$sql$, m.kind), '
UNION ALL' ORDER BY m.kind)
	FROM pg_catalog.unnest('{bgnbd,mbgnbd,pareto_nbd,nbd}'::text[]) AS m(kind)));

-- Refuses days that are in no order, and tells of a hold-out that is not loaded
CREATE FUNCTION tiering.check_holdout(pipeline text, calibration_end date, holdout_end date)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	newest date;
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	IF (calibration_end < holdout_end AND isfinite(calibration_end) AND isfinite(holdout_end)) IS NOT TRUE THEN
		RAISE EXCEPTION 'calibration_end % does not lie before holdout_end %', calibration_end, holdout_end
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass two finite days: what is known, and what is to be foretold.';
	END IF;
	EXECUTE format('SELECT max(tiering.last_purchase(history, $1)) FROM %I.purchase_history', pipeline) INTO newest USING holdout_end;
	IF newest < holdout_end - 7 THEN
		RAISE NOTICE 'the newest purchase is of %, % days before holdout_end %', to_char(newest, 'YYYY-MM-DD'), holdout_end - newest,
				to_char(holdout_end, 'YYYY-MM-DD')
			USING HINT = 'Days that are not loaded count as days without purchases.';
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.check_holdout(text, date, date) IS
'internal: refuses days of a hold-out that are in no order';

CREATE FUNCTION tiering.clv_holdout_customers(pipeline text, calibration_end date, holdout_end date)
RETURNS TABLE (model text, status text, customer_id text, expected double precision, actual integer,
	probability double precision, expected_value double precision, actual_value double precision)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tiering.check_holdout(pipeline, calibration_end, holdout_end);
	RETURN QUERY EXECUTE tiering.clv_holdout_sql(pipeline, 1) USING calibration_end, holdout_end;
END;
$$;

COMMENT ON FUNCTION tiering.clv_holdout_customers(text, date, date) IS
'what each purchase model, fitted at calibration_end, expected of each customer until holdout_end, beside what he did';

CREATE FUNCTION tiering.clv_holdout(pipeline text, calibration_end date, holdout_end date)
RETURNS TABLE (model text, status text, customers bigint, actual bigint, expected double precision, bias double precision,
	mean_absolute_error double precision, root_mean_squared_error double precision, log_likelihood double precision, actual_value double precision,
	expected_value double precision, value_bias double precision)
LANGUAGE SQL
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.model, min(c.status), count(*), sum(c.actual), sum(c.expected),
		sum(c.expected) / NULLIF(sum(c.actual), 0) - 1,
		avg(abs(c.expected - c.actual)), sqrt(avg(tiering.square(c.expected - c.actual))),
		sum(CASE WHEN c.probability >= 0 THEN ln(GREATEST(c.probability, 1e-300)) END),
		sum(c.actual_value) FILTER (WHERE c.expected_value IS NOT NULL), sum(c.expected_value),
		sum(c.expected_value) / NULLIF(sum(c.actual_value) FILTER (WHERE c.expected_value IS NOT NULL), 0) - 1
	FROM tiering.clv_holdout_customers(pipeline, calibration_end, holdout_end) AS c
	GROUP BY c.model
	ORDER BY avg(abs(c.expected - c.actual)), c.model
$$;

COMMENT ON FUNCTION tiering.clv_holdout(text, date, date) IS
'errors of each purchase model on a time that it did not know, beside those of the naive guess; the best first';

CREATE FUNCTION tiering.clv_holdout_deciles(pipeline text, calibration_end date, holdout_end date)
RETURNS TABLE (model text, decile integer, customers bigint, mean_expected double precision, mean_actual double precision)
LANGUAGE SQL
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT d.model, d.decile, count(*), avg(d.expected), avg(d.actual)::double precision
	FROM (
		SELECT c.model, c.expected, c.actual,
			1 + (10 * (rank() OVER (PARTITION BY c.model ORDER BY c.expected DESC) - 1)
				/ count(*) OVER (PARTITION BY c.model))::integer AS decile
		FROM tiering.clv_holdout_customers(pipeline, calibration_end, holdout_end) AS c
	) AS d
	GROUP BY d.model, d.decile
	ORDER BY d.model, d.decile
$$;

COMMENT ON FUNCTION tiering.clv_holdout_deciles(text, date, date) IS
'means of what was expected and of what came, by tenths of customers, those of whom most was expected first';

CREATE FUNCTION tiering.clv_tracking(pipeline text, calibration_end date, holdout_end date, purchase_model text DEFAULT NULL)
RETURNS TABLE (week_end date, actual bigint, expected double precision)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind text := purchase_model;
BEGIN
	PERFORM tiering.check_holdout(pipeline, calibration_end, holdout_end);
	IF kind IS NULL THEN
		EXECUTE format($sql$
SELECT COALESCE(NULLIF(p.purchase_model, 'auto'), m.kind, 'bgnbd') FROM %1$I.pipeline AS p CROSS JOIN %1$I.clv_model AS m$sql$, pipeline)
			INTO kind;
	END IF;
	IF kind NOT IN ('nbd', 'bgnbd', 'mbgnbd', 'pareto_nbd') THEN
		RAISE EXCEPTION 'purchase_model "%" is unknown', kind
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Choose one of: nbd, bgnbd, mbgnbd, pareto_nbd.';
	END IF;
	RETURN QUERY EXECUTE format($sql$
WITH cohort AS MATERIALIZED (
	SELECT tiering.first_purchase(h.history, $1) AS first_day, h.history, tiering.clv_summary(h.history, $1, 'week') AS record
	FROM %1$I.purchase_history AS h CROSS JOIN %1$I.pipeline AS p
	WHERE tiering.first_purchase(h.history, $1) >= p.fit_since OR p.fit_since IS NULL
), fitted AS MATERIALIZED (
	SELECT tiering.%2$I((c.record).frequency, (c.record).recency, (c.record).age) AS model FROM cohort AS c
), entry AS MATERIALIZED (
	-- all who first bought on one day are alike
	SELECT c.first_day, count(*) AS customers FROM cohort AS c WHERE c.first_day IS NOT NULL GROUP BY c.first_day
), bought AS MATERIALIZED (
	SELECT d.purchased_on, count(*) AS purchases
	FROM cohort AS c CROSS JOIN LATERAL tiering.purchases(c.history) AS d
	WHERE d.orders > 0 AND d.purchased_on > c.first_day AND d.purchased_on <= $2
	GROUP BY d.purchased_on
)
SELECT w.week_end,
	(SELECT COALESCE(sum(b.purchases), 0)::bigint FROM bought AS b WHERE b.purchased_on <= w.week_end),
	(SELECT COALESCE(sum(e.customers * tiering.expected_purchases(f.model, (w.week_end - e.first_day) / 7.0::double precision)), 0)
	 FROM entry AS e WHERE e.first_day < w.week_end)
FROM (SELECT generate_series((SELECT min(e.first_day) FROM entry AS e)::timestamp + interval '7 days', $2, interval '7 days')::date AS week_end) AS w
	CROSS JOIN fitted AS f
WHERE (f.model).r IS NOT NULL
ORDER BY w.week_end$sql$, pipeline, kind || '_fit') USING calibration_end, holdout_end;
END;
$$;

COMMENT ON FUNCTION tiering.clv_tracking(text, date, date, text) IS
'cumulative repeat purchase days by week, as they came and as a model that knew them until calibration_end expects them';
