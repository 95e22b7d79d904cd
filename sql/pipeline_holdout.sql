
/*
 * pipeline, part twelve: how good the models would have been
 */

-- What each model, fitted on what was known at calibration_end, expected of
-- each customer until holdout_end, beside what he did; naive: his rate goes on
CREATE FUNCTION tiering.clv_holdout_customers(pipeline text, calibration_end date, holdout_end date)
RETURNS TABLE (model text, status text, customer_id text, expected double precision, actual integer)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	IF (calibration_end < holdout_end AND isfinite(calibration_end) AND isfinite(holdout_end)) IS NOT TRUE THEN
		RAISE EXCEPTION 'calibration_end % does not lie before holdout_end %', calibration_end, holdout_end
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass two finite days: what is known, and what is to be foretold.';
	END IF;
	RETURN QUERY EXECUTE format($sql$
WITH summary AS MATERIALIZED (
	SELECT h.customer_id, tiering.clv_summary(h.history, $1, 'week') AS record,
		tiering.purchase_days(h.history, $2) - tiering.purchase_days(h.history, $1) AS actual
	FROM %1$I.purchase_history AS h
), known AS MATERIALIZED (
	SELECT s.customer_id, (s.record).frequency AS x, (s.record).recency AS t_x, (s.record).age, s.actual
	FROM summary AS s CROSS JOIN %1$I.pipeline AS p
	WHERE (s.record).age IS NOT NULL
		AND ($1 - ((s.record).age * 7)::integer >= p.fit_since OR p.fit_since IS NULL)
), fitted AS MATERIALIZED (
	SELECT tiering.nbd_fit(x, t_x, age) AS nbd, tiering.bgnbd_fit(x, t_x, age) AS bgnbd,
		tiering.mbgnbd_fit(x, t_x, age) AS mbgnbd, tiering.pareto_nbd_fit(x, t_x, age) AS pareto_nbd,
		($2 - $1) / 7.0::double precision AS horizon
	FROM known
)
SELECT v.model, v.status, k.customer_id::text, v.expected, k.actual
FROM known AS k CROSS JOIN fitted AS f CROSS JOIN LATERAL (VALUES
	('bgnbd', (f.bgnbd).status, CASE WHEN (f.bgnbd).r IS NOT NULL THEN tiering.expected_purchases(f.bgnbd, k.x, k.t_x, k.age, f.horizon) END),
	('mbgnbd', (f.mbgnbd).status, CASE WHEN (f.mbgnbd).r IS NOT NULL THEN tiering.expected_purchases(f.mbgnbd, k.x, k.t_x, k.age, f.horizon) END),
	('pareto_nbd', (f.pareto_nbd).status, CASE WHEN (f.pareto_nbd).r IS NOT NULL THEN tiering.expected_purchases(f.pareto_nbd, k.x, k.t_x, k.age, f.horizon) END),
	('nbd', (f.nbd).status, CASE WHEN (f.nbd).r IS NOT NULL THEN tiering.expected_purchases(f.nbd, k.x, k.t_x, k.age, f.horizon) END),
	('naive', NULL, CASE WHEN k.age > 0 THEN k.x / k.age * f.horizon ELSE 0 END)
) AS v(model, status, expected)
WHERE v.expected IS NOT NULL$sql$, pipeline) USING calibration_end, holdout_end;
END;
$$;

COMMENT ON FUNCTION tiering.clv_holdout_customers(text, date, date) IS
'what each purchase model, fitted at calibration_end, expected of each customer until holdout_end, beside what he did';

CREATE FUNCTION tiering.clv_holdout(pipeline text, calibration_end date, holdout_end date)
RETURNS TABLE (model text, status text, customers bigint, actual bigint, expected double precision, bias double precision,
	mean_absolute_error double precision, root_mean_squared_error double precision)
LANGUAGE SQL
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.model, min(c.status), count(*), sum(c.actual), sum(c.expected),
		sum(c.expected) / NULLIF(sum(c.actual), 0) - 1,
		avg(abs(c.expected - c.actual)), sqrt(avg((c.expected - c.actual) ^ 2))
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
	PERFORM tiering.require_pipeline(pipeline);
	IF (calibration_end < holdout_end AND isfinite(calibration_end) AND isfinite(holdout_end)) IS NOT TRUE THEN
		RAISE EXCEPTION 'calibration_end % does not lie before holdout_end %', calibration_end, holdout_end
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass two finite days: what is known, and what is to be foretold.';
	END IF;
	IF kind IS NULL THEN
		EXECUTE format('SELECT p.purchase_model FROM %I.pipeline AS p', pipeline) INTO kind;
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
