/*-------------------------------------------------------------------------
 *
 * tier_replay.c
 *	  A customer's levels, from his first day to any other.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "history.h"
#include "tier_case.h"
#include "tier_result.h"

#include "compat.h"

#define EVENT_FIELDS	6
#define STANDING_FIELDS	14
/* of those, what changes from day to day without anything happening */
#define SINCE			3
#define WINDOW_FROM		5
#define WINDOW_UNTIL	6
#define OUTLOOK_DAYS	7305	/* twenty years */

/* A day that a replay goes to */
static int32
day_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	DateADT		date = PG_GETARG_DATEADT(argument);

	if (DATE_NOT_FINITE(date))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s %s is not a finite date", name,
						DATE_IS_NOEND(date) ? "infinity" : "-infinity"),
				 errhint("Pass the last day that is to count.")));
	return history_day_of_date(date);
}

static const char *
code_of(const TierRules *rules, int policy, int rank)
{
	return rules->name[rules->policy[policy].level[rank].name];
}

/* A customer's levels so far */
typedef struct Replay
{
	const TierRules *rules;
	TierCase	of;
	TierState	state;
	TierEvent	last;			/* the newest change */
	int32		until;
} Replay;

/* Policy and last day stand in these arguments; false if there is no level */
static bool
replay_begin(FunctionCallInfo fcinfo, int policy, int until, Replay *replay)
{
	if (PG_ARGISNULL(policy) || PG_ARGISNULL(until))
		return false;
	replay->rules = tier_rules(fcinfo, policy);
	replay->until = day_argument(fcinfo, until, "the last day");
	if (!tier_case_read(fcinfo, replay->rules, replay->until, &replay->of))
		return false;
	tier_begin(&replay->of, &replay->state);
	return true;
}

static bool
replay_next(Replay *replay, int32 until)
{
	CHECK_FOR_INTERRUPTS();
	return tier_next(&replay->of, &replay->state, until, &replay->last);
}

/* Events so far, and the type of their rows */
typedef struct Events
{
	const TierRules *rules;
	Oid			type;
	TupleDesc	row;
	ArrayBuildState *array;
} Events;

static void
add_row(Events *events, Datum *values, bool *nulls)
{
	if (events->row == NULL)
		events->row = lookup_rowtype_tupdesc(events->type, -1);
	events->array = accumArrayResult(events->array,
									 HeapTupleGetDatum(heap_form_tuple(events->row, values, nulls)),
									 false, events->type, CurrentMemoryContext);
}

static void
add_event(Events *events, const TierEvent *event, int32 day, const char *reason)
{
	const TierRules *rules = events->rules;
	bool		nulls[EVENT_FIELDS] = {false};
	Datum		values[EVENT_FIELDS] = {
		DateADTGetDatum(history_date_of_day(day)),
		Int32GetDatum(rules->version[event->policy]),
		Int32GetDatum(event->rank),
		CStringGetTextDatum(code_of(rules, event->policy, event->rank)),
		CStringGetTextDatum(reason),
		tier_metrics(rules, event->metric)
	};

	add_row(events, values, nulls);
}

/* He had a level, and has none now */
static void
add_leaving(Events *events, int32 day)
{
	Datum		values[EVENT_FIELDS] = {
		DateADTGetDatum(history_date_of_day(day)),
		[4] = CStringGetTextDatum("left")
	};
	bool		nulls[EVENT_FIELDS] = {false, true, true, true, false, true};

	add_row(events, values, nulls);
}

/*
 * Where the level of a day is not the one that was told, that day brings a
 * change: its own, or a correction.
 */
static void
gather_correction(Replay *replay, int32 day, const char *told, Events *events)
{
	bool		is_known = false;
	TierEvent	now;

	while (replay_next(replay, day))
		is_known = true;
	if (!is_known && told[0] != '\0')
		add_leaving(events, day);
	if (!is_known)
		return;
	now = replay->last;
	now.policy = replay->state.policy;
	if (strcmp(told, code_of(replay->rules, now.policy, now.rank)) == 0)
		return;
	if (now.day == day)
	{
		add_event(events, &now, day, tier_reason(now.reason));
		return;
	}
	for (int m = 0; m < replay->rules->metrics; m++)
		now.metric[m] = replay->state.sum[m].sum;
	add_event(events, &now, day, now.reason == TIER_GIVEN
			  ? tier_reason(TIER_GIVEN) : "corrected");
}

/*
 * Goes to the last day, and gathers the changes after a day whose level was
 * told; with nothing told, all.
 */
static bool
gather_events(Replay *replay, Oid type, int32 since, const char *told,
			  Datum *result)
{
	Events		events = {replay->rules, type, NULL, NULL};

	if (told != NULL && since <= replay->until)
		gather_correction(replay, since, told, &events);
	while (replay_next(replay, replay->until))
		if (told == NULL || replay->last.day > since)
			add_event(&events, &replay->last, replay->last.day,
					  tier_reason(replay->last.reason));
	if (events.row != NULL)
		ReleaseTupleDesc(events.row);
	if (events.array == NULL)
		return false;
	*result = makeArrayResult(events.array, CurrentMemoryContext);
	return true;
}

/* What comes next if nothing more is bought; false if nothing in twenty years */
static bool
find_outlook(const Replay *replay, TierEvent *next)
{
	TierState	state = replay->state;
	int32		until = replay->until + OUTLOOK_DAYS;

	/*
	 * At the base, with nothing given, there is nowhere to go, but that a refund
	 * may leave its window.
	 */
	if (state.rank == 0 && state.earned == 0 && replay->of.overrides == 0 &&
		state.policy + 1 == replay->of.policies)
	{
		const TierPolicy *policy = &replay->rules->policy[state.policy];

		if (policy->window != TIER_ROLLING)
			return false;
		until = Min(until, calendar_add(replay->until, policy->span, 1) + 366);
	}
	until = Min(until, HISTORY_LAST_DAY);
	return tier_next(&replay->of, &state, until, next);
}

/* A code, or NULL */
static void
put_code(Datum *values, bool *nulls, int i, const TierRules *rules, int policy,
		 int rank, bool known)
{
	nulls[i] = !known;
	if (known)
		values[i] = CStringGetTextDatum(code_of(rules, policy, rank));
}

/* A day, or NULL */
static void
put_day(Datum *values, bool *nulls, int i, int32 day, bool known)
{
	nulls[i] = !known;
	values[i] = DateADTGetDatum(history_date_of_day(day));
}

/* Where a customer stands on the day that the replay has come to */
static void
find_standing(const Replay *replay, Datum *values, bool *nulls)
{
	const TierRules *rules = replay->rules;
	const TierState *state = &replay->state;
	const TierPolicy *policy = &rules->policy[state->policy];
	int			rank = state->shown;
	bool		has_next = rank + 1 < policy->levels && !state->is_fixed;
	CalendarPeriod window = tier_window(policy, replay->of.enrolled, state->since,
										replay->until);
	SignedUnits metric[TIER_METRICS];
	TierEvent	next = {0};
	bool		changes = find_outlook(replay, &next);

	if (policy->window == TIER_TERM)
		window.first = Max(window.first, state->counts_from);
	for (int m = 0; m < rules->metrics; m++)
		metric[m] = state->sum[m].sum;
	memset(nulls, false, STANDING_FIELDS * sizeof(bool));
	values[0] = Int32GetDatum(rules->version[state->policy]);
	values[1] = Int32GetDatum(rank);
	put_code(values, nulls, 2, rules, state->policy, rank, true);
	put_day(values, nulls, 3, replay->last.day, true);
	values[4] = BoolGetDatum(rank != state->rank);
	put_day(values, nulls, WINDOW_FROM, window.first, window.first > 0);
	put_day(values, nulls, WINDOW_UNTIL, window.last,
			window.last != CALENDAR_NEVER);
	put_day(values, nulls, 7, next.day - 1, changes);
	put_code(values, nulls, 8, rules, next.policy, next.rank, changes);
	values[9] = tier_metrics(rules, metric);
	put_code(values, nulls, 10, rules, state->policy, rank + 1, has_next);
	nulls[11] = nulls[12] = !has_next;
	if (has_next)
	{
		const TierLevel *level = &policy->level[rank + 1];

		nulls[11] = state->earned > rank ||
			!tier_missing(rules, level, state, &values[11]);
		values[12] = Float8GetDatum(tier_progress(level, state));
	}
	nulls[13] = state->earned >= state->rank ||
		!tier_missing(rules, &policy->level[state->rank], state, &values[13]);
}

static HeapTuple
make_row(Oid type, const Datum *values, const bool *nulls)
{
	TupleDesc	row = lookup_rowtype_tupdesc(type, -1);
	HeapTuple	tuple = heap_form_tuple(row, (Datum *) values, (bool *) nulls);

	ReleaseTupleDesc(row);
	return tuple;
}

/* The level that was told, if any */
static const char *
told_argument(FunctionCallInfo fcinfo, int since, int told, int32 *day)
{
	if (PG_ARGISNULL(since) || PG_ARGISNULL(told))
		return NULL;
	*day = history_day_from(PG_GETARG_DATEADT(since));
	return text_to_cstring(PG_GETARG_TEXT_PP(told));
}

/*
 * tier_events(history, entries, overrides, enrolled, policy, since, told,
 * until)
 */
PG_FUNCTION_INFO_V1(tiering_tier_events);
Datum
tiering_tier_events(PG_FUNCTION_ARGS)
{
	Oid			type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	Replay		replay;
	int32		since = 0;
	const char *told;
	Datum		events;

	if (!replay_begin(fcinfo, 4, 7, &replay))
		PG_RETURN_NULL();
	told = told_argument(fcinfo, 5, 6, &since);
	if (!gather_events(&replay, type, since, told, &events))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(events);
}

/* tier_standing(history, entries, overrides, enrolled, policy, as_of) */
PG_FUNCTION_INFO_V1(tiering_tier_standing);
Datum
tiering_tier_standing(PG_FUNCTION_ARGS)
{
	Replay		replay;
	Datum		values[STANDING_FIELDS];
	bool		nulls[STANDING_FIELDS];

	if (!replay_begin(fcinfo, 4, 5, &replay))
		PG_RETURN_NULL();
	while (replay_next(&replay, replay.until))
		;
	find_standing(&replay, values, nulls);
	PG_RETURN_DATUM(HeapTupleGetDatum(make_row(get_fn_expr_rettype(fcinfo->flinfo),
											   values, nulls)));
}

/* Does a stored standing say the same?  Since when, and the window, are not compared. */
static bool
stands_as_before(HeapTupleHeader stored, const Datum *values, const bool *nulls)
{
	TupleDesc	row = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(stored),
											 HeapTupleHeaderGetTypMod(stored));
	HeapTupleData tuple = {
		.t_len = HeapTupleHeaderGetDatumLength(stored),
		.t_data = stored
	};
	Datum		before[STANDING_FIELDS];
	bool		before_null[STANDING_FIELDS];
	bool		same = true;

	heap_deform_tuple(&tuple, row, before, before_null);
	for (int i = 0; i < STANDING_FIELDS && same; i++)
	{
		Form_pg_attribute field = TupleDescAttr(row, i);

		if (i == SINCE || i == WINDOW_FROM || i == WINDOW_UNTIL)
			continue;
		same = nulls[i] == before_null[i] &&
			(nulls[i] || datum_image_eq(values[i], before[i], field->attbyval,
										field->attlen));
	}
	ReleaseTupleDesc(row);
	return same;
}

/*
 * tier_review(history, entries, overrides, enrolled, policy, since, told, until,
 * stored): events since then and the standing, or NULL if all is as it was
 */
PG_FUNCTION_INFO_V1(tiering_tier_review);
Datum
tiering_tier_review(PG_FUNCTION_ARGS)
{
	Oid			type = get_fn_expr_rettype(fcinfo->flinfo);
	bool		is_stored = !PG_ARGISNULL(8);
	TupleDesc	row;
	Oid			standing_type;
	Oid			event_type;
	Replay		replay;
	Datum		values[STANDING_FIELDS];
	bool		nulls[STANDING_FIELDS];
	Datum		result[2];
	bool		missing[2] = {true, true};
	int32		since = 0;
	const char *told;

	row = lookup_rowtype_tupdesc(type, -1);
	standing_type = TupleDescAttr(row, 0)->atttypid;
	event_type = get_element_type(TupleDescAttr(row, 1)->atttypid);
	ReleaseTupleDesc(row);
	told = told_argument(fcinfo, 5, 6, &since);
	if (replay_begin(fcinfo, 4, 7, &replay))
	{
		missing[1] = !gather_events(&replay, event_type, since, told, &result[1]);
		find_standing(&replay, values, nulls);
		if (missing[1] && is_stored &&
			stands_as_before(PG_GETARG_HEAPTUPLEHEADER(8), values, nulls))
			PG_RETURN_NULL();
		missing[0] = false;
		result[0] = HeapTupleGetDatum(make_row(standing_type, values, nulls));
	}
	else if (!is_stored && (told == NULL || told[0] == '\0'))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(HeapTupleGetDatum(make_row(type, result, missing)));
}
