/*-------------------------------------------------------------------------
 *
 * ranking.c
 *	  How good recommended lists are, and their exact mean.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/ranking.h"

#define UNIT_BITS	62
#define LOW_BITS	32
#define LOW_MASK	((INT64_C(1) << LOW_BITS) - 1)

/* What a hit is worth, the first place being 0 */
static double
gain(int place)
{
	return 1 / log2(place + 2.0);
}

static int
most_hits(const RankedList *list)
{
	return list->relevant < list->n ? list->relevant : list->n;
}

static int
count_hits(const RankedList *list)
{
	int			hits = 0;

	for (int i = 0; i < list->length; i++)
		hits += list->hit[i];
	return hits;
}

/* Gain over that of a list which has all its hits first */
double
ranking_ndcg(const RankedList *list)
{
	double		found = 0;
	double		ideal = 0;

	for (int i = 0; i < list->length; i++)
		if (list->hit[i])
			found += gain(i);
	if (found == 0)
		return 0;
	for (int i = 0; i < most_hits(list); i++)
		ideal += gain(i);
	return found / ideal;
}

double
ranking_recall(const RankedList *list)
{
	return (double) count_hits(list) / list->relevant;
}

/* Of n places, be they filled or not */
double
ranking_precision(const RankedList *list)
{
	return (double) count_hits(list) / list->n;
}

/* Precision at the places that hit, over the hits that were possible */
double
ranking_average_precision(const RankedList *list)
{
	double		sum = 0;
	int			hits = 0;

	for (int i = 0; i < list->length; i++)
		if (list->hit[i])
			sum += ++hits / (i + 1.0);
	return sum / most_hits(list);
}

double
ranking_hit_rate(const RankedList *list)
{
	return count_hits(list) > 0 ? 1 : 0;
}

/* What the low part cannot hold goes to the high one */
static void
carry(RankingSum *sum)
{
	sum->high += sum->low >> LOW_BITS;
	sum->low &= LOW_MASK;
}

void
ranking_add(RankingSum *sum, double value)
{
	int64_t		units = llrint(ldexp(value, UNIT_BITS));

	sum->rows++;
	sum->high += units >> LOW_BITS;
	sum->low += units & LOW_MASK;
	carry(sum);
}

void
ranking_merge(RankingSum *into, const RankingSum *from)
{
	into->rows += from->rows;
	into->high += from->high;
	into->low += from->low;
	carry(into);
}

/* False without rows */
bool
ranking_mean(const RankingSum *sum, double *mean)
{
	if (sum->rows <= 0)
		return false;
	*mean = (ldexp((double) sum->high, LOW_BITS - UNIT_BITS) +
			 ldexp((double) sum->low, -UNIT_BITS)) / (double) sum->rows;
	return true;
}
