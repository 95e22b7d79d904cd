/*-------------------------------------------------------------------------
 *
 * clv_outlook.h
 *	  How many purchases may come.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CLV_OUTLOOK_H
#define CLV_OUTLOOK_H

#include "clv_model.h"

/* Chances of 0, 1, 2, ... purchases until the horizon */
typedef struct Outlook
{
	double	   *chance;
	int			count;
} Outlook;

extern Outlook clv_outlook_alive(const ClvModel *model,
								 const PurchaseRecord *record, double t,
								 double outside);
extern Outlook clv_outlook(const ClvModel *model, const PurchaseRecord *record,
						   double t, double outside);

#endif							/* CLV_OUTLOOK_H */
