/*-------------------------------------------------------------------------
 *
 * model_bytes.h
 *	  Types that hold a fitted model: a stream of bytes, the same everywhere.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_BYTES_H
#define MODEL_BYTES_H

#include "fmgr.h"
#include "lib/stringinfo.h"

/* Raises an error if the bytes are not those of a model */
typedef void (*ModelCheck) (const char *data, int length);

/* Says that they are not, and why */
typedef void (*ModelRefuse) (const char *what);

extern Datum model_in(const char *text, const char *type, ModelCheck check);
extern Datum model_recv(StringInfo message, ModelCheck check);
extern void model_write_name(StringInfo bytes, const char *name);
extern char *model_read_name(StringInfo bytes, int most, ModelRefuse refuse);

#endif							/* MODEL_BYTES_H */
