/*-------------------------------------------------------------------------
 *
 * units_numeric.h
 *	  Between the server's numeric and exact minor units.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNITS_NUMERIC_H
#define UNITS_NUMERIC_H

#include "model/units.h"

/* An amount as it came: its size, its sign, its decimal places */
typedef struct Amount
{
	Units		units;			/* size in minor units, never negative */
	int			scale;			/* decimal places of units */
	bool		negative;		/* a refund */
} Amount;

extern void amount_from_numeric(Datum value, Amount *amount);
extern double double_from_numeric(Datum value);
extern Datum numeric_from_units(SignedUnits units, int scale);

#endif							/* UNITS_NUMERIC_H */
