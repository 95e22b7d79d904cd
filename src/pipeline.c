/*-------------------------------------------------------------------------
 *
 * pipeline.c
 *	  What a refresh asks of the server that SQL cannot say.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/xid8.h"

/* What changed_since() finds out once for each call site */
typedef struct ChangedSince
{
	FullTransactionId since;	/* the argument it was worked out for */
	bool		all;			/* too long ago to tell: everything changed */
} ChangedSince;

/*
 * Was a row version made by a transaction that is not older than since?
 *
 * xmin has 32 bits, and is compared as the server compares transaction ids:
 * right for all that is younger than two thousand million transactions.  A
 * row that is older may look young, and is then only read once more than
 * needed.  If since itself is that old, every row counts as changed.
 */
PG_FUNCTION_INFO_V1(tiering_changed_since);
Datum
tiering_changed_since(PG_FUNCTION_ARGS)
{
	TransactionId xmin = PG_GETARG_TRANSACTIONID(0);
	FullTransactionId since = PG_GETARG_FULLTRANSACTIONID(1);
	ChangedSince *known = fcinfo->flinfo->fn_extra;

	if (known == NULL || !FullTransactionIdEquals(known->since, since))
	{
		uint64		next = U64FromFullTransactionId(ReadNextFullTransactionId());

		known = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(ChangedSince));
		known->since = since;
		known->all = next - U64FromFullTransactionId(since) >= PG_INT32_MAX;
		fcinfo->flinfo->fn_extra = known;
	}
	if (!TransactionIdIsNormal(xmin))
		PG_RETURN_BOOL(false);	/* a row of the server's own making */
	PG_RETURN_BOOL(known->all ||
				   (int32) (xmin - XidFromFullTransactionId(since)) >= 0);
}

/* May the procedure that asks commit? */
PG_FUNCTION_INFO_V1(tiering_may_commit);
Datum
tiering_may_commit(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(SPI_inside_nonatomic_context());
}
