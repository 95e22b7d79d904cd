/*-------------------------------------------------------------------------
 *
 * uncertainty.h
 *	  How sure an expected value is, since parameters are estimates.
 *
 * The delta method: the logarithm of what is expected moves with logarithms of
 * parameters by its slopes, and those are spread by their covariances.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_UNCERTAINTY_H
#define MODEL_UNCERTAINTY_H

#include "model/fit.h"
#include "model/gamma_gamma.h"
#include "model/purchase.h"

extern void discounted_slopes(const PurchaseProcess *process, double t,
							  double rate, double slope[FIT_MAX]);
extern void expected_slopes(const PurchaseModel *model,
							const PurchaseRecord *record,
							const double of_process[FIT_MAX],
							double slope[FIT_MAX]);
extern void order_value_slopes(const GammaGamma *value, double x, double mean,
							   double slope[3]);
extern double variance_along(const double *slope, const double *covariance,
							 int n);

#endif							/* MODEL_UNCERTAINTY_H */
