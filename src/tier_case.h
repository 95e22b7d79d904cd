/*-------------------------------------------------------------------------
 *
 * tier_case.h
 *	  All that is known of one customer, as the policies look at it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TIER_CASE_H
#define TIER_CASE_H

#include "tier_policy.h"

extern bool tier_case_read(FunctionCallInfo fcinfo, const TierRules *rules,
						   int32 until, TierCase *result);

#endif							/* TIER_CASE_H */
