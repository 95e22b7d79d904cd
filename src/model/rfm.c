/*-------------------------------------------------------------------------
 *
 * rfm.c
 *	  Cut points and scores of recency, frequency and monetary value.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "model/rfm.h"

/* The first of the sorted values that is above a given one, or count */
static size_t
first_above(const double *sorted, size_t count, double value)
{
	size_t		low = 0;
	size_t		high = count;

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (sorted[middle] > value)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/*
 * Cut points by value: a customer scores k + 1 when at least k of bins parts
 * of all customers are strictly below.  The cut points are values that occur,
 * so equal values score alike and a change of unit changes nothing; one that
 * no value reaches is infinite.
 */
void
rfm_cutoffs_by_value(const double *sorted, size_t count, int bins,
					 double *cutoffs)
{
	for (int k = 1; k < bins; k++)
	{
		/* customers below, rounded up: ceil(k * count / bins) */
		size_t		below = (size_t) (((unsigned __int128) count * (unsigned) k +
									   (unsigned) bins - 1) / (unsigned) bins);
		size_t		at = first_above(sorted, count, sorted[below - 1]);

		cutoffs[k - 1] = at < count ? sorted[at] : INFINITY;
	}
}

/*
 * Cut points of R's rfm package: 1 + quantile(type = 7) at k / bins.  R
 * takes the probabilities from seq(), which adds up a step.
 */
void
rfm_cutoffs_as_r(const double *sorted, size_t count, int bins,
				 double *cutoffs)
{
	double		step = 1.0 / bins;

	for (int k = 1; k < bins; k++)
	{
		/* as R writes it: the 1 is added before the fraction is taken */
		double		index = 1 + (double) (count - 1) * (k * step);
		double		low = floor(index);
		double		share = index - low;
		double		quantile = sorted[(size_t) low - 1];

		if (share > 0 && sorted[(size_t) low] != quantile)
			quantile = (1 - share) * quantile + share * sorted[(size_t) low];
		cutoffs[k - 1] = quantile + 1;
	}
}

/* 1 + the number of cut points that are not above the value */
int
rfm_score(double value, const double *cutoffs, int count)
{
	int			score = 1;

	for (int i = 0; i < count; i++)
		score += cutoffs[i] <= value;
	return score;
}
