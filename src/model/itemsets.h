/*-------------------------------------------------------------------------
 *
 * itemsets.h
 *	  Items that are often together, and what follows from them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_ITEMSETS_H
#define MODEL_ITEMSETS_H

#include "model/baskets.h"

#define MOST_ITEMS_OF_SET	10

/* A set of items, or a rule: if these, then that one */
typedef struct Itemset
{
	double		confidence;		/* 0 of a set */
	size_t		begin;			/* of its items, or the antecedent's, in the list's */
	int32_t		length;			/* how many they are */
	int32_t		consequent;		/* -1 of a set */
	int32_t		baskets;		/* with all of them */
	int32_t		antecedent_baskets; /* 0 of a set */
} Itemset;

typedef struct ItemsetList
{
	Itemset    *set;
	size_t		count;
	size_t		room;
	int32_t    *item;			/* of sets, one after the other, each in order */
	size_t		item_count;
	size_t		item_room;
} ItemsetList;

typedef struct ItemsetOptions
{
	bool		rules;
	bool		few_follow;		/* only some items may be consequents */
	int			most_items;		/* of a set, or of a rule in all */
	int64_t		least;			/* baskets */
	double		min_confidence; /* of a rule */
	double		min_lift;
	int64_t		all;			/* baskets */
	const int32_t *item_baskets;
} ItemsetOptions;

extern MiningStatus itemsets_find(Baskets *baskets, const ItemsetOptions *options, ItemsetList *list, MiningLimits *limits);

#endif							/* MODEL_ITEMSETS_H */
