/*-------------------------------------------------------------------------
 *
 * purchase.h
 *	  Models of repeat purchases: how often a customer buys, and until when.
 *
 * What is known of a customer is x, the number of repeat purchases, t_x, the
 * time from the first purchase to the last, and T, the time from the first
 * purchase until now.  All models say the same two things: how likely he is
 * still a customer at T, and how he buys from then on if he is.  The second is
 * a process of the same family with other parameters, so a new customer, an
 * old one, a forecast and an interval are all answered by one set of functions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_PURCHASE_H
#define MODEL_PURCHASE_H

#include <stdbool.h>

typedef enum PurchaseKind
{
	PURCHASE_NBD,				/* r, alpha: nobody leaves */
	PURCHASE_BGNBD,				/* r, alpha, a, b */
	PURCHASE_MBGNBD,			/* r, alpha, a, b */
	PURCHASE_PARETO_NBD,		/* r, alpha, s, beta */
	PURCHASE_BGBB,				/* alpha, beta, gamma, delta; time is counted */
	PURCHASE_KINDS
} PurchaseKind;

typedef struct PurchaseModel
{
	PurchaseKind kind;
	double		parameter[4];
} PurchaseModel;

/* What is known of one customer */
typedef struct PurchaseRecord
{
	double		x;
	double		t_x;
	double		T;
} PurchaseRecord;

/*
 * How somebody buys who is a customer now.  R and A are shape and rate of his
 * purchase rate (BG/BB: of his chance to buy); c and d those of what makes him
 * leave.
 */
typedef struct PurchaseProcess
{
	PurchaseKind kind;
	double		R;
	double		A;
	double		c;
	double		d;
} PurchaseProcess;

/* What each kind of model has to say */
typedef struct PurchaseMethods
{
	const char *name;
	int			parameters;
	double		(*log_likelihood) (const double *parameter,
								   const PurchaseRecord *record);
	/* log of the odds that he has left */
	double		(*log_odds_gone) (const double *parameter,
								  const PurchaseRecord *record);
	/* the process after T, and the chance that a new customer has one at all */
	PurchaseProcess (*alive) (const double *parameter,
							  const PurchaseRecord *record);
	double		(*new_customer) (const double *parameter);
	double		(*expected) (const PurchaseProcess *process, double t);
	double		(*none) (const PurchaseProcess *process, double t);
	double		(*probability) (const PurchaseProcess *process, double n,
								double t);
	double		(*discounted) (const PurchaseProcess *process, double t,
							   double rate);
	/* does the sum of all future purchases have a mean? */
	bool		(*is_finite) (const PurchaseProcess *process);
} PurchaseMethods;

extern const PurchaseMethods *const purchase_methods[PURCHASE_KINDS];
extern const PurchaseMethods nbd_methods;
extern const PurchaseMethods bgnbd_methods;
extern const PurchaseMethods mbgnbd_methods;
extern const PurchaseMethods pareto_nbd_methods;
extern const PurchaseMethods bgbb_methods;

extern double purchase_log_likelihood(const PurchaseModel *model,
									  const PurchaseRecord *record);
extern double purchase_p_alive(const PurchaseModel *model,
							   const PurchaseRecord *record);
extern PurchaseProcess purchase_alive(const PurchaseModel *model,
									  const PurchaseRecord *record);
extern double purchase_expected(const PurchaseModel *model,
								const PurchaseRecord *record, double t);
extern double purchase_expected_new(const PurchaseModel *model, double t);
extern double purchase_probability(const PurchaseModel *model, double n,
								   double t);
extern double purchase_p_none(const PurchaseModel *model,
							  const PurchaseRecord *record,
							  double none_if_alive);
extern double purchase_p_silence(const PurchaseModel *model,
								 const PurchaseRecord *record);
extern double purchase_discounted(const PurchaseModel *model,
								  const PurchaseRecord *record, double t,
								  double rate);
extern bool purchase_is_finite(const PurchaseModel *model,
							   const PurchaseRecord *record);

#endif							/* MODEL_PURCHASE_H */
