/*-------------------------------------------------------------------------
 *
 * baskets.h
 *	  Baskets with their items, and items with their baskets.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_BASKETS_H
#define MODEL_BASKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/memory.h"
#include "model/sort.h"

/* What an item is wanted for */
#define ITEM_GOES_ON	1		/* may be added to a set that others follow from */
#define ITEM_FOLLOWS	2		/* may be what follows from it */

/* Row r says that item[r] was in basket[r], both numbered from 0; rows may repeat */
typedef struct BasketRows
{
	const int32_t *basket;
	const int32_t *item;
	size_t		count;
	int			baskets;
	int			items;
} BasketRows;

/*
 * Items that are frequent enough, numbered by how many baskets have them, the
 * rarest first, and baskets with at least two of them.
 */
typedef struct Baskets
{
	int			items;
	int32_t    *name;			/* of an item, its number in the rows */
	int32_t    *support;		/* baskets with it */
	uint8_t    *role;
	size_t	   *first;			/* where its baskets begin; items + 1 of them */
	int32_t    *basket;
	size_t		count;			/* baskets */
	size_t	   *start;			/* where the items of a basket begin; count + 1 of them */
	int32_t    *item;			/* of a basket, in order */

	/* of use to whoever walks the baskets */
	int32_t    *tally;			/* by item, 0 between walks */
	int32_t    *followed;		/* the same, of baskets with an item that may follow */
	int32_t    *seen;
	int32_t    *number;			/* by item, -1 between walks */
	uint64_t   *chosen;			/* a bit an item, 0 between walks */

	void	   *by_item;		/* where all that is kept by item lies */
	size_t		item_room;
	size_t		count_room;
	size_t		entry_room;
} Baskets;

typedef enum MiningStatus
{
	MINING_DONE,
	MINING_STOPPED,				/* it was told to */
	MINING_NO_MEMORY
} MiningStatus;

/* What stops the work: somebody, or a limit */
typedef struct MiningLimits
{
	ModelMemory *memory;
	ModelStop	stop;			/* need not return */
	size_t		steps;			/* since it was last asked */
} MiningLimits;

#define STEPS_BETWEEN_STOPS	(1 << 17)

static inline bool
mining_stopped(MiningLimits *limits, size_t steps)
{
	limits->steps += steps;
	if (limits->steps < STEPS_BETWEEN_STOPS)
		return false;
	limits->steps = 0;
	return limits->stop != NULL && limits->stop();
}

extern bool baskets_room(Baskets *baskets, ModelMemory *memory, int items, size_t count, size_t entries);
extern MiningStatus baskets_of_rows(const BasketRows *rows, const uint8_t *role, int64_t least,
									Baskets *baskets, int32_t *item_baskets, MiningLimits *limits);
extern bool baskets_by_item(Baskets *baskets, MiningLimits *limits);

#endif							/* MODEL_BASKETS_H */
