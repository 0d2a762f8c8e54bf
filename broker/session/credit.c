/* SPDX-License-Identifier: MIT */
/*
 * The call window (PROTOCOL.md P16, P38): how many bytes of CALL frames a peer
 * may send, as a sum over the whole session. What a call used is given back as
 * soon as the call has a place, never when it completes (F24).
 */
#include "broker/session/session.h"

/* ---- the peer's window: what we may send */

void
waldoi_session_take_credit(waldoi_session *session, waldoi_cursor *c,
                           uint32_t count)
{
	int64_t id = waldoi_cursor_int(c);
	uint64_t total = waldoi_cursor_uint(c, WALDOI_MAX_ID);

	if (c->failed || count != 3 || id != 0 ||
	    total < session->window_total) {
		waldoi_session_abort(
		    session,
		    "CREDIT of %llu bytes for %lld, after "
		    "%llu",
		    (unsigned long long) total, (long long) id,
		    (unsigned long long) session->window_total);
		return;
	}
	session->window_total = total;
	waldoi_session_send_waiting(session);
}

/* ---- our window: what the peer may send */

bool
waldoi_session_take_window(waldoi_session *session, size_t len)
{
	uint64_t left = session->window_told - session->window_taken;

	if (len > left) {
		waldoi_session_abort(session,
		                     "call_window: a call of %zu bytes, and "
		                     "%llu were left",
		                     len, (unsigned long long) left);
		return false;
	}
	session->window_taken += len;
	return true;
}

/* What has been given back and not been told: worth telling are a quarter of
 * the window, and whatever a frame of the greatest length might wait for. */
static uint64_t
credit_due(const waldoi_session *session)
{
	const waldo_limits *limits = session->limits;
	uint64_t total = session->window_taken -
	                 waldoi_session_paused_bytes(session) +
	                 limits->call_window;
	uint64_t more = total - session->window_told;
	uint64_t left = session->window_told - session->window_taken;

	return more >= limits->call_window / 4 || left < limits->message_bytes
	           ? more
	           : 0;
}

void
waldoi_session_look_at_credit(waldoi_session *session)
{
	/* The flush adds it. */
	if (!session->dirty && credit_due(session) > 0) {
		waldoi_session_touch(session);
	}
}

void
waldoi_session_add_credit(waldoi_session *session)
{
	uint64_t more = credit_due(session);

	if (more > 0) {
		session->window_told += more;
		waldoi_session_send_credit(session, session->window_told);
	}
}
