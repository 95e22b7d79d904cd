/*-------------------------------------------------------------------------
 *
 * gathered_rows.h
 *	  Rows of doubles that an aggregate gathers, in no order.
 *
 * For what needs every row at once.  Workers gather their own; the rows of all
 * are put together before the last step.
 *
 *-------------------------------------------------------------------------
 */
#ifndef GATHERED_ROWS_H
#define GATHERED_ROWS_H

#include "fmgr.h"

/* Rows of one group */
typedef struct GatheredRows
{
	int			width;			/* doubles in a row */
	double		argument;		/* of the aggregate, the same with every row */
	int64		count;			/* rows gathered */
	int64		room;			/* rows there is room for */
	double	   *value;
} GatheredRows;

extern GatheredRows *rows_new(MemoryContext context, int width,
							  double argument);
extern double *rows_add(GatheredRows *rows);
extern void rows_check_argument(const GatheredRows *rows, double argument,
								const char *arguments);

#endif							/* GATHERED_ROWS_H */
