/*-------------------------------------------------------------------------
 *
 * decline.h
 *	  The integral that Pareto/NBD and its fit share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_DECLINE_H
#define MODEL_DECLINE_H

#include "model/purchase_slopes.h"

extern double decline_log_integral(double A, double R, double B, double S,
								   double length);
extern void decline_add_slopes(double A, double R, double B, double S,
							   double length, Slopes *slopes);

#endif							/* MODEL_DECLINE_H */
