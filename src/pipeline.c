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

/*
 * Was a row version made by a transaction that is not older than since?
 *
 * xmin has 32 bits.  Its epoch is the one that puts it before the next
 * transaction id, which is right for everything younger than two thousand
 * million transactions; an older row may look young, and is then only read
 * once more than needed.  It never happens the other way round.
 */
PG_FUNCTION_INFO_V1(tiering_changed_since);
Datum
tiering_changed_since(PG_FUNCTION_ARGS)
{
	TransactionId xmin = PG_GETARG_TRANSACTIONID(0);
	FullTransactionId since = PG_GETARG_FULLTRANSACTIONID(1);
	FullTransactionId next;
	uint32		epoch;

	if (!TransactionIdIsNormal(xmin))
		PG_RETURN_BOOL(false);
	next = ReadNextFullTransactionId();
	epoch = EpochFromFullTransactionId(next);
	if (xmin >= XidFromFullTransactionId(next))
	{
		if (epoch == 0)
			PG_RETURN_BOOL(true);	/* made since this statement began */
		epoch--;
	}
	PG_RETURN_BOOL(FullTransactionIdFollowsOrEquals(
						FullTransactionIdFromEpochAndXid(epoch, xmin), since));
}

/* May the procedure that asks commit? */
PG_FUNCTION_INFO_V1(tiering_may_commit);
Datum
tiering_may_commit(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(SPI_inside_nonatomic_context());
}
