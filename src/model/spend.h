/*-------------------------------------------------------------------------
 *
 * spend.h
 *	  How the value of all purchases to come is distributed.
 *
 * Customers with the same number of purchases in the same time differ in their
 * mean value and in whether they are customers still; the first is a factor,
 * the second a chance of nothing at all.  What is left is one curve for all of
 * them: the chance that one who is a customer spends more than y times his
 * scale, v + x times his mean value.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_SPEND_H
#define MODEL_SPEND_H

#include <stdbool.h>
#include <stddef.h>

#include "model/gamma_gamma.h"

#define SPEND_NODES		4096	/* most nodes of a curve */
#define SPEND_WORK		4e6		/* nodes times purchases: some 50 ms */

/* The curve at one u = log y */
typedef struct SpendNode
{
	double		above;			/* chance of more */
	double		density;		/* of u */
} SpendNode;

/* Nodes at even distances, from all to what will not be asked for */
typedef struct SpendCurve
{
	double		some;			/* chance of any purchase */
	double		least;			/* smallest tail that will be asked for */
	double		from;			/* u of the first node */
	double		step;
	size_t		count;
	SpendNode  *node;
} SpendCurve;

extern bool spend_curve_plan(const GammaGamma *value, double x,
							 const double *chance, size_t count,
							 double least, SpendCurve *curve);
extern void spend_curve_fill(const GammaGamma *value, double x,
							 double *chance, size_t count, SpendCurve *curve);
extern double spend_curve_at(const SpendCurve *curve, double above);

#endif							/* MODEL_SPEND_H */
