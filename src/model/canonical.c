/*-------------------------------------------------------------------------
 *
 * canonical.c
 *	  An order of rows that depends on what is in them alone.
 *
 * Rows are sorted by a hash of their bits, which is as good as any order and
 * takes one pass for any number of columns.
 *
 *-------------------------------------------------------------------------
 */
#include <stdint.h>
#include <string.h>

#include "model/canonical.h"

/* The place of a row in the order, and where it is now */
typedef struct Place
{
	uint64_t	hash;			/* sorted by its bits, as if a double */
	size_t		from;
} Place;

static uint64_t
hash_row(const double *row, size_t width)
{
	uint64_t	hash = UINT64_C(0x9E3779B97F4A7C15);

	for (size_t i = 0; i < width; i++)
	{
		uint64_t	bits;

		memcpy(&bits, &row[i], sizeof(bits));
		hash = (hash ^ bits) * UINT64_C(0xBF58476D1CE4E5B9);
		hash ^= hash >> 29;
	}
	return hash;
}

/* Different rows of one hash, which are next to never there, by their bits */
static void
settle_ties(Place *place, size_t count, const double *rows, size_t width)
{
	for (size_t i = 1; i < count; i++)
		for (size_t j = i; j > 0 && place[j].hash == place[j - 1].hash &&
			 memcmp(rows + place[j].from * width, rows + place[j - 1].from * width,
					width * sizeof(double)) < 0; j--)
		{
			Place		swap = place[j];

			place[j] = place[j - 1];
			place[j - 1] = swap;
		}
}

static void
swap_rows(double *a, double *b, size_t width)
{
	for (size_t i = 0; i < width; i++)
	{
		double		swap = a[i];

		a[i] = b[i];
		b[i] = swap;
	}
}

/*
 * Orders rows in place.  False if it was told to stop: the rows are then in
 * some order, and all there.
 */
bool
canonical_order(double *rows, size_t count, size_t width, void *scratch,
				ModelStop stop)
{
	Place	   *place = scratch;

	for (size_t i = 0; i < count; i++)
		place[i] = (Place) {hash_row(rows + i * width, width), i};
	if (!sort_by_key(place, place + count, count, sizeof(Place),
					 offsetof(Place, hash), stop))
		return false;
	settle_ties(place, count, rows, width);
	/* each swap puts one row where it belongs; who was there is followed */
	for (size_t i = 0; i < count; i++)
	{
		size_t		from = place[i].from;

		while (from < i)
			from = place[from].from;
		place[i].from = from;
		if (from != i)
			swap_rows(rows + i * width, rows + from * width, width);
	}
	return true;
}
