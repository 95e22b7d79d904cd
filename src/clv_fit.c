/*-------------------------------------------------------------------------
 *
 * clv_fit.c
 *	  Aggregates that fit a purchase model.
 *
 * The state is a table of different records with their numbers of customers,
 * the same for all models, so workers can gather and merge in any order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "aggregate.h"
#include "clv_model.h"
#include "model/purchase_fit.h"

#include "compat.h"

#define STATE_FORMAT	1		/* first byte of a state that is sent */
#define FIRST_SLOTS		1024
#define UNIT_LENGTH		8
#define DEFAULT_UNIT	"week"

/* Records of one group, and how they are to be fitted */
typedef struct FitState
{
	RecordGroups groups;
	double		penalizer;
	char		unit[UNIT_LENGTH];
} FitState;

static RecordGroup *
slots_new(MemoryContext context, size_t slots)
{
	return MemoryContextAllocExtended(context, slots * sizeof(RecordGroup),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static FitState *
state_new(MemoryContext context, double penalizer, const char *unit)
{
	FitState   *state = MemoryContextAllocZero(context, sizeof(FitState));

	state->groups.slots = FIRST_SLOTS;
	state->groups.slot = slots_new(context, FIRST_SLOTS);
	state->penalizer = penalizer;
	strlcpy(state->unit, unit, UNIT_LENGTH);
	return state;
}

/* Adds a record, in a table twice as large if there is no room */
static void
state_add(MemoryContext context, FitState *state, const PurchaseRecord *record,
		  double customers)
{
	if (records_full(&state->groups))
	{
		RecordGroups larger = {
			.slots = state->groups.slots * 2,
			.slot = slots_new(context, state->groups.slots * 2)
		};

		records_copy(&larger, &state->groups);
		pfree(state->groups.slot);
		state->groups = larger;
	}
	records_add(&state->groups, record, customers);
}

static void
check_same(const FitState *state, double penalizer, const char *unit)
{
	if (state->penalizer != penalizer)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("penalizers differ within one group: %g and %g",
						state->penalizer, penalizer),
				 errhint("Pass the same with every row.")));
	if (strcmp(state->unit, unit) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time units differ within one group: \"%s\" and \"%s\"",
						state->unit, unit),
				 errhint("Pass the same with every row.")));
}

/* The penalizer, which may be left out */
static double
penalizer_argument(FunctionCallInfo fcinfo)
{
	double		penalizer = 0;

	if (PG_NARGS() > 4 && !PG_ARGISNULL(4))
		penalizer = PG_GETARG_FLOAT8(4);
	if (!(penalizer >= 0 && penalizer <= CLV_LARGEST))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("penalizer %g is not between 0 and %g", penalizer,
						CLV_LARGEST),
				 errhint("0 penalizes nothing; 0.001 is a usual first try.")));
	return penalizer;
}

static const char *
unit_argument(FunctionCallInfo fcinfo)
{
	if (PG_NARGS() > 5 && !PG_ARGISNULL(5))
		return time_unit_named(text_to_cstring(PG_GETARG_TEXT_PP(5)))->name;
	return DEFAULT_UNIT;
}

/* A row with NULL in it is left out */
PG_FUNCTION_INFO_V1(tiering_purchase_fit_accum);
Datum
tiering_purchase_fit_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	FitState   *state = PG_ARGISNULL(0) ? NULL
		: (FitState *) PG_GETARG_POINTER(0);
	PurchaseRecord record;

	if (state == NULL)
		state = state_new(context, penalizer_argument(fcinfo),
						  unit_argument(fcinfo));
	else if (PG_NARGS() > 4)
		check_same(state, penalizer_argument(fcinfo), unit_argument(fcinfo));
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_POINTER(state);
	record = clv_record(fcinfo, 1);
	clv_check_record(PURCHASE_BGNBD, &record);
	state_add(context, state, &record, 1);
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(tiering_purchase_fit_combine);
Datum
tiering_purchase_fit_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	FitState   *into = PG_ARGISNULL(0) ? NULL
		: (FitState *) PG_GETARG_POINTER(0);
	FitState   *from = PG_ARGISNULL(1) ? NULL
		: (FitState *) PG_GETARG_POINTER(1);

	if (from == NULL)
	{
		if (into == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(into);
	}
	if (into == NULL)
		into = state_new(context, from->penalizer, from->unit);
	check_same(into, from->penalizer, from->unit);
	for (size_t i = 0; i < from->groups.slots; i++)
		if (from->groups.slot[i].customers > 0)
			state_add(context, into, &from->groups.slot[i].record,
					  from->groups.slot[i].customers);
	PG_RETURN_POINTER(into);
}

PG_FUNCTION_INFO_V1(tiering_purchase_fit_serialize);
Datum
tiering_purchase_fit_serialize(PG_FUNCTION_ARGS)
{
	FitState   *state = (FitState *) PG_GETARG_POINTER(0);
	StringInfoData message;

	aggregate_context(fcinfo);
	pq_begintypsend(&message);
	pq_sendbyte(&message, STATE_FORMAT);
	pq_sendfloat8(&message, state->penalizer);
	pq_sendbytes(&message, state->unit, UNIT_LENGTH);
	pq_sendint64(&message, state->groups.used);
	/* between processes of one server: the same byte order */
	for (size_t i = 0; i < state->groups.slots; i++)
		if (state->groups.slot[i].customers > 0)
			pq_sendbytes(&message, (char *) &state->groups.slot[i],
						 sizeof(RecordGroup));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(tiering_purchase_fit_deserialize);
Datum
tiering_purchase_fit_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *sent = PG_GETARG_BYTEA_PP(0);
	StringInfoData message;
	FitState   *state;
	double		penalizer;
	char		unit[UNIT_LENGTH];
	int64		count;

	aggregate_context(fcinfo);
	initStringInfo(&message);
	appendBinaryStringInfo(&message, VARDATA_ANY(sent), VARSIZE_ANY_EXHDR(sent));
	if (pq_getmsgbyte(&message) != STATE_FORMAT)
		elog(ERROR, "state of a fit has an unknown format");
	penalizer = pq_getmsgfloat8(&message);
	pq_copymsgbytes(&message, unit, UNIT_LENGTH);
	count = pq_getmsgint64(&message);
	if (unit[UNIT_LENGTH - 1] != '\0' || count < 0 || count !=
		(message.len - message.cursor) / (int64) sizeof(RecordGroup))
		elog(ERROR, "state of a fit has a wrong length");
	state = state_new(CurrentMemoryContext, penalizer, unit);
	while (count-- > 0)
	{
		RecordGroup group;

		pq_copymsgbytes(&message, (char *) &group, sizeof(group));
		state_add(CurrentMemoryContext, state, &group.record, group.customers);
	}
	pq_getmsgend(&message);
	PG_RETURN_POINTER(state);
}

/* The row of a fitted model */
static Datum
model_row(TupleDesc desc, const FitState *state, const PurchaseFit *fit)
{
	int			n = purchase_methods[fit->model.kind]->parameters;
	bool		found = fit->status != FIT_TOO_FEW;
	Datum		values[2 * FIT_MAX + 8];
	bool		nulls[2 * FIT_MAX + 8] = {false};
	int			field = 0;

	for (int i = 0; i < n; i++)
		clv_put_number(values, nulls, field++, fit->model.parameter[i], found);
	values[field++] = CStringGetTextDatum(state->unit);
	values[field++] = CStringGetTextDatum(fit_status_name(fit->status));
	clv_put_number(values, nulls, field++, fit->log_likelihood, found);
	values[field++] = Int64GetDatum((int64) fit->customers);
	for (int i = 0; i < n; i++)
		clv_put_number(values, nulls, field++, fit->standard_error[i], found);
	values[field] = Int32GetDatum(fit->iterations);
	nulls[field++] = !found;
	clv_put_number(values, nulls, field++, fit->gradient_norm, found);
	clv_put_number(values, nulls, field++, state->penalizer, true);
	clv_put_covariance(values, nulls, field++, &fit->covariance[0][0], FIT_MAX,
					   n, fit->status == FIT_CONVERGED);
	if (field != desc->natts)
		elog(ERROR, "model has %d fields instead of %d", desc->natts, field);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

PG_FUNCTION_INFO_V1(tiering_purchase_fit_final);
Datum
tiering_purchase_fit_final(PG_FUNCTION_ARGS)
{
	FitState   *state;
	RecordGroup *sorted;
	TupleDesc	desc;
	Oid			type;
	PurchaseKind kind;
	PurchaseFit fit;
	size_t		count;

	aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (FitState *) PG_GETARG_POINTER(0);
	if (get_call_result_type(fcinfo, &type, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "a fit does not return a row type");
	count = state->groups.used;
	sorted = palloc_extended((count + 1) * 2 * sizeof(RecordGroup),
							 MCXT_ALLOC_HUGE);
	while (!records_sorted(&state->groups, sorted, interrupts_are_pending))
		CHECK_FOR_INTERRUPTS();
	kind = purchase_kind_of_type(type);
	for (size_t i = 0; i < count; i++)
		clv_check_record(kind, &sorted[i].record);
	do
	{
		CHECK_FOR_INTERRUPTS();
		purchase_fit(kind, sorted, count, state->penalizer, interrupts_are_pending, &fit);
	} while (fit.status == FIT_STOPPED);
	pfree(sorted);
	return model_row(desc, state, &fit);
}
