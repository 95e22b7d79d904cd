/*-------------------------------------------------------------------------
 *
 * id_map.h
 *	  Numbers for ids of any type: customers, baskets, items.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ID_MAP_H
#define ID_MAP_H

#include "fmgr.h"

typedef struct IdMap IdMap;

extern IdMap *id_map_new(MemoryContext context, Oid type, Oid collation, const char *role);
extern int	id_map_number(IdMap *map, Datum id);
extern int	id_map_count(const IdMap *map);
extern Size id_map_memory(const IdMap *map);
extern int	id_map_compare(IdMap *map, int a, int b);
extern int32 *id_map_sort(IdMap *map);
extern int	id_map_begin_text(void);
extern char *id_map_text(const IdMap *map, int number);

#endif							/* ID_MAP_H */
