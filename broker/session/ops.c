/* SPDX-License-Identifier: MIT */
#include "broker/session/session.h"

/* A reply cannot fail: what has no room ends the session. */
void
waldoi_session_no_room(waldoi_session *session, waldoi_failure *failure)
{
	waldoi_session_end(session, WALDOI_ABORT_INTERNAL,
	                   waldoi_failure_new(WALDO_ELOST, WALDO_NOT_SENT,
	                                      "a reply could not be sent: %s",
	                                      failure->pub.message));
	waldoi_failure_release(failure);
}

void
waldoi_op_send(waldoi_session *session, uint8_t *head, const uint8_t *end)
{
	if (session->state != WALDOI_OPEN_SESSION) {
		return;
	}
	if (!waldoi_op_queue(session, head, (size_t) (end - head), end, 0,
	                     NULL)) {
		waldoi_session_no_room(
		    session, waldoi_failure_new(WALDO_ENOMEM, WALDO_NOT_SENT,
		                                "out of memory"));
		return;
	}
	waldoi_session_touch(session);
	waldoi_session_check_queue(session);
}

void
waldoi_session_send_cancel(waldoi_session *session, int64_t id)
{
	uint8_t head[WALDOI_OP_ROOM];
	uint8_t *p = waldoi_op_begin(head, 2, WALDOI_OP_CANCEL);

	waldoi_op_send(session, head, waldoi_pack_int(p, id));
}

void
waldoi_session_send_drop(waldoi_session *session, int64_t id, uint64_t count)
{
	uint8_t head[WALDOI_OP_ROOM];
	uint8_t *p = waldoi_op_begin(head, 3, WALDOI_OP_DROP);

	p = waldoi_pack_int(p, id);
	waldoi_op_send(session, head, waldoi_pack_uint(p, count));
}

void
waldoi_session_send_credit(waldoi_session *session, uint64_t total)
{
	uint8_t head[WALDOI_OP_ROOM];
	uint8_t *p = waldoi_op_begin(head, 3, WALDOI_OP_CREDIT);

	p = waldoi_pack_uint(p, 0);
	waldoi_op_send(session, head, waldoi_pack_uint(p, total));
}

void
waldoi_session_send_unknown(waldoi_session *session, uint64_t op, int64_t id)
{
	uint8_t head[WALDOI_OP_ROOM];
	uint8_t *p = waldoi_op_begin(head, 3, WALDOI_OP_UNKNOWN);

	p = waldoi_pack_uint(p, op);
	waldoi_op_send(session, head, waldoi_pack_int(p, id));
}
