/*-------------------------------------------------------------------------
 *
 * beta_mean.c
 *	  The mean of a function of a beta distributed chance.
 *
 * Over u = log(p / (1 - p)) the density has one peak and straight tails,
 * however near to 0 or to infinity its parameters are.  The rule is made for
 * the density and divided by its own sum, so no beta function is needed.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/beta_mean.h"
#include "model/quadrature.h"
#include "model/special.h"

typedef struct Shape
{
	double		a;
	double		b;
} Shape;

static double
logit_density(double u, const void *arg)
{
	const Shape *shape = arg;

	return -shape->a * log1p_exp(-u) - shape->b * log1p_exp(u);
}

/*
 * E f(p), p ~ Beta(a, b).  Below p = finest the function is as good as
 * constant, or a power of p.
 */
double
beta_mean(double a, double b, ChanceFunction function, const void *arg,
		  double finest)
{
	Shape		shape = {a, b};
	Quadrature	what = {
		.density = logit_density,
		.arg = &shape,
		.low = -INFINITY,
		.high = INFINITY,
		.start = log(a / b),
		.start_is_peak = true,
		.first_step = fmin(2, 2 * sqrt((a + b) / a / b)),
		.smooth_below = fmin(log(finest) - 5, -5),
		.smooth_above = 5
	};
	QuadratureRule rule;
	double		sum = 0;

	quadrature_rule(&what, &rule);
	for (size_t i = 0; i < rule.count; i++)
	{
		double		u = rule.node[i].u;

		sum += rule.node[i].weight *
			function(1 / (1 + exp(-u)), 1 / (1 + exp(u)), arg);
	}
	return sum / rule.sum;
}
