/*-------------------------------------------------------------------------
 *
 * interactions.h
 *	  Who had to do with what, how much: a sparse matrix.
 *
 * Rows and columns are customers and items, or items and customers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_INTERACTIONS_H
#define MODEL_INTERACTIONS_H

#include <stddef.h>
#include <stdint.h>

typedef struct Interactions
{
	int			rows;
	int			columns;
	int64_t    *start;			/* of each row's cells, rows + 1 of them */
	int32_t    *column;			/* of a cell; ascending within a row */
	double	   *value;
} Interactions;

/* One of them before they are a matrix */
typedef struct Interaction
{
	int32_t		row;
	int32_t		column;
	double		value;
} Interaction;

extern Interaction *interactions_sort(const Interaction *given, int64_t count, int rows, int columns,
									  Interaction *scratch, int64_t *start);
extern int64_t interactions_cell_end(const Interaction *sorted, int64_t place, int64_t row_end);
extern void interactions_sort_values(Interaction *cell, int64_t count);
extern void interactions_build(const Interaction *given, int64_t count, double most,
							   Interaction *scratch, Interactions *matrix);
extern void interactions_transpose(const Interactions *from, Interactions *to);

#endif							/* MODEL_INTERACTIONS_H */
