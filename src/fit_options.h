/*-------------------------------------------------------------------------
 *
 * fit_options.h
 *	  Options of fits: the members of a JSON object.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FIT_OPTIONS_H
#define FIT_OPTIONS_H

#include "utils/jsonb.h"

/* An option that is a number */
typedef struct FitOption
{
	const char *name;
	double	   *value;			/* its default, until it is read */
	double		least;
	double		most;
	bool		is_whole;
	const char *hint;
} FitOption;

/* Takes an option that is no number; false: there is none of that name */
typedef bool (*FitOptionReader) (const char *key, JsonbValue *value, void *argument);

extern void fit_option_refuse(const char *key, const char *what, const char *hint);
extern void fit_options_read(Jsonb *given, const FitOption *options, int count,
							 FitOptionReader reader, void *argument, const char *others);

#endif							/* FIT_OPTIONS_H */
