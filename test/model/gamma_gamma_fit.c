/*-------------------------------------------------------------------------
 *
 * gamma_gamma_fit.c
 *	  Fits of Gamma-Gamma to simulated customers against a slow optimiser.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "climb.h"
#include "model/gamma_gamma_fit.h"
#include "random_purchases.h"

#define PARAMETERS		3
#define MAX_CUSTOMERS	10000
#define TIME_LIMIT		10		/* seconds for a fit of any set */

typedef struct Set
{
	GammaGamma	truth;
	size_t		count;
	ValueRecord records[MAX_CUSTOMERS];
} Set;

static Set	set;
static ValueRecord scratch[2 * MAX_CUSTOMERS];
static long stop_after = -1;	/* questions until the answer is yes; -1 never */
static long questions = 0;

static bool
stop(void)
{
	return questions++ == stop_after;
}

/* So many customers with up to so many purchases; unit > 0 rounds the means */
static void
simulate(Set *made, size_t count, double most, double unit)
{
	const GammaGamma *truth = &made->truth;

	made->count = count;
	for (size_t i = 0; i < count; i++)
	{
		ValueRecord *record = &made->records[i];
		double		rate = random_gamma(truth->q) / truth->v;

		record->x = floor(random_size(1, most + 1));
		record->mean = random_gamma(truth->p * record->x) / rate / record->x;
		if (unit > 0)
			record->mean = fmax(1, round(record->mean / unit)) * unit;
		record->mean = fmax(record->mean, 1e-200);
	}
	value_records_sort(made->records, count, scratch);
}

/* False if it took too long */
static bool
fit_in_time(const Set *of, GammaGammaFit *fit)
{
	memset(fit, 0, sizeof(*fit));
	questions = 0;
	if (!begin_limit(TIME_LIMIT))
		return false;
	gamma_gamma_fit(of->records, of->count, scratch, stop, fit);
	end_limit();
	return true;
}

static double
value_at(const double *at, const void *arg)
{
	const Set  *of = arg;
	GammaGamma	model = {exp(at[0]), exp(at[1]), exp(at[2])};
	double		sum = 0;

	for (size_t i = 0; i < of->count; i++)
		sum += gamma_gamma_log_likelihood(&model, of->records[i].x,
										  of->records[i].mean);
	return sum;
}

/* Derivatives of the mean by differences, extrapolated to no step at all */
static bool
is_top(const Set *of, const double *at)
{
	const double h = 2e-2;
	double		hessian[PARAMETERS][PARAMETERS];
	double		l[PARAMETERS][PARAMETERS];
	double		here = value_at(at, of);

	for (int i = 0; i < PARAMETERS; i++)
	{
		double		slope[2];

		for (int k = 0; k < 2; k++)
		{
			double		there[PARAMETERS];
			double		step = k == 0 ? h : h / 2;

			memcpy(there, at, sizeof(there));
			there[i] = at[i] + step;
			slope[k] = value_at(there, of);
			there[i] = at[i] - step;
			slope[k] = (slope[k] - value_at(there, of)) / (2 * step);
		}
		if (!(fabs((4 * slope[1] - slope[0]) / 3) <
			  1e-6 * of->count + 1e-10 * fabs(here)))
			return false;
	}
	for (int i = 0; i < PARAMETERS; i++)
		for (int j = 0; j <= i; j++)
		{
			double		sum[2];

			for (int k = 0; k < 2; k++)
			{
				double		step = k == 0 ? h : h / 2;

				sum[k] = 0;
				for (int side = 0; side < 4; side++)
				{
					double		there[PARAMETERS];

					memcpy(there, at, sizeof(there));
					there[i] += side < 2 ? step : -step;
					there[j] += side % 2 == 0 ? step : -step;
					sum[k] += (side == 0 || side == 3 ? 1 : -1) *
						(value_at(there, of) - here);
				}
				sum[k] /= 4 * step * step;
			}
			hessian[i][j] = (4 * sum[1] - sum[0]) / 3;
		}
	for (int i = 0; i < PARAMETERS; i++)
		for (int j = 0; j <= i; j++)
		{
			double		sum = -hessian[i][j];

			for (int k = 0; k < j; k++)
				sum -= l[i][k] * l[j][k];
			/* the differences have a few digits less than the likelihood */
			if (i == j && sum < 1e-7 * fabs(hessian[i][i]))
				return sum > -1e-5 * fabs(hessian[i][i]);
			l[i][j] = i == j ? sqrt(sum) : sum / l[j][j];
		}
	return true;
}

static void
show_set(const char *what, long number, const Set *of, const GammaGammaFit *fit,
		 const Climb *climb)
{
	printf("# %s: set %ld of %zu customers, made with (%.6g, %.6g, %.6g)\n", what,
		   number, of->count, of->truth.p, of->truth.q, of->truth.v);
	printf("#   %s at (%.9g, %.9g, %.9g), %.12g after %d, gradient %.1e\n",
		   fit_status_name(fit->status), fit->model.p, fit->model.q, fit->model.v,
		   fit->log_likelihood, fit->iterations, fit->gradient_norm);
	if (climb != NULL)
		printf("#   known: %.12g at exp(%.9g, %.9g, %.9g)\n", climb->best,
			   climb->best_at[0], climb->best_at[1], climb->best_at[2]);
	if (of->count <= 60 || getenv("SHOW_SETS") != NULL)
		for (size_t i = 0; i < of->count; i++)
			printf("#     x=%.17g mean=%.17g\n", of->records[i].x,
				   of->records[i].mean);
}

/* What became of many sets */
typedef struct Tally
{
	long		sets;
	long		of_status[FIT_STOPPED + 1];
	long		late;
	long		wrong;
	long		beaten;			/* converged, and a better point is known */
	long		no_top;
	long		beaten_otherwise;	/* of those that do not claim the top */
} Tally;

static void
climb_elsewhere(const Set *of, const double *fitted, Climb *climb)
{
	long		budget = 200000 / (long) of->count;
	double		middle = log(of->records[of->count / 2].mean);
	double		at[FIT_MAX] = {0};

	budget = budget < 150 ? 150 : budget > 800 ? 800 : budget;
	climb_again(climb, fitted, 0.5, budget);
	if (of->truth.p > 0)
	{
		at[0] = log(of->truth.p);
		at[1] = log(of->truth.q);
		at[2] = log(of->truth.v);
		climb_again(climb, at, 0.7, budget);
	}
	for (int k = 0; k < 2; k++)
	{
		at[0] = random_between(-3, 5);
		at[1] = random_between(-1, 5);
		at[2] = middle + at[1] - at[0] + random_between(-1, 1);
		climb_again(climb, at, 1, budget);
	}
}

static void
check_set(Tally *tally, const Set *of)
{
	long		number = tally->sets++;
	double		fitted[FIT_MAX] = {0};
	GammaGammaFit fit;
	double		value;
	double		allowed;
	Climb		climb = {
		.parameters = PARAMETERS,
		.value = value_at,
		.arg = of,
		.best = -INFINITY
	};

	if (!fit_in_time(of, &fit))
	{
		tally->late++;
		show_set("too slow", number, of, &fit, NULL);
		return;
	}
	tally->of_status[fit.status]++;
	if (fit.status == FIT_TOO_FEW)
		return;
	fitted[0] = log(fit.model.p);
	fitted[1] = log(fit.model.q);
	fitted[2] = log(fit.model.v);
	value = value_at(fitted, of);
	/* at the limits of the search terms have fewer digits */
	allowed = 1e-6 + 1e-9 * fabs(value);
	if (!(isfinite(fitted[0]) && isfinite(fitted[1]) && isfinite(fitted[2])) ||
		!(fabs(value - fit.log_likelihood) <=
		  allowed + (fit.status == FIT_CONVERGED ? 0 : 1e-4 * fabs(value))))
	{
		tally->wrong++;
		show_set("wrong", number, of, &fit, NULL);
		printf("#   the likelihood there is %.12g\n", value);
	}
	climb_elsewhere(of, fitted, &climb);
	if (fit.status != FIT_CONVERGED)
	{
		tally->beaten_otherwise += climb.best > value + allowed;
		if (fit.status == FIT_NOT_CONVERGED && getenv("SHOW_LOST") != NULL)
			show_set("lost", number, of, &fit, &climb);
		return;
	}
	if (climb.best > value + allowed)
	{
		tally->beaten++;
		show_set("beaten", number, of, &fit, &climb);
	}
	if (!is_top(of, fitted))
	{
		tally->no_top++;
		show_set("no top", number, of, &fit, &climb);
	}
}

static void
report(const Tally *tally, const char *what)
{
	printf("# %s:", what);
	for (FitStatus s = 0; s <= FIT_STOPPED; s++)
		printf(" %ld %s", tally->of_status[s], fit_status_name(s));
	printf("; of those that say they are not there %ld are not the best known\n",
		   tally->beaten_otherwise);
	ok(tally->late == 0, "%ld %s are fitted in time", tally->sets, what);
	ok(tally->wrong == 0, "%s: what comes out are numbers that fit together", what);
	ok(tally->beaten == 0, "%s: nothing better is known where a fit converged",
	   what);
	ok(tally->no_top == 0, "%s: a converged fit is a top", what);
}

/* Shops as they are, and shops whose customers or purchases are all alike */
static GammaGamma
random_model(void)
{
	GammaGamma	model = {random_size(0.3, 20), random_size(1.5, 15), 0};

	switch (random_below(6))
	{
		case 0:
			model.p = random_size(100, 1e5);
			break;
		case 1:
			model.q = random_size(100, 1e5);
			break;
		case 2:
			model.q = random_size(0.1, 1.5);
			break;
		default:
			break;
	}
	/* money of any currency */
	model.v = random_size(0.5, 500) * fmax(model.q - 1, 0.5) / model.p;
	return model;
}

static void
test_simulated(void)
{
	Tally		tally = {0};

	for (long times = rounds(1000); times > 0; times--)
	{
		bool		large = random_below(15) == 0;
		size_t		count = (size_t) random_size(20, large ? MAX_CUSTOMERS : 800);

		set.truth = random_model();
		simulate(&set, count, random_below(4) == 0 ? 1.5 : random_size(2, 60),
				 random_below(3) == 0 ? 1 : 0);
		check_set(&tally, &set);
	}
	report(&tally, "simulated sets");
}

/* Sets that a model cannot have made */
static void
test_odd(void)
{
	Tally		tally = {0};

	set.truth = (GammaGamma) {0, 0, 0};
	for (long times = rounds(600); times > 0; times--)
	{
		uint64_t	sort = random_below(7);
		double		value = random_size(1e-3, 1e5);

		set.count = 4 + random_below(random_below(2) == 0 ? 10 : 200);
		for (size_t i = 0; i < set.count; i++)
		{
			ValueRecord *record = &set.records[i];

			record->x = (double) (1 + random_below(5));
			record->mean = random_size(1, 100);
			switch (sort)
			{
				case 0:			/* all equal */
					record->mean = value;
					break;
				case 1:			/* wildly unequal */
					record->mean = random_size(1e-100, 1e15);
					break;
				case 2:			/* one purchase each, but for one */
					record->x = i == 0 ? 2 : 1;
					break;
				case 3:			/* two values */
					record->mean = i % 2 == 0 ? value : 2 * value;
					break;
				case 4:			/* all but one equal */
					record->mean = i == 0 ? 3 * value : value;
					break;
				case 5:			/* very many purchases */
					record->x = floor(random_size(1, 1e6));
					break;
				default:		/* the more the dearer */
					record->mean = value * record->x;
			}
		}
		value_records_sort(set.records, set.count, scratch);
		check_set(&tally, &set);
	}
	report(&tally, "odd sets");
}

static void
test_recovery(void)
{
	long		times = rounds(100);
	long		near = 0;
	double		squares = 0;

	for (long i = 0; i < times; i++)
	{
		GammaGammaFit fit;
		bool		good;
		double		z[PARAMETERS];

		set.truth = (GammaGamma) {random_between(1, 8), random_between(2.5, 6),
		random_between(5, 100)};
		simulate(&set, 5000, 15, 0);
		good = fit_in_time(&set, &fit) && fit.status == FIT_CONVERGED;
		z[0] = log(fit.model.p / set.truth.p) * fit.model.p / fit.standard_error[0];
		z[1] = log(fit.model.q / set.truth.q) * fit.model.q / fit.standard_error[1];
		z[2] = log(fit.model.v / set.truth.v) * fit.model.v / fit.standard_error[2];
		for (int k = 0; k < PARAMETERS; k++)
		{
			squares += z[k] * z[k] / (double) (PARAMETERS * times);
			good = good && fabs(z[k]) < 5;
		}
		near += good;
		if (!good)
			show_set("far off", i, &set, &fit, NULL);
	}
	ok(near == times, "%ld sets of 5000 give their parameters back", times);
	ok(squares > 0.2 && squares < 3,
	   "standard errors are as large as errors are, %.2f times squared", squares);
}

/* Money in another currency: v is in its unit, all else is the same */
static void
test_currency(void)
{
	static const double rates[] = {1e-6, 0.01, 100, 1e4, 1e6, 1e9};
	long		times = rounds(100);

	for (size_t k = 0; k < sizeof(rates) / sizeof(rates[0]); k++)
	{
		long		same = 0;

		for (long i = 0; i < times; i++)
		{
			GammaGammaFit fit;
			GammaGammaFit other;

			set.truth = (GammaGamma) {random_between(1, 8), random_between(2.5, 6),
			random_between(5, 100)};
			simulate(&set, 500, 15, 0);
			fit_in_time(&set, &fit);
			for (size_t c = 0; c < set.count; c++)
				set.records[c].mean *= rates[k];
			fit_in_time(&set, &other);
			same += fit.status == other.status &&
				fabs(other.model.p / fit.model.p - 1) < 1e-6 &&
				fabs(other.model.q / fit.model.q - 1) < 1e-6 &&
				fabs(other.model.v / fit.model.v / rates[k] - 1) < 1e-6;
		}
		ok(same == times, "%ld sets in another currency, at %g for one", times,
		   rates[k]);
	}
}

/* Customers so different that a few have nearly all of the money */
static void
test_unequal(void)
{
	GammaGammaFit fit;

	set.truth = (GammaGamma) {5, 0.35, 0.007};
	simulate(&set, MAX_CUSTOMERS, 10, 0);
	ok(fit_in_time(&set, &fit) && fit.status == FIT_CONVERGED &&
	   fabs(fit.model.q / 0.35 - 1) < 0.1,
	   "the richest hide nobody: q is %g", fit.model.q);
}

/* The middle rank of a value by its definition */
static double
slow_rank(const double *list, size_t count, double value)
{
	double		below = 0;
	double		equal = 0;

	for (size_t i = 0; i < count; i++)
	{
		below += list[i] < value;
		equal += list[i] == value;
	}
	return below + (equal + 1) / 2;
}

/* By pairs, which needs no means: sums of differences between all customers */
static double
slow_correlation(const double *a, const double *b, size_t count)
{
	double		aa = 0;
	double		bb = 0;
	double		ab = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
		{
			aa += (a[i] - a[j]) * (a[i] - a[j]);
			bb += (b[i] - b[j]) * (b[i] - b[j]);
			ab += (a[i] - a[j]) * (b[i] - b[j]);
		}
	return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}

static bool
same_number(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

static void
test_correlations(void)
{
	long		times = rounds(500);
	long		pearson = 0;
	long		spearman = 0;
	long		constant = 0;
	long		none = 0;		/* of those, without a correlation */

	for (long i = 0; i < times; i++)
	{
		double		x[60];
		double		mean[60];
		double		rank_x[60];
		double		rank_mean[60];
		uint64_t	values = 1 + random_below(random_below(2) == 0 ? 3 : 1000);
		uint64_t	counts = 1 + random_below(6);
		GammaGammaFit fit;

		set.count = 4 + random_below(56);
		for (size_t c = 0; c < set.count; c++)
			set.records[c] = (ValueRecord) {
				2 + (double) random_below(counts),
				(1 + (double) random_below(values)) * 0.25
			};
		value_records_sort(set.records, set.count, scratch);
		for (size_t c = 0; c < set.count; c++)
		{
			x[c] = set.records[c].x;
			mean[c] = set.records[c].mean;
		}
		for (size_t c = 0; c < set.count; c++)
		{
			rank_x[c] = slow_rank(x, set.count, x[c]);
			rank_mean[c] = slow_rank(mean, set.count, mean[c]);
		}
		fit_in_time(&set, &fit);
		if (isnan(slow_correlation(x, mean, set.count)))
		{
			constant++;
			none += isnan(fit.correlation.pearson) && isnan(fit.correlation.spearman);
			pearson++;
			spearman++;
			continue;
		}
		pearson += same_number(slow_correlation(x, mean, set.count), fit.correlation.pearson);
		spearman += same_number(slow_correlation(rank_x, rank_mean, set.count),
								fit.correlation.spearman);
	}
	ok(pearson == times, "correlations of %ld sets, many of them with ties", times);
	ok(spearman == times, "and those of their ranks");
	ok(none == constant, "%ld lists of equal numbers have none", constant);
}

static bool
same_fit(const GammaGammaFit *a, const GammaGammaFit *b)
{
	return a->status == b->status && a->iterations == b->iterations &&
		memcmp(&a->model, &b->model, sizeof(a->model)) == 0 &&
		memcmp(&a->log_likelihood, &b->log_likelihood, sizeof(double)) == 0 &&
		memcmp(a->standard_error, b->standard_error,
			   sizeof(a->standard_error)) == 0 &&
		memcmp(&a->correlation.pearson, &b->correlation.pearson, sizeof(double)) == 0 &&
		memcmp(&a->correlation.spearman, &b->correlation.spearman, sizeof(double)) == 0;
}

static void
test_order(void)
{
	long		times = rounds(100);
	long		same = 0;

	for (long i = 0; i < times; i++)
	{
		GammaGammaFit fit;
		GammaGammaFit again;

		set.truth = random_model();
		simulate(&set, 300 + random_below(2500), 12, 1);
		fit_in_time(&set, &fit);
		for (size_t c = set.count; c > 1; c--)
		{
			size_t		other = random_below(c);
			ValueRecord record = set.records[c - 1];

			set.records[c - 1] = set.records[other];
			set.records[other] = record;
		}
		value_records_sort(set.records, set.count, scratch);
		fit_in_time(&set, &again);
		same += same_fit(&fit, &again);
	}
	ok(same == times, "%ld fits are the same in any order, to the last bit", times);
}

static void
test_stop(void)
{
	GammaGammaFit fit;
	GammaGammaFit again;
	long		all;
	bool		stopped = true;

	set.truth = (GammaGamma) {4, 3, 20};
	simulate(&set, MAX_CUSTOMERS, 12, 0);
	fit_in_time(&set, &fit);
	all = questions;
	for (stop_after = 0; stop_after < all; stop_after++)
		stopped = stopped && fit_in_time(&set, &again) &&
			again.status == FIT_STOPPED && questions == stop_after + 1;
	ok(all > 0 && stopped, "a fit of %zu customers stops at any of %ld questions",
	   set.count, all);
	fit_in_time(&set, &again);
	stop_after = -1;
	ok(same_fit(&fit, &again), "one question later it is done");
}

/* Nothing to fit is said, not found out by trying */
static void
test_too_few(void)
{
	ValueRecord three[] = {{1, 5}, {2, 7}, {3, 9}};
	ValueRecord once[] = {{1, 5}, {1, 7}, {1, 9}, {1, 10}, {1, 12}};
	GammaGammaFit fit;

	gamma_gamma_fit(NULL, 0, scratch, stop, &fit);
	ok(fit.status == FIT_TOO_FEW && isnan(fit.correlation.pearson) && isnan(fit.correlation.spearman),
	   "nobody has bought");
	gamma_gamma_fit(three, 3, scratch, stop, &fit);
	ok(fit.status == FIT_TOO_FEW, "three customers for three parameters");
	gamma_gamma_fit(once, 5, scratch, stop, &fit);
	ok(fit.status == FIT_TOO_FEW, "one purchase each tells customers and purchases "
	   "not apart");
}

int
main(void)
{
	random_begin();
	test_too_few();
	test_correlations();
	test_order();
	test_stop();
	test_recovery();
	test_unequal();
	test_currency();
	test_odd();
	test_simulated();
	return tap_done();
}
