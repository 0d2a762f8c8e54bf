/* SPDX-License-Identifier: MIT */
/* Passing a call on: its answer is the outcome of another. */
#include "broker/call.h"
#include "serial/api.h"

WALDO_API void
waldo_call_follow(waldo_call *call, waldo_promise *promise)
{
	if (call == NULL || promise == NULL) {
		if (call != NULL) {
			waldo_call_fail_err(call, WALDO_ENOMEM);
		}
		waldo_promise_release(promise);
		return;
	}
	if (call->answered || promise->node != call->node ||
	    promise == call->promise || promise->has_callback ||
	    promise->read || promise->follower != NULL) {
		waldo_call_fail_err(call, WALDO_EINVAL);
		waldo_promise_release(promise);
		return;
	}
	if (promise->settled == WALDOI_SETTLED && promise->failure == NULL &&
	    promise->value.body == NULL) {
		waldo_call_fail_err(call,
		                    WALDO_EINVAL); /* given away already */
		waldo_promise_release(promise);
		return;
	}
	if (promise->settled == WALDOI_SETTLED) {
		waldoi_call_answer_with(call, &promise->value,
		                        promise->failure);
		waldo_promise_release(promise);
		return;
	}
	/* First, since deferring may find that nobody waits any more. */
	call->following = promise;
	promise->follower = call;
	(void) waldo_call_defer(call, NULL, NULL);
}

void
waldoi_ref_forward(waldo_ref *ref, waldo_call *call)
{
	bool unanswered = call->promise == NULL && call->id == 0;
	waldo_options options = {
	    .size = sizeof(options),
	    .flags = (unanswered || call->one_way ? WALDO_ONE_WAY : 0u) |
	             (call->idempotent ? WALDO_IDEMPOTENT : 0u) |
	             (call->confidential ? WALDO_CONFIDENTIAL : 0u)};
	waldo_request *request;
	waldoi_message args;

	waldoi_call_unpark(call);
	if (call->hops >= WALDOI_MAX_HOPS) {
		waldoi_call_fail(
		    call,
		    waldoi_failure_new(WALDO_ELIMIT, WALDO_NOT_SENT,
		                       "hops: the call was forwarded %d times",
		                       WALDOI_MAX_HOPS));
		return;
	}
	if (call->deadline != WALDOI_NEVER) {
		options.timeout_ms = waldo_call_get_time_left_ms(call);
		if (options.timeout_ms == 0) {
			options.timeout_ms = 1;
		}
	}
	request = waldoi_request_new(ref, call->method->text, &options);
	if (request == NULL) {
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	request->timeout_ms = options.timeout_ms; /* none of our own calls' */
	request->hops = (uint8_t) (call->hops + 1);
	request->unchecked = call->args.unchecked;
	request->perspective = waldo_ref_retain(call->perspective);
	waldoi_writer_set_payload(
	    &request->args, call->args.body, call->args.len,
	    (void *const *) call->args.refs, call->args.ref_count);
	/* From here on they are the other call's, until it has left. */
	waldoi_message_move(&args, &call->args);
	if (unanswered) {
		waldo_err err;

		(void) waldoi_request_send_for(request, false, &err);
		waldoi_call_free(call);
	} else {
		call->passed_on = true;
		call->phase = WALDOI_RUNNING; /* so that it can be deferred */
		waldo_call_follow(call, waldo_request_send(request));
	}
	waldoi_message_fini(&args);
}
