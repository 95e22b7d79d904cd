/*-------------------------------------------------------------------------
 *
 * recommend.c
 *	  What is known of items for one customer.
 *
 * Candidates are what he has, and the best of each ranking alone; the blend
 * chooses among them.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/recommend.h"

#define TOP_OF_EACH			100 /* candidates of each ranking */
#define OWN_FLOOR			0.01
#define POPULAR_FLOOR		0.1
#define RATIO_FLOOR			0.1
#define DAYS_FLOOR			10
#define GAP_WEIGHT			2	/* gaps of his own that the item's usual one is worth */
#define FACTOR_BLOCK		4
#define CATEGORY_WEIGHT		5	/* purchases that the usual shares of categories are worth */

const char *const recommend_feature_name[RECOMMEND_FEATURES] = {
	"ease", "factors", "similar", "owned", "own", "since", "overdue",
	"popular_14", "popular_90", "popular_365", "season", "category", "group",
	"breadth", "activity", "best_ease", "best_factors", "best_similar"
};

const char *const recommend_model_name[RECOMMEND_MODELS] = {
	"popular", "popular_in_group", "buy_again", "similar", "factors", "ease", "blend"
};

/* What he bought, by item, from the days of it in any order; later ones do not count */
int
recommend_own(const Recommender *recommender, int as_of, Interaction *day, int count, OwnItem *own)
{
	int			owned = 0;

	for (int i = 0, next; i < count; i = next)
	{
		OwnItem    *o = &own[owned];

		next = (int) interactions_cell_end(day, i, count);
		*o = (OwnItem) {.item = day[i].column};
		interactions_sort_values(day + i, next - i);
		for (int d = i; d < next && day[d].value <= as_of; d++)
		{
			if (o->count > 0 && day[d].value == o->last)
				continue;
			o->last = (int) day[d].value;
			if (o->count++ == 0)
				o->first = o->last;
			o->interest += recommender->half_life > 0 ? exp2((o->last - as_of) / recommender->half_life) : 1;
			o->own += exp2((o->last - as_of) / demand_half_life[DEMAND_WINDOWS - 1]);
		}
		if (o->interest > recommender->most)
			o->interest = recommender->most;
		if (o->count > 0)
			owned++;
	}
	return owned;
}

int
recommend_most_candidates(const Recommender *recommender, int owned)
{
	int			most = owned + TOP_OF_EACH * (RECOMMEND_MODELS - 1 + DEMAND_WINDOWS);

	return most < recommender->items ? most : recommender->items;
}

/* Adds what one item leads to */
static void
add_links(const ItemLinks *links, int row, double weight, double *score)
{
	for (int64_t l = links->start[row]; l < links->start[row + 1]; l++)
		score[links->item[l]] += weight * links->weight[l];
}

static void
score_links(const ItemLinks *links, const RecommendCustomer *customer, double *score)
{
	for (int i = 0; links->start != NULL && i < customer->owned; i++)
		add_links(links, customer->own[i].item, customer->own[i].interest, score);
}

/* Adds what some factors say of all items: a few at once, for fewer passes over them */
static void
add_factors(const double *restrict row, int items, const double *restrict of_customer, double *restrict score)
{
	const double *a = row;
	const double *b = row + items;
	const double *c = b + items;
	const double *d = c + items;

	for (int i = 0; i < items; i++)
		score[i] += (of_customer[0] * a[i] + of_customer[1] * b[i]) + (of_customer[2] * c[i] + of_customer[3] * d[i]);
}

/* A new customer's factors come from his items alone: nothing is fitted again */
static void
score_factors(const Recommender *recommender, const RecommendCustomer *customer, RecommendWork *work)
{
	if (recommender->als.factors == 0 || customer->owned == 0)
		return;
	for (int i = 0; i < customer->owned; i++)
	{
		work->column[i] = customer->own[i].item;
		work->value[i] = customer->own[i].interest;
	}
	als_solve(&recommender->als, recommender->gram, recommender->factor, work->column, work->value,
			  customer->owned, work->scratch, work->solution);
	for (int f = recommender->als.factors; f < FACTOR_BLOCK * ((recommender->als.factors + FACTOR_BLOCK - 1) / FACTOR_BLOCK); f++)
		work->solution[f] = 0;
	for (int f = 0; f < recommender->als.factors; f += FACTOR_BLOCK)
		add_factors(recommender->factor_turned + (size_t) f * recommender->items, recommender->items, work->solution + f, work->factors);
}

static void
score_categories(const Recommender *recommender, const RecommendCustomer *customer, RecommendWork *work)
{
	double		total = CATEGORY_WEIGHT;

	if (recommender->category == NULL)
		return;
	for (int c = 0; c < recommender->categories; c++)
		work->category[c] = CATEGORY_WEIGHT * recommender->category_share[c];
	for (int i = 0; i < customer->owned; i++)
	{
		int32_t		category = recommender->category[customer->own[i].item];

		total += customer->own[i].interest;
		if (category >= 0)
			work->category[category] += customer->own[i].interest;
	}
	for (int c = 0; c < recommender->categories; c++)
		work->category[c] = recommender->category_share[c] > 0
			? log(work->category[c] / (total * recommender->category_share[c])) : 0;
}

static bool
may_be_offered(const RecommendCustomer *customer, int32_t item)
{
	return customer->excluded == NULL || !customer->excluded[item];
}

static void
add_candidate(const Recommender *recommender, RecommendWork *work, int32_t item)
{
	if (work->is_candidate[item])
		return;
	work->is_candidate[item] = true;
	work->candidate[work->candidates].item = item;
	work->candidate[work->candidates++].own = work->own[item];
}

/* The best of what he does not have, by one score */
static void
add_best(const Recommender *recommender, const RecommendCustomer *customer, RecommendWork *work, const double *score)
{
	TopItems	top = {work->top, 0, TOP_OF_EACH};
	double		least = 0;

	for (int i = 0; i < recommender->items; i++)
		/* most are out at first sight */
		if (score[i] > least && work->own[i] < 0 && may_be_offered(customer, i))
		{
			top_offer(&top, i, score[i]);
			least = top.count == top.most ? top.item[0].score : 0;
		}
	for (int i = 0; i < top.count; i++)
		add_candidate(recommender, work, top.item[i].item);
}

static void
add_popular(const Recommender *recommender, const RecommendCustomer *customer, RecommendWork *work, int window)
{
	for (int i = 0, found = 0; i < recommender->sold && found < TOP_OF_EACH; i++)
	{
		int32_t		item = recommender->popular[window][i];

		if (work->own[item] < 0 && may_be_offered(customer, item))
		{
			add_candidate(recommender, work, item);
			found++;
		}
	}
}

static double
log_score(double score)
{
	return log((score > 0 ? score : 0) + RECOMMEND_SCORE_FLOOR);
}

/* When he would buy it again, by his own gaps and the item's usual one */
static double
usual_gap(const ItemDemand *demand, const OwnItem *own)
{
	return (own->last - own->first + GAP_WEIGHT * demand->gap) / (own->count - 1 + GAP_WEIGHT);
}

static void
describe(const Recommender *recommender, const RecommendCustomer *customer, const RecommendWork *work, RecommendCandidate *candidate)
{
	const ItemDemand *demand = &recommender->demand[candidate->item];
	int32_t		category = recommender->category != NULL ? recommender->category[candidate->item] : -1;
	double	   *feature = candidate->feature;

	feature[FEATURE_EASE] = log_score(work->ease[candidate->item]);
	feature[FEATURE_FACTORS] = log_score(work->factors[candidate->item]);
	feature[FEATURE_SIMILAR] = log_score(work->similar[candidate->item]);
	feature[FEATURE_OWNED] = candidate->own >= 0;
	feature[FEATURE_OWN] = feature[FEATURE_SINCE] = feature[FEATURE_OVERDUE] = 0;
	if (candidate->own >= 0)
	{
		const OwnItem *own = &customer->own[candidate->own];
		double		since = customer->as_of - own->last;

		feature[FEATURE_OWN] = log(own->own + OWN_FLOOR);
		feature[FEATURE_SINCE] = log(since + DAYS_FLOOR);
		feature[FEATURE_OVERDUE] = log((since + 1) / usual_gap(demand, own) + RATIO_FLOOR);
	}
	for (int w = 0; w < DEMAND_WINDOWS; w++)
		feature[FEATURE_POPULAR_SOON + w] = log(demand->popularity[w] + POPULAR_FLOOR);
	feature[FEATURE_SEASON] = demand->season;
	feature[FEATURE_CATEGORY] = category >= 0 ? work->category[category] : 0;
	feature[FEATURE_GROUP] = 0;
}

static bool
has_group(const Recommender *recommender, const RecommendCustomer *customer)
{
	return recommender->group.start != NULL && customer->group >= 0 && customer->group < recommender->group.rows;
}

/* What is popular in the customer's group */
static void
add_group(const Recommender *recommender, const RecommendCustomer *customer, RecommendWork *work)
{
	const ItemLinks *links = &recommender->group;

	if (!has_group(recommender, customer))
		return;
	memset(work->group, 0, recommender->items * sizeof(double));
	for (int64_t l = links->start[customer->group]; l < links->start[customer->group + 1]; l++)
		work->group[links->item[l]] = recommender->demand[links->item[l]].popularity[1] * exp(links->weight[l]);
	add_best(recommender, customer, work, work->group);
}

/* What his group buys more than others */
static void
describe_group(const Recommender *recommender, const RecommendCustomer *customer, RecommendWork *work)
{
	if (!has_group(recommender, customer))
		return;
	memset(work->group, 0, recommender->items * sizeof(double));
	add_links(&recommender->group, customer->group, 1, work->group);
	for (int c = 0; c < work->candidates; c++)
		work->candidate[c].feature[FEATURE_GROUP] = work->group[work->candidate[c].item];
}

/* What all of his candidates have in common: it does not order them, but probabilities of customers differ by it */
static void
describe_customer(const RecommendCustomer *customer, RecommendWork *work)
{
	double		common[RECOMMEND_FEATURES - FEATURE_BREADTH] = {log(customer->owned + 1)};
	double	   *best = common + (FEATURE_BEST_EASE - FEATURE_BREADTH);
	double		bought = 0;

	for (int i = 0; i < customer->owned; i++)
		bought += customer->own[i].own;
	common[FEATURE_ACTIVITY - FEATURE_BREADTH] = log(bought + 1);
	for (int f = FEATURE_EASE; f <= FEATURE_SIMILAR; f++)
	{
		best[f] = log_score(0);
		for (int c = 0; c < work->candidates; c++)
			best[f] = fmax(best[f], work->candidate[c].feature[f]);
	}
	for (int c = 0; c < work->candidates; c++)
		memcpy(work->candidate[c].feature + FEATURE_BREADTH, common, sizeof(common));
}

/* Finds candidates for one customer, and what is known of them */
void
recommend_find(const Recommender *recommender, const RecommendCustomer *customer, RecommendWork *work)
{
	int			items = recommender->items;

	memset(work->ease, 0, items * sizeof(double));
	memset(work->similar, 0, items * sizeof(double));
	memset(work->factors, 0, items * sizeof(double));
	memset(work->is_candidate, 0, items * sizeof(bool));
	memset(work->own, 0xff, items * sizeof(int32_t));
	work->candidates = 0;
	for (int i = 0; i < customer->owned; i++)
		work->own[customer->own[i].item] = i;
	score_links(&recommender->ease, customer, work->ease);
	score_links(&recommender->similar, customer, work->similar);
	score_factors(recommender, customer, work);
	score_categories(recommender, customer, work);
	for (int i = 0; i < customer->owned; i++)
		if (may_be_offered(customer, customer->own[i].item))
			add_candidate(recommender, work, customer->own[i].item);
	add_best(recommender, customer, work, work->ease);
	add_best(recommender, customer, work, work->similar);
	add_best(recommender, customer, work, work->factors);
	add_group(recommender, customer, work);
	for (int w = 0; w < DEMAND_WINDOWS - 1; w++)
		add_popular(recommender, customer, work, w);
	for (int c = 0; c < work->candidates; c++)
		describe(recommender, customer, work, &work->candidate[c]);
	describe_group(recommender, customer, work);
	describe_customer(customer, work);
}
