/*-------------------------------------------------------------------------
 *
 * purchase_fit.c
 *	  Fits of purchase models to simulated customers against a slow optimiser.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "climb.h"
#include "model/purchase_fit.h"
#include "model/purchase_slopes.h"
#include "random_purchases.h"

#define MAX_CUSTOMERS	10000
#define SLOTS			32768
#define TIME_LIMIT		30		/* seconds for a fit of any set, with sanitizers */

/* Customers, and how they are to be fitted */
typedef struct Set
{
	PurchaseModel truth;
	PurchaseKind kind;			/* that is fitted */
	double		penalizer;
	double		customers;
	size_t		count;
	RecordGroup groups[2 * MAX_CUSTOMERS]; /* the second half is scratch */
} Set;

static Set	set;
static RecordGroup slot[SLOTS];
static long stop_after = -1;	/* questions until the answer is yes; -1 never */
static long questions = 0;

static bool
stop(void)
{
	return questions++ == stop_after;
}

static void
begin_set(RecordGroups *groups, size_t slots)
{
	memset(slot, 0, slots * sizeof(RecordGroup));
	*groups = (RecordGroups) {slot, slots, 0};
}

static void
end_set(Set *end, const RecordGroups *groups)
{
	end->count = groups->used;
	(void) records_sorted(groups, end->groups, NULL);
	end->customers = 0;
	for (size_t i = 0; i < end->count; i++)
		end->customers += end->groups[i].customers;
}

/* So many customers of the set's model; unit > 0 counts time in whole units */
static void
simulate(Set *made, long customers, double least, double most, double unit)
{
	RecordGroups groups;

	begin_set(&groups, SLOTS);
	for (long i = 0; i < customers; i++)
	{
		double		T = random_between(least, most);
		PurchaseRecord record;

		if (unit > 0)
			T = floor(T / unit) * unit;
		record = random_customer(&made->truth, T);
		/* a repeat purchase at time 0 makes the likelihood of alpha = 0 infinite */
		if (unit > 0)
			record.t_x = fmin(T, ceil(record.t_x / unit - 1e-9) * unit);
		if (record.x == 0 || record.t_x <= 0)
			record.x = record.t_x = 0;
		records_add(&groups, &record, 1);
	}
	end_set(made, &groups);
}

/* False if it took too long */
static bool
fit_in_time(const Set *of, PurchaseFit *fit)
{
	memset(fit, 0, sizeof(*fit));
	questions = 0;
	if (!begin_limit(TIME_LIMIT))
		return false;
	purchase_fit(of->kind, of->groups, of->count, of->penalizer, stop, fit);
	end_limit();
	return true;
}

/* What is made large: the log-likelihood, less what is penalized */
static double
value_at(const double *at, const void *arg)
{
	const Set  *of = arg;
	PurchaseModel model = {.kind = of->kind};
	double		sum = 0;

	for (int i = 0; i < purchase_methods[of->kind]->parameters; i++)
	{
		model.parameter[i] = exp(at[i]);
		sum -= of->customers * of->penalizer * model.parameter[i] *
			model.parameter[i];
	}
	for (size_t i = 0; i < of->count; i++)
		sum += of->groups[i].customers *
			purchase_log_likelihood(&model, &of->groups[i].record);
	return sum;
}

/* The gradient of the mean by the slopes, which have a test of their own */
static void
gradient_at(const Set *of, const double *at, double *gradient)
{
	double		parameter[FIT_MAX] = {0};
	double		sum[FIT_MAX] = {0};
	int			n = purchase_methods[of->kind]->parameters;

	for (int i = 0; i < n; i++)
		parameter[i] = exp(at[i]);
	for (size_t k = 0; k < of->count; k++)
	{
		const RecordGroup *group = &of->groups[k];
		Slopes		count = {0};
		Slopes		times = {0};

		purchase_slopes[of->kind].of_count(parameter, group->record.x, &count);
		purchase_slopes[of->kind].of_times(parameter, &group->record, &times);
		for (int i = 0; i < n; i++)
			sum[i] += group->customers * (count.first[i] + times.first[i]);
	}
	for (int i = 0; i < n; i++)
		gradient[i] = parameter[i] * sum[i] / of->customers -
			2 * of->penalizer * parameter[i] * parameter[i];
}

/* Is every way from here down?  Cholesky of less the Hessian, by differences. */
static bool
is_top(const Set *of, const double *at)
{
	const double h = 1e-3;
	int			n = purchase_methods[of->kind]->parameters;
	double		hessian[FIT_MAX][FIT_MAX] = {0};
	double		l[FIT_MAX][FIT_MAX];
	double		allowed = 2e-7 * of->customers + 1e-10 * fabs(value_at(at, of));

	for (int i = 0; i < n; i++)
	{
		double		slope = 0;

		/* steps of two lengths, so that the error of h squared falls out */
		for (int k = 0; k < 2; k++)
		{
			double		step = k == 0 ? h : h / 2;
			double		weight = (k == 0 ? -1 : 4) / (6 * step);
			double		there[FIT_MAX];
			double		up[FIT_MAX];
			double		down[FIT_MAX];

			memcpy(there, at, sizeof(there));
			there[i] = at[i] + step;
			gradient_at(of, there, up);
			slope += weight * value_at(there, of);
			there[i] = at[i] - step;
			gradient_at(of, there, down);
			slope -= weight * value_at(there, of);
			for (int j = 0; j < n; j++)
				hessian[i][j] += weight * (up[j] - down[j]);
		}
		if (!(fabs(slope) < allowed))
			return false;
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
		{
			double		sum = -(hessian[i][j] + hessian[j][i]) / 2;

			for (int k = 0; k < j; k++)
				sum -= l[i][k] * l[j][k];
			if (i == j && !(sum > 0))
				return false;
			l[i][j] = i == j ? sqrt(sum) : sum / l[j][j];
		}
	return true;
}

static void
show_set(const char *what, long number, const Set *of, const PurchaseFit *fit,
		 const Climb *climb)
{
	printf("# %s: set %ld, %s with penalizer %g fitted to %g customers in %zu "
		   "groups of %s(%.6g, %.6g, %.6g, %.6g)\n", what, number,
		   purchase_methods[of->kind]->name, of->penalizer, of->customers,
		   of->count, purchase_methods[of->truth.kind]->name,
		   of->truth.parameter[0], of->truth.parameter[1],
		   of->truth.parameter[2], of->truth.parameter[3]);
	printf("#   %s at (%.9g, %.9g, %.9g, %.9g), %.12g after %d, gradient %.1e\n",
		   fit_status_name(fit->status), fit->model.parameter[0],
		   fit->model.parameter[1], fit->model.parameter[2],
		   fit->model.parameter[3], fit->log_likelihood, fit->iterations,
		   fit->gradient_norm);
	if (climb != NULL)
		printf("#   known: %.12g at exp(%.9g, %.9g, %.9g, %.9g)\n", climb->best,
			   climb->best_at[0], climb->best_at[1], climb->best_at[2],
			   climb->best_at[3]);
	if (of->count <= 60 || getenv("SHOW_SETS") != NULL)
		for (size_t i = 0; i < of->count; i++)
			printf("#     %.17g x=%.17g t_x=%.17g T=%.17g\n",
				   of->groups[i].customers, of->groups[i].record.x,
				   of->groups[i].record.t_x, of->groups[i].record.T);
}

/* What became of many sets */
typedef struct Tally
{
	long		sets;
	long		of_status[FIT_STOPPED + 1];
	long		late;
	long		wrong;			/* numbers that are none, or not the likelihood */
	long		beaten;			/* converged, and a better point is known */
	long		no_top;
	long		beaten_otherwise;	/* of those that do not claim the top */
} Tally;

/* Other climbs: from the fit, from the truth, from anywhere */
static void
climb_elsewhere(const Set *of, const double *fitted, Climb *climb)
{
	long		budget = (of->kind == PURCHASE_PARETO_NBD ? 20000 : 100000) /
		(long) (of->count + 1);
	double		at[FIT_MAX] = {0};

	budget = budget < 100 ? 100 : budget > 600 ? 600 : budget;
	climb_again(climb, fitted, 0.5, budget);
	if (of->truth.kind == of->kind)
	{
		for (int i = 0; i < climb->parameters; i++)
			at[i] = fmax(-15, fmin(15, log(of->truth.parameter[i])));
		climb_again(climb, at, 0.7, budget);
	}
	for (int k = 0; k < 2; k++)
	{
		for (int i = 0; i < climb->parameters; i++)
			at[i] = random_between(-4, 5);
		climb_again(climb, at, 1.5, budget);
	}
}

static void
check_set(Tally *tally, const Set *of)
{
	int			n = purchase_methods[of->kind]->parameters;
	long		number = tally->sets++;
	double		fitted[FIT_MAX] = {0};
	PurchaseFit fit;
	Climb		climb = {
		.parameters = n,
		.value = value_at,
		.arg = of,
		.best = -INFINITY
	};
	double		value;
	double		allowed;
	bool		good = true;

	if (!fit_in_time(of, &fit))
	{
		tally->late++;
		show_set("too slow", number, of, &fit, NULL);
		return;
	}
	tally->of_status[fit.status]++;
	if (fit.status == FIT_TOO_FEW)
		return;
	for (int i = 0; i < n; i++)
	{
		fitted[i] = log(fit.model.parameter[i]);
		good = good && isfinite(fitted[i]) && fit.standard_error[i] > 0;
	}
	value = value_at(fitted, of);
	for (int i = 0; i < n; i++)
		value += of->customers * of->penalizer * fit.model.parameter[i] *
			fit.model.parameter[i];
	allowed = 1e-6 + 1e-9 * fabs(value);
	/* at the limits of the search terms have fewer digits */
	if (!good || !(fabs(value - fit.log_likelihood) < allowed +
				   (fit.status == FIT_CONVERGED ? 0
					: 1e-7 * (fabs(value) + of->customers))))
	{
		tally->wrong++;
		show_set("wrong", number, of, &fit, NULL);
		printf("#   the likelihood there is %.12g\n", value);
	}
	climb_elsewhere(of, fitted, &climb);
	value = value_at(fitted, of);
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

/* Parameters as shops have them, near the edge of that, and beyond */
static PurchaseModel
random_model(PurchaseKind kind, double span)
{
	PurchaseModel model = {.kind = kind};
	double		r = random_size(0.15, 3);
	bool		wide = random_below(3) == 0;

	for (int i = 0; i < purchase_methods[kind]->parameters; i++)
		model.parameter[i] = wide ? random_size(0.02, 50) : random_size(0.3, 4);
	if (kind == PURCHASE_BGBB)
		return model;
	model.parameter[0] = r;
	/* most customers buy seldom */
	model.parameter[1] = r * span / random_size(0.3, 8);
	if (kind == PURCHASE_PARETO_NBD)
		model.parameter[3] *= span / 2;
	return model;
}

/* The sorts of sets that a fit may have trouble with */
static void
random_sort(Set *made, double span)
{
	double	   *parameter = made->truth.parameter;

	switch (random_below(8))
	{
		case 0:					/* nobody leaves */
			if (made->kind != PURCHASE_BGBB)
				made->truth = random_model(PURCHASE_NBD, span);
			else
				parameter[2] = 1e-9;
			break;
		case 1:					/* most buy once */
			parameter[0] = random_size(0.01, 0.1);
			break;
		case 2:					/* all buy at the same rate */
			parameter[1] *= 1e5 / parameter[0];
			parameter[0] = 1e5;
			break;
		case 3:					/* all leave at the same rate */
			if (made->truth.kind != PURCHASE_NBD)
			{
				parameter[3] *= 1e5 / parameter[2];
				parameter[2] = 1e5;
			}
			break;
		case 4:					/* another model */
			if (made->kind != PURCHASE_BGBB)
				made->truth = random_model((PurchaseKind) random_below(PURCHASE_BGBB),
										   span);
			break;
		default:
			break;
	}
}

static void
random_set(Set *made)
{
	double		span = random_size(0.5, 400);
	bool		large = random_below(15) == 0;
	long		customers = (long) random_size(50, large ? MAX_CUSTOMERS : 500);
	double		unit = random_below(2) == 0 ? 0 : span / random_between(8, 30);

	made->kind = (PurchaseKind) random_below(PURCHASE_KINDS);
	if (made->kind == PURCHASE_BGBB)
	{
		span = (double) (3 + random_below(10));
		unit = 1;
	}
	if (customers > 500)
		unit = fmax(unit, made->kind == PURCHASE_PARETO_NBD ? span / 8 : span / 16);
	made->penalizer = random_below(5) == 0 ? random_size(1e-4, 0.1) : 0;
	made->truth = random_model(made->kind, span);
	random_sort(made, span);
	simulate(made, customers, random_below(3) == 0 ? span : 0, span, unit);
}

static void
test_simulated(void)
{
	Tally		tally = {0};

	for (long times = rounds(1000); times > 0; times--)
	{
		random_set(&set);
		check_set(&tally, &set);
	}
	report(&tally, "simulated sets");
}

/* Sets of few or odd records: the same ones, times of zero, very long ones */
static void
test_odd(void)
{
	Tally		tally = {0};

	for (long times = rounds(500); times > 0; times--)
	{
		RecordGroups groups;
		uint64_t	records = 1 + random_below(12);
		double		unit = random_size(1e-3, 1e5);

		begin_set(&groups, 64);
		set.kind = (PurchaseKind) random_below(PURCHASE_KINDS);
		set.truth = (PurchaseModel) {.kind = set.kind};
		set.penalizer = 0;
		if (set.kind == PURCHASE_BGBB)
			unit = 1;
		while (records-- > 0)
		{
			PurchaseRecord record = {0};

			record.T = (double) random_below(4) * (double) random_below(50);
			record.x = random_below(5) == 0 && set.kind != PURCHASE_BGBB
				? (double) random_below(10000) : (double) random_below(4);
			record.x = record.T == 0 || (set.kind == PURCHASE_BGBB &&
										 record.x > record.T) ? 0 : record.x;
			if (record.x > 0)
				record.t_x = random_below(3) == 0 ? record.T
					: record.x + (double) random_below((uint64_t) record.T + 1);
			record.t_x = fmin(record.t_x, record.T) * unit;
			record.T *= unit;
			records_add(&groups, &record, random_below(4) == 0
						? floor(random_size(1, 1e4)) : 1);
		}
		end_set(&set, &groups);
		check_set(&tally, &set);
	}
	report(&tally, "odd sets");
}

/* A part of the records can be without any repeat purchase */
static void
test_rare(void)
{
	Tally		tally = {0};

	for (set.kind = 0; set.kind < PURCHASE_KINDS; set.kind++)
	{
		RecordGroups groups;

		set.truth = (PurchaseModel) {.kind = set.kind};
		set.penalizer = 0;
		begin_set(&groups, SLOTS);
		for (int i = 0; i < 799; i++)
			records_add(&groups, &(PurchaseRecord) {0, 0, 100 + i}, 1);
		records_add(&groups, &(PurchaseRecord) {1, 50, 300}, 1);
		records_add(&groups, &(PurchaseRecord) {2, 50, 300}, 1);
		end_set(&set, &groups);
		check_set(&tally, &set);
	}
	report(&tally, "sets with two repeat buyers");
}

/* Sets whose likelihood has two tops, and how high the higher one is at least */
static const RecordGroup two_tops[] = {
	{{0, 0, 5.9183776135042523}, 68},
	{{3, 1.6141029855011597, 5.9183776135042523}, 1},
	{{3, 5.6493604492540594, 5.9183776135042523}, 1},
	{{3, 5.9183776135042523, 5.9183776135042523}, 1}
};

static const RecordGroup two_more_tops[] = {
	{{0, 0.0, 4.687879380308444}, 114},
	{{1, 0.1803030530887863, 4.687879380308444}, 1},
	{{1, 0.3606061061775726, 4.687879380308444}, 1},
	{{1, 0.5409091592663589, 4.687879380308444}, 1},
	{{1, 0.7212122123551452, 4.687879380308444}, 3},
	{{1, 1.0818183185327177, 4.687879380308444}, 1},
	{{1, 1.8030305308878631, 4.687879380308444}, 2},
	{{1, 2.1636366370654354, 4.687879380308444}, 2},
	{{1, 2.343939690154222, 4.687879380308444}, 1},
	{{1, 2.524242743243008, 4.687879380308444}, 1},
	{{1, 2.884848849420581, 4.687879380308444}, 1},
	{{1, 3.4257580086869397, 4.687879380308444}, 1},
	{{1, 3.6060610617757263, 4.687879380308444}, 1},
	{{1, 3.9666671679532985, 4.687879380308444}, 1},
	{{1, 4.327273274130871, 4.687879380308444}, 2},
	{{2, 1.0818183185327177, 4.687879380308444}, 1},
	{{2, 1.262121371621504, 4.687879380308444}, 1},
	{{2, 1.4424244247102904, 4.687879380308444}, 1},
	{{2, 1.9833335839766493, 4.687879380308444}, 1},
	{{2, 2.7045457963317947, 4.687879380308444}, 1},
	{{2, 3.2454549555981536, 4.687879380308444}, 1},
	{{2, 3.7863641148645124, 4.687879380308444}, 1},
	{{2, 4.507576327219658, 4.687879380308444}, 1},
	{{2, 4.687879380308444, 4.687879380308444}, 1},
	{{3, 1.6227274777990768, 4.687879380308444}, 1},
	{{3, 3.2454549555981536, 4.687879380308444}, 1},
	{{3, 3.4257580086869397, 4.687879380308444}, 1},
	{{3, 3.6060610617757263, 4.687879380308444}, 1},
	{{4, 3.9666671679532985, 4.687879380308444}, 1},
	{{4, 4.687879380308444, 4.687879380308444}, 4},
	{{5, 3.065151902509367, 4.687879380308444}, 1},
	{{5, 4.507576327219658, 4.687879380308444}, 1},
	{{6, 2.7045457963317947, 4.687879380308444}, 1},
	{{7, 4.687879380308444, 4.687879380308444}, 1}
};

static void
check_top(PurchaseKind kind, const RecordGroup *groups, size_t count,
		  double penalizer, double height)
{
	PurchaseFit fit;

	purchase_fit(kind, groups, count, penalizer, stop, &fit);
	ok(fit.status != FIT_CONVERGED || fit.log_likelihood > height - 1e-4,
	   "%s: of two tops the higher one, %.9g, is found: %.9g, %s",
	   purchase_methods[kind]->name, height, fit.log_likelihood,
	   fit_status_name(fit.status));
}

/* One of 3228 customers, most of whom bought once; false if there is no file */
static bool
read_set(Set *read, const char *path)
{
	FILE	   *file = fopen(path, "r");
	RecordGroups groups;
	PurchaseRecord record;
	double		customers;

	begin_set(&groups, SLOTS);
	if (file == NULL || fscanf(file, "%*[^\n]") != 0)
		return false;
	while (fscanf(file, "%lf,%lf,%lf,%lf", &customers, &record.x, &record.t_x,
				  &record.T) == 4)
		records_add(&groups, &record, customers);
	fclose(file);
	end_set(read, &groups);
	return true;
}

static void
test_two_tops(void)
{
	ok(read_set(&set, "test/data/mbgnbd_two_tops.csv") && set.customers == 3228,
	   "a set of two tops can be read");
	check_top(PURCHASE_MBGNBD, set.groups, set.count, 0, -4025.66012);
	check_top(PURCHASE_PARETO_NBD, two_tops,
			  sizeof(two_tops) / sizeof(two_tops[0]), 0, -28.5101995);
	check_top(PURCHASE_PARETO_NBD, two_more_tops,
			  sizeof(two_more_tops) / sizeof(two_more_tops[0]), 0, -240.719403);
}

/* Parameters that a set of thousands should tell */
static PurchaseModel
clear_model(PurchaseKind kind)
{
	static const double low[PURCHASE_KINDS][4] = {
		{0.4, 3}, {0.4, 3, 0.6, 2}, {0.4, 3, 0.6, 2}, {0.5, 5, 0.5, 8},
		{0.8, 0.6, 0.5, 2}
	};
	static const double high[PURCHASE_KINDS][4] = {
		{2, 12}, {1, 8, 1.2, 4}, {1, 8, 1.2, 4}, {1, 12, 1, 15}, {2, 1.5, 1, 4}
	};
	PurchaseModel model = {.kind = kind};

	for (int i = 0; i < purchase_methods[kind]->parameters; i++)
		model.parameter[i] = random_between(low[kind][i], high[kind][i]);
	return model;
}

static void
test_recovery(PurchaseKind kind)
{
	long		times = rounds(kind == PURCHASE_PARETO_NBD ? 10 : 40);
	long		near = 0;
	double		squares = 0;
	int			n = purchase_methods[kind]->parameters;

	set.kind = kind;
	set.penalizer = 0;
	for (long i = 0; i < times; i++)
	{
		PurchaseFit fit;
		bool		good;

		set.truth = clear_model(kind);
		simulate(&set, 5000, kind == PURCHASE_BGBB ? 6 : 20,
				 kind == PURCHASE_BGBB ? 13 : 80, kind == PURCHASE_BGBB ? 1 : 0);
		good = fit_in_time(&set, &fit) && fit.status == FIT_CONVERGED;
		for (int k = 0; k < n; k++)
		{
			double		z = log(fit.model.parameter[k] / set.truth.parameter[k]) *
				fit.model.parameter[k] / fit.standard_error[k];

			squares += z * z;
			good = good && fabs(z) < 5;
		}
		near += good;
		if (!good)
			show_set("far off", i, &set, &fit, NULL);
	}
	squares /= (double) (times * n);
	ok(near == times, "%s: %ld sets of 5000 give their parameters back",
	   purchase_methods[kind]->name, times);
	/* parameters of one set depend on each other, so few sets tell little */
	ok(times < 4 || (squares > 0.2 && squares < 3),
	   "%s: standard errors are as large as errors are, %.2f times squared",
	   purchase_methods[kind]->name, squares);
}

/* Time in another unit: alpha and beta are in it, all else is the same */
static void
test_units(PurchaseKind kind)
{
	static const double units[] = {1e-3, 7, 604800};
	long		times = rounds(40);
	long		same = 0;

	for (long i = 0; i < times; i++)
	{
		double		unit = units[random_below(3)];
		PurchaseFit fit;
		PurchaseFit other;
		bool		good;

		set.kind = kind;
		set.penalizer = 0;
		set.truth = clear_model(kind);
		simulate(&set, 600, 10, 60, 0);
		good = fit_in_time(&set, &fit);
		for (size_t k = 0; k < set.count; k++)
		{
			set.groups[k].record.t_x *= unit;
			set.groups[k].record.T *= unit;
		}
		good = good && fit_in_time(&set, &other) && fit.status == other.status;
		if (fit.status == FIT_CONVERGED)
			for (int k = 0; k < purchase_methods[kind]->parameters; k++)
			{
				bool		is_time = k == 1 || (k == 3 &&
												 kind == PURCHASE_PARETO_NBD);

				good = good && fabs(other.model.parameter[k] /
									fit.model.parameter[k] / (is_time ? unit : 1) -
									1) < 1e-5;
			}
		same += good;
		if (!good)
			show_set("another unit", i, &set, &other, NULL);
	}
	ok(same == times, "%s: %ld sets in another unit of time",
	   purchase_methods[kind]->name, times);
}

static bool
same_fit(const PurchaseFit *a, const PurchaseFit *b)
{
	return a->status == b->status && a->iterations == b->iterations &&
		a->customers == b->customers &&
		memcmp(&a->log_likelihood, &b->log_likelihood, sizeof(double)) == 0 &&
		memcmp(&a->gradient_norm, &b->gradient_norm, sizeof(double)) == 0 &&
		memcmp(a->model.parameter, b->model.parameter,
			   sizeof(a->model.parameter)) == 0 &&
		memcmp(a->standard_error, b->standard_error,
			   sizeof(a->standard_error)) == 0;
}

/* Adds the customers of a set one by one in any order, to tables that grow */
static void
add_shuffled(const Set *from, Set *into)
{
	static PurchaseRecord list[MAX_CUSTOMERS];
	static RecordGroup larger[SLOTS];
	RecordGroups groups;
	size_t		count = 0;

	for (size_t i = 0; i < from->count; i++)
		for (double c = 0; c < from->groups[i].customers; c++)
			list[count++] = from->groups[i].record;
	for (size_t i = count; i > 1; i--)
	{
		size_t		other = random_below(i);
		PurchaseRecord record = list[i - 1];

		list[i - 1] = list[other];
		list[other] = record;
	}
	begin_set(&groups, 2);
	for (size_t i = 0; i < count; i++)
	{
		if (records_full(&groups))
		{
			RecordGroups grown = {larger, groups.slots * 2, 0};

			memset(larger, 0, grown.slots * sizeof(RecordGroup));
			records_copy(&grown, &groups);
			memcpy(slot, larger, grown.slots * sizeof(RecordGroup));
			groups = (RecordGroups) {slot, grown.slots, grown.used};
		}
		records_add(&groups, &list[i], 1);
	}
	end_set(into, &groups);
}

static void
test_order(void)
{
	static Set	other;
	long		times = rounds(60);
	long		same_records = 0;
	long		same = 0;

	for (long i = 0; i < times; i++)
	{
		PurchaseFit fit;
		PurchaseFit again;

		do
			random_set(&set);
		while (set.customers > 2000);
		other = set;
		add_shuffled(&set, &other);
		same_records += other.count == set.count && other.customers ==
			set.customers && memcmp(other.groups, set.groups, set.count *
									sizeof(RecordGroup)) == 0;
		same += fit_in_time(&set, &fit) && fit_in_time(&other, &again) &&
			same_fit(&fit, &again);
	}
	ok(same_records == times, "%ld sets are listed the same in any order", times);
	ok(same == times, "so their fits are the same to the last bit");
}

/* Groups against a slow count of them */
static void
test_records(void)
{
	long		times = rounds(300);
	long		good = 0;

	for (long i = 0; i < times; i++)
	{
		static PurchaseRecord list[300];
		RecordGroups groups;
		size_t		count = random_below(300);
		bool		right = true;

		begin_set(&groups, 512);
		for (size_t k = 0; k < count; k++)
		{
			list[k] = (PurchaseRecord) {(double) random_below(3),
			(double) random_below(4), (double) random_below(5)};
			records_add(&groups, &list[k], 1 + (double) (k % 2));
		}
		end_set(&set, &groups);
		for (size_t g = 0; g < set.count; g++)
		{
			const PurchaseRecord *a = &set.groups[g].record;
			double		customers = 0;

			for (size_t k = 0; k < count; k++)
				if (list[k].x == a->x && list[k].t_x == a->t_x && list[k].T == a->T)
					customers += 1 + (double) (k % 2);
			right = right && customers == set.groups[g].customers;
			if (g > 0)
				right = right && set.groups[g - 1].record.x <= a->x;
		}
		good += right && set.count == groups.used &&
			set.customers == count + count / 2;
	}
	ok(good == times, "%ld lists of records are counted", times);
}

/* Whenever it is told to stop, a fit stops; nothing else changes */
static void
test_stop(PurchaseKind kind)
{
	PurchaseFit fit;
	PurchaseFit again;
	long		all;
	bool		stopped = true;

	set.kind = kind;
	set.penalizer = 0;
	set.truth = clear_model(kind);
	if (kind == PURCHASE_BGBB)
		set.truth.parameter[2] = 0.2;
	simulate(&set, 1000, 10, 40, kind == PURCHASE_BGBB ? 1 : 0);
	fit_in_time(&set, &fit);
	all = questions;
	for (int i = 0; i < 10 && all > 0; i++)
	{
		stop_after = i == 0 ? 0 : i == 1 ? all - 1
			: (long) random_below((uint64_t) all);
		stopped = stopped && fit_in_time(&set, &again) &&
			again.status == FIT_STOPPED && questions == stop_after + 1;
	}
	ok(all > 0 && stopped, "%s: a fit of %zu groups stops at any of %ld questions",
	   purchase_methods[kind]->name, set.count, all);
	stop_after = all;
	fit_in_time(&set, &again);
	stop_after = -1;
	ok(same_fit(&fit, &again), "%s: one question later it is done",
	   purchase_methods[kind]->name);
}

/* Nothing to fit is said, not found out by trying */
static void
test_too_few(void)
{
	static const RecordGroup sets[][3] = {
		{{{0, 0, 10}, 100}, {{0, 0, 20}, 100}, {{0, 0, 30}, 100}},
		{{{0, 0, 10}, 100}, {{0, 0, 20}, 100}, {{3, 5, 30}, 1}},
		{{{1, 5, 10}, 1}, {{2, 5, 20}, 1}, {{3, 5, 30}, 2}},
		{{{0, 0, 0}, 100}, {{1, 0, 0}, 100}, {{2, 0, 0}, 100}}
	};
	bool		said = true;

	for (PurchaseKind kind = 0; kind < PURCHASE_KINDS; kind++)
	{
		PurchaseFit fit;

		for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		{
			purchase_fit(kind, sets[i], 3, 0, stop, &fit);
			said = said && fit.status == FIT_TOO_FEW && fit.model.kind == kind &&
				fit.log_likelihood == 0 && fit.model.parameter[0] == 0;
		}
		purchase_fit(kind, NULL, 0, 0, stop, &fit);
		said = said && fit.status == FIT_TOO_FEW && fit.customers == 0;
	}
	ok(said, "too few customers or repeat purchases or no time is said");
}

/*
 * So many records that the starts are tried on a few of them: on those the rates
 * of leaving may run away, all of them tell what they are.
 */
static void
test_runaway(void)
{
	long		times = rounds(100);
	long		below = 0;
	long		converged = 0;

	set.kind = set.truth.kind = PURCHASE_PARETO_NBD;
	set.penalizer = 0;
	for (long i = 0; i < times; i++)
	{
		double	   *parameter = set.truth.parameter;
		double		at[FIT_MAX];
		PurchaseFit fit;

		parameter[0] = random_size(0.3, 2);
		parameter[1] = parameter[0] / random_size(2, 8);
		parameter[2] = random_size(1.5, 6);
		parameter[3] = parameter[2] * random_size(0.5, 4);
		simulate(&set, MAX_CUSTOMERS, 0.5, 1.5, 0);
		for (int k = 0; k < FIT_MAX; k++)
			at[k] = log(parameter[k]);
		if (!fit_in_time(&set, &fit) || fit.log_likelihood < value_at(at, &set))
		{
			below++;
			show_set("below the truth", i, &set, &fit, NULL);
		}
		converged += fit.status == FIT_CONVERGED;
	}
	ok(below == 0, "no fit of %ld large sets is below the truth, %ld converged",
	   times, converged);
}

int
main(void)
{
	random_begin();
	test_too_few();
	test_records();
	for (PurchaseKind kind = 0; kind < PURCHASE_KINDS; kind++)
		test_stop(kind);
	test_order();
	test_odd();
	for (PurchaseKind kind = 0; kind < PURCHASE_BGBB; kind++)
		test_units(kind);
	for (PurchaseKind kind = 0; kind < PURCHASE_KINDS; kind++)
		test_recovery(kind);
	test_simulated();
	test_two_tops();
	test_rare();
	test_runaway();
	return tap_done();
}
