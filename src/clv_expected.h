/*-------------------------------------------------------------------------
 *
 * clv_expected.h
 *	  What is expected of a customer, and how sure that is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CLV_EXPECTED_H
#define CLV_EXPECTED_H

#include "clv_model.h"

/* What is expected of a customer until the horizon */
typedef struct Prospect
{
	double		p_alive;
	double		purchases;
	double		discounted;		/* purchases, discounted to today */
	double		variance;		/* of the logarithm of the latter, if known */
} Prospect;

extern Prospect clv_prospect(FunctionCallInfo fcinfo, const ClvModel *model,
							 const PurchaseRecord *record, double t,
							 double rate);
extern double clv_order_value_variance(const ClvValueModel *value, double x,
									   double mean);
extern void clv_spread(FunctionCallInfo fcinfo, double mean, double variance,
					   double outside, double bound[2]);

#endif							/* CLV_EXPECTED_H */
