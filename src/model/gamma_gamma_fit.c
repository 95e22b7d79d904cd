/*-------------------------------------------------------------------------
 *
 * gamma_gamma_fit.c
 *	  Fits Gamma-Gamma to the purchases of all customers.
 *
 * Whatever depends on the number of purchases alone is worked out once for
 * each number; what is left of a customer is one logarithm and one quotient.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/gamma_gamma_fit.h"
#include "model/special.h"

#define PARAMETERS		3
#define TRIAL_RECORDS	2000	/* records that the starts are tried on */
#define TRIAL_STEPS		80
#define FULL_STEPS		200
#define ASK_EVERY		4096	/* records between two questions to stop */

/* What the objective works on */
typedef struct ValueSample
{
	const ValueRecord *records; /* sorted by x */
	size_t		count;
	size_t		stride;
	double		customers;
	double		unit;			/* of money, such that means are about one */
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
	double		means;			/* logs of the mean values */
} ValueSums;

static int
compare_records(const void *a, const void *b)
{
	const ValueRecord *p = a;
	const ValueRecord *q = b;

	if (p->x != q->x)
		return p->x < q->x ? -1 : 1;
	return (p->mean > q->mean) - (p->mean < q->mean);
}

/* An order of their own: sums over them are always the same */
void
value_records_sort(ValueRecord *records, size_t count)
{
	qsort(records, count, sizeof(ValueRecord), compare_records);
}

static void
add_record(ValueSums *sums, const ValueRecord *record, double unit, double v)
{
	double		total = record->x * (record->mean / unit);
	double		inverse = 1 / (total + v);

	sums->customers += 1;
	sums->logs -= log1p(v / total);
	sums->prior_logs -= log1p(total / v);
	sums->inverses += inverse;
	sums->squares += inverse * inverse;
	sums->means += log(record->mean / unit);
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
		sums->means;
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
		add_record(&sums, record, sample->unit, parameter[2]);
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
			memcpy(begin, fit->best.at, sizeof(fit->best.at));
		}
	}
	fit->arg = NULL;
	return true;
}

/* Pearson's correlation of two lists */
static double
correlation(const double *a, const double *b, size_t count)
{
	double		mean_a = 0;
	double		mean_b = 0;
	double		aa = 0;
	double		bb = 0;
	double		ab = 0;

	for (size_t i = 0; i < count; i++)
	{
		/* from the first one, so that equal ones differ by nothing */
		mean_a += (a[i] - a[0]) / count;
		mean_b += (b[i] - b[0]) / count;
	}
	mean_a += a[0];
	mean_b += b[0];
	for (size_t i = 0; i < count; i++)
	{
		aa += (a[i] - mean_a) * (a[i] - mean_a);
		bb += (b[i] - mean_b) * (b[i] - mean_b);
		ab += (a[i] - mean_a) * (b[i] - mean_b);
	}
	return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* Middle rank of a value in a sorted list */
static double
middle_rank(const double *sorted, size_t count, double value)
{
	size_t		low = 0;
	size_t		high = count;
	size_t		first;

	while (low < high)
	{
		size_t		middle = (low + high) / 2;

		if (sorted[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	first = low;
	high = count;
	while (low < high)
	{
		size_t		middle = (low + high) / 2;

		if (sorted[middle] <= value)
			low = middle + 1;
		else
			high = middle;
	}
	return (double) (first + low + 1) / 2;
}

/* Replaces a list by its ranks; scratch has room for as many */
static void
to_ranks(double *list, double *scratch, size_t count)
{
	memcpy(scratch, list, count * sizeof(double));
	qsort(scratch, count, sizeof(double), compare_doubles);
	for (size_t i = 0; i < count; i++)
		list[i] = middle_rank(scratch, count, list[i]);
}

/* The model assumes that number and value of purchases are independent */
static void
find_correlations(const ValueRecord *records, size_t count, double *scratch,
				  GammaGammaFit *result)
{
	double	   *x = scratch;
	double	   *mean = scratch + count;

	for (size_t i = 0; i < count; i++)
	{
		x[i] = records[i].x;
		mean[i] = records[i].mean;
	}
	result->pearson = correlation(x, mean, count);
	to_ranks(x, scratch + 2 * count, count);
	to_ranks(mean, scratch + 2 * count, count);
	result->spearman = correlation(x, mean, count);
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

/*
 * Fits the model to sorted records; scratch has room for three times as many
 * numbers.
 */
void
gamma_gamma_fit(const ValueRecord *sorted, size_t count, double *scratch,
				ModelStop stop, GammaGammaFit *result)
{
	ValueSample sample = {
		.records = sorted,
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
	double		mean = 0;
	double		begin[FIT_MAX];

	memset(result, 0, sizeof(*result));
	result->status = FIT_TOO_FEW;
	result->pearson = result->spearman = NAN;
	if (count <= PARAMETERS || sorted[count - 1].x < 2)
		return;
	find_correlations(sorted, count, scratch, result);
	for (size_t i = 0; i < count; i++)
		mean += sorted[i].mean / count;
	sample.unit = mean;
	result->status = FIT_STOPPED;
	if (!try_starts(&sample, &fit, begin))
		return;
	fit.arg = &sample;
	if (!fit_climb(&fit, begin, FULL_STEPS))
		return;
	fit_judge(&fit);
	report(&fit, mean, result);
}
