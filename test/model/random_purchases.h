/*-------------------------------------------------------------------------
 *
 * random_purchases.h
 *	  Random numbers and customers for the tests of models and their fits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_RANDOM_PURCHASES_H
#define TEST_RANDOM_PURCHASES_H

#include <math.h>

#include "model/purchase.h"
#include "tap.h"

/* 0 < result < 1 */
static inline double
random_unit(void)
{
	return ((double) (random64() >> 12) + 0.5) / 4503599627370496.0;
}

static inline double
random_between(double low, double high)
{
	return low + (high - low) * random_unit();
}

/* Of any order of magnitude between the two */
static inline double
random_size(double low, double high)
{
	return exp(random_between(log(low), log(high)));
}

static inline double
random_normal(void)
{
	return sqrt(-2 * log(random_unit())) * cos(2 * acos(-1) * random_unit());
}

/* Marsaglia and Tsang (2000) */
static inline double
random_gamma(double shape)
{
	double		d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
	double		c = 1 / sqrt(9 * d);

	for (;;)
	{
		double		z = random_normal();
		double		v = 1 + c * z;

		v = v * v * v;
		if (v > 0 && log(random_unit()) < z * z / 2 + d - d * v + d * log(v))
			return d * v * (shape < 1 ? pow(random_unit(), 1 / shape) : 1);
	}
}

/* Of two tiny shapes both gammas can be zero: then either end */
static inline double
random_beta(double a, double b)
{
	double		x = random_gamma(a);
	double		y = random_gamma(b);

	return x + y > 0 ? x / (x + y) : random_unit() < a / (a + b);
}

/* One opportunity after the other */
static inline PurchaseRecord
random_donor(const double *parameter, double T)
{
	PurchaseRecord record = {0, 0, T};
	double		buys = random_beta(parameter[0], parameter[1]);
	double		leaves = random_beta(parameter[2], parameter[3]);

	for (double i = 1; i <= T && random_unit() >= leaves; i++)
		if (random_unit() < buys)
		{
			record.x += 1;
			record.t_x = i;
		}
	return record;
}

/* A customer of a model, from his first purchase until T */
static inline PurchaseRecord
random_customer(const PurchaseModel *model, double T)
{
	const double *parameter = model->parameter;
	PurchaseRecord record = {0, 0, T};
	double		rate;
	double		leaves = 0;
	double		until = T;

	if (model->kind == PURCHASE_BGBB)
		return random_donor(parameter, T);
	rate = random_gamma(parameter[0]) / parameter[1];
	if (model->kind == PURCHASE_PARETO_NBD)
		until = fmin(T, -log(random_unit()) * parameter[3] /
					 random_gamma(parameter[2]));
	else if (model->kind != PURCHASE_NBD)
		leaves = random_beta(parameter[2], parameter[3]);
	if (model->kind == PURCHASE_MBGNBD && random_unit() < leaves)
		return record;
	for (double t = 0;;)
	{
		t -= log(random_unit()) / rate;
		if (!(t <= until) || record.x == 100000)
			return record;
		record.x += 1;
		record.t_x = t;
		if (random_unit() < leaves)
			return record;
	}
}

#endif							/* TEST_RANDOM_PURCHASES_H */
