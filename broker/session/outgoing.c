/* SPDX-License-Identifier: MIT */
#include "broker/session/session.h"
#include "broker/pending.h"
#include "broker/session/descs.h"
#include "serial/pack.h"

#include <stdlib.h>
#include <string.h>

/* The header of a CALL without its references: the frame's head, the array
 * and op, id, a target with its path, a method with its number, options. */
#define PATH_ROOM (16 + WALDOI_MAX_STEPS * (WALDOI_MAX_METHOD + 8))
#define CALL_ROOM                                                              \
	(WALDOI_FRAME_HEAD + 2 + 9 + PATH_ROOM + 12 + WALDOI_MAX_METHOD + 3 +  \
	 40)

/* ---- the pieces of a header */

static uint8_t *
pack_target(uint8_t *p, const waldoi_session *session, waldo_ref *target)
{
	const waldoi_pending *pending;
	int64_t id;

	if (waldoi_import_id(session, target, &id)) {
		return waldoi_pack_int(p, id);
	}
	pending = waldoi_pending_of(target);
	return waldoi_pack_answer(
	    p, pending->promise != NULL ? pending->promise->id : pending->id,
	    &pending->path);
}

/* The name's number; the first time with its spelling. *ret_new: it has got
 * one just now. */
static uint8_t *
pack_method(uint8_t *p, waldoi_session *session, waldo_request *request,
            bool *ret_new)
{
	waldoi_names_out *names = &session->caller->names_out;
	waldoi_name *name = request->method;
	uint32_t number = waldoi_names_out_find(names, name);

	request->method_number = number;
	if (number != 0 || name->flush) {
		return waldoi_pack_uint(p, number);
	}
	if (names->count < session->peer.names &&
	    waldoi_names_out_define(names, name)) {
		*ret_new = true;
		request->method_number = names->count;
		p = waldoi_pack_array(p, 2);
		p = waldoi_pack_uint(p, names->count);
	}
	return waldoi_pack_str(p, name->text, name->len);
}

static uint8_t *
pack_options(uint8_t *p, waldo_node *node, const waldo_request *request)
{
	bool late = request->deadline != WALDOI_NEVER;
	bool flags = (request->flags & WALDO_IDEMPOTENT) != 0;
	bool hops = request->hops > 0;

	p = waldoi_pack_map(p, (size_t) late + flags + hops);
	if (late) {
		uint64_t now = waldoi_node_now(node);

		p = waldoi_pack_uint(p, WALDOI_OPT_TIME_LEFT);
		p = waldoi_pack_uint(p, request->deadline <= now
		                            ? 0
		                            : (request->deadline - now + 999) /
		                                  1000);
	}
	if (flags) {
		p = waldoi_pack_uint(p, WALDOI_OPT_FLAGS);
		p = waldoi_pack_uint(p, WALDOI_FLAG_IDEMPOTENT);
	}
	if (hops) {
		p = waldoi_pack_uint(p, WALDOI_OPT_HOPS);
		p = waldoi_pack_uint(p, request->hops);
	}
	return p;
}

/* ---- what the caller's promise can do */

static waldo_fate
sent_give_up(waldo_promise *promise)
{
	if (promise->id != 0) {
		waldoi_session_send_cancel(promise->session, promise->id);
	} else {
		/* One-way: whether it arrived is of no interest any more. */
		TAILQ_REMOVE(&promise->session->caller->one_way, promise,
		             one_way);
		waldo_promise_release(promise);
	}
	return WALDO_MAYBE_EXECUTED;
}

waldo_promise *
waldoi_session_pipeline(waldoi_pending *pending, waldo_request *request,
                        bool wants, waldo_err *ret_err)
{
	return waldoi_session_invoke(pending->promise->session, &pending->ref,
	                             request, wants, ret_err);
}

bool
waldoi_session_pipeline_has_room(const waldo_promise *promise)
{
	return waldoi_session_has_room(promise->session);
}

static const waldoi_promise_source sent_source = {
    sent_give_up, waldoi_session_pipeline, waldoi_session_pipeline_has_room};
static const waldoi_promise_source one_way_source = {sent_give_up, NULL, NULL};

/* ---- limits */

uint32_t
waldoi_session_open_calls(const waldoi_session *session)
{
	return session->caller->calls.count - session->caller->flushes +
	       session->caller->kept;
}

/* `size` is that of the frame, its length included. */
static waldoi_failure *
check_call(const waldoi_session *session, const waldo_request *request,
           size_t size)
{
	bool flush = request->method->flush;
	/* This one is in the table already, but not among the flushes. */
	uint32_t open = flush ? session->caller->flushes + 1
	                      : waldoi_session_open_calls(session);

	if (open > session->peer.open_calls && !request->pinned) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "open_calls: the peer runs at most %u %s of ours at a "
		    "time",
		    session->peer.open_calls, flush ? "flushes" : "calls");
	}
	if (request->args.deepest > session->peer.max_depth) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "depth: arguments of %u levels, the peer takes at most %u",
		    request->args.deepest, session->peer.max_depth);
	}
	/* Before HELLO it waits, as nobody can tell yet. */
	if (session->greeted && size - 4 > session->peer.max_frame) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "message_bytes: a message of %zu bytes, the peer takes at "
		    "most %u",
		    size - 4, session->peer.max_frame);
	}
	return NULL;
}

/* What would fail when its turn comes does so at once, as far as that is known:
 * later a one-way call could tell nobody. */
static waldoi_failure *
check_ahead(waldoi_session *session, const waldo_request *request)
{
	const waldo_writer *args = &request->args;
	waldoi_descs descs;
	waldoi_failure *failure = waldoi_descs_prepare(
	    &descs, session, (waldo_ref **) args->handles, args->handle_count);

	if (failure != NULL) {
		return failure;
	}
	waldoi_descs_roll_back(&descs);
	return check_call(session, request, 4 + waldoi_writer_size(args));
}

/* ---- CALL */

static waldoi_failure *
no_memory(void)
{
	return waldoi_failure_new(WALDO_ENOMEM, WALDO_NOT_SENT,
	                          "out of memory");
}

void
waldoi_session_expect_return(waldoi_session *session, waldo_promise *promise,
                             uint32_t method_number)
{
	promise->session = session;
	promise->method_number = method_number;
	promise->frame = session->out.frames;
	promise->source = &sent_source;
	promise->count++;
}

static void
expect_return(waldoi_session *session, waldo_promise *promise,
              waldo_ref *target, const waldo_request *request)
{
	waldoi_session_expect_return(session, promise, request->method_number);
	promise->flush = request->method->flush;
	session->caller->flushes += promise->flush;
	if (target->state == WALDO_PENDING &&
	    waldoi_pending_of(target) != NULL) {
		promise->on = waldo_ref_retain(target);
	}
}

static void
expect_ack(waldoi_session *session, waldo_promise *promise)
{
	promise->session = session;
	promise->frame = session->out.frames;
	promise->source = &one_way_source;
	waldo_promise_retain(promise);
	TAILQ_INSERT_TAIL(&session->caller->one_way, promise, one_way);
	session->caller->ping_due = session->out.retain;
}

/* Whether a frame of `size` bytes may go, and in *ret_failure if it never
 * will. */
static waldoi_sending
may_send(waldoi_session *session, const waldo_request *request, size_t size,
         waldoi_failure **ret_failure)
{
	*ret_failure = check_call(session, request, size);
	if (*ret_failure == NULL &&
	    size - 4 > session->window_total - session->caller->window_used) {
		return WALDOI_MUST_WAIT;
	}
	/* One that waited is counted in queued_bytes already, and a flush has
	 * room: without it order would be lost, and nobody told. */
	if (*ret_failure == NULL && !request->waits && !request->pinned &&
	    !waldoi_session_fits(session, size)) {
		*ret_failure = waldoi_session_check_room(session, size);
	}
	return *ret_failure == NULL ? WALDOI_SENT : WALDOI_FAILED;
}

/* Builds the frame and queues it; nothing is counted yet. */
static waldoi_sending
queue_call(waldoi_session *session, waldo_ref *target, waldo_request *request,
           const waldoi_descs *descs, int64_t id, waldoi_failure **ret_failure)
{
	uint8_t small[CALL_ROOM + 256];
	size_t room =
	    CALL_ROOM + (descs->count == 0 ? 1 : waldoi_descs_room(descs));
	uint8_t *head = room <= sizeof(small) ? small : malloc(room);
	waldoi_sending sending;
	bool new_name = false;
	size_t size;
	uint8_t *p;

	if (head == NULL) {
		*ret_failure = no_memory();
		return WALDOI_FAILED;
	}
	p = waldoi_op_begin(head, 6, WALDOI_OP_CALL);
	p = id == 0 ? waldoi_pack_nil(p) : waldoi_pack_int(p, id);
	p = pack_target(p, session, target);
	p = pack_method(p, session, request, &new_name);
	p = descs->count == 0 ? waldoi_pack_array(p, 0)
	                      : waldoi_descs_pack(descs, p);
	p = pack_options(p, session->node, request);
	size = (size_t) (p - head) + request->len + request->args.taken_bytes;
	sending = may_send(session, request, size, ret_failure);
	if (sending == WALDOI_SENT &&
	    !waldoi_op_queue(session, head, (size_t) (p - head),
	                     request->payload, request->len, &request->args)) {
		*ret_failure = no_memory();
		sending = WALDOI_FAILED;
	}
	if (sending == WALDOI_SENT) {
		session->caller->window_used += size - 4;
	} else if (new_name) {
		waldoi_names_out_undefine(&session->caller->names_out,
		                          request->method);
	}
	if (head != small) {
		free(head);
	}
	return sending;
}

waldoi_sending
waldoi_session_send_call(waldoi_session *session, waldo_ref *target,
                         waldo_request *request, waldo_promise *promise,
                         waldoi_failure **ret_failure)
{
	bool one_way = (request->flags & WALDO_ONE_WAY) != 0;
	int64_t id = one_way ? 0 : session->caller->next_call;
	waldoi_sending sending = WALDOI_FAILED;
	waldoi_descs descs;

	descs.count = 0;
	if (request->args.handle_count > 0) {
		*ret_failure = waldoi_descs_prepare(
		    &descs, session, (waldo_ref **) request->args.handles,
		    request->args.handle_count);
		if (*ret_failure != NULL) {
			return WALDOI_FAILED;
		}
	}
	if (id != 0 &&
	    !waldoi_calls_insert(&session->caller->calls, id, promise)) {
		*ret_failure = no_memory();
	} else {
		sending = queue_call(session, target, request, &descs, id,
		                     ret_failure);
		if (sending != WALDOI_SENT && id != 0) {
			waldoi_calls_remove(&session->caller->calls, id);
			promise->id = 0;
		}
	}
	if (sending != WALDOI_SENT) {
		waldoi_descs_roll_back(&descs);
		return sending;
	}
	/* From here on nothing can fail. */
	if (descs.count > 0) {
		waldoi_descs_commit(&descs);
	}
	target->used = true;
	if (id != 0) {
		session->caller->next_call += 2;
		expect_return(session, promise, target, request);
	} else if (promise != NULL) {
		expect_ack(session, promise);
	}
	waldoi_session_touch(session);
	return WALDOI_SENT;
}

/* ---- invoking */

/* Nothing begins after the end, and no call after the peer's GOAWAY. */
static waldoi_failure *
why_not(const waldoi_session *session, const waldo_request *request)
{
	if (session->state != WALDOI_OPEN_SESSION) {
		return session->why;
	}
	return request->method->flush ? NULL : session->farewell;
}

/* What most are: nothing is before it, nor unknown. */
static bool
is_next(const waldoi_session *session, const waldo_request *request)
{
	return session->greeted && TAILQ_EMPTY(&session->caller->waiting) &&
	       !request->pinned;
}

waldo_promise *
waldoi_session_invoke(waldoi_session *session, waldo_ref *target,
                      waldo_request *request, bool wants, waldo_err *ret_err)
{
	waldo_promise *promise = NULL;
	waldoi_failure *failure = NULL;
	waldoi_failure *over = why_not(session, request);
	waldoi_sending sending = WALDOI_MUST_WAIT;

	if (over != NULL) {
		return waldoi_request_fail(
		    request, wants, ret_err,
		    waldoi_failure_with_fate(over, WALDO_NOT_SENT));
	}
	if ((request->flags & WALDO_CONFIDENTIAL) != 0 &&
	    (failure = waldoi_session_distrust(session)) != NULL) {
		return waldoi_request_fail(request, wants, ret_err, failure);
	}
	if (!waldoi_session_make_caller(session) ||
	    (wants && (promise = waldoi_promise_new(session->node)) == NULL)) {
		waldo_request_free(request);
		*ret_err = WALDO_ENOMEM;
		return NULL;
	}
	if (is_next(session, request) ||
	    !waldoi_session_must_wait(session, request)) {
		sending = waldoi_session_send_call(session, target, request,
		                                   promise, &failure);
	} else if (session->greeted) {
		failure = check_ahead(session, request);
	}
	if (sending == WALDOI_MUST_WAIT && failure == NULL) {
		failure = waldoi_session_wait(session, request, promise);
	}
	if (failure != NULL) {
		if (wants) {
			promise->settled = WALDOI_SETTLED;
			waldo_promise_release(promise);
		}
		return waldoi_request_fail(request, wants, ret_err, failure);
	}
	if (promise != NULL && request->deadline != WALDOI_NEVER) {
		waldoi_promise_set_deadline(promise, request);
	}
	if (sending == WALDOI_SENT) {
		waldo_request_free(request);
	}
	*ret_err = WALDO_OK;
	return promise;
}

/* ---- the end */

static waldo_fate
fate_of(const waldoi_session *session, const waldo_promise *promise)
{
	return promise->frame > waldoi_output_begun(&session->out) ||
	               promise->frame > session->never_ran
	           ? WALDO_NOT_SENT
	           : WALDO_MAYBE_EXECUTED;
}

static void
fail_sent(waldoi_session *session, waldo_promise *promise)
{
	waldoi_promise_settle(
	    promise, NULL,
	    waldoi_failure_with_fate(session->why, fate_of(session, promise)),
	    false);
	waldo_promise_release(promise);
}

void
waldoi_session_fail_calls(waldoi_session *session)
{
	waldo_promise *promise;
	uint32_t at = 0;

	if (!waldoi_session_has_caller(session)) {
		return;
	}
	while ((promise = waldoi_calls_take(&session->caller->calls, &at)) !=
	       NULL) {
		fail_sent(session, promise);
	}
	waldoi_calls_fini(&session->caller->calls);
	while ((promise = TAILQ_FIRST(&session->caller->one_way)) != NULL) {
		TAILQ_REMOVE(&session->caller->one_way, promise, one_way);
		fail_sent(session, promise);
	}
	waldoi_session_fail_waiting(session, session->why, true);
}

void
waldoi_session_settle_one_way(waldoi_session *session, uint64_t frame)
{
	waldo_promise *promise;

	while ((promise = TAILQ_FIRST(&session->caller->one_way)) != NULL &&
	       promise->frame <= frame) {
		TAILQ_REMOVE(&session->caller->one_way, promise, one_way);
		waldoi_promise_settle_nil(promise, false);
		waldo_promise_release(promise);
	}
}
