/*-------------------------------------------------------------------------
 *
 * similarity_work.h
 *	  Room for the work on similar items.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SIMILARITY_WORK_H
#define SIMILARITY_WORK_H

#include "utils/palloc.h"

#include "model/similarity.h"

static inline SimilarityWork
similarity_work(int items)
{
	return (SimilarityWork) {
		palloc_extended(Max(items, 1) * sizeof(double), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO),
		palloc_extended(Max(items, 1) * sizeof(int32_t), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO),
		palloc_extended(Max(items, 1) * sizeof(int32_t), MCXT_ALLOC_HUGE),
		NULL
	};
}

#endif							/* SIMILARITY_WORK_H */
