/*-------------------------------------------------------------------------
 *
 * calendar.h
 *	  Days, months and periods of the Gregorian calendar.
 *
 * A day is a number, counted from 0001-01-01 as in a purchase history.  A
 * month that has no such day ends on its last one: 31 January and one month
 * is 28 or 29 February.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_CALENDAR_H
#define MODEL_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#define CALENDAR_NEVER	INT32_MAX	/* a day that does not come */

typedef struct CalendarDate
{
	int			year;
	int			month;			/* 1 to 12 */
	int			day;			/* 1 to 31 */
} CalendarDate;

/* A length of time: months first, then days */
typedef struct CalendarSpan
{
	int32_t		months;
	int32_t		days;
} CalendarSpan;

/* The days from first to last */
typedef struct CalendarPeriod
{
	int32_t		first;
	int32_t		last;
} CalendarPeriod;

extern int32_t calendar_day(int year, int month, int day);
extern CalendarDate calendar_date(int32_t day);
extern int32_t calendar_add(int32_t day, CalendarSpan span, int times);
extern CalendarPeriod calendar_period(int32_t day, int months, int first_month);
extern CalendarPeriod calendar_cycle(int32_t day, int32_t origin,
									 CalendarSpan span);

/* Is it a length at all? */
static inline bool
calendar_is_empty(CalendarSpan span)
{
	return span.months == 0 && span.days == 0;
}

#endif							/* MODEL_CALENDAR_H */
