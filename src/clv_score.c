/*-------------------------------------------------------------------------
 *
 * clv_score.c
 *	  What a purchase model says of a customer.
 *
 * One function for all models: the type of the first argument tells which.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "clv_model.h"

#include "compat.h"

/* The model and the record that the first four arguments give */
static const ClvModel *
model_and_record(FunctionCallInfo fcinfo, PurchaseRecord *record)
{
	const ClvModel *model = clv_purchase_model(fcinfo, 0);

	*record = clv_record(fcinfo, 1);
	clv_check_record(model->model.kind, record);
	return model;
}

/* A number that is none would be a wrong answer in silence */
double
clv_finite(double value, const char *what)
{
	if (isnan(value) || isinf(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s cannot be represented", what),
				 errhint("The arguments are at the far end of what the model covers.")));
	return value;
}

PG_FUNCTION_INFO_V1(tiering_purchase_log_likelihood);
Datum
tiering_purchase_log_likelihood(PG_FUNCTION_ARGS)
{
	PurchaseRecord record;
	const ClvModel *model = model_and_record(fcinfo, &record);

	PG_RETURN_FLOAT8(clv_finite(purchase_log_likelihood(&model->model, &record),
						 "log-likelihood"));
}

PG_FUNCTION_INFO_V1(tiering_p_alive);
Datum
tiering_p_alive(PG_FUNCTION_ARGS)
{
	PurchaseRecord record;
	const ClvModel *model = model_and_record(fcinfo, &record);

	PG_RETURN_FLOAT8(clv_finite(purchase_p_alive(&model->model, &record), "p_alive"));
}

static void
expected_of(const PurchaseProcess *process, double t, double rate, double *value)
{
	*value = purchase_methods[process->kind]->expected(process, t);
}

PG_FUNCTION_INFO_V1(tiering_expected_purchases);
Datum
tiering_expected_purchases(PG_FUNCTION_ARGS)
{
	PurchaseRecord record;
	const ClvModel *model = model_and_record(fcinfo, &record);
	double		t = clv_horizon(fcinfo, 4, model->model.kind, false);
	PurchaseProcess process = purchase_alive(&model->model, &record);

	PG_RETURN_FLOAT8(clv_finite(purchase_p_alive(&model->model, &record) *
						 *clv_known_values(fcinfo, expected_of, &process, t, 0),
						 "number of expected purchases"));
}

PG_FUNCTION_INFO_V1(tiering_expected_purchases_new);
Datum
tiering_expected_purchases_new(PG_FUNCTION_ARGS)
{
	const ClvModel *model = clv_purchase_model(fcinfo, 0);
	double		t = clv_horizon(fcinfo, 1, model->model.kind, false);

	PG_RETURN_FLOAT8(clv_finite(purchase_expected_new(&model->model, t),
						 "number of expected purchases"));
}

/* Reads a number of purchases */
static double
purchases_argument(FunctionCallInfo fcinfo, int argument)
{
	int64		n = PG_GETARG_INT64(argument);

	if (n < 0 || n > CLV_MOST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of purchases %lld is not between 0 and %d",
						(long long) n, CLV_MOST),
				 errhint("Pass a number of repeat purchases.")));
	return (double) n;
}

PG_FUNCTION_INFO_V1(tiering_purchase_probability);
Datum
tiering_purchase_probability(PG_FUNCTION_ARGS)
{
	const ClvModel *model = clv_purchase_model(fcinfo, 0);
	double		n = purchases_argument(fcinfo, 1);
	double		t = clv_horizon(fcinfo, 2, model->model.kind, false);

	if (t == 0 || (model->model.kind == PURCHASE_BGBB && n > t))
		PG_RETURN_FLOAT8(n == 0 ? 1 : 0);
	PG_RETURN_FLOAT8(clv_finite(purchase_probability(&model->model, n, t),
								"probability"));
}

static void
none_of(const PurchaseProcess *process, double t, double rate, double *value)
{
	*value = purchase_methods[process->kind]->none(process, t);
}

PG_FUNCTION_INFO_V1(tiering_p_no_purchase);
Datum
tiering_p_no_purchase(PG_FUNCTION_ARGS)
{
	PurchaseRecord record;
	const ClvModel *model = model_and_record(fcinfo, &record);
	double		t = clv_horizon(fcinfo, 4, model->model.kind, false);
	PurchaseProcess process = purchase_alive(&model->model, &record);

	PG_RETURN_FLOAT8(clv_finite(purchase_p_none(&model->model, &record,
										 *clv_known_values(fcinfo, none_of,
														 &process, t, 0)),
						 "probability"));
}

PG_FUNCTION_INFO_V1(tiering_p_silence);
Datum
tiering_p_silence(PG_FUNCTION_ARGS)
{
	PurchaseRecord record;
	const ClvModel *model = model_and_record(fcinfo, &record);

	PG_RETURN_FLOAT8(clv_finite(purchase_p_silence(&model->model, &record), "p_silence"));
}

static void
probability_of(const PurchaseProcess *process, double t, double n, double *value)
{
	*value = purchase_methods[process->kind]->probability(process, n, t);
}

PG_FUNCTION_INFO_V1(tiering_purchase_probability_of);
Datum
tiering_purchase_probability_of(PG_FUNCTION_ARGS)
{
	PurchaseRecord record;
	const ClvModel *model = model_and_record(fcinfo, &record);
	double		n = purchases_argument(fcinfo, 4);
	double		t = clv_horizon(fcinfo, 5, model->model.kind, false);
	PurchaseProcess process = purchase_alive(&model->model, &record);
	double		chance;

	if (t == 0 || (model->model.kind == PURCHASE_BGBB && n > t))
		PG_RETURN_FLOAT8(n == 0 ? 1 : 0);
	chance = *clv_known_values(fcinfo, probability_of, &process, t, n);
	chance = n == 0 ? purchase_p_none(&model->model, &record, chance)
		: purchase_p_alive(&model->model, &record) * chance;
	PG_RETURN_FLOAT8(clv_finite(chance, "probability"));
}
