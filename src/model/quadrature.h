/*-------------------------------------------------------------------------
 *
 * quadrature.h
 *	  Integrals of positive functions with one peak, given by their logarithm.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_QUADRATURE_H
#define MODEL_QUADRATURE_H

#include <stdbool.h>
#include <stddef.h>

#define QUADRATURE_MAX	4096	/* nodes that a rule has room for */
#define PANEL_POINTS	16		/* in each panel of a rule */

/* The logarithm of the function at u; concave in u */
typedef double (*LogDensity) (double u, const void *arg);

/* One node of a rule made for one function */
typedef struct QuadratureNode
{
	double		u;
	double		weight;			/* of the function's value, e^-peak times */
} QuadratureNode;

/* What is integrated, and where */
typedef struct Quadrature
{
	LogDensity	density;
	const void *arg;
	double		low;			/* -INFINITY for none */
	double		high;			/* INFINITY for none */
	double		start;			/* a guess of where the peak is */
	bool		start_is_peak;
	double		first_step;		/* length of the first panels; 0: the longest */
	double		smooth_below;	/* outside of these the function has no */
	double		smooth_above;	/* features: steps may grow there */
} Quadrature;

/* A rule; log of the integral = peak + log(sum of weights) */
typedef struct QuadratureRule
{
	double		peak;
	double		sum;
	size_t		count;
	QuadratureNode node[QUADRATURE_MAX];
} QuadratureRule;

/* Adds what is between two points to a sum, the function divided by e^peak */
typedef void (*AddPanel) (const Quadrature *what, double from, double to,
						  double peak, void *into);

extern void quadrature_points(double from, double to, int points, double *u,
							  double *weight);
extern double quadrature_panels(const Quadrature *what, AddPanel add_panel,
								void *into);
extern void quadrature_rule(const Quadrature *what, QuadratureRule *rule);
extern double quadrature_log(const Quadrature *what);
extern double quadrature_even(double (*function) (double u, const void *arg),
							  const void *arg, double high, size_t panels);

#endif							/* MODEL_QUADRATURE_H */
