/*-------------------------------------------------------------------------
 *
 * clv_value.c
 *	  What purchases are worth: Gamma-Gamma, and a customer's value.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"

#include "clv_model.h"

#include "compat.h"

/*
 * Refuses what cannot be a customer's purchases and their mean value.  Without
 * purchases there is no mean, whatever stands in its place.
 */
void
clv_check_value(int64 x, double mean)
{
	if (x < 0 || x > CLV_MOST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("frequency %lld is not between 0 and %d", (long long) x, CLV_MOST),
				 errhint("Pass the number of repeat purchase days.")));
	if (x > 0 && !(mean > 0 && mean <= 1e15))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("monetary %g is not between 0 and 1e15", mean),
				 errhint("Pass the mean value of the repeat purchase days.")));
}

/* Mean value of a customer's purchases to come; refused where it is infinite */
double
clv_order_value(const ClvValueModel *value, int64 x, double mean)
{
	const GammaGamma *model = &value->model;

	if (model->p * x + model->q <= 1)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("expected order value of a customer with %lld purchases is infinite: p x + q = %g is not above 1",
						(long long) x, model->p * x + model->q),
				 errhint("Values are so unequal that they have no mean under this model; take a median, or leave the largest out of the fit.")));
	return gamma_gamma_order_value(model, x, x > 0 ? mean : 0);
}

PG_FUNCTION_INFO_V1(tiering_gamma_gamma_log_likelihood);
Datum
tiering_gamma_gamma_log_likelihood(PG_FUNCTION_ARGS)
{
	const ClvValueModel *model = clv_value_model(fcinfo, 0);
	int64		x = PG_GETARG_INT64(1);
	double		mean = PG_GETARG_FLOAT8(2);

	if (x != 0 && mean == 0)
		PG_RETURN_NULL();		/* no model covers purchases worth nothing */
	clv_check_value(x, mean);
	PG_RETURN_FLOAT8(x == 0 ? 0 : gamma_gamma_log_likelihood(&model->model, x, mean));
}

/* Not strict: one who has not bought again has no mean value, but a future */
PG_FUNCTION_INFO_V1(tiering_expected_order_value);
Datum
tiering_expected_order_value(PG_FUNCTION_ARGS)
{
	const ClvValueModel *model;
	int64		x;
	double		mean;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) ||
		(PG_ARGISNULL(2) && PG_GETARG_INT64(1) != 0))
		PG_RETURN_NULL();
	model = clv_value_model(fcinfo, 0);
	x = PG_GETARG_INT64(1);
	mean = PG_ARGISNULL(2) ? 0 : PG_GETARG_FLOAT8(2);
	if (x != 0 && mean == 0)
		PG_RETURN_NULL();		/* no model covers purchases worth nothing */
	clv_check_value(x, mean);
	PG_RETURN_FLOAT8(clv_order_value(model, x, mean));
}

/* The unit of a model's times */
const TimeUnit *
clv_model_unit(const ClvModel *model)
{
	if (model->unit == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model has no time unit"),
				 errhint("Histories and a yearly rate need one: make the model with time_unit.")));
	return model->unit;
}

/* The continuous rate for a unit of time, from that for a year */
double
clv_discount_rate(FunctionCallInfo fcinfo, int argument, const ClvModel *model)
{
	double		annual = PG_GETARG_FLOAT8(argument);

	if (!(annual >= 0 && annual <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("annual_discount_rate %g is not between 0 and 1",
						annual),
				 errhint("0.15 is 15 percent a year.")));
	return log1p(annual) / clv_model_unit(model)->in_year;
}

static void
discounted_of(const PurchaseProcess *process, double t, double rate,
			  double *value)
{
	*value = purchase_methods[process->kind]->discounted(process, t, rate);
}

/* Discounted purchases of the record that begins at an argument */
static double
discounted_purchases(FunctionCallInfo fcinfo, int first, const ClvModel *model,
					 double horizon, double rate)
{
	PurchaseRecord record = clv_record(fcinfo, first);
	PurchaseProcess process;
	double		result;

	clv_check_record(model->model.kind, &record);
	process = purchase_alive(&model->model, &record);
	if (isinf(horizon) && rate == 0 &&
		!purchase_methods[process.kind]->is_finite(&process))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("purchases without end and without discount have no mean under this model"),
				 errhint("Pass an annual_discount_rate above 0, or a horizon.")));
	result = purchase_p_alive(&model->model, &record) *
		*clv_known_values(fcinfo, discounted_of, &process, horizon, rate);
	return clv_finite(result, "number of discounted purchases");
}

PG_FUNCTION_INFO_V1(tiering_discounted_purchases);
Datum
tiering_discounted_purchases(PG_FUNCTION_ARGS)
{
	const ClvModel *model = clv_purchase_model(fcinfo, 0);
	double		horizon = clv_horizon(fcinfo, 4, model->model.kind, true);
	double		rate = clv_discount_rate(fcinfo, 5, model);

	PG_RETURN_FLOAT8(discounted_purchases(fcinfo, 1, model, horizon, rate));
}

double
clv_margin(FunctionCallInfo fcinfo, int argument)
{
	double		margin = PG_GETARG_FLOAT8(argument);

	if (!(margin > 0 && margin <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("gross_margin %g is not above 0 and up to 1", margin),
				 errhint("0.3 is 30 percent of the value of a purchase.")));
	return margin;
}

/* Refuses a record in another unit of time than the model's */
static void
check_unit(FunctionCallInfo fcinfo, int argument, const ClvModel *model)
{
	const TimeUnit *unit;

	if (PG_ARGISNULL(argument))
		return;
	unit = time_unit_named(text_to_cstring(PG_GETARG_TEXT_PP(argument)));
	if (unit != model->unit)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time unit \"%s\" is not the model's, \"%s\"",
						unit->name,
						model->unit == NULL ? "none" : model->unit->name),
				 errhint("Summarize the histories in the model's unit.")));
}

/* purchase_model, value_model, frequency, recency, age, monetary */
ClvSubject
clv_subject(FunctionCallInfo fcinfo)
{
	ClvSubject	subject = {
		.model = clv_purchase_model(fcinfo, 0),
		.value = clv_value_model(fcinfo, 1),
		.record = clv_record(fcinfo, 2)
	};

	clv_check_record(subject.model->model.kind, &subject.record);
	if (subject.record.x > 0)
		subject.mean = PG_GETARG_FLOAT8(5);
	clv_check_value(PG_GETARG_INT64(2), subject.mean);
	return subject;
}

/*
 * discounted_clv(purchase_model, value_model, frequency, recency, age,
 * monetary, horizon, annual_discount_rate, gross_margin, time_unit)
 */
PG_FUNCTION_INFO_V1(tiering_discounted_clv);
Datum
tiering_discounted_clv(PG_FUNCTION_ARGS)
{
	const ClvModel *model;
	const ClvValueModel *value;
	double		horizon;
	double		mean;
	double		rate;

	if (clv_is_unknown(fcinfo))
		PG_RETURN_NULL();
	model = clv_purchase_model(fcinfo, 0);
	value = clv_value_model(fcinfo, 1);
	check_unit(fcinfo, 9, model);
	horizon = clv_horizon(fcinfo, 6, model->model.kind, true);
	rate = clv_discount_rate(fcinfo, 7, model);
	mean = PG_ARGISNULL(5) ? 0 : PG_GETARG_FLOAT8(5);
	clv_check_value(PG_GETARG_INT64(2), mean);
	PG_RETURN_FLOAT8(clv_margin(fcinfo, 8) *
					 clv_order_value(value, PG_GETARG_INT64(2), mean) *
					 discounted_purchases(fcinfo, 2, model, horizon, rate));
}
