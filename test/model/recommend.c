/*-------------------------------------------------------------------------
 *
 * recommend.c
 *	  What recommenders are made of, against dense matrices and plain loops.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/als.h"
#include "model/demand.h"
#include "model/ease.h"
#include "model/interactions.h"
#include "model/recommend.h"
#include "model/similarity.h"
#include "model/top.h"
#include "tap.h"

#define MOST_CUSTOMERS	40
#define MOST_ITEMS		24
#define MOST_ROWS		600
#define MOST_FACTORS	9
#define MOST_DAYS		500

static int	calls_left = -1;

static bool
stop_after_calls(void)
{
	return calls_left >= 0 && calls_left-- == 0;
}

static double
random_double(void)
{
	return (double) (random64() >> 11) / 9007199254740992.0;
}

static bool
near(double a, double b, double most)
{
	return fabs(a - b) <= most * fmax(1, fabs(b));
}

/* --- cells ------------------------------------------------------------------- */

/* Random rows, their sums in a dense matrix, and the sparse one made of them */
typedef struct Sample
{
	int			customers;
	int			items;
	int64_t		count;
	Interaction given[MOST_ROWS];
	double		x[MOST_CUSTOMERS][MOST_ITEMS];
	bool		there[MOST_CUSTOMERS][MOST_ITEMS];
	Interactions by_customer;
	Interactions by_item;
	int64_t		start[2][MOST_CUSTOMERS + MOST_ITEMS + 1];
	int32_t		column[2][MOST_ROWS];
	double		value[2][MOST_ROWS];
} Sample;

static void
shuffle(Interaction *given, int64_t count)
{
	for (int64_t i = count; i > 1; i--)
	{
		int64_t		other = (int64_t) random_below(i);
		Interaction moved = given[i - 1];

		given[i - 1] = given[other];
		given[other] = moved;
	}
}

static void
build(Sample *s, double most)
{
	static Interaction scratch[2 * MOST_ROWS];

	s->by_customer = (Interactions) {s->customers, s->items, s->start[0], s->column[0], s->value[0]};
	s->by_item = (Interactions) {s->items, s->customers, s->start[1], s->column[1], s->value[1]};
	interactions_build(s->given, s->count, most, scratch, &s->by_customer);
	interactions_transpose(&s->by_customer, &s->by_item);
}

/* Weights of quarters, whose sums are exact, or any if they are not to be */
static void
random_sample(Sample *s, double most, bool exact)
{
	memset(s, 0, sizeof(*s));
	s->customers = 1 + (int) random_below(MOST_CUSTOMERS);
	s->items = 1 + (int) random_below(MOST_ITEMS);
	s->count = (int64_t) random_below(MOST_ROWS + 1);
	for (int64_t i = 0; i < s->count; i++)
	{
		int			c = (int) random_below(s->customers);
		int			item = (int) random_below(1 + random_below(s->items));
		double		weight = exact ? (1 + (double) random_below(8)) / 4 : random_double() + 0.01;

		s->given[i] = (Interaction) {c, item, weight};
		s->x[c][item] += weight;
		s->there[c][item] = true;
	}
	for (int c = 0; c < s->customers; c++)
		for (int i = 0; i < s->items; i++)
			s->x[c][i] = fmin(s->x[c][i], most);
	build(s, most);
}

static bool
is_dense(const Interactions *matrix, const Sample *s, bool by_item)
{
	int64_t		cells = 0;

	if (matrix->start[0] != 0)
		return false;
	for (int r = 0; r < matrix->rows; r++)
		for (int64_t c = matrix->start[r]; c < matrix->start[r + 1]; c++, cells++)
		{
			int			customer = by_item ? matrix->column[c] : r;
			int			item = by_item ? r : matrix->column[c];

			if ((c > matrix->start[r] && matrix->column[c] <= matrix->column[c - 1]) ||
				!s->there[customer][item] || matrix->value[c] != s->x[customer][item])
				return false;
		}
	for (int c = 0; c < s->customers; c++)
		for (int i = 0; i < s->items; i++)
			cells -= s->there[c][i];
	return cells == 0;
}

static bool
any_order_gives_the_same(Sample *s)
{
	static double value[MOST_ROWS];
	int64_t		cells;

	random_sample(s, 3, false);
	cells = s->start[0][s->customers];
	memcpy(value, s->value[0], cells * sizeof(double));
	shuffle(s->given, s->count);
	build(s, 3);
	return s->start[0][s->customers] == cells && memcmp(value, s->value[0], cells * sizeof(double)) == 0;
}

/* --- the best of many ---------------------------------------------------------- */

static bool
top_is_sorted(void)
{
	ScoredItem	all[60];
	ScoredItem	kept[70];
	int			count = (int) random_below(61);
	TopItems	top = {kept, 0, (int) random_below(70)};

	for (int i = 0; i < count; i++)
		all[i] = (ScoredItem) {i, (double) random_below(10) - 5};
	for (int i = count; i > 1; i--)
	{
		int			other = (int) random_below(i);
		ScoredItem	moved = all[i - 1];

		all[i - 1] = all[other];
		all[other] = moved;
	}
	for (int i = 0; i < count; i++)
		top_offer(&top, all[i].item, all[i].score);
	top_sort(&top);
	if (top.count != (count < top.most ? count : top.most))
		return false;
	/* each is in its place: as many are better than it as stand before it */
	for (int i = 0; i < top.count; i++)
	{
		int			better = 0;

		for (int k = 0; k < count; k++)
			better += all[k].score > top.item[i].score || (all[k].score == top.item[i].score && all[k].item < top.item[i].item);
		if (better != i)
			return false;
	}
	return true;
}

/* --- similarity ------------------------------------------------------------------ */

static bool
similarity_is_dense(const Sample *s)
{
	double		norm[MOST_ITEMS];
	double		product[MOST_ITEMS] = {0};
	int32_t		together[MOST_ITEMS] = {0};
	int32_t		touched[MOST_ITEMS];
	int32_t		of_top[MOST_ITEMS];
	ScoredItem	found[MOST_ITEMS];
	SimilarityWork work = {product, together, touched, of_top};
	SimilarityOptions options = {(double) random_below(3) * 2.5, 1 + (int) random_below(4)};

	similarity_norms(&s->by_item, norm);
	for (int i = 0; i < s->items; i++)
	{
		TopItems	top = {found, 0, 1 + (int) random_below(s->items)};
		double		told[MOST_ITEMS];
		int			both[MOST_ITEMS];
		int			asked = 0;

		if (!similarity_neighbours(&s->by_customer, &s->by_item, norm, i, &options, &work, &top, stop_after_calls))
			return false;
		for (int j = 0; j < s->items; j++)
		{
			double		dot = 0;
			double		a = 0;
			double		b = 0;

			both[j] = 0;
			for (int c = 0; c < s->customers; c++)
			{
				dot += s->x[c][i] * s->x[c][j];
				a += s->x[c][i] * s->x[c][i];
				b += s->x[c][j] * s->x[c][j];
				both[j] += s->there[c][i] && s->there[c][j];
			}
			told[j] = j != i && both[j] >= options.least_together ? dot / (sqrt(a) * sqrt(b) + options.shrinkage) : 0;
			asked += told[j] > 0;
		}
		if (top.count != (asked < top.most ? asked : top.most))
			return false;
		for (int t = 0; t < top.count; t++)
		{
			int			better = 0;

			if (!near(top.item[t].score, told[top.item[t].item], 1e-14) || of_top[t] != both[top.item[t].item] ||
				(t > 0 && scored_better(top.item[t], top.item[t - 1])))
				return false;
			for (int j = 0; j < s->items; j++)
				better += told[j] > told[top.item[t].item] * (1 + 1e-14);
			if (better > t)
				return false;
		}
	}
	for (int i = 0; i < s->items; i++)
		if (product[i] != 0 || together[i] != 0)
			return false;
	return true;
}

/* --- dense algebra ------------------------------------------------------------------ */

/* Solves square x = side by Gauss and Jordan with pivots */
static void
solve(double square[MOST_ITEMS][MOST_ITEMS], int n, double *side)
{
	for (int c = 0; c < n; c++)
	{
		int			pivot = c;

		for (int r = c + 1; r < n; r++)
			if (fabs(square[r][c]) > fabs(square[pivot][c]))
				pivot = r;
		for (int j = 0; j < n; j++)
		{
			double		moved = square[c][j];

			square[c][j] = square[pivot][j];
			square[pivot][j] = moved;
		}
		for (int r = 0; r < n; r++)
		{
			double		factor = r == c ? 0 : square[r][c] / square[c][c];

			/* the sides change places here too */
			if (r == 0 && pivot != c)
			{
				double		moved = side[c];

				side[c] = side[pivot];
				side[pivot] = moved;
			}
			for (int j = c; j < n; j++)
				square[r][j] -= factor * square[c][j];
			side[r] -= factor * side[c];
		}
	}
	for (int c = 0; c < n; c++)
		side[c] /= square[c][c];
}

/* --- EASE ---------------------------------------------------------------------------- */

static bool
ease_is_dense(const Sample *s)
{
	static double gram[MOST_ITEMS * MOST_ITEMS];
	static double inverse[MOST_ITEMS * MOST_ITEMS];
	double		square[MOST_ITEMS][MOST_ITEMS];
	double		scratch[MOST_ITEMS];
	int32_t		place[MOST_ITEMS];
	int32_t		item[MOST_ITEMS];
	ScoredItem	found[MOST_ITEMS];
	double		penalty = 0.1 + random_double() * 20;
	int			places = 0;

	for (int i = 0; i < s->items; i++)
	{
		place[i] = random_below(4) > 0 ? places : -1;
		if (place[i] >= 0)
			item[places++] = i;
	}
	if (!ease_gram(&s->by_customer, place, places, penalty, gram, stop_after_calls))
		return false;
	for (int a = 0; a < places; a++)
		for (int b = a; b < places; b++)
		{
			double		dot = a == b ? penalty : 0;

			for (int c = 0; c < s->customers; c++)
				dot += s->x[c][item[a]] * s->x[c][item[b]];
			if (!near(gram[a * places + b], dot, 1e-13))
				return false;
		}
	ease_mirror(gram, places);
	for (int column = 0; column < places; column++)
	{
		double		side[MOST_ITEMS] = {0};

		for (int a = 0; a < places; a++)
			for (int b = 0; b < places; b++)
				square[a][b] = gram[a * places + b];
		side[column] = 1;
		solve(square, places, side);
		for (int a = 0; a < places; a++)
			inverse[a * places + column] = side[a];
	}
	for (int a = 0; a < places; a++)
	{
		TopItems	top = {found, 0, 1 + (int) random_below(places)};

		ease_neighbours(inverse, places, item, a, &top, scratch);
		if (top.count > (places - 1 < top.most ? places - 1 : top.most))
			return false;
		for (int t = 0; t < top.count; t++)
		{
			int			b = place[top.item[t].item];
			int			larger = 0;

			if (b == a || top.item[t].score != -inverse[a * places + b] / inverse[b * places + b] ||
				(t > 0 && fabs(top.item[t].score) > fabs(top.item[t - 1].score)))
				return false;
			for (int o = 0; o < places; o++)
				larger += o != a && fabs(inverse[a * places + o] / inverse[o * places + o]) > fabs(top.item[t].score);
			if (larger > t)
				return false;
		}
	}
	return true;
}

/* --- factors -------------------------------------------------------------------------- */

/* Each row's normal equations with a weight for every cell, also for empty ones */
static bool
als_is_dense(const Sample *s)
{
	static double fixed[MOST_ITEMS * MOST_FACTORS];
	static double solved[MOST_CUSTOMERS * MOST_FACTORS];
	static double scratch[2 * MOST_FACTORS * MOST_FACTORS + MOST_FACTORS];
	int			k = 1 + (int) random_below(MOST_FACTORS);
	AlsOptions	options = {k, random_double() * 30, 0.1 + random_double() * 5};

	for (int i = 0; i < s->items * k; i++)
		fixed[i] = random_double() - 0.5;
	if (!als_half_step(&options, &s->by_customer, fixed, scratch, solved, stop_after_calls))
		return false;
	for (int c = 0; c < s->customers; c++)
	{
		double		square[MOST_ITEMS][MOST_ITEMS] = {{0}};
		double		side[MOST_ITEMS] = {0};

		for (int a = 0; a < k; a++)
		{
			square[a][a] = options.penalty;
			for (int i = 0; i < s->items; i++)
			{
				double		weight = 1 + options.confidence * s->x[c][i];

				for (int b = 0; b < k; b++)
					square[a][b] += weight * fixed[i * k + a] * fixed[i * k + b];
				side[a] += s->there[c][i] ? weight * fixed[i * k + a] : 0;
			}
		}
		solve(square, k, side);
		for (int a = 0; a < k; a++)
			if (!near(solved[c * k + a], side[a], 1e-10))
				return false;
	}
	return true;
}

/* --- how items sell --------------------------------------------------------------------- */

static bool
demand_is_plain(void)
{
	enum {CUSTOMERS = 6, ITEMS = 5, ROWS = 120};
	static bool bought[ITEMS][CUSTOMERS][MOST_DAYS];
	Interaction given[ROWS];
	Interaction scratch[2 * ROWS];
	int64_t		start[CUSTOMERS + ITEMS + 1];
	int32_t		category[ITEMS];
	DemandWindows of_item[ITEMS];
	DemandWindows of_category[3 + 1];
	ItemDemand	demand[ITEMS];
	DemandOptions options = {.as_of = MOST_DAYS - 1 + (int) random_below(3),.horizon = 1 + (int) random_below(120),.categories = 3};
	int64_t		count = (int64_t) random_below(ROWS + 1);
	double		before[4] = {0};
	double		after[4] = {0};
	double		items_before[ITEMS];
	double		items_after[ITEMS];
	double		gap_of[ITEMS];
	double		gaps_of[ITEMS];
	double		days = 0;
	double		gaps = 0;

	memset(bought, 0, sizeof(bought));
	for (int i = 0; i < ITEMS; i++)
		category[i] = (int) random_below(4) - 1;
	options.category = random_below(3) > 0 ? category : NULL;
	for (int64_t r = 0; r < count; r++)
	{
		int			day = (int) random_below(random_below(2) ? MOST_DAYS : 200);

		given[r] = (Interaction) {(int) random_below(ITEMS - 1), (int) random_below(CUSTOMERS), day};
		bought[given[r].row][given[r].column][day] = true;
	}
	demand_count(interactions_sort(given, count, ITEMS, CUSTOMERS, scratch, start), start, ITEMS, &options, of_item, demand);
	demand_gaps(ITEMS, demand);
	demand_seasons(ITEMS, &options, of_item, of_category, demand);
	for (int i = 0; i < ITEMS; i++)
	{
		double		customers = 0;
		double		popularity[DEMAND_WINDOWS] = {0};

		gap_of[i] = gaps_of[i] = items_before[i] = items_after[i] = 0;
		for (int c = 0; c < CUSTOMERS; c++)
		{
			int			last = -1;
			bool		b = false;
			bool		a = false;

			for (int d = 0; d < MOST_DAYS; d++)
			{
				int			ago = options.as_of - d;

				if (!bought[i][c][d])
					continue;
				for (int w = 0; w < DEMAND_WINDOWS; w++)
					popularity[w] += pow(2, -ago / (w == 0 ? 14.0 : w == 1 ? 90.0 : 365.0));
				b = b || (ago >= 365 && ago < 365 + options.horizon);
				a = a || (ago < 365 && ago >= 365 - options.horizon);
				gaps_of[i] += last >= 0;
				gap_of[i] += last >= 0 ? d - last : 0;
				last = d;
			}
			customers += last >= 0;
			items_before[i] += b;
			items_after[i] += a;
		}
		if (demand[i].customers != customers || demand[i].gaps != gaps_of[i])
			return false;
		for (int w = 0; w < DEMAND_WINDOWS; w++)
			if (!near(demand[i].popularity[w], popularity[w], 1e-12))
				return false;
		days += gap_of[i];
		gaps += gaps_of[i];
		before[3] += items_before[i];
		after[3] += items_after[i];
		if (options.category != NULL && category[i] >= 0)
		{
			before[category[i]] += items_before[i];
			after[category[i]] += items_after[i];
		}
	}
	for (int i = 0; i < ITEMS; i++)
	{
		double		usual = gaps > 0 ? days / gaps : 90;
		double		ratio = after[3] / before[3];
		double		drawn = options.category != NULL && category[i] >= 0 ? (after[category[i]] + 5 * ratio) / (before[category[i]] + 5) : ratio;
		double		season = before[3] == 0 || after[3] == 0 ? 0 : log((items_after[i] + 5 * drawn) / (items_before[i] + 5) / ratio);

		if (!near(demand[i].gap, (gap_of[i] + 5 * usual) / (gaps_of[i] + 5), 1e-12) || !near(demand[i].season, season, 1e-12))
			return false;
	}
	return true;
}

/* --- what to offer -------------------------------------------------------------------------- */

#define SHOP		400
#define LINKS		30
#define SHOP_FACTORS 5
#define GROUPS		3

/* A recommender of random numbers, and room for the work on a customer */
typedef struct Shop
{
	Recommender model;
	ItemDemand	demand[SHOP];
	int32_t		category[SHOP];
	double		category_share[4];
	int32_t		popular[DEMAND_WINDOWS][SHOP];
	int64_t		start[SHOP + 1];
	int32_t		item[2][SHOP * LINKS];
	float		weight[2][SHOP * LINKS];
	double		factor[SHOP * SHOP_FACTORS];
	double		turned[SHOP * (SHOP_FACTORS + 3)];
	double		gram[SHOP_FACTORS * SHOP_FACTORS];
	double		dense[2][SHOP][SHOP];
	int64_t		group_start[GROUPS + 1];
	int32_t		group_item[GROUPS * SHOP];
	float		group_weight[GROUPS * SHOP];
	bool		in_group[GROUPS][SHOP];
	double		group_dense[GROUPS][SHOP];
} Shop;

static void
open_shop(Shop *shop, int items)
{
	Recommender *model = &shop->model;
	int			links = items <= LINKS ? items - 1 : LINKS;
	ScoredItem	order[SHOP];

	memset(shop, 0, sizeof(*shop));
	*model = (Recommender) {.items = items,.customers = 100,.as_of = 1000,.half_life = 50,.most = 2,.demand = shop->demand,
	.categories = 4,.category = shop->category,.category_share = shop->category_share,.als = {SHOP_FACTORS, 10, 1},
	.factor = shop->factor,.factor_turned = shop->turned,.gram = shop->gram};
	for (int i = 0; i < items; i++)
	{
		shop->category[i] = (int) random_below(5) - 1;
		shop->demand[i].customers = random_below(8) > 0 ? 1 + (double) random_below(50) : 0;
		for (int w = 0; w < DEMAND_WINDOWS && shop->demand[i].customers > 0; w++)
			shop->demand[i].popularity[w] = random_double() * 30;
		shop->demand[i].gap = 10 + random_double() * 90;
		for (int f = 0; f < SHOP_FACTORS; f++)
			shop->turned[f * items + i] = shop->factor[i * SHOP_FACTORS + f] = random_double() - 0.4;
		shop->start[i + 1] = shop->start[i] + links;
		for (int m = 0; m < 2; m++)
			for (int l = 0; l < links; l++)
			{
				int			to;

				do
					to = (int) random_below(items);
				while (to == i || shop->dense[m][i][to] != 0);
				shop->item[m][shop->start[i] + l] = to;
				shop->weight[m][shop->start[i] + l] = (float) (random_double() - (m == 0 ? 0.3 : 0) + 0.01);
				shop->dense[m][i][to] = shop->weight[m][shop->start[i] + l];
			}
	}
	for (int c = 0; c < 4; c++)
		shop->category_share[c] = 0.25;
	model->ease = (ItemLinks) {items, shop->start, shop->item[0], shop->weight[0]};
	model->similar = (ItemLinks) {items, shop->start, shop->item[1], shop->weight[1]};
	for (int g = 0; g < GROUPS; g++)
	{
		int64_t		place = shop->group_start[g];

		for (int i = 0; i < items; i++)
			if (shop->demand[i].customers > 0 && random_below(2) == 0)
			{
				shop->group_item[place] = i;
				shop->group_weight[place] = (float) (random_double() * 2 - 1);
				shop->group_dense[g][i] = shop->group_weight[place++];
				shop->in_group[g][i] = true;
			}
		shop->group_start[g + 1] = place;
	}
	model->group = (ItemLinks) {GROUPS, shop->group_start, shop->group_item, shop->group_weight};
	als_gram(shop->factor, items, SHOP_FACTORS, shop->gram);
	for (int w = 0; w < DEMAND_WINDOWS; w++)
	{
		TopItems	top = {order, 0, items};

		for (int i = 0; i < items; i++)
			if (shop->demand[i].customers > 0)
				top_offer(&top, i, shop->demand[i].popularity[w]);
		top_sort(&top);
		model->sold = top.count;
		model->popular[w] = shop->popular[w];
		for (int i = 0; i < top.count; i++)
			shop->popular[w][i] = top.item[i].item;
	}
}

/* Marks those with fewer than 100 better ones, of what he has not and what is above the floor */
static void
mark_best(const double *score, double floor, int items, const bool *has, bool *mark)
{
	for (int i = 0; i < items; i++)
	{
		int			better = 0;

		for (int j = 0; j < items; j++)
			better += !has[j] && (score[j] > score[i] || (score[j] == score[i] && j < i));
		if (!has[i] && score[i] > floor && better < 100)
			mark[i] = true;
	}
}

typedef struct Told
{
	bool		has[SHOP];
	double		interest[SHOP];
	double		own[SHOP];
	double		score[RECOMMEND_MODELS][SHOP];	/* without popularity */
	bool		candidate[SHOP];
} Told;

/* All that is to come of it, by the definition */
static void
tell(const Shop *shop, const Interaction *day, int count, int as_of, int group, const bool *excluded, Told *told)
{
	bool		out[SHOP];		/* takes no place among the best */
	const Recommender *model = &shop->model;
	int			items = model->items;
	double		square[MOST_ITEMS][MOST_ITEMS] = {{0}};
	double		side[MOST_ITEMS] = {0};
	double		popular[SHOP];

	memset(told, 0, sizeof(*told));
	for (int i = 0; i < items; i++)
	{
		for (int d = 0; d <= as_of; d++)
		{
			bool		bought = false;

			for (int r = 0; r < count; r++)
				bought = bought || (day[r].column == i && day[r].value == d);
			if (!bought)
				continue;
			told->has[i] = true;
			told->interest[i] += pow(2, (d - as_of) / model->half_life);
			told->own[i] += pow(2, (d - as_of) / 365.0);
		}
		told->interest[i] = fmin(told->interest[i], model->most);
	}
	for (int a = 0; a < SHOP_FACTORS; a++)
	{
		square[a][a] = model->als.penalty;
		for (int i = 0; i < items; i++)
		{
			const double *f = shop->factor + i * SHOP_FACTORS;
			double		weight = 1 + model->als.confidence * told->interest[i];

			for (int b = 0; b < SHOP_FACTORS; b++)
				square[a][b] += weight * f[a] * f[b];
			side[a] += told->has[i] ? weight * f[a] : 0;
		}
	}
	solve(square, SHOP_FACTORS, side);
	for (int i = 0; i < items; i++)
	{
		for (int from = 0; from < items; from++)
		{
			told->score[MODEL_EASE][i] += told->interest[from] * shop->dense[0][from][i];
			told->score[MODEL_SIMILAR][i] += told->interest[from] * shop->dense[1][from][i];
		}
		for (int f = 0; f < SHOP_FACTORS; f++)
			told->score[MODEL_FACTORS][i] += side[f] * shop->factor[i * SHOP_FACTORS + f];
		told->score[MODEL_BUY_AGAIN][i] = told->has[i] ? told->own[i] + 0.01 : 0;
		told->candidate[i] = told->has[i] && !excluded[i];
		out[i] = told->has[i] || excluded[i];
	}
	mark_best(told->score[MODEL_EASE], 1e-13, items, out, told->candidate);
	mark_best(told->score[MODEL_SIMILAR], 1e-13, items, out, told->candidate);
	mark_best(told->score[MODEL_FACTORS], 1e-13, items, out, told->candidate);
	for (int w = 0; w < 2; w++)
	{
		for (int i = 0; i < items; i++)
			popular[i] = shop->demand[i].customers > 0 ? shop->demand[i].popularity[w] : -1;
		mark_best(popular, -0.5, items, out, told->candidate);
	}
	for (int i = 0; i < items; i++)
		popular[i] = group >= 0 && shop->in_group[group][i] ? shop->demand[i].popularity[1] * exp(shop->group_dense[group][i]) : -1;
	mark_best(popular, 0, items, out, told->candidate);
	for (int i = 0; i < items; i++)
	{
		double		popularity = shop->demand[i].popularity[1];

		for (int m = MODEL_SIMILAR; m <= MODEL_EASE; m++)
			told->score[m][i] = fmax(told->score[m][i], 0) + 0.003 + 1e-7 * popularity;
		told->score[MODEL_BUY_AGAIN][i] += 1e-7 * popularity;
		told->score[MODEL_POPULAR][i] = popularity;
		told->score[MODEL_POPULAR_IN_GROUP][i] = popularity * (group >= 0 ? exp(shop->group_dense[group][i]) : 1);
	}
}

static double
alike(const Shop *shop, int a, int b)
{
	return fmin(1, fmax(shop->dense[1][a][b], shop->dense[1][b][a]));
}

/* Is each that was chosen the best of those that may stand there? */
static bool
chooses_the_best(const Shop *shop, const Told *told, const RecommendChoice *choice, const ScoredItem *chosen, int count)
{
	int			items = shop->model.items;
	bool		taken[SHOP] = {false};
	int			in_category[5] = {0};
	double		first = 0;

	for (int n = 0; n <= count && n < choice->count; n++)
	{
		double		most = -1e9;
		double		mine = -1e9;

		for (int i = 0; i < items; i++)
		{
			double		score = told->score[choice->model][i];
			double		like = 0;

			if (!told->candidate[i] || taken[i] || (told->has[i] && (choice->only_new || choice->once[i])) ||
				(choice->most_in_category > 0 && shop->category[i] >= 0 && in_category[shop->category[i]] >= choice->most_in_category))
				continue;
			if (n == 0)
				first = fmax(first, score);
			for (int t = 0; t < n; t++)
				like = fmax(like, alike(shop, i, chosen[t].item));
			if (choice->diversity > 0 && n > 0)
				score = (1 - choice->diversity) * (first > 0 ? score / first : 0) - choice->diversity * like;
			if (n < count && chosen[n].item == i)
				mine = score;
			most = fmax(most, score);
		}
		if (n == count)
			return most == -1e9;
		if (mine == -1e9 || !near(mine, most, 1e-9) || !near(chosen[n].score, told->score[choice->model][chosen[n].item], 1e-9))
			return false;
		taken[chosen[n].item] = true;
		if (shop->category[chosen[n].item] >= 0)
			in_category[shop->category[chosen[n].item]]++;
	}
	return true;
}

static bool
recommends(Shop *shop, int items, bool with_diversity)
{
	enum {DAYS = 40};
	static Told told;
	static double score[4][SHOP];
	static int32_t own_place[SHOP];
	static bool is_candidate[SHOP];
	static RecommendCandidate candidate[SHOP];
	static ScoredItem pool[SHOP];
	static double like[SHOP];
	static bool excluded[SHOP];
	static bool once[SHOP];
	int32_t		column[DAYS];
	double		value[DAYS];
	double		solution[SHOP_FACTORS + 3];
	double		scratch[SHOP_FACTORS * SHOP_FACTORS + SHOP_FACTORS];
	double		category[4];
	ScoredItem	top[101 + 100 * (RECOMMEND_MODELS + DEMAND_WINDOWS)];
	ScoredItem	chosen[SHOP];
	Interaction day[DAYS];
	OwnItem		own[DAYS];
	RecommendWork work = {.ease = score[0],.similar = score[1],.factors = score[2],.group = score[3],.own = own_place,.is_candidate = is_candidate,
	.column = column,.value = value,.solution = solution,.scratch = scratch,.category = category,.top = top,.candidate = candidate};
	RecommendCustomer customer = {.own = own,.group = (int) random_below(GROUPS + 1) - 1,.as_of = 900 + (int) random_below(120)};
	int			count = (int) random_below(DAYS + 1);
	int			found = 0;

	open_shop(shop, items);
	for (int r = 0; r < count; r++)
		day[r] = (Interaction) {0, (int) random_below(1 + random_below(items)), 900 + (double) random_below(130)};
	for (int i = 0; i < items; i++)
	{
		excluded[i] = random_below(10) == 0;
		once[i] = random_below(3) == 0;
	}
	customer.excluded = excluded;
	tell(shop, day, count, customer.as_of, customer.group, excluded, &told);
	for (int i = 1; i < count; i++)
		for (int k = i; k > 0 && day[k - 1].column > day[k].column; k--)
		{
			Interaction moved = day[k];

			day[k] = day[k - 1];
			day[k - 1] = moved;
		}
	customer.owned = recommend_own(&shop->model, customer.as_of, day, count, own);
	recommend_find(&shop->model, &customer, &work);
	for (int i = 0; i < items; i++)
		found += told.candidate[i];
	if (work.candidates != found || found > recommend_most_candidates(&shop->model, customer.owned))
		return false;
	for (int c = 0; c < found; c++)
		if (!told.candidate[candidate[c].item] || (candidate[c].own >= 0) != told.has[candidate[c].item])
			return false;
	for (int m = 0; m < MODEL_BLEND; m++)
	{
		RecommendChoice choice = {.model = m,.count = 1 + (int) random_below(items),.only_new = random_below(2),.once = once,
		.most_in_category = (int) random_below(3),.diversity = with_diversity ? random_double() : 0};

		/* so that all of them are compared, and not ten for each that is wanted */
		if (with_diversity && choice.most_in_category == 0)
			choice.count = items;
		count = recommend_choose(&shop->model, &work, &choice, pool, like, chosen);
		if (!chooses_the_best(shop, &told, &choice, chosen, count))
			return false;
	}
	return true;
}

/* --- stopped ----------------------------------------------------------------------------------- */

/* Customers who all have all items: work that is asked to stop now and then */
static bool
stops(int what, int calls)
{
	enum {CUSTOMERS = 3000, ITEMS = 400};
	static int64_t start[2][CUSTOMERS + 1];
	static int32_t column[2][CUSTOMERS * ITEMS];
	static double value[CUSTOMERS * ITEMS];
	static double square[ITEMS * ITEMS];
	static double solved[CUSTOMERS * 2];
	static double product[ITEMS];
	static int32_t together[ITEMS];
	static int32_t touched[ITEMS];
	double		norm[ITEMS];
	double		scratch[12];
	int32_t		place[ITEMS];
	ScoredItem	found[5];
	TopItems	top = {found, 0, 5};
	Interactions by_customer = {CUSTOMERS, ITEMS, start[0], column[0], value};
	Interactions by_item = {ITEMS, CUSTOMERS, start[1], column[1], value};
	SimilarityWork work = {product, together, touched, NULL};
	SimilarityOptions similarity = {3, 1};
	AlsOptions	als = {2, 20, 5};
	bool		done = false;

	for (int64_t c = 0; c < CUSTOMERS * ITEMS; c++)
	{
		column[0][c] = c % ITEMS;
		column[1][c] = c % CUSTOMERS;
		value[c] = 1;
	}
	for (int r = 0; r <= CUSTOMERS; r++)
		start[0][r] = (int64_t) r * ITEMS;
	for (int r = 0; r <= ITEMS; r++)
	{
		start[1][r] = (int64_t) r * CUSTOMERS;
		if (r < ITEMS)
			place[r] = r;
	}
	similarity_norms(&by_item, norm);
	calls_left = calls;
	if (what == 0)
		done = similarity_neighbours(&by_customer, &by_item, norm, 7, &similarity, &work, &top, stop_after_calls);
	else if (what == 1)
		done = ease_gram(&by_customer, place, ITEMS, 10, square, stop_after_calls);
	else
		done = als_half_step(&als, &by_customer, value, scratch, solved, stop_after_calls);
	calls_left = -1;
	/* what was stopped leaves its work as it found it */
	for (int i = 0; i < ITEMS; i++)
		if (product[i] != 0 || together[i] != 0)
			return false;
	return !done;
}

int
main(void)
{
	static Sample sample;
	static Shop shop;
	long		count = rounds(3000);
	long		wrong[10] = {0};

	random_begin();
	for (long i = 0; i < count; i++)
	{
		random_sample(&sample, random_below(2) ? 1.5 : 1e6, true);
		wrong[0] += !is_dense(&sample.by_customer, &sample, false);
		wrong[1] += !is_dense(&sample.by_item, &sample, true);
		wrong[2] += !similarity_is_dense(&sample);
		wrong[3] += !ease_is_dense(&sample);
		wrong[4] += !als_is_dense(&sample);
		wrong[5] += !any_order_gives_the_same(&sample);
		wrong[6] += !top_is_sorted();
		wrong[7] += !demand_is_plain();
	}
	ok(wrong[0] == 0, "cells of %ld samples are sums of their rows", count);
	ok(wrong[1] == 0, "-- also by item");
	ok(wrong[2] == 0, "similarity is the cosine with shrinkage");
	ok(wrong[3] == 0, "EASE is that of the dense inverse");
	ok(wrong[4] == 0, "factors solve the normal equations of all cells");
	ok(wrong[5] == 0, "the order of rows changes no bit");
	ok(wrong[6] == 0, "the best are those that sorting finds");
	ok(wrong[7] == 0, "popularity, gaps and seasons are those of plain loops");
	count = rounds(300);
	for (long i = 0; i < count; i++)
	{
		wrong[8] += !recommends(&shop, 2 + (int) random_below(random_below(2) ? 30 : SHOP - 2), false);
		wrong[9] += !recommends(&shop, 2 + (int) random_below(60), true);
	}
	ok(wrong[8] == 0, "what %ld customers are offered is the best there is", count);
	ok(wrong[9] == 0, "-- also where what is like the rest counts less");
	for (int calls = 0; calls < 2; calls++)
	{
		ok(stops(0, 0), "similarity stops");
		ok(stops(1, calls), "EASE stops, asked %d times before", calls);
		ok(stops(2, calls), "factors stop, asked %d times before", calls);
	}
	return tap_done();
}
