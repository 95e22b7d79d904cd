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
#define MOST_PANELS		(QUADRATURE_MAX / PANEL_POINTS / 2) /* on one side */

/* Gauss-Legendre points to the right of the middle, and weights */
static const double gauss_8[][2] = {
	{0.1834346424956498049395, 0.3626837833783619829652},
	{0.5255324099163289858177, 0.3137066458778872873380},
	{0.7966664774136267395916, 0.2223810344533744705444},
	{0.9602898564975362316836, 0.1012285362903762591525}
};
static const double gauss_16[][2] = {
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

/* Points of a panel and their weights; their number is 8, or PANEL_POINTS */
void
quadrature_points(double from, double to, int points, double *u, double *weight)
{
	const double (*gauss)[2] = points == 8 ? gauss_8 : gauss_16;
	double		middle = (from + to) / 2;
	double		half = fabs(to - from) / 2;

	for (int i = 0; i < points / 2; i++)
	{
		u[2 * i] = middle - half * gauss[i][0];
		u[2 * i + 1] = middle + half * gauss[i][0];
		weight[2 * i] = weight[2 * i + 1] = half * gauss[i][1];
	}
}

/* Panels from the peak to one end: direction is 1 or -1 */
static void
add_side(const Quadrature *what, double from, double peak, int direction,
		 AddPanel add_panel, void *into)
{
	double		end = direction > 0 ? what->high : what->low;
	double		value = peak;
	double		step = what->first_step > 0 ? what->first_step / 2 : PANEL_STEP;

	for (int i = 0; i < MOST_PANELS && (end - from) * direction > 0; i++)
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
		add_panel(what, from, to, peak, into);
		from = to;
		value = next;
		if (value < peak - NEGLIGIBLE)
			break;
	}
}

/*
 * Hands over all panels, which add to something; returns the logarithm of the
 * function at its peak, by which it is to be divided.
 */
double
quadrature_panels(const Quadrature *what, AddPanel add_panel, void *into)
{
	double		from = what->start_is_peak ? what->start : find_peak(what);
	double		peak = at(what, from);

	add_side(what, from, peak, 1, add_panel, into);
	add_side(what, from, peak, -1, add_panel, into);
	return peak;
}

static void
add_nodes(const Quadrature *what, double from, double to, double peak, void *into)
{
	QuadratureRule *rule = into;
	double		u[PANEL_POINTS];
	double		weight[PANEL_POINTS];

	quadrature_points(from, to, PANEL_POINTS, u, weight);
	for (int i = 0; i < PANEL_POINTS; i++)
	{
		QuadratureNode *node = &rule->node[rule->count++];

		node->u = u[i];
		node->weight = weight[i] * exp(at(what, u[i]) - peak);
		rule->sum += node->weight;
	}
}

/* Makes a rule for one function */
void
quadrature_rule(const Quadrature *what, QuadratureRule *rule)
{
	rule->count = 0;
	rule->sum = 0;
	rule->peak = quadrature_panels(what, add_nodes, rule);
}

static void
add_values(const Quadrature *what, double from, double to, double peak,
		   void *into)
{
	double	   *sum = into;
	double		u[PANEL_POINTS];
	double		weight[PANEL_POINTS];

	quadrature_points(from, to, PANEL_POINTS, u, weight);
	for (int i = 0; i < PANEL_POINTS; i++)
		*sum += weight[i] * exp(at(what, u[i]) - peak);
}

/* The logarithm of the integral */
double
quadrature_log(const Quadrature *what)
{
	double		sum = 0;
	double		peak = quadrature_panels(what, add_values, &sum);

	return peak + log(sum);
}

/* The integral from 0 of a function without features, in panels of one length */
double
quadrature_even(double (*function) (double u, const void *arg),
				const void *arg, double high, size_t panels)
{
	double		length = high / (double) panels;
	double		sum = 0;

	for (size_t k = 0; k < panels; k++)
	{
		double		u[PANEL_POINTS];
		double		weight[PANEL_POINTS];

		quadrature_points(length * (double) k, length * (double) (k + 1),
						  PANEL_POINTS, u, weight);
		for (int i = 0; i < PANEL_POINTS; i++)
			sum += weight[i] * function(u[i], arg);
	}
	return sum;
}
