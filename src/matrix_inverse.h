/*-------------------------------------------------------------------------
 *
 * matrix_inverse.h
 *	  What the core asks of the module that inverts large matrices.
 *
 * They are inverted by OpenBLAS, in a module of its own that is loaded when it
 * is first asked for: without it everything but EASE works.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MATRIX_INVERSE_H
#define MATRIX_INVERSE_H

#define MATRIX_MODULE	"$libdir/customer_tiering_matrix"
#define MATRIX_FUNCTION	"customer_tiering_invert"

/*
 * Inverts a symmetric positive definite matrix in place; of both only the half
 * with row <= column is read and written.  false: it is not definite.  Between
 * its two halves it checks for interrupts.
 */
typedef bool (*MatrixInvert) (double *square, int rows);

#endif							/* MATRIX_INVERSE_H */
