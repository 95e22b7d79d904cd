/*-------------------------------------------------------------------------
 *
 * units.h
 *	  Money as a whole number of minor units at a decimal scale.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_UNITS_H
#define MODEL_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* aligned to 8 bytes, which is all that the server's allocator promises */
typedef unsigned __int128 Units __attribute__((aligned(8)));
typedef __int128 SignedUnits __attribute__((aligned(8)));

#define UNITS_MAX_SCALE		6	/* decimal places */
#define UNITS_AMOUNT_DIGITS	15	/* an amount is below 10^15 */
#define UNITS_DAY_DIGITS	24	/* a day's money is below 10^24 */
#define UNITS_TEXT_MAX		48	/* longest text of a total, with sign and NUL */

extern Units units_power_of_ten(int exponent);
extern Units units_limit(int digits, int scale);
extern size_t units_print(char *out, SignedUnits units, int scale);
extern const char *units_parse(const char *text, int scale, Units *units);

#endif							/* MODEL_UNITS_H */
