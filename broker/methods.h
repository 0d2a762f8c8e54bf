/* SPDX-License-Identifier: MIT */
/*
 * broker/methods.h - the names of methods that a node calls, and is called by
 *
 * A program calls the same few methods over and over. A node remembers the
 * names that it called last, by what they say, so that none is looked at
 * twice: to see that it is valid, to copy it, to hash it. Most of them are
 * literals: where the text stood is tried first. Its peers call the same few,
 * too, and share the names.
 */
#ifndef WALDOI_METHODS_H
#define WALDOI_METHODS_H

#include "broker/call.h"

#include <string.h>

/* What was found there last: a name that is remembered, or NULL. */
static inline waldoi_name **
waldoi_methods_place(waldo_node *node, const char *text)
{
	uintptr_t at = (uintptr_t) text;

	return &node->method_places[(at ^ at >> WALDOI_METHOD_BITS) %
	                            (1 << WALDOI_METHOD_BITS)];
}

/* By what it says. */
waldo_err waldoi_methods_share(waldo_node *node, const char *text, size_t len,
                               waldoi_name **ret_name) WALDO_MUST_CHECK;
waldo_err waldoi_methods_find(waldo_node *node, const char *text,
                              waldoi_name **ret_name) WALDO_MUST_CHECK;

/* The name that `text` is, retained. WALDO_EINVAL: it is no method's name. */
WALDO_MUST_CHECK static inline waldo_err
waldoi_methods_get(waldo_node *node, const char *text, waldoi_name **ret_name)
{
	waldoi_name *name = *waldoi_methods_place(node, text);

	if (name == NULL || strcmp(name->text, text) != 0) {
		return waldoi_methods_find(node, text, ret_name);
	}
	name->count++;
	*ret_name = name;
	return WALDO_OK;
}

/* Borrowed; NULL if it was not there that it was found last. */
static inline const waldoi_name *
waldoi_methods_look(waldo_node *node, const char *text)
{
	const waldoi_name *name =
	    text == NULL ? NULL : *waldoi_methods_place(node, text);

	return name != NULL && strcmp(name->text, text) == 0 ? name : NULL;
}

void waldoi_methods_fini(waldo_node *node);

#endif
