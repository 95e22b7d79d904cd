/*-------------------------------------------------------------------------
 *
 * climb.h
 *	  Another way to the top of a likelihood, for the tests of fits: Nelder and
 *	  Mead's simplex, which knows values alone.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEST_CLIMB_H
#define TEST_CLIMB_H

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "model/fit.h"

/* The value at logarithms of parameters; to be made large */
typedef double (*ClimbValue) (const double *at, const void *arg);

typedef struct Climb
{
	int			parameters;
	ClimbValue	value;
	const void *arg;
	long		budget;			/* values to work out */
	double		best;
	double		best_at[FIT_MAX];
} Climb;

static sigjmp_buf too_late;

static void
on_alarm(int number)
{
	(void) number;
	siglongjmp(too_late, 1);
}

/* Gives up a call that takes too long: if (begin_limit(5)) { ...; end_limit(); } */
#define begin_limit(seconds) \
	(signal(SIGALRM, on_alarm), alarm(seconds), sigsetjmp(too_late, 1) == 0)
#define end_limit()		alarm(0)

/* A point that nobody can reach is as bad as can be */
static inline double
climb_value(Climb *climb, const double *at)
{
	double		value;

	climb->budget--;
	for (int i = 0; i < climb->parameters; i++)
		if (!(fabs(at[i]) <= FIT_LIMIT))
			return -INFINITY;
	value = climb->value(at, climb->arg);
	if (value > climb->best)
	{
		climb->best = value;
		memcpy(climb->best_at, at, sizeof(double) * climb->parameters);
	}
	return isnan(value) ? -INFINITY : value;
}

/* The point so far beyond the middle of all others, seen from the worst */
static inline double
climb_try(Climb *climb, double corner[][FIT_MAX], int worst, double far,
		  double *tried)
{
	int			n = climb->parameters;

	for (int i = 0; i < n; i++)
	{
		double		middle = 0;

		for (int c = 0; c <= n; c++)
			middle += c == worst ? 0 : corner[c][i] / n;
		tried[i] = middle + far * (middle - corner[worst][i]);
	}
	return climb_value(climb, tried);
}

static inline void
climb_from(Climb *climb, const double *start, double size)
{
	int			n = climb->parameters;
	double		corner[FIT_MAX + 1][FIT_MAX];
	double		value[FIT_MAX + 1];
	long		last = climb->budget / 2;

	for (int c = 0; c <= n; c++)
	{
		memcpy(corner[c], start, sizeof(double) * n);
		if (c > 0)
			corner[c][c - 1] += corner[c][c - 1] > 0 ? -size : size;
		value[c] = climb_value(climb, corner[c]);
	}
	while (climb->budget > last)
	{
		int			high = 0;
		int			low = 0;
		int			next;		/* the worst but one */
		double		tried[FIT_MAX];
		double		further[FIT_MAX];
		double		here;
		double		there;

		for (int c = 1; c <= n; c++)
		{
			high = value[c] > value[high] ? c : high;
			low = value[c] < value[low] ? c : low;
		}
		next = high;
		for (int c = 0; c <= n; c++)
			if (c != low && value[c] < value[next])
				next = c;
		if (value[high] - value[low] < 1e-13 * fabs(value[high]))
			return;
		here = climb_try(climb, corner, low, 1, tried);
		if (here > value[high] &&
			(there = climb_try(climb, corner, low, 2, further)) > here)
		{
			here = there;
			memcpy(tried, further, sizeof(tried));
		}
		else if (here <= value[next])
			here = climb_try(climb, corner, low, here > value[low] ? 0.5 : -0.5,
							 tried);
		if (here > value[low])
		{
			value[low] = here;
			memcpy(corner[low], tried, sizeof(tried));
			continue;
		}
		for (int c = 0; c <= n; c++)
			if (c != high)
			{
				for (int i = 0; i < n; i++)
					corner[c][i] = (corner[c][i] + corner[high][i]) / 2;
				value[c] = climb_value(climb, corner[c]);
			}
	}
}

/* Twice, for a simplex can go flat on its way */
static inline void
climb_again(Climb *climb, const double *start, double size, long budget)
{
	Climb		mine = *climb;

	mine.best = -INFINITY;
	mine.budget = budget;
	climb_from(&mine, start, size);
	if (mine.best > -INFINITY)
		climb_from(&mine, mine.best_at, 0.3);
	if (mine.best > climb->best)
	{
		climb->best = mine.best;
		memcpy(climb->best_at, mine.best_at, sizeof(mine.best_at));
	}
}

#endif							/* TEST_CLIMB_H */
