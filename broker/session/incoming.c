/* SPDX-License-Identifier: MIT */
#include "broker/session/descs.h"
#include "broker/session/session.h"
#include "serial/api.h"
#include "serial/check.h"

#include <string.h>

/* ---- RETURN */

/* A payload that does not parse fails this call alone (PROTOCOL.md P2). One
 * that is only passed on is not looked at. */
static waldoi_failure *
read_outcome(waldoi_session *session, uint64_t status, waldoi_message *value,
             bool relayed)
{
	char message[WALDOI_CHECK_MESSAGE];
	waldo_err err;
	waldoi_failure *failure = NULL;

	value->unchecked = (uint8_t) session->limits->depth;
	if (relayed && status == WALDOI_STATUS_OK) {
		return NULL;
	}
	(void) waldoi_message_check(value, &err, message);

	if (err == WALDO_OK && status == WALDOI_STATUS_OK) {
		return NULL;
	}
	if (err == WALDO_OK) {
		waldoi_cursor c = waldoi_cursor_of(value->body, value->len);

		failure = waldoi_error_read(&c, SIZE_MAX);
		strcpy(message, "it is not an error");
	}
	return failure != NULL
	           ? failure
	           : waldoi_failure_new(err == WALDO_OK ? WALDO_EARGS : err,
	                                WALDO_EXECUTED,
	                                "the result is not valid: %s", message);
}

/* Flushes that had no slot, or whoever watches for room. */
static bool
somebody_waits(const waldoi_session *session)
{
	return !TAILQ_EMPTY(&session->caller->waiting_flushes) ||
	       !TAILQ_EMPTY(&session->caller->waiting) ||
	       !LIST_EMPTY(&session->node->rooms);
}

/* It was made on the result of another call, which turned out to be no
 * reference: what that was is known here, not at the callee (PROTOCOL.md F3).
 * NULL if it is not. */
static waldoi_failure *
failure_of_target(const waldo_promise *promise)
{
	const waldo_ref *on = waldoi_ref_follow(promise->on);

	return on != NULL && on->state == WALDO_BROKEN
	           ? waldoi_failure_with_fate(on->failure, WALDO_NOT_SENT)
	           : NULL;
}

/* The outcome goes to another node, and nobody here looks inside. */
static bool
is_relayed(const waldo_promise *promise, const waldoi_message *value)
{
	return promise->follower != NULL && promise->follower->remote &&
	       promise->pendings == NULL && value->ref_count == 0;
}

/* The header of a RETURN. */
typedef struct returned {
	int64_t id;
	uint64_t status;
	bool keep;
} returned;

/* What most begin with: nothing went wrong, and nothing is kept. False: it is
 * another, or wrong, and nothing was read. */
static inline bool
read_plain(waldoi_cursor *c, returned *r)
{
	const uint8_t *p = c->p;

	if (c->end - p < WALDOI_SHORT_UINT + 2) {
		return false;
	}
	p = waldoi_short_uint_at(p, &r->id);
	if (p == NULL || p[0] != WALDOI_STATUS_OK || p[1] != 0xc2) {
		return false;
	}
	r->status = WALDOI_STATUS_OK;
	r->keep = false;
	c->p = p + 2;
	return true;
}

static WALDOI_APART bool
read_any(waldoi_session *session, waldoi_cursor *c, uint32_t count, returned *r)
{
	r->id = waldoi_cursor_int(c);
	r->status = waldoi_cursor_uint(c, WALDOI_STATUS_BROKEN_TARGET);
	r->keep = waldoi_cursor_bool(c);
	if (c->failed || count != 5 ||
	    (r->keep && r->status != WALDOI_STATUS_OK)) {
		waldoi_session_abort(session, "RETURN %lld is malformed",
		                     (long long) r->id);
		return false;
	}
	return true;
}

/* With its references read, which may end the session: only then the call is
 * over. NULL: it has ended. */
static waldo_promise *
take_promise(waldoi_session *session, int64_t id, waldoi_cursor *c,
             waldoi_message *value)
{
	waldoi_calls *calls = &session->caller->calls;
	bool plain = waldoi_cursor_peek(c) == WALDOI_NO_DESCS;
	waldo_promise *promise = plain ? waldoi_calls_remove(calls, id)
	                               : waldoi_calls_find(calls, id);

	if (promise == NULL) {
		waldoi_session_abort(session,
		                     "RETURN for %lld, which is no open call",
		                     (long long) id);
		return NULL;
	}
	if (!waldoi_descs_read(session, c, value)) {
		waldoi_message_fini(value);
		return NULL;
	}
	if (!plain) {
		waldoi_calls_remove(calls, id);
	}
	return promise;
}

static void
take_return(waldoi_session *session, waldoi_cursor *c, uint32_t count)
{
	waldoi_cursor descs;
	waldoi_message value;
	waldo_promise *promise;
	waldoi_failure *failure;
	returned r;

	if ((count != 5 || !read_plain(c, &r)) &&
	    !read_any(session, c, count, &r)) {
		return;
	}
	descs = *c;
	waldoi_message_init(&value);
	promise = take_promise(session, r.id, c, &value);
	if (promise == NULL) {
		return;
	}
	session->caller->flushes -= promise->flush;
	value.body = (uint8_t *) (uintptr_t) c->p;
	value.len = (size_t) (c->end - c->p);
	failure = r.status == WALDOI_STATUS_BROKEN_TARGET
	              ? failure_of_target(promise)
	              : NULL;
	if (failure == NULL) {
		failure = read_outcome(session, r.status, &value,
		                       is_relayed(promise, &value));
	}
	/* Calls on the result went to the call's id until now; those that are
	 * made from here on, in the callback too, go to what it has become and
	 * find that id dropped: else they would exceed open_calls. */
	if (failure == NULL && promise->pendings != NULL) {
		waldoi_session_settle_places(session, promise, &value, descs);
	}
	if (r.keep && promise->flushes > 0) {
		promise->kept =
		    true; /* what they name is dropped behind them */
		session->caller->kept++;
	} else if (r.keep) {
		waldoi_session_send_drop(session, r.id, 1);
	}
	if (failure != NULL) {
		waldoi_message_fini(&value);
	}
	waldoi_promise_settle(promise, failure == NULL ? &value : NULL, failure,
	                      true);
	waldo_promise_release(promise);
	if (somebody_waits(session)) {
		waldoi_session_send_waiting(session);
	}
	if (session->caller->calls.count == 0) {
		waldoi_session_check_use(session);
	}
}

/* ---- DROP, CANCEL, UNKNOWN */

static bool
drop_call(waldoi_session *session, int64_t id, uint64_t n)
{
	waldo_call *call = waldoi_table_find(&session->answers, (uint64_t) id);

	if (call == NULL || call->phase != WALDOI_KEPT || n != 1) {
		return false;
	}
	waldoi_call_free(call);
	return true;
}

static bool
drop_one(waldoi_session *session, int64_t id, uint64_t n)
{
	waldoi_export *export;

	if (id > 0) {
		return drop_call(session, id, n);
	}
	export = waldoi_export_find(session, id);
	if (export == NULL || n == 0 || n > export->sent) {
		return false;
	}
	waldoi_export_drop(session, export, n);
	return true;
}

static void
take_drop(waldoi_session *session, waldoi_cursor *c, uint32_t count)
{
	if (count < 3 || count % 2 == 0) {
		waldoi_session_abort(session, "DROP has %u elements", count);
		return;
	}
	for (uint32_t i = 1; i < count; i += 2) {
		int64_t id = waldoi_cursor_int(c);
		uint64_t n = waldoi_cursor_uint(c, WALDOI_MAX_ID);

		if (c->failed || !drop_one(session, id, n)) {
			waldoi_session_abort(
			    session, "DROP of %llu mentions of %lld",
			    (unsigned long long) n, (long long) id);
			return;
		}
	}
	waldoi_session_check_use(session);
}

static void
take_cancel(waldoi_session *session, waldoi_cursor *c, uint32_t count)
{
	int64_t id = waldoi_cursor_int(c);
	bool odd = (id & 1) != 0;
	waldo_call *call;

	if (c->failed || count != 2 || id <= 0 || odd == session->initiator ||
	    id > session->peer_call) {
		waldoi_session_abort(session,
		                     "CANCEL of %lld, which was never made",
		                     (long long) id);
		return;
	}
	call = waldoi_table_find(&session->answers, (uint64_t) id);
	if (call == NULL || call->phase == WALDOI_KEPT) {
		return; /* it has finished */
	}
	if (call->phase == WALDOI_WAITING) {
		waldoi_call_fail(
		    call, waldoi_failure_new(WALDO_ECANCELLED, WALDO_NOT_SENT,
		                             "the call was cancelled before it "
		                             "began"));
	} else {
		waldoi_call_cancel(call);
	}
}

/* An operation of a later version: its sender undoes it. */
static void
take_unknown_op(waldoi_session *session, waldoi_cursor *c, uint64_t op,
                uint32_t count)
{
	int64_t id = 0;

	if (op == WALDOI_OP_UNKNOWN) {
		waldoi_session_warn(session, "it does not know an operation of "
		                             "ours");
		return;
	}
	if (count > 1 && !waldoi_cursor_is_array(c) &&
	    !waldoi_cursor_is_str(c)) {
		id = waldoi_cursor_int(c);
	}
	waldoi_session_send_unknown(session, op, c->failed ? 0 : id);
}

static WALDOI_APART void
take_other(waldoi_session *session, waldoi_cursor *c, uint64_t op,
           uint32_t count)
{
	switch (op) {
	case WALDOI_OP_RESOLVE:
		waldoi_session_take_resolve(session, c, count);
		break;
	case WALDOI_OP_DROP: take_drop(session, c, count); break;
	case WALDOI_OP_CANCEL: take_cancel(session, c, count); break;
	case WALDOI_OP_CREDIT:
		waldoi_session_take_credit(session, c, count);
		break;
	case WALDOI_OP_GOAWAY:
		waldoi_session_take_goaway(session, c, count);
		break;
	case WALDOI_OP_LIMITS:
		waldoi_session_take_limits(session, c, count);
		break;
	default: take_unknown_op(session, c, op, count);
	}
}

/* What an operation begins with: the number of its elements, and which it is.
 * Most have a byte for each. */
static inline bool
read_op(waldoi_cursor *c, uint32_t *ret_count, uint64_t *ret_op)
{
	const uint8_t *p = c->p;

	if (c->end - p > 15 && p[0] > 0x90 && p[0] <= 0x9f && p[1] < 0x80) {
		*ret_count = p[0] & 0x0f;
		*ret_op = p[1];
		c->p += 2;
		return true;
	}
	*ret_count = waldoi_cursor_array(c);
	*ret_op = waldoi_cursor_uint(c, WALDOI_MAX_ID);
	return !c->failed && *ret_count > 0;
}

void
waldoi_session_take_op(waldoi_session *session, waldoi_frame *frame)
{
	waldoi_cursor c = waldoi_cursor_of(frame->body, frame->len);
	uint32_t count;
	uint64_t op;

	if (!read_op(&c, &count, &op)) {
		waldoi_session_abort(session, "the header of an operation is "
		                              "malformed");
	} else if (op == WALDOI_OP_RETURN) {
		take_return(session, &c, count);
	} else if (op != WALDOI_OP_CALL) {
		take_other(session, &c, op, count);
	} else if (waldoi_session_take_window(session, frame->len + 1)) {
		waldoi_session_take_call(session, &c, count, frame->len + 1);
		waldoi_session_look_at_credit(session);
	}
}
