/* SPDX-License-Identifier: MIT */
#include "broker/pending.h"
#include "broker/session/descs.h"
#include "broker/session/session.h"
#include "serial/pack.h"

#include <stdlib.h>

/* The header of a RETURN without its references. */
#define RETURN_ROOM 64

static inline uint8_t *
begin_return(uint8_t *head, int64_t id, int status, bool keep)
{
	uint8_t *p = waldoi_op_begin(head, 5, WALDOI_OP_RETURN);

	p = waldoi_pack_int(p, id);
	p = waldoi_pack_uint(p, (uint64_t) status);
	return waldoi_pack_bool(p, keep);
}

/* Queues it, with the header that ends at `p`. */
static inline waldoi_failure *
queue_return(waldoi_session *session, uint8_t *head, const uint8_t *p,
             const uint8_t *payload, size_t len, waldo_writer *writer)
{
	size_t head_len = (size_t) (p - head);
	size_t size =
	    head_len + len + (writer == NULL ? 0 : writer->taken_bytes) - 4;

	if (size > session->peer.max_frame) {
		return waldoi_failure_new(WALDO_ELIMIT, WALDO_EXECUTED,
		                          "message_bytes: a result of %zu "
		                          "bytes, the caller takes at most %u",
		                          size, session->peer.max_frame);
	}
	if (!waldoi_op_queue(session, head, head_len, payload, len, writer)) {
		return waldoi_failure_new(WALDO_ENOMEM, WALDO_EXECUTED,
		                          "out of memory");
	}
	return NULL;
}

static void
look_at_queue(waldoi_session *session)
{
	waldoi_session_touch(session);
	waldoi_session_check_queue(session);
}

/* Queues a RETURN without references, which the peer may not pipeline on
 * unless `keep`. */
static waldoi_failure *
send_plain(waldoi_session *session, int64_t id, int status, bool keep,
           const uint8_t *payload, size_t len, waldo_writer *writer)
{
	uint8_t head[RETURN_ROOM];
	uint8_t *p = begin_return(head, id, status, keep);
	waldoi_failure *failure;

	*p++ = WALDOI_NO_DESCS;
	failure = queue_return(session, head, p, payload, len, writer);
	if (failure == NULL) {
		look_at_queue(session);
	}
	return failure;
}

/* The same with references, which is always kept: the peer may pipeline on
 * it, until its DROP. */
static waldoi_failure *
send_with_refs(waldo_call *call, waldo_ref **refs, uint32_t ref_count,
               const uint8_t *payload, size_t len, waldo_writer *writer)
{
	waldoi_session *session = call->session;
	uint8_t small[RETURN_ROOM + 256];
	waldoi_descs descs;
	waldoi_failure *failure =
	    waldoi_descs_prepare(&descs, session, refs, ref_count);
	uint8_t *head, *p;
	size_t room;

	if (failure != NULL) {
		return failure;
	}
	room = RETURN_ROOM + waldoi_descs_room(&descs);
	head = room <= sizeof(small) ? small : malloc(room);
	if (head == NULL) {
		waldoi_descs_roll_back(&descs);
		return waldoi_failure_new(WALDO_ENOMEM, WALDO_EXECUTED,
		                          "out of memory");
	}
	p = begin_return(head, call->id, WALDOI_STATUS_OK, true);
	p = waldoi_descs_pack(&descs, p);
	failure = queue_return(session, head, p, payload, len, writer);
	if (head != small) {
		free(head);
	}
	if (failure != NULL) {
		waldoi_descs_roll_back(&descs);
		return failure;
	}
	waldoi_descs_commit(&descs);
	look_at_queue(session);
	return NULL;
}

void
waldoi_session_send_error(waldoi_session *session, int64_t id, int status,
                          waldoi_failure *failure)
{
	size_t len;
	uint8_t *payload =
	    waldoi_error_pack(failure, session->peer.max_frame, &len);
	waldoi_failure *no_room =
	    payload == NULL
	        ? waldoi_failure_new(WALDO_ENOMEM, WALDO_EXECUTED,
	                             "out of memory")
	        : send_plain(session, id, status, false, payload, len, NULL);

	free(payload);
	waldoi_failure_release(failure);
	if (no_room != NULL) {
		waldoi_session_no_room(session, no_room);
	}
}

static int
status_of(const waldo_call *call, const waldoi_failure *failure)
{
	if (call->no_target) {
		return WALDOI_STATUS_BROKEN_TARGET;
	}
	if (!failure->pub.remote && failure->pub.code == WALDO_EDEADLINE) {
		return WALDOI_STATUS_DEADLINE;
	}
	if (!failure->pub.remote && failure->pub.code == WALDO_ECANCELLED) {
		return WALDOI_STATUS_CANCELLED;
	}
	return WALDOI_STATUS_ERROR;
}

/* The result in one piece, for those who look inside; its bytes are the
 * writer's if it has taken none. */
static waldo_err
make_whole(waldo_writer *writer, waldoi_message *whole)
{
	const uint8_t *bytes;
	waldo_err err;

	if (writer->taken != NULL) {
		return waldoi_message_from(whole, writer, false);
	}
	err = waldoi_writer_finish(writer, false, &bytes, &whole->len);
	if (err != WALDO_OK) {
		return err;
	}
	if (!waldoi_message_room(whole, writer->handle_count)) {
		return WALDO_ENOMEM;
	}
	whole->body = (uint8_t *) (uintptr_t) bytes;
	for (uint32_t i = 0; i < writer->handle_count; i++) {
		whole->refs[i] = waldo_ref_retain(writer->handles[i]);
	}
	return WALDO_OK;
}

static waldoi_failure *
writer_failure(waldo_err err, const waldo_writer *writer)
{
	return waldoi_failure_new(err, WALDO_EXECUTED, "%s", writer->message);
}

/* Calls that wait for a reference in the result move on before the RETURN
 * leaves (PROTOCOL.md P9); those that find none fail behind it, so that their
 * caller knows why. */
static waldoi_failure *
look_inside(waldo_call *call, const waldoi_message *whole, bool keep)
{
	waldoi_pendings_resolve(&call->pendings, whole);
	if (keep && !waldoi_places_make(&call->kept, whole)) {
		return waldoi_failure_new(WALDO_ENOMEM, WALDO_EXECUTED,
		                          "out of memory");
	}
	return NULL;
}

/* Exactly one of writer and message. */
static waldoi_failure *
send_value(waldo_call *call, waldo_writer *writer, waldoi_message *message)
{
	static const uint8_t nil[] = {0xc0};
	waldo_ref **refs;
	uint32_t ref_count;
	const uint8_t *payload;
	size_t len;

	if (call->no_result) {
		return send_plain(call->session, call->id, WALDOI_STATUS_OK,
		                  true, nil, sizeof(nil), NULL);
	}
	if (writer != NULL) {
		waldo_err err =
		    waldoi_writer_finish(writer, false, &payload, &len);

		if (err != WALDO_OK) {
			return writer_failure(err, writer);
		}
		refs = (waldo_ref **) writer->handles;
		ref_count = writer->handle_count;
	} else {
		payload = message->body;
		len = message->len;
		refs = message->refs;
		ref_count = message->ref_count;
	}
	return ref_count == 0
	           ? send_plain(call->session, call->id, WALDOI_STATUS_OK,
	                        false, payload, len, writer)
	           : send_with_refs(call, refs, ref_count, payload, len,
	                            writer);
}

/* A result that others look into: those who wait for what is in it, and, if it
 * is kept, those who will. */
static waldoi_failure *
send_whole(waldo_call *call, waldo_writer *writer, waldoi_message *message,
           bool keep)
{
	waldoi_failure *failure = NULL;
	char why[WALDOI_CHECK_MESSAGE];
	waldoi_message whole;
	waldo_err err;

	waldoi_message_init(&whole);
	if (writer != NULL) {
		err = make_whole(writer, &whole);
		failure = err == WALDO_OK ? NULL : writer_failure(err, writer);
	} else if (!waldoi_message_check(message, &err, why)) {
		failure = waldoi_failure_new(
		    err, WALDO_EXECUTED, "the result is not valid: %s", why);
	}
	if (failure == NULL) {
		failure =
		    look_inside(call, writer != NULL ? &whole : message, keep);
	}
	if (failure == NULL && call->session != NULL) {
		failure = send_value(call, writer, message);
	}
	if (failure == NULL) {
		if (keep) {
			call->phase = WALDOI_KEPT;
			if (call->flush) {
				call->session->kept_flushes++;
			}
		}
		waldoi_pendings_settle(&call->pendings,
		                       writer != NULL ? &whole : message, NULL);
	}
	waldoi_message_fini(&whole);
	return failure;
}

static waldoi_failure *
send_result(waldo_call *call, waldo_writer *writer, waldoi_message *message)
{
	uint32_t count =
	    writer != NULL ? writer->handle_count : message->ref_count;
	bool keep = count > 0 || call->no_result;

	return keep || call->pendings != NULL
	           ? send_whole(call, writer, message, keep)
	           : send_value(call, writer, message);
}

static void
send_failure(waldo_call *call, waldoi_failure *failure)
{
	waldoi_session *session = call->session;

	if (session != NULL && call->id != 0 &&
	    session->state == WALDOI_OPEN_SESSION) {
		waldoi_session_send_error(session, call->id,
		                          status_of(call, failure),
		                          waldoi_failure_retain(failure));
	}
}

void
waldoi_session_answer(waldo_call *call, waldo_writer *writer,
                      waldoi_message *message, waldoi_failure *failure)
{
	waldoi_failure *bad = NULL;

	if (failure == NULL && call->id != 0 &&
	    call->session->state == WALDOI_OPEN_SESSION) {
		failure = bad = send_result(call, writer, message);
	}
	if (failure != NULL) {
		send_failure(call, failure);
	}
	if (!call->answered) {
		/* In the user's place: what fails with it may be what makes
		 * the user answer, which must not go out any more. */
		waldoi_session_close_call(call);
	}
	if (failure != NULL) {
		waldoi_pendings_settle(&call->pendings, NULL, failure);
		waldoi_failure_release(bad);
	}
	if (call->phase == WALDOI_KEPT) {
		if (call->has_writer) {
			waldoi_writer_reset(&call->result); /* it has left */
		}
		return;
	}
	if (call->answered && call->session != NULL) {
		waldoi_session_forget_call(call); /* else the user holds it */
	}
}

const waldoi_origin waldoi_session_origin = {
    waldoi_session_answer, waldoi_session_reply_directly,
    waldoi_session_forget_call, waldoi_session_get_peer, waldoi_session_stall};
