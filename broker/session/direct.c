/* SPDX-License-Identifier: MIT */
/*
 * Small calls and results, packed where they leave: at the end of what the
 * session has to send. It does what outgoing.c and replies.c do, for what is
 * small, has no references and need not wait; whatever else it meets, it
 * leaves everything as it was, and they do it.
 */
#include "broker/methods.h"
#include "broker/session/descs.h"
#include "broker/session/session.h"
#include "serial/pack.h"
#include "serial/put.h"

#include <assert.h>

/* Most messages are smaller, and a slab that cannot hold it is not worth
 * filling up. */
#define ROOM 256

/* Packs a payload behind `p`, in a room of ROOM bytes from `frame` on. */
static inline uint8_t *
pack_payload(const waldoi_session *session, uint8_t *frame, uint8_t *p,
             uint32_t levels, const char *format, va_list args,
             uint32_t *ret_count)
{
	uint8_t *end = frame + ROOM - WALDOI_WRITER_SLACK;
	uint32_t most = session->peer.max_depth;

	return format == NULL
	           ? NULL
	           : waldoi_packf(p, end, levels < most ? levels : most, format,
	                          args, ret_count);
}

/* Nobody is before it, nothing waits for it, nobody watches. */
static bool
may_go(const waldoi_session *session)
{
	return session->state == WALDOI_OPEN_SESSION && session->greeted &&
	       session->node->trace == NULL && !session->node->freeing;
}

/* ---- CALL */

static bool
may_call(const waldoi_session *session)
{
	const waldoi_caller *caller = session->caller;

	return may_go(session) && waldoi_session_has_caller(session) &&
	       session->farewell == NULL && TAILQ_EMPTY(&caller->waiting) &&
	       session->node->limits.call_timeout_ms == 0 &&
	       waldoi_session_open_calls(session) < session->peer.open_calls &&
	       session->window_total - caller->window_used >= ROOM &&
	       waldoi_session_fits(session, ROOM);
}

waldo_promise *
waldoi_session_call_directly(waldoi_session *session, waldo_ref *target,
                             int64_t target_id, const char *method,
                             const char *format, va_list args)
{
	waldoi_caller *caller = session->caller;
	waldo_node *node = session->node;
	const waldoi_name *name = waldoi_methods_look(node, method);
	int64_t id = caller->next_call;
	waldo_promise *promise;
	uint8_t *frame, *p, *list;
	uint32_t number, count;

	if (name == NULL || !may_call(session) ||
	    (number = waldoi_names_out_find(&caller->names_out, name)) == 0 ||
	    (frame = waldoi_output_room(&session->out, node, ROOM)) == NULL) {
		return NULL;
	}
	p = waldoi_op_begin(frame, 6, WALDOI_OP_CALL);
	p = waldoi_pack_uint(p, (uint64_t) id);
	p = waldoi_pack_int(p, target_id);
	p = waldoi_pack_uint(p, number);
	*p++ = WALDOI_NO_DESCS;
	p = waldoi_pack_map(p, 0);
	list = p++;
	p = pack_payload(session, frame, p, node->writer_limits.depth - 1,
	                 format, args, &count);
	if (p == NULL || count > 15) {
		return NULL;
	}
	*list = (uint8_t) (0x90 | count);
	promise = waldoi_promise_new(node);
	if (promise == NULL ||
	    !waldoi_calls_insert(&caller->calls, id, promise)) {
		waldo_promise_release(promise);
		return NULL;
	}
	/* From here on nothing can fail. */
	waldoi_output_put(&session->out, node, (size_t) (p - frame));
	caller->window_used += (size_t) (p - frame) - 4;
	caller->next_call += 2;
	target->used = true;
	waldoi_session_expect_return(session, promise, number);
	waldoi_session_touch(session);
	return promise;
}

/* ---- RETURN */

/* The call leaves its session. One that is answered while it is dispatched was
 * neither parked nor paused, and nobody can name it. */
static inline void
leave(waldoi_session *session, waldo_call *call)
{
	if (session->arriving != call || call->flush) {
		waldoi_session_forget_call(call);
		return;
	}
	assert(call->parked_in == NULL && call->place_bytes == 0 &&
	       call->window_bytes == 0 && call->on_stack);
	LIST_REMOVE(call, session_entry);
	session->incoming_count--;
	session->arriving = NULL;
	call->id = 0;
	call->session = NULL;
	waldoi_session_check_use(session);
}

bool
waldoi_session_reply_directly(waldo_call *call, const char *format,
                              va_list args)
{
	waldoi_session *session = call->session;
	uint8_t *frame, *p;
	uint32_t count;

	if (call->id == 0 || call->no_result || call->pendings != NULL ||
	    !may_go(session) ||
	    (frame = waldoi_output_room(&session->out, session->node, ROOM)) ==
	        NULL) {
		return false;
	}
	p = waldoi_op_begin(frame, 5, WALDOI_OP_RETURN);
	p = waldoi_pack_uint(p, (uint64_t) call->id);
	p = waldoi_pack_uint(p, WALDOI_STATUS_OK);
	p = waldoi_pack_bool(p, false);
	*p++ = WALDOI_NO_DESCS;
	p = pack_payload(session, frame, p, session->node->writer_limits.depth,
	                 format, args, &count);
	if (p == NULL || count > 1) {
		return false;
	}
	if (count == 0) {
		*p++ = 0xc0; /* there is slack */
	}
	waldoi_output_put(&session->out, session->node, (size_t) (p - frame));
	waldoi_session_touch(session);
	waldoi_session_check_queue(session);
	if (call->session != NULL) {
		leave(session, call);
	}
	return true;
}
