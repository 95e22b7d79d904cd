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
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "aggregate.h"
#include "events.h"
#include "fit_options.h"
#include "matrix_inverse.h"
#include "model/ease.h"
#include "optional_module.h"
#include "recommender.h"
#include "similarity_work.h"

#include "compat.h"

#define GROUP_WEIGHT	20		/* purchases that the usual shares of items are worth to a group */

/* How to fit */
typedef struct FitSettings
{
	double		half_life;
	double		horizon;
	double		most_interest;
	double		ease_neighbours;
	double		penalty;
	double		similar_neighbours;
	double		shrinkage;
	double		factors;
	double		confidence;
	double		factor_penalty;
	double		iterations;
	double		seed;
	double		min_customers;
	double		max_memory;		/* MB */
	Size		most_memory;	/* bytes */
} FitSettings;

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

/* --- what goes with what ------------------------------------------------------- */

static void
links_new(ItemLinks *links, int rows, int64 most)
{
	links->rows = rows;
	links->start = palloc_extended((rows + 1) * sizeof(int64_t), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	links->item = palloc_extended(Max(most, 1) * sizeof(int32_t), MCXT_ALLOC_HUGE);
	links->weight = palloc_extended(Max(most, 1) * sizeof(float), MCXT_ALLOC_HUGE);
}

/* Adds the links of a row, which comes after all rows that have any */
static void
links_add(ItemLinks *links, int row, const ScoredItem *item, int count)
{
	int64_t		place = links->start[row];

	for (int i = 0; i < count; i++, place++)
	{
		links->item[place] = item[i].item;
		links->weight[place] = (float) item[i].score;
	}
	links->start[row + 1] = place;
}

static void
fit_similar(const Interactions *by_customer, const Interactions *by_item, const FitSettings *s, Recommender *model)
{
	SimilarityOptions options = {s->shrinkage, (int) s->min_customers};
	int			items = by_item->rows;
	SimilarityWork work = similarity_work(items);
	double	   *norm = palloc_extended(Max(items, 1) * sizeof(double), MCXT_ALLOC_HUGE);
	int			most = Min((int) s->similar_neighbours, items);
	TopItems	top = {palloc(Max(most, 1) * sizeof(ScoredItem)), 0, most};

	links_new(&model->similar, items, (int64) items * most);
	similarity_norms(by_item, norm);
	for (int i = 0; i < items; i++)
	{
		while (!similarity_neighbours(by_customer, by_item, norm, i, &options, &work, &top, interrupts_are_pending))
			CHECK_FOR_INTERRUPTS();
		CHECK_FOR_INTERRUPTS();
		links_add(&model->similar, i, top.item, top.count);
	}
}

static MatrixInvert
load_matrix(void)
{
	static void *loaded = NULL;
	char	   *reason;

	if (optional_module(&loaded, MATRIX_MODULE, MATRIX_FUNCTION, &reason) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("EASE is not installed"),
				 errdetail("%s.", reason),
				 errhint("Install the package libopenblas-serial-dev, and build and install the extension again; '{\"ease_neighbours\": 0}' does without.")));
	return (MatrixInvert) loaded;
}

PG_FUNCTION_INFO_V1(tiering_ease_is_installed);
Datum
tiering_ease_is_installed(PG_FUNCTION_ARGS)
{
	static void *loaded = NULL;
	char	   *reason;

	PG_RETURN_BOOL(optional_module(&loaded, MATRIX_MODULE, MATRIX_FUNCTION, &reason) != NULL);
}

/* Places in the square for items that anybody has */
static int
number_places(const Interactions *by_item, int32_t *place, int32_t *item)
{
	int			places = 0;

	for (int i = 0; i < by_item->rows; i++)
	{
		place[i] = by_item->start[i + 1] > by_item->start[i] ? places : -1;
		if (place[i] >= 0)
			item[places++] = i;
	}
	return places;
}

static void
fit_ease(const Interactions *by_customer, const Interactions *by_item, const FitSettings *s, Recommender *model)
{
	int			items = by_item->rows;
	int32_t    *place = palloc_extended(Max(items, 1) * sizeof(int32_t), MCXT_ALLOC_HUGE);
	int32_t    *item = palloc_extended(Max(items, 1) * sizeof(int32_t), MCXT_ALLOC_HUGE);
	int			places = number_places(by_item, place, item);
	int			most = Min((int) s->ease_neighbours, places);
	TopItems	top = {palloc(Max(most, 1) * sizeof(ScoredItem)), 0, most};
	double	   *scratch = palloc_extended(Max(items, 1) * sizeof(double), MCXT_ALLOC_HUGE);
	double	   *square;
	MatrixInvert invert = load_matrix();

	events_check_memory((Size) places * places * sizeof(double), s->most_memory, psprintf("EASE of %d items", places));
	square = palloc_extended(Max((Size) places * places, 1) * sizeof(double), MCXT_ALLOC_HUGE);
	while (!ease_gram(by_customer, place, places, s->penalty, square, interrupts_are_pending))
		CHECK_FOR_INTERRUPTS();
	if (places > 0 && !invert(square, places))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("EASE with penalty %g cannot be solved", s->penalty),
				 errhint("Pass a larger penalty.")));
	ease_mirror(square, places);
	CHECK_FOR_INTERRUPTS();
	links_new(&model->ease, items, (int64) places * most);
	for (int i = 0; i < items; i++)
	{
		CHECK_FOR_INTERRUPTS();
		top.count = 0;
		if (place[i] >= 0)
			ease_neighbours(square, places, item, place[i], &top, scratch);
		links_add(&model->ease, i, top.item, top.count);
	}
	pfree(square);
}

/* --- factors --------------------------------------------------------------------- */

static void
als_step(const AlsOptions *options, const Interactions *matrix, const double *fixed, double *scratch, double *solved)
{
	while (!als_half_step(options, matrix, fixed, scratch, solved, interrupts_are_pending))
		CHECK_FOR_INTERRUPTS();
}

static void
fit_factors(const Interactions *by_customer, const Interactions *by_item, const FitSettings *s, Recommender *model)
{
	int			k = (int) s->factors;
	Size		numbers = (Size) k * (by_item->rows + by_customer->rows);
	double	   *scratch = palloc((als_scratch(k) + k * k) * sizeof(double));
	double	   *of_customers;
	pg_prng_state random;

	events_check_memory(numbers * sizeof(double), s->most_memory, psprintf("%d factors", k));
	model->als = (AlsOptions) {k, s->confidence, s->factor_penalty};
	model->factor = palloc_extended(Max((Size) k * by_item->rows, 1) * sizeof(double), MCXT_ALLOC_HUGE);
	of_customers = palloc_extended(Max((Size) k * by_customer->rows, 1) * sizeof(double), MCXT_ALLOC_HUGE);
	pg_prng_seed(&random, (uint64) s->seed);
	for (Size i = 0; i < (Size) k * by_item->rows; i++)
		model->factor[i] = (pg_prng_double(&random) - 0.5) / sqrt(k);
	for (int i = 0; i < (int) s->iterations; i++)
	{
		als_step(&model->als, by_customer, model->factor, scratch, of_customers);
		als_step(&model->als, by_item, of_customers, scratch, model->factor);
	}
	pfree(of_customers);
	for (Size i = 0; i < (Size) k * by_item->rows; i++)
		if (!(fabs(model->factor[i]) <= RECOMMENDER_NUMBER))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("factors with factor_penalty %g and confidence %g cannot be solved", s->factor_penalty, s->confidence),
					 errhint("Pass a larger factor_penalty, or a smaller confidence.")));
}

/* --- groups of customers ---------------------------------------------------------- */

/* Purchases of one group by item, who made them, and which items these are */
typedef struct GroupCounts
{
	double	   *bought;
	int32	   *customers;
	int32	   *touched;
	int			items;
	double		all;
} GroupCounts;

/* Customers by group, in their order; start gets where each group begins */
static int32 *
customers_by_group(const Events *events, int groups, int64 *start)
{
	int32	   *customer = palloc_extended(Max(events->customer_count, 1) * sizeof(int32), MCXT_ALLOC_HUGE);

	memset(start, 0, (groups + 1) * sizeof(int64));
	for (int u = 0; u < events->customer_count; u++)
		if (events->group[u] >= 0)
			start[events->group[u] + 1]++;
	for (int g = 0; g < groups; g++)
		start[g + 1] += start[g];
	for (int u = 0; u < events->customer_count; u++)
		if (events->group[u] >= 0)
			customer[start[events->group[u]]++] = u;
	for (int g = groups; g > 0; g--)
		start[g] = start[g - 1];
	start[0] = 0;
	return customer;
}

static void
count_group(const Interactions *bought, const int32 *customer, int64 customers, GroupCounts *counts)
{
	counts->items = 0;
	counts->all = 0;
	for (int64 k = 0; k < customers; k++)
		for (int64 c = bought->start[customer[k]]; c < bought->start[customer[k] + 1]; c++)
		{
			int32		item = bought->column[c];

			if (counts->customers[item]++ == 0)
				counts->touched[counts->items++] = item;
			counts->bought[item] += bought->value[c];
			counts->all += bought->value[c];
		}
}

/* Logs of the group's shares over those of all, and zeros for the next group; of what few bought there is none */
static int
links_of_group(GroupCounts *counts, const Recommender *model, double all, int least, ScoredItem *link)
{
	int			count = 0;

	for (int t = 0; t < counts->items; t++)
	{
		int32		i = counts->touched[t];
		double		share = model->demand[i].popularity[DEMAND_WINDOWS - 1] / all;

		if (counts->customers[i] >= least && share > 0)
			link[count++] = (ScoredItem) {i, log((counts->bought[i] + GROUP_WEIGHT * share) / ((counts->all + GROUP_WEIGHT) * share))};
		counts->bought[i] = 0;
		counts->customers[i] = 0;
	}
	return count;
}

static void
fit_groups(const Events *events, const FitSettings *s, StoredRecommender *stored)
{
	Recommender *model = &stored->model;
	int			groups = id_map_count(events->groups);
	Interactions *bought = events_interactions(events, demand_half_life[DEMAND_WINDOWS - 1], RECOMMENDER_NUMBER, s->most_memory);
	GroupCounts counts = {
		palloc_extended(Max(model->items, 1) * sizeof(double), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO),
		palloc_extended(Max(model->items, 1) * sizeof(int32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO),
		palloc_extended(Max(model->items, 1) * sizeof(int32), MCXT_ALLOC_HUGE), 0, 0
	};
	ScoredItem *link = palloc_extended(Max(model->items, 1) * sizeof(ScoredItem), MCXT_ALLOC_HUGE);
	int64	   *start = palloc_extended((groups + 1) * sizeof(int64), MCXT_ALLOC_HUGE);
	int32	   *customer = customers_by_group(events, groups, start);
	double		all = 0;

	for (int64 c = 0; c < bought->start[bought->rows]; c++)
		all += bought->value[c];
	links_new(&model->group, groups, bought->start[bought->rows]);
	stored->group = palloc_extended(Max(groups, 1) * sizeof(char *), MCXT_ALLOC_HUGE);
	for (int g = 0; g < groups; g++)
	{
		CHECK_FOR_INTERRUPTS();
		stored->group[g] = id_map_text(events->groups, g);
		count_group(bought, customer + start[g], start[g + 1] - start[g], &counts);
		links_add(&model->group, g, link, links_of_group(&counts, model, all, (int) s->min_customers, link));
	}
}

/* --- the function ------------------------------------------------------------------ */

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
		stored.item = palloc_extended(events->item_count * sizeof(char *), MCXT_ALLOC_HUGE);
		for (int i = 0; i < events->item_count; i++)
			stored.item[i] = id_map_text(events->items, i);
	}
	fit_parts(events, &settings, &stored);
	AtEOXact_GUC(true, nest);
	return recommender_make(&stored);
}
