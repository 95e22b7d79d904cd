/*-------------------------------------------------------------------------
 *
 * clv_constructor.c
 *	  Models made of parameters that were found elsewhere.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "clv_model.h"

#include "compat.h"

#define MOST_FIELDS		20

/*
 * The arguments are the first fields of the row: parameters and, for models of
 * time, its unit.  All else is unknown, and the status says so.
 */
PG_FUNCTION_INFO_V1(tiering_model);
Datum
tiering_model(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[MOST_FIELDS];
	bool		nulls[MOST_FIELDS];

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts > MOST_FIELDS)
		elog(ERROR, "a model's constructor does not return a model");
	memset(nulls, true, sizeof(nulls));
	for (int i = 0; i < desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(desc, i)->attname);

		if (strcmp(name, "status") == 0)
		{
			values[i] = CStringGetTextDatum("given");
			nulls[i] = false;
		}
		if (i >= PG_NARGS())
			continue;
		if (TupleDescAttr(desc, i)->atttypid == FLOAT8OID)
			clv_check_parameter(name, PG_GETARG_FLOAT8(i));
		else
			(void) time_unit_named(text_to_cstring(PG_GETARG_TEXT_PP(i)));
		values[i] = PG_GETARG_DATUM(i);
		nulls[i] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}
