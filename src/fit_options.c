/*-------------------------------------------------------------------------
 *
 * fit_options.c
 *	  Options of fits: the members of a JSON object.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "fit_options.h"

void
fit_option_refuse(const char *key, const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" %s", key, what),
			 errhint("%s", hint)));
}

static void
read_number(const JsonbValue *value, const FitOption *option)
{
	double		number = NAN;

	if (value->type == jbvNumeric)
		number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													NumericGetDatum(value->val.numeric)));
	if (!(number >= option->least && number <= option->most) || (option->is_whole && number != rint(number)))
		fit_option_refuse(option->name, psprintf("is no %s from %.10g to %.10g", option->is_whole ? "whole number" : "number", option->least, option->most),
					  option->hint);
	*option->value = number;
}

static void
refuse_unknown(const char *key, const FitOption *options, int count, const char *others)
{
	StringInfoData there;

	initStringInfo(&there);
	for (int i = 0; i < count; i++)
		appendStringInfo(&there, i == 0 ? "%s" : ", %s", options[i].name);
	if (others != NULL)
		appendStringInfo(&there, ", %s", others);
	fit_option_refuse(key, "is unknown", psprintf("There are: %s.", there.data));
}

static void
read_option(const char *key, JsonbValue *value, const FitOption *options, int count,
			FitOptionReader reader, void *argument, const char *others)
{
	for (int i = 0; i < count; i++)
		if (strcmp(key, options[i].name) == 0)
		{
			read_number(value, &options[i]);
			return;
		}
	if (reader == NULL || !reader(key, value, argument))
		refuse_unknown(key, options, count, others);
}

/* Reads what is given over the defaults; others names what the reader takes */
void
fit_options_read(Jsonb *given, const FitOption *options, int count,
				 FitOptionReader reader, void *argument, const char *others)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *key = NULL;

	if (given == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(given))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options are no object"),
				 errhint("Pass such as '{\"%s\": %.10g}'.", options[0].name, *options[0].value)));
	iterator = JsonbIteratorInit(&given->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
			read_option(key, &value, options, count, reader, argument, others);
	}
}
