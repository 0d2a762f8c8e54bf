/* SPDX-License-Identifier: MIT */
/*
 * Calls that wait at their caller: for the peer's HELLO (PROTOCOL.md P30) and
 * for room in its call window (P38). One queue for both, in the order in which
 * the calls were made; they have no id, have counted nothing, and hold what
 * they name.
 */
#include "broker/session/session.h"

/* What one costs: a small one is not free. */
static size_t
size_of(const waldo_request *request)
{
	return sizeof(*request) + waldoi_writer_size(&request->args);
}

static void
leave(waldoi_session *session, waldo_request *request)
{
	size_t size = size_of(request);

	if (request->pinned) {
		TAILQ_REMOVE(&session->caller->waiting_flushes, request, entry);
	} else {
		TAILQ_REMOVE(&session->caller->waiting, request, entry);
	}
	session->caller->waiting_bytes -= size;
	session->node->bytes -= size;
	request->waits = false;
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

/* ---- room */

waldoi_failure *
waldoi_session_check_room(const waldoi_session *session, size_t size)
{
	const waldo_node *node = session->node;
	size_t queued = session->caller->waiting_bytes + session->out.unsent;

	if (waldoi_session_fits(session, size)) {
		return NULL;
	}
	if (queued + size > node->limits.queued_bytes) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "queued_bytes: no room for %zu more: %zu bytes wait for "
		    "%s, at most %zu may",
		    size, queued,
		    session->greeted ? "a peer that does not keep up"
		                     : "the connection",
		    node->limits.queued_bytes);
	}
	return waldoi_failure_new(
	    WALDO_ELIMIT, WALDO_NOT_SENT,
	    "total_bytes: no room for %zu more: %zu bytes wait for all peers, "
	    "at most %zu may",
	    size, node->bytes, node->limits.total_bytes);
}

bool
waldoi_session_has_room(const waldoi_session *session)
{
	const waldo_node *node = session->node;

	return session->caller->waiting_bytes + session->out.unsent <=
	           node->limits.queued_bytes / 2 &&
	       node->bytes <= node->limits.total_bytes / 4 * 3;
}

/* ---- what the caller's promise can do */

static waldo_fate
waiting_give_up(waldo_promise *promise)
{
	waldo_request *request = promise->request;
	waldoi_session *session = promise->session;

	leave(session, request);
	request->promise = NULL;
	promise->request = NULL;
	free_waiting(session, request);
	waldo_promise_release(promise);
	if (session->greeted) {
		/* A smaller one behind it may fit. */
		waldoi_session_send_waiting(session);
	} else {
		waldoi_session_tell_room(session);
	}
	waldoi_session_check_use(session);
	return WALDO_NOT_SENT;
}

static const waldoi_promise_source waiting_source = {
    waiting_give_up, waldoi_session_pipeline, waldoi_session_pipeline_has_room};
/* It will have no answer to be made a target of. */
static const waldoi_promise_source waiting_one_way_source = {waiting_give_up,
                                                             NULL, NULL};

/* ---- waiting */

/* Those of paths that change do not fail for that: they wait. One that is
 * passed on does, since it may be on a circle whose every slot it has, and one
 * that a program makes, as any call. */
static bool
has_no_slot(const waldoi_session *session, const waldo_request *request)
{
	return request->pinned &&
	       session->caller->flushes >= session->peer.open_calls;
}

/* Nobody can tell yet whether it fits. */
static bool
is_over_the_floor(const waldoi_session *session, const waldo_request *request)
{
	uint32_t open = request->method->flush
	                    ? session->caller->flushes
	                    : waldoi_session_open_calls(session);

	return open >= session->peer.open_calls ||
	       request->args.handle_count > session->peer.refs_per_message ||
	       request->args.handle_count + session->exports.count >
	           session->peer.exports ||
	       request->args.deepest > session->peer.max_depth;
}

bool
waldoi_session_must_wait(const waldoi_session *session,
                         const waldo_request *request)
{
	if (request->pinned) {
		return has_no_slot(session, request);
	}
	/* No call overtakes another; but those that were made on a path that
	 * changes have left before its flush, so nobody waits for that. */
	return !TAILQ_EMPTY(&session->caller->waiting) ||
	       (!session->greeted && is_over_the_floor(session, request));
}

waldoi_failure *
waldoi_session_wait(waldoi_session *session, waldo_request *request,
                    waldo_promise *promise)
{
	size_t size = size_of(request);
	waldoi_failure *failure =
	    request->pinned ? NULL : waldoi_session_check_room(session, size);

	if (failure != NULL) {
		return failure;
	}
	session->caller->waiting_bytes += size;
	session->node->bytes += size;
	request->waits = true;
	request->promise = waldo_promise_retain(promise);
	request->of = NULL;
	if (promise != NULL) {
		promise->session = session;
		promise->request = request;
		promise->source = (request->flags & WALDO_ONE_WAY) != 0
		                      ? &waiting_one_way_source
		                      : &waiting_source;
	}
	if (request->pinned) {
		TAILQ_INSERT_TAIL(&session->caller->waiting_flushes, request,
		                  entry);
	} else {
		TAILQ_INSERT_TAIL(&session->caller->waiting, request, entry);
	}
	return NULL;
}

/* ---- going on */

/* `request` is out of the queue. Its promise goes first: what the request lets
 * go may be an object whose `destroy` gives that promise up. Takes `failure`;
 * NULL: it was sent. */
static void
finish(waldoi_session *session, waldo_request *request, waldoi_failure *failure)
{
	waldo_promise *promise = request->promise;

	request->promise = NULL;
	if (promise != NULL) {
		promise->request = NULL;
	}
	if (failure != NULL && promise != NULL) {
		waldoi_promise_settle(promise, NULL, failure, false);
	} else {
		waldoi_failure_release(failure);
	}
	free_waiting(session, request);
	waldo_promise_release(promise);
}

/* Whether a call on `ref`, which is followed, still goes by this session. */
static bool
leads_through(const waldoi_session *session, waldo_ref *ref)
{
	const waldoi_pending *pending = waldoi_pending_of(ref);
	const waldo_promise *promise =
	    pending == NULL ? NULL : pending->promise;

	return promise == NULL
	           ? waldoi_import_session(ref) == session
	           : promise->session == session && promise->source != NULL &&
	                 promise->source->pipeline != NULL;
}

/* False: it failed, and the end of what it held may have done anything. */
static bool
move(waldoi_session *session, waldo_request *request, waldo_ref *to)
{
	waldo_promise *promise = request->promise;
	bool moved;

	leave(session, request);
	request->promise = NULL;
	if (promise != NULL) {
		promise->request = NULL;
	}
	moved = waldoi_near_deliver(to, request, promise);
	waldo_promise_release(promise);
	return moved;
}

/* False: it has to wait on. */
static bool
send_one(waldoi_session *session, waldo_request *request)
{
	waldo_ref *target = request->pinned
	                        ? request->target
	                        : waldoi_ref_follow(request->target);
	waldoi_failure *failure = NULL;

	if (target->state == WALDO_BROKEN) {
		failure =
		    waldoi_failure_with_fate(target->failure, WALDO_NOT_SENT);
	} else if (!request->pinned && !leads_through(session, target)) {
		/* Whoever changes a path moves what waits for it in the same
		 * breath (settle.c), so that none is left to be found here;
		 * but a frame could not say where it is to go. */
		(void) move(session, request, target);
		return true;
	} else if (waldoi_session_send_call(session, target, request,
	                                    request->promise,
	                                    &failure) == WALDOI_MUST_WAIT) {
		return false;
	}
	if (failure != NULL && request->promise == NULL) {
		waldoi_session_warn(session, failure->pub.message);
	}
	leave(session, request);
	finish(session, request, failure);
	return true;
}

/* A flush, if there is a slot for it, else a call; or NULL. */
static waldo_request *
first_to_send(const waldoi_session *session)
{
	waldo_request *flush = TAILQ_FIRST(&session->caller->waiting_flushes);

	return flush != NULL && !has_no_slot(session, flush)
	           ? flush
	           : TAILQ_FIRST(&session->caller->waiting);
}

void
waldoi_session_send_waiting(waldoi_session *session)
{
	waldo_request *request;

	/* A `destroy` may end the session, which empties the queue. */
	while ((request = first_to_send(session)) != NULL &&
	       send_one(session, request)) {
	}
	waldoi_session_tell_room(session);
}

void
waldoi_session_move_waiting(waldoi_session *session)
{
	waldo_request *request, *next;

	for (request = TAILQ_FIRST(&session->caller->waiting); request != NULL;
	     request = next) {
		waldo_ref *to = waldoi_ref_follow(request->target);

		next = TAILQ_NEXT(request, entry);
		/* Those on the results of what was moved just now, too. */
		if (to->state != WALDO_BROKEN && !leads_through(session, to) &&
		    !move(session, request, to)) {
			next = TAILQ_FIRST(&session->caller->waiting);
		}
	}
}

static waldo_request *
first_to_fail(const waldoi_session *session, bool flushes)
{
	waldo_request *request;

	TAILQ_FOREACH(request, &session->caller->waiting, entry) {
		if (flushes || !request->method->flush) {
			return request;
		}
	}
	return flushes ? TAILQ_FIRST(&session->caller->waiting_flushes) : NULL;
}

void
waldoi_session_fail_waiting(waldoi_session *session, waldoi_failure *why,
                            bool flushes)
{
	waldo_request *request;

	/* From the front each time: what one lets go may change the queue. */
	while ((request = first_to_fail(session, flushes)) != NULL) {
		leave(session, request);
		finish(session, request,
		       waldoi_failure_with_fate(why, WALDO_NOT_SENT));
	}
}

void
waldoi_session_tell_room(waldoi_session *session)
{
	if (!LIST_EMPTY(&session->node->rooms) &&
	    waldoi_session_has_room(session)) {
		waldoi_node_look_for_room(session->node);
	}
}
