/*-------------------------------------------------------------------------
 *
 * recommender_bytes.c
 *	  Bytes of the type recommender: written, checked and read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/cryptohash.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/memutils.h"

#include "model_bytes.h"
#include "recommender.h"

#include "compat.h"

#define FORMAT			1		/* first byte, before the hash */
#define INTERRUPT_ROWS	1024

/* --- writing ------------------------------------------------------------------ */

static void
hash_bytes_of(const char *data, int length, uint8 *hash)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, (const uint8 *) data, length) < 0 ||
		pg_cryptohash_final(context, hash, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute SHA-256");
	pg_cryptohash_free(context);
}

/* What could not be read again is not written */
static void
write_names(StringInfo bytes, char *const *name, int count)
{
	pq_sendbyte(bytes, name != NULL);
	for (int i = 0; name != NULL && i < count; i++)
	{
		int			start = bytes->len;

		model_write_name(bytes, name[i]);
		if (bytes->len - start - 2 > RECOMMENDER_ID)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("an id of an item or a group is longer than %d bytes", RECOMMENDER_ID),
					 errhint("Take a shorter one, such as md5() of it.")));
	}
}

static void
write_demand(StringInfo bytes, const ItemDemand *demand)
{
	pq_sendfloat8(bytes, demand->customers);
	for (int w = 0; w < DEMAND_WINDOWS; w++)
		pq_sendfloat8(bytes, demand->popularity[w]);
	pq_sendfloat8(bytes, demand->season);
	pq_sendfloat8(bytes, demand->gap);
}

static void
write_links(StringInfo bytes, const ItemLinks *links)
{
	pq_sendint32(bytes, links->start == NULL ? 0 : links->rows);
	for (int r = 0; links->start != NULL && r < links->rows; r++)
	{
		pq_sendint32(bytes, (int32) (links->start[r + 1] - links->start[r]));
		for (int64_t l = links->start[r]; l < links->start[r + 1]; l++)
		{
			pq_sendint32(bytes, links->item[l]);
			pq_sendfloat4(bytes, links->weight[l]);
		}
	}
}

static void
write_factors(StringInfo bytes, const Recommender *model)
{
	pq_sendint32(bytes, model->als.factors);
	pq_sendfloat8(bytes, model->als.confidence);
	pq_sendfloat8(bytes, model->als.penalty);
	for (int64 i = 0; i < (int64) model->items * model->als.factors; i++)
		pq_sendfloat8(bytes, model->factor[i]);
}

Datum
recommender_make(const StoredRecommender *stored)
{
	const Recommender *model = &stored->model;
	uint8		hash[PG_SHA256_DIGEST_LENGTH] = {0};
	StringInfoData bytes;

	pq_begintypsend(&bytes);
	pq_sendbyte(&bytes, FORMAT);
	pq_sendbytes(&bytes, (char *) hash, sizeof(hash));
	pq_sendint32(&bytes, model->items);
	pq_sendfloat8(&bytes, model->customers);
	pq_sendint32(&bytes, model->as_of);
	pq_sendfloat8(&bytes, model->half_life);
	pq_sendfloat8(&bytes, model->most);
	write_names(&bytes, stored->item.name, model->items);
	for (int i = 0; i < model->items; i++)
		write_demand(&bytes, &model->demand[i]);
	pq_sendint32(&bytes, model->category == NULL ? 0 : model->categories);
	for (int i = 0; model->category != NULL && i < model->items; i++)
		pq_sendint32(&bytes, model->category[i]);
	write_links(&bytes, &model->ease);
	write_links(&bytes, &model->similar);
	write_links(&bytes, &model->group);
	write_names(&bytes, stored->group.name, model->group.rows);
	write_factors(&bytes, model);
	hash_bytes_of(bytes.data + VARHDRSZ + RECOMMENDER_HEAD, bytes.len - VARHDRSZ - RECOMMENDER_HEAD, hash);
	memcpy(bytes.data + VARHDRSZ + 1, hash, sizeof(hash));
	return PointerGetDatum(pq_endtypsend(&bytes));
}

/* --- reading ------------------------------------------------------------------ */

void
recommender_refuse(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("recommender is damaged: %s", what),
			 errhint("Fit it again, or take it from where it was made.")));
}

static double
read_number(StringInfo bytes)
{
	double		number = pq_getmsgfloat8(bytes);

	if (!(fabs(number) <= RECOMMENDER_NUMBER))
		recommender_refuse("a number is too large");
	return number;
}

static double
read_from_0(StringInfo bytes)
{
	double		number = read_number(bytes);

	if (number < 0)
		recommender_refuse("a number is negative");
	return number;
}

/* A count, of things that take so many bytes each at least */
static int
read_count(StringInfo bytes, int least_size)
{
	int32		count = pq_getmsgint(bytes, 4);

	if (count < 0 || count > RECOMMENDER_ITEMS || (int64) count * least_size > bytes->len - bytes->cursor)
		recommender_refuse("a count is wrong");
	return count;
}

static int
compare_names(const void *a, const void *b, void *argument)
{
	char	  **name = argument;

	return strcmp(name[*(const int32 *) a], name[*(const int32 *) b]);
}

static void
read_names(StringInfo bytes, int count, NameList *list)
{
	if (pq_getmsgbyte(bytes) == 0)
		return;
	list->name = palloc_extended(Max(count, 1) * sizeof(char *), MCXT_ALLOC_HUGE);
	list->sorted = palloc_extended(Max(count, 1) * sizeof(int32), MCXT_ALLOC_HUGE);
	for (int i = 0; i < count; i++)
	{
		list->name[i] = model_read_name(bytes, RECOMMENDER_ID, recommender_refuse);
		list->sorted[i] = i;
	}
	/* they stand in the order of their type, which may be another */
	qsort_arg(list->sorted, count, sizeof(int32), compare_names, list->name);
}

/* The number of a name; -1: it is not there */
int
recommender_name_place(const NameList *list, int count, const char *name)
{
	int			low = 0;
	int			high = list->name == NULL ? 0 : count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int			order = strcmp(list->name[list->sorted[middle]], name);

		if (order == 0)
			return list->sorted[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

static void
read_demand(StringInfo bytes, ItemDemand *demand)
{
	demand->customers = read_from_0(bytes);
	for (int w = 0; w < DEMAND_WINDOWS; w++)
		demand->popularity[w] = read_from_0(bytes);
	demand->season = read_number(bytes);
	demand->gap = read_from_0(bytes);
}

static int32
read_item(StringInfo bytes, int items)
{
	int32		item = pq_getmsgint(bytes, 4);

	if (item < 0 || item >= items)
		recommender_refuse("an item is not there");
	return item;
}

/* rows: how many there must be if there are any; -1: any number */
static void
read_links(StringInfo bytes, int items, int rows, ItemLinks *links)
{
	int64		room = (bytes->len - bytes->cursor) / 8;
	int64		count = 0;

	links->rows = read_count(bytes, 4);
	if (links->rows == 0)
		return;
	if (rows >= 0 && links->rows != rows)
		recommender_refuse("it has links of a wrong number of items");
	links->start = palloc_extended((links->rows + 1) * sizeof(int64_t), MCXT_ALLOC_HUGE);
	links->item = palloc_extended(Max(room, 1) * sizeof(int32_t), MCXT_ALLOC_HUGE);
	links->weight = palloc_extended(Max(room, 1) * sizeof(float), MCXT_ALLOC_HUGE);
	for (int r = 0; r < links->rows; r++)
	{
		int			here = read_count(bytes, 8);

		if (r % INTERRUPT_ROWS == 0)
			CHECK_FOR_INTERRUPTS();
		links->start[r] = count;
		for (int l = 0; l < here; l++, count++)
		{
			links->item[count] = read_item(bytes, items);
			links->weight[count] = pq_getmsgfloat4(bytes);
			if (!(fabsf(links->weight[count]) <= RECOMMENDER_NUMBER))
				recommender_refuse("a weight is too large");
		}
	}
	links->start[links->rows] = count;
	links->item = repalloc_huge(links->item, Max(count, 1) * sizeof(int32_t));
	links->weight = repalloc_huge(links->weight, Max(count, 1) * sizeof(float));
}

static void
read_categories(StringInfo bytes, Recommender *model)
{
	model->categories = read_count(bytes, 0);
	if (model->categories == 0)
		return;
	model->category = palloc_extended(Max(model->items, 1) * sizeof(int32_t), MCXT_ALLOC_HUGE);
	for (int i = 0; i < model->items; i++)
	{
		model->category[i] = pq_getmsgint(bytes, 4);
		if (model->category[i] < -1 || model->category[i] >= model->categories)
			recommender_refuse("a category is not there");
	}
}

static void
read_factors(StringInfo bytes, Recommender *model)
{
	int64		numbers;

	model->als.factors = read_count(bytes, 0);
	if (model->als.factors > ALS_MOST_FACTORS)
		recommender_refuse("it has too many factors");
	model->als.confidence = read_from_0(bytes);
	model->als.penalty = read_from_0(bytes);
	numbers = (int64) model->als.factors * model->items;
	if (numbers * 8 != bytes->len - bytes->cursor || (model->als.factors > 0 && model->als.penalty == 0))
		recommender_refuse("its factors are incomplete");
	model->factor = palloc_extended(Max(numbers, 1) * sizeof(double), MCXT_ALLOC_HUGE);
	for (int64 i = 0; i < numbers; i++)
		model->factor[i] = read_number(bytes);
}

static void
order_by_popularity(Recommender *model)
{
	TopItems	top = {palloc_extended(Max(model->items, 1) * sizeof(ScoredItem), MCXT_ALLOC_HUGE), 0, model->items};

	for (int w = 0; w < DEMAND_WINDOWS; w++)
	{
		top.count = 0;
		for (int i = 0; i < model->items; i++)
			if (model->demand[i].customers > 0)
				top_offer(&top, i, model->demand[i].popularity[w]);
		top_sort(&top);
		model->sold = top.count;
		model->popular[w] = palloc_extended(Max(top.count, 1) * sizeof(int32_t), MCXT_ALLOC_HUGE);
		for (int i = 0; i < top.count; i++)
			model->popular[w][i] = top.item[i].item;
	}
	pfree(top.item);
}

/* What follows from the rest, and is not stored */
static void
recommender_complete(Recommender *model)
{
	int			k = model->als.factors;
	double		all = 0;

	if (k > 0)
	{
		model->gram = palloc(k * k * sizeof(double));
		als_gram(model->factor, model->items, k, model->gram);
		/* rounded up to a multiple of 4, for those who add 4 at once */
		model->factor_turned = palloc_extended(Max((Size) (k + 3) * model->items, 1) * sizeof(double), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		for (int i = 0; i < model->items; i++)
			for (int f = 0; f < k; f++)
				model->factor_turned[(Size) f * model->items + i] = model->factor[(Size) i * k + f];
	}
	order_by_popularity(model);
	if (model->category == NULL)
		return;
	model->category_share = palloc0(Max(model->categories, 1) * sizeof(double));
	for (int i = 0; i < model->items; i++)
		all += model->demand[i].popularity[DEMAND_WINDOWS - 1];
	for (int i = 0; i < model->items; i++)
		if (model->category[i] >= 0 && all > 0)
			model->category_share[model->category[i]] += model->demand[i].popularity[DEMAND_WINDOWS - 1] / all;
}

StoredRecommender *
recommender_read(const char *data, int length)
{
	StoredRecommender *stored = palloc0(sizeof(StoredRecommender));
	Recommender *model = &stored->model;
	StringInfoData bytes = {.data = unconstify(char *, data), .len = length, .maxlen = length};
	uint8		hash[PG_SHA256_DIGEST_LENGTH];

	if (length <= RECOMMENDER_HEAD)
		recommender_refuse("it is too short");
	if (pq_getmsgbyte(&bytes) != FORMAT)
		recommender_refuse("its format is unknown");
	hash_bytes_of(data + RECOMMENDER_HEAD, length - RECOMMENDER_HEAD, hash);
	if (memcmp(pq_getmsgbytes(&bytes, sizeof(hash)), hash, sizeof(hash)) != 0)
		recommender_refuse("its hash is another");
	model->items = read_count(&bytes, 48);
	model->customers = read_from_0(&bytes);
	model->as_of = pq_getmsgint(&bytes, 4);
	if (!IS_VALID_DATE(model->as_of))
		recommender_refuse("its day is none");
	model->half_life = read_from_0(&bytes);
	model->most = read_from_0(&bytes);
	read_names(&bytes, model->items, &stored->item);
	model->demand = palloc_extended(Max(model->items, 1) * sizeof(ItemDemand), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < model->items; i++)
		read_demand(&bytes, &model->demand[i]);
	read_categories(&bytes, model);
	read_links(&bytes, model->items, model->items, &model->ease);
	read_links(&bytes, model->items, model->items, &model->similar);
	read_links(&bytes, model->items, -1, &model->group);
	read_names(&bytes, model->group.rows, &stored->group);
	read_factors(&bytes, model);
	pq_getmsgend(&bytes);
	recommender_complete(model);
	return stored;
}
