/*-------------------------------------------------------------------------
 *
 * gamma_gamma_fit.c
 *	  Fits Gamma-Gamma to the purchases of all customers.
 *
 * Whatever depends on the number of purchases alone is worked out once for
 * each number, and what depends on the customer alone once for each; what is left
 * is one logarithm and two quotients.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/gamma_gamma_fit.h"
#include "model/special.h"

#define PARAMETERS		3
#define TRIAL_RECORDS	2000	/* records that the starts are tried on */
#define TRIAL_STEPS		80
#define FULL_STEPS		200
#define ASK_EVERY		4096	/* records between two questions to stop */

/* What all purchases of a customer are worth, in the sample's unit of money */
typedef struct Total
{
	double		total;
	double		log;
} Total;

/* What the objective works on */
typedef struct ValueSample
{
	const ValueRecord *records; /* sorted by x */
	const Total *totals;		/* of those */
	size_t		count;
	size_t		stride;
	double		customers;
	ModelStop	stop;
} ValueSample;

/* Sums over customers with the same number of purchases */
typedef struct ValueSums
{
	double		customers;
	double		logs;			/* of total / (total + v) */
	double		prior_logs;		/* of v / (total + v) */
	double		inverses;		/* of total + v */
	double		squares;		/* of those */
	double		totals;			/* logs of the totals */
} ValueSums;

/* One of two logarithms is worked out: the one of what is nearer to one */
static void
add_total(ValueSums *sums, const Total *one, double v, double log_v)
{
	double		ratio = one->log - log_v;	/* its logarithm, of total / v */
	double		inverse = 1 / (one->total + v);
	double		log = one->total < v ? log1p(one->total / v)
		: log1p(v / one->total);

	sums->customers += 1;
	sums->logs -= one->total < v ? log - ratio : log;
	sums->prior_logs -= one->total < v ? log : log + ratio;
	sums->inverses += inverse;
	sums->squares += inverse * inverse;
	sums->totals += one->log;
}

/* Adds likelihood and derivatives of all customers with x purchases */
static void
add_sums(const ValueSums *sums, double x, double p, double q, double v,
		 FitPoint *point)
{
	double		n = sums->customers;
	double		px = p * x;
	double		shape = px > q ? log_rising(px, q) - lgamma(q)
		: log_rising(q, px) - lgamma(px);
	double		slope = digamma(px + q);
	double		curve = trigamma(px + q);

	point->value += n * shape + px * sums->logs + q * sums->prior_logs -
		(sums->totals - n * log(x));
	point->gradient[0] += n * x * (slope - digamma(px)) + x * sums->logs;
	point->gradient[1] += n * (slope - digamma(q)) + sums->prior_logs;
	point->gradient[2] += n * q / v - (px + q) * sums->inverses;
	point->hessian[0][0] += n * x * x * (curve - trigamma(px));
	point->hessian[1][0] += n * x * curve;
	point->hessian[1][1] += n * (curve - trigamma(q));
	point->hessian[2][0] -= x * sums->inverses;
	point->hessian[2][1] += n / v - sums->inverses;
	point->hessian[2][2] += (px + q) * sums->squares - n * q / (v * v);
}

/* From sums over parameters to means over their logarithms */
static void
to_logarithms(FitPoint *point, const double *parameter, double customers)
{
	point->value /= customers;
	for (int i = 0; i < PARAMETERS; i++)
		point->gradient[i] *= parameter[i] / customers;
	for (int i = 0; i < PARAMETERS; i++)
		for (int j = 0; j <= i; j++)
		{
			point->hessian[i][j] *= parameter[i] * parameter[j] / customers;
			if (i == j)
				point->hessian[i][i] += point->gradient[i];
			point->hessian[j][i] = point->hessian[i][j];
		}
}

static bool
objective(FitPoint *point, void *arg)
{
	const ValueSample *sample = arg;
	double		parameter[PARAMETERS];
	ValueSums	sums = {0};
	double		x = 0;
	double		log_v = point->at[2];
	size_t		done = 0;

	for (int i = 0; i < PARAMETERS; i++)
		parameter[i] = exp(point->at[i]);
	point->value = 0;
	memset(point->gradient, 0, sizeof(point->gradient));
	memset(point->hessian, 0, sizeof(point->hessian));
	for (size_t i = 0; i < sample->count; i += sample->stride)
	{
		const ValueRecord *record = &sample->records[i];

		if (done++ % ASK_EVERY == 0 && sample->stop())
			return false;
		if (record->x != x && x > 0)
		{
			add_sums(&sums, x, parameter[0], parameter[1], parameter[2], point);
			memset(&sums, 0, sizeof(sums));
		}
		x = record->x;
		add_total(&sums, &sample->totals[i], parameter[2], log_v);
	}
	add_sums(&sums, x, parameter[0], parameter[1], parameter[2], point);
	to_logarithms(point, parameter, sample->customers);
	return true;
}

/* Tries some starts on a part of the customers; the best end is the beginning */
static bool
try_starts(const ValueSample *all, Fit *fit, double *begin)
{
	static const double starts[][2] = {{6, 4}, {1, 2}, {0.5, 5}, {30, 3}};
	ValueSample some = *all;
	double		best = -INFINITY;

	some.stride = (all->count + TRIAL_RECORDS - 1) / TRIAL_RECORDS;
	some.customers = (double) ((all->count + some.stride - 1) / some.stride);
	fit->arg = &some;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
	{
		double		p = starts[i][0];
		double		q = starts[i][1];
		double		at[FIT_MAX] = {log(p), log(q), log((q - 1) / p)};

		if (!fit_climb(fit, at, TRIAL_STEPS))
			return false;
		if (fit->best.value > best + 1e-9)
		{
			best = fit->best.value;
			memcpy(begin, fit->near, sizeof(fit->near));
		}
	}
	fit->arg = NULL;
	return true;
}

/*
 * Returns the unit of money, such that a typical mean is about one: a few huge
 * ones must not make all others next to nothing.
 */
static double
find_totals(const ValueRecord *records, size_t count, Total *totals)
{
	double		log_unit = 0;
	double		unit;

	for (size_t i = 0; i < count; i++)
		log_unit += log(records[i].mean) / (double) count;
	unit = exp(log_unit);
	for (size_t i = 0; i < count; i++)
	{
		totals[i].total = records[i].x * (records[i].mean / unit);
		totals[i].log = log(totals[i].total);
	}
	return unit;
}

/* Writes down what was found, in the records' own unit of money */
static void
report(const Fit *fit, double unit, GammaGammaFit *result)
{
	const double parameter[PARAMETERS] = {
		exp(fit->best.at[0]), exp(fit->best.at[1]), exp(fit->best.at[2]) * unit
	};

	result->status = fit->status;
	result->model.p = parameter[0];
	result->model.q = parameter[1];
	result->model.v = parameter[2];
	result->iterations = fit->iterations;
	result->gradient_norm = fit->gradient_norm;
	result->log_likelihood = (fit->best.value - log(unit)) * fit->observations;
	for (int i = 0; i < PARAMETERS; i++)
	{
		result->standard_error[i] = parameter[i] * fit->log_error[i];
		for (int j = 0; j < PARAMETERS; j++)
			result->covariance[i][j] = fit->log_covariance[i][j] *
				(parameter[i] * parameter[j]);
	}
}

/* Fits the model to sorted records; scratch has room for twice as many */
void
gamma_gamma_fit(const ValueRecord *sorted, size_t count, ValueRecord *scratch,
				ModelStop stop, GammaGammaFit *result)
{
	Total	   *totals = (Total *) scratch;
	ValueSample sample = {
		.records = sorted,
		.totals = totals,
		.count = count,
		.stride = 1,
		.customers = (double) count,
		.stop = stop
	};
	Fit			fit = {
		.parameters = PARAMETERS,
		.objective = objective,
		.observations = (double) count
	};
	double		unit;
	double		begin[FIT_MAX];

	memset(result, 0, sizeof(*result));
	result->status = FIT_TOO_FEW;
	result->correlation = (ValueCorrelations) {NAN, NAN};
	if (count <= PARAMETERS || sorted[count - 1].x < 2)
		return;
	result->correlation = value_records_correlate(sorted, count, scratch);
	unit = find_totals(sorted, count, totals);
	result->status = FIT_STOPPED;
	if (!try_starts(&sample, &fit, begin))
		return;
	fit.arg = &sample;
	if (!fit_climb(&fit, begin, FULL_STEPS))
		return;
	fit_judge(&fit);
	report(&fit, unit, result);
}
