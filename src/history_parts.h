/*-------------------------------------------------------------------------
 *
 * history_parts.h
 *	  Rows laid aside in parts, by a hash, in memory and beyond it on disk.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HISTORY_PARTS_H
#define HISTORY_PARTS_H

#include "storage/buffile.h"

#define PART_COUNT		256		/* a million customers: 4,000 in each */
#define PART_BITS		8
#define PART_BLOCK		BLCKSZ	/* rows are kept in blocks of this size */

/* A block of rows; one row never stands in two blocks */
typedef struct PartBlock
{
	struct PartBlock *next;		/* the block filled before this one */
	Size		used;			/* bytes of data that are filled */
	char		data[FLEXIBLE_ARRAY_MEMBER];
} PartBlock;

#define PART_ROOM		(PART_BLOCK - offsetof(PartBlock, data))

/* One part: rows that share some bits of their hash */
typedef struct Part
{
	PartBlock  *blocks;			/* in memory, newest first */
	int64	   *on_disk;		/* block numbers in the file */
	int			disk_count;		/* how many of them */
	int			disk_room;		/* how many there is room for */
} Part;

typedef struct Parts
{
	MemoryContext context;		/* holds the blocks */
	Size		budget;			/* bytes of blocks to keep in memory */
	Size		kept;			/* bytes of blocks in memory */
	BufFile    *file;			/* NULL until the budget is spent */
	int64		file_blocks;	/* blocks written */
	Part		part[PART_COUNT];
} Parts;

/* Called with each block of a part */
typedef void (*PartVisitor) (const char *data, Size size, void *arg);

extern Parts *parts_begin(Size budget);
extern char *parts_new_room(Parts *parts, int part, Size size);
extern void parts_read(Parts *parts, int part, PartVisitor visit, void *arg);
extern void parts_end(Parts *parts);

/* Room for a row of at most so many bytes at the end of a part */
static inline char *
parts_room(Parts *parts, int part, Size size)
{
	PartBlock  *block = parts->part[part].blocks;

	if (block != NULL && block->used + size <= PART_ROOM)
		return block->data + block->used;
	return parts_new_room(parts, part, size);
}

#endif							/* HISTORY_PARTS_H */
