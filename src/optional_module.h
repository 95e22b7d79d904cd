/*-------------------------------------------------------------------------
 *
 * optional_module.h
 *	  Modules that need not be there: each links one library.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OPTIONAL_MODULE_H
#define OPTIONAL_MODULE_H

extern void *optional_module(void **loaded, const char *module, const char *function, char **reason);

#endif							/* OPTIONAL_MODULE_H */
