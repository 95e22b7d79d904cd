/*-------------------------------------------------------------------------
 *
 * gamma_gamma.c
 *	  Gamma-Gamma (Fader and Hardie 2013): what a purchase is worth.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/gamma_gamma.h"
#include "model/special.h"

/* log density of the mean value of x purchases; x > 0, mean > 0 */
double
gamma_gamma_log_likelihood(const GammaGamma *model, double x, double mean)
{
	double		px = model->p * x;
	double		q = model->q;
	double		total = x * mean;

	/* Gamma(px + q) / (Gamma(px) Gamma(q)), the smaller one last */
	double		shape = px > q ? log_rising(px, q) - lgamma(q)
		: log_rising(q, px) - lgamma(px);

	return shape - px * log1p(model->v / total) - q * log1p(total / model->v) -
		log(mean);
}

/* Mean value of the customer's purchases to come; x = 0: of a new customer's */
double
gamma_gamma_order_value(const GammaGamma *model, double x, double mean)
{
	return model->p * (model->v + x * mean) / (model->p * x + model->q - 1);
}

/* Chance that so many purchases to come are worth spend or less together */
double
gamma_gamma_spend_below(const GammaGamma *model, double x, double mean,
						double purchases, double spend)
{
	double		scale = model->v + x * mean;

	return beta_inc(model->p * purchases, model->p * x + model->q,
					spend / (spend + scale), scale / (spend + scale));
}
