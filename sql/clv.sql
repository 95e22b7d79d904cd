
/*
 * clv: what customers are worth.  Records of histories, the state that all
 * fits share, and the values of purchases; each purchase model follows.
 */

CREATE FUNCTION tiering.clv_summary(history tiering.purchase_history, as_of date, time_unit text DEFAULT 'week',
	OUT frequency integer, OUT recency double precision, OUT age double precision, OUT monetary double precision)
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_clv_summary';

COMMENT ON FUNCTION tiering.clv_summary(tiering.purchase_history, date, text) IS
'a history as purchase models see it: repeat purchase days, times from the first day to the last and to as_of, mean gross value of repeat days';

CREATE FUNCTION tiering.purchase_fit_accum(internal, bigint, double precision, double precision)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_fit_accum';

CREATE FUNCTION tiering.purchase_fit_accum(internal, bigint, double precision, double precision, double precision)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_fit_accum';

CREATE FUNCTION tiering.purchase_fit_accum(internal, bigint, double precision, double precision, double precision, text)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_fit_accum';

CREATE FUNCTION tiering.purchase_fit_combine(internal, internal)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_fit_combine';

CREATE FUNCTION tiering.purchase_fit_serialize(internal)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_fit_serialize';

CREATE FUNCTION tiering.purchase_fit_deserialize(bytea, internal)
RETURNS internal
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_fit_deserialize';

COMMENT ON FUNCTION tiering.purchase_fit_accum(internal, bigint, double precision, double precision) IS
'transition function of the fits of purchase models';
COMMENT ON FUNCTION tiering.purchase_fit_accum(internal, bigint, double precision, double precision, double precision) IS
'transition function of the fits of purchase models, with a penalizer';
COMMENT ON FUNCTION tiering.purchase_fit_accum(internal, bigint, double precision, double precision, double precision, text) IS
'transition function of the fits of purchase models, with a penalizer and a time unit';
COMMENT ON FUNCTION tiering.purchase_fit_combine(internal, internal) IS
'combine function of the fits of purchase models';
COMMENT ON FUNCTION tiering.purchase_fit_serialize(internal) IS
'sends a state of a fit';
COMMENT ON FUNCTION tiering.purchase_fit_deserialize(bytea, internal) IS
'receives a state of a fit';

CREATE TYPE tiering.gamma_gamma_model AS (
	p double precision,
	q double precision,
	v double precision,
	status text,
	log_likelihood double precision,
	customers bigint,
	p_error double precision,
	q_error double precision,
	v_error double precision,
	iterations integer,
	gradient_norm double precision,
	pearson double precision,
	spearman double precision,
	left_out bigint,
	covariance double precision[]
);

COMMENT ON TYPE tiering.gamma_gamma_model IS
'Gamma-Gamma with its parameters, how it was fitted, the correlations of number and value of purchases, which it assumes to be 0, and customers left out since theirs are worth nothing';

CREATE FUNCTION tiering.gamma_gamma(p double precision, q double precision, v double precision)
RETURNS tiering.gamma_gamma_model
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_model';

COMMENT ON FUNCTION tiering.gamma_gamma(double precision, double precision, double precision) IS
'Gamma-Gamma from parameters that were found elsewhere';

CREATE FUNCTION tiering.gamma_gamma_fit_accum(internal, bigint, double precision)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_gamma_gamma_fit_accum';

COMMENT ON FUNCTION tiering.gamma_gamma_fit_accum(internal, bigint, double precision) IS
'transition function of gamma_gamma_fit()';

CREATE FUNCTION tiering.gamma_gamma_fit_final(internal)
RETURNS tiering.gamma_gamma_model
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_gamma_gamma_fit_final';

COMMENT ON FUNCTION tiering.gamma_gamma_fit_final(internal) IS
'final function of gamma_gamma_fit()';

CREATE AGGREGATE tiering.gamma_gamma_fit(frequency bigint, monetary double precision) (
	SFUNC = tiering.gamma_gamma_fit_accum,
	STYPE = internal,
	SSPACE = 65536,
	FINALFUNC = tiering.gamma_gamma_fit_final,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.gamma_gamma_fit(bigint, double precision) IS
'fits Gamma-Gamma to repeat purchase days and their mean value; customers without one, or worth nothing, are left out';

CREATE FUNCTION tiering.log_likelihood(model tiering.gamma_gamma_model, frequency bigint, monetary double precision)
RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_gamma_gamma_log_likelihood';

COMMENT ON FUNCTION tiering.log_likelihood(tiering.gamma_gamma_model, bigint, double precision) IS
'logarithm of the probability density of a customer''s mean value';

CREATE FUNCTION tiering.expected_order_value(model tiering.gamma_gamma_model, frequency bigint, monetary double precision)
RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_expected_order_value';

COMMENT ON FUNCTION tiering.expected_order_value(tiering.gamma_gamma_model, bigint, double precision) IS
'mean value of a customer''s purchases to come; frequency 0: of a new customer''s';

CREATE TYPE tiering.clv_score AS (
	frequency integer,
	recency double precision,
	age double precision,
	monetary double precision,
	p_alive double precision,
	expected_purchases double precision,
	expected_order_value double precision,
	clv double precision,
	clv_lower double precision,
	clv_upper double precision,
	expected_clv_lower double precision,
	expected_clv_upper double precision
);

COMMENT ON TYPE tiering.clv_score IS
'the record of a customer, and what clv_scores() says of him: is he one still, what will he buy, what is that worth, and how sure is that';

CREATE FUNCTION tiering.clv_scores(history tiering.purchase_history, as_of date)
RETURNS tiering.clv_score
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_clv_no_scores';

COMMENT ON FUNCTION tiering.clv_scores(tiering.purchase_history, date) IS
'the record of a history, in weeks, with scores that are NULL: where there is no model yet';
