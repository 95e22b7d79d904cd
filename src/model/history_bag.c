/*-------------------------------------------------------------------------
 *
 * history_bag.c
 *	  A purchase history while it is being gathered.
 *
 * Entries stand in the order of their arrival, in the packed form of
 * history_bytes.h with the day counted from the bag's first one, so a bag
 * holds a typical purchase in five bytes.  When it is full its owner reads
 * the days, puts them in order, and fills the same or a larger bag.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "model/history.h"
#include "model/history_bytes.h"

/* Makes an empty bag; the caller gives at least sizeof(HistoryBag) bytes */
void
bag_init(uint8_t *bag, int scale, int32_t base)
{
	HistoryBag	header = {0};

	header.tag = (uint8_t) (HISTORY_FORMAT << 4 | TAG_BAG | scale);
	header.base = base;
	memcpy(bag, &header, sizeof(header));
}

/* Appends a day, whose money has the bag's scale; false if there is no room */
bool
bag_add(uint8_t *bag, size_t capacity, const HistoryDay *day)
{
	HistoryBag	header;
	uint8_t		entry[HISTORY_ENTRY_MAX];
	size_t		size;

	memcpy(&header, bag, sizeof(header));
	size = (size_t) (put_entry(entry, bag_step(day->day, header.base), day) -
					 entry);
	return bag_append(bag, capacity, entry, size);
}

/*
 * No bag of this size has more entries than this.  One is for the entry that
 * a damaged bag breaks off in.
 */
size_t
bag_max_days(size_t size)
{
	return size < sizeof(HistoryBag) ? 0 : (size - sizeof(HistoryBag)) / 2 + 1;
}

/*
 * Reads the entries as they stand.  The list has room for bag_max_days()
 * days.  A bag can come out of a table like any value, so nothing is trusted.
 */
HistoryStatus
bag_days(const uint8_t *bag, size_t size, HistoryDay *days, size_t *count)
{
	HistoryBag	header;
	const uint8_t *p = bag + sizeof(header);
	const uint8_t *end;
	Units		limit;

	*count = 0;
	if (size < sizeof(header))
		return HISTORY_CORRUPT;
	memcpy(&header, bag, sizeof(header));
	if (header.tag >> 4 != HISTORY_FORMAT || !(header.tag & TAG_BAG) ||
		(header.tag & TAG_SCALE) > UNITS_MAX_SCALE ||
		header.unused[0] || header.unused[1] || header.unused[2] ||
		header.used > size - sizeof(header) ||
		header.base < 0 || header.base > HISTORY_LAST_DAY)
		return HISTORY_CORRUPT;

	end = p + header.used;
	limit = units_limit(UNITS_DAY_DIGITS, header.tag & TAG_SCALE);
	while (p < end)
	{
		HistoryDay *day = &days[*count];
		uint64_t	zigzag;
		int64_t		at;

		if (!get_entry(&p, end, &zigzag, day))
			return HISTORY_CORRUPT;
		if (zigzag > 2 * (uint64_t) HISTORY_LAST_DAY)
			return HISTORY_CORRUPT;
		at = (zigzag & 1) ? -(int64_t) ((zigzag + 1) / 2)
			: (int64_t) (zigzag / 2);
		at += header.base;
		if (at < 0 || at > HISTORY_LAST_DAY ||
			day->gross >= limit || day->refunded >= limit)
			return HISTORY_CORRUPT;
		day->day = (int32_t) at;
		(*count)++;
	}
	return HISTORY_OK;
}
