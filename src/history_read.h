/*-------------------------------------------------------------------------
 *
 * history_read.h
 *	  Totals of a purchase history, for the topics that build on it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HISTORY_READ_H
#define HISTORY_READ_H

#include "history.h"
#include "model/history_totals.h"

extern int	history_totals(Datum history, int32 first, int32 last,
						   HistoryTotals *totals);

/* Gross less refunded; both are far below what a SignedUnits holds */
static inline SignedUnits
history_net(const HistoryTotals *totals)
{
	return (SignedUnits) totals->gross - (SignedUnits) totals->refunded;
}

#endif							/* HISTORY_READ_H */
