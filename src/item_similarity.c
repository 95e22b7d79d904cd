/*-------------------------------------------------------------------------
 *
 * item_similarity.c
 *	  Items that the same customers have to do with, as rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/guc.h"
#include "utils/tuplestore.h"

#include "aggregate.h"
#include "events.h"
#include "fit_options.h"
#include "similarity_work.h"

#include "compat.h"

typedef struct SimilaritySettings
{
	double		neighbours;
	double		shrinkage;
	double		half_life;
	double		most_interest;
	double		min_customers;
	double		max_memory;		/* MB */
} SimilaritySettings;

static void
read_settings(Jsonb *given, SimilaritySettings *s)
{
	FitOption	options[] = {
		{"neighbours", &s->neighbours, 1, 10000, true, "50 is the default."},
		{"shrinkage", &s->shrinkage, 0, 1e6, false, "3 is the default; 0: the plain cosine."},
		{"half_life_days", &s->half_life, 0, 36500, false, "0 is the default: old purchases tell as much as new ones."},
		{"most_interest", &s->most_interest, 1e-6, 1e6, false, "1 is the default: more of one item tells no more than one of today."},
		{"min_customers", &s->min_customers, 1, 1e9, true, "1 is the default: customers that a pair needs."},
		{"max_memory_mb", &s->max_memory, 1, 1024 * 1024, true, "1024 is the default."}
	};

	*s = (SimilaritySettings) {.neighbours = 50,.shrinkage = 3,.half_life = 0,.most_interest = 1,.min_customers = 1,.max_memory = 1024};
	fit_options_read(given, options, lengthof(options), NULL, NULL, NULL);
}

static void
put_neighbours(ReturnSetInfo *result, const Events *events, const Interactions *by_item, int item, const TopItems *top, const int32 *together)
{
	double		of_item = by_item->start[item + 1] - by_item->start[item];

	for (int i = 0; i < top->count; i++)
	{
		int32		other = top->item[i].item;
		double		of_other = by_item->start[other + 1] - by_item->start[other];
		Datum		values[8] = {
			CStringGetTextDatum(id_map_text(events->items, item)),
			CStringGetTextDatum(id_map_text(events->items, other)),
			Int32GetDatum(i + 1),
			Float8GetDatum(top->item[i].score),
			Int64GetDatum(together[i]),
			Int64GetDatum((int64) of_item),
			Int64GetDatum((int64) of_other),
			Float8GetDatum(together[i] * (double) events->customer_count / (of_item * of_other))
		};
		bool		nulls[8] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

static void
find_neighbours(ReturnSetInfo *result, const Events *events, const SimilaritySettings *s, Size most_memory)
{
	Interactions *by_customer = events_interactions(events, s->half_life, s->most_interest, most_memory);
	Interactions *by_item = interactions_turned(by_customer);
	SimilarityOptions options = {s->shrinkage, (int) s->min_customers};
	SimilarityWork work = similarity_work(by_item->rows);
	double	   *norm = palloc_extended(by_item->rows * sizeof(double), MCXT_ALLOC_HUGE);
	int			most = Min((int) s->neighbours, by_item->rows);
	TopItems	top = {palloc(most * sizeof(ScoredItem)), 0, most};
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "similarity row", ALLOCSET_DEFAULT_SIZES);

	int			nest = id_map_begin_text();

	work.of_top = palloc(most * sizeof(int32));
	similarity_norms(by_item, norm);
	for (int i = 0; i < by_item->rows; i++)
	{
		MemoryContext caller;

		while (!similarity_neighbours(by_customer, by_item, norm, i, &options, &work, &top, interrupts_are_pending))
			CHECK_FOR_INTERRUPTS();
		CHECK_FOR_INTERRUPTS();
		caller = MemoryContextSwitchTo(scratch);
		put_neighbours(result, events, by_item, i, &top, work.of_top);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(scratch);
	}
	AtEOXact_GUC(true, nest);
}

/* item_similarity(query, options, as_of, event_weights) */
PG_FUNCTION_INFO_V1(tiering_item_similarity);
Datum
tiering_item_similarity(PG_FUNCTION_ARGS)
{
	SimilaritySettings settings;
	EventOptions options = {.who = "customer",.takes_more = true,
	.as_of = PG_ARGISNULL(2) ? DATEVAL_NOEND : PG_GETARG_DATEADT(2)};
	Events	   *events;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("query must not be null"),
				 errhint("Pass such as 'SELECT customer_id, product_id FROM order_line'.")));
	read_settings(PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), &settings);
	options.event_weights = PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3);
	options.needs_days = settings.half_life > 0;
	options.most_memory = events_memory_argument((int) settings.max_memory);
	events = events_read(text_to_cstring(PG_GETARG_TEXT_PP(0)), &options);
	if (events->count > 0)
		find_neighbours((ReturnSetInfo *) fcinfo->resultinfo, events, &settings, options.most_memory);
	PG_RETURN_NULL();
}
