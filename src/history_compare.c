/*-------------------------------------------------------------------------
 *
 * history_compare.c
 *	  Order and hash of purchase histories.
 *
 * Histories are equal when their days, orders and money are, at whatever
 * scale the money is kept.  The order is by the first day that differs; it
 * has no meaning beyond being one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"

#include "history.h"

#include "compat.h"

static int
compare_units(Units a, Units b)
{
	return (a > b) - (a < b);
}

/* Compares two entries whose money has been brought to one scale */
static int
compare_entries(const HistoryDay *a, const HistoryDay *b)
{
	int			result;

	if (a->day != b->day)
		return a->day < b->day ? -1 : 1;
	if (a->orders != b->orders)
		return a->orders < b->orders ? -1 : 1;
	if ((result = compare_units(a->gross, b->gross)) != 0)
		return result;
	return compare_units(a->refunded, b->refunded);
}

static int
history_compare(FunctionCallInfo fcinfo)
{
	HistoryReader a;
	HistoryReader b;
	HistoryDay	x;
	HistoryDay	y;
	int			scale;

	history_read(PG_GETARG_DATUM(0), &a);
	history_read(PG_GETARG_DATUM(1), &b);
	scale = Max(a.scale, b.scale);
	for (;;)
	{
		bool		more_a = history_step(&a, &x);
		bool		more_b = history_step(&b, &y);
		int			result;

		if (!more_a || !more_b)
			return (int) more_a - (int) more_b;
		history_rescale(&x, 1, scale - a.scale);
		history_rescale(&y, 1, scale - b.scale);
		if ((result = compare_entries(&x, &y)) != 0)
			return result;
	}
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_cmp);
Datum
tiering_purchase_history_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(history_compare(fcinfo));
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_lt);
Datum
tiering_purchase_history_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(history_compare(fcinfo) < 0);
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_le);
Datum
tiering_purchase_history_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(history_compare(fcinfo) <= 0);
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_eq);
Datum
tiering_purchase_history_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(history_compare(fcinfo) == 0);
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_ne);
Datum
tiering_purchase_history_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(history_compare(fcinfo) != 0);
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_ge);
Datum
tiering_purchase_history_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(history_compare(fcinfo) >= 0);
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_gt);
Datum
tiering_purchase_history_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(history_compare(fcinfo) > 0);
}

/*
 * The canonical bytes at the smallest scale that holds all the money exactly,
 * which equal histories share.
 */
static struct varlena *
history_smallest(Datum history)
{
	size_t		count;
	int			scale;
	HistoryDay *days = history_days(history, 0, &count, &scale);
	int			spare = scale;

	for (size_t i = 0; i < count; i++)
	{
		while (spare > 0 &&
			   (days[i].gross % units_power_of_ten(spare) != 0 ||
				days[i].refunded % units_power_of_ten(spare) != 0))
			spare--;
	}
	for (size_t i = 0; i < count; i++)
	{
		days[i].gross /= units_power_of_ten(spare);
		days[i].refunded /= units_power_of_ten(spare);
	}
	return (struct varlena *)
		DatumGetPointer(history_make(days, count, scale - spare));
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_hash);
Datum
tiering_purchase_history_hash(PG_FUNCTION_ARGS)
{
	struct varlena *key = history_smallest(PG_GETARG_DATUM(0));

	return hash_any((unsigned char *) VARDATA(key), VARSIZE(key) - VARHDRSZ);
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_hash_extended);
Datum
tiering_purchase_history_hash_extended(PG_FUNCTION_ARGS)
{
	struct varlena *key = history_smallest(PG_GETARG_DATUM(0));

	return hash_any_extended((unsigned char *) VARDATA(key),
							 VARSIZE(key) - VARHDRSZ, PG_GETARG_INT64(1));
}
