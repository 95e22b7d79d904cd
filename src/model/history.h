/*-------------------------------------------------------------------------
 *
 * history.h
 *	  The purchase history as bytes: one customer's purchases, day by day.
 *
 * A history comes in two shapes.  The canonical one is what is stored,
 * compared and sent: days in ascending order, one entry a day, each number
 * in its shortest form, so that equal purchases at an equal scale are equal
 * bytes.  The bag is the shape while purchases are being gathered: entries in
 * the order of their arrival with room to append, put in order when full.
 *
 * Money is an unsigned count of minor units: units / 10^scale.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_HISTORY_H
#define MODEL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "model/units.h"

#define HISTORY_FORMAT		1	/* format number of both text and bytes */
#define HISTORY_LAST_DAY	3652058 /* 9999-12-31, counted from 0001-01-01 */
#define HISTORY_MAX_ORDERS	INT32_MAX	/* orders of one day */
#define HISTORY_ENTRY_MAX	64	/* no entry takes more bytes */

/* One day on which something happened */
typedef struct HistoryDay
{
	int32_t		day;			/* days since 0001-01-01 */
	uint32_t	orders;			/* orders placed; 0 on a day of refunds alone */
	Units		gross;			/* money of the orders, before refunds */
	Units		refunded;		/* money given back */
} HistoryDay;

typedef enum HistoryStatus
{
	HISTORY_OK,
	HISTORY_CORRUPT,			/* the bytes are no history */
	HISTORY_TOO_MUCH_MONEY,		/* a day's money reaches the limit */
	HISTORY_TOO_MANY_ORDERS,	/* a day's orders exceed HISTORY_MAX_ORDERS */
} HistoryStatus;

/* Walks through a canonical history; every step is bounds-checked */
typedef struct HistoryReader
{
	const uint8_t *next;		/* next byte to read */
	const uint8_t *end;			/* first byte after the history */
	uint32_t	days;			/* entries in all */
	uint32_t	left;			/* entries still to come */
	int32_t		day;			/* day of the last entry; -1 before the first */
	int			scale;			/* decimal places of the money */
	Units		limit;			/* money of a day stays below this */
} HistoryReader;

/* Header of a bag; entries follow it */
typedef struct HistoryBag
{
	uint8_t		tag;			/* format, bag flag, scale */
	uint8_t		unused[3];		/* always zero */
	uint32_t	used;			/* bytes of entries */
	int32_t		base;			/* entries count their day from here */
} HistoryBag;

/* canonical form */
extern bool history_is_bag(const uint8_t *data, size_t size);
extern bool history_open(HistoryReader *reader, const uint8_t *data,
						 size_t size);
extern int	history_next(HistoryReader *reader, HistoryDay *day);
extern HistoryStatus history_check(const uint8_t *data, size_t size);
extern size_t history_encoded_max(size_t days);
extern size_t history_encode(uint8_t *out, int scale,
							 const HistoryDay *days, size_t count);

/* lists of days */
extern void history_rescale(HistoryDay *days, size_t count, int by);
extern HistoryStatus history_put_in_order(HistoryDay *days, size_t *count,
										  int scale);
extern HistoryStatus history_check_day(const HistoryDay *day, int scale);

/* bag */
extern void bag_init(uint8_t *bag, int scale, int32_t base);
extern bool bag_add(uint8_t *bag, size_t capacity, const HistoryDay *day);
extern size_t bag_max_days(size_t size);
extern HistoryStatus bag_days(const uint8_t *bag, size_t size,
							  HistoryDay *days, size_t *count);

/* Decimal places of the money in a bag */
static inline int
bag_scale(const uint8_t *bag)
{
	return bag[0] & 0x07;
}

/* Bytes that a bag fills, with its header */
static inline size_t
bag_used(const uint8_t *bag)
{
	uint32_t	used;

	memcpy(&used, bag + offsetof(HistoryBag, used), sizeof(used));
	return sizeof(HistoryBag) + used;
}

/* Appends an entry that was written for the bag's base and scale */
static inline bool
bag_append(uint8_t *bag, size_t capacity, const uint8_t *entry, size_t size)
{
	size_t		used = bag_used(bag);
	uint32_t	after = (uint32_t) (used - sizeof(HistoryBag) + size);

	if (capacity - used < size)
		return false;
	memcpy(bag + used, entry, size);
	memcpy(bag + offsetof(HistoryBag, used), &after, sizeof(after));
	return true;
}

#endif							/* MODEL_HISTORY_H */
