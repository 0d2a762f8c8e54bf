/* SPDX-License-Identifier: MIT */
#include "broker/session/descs.h"
#include "broker/session/session.h"
#include "serial/check.h"
#include "serial/cursor.h"
#include "serial/pack.h"

#include <string.h>

#define ACK_BYTES        (32 * 1024) /* taken: worth a frame alone, P26 */
#define ACK_FEW_BYTES    (4 * 1024)  /* worth one along with others */
#define ACK_FEW_FRAMES   16
#define ACK_US           UINT64_C(1000000)
#define ACK_SLOT_US      UINT64_C(100000) /* sessions share their timers */
#define OVERSLEPT_US     UINT64_C(100000)
#define SECOND_CHANCE_US UINT64_C(1000000)
#define MOST_WORDS       200 /* of BYE and ABORT */

/* ---- sending */

uint8_t *
waldoi_link_begin(uint8_t *frame, size_t elements, int code)
{
	uint8_t *p = frame + WALDOI_FRAME_HEAD;

	frame[4] = WALDOI_KIND_LINK;
	p = waldoi_pack_array(p, elements);
	return waldoi_pack_uint(p, (uint64_t) code);
}

bool
waldoi_link_say(waldoi_session *session, uint8_t *frame, const uint8_t *end)
{
	size_t len = (size_t) (end - frame);

	waldoi_pack_be(frame, len - 4, 4);
	if (session->node->trace != NULL) {
		waldoi_trace_frame(session, '>', WALDOI_KIND_LINK,
		                   frame + WALDOI_FRAME_HEAD,
		                   len - WALDOI_FRAME_HEAD);
	}
	if (!waldoi_output_link(&session->out, session->node, frame, len)) {
		return false;
	}
	waldoi_session_touch(session);
	return true;
}

static bool
say_number(waldoi_session *session, int code, uint64_t number)
{
	uint8_t frame[WALDOI_LINK_FRAME];

	return waldoi_link_say(
	    session, frame,
	    waldoi_pack_uint(waldoi_link_begin(frame, 2, code), number));
}

void
waldoi_session_say(waldoi_session *session, int code, uint64_t number)
{
	/* A PING or PONG that finds no memory is as good as one that the
	 * network lost: another will come, or silence ends the link. */
	(void) say_number(session, code, number);
}

void
waldoi_session_say_end(waldoi_session *session, int abort_code,
                       const char *text)
{
	uint8_t frame[WALDOI_LINK_FRAME];
	uint8_t *p;

	if (abort_code == 0) {
		p = waldoi_link_begin(frame, 3, WALDOI_LINK_BYE);
		p = waldoi_pack_uint(p, 0);
		p = waldoi_pack_text(p, text, MOST_WORDS);
	} else {
		p = waldoi_link_begin(frame, 4, WALDOI_LINK_ABORT);
		p = waldoi_pack_uint(p, (uint64_t) abort_code);
		p = waldoi_pack_text(p, text, MOST_WORDS);
		p = waldoi_pack_uint(p, session->applied);
	}
	(void) waldoi_link_say(session, frame, p);
}

/* ---- acknowledging */

static void tick(waldoi_timer *timer);

/* Perhaps no other frame comes, and the peer waits for it. */
static void
ack_later(waldoi_session *session)
{
	waldo_node *node = session->node;
	uint64_t at = waldoi_node_now(node) + ACK_US;

	if (session->ack_at == 0) {
		session->ack_at = at - at % ACK_SLOT_US;
		if (session->timer.at > session->ack_at) {
			waldoi_node_arm(node, &session->timer, session->ack_at,
			                tick);
		}
	}
}

/* Which tenth of a second it is; it comes again after hours. */
static uint16_t
slot_of(waldo_node *node)
{
	return (uint16_t) (waldoi_node_now(node) / ACK_SLOT_US);
}

static void
say_ack(waldoi_session *session)
{
	uint64_t number = waldoi_session_may_ack(session);

	if (session->told != number &&
	    say_number(session, WALDOI_LINK_ACK, number)) {
		session->told = number;
		session->told_slot = slot_of(session->node);
		session->ack_bytes = 0;
		session->ack_at = 0;
	}
	if (session->told != session->applied) {
		ack_later(session);
	}
}

/* Something leaves anyway. A link frame may be the PONG whose ACK somebody
 * waits for. Else little that was taken is told of once in a while: who calls
 * now and then costs no packet for its ACK, and who calls all the time no ACK
 * for each call. */
static bool
goes_along(const waldoi_session *session)
{
	return session->ack_bytes >= ACK_FEW_BYTES ||
	       session->applied - session->told >= ACK_FEW_FRAMES ||
	       session->out.link_len > 0 ||
	       session->told_slot != slot_of(session->node);
}

void
waldoi_session_add_ack(waldoi_session *session)
{
	if (session->told == session->applied || !session->out.retain) {
		return;
	}
	if (session->ack_bytes >= ACK_BYTES ||
	    (waldoi_output_is_pending(&session->out) && goes_along(session))) {
		say_ack(session);
	} else {
		ack_later(session);
	}
}

void
waldoi_session_note_taken(waldoi_session *session, size_t len)
{
	if (!session->out.retain || session->state != WALDOI_OPEN_SESSION) {
		return;
	}
	session->ack_bytes += (uint32_t) len;
	if (session->ack_at == 0 || session->ack_bytes >= ACK_BYTES) {
		waldoi_session_touch(session); /* the flush sees to it */
	}
}

static void
take_ack(waldoi_session *session, waldoi_cursor *c)
{
	uint64_t number = waldoi_cursor_uint(c, WALDOI_MAX_ID);

	if (c->failed || !session->out.retain || number < session->acked ||
	    number > session->out.sent) {
		waldoi_session_abort(session,
		                     "ACK of frame %llu, after %llu of %llu",
		                     (unsigned long long) number,
		                     (unsigned long long) session->acked,
		                     (unsigned long long) session->out.sent);
		return;
	}
	session->acked = number;
	waldoi_output_acked(&session->out, session->node, number);
	waldoi_session_settle_one_way(session, number);
	if (waldoi_output_is_pending(&session->out)) {
		waldoi_session_touch(session);
	}
	waldoi_session_check_use(session);
}

/* ---- silence */

static uint64_t
min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* True if the session is over, or has a second chance. */
static bool
is_silent(waldoi_session *session)
{
	waldo_node *node = session->node;
	uint64_t dead_us = node->limits.dead_peer_ms * UINT64_C(1000);

	if (node->now - session->heard < dead_us) {
		return false;
	}
	if (!session->overslept &&
	    node->now - session->timer.at > OVERSLEPT_US) {
		/* We were not there to hear: a method took too long, or the
		 * machine slept. What the peer said meanwhile comes first. */
		session->overslept = true;
		waldoi_node_arm(node, &session->timer,
		                node->now + min(dead_us / 4, SECOND_CHANCE_US),
		                tick);
		return true;
	}
	waldoi_session_end(
	    session, -1,
	    waldoi_failure_new(session->greeted ? WALDO_ELOST : WALDO_ECONNECT,
	                       WALDO_NOT_SENT,
	                       "%s: nothing was heard for %u ms",
	                       waldoi_session_get_peer(session)->address,
	                       node->limits.dead_peer_ms));
	return true;
}

static void
tick(waldoi_timer *timer)
{
	waldoi_session *session =
	    waldoi_container_of(timer, waldoi_session, timer);
	waldo_node *node = session->node;

	if (session->state != WALDOI_OPEN_SESSION || is_silent(session)) {
		return;
	}
	if (session->ack_at != 0 && session->ack_at <= node->now) {
		session->ack_at = 0;
		say_ack(session);
	}
	if (session->greeted && node->now - session->spoke >=
	                            session->peer.idle_ms * UINT64_C(500)) {
		waldoi_session_say(session, WALDOI_LINK_PING, 0);
		session->spoke = node->now;
	}
	waldoi_session_set_timer(session);
}

void
waldoi_session_set_timer(waldoi_session *session)
{
	waldo_node *node = session->node;
	/* We speak after half of what the peer would bear. */
	uint64_t speak = session->spoke + session->peer.idle_ms * UINT64_C(500);
	uint64_t dead =
	    session->heard + node->limits.dead_peer_ms * UINT64_C(1000);
	uint64_t at = session->greeted ? min(speak, dead) : dead;

	waldoi_node_arm(node, &session->timer,
	                session->ack_at != 0 ? min(at, session->ack_at) : at,
	                tick);
}

/* ---- taking */

/* The peer's last word, as text for people. */
static void
take_end(waldoi_session *session, waldoi_cursor *c, uint64_t code,
         uint32_t count)
{
	uint64_t why = waldoi_cursor_uint(c, WALDOI_MAX_ID);
	size_t len = 0;
	const char *text = waldoi_cursor_str(c, 1024, &len);
	waldoi_failure *said;

	if (code == WALDOI_LINK_ABORT) {
		session->never_ran = waldoi_cursor_uint(c, WALDOI_MAX_ID);
		if (session->never_ran < session->acked) {
			session->never_ran = session->acked; /* it said so */
		}
	}
	if (c->failed || count != (code == WALDOI_LINK_ABORT ? 4 : 3) ||
	    !waldoi_is_utf8(text, len)) {
		session->never_ran = UINT64_MAX;
		waldoi_session_abort(session, "its last words are malformed");
		return;
	}
	/* For its escaping. */
	said = waldoi_failure_remote(0, "", 0, text, len, NULL, 0);
	waldoi_session_end(
	    session, -1,
	    waldoi_failure_new(
	        WALDO_ELOST, WALDO_NOT_SENT,
	        code == WALDOI_LINK_BYE ? "the peer ended the session: %s"
	        : why == WALDOI_ABORT_PROTOCOL
	            ? "the peer says that we broke the protocol: %s"
	            : "the peer gave the session up: %s",
	        said->pub.message));
	waldoi_failure_release(said);
}

void
waldoi_session_take_link_frame(waldoi_session *session,
                               const waldoi_frame *frame)
{
	waldoi_cursor c = waldoi_cursor_of(frame->body, frame->len);
	uint32_t count = waldoi_cursor_array(&c);
	uint64_t code = waldoi_cursor_uint(&c, WALDOI_MAX_ID);
	uint64_t number;

	if (c.failed || count == 0 ||
	    (!session->greeted && code != WALDOI_LINK_HELLO &&
	     code < WALDOI_LINK_BYE)) {
		waldoi_session_abort(session, session->greeted
		                                  ? "a link frame is malformed"
		                                  : "HELLO did not come first");
		return;
	}
	switch (code) {
	case WALDOI_LINK_HELLO: waldoi_session_take_hello(session, &c); return;
	case WALDOI_LINK_ACK: take_ack(session, &c); return;
	case WALDOI_LINK_BYE:
	case WALDOI_LINK_ABORT: take_end(session, &c, code, count); return;
	case WALDOI_LINK_PING:
	case WALDOI_LINK_PONG:
	case WALDOI_LINK_AGE: break;
	default: return; /* of a later version */
	}
	number = waldoi_cursor_uint(&c, WALDOI_MAX_ID);
	if (c.failed) {
		waldoi_session_abort(session, "a link frame is malformed");
	} else if (code == WALDOI_LINK_PING) {
		waldoi_session_say(session, WALDOI_LINK_PONG, number);
	} else if (code == WALDOI_LINK_AGE) {
		session->age_ms =
		    number > UINT32_MAX ? UINT32_MAX : (uint32_t) number;
	}
}
