/*-------------------------------------------------------------------------
 *
 * recommender_fit.c
 *	  Fits a recommender to the rows of a query.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "fit_options.h"
#include "recommender_fit.h"

static void
read_settings(Jsonb *given, FitSettings *s)
{
	FitOption	options[] = {
		{"half_life_days", &s->half_life, 0, 36500, false, "180 is the default; 0: old purchases tell as much as new ones."},
		{"horizon_days", &s->horizon, 1, 365, true, "90 is the default."},
		{"most_interest", &s->most_interest, 1e-6, 1e6, false, "1 is the default: more of one item tells no more than one of today."},
		{"ease_neighbours", &s->ease_neighbours, 0, 10000, true, "200 is the default; 0: no EASE."},
		{"penalty", &s->penalty, 1e-6, 1e9, false, "100 is the default."},
		{"similar_neighbours", &s->similar_neighbours, 0, 10000, true, "50 is the default; 0: no similarities."},
		{"shrinkage", &s->shrinkage, 0, 1e6, false, "3 is the default."},
		{"factors", &s->factors, 0, ALS_MOST_FACTORS, true, "32 is the default; 0: no factors."},
		{"confidence", &s->confidence, 1e-6, 1e6, false, "20 is the default."},
		{"factor_penalty", &s->factor_penalty, 1e-6, 1e6, false, "5 is the default."},
		{"iterations", &s->iterations, 1, 1000, true, "6 is the default."},
		{"seed", &s->seed, 0, 2147483647, true, "1 is the default."},
		{"min_customers", &s->min_customers, 1, 1e9, true, "5 is the default: what fewer bought is known to them alone."},
		{"max_memory_mb", &s->max_memory, 1, 1024 * 1024, true, "1024 is the default."}
	};

	*s = (FitSettings) {.half_life = 180,.horizon = 90,.most_interest = 1,.ease_neighbours = 200,.penalty = 100,
		.similar_neighbours = 50,.shrinkage = 3,.factors = 32,.confidence = 20,.factor_penalty = 5,.iterations = 6,
	.seed = 1,.min_customers = 5,.max_memory = 1024};
	fit_options_read(given, options, lengthof(options), NULL, NULL, NULL);
	s->most_memory = events_memory_argument((int) s->max_memory);
}

/* --- what everybody buys ------------------------------------------------------- */

static void
fit_demand(const Events *events, const FitSettings *s, Recommender *model)
{
	DemandOptions options = {.as_of = events->as_of,.horizon = (int) s->horizon,
	.category = model->category,.categories = model->categories};
	int			items = events->item_count;
	int64_t    *start;
	Interaction *given;
	Interaction *sorted;
	int64		count = 0;
	DemandWindows *windows = palloc_extended((items + 1) * sizeof(DemandWindows), MCXT_ALLOC_HUGE);

	events_check_memory(events_memory(events) + events->count * 3 * sizeof(Interaction), s->most_memory, "counting purchases");
	start = palloc_extended((Max(items, events->customer_count) + 1) * sizeof(int64_t), MCXT_ALLOC_HUGE);
	given = palloc_extended(Max(events->count, 1) * 3 * sizeof(Interaction), MCXT_ALLOC_HUGE);
	/* what is no purchase tells of taste, not of sales */
	for (int64 i = 0; i < events->count; i++)
		if (events->bought == NULL || events->bought[i])
			given[count++] = (Interaction) {events->item[i], events->customer[i], events->day[i]};
	sorted = interactions_sort(given, count, items, events->customer_count, given + events->count, start);
	CHECK_FOR_INTERRUPTS();
	model->demand = palloc_extended(Max(items, 1) * sizeof(ItemDemand), MCXT_ALLOC_HUGE);
	demand_count(sorted, start, items, &options, windows, model->demand);
	CHECK_FOR_INTERRUPTS();
	demand_gaps(items, model->demand);
	demand_seasons(items, &options, windows, palloc((model->categories + 1) * sizeof(DemandWindows)), model->demand);
	pfree(given);
	pfree(start);
	pfree(windows);
}

/* Items that few bought are known to those few alone: for all others they are not there */
static void
leave_out_rare_items(Events *events, const FitSettings *s, Recommender *model)
{
	int64		kept = 0;

	for (int64 i = 0; i < events->count; i++)
	{
		if (model->demand[events->item[i]].customers < s->min_customers)
			continue;
		events->customer[kept] = events->customer[i];
		events->item[kept] = events->item[i];
		events->weight[kept] = events->weight[i];
		if (events->bought != NULL)
			events->bought[kept] = events->bought[i];
		events->day[kept++] = events->day[i];
	}
	events->count = kept;
	for (int i = 0; i < events->item_count; i++)
		if (model->demand[i].customers < s->min_customers)
			model->demand[i] = (ItemDemand) {.gap = model->demand[i].gap};
}

/* Categories of numbered items */
static void
take_categories(FunctionCallInfo fcinfo, int argument, int items, Recommender *model)
{
	Datum	   *element;
	bool	   *nulls;
	int			count;

	if (PG_ARGISNULL(argument))
		return;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), INT4OID, 4, true, TYPALIGN_INT, &element, &nulls, &count);
	model->category = palloc_extended(Max(items, 1) * sizeof(int32_t), MCXT_ALLOC_HUGE);
	for (int i = 0; i < items; i++)
	{
		int32		category = i < count && !nulls[i] ? DatumGetInt32(element[i]) : 0;

		if (category < 0 || category > RECOMMENDER_ITEMS)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("category %d is not between 0 and %d", category, RECOMMENDER_ITEMS)));
		model->category[i] = category - 1;
		model->categories = Max(model->categories, category);
	}
}

/* What grows with the number of items: statistics, links and factors; as such, and as bytes */
static void
check_model_memory(const Events *events, const FitSettings *s)
{
	Size		items = events->item_count;
	Size		links = Min((Size) s->similar_neighbours, items) + Min((Size) s->ease_neighbours, items);

	events_check_memory(events_memory(events) + items * (256 + 3 * links * (sizeof(int32_t) + sizeof(float)) + (Size) s->factors * 4 * sizeof(double)),
						s->most_memory, psprintf("a recommender of %d items", events->item_count));
}

static void
fit_parts(Events *events, const FitSettings *s, StoredRecommender *stored)
{
	Recommender *model = &stored->model;
	Interactions *by_customer;
	Interactions *by_item;

	check_model_memory(events, s);
	fit_demand(events, s, model);
	leave_out_rare_items(events, s, model);
	by_customer = events_interactions(events, s->half_life, s->most_interest, s->most_memory);
	by_item = interactions_turned(by_customer);
	if (s->similar_neighbours > 0)
		fit_similar(by_customer, by_item, s, model);
	if (s->ease_neighbours > 0)
		fit_ease(by_customer, by_item, s, model);
	if (s->factors > 0)
		fit_factors(by_customer, by_item, s, model);
	if (events->groups != NULL)
		fit_groups(events, s, stored);
}

/* recommender_fit(query, options, as_of, event_weights, items, categories) */
PG_FUNCTION_INFO_V1(tiering_recommender_fit);
Datum
tiering_recommender_fit(PG_FUNCTION_ARGS)
{
	FitSettings settings;
	EventOptions options = {.who = "customer",.takes_more = true,.needs_days = true,
	.as_of = PG_ARGISNULL(2) ? DATEVAL_NOEND : PG_GETARG_DATEADT(2)};
	StoredRecommender stored = {0};
	Events	   *events;
	int			nest;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("query must not be null"),
				 errhint("Pass such as 'SELECT customer_id, product_id, ordered_on AS day FROM order_line'.")));
	read_settings(PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &settings);
	options.event_weights = PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3);
	options.numbered = !PG_ARGISNULL(4);
	if (options.numbered && (PG_GETARG_INT32(4) < 0 || PG_GETARG_INT32(4) > RECOMMENDER_ITEMS))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("numbered_items %d is not between 0 and %d", PG_GETARG_INT32(4), RECOMMENDER_ITEMS),
				 errhint("It is the largest number of an item.")));
	if (!options.numbered && !PG_ARGISNULL(5))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("categories are passed without numbered_items"),
				 errhint("Categories are of items by their numbers.")));
	options.most_memory = settings.most_memory;
	events = events_read(text_to_cstring(PG_GETARG_TEXT_PP(0)), &options);
	if (events->count == 0)
		PG_RETURN_NULL();
	nest = id_map_begin_text();
	if (options.numbered)
		events->item_count = Max(events->item_count, PG_GETARG_INT32(4));
	stored.model.items = events->item_count;
	stored.model.customers = events->customer_count;
	stored.model.as_of = events->as_of;
	stored.model.half_life = settings.half_life;
	stored.model.most = settings.most_interest;
	if (options.numbered)
		take_categories(fcinfo, 5, events->item_count, &stored.model);
	else
	{
		stored.item.name = palloc_extended(events->item_count * sizeof(char *), MCXT_ALLOC_HUGE);
		for (int i = 0; i < events->item_count; i++)
			stored.item.name[i] = id_map_text(events->items, i);
	}
	fit_parts(events, &settings, &stored);
	AtEOXact_GUC(true, nest);
	return recommender_make(&stored);
}
