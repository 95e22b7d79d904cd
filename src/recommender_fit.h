/*-------------------------------------------------------------------------
 *
 * recommender_fit.h
 *	  What fits the parts of a recommender.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECOMMENDER_FIT_H
#define RECOMMENDER_FIT_H

#include "events.h"
#include "recommender.h"

/* How to fit */
typedef struct FitSettings
{
	double		half_life;
	double		horizon;
	double		most_interest;
	double		ease_neighbours;
	double		penalty;
	double		similar_neighbours;
	double		shrinkage;
	double		factors;
	double		confidence;
	double		factor_penalty;
	double		iterations;
	double		seed;
	double		min_customers;
	double		max_memory;		/* MB */
	Size		most_memory;	/* bytes */
} FitSettings;

extern void fit_similar(const Interactions *by_customer, const Interactions *by_item, const FitSettings *s, Recommender *model);
extern void fit_ease(const Interactions *by_customer, const Interactions *by_item, const FitSettings *s, Recommender *model);
extern void fit_factors(const Interactions *by_customer, const Interactions *by_item, const FitSettings *s, Recommender *model);
extern void fit_groups(const Events *events, const FitSettings *s, StoredRecommender *stored);

extern void links_new(ItemLinks *links, int rows, int64 most);
extern void links_add(ItemLinks *links, int row, const ScoredItem *item, int count);

#endif							/* RECOMMENDER_FIT_H */
