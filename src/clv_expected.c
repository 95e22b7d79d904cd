/*-------------------------------------------------------------------------
 *
 * clv_expected.c
 *	  How sure an expected value is: where it would lie with the parameters
 *	  that the data do not rule out.
 *
 * It says nothing of the customer's own purchases, see clv_interval.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"

#include "clv_expected.h"
#include "model/special.h"
#include "model/uncertainty.h"

#include "compat.h"

/* Expected and discounted purchases of one who is a customer, and slopes */
static void
prospects(const PurchaseProcess *process, double t, double rate, double *value)
{
	const PurchaseMethods *methods = purchase_methods[process->kind];

	value[0] = methods->expected(process, t);
	value[1] = rate == 0 ? value[0] : methods->discounted(process, t, rate);
	discounted_slopes(process, t, rate, value + 2);
}

/* What is expected of a customer until the horizon */
Prospect
clv_prospect(FunctionCallInfo fcinfo, const ClvModel *model,
			 const PurchaseRecord *record, double t, double rate)
{
	PurchaseProcess process = purchase_alive(&model->model, record);
	const double *value = clv_known_values(fcinfo, prospects, &process, t, rate);
	double		slope[FIT_MAX];
	Prospect	prospect = {.p_alive = purchase_p_alive(&model->model, record)};

	prospect.purchases = clv_finite(prospect.p_alive * value[0],
									"number of expected purchases");
	prospect.discounted = clv_finite(prospect.p_alive * value[1],
									 "number of discounted purchases");
	if (model->has_covariance)
	{
		expected_slopes(&model->model, record, value + 2, slope);
		prospect.variance = variance_along(slope, model->log_covariance,
										   purchase_methods[model->model.kind]->parameters);
	}
	return prospect;
}

/* The variance of the logarithm of an expected order value */
double
clv_order_value_variance(const ClvValueModel *value, double x, double mean)
{
	double		slope[3];

	order_value_slopes(&value->model, x, mean, slope);
	return variance_along(slope, value->log_covariance, 3);
}

/* Bounds around a mean whose logarithm has this variance */
void
clv_spread(FunctionCallInfo fcinfo, double mean, double variance,
		   double outside, double bound[2])
{
	ClvCall    *call = clv_call(fcinfo);
	double		factor;

	if (call->outside != outside)
		call->deviations = normal_tail_quantile(outside / 2);
	call->outside = outside;
	factor = exp(call->deviations * sqrt(variance));

	bound[0] = mean / factor;
	bound[1] = mean * factor;
}

/* As a row; NULL where it is not known how sure the parameters are */
static Datum
spread_row(FunctionCallInfo fcinfo, double mean, double variance,
		   double outside, bool known)
{
	double		bound[2] = {0, 0};

	if (known)
		clv_spread(fcinfo, mean, variance, outside, bound);
	known = known && isfinite(bound[1]);
	return clv_pair(fcinfo, Float8GetDatum(bound[0]), Float8GetDatum(bound[1]),
					known);
}

PG_FUNCTION_INFO_V1(tiering_expected_purchases_interval);
Datum
tiering_expected_purchases_interval(PG_FUNCTION_ARGS)
{
	const ClvModel *model = clv_purchase_model(fcinfo, 0);
	PurchaseRecord record = clv_record(fcinfo, 1);
	double		t = clv_horizon(fcinfo, 4, model->model.kind, false);
	double		outside = 1 - clv_level(fcinfo, 5);
	Prospect	prospect;

	clv_check_record(model->model.kind, &record);
	prospect = clv_prospect(fcinfo, model, &record, t, 0);
	return spread_row(fcinfo, prospect.purchases, prospect.variance, outside,
					  model->has_covariance);
}

/*
 * expected_clv_interval(purchase_model, value_model, frequency, recency, age,
 * monetary, horizon, annual_discount_rate, gross_margin, level)
 */
PG_FUNCTION_INFO_V1(tiering_expected_clv_interval);
Datum
tiering_expected_clv_interval(PG_FUNCTION_ARGS)
{
	ClvSubject	subject;
	Prospect	prospect;
	double		outside;
	double		clv;
	double		t;

	if (clv_is_unknown(fcinfo) || PG_ARGISNULL(9))
		PG_RETURN_NULL();
	subject = clv_subject(fcinfo);
	t = clv_horizon(fcinfo, 6, subject.model->model.kind, false);
	outside = 1 - clv_level(fcinfo, 9);
	prospect = clv_prospect(fcinfo, subject.model, &subject.record, t,
							clv_discount_rate(fcinfo, 7, subject.model));
	clv = prospect.discounted * clv_margin(fcinfo, 8) *
		clv_order_value(subject.value, PG_GETARG_INT64(2), subject.mean);
	return spread_row(fcinfo, clv, prospect.variance +
					  clv_order_value_variance(subject.value, subject.record.x,
											   subject.mean), outside,
					  subject.model->has_covariance &&
					  subject.value->has_covariance);
}
