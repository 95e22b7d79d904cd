/*-------------------------------------------------------------------------
 *
 * history_parts.c
 *	  Rows laid aside in parts, by a hash, in memory and beyond it on disk.
 *
 * Grouping a million customers in one hash table misses the cache with every
 * row.  Laid aside by a few bits of the hash first, each part's customers fit
 * the cache.  Once the budget is spent, full blocks go to a temporary file.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "history_parts.h"

Parts *
parts_begin(Size budget)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "purchase history parts",
												  ALLOCSET_DEFAULT_SIZES);
	Parts	   *parts = MemoryContextAllocZero(context, sizeof(Parts));

	parts->context = context;
	parts->budget = budget;
	return parts;
}

/* Writes a full block to the file and forgets what is in it */
static void
part_spill(Parts *parts, Part *part, PartBlock *block)
{
	if (parts->file == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(parts->context);

		parts->file = BufFileCreateTemp(false);
		MemoryContextSwitchTo(old);
	}
	if (part->disk_count == part->disk_room)
	{
		part->disk_room = Max(16, part->disk_room * 2);
		part->on_disk = part->on_disk == NULL
			? MemoryContextAllocHuge(parts->context,
									 part->disk_room * sizeof(int64))
			: repalloc_huge(part->on_disk, part->disk_room * sizeof(int64));
	}
	BufFileWrite(parts->file, block, PART_BLOCK);
	part->on_disk[part->disk_count++] = parts->file_blocks++;
	block->used = 0;
}

/* The same where the part's last block is full or there is none */
char *
parts_new_room(Parts *parts, int number, Size size)
{
	Part	   *part = &parts->part[number];
	PartBlock  *block = part->blocks;

	if (size > PART_ROOM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("customer id of %zu bytes exceeds the limit of about %d",
						size, PART_BLOCK)));
	if (block != NULL && parts->kept >= parts->budget)
		part_spill(parts, part, block);
	else
	{
		block = MemoryContextAlloc(parts->context, PART_BLOCK);
		block->next = part->blocks;
		block->used = 0;
		part->blocks = block;
		parts->kept += PART_BLOCK;
	}
	return block->data + block->used;
}

/* Shows every block of a part, then gives back its memory */
void
parts_read(Parts *parts, int number, PartVisitor visit, void *arg)
{
	Part	   *part = &parts->part[number];
	PartBlock  *block;
	PGAlignedBlock buffer;

	StaticAssertStmt(sizeof(buffer) == PART_BLOCK,
					 "a part's block is a page of the file");
	for (int i = 0; i < part->disk_count; i++)
	{
		block = (PartBlock *) buffer.data;
		if (BufFileSeekBlock(parts->file, part->on_disk[i]) != 0 ||
			BufFileRead(parts->file, buffer.data, PART_BLOCK) != PART_BLOCK)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read block %lld of a temporary file: %m",
							(long long) part->on_disk[i])));
		visit(block->data, block->used, arg);
	}
	while ((block = part->blocks) != NULL)
	{
		visit(block->data, block->used, arg);
		part->blocks = block->next;
		pfree(block);
	}
}

void
parts_end(Parts *parts)
{
	if (parts->file != NULL)
		BufFileClose(parts->file);
	MemoryContextDelete(parts->context);
}
