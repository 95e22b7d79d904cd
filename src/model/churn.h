/*-------------------------------------------------------------------------
 *
 * churn.h
 *	  What a purchase history says on a day of whether its customer will leave.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_CHURN_H
#define MODEL_CHURN_H

#include <stdbool.h>

#include "model/history.h"

typedef enum ChurnFeature
{
	CHURN_RECENCY,				/* days since the last purchase */
	CHURN_OVERDUE,				/* those over the mean gap */
	CHURN_ORDERS_30,			/* orders of the last days, as_of among them */
	CHURN_ORDERS_90,
	CHURN_ORDERS_180,
	CHURN_ORDERS_365,
	CHURN_SPEND_30,				/* net money of the last days */
	CHURN_SPEND_90,
	CHURN_SPEND_180,
	CHURN_SPEND_365,
	CHURN_MEAN_GAP,				/* days from one purchase day to the next */
	CHURN_LAST_GAP,
	CHURN_GAP_TREND,			/* the last gap over the mean one */
	CHURN_GAP_SPREAD,			/* deviation of gaps over the mean one */
	CHURN_TENURE,				/* days since the first purchase */
	CHURN_PURCHASE_DAYS,
	CHURN_ORDERS,
	CHURN_ORDER_VALUE,			/* mean gross money of an order */
	CHURN_REFUND_SHARE,			/* money given back of all that was paid */
	CHURN_SEASON_ORDERS,		/* orders of the same days a year ago, as long
								 * as the horizon */
	CHURN_FEATURES
} ChurnFeature;

#define CHURN_TOPICS	7		/* of features that say much the same, and of none */

/* What has been seen of a history so far */
typedef struct ChurnCounts
{
	int32_t		as_of;
	int32_t		horizon;
	int32_t		first;			/* purchase days; 0: none yet */
	int32_t		last;
	double		purchase_days;
	double		last_gap;
	double		gap_squares;
	double		orders;
	double		gross;
	double		refunded;
	double		recent_orders[4];
	double		recent_spend[4];
	double		season_orders;
} ChurnCounts;

extern void churn_begin(ChurnCounts *counts, int32_t as_of, int32_t horizon);
extern void churn_add(ChurnCounts *counts, const HistoryDay *day);
extern bool churn_features(const ChurnCounts *counts, double unit,
						   double *feature);
extern const char *churn_feature_name(ChurnFeature feature);
extern int	churn_topic(const char *name, const char **words, int *direction);

#endif							/* MODEL_CHURN_H */
