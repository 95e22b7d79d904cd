/*-------------------------------------------------------------------------
 *
 * events.h
 *	  Who had to do with what, and when: the rows of a query.
 *
 *-------------------------------------------------------------------------
 */
#ifndef EVENTS_H
#define EVENTS_H

#include "fmgr.h"
#include "utils/date.h"
#include "utils/jsonb.h"

#include "id_map.h"
#include "model/interactions.h"

/* What the rows are made of, and how they count */
typedef struct EventOptions
{
	const char *who;			/* role of the first column, for messages: "basket" */
	bool		any_order;		/* customers may be numbered in any order: as they come */
	bool		takes_more;		/* columns weight, day, event, group and bought */
	bool		needs_days;
	bool		numbered;		/* items are numbers from 1 on, and stay so */
	DateADT		as_of;			/* later rows do not count; DATEVAL_NOEND: all do */
	Jsonb	   *event_weights;	/* of kinds of events; NULL: they count alike */
	Size		most_memory;	/* bytes */
} EventOptions;

/* Rows with a customer and an item, both numbered by their order */
typedef struct Events
{
	IdMap	   *customers;
	IdMap	   *items;			/* NULL: they are numbered */
	int			customer_count;
	int			item_count;
	int64		count;
	int64		room;
	int32	   *customer;
	int32	   *item;
	double	   *weight;
	bool	   *bought;			/* is it a purchase?  NULL: each row is */
	DateADT    *day;			/* NULL: the query has no days */
	DateADT		as_of;			/* the day of the options, or that of the last row */
	IdMap	   *groups;			/* of customers; NULL: the query has none */
	int32	   *group;			/* of customers; -1: none */
	int64		left_out;		/* rows without a customer or an item */
	MemoryContext context;
} Events;

extern Events *events_read(const char *query, const EventOptions *options);
extern Size events_memory(const Events *events);
extern Interactions *events_interactions(const Events *events, double half_life, double most, Size most_memory);
extern Interactions *interactions_turned(const Interactions *matrix);
extern void events_check_memory(Size needed, Size most, const char *what);
extern Size events_memory_argument(int megabytes);

#endif							/* EVENTS_H */
