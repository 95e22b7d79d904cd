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
#include "fit_options.h"
#include "gathered_rows.h"

extern GatheredRows *fit_begin(FunctionCallInfo fcinfo, Classifier *classifier,
							   const FitOption *options, int count);

#endif							/* CLASSIFIER_FIT_H */
