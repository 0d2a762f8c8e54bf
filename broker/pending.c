/* SPDX-License-Identifier: MIT */
#include "broker/pending.h"
#include "broker/hold.h"
#include "serial/check.h"

#include <stdlib.h>
#include <string.h>

/* Calls need not wait here: where the result is made, they will. */
static bool
can_pipeline(const waldoi_pending *pending)
{
	const waldo_promise *promise = pending->promise;

	return promise != NULL && promise->source != NULL &&
	       promise->source->pipeline != NULL;
}

static waldo_promise *
pending_invoke(waldo_ref *ref, waldo_request *request, bool wants,
               waldo_err *ret_err)
{
	waldoi_pending *pending = (waldoi_pending *) ref;

	if (can_pipeline(pending)) {
		return pending->promise->source->pipeline(pending, request,
		                                          wants, ret_err);
	}
	return waldoi_near_invoke(ref, request, wants, ret_err);
}

static void
move_on(waldoi_job *job)
{
	waldo_call *call = waldoi_container_of(job, waldo_call, job);

	if (call->remote &&
	    !waldoi_ref_parks(waldoi_ref_follow(call->target))) {
		waldoi_call_unpark(call); /* a near one still waits here */
	}
	waldoi_ref_deliver(call->target, call);
}

static void
pending_deliver(waldo_ref *ref, waldo_call *call)
{
	waldoi_pending *pending = (waldoi_pending *) ref;

	if (can_pipeline(pending)) {
		/* Or those that are made later would overtake it. */
		waldoi_ref_forward(ref, call);
		return;
	}
	if (!waldoi_message_own(&call->args)) {
		waldoi_call_fail(call, waldoi_failure_new(WALDO_ENOMEM,
		                                          WALDO_NOT_SENT,
		                                          "out of memory"));
		return;
	}
	waldoi_call_stay(call);
	waldoi_runqueue_add(&pending->parked, &call->job, move_on);
	if (call->method->flush) {
		waldoi_hold_break(pending, &call->args);
	}
}

static bool
pending_has_room(const waldo_ref *ref)
{
	const waldoi_pending *pending = (const waldoi_pending *) ref;

	return can_pipeline(pending)
	           ? pending->promise->source->has_room(pending->promise)
	           : waldoi_near_has_room(ref);
}

/* Those without a path, which most are, come from the node's pool. */
static void
pending_destroy(waldo_ref *ref)
{
	const waldoi_pending *pending = (const waldoi_pending *) ref;
	waldo_node *node = pending->path.count == 0 ? ref->node : NULL;

	waldoi_ref_fini(ref);
	if (node == NULL) {
		free(ref);
	} else {
		waldoi_pool_give(&node->pending_pool, ref);
	}
}

static bool
pending_parks(const waldo_ref *ref)
{
	return !can_pipeline((const waldoi_pending *) ref);
}

static const waldoi_ref_ops pending_ops = {
    .invoke = pending_invoke,
    .deliver = pending_deliver,
    .parks = pending_parks,
    .has_room = pending_has_room,
    .destroy = pending_destroy,
};

waldoi_pending *
waldoi_pending_of(waldo_ref *ref)
{
	return ref != NULL && ref->ops == &pending_ops ? (waldoi_pending *) ref
	                                               : NULL;
}

static bool
same_step(const waldoi_step *a, const waldoi_step *b)
{
	if ((a->key == NULL) != (b->key == NULL)) {
		return false;
	}
	return a->key == NULL
	           ? a->index == b->index
	           : a->len == b->len && memcmp(a->key, b->key, a->len) == 0;
}

static bool
same_path(const waldoi_path *a, const waldoi_path *b)
{
	if (a->count != b->count || a->malformed != b->malformed) {
		return false;
	}
	for (size_t i = 0; i < a->count; i++) {
		if (!same_step(&a->steps[i], &b->steps[i])) {
			return false;
		}
	}
	return true;
}

static waldoi_pending *
new_place(waldo_node *node, const waldoi_path *path)
{
	size_t size = sizeof(waldoi_pending);
	waldoi_pending *pending;
	char *keys;

	for (size_t i = 0; i < path->count; i++) {
		size += path->steps[i].key == NULL ? 0 : path->steps[i].len;
	}
	pending = path->count == 0 ? waldoi_pool_take(&node->pending_pool)
	                           : malloc(size);
	if (pending == NULL) {
		return NULL;
	}
	waldoi_ref_init(&pending->ref, node, &pending_ops, WALDO_PENDING);
	waldoi_runqueue_init(&pending->parked);
	pending->next = NULL;
	pending->promise = NULL;
	pending->id = 0;
	pending->awaits = NULL;
	pending->path.count = path->count;
	pending->path.malformed = path->malformed;
	keys = pending->keys;
	for (size_t i = 0; i < path->count; i++) {
		waldoi_step *step = &pending->path.steps[i];

		*step = path->steps[i];
		if (step->key != NULL) {
			memcpy(keys, step->key, step->len);
			step->key = keys;
			keys += step->len;
		}
	}
	return pending;
}

waldoi_pending *
waldoi_pending_new(waldo_node *node)
{
	const waldoi_path nowhere = {0};

	return new_place(node, &nowhere);
}

waldo_ref *
waldoi_pendings_find(waldoi_pending *list, const waldoi_path *path,
                     size_t *ret_passed)
{
	*ret_passed = 0;
	for (; list != NULL; list = list->next, ++*ret_passed) {
		if (same_path(&list->path, path)) {
			return &list->ref;
		}
	}
	return NULL;
}

waldo_ref *
waldoi_pendings_get(waldoi_pending **list, waldo_node *node,
                    const waldoi_path *path, waldo_promise *promise)
{
	size_t passed;
	waldo_ref *ref = waldoi_pendings_find(*list, path, &passed);
	waldoi_pending *pending;

	if (ref != NULL) {
		return ref;
	}
	pending = new_place(node, path);
	if (pending == NULL) {
		return NULL;
	}
	pending->promise = promise;
	pending->next = *list;
	*list = pending;
	return &pending->ref;
}

waldoi_failure *
waldoi_path_failure(void)
{
	return waldoi_failure_new(WALDO_EINVAL, WALDO_NOT_SENT,
	                          "the path is malformed: at most %d steps of "
	                          "1 to %d bytes",
	                          WALDOI_MAX_STEPS, WALDOI_MAX_METHOD);
}

waldo_ref *
waldoi_path_find(const waldoi_path *path, const waldoi_message *value,
                 uint32_t *ret_index, waldoi_failure **ret_failure)
{
	size_t len = 0;
	const uint8_t *at =
	    value->body == NULL
	        ? NULL
	        : waldoi_payload_find(value->body, value->len, path->steps,
	                              path->count, &len);
	int32_t index = at == NULL ? -1 : waldoi_payload_as_handle(at, len);

	if (index >= 0 && (uint32_t) index < value->ref_count) {
		if (ret_index != NULL) {
			*ret_index = (uint32_t) index;
		}
		return value->refs[index];
	}
	*ret_failure =
	    value->body == NULL
	        ? waldoi_failure_new(WALDO_EINVAL, WALDO_NOT_SENT,
	                             "the result has been given to its reader "
	                             "already")
	    : at == NULL
	        ? waldoi_failure_new(WALDO_EINVAL, WALDO_NOT_SENT,
	                             "the result has no such place")
	        : waldoi_failure_new(WALDO_EINVAL, WALDO_NOT_SENT,
	                             "the result is not a reference but %s",
	                             waldoi_payload_type_name(at, len));
	return NULL;
}

bool
waldoi_pending_leads_to(waldo_ref *from, const waldo_ref *to)
{
	while (from != NULL && from != to) {
		waldoi_pending *pending = waldoi_pending_of(from);

		from = from->target != NULL ? from->target
		       : pending != NULL    ? pending->awaits
		                            : NULL;
	}
	return from != NULL;
}

bool
waldoi_pending_is_open(const waldoi_pending *pending)
{
	return pending->ref.state == WALDO_PENDING &&
	       pending->ref.target == NULL;
}

void
waldoi_pending_settle(waldoi_pending *pending, waldo_ref *target,
                      waldoi_failure *failure)
{
	waldoi_job *job;

	pending->promise = NULL;
	waldo_ref_retain(&pending->ref);
	if (target != NULL) {
		waldoi_ref_become(&pending->ref, target);
	} else {
		waldoi_ref_break(&pending->ref, failure);
	}
	while ((job = waldoi_runqueue_pop(&pending->parked)) != NULL) {
		waldo_call *call = waldoi_container_of(job, waldo_call, job);

		if (target != NULL && failure != NULL) {
			waldoi_call_fail(call, waldoi_failure_retain(failure));
		} else if (waldoi_ref_follow(&pending->ref)->state ==
		           WALDO_BROKEN) {
			/* To fail, in any order: a chain of calls on the
			 * results of calls is not recursed into. And not yet:
			 * if one that moved on just now has broken it, why is
			 * still to be told (P9). */
			waldoi_node_queue(pending->ref.node, job, move_on);
		} else {
			move_on(job); /* before any later call can */
		}
	}
	waldo_ref_release(&pending->ref);
}

static void
settle_one(waldoi_pending *pending, const waldoi_message *value,
           waldoi_failure *failure)
{
	waldoi_failure *none = NULL;
	waldo_ref *target =
	    value == NULL
	        ? NULL
	        : waldoi_path_find(&pending->path, value, NULL, &none);

	waldoi_pending_settle(pending, target,
	                      target != NULL ? NULL
	                      : none != NULL ? none
	                                     : failure);
	waldoi_failure_release(none);
}

void
waldoi_pendings_resolve(waldoi_pending **list, const waldoi_message *value)
{
	for (waldoi_pending *p = *list; p != NULL; p = p->next) {
		waldoi_failure *none = NULL;
		waldo_ref *target =
		    waldoi_pending_is_open(p)
		        ? waldoi_path_find(&p->path, value, NULL, &none)
		        : NULL;

		waldoi_failure_release(none);
		if (target != NULL &&
		    waldoi_ref_follow(target)->state != WALDO_BROKEN &&
		    !waldoi_pending_leads_to(target, &p->ref)) {
			settle_one(p, value, NULL);
		}
	}
}

void
waldoi_pendings_settle(waldoi_pending **list, const waldoi_message *value,
                       waldoi_failure *failure)
{
	for (waldoi_pending *p = *list; p != NULL; p = p->next) {
		if (waldoi_pending_is_open(p)) {
			settle_one(p, value, failure);
		}
	}
}

static void
break_open(waldoi_pending *list)
{
	waldoi_failure *gone = NULL;

	for (waldoi_pending *p = list; p != NULL; p = p->next) {
		if (!waldoi_pending_is_open(p)) {
			continue;
		}
		if (gone == NULL) {
			gone = waldoi_failure_new(WALDO_ELOST, WALDO_NOT_SENT,
			                          "the call that it was to "
			                          "come from has ended");
		}
		waldoi_pending_settle(p, NULL, gone);
	}
	waldoi_failure_release(gone);
}

void
waldoi_pendings_free(waldoi_pending **list)
{
	waldoi_pending *pending = *list;

	break_open(pending);
	*list = NULL;
	while (pending != NULL) {
		waldoi_pending *next = pending->next;

		waldo_ref_release(&pending->ref);
		pending = next;
	}
}

/* Digits alone are an index. */
static void
parse_step(const char *text, size_t len, waldoi_step *ret_step)
{
	uint64_t index = 0;

	*ret_step = (waldoi_step){.key = text, .len = (uint32_t) len};
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return;
		}
		index = index * 10 + (uint64_t) (text[i] - '0');
		if (index > UINT32_MAX) {
			return;
		}
	}
	*ret_step = (waldoi_step){.index = (uint32_t) index};
}

void
waldoi_path_parse(const char *text, waldoi_path *ret_path)
{
	*ret_path = (waldoi_path){0};
	while (*text != '\0') {
		size_t len = strcspn(text, "/");

		if (len == 0 || len > WALDOI_MAX_METHOD ||
		    !waldoi_is_utf8(text, len) ||
		    ret_path->count == WALDOI_MAX_STEPS ||
		    strcmp(text + len, "/") == 0) {
			*ret_path = (waldoi_path){.malformed = true};
			return;
		}
		parse_step(text, len, &ret_path->steps[ret_path->count++]);
		text += len + (text[len] == '/');
	}
}
