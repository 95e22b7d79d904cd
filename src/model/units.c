/*-------------------------------------------------------------------------
 *
 * units.c
 *	  Money as a whole number of minor units at a decimal scale.
 *
 *-------------------------------------------------------------------------
 */
#include "model/units.h"

/* 10^exponent, for 0 <= exponent <= 38 */
Units
units_power_of_ten(int exponent)
{
	static const uint64_t power[] = {
		UINT64_C(1), UINT64_C(10), UINT64_C(100), UINT64_C(1000),
		UINT64_C(10000), UINT64_C(100000), UINT64_C(1000000),
		UINT64_C(10000000), UINT64_C(100000000), UINT64_C(1000000000),
		UINT64_C(10000000000), UINT64_C(100000000000),
		UINT64_C(1000000000000), UINT64_C(10000000000000),
		UINT64_C(100000000000000), UINT64_C(1000000000000000),
		UINT64_C(10000000000000000), UINT64_C(100000000000000000),
		UINT64_C(1000000000000000000), UINT64_C(10000000000000000000)
	};

	if (exponent <= 19)
		return power[exponent];
	return (Units) power[19] * power[exponent - 19];
}

/* The first count of units that no longer fits in so many integer digits */
Units
units_limit(int digits, int scale)
{
	return units_power_of_ten(digits + scale);
}

/* Writes the amount with exactly scale decimal places; returns its length */
size_t
units_print(char *out, SignedUnits units, int scale)
{
	char		reversed[UNITS_TEXT_MAX];
	bool		negative = units < 0;
	Units		rest = negative ? -(Units) units : (Units) units;
	size_t		n = 0;
	size_t		length;

	for (int place = 0; rest > 0 || place <= scale; place++)
	{
		if (place == scale && scale > 0)
			reversed[n++] = '.';
		reversed[n++] = (char) ('0' + (int) (rest % 10));
		rest /= 10;
	}
	if (negative)
		reversed[n++] = '-';
	length = n;
	while (n > 0)
		*out++ = reversed[--n];
	*out = '\0';
	return length;
}

/*
 * Reads an unsigned decimal number with at most scale decimal places and a
 * value below the day's limit.  Returns the first character after it, or NULL.
 */
const char *
units_parse(const char *text, int scale, Units *units)
{
	Units		limit = units_limit(UNITS_DAY_DIGITS, scale);
	Units		value = 0;
	int			places = -1;	/* decimal places read, -1 before the point */

	if (*text < '0' || *text > '9')
		return NULL;
	for (;; text++)
	{
		if (*text >= '0' && *text <= '9')
		{
			if (places == scale)
				return NULL;
			if (places >= 0)
				places++;
			value = value * 10 + (Units) (*text - '0');
			if (value >= limit)
				return NULL;
		}
		else if (*text == '.' && places < 0 && scale > 0)
			places = 0;
		else
			break;
	}
	if (places == 0)
		return NULL;			/* a point wants a digit after it */
	value *= units_power_of_ten(scale - (places < 0 ? 0 : places));
	if (value >= limit)
		return NULL;
	*units = value;
	return text;
}
