/*-------------------------------------------------------------------------
 *
 * history.h
 *	  The SQL type purchase_history, as the rest of the module sees it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "datatype/timestamp.h"
#include "utils/date.h"

#include "model/history.h"

/* model days count from 0001-01-01, the server's dates from 2000-01-01 */
#define HISTORY_DAY_OF_EPOCH	730119

/* reading */
extern void history_read(Datum value, HistoryReader *reader);
extern bool history_step(HistoryReader *reader, HistoryDay *day);
extern HistoryDay *history_days(Datum value, size_t room, size_t *count,
								int *scale);

/* making */
extern Datum history_make(HistoryDay *days, size_t count, int scale);
extern void history_raise(HistoryStatus status);

/* days */
extern void history_date_refused(DateADT date) pg_attribute_noreturn();
extern int32 history_day_from(DateADT date);
extern int32 history_day_until(DateADT date);

static inline DateADT
history_date_of_day(int32 day)
{
	return day - HISTORY_DAY_OF_EPOCH;
}

/* The day of a purchase */
static inline int32
history_day_of_date(DateADT date)
{
	if (date < -HISTORY_DAY_OF_EPOCH ||
		date > HISTORY_LAST_DAY - HISTORY_DAY_OF_EPOCH)
		history_date_refused(date); /* the infinite dates are outside too */
	return date + HISTORY_DAY_OF_EPOCH;
}

#endif							/* HISTORY_H */
