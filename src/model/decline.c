/*-------------------------------------------------------------------------
 *
 * decline.c
 *	  The integral of (1 + v/A)^-R (1 + v/B)^-S from v = 0 to a length, which
 *	  Pareto/NBD and its fit share.
 *
 * Of A and B the smaller is the near scale C, the other the far one; what is
 * integrated over is u = log(1 + v/C).  Derivatives of the integral's logarithm
 * are means, over the integrand, of those of the integrand's.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/decline.h"
#include "model/quadrature.h"

#define TERMS	4				/* two for each scale c: log(1 + v/c), v/(c + v) */
#define NEAR	0
#define FAR		2

typedef struct Decline
{
	double		near;			/* the scales */
	double		far;
	double		near_power;
	double		far_power;
	double		share;			/* near / far */
	double		high;			/* log(1 + length / near) */
	double		far_high;		/* log(1 + length / far) */
} Decline;

/* Sums over the integrand */
typedef struct DeclineSums
{
	double		all;
	double		term[TERMS];
	double		product[TERMS][TERMS];	/* lower triangle */
} DeclineSums;

static double
decline_density(double u, const void *arg)
{
	const Decline *decline = arg;
	double		log_far = u == decline->high ? decline->far_high
		: log1p(decline->share * expm1(u));

	return (1 - decline->near_power) * u - decline->far_power * log_far;
}

/* The density's slope */
static double
slope_at(const Decline *decline, double grown)
{
	double		far = decline->share * grown;

	return 1 - decline->near_power -
		decline->far_power * (decline->share + far) / (1 + far);
}

/* Where the density, which is concave, has its peak: there the slope is zero */
static double
peak_of(const Decline *decline)
{
	double		y = (1 - decline->near_power) / decline->far_power;
	double		share = decline->share;

	if (y <= share)
		return 0;
	if (y >= 1)
		return decline->high;
	return fmin(decline->high, log(y * (1 - share) / (share * (1 - y))));
}

/*
 * Eight points are as good as sixteen in a short panel in which the density
 * changes little.  Up to one, e^u - 1 is no more than u + 0.72 u^2.
 */
static int
points_for(const Decline *decline, double from, double to)
{
	double		steepest = fmax(slope_at(decline, from),
								-slope_at(decline, to + 0.72 * to * to));

	return to <= 1 && steepest * (to - from) <= 4 ? 8 : PANEL_POINTS;
}

static void
add_panel(const Quadrature *what, double from, double to, double peak, void *into)
{
	const Decline *decline = what->arg;
	DeclineSums *sums = into;
	int			points = points_for(decline, from, to);
	double		u[PANEL_POINTS];
	double		weight[PANEL_POINTS];
	double		term[TERMS][PANEL_POINTS];

	quadrature_points(from, to, points, u, weight);
	for (int k = 0; k < points; k++)
	{
		double		grown = expm1(u[k]);
		double		far = decline->share * grown;
		double		log_far = log1p(far);

		weight[k] *= exp((1 - decline->near_power) * u[k] -
						 decline->far_power * log_far - peak);
		term[NEAR][k] = u[k];
		term[NEAR + 1][k] = grown / (1 + grown);
		term[FAR][k] = log_far;
		term[FAR + 1][k] = far / (1 + far);
	}
	for (int k = 0; k < points; k++)
	{
		sums->all += weight[k];
		for (int i = 0; i < TERMS; i++)
		{
			double		one = weight[k] * term[i][k];

			sums->term[i] += one;
			for (int j = 0; j <= i; j++)
				sums->product[i][j] += one * term[j][k];
		}
	}
}

/* Integrates; returns the integral's logarithm */
static double
integrate(Decline *decline, double A, double R, double B, double S,
		  double length, DeclineSums *sums)
{
	double		slope;
	Quadrature	what = {
		.density = decline_density,
		.arg = decline,
		.start_is_peak = true,
		.smooth_below = -INFINITY,
		.smooth_above = INFINITY
	};

	decline->near = A <= B ? A : B;
	decline->far = A <= B ? B : A;
	decline->near_power = A <= B ? R : S;
	decline->far_power = A <= B ? S : R;
	decline->share = decline->near / decline->far;
	decline->high = what.high = log1p(length / decline->near);
	decline->far_high = log1p(length / decline->far);
	slope = slope_at(decline, 0);
	what.start = peak_of(decline);
	what.first_step = slope < -4 ? -8 / slope : 2;
	return quadrature_panels(&what, add_panel, sums) +
		log(decline->near * sums->all);
}

/* The logarithm of the integral */
double
decline_log_integral(double A, double R, double B, double S, double length)
{
	Decline		decline;
	DeclineSums sums = {0};

	return length == 0 ? -INFINITY : integrate(&decline, A, R, B, S, length, &sums);
}

/* Adds the mean curvature of the integrand's logarithm in power i and scale c;
 * mean and square are of v/(c + v), times is what that counts */
static void
add_curvature(double c, double times, double end, double mean, double square,
			  Slopes *slopes, int i)
{
	slopes->second[i + 1][i] += (mean - end) / c;
	slopes->second[i + 1][i + 1] += times / c *
		(square - end * end - 2 * (mean - end));
}

/*
 * Adds the logarithm of the integral over its integrand at the end, and
 * derivatives with respect to R, A, S and B, in that order.
 */
void
decline_add_slopes(double A, double R, double B, double S, double length,
				   Slopes *slopes)
{
	Decline		decline;
	DeclineSums sums = {0};
	double		scale[TERMS];	/* the term times this is the log's derivative */
	double		end[TERMS];
	double		mean[TERMS];
	int			to = A <= B ? 0 : 2;	/* the place of what is near */

	slopes->value += integrate(&decline, A, R, B, S, length, &sums);
	slopes->value += decline.near_power * decline.high +
		decline.far_power * decline.far_high;
	scale[NEAR] = scale[FAR] = -1;
	scale[NEAR + 1] = decline.near_power / decline.near;
	scale[FAR + 1] = decline.far_power / decline.far;
	end[NEAR] = decline.high;
	end[NEAR + 1] = length / (decline.near + length);
	end[FAR] = decline.far_high;
	end[FAR + 1] = length / (decline.far + length);
	for (int i = 0; i < TERMS; i++)
	{
		mean[i] = sums.term[i] / sums.all;
		slopes->first[i ^ to] += scale[i] * (mean[i] - end[i]);
		for (int j = 0; j <= i; j++)
		{
			int			row = (i ^ to) > (j ^ to) ? i ^ to : j ^ to;
			int			column = i ^ to ^ j ^ to ^ row;

			slopes->second[row][column] += scale[i] * scale[j] *
				(sums.product[i][j] / sums.all - mean[i] * mean[j]);
		}
	}
	add_curvature(decline.near, scale[NEAR + 1], end[NEAR + 1], mean[NEAR + 1],
				  sums.product[NEAR + 1][NEAR + 1] / sums.all, slopes, to);
	add_curvature(decline.far, scale[FAR + 1], end[FAR + 1], mean[FAR + 1],
				  sums.product[FAR + 1][FAR + 1] / sums.all, slopes, FAR ^ to);
}
