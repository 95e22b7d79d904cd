/*-------------------------------------------------------------------------
 *
 * fit.h
 *	  Maximum likelihood by Newton's method, over logarithms of parameters.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_FIT_H
#define MODEL_FIT_H

#include <stdbool.h>

#define FIT_MAX		4			/* parameters */
#define FIT_LIMIT	18.0		/* largest logarithm of a parameter, either way */

typedef enum FitStatus
{
	FIT_CONVERGED,				/* the top of the likelihood */
	FIT_RIDGE,					/* other parameters are as good */
	FIT_BOUNDARY,				/* a parameter ran off to zero or infinity */
	FIT_TOO_FEW,				/* nothing to fit */
	FIT_NOT_CONVERGED,			/* the iterations ran out */
	FIT_STOPPED					/* somebody asked to stop */
} FitStatus;

/* Value, gradient and Hessian at a point */
typedef struct FitPoint
{
	double		at[FIT_MAX];	/* logarithms of the parameters */
	double		value;
	double		gradient[FIT_MAX];
	double		hessian[FIT_MAX][FIT_MAX];
} FitPoint;

/*
 * Works out a point, of the mean log-likelihood of an observation, from its
 * at; false to stop.
 */
typedef bool (*FitObjective) (FitPoint *point, void *arg);

typedef struct Fit
{
	int			parameters;
	FitObjective objective;
	void	   *arg;
	double		observations;
	/* what comes of it */
	FitPoint	best;
	double		near[FIT_MAX];	/* where the climb was before it went far off */
	double		log_error[FIT_MAX]; /* standard errors of the logarithms */
	double		log_covariance[FIT_MAX][FIT_MAX];	/* NAN: there is none */
	double		gradient_norm;	/* largest element */
	int			iterations;
	FitStatus	status;
} Fit;

extern bool fit_climb(Fit *fit, const double *start, int iterations);
extern void fit_judge(Fit *fit);
extern const char *fit_status_name(FitStatus status);

#endif							/* MODEL_FIT_H */
