/*-------------------------------------------------------------------------
 *
 * demand.c
 *	  How much each item is bought, of late and in its season, and how often again.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "model/demand.h"

#define SEASON_PRIOR	5		/* buyers that a season's ratio is drawn to the usual one by */
#define GAP_PRIOR		5		/* gaps that an item's mean is drawn to that of all by */
#define FIRST_GAP		90		/* days, where nothing was bought twice */

const double demand_half_life[DEMAND_WINDOWS] = {14, 90, 365};

/* Days of one customer's purchases of an item; a day counts once */
static void
count_customer(const Interaction *day, int64_t count, const DemandOptions *options,
			   DemandWindows *windows, ItemDemand *demand)
{
	double		year_ago = options->as_of - DEMAND_YEAR;
	bool		before = false;
	bool		after = false;
	double		last = NAN;

	for (int64_t i = 0; i < count; i++)
	{
		double		d = day[i].value;

		if (d == last)
			continue;
		for (int w = 0; w < DEMAND_WINDOWS; w++)
			demand->popularity[w] += exp2((d - options->as_of) / demand_half_life[w]);
		before |= d > year_ago - options->horizon && d <= year_ago;
		after |= d > year_ago && d <= year_ago + options->horizon;
		if (!isnan(last))
		{
			demand->gap += d - last;
			demand->gaps++;
		}
		last = d;
	}
	demand->customers++;
	windows->before += before;
	windows->after += after;
}

/* Counts purchases, sorted by item and customer, with days as values; gap gets the sum of gaps */
void
demand_count(Interaction *sorted, const int64_t *start, int items, const DemandOptions *options,
			 DemandWindows *of_item, ItemDemand *demand)
{
	memset(demand, 0, items * sizeof(ItemDemand));
	memset(of_item, 0, items * sizeof(DemandWindows));
	for (int i = 0; i < items; i++)
	{
		int64_t		next;

		for (int64_t c = start[i]; c < start[i + 1]; c = next)
		{
			next = interactions_cell_end(sorted, c, start[i + 1]);
			interactions_sort_values(sorted + c, next - c);
			count_customer(sorted + c, next - c, options, &of_item[i], &demand[i]);
		}
	}
}

/* Makes means of the sums of gaps, drawn to that of all items */
void
demand_gaps(int items, ItemDemand *demand)
{
	double		gaps = 0;
	double		days = 0;
	double		usual;

	for (int i = 0; i < items; i++)
	{
		gaps += demand[i].gaps;
		days += demand[i].gap;
	}
	usual = gaps > 0 ? days / gaps : FIRST_GAP;
	for (int i = 0; i < items; i++)
		demand[i].gap = (demand[i].gap + GAP_PRIOR * usual) / (demand[i].gaps + GAP_PRIOR);
}

/* The ratio of two windows, drawn to another one */
static double
drawn_ratio(const DemandWindows *windows, double usual)
{
	return (windows->after + SEASON_PRIOR * usual) / (windows->before + SEASON_PRIOR);
}

/*
 * Seasons, from what was counted: an item's ratio is drawn to that of its
 * category, and that to the one of all.
 */
void
demand_seasons(int items, const DemandOptions *options, const DemandWindows *of_item,
			   DemandWindows *of_category, ItemDemand *demand)
{
	DemandWindows all = {0, 0};
	double		usual;

	memset(of_category, 0, options->categories * sizeof(DemandWindows));
	for (int i = 0; i < items; i++)
	{
		all.before += of_item[i].before;
		all.after += of_item[i].after;
		if (options->category != NULL && options->category[i] >= 0)
		{
			of_category[options->category[i]].before += of_item[i].before;
			of_category[options->category[i]].after += of_item[i].after;
		}
	}
	/* without a year and a window more there is nothing to compare */
	if (all.before == 0 || all.after == 0)
		return;
	usual = all.after / all.before;
	for (int i = 0; i < items; i++)
	{
		bool		has_category = options->category != NULL && options->category[i] >= 0;

		demand[i].season = log(drawn_ratio(&of_item[i], has_category ? drawn_ratio(&of_category[options->category[i]], usual) : usual) / usual);
	}
}
