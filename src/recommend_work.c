/*-------------------------------------------------------------------------
 *
 * recommend_work.c
 *	  The work on recommendations for one customer after the other.
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
#include "utils/date.h"
#include "utils/memutils.h"

#include "recommend_work.h"

#include "compat.h"

#define FIRST_ROOM		256		/* own items that a work has room for */

static void *
room_for(Work *w, Size count, Size size)
{
	return MemoryContextAllocHuge(w->context, Max(count, 1) * size);
}

static void
make_work(Work *w, const StoredRecommender *stored, int room)
{
	const Recommender *model = &stored->model;
	int			items = model->items;
	RecommendWork *work = &w->work;
	int			most;

	MemoryContextReset(w->context);
	w->stored = stored;
	w->serial = stored->serial;
	w->room = room;
	most = recommend_most_candidates(model, room);
	w->day = room_for(w, room, sizeof(Interaction));
	w->own = room_for(w, room, sizeof(OwnItem));
	w->pool = room_for(w, most, sizeof(ScoredItem));
	w->alike = room_for(w, most, sizeof(double));
	w->chosen = room_for(w, MOST_WANTED, sizeof(ScoredItem));
	w->excluded = room_for(w, items, sizeof(bool));
	w->once = room_for(w, items, sizeof(bool));
	work->ease = room_for(w, items, sizeof(double));
	work->similar = room_for(w, items, sizeof(double));
	work->factors = room_for(w, items, sizeof(double));
	work->group = room_for(w, items, sizeof(double));
	work->own = room_for(w, items, sizeof(int32_t));
	work->is_candidate = room_for(w, items, sizeof(bool));
	work->column = room_for(w, room, sizeof(int32_t));
	work->value = room_for(w, room, sizeof(double));
	work->solution = room_for(w, model->als.factors + 3, sizeof(double));
	work->scratch = room_for(w, als_scratch(model->als.factors), sizeof(double));
	work->category = room_for(w, model->categories, sizeof(double));
	work->top = room_for(w, recommend_most_candidates(model, 0) + 1, sizeof(ScoredItem));
	work->candidate = room_for(w, most, sizeof(RecommendCandidate));
}

/* The work of this call site, with room for so many days */
Work *
work_of(FunctionCallInfo fcinfo, const StoredRecommender *stored, int days)
{
	Work	   *w = fcinfo->flinfo->fn_extra;

	if (w == NULL)
	{
		w = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Work));
		w->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "recommend", ALLOCSET_DEFAULT_SIZES);
		fcinfo->flinfo->fn_extra = w;
	}
	if (w->stored != stored || w->serial != stored->serial || w->room < days)
		make_work(w, stored, Max(days, Max(FIRST_ROOM, w->room)));
	return w;
}

static int
compare_items(const void *a, const void *b)
{
	const Interaction *x = a;
	const Interaction *y = b;

	return (x->column > y->column) - (x->column < y->column);
}

/* An array of integers; none for NULL */
const int32 *
integers(FunctionCallInfo fcinfo, int argument, int *count)
{
	ArrayType  *array;

	*count = 0;
	if (PG_ARGISNULL(argument))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(argument);
	if (ARR_NDIM(array) > 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != INT4OID)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("items are not an array of numbers without NULL")));
	*count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	return (const int32 *) ARR_DATA_PTR(array);
}

/* What the customer has, from arrays of items and days; items that nobody knows and days that are none are left out */
void
take_own(Work *w, const int32 *item, const DateADT *day, int count, DateADT as_of)
{
	const Recommender *model = &w->stored->model;
	int			known = 0;

	for (int i = 0; i < count; i++)
		if (item[i] >= 1 && item[i] <= model->items && model->demand[item[i] - 1].customers > 0 && (day == NULL || !DATE_NOT_FINITE(day[i])))
			w->day[known++] = (Interaction) {0, item[i] - 1, day == NULL ? as_of : day[i]};
	qsort(w->day, known, sizeof(Interaction), compare_items);
	w->customer.own = w->own;
	w->customer.as_of = as_of;
	w->customer.owned = recommend_own(model, as_of, w->day, known, w->own);
}

/* Tells which items an argument names */
void
mark_items(FunctionCallInfo fcinfo, int argument, int items, bool *mark)
{
	int			count;
	const int32 *item = integers(fcinfo, argument, &count);

	memset(mark, 0, items * sizeof(bool));
	for (int i = 0; i < count; i++)
		if (item[i] >= 1 && item[i] <= items)
			mark[item[i] - 1] = true;
}

/*
 * The first arguments of what follows: recommender, items, days, as_of, group;
 * excluded names another.  Finds the candidates.
 */
Work *
find_candidates(FunctionCallInfo fcinfo, int excluded)
{
	const StoredRecommender *stored = recommender_argument(PG_GETARG_DATUM(0));
	int			items;
	const int32 *item = integers(fcinfo, 1, &items);
	ArrayType  *days = PG_ARGISNULL(2) ? NULL : PG_GETARG_ARRAYTYPE_P(2);
	DateADT		as_of = PG_ARGISNULL(3) ? stored->model.as_of : PG_GETARG_DATEADT(3);
	Work	   *w = work_of(fcinfo, stored, items);

	if (days != NULL && (ARR_HASNULL(days) || ArrayGetNItems(ARR_NDIM(days), ARR_DIMS(days)) != items))
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%d days do not fit %d items", ArrayGetNItems(ARR_NDIM(days), ARR_DIMS(days)), items)));
	if (DATE_NOT_FINITE(as_of))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of is not a day")));
	take_own(w, item, days == NULL ? NULL : (const DateADT *) ARR_DATA_PTR(days), items, as_of);
	w->customer.group = PG_ARGISNULL(4) ? -1
		: recommender_name_place(&stored->group, stored->model.group.rows, text_to_cstring(PG_GETARG_TEXT_PP(4)));
	mark_items(fcinfo, excluded, stored->model.items, w->excluded);
	w->customer.excluded = w->excluded;
	CHECK_FOR_INTERRUPTS();
	recommend_find(&stored->model, &w->customer, &w->work);
	return w;
}
