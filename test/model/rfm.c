/*-------------------------------------------------------------------------
 *
 * rfm.c
 *	  Sorting, cut points and scores against slow ways to the same.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "model/rfm.h"
#include "tap.h"

#define MAX_VALUES	600

static int	stop_after = -1;	/* questions until the answer is yes; -1 never */

static bool
stop(void)
{
	return stop_after >= 0 && stop_after-- == 0;
}

/* Negative zero comes before zero; all else as comparison has it */
static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	if (x == y)
		return (signbit(x) == 0) - (signbit(y) == 0);
	return x < y ? -1 : 1;
}

/* Values of one kind: ties, whole numbers, money, any bits at all */
static void
random_values(double *values, size_t count)
{
	uint64_t	kind = random_below(5);

	for (size_t i = 0; i < count; i++)
	{
		switch (kind)
		{
			case 0:
				values[i] = (double) random_below(4);
				break;
			case 1:
				values[i] = -(double) random_below(1000);
				break;
			case 2:
				values[i] = (double) (int64_t) random_below(2000000) / 100 - 5000;
				break;
			case 3:
				values[i] = (double[]) {0.0, -0.0, DBL_MIN / 2, -DBL_MIN / 2, DBL_MAX,
				-DBL_MAX, 1, -1}[random_below(8)];
				break;
			default:
				{
					uint64_t	bits = random64();

					memcpy(&values[i], &bits, sizeof(bits));
					if (!isfinite(values[i]))
						values[i] = 17;
				}
		}
	}
}

static void
test_sort(void)
{
	long		times = rounds(5000);
	long		good = 0;
	long		stopped = 0;
	double		values[MAX_VALUES];
	double		scratch[MAX_VALUES];
	double		expected[MAX_VALUES];

	for (long i = 0; i < times; i++)
	{
		size_t		count = random_below(i % 20 == 0 ? MAX_VALUES : 20);

		random_values(values, count);
		memcpy(expected, values, sizeof(expected));
		qsort(expected, count, sizeof(double), compare_doubles);
		good += sort_doubles(values, scratch, count, stop) &&
			memcmp(values, expected, count * sizeof(double)) == 0;

		/* told to stop, it keeps the values in some order */
		for (size_t v = 0; v < count; v++)
			values[v] = expected[count - 1 - v];
		stop_after = (int) random_below(6);
		if (count < 2)
			stopped++;			/* nothing to stop */
		else if (!sort_doubles(values, scratch, count, stop))
		{
			qsort(values, count, sizeof(double), compare_doubles);
			stopped += memcmp(values, expected, count * sizeof(double)) == 0;
		}
		stop_after = -1;
	}
	ok(good == times, "%ld lists are sorted as qsort does", times);
	ok(stopped == times, "told to stop it loses no value");
}

/* The cut points by their definition: the smallest value with enough below */
static bool
cutoffs_are_right(const double *values, size_t count, int bins, const double *cutoffs)
{
	for (int k = 1; k < bins; k++)
	{
		double		cut = INFINITY;
		size_t		wanted = 0;	/* ceil(k * count / bins) */

		while (wanted * (size_t) bins < (size_t) k * count)
			wanted++;
		for (size_t i = 0; i < count; i++)
		{
			size_t		below = 0;

			for (size_t j = 0; j < count; j++)
				below += values[j] < values[i];
			if (below >= wanted && values[i] < cut)
				cut = values[i];
		}
		if (cutoffs[k - 1] != cut)
			return false;
	}
	return true;
}

static void
test_cutoffs(void)
{
	long		times = rounds(3000);
	long		right = 0;
	long		by_rank = 0;
	long		moved = 0;
	double		values[MAX_VALUES];
	double		sorted[MAX_VALUES];
	double		scratch[MAX_VALUES];
	double		cutoffs[RFM_MAX_BINS];

	for (long i = 0; i < times; i++)
	{
		size_t		count = 1 + random_below(40);
		int			bins = RFM_MIN_BINS + (int) random_below(random_below(2) ? 10 : RFM_MAX_BINS - 1);
		bool		good = true;
		bool		same = true;
		int			scores[MAX_VALUES];

		random_values(values, count);
		memcpy(sorted, values, count * sizeof(double));
		sort_doubles(sorted, scratch, count, stop);
		rfm_cutoffs_by_value(sorted, count, bins, cutoffs);
		right += cutoffs_are_right(values, count, bins, cutoffs);

		/* score = 1 + floor(bins * (rank - 1) / count) */
		for (size_t v = 0; v < count; v++)
		{
			size_t		below = 0;

			for (size_t j = 0; j < count; j++)
				below += values[j] < values[v];
			scores[v] = rfm_score(values[v], cutoffs, bins - 1);
			good = good && scores[v] == 1 + (int) ((size_t) bins * below / count);
		}
		by_rank += good;

		/* another unit and another zero, by powers of two that lose no digit */
		for (size_t v = 0; v < count; v++)
		{
			values[v] = (double) (int32_t) (values[v] > 1e6 ? 1e6 : values[v] < -1e6 ? -1e6 : values[v]);
			sorted[v] = values[v];
		}
		sort_doubles(sorted, scratch, count, stop);
		rfm_cutoffs_by_value(sorted, count, bins, cutoffs);
		for (size_t v = 0; v < count; v++)
			scores[v] = rfm_score(values[v], cutoffs, bins - 1);
		for (size_t v = 0; v < count; v++)
			sorted[v] = values[v] = values[v] * 64 + 4096;
		sort_doubles(sorted, scratch, count, stop);
		rfm_cutoffs_by_value(sorted, count, bins, cutoffs);
		for (size_t v = 0; v < count; v++)
			same = same && scores[v] == rfm_score(values[v], cutoffs, bins - 1);
		moved += same;
	}
	ok(right == times, "cut points of %ld lists by their definition", times);
	ok(by_rank == times, "scores are a matter of rank");
	ok(moved == times, "scores know neither unit nor zero");
}

/* R's type 7 by exact fractions: whole values, so only the last division rounds */
static void
test_as_r(void)
{
	long		times = rounds(3000);
	long		good = 0;
	double		sorted[MAX_VALUES];
	double		scratch[MAX_VALUES];
	double		cutoffs[RFM_MAX_BINS];
	double		ten[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

	for (long i = 0; i < times; i++)
	{
		size_t		count = 1 + random_below(60);
		int			bins = RFM_MIN_BINS + (int) random_below(RFM_MAX_BINS - 1);
		bool		same = true;

		for (size_t v = 0; v < count; v++)
			sorted[v] = (double) (int64_t) random_below(100000) - 50000;
		sort_doubles(sorted, scratch, count, stop);
		rfm_cutoffs_as_r(sorted, count, bins, cutoffs);
		for (int k = 1; k < bins; k++)
		{
			size_t		place = (count - 1) * (size_t) k;
			size_t		low = place / (size_t) bins;
			size_t		rest = place % (size_t) bins;
			double		above = rest == 0 ? 0 : sorted[low + 1] - sorted[low];
			double		expected = sorted[low] + above * (double) rest / bins + 1;

			same = same && fabs(cutoffs[k - 1] - expected) < 1e-6;
		}
		good += same;
	}
	ok(good == times, "quantiles of %ld lists as R has them, and one more", times);

	rfm_cutoffs_as_r(ten, 10, 5, cutoffs);
	ok(fabs(cutoffs[0] - 3.8) < 1e-12 && fabs(cutoffs[1] - 5.6) < 1e-12 &&
	   fabs(cutoffs[2] - 7.4) < 1e-12 && fabs(cutoffs[3] - 9.2) < 1e-12,
	   "quantile(1:10, 1:4 / 5) + 1 is 3.8 5.6 7.4 9.2");
	rfm_cutoffs_as_r(ten, 1, 2, cutoffs);
	ok(cutoffs[0] == 2, "one value is every quantile");
}

static void
test_score(void)
{
	double		cutoffs[4] = {10, 20, 20, INFINITY};

	ok(rfm_score(9.99, cutoffs, 4) == 1, "below the first cut point");
	ok(rfm_score(10, cutoffs, 4) == 2, "at the first cut point");
	ok(rfm_score(19.99, cutoffs, 4) == 2, "below the second");
	ok(rfm_score(20, cutoffs, 4) == 4, "equal cut points count each");
	ok(rfm_score(DBL_MAX, cutoffs, 4) == 4, "nothing finite reaches infinity");
	ok(rfm_score(-DBL_MAX, cutoffs, 4) == 1, "as low as it gets");
	ok(rfm_score(7, cutoffs, 0) == 1, "no cut points, one score");
}

int
main(void)
{
	double		one[1] = {7};
	double		equal[5] = {3, 3, 3, 3, 3};
	double		scratch[1];
	double		cutoffs[RFM_MAX_BINS];

	random_begin();
	ok(sort_doubles(NULL, NULL, 0, stop), "nothing is sorted");
	ok(sort_doubles(one, scratch, 1, stop) && one[0] == 7, "one value is sorted");
	rfm_cutoffs_by_value(one, 1, 2, cutoffs);
	ok(isinf(cutoffs[0]), "one value reaches no cut point");
	rfm_cutoffs_by_value(equal, 5, 5, cutoffs);
	ok(isinf(cutoffs[0]) && isinf(cutoffs[3]), "equal values reach none either");
	test_score();
	test_sort();
	test_cutoffs();
	test_as_r();
	return tap_done();
}
