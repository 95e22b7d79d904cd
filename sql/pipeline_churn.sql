
/*
 * pipeline: who is leaving; the rows that models learn from
 */

-- The tables of churn.  Without a row in churn_policy nothing is scored.
CREATE FUNCTION tiering.define_churn(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass(format('%I.churn_score', pipeline)) IS NOT NULL
	   AND tiering.column_type(to_regclass(format('%I.churn_score', pipeline)), 'customer_id') <> tiering.customer_type(pipeline) THEN
		-- scores are made anew by the next refresh
		EXECUTE format('DROP TABLE %I.churn_score CASCADE', pipeline);
	END IF;
	EXECUTE format($sql$
CREATE TABLE IF NOT EXISTS %1$I.churn_policy (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	horizon_days integer NOT NULL DEFAULT 90 CHECK (horizon_days BETWEEN 7 AND 730),
	active_within integer NOT NULL DEFAULT 365 CHECK (active_within BETWEEN 7 AND 3650),
	wakeup_ratio double precision NOT NULL DEFAULT 1.5 CHECK (wakeup_ratio > 0 AND wakeup_ratio <= 100),
	wakeup_gaps integer NOT NULL DEFAULT 3 CHECK (wakeup_gaps >= 1),
	high_from double precision NOT NULL DEFAULT 0.7 CHECK (high_from > medium_from AND high_from < 1),
	medium_from double precision NOT NULL DEFAULT 0.4 CHECK (medium_from > 0),
	contracts regclass,
	contract_customer text,
	contract_start text,
	contract_end text,
	CHECK (num_nulls(contracts, contract_customer, contract_start, contract_end) IN (0, 4))
);
CREATE TABLE IF NOT EXISTS %1$I.churn_quality (
	run bigint NOT NULL,
	candidate text NOT NULL,
	purpose text NOT NULL CHECK (purpose IN ('choose', 'report')),
	origin date NOT NULL,
	horizon_days integer NOT NULL,
	customers bigint NOT NULL,
	churn_rate double precision,
	auc double precision,
	log_loss double precision,
	brier double precision,
	lift_at_10 double precision,
	slope double precision,
	intercept double precision,
	flagged_returned double precision,
	is_chosen boolean NOT NULL DEFAULT false,
	PRIMARY KEY (run, candidate, purpose)
);
CREATE TABLE IF NOT EXISTS %1$I.churn_score (
	customer_id %2$s PRIMARY KEY,
	as_of date NOT NULL,
	stage text NOT NULL,
	overdue_ratio double precision,
	wakeup_due date,
	probability double precision,
	reasons text[],
	model_kind text,
	model_version integer
);
CREATE OR REPLACE TRIGGER forgotten AFTER DELETE OR TRUNCATE ON %1$I.churn_policy FOR EACH STATEMENT EXECUTE FUNCTION tiering.forget_churn();
COMMENT ON TABLE %1$I.churn_policy IS 'what leaving means here, one row; without it nobody is scored';
COMMENT ON COLUMN %1$I.churn_policy.one IS 'true: there is one row';
COMMENT ON COLUMN %1$I.churn_policy.horizon_days IS 'who buys nothing for so many days after the day of the analysis has left';
COMMENT ON COLUMN %1$I.churn_policy.active_within IS 'who bought within so many days is scored; the others are lost';
COMMENT ON COLUMN %1$I.churn_policy.wakeup_ratio IS 'overdue by this many times the usual gap calls for a wake-up';
COMMENT ON COLUMN %1$I.churn_policy.wakeup_gaps IS 'a customer''s own mean gap counts from so many gaps on; before that all customers'' does';
COMMENT ON COLUMN %1$I.churn_policy.high_from IS 'probability from which the risk is high';
COMMENT ON COLUMN %1$I.churn_policy.medium_from IS 'probability from which it is medium';
COMMENT ON COLUMN %1$I.churn_policy.contracts IS 'relation with contracts: who has none any more has left; NULL: purchases tell';
COMMENT ON COLUMN %1$I.churn_policy.contract_customer IS 'its column with the customer';
COMMENT ON COLUMN %1$I.churn_policy.contract_start IS 'its column with the first day';
COMMENT ON COLUMN %1$I.churn_policy.contract_end IS 'its column with the day from which the contract is over; NULL there: it runs';
COMMENT ON TABLE %1$I.churn_quality IS 'how well each candidate foretold days of which it knew nothing';
COMMENT ON COLUMN %1$I.churn_quality.run IS 'run that compared';
COMMENT ON COLUMN %1$I.churn_quality.candidate IS 'recency: days since the last purchase alone; no_purchase: the purchase model; logistic and boosting: all features; wakeup: the rule';
COMMENT ON COLUMN %1$I.churn_quality.purpose IS 'choose: the day that chose; report: a later one, which had no part in it';
COMMENT ON COLUMN %1$I.churn_quality.origin IS 'day on which customers were scored';
COMMENT ON COLUMN %1$I.churn_quality.horizon_days IS 'days after it that were to be foretold';
COMMENT ON COLUMN %1$I.churn_quality.customers IS 'customers who were scored';
COMMENT ON COLUMN %1$I.churn_quality.churn_rate IS 'share of them that left';
COMMENT ON COLUMN %1$I.churn_quality.auc IS 'chance that one who left scored above one who stayed';
COMMENT ON COLUMN %1$I.churn_quality.log_loss IS 'mean of -log of the probability of what happened';
COMMENT ON COLUMN %1$I.churn_quality.brier IS 'mean squared error of the probability';
COMMENT ON COLUMN %1$I.churn_quality.lift_at_10 IS 'churn rate of the tenth with the highest scores, over that of all';
COMMENT ON COLUMN %1$I.churn_quality.slope IS 'of the calibration_line(); 1 is right';
COMMENT ON COLUMN %1$I.churn_quality.intercept IS 'of the calibration_line(); 0 is right';
COMMENT ON COLUMN %1$I.churn_quality.flagged_returned IS 'of the tenth with the highest scores, or of those whom the rule flags, the share that bought within the horizon unprompted';
COMMENT ON COLUMN %1$I.churn_quality.is_chosen IS 'is it the one that scores?';
COMMENT ON TABLE %1$I.churn_score IS 'scores as refresh keeps them; read them through the view customer_churn';
COMMENT ON COLUMN %1$I.churn_score.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.churn_score.as_of IS 'day of the analysis';
COMMENT ON COLUMN %1$I.churn_score.stage IS 'stage of life';
COMMENT ON COLUMN %1$I.churn_score.overdue_ratio IS 'days since the last purchase over the mean gap';
COMMENT ON COLUMN %1$I.churn_score.wakeup_due IS 'day on which he became overdue';
COMMENT ON COLUMN %1$I.churn_score.probability IS 'probability that he buys nothing within the horizon';
COMMENT ON COLUMN %1$I.churn_score.reasons IS 'what raises it most';
COMMENT ON COLUMN %1$I.churn_score.model_kind IS 'candidate that scored';
COMMENT ON COLUMN %1$I.churn_score.model_version IS 'its version in the table model'$sql$, pipeline, tiering.customer_type(pipeline));
END;
$$;

-- Without a policy there are no scores
CREATE FUNCTION tiering.forget_churn()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('DELETE FROM %I.churn_score', TG_TABLE_SCHEMA);
	RETURN NULL;
END;
$$;

COMMENT ON FUNCTION tiering.forget_churn() IS
'internal: empties churn_score when its policy goes';

COMMENT ON FUNCTION tiering.define_churn(text) IS
'internal: makes the tables of churn';

-- Says what leaving means; from the next refresh on customers are scored.  What is
-- not named stays as it is.
CREATE PROCEDURE tiering.create_churn(name text, horizon_days integer DEFAULT NULL, active_within integer DEFAULT NULL,
	wakeup_ratio double precision DEFAULT NULL, wakeup_gaps integer DEFAULT NULL,
	high_from double precision DEFAULT NULL, medium_from double precision DEFAULT NULL,
	contracts regclass DEFAULT NULL, contract_customer text DEFAULT NULL, contract_start text DEFAULT NULL, contract_end text DEFAULT NULL)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
BEGIN
	PERFORM tiering.require_pipeline(name);
	EXECUTE format($sql$
SELECT COALESCE($1, c.horizon_days, 90) AS horizon_days, COALESCE($2, c.active_within, 365) AS active_within, COALESCE($3, c.wakeup_ratio, 1.5) AS wakeup_ratio, COALESCE($4, c.wakeup_gaps, 3) AS wakeup_gaps,
	COALESCE($5, c.high_from, 0.7) AS high_from, COALESCE($6, c.medium_from, 0.4) AS medium_from,
	NULLIF(COALESCE($7, c.contracts), '-'::regclass) AS contracts, CASE WHEN $7 = '-'::regclass THEN NULL ELSE COALESCE($8, c.contract_customer) END AS contract_customer,
	CASE WHEN $7 = '-'::regclass THEN NULL ELSE COALESCE($9, c.contract_start) END AS contract_start, CASE WHEN $7 = '-'::regclass THEN NULL ELSE COALESCE($10, c.contract_end) END AS contract_end
FROM (SELECT) AS one LEFT JOIN %I.churn_policy AS c ON true$sql$, name) INTO p
		USING horizon_days, active_within, wakeup_ratio, wakeup_gaps, high_from, medium_from, contracts, contract_customer, contract_start, contract_end;
	IF p.horizon_days NOT BETWEEN 7 AND 730 THEN
		RAISE EXCEPTION 'horizon_days % is not between 7 and 730', p.horizon_days
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Take as many days as an active customer is hardly ever silent; 90 are usual.';
	ELSIF p.active_within NOT BETWEEN 7 AND 3650 THEN
		RAISE EXCEPTION 'active_within % is not between 7 and 3650', p.active_within
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Who bought within so many days is scored; 365 are usual.';
	ELSIF NOT (p.wakeup_ratio > 0 AND p.wakeup_ratio <= 100 AND p.wakeup_gaps >= 1) THEN
		RAISE EXCEPTION 'wakeup_ratio % is not above 0 and at most 100, or wakeup_gaps % is below 1', p.wakeup_ratio, p.wakeup_gaps
			USING ERRCODE = 'invalid_parameter_value', HINT = 'The defaults are 1.5 and 3.';
	ELSIF NOT (p.medium_from > 0 AND p.high_from > p.medium_from AND p.high_from < 1) THEN
		RAISE EXCEPTION 'medium_from % and high_from % are not in this order between 0 and 1', p.medium_from, p.high_from
			USING ERRCODE = 'invalid_parameter_value', HINT = 'The defaults are 0.4 and 0.7.';
	ELSIF num_nulls(p.contracts, p.contract_customer, p.contract_start, p.contract_end) NOT IN (0, 4) THEN
		RAISE EXCEPTION 'contracts are named in part: % is missing', array_to_string(array_remove(ARRAY[CASE WHEN p.contracts IS NULL THEN 'contracts' END, CASE WHEN p.contract_customer IS NULL THEN 'contract_customer' END,
				CASE WHEN p.contract_start IS NULL THEN 'contract_start' END, CASE WHEN p.contract_end IS NULL THEN 'contract_end' END], NULL), ', ')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass contracts, contract_customer, contract_start and contract_end, or none of them.';
	END IF;
	EXECUTE format($sql$
INSERT INTO %I.churn_policy AS c (horizon_days, active_within, wakeup_ratio, wakeup_gaps, high_from, medium_from, contracts, contract_customer, contract_start, contract_end) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (one) DO UPDATE SET (horizon_days, active_within, wakeup_ratio, wakeup_gaps, high_from, medium_from, contracts, contract_customer, contract_start, contract_end) =
	(EXCLUDED.horizon_days, EXCLUDED.active_within, EXCLUDED.wakeup_ratio, EXCLUDED.wakeup_gaps, EXCLUDED.high_from, EXCLUDED.medium_from, EXCLUDED.contracts, EXCLUDED.contract_customer, EXCLUDED.contract_start, EXCLUDED.contract_end)$sql$, name)
		USING p.horizon_days, p.active_within, p.wakeup_ratio, p.wakeup_gaps, p.high_from, p.medium_from, p.contracts, p.contract_customer, p.contract_start, p.contract_end;
	-- names that are not there are refused now, and not by the next refresh
	PERFORM tiering.warn_of_contracts(name);
	RAISE NOTICE 'leaving is %, and who % is scored', CASE WHEN p.contracts IS NULL THEN format('%s days without a purchase', p.horizon_days) ELSE format('no contract of %s after %s days', p.contracts, p.horizon_days) END,
			CASE WHEN p.contracts IS NULL THEN format('bought within %s days', p.active_within) ELSE 'has one' END
		USING HINT = format('CALL tiering.refresh(%L) scores them.', name);
END;
$$;

COMMENT ON PROCEDURE tiering.create_churn(text, integer, integer, double precision, integer, double precision, double precision, regclass, text, text, text) IS
'says what leaving means in a pipeline: from the next refresh on customers are scored';

-- Names of what a training set has: a history's features, and the purchase model's
CREATE FUNCTION tiering.churn_training_names()
RETURNS text[]
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
RETURN tiering.churn_feature_names() || '{p_alive,expected_purchases,p_no_purchase}'::text[];

COMMENT ON FUNCTION tiering.churn_training_names() IS
'names of the features of churn_training_set(), in their order';

-- Customers on a day, with a purchase model fitted to what was known then; no
-- part of it looks past that day but the label.  A share of them will do, told by their ids.
CREATE FUNCTION tiering.churn_rows_sql(pipeline text, kind text, origin date, horizon_days integer, active_within integer, share double precision)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	extra record;
	contracts text := tiering.churn_contracts_sql(pipeline);
BEGIN
	SELECT * INTO extra FROM tiering.churn_extra_sql(pipeline, origin);
	RETURN format($sql$
WITH known AS MATERIALIZED (
	SELECT s.customer_id, s.history, (s.record).frequency AS x, (s.record).recency AS t_x, (s.record).age
	FROM (SELECT h.customer_id, h.history, tiering.clv_summary(h.history, %2$L, 'week') AS record FROM %1$I.purchase_history AS h OFFSET 0) AS s
	WHERE (s.record).age IS NOT NULL
), fitted AS MATERIALIZED (%3$s)
SELECT k.customer_id, %4$s AS churned, %5$s%6$s AS features
FROM %7$s CROSS JOIN fitted AS f%8$s
WHERE %9$s AND (%10$s >= 1 OR hashtext(k.customer_id::text) < -2147483648 + %10$s * 4294967296)$sql$,
		pipeline, origin, tiering.churn_fitted_sql(kind),
		CASE WHEN contracts IS NULL THEN format('tiering.order_count(k.history, %L::date + %s) = tiering.order_count(k.history, %1$L)', origin, horizon_days)
			ELSE format('NOT EXISTS (SELECT FROM (%s) AS r WHERE r.customer_id = k.customer_id AND r.started <= %L AND r.ended > %2$L)', contracts, origin + horizon_days) END,
		tiering.churn_known_features_sql(kind, origin, horizon_days), tiering.churn_more_sql(extra.nothing, contracts, origin),
		CASE WHEN contracts IS NULL THEN 'known AS k' ELSE format('(SELECT r.customer_id, r.started, h.history, h.x, h.t_x, h.age FROM (%s) AS r LEFT JOIN known AS h ON h.customer_id = r.customer_id) AS k', tiering.running_contracts_sql(contracts, origin)) END,
		CASE WHEN extra.query IS NOT NULL THEN format(' LEFT JOIN (%s) AS e ON e.customer_id = k.customer_id', extra.query) ELSE '' END,
		CASE WHEN contracts IS NULL THEN format('(k.age - k.t_x) * 7 < %s + 0.5', active_within) ELSE 'true' END, share);
END;
$$;

COMMENT ON FUNCTION tiering.churn_rows_sql(text, text, date, integer, integer, double precision) IS
'internal: query for what a model of churn learns from';

-- Purchase models of what was known on a day: where the pipeline's is not the top
-- of its likelihood, one in which nobody leaves
CREATE FUNCTION tiering.churn_fitted_sql(kind text)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN format('SELECT m.model, (m.model).status = ''converged'' AS is_good, m.plain, (m.plain).status IN (''converged'', ''boundary'') AS plain_is_good
FROM (SELECT tiering.%I(k.x, k.t_x, k.age) AS model, tiering.nbd_fit(k.x, k.t_x, k.age) AS plain FROM known AS k WHERE k.age IS NOT NULL) AS m', kind || '_fit');

COMMENT ON FUNCTION tiering.churn_fitted_sql(text) IS
'internal: purchase models of what was known on a day, as SQL';

-- Features of a history k and of the purchase models f
CREATE FUNCTION tiering.churn_known_features_sql(kind text, day date, horizon_days integer)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN format('COALESCE(tiering.churn_features(k.history, %1$L, %2$s), array_fill(NULL::double precision, ARRAY[%3$s]))
	|| CASE WHEN f.is_good THEN ARRAY[tiering.p_alive(f.model, k.x, k.t_x, k.age), tiering.expected_purchases(f.model, k.x, k.t_x, k.age, %2$s / 7.0::double precision), tiering.p_no_purchase(f.model, k.x, k.t_x, k.age, %2$s / 7.0::double precision)]
		WHEN f.plain_is_good THEN ARRAY[NULL, tiering.expected_purchases(f.plain, k.x, k.t_x, k.age, %2$s / 7.0::double precision), tiering.p_no_purchase(f.plain, k.x, k.t_x, k.age, %2$s / 7.0::double precision)]
		ELSE ARRAY[NULL, NULL, NULL]::double precision[] END', day, horizon_days, cardinality(tiering.churn_feature_names()));

COMMENT ON FUNCTION tiering.churn_known_features_sql(text, date, integer) IS
'internal: features of a history and of purchase models, as SQL';

-- Features behind those: of other relations e, and of a contract k
CREATE FUNCTION tiering.churn_more_sql(nothing text, contracts text, day date)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN nothing IS NOT NULL THEN format(' || COALESCE(e.extra, %s)', nothing) ELSE '' END
	|| CASE WHEN contracts IS NOT NULL THEN format(' || CASE WHEN isfinite(k.started) THEN (%L::date - k.started)::double precision END', day) ELSE '' END;

COMMENT ON FUNCTION tiering.churn_more_sql(text, text, date) IS
'internal: features of other relations and of a contract, as SQL';

-- Customers with a contract on a day, and since when
CREATE FUNCTION tiering.running_contracts_sql(contracts text, day date)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN format('SELECT c.customer_id, min(c.started) AS started FROM (%s) AS c WHERE c.started <= %L AND c.ended > %2$L AND c.customer_id IS NOT NULL GROUP BY c.customer_id', contracts, day);

COMMENT ON FUNCTION tiering.running_contracts_sql(text, date) IS
'internal: query for the contracts that run on a day';

-- The purchase model whose features are taken: a setting, and not what later data
-- found to be the best
CREATE FUNCTION tiering.churn_purchase_kind(pipeline text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind text;
BEGIN
	EXECUTE format('SELECT NULLIF(p.purchase_model, ''auto'') FROM %I.pipeline AS p', pipeline) INTO kind;
	RETURN COALESCE(kind, 'mbgnbd');
END;
$$;

COMMENT ON FUNCTION tiering.churn_purchase_kind(text) IS
'internal: kind of the purchase model whose features are taken';

CREATE FUNCTION tiering.churn_training_set(pipeline text, as_of date, horizon_days integer DEFAULT NULL, active_within integer DEFAULT NULL)
RETURNS TABLE (customer_id text, churned boolean, features double precision[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	last_day date;
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	EXECUTE format('SELECT COALESCE($1, c.horizon_days, 90) AS horizon_days, COALESCE($2, c.active_within, 365) AS active_within FROM (SELECT) AS one LEFT JOIN %I.churn_policy AS c ON true', pipeline)
		INTO p USING horizon_days, active_within;
	IF (as_of BETWEEN '0001-01-01' AND '9990-12-31' AND p.horizon_days BETWEEN 7 AND 730 AND p.active_within BETWEEN 7 AND 3650) IS NOT TRUE THEN
		RAISE EXCEPTION 'as_of %, horizon_days % or active_within % is out of range', COALESCE(as_of::text, 'null'), p.horizon_days, p.active_within
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass a day, 7 to 730 days to foretell, and 7 to 3650 days within which customers bought.';
	END IF;
	EXECUTE format('SELECT d.as_of FROM %I.day AS d', pipeline) INTO last_day;
	RETURN QUERY EXECUTE format('SELECT r.customer_id::text, CASE WHEN %L <= %L::date THEN r.churned END, r.features FROM (%s) AS r',
		as_of + p.horizon_days, last_day, tiering.churn_rows_sql(pipeline, tiering.churn_purchase_kind(pipeline), as_of, p.horizon_days, p.active_within, 1));
END;
$$;

COMMENT ON FUNCTION tiering.churn_training_set(text, date, integer, integer) IS
'customers who bought within active_within days of a day, what was known of them then, and whether they bought nothing in the horizon after it; churned is NULL where that is not over';
