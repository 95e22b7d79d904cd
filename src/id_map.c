/*-------------------------------------------------------------------------
 *
 * id_map.c
 *	  Numbers for ids of any type: customers, baskets, items.
 *
 * Ids are told apart by the default equality of their type.  They are numbered
 * as they come, and anew by the order of the type once all are there, so that
 * what is made of them does not depend on the order of rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "id_map.h"

#define FIRST_ROOM	1024		/* ids a new map has room for; a power of 2 */
#define MOST_IDS	(1 << 30)

/* A place of the table; the hash is here too, to look no further where it differs */
typedef struct IdSlot
{
	uint32		hash;
	int32		number;			/* -1: free */
} IdSlot;

struct IdMap
{
	MemoryContext context;
	MemoryContext values;		/* of ids that are not passed by value */
	TypeCacheEntry *type;
	Oid			collation;
	FmgrInfo	output;
	int			count;
	int			room;
	Datum	   *id;				/* by number */
	uint32	   *hash;			/* by number */
	IdSlot	   *slot;			/* by hash, 2 * room of them */
};

static void
fill_slots(IdMap *map)
{
	uint32		mask = map->room * 2 - 1;

	memset(map->slot, 0xff, (Size) map->room * 2 * sizeof(IdSlot));
	for (int i = 0; i < map->count; i++)
	{
		uint32		place = map->hash[i] & mask;

		while (map->slot[place].number >= 0)
			place = (place + 1) & mask;
		map->slot[place] = (IdSlot) {map->hash[i], i};
	}
}

/* role is what the ids are, for messages: "customer" */
IdMap *
id_map_new(MemoryContext context, Oid type, Oid collation, const char *role)
{
	IdMap	   *map = MemoryContextAllocZero(context, sizeof(IdMap));
	Oid			output;
	bool		is_varlena;

	map->context = context;
	map->values = AllocSetContextCreate(context, "customer_tiering ids", ALLOCSET_DEFAULT_SIZES);
	map->type = lookup_type_cache(type, TYPECACHE_HASH_PROC_FINFO | TYPECACHE_EQ_OPR_FINFO | TYPECACHE_CMP_PROC_FINFO);
	if (!OidIsValid(map->type->hash_proc_finfo.fn_oid) || !OidIsValid(map->type->eq_opr_finfo.fn_oid) || !OidIsValid(map->type->cmp_proc_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("%s has type %s, whose values cannot be hashed and ordered", role, format_type_be(type)),
				 errhint("Cast it to text.")));
	map->collation = collation;
	getTypeOutputInfo(type, &output, &is_varlena);
	fmgr_info_cxt(output, &map->output, context);
	map->room = FIRST_ROOM;
	map->id = MemoryContextAlloc(context, map->room * sizeof(Datum));
	map->hash = MemoryContextAlloc(context, map->room * sizeof(uint32));
	map->slot = MemoryContextAlloc(context, map->room * 2 * sizeof(IdSlot));
	fill_slots(map);
	return map;
}

static void
make_room(IdMap *map)
{
	if (map->count < map->room)
		return;
	if (map->room >= MOST_IDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are more than %d different ids", MOST_IDS)));
	map->room *= 2;
	map->id = repalloc_huge(map->id, map->room * sizeof(Datum));
	map->hash = repalloc_huge(map->hash, map->room * sizeof(uint32));
	pfree(map->slot);
	map->slot = MemoryContextAllocHuge(map->context, (Size) map->room * 2 * sizeof(IdSlot));
	fill_slots(map);
}

/* A copy that stays, also of one that is out of line or compressed */
static Datum
copy_id(IdMap *map, Datum id)
{
	MemoryContext caller = MemoryContextSwitchTo(map->values);

	if (map->type->typlen == -1)
		id = PointerGetDatum(PG_DETOAST_DATUM_COPY(id));
	else
		id = datumCopy(id, map->type->typbyval, map->type->typlen);
	MemoryContextSwitchTo(caller);
	return id;
}

/* Of equal ids that are written differently, as 1.0 and 1.00, the one whose text is first: no order of rows decides */
static void
keep_first_text(IdMap *map, int number, Datum id)
{
	if (!datum_image_eq(map->id[number], id, map->type->typbyval, map->type->typlen) &&
		strcmp(OutputFunctionCall(&map->output, id), OutputFunctionCall(&map->output, map->id[number])) < 0)
		map->id[number] = copy_id(map, id);
}

/* The number of an id, which is new if it was not there */
int
id_map_number(IdMap *map, Datum id)
{
	/* mixed once more: hashes of types may differ in few bits */
	uint32		hash = murmurhash32(DatumGetUInt32(FunctionCall1Coll(&map->type->hash_proc_finfo, map->collation, id)));
	uint32		place;
	int			number;

	make_room(map);
	for (place = hash & (map->room * 2 - 1); (number = map->slot[place].number) >= 0; place = (place + 1) & (map->room * 2 - 1))
		if (map->slot[place].hash == hash &&
			DatumGetBool(FunctionCall2Coll(&map->type->eq_opr_finfo, map->collation, map->id[number], id)))
		{
			keep_first_text(map, number, id);
			return number;
		}
	map->id[map->count] = copy_id(map, id);
	map->hash[map->count] = hash;
	map->slot[place] = (IdSlot) {hash, map->count};
	return map->count++;
}

int
id_map_count(const IdMap *map)
{
	return map->count;
}

Size
id_map_memory(const IdMap *map)
{
	return (Size) map->room * (sizeof(Datum) + sizeof(uint32) + 2 * sizeof(IdSlot)) + MemoryContextMemAllocated(map->values, true);
}

/* Which of two stands first, by the order of their type */
int
id_map_compare(IdMap *map, int a, int b)
{
	return DatumGetInt32(FunctionCall2Coll(&map->type->cmp_proc_finfo, map->collation, map->id[a], map->id[b]));
}

static int
compare_numbers(const void *a, const void *b, void *argument)
{
	CHECK_FOR_INTERRUPTS();
	return id_map_compare(argument, *(const int32 *) a, *(const int32 *) b);
}

/* Numbers ids anew by their order; the result tells the new number of each old one */
int32 *
id_map_sort(IdMap *map)
{
	int32	   *order = MemoryContextAllocHuge(map->context, Max(map->count, 1) * sizeof(int32));
	int32	   *renumbered = MemoryContextAllocHuge(map->context, Max(map->count, 1) * sizeof(int32));
	Datum	   *id = MemoryContextAllocHuge(map->context, (Size) map->room * sizeof(Datum));
	uint32	   *hash = MemoryContextAllocHuge(map->context, (Size) map->room * sizeof(uint32));

	for (int i = 0; i < map->count; i++)
		order[i] = i;
	qsort_arg(order, map->count, sizeof(int32), compare_numbers, map);
	for (int i = 0; i < map->count; i++)
	{
		renumbered[order[i]] = i;
		id[i] = map->id[order[i]];
		hash[i] = map->hash[order[i]];
	}
	pfree(order);
	pfree(map->id);
	pfree(map->hash);
	map->id = id;
	map->hash = hash;
	fill_slots(map);
	return renumbered;
}

/*
 * Has values written in one way whatever the session asks for, as pg_dump has;
 * until AtEOXact_GUC(true, result).
 */
int
id_map_begin_text(void)
{
	static const char *const setting[][2] = {
		{"datestyle", "ISO, YMD"}, {"intervalstyle", "postgres"}, {"extra_float_digits", "1"}, {"bytea_output", "hex"}
	};
	int			nest = NewGUCNestLevel();

	for (int i = 0; i < lengthof(setting); i++)
		set_config_option(setting[i][0], setting[i][1], PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return nest;
}

char *
id_map_text(const IdMap *map, int number)
{
	return OutputFunctionCall((FmgrInfo *) &map->output, map->id[number]);
}
