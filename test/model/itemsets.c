/*-------------------------------------------------------------------------
 *
 * itemsets.c
 *	  Rules and itemsets are those that counting each subset finds.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/itemsets.h"
#include "model/rules.h"
#include "tap.h"

#define MOST_ITEMS		9
#define MOST_BASKETS	80
#define MOST_ROWS		(2 * MOST_ITEMS * MOST_BASKETS)
#define MOST_PIECES		100000

/* All memory that was given, so that what a broken-off run leaves is freed */
static void *piece[MOST_PIECES];
static int	pieces = 0;

static void *
resize_piece(void *old, size_t bytes)
{
	void	   *place = realloc(old, bytes);
	int			at = pieces;

	for (int i = 0; old != NULL && i < pieces; i++)
		if (piece[i] == old)
			at = i;
	piece[at] = place;
	pieces += at == pieces;
	return place;
}

static void
release_piece(void *old)
{
	for (int i = 0; i < pieces; i++)
		if (piece[i] == old)
			piece[i] = piece[--pieces];
	free(old);
}

static void
free_pieces(void)
{
	while (pieces > 0)
		free(piece[--pieces]);
}

static int	calls_left = -1;

static bool
stop_after_calls(void)
{
	return calls_left >= 0 && calls_left-- == 0;
}

/* Random baskets, and how many have all items of each subset */
typedef struct Sample
{
	int32_t		basket[MOST_ROWS];
	int32_t		item[MOST_ROWS];
	BasketRows	rows;
	int			with[1 << MOST_ITEMS];
} Sample;

static void
random_sample(Sample *sample)
{
	unsigned	bought[MOST_BASKETS] = {0};
	int			items = 1 + (int) random_below(MOST_ITEMS);
	int			baskets = 1 + (int) random_below(MOST_BASKETS);
	size_t		count = 0;

	for (int b = 0; b < baskets; b++)
		for (int i = 0; i < items; i++)
			for (int twice = 0; twice < 2; twice++)
				if (random_below(100) < (uint64_t) (20 + 7 * i) / (1 + twice) || (i == b % items && twice == 0))
				{
					size_t		at = random_below(count + 1);

					sample->basket[count] = sample->basket[at];
					sample->item[count++] = sample->item[at];
					sample->basket[at] = b;
					sample->item[at] = i;
					bought[b] |= 1u << i;
				}
	sample->rows = (BasketRows) {sample->basket, sample->item, count, baskets, items};
	for (unsigned set = 0; set < 1u << items; set++)
	{
		sample->with[set] = 0;
		for (int b = 0; b < baskets; b++)
			sample->with[set] += (bought[b] & set) == set;
	}
}

static unsigned
members(const ItemsetList *list, const Itemset *set)
{
	unsigned	all = 0;

	for (int i = 0; i < set->length; i++)
		all |= 1u << list->item[set->begin + i];
	return all;
}

typedef struct Asked
{
	ItemsetOptions options;
	uint8_t		role[MOST_ITEMS];
	bool		without_redundant;
} Asked;

static Asked
random_question(const Sample *sample, bool rules)
{
	static const double confidences[] = {0, 0, 0.3, 0.7};
	Asked		asked = {.options = {.rules = rules,.all = sample->rows.baskets}};

	asked.options.most_items = (rules ? 2 : 1) + (int) random_below(6);
	asked.options.least = 1 + (int64_t) random_below(6);
	asked.options.min_confidence = confidences[random_below(4)];
	asked.options.min_lift = random_below(3) == 0 ? 1 : 0;
	asked.options.few_follow = random_below(2) == 0;
	asked.without_redundant = rules && random_below(2) == 0;
	for (int i = 0; i < MOST_ITEMS; i++)
		asked.role[i] = (uint8_t) ((!rules || random_below(4) > 0 ? ITEM_GOES_ON : 0) |
								   (rules && (!asked.options.few_follow || random_below(3) == 0) ? ITEM_FOLLOWS : 0));
	asked.options.few_follow = asked.options.few_follow && rules;
	return asked;
}

/* Whether a rule is asked for, apart from being redundant */
static bool
is_asked(const Sample *sample, const Asked *asked, unsigned antecedent, int consequent)
{
	const ItemsetOptions *options = &asked->options;
	RuleCounts	counts = {options->all, sample->with[antecedent], sample->with[1u << consequent], sample->with[antecedent | 1u << consequent]};

	if (antecedent == 0 || (antecedent >> consequent & 1) || !(asked->role[consequent] & ITEM_FOLLOWS) ||
		__builtin_popcount(antecedent) >= options->most_items || counts.both < options->least ||
		rule_confidence(&counts) < options->min_confidence || rule_lift(&counts) < options->min_lift)
		return false;
	for (int i = 0; i < sample->rows.items; i++)
		if ((antecedent >> i & 1) && !(asked->role[i] & ITEM_GOES_ON))
			return false;
	return true;
}

static bool
says_nothing_new(const Sample *sample, unsigned antecedent, int consequent)
{
	for (unsigned part = (antecedent - 1) & antecedent; part != 0; part = (part - 1) & antecedent)
		if ((double) sample->with[part | 1u << consequent] * sample->with[antecedent] >=
			(double) sample->with[antecedent | 1u << consequent] * sample->with[part])
			return true;
	return false;
}

static size_t
count_asked(const Sample *sample, const Asked *asked)
{
	size_t		count = 0;

	for (unsigned set = 1; set < 1u << sample->rows.items; set++)
		if (!asked->options.rules)
			count += __builtin_popcount(set) <= asked->options.most_items && sample->with[set] >= asked->options.least;
		else
			for (int i = 0; i < sample->rows.items; i++)
				count += is_asked(sample, asked, set, i) && !(asked->without_redundant && says_nothing_new(sample, set, i));
	return count;
}

static bool
is_right(const Sample *sample, const Asked *asked, const ItemsetList *list, const Itemset *set)
{
	unsigned	all = members(list, set);

	if (!asked->options.rules)
		return set->consequent == -1 && set->baskets == sample->with[all];
	return is_asked(sample, asked, all, set->consequent) && set->antecedent_baskets == sample->with[all] &&
		set->baskets == sample->with[all | 1u << set->consequent] &&
		!(asked->without_redundant && says_nothing_new(sample, all, set->consequent));
}

static bool
in_order(const ItemsetList *list, const Itemset *a, const Itemset *b)
{
	if (a->confidence != b->confidence)
		return a->confidence > b->confidence;
	if (a->baskets != b->baskets)
		return a->baskets > b->baskets;
	for (int i = 0; i < a->length && i < b->length; i++)
		if (list->item[a->begin + i] != list->item[b->begin + i])
			return list->item[a->begin + i] < list->item[b->begin + i];
	return a->length != b->length ? a->length < b->length : a->consequent < b->consequent;
}

static MiningStatus
find(const Sample *sample, Asked *asked, int32_t *item_baskets, ItemsetList *list, ModelMemory *memory)
{
	Baskets		baskets = {0};
	MiningLimits limits = {memory, stop_after_calls, 0};
	MiningStatus status = baskets_of_rows(&sample->rows, asked->role, asked->options.least, &baskets, item_baskets, &limits);

	asked->options.item_baskets = item_baskets;
	if (status == MINING_DONE)
		status = itemsets_find(&baskets, &asked->options, list, &limits);
	if (status == MINING_DONE && asked->without_redundant)
		status = rules_drop_redundant(list, &limits);
	return status == MINING_DONE ? itemsets_sort(list, &limits) : status;
}

/* As many as there are, all of them right, and no two of one place: so these are all */
static bool
finds_all(const Sample *sample, Asked *asked)
{
	ModelMemory memory = {resize_piece, release_piece, SIZE_MAX, 0, 0};
	ItemsetList list = {0};
	int32_t		item_baskets[MOST_ITEMS];
	bool		right = find(sample, asked, item_baskets, &list, &memory) == MINING_DONE &&
		list.count == count_asked(sample, asked);

	for (size_t i = 0; right && i < list.count; i++)
		right = is_right(sample, asked, &list, &list.set[i]) && (i == 0 || in_order(&list, &list.set[i - 1], &list.set[i]));
	free_pieces();
	return right;
}

/* Refuses what it has too little memory for, and never takes more */
static bool
keeps_to_its_memory(const Sample *sample, Asked *asked)
{
	bool		done = false;
	bool		refused = false;

	for (size_t most = 16; !done; most += most / 8)
	{
		ModelMemory memory = {resize_piece, release_piece, most, 0, 0};
		ItemsetList list = {0};
		int32_t		item_baskets[MOST_ITEMS];
		MiningStatus status = find(sample, asked, item_baskets, &list, &memory);

		done = status == MINING_DONE;
		refused = refused || (status == MINING_NO_MEMORY && memory.refused > most);
		free_pieces();
		if (status == MINING_STOPPED || memory.used > most)
			return false;
	}
	return refused;
}

/* 20 items that are in every second basket each: work that takes a while */
static bool
stops(int calls)
{
	static int32_t basket[400000];
	static int32_t item[400000];
	int32_t		item_baskets[20];
	BasketRows	rows = {basket, item, 0, 40000, 20};
	uint8_t		role[20];
	ModelMemory memory = {resize_piece, release_piece, SIZE_MAX, 0, 0};
	MiningLimits limits = {&memory, stop_after_calls, 0};
	ItemsetOptions options = {.rules = true,.most_items = 6,.least = 1,.all = 40000,.item_baskets = item_baskets};
	ItemsetList list = {0};
	Baskets		baskets = {0};
	MiningStatus status;

	memset(role, ITEM_GOES_ON | ITEM_FOLLOWS, sizeof(role));
	for (int i = 0; i < 400000; i++)
	{
		basket[rows.count] = i / 10;
		item[rows.count++] = (int32_t) random_below(20);
	}
	calls_left = calls;
	status = baskets_of_rows(&rows, role, 1, &baskets, item_baskets, &limits);
	if (status == MINING_DONE)
		status = itemsets_find(&baskets, &options, &list, &limits);
	calls_left = -1;
	free_pieces();
	return status == MINING_STOPPED;
}

int
main(void)
{
	static Sample sample;
	long		wrong_rules = 0;
	long		wrong_sets = 0;
	long		count = rounds(5000);

	random_begin();
	for (long i = 0; i < count; i++)
	{
		Asked		rules;
		Asked		sets;

		random_sample(&sample);
		rules = random_question(&sample, true);
		sets = random_question(&sample, false);
		wrong_rules += !finds_all(&sample, &rules);
		wrong_sets += !finds_all(&sample, &sets);
	}
	ok(wrong_rules == 0, "rules of %ld samples are those of counting each subset", count);
	ok(wrong_sets == 0, "itemsets of %ld samples are", count);
	for (int i = 0; i < 5; i++)
	{
		Asked		asked;

		random_sample(&sample);
		asked = random_question(&sample, i % 2 == 0);
		ok(keeps_to_its_memory(&sample, &asked), "it keeps to its memory, sample %d", i);
	}
	for (int calls = 0; calls < 40; calls += 3)
		ok(stops(calls), "it stops, asked %d times before", calls);
	ok(baskets_of_share(0.3, 10) == 3 && baskets_of_share(0.1, 30) == 3 && baskets_of_share(0.31, 10) == 4 && baskets_of_share(0, 10) == 0 &&
	   baskets_of_share(1, 1 << 30) == 1 << 30, "a share of baskets is what it looks like");
	return tap_done();
}
