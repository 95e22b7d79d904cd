/*-------------------------------------------------------------------------
 *
 * value_records.c
 *	  Numbers of purchases and their mean values, in order.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/sort.h"
#include "model/value_records.h"

typedef enum ValueKey
{
	BY_X,
	BY_MEAN
} ValueKey;

static void
sort_by(ValueRecord *records, size_t count, ValueKey key, ValueRecord *scratch)
{
	(void) sort_by_key(records, scratch, count, sizeof(ValueRecord), key == BY_X
					   ? offsetof(ValueRecord, x) : offsetof(ValueRecord, mean),
					   NULL);
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
