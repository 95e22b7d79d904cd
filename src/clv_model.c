/*-------------------------------------------------------------------------
 *
 * clv_model.c
 *	  Models as SQL values, and what the functions that take them share.
 *
 * A model is the same for all rows of a query, so each call site keeps what it
 * read; and customers with the same number of purchases in the same time have
 * the same future if they are alive, so it keeps that too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "clv_model.h"

#include "compat.h"

#define YEAR	365.2425		/* days, on the Gregorian calendar's average */

static const TimeUnit time_units[] = {
	{"day", 1, YEAR},
	{"week", 7, YEAR / 7},
	{"month", YEAR / 12, 12},
	{"year", YEAR, 1}
};

const TimeUnit *
time_unit_named(const char *name)
{
	for (int i = 0; i < lengthof(time_units); i++)
		if (strcmp(name, time_units[i].name) == 0)
			return &time_units[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("time unit \"%s\" is unknown", name),
			 errhint("Choose one of: day, week, month, year.")));
}

/* Which model a row type such as bgnbd_model holds */
PurchaseKind
purchase_kind_of_type(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	char		name[NAMEDATALEN];

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	strlcpy(name, NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname),
			sizeof(name));
	ReleaseSysCache(tuple);
	for (int kind = 0; kind < PURCHASE_KINDS; kind++)
	{
		char		expected[NAMEDATALEN];

		snprintf(expected, sizeof(expected), "%s_model",
				 purchase_methods[kind]->name);
		if (strcmp(name, expected) == 0)
			return kind;
	}
	elog(ERROR, "type %s is no purchase model", name);
}

/* What the call site keeps, made when it is first called */
ClvCall *
clv_call(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
														  sizeof(ClvCall));
	return fcinfo->flinfo->fn_extra;
}

/* Is this the row that was read last?  If not, it is remembered. */
static bool
same_row(FunctionCallInfo fcinfo, HeapTupleHeader row, HeapTupleHeader *last)
{
	Size		size = VARSIZE(row);

	if (*last != NULL && VARSIZE(*last) == size &&
		memcmp(*last, row, size) == 0)
		return true;
	if (*last != NULL)
		pfree(*last);
	*last = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, size);
	memcpy(*last, row, size);
	return false;
}

/* The text of a field; NULL if it has none */
static char *
text_field(HeapTupleHeader row, const char *name)
{
	bool		null;
	Datum		value = GetAttributeByName(row, name, &null);

	return null ? NULL : TextDatumGetCString(value);
}

void
clv_check_parameter(const char *name, double value)
{
	if (!(value >= 1 / CLV_PARAMETER && value <= CLV_PARAMETER))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter %s = %g of the model is not between %g and %g",
						name, value, 1 / CLV_PARAMETER, CLV_PARAMETER),
				 errhint("Take the model from its fit, or its parameters from a fit elsewhere.")));
}

/* Reads the parameters, which are the first fields of a row */
static void
read_parameters(HeapTupleHeader row, double *parameter, int count)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row),
											  HeapTupleHeaderGetTypMod(row));

	for (int i = 0; i < count; i++)
	{
		bool		null = true;
		Datum		value = 0;

		if (HeapTupleHeaderGetNatts(row) > i)
			value = GetAttributeByNum(row, i + 1, &null);
		if (null)
		{
			char	   *status = text_field(row, "status");

			ReleaseTupleDesc(desc);
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("model has no parameters"),
					 errdetail("Its status is %s.",
							   status == NULL ? "unknown" : status),
					 errhint("A fit needs customers who bought again; ask for the status before using a model.")));
		}
		parameter[i] = DatumGetFloat8(value);
		clv_check_parameter(NameStr(TupleDescAttr(desc, i)->attname),
							parameter[i]);
	}
	ReleaseTupleDesc(desc);
}

const ClvModel *
clv_purchase_model(FunctionCallInfo fcinfo, int argument)
{
	ClvCall    *call = clv_call(fcinfo);
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(argument);
	ClvModel	model = {0};
	char	   *unit;

	if (call->purchase_row != NULL && same_row(fcinfo, row, &call->purchase_row))
		return &call->purchase;
	model.model.kind = purchase_kind_of_type(HeapTupleHeaderGetTypeId(row));
	read_parameters(row, model.model.parameter,
					purchase_methods[model.model.kind]->parameters);
	unit = text_field(row, "time_unit");
	model.unit = unit == NULL ? NULL : time_unit_named(unit);
	(void) same_row(fcinfo, row, &call->purchase_row);
	call->known_used = 0;
	if (call->known != NULL)
		memset(call->known, 0, sizeof(KnownValue) * call->known_slots);
	call->purchase = model;
	return &call->purchase;
}

const GammaGamma *
clv_value_model(FunctionCallInfo fcinfo, int argument)
{
	ClvCall    *call = clv_call(fcinfo);
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(argument);
	double		parameter[3];

	if (call->value_row != NULL && same_row(fcinfo, row, &call->value_row))
		return &call->value;
	read_parameters(row, parameter, 3);
	(void) same_row(fcinfo, row, &call->value_row);
	call->value.p = parameter[0];
	call->value.q = parameter[1];
	call->value.v = parameter[2];
	return &call->value;
}

static void
refuse_record(const char *what, double value, const char *limit,
			  const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s %g is not %s", what, value, limit),
			 errhint("%s", hint)));
}

/* Refuses what cannot be a customer's record */
void
clv_check_record(PurchaseKind kind, const PurchaseRecord *record)
{
	const char *hint = kind == PURCHASE_BGBB
		? "Pass whole numbers: purchases, number of the opportunity of the last one, opportunities."
		: "Pass repeat purchases, the time from the first purchase to the last, and the time since the first: clv_summary() gives them.";

	if (!(record->x >= 0 && record->x <= CLV_MOST))
		refuse_record("frequency", record->x, "between 0 and 1000000", hint);
	if (!(record->T >= 0 && record->T <= CLV_LARGEST))
		refuse_record("age", record->T, "between 0 and 1e9", hint);
	if (!(record->t_x >= 0 && record->t_x <= record->T))
		refuse_record("recency", record->t_x, "between 0 and the age", hint);
	if (record->x == 0 && record->t_x > 0)
		refuse_record("recency", record->t_x,
					  "0 although there was no repeat purchase", hint);
	if (record->x > 0 && record->t_x == 0)
		refuse_record("recency", record->t_x,
					  "above 0 although there were repeat purchases", hint);
	if (kind != PURCHASE_BGBB)
		return;
	if (record->T != floor(record->T) || record->T > CLV_MOST)
		refuse_record("age", record->T, "a whole number up to 1000000", hint);
	if (record->t_x != floor(record->t_x) || record->t_x < record->x)
		refuse_record("recency", record->t_x,
					  "a whole number from the frequency on", hint);
}

/* Reads frequency, recency and age */
PurchaseRecord
clv_record(FunctionCallInfo fcinfo, int argument)
{
	PurchaseRecord record = {
		PG_GETARG_INT32(argument),
		PG_GETARG_FLOAT8(argument + 1),
		PG_GETARG_FLOAT8(argument + 2)
	};

	return record;
}

/* Reads a time to come */
double
clv_horizon(FunctionCallInfo fcinfo, int argument, PurchaseKind kind,
			bool may_be_infinite)
{
	double		horizon = PG_GETARG_FLOAT8(argument);

	if (may_be_infinite && isinf(horizon) && horizon > 0)
		return horizon;
	if (!(horizon >= 0 && horizon <= CLV_LARGEST))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("horizon %g is not between 0 and %g", horizon,
						CLV_LARGEST),
				 may_be_infinite ?
				 errhint("Pass a time in the model's unit, or 'infinity'.") :
				 errhint("Pass a time in the model's unit.")));
	if (kind == PURCHASE_BGBB && (horizon != floor(horizon) ||
								  horizon > CLV_MOST))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("horizon %g is not a whole number up to %d", horizon,
						CLV_MOST),
				 errhint("This model counts opportunities.")));
	return horizon;
}

/* Of the values that tell one process at one call site from another */
static uint64
known_hash(const PurchaseProcess *process, double t)
{
	uint64		bits[3];
	uint64		hash;

	memcpy(&bits[0], &process->R, sizeof(double));
	memcpy(&bits[1], &process->A, sizeof(double));
	memcpy(&bits[2], &t, sizeof(double));
	hash = (bits[0] ^ bits[1] * UINT64CONST(0x9E3779B97F4A7C15) ^ bits[2] >> 7) *
		UINT64CONST(0xBF58476D1CE4E5B9);
	return hash >> 32;
}

/* The slot of a process, or the free one where it belongs; half are free */
static KnownValue *
known_slot(ClvCall *call, const PurchaseProcess *process, double t, double rate)
{
	uint32		mask = call->known_slots - 1;
	uint32		at = (uint32) known_hash(process, t) & mask;

	for (;; at = (at + 1) & mask)
	{
		KnownValue *known = &call->known[at];

		if (!known->used ||
			(known->process.R == process->R && known->process.A == process->A &&
			 known->process.d == process->d && known->t == t &&
			 known->rate == rate))
			return known;
	}
}

/* Makes room for more while there is some to be had, and else forgets all */
static void
known_grow(FunctionCallInfo fcinfo, ClvCall *call)
{
	KnownValue *old = call->known;
	uint32		old_slots = call->known_slots;

	if (old_slots == KNOWN_MOST)
	{
		memset(old, 0, sizeof(KnownValue) * old_slots);
		call->known_used = 0;
		return;
	}
	call->known_slots = old == NULL ? KNOWN_FIRST : old_slots * 2;
	call->known = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
										 sizeof(KnownValue) * call->known_slots);
	for (uint32 i = 0; i < old_slots; i++)
		if (old[i].used)
			*known_slot(call, &old[i].process, old[i].t, old[i].rate) = old[i];
	if (old != NULL)
		pfree(old);
}

/* Works out a quantity of a process unless it was asked for before */
double
clv_known_value(FunctionCallInfo fcinfo, ProcessQuantity quantity,
				const PurchaseProcess *process, double t, double rate)
{
	ClvCall    *call = clv_call(fcinfo);
	KnownValue *known;

	if (call->known_used * 2 >= call->known_slots)
		known_grow(fcinfo, call);
	known = known_slot(call, process, t, rate);
	if (!known->used)
	{
		known->value = quantity(process, t, rate);
		known->process = *process;
		known->t = t;
		known->rate = rate;
		known->used = true;
		call->known_used++;
	}
	return known->value;
}

/* A number as a field of a row; one that is none as NULL */
void
clv_put_number(Datum *values, bool *nulls, int field, double number, bool known)
{
	nulls[field] = !known || isnan(number) || isinf(number);
	values[field] = Float8GetDatum(number);
}

/* Does one of the nine arguments that make a value say nothing? */
bool
clv_is_unknown(FunctionCallInfo fcinfo)
{
	for (int i = 0; i < 9; i++)
		if (PG_ARGISNULL(i) && (i != 5 || PG_GETARG_INT32(2) != 0))
			return true;
	/* no model covers purchases worth nothing */
	return PG_GETARG_INT32(2) != 0 && PG_GETARG_FLOAT8(5) == 0;
}
