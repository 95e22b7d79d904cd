/*-------------------------------------------------------------------------
 *
 * customer_tiering_trees.c
 *	  Grows trees with XGBoost, and hands them over as flat ones.
 *
 * No error leaves through a frame of the library: its calls return, and only
 * then is anything raised.  What it holds is freed with a memory context, so
 * also when a statement is cancelled.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>
#include <xgboost/c_api.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "trees_grow.h"

PG_MODULE_MAGIC;

#define CHECKED_ROWS	1000	/* of which both sides must say the same */
#define TOLERANCE		1e-4	/* of all that trees can add: the library adds up floats */

typedef struct Library
{
	DMatrixHandle matrix;
	BoosterHandle booster;
	MemoryContextCallback release;
} Library;

extern PGDLLEXPORT void customer_tiering_grow_trees(TreesGrowth *growth);

/* A node as the library tells of it; its children are found by their numbers */
typedef struct ToldNode
{
	int			feature;		/* -1: a leaf */
	float		value;
	float		cover;
	int			left;
	int			right;
	int			missing;
} ToldNode;

static void
release(void *argument)
{
	Library    *library = argument;

	if (library->booster != NULL)
		XGBoosterFree(library->booster);
	if (library->matrix != NULL)
		XGDMatrixFree(library->matrix);
}

static void
require(int status)
{
	const char *text;

	if (status == 0)
		return;
	/* a trace of the library's own calls follows */
	text = XGBGetLastError();
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("XGBoost failed: %s", pnstrdup(text, strcspn(text, "\n"))),
			 errhint("Fewer rows, bins or levels of depth need less memory.")));
}

static void
say_nothing(const char *message)
{
}

/* --- growing ------------------------------------------------------------------ */

static void
load_rows(const TreesGrowth *growth, Library *library)
{
	int			width = growth->features + 1;
	float	   *column = palloc_extended(growth->count * sizeof(float), MCXT_ALLOC_HUGE);
	char	   *array = psprintf("{\"data\": [" UINT64_FORMAT ", true], \"shape\": [" INT64_FORMAT ", %d], "
								 "\"strides\": [%zu, %zu], \"typestr\": \"<f8\", \"version\": 3}",
								 (uint64) (uintptr_t) (growth->rows + 1), growth->count, growth->features,
								 width * sizeof(double), sizeof(double));

	require(XGDMatrixCreateFromDense(array, "{\"missing\": NaN, \"nthread\": 1}", &library->matrix));
	for (int64 i = 0; i < growth->count; i++)
		column[i] = (float) growth->rows[i * width];
	require(XGDMatrixSetFloatInfo(library->matrix, "label", column, growth->count));
	/* as log odds: a probability near 1 is no number that a float can hold */
	for (int64 i = 0; i < growth->count; i++)
		column[i] = (float) growth->base;
	require(XGDMatrixSetFloatInfo(library->matrix, "base_margin", column, growth->count));
	pfree(column);
}

static void
set(Library *library, const char *name, const char *value)
{
	require(XGBoosterSetParam(library->booster, name, value));
}

static void
set_options(const TreesGrowth *growth, Library *library)
{
	set(library, "objective", "binary:logistic");
	set(library, "disable_default_eval_metric", "1");
	set(library, "tree_method", "hist");
	set(library, "nthread", "1");
	set(library, "max_depth", psprintf("%.0f", growth->depth));
	set(library, "max_bin", psprintf("%.0f", growth->bins));
	set(library, "seed", psprintf("%.0f", growth->seed));
	set(library, "eta", psprintf("%.17g", growth->learning_rate));
	set(library, "lambda", psprintf("%.17g", growth->l2));
	set(library, "min_child_weight", psprintf("%.17g", growth->min_child_weight));
	set(library, "subsample", psprintf("%.17g", growth->subsample));
	set(library, "colsample_bytree", psprintf("%.17g", growth->colsample));
}

static void
grow(const TreesGrowth *growth, Library *library)
{
	CHECK_FOR_INTERRUPTS();
	load_rows(growth, library);
	require(XGBoosterCreate(&library->matrix, 1, &library->booster));
	set_options(growth, library);
	for (int round = 0; round < growth->rounds; round++)
	{
		CHECK_FOR_INTERRUPTS();
		require(XGBoosterUpdateOneIter(library->booster, round, library->matrix));
	}
	CHECK_FOR_INTERRUPTS();
}

/* --- handing over --------------------------------------------------------------- */

/* Reads one line of a tree in the library's text form: a node and its number */
static int
read_node(const char *line, const TreesGrowth *growth, double *gain, ToldNode *node)
{
	double		won;
	int			number;

	if (sscanf(line, " %d:leaf=%f,cover=%f", &number, &node->value, &node->cover) == 3)
		node->feature = -1;
	else if (sscanf(line, " %d:[f%d<%f] yes=%d,no=%d,missing=%d,gain=%lf,cover=%f", &number, &node->feature, &node->value,
					&node->left, &node->right, &node->missing, &won, &node->cover) == 8 &&
			 node->feature >= 0 && node->feature < growth->features)
		gain[node->feature] += won;
	else
		elog(ERROR, "XGBoost tells of a node as \"%.100s\"", line);
	if (number < 0 || number >= TREES_NODES)
		elog(ERROR, "XGBoost has a node %d in a tree of depth %.0f", number, growth->depth);
	return number;
}

/* Reads a tree by the numbers of its nodes, and puts it level by level behind the others */
static void
take_tree(const char *text, TreesGrowth *growth, ToldNode *told, int *order)
{
	Forest	   *forest = &growth->forest;
	TreeNode   *node = forest->node + forest->first[forest->trees];
	float	   *cover = forest->cover + forest->first[forest->trees];
	int			lines = 0;
	int			count = 1;
	int			depth;

	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
	{
		ToldNode	read = {0};
		int			number = read_node(line, growth, growth->gain, &read);

		told[number] = read;
		lines++;
		if (strchr(line, '\n') == NULL)
			break;
	}
	order[0] = 0;
	for (int i = 0; i < count; i++)
	{
		const ToldNode *from = &told[order[i]];

		node[i] = (TreeNode) {from->value, from->feature < 0 ? growth->features : from->feature,
			from->missing == from->left ? TREE_MISSING_LEFT : 0};
		cover[i] = from->cover;
		if (!isfinite(from->value))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("a tree adds what is no finite number"),
					 errhint("A larger l2, or a larger min_child_weight, keeps leaves of a few rows from running off.")));
		if (from->feature < 0)
			continue;
		if (count + 2 > TREES_NODES || Max(from->left, from->right) >= TREES_NODES)
			elog(ERROR, "XGBoost has grown a tree of more than %d nodes", TREES_NODES);
		order[count++] = from->left;
		order[count++] = from->right;
	}
	if (count != lines || !trees_link(node, count, growth->features, &depth))
		elog(ERROR, "XGBoost has grown what is no tree");
	forest->depth = Max(forest->depth, depth);
	forest->first[forest->trees + 1] = forest->first[forest->trees] + count;
	forest->trees++;
}

/* The flat form of all trees */
static void
take_forest(TreesGrowth *growth, Library *library, MemoryContext keep)
{
	Forest	   *forest = &growth->forest;
	MemoryContext scratch = CurrentMemoryContext;
	ToldNode   *told = palloc(TREES_NODES * sizeof(ToldNode));
	int		   *order = palloc(TREES_NODES * sizeof(int));
	const char **text;
	bst_ulong	trees;
	size_t		room = 0;

	require(XGBoosterDumpModelEx(library->booster, "", 1, "text", &trees, &text));
	if (trees != (bst_ulong) growth->rounds)
		elog(ERROR, "XGBoost has grown %d trees in %d rounds", (int) trees, (int) growth->rounds);
	for (bst_ulong t = 0; t < trees; t++)
		for (const char *at = text[t]; *at != '\0'; at++)
			room += *at == ':';
	MemoryContextSwitchTo(keep);
	*forest = (Forest) {.features = growth->features, .base = (float) growth->base};
	forest->first = palloc0((trees + 1) * sizeof(int));
	forest->node = palloc_extended(room * sizeof(TreeNode), MCXT_ALLOC_HUGE);
	forest->cover = palloc_extended(room * sizeof(float), MCXT_ALLOC_HUGE);
	growth->gain = palloc0(growth->features * sizeof(double));
	MemoryContextSwitchTo(scratch);
	for (bst_ulong t = 0; t < trees; t++)
	{
		CHECK_FOR_INTERRUPTS();
		take_tree(text[t], growth, told, order);
	}
	trees_finish(forest);
}

/* All that trees can add */
static double
largest_sum(const Forest *forest)
{
	double		sum = 1 + fabs(forest->base);

	for (int t = 0; t < forest->trees; t++)
	{
		double		most = 0;

		for (int i = forest->first[t]; i < forest->first[t + 1]; i++)
			if (forest->node[i].feature == forest->features)
				most = Max(most, fabs(forest->node[i].value));
		sum += most;
	}
	return sum;
}

/* Sees that both sides say the same of the rows, and how well the trees fit them */
static void
check_forest(TreesGrowth *growth, Library *library)
{
	int			width = growth->features + 1;
	const bst_ulong *shape;
	bst_ulong	dimensions;
	const float *margin;
	double		apart = TOLERANCE * largest_sum(&growth->forest);

	require(XGBoosterPredictFromDMatrix(library->booster, library->matrix,
										"{\"type\": 1, \"training\": false, \"iteration_begin\": 0, \"iteration_end\": 0, \"strict_shape\": false}",
										&shape, &dimensions, &margin));
	if (dimensions < 1 || shape[0] != (bst_ulong) growth->count)
		elog(ERROR, "XGBoost has not scored all rows");
	growth->log_likelihood = 0;
	for (int64 i = 0; i < growth->count; i++)
	{
		const double *row = growth->rows + i * width;
		double		odds = margin[i];

		if (i < CHECKED_ROWS && !(fabs(trees_log_odds(&growth->forest, row + 1) - odds) <= apart))
			elog(ERROR, "trees give %g to a row, and XGBoost %g", trees_log_odds(&growth->forest, row + 1), odds);
		/* the logarithm of the probability of the label */
		odds = row[0] != 0 ? odds : -odds;
		growth->log_likelihood -= odds > 0 ? log1p(exp(-odds)) : log1p(exp(odds)) - odds;
	}
}

/* Grows trees; the result is in the caller's memory context */
void
customer_tiering_grow_trees(TreesGrowth *growth)
{
	MemoryContext keep = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(keep, "XGBoost", ALLOCSET_DEFAULT_SIZES);
	Library    *library = MemoryContextAllocZero(context, sizeof(Library));

	if (growth->interface != TREES_INTERFACE)
		elog(ERROR, "customer_tiering and customer_tiering_trees are of different versions");
	library->release.func = release;
	library->release.arg = library;
	MemoryContextRegisterResetCallback(context, &library->release);
	MemoryContextSwitchTo(context);
	require(XGBRegisterLogCallback(say_nothing));
	grow(growth, library);
	take_forest(growth, library, keep);
	check_forest(growth, library);
	MemoryContextSwitchTo(keep);
	MemoryContextDelete(context);
}
