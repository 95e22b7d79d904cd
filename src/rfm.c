/*-------------------------------------------------------------------------
 *
 * rfm.c
 *	  Recency, frequency and monetary value of a history, and their scores.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "history_read.h"
#include "model/rfm.h"
#include "row_type.h"
#include "units_numeric.h"

#include "compat.h"

/*
 * rfm(history, as_of, since): NULL for a customer without a purchase between
 * since and as_of, both included.
 */
PG_FUNCTION_INFO_V1(tiering_rfm);
Datum
tiering_rfm(PG_FUNCTION_ARGS)
{
	HistoryTotals totals;
	DateADT		as_of;
	int32		first = 0;
	int			scale;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	as_of = PG_GETARG_DATEADT(1);
	if (DATE_NOT_FINITE(as_of))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of %s is not a finite date",
						DATE_IS_NOEND(as_of) ? "infinity" : "-infinity"),
				 errhint("Recency is counted back from as_of: pass the day of the analysis.")));
	if (!PG_ARGISNULL(2))
		first = history_day_from(PG_GETARG_DATEADT(2));
	scale = history_totals(PG_GETARG_DATUM(0), first,
						   history_day_until(as_of), &totals);
	if (totals.last < 0)
		PG_RETURN_NULL();
	if (totals.orders > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("frequency %lld exceeds the limit of %d",
						(long long) totals.orders, PG_INT32_MAX),
				 errhint("Read order_count(), which is a bigint.")));

	values[0] = Int32GetDatum(as_of - history_date_of_day(totals.last));
	values[1] = Int32GetDatum((int32) totals.orders);
	values[2] = numeric_from_units(history_net(&totals), scale);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(row_type_of_call(fcinfo),
													  values, nulls)));
}

/* Cut points of the last call, which a query's next row mostly shares */
typedef struct KnownCutoffs
{
	Size		size;			/* of the argument's bytes; 0 before the first */
	char	   *bytes;			/* the argument as it came */
	int			count;
	double		cutoffs[RFM_MAX_BINS];
} KnownCutoffs;

/* Reads cut points; raises an error if they are none */
static void
read_cutoffs(ArrayType *array, KnownCutoffs *known)
{
	const double *cutoffs = (const double *) ARR_DATA_PTR(array);
	int			count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));

	if (ARR_NDIM(array) > 1 || count < RFM_MIN_BINS - 1 ||
		count > RFM_MAX_BINS - 1 || array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cut points must be a flat array of %d to %d numbers without nulls",
						RFM_MIN_BINS - 1, RFM_MAX_BINS - 1),
				 errhint("Take them from rfm_cutoffs().")));
	for (int i = 0; i < count; i++)
	{
		if (isnan(cutoffs[i]) || (i > 0 && cutoffs[i] < cutoffs[i - 1]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("cut point %d is %s", i + 1,
							isnan(cutoffs[i]) ? "not a number"
							: "below the one before it"),
					 errhint("Cut points are in ascending order.")));
		known->cutoffs[i] = cutoffs[i];
	}
	known->count = count;
}

/* The cut points in argument 1 */
static const KnownCutoffs *
cutoffs_in(FunctionCallInfo fcinfo)
{
	KnownCutoffs *known = fcinfo->flinfo->fn_extra;
	struct varlena *given = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(1));
	Size		size = VARSIZE_ANY_EXHDR(given);

	if (known == NULL)
		known = fcinfo->flinfo->fn_extra =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
								   sizeof(KnownCutoffs));
	if (size != known->size ||
		memcmp(VARDATA_ANY(given), known->bytes, size) != 0)
	{
		known->size = 0;		/* until they are read, in case of an error */
		read_cutoffs(PG_GETARG_ARRAYTYPE_P(1), known);
		if (known->bytes != NULL)
			pfree(known->bytes);
		known->bytes = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, size);
		memcpy(known->bytes, VARDATA_ANY(given), size);
		known->size = size;
	}
	return known;
}

PG_FUNCTION_INFO_V1(tiering_rfm_score);
Datum
tiering_rfm_score(PG_FUNCTION_ARGS)
{
	double		value = PG_GETARG_FLOAT8(0);
	const KnownCutoffs *known = cutoffs_in(fcinfo);

	if (isnan(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value to score is not a number")));
	PG_RETURN_INT32(rfm_score(value, known->cutoffs, known->count));
}

/* money as a double, for cut points; the server's cast takes longer */
PG_FUNCTION_INFO_V1(tiering_money_value);
Datum
tiering_money_value(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(double_from_numeric(PG_GETARG_DATUM(0)));
}
