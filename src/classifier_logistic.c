/*-------------------------------------------------------------------------
 *
 * classifier_logistic.c
 *	  Logistic regression as a kind of classifier.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "classifier.h"

#include "compat.h"

#define NORMAL_95		1.959963984540054	/* 97.5 % of a normal lie below */

/* --- bytes -------------------------------------------------------------------- */

#define TERM_MISSING	1
#define TERM_ALIASED	2
#define TERM_SEPARATED	4

static void
write_logistic(StringInfo bytes, const Classifier *classifier)
{
	const LogisticFit *fit = &classifier->logistic;

	pq_sendbyte(bytes, fit->status);
	pq_sendfloat8(bytes, fit->penalty);
	pq_sendfloat8(bytes, fit->positives);
	pq_sendfloat8(bytes, fit->log_likelihood);
	pq_sendfloat8(bytes, fit->null_log_likelihood);
	pq_sendint32(bytes, fit->iterations);
	pq_sendint32(bytes, fit->terms);
	for (int t = 0; t < fit->terms; t++)
	{
		const LogisticTerm *term = &fit->term[t];

		pq_sendint32(bytes, term->feature);
		pq_sendbyte(bytes, (term->is_missing ? TERM_MISSING : 0) |
					(term->is_aliased ? TERM_ALIASED : 0) |
					(term->is_separated ? TERM_SEPARATED : 0));
		pq_sendfloat8(bytes, term->mean);
		pq_sendfloat8(bytes, term->deviation);
		pq_sendfloat8(bytes, term->coefficient);
		pq_sendfloat8(bytes, term->standard_error);
	}
}

static void
read_term(StringInfo bytes, int features, bool is_first, LogisticTerm *term)
{
	int			flags;

	term->feature = pq_getmsgint(bytes, 4);
	flags = pq_getmsgbyte(bytes);
	term->is_missing = (flags & TERM_MISSING) != 0;
	term->is_aliased = (flags & TERM_ALIASED) != 0;
	term->is_separated = (flags & TERM_SEPARATED) != 0;
	term->mean = classifier_read_up_to(bytes, CLASSIFIER_NUMBER);
	term->deviation = classifier_read_from_0(bytes);
	term->coefficient = classifier_read_up_to(bytes, CLASSIFIER_NUMBER * CLASSIFIER_NUMBER);
	term->standard_error = classifier_read_number(bytes, true);
	if (is_first ? term->feature != LOGISTIC_INTERCEPT || term->is_missing
		: term->feature < 0 || term->feature >= features)
		classifier_refuse("a term is of no feature");
	if (flags > (TERM_MISSING | TERM_ALIASED | TERM_SEPARATED) || term->standard_error < 0)
		classifier_refuse("a term is unknown");
	if (term->standard_error > 0 && !(term->standard_error <= CLASSIFIER_NUMBER * CLASSIFIER_NUMBER && isfinite(term->coefficient / term->standard_error)))
		classifier_refuse("a standard error is none");
}

static void
read_logistic(StringInfo bytes, Classifier *classifier)
{
	LogisticFit *fit = &classifier->logistic;

	fit->status = pq_getmsgbyte(bytes);
	fit->penalty = classifier_read_from_0(bytes);
	fit->positives = classifier_read_count(bytes);
	fit->log_likelihood = classifier_read_number(bytes, false);
	fit->null_log_likelihood = classifier_read_number(bytes, false);
	fit->iterations = pq_getmsgint(bytes, 4);
	fit->terms = pq_getmsgint(bytes, 4);
	if (fit->status >= LOGISTIC_STOPPED || fit->iterations < 0)
		classifier_refuse("its status is unknown");
	if (fit->terms < 0 || fit->terms > logistic_most_terms(classifier->features) ||
		(fit->terms == 0) != (fit->status == LOGISTIC_TOO_FEW))
		classifier_refuse("it has a wrong number of terms");
	fit->term = palloc(Max(fit->terms, 1) * sizeof(LogisticTerm));
	for (int t = 0; t < fit->terms; t++)
		read_term(bytes, classifier->features, t == 0, &fit->term[t]);
}

/* --- what it says ------------------------------------------------------------- */

static bool
is_fitted(const Classifier *classifier)
{
	return classifier->logistic.status != LOGISTIC_TOO_FEW;
}

static double
log_odds(const Classifier *classifier, const double *feature)
{
	return logistic_log_odds(classifier->logistic.term, classifier->logistic.terms, feature);
}

/* Beside a row of means */
static double
contributions(const Classifier *classifier, const double *feature, double *given)
{
	const LogisticFit *fit = &classifier->logistic;
	double		base = 0;

	memset(given, 0, classifier->features * sizeof(double));
	for (int t = 0; t < fit->terms; t++)
	{
		const LogisticTerm *term = &fit->term[t];
		double		x;

		base += term->coefficient * (term->feature < 0 ? 1 : term->mean);
		if (term->feature < 0)
			continue;
		x = feature[term->feature];
		x = term->is_missing ? (isnan(x) ? 1 : 0) : isnan(x) ? term->mean : x;
		given[term->feature] += term->coefficient * (x - term->mean);
	}
	return base;
}

/* The spread of the log odds that is each feature's */
static void
importance(const Classifier *classifier, double *share)
{
	const LogisticFit *fit = &classifier->logistic;

	for (int t = 1; t < fit->terms; t++)
		share[fit->term[t].feature] += fabs(fit->term[t].coefficient) * fit->term[t].deviation;
}

static double
usual(const Classifier *classifier, int feature)
{
	const LogisticFit *fit = &classifier->logistic;

	for (int t = 1; t < fit->terms; t++)
		if (fit->term[t].feature == feature && !fit->term[t].is_missing)
			return fit->term[t].mean;
	return NAN;
}

static void
summarize(const Classifier *classifier, ClassifierSummary *summary)
{
	const LogisticFit *fit = &classifier->logistic;

	*summary = (ClassifierSummary) {logistic_status_name(fit->status), fit->positives, fit->penalty,
		fit->log_likelihood, fit->null_log_likelihood, fit->iterations};
}

const ClassifierMethod logistic_method = {
	.number = 1,
	.name = "logistic",
	.write = write_logistic,
	.read = read_logistic,
	.is_fitted = is_fitted,
	.log_odds = log_odds,
	.contributions = contributions,
	.importance = importance,
	.usual = usual,
	.summarize = summarize
};

/* --- what it alone says ------------------------------------------------------- */

static char *
term_name(const Classifier *classifier, const LogisticTerm *term)
{
	if (term->feature == LOGISTIC_INTERCEPT)
		return "intercept";
	return psprintf(term->is_missing ? "%s is null" : classifier->takes_asinh ? "asinh(%s)" : "%s",
					classifier_feature_name(classifier, term->feature));
}

/* coefficients(classifier) */
PG_FUNCTION_INFO_V1(tiering_coefficients);
Datum
tiering_coefficients(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const Classifier *classifier = classifier_argument(fcinfo, 0);
	const LogisticFit *fit = &classifier->logistic;

	if (classifier->method != &logistic_method)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("classifier of kind \"%s\" has no coefficients", classifier->method->name),
				 errhint("feature_importance() and explain() tell of every kind.")));
	InitMaterializedSRF(fcinfo, 0);
	for (int t = 0; t < fit->terms; t++)
	{
		const LogisticTerm *term = &fit->term[t];
		double		error = term->standard_error;
		double		z = term->coefficient / error;
		Datum		values[8] = {
			CStringGetTextDatum(term_name(classifier, term)),
			Float8GetDatum(term->coefficient),
			Float8GetDatum(error),
			Float8GetDatum(z),
			Float8GetDatum(erfc(fabs(z) / sqrt(2.0))),
			Float8GetDatum(term->coefficient - NORMAL_95 * error),
			Float8GetDatum(term->coefficient + NORMAL_95 * error),
			CStringGetTextDatum(term->is_aliased ? "says nothing beside the others"
								: "separates the labels")
		};
		bool		nulls[8] = {false};

		nulls[1] = term->is_aliased;
		for (int i = 2; i < 7; i++)
			nulls[i] = !(error > 0);
		nulls[7] = !term->is_aliased && !term->is_separated;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}
