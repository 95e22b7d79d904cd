/*-------------------------------------------------------------------------
 *
 * tier.c (test)
 *	  Levels against the vendors' worked examples, and against a replay that
 *	  looks at every single day and adds up every window anew.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "model/tier.h"
#include "tap.h"

#define MOST_EVENTS		4000
#define MOST_CHANGES	60

typedef struct Seen
{
	int32_t		day;
	int			rank;
	TierReason	reason;
} Seen;

/* --- the slow and obvious replay ---------------------------------------- */

typedef struct Slow
{
	const TierCase *of;
	int			policy;
	int			rank;
	int			floor;
	int32_t		since;
	int32_t		reached;		/* the day whose purchases led to the level */
	int			earned;			/* at the end of the day before */
	int32_t		had[TIER_LEVELS];	/* since when he has each level */
	int32_t		lapse[TIER_LEVELS]; /* first day on which less was earned; -1 */
	int32_t		least[TIER_LEVELS]; /* it is not lost before the day after */
	bool		gone[TIER_LEVELS];	/* it was lost when a version ended */
	int32_t		promise[TIER_LEVELS];	/* last day by a former version; -1 */
	int			floor_name;
} Slow;

static const TierPolicy *
policy_of(const Slow *slow)
{
	return &slow->of->policy[slow->policy];
}

/* The metric on a day, from a day on */
static SignedUnits
metric_on(const TierSeries *series, int32_t first, int32_t day)
{
	SignedUnits sum = 0;

	for (size_t i = 0; i < series->count; i++)
	{
		const TierChange *change = &series->change[i];

		if (change->day > day)
			continue;
		if (series->is_state)
			sum = change->amount;
		else if (change->day >= first)
			sum += change->amount;
	}
	return sum;
}

static bool
has_level(const TierPolicy *policy, int rank, const SignedUnits *metric)
{
	const TierLevel *level = &policy->level[rank];
	int			met = 0;
	int			weight = 0;

	for (int i = 0; i < level->conditions; i++)
		if (metric[level->condition[i].metric] >= level->condition[i].threshold)
		{
			met++;
			weight += level->condition[i].weight;
		}
	if (level->combine == TIER_ALL)
		return met == level->conditions;
	if (level->combine == TIER_ANY)
		return met >= 1;
	return weight >= level->weight_needed;
}

static int
earned_on(const Slow *slow, int32_t day)
{
	const TierPolicy *policy = policy_of(slow);
	CalendarPeriod window = tier_window(policy, slow->of->enrolled, slow->since, day);
	SignedUnits metric[TIER_METRICS] = {0};
	int			rank = 0;

	/* what led to the level does not count for keeping it */
	if (policy->window == TIER_TERM && window.first <= slow->reached)
		window.first = slow->reached + 1;
	for (int m = 0; m < slow->of->metrics; m++)
		metric[m] = metric_on(&slow->of->series[m], window.first, day);
	for (int k = 1; k < policy->levels; k++)
		if (has_level(policy, k, metric))
			rank = k;
	return rank;
}

static CalendarPeriod
period_on(const Slow *slow, int32_t day)
{
	const TierPolicy *policy = policy_of(slow);

	if (policy->window == TIER_LIFETIME || policy->window == TIER_ROLLING)
	{
		if (policy->period_months == 0)
			return (CalendarPeriod) {INT32_MIN, CALENDAR_NEVER};
		return calendar_period(day, policy->period_months, policy->first_month);
	}
	return tier_window(policy, slow->of->enrolled, slow->since, day);
}

/* The last day of a level that lapses on a day */
static int32_t
last_day(const Slow *slow, int level, int32_t lapse, TierDowngrade downgrade)
{
	const TierPolicy *policy = policy_of(slow);
	CalendarPeriod period;
	int32_t		due;
	int32_t		stays;

	/* a term counts from its level */
	if (policy->window == TIER_TERM && lapse < slow->since)
		lapse = slow->since;
	period = period_on(slow, lapse);
	switch (downgrade)
	{
		case TIER_DOWNGRADE_AT_ONCE:
			due = lapse - 1;
			break;
		case TIER_DOWNGRADE_PERIOD_END:
			due = period.last;
			break;
		case TIER_DOWNGRADE_NEXT_PERIOD_END:
			due = period.last == CALENDAR_NEVER ? CALENDAR_NEVER
				: period_on(slow, period.last + 1).last;
			break;
		default:
			due = CALENDAR_NEVER;
	}
	if (due == CALENDAR_NEVER)
		return due;
	if (policy->round_months > 0)
		due = calendar_period(due, policy->round_months, policy->first_month).last;
	stays = calendar_add(slow->had[level], policy->stay, 1) - 1;
	if (!calendar_is_empty(policy->stay) && stays > due)
		due = stays;
	return calendar_add(due + 1, policy->grace, 1) - 1;
}

/* Is the lapse of a level over on a day? */
static bool
is_lost(const Slow *slow, int level, int32_t day)
{
	if (slow->lapse[level] < 0)
		return false;
	return slow->gone[level] ||
		(day > slow->least[level] &&
		 day > last_day(slow, level, slow->lapse[level], policy_of(slow)->downgrade));
}

static void
forget_lapse(Slow *slow, int level)
{
	slow->lapse[level] = slow->least[level] = -1;
	slow->gone[level] = false;
}

/* The floors of his level and of those below it hold for ever */
static void
see_floor(Slow *slow)
{
	for (int k = 0; k <= slow->rank; k++)
		if (policy_of(slow)->level[k].floor > slow->floor)
		{
			slow->floor = policy_of(slow)->level[k].floor;
			slow->floor_name = policy_of(slow)->level[slow->floor].name;
		}
}

static void
get_level(Slow *slow, int rank, int32_t day)
{
	for (int k = slow->rank + 1; k <= rank; k++)
		slow->had[k] = day;
	/* a promise ends with the level */
	for (int k = 0; k < TIER_LEVELS; k++)
		if (k > rank || k > slow->rank)
			slow->promise[k] = -1;
	slow->rank = rank;
	slow->since = day;
	slow->reached = -1;
	see_floor(slow);
}

static void
forget_lapses(Slow *slow)
{
	for (int k = 0; k < TIER_LEVELS; k++)
		forget_lapse(slow, k);
}

/* The highest level that is not lost is left, or one level less where that is soft */
static bool
lose(Slow *slow, int32_t day)
{
	const TierPolicy *policy = policy_of(slow);
	int			left = slow->rank;

	while (left > slow->floor && is_lost(slow, left, day))
		left--;
	if (left == slow->rank)
		return false;
	if (policy->soft && policy->downgrade != TIER_DOWNGRADE_AT_ONCE)
	{
		left = slow->rank - 1;
		/* the next one may go when this period ends */
		for (int k = 1; k <= left; k++)
		{
			int32_t		until = last_day(slow, k, day, TIER_DOWNGRADE_PERIOD_END);

			slow->gone[k] = false;
			if (until > slow->least[k])
				slow->least[k] = until;
		}
	}
	if (policy->window == TIER_TERM)
		forget_lapses(slow);
	get_level(slow, left, day);
	return true;
}

static void
see_lapses(Slow *slow, int32_t day)
{
	for (int k = 1; k < TIER_LEVELS; k++)
		if (k > slow->rank || slow->earned >= k || k <= slow->floor)
			forget_lapse(slow, k);
		else if (slow->lapse[k] < 0)
		{
			slow->lapse[k] = day;
			slow->least[k] = slow->promise[k];
		}
}

static int
rank_named(const TierPolicy *policy, int name)
{
	for (int k = 0; k < policy->levels; k++)
		if (policy->level[k].name == name)
			return k;
	return -1;
}

/* Which of his levels became one of the new version: that of its name, or the
 * highest that the new version puts there */
static int
level_before(const Slow *before, const TierPolicy *next, int level)
{
	int			was = rank_named(policy_of(before), next->level[level].name);
	int			highest = -1;

	if (was >= 0)
		return was > before->rank ? -1 : was;
	for (int k = 0; k <= before->rank; k++)
		if (next->successor[k] == level)
			highest = k;
	return highest;
}

/* Lapses go on, with the later of both versions' last days; so long at least a
 * level stays that lapses later */
static void
next_version(Slow *slow, int32_t day)
{
	const TierPolicy *next = &slow->of->policy[slow->policy + 1];
	Slow		before = *slow;

	slow->policy++;
	slow->rank = next->successor[before.rank];
	slow->earned = next->successor[before.earned];
	if (before.floor > 0)
	{
		slow->floor = rank_named(next, before.floor_name);
		if (slow->floor < 0)
			slow->floor = next->successor[before.floor];
	}
	see_floor(slow);
	if (next->level[slow->rank].name != policy_of(&before)->level[before.rank].name)
	{
		slow->since = day;
		slow->reached = -1;
	}
	for (int k = 0; k < TIER_LEVELS; k++)
	{
		int			was = k <= slow->rank ? level_before(&before, next, k) : -1;
		int32_t		until;

		forget_lapse(slow, k);
		slow->promise[k] = -1;
		slow->had[k] = was < 0 ? slow->since : before.had[was];
		if (was < 0)
			continue;
		until = last_day(&before, was, day, policy_of(&before)->downgrade);
		slow->promise[k] = until == CALENDAR_NEVER || until < before.promise[was] ? before.promise[was] : until;
		if (before.lapse[was] < 0)
			continue;
		until = last_day(&before, was, before.lapse[was], policy_of(&before)->downgrade);
		if (until == CALENDAR_NEVER)
			continue;
		slow->lapse[k] = before.lapse[was];
		slow->least[k] = until > before.least[was] ? until : before.least[was];
		slow->gone[k] = is_lost(&before, was, day);
	}
}

static bool
period_begins(const Slow *slow, int32_t day)
{
	return policy_of(slow)->upgrade == TIER_UPGRADE_NEXT_PERIOD &&
		period_on(slow, day).first == day;
}

static void
slow_day(Slow *slow, int32_t day)
{
	bool		gives = period_begins(slow, day);

	while (slow->policy + 1 < slow->of->policies &&
		   slow->of->policy[slow->policy + 1].valid_from <= day)
	{
		next_version(slow, day);
		gives = gives || period_begins(slow, day);
	}
	if (!lose(slow, day) && gives && slow->earned > slow->rank)
	{
		get_level(slow, slow->earned, day);
		forget_lapses(slow);
	}
	slow->earned = earned_on(slow, day);
	if (policy_of(slow)->upgrade == TIER_UPGRADE_AT_ONCE &&
		slow->earned > slow->rank)
	{
		get_level(slow, slow->earned, day);
		forget_lapses(slow);
		slow->reached = day;
		if (policy_of(slow)->window == TIER_TERM)
			slow->earned = earned_on(slow, day);
	}
	see_lapses(slow, day);
	if (lose(slow, day))
		see_lapses(slow, day);
}

static int
slow_shown(const Slow *slow, int32_t day)
{
	for (size_t i = slow->of->overrides; i-- > 0;)
	{
		const TierOverride *override = &slow->of->override[i];

		int			rank = rank_named(policy_of(slow), override->name);

		if (day < override->first || day > override->last || rank < 0)
			continue;
		return override->is_floor && slow->rank > rank ? slow->rank : rank;
	}
	return slow->rank;
}

/* Every change of the level until a day */
static size_t
slow_replay(const TierCase *of, int32_t until, Seen *seen)
{
	Slow		slow = {.of = of, .reached = -1};
	size_t		count = 0;
	int			shown = -1;
	int			name = -1;
	int32_t		start = of->enrolled > of->policy[0].valid_from
		? of->enrolled : of->policy[0].valid_from;

	slow.since = start;
	forget_lapses(&slow);
	memset(slow.promise, -1, sizeof(slow.promise));
	while (slow.policy + 1 < of->policies && of->policy[slow.policy + 1].valid_from <= start)
		slow.policy++;
	for (int32_t day = start; day <= until; day++)
	{
		int			now;

		slow_day(&slow, day);
		now = slow_shown(&slow, day);
		if ((now != shown || policy_of(&slow)->level[now].name != name) && count < MOST_EVENTS)
			seen[count++] = (Seen) {day, now, TIER_ENROLLED};
		shown = now;
		name = policy_of(&slow)->level[now].name;
	}
	return count;
}

/* --- the engine ----------------------------------------------------------- */

/* Replays in one go, or in steps of so many days */
static size_t
replay(const TierCase *of, int32_t until, int32_t step, Seen *seen)
{
	TierState	state;
	TierEvent	event;
	size_t		count = 0;

	tier_begin(of, &state);
	for (int32_t to = step > 0 ? of->enrolled : until;; to += step)
	{
		if (to > until)
			to = until;
		while (tier_next(of, &state, to, &event))
			if (count < MOST_EVENTS)
				seen[count++] = (Seen) {event.day, event.rank, event.reason};
		if (to == until)
			return count;
	}
}

/* --- worked examples -------------------------------------------------------- */

static TierChange changes[MOST_CHANGES];

static TierCase
one_metric(const TierPolicy *policy, size_t count)
{
	TierCase	of = {.policy = policy, .policies = 1, .metrics = 1};

	of.series[0] = (TierSeries) {changes, count, false};
	of.enrolled = changes[0].day;
	return of;
}

/* Levels 1, 2, ... of one metric */
static TierPolicy
make_policy(int levels, const SignedUnits *threshold)
{
	TierPolicy	policy = {
		.first_month = 1,
		.levels = levels + 1,
		.downgrade = TIER_DOWNGRADE_AT_ONCE
	};

	for (int k = 1; k <= levels; k++)
	{
		policy.level[k].name = k;
		policy.level[k].conditions = 1;
		policy.level[k].condition[0].threshold = threshold[k - 1];
	}
	return policy;
}

static void
put(size_t i, int year, int month, int day, SignedUnits amount)
{
	changes[i] = (TierChange) {calendar_day(year, month, day), amount};
}

static int
level_on(const TierCase *of, int year, int month, int day)
{
	Seen		seen[MOST_EVENTS];
	size_t		count = replay(of, calendar_day(year, month, day), 0, seen);

	return count == 0 ? -1 : seen[count - 1].rank;
}

static void
test_live_balance(void)
{
	const SignedUnits threshold[] = {100, 500, 1000};
	TierPolicy	policy = make_policy(3, threshold);
	TierCase	of;

	put(0, 2024, 1, 1, 100);
	put(1, 2024, 1, 2, -50);
	put(2, 2024, 1, 3, 500);
	of = one_metric(&policy, 3);
	ok(level_on(&of, 2023, 12, 31) == -1, "nobody has a level before his first day");
	ok(level_on(&of, 2024, 1, 1) == 1, "a balance of 100 reaches 100 exactly: the second level");
	ok(level_on(&of, 2024, 1, 2) == 0, "50 taken back leave 50: the first level");
	ok(level_on(&of, 2024, 1, 3) == 2, "500 more make 550: the third level");
}

static void
test_lifetime(void)
{
	const SignedUnits threshold[] = {40000, 100000};
	TierPolicy	policy = make_policy(2, threshold);
	TierCase	of;

	put(0, 2024, 1, 1, 45000);
	put(1, 2024, 2, 1, 25000);
	put(2, 2024, 3, 1, 25000);
	put(3, 2024, 4, 1, 10000);
	of = one_metric(&policy, 4);
	ok(level_on(&of, 2024, 1, 1) == 1, "45,000 is above 40,000: first");
	ok(level_on(&of, 2024, 2, 1) == 1, "70,000 in all: first");
	ok(level_on(&of, 2024, 3, 1) == 1, "95,000 in all: first");
	ok(level_on(&of, 2024, 4, 1) == 2, "105,000 in all is above 100,000: second");
}

/* A calendar year: what was reached is kept to the end of the next one */
static void
test_yearly(void)
{
	const SignedUnits threshold[] = {100, 200, 300};
	TierPolicy	policy = make_policy(3, threshold);
	TierCase	of;

	policy.window = TIER_CALENDAR;
	policy.span.months = 12;
	policy.downgrade = TIER_DOWNGRADE_PERIOD_END;
	put(0, 2022, 5, 1, 300);
	put(1, 2023, 6, 1, 100);
	of = one_metric(&policy, 2);
	ok(level_on(&of, 2022, 5, 1) == 3, "300 in 2022 reach the top at once");
	ok(level_on(&of, 2023, 12, 31) == 3, "it is kept to the end of 2023");
	ok(level_on(&of, 2024, 1, 1) == 1, "only 100 in 2023: what was earned, the first level, in 2024");
	ok(level_on(&of, 2025, 1, 1) == 0, "nothing in 2024: none in 2025");
	policy.soft = true;
	ok(level_on(&of, 2024, 1, 1) == 2, "soft landing: one level down in 2024");
	ok(level_on(&of, 2025, 1, 1) == 1, "and one in 2025");
	ok(level_on(&of, 2026, 1, 1) == 0, "and one in 2026");
	policy.soft = false;
	changes[1].amount = 300;
	ok(level_on(&of, 2024, 12, 31) == 3, "300 again in 2023 keep the top through 2024");
	changes[1].amount = 100;
	policy.grace = (CalendarSpan) {1, 0};
	ok(level_on(&of, 2024, 1, 31) == 3 && level_on(&of, 2024, 2, 1) == 1,
	   "a month of grace ends with 31 January");
	policy.grace = (CalendarSpan) {0, 0};
	policy.first_month = 4;
	ok(level_on(&of, 2024, 3, 31) == 3 && level_on(&of, 2024, 4, 1) == 1,
	   "in a fiscal year from April the next one ends with March 2024");
	policy.first_month = 1;
	policy.upgrade = TIER_UPGRADE_NEXT_PERIOD;
	ok(level_on(&of, 2022, 12, 31) == 0 && level_on(&of, 2023, 1, 1) == 3,
	   "upgrades in the next period: what 2022 earned counts from 2023 on");
}

static void
test_term(void)
{
	const SignedUnits threshold[] = {100};
	TierPolicy	policy = make_policy(1, threshold);
	TierCase	of;

	policy.window = TIER_TERM;
	policy.span.days = 365;
	policy.downgrade = TIER_DOWNGRADE_PERIOD_END;
	put(0, 2023, 3, 10, 100);
	put(1, 2024, 2, 1, 100);
	of = one_metric(&policy, 2);
	ok(level_on(&of, 2024, 3, 9) == 1, "a term of 365 days from 10 March 2023 ends with 8 March 2024; renewed, it goes on");
	ok(level_on(&of, 2025, 3, 8) == 1, "the second term ends with 8 March 2025");
	ok(level_on(&of, 2025, 3, 9) == 0, "not requalified in it: no level");
	changes[1].amount = 99;
	ok(level_on(&of, 2024, 3, 8) == 1 && level_on(&of, 2024, 3, 9) == 0, "99 within the first term do not renew it");
}

/* A validity of one month, of a level that nothing renews */
static void
test_month(void)
{
	const SignedUnits threshold[] = {100};
	TierPolicy	policy = make_policy(1, threshold);
	TierCase	of;

	policy.window = TIER_TERM;
	policy.span.months = 1;
	policy.downgrade = TIER_DOWNGRADE_PERIOD_END;
	put(0, 2023, 1, 25, 100);
	of = one_metric(&policy, 1);
	ok(level_on(&of, 2023, 2, 24) == 1 && level_on(&of, 2023, 2, 25) == 0, "a month from 25 January ends with 24 February");
	put(0, 2023, 1, 31, 100);
	of = one_metric(&policy, 1);
	ok(level_on(&of, 2023, 2, 27) == 1 && level_on(&of, 2023, 2, 28) == 0, "a month from 31 January: the next one begins on the last day of February");
	policy.round_months = 1;
	ok(level_on(&of, 2023, 2, 28) == 1 && level_on(&of, 2023, 3, 1) == 0, "rounded up, it ends with the month");
	put(0, 2024, 2, 29, 100);
	of = one_metric(&policy, 1);
	policy.round_months = 0;
	policy.span.months = 12;
	ok(level_on(&of, 2025, 2, 27) == 1 && level_on(&of, 2025, 2, 28) == 0, "a year from 29 February ends with 27 February");
}

static void
test_rolling(void)
{
	const SignedUnits threshold[] = {100, 200};
	TierPolicy	policy = make_policy(2, threshold);
	TierOverride given[2];
	TierCase	of;

	policy.window = TIER_ROLLING;
	policy.span.days = 30;
	put(0, 2024, 1, 1, 100);
	put(1, 2024, 1, 20, 100);
	of = one_metric(&policy, 2);
	ok(level_on(&of, 2024, 1, 20) == 2, "two purchases within 30 days");
	ok(level_on(&of, 2024, 1, 30) == 2 && level_on(&of, 2024, 1, 31) == 1, "on the 31st day the first one counts no more");
	ok(level_on(&of, 2024, 2, 18) == 1 && level_on(&of, 2024, 2, 19) == 0, "nor does the second 30 days after it");
	policy.grace.days = 10;
	ok(level_on(&of, 2024, 2, 9) == 2 && level_on(&of, 2024, 2, 10) == 1, "ten days of grace");
	policy.grace.days = 0;
	policy.stay.months = 3;
	ok(level_on(&of, 2024, 4, 19) == 2 && level_on(&of, 2024, 4, 20) == 0, "a level is kept for three months at least");
	policy.stay.months = 0;
	policy.level[2].floor = 1;
	ok(level_on(&of, 2025, 1, 1) == 1, "who was at the top never falls below the first level");
	policy.level[2].floor = 0;
	given[0] = (TierOverride) {calendar_day(2024, 1, 5), calendar_day(2024, 6, 30), 1, true};
	given[1] = (TierOverride) {calendar_day(2024, 3, 1), calendar_day(2024, 3, 31), 2, false};
	of.override = given;
	of.overrides = 2;
	ok(level_on(&of, 2024, 1, 20) == 2 && level_on(&of, 2024, 2, 25) == 1, "a level given as the least one lifts, and does not lower");
	ok(level_on(&of, 2024, 3, 1) == 2 && level_on(&of, 2024, 4, 1) == 1, "one given outright is shown while it lasts");
	ok(level_on(&of, 2024, 7, 1) == 0, "when it ends, what was earned is shown");
}

/* --- random policies and customers -------------------------------------------- */

static CalendarSpan
random_span(void)
{
	if (random_below(2) == 0)
		return (CalendarSpan) {(int32_t) (1 + random_below(13)), 0};
	return (CalendarSpan) {0, (int32_t) (1 + random_below(200))};
}

static void
random_policy(TierPolicy *policy, int metrics, int levels)
{
	static const int months[] = {1, 3, 6, 12};

	memset(policy, 0, sizeof(*policy));
	policy->window = (TierWindowKind) random_below(6);
	policy->span = random_span();
	if (policy->window == TIER_CALENDAR)
		policy->span = (CalendarSpan) {months[random_below(4)], 0};
	policy->first_month = 1 + (int) random_below(12);
	policy->origin = calendar_day(2020, 1, 1) + (int32_t) random_below(400);
	policy->period_months = months[random_below(4)];
	policy->upgrade = (TierUpgrade) random_below(2);
	policy->downgrade = (TierDowngrade) random_below(4);
	/* a term that ends at once is none; a policy like that is refused */
	if (policy->window == TIER_TERM && policy->downgrade == TIER_DOWNGRADE_AT_ONCE)
		policy->downgrade = TIER_DOWNGRADE_PERIOD_END;
	policy->soft = random_below(2);
	if (random_below(3) == 0)
		policy->grace = random_below(2) ? random_span() : (CalendarSpan) {0, 10};
	if (random_below(3) == 0)
		policy->round_months = months[random_below(4)];
	if (random_below(3) == 0)
		policy->stay = random_span();
	policy->levels = levels;
	for (int k = 0; k < levels; k++)
	{
		TierLevel  *level = &policy->level[k];

		level->name = k;
		level->combine = (TierCombine) random_below(3);
		level->conditions = k == 0 ? 0 : 1 + (int) random_below(2);
		level->weight_needed = 1 + (int) random_below(3);
		level->floor = random_below(6) == 0 ? (int) random_below((uint64_t) k + 1) : 0;
		for (int i = 0; i < level->conditions; i++)
			level->condition[i] = (TierCondition) {
				(int) random_below((uint64_t) metrics),
				(SignedUnits) random_below(60) * k, 1 + (int) random_below(3)};
	}
}

/* A later version: some levels have other names, or have changed places */
static void
rename_levels(const TierPolicy *before, TierPolicy *policy, int version)
{
	for (int k = 0; k < policy->levels; k++)
	{
		int			other = (int) random_below((uint64_t) policy->levels);
		int			name = policy->level[k].name;

		if (random_below(8) == 0)
		{
			policy->level[k].name = policy->level[other].name;
			policy->level[other].name = name;
		}
		if (random_below(6) == 0)
			policy->level[k].name = 10 * version + k;
	}
	for (int k = 0; k < before->levels; k++)
	{
		int			same = rank_named(policy, before->level[k].name);

		policy->successor[k] = same >= 0 ? same : k < policy->levels ? k : policy->levels - 1;
	}
}

static void
random_series(TierSeries *series, TierChange *change, int32_t from)
{
	int32_t		day = from;
	size_t		count = random_below(MOST_CHANGES);

	for (size_t i = 0; i < count; i++)
	{
		day += (int32_t) random_below(random_below(5) == 0 ? 200 : 20);
		change[i] = (TierChange) {day, (SignedUnits) random_below(50) - 10};
	}
	*series = (TierSeries) {change, count, random_below(5) == 0};
}

static bool
same(const Seen *a, size_t count_a, const Seen *b, size_t count_b, const char *what)
{
	for (size_t i = 0; i < count_a || i < count_b; i++)
		if (i >= count_a || i >= count_b || a[i].day != b[i].day ||
			a[i].rank != b[i].rank)
		{
			printf("# %s: change %zu of %zu and %zu: day %d level %d, day %d level %d\n", what, i, count_a,
				   count_b, i < count_a ? a[i].day : -1, i < count_a ? a[i].rank : -1,
				   i < count_b ? b[i].day : -1, i < count_b ? b[i].rank : -1);
			return false;
		}
	return true;
}

/* What it was that went wrong, for whoever looks into it */
static void
describe(const TierCase *of)
{
	for (int v = 0; v < of->policies; v++)
	{
		const TierPolicy *policy = &of->policy[v];

		printf("# from %d: window %d span %d months %d days, periods %d from month %d, origin %d, up %d down %d%s,"
			   " grace %d %d, round %d, stay %d %d\n", policy->valid_from, policy->window, policy->span.months,
			   policy->span.days, policy->period_months, policy->first_month, policy->origin, policy->upgrade,
			   policy->downgrade, policy->soft ? " soft" : "", policy->grace.months, policy->grace.days,
			   policy->round_months, policy->stay.months, policy->stay.days);
		for (int k = 1; k < policy->levels; k++)
		{
			printf("#  level %d: combine %d, needed %d, floor %d, was %d:", k, policy->level[k].combine,
				   policy->level[k].weight_needed, policy->level[k].floor, policy->successor[k]);
			for (int i = 0; i < policy->level[k].conditions; i++)
				printf(" metric %d >= %d (%d)", policy->level[k].condition[i].metric,
					   (int) policy->level[k].condition[i].threshold, policy->level[k].condition[i].weight);
			printf("\n");
		}
	}
	for (int m = 0; m < of->metrics; m++)
	{
		printf("# metric %d%s:", m, of->series[m].is_state ? " (state)" : "");
		for (size_t i = 0; i < of->series[m].count; i++)
			printf(" %d:%d", of->series[m].change[i].day, (int) of->series[m].change[i].amount);
		printf("\n");
	}
	for (size_t i = 0; i < of->overrides; i++)
		printf("# given %d to %d: %d%s\n", of->override[i].first, of->override[i].last, of->override[i].name,
			   of->override[i].is_floor ? " at least" : "");
}

static void
test_random(void)
{
	static TierChange change[3][MOST_CHANGES];
	static Seen fast[MOST_EVENTS];
	static Seen slow[MOST_EVENTS];
	long		times = rounds(100000);
	long		good = 0;
	long		stepped = 0;
	long		moves = 0;

	for (long i = 0; i < times; i++)
	{
		TierPolicy	policy[3];
		TierOverride given[2];
		int			levels = 2 + (int) random_below(4);
		TierCase	of = {.policy = policy, .metrics = 1 + (int) random_below(3)};
		int32_t		from = calendar_day(2021, 1, 1) + (int32_t) random_below(500);
		int32_t		until = from + (int32_t) random_below(1200);
		size_t		count;
		size_t		count_slow;

		of.policies = 1 + (int) random_below(3);
		for (int v = 0; v < of.policies; v++)
		{
			random_policy(&policy[v], of.metrics, random_below(3) == 0 ? 2 + (int) random_below(4) : levels);
			if (v > 0)
				rename_levels(&policy[v - 1], &policy[v], v);
			policy[v].valid_from = v == 0 ? calendar_day(2021, 6, 1) : policy[v - 1].valid_from +
				(int32_t) random_below(400);
		}
		for (int m = 0; m < of.metrics; m++)
			random_series(&of.series[m], change[m], from);
		of.enrolled = from;
		of.override = given;
		of.overrides = random_below(3) == 0 ? 1 + random_below(2) : 0;
		for (size_t o = 0; o < of.overrides; o++)
		{
			given[o].first = from + (int32_t) random_below(800);
			given[o].last = random_below(5) == 0 ? CALENDAR_NEVER
				: given[o].first + (int32_t) random_below(200);
			given[o].name = (int) random_below((uint64_t) levels);
			given[o].is_floor = random_below(2);
		}
		count_slow = slow_replay(&of, until, slow);
		count = replay(&of, until, 0, fast);
		moves += (long) count_slow;
		good += same(fast, count, slow, count_slow, "in one go");
		count = replay(&of, until, 1 + (int32_t) random_below(40), fast);
		stepped += same(fast, count, slow, count_slow, "in steps");
		if (good <= i || stepped <= i)
		{
			describe(&of);
			break;
		}
	}
	ok(good == times, "%ld customers, %ld changes of level: as day by day", times, moves);
	ok(stepped == times, "and stopping on the way makes no difference");
}

/* --- more spend never lowers a level --------------------------------------------- */

/* A policy of windows that do not depend on the level, harder from level to level */
static void
random_sound_policy(TierPolicy *policy, int levels)
{
	static const TierWindowKind kinds[] = {TIER_LIFETIME, TIER_ROLLING, TIER_CALENDAR};
	static const int months[] = {1, 3, 6, 12};
	SignedUnits threshold = 0;

	random_policy(policy, 1, levels);
	policy->window = kinds[random_below(3)];
	if (policy->window == TIER_CALENDAR)
		policy->span = (CalendarSpan) {months[random_below(4)], 0};
	policy->stay = (CalendarSpan) {0, 0};
	for (int k = 1; k < levels; k++)
	{
		threshold += 1 + (SignedUnits) random_below(60);
		policy->level[k].combine = TIER_ALL;
		policy->level[k].conditions = 1;
		policy->level[k].condition[0].metric = 0;
		policy->level[k].condition[0].threshold = threshold;
	}
	for (int k = 0; k < levels; k++)
		policy->successor[k] = k;
}

/* The levels of the days from the first on */
static void
levels_of(const TierCase *of, int32_t until, signed char *level)
{
	static Seen seen[MOST_EVENTS];
	size_t		count = replay(of, until, 0, seen);
	size_t		next = 0;
	int			now = -1;

	for (int32_t day = of->enrolled; day <= until; day++)
	{
		while (next < count && seen[next].day <= day)
			now = seen[next++].rank;
		level[day - of->enrolled] = (signed char) now;
	}
}

static void
test_more_is_no_less(void)
{
	static TierChange less[MOST_CHANGES];
	static TierChange more[MOST_CHANGES];
	static signed char of_less[2000];
	static signed char of_more[2000];
	long		times = rounds(50000);
	long		good = 0;

	for (long i = 0; i < times; i++)
	{
		TierPolicy	policy[3];
		int			levels = 2 + (int) random_below(4);
		int32_t		from = calendar_day(2021, 7, 1) + (int32_t) random_below(300);
		int32_t		until = from + 1200;
		TierCase	of = {.policy = policy, .metrics = 1, .policies = 1 + (int) random_below(3), .enrolled = from};
		bool		lower = false;

		for (int v = 0; v < of.policies; v++)
		{
			random_sound_policy(&policy[v], levels);
			policy[v].valid_from = v == 0 ? calendar_day(2021, 6, 1)
				: policy[v - 1].valid_from + 1 + (int32_t) random_below(500);
		}
		random_series(&of.series[0], less, from);
		of.series[0].is_state = false;
		levels_of(&of, until, of_less);
		for (size_t c = 0; c < of.series[0].count; c++)
			more[c] = (TierChange) {less[c].day, less[c].amount +
			(random_below(3) == 0 ? (SignedUnits) random_below(100) : 0)};
		of.series[0].change = more;
		levels_of(&of, until, of_more);
		for (int32_t day = 0; day <= until - from && !lower; day++)
			if (of_more[day] < of_less[day])
			{
				lower = true;
				printf("# day %d: level %d of less, %d of more\n", from + day, of_less[day], of_more[day]);
				describe(&of);
			}
		if (lower)
			break;
		good++;
	}
	ok(good == times, "%ld pairs, of up to three versions: who spends more has no lower level", times);
}

int
main(void)
{
	random_begin();
	test_live_balance();
	test_lifetime();
	test_yearly();
	test_term();
	test_month();
	test_rolling();
	test_random();
	test_more_is_no_less();
	return tap_done();
}
