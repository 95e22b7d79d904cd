/*-------------------------------------------------------------------------
 *
 * json_member.h
 *	  What a JSON object has under a key.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JSON_MEMBER_H
#define JSON_MEMBER_H

#include "utils/jsonb.h"

/* NULL: it has nothing there, or is no object */
static inline JsonbValue *
json_member(JsonbContainer *object, const char *key)
{
	return !JsonContainerIsObject(object) ? NULL
		: getKeyJsonValueFromContainer(object, key, strlen(key), NULL);
}

#endif							/* JSON_MEMBER_H */
