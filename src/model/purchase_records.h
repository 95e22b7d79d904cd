/*-------------------------------------------------------------------------
 *
 * purchase_records.h
 *	  Customers with the same record, counted.
 *
 * A million customers have some hundred thousand different records when time
 * is counted in days, so a fit works on those.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_PURCHASE_RECORDS_H
#define MODEL_PURCHASE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/purchase.h"
#include "model/sort.h"

/* Customers of one record */
typedef struct RecordGroup
{
	PurchaseRecord record;
	double		customers;		/* 0 in a free slot */
} RecordGroup;

/* A hash table of groups; the owner allocates the slots */
typedef struct RecordGroups
{
	RecordGroup *slot;			/* zeroed by the owner */
	size_t		slots;			/* a power of two */
	size_t		used;
} RecordGroups;

extern bool records_full(const RecordGroups *groups);
extern void records_add(RecordGroups *groups, const PurchaseRecord *record,
						double customers);
extern void records_copy(RecordGroups *into, const RecordGroups *from);
extern bool records_sorted(const RecordGroups *groups, RecordGroup *sorted,
						   ModelStop stop);

#endif							/* MODEL_PURCHASE_RECORDS_H */
