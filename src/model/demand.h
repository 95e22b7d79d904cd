/*-------------------------------------------------------------------------
 *
 * demand.h
 *	  How much each item is bought, of late and in its season, and how often again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_DEMAND_H
#define MODEL_DEMAND_H

#include "model/interactions.h"

#define DEMAND_WINDOWS	3
#define DEMAND_YEAR		365

/* half-lives of popularity in days: what comes up, what sells, what always sold */
extern const double demand_half_life[DEMAND_WINDOWS];

typedef struct ItemDemand
{
	double		customers;		/* who bought it */
	double		popularity[DEMAND_WINDOWS]; /* days of purchases of customers, as they are worth at as_of */
	double		season;			/* log of what the coming days sold a year ago over the days before those, less that of all items */
	double		gap;			/* usual days between two purchases of a customer */
	double		gaps;			/* that it rests on */
} ItemDemand;

typedef struct DemandOptions
{
	int			as_of;			/* day */
	int			horizon;		/* days that are to come */
	const int32_t *category;	/* of items, from 0; -1: none; NULL: of no item */
	int			categories;
} DemandOptions;

/* Work on categories: buyers in the two windows; as many as categories, and one more for all */
typedef struct DemandWindows
{
	double		before;
	double		after;
} DemandWindows;

extern void demand_count(Interaction *sorted, const int64_t *start, int items, const DemandOptions *options,
						 DemandWindows *of_item, ItemDemand *demand);
extern void demand_gaps(int items, ItemDemand *demand);
extern void demand_seasons(int items, const DemandOptions *options, const DemandWindows *of_item,
						   DemandWindows *of_category, ItemDemand *demand);

#endif							/* MODEL_DEMAND_H */
