/*-------------------------------------------------------------------------
 *
 * special.c
 *	  Special functions, in forms that keep their digits where the textbook
 *	  ones subtract large numbers.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/special.h"

#define LARGE	10.0			/* from here on Stirling's series is exact */
#define MANY	1000	/* the same where shorter ways lose digits */
#define FEW		24				/* up to here a product is as fast */

/* lgamma(z) less its first terms (z - 1/2) log z - z + log(2 pi)/2; z >= LARGE */
static double
stirling(double z)
{
	static const double c[] = {
		1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188,
		-691.0 / 360360, 1.0 / 156, -3617.0 / 122400
	};
	double		square = 1 / (z * z);
	double		sum = 0;

	for (int i = 7; i >= 0; i--)
		sum = sum * square + c[i];
	return sum / z;
}

/* How many steps of one bring z up to LARGE */
static int
steps_to_large(double z)
{
	return z >= LARGE ? 0 : (int) ceil(LARGE - z);
}

/* lgamma(a + n) - lgamma(a), for a > 0 and n >= 0 */
double
log_rising(double a, double n)
{
	double		product = 1;
	double		z = a;

	if (n <= FEW && n == floor(n) && a < 1e12)
	{
		for (int i = 0; i < (int) n; i++)
			product *= a + i;
		return log(product);
	}
	for (int i = steps_to_large(a); i > 0; i--)
	{
		product *= (z + n) / z;
		z += 1;
	}
	return n * log(z) + ((z + n - 0.5) * log1p(n / z) - n) +
		(stirling(z + n) - stirling(z)) - log(product);
}

/* log(1 + u) - u */
double
log1p_minus(double u)
{
	double		v = u / (2 + u);
	double		square = v * v;
	double		sum = 0;

	if (fabs(u) > 0.2)
		return log1p(u) - u;
	for (int i = 23; i >= 3; i -= 2)
		sum = (sum + 1.0 / i) * square;
	return 2 * v * sum - u * v;
}

/* log(1 + e^y) */
double
log1p_exp(double y)
{
	return y > 0 ? y + log1p(exp(-y)) : log1p(exp(y));
}

/* log(b / (a + b)) */
static double
log_share(double a, double b)
{
	double		lost = a / (a + b);

	return lost < 0.5 ? log1p(-lost) : log(b / (a + b));
}

/* log of B(a, b + n) / B(a, b) for whole n: the share of b in a + b, n times */
double
log_beta_ratio(double a, double b, double n)
{
	double		sum = 0;
	double		z = b;
	double		far;

	if (n <= (a > 1e6 ? MANY : FEW))
	{
		for (int i = 0; i < (int) n; i++)
			sum += log_share(a, b + i);
		return sum;
	}
	/* neither form has all digits everywhere: what is left out here is a^2 / b */
	if (a > 1e6 && (a > 0.1 * b || a * a > 70 * n * b))
		return log_rising(b, n) - log_rising(a + b, n);
	for (int i = steps_to_large(b); i > 0; i--)
	{
		sum += log_share(a, z) - log_share(a, z + n);
		z += 1;
	}
	far = z + n;
	return sum - a * log1p(n / (z + a)) -
		(far * log1p_minus(a / far) - z * log1p_minus(a / z)) +
		0.5 * (log1p(a / far) - log1p(a / z)) +
		(stirling(far) - stirling(far + a)) - (stirling(z) - stirling(z + a));
}

double
digamma(double x)
{
	static const double c[] = {
		1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132,
		-691.0 / 32760, 1.0 / 12
	};
	double		result = 0;
	double		square;
	double		sum = 0;

	for (; x < LARGE; x += 1)
		result -= 1 / x;
	square = 1 / (x * x);
	for (int i = 6; i >= 0; i--)
		sum = (sum + c[i]) * square;
	return result + log(x) - 0.5 / x - sum;
}

double
trigamma(double x)
{
	static const double c[] = {
		1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6
	};
	double		result = 0;
	double		square;
	double		sum = 0;

	for (; x < LARGE; x += 1)
		result += 1 / (x * x);
	square = 1 / (x * x);
	for (int i = 6; i >= 0; i--)
		sum = (sum + c[i]) * square;
	return result + (1 + 0.5 / x + sum) / x;
}

/* log n! less Stirling's formula n log n - n + log(2 pi n)/2; n > 0 (Loader 2000) */
double
stirling_error(double n)
{
	const double half_log_two_pi = 0.91893853320467274178;

	if (n >= LARGE)
		return stirling(n);
	return lgamma(n + 1) - (n + 0.5) * log(n) + n - half_log_two_pi;
}

/* x log(x / mean) + mean - x (Loader 2000) */
double
deviance(double x, double mean)
{
	if (x == 0)
		return mean;
	if (mean < x / 2)
		return x * log(x / mean) + (mean - x);
	return -x * log1p_minus((mean - x) / x);
}

/* The z that a standard normal variable exceeds with this chance, up to 1/2 */
double
normal_tail_quantile(double tail)
{
	const double root_half = 0.70710678118654752440;
	const double root_two_pi = 2.50662827463100050242;
	double		z = sqrt(-2 * log(2 * tail));

	/* log of the tail is concave: Newton's steps end on one side */
	for (int i = 0; i < 20; i++)
	{
		double		now = erfc(z * root_half) / 2;
		double		step = log(now / tail) * now * root_two_pi *
			exp(z * z / 2);

		z += step;
		if (fabs(step) < 1e-15 * z)
			break;
	}
	return z;
}

/* The continued fraction of the incomplete beta function, by Lentz's method */
static double
beta_fraction(double a, double b, double x)
{
	const double tiny = 1e-290;
	double		c = 1;
	double		d = 1 - (a + b) * x / (a + 1);
	double		result;

	d = 1 / (fabs(d) < tiny ? tiny : d);
	result = d;
	for (int m = 1; m < 100000; m++)
	{
		double		even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double		odd = -(a + m) * (a + b + m) * x /
			((a + 2 * m) * (a + 2 * m + 1));
		double		step;

		d = 1 + even * d;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = 1 + even / c;
		c = fabs(c) < tiny ? tiny : c;
		result *= c * d;
		d = 1 + odd * d;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = 1 + odd / c;
		c = fabs(c) < tiny ? tiny : c;
		step = c * d;
		result *= step;
		if (fabs(step - 1) < 1e-16)
			break;
	}
	return result;
}

/* x^a (1 - x)^b / (a B(a, b)), with y = 1 - x */
static double
beta_front(double a, double b, double x, double y)
{
	double		n = a + b;
	const double two_pi = 6.28318530717958647693;

	return sqrt(b / (two_pi * a * n)) *
		exp(stirling_error(n) - stirling_error(a) - stirling_error(b) -
			deviance(a, n * x) - deviance(b, n * y));
}

/* The regularized incomplete beta function I_x(a, b), with y = 1 - x */
double
beta_inc(double a, double b, double x, double y)
{
	if (x <= 0)
		return 0;
	if (y <= 0)
		return 1;
	if (x < (a + 1) / (a + b + 2))
		return beta_front(a, b, x, y) * beta_fraction(a, b, x);
	return 1 - beta_front(b, a, y, x) * beta_fraction(b, a, y);
}
