/*-------------------------------------------------------------------------
 *
 * customer_tiering_matrix.c
 *	  Inverts large matrices with OpenBLAS.
 *
 * The serial build of the library: threads in a server process fail.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "matrix_inverse.h"

PG_MODULE_MAGIC;

/* of LAPACK and OpenBLAS; their own headers come with packages of their own */
extern void dpotrf_(const char *half, const int *rows, double *square, const int *stride, int *info);
extern void dpotri_(const char *half, const int *rows, double *square, const int *stride, int *info);
extern int	openblas_get_parallel(void);

extern PGDLLEXPORT bool customer_tiering_invert(double *square, int rows);

bool
customer_tiering_invert(double *square, int rows)
{
	int			info;

	if (openblas_get_parallel() != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the library OpenBLAS that was loaded uses threads"),
				 errhint("Install the package libopenblas0-serial, and build and install the extension again.")));
	/* rows are columns there: the half with row <= column is the lower one */
	dpotrf_("L", &rows, square, &rows, &info);
	CHECK_FOR_INTERRUPTS();
	if (info != 0)
		return false;
	dpotri_("L", &rows, square, &rows, &info);
	CHECK_FOR_INTERRUPTS();
	return info == 0;
}
