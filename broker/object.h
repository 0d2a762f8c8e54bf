/* SPDX-License-Identifier: MIT */
/*
 * broker/object.h - the inside of an object
 *
 * A near object is its own and only reference (so "sent home" is pointer
 * equality), with a class and the user's `self`.
 */
#ifndef WALDOI_OBJECT_H
#define WALDOI_OBJECT_H

#include "broker/call.h"

typedef struct waldoi_object {
	waldo_ref ref;
	const waldo_class *kind;
	void *self;
	uint32_t running; /* methods on the stack; the node's own thread */
	uint32_t queued;  /* calls for it in the run queue */
	bool destroyed;   /* `self` was given back, or is not there to give */
	/* Of a facet: takes every call but the flush, in order, unread; NULL. */
	void (*pass)(void *self, waldo_call *call);
	LIST_HEAD(, waldo_call) deferred;
} waldoi_object;

extern const waldoi_ref_ops waldoi_object_ops;

/* NULL if `ref`, which is followed, is not a near object. */
static inline waldoi_object *
waldoi_object_of(const waldo_ref *ref)
{
	return ref != NULL && ref->ops == &waldoi_object_ops
	           ? (waldoi_object *) (uintptr_t) ref
	           : NULL;
}

/* The node is going: `self` goes back if `ref` is an object. */
void waldoi_object_orphan(waldo_ref *ref);

/* It is broken with `failure` (borrowed), once, and `self` goes back; calls
 * under way are left to end by themselves. */
void waldoi_object_break(waldoi_object *object, waldoi_failure *failure);

/* The same, and calls under way fail so: waldo_object_revoke(). */
void waldoi_object_revoke(waldoi_object *object, waldoi_failure *failure);

/* Runs `call` now if none is queued before it, else queues it. Only from the
 * loop. Takes `call`, whose target is this object. */
void waldoi_object_dispatch(waldoi_object *object, waldo_call *call);

#endif
