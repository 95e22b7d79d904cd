/*-------------------------------------------------------------------------
 *
 * metrics.c
 *	  Aggregates and sets that tell how well scores foretell labels.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "aggregate.h"
#include "gathered_rows.h"
#include "model/metrics.h"

#include "compat.h"

#define MOST_BINS	1000

static void
check_score(double score)
{
	if (isnan(score) || isinf(score))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("score %g is not a finite number", score),
				 errhint("Leave such rows out, or pass NULL, which is skipped.")));
}

/* accum(state, label, score [, argument]); rows with a NULL are left out */
PG_FUNCTION_INFO_V1(tiering_metrics_accum);
Datum
tiering_metrics_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	GatheredRows *rows = PG_ARGISNULL(0) ? NULL
		: (GatheredRows *) PG_GETARG_POINTER(0);
	double		argument = 0;
	ScoredRow  *row;

	if (PG_NARGS() > 3)
	{
		if (PG_ARGISNULL(3))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the last argument must not be null")));
		argument = PG_GETARG_FLOAT8(3);
		check_score(argument);
	}
	if (rows == NULL)
		rows = rows_new(context, 2, argument);
	rows_check_argument(rows, argument, "last arguments");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_POINTER(rows);
	check_score(PG_GETARG_FLOAT8(2));
	row = (ScoredRow *) rows_add(rows);
	row->score = PG_GETARG_FLOAT8(2) + 0.0; /* makes -0 a 0 */
	row->label = PG_GETARG_BOOL(1) ? 1 : 0;
	PG_RETURN_POINTER(rows);
}

/* Sorts rows, and groups them by score; they stay the same set */
static ScoreGroups
group_rows(ScoredRow *row, size_t count)
{
	ScoreGroups groups;
	ScoredRow  *scratch = palloc_extended(Max(count, 1) * sizeof(ScoredRow), MCXT_ALLOC_HUGE);
	size_t		distinct;

	while (!sort_by_key(row, scratch, count, sizeof(ScoredRow),
						offsetof(ScoredRow, score), interrupts_are_pending))
		CHECK_FOR_INTERRUPTS();
	pfree(scratch);
	distinct = metrics_distinct(row, count);
	groups.group = palloc_extended(Max(distinct, 1) * sizeof(ScoreGroup), MCXT_ALLOC_HUGE);
	metrics_group(row, count, &groups);
	return groups;
}

static void
check_probabilities(const ScoreGroups *groups)
{
	double		lowest = groups->group[0].score;
	double		highest = groups->group[groups->count - 1].score;

	if (lowest < 0 || highest > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("score %g is not a probability, between 0 and 1",
						lowest < 0 ? lowest : highest),
				 errhint("auc() and lift_at() take any score.")));
}

/* The groups of an aggregate's rows; false without any */
static bool
final_groups(FunctionCallInfo fcinfo, ScoreGroups *groups, double *argument)
{
	GatheredRows *rows;

	aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		return false;
	rows = (GatheredRows *) PG_GETARG_POINTER(0);
	if (rows->count == 0)
		return false;
	*groups = group_rows((ScoredRow *) rows->value, rows->count);
	*argument = rows->argument;
	return true;
}

static Datum
final_measure(FunctionCallInfo fcinfo, bool of_probabilities,
			  bool (*measure) (const ScoreGroups *, double *))
{
	ScoreGroups groups;
	double		argument;
	double		result;

	if (!final_groups(fcinfo, &groups, &argument))
		PG_RETURN_NULL();
	if (of_probabilities)
		check_probabilities(&groups);
	if (!measure(&groups, &result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

PG_FUNCTION_INFO_V1(tiering_auc_final);
Datum
tiering_auc_final(PG_FUNCTION_ARGS)
{
	return final_measure(fcinfo, false, metrics_auc);
}

PG_FUNCTION_INFO_V1(tiering_average_precision_final);
Datum
tiering_average_precision_final(PG_FUNCTION_ARGS)
{
	return final_measure(fcinfo, false, metrics_average_precision);
}

PG_FUNCTION_INFO_V1(tiering_log_loss_final);
Datum
tiering_log_loss_final(PG_FUNCTION_ARGS)
{
	return final_measure(fcinfo, true, metrics_log_loss);
}

PG_FUNCTION_INFO_V1(tiering_brier_final);
Datum
tiering_brier_final(PG_FUNCTION_ARGS)
{
	return final_measure(fcinfo, true, metrics_brier);
}

PG_FUNCTION_INFO_V1(tiering_lift_at_final);
Datum
tiering_lift_at_final(PG_FUNCTION_ARGS)
{
	ScoreGroups groups;
	double		share;
	double		lift;

	if (!final_groups(fcinfo, &groups, &share))
		PG_RETURN_NULL();
	if (!(share > 0 && share <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("fraction %g is not above 0 and at most 1", share),
				 errhint("0.1 asks for the tenth of rows with the highest scores.")));
	if (!metrics_lift(&groups, share, &lift))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(lift);
}

static Datum
make_result(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	row;

	if (get_call_result_type(fcinfo, NULL, &row) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "function %u does not return a row", fcinfo->flinfo->fn_oid);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls));
}

/* A share; NULL of nothing */
static void
put_share(Datum *values, bool *nulls, int i, double part, double whole)
{
	nulls[i] = !(whole > 0);
	values[i] = Float8GetDatum(whole > 0 ? part / whole : 0);
}

PG_FUNCTION_INFO_V1(tiering_confusion_final);
Datum
tiering_confusion_final(PG_FUNCTION_ARGS)
{
	ScoreGroups groups;
	double		threshold;
	Confusion	table;
	Datum		values[9];
	bool		nulls[9] = {false};

	if (!final_groups(fcinfo, &groups, &threshold))
		PG_RETURN_NULL();
	table = metrics_confusion(&groups, threshold);
	values[0] = Int64GetDatum((int64) table.true_positives);
	values[1] = Int64GetDatum((int64) table.false_positives);
	values[2] = Int64GetDatum((int64) table.true_negatives);
	values[3] = Int64GetDatum((int64) table.false_negatives);
	put_share(values, nulls, 4, table.true_positives + table.true_negatives,
			  groups.positives + groups.negatives);
	put_share(values, nulls, 5, table.true_positives,
			  table.true_positives + table.false_positives);
	put_share(values, nulls, 6, table.true_positives, groups.positives);
	put_share(values, nulls, 7, table.true_negatives, groups.negatives);
	put_share(values, nulls, 8, 2 * table.true_positives,
			  2 * table.true_positives + table.false_positives + table.false_negatives);
	return make_result(fcinfo, values, nulls);
}

PG_FUNCTION_INFO_V1(tiering_calibration_line_final);
Datum
tiering_calibration_line_final(PG_FUNCTION_ARGS)
{
	ScoreGroups groups;
	double		argument;
	double		slope = 0;
	double		intercept = 0;
	Datum		values[2];
	bool		nulls[2];

	if (!final_groups(fcinfo, &groups, &argument))
		PG_RETURN_NULL();
	check_probabilities(&groups);
	nulls[0] = nulls[1] = !metrics_calibration_line(&groups, &slope, &intercept);
	values[0] = Float8GetDatum(slope);
	values[1] = Float8GetDatum(intercept);
	return make_result(fcinfo, values, nulls);
}

/* Labels and scores of two arrays of one length, without rows that have a NULL */
static ScoreGroups
groups_of_arrays(FunctionCallInfo fcinfo)
{
	Datum	   *label;
	Datum	   *score;
	bool	   *no_label;
	bool	   *no_score;
	int			labels;
	int			scores;
	ScoredRow  *row;
	size_t		count = 0;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), BOOLOID, 1, true, TYPALIGN_CHAR,
					  &label, &no_label, &labels);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), FLOAT8OID, sizeof(float8),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &score, &no_score, &scores);
	if (labels != scores)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%d labels do not fit %d scores", labels, scores),
				 errhint("Gather both with array_agg() in one query.")));
	row = palloc_extended(Max(labels, 1) * sizeof(ScoredRow), MCXT_ALLOC_HUGE);
	for (int i = 0; i < labels; i++)
	{
		if (no_label[i] || no_score[i])
			continue;
		check_score(DatumGetFloat8(score[i]));
		row[count++] = (ScoredRow) {DatumGetFloat8(score[i]) + 0.0, DatumGetBool(label[i]) ? 1 : 0};
	}
	return group_rows(row, count);
}

/* calibration(labels, probabilities, bins) */
PG_FUNCTION_INFO_V1(tiering_calibration);
Datum
tiering_calibration(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			bins = PG_GETARG_INT32(2);
	ScoreGroups groups = groups_of_arrays(fcinfo);
	CalibrationBin *bin;
	size_t		used;
	double		slope = 0;
	double		intercept = 0;
	bool		has_line;

	if (bins < 1 || bins > MOST_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bins %d is not between 1 and %d", bins, MOST_BINS),
				 errhint("Ten bins are usual.")));
	InitMaterializedSRF(fcinfo, 0);
	if (groups.count == 0)
		PG_RETURN_NULL();
	check_probabilities(&groups);
	has_line = metrics_calibration_line(&groups, &slope, &intercept);
	bin = palloc(bins * sizeof(CalibrationBin));
	used = metrics_calibration(&groups, bins, bin);
	for (size_t b = 0; b < used; b++)
	{
		bool		nulls[8] = {false};
		Datum		values[8] = {
			Int32GetDatum((int32) b + 1),
			Int64GetDatum((int64) bin[b].rows),
			Float8GetDatum(bin[b].lowest),
			Float8GetDatum(bin[b].highest),
			Float8GetDatum(bin[b].mean_score),
			Float8GetDatum(bin[b].positive_share),
			Float8GetDatum(slope),
			Float8GetDatum(intercept)
		};

		nulls[6] = nulls[7] = !has_line;
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}

/* roc(labels, scores): a row for each score as the threshold, the highest first */
PG_FUNCTION_INFO_V1(tiering_roc);
Datum
tiering_roc(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ScoreGroups groups = groups_of_arrays(fcinfo);
	double		found = 0;
	double		wrong = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (groups.positives == 0 || groups.negatives == 0)
		PG_RETURN_NULL();
	for (size_t g = groups.count; g-- > 0;)
	{
		bool		nulls[3] = {false};
		Datum		values[3];

		CHECK_FOR_INTERRUPTS();
		found += groups.group[g].positives;
		wrong += groups.group[g].negatives;
		values[0] = Float8GetDatum(groups.group[g].score);
		values[1] = Float8GetDatum(wrong / groups.negatives);
		values[2] = Float8GetDatum(found / groups.positives);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}
