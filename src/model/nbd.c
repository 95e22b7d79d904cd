/*-------------------------------------------------------------------------
 *
 * nbd.c
 *	  NBD: purchases at a rate of the customer's own, and nobody leaves
 *	  (Ehrenberg 1959).  The model that the others come down to.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/negative_binomial.h"
#include "model/purchase.h"
#include "model/special.h"

static double
nbd_log_likelihood(const double *parameter, const PurchaseRecord *record)
{
	double		r = parameter[0];
	double		alpha = parameter[1];

	return log_rising(r, record->x) - r * log1p(record->T / alpha) -
		record->x * log(alpha + record->T);
}

static double
nbd_log_odds_gone(const double *parameter, const PurchaseRecord *record)
{
	(void) parameter;
	(void) record;
	return -INFINITY;
}

static PurchaseProcess
nbd_alive(const double *parameter, const PurchaseRecord *record)
{
	PurchaseProcess process = {.kind = PURCHASE_NBD};

	process.R = parameter[0] + record->x;
	process.A = parameter[1] + record->T;
	return process;
}

static double
nbd_new_customer(const double *parameter)
{
	(void) parameter;
	return 1;
}

static double
nbd_expected(const PurchaseProcess *process, double t)
{
	return process->R * (t / process->A);
}

static double
nbd_none(const PurchaseProcess *process, double t)
{
	return exp(-process->R * log1p(t / process->A));
}

static double
nbd_probability(const PurchaseProcess *process, double n, double t)
{
	return exp(negbin_log_mass(process->R, t / process->A, n));
}

static double
nbd_discounted(const PurchaseProcess *process, double t, double rate)
{
	double		rate_of_purchases = process->R / process->A;

	if (rate == 0)
		return rate_of_purchases * t;
	return rate_of_purchases * -expm1(-rate * t) / rate;
}

static bool
nbd_is_finite(const PurchaseProcess *process)
{
	(void) process;
	return false;
}

const PurchaseMethods nbd_methods = {
	.name = "nbd",
	.parameters = 2,
	.log_likelihood = nbd_log_likelihood,
	.log_odds_gone = nbd_log_odds_gone,
	.alive = nbd_alive,
	.new_customer = nbd_new_customer,
	.expected = nbd_expected,
	.none = nbd_none,
	.probability = nbd_probability,
	.discounted = nbd_discounted,
	.is_finite = nbd_is_finite,
};
