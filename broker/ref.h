/* SPDX-License-Identifier: MIT */
/*
 * broker/ref.h - the inside of a reference
 *
 * A reference carries a small table of operations; near (object.c), far
 * (session/imports.c) and pending (pending.c) are its implementations, each
 * with a waldo_ref as its first member. Broken is a state of any of them, and
 * is looked after here: the operations are not asked any more.
 *
 * A pending reference that has become something is a forwarder for ever:
 * `target` leads on. waldoi_ref_follow() goes to the end.
 */
#ifndef WALDOI_REF_H
#define WALDOI_REF_H

#include "broker/node.h"
#include <waldo/ref.h>

#include <stdarg.h>

typedef struct waldoi_ref_ops {
	/* A local invocation; takes `request`, whose target is no longer
	 * needed. Not NULL unless memory runs out. `wants` false: one-way
	 * without a promise; then NULL is returned and *ret_err says whether
	 * it was queued. */
	waldo_promise *(*invoke)(waldo_ref *ref, waldo_request *request,
	                         bool wants, waldo_err *ret_err);

	/* The same of a small call with a promise, given as
	 * waldo_ref_invoke() is; where that can be done at once, and then it
	 * is. NULL: nothing has happened; invoke it. May be NULL itself. */
	waldo_promise *(*call_directly)(waldo_ref *ref, const char *method,
	                                const char *format, va_list args);

	/* A call that came for this reference. Takes it: it will be answered.
	 */
	void (*deliver)(waldo_ref *ref, waldo_call *call);

	/* Whether a call that is delivered now waits here. NULL: never. */
	bool (*parks)(const waldo_ref *ref);

	/* At most half of what may wait for calls on it does:
	 * waldo_ref_watch_room(). */
	bool (*has_room)(const waldo_ref *ref);

	/* The last count is gone. Frees the reference, now or later; it is
	 * off the node's list already. */
	void (*destroy)(waldo_ref *ref);
} waldoi_ref_ops;

struct waldo_ref {
	const waldoi_ref_ops *ops;
	waldo_node *node; /* NULL once the node is gone */
	LIST_ENTRY(waldo_ref) entry;
	TAILQ_HEAD(, waldo_watch) watches; /* in the order of registration */
	waldo_ref *target;       /* what a pending one has become; retained */
	waldoi_failure *failure; /* why it is broken */
	uint32_t count;
	uint8_t state; /* waldo_state; of a forwarder: PENDING */
	bool used;     /* calls were sent on it, by a way that it may lose */
};

void waldoi_ref_init(waldo_ref *ref, waldo_node *node,
                     const waldoi_ref_ops *ops, waldo_state state);

/* Off the node's list, failure released; for ops->destroy. */
void waldoi_ref_fini(waldo_ref *ref);

/* The node is going: whoever still holds it has a broken one without a node.
 * `gone` is borrowed. */
void waldoi_ref_orphan(waldo_ref *ref, waldoi_failure *gone);

/* Where `ref` leads; never NULL for one that is not. */
static inline waldo_ref *
waldoi_ref_follow(const waldo_ref *ref)
{
	while (ref != NULL && ref->target != NULL) {
		ref = ref->target;
	}
	return (waldo_ref *) (uintptr_t) ref;
}

/* True unless one of them is another node's: only what leads through a
 * session may cross from node to node. */
bool waldoi_refs_are_of(const waldo_node *node, void *const *refs,
                        size_t count);

/* Breaks it, once; watches are told in this or the next turn. `failure` is
 * borrowed. */
void waldoi_ref_break(waldo_ref *ref, waldoi_failure *failure);

/* A pending one becomes `target` (retained), or breaks if that leads back to
 * itself. Watches are told and move on. */
void waldoi_ref_become(waldo_ref *ref, waldo_ref *target);

/* Hands a call over to whatever `ref` is now. Takes `call`. */
void waldoi_ref_deliver(waldo_ref *ref, waldo_call *call);

/* Whether a call that is delivered to `ref` (followed) waits in it. */
bool waldoi_ref_parks(const waldo_ref *ref);

/* Passes `call` on as a new invocation of `ref` and has it follow the
 * outcome: for references that are not of this node. */
void waldoi_ref_forward(waldo_ref *ref, waldo_call *call);

/* A new broken reference, or NULL without memory. Takes `failure`. */
waldo_ref *waldoi_ref_new_broken(waldo_node *node, waldoi_failure *failure);

/* The writer's view of references as handles. */
extern const waldoi_writer_ops waldoi_ref_handles;

/* broker/watch.c: what a change of state does to the watches of `ref`. */
void waldoi_watches_tell(waldo_ref *ref, waldo_state state);
void waldoi_watches_move(waldo_ref *from, waldo_ref *to);
void waldoi_watches_drop(waldo_ref *ref);

#endif
