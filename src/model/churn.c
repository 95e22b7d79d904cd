/*-------------------------------------------------------------------------
 *
 * churn.c
 *	  What a purchase history says on a day of whether its customer will leave.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/churn.h"

#define YEAR	365

static const int32_t recent_days[] = {30, 90, 180, YEAR};

void
churn_begin(ChurnCounts *counts, int32_t as_of, int32_t horizon)
{
	memset(counts, 0, sizeof(*counts));
	counts->as_of = as_of;
	counts->horizon = horizon;
}

/* The next day of a history; what comes after as_of does not exist */
void
churn_add(ChurnCounts *counts, const HistoryDay *day)
{
	int32_t		ago = counts->as_of - day->day;

	if (ago < 0)
		return;
	counts->gross += (double) day->gross;
	counts->refunded += (double) day->refunded;
	counts->orders += day->orders;
	for (int i = 0; i < 4; i++)
		if (ago < recent_days[i])
		{
			counts->recent_orders[i] += day->orders;
			counts->recent_spend[i] += (double) day->gross - (double) day->refunded;
		}
	if (ago < YEAR && ago >= YEAR - counts->horizon)
		counts->season_orders += day->orders;
	if (day->orders == 0)
		return;
	if (counts->purchase_days > 0)
	{
		counts->last_gap = day->day - counts->last;
		counts->gap_squares += counts->last_gap * counts->last_gap;
	}
	else
		counts->first = day->day;
	counts->last = day->day;
	counts->purchase_days++;
}

/*
 * Features of a customer, where a unit of money is so much; NAN is not known.
 * False for one without a purchase.
 */
bool
churn_features(const ChurnCounts *counts, double unit, double *feature)
{
	double		gaps = counts->purchase_days - 1;
	double		recency = counts->as_of - counts->last;
	double		mean_gap = gaps > 0 ? (counts->last - counts->first) / gaps : NAN;

	if (counts->purchase_days == 0)
		return false;
	feature[CHURN_RECENCY] = recency;
	feature[CHURN_OVERDUE] = recency / mean_gap;
	for (int i = 0; i < 4; i++)
	{
		feature[CHURN_ORDERS_30 + i] = counts->recent_orders[i];
		feature[CHURN_SPEND_30 + i] = counts->recent_spend[i] * unit;
	}
	feature[CHURN_MEAN_GAP] = mean_gap;
	feature[CHURN_LAST_GAP] = gaps > 0 ? counts->last_gap : NAN;
	feature[CHURN_GAP_TREND] = gaps > 1 ? counts->last_gap / mean_gap : NAN;
	feature[CHURN_GAP_SPREAD] = gaps > 1
		? sqrt(fmax(counts->gap_squares / gaps - mean_gap * mean_gap, 0)) / mean_gap : NAN;
	feature[CHURN_TENURE] = counts->as_of - counts->first;
	feature[CHURN_PURCHASE_DAYS] = counts->purchase_days;
	feature[CHURN_ORDERS] = counts->orders;
	feature[CHURN_ORDER_VALUE] = counts->gross / counts->orders * unit;
	feature[CHURN_REFUND_SHARE] = counts->gross > 0 ? counts->refunded / counts->gross : NAN;
	feature[CHURN_SEASON_ORDERS] = counts->as_of - counts->first >= YEAR
		? counts->season_orders : NAN;
	return true;
}

const char *
churn_feature_name(ChurnFeature feature)
{
	static const char *const names[] = {
		[CHURN_RECENCY] = "recency_days",
		[CHURN_OVERDUE] = "overdue_ratio",
		[CHURN_ORDERS_30] = "orders_30",
		[CHURN_ORDERS_90] = "orders_90",
		[CHURN_ORDERS_180] = "orders_180",
		[CHURN_ORDERS_365] = "orders_365",
		[CHURN_SPEND_30] = "spend_30",
		[CHURN_SPEND_90] = "spend_90",
		[CHURN_SPEND_180] = "spend_180",
		[CHURN_SPEND_365] = "spend_365",
		[CHURN_MEAN_GAP] = "mean_gap_days",
		[CHURN_LAST_GAP] = "last_gap_days",
		[CHURN_GAP_TREND] = "gap_trend",
		[CHURN_GAP_SPREAD] = "gap_spread",
		[CHURN_TENURE] = "tenure_days",
		[CHURN_PURCHASE_DAYS] = "purchase_days",
		[CHURN_ORDERS] = "orders",
		[CHURN_ORDER_VALUE] = "mean_order_value",
		[CHURN_REFUND_SHARE] = "refund_share",
		[CHURN_SEASON_ORDERS] = "season_orders"
	};

	return names[feature];
}

/*
 * Features that say much the same, of which a model may take one for and another
 * against: what they say together is told by the first of them.
 */
static const struct
{
	const char *name;
	int			topic;
	const char *words;			/* with its value for the %; NULL: not the first */
	int			direction;		/* 1: it is a reason if it is high, -1: if low */
}			known[] = {
	{"recency_days", 1, "days since the last purchase: %.0f", 1},
	{"overdue_ratio", 1, NULL, 0},
	{"p_alive", 1, NULL, 0},
	{"expected_purchases", 1, NULL, 0},
	{"p_no_purchase", 1, NULL, 0},
	{"orders_365", 2, "orders in the last 365 days: %.0f", -1},
	{"orders_30", 2, NULL, 0},
	{"orders_90", 2, NULL, 0},
	{"orders_180", 2, NULL, 0},
	{"orders", 2, NULL, 0},
	{"purchase_days", 2, NULL, 0},
	{"tenure_days", 2, NULL, 0},
	{"mean_gap_days", 2, NULL, 0},
	{"gap_trend", 3, "times the usual gap that the last one was: %.1f", 1},
	{"last_gap_days", 3, NULL, 0},
	{"gap_spread", 3, NULL, 0},
	{"spend_365", 4, "spent in the last 365 days: %.2f", -1},
	{"spend_30", 4, NULL, 0},
	{"spend_90", 4, NULL, 0},
	{"spend_180", 4, NULL, 0},
	{"mean_order_value", 4, NULL, 0},
	{"refund_share", 5, "share of the money given back: %.2f", 1},
	{"season_orders", 6, "orders in this season a year ago: %.0f", -1}
};

/* The topic of a feature, 1 or more, and how it is told; 0 for one that is not known */
int
churn_topic(const char *name, const char **words, int *direction)
{
	*words = NULL;
	*direction = 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(name, known[i].name) == 0)
		{
			*words = known[i].words;
			*direction = known[i].direction;
			return known[i].topic;
		}
	return 0;
}
