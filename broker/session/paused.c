/* SPDX-License-Identifier: MIT */
/*
 * Calls of a peer that leaves our output unread (PROTOCOL.md P39): they are
 * taken as any other, but for their dispatch, which waits until the peer reads.
 * Their window bytes are not given back meanwhile, so the peer stops, too.
 */
#include "broker/session/session.h"

/* Too much waits for the peer to run more that it would have to read. */
static bool
is_choked(const waldoi_session *session)
{
	return session->out.unsent > session->node->limits.queued_bytes / 4;
}

bool
waldoi_session_must_pause(const waldoi_session *session)
{
	return session->paused.count > 0 || session->stalled.count > 0 ||
	       is_choked(session);
}

/* The window bounds their frames; small calls cost more than those. */
static waldoi_failure *
check_paused(const waldoi_session *session, size_t size)
{
	const waldo_node *node = session->node;

	if (session->paused_size + size > node->limits.queued_bytes) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "queued_bytes: %zu bytes of calls wait for a peer that "
		    "does not read its replies, at most %zu may",
		    session->paused_size, node->limits.queued_bytes);
	}
	if (node->bytes + size > node->limits.total_bytes) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "total_bytes: %zu bytes are held for all peers, at most "
		    "%zu may",
		    node->bytes, node->limits.total_bytes);
	}
	return NULL;
}

static void
refuse(waldo_call *call, waldoi_failure *failure)
{
	if (call->id == 0) {
		waldoi_session_warn(call->session, failure->pub.message);
	}
	waldoi_call_fail(call, failure);
}

/* It waits no longer, whatever becomes of it. */
void
waldoi_session_unpause(waldo_call *call)
{
	call->session->paused_bytes -= call->window_bytes;
	call->session->paused_size -= call->parked_bytes;
	call->window_bytes = 0;
	waldoi_call_unpark(call);
	waldoi_session_look_at_credit(call->session);
}

static void
let_go(waldoi_job *job)
{
	waldo_call *call = waldoi_container_of(job, waldo_call, job);
	waldoi_session *session = call->session;
	waldo_ref *target = call->target;
	waldoi_failure *full;

	waldoi_session_unpause(call);
	full = call->flush ? NULL : waldoi_session_check_incoming(session, 1);
	if (full != NULL) {
		refuse(call, full);
		return;
	}
	call->target = NULL;
	waldoi_session_dispatch(session, call, target);
	waldo_ref_release(target);
}

void
waldoi_session_pause(waldoi_session *session, waldo_call *call,
                     waldo_ref *target, size_t frame_len)
{
	size_t size = waldoi_call_size(call);
	waldoi_failure *failure = check_paused(session, size);

	call->target = waldo_ref_retain(target);
	if (failure == NULL && !waldoi_message_own(&call->args)) {
		failure = waldoi_failure_new(WALDO_ENOMEM, WALDO_NOT_SENT,
		                             "out of memory");
	}
	if (failure != NULL) {
		refuse(call, failure);
		return;
	}
	call->window_bytes = frame_len;
	session->paused_bytes += frame_len;
	session->paused_size += size;
	call->parked_bytes = size;
	call->parked_in = &session->node->bytes;
	session->node->bytes += size;
	waldoi_call_stay(call);
	waldoi_runqueue_add(&session->paused, &call->job, let_go);
}

bool
waldoi_session_stall(waldo_call *call, void (*run)(waldoi_job *job))
{
	waldoi_session *session = call->session;

	if (session->resuming || session->state != WALDOI_OPEN_SESSION ||
	    (session->stalled.count == 0 && !is_choked(session))) {
		return false;
	}
	if (call->parked_in == NULL) {
		call->parked_bytes = waldoi_call_size(call);
		call->parked_in = &session->parked_bytes;
		session->parked_bytes += call->parked_bytes;
	}
	waldoi_runqueue_add(&session->stalled, &call->job, run);
	return true;
}

static waldoi_job *
next_to_resume(waldoi_session *session)
{
	waldoi_job *job = waldoi_runqueue_pop(&session->stalled);

	session->resuming = job != NULL;
	return job != NULL ? job : waldoi_runqueue_pop(&session->paused);
}

static bool
may_resume(const waldoi_session *session)
{
	return session->state == WALDOI_OPEN_SESSION &&
	       (session->paused.count > 0 || session->stalled.count > 0) &&
	       !is_choked(session);
}

/* In their order; others have their turn before the rest (P36). */
static void
resume(waldoi_job *job)
{
	waldoi_session *session =
	    waldoi_container_of(job, waldoi_session, resume_job);
	waldoi_share share = {0};

	while (may_resume(session)) {
		waldoi_job *next = next_to_resume(session);

		next->run(next);
		session->resuming = false;
		if (waldoi_share_is_used(&share, session->node, 0)) {
			break;
		}
	}
	if (may_resume(session)) {
		waldoi_node_queue_next(session->node, &session->resume_job,
		                       resume);
	}
}

void
waldoi_session_look_at_paused(waldoi_session *session)
{
	if (may_resume(session)) {
		waldoi_node_queue(session->node, &session->resume_job, resume);
	}
}
