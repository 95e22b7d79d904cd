/*-------------------------------------------------------------------------
 *
 * tier_policy.h
 *	  Policies as SQL passes them: one document with all versions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TIER_POLICY_H
#define TIER_POLICY_H

#include "fmgr.h"

#include "model/tier.h"

#define TIER_SCALE		UNITS_MAX_SCALE /* decimal places of every metric */

/* Where the numbers of a metric come from */
typedef enum TierSource
{
	TIER_NET_SPEND,
	TIER_GROSS_SPEND,
	TIER_ORDERS,
	TIER_PURCHASE_DAYS,
	TIER_SUM_OF_ENTRIES,		/* dated rows of another relation */
	TIER_LAST_ENTRY				/* the newest of them holds */
} TierSource;

typedef struct TierRules
{
	int			metrics;
	char	   *metric[TIER_METRICS];	/* names */
	TierSource	source[TIER_METRICS];
	int			policies;
	TierPolicy *policy;			/* versions, the oldest first */
	int		   *version;		/* their numbers */
	int			names;
	char	  **name;			/* codes of levels, of all versions */
} TierRules;

extern const TierRules *tier_rules(FunctionCallInfo fcinfo, int argument);
extern SignedUnits tier_units(Datum number);
extern int	tier_name(const TierRules *rules, const char *code);

#endif							/* TIER_POLICY_H */
