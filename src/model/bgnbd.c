/*-------------------------------------------------------------------------
 *
 * bgnbd.c
 *	  BG/NBD (Fader, Hardie and Lee 2005) and MBG/NBD (Batislam, Denizel and
 *	  Filiztekin 2007): after a purchase the customer may leave.
 *
 * The purchase rate is gamma distributed (r, alpha), the chance to leave
 * after a purchase beta distributed (a, b).  In MBG/NBD the first purchase can
 * be the last one too, in BG/NBD only a repeat purchase.
 *
 * One who is a customer at T has a rate of shape R = r + x and scale
 * A = alpha + T, and has survived d - b such chances.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/beta_mean.h"
#include "model/negative_binomial.h"
#include "model/purchase.h"
#include "model/quadrature.h"
#include "model/special.h"

#define SERIES_TERMS	3000	/* more of them take longer than an integral */
#define INCOME_TERMS	900	/* for each of a panel's points; the same */

/* What the functions of a chance to leave need to know */
typedef struct Horizon
{
	double		R;
	double		A;
	double		t;
	double		rate;
} Horizon;

/* log of the odds that he left after the last purchase, having survived so
 * many chances before that */
static double
log_odds(const double *parameter, const PurchaseRecord *record, double survived)
{
	double		alpha = parameter[1];
	double		a = parameter[2];
	double		b = parameter[3];

	return log(a / (b + survived)) + (parameter[0] + record->x) *
		log1p((record->T - record->t_x) / (alpha + record->t_x));
}

static double
bgnbd_log_odds_gone(const double *parameter, const PurchaseRecord *record)
{
	return record->x == 0 ? -INFINITY : log_odds(parameter, record, record->x - 1);
}

static double
mbgnbd_log_odds_gone(const double *parameter, const PurchaseRecord *record)
{
	return log_odds(parameter, record, record->x);
}

/* The part of the likelihood that is about purchases while a customer */
static double
log_purchases(const double *parameter, const PurchaseRecord *record)
{
	double		r = parameter[0];
	double		alpha = parameter[1];

	return log_rising(r, record->x) - r * log1p(record->T / alpha) -
		record->x * log(alpha + record->T);
}

static double
bgnbd_log_likelihood(const double *parameter, const PurchaseRecord *record)
{
	return log_purchases(parameter, record) +
		log_beta_ratio(parameter[2], parameter[3], record->x) +
		log1p_exp(bgnbd_log_odds_gone(parameter, record));
}

static double
mbgnbd_log_likelihood(const double *parameter, const PurchaseRecord *record)
{
	double		a = parameter[2];
	double		b = parameter[3];

	/* near 1 the textbook's sum has no digits left of its logarithm */
	if (record->x == 0)
		return log1p(b / (a + b) * expm1(-parameter[0] *
										 log1p(record->T / parameter[1])));
	return log_purchases(parameter, record) +
		log_beta_ratio(a, b, record->x + 1) +
		log1p_exp(mbgnbd_log_odds_gone(parameter, record));
}

static PurchaseProcess
bgnbd_alive(const double *parameter, const PurchaseRecord *record)
{
	PurchaseProcess process = {
		.kind = PURCHASE_BGNBD,
		.R = parameter[0] + record->x,
		.A = parameter[1] + record->T,
		.c = parameter[2],
		.d = parameter[3] + record->x
	};

	return process;
}

static PurchaseProcess
mbgnbd_alive(const double *parameter, const PurchaseRecord *record)
{
	PurchaseProcess process = bgnbd_alive(parameter, record);

	process.kind = PURCHASE_MBGNBD;
	process.d += 1;
	return process;
}

static double
bgnbd_new_customer(const double *parameter)
{
	(void) parameter;
	return 1;
}

static double
mbgnbd_new_customer(const double *parameter)
{
	return parameter[3] / (parameter[2] + parameter[3]);
}

/*
 * Sum over n of P(N = n) w(n), where N counts purchases of one who never
 * leaves: his mean number of purchases with w(n) = how many of n he lives to
 * make, the j-th with chance (d)_j / (a + d)_j, the one before it survived; and
 * their rate at the end of the time, but for its scale, with w(n) = (R + n) and
 * the chance to live so long.  All terms are positive; nothing is special about
 * a = 1, where the textbook's form divides by zero.
 */
static double
purchase_series(double R, double tau, double a, double d, bool rate)
{
	double		z = tau / (1 + tau);
	double		mass = 1;		/* P(N = n), up to a factor */
	double		survives = 1;
	double		made = 0;
	double		sum = rate ? R : 0;
	double		all = 1;

	for (int n = 1;; n++)
	{
		double		ratio = z * (R + n) / (n + 1);
		double		weight;

		made += survives;
		/* whole numbers first: a parameter may be next to nothing */
		survives *= (d + (n - 1)) / (a + d + (n - 1));
		weight = rate ? survives * (R + n) : made;
		mass *= z * (R + (n - 1)) / n;
		sum += mass * weight;
		all += mass;
		/* both sides are 0 where the time is too short for a double */
		if (ratio < 1 &&
			mass * weight * ratio <= 1e-16 * (1 - ratio) * sum &&
			mass * ratio <= 1e-16 * (1 - ratio) * all)
			return sum / all;
		if (all > 1e250)
		{
			mass *= 1e-250;
			sum *= 1e-250;
			all *= 1e-250;
		}
	}
}

/* About as many terms has the series */
static double
series_terms(double R, double tau)
{
	double		mean = R * tau;

	return mean + 8 * sqrt(mean * (1 + tau)) + 40 * (1 + tau);
}

/* Mean number of purchases in t of one who leaves with chance p after each */
static double
expected_at_chance(double p, double q, const void *arg)
{
	const Horizon *horizon = arg;
	double		tau = horizon->t / horizon->A;

	(void) q;
	if (p * tau * (horizon->R + 1) < 1e-17)
		return horizon->R * tau;
	return -expm1(-horizon->R * log1p(p * tau)) / p;
}

static double
bgnbd_expected(const PurchaseProcess *process, double t)
{
	Horizon		horizon = {process->R, process->A, t, 0};
	double		tau = t / process->A;

	if (t == 0)
		return 0;
	if (series_terms(process->R, tau) < SERIES_TERMS)
		return purchase_series(process->R, tau, process->c, process->d, false);
	return beta_mean(process->c, process->d, expected_at_chance, &horizon,
					 1 / (1 + tau * (1 + process->R)));
}

static double
bgnbd_none(const PurchaseProcess *process, double t)
{
	return exp(-process->R * log1p(t / process->A));
}

/* n purchases and a customer still, or left after the last of them */
static double
bgnbd_probability(const PurchaseProcess *process, double n, double t)
{
	double		tau = t / process->A;
	double		mass = negbin_log_mass(process->R, tau, n);

	if (n == 0)
		return exp(mass);
	return exp(log_beta_ratio(process->c, process->d, n)) *
		(exp(mass) + process->c / (process->d + (n - 1)) *
		 negbin_tail(process->R, tau, n));
}

/* Integrand of discounted purchases over u = log(1 + p s / A) */
typedef struct Decay
{
	double		R;
	double		c;				/* rate A / p */
} Decay;

static double
decay_density(double u, const void *arg)
{
	const Decay *decay = arg;

	return -decay->R * u - decay->c * expm1(u);
}

/* Discounted purchases in t of one who leaves with chance p after each */
static double
discounted_at_chance(double p, double q, const void *arg)
{
	const Horizon *horizon = arg;
	Decay		decay = {horizon->R, horizon->rate * horizon->A / p};
	double		slope = decay.R + decay.c;
	Quadrature	what = {
		.density = decay_density,
		.arg = &decay,
		.high = log1p(p * horizon->t / horizon->A),
		.start_is_peak = true,
		.first_step = fmin(2, 8 / slope),
		.smooth_below = -INFINITY,
		.smooth_above = INFINITY
	};

	(void) q;
	/* so much discount that e^u - 1 is u */
	if (!(decay.c < 1e10))
	{
		double		fall = p * horizon->R + horizon->rate * horizon->A;
		double		time = p * horizon->t / horizon->A > 1e-17
			? what.high / p : horizon->t / horizon->A;

		return horizon->R * -expm1(-fall * time) / fall;
	}
	return horizon->R / p * exp(quadrature_log(&what));
}

/* Discounted purchases at u = log(1 + s / A), for a step of u */
typedef struct Income
{
	const PurchaseProcess *process;
	double		rate;
} Income;

static double
income_at(double u, const void *arg)
{
	const Income *income = arg;
	const PurchaseProcess *process = income->process;
	double		tau = expm1(u);

	/* the rate of purchases goes with 1 / (A + s), ds with A + s */
	return exp(-income->rate * process->A * tau) *
		purchase_series(process->R, tau, process->c, process->d, true);
}

static double
bgnbd_discounted(const PurchaseProcess *process, double t, double rate)
{
	Horizon		horizon = {process->R, process->A, t, rate};
	Income		income = {process, rate};
	double		length = log1p(t / process->A);
	double		panels = ceil((process->R + 1) * length / 10 +
							  rate * (t + process->A) * length / 10 + length / 2);
	double		time = rate > 0 ? fmin(t, 1 / rate) : t;

	if (t == 0)
		return 0;
	if (rate == 0 && isinf(t))
		return (process->c + process->d - 1) / (process->c - 1);
	if (rate == 0)
		return bgnbd_expected(process, t);
	if (panels * series_terms(process->R, t / process->A) < INCOME_TERMS)
		return quadrature_even(income_at, &income, length, (size_t) panels);
	return beta_mean(process->c, process->d, discounted_at_chance, &horizon,
					 1 / (1 + time / process->A * (1 + process->R)));
}

static bool
bgnbd_is_finite(const PurchaseProcess *process)
{
	return process->c > 1;
}

const PurchaseMethods bgnbd_methods = {
	.name = "bgnbd",
	.parameters = 4,
	.log_likelihood = bgnbd_log_likelihood,
	.log_odds_gone = bgnbd_log_odds_gone,
	.alive = bgnbd_alive,
	.new_customer = bgnbd_new_customer,
	.expected = bgnbd_expected,
	.none = bgnbd_none,
	.probability = bgnbd_probability,
	.discounted = bgnbd_discounted,
	.is_finite = bgnbd_is_finite,
};

const PurchaseMethods mbgnbd_methods = {
	.name = "mbgnbd",
	.parameters = 4,
	.log_likelihood = mbgnbd_log_likelihood,
	.log_odds_gone = mbgnbd_log_odds_gone,
	.alive = mbgnbd_alive,
	.new_customer = mbgnbd_new_customer,
	.expected = bgnbd_expected,
	.none = bgnbd_none,
	.probability = bgnbd_probability,
	.discounted = bgnbd_discounted,
	.is_finite = bgnbd_is_finite,
};
