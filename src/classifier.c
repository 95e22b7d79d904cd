/*-------------------------------------------------------------------------
 *
 * classifier.c
 *	  What a fitted classifier says: probabilities, reasons, coefficients.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "classifier.h"
#include "model/churn.h"

#include "compat.h"

#define LEAST_REASON	0.05	/* log odds that are worth a word */

/*
 * Reads features; NULL becomes NAN.  Returns how many there are, which must be
 * as expected unless that is 0.
 */
int
classifier_features(Datum array, int expected, double *into)
{
	ArrayType  *features = DatumGetArrayTypeP(array);
	int			count = ArrayGetNItems(ARR_NDIM(features), ARR_DIMS(features));
	Datum	   *element;
	bool	   *nulls;

	if (ARR_NDIM(features) > 1 || count < 1 || count > CLASSIFIER_FEATURES)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("features are not an array of 1 to %d numbers", CLASSIFIER_FEATURES),
				 errhint("Pass ARRAY[...] with a number for each feature.")));
	if (expected != 0 && count != expected)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%d features were passed, and there are %d", count, expected),
				 errhint("Pass the same features, in the same order, in every row and to predict().")));
	deconstruct_array(features, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &element, &nulls, &count);
	for (int f = 0; f < count; f++)
	{
		double		value = nulls[f] ? NAN : DatumGetFloat8(element[f]);

		if (!nulls[f] && !(fabs(value) <= CLASSIFIER_NUMBER))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("feature %d is %g, which is no number up to %g", f + 1, value, CLASSIFIER_NUMBER),
					 errhint("Pass NULL for what is not known.")));
		into[f] = value + 0.0;	/* makes -0 a 0 */
	}
	pfree(element);
	pfree(nulls);
	return count;
}

/* Features as the model takes them; what is missing stays so */
void
classifier_transform(const Classifier *classifier, double *feature, int64 count)
{
	for (int64 i = 0; classifier->takes_asinh && i < count; i++)
		feature[i] = asinh(feature[i]);
}

/* Its name, or its number with an x before it */
char *
classifier_feature_name(const Classifier *classifier, int feature)
{
	if (classifier->name != NULL)
		return classifier->name[feature];
	return psprintf("x%d", feature + 1);
}

PG_FUNCTION_INFO_V1(tiering_classifier_predict);
Datum
tiering_classifier_predict(PG_FUNCTION_ARGS)
{
	const Classifier *classifier = classifier_argument(fcinfo, 0);
	double		feature[CLASSIFIER_FEATURES];

	classifier_features(PG_GETARG_DATUM(1), classifier->features, feature);
	if (!classifier->method->is_fitted(classifier))
		PG_RETURN_NULL();
	classifier_transform(classifier, feature, classifier->features);
	PG_RETURN_FLOAT8(1 / (1 + exp(-classifier->method->log_odds(classifier, feature))));
}

static void
put_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* What features add to the log odds, and what those are without them */
static double
find_contributions(const Classifier *classifier, const double *feature,
				   double *given)
{
	double		taken[CLASSIFIER_FEATURES];

	memcpy(taken, feature, classifier->features * sizeof(double));
	classifier_transform(classifier, taken, classifier->features);
	return classifier->method->contributions(classifier, taken, given);
}

/* explain(classifier, features): what each feature adds to the log odds */
PG_FUNCTION_INFO_V1(tiering_classifier_explain);
Datum
tiering_classifier_explain(PG_FUNCTION_ARGS)
{
	const Classifier *classifier = classifier_argument(fcinfo, 0);
	double		feature[CLASSIFIER_FEATURES];
	double		given[CLASSIFIER_FEATURES];
	double		base;

	classifier_features(PG_GETARG_DATUM(1), classifier->features, feature);
	InitMaterializedSRF(fcinfo, 0);
	if (!classifier->method->is_fitted(classifier))
		PG_RETURN_NULL();
	base = find_contributions(classifier, feature, given);
	for (int f = -1; f < classifier->features; f++)
	{
		Datum		values[4] = {
			Int32GetDatum(f + 1),
			CStringGetTextDatum(f < 0 ? "base" : classifier_feature_name(classifier, f)),
			Float8GetDatum(f < 0 ? 0 : feature[f]),
			Float8GetDatum(f < 0 ? base : given[f])
		};
		bool		nulls[4] = {false, false, f < 0 || isnan(feature[f]), false};

		put_row(fcinfo, values, nulls);
	}
	PG_RETURN_NULL();
}

/*
 * Adds up what features of one topic give, in the place of the one that tells of
 * it; the others give nothing.
 */
static void
gather_topics(const Classifier *classifier, double *given)
{
	int			teller[CHURN_TOPICS] = {0};
	double		sum[CHURN_TOPICS] = {0};

	for (int f = 0; f < classifier->features; f++)
	{
		int			topic = classifier->topic[f].topic;

		if (topic == 0)
			continue;
		sum[topic] += given[f];
		given[f] = 0;
		if (classifier->topic[f].words != NULL || teller[topic] == 0)
			teller[topic] = f + 1;
	}
	for (int topic = 1; topic < CHURN_TOPICS; topic++)
		if (teller[topic] > 0)
			given[teller[topic] - 1] = sum[topic];
}

/*
 * Is a feature of a history below the mean that is a reason if it is high, or the
 * other way round?  Then nobody would believe what its topic adds.
 */
static bool
points_the_other_way(const Classifier *classifier, int feature, double value)
{
	int			direction = classifier->topic[feature].direction;

	if (direction == 0)
		return false;
	classifier_transform(classifier, &value, 1);
	return direction * (value - classifier->method->usual(classifier, feature)) < 0;
}

/* A feature with its value, in words if its name is one of a history's */
static char *
reason_text(const Classifier *classifier, int f, double value)
{
	const char *words = classifier->topic[f].words;

	if (words == NULL)
		return psprintf("%s: %g", classifier_feature_name(classifier, f), value);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return psprintf(words, value);
#pragma GCC diagnostic pop
}

/* reasons(classifier, features, most): what raises the probability most, in words */
PG_FUNCTION_INFO_V1(tiering_reasons);
Datum
tiering_reasons(PG_FUNCTION_ARGS)
{
	const Classifier *classifier = classifier_argument(fcinfo, 0);
	int			most = PG_GETARG_INT32(2);
	double		feature[CLASSIFIER_FEATURES];
	double		given[CLASSIFIER_FEATURES];
	Datum		reason[CLASSIFIER_FEATURES];
	int			count = 0;

	if (most < 1 || most > CLASSIFIER_FEATURES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("most %d is not between 1 and %d", most, CLASSIFIER_FEATURES),
				 errhint("Three reasons are usual.")));
	classifier_features(PG_GETARG_DATUM(1), classifier->features, feature);
	if (!classifier->method->is_fitted(classifier))
		PG_RETURN_NULL();
	find_contributions(classifier, feature, given);
	gather_topics(classifier, given);
	/* nobody can act on what is not known */
	for (int f = 0; f < classifier->features; f++)
		if (isnan(feature[f]) || points_the_other_way(classifier, f, feature[f]))
			given[f] = 0;
	for (; count < most; count++)
	{
		int			best = 0;

		for (int f = 1; f < classifier->features; f++)
			if (given[f] > given[best])
				best = f;
		if (!(given[best] > LEAST_REASON))
			break;
		reason[count] = CStringGetTextDatum(reason_text(classifier, best, feature[best]));
		given[best] = 0;
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(reason, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* feature_importance(classifier): how much of what moves the score is whose */
PG_FUNCTION_INFO_V1(tiering_feature_importance);
Datum
tiering_feature_importance(PG_FUNCTION_ARGS)
{
	const Classifier *classifier = classifier_argument(fcinfo, 0);
	double		share[CLASSIFIER_FEATURES] = {0};
	double		sum = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (!classifier->method->is_fitted(classifier))
		PG_RETURN_NULL();
	classifier->method->importance(classifier, share);
	for (int f = 0; f < classifier->features; f++)
		sum += share[f];
	for (int f = 0; f < classifier->features; f++)
	{
		Datum		values[3] = {
			Int32GetDatum(f + 1),
			CStringGetTextDatum(classifier_feature_name(classifier, f)),
			Float8GetDatum(sum > 0 ? share[f] / sum : 0)
		};
		bool		nulls[3] = {false};

		put_row(fcinfo, values, nulls);
	}
	PG_RETURN_NULL();
}

/* classifier_summary(classifier) */
PG_FUNCTION_INFO_V1(tiering_classifier_summary);
Datum
tiering_classifier_summary(PG_FUNCTION_ARGS)
{
	const Classifier *classifier = classifier_argument(fcinfo, 0);
	ClassifierSummary summary;
	TupleDesc	row;
	Datum		values[9];
	bool		nulls[9] = {false};

	classifier->method->summarize(classifier, &summary);
	values[0] = CStringGetTextDatum(classifier->method->name);
	values[1] = CStringGetTextDatum(summary.status);
	values[2] = Int32GetDatum(classifier->features);
	values[3] = Int64GetDatum((int64) classifier->rows);
	values[4] = Int64GetDatum((int64) summary.positives);
	values[5] = Float8GetDatum(summary.l2);
	values[6] = Float8GetDatum(summary.log_likelihood);
	values[7] = Float8GetDatum(summary.null_log_likelihood);
	values[8] = Int32GetDatum(summary.iterations);
	if (get_call_result_type(fcinfo, NULL, &row) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "function %u does not return a row", fcinfo->flinfo->fn_oid);
	nulls[6] = nulls[7] = nulls[8] = !classifier->method->is_fitted(classifier);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls)));
}
