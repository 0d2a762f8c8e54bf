/* SPDX-License-Identifier: MIT */
/*
 * What pending references become: told by the peer, in a RETURN or a RESOLVE,
 * or to the peer. Whether the path of calls on them changes is decided here
 * (PROTOCOL.md, "Settling").
 */
#include "broker/hold.h"
#include "broker/session/descs.h"
#include "broker/session/session.h"
#include "serial/pack.h"

#include <stdlib.h>

/* The peer's own objects and promises are reached by the same path, on which
 * it has moved the earlier calls already; what it gave back to us is not. What
 * the peer said decides: a promise of ours may since have become an object of
 * the peer's, but earlier calls on it still pass through us. */
static bool
is_same_path(int code)
{
	return code == WALDOI_DESC_MINE || code == WALDOI_DESC_PROMISE;
}

static void
become(waldo_ref *ref, waldo_ref *target)
{
	waldoi_pending *pending = waldoi_pending_of(ref);

	if (pending != NULL) {
		waldoi_pending_settle(pending, target, NULL);
	} else {
		waldoi_ref_become(ref, target);
	}
}

static void
no_memory(waldo_ref *ref)
{
	waldoi_failure *failure =
	    waldoi_failure_new(WALDO_ENOMEM, WALDO_NOT_SENT, "out of memory");
	waldoi_pending *pending = waldoi_pending_of(ref);

	if (pending != NULL) {
		waldoi_pending_settle(pending, NULL, failure);
	} else {
		waldoi_ref_break(ref, failure);
	}
	waldoi_failure_release(failure);
}

/* Behind all calls that were made on `ref`, by the path that they took. NULL
 * without memory. */
static waldo_promise *
send_flush(waldo_ref *ref, const uint8_t *token)
{
	waldoi_pending *pending = waldoi_pending_of(ref);
	waldo_request *request = waldoi_request_new(ref, WALDOI_FLUSH, NULL);
	waldo_promise *of = NULL, *flush;
	waldo_err err;

	if (request == NULL) {
		return NULL;
	}
	request->pinned = true;
	request->timeout_ms = 0;
	waldo_put_bytes(&request->args, token, WALDOI_TOKEN);
	if (pending != NULL) {
		of = pending->promise;
		pending->id = of->id;
	}
	flush = waldoi_request_send_for(request, true, &err);
	if (of != NULL && flush != NULL && flush->request != NULL) {
		/* It waits, and so does the DROP of what it names. */
		flush->request->of = waldo_promise_retain(of);
		of->flushes++;
	}
	return flush;
}

static void
change_path(waldoi_session *session, waldo_ref *ref, waldo_ref *target)
{
	waldoi_hold *hold;
	waldo_promise *flush;

	if (!ref->used) {
		become(ref, target);
		waldoi_session_move_waiting(session);
		return;
	}
	hold = waldoi_hold_new(session->node, target);
	flush = hold == NULL ? NULL : send_flush(ref, hold->token);
	if (flush == NULL) {
		if (hold != NULL) {
			waldoi_hold_lift(hold);
		}
		no_memory(ref);
		return;
	}
	ref->used = false; /* not by the new path */
	become(ref, &hold->place->ref);
	waldoi_session_move_waiting(session);
	waldoi_hold_until(hold, flush);
}

static void
settle(waldoi_session *session, waldo_ref *ref, waldo_ref *target, int code)
{
	const waldo_ref *end = waldoi_ref_follow(target);

	waldo_ref_retain(ref); /* what waits may hold the last count */
	if (end == ref || end->state == WALDO_BROKEN || is_same_path(code)) {
		become(ref, target);
	} else {
		change_path(session, ref, target);
	}
	waldo_ref_release(ref);
}

void
waldoi_session_settle_places(waldoi_session *session, waldo_promise *promise,
                             const waldoi_message *value, waldoi_cursor descs)
{
	for (waldoi_pending *p = promise->pendings; p != NULL; p = p->next) {
		waldoi_failure *none = NULL;
		uint32_t index = 0;
		waldo_ref *target =
		    waldoi_pending_is_open(p)
		        ? waldoi_path_find(&p->path, value, &index, &none)
		        : NULL;

		waldoi_failure_release(none);
		if (target != NULL) {
			settle(session, &p->ref, target,
			       waldoi_descs_code(descs, index));
		}
	}
	/* Those that stand for no reference. */
	waldoi_pendings_settle(&promise->pendings, value, NULL);
}

void
waldoi_session_flush_left(waldoi_session *session, waldo_promise *of)
{
	of->flushes--;
	if (of->flushes == 0 && of->kept) {
		of->kept = false;
		session->caller->kept--;
		waldoi_session_send_drop(session, of->id, 1);
	}
	waldo_promise_release(of);
}

/* ---- RESOLVE */

void
waldoi_session_take_resolve(waldoi_session *session, waldoi_cursor *c,
                            uint32_t count)
{
	int64_t id = waldoi_cursor_int(c);
	bool odd = (id & 1) != 0;
	waldoi_cursor desc = *c;
	waldo_ref *ref, *target;

	if (c->failed || count != 3 || id >= 0 || odd == session->initiator ||
	    id < session->peer_export) {
		waldoi_session_abort(session,
		                     "RESOLVE of %lld, which the peer has not "
		                     "given",
		                     (long long) id);
		return;
	}
	target = waldoi_desc_read(session, c);
	if (target == NULL) {
		return;
	}
	ref = waldoi_table_find(&session->caller->imports, (uint64_t) id);
	if (ref != NULL &&
	    (ref->state != WALDO_PENDING || ref->target != NULL)) {
		waldoi_session_abort(session,
		                     "RESOLVE of %lld, which is no promise, "
		                     "or no more",
		                     (long long) id);
	} else if (ref != NULL) {
		(void) waldoi_cursor_array(&desc);
		settle(session, ref, target,
		       (int) waldoi_cursor_uint(&desc, WALDOI_DESC_BROKEN));
	} /* else we have dropped it meanwhile */
	waldo_ref_release(target);
	waldoi_session_check_use(session);
}

static void
queue_resolve(waldoi_session *session, const waldoi_export *export,
              waldoi_descs *descs)
{
	size_t room = WALDOI_FRAME_HEAD + 32 + waldoi_descs_room(descs);
	uint8_t *head = malloc(room);
	uint8_t *p;
	bool queued = false;

	if (head != NULL) {
		p = waldoi_op_begin(head, 3, WALDOI_OP_RESOLVE);
		p = waldoi_pack_int(p, export->id);
		p = waldoi_desc_pack(&descs->descs[0], p);
		queued = waldoi_op_queue(session, head, (size_t) (p - head), p,
		                         0, NULL);
	}
	if (queued) {
		waldoi_descs_commit(descs);
		waldoi_session_touch(session);
		waldoi_session_check_queue(session);
	} else {
		waldoi_descs_roll_back(descs);
		waldoi_session_no_room(
		    session, waldoi_failure_new(WALDO_ENOMEM, WALDO_NOT_SENT,
		                                "out of memory"));
	}
	free(head);
}

void
waldoi_session_send_resolve(waldoi_session *session, waldoi_export *export)
{
	waldo_ref *ref = export->ref;
	waldoi_failure *failure;
	waldoi_descs descs;

	if (session->state != WALDOI_OPEN_SESSION) {
		return;
	}
	failure = waldoi_descs_prepare(&descs, session, &ref, 1);
	if (failure != NULL) {
		/* Over a limit: what it has become cannot be given. */
		descs.count = 1;
		descs.descs[0] = (waldoi_desc){.code = WALDOI_DESC_BROKEN,
		                               .of.broken = failure};
	}
	queue_resolve(session, export, &descs);
	waldoi_failure_release(failure);
}
