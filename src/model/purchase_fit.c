/*-------------------------------------------------------------------------
 *
 * purchase_fit.c
 *	  Fits a purchase model to the records of all customers.
 *
 * The likelihood can have more than one top, so several starts are tried on a
 * part of the records, and the best is climbed to the end on all of them.  Of
 * very many a larger part is climbed first: few steps on all are left.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/purchase_fit.h"
#include "model/purchase_slopes.h"

#define TRIAL_GROUPS	400		/* records with purchases, and without, that the
								 * starts are tried on */
#define PART_GROUPS		10000	/* the same of the larger part */
#define MANY_GROUPS		50000	/* from here on that saves time */
#define FEW_GROUPS		5000	/* up to here every end is climbed to the top */
#define SLOW_SHARE		8		/* BG/BB takes a step for each opportunity: it is
								 * given so much less to do */
#define TRIAL_STEPS		80
#define FULL_STEPS		200
#define ASK_EVERY		256		/* records, or opportunities beside them, between
								 * two questions to stop */

/* What the objective works on */
typedef struct Sample
{
	PurchaseKind kind;
	const RecordGroup *groups;	/* sorted by x */
	size_t		count;
	size_t		without;		/* purchases: so many come first */
	size_t		stride[2];		/* one of so many without, and with, is taken */
	double		customers;		/* that they stand for */
	double		unit;			/* of time, such that times are about one */
	double		penalizer;
	ModelStop	stop;
} Sample;

/*
 * The end of a climb on some records, and where the climb on more goes on from:
 * what ran away is fetched back, as with more records it need not.
 */
typedef struct End
{
	double		at[FIT_MAX];
	double		near[FIT_MAX];
} End;

/* Where a climb may begin: shape of rates, and what makes customers leave */
typedef struct Start
{
	double		shape;
	double		leave[2];
} Start;

static void
add_weighted(Slopes *sum, const Slopes *one, double weight)
{
	sum->value += weight * one->value;
	for (int i = 0; i < FIT_MAX; i++)
	{
		sum->first[i] += weight * one->first[i];
		for (int j = 0; j <= i; j++)
			sum->second[i][j] += weight * one->second[i][j];
	}
}

/* The next group that is taken */
static size_t
next_group(const Sample *sample, size_t i)
{
	if (i >= sample->without)
		return i + sample->stride[1];
	i += sample->stride[0];
	return i < sample->without ? i : sample->without;
}

/* Sums over the records; those of one x stand together */
static bool
sum_sample(const Sample *sample, const double *parameter, Slopes *sum)
{
	const PurchaseSlopes *slopes = &purchase_slopes[sample->kind];
	double		customers = 0;	/* of one x */
	double		done = ASK_EVERY;	/* since it was asked */
	size_t		next;

	for (size_t i = 0; i < sample->count; i = next)
	{
		const RecordGroup *group = &sample->groups[i];
		double		weight = group->customers *
			(double) sample->stride[i >= sample->without];
		PurchaseRecord record = group->record;
		Slopes		one = {0};

		if (done >= ASK_EVERY)
		{
			if (sample->stop())
				return false;
			done = 0;
		}
		done += sample->kind == PURCHASE_BGBB ? 1 + record.T : 1;
		record.t_x /= sample->unit;
		record.T /= sample->unit;
		slopes->of_times(parameter, &record, &one);
		add_weighted(sum, &one, weight);
		customers += weight;
		next = next_group(sample, i);
		if (next < sample->count && sample->groups[next].record.x == record.x)
			continue;
		memset(&one, 0, sizeof(one));
		slopes->of_count(parameter, record.x, &one);
		add_weighted(sum, &one, customers);
		customers = 0;
	}
	return true;
}

/* From the parameters to their logarithms: theta d/dtheta */
static bool
objective(FitPoint *point, void *arg)
{
	const Sample *sample = arg;
	int			n = sample->kind == PURCHASE_NBD ? 2 : FIT_MAX;
	double		parameter[FIT_MAX] = {0};
	Slopes		sum = {0};

	for (int i = 0; i < n; i++)
		parameter[i] = exp(point->at[i]);
	if (!sum_sample(sample, parameter, &sum))
		return false;
	point->value = sum.value / sample->customers;
	for (int i = 0; i < n; i++)
	{
		double		pull = 2 * sample->penalizer * parameter[i] * parameter[i];

		point->value -= pull / 2;
		point->gradient[i] = parameter[i] * sum.first[i] / sample->customers -
			pull;
		for (int j = 0; j <= i; j++)
			point->hessian[i][j] = point->hessian[j][i] = parameter[i] *
				parameter[j] * sum.second[i][j] / sample->customers;
		point->hessian[i][i] += point->gradient[i] - pull;
	}
	return true;
}

/* Starts spread over what real shops look like, in the sample's unit of time */
static void
start_at(PurchaseKind kind, const Start *start, double time_each, double *at)
{
	at[0] = log(start->shape);
	at[1] = log(start->shape * time_each);
	at[2] = log(start->leave[0]);
	at[3] = log(start->leave[1]);
	if (kind == PURCHASE_BGBB)
		at[1] = log(start->shape * fmax(time_each - 1, 0.1));
}

/* Time for each purchase */
static double
time_per_purchase(const Sample *sample)
{
	double		purchases = 0;
	double		time = 0;

	for (size_t i = 0; i < sample->count; i++)
	{
		purchases += sample->groups[i].customers * sample->groups[i].record.x;
		time += sample->groups[i].customers * sample->groups[i].record.T;
	}
	return time / sample->unit / purchases;
}

/*
 * Takes some of the records, so many at most with purchases and without, each
 * standing for those that are left out beside it.
 */
static Sample
take_some(const Sample *all, size_t most)
{
	Sample		some = *all;

	if (all->kind == PURCHASE_BGBB)
		most /= SLOW_SHARE;
	some.stride[0] = (all->without + most - 1) / most;
	some.stride[1] = (all->count - all->without + most - 1) / most;
	some.customers = 0;
	for (size_t i = 0; i < some.count; i = next_group(&some, i))
		some.customers += some.groups[i].customers *
			(double) some.stride[i >= some.without];
	return some;
}

/* Is this the end of a climb that is known already? */
static bool
is_known(const Fit *fit, const End *ends, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		double		away = 0;

		for (int k = 0; k < fit->parameters; k++)
			away = fmax(away, fabs(fit->best.at[k] - ends[i].at[k]));
		if (away < 0.1)
			return true;
	}
	return false;
}

static const Start starts[] = {
	{0.5, {0.8, 2.5}}, {0.3, {0.1, 0.3}}, {2, {0.3, 3}}, {1, {2, 20}},
	{1, {0.4, 0.1}}, {1, {0.1, 1e-4}}
};

#define STARTS	(sizeof(starts) / sizeof(starts[0]))

/* Tries the starts on some of the records; returns the ends, the best first */
static size_t
try_starts(const Sample *all, Fit *fit, End *ends)
{
	Sample		some = take_some(all, TRIAL_GROUPS);
	double		time_each = time_per_purchase(all);
	double		best = -INFINITY;
	size_t		count = 0;

	fit->arg = &some;
	for (size_t i = 0; i < STARTS; i++)
	{
		double		at[FIT_MAX];

		start_at(all->kind, &starts[i], time_each, at);
		if (!fit_climb(fit, at, TRIAL_STEPS))
			return 0;
		if (is_known(fit, ends, count))
			continue;
		memcpy(ends[count].at, fit->best.at, sizeof(at));
		memcpy(ends[count++].near, fit->near, sizeof(at));
		if (fit->best.value > best)
		{
			End			first = ends[0];

			best = fit->best.value;
			ends[0] = ends[count - 1];
			ends[count - 1] = first;
		}
	}
	fit->arg = NULL;
	return count;
}

/*
 * Climbs on from the ends on a larger part of many records: what is best on the
 * few that starts are tried on need not be the highest.  The best comes first.
 */
static bool
climb_part(const Sample *all, Fit *fit, End *ends, size_t count)
{
	Sample		part = take_some(all, PART_GROUPS);
	double		best = -INFINITY;

	for (size_t i = 0; i < count; i++)
	{
		End			end = ends[i];

		fit->arg = &part;
		if (!fit_climb(fit, end.near, FULL_STEPS))
			return false;
		memcpy(end.near, fit->near, sizeof(end.near));
		if (fit->best.value <= best)
			continue;
		best = fit->best.value;
		ends[i] = ends[0];
		ends[0] = end;
	}
	fit->arg = NULL;
	return true;
}

/* Climbs on from the ends on all records; the highest top is the fit */
static bool
climb_all(Sample *all, Fit *fit, End *ends, size_t count)
{
	Fit			best = *fit;
	size_t		few = FEW_GROUPS /
		(all->kind == PURCHASE_BGBB ? SLOW_SHARE * SLOW_SHARE : 1);

	best.best.value = -INFINITY;
	if (all->count >= MANY_GROUPS || (all->count > few && count > 1))
		if (!climb_part(all, fit, ends, count))
			return false;
	for (size_t i = 0; i < count && (i == 0 || all->count <= few); i++)
	{
		fit->arg = all;
		if (!fit_climb(fit, ends[i].near, FULL_STEPS))
			return false;
		if (fit->best.value > best.best.value)
			best = *fit;
	}
	*fit = best;
	return true;
}

/* Is there anything to fit?  Somebody must have bought again, in some time. */
static bool
is_enough(const RecordGroup *groups, size_t count, double customers)
{
	double		repeaters = 0;
	double		time = 0;

	for (size_t i = 0; i < count; i++)
	{
		time += groups[i].customers * groups[i].record.T;
		if (groups[i].record.x > 0)
			repeaters += groups[i].customers;
	}
	return customers > FIT_MAX && repeaters >= 2 && time > 0;
}

/* Writes down what was found, in the records' own unit of time */
static void
report(const Sample *sample, const Fit *fit, PurchaseFit *result)
{
	double		purchases = 0;

	result->status = fit->status;
	result->iterations = fit->iterations;
	result->gradient_norm = fit->gradient_norm;
	result->log_likelihood = fit->best.value * sample->customers;
	for (int i = 0; i < fit->parameters; i++)
	{
		double		parameter = exp(fit->best.at[i]);

		result->log_likelihood += sample->penalizer * parameter * parameter *
			sample->customers;
		/* alpha, and in Pareto/NBD beta, are times */
		if (i == 1 || (i == 3 && sample->kind == PURCHASE_PARETO_NBD))
			parameter *= sample->unit;
		result->model.parameter[i] = parameter;
		result->standard_error[i] = parameter * fit->log_error[i];
	}
	for (int i = 0; i < fit->parameters; i++)
		for (int j = 0; j < fit->parameters; j++)
			result->covariance[i][j] = fit->log_covariance[i][j] *
				(result->model.parameter[i] * result->model.parameter[j]);
	/* each purchase has a density over time */
	for (size_t i = 0; i < sample->count; i++)
		purchases += sample->groups[i].customers * sample->groups[i].record.x;
	result->log_likelihood -= purchases * log(sample->unit);
}

/* Fits a model; groups are sorted as records_sorted() leaves them */
void
purchase_fit(PurchaseKind kind, const RecordGroup *groups, size_t count,
			 double penalizer, ModelStop stop, PurchaseFit *result)
{
	Sample		sample = {
		.kind = kind,
		.groups = groups,
		.count = count,
		.stride = {1, 1},
		.unit = 1,
		.penalizer = penalizer,
		.stop = stop
	};
	Fit			fit = {
		.parameters = kind == PURCHASE_NBD ? 2 : FIT_MAX,
		.objective = objective
	};
	End			ends[STARTS];
	double		time = 0;
	size_t		found;

	memset(result, 0, sizeof(*result));
	result->model.kind = kind;
	for (size_t i = 0; i < count; i++)
	{
		sample.customers += groups[i].customers;
		sample.without += groups[i].record.x == 0;
		time += groups[i].customers * groups[i].record.T;
	}
	result->customers = fit.observations = sample.customers;
	result->status = FIT_TOO_FEW;
	if (!is_enough(groups, count, sample.customers))
		return;
	/* a penalty is on the parameters in their own unit */
	if (kind != PURCHASE_BGBB && penalizer == 0)
		sample.unit = time / sample.customers;
	result->status = FIT_STOPPED;
	found = try_starts(&sample, &fit, ends);
	if (found == 0 || !climb_all(&sample, &fit, ends, found))
		return;
	fit_judge(&fit);
	report(&sample, &fit, result);
}
