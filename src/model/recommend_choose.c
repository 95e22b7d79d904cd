/*-------------------------------------------------------------------------
 *
 * recommend_choose.c
 *	  The best of a customer's candidates, and which purchase speaks for one.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/recommend.h"

#define POOL		10			/* candidates for each that is wanted, where they are compared */
#define TIE_BREAK	1e-7		/* of popularity, where another score is the same */

/* What a ranking gives a candidate; the blend a probability */
double
recommend_value(const Recommender *recommender, const RecommendCandidate *candidate, RecommendModel model, const double *weight)
{
	const double *feature = candidate->feature;
	double		popular = recommender->demand[candidate->item].popularity[1];
	double		log_odds;

	switch (model)
	{
		case MODEL_POPULAR:
			return popular;
		case MODEL_POPULAR_IN_GROUP:
			return popular * exp(feature[FEATURE_GROUP]);
		case MODEL_BUY_AGAIN:
			return (candidate->own >= 0 ? exp(feature[FEATURE_OWN]) : 0) + TIE_BREAK * popular;
		case MODEL_SIMILAR:
			return exp(feature[FEATURE_SIMILAR]) + TIE_BREAK * popular;
		case MODEL_FACTORS:
			return exp(feature[FEATURE_FACTORS]) + TIE_BREAK * popular;
		case MODEL_EASE:
			return exp(feature[FEATURE_EASE]) + TIE_BREAK * popular;
		default:
			break;
	}
	/* what he has follows other rules than what is new to him */
	if (candidate->own >= 0)
		weight += RECOMMEND_FEATURES + 1;
	log_odds = weight[0];
	for (int f = 0; f < RECOMMEND_FEATURES; f++)
		log_odds += weight[f + 1] * feature[f];
	return 1 / (1 + exp(-log_odds));
}

static bool
may_be_chosen(const RecommendCandidate *candidate, const RecommendChoice *choice)
{
	return candidate->own < 0 || !(choice->only_new || (choice->once != NULL && choice->once[candidate->item]));
}

/* How alike two items are, 0 to 1 */
static double
likeness(const ItemLinks *similar, int32_t a, int32_t b)
{
	double		alike = 0;

	if (similar->start == NULL)
		return 0;
	for (int64_t l = similar->start[a]; l < similar->start[a + 1]; l++)
		if (similar->item[l] == b)
			alike = similar->weight[l];
	for (int64_t l = similar->start[b]; l < similar->start[b + 1]; l++)
		if (similar->item[l] == a && similar->weight[l] > alike)
			alike = similar->weight[l];
	return alike < 1 ? alike : 1;
}

static bool
category_is_full(const Recommender *recommender, const RecommendChoice *choice, const ScoredItem *chosen, int count, int32_t item)
{
	int			there = 0;

	if (choice->most_in_category == 0 || recommender->category == NULL || recommender->category[item] < 0)
		return false;
	for (int i = 0; i < count; i++)
		there += recommender->category[chosen[i].item] == recommender->category[item];
	return there >= choice->most_in_category;
}

/*
 * The next one of a pool that is sorted best first, by maximal marginal
 * relevance (Carbonell and Goldstein 1998); -1: none is left.  alike has how
 * like each is to what was chosen, and taken ones are below 0.
 */
static int
next_of_pool(const Recommender *recommender, const RecommendChoice *choice, const TopItems *pool,
			 double *alike, const ScoredItem *chosen, int count)
{
	int			best = -1;
	double		best_value = 0;
	double		first = pool->count > 0 && pool->item[0].score > 0 ? pool->item[0].score : 1;	/* 0: nothing is popular any more */

	for (int p = 0; p < pool->count; p++)
	{
		double		value;

		if (alike[p] < 0 || category_is_full(recommender, choice, chosen, count, pool->item[p].item))
			continue;
		value = (1 - choice->diversity) * pool->item[p].score / first - choice->diversity * alike[p];
		if (best < 0 || value > best_value)
		{
			best = p;
			best_value = value;
		}
		if (choice->diversity == 0)
			break;
	}
	return best;
}

/* Chooses so many, best first; fewer if there are no more.  pool and alike have room for all candidates. */
int
recommend_choose(const Recommender *recommender, const RecommendWork *work, const RecommendChoice *choice,
				 ScoredItem *pool, double *alike, ScoredItem *chosen)
{
	TopItems	top = {pool, 0, work->candidates};
	int			count = 0;
	int			next;

	/* a look at more than these is worth nothing, but for categories that are full */
	if (choice->most_in_category == 0 && choice->count < top.most)
		top.most = choice->diversity == 0 ? choice->count : choice->count < top.most / POOL ? POOL * choice->count : top.most;
	for (int c = 0; c < work->candidates; c++)
		if (may_be_chosen(&work->candidate[c], choice))
			top_offer(&top, work->candidate[c].item,
					  recommend_value(recommender, &work->candidate[c], choice->model, choice->weight));
	top_sort(&top);
	for (int p = 0; p < top.count; p++)
		alike[p] = 0;
	while (count < choice->count && (next = next_of_pool(recommender, choice, &top, alike, chosen, count)) >= 0)
	{
		chosen[count++] = top.item[next];
		alike[next] = -1;
		for (int p = 0; choice->diversity > 0 && p < top.count; p++)
			if (alike[p] >= 0)
				alike[p] = fmax(alike[p], likeness(&recommender->similar, top.item[p].item, top.item[next].item));
	}
	return count;
}

/* What a link from one item to another weighs; 0: there is none */
static double
link_weight(const ItemLinks *links, int32_t from, int32_t to)
{
	for (int64_t l = links->start == NULL ? 0 : links->start[from]; links->start != NULL && l < links->start[from + 1]; l++)
		if (links->item[l] == to)
			return links->weight[l];
	return 0;
}

/* Which of his other items speaks most for one, by its place; -1: none does */
int
recommend_because(const Recommender *recommender, const RecommendCustomer *customer, int32_t item)
{
	const ItemLinks *links[] = {&recommender->ease, &recommender->similar};

	for (int k = 0; k < 2; k++)
	{
		int			best = -1;
		double		most = 0;

		for (int i = 0; i < customer->owned; i++)
		{
			double		says = customer->own[i].interest * link_weight(links[k], customer->own[i].item, item);

			if (customer->own[i].item != item && says > most)
			{
				most = says;
				best = i;
			}
		}
		if (best >= 0)
			return best;
	}
	return -1;
}
