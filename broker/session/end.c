/* SPDX-License-Identifier: MIT */
#include "broker/session/session.h"

#include <stdarg.h>
#include <stdio.h>

#define CLOSING_MS 1000 /* for the last words */

static void
close_link(waldoi_session *session, waldoi_close how)
{
	waldoi_link *link = session->link;

	session->link = NULL;
	waldoi_session_undirty(session);
	if (link != NULL) {
		link->channel.session = NULL;
		if (!session->initiator && link->channel.out_left > 0) {
			/* What its channel has to say to a stranger. */
			link->ops->flush(link);
			how = WALDOI_CLOSE_ORDERLY;
		}
		link->ops->close(link, how);
	}
}

static bool
has_last_words(const waldoi_session *session)
{
	return session->link != NULL &&
	       (waldoi_output_is_pending(&session->out) ||
	        waldoi_channel_owes(&session->link->channel));
}

/* Its last words have left, or never will. */
static void
finish(waldoi_session *session)
{
	close_link(session, has_last_words(session) ? WALDOI_CLOSE_NOW
	                                            : WALDOI_CLOSE_ORDERLY);
	waldoi_session_free(session);
}

/* In the turn: they were given to the channel, which will say when it is rid of
 * them if it is not yet. */
static void
closed(waldoi_job *job)
{
	waldoi_session *session = waldoi_container_of(job, waldoi_session, job);

	if (!has_last_words(session)) {
		finish(session);
	}
}

void
waldoi_session_check_closed(waldoi_session *session)
{
	if (session->state == WALDOI_CLOSING &&
	    (session->link == NULL ||
	     !waldoi_output_is_pending(&session->out))) {
		waldoi_node_queue(session->node, &session->job, closed);
	}
}

void
waldoi_session_refused(waldoi_session *session, const char *what)
{
	waldoi_session_end(
	    session, -1,
	    waldoi_failure_new(WALDO_ECONNECT, WALDO_NOT_SENT,
	                       "%s does not speak Waldo's protocol: %s",
	                       waldoi_session_get_peer(session)->address,
	                       what));
}

void
waldoi_session_end_over_limit(waldoi_session *session, const char *format, ...)
{
	waldoi_failure *why;
	va_list args;

	va_start(args, format);
	why = waldoi_failure_newv(WALDO_ELIMIT, WALDO_NOT_SENT, format, args);
	va_end(args);
	waldoi_node_log(session->node, WALDO_LOG_WARN, "%s is given up: %s",
	                waldoi_session_get_peer(session)->address,
	                why->pub.message);
	waldoi_session_end(session, WALDOI_ABORT_LIMIT, why);
}

static void
end_of_replies(waldoi_session *session, const char *limit, size_t size,
               size_t most)
{
	waldoi_session_end_over_limit(session,
	                              "%s: %zu bytes wait, at most %zu may, "
	                              "and the peer does not read its replies",
	                              limit, size, most);
}

void
waldoi_session_look_at_queue(waldoi_session *session)
{
	const waldo_node *node = session->node;
	size_t unsent = session->out.unsent;
	size_t held = unsent + session->out.retained;

	if (unsent > 2 * node->limits.queued_bytes) {
		end_of_replies(session, "queued_bytes", unsent,
		               2 * node->limits.queued_bytes);
	} else if (node->bytes > node->limits.total_bytes &&
	           held > node->limits.queued_bytes / 16) {
		/* Those that read are not made to pay for those that do not. */
		end_of_replies(session, "total_bytes", node->bytes,
		               node->limits.total_bytes);
	}
}

static void
close_call(waldoi_session *session, waldo_call *call)
{
	if (call->id == 0) {
		return;
	}
	if (session->arriving == call) {
		session->arriving = NULL;
	} else {
		waldoi_table_remove(&session->answers, (uint64_t) call->id);
	}
	call->id = 0;
	if (call->flush) {
		session->flush_answers--;
		session->kept_flushes -= call->phase == WALDOI_KEPT;
		call->flush = false;
	}
}

void
waldoi_session_close_call(waldo_call *call)
{
	close_call(call->session, call);
}

void
waldoi_session_forget_call(waldo_call *call)
{
	waldoi_session *session = call->session;

	LIST_REMOVE(call, session_entry);
	session->incoming_count--;
	if (call->window_bytes > 0) {
		waldoi_session_unpause(call);
	}
	close_call(session, call);
	waldoi_call_unpark(call);
	session->parked_bytes -= call->place_bytes;
	call->place_bytes = 0;
	call->session = NULL;
	if (!call->on_stack && session->node->stopping) {
		waldoi_node_check_stop(session->node);
	}
	waldoi_session_check_use(session);
}

static void
give_up_incoming(waldoi_session *session)
{
	waldo_call *call;

	while ((call = LIST_FIRST(&session->incoming)) != NULL) {
		waldoi_call_give_up(call);
	}
	waldoi_table_fini(&session->answers);
}

/* PROTOCOL.md, "The end", first half: calls complete, references break. At
 * once, but for the callbacks, which are queued in this order. */
static void
break_all(waldoi_session *session)
{
	waldo_node *node = session->node;

	waldoi_timer_stop(&node->timers, &session->timer);
	waldoi_session_fail_calls(session);
	waldoi_imports_break(session, session->why);
}

/* Second half: what the peer held is let go. */
static void
let_go(waldoi_session *session)
{
	give_up_incoming(session);
	waldoi_exports_release(session);
	session->node->bytes -= waldoi_cutter_owned(&session->in);
	waldoi_cutter_fini(&session->in);
}

static void
too_long(waldoi_timer *timer)
{
	waldoi_session *session =
	    waldoi_container_of(timer, waldoi_session, timer);

	finish(session);
}

static void
finish_end(waldoi_job *job)
{
	waldoi_session *session = waldoi_container_of(job, waldoi_session, job);
	waldo_node *node = session->node;

	session->state = WALDOI_CLOSING;
	let_go(session);
	if (!session->has_bye || !has_last_words(session)) {
		close_link(session, session->has_bye ? WALDOI_CLOSE_ORDERLY
		                                     : WALDOI_CLOSE_NOW);
		waldoi_session_free(session);
		return;
	}
	waldoi_session_touch(session);
	waldoi_node_arm(node, &session->timer,
	                node->now + CLOSING_MS * UINT64_C(1000), too_long);
}

void
waldoi_session_end(waldoi_session *session, int abort_code, waldoi_failure *why)
{
	if (session->state != WALDOI_OPEN_SESSION) {
		waldoi_failure_release(why);
		return;
	}
	session->state = WALDOI_ENDING;
	session->why = why;
	if (session->link != NULL && abort_code >= 0) {
		waldoi_session_say_end(session, abort_code, why->pub.message);
		session->has_bye = true;
	}
	/* What was not begun is not begun any more: it fails as NOT_SENT. */
	session->out.ended = true;
	waldoi_runqueue_remove(&session->job);
	waldoi_session_keep_paused(session);
	session->more_input = false; /* what comes now is discarded */
	break_all(session);
	/* Behind the callbacks of that. */
	waldoi_node_queue(session->node, &session->job, finish_end);
}

void
waldoi_session_abort(waldoi_session *session, const char *format, ...)
{
	char what[200];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	waldoi_node_log(session->node, WALDO_LOG_WARN,
	                "%s broke the protocol: %s",
	                waldoi_session_get_peer(session)->address, what);
	waldoi_session_end(session, WALDOI_ABORT_PROTOCOL,
	                   waldoi_failure_new(WALDO_EPROTOCOL, WALDO_NOT_SENT,
	                                      "the peer broke the protocol: %s",
	                                      what));
}

void
waldoi_session_check_use(waldoi_session *session)
{
	if (session->initiator && session->state == WALDOI_OPEN_SESSION &&
	    session->caller->bootstrap == NULL &&
	    session->caller->calls.count == 0 &&
	    session->caller->imports.count == 0 &&
	    session->exports.count == 0 && session->incoming_count == 0 &&
	    TAILQ_EMPTY(&session->caller->waiting) &&
	    TAILQ_EMPTY(&session->caller->waiting_flushes) &&
	    TAILQ_EMPTY(&session->caller->one_way) &&
	    session->out.unsent == 0 && !session->node->freeing) {
		waldoi_session_end(session, 0,
		                   waldoi_failure_new(WALDO_ELOST,
		                                      WALDO_NOT_SENT,
		                                      "the session was not "
		                                      "used any more"));
	}
}

void
waldoi_sessions_end_all(waldo_node *node, waldo_err code, const char *reason)
{
	waldoi_session *session;

	LIST_FOREACH(session, &node->sessions, entry) {
		waldoi_session_end(
		    session, 0,
		    waldoi_failure_new(code, WALDO_NOT_SENT, "%s", reason));
	}
}

void
waldoi_sessions_free_all(waldo_node *node)
{
	waldoi_session *session;

	waldoi_sessions_flush(node);
	waldoi_sessions_end_all(node, WALDO_ELOST, "the node was freed");
	waldoi_node_run_jobs(node);
	waldoi_sessions_flush(node);
	while ((session = LIST_FIRST(&node->sessions)) != NULL) {
		waldoi_runqueue_remove(&session->job);
		finish(session);
	}
}

size_t
waldoi_sessions_count_open(const waldo_node *node)
{
	const waldoi_session *session;
	const waldo_call *call;
	size_t count = 0;

	LIST_FOREACH(session, &node->sessions, entry) {
		LIST_FOREACH(call, &session->incoming, session_entry) {
			count += !call->answered;
		}
	}
	return count;
}

bool
waldoi_sessions_are_busy(const waldo_node *node)
{
	const waldoi_session *session;

	LIST_FOREACH(session, &node->sessions, entry) {
		if (session->state == WALDOI_OPEN_SESSION &&
		    session->out.unsent > 0) {
			return true;
		}
	}
	return waldoi_sessions_count_open(node) > 0;
}
