/*-------------------------------------------------------------------------
 *
 * recommender.c
 *	  The type recommender, and those that a session keeps.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "model_bytes.h"
#include "recommender.h"

#include "compat.h"

#define KEPT			2		/* recommenders that a session keeps */

/* --- the type ----------------------------------------------------------------- */

static void
check_recommender(const char *data, int length)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "recommender", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);

	recommender_read(data, length);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}

PG_FUNCTION_INFO_V1(tiering_recommender_in);
Datum
tiering_recommender_in(PG_FUNCTION_ARGS)
{
	return model_in(PG_GETARG_CSTRING(0), "recommender", check_recommender);
}

PG_FUNCTION_INFO_V1(tiering_recommender_recv);
Datum
tiering_recommender_recv(PG_FUNCTION_ARGS)
{
	return model_recv((StringInfo) PG_GETARG_POINTER(0), check_recommender);
}

/* --- use ---------------------------------------------------------------------- */

/* One that was read in this session, told by the hash of all its bytes */
typedef struct Kept
{
	MemoryContext context;
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
	StoredRecommender *stored;	/* NULL: none */
	uint64		used;
} Kept;

static Kept kept[KEPT];
static uint64 uses = 0;

static void
keep(Kept *place, Datum value)
{
	MemoryContext caller;
	struct varlena *plain;

	place->stored = NULL;
	if (place->context == NULL)
		place->context = AllocSetContextCreate(CacheMemoryContext, "customer_tiering recommender", ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(place->context);
	plain = PG_DETOAST_DATUM_PACKED(value);
	caller = MemoryContextSwitchTo(place->context);
	place->stored = recommender_read(VARDATA_ANY(plain), VARSIZE_ANY_EXHDR(plain));
	MemoryContextSwitchTo(caller);
	memcpy(place->hash, VARDATA_ANY(plain) + 1, sizeof(place->hash));
	if ((Pointer) plain != DatumGetPointer(value))
		pfree(plain);
}

/*
 * A recommender, which a session reads once: it takes some milliseconds, and a
 * look at the first bytes of the stored value tells that it is the same.
 */
const StoredRecommender *
recommender_argument(Datum value)
{
	struct varlena *head = PG_DETOAST_DATUM_SLICE(value, 0, RECOMMENDER_HEAD);
	Kept	   *oldest = &kept[0];

	if (VARSIZE_ANY_EXHDR(head) < RECOMMENDER_HEAD)
		recommender_refuse("it is too short");
	for (int i = 0; i < KEPT; i++)
	{
		if (kept[i].stored != NULL && memcmp(kept[i].hash, VARDATA_ANY(head) + 1, sizeof(kept[i].hash)) == 0)
		{
			kept[i].used = ++uses;
			return kept[i].stored;
		}
		if (kept[i].used < oldest->used)
			oldest = &kept[i];
	}
	keep(oldest, value);
	oldest->stored->serial = oldest->used = ++uses;
	return oldest->stored;
}
