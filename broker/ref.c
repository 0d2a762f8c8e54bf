/* SPDX-License-Identifier: MIT */
#include "broker/ref.h"
#include "broker/call.h"
#include "broker/object.h"
#include "broker/pending.h"
#include "serial/api.h"

#include <stdlib.h>

void
waldoi_ref_init(waldo_ref *ref, waldo_node *node, const waldoi_ref_ops *ops,
                waldo_state state)
{
	ref->ops = ops;
	ref->node = node;
	TAILQ_INIT(&ref->watches);
	ref->target = NULL;
	ref->failure = NULL;
	ref->count = 1;
	ref->state = (uint8_t) state;
	ref->used = false;
	LIST_INSERT_HEAD(&node->refs, ref, entry);
	node->ref_count++;
}

void
waldoi_ref_fini(waldo_ref *ref)
{
	if (ref->node != NULL) {
		LIST_REMOVE(ref, entry);
		ref->node->ref_count--;
		ref->node = NULL;
	}
	waldoi_failure_release(ref->failure);
	ref->failure = NULL;
}

void
waldoi_ref_orphan(waldo_ref *ref, waldoi_failure *gone)
{
	waldo_ref_retain(ref); /* its watches may hold the last count */
	waldoi_watches_drop(ref);
	if (ref->target == NULL && ref->state != WALDO_BROKEN) {
		ref->state = WALDO_BROKEN;
		ref->failure = waldoi_failure_retain(gone);
	}
	LIST_REMOVE(ref, entry);
	ref->node = NULL;
	waldo_ref_release(ref);
}

WALDO_API waldo_ref *
waldo_ref_retain(waldo_ref *ref)
{
	if (ref != NULL) {
		ref->count++;
	}
	return ref;
}

WALDO_API void
waldo_ref_release(waldo_ref *ref)
{
	/* A loop, since a chain of forwarders may be long. */
	while (ref != NULL && --ref->count == 0) {
		waldo_ref *target = ref->target;

		ref->target = NULL;
		ref->ops->destroy(ref);
		ref = target;
	}
}

WALDO_API waldo_state
waldo_ref_get_state(const waldo_ref *ref)
{
	return ref == NULL ? WALDO_BROKEN
	                   : (waldo_state) waldoi_ref_follow(ref)->state;
}

WALDO_API const waldo_failure *
waldo_ref_get_failure(const waldo_ref *ref)
{
	static waldoi_failure null = {
	    .pub = {WALDO_EINVAL, WALDO_NOT_SENT, false, "waldo.Invalid",
	            "the reference is NULL", 0},
	    .count = WALDOI_IMMORTAL,
	};
	const waldo_ref *end = waldoi_ref_follow(ref);

	if (end == NULL) {
		return &null.pub;
	}
	return end->state == WALDO_BROKEN ? &end->failure->pub : NULL;
}

WALDO_API bool
waldo_ref_equal(const waldo_ref *a, const waldo_ref *b)
{
	return a != NULL && waldoi_ref_follow(a) == waldoi_ref_follow(b);
}

bool
waldoi_refs_are_of(const waldo_node *node, void *const *refs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const waldo_ref *ref = refs[i];

		if (ref->node != NULL && ref->node != node) {
			return false;
		}
	}
	return true;
}

void
waldoi_ref_break(waldo_ref *ref, waldoi_failure *failure)
{
	if (ref->state == WALDO_BROKEN || ref->target != NULL) {
		return;
	}
	ref->state = WALDO_BROKEN;
	ref->failure = waldoi_failure_retain(failure);
	waldoi_watches_tell(ref, WALDO_BROKEN);
}

void
waldoi_ref_become(waldo_ref *ref, waldo_ref *target)
{
	target = waldoi_ref_follow(target);
	if (waldoi_pending_leads_to(target, ref)) {
		waldoi_failure *loop =
		    waldoi_failure_new(WALDO_EINVAL, WALDO_NOT_SENT,
		                       "the reference was resolved to itself");

		waldoi_ref_break(ref, loop);
		waldoi_failure_release(loop);
		return;
	}
	ref->target = waldo_ref_retain(target);
	target->used |= ref->used; /* they are before those on `target` */
	if (target->state == WALDO_NEAR || target->state == WALDO_FAR) {
		waldoi_watches_tell(ref, (waldo_state) target->state);
	}
	waldoi_watches_move(ref, target);
}

bool
waldoi_ref_parks(const waldo_ref *ref)
{
	return ref->state == WALDO_PENDING && ref->ops->parks != NULL &&
	       ref->ops->parks(ref);
}

void
waldoi_ref_deliver(waldo_ref *ref, waldo_call *call)
{
	waldo_ref *end = waldoi_ref_follow(ref);

	if (end != call->target) {
		waldo_ref *old = call->target;

		call->target = waldo_ref_retain(end);
		waldo_ref_release(old);
	}
	if (end->state == WALDO_BROKEN) {
		call->no_target = call->on_answer;
		waldoi_call_fail(call, waldoi_failure_retain(end->failure));
	} else {
		end->ops->deliver(end, call);
	}
}

/* ---- a reference that was never anything else than broken */

static void
broken_destroy(waldo_ref *ref)
{
	waldoi_ref_fini(ref);
	free(ref);
}

static const waldoi_ref_ops broken_ops = {.destroy = broken_destroy};

waldo_ref *
waldoi_ref_new_broken(waldo_node *node, waldoi_failure *failure)
{
	waldo_ref *ref = malloc(sizeof(*ref));

	if (ref != NULL) {
		waldoi_ref_init(ref, node, &broken_ops, WALDO_BROKEN);
		ref->failure = waldoi_failure_retain(failure);
	}
	waldoi_failure_release(failure);
	return ref;
}

/* ---- in payloads */

static void *
retain_handle(void *handle)
{
	return waldo_ref_retain(handle);
}

static void
release_handle(void *handle)
{
	waldo_ref_release(handle);
}

const waldoi_writer_ops waldoi_ref_handles = {retain_handle, release_handle};

WALDO_API waldo_ref *
waldo_read_ref(waldo_reader *reader)
{
	return waldoi_read_handle(reader);
}

WALDO_API void
waldo_put_ref(waldo_writer *writer, waldo_ref *ref)
{
	waldoi_put_handle(writer, ref);
}
