/*-------------------------------------------------------------------------
 *
 * als.c
 *	  Factors of customers and items from implicit feedback.
 *
 * Alternating least squares of Hu, Koren and Volinsky (2008): a cell of value r
 * is a 1 with weight 1 + confidence r, an empty one is a 0 with weight 1.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/als.h"

#define STOP_CELLS	(1 << 16)	/* cells between two looks at stop */

/* doubles that a solution needs beside its arguments */
size_t
als_scratch(int factors)
{
	return (size_t) factors * factors + factors;
}

/* Products of the factors' columns: the lower half of a square */
void
als_gram(const double *factor, int rows, int factors, double *gram)
{
	memset(gram, 0, (size_t) factors * factors * sizeof(double));
	for (int r = 0; r < rows; r++)
	{
		const double *f = factor + (size_t) r * factors;

		for (int i = 0; i < factors; i++)
			for (int j = 0; j <= i; j++)
				gram[i * factors + j] += f[i] * f[j];
	}
}

/* Adds weight times f f' to the lower half of a square, and so on for 4 cells: fewer passes over it */
static void
add_four(double *restrict square, int factors, const double *const *f, const double *weight)
{
	for (int i = 0; i < factors; i++)
	{
		double		a = weight[0] * f[0][i];
		double		b = weight[1] * f[1][i];
		double		c = weight[2] * f[2][i];
		double		d = weight[3] * f[3][i];
		double	   *row = square + (size_t) i * factors;

		for (int j = 0; j <= i; j++)
			row[j] += ((a * f[0][j] + b * f[1][j]) + (c * f[2][j] + d * f[3][j]));
	}
}

/* The normal equations of one row: the lower half of a square, and the right side */
static void
add_cells(const AlsOptions *options, const double *factor, const int32_t *column, const double *value,
		  int64_t cells, double *square, double *side)
{
	int			k = options->factors;

	for (int64_t c = 0; c < cells; c += 4)
	{
		const double *f[4];
		double		weight[4];

		for (int n = 0; n < 4; n++)
		{
			bool		is_there = c + n < cells;

			f[n] = factor + (size_t) (is_there ? column[c + n] : column[c]) * k;
			weight[n] = is_there ? options->confidence * value[c + n] : 0;
			for (int i = 0; is_there && i < k; i++)
				side[i] += (1 + weight[n]) * f[n][i];
		}
		add_four(square, k, f, weight);
	}
}

/* Solves square x = side by Cholesky; the square is positive by its penalty */
static void
solve_square(double *square, int k, double *side)
{
	for (int i = 0; i < k; i++)
	{
		double	   *row = square + (size_t) i * k;

		for (int j = 0; j <= i; j++)
		{
			const double *other = square + (size_t) j * k;
			double		sum = row[j];

			for (int m = 0; m < j; m++)
				sum -= row[m] * other[m];
			row[j] = i == j ? sqrt(sum) : sum / other[j];
		}
		for (int m = 0; m < i; m++)
			side[i] -= row[m] * side[m];
		side[i] /= row[i];
	}
	for (int i = k - 1; i >= 0; i--)
	{
		side[i] /= square[(size_t) i * k + i];
		for (int m = 0; m < i; m++)
			side[m] -= square[(size_t) i * k + m] * side[i];
	}
}

/* The factors of one row, given those of the columns and their gram: also a new customer's */
void
als_solve(const AlsOptions *options, const double *gram, const double *factor,
		  const int32_t *column, const double *value, int64_t cells,
		  double *scratch, double *solved)
{
	int			k = options->factors;
	double	   *square = scratch;

	memset(solved, 0, k * sizeof(double));
	if (cells == 0)
		return;
	memcpy(square, gram, (size_t) k * k * sizeof(double));
	for (int i = 0; i < k; i++)
		square[(size_t) i * k + i] += options->penalty;
	add_cells(options, factor, column, value, cells, square, solved);
	solve_square(square, k, solved);
}

/* The factors of all rows, given those of the columns; false: stopped */
bool
als_half_step(const AlsOptions *options, const Interactions *matrix, const double *fixed,
			  double *scratch, double *solved, ModelStop stop)
{
	int			k = options->factors;
	double	   *gram = scratch + als_scratch(k);
	int64_t		done = 0;

	als_gram(fixed, matrix->columns, k, gram);
	for (int r = 0; r < matrix->rows; r++)
	{
		int64_t		start = matrix->start[r];
		int64_t		cells = matrix->start[r + 1] - start;

		als_solve(options, gram, fixed, matrix->column + start, matrix->value + start, cells,
				  scratch, solved + (size_t) r * k);
		/* a row without many cells takes its square's factoring */
		done += cells + k;
		if (done > STOP_CELLS)
		{
			if (stop())
				return false;
			done = 0;
		}
	}
	return true;
}
