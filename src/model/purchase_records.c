/*-------------------------------------------------------------------------
 *
 * purchase_records.c
 *	  Customers with the same record, counted.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "model/purchase_records.h"

static uint64_t
mix(uint64_t hash, double value)
{
	uint64_t	bits;

	memcpy(&bits, &value, sizeof(bits));
	hash = (hash ^ bits) * UINT64_C(0x9E3779B97F4A7C15);
	return hash ^ (hash >> 29);
}

/* Must the owner give more slots before another record is added? */
bool
records_full(const RecordGroups *groups)
{
	return groups->used * 3 >= groups->slots * 2;
}

/* Adds customers of a record; there is a free slot */
void
records_add(RecordGroups *groups, const PurchaseRecord *record,
			double customers)
{
	size_t		mask = groups->slots - 1;
	uint64_t	hash = mix(mix(mix(1, record->x), record->t_x), record->T);
	size_t		at = (size_t) (hash ^ (hash >> 32)) & mask;

	while (groups->slot[at].customers > 0)
	{
		RecordGroup *group = &groups->slot[at];

		if (group->record.x == record->x && group->record.t_x == record->t_x &&
			group->record.T == record->T)
		{
			group->customers += customers;
			return;
		}
		at = (at + 1) & mask;
	}
	groups->slot[at].record = *record;
	groups->slot[at].customers = customers;
	groups->used++;
}

/* Adds all customers of one table to another, which has room */
void
records_copy(RecordGroups *into, const RecordGroups *from)
{
	for (size_t i = 0; i < from->slots; i++)
		if (from->slot[i].customers > 0)
			records_add(into, &from->slot[i].record, from->slot[i].customers);
}

/*
 * Lists the groups in an order of their own, by x, T and t_x: sums over them
 * are always the same.  sorted has room for twice as many; false if it was told
 * to stop.
 */
bool
records_sorted(const RecordGroups *groups, RecordGroup *sorted, ModelStop stop)
{
	static const size_t keys[] = {
		offsetof(RecordGroup, record.t_x), offsetof(RecordGroup, record.T),
		offsetof(RecordGroup, record.x)
	};
	size_t		count = 0;

	for (size_t i = 0; i < groups->slots; i++)
		if (groups->slot[i].customers > 0)
			sorted[count++] = groups->slot[i];
	for (int i = 0; i < 3; i++)
		if (!sort_by_key(sorted, sorted + count, count, sizeof(RecordGroup),
						 keys[i], stop))
			return false;
	return true;
}
