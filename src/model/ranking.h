/*-------------------------------------------------------------------------
 *
 * ranking.h
 *	  How good recommended lists are, and their exact mean.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_RANKING_H
#define MODEL_RANKING_H

#include <stdbool.h>
#include <stdint.h>

/* The top of one list, beside what came true */
typedef struct RankedList
{
	const bool *hit;			/* the first place first */
	int			length;			/* places that are filled, at most n */
	int			n;				/* places that are looked at */
	int			relevant;		/* items that came true, above 0 */
} RankedList;

typedef double (*RankingMeasure) (const RankedList *list);

/*
 * Sum of values between 0 and 1, in units of 2^-62: the same in any order.
 * Eight bytes each, for it is kept as an array of bigint.
 */
typedef struct RankingSum
{
	int64_t		n;				/* of all rows; 0 before the first */
	int64_t		rows;
	int64_t		high;			/* of the sum */
	int64_t		low;			/* its last 32 bits */
} RankingSum;

extern double ranking_ndcg(const RankedList *list);
extern double ranking_recall(const RankedList *list);
extern double ranking_precision(const RankedList *list);
extern double ranking_average_precision(const RankedList *list);
extern double ranking_hit_rate(const RankedList *list);
extern void ranking_add(RankingSum *sum, double value);
extern void ranking_merge(RankingSum *into, const RankingSum *from);
extern bool ranking_mean(const RankingSum *sum, double *mean);

#endif							/* MODEL_RANKING_H */
