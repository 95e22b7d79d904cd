/*-------------------------------------------------------------------------
 *
 * events.c
 *	  Who had to do with what, and when: the rows of a query.
 *
 * The query runs with the rights of whoever calls, and its rows are taken as
 * they come, without being kept twice.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "events.h"
#include "json_member.h"

#define FIRST_ROOM			4096
#define MEMORY_CHECK_ROWS	4096
#define MOST_WEIGHT			1e6
#define MOST_NUMBERED		10000000

/* Takes the rows of the query */
typedef struct EventReceiver
{
	DestReceiver pub;
	const EventOptions *options;
	Events	   *events;
	int			weight;			/* columns, from 0; -1: not there */
	int			day;
	int			event;
	int			group;
	int			bought;
	Oid			weight_type;
	Oid			day_type;
	Oid			item_type;
	int			group_room;		/* customers that there is room for */
	MemoryContext scratch;		/* of one row */
} EventReceiver;

void
events_check_memory(Size needed, Size most, const char *what)
{
	if (needed > most)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s needs %zu MB of memory, more than max_memory_mb %zu", what,
						(needed + 1024 * 1024 - 1) / (1024 * 1024), most / (1024 * 1024)),
				 errhint("Pass a larger max_memory_mb, or fewer rows or items.")));
}

Size
events_memory_argument(int megabytes)
{
	if (megabytes < 1 || megabytes > 1024 * 1024)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_memory_mb %d is not between 1 and %d", megabytes, 1024 * 1024),
				 errhint("1024 is the default.")));
	return (Size) megabytes * 1024 * 1024;
}

Size
events_memory(const Events *events)
{
	return (Size) events->room * (2 * sizeof(int32) + sizeof(double) + sizeof(DateADT)) +
		id_map_memory(events->customers) + (events->items != NULL ? id_map_memory(events->items) : 0);
}

static void
refuse_column(const char *column, Oid type, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of the query has type %s, not %s", column, format_type_be(type), wanted),
			 errhint("Cast it in the query.")));
}

static void
refuse_second(const char *column, int place)
{
	if (place >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_COLUMN),
				 errmsg("the query has two columns \"%s\"", column),
				 errhint("Give one of them another name, or leave it out.")));
}

/* Finds the columns, before the first row */
static void
start_rows(DestReceiver *self, int operation, TupleDesc row)
{
	EventReceiver *receiver = (EventReceiver *) self;
	Events	   *events = receiver->events;
	const EventOptions *options = receiver->options;

	if (events->customers != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query has more than one statement"),
				 errhint("Pass one SELECT.")));
	if (row->natts < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query has %d columns, not a %s and an item", row->natts, options->who),
				 errhint("Pass such as 'SELECT %s_id, product_id FROM order_line'.", options->who)));
	receiver->item_type = TupleDescAttr(row, 1)->atttypid;
	events->customers = id_map_new(events->context, TupleDescAttr(row, 0)->atttypid, TupleDescAttr(row, 0)->attcollation, options->who);
	if (!options->numbered)
		events->items = id_map_new(events->context, receiver->item_type, TupleDescAttr(row, 1)->attcollation, "item");
	else if (receiver->item_type != INT4OID)
		refuse_column(NameStr(TupleDescAttr(row, 1)->attname), receiver->item_type, "integer");
	for (int i = 2; i < row->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(row, i)->attname);
		Oid			type = TupleDescAttr(row, i)->atttypid;

		if (options->takes_more && strcmp(name, "weight") == 0)
		{
			refuse_second(name, receiver->weight);
			receiver->weight = i;
			receiver->weight_type = type;
			if (type != FLOAT8OID && type != FLOAT4OID && type != INT2OID && type != INT4OID && type != INT8OID && type != NUMERICOID)
				refuse_column(name, type, "a number");
		}
		else if (options->takes_more && strcmp(name, "day") == 0)
		{
			refuse_second(name, receiver->day);
			receiver->day = i;
			receiver->day_type = type;
			if (type != DATEOID && type != TIMESTAMPOID)
				refuse_column(name, type, "date or timestamp without time zone");
			events->day = MemoryContextAllocHuge(events->context, events->room * sizeof(DateADT));
		}
		else if (options->takes_more && strcmp(name, "event") == 0)
		{
			refuse_second(name, receiver->event);
			receiver->event = i;
			if (type != TEXTOID && type != VARCHAROID)
				refuse_column(name, type, "text");
		}
		else if (options->takes_more && strcmp(name, "group") == 0)
		{
			refuse_second(name, receiver->group);
			receiver->group = i;
			events->groups = id_map_new(events->context, type, TupleDescAttr(row, i)->attcollation, "group");
		}
		else if (options->takes_more && strcmp(name, "bought") == 0)
		{
			refuse_second(name, receiver->bought);
			receiver->bought = i;
			if (type != BOOLOID)
				refuse_column(name, type, "boolean");
			events->bought = MemoryContextAllocHuge(events->context, events->room * sizeof(bool));
		}
		else
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" of the query is not known", name),
					 options->takes_more
					 ? errhint("After %s and item come, by name, weight, day, event, group and bought.", options->who)
					 : errhint("There are two columns: %s and item.", options->who)));
	}
	if (receiver->event < 0 && options->event_weights != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query has no column \"event\""),
				 errhint("event_weights are of the kinds that it tells.")));
	if (receiver->day < 0 && (options->needs_days || !DATE_IS_NOEND(options->as_of)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query has no column \"day\""),
				 errhint("half_life_days and as_of need to know when.")));
}

static double
number_of(Datum value, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return (double) DatumGetInt64(value);
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case NUMERICOID:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
		default:
			return DatumGetFloat8(value);
	}
}

/* The weight of a kind of events */
static double
weight_of_event(const EventReceiver *receiver, Datum event)
{
	char	   *kind = TextDatumGetCString(event);
	JsonbValue *value;

	if (receiver->options->event_weights == NULL)
		return 1;
	value = json_member(&receiver->options->event_weights->root, kind);
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("event \"%s\" has no weight", kind),
				 errhint("Pass such as event_weights => '{\"bought\": 1, \"viewed\": 0.1}'; 0 leaves a kind out.")));
	if (value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the weight of event \"%s\" is not a number", kind),
				 errhint("Pass such as event_weights => '{\"bought\": 1, \"viewed\": 0.1}'; 0 leaves a kind out.")));
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
}

static double
weight_of_row(EventReceiver *receiver, TupleTableSlot *slot)
{
	double		weight = 1;

	if (receiver->weight >= 0)
		weight = slot->tts_isnull[receiver->weight] ? 0 : number_of(slot->tts_values[receiver->weight], receiver->weight_type);
	if (receiver->event >= 0 && !slot->tts_isnull[receiver->event])
		weight *= weight_of_event(receiver, slot->tts_values[receiver->event]);
	if (!(weight >= 0 && weight <= MOST_WEIGHT))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weight %g is not between 0 and %g", weight, MOST_WEIGHT),
				 errhint("Leave out what is not liked, such as returns.")));
	return weight;
}

/* The day of a row; false if it does not count */
static bool
day_of_row(EventReceiver *receiver, TupleTableSlot *slot, DateADT *day)
{
	if (receiver->day < 0)
		return true;
	if (slot->tts_isnull[receiver->day])
		return false;
	*day = receiver->day_type == DATEOID ? DatumGetDateADT(slot->tts_values[receiver->day])
		: DatumGetDateADT(DirectFunctionCall1(timestamp_date, slot->tts_values[receiver->day]));
	if (DATE_NOT_FINITE(*day))
		return false;
	return DATE_IS_NOEND(receiver->options->as_of) || *day <= receiver->options->as_of;
}

static void
make_room(EventReceiver *receiver)
{
	Events	   *events = receiver->events;

	if (events->count % MEMORY_CHECK_ROWS == 0)
		events_check_memory(events_memory(events), receiver->options->most_memory, "reading the query");
	if (events->count < events->room)
		return;
	events->room *= 2;
	events->customer = repalloc_huge(events->customer, events->room * sizeof(int32));
	events->item = repalloc_huge(events->item, events->room * sizeof(int32));
	events->weight = repalloc_huge(events->weight, events->room * sizeof(double));
	if (events->bought != NULL)
		events->bought = repalloc_huge(events->bought, events->room * sizeof(bool));
	if (events->day != NULL)
		events->day = repalloc_huge(events->day, events->room * sizeof(DateADT));
}

static int
item_of_row(Events *events, Datum item)
{
	int			number;

	if (events->items != NULL)
		return id_map_number(events->items, item);
	number = DatumGetInt32(item);
	if (number < 1 || number > MOST_NUMBERED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("item %d is not between 1 and %d", number, MOST_NUMBERED)));
	events->item_count = Max(events->item_count, number);
	return number - 1;
}

/* The group of the customer of the row that was read; of two the first, so that no order decides */
static void
take_group(EventReceiver *receiver, TupleTableSlot *slot)
{
	Events	   *events = receiver->events;
	int32		customer = events->customer[events->count];
	int32		group;

	while (customer >= receiver->group_room)
	{
		int			more = Max(receiver->group_room, FIRST_ROOM);

		events->group = receiver->group_room == 0 ? MemoryContextAlloc(events->context, more * sizeof(int32))
			: repalloc_huge(events->group, (Size) (receiver->group_room + more) * sizeof(int32));
		memset(events->group + receiver->group_room, 0xff, more * sizeof(int32));
		receiver->group_room += more;
	}
	if (slot->tts_isnull[receiver->group])
		return;
	group = id_map_number(events->groups, slot->tts_values[receiver->group]);
	if (events->group[customer] < 0 || id_map_compare(events->groups, group, events->group[customer]) < 0)
		events->group[customer] = group;
}

static bool
take_row(TupleTableSlot *slot, DestReceiver *self)
{
	EventReceiver *receiver = (EventReceiver *) self;
	Events	   *events = receiver->events;
	MemoryContext caller = MemoryContextSwitchTo(receiver->scratch);
	DateADT		day = 0;
	double		weight;

	slot_getallattrs(slot);
	if (slot->tts_isnull[0] || slot->tts_isnull[1] || !day_of_row(receiver, slot, &day))
		events->left_out++;
	else if ((weight = weight_of_row(receiver, slot)) > 0)
	{
		make_room(receiver);
		events->customer[events->count] = id_map_number(events->customers, slot->tts_values[0]);
		events->item[events->count] = item_of_row(events, slot->tts_values[1]);
		events->weight[events->count] = weight;
		if (events->day != NULL)
		{
			events->day[events->count] = day;
			events->as_of = Max(events->as_of, day);
		}
		if (receiver->bought >= 0)
			events->bought[events->count] = !slot->tts_isnull[receiver->bought] && DatumGetBool(slot->tts_values[receiver->bought]);
		if (receiver->group >= 0)
			take_group(receiver, slot);
		events->count++;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(receiver->scratch);
	return true;
}

static void
end_rows(DestReceiver *self)
{
}

/* Groups by their order, of customers by theirs */
static void
sort_groups(Events *events, const int32 *customer)
{
	int32	   *group = id_map_sort(events->groups);
	int32	   *sorted = MemoryContextAllocHuge(events->context, Max(events->customer_count, 1) * sizeof(int32));

	for (int i = 0; i < events->customer_count; i++)
		sorted[customer != NULL ? customer[i] : i] = events->group[i] < 0 ? -1 : group[events->group[i]];
	events->group = sorted;
}

/* Numbers customers and items by their order, whatever that of the rows was */
static void
sort_ids(Events *events, bool any_order)
{
	int32	   *customer = any_order ? NULL : id_map_sort(events->customers);
	int32	   *item = events->items != NULL ? id_map_sort(events->items) : NULL;

	events->customer_count = id_map_count(events->customers);
	if (item != NULL)
		events->item_count = id_map_count(events->items);
	for (int64 i = 0; i < events->count; i++)
	{
		if (i % MEMORY_CHECK_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		if (customer != NULL)
			events->customer[i] = customer[events->customer[i]];
		if (item != NULL)
			events->item[i] = item[events->item[i]];
	}
	if (events->groups != NULL)
		sort_groups(events, customer);
}

static Events *
events_new(MemoryContext context)
{
	Events	   *events = MemoryContextAllocZero(context, sizeof(Events));

	events->context = context;
	events->room = FIRST_ROOM;
	events->customer = MemoryContextAlloc(context, FIRST_ROOM * sizeof(int32));
	events->item = MemoryContextAlloc(context, FIRST_ROOM * sizeof(int32));
	events->weight = MemoryContextAlloc(context, FIRST_ROOM * sizeof(double));
	events->as_of = DATEVAL_NOBEGIN;
	return events;
}

/* The commonest slip: a table's name instead of a query, of which the server says a syntax error */
static void
refuse_name(const char *query)
{
	if (query[0] != '\0' && query[strspn(query, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("\"%s\" is not a query", query),
				 errhint("For all of a table write TABLE %s.", query)));
}

/* Runs the query, and keeps its rows in the memory context of the caller */
Events *
events_read(const char *query, const EventOptions *options)
{
	EventReceiver receiver = {
		.pub = {take_row, start_rows, end_rows, end_rows, DestNone},
		.options = options,
		.events = events_new(CurrentMemoryContext),
		.weight = -1,.day = -1,.event = -1,.group = -1,.bought = -1
	};
	SPIExecuteOptions execution = {.read_only = true,.dest = &receiver.pub};

	refuse_name(query);
	receiver.scratch = AllocSetContextCreate(CurrentMemoryContext, "customer_tiering row", ALLOCSET_SMALL_SIZES);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	SPI_execute_extended(query, &execution);
	SPI_finish();
	if (receiver.events->customers == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query is not a SELECT"),
				 errhint("Pass one SELECT.")));
	sort_ids(receiver.events, options->any_order);
	if (!DATE_IS_NOEND(options->as_of))
		receiver.events->as_of = options->as_of;
	MemoryContextDelete(receiver.scratch);
	return receiver.events;
}
