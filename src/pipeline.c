/*-------------------------------------------------------------------------
 *
 * pipeline.c
 *	  What a refresh asks of the server that SQL cannot say.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"

/* What changed_since() finds out once for each call site */
typedef struct ChangedSince
{
	uint64		since;			/* the argument it was worked out for */
	uint64		next;			/* no row that can be seen is younger */
} ChangedSince;

/*
 * Was a row version made by a transaction that is not older than since?
 *
 * xmin has 32 bits.  It is taken for the youngest transaction of that number,
 * which is never younger than the next one: so nothing is missed, and a row
 * that is thousands of millions of transactions old may at worst be taken for
 * a changed one.
 */
PG_FUNCTION_INFO_V1(tiering_changed_since);
Datum
tiering_changed_since(PG_FUNCTION_ARGS)
{
	TransactionId xmin = PG_GETARG_TRANSACTIONID(0);
	uint64		since = U64FromFullTransactionId(PG_GETARG_FULLTRANSACTIONID(1));
	ChangedSince *known = fcinfo->flinfo->fn_extra;
	uint64		made;

	if (known == NULL || known->since != since)
	{
		known = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(ChangedSince));
		known->since = since;
		known->next = U64FromFullTransactionId(ReadNextFullTransactionId());
		fcinfo->flinfo->fn_extra = known;
	}
	if (!TransactionIdIsNormal(xmin))
		PG_RETURN_BOOL(false);	/* a row of the server's own making */
	made = (known->next & ~UINT64CONST(0xFFFFFFFF)) | xmin;
	if (made >= known->next && made > PG_UINT32_MAX)
		made -= UINT64CONST(1) << 32;
	PG_RETURN_BOOL(made >= since);
}

/* May the procedure that asks commit? */
PG_FUNCTION_INFO_V1(tiering_may_commit);
Datum
tiering_may_commit(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(SPI_inside_nonatomic_context());
}

/* One column that plain_rows() reads */
typedef struct PlainColumn
{
	int			index;			/* in the slot, from 0 */
	FmgrInfo	out;			/* writes a value as text */
} PlainColumn;

/*
 * Finds the columns; false if one is missing or has another type: what reads
 * the text expects it, and a foreign type's output function could be anybody's.
 */
static bool
find_plain_columns(Relation table, ArrayType *names, ArrayType *types,
				   PlainColumn **columns, int *count)
{
	TupleDesc	row = RelationGetDescr(table);
	Datum	   *name;
	Datum	   *type;
	bool	   *null;
	int			type_count;

	deconstruct_array(types, REGTYPEOID, sizeof(Oid), true, TYPALIGN_INT,
					  &type, &null, &type_count);
	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT,
					  &name, &null, count);
	if (type_count != *count)
		elog(ERROR, "%d columns have %d types", *count, type_count);
	*columns = palloc(sizeof(PlainColumn) * (*count + 1));
	for (int i = 0; i < *count; i++)
	{
		AttrNumber	number = null[i] ? InvalidAttrNumber
			: get_attnum(RelationGetRelid(table), TextDatumGetCString(name[i]));
		Oid			out;
		bool		is_varlena;

		if (number <= 0 || number > row->natts ||
			TupleDescAttr(row, number - 1)->atttypid != DatumGetObjectId(type[i]))
			return false;
		getTypeOutputInfo(TupleDescAttr(row, number - 1)->atttypid,
						  &out, &is_varlena);
		fmgr_info(out, &(*columns)[i].out);
		(*columns)[i].index = number - 1;
	}
	return true;
}

/* May the caller read the table, and is it a plain one? */
static bool
is_plain_table(Relation table)
{
	return table->rd_rel->relkind == RELKIND_RELATION &&
		table->rd_rel->relam == HEAP_TABLE_AM_OID &&
		!table->rd_rel->relrowsecurity &&
		pg_class_aclcheck(RelationGetRelid(table), GetUserId(),
						  ACL_SELECT) == ACLCHECK_OK;
}

/*
 * Reads columns of a table as text.  Planning a query folds expressions of
 * indexes, statistics and constraints with the rights of the one who asks, so
 * a table that anybody may have made is scanned here instead.  One that is
 * not plain, or lacks a column, has no rows.
 */
PG_FUNCTION_INFO_V1(tiering_plain_rows);
Datum
tiering_plain_rows(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	table;
	PlainColumn *columns;
	int			count;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	table = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	if (table == NULL)
		return (Datum) 0;
	if (is_plain_table(table) &&
		find_plain_columns(table, PG_GETARG_ARRAYTYPE_P(1),
						   PG_GETARG_ARRAYTYPE_P(2), &columns, &count))
	{
		TableScanDesc scan = table_beginscan(table, GetActiveSnapshot(), 0, NULL);
		TupleTableSlot *slot = table_slot_create(table, NULL);
		Datum	   *fields = palloc(sizeof(Datum) * (count + 1));
		bool	   *nulls = palloc(sizeof(bool) * (count + 1));
		int			lower = 1;

		while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		{
			Datum		array;
			bool		no = false;

			CHECK_FOR_INTERRUPTS();
			slot_getallattrs(slot);
			for (int i = 0; i < count; i++)
			{
				nulls[i] = slot->tts_isnull[columns[i].index];
				if (!nulls[i])
					fields[i] = CStringGetTextDatum(
						OutputFunctionCall(&columns[i].out,
										   slot->tts_values[columns[i].index]));
			}
			array = PointerGetDatum(construct_md_array(fields, nulls, 1, &count,
													   &lower, TEXTOID, -1,
													   false, TYPALIGN_INT));
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
								 &array, &no);
		}
		ExecDropSingleTupleTableSlot(slot);
		table_endscan(scan);
	}
	relation_close(table, AccessShareLock);
	return (Datum) 0;
}
