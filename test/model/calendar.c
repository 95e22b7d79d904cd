/*-------------------------------------------------------------------------
 *
 * calendar.c (test)
 *	  Every day of the calendar, and the ends of months.
 *
 *-------------------------------------------------------------------------
 */
#include "model/calendar.h"
#include "tap.h"

static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static bool
is(int32_t day, int year, int month, int day_of_month)
{
	CalendarDate date = calendar_date(day);

	return date.year == year && date.month == month && date.day == day_of_month;
}

static int
length_of(int year, int month)
{
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return lengths[month - 1] + (month == 2 && leap);
}

/* From 0001-01-01 to 9999-12-31, counted by hand */
static void
test_all_days(void)
{
	int			year = 1;
	int			month = 1;
	int			day = 1;
	long		good = 0;
	int32_t		n;

	for (n = 0; year < 10000; n++)
	{
		good += is(n, year, month, day) && calendar_day(year, month, day) == n;
		if (++day <= length_of(year, month))
			continue;
		day = 1;
		if (++month <= 12)
			continue;
		month = 1;
		year++;
	}
	ok(good == n && n == 3652059, "%d days have their dates, and the dates their days", n);
}

static void
test_months(void)
{
	const CalendarSpan month = {1, 0};
	const CalendarSpan year = {12, 0};
	int32_t		last = calendar_day(2024, 1, 31);
	CalendarPeriod period;

	ok(is(calendar_add(last, month, 1), 2024, 2, 29), "31 January and a month is 29 February");
	ok(is(calendar_add(last, month, 2), 2024, 3, 31), "and two months 31 March");
	ok(is(calendar_add(last, month, 13), 2025, 2, 28), "and thirteen 28 February");
	ok(is(calendar_add(last, month, -2), 2023, 11, 30), "two months before it is 30 November");
	ok(is(calendar_add(calendar_day(2024, 2, 29), year, 1), 2025, 2, 28), "29 February and a year is 28 February");
	ok(is(calendar_add(calendar_day(2024, 2, 29), year, 4), 2028, 2, 29), "and four years 29 February");
	ok(is(calendar_add(last, (CalendarSpan) {1, 1}, 1), 2024, 3, 1), "a month and a day: the month comes first");
	period = calendar_cycle(calendar_day(2023, 2, 28), calendar_day(2023, 1, 31), month);
	ok(is(period.first, 2023, 2, 28) && is(period.last, 2023, 3, 30), "the second month from 31 January");
	period = calendar_cycle(calendar_day(2023, 1, 30), calendar_day(2023, 1, 31), month);
	ok(is(period.first, 2022, 12, 31) && is(period.last, 2023, 1, 30), "and the one before it");
}

static void
test_periods(void)
{
	static const int months[] = {1, 3, 6, 12};
	long		times = rounds(50000);
	long		good = 0;
	CalendarPeriod period;

	period = calendar_period(calendar_day(2024, 3, 31), 12, 4);
	ok(is(period.first, 2023, 4, 1) && is(period.last, 2024, 3, 31), "a fiscal year from April");
	period = calendar_period(calendar_day(2024, 1, 1), 3, 2);
	ok(is(period.first, 2023, 11, 1) && is(period.last, 2024, 1, 31), "a quarter of a year from February");
	for (long i = 0; i < times; i++)
	{
		int32_t		day = 1000 + (int32_t) random_below(3600000);
		int			length = months[random_below(4)];
		int			first_month = 1 + (int) random_below(12);
		CalendarPeriod here = calendar_period(day, length, first_month);
		CalendarPeriod next = calendar_period(here.last + 1, length, first_month);
		CalendarDate begin = calendar_date(here.first);

		good += here.first <= day && day <= here.last && next.first == here.last + 1 &&
			begin.day == 1 && (begin.month + 12 - first_month) % length == 0 &&
			calendar_add(here.first, (CalendarSpan) {length, 0}, 1) == here.last + 1;
	}
	ok(good == times, "%ld periods hold their day and follow each other", times);
	good = 0;
	for (long i = 0; i < times; i++)
	{
		int32_t		origin = 1000000 + (int32_t) random_below(100000);
		int32_t		day = origin - 20000 + (int32_t) random_below(40000);
		CalendarSpan span = {(int32_t) random_below(15), (int32_t) random_below(40)};
		CalendarPeriod here;

		if (calendar_is_empty(span))
			span.days = 1;
		here = calendar_cycle(day, origin, span);
		good += here.first <= day && day <= here.last &&
			calendar_cycle(here.last + 1, origin, span).first == here.last + 1;
	}
	ok(good == times, "%ld spans from an origin do too", times);
}

int
main(void)
{
	random_begin();
	test_all_days();
	test_months();
	test_periods();
	return tap_done();
}
