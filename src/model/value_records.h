/*-------------------------------------------------------------------------
 *
 * value_records.h
 *	  Numbers of purchases and their mean values, in order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_VALUE_RECORDS_H
#define MODEL_VALUE_RECORDS_H

#include <stddef.h>

/* Purchases of a customer and their mean value, both positive */
typedef struct ValueRecord
{
	double		x;
	double		mean;
} ValueRecord;

/* Correlations of number and mean value */
typedef struct ValueCorrelations
{
	double		pearson;
	double		spearman;
} ValueCorrelations;

extern void value_records_sort(ValueRecord *records, size_t count,
							   ValueRecord *scratch);
extern ValueCorrelations value_records_correlate(const ValueRecord *sorted,
												 size_t count,
												 ValueRecord *scratch);

#endif							/* MODEL_VALUE_RECORDS_H */
