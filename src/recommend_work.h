/*-------------------------------------------------------------------------
 *
 * recommend_work.h
 *	  The work on recommendations for one customer after the other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECOMMEND_WORK_H
#define RECOMMEND_WORK_H

#include "fmgr.h"
#include "utils/date.h"

#include "recommender.h"

#define MOST_WANTED		1000	/* recommendations for one customer */

/* Room for the work on one customer after the other */
typedef struct Work
{
	MemoryContext context;
	const StoredRecommender *stored;
	uint64		serial;			/* of the recommender that it is for */
	int			room;			/* days that there is room for */
	Interaction *day;
	OwnItem    *own;
	RecommendWork work;
	ScoredItem *pool;
	double	   *alike;
	ScoredItem *chosen;
	bool	   *excluded;
	bool	   *once;
	RecommendCustomer customer;
} Work;

extern Work *work_of(FunctionCallInfo fcinfo, const StoredRecommender *stored, int days);
extern const int32 *integers(FunctionCallInfo fcinfo, int argument, int *count);
extern void take_own(Work *w, const int32 *item, const DateADT *day, int count, DateADT as_of);
extern Work *find_candidates(FunctionCallInfo fcinfo, int excluded);
extern void mark_items(FunctionCallInfo fcinfo, int argument, int items, bool *mark);

#endif							/* RECOMMEND_WORK_H */
