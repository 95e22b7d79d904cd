/*-------------------------------------------------------------------------
 *
 * memory.h
 *	  Memory that a model may use, up to a limit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_MEMORY_H
#define MODEL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Where memory comes from; whoever gives it frees what is left in the end */
typedef struct ModelMemory
{
	void	   *(*resize) (void *old, size_t bytes);	/* old may be NULL */
	void		(*release) (void *old);
	size_t		most;			/* bytes */
	size_t		used;
	size_t		refused;		/* bytes that would have been needed; 0: nothing was refused */
} ModelMemory;

extern bool memory_resize(ModelMemory *memory, void *array, size_t old_bytes, size_t bytes);
extern bool memory_room(ModelMemory *memory, void *array, size_t *room, size_t needed, size_t size);
extern void memory_release(ModelMemory *memory, void *array, size_t bytes);

#endif							/* MODEL_MEMORY_H */
