/*-------------------------------------------------------------------------
 *
 * classifier_boosting.c
 *	  Boosted trees as a kind of classifier.
 *
 * Nodes are stored level by level, and children follow from their order: what
 * is stored names no place, so that none can be wrong.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "libpq/pqformat.h"

#include "classifier.h"

#include "compat.h"

#define MOST_TREES		10000
#define MOST_NODES		4000000 /* of all trees */
#define LEAF			0x7FFF	/* stored as its feature */

/* --- bytes -------------------------------------------------------------------- */

static void
write_boosting(StringInfo bytes, const Classifier *classifier)
{
	const BoostingFit *fit = &classifier->boosting;
	const Forest *forest = &fit->forest;

	pq_sendfloat8(bytes, fit->learning_rate);
	pq_sendfloat8(bytes, fit->l2);
	pq_sendfloat8(bytes, fit->positives);
	pq_sendfloat8(bytes, fit->log_likelihood);
	pq_sendfloat8(bytes, fit->null_log_likelihood);
	pq_sendfloat8(bytes, forest->base);
	for (int f = 0; f < classifier->features; f++)
	{
		pq_sendfloat8(bytes, fit->gain[f]);
		pq_sendfloat8(bytes, fit->mean[f]);
	}
	pq_sendint32(bytes, forest->trees);
	pq_sendint32(bytes, forest->trees == 0 ? 0 : forest->first[forest->trees]);
	for (int t = 0; t < forest->trees; t++)
	{
		pq_sendint16(bytes, forest->first[t + 1] - forest->first[t]);
		for (int i = forest->first[t]; i < forest->first[t + 1]; i++)
		{
			const TreeNode *node = &forest->node[i];

			pq_sendint16(bytes, node->feature == forest->features ? LEAF
						 : node->feature | (node->left & TREE_MISSING_LEFT));
			pq_sendfloat4(bytes, node->value);
			pq_sendfloat4(bytes, forest->cover[i]);
		}
	}
}

static float
read_float(StringInfo bytes)
{
	float		number = pq_getmsgfloat4(bytes);

	if (!isfinite(number))
		classifier_refuse("a number is not finite");
	return number;
}

static void
read_tree(StringInfo bytes, Forest *forest, int nodes, int most_nodes)
{
	int			first = forest->first[forest->trees];
	int			depth;

	if (nodes > most_nodes - first)
		classifier_refuse("a tree has too many nodes");
	for (int i = first; i < first + nodes; i++)
	{
		int			stored = pq_getmsgint(bytes, 2);

		if (stored != LEAF && (stored & ~TREE_MISSING_LEFT) >= forest->features)
			classifier_refuse("a tree has an unknown feature");
		forest->node[i].feature = stored == LEAF ? forest->features : stored & ~TREE_MISSING_LEFT;
		forest->node[i].left = stored & TREE_MISSING_LEFT;
		forest->node[i].value = read_float(bytes);
		forest->cover[i] = read_float(bytes);
		if (forest->cover[i] < 0)
			classifier_refuse("a number is negative");
	}
	if (!trees_link(forest->node + first, nodes, forest->features, &depth))
		classifier_refuse("a tree is none");
	forest->depth = Max(forest->depth, depth);
	forest->first[++forest->trees] = first + nodes;
}

static void
read_boosting(StringInfo bytes, Classifier *classifier)
{
	BoostingFit *fit = &classifier->boosting;
	Forest	   *forest = &fit->forest;
	int			trees;
	int			nodes;

	fit->learning_rate = classifier_read_from_0(bytes);
	fit->l2 = classifier_read_from_0(bytes);
	fit->positives = classifier_read_count(bytes);
	fit->log_likelihood = classifier_read_number(bytes, false);
	fit->null_log_likelihood = classifier_read_number(bytes, false);
	forest->base = classifier_read_number(bytes, false);
	forest->features = classifier->features;
	fit->gain = palloc(classifier->features * sizeof(double));
	fit->mean = palloc(classifier->features * sizeof(double));
	for (int f = 0; f < classifier->features; f++)
	{
		fit->gain[f] = classifier_read_from_0(bytes);
		fit->mean[f] = classifier_read_number(bytes, true);
	}
	trees = pq_getmsgint(bytes, 4);
	nodes = pq_getmsgint(bytes, 4);
	/* each tree and each node takes some bytes, so these cost no more than they came with */
	if (trees < 0 || trees > MOST_TREES || nodes < trees || nodes > MOST_NODES || nodes > bytes->len / 10)
		classifier_refuse("it has a wrong number of trees");
	forest->first = palloc0((trees + 1) * sizeof(int));
	forest->node = palloc(Max(nodes, 1) * sizeof(TreeNode));
	forest->cover = palloc(Max(nodes, 1) * sizeof(float));
	while (forest->trees < trees)
		read_tree(bytes, forest, pq_getmsgint(bytes, 2), nodes);
	if (forest->first[trees] != nodes)
		classifier_refuse("it has a wrong number of nodes");
	trees_finish(forest);
}

/* --- what it says ------------------------------------------------------------- */

static bool
is_fitted(const Classifier *classifier)
{
	return classifier->boosting.forest.trees > 0;
}

static double
log_odds(const Classifier *classifier, const double *feature)
{
	return trees_log_odds(&classifier->boosting.forest, feature);
}

static double
contributions(const Classifier *classifier, const double *feature, double *given)
{
	trees_contributions(&classifier->boosting.forest, feature, given);
	return classifier->boosting.forest.expected;
}

static void
importance(const Classifier *classifier, double *share)
{
	for (int f = 0; f < classifier->features; f++)
		share[f] = classifier->boosting.gain[f];
}

static double
usual(const Classifier *classifier, int feature)
{
	return classifier->boosting.mean[feature];
}

static void
summarize(const Classifier *classifier, ClassifierSummary *summary)
{
	const BoostingFit *fit = &classifier->boosting;

	*summary = (ClassifierSummary) {is_fitted(classifier) ? "fitted" : "too_few", fit->positives, fit->l2,
		fit->log_likelihood, fit->null_log_likelihood, fit->forest.trees};
}

const ClassifierMethod boosting_method = {
	.number = 2,
	.name = "boosting",
	.write = write_boosting,
	.read = read_boosting,
	.is_fitted = is_fitted,
	.log_odds = log_odds,
	.contributions = contributions,
	.importance = importance,
	.usual = usual,
	.summarize = summarize
};
