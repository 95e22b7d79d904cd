/*-------------------------------------------------------------------------
 *
 * history.c
 *	  How the module reads and makes values of type purchase_history.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "history.h"

#include "compat.h"

/* Raises the error that belongs to a status; returns if it is none */
void
history_raise(HistoryStatus status)
{
	switch (status)
	{
		case HISTORY_OK:
			return;
		case HISTORY_CORRUPT:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("stored purchase history is damaged"),
					 errhint("Build the history again from its orders.")));
			break;
		case HISTORY_TOO_MUCH_MONEY:
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("money of one day is not below the limit of 10^24"),
					 errhint("Use a larger unit of money, such as thousands.")));
			break;
		case HISTORY_TOO_MANY_ORDERS:
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("orders of one day exceed the limit of %d",
							HISTORY_MAX_ORDERS),
					 errhint("Check the orders counts that were passed.")));
			break;
	}
	elog(ERROR, "unknown history status %d", (int) status);
}

/*
 * Reads every day of a history, in order, into a new list with room for so
 * many more.  A history that is still being gathered is as good as any: a
 * distributed executor shows such states to ordinary functions.
 */
HistoryDay *
history_days(Datum value, size_t room, size_t *count, int *scale)
{
	struct varlena *stored = PG_DETOAST_DATUM_PACKED(value);
	const uint8_t *data = (const uint8_t *) VARDATA_ANY(stored);
	size_t		size = VARSIZE_ANY_EXHDR(stored);
	HistoryDay *days;

	if (history_is_bag(data, size))
	{
		days = palloc_extended((bag_max_days(size) + room + 1) *
							   sizeof(HistoryDay), MCXT_ALLOC_HUGE);
		history_raise(bag_days(data, size, days, count));
		*scale = bag_scale(data);
		history_raise(history_put_in_order(days, count, *scale));
	}
	else
	{
		HistoryReader reader;
		HistoryDay	day;

		history_read(PointerGetDatum(stored), &reader);
		days = palloc_extended((reader.days + room + 1) * sizeof(HistoryDay),
							   MCXT_ALLOC_HUGE);
		for (*count = 0; history_step(&reader, &day); (*count)++)
			days[*count] = day;
		*scale = reader.scale;
	}
	return days;
}

/* Starts reading a history of either shape */
void
history_read(Datum value, HistoryReader *reader)
{
	struct varlena *stored = PG_DETOAST_DATUM_PACKED(value);

	if (history_is_bag((uint8_t *) VARDATA_ANY(stored),
					   VARSIZE_ANY_EXHDR(stored)))
	{
		size_t		count;
		int			scale;
		HistoryDay *days = history_days(PointerGetDatum(stored), 0,
										&count, &scale);

		stored = (struct varlena *)
			DatumGetPointer(history_make(days, count, scale));
		pfree(days);
	}
	if (!history_open(reader, (uint8_t *) VARDATA_ANY(stored),
					  VARSIZE_ANY_EXHDR(stored)))
		history_raise(HISTORY_CORRUPT);
}

/* Reads the next day; false at the end */
bool
history_step(HistoryReader *reader, HistoryDay *day)
{
	int			got = history_next(reader, day);

	if (got < 0)
		history_raise(HISTORY_CORRUPT);
	return got > 0;
}

/* Makes the canonical value of days that are in order */
Datum
history_make(HistoryDay *days, size_t count, int scale)
{
	uint8_t		small[1024];
	Size		most = history_encoded_max(count);
	uint8_t    *buffer = small;
	struct varlena *result;
	Size		size;

	if (most > sizeof(small))
		buffer = palloc_extended(most, MCXT_ALLOC_HUGE);
	size = history_encode(buffer, scale, days, count);
	result = palloc(VARHDRSZ + size);
	SET_VARSIZE(result, VARHDRSZ + size);
	memcpy(VARDATA(result), buffer, size);
	if (buffer != small)
		pfree(buffer);
	return PointerGetDatum(result);
}

/* Raises the error that names the date and the limits */
void
history_date_refused(DateADT date)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("purchase date %s is not between 0001-01-01 and 9999-12-31",
					DatumGetCString(DirectFunctionCall1(date_out,
														DateADTGetDatum(date)))),
			 errhint("Leave such rows out, or pass NULL, which is skipped.")));
}

/* The last day that counts for an inclusive bound; -1 if none does */
int32
history_day_until(DateADT date)
{
	if (DATE_IS_NOEND(date) || date > HISTORY_LAST_DAY - HISTORY_DAY_OF_EPOCH)
		return HISTORY_LAST_DAY;
	if (DATE_IS_NOBEGIN(date) || date < -HISTORY_DAY_OF_EPOCH)
		return -1;
	return date + HISTORY_DAY_OF_EPOCH;
}

/* The first day that counts for an inclusive bound; past the last if none */
int32
history_day_from(DateADT date)
{
	if (DATE_IS_NOBEGIN(date) || date < -HISTORY_DAY_OF_EPOCH)
		return 0;
	if (DATE_IS_NOEND(date) || date > HISTORY_LAST_DAY - HISTORY_DAY_OF_EPOCH)
		return HISTORY_LAST_DAY + 1;
	return date + HISTORY_DAY_OF_EPOCH;
}
