/*-------------------------------------------------------------------------
 *
 * rfm_cutoffs.c
 *	  Aggregates that find the cut points of a whole set of customers.
 *
 * A quantile needs every value, so they are gathered; the last step sorts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"

#include "aggregate.h"
#include "gathered_rows.h"
#include "model/rfm.h"

#include "compat.h"

static void
check_bins(int bins)
{
	if (bins < RFM_MIN_BINS || bins > RFM_MAX_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bins %d is not between %d and %d", bins,
						RFM_MIN_BINS, RFM_MAX_BINS),
				 errhint("Five bins are usual.")));
}

/* NULL values are left out */
PG_FUNCTION_INFO_V1(tiering_rfm_cutoffs_accum);
Datum
tiering_rfm_cutoffs_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	GatheredRows *rows = PG_ARGISNULL(0) ? NULL
		: (GatheredRows *) PG_GETARG_POINTER(0);
	double		value;

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("bins must not be null"),
				 errhint("Five bins are usual.")));
	if (rows == NULL)
	{
		check_bins(PG_GETARG_INT32(2));
		rows = rows_new(context, 1, PG_GETARG_INT32(2));
	}
	rows_check_argument(rows, PG_GETARG_INT32(2), "bins");
	if (!PG_ARGISNULL(1))
	{
		value = PG_GETARG_FLOAT8(1);
		if (isnan(value) || isinf(value))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("value %g is not a finite number", value),
					 errhint("Leave such rows out, or pass NULL, which is skipped.")));
		*rows_add(rows) = value + 0.0;	/* makes -0 a 0 */
	}
	PG_RETURN_POINTER(rows);
}

/* Sorting leaves the rows the same set, so it stays usable */
static Datum
cutoffs_final(FunctionCallInfo fcinfo,
			  void (*find) (const double *, size_t, int, double *))
{
	GatheredRows *rows;
	int			bins;
	double	   *scratch;
	double		cutoffs[RFM_MAX_BINS];
	Datum		elements[RFM_MAX_BINS];

	aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	rows = (GatheredRows *) PG_GETARG_POINTER(0);
	if (rows->count == 0)
		PG_RETURN_NULL();
	bins = (int) rows->argument;
	scratch = palloc_extended(rows->count * sizeof(double), MCXT_ALLOC_HUGE);
	while (!sort_doubles(rows->value, scratch, rows->count, interrupts_are_pending))
		CHECK_FOR_INTERRUPTS();
	pfree(scratch);
	find(rows->value, rows->count, bins, cutoffs);
	for (int i = 0; i < bins - 1; i++)
		elements[i] = Float8GetDatum(cutoffs[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, bins - 1,
										  FLOAT8OID, sizeof(float8),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

PG_FUNCTION_INFO_V1(tiering_rfm_cutoffs_final);
Datum
tiering_rfm_cutoffs_final(PG_FUNCTION_ARGS)
{
	return cutoffs_final(fcinfo, rfm_cutoffs_by_value);
}

PG_FUNCTION_INFO_V1(tiering_rfm_cutoffs_r_final);
Datum
tiering_rfm_cutoffs_r_final(PG_FUNCTION_ARGS)
{
	return cutoffs_final(fcinfo, rfm_cutoffs_as_r);
}
