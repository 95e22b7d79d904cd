/*-------------------------------------------------------------------------
 *
 * ease.h
 *	  Weights of items for each other: a linear model of the whole basket.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_EASE_H
#define MODEL_EASE_H

#include "model/interactions.h"
#include "model/sort.h"
#include "model/top.h"

extern bool ease_gram(const Interactions *by_customer, const int32_t *place, int places, double penalty,
					  double *square, ModelStop stop);
extern void ease_mirror(double *square, int places);
extern void ease_neighbours(const double *inverse, int places, const int32_t *item, int place, TopItems *top, double *scratch);

#endif							/* MODEL_EASE_H */
