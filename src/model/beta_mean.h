/*-------------------------------------------------------------------------
 *
 * beta_mean.h
 *	  The mean of a function of a beta distributed chance.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_BETA_MEAN_H
#define MODEL_BETA_MEAN_H

/* A smooth, positive function of p; q = 1 - p */
typedef double (*ChanceFunction) (double p, double q, const void *arg);

extern double beta_mean(double a, double b, ChanceFunction function,
						const void *arg, double finest);

#endif							/* MODEL_BETA_MEAN_H */
