/* SPDX-License-Identifier: MIT */
/*
 * broker/pending.h - what a result will be, before it is known
 *
 * A pending reference stands for a place inside the result of one call. At
 * the caller it hangs on the promise: calls on it are pipelined to wherever
 * the promise comes from. At the callee it hangs on the call, and calls that
 * come for it are parked there. When the outcome is known it becomes the
 * reference that stands at its place, or it breaks; what was parked moves on
 * in order (PROTOCOL.md P9).
 */
#ifndef WALDOI_PENDING_H
#define WALDOI_PENDING_H

#include "broker/call.h"

typedef struct waldoi_path {
	size_t count;
	bool malformed;                      /* leads nowhere, and says so */
	waldoi_step steps[WALDOI_MAX_STEPS]; /* keys are borrowed */
} waldoi_path;

typedef struct waldoi_pending {
	waldo_ref ref;
	struct waldoi_pending *next; /* in the list of its outcome, which holds
	                              * one count */
	waldo_promise *promise; /* whose result it is; NULL at the callee, and
	                         * once it is settled */
	int64_t id;             /* of that call, for a flush that comes late */
	waldo_ref *awaits; /* what it will be when a flush is back; of the hold
	                    * that it belongs to, or NULL */
	waldoi_runqueue parked; /* calls that came too early */
	waldoi_path path;
	char keys[];
} waldoi_pending;

/* One that stands for no result: calls wait for it here. NULL without memory. */
waldoi_pending *waldoi_pending_new(waldo_node *node);

/* It becomes `target`, and what is parked moves on; or it breaks with
 * `failure` (target NULL). With both, what is parked fails. Borrows both. */
void waldoi_pending_settle(waldoi_pending *pending, waldo_ref *target,
                           waldoi_failure *failure);

/* Whether `from` is `to`, or leads there, or will when what is held goes on. */
bool waldoi_pending_leads_to(waldo_ref *from, const waldo_ref *to);

/* Not settled yet. */
bool waldoi_pending_is_open(const waldoi_pending *pending);

#define WALDOI_MAX_PLACES 64 /* that a peer may name in one result */

/* The reference for `path` that is in the list, or NULL; borrowed. Counts the
 * others that it passes. */
waldo_ref *waldoi_pendings_find(waldoi_pending *list, const waldoi_path *path,
                                size_t *ret_passed);

/* The reference for `path` in the list: the one that is there, or a new one.
 * Borrowed; NULL without memory. `promise` may be NULL. */
waldo_ref *waldoi_pendings_get(waldoi_pending **list, waldo_node *node,
                               const waldoi_path *path, waldo_promise *promise);

/* Only those that are a reference in `value`, and will not be broken. */
void waldoi_pendings_resolve(waldoi_pending **list,
                             const waldoi_message *value);

/* The outcome is known: exactly one of the two, borrowed. References that are
 * settled already are left alone. */
void waldoi_pendings_settle(waldoi_pending **list, const waldoi_message *value,
                            waldoi_failure *failure);

/* The list lets go of them; those that are not settled break. */
void waldoi_pendings_free(waldoi_pending **list);

/* The place inside `value` that `path` leads to, as a reference: borrowed.
 * NULL if there is none there, then *ret_failure (new) says what there is.
 * *ret_index: which of the value's it is; may be NULL. */
waldo_ref *waldoi_path_find(const waldoi_path *path,
                            const waldoi_message *value, uint32_t *ret_index,
                            waldoi_failure **ret_failure);

/* What a reference with a malformed path breaks with. New. */
waldoi_failure *waldoi_path_failure(void);

/* "players/0/avatar". Borrows `text`. */
void waldoi_path_parse(const char *text, waldoi_path *ret_path);

/* NULL if `ref` is not a pending reference of this kind. */
waldoi_pending *waldoi_pending_of(waldo_ref *ref);

#endif
