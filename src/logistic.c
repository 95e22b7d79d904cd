/*-------------------------------------------------------------------------
 *
 * logistic.c
 *	  The aggregate that fits a logistic regression.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "aggregate.h"
#include "classifier.h"
#include "gathered_rows.h"
#include "model/canonical.h"

#include "compat.h"

#define MOST_L2		1e9

/* Rows of one group, and how they are to be fitted */
typedef struct FitState
{
	GatheredRows *rows;			/* NULL: none yet; the label, then the features */
	Jsonb	   *options;		/* as given with the first row; NULL: none */
} FitState;

/* --- options ------------------------------------------------------------------ */

static void
refuse_option(const char *key, const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" %s", key, what),
			 errhint("%s", hint)));
}

static double
read_l2(const JsonbValue *value)
{
	double		l2 = NAN;

	if (value->type == jbvNumeric)
		l2 = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												NumericGetDatum(value->val.numeric)));
	if (!(l2 >= 0 && l2 <= MOST_L2))
		refuse_option("l2", "is no number from 0 to 1e9",
					  "0, the default, penalizes nothing; 1 is a usual first try.");
	return l2;
}

static char **
read_names(JsonbValue *value, int features)
{
	char	  **name;
	JsonbContainer *array = value->type == jbvBinary ? value->val.binary.data : NULL;

	if (array == NULL || !JsonContainerIsArray(array) || JsonContainerSize(array) != features)
		refuse_option("names", psprintf("is no array of %d texts", features),
					  "Name each feature, in the order of the array.");
	name = palloc(features * sizeof(char *));
	for (int f = 0; f < features; f++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(array, f);

		if (element->type != jbvString || element->val.string.len == 0 ||
			element->val.string.len > CLASSIFIER_NAME / 4)
			refuse_option("names", "has a name that is no text, is empty or too long",
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
		refuse_option("transform", "is unknown", "Choose one of: none, asinh.");
	return false;
}

static void
read_options(Jsonb *options, Classifier *classifier)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *key = NULL;

	if (options == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(options))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options are no object"),
				 errhint("Pass such as '{\"l2\": 1}'.")));
	iterator = JsonbIteratorInit(&options->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(value.val.string.val, value.val.string.len);
		if (token != WJB_VALUE)
			continue;
		if (strcmp(key, "l2") == 0)
			classifier->logistic.penalty = read_l2(&value);
		else if (strcmp(key, "transform") == 0)
			classifier->takes_asinh = read_transform(&value);
		else if (strcmp(key, "names") == 0)
			classifier->name = read_names(&value, classifier->features);
		else
			refuse_option(key, "is unknown", "There are: l2, names, transform.");
	}
}

/* --- the aggregate -------------------------------------------------------------- */

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

/* accum(state, label, features [, options]); rows with a NULL are left out */
PG_FUNCTION_INFO_V1(tiering_logistic_accum);
Datum
tiering_logistic_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	FitState   *state = PG_ARGISNULL(0) ? state_new(fcinfo, context)
		: (FitState *) PG_GETARG_POINTER(0);
	double		feature[CLASSIFIER_FEATURES];
	double	   *row;
	int			count;

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

PG_FUNCTION_INFO_V1(tiering_logistic_final);
Datum
tiering_logistic_final(PG_FUNCTION_ARGS)
{
	FitState   *state;
	Classifier	classifier = {.kind = CLASSIFIER_LOGISTIC};
	LogisticFit *fit = &classifier.logistic;
	LogisticData data;

	aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (FitState *) PG_GETARG_POINTER(0);
	if (state->rows == NULL)
		PG_RETURN_NULL();
	classifier.features = state->rows->width - 1;
	classifier.rows = state->rows->count;
	read_options(state->options, &classifier);
	for (int64 i = 0; i < state->rows->count; i++)
		classifier_transform(&classifier, state->rows->value + i * state->rows->width + 1, classifier.features);
	order_rows(state->rows);
	data = (LogisticData) {state->rows->value, state->rows->count, classifier.features};
	fit->term = palloc(logistic_most_terms(data.features) * sizeof(LogisticTerm));
	fit->scratch = palloc_extended(logistic_scratch(data.features) * sizeof(double), MCXT_ALLOC_HUGE);
	do
	{
		CHECK_FOR_INTERRUPTS();
		logistic_fit(&data, fit, interrupts_are_pending);
	} while (fit->status == LOGISTIC_STOPPED);
	return classifier_make(&classifier);
}
