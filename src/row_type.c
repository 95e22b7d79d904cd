/*-------------------------------------------------------------------------
 *
 * row_type.c
 *	  The row type that a function returns, looked up once for a call site.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/memutils.h"

#include "row_type.h"

/* Looks it up unless it is kept already */
TupleDesc
row_type_kept(FunctionCallInfo fcinfo, TupleDesc *kept)
{
	TupleDesc	row;
	MemoryContext old;

	if (*kept != NULL)
		return *kept;
	if (get_call_result_type(fcinfo, NULL, &row) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "function %u does not return a row type",
			 fcinfo->flinfo->fn_oid);
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	*kept = BlessTupleDesc(CreateTupleDescCopy(row));
	MemoryContextSwitchTo(old);
	return *kept;
}

/* For functions that keep nothing else at their call sites */
TupleDesc
row_type_of_call(FunctionCallInfo fcinfo)
{
	return row_type_kept(fcinfo, (TupleDesc *) &fcinfo->flinfo->fn_extra);
}
