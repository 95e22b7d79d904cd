/*-------------------------------------------------------------------------
 *
 * history_receive.h
 *	  The rows of a query, laid aside by the customer's hash.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HISTORY_RECEIVE_H
#define HISTORY_RECEIVE_H

#include "history_groups.h"
#include "history_parts.h"

typedef struct ReceivedRows
{
	CustomerKey key;			/* of the query's first column */
	Parts	   *parts;			/* the rows */
	bool		has_rows;		/* each says how many source rows it stands for */
	int32		base;			/* day of the first row; entries count from it */
} ReceivedRows;

/* The $1 of a query */
typedef struct Parameter
{
	Oid			type;
	Datum		value;
} Parameter;

extern ReceivedRows *receive_rows(const char *query, Oid customer_type,
								  const Parameter *parameter);
extern void received_group(ReceivedRows *rows, int part,
						   HistoryGroups *groups);

#endif							/* HISTORY_RECEIVE_H */
