/*-------------------------------------------------------------------------
 *
 * recommender_parts.c
 *	  What goes with what: similarities, EASE and factors of a recommender.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "aggregate.h"
#include "matrix_inverse.h"
#include "model/ease.h"
#include "optional_module.h"
#include "recommender_fit.h"
#include "similarity_work.h"

void
links_new(ItemLinks *links, int rows, int64 most)
{
	links->rows = rows;
	links->start = palloc_extended((rows + 1) * sizeof(int64_t), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	links->item = palloc_extended(Max(most, 1) * sizeof(int32_t), MCXT_ALLOC_HUGE);
	links->weight = palloc_extended(Max(most, 1) * sizeof(float), MCXT_ALLOC_HUGE);
}

/* Adds the links of a row, which comes after all rows that have any */
void
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

void
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

void
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

void
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
	/* of what is not sold yet nothing is known, not even by chance */
	for (int i = 0; i < by_item->rows; i++)
		for (int f = 0; f < k; f++)
			model->factor[(Size) i * k + f] = by_item->start[i + 1] > by_item->start[i] ? (pg_prng_double(&random) - 0.5) / sqrt(k) : 0;
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
