/*-------------------------------------------------------------------------
 *
 * clv_interval.c
 *	  Where a customer's own purchases and their value will lie.
 *
 * Not how sure the parameters are (clv_expected.c tells that), but how
 * different customers of the same record are: rate, time of leaving, purchases
 * and their values all vary.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"

#include "clv_outlook.h"
#include "row_type.h"

#include "compat.h"

#define HIGHEST_LEVEL	0.999999999	/* what lies outside is not negligible */

/* Reads the share of customers that an interval is to hold */
double
clv_level(FunctionCallInfo fcinfo, int argument)
{
	double		level = PG_GETARG_FLOAT8(argument);

	if (!(level > 0 && level <= HIGHEST_LEVEL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("level %.15g is not above 0 and up to %.15g", level,
						HIGHEST_LEVEL),
				 errhint("0.95 holds 95 of 100 customers.")));
	return level;
}

/* An interval as a row */
Datum
clv_pair(FunctionCallInfo fcinfo, Datum lower, Datum upper, bool known)
{
	TupleDesc	desc = row_type_kept(fcinfo, &clv_call(fcinfo)->row_type);
	Datum		values[2] = {lower, upper};
	bool		nulls[2] = {!known, !known};

	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

/* The smallest number that is not exceeded with at least this chance */
static int
count_quantile(const Outlook *outlook, double chance)
{
	double		sum = 0;

	for (int n = 0; n < outlook->count; n++)
	{
		sum += outlook->chance[n];
		if (sum >= chance)
			return n;
	}
	return outlook->count - 1;
}

PG_FUNCTION_INFO_V1(tiering_purchases_interval);
Datum
tiering_purchases_interval(PG_FUNCTION_ARGS)
{
	const ClvModel *model = clv_purchase_model(fcinfo, 0);
	PurchaseRecord record = clv_record(fcinfo, 1);
	double		t = clv_horizon(fcinfo, 4, model->model.kind, false);
	double		outside = 1 - clv_level(fcinfo, 5);
	Outlook		outlook;
	int			lower;
	int			upper;

	clv_check_record(model->model.kind, &record);
	outlook = clv_outlook(model, &record, t, outside);
	lower = count_quantile(&outlook, outside / 2);
	upper = count_quantile(&outlook, 1 - outside / 2);
	pfree(outlook.chance);
	return clv_pair(fcinfo, Int32GetDatum(lower), Int32GetDatum(upper), true);
}

/*
 * clv_interval(purchase_model, value_model, frequency, recency, age, monetary,
 * horizon, level, gross_margin)
 */
PG_FUNCTION_INFO_V1(tiering_clv_interval);
Datum
tiering_clv_interval(PG_FUNCTION_ARGS)
{
	ClvSubject	subject;
	double		bound[2];
	double		outside;
	double		margin;
	double		t;

	if (clv_is_unknown(fcinfo))
		PG_RETURN_NULL();
	subject = clv_subject(fcinfo);
	t = clv_horizon(fcinfo, 6, subject.model->model.kind, false);
	outside = 1 - clv_level(fcinfo, 7);
	margin = clv_margin(fcinfo, 8);
	clv_spend_interval(fcinfo, subject.model, &subject.value->model,
					   &subject.record, subject.mean, t, outside, bound);
	return clv_pair(fcinfo, Float8GetDatum(margin * bound[0]),
					Float8GetDatum(margin * bound[1]), true);
}
