/*-------------------------------------------------------------------------
 *
 * customer_tiering.c
 *	  The module itself.  Each topic has a file of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;
