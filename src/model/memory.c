/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  Memory that a model may use, up to a limit.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "model/memory.h"

/* array is the address of a pointer of any type, NULL at first; false: refused, and nothing has changed */
bool
memory_resize(ModelMemory *memory, void *array, size_t old_bytes, size_t bytes)
{
	size_t		used = memory->used - old_bytes + bytes;
	void	   *place;

	if (used > memory->most)
	{
		memory->refused = used;
		return false;
	}
	memcpy(&place, array, sizeof(place));
	place = memory->resize(place, bytes > 0 ? bytes : 1);
	if (place == NULL)
	{
		memory->refused = used;
		return false;
	}
	memcpy(array, &place, sizeof(place));
	memory->used = used;
	return true;
}

/* Room for so many elements of a size, and for some more where it had to grow */
bool
memory_room(ModelMemory *memory, void *array, size_t *room, size_t needed, size_t size)
{
	size_t		larger = *room + *room / 2;

	if (needed <= *room)
		return true;
	if (larger < needed)
		larger = needed;
	if (!memory_resize(memory, array, *room * size, larger * size))
		return false;
	*room = larger;
	return true;
}

void
memory_release(ModelMemory *memory, void *array, size_t bytes)
{
	void	   *place;

	memcpy(&place, array, sizeof(place));
	if (place == NULL)
		return;
	memory->release(place);
	memory->used -= bytes;
	place = NULL;
	memcpy(array, &place, sizeof(place));
}
