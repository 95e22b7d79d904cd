/*-------------------------------------------------------------------------
 *
 * history.c
 *	  The canonical bytes of a purchase history.
 *
 * byte 0	bits 4-7 format, bit 3 bag flag (0 here), bits 0-2 scale
 * varint	number of entries
 * entries	one for each day, ascending:
 *	 varint  step << 2 | refund << 1 | count, where step is the day itself for
 *			 the first entry and the distance from the previous one after it
 *	 varint  orders, if the count bit is set (it is not when orders = 1)
 *	 varint  gross, if there are orders
 *	 varint  refunded, if the refund bit is set
 *
 * A varint is 7 bits a byte, lowest first, in as few bytes as possible.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "model/history.h"
#include "model/history_bytes.h"

/* Is this the shape of a history still being gathered? */
bool
history_is_bag(const uint8_t *data, size_t size)
{
	return size > 0 && (data[0] & TAG_BAG) != 0;
}

/* Starts reading; false if the header is none */
bool
history_open(HistoryReader *reader, const uint8_t *data, size_t size)
{
	uint64_t	days;

	if (size < 2 || data[0] >> 4 != HISTORY_FORMAT || (data[0] & TAG_BAG) ||
		(data[0] & TAG_SCALE) > UNITS_MAX_SCALE)
		return false;
	reader->next = data + 1;
	reader->end = data + size;
	if (!get_varint64(&reader->next, reader->end, &days))
		return false;
	/* no entry is shorter than two bytes */
	if (days > (uint64_t) (reader->end - reader->next) / 2)
		return false;
	reader->days = reader->left = (uint32_t) days;
	reader->day = -1;
	reader->scale = data[0] & TAG_SCALE;
	reader->limit = units_limit(UNITS_DAY_DIGITS, reader->scale);
	return true;
}

/* Reads one entry: 1 if there was one, 0 at the end, -1 if it is corrupt */
int
history_next(HistoryReader *reader, HistoryDay *day)
{
	uint64_t	step;

	if (reader->left == 0)
		return reader->next == reader->end ? 0 : -1;
	if (!get_entry(&reader->next, reader->end, &step, day))
		return -1;
	if (step > HISTORY_LAST_DAY || (step == 0 && reader->day >= 0))
		return -1;
	if (reader->day >= 0)
		step += (uint64_t) reader->day;
	if (step > HISTORY_LAST_DAY ||
		day->gross >= reader->limit || day->refunded >= reader->limit)
		return -1;
	reader->left--;
	day->day = reader->day = (int32_t) step;
	return 1;
}

/* Reads the whole of it: is this a canonical history? */
HistoryStatus
history_check(const uint8_t *data, size_t size)
{
	HistoryReader reader;
	HistoryDay	day;
	int			got;

	if (!history_open(&reader, data, size))
		return HISTORY_CORRUPT;
	while ((got = history_next(&reader, &day)) > 0)
		;
	return got == 0 ? HISTORY_OK : HISTORY_CORRUPT;
}

/* Room that is surely enough for so many days */
size_t
history_encoded_max(size_t days)
{
	return 1 + VARINT64_MAX + days * HISTORY_ENTRY_MAX;
}

/* Writes days that are in order; returns the number of bytes */
size_t
history_encode(uint8_t *out, int scale, const HistoryDay *days, size_t count)
{
	uint8_t    *p = out;
	int32_t		previous = 0;

	*p++ = (uint8_t) (HISTORY_FORMAT << 4 | scale);
	p = put_varint64(p, count);
	for (size_t i = 0; i < count; i++)
	{
		p = put_entry(p, (uint64_t) (days[i].day - previous), &days[i]);
		previous = days[i].day;
	}
	return (size_t) (p - out);
}

/* Moves money to a scale that is larger by so many places */
void
history_rescale(HistoryDay *days, size_t count, int by)
{
	Units		factor = units_power_of_ten(by);

	for (size_t i = 0; by > 0 && i < count; i++)
	{
		days[i].gross *= factor;
		days[i].refunded *= factor;
	}
}

/* Is the day within the limits? */
HistoryStatus
history_check_day(const HistoryDay *day, int scale)
{
	Units		limit = units_limit(UNITS_DAY_DIGITS, scale);

	if (day->orders > HISTORY_MAX_ORDERS)
		return HISTORY_TOO_MANY_ORDERS;
	if (day->gross >= limit || day->refunded >= limit)
		return HISTORY_TOO_MUCH_MONEY;
	return HISTORY_OK;
}

static int
compare_days(const void *a, const void *b)
{
	int32_t		x = ((const HistoryDay *) a)->day;
	int32_t		y = ((const HistoryDay *) b)->day;

	return (x > y) - (x < y);
}

/* Short lists are the rule, and nearly sorted: purchases arrive in order */
static void
sort_days(HistoryDay *days, size_t count)
{
	if (count > 64)
	{
		size_t		i = 1;

		while (i < count && days[i - 1].day <= days[i].day)
			i++;
		if (i < count)
			qsort(days, count, sizeof(HistoryDay), compare_days);
		return;
	}
	for (size_t i = 1; i < count; i++)
	{
		HistoryDay	moved;
		size_t		j = i;

		if (days[i - 1].day <= days[i].day)
			continue;
		moved = days[i];
		for (; j > 0 && days[j - 1].day > moved.day; j--)
			days[j] = days[j - 1];
		days[j] = moved;
	}
}

/*
 * Sorts the days and makes one of those that are equal.
 *
 * Nothing is negative, so a sum passes a limit in one order of merging if
 * and only if it does in every order.
 */
HistoryStatus
history_put_in_order(HistoryDay *days, size_t *count, int scale)
{
	size_t		kept = 0;

	if (*count == 0)
		return HISTORY_OK;
	sort_days(days, *count);
	for (size_t i = 1; i < *count; i++)
	{
		HistoryDay *into = &days[kept];
		HistoryStatus status;

		if (days[i].day != into->day)
		{
			days[++kept] = days[i];
			continue;
		}
		into->orders += days[i].orders; /* two of at most 2^31-1 each */
		into->gross += days[i].gross;
		into->refunded += days[i].refunded;
		status = history_check_day(into, scale);
		if (status != HISTORY_OK)
			return status;
	}
	*count = kept + 1;
	return HISTORY_OK;
}
