/*-------------------------------------------------------------------------
 *
 * baskets.c
 *	  Baskets with their items, and items with their baskets.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "model/baskets.h"

/* An item while items are put in order */
typedef struct Ranked
{
	double		support;
	int32_t		name;
} Ranked;

static size_t
item_bytes(size_t room)
{
	return room * (sizeof(size_t) + 6 * sizeof(int32_t) + sizeof(uint8_t)) + (room / 64 + 1) * sizeof(uint64_t);
}

/* One piece of memory for all that is kept by item */
static bool
room_for_items(Baskets *baskets, ModelMemory *memory, size_t items)
{
	size_t		room = items + items / 2;
	size_t		old_room = baskets->item_room;
	char	   *at;

	if (items <= old_room)
		return true;
	if (!memory_resize(memory, &baskets->by_item, old_room > 0 ? item_bytes(old_room) : 0, item_bytes(room)))
		return false;
	at = baskets->by_item;
	baskets->first = (size_t *) at;
	baskets->chosen = (uint64_t *) (baskets->first + room);
	baskets->name = (int32_t *) (baskets->chosen + room / 64 + 1);
	baskets->support = baskets->name + room;
	baskets->tally = baskets->support + room;
	baskets->followed = baskets->tally + room;
	baskets->seen = baskets->followed + room;
	baskets->number = baskets->seen + room;
	baskets->role = (uint8_t *) (baskets->number + room);
	baskets->item_room = room;
	memset(baskets->chosen, 0, (room / 64 + 1) * sizeof(uint64_t));
	memset(baskets->tally, 0, 2 * room * sizeof(int32_t));	/* and those followed */
	memset(baskets->number, 0xff, room * sizeof(int32_t));
	return true;
}

/* Room for so much, whatever was there; false: there is no memory */
bool
baskets_room(Baskets *baskets, ModelMemory *memory, int items, size_t count, size_t entries)
{
	size_t		room = baskets->entry_room;

	return room_for_items(baskets, memory, (size_t) items + 1) &&
		memory_room(memory, &baskets->start, &baskets->count_room, count + 1, sizeof(size_t)) &&
		memory_room(memory, &baskets->basket, &room, entries, sizeof(int32_t)) &&
		memory_room(memory, &baskets->item, &baskets->entry_room, entries, sizeof(int32_t));
}

/* Begins of runs, of how many are in each: counts[i + 1] becomes where run i + 1 begins */
static void
add_up(size_t *counts, size_t runs)
{
	for (size_t i = 0; i < runs; i++)
		counts[i + 1] += counts[i];
}

/* Lists the baskets of each item, in order, from the items of each basket */
bool
baskets_by_item(Baskets *baskets, MiningLimits *limits)
{
	size_t	   *first = baskets->first;

	memset(first, 0, ((size_t) baskets->items + 1) * sizeof(size_t));
	for (size_t i = 0; i < baskets->start[baskets->count]; i++)
		first[baskets->item[i] + 1]++;
	add_up(first, (size_t) baskets->items);
	for (size_t b = 0; b < baskets->count; b++)
	{
		size_t		end = baskets->start[b + 1];

		if (mining_stopped(limits, end - baskets->start[b]))
			return false;
		for (size_t i = baskets->start[b]; i < end; i++)
			baskets->basket[first[baskets->item[i]]++] = (int32_t) b;
	}
	/* each now tells where the next one begins */
	memmove(first + 1, first, (size_t) baskets->items * sizeof(size_t));
	first[0] = 0;
	return true;
}

/* Puts rows in the order of their baskets; start has room for one more than there are */
static bool
group_rows(const BasketRows *rows, size_t *start, int32_t *item, MiningLimits *limits)
{
	memset(start, 0, ((size_t) rows->baskets + 2) * sizeof(size_t));
	for (size_t r = 0; r < rows->count; r++)
	{
		if (r % STEPS_BETWEEN_STOPS == 0 && mining_stopped(limits, STEPS_BETWEEN_STOPS))
			return false;
		start[rows->basket[r] + 2]++;
	}
	add_up(start, (size_t) rows->baskets + 1);
	for (size_t r = 0; r < rows->count; r++)
	{
		if (r % STEPS_BETWEEN_STOPS == 0 && mining_stopped(limits, STEPS_BETWEEN_STOPS))
			return false;
		item[start[rows->basket[r] + 1]++] = rows->item[r];
	}
	return true;
}

/* Leaves each item once in a basket, and counts the baskets of each */
static bool
drop_repeated(const BasketRows *rows, size_t *start, int32_t *item, int32_t *item_baskets, int32_t *last, MiningLimits *limits)
{
	size_t		kept = 0;

	memset(item_baskets, 0, (size_t) rows->items * sizeof(int32_t));
	memset(last, 0xff, (size_t) rows->items * sizeof(int32_t));
	for (int b = 0; b < rows->baskets; b++)
	{
		size_t		from = start[b];
		size_t		end = start[b + 1];

		if (mining_stopped(limits, end - from))
			return false;
		start[b] = kept;
		for (size_t i = from; i < end; i++)
		{
			int32_t		name = item[i];

			if (last[name] == b)
				continue;
			last[name] = b;
			item_baskets[name]++;
			item[kept++] = name;
		}
	}
	start[rows->baskets] = kept;
	return true;
}

/* Numbers what is frequent and of use, the rarest first; number[] of others is -1 */
static MiningStatus
rank_items(const BasketRows *rows, const uint8_t *role, int64_t least, const int32_t *item_baskets,
		   Ranked *ranked, int32_t *number, Baskets *baskets, MiningLimits *limits)
{
	Ranked	   *scratch = ranked + rows->items;
	size_t		count = 0;

	for (int i = 0; i < rows->items; i++)
	{
		number[i] = -1;
		if (item_baskets[i] >= least && role[i] != 0)
			ranked[count++] = (Ranked) {item_baskets[i], i};
	}
	if (!sort_by_key(ranked, scratch, count, sizeof(Ranked), offsetof(Ranked, support), limits->stop))
		return MINING_STOPPED;
	if (!baskets_room(baskets, limits->memory, (int) count, 0, 0))
		return MINING_NO_MEMORY;
	baskets->items = (int) count;
	for (size_t i = 0; i < count; i++)
	{
		int32_t		name = ranked[i].name;

		number[name] = (int32_t) i;
		baskets->name[i] = name;
		baskets->support[i] = item_baskets[name];
		baskets->role[i] = role[name];
	}
	return MINING_DONE;
}

/* Keeps the ranked items of baskets that have at least two; how many remain */
static size_t
keep_ranked(size_t *start, size_t count, int32_t *item, const int32_t *number)
{
	size_t		kept = 0;
	size_t		baskets = 0;

	for (size_t b = 0; b < count; b++)
	{
		size_t		begin = kept;
		size_t		from = start[b];
		size_t		end = start[b + 1];

		for (size_t i = from; i < end; i++)
			if (number[item[i]] >= 0)
				item[kept++] = number[item[i]];
		if (kept - begin < 2)
			kept = begin;
		else
			start[baskets++] = begin;
	}
	start[baskets] = kept;
	return baskets;
}

/* Sorts the items of each basket, by way of the baskets of each item */
static bool
sort_items(Baskets *baskets, MiningLimits *limits)
{
	size_t	   *start = baskets->start;

	if (!baskets_by_item(baskets, limits))
		return false;
	for (int i = 0; i < baskets->items; i++)
	{
		if (mining_stopped(limits, baskets->first[i + 1] - baskets->first[i]))
			return false;
		for (size_t o = baskets->first[i]; o < baskets->first[i + 1]; o++)
			baskets->item[start[baskets->basket[o]]++] = i;
	}
	memmove(start + 1, start, baskets->count * sizeof(size_t));
	start[0] = 0;
	return true;
}

/* What is needed for a while only */
typedef struct Passing
{
	Ranked	   *ranked;			/* twice as many as items */
	int32_t    *number;
	int32_t    *last;
} Passing;

static MiningStatus
take_rows(const BasketRows *rows, const uint8_t *role, int64_t least, Baskets *baskets,
		  int32_t *item_baskets, Passing *passing, MiningLimits *limits)
{
	ModelMemory *memory = limits->memory;
	size_t		items = (size_t) rows->items;
	MiningStatus status;

	if (!memory_resize(memory, &passing->ranked, 0, 2 * items * sizeof(Ranked)) ||
		!memory_resize(memory, &passing->number, 0, items * sizeof(int32_t)) ||
		!memory_resize(memory, &passing->last, 0, items * sizeof(int32_t)) ||
		!baskets_room(baskets, memory, 0, (size_t) rows->baskets + 1, rows->count))
		return MINING_NO_MEMORY;
	if (!group_rows(rows, baskets->start, baskets->item, limits) ||
		!drop_repeated(rows, baskets->start, baskets->item, item_baskets, passing->last, limits))
		return MINING_STOPPED;
	status = rank_items(rows, role, least, item_baskets, passing->ranked, passing->number, baskets, limits);
	if (status != MINING_DONE)
		return status;
	baskets->count = keep_ranked(baskets->start, (size_t) rows->baskets, baskets->item, passing->number);
	return sort_items(baskets, limits) ? MINING_DONE : MINING_STOPPED;
}

/*
 * Baskets of rows, of items that at least so many baskets have and that have a
 * role.  item_baskets has room for all items, and tells in how many baskets
 * each is.
 */
MiningStatus
baskets_of_rows(const BasketRows *rows, const uint8_t *role, int64_t least, Baskets *baskets, int32_t *item_baskets, MiningLimits *limits)
{
	size_t		items = (size_t) rows->items;
	Passing		passing = {0};
	MiningStatus status = take_rows(rows, role, least, baskets, item_baskets, &passing, limits);

	memory_release(limits->memory, &passing.ranked, 2 * items * sizeof(Ranked));
	memory_release(limits->memory, &passing.number, items * sizeof(int32_t));
	memory_release(limits->memory, &passing.last, items * sizeof(int32_t));
	return status;
}
