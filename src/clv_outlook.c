/*-------------------------------------------------------------------------
 *
 * clv_outlook.c
 *	  How many purchases may come.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "clv_outlook.h"
#include "row_type.h"

#include "compat.h"

#define NEGLIGIBLE		1e-6	/* share of the outside that more purchases are */

/*
 * The chances of a customer still, up to where the rest is negligible for an
 * interval that leaves so much outside.
 */
Outlook
clv_outlook_alive(const ClvModel *model, const PurchaseRecord *record, double t,
				  double outside)
{
	const double negligible = Max(NEGLIGIBLE * outside, 1e-14);
	const PurchaseMethods *methods = purchase_methods[model->model.kind];
	PurchaseProcess process = purchase_alive(&model->model, record);
	int			room = 64;
	Outlook		outlook = {palloc(room * sizeof(double)), 1};
	double		rest;

	outlook.chance[0] = t == 0 ? 1 : methods->none(&process, t);
	rest = 1 - outlook.chance[0];
	while (rest > negligible && t > 0 &&
		   (model->model.kind != PURCHASE_BGBB || outlook.count <= t))
	{
		CHECK_FOR_INTERRUPTS();
		if (outlook.count == CLV_MOST)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("more than %d purchases until the horizon are not unlikely enough",
							CLV_MOST),
					 errhint("Pass a shorter horizon.")));
		if (outlook.count == room)
		{
			room *= 2;
			outlook.chance = repalloc(outlook.chance, room * sizeof(double));
		}
		outlook.chance[outlook.count] =
			methods->probability(&process, outlook.count, t);
		rest -= outlook.chance[outlook.count++];
	}
	return outlook;
}

/* The chances of one who may have left */
Outlook
clv_outlook(const ClvModel *model, const PurchaseRecord *record, double t,
			double outside)
{
	Outlook		outlook = clv_outlook_alive(model, record, t, outside);
	double		alive = purchase_p_alive(&model->model, record);

	outlook.chance[0] = purchase_p_none(&model->model, record,
										outlook.chance[0]);
	for (int n = 1; n < outlook.count; n++)
		outlook.chance[n] *= alive;
	return outlook;
}
