
/*
 * classifier: models that give probabilities
 */

CREATE TYPE tiering.classifier;

CREATE FUNCTION tiering.classifier_in(cstring)
RETURNS tiering.classifier
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_classifier_in';

CREATE FUNCTION tiering.classifier_out(tiering.classifier)
RETURNS cstring
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_model_out';

CREATE FUNCTION tiering.classifier_recv(internal)
RETURNS tiering.classifier
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_classifier_recv';

CREATE FUNCTION tiering.classifier_send(tiering.classifier)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_model_send';

COMMENT ON FUNCTION tiering.classifier_in(cstring) IS
'input of classifier';
COMMENT ON FUNCTION tiering.classifier_out(tiering.classifier) IS
'output of classifier';
COMMENT ON FUNCTION tiering.classifier_recv(internal) IS
'binary input of classifier';
COMMENT ON FUNCTION tiering.classifier_send(tiering.classifier) IS
'binary output of classifier';

CREATE TYPE tiering.classifier (
	INPUT = tiering.classifier_in,
	OUTPUT = tiering.classifier_out,
	RECEIVE = tiering.classifier_recv,
	SEND = tiering.classifier_send,
	STORAGE = extended
);

COMMENT ON TYPE tiering.classifier IS
'a fitted model that gives the probability of a label by features';

CREATE FUNCTION tiering.classifier_accum(internal, boolean, double precision[])
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_classifier_accum';

CREATE FUNCTION tiering.classifier_accum(internal, boolean, double precision[], jsonb)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_classifier_accum';

CREATE FUNCTION tiering.logistic_final(internal)
RETURNS tiering.classifier
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_logistic_final';

COMMENT ON FUNCTION tiering.classifier_accum(internal, boolean, double precision[]) IS
'transition function of aggregates that fit classifiers';
COMMENT ON FUNCTION tiering.classifier_accum(internal, boolean, double precision[], jsonb) IS
'transition function of aggregates that fit classifiers, with options';
COMMENT ON FUNCTION tiering.logistic_final(internal) IS
'final function of logistic_fit()';

CREATE AGGREGATE tiering.logistic_fit(label boolean, features double precision[]) (
	SFUNC = tiering.classifier_accum,
	STYPE = internal,
	SSPACE = 65536,
	FINALFUNC = tiering.logistic_final,
	PARALLEL = SAFE
);

CREATE AGGREGATE tiering.logistic_fit(label boolean, features double precision[], options jsonb) (
	SFUNC = tiering.classifier_accum,
	STYPE = internal,
	SSPACE = 65536,
	FINALFUNC = tiering.logistic_final,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.logistic_fit(boolean, double precision[]) IS
'logistic regression of a label on features, by maximum likelihood';
COMMENT ON AGGREGATE tiering.logistic_fit(boolean, double precision[], jsonb) IS
'the same with options: l2, names, transform';

CREATE FUNCTION tiering.boost_final(internal)
RETURNS tiering.classifier
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_boost_final';

COMMENT ON FUNCTION tiering.boost_final(internal) IS
'final function of boost_fit()';

CREATE AGGREGATE tiering.boost_fit(label boolean, features double precision[]) (
	SFUNC = tiering.classifier_accum,
	STYPE = internal,
	SSPACE = 65536,
	FINALFUNC = tiering.boost_final,
	PARALLEL = SAFE
);

CREATE AGGREGATE tiering.boost_fit(label boolean, features double precision[], options jsonb) (
	SFUNC = tiering.classifier_accum,
	STYPE = internal,
	SSPACE = 65536,
	FINALFUNC = tiering.boost_final,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.boost_fit(boolean, double precision[]) IS
'boosted trees of a label on features';
COMMENT ON AGGREGATE tiering.boost_fit(boolean, double precision[], jsonb) IS
'the same with options: rounds, depth, learning_rate, l2, min_child_weight, subsample, colsample, bins, seed, names';

CREATE FUNCTION tiering.boosting_is_installed()
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_boosting_is_installed';

COMMENT ON FUNCTION tiering.boosting_is_installed() IS
'can boost_fit() be used here?';

CREATE FUNCTION tiering.predict(classifier tiering.classifier, features double precision[])
RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_classifier_predict';

COMMENT ON FUNCTION tiering.predict(tiering.classifier, double precision[]) IS
'probability of the label';

CREATE FUNCTION tiering.explain(classifier tiering.classifier, features double precision[])
RETURNS TABLE (feature integer, name text, value double precision, contribution double precision)
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_classifier_explain';

COMMENT ON FUNCTION tiering.explain(tiering.classifier, double precision[]) IS
'what each feature adds to the log odds; feature 0 is what they are without any, and all add up to the log odds';

CREATE FUNCTION tiering.reasons(classifier tiering.classifier, features double precision[], most integer DEFAULT 3)
RETURNS text[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_reasons';

COMMENT ON FUNCTION tiering.reasons(tiering.classifier, double precision[], integer) IS
'features that raise the probability most, in words, the strongest first';

CREATE FUNCTION tiering.feature_importance(classifier tiering.classifier)
RETURNS TABLE (feature integer, name text, importance double precision)
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_feature_importance';

COMMENT ON FUNCTION tiering.feature_importance(tiering.classifier) IS
'how much of what moves the log odds is each feature''s; the sum is 1';

CREATE FUNCTION tiering.coefficients(classifier tiering.classifier)
RETURNS TABLE (term text, estimate double precision, std_error double precision, z double precision, p double precision,
	lower double precision, upper double precision, note text)
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_coefficients';

COMMENT ON FUNCTION tiering.coefficients(tiering.classifier) IS
'terms of a logistic regression in the units of the features, with intervals of 95 %';

CREATE FUNCTION tiering.classifier_summary(classifier tiering.classifier,
	OUT kind text, OUT status text, OUT features integer, OUT rows bigint, OUT positives bigint, OUT l2 double precision,
	OUT log_likelihood double precision, OUT null_log_likelihood double precision, OUT iterations integer)
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_classifier_summary';

COMMENT ON FUNCTION tiering.classifier_summary(tiering.classifier) IS
'what a classifier was fitted to, and what came of it';
