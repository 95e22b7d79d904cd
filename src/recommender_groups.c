/*-------------------------------------------------------------------------
 *
 * recommender_groups.c
 *	  What groups of customers buy more than others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "recommender_fit.h"

#define GROUP_WEIGHT	20		/* purchases that the usual shares of items are worth to a group */

/* Purchases of one group by item, who made them, and which items these are */
typedef struct GroupCounts
{
	double	   *bought;
	int32	   *customers;
	int32	   *touched;
	int			items;
	double		all;
} GroupCounts;

/* Customers by group, in their order; start gets where each group begins */
static int32 *
customers_by_group(const Events *events, int groups, int64 *start)
{
	int32	   *customer = palloc_extended(Max(events->customer_count, 1) * sizeof(int32), MCXT_ALLOC_HUGE);

	memset(start, 0, (groups + 1) * sizeof(int64));
	for (int u = 0; u < events->customer_count; u++)
		if (events->group[u] >= 0)
			start[events->group[u] + 1]++;
	for (int g = 0; g < groups; g++)
		start[g + 1] += start[g];
	for (int u = 0; u < events->customer_count; u++)
		if (events->group[u] >= 0)
			customer[start[events->group[u]]++] = u;
	for (int g = groups; g > 0; g--)
		start[g] = start[g - 1];
	start[0] = 0;
	return customer;
}

static void
count_group(const Interactions *bought, const int32 *customer, int64 customers, GroupCounts *counts)
{
	counts->items = 0;
	counts->all = 0;
	for (int64 k = 0; k < customers; k++)
		for (int64 c = bought->start[customer[k]]; c < bought->start[customer[k] + 1]; c++)
		{
			int32		item = bought->column[c];

			if (counts->customers[item]++ == 0)
				counts->touched[counts->items++] = item;
			counts->bought[item] += bought->value[c];
			counts->all += bought->value[c];
		}
}

/* Logs of the group's shares over those of all, and zeros for the next group; of what few bought there is none */
static int
links_of_group(GroupCounts *counts, const Recommender *model, double all, int least, ScoredItem *link)
{
	int			count = 0;

	for (int t = 0; t < counts->items; t++)
	{
		int32		i = counts->touched[t];
		double		share = model->demand[i].popularity[DEMAND_WINDOWS - 1] / all;

		if (counts->customers[i] >= least && share > 0)
			link[count++] = (ScoredItem) {i, log((counts->bought[i] + GROUP_WEIGHT * share) / ((counts->all + GROUP_WEIGHT) * share))};
		counts->bought[i] = 0;
		counts->customers[i] = 0;
	}
	return count;
}

void
fit_groups(const Events *events, const FitSettings *s, StoredRecommender *stored)
{
	Recommender *model = &stored->model;
	int			groups = id_map_count(events->groups);
	Interactions *bought = events_interactions(events, demand_half_life[DEMAND_WINDOWS - 1], RECOMMENDER_NUMBER, s->most_memory);
	GroupCounts counts = {
		palloc_extended(Max(model->items, 1) * sizeof(double), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO),
		palloc_extended(Max(model->items, 1) * sizeof(int32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO),
		palloc_extended(Max(model->items, 1) * sizeof(int32), MCXT_ALLOC_HUGE), 0, 0
	};
	ScoredItem *link = palloc_extended(Max(model->items, 1) * sizeof(ScoredItem), MCXT_ALLOC_HUGE);
	int64	   *start = palloc_extended((groups + 1) * sizeof(int64), MCXT_ALLOC_HUGE);
	int32	   *customer = customers_by_group(events, groups, start);
	double		all = 0;

	for (int64 c = 0; c < bought->start[bought->rows]; c++)
		all += bought->value[c];
	links_new(&model->group, groups, bought->start[bought->rows]);
	stored->group.name = palloc_extended(Max(groups, 1) * sizeof(char *), MCXT_ALLOC_HUGE);
	for (int g = 0; g < groups; g++)
	{
		CHECK_FOR_INTERRUPTS();
		stored->group.name[g] = id_map_text(events->groups, g);
		count_group(bought, customer + start[g], start[g + 1] - start[g], &counts);
		links_add(&model->group, g, link, links_of_group(&counts, model, all, (int) s->min_customers, link));
	}
}
