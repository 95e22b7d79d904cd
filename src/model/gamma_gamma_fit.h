/*-------------------------------------------------------------------------
 *
 * gamma_gamma_fit.h
 *	  Fits Gamma-Gamma to the purchases of all customers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_GAMMA_GAMMA_FIT_H
#define MODEL_GAMMA_GAMMA_FIT_H

#include <stddef.h>

#include "model/fit.h"
#include "model/gamma_gamma.h"
#include "model/rfm.h"

/* Purchases of a customer and their mean value, both positive */
typedef struct ValueRecord
{
	double		x;
	double		mean;
} ValueRecord;

typedef struct GammaGammaFit
{
	GammaGamma	model;
	FitStatus	status;
	double		log_likelihood;
	double		standard_error[3];
	double		covariance[3][3];	/* NAN: there is none */
	double		gradient_norm;
	int			iterations;
	double		pearson;		/* of number and mean value of purchases */
	double		spearman;
} GammaGammaFit;

extern void value_records_sort(ValueRecord *records, size_t count);
extern void gamma_gamma_fit(const ValueRecord *sorted, size_t count,
							double *scratch, ModelStop stop,
							GammaGammaFit *result);

#endif							/* MODEL_GAMMA_GAMMA_FIT_H */
