/*-------------------------------------------------------------------------
 *
 * sort.c
 *	  Sorting by doubles, digit by digit of their bits, from the last one on.
 *
 *-------------------------------------------------------------------------
 */
#include <stdint.h>
#include <string.h>

#include "model/sort.h"

#define DIGIT_BITS		11
#define DIGITS			(1 << DIGIT_BITS)
#define KEY_BITS		64

/* Items of one size with a double somewhere in each */
typedef struct Layout
{
	size_t		size;
	size_t		key;			/* where it is */
} Layout;

/* A digit of a double's bits, as unsigned numbers that sort as doubles do */
static size_t
digit_of(const char *item, const Layout *layout, int shift)
{
	uint64_t	bits;

	memcpy(&bits, item + layout->key, sizeof(bits));
	bits = (bits >> 63) ? ~bits : bits | (UINT64_C(1) << 63);
	return (size_t) (bits >> shift) & (DIGITS - 1);
}

static void
move_items(const char *from, char *to, size_t count, const Layout *layout,
		   int shift, size_t *place)
{
	for (size_t i = 0; i < count; i++, from += layout->size)
	{
		char	   *into = to + place[digit_of(from, layout, shift)]++ *
			layout->size;

		/* known sizes are moved without a call */
		switch (layout->size)
		{
			case 8:
				memcpy(into, from, 8);
				break;
			case 16:
				memcpy(into, from, 16);
				break;
			case 32:
				memcpy(into, from, 32);
				break;
			default:
				memcpy(into, from, layout->size);
		}
	}
}

/* Sorts by one digit; false if it is the same in all, and nothing was moved */
static bool
sort_by_digit(const char *from, char *to, size_t count, const Layout *layout,
			  int shift)
{
	size_t		place[DIGITS] = {0};
	size_t		sum = 0;

	for (size_t i = 0; i < count; i++)
		place[digit_of(from + i * layout->size, layout, shift)]++;
	if (place[digit_of(from, layout, shift)] == count)
		return false;
	for (size_t d = 0; d < DIGITS; d++)
	{
		size_t		here = place[d];

		place[d] = sum;
		sum += here;
	}
	move_items(from, to, count, layout, shift, place);
	return true;
}

/*
 * Sorts items by the double that lies so many bytes into each; those in which
 * it is equal keep their order.  scratch has room for as many.  False if it was
 * told to stop: the items are then in no particular order.
 */
bool
sort_by_key(void *items, void *scratch, size_t count, size_t size, size_t key,
			ModelStop stop)
{
	const Layout layout = {size, key};
	char	   *from = items;
	char	   *to = scratch;
	bool		stopped = false;

	for (int shift = 0; count > 1 && shift < KEY_BITS && !stopped; shift += DIGIT_BITS)
	{
		char	   *swap = from;

		stopped = stop != NULL && stop();
		if (stopped || !sort_by_digit(from, to, count, &layout, shift))
			continue;
		from = to;
		to = swap;
	}
	if (from != items)
		memcpy(items, from, count * size);
	return !stopped;
}
