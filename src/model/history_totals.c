/*-------------------------------------------------------------------------
 *
 * history_totals.c
 *	  What a stretch of a purchase history adds up to.
 *
 *-------------------------------------------------------------------------
 */
#include "model/history_totals.h"

void
totals_begin(HistoryTotals *totals)
{
	*totals = (HistoryTotals) {.first = -1,.last = -1,.before_last = -1};
}

/* Days come in ascending order */
void
totals_add(HistoryTotals *totals, const HistoryDay *day)
{
	totals->gross += day->gross;
	totals->refunded += day->refunded;
	if (day->orders == 0)
		return;
	if (totals->first < 0)
		totals->first = day->day;
	totals->before_last = totals->last;
	totals->last = day->day;
	totals->purchase_days++;
	totals->orders += day->orders;
	if (day->orders > totals->most_orders)
		totals->most_orders = day->orders;
}

/*
 * Voids the purchases of a day whose refunds take all their money back: what
 * was refunded beyond it stays.  False if nothing is left of the day.
 */
bool
history_void_day(HistoryDay *day)
{
	if (day->refunded == 0 || day->refunded < day->gross)
		return true;
	day->refunded -= day->gross;
	day->orders = 0;
	day->gross = 0;
	return day->refunded > 0;
}
