/*-------------------------------------------------------------------------
 *
 * rules.h
 *	  What rules are worth, and which of them say nothing more than others.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_RULES_H
#define MODEL_RULES_H

#include "model/itemsets.h"

/* Baskets: all of them, with each side of a rule, and with both */
typedef struct RuleCounts
{
	int64_t		all;
	int64_t		antecedent;
	int64_t		consequent;
	int64_t		both;
} RuleCounts;

typedef struct RuleMeasures
{
	double		support;
	double		confidence;
	double		lift;
	double		leverage;
	double		conviction;
	bool		has_conviction; /* not where the confidence is 1 */
	double		jaccard;
} RuleMeasures;

static inline double
rule_confidence(const RuleCounts *counts)
{
	return (double) counts->both / (double) counts->antecedent;
}

/* Of products of whole numbers, so that it is 1 where the sides have nothing to do with each other */
static inline double
rule_lift(const RuleCounts *counts)
{
	return (double) counts->both * (double) counts->all / ((double) counts->antecedent * (double) counts->consequent);
}

extern void rule_measures(const RuleCounts *counts, RuleMeasures *measures);
extern int64_t baskets_of_share(double share, int64_t all);
extern MiningStatus itemsets_sort(ItemsetList *list, MiningLimits *limits);
extern MiningStatus rules_drop_redundant(ItemsetList *list, MiningLimits *limits);

#endif							/* MODEL_RULES_H */
