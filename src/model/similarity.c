/*-------------------------------------------------------------------------
 *
 * similarity.c
 *	  Items that the same customers have to do with.
 *
 * Cosine of two items' columns, with shrinkage: Sarwar, Karypis, Konstan and
 * Riedl (2001); Bell and Koren (2007).  One item at a time, so that memory
 * grows with the number of items and not with its square.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/similarity.h"

#define STOP_CELLS	(1 << 20)	/* cells between two looks at stop */

void
similarity_norms(const Interactions *by_item, double *norm)
{
	for (int i = 0; i < by_item->rows; i++)
	{
		double		squares = 0;

		for (int64_t c = by_item->start[i]; c < by_item->start[i + 1]; c++)
			squares += by_item->value[c] * by_item->value[c];
		norm[i] = sqrt(squares);
	}
}

/* Products of an item with all others, and how many it touched; false: stopped */
static bool
multiply(const Interactions *by_customer, const Interactions *by_item, int item,
		 SimilarityWork *work, int *touched, ModelStop stop)
{
	int64_t		done = 0;

	for (int64_t c = by_item->start[item]; c < by_item->start[item + 1]; c++)
	{
		int32_t		customer = by_item->column[c];
		double		value = by_item->value[c];

		for (int64_t d = by_customer->start[customer]; d < by_customer->start[customer + 1]; d++)
		{
			int32_t		other = by_customer->column[d];

			if (work->together[other]++ == 0)
				work->touched[(*touched)++] = other;
			work->product[other] += value * by_customer->value[d];
		}
		done += by_customer->start[customer + 1] - by_customer->start[customer];
		if (done > STOP_CELLS)
		{
			if (stop())
				return false;
			done = 0;
		}
	}
	return true;
}

/* The items most like one, best first; false: stopped */
bool
similarity_neighbours(const Interactions *by_customer, const Interactions *by_item, const double *norm, int item,
					  const SimilarityOptions *options, SimilarityWork *work, TopItems *top, ModelStop stop)
{
	int			touched = 0;
	bool		done = multiply(by_customer, by_item, item, work, &touched, stop);

	top->count = 0;
	for (int t = 0; t < touched; t++)
	{
		int32_t		other = work->touched[t];

		if (done && other != item && work->together[other] >= options->least_together && work->product[other] > 0)
			top_offer(top, other, work->product[other] / (norm[item] * norm[other] + options->shrinkage));
	}
	top_sort(top);
	for (int i = 0; work->of_top != NULL && i < top->count; i++)
		work->of_top[i] = work->together[top->item[i].item];
	for (int t = 0; t < touched; t++)
	{
		work->product[work->touched[t]] = 0;
		work->together[work->touched[t]] = 0;
	}
	return done;
}
