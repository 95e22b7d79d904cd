/*-------------------------------------------------------------------------
 *
 * recommend.c
 *	  What to offer a customer, by a recommender and what he bought.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/tuplestore.h"

#include "recommend_work.h"

#include "compat.h"

/* --- arguments ------------------------------------------------------------------ */

static RecommendModel
ranking_argument(Datum value, bool has_blend)
{
	char	   *name = TextDatumGetCString(value);

	for (int m = 0; m < RECOMMEND_MODELS; m++)
		if (strcmp(name, recommend_model_name[m]) == 0 && (has_blend || m != MODEL_BLEND))
			return m;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("ranking \"%s\" is unknown", name),
			 errhint("Choose one of: popular, popular_in_group, buy_again, similar, factors, ease%s.", has_blend ? ", blend" : "")));
}

static int
wanted_argument(int wanted)
{
	if (wanted < 1 || wanted > MOST_WANTED)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("n %d is not between 1 and %d", wanted, MOST_WANTED),
				 errhint("Ten are usual.")));
	return wanted;
}

/* The weights of the blend */
static const double *
weights_argument(FunctionCallInfo fcinfo, int argument)
{
	ArrayType  *array;

	if (PG_ARGISNULL(argument))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(argument);
	if (ARR_NDIM(array) != 1 || ARR_HASNULL(array) || ARR_DIMS(array)[0] != RECOMMEND_WEIGHTS)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("weights are not an array of %d numbers", RECOMMEND_WEIGHTS)));
	for (int i = 0; i < RECOMMEND_WEIGHTS; i++)
		if (!isfinite(((const double *) ARR_DATA_PTR(array))[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("weight %d is not a finite number", i + 1)));
	return (const double *) ARR_DATA_PTR(array);
}

/* --- why ------------------------------------------------------------------------ */

#define OVERDUE_FROM	0.75	/* time since over his own gap: from here on ... */
#define OVERDUE_UPTO	4		/* ... to here; beyond it he has given it up, mostly */
#define SEASON_FROM		0.4		/* log of the season's ratio */

/* What features of taste add beyond what they do without any sign of it */
static double
signs_of_taste(const double *feature, const double *weight)
{
	double		nothing = log(RECOMMEND_SCORE_FLOOR);

	return weight[FEATURE_EASE + 1] * (feature[FEATURE_EASE] - nothing) +
		weight[FEATURE_FACTORS + 1] * (feature[FEATURE_FACTORS] - nothing) +
		weight[FEATURE_SIMILAR + 1] * (feature[FEATURE_SIMILAR] - nothing);
}

/* Did the ranking look at what he has when it put something new to him there? */
static bool
looks_at_taste(const RecommendChoice *choice, const double *feature)
{
	if (choice->model == MODEL_BLEND)
		return signs_of_taste(feature, choice->weight) > 0;
	return choice->model == MODEL_EASE || choice->model == MODEL_SIMILAR || choice->model == MODEL_FACTORS;
}

/* Mean days between his purchases of an item; 0: he bought it once */
static double
own_gap(const OwnItem *own)
{
	return own->count > 1 ? (double) (own->last - own->first) / (own->count - 1) : 0;
}

static const char *
reason_of(const Work *w, const RecommendCandidate *candidate, const RecommendChoice *choice, int *because)
{
	const double *feature = candidate->feature;

	*because = -1;
	if (candidate->own >= 0)
	{
		double		gap = own_gap(&w->own[candidate->own]);
		double		since = w->customer.as_of - w->own[candidate->own].last;

		return gap > 0 && since >= OVERDUE_FROM * gap && since <= OVERDUE_UPTO * gap ? "due again" : "bought before";
	}
	if (looks_at_taste(choice, feature))
		*because = recommend_because(&w->stored->model, &w->customer, candidate->item);
	if (*because >= 0)
		return "bought with";
	if (feature[FEATURE_SEASON] >= SEASON_FROM)
		return "in season";
	return feature[FEATURE_GROUP] > 0 ? "popular in group" : "popular";
}

/* --- functions ------------------------------------------------------------------ */

static void
put_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static const RecommendCandidate *
candidate_of(const Work *w, int32_t item)
{
	for (int c = 0; c < w->work.candidates; c++)
		if (w->work.candidate[c].item == item)
			return &w->work.candidate[c];
	elog(ERROR, "item %d is no candidate", item);
}

static void
put_recommendation(FunctionCallInfo fcinfo, const Work *w, int rank, const ScoredItem *chosen, const RecommendChoice *choice)
{
	const RecommendCandidate *candidate = candidate_of(w, chosen->item);
	const OwnItem *own = candidate->own >= 0 ? &w->own[candidate->own] : NULL;
	int			because;
	const char *reason = reason_of(w, candidate, choice, &because);
	Datum		values[8] = {
		Int32GetDatum(rank),
		Int32GetDatum(chosen->item + 1),
		Float8GetDatum(chosen->score),
		CStringGetTextDatum(reason),
		Int32GetDatum(because < 0 ? 0 : w->own[because].item + 1),
		Int32GetDatum(own == NULL ? 0 : own->count),
		DateADTGetDatum(own == NULL ? 0 : own->last),
		Float8GetDatum(own == NULL ? 0 : own_gap(own))
	};
	bool		nulls[8] = {false, false, false, false, because < 0, own == NULL, own == NULL, own == NULL || own->count < 2};

	put_row(fcinfo, values, nulls);
}

/*
 * recommend_numbered(recommender, items, days, as_of, group, weights, ranking, n,
 * only_new, excluded, once, most_in_category, diversity)
 */
PG_FUNCTION_INFO_V1(tiering_recommend_numbered);
Datum
tiering_recommend_numbered(PG_FUNCTION_ARGS)
{
	RecommendChoice choice = {0};
	Work	   *w;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(6))
		PG_RETURN_NULL();
	w = find_candidates(fcinfo, 9);
	choice.weight = weights_argument(fcinfo, 5);
	choice.model = ranking_argument(PG_GETARG_DATUM(6), true);
	choice.count = wanted_argument(PG_GETARG_INT32(7));
	choice.only_new = PG_GETARG_BOOL(8);
	mark_items(fcinfo, 10, w->stored->model.items, w->once);
	choice.once = w->once;
	choice.most_in_category = PG_GETARG_INT32(11);
	choice.diversity = PG_GETARG_FLOAT8(12);
	if (!(choice.diversity >= 0 && choice.diversity <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("diversity %g is not between 0 and 1", choice.diversity)));
	if (choice.model == MODEL_BLEND && choice.weight == NULL)
		choice.model = MODEL_BUY_AGAIN;
	count = recommend_choose(&w->stored->model, &w->work, &choice, w->pool, w->alike, w->chosen);
	for (int i = 0; i < count; i++)
		put_recommendation(fcinfo, w, i + 1, &w->chosen[i], &choice);
	PG_RETURN_NULL();
}

static Datum
item_array(const ScoredItem *item, int count)
{
	Datum	   *element = palloc(Max(count, 1) * sizeof(Datum));

	for (int i = 0; i < count; i++)
		element[i] = Int32GetDatum(item[i].item + 1);
	return PointerGetDatum(construct_array(element, count, INT4OID, 4, true, TYPALIGN_INT));
}

/*
 * recommend_by_all(recommender, items, days, as_of, group, excluded, weights, n):
 * the first items of every ranking, of all and of new ones
 */
PG_FUNCTION_INFO_V1(tiering_recommend_by_all);
Datum
tiering_recommend_by_all(PG_FUNCTION_ARGS)
{
	RecommendChoice choice = {0};
	Work	   *w;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	w = find_candidates(fcinfo, 5);
	choice.weight = weights_argument(fcinfo, 6);
	choice.count = wanted_argument(PG_GETARG_INT32(7));
	for (int m = 0; m < RECOMMEND_MODELS; m++)
		for (int only_new = 0; only_new < 2; only_new++)
		{
			int			count;
			Datum		values[3];
			bool		nulls[3] = {false};

			choice.model = m;
			choice.only_new = only_new;
			if (m == MODEL_BLEND && choice.weight == NULL)
				continue;
			count = recommend_choose(&w->stored->model, &w->work, &choice, w->pool, w->alike, w->chosen);
			values[0] = CStringGetTextDatum(recommend_model_name[m]);
			values[1] = BoolGetDatum(only_new);
			values[2] = item_array(w->chosen, count);
			put_row(fcinfo, values, nulls);
		}
	PG_RETURN_NULL();
}

static bool
is_among(int32 item, const int32 *among, int count)
{
	for (int i = 0; i < count; i++)
		if (among[i] == item)
			return true;
	return false;
}

/*
 * recommend_training(recommender, items, days, as_of, group, excluded, bought, share, seed):
 * candidates with what came of them; of those that were not bought a share, told
 * by their numbers
 */
PG_FUNCTION_INFO_V1(tiering_recommend_training);
Datum
tiering_recommend_training(PG_FUNCTION_ARGS)
{
	Work	   *w;
	int			bought;
	const int32 *item = integers(fcinfo, 6, &bought);
	uint32		below = (uint32) (Min(Max(PG_GETARG_FLOAT8(7), 0), 1) * PG_UINT32_MAX);
	uint32		seed = PG_GETARG_INT32(8);

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	w = find_candidates(fcinfo, 5);
	for (int c = 0; c < w->work.candidates; c++)
	{
		const RecommendCandidate *candidate = &w->work.candidate[c];
		bool		label = is_among(candidate->item + 1, item, bought);
		Datum		element[RECOMMEND_FEATURES];
		Datum		values[2];
		bool		nulls[2] = {false};

		if (!label && murmurhash32(hash_combine(seed, murmurhash32(candidate->item))) > below)
			continue;
		for (int f = 0; f < RECOMMEND_FEATURES; f++)
			element[f] = Float8GetDatum(candidate->feature[f]);
		values[0] = BoolGetDatum(label);
		values[1] = PointerGetDatum(construct_array(element, RECOMMEND_FEATURES, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
		put_row(fcinfo, values, nulls);
	}
	PG_RETURN_NULL();
}

PG_FUNCTION_INFO_V1(tiering_recommend_feature_names);
Datum
tiering_recommend_feature_names(PG_FUNCTION_ARGS)
{
	Datum		name[RECOMMEND_FEATURES];

	for (int f = 0; f < RECOMMEND_FEATURES; f++)
		name[f] = CStringGetTextDatum(recommend_feature_name[f]);
	PG_RETURN_ARRAYTYPE_P(construct_array(name, RECOMMEND_FEATURES, TEXTOID, -1, false, TYPALIGN_INT));
}

/* --- by the ids of items ------------------------------------------------------- */

/* Numbers of items by their ids; those that are not there are left out */
static Datum
numbers_of(const StoredRecommender *stored, ArrayType *ids)
{
	Datum	   *id;
	bool	   *nulls;
	int			count;
	ScoredItem *found;
	int			known = 0;

	deconstruct_array(ids, TEXTOID, -1, false, TYPALIGN_INT, &id, &nulls, &count);
	found = palloc(Max(count, 1) * sizeof(ScoredItem));
	for (int i = 0; i < count; i++)
	{
		int			number = nulls[i] ? -1 : recommender_name_place(&stored->item, stored->model.items, TextDatumGetCString(id[i]));

		CHECK_FOR_INTERRUPTS();
		if (number >= 0)
			found[known++].item = number;
	}
	return item_array(found, known);
}

static void
refuse_numbered(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the recommender knows its items by their numbers alone"),
			 errhint("It is that of a pipeline: call tiering.recommend().")));
}

/* recommend_items(recommender, items, n, ranking, only_new) */
PG_FUNCTION_INFO_V1(tiering_recommend_items);
Datum
tiering_recommend_items(PG_FUNCTION_ARGS)
{
	const StoredRecommender *stored = recommender_argument(PG_GETARG_DATUM(0));
	RecommendChoice choice = {.count = wanted_argument(PG_GETARG_INT32(2)),
		.model = ranking_argument(PG_GETARG_DATUM(3), false),
	.only_new = PG_GETARG_BOOL(4)};
	const int32 *item;
	ArrayType  *numbers;
	Work	   *w;
	int			count;

	InitMaterializedSRF(fcinfo, 0);
	if (stored->item.name == NULL)
		refuse_numbered();
	numbers = DatumGetArrayTypeP(numbers_of(stored, PG_GETARG_ARRAYTYPE_P(1)));
	count = ArrayGetNItems(ARR_NDIM(numbers), ARR_DIMS(numbers));
	item = (const int32 *) ARR_DATA_PTR(numbers);
	w = work_of(fcinfo, stored, count);
	take_own(w, item, NULL, count, stored->model.as_of);
	w->customer.group = -1;
	w->customer.excluded = NULL;
	recommend_find(&stored->model, &w->customer, &w->work);
	count = recommend_choose(&stored->model, &w->work, &choice, w->pool, w->alike, w->chosen);
	for (int i = 0; i < count; i++)
	{
		Datum		values[3] = {Int32GetDatum(i + 1), CStringGetTextDatum(stored->item.name[w->chosen[i].item]), Float8GetDatum(w->chosen[i].score)};
		bool		nulls[3] = {false};

		put_row(fcinfo, values, nulls);
	}
	PG_RETURN_NULL();
}
