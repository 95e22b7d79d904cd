/*-------------------------------------------------------------------------
 *
 * history_groups.h
 *	  Customers and their histories in the making: one part at a time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HISTORY_GROUPS_H
#define HISTORY_GROUPS_H

#include "fmgr.h"

#include "model/history.h"

/* How to handle a customer's id, whatever its type */
typedef struct CustomerKey
{
	Oid			type;			/* of the id */
	Oid			collation;		/* that its comparison uses */
	int16		length;			/* as pg_type.typlen has it */
	bool		by_value;
	bool		plain;			/* an integer: equal if the bits are */
	FmgrInfo	hash;
	FmgrInfo	equal;
} CustomerKey;

/* One customer */
typedef struct HistoryGroup
{
	uint8_t    *bag;			/* purchases so far; NULL in a free slot */
	uint32		room;			/* bytes of bag */
	uint32		hash;			/* of the id */
	Datum		customer;		/* the id */
	int64		rows;			/* source rows that went in */
} HistoryGroup;

typedef struct HistoryGroups
{
	MemoryContext context;		/* of bags and ids; reset with each part */
	const CustomerKey *key;
	HistoryGroup *slot;			/* open addressing */
	uint32		slots;			/* a power of two */
	uint32		used;			/* customers */
	int32		base;			/* day that every entry counts from */
} HistoryGroups;

extern void customer_key_init(CustomerKey *key, Oid type, Oid collation);
extern uint32 customer_key_hash(CustomerKey *key, Datum customer);
extern HistoryGroups *groups_begin(const CustomerKey *key, int32 base);
extern void groups_reset(HistoryGroups *groups);
extern void groups_add(HistoryGroups *groups, uint32 hash, Datum customer,
					   const uint8_t *entry, Size size, int scale, int64 rows);

#endif							/* HISTORY_GROUPS_H */
