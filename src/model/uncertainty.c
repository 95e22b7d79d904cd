/*-------------------------------------------------------------------------
 *
 * uncertainty.c
 *	  How sure an expected value is, since parameters are estimates.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/uncertainty.h"

#define STEP	1e-6			/* of a logarithm: so are the errors of slopes */

/* Number i of what a process is made of, as a share of which it is moved */
static double *
process_part(PurchaseProcess *process, int i)
{
	double	   *const part[FIT_MAX] = {
		&process->R, &process->A, &process->c, &process->d
	};

	return part[i];
}

/* d log(discounted purchases) / d log of each number of a process */
void
discounted_slopes(const PurchaseProcess *process, double t, double rate,
				  double slope[FIT_MAX])
{
	const PurchaseMethods *methods = purchase_methods[process->kind];
	double		here = methods->discounted(process, t, rate);

	for (int i = 0; i < FIT_MAX; i++)
	{
		PurchaseProcess moved = *process;

		slope[i] = 0;
		if (i >= methods->parameters || here == 0)
			continue;
		*process_part(&moved, i) *= 1 + STEP;
		slope[i] = (methods->discounted(&moved, t, rate) / here - 1) / STEP;
	}
}

/* d log P(alive) / d log of each parameter */
static void
p_alive_slopes(const PurchaseModel *model, const PurchaseRecord *record,
			   double slope[FIT_MAX])
{
	const PurchaseMethods *methods = purchase_methods[model->kind];
	double		here = methods->log_odds_gone(model->parameter, record);
	double		gone = 1 / (1 + exp(-here));

	for (int i = 0; i < FIT_MAX; i++)
	{
		PurchaseModel moved = *model;

		slope[i] = 0;
		if (i >= methods->parameters || gone == 0)
			continue;
		moved.parameter[i] *= 1 + STEP;
		slope[i] = -gone *
			(methods->log_odds_gone(moved.parameter, record) - here) / STEP;
	}
}

/*
 * d log(expected purchases) / d log of each parameter, from the slopes of the
 * process.  Each number of a process is a parameter and what is known.
 */
void
expected_slopes(const PurchaseModel *model, const PurchaseRecord *record,
				const double of_process[FIT_MAX], double slope[FIT_MAX])
{
	PurchaseProcess process = purchase_alive(model, record);

	p_alive_slopes(model, record, slope);
	for (int i = 0; i < purchase_methods[model->kind]->parameters; i++)
		slope[i] += of_process[i] * model->parameter[i] /
			*process_part(&process, i);
}

/* d log(expected order value) / d log of p, q and v */
void
order_value_slopes(const GammaGamma *value, double x, double mean,
				   double slope[3])
{
	double		shape = value->p * x + value->q - 1;

	slope[0] = 1 - value->p * x / shape;
	slope[1] = -value->q / shape;
	slope[2] = value->v / (value->v + x * mean);
}

/* The variance of a logarithm with these slopes */
double
variance_along(const double *slope, const double *covariance, int n)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			sum += slope[i] * slope[j] * covariance[i * n + j];
	return fmax(sum, 0);
}
