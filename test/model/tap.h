/*-------------------------------------------------------------------------
 *
 * tap.h
 *	  What the model tests share: TAP output and seeded random numbers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_TAP_H
#define TEST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int	tap_count = 0;
static int	tap_failed = 0;
static uint64_t random_state = 1;

/* One test; its name says why it should pass */
__attribute__((format(printf, 2, 3)))
static inline bool
ok(bool passed, const char *name,...)
{
	va_list		args;

	printf("%sok %d - ", passed ? "" : "not ", ++tap_count);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	if (!passed)
		tap_failed++;
	return passed;
}

/* The plan comes last, so a program that breaks off has none */
static inline int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed == 0 ? 0 : 1;
}

/* The seed comes from the environment: SEED=n repeats a run */
static inline void
random_begin(void)
{
	const char *seed = getenv("SEED");

	random_state = seed != NULL ? strtoull(seed, NULL, 10) : 20260101;
	printf("# SEED=%llu\n", (unsigned long long) random_state);
}

/* splitmix64 */
static inline uint64_t
random64(void)
{
	uint64_t	z = (random_state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* 0 <= result < below */
static inline uint64_t
random_below(uint64_t below)
{
	return random64() % below;
}

/* So many rounds at full size; CHECK_SHARE makes them fewer */
static inline long
rounds(long full)
{
	const char *share = getenv("CHECK_SHARE");
	double		number = full * (share != NULL ? atof(share) : 0.1);

	return number < 1 ? 1 : (long) number;
}

#endif							/* TEST_TAP_H */
