/*-------------------------------------------------------------------------
 *
 * clv_model.h
 *	  Models as SQL values, and what the functions that take them share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CLV_MODEL_H
#define CLV_MODEL_H

#include "access/htup.h"
#include "fmgr.h"

#include "model/gamma_gamma.h"
#include "model/purchase.h"

#define CLV_LARGEST		1e9		/* limit of times */
#define CLV_PARAMETER	1e15	/* limit of parameters; a fit's may run far off */
#define CLV_MOST		1000000 /* limit of purchases and opportunities */

/* A unit of time that records and models are counted in */
typedef struct TimeUnit
{
	const char *name;
	double		days;
	double		in_year;
} TimeUnit;

/* A purchase model that came as an argument */
typedef struct ClvModel
{
	PurchaseModel model;
	const TimeUnit *unit;
} ClvModel;

/* A value that has been worked out for a process before */
typedef struct KnownValue
{
	PurchaseProcess process;
	double		t;
	double		rate;
	double		value;
	bool		used;
} KnownValue;

#define KNOWN_FIRST		64		/* slots, powers of two; most of a shop's customers */
#define KNOWN_MOST		(1 << 18)	/* share a few thousand values */

/* What one call site keeps between rows */
typedef struct ClvCall
{
	HeapTupleHeader purchase_row;	/* the model that was read last */
	ClvModel	purchase;
	HeapTupleHeader value_row;
	GammaGamma	value;
	KnownValue *known;			/* open addressing */
	uint32		known_slots;
	uint32		known_used;
} ClvCall;

/* A quantity of a process, such as its expected purchases */
typedef double (*ProcessQuantity) (const PurchaseProcess *process, double t,
								   double rate);

extern const TimeUnit *time_unit_named(const char *name);
extern PurchaseKind purchase_kind_of_type(Oid type);
extern ClvCall *clv_call(FunctionCallInfo fcinfo);
extern const ClvModel *clv_purchase_model(FunctionCallInfo fcinfo, int argument);
extern const GammaGamma *clv_value_model(FunctionCallInfo fcinfo, int argument);
extern void clv_check_parameter(const char *name, double value);
extern void clv_check_record(PurchaseKind kind, const PurchaseRecord *record);
extern PurchaseRecord clv_record(FunctionCallInfo fcinfo, int argument);
extern double clv_horizon(FunctionCallInfo fcinfo, int argument,
						  PurchaseKind kind, bool may_be_infinite);
extern void clv_check_value(int32 x, double mean);
extern void clv_put_number(Datum *values, bool *nulls, int field,
						   double number, bool known);
extern bool clv_is_unknown(FunctionCallInfo fcinfo);
extern double clv_margin(FunctionCallInfo fcinfo, int argument);
extern double clv_known_value(FunctionCallInfo fcinfo, ProcessQuantity quantity,
							  const PurchaseProcess *process, double t,
							  double rate);

#endif							/* CLV_MODEL_H */
