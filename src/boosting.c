/*-------------------------------------------------------------------------
 *
 * boosting.c
 *	  The aggregate that fits boosted trees.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"

#include "aggregate.h"
#include "classifier_fit.h"
#include "optional_module.h"
#include "trees_grow.h"

#include "compat.h"

#define INTERRUPT_ROWS	65536
#define MOST_CELLS		(1 << 25)	/* of histograms, each some 20 bytes, in one level of a tree */

/* The module that grows trees, which need not be there: then NULL, and why */
static TreesGrow
load_module(char **reason)
{
	static void *loaded = NULL;

	return (TreesGrow) optional_module(&loaded, TREES_MODULE, TREES_FUNCTION, reason);
}

PG_FUNCTION_INFO_V1(tiering_boosting_is_installed);
Datum
tiering_boosting_is_installed(PG_FUNCTION_ARGS)
{
	char	   *reason;

	PG_RETURN_BOOL(load_module(&reason) != NULL);
}

/* One level of a tree holds a histogram of each feature for each node */
static void
check_size(const GatheredRows *rows, const Classifier *classifier, const TreesGrowth *growth)
{
	double		nodes = Min(ldexp(1, (int) growth->depth), (double) rows->count);

	if (nodes * growth->bins * classifier->features > MOST_CELLS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("depth %.0f with %.0f bins of %d features needs too much memory", growth->depth, growth->bins, classifier->features),
				 errhint("Features times bins times nodes of a level are %d at most; 64 bins and a depth of 3 to 6 are usual.", MOST_CELLS)));
}

/* Means of what is known, and no number that a float cannot hold */
static void
prepare_rows(GatheredRows *rows, Classifier *classifier)
{
	BoostingFit *fit = &classifier->boosting;
	double	   *known = palloc0(classifier->features * sizeof(double));

	fit->mean = palloc0(classifier->features * sizeof(double));
	for (int64 i = 0; i < rows->count; i++)
	{
		double	   *row = rows->value + i * rows->width;

		if (i % INTERRUPT_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		fit->positives += row[0];
		for (int f = 0; f < classifier->features; f++)
			if (!isnan(row[f + 1]))
			{
				known[f]++;
				fit->mean[f] += (row[f + 1] - fit->mean[f]) / known[f];
				row[f + 1] = trees_narrow(row[f + 1]);
			}
	}
	for (int f = 0; f < classifier->features; f++)
		if (known[f] == 0)
			fit->mean[f] = NAN;
	pfree(known);
}

static void
grow_trees(const GatheredRows *rows, Classifier *classifier, TreesGrowth *growth)
{
	BoostingFit *fit = &classifier->boosting;
	double		share = fit->positives / rows->count;
	char	   *reason;
	TreesGrow	grow = load_module(&reason);

	if (grow == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("boosting is not installed"),
				 errdetail("%s.", reason),
				 errhint("Install the package libxgboost-dev, and build and install the extension again; logistic_fit() needs neither.")));
	fit->forest.features = classifier->features;
	fit->gain = palloc0(classifier->features * sizeof(double));
	if (fit->positives == 0 || fit->positives == rows->count)
		return;
	growth->interface = TREES_INTERFACE;
	growth->rows = rows->value;
	growth->count = rows->count;
	growth->features = classifier->features;
	growth->base = log(share) - log1p(-share);
	grow(growth);
	fit->forest = growth->forest;
	fit->gain = growth->gain;
	fit->log_likelihood = growth->log_likelihood;
	fit->null_log_likelihood = rows->count * (share * log(share) + (1 - share) * log1p(-share));
}

PG_FUNCTION_INFO_V1(tiering_boost_final);
Datum
tiering_boost_final(PG_FUNCTION_ARGS)
{
	Classifier	classifier = {.method = &boosting_method};
	TreesGrowth growth = {
		.rounds = 150, .depth = 3, .bins = 64, .seed = 1, .learning_rate = 0.05,
		.l2 = 1, .min_child_weight = 10, .subsample = 1, .colsample = 1
	};
	const FitOption options[] = {
		{"rounds", &growth.rounds, 1, 5000, true, "100 to 500 trees are usual; with a lower learning_rate, more."},
		{"depth", &growth.depth, 1, TREES_DEPTH, true, "3 to 6 are usual."},
		{"learning_rate", &growth.learning_rate, 1e-6, 1, false, "0.05 to 0.3 are usual."},
		{"l2", &growth.l2, 0, 1e9, false, "1, the default, is usual."},
		{"min_child_weight", &growth.min_child_weight, 0, 1e9, false, "It is the sum of p (1 - p) that each leaf needs; 1 to 20 are usual."},
		{"subsample", &growth.subsample, 0.01, 1, false, "The share of the rows that each tree sees; 0.5 to 1 are usual."},
		{"colsample", &growth.colsample, 0.01, 1, false, "The share of the features that each tree sees; 0.5 to 1 are usual."},
		{"bins", &growth.bins, 2, 1024, true, "Values of a feature are put into so many bins; 64 to 256 are usual."},
		{"seed", &growth.seed, 0, INT_MAX, true, "Another seed draws other rows and features, where shares of them are asked for."}
	};
	GatheredRows *rows = fit_begin(fcinfo, &classifier, options, lengthof(options));

	if (rows == NULL)
		PG_RETURN_NULL();
	check_size(rows, &classifier, &growth);
	prepare_rows(rows, &classifier);
	classifier.boosting.learning_rate = growth.learning_rate;
	classifier.boosting.l2 = growth.l2;
	grow_trees(rows, &classifier, &growth);
	return classifier_make(&classifier);
}
