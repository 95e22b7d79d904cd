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
#include "model/sort.h"
#include "model/value_records.h"

typedef struct GammaGammaFit
{
	GammaGamma	model;
	FitStatus	status;
	double		log_likelihood;
	double		standard_error[3];
	double		covariance[3][3];	/* NAN: there is none */
	double		gradient_norm;
	int			iterations;
	ValueCorrelations correlation;
} GammaGammaFit;

extern void gamma_gamma_fit(const ValueRecord *sorted, size_t count,
							ValueRecord *scratch, ModelStop stop,
							GammaGammaFit *result);

#endif							/* MODEL_GAMMA_GAMMA_FIT_H */
