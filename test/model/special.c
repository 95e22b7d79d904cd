/*-------------------------------------------------------------------------
 *
 * special.c
 *	  Special functions and quadrature against values with many digits.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/negative_binomial.h"
#include "model/quadrature.h"
#include "model/special.h"
#include "special_table.h"
#include "tap.h"

#define COUNT(table)	(sizeof(table) / sizeof((table)[0]))

typedef double (*Function) (const double *at);

static double
our_rising(const double *at)
{
	return log_rising(at[0], at[1]);
}

static double
our_beta_ratio(const double *at)
{
	return log_beta_ratio(at[0], at[1], at[2]);
}

static double
our_digamma(const double *at)
{
	return digamma(at[0]);
}

static double
our_trigamma(const double *at)
{
	return trigamma(at[0]);
}

static double
our_incomplete(const double *at)
{
	return beta_inc(at[0], at[1], at[2], at[3]);
}

static double
our_mass(const double *at)
{
	return negbin_log_mass(at[0], at[1], at[2]);
}

static double
our_tail(const double *at)
{
	return negbin_tail(at[0], at[1], at[2]);
}

static double
our_deviations(const double *at)
{
	return normal_tail_quantile(at[0]);
}

/* Relative error where the value is not so small that it has been cancelled */
static double
error_of(double ours, double value, double floor)
{
	if (ours == value)
		return 0;
	return fabs(ours - value) / fmax(fabs(value), floor);
}

static void
test_table(const char *name, const Case *table, size_t count, Function function,
		   double tolerance, double floor)
{
	double		worst = 0;
	size_t		wrong = 0;

	for (size_t i = 0; i < count; i++)
	{
		double		ours = function(table[i].at);
		double		error = error_of(ours, table[i].value, floor);

		if (!(error <= worst))
			worst = error;
		if (error <= tolerance)
			continue;
		wrong++;
		printf("# %s(%.17g, %.17g, %.17g, %.17g) is %.17g, not %.17g: %.1e\n",
			   name, table[i].at[0], table[i].at[1], table[i].at[2],
			   table[i].at[3], ours, table[i].value, error);
	}
	ok(wrong == 0, "%s: %zu values within %g, the worst %.1e", name, count,
	   tolerance, worst);
}

/* The gamma integral over the logarithm of its variable */
static double
gamma_density(double u, const void *arg)
{
	const double *shape = arg;

	return shape[0] * u - shape[1] * exp(u);
}

static double
soft_plus(double u)
{
	return u > 0 ? u + log1p(exp(-u)) : log1p(exp(u));
}

static double
beta_density(double u, const void *arg)
{
	const double *shape = arg;

	return -shape[0] * soft_plus(-u) - shape[1] * soft_plus(u);
}

static double
normal_density(double u, const void *arg)
{
	const double *shape = arg;
	double		z = (u - shape[0]) / shape[1];

	return -z * z / 2;
}

static double
fall_density(double u, const void *arg)
{
	return -*(const double *) arg * u;
}

/* log B(a, b) without the difference of large logarithms */
static double
log_beta(double a, double b)
{
	double		few = fmin(a, b);

	return lgamma(few) - log_rising(fmax(a, b), few);
}

static void
check_integral(const char *name, const Quadrature *what, double expected,
			   double *worst)
{
	double		ours = quadrature_log(what);
	double		error = fabs(ours - expected) / fmax(1, fabs(expected));

	if (!(error <= *worst))
	{
		const double *shape = what->arg;

		*worst = error;
		printf("# %s %g %g: %.17g, not %.17g: %.1e\n", name, shape[0], shape[1],
			   ours, expected, error);
	}
}

static void
test_gamma(void)
{
	static const double shapes[] = {0.05, 0.5, 1, 2.5, 30, 1000, 1e6};
	static const double scales[] = {1e-6, 1, 1e4};
	double		worst = 0;

	for (size_t i = 0; i < COUNT(shapes); i++)
		for (size_t j = 0; j < COUNT(scales); j++)
			for (int known = 0; known < 2; known++)
			{
				double		shape[2] = {shapes[i], scales[j]};
				double		peak = log(shape[0] / shape[1]);
				Quadrature	what = {
					.density = gamma_density,
					.arg = shape,
					.low = -INFINITY,
					.high = INFINITY,
					.start = known ? peak : 0,
					.start_is_peak = known,
					.first_step = fmin(2, 4 / sqrt(shape[0])),
					.smooth_below = peak - 5,
					.smooth_above = INFINITY
				};

				check_integral("gamma", &what,
							   lgamma(shape[0]) - shape[0] * log(shape[1]),
							   &worst);
			}
	ok(worst < 1e-11, "gamma integrals, the worst error %.1e", worst);
}

static void
test_beta(void)
{
	static const double shapes[] = {0.01, 0.5, 1, 3, 40, 1e4};
	double		worst = 0;

	for (size_t i = 0; i < COUNT(shapes); i++)
		for (size_t j = 0; j < COUNT(shapes); j++)
		{
			double		shape[2] = {shapes[i], shapes[j]};
			Quadrature	what = {
				.density = beta_density,
				.arg = shape,
				.low = -INFINITY,
				.high = INFINITY,
				.start = i % 2 == 0 ? log(shape[0] / shape[1]) : 3,
				.start_is_peak = i % 2 == 0,
				.first_step = fmin(2, 2 * sqrt((shape[0] + shape[1]) /
											   (shape[0] * shape[1]))),
				.smooth_below = -5,
				.smooth_above = 5
			};

			check_integral("beta", &what, log_beta(shape[0], shape[1]), &worst);
		}
	ok(worst < 1e-11, "beta integrals, the worst error %.1e", worst);
}

/* The whole line, and the half of it that begins at the peak */
static void
test_normal(void)
{
	static const double widths[] = {0.001, 0.3, 1, 20};
	double		whole = 0;
	double		half = 0;

	for (size_t i = 0; i < COUNT(widths); i++)
	{
		double		shape[2] = {-17.25, widths[i]};
		double		expected = log(widths[i]) + 0.5 * log(2 * acos(-1));
		Quadrature	what = {
			.density = normal_density,
			.arg = shape,
			.low = -INFINITY,
			.high = INFINITY,
			.start = 4,
			.first_step = 2 * widths[i],
			.smooth_below = INFINITY,
			.smooth_above = -INFINITY
		};

		check_integral("normal", &what, expected, &whole);
		what.low = shape[0];
		what.start = shape[0] + widths[i];
		check_integral("half normal", &what, expected - log(2), &half);
	}
	ok(whole < 1e-11, "normal integrals, the worst error %.1e", whole);
	ok(half < 1e-11, "halves of them, the worst error %.1e", half);
}

/* The peak at an end, and intervals from very short to very long */
static void
test_fall(void)
{
	static const double lengths[] = {1e-12, 1e-3, 1, 50, 3000};
	static const double slopes[][2] = {{1e-9}, {0.5}, {8}, {1e5}};
	double		worst = 0;

	for (size_t i = 0; i < COUNT(slopes); i++)
		for (size_t j = 0; j < COUNT(lengths); j++)
		{
			double		k = slopes[i][0];
			Quadrature	what = {
				.density = fall_density,
				.arg = slopes[i],
				.high = lengths[j],
				.start_is_peak = true,
				.first_step = fmin(2, 8 / k),
				.smooth_below = -INFINITY,
				.smooth_above = j < 3 ? INFINITY : 3
			};

			check_integral("fall", &what, log(-expm1(-k * lengths[j]) / k), &worst);
		}
	ok(worst < 1e-11, "integrals of e^-ku, the worst error %.1e", worst);
}

/* What holds for all arguments, where the table has none */
static void
test_rules(void)
{
	long		times = rounds(20000);
	long		steps = 0;
	long		sides = 0;
	long		sums = 0;

	for (long i = 0; i < times; i++)
	{
		double		a = exp((double) random_below(40000) / 1000 - 20);
		double		b = exp((double) random_below(16000) / 1000 - 8);
		double		c = exp((double) random_below(16000) / 1000 - 8);
		double		n = (double) random_below(60);
		double		x = (double) (1 + random_below(1023)) / 1024;
		double		rise = log_rising(a, n + 1) - log_rising(a, n) - log(a + n);

		steps += fabs(digamma(a + 1) - digamma(a) - 1 / a) <
			1e-13 * (1 / a + fabs(digamma(a))) &&
			fabs(trigamma(a) - trigamma(a + 1) - 1 / (a * a)) <
			1e-13 * trigamma(a) &&
			fabs(rise) < 1e-13 * (1 + fabs(log_rising(a, n + 1)));
		sides += fabs(beta_inc(b, c, x, 1 - x) + beta_inc(c, b, 1 - x, x) - 1) <
			1e-11;
		sums += fabs(negbin_tail(b, c, n) - negbin_tail(b, c, n + 1) -
					 exp(negbin_log_mass(b, c, n))) < 1e-11;
	}
	ok(steps == times, "from a to a + 1, %ld times", times);
	ok(sides == times, "both sides of a beta distribution are all of it");
	ok(sums == times, "tails differ by the mass between them");
	ok(beta_inc(2, 3, 0, 1) == 0 && beta_inc(2, 3, 1, 0) == 1,
	   "the ends of a beta distribution");
}

int
main(void)
{
	random_begin();
	test_table("log_rising", rising, COUNT(rising), our_rising, 1e-14, 0.5);
	/* where both parameters are in the millions large terms cancel */
	test_table("log_beta_ratio", beta_ratio, COUNT(beta_ratio), our_beta_ratio,
			   5e-10, 1e-6);
	test_table("digamma", psi, COUNT(psi), our_digamma, 1e-13, 1e-2);
	test_table("trigamma", psi_one, COUNT(psi_one), our_trigamma, 1e-13, 0);
	test_table("beta_inc", incomplete, COUNT(incomplete), our_incomplete, 1e-11,
			   0);
	test_table("negbin_log_mass", mass, COUNT(mass), our_mass, 1e-13, 1e-3);
	test_table("negbin_tail", tail, COUNT(tail), our_tail, 1e-11, 0);
	test_table("normal_tail_quantile", deviations, COUNT(deviations),
			   our_deviations, 1e-12, 1e-3);
	test_gamma();
	test_beta();
	test_normal();
	test_fall();
	test_rules();
	return tap_done();
}
