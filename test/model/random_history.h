/*-------------------------------------------------------------------------
 *
 * random_history.h
 *	  Random days and random damage for the tests of purchase histories.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_RANDOM_HISTORY_H
#define TEST_RANDOM_HISTORY_H

#include <string.h>

#include "model/history.h"
#include "tap.h"

#define MAX_TEST_DAYS	40

/* Money of all sizes, the largest allowed and zero among them */
static inline Units
random_money(int scale)
{
	Units		limit = units_limit(UNITS_DAY_DIGITS, scale);

	switch (random_below(8))
	{
		case 0:
			return 0;
		case 1:
			return limit - 1;
		case 2:
			return ((Units) random64() << 64 | random64()) % limit;
		case 3:
			return ((Units) 1 << random_below(96)) % limit;
		default:
			return random_below(1000000);
	}
}

/* A day that a history may hold */
static inline HistoryDay
random_day(int32_t day, int scale)
{
	HistoryDay	result = {.day = day};

	switch (random_below(6))
	{
		case 0:
			result.orders = 0;
			break;
		case 1:
			result.orders = HISTORY_MAX_ORDERS;
			break;
		case 2:
			result.orders = (uint32_t) random_below(300);
			break;
		default:
			result.orders = 1;
	}
	if (result.orders > 0)
		result.gross = random_money(scale);
	if (result.orders == 0 || random_below(4) == 0)
		result.refunded = random_money(scale);
	if (result.orders == 0 && result.refunded == 0)
		result.refunded = 1;
	return result;
}

/* Ascending days, from anywhere in the calendar; returns their number */
static inline size_t
random_days(HistoryDay *days, int scale)
{
	size_t		count = random_below(4) == 0 ? random_below(MAX_TEST_DAYS) : random_below(6);
	int32_t		day = (int32_t) (random_below(3) == 0 ? random_below(5)
								 : random_below(HISTORY_LAST_DAY));
	size_t		made = 0;

	while (made < count && day <= HISTORY_LAST_DAY)
	{
		days[made++] = random_day(day, scale);
		day += 1 + (int32_t) random_below(random_below(10) == 0 ? 100000 : 60);
	}
	if (made > 0 && random_below(20) == 0)
		days[made - 1].day = HISTORY_LAST_DAY;
	return made;
}

static inline bool
same_day(const HistoryDay *a, const HistoryDay *b)
{
	return a->day == b->day && a->orders == b->orders &&
		a->gross == b->gross && a->refunded == b->refunded;
}

/* A copy that ends where its memory ends, so that a sanitizer sees every step too far */
static inline uint8_t *
exact_copy(const uint8_t *data, size_t size)
{
	uint8_t    *copy = malloc(size);

	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

/* Damages bytes in place; there is room for one more; returns the new size */
static inline size_t
damage(uint8_t *data, size_t size)
{
	for (uint64_t times = 1 + random_below(3); times > 0 && size > 0; times--)
	{
		size_t		at = random_below(size);

		switch (random_below(6))
		{
			case 0:				/* one bit */
				data[at] ^= (uint8_t) (1 << random_below(8));
				break;
			case 1:				/* any byte */
				data[at] = (uint8_t) random64();
				break;
			case 2:				/* a byte of special meaning */
				data[at] = (uint8_t[]) {0x00, 0x01, 0x7F, 0x80, 0xFF}[random_below(5)];
				break;
			case 3:				/* one byte less */
				memmove(data + at, data + at + 1, size - at - 1);
				size--;
				break;
			case 4:				/* the end is missing */
				size = at;
				break;
			default:			/* two places change */
				{
					size_t		other = random_below(size);
					uint8_t		byte = data[at];

					data[at] = data[other];
					data[other] = byte;
				}
		}
	}
	if (random_below(8) == 0)	/* something follows */
		data[size++] = (uint8_t) random64();
	return size;
}

#endif							/* TEST_RANDOM_HISTORY_H */
