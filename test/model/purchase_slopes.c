/*-------------------------------------------------------------------------
 *
 * purchase_slopes.c
 *	  Likelihoods with derivatives against likelihoods and their differences.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/purchase_slopes.h"
#include "random_purchases.h"

#define LEVELS		7			/* halvings of the step */
#define FIRST_STEP	0.4			/* of a parameter's logarithm */

/* What was found for one model */
typedef struct Tally
{
	long		cases;
	long		judged;			/* derivatives that differences can tell */
	long		slopes;
	long		wrong_value;
	long		wrong_first;
	long		wrong_second;
	double		worst_first;
	double		worst_second;
} Tally;

/* A derivative by differences, and how far it may be off */
typedef struct Estimate
{
	double		value;
	double		error;
} Estimate;

/* The log-likelihood with the logarithms of two parameters moved */
static double
moved(const PurchaseModel *model, const PurchaseRecord *record, int i, double by_i,
	  int j, double by_j)
{
	PurchaseModel other = *model;

	other.parameter[i] *= exp(by_i);
	other.parameter[j] *= exp(by_j);
	return purchase_log_likelihood(&other, record);
}

static double
difference(const PurchaseModel *model, const PurchaseRecord *record, int i, int j,
		   double h)
{
	if (j < 0)
		return (moved(model, record, i, h, i, 0) -
				moved(model, record, i, -h, i, 0)) / (2 * h);
	if (i == j)
		return ((moved(model, record, i, h, i, 0) -
				 purchase_log_likelihood(model, record)) -
				(purchase_log_likelihood(model, record) -
				 moved(model, record, i, -h, i, 0))) / (h * h);
	return ((moved(model, record, i, h, j, h) - moved(model, record, i, h, j, -h)) -
			(moved(model, record, i, -h, j, h) -
			 moved(model, record, i, -h, j, -h))) / (4 * h * h);
}

/* Richardson's scheme; the step whose neighbours agree best is taken */
static Estimate
derivative(const PurchaseModel *model, const PurchaseRecord *record, int i, int j)
{
	double		table[LEVELS][LEVELS];
	double		h = FIRST_STEP;
	Estimate	best = {0, INFINITY};

	for (int level = 0; level < LEVELS; level++, h /= 2)
	{
		table[level][0] = difference(model, record, i, j, h);
		for (int k = 1; k <= level; k++)
		{
			double		error;

			table[level][k] = table[level][k - 1] + (table[level][k - 1] -
													 table[level - 1][k - 1]) /
				(pow(4, k) - 1);
			error = fmax(fabs(table[level][k] - table[level][k - 1]),
						 fabs(table[level][k] - table[level - 1][k - 1]));
			if (error < best.error)
				best = (Estimate) {table[level][k], error};
		}
	}
	return best;
}

static void
show(const char *what, const PurchaseModel *model, const PurchaseRecord *record,
	 int i, int j, double ours, double expected)
{
	printf("# %s %d %d of %s(%.17g, %.17g, %.17g, %.17g) x=%.17g t_x=%.17g "
		   "T=%.17g is %.17g, not %.17g\n", what, i, j,
		   purchase_methods[model->kind]->name, model->parameter[0],
		   model->parameter[1], model->parameter[2], model->parameter[3],
		   record->x, record->t_x, record->T, ours, expected);
}

/* Is a slope what the differences say?  They say nothing where digits lack. */
static bool
is_slope(Tally *tally, double ours, Estimate estimate, double scale,
		 double tolerance, double *worst)
{
	double		error = fabs(ours - estimate.value);

	tally->slopes++;
	if (!(estimate.error < 1e-3 * scale))
		return isfinite(ours);
	tally->judged++;
	if (estimate.error < 1e-8 * scale && error / scale > *worst)
		*worst = error / scale;
	return error <= tolerance * scale + 10 * estimate.error;
}

static void
add(Slopes *sum, const Slopes *other)
{
	for (int i = 0; i < FIT_MAX; i++)
	{
		sum->first[i] += other->first[i];
		for (int j = 0; j <= i; j++)
			sum->second[i][j] += other->second[i][j];
	}
}

static void
check_record(Tally *tally, const PurchaseModel *model, const PurchaseRecord *record)
{
	const double *parameter = model->parameter;
	int			n = purchase_methods[model->kind]->parameters;
	double		expected = purchase_log_likelihood(model, record);
	Slopes		count = {0};
	Slopes		slopes = {0};
	double		value;

	purchase_slopes[model->kind].of_count(parameter, record->x, &count);
	purchase_slopes[model->kind].of_times(parameter, record, &slopes);
	value = count.value + slopes.value;
	/* the likelihood of x = 0 can be nearer to 0 than its two terms have digits */
	if (!(fabs(value - expected) <= 1e-10 * fabs(expected) + 2e-12 +
		  1e-14 * fabs(count.value)))
	{
		tally->wrong_value++;
		show("value", model, record, 0, 0, value, expected);
	}
	add(&slopes, &count);
	tally->cases++;
	for (int i = 0; i < n; i++)
	{
		double		first = parameter[i] * slopes.first[i];
		Estimate	estimate = derivative(model, record, i, -1);

		if (!is_slope(tally, first, estimate, 1e-3 + fabs(first), 1e-6,
					  &tally->worst_first))
		{
			tally->wrong_first++;
			show("slope", model, record, i, -1, first, estimate.value);
		}
		for (int j = 0; j <= i; j++)
		{
			double		second = parameter[i] * parameter[j] * slopes.second[i][j] +
				(i == j ? first : 0);

			estimate = derivative(model, record, i, j);
			if (!is_slope(tally, second, estimate, 1e-2 + fabs(second) +
						  fabs(first), 1e-5, &tally->worst_second))
			{
				tally->wrong_second++;
				show("second", model, record, i, j, second, estimate.value);
			}
		}
	}
}

/* Few opportunities most of the time */
static PurchaseRecord
random_donations(void)
{
	PurchaseRecord record = {0};

	record.T = (double) random_below(random_below(10) == 0 ? 300 : 12);
	record.t_x = random_below(3) == 0 ? record.T
		: (double) random_below((uint64_t) record.T + 1);
	if (record.t_x > 0)
		record.x = random_below(4) == 0 ? record.t_x
			: 1 + (double) random_below((uint64_t) record.t_x);
	return record;
}

/* No repeat purchase, one today, one at once, thousands */
static PurchaseRecord
random_record(PurchaseKind kind)
{
	PurchaseRecord record = {0};

	if (kind == PURCHASE_BGBB)
		return random_donations();
	record.T = random_below(12) == 0 ? 0 : random_size(0.1, 3000);
	switch (random_below(6))
	{
		case 0:
			return record;
		case 1:
			record.t_x = record.T;
			break;
		case 2:
			record.t_x = record.T * random_size(1e-9, 1);
			break;
		case 3:
			record.t_x = record.T * (1 - random_size(1e-9, 1));
			break;
		default:
			record.t_x = random_between(0, record.T);
	}
	switch (random_below(4))
	{
		case 0:
			record.x = (double) (1 + random_below(3));
			break;
		case 1:
			record.x = (double) (20 + random_below(10));
			break;
		case 2:
			record.x = floor(random_size(1, 5000));
			break;
		default:
			record.x = (double) (1 + random_below(20));
	}
	return record;
}

static void
test_kind(PurchaseKind kind)
{
	long		times = rounds(4000);
	Tally		tally = {0};
	const char *name = purchase_methods[kind]->name;

	for (long i = 0; i < times; i++)
	{
		PurchaseModel model = {.kind = kind};
		PurchaseRecord record = random_record(kind);
		bool		far = random_below(4) == 0;

		for (int k = 0; k < purchase_methods[kind]->parameters; k++)
			model.parameter[k] = far ? random_size(1e-3, 1e3)
				: random_size(0.05, 30);
		if (kind != PURCHASE_BGBB && !far)
			model.parameter[1] *= 5;
		check_record(&tally, &model, &record);
	}
	ok(tally.wrong_value == 0, "%s: %ld likelihoods in two parts", name,
	   tally.cases);
	ok(tally.wrong_first == 0, "%s: first derivatives are differences, within %.1e",
	   name, tally.worst_first);
	ok(tally.wrong_second == 0, "%s: second derivatives too, within %.1e", name,
	   tally.worst_second);
	ok(tally.judged >= 0.95 * tally.slopes,
	   "%s: differences could tell %ld of %ld slopes", name, tally.judged,
	   tally.slopes);
}

int
main(void)
{
	random_begin();
	for (PurchaseKind kind = 0; kind < PURCHASE_KINDS; kind++)
		test_kind(kind);
	return tap_done();
}
