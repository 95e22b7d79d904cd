/*-------------------------------------------------------------------------
 *
 * clv_model.c
 *	  Models as SQL values, and what the functions that take them share.
 *
 * A model is the same for all rows of a query, so each call site keeps what it
 * read.
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
	model.has_covariance = clv_read_covariance(row, model.model.parameter,
											   purchase_methods[model.model.kind]->parameters,
											   model.log_covariance);
	(void) same_row(fcinfo, row, &call->purchase_row);
	clv_forget_values(call);
	clv_forget_curves(call);
	call->purchase = model;
	return &call->purchase;
}

const ClvValueModel *
clv_value_model(FunctionCallInfo fcinfo, int argument)
{
	ClvCall    *call = clv_call(fcinfo);
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(argument);
	ClvValueModel model = {0};
	double		parameter[3];

	if (call->value_row != NULL && same_row(fcinfo, row, &call->value_row))
		return &call->value;
	read_parameters(row, parameter, 3);
	model.model.p = parameter[0];
	model.model.q = parameter[1];
	model.model.v = parameter[2];
	model.has_covariance = clv_read_covariance(row, parameter, 3,
											   model.log_covariance);
	(void) same_row(fcinfo, row, &call->value_row);
	clv_forget_curves(call);
	call->value = model;
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
	if (record->T != floor(record->T) || record->T > CLV_OPPORTUNITIES)
		refuse_record("age", record->T, "a whole number up to 100000", hint);
	if (record->t_x != floor(record->t_x) || record->t_x < record->x)
		refuse_record("recency", record->t_x,
					  "a whole number from the frequency on", hint);
}

/* Reads frequency, recency and age */
PurchaseRecord
clv_record(FunctionCallInfo fcinfo, int argument)
{
	PurchaseRecord record = {
		PG_GETARG_INT64(argument),
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
								  horizon > CLV_OPPORTUNITIES))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("horizon %g is not a whole number up to %d", horizon,
						CLV_OPPORTUNITIES),
				 errhint("This model counts opportunities.")));
	return horizon;
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
		if (PG_ARGISNULL(i) && (i != 5 || PG_GETARG_INT64(2) != 0))
			return true;
	/* no model covers purchases worth nothing */
	return PG_GETARG_INT64(2) != 0 && PG_GETARG_FLOAT8(5) == 0;
}
