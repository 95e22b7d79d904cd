/*-------------------------------------------------------------------------
 *
 * churn.c
 *	  Rules and features of customers who may leave.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "history.h"
#include "history_read.h"
#include "model/churn.h"
#include "model/units.h"

#include "compat.h"

#define MOST_HORIZON	3650	/* days */
#define ROUNDING		1e-9	/* of a ratio times a gap that is a whole number */

static int32
as_of_argument(FunctionCallInfo fcinfo, int argument)
{
	DateADT		date = PG_GETARG_DATEADT(argument);

	if (DATE_NOT_FINITE(date))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of is not a finite date"),
				 errhint("Pass the last day that is to count.")));
	return history_day_of_date(date);
}

/* overdue_ratio(history, as_of): days since the last purchase over the mean gap */
PG_FUNCTION_INFO_V1(tiering_overdue_ratio);
Datum
tiering_overdue_ratio(PG_FUNCTION_ARGS)
{
	int32		as_of = as_of_argument(fcinfo, 1);
	HistoryTotals totals;

	history_totals(PG_GETARG_DATUM(0), 0, as_of, &totals);
	if (totals.purchase_days < 2)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) (as_of - totals.last) * (totals.purchase_days - 1) /
					 (totals.last - totals.first));
}

static double
positive_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	double		value = PG_GETARG_FLOAT8(argument);

	if (!(value > 0 && value <= 1e6))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s %g is not above 0 and at most 1000000", name, value),
				 errhint("A ratio of 1.5 and gaps of some weeks are usual.")));
	return value;
}

/*
 * wakeup_due(history, as_of, ratio, min_gaps, fallback_gap): the day on which the
 * present lapse became overdue; NULL while it is not.
 */
PG_FUNCTION_INFO_V1(tiering_wakeup_due);
Datum
tiering_wakeup_due(PG_FUNCTION_ARGS)
{
	int32		as_of;
	double		ratio;
	int32		min_gaps;
	HistoryTotals totals;
	double		gap;
	double		due;

	for (int i = 0; i < 4; i++)
		if (PG_ARGISNULL(i))
			PG_RETURN_NULL();
	as_of = as_of_argument(fcinfo, 1);
	ratio = positive_argument(fcinfo, 2, "ratio");
	min_gaps = PG_GETARG_INT32(3);
	if (min_gaps < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("min_gaps %d is below 1", min_gaps),
				 errhint("Three gaps are usual; a mean of fewer says little.")));
	history_totals(PG_GETARG_DATUM(0), 0, as_of, &totals);
	if (totals.purchase_days == 0)
		PG_RETURN_NULL();
	if (totals.purchase_days - 1 >= min_gaps)
		gap = (double) (totals.last - totals.first) / (totals.purchase_days - 1);
	else if (PG_ARGISNULL(4))
		PG_RETURN_NULL();
	else
		gap = positive_argument(fcinfo, 4, "fallback_gap");
	/* overdue is more than ratio times the gap */
	due = totals.last + floor(ratio * gap + ROUNDING) + 1;
	if (due > as_of)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(history_date_of_day((int32) due));
}

/* churn_features(history, as_of, horizon_days) */
PG_FUNCTION_INFO_V1(tiering_churn_features);
Datum
tiering_churn_features(PG_FUNCTION_ARGS)
{
	int32		as_of = as_of_argument(fcinfo, 1);
	int32		horizon = PG_GETARG_INT32(2);
	HistoryReader reader;
	HistoryDay	day;
	ChurnCounts counts;
	double		feature[CHURN_FEATURES];
	Datum		element[CHURN_FEATURES];
	bool		nulls[CHURN_FEATURES];
	int			dims = CHURN_FEATURES;
	int			lower = 1;

	if (horizon < 1 || horizon > MOST_HORIZON)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("horizon_days %d is not between 1 and %d", horizon, MOST_HORIZON),
				 errhint("90 days are usual.")));
	churn_begin(&counts, as_of, horizon);
	history_read(PG_GETARG_DATUM(0), &reader);
	while (history_step(&reader, &day) && day.day <= as_of)
		churn_add(&counts, &day);
	if (!churn_features(&counts, 1 / (double) units_power_of_ten(reader.scale), feature))
		PG_RETURN_NULL();
	for (int f = 0; f < CHURN_FEATURES; f++)
	{
		nulls[f] = isnan(feature[f]);
		element[f] = Float8GetDatum(feature[f]);
	}
	PG_RETURN_ARRAYTYPE_P(construct_md_array(element, nulls, 1, &dims, &lower,
											 FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

PG_FUNCTION_INFO_V1(tiering_churn_feature_names);
Datum
tiering_churn_feature_names(PG_FUNCTION_ARGS)
{
	Datum		name[CHURN_FEATURES];

	for (int f = 0; f < CHURN_FEATURES; f++)
		name[f] = CStringGetTextDatum(churn_feature_name(f));
	PG_RETURN_ARRAYTYPE_P(construct_array(name, CHURN_FEATURES, TEXTOID, -1, false, TYPALIGN_INT));
}
