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
#include "lib/stringinfo.h"

#include "model/logistic.h"
#include "model/trees.h"

#define CLASSIFIER_FEATURES	TREES_FEATURES	/* most */
#define CLASSIFIER_NAME		1024	/* longest name of a feature, in bytes */
#define CLASSIFIER_NUMBER	1e100	/* largest feature, and its square that of a
									 * coefficient: their sums are finite */

typedef struct ClassifierMethod ClassifierMethod;

/* How a feature of a history is told as a reason; of others there is no topic */
typedef struct FeatureTopic
{
	int			topic;
	const char *words;			/* NULL: another feature of the topic tells it */
	int			direction;
} FeatureTopic;

/* Boosted trees, and how they came about */
typedef struct BoostingFit
{
	Forest		forest;			/* without trees: too few rows, or one label */
	double	   *gain;			/* of the loss, by feature */
	double	   *mean;			/* of a feature; NAN: it was missing in all rows */
	double		learning_rate;
	double		l2;
	double		positives;
	double		log_likelihood;
	double		null_log_likelihood;
} BoostingFit;

typedef struct Classifier
{
	const ClassifierMethod *method;
	int			features;
	char	  **name;			/* of features; NULL: they have none */
	FeatureTopic *topic;		/* of features, where it was read */
	bool		takes_asinh;	/* of features, which tames long tails */
	double		rows;			/* that it was fitted to */
	union						/* by method */
	{
		LogisticFit logistic;
		BoostingFit boosting;
	};
} Classifier;

/* What classifier_summary() tells of every kind */
typedef struct ClassifierSummary
{
	const char *status;
	double		positives;
	double		l2;
	double		log_likelihood;
	double		null_log_likelihood;
	int			iterations;
} ClassifierSummary;

/* What tells one kind of classifier from another; features are as transformed */
struct ClassifierMethod
{
	int			number;			/* in the stored bytes */
	const char *name;
	void		(*write) (StringInfo bytes, const Classifier *classifier);
	void		(*read) (StringInfo bytes, Classifier *classifier);
	bool		(*is_fitted) (const Classifier *classifier);
	double		(*log_odds) (const Classifier *classifier, const double *feature);
	/* what features add to the log odds that are expected without them */
	double		(*contributions) (const Classifier *classifier, const double *feature, double *given);
	void		(*importance) (const Classifier *classifier, double *share);
	double		(*usual) (const Classifier *classifier, int feature);
	void		(*summarize) (const Classifier *classifier, ClassifierSummary *summary);
};

extern const ClassifierMethod logistic_method;
extern const ClassifierMethod boosting_method;

extern Datum classifier_make(const Classifier *classifier);
extern const Classifier *classifier_argument(FunctionCallInfo fcinfo,
											 int argument);
extern int	classifier_features(Datum array, int expected, double *into);
extern void classifier_transform(const Classifier *classifier,
								 double *feature, int64 count);
extern char *classifier_feature_name(const Classifier *classifier,
									 int feature);

/* for methods: reading their bytes, of which none is believed */
extern void classifier_refuse(const char *what) pg_attribute_noreturn();
extern double classifier_read_number(StringInfo bytes, bool may_be_missing);
extern double classifier_read_from_0(StringInfo bytes);
extern double classifier_read_count(StringInfo bytes);
extern double classifier_read_up_to(StringInfo bytes, double most);

#endif							/* CLASSIFIER_H */
