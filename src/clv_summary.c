/*-------------------------------------------------------------------------
 *
 * clv_summary.c
 *	  A purchase history as the purchase models see it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "clv_model.h"
#include "history.h"
#include "history_read.h"
#include "model/history_totals.h"
#include "row_type.h"

#include "compat.h"

/*
 * Repeat purchase days, time from the first one to the last, time from the
 * first to as_of, and mean gross value of the repeat days; false for a customer
 * without a purchase until as_of.
 */
bool
clv_summarize(Datum history, DateADT as_of, const TimeUnit *unit,
			  ClvRecord *result)
{
	HistoryReader reader;
	HistoryDay	day;
	int32		first = -1;
	int32		last = -1;
	int32		repeats = 0;
	double		value = 0;

	if (DATE_NOT_FINITE(as_of))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of %s is not a finite date",
						DATE_IS_NOEND(as_of) ? "infinity" : "-infinity"),
				 errhint("Age is counted until as_of: pass the day of the analysis.")));
	history_read(history, &reader);
	while (history_step(&reader, &day) && day.day <= history_day_until(as_of))
	{
		if (day.orders == 0)
			continue;
		if (first < 0)
			first = day.day;
		else
		{
			repeats++;
			value += (double) day.gross;
		}
		last = day.day;
	}
	if (first < 0)
		return false;
	result->purchases.x = repeats;
	result->purchases.t_x = (last - first) / unit->days;
	result->purchases.T = (history_day_until(as_of) - first) / unit->days;
	result->has_mean = repeats > 0;
	result->mean = value / Max(repeats, 1) /
		(double) units_power_of_ten(reader.scale);
	return true;
}

/* A record as the first four fields of a row */
void
clv_put_record(Datum *values, bool *nulls, const ClvRecord *record)
{
	values[0] = Int32GetDatum((int32) record->purchases.x);
	values[1] = Float8GetDatum(record->purchases.t_x);
	values[2] = Float8GetDatum(record->purchases.T);
	values[3] = Float8GetDatum(record->mean);
	memset(nulls, false, 3 * sizeof(bool));
	nulls[3] = !record->has_mean;
}

/* clv_summary(history, as_of, time_unit) */
PG_FUNCTION_INFO_V1(tiering_clv_summary);
Datum
tiering_clv_summary(PG_FUNCTION_ARGS)
{
	const TimeUnit *unit = time_unit_named(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	ClvRecord	record;
	Datum		values[4];
	bool		nulls[4];

	if (!clv_summarize(PG_GETARG_DATUM(0), PG_GETARG_DATEADT(1), unit, &record))
		PG_RETURN_NULL();
	clv_put_record(values, nulls, &record);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(row_type_of_call(fcinfo),
													  values, nulls)));
}
