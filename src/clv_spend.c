/*-------------------------------------------------------------------------
 *
 * clv_spend.c
 *	  Where the value of a customer's purchases to come will lie.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "clv_outlook.h"
#include "model/spend.h"

#include "compat.h"

#define CURVES_SIZE		(64 * 1024 * 1024)	/* more are not kept */

/* What customers have in common whose curve is the same, of one model */
typedef struct CurveKey
{
	double		x;
	double		T;
	double		t;
	double		outside;		/* of the interval */
} CurveKey;

typedef struct KnownCurve
{
	CurveKey	key;
	bool		is_planned;		/* false: it would take too many nodes */
	SpendCurve	curve;
} KnownCurve;

void
clv_forget_curves(ClvCall *call)
{
	if (call->curve_context != NULL)
		MemoryContextDelete(call->curve_context);
	call->curve_context = NULL;
	call->curves = NULL;
}

/* A table of curves in memory of its own */
static void
make_table(FunctionCallInfo fcinfo, ClvCall *call)
{
	HASHCTL		control = {
		.keysize = sizeof(CurveKey),
		.entrysize = sizeof(KnownCurve)
	};

	call->curve_context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt,
												"curves of spend",
												ALLOCSET_DEFAULT_SIZES);
	control.hcxt = call->curve_context;
	call->curves = hash_create("curves of spend", 256, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Works out the curve of those who are customers still */
static void
make_curve(const ClvModel *model, const GammaGamma *value,
		   const PurchaseRecord *record, const CurveKey *key,
		   KnownCurve *known)
{
	Outlook		outlook = clv_outlook_alive(model, record, key->t,
											key->outside);
	SpendCurve *curve = &known->curve;

	known->is_planned = spend_curve_plan(value, record->x, outlook.chance,
										 outlook.count, key->outside / 2, curve);
	if (known->is_planned && curve->count > 0)
	{
		curve->node = palloc(curve->count * sizeof(SpendNode));
		spend_curve_fill(value, record->x, outlook.chance, outlook.count, curve);
	}
	pfree(outlook.chance);
}

/* The curve for a customer: known, new and kept, or new in the scratch */
static const KnownCurve *
find_curve(FunctionCallInfo fcinfo, const ClvModel *model,
		   const GammaGamma *value, const PurchaseRecord *record, double t,
		   double outside, KnownCurve *scratch)
{
	ClvCall    *call = clv_call(fcinfo);
	CurveKey	key = {record->x, record->T, t, outside};
	KnownCurve *known;

	if (call->curves == NULL)
		make_table(fcinfo, call);
	known = hash_search(call->curves, &key, HASH_FIND, NULL);
	if (known != NULL)
		return known;
	make_curve(model, value, record, &key, scratch);
	if (MemoryContextMemAllocated(call->curve_context, true) >= CURVES_SIZE)
		return scratch;
	known = hash_search(call->curves, &key, HASH_ENTER, NULL);
	known->is_planned = scratch->is_planned;
	known->curve = scratch->curve;
	if (scratch->curve.count > 0)
	{
		/* fewer nodes were needed than there was room for */
		known->curve.node =
			MemoryContextAlloc(call->curve_context,
							   known->curve.count * sizeof(SpendNode));
		memcpy(known->curve.node, scratch->curve.node,
			   known->curve.count * sizeof(SpendNode));
		pfree(scratch->curve.node);
	}
	return known;
}

/* Chance that the purchases until the horizon are worth spend or less */
static double
spend_below(const Outlook *outlook, const GammaGamma *value, double x,
			double mean, double spend)
{
	double		sum = outlook->chance[0];

	for (int n = 1; n < outlook->count; n++)
	{
		CHECK_FOR_INTERRUPTS();
		sum += outlook->chance[n] *
			gamma_gamma_spend_below(value, x, mean, n, spend);
	}
	return sum;
}

/* Narrows a bracket until its ends agree */
static double
bisect_spend(const Outlook *outlook, const GammaGamma *value, double x,
			 double mean, double chance, double low, double high)
{
	for (int i = 0; i < 200 && high - low > 1e-12 * high; i++)
	{
		double		middle = high > 4 * low ? sqrt(low) * sqrt(high)
			: low + (high - low) / 2;

		if (spend_below(outlook, value, x, mean, middle) < chance)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* The spend that is not exceeded with this chance; steps grow until it is between */
static double
spend_quantile(const Outlook *outlook, const GammaGamma *value, double x,
			   double mean, double chance)
{
	double		high = value->v + x * mean;
	double		low = high;

	if (outlook->chance[0] >= chance ||
		spend_below(outlook, value, x, mean, DBL_MIN) >= chance)
		return 0;
	if (spend_below(outlook, value, x, mean, DBL_MAX) < chance)
		clv_finite(INFINITY, "value of the purchases to come");
	for (double factor = 2; spend_below(outlook, value, x, mean, high) < chance;
		 factor *= factor)
	{
		low = high;
		high = Min(high * factor, DBL_MAX);
	}
	for (double factor = 2; spend_below(outlook, value, x, mean, low) >= chance;
		 factor *= factor)
	{
		high = low;
		low = Max(low / factor, DBL_MIN);
	}
	return bisect_spend(outlook, value, x, mean, chance, low, high);
}

/* The spend that is exceeded with this chance, of a customer by chance alive */
static double
curve_quantile(const SpendCurve *curve, double alive, double scale,
			   double above)
{
	if (curve->count == 0 || above >= alive * curve->some)
		return 0;
	return scale * spend_curve_at(curve, above / alive);
}

/* Bounds that leave half of outside on each side; the lower one may be 0 */
void
clv_spend_interval(FunctionCallInfo fcinfo, const ClvModel *model,
				   const GammaGamma *value, const PurchaseRecord *record,
				   double mean, double t, double outside, double bound[2])
{
	KnownCurve	scratch;
	const KnownCurve *known = find_curve(fcinfo, model, value, record, t,
										 outside, &scratch);

	if (known->is_planned)
	{
		double		alive = purchase_p_alive(&model->model, record);
		double		scale = value->v + record->x * mean;

		bound[0] = curve_quantile(&known->curve, alive, scale, 1 - outside / 2);
		bound[1] = curve_quantile(&known->curve, alive, scale, outside / 2);
	}
	else
	{
		Outlook		outlook = clv_outlook(model, record, t, outside);

		bound[0] = spend_quantile(&outlook, value, record->x, mean, outside / 2);
		bound[1] = spend_quantile(&outlook, value, record->x, mean,
								  1 - outside / 2);
		pfree(outlook.chance);
	}
	if (known == &scratch && scratch.curve.count > 0)
		pfree(scratch.curve.node);
}
