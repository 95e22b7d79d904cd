/*-------------------------------------------------------------------------
 *
 * gathered_rows.c
 *	  Rows of doubles that an aggregate gathers, in no order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/memutils.h"

#include "aggregate.h"
#include "gathered_rows.h"

#include "compat.h"

#define STATE_FORMAT	1		/* first byte of a state that is sent */
#define FIRST_ROOM		256		/* rows a new state has room for */

GatheredRows *
rows_new(MemoryContext context, int width, double argument)
{
	GatheredRows *rows = MemoryContextAlloc(context, sizeof(GatheredRows));

	rows->width = width;
	rows->argument = argument;
	rows->count = 0;
	rows->room = FIRST_ROOM;
	rows->value = MemoryContextAllocHuge(context,
										 rows->room * width * sizeof(double));
	return rows;
}

static void
rows_reserve(GatheredRows *rows, int64 more)
{
	if (rows->count + more <= rows->room)
		return;
	rows->room = Max(rows->room * 2, rows->count + more);
	rows->value = repalloc_huge(rows->value,
								rows->room * rows->width * sizeof(double));
}

/* The place for one more row */
double *
rows_add(GatheredRows *rows)
{
	rows_reserve(rows, 1);
	return rows->value + rows->width * rows->count++;
}

void
rows_check_argument(const GatheredRows *rows, double argument,
					const char *arguments)
{
	if (rows->argument != argument)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s differ within one group: %g and %g", arguments,
						rows->argument, argument),
				 errhint("Pass the same with every row.")));
}

static void
rows_append(GatheredRows *rows, const double *value, int64 count)
{
	rows_reserve(rows, count);
	memcpy(rows->value + rows->width * rows->count, value,
		   count * rows->width * sizeof(double));
	rows->count += count;
}

PG_FUNCTION_INFO_V1(tiering_rows_combine);
Datum
tiering_rows_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	GatheredRows *into = PG_ARGISNULL(0) ? NULL
		: (GatheredRows *) PG_GETARG_POINTER(0);
	GatheredRows *from = PG_ARGISNULL(1) ? NULL
		: (GatheredRows *) PG_GETARG_POINTER(1);

	if (from == NULL)
	{
		if (into == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(into);
	}
	if (into == NULL)
		into = rows_new(context, from->width, from->argument);
	if (into->width != from->width)
		elog(ERROR, "rows of an aggregate have %d and %d values", into->width,
			 from->width);
	rows_check_argument(into, from->argument, "last arguments");
	rows_append(into, from->value, from->count);
	PG_RETURN_POINTER(into);
}

PG_FUNCTION_INFO_V1(tiering_rows_serialize);
Datum
tiering_rows_serialize(PG_FUNCTION_ARGS)
{
	GatheredRows *rows = (GatheredRows *) PG_GETARG_POINTER(0);
	StringInfoData message;

	aggregate_context(fcinfo);
	pq_begintypsend(&message);
	pq_sendbyte(&message, STATE_FORMAT);
	pq_sendint32(&message, rows->width);
	pq_sendfloat8(&message, rows->argument);
	pq_sendint64(&message, rows->count);
	/* between processes of one server: the same byte order */
	pq_sendbytes(&message, (char *) rows->value,
				 rows->count * rows->width * sizeof(double));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

PG_FUNCTION_INFO_V1(tiering_rows_deserialize);
Datum
tiering_rows_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *sent = PG_GETARG_BYTEA_PP(0);
	StringInfoData message;
	GatheredRows *rows;
	int			width;
	double		argument;
	int64		count;

	aggregate_context(fcinfo);
	initStringInfo(&message);
	appendBinaryStringInfo(&message, VARDATA_ANY(sent), VARSIZE_ANY_EXHDR(sent));
	if (pq_getmsgbyte(&message) != STATE_FORMAT)
		elog(ERROR, "state of an aggregate has an unknown format");
	width = pq_getmsgint(&message, 4);
	argument = pq_getmsgfloat8(&message);
	count = pq_getmsgint64(&message);
	if (width < 1 || count < 0 || count * width !=
		(message.len - message.cursor) / (int64) sizeof(double))
		elog(ERROR, "state of an aggregate has a wrong length");
	rows = rows_new(CurrentMemoryContext, width, argument);
	rows_reserve(rows, count);
	pq_copymsgbytes(&message, (char *) rows->value,
					count * width * sizeof(double));
	pq_getmsgend(&message);
	rows->count = count;
	PG_RETURN_POINTER(rows);
}
