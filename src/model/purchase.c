/*-------------------------------------------------------------------------
 *
 * purchase.c
 *	  What follows for every model from the two things that it says.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/purchase.h"
#include "model/special.h"

const PurchaseMethods *const purchase_methods[PURCHASE_KINDS] = {
	[PURCHASE_NBD] = &nbd_methods,
	[PURCHASE_BGNBD] = &bgnbd_methods,
	[PURCHASE_MBGNBD] = &mbgnbd_methods,
	[PURCHASE_PARETO_NBD] = &pareto_nbd_methods,
	[PURCHASE_BGBB] = &bgbb_methods,
};

static const PurchaseRecord nothing_known = {0, 0, 0};

/* The logarithm of a record's probability density */
double
purchase_log_likelihood(const PurchaseModel *model, const PurchaseRecord *record)
{
	return purchase_methods[model->kind]->log_likelihood(model->parameter,
														 record);
}

double
purchase_p_alive(const PurchaseModel *model, const PurchaseRecord *record)
{
	return 1 / (1 + exp(purchase_methods[model->kind]->log_odds_gone(model->parameter,
																	 record)));
}

/* How the customer buys from T on if he is one still */
PurchaseProcess
purchase_alive(const PurchaseModel *model, const PurchaseRecord *record)
{
	return purchase_methods[model->kind]->alive(model->parameter, record);
}

/* Mean number of purchases in the time t after T */
double
purchase_expected(const PurchaseModel *model, const PurchaseRecord *record,
				  double t)
{
	PurchaseProcess process = purchase_alive(model, record);

	return purchase_p_alive(model, record) *
		purchase_methods[model->kind]->expected(&process, t);
}

/* Mean number of repeat purchases in the time t after the first one */
double
purchase_expected_new(const PurchaseModel *model, double t)
{
	const PurchaseMethods *methods = purchase_methods[model->kind];
	PurchaseProcess process = methods->alive(model->parameter, &nothing_known);

	return methods->new_customer(model->parameter) *
		methods->expected(&process, t);
}

/* Chance of n repeat purchases in the time t after the first one */
double
purchase_probability(const PurchaseModel *model, double n, double t)
{
	const PurchaseMethods *methods = purchase_methods[model->kind];
	PurchaseProcess process = methods->alive(model->parameter, &nothing_known);
	double		stays = methods->new_customer(model->parameter);
	double		chance = stays * methods->probability(&process, n, t);

	return n == 0 ? 1 - stays + chance : chance;
}

/* Chance of no purchase in some time after T, given that of one who is alive */
double
purchase_p_none(const PurchaseModel *model, const PurchaseRecord *record,
				double none_if_alive)
{
	double		log_odds = purchase_methods[model->kind]->log_odds_gone(model->parameter,
																		record);

	if (none_if_alive == 1)
		return 1;
	return 1 / (1 + exp(-log_odds)) + none_if_alive / (1 + exp(log_odds));
}

/*
 * Chance that a customer with these purchases until t_x, who is one still, has
 * bought nothing from then to T: by his rate alone, whoever may have left.
 */
double
purchase_p_silence(const PurchaseModel *model, const PurchaseRecord *record)
{
	const double *parameter = model->parameter;
	double		silent = record->T - record->t_x;

	if (model->kind == PURCHASE_BGBB)
		return exp(log_beta_ratio(parameter[0] + record->x,
								  parameter[1] + record->t_x - record->x, silent));
	return exp((parameter[0] + record->x) * log1p(-silent / (parameter[1] + record->T)));
}

/* Purchases in the time t after T, each worth e^(-rate time) of its number */
double
purchase_discounted(const PurchaseModel *model, const PurchaseRecord *record,
					double t, double rate)
{
	PurchaseProcess process = purchase_alive(model, record);

	return purchase_p_alive(model, record) *
		purchase_methods[model->kind]->discounted(&process, t, rate);
}

/* Does the number of all future purchases have a mean? */
bool
purchase_is_finite(const PurchaseModel *model, const PurchaseRecord *record)
{
	PurchaseProcess process = purchase_alive(model, record);

	return purchase_methods[model->kind]->is_finite(&process);
}
