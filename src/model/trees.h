/*-------------------------------------------------------------------------
 *
 * trees.h
 *	  Sums of decision trees: their scores, and what each feature adds.
 *
 * Trees lie flat, level by level, so that the children of a node are next to
 * each other.  A feature is taken as a float, as the trees were grown.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_TREES_H
#define MODEL_TREES_H

#include <stdbool.h>
#include <stdint.h>

#define TREES_DEPTH		12		/* most levels below the root */
#define TREES_NODES		((1 << (TREES_DEPTH + 1)) - 1)	/* most of one tree */
#define TREES_FEATURES	500	/* most */

/*
 * A leaf looks at what is less than anything, and has itself as its left child:
 * so a walk of as many steps as the deepest tree has levels needs no question
 * whether it is over.
 */
typedef struct TreeNode
{
	float		value;			/* less than this goes left; of a leaf, what it adds */
	uint16_t	feature;		/* counted from 0; of a leaf, the one after the last */
	uint16_t	left;			/* the left child in its tree, counted from 0; the
								 * top bit: what is missing goes left */
} TreeNode;

#define TREE_MISSING_LEFT	0x8000

typedef struct Forest
{
	int			features;
	int			trees;
	int			depth;			/* of the deepest tree */
	int		   *first;			/* node of each tree, and one past the last */
	TreeNode   *node;
	float	   *cover;			/* weight of the rows that came to each node */
	double		base;			/* log odds that the trees are added to */
	double		expected;		/* mean log odds by cover */
} Forest;

extern bool trees_link(TreeNode *node, int count, int features, int *depth);
extern void trees_finish(Forest *forest);
extern double trees_share_left(const float *cover, int left);
extern float trees_narrow(double value);
extern double trees_log_odds(const Forest *forest, const double *feature);
extern void trees_contributions(const Forest *forest, const double *feature,
								double *given);

#endif							/* MODEL_TREES_H */
