/*-------------------------------------------------------------------------
 *
 * rfm.h
 *	  Cut points and scores of recency, frequency and monetary value.
 *
 * A cut point is the smallest value that earns the next score, so a score is
 * one more than the number of cut points that are not above the value.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_RFM_H
#define MODEL_RFM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/sort.h"

#define RFM_MIN_BINS	2
#define RFM_MAX_BINS	100

extern void rfm_cutoffs_by_value(const double *sorted, size_t count, int bins,
								 double *cutoffs);
extern void rfm_cutoffs_as_r(const double *sorted, size_t count, int bins,
							 double *cutoffs);
extern int	rfm_score(double value, const double *cutoffs, int count);

#endif							/* MODEL_RFM_H */
