/*-------------------------------------------------------------------------
 *
 * tier_result.h
 *	  Metrics and what is missing of them, as SQL values.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TIER_RESULT_H
#define TIER_RESULT_H

#include "tier_policy.h"

extern Datum tier_metrics(const TierRules *rules, const SignedUnits *metric);
extern bool tier_missing(const TierRules *rules, const TierLevel *level,
						 const TierState *state, Datum *missing);
extern double tier_progress(const TierLevel *level, const TierState *state);
extern const char *tier_reason(TierReason reason);

#endif							/* TIER_RESULT_H */
