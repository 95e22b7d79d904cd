/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Differences between the server's major versions, 15 to 18.
 *
 *-------------------------------------------------------------------------
 */
#ifndef COMPAT_H
#define COMPAT_H

/* the VARDATA family has moved out of postgres.h */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* ownership of any object is asked for by one function now */
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_class.h"
#include "utils/acl.h"
#define OWNS_RELATION(relid) \
	object_ownercheck(RelationRelationId, (relid), GetUserId())
#else
#define OWNS_RELATION(relid) pg_class_ownercheck((relid), GetUserId())
#endif

#endif							/* COMPAT_H */
