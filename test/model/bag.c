/*-------------------------------------------------------------------------
 *
 * bag.c
 *	  A purchase history while it is being gathered.
 *
 *-------------------------------------------------------------------------
 */
#include "random_history.h"

#define CAPACITY	(sizeof(HistoryBag) + MAX_TEST_DAYS * HISTORY_ENTRY_MAX)

/* A day that may stand anywhere in a bag, in any order */
static HistoryDay
random_entry(int32_t base, int scale)
{
	int32_t		day = base;

	switch (random_below(4))
	{
		case 0:
			day = (int32_t) random_below(HISTORY_LAST_DAY + 1);
			break;
		case 1:
			day = random_below(2) == 0 ? 0 : HISTORY_LAST_DAY;
			break;
		default:
			day += (int32_t) random_below(100) - 50;
	}
	if (day < 0)
		day = 0;
	if (day > HISTORY_LAST_DAY)
		day = HISTORY_LAST_DAY;
	return random_day(day, scale);
}

static int32_t
random_base(void)
{
	switch (random_below(4))
	{
		case 0:
			return 0;
		case 1:
			return HISTORY_LAST_DAY;
		default:
			return (int32_t) random_below(HISTORY_LAST_DAY + 1);
	}
}

static void
test_empty(void)
{
	uint8_t		bag[sizeof(HistoryBag)];
	HistoryDay	day = {0, 1, 0, 0};
	size_t		count = 77;

	bag_init(bag, 3, 734139);
	ok(history_is_bag(bag, sizeof(bag)), "a bag is one");
	ok(bag_scale(bag) == 3, "it has its scale");
	ok(bag_used(bag) == sizeof(HistoryBag), "it is its header alone");
	ok(bag_days(bag, sizeof(bag), NULL, &count) == HISTORY_OK && count == 0,
	   "nothing is in it");
	ok(!bag_add(bag, sizeof(bag), &day), "nothing fits in");
	ok(bag_used(bag) == sizeof(HistoryBag), "and nothing was put in");
	ok(history_check(bag, sizeof(bag)) == HISTORY_CORRUPT, "it is no canonical history");
	ok(!history_is_bag(bag, 0), "nothing is no bag");
	ok(bag_max_days(0) == 0 && bag_max_days(sizeof(HistoryBag) - 1) == 0 &&
	   bag_max_days(sizeof(HistoryBag)) == 1 && bag_max_days(sizeof(HistoryBag) + 7) == 4,
	   "a day for each two bytes, and one that breaks off");
}

/* An entry appended is one added, or there is no room and nothing happens */
static void
test_append(void)
{
	uint8_t		added[sizeof(HistoryBag) + 6];
	uint8_t		appended[sizeof(HistoryBag) + 6];
	HistoryDay	day = {734140, 1, 300, 0};	/* one day after the base: 08 AC 02 */
	const uint8_t entry[] = {0x08, 0xAC, 0x02};

	memset(added, 0, sizeof(added));
	memset(appended, 0, sizeof(appended));
	bag_init(added, 2, 734139);
	bag_init(appended, 2, 734139);
	ok(bag_add(added, sizeof(added), &day) &&
	   bag_append(appended, sizeof(appended), entry, sizeof(entry)) &&
	   memcmp(added, appended, sizeof(added)) == 0, "appending the bytes is adding the day");
	ok(!bag_append(appended, sizeof(HistoryBag) + 5, entry, sizeof(entry)) &&
	   memcmp(added, appended, sizeof(added)) == 0, "one byte too little is no room");
	ok(bag_append(appended, sizeof(appended), entry, sizeof(entry)) &&
	   bag_used(appended) == sizeof(appended), "and just enough is room");
}

/* Fills bags to the brim: the days come out as they went in */
static void
test_round_trips(void)
{
	long		times = rounds(20000);
	long		good = 0;

	for (long i = 0; i < times; i++)
	{
		size_t		capacity = sizeof(HistoryBag) + random_below(300);
		uint8_t    *bag = malloc(capacity);
		HistoryDay *read = malloc((bag_max_days(capacity) + 1) * sizeof(HistoryDay));
		HistoryDay	days[400];
		int			scale = (int) random_below(UNITS_MAX_SCALE + 1);
		int32_t		base = random_base();
		size_t		put = 0;
		size_t		count;
		bool		same;

		bag_init(bag, scale, base);
		for (;;)
		{
			size_t		used = bag_used(bag);

			days[put] = random_entry(base, scale);
			if (!bag_add(bag, capacity, &days[put]))
			{
				same = bag_used(bag) == used && capacity - used < HISTORY_ENTRY_MAX;
				break;
			}
			put++;
		}
		same = same && bag_used(bag) <= capacity && bag_scale(bag) == scale &&
			bag_days(bag, capacity, read, &count) == HISTORY_OK && count == put;
		for (size_t d = 0; same && d < put; d++)
			same = same_day(&read[d], &days[d]);
		/* the used bytes alone will do, one less will not */
		same = same && bag_days(bag, bag_used(bag), read, &count) == HISTORY_OK &&
			count == put && bag_days(bag, bag_used(bag) - 1, read, &count) == HISTORY_CORRUPT;
		good += same;
		free(read);
		free(bag);
	}
	ok(good == times, "%ld full bags give back what they hold", times);
}

/* A list of days just as long as it must be, and one day more that stays as it is */
static HistoryDay *
guarded_days(size_t size)
{
	HistoryDay *days = malloc((bag_max_days(size) + 1) * sizeof(HistoryDay));

	memset(&days[bag_max_days(size)], 0xA5, sizeof(HistoryDay));
	return days;
}

static bool
guard_holds(const HistoryDay *days, size_t size)
{
	HistoryDay	guard;

	memset(&guard, 0xA5, sizeof(guard));
	return memcmp(&days[bag_max_days(size)], &guard, sizeof(guard)) == 0;
}

/* bag_max_days() days are room enough, whatever the bytes say */
static void
test_room(void)
{
	for (uint32_t used = 0; used <= 5; used++)
	{
		uint8_t		bag[sizeof(HistoryBag) + 5];
		HistoryBag	header = {.tag = 0x12 | 0x08,.used = used};
		size_t		size = sizeof(HistoryBag) + used;
		HistoryDay *days = guarded_days(size);
		size_t		count;

		/* entries of two bytes, the shortest: a day's step, no money */
		memset(bag, 0, sizeof(bag));
		memcpy(bag, &header, sizeof(header));
		ok(bag_days(bag, size, days, &count) == (used % 2 == 0 ? HISTORY_OK : HISTORY_CORRUPT) &&
		   count == used / 2, "%u bytes of entries are %u days", used, used / 2);
		ok(guard_holds(days, size), "and nothing is written beyond them");
		free(days);
	}
}

/* Nothing in a bag is trusted; what is accepted has one form */
static void
test_mutations(void)
{
	long		times = rounds(100000);
	long		accepted = 0;
	long		same = 0;
	long		beyond = 0;

	for (long i = 0; i < times; i++)
	{
		uint8_t		bag[CAPACITY + 8];
		int			scale = (int) random_below(UNITS_MAX_SCALE + 1);
		int32_t		base = random_base();
		size_t		size;
		uint8_t    *bytes;
		HistoryDay *read;
		size_t		count;

		bag_init(bag, scale, base);
		for (uint64_t n = random_below(8); n > 0; n--)
		{
			HistoryDay	day = random_entry(base, scale);

			bag_add(bag, CAPACITY, &day);
		}
		size = bag_used(bag);
		if (random_below(2) == 0)
			size = damage(bag, size);
		else if (size > sizeof(HistoryBag))
			/* the entries alone, for most damage to a header is found at once */
			bag[sizeof(HistoryBag) + random_below(size - sizeof(HistoryBag))] ^=
				(uint8_t) (1 << random_below(8));

		bytes = exact_copy(bag, size);
		read = guarded_days(size);
		if (bag_days(bytes, size, read, &count) == HISTORY_OK)
		{
			HistoryBag	header;
			uint8_t    *again = malloc(size + 1);
			bool		good = count <= bag_max_days(size);

			accepted++;
			memcpy(&header, bytes, sizeof(header));
			bag_init(again, bag_scale(bytes), header.base);
			for (size_t d = 0; good && d < count; d++)
				good = history_check_day(&read[d], bag_scale(bytes)) == HISTORY_OK &&
					read[d].day >= 0 && read[d].day <= HISTORY_LAST_DAY &&
					(read[d].orders > 0 || (read[d].gross == 0 && read[d].refunded > 0)) &&
					bag_add(again, size, &read[d]);
			same += good && bag_used(again) == bag_used(bytes) &&
				memcmp(again, bytes, bag_used(again)) == 0;
			free(again);
		}
		beyond += !guard_holds(read, size);
		free(read);
		free(bytes);
	}
	ok(beyond == 0, "no day is written beyond the room for them");
	ok(same == accepted, "of %ld damaged bags the %ld accepted keep their bytes",
	   times, accepted);
	ok(accepted > times / 100 && accepted < times * 9 / 10,
	   "the damage is neither harmless nor hopeless");
}

static void
test_header(void)
{
	static const struct
	{
		const char *name;
		HistoryBag	header;
		size_t		size;
		bool		good;
	}			cases[] = {
		{"an empty bag", {0x1A, {0}, 0, 0}, 12, true},
		{"the last day as base", {0x1A, {0}, 0, HISTORY_LAST_DAY}, 12, true},
		{"a base after the last day", {0x1A, {0}, 0, HISTORY_LAST_DAY + 1}, 12, false},
		{"a negative base", {0x1A, {0}, 0, -1}, 12, false},
		{"a short header", {0x1A, {0}, 0, 0}, 11, false},
		{"no header", {0x1A, {0}, 0, 0}, 0, false},
		{"not marked as a bag", {0x12, {0}, 0, 0}, 12, false},
		{"format 0", {0x0A, {0}, 0, 0}, 12, false},
		{"format 2", {0x2A, {0}, 0, 0}, 12, false},
		{"scale 6", {0x1E, {0}, 0, 0}, 12, true},
		{"scale 7", {0x1F, {0}, 0, 0}, 12, false},
		{"something where nothing is", {0x1A, {0, 0, 1}, 0, 0}, 12, false},
		{"more used than there is", {0x1A, {0}, 1, 0}, 12, false},
		{"far more used than there is", {0x1A, {0}, UINT32_MAX, 0}, 12, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		uint8_t    *bytes = exact_copy((const uint8_t *) &cases[i].header, cases[i].size);
		size_t		count = 77;
		HistoryStatus status = bag_days(bytes, cases[i].size, NULL, &count);

		ok(status == (cases[i].good ? HISTORY_OK : HISTORY_CORRUPT) && count == 0,
		   "%s is %s", cases[i].name, cases[i].good ? "accepted" : "refused");
		free(bytes);
	}
}

int
main(void)
{
	random_begin();
	ok(sizeof(HistoryBag) == 12, "the header is stored, so its size is fixed");
	test_empty();
	test_header();
	test_append();
	test_room();
	test_round_trips();
	test_mutations();
	return tap_done();
}
