/*-------------------------------------------------------------------------
 *
 * negative_binomial.c
 *	  Purchases of customers whose rates differ: a Poisson count whose rate is
 *	  gamma distributed.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/negative_binomial.h"
#include "model/special.h"

#define FEW		64				/* up to here the mass is a product */
#define SERIES_TERMS	2000	/* more of them take longer than a fraction */

/*
 * log P(N = n) = log of Gamma(R + n) / (Gamma(R) n!) tau^n / (1 + tau)^(R + n)
 *
 * For many purchases in Loader's form, whose terms are deviances, not
 * differences of large logarithms.
 */
double
negbin_log_mass(double R, double tau, double n)
{
	const double two_pi = 6.28318530717958647693;
	double		all = R + n;
	double		z = tau / (1 + tau);
	double		sum;

	if (n <= FEW)
	{
		double		product = 1;

		sum = -R * log1p(tau);
		for (int i = 0; i < (int) n; i++)
		{
			product *= z * (R + i) / (i + 1);
			if (product < 1e-250 || product > 1e250)
			{
				sum += log(product);
				product = 1;
			}
		}
		return sum + log(product);
	}
	return stirling_error(all) - stirling_error(R) - stirling_error(n) -
		deviance(R, all / (1 + tau)) - deviance(n, all * z) +
		0.5 * log(R / (two_pi * n * all));
}

/* The masses from n on: all positive, where one less the rest would cancel */
static double
tail_series(double R, double tau, double n)
{
	double		z = tau / (1 + tau);
	double		term = 1;
	double		sum = 1;

	for (double j = n; term > 1e-17 * sum; j++)
	{
		term *= z * (R + j) / (j + 1);
		sum += term;
	}
	return exp(negbin_log_mass(R, tau, n)) * sum;
}

/* P(N >= n) */
double
negbin_tail(double R, double tau, double n)
{
	if (n <= 0)
		return 1;
	if (n == 1)
		return -expm1(-R * log1p(tau));
	if (R < 1 && 40 * (1 + tau) < SERIES_TERMS)
		return tail_series(R, tau, n);
	return beta_inc(n, R, tau / (1 + tau), 1 / (1 + tau));
}
