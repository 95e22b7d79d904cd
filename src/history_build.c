/*-------------------------------------------------------------------------
 *
 * history_build.c
 *	  The histories of all customers of a query.
 *
 * purchase_histories() gives the same as
 *	  SELECT customer, purchase_history_agg(day, amount) GROUP BY customer
 * several times faster on many customers: rows are laid aside in parts by the
 * customer's hash, and then each part is grouped within the cache.
 * store_purchase_histories() writes them straight into a new table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "history.h"
#include "history_receive.h"
#include "model/history_totals.h"

#include "compat.h"

#define SINK_COLUMNS	3		/* customer, history, source rows */
#define BATCH_ROWS		512		/* rows written to a table at a time */

/* Where finished histories go: the result of a function, or a table */
typedef struct HistorySink
{
	bool		void_refunds;	/* purchases that were taken back do not count */
	int64		rows;			/* rows put so far */
	ReturnSetInfo *result;		/* NULL if they go to a table */
	Relation	table;
	TupleTableSlot **batch;		/* rows not yet written */
	int			waiting;		/* how many of them */
	BulkInsertState bulk;
	CommandId	command;
} HistorySink;

/* Writes the rows that wait */
static void
sink_flush(HistorySink *sink)
{
	if (sink->waiting > 0)
		table_multi_insert(sink->table, sink->batch, sink->waiting,
						   sink->command, TABLE_INSERT_SKIP_FSM, sink->bulk);
	for (int i = 0; i < sink->waiting; i++)
		ExecClearTuple(sink->batch[i]);
	sink->waiting = 0;
}

/* Puts one row; where it goes, it is copied */
static void
sink_put(HistorySink *sink, Datum *values)
{
	bool		nulls[SINK_COLUMNS] = {false};

	sink->rows++;
	if (sink->result != NULL)
		tuplestore_putvalues(sink->result->setResult, sink->result->setDesc,
							 values, nulls);
	else
	{
		TupleTableSlot *slot = sink->batch[sink->waiting++];

		memcpy(slot->tts_values, values, sizeof(Datum) * SINK_COLUMNS);
		memcpy(slot->tts_isnull, nulls, sizeof(nulls));
		ExecStoreVirtualTuple(slot);
		ExecMaterializeSlot(slot);
		if (sink->waiting == BATCH_ROWS)
			sink_flush(sink);
	}
}

/* The canonical value of what a customer's bag holds */
static Datum
finish_history(const HistoryGroup *group, bool void_refunds)
{
	Size		used = bag_used(group->bag);
	int			scale = bag_scale(group->bag);
	size_t		kept = 0;
	size_t		count;
	HistoryDay *days;

	days = palloc_extended((bag_max_days(used) + 1) * sizeof(HistoryDay),
						   MCXT_ALLOC_HUGE);
	history_raise(bag_days(group->bag, used, days, &count));
	history_raise(history_put_in_order(days, &count, scale));
	if (void_refunds)
	{
		for (size_t i = 0; i < count; i++)
			if (history_void_day(&days[i]))
				days[kept++] = days[i];
		count = kept;
	}
	return history_make(days, count, scale);
}

/* Puts the histories of one part into the sink */
static void
put_histories(HistoryGroups *groups, HistorySink *sink)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext,
													  "purchase history row",
													  ALLOCSET_DEFAULT_SIZES);

	for (uint32 i = 0; i < groups->slots; i++)
	{
		HistoryGroup *group = &groups->slot[i];
		MemoryContext old;
		Datum		values[SINK_COLUMNS];

		if (group->bag == NULL)
			continue;
		old = MemoryContextSwitchTo(row_context);
		values[0] = group->customer;
		values[1] = finish_history(group, sink->void_refunds);
		values[2] = Int64GetDatum(group->rows);
		sink_put(sink, values);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	MemoryContextDelete(row_context);
}

/* Groups the rows part by part */
static void
build_histories(ReceivedRows *rows, HistorySink *sink)
{
	HistoryGroups *groups = groups_begin(&rows->key, rows->base);

	for (int part = 0; part < PART_COUNT; part++)
	{
		received_group(rows, part, groups);
		put_histories(groups, sink);
		groups_reset(groups);
	}
	parts_end(rows->parts);
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
check_columns(TupleDesc expected, Oid history_type)
{
	if (expected == NULL || expected->natts < 2 ||
		expected->natts > SINK_COLUMNS ||
		TupleDescAttr(expected, 1)->atttypid != history_type ||
		(expected->natts == SINK_COLUMNS &&
		 TupleDescAttr(expected, 2)->atttypid != INT8OID))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("columns do not fit a customer's history"),
				 errhint("Write AS h(customer_id <type>, history tiering.purchase_history [, source_rows bigint]).")));
	return TupleDescAttr(expected, 0)->atttypid;
}

PG_FUNCTION_INFO_V1(tiering_purchase_histories);
Datum
tiering_purchase_histories(PG_FUNCTION_ARGS)
{
	HistorySink sink = {.result = (ReturnSetInfo *) fcinfo->resultinfo};
	Parameter	parameter;
	Oid			customer_type;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	customer_type = check_columns(sink.result->expectedDesc,
								  history_type_of(fcinfo));
	if (PG_NARGS() > 1)
	{
		parameter.type = get_fn_expr_argtype(fcinfo->flinfo, 1);
		parameter.value = PG_GETARG_DATUM(1);
	}
	build_histories(receive_rows(text_to_cstring(PG_GETARG_TEXT_PP(0)),
								 customer_type,
								 PG_NARGS() > 1 ? &parameter : NULL),
					&sink);
	return (Datum) 0;
}

/*
 * Opens a table for store_purchase_histories(): an empty one of the caller's
 * that nothing watches, since rows are written past indexes and triggers.
 */
static Relation
open_new_table(Oid relid)
{
	Relation	table = table_open(relid, AccessExclusiveLock);

	if (!OWNS_RELATION(relid))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE,
					   RelationGetRelationName(table));
	if (table->rd_rel->relkind != RELKIND_RELATION ||
		table->rd_rel->relam != HEAP_TABLE_AM_OID ||
		table->rd_rel->relhasindex || table->rd_rel->relhasrules ||
		table->rd_rel->relhastriggers || table->rd_rel->relchecks > 0 ||
		table->rd_rel->relispartition || table->rd_rel->relrowsecurity ||
		RelationGetDescr(table)->natts != SINK_COLUMNS ||
		(RelationGetDescr(table)->constr != NULL &&
		 RelationGetDescr(table)->constr->has_generated_stored) ||
		RelationGetNumberOfBlocks(table) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not new and plain",
						RelationGetRelationName(table)),
				 errhint("It is empty, and has neither checks, indexes, triggers nor rules.")));
	return table;
}

PG_FUNCTION_INFO_V1(tiering_store_purchase_histories);
Datum
tiering_store_purchase_histories(PG_FUNCTION_ARGS)
{
	HistorySink sink = {.void_refunds = PG_GETARG_BOOL(2)};
	ReceivedRows *rows;
	Oid			customer_type;

	PreventCommandIfReadOnly("store_purchase_histories()");
	PreventCommandIfParallelMode("store_purchase_histories()");
	sink.table = open_new_table(PG_GETARG_OID(0));
	customer_type = check_columns(RelationGetDescr(sink.table),
								  history_type_of(fcinfo));
	rows = receive_rows(text_to_cstring(PG_GETARG_TEXT_PP(1)), customer_type,
						NULL);

	sink.command = GetCurrentCommandId(true);
	sink.bulk = GetBulkInsertState();
	sink.batch = palloc(sizeof(TupleTableSlot *) * BATCH_ROWS);
	for (int i = 0; i < BATCH_ROWS; i++)
		sink.batch[i] = table_slot_create(sink.table, NULL);
	build_histories(rows, &sink);
	sink_flush(&sink);
	for (int i = 0; i < BATCH_ROWS; i++)
		ExecDropSingleTupleTableSlot(sink.batch[i]);
	FreeBulkInsertState(sink.bulk);
	table_finish_bulk_insert(sink.table, TABLE_INSERT_SKIP_FSM);
	table_close(sink.table, NoLock);
	PG_RETURN_INT64(sink.rows);
}
