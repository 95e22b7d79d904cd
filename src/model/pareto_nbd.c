/*-------------------------------------------------------------------------
 *
 * pareto_nbd.c
 *	  Pareto/NBD (Schmittlein, Morrison and Colombo 1987): the customer leaves
 *	  at a time of his own.
 *
 * The purchase rate is gamma distributed (r, alpha), the rate of leaving too
 * (s, beta).  The published forms subtract hypergeometric functions from each
 * other; here what they stand for is integrated, which is positive everywhere.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/decline.h"
#include "model/negative_binomial.h"
#include "model/purchase.h"
#include "model/quadrature.h"
#include "model/special.h"

static double
pareto_nbd_log_odds_gone(const double *parameter, const PurchaseRecord *record)
{
	double		A = parameter[1] + record->t_x;
	double		B = parameter[3] + record->t_x;
	double		R = parameter[0] + record->x;
	double		s = parameter[2];
	double		idle = record->T - record->t_x;

	return log(s / B) + decline_log_integral(A, R, B, s + 1, idle) +
		R * log1p(idle / A) + s * log1p(idle / B);
}

static double
pareto_nbd_log_likelihood(const double *parameter, const PurchaseRecord *record)
{
	double		r = parameter[0];
	double		alpha = parameter[1];
	double		s = parameter[2];
	double		beta = parameter[3];

	if (record->x == 0)
	{
		/* one less the chance of a purchase keeps its digits near one */
		double		bought = r / alpha *
			exp(decline_log_integral(alpha, r + 1, beta, s, record->T));

		if (bought < 0.5)
			return log1p(-bought);
	}
	return log_rising(r, record->x) - record->x * log(alpha + record->T) -
		r * log1p(record->T / alpha) - s * log1p(record->T / beta) +
		log1p_exp(pareto_nbd_log_odds_gone(parameter, record));
}

static PurchaseProcess
pareto_nbd_alive(const double *parameter, const PurchaseRecord *record)
{
	PurchaseProcess process = {
		.kind = PURCHASE_PARETO_NBD,
		.R = parameter[0] + record->x,
		.A = parameter[1] + record->T,
		.c = parameter[2],
		.d = parameter[3] + record->T
	};

	return process;
}

static double
pareto_nbd_new_customer(const double *parameter)
{
	(void) parameter;
	return 1;
}

/* (1 - e^-y) / y */
static double
mean_decay(double y)
{
	return fabs(y) < 1e-300 ? 1 : -expm1(-y) / y;
}

static double
pareto_nbd_expected(const PurchaseProcess *process, double t)
{
	double		span = log1p(t / process->d);

	return process->R / process->A * process->d * span *
		mean_decay((process->c - 1) * span);
}

/* He stays for t and buys nothing, or leaves before he buys */
static double
pareto_nbd_none(const PurchaseProcess *process, double t)
{
	double		A = process->A;
	double		B = process->d;
	double		stays = exp(-process->R * log1p(t / A) -
							process->c * log1p(t / B));

	return stays + process->c / B *
		exp(decline_log_integral(A, process->R, B, process->c + 1, t));
}

/* n purchases in a time that he leaves at the end of, over u = log(time) */
typedef struct LastDay
{
	const PurchaseProcess *process;
	double		n;
} LastDay;

static double
last_day_density(double u, const void *arg)
{
	const LastDay *last = arg;
	const PurchaseProcess *process = last->process;
	double		time = exp(u);

	return (last->n + 1) * u - (process->R + last->n) * log1p(time / process->A) -
		(process->c + 1) * log1p(time / process->d);
}

static double
pareto_nbd_probability(const PurchaseProcess *process, double n, double t)
{
	LastDay		last = {process, n};
	Quadrature	what = {
		.density = last_day_density,
		.arg = &last,
		.low = -INFINITY,
		.high = log(t),
		.start = log(t),
		.first_step = fmin(2, 4 / sqrt(n + 1)),
		.smooth_below = fmin(fmin(log(process->A), log(process->d)), log(t)) - 5,
		.smooth_above = INFINITY
	};
	double		gone;

	if (n == 0)
		return pareto_nbd_none(process, t);
	if (t == 0)
		return 0;
	gone = log_rising(process->R, n) - lgamma(n + 1) - n * log(process->A) +
		log(process->c / process->d) + quadrature_log(&what);
	return exp(negbin_log_mass(process->R, t / process->A, n) -
			   process->c * log1p(t / process->d)) + exp(gone);
}

/* What discounted purchases decline by, over u = log(1 + time / B) */
typedef struct Discount
{
	double		s;
	double		rate;			/* for a time of B */
} Discount;

static double
discount_density(double u, const void *arg)
{
	const Discount *discount = arg;

	return (1 - discount->s) * u - discount->rate * expm1(u);
}

static double
pareto_nbd_discounted(const PurchaseProcess *process, double t, double rate)
{
	double		B = process->d;
	Discount	discount = {process->c, rate * B};
	double		slope = 1 - process->c - discount.rate;
	Quadrature	what = {
		.density = discount_density,
		.arg = &discount,
		.high = log1p(t / B),
		.start_is_peak = slope <= 0,
		.first_step = slope < -4 ? -8 / slope : 2,
		.smooth_below = -INFINITY,
		.smooth_above = INFINITY
	};

	if (t == 0)
		return 0;
	if (rate == 0 && isinf(t))
		return process->R / process->A * B / (process->c - 1);
	if (rate == 0)
		return pareto_nbd_expected(process, t);
	return process->R / process->A * B * exp(quadrature_log(&what));
}

static bool
pareto_nbd_is_finite(const PurchaseProcess *process)
{
	return process->c > 1;
}

const PurchaseMethods pareto_nbd_methods = {
	.name = "pareto_nbd",
	.parameters = 4,
	.log_likelihood = pareto_nbd_log_likelihood,
	.log_odds_gone = pareto_nbd_log_odds_gone,
	.alive = pareto_nbd_alive,
	.new_customer = pareto_nbd_new_customer,
	.expected = pareto_nbd_expected,
	.none = pareto_nbd_none,
	.probability = pareto_nbd_probability,
	.discounted = pareto_nbd_discounted,
	.is_finite = pareto_nbd_is_finite,
};
