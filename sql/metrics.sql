
/*
 * metrics: how well scores foretell labels
 */

CREATE TYPE tiering.confusion_table AS (true_positives bigint, false_positives bigint, true_negatives bigint, false_negatives bigint,
	accuracy double precision, "precision" double precision, recall double precision, specificity double precision, f1 double precision);
COMMENT ON TYPE tiering.confusion_table IS 'labels beside what a threshold foretold';
COMMENT ON COLUMN tiering.confusion_table.true_positives IS 'foretold, and came true';
COMMENT ON COLUMN tiering.confusion_table.false_positives IS 'foretold, and did not';
COMMENT ON COLUMN tiering.confusion_table.true_negatives IS 'not foretold, and did not';
COMMENT ON COLUMN tiering.confusion_table.false_negatives IS 'not foretold, and came true';
COMMENT ON COLUMN tiering.confusion_table.accuracy IS 'share that was right';
COMMENT ON COLUMN tiering.confusion_table."precision" IS 'of those foretold, share that came true; NULL: none was';
COMMENT ON COLUMN tiering.confusion_table.recall IS 'of those that came true, share that was foretold; NULL: none did';
COMMENT ON COLUMN tiering.confusion_table.specificity IS 'of those that did not come true, share that was not foretold';
COMMENT ON COLUMN tiering.confusion_table.f1 IS 'harmonic mean of precision and recall';

CREATE TYPE tiering.calibration_line AS (slope double precision, intercept double precision);
COMMENT ON TYPE tiering.calibration_line IS 'the line through the log odds of probabilities that fits the labels best';
COMMENT ON COLUMN tiering.calibration_line.slope IS '1 if right; below 1: the probabilities are too extreme';
COMMENT ON COLUMN tiering.calibration_line.intercept IS '0 if right, given slope 1; below 0: they are too high';

CREATE FUNCTION tiering.metrics_accum(internal, boolean, double precision)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_metrics_accum';

CREATE FUNCTION tiering.metrics_accum(internal, boolean, double precision, double precision)
RETURNS internal
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_metrics_accum';

COMMENT ON FUNCTION tiering.metrics_accum(internal, boolean, double precision) IS
'transition function of metrics';
COMMENT ON FUNCTION tiering.metrics_accum(internal, boolean, double precision, double precision) IS
'transition function of metrics with an argument';

CREATE FUNCTION tiering.auc_final(internal)
RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_auc_final';

COMMENT ON FUNCTION tiering.auc_final(internal) IS
'final function of auc()';

CREATE AGGREGATE tiering.auc(label boolean, score double precision) (
	SFUNC = tiering.metrics_accum,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = tiering.auc_final,
	COMBINEFUNC = tiering.rows_combine,
	SERIALFUNC = tiering.rows_serialize,
	DESERIALFUNC = tiering.rows_deserialize,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.auc(boolean, double precision) IS
'chance that a row that came true scores above one that did not, a tie counting half';

CREATE FUNCTION tiering.average_precision_final(internal)
RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_average_precision_final';

COMMENT ON FUNCTION tiering.average_precision_final(internal) IS
'final function of average_precision()';

CREATE AGGREGATE tiering.average_precision(label boolean, score double precision) (
	SFUNC = tiering.metrics_accum,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = tiering.average_precision_final,
	COMBINEFUNC = tiering.rows_combine,
	SERIALFUNC = tiering.rows_serialize,
	DESERIALFUNC = tiering.rows_deserialize,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.average_precision(boolean, double precision) IS
'mean precision over the thresholds, weighted by the gain in recall';

CREATE FUNCTION tiering.log_loss_final(internal)
RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_log_loss_final';

COMMENT ON FUNCTION tiering.log_loss_final(internal) IS
'final function of log_loss()';

CREATE AGGREGATE tiering.log_loss(label boolean, probability double precision) (
	SFUNC = tiering.metrics_accum,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = tiering.log_loss_final,
	COMBINEFUNC = tiering.rows_combine,
	SERIALFUNC = tiering.rows_serialize,
	DESERIALFUNC = tiering.rows_deserialize,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.log_loss(boolean, double precision) IS
'mean of -log of the probability that was given to what happened';

CREATE FUNCTION tiering.brier_final(internal)
RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_brier_final';

COMMENT ON FUNCTION tiering.brier_final(internal) IS
'final function of brier()';

CREATE AGGREGATE tiering.brier(label boolean, probability double precision) (
	SFUNC = tiering.metrics_accum,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = tiering.brier_final,
	COMBINEFUNC = tiering.rows_combine,
	SERIALFUNC = tiering.rows_serialize,
	DESERIALFUNC = tiering.rows_deserialize,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.brier(boolean, double precision) IS
'mean squared distance of probabilities from what happened';

CREATE FUNCTION tiering.lift_at_final(internal)
RETURNS double precision
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_lift_at_final';

COMMENT ON FUNCTION tiering.lift_at_final(internal) IS
'final function of lift_at()';

CREATE AGGREGATE tiering.lift_at(label boolean, score double precision, fraction double precision) (
	SFUNC = tiering.metrics_accum,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = tiering.lift_at_final,
	COMBINEFUNC = tiering.rows_combine,
	SERIALFUNC = tiering.rows_serialize,
	DESERIALFUNC = tiering.rows_deserialize,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.lift_at(boolean, double precision, double precision) IS
'share that came true among the fraction with the highest scores, over that among all';

CREATE FUNCTION tiering.confusion_final(internal)
RETURNS tiering.confusion_table
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_confusion_final';

COMMENT ON FUNCTION tiering.confusion_final(internal) IS
'final function of confusion()';

CREATE AGGREGATE tiering.confusion(label boolean, score double precision, threshold double precision) (
	SFUNC = tiering.metrics_accum,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = tiering.confusion_final,
	COMBINEFUNC = tiering.rows_combine,
	SERIALFUNC = tiering.rows_serialize,
	DESERIALFUNC = tiering.rows_deserialize,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.confusion(boolean, double precision, double precision) IS
'labels beside what scores at or above a threshold foretold';

CREATE FUNCTION tiering.calibration_line_final(internal)
RETURNS tiering.calibration_line
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_calibration_line_final';

COMMENT ON FUNCTION tiering.calibration_line_final(internal) IS
'final function of calibration_line()';

CREATE AGGREGATE tiering.calibration_line(label boolean, probability double precision) (
	SFUNC = tiering.metrics_accum,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = tiering.calibration_line_final,
	COMBINEFUNC = tiering.rows_combine,
	SERIALFUNC = tiering.rows_serialize,
	DESERIALFUNC = tiering.rows_deserialize,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.calibration_line(boolean, double precision) IS
'slope and intercept of the labels log odds over those of probabilities: 1 and 0 if they are right';

CREATE FUNCTION tiering.calibration(label boolean[], probability double precision[], bins integer DEFAULT 10)
RETURNS TABLE (bin integer, rows bigint, lowest double precision, highest double precision, mean_probability double precision,
	positive_share double precision, slope double precision, intercept double precision)
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_calibration';

COMMENT ON FUNCTION tiering.calibration(boolean[], double precision[], integer) IS
'probabilities beside what happened, in bins of about as many rows each, with the slope and intercept of calibration_line()';

CREATE FUNCTION tiering.roc(label boolean[], score double precision[])
RETURNS TABLE (threshold double precision, false_positive_rate double precision, true_positive_rate double precision)
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_roc';

COMMENT ON FUNCTION tiering.roc(boolean[], double precision[]) IS
'shares of what did not and of what did come true that score at or above each threshold, the highest threshold first';
