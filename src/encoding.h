/*-------------------------------------------------------------------------
 *
 * encoding.h
 *	  How columns of any type become features.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ENCODING_H
#define ENCODING_H

#include "fmgr.h"
#include "utils/jsonb.h"

typedef enum EncodingKind
{
	ENCODING_NUMBER,
	ENCODING_BOOLEAN,
	ENCODING_DATE,				/* days since 2000-01-01 */
	ENCODING_TEXT				/* a feature for each value */
} EncodingKind;

/* A column, and the features that it becomes */
typedef struct EncodedColumn
{
	char	   *name;
	EncodingKind kind;
	/* of text */
	int			values;			/* with a feature each */
	char	  **value;
	char	   *reference;		/* the value without one; NULL: there is none */
	bool		has_other;		/* a feature for all values that are not named */
	bool		has_missing;	/* a feature for NULL and blanks */
} EncodedColumn;

typedef struct Encoding
{
	int			columns;
	EncodedColumn *column;
	int			features;
} Encoding;

extern const char *encoding_kind_name(EncodingKind kind);
extern bool encoding_kind_of_type(Oid type, EncodingKind *kind);
extern Encoding *encoding_read(Jsonb *document);
extern int	encoding_width(const EncodedColumn *column);

#endif							/* ENCODING_H */
