
/*
 * rfm: recency, frequency and monetary value, cut points and scores
 */

CREATE FUNCTION tiering.rfm(
	history tiering.purchase_history, as_of date, since date DEFAULT NULL,
	OUT recency_days integer, OUT frequency integer, OUT monetary numeric)
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_rfm';

COMMENT ON FUNCTION tiering.rfm(tiering.purchase_history, date, date) IS
'days since the last purchase, number of orders and net money, between since and as_of; NULL without a purchase';

CREATE FUNCTION tiering.rfm_cutoffs_accum(internal, double precision, integer)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_rfm_cutoffs_accum';

CREATE FUNCTION tiering.rfm_cutoffs_final(internal)
RETURNS double precision[]
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_rfm_cutoffs_final';

CREATE FUNCTION tiering.rfm_cutoffs_r_final(internal)
RETURNS double precision[]
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_rfm_cutoffs_r_final';

CREATE AGGREGATE tiering.rfm_cutoffs(value double precision, bins integer) (
	SFUNC = tiering.rfm_cutoffs_accum,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = tiering.rfm_cutoffs_final,
	COMBINEFUNC = tiering.rows_combine,
	SERIALFUNC = tiering.rows_serialize,
	DESERIALFUNC = tiering.rows_deserialize,
	PARALLEL = SAFE
);

CREATE AGGREGATE tiering.rfm_cutoffs_r(value double precision, bins integer) (
	SFUNC = tiering.rfm_cutoffs_accum,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = tiering.rfm_cutoffs_r_final,
	COMBINEFUNC = tiering.rows_combine,
	SERIALFUNC = tiering.rows_serialize,
	DESERIALFUNC = tiering.rows_deserialize,
	PARALLEL = SAFE
);

COMMENT ON FUNCTION tiering.rfm_cutoffs_accum(internal, double precision, integer) IS
'transition function of rfm_cutoffs()';
COMMENT ON FUNCTION tiering.rfm_cutoffs_final(internal) IS
'final function of rfm_cutoffs()';
COMMENT ON FUNCTION tiering.rfm_cutoffs_r_final(internal) IS
'final function of rfm_cutoffs_r()';
COMMENT ON AGGREGATE tiering.rfm_cutoffs(double precision, integer) IS
'smallest values that score 2, 3, ... bins: by the share of values strictly below';
COMMENT ON AGGREGATE tiering.rfm_cutoffs_r(double precision, integer) IS
'cut points of R''s rfm package: 1 + quantile of type 7';

CREATE FUNCTION tiering.rfm_score(value double precision, cutoffs double precision[])
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_rfm_score';

COMMENT ON FUNCTION tiering.rfm_score(double precision, double precision[]) IS
'1 + the number of cut points that are not above the value';

CREATE FUNCTION tiering.money_value(amount numeric)
RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_money_value';

COMMENT ON FUNCTION tiering.money_value(numeric) IS
'the same as amount::double precision, in less time';

CREATE FUNCTION tiering.band(value numeric, thresholds numeric[])
RETURNS integer
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	level integer := 1;
	below numeric := '-Infinity';
	threshold numeric;
BEGIN
	FOREACH threshold IN ARRAY thresholds LOOP
		IF threshold IS NULL OR threshold = 'NaN' OR threshold < below THEN
			RAISE EXCEPTION 'threshold % is no number, or below the one before it', COALESCE(threshold::text, 'null')
				USING ERRCODE = 'invalid_parameter_value', HINT = 'Thresholds are in ascending order.';
		END IF;
		IF value = 'NaN' THEN
			RAISE EXCEPTION 'value is not a number' USING ERRCODE = 'invalid_parameter_value';
		END IF;
		IF value >= threshold THEN
			level := level + 1;
		END IF;
		below := threshold;
	END LOOP;
	RETURN level;
END;
$$;

COMMENT ON FUNCTION tiering.band(numeric, numeric[]) IS
'level of an amount: 1 below the first threshold, one more from each threshold on';
