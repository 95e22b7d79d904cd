/*-------------------------------------------------------------------------
 *
 * metrics.h
 *	  How well scores foretell labels.
 *
 * All of them look at groups of rows with one score, so they do not depend on
 * the order of rows, and ties are ties.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_METRICS_H
#define MODEL_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/sort.h"

/* What is known of one row */
typedef struct ScoredRow
{
	double		score;
	double		label;			/* 1 if it came true, 0 if not */
} ScoredRow;

/* Rows of one score */
typedef struct ScoreGroup
{
	double		score;
	double		positives;
	double		negatives;
} ScoreGroup;

/* Groups, lowest score first */
typedef struct ScoreGroups
{
	ScoreGroup *group;
	size_t		count;
	double		positives;		/* in all */
	double		negatives;
} ScoreGroups;

/* Counts at a threshold: at or above it counts as foretold */
typedef struct Confusion
{
	double		true_positives;
	double		false_positives;
	double		true_negatives;
	double		false_negatives;
} Confusion;

/* One of so many bins of about as many rows each */
typedef struct CalibrationBin
{
	double		rows;
	double		lowest;
	double		highest;
	double		mean_score;
	double		positive_share;
} CalibrationBin;

extern size_t metrics_distinct(const ScoredRow *sorted, size_t count);
extern void metrics_group(const ScoredRow *sorted, size_t count,
						  ScoreGroups *groups);
extern bool metrics_auc(const ScoreGroups *groups, double *auc);
extern bool metrics_average_precision(const ScoreGroups *groups,
									  double *precision);
extern bool metrics_log_loss(const ScoreGroups *groups, double *loss);
extern bool metrics_brier(const ScoreGroups *groups, double *loss);
extern bool metrics_lift(const ScoreGroups *groups, double share, double *lift);
extern Confusion metrics_confusion(const ScoreGroups *groups, double threshold);
extern size_t metrics_calibration(const ScoreGroups *groups, size_t bins,
								  CalibrationBin *bin);
extern bool metrics_calibration_line(const ScoreGroups *groups, double *slope,
									 double *intercept);

#endif							/* MODEL_METRICS_H */
