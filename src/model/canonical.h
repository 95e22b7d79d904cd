/*-------------------------------------------------------------------------
 *
 * canonical.h
 *	  An order of rows that depends on what is in them alone.
 *
 * Sums of doubles depend on the order of their terms.  Rows are put into this
 * order first, so that the same rows give the same model in any order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_CANONICAL_H
#define MODEL_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>

#include "model/sort.h"

/* Room for each row that canonical_order() needs besides */
#define CANONICAL_SCRATCH	32

extern bool canonical_order(double *rows, size_t count, size_t width,
							void *scratch, ModelStop stop);

#endif							/* MODEL_CANONICAL_H */
