/*-------------------------------------------------------------------------
 *
 * history.c
 *	  The canonical form of a purchase history: what is written is read,
 *	  and nothing else is.
 *
 *-------------------------------------------------------------------------
 */
#include "model/history_totals.h"
#include "random_history.h"

/* 2011-01-03 and 2011-02-14, counted from 0001-01-01 */
#define JAN_3	734139
#define FEB_14	734181

static bool
is_written(const HistoryDay *days, size_t count, int scale,
		   const uint8_t *bytes, size_t size)
{
	uint8_t		out[512];

	return history_encode(out, scale, days, count) == size &&
		memcmp(out, bytes, size) == 0;
}

static bool
is_refused(const uint8_t *bytes, size_t size)
{
	uint8_t    *copy = exact_copy(bytes, size);
	bool		refused = history_check(copy, size) == HISTORY_CORRUPT;

	free(copy);
	return refused;
}

#define WRITTEN(days, count, scale, name, ...) \
	ok(is_written(days, count, scale, (uint8_t[]) {__VA_ARGS__}, \
				  sizeof((uint8_t[]) {__VA_ARGS__})), "%s", name)
#define ACCEPTED(name, ...) \
	ok(!is_refused((uint8_t[]) {__VA_ARGS__}, sizeof((uint8_t[]) {__VA_ARGS__})), \
	   "accepted: %s", name)
#define REFUSED(name, ...) \
	ok(is_refused((uint8_t[]) {__VA_ARGS__}, sizeof((uint8_t[]) {__VA_ARGS__})), \
	   "refused: %s", name)

/* Stored values outlive releases: these bytes may never change */
static void
test_bytes(void)
{
	HistoryDay	days[2] = {{JAN_3, 2, 7450, 0}, {FEB_14, 0, 0, 1290}};
	HistoryDay	first = {0, 1, 0, 0};
	HistoryDay	last = {HISTORY_LAST_DAY, 1, 127, 128};

	WRITTEN(NULL, 0, 2, "an empty history is two bytes", 0x12, 0x00);
	WRITTEN(NULL, 0, 6, "its scale is kept", 0x16, 0x00);
	WRITTEN(&first, 1, 0, "an order for nothing on the first day", 0x10, 0x01, 0x00, 0x00);
	/* 734139 * 4 + 1 = 2936557; 42 * 4 + 1 + 2 = 171 */
	WRITTEN(days, 2, 2, "two days", 0x12, 0x02,
			0xED, 0x9D, 0xB3, 0x01, 0x02, 0x9A, 0x3A,
			0xAB, 0x01, 0x00, 0x8A, 0x0A);
	/* 3652058 * 4 + 2 = 14608234 */
	WRITTEN(&last, 1, 2, "one order with a refund on the last day",
			0x12, 0x01, 0xEA, 0xCE, 0xFB, 0x06, 0x7F, 0x80, 0x01);
}

/* Each history has one form */
static void
test_canonical(void)
{
	REFUSED("one byte", 0x12);
	REFUSED("nothing but zeros", 0x00, 0x00);
	REFUSED("format 0", 0x02, 0x00);
	REFUSED("format 2", 0x22, 0x00);
	REFUSED("format 15", 0xF2, 0x00);
	REFUSED("a bag", 0x1A, 0x00);
	ACCEPTED("scale 6", 0x16, 0x00);
	REFUSED("scale 7", 0x17, 0x00);
	REFUSED("a byte after the empty history", 0x12, 0x00, 0x00);
	ACCEPTED("one day", 0x12, 0x01, 0x04, 0x05);
	REFUSED("fewer days than announced", 0x12, 0x02, 0x04, 0x05);
	REFUSED("more days than announced", 0x12, 0x01, 0x04, 0x05, 0x04, 0x05);
	REFUSED("the end is missing", 0x12, 0x01, 0x04);
	REFUSED("a count in needless bytes", 0x12, 0x81, 0x00, 0x04, 0x05);
	REFUSED("a count of 2^64 - 1", 0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01);
	REFUSED("a count above 2^64", 0x12, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02, 0x04, 0x05);
	REFUSED("a count of 2^32 + 1 days", 0x12, 0x81, 0x80, 0x80, 0x80, 0x10, 0x04, 0x05);
	REFUSED("a step in needless bytes", 0x12, 0x01, 0x84, 0x00, 0x05);
	REFUSED("money in needless bytes", 0x12, 0x01, 0x04, 0x85, 0x00);
	ACCEPTED("two orders", 0x12, 0x01, 0x05, 0x02, 0x05);
	REFUSED("one order, written out", 0x12, 0x01, 0x05, 0x01, 0x05);
	REFUSED("neither order nor refund", 0x12, 0x01, 0x05, 0x00);
	REFUSED("neither order nor refund, with a byte more", 0x12, 0x01, 0x05, 0x00, 0x00);
	ACCEPTED("a refund alone", 0x12, 0x01, 0x07, 0x00, 0x05);
	REFUSED("a refund of nothing", 0x12, 0x01, 0x06, 0x05, 0x00);
	REFUSED("a refund of nothing without order", 0x12, 0x01, 0x07, 0x00, 0x00);
	ACCEPTED("an order for nothing", 0x12, 0x01, 0x04, 0x00);
	ACCEPTED("2147483647 orders", 0x12, 0x01, 0x05, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x05);
	REFUSED("2147483648 orders", 0x12, 0x01, 0x05, 0x80, 0x80, 0x80, 0x80, 0x08, 0x05);
	REFUSED("2^32 + 2 orders", 0x12, 0x01, 0x05, 0x82, 0x80, 0x80, 0x80, 0x10, 0x05);
	ACCEPTED("the first day and the next", 0x12, 0x02, 0x00, 0x05, 0x04, 0x05);
	REFUSED("the same day twice", 0x12, 0x02, 0x04, 0x05, 0x00, 0x05);
	REFUSED("the first day twice", 0x12, 0x02, 0x00, 0x05, 0x00, 0x05);
	/* 3652058 * 4 = 14608232 */
	ACCEPTED("the last day", 0x12, 0x01, 0xE8, 0xCE, 0xFB, 0x06, 0x05);
	REFUSED("the day after the last", 0x12, 0x01, 0xEC, 0xCE, 0xFB, 0x06, 0x05);
	REFUSED("a day after the last by a second step", 0x12, 0x02, 0xE8, 0xCE, 0xFB, 0x06, 0x05, 0x04, 0x05);
	REFUSED("a step that comes around to the start", 0x12, 0x02, 0x08, 0x05,
			0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0x05);
}

/* Money of a day stays below 10^24 */
static void
test_limits(void)
{
	for (int scale = 0; scale <= UNITS_MAX_SCALE; scale++)
	{
		Units		limit = 1;
		HistoryDay	day = {JAN_3, 1, 0, 1};
		uint8_t		out[2 * HISTORY_ENTRY_MAX];
		bool		good = true;

		for (int i = 0; i < 24 + scale; i++)
			limit *= 10;
		for (int i = 0; i < 4; i++)
		{
			/* largest and too large, as gross and as refunded */
			bool		large = i % 2 == 1;
			HistoryStatus status = large ? HISTORY_TOO_MUCH_MONEY : HISTORY_OK;

			day.gross = i < 2 ? limit - !large : 7;
			day.refunded = i < 2 ? 7 : limit - !large;
			good &= history_check_day(&day, scale) == status;
			good &= is_refused(out, history_encode(out, scale, &day, 1)) == large;
		}
		ok(good, "at scale %d money is below 10^24", scale);
	}
	ok(history_check_day(&(HistoryDay) {1, HISTORY_MAX_ORDERS, 0, 0}, 0) == HISTORY_OK,
	   "2147483647 orders in a day");
	ok(history_check_day(&(HistoryDay) {1, (uint32_t) HISTORY_MAX_ORDERS + 1, 0, 0}, 0) ==
	   HISTORY_TOO_MANY_ORDERS, "2147483648 orders in a day are too many");
}

/* What is written is read again, and no part of it, nor more, is a history */
static void
test_round_trips(void)
{
	long		times = rounds(20000);
	long		read_back = 0;
	long		parts_refused = 0;
	long		in_room = 0;

	for (long i = 0; i < times; i++)
	{
		HistoryDay	days[MAX_TEST_DAYS];
		HistoryDay	day;
		HistoryReader reader;
		uint8_t		out[MAX_TEST_DAYS * HISTORY_ENTRY_MAX + 16];
		int			scale = (int) random_below(UNITS_MAX_SCALE + 1);
		size_t		count = random_days(days, scale);
		size_t		size = history_encode(out, scale, days, count);
		size_t		seen = 0;
		bool		good = !history_is_bag(out, size) &&
			history_open(&reader, out, size) && reader.scale == scale &&
			reader.days == count;

		in_room += size <= history_encoded_max(count);
		while (good && history_next(&reader, &day) == 1)
			good = seen < count && same_day(&day, &days[seen++]);
		read_back += good && seen == count && !is_refused(out, size);

		out[size] = (uint8_t) random64();
		good = is_refused(out, size + 1);
		for (size_t part = 0; part < size; part++)
			good = good && is_refused(out, part);
		parts_refused += good;
	}
	ok(in_room == times, "%ld histories fit into the room foreseen", times);
	ok(read_back == times, "%ld histories are read as they were written", times);
	ok(parts_refused == times, "no part of them is a history, nor more");
}

/* Whatever is accepted has one form: written again, it is the same */
static void
test_mutations(void)
{
	long		times = rounds(100000);
	long		accepted = 0;
	long		same = 0;

	for (long i = 0; i < times; i++)
	{
		HistoryDay	days[MAX_TEST_DAYS];
		uint8_t		out[MAX_TEST_DAYS * HISTORY_ENTRY_MAX + 16];
		int			scale = (int) random_below(UNITS_MAX_SCALE + 1);
		size_t		size = history_encode(out, scale, days, random_days(days, scale));
		uint8_t    *bytes;
		HistoryReader reader;
		HistoryDay *read;
		size_t		count = 0;
		int			got = -1;

		size = damage(out, size);
		bytes = exact_copy(out, size);
		read = malloc((size / 2 + 1) * sizeof(HistoryDay));
		history_is_bag(bytes, size);
		if (history_open(&reader, bytes, size))
			while ((got = history_next(&reader, &read[count])) == 1)
				count++;
		if ((history_check(bytes, size) == HISTORY_OK) != (got == 0))
			same = -times;		/* the two ways to read must agree */
		if (got == 0)
		{
			uint8_t    *again = malloc(history_encoded_max(count));

			accepted++;
			same += history_encode(again, reader.scale, read, count) == size &&
				memcmp(again, bytes, size) == 0;
			for (size_t d = 0; d < count; d++)
				if (history_check_day(&read[d], reader.scale) != HISTORY_OK ||
					read[d].day < 0 || read[d].day > HISTORY_LAST_DAY ||
					(d > 0 && read[d].day <= read[d - 1].day) ||
					(read[d].orders == 0 && (read[d].gross > 0 || read[d].refunded == 0)))
					same = -times;
			free(again);
		}
		free(read);
		free(bytes);
	}
	ok(same == accepted, "of %ld damaged histories the %ld accepted keep their bytes",
	   times, accepted);
	ok(accepted > times / 100 && accepted < times * 9 / 10,
	   "the damage is neither harmless nor hopeless");
}

/* Putting in order against adding up every pair */
static void
test_order(void)
{
	long		times = rounds(20000);
	long		good = 0;
	HistoryDay	pair[2] = {{5, HISTORY_MAX_ORDERS - 3, 1, 0}, {5, 3, 2, 0}};
	size_t		count = 2;
	Units		limit = units_limit(UNITS_DAY_DIGITS, 2);

	for (long i = 0; i < times; i++)
	{
		HistoryDay	days[200];
		HistoryDay	sums[200];
		size_t		n = random_below(i % 10 == 0 ? 200 : 12);
		size_t		kept = n;
		size_t		distinct = 0;
		uint64_t	range = 1 + random_below(n + 3);
		bool		same;

		for (size_t d = 0; d < n; d++)
		{
			size_t		s = 0;

			days[d] = random_day((int32_t) random_below(range), 2);
			days[d].orders %= 10000;
			days[d].gross %= limit / 1000;
			days[d].refunded %= limit / 1000;
			while (s < distinct && sums[s].day != days[d].day)
				s++;
			if (s == distinct)
				sums[distinct++] = (HistoryDay) {.day = days[d].day};
			sums[s].orders += days[d].orders;
			sums[s].gross += days[d].gross;
			sums[s].refunded += days[d].refunded;
		}
		same = history_put_in_order(days, &kept, 2) == HISTORY_OK && kept == distinct;
		for (size_t d = 0; same && d < kept; d++)
		{
			size_t		s = 0;

			while (s < distinct && sums[s].day != days[d].day)
				s++;
			same = s < distinct && same_day(&days[d], &sums[s]) &&
				(d == 0 || days[d].day > days[d - 1].day);
		}
		good += same;
	}
	ok(good == times, "%ld lists in order are the sums of their days", times);

	ok(history_put_in_order(pair, &count, 2) == HISTORY_OK && count == 1 &&
	   pair[0].orders == HISTORY_MAX_ORDERS && pair[0].gross == 3,
	   "2147483647 orders together");
	pair[0] = (HistoryDay) {5, HISTORY_MAX_ORDERS, 1, 0};
	pair[1] = (HistoryDay) {5, HISTORY_MAX_ORDERS, 2, 0};
	count = 2;
	ok(history_put_in_order(pair, &count, 2) == HISTORY_TOO_MANY_ORDERS,
	   "twice 2147483647 orders together are too many");
	pair[0] = (HistoryDay) {5, 1, limit - 7, 1};
	pair[1] = (HistoryDay) {5, 1, 6, 0};
	count = 2;
	ok(history_put_in_order(pair, &count, 2) == HISTORY_OK && pair[0].gross == limit - 1,
	   "the largest money together");
	pair[0] = (HistoryDay) {5, 1, limit - 7, 1};
	pair[1] = (HistoryDay) {5, 1, 7, 0};
	count = 2;
	ok(history_put_in_order(pair, &count, 2) == HISTORY_TOO_MUCH_MONEY,
	   "one more is too much");
	pair[0] = (HistoryDay) {5, 0, 0, 1};
	pair[1] = (HistoryDay) {5, 0, 0, limit - 1};
	count = 2;
	ok(history_put_in_order(pair, &count, 2) == HISTORY_TOO_MUCH_MONEY,
	   "refunds have the same limit");
	count = 0;
	ok(history_put_in_order(NULL, &count, 2) == HISTORY_OK && count == 0,
	   "nothing is in order");
}

static void
test_rescale(void)
{
	HistoryDay	days[2] = {{5, 1, 125, 5}, {6, 0, 0, 1}};

	history_rescale(days, 2, 0);
	ok(days[0].gross == 125 && days[1].refunded == 1, "the same scale changes nothing");
	history_rescale(days, 2, 3);
	ok(days[0].gross == 125000 && days[0].refunded == 5000 && days[1].refunded == 1000 &&
	   days[0].orders == 1 && days[0].day == 5, "three more decimal places");
}

/* Totals against loops over what they mean */
static void
test_totals(void)
{
	long		times = rounds(20000);
	long		good = 0;

	for (long i = 0; i < times; i++)
	{
		HistoryDay	days[MAX_TEST_DAYS];
		size_t		count = random_days(days, 2);
		int32_t		purchase_day[MAX_TEST_DAYS];
		int32_t		n = 0;
		int64_t		orders = 0;
		uint32_t	most = 0;
		Units		gross = 0;
		Units		refunded = 0;
		HistoryTotals totals;

		totals_begin(&totals);
		for (size_t d = 0; d < count; d++)
		{
			totals_add(&totals, &days[d]);
			if (days[d].orders > 0)
				purchase_day[n++] = days[d].day;
			orders += days[d].orders;
			if (days[d].orders > most)
				most = days[d].orders;
			gross += days[d].gross;
			refunded += days[d].refunded;
		}
		good += totals.purchase_days == n && totals.orders == orders &&
			totals.most_orders == most && totals.gross == gross &&
			totals.refunded == refunded &&
			totals.first == (n > 0 ? purchase_day[0] : -1) &&
			totals.last == (n > 0 ? purchase_day[n - 1] : -1) &&
			totals.before_last == (n > 1 ? purchase_day[n - 2] : -1);
	}
	ok(good == times, "totals of %ld histories", times);
}

static void
test_void(void)
{
	static const struct
	{
		const char *name;
		HistoryDay	before;
		bool		stays;
		HistoryDay	after;
	}			cases[] = {
		{"no refund", {9, 2, 100, 0}, true, {9, 2, 100, 0}},
		{"no money, no refund", {9, 2, 0, 0}, true, {9, 2, 0, 0}},
		{"a part refunded", {9, 2, 100, 99}, true, {9, 2, 100, 99}},
		{"all refunded", {9, 2, 100, 100}, false, {9, 0, 0, 0}},
		{"more than all refunded", {9, 2, 100, 101}, true, {9, 0, 0, 1}},
		{"a refund alone", {9, 0, 0, 5}, true, {9, 0, 0, 5}},
		{"an order for nothing and a refund", {9, 1, 0, 5}, true, {9, 0, 0, 5}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		HistoryDay	day = cases[i].before;
		bool		stays = history_void_day(&day);

		ok(stays == cases[i].stays && (!stays || same_day(&day, &cases[i].after)),
		   "void refunds: %s", cases[i].name);
	}
}

int
main(void)
{
	random_begin();
	test_bytes();
	test_canonical();
	test_limits();
	test_round_trips();
	test_mutations();
	test_order();
	test_rescale();
	test_totals();
	test_void();
	return tap_done();
}
