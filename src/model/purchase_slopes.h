/*-------------------------------------------------------------------------
 *
 * purchase_slopes.h
 *	  Likelihoods of purchase models with their first and second derivatives.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_PURCHASE_SLOPES_H
#define MODEL_PURCHASE_SLOPES_H

#include "model/fit.h"
#include "model/purchase.h"

/* A function of the parameters at a point */
typedef struct Slopes
{
	double		value;
	double		first[FIT_MAX];
	double		second[FIT_MAX][FIT_MAX];	/* lower triangle */
} Slopes;

/* What depends on the number of purchases alone */
typedef void (*SlopesOfCount) (const double *parameter, double x,
							   Slopes *slopes);

/* The rest, which depends on times; into slopes of their own, all zero before */
typedef void (*SlopesOfTimes) (const double *parameter,
							   const PurchaseRecord *record, Slopes *slopes);

typedef struct PurchaseSlopes
{
	SlopesOfCount of_count;
	SlopesOfTimes of_times;
} PurchaseSlopes;

extern const PurchaseSlopes purchase_slopes[PURCHASE_KINDS];

#endif							/* MODEL_PURCHASE_SLOPES_H */
