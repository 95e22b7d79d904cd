/*-------------------------------------------------------------------------
 *
 * quadrature.c
 *	  Integrals of positive functions with one peak, given by their logarithm.
 *
 * From the peak outward, panels of 16 Gauss-Legendre points.  A panel is so
 * short that the logarithm changes by at most ten in it; the way ends where
 * the function is e^-44 of its peak.  The logarithm is concave, so nothing
 * is missed beyond.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/quadrature.h"

#define PANEL_STEP		2.0		/* longest panel where there are features */
#define PANEL_CHANGE	10.0	/* largest change of the logarithm in one */
#define NEGLIGIBLE		44.0	/* e^-44 is below a double's last digit */
#define POINTS			8		/* on each side of a panel's middle */

static const double gauss[POINTS][2] = {
	{0.0950125098376374401853, 0.1894506104550684962854},
	{0.2816035507792589132305, 0.1826034150449235888668},
	{0.4580167776572273863424, 0.1691565193950025381893},
	{0.6178762444026437484467, 0.1495959888165767320815},
	{0.7554044083550030338951, 0.1246289712555338720525},
	{0.8656312023878317438805, 0.0951585116824927848099},
	{0.9445750230732325760779, 0.0622535239386478928628},
	{0.9894009349916499325961, 0.0271524594117540948518}
};

static double
at(const Quadrature *what, double u)
{
	return what->density(u, what->arg);
}

/* Goes uphill in growing steps, then halves the bracket by golden section */
static double
find_peak(const Quadrature *what)
{
	const double golden = 0.38196601125010515;
	double		step = 1;
	double		left = what->start;
	double		right = what->start;
	double		here = at(what, what->start);

	while (left > what->low && at(what, left - step) > here)
	{
		left -= step;
		here = at(what, left);
		step *= 2;
	}
	left = fmax(left - step, what->low);
	step = 1;
	here = at(what, right);
	while (right < what->high && at(what, right + step) > here)
	{
		right += step;
		here = at(what, right);
		step *= 2;
	}
	right = fmin(right + step, what->high);
	for (int i = 0; i < 100 && right - left > 1e-7 * (1 + fabs(left)); i++)
	{
		double		a = left + golden * (right - left);
		double		b = right - golden * (right - left);

		if (at(what, a) < at(what, b))
			left = a;
		else
			right = b;
	}
	return (left + right) / 2;
}

/* Adds the points of one panel */
static void
add_panel(const Quadrature *what, QuadratureRule *rule, double from, double to)
{
	double		middle = (from + to) / 2;
	double		half = fabs(to - from) / 2;

	for (int i = 0; i < POINTS; i++)
		for (int side = -1; side <= 1; side += 2)
		{
			QuadratureNode *node = &rule->node[rule->count++];

			node->u = middle + side * half * gauss[i][0];
			node->weight = half * gauss[i][1] *
				exp(at(what, node->u) - rule->peak);
			rule->sum += node->weight;
		}
}

/* Panels from the peak to one end: direction is 1 or -1 */
static void
add_side(const Quadrature *what, QuadratureRule *rule, double from,
		 int direction)
{
	double		end = direction > 0 ? what->high : what->low;
	double		value = at(what, from);
	double		step = what->first_step > 0 ? what->first_step / 2 : PANEL_STEP;

	while ((end - from) * direction > 0 &&
		   rule->count + 2 * POINTS <= QUADRATURE_MAX)
	{
		bool		smooth = direction > 0 ? from >= what->smooth_above
			: from <= what->smooth_below;
		double		to;
		double		next;

		step = smooth ? step * 2 : fmin(step * 2, PANEL_STEP);
		for (;;)
		{
			to = from + direction * step;
			if ((end - to) * direction <= 0)
				to = end;
			next = at(what, to);
			if (fabs(next - value) <= PANEL_CHANGE || step < 1e-12)
				break;
			step = fabs(to - from) / 2;
		}
		add_panel(what, rule, from, to);
		from = to;
		value = next;
		if (value < rule->peak - NEGLIGIBLE)
			break;
	}
}

/* Makes a rule for one function */
void
quadrature_rule(const Quadrature *what, QuadratureRule *rule)
{
	double		peak = what->start_is_peak ? what->start : find_peak(what);

	rule->count = 0;
	rule->sum = 0;
	rule->peak = at(what, peak);
	add_side(what, rule, peak, 1);
	add_side(what, rule, peak, -1);
}

/* The logarithm of the integral */
double
quadrature_log(const Quadrature *what)
{
	QuadratureRule rule;

	quadrature_rule(what, &rule);
	return rule.peak + log(rule.sum);
}

/* The integral from 0 of a function without features, in panels of one length */
double
quadrature_even(double (*function) (double u, const void *arg),
				const void *arg, double high, size_t panels)
{
	double		half = high / (double) panels / 2;
	double		sum = 0;

	for (size_t k = 0; k < panels; k++)
		for (int i = 0; i < POINTS; i++)
			for (int side = -1; side <= 1; side += 2)
				sum += gauss[i][1] * function(half * ((double) (2 * k + 1) +
													  side * gauss[i][0]), arg);
	return half * sum;
}
