/*-------------------------------------------------------------------------
 *
 * logistic.c
 *	  Logistic regression by Newton's method, with standard errors.
 *
 * Terms are centred and scaled, so that the Hessian says how much they tell
 * beside each other, whatever their units.  Rows are worked through in blocks,
 * a column of a block at a time.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/logistic.h"

#define BLOCK			512 	/* rows; a product of so many numbers below 2 is finite */
#define LANES			4		/* sums that are kept side by side */
#define ITERATIONS		100
#define LEAST_DEVIATION	1e-100	/* of a term that is no constant */
#define SMALL_STEP		1e-8	/* the next one would be its square */
#define LEAST_PIVOT		1e-12	/* share of a term that others do not say */
#define SETTLED_GAIN	1e-6	/* of the log-likelihood */
#define SETTLING		12		/* iterations before separation is thought of */
#define WRONG_SIDE		1e-9	/* of a step that separates, at most so far */
#define WRONG_AT_END	1e-5	/* of one with which the climb ended */
#define HALVINGS		30
#define LEAST_MISSING	9.5		/* ten rows make a term of their own */

/* Room for the work: a block of terms, vectors and a matrix */
typedef struct Work
{
	int			terms;
	double	   *block;			/* terms x BLOCK */
	double	   *gradient;
	double	   *hessian;		/* terms x terms */
	double	   *factor;			/* the same, as L L' */
	double	   *at;
	double	   *next;
	double	   *step;
	bool	   *left_out;		/* terms that others say all of */
	double		value;
} Work;

int
logistic_most_terms(int features)
{
	return 1 + 2 * features;
}

/* Doubles of scratch that a fit needs */
size_t
logistic_scratch(int features)
{
	size_t		terms = (size_t) logistic_most_terms(features);

	return terms * (BLOCK + 5) + 2 * terms * terms;
}

static void
lay_out(Work *work, int terms, double *scratch)
{
	size_t		n = (size_t) terms;

	work->terms = terms;
	work->block = scratch;
	work->gradient = work->block + n * BLOCK;
	work->at = work->gradient + n;
	work->next = work->at + n;
	work->step = work->next + n;
	work->hessian = work->step + n;
	work->factor = work->hessian + n * n;
	work->left_out = (bool *) (work->factor + n * n);
}

/* --- terms ------------------------------------------------------------------ */

/* What there is of a feature */
typedef struct Feature
{
	double		lowest;
	double		highest;
	double		mean;
	double		deviation;
	double		there;			/* rows that have it */
} Feature;

/* Means and deviations of all features, in passes over the rows */
static void
describe_features(const LogisticData *data, Feature *feature)
{
	size_t		width = (size_t) data->features + 1;

	for (int f = 0; f < data->features; f++)
		feature[f] = (Feature) {INFINITY, -INFINITY, 0, 0, 0};
	for (size_t i = 0; i < data->count; i++)
		for (int f = 0; f < data->features; f++)
		{
			double		x = data->rows[i * width + f + 1];

			if (isnan(x))
				continue;
			feature[f].there++;
			feature[f].lowest = x < feature[f].lowest ? x : feature[f].lowest;
			feature[f].highest = x > feature[f].highest ? x : feature[f].highest;
		}
	for (size_t i = 0; i < data->count; i++)
		for (int f = 0; f < data->features; f++)
		{
			double		x = data->rows[i * width + f + 1];

			if (!isnan(x))
				feature[f].mean += (x - feature[f].lowest) / feature[f].there;
		}
	for (int f = 0; f < data->features; f++)
		feature[f].mean = feature[f].there > 0
			? fmin(feature[f].lowest + feature[f].mean, feature[f].highest) : 0;
	for (size_t i = 0; i < data->count; i++)
		for (int f = 0; f < data->features; f++)
		{
			double		x = data->rows[i * width + f + 1];
			double		range = feature[f].highest - feature[f].lowest;
			double		off = (x - feature[f].mean) / range;

			if (!isnan(x) && range > 0)
				feature[f].deviation += off * off;
		}
	for (int f = 0; f < data->features; f++)
		feature[f].deviation = sqrt(feature[f].deviation / (double) data->count) *
			(feature[f].highest - feature[f].lowest);
}

/* Terms of the features, those that are never missing with one each */
static void
make_terms(const LogisticData *data, LogisticFit *fit)
{
	Feature    *feature = (Feature *) fit->scratch;
	LogisticTerm *term = fit->term;

	describe_features(data, feature);
	*term++ = (LogisticTerm) {.feature = LOGISTIC_INTERCEPT, .deviation = 1, .standard_error = NAN};
	for (int f = 0; f < data->features; f++)
	{
		double		share = 1 - feature[f].there / (double) data->count;
		double		deviation = feature[f].deviation > LEAST_DEVIATION ? feature[f].deviation : 0;

		*term++ = (LogisticTerm) {.feature = f, .mean = feature[f].mean,
		.deviation = deviation, .standard_error = NAN};
		if (fmin(share, 1 - share) * (double) data->count >= LEAST_MISSING)
			*term++ = (LogisticTerm) {.feature = f, .is_missing = true, .mean = share,
			.deviation = sqrt(share * (1 - share)), .standard_error = NAN};
	}
	fit->terms = (int) (term - fit->term);
	for (int t = 0; t < fit->terms; t++)
		fit->term[t].is_aliased = fit->term[t].deviation == 0;
}

/* A term's value in a row, centred and scaled */
static double
term_value(const LogisticTerm *term, const double *feature)
{
	double		x;

	if (term->feature == LOGISTIC_INTERCEPT)
		return 1;
	x = feature[term->feature];
	if (term->is_missing)
		x = isnan(x) ? 1 : 0;
	else if (isnan(x))
		return 0;
	return (x - term->mean) / term->deviation;
}

/* --- the likelihood ----------------------------------------------------------- */

static double
dot(const double *a, const double *b, size_t count)
{
	double		sum[LANES] = {0};
	size_t		i = 0;

	for (; i + LANES <= count; i += LANES)
		for (size_t lane = 0; lane < LANES; lane++)
			sum[lane] += a[i + lane] * b[i + lane];
	for (; i < count; i++)
		sum[0] += a[i] * b[i];
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* A block's columns of terms */
static void
fill_block(const LogisticData *data, const LogisticFit *fit, size_t first,
		   size_t count, double *block)
{
	size_t		width = (size_t) data->features + 1;

	for (int t = 0; t < fit->terms; t++)
	{
		const LogisticTerm *term = &fit->term[t];
		const double *row = data->rows + first * width;
		double	   *column = block + (size_t) t * BLOCK;

		if (term->is_aliased)
			continue;
		for (size_t i = 0; i < count; i++, row += width)
			column[i] = term_value(term, row + 1);
	}
}

/* What a block adds to value, gradient and Hessian at a point */
static void
add_block(const LogisticData *data, const LogisticFit *fit, Work *work,
		  const double *at, size_t first, size_t count)
{
	size_t		width = (size_t) data->features + 1;
	const double *row = data->rows + first * width;
	size_t		n = (size_t) work->terms;
	double		odds[BLOCK] = {0};
	double		weight[BLOCK];
	double		weighted[BLOCK];
	double		product = 1;

	fill_block(data, fit, first, count, work->block);
	for (size_t t = 0; t < n; t++)
		if (!fit->term[t].is_aliased)
			for (size_t i = 0; i < count; i++)
				odds[i] += at[t] * work->block[t * BLOCK + i];
	for (size_t i = 0; i < count; i++)
	{
		double		tail = exp(-fabs(odds[i]));
		double		p = (odds[i] < 0 ? tail : 1) / (1 + tail);
		double		label = row[i * width];

		product *= 1 + tail;
		work->value += label * odds[i] - fmax(odds[i], 0);
		weight[i] = tail / ((1 + tail) * (1 + tail));
		odds[i] = label - p;
	}
	work->value -= log(product);
	for (size_t t = 0; t < n; t++)
	{
		const double *column = work->block + t * BLOCK;

		if (fit->term[t].is_aliased)
			continue;
		work->gradient[t] += dot(odds, column, count);
		for (size_t i = 0; i < count; i++)
			weighted[i] = weight[i] * column[i];
		for (size_t u = 0; u <= t; u++)
			if (!fit->term[u].is_aliased)
				work->hessian[t * n + u] += dot(weighted, work->block + u * BLOCK, count);
	}
}

/* Value, gradient and Hessian of all rows; false if it was told to stop */
static bool
find_point(const LogisticData *data, const LogisticFit *fit, Work *work,
		   const double *at, ModelStop stop)
{
	size_t		n = (size_t) work->terms;

	work->value = 0;
	memset(work->gradient, 0, n * sizeof(double));
	memset(work->hessian, 0, n * n * sizeof(double));
	for (size_t first = 0; first < data->count; first += BLOCK)
	{
		size_t		count = data->count - first < BLOCK ? data->count - first : BLOCK;

		if (first / BLOCK % 64 == 0 && stop != NULL && stop())
			return false;
		add_block(data, fit, work, at, first, count);
	}
	for (size_t t = 1; t < n; t++)
	{
		work->value -= fit->penalty / 2 * at[t] * at[t];
		work->gradient[t] -= fit->penalty * at[t];
		work->hessian[t * n + t] += fit->penalty;
	}
	return true;
}

/* --- linear algebra ----------------------------------------------------------- */

/*
 * The Hessian as L L'.  A term of which the ones before it say all but a given
 * share is left out, with its row of zeroes; returns whether there was one.
 */
static bool
factorize(const LogisticFit *fit, Work *work, double least)
{
	size_t		n = (size_t) work->terms;
	bool	   *left_out = work->left_out;
	double	   *l = work->factor;
	bool		any = false;

	memset(l, 0, n * n * sizeof(double));
	for (size_t t = 0; t < n; t++)
	{
		double		pivot = work->hessian[t * n + t];

		left_out[t] = fit->term[t].is_aliased;
		if (left_out[t])
			continue;
		for (size_t u = 0; u < t; u++)
		{
			if (left_out[u])
				continue;
			l[t * n + u] = (work->hessian[t * n + u] - dot(l + t * n, l + u * n, u)) / l[u * n + u];
			pivot -= l[t * n + u] * l[t * n + u];
		}
		if (!(pivot > least * work->hessian[t * n + t]))
		{
			memset(l + t * n, 0, n * sizeof(double));
			left_out[t] = any = true;
			continue;
		}
		l[t * n + t] = sqrt(pivot);
	}
	return any;
}

/* Solves L L' x = b; what was left out is 0 */
static void
solve(const Work *work, const double *b, double *x)
{
	size_t		n = (size_t) work->terms;
	const bool *left_out = work->left_out;
	const double *l = work->factor;

	for (size_t t = 0; t < n; t++)
		x[t] = left_out[t] ? 0 : (b[t] - dot(l + t * n, x, t)) / l[t * n + t];
	for (size_t t = n; t-- > 0;)
	{
		if (left_out[t])
			continue;
		for (size_t u = t + 1; u < n; u++)
			x[t] -= l[u * n + t] * x[u];
		x[t] /= l[t * n + t];
	}
}

/* --- the fit -------------------------------------------------------------------- */

static double
largest(const double *x, int count)
{
	double		most = 0;

	for (int i = 0; i < count; i++)
		most = fmax(most, fabs(x[i]));
	return most;
}

/* Goes up by a step, or a part of it that does not go down; false: to stop */
static bool
go_up(const LogisticData *data, LogisticFit *fit, Work *work, ModelStop stop)
{
	double		before = work->value;
	double		scale = 1;

	for (int half = 0; half < HALVINGS; half++, scale /= 2)
	{
		for (int t = 0; t < work->terms; t++)
			work->next[t] = work->at[t] + scale * work->step[t];
		if (!find_point(data, fit, work, work->next, stop))
			return false;
		if (work->value >= before - 1e-11 * fabs(before))
			break;
	}
	memcpy(work->at, work->next, (size_t) work->terms * sizeof(double));
	for (int t = 0; t < work->terms; t++)
		work->step[t] *= scale;
	return true;
}

/*
 * Does the last step separate the labels?  Then it leads away from none of them,
 * and the likelihood has no top.
 */
static bool
step_separates(const LogisticData *data, const LogisticFit *fit, Work *work,
			   double wrong)
{
	size_t		width = (size_t) data->features + 1;
	double		lowest = 0;
	double		highest = 0;

	for (size_t first = 0; first < data->count; first += BLOCK)
	{
		size_t		count = data->count - first < BLOCK ? data->count - first : BLOCK;
		double		moved[BLOCK] = {0};

		fill_block(data, fit, first, count, work->block);
		for (int t = 0; t < work->terms; t++)
			if (!fit->term[t].is_aliased)
				for (size_t i = 0; i < count; i++)
					moved[i] += work->step[t] * work->block[(size_t) t * BLOCK + i];
		for (size_t i = 0; i < count; i++)
		{
			double		side = data->rows[(first + i) * width] > 0 ? moved[i] : -moved[i];

			lowest = fmin(lowest, side);
			highest = fmax(highest, side);
		}
	}
	return highest > 0 && lowest >= -wrong * highest;
}

/* Which terms run off, when the likelihood has next to no more to gain */
static void
name_separated(LogisticFit *fit, const Work *work)
{
	double		most = largest(work->step + 1, fit->terms - 1);

	for (int t = 1; t < fit->terms; t++)
		fit->term[t].is_separated = fabs(work->step[t]) > most / 2;
}

/* How a climb ended that came to no top */
static LogisticStatus
name_end(const LogisticData *data, LogisticFit *fit, Work *work)
{
	if (fit->penalty > 0 || !step_separates(data, fit, work, WRONG_AT_END))
		return LOGISTIC_NOT_CONVERGED;
	name_separated(fit, work);
	return LOGISTIC_SEPARATED;
}

static LogisticStatus
climb(const LogisticData *data, LogisticFit *fit, Work *work, ModelStop stop)
{
	if (!find_point(data, fit, work, work->at, stop))
		return LOGISTIC_STOPPED;
	/* at the start all rows weigh the same: what is aliased here always is */
	if (factorize(fit, work, LEAST_PIVOT))
		for (int t = 0; t < fit->terms; t++)
			fit->term[t].is_aliased = work->left_out[t];
	for (fit->iterations = 1; fit->iterations <= ITERATIONS; fit->iterations++)
	{
		double		before = work->value;
		double		moved;

		if (factorize(fit, work, 1e-14))
			return name_end(data, fit, work);
		solve(work, work->gradient, work->step);
		if (!go_up(data, fit, work, stop))
			return LOGISTIC_STOPPED;
		moved = largest(work->step, fit->terms);
		if (moved < SMALL_STEP * fmax(1, largest(work->at, fit->terms)))
			return factorize(fit, work, 1e-14)
				? name_end(data, fit, work) : LOGISTIC_CONVERGED;
		if (fit->iterations >= SETTLING && work->value - before < SETTLED_GAIN &&
			fit->penalty == 0 && step_separates(data, fit, work, WRONG_SIDE))
			return name_end(data, fit, work);
	}
	return name_end(data, fit, work);
}

/* Coefficients and their errors in the features' own units */
static void
put_results(LogisticFit *fit, Work *work)
{
	size_t		n = (size_t) work->terms;
	double	   *unit = work->next;
	double	   *column = work->step;

	fit->term[0].coefficient = work->at[0];
	for (size_t t = 1; t < n; t++)
	{
		LogisticTerm *term = &fit->term[t];

		term->coefficient = term->is_aliased ? 0 : work->at[t] / term->deviation;
		fit->term[0].coefficient -= term->coefficient * term->mean;
	}
	if (fit->status != LOGISTIC_CONVERGED)
		return;
	/* the intercept's weights of the centred terms come first, then each alone */
	for (size_t t = 0; t < n; t++)
	{
		LogisticTerm *term = &fit->term[t];

		if (term->is_aliased)
			continue;
		for (size_t u = 0; u < n; u++)
			unit[u] = fit->term[u].is_aliased ? 0
				: u == t ? 1 : t > 0 ? 0
				: -fit->term[u].mean / fit->term[u].deviation;
		solve(work, unit, column);
		term->standard_error = sqrt(dot(unit, column, n)) / term->deviation;
		if (isinf(term->standard_error))
			term->standard_error = NAN;
	}
}

/* Fits the terms, for which there is room, with scratch */
void
logistic_fit(const LogisticData *data, LogisticFit *fit, ModelStop stop)
{
	Work		work;
	size_t		width = (size_t) data->features + 1;
	double		share;

	fit->positives = 0;
	for (size_t i = 0; i < data->count; i++)
		fit->positives += data->rows[i * width];
	fit->iterations = fit->terms = 0;
	fit->log_likelihood = fit->null_log_likelihood = 0;
	fit->status = LOGISTIC_TOO_FEW;
	if (fit->positives == 0 || fit->positives == (double) data->count)
		return;
	make_terms(data, fit);
	lay_out(&work, fit->terms, fit->scratch);
	share = fit->positives / (double) data->count;
	memset(work.at, 0, (size_t) fit->terms * sizeof(double));
	work.at[0] = log(share) - log1p(-share);
	fit->null_log_likelihood = (double) data->count *
		(share * log(share) + (1 - share) * log1p(-share));
	fit->status = climb(data, fit, &work, stop);
	if (fit->status == LOGISTIC_STOPPED)
		return;
	fit->log_likelihood = work.value;
	for (int t = 1; t < fit->terms; t++)
		fit->log_likelihood += fit->penalty / 2 * work.at[t] * work.at[t];
	put_results(fit, &work);
}

/* The log odds that terms give to features; NAN is missing */
double
logistic_log_odds(const LogisticTerm *term, int terms, const double *features)
{
	double		odds = 0;

	for (int t = 0; t < terms; t++)
	{
		double		x = 1;

		if (term[t].feature != LOGISTIC_INTERCEPT)
			x = features[term[t].feature];
		if (term[t].is_missing)
			x = isnan(x) ? 1 : 0;
		else if (isnan(x))
			x = term[t].mean;
		odds += term[t].coefficient * x;
	}
	return odds;
}

const char *
logistic_status_name(LogisticStatus status)
{
	static const char *const names[] = {
		[LOGISTIC_CONVERGED] = "converged",
		[LOGISTIC_SEPARATED] = "separated",
		[LOGISTIC_TOO_FEW] = "too_few",
		[LOGISTIC_NOT_CONVERGED] = "not_converged",
		[LOGISTIC_STOPPED] = "stopped"
	};

	return names[status];
}
