/*-------------------------------------------------------------------------
 *
 * interactions.c
 *	  Who had to do with what, how much: a sparse matrix.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "model/interactions.h"

#define FEW		16

/* Where each row begins; start has one more than there are rows */
static void
count_starts(int64_t *start, int rows, const int32_t *row, size_t stride, int64_t count)
{
	memset(start, 0, (rows + 1) * sizeof(int64_t));
	for (int64_t i = 0; i < count; i++)
		start[*(const int32_t *) ((const char *) row + i * stride) + 1]++;
	for (int r = 0; r < rows; r++)
		start[r + 1] += start[r];
}

/* Where the cell that begins at a place of a row ends */
int64_t
interactions_cell_end(const Interaction *sorted, int64_t place, int64_t row_end)
{
	int64_t		next = place + 1;

	while (next < row_end && sorted[next].column == sorted[place].column)
		next++;
	return next;
}

static int
compare_values(const void *a, const void *b)
{
	double		x = ((const Interaction *) a)->value;
	double		y = ((const Interaction *) b)->value;

	return (x > y) - (x < y);
}

/* Sorts what belongs to one cell; most have a few, which need no more than this */
void
interactions_sort_values(Interaction *cell, int64_t count)
{
	if (count > FEW)
	{
		qsort(cell, count, sizeof(Interaction), compare_values);
		return;
	}
	for (int64_t i = 1; i < count; i++)
	{
		Interaction moved = cell[i];
		int64_t		k = i;

		for (; k > 0 && cell[k - 1].value > moved.value; k--)
			cell[k] = cell[k - 1];
		cell[k] = moved;
	}
}

/*
 * Sums what belongs to one cell, in the order of the values, so that the sum
 * does not depend on the order in which they came; at most so much.
 */
static double
sum_cell(Interaction *cell, int64_t count, double most)
{
	double		sum = 0;

	interactions_sort_values(cell, count);
	for (int64_t i = 0; i < count; i++)
		sum += cell[i].value;
	return sum < most ? sum : most;
}

/*
 * Sorts what is given by row and column, within scratch, which has room for two
 * times the count; start, with room for rows or columns and one more, gets where
 * each row begins.
 */
Interaction *
interactions_sort(const Interaction *given, int64_t count, int rows, int columns,
				  Interaction *scratch, int64_t *start)
{
	Interaction *by_column = scratch;
	Interaction *by_row = scratch + count;

	count_starts(start, columns, &given->column, sizeof(Interaction), count);
	for (int64_t i = 0; i < count; i++)
		by_column[start[given[i].column]++] = given[i];
	count_starts(start, rows, &given->row, sizeof(Interaction), count);
	for (int64_t i = 0; i < count; i++)
		by_row[start[by_column[i].row]++] = by_column[i];
	/* each start has moved to the next one's place */
	for (int r = rows; r > 0; r--)
		start[r] = start[r - 1];
	start[0] = 0;
	return by_row;
}

/* Makes the matrix of what is given, in any order; it has its rows and columns set, and room for as many cells */
void
interactions_build(const Interaction *given, int64_t count, double most,
				   Interaction *scratch, Interactions *matrix)
{
	Interaction *sorted = interactions_sort(given, count, matrix->rows, matrix->columns, scratch, matrix->start);
	int64_t		cells = 0;

	for (int r = 0; r < matrix->rows; r++)
	{
		int64_t		row_start = matrix->start[r];
		int64_t		row_end = matrix->start[r + 1];
		int64_t		next;

		matrix->start[r] = cells;
		for (int64_t i = row_start; i < row_end; i = next)
		{
			next = interactions_cell_end(sorted, i, row_end);
			matrix->column[cells] = sorted[i].column;
			matrix->value[cells++] = sum_cell(sorted + i, next - i, most);
		}
	}
	matrix->start[matrix->rows] = cells;
}

/* The same with rows and columns exchanged; it has room for as many cells */
void
interactions_transpose(const Interactions *from, Interactions *to)
{
	int64_t		cells = from->start[from->rows];

	to->rows = from->columns;
	to->columns = from->rows;
	count_starts(to->start, to->rows, from->column, sizeof(int32_t), cells);
	for (int r = 0; r < from->rows; r++)
		for (int64_t i = from->start[r]; i < from->start[r + 1]; i++)
		{
			int64_t		place = to->start[from->column[i]]++;

			to->column[place] = r;
			to->value[place] = from->value[i];
		}
	for (int r = to->rows; r > 0; r--)
		to->start[r] = to->start[r - 1];
	to->start[0] = 0;
}
