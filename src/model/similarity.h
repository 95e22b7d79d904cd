/*-------------------------------------------------------------------------
 *
 * similarity.h
 *	  Items that the same customers have to do with.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_SIMILARITY_H
#define MODEL_SIMILARITY_H

#include "model/interactions.h"
#include "model/sort.h"
#include "model/top.h"

/* Room for the work on one item, of as many as there are items; zeros at first */
typedef struct SimilarityWork
{
	double	   *product;
	int32_t    *together;		/* customers who have to do with both */
	int32_t    *touched;
	int32_t    *of_top;			/* together, of the chosen ones; NULL: not wanted */
} SimilarityWork;

typedef struct SimilarityOptions
{
	double		shrinkage;		/* of what rests on little */
	int			least_together; /* customers that a pair needs */
} SimilarityOptions;

extern void similarity_norms(const Interactions *by_item, double *norm);
extern bool similarity_neighbours(const Interactions *by_customer, const Interactions *by_item, const double *norm, int item,
								  const SimilarityOptions *options, SimilarityWork *work, TopItems *top, ModelStop stop);

#endif							/* MODEL_SIMILARITY_H */
