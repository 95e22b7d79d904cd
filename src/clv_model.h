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
#include "access/tupdesc.h"
#include "fmgr.h"
#include "utils/date.h"

#include "model/gamma_gamma.h"
#include "model/purchase.h"

#define CLV_LARGEST		1e9		/* limit of times */
#define CLV_PARAMETER	1e15	/* limit of parameters; a fit's may run far off */
#define CLV_COVARIANCE	16		/* elements of the largest covariance matrix */
#define CLV_MOST		1000000 /* limit of purchases */
#define CLV_OPPORTUNITIES	100000	/* limit of those: each is a step */

/* A unit of time that records and models are counted in */
typedef struct TimeUnit
{
	const char *name;
	double		days;
	double		in_year;
} TimeUnit;

/* What is known of a customer */
typedef struct ClvRecord
{
	PurchaseRecord purchases;
	bool		has_mean;
	double		mean;			/* value of a repeat purchase day */
} ClvRecord;

/* A purchase model that came as an argument */
typedef struct ClvModel
{
	PurchaseModel model;
	const TimeUnit *unit;
	bool		has_covariance;
	double		log_covariance[CLV_COVARIANCE]; /* of parameters' logarithms */
} ClvModel;

/* A model of values that came as an argument */
typedef struct ClvValueModel
{
	GammaGamma	model;
	bool		has_covariance;
	double		log_covariance[9];
} ClvValueModel;

#define KNOWN_VALUES	6		/* most quantities that a call site asks for */

/* Models and a customer, as functions of money have them for first arguments */
typedef struct ClvSubject
{
	const ClvModel *model;
	const ClvValueModel *value;
	PurchaseRecord record;
	double		mean;			/* 0 without a repeat purchase */
} ClvSubject;

/* Values that have been worked out for a process before */
typedef struct KnownValue
{
	PurchaseProcess process;
	double		t;
	double		rate;
	double		value[KNOWN_VALUES];
	bool		used;
} KnownValue;

#define KNOWN_FIRST		64		/* slots, powers of two; most of a shop's customers */
#define KNOWN_MOST		(1 << 18)	/* share a few thousand values */

/* What one call site keeps between rows */
typedef struct ClvCall
{
	TupleDesc	row_type;		/* of the result */
	HeapTupleHeader purchase_row;	/* the model that was read last */
	ClvModel	purchase;
	HeapTupleHeader value_row;
	ClvValueModel value;
	KnownValue *known;			/* open addressing */
	uint32		known_slots;
	uint32		known_used;
	MemoryContext curve_context;
	struct HTAB *curves;		/* of spend */
	double		outside;		/* what an interval left out last, and how many */
	double		deviations;		/* standard deviations that was */
} ClvCall;

/* Quantities of a process, such as its expected purchases */
typedef void (*ProcessQuantities) (const PurchaseProcess *process, double t,
								   double rate, double *value);

extern const TimeUnit *time_unit_named(const char *name);
extern PurchaseKind purchase_kind_of_type(Oid type);
extern ClvCall *clv_call(FunctionCallInfo fcinfo);
extern const ClvModel *clv_purchase_model(FunctionCallInfo fcinfo, int argument);
extern const ClvValueModel *clv_value_model(FunctionCallInfo fcinfo, int argument);
extern void clv_check_parameter(const char *name, double value);
extern void clv_check_record(PurchaseKind kind, const PurchaseRecord *record);
extern PurchaseRecord clv_record(FunctionCallInfo fcinfo, int argument);
extern double clv_horizon(FunctionCallInfo fcinfo, int argument,
						  PurchaseKind kind, bool may_be_infinite);
extern void clv_check_value(int64 x, double mean);
extern void clv_put_number(Datum *values, bool *nulls, int field,
						   double number, bool known);
extern bool clv_summarize(Datum history, DateADT as_of, const TimeUnit *unit,
						  ClvRecord *result);
extern void clv_put_record(Datum *values, bool *nulls, const ClvRecord *record);
extern void clv_put_covariance(Datum *values, bool *nulls, int field,
							   const double *matrix, int width, int n,
							   bool known);
extern bool clv_read_covariance(HeapTupleHeader row, const double *parameter,
								int n, double *log_covariance);
extern bool clv_is_unknown(FunctionCallInfo fcinfo);
extern ClvSubject clv_subject(FunctionCallInfo fcinfo);
extern double clv_margin(FunctionCallInfo fcinfo, int argument);
extern const double *clv_known_values(FunctionCallInfo fcinfo,
									  ProcessQuantities quantities,
									  const PurchaseProcess *process, double t,
									  double rate);
extern void clv_forget_values(ClvCall *call);
extern void clv_forget_curves(ClvCall *call);
extern Datum clv_pair(FunctionCallInfo fcinfo, Datum lower, Datum upper,
					  bool known);
extern double clv_finite(double value, const char *what);
extern double clv_order_value(const ClvValueModel *model, int64 x, double mean);
extern const TimeUnit *clv_model_unit(const ClvModel *model);
extern double clv_discount_rate(FunctionCallInfo fcinfo, int argument,
								const ClvModel *model);
extern double clv_level(FunctionCallInfo fcinfo, int argument);
extern void clv_spend_interval(FunctionCallInfo fcinfo, const ClvModel *model,
							   const GammaGamma *value,
							   const PurchaseRecord *record, double mean,
							   double t, double outside, double bound[2]);

#endif							/* CLV_MODEL_H */
