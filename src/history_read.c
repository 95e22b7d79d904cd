/*-------------------------------------------------------------------------
 *
 * history_read.c
 *	  What a purchase history says: accessors, slices, the days themselves.
 *
 * Every function is strict and takes as_of, which is inclusive: what comes
 * later does not exist.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "history.h"
#include "history_read.h"
#include "units_numeric.h"

#include "compat.h"

/* Adds up the days from first to last, both included; returns the scale */
int
history_totals(Datum history, int32 first, int32 last, HistoryTotals *totals)
{
	HistoryReader reader;
	HistoryDay	day;

	totals_begin(totals);
	history_read(history, &reader);
	while (history_step(&reader, &day) && day.day <= last)
		if (day.day >= first)
			totals_add(totals, &day);
	return reader.scale;
}

/* The totals that an accessor's two arguments ask for */
static int
totals_as_of(FunctionCallInfo fcinfo, HistoryTotals *totals)
{
	return history_totals(PG_GETARG_DATUM(0), 0,
						  history_day_until(PG_GETARG_DATEADT(1)), totals);
}

PG_FUNCTION_INFO_V1(tiering_first_purchase);
Datum
tiering_first_purchase(PG_FUNCTION_ARGS)
{
	HistoryTotals totals;

	totals_as_of(fcinfo, &totals);
	if (totals.first < 0)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(history_date_of_day(totals.first));
}

PG_FUNCTION_INFO_V1(tiering_last_purchase);
Datum
tiering_last_purchase(PG_FUNCTION_ARGS)
{
	HistoryTotals totals;

	totals_as_of(fcinfo, &totals);
	if (totals.last < 0)
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(history_date_of_day(totals.last));
}

PG_FUNCTION_INFO_V1(tiering_order_count);
Datum
tiering_order_count(PG_FUNCTION_ARGS)
{
	HistoryTotals totals;

	totals_as_of(fcinfo, &totals);
	PG_RETURN_INT64(totals.orders);
}

PG_FUNCTION_INFO_V1(tiering_most_orders_in_a_day);
Datum
tiering_most_orders_in_a_day(PG_FUNCTION_ARGS)
{
	HistoryTotals totals;

	totals_as_of(fcinfo, &totals);
	PG_RETURN_INT32((int32) totals.most_orders);
}

PG_FUNCTION_INFO_V1(tiering_purchase_days);
Datum
tiering_purchase_days(PG_FUNCTION_ARGS)
{
	HistoryTotals totals;

	totals_as_of(fcinfo, &totals);
	PG_RETURN_INT32(totals.purchase_days);
}

PG_FUNCTION_INFO_V1(tiering_gross_total);
Datum
tiering_gross_total(PG_FUNCTION_ARGS)
{
	HistoryTotals totals;
	int			scale = totals_as_of(fcinfo, &totals);

	PG_RETURN_DATUM(numeric_from_units((SignedUnits) totals.gross, scale));
}

PG_FUNCTION_INFO_V1(tiering_refunded_total);
Datum
tiering_refunded_total(PG_FUNCTION_ARGS)
{
	HistoryTotals totals;
	int			scale = totals_as_of(fcinfo, &totals);

	PG_RETURN_DATUM(numeric_from_units((SignedUnits) totals.refunded, scale));
}

PG_FUNCTION_INFO_V1(tiering_net_total);
Datum
tiering_net_total(PG_FUNCTION_ARGS)
{
	HistoryTotals totals;
	int			scale = totals_as_of(fcinfo, &totals);

	PG_RETURN_DATUM(numeric_from_units(history_net(&totals), scale));
}

/* Exact money over a whole number: the server's division decides the digits */
PG_FUNCTION_INFO_V1(tiering_mean_order_value);
Datum
tiering_mean_order_value(PG_FUNCTION_ARGS)
{
	HistoryTotals totals;
	int			scale = totals_as_of(fcinfo, &totals);

	if (totals.orders == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(DirectFunctionCall2(numeric_div,
										numeric_from_units((SignedUnits) totals.gross,
														   scale),
										numeric_from_units(totals.orders, 0)));
}

PG_FUNCTION_INFO_V1(tiering_mean_gap);
Datum
tiering_mean_gap(PG_FUNCTION_ARGS)
{
	HistoryTotals totals;

	totals_as_of(fcinfo, &totals);
	if (totals.purchase_days < 2)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) (totals.last - totals.first) /
					 (totals.purchase_days - 1));
}

PG_FUNCTION_INFO_V1(tiering_last_gap);
Datum
tiering_last_gap(PG_FUNCTION_ARGS)
{
	HistoryTotals totals;

	totals_as_of(fcinfo, &totals);
	if (totals.purchase_days < 2)
		PG_RETURN_NULL();
	PG_RETURN_INT32(totals.last - totals.before_last);
}

/* Days between one purchase day and the next, oldest first */
PG_FUNCTION_INFO_V1(tiering_gaps);
Datum
tiering_gaps(PG_FUNCTION_ARGS)
{
	int32		last = history_day_until(PG_GETARG_DATEADT(1));
	int32		previous = -1;
	int			count = 0;
	HistoryReader reader;
	HistoryDay	day;
	Datum	   *gaps;

	history_read(PG_GETARG_DATUM(0), &reader);
	gaps = palloc_extended((reader.days + 1) * sizeof(Datum),
						   MCXT_ALLOC_HUGE);
	while (history_step(&reader, &day) && day.day <= last)
	{
		if (day.orders == 0)
			continue;
		if (previous >= 0)
			gaps[count++] = Int32GetDatum(day.day - previous);
		previous = day.day;
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(gaps, count, INT4OID,
										  sizeof(int32), true, TYPALIGN_INT));
}

/* The days from first to last, both included, as a history of their own */
static Datum
history_slice(Datum history, int32 first, int32 last)
{
	size_t		count;
	size_t		kept = 0;
	int			scale;
	HistoryDay *days = history_days(history, 0, &count, &scale);

	for (size_t i = 0; i < count; i++)
		if (days[i].day >= first && days[i].day <= last)
			days[kept++] = days[i];
	return history_make(days, kept, scale);
}

PG_FUNCTION_INFO_V1(tiering_history_until);
Datum
tiering_history_until(PG_FUNCTION_ARGS)
{
	return history_slice(PG_GETARG_DATUM(0), 0,
						 history_day_until(PG_GETARG_DATEADT(1)));
}

PG_FUNCTION_INFO_V1(tiering_history_between);
Datum
tiering_history_between(PG_FUNCTION_ARGS)
{
	return history_slice(PG_GETARG_DATUM(0),
						 history_day_from(PG_GETARG_DATEADT(1)),
						 history_day_until(PG_GETARG_DATEADT(2)));
}

PG_FUNCTION_INFO_V1(tiering_history_void_refunds);
Datum
tiering_history_void_refunds(PG_FUNCTION_ARGS)
{
	size_t		count;
	size_t		kept = 0;
	int			scale;
	HistoryDay *days = history_days(PG_GETARG_DATUM(0), 0, &count, &scale);

	for (size_t i = 0; i < count; i++)
		if (history_void_day(&days[i]))
			days[kept++] = days[i];
	return history_make(days, kept, scale);
}

/* One row a day: nothing that went into the history is lost */
PG_FUNCTION_INFO_V1(tiering_purchases);
Datum
tiering_purchases(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HistoryReader reader;
	HistoryDay	day;

	InitMaterializedSRF(fcinfo, 0);
	history_read(PG_GETARG_DATUM(0), &reader);
	while (history_step(&reader, &day))
	{
		Datum		values[4];
		bool		nulls[4] = {false};

		CHECK_FOR_INTERRUPTS();
		values[0] = DateADTGetDatum(history_date_of_day(day.day));
		values[1] = Int32GetDatum((int32) day.orders);
		values[2] = numeric_from_units((SignedUnits) day.gross, reader.scale);
		values[3] = numeric_from_units((SignedUnits) day.refunded, reader.scale);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
