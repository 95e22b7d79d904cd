/*-------------------------------------------------------------------------
 *
 * events_matrix.c
 *	  Customers by items, of the rows of a query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "events.h"

static Interactions *
interactions_new(int rows, int columns, int64 cells)
{
	Interactions *matrix = palloc(sizeof(Interactions));

	matrix->rows = rows;
	matrix->columns = columns;
	/* room to count by columns first */
	matrix->start = palloc_extended((Max(rows, columns) + 1) * sizeof(int64_t), MCXT_ALLOC_HUGE);
	matrix->column = palloc_extended(Max(cells, 1) * sizeof(int32_t), MCXT_ALLOC_HUGE);
	matrix->value = palloc_extended(Max(cells, 1) * sizeof(double), MCXT_ALLOC_HUGE);
	return matrix;
}

/* Customers by items: a cell is the sum of its rows' weights as they are worth at as_of, at most so much */
Interactions *
events_interactions(const Events *events, double half_life, double most, Size most_memory)
{
	Interactions *matrix = interactions_new(events->customer_count, events->item_count, events->count);
	Interaction *given;

	events_check_memory(events_memory(events) + events->count * (3 * sizeof(Interaction) + 12), most_memory, "the matrix of customers and items");
	given = palloc_extended(Max(events->count, 1) * 3 * sizeof(Interaction), MCXT_ALLOC_HUGE);
	for (int64 i = 0; i < events->count; i++)
	{
		given[i] = (Interaction) {events->customer[i], events->item[i], events->weight[i]};
		if (half_life > 0)
			given[i].value *= exp2(((double) events->day[i] - events->as_of) / half_life);
	}
	CHECK_FOR_INTERRUPTS();
	interactions_build(given, events->count, most, given + events->count, matrix);
	pfree(given);
	CHECK_FOR_INTERRUPTS();
	return matrix;
}

/* Items by customers of customers by items, and the other way round */
Interactions *
interactions_turned(const Interactions *matrix)
{
	Interactions *turned = interactions_new(matrix->columns, matrix->rows, matrix->start[matrix->rows]);

	interactions_transpose(matrix, turned);
	CHECK_FOR_INTERRUPTS();
	return turned;
}
