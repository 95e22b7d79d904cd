/*-------------------------------------------------------------------------
 *
 * value_records.c
 *	  Numbers of purchases and their mean values, in order.
 *
 * Positive doubles are ordered as their bits are, so they are sorted digit by
 * digit of those, from the last one on.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "model/value_records.h"

#define DIGIT_BITS		11
#define DIGITS			(1 << DIGIT_BITS)
#define KEY_BITS		63		/* there is no sign */

typedef enum ValueKey
{
	BY_X,
	BY_MEAN
} ValueKey;

static size_t
digit_of(const ValueRecord *record, ValueKey key, int shift)
{
	uint64_t	bits;

	memcpy(&bits, key == BY_X ? &record->x : &record->mean, sizeof(bits));
	return (size_t) (bits >> shift) & (DIGITS - 1);
}

/* Sorts by one digit; false if it is the same in all, and nothing was moved */
static bool
sort_by_digit(const ValueRecord *from, size_t count, ValueKey key, int shift,
			  ValueRecord *to)
{
	size_t		place[DIGITS] = {0};
	size_t		sum = 0;

	for (size_t i = 0; i < count; i++)
		place[digit_of(&from[i], key, shift)]++;
	if (place[digit_of(&from[0], key, shift)] == count)
		return false;
	for (size_t d = 0; d < DIGITS; d++)
	{
		size_t		here = place[d];

		place[d] = sum;
		sum += here;
	}
	for (size_t i = 0; i < count; i++)
		to[place[digit_of(&from[i], key, shift)]++] = from[i];
	return true;
}

/* Sorts by one key, and leaves those in which it is equal in their order */
static void
sort_by(ValueRecord *records, size_t count, ValueKey key, ValueRecord *scratch)
{
	ValueRecord *from = records;
	ValueRecord *to = scratch;

	for (int shift = 0; count > 1 && shift < KEY_BITS; shift += DIGIT_BITS)
		if (sort_by_digit(from, count, key, shift, to))
		{
			ValueRecord *other = from;

			from = to;
			to = other;
		}
	if (from != records)
		memcpy(records, from, count * sizeof(ValueRecord));
}

/* An order of their own: sums over them are always the same */
void
value_records_sort(ValueRecord *records, size_t count, ValueRecord *scratch)
{
	sort_by(records, count, BY_MEAN, scratch);
	sort_by(records, count, BY_X, scratch);
}

/* Pearson's correlation */
static double
correlation(const ValueRecord *records, size_t count)
{
	ValueRecord first = records[0];
	ValueRecord mean = {0};
	double		xx = 0;
	double		mm = 0;
	double		xm = 0;

	for (size_t i = 0; i < count; i++)
	{
		/* from the first one, so that equal ones differ by nothing */
		mean.x += records[i].x - first.x;
		mean.mean += records[i].mean - first.mean;
	}
	mean.x /= (double) count;
	mean.mean /= (double) count;
	for (size_t i = 0; i < count; i++)
	{
		double		x = records[i].x - first.x - mean.x;
		double		m = records[i].mean - first.mean - mean.mean;

		xx += x * x;
		mm += m * m;
		xm += x * m;
	}
	return xx > 0 && mm > 0 ? xm / sqrt(xx * mm) : NAN;
}

/* Replaces a key, by which the records are sorted, by its middle rank */
static void
to_ranks(ValueRecord *records, size_t count, ValueKey key)
{
	size_t		end;

	for (size_t from = 0; from < count; from = end)
	{
		const ValueRecord first = records[from];

		for (end = from + 1; end < count; end++)
			if (key == BY_X ? records[end].x != first.x
				: records[end].mean != first.mean)
				break;
		for (size_t i = from; i < end; i++)
			*(key == BY_X ? &records[i].x : &records[i].mean) =
				(double) (from + end + 1) / 2;
	}
}

/* Of sorted records, and of their ranks; scratch has room for twice as many */
ValueCorrelations
value_records_correlate(const ValueRecord *sorted, size_t count,
						ValueRecord *scratch)
{
	ValueCorrelations result;

	result.pearson = correlation(sorted, count);
	memcpy(scratch, sorted, count * sizeof(ValueRecord));
	to_ranks(scratch, count, BY_X);
	sort_by(scratch, count, BY_MEAN, scratch + count);
	to_ranks(scratch, count, BY_MEAN);
	result.spearman = correlation(scratch, count);
	return result;
}
