/*-------------------------------------------------------------------------
 *
 * ease.c
 *	  Weights of items for each other: a linear model of the whole basket.
 *
 * EASE of Steck (2019): B = I - P diag(1/P) with P the inverse of X'X + penalty
 * I.  The inverse itself is the business of a library.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/ease.h"

#define STOP_CELLS	(1 << 22)	/* products between two looks at stop */
#define BLOCK		64

/*
 * X'X with the penalty on its diagonal: the half with row <= column.  place tells
 * where an item stands in it, or -1.
 */
bool
ease_gram(const Interactions *by_customer, const int32_t *place, int places, double penalty,
		  double *square, ModelStop stop)
{
	int64_t		done = 0;

	memset(square, 0, (size_t) places * places * sizeof(double));
	for (int u = 0; u < by_customer->rows; u++)
	{
		int64_t		end = by_customer->start[u + 1];

		for (int64_t a = by_customer->start[u]; a < end; a++)
		{
			int32_t		at = place[by_customer->column[a]];
			double		value = by_customer->value[a];
			double	   *row = square + (size_t) at * places;

			if (at < 0)
				continue;
			for (int64_t b = a; b < end; b++)
				if (place[by_customer->column[b]] >= 0)
					row[place[by_customer->column[b]]] += value * by_customer->value[b];
			done += end - a;
			if (done > STOP_CELLS)
			{
				if (stop())
					return false;
				done = 0;
			}
		}
	}
	for (int i = 0; i < places; i++)
		square[(size_t) i * places + i] += penalty;
	return true;
}

/* Fills the other half of a symmetric square, in blocks that a cache holds */
void
ease_mirror(double *square, int places)
{
	for (int from = 0; from < places; from += BLOCK)
		for (int to = from; to < places; to += BLOCK)
			for (int i = from; i < places && i < from + BLOCK; i++)
				for (int j = to > i ? to : i + 1; j < places && j < to + BLOCK; j++)
					square[(size_t) j * places + i] = square[(size_t) i * places + j];
}

/*
 * What having the item of a place says of others: those with the largest
 * weights, of either sign, by falling size; item tells which item a place has.
 */
void
ease_neighbours(const double *inverse, int places, const int32_t *item, int place, TopItems *top, double *scratch)
{
	double		least = 0;

	top->count = 0;
	for (int other = 0; other < places; other++)
	{
		double		size;

		scratch[item[other]] = -inverse[(size_t) place * places + other] / inverse[(size_t) other * places + other];
		size = fabs(scratch[item[other]]);
		/* most are out at first sight */
		if (other != place && size > least)
		{
			top_offer(top, item[other], size);
			least = top->count == top->most ? top->item[0].score : 0;
		}
	}
	top_sort(top);
	for (int i = 0; i < top->count; i++)
		top->item[i].score = scratch[top->item[i].item];
}
