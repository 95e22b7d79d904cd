/*-------------------------------------------------------------------------
 *
 * ranking.c
 *	  Measures of lists worked by hand, their bounds, and their exact mean.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/ranking.h"
#include "tap.h"

#define MOST	40

static bool
near(double a, double b)
{
	return fabs(a - b) < 1e-15;
}

/* Hits of a list such as "x..x" */
static RankedList
list_of(const char *text, bool *hit, int n, int relevant)
{
	RankedList	list = {hit, (int) strlen(text), n, relevant};

	for (int i = 0; i < list.length; i++)
		hit[i] = text[i] == 'x';
	return list;
}

static void
by_hand(void)
{
	bool		hit[MOST];
	RankedList	list = list_of("x.x", hit, 5, 3);

	ok(near(ranking_ndcg(&list), 1.5 / (1 + 1 / log2(3) + 0.5)), "NDCG of hits at 1 and 3");
	ok(near(ranking_recall(&list), 2 / 3.0), "recall");
	ok(near(ranking_precision(&list), 2 / 5.0), "precision, of a list shorter than n");
	ok(near(ranking_average_precision(&list), (1 + 2 / 3.0) / 3), "average precision");
	ok(ranking_hit_rate(&list) == 1, "a hit");
	list = list_of("...x", hit, 4, 2);
	ok(near(ranking_ndcg(&list), 1 / log2(5) / (1 + 1 / log2(3))), "NDCG of a hit at 4");
	ok(near(ranking_average_precision(&list), 0.25 / 2), "its average precision");
	list = list_of("xx", hit, 2, 9);
	ok(ranking_ndcg(&list) == 1 && ranking_average_precision(&list) == 1 && ranking_precision(&list) == 1,
	   "more came true than there is room for: a full list is perfect");
	ok(near(ranking_recall(&list), 2 / 9.0), "but its recall is not");
	list = list_of("", hit, 5, 2);
	ok(ranking_ndcg(&list) == 0 && ranking_recall(&list) == 0 && ranking_precision(&list) == 0 &&
	   ranking_average_precision(&list) == 0 && ranking_hit_rate(&list) == 0, "an empty list");
}

/* Any hits: between 0 and 1, 1 for the best order, and better when a hit moves up */
static void
random_lists(void)
{
	long		asked = rounds(100000);
	long		bounded = 0;
	long		best = 0;
	long		moved = 0;

	for (long round = 0; round < asked; round++)
	{
		bool		hit[MOST] = {false};
		int			hits = 0;
		RankedList	list = {hit, 2 + (int) random_below(MOST - 2), MOST, 0};
		double		ndcg;
		double		precision;

		for (int i = 0; i < list.length; i++)
			hits += hit[i] = random_below(3) == 0;
		list.n = list.length + (int) random_below(3);
		list.relevant = (hits > 0 ? hits : 1) + (int) random_below(3);
		ndcg = ranking_ndcg(&list);
		precision = ranking_average_precision(&list);
		bounded += ndcg >= 0 && ndcg <= 1 && precision >= 0 && precision <= 1 &&
			ranking_recall(&list) <= 1 && ranking_precision(&list) <= 1 &&
			(ranking_hit_rate(&list) == 1) == (hits > 0) && (ndcg > 0) == (hits > 0);
		moved++;
		for (int i = 1; i < list.length; i++)
			if (hit[i] && !hit[i - 1])
			{
				hit[i - 1] = true;
				hit[i] = false;
				moved -= !(ranking_ndcg(&list) > ndcg && ranking_average_precision(&list) > precision);
				break;
			}
		for (int i = 0; i < list.length; i++)
			hit[i] = i < hits;
		list.relevant = hits > 0 ? hits : 1;
		best += hits == 0 || (ranking_ndcg(&list) == 1 && ranking_average_precision(&list) == 1);
	}
	ok(bounded == asked, "%ld random lists: all between 0 and 1", asked);
	ok(moved == asked, "a hit further up is better");
	ok(best == asked, "all hits first is 1, exactly");
}

static void
means(void)
{
	RankingSum	sum = {0, 0, 0, 0};
	RankingSum	part[3] = {{0, 0, 0, 0}};
	RankingSum	together = {0, 0, 0, 0};
	long double slow = 0;
	double		mean;
	double		other;
	long		rows = rounds(1000000);

	ok(!ranking_mean(&sum, &mean), "no rows, no mean");
	for (long i = 0; i < rows; i++)
	{
		double		value = (double) random_below(1001) / 1000;

		slow += value;
		ranking_add(&sum, value);
		ranking_add(&part[random_below(3)], value);
	}
	for (int i = 3; i-- > 0;)
		ranking_merge(&together, &part[i]);
	ok(ranking_mean(&sum, &mean) && fabs(mean - (double) (slow / rows)) < 1e-15, "the mean of %ld rows", rows);
	ok(ranking_mean(&together, &other) && mean == other && memcmp(&sum, &together, sizeof(sum)) == 0,
	   "the same bits in parts");
	sum = (RankingSum) {0, 0, 0, 0};
	for (int i = 0; i < 10; i++)
		ranking_add(&sum, 0.1);
	ok(ranking_mean(&sum, &mean) && mean == 0.1, "the mean of one value is this value");
	sum = (RankingSum) {0, INT64_C(1) << 32, INT64_C(1) << 62, 0};
	ok(ranking_mean(&sum, &mean) && mean == 1, "four billion rows fit");
}

int
main(void)
{
	random_begin();
	by_hand();
	random_lists();
	means();
	return tap_done();
}
