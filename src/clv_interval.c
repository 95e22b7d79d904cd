/*-------------------------------------------------------------------------
 *
 * clv_interval.c
 *	  Where a customer's own purchases and their value will lie.
 *
 * Not how sure the parameters are, but how different customers of the same
 * record are: rate, time of leaving, purchases and their values all vary.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "clv_model.h"

#include "compat.h"

#define NEGLIGIBLE		1e-10	/* chance of still more purchases */
#define HIGHEST_LEVEL	0.999999999	/* what lies outside is not negligible */

/* Chances of 0, 1, 2, ... purchases until the horizon */
typedef struct Outlook
{
	double	   *chance;
	int			count;
} Outlook;

/* The chances, up to where the rest is negligible */
static Outlook
make_outlook(const ClvModel *model, const PurchaseRecord *record, double t)
{
	const PurchaseMethods *methods = purchase_methods[model->model.kind];
	PurchaseProcess process = purchase_alive(&model->model, record);
	double		alive = purchase_p_alive(&model->model, record);
	int			room = 64;
	Outlook		outlook = {palloc(room * sizeof(double)), 1};
	double		rest = 1;

	outlook.chance[0] = t == 0 ? 1
		: purchase_p_none(&model->model, record, methods->none(&process, t));
	rest -= outlook.chance[0];
	while (rest > NEGLIGIBLE && t > 0 &&
		   (model->model.kind != PURCHASE_BGBB || outlook.count <= t))
	{
		CHECK_FOR_INTERRUPTS();
		if (outlook.count == CLV_MOST)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("more than %d purchases until the horizon are not unlikely enough",
							CLV_MOST),
					 errhint("Pass a shorter horizon.")));
		if (outlook.count == room)
		{
			room *= 2;
			outlook.chance = repalloc(outlook.chance, room * sizeof(double));
		}
		outlook.chance[outlook.count] = alive *
			methods->probability(&process, outlook.count, t);
		rest -= outlook.chance[outlook.count++];
	}
	return outlook;
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

static double
check_level(double level)
{
	if (!(level > 0 && level <= HIGHEST_LEVEL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("level %.15g is not above 0 and up to %.15g", level,
						HIGHEST_LEVEL),
				 errhint("0.95 holds 95 of 100 customers.")));
	return level;
}

static Datum
make_pair(FunctionCallInfo fcinfo, Datum lower, Datum upper)
{
	TupleDesc	desc;
	Datum		values[2] = {lower, upper};
	bool		nulls[2] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "an interval is a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

PG_FUNCTION_INFO_V1(tiering_purchases_interval);
Datum
tiering_purchases_interval(PG_FUNCTION_ARGS)
{
	const ClvModel *model = clv_purchase_model(fcinfo, 0);
	PurchaseRecord record = clv_record(fcinfo, 1);
	double		t = clv_horizon(fcinfo, 4, model->model.kind, false);
	double		outside = 1 - check_level(PG_GETARG_FLOAT8(5));
	Outlook		outlook;

	clv_check_record(model->model.kind, &record);
	outlook = make_outlook(model, &record, t);
	return make_pair(fcinfo,
					 Int32GetDatum(count_quantile(&outlook, outside / 2)),
					 Int32GetDatum(count_quantile(&outlook, 1 - outside / 2)));
}

/* Chance that the purchases until the horizon are worth spend or less */
static double
spend_below(const Outlook *outlook, const GammaGamma *value, double x,
			double mean, double spend)
{
	double		sum = outlook->chance[0];

	for (int n = 1; n < outlook->count; n++)
		sum += outlook->chance[n] *
			gamma_gamma_spend_below(value, x, mean, n, spend);
	return sum;
}

/* The spend that is not exceeded with this chance, to twelve digits */
static double
spend_quantile(const Outlook *outlook, const GammaGamma *value, double x,
			   double mean, double chance)
{
	double		low = 0;
	double		high = value->v + mean;

	if (outlook->chance[0] >= chance)
		return 0;
	while (spend_below(outlook, value, x, mean, high) < chance && high < 1e300)
	{
		CHECK_FOR_INTERRUPTS();
		low = high;
		high *= 2;
	}
	for (int i = 0; i < 200 && high - low > 1e-12 * high; i++)
	{
		double		middle = low > 0 && high > 4 * low ? sqrt(low * high)
			: (low + high) / 2;

		CHECK_FOR_INTERRUPTS();
		if (spend_below(outlook, value, x, mean, middle) < chance)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/*
 * clv_interval(purchase_model, value_model, frequency, recency, age, monetary,
 * horizon, level, gross_margin)
 */
PG_FUNCTION_INFO_V1(tiering_clv_interval);
Datum
tiering_clv_interval(PG_FUNCTION_ARGS)
{
	const ClvModel *model;
	const GammaGamma *value;
	PurchaseRecord record;
	Outlook		outlook;
	double		outside;
	double		margin;
	double		mean;
	double		t;

	if (clv_is_unknown(fcinfo))
		PG_RETURN_NULL();
	model = clv_purchase_model(fcinfo, 0);
	value = clv_value_model(fcinfo, 1);
	record = clv_record(fcinfo, 2);
	clv_check_record(model->model.kind, &record);
	mean = record.x > 0 ? PG_GETARG_FLOAT8(5) : 0;
	clv_check_value(PG_GETARG_INT32(2), mean);
	t = clv_horizon(fcinfo, 6, model->model.kind, false);
	outside = 1 - check_level(PG_GETARG_FLOAT8(7));
	margin = clv_margin(fcinfo, 8);
	outlook = make_outlook(model, &record, t);
	return make_pair(fcinfo,
					 Float8GetDatum(margin * spend_quantile(&outlook, value, record.x,
															mean, outside / 2)),
					 Float8GetDatum(margin * spend_quantile(&outlook, value, record.x,
															mean, 1 - outside / 2)));
}
