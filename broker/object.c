/* SPDX-License-Identifier: MIT */
#include "broker/hold.h"
#include "broker/object.h"
#include "serial/api.h"
#include "serial/check.h"

#include <stdlib.h>
#include <string.h>

/* ---- classes */

/* Tables may come from a program compiled with a later or an earlier header:
 * their strides tell. */
static const waldo_method *
method_at(const waldo_class *kind, size_t index)
{
	const char *table = (const char *) kind->methods;

	return (const waldo_method *) (const void *) (table +
	                                              index *
	                                                  kind->method_size);
}

bool
waldoi_method_is_valid(const char *text, size_t len)
{
	if (len == 0 || len > WALDOI_MAX_METHOD || !waldoi_is_utf8(text, len)) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char) text[i];

		if (c < 0x20 || c == 0x7f || c == '/') {
			return false;
		}
	}
	return true;
}

static const waldo_method *
find_in_table(const waldo_class *kind, const char *name)
{
	for (size_t i = 0; kind->methods != NULL; i++) {
		const waldo_method *method = method_at(kind, i);

		if (method->name == NULL) {
			break;
		}
		if (strcmp(method->name, name) == 0) {
			return method;
		}
	}
	return NULL;
}

static waldo_err
check_class(waldo_node *node, const waldo_class *kind)
{
	if (kind != NULL && kind == node->checked) {
		return WALDO_OK;
	}
	if (kind == NULL || kind->size < sizeof(waldo_class) ||
	    kind->method_size < sizeof(waldo_method)) {
		return waldoi_node_fail(node, WALDO_EINVAL,
		                        "class: its sizes are not those of "
		                        "WALDO_CLASS_SIZES");
	}
	if (kind->name == NULL || kind->name[0] == '\0') {
		return waldoi_node_fail(node, WALDO_EINVAL,
		                        "class: it has no name");
	}
	for (size_t i = 0; kind->methods != NULL; i++) {
		const waldo_method *method = method_at(kind, i);

		if (method->name == NULL) {
			break;
		}
		if (method->fn == NULL || method->name[0] == '.' ||
		    !waldoi_method_is_valid(method->name,
		                            strlen(method->name))) {
			return waldoi_node_fail(
			    node, WALDO_EINVAL,
			    "class %s: method '%s' has no function, or no "
			    "valid name",
			    kind->name, method->name);
		}
		if (find_in_table(kind, method->name) != method) {
			return waldoi_node_fail(node, WALDO_EINVAL,
			                        "class %s: method '%s' is "
			                        "there twice",
			                        kind->name, method->name);
		}
	}
	node->checked = kind;
	return WALDO_OK;
}

static const waldo_method *
find_method(const waldo_class *kind, waldoi_name *name)
{
	if (name->kind != kind) {
		name->kind = kind;
		name->method = find_in_table(kind, name->text);
	}
	return name->method;
}

/* ---- the library's own methods */

static void
describe(waldo_call *call, const waldo_class *kind)
{
	waldo_writer *w = waldo_call_get_result(call);
	size_t count = 0;

	while (kind->methods != NULL && method_at(kind, count)->name != NULL) {
		count++;
	}
	waldo_put_map(w, 2);
	waldo_put_str(w, "class");
	waldo_put_str(w, kind->name);
	waldo_put_str(w, "methods");
	waldo_put_list(w, count);
	for (size_t i = 0; i < count; i++) {
		const waldo_method *method = method_at(kind, i);

		waldo_putf(w, "{sssssu}", "name", method->name, "signature",
		           method->signature, "flags", method->flags);
	}
	waldo_call_reply(call, "");
}

static void
run_own(waldo_call *call, const waldo_class *kind)
{
	const char *name = call->method->text;

	if (strcmp(name, ".ping") == 0) {
		waldo_call_reply(call, "");
	} else if (strcmp(name, WALDOI_FLUSH) == 0) {
		/* In its turn behind all calls before it: so whoever waits for
		 * the token knows that they were dispatched. */
		waldoi_holds_see(call->node, &call->args);
		waldo_put_rest(waldo_call_get_result(call),
		               waldo_call_get_args(call));
		waldo_call_reply(call, "");
	} else if (strcmp(name, ".describe") == 0) {
		describe(call, kind);
	} else {
		waldoi_call_fail(call, waldoi_failure_new(WALDO_EMETHOD,
		                                          WALDO_NOT_SENT,
		                                          "there is no library "
		                                          "method '%s'",
		                                          name));
	}
}

static void
own_method(void *self, waldo_call *call)
{
	run_own(call, self);
}

static void
no_method(void *self, waldo_call *call)
{
	const waldo_class *kind = self;

	waldoi_call_fail(call,
	                 waldoi_failure_new(WALDO_EMETHOD, WALDO_NOT_SENT,
	                                    "%s has no method '%s'", kind->name,
	                                    call->method->text));
}

/* ---- running */

static void
give_self_back(waldoi_object *object)
{
	waldo_node *node = object->ref.node;

	if (object->destroyed) {
		return;
	}
	object->destroyed = true;
	if (object->kind->destroy != NULL) {
		if (node != NULL) {
			node->callbacks++;
		}
		object->kind->destroy(object->self);
		if (node != NULL) {
			node->callbacks--;
		}
	}
}

/* What runs for a call; *ret_self is what it is called with. */
static inline waldo_method_fn *
find_function(waldoi_object *object, const waldo_call *call, void **ret_self)
{
	const waldo_class *kind = object->kind;
	const waldo_method *method;

	*ret_self = (void *) (uintptr_t) kind;
	if (call->method->text[0] == '.') {
		return own_method;
	}
	method = find_method(kind, call->method);
	if (method == NULL && kind->other == NULL) {
		return no_method;
	}
	*ret_self = object->self;
	return method == NULL ? kind->other : method->fn;
}

static void
run(waldoi_object *object, waldo_call *call)
{
	waldo_method_fn *fn;
	void *self;

	if (object->ref.state == WALDO_BROKEN) {
		waldoi_call_fail(call,
		                 waldoi_failure_retain(object->ref.failure));
		return;
	}
	waldo_ref_retain(&object->ref);
	object->running++;
	if (object->pass != NULL && !call->method->flush) {
		object->pass(object->self, call);
	} else {
		fn = find_function(object, call, &self);
		waldoi_call_run(call, fn, self);
	}
	object->running--;
	if (object->running == 0 && object->ref.state == WALDO_BROKEN) {
		give_self_back(object); /* it was revoked meanwhile */
	}
	waldo_ref_release(&object->ref);
}

static void
run_queued(waldoi_job *job)
{
	waldo_call *call = waldoi_container_of(job, waldo_call, job);
	waldoi_object *object = (waldoi_object *) call->target;

	if (call->session != NULL && call->origin->stall(call, run_queued)) {
		return;
	}
	object->queued--;
	call->queued = false;
	waldoi_call_unpark(call);
	run(object, call);
}

/* Its peer is this node, which has it now. */
static void
tell_arrival(waldo_call *call)
{
	waldo_promise *promise = call->promise;

	if (call->one_way && promise != NULL) {
		call->promise = NULL;
		promise->call = NULL;
		waldoi_promise_settle_nil(promise, false);
		waldo_promise_release(promise);
	}
}

static void
object_deliver(waldo_ref *ref, waldo_call *call)
{
	waldoi_object *object = (waldoi_object *) ref;

	if (!waldoi_message_own(&call->args)) {
		waldoi_call_fail(call, waldoi_failure_new(WALDO_ENOMEM,
		                                          WALDO_NOT_SENT,
		                                          "out of memory"));
		return;
	}
	waldoi_call_stay(call);
	tell_arrival(call);
	object->queued++;
	call->queued = true;
	waldoi_node_queue(ref->node, &call->job, run_queued);
}

void
waldoi_object_dispatch(waldoi_object *object, waldo_call *call)
{
	if (object->queued > 0) {
		object_deliver(&object->ref, call);
	} else {
		run(object, call);
	}
}

static void
object_destroy(waldo_ref *ref)
{
	waldoi_object *object = (waldoi_object *) ref;
	waldo_node *node = ref->node;

	/* No count is left, so no call waits, runs or is deferred here. */
	give_self_back(object);
	waldoi_ref_fini(ref);
	if (node != NULL) {
		node->object_count--;
		waldoi_pool_give(&node->object_pool, object);
	} else {
		free(object);
	}
}

const waldoi_ref_ops waldoi_object_ops = {
    .invoke = waldoi_near_invoke,
    .has_room = waldoi_near_has_room,
    .deliver = object_deliver,
    .destroy = object_destroy,
};

void
waldoi_object_orphan(waldo_ref *ref)
{
	waldoi_object *object = waldoi_object_of(ref);

	if (object != NULL) {
		give_self_back(object);
	}
}

WALDO_API waldo_err
waldo_object_new(waldo_node *node, const waldo_class *kind, void *self,
                 waldo_ref **ret_ref)
{
	waldoi_object *object;
	waldo_err err;

	if (node == NULL || ret_ref == NULL) {
		return WALDO_EINVAL;
	}
	if (node->freeing) {
		return waldoi_node_fail(node, WALDO_ELOST,
		                        "the node is being freed");
	}
	err = check_class(node, kind);
	if (err != WALDO_OK) {
		return err;
	}
	object = waldoi_pool_take(&node->object_pool);
	if (object == NULL) {
		return waldoi_node_fail(node, WALDO_ENOMEM, "out of memory");
	}
	waldoi_ref_init(&object->ref, node, &waldoi_object_ops, WALDO_NEAR);
	object->kind = kind;
	object->self = self;
	object->running = object->queued = 0;
	object->destroyed = false;
	object->pass = NULL;
	LIST_INIT(&object->deferred);
	node->object_count++;
	*ret_ref = &object->ref;
	return WALDO_OK;
}

WALDO_API void *
waldo_ref_get_self(const waldo_ref *ref, const struct waldo_class *kind)
{
	waldoi_object *object = waldoi_object_of(waldoi_ref_follow(ref));

	return object != NULL && object->kind == kind &&
	               object->ref.state == WALDO_NEAR
	           ? object->self
	           : NULL;
}

/* ---- taking back */

static void
break_with(waldoi_object *object, waldoi_failure *failure, bool preempts)
{
	waldo_call *call;

	if (object->ref.state == WALDO_BROKEN) {
		return;
	}
	waldo_ref_retain(&object->ref);
	waldoi_ref_break(&object->ref, failure);
	while (preempts && (call = LIST_FIRST(&object->deferred)) != NULL) {
		/* Where it was passed on to it may have begun. */
		waldo_fate fate =
		    call->passed_on ? WALDO_MAYBE_EXECUTED : WALDO_NOT_SENT;

		waldoi_call_withdraw(call);
		waldoi_call_preempt(call,
		                    waldoi_failure_with_fate(failure, fate));
	}
	if (object->running == 0) {
		give_self_back(object);
	}
	waldo_ref_release(&object->ref);
}

void
waldoi_object_break(waldoi_object *object, waldoi_failure *failure)
{
	break_with(object, failure, false);
}

void
waldoi_object_revoke(waldoi_object *object, waldoi_failure *failure)
{
	break_with(object, failure, true);
}

WALDO_API void
waldo_object_revoke(waldo_ref *ref)
{
	waldoi_object *object = waldoi_object_of(waldoi_ref_follow(ref));
	waldoi_failure *revoked;

	if (object != NULL && object->ref.state != WALDO_BROKEN) {
		revoked = waldoi_failure_new(WALDO_EREVOKED, WALDO_NOT_SENT,
		                             "the %s was revoked",
		                             object->kind->name);
		waldoi_object_revoke(object, revoked);
		waldoi_failure_release(revoked);
	}
}
