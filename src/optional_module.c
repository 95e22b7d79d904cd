/*-------------------------------------------------------------------------
 *
 * optional_module.c
 *	  Modules that need not be there: each links one library.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "optional_module.h"

/* Its function, which is looked up once; or NULL, and why */
void *
optional_module(void **loaded, const char *module, const char *function, char **reason)
{
	MemoryContext caller = CurrentMemoryContext;

	if (*loaded != NULL)
		return *loaded;
	PG_TRY();
	{
		*loaded = load_external_function(module, function, true, NULL);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		*reason = CopyErrorData()->message;
		FlushErrorState();
	}
	PG_END_TRY();
	return *loaded;
}
