/*-------------------------------------------------------------------------
 *
 * row_type.h
 *	  The row type that a function returns, looked up once for a call site.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ROW_TYPE_H
#define ROW_TYPE_H

#include "access/tupdesc.h"
#include "fmgr.h"

extern TupleDesc row_type_kept(FunctionCallInfo fcinfo, TupleDesc *kept);
extern TupleDesc row_type_of_call(FunctionCallInfo fcinfo);

#endif							/* ROW_TYPE_H */
