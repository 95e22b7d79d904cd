/*-------------------------------------------------------------------------
 *
 * clv_scores.c
 *	  All that two models say of a customer, at once.
 *
 * A refresh asks for everything of everybody: what is shared is worked out
 * once, and a history needs no record of its own between.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"

#include "clv_expected.h"
#include "row_type.h"

#include "compat.h"

/* Columns of the result, after the four of the record */
enum
{
	P_ALIVE = 4, EXPECTED_PURCHASES, EXPECTED_ORDER_VALUE, CLV, CLV_LOWER,
	CLV_UPPER, EXPECTED_CLV_LOWER, EXPECTED_CLV_UPPER, FIELDS
};

/* The columns about money, of a customer whose purchases have a value */
static void
score_values(FunctionCallInfo fcinfo, int argument, const ClvModel *model,
			 const ClvRecord *record, const Prospect *prospect, Datum *values,
			 bool *nulls)
{
	const ClvValueModel *value = clv_value_model(fcinfo, 1);
	double		x = record->purchases.x;
	double		mean = x > 0 ? record->mean : 0;
	double		margin = clv_margin(fcinfo, argument + 2);
	double		order_value;
	double		clv;
	double		outside;
	double		bound[2];

	clv_check_value((int64) x, mean);
	order_value = clv_order_value(value, (int64) x, mean);
	clv = margin * order_value * prospect->discounted;
	clv_put_number(values, nulls, EXPECTED_ORDER_VALUE, order_value, true);
	clv_put_number(values, nulls, CLV, clv, true);
	if (PG_ARGISNULL(argument + 3))
		return;
	outside = 1 - clv_level(fcinfo, argument + 3);
	clv_spend_interval(fcinfo, model, &value->model, &record->purchases, mean,
					   PG_GETARG_FLOAT8(argument), outside, bound);
	/* discounted as the mean is */
	if (prospect->purchases > 0)
		margin *= prospect->discounted / prospect->purchases;
	clv_put_number(values, nulls, CLV_LOWER, margin * bound[0], true);
	clv_put_number(values, nulls, CLV_UPPER, margin * bound[1], true);
	if (!model->has_covariance || !value->has_covariance)
		return;
	clv_spread(fcinfo, clv, prospect->variance +
			   clv_order_value_variance(value, x, mean), outside, bound);
	clv_put_number(values, nulls, EXPECTED_CLV_LOWER, bound[0], true);
	clv_put_number(values, nulls, EXPECTED_CLV_UPPER, bound[1], true);
}

/*
 * The scores of a record.  From an argument on: horizon, annual_discount_rate,
 * gross_margin, level.
 */
static Datum
scores(FunctionCallInfo fcinfo, int argument, const ClvModel *model,
	   const ClvRecord *record)
{
	Datum		values[FIELDS];
	bool		nulls[FIELDS];
	TupleDesc	desc = row_type_kept(fcinfo, &clv_call(fcinfo)->row_type);

	memset(nulls, true, sizeof(nulls));
	clv_put_record(values, nulls, record);
	if (model != NULL)
	{
		PurchaseKind kind = model->model.kind;
		Prospect	prospect;

		clv_check_record(kind, &record->purchases);
		prospect = clv_prospect(fcinfo, model, &record->purchases,
								clv_horizon(fcinfo, argument, kind, false),
								clv_discount_rate(fcinfo, argument + 1, model));
		clv_put_number(values, nulls, P_ALIVE, prospect.p_alive, true);
		clv_put_number(values, nulls, EXPECTED_PURCHASES, prospect.purchases,
					   true);
		/* purchases worth nothing have no value that a model covers */
		if (!PG_ARGISNULL(1) && (record->purchases.x == 0 ||
								 (record->has_mean && record->mean != 0)))
			score_values(fcinfo, argument, model, record, &prospect, values,
						 nulls);
	}
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

/* Is one of these arguments NULL? */
static bool
any_null(FunctionCallInfo fcinfo, int from, int to)
{
	for (int i = from; i <= to; i++)
		if (PG_ARGISNULL(i))
			return true;
	return false;
}

/*
 * clv_scores(purchase_model, value_model, frequency, recency, age, monetary,
 * horizon, annual_discount_rate, gross_margin, level)
 */
PG_FUNCTION_INFO_V1(tiering_clv_scores);
Datum
tiering_clv_scores(PG_FUNCTION_ARGS)
{
	const ClvModel *model;
	ClvRecord	record;

	if (PG_ARGISNULL(0) || any_null(fcinfo, 2, 4) || any_null(fcinfo, 6, 8))
		PG_RETURN_NULL();
	model = clv_purchase_model(fcinfo, 0);
	record.purchases = clv_record(fcinfo, 2);
	clv_check_record(model->model.kind, &record.purchases);
	record.has_mean = !PG_ARGISNULL(5);
	record.mean = record.has_mean ? PG_GETARG_FLOAT8(5) : 0;
	if (record.mean != 0)
		clv_check_value((int64) record.purchases.x, record.mean);
	return scores(fcinfo, 6, model, &record);
}

/*
 * clv_scores(purchase_model, value_model, history, as_of, horizon,
 * annual_discount_rate, gross_margin, level)
 */
PG_FUNCTION_INFO_V1(tiering_clv_scores_of_history);
Datum
tiering_clv_scores_of_history(PG_FUNCTION_ARGS)
{
	const ClvModel *model;
	ClvRecord	record;

	if (PG_ARGISNULL(0) || any_null(fcinfo, 2, 6))
		PG_RETURN_NULL();
	model = clv_purchase_model(fcinfo, 0);
	if (!clv_summarize(PG_GETARG_DATUM(2), PG_GETARG_DATEADT(3),
					   clv_model_unit(model), &record))
		PG_RETURN_NULL();
	return scores(fcinfo, 4, model, &record);
}

/* clv_scores(history, as_of): the record, in weeks, and no scores */
PG_FUNCTION_INFO_V1(tiering_clv_no_scores);
Datum
tiering_clv_no_scores(PG_FUNCTION_ARGS)
{
	ClvRecord	record;

	if (!clv_summarize(PG_GETARG_DATUM(0), PG_GETARG_DATEADT(1),
					   time_unit_named("week"), &record))
		PG_RETURN_NULL();
	return scores(fcinfo, 2, NULL, &record);
}
