/* SPDX-License-Identifier: MIT */
#include "broker/call.h"
#include "broker/methods.h"
#include "serial/api.h"
#include "serial/check.h"

#include <stdlib.h>
#include <string.h>

#define ALL_FLAGS                                                              \
	((unsigned) (WALDO_ONE_WAY | WALDO_IDEMPOTENT | WALDO_CONFIDENTIAL))

/* ---- building */

/* The method's name, or the writer fails with what is wrong with it. False
 * without memory. */
static bool
set_method(waldo_request *request, const char *method)
{
	waldo_err err = WALDO_EINVAL;

	if (method != NULL && request->node != NULL) {
		err =
		    waldoi_methods_get(request->node, method, &request->method);
	} else if (method != NULL &&
	           waldoi_method_is_valid(method, strlen(method))) {
		err = WALDO_OK; /* it has nowhere to go */
	}
	if (err == WALDO_EINVAL) {
		waldoi_writer_fail(&request->args, WALDO_EINVAL,
		                   "'%.40s' is not a method's name: 1 to %d "
		                   "bytes of UTF-8, no control characters, no "
		                   "slash",
		                   method == NULL ? "" : method,
		                   WALDOI_MAX_METHOD);
	}
	return err != WALDO_ENOMEM;
}

static void
set_options(waldo_request *request, const waldo_options *options)
{
	if (options->size < sizeof(*options)) {
		waldoi_writer_fail(&request->args, WALDO_EINVAL,
		                   "waldo_options.size is %zu, not %zu",
		                   options->size, sizeof(*options));
		return;
	}
	if ((options->flags & ~ALL_FLAGS) != 0) {
		waldoi_writer_fail(&request->args, WALDO_EINVAL,
		                   "waldo_options.flags is 0x%x, of which 0x%x "
		                   "are known",
		                   options->flags, ALL_FLAGS);
	}
	request->flags = options->flags;
	request->timeout_ms = options->timeout_ms;
}

static void
init(waldo_request *request, waldo_ref *target)
{
	static const waldoi_writer_limits no_limits = {1 << 16, 64, 256};
	waldo_node *node = target == NULL ? NULL : target->node;

	request->node = node;
	request->target = waldo_ref_retain(target);
	request->perspective = NULL;
	request->method = NULL;
	request->deadline = WALDOI_NEVER;
	request->timeout_ms = 0;
	request->flags = 0;
	request->hops = 0;
	request->unchecked = 0;
	request->pinned = false;
	request->listed = false;
	request->waits = false;
	waldoi_writer_init(&request->args, &waldoi_ref_handles,
	                   node == NULL ? &no_limits : &node->writer_limits,
	                   waldoi_node_give_back, node);
}

waldo_request *
waldoi_request_new(waldo_ref *target, const char *method,
                   const waldo_options *options)
{
	waldo_node *node = target == NULL ? NULL : target->node;
	waldo_request *request = node == NULL
	                             ? malloc(sizeof(*request))
	                             : waldoi_pool_take(&node->request_pool);

	if (request == NULL) {
		return NULL;
	}
	init(request, target);
	if (!set_method(request, method)) {
		waldo_request_free(request);
		return NULL;
	}
	if (options != NULL) {
		set_options(request, options);
	}
	if (request->timeout_ms == 0 && node != NULL &&
	    (request->flags & WALDO_ONE_WAY) == 0) {
		request->timeout_ms = node->limits.call_timeout_ms;
	}
	return request;
}

WALDO_API waldo_request *
waldo_request_new(waldo_ref *target, const char *method,
                  const waldo_options *options)
{
	waldo_request *request = waldoi_request_new(target, method, options);

	if (request != NULL && request->node != NULL) {
		request->listed = true;
		LIST_INSERT_HEAD(&request->node->requests, request, node_entry);
	}
	return request;
}

WALDO_API waldo_writer *
waldo_request_get_args(waldo_request *request)
{
	return request == NULL ? NULL : &request->args;
}

WALDO_API void
waldo_request_free(waldo_request *request)
{
	waldo_ref *target, *perspective;

	if (request == NULL) {
		return;
	}
	target = request->target;
	perspective = request->perspective;
	waldoi_writer_fini(&request->args);
	waldoi_name_release(request->method);
	if (request->listed) {
		LIST_REMOVE(request, node_entry);
	}
	if (request->node == NULL) {
		free(request);
	} else {
		waldoi_pool_give(&request->node->request_pool, request);
	}
	waldo_ref_release(target);
	waldo_ref_release(perspective);
}

void
waldoi_request_orphan(waldo_request *request)
{
	LIST_REMOVE(request, node_entry);
	request->listed = false;
	request->node = NULL;
	waldoi_writer_orphan(&request->args);
}

/* ---- sending */

waldo_promise *
waldoi_request_fail(waldo_request *request, bool wants, waldo_err *ret_err,
                    waldoi_failure *failure)
{
	waldo_node *node = request->node;

	*ret_err = failure->pub.code;
	if (node != NULL && !wants) {
		waldoi_node_set_message(node, "%s", failure->pub.message);
	}
	waldo_request_free(request);
	if (!wants) {
		waldoi_failure_release(failure);
		return NULL;
	}
	return waldoi_promise_new_failed(node, failure);
}

/* Nothing begins while the node is being freed; the promise has no node, so
 * that nobody can wait for it and try again for ever. */
static waldo_promise *
fail_freeing(waldo_request *request, bool wants, waldo_err *ret_err)
{
	waldo_promise *promise =
	    waldoi_request_fail(request, wants, ret_err,
	                        waldoi_failure_new(WALDO_ELOST, WALDO_NOT_SENT,
	                                           "the node is being freed"));

	if (promise != NULL) {
		waldoi_promise_orphan(promise, NULL);
	}
	return promise;
}

/* What is wrong with it, or with what it is for; NULL if it may go. */
static waldoi_failure *
why_not(const waldo_request *request, const waldo_ref *end)
{
	if (end == NULL) {
		return waldoi_failure_new(WALDO_EINVAL, WALDO_NOT_SENT,
		                          "the reference is NULL");
	}
	if (request->args.handle_count > 0 &&
	    !waldoi_refs_are_of(request->node, request->args.handles,
	                        request->args.handle_count)) {
		return waldoi_failure_new(WALDO_EINVAL, WALDO_NOT_SENT,
		                          "a reference among the arguments "
		                          "belongs to another node");
	}
	return end->state == WALDO_BROKEN
	           ? waldoi_failure_with_fate(end->failure, WALDO_NOT_SENT)
	           : NULL;
}

waldo_promise *
waldoi_request_send_for(waldo_request *request, bool wants, waldo_err *ret_err)
{
	waldo_ref *end = waldoi_ref_follow(request->target);
	waldoi_failure *failure;
	waldo_err err;

	err = waldoi_writer_finish(&request->args, true, &request->payload,
	                           &request->len);
	if (err != WALDO_OK) {
		return waldoi_request_fail(
		    request, wants, ret_err,
		    waldoi_failure_new(err, WALDO_NOT_SENT, "%s",
		                       request->args.message));
	}
	if (request->node != NULL && request->node->freeing) {
		return fail_freeing(request, wants, ret_err);
	}
	failure = why_not(request, end);
	if (failure != NULL) {
		return waldoi_request_fail(request, wants, ret_err, failure);
	}
	if (request->timeout_ms != 0) {
		request->deadline = waldoi_node_clock(request->node) +
		                    request->timeout_ms * UINT64_C(1000);
	}
	return end->ops->invoke(end, request, wants, ret_err);
}

WALDO_API waldo_promise *
waldo_request_send(waldo_request *request)
{
	waldo_err err;

	return request == NULL ? NULL
	                       : waldoi_request_send_for(request, true, &err);
}

WALDO_API waldo_promise *
waldo_ref_invoke(waldo_ref *ref, const char *method, const char *format, ...)
{
	waldo_ref *end = waldoi_ref_follow(ref);
	waldo_request *request;
	waldo_promise *promise;
	waldo_err err;
	va_list args;

	if (end != NULL && end->state == WALDO_FAR) {
		va_start(args, format);
		promise = end->ops->call_directly(end, method, format, args);
		va_end(args);
		if (promise != NULL) {
			return promise;
		}
	}
	request = waldoi_request_new(ref, method, NULL);
	if (request == NULL) {
		return NULL;
	}
	va_start(args, format);
	waldoi_putf_va(&request->args, format, args);
	va_end(args);
	return waldoi_request_send_for(request, true, &err);
}

WALDO_API waldo_err
waldo_ref_notify(waldo_ref *ref, const char *method, const char *format, ...)
{
	const waldo_options one_way = {sizeof(one_way), 0, WALDO_ONE_WAY};
	waldo_request *request = waldoi_request_new(ref, method, &one_way);
	waldo_err err;
	va_list args;

	if (request == NULL) {
		return WALDO_ENOMEM;
	}
	va_start(args, format);
	waldoi_putf_va(&request->args, format, args);
	va_end(args);
	(void) waldoi_request_send_for(request, false, &err);
	return err;
}

/* ---- near calls */

static waldo_fate
near_give_up(waldo_promise *promise)
{
	waldo_call *call = promise->call;
	waldo_fate fate = WALDO_MAYBE_EXECUTED;

	if (call != NULL) {
		if (call->phase == WALDOI_WAITING) {
			fate = WALDO_NOT_SENT;
		}
		waldoi_call_give_up(call);
	}
	return fate;
}

static const waldoi_promise_source near_source = {near_give_up, NULL, NULL};

static waldo_call *
new_call(waldo_request *request)
{
	/* The request goes before the call is delivered. */
	waldo_call *call =
	    waldoi_call_new(request->node, request->target, request->method);

	if (call != NULL && waldoi_message_from(&call->args, &request->args,
	                                        true) != WALDO_OK) {
		waldoi_call_free(call);
		call = NULL;
	}
	return call;
}

/* A near call made of a request, whose arguments move over. NULL with
 * *ret_failure. */
static waldo_call *
near_call_new(waldo_request *request, waldoi_failure **ret_failure)
{
	waldo_node *node = request->node;
	size_t size = waldoi_writer_size(&request->args);
	waldo_call *call;

	if (node->near_bytes + size > node->limits.queued_bytes) {
		*ret_failure = waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "queued_bytes: no room for %zu more: %zu bytes of calls "
		    "wait in this node, at most %zu may",
		    size, node->near_bytes, node->limits.queued_bytes);
		return NULL;
	}
	call = new_call(request);
	if (call == NULL) {
		*ret_failure = waldoi_failure_new(WALDO_ENOMEM, WALDO_NOT_SENT,
		                                  "out of memory");
		return NULL;
	}
	call->parked_bytes = call->args.len + sizeof(*call);
	call->parked_in = &node->near_bytes;
	node->near_bytes += call->parked_bytes;
	call->args.unchecked = request->unchecked;
	call->hops = request->hops;
	call->idempotent = (request->flags & WALDO_IDEMPOTENT) != 0;
	call->confidential = (request->flags & WALDO_CONFIDENTIAL) != 0;
	call->deadline = request->deadline;
	call->perspective = waldo_ref_retain(request->perspective);
	return call;
}

/* `call` will settle `promise`, which may be NULL. */
static void
join(waldo_call *call, waldo_promise *promise, const waldo_request *request)
{
	if (promise == NULL) {
		return;
	}
	/* Once it is at an object of ours, or has left. */
	call->one_way = (request->flags & WALDO_ONE_WAY) != 0;
	call->promise = waldo_promise_retain(promise);
	promise->call = call;
	promise->source = &near_source;
}

bool
waldoi_near_has_room(const waldo_ref *ref)
{
	return ref->node->near_bytes <= ref->node->limits.queued_bytes / 2;
}

waldo_promise *
waldoi_near_invoke(waldo_ref *ref, waldo_request *request, bool wants,
                   waldo_err *ret_err)
{
	waldoi_failure *failure = NULL;
	waldo_call *call = near_call_new(request, &failure);
	waldo_promise *promise = NULL;

	if (call != NULL && wants) {
		promise = waldoi_promise_new(request->node);
		if (promise == NULL) {
			waldoi_call_free(call);
			call = NULL;
			failure = waldoi_failure_new(
			    WALDO_ENOMEM, WALDO_NOT_SENT, "out of memory");
		}
	}
	if (call == NULL) {
		return waldoi_request_fail(request, wants, ret_err, failure);
	}
	join(call, promise, request);
	if (call->promise != NULL) {
		waldoi_promise_set_deadline(promise, request);
	}
	waldo_request_free(request);
	waldoi_ref_deliver(ref, call);
	*ret_err = WALDO_OK;
	return promise;
}

bool
waldoi_near_deliver(waldo_ref *ref, waldo_request *request,
                    waldo_promise *promise)
{
	waldoi_failure *failure = NULL;
	waldo_call *call = near_call_new(request, &failure);

	if (call != NULL) {
		join(call, promise, request);
	} else if (promise != NULL) {
		waldoi_promise_settle(promise, NULL, failure, false);
	} else {
		waldoi_failure_release(failure);
	}
	waldo_request_free(request);
	if (call != NULL) {
		waldoi_ref_deliver(ref, call);
	}
	return call != NULL;
}
