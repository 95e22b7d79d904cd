/*-------------------------------------------------------------------------
 *
 * clv_covariance.c
 *	  How sure a model's parameters are, as a field of the model.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "utils/array.h"

#include "clv_model.h"

#include "compat.h"

/* An n x n matrix, of rows so wide, as a field; one that is not known as NULL */
void
clv_put_covariance(Datum *values, bool *nulls, int field, const double *matrix,
				   int width, int n, bool known)
{
	Datum		element[CLV_COVARIANCE];
	int			dims[2] = {n, n};
	int			bounds[2] = {1, 1};

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
		{
			known = known && isfinite(matrix[i * width + j]);
			element[i * n + j] = Float8GetDatum(matrix[i * width + j]);
		}
	nulls[field] = !known;
	if (known)
		values[field] = PointerGetDatum(construct_md_array(element, NULL, 2,
														   dims, bounds, FLOAT8OID,
														   sizeof(float8),
														   FLOAT8PASSBYVAL,
														   TYPALIGN_DOUBLE));
}

/*
 * Reads a model's covariances, of the logarithms of its parameters; false if
 * there are none.
 */
bool
clv_read_covariance(HeapTupleHeader row, const double *parameter, int n,
					double *log_covariance)
{
	bool		null;
	Datum		field = GetAttributeByName(row, "covariance", &null);
	ArrayType  *array;
	double	   *matrix;

	if (null)
		return false;
	array = DatumGetArrayTypeP(field);
	if (ARR_NDIM(array) != 2 || ARR_DIMS(array)[0] != n ||
		ARR_DIMS(array)[1] != n || ARR_HASNULL(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("covariance of the model is not a matrix of %d rows and columns",
						n),
				 errhint("Take the model from its fit, or leave its covariance NULL.")));
	matrix = (double *) ARR_DATA_PTR(array);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
		{
			double		covariance = matrix[i * n + j];

			/* no larger than variances allow, but for the last digits */
			if (!(matrix[i * n + i] >= 0) || !(fabs(covariance) <= 1.000001 * sqrt(matrix[i * n + i] *
													  matrix[j * n + j])) ||
				isinf(covariance))
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("element %d, %d of the model's covariance, %g, is none",
								i + 1, j + 1, covariance),
						 errhint("Take the model from its fit, or leave its covariance NULL.")));
			log_covariance[i * n + j] = covariance /
				(parameter[i] * parameter[j]);
		}
	return true;
}
