/* SPDX-License-Identifier: MIT */
/*
 * waldo/facet.h - a reference that can do less, and be taken back
 *
 * A facet is an object of this node that passes calls on to its target,
 * wherever that is, in order. It is passed on like any reference; whoever
 * holds it, directly or through others, can do what it lets through and no
 * more. waldo_object_revoke() takes it back from everybody at once: calls under
 * way fail with WALDO_EREVOKED and their callees are told, as for any object.
 *
 * With a perspective it is a view: methods of the target learn from
 * waldo_call_get_perspective() whose it is. Nobody can forge that, since only
 * this node's program can make a view, and only objects of this node are told.
 */
#ifndef WALDO_FACET_H
#define WALDO_FACET_H

#include <waldo/object.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct waldo_facet_options {
	size_t size; /* sizeof(waldo_facet_options) */
	/* What may be called, ended by NULL, copied; others fail with
	 * WALDO_EDENIED. NULL: everything. `.ping` and `.describe` always may;
	 * .describe tells what is let through. */
	const char *const *methods;
	uint32_t calls_per_second; /* more fail with WALDO_ELIMIT; 0: any */
	uint32_t burst;            /* so many at once; 0: as a second has */
	uint32_t lifetime_ms;      /* then it is revoked; 0: it stays */
	waldo_ref *perspective; /* retained; NULL: that of the call, if any */
} waldo_facet_options;

/*
 * Makes a facet of `target` (retained; near, far or pending). `options` may
 * be NULL: then it can be revoked, and that is all. When the target breaks so
 * does the facet.
 *
 *   WALDO_EINVAL  a size or a method's name; `target` is NULL
 */
waldo_err waldo_facet_new(waldo_ref *target, const waldo_facet_options *options,
                          waldo_ref **ret_facet) WALDO_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
