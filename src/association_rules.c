/*-------------------------------------------------------------------------
 *
 * association_rules.c
 *	  What is bought together: rules and sets of items, of any query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "events.h"
#include "id_map.h"
#include "model/itemsets.h"
#include "model/rules.h"

#include "compat.h"

#define MOST_LENGTH		MOST_ITEMS_OF_SET

/* What was asked, and what is at work */
typedef struct Request
{
	const char *query;
	double		min_support;
	int64		min_baskets;
	ArrayType  *only_antecedents;	/* NULL: any */
	ArrayType  *only_consequents;
	bool		without_redundant;
	Size		most_memory;
	ItemsetOptions options;
	Events	   *events;
	ItemsetList list;
	Datum	   *text;			/* of items, once they are needed */
} Request;

static void *
resize_memory(void *old, size_t bytes)
{
	return old != NULL ? repalloc_huge(old, bytes) : MemoryContextAllocHuge(CurrentMemoryContext, bytes);
}

/* Asked while rules are sought; it does not return from a cancellation, which frees all memory */
static bool
handle_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
	return false;
}

static void
check_between(const char *name, double value, double most, const char *hint)
{
	if (!(value >= 0 && value <= most))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s %g is not between 0 and %g", name, value, most),
				 errhint("%s", hint)));
}

static int
length_argument(int length, int least)
{
	if (length < least || length > MOST_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_length %d is not between %d and %d", length, least, MOST_LENGTH),
				 errhint("It counts all items, those of both sides of a rule; 3 is usual.")));
	return length;
}

static int64
baskets_argument(int64 baskets)
{
	if (baskets < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("min_baskets " INT64_FORMAT " is below 1", baskets),
				 errhint("Pass how many baskets must have the items, or 1.")));
	return baskets;
}

static void
refuse_nulls(FunctionCallInfo fcinfo, const char *const *name)
{
	for (int i = 0; i < PG_NARGS(); i++)
		if (name[i] != NULL && PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s is null", name[i]),
					 errhint("Leave an argument out to have its default.")));
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The names of a list, sorted */
static char **
names_of_list(ArrayType *list, const char *argument, int *count)
{
	Datum	   *element;
	bool	   *is_null;
	char	  **name;

	deconstruct_array(list, TEXTOID, -1, false, TYPALIGN_INT, &element, &is_null, count);
	name = palloc(Max(*count, 1) * sizeof(char *));
	for (int i = 0; i < *count; i++)
	{
		if (is_null[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s has an item that is null", argument),
					 errhint("Leave it out; a list that is NULL allows all items.")));
		name[i] = TextDatumGetCString(element[i]);
	}
	qsort(name, *count, sizeof(char *), compare_names);
	return name;
}

/* Gives a role to the items of a list, or to all */
static void
give_role(const IdMap *items, ArrayType *list, const char *argument, uint8 given, uint8 *role)
{
	int			count = 0;
	char	  **name = list != NULL ? names_of_list(list, argument, &count) : NULL;
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "customer_tiering item names", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);

	for (int i = 0; i < id_map_count(items); i++)
	{
		char	   *text;

		CHECK_FOR_INTERRUPTS();
		if (list != NULL)
		{
			text = id_map_text(items, i);
			if (bsearch(&text, name, count, sizeof(char *), compare_names) == NULL)
				continue;
			MemoryContextReset(scratch);
		}
		role[i] |= given;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

static uint8 *
roles_of_items(const Request *request, ModelMemory *memory)
{
	IdMap	   *items = request->events->items;
	uint8	   *role = palloc_extended(id_map_count(items), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	memory->used += id_map_count(items);
	give_role(items, request->only_antecedents, "only_antecedents", ITEM_GOES_ON, role);
	if (request->options.rules)
		give_role(items, request->only_consequents, "only_consequents", ITEM_FOLLOWS, role);
	return role;
}

static void
refuse_memory(MiningStatus status, const ModelMemory *memory)
{
	if (status == MINING_NO_MEMORY)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the itemsets need more than %zu MB of memory, max_memory_mb", memory->most / (1024 * 1024)),
				 errhint("Raise min_support or min_baskets, lower max_length, or pass a larger max_memory_mb.")));
	Assert(status == MINING_DONE);
}

/* Finds the rules or sets of the rows that were read */
static void
mine(Request *request)
{
	Events	   *events = request->events;
	ModelMemory memory = {resize_memory, pfree, request->most_memory, events_memory(events), 0};
	MiningLimits limits = {&memory, handle_interrupts, 0};
	BasketRows	rows = {events->customer, events->item, events->count, events->customer_count, events->item_count};
	Baskets		baskets = {0};
	ItemsetOptions *options = &request->options;
	uint8	   *role = roles_of_items(request, &memory);
	int32	   *item_baskets = NULL;

	options->all = events->customer_count;
	options->least = Max(baskets_of_share(request->min_support, options->all), request->min_baskets);
	options->few_follow = request->only_consequents != NULL;
	if (!memory_resize(&memory, &item_baskets, 0, events->item_count * sizeof(int32)))
		refuse_memory(MINING_NO_MEMORY, &memory);
	options->item_baskets = item_baskets;
	refuse_memory(baskets_of_rows(&rows, role, options->least, &baskets, item_baskets, &limits), &memory);
	refuse_memory(itemsets_find(&baskets, options, &request->list, &limits), &memory);
	if (request->without_redundant)
		refuse_memory(rules_drop_redundant(&request->list, &limits), &memory);
	refuse_memory(itemsets_sort(&request->list, &limits), &memory);
}

/* The text of an item, made once */
static Datum
text_of_item(Request *request, int32 item)
{
	if (request->text[item] == (Datum) 0)
		request->text[item] = CStringGetTextDatum(id_map_text(request->events->items, item));
	return request->text[item];
}

/* The items of a set, whose texts outlive the scratch memory of a row */
static Datum
array_of_items(Request *request, const Itemset *set, MemoryContext scratch)
{
	Datum		element[MOST_LENGTH];
	MemoryContext caller;
	Datum		array;

	for (int i = 0; i < set->length; i++)
		element[i] = text_of_item(request, request->list.item[set->begin + i]);
	caller = MemoryContextSwitchTo(scratch);
	array = PointerGetDatum(construct_array(element, set->length, TEXTOID, -1, false, TYPALIGN_INT));
	MemoryContextSwitchTo(caller);
	return array;
}

static void
put_rule(ReturnSetInfo *result, Request *request, const Itemset *rule, MemoryContext scratch)
{
	RuleCounts	counts = {request->options.all, rule->antecedent_baskets, request->options.item_baskets[rule->consequent], rule->baskets};
	RuleMeasures measures;
	bool		nulls[11] = {false};
	Datum		values[11];

	rule_measures(&counts, &measures);
	values[0] = array_of_items(request, rule, scratch);
	values[1] = text_of_item(request, rule->consequent);
	values[2] = Int64GetDatum(counts.both);
	values[3] = Int64GetDatum(counts.antecedent);
	values[4] = Int64GetDatum(counts.consequent);
	values[5] = Float8GetDatum(measures.support);
	values[6] = Float8GetDatum(measures.confidence);
	values[7] = Float8GetDatum(measures.lift);
	values[8] = Float8GetDatum(measures.leverage);
	values[9] = Float8GetDatum(measures.conviction);
	nulls[9] = !measures.has_conviction;
	values[10] = Float8GetDatum(measures.jaccard);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
put_set(ReturnSetInfo *result, Request *request, const Itemset *set, MemoryContext scratch)
{
	bool		nulls[3] = {false};
	Datum		values[3] = {
		array_of_items(request, set, scratch),
		Int64GetDatum(set->baskets),
		Float8GetDatum((double) set->baskets / request->options.all)
	};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Runs the query and returns what was asked for, leaving no memory behind */
static Datum
answer(FunctionCallInfo fcinfo, Request *request)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "customer_tiering baskets", ALLOCSET_DEFAULT_SIZES);
	MemoryContext scratch = AllocSetContextCreate(work, "customer_tiering rule", ALLOCSET_SMALL_SIZES);
	EventOptions options = {.who = "basket",.any_order = true,.as_of = DATEVAL_NOEND,.most_memory = request->most_memory};
	MemoryContext caller;
	int			nest;

	InitMaterializedSRF(fcinfo, 0);
	caller = MemoryContextSwitchTo(work);
	request->events = events_read(request->query, &options);
	nest = id_map_begin_text();
	if (request->events->count > 0)
		mine(request);
	request->text = palloc_extended(Max(request->events->item_count, 1) * sizeof(Datum), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (size_t i = 0; i < request->list.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (request->options.rules)
			put_rule(result, request, &request->list.set[i], scratch);
		else
			put_set(result, request, &request->list.set[i], scratch);
		MemoryContextReset(scratch);
	}
	AtEOXact_GUC(true, nest);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	PG_RETURN_NULL();
}

/*
 * association_rules(query, min_support, min_confidence, max_length, min_lift, min_baskets,
 *					 only_antecedents, only_consequents, without_redundant, max_memory_mb)
 */
PG_FUNCTION_INFO_V1(tiering_association_rules);
Datum
tiering_association_rules(PG_FUNCTION_ARGS)
{
	static const char *const name[] = {"query", "min_support", "min_confidence", "max_length", "min_lift", "min_baskets", NULL, NULL, "without_redundant", "max_memory_mb"};
	Request		request = {.options = {.rules = true}};

	refuse_nulls(fcinfo, name);
	request.query = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request.min_support = PG_GETARG_FLOAT8(1);
	request.options.min_confidence = PG_GETARG_FLOAT8(2);
	request.options.most_items = length_argument(PG_GETARG_INT32(3), 2);
	request.options.min_lift = PG_GETARG_FLOAT8(4);
	request.min_baskets = baskets_argument(PG_GETARG_INT64(5));
	request.only_antecedents = PG_ARGISNULL(6) ? NULL : PG_GETARG_ARRAYTYPE_P(6);
	request.only_consequents = PG_ARGISNULL(7) ? NULL : PG_GETARG_ARRAYTYPE_P(7);
	request.without_redundant = PG_GETARG_BOOL(8);
	request.most_memory = events_memory_argument(PG_GETARG_INT32(9));
	check_between("min_support", request.min_support, 1, "It is a share of all baskets; 0.001 to 0.01 are usual.");
	check_between("min_confidence", request.options.min_confidence, 1, "It is a share of the baskets with the antecedent.");
	check_between("min_lift", request.options.min_lift, 1e12, "Above 1 items are together more often than by chance; 0 asks for all rules.");
	return answer(fcinfo, &request);
}

/* frequent_itemsets(query, min_support, max_length, min_baskets, max_memory_mb) */
PG_FUNCTION_INFO_V1(tiering_frequent_itemsets);
Datum
tiering_frequent_itemsets(PG_FUNCTION_ARGS)
{
	static const char *const name[] = {"query", "min_support", "max_length", "min_baskets", "max_memory_mb"};
	Request		request = {.options = {.rules = false}};

	refuse_nulls(fcinfo, name);
	request.query = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request.min_support = PG_GETARG_FLOAT8(1);
	request.options.most_items = length_argument(PG_GETARG_INT32(2), 1);
	request.min_baskets = baskets_argument(PG_GETARG_INT64(3));
	request.most_memory = events_memory_argument(PG_GETARG_INT32(4));
	check_between("min_support", request.min_support, 1, "It is a share of all baskets; 0.001 to 0.01 are usual.");
	return answer(fcinfo, &request);
}
