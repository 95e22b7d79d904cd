/*-------------------------------------------------------------------------
 *
 * recommender.h
 *	  The SQL type recommender: what was learned of items.
 *
 * What is stored is a stream of bytes with its SHA-256.  It is read into a
 * struct before it is used, and nothing in it is believed: it may come from a
 * dump or a client.
 *
 *-------------------------------------------------------------------------
 */
#ifndef RECOMMENDER_H
#define RECOMMENDER_H

#include "fmgr.h"
#include "common/sha2.h"

#include "model/recommend.h"

#define RECOMMENDER_HEAD	(1 + PG_SHA256_DIGEST_LENGTH)	/* bytes that tell one from another */
#define RECOMMENDER_ITEMS	10000000	/* most */
#define RECOMMENDER_ID		1024	/* longest id of an item or a group, in bytes */
#define RECOMMENDER_NUMBER	1e15

/* Names by number, and numbers by the order of names */
typedef struct NameList
{
	char	  **name;			/* NULL: there are none */
	int32	   *sorted;
} NameList;

typedef struct StoredRecommender
{
	Recommender model;
	NameList	item;			/* ids; without any, items are numbers */
	NameList	group;
	uint64		serial;			/* of what the session read */
} StoredRecommender;

extern Datum recommender_make(const StoredRecommender *stored);
extern const StoredRecommender *recommender_argument(Datum value);
extern StoredRecommender *recommender_read(const char *data, int length);
extern int	recommender_name_place(const NameList *list, int count, const char *name);
extern void recommender_refuse(const char *what) pg_attribute_noreturn();

#endif							/* RECOMMENDER_H */
