/*-------------------------------------------------------------------------
 *
 * uncertainty.c
 *	  Slopes of what is expected against differences of the whole of it.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/uncertainty.h"
#include "random_purchases.h"

#define LEVELS		7			/* halvings of the step */
#define FIRST_STEP	0.2			/* of a parameter's logarithm */
#define TOLERANCE	1e-4

/* What was found for one model */
typedef struct Tally
{
	long		cases;
	long		slopes;
	long		judged;			/* slopes that differences can tell */
	long		wrong;
	double		worst;
} Tally;

/* A derivative by differences, and how far it may be off */
typedef struct Estimate
{
	double		value;
	double		error;
} Estimate;

/* What is expected, as a function of logarithms of parameters */
typedef struct Prospect
{
	PurchaseModel model;
	PurchaseRecord record;
	GammaGamma	value;
	double		mean;
	double		t;
	double		rate;
} Prospect;

typedef double (*Logarithm) (const Prospect *prospect);

/* The whole: is he one, and what will he buy */
static double
log_discounted(const Prospect *prospect)
{
	PurchaseProcess process = purchase_alive(&prospect->model, &prospect->record);

	return log(purchase_p_alive(&prospect->model, &prospect->record)) +
		log(purchase_methods[process.kind]->discounted(&process, prospect->t,
													   prospect->rate));
}

static double
log_order_value(const Prospect *prospect)
{
	return log(gamma_gamma_order_value(&prospect->value, prospect->record.x,
									   prospect->mean));
}

static double
difference(Logarithm logarithm, const Prospect *prospect, double *parameter,
		   double h)
{
	const double here = *parameter;
	double		up;
	double		down;

	*parameter = here * exp(h);
	up = logarithm(prospect);
	*parameter = here * exp(-h);
	down = logarithm(prospect);
	*parameter = here;
	return (up - down) / (2 * h);
}

/* Richardson's scheme; the step whose neighbours agree best is taken */
static Estimate
derivative(Logarithm logarithm, Prospect *prospect, double *parameter)
{
	double		table[LEVELS][LEVELS];
	double		h = FIRST_STEP;
	Estimate	best = {0, INFINITY};

	for (int level = 0; level < LEVELS; level++, h /= 2)
	{
		table[level][0] = difference(logarithm, prospect, parameter, h);
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
show(const char *what, const Prospect *prospect, int i, double ours,
	 double expected)
{
	const PurchaseModel *model = &prospect->model;

	printf("# %s %d of %s(%.17g, %.17g, %.17g, %.17g) x=%g t_x=%.17g T=%.17g "
		   "t=%.17g rate=%.17g gamma_gamma(%g, %g, %g) mean=%g is %.12g, not "
		   "%.12g\n", what, i, purchase_methods[model->kind]->name,
		   model->parameter[0], model->parameter[1], model->parameter[2],
		   model->parameter[3], prospect->record.x, prospect->record.t_x,
		   prospect->record.T, prospect->t, prospect->rate, prospect->value.p,
		   prospect->value.q, prospect->value.v, prospect->mean, ours, expected);
}

static void
check(Tally *tally, const char *what, const Prospect *prospect, int i,
	  double ours, Estimate estimate)
{
	double		error = fabs(ours - estimate.value);

	tally->slopes++;
	if (!(estimate.error < TOLERANCE / 10))
		return;
	tally->judged++;
	if (!(error <= tally->worst))
		tally->worst = error;
	if (!(error <= TOLERANCE) && tally->wrong++ < 10)
		show(what, prospect, i, ours, estimate.value);
}

static Prospect
random_prospect(PurchaseKind kind)
{
	Prospect	prospect = {.model.kind = kind};
	double	   *parameter = prospect.model.parameter;
	PurchaseRecord *record = &prospect.record;

	for (int i = 0; i < purchase_methods[kind]->parameters; i++)
		parameter[i] = random_size(0.2, 20);
	if (kind == PURCHASE_BGBB)
	{
		record->T = (double) (1 + random_below(20));
		record->t_x = (double) random_below((uint64_t) record->T + 1);
		if (record->t_x > 0)
			record->x = 1 + (double) random_below((uint64_t) record->t_x);
		prospect.t = (double) (1 + random_below(60));
		prospect.rate = random_below(3) == 0 ? 0 : random_size(1e-3, 0.5);
		return prospect;
	}
	parameter[1] *= 5;
	record->T = random_size(1, 300);
	if (random_below(4) > 0)
	{
		record->x = floor(random_size(1, 60));
		record->t_x = record->T * random_between(0.2, 1);
	}
	prospect.t = random_size(0.5, 500);
	prospect.rate = random_below(3) == 0 ? 0 : random_size(1e-4, 0.1);
	return prospect;
}

static void
test_kind(PurchaseKind kind)
{
	const PurchaseMethods *methods = purchase_methods[kind];
	long		times = rounds(3000);
	Tally		tally = {0};
	long		left_over = 0;

	for (long k = 0; k < times; k++)
	{
		Prospect	prospect = random_prospect(kind);
		PurchaseProcess process = purchase_alive(&prospect.model,
												 &prospect.record);
		double		of_process[FIT_MAX];
		double		slope[FIT_MAX];

		discounted_slopes(&process, prospect.t, prospect.rate, of_process);
		expected_slopes(&prospect.model, &prospect.record, of_process, slope);
		/* a customer who has left for certain is none to compare */
		if (!isfinite(log_discounted(&prospect)))
			continue;
		tally.cases++;
		for (int i = 0; i < methods->parameters; i++)
			check(&tally, "slope", &prospect, i, slope[i],
				  derivative(log_discounted, &prospect,
							 &prospect.model.parameter[i]));
		for (int i = methods->parameters; i < FIT_MAX; i++)
			left_over += slope[i] != 0;
	}
	ok(tally.wrong == 0, "%s: slopes of %ld customers are differences, within %.1e",
	   methods->name, tally.cases, tally.worst);
	ok(tally.judged >= 0.95 * tally.slopes && tally.cases > times / 2,
	   "%s: differences could tell %ld of %ld slopes", methods->name,
	   tally.judged, tally.slopes);
	ok(left_over == 0, "%s: no slopes of parameters that it does not have",
	   methods->name);
}

static void
test_order_value(void)
{
	Tally		tally = {0};

	for (long k = rounds(3000); k > 0; k--)
	{
		Prospect	prospect = {
			.value = {random_size(0.05, 200), random_size(1.6, 30),
			random_size(0.1, 1000)}
		};
		double		slope[3];
		double	   *const parameter[] = {
			&prospect.value.p, &prospect.value.q, &prospect.value.v
		};

		if (random_below(4) > 0)
		{
			prospect.record.x = (double) (1 + random_below(120));
			prospect.mean = random_size(0.01, 1000);
		}
		order_value_slopes(&prospect.value, prospect.record.x, prospect.mean,
						   slope);
		tally.cases++;
		for (int i = 0; i < 3; i++)
			check(&tally, "order value", &prospect, i, slope[i],
				  derivative(log_order_value, &prospect, parameter[i]));
	}
	ok(tally.wrong == 0 && tally.judged >= 0.99 * tally.slopes,
	   "order values: %ld slopes are differences, within %.1e", tally.judged,
	   tally.worst);
}

/* Slopes of the process that are zero leave those of P(alive) */
static void
test_nobody_leaves(void)
{
	const double none[FIT_MAX] = {0};
	Prospect	nbd = {{PURCHASE_NBD, {0.8, 9}}, {7, 30, 45}, {1, 1, 1}, 0, 0, 0};
	Prospect	new_one = {{PURCHASE_BGNBD, {0.8, 9, 0.7, 3}}, {0, 0, 45}, {1, 1, 1}, 0, 0, 0};
	Prospect	old_one = {{PURCHASE_BGNBD, {0.8, 9, 0.7, 3}}, {3, 20, 45}, {1, 1, 1}, 0, 0, 0};
	Prospect   *all[] = {&nbd, &new_one, &old_one};
	bool		zero[3];

	for (int k = 0; k < 3; k++)
	{
		double		slope[FIT_MAX];

		expected_slopes(&all[k]->model, &all[k]->record, none, slope);
		zero[k] = true;
		for (int i = 0; i < FIT_MAX; i++)
			zero[k] = zero[k] && slope[i] == 0;
	}
	ok(zero[0], "NBD: nobody leaves, whatever the parameters");
	ok(zero[1], "BG/NBD: nor does one who has not bought again");
	ok(!zero[2], "but one who has may");
}

/* NBD: R / (A) t, so slopes of the process are 1 and -1, without discount */
static void
test_known_slopes(void)
{
	PurchaseModel model = {PURCHASE_NBD, {0.8, 9}};
	PurchaseRecord record = {7, 30, 45};
	PurchaseProcess process = purchase_alive(&model, &record);
	double		of_process[FIT_MAX];
	double		slope[FIT_MAX];

	discounted_slopes(&process, 20, 0, of_process);
	ok(fabs(of_process[0] - 1) < 1e-5 && fabs(of_process[1] + 1) < 1e-5 &&
	   of_process[2] == 0 && of_process[3] == 0, "NBD: R t / A");
	expected_slopes(&model, &record, of_process, slope);
	ok(fabs(slope[0] - 0.8 / 7.8) < 1e-5 && fabs(slope[1] + 9.0 / 54) < 1e-5,
	   "NBD: (r + x) t / (alpha + T)");
	discounted_slopes(&process, 0, 0.1, of_process);
	ok(of_process[0] == 0 && of_process[1] == 0, "no time, no slope");
}

static void
test_variance(void)
{
	static const double slope[] = {1, -2, 3};
	static const double covariance[] = {4, 1, 0.5, 1, 9, -2, 0.5, -2, 16};
	static const double other[] = {1, -2};
	static const double narrow[] = {4, 1, 1, 9};
	static const double opposite[] = {1, 1, 1, 1};
	static const double rounded[] = {1, 1 + 1e-12, 1 + 1e-12, 1};
	static const double against[] = {1, -1};

	/* 4 + 36 + 144, twice -2 + 1.5 + 12 */
	ok(fabs(variance_along(slope, covariance, 3) - 207) < 1e-12,
	   "the variance along a direction, of three");
	ok(fabs(variance_along(other, narrow, 2) - 36) < 1e-12, "and of two");
	ok(variance_along(against, opposite, 2) == 0, "none along a ridge");
	ok(variance_along(against, rounded, 2) == 0, "nor less than none");
}

int
main(void)
{
	random_begin();
	for (PurchaseKind kind = 0; kind < PURCHASE_KINDS; kind++)
		test_kind(kind);
	test_order_value();
	test_nobody_leaves();
	test_known_slopes();
	test_variance();
	return tap_done();
}
