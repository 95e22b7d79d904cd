/*-------------------------------------------------------------------------
 *
 * als.h
 *	  Factors of customers and items from implicit feedback.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_ALS_H
#define MODEL_ALS_H

#include "model/interactions.h"
#include "model/sort.h"

#define ALS_MOST_FACTORS	256

typedef struct AlsOptions
{
	int			factors;
	double		confidence;		/* of a cell of value 1 over an empty one */
	double		penalty;		/* on squares of factors */
} AlsOptions;

extern size_t als_scratch(int factors);
extern void als_gram(const double *factor, int rows, int factors, double *gram);
extern void als_solve(const AlsOptions *options, const double *gram, const double *factor,
					  const int32_t *column, const double *value, int64_t cells,
					  double *scratch, double *solved);
extern bool als_half_step(const AlsOptions *options, const Interactions *matrix, const double *fixed,
						  double *scratch, double *solved, ModelStop stop);

#endif							/* MODEL_ALS_H */
