/*-------------------------------------------------------------------------
 *
 * history_groups.c
 *	  Customers and their histories in the making: one part at a time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "history.h"
#include "history_groups.h"

#include "compat.h"

#define BAG_SMALLEST	96		/* bytes of a new bag */
#define BAG_PLAIN		768		/* up to here a bag grows without being sorted */
#define SLOTS_SMALLEST	1024

/* Finds out how to hash and compare ids of a type */
void
customer_key_init(CustomerKey *key, Oid type, Oid collation)
{
	TypeCacheEntry *entry = lookup_type_cache(type,
											  TYPECACHE_HASH_PROC_FINFO |
											  TYPECACHE_EQ_OPR_FINFO);

	if (!OidIsValid(entry->hash_proc_finfo.fn_oid) ||
		!OidIsValid(entry->eq_opr_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("customer id of type %s cannot be grouped",
						format_type_be(type)),
				 errhint("Cast it to a type that can be hashed, such as text.")));
	key->type = type;
	key->collation = collation;
	key->length = entry->typlen;
	key->by_value = entry->typbyval;
	key->plain = type == INT8OID || type == INT4OID || type == INT2OID;
	fmgr_info_copy(&key->hash, &entry->hash_proc_finfo, CurrentMemoryContext);
	fmgr_info_copy(&key->equal, &entry->eq_opr_finfo, CurrentMemoryContext);
}

uint32
customer_key_hash(CustomerKey *key, Datum customer)
{
	if (key->plain)
	{
		uint64		bits = DatumGetUInt64(customer);

		return murmurhash32((uint32) bits) ^
			murmurhash32((uint32) (bits >> 32) + 1);
	}
	return murmurhash32(DatumGetUInt32(FunctionCall1Coll(&key->hash,
														 key->collation,
														 customer)));
}

static HistoryGroup *
slots_alloc(uint32 slots)
{
	return palloc_extended((Size) slots * sizeof(HistoryGroup),
						   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

HistoryGroups *
groups_begin(const CustomerKey *key, int32 base)
{
	HistoryGroups *groups = palloc0(sizeof(HistoryGroups));

	groups->context = AllocSetContextCreate(CurrentMemoryContext,
											"purchase history groups",
											ALLOCSET_DEFAULT_SIZES);
	groups->key = key;
	groups->base = base;
	groups->slots = SLOTS_SMALLEST;
	groups->slot = slots_alloc(groups->slots);
	return groups;
}

/* Forgets the customers */
void
groups_reset(HistoryGroups *groups)
{
	MemoryContextReset(groups->context);
	memset(groups->slot, 0, (Size) groups->slots * sizeof(HistoryGroup));
	groups->used = 0;
}

static bool
same_customer(const HistoryGroups *groups, Datum a, Datum b)
{
	CustomerKey *key = unconstify(CustomerKey *, groups->key);

	if (key->plain)
		return a == b;
	return DatumGetBool(FunctionCall2Coll(&key->equal, key->collation, a, b));
}

/* The slot of a customer, or the free one where it belongs */
static HistoryGroup *
find_slot(HistoryGroups *groups, uint32 hash, Datum customer)
{
	uint32		mask = groups->slots - 1;

	for (uint32 at = hash & mask;; at = (at + 1) & mask)
	{
		HistoryGroup *group = &groups->slot[at];

		if (group->bag == NULL ||
			(group->hash == hash &&
			 same_customer(groups, group->customer, customer)))
			return group;
	}
}

/* Doubles the slots when half of them are taken */
static void
make_room(HistoryGroups *groups)
{
	HistoryGroup *old = groups->slot;
	uint32		old_slots = groups->slots;

	groups->slots *= 2;
	groups->slot = slots_alloc(groups->slots);
	for (uint32 i = 0; i < old_slots; i++)
	{
		uint32		at = old[i].hash & (groups->slots - 1);

		if (old[i].bag == NULL)
			continue;
		while (groups->slot[at].bag != NULL)
			at = (at + 1) & (groups->slots - 1);
		groups->slot[at] = old[i];
	}
	pfree(old);
}

/* Gives a bag twice the room; a small old one goes with the part's memory */
static void
bag_grow(HistoryGroups *groups, HistoryGroup *group)
{
	uint8_t    *larger = MemoryContextAllocHuge(groups->context,
												group->room * 2);

	memcpy(larger, group->bag, bag_used(group->bag));
	if (group->room > BAG_PLAIN)
		pfree(group->bag);
	group->bag = larger;
	group->room *= 2;
}

/*
 * Puts a bag in order together with one more entry, which may have another
 * scale, growing it as needed.
 */
static void
bag_rebuild(HistoryGroups *groups, HistoryGroup *group, const uint8_t *entry,
			Size size, int scale)
{
	Size		used = bag_used(group->bag);
	int			bag_places = bag_scale(group->bag);
	int			both = Max(scale, bag_places);
	uint8_t		alone[sizeof(HistoryBag) + HISTORY_ENTRY_MAX];
	HistoryDay *days;
	size_t		count;
	size_t		one;
	size_t		added;

	days = palloc_extended((bag_max_days(used) + sizeof(alone)) *
						   sizeof(HistoryDay), MCXT_ALLOC_HUGE);
	history_raise(bag_days(group->bag, used, days, &count));
	history_rescale(days, count, both - bag_places);
	bag_init(alone, scale, groups->base);
	(void) bag_append(alone, sizeof(alone), entry, size);
	history_raise(bag_days(alone, bag_used(alone), days + count, &one));
	history_rescale(days + count, one, both - scale);
	count += one;
	history_raise(history_put_in_order(days, &count, both));
	for (;;)
	{
		bag_init(group->bag, both, groups->base);
		added = 0;
		while (added < count && bag_add(group->bag, group->room, &days[added]))
			added++;
		if (added == count && bag_used(group->bag) <= group->room / 4 * 3)
			break;
		bag_grow(groups, group);
	}
	pfree(days);
}

/* Makes a free slot the one of a new customer */
static HistoryGroup *
new_group(HistoryGroups *groups, HistoryGroup *group, uint32 hash,
		  Datum customer, int scale)
{
	MemoryContext old;

	if (groups->used >= groups->slots / 2)
	{
		make_room(groups);
		group = find_slot(groups, hash, customer);
	}
	old = MemoryContextSwitchTo(groups->context);
	group->hash = hash;
	group->customer = datumCopy(customer, groups->key->by_value,
								groups->key->length);
	group->rows = 0;
	group->room = BAG_SMALLEST;
	group->bag = palloc(group->room);
	MemoryContextSwitchTo(old);
	bag_init(group->bag, scale, groups->base);
	groups->used++;
	return group;
}

/* Adds an entry to a customer, who may be new */
void
groups_add(HistoryGroups *groups, uint32 hash, Datum customer,
		   const uint8_t *entry, Size size, int scale, int64 rows)
{
	HistoryGroup *group = find_slot(groups, hash, customer);

	if (group->bag == NULL)
		group = new_group(groups, group, hash, customer, scale);
	if (unlikely(pg_add_s64_overflow(group->rows, rows, &group->rows)))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("source rows of one customer exceed the limit of a bigint")));
	if (scale == bag_scale(group->bag))
	{
		if (bag_append(group->bag, group->room, entry, size))
			return;
		if (group->room <= BAG_PLAIN)
		{
			bag_grow(groups, group);
			if (bag_append(group->bag, group->room, entry, size))
				return;
		}
	}
	bag_rebuild(groups, group, entry, size, scale);
}
