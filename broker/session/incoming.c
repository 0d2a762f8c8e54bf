/* SPDX-License-Identifier: MIT */
#include "broker/session/descs.h"
#include "broker/session/session.h"
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

static void
take_return(waldoi_session *session, waldoi_cursor *c, uint32_t count)
{
	int64_t id = waldoi_cursor_int(c);
	uint64_t status = waldoi_cursor_uint(c, WALDOI_STATUS_BROKEN_TARGET);
	bool keep = waldoi_cursor_bool(c);
	waldoi_cursor descs = *c;
	waldoi_message value;
	waldo_promise *promise;
	waldoi_failure *failure;

	if (c->failed || count != 5 || (keep && status != WALDOI_STATUS_OK)) {
		waldoi_session_abort(session, "RETURN %lld is malformed",
		                     (long long) id);
		return;
	}
	promise = waldoi_table_find(&session->caller->calls, (uint64_t) id);
	if (promise == NULL) {
		waldoi_session_abort(session,
		                     "RETURN for %lld, which is no open call",
		                     (long long) id);
		return;
	}
	waldoi_message_init(&value);
	if (!waldoi_descs_read(session, c, &value)) {
		waldoi_message_fini(&value);
		return;
	}
	waldoi_table_remove(&session->caller->calls, (uint64_t) id);
	session->caller->flushes -= promise->flush;
	value.body = (uint8_t *) (uintptr_t) c->p;
	value.len = (size_t) (c->end - c->p);
	failure = status == WALDOI_STATUS_BROKEN_TARGET
	              ? failure_of_target(promise)
	              : NULL;
	if (failure == NULL) {
		failure = read_outcome(session, status, &value,
		                       is_relayed(promise, &value));
	}
	/* Calls on the result went to the call's id until now; those that are
	 * made from here on, in the callback too, go to what it has become and
	 * find that id dropped: else they would exceed open_calls. */
	if (failure == NULL && promise->pendings != NULL) {
		waldoi_session_settle_places(session, promise, &value, descs);
	}
	if (keep && promise->flushes > 0) {
		promise->kept =
		    true; /* what they name is dropped behind them */
		session->caller->kept++;
	} else if (keep) {
		waldoi_session_send_drop(session, id, 1);
	}
	waldoi_promise_settle(promise, failure == NULL ? &value : NULL, failure,
	                      true);
	waldo_promise_release(promise);
	waldoi_message_fini(&value);
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

void
waldoi_session_take_op(waldoi_session *session, waldoi_frame *frame)
{
	waldoi_cursor c = waldoi_cursor_of(frame->body, frame->len);
	uint32_t count = waldoi_cursor_array(&c);
	uint64_t op = waldoi_cursor_uint(&c, WALDOI_MAX_ID);

	if (c.failed || count == 0) {
		waldoi_session_abort(session, "the header of an operation is "
		                              "malformed");
		return;
	}
	switch (op) {
	case WALDOI_OP_CALL:
		if (waldoi_session_take_window(session, frame->len + 1)) {
			waldoi_session_take_call(session, &c, count,
			                         frame->len + 1);
			waldoi_session_look_at_credit(session);
		}
		break;
	case WALDOI_OP_RETURN: take_return(session, &c, count); break;
	case WALDOI_OP_RESOLVE:
		waldoi_session_take_resolve(session, &c, count);
		break;
	case WALDOI_OP_DROP: take_drop(session, &c, count); break;
	case WALDOI_OP_CANCEL: take_cancel(session, &c, count); break;
	case WALDOI_OP_CREDIT:
		waldoi_session_take_credit(session, &c, count);
		break;
	case WALDOI_OP_GOAWAY:
		waldoi_session_take_goaway(session, &c, count);
		break;
	case WALDOI_OP_LIMITS:
		waldoi_session_take_limits(session, &c, count);
		break;
	default: take_unknown_op(session, &c, op, count);
	}
}
