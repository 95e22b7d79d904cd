/*-------------------------------------------------------------------------
 *
 * tier.h
 *	  Which level a customer has earned, day by day, under a policy.
 *
 * On each day the metrics of a window earn a level.  More than one has is an
 * upgrade.  One who has a level has those below it as well, and each of them
 * lapses by itself when less is earned; unless that is made good in time, it is
 * lost.  So whoever earns more never has less.  All is decided from dated
 * changes alone, and any day can be replayed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_TIER_H
#define MODEL_TIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/calendar.h"
#include "model/units.h"

#define TIER_LEVELS		32		/* most levels of a policy, the base one included */
#define TIER_METRICS	16
#define TIER_CONDITIONS	16		/* most of one level */

/* Which days count */
typedef enum TierWindowKind
{
	TIER_LIFETIME,				/* all so far */
	TIER_ROLLING,				/* the last span */
	TIER_CALENDAR,				/* month, quarter, half, year: so far */
	TIER_ENROLMENT,				/* spans since the customer came: so far */
	TIER_TERM,					/* spans since he has his level: so far */
	TIER_CYCLE					/* spans since a day for all: so far */
} TierWindowKind;

typedef enum TierUpgrade
{
	TIER_UPGRADE_AT_ONCE,
	TIER_UPGRADE_NEXT_PERIOD
} TierUpgrade;

/* When a lapse that was not made good takes the level away */
typedef enum TierDowngrade
{
	TIER_DOWNGRADE_NEVER,
	TIER_DOWNGRADE_AT_ONCE,
	TIER_DOWNGRADE_PERIOD_END,
	TIER_DOWNGRADE_NEXT_PERIOD_END
} TierDowngrade;

/* How the conditions of a level go together */
typedef enum TierCombine
{
	TIER_ALL,
	TIER_ANY,
	TIER_WEIGHTS				/* weights of those that hold reach a sum */
} TierCombine;

typedef struct TierCondition
{
	int			metric;
	SignedUnits threshold;		/* reached exactly is reached */
	int			weight;
} TierCondition;

typedef struct TierLevel
{
	TierCombine combine;
	int			weight_needed;
	int			conditions;
	TierCondition condition[TIER_CONDITIONS];
	int			floor;			/* who has this level, or a higher one, never
								 * falls below */
	int			name;			/* levels of one name are one level in all
								 * versions of a policy */
} TierLevel;

typedef struct TierPolicy
{
	int32_t		valid_from;		/* first day */
	TierWindowKind window;
	CalendarSpan span;			/* of the window; a calendar's is in months */
	int			first_month;	/* of the fiscal year */
	int32_t		origin;			/* of cycles */
	int			period_months;	/* when levels are decided, for windows that
								 * have no periods of their own; 0: none */
	TierUpgrade upgrade;
	TierDowngrade downgrade;
	bool		soft;			/* falls by one level at a time */
	CalendarSpan grace;			/* to make a lapse good after its time */
	int			round_months;	/* a level ends with a month, quarter, year */
	CalendarSpan stay;			/* a level is kept for so long at least */
	int			levels;			/* the base level is 0, and needs nothing */
	TierLevel	level[TIER_LEVELS];
	int			successor[TIER_LEVELS]; /* what a level of the policy before
										 * becomes in this one */
} TierPolicy;

/* What a metric gains on a day, or what it is from that day on */
typedef struct TierChange
{
	int32_t		day;
	SignedUnits amount;
} TierChange;

typedef struct TierSeries
{
	const TierChange *change;	/* in the order of days */
	size_t		count;
	bool		is_state;		/* amounts replace each other */
} TierSeries;

/* A level that somebody gave by hand */
typedef struct TierOverride
{
	int32_t		first;
	int32_t		last;
	int			name;			/* of the level; a policy without it knows of
								 * nothing given */
	bool		is_floor;		/* not less than that, else just that */
} TierOverride;

/* All that is known of one customer */
typedef struct TierCase
{
	const TierPolicy *policy;	/* versions, in the order of days */
	int			policies;
	int			metrics;
	TierSeries	series[TIER_METRICS];
	const TierOverride *override;	/* a later one goes before an earlier one */
	size_t		overrides;
	int32_t		enrolled;		/* his first day */
} TierCase;

typedef enum TierReason
{
	TIER_ENROLLED,
	TIER_UPGRADED,
	TIER_DOWNGRADED,
	TIER_POLICY,				/* another version of the policy */
	TIER_GIVEN,					/* by hand */
	TIER_GIVEN_ENDED
} TierReason;

/* A metric over its window, so far */
typedef struct TierSum
{
	size_t		from;			/* first change that counts */
	size_t		to;				/* first one that is still to come */
	SignedUnits sum;
} TierSum;

/* Where a replay has come to */
typedef struct TierState
{
	int32_t		day;			/* the last that was decided */
	int			policy;
	int			rank;			/* that was earned, whatever was given */
	int			earned;			/* on that day */
	int			floor;
	int			floor_name;		/* of the level that it was in its own version */
	int32_t		since;
	int32_t		counts_from;	/* what led to a level does not renew its term */
	int32_t		level_since[TIER_LEVELS];	/* since when he has each level */
	int32_t		promise[TIER_LEVELS];	/* last day that a former version would
										 * have left it to him; 0: none */
	int32_t		lapse[TIER_LEVELS]; /* since when it is not earned */
	int32_t		decision[TIER_LEVELS];	/* last day to make the lapse of a level
										 * good; NEVER: it has not lapsed */
	int			shown;			/* rank, or what was given */
	int			shown_name;		/* of that level */
	bool		is_fixed;		/* nothing that is earned is shown */
	TierSum		sum[TIER_METRICS];
	SignedUnits metric[TIER_METRICS];	/* that the rank was decided by */
} TierState;

/* From a day on a customer has another level */
typedef struct TierEvent
{
	int32_t		day;
	int			rank;
	int			policy;
	TierReason	reason;
	SignedUnits metric[TIER_METRICS];
} TierEvent;

extern void tier_begin(const TierCase *of, TierState *state);
extern bool tier_next(const TierCase *of, TierState *state, int32_t until,
					  TierEvent *event);
extern CalendarPeriod tier_window(const TierPolicy *policy, int32_t enrolled,
								  int32_t since, int32_t day);

#endif							/* MODEL_TIER_H */
