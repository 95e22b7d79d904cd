/*-------------------------------------------------------------------------
 *
 * trees.c
 *	  Scores and contributions of trees against test/oracle/trees_oracle.py,
 *	  and nodes that are no tree.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/trees.h"
#include "tap.h"

#define FEATURES	5
#define TREES		64
#define NODES		4096
#define TOLERANCE	1e-9

static TreeNode node[NODES];
static float cover[NODES];
static int	first[TREES + 1];
static double base;

/* Where the oracle has a node, by tree and number */
typedef struct Told
{
	int			feature;
	float		threshold;
	int			left;
	int			right;
	int			missing;
	float		value;
	float		cover;
} Told;

static Told told[TREES][128];

static int
read_nodes(const char *path)
{
	FILE	   *file = fopen(path, "r");
	char		line[256];
	int			trees = 0;

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
	{
		int			tree;
		int			number;
		Told		n;

		if (sscanf(line, "%d,%d,%d,%f,%d,%d,%d,%f,%f", &tree, &number, &n.feature, &n.threshold, &n.left, &n.right,
				   &n.missing, &n.value, &n.cover) != 9 || tree >= TREES || number >= 128)
			continue;
		told[tree][number] = n;
		trees = tree + 1;
	}
	fclose(file);
	return trees;
}

/* Lays a tree down level by level behind the others */
static bool
lay(int tree, int *depth)
{
	int			order[128] = {0};
	int			count = 1;

	for (int i = 0; i < count; i++)
	{
		const Told *n = &told[tree][order[i]];
		int			at = first[tree] + i;

		cover[at] = n->cover;
		if (n->feature < 0)
		{
			node[at] = (TreeNode) {n->value, FEATURES, 0};
			continue;
		}
		node[at] = (TreeNode) {n->threshold, (uint16_t) n->feature, n->missing == n->left ? TREE_MISSING_LEFT : 0};
		order[count++] = n->left;
		order[count++] = n->right;
	}
	first[tree + 1] = first[tree] + count;
	return trees_link(node + first[tree], count, FEATURES, depth);
}

static void
check_rows(const char *path, const Forest *forest)
{
	FILE	   *file = fopen(path, "r");
	char		line[1024];
	int			rows = 0;
	double		worst_score = 0;
	double		worst_share = 0;
	double		worst_base = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
	{
		double		value[2 * FEATURES + 2];
		double		given[FEATURES];
		char	   *at = line;
		char	   *end;
		int			read = 0;

		for (; read < 2 * FEATURES + 2; read++, at = end + 1)
		{
			value[read] = strtod(at, &end);
			if (end == at)
				break;
		}
		if (read < 2 * FEATURES + 2)
			continue;
		rows++;
		trees_contributions(forest, value, given);
		worst_score = fmax(worst_score, fabs(trees_log_odds(forest, value) - value[FEATURES]));
		worst_base = fmax(worst_base, fabs(forest->expected - value[FEATURES + 1]));
		for (int f = 0; f < FEATURES; f++)
			worst_share = fmax(worst_share, fabs(given[f] - value[FEATURES + 2 + f]));
	}
	if (file != NULL)
		fclose(file);
	ok(rows >= 50, "the oracle has rows");
	ok(rows > 0 && worst_score < TOLERANCE, "scores are those of the trees (%.1e)", worst_score);
	ok(rows > 0 && worst_share < TOLERANCE, "contributions are Shapley values by their definition (%.1e)", worst_share);
	ok(rows > 0 && worst_base < TOLERANCE, "-- and so is what is expected of nothing known (%.1e)", worst_base);
}

static double
fraction(void)
{
	return (double) (random64() >> 11) * 0x1p-53;
}

/* Mostly inner nodes first and leaves then, as trees have them; some are nonsense */
static int
make_random(TreeNode *tree, float *weight)
{
	int			inner = (int) random_below(15);
	int			count = 2 * inner + (random_below(20) != 0);

	for (int i = 0; i < count; i++)
	{
		bool		is_leaf = random_below(10) == 0 ? random_below(2) == 0 : i >= inner;

		tree[i] = (TreeNode) {(float) (fraction() - 0.5), (uint16_t) (is_leaf ? FEATURES : random_below(FEATURES)), (uint16_t) random64()};
		if (random_below(500) == 0)
			tree[i].feature = FEATURES + 1;
		weight[i] = random_below(20) == 0 ? 0 : (float) fraction() * 100;
	}
	return count;
}

static bool
leads_down(const TreeNode *tree, int count)
{
	for (int i = 0; i < count; i++)
	{
		int			left = tree[i].left & ~TREE_MISSING_LEFT;

		if (tree[i].feature < FEATURES ? left <= i || left + 1 >= count : left != i)
			return false;
	}
	return true;
}

static void
check_random(void)
{
	long		most = rounds(200000);
	long		taken = 0;
	long		astray = 0;
	double		worst = 0;

	for (long n = 0; n < most; n++)
	{
		TreeNode	tree[32];
		float		weight[32];
		int			bounds[2] = {0, make_random(tree, weight)};
		Forest		forest = {.features = FEATURES, .trees = 1, .first = bounds, .node = tree, .cover = weight};
		double		row[FEATURES];
		double		given[FEATURES];
		double		sum;

		if (!trees_link(tree, bounds[1], FEATURES, &forest.depth))
			continue;
		taken++;
		astray += !leads_down(tree, bounds[1]);
		trees_finish(&forest);
		for (int f = 0; f < FEATURES; f++)
			row[f] = random_below(5) == 0 ? NAN : fraction() - 0.5;
		trees_contributions(&forest, row, given);
		sum = forest.expected - trees_log_odds(&forest, row);
		for (int f = 0; f < FEATURES; f++)
			sum += given[f];
		worst = isfinite(sum) ? fmax(worst, fabs(sum)) : INFINITY;
	}
	ok(taken > most / 10 && taken < most, "some random nodes are a tree, and some are none (%ld of %ld)", taken, most);
	ok(astray == 0, "children of a tree lie behind their parent and inside it");
	ok(worst < TOLERANCE, "contributions add up to the score, whatever the covers (%.1e)", worst);
}

static void
check_refused(void)
{
	TreeNode	chain[2 * TREES_DEPTH + 3];
	TreeNode	leaf = {1, FEATURES, 0};
	int			depth;
	int			count = 2 * (TREES_DEPTH + 1) + 1;

	ok(trees_link(&leaf, 1, FEATURES, &depth) && depth == 0, "a leaf alone is a tree");
	ok(!trees_link(&leaf, 0, FEATURES, &depth), "nothing is none");
	for (int i = 0; i < count; i++)
		chain[i] = (TreeNode) {0, (uint16_t) (i % 2 == 0 && i < count - 2 ? 0 : FEATURES), 0};
	/* each level has an inner node and a leaf: one level too many */
	ok(!trees_link(chain, count, FEATURES, &depth), "a tree of %d levels is too deep", TREES_DEPTH + 1);
	chain[count - 3] = leaf;
	ok(trees_link(chain, count - 2, FEATURES, &depth) && depth == TREES_DEPTH, "one of %d levels is not", TREES_DEPTH);
	ok(!trees_link(chain, count - 3, FEATURES, &depth), "a node without its right child is no tree");
	ok(!trees_link(chain, count - 1, FEATURES, &depth), "one more node than there are parents for is no tree");
}

int
main(void)
{
	Forest		forest = {.features = FEATURES, .first = first, .node = node, .cover = cover};
	bool		linked = true;
	int			rows = 0;
	int			positives = 0;
	char		line[256];
	FILE	   *file;

	random_begin();
	file = fopen("test/data/trees_train.csv", "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
	{
		rows += line[1] == ',';
		positives += line[0] == 't' && line[1] == ',';
	}
	if (file != NULL)
		fclose(file);
	base = log((double) positives / (rows - positives));
	forest.base = base;
	forest.trees = read_nodes("test/data/trees_nodes.csv");
	for (int t = 0; t < forest.trees; t++)
	{
		int			depth;

		linked &= lay(t, &depth);
		forest.depth = depth > forest.depth ? depth : forest.depth;
	}
	ok(forest.trees == 20 && forest.depth == 4 && linked, "the oracle's trees are trees");
	trees_finish(&forest);
	check_rows("test/data/trees_rows.csv", &forest);
	check_random();
	check_refused();
	return tap_done();
}
