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
pack_target(uint8_t *p, waldoi_session *session, waldo_ref *target)
{
	waldoi_pending *pending = waldoi_pending_of(target);
	int64_t id = 0;

	if (pending != NULL) {
		return waldoi_pack_answer(p,
		                          pending->promise != NULL
		                              ? pending->promise->id
		                              : pending->id,
		                          &pending->path);
	}
	(void) waldoi_import_id(session, target, &id);
	return waldoi_pack_int(p, id);
}

/* The name's number; the first time with its spelling. *ret_new: it has got
 * one just now. */
static uint8_t *
pack_method(uint8_t *p, waldoi_session *session, const waldo_request *request,
            bool *ret_new)
{
	waldoi_names_out *names = &session->names_out;
	uint64_t secret = session->node->secret;
	uint32_t number = waldoi_names_out_find(names, request->method,
	                                        request->method_len, secret);

	*ret_new = false;
	if (number != 0 || waldoi_is_flush(request->method)) {
		return waldoi_pack_uint(p, number);
	}
	if (names->count < session->peer.names &&
	    waldoi_names_out_define(names, request->method, request->method_len,
	                            secret)) {
		*ret_new = true;
		p = waldoi_pack_array(p, 2);
		p = waldoi_pack_uint(p, names->count);
	}
	return waldoi_pack_str(p, request->method, request->method_len);
}

static uint8_t *
pack_options(uint8_t *p, waldo_node *node, const waldo_request *request)
{
	bool late = request->deadline != WALDOI_NEVER;
	bool flags = (request->flags & WALDO_IDEMPOTENT) != 0;
	bool hops = request->hops > 0;
	uint64_t now = late ? waldoi_node_now(node) : 0;

	p = waldoi_pack_map(p, (size_t) late + flags + hops);
	if (late) {
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
		TAILQ_REMOVE(&promise->session->one_way, promise, one_way);
		waldo_promise_release(promise);
	}
	return WALDO_MAYBE_EXECUTED;
}

static waldo_promise *
pipeline(waldoi_pending *pending, waldo_request *request, bool wants,
         waldo_err *ret_err)
{
	return waldoi_session_invoke(pending->promise->session, &pending->ref,
	                             request, wants, ret_err);
}

static const waldoi_promise_source sent_source = {sent_give_up, pipeline};
static const waldoi_promise_source one_way_source = {sent_give_up, NULL};

static void
unlist_waiting(waldoi_session *session, waldo_request *request)
{
	TAILQ_REMOVE(&session->waiting, request, entry);
	session->waiting_bytes -= request->args.len + request->args.taken_bytes;
}

/* It has left, or never will. */
static void
free_waiting(waldoi_session *session, waldo_request *request)
{
	waldo_promise *of = request->of;

	request->of = NULL;
	waldo_request_free(request);
	if (of != NULL) {
		waldoi_session_flush_left(session, of);
	}
}

static waldo_fate
waiting_give_up(waldo_promise *promise)
{
	waldo_request *request = promise->request;
	waldoi_session *session = promise->session;

	unlist_waiting(session, request);
	request->promise = NULL;
	promise->request = NULL;
	free_waiting(session, request);
	waldo_promise_release(promise);
	waldoi_session_check_use(session);
	return WALDO_NOT_SENT;
}

static const waldoi_promise_source waiting_source = {waiting_give_up, pipeline};
/* It will have no answer to be made a target of. */
static const waldoi_promise_source waiting_one_way_source = {waiting_give_up,
                                                             NULL};

/* ---- limits */

static waldoi_failure *
check_room(waldoi_session *session, size_t size)
{
	waldo_node *node = session->node;

	if (size - 4 > session->peer.max_frame) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "message_bytes: a message of %zu bytes, the peer takes at "
		    "most %zu",
		    size - 4, session->peer.max_frame);
	}
	if (session->out.unsent + size > node->limits.queued_bytes) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "queued_bytes: %zu bytes wait for a peer that does not "
		    "read, at most %zu may",
		    session->out.unsent, node->limits.queued_bytes);
	}
	if (node->bytes + size > node->limits.total_bytes) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "total_bytes: %zu bytes wait for all peers, at most %zu "
		    "may",
		    node->bytes, node->limits.total_bytes);
	}
	return NULL;
}

/* As the peer counts them (PROTOCOL.md P34). */
static uint32_t
open_calls(const waldoi_session *session)
{
	return session->calls.count - session->flushes + session->kept;
}

static waldoi_failure *
check_call(waldoi_session *session, const waldo_request *request, size_t size)
{
	/* This one is in the table already. */
	if (!waldoi_is_flush(request->method) &&
	    open_calls(session) > session->peer.open_calls) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "open_calls: the peer runs at most %u calls of ours at a "
		    "time",
		    session->peer.open_calls);
	}
	if (request->args.deepest > session->peer.max_depth) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "depth: arguments of %u levels, the peer takes at most %u",
		    request->args.deepest, session->peer.max_depth);
	}
	/* A flush has room: without it order would be lost, and nobody told. */
	return request->pinned ? NULL : check_room(session, size);
}

/* ---- CALL */

static void
expect_return(waldoi_session *session, waldo_promise *promise, int64_t id,
              waldo_ref *target, bool flush)
{
	promise->flush = flush;
	session->flushes += flush;
	promise->session = session;
	promise->id = id;
	promise->frame = session->out.frames;
	promise->source = &sent_source;
	waldo_promise_retain(promise);
	if (waldoi_pending_of(target) != NULL) {
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
	TAILQ_INSERT_TAIL(&session->one_way, promise, one_way);
	session->ping_due = session->out.retain;
}

/* Builds the frame and queues it; nothing is counted yet. */
static waldoi_failure *
queue_call(waldoi_session *session, waldo_ref *target, waldo_request *request,
           waldoi_descs *descs, int64_t id, const uint8_t *payload, size_t len)
{
	uint8_t small[CALL_ROOM + 256];
	size_t room = CALL_ROOM + waldoi_descs_room(descs);
	uint8_t *head = room <= sizeof(small) ? small : malloc(room);
	waldoi_failure *failure;
	bool new_name = false;
	uint8_t *p;

	if (head == NULL) {
		return waldoi_failure_new(WALDO_ENOMEM, WALDO_NOT_SENT,
		                          "out of memory");
	}
	p = waldoi_op_begin(head, 6, WALDOI_OP_CALL);
	p = id == 0 ? waldoi_pack_nil(p) : waldoi_pack_int(p, id);
	p = pack_target(p, session, target);
	p = pack_method(p, session, request, &new_name);
	p = waldoi_descs_pack(descs, p);
	p = pack_options(p, session->node, request);
	failure =
	    check_call(session, request,
	               (size_t) (p - head) + len + request->args.taken_bytes);
	if (failure == NULL &&
	    !waldoi_op_queue(session, head, (size_t) (p - head), payload, len,
	                     &request->args)) {
		failure = waldoi_failure_new(WALDO_ENOMEM, WALDO_NOT_SENT,
		                             "out of memory");
	}
	if (failure != NULL && new_name) {
		waldoi_names_out_undefine(&session->names_out, request->method,
		                          request->method_len,
		                          session->node->secret);
	}
	if (head != small) {
		free(head);
	}
	return failure;
}

/* The call enters the session, or nothing has happened and the failure says
 * why. `promise` is NULL for one without. Leaves `request`. */
static waldoi_failure *
send_call(waldoi_session *session, waldo_ref *target, waldo_request *request,
          waldo_promise *promise)
{
	bool one_way = (request->flags & WALDO_ONE_WAY) != 0;
	int64_t id = one_way ? 0 : session->next_call;
	waldoi_failure *failure;
	waldoi_descs descs;
	const uint8_t *payload;
	size_t len;

	if (waldoi_writer_finish(&request->args, true, &payload, &len) !=
	    WALDO_OK) {
		return waldoi_failure_new(WALDO_EINVAL, WALDO_NOT_SENT, "%s",
		                          request->args.message);
	}
	failure = waldoi_descs_prepare(&descs, session,
	                               (waldo_ref **) request->args.handles,
	                               request->args.handle_count);
	if (failure != NULL) {
		return failure;
	}
	if (id != 0 &&
	    !waldoi_table_insert(&session->calls, (uint64_t) id, promise)) {
		failure = waldoi_failure_new(WALDO_ENOMEM, WALDO_NOT_SENT,
		                             "out of memory");
	} else {
		failure = queue_call(session, target, request, &descs, id,
		                     payload, len);
		if (failure != NULL && id != 0) {
			waldoi_table_remove(&session->calls, (uint64_t) id);
		}
	}
	if (failure != NULL) {
		waldoi_descs_roll_back(&descs);
		return failure;
	}
	/* From here on nothing can fail. */
	waldoi_descs_commit(&descs);
	target->used = true;
	if (id != 0) {
		session->next_call += 2;
		expect_return(session, promise, id, target,
		              waldoi_is_flush(request->method));
	} else if (promise != NULL) {
		expect_ack(session, promise);
	}
	waldoi_session_touch(session);
	return NULL;
}

/* ---- waiting for the peer's HELLO */

/* Flushes are few and cannot fail for that: they wait. */
static bool
has_no_slot(const waldoi_session *session, const waldo_request *request)
{
	return waldoi_is_flush(request->method) &&
	       session->flushes >= session->peer.open_calls;
}

static bool
must_wait(const waldoi_session *session, const waldo_request *request)
{
	if (has_no_slot(session, request)) {
		return true;
	}
	if (!TAILQ_EMPTY(&session->waiting) && !request->pinned) {
		return true; /* no call overtakes another */
	}
	if (session->greeted) {
		return false;
	}
	return open_calls(session) >= session->peer.open_calls ||
	       request->args.handle_count > session->peer.refs_per_message ||
	       request->args.handle_count + session->exports.count >
	           session->peer.exports ||
	       request->args.deepest > session->peer.max_depth ||
	       session->out.unsent + request->args.len +
	               request->args.taken_bytes + CALL_ROOM >
	           session->peer.max_frame;
}

static waldoi_failure *
wait_for_hello(waldoi_session *session, waldo_request *request,
               waldo_promise *promise)
{
	size_t size = request->args.len + request->args.taken_bytes;
	waldo_node *node = session->node;

	if (!request->pinned &&
	    session->waiting_bytes + size > node->limits.queued_bytes) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "queued_bytes: %zu bytes wait for the connection, at most "
		    "%zu may",
		    session->waiting_bytes, node->limits.queued_bytes);
	}
	session->waiting_bytes += size;
	request->promise = waldo_promise_retain(promise);
	if (promise != NULL) {
		promise->session = session;
		promise->request = request;
		promise->source = (request->flags & WALDO_ONE_WAY) != 0
		                      ? &waiting_one_way_source
		                      : &waiting_source;
	}
	if (request->pinned) {
		TAILQ_INSERT_HEAD(&session->waiting, request, entry);
	} else {
		TAILQ_INSERT_TAIL(&session->waiting, request, entry);
	}
	return NULL;
}

/* `request` is out of the queue. Its promise goes first: what the request lets
 * go may be an object whose `destroy` gives that promise up. */
static void
fail_waiting(waldoi_session *session, waldo_request *request,
             waldoi_failure *failure)
{
	waldo_promise *promise = request->promise;

	request->promise = NULL;
	if (promise != NULL) {
		promise->request = NULL;
		waldoi_promise_settle(promise, NULL, failure, false);
	} else {
		waldoi_failure_release(failure);
	}
	free_waiting(session, request);
	waldo_promise_release(promise);
}

static void
send_one_waiting(waldoi_session *session, waldo_request *request)
{
	waldo_promise *promise = request->promise;
	waldo_ref *target = request->pinned
	                        ? request->target
	                        : waldoi_ref_follow(request->target);
	waldoi_failure *failure;

	if (promise != NULL) {
		promise->request = NULL;
		promise->source = NULL;
	}
	failure =
	    target->state == WALDO_BROKEN
	        ? waldoi_failure_with_fate(target->failure, WALDO_NOT_SENT)
	        : send_call(session, target, request, promise);
	if (failure != NULL) {
		fail_waiting(session, request, failure);
		return;
	}
	request->promise = NULL;
	free_waiting(session, request);
	waldo_promise_release(promise);
}

void
waldoi_session_send_waiting(waldoi_session *session)
{
	waldo_request *request;

	/* A callback may end the session, which empties the queue. */
	while ((request = TAILQ_FIRST(&session->waiting)) != NULL &&
	       !has_no_slot(session, request)) {
		unlist_waiting(session, request);
		send_one_waiting(session, request);
	}
}

void
waldoi_session_move_waiting(waldoi_session *session, waldo_ref *place)
{
	waldo_request *request, *next;

	for (request = TAILQ_FIRST(&session->waiting); request != NULL;
	     request = next) {
		waldo_promise *promise = request->promise;

		next = TAILQ_NEXT(request, entry);
		if (request->pinned ||
		    waldoi_ref_follow(request->target) != place) {
			continue;
		}
		unlist_waiting(session, request);
		request->promise = NULL;
		if (promise != NULL) {
			promise->request = NULL;
		}
		if (!waldoi_near_deliver(place, request, promise)) {
			next = TAILQ_FIRST(&session->waiting);
		}
		waldo_promise_release(promise);
	}
}

/* ---- invoking */

waldo_promise *
waldoi_session_invoke(waldoi_session *session, waldo_ref *target,
                      waldo_request *request, bool wants, waldo_err *ret_err)
{
	waldo_promise *promise = NULL;
	waldoi_failure *failure = NULL;
	bool waits;

	if (session->state != WALDOI_OPEN_SESSION) {
		return waldoi_request_fail(
		    request, wants, ret_err,
		    waldoi_failure_with_fate(session->why, WALDO_NOT_SENT));
	}
	if (wants) {
		promise = waldoi_promise_new(session->node);
		if (promise == NULL) {
			waldo_request_free(request);
			*ret_err = WALDO_ENOMEM;
			return NULL;
		}
	}
	waits = must_wait(session, request);
	failure = waits ? wait_for_hello(session, request, promise)
	                : send_call(session, target, request, promise);
	if (failure != NULL) {
		if (wants) {
			promise->settled = WALDOI_SETTLED;
			waldo_promise_release(promise);
		}
		return waldoi_request_fail(request, wants, ret_err, failure);
	}
	if (promise != NULL) {
		waldoi_promise_set_deadline(promise, request);
	}
	if (!waits) {
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
	waldo_request *request;
	uint64_t key;

	while ((promise = waldoi_table_any(&session->calls, &key)) != NULL) {
		waldoi_table_remove(&session->calls, key);
		fail_sent(session, promise);
	}
	waldoi_table_fini(&session->calls);
	while ((promise = TAILQ_FIRST(&session->one_way)) != NULL) {
		TAILQ_REMOVE(&session->one_way, promise, one_way);
		fail_sent(session, promise);
	}
	while ((request = TAILQ_FIRST(&session->waiting)) != NULL) {
		unlist_waiting(session, request);
		fail_waiting(
		    session, request,
		    waldoi_failure_with_fate(session->why, WALDO_NOT_SENT));
	}
}

void
waldoi_session_settle_one_way(waldoi_session *session, uint64_t frame)
{
	waldo_promise *promise;

	while ((promise = TAILQ_FIRST(&session->one_way)) != NULL &&
	       promise->frame <= frame) {
		TAILQ_REMOVE(&session->one_way, promise, one_way);
		waldoi_promise_settle_nil(promise, false);
		waldo_promise_release(promise);
	}
}
