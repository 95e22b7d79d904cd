/*-------------------------------------------------------------------------
 *
 * rfm_cutoffs.c
 *	  Aggregates that find the cut points of a whole set of customers.
 *
 * A quantile needs every value, so the state is internal: one growing array
 * of doubles.  Workers gather and send theirs; the last step sorts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"

#include "aggregate.h"
#include "model/rfm.h"

#include "compat.h"

#define STATE_FORMAT	1		/* first byte of a state that is sent */
#define FIRST_ROOM		1024	/* values a new state has room for */

/* Values of one group */
typedef struct CutoffState
{
	int			bins;			/* as given with the first value */
	int64		count;			/* values gathered */
	int64		room;			/* values there is room for */
	double	   *values;			/* in no order; never NaN or infinite */
} CutoffState;

static CutoffState *
state_new(MemoryContext context, int bins, int64 room)
{
	CutoffState *state = MemoryContextAlloc(context, sizeof(CutoffState));

	state->bins = bins;
	state->count = 0;
	state->room = Max(room, FIRST_ROOM);
	state->values = MemoryContextAllocHuge(context,
										   state->room * sizeof(double));
	return state;
}

static void
state_reserve(CutoffState *state, int64 more)
{
	if (state->count + more <= state->room)
		return;
	state->room = Max(state->room * 2, state->count + more);
	state->values = repalloc_huge(state->values, state->room * sizeof(double));
}

static void
check_bins(int bins)
{
	if (bins < RFM_MIN_BINS || bins > RFM_MAX_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bins %d is not between %d and %d", bins,
						RFM_MIN_BINS, RFM_MAX_BINS),
				 errhint("Five bins are usual.")));
}

static void
check_same_bins(const CutoffState *state, int bins)
{
	if (bins != state->bins)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bins differ within one group: %d and %d",
						state->bins, bins),
				 errhint("Pass the same number of bins with every row.")));
}

/* NULL values are left out */
PG_FUNCTION_INFO_V1(tiering_rfm_cutoffs_accum);
Datum
tiering_rfm_cutoffs_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	CutoffState *state = PG_ARGISNULL(0) ? NULL
		: (CutoffState *) PG_GETARG_POINTER(0);
	double		value;

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("bins must not be null"),
				 errhint("Five bins are usual.")));
	if (state == NULL)
	{
		check_bins(PG_GETARG_INT32(2));
		state = state_new(context, PG_GETARG_INT32(2), 0);
	}
	check_same_bins(state, PG_GETARG_INT32(2));
	if (!PG_ARGISNULL(1))
	{
		value = PG_GETARG_FLOAT8(1);
		if (isnan(value) || isinf(value))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("value %g is not a finite number", value),
					 errhint("Leave such rows out, or pass NULL, which is skipped.")));
		state_reserve(state, 1);
		state->values[state->count++] = value + 0.0;	/* makes -0 a 0 */
	}
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(tiering_rfm_cutoffs_combine);
Datum
tiering_rfm_cutoffs_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	CutoffState *into = PG_ARGISNULL(0) ? NULL
		: (CutoffState *) PG_GETARG_POINTER(0);
	CutoffState *from = PG_ARGISNULL(1) ? NULL
		: (CutoffState *) PG_GETARG_POINTER(1);

	if (from == NULL)
	{
		if (into == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(into);
	}
	if (into == NULL)
		into = state_new(context, from->bins, from->count);
	check_same_bins(into, from->bins);
	state_reserve(into, from->count);
	memcpy(into->values + into->count, from->values,
		   from->count * sizeof(double));
	into->count += from->count;
	PG_RETURN_POINTER(into);
}

PG_FUNCTION_INFO_V1(tiering_rfm_cutoffs_serialize);
Datum
tiering_rfm_cutoffs_serialize(PG_FUNCTION_ARGS)
{
	CutoffState *state = (CutoffState *) PG_GETARG_POINTER(0);
	StringInfoData message;

	aggregate_context(fcinfo);
	pq_begintypsend(&message);
	pq_sendbyte(&message, STATE_FORMAT);
	pq_sendint32(&message, state->bins);
	pq_sendint64(&message, state->count);
	/* between processes of one server: the same byte order */
	pq_sendbytes(&message, (char *) state->values,
				 state->count * sizeof(double));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(tiering_rfm_cutoffs_deserialize);
Datum
tiering_rfm_cutoffs_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *sent = PG_GETARG_BYTEA_PP(0);
	StringInfoData message;
	CutoffState *state;
	int			bins;
	int64		count;

	aggregate_context(fcinfo);
	initStringInfo(&message);
	appendBinaryStringInfo(&message, VARDATA_ANY(sent), VARSIZE_ANY_EXHDR(sent));
	if (pq_getmsgbyte(&message) != STATE_FORMAT)
		elog(ERROR, "state of rfm_cutoffs() has an unknown format");
	bins = pq_getmsgint(&message, 4);
	count = pq_getmsgint64(&message);
	check_bins(bins);
	if (count < 0 ||
		count != (message.len - message.cursor) / (int64) sizeof(double))
		elog(ERROR, "state of rfm_cutoffs() has a wrong length");
	state = state_new(CurrentMemoryContext, bins, count);
	pq_copymsgbytes(&message, (char *) state->values, count * sizeof(double));
	pq_getmsgend(&message);
	state->count = count;
	PG_RETURN_POINTER(state);
}

/* Sorting leaves the state the same set of values, so it stays usable */
static Datum
cutoffs_final(FunctionCallInfo fcinfo,
			  void (*find) (const double *, size_t, int, double *))
{
	CutoffState *state;
	double	   *scratch;
	double		cutoffs[RFM_MAX_BINS];
	Datum		elements[RFM_MAX_BINS];

	aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (CutoffState *) PG_GETARG_POINTER(0);
	if (state->count == 0)
		PG_RETURN_NULL();
	scratch = palloc_extended(state->count * sizeof(double), MCXT_ALLOC_HUGE);
	while (!sort_doubles(state->values, scratch, state->count, interrupts_are_pending))
		CHECK_FOR_INTERRUPTS();
	pfree(scratch);
	find(state->values, state->count, state->bins, cutoffs);
	for (int i = 0; i < state->bins - 1; i++)
		elements[i] = Float8GetDatum(cutoffs[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, state->bins - 1,
										  FLOAT8OID, sizeof(float8),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

PG_FUNCTION_INFO_V1(tiering_rfm_cutoffs_final);
Datum
tiering_rfm_cutoffs_final(PG_FUNCTION_ARGS)
{
	return cutoffs_final(fcinfo, rfm_cutoffs_by_value);
}

PG_FUNCTION_INFO_V1(tiering_rfm_cutoffs_r_final);
Datum
tiering_rfm_cutoffs_r_final(PG_FUNCTION_ARGS)
{
	return cutoffs_final(fcinfo, rfm_cutoffs_as_r);
}
