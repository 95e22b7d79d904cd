/*-------------------------------------------------------------------------
 *
 * history_state.c
 *	  The aggregates that build purchase histories, and merging.
 *
 * The transition state is itself a purchase_history: a bag, whose slack
 * counts in its size.  It is changed in place only inside an aggregate; to
 * grow, a larger value is made in the current context and returned, which
 * the executor copies before it frees the old one.
 *
 * NULL rules of all of them: a NULL date, amount, count or history leaves
 * the state; no state and no input give NULL, and so does an empty group.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "history.h"
#include "units_numeric.h"

#include "compat.h"

#define STATE_SMALLEST	64		/* bytes of a new state, header and all */

/* Room for a bag's bytes in a state */
#define STATE_ROOM(state)	(VARSIZE(state) - VARHDRSZ)

/* Is the state one that may be changed in place? */
static bool
state_is_ours(FunctionCallInfo fcinfo, struct varlena *state)
{
	return AggCheckCallContext(fcinfo, NULL) &&
		VARATT_IS_4B_U(state) &&
		STATE_ROOM(state) >= sizeof(HistoryBag) &&
		history_is_bag((uint8_t *) VARDATA(state), STATE_ROOM(state)) &&
		bag_used((uint8_t *) VARDATA(state)) <= STATE_ROOM(state);
}

/* Fills a bag with as many of the days as fit; returns how many did */
static size_t
state_add(struct varlena *state, const HistoryDay *days, size_t count)
{
	size_t		added = 0;

	while (added < count &&
		   bag_add((uint8_t *) VARDATA(state), STATE_ROOM(state), &days[added]))
		added++;
	return added;
}

/*
 * Makes a state of days that are in order, with a quarter of it free or
 * more, so that putting in order is paid for by what was added since.
 */
static struct varlena *
state_make(const HistoryDay *days, size_t count, int scale)
{
	Size		size = STATE_SMALLEST;

	for (;; size *= 2)
	{
		struct varlena *state = palloc(size);

		SET_VARSIZE(state, size);
		bag_init((uint8_t *) VARDATA(state), scale,
				 count > 0 ? days[0].day : 0);
		if (state_add(state, days, count) == count &&
			(count <= 1 ||
			 bag_used((uint8_t *) VARDATA(state)) <= STATE_ROOM(state) / 4 * 3))
		{
			/* a value leaves the server's memory whole: no stray bytes */
			Size		used = VARHDRSZ + bag_used((uint8_t *) VARDATA(state));

			memset((char *) state + used, 0, size - used);
			return state;
		}
		pfree(state);
	}
}

/*
 * Adds days to the state in argument 0.
 *
 * The road that nearly every call takes is the first: append to the bag.
 */
static Datum
state_merge(FunctionCallInfo fcinfo, HistoryDay *added, size_t count,
			int scale)
{
	HistoryDay *days = NULL;
	size_t		before = 0;
	int			state_scale = scale;
	HistoryStatus status;

	if (!PG_ARGISNULL(0))
	{
		struct varlena *state = (struct varlena *) PG_GETARG_POINTER(0);

		if (state_is_ours(fcinfo, state) &&
			scale <= (state_scale = bag_scale((uint8_t *) VARDATA(state))))
		{
			size_t		done;

			history_rescale(added, count, state_scale - scale);
			scale = state_scale;
			done = state_add(state, added, count);
			if (done == count)
				PG_RETURN_POINTER(state);
			added += done;
			count -= done;
		}
		CHECK_FOR_INTERRUPTS();
		days = history_days(PG_GETARG_DATUM(0), count, &before, &state_scale);
	}
	else
		days = palloc_extended((count + 1) * sizeof(HistoryDay),
							   MCXT_ALLOC_HUGE);

	history_rescale(days, before, Max(scale - state_scale, 0));
	history_rescale(added, count, Max(state_scale - scale, 0));
	scale = Max(scale, state_scale);
	memcpy(days + before, added, count * sizeof(HistoryDay));
	count += before;
	status = history_put_in_order(days, &count, scale);
	history_raise(status);
	if (!AggCheckCallContext(fcinfo, NULL))
		return history_make(days, count, scale);
	return PointerGetDatum(state_make(days, count, scale));
}

/* The state as it came, or NULL */
static Datum
state_unchanged(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/*
 * Adds one row: an amount of zero or more is a purchase of so many orders, a
 * negative one is a refund and carries none.
 */
static Datum
state_add_row(FunctionCallInfo fcinfo, DateADT date, Datum amount_datum,
			  bool counted, int64 orders)
{
	Amount		amount;
	HistoryDay	entry = {0};

	entry.day = history_day_of_date(date);
	amount_from_numeric(amount_datum, &amount);
	if (!counted)
		orders = amount.negative ? 0 : 1;
	if (orders < 0 || orders > HISTORY_MAX_ORDERS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of orders %lld is not between 0 and %d",
						(long long) orders, HISTORY_MAX_ORDERS),
				 errhint("Pass how many orders the row stands for.")));
	if (amount.negative && orders > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a negative amount cannot carry %lld orders",
						(long long) orders),
				 errhint("Pass the refunds of a day as a row of their own with 0 orders.")));
	if (orders == 0 && !amount.negative && amount.units > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a positive amount cannot have 0 orders"),
				 errhint("Count the orders that made the amount.")));
	entry.orders = (uint32_t) orders;
	if (amount.negative)
		entry.refunded = amount.units;
	else
		entry.gross = amount.units;
	if (orders == 0 && amount.units == 0)
		return state_unchanged(fcinfo); /* nothing happened */
	return state_merge(fcinfo, &entry, 1, amount.scale);
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_accum_date);
Datum
tiering_purchase_history_accum_date(PG_FUNCTION_ARGS)
{
	bool		counted = PG_NARGS() > 3;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || (counted && PG_ARGISNULL(3)))
		return state_unchanged(fcinfo);
	return state_add_row(fcinfo, PG_GETARG_DATEADT(1), PG_GETARG_DATUM(2),
						 counted, counted ? PG_GETARG_INT64(3) : 0);
}

/* The date of a time stamp; an infinite one gives an infinite date */
static DateADT
date_of_timestamp(Timestamp when)
{
	return DatumGetDateADT(DirectFunctionCall1(timestamp_date,
											   TimestampGetDatum(when)));
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_accum_timestamp);
Datum
tiering_purchase_history_accum_timestamp(PG_FUNCTION_ARGS)
{
	bool		counted = PG_NARGS() > 3;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || (counted && PG_ARGISNULL(3)))
		return state_unchanged(fcinfo);
	return state_add_row(fcinfo, date_of_timestamp(PG_GETARG_TIMESTAMP(1)),
						 PG_GETARG_DATUM(2), counted,
						 counted ? PG_GETARG_INT64(3) : 0);
}

/* The local date of an instant; the server knows the time zones */
static DateADT
local_date(Datum instant, Datum zone)
{
	return date_of_timestamp(DatumGetTimestamp(
								 DirectFunctionCall2(timestamptz_zone,
													 zone, instant)));
}

PG_FUNCTION_INFO_V1(tiering_purchase_history_accum_timestamptz);
Datum
tiering_purchase_history_accum_timestamptz(PG_FUNCTION_ARGS)
{
	bool		counted = PG_NARGS() > 4;

	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("time zone must not be null"),
				 errhint("Name the shop's time zone, for example 'Europe/London'.")));
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || (counted && PG_ARGISNULL(4)))
		return state_unchanged(fcinfo);
	return state_add_row(fcinfo,
						 local_date(PG_GETARG_DATUM(1), PG_GETARG_DATUM(3)),
						 PG_GETARG_DATUM(2), counted,
						 counted ? PG_GETARG_INT64(4) : 0);
}

PG_FUNCTION_INFO_V1(tiering_local_date);
Datum
tiering_local_date(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(local_date(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

/* Adds a history to a state; also combines two states, and merges two values */
PG_FUNCTION_INFO_V1(tiering_merge);
Datum
tiering_merge(PG_FUNCTION_ARGS)
{
	HistoryDay *days;
	size_t		count;
	int			scale;

	if (PG_ARGISNULL(1))
		return state_unchanged(fcinfo);
	days = history_days(PG_GETARG_DATUM(1), 0, &count, &scale);
	return state_merge(fcinfo, days, count, scale);
}

/* The canonical form of a state, which stays as it is */
PG_FUNCTION_INFO_V1(tiering_purchase_history_final);
Datum
tiering_purchase_history_final(PG_FUNCTION_ARGS)
{
	HistoryDay *days;
	size_t		count;
	int			scale;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	days = history_days(PG_GETARG_DATUM(0), 0, &count, &scale);
	return history_make(days, count, scale);
}
