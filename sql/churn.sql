
/*
 * churn: rules and features of customers who may leave
 */

CREATE FUNCTION tiering.overdue_ratio(history tiering.purchase_history, as_of date)
RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_overdue_ratio';

COMMENT ON FUNCTION tiering.overdue_ratio(tiering.purchase_history, date) IS
'days since the last purchase over the customer''s own mean gap; NULL with fewer than two purchase days';

CREATE FUNCTION tiering.wakeup_due(history tiering.purchase_history, as_of date, ratio double precision DEFAULT 1.5,
	min_gaps integer DEFAULT 3, fallback_gap double precision DEFAULT NULL)
RETURNS date
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_wakeup_due';

COMMENT ON FUNCTION tiering.wakeup_due(tiering.purchase_history, date, double precision, integer, double precision) IS
'day on which the customer became overdue, by ratio times his mean gap, or the fallback with fewer than min_gaps gaps; NULL: he is not';

CREATE FUNCTION tiering.lifecycle_stage(history tiering.purchase_history, as_of date, new_within integer DEFAULT 90,
	dormant_after integer DEFAULT 180, lost_after integer DEFAULT 365, mature_after integer DEFAULT 365, declining_ratio double precision DEFAULT 2)
RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	last_day date := tiering.last_purchase(history, as_of);
	first_day date;
BEGIN
	IF NOT (0 < new_within AND 0 < dormant_after AND dormant_after < lost_after AND 0 < mature_after AND declining_ratio > 0 AND declining_ratio <= 1000000) THEN
		RAISE EXCEPTION 'windows of stages, new % mature % dormant % lost % days and ratio %, are not above 0, or dormant is not before lost',
				new_within, mature_after, dormant_after, lost_after, declining_ratio
			USING ERRCODE = 'invalid_parameter_value', HINT = 'The defaults are 90, 365, 180 and 365 days, and a ratio of 2.';
	END IF;
	IF last_day IS NULL OR NOT isfinite(as_of) THEN
		RETURN NULL;
	END IF;
	first_day := tiering.first_purchase(history, as_of);
	RETURN CASE WHEN as_of - last_day > lost_after THEN 'lost'
		WHEN as_of - last_day > dormant_after THEN 'dormant'
		WHEN as_of - first_day < new_within THEN 'new'
		WHEN tiering.overdue_ratio(history, as_of) > declining_ratio THEN 'declining'
		WHEN as_of - first_day >= mature_after THEN 'mature'
		ELSE 'active' END;
END;
$$;

COMMENT ON FUNCTION tiering.lifecycle_stage(tiering.purchase_history, date, integer, integer, integer, integer, double precision) IS
'new, active, mature, declining, dormant or lost on a day; NULL without a purchase';

CREATE FUNCTION tiering.churn_features(history tiering.purchase_history, as_of date, horizon_days integer DEFAULT 90)
RETURNS double precision[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_churn_features';

COMMENT ON FUNCTION tiering.churn_features(tiering.purchase_history, date, integer) IS
'what a history says on a day of whether its customer will leave, in the order of churn_feature_names(); NULL without a purchase';

CREATE FUNCTION tiering.churn_feature_names()
RETURNS text[]
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_churn_feature_names';

COMMENT ON FUNCTION tiering.churn_feature_names() IS
'names of the features of churn_features(), in their order';
