/*-------------------------------------------------------------------------
 *
 * negative_binomial.h
 *	  Purchases of customers whose rates differ: a Poisson count whose rate is
 *	  gamma distributed.
 *
 * R is the shape of the rate's distribution and tau the time in units of its
 * inverse scale: N purchases come in that time with mean R tau.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_NEGATIVE_BINOMIAL_H
#define MODEL_NEGATIVE_BINOMIAL_H

extern double negbin_log_mass(double R, double tau, double n);
extern double negbin_tail(double R, double tau, double n);

#endif							/* MODEL_NEGATIVE_BINOMIAL_H */
