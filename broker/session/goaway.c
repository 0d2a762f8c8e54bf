/* SPDX-License-Identifier: MIT */
/* GOAWAY: what one side has not taken by then never runs (PROTOCOL.md P40). */
#include "broker/session/session.h"
#include "serial/check.h"
#include "serial/pack.h"

#include <string.h>

/* ---- ours */

static void
say_goaway(waldoi_session *session)
{
	static const char text[] = "the node is stopping";
	uint8_t head[WALDOI_OP_ROOM + sizeof(text)];
	uint8_t *p = waldoi_op_begin(head, 4, WALDOI_OP_GOAWAY);

	if (session->state != WALDOI_OPEN_SESSION ||
	    session->goaway_frame != 0) {
		return;
	}
	session->last = session->applied;
	session->goaway_frame = session->out.frames + 1;
	p = waldoi_pack_uint(p, session->last);
	p = waldoi_pack_uint(p, WALDOI_ABORT_SHUTDOWN);
	p = waldoi_pack_str(p, text, strlen(text));
	waldoi_op_send(session, head, p);
}

void
waldoi_sessions_go_away(waldo_node *node)
{
	waldoi_session *session;

	LIST_FOREACH(session, &node->sessions, entry) {
		say_goaway(session);
	}
}

uint64_t
waldoi_session_may_ack(const waldoi_session *session)
{
	return session->applied > session->last &&
	               waldoi_output_begun(&session->out) <
	                   session->goaway_frame
	           ? session->last
	           : session->applied;
}

/* ---- the peer's */

static void
fail_one(waldoi_session *session, waldo_promise *promise)
{
	waldoi_promise_settle(
	    promise, NULL,
	    waldoi_failure_with_fate(session->farewell, WALDO_NOT_SENT), false);
	waldo_promise_release(promise);
}

/* Ids follow each other, so that those of frames above `last` are among as
 * many as there are such frames. */
static void
fail_calls_above(waldoi_session *session, uint64_t last)
{
	uint64_t frames = session->out.frames - last;
	int64_t first = session->initiator ? 1 : 2;
	int64_t end = session->caller->next_call;
	int64_t id = (uint64_t) ((end - first) / 2) > frames
	                 ? end - 2 * (int64_t) frames
	                 : first;

	if (!waldoi_session_has_caller(session)) {
		return;
	}
	for (; id < end && session->state == WALDOI_OPEN_SESSION; id += 2) {
		waldo_promise *promise =
		    waldoi_calls_find(&session->caller->calls, id);

		if (promise != NULL && promise->frame > last &&
		    !promise->flush) {
			waldoi_calls_remove(&session->caller->calls, id);
			fail_one(session, promise);
		}
	}
}

static void
fail_one_way_above(waldoi_session *session, uint64_t last)
{
	waldo_promise *promise = TAILQ_FIRST(&session->caller->one_way);

	while (promise != NULL) {
		waldo_promise *next = TAILQ_NEXT(promise, one_way);

		if (promise->frame > last) {
			TAILQ_REMOVE(&session->caller->one_way, promise,
			             one_way);
			fail_one(session, promise);
		}
		promise = next;
	}
}

static waldoi_failure *
farewell_of(const char *text, size_t len)
{
	/* For its escaping. */
	waldoi_failure *said =
	    waldoi_failure_remote(0, "", 0, text, len, NULL, 0);
	waldoi_failure *farewell = waldoi_failure_new(
	    WALDO_ELOST, WALDO_NOT_SENT, "the peer takes no more calls: %s",
	    said->pub.message);

	waldoi_failure_release(said);
	return farewell;
}

void
waldoi_session_take_goaway(waldoi_session *session, waldoi_cursor *c,
                           uint32_t count)
{
	uint64_t last = waldoi_cursor_uint(c, WALDOI_MAX_ID);
	uint64_t code = waldoi_cursor_uint(c, WALDOI_MAX_ID);
	size_t len = 0;
	const char *text = waldoi_cursor_str(c, 1024, &len);

	(void) code; /* why it goes is for people, who have the text */
	if (c->failed || count != 4 || !waldoi_is_utf8(text, len)) {
		waldoi_session_abort(session, "GOAWAY is malformed");
		return;
	}
	if (session->farewell != NULL || last < session->acked ||
	    last > session->out.sent) {
		waldoi_session_abort(session,
		                     "GOAWAY after frame %llu, with %llu of "
		                     "%llu acknowledged%s",
		                     (unsigned long long) last,
		                     (unsigned long long) session->acked,
		                     (unsigned long long) session->out.sent,
		                     session->farewell != NULL ? ", again"
		                                               : "");
		return;
	}
	session->farewell = farewell_of(text, len);
	fail_calls_above(session, last);
	fail_one_way_above(session, last);
	waldoi_session_fail_waiting(session, session->farewell, false);
	waldoi_session_send_waiting(session); /* flushes that were behind */
	waldoi_session_check_use(session);
}
