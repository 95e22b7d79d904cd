/*-------------------------------------------------------------------------
 *
 * logistic.c
 *	  The aggregate that fits a logistic regression.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "aggregate.h"
#include "classifier_fit.h"

#include "compat.h"

PG_FUNCTION_INFO_V1(tiering_logistic_final);
Datum
tiering_logistic_final(PG_FUNCTION_ARGS)
{
	Classifier	classifier = {.method = &logistic_method};
	LogisticFit *fit = &classifier.logistic;
	const FitOption options[] = {
		{"l2", &fit->penalty, 0, 1e9, false, "0, the default, penalizes nothing; 1 is a usual first try."}
	};
	GatheredRows *rows = fit_begin(fcinfo, &classifier, options, lengthof(options));
	LogisticData data;

	if (rows == NULL)
		PG_RETURN_NULL();
	data = (LogisticData) {rows->value, rows->count, classifier.features};
	fit->term = palloc(logistic_most_terms(data.features) * sizeof(LogisticTerm));
	fit->scratch = palloc_extended(logistic_scratch(data.features) * sizeof(double), MCXT_ALLOC_HUGE);
	do
	{
		CHECK_FOR_INTERRUPTS();
		logistic_fit(&data, fit, interrupts_are_pending);
	} while (fit->status == LOGISTIC_STOPPED);
	return classifier_make(&classifier);
}
