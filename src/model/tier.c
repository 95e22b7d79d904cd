/*-------------------------------------------------------------------------
 *
 * tier.c
 *	  Which level a customer has earned, day by day, under a policy.
 *
 * Between two days on which something happens nothing does, so only those are
 * looked at: a change of a metric, or one that leaves its window, the end of a
 * period, and days by which something must be decided.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "model/tier.h"

static int
larger(int a, int b)
{
	return a > b ? a : b;
}

/* Days that count on a day: the window of one who has his level since a day */
CalendarPeriod
tier_window(const TierPolicy *policy, int32_t enrolled, int32_t since,
			int32_t day)
{
	CalendarPeriod window = {INT32_MIN, CALENDAR_NEVER};

	switch (policy->window)
	{
		case TIER_LIFETIME:
			break;
		case TIER_ROLLING:
			window.first = calendar_add(day, policy->span, -1) + 1;
			break;
		case TIER_CALENDAR:
			return calendar_period(day, policy->span.months, policy->first_month);
		case TIER_ENROLMENT:
			return calendar_cycle(day, enrolled, policy->span);
		case TIER_TERM:
			return calendar_cycle(day, since, policy->span);
		case TIER_CYCLE:
			return calendar_cycle(day, policy->origin, policy->span);
	}
	return window;
}

/* The period at whose end levels are decided */
static CalendarPeriod
decision_period(const TierCase *of, const TierPolicy *policy, int32_t since,
				int32_t day)
{
	if (policy->window != TIER_LIFETIME && policy->window != TIER_ROLLING)
		return tier_window(policy, of->enrolled, since, day);
	if (policy->period_months > 0)
		return calendar_period(day, policy->period_months, policy->first_month);
	return (CalendarPeriod) {INT32_MIN, CALENDAR_NEVER};
}

/* Brings the sums up to a day */
static void
move_sums(const TierCase *of, TierState *state, int32_t day, int32_t first)
{
	for (int m = 0; m < of->metrics; m++)
	{
		const TierSeries *series = &of->series[m];
		TierSum    *sum = &state->sum[m];

		for (; sum->to < series->count && series->change[sum->to].day <= day; sum->to++)
			sum->sum = series->change[sum->to].amount +
				(series->is_state ? 0 : sum->sum);
		if (series->is_state)
			continue;
		for (; sum->from < sum->to && series->change[sum->from].day < first; sum->from++)
			sum->sum -= series->change[sum->from].amount;
	}
}

static bool
level_is_reached(const TierLevel *level, const TierState *state)
{
	int			hold = 0;
	int			weight = 0;

	for (int i = 0; i < level->conditions; i++)
	{
		const TierCondition *condition = &level->condition[i];

		if (state->sum[condition->metric].sum < condition->threshold)
			continue;
		hold++;
		weight += condition->weight;
	}
	switch (level->combine)
	{
		case TIER_ALL:
			return hold == level->conditions;
		case TIER_ANY:
			return hold > 0;
		case TIER_WEIGHTS:
			return weight >= level->weight_needed;
	}
	return false;
}

/* The highest level that the sums reach */
static int
earned_level(const TierPolicy *policy, const TierState *state)
{
	int			rank = policy->levels - 1;

	while (rank > 0 && !level_is_reached(&policy->level[rank], state))
		rank--;
	return rank;
}

/* What a day earns, with all that came until its end */
static void
find_earned(const TierCase *of, const TierPolicy *policy, TierState *state,
			int32_t day)
{
	int32_t		first = tier_window(policy, of->enrolled, state->since, day).first;

	if (policy->window == TIER_TERM)
		first = larger(first, state->counts_from);
	move_sums(of, state, day, first);
	state->earned = earned_level(policy, state);
}

/* By when the lapse of a level that begins on a day must be made good */
static int32_t
find_decision(const TierCase *of, const TierPolicy *policy,
			  const TierState *state, int level, int32_t day,
			  TierDowngrade downgrade)
{
	CalendarPeriod period = decision_period(of, policy, state->since, day);
	int32_t		due = CALENDAR_NEVER;

	if (downgrade == TIER_DOWNGRADE_AT_ONCE)
		due = day - 1;
	else if (downgrade == TIER_DOWNGRADE_PERIOD_END)
		due = period.last;
	else if (downgrade == TIER_DOWNGRADE_NEXT_PERIOD_END &&
			 period.last != CALENDAR_NEVER)
		due = decision_period(of, policy, state->since, period.last + 1).last;
	if (due == CALENDAR_NEVER)
		return due;
	if (policy->round_months > 0)
		due = calendar_period(due, policy->round_months, policy->first_month).last;
	if (!calendar_is_empty(policy->stay))
		due = larger(due, calendar_add(state->level_since[level], policy->stay, 1) - 1);
	/* a month of grace is that of the first day after */
	return calendar_add(due + 1, policy->grace, 1) - 1;
}

/* Below which nobody falls who has a level: all below it are his as well */
static int
floor_of(const TierPolicy *policy, int rank)
{
	int			floor = 0;

	for (int k = 0; k <= rank; k++)
		floor = larger(floor, policy->level[k].floor);
	return floor;
}

static void
raise_floor(const TierPolicy *policy, TierState *state)
{
	int			floor = floor_of(policy, state->rank);

	if (floor <= state->floor)
		return;
	state->floor = floor;
	state->floor_name = policy->level[floor].name;
}

/* He has another level from a day on */
static void
set_rank(const TierPolicy *policy, TierState *state, int rank, int32_t day)
{
	for (int m = 0; m < TIER_METRICS; m++)
		state->metric[m] = state->sum[m].sum;
	for (int k = state->rank + 1; k <= rank; k++)
		state->level_since[k] = day;
	/* a promise is of a level that he has had since */
	for (int k = 1; k < TIER_LEVELS; k++)
		if (k > rank || k > state->rank)
			state->promise[k] = 0;
	state->rank = rank;
	state->since = state->counts_from = day;
	raise_floor(policy, state);
}

static void
forget_lapses(TierState *state)
{
	for (int k = 0; k < TIER_LEVELS; k++)
		state->decision[k] = CALENDAR_NEVER;
}

static void
rise(const TierPolicy *policy, TierState *state, int32_t day)
{
	set_rank(policy, state, state->earned, day);
	forget_lapses(state);
}

/* A period takes one level: what is left stays until its end at least */
static void
put_off_lapses(const TierCase *of, const TierPolicy *policy, TierState *state,
			   int rank, int32_t day)
{
	TierDowngrade downgrade = policy->downgrade == TIER_DOWNGRADE_NEVER
		? TIER_DOWNGRADE_NEVER : TIER_DOWNGRADE_PERIOD_END;

	for (int k = 1; k <= rank; k++)
		if (state->decision[k] != CALENDAR_NEVER)
			state->decision[k] = larger(state->decision[k],
										find_decision(of, policy, state, k, day,
													  downgrade));
}

/* Takes the levels away that were not made good until the day before */
static bool
fall(const TierCase *of, const TierPolicy *policy, TierState *state, int32_t day)
{
	int			rank = state->rank;

	while (rank > state->floor && state->decision[rank] < day)
		rank--;
	if (rank == state->rank)
		return false;
	/* at once is at once, and not one level each time that somebody looks */
	if (policy->soft && policy->downgrade != TIER_DOWNGRADE_AT_ONCE)
	{
		rank = state->rank - 1;
		put_off_lapses(of, policy, state, rank, day);
	}
	/* another level, another term */
	if (policy->window == TIER_TERM)
		forget_lapses(state);
	set_rank(policy, state, rank, day);
	return true;
}

/* Levels that are earned are none that lapse; others begin to */
static void
find_lapses(const TierCase *of, const TierPolicy *policy, TierState *state,
			int32_t day)
{
	for (int k = state->rank; k > 0; k--)
		if (state->earned >= k || k <= state->floor)
			state->decision[k] = CALENDAR_NEVER;
		else if (state->decision[k] == CALENDAR_NEVER)
		{
			state->lapse[k] = day;
			state->decision[k] = larger(find_decision(of, policy, state, k, day,
													  policy->downgrade),
										state->promise[k]);
		}
}

/* The level that a policy has by a name; -1 for none */
static int
level_named(const TierPolicy *policy, int name)
{
	for (int rank = 0; rank < policy->levels; rank++)
		if (policy->level[rank].name == name)
			return rank;
	return -1;
}

/* The level of his that became a level of the next version; -1 for none */
static int
former_level(const TierPolicy *former, const TierPolicy *policy, int level,
			 int rank)
{
	int			was = level_named(former, policy->level[level].name);

	if (was >= 0)
		return was <= rank ? was : -1;
	for (was = rank; was >= 0 && policy->successor[was] != level; was--)
		;
	return was;
}

/* Until when a version would have left a level to him, had it lapsed on a day */
static int32_t
promised_until(const TierCase *of, const TierPolicy *policy,
			   const TierState *state, int level, int32_t day)
{
	int32_t		until = find_decision(of, policy, state, level, day,
									  policy->downgrade);

	/* one that never takes a level promises nothing */
	return larger(state->promise[level], until == CALENDAR_NEVER ? 0 : until);
}

/*
 * A level that has lapsed goes on lapsing under the next version, which may put
 * its last day off, but neither brings it forward nor gives it back.  One that
 * has not keeps the last day that a lapse would have had.
 */
static void
carry_lapses(const TierCase *of, const TierPolicy *former,
			 const TierState *before, TierState *state, int32_t day)
{
	const TierPolicy *policy = &of->policy[state->policy];

	forget_lapses(state);
	memset(state->promise, 0, sizeof(state->promise));
	for (int k = 0; k <= state->rank; k++)
	{
		int			was = former_level(former, policy, k, before->rank);

		state->level_since[k] = state->since;
		if (was < 0)
			continue;
		state->level_since[k] = before->level_since[was];
		state->promise[k] = promised_until(of, former, before, was, day);
		if (before->decision[was] == CALENDAR_NEVER)
			continue;
		state->lapse[k] = before->lapse[was];
		state->decision[k] = before->decision[was];
		/* a term counts from its level */
		if (policy->window == TIER_TERM)
			state->lapse[k] = larger(state->lapse[k], state->since);
		if (state->decision[k] >= day)
			state->decision[k] = larger(state->decision[k],
										find_decision(of, policy, state, k,
													  state->lapse[k],
													  policy->downgrade));
	}
}

/* Another version of the policy: levels become those of the same name */
static void
change_policy(const TierCase *of, TierState *state, int32_t day)
{
	const TierState before = *state;
	const TierPolicy *former = &of->policy[state->policy];
	const TierPolicy *policy = &of->policy[++state->policy];
	int			floor = level_named(policy, before.floor_name);

	state->rank = policy->successor[before.rank];
	/* a version without the level does not take the floor for ever */
	state->floor = before.floor == 0 ? 0
		: floor >= 0 ? floor : policy->successor[before.floor];
	raise_floor(policy, state);
	state->earned = policy->successor[before.earned];
	if (policy->level[state->rank].name != former->level[before.rank].name)
		state->since = state->counts_from = day;
	carry_lapses(of, former, &before, state, day);
	/* its window may reach further back */
	memset(state->sum, 0, sizeof(state->sum));
}

/* Does what was earned come with the period that begins on a day? */
static bool
period_gives(const TierCase *of, const TierState *state, int32_t day)
{
	const TierPolicy *policy = &of->policy[state->policy];

	return policy->upgrade == TIER_UPGRADE_NEXT_PERIOD &&
		decision_period(of, policy, state->since, day).first == day;
}

/* Decides what a day brings: what was due at the end of the day before, and
 * what the day itself earns */
static TierReason
decide_day(const TierCase *of, TierState *state, int32_t day)
{
	int			before = state->rank;
	TierReason	reason = TIER_UPGRADED;
	bool		gives = period_gives(of, state, day);
	const TierPolicy *policy;

	while (state->policy + 1 < of->policies &&
		   of->policy[state->policy + 1].valid_from <= day)
	{
		change_policy(of, state, day);
		/* what the former version promised is kept */
		gives = gives || period_gives(of, state, day);
		reason = TIER_POLICY;
	}
	policy = &of->policy[state->policy];
	if (!fall(of, policy, state, day) && gives && state->earned > state->rank)
		rise(policy, state, day);
	find_earned(of, policy, state, day);
	if (policy->upgrade == TIER_UPGRADE_AT_ONCE && state->earned > state->rank)
	{
		rise(policy, state, day);
		state->counts_from = day + 1;
		if (policy->window == TIER_TERM)
			find_earned(of, policy, state, day);
	}
	state->day = day;
	find_lapses(of, policy, state, day);
	/* those that lapse at once are gone at once */
	if (fall(of, policy, state, day))
		find_lapses(of, policy, state, day);
	if (reason == TIER_UPGRADED && state->rank < before)
		reason = TIER_DOWNGRADED;
	return reason;
}

static int32_t
earlier(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

/* The first day on which a change no longer lies in a rolling window */
static int32_t
leaves_window(CalendarSpan span, int32_t change)
{
	int32_t		day = calendar_add(change, span, 1);

	while (day > change && calendar_add(day - 1, span, -1) >= change)
		day--;
	while (calendar_add(day, span, -1) < change)
		day++;
	return day;
}

/* The next day on which anything may happen */
static int32_t
next_day(const TierCase *of, const TierState *state)
{
	const TierPolicy *policy = &of->policy[state->policy];
	CalendarPeriod period = decision_period(of, policy, state->since, state->day);
	int32_t		next = CALENDAR_NEVER;

	for (int m = 0; m < of->metrics; m++)
	{
		const TierSeries *series = &of->series[m];
		const TierSum *sum = &state->sum[m];

		if (sum->to < series->count)
			next = earlier(next, series->change[sum->to].day);
		if (policy->window == TIER_ROLLING && !series->is_state &&
			sum->from < sum->to)
			next = earlier(next, leaves_window(policy->span,
											   series->change[sum->from].day));
	}
	if (period.last != CALENDAR_NEVER)
		next = earlier(next, period.last + 1);
	/* a level that is past its day may lie below one that is not */
	for (int k = state->floor + 1; k <= state->rank; k++)
		if (state->decision[k] != CALENDAR_NEVER &&
			state->decision[k] >= state->day)
			next = earlier(next, state->decision[k] + 1);
	if (state->policy + 1 < of->policies)
		next = earlier(next, of->policy[state->policy + 1].valid_from);
	for (size_t i = 0; i < of->overrides; i++)
	{
		if (of->override[i].first > state->day)
			next = earlier(next, of->override[i].first);
		if (of->override[i].last >= state->day &&
			of->override[i].last != CALENDAR_NEVER)
			next = earlier(next, of->override[i].last + 1);
	}
	return next;
}

/* The level that is shown: what was earned, unless something was given that holds */
static int
shown_level(const TierCase *of, TierState *state, bool *given, bool *holds)
{
	*given = *holds = state->is_fixed = false;
	for (size_t i = of->overrides; i-- > 0;)
	{
		const TierOverride *override = &of->override[i];
		int			rank;

		if (override->first > state->day || override->last < state->day)
			continue;
		rank = level_named(&of->policy[state->policy], override->name);
		if (rank < 0)
			continue;
		*holds = true;
		state->is_fixed = !override->is_floor;
		*given = state->is_fixed || rank > state->rank;
		return *given ? rank : state->rank;
	}
	return state->rank;
}

/* Before his first day, and the first policy's, a customer has no level */
void
tier_begin(const TierCase *of, TierState *state)
{
	memset(state, 0, sizeof(*state));
	state->since = larger(of->enrolled, of->policy[0].valid_from);
	state->counts_from = state->since;
	state->day = state->since - 1;
	forget_lapses(state);
	state->shown = -1;
	while (state->policy + 1 < of->policies &&
		   of->policy[state->policy + 1].valid_from <= state->since)
		state->policy++;
}

/* The next change of the level until a day; false if there is none */
bool
tier_next(const TierCase *of, TierState *state, int32_t until, TierEvent *event)
{
	bool		given_before = state->shown >= 0 && state->shown != state->rank;

	for (;;)
	{
		bool		is_first = state->shown < 0;
		int32_t		day = is_first ? state->since : next_day(of, state);
		TierReason	reason;
		bool		given;
		bool		holds;
		int			shown;
		int			name;
		bool		by_sums;

		if (day > until)
			return false;
		reason = decide_day(of, state, day);
		shown = shown_level(of, state, &given, &holds);
		name = of->policy[state->policy].level[shown].name;
		if (shown == state->shown && name == state->shown_name)
			continue;
		event->day = day;
		event->rank = state->shown = shown;
		state->shown_name = name;
		event->policy = state->policy;
		event->reason = given ? TIER_GIVEN : is_first ? TIER_ENROLLED
			: given_before && !holds ? TIER_GIVEN_ENDED : reason;
		/* what a level was reached by counts no more in its own term */
		by_sums = given || given_before || event->reason == TIER_POLICY ||
			(is_first && state->rank == 0);
		for (int m = 0; m < of->metrics; m++)
			event->metric[m] = by_sums ? state->sum[m].sum : state->metric[m];
		return true;
	}
}
