/*-------------------------------------------------------------------------
 *
 * metrics.c
 *	  How well scores foretell labels.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>

#include "model/metrics.h"

#define LINE_ITERATIONS		100
#define LINE_STEEPEST		1e6 /* beyond it the labels are separated */

size_t
metrics_distinct(const ScoredRow *sorted, size_t count)
{
	size_t		distinct = count > 0;

	for (size_t i = 1; i < count; i++)
		distinct += sorted[i].score != sorted[i - 1].score;
	return distinct;
}

/* Rows in the order of their scores become groups, for which there is room */
void
metrics_group(const ScoredRow *sorted, size_t count, ScoreGroups *groups)
{
	ScoreGroup *group = groups->group - 1;

	groups->positives = groups->negatives = 0;
	for (size_t i = 0; i < count; i++)
	{
		if (i == 0 || sorted[i].score != sorted[i - 1].score)
			*++group = (ScoreGroup) {sorted[i].score, 0, 0};
		group->positives += sorted[i].label;
		group->negatives += 1 - sorted[i].label;
	}
	groups->count = (size_t) (group + 1 - groups->group);
	for (size_t g = 0; g < groups->count; g++)
	{
		groups->positives += groups->group[g].positives;
		groups->negatives += groups->group[g].negatives;
	}
}

static bool
has_both(const ScoreGroups *groups)
{
	return groups->positives > 0 && groups->negatives > 0;
}

/* Chance that a positive scores above a negative, a tie counting half */
bool
metrics_auc(const ScoreGroups *groups, double *auc)
{
	double		below = 0;
	double		won = 0;

	if (!has_both(groups))
		return false;
	for (size_t g = 0; g < groups->count; g++)
	{
		const ScoreGroup *group = &groups->group[g];

		won += group->positives * (below + group->negatives / 2);
		below += group->negatives;
	}
	*auc = won / (groups->positives * groups->negatives);
	return true;
}

/* Mean precision at the thresholds, weighted by what each adds to the recall */
bool
metrics_average_precision(const ScoreGroups *groups, double *precision)
{
	double		taken = 0;
	double		found = 0;

	if (groups->positives == 0)
		return false;
	*precision = 0;
	for (size_t g = groups->count; g-- > 0;)
	{
		const ScoreGroup *group = &groups->group[g];

		taken += group->positives + group->negatives;
		found += group->positives;
		*precision += group->positives / groups->positives * (found / taken);
	}
	return true;
}

/* A probability that is neither 0 nor 1, since one such mistake would be infinite */
static double
short_of_certain(double p)
{
	return fmin(fmax(p, DBL_EPSILON), 1 - DBL_EPSILON);
}

bool
metrics_log_loss(const ScoreGroups *groups, double *loss)
{
	double		rows = groups->positives + groups->negatives;

	*loss = 0;
	for (size_t g = 0; g < groups->count; g++)
	{
		const ScoreGroup *group = &groups->group[g];
		double		p = short_of_certain(group->score);

		*loss -= (group->positives * log(p) + group->negatives * log1p(-p)) / rows;
	}
	return rows > 0;
}

bool
metrics_brier(const ScoreGroups *groups, double *loss)
{
	double		rows = groups->positives + groups->negatives;

	*loss = 0;
	for (size_t g = 0; g < groups->count; g++)
	{
		const ScoreGroup *group = &groups->group[g];
		double		p = group->score;

		*loss += (group->positives * (1 - p) * (1 - p) +
				  group->negatives * p * p) / rows;
	}
	return rows > 0;
}

/*
 * Share of positives among the rows with the highest scores, over that among
 * all.  Of rows that tie at the border each counts in part.
 */
bool
metrics_lift(const ScoreGroups *groups, double share, double *lift)
{
	double		rows = groups->positives + groups->negatives;
	double		wanted = ceil(rows * share * (1 - DBL_EPSILON));
	double		left = wanted;
	double		found = 0;

	if (groups->positives == 0)
		return false;
	for (size_t g = groups->count; g-- > 0 && left > 0;)
	{
		const ScoreGroup *group = &groups->group[g];
		double		here = group->positives + group->negatives;
		double		part = fmin(1, left / here);

		found += group->positives * part;
		left -= here * part;
	}
	*lift = (found / wanted) / (groups->positives / rows);
	return true;
}

Confusion
metrics_confusion(const ScoreGroups *groups, double threshold)
{
	Confusion	table = {0, 0, 0, 0};

	for (size_t g = 0; g < groups->count; g++)
	{
		const ScoreGroup *group = &groups->group[g];

		if (group->score >= threshold)
		{
			table.true_positives += group->positives;
			table.false_positives += group->negatives;
		}
		else
		{
			table.false_negatives += group->positives;
			table.true_negatives += group->negatives;
		}
	}
	return table;
}

/* Ties stay together, in the bin of their middle; returns the bins that are filled */
size_t
metrics_calibration(const ScoreGroups *groups, size_t bins, CalibrationBin *bin)
{
	double		rows = groups->positives + groups->negatives;
	double		below = 0;
	size_t		last = bins;
	size_t		used = 0;

	for (size_t g = 0; g < groups->count; g++)
	{
		const ScoreGroup *group = &groups->group[g];
		double		here = group->positives + group->negatives;
		size_t		place = (size_t) ((double) bins * ((below + here / 2) / rows));
		CalibrationBin *into;

		if (place != last)
			bin[used++] = (CalibrationBin) {.lowest = group->score};
		last = place;
		into = &bin[used - 1];
		into->rows += here;
		into->highest = group->score;
		into->mean_score += here * group->score;
		into->positive_share += group->positives;
		below += here;
	}
	for (size_t b = 0; b < used; b++)
	{
		bin[b].mean_score = fmin(fmax(bin[b].mean_score / bin[b].rows,
									  bin[b].lowest), bin[b].highest);
		bin[b].positive_share /= bin[b].rows;
	}
	return used;
}

/* Gradient and curvature of the likelihood of a line through the log odds */
static double
line_point(const ScoreGroups *groups, const double *line, double *gradient,
		   double *hessian)
{
	double		value = 0;

	gradient[0] = gradient[1] = 0;
	hessian[0] = hessian[1] = hessian[2] = 0;
	for (size_t g = 0; g < groups->count; g++)
	{
		const ScoreGroup *group = &groups->group[g];
		double		score = short_of_certain(group->score);
		double		odds = log(score) - log1p(-score);
		double		at = line[0] + line[1] * odds;
		double		tail = log1p(exp(-fabs(at)));
		double		p = 1 / (1 + exp(-at));
		double		rows = group->positives + group->negatives;
		double		off = group->positives - rows * p;
		double		weight = rows * p * (1 - p);

		value -= group->positives * (tail + fmax(-at, 0)) +
			group->negatives * (tail + fmax(at, 0));
		gradient[0] += off;
		gradient[1] += off * odds;
		hessian[0] += weight;
		hessian[1] += weight * odds;
		hessian[2] += weight * odds * odds;
	}
	return value;
}

/*
 * The line through the log odds that fits the labels best: slope 1 and
 * intercept 0 for scores that are right.  False if there is none: the scores
 * are all the same, or separate the labels.
 */
bool
metrics_calibration_line(const ScoreGroups *groups, double *slope,
						 double *intercept)
{
	double		line[2] = {0, 0};

	if (!has_both(groups) || groups->count < 2)
		return false;
	line[0] = log(groups->positives / groups->negatives);
	for (int i = 0; i < LINE_ITERATIONS; i++)
	{
		double		gradient[2];
		double		hessian[3];
		double		other_gradient[2];
		double		other_hessian[3];
		double		value = line_point(groups, line, gradient, hessian);
		double		determinant = hessian[0] * hessian[2] - hessian[1] * hessian[1];
		double		step[2];
		double		scale = 1;
		double		next[2];

		if (!(determinant > DBL_EPSILON * hessian[0] * hessian[2]))
			return false;
		step[0] = (hessian[2] * gradient[0] - hessian[1] * gradient[1]) / determinant;
		step[1] = (hessian[0] * gradient[1] - hessian[1] * gradient[0]) / determinant;
		if (fabs(step[0]) + fabs(step[1]) <= 1e-12 * (1 + fabs(line[0]) + fabs(line[1])))
		{
			*intercept = line[0];
			*slope = line[1];
			return true;
		}
		for (; scale > 1e-6; scale /= 2)
		{
			next[0] = line[0] + scale * step[0];
			next[1] = line[1] + scale * step[1];
			if (line_point(groups, next, other_gradient, other_hessian) >=
				value - 1e-12 * fabs(value))
				break;
		}
		line[0] = next[0];
		line[1] = next[1];
		if (!(fabs(line[0]) + fabs(line[1]) < LINE_STEEPEST))
			return false;
	}
	return false;
}
