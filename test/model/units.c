/*-------------------------------------------------------------------------
 *
 * units.c
 *	  Money as text.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "model/units.h"
#include "tap.h"

#define E15		"1000000000000000"
#define E23		"100000000000000000000000"
#define NINES24 "999999999999999999999999"

static void
test_print(void)
{
	static const struct
	{
		int64_t		units;
		int			scale;
		const char *text;
	}			cases[] = {
		{0, 0, "0"},
		{0, 2, "0.00"},
		{0, 6, "0.000000"},
		{1, 0, "1"},
		{1, 2, "0.01"},
		{1, 6, "0.000001"},
		{99, 2, "0.99"},
		{100, 2, "1.00"},
		{1000000, 6, "1.000000"},
		{7450, 2, "74.50"},
		{-1, 2, "-0.01"},
		{-7450, 2, "-74.50"},
		{-1, 0, "-1"},
		{INT64_MAX, 0, "9223372036854775807"},
		{INT64_MIN, 3, "-9223372036854775.808"},
	};
	char		text[UNITS_TEXT_MAX];
	SignedUnits most = (SignedUnits) (((Units) 1 << 127) - 1);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		size_t		length = units_print(text, cases[i].units, cases[i].scale);

		ok(strcmp(text, cases[i].text) == 0 && length == strlen(text),
		   "%lld at scale %d is %s", (long long) cases[i].units, cases[i].scale, cases[i].text);
	}
	units_print(text, most, 6);
	ok(strcmp(text, "170141183460469231731687303715884.105727") == 0,
	   "the largest of all numbers");
	units_print(text, -most - 1, 6);
	ok(strcmp(text, "-170141183460469231731687303715884.105728") == 0,
	   "the smallest of all numbers");
}

static void
test_parse(void)
{
	static const struct
	{
		const char *text;
		int			scale;
		const char *printed;	/* NULL if refused */
		const char *rest;
	}			cases[] = {
		{"0", 0, "0", ""},
		{"0", 2, "0.00", ""},
		{"0.00", 2, "0.00", ""},
		{"12.5", 2, "12.50", ""},
		{"12.50", 2, "12.50", ""},
		{"12", 6, "12.000000", ""},
		{"12.5,x", 1, "12.5", ",x"},
		{"12;", 1, "12.0", ";"},
		{"12 ", 1, "12.0", " "},
		{"12.5.5", 2, "12.50", ".5"},
		{"12.5", 0, "12", ".5"},
		{"12e3", 0, "12", "e3"},
		{"007", 0, "7", ""},
		{"12.505", 2, NULL, NULL},
		{"12.500", 2, NULL, NULL},
		{"12.", 2, NULL, NULL},
		{"12.,", 2, NULL, NULL},
		{".5", 2, NULL, NULL},
		{"-1", 2, NULL, NULL},
		{"+1", 2, NULL, NULL},
		{" 1", 2, NULL, NULL},
		{"", 2, NULL, NULL},
		{"x", 2, NULL, NULL},
		{"NaN", 2, NULL, NULL},
		{NINES24, 0, NINES24, ""},
		{NINES24, 6, NINES24 ".000000", ""},
		{NINES24 ".99", 2, NINES24 ".99", ""},
		{NINES24 ".999999", 6, NINES24 ".999999", ""},
		{E23 "0", 0, NULL, NULL},
		{E23 "0", 6, NULL, NULL},
		{E23 "0.00", 2, NULL, NULL},
		{NINES24 "9", 0, NULL, NULL},
		{NINES24 NINES24 NINES24, 3, NULL, NULL},
		{"340282366920938463463374607431768211457", 0, NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char		text[UNITS_TEXT_MAX];
		Units		units = 0;
		const char *rest = units_parse(cases[i].text, cases[i].scale, &units);
		bool		good;

		if (cases[i].printed == NULL)
			good = rest == NULL;
		else
		{
			units_print(text, (SignedUnits) units, cases[i].scale);
			good = rest != NULL && strcmp(rest, cases[i].rest) == 0 &&
				strcmp(text, cases[i].printed) == 0;
		}
		ok(good, "\"%s\" at scale %d is %s", cases[i].text, cases[i].scale,
		   cases[i].printed != NULL ? cases[i].printed : "refused");
	}
}

/* Printed and read again, by a text made another way */
static void
test_round_trips(void)
{
	long		times = rounds(100000);
	long		good = 0;

	for (long i = 0; i < times; i++)
	{
		int			scale = (int) random_below(UNITS_MAX_SCALE + 1);
		int			digits = 1 + (int) random_below((uint64_t) UNITS_DAY_DIGITS);
		char		expected[UNITS_TEXT_MAX];
		char		text[UNITS_TEXT_MAX];
		char	   *p = expected;
		Units		units = 0;
		Units		again = 0;
		const char *rest;

		for (int d = 0; d < digits + scale; d++)
		{
			int			digit = (int) random_below(10);

			if (d == 0 && digits > 1 && digit == 0)
				digit = 9;
			if (d == digits)
				*p++ = '.';
			*p++ = (char) ('0' + digit);
			units = units * 10 + (Units) digit;
		}
		*p = '\0';
		units_print(text, (SignedUnits) units, scale);
		rest = units_parse(text, scale, &again);
		good += strcmp(text, expected) == 0 && rest != NULL && *rest == '\0' && again == units;
	}
	ok(good == times, "%ld amounts are printed digit by digit and read back", times);
}

static void
test_limits(void)
{
	char		text[UNITS_TEXT_MAX];

	ok(units_power_of_ten(0) == 1 && units_power_of_ten(1) == 10 &&
	   units_power_of_ten(6) == 1000000, "powers of ten");
	units_print(text, (SignedUnits) units_power_of_ten(38), 0);
	ok(strlen(text) == 39 && text[0] == '1' && strspn(text + 1, "0") == 38,
	   "the largest power of ten");
	units_print(text, (SignedUnits) units_limit(UNITS_AMOUNT_DIGITS, 2), 2);
	ok(strcmp(text, E15 ".00") == 0, "an amount is below 10^15");
	units_print(text, (SignedUnits) units_limit(UNITS_DAY_DIGITS, 6), 6);
	ok(strcmp(text, E23 "0.000000") == 0, "a day's money is below 10^24");
}

int
main(void)
{
	random_begin();
	test_print();
	test_parse();
	test_limits();
	test_round_trips();
	return tap_done();
}
