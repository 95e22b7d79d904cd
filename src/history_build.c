/*-------------------------------------------------------------------------
 *
 * history_build.c
 *	  purchase_histories(): the histories of all customers of a query.
 *
 * The same result as  SELECT customer, purchase_history_agg(day, amount)
 * GROUP BY customer,  several times faster on many customers.  The query runs
 * as any other does, with the caller's rights, row security and plans; its
 * rows go to a receiver of ours that lays them aside in parts by the
 * customer's hash, and then each part is grouped within the cache.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/params.h"
#include "parser/parse_param.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "history.h"
#include "history_groups.h"
#include "history_parts.h"
#include "model/history_bytes.h"
#include "units_numeric.h"

#include "compat.h"

/* columns of the query, in this order */
enum
{
	COLUMN_CUSTOMER,
	COLUMN_DAY,
	COLUMN_AMOUNT,
	COLUMN_ROWS,				/* optional */
	COLUMN_LIMIT
};

/* Fixed start of a row laid aside; id, number of rows and entry follow */
typedef struct RowHead
{
	uint32		hash;
	uint16		size;			/* of the whole row */
	uint8		entry_size;		/* of the entry */
	uint8		scale;			/* of the entry's money */
} RowHead;

/* Where the query's rows go */
typedef struct Receiver
{
	DestReceiver pub;
	Oid			customer_type;	/* that the caller asked for */
	MemoryContext context;		/* of what lives until the end */
	bool		started;		/* a second result means a second statement */
	bool		has_rows;		/* the optional column is there */
	int32		base;			/* day of the first row; entries count from it */
	CustomerKey key;
	FmgrInfo	customer_out;	/* writes an id, for error messages */
	Datum		customer;		/* of the row at hand */
	Parts	   *parts;
} Receiver;

/* What the second half works with */
typedef struct Builder
{
	HistoryGroups *groups;
	const CustomerKey *key;
	bool		has_rows;		/* a number of rows stands in each row */
} Builder;

/* Size of a row's part, such that the next one begins aligned */
#define ROW_ALIGN(size)		TYPEALIGN(8, size)

static void
check_column(TupleDesc row, int column, Oid expected, const char *what)
{
	Oid			type = TupleDescAttr(row, column)->atttypid;

	if (type != expected)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column %d of the query, %s, has type %s instead of %s",
						column + 1, what, format_type_be(type),
						format_type_be(expected)),
				 errhint("Cast it in the query.")));
}

/* Called before the first row: are these the columns that are expected? */
static void
receiver_startup(DestReceiver *self, int operation, TupleDesc row)
{
	Receiver   *receiver = (Receiver *) self;
	MemoryContext old;
	Oid			out;
	bool		is_varlena;

	if (receiver->started)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query must be a single SELECT")));
	receiver->started = true;
	if (row->natts <= COLUMN_AMOUNT || row->natts > COLUMN_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("query has %d columns instead of 3 or 4", row->natts),
				 errhint("Select the customer, the date, the amount and, if wanted, how many source rows it stands for.")));
	check_column(row, COLUMN_CUSTOMER, receiver->customer_type, "the customer");
	check_column(row, COLUMN_DAY, DATEOID, "the date");
	check_column(row, COLUMN_AMOUNT, NUMERICOID, "the amount");
	receiver->has_rows = row->natts > COLUMN_ROWS;
	if (receiver->has_rows)
		check_column(row, COLUMN_ROWS, INT8OID, "the number of rows");

	old = MemoryContextSwitchTo(receiver->context);
	customer_key_init(&receiver->key, receiver->customer_type,
					  TupleDescAttr(row, COLUMN_CUSTOMER)->attcollation);
	getTypeOutputInfo(receiver->customer_type, &out, &is_varlena);
	fmgr_info(out, &receiver->customer_out);
	receiver->parts = parts_begin(get_hash_memory_limit());
	MemoryContextSwitchTo(old);
}

/* Bytes that an id takes in a row */
static Size
customer_size(const CustomerKey *key, Datum customer)
{
	return key->by_value ? sizeof(Datum)
		: ROW_ALIGN(datumGetSize(customer, false, key->length));
}

/* Lays one purchase aside */
static void
lay_aside(Receiver *receiver, Datum customer, const HistoryDay *day,
		  int scale, int64 rows)
{
	CustomerKey *key = &receiver->key;
	Size		size = customer_size(key, customer);
	uint32		hash = customer_key_hash(key, customer);
	int			part = hash >> (32 - PART_BITS);
	RowHead		head;
	char	   *start = parts_room(receiver->parts, part,
								   sizeof(head) + size + HISTORY_ENTRY_MAX +
								   VARINT64_MAX + MAXIMUM_ALIGNOF);
	uint8_t    *p = (uint8_t *) start + sizeof(head);
	uint8_t    *entry;

	if (key->by_value)
		memcpy(p, &customer, sizeof(Datum));
	else
		memcpy(p, DatumGetPointer(customer),
			   datumGetSize(customer, false, key->length));
	entry = p + size;
	if (receiver->has_rows)
		entry = put_varint64(entry, (uint64_t) rows);
	p = put_entry(entry, bag_step(day->day, receiver->base), day);
	head.hash = hash;
	head.scale = (uint8) scale;
	head.entry_size = (uint8) (p - entry);
	head.size = (uint16) (p - (uint8_t *) start);
	if (!key->by_value)
		head.size = (uint16) ROW_ALIGN(head.size);
	memcpy(start, &head, sizeof(head));
	receiver->parts->part[part].blocks->used += head.size;
}

/* Says in an error's detail whose row it is: millions may be read */
static void
name_customer(void *arg)
{
	Receiver   *receiver = arg;

	errdetail("Customer: %s.",
			  OutputFunctionCall(&receiver->customer_out, receiver->customer));
}

/* Reads the day and the amount of a row */
static void
read_purchase(Receiver *receiver, TupleTableSlot *slot, HistoryDay *day,
			  int *scale)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = name_customer,
		.arg = receiver
	};
	Amount		amount;

	receiver->customer = slot->tts_values[COLUMN_CUSTOMER];
	error_context_stack = &callback;
	day->day = history_day_of_date(DatumGetDateADT(slot->tts_values[COLUMN_DAY]));
	amount_from_numeric(slot->tts_values[COLUMN_AMOUNT], &amount);
	error_context_stack = callback.previous;
	day->orders = amount.negative ? 0 : 1;
	if (amount.negative)
		day->refunded = amount.units;
	else
		day->gross = amount.units;
	*scale = amount.scale;
}

/*
 * Takes one row of the query.  As in the aggregate, a row without a date or
 * an amount leaves the history as it is; one without a customer has none.
 */
static bool
receiver_row(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver   *receiver = (Receiver *) self;
	Datum		customer;
	HistoryDay	day = {0};
	int			scale;
	int64		rows = 1;

	slot_getallattrs(slot);
	if (slot->tts_isnull[COLUMN_CUSTOMER])
		return true;
	if (receiver->has_rows)
	{
		if (slot->tts_isnull[COLUMN_ROWS] ||
			(rows = DatumGetInt64(slot->tts_values[COLUMN_ROWS])) < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("number of rows must not be null or negative")));
	}
	if (slot->tts_isnull[COLUMN_DAY] || slot->tts_isnull[COLUMN_AMOUNT])
		return true;
	read_purchase(receiver, slot, &day, &scale);
	if (receiver->base < 0)
		receiver->base = day.day;

	customer = slot->tts_values[COLUMN_CUSTOMER];
	if (receiver->key.length != -1)
		lay_aside(receiver, customer, &day, scale, rows);
	else
	{
		struct varlena *flat = PG_DETOAST_DATUM_PACKED(customer);

		lay_aside(receiver, PointerGetDatum(flat), &day, scale, rows);
		if (flat != (struct varlena *) DatumGetPointer(customer))
			pfree(flat);
	}
	return true;
}

static void
receiver_shutdown(DestReceiver *self)
{
}

static void
receiver_destroy(DestReceiver *self)
{
}

/* Groups the rows of one block */
static void
build_block(const char *data, Size size, void *arg)
{
	Builder    *builder = arg;
	const char *end = data + size;

	CHECK_FOR_INTERRUPTS();
	while (data < end)
	{
		RowHead		head;
		Datum		customer;
		uint64_t	rows = 1;
		const uint8_t *p = (const uint8_t *) data + sizeof(head);

		memcpy(&head, data, sizeof(head));
		if (builder->key->by_value)
			memcpy(&customer, p, sizeof(Datum));
		else
			customer = PointerGetDatum(p);
		p += customer_size(builder->key, customer);
		if (builder->has_rows &&
			!get_varint64(&p, (const uint8_t *) data + head.size, &rows))
			elog(ERROR, "row of a part is damaged");
		groups_add(builder->groups, head.hash, customer, p, head.entry_size,
				   head.scale, (int64) rows);
		data += head.size;
	}
}

/* Puts the histories of one part into the result */
static void
put_histories(HistoryGroups *groups, ReturnSetInfo *rsinfo)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "purchase history row",
													  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(row_context);

	for (uint32 i = 0; i < groups->slots; i++)
	{
		HistoryGroup *group = &groups->slot[i];
		Datum		values[3];
		bool		nulls[3] = {false};
		HistoryDay *days;
		size_t		count;
		Size		used;

		if (group->bag == NULL)
			continue;
		used = bag_used(group->bag);
		days = palloc_extended((bag_max_days(used) + 1) * sizeof(HistoryDay),
							   MCXT_ALLOC_HUGE);
		history_raise(bag_days(group->bag, used, days, &count));
		history_raise(history_put_in_order(days, &count,
										   bag_scale(group->bag)));
		values[0] = group->customer;
		values[1] = history_make(days, count, bag_scale(group->bag));
		values[2] = Int64GetDatum(group->rows);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row_context);
}

/* The type purchase_history of the schema that this function stands in */
static Oid
history_type_of(FunctionCallInfo fcinfo)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
						   CStringGetDatum("purchase_history"),
						   ObjectIdGetDatum(get_func_namespace(fcinfo->flinfo->fn_oid)));
}

/* Does the caller's column list fit?  Returns the type of the customer's id */
static Oid
check_result(FunctionCallInfo fcinfo)
{
	TupleDesc	expected = ((ReturnSetInfo *) fcinfo->resultinfo)->expectedDesc;
	Oid			history_type = history_type_of(fcinfo);

	if (expected == NULL || expected->natts < 2 || expected->natts > 3 ||
		TupleDescAttr(expected, 1)->atttypid != history_type ||
		(expected->natts == 3 &&
		 TupleDescAttr(expected, 2)->atttypid != INT8OID))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column list does not fit purchase_histories()"),
				 errhint("Write AS h(customer_id <type>, history tiering.purchase_history [, source_rows bigint]).")));
	return TupleDescAttr(expected, 0)->atttypid;
}

/* Tells the parser the type of $1 */
static void
parameter_types(ParseState *pstate, void *arg)
{
	setup_parse_fixed_parameters(pstate, (const Oid *) arg, 1);
}

/* Runs the query; its rows go to the receiver */
static void
run_query(FunctionCallInfo fcinfo, Receiver *receiver)
{
	const char *query = text_to_cstring(PG_GETARG_TEXT_PP(0));
	SPIExecuteOptions options = {0};
	Oid			type = InvalidOid;
	int			result;

	/* the caller's snapshot, so that one statement is one state of the data */
	options.read_only = true;
	options.must_return_tuples = true;
	options.dest = &receiver->pub;
	if (PG_NARGS() > 1)
	{
		type = get_fn_expr_argtype(fcinfo->flinfo, 1);
		options.params = makeParamList(1);
		options.params->parserSetup = parameter_types;
		options.params->parserSetupArg = &type;
		options.params->params[0].ptype = type;
		options.params->params[0].pflags = PARAM_FLAG_CONST;
		options.params->params[0].isnull = PG_ARGISNULL(1);
		options.params->params[0].value = PG_GETARG_DATUM(1);
	}
	SPI_connect();
	result = SPI_execute_extended(query, &options);
	if (result < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query must be a single SELECT"),
				 errdetail("The server says: %s.",
						   SPI_result_code_string(result))));
	SPI_finish();
	if (!receiver->started)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query must be a single SELECT")));
}

PG_FUNCTION_INFO_V1(tiering_purchase_histories);
Datum
tiering_purchase_histories(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Receiver   *receiver;
	Builder		builder;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("query must not be null")));

	receiver = palloc0(sizeof(Receiver));
	receiver->pub.receiveSlot = receiver_row;
	receiver->pub.rStartup = receiver_startup;
	receiver->pub.rShutdown = receiver_shutdown;
	receiver->pub.rDestroy = receiver_destroy;
	receiver->pub.mydest = DestNone;
	receiver->context = CurrentMemoryContext;
	receiver->base = -1;
	receiver->customer_type = check_result(fcinfo);
	run_query(fcinfo, receiver);

	builder.key = &receiver->key;
	builder.has_rows = receiver->has_rows;
	builder.groups = groups_begin(&receiver->key, receiver->base);
	for (int part = 0; part < PART_COUNT; part++)
	{
		parts_read(receiver->parts, part, build_block, &builder);
		put_histories(builder.groups, rsinfo);
		groups_reset(builder.groups);
	}
	parts_end(receiver->parts);
	return (Datum) 0;
}
