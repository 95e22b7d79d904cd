/*-------------------------------------------------------------------------
 *
 * clv_value_fit.c
 *	  The aggregate that fits Gamma-Gamma.
 *
 * Ranks need every customer, so the state is an array of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "aggregate.h"
#include "clv_model.h"
#include "model/gamma_gamma_fit.h"

#include "compat.h"

#define FIRST_ROOM		1024	/* records a new state has room for */
#define FIELDS			15		/* of gamma_gamma_model */

typedef struct ValueState
{
	int64		count;
	int64		room;
	int64		left_out;		/* customers with purchases and no value */
	ValueRecord *records;
} ValueState;

static void
state_reserve(MemoryContext context, ValueState *state, int64 more)
{
	if (state->count + more <= state->room)
		return;
	state->room = Max(Max(state->room * 2, state->count + more), FIRST_ROOM);
	state->records = state->records == NULL
		? MemoryContextAllocHuge(context, state->room * sizeof(ValueRecord))
		: repalloc_huge(state->records, state->room * sizeof(ValueRecord));
}

/* Customers without a repeat purchase, and NULL, say nothing of values */
PG_FUNCTION_INFO_V1(tiering_gamma_gamma_fit_accum);
Datum
tiering_gamma_gamma_fit_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	ValueState *state = PG_ARGISNULL(0)
		? MemoryContextAllocZero(context, sizeof(ValueState))
		: (ValueState *) PG_GETARG_POINTER(0);
	int64		x;
	double		mean;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_GETARG_INT64(1) == 0)
		PG_RETURN_POINTER(state);
	x = PG_GETARG_INT64(1);
	mean = PG_GETARG_FLOAT8(2);
	if (x < 0 || x > CLV_MOST || isnan(mean) || mean > 1e15)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("frequency %lld with monetary %g is out of range", (long long) x, mean),
				 errhint("Pass the number of repeat purchase days, up to %d, and their mean value, up to 1e15.",
						 CLV_MOST)));
	if (mean <= 0)
	{
		state->left_out++;
		PG_RETURN_POINTER(state);
	}
	state_reserve(context, state, 1);
	state->records[state->count].x = x;
	state->records[state->count++].mean = mean;
	PG_RETURN_POINTER(state);
}

/* The row of a fitted model */
static Datum
model_row(TupleDesc desc, const ValueState *state, const GammaGammaFit *fit)
{
	bool		found = fit->status != FIT_TOO_FEW;
	Datum		values[FIELDS];
	bool		nulls[FIELDS] = {false};

	if (desc->natts != FIELDS)
		elog(ERROR, "model has %d fields instead of %d", desc->natts, FIELDS);
	clv_put_number(values, nulls, 0, fit->model.p, found);
	clv_put_number(values, nulls, 1, fit->model.q, found);
	clv_put_number(values, nulls, 2, fit->model.v, found);
	values[3] = CStringGetTextDatum(fit_status_name(fit->status));
	clv_put_number(values, nulls, 4, fit->log_likelihood, found);
	values[5] = Int64GetDatum(state->count);
	clv_put_number(values, nulls, 6, fit->standard_error[0], found);
	clv_put_number(values, nulls, 7, fit->standard_error[1], found);
	clv_put_number(values, nulls, 8, fit->standard_error[2], found);
	values[9] = Int32GetDatum(fit->iterations);
	nulls[9] = !found;
	clv_put_number(values, nulls, 10, fit->gradient_norm, found);
	clv_put_number(values, nulls, 11, fit->correlation.pearson, true);
	clv_put_number(values, nulls, 12, fit->correlation.spearman, true);
	values[13] = Int64GetDatum(state->left_out);
	clv_put_covariance(values, nulls, 14, &fit->covariance[0][0], 3, 3,
					   fit->status == FIT_CONVERGED);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

PG_FUNCTION_INFO_V1(tiering_gamma_gamma_fit_final);
Datum
tiering_gamma_gamma_fit_final(PG_FUNCTION_ARGS)
{
	ValueState *state;
	ValueRecord *scratch;
	TupleDesc	desc;
	GammaGammaFit fit;

	aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (ValueState *) PG_GETARG_POINTER(0);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "a fit does not return a row type");
	scratch = palloc_extended((state->count + 1) * 2 * sizeof(ValueRecord),
							  MCXT_ALLOC_HUGE);
	value_records_sort(state->records, state->count, scratch);
	do
	{
		CHECK_FOR_INTERRUPTS();
		gamma_gamma_fit(state->records, state->count, scratch, interrupts_are_pending,
						&fit);
	} while (fit.status == FIT_STOPPED);
	pfree(scratch);
	return model_row(desc, state, &fit);
}
