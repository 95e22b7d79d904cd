/*-------------------------------------------------------------------------
 *
 * history_receive.c
 *	  Runs a query and lays its rows aside by the customer's hash.
 *
 * The query runs as any other does, with the caller's rights, row security
 * and plans; only its rows go to a receiver of ours.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "parser/parse_param.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "history.h"
#include "history_receive.h"
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
	ReceivedRows *rows;			/* what comes of it */
	Oid			customer_type;	/* that the caller asked for */
	MemoryContext context;		/* of what lives until the end */
	bool		started;		/* a second result means a second statement */
	FmgrInfo	customer_out;	/* writes an id, for error messages */
	Datum		customer;		/* of the row at hand */
} Receiver;

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
	receiver->rows->has_rows = row->natts > COLUMN_ROWS;
	if (receiver->rows->has_rows)
		check_column(row, COLUMN_ROWS, INT8OID, "the number of rows");

	old = MemoryContextSwitchTo(receiver->context);
	customer_key_init(&receiver->rows->key, receiver->customer_type,
					  TupleDescAttr(row, COLUMN_CUSTOMER)->attcollation);
	getTypeOutputInfo(receiver->customer_type, &out, &is_varlena);
	fmgr_info(out, &receiver->customer_out);
	receiver->rows->parts = parts_begin(get_hash_memory_limit());
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
	CustomerKey *key = &receiver->rows->key;
	Size		size = customer_size(key, customer);
	uint32		hash = customer_key_hash(key, customer);
	int			part = hash >> (32 - PART_BITS);
	RowHead		head;
	char	   *start = parts_room(receiver->rows->parts, part,
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
	if (receiver->rows->has_rows)
		entry = put_varint64(entry, (uint64_t) rows);
	p = put_entry(entry, bag_step(day->day, receiver->rows->base), day);
	head.hash = hash;
	head.scale = (uint8) scale;
	head.entry_size = (uint8) (p - entry);
	head.size = (uint16) (p - (uint8_t *) start);
	if (!key->by_value)
		head.size = (uint16) ROW_ALIGN(head.size);
	memcpy(start, &head, sizeof(head));
	receiver->rows->parts->part[part].blocks->used += head.size;
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
	if (receiver->rows->has_rows)
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
	if (receiver->rows->base < 0)
		receiver->rows->base = day.day;

	customer = slot->tts_values[COLUMN_CUSTOMER];
	if (receiver->rows->key.length != -1)
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

/* What reading a part works with */
typedef struct Reader
{
	const ReceivedRows *rows;
	HistoryGroups *groups;
} Reader;

/* Groups the rows of one block */
static void
group_block(const char *data, Size size, void *arg)
{
	Reader	   *reader = arg;
	const ReceivedRows *rows = reader->rows;
	const char *end = data + size;

	CHECK_FOR_INTERRUPTS();
	while (data < end)
	{
		RowHead		head;
		Datum		customer;
		uint64_t	number = 1;
		const uint8_t *p = (const uint8_t *) data + sizeof(head);

		memcpy(&head, data, sizeof(head));
		if (rows->key.by_value)
			memcpy(&customer, p, sizeof(Datum));
		else
			customer = PointerGetDatum(p);
		p += customer_size(&rows->key, customer);
		if (rows->has_rows &&
			!get_varint64(&p, (const uint8_t *) data + head.size, &number))
			elog(ERROR, "row of a part is damaged");
		groups_add(reader->groups, head.hash, customer, p, head.entry_size,
				   head.scale, (int64) number);
		data += head.size;
	}
}

/* Groups the rows of one part by customer */
void
received_group(ReceivedRows *rows, int part, HistoryGroups *groups)
{
	Reader		reader = {.rows = rows,.groups = groups};

	parts_read(rows->parts, part, group_block, &reader);
}

/* Tells the parser the type of $1 */
static void
parameter_types(ParseState *pstate, void *arg)
{
	setup_parse_fixed_parameters(pstate, (const Oid *) arg, 1);
}

/*
 * Runs a query in the caller's snapshot, so that one statement is one state
 * of the data.  parameter, if there is one, is its $1.
 */
ReceivedRows *
receive_rows(const char *query, Oid customer_type, const Parameter *parameter)
{
	Receiver	receiver = {
		.pub = {
			.receiveSlot = receiver_row,
			.rStartup = receiver_startup,
			.rShutdown = receiver_shutdown,
			.rDestroy = receiver_destroy,
			.mydest = DestNone
		}
	};
	SPIExecuteOptions options = {0};
	int			result;

	receiver.rows = palloc0(sizeof(ReceivedRows));
	receiver.rows->base = -1;
	receiver.customer_type = customer_type;
	receiver.context = CurrentMemoryContext;
	options.read_only = true;
	options.must_return_tuples = true;
	options.dest = &receiver.pub;
	if (parameter != NULL)
	{
		options.params = makeParamList(1);
		options.params->parserSetup = parameter_types;
		options.params->parserSetupArg = unconstify(Oid *, &parameter->type);
		options.params->params[0].ptype = parameter->type;
		options.params->params[0].pflags = PARAM_FLAG_CONST;
		options.params->params[0].isnull = false;
		options.params->params[0].value = parameter->value;
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
	if (!receiver.started)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query must be a single SELECT")));
	return receiver.rows;
}
