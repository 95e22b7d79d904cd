/*-------------------------------------------------------------------------
 *
 * cached_query.c
 *	  Queries whose text is made at run time, and whose plans a session keeps.
 *
 * PL/pgSQL plans an EXECUTE anew each time, which for a query of one customer
 * takes longer than the query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#define MOST_ARGUMENTS	16
#define MOST_PLANS		64		/* that a session keeps; then it begins anew */

/* Told by the text and the types of the arguments; unused bytes are 0 */
typedef struct PlanKey
{
	uint64		hash;
	int			length;
	Oid			type[MOST_ARGUMENTS];
} PlanKey;

typedef struct KeptPlan
{
	PlanKey		key;
	char	   *query;
	SPIPlanPtr	plan;
} KeptPlan;

static HTAB *plans = NULL;
static int	running = 0;		/* queries at work, whose plans must stay */

static void
make_plans(void)
{
	HASHCTL		control = {.keysize = sizeof(PlanKey),.entrysize = sizeof(KeptPlan),.hcxt = CacheMemoryContext};

	plans = hash_create("customer_tiering plans", MOST_PLANS, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static void
forget_plans(void)
{
	HASH_SEQ_STATUS status;
	KeptPlan   *kept;

	hash_seq_init(&status, plans);
	while ((kept = hash_seq_search(&status)) != NULL)
	{
		SPI_freeplan(kept->plan);
		pfree(kept->query);
		hash_search(plans, &kept->key, HASH_REMOVE, NULL);
	}
}

/* The plan of a query, which is made where it is not known, and kept where there is room; within SPI */
static SPIPlanPtr
plan_of(const char *query, int count, Oid *type)
{
	PlanKey		key;
	KeptPlan   *kept;
	SPIPlanPtr	plan;

	if (plans == NULL)
		make_plans();
	memset(&key, 0, sizeof(key));
	key.length = strlen(query);
	key.hash = DatumGetUInt64(hash_any_extended((const unsigned char *) query, key.length, 0));
	memcpy(key.type, type, count * sizeof(Oid));
	kept = hash_search(plans, &key, HASH_FIND, NULL);
	if (kept != NULL && strcmp(kept->query, query) == 0)
		return kept->plan;
	/* one plan for all values: a plan of their own costs more than the query */
	plan = SPI_prepare_cursor(query, count, type, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "could not prepare a query: %s", SPI_result_code_string(SPI_result));
	if (kept != NULL || hash_get_num_entries(plans) >= MOST_PLANS)
	{
		if (running > 0)
			return plan;
		forget_plans();
	}
	SPI_keepplan(plan);
	kept = hash_search(plans, &key, HASH_ENTER, NULL);
	kept->plan = plan;
	kept->query = MemoryContextStrdup(CacheMemoryContext, query);
	return plan;
}

static void
execute(SPIPlanPtr plan, Datum *value, const char *nulls)
{
	running++;
	PG_TRY();
	{
		if (SPI_execute_plan(plan, value, nulls, true, 0) != SPI_OK_SELECT)
			elog(ERROR, "the query is no SELECT");
	}
	PG_FINALLY();
	{
		running--;
	}
	PG_END_TRY();
}

/* cached_query(query, arguments): its rows */
PG_FUNCTION_INFO_V1(tiering_cached_query);
Datum
tiering_cached_query(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int			count = PG_NARGS() - 1;
	Oid			type[MOST_ARGUMENTS];
	Datum		value[MOST_ARGUMENTS];
	char		nulls[MOST_ARGUMENTS];
	char	   *query;

	if (PG_ARGISNULL(0))
		elog(ERROR, "there is no query");
	query = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (count > MOST_ARGUMENTS)
		elog(ERROR, "more than %d arguments", MOST_ARGUMENTS);
	for (int i = 0; i < count; i++)
	{
		type[i] = get_fn_expr_argtype(fcinfo->flinfo, i + 1);
		value[i] = PG_GETARG_DATUM(i + 1);
		nulls[i] = PG_ARGISNULL(i + 1) ? 'n' : ' ';
	}
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	SPI_connect();
	execute(plan_of(query, count, type), value, nulls);
	if (SPI_tuptable->tupdesc->natts != result->setDesc->natts)
		elog(ERROR, "the query has %d columns, not %d", SPI_tuptable->tupdesc->natts, result->setDesc->natts);
	for (int i = 0; i < SPI_tuptable->tupdesc->natts; i++)
		if (TupleDescAttr(SPI_tuptable->tupdesc, i)->atttypid != TupleDescAttr(result->setDesc, i)->atttypid)
			elog(ERROR, "column %d of the query has another type", i + 1);
	for (uint64 i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	PG_RETURN_NULL();
}
