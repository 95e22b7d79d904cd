/*-------------------------------------------------------------------------
 *
 * recommend.h
 *	  What to offer one customer, by what he bought and what everybody does.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_RECOMMEND_H
#define MODEL_RECOMMEND_H

#include <stdbool.h>

#include "model/als.h"
#include "model/demand.h"
#include "model/top.h"

/* What is known of one item for one customer: terms of the blend */
typedef enum RecommendFeature
{
	FEATURE_EASE,				/* logs of scores, from a floor on */
	FEATURE_FACTORS,
	FEATURE_SIMILAR,
	FEATURE_OWNED,				/* did he buy it? */
	FEATURE_OWN,				/* log of how often, as it is worth at as_of */
	FEATURE_SINCE,				/* log of days since */
	FEATURE_OVERDUE,			/* log of that over his usual gap */
	FEATURE_POPULAR_SOON,		/* logs of popularity, by half-life */
	FEATURE_POPULAR,
	FEATURE_POPULAR_LONG,
	FEATURE_SEASON,
	FEATURE_CATEGORY,			/* log of his share of the category over that of all */
	FEATURE_GROUP,				/* log of his group's share of the item over that of all */
	FEATURE_BREADTH,			/* log of how many items he has: from here on the same for all of his candidates */
	FEATURE_ACTIVITY,			/* log of all that he bought, as it is worth at as_of */
	FEATURE_BEST_EASE,			/* the best of each score, in their order */
	FEATURE_BEST_FACTORS,
	FEATURE_BEST_SIMILAR,
	RECOMMEND_FEATURES
} RecommendFeature;

#define RECOMMEND_WEIGHTS	(2 * (RECOMMEND_FEATURES + 1))

extern const char *const recommend_feature_name[RECOMMEND_FEATURES];

#define RECOMMEND_SCORE_FLOOR	0.003	/* below it scores are noise */

/* Rankings that there are */
typedef enum RecommendModel
{
	MODEL_POPULAR,
	MODEL_POPULAR_IN_GROUP,
	MODEL_BUY_AGAIN,
	MODEL_SIMILAR,
	MODEL_FACTORS,
	MODEL_EASE,
	MODEL_BLEND,
	RECOMMEND_MODELS
} RecommendModel;

extern const char *const recommend_model_name[RECOMMEND_MODELS];

/* Items that an item or a group leads to, with weights */
typedef struct ItemLinks
{
	int			rows;
	int64_t    *start;			/* rows + 1; NULL: there are none */
	int32_t    *item;
	float	   *weight;
} ItemLinks;

typedef struct Recommender
{
	int			items;
	double		customers;		/* that it was fitted to */
	int			as_of;			/* day of the fit */
	double		half_life;		/* of what a purchase tells of his taste */
	double		most;			/* of what one item tells */
	ItemDemand *demand;			/* of items */
	int			categories;
	int32_t    *category;		/* of items, from 0; -1: none; NULL: of no item */
	double	   *category_share; /* of all purchases */
	int32_t    *popular[DEMAND_WINDOWS];	/* items by popularity, the most popular first */
	int			sold;			/* that anybody bought: so many are in it */
	ItemLinks	ease;
	ItemLinks	similar;
	ItemLinks	group;			/* of groups: logs of shares */
	AlsOptions	als;			/* factors 0: there are none */
	double	   *factor;			/* items by factors */
	double	   *factor_turned;	/* factors by items */
	double	   *gram;
} Recommender;

/* An item that the customer bought */
typedef struct OwnItem
{
	int32_t		item;
	int			count;			/* days on which he did */
	int			first;			/* day */
	int			last;
	double		interest;		/* what it tells of his taste at as_of */
	double		own;			/* days, as they are worth at as_of by the longest half-life */
} OwnItem;

typedef struct RecommendCustomer
{
	OwnItem    *own;			/* by item */
	int			owned;
	int			group;			/* from 0; -1: unknown */
	const bool *excluded;		/* by item: what may not be offered; NULL: everything may */
	int			as_of;
} RecommendCustomer;

typedef struct RecommendCandidate
{
	int32_t		item;
	int32_t		own;			/* its place among the customer's; -1: he has it not */
	double		feature[RECOMMEND_FEATURES];
} RecommendCandidate;

/* Room for the work on one customer */
typedef struct RecommendWork
{
	double	   *ease;			/* by item */
	double	   *similar;
	double	   *factors;
	double	   *group;
	int32_t    *own;			/* by item, its place; -1 */
	bool	   *is_candidate;
	int32_t    *column;			/* of as many own items as there may be */
	double	   *value;
	double	   *solution;		/* of factors */
	double	   *scratch;		/* of als */
	double	   *category;		/* of interest */
	ScoredItem *top;
	int			candidates;
	RecommendCandidate *candidate;
} RecommendWork;

/* How to choose among candidates */
typedef struct RecommendChoice
{
	RecommendModel model;
	const double *weight;		/* of the blend: the intercept, then one for each feature; of what is new, then of what he has */
	int			count;
	bool		only_new;
	const bool *once;			/* by item: not if he has it; NULL: none */
	int			most_in_category;	/* 0: any number */
	double		diversity;		/* 0 to 1: weight of being unlike what was chosen before */
} RecommendChoice;

extern int	recommend_own(const Recommender *recommender, int as_of, Interaction *day, int count, OwnItem *own);
extern int	recommend_most_candidates(const Recommender *recommender, int owned);
extern void recommend_find(const Recommender *recommender, const RecommendCustomer *customer, RecommendWork *work);
extern double recommend_value(const Recommender *recommender, const RecommendCandidate *candidate,
							  RecommendModel model, const double *weight);
extern int	recommend_choose(const Recommender *recommender, const RecommendWork *work, const RecommendChoice *choice,
							 ScoredItem *pool, double *alike, ScoredItem *chosen);
extern int	recommend_because(const Recommender *recommender, const RecommendCustomer *customer, int32_t item);

#endif							/* MODEL_RECOMMEND_H */
