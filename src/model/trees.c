/*-------------------------------------------------------------------------
 *
 * trees.c
 *	  Sums of decision trees: their scores.
 *
 *-------------------------------------------------------------------------
 */
#include <float.h>
#include <math.h>

#include "model/trees.h"

#define LEAST_SHARE		1e-12	/* of a child: keeps quotients finite */
#define SIDE_BY_SIDE	8		/* walks at once: each waits for its memory */

/*
 * Gives the nodes of one tree, level by level, their children: the next two that
 * have no parent yet.  Nodes have a feature, or are leaves; the depth is set.
 * False if they are no tree.
 */
bool
trees_link(TreeNode *node, int count, int features, int *depth)
{
	int			next = 1;		/* first node without a parent */
	int			level_end = 1;

	*depth = 0;
	if (count < 1 || count > TREES_NODES)
		return false;
	for (int i = 0; i < count; i++)
	{
		if (i == level_end)
		{
			level_end = next;
			++*depth;
		}
		if (i >= next || node[i].feature > features)
			return false;
		node[i].left &= TREE_MISSING_LEFT;
		if (node[i].feature == features)
		{
			node[i].left = (uint16_t) i;
			continue;
		}
		node[i].left |= (uint16_t) next;
		next += 2;
		if (next > count)
			return false;
	}
	return next == count && *depth <= TREES_DEPTH;
}

/* The share of a node's rows that went left, never quite none or all */
double
trees_share_left(const float *cover, int left)
{
	double		sum = (double) cover[left] + cover[left + 1];
	double		share = sum > 0 ? cover[left] / sum : 0.5;

	return fmin(fmax(share, LEAST_SHARE), 1 - LEAST_SHARE);
}

/* The mean over the leaves of a tree, by cover */
static double
mean_of(const TreeNode *node, const float *cover, int features, int count)
{
	double		mean[TREES_NODES];

	for (int i = count - 1; i >= 0; i--)
	{
		int			left = node[i].left & ~TREE_MISSING_LEFT;
		double		share = node[i].feature == features ? 0 : trees_share_left(cover, left);

		mean[i] = node[i].feature == features ? node[i].value
			: share * mean[left] + (1 - share) * mean[left + 1];
	}
	return mean[0];
}

/* Finds what is known of a whole forest, when all its trees are linked */
void
trees_finish(Forest *forest)
{
	forest->expected = forest->base;
	for (int t = 0; t < forest->trees; t++)
	{
		int			first = forest->first[t];

		forest->expected += mean_of(forest->node + first, forest->cover + first,
									forest->features, forest->first[t + 1] - first);
	}
}

/* A feature as the trees take it; NAN is missing */
float
trees_narrow(double value)
{
	return value > FLT_MAX ? FLT_MAX : value < -FLT_MAX ? -FLT_MAX : (float) value;
}

/* One step down: to the right unless it is less */
static inline int
step(const TreeNode *tree, int at, const float *taken, const bool may_miss)
{
	const TreeNode *node = &tree[at];
	float		x = taken[node->feature];
	int			right = x >= node->value;

	if (may_miss)
		right |= isnan(x) & !(node->left & TREE_MISSING_LEFT);
	return (node->left & ~TREE_MISSING_LEFT) + right;
}

/* What a group of trees adds */
static inline double
walk(const Forest *forest, int first, const int count, const float *taken, const bool may_miss)
{
	const TreeNode *tree[SIDE_BY_SIDE];
	int			at[SIDE_BY_SIDE] = {0};
	double		sum = 0;

	for (int k = 0; k < count; k++)
		tree[k] = forest->node + forest->first[first + k];
	for (int d = 0; d < forest->depth; d++)
		for (int k = 0; k < count; k++)
			at[k] = step(tree[k], at[k], taken, may_miss);
	for (int k = 0; k < count; k++)
		sum += tree[k][at[k]].value;
	return sum;
}

/* All trees; one compiled form for rows in which nothing is missing */
static inline double
walk_all(const Forest *forest, const float *taken, const bool may_miss)
{
	double		sum = 0;
	int			t = 0;

	for (; t + SIDE_BY_SIDE <= forest->trees; t += SIDE_BY_SIDE)
		sum += walk(forest, t, SIDE_BY_SIDE, taken, may_miss);
	for (; t < forest->trees; t++)
		sum += walk(forest, t, 1, taken, may_miss);
	return sum;
}

double
trees_log_odds(const Forest *forest, const double *feature)
{
	float		taken[TREES_FEATURES + 1];
	bool		misses = false;

	for (int f = 0; f < forest->features; f++)
	{
		taken[f] = trees_narrow(feature[f]);
		misses |= isnan(taken[f]);
	}
	taken[forest->features] = -INFINITY;	/* less than any, for leaves */
	return forest->base + (misses ? walk_all(forest, taken, true) : walk_all(forest, taken, false));
}
