/*-------------------------------------------------------------------------
 *
 * top.h
 *	  The best of many, best first.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_TOP_H
#define MODEL_TOP_H

#include <stdbool.h>
#include <stdint.h>

/* An item, and how good it is */
typedef struct ScoredItem
{
	int32_t		item;
	double		score;
} ScoredItem;

/* Is a better than b?  Of equal ones, the item that stands first. */
static inline bool
scored_better(ScoredItem a, ScoredItem b)
{
	return a.score > b.score || (a.score == b.score && a.item < b.item);
}

/* A heap with the worst of them at the top */
typedef struct TopItems
{
	ScoredItem *item;
	int			count;
	int			most;
} TopItems;

extern void top_offer(TopItems *top, int32_t item, double score);
extern void top_sort(TopItems *top);

#endif							/* MODEL_TOP_H */
