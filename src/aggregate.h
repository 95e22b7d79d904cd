/*-------------------------------------------------------------------------
 *
 * aggregate.h
 *	  What aggregates with a state in memory share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AGGREGATE_H
#define AGGREGATE_H

#include "fmgr.h"
#include "miscadmin.h"

/* The memory in which states live; refuses a call from outside an aggregate */
static inline MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "function %u is part of an aggregate",
			 fcinfo->flinfo->fn_oid);
	return context;
}

/* Asked by long loops of the models, which cannot raise an error themselves */
static inline bool
interrupts_are_pending(void)
{
	return INTERRUPTS_PENDING_CONDITION();
}

#endif							/* AGGREGATE_H */
