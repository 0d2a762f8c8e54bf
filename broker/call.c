/* SPDX-License-Identifier: MIT */
#include "broker/call.h"
#include "broker/object.h"
#include "broker/pending.h"
#include "serial/api.h"
#include "serial/cursor.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All that is looked at before it is set; the reader, the writer's arrays and
 * the places in lists are not. */
static void
init_call(waldo_call *call)
{
	memset(&call->phase, 0,
	       offsetof(waldo_call, session) - offsetof(waldo_call, phase));
	call->session = NULL;
	call->id = 0;
	call->promise = NULL;
	call->following = NULL;
	call->filter = NULL;
	call->perspective = NULL;
	call->pendings = NULL;
	call->place_bytes = 0;
	call->parked_in = NULL;
	call->window_bytes = 0;
	call->on_cancel = NULL;
	call->kept.count = 0;
	call->job.queue = NULL;
	waldoi_timer_init(&call->timer);
	waldoi_message_init(&call->args);
}

waldo_call *
waldoi_call_new(waldo_node *node, waldo_ref *target, waldoi_name *method)
{
	waldo_call *call = waldoi_pool_take(&node->call_pool);

	if (call == NULL) {
		return NULL;
	}
	init_call(call);
	call->node = node;
	call->target = waldo_ref_retain(target);
	call->method = waldoi_name_retain(method);
	call->deadline = WALDOI_NEVER;
	call->since = waldoi_node_now(node);
	LIST_INSERT_HEAD(&node->calls, call, entry);
	node->call_count++;
	return call;
}

size_t
waldoi_call_size(const waldo_call *call)
{
	return sizeof(*call) + call->args.len +
	       call->args.ref_count * (size_t) WALDOI_REF_COST;
}

void
waldoi_call_leave_park(waldo_call *call)
{
	*call->parked_in -= call->parked_bytes;
	call->parked_in = NULL;
	if (call->node != NULL && !LIST_EMPTY(&call->node->rooms)) {
		waldoi_node_look_for_room(call->node);
	}
}

static void
leave_object(waldo_call *call)
{
	if (call->of_object) {
		LIST_REMOVE(call, object_entry);
		call->of_object = false;
	}
}

static void
stop_timer(waldo_call *call)
{
	if (waldoi_timer_is_armed(&call->timer)) {
		waldoi_timer_stop(&call->node->timers, &call->timer);
	}
}

/* Whatever connects it with who waits for it. */
static void
detach(waldo_call *call)
{
	waldo_promise *promise = call->promise;

	waldoi_call_unpark(call);
	stop_timer(call);
	if (call->session != NULL) {
		call->origin->forget(call);
	}
	leave_object(call);
	if (promise != NULL) {
		call->promise = NULL;
		promise->call = NULL;
		waldo_promise_release(promise);
	}
}

static void
stop_following(waldo_call *call)
{
	waldo_promise *followed = call->following;

	if (followed != NULL) {
		call->following = NULL;
		followed->follower = NULL;
		waldo_promise_release(followed);
	}
}

/* A queued call that is taken out is one less for its object. */
static void
unqueue(waldo_call *call)
{
	if (call->queued) {
		waldoi_object_of(call->target)->queued--;
		call->queued = false;
	}
	if (call->job.queue != NULL) {
		waldoi_runqueue_remove(&call->job);
	}
}

/* Nobody waits for it, and it waits for nothing. */
static void
dispose(waldo_call *call)
{
	waldo_node *node = call->node;
	waldo_ref *target = call->target;
	waldo_ref *perspective = call->perspective;

	assert(call->session == NULL && call->promise == NULL &&
	       call->following == NULL && call->job.queue == NULL &&
	       !waldoi_timer_is_armed(&call->timer));
	if (node != NULL) {
		LIST_REMOVE(call, entry);
		node->call_count--;
	}
	if (call->pendings != NULL) {
		waldoi_pendings_free(&call->pendings);
	}
	waldoi_message_fini(&call->args);
	if (call->kept.count > 0) {
		waldoi_places_fini(&call->kept);
	}
	if (call->has_writer) {
		waldoi_writer_fini(&call->result);
	}
	waldoi_name_release(call->method);
	if (node != NULL) {
		waldoi_pool_give(&node->call_pool, call);
	} else {
		free(call);
	}
	waldo_ref_release(target);
	waldo_ref_release(perspective);
}

void
waldoi_call_free(waldo_call *call)
{
	unqueue(call);
	detach(call);
	stop_following(call);
	dispose(call);
}

/* ---- answering */

static void
answer_near(waldo_call *call, waldoi_message *message, waldoi_failure *failure)
{
	waldo_promise *promise = call->promise;
	waldo_fate fate =
	    call->phase == WALDOI_WAITING ? WALDO_NOT_SENT : WALDO_EXECUTED;

	call->promise = NULL;
	promise->call = NULL;
	if (failure != NULL) {
		/* Whatever fate it had elsewhere: here it is an answer, unless
		 * the call itself went there. */
		failure = call->passed_on
		              ? waldoi_failure_retain(failure)
		              : waldoi_failure_with_fate(failure, fate);
	}
	waldoi_promise_settle(promise, message, failure, false);
	waldo_promise_release(promise);
}

static void
answer_near_with(waldo_call *call, waldo_writer *writer)
{
	waldoi_message message;
	waldo_err err = waldoi_message_from(&message, writer, false);
	waldoi_failure *failure = NULL;

	if (err != WALDO_OK) {
		failure = waldoi_failure_new(err, WALDO_EXECUTED, "%s",
		                             writer->message);
	}
	answer_near(call, err == WALDO_OK ? &message : NULL, failure);
	waldoi_failure_release(failure);
	waldoi_message_fini(&message);
}

/* Exactly one of the three. */
static inline void
send_answer(waldo_call *call, waldo_writer *writer, waldoi_message *message,
            waldoi_failure *failure)
{
	if (call->session != NULL) {
		call->origin->answer(call, writer, message, failure);
	} else if (call->promise != NULL && writer != NULL) {
		answer_near_with(call, writer);
	} else if (call->promise != NULL) {
		answer_near(call, message, failure);
	}
}

/* The user has answered: what else it was in is over. */
static void
end_work(waldo_call *call)
{
	call->answered = true;
	call->told = true;
	unqueue(call);
	stop_timer(call);
	waldoi_call_unpark(call);
	leave_object(call);
	stop_following(call);
}

static void
end(waldo_call *call)
{
	call->phase = WALDOI_ENDED;
	if (!call->on_stack) {
		dispose(call);
	}
}

static void
answer(waldo_call *call, waldo_writer *writer, waldoi_message *message,
       waldoi_failure *failure)
{
	if (call->answered) {
		return; /* a second answer, from within the method */
	}
	end_work(call);
	send_answer(call, writer, message, failure);
	if (call->phase != WALDOI_KEPT) {
		end(call);
	}
}

void
waldoi_call_fail(waldo_call *call, waldoi_failure *failure)
{
	answer(call, NULL, NULL, failure);
	waldoi_failure_release(failure);
}

void
waldoi_call_answer_with(waldo_call *call, waldoi_message *result,
                        waldoi_failure *failure)
{
	char why[WALDOI_CHECK_MESSAGE];
	waldo_err err;

	/* It may have come for another call, which only passed it on. */
	if (failure == NULL && (!call->remote || call->filter != NULL) &&
	    !waldoi_message_check(result, &err, why)) {
		waldoi_call_fail(call, waldoi_failure_new(
		                           err, WALDO_EXECUTED,
		                           "the result is not valid: %s", why));
		return;
	}
	if (failure == NULL && call->filter != NULL) {
		call->filter(call, result);
	} else {
		answer(call, NULL, failure == NULL ? result : NULL, failure);
	}
}

/* Begun when somebody wants it. The node may be gone by then. */
static waldo_writer *
result_of(waldo_call *call)
{
	static const waldoi_writer_limits no_limits = {1 << 16, 64, 256};

	if (!call->has_writer) {
		call->has_writer = true;
		waldoi_writer_init(&call->result, &waldoi_ref_handles,
		                   call->node == NULL
		                       ? &no_limits
		                       : &call->node->writer_limits,
		                   waldoi_node_give_back, call->node);
	}
	return &call->result;
}

/* The method answers, as most do, before it returns, and all of the result is
 * here. */
static bool
may_answer_directly(const waldo_call *call)
{
	return call->phase == WALDOI_RUNNING && !call->answered &&
	       call->session != NULL && call->following == NULL &&
	       (!call->has_writer || waldoi_writer_is_empty(&call->result));
}

WALDO_API void
waldo_call_reply(waldo_call *call, const char *format, ...)
{
	waldo_writer *result;
	va_list args;

	if (call == NULL) {
		return;
	}
	if (may_answer_directly(call)) {
		bool sent;

		va_start(args, format);
		sent = call->origin->answer_directly(call, format, args);
		va_end(args);
		if (sent) {
			end_work(call);
			end(call);
			return;
		}
	}
	result = result_of(call);
	va_start(args, format);
	waldoi_putf_va(result, format, args);
	va_end(args);
	if (result->handle_count > 0 &&
	    !waldoi_refs_are_of(call->node, result->handles,
	                        result->handle_count)) {
		waldoi_writer_fail(result, WALDO_EINVAL,
		                   "a reference in the result belongs to "
		                   "another node");
	}
	answer(call, result, NULL, NULL);
}

WALDO_API void
waldo_call_fail(waldo_call *call, const char *type, const char *format, ...)
{
	va_list args;
	waldoi_failure *failure;

	if (call == NULL) {
		return;
	}
	va_start(args, format);
	failure = waldoi_failure_typedv(type == NULL ? "" : type, format, args);
	va_end(args);
	waldoi_call_fail(call, failure);
}

WALDO_API void
waldo_call_fail_err(waldo_call *call, waldo_err err)
{
	if (call != NULL) {
		waldoi_call_fail(call, waldoi_failure_new(
		                           err == WALDO_OK ? WALDO_EINVAL : err,
		                           WALDO_EXECUTED, "%s",
		                           waldo_strerror(err)));
	}
}

WALDO_API void
waldo_call_fail_with(waldo_call *call, const waldo_failure *failure)
{
	if (failure == NULL) {
		waldo_call_fail_err(call, WALDO_EINVAL);
	} else if (call != NULL) {
		waldoi_call_fail(
		    call, waldoi_failure_retain(waldoi_failure_of(failure)));
	}
}

/* ---- arguments */

WALDO_API waldo_reader *
waldo_call_get_args(waldo_call *call)
{
	return call == NULL ? NULL : &call->reader;
}

/* "add(n: i64) -> i64" without what comes back; just "add" if the class does
 * not say. */
static int
head_of(const waldo_call *call, char *to, size_t size)
{
	const waldo_method *method = call->method->method;
	const char *signature = method == NULL || method->signature == NULL
	                            ? ""
	                            : method->signature;
	const char *arrow = strstr(signature, " ->");
	int len =
	    arrow == NULL ? (int) strlen(signature) : (int) (arrow - signature);

	return snprintf(to, size, "%s%.*s", call->method->text, len, signature);
}

WALDO_API bool
waldo_call_check(waldo_call *call)
{
	char head[200];

	if (call == NULL) {
		return false;
	}
	if (waldo_read_end(&call->reader) == WALDO_OK) {
		return true;
	}
	head_of(call, head, sizeof(head));
	waldoi_call_fail(
	    call, waldoi_failure_new(WALDO_EARGS, WALDO_EXECUTED, "%s: %s",
	                             head, waldo_read_message(&call->reader)));
	return false;
}

WALDO_API waldo_writer *
waldo_call_get_result(waldo_call *call)
{
	return call == NULL ? NULL : result_of(call);
}

/* ---- time */

static void
too_late(waldoi_timer *timer)
{
	waldo_call *call = waldoi_container_of(timer, waldo_call, timer);

	waldoi_call_preempt(
	    call, waldoi_failure_new(WALDO_EDEADLINE, WALDO_MAYBE_EXECUTED,
	                             "the caller's deadline has "
	                             "passed"));
}

void
waldoi_call_stay(waldo_call *call)
{
	/* A near one's promise looks after it. */
	if (call->deadline != WALDOI_NEVER && call->session != NULL &&
	    !waldoi_timer_is_armed(&call->timer) && !call->gave_up) {
		waldoi_node_arm(call->node, &call->timer, call->deadline,
		                too_late);
	}
}

WALDO_API uint32_t
waldo_call_get_time_left_ms(const waldo_call *call)
{
	uint64_t now, left_ms;

	if (call == NULL || call->deadline == WALDOI_NEVER) {
		return UINT32_MAX;
	}
	now = call->node == NULL ? call->deadline : waldoi_node_now(call->node);
	if (call->deadline <= now) {
		return 0;
	}
	left_ms = (call->deadline - now + 999) / 1000;
	return left_ms < UINT32_MAX ? (uint32_t) left_ms : UINT32_MAX - 1;
}

/* ---- deferring and giving up */

static void
tell_cancel(waldoi_job *job)
{
	waldo_call *call = waldoi_container_of(job, waldo_call, job);
	waldo_node *node = call->node;

	if (call->told || call->on_cancel == NULL) {
		return;
	}
	call->told = true;
	node->callbacks++;
	call->on_cancel(call, call->cancel_user);
	node->callbacks--;
}

/* Its outcome, that of the cancellation, answers the call. From the queue: a
 * chain of followers is not recursed into. */
static void
cancel_followed(waldoi_job *job)
{
	waldo_call *call = waldoi_container_of(job, waldo_call, job);

	if (call->following != NULL) {
		waldo_promise_cancel(call->following);
	}
}

void
waldoi_call_cancel(waldo_call *call)
{
	call->cancelled = true;
	if (call->following != NULL) {
		waldoi_node_queue(call->node, &call->job, cancel_followed);
	} else if (!call->told && call->on_cancel != NULL &&
	           call->node != NULL) {
		waldoi_node_queue(call->node, &call->job, tell_cancel);
	}
}

void
waldoi_call_withdraw(waldo_call *call)
{
	waldo_promise *last = call->following;

	while (last != NULL && last->call != NULL &&
	       last->call->following != NULL) {
		last = last->call->following;
	}
	waldo_promise_cancel(last);
}

WALDO_API waldo_call *
waldo_call_defer(waldo_call *call, waldo_cancel_cb *cb, void *user)
{
	waldoi_object *object;

	if (call == NULL || call->answered) {
		return call;
	}
	object = waldoi_object_of(call->target);
	call->on_cancel = cb;
	call->cancel_user = user;
	waldoi_call_stay(call);
	if (call->phase != WALDOI_DEFERRED) {
		call->phase = WALDOI_DEFERRED;
		if (object != NULL && !call->gave_up) {
			LIST_INSERT_HEAD(&object->deferred, call, object_entry);
			call->of_object = true;
		}
	}
	if (call->cancelled) {
		waldoi_call_cancel(call);
	} else if (object != NULL && object->ref.state == WALDO_BROKEN) {
		/* It was revoked by this very method. */
		waldoi_call_preempt(call,
		                    waldoi_failure_retain(object->ref.failure));
	}
	return call;
}

void
waldoi_call_give_up(waldo_call *call)
{
	if (call->phase == WALDOI_WAITING || call->phase == WALDOI_KEPT) {
		waldoi_call_free(call);
		return;
	}
	call->gave_up = true;
	detach(call);
	waldoi_call_cancel(call);
}

void
waldoi_call_orphan(waldo_call *call)
{
	waldo_node *node = call->node;

	if (call->phase != WALDOI_DEFERRED || call->following != NULL) {
		waldoi_call_free(call);
		return;
	}
	unqueue(call);
	detach(call);
	stop_following(call);
	waldoi_pendings_free(&call->pendings);
	if (call->has_writer) {
		waldoi_writer_orphan(&call->result);
	}
	LIST_REMOVE(call, entry);
	node->call_count--;
	call->node = NULL;
}

void
waldoi_call_preempt(waldo_call *call, waldoi_failure *failure)
{
	bool on_stack;

	if (call->phase == WALDOI_WAITING) {
		waldoi_call_fail(call, failure);
		return;
	}
	/* The user may answer while we do, in a `destroy`: not beneath us. */
	on_stack = call->on_stack;
	call->on_stack = true;
	send_answer(call, NULL, NULL, failure);
	waldoi_failure_release(failure);
	call->on_stack = on_stack;
	if (call->phase == WALDOI_ENDED) {
		if (!on_stack) {
			dispose(call);
		}
		return;
	}
	/* It stays with its session, which bounds how many calls of one peer
	 * the user may have to hold. */
	call->gave_up = true;
	leave_object(call);
	stop_timer(call);
	waldoi_call_cancel(call);
}

/* ---- running */

/* Arguments that came from a peer, now that somebody reads them. */
static bool
check_args(waldo_call *call)
{
	waldoi_cursor c = waldoi_cursor_of(call->args.body, call->args.len);
	char why[WALDOI_CHECK_MESSAGE];
	waldo_err err;

	if (waldoi_message_check(&call->args, &err, why) &&
	    !waldoi_cursor_is_array(&c)) {
		strcpy(why, "the arguments are not a list");
		err = WALDO_EARGS;
	}
	if (err != WALDO_OK) {
		waldoi_call_fail(
		    call, waldoi_failure_new(err, WALDO_NOT_SENT, "%s: %s",
		                             call->method->text, why));
	}
	return err == WALDO_OK;
}

void
waldoi_call_run(waldo_call *call, waldo_method_fn *fn, void *self)
{
	waldo_node *node = call->node;

	if (call->deadline != WALDOI_NEVER &&
	    call->deadline <= waldoi_node_now(node)) {
		waldoi_call_fail(
		    call, waldoi_failure_new(WALDO_EDEADLINE, WALDO_NOT_SENT,
		                             "the caller's deadline "
		                             "has passed"));
		return;
	}
	if (call->args.unchecked != 0 && !check_args(call)) {
		return;
	}
	waldoi_reader_init(&call->reader, call->args.body, call->args.len, true,
	                   (void *const *) call->args.refs,
	                   call->args.ref_count);
	call->reader.what = "argument";
	call->phase = WALDOI_RUNNING;
	call->on_stack = true;
	node->callbacks++;
	fn(self, call);
	node->callbacks--;
	call->on_stack = false;
	if (call->phase == WALDOI_RUNNING && !call->answered) {
		waldoi_call_fail(
		    call, waldoi_failure_typed("waldo.NoReply",
		                               "the method returned without an "
		                               "answer"));
		return;
	}
	if (call->phase == WALDOI_ENDED) {
		dispose(call);
		return;
	}
	/* Deferred or kept: the arguments have lived until now. */
	waldoi_reader_init_gone(&call->reader, WALDO_EINVAL,
	                        "the arguments are gone");
	waldoi_message_fini(&call->args);
}
