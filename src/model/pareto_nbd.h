/*-------------------------------------------------------------------------
 *
 * pareto_nbd.h
 *	  The integral that Pareto/NBD and its fit share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_PARETO_NBD_H
#define MODEL_PARETO_NBD_H

#include "model/purchase.h"
#include "model/quadrature.h"

extern double decline_rule(double A, double R, double B, double S,
						   double length, QuadratureRule *rule);
extern double decline_log_integral(double A, double R, double B, double S,
								   double length);

#endif							/* MODEL_PARETO_NBD_H */
