/*-------------------------------------------------------------------------
 *
 * itemsets.c
 *	  Items that are often together, and what follows from them.
 *
 * Sets grow depth first, each by items that come after its last one.  One walk
 * over the baskets that have a set counts all items beside it: these counts are
 * the rules that follow from it, so nothing is ever looked up.  What is rare
 * beside a set is rare beside all larger ones, so these are sought in a copy of
 * its baskets without it: sets of a huge basket cost no more than what is
 * frequent in it.  (Depth first: Zaki 2000; counting beside a set: Uno, Kiyomi
 * and Arimura 2004.)
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "model/itemsets.h"
#include "model/rules.h"

typedef struct Miner
{
	const ItemsetOptions *options;
	ItemsetList *list;
	MiningLimits *limits;
	Baskets    *level[MOST_ITEMS_OF_SET];	/* baskets that have so many items of the set */
	Baskets		below[MOST_ITEMS_OF_SET];
	int32_t		set[MOST_ITEMS_OF_SET]; /* in the order they were added */
} Miner;

static bool
list_room(Miner *miner, size_t items)
{
	ItemsetList *list = miner->list;

	return memory_room(miner->limits->memory, &list->set, &list->room, list->count + 1, sizeof(Itemset)) &&
		memory_room(miner->limits->memory, &list->item, &list->item_room, list->item_count + items, sizeof(int32_t));
}

/* Writes the set, by itself or with one item more, in order; where it begins */
static size_t
put_items(Miner *miner, int length)
{
	ItemsetList *list = miner->list;
	int32_t    *item = list->item + list->item_count;

	for (int i = 0; i < length; i++)
	{
		int			at = i;

		for (; at > 0 && item[at - 1] > miner->set[i]; at--)
			item[at] = item[at - 1];
		item[at] = miner->set[i];
	}
	list->item_count += (size_t) length;
	return list->item_count - (size_t) length;
}

/* The set at hand, with as many items */
static bool
put_set(Miner *miner, int length, int32_t baskets)
{
	size_t		begin;

	if (!list_room(miner, (size_t) length))
		return false;
	begin = put_items(miner, length);
	miner->list->set[miner->list->count++] = (Itemset) {0, begin, length, -1, baskets, 0};
	return true;
}

/* What follows from a set; begin of it: SIZE_MAX until its first rule */
static bool
put_rule(Miner *miner, int length, size_t *begin, int32_t consequent, int32_t antecedent_baskets, int32_t baskets)
{
	const ItemsetOptions *options = miner->options;
	RuleCounts	counts = {options->all, antecedent_baskets, options->item_baskets[consequent], baskets};
	double		confidence = rule_confidence(&counts);

	if (confidence < options->min_confidence || rule_lift(&counts) < options->min_lift)
		return true;
	if (!list_room(miner, (size_t) length))
		return false;
	if (*begin == SIZE_MAX)
		*begin = put_items(miner, length);
	miner->list->set[miner->list->count++] = (Itemset) {confidence, *begin, length, consequent, baskets, antecedent_baskets};
	return true;
}

/* Counts what is in the baskets of an item: all of it, or what comes after it; false: stopped */
static bool
count_beside(Baskets *baskets, int item, bool after, size_t *seen, MiningLimits *limits)
{
	int32_t    *tally = baskets->tally;

	*seen = 0;
	for (size_t o = baskets->first[item]; o < baskets->first[item + 1]; o++)
	{
		size_t		start = baskets->start[baskets->basket[o]];
		size_t		end = baskets->start[baskets->basket[o] + 1];
		size_t		i = end;

		while (i > start)
		{
			int32_t		other = baskets->item[--i];

			if (after && other <= item)
				break;
			if (tally[other]++ == 0)
				baskets->seen[(*seen)++] = other;
		}
		if (mining_stopped(limits, end - i + 1))
			return false;
	}
	return true;
}

/* Counts the items of a basket where another one may follow; item is in the set, -1: none is */
static void
count_followed(Baskets *baskets, size_t basket, int32_t item)
{
	uint8_t		roles = 0;

	for (size_t i = baskets->start[basket]; i < baskets->start[basket + 1]; i++)
		roles |= baskets->item[i] != item ? baskets->role[baskets->item[i]] : 0;
	if (roles & ITEM_FOLLOWS)
		for (size_t i = baskets->start[basket]; i < baskets->start[basket + 1]; i++)
			baskets->followed[baskets->item[i]]++;
}

static bool
count_followed_beside(Baskets *baskets, int item, MiningLimits *limits)
{
	for (size_t o = baskets->first[item]; o < baskets->first[item + 1]; o++)
	{
		size_t		basket = (size_t) baskets->basket[o];

		if (mining_stopped(limits, baskets->start[basket + 1] - baskets->start[basket]))
			return false;
		count_followed(baskets, basket, item);
	}
	return true;
}

/* What an item beside this one is wanted for, once this one is in the set */
static uint8_t
role_beside(const Miner *miner, const Baskets *baskets, int item, int32_t other)
{
	bool		goes_on = other > item && (!miner->options->few_follow || baskets->followed[other] >= miner->options->least);

	return (uint8_t) (baskets->role[other] & ((goes_on ? ITEM_GOES_ON : 0) | ITEM_FOLLOWS));
}

/* Puts down what was counted beside a set, and chooses what may go on from there */
static MiningStatus
take_counts(Miner *miner, int depth, int item, size_t seen)
{
	Baskets    *baskets = miner->level[depth];
	bool		rules = miner->options->rules;
	size_t		begin = SIZE_MAX;

	for (size_t s = 0; s < seen; s++)
	{
		int32_t		other = baskets->seen[s];
		int32_t		both = baskets->tally[other];
		bool		put = true;

		if (other == item || both < miner->options->least)
			continue;
		miner->set[depth + 1] = baskets->name[other];
		if (!rules)
			put = put_set(miner, depth + 2, both);
		else if (baskets->role[other] & ITEM_FOLLOWS)
			put = put_rule(miner, depth + 1, &begin, baskets->name[other], baskets->support[item], both);
		if (!put)
			return MINING_NO_MEMORY;
		if (role_beside(miner, baskets, item, other) != 0)
			baskets->chosen[other / 64] |= UINT64_C(1) << (other % 64);
	}
	return mining_stopped(miner->limits, seen + (size_t) baskets->items / 64) ? MINING_STOPPED : MINING_DONE;
}

/* Names the chosen items in the level below; whether a set may go on there */
static MiningStatus
name_chosen(Miner *miner, int depth, int item, size_t seen, bool *goes_on)
{
	Baskets    *baskets = miner->level[depth];
	Baskets    *below = miner->level[depth + 1];
	size_t		entries = 0;
	int			count = 0;

	*goes_on = false;
	if (!baskets_room(below, miner->limits->memory, (int) seen, (size_t) baskets->support[item], 0))
		return MINING_NO_MEMORY;
	for (int word = 0; word <= baskets->items / 64; word++)
		for (uint64_t bits = baskets->chosen[word]; bits != 0; bits &= bits - 1)
		{
			int32_t		other = word * 64 + __builtin_ctzll(bits);

			below->name[count] = baskets->name[other];
			below->support[count] = baskets->tally[other];
			below->role[count] = role_beside(miner, baskets, item, other);
			*goes_on = *goes_on || (below->role[count] & ITEM_GOES_ON);
			entries += (size_t) baskets->tally[other];
			baskets->number[other] = count++;
		}
	below->items = count;
	*goes_on = *goes_on && count > 1;
	if (*goes_on && !baskets_room(below, miner->limits->memory, count, (size_t) baskets->support[item], entries))
		return MINING_NO_MEMORY;
	return MINING_DONE;
}

/* The baskets of an item with what was chosen, where there are two of it */
static bool
copy_chosen(Baskets *baskets, Baskets *below, int item, MiningLimits *limits)
{
	size_t		kept = 0;

	below->count = 0;
	for (size_t o = baskets->first[item]; o < baskets->first[item + 1]; o++)
	{
		size_t		start = baskets->start[baskets->basket[o]];
		size_t		end = baskets->start[baskets->basket[o] + 1];
		size_t		begin = kept;

		if (mining_stopped(limits, end - start))
			return false;
		for (size_t i = start; i < end; i++)
			if (baskets->number[baskets->item[i]] >= 0)
				below->item[kept++] = baskets->number[baskets->item[i]];
		if (kept - begin < 2)
			kept = begin;
		else
			below->start[below->count++] = begin;
	}
	below->start[below->count] = kept;
	return baskets_by_item(below, limits);
}

/* Forgets what was counted and chosen */
static void
forget_counts(Baskets *baskets, size_t seen)
{
	for (size_t s = 0; s < seen; s++)
	{
		int32_t		other = baskets->seen[s];

		baskets->tally[other] = baskets->followed[other] = 0;
		baskets->number[other] = -1;
		baskets->chosen[other / 64] = 0;
	}
}

static MiningStatus grow_sets(Miner *miner, int depth);

/* Adds an item to the set, and goes on from there */
static MiningStatus
add_item(Miner *miner, int depth, int item)
{
	Baskets    *baskets = miner->level[depth];
	bool		goes_on = false;
	size_t		seen;
	MiningStatus status;

	miner->set[depth] = baskets->name[item];
	if (!count_beside(baskets, item, !miner->options->rules, &seen, miner->limits) ||
		(miner->options->few_follow && !count_followed_beside(baskets, item, miner->limits)))
		return MINING_STOPPED;
	status = take_counts(miner, depth, item, seen);
	if (status == MINING_DONE && depth + 2 < miner->options->most_items)
		status = name_chosen(miner, depth, item, seen, &goes_on);
	if (status == MINING_DONE && goes_on && !copy_chosen(baskets, miner->level[depth + 1], item, miner->limits))
		status = MINING_STOPPED;
	forget_counts(baskets, seen);
	if (status == MINING_DONE && goes_on)
		status = grow_sets(miner, depth + 1);
	return status;
}

/* Grows the set by each item that may be added; it recurs as deep as sets are long */
static MiningStatus
grow_sets(Miner *miner, int depth)
{
	Baskets    *baskets = miner->level[depth];
	MiningStatus status = MINING_DONE;

	for (int item = 0; item < baskets->items && status == MINING_DONE; item++)
		if (baskets->role[item] & ITEM_GOES_ON)
			status = add_item(miner, depth, item);
	return status;
}

/* Leaves items alone that are seldom with one that may follow */
static bool
begin_where_followed(Miner *miner)
{
	Baskets    *baskets = miner->level[0];

	for (size_t b = 0; b < baskets->count; b++)
	{
		if (mining_stopped(miner->limits, baskets->start[b + 1] - baskets->start[b]))
			return false;
		count_followed(baskets, b, -1);
	}
	for (int item = 0; item < baskets->items; item++)
		if (baskets->followed[item] < miner->options->least)
			baskets->role[item] &= ITEM_FOLLOWS;
	memset(baskets->followed, 0, (size_t) baskets->items * sizeof(int32_t));
	return true;
}

/* Adds to the list all sets that are frequent, or the rules; after any but MINING_DONE it is of no use */
MiningStatus
itemsets_find(Baskets *baskets, const ItemsetOptions *options, ItemsetList *list, MiningLimits *limits)
{
	Miner		miner = {.options = options,.list = list,.limits = limits};

	miner.level[0] = baskets;
	for (int i = 1; i < MOST_ITEMS_OF_SET; i++)
		miner.level[i] = &miner.below[i];
	for (int item = 0; !options->rules && item < baskets->items; item++)
	{
		miner.set[0] = baskets->name[item];
		if (!put_set(&miner, 1, baskets->support[item]))
			return MINING_NO_MEMORY;
	}
	if (options->few_follow && !begin_where_followed(&miner))
		return MINING_STOPPED;
	return options->most_items < 2 ? MINING_DONE : grow_sets(&miner, 0);
}
