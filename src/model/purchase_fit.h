/*-------------------------------------------------------------------------
 *
 * purchase_fit.h
 *	  Fits a purchase model to the records of all customers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_PURCHASE_FIT_H
#define MODEL_PURCHASE_FIT_H

#include "model/fit.h"
#include "model/purchase_records.h"
#include "model/sort.h"

typedef struct PurchaseFit
{
	PurchaseModel model;
	FitStatus	status;
	double		customers;
	double		log_likelihood;
	double		standard_error[FIT_MAX];
	double		covariance[FIT_MAX][FIT_MAX];	/* NAN: there is none */
	double		gradient_norm;
	int			iterations;
} PurchaseFit;

extern void purchase_fit(PurchaseKind kind, const RecordGroup *groups,
						 size_t count, double penalizer, ModelStop stop,
						 PurchaseFit *result);

#endif							/* MODEL_PURCHASE_FIT_H */
