/*-------------------------------------------------------------------------
 *
 * sort.h
 *	  Sorting by doubles in time that grows with their number alone.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_SORT_H
#define MODEL_SORT_H

#include <stdbool.h>
#include <stddef.h>

/* Asked between passes of a long loop; true means give up */
typedef bool (*ModelStop) (void);

extern bool sort_by_key(void *items, void *scratch, size_t count, size_t size,
						size_t key, ModelStop stop);

static inline bool
sort_doubles(double *values, double *scratch, size_t count, ModelStop stop)
{
	return sort_by_key(values, scratch, count, sizeof(double), 0, stop);
}

#endif							/* MODEL_SORT_H */
