/* SPDX-License-Identifier: MIT */
#include "broker/methods.h"
#include "broker/object.h"
#include "broker/session/descs.h"
#include "broker/session/session.h"
#include "serial/api.h"
#include "serial/check.h"

#include <string.h>

#define NO_OPTIONS 0x80 /* an empty map; most calls have it */

/* A CALL whose header has been read. */
typedef struct incoming {
	size_t frame_len;
	int64_t id; /* 0: one-way */
	int64_t target;
	const waldoi_path *path; /* inside its result; NULL: the whole */
	waldoi_name *name;       /* borrowed */
	waldoi_name *spelled;    /* the same, if it is to be released */
	uint64_t left_ms;
	uint64_t flags;
	uint64_t hops;
	bool late;               /* it has a deadline */
	bool flush;              /* method number 0 */
	bool no_target;          /* because what it was made on is none */
	waldoi_failure *refusal; /* answered instead of a dispatch */
	uint8_t *body;           /* the arguments */
	size_t len;
} incoming;

/* Piece by piece: to clear it as a whole takes longer. */
static inline void
begin(incoming *in, size_t frame_len)
{
	in->frame_len = frame_len;
	in->id = 0;
	in->path = NULL;
	in->spelled = NULL;
	in->left_ms = in->flags = in->hops = 0;
	in->late = in->flush = in->no_target = false;
	in->refusal = NULL;
}

/* ---- CALL: the header */

static bool
read_id(waldoi_session *session, waldoi_cursor *c, incoming *in)
{
	int64_t expected = session->peer_call + 2;

	if (waldoi_cursor_is_nil(c)) {
		waldoi_cursor_nil(c);
		return true;
	}
	in->id = waldoi_cursor_int(c);
	if (c->failed || in->id != expected || in->id > WALDOI_MAX_ID) {
		waldoi_session_abort(session,
		                     "call id %lld, and %lld was to come",
		                     (long long) in->id, (long long) expected);
		return false;
	}
	return true;
}

/* A path, if there is one, is put at `path`. */
static void
read_target(waldoi_cursor *c, incoming *in, waldoi_path *path)
{
	uint32_t count;

	if (!waldoi_cursor_is_array(c)) {
		in->target = waldoi_cursor_int(c);
		return;
	}
	count = waldoi_cursor_array(c);
	in->target = waldoi_cursor_int(c);
	if (count == 0) {
		waldoi_cursor_fail(c);
		return;
	}
	waldoi_cursor_path(c, count - 1, path);
	in->path = path;
}

/* A frame is applied whole or not at all, and the latter ends the session
 * (PROTOCOL.md F14). */
static bool
no_memory(waldoi_session *session)
{
	waldoi_session_end(session, WALDOI_ABORT_INTERNAL,
	                   waldoi_failure_new(WALDO_ELOST, WALDO_NOT_SENT,
	                                      "out of memory while a message "
	                                      "was taken"));
	return false;
}

/* Defines a name, whatever becomes of the call (PROTOCOL.md P15). */
static bool
define_name(waldoi_session *session, uint64_t number, waldoi_name *name)
{
	uint32_t next = session->names_in.count + 1;

	if (number != next || next > session->limits->names) {
		waldoi_session_abort(session,
		                     "names: number %llu is defined, %u was "
		                     "to come, at most %u may",
		                     (unsigned long long) number, next,
		                     session->limits->names);
		return false;
	}
	if (!waldoi_names_in_define(&session->names_in,
	                            waldoi_name_retain(name))) {
		waldoi_name_release(name);
		return no_memory(session);
	}
	return true;
}

static bool
read_spelled(waldoi_session *session, waldoi_cursor *c, uint64_t number,
             incoming *in)
{
	size_t len = 0;
	const char *text = waldoi_cursor_str(c, WALDOI_MAX_METHOD, &len);
	waldo_err err = WALDO_EINVAL;

	if (!c->failed) {
		err = waldoi_methods_share(session->node, text, len,
		                           &in->spelled);
	}
	if (err == WALDO_EINVAL) {
		waldoi_session_abort(session, "a method's name is malformed");
		return false;
	}
	if (err != WALDO_OK) {
		return no_memory(session);
	}
	in->name = in->spelled;
	return number == 0 || define_name(session, number, in->name);
}

static bool
read_method(waldoi_session *session, waldoi_cursor *c, incoming *in)
{
	uint64_t number;
	waldoi_name *name;

	if (waldoi_cursor_is_str(c)) {
		return read_spelled(session, c, 0, in);
	}
	if (waldoi_cursor_is_array(c)) {
		bool pair = waldoi_cursor_array(c) == 2;

		number = waldoi_cursor_uint(c, WALDOI_MAX_ID);
		if (!pair || c->failed || number == 0) {
			waldoi_session_abort(session,
			                     "a method's definition is "
			                     "malformed");
			return false;
		}
		return read_spelled(session, c, number, in);
	}
	number = waldoi_cursor_uint(c, WALDOI_MAX_ID);
	if (number == 0 && !c->failed) {
		in->flush = true;
		in->spelled =
		    waldoi_name_new(WALDOI_FLUSH, strlen(WALDOI_FLUSH));
		in->name = in->spelled;
		return in->name != NULL || no_memory(session);
	}
	name = waldoi_names_in_get(&session->names_in, number);
	if (c->failed || name == NULL) {
		waldoi_session_abort(session,
		                     "method number %llu was not defined",
		                     (unsigned long long) number);
		return false;
	}
	in->name = name;
	return true;
}

static void
refuse(incoming *in, waldo_err code, const char *what)
{
	if (in->refusal == NULL) {
		in->refusal =
		    waldoi_failure_new(code, WALDO_NOT_SENT, "%s", what);
	}
}

static void
read_option(waldoi_cursor *c, uint64_t key, incoming *in)
{
	switch (key) {
	case WALDOI_OPT_TIME_LEFT:
		in->late = true;
		in->left_ms = waldoi_cursor_uint(c, WALDOI_MAX_ID);
		break;
	case WALDOI_OPT_FLAGS:
		in->flags = waldoi_cursor_uint(c, WALDOI_MAX_ID);
		break;
	case WALDOI_OPT_HOPS:
		in->hops = waldoi_cursor_uint(c, WALDOI_MAX_ID);
		break;
	default:
		waldoi_cursor_skip(c);
		if ((key & 1) != 0) {
			refuse(in, WALDO_EINVAL,
			       "the call has an option that this version has "
			       "not");
		}
	}
}

static bool
read_options(waldoi_session *session, waldoi_cursor *c, incoming *in)
{
	uint64_t seen = 0;
	uint32_t count;

	if (waldoi_cursor_peek(c) == NO_OPTIONS) {
		c->p++;
		return true;
	}
	count = waldoi_cursor_map(c);
	for (uint32_t i = 0; i < count && !c->failed; i++) {
		read_option(c, waldoi_cursor_key(c, WALDOI_MAX_ID, &seen), in);
	}
	if (c->failed) {
		waldoi_session_abort(session, "the options of a call are "
		                              "malformed");
	}
	return !c->failed;
}

/* What the caller can count itself (PROTOCOL.md P34): flushes apart, since
 * what waits for one may hold all the others. For the caller a flush that is
 * kept is a call once its RETURN is there; when that is, nobody knows here. */
static inline bool
count_open(waldoi_session *session, const incoming *in)
{
	uint32_t most = session->limits->open_calls;
	uint32_t all = session->answers.count;
	uint32_t count = in->flush
	                     ? session->flush_answers - session->kept_flushes
	                     : all - session->flush_answers;

	if (in->id != 0 && (count >= most || all / 2 >= most)) {
		waldoi_session_abort(session,
		                     "open_calls: more than %u %s at a time",
		                     most, in->flush ? "flushes" : "calls");
		return false;
	}
	return true;
}

/* ---- CALL: the target */

static waldoi_failure *
broken_target(const char *why)
{
	return waldoi_failure_new(WALDO_EINVAL, WALDO_NOT_SENT, "%s", why);
}

/* A place in a result that is not known yet. A peer may name any number of
 * them, and each costs memory until it is. */
static waldo_ref *
get_place(waldoi_session *session, waldo_call *answer, const waldoi_path *path,
          waldoi_failure **ret_failure)
{
	const size_t size = sizeof(waldoi_pending) + WALDOI_MAX_METHOD;
	size_t most = session->limits->parked_bytes;
	size_t passed;
	waldo_ref *ref = waldoi_pendings_find(answer->pendings, path, &passed);

	if (ref != NULL) {
		return ref;
	}
	if (passed >= WALDOI_MAX_PLACES ||
	    session->parked_bytes + size > most) {
		*ret_failure = waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "parked_bytes: %zu bytes wait for promises, at most %zu "
		    "may; %zu places of one result, at most %d",
		    session->parked_bytes, most, passed, WALDOI_MAX_PLACES);
		return NULL;
	}
	ref = waldoi_pendings_get(&answer->pendings, session->node, path, NULL);
	if (ref != NULL) {
		answer->place_bytes += size;
		session->parked_bytes += size;
	}
	return ref;
}

waldo_ref *
waldoi_answer_get_ref(waldoi_session *session, int64_t id,
                      const waldoi_path *path, waldoi_failure **ret_failure)
{
	waldo_call *answer =
	    waldoi_table_find(&session->answers, (uint64_t) id);
	waldo_ref *ref;

	if (answer == NULL) {
		bool odd = (id & 1) != 0;

		if (odd == session->initiator || id <= 0 ||
		    id > session->peer_call) {
			waldoi_session_abort(session,
			                     "call %lld was never made",
			                     (long long) id);
			return NULL;
		}
		*ret_failure = broken_target("the result that it was to be "
		                             "called on held no reference");
		return NULL;
	}
	if (answer->phase == WALDOI_KEPT) {
		ref = waldoi_places_find(&answer->kept, path);
		if (ref == NULL) {
			*ret_failure = broken_target("the result has no "
			                             "reference there");
		}
		return ref;
	}
	return get_place(session, answer, path, ret_failure);
}

/* Calls that the user still holds count, also when the peer has its RETURN
 * because they were late: it could have any number held, else. */
waldoi_failure *
waldoi_session_check_incoming(const waldoi_session *session, uint32_t listed)
{
	uint32_t most = session->limits->open_calls;
	size_t count = session->incoming_count - listed -
	               waldoi_session_paused_count(session);

	if (count < (size_t) most + session->flush_answers) {
		return NULL;
	}
	return waldoi_failure_new(
	    WALDO_ELIMIT, WALDO_NOT_SENT,
	    "open_calls: %zu calls of the peer are held here, at most %u may",
	    count, most);
}

static void
check_open_calls(waldoi_session *session, incoming *in)
{
	if (in->flush || in->refusal != NULL) {
		return;
	}
	in->refusal = waldoi_session_check_incoming(session, 0);
	if (in->refusal != NULL && in->id == 0) {
		waldoi_session_warn(session, in->refusal->pub.message);
	}
}

/* Borrowed; NULL: refused, or the session has ended. */
static waldo_ref *
find_target(waldoi_session *session, incoming *in)
{
	static const waldoi_path no_path = {0};
	waldoi_failure *why = NULL;
	waldoi_export *export;
	waldo_ref *ref;

	if (in->target > 0) {
		ref = waldoi_answer_get_ref(
		    session, in->target, in->path != NULL ? in->path : &no_path,
		    &why);
		if (ref == NULL && why == NULL) {
			refuse(in, WALDO_ENOMEM, "out of memory");
		} else if (in->refusal == NULL) {
			in->no_target =
			    why != NULL && why->pub.code == WALDO_EINVAL;
			in->refusal = why;
		} else {
			waldoi_failure_release(why); /* refused already */
		}
		return ref;
	}
	if (in->path != NULL) {
		waldoi_session_abort(session,
		                     "a path on %lld, which is no call",
		                     (long long) in->target);
		return NULL;
	}
	if (in->target == 0) {
		if (session->node->bootstrap == NULL) {
			refuse(in, WALDO_ENAME, "nothing is published here");
		}
		return session->node->bootstrap;
	}
	export = waldoi_export_find(session, in->target);
	if (export == NULL) {
		waldoi_session_abort(session,
		                     "target %lld is not an object of ours "
		                     "that the peer holds",
		                     (long long) in->target);
		return NULL;
	}
	return export->ref;
}

/* ---- CALL: dispatch */

static void
refuse_call(waldoi_session *session, const incoming *in, int status,
            waldoi_failure *failure)
{
	if (in->id != 0 && session->state == WALDOI_OPEN_SESSION) {
		waldoi_session_send_error(session, in->id, status, failure);
	} else {
		waldoi_failure_release(failure);
	}
}

static bool
list_call(waldoi_session *session, waldo_call *call, const incoming *in)
{
	if (in->id != 0) {
		if (!waldoi_table_reserve(&session->answers)) {
			return false;
		}
		session->arriving = call;
	}
	call->origin = &waldoi_session_origin;
	call->session = session;
	call->id = in->id;
	call->remote = true;
	call->on_answer = in->target > 0;
	if (in->flush && in->id != 0) {
		call->flush = true;
		session->flush_answers++;
	}
	call->no_result = (in->flags & WALDOI_FLAG_NO_RESULT) != 0;
	call->idempotent = (in->flags & WALDOI_FLAG_IDEMPOTENT) != 0;
	call->hops = (uint8_t) (in->hops > UINT8_MAX ? UINT8_MAX : in->hops);
	LIST_INSERT_HEAD(&session->incoming, call, session_entry);
	session->incoming_count++;
	return true;
}

/* A call that is parked costs us memory until its target is known. */
static bool
park(waldoi_session *session, waldo_call *call)
{
	size_t size = waldoi_call_size(call);
	size_t most = session->limits->parked_bytes;
	waldoi_failure *full;

	if (session->parked_bytes + size > most) {
		full = waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "parked_bytes: %zu bytes of calls wait for promises, at "
		    "most %zu may",
		    session->parked_bytes, most);
		if (call->id == 0) {
			waldoi_session_warn(session, full->pub.message);
		}
		waldoi_call_fail(call, full);
		return false;
	}
	call->parked_bytes = size;
	call->parked_in = &session->parked_bytes;
	session->parked_bytes += size;
	return true;
}

void
waldoi_session_dispatch(waldoi_session *session, waldo_call *call,
                        waldo_ref *target)
{
	waldo_ref *end = waldoi_ref_follow(target);
	waldoi_object *object = waldoi_object_of(end);

	if (object != NULL && end->state == WALDO_NEAR) {
		call->target = waldo_ref_retain(end);
		waldoi_object_dispatch(object, call);
	} else if (!waldoi_ref_parks(end) || park(session, call)) {
		waldoi_ref_deliver(end, call);
	}
}

static uint64_t
deadline_of(const waldoi_session *session, const incoming *in)
{
	uint64_t left =
	    in->left_ms > session->age_ms ? in->left_ms - session->age_ms : 0;

	return session->node->now + left * 1000;
}

/* NULL without memory. `args` has the references; NULL: there are none. */
static waldo_call *
new_call(waldoi_session *session, const incoming *in, waldoi_message *args)
{
	waldo_call *call = waldoi_call_new(session->node, NULL, in->name);

	if (call == NULL) {
		return NULL;
	}
	if (!list_call(session, call, in)) {
		waldoi_call_free(call);
		return NULL;
	}
	if (in->late) {
		call->deadline = deadline_of(session, in);
	}
	if (args != NULL) {
		waldoi_message_move(&call->args, args);
	}
	call->args.body = in->body;
	call->args.len = in->len;
	/* Whoever reads them checks them: they may only be passed on. */
	call->args.unchecked = (uint8_t) session->limits->depth;
	return call;
}

/* Most are answered by now; who is not may be named by those that follow. */
static void
list_answer(waldoi_session *session)
{
	waldo_call *call = session->arriving;

	if (call != NULL) {
		session->arriving = NULL;
		/* There is room, so it cannot fail. */
		(void) waldoi_table_insert(&session->answers,
		                           (uint64_t) call->id, call);
	}
}

/* What is left to do when the header is known to be good. */
static void
take_call(waldoi_session *session, incoming *in, waldoi_message *args)
{
	waldo_ref *target = find_target(session, in);
	waldo_call *call;

	if (session->state != WALDOI_OPEN_SESSION) {
		return;
	}
	if (in->id != 0) {
		/* Only now: a call is neither its own target nor its own
		 * argument. */
		session->peer_call = in->id;
	}
	if (session->applied > session->last && !in->flush) {
		return; /* PROTOCOL.md P40; it has been counted */
	}
	check_open_calls(session, in);
	if (in->refusal != NULL) {
		refuse_call(session, in,
		            in->no_target ? WALDOI_STATUS_BROKEN_TARGET
		                          : WALDOI_STATUS_ERROR,
		            waldoi_failure_retain(in->refusal));
		return;
	}
	call = new_call(session, in, args);
	if (call == NULL) {
		refuse_call(session, in, WALDOI_STATUS_ERROR,
		            waldoi_failure_new(WALDO_ENOMEM, WALDO_NOT_SENT,
		                               "out of memory"));
	} else if (waldoi_session_must_pause(session)) {
		waldoi_session_pause(session, call, target, in->frame_len);
		list_answer(session);
	} else {
		waldoi_session_dispatch(session, call, target);
		list_answer(session);
	}
}

/* What most calls begin with, from the id on: a number each for id, target and
 * method, no references, no options. False: it is another, or wrong, and
 * nothing was read. */
static inline bool
read_plain(const waldoi_session *session, waldoi_cursor *c, incoming *in)
{
	const uint8_t *p = c->p;
	int64_t id;

	if (c->end - p < WALDOI_SHORT_UINT + 4) {
		return false;
	}
	p = waldoi_short_uint_at(p, &id);
	if (p == NULL || id != session->peer_call + 2 || (int8_t) p[0] < -32 ||
	    p[1] >= 0x80 || p[2] != WALDOI_NO_DESCS || p[3] != NO_OPTIONS) {
		return false;
	}
	in->id = id;
	in->target = (int8_t) p[0];
	in->name = waldoi_names_in_get(&session->names_in, p[1]);
	if (in->name == NULL) {
		return false;
	}
	c->p = p + 4;
	return true;
}

/* Any call. */
static WALDOI_APART void
take_any(waldoi_session *session, waldoi_cursor *c, incoming *in)
{
	waldoi_message args;
	waldoi_path path;

	if (!read_id(session, c, in)) {
		return;
	}
	read_target(c, in, &path);
	if (c->failed) {
		waldoi_session_abort(session, "the target of a call is "
		                              "malformed");
		return;
	}
	waldoi_message_init(&args);
	if (read_method(session, c, in) && count_open(session, in) &&
	    waldoi_descs_read(session, c, &args) &&
	    read_options(session, c, in)) {
		in->body = (uint8_t *) (uintptr_t) c->p;
		in->len = (size_t) (c->end - c->p);
		take_call(session, in, &args);
	}
	waldoi_name_release(in->spelled);
	waldoi_message_fini(&args);
}

void
waldoi_session_take_call(waldoi_session *session, waldoi_cursor *c,
                         uint32_t count, size_t frame_len)
{
	incoming in;

	begin(&in, frame_len);
	if (count != 6) {
		waldoi_session_abort(session, "CALL has %u elements, not 6",
		                     count);
		return;
	}
	if (!read_plain(session, c, &in)) {
		take_any(session, c, &in);
	} else if (count_open(session, &in)) {
		in.body = (uint8_t *) (uintptr_t) c->p;
		in.len = (size_t) (c->end - c->p);
		take_call(session, &in, NULL);
	}
	if (in.refusal != NULL) {
		waldoi_failure_release(in.refusal);
	}
}
