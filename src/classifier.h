/*-------------------------------------------------------------------------
 *
 * classifier.h
 *	  The SQL type classifier: a fitted model that gives probabilities.
 *
 * What is stored is a stream of bytes that is the same on every machine, with
 * a checksum.  It is read into a struct before it is used, and nothing in it is
 * believed: it may come from a dump or a client.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CLASSIFIER_H
#define CLASSIFIER_H

#include "fmgr.h"

#include "model/logistic.h"

#define CLASSIFIER_FEATURES	500 /* most */
#define CLASSIFIER_NAME		1024	/* longest name of a feature, in bytes */
#define CLASSIFIER_NUMBER	1e100	/* largest feature, and its square that of a
									 * coefficient: their sums are finite */

typedef enum ClassifierKind
{
	CLASSIFIER_LOGISTIC = 1
} ClassifierKind;

typedef struct Classifier
{
	ClassifierKind kind;
	int			features;
	char	  **name;			/* of features; NULL: they have none */
	bool		takes_asinh;	/* of features, which tames long tails */
	double		rows;			/* that it was fitted to */
	LogisticFit logistic;
} Classifier;

extern Datum classifier_make(const Classifier *classifier);
extern const Classifier *classifier_argument(FunctionCallInfo fcinfo,
											 int argument);
extern int	classifier_features(Datum array, int expected, double *into);
extern void classifier_transform(const Classifier *classifier,
								 double *feature, int64 count);
extern char *classifier_feature_name(const Classifier *classifier,
									 int feature);

#endif							/* CLASSIFIER_H */
