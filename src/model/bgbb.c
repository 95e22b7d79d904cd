/*-------------------------------------------------------------------------
 *
 * bgbb.c
 *	  BG/BB (Fader, Hardie and Shang 2010): purchases come at numbered
 *	  opportunities, such as a yearly appeal.
 *
 * At each opportunity one who is a customer may leave, with a chance that is
 * beta distributed (gamma, delta), and else buys with one that is beta
 * distributed (alpha, beta).  T is the number of opportunities so far, t_x
 * that of the last purchase.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/beta_mean.h"
#include "model/purchase.h"
#include "model/special.h"

#define FEW		1000			/* opportunities that are summed one by one */

/* The chances of one who buys with Beta(R, A) and leaves with Beta(c, d) */
static PurchaseProcess
bgbb_after(const double *parameter, double x, double n)
{
	PurchaseProcess process = {
		.kind = PURCHASE_BGBB,
		.R = parameter[0] + x,
		.A = parameter[1] + n - x,
		.c = parameter[2],
		.d = parameter[3] + n
	};

	return process;
}

static PurchaseProcess
bgbb_alive(const double *parameter, const PurchaseRecord *record)
{
	return bgbb_after(parameter, record->x, record->T);
}

/*
 * Idle opportunities from a purchase on: *stays is the chance to be a customer
 * after all of them without a purchase; the result that to leave on the way.
 */
static double
idle_run(const PurchaseProcess *process, double opportunities, double *stays)
{
	double		here = 1;
	double		left = 0;

	for (double i = 0; i < opportunities; i++)
	{
		double		all = process->c + process->d + i;

		left += here * process->c / all;
		here *= (process->d + i) / all *
			((process->A + i) / (process->R + process->A + i));
		if (here < 1e-18 * left && i > 1e6)
			break;
	}
	*stays = here;
	return left;
}

/* Chance that there is a purchase at all in so many opportunities */
static double
first_purchase(const PurchaseProcess *process, double opportunities)
{
	double		here = 1;
	double		bought = 0;

	for (double i = 0; i < opportunities; i++)
	{
		double		all = process->R + process->A + i;

		here *= (process->d + i) / (process->c + process->d + i);
		bought += here * process->R / all;
		here *= (process->A + i) / all;
	}
	return bought;
}

static double
bgbb_log_odds_gone(const double *parameter, const PurchaseRecord *record)
{
	PurchaseProcess then = bgbb_after(parameter, record->x, record->t_x);
	double		stays;
	double		left = idle_run(&then, record->T - record->t_x, &stays);

	return log(left / stays);
}

static double
bgbb_log_likelihood(const double *parameter, const PurchaseRecord *record)
{
	PurchaseProcess then = bgbb_after(parameter, record->x, record->t_x);
	double		alpha = parameter[0];
	double		beta = parameter[1];
	double		stays;
	double		left = idle_run(&then, record->T - record->t_x, &stays);

	/* one less the chance of a purchase keeps its digits near one */
	if (record->x == 0 && first_purchase(&then, record->T) < 0.5)
		return log1p(-first_purchase(&then, record->T));
	return log_rising(alpha, record->x) +
		log_rising(beta, record->t_x - record->x) -
		log_rising(alpha + beta, record->t_x) +
		log_beta_ratio(parameter[2], parameter[3], record->t_x) +
		log(left + stays);
}

static double
bgbb_new_customer(const double *parameter)
{
	(void) parameter;
	return 1;
}

/* What the sum over opportunities needs to know */
typedef struct Stream
{
	double		t;
	double		rate;
} Stream;

/* Discounted opportunities of one who leaves with chance p at each */
static double
stream_at_chance(double p, double q, const void *arg)
{
	const Stream *stream = arg;
	double		kept = q * exp(-stream->rate);
	double		lost = p - q * expm1(-stream->rate);

	if (isinf(stream->t))
		return kept / lost;
	if (lost * stream->t < 1e-17)
		return kept * stream->t;
	return kept / lost *
		-expm1(stream->t * (log1p(-p) - stream->rate));
}

static double
bgbb_discounted(const PurchaseProcess *process, double t, double rate)
{
	Stream		stream = {t, rate};
	double		buys = process->R / (process->R + process->A);
	double		here = 1;
	double		sum = 0;

	if (rate == 0 && isinf(t))
		return buys * process->d / (process->c - 1);
	if (t > FEW)
		return buys * beta_mean(process->c, process->d, stream_at_chance,
								&stream, 1 / (1 + fmin(t, 1 / rate)));
	for (double i = 0; i < t; i++)
	{
		here *= (process->d + i) / (process->c + process->d + i);
		sum += here * exp(-rate * (i + 1));
	}
	return buys * sum;
}

static double
bgbb_expected(const PurchaseProcess *process, double t)
{
	return bgbb_discounted(process, t, 0);
}

static double
bgbb_none(const PurchaseProcess *process, double t)
{
	double		stays;
	double		left = idle_run(process, t, &stays);

	return left + stays;
}

/* log of C(m, n) B(R + n, A + m - n) / B(R, A) */
static double
log_beta_binomial(const PurchaseProcess *process, double m, double n)
{
	return log_rising(m - n + 1, n) - lgamma(n + 1) +
		log_rising(process->R, n) + log_rising(process->A, m - n) -
		log_rising(process->R + process->A, m);
}

/* A customer for m opportunities, of which n are taken, for each m */
static double
bgbb_probability(const PurchaseProcess *process, double n, double t)
{
	double		sum = 0;

	for (double m = n; m <= t; m++)
	{
		double		ends = m == t ? 1
			: process->c / (process->c + process->d + m);

		sum += ends * exp(log_beta_binomial(process, m, n) +
						  log_beta_ratio(process->c, process->d, m));
	}
	return sum;
}

static bool
bgbb_is_finite(const PurchaseProcess *process)
{
	return process->c > 1;
}

const PurchaseMethods bgbb_methods = {
	.name = "bgbb",
	.parameters = 4,
	.log_likelihood = bgbb_log_likelihood,
	.log_odds_gone = bgbb_log_odds_gone,
	.alive = bgbb_alive,
	.new_customer = bgbb_new_customer,
	.expected = bgbb_expected,
	.none = bgbb_none,
	.probability = bgbb_probability,
	.discounted = bgbb_discounted,
	.is_finite = bgbb_is_finite,
};
