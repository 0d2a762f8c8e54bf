/* SPDX-License-Identifier: MIT */
/*
 * waldo/facet.h - a reference that can do less, and be taken back
 *
 * A facet is an object of this node that passes calls on to its target,
 * wherever that is, in order, with what comes along: references, deadline,
 * cancellation. It is passed on like any reference; whoever holds it, directly
 * or through others, can do what it lets through and no more. It counts as a
 * node that forwards, of which a call passes at most 16.
 *
 * waldo_object_revoke() takes it back from everybody at once: calls under way
 * fail with WALDO_EREVOKED, in the next turn of this node, and their callees
 * are told; what has not begun in this node never does. The target is released,
 * as it is when nobody holds the facet any more.
 *
 * With a perspective it is a view: methods of the target learn from
 * waldo_call_get_perspective() whose it is, whoever calls it. If there is more
 * than one on the way, that next to the target counts. Nobody can forge that,
 * since only this node's program can make a view, and only objects of this node
 * are told: a call that comes from a peer to the object itself has none, nor
 * has one that a peer sent back because a pending target was with it then. A
 * method's own calls have none either. The peer of a call that came through a
 * facet is this node, "near:".
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
	 * WALDO_EDENIED. NULL: everything. `.ping` and `.describe` always may:
	 * the target answers, and .describe tells what is let through. */
	const char *const *methods;
	uint32_t calls_per_second; /* more fail with WALDO_ELIMIT; 0: any */
	uint32_t burst;            /* so many at once; 0: calls_per_second */
	uint32_t lifetime_ms;      /* then it is revoked; 0: it stays */
	waldo_ref *perspective; /* retained; NULL: that of the call, if any */
	/* Runs once, as `destroy` of an object: nobody refers to the facet any
	 * more, or it was taken back, or its target broke. Until then its
	 * maker may remember it without a count of its own. NULL: nobody is
	 * told. Not for one that could not be made or is broken at once. */
	void (*gone)(void *user);
	void *user;
} waldo_facet_options;

/*
 * Makes a facet of `target` (retained; near, far or pending). `options` may
 * be NULL: then it can be revoked, and that is all. When the target breaks so
 * does the facet, for the same reason.
 *
 *   WALDO_EINVAL  a size or a method's name; a burst without a rate; `target`
 *                 is NULL; `perspective` is another node's
 *   WALDO_ELOST   the node was freed, or is being freed
 */
waldo_err waldo_facet_new(waldo_ref *target, const waldo_facet_options *options,
                          waldo_ref **ret_facet) WALDO_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
