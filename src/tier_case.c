/*-------------------------------------------------------------------------
 *
 * tier_case.c
 *	  All that is known of one customer, as the policies look at it.
 *
 * Every function takes history, entries, overrides and enrolled first, in this
 * order, and knows of nothing after a day.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "history.h"
#include "tier_case.h"
#include "units_numeric.h"

#include "compat.h"

/* What a metric gains on a day of purchases */
static SignedUnits
gain_of(TierSource source, const HistoryDay *day, Units unit)
{
	const SignedUnits whole = (SignedUnits) units_power_of_ten(TIER_SCALE);

	switch (source)
	{
		case TIER_NET_SPEND:
			return ((SignedUnits) day->gross - (SignedUnits) day->refunded) *
				(SignedUnits) unit;
		case TIER_GROSS_SPEND:
			return (SignedUnits) (day->gross * unit);
		case TIER_ORDERS:
			return day->orders * whole;
		case TIER_PURCHASE_DAYS:
			return day->orders > 0 ? whole : 0;
		default:
			return 0;
	}
}

/* Spreads the days of a history over the metrics that are made of it */
static void
read_history(Datum history, const TierRules *rules, int32 until,
			 TierCase *result)
{
	HistoryReader reader;
	HistoryDay	day;
	TierChange *change[TIER_METRICS];
	Units		unit;

	history_read(history, &reader);
	unit = units_power_of_ten(TIER_SCALE - reader.scale);
	for (int m = 0; m < rules->metrics; m++)
	{
		if (rules->source[m] >= TIER_SUM_OF_ENTRIES)
			continue;
		change[m] = palloc(Max(reader.days, 1) * sizeof(TierChange));
		result->series[m].change = change[m];
	}
	while (history_step(&reader, &day) && day.day <= until)
	{
		if (result->enrolled == CALENDAR_NEVER && day.orders > 0)
			result->enrolled = day.day;
		for (int m = 0; m < rules->metrics; m++)
		{
			SignedUnits gain = gain_of(rules->source[m], &day, unit);

			if (gain != 0)
				change[m][result->series[m].count++] =
					(TierChange) {day.day, gain};
		}
	}
}

/* The rows of an array of some row type */
static HeapTupleHeader *
rows_of(Datum value, int *count)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Datum	   *element;
	bool	   *nulls;
	int16		length;
	bool		by_value;
	char		align;
	HeapTupleHeader *row;

	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align,
					  &element, &nulls, count);
	row = palloc(Max(*count, 1) * sizeof(HeapTupleHeader));
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("row %d of an array is null", i + 1),
					 errhint("Leave it out.")));
		row[i] = DatumGetHeapTupleHeader(element[i]);
	}
	return row;
}

/* A field of a row, which is not NULL */
static Datum
field(HeapTupleHeader row, const char *name)
{
	bool		null;
	Datum		value = GetAttributeByName(row, name, &null);

	if (null)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("field \"%s\" is null", name),
				 errhint("Leave the row out.")));
	return value;
}

/* Dated rows of other relations, by metric and then by day */
static void
read_entries(Datum value, const TierRules *rules, int32 until,
			 TierCase *result)
{
	int			count;
	HeapTupleHeader *row = rows_of(value, &count);
	TierChange *change = palloc(Max(count, 1) * sizeof(TierChange));

	for (int i = 0; i < count; i++)
	{
		int			m = DatumGetInt32(field(row[i], "metric")) - 1;
		int32		day = history_day_of_date(DatumGetDateADT(field(row[i], "day")));
		TierSeries *series;

		if (m < 0 || m >= rules->metrics ||
			rules->source[m] < TIER_SUM_OF_ENTRIES)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("entry %d is of metric %d, which has no entries",
							i + 1, m + 1),
					 errhint("Metrics are counted from 1, as in the policy document.")));
		if (day > until)
			continue;
		series = &result->series[m];
		if (series->count == 0)
			series->change = &change[i];
		if (&series->change[series->count] != &change[i] ||
			(series->count > 0 && series->change[series->count - 1].day > day))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("entry %d is not in the order of metrics and days",
							i + 1),
					 errhint("Gather them with array_agg(... ORDER BY metric, day).")));
		change[i].day = day;
		change[i].amount = tier_units(field(row[i], "amount"));
		series->count++;
	}
}

/* Levels that were given by hand */
static void
read_overrides(Datum value, const TierRules *rules, TierCase *result)
{
	int			count;
	HeapTupleHeader *row = rows_of(value, &count);
	TierOverride *override = palloc(Max(count, 1) * sizeof(TierOverride));

	for (int i = 0; i < count; i++)
	{
		DateADT		last = DatumGetDateADT(field(row[i], "valid_until"));

		override[i].first = history_day_from(DatumGetDateADT(field(row[i], "valid_from")));
		override[i].last = DATE_IS_NOEND(last) ? CALENDAR_NEVER
			: history_day_until(last);
		override[i].name = tier_name(rules, TextDatumGetCString(field(row[i], "tier")));
		override[i].is_floor = DatumGetBool(field(row[i], "at_least"));
	}
	result->override = override;
	result->overrides = count;
}

/* False for one who has not come until then */
bool
tier_case_read(FunctionCallInfo fcinfo, const TierRules *rules, int32 until,
			   TierCase *result)
{
	memset(result, 0, sizeof(*result));
	result->policy = rules->policy;
	result->policies = rules->policies;
	result->metrics = rules->metrics;
	for (int m = 0; m < rules->metrics; m++)
		result->series[m].is_state = rules->source[m] == TIER_LAST_ENTRY;
	result->enrolled = PG_ARGISNULL(3) ? CALENDAR_NEVER
		: history_day_of_date(PG_GETARG_DATEADT(3));
	if (!PG_ARGISNULL(0))
		read_history(PG_GETARG_DATUM(0), rules, until, result);
	if (!PG_ARGISNULL(1))
		read_entries(PG_GETARG_DATUM(1), rules, until, result);
	if (!PG_ARGISNULL(2))
		read_overrides(PG_GETARG_DATUM(2), rules, result);
	return result->enrolled <= until &&
		Max(result->enrolled, rules->policy[0].valid_from) <= until;
}
