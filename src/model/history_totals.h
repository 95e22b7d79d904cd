/*-------------------------------------------------------------------------
 *
 * history_totals.h
 *	  What a stretch of a purchase history adds up to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_HISTORY_TOTALS_H
#define MODEL_HISTORY_TOTALS_H

#include "model/history.h"

/* A purchase day is a day with at least one order */
typedef struct HistoryTotals
{
	int32_t		first;			/* first purchase day, -1 if none */
	int32_t		last;			/* last purchase day, -1 if none */
	int32_t		before_last;	/* purchase day before the last, -1 if none */
	int32_t		purchase_days;	/* days with an order */
	int64_t		orders;			/* orders in all */
	uint32_t	most_orders;	/* orders of the busiest day */
	Units		gross;			/* money of the orders */
	Units		refunded;		/* money given back, with or without an order */
} HistoryTotals;

extern void totals_begin(HistoryTotals *totals);
extern void totals_add(HistoryTotals *totals, const HistoryDay *day);
extern bool history_void_day(HistoryDay *day);

#endif							/* MODEL_HISTORY_TOTALS_H */
