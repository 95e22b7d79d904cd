/*-------------------------------------------------------------------------
 *
 * gamma_gamma.h
 *	  Gamma-Gamma (Fader and Hardie 2013): what a purchase is worth.
 *
 * A purchase's value is gamma distributed (p, nu), the customer's nu too (q, v).
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_GAMMA_GAMMA_H
#define MODEL_GAMMA_GAMMA_H

typedef struct GammaGamma
{
	double		p;
	double		q;
	double		v;
} GammaGamma;

extern double gamma_gamma_log_likelihood(const GammaGamma *model, double x,
										 double mean);
extern double gamma_gamma_order_value(const GammaGamma *model, double x,
									  double mean);
extern double gamma_gamma_spend_below(const GammaGamma *model, double x,
									  double mean, double purchases,
									  double spend);

#endif							/* MODEL_GAMMA_GAMMA_H */
