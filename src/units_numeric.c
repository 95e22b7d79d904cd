/*-------------------------------------------------------------------------
 *
 * units_numeric.c
 *	  Between the server's numeric and exact minor units.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "units_numeric.h"

#include "compat.h"

/*
 * The stored form of numeric, as src/backend/utils/adt/numeric.c describes
 * it.  It has been the same on disk since 9.1 and cannot change without
 * breaking pg_upgrade; reading it here saves a function call and an
 * allocation for each order.  test/sql/units.sql compares it with the
 * server's own text form.
 */
#define DIGIT_BASE			10000	/* a digit has four decimal places */
#define SIGN_MASK			0xC000
#define SIGN_NEGATIVE		0x4000
#define HEADER_SHORT		0x8000
#define HEADER_SPECIAL		0xC000	/* NaN and the infinities */
#define SHORT_NEGATIVE		0x2000
#define SHORT_SCALE_MASK	0x1F80
#define SHORT_SCALE_SHIFT	7
#define SHORT_WEIGHT_MINUS	0x0040
#define SHORT_WEIGHT_MASK	0x003F
#define LONG_SCALE_MASK		0x3FFF

/* The parts of a stored numeric */
typedef struct NumericParts
{
	const char *digits;			/* 16-bit digits, not aligned */
	int			ndigits;		/* how many */
	int			weight;			/* the first one counts DIGIT_BASE^weight */
	int			scale;			/* decimal places to show */
	bool		negative;
} NumericParts;

/* Why a numeric is no amount */
typedef enum AmountStatus
{
	AMOUNT_OK,
	AMOUNT_NOT_FINITE,
	AMOUNT_TOO_LARGE,
	AMOUNT_TOO_FINE
} AmountStatus;

/* Raises the error that names the amount and the limit; returns if it is none */
static void
amount_raise(AmountStatus status, Datum value)
{
	char	   *text;

	if (status == AMOUNT_OK)
		return;
	text = DatumGetCString(DirectFunctionCall1(numeric_out, value));
	if (status == AMOUNT_NOT_FINITE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("amount %s is not a finite number", text),
				 errhint("Leave such rows out, or pass NULL, which is skipped.")));
	if (status == AMOUNT_TOO_LARGE)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("amount %s is not below the limit of 10^%d", text,
						UNITS_AMOUNT_DIGITS),
				 errhint("Use a larger unit of money, such as thousands.")));
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("amount %s has more than %d decimal places", text,
					UNITS_MAX_SCALE),
			 errhint("Round it first, for example with round(amount, 2).")));
}

static int
numeric_digit(const NumericParts *parts, int i)
{
	int16		digit;

	memcpy(&digit, parts->digits + i * sizeof(int16), sizeof(int16));
	return digit;
}

/* Takes a stored numeric apart; false if it is no finite number */
static bool
numeric_open(struct varlena *number, NumericParts *parts)
{
	const char *data = VARDATA_ANY(number);
	Size		size = VARSIZE_ANY_EXHDR(number);
	uint16		header = 0;
	Size		header_size = sizeof(uint16);

	if (size >= sizeof(uint16))
		memcpy(&header, data, sizeof(uint16));
	if (size < sizeof(uint16) || (header & SIGN_MASK) == HEADER_SPECIAL)
		return false;
	if (header & HEADER_SHORT)
	{
		parts->negative = (header & SHORT_NEGATIVE) != 0;
		parts->scale = (header & SHORT_SCALE_MASK) >> SHORT_SCALE_SHIFT;
		parts->weight = (int) (header & SHORT_WEIGHT_MASK);
		if (header & SHORT_WEIGHT_MINUS)
			parts->weight -= SHORT_WEIGHT_MASK + 1;
	}
	else
	{
		int16		weight;

		if (size < 2 * sizeof(uint16))
			elog(ERROR, "numeric of %zu bytes has no weight", size);
		memcpy(&weight, data + sizeof(uint16), sizeof(int16));
		header_size += sizeof(int16);
		parts->negative = (header & SIGN_MASK) == SIGN_NEGATIVE;
		parts->scale = header & LONG_SCALE_MASK;
		parts->weight = weight;
	}
	parts->digits = data + header_size;
	parts->ndigits = (size - header_size) / sizeof(int16);
	return true;
}

/*
 * Reads an amount exactly, at its own scale or, when it shows more than six
 * decimal places that are all zero beyond them, at six.
 */
static AmountStatus
amount_read(struct varlena *number, Amount *amount)
{
	NumericParts parts;
	uint64		whole = 0;		/* below 10^16: four digits */
	uint32		millionths = 0;

	if (!numeric_open(number, &parts))
		return AMOUNT_NOT_FINITE;
	if (parts.ndigits > 0 && parts.weight >= 4)
		return AMOUNT_TOO_LARGE;
	for (int i = 0; i <= parts.weight; i++)
		whole = whole * DIGIT_BASE +
			(i < parts.ndigits ? numeric_digit(&parts, i) : 0);
	for (int i = Max(parts.weight + 1, 0); i < parts.ndigits; i++)
	{
		int			place = i - parts.weight;	/* 1: first four decimals */
		int			digit = numeric_digit(&parts, i);

		if (place == 1)
			millionths += digit * 100;
		else if (place == 2 && digit % 100 == 0)
			millionths += digit / 100;
		else if (digit != 0)
			return AMOUNT_TOO_FINE;
	}
	if (whole >= UINT64CONST(1000000000000000))
		return AMOUNT_TOO_LARGE;

	amount->negative = parts.negative;
	amount->scale = Min(parts.scale, UNITS_MAX_SCALE);
	switch (amount->scale)
	{
		case 0:
			amount->units = whole;
			break;
		case 2:					/* money as most keep it: one multiplication */
			amount->units = whole * 100 + millionths / 10000;
			break;
		default:
			amount->units = (Units) whole * units_power_of_ten(amount->scale) +
				millionths / (uint32) units_power_of_ten(UNITS_MAX_SCALE -
														 amount->scale);
	}
	return AMOUNT_OK;
}

/* Reads an amount exactly, or raises the error that says why not */
void
amount_from_numeric(Datum value, Amount *amount)
{
	struct varlena *number = PG_DETOAST_DATUM_PACKED(value);

	amount_raise(amount_read(number, amount), value);
	if ((Pointer) number != DatumGetPointer(value))
		pfree(number);
}

/*
 * The nearest double, as the server's own cast gives it, which goes through
 * text.  Up to 2^53 both numbers of the quotient are exact, so it is the
 * nearest as well.
 */
double
double_from_numeric(Datum value)
{
	Amount		amount;

	if (amount_read(PG_DETOAST_DATUM_PACKED(value), &amount) == AMOUNT_OK &&
		amount.units <= (Units) 1 << 53)
	{
		double		size = (double) (uint64) amount.units /
			(double) (uint64) units_power_of_ten(amount.scale);

		return amount.negative ? -size : size;
	}
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8, value));
}

/* Makes a numeric that shows exactly scale decimal places */
Datum
numeric_from_units(SignedUnits units, int scale)
{
	char		text[UNITS_TEXT_MAX];

	if (units >= PG_INT64_MIN && units <= PG_INT64_MAX)
		return NumericGetDatum(int64_div_fast_to_numeric((int64) units, scale));
	units_print(text, units, scale);
	return DirectFunctionCall3(numeric_in, CStringGetDatum(text),
							   ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

static Datum
numeric_from_text(char *text)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(text),
							   ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

/*
 * The decimal with the fewest digits that is still this double.  The server's
 * own cast keeps fifteen digits, and that of a real six.
 */
PG_FUNCTION_INFO_V1(tiering_shortest_numeric_double);
Datum
tiering_shortest_numeric_double(PG_FUNCTION_ARGS)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(PG_GETARG_FLOAT8(0), text);
	return numeric_from_text(text);
}

/* A real widened to a double would show its binary tail */
PG_FUNCTION_INFO_V1(tiering_shortest_numeric_real);
Datum
tiering_shortest_numeric_real(PG_FUNCTION_ARGS)
{
	char		text[FLOAT_SHORTEST_DECIMAL_LEN];

	float_to_shortest_decimal_buf(PG_GETARG_FLOAT4(0), text);
	return numeric_from_text(text);
}
