/*-------------------------------------------------------------------------
 *
 * ranking.c
 *	  Aggregates that tell how good recommended lists are.
 *
 * The state is an array of bigint, a RankingSum, which is changed in place.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

#include "aggregate.h"
#include "model/ranking.h"

#define MOST_PLACES		10000
#define FEW_ITEMS		16		/* up to these no hash table pays */
#define STATE_LENGTH	((int) (sizeof(RankingSum) / sizeof(int64)))
#define SUM_OF(state)	((RankingSum *) ARR_DATA_PTR(state))

/* Items that came true, each once */
typedef struct ItemSet
{
	TypeCacheEntry *type;
	Oid			collation;
	Datum	   *item;
	int			count;
	uint32	   *slot;			/* numbers of items from 1 on, 0 = free; or NULL */
	uint32		mask;			/* of slots, whose number is a power of 2 */
} ItemSet;

static ArrayType *
get_state(FunctionCallInfo fcinfo, int argument)
{
	ArrayType  *state;

	aggregate_context(fcinfo);
	if (PG_ARGISNULL(argument))
		elog(ERROR, "state of an aggregate is missing");
	state = PG_GETARG_ARRAYTYPE_P(argument);
	if (ARR_NDIM(state) != 1 || ARR_DIMS(state)[0] != STATE_LENGTH ||
		ARR_HASNULL(state) || ARR_ELEMTYPE(state) != INT8OID)
		elog(ERROR, "state of an aggregate has a wrong form");
	return state;
}

static void
check_same_n(RankingSum *sum, int64 n)
{
	if (sum->n != 0 && n != 0 && sum->n != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n differs within one group: %lld and %lld",
						(long long) sum->n, (long long) n),
				 errhint("Pass the same with every row.")));
	if (n != 0)
		sum->n = n;
}

static int
get_n(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("n must not be null"),
				 errhint("10 looks at the first ten places of each list.")));
	if (PG_GETARG_INT32(3) < 1 || PG_GETARG_INT32(3) > MOST_PLACES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n %d is not between 1 and %d", PG_GETARG_INT32(3), MOST_PLACES),
				 errhint("10 looks at the first ten places of each list.")));
	return PG_GETARG_INT32(3);
}

/* A list of items; NULL if it is NULL or empty */
static ArrayType *
get_list(FunctionCallInfo fcinfo, int argument, const char *name)
{
	ArrayType  *list;

	if (PG_ARGISNULL(argument))
		return NULL;
	list = PG_GETARG_ARRAYTYPE_P(argument);
	if (ARR_NDIM(list) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s has %d dimensions, not 1", name, ARR_NDIM(list)),
				 errhint("Pass one list of items with every row.")));
	return ARR_NDIM(list) == 0 ? NULL : list;
}

/* How items are compared; looked up again only when the type changes */
static TypeCacheEntry *
get_item_type(FunctionCallInfo fcinfo, Oid type)
{
	TypeCacheEntry *entry = (TypeCacheEntry *) fcinfo->flinfo->fn_extra;

	if (entry != NULL && entry->type_id == type)
		return entry;
	entry = lookup_type_cache(type, TYPECACHE_EQ_OPR_FINFO | TYPECACHE_HASH_PROC_FINFO);
	if (!OidIsValid(entry->eq_opr_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an equality operator for type %s",
						format_type_be(type))));
	fcinfo->flinfo->fn_extra = entry;
	return entry;
}

static bool
is_item(const ItemSet *set, int i, Datum value)
{
	CHECK_FOR_INTERRUPTS();
	return DatumGetBool(FunctionCall2Coll(&set->type->eq_opr_finfo, set->collation,
										  set->item[i], value));
}

/* The number of an item, or -1; then *slot is where it belongs */
static int
find_item(const ItemSet *set, Datum value, uint32 *slot)
{
	*slot = 0;
	if (set->slot == NULL)
	{
		for (int i = 0; i < set->count; i++)
			if (is_item(set, i, value))
				return i;
		return -1;
	}
	*slot = DatumGetUInt32(FunctionCall1Coll(&set->type->hash_proc_finfo,
											 set->collation, value)) & set->mask;
	for (; set->slot[*slot] != 0; *slot = (*slot + 1) & set->mask)
		if (is_item(set, set->slot[*slot] - 1, value))
			return set->slot[*slot] - 1;
	return -1;
}

/* A hash table at most half full, if there are many items and the type can */
static void
make_slots(ItemSet *set, int items)
{
	uint32		slots;

	if (items <= FEW_ITEMS || !OidIsValid(set->type->hash_proc_finfo.fn_oid))
		return;
	slots = pg_nextpower2_32((uint32) items * 2);
	set->slot = palloc_extended(slots * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	set->mask = slots - 1;
}

static ItemSet
make_set(ArrayType *list, TypeCacheEntry *type, Oid collation)
{
	ItemSet		set = {.type = type, .collation = collation};
	bool	   *is_null;
	int			items;

	deconstruct_array(list, type->type_id, type->typlen, type->typbyval,
					  type->typalign, &set.item, &is_null, &items);
	make_slots(&set, items);
	/* what was met before, or is NULL, leaves its place to the next */
	for (int i = 0; i < items; i++)
	{
		uint32		slot;

		if (is_null[i] || find_item(&set, set.item[i], &slot) >= 0)
			continue;
		set.item[set.count++] = set.item[i];
		if (set.slot != NULL)
			set.slot[slot] = set.count;
	}
	return set;
}

/* Which places of a list hit; a second copy of an item does not */
static void
mark_hits(ArrayType *list, const ItemSet *set, bool *hit, int length)
{
	ArrayIterator places = array_create_iterator(list, 0, NULL);
	bool	   *is_taken = palloc0(set->count);
	Datum		value;
	bool		is_null;
	uint32		slot;

	for (int i = 0; i < length && array_iterate(places, &value, &is_null); i++)
	{
		int			item = is_null ? -1 : find_item(set, value, &slot);

		hit[i] = item >= 0 && !is_taken[item];
		if (hit[i])
			is_taken[item] = true;
	}
	array_free_iterator(places);
}

/* Adds a row to the sum, unless nothing came true */
static void
add_row(FunctionCallInfo fcinfo, RankingSum *sum, int n, RankingMeasure measure)
{
	ArrayType  *recommended = get_list(fcinfo, 1, "recommended");
	ArrayType  *relevant = get_list(fcinfo, 2, "relevant");
	RankedList	list = {.n = n};
	ItemSet		set;
	bool	   *hit;

	if (relevant == NULL)
		return;
	if (recommended != NULL && ARR_ELEMTYPE(recommended) != ARR_ELEMTYPE(relevant))
		elog(ERROR, "lists have items of two types");
	set = make_set(relevant, get_item_type(fcinfo, ARR_ELEMTYPE(relevant)), PG_GET_COLLATION());
	if (set.count == 0)
		return;
	list.relevant = set.count;
	list.length = recommended == NULL ? 0 : Min(n, ARR_DIMS(recommended)[0]);
	list.hit = hit = palloc(Max(list.length, 1) * sizeof(bool));
	if (recommended != NULL)
		mark_hits(recommended, &set, hit, list.length);
	ranking_add(sum, measure(&list));
}

/* accum(state, recommended, relevant, n) */
static Datum
accumulate(FunctionCallInfo fcinfo, RankingMeasure measure)
{
	ArrayType  *state = get_state(fcinfo, 0);
	int			n = get_n(fcinfo);

	check_same_n(SUM_OF(state), n);
	add_row(fcinfo, SUM_OF(state), n, measure);
	PG_RETURN_ARRAYTYPE_P(state);
}

PG_FUNCTION_INFO_V1(tiering_ranking_ndcg_accum);
Datum
tiering_ranking_ndcg_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, ranking_ndcg);
}

PG_FUNCTION_INFO_V1(tiering_ranking_recall_accum);
Datum
tiering_ranking_recall_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, ranking_recall);
}

PG_FUNCTION_INFO_V1(tiering_ranking_precision_accum);
Datum
tiering_ranking_precision_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, ranking_precision);
}

PG_FUNCTION_INFO_V1(tiering_ranking_average_precision_accum);
Datum
tiering_ranking_average_precision_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, ranking_average_precision);
}

PG_FUNCTION_INFO_V1(tiering_ranking_hit_rate_accum);
Datum
tiering_ranking_hit_rate_accum(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, ranking_hit_rate);
}

PG_FUNCTION_INFO_V1(tiering_ranking_combine);
Datum
tiering_ranking_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *into = get_state(fcinfo, 0);
	ArrayType  *from = get_state(fcinfo, 1);

	check_same_n(SUM_OF(into), SUM_OF(from)->n);
	ranking_merge(SUM_OF(into), SUM_OF(from));
	PG_RETURN_ARRAYTYPE_P(into);
}

PG_FUNCTION_INFO_V1(tiering_ranking_final);
Datum
tiering_ranking_final(PG_FUNCTION_ARGS)
{
	double		mean;

	if (!ranking_mean(SUM_OF(get_state(fcinfo, 0)), &mean))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(mean);
}
