/*-------------------------------------------------------------------------
 *
 * top.c
 *	  The best of many, best first.
 *
 *-------------------------------------------------------------------------
 */
#include "model/top.h"

static void
sift_down(ScoredItem *heap, int count, int place)
{
	ScoredItem	moved = heap[place];

	for (;;)
	{
		int			child = 2 * place + 1;

		if (child >= count)
			break;
		if (child + 1 < count && scored_better(heap[child], heap[child + 1]))
			child++;
		if (!scored_better(moved, heap[child]))
			break;
		heap[place] = heap[child];
		place = child;
	}
	heap[place] = moved;
}

static void
sift_up(ScoredItem *heap, int place)
{
	ScoredItem	moved = heap[place];

	while (place > 0 && scored_better(heap[(place - 1) / 2], moved))
	{
		heap[place] = heap[(place - 1) / 2];
		place = (place - 1) / 2;
	}
	heap[place] = moved;
}

void
top_offer(TopItems *top, int32_t item, double score)
{
	ScoredItem	offered = {item, score};

	if (top->count < top->most)
	{
		top->item[top->count] = offered;
		sift_up(top->item, top->count++);
	}
	else if (top->most > 0 && scored_better(offered, top->item[0]))
	{
		top->item[0] = offered;
		sift_down(top->item, top->count, 0);
	}
}

/* Puts the best first; nothing more can be offered then */
void
top_sort(TopItems *top)
{
	for (int last = top->count - 1; last > 0; last--)
	{
		ScoredItem	worst = top->item[0];

		top->item[0] = top->item[last];
		top->item[last] = worst;
		sift_down(top->item, last, 0);
	}
}
