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

#endif							/* COMPAT_H */
