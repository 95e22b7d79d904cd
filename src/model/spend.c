/*-------------------------------------------------------------------------
 *
 * spend.c
 *	  How the value of all purchases to come is distributed.
 *
 * The values of n purchases, over the scale, have a beta prime distribution
 * (p n, p x + q); over u = log y its density is a smooth bump, and the sum of
 * them for all n is too.  One exponential for each n and node is all that is
 * needed: areas and slopes follow from densities.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/special.h"
#include "model/spend.h"

#define FINEST			0.25		/* step, in spreads of the narrowest bump */
#define LONGEST_STEP	0.5
#define SMALLER			20.0	/* e^-20 of the least chance counts for nothing */

/* The bump of n purchases: a log(w) + b log(1 - w), w = y / (1 + y) */
typedef struct Bump
{
	double		a;
	double		b;
	double		front;			/* log of its chance over B(a, b) */
} Bump;

/* log of w, and of 1 - w, at u */
static double
bump_log(const Bump *bump, double u)
{
	return bump->front - bump->a * log1p_exp(-u) - bump->b * log1p_exp(u);
}

/* Where the bump falls below what counts, on the side of the sign */
static double
bump_end(const Bump *bump, int sign, double negligible)
{
	double		top = log(bump->a / bump->b);
	double		goal = bump_log(bump, top) + negligible;
	double		step = sign * 1 / sqrt(fmin(bump->a, bump->b));
	double		near = top;
	double		far = top + step;

	while (bump_log(bump, far) > goal)
	{
		near = far;
		step *= 2;
		far += step;
	}
	for (int i = 0; i < 8; i++)
	{
		double		middle = (near + far) / 2;

		if (bump_log(bump, middle) > goal)
			near = middle;
		else
			far = middle;
	}
	return far;
}

/* log of a^a b^b / (a + b)^(a + b) / B(a, b): what a bump is at its top */
static double
log_top(double a, double b)
{
	const double two_pi = 6.28318530717958647693;
	double		n = a + b;

	return 0.5 * log(a * b / (two_pi * n)) + stirling_error(n) -
		stirling_error(a) - stirling_error(b);
}

static Bump
make_bump(const GammaGamma *value, double x, double purchases, double chance)
{
	Bump		bump = {value->p * purchases, value->p * x + value->q, 0};
	double		top = log(bump.a / bump.b);

	bump.front = log(chance) + log_top(bump.a, bump.b) +
		bump.a * log1p_exp(-top) + bump.b * log1p_exp(top);
	return bump;
}

/*
 * Lays out the nodes for chances of 0, 1, 2, ... purchases; false if there are
 * too many.  Tails will be asked for down to the chance least.
 */
bool
spend_curve_plan(const GammaGamma *value, double x, const double *chance,
				 size_t count, double least, SpendCurve *curve)
{
	const double negligible = log(least) - SMALLER;
	size_t		first = 0;
	size_t		last = 0;
	double		high;
	Bump		bump;

	memset(curve, 0, sizeof(*curve));
	curve->least = least;
	for (size_t n = 1; n < count; n++)
		if (chance[n] > 0)
		{
			curve->some += chance[n];
			first = first == 0 ? n : first;
			last = n;
		}
	if (last == 0)
		return true;
	/* bumps of more purchases lie further to the right */
	bump = make_bump(value, x, (double) first, 1);
	curve->from = bump_end(&bump, -1, negligible);
	bump = make_bump(value, x, (double) last, 1);
	high = bump_end(&bump, 1, negligible);
	/* with small powers a bump leans, and one of its sides is steep */
	curve->step = fmin(LONGEST_STEP, FINEST * sqrt(1 / bump.a + 1 / bump.b) /
					   (1 + 1 / fmin(bump.a, bump.b)));
	if (!((high - curve->from) / curve->step <
		  fmin(SPEND_NODES - 2, SPEND_WORK / (double) count)))
		return false;
	curve->count = (size_t) ((high - curve->from) / curve->step) + 2;
	return true;
}

/*
 * The density at one node: the sum of all bumps.  Chances are the factors of
 * their bumps by now.
 */
static double
density_at(double u, double p, double b, const double *factor, size_t count,
		   double negligible)
{
	double		each = -p * log1p_exp(-u);
	double		all = -b * log1p_exp(u);
	double		sum = 0;

	for (size_t n = 1; n < count; n++)
	{
		double		height = factor[n] + each * (double) n + all;

		if (height > negligible)
			sum += exp(height);
	}
	return sum;
}

/* The density of a node, or what lies beyond the ends: nothing */
static double
density_of(const SpendCurve *curve, size_t k, int away)
{
	size_t		at = k + (size_t) away;

	return at < curve->count ? curve->node[at].density : 0;
}

/* From densities to areas: through four nodes on each side goes one polynomial */
static void
integrate(SpendCurve *curve)
{
	static const double weight[] = {
		68323.0 / 120960, -353.0 / 4480, 1879.0 / 120960, -191.0 / 120960
	};
	double		above = 0;

	for (size_t k = curve->count; k-- > 0;)
	{
		for (int i = 0; i < 4; i++)
			above += curve->step * weight[i] *
				(density_of(curve, k, -i) + density_of(curve, k, i + 1));
		curve->node[k].above = above;
	}
}

/* d density / du, in the same way */
static double
slope_of(const SpendCurve *curve, size_t k)
{
	static const double weight[] = {
		4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280
	};
	double		slope = 0;

	for (int i = 0; i < 4; i++)
		slope += weight[i] *
			(density_of(curve, k, i + 1) - density_of(curve, k, -i - 1));
	return slope / curve->step;
}

/*
 * Fills the nodes, for which the caller has made room, and counts those that
 * are worth keeping.  Chances are used up: each becomes the factor of its bump.
 */
void
spend_curve_fill(const GammaGamma *value, double x, double *chance,
				 size_t count, SpendCurve *curve)
{
	const double negligible = log(curve->least) - SMALLER;
	size_t		needed = 0;

	for (size_t n = 1; n < count; n++)
		chance[n] = chance[n] > 0
			? make_bump(value, x, (double) n, chance[n]).front : -INFINITY;
	for (size_t k = 0; k < curve->count; k++)
		curve->node[k].density = density_at(curve->from + curve->step * (double) k,
											value->p, value->p * x + value->q,
											chance, count, negligible);
	integrate(curve);
	/* slopes at the last node that is needed want some more */
	while (needed < curve->count && curve->node[needed].above >= curve->least)
		needed++;
	curve->count = needed + 6 < curve->count ? needed + 6 : curve->count;
}

/* A function in a cell, by value, first and second derivative at both ends */
typedef struct Cell
{
	double		value[2];
	double		first[2];
	double		second[2];
} Cell;

/* The polynomial of fifth degree that agrees with them, and its slope */
static double
cell_at(const Cell *cell, double t, double *slope)
{
	double		c0 = cell->value[0];
	double		c1 = cell->first[0];
	double		c2 = cell->second[0] / 2;
	double		rest = cell->value[1] - c0 - c1 - c2;
	double		tilt = cell->first[1] - c1 - 2 * c2;
	double		bend = cell->second[1] - 2 * c2;
	double		c3 = 10 * rest - 4 * tilt + bend / 2;
	double		c4 = -15 * rest + 7 * tilt - bend;
	double		c5 = 6 * rest - 3 * tilt + bend / 2;

	*slope = c1 + t * (2 * c2 + t * (3 * c3 + t * (4 * c4 + t * 5 * c5)));
	return c0 + t * (c1 + t * (c2 + t * (c3 + t * (c4 + t * c5))));
}

/* Where in a cell the function has a value that lies between those of its ends */
static double
cell_solve(const Cell *cell, double goal)
{
	double		low = 0;
	double		high = 1;
	double		t = fmax(0, fmin(1, (goal - cell->value[0]) /
								 (cell->value[1] - cell->value[0])));
	bool		rises = cell->value[1] > cell->value[0];

	for (int i = 0; i < 60 && high - low > 1e-15; i++)
	{
		double		slope;
		double		away = cell_at(cell, t, &slope) - goal;
		double		next = t - away / slope;

		if ((away > 0) == rises)
			high = t;
		else
			low = t;
		if (!(next > low && next < high))
			next = (low + high) / 2;
		if (fabs(next - t) < 1e-14)
			return next;
		t = next;
	}
	return t;
}

/* What is in the cell after node k: log of the tail that is the smaller one */
static Cell
make_cell(const SpendCurve *curve, size_t k, bool upper)
{
	Cell		cell;

	for (int end = 0; end < 2; end++)
	{
		const SpendNode *node = &curve->node[k + end];
		double		tail = upper ? node->above : curve->some - node->above;
		double		rate = (upper ? -1 : 1) * node->density / tail;

		cell.value[end] = log(tail);
		cell.first[end] = rate * curve->step;
		cell.second[end] = ((upper ? -1 : 1) * slope_of(curve, k + end) / tail - rate * rate) *
			curve->step * curve->step;
	}
	return cell;
}

/* The y that is exceeded with this chance, which lies between 0 and some */
double
spend_curve_at(const SpendCurve *curve, double above)
{
	bool		upper = above < curve->some / 2;
	size_t		low = 0;
	size_t		high = curve->count - 1;
	Cell		cell;

	while (high - low > 1)
	{
		size_t		middle = (low + high) / 2;

		if (curve->node[middle].above >= above)
			low = middle;
		else
			high = middle;
	}
	cell = make_cell(curve, low, upper);
	/* beyond the ends there is nothing that counts */
	if (!isfinite(cell.value[0] + cell.first[0] + cell.second[0] +
				  cell.value[1] + cell.first[1] + cell.second[1]))
		return exp(curve->from + curve->step * (double) (upper ? low : high));
	return exp(curve->from + curve->step *
			   ((double) low + cell_solve(&cell, log(upper ? above : curve->some - above))));
}
