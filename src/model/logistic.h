/*-------------------------------------------------------------------------
 *
 * logistic.h
 *	  Logistic regression by Newton's method, with standard errors.
 *
 * A feature that is missing in some rows has two terms: its value, with the
 * mean where it is missing, and whether it is missing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_LOGISTIC_H
#define MODEL_LOGISTIC_H

#include <stdbool.h>
#include <stddef.h>

#include "model/sort.h"

#define LOGISTIC_INTERCEPT	(-1)

typedef enum LogisticStatus
{
	LOGISTIC_CONVERGED,
	LOGISTIC_SEPARATED,			/* some terms foretell all: no finite best */
	LOGISTIC_TOO_FEW,			/* no rows, or all of one label */
	LOGISTIC_NOT_CONVERGED,
	LOGISTIC_STOPPED			/* somebody asked to stop */
} LogisticStatus;

typedef struct LogisticTerm
{
	int			feature;		/* counted from 0, or LOGISTIC_INTERCEPT */
	bool		is_missing;		/* whether it is missing, and not its value */
	bool		is_aliased;		/* constant, or other terms say the same */
	bool		is_separated;	/* runs off to infinity */
	double		mean;
	double		deviation;		/* 0 for a constant */
	double		coefficient;
	double		standard_error; /* NAN: there is none */
} LogisticTerm;

/* Rows: the label, 0 or 1, and then the features; NAN is missing */
typedef struct LogisticData
{
	const double *rows;
	size_t		count;
	int			features;
} LogisticData;

typedef struct LogisticFit
{
	int			terms;
	LogisticTerm *term;			/* the intercept first */
	double	   *scratch;
	double		penalty;		/* on half the squares of coefficients of
								 * features of deviation 1 */
	/* what comes of it */
	double		positives;
	double		log_likelihood;
	double		null_log_likelihood;
	int			iterations;
	LogisticStatus status;
} LogisticFit;

extern int	logistic_most_terms(int features);
extern size_t logistic_scratch(int features);
extern void logistic_fit(const LogisticData *data, LogisticFit *fit,
						 ModelStop stop);
extern double logistic_log_odds(const LogisticTerm *term, int terms,
								const double *features);
extern const char *logistic_status_name(LogisticStatus status);

#endif							/* MODEL_LOGISTIC_H */
