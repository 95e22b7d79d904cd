/*-------------------------------------------------------------------------
 *
 * calendar.c
 *	  Days, months and periods of the Gregorian calendar.
 *
 *-------------------------------------------------------------------------
 */
#include "model/calendar.h"

#define DAYS_OF_400_YEARS	146097

/* Days before the first of March of a year, which leap days come at the end of */
static int64_t
days_before_march(int64_t year)
{
	return 365 * year + year / 4 - year / 100 + year / 400;
}

/* A date as a number; month may lie beyond the year */
int32_t
calendar_day(int year, int month, int day)
{
	int64_t		months = (int64_t) year * 12 + month - 3;	/* since March of 0 */
	int64_t		from_march = months / 12;
	int64_t		of_year = months % 12;

	/* months from March on have 31 30 31 30 31, and again */
	return (int32_t) (days_before_march(from_march) + (153 * of_year + 2) / 5 +
					  day - 1 - days_before_march(0) - 306);
}

CalendarDate
calendar_date(int32_t day)
{
	int64_t		n = (int64_t) day + 306;	/* since 1 March of year 0 */
	int64_t		year = (n * 400 + 591) / DAYS_OF_400_YEARS;
	int64_t		of_year = n - days_before_march(year);
	CalendarDate date;
	int64_t		month;

	if (of_year < 0)
		of_year = n - days_before_march(--year);
	month = (5 * of_year + 2) / 153;
	date.day = (int) (of_year - (153 * month + 2) / 5 + 1);
	date.month = (int) (month < 10 ? month + 3 : month - 9);
	date.year = (int) (month < 10 ? year : year + 1);
	return date;
}

static int
days_of_month(int year, int month)
{
	return calendar_day(year, month + 1, 1) - calendar_day(year, month, 1);
}

/* So many spans after a day, or before it; counted from that day at once */
int32_t
calendar_add(int32_t day, CalendarSpan span, int times)
{
	CalendarDate date;
	int64_t		months;
	int			year;
	int			month;
	int			last;

	if (span.months == 0)
		return day + span.days * times;
	date = calendar_date(day);
	months = (int64_t) date.year * 12 + date.month - 1 +
		(int64_t) span.months * times;
	year = (int) (months / 12);
	month = (int) (months % 12) + 1;
	last = days_of_month(year, month);
	return calendar_day(year, month, date.day < last ? date.day : last) +
		span.days * times;
}

/* The period of so many months, of a year that begins with a month, around a day */
CalendarPeriod
calendar_period(int32_t day, int months, int first_month)
{
	CalendarDate date = calendar_date(day);
	int64_t		since = (int64_t) date.year * 12 + date.month - first_month;
	int64_t		start = since - since % months + first_month - 1;
	CalendarPeriod period;

	period.first = calendar_day((int) (start / 12), (int) (start % 12) + 1, 1);
	start += months;
	period.last = calendar_day((int) (start / 12), (int) (start % 12) + 1, 1) - 1;
	return period;
}

/*
 * Of spans that follow each other from an origin on, the one around a day.
 * Each begins where the origin and so many spans lie.
 */
CalendarPeriod
calendar_cycle(int32_t day, int32_t origin, CalendarSpan span)
{
	double		length = span.months * 30.436875 + span.days;
	int			n = (int) ((day - origin) / length);
	CalendarPeriod period;

	while (calendar_add(origin, span, n) > day)
		n--;
	while (calendar_add(origin, span, n + 1) <= day)
		n++;
	period.first = calendar_add(origin, span, n);
	period.last = calendar_add(origin, span, n + 1) - 1;
	return period;
}
