/* SPDX-License-Identifier: MIT */
/*
 * Calls of a peer that leaves our output unread (PROTOCOL.md P39): they are
 * taken as any other, but for their dispatch, which waits until the peer reads.
 * Their window bytes are not given back meanwhile, so the peer stops, too.
 */
#include "broker/session/session.h"

#include <stdlib.h>

/* Too much waits for the peer to run more that it would have to read. */
static bool
is_choked(const waldoi_session *session)
{
	return session->out.unsent > session->node->limits.queued_bytes / 4;
}

static bool
has_paused(const waldoi_session *session)
{
	return session->paused != NULL && (session->paused->calls.count > 0 ||
	                                   session->paused->stalled.count > 0);
}

bool
waldoi_session_must_pause(const waldoi_session *session)
{
	return has_paused(session) || is_choked(session);
}

/* NULL without memory. */
static waldoi_paused *
paused_of(waldoi_session *session)
{
	waldoi_paused *paused = session->paused;

	if (paused == NULL) {
		paused = calloc(1, sizeof(*paused));
		if (paused == NULL) {
			return NULL;
		}
		paused->session = session;
		waldoi_runqueue_init(&paused->calls);
		waldoi_runqueue_init(&paused->stalled);
		session->paused = paused;
	}
	return paused;
}

void
waldoi_session_keep_paused(waldoi_session *session)
{
	if (session->paused != NULL) {
		waldoi_runqueue_remove(&session->paused->job);
	}
}

/* The window bounds their frames; small calls cost more than those. */
static waldoi_failure *
check_paused(const waldoi_session *session, size_t size)
{
	const waldo_node *node = session->node;
	size_t paused = session->paused->size;

	if (paused + size > node->limits.queued_bytes) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "queued_bytes: %zu bytes of calls wait for a peer that "
		    "does not read its replies, at most %zu may",
		    paused, node->limits.queued_bytes);
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
	call->session->paused->bytes -= call->window_bytes;
	call->session->paused->size -= call->parked_bytes;
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
	waldoi_paused *paused = paused_of(session);
	waldoi_failure *failure =
	    paused == NULL ? NULL : check_paused(session, size);

	call->target = waldo_ref_retain(target);
	if (paused == NULL ||
	    (failure == NULL && !waldoi_message_own(&call->args))) {
		failure = waldoi_failure_new(WALDO_ENOMEM, WALDO_NOT_SENT,
		                             "out of memory");
	}
	if (failure != NULL) {
		refuse(call, failure);
		return;
	}
	call->window_bytes = frame_len;
	paused->bytes += frame_len;
	paused->size += size;
	call->parked_bytes = size;
	call->parked_in = &session->node->bytes;
	session->node->bytes += size;
	waldoi_call_stay(call);
	waldoi_runqueue_add(&paused->calls, &call->job, let_go);
}

bool
waldoi_session_stall(waldo_call *call, void (*run)(waldoi_job *job))
{
	waldoi_session *session = call->session;
	waldoi_paused *paused = session->paused;
	bool waits = paused != NULL && paused->stalled.count > 0;

	if ((paused != NULL && paused->resuming) ||
	    session->state != WALDOI_OPEN_SESSION ||
	    (!waits && !is_choked(session))) {
		return false;
	}
	paused = paused_of(session);
	if (paused == NULL) {
		return false; /* one reply more will wait */
	}
	if (call->parked_in == NULL) {
		call->parked_bytes = waldoi_call_size(call);
		call->parked_in = &session->parked_bytes;
		session->parked_bytes += call->parked_bytes;
	}
	waldoi_runqueue_add(&paused->stalled, &call->job, run);
	return true;
}

static waldoi_job *
next_to_resume(waldoi_paused *paused)
{
	waldoi_job *job = waldoi_runqueue_pop(&paused->stalled);

	paused->resuming = job != NULL;
	return job != NULL ? job : waldoi_runqueue_pop(&paused->calls);
}

static bool
may_resume(const waldoi_session *session)
{
	return has_paused(session) && session->state == WALDOI_OPEN_SESSION &&
	       !is_choked(session);
}

/* In their order; others have their turn before the rest (P36). */
static void
resume(waldoi_job *job)
{
	waldoi_paused *paused = waldoi_container_of(job, waldoi_paused, job);
	waldoi_session *session = paused->session;
	waldoi_share share = {0};

	while (may_resume(session)) {
		waldoi_job *next = next_to_resume(paused);

		next->run(next);
		paused->resuming = false;
		if (waldoi_share_is_used(&share, session->node, 0)) {
			break;
		}
	}
	if (may_resume(session)) {
		waldoi_node_queue_next(session->node, &paused->job, resume);
	}
}

void
waldoi_session_look_at_paused(waldoi_session *session)
{
	if (may_resume(session)) {
		waldoi_node_queue(session->node, &session->paused->job, resume);
	}
}
