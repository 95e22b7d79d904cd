/*-------------------------------------------------------------------------
 *
 * trees_grow.h
 *	  What the core asks of the module that grows trees.
 *
 * Trees are grown by XGBoost, in a module of its own that is loaded when it is
 * first asked for: without it everything else works.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TREES_GROW_H
#define TREES_GROW_H

#include "model/trees.h"

#define TREES_MODULE	"$libdir/customer_tiering_trees"
#define TREES_FUNCTION	"customer_tiering_grow_trees"
#define TREES_INTERFACE	1		/* counts its changes: both sides must agree */

typedef struct TreesGrowth
{
	int			interface;
	/* rows: the label, 0 or 1, and then the features; NAN is missing */
	const double *rows;
	int64		count;
	int			features;
	/* how */
	double		rounds;
	double		depth;
	double		bins;			/* of a feature's values */
	double		seed;
	double		learning_rate;
	double		l2;
	double		min_child_weight;
	double		subsample;		/* of the rows that a tree sees */
	double		colsample;		/* of the features that a tree sees */
	double		base;			/* log odds to begin with */
	/* what comes of it, in the memory context of the caller */
	Forest		forest;
	double	   *gain;			/* of the loss, by feature */
	double		log_likelihood;
} TreesGrowth;

typedef void (*TreesGrow) (TreesGrowth *growth);

#endif							/* TREES_GROW_H */
