/*-------------------------------------------------------------------------
 *
 * classifier_fit.h
 *	  What the aggregates that fit classifiers share: rows and options.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CLASSIFIER_FIT_H
#define CLASSIFIER_FIT_H

#include "classifier.h"
#include "gathered_rows.h"

/* An option that is a number */
typedef struct FitOption
{
	const char *name;
	double	   *value;			/* its default, until it is read */
	double		least;
	double		most;
	bool		is_whole;
	const char *hint;
} FitOption;

extern GatheredRows *fit_begin(FunctionCallInfo fcinfo, Classifier *classifier,
							   const FitOption *options, int count);

#endif							/* CLASSIFIER_FIT_H */
