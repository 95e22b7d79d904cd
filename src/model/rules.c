/*-------------------------------------------------------------------------
 *
 * rules.c
 *	  What rules are worth, and which of them say nothing more than others.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/rules.h"

#define ROUNDING	1e-12		/* of a share of baskets that is a whole number */

/* All are made of products of whole numbers, to be exact where the result is */
void
rule_measures(const RuleCounts *counts, RuleMeasures *measures)
{
	double		all = (double) counts->all;
	double		antecedent = (double) counts->antecedent;
	double		consequent = (double) counts->consequent;
	double		both = (double) counts->both;

	measures->support = both / all;
	measures->confidence = rule_confidence(counts);
	measures->lift = rule_lift(counts);
	measures->leverage = (both * all - antecedent * consequent) / (all * all);
	measures->has_conviction = both < antecedent;
	measures->conviction = measures->has_conviction ? (all - consequent) * antecedent / (all * (antecedent - both)) : 0;
	measures->jaccard = both / (antecedent + consequent - both);
}

/* The fewest baskets that are at least such a share of all; 0.3 of 10 are 3 */
int64_t
baskets_of_share(double share, int64_t all)
{
	double		baskets = share * (double) all;

	return (int64_t) ceil(baskets - ROUNDING * baskets);
}

/* Most confident first, then most frequent, then by items, where a set comes before those that begin with it */
static int
compare_sets(const Itemset *a, const Itemset *b, const int32_t *item)
{
	int			shorter = a->length < b->length ? a->length : b->length;

	if (a->confidence != b->confidence)
		return a->confidence > b->confidence ? -1 : 1;
	if (a->baskets != b->baskets)
		return a->baskets > b->baskets ? -1 : 1;
	for (int i = 0; i < shorter; i++)
		if (item[a->begin + i] != item[b->begin + i])
			return item[a->begin + i] < item[b->begin + i] ? -1 : 1;
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return a->consequent < b->consequent ? -1 : a->consequent > b->consequent;
}

/* Merges two sorted runs that lie side by side; false: stopped */
static bool
merge_runs(const Itemset *from, size_t middle, size_t end, Itemset *to, const int32_t *item, MiningLimits *limits)
{
	size_t		left = 0;
	size_t		right = middle;

	while (left < middle && right < end)
	{
		if (mining_stopped(limits, 1))
			return false;
		*to++ = compare_sets(&from[right], &from[left], item) < 0 ? from[right++] : from[left++];
	}
	memcpy(to, from + left, (middle - left) * sizeof(Itemset));
	memcpy(to + (middle - left), from + right, (end - right) * sizeof(Itemset));
	return true;
}

/* Puts sets or rules in their order, which no two of them share a place in */
MiningStatus
itemsets_sort(ItemsetList *list, MiningLimits *limits)
{
	Itemset    *from = list->set;
	Itemset    *to = NULL;

	if (!memory_resize(limits->memory, &to, 0, list->count * sizeof(Itemset)))
		return MINING_NO_MEMORY;
	for (size_t run = 1; run < list->count; run *= 2)
	{
		Itemset    *swap = from;

		for (size_t begin = 0; begin < list->count; begin += 2 * run)
		{
			size_t		left = list->count - begin;
			size_t		middle = run < left ? run : left;
			size_t		end = 2 * run < left ? 2 * run : left;

			if (!merge_runs(from + begin, middle, end, to + begin, list->item, limits))
				return MINING_STOPPED;
		}
		from = to;
		to = swap;
	}
	list->set = from;
	list->room = list->count;
	memory_release(limits->memory, &to, list->count * sizeof(Itemset));
	return MINING_DONE;
}

/* Rules found by their two sides */
typedef struct RuleTable
{
	const ItemsetList *list;
	size_t	   *slot;			/* number of a rule, from 1 on; 0: free */
	size_t		mask;
} RuleTable;

static size_t
hash_rule(const int32_t *item, int length, int32_t consequent)
{
	uint64_t	hash = (uint64_t) consequent;

	for (int i = 0; i < length; i++)
	{
		hash = (hash ^ (uint64_t) item[i]) * UINT64_C(0x9E3779B97F4A7C15);
		hash ^= hash >> 29;
	}
	return (size_t) (hash * UINT64_C(0xBF58476D1CE4E5B9) >> 20);
}

/* The slot of a rule, or the one where it is to be put */
static size_t *
slot_of(const RuleTable *table, const int32_t *item, int length, int32_t consequent)
{
	size_t		place = hash_rule(item, length, consequent) & table->mask;

	for (; table->slot[place] != 0; place = (place + 1) & table->mask)
	{
		const Itemset *rule = &table->list->set[table->slot[place] - 1];

		if (rule->length == length && rule->consequent == consequent &&
			memcmp(table->list->item + rule->begin, item, (size_t) length * sizeof(int32_t)) == 0)
			break;
	}
	return &table->slot[place];
}

/* Whether some of the antecedent, but not none, tells as much */
static bool
is_redundant(const RuleTable *table, const Itemset *rule)
{
	const int32_t *item = table->list->item + rule->begin;

	for (unsigned members = 1; members + 1 < 1u << rule->length; members++)
	{
		int32_t		part[MOST_ITEMS_OF_SET];
		int			length = 0;
		size_t		found;

		for (int i = 0; i < rule->length; i++)
			if (members >> i & 1)
				part[length++] = item[i];
		found = *slot_of(table, part, length, rule->consequent);
		if (found != 0 && table->list->set[found - 1].confidence >= rule->confidence)
			return true;
	}
	return false;
}

/* Puts all rules into the table, and marks those that are redundant by a length of 0 */
static bool
mark_redundant(RuleTable *table, ItemsetList *list, bool *redundant, MiningLimits *limits)
{
	for (size_t r = 0; r < list->count; r++)
	{
		Itemset    *rule = &list->set[r];

		*slot_of(table, list->item + rule->begin, rule->length, rule->consequent) = r + 1;
		if (mining_stopped(limits, 16))
			return false;
	}
	for (size_t r = 0; r < list->count; r++)
	{
		redundant[r] = is_redundant(table, &list->set[r]);
		if (mining_stopped(limits, (size_t) 16 << list->set[r].length))
			return false;
	}
	return true;
}

/*
 * Leaves out rules of which a part of the antecedent has the same consequent with
 * at least the same confidence.  That one is in the list, whatever confidence,
 * lift or support was asked for: it has no less of any.
 */
MiningStatus
rules_drop_redundant(ItemsetList *list, MiningLimits *limits)
{
	RuleTable	table = {.list = list,.mask = 1};
	bool	   *redundant = NULL;
	size_t		kept = 0;
	size_t		bytes;

	while (table.mask < 2 * list->count)
		table.mask = table.mask * 2 + 1;
	bytes = (table.mask + 1) * sizeof(size_t);
	if (!memory_resize(limits->memory, &table.slot, 0, bytes) || !memory_resize(limits->memory, &redundant, 0, list->count))
		return MINING_NO_MEMORY;
	memset(table.slot, 0, bytes);
	if (!mark_redundant(&table, list, redundant, limits))
		return MINING_STOPPED;
	for (size_t r = 0; r < list->count; r++)
		if (!redundant[r])
			list->set[kept++] = list->set[r];
	memory_release(limits->memory, &table.slot, bytes);
	memory_release(limits->memory, &redundant, list->count);
	list->count = kept;
	return MINING_DONE;
}
