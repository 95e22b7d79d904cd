/*-------------------------------------------------------------------------
 *
 * classifier_fit.c
 *	  What the aggregates that fit classifiers share: rows and options.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "aggregate.h"
#include "classifier_fit.h"
#include "model/canonical.h"

#include "compat.h"

/* Rows of one group, and how they are to be fitted */
typedef struct FitState
{
	GatheredRows *rows;			/* NULL: none yet; the label, then the features */
	Jsonb	   *options;		/* as given with the first row; NULL: none */
} FitState;

/* --- options ------------------------------------------------------------------ */

static char **
read_names(JsonbValue *value, int features)
{
	char	  **name;
	JsonbContainer *array = value->type == jbvBinary ? value->val.binary.data : NULL;

	if (array == NULL || !JsonContainerIsArray(array) || JsonContainerSize(array) != features)
		fit_option_refuse("names", psprintf("is no array of %d texts", features),
					  "Name each feature, in the order of the array.");
	name = palloc(features * sizeof(char *));
	for (int f = 0; f < features; f++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(array, f);

		if (element->type != jbvString || element->val.string.len == 0 ||
			element->val.string.len > CLASSIFIER_NAME / 4)
			fit_option_refuse("names", "has a name that is no text, is empty or too long",
						  "Name each feature, in the order of the array.");
		name[f] = pnstrdup(element->val.string.val, element->val.string.len);
	}
	return name;
}

static bool
read_transform(const JsonbValue *value)
{
	if (value->type == jbvString && value->val.string.len == 5 && memcmp(value->val.string.val, "asinh", 5) == 0)
		return true;
	if (value->type != jbvString || value->val.string.len != 4 || memcmp(value->val.string.val, "none", 4) != 0)
		fit_option_refuse("transform", "is unknown", "Choose one of: none, asinh.");
	return false;
}

/* Options that are no numbers */
static bool
read_option(const char *key, JsonbValue *value, void *argument)
{
	Classifier *classifier = argument;

	if (strcmp(key, "names") == 0)
		classifier->name = read_names(value, classifier->features);
	else if (strcmp(key, "transform") == 0)
		classifier->takes_asinh = read_transform(value);
	else
		return false;
	return true;
}

/* --- rows --------------------------------------------------------------------- */

static FitState *
state_new(FunctionCallInfo fcinfo, MemoryContext context)
{
	FitState   *state = MemoryContextAllocZero(context, sizeof(FitState));

	if (PG_NARGS() > 3 && !PG_ARGISNULL(3))
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		state->options = PG_GETARG_JSONB_P_COPY(3);
		MemoryContextSwitchTo(caller);
	}
	return state;
}

/* Options are of a group, not of a row */
static void
check_options(FunctionCallInfo fcinfo, const FitState *state)
{
	Jsonb	   *options = PG_NARGS() > 3 && !PG_ARGISNULL(3) ? PG_GETARG_JSONB_P(3) : NULL;

	if ((options == NULL) != (state->options == NULL) ||
		(options != NULL && (VARSIZE(options) != VARSIZE(state->options) || memcmp(options, state->options, VARSIZE(options)) != 0)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options differ within one group"),
				 errhint("Pass the same with every row.")));
}

/* accum(state, label, features [, options]); rows with a NULL are left out */
PG_FUNCTION_INFO_V1(tiering_classifier_accum);
Datum
tiering_classifier_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	FitState   *state = PG_ARGISNULL(0) ? state_new(fcinfo, context)
		: (FitState *) PG_GETARG_POINTER(0);
	double		feature[CLASSIFIER_FEATURES];
	double	   *row;
	int			count;

	check_options(fcinfo, state);
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(state);
	count = classifier_features(PG_GETARG_DATUM(2), state->rows == NULL ? 0 : state->rows->width - 1, feature);
	if (state->rows == NULL)
		state->rows = rows_new(context, count + 1, 0);
	row = rows_add(state->rows);
	row[0] = PG_GETARG_BOOL(1) ? 1 : 0;
	memcpy(row + 1, feature, count * sizeof(double));
	PG_RETURN_POINTER(state);
}

/* Puts the rows into an order of their own */
static void
order_rows(GatheredRows *rows)
{
	void	   *scratch = palloc_extended(Max(rows->count, 1) * CANONICAL_SCRATCH, MCXT_ALLOC_HUGE);

	while (!canonical_order(rows->value, rows->count, rows->width, scratch, interrupts_are_pending))
		CHECK_FOR_INTERRUPTS();
	pfree(scratch);
}

/*
 * Begins a final function: reads the options, and returns the rows as a
 * classifier takes them.  NULL if there are none.
 */
GatheredRows *
fit_begin(FunctionCallInfo fcinfo, Classifier *classifier, const FitOption *options, int count)
{
	FitState   *state;
	GatheredRows *rows;

	aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		return NULL;
	state = (FitState *) PG_GETARG_POINTER(0);
	rows = state->rows;
	if (rows == NULL)
		return NULL;
	classifier->features = rows->width - 1;
	classifier->rows = rows->count;
	fit_options_read(state->options, options, count, read_option, classifier, "names, transform");
	for (int64 i = 0; i < rows->count; i++)
		classifier_transform(classifier, rows->value + i * rows->width + 1, classifier->features);
	order_rows(rows);
	return rows;
}
