/*-------------------------------------------------------------------------
 *
 * trees_shares.c
 *	  What each feature adds to the score of trees: Shapley values.
 *
 * Of all orders in which features could become known, the mean of what each
 * adds when it does; one that is not known goes both ways, by cover.  That is
 * what Lundberg, Erion and Lee 2018 define ("Consistent individualized feature
 * attribution for tree ensembles", path dependent).
 *
 * A leaf is reached with the features of its path known or not.  Those that
 * lead away from it give nothing once they are known, so only the sets of those
 * that lead to it count.  With u the share of rows that came the leaf's way at a
 * feature, the products of u over what is not known, summed over all sets of s
 * known ones, are the coefficients of x^s in the product of (u + x).
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/trees.h"

/* A feature on the way to a leaf */
typedef struct Met
{
	int			feature;
	double		unknown;		/* share of the rows that go the way of the leaf */
	bool		leads_here;		/* does the row itself? */
} Met;

typedef struct Walk
{
	const Forest *forest;
	const TreeNode *tree;
	const float *cover;
	const double *feature;
	double	   *given;
	Met			path[TREES_DEPTH];
	int			length;
	/* weight of the sets of s other features, of m features in all */
	double		weight[TREES_DEPTH + 1][TREES_DEPTH];
} Walk;

/* 1 / (m (m - 1 over s)) */
static void
fill_weights(Walk *walk)
{
	for (int m = 1; m <= TREES_DEPTH; m++)
	{
		walk->weight[m][0] = 1.0 / m;
		for (int s = 1; s < m; s++)
			walk->weight[m][s] = walk->weight[m][s - 1] * s / (m - s);
	}
}

/* Adds what a leaf gives to each feature on its path */
static void
arrive(Walk *walk, double value)
{
	double		product[TREES_DEPTH + 1];	/* coefficients of x^s */
	int			degree = 0;
	double		away = value;	/* with the shares of those that lead away */
	double		sum = 0;
	const double *weight = walk->weight[walk->length];

	product[0] = 1;
	for (int i = 0; i < walk->length; i++)
	{
		double		u = walk->path[i].unknown;

		if (!walk->path[i].leads_here)
		{
			away *= u;
			continue;
		}
		product[++degree] = 1;
		for (int s = degree - 1; s > 0; s--)
			product[s] = product[s] * u + product[s - 1];
		product[0] *= u;
	}
	if (degree < walk->length)
		for (int s = 0; s <= degree; s++)
			sum += weight[s] * product[s];
	for (int i = 0; i < walk->length; i++)
	{
		double		u = walk->path[i].unknown;
		double		rest = 1;	/* coefficients of the product without this one */
		double		others = 0;

		if (walk->path[i].leads_here)
		{
			for (int s = degree - 1; s >= 0; s--)
			{
				others += weight[s] * rest;
				rest = product[s] - u * rest;
			}
			walk->given[walk->path[i].feature] += away * (1 - u) * others;
		}
		else
			walk->given[walk->path[i].feature] -= away * sum;
	}
}

/* The place of a feature on the path, or the next one that is free */
static int
place_of(const Walk *walk, int feature)
{
	int			place = 0;

	while (place < walk->length && walk->path[place].feature != feature)
		place++;
	return place;
}

static void
descend(Walk *walk, int at)
{
	const TreeNode *node = &walk->tree[at];
	int			left = node->left & ~TREE_MISSING_LEFT;
	int			place;
	int			length = walk->length;
	Met			before;
	double		share;
	float		x;
	bool		goes_left;

	if (node->feature == walk->forest->features)
	{
		arrive(walk, node->value);
		return;
	}
	place = place_of(walk, node->feature);
	before = place < length ? walk->path[place] : (Met) {node->feature, 1, true};
	walk->length = place < length ? length : length + 1;
	x = trees_narrow(walk->feature[node->feature]);
	goes_left = isnan(x) ? (node->left & TREE_MISSING_LEFT) != 0 : x < node->value;
	share = trees_share_left(walk->cover, left);
	walk->path[place] = (Met) {node->feature, share * before.unknown, goes_left && before.leads_here};
	descend(walk, left);
	walk->path[place] = (Met) {node->feature, (1 - share) * before.unknown, !goes_left && before.leads_here};
	descend(walk, left + 1);
	walk->path[place] = before;
	walk->length = length;
}

/* What each feature adds to the expected log odds of a forest */
void
trees_contributions(const Forest *forest, const double *feature, double *given)
{
	Walk		walk = {.forest = forest, .feature = feature, .given = given};

	fill_weights(&walk);
	memset(given, 0, forest->features * sizeof(double));
	for (int t = 0; t < forest->trees; t++)
	{
		walk.tree = forest->node + forest->first[t];
		walk.cover = forest->cover + forest->first[t];
		descend(&walk, 0);
	}
}
