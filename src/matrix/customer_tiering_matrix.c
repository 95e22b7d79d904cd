/*-------------------------------------------------------------------------
 *
 * customer_tiering_matrix.c
 *	  Inverts large matrices with OpenBLAS.
 *
 * The serial build of the library: threads in a server process fail.  LAPACK's
 * own functions for a whole matrix take seconds and cannot be cancelled, so their
 * blocked algorithms (dpotrf, dtrtri, dlauum) are followed here block by block.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "matrix_inverse.h"

PG_MODULE_MAGIC;

#define BLOCK	192				/* columns at a time */

/* of BLAS, LAPACK and OpenBLAS; their own headers come with packages of their own */
extern void dpotrf_(const char *half, const int *n, double *a, const int *stride, int *info);
extern void dtrtri_(const char *half, const char *diagonal, const int *n, double *a, const int *stride, int *info);
extern void dlauum_(const char *half, const int *n, double *a, const int *stride, int *info);
extern void dtrsm_(const char *side, const char *half, const char *turn, const char *diagonal, const int *m, const int *n,
				   const double *alpha, const double *a, const int *a_stride, double *b, const int *b_stride);
extern void dtrmm_(const char *side, const char *half, const char *turn, const char *diagonal, const int *m, const int *n,
				   const double *alpha, const double *a, const int *a_stride, double *b, const int *b_stride);
extern void dsyrk_(const char *half, const char *turn, const int *n, const int *k, const double *alpha, const double *a, const int *a_stride,
				   const double *beta, double *c, const int *c_stride);
extern void dgemm_(const char *a_turn, const char *b_turn, const int *m, const int *n, const int *k, const double *alpha, const double *a, const int *a_stride,
				   const double *b, const int *b_stride, const double *beta, double *c, const int *c_stride);
extern int	openblas_get_parallel(void);

extern PGDLLEXPORT bool customer_tiering_invert(double *square, int rows);

static const double one = 1;
static const double minus_one = -1;

/* A square as the library sees it: columns after each other, the lower half */
typedef struct Square
{
	double	   *cell;
	int			n;
} Square;

static double *
at(const Square *s, int row, int column)
{
	return s->cell + (size_t) column * s->n + row;
}

static int
block_at(const Square *s, int place)
{
	return Min(BLOCK, s->n - place);
}

/* The Cholesky factor L of the square; false: it is not definite */
static bool
factor(const Square *s)
{
	for (int j = 0; j < s->n; j += BLOCK)
	{
		int			b = block_at(s, j);
		int			below = s->n - j - b;
		int			info;

		CHECK_FOR_INTERRUPTS();
		dsyrk_("L", "N", &b, &j, &minus_one, at(s, j, 0), &s->n, &one, at(s, j, j), &s->n);
		dpotrf_("L", &b, at(s, j, j), &s->n, &info);
		if (info != 0)
			return false;
		if (below == 0)
			continue;
		dgemm_("N", "T", &below, &b, &j, &minus_one, at(s, j + b, 0), &s->n, at(s, j, 0), &s->n, &one, at(s, j + b, j), &s->n);
		dtrsm_("R", "L", "T", "N", &below, &b, &one, at(s, j, j), &s->n, at(s, j + b, j), &s->n);
	}
	return true;
}

/* The inverse of L in its place; false: it has none */
static bool
invert_factor(const Square *s)
{
	for (int j = (s->n - 1) / BLOCK * BLOCK; j >= 0; j -= BLOCK)
	{
		int			b = block_at(s, j);
		int			below = s->n - j - b;
		int			info;

		CHECK_FOR_INTERRUPTS();
		if (below > 0)
		{
			dtrmm_("L", "L", "N", "N", &below, &b, &one, at(s, j + b, j + b), &s->n, at(s, j + b, j), &s->n);
			dtrsm_("R", "L", "N", "N", &below, &b, &minus_one, at(s, j, j), &s->n, at(s, j + b, j), &s->n);
		}
		dtrtri_("L", "N", &b, at(s, j, j), &s->n, &info);
		if (info != 0)
			return false;
	}
	return true;
}

/* The product L'L in the place of L */
static void
multiply_factor(const Square *s)
{
	for (int i = 0; i < s->n; i += BLOCK)
	{
		int			b = block_at(s, i);
		int			below = s->n - i - b;
		int			info;

		CHECK_FOR_INTERRUPTS();
		dtrmm_("L", "L", "T", "N", &b, &i, &one, at(s, i, i), &s->n, at(s, i, 0), &s->n);
		dlauum_("L", &b, at(s, i, i), &s->n, &info);
		if (below == 0)
			continue;
		dgemm_("T", "N", &b, &i, &below, &one, at(s, i + b, i), &s->n, at(s, i + b, 0), &s->n, &one, at(s, i, 0), &s->n);
		dsyrk_("L", "T", &b, &below, &one, at(s, i + b, i), &s->n, &one, at(s, i, i), &s->n);
	}
}

bool
customer_tiering_invert(double *square, int rows)
{
	/* rows are columns there: the half with row <= column is the lower one */
	Square		s = {square, rows};

	if (openblas_get_parallel() != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the library OpenBLAS that was loaded uses threads"),
				 errhint("Install the package libopenblas0-serial, and build and install the extension again.")));
	if (!factor(&s) || !invert_factor(&s))
		return false;
	multiply_factor(&s);
	return true;
}
