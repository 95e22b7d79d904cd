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
 * clv_summary(history, as_of, time_unit): repeat purchase days, time from the
 * first one to the last, time from the first to as_of, and mean gross value of
 * the repeat days.  NULL for a customer without a purchase until as_of.
 */
PG_FUNCTION_INFO_V1(tiering_clv_summary);
Datum
tiering_clv_summary(PG_FUNCTION_ARGS)
{
	DateADT		as_of = PG_GETARG_DATEADT(1);
	const TimeUnit *unit = time_unit_named(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	HistoryReader reader;
	HistoryDay	day;
	int32		first = -1;
	int32		last = -1;
	int32		repeats = 0;
	double		value = 0;
	Datum		values[4];
	bool		nulls[4] = {false};

	if (DATE_NOT_FINITE(as_of))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of %s is not a finite date",
						DATE_IS_NOEND(as_of) ? "infinity" : "-infinity"),
				 errhint("Age is counted until as_of: pass the day of the analysis.")));
	history_read(PG_GETARG_DATUM(0), &reader);
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
		PG_RETURN_NULL();
	values[0] = Int32GetDatum(repeats);
	values[1] = Float8GetDatum((last - first) / unit->days);
	values[2] = Float8GetDatum((history_day_until(as_of) - first) / unit->days);
	values[3] = Float8GetDatum(value / Max(repeats, 1) /
							   (double) units_power_of_ten(reader.scale));
	nulls[3] = repeats == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(row_type_of_call(fcinfo),
													  values, nulls)));
}
