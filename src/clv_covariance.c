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

/* Refuses a matrix that no estimates have */
static void
refuse_matrix(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("covariance of the model %s", what),
			 errhint("Take the model from its fit, or leave its covariance NULL.")));
}

/* Could these be covariances?  The last digits may be off. */
static void
check_matrix(const double *matrix, int n)
{
	double		root[CLV_COVARIANCE];

	for (int i = 0; i < n; i++)
		if (!(matrix[i * n + i] >= 0) || isinf(matrix[i * n + i]))
			refuse_matrix("has a variance that is negative or infinite");
	/* Cholesky's square root of the correlations */
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
		{
			double		scale = sqrt(matrix[i * n + i]) *
				sqrt(matrix[j * n + j]);
			double		rest = matrix[i * n + j];

			if (!(fabs(matrix[i * n + j] - matrix[j * n + i]) <=
				  1e-6 * scale))
				refuse_matrix("is not symmetric");
			rest = rest == 0 ? 0 : rest / scale;
			for (int k = 0; k < j; k++)
				rest -= root[i * n + k] * root[j * n + k];
			if (i == j ? !(rest >= -1e-6)
				: !(fabs(rest) <= root[j * n + j] + 1e-6))
				refuse_matrix("gives some sum of parameters a negative variance");
			root[i * n + j] = i == j ? sqrt(Max(rest, 0))
				: root[j * n + j] > 0 ? rest / root[j * n + j] : 0;
		}
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
	check_matrix(matrix, n);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			log_covariance[i * n + j] = matrix[i * n + j] /
				(parameter[i] * parameter[j]);
	return true;
}
