/* SPDX-License-Identifier: MIT */
#include "broker/session/descs.h"
#include "serial/check.h"
#include "serial/pack.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TYPE      128  /* of an error's type, in bytes */
#define MOST_MESSAGE   4096 /* and of its message */
#define BROKEN_MESSAGE 240  /* of one that stands in a header */

/* ---- outgoing */

static bool
is_answer(const waldoi_session *session, const waldoi_pending *pending)
{
	return pending != NULL && pending->promise != NULL &&
	       pending->promise->session == session &&
	       pending->promise->id != 0 &&
	       pending->promise->settled == WALDOI_OPEN;
}

static waldoi_failure *
check_exports(const waldoi_session *session)
{
	uint32_t ours = session->limits->exports;
	uint32_t theirs = session->peer.exports;
	uint32_t most = ours < theirs ? ours : theirs;

	if (session->exports.count < most) {
		return NULL;
	}
	return waldoi_failure_new(WALDO_ELIMIT, WALDO_NOT_SENT,
	                          "%s: the peer holds %u objects of ours, at "
	                          "most %u are allowed",
	                          ours <= theirs ? "exports" : "imports",
	                          session->exports.count, most);
}

static waldoi_failure *
prepare_export(waldoi_desc *desc, waldoi_session *session, waldo_ref *ref)
{
	waldoi_export *export = waldoi_export_of(session, ref);

	if (export == NULL) {
		waldoi_failure *full = check_exports(session);

		if (full != NULL) {
			return full;
		}
		export = waldoi_export_new(session, ref);
	}
	if (export == NULL) {
		return waldoi_failure_new(WALDO_ENOMEM, WALDO_NOT_SENT,
		                          "out of memory");
	}
	*desc = (waldoi_desc){.code = export->promise ? WALDOI_DESC_PROMISE
	                                              : WALDOI_DESC_MINE,
	                      .of.export = export};
	return NULL;
}

static waldoi_failure *
prepare_one(waldoi_desc *desc, waldoi_session *session, waldo_ref *ref)
{
	waldo_ref *end = waldoi_ref_follow(ref);
	waldoi_pending *pending = waldoi_pending_of(end);
	int64_t id;

	if (end->state == WALDO_BROKEN) {
		*desc = (waldoi_desc){.code = WALDOI_DESC_BROKEN,
		                      .of.broken = end->failure};
	} else if (waldoi_import_id(session, end, &id) && id != 0) {
		*desc = (waldoi_desc){.code = WALDOI_DESC_YOURS, .of.id = id};
	} else if (is_answer(session, pending)) {
		*desc = (waldoi_desc){.code = WALDOI_DESC_ANSWER,
		                      .of.answer = pending};
	} else {
		return prepare_export(desc, session, end);
	}
	return NULL;
}

waldoi_failure *
waldoi_descs_prepare(waldoi_descs *descs, waldoi_session *session,
                     waldo_ref **refs, uint32_t count)
{
	waldoi_failure *failure = NULL;

	descs->session = session;
	descs->count = 0;
	if (count > session->peer.refs_per_message || count > WALDOI_MAX_REFS) {
		return waldoi_failure_new(
		    WALDO_ELIMIT, WALDO_NOT_SENT,
		    "refs_per_message: a message with %u references, the peer "
		    "takes at most %u",
		    count, session->peer.refs_per_message);
	}
	while (failure == NULL && descs->count < count) {
		failure = prepare_one(&descs->descs[descs->count], session,
		                      refs[descs->count]);
		descs->count += failure == NULL;
	}
	if (failure != NULL) {
		waldoi_descs_roll_back(descs);
	}
	return failure;
}

static bool
is_export(const waldoi_desc *desc)
{
	return desc->code == WALDOI_DESC_MINE ||
	       desc->code == WALDOI_DESC_PROMISE;
}

void
waldoi_descs_roll_back(waldoi_descs *descs)
{
	for (uint32_t i = 0; i < descs->count; i++) {
		const waldoi_desc *desc = &descs->descs[i];

		/* Each export once: dropping frees it. */
		for (uint32_t j = 0; j < i && desc != NULL; j++) {
			if (is_export(&descs->descs[j]) && is_export(desc) &&
			    descs->descs[j].of.export == desc->of.export) {
				desc = NULL;
			}
		}
		if (desc != NULL && is_export(desc)) {
			waldoi_export_drop(descs->session, desc->of.export, 0);
		}
	}
}

void
waldoi_descs_commit(waldoi_descs *descs)
{
	for (uint32_t i = 0; i < descs->count; i++) {
		if (is_export(&descs->descs[i])) {
			descs->descs[i].of.export->sent++;
		}
	}
}

/* ---- packing */

static size_t
room_of(const waldoi_desc *desc)
{
	switch (desc->code) {
	case WALDOI_DESC_ANSWER:
		return 16 +
		       desc->of.answer->path.count * (WALDOI_MAX_METHOD + 8);
	case WALDOI_DESC_BROKEN: return 32 + MOST_TYPE + BROKEN_MESSAGE;
	default: return 16;
	}
}

size_t
waldoi_descs_room(const waldoi_descs *descs)
{
	size_t room = 5;

	for (uint32_t i = 0; i < descs->count; i++) {
		room += room_of(&descs->descs[i]);
	}
	return room;
}

static uint8_t *
pack_steps(uint8_t *p, const waldoi_path *path)
{
	for (size_t i = 0; i < path->count; i++) {
		const waldoi_step *step = &path->steps[i];

		p = step->key == NULL
		        ? waldoi_pack_uint(p, step->index)
		        : waldoi_pack_str(p, step->key, step->len);
	}
	return p;
}

uint8_t *
waldoi_pack_answer(uint8_t *p, int64_t id, const waldoi_path *path)
{
	if (path->count > 0) {
		p = waldoi_pack_array(p, 1 + path->count);
	}
	return pack_steps(waldoi_pack_int(p, id), path);
}

uint8_t *
waldoi_pack_text(uint8_t *p, const char *text, size_t max)
{
	size_t len = strlen(text);
	bool bad = !waldoi_is_utf8(text, len);
	uint8_t *body;

	if (len > max) {
		len = max;
		while (len > 0 && ((unsigned char) text[len] & 0xc0) == 0x80) {
			len--;
		}
	}
	p = waldoi_pack_str(p, text, len);
	body = p - len;
	for (size_t i = 0; bad && i < len; i++) {
		body[i] = body[i] < 0x80 ? body[i] : '?';
	}
	return p;
}

static uint64_t
code_of(const waldoi_failure *failure)
{
	if (failure->pub.code != WALDO_EREMOTE) {
		return failure->pub.code;
	}
	return failure->pub.number != 0 ? failure->pub.number
	                                : WALDOI_APPLICATION_CODE;
}

/* What became of our links to others names their addresses, which are not for
 * everybody. */
static const char *
text_of(const waldoi_failure *failure)
{
	waldo_err code = failure->pub.code;

	return !failure->pub.remote &&
	               (code == WALDO_ELOST || code == WALDO_ECONNECT ||
	                code == WALDO_EADDRESS || code == WALDO_ESYSTEM)
	           ? waldo_strerror(code)
	           : failure->pub.message;
}

static uint8_t *
pack_error(uint8_t *p, const waldoi_failure *failure, size_t most_message,
           bool details)
{
	const uint8_t *more = waldoi_failure_details(failure);

	p = waldoi_pack_array(p, 4);
	p = waldoi_pack_uint(p, code_of(failure));
	p = waldoi_pack_text(p, failure->pub.type, MOST_TYPE);
	p = waldoi_pack_text(p, text_of(failure), most_message);
	if (more == NULL || !details) {
		return waldoi_pack_nil(p);
	}
	memcpy(p, more, failure->details_len);
	return p + failure->details_len;
}

uint8_t *
waldoi_error_pack(const waldoi_failure *failure, size_t max_frame,
                  size_t *ret_len)
{
	size_t room = 64 + MOST_TYPE + MOST_MESSAGE;
	bool details = room + failure->details_len + 64 <= max_frame;
	uint8_t *error = malloc(room + (details ? failure->details_len : 0));

	if (error != NULL) {
		*ret_len = (size_t) (pack_error(error, failure, MOST_MESSAGE,
		                                details) -
		                     error);
	}
	return error;
}

uint8_t *
waldoi_desc_pack(const waldoi_desc *desc, uint8_t *p)
{
	switch (desc->code) {
	case WALDOI_DESC_MINE:
		p = waldoi_pack_array(p, 3);
		p = waldoi_pack_uint(p, WALDOI_DESC_MINE);
		p = waldoi_pack_int(p, desc->of.export->id);
		return waldoi_pack_nil(p);
	case WALDOI_DESC_PROMISE:
		p = waldoi_pack_array(p, 2);
		p = waldoi_pack_uint(p, WALDOI_DESC_PROMISE);
		return waldoi_pack_int(p, desc->of.export->id);
	case WALDOI_DESC_YOURS:
		p = waldoi_pack_array(p, 2);
		p = waldoi_pack_uint(p, WALDOI_DESC_YOURS);
		return waldoi_pack_int(p, desc->of.id);
	case WALDOI_DESC_ANSWER:
		p = waldoi_pack_array(p, 2 + desc->of.answer->path.count);
		p = waldoi_pack_uint(p, WALDOI_DESC_ANSWER);
		p = waldoi_pack_int(p, desc->of.answer->promise->id);
		return pack_steps(p, &desc->of.answer->path);
	default:
		p = waldoi_pack_array(p, 2);
		p = waldoi_pack_uint(p, WALDOI_DESC_BROKEN);
		return pack_error(p, desc->of.broken, BROKEN_MESSAGE, false);
	}
}

uint8_t *
waldoi_descs_pack(const waldoi_descs *descs, uint8_t *p)
{
	p = waldoi_pack_array(p, descs->count);
	for (uint32_t i = 0; i < descs->count; i++) {
		p = waldoi_desc_pack(&descs->descs[i], p);
	}
	return p;
}

/* ---- incoming */

void
waldoi_cursor_path(waldoi_cursor *c, uint32_t count, waldoi_path *ret_path)
{
	*ret_path = (waldoi_path){0};
	if (count > WALDOI_MAX_STEPS) {
		waldoi_cursor_fail(c);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		waldoi_step *step = &ret_path->steps[i];
		size_t len = 0;

		if (waldoi_cursor_is_str(c)) {
			step->key =
			    waldoi_cursor_str(c, WALDOI_MAX_METHOD, &len);
			step->len = (uint32_t) len;
		} else {
			step->index =
			    (uint32_t) waldoi_cursor_uint(c, UINT32_MAX);
		}
	}
	ret_path->count = c->failed ? 0 : count;
}

waldoi_failure *
waldoi_error_read(waldoi_cursor *c, size_t most_message)
{
	uint32_t count = waldoi_cursor_array(c);
	uint64_t code = waldoi_cursor_uint(c, WALDOI_MAX_ID);
	size_t type_len = 0, message_len = 0;
	const char *type = waldoi_cursor_str(c, 1024, &type_len);
	const char *message = waldoi_cursor_str(c, most_message, &message_len);
	const uint8_t *details = c->p;
	size_t details_len;

	if (count == 4 && waldoi_cursor_is_nil(c)) {
		waldoi_cursor_nil(c);
		details_len = 0;
	} else {
		waldoi_cursor_skip(c);
		details_len = (size_t) (c->p - details);
	}
	if (c->failed || count != 4 || !waldoi_is_utf8(type, type_len) ||
	    !waldoi_is_utf8(message, message_len)) {
		waldoi_cursor_fail(c);
		return NULL;
	}
	return waldoi_failure_remote(code, type, type_len, message, message_len,
	                             details, details_len);
}

static waldo_ref *
out_of_memory(waldoi_session *session)
{
	waldoi_session_end(session, WALDOI_ABORT_INTERNAL,
	                   waldoi_failure_new(WALDO_ELOST, WALDO_NOT_SENT,
	                                      "out of memory while a message "
	                                      "was taken"));
	return NULL;
}

/* PROTOCOL.md P1: of the other side's parity, negative, and not beyond what
 * an allocator can have reached. */
static waldo_ref *
read_mine(waldoi_session *session, int64_t id, bool promise)
{
	bool odd = (id & 1) != 0;
	const char *wrong;
	waldo_ref *ref;

	if (id >= 0 || id < -WALDOI_MAX_ID || odd == session->initiator) {
		waldoi_session_abort(session,
		                     "reference %lld is not the peer's to give",
		                     (long long) id);
		return NULL;
	}
	if (session->caller->imports.count >= session->limits->imports &&
	    waldoi_table_find(&session->caller->imports, (uint64_t) id) ==
	        NULL) {
		waldoi_session_abort(session,
		                     "imports: more than %u references",
		                     session->limits->imports);
		return NULL;
	}
	wrong = waldoi_import_check(session, id, promise);
	if (wrong != NULL) {
		waldoi_session_abort(session, "reference %lld %s",
		                     (long long) id, wrong);
		return NULL;
	}
	if (id < session->peer_export) {
		session->peer_export = id;
	}
	ref = waldoi_import_get(session, id, promise);
	return ref != NULL ? ref : out_of_memory(session);
}

static waldo_ref *
read_yours(waldoi_session *session, int64_t id)
{
	waldoi_export *export = waldoi_export_find(session, id);

	if (export == NULL) {
		waldoi_session_abort(session,
		                     "reference %lld is not one of ours that "
		                     "the peer holds",
		                     (long long) id);
		return NULL;
	}
	return waldo_ref_retain(export->ref);
}

static waldo_ref *
new_broken(waldoi_session *session, waldoi_failure *failure)
{
	waldo_ref *ref = waldoi_ref_new_broken(session->node, failure);

	return ref != NULL ? ref : out_of_memory(session);
}

static waldo_ref *
read_answer(waldoi_session *session, int64_t id, const waldoi_path *path)
{
	waldoi_failure *failure = NULL;
	waldo_ref *ref = waldoi_answer_get_ref(session, id, path, &failure);

	if (session->state != WALDOI_OPEN_SESSION) {
		waldoi_failure_release(failure);
		return NULL; /* aborted: never issued */
	}
	if (failure != NULL) {
		return new_broken(session, failure);
	}
	return ref != NULL ? waldo_ref_retain(ref) : out_of_memory(session);
}

/* Two bytes of a peer's make one, so it is ready-made. */
static waldo_ref *
read_unknown(waldoi_session *session, waldoi_cursor *c, uint32_t count)
{
	static waldoi_failure unknown = {
	    .pub = {WALDO_EINVAL, WALDO_NOT_SENT, false, "waldo.Invalid",
	            "a reference of a kind that this version has not", 0},
	    .count = WALDOI_IMMORTAL};

	for (uint32_t i = 1; i < count; i++) {
		waldoi_cursor_skip(c);
	}
	return new_broken(session, &unknown);
}

/* It stays for as long as somebody holds it, and so is small. */
static waldo_ref *
read_broken(waldoi_session *session, waldoi_cursor *c)
{
	waldoi_failure *failure = waldoi_error_read(c, BROKEN_MESSAGE);

	if (failure != NULL && failure->details_len > 0) {
		waldoi_failure_release(failure);
		failure = NULL;
	}
	return failure == NULL ? NULL : new_broken(session, failure);
}

static waldo_ref *
read_one(waldoi_session *session, waldoi_cursor *c)
{
	uint32_t count = waldoi_cursor_array(c);
	uint64_t code = waldoi_cursor_uint(c, WALDOI_MAX_ID);
	waldoi_path path;
	int64_t id;

	if (code == WALDOI_DESC_BROKEN) {
		return count == 2 ? read_broken(session, c) : NULL;
	}
	if (code > WALDOI_DESC_ANSWER) {
		return read_unknown(session, c, count);
	}
	id = waldoi_cursor_int(c);
	if (code == WALDOI_DESC_MINE && count == 3) {
		waldoi_cursor_skip(c); /* the interface: not used yet */
		return c->failed ? NULL : read_mine(session, id, false);
	}
	if (code == WALDOI_DESC_ANSWER && count >= 2) {
		waldoi_cursor_path(c, count - 2, &path);
		return c->failed ? NULL : read_answer(session, id, &path);
	}
	if (count != 2 || code == WALDOI_DESC_MINE) {
		waldoi_cursor_fail(c);
	}
	if (c->failed) {
		return NULL;
	}
	return code == WALDOI_DESC_YOURS ? read_yours(session, id)
	                                 : read_mine(session, id, true);
}

int
waldoi_descs_code(waldoi_cursor list, uint32_t index)
{
	(void) waldoi_cursor_array(&list);
	while (index-- > 0) {
		waldoi_cursor_skip(&list);
	}
	(void) waldoi_cursor_array(&list);
	return (int) waldoi_cursor_uint(&list, INT_MAX);
}

waldo_ref *
waldoi_desc_read(waldoi_session *session, waldoi_cursor *c)
{
	waldo_ref *ref = read_one(session, c);

	if (ref == NULL && session->state == WALDOI_OPEN_SESSION) {
		waldoi_session_abort(session, "a reference is malformed");
	}
	return ref;
}

bool
waldoi_descs_read_some(waldoi_session *session, waldoi_cursor *c,
                       waldoi_message *message)
{
	uint32_t count = waldoi_cursor_array(c);

	if (c->failed || count > session->limits->refs_per_message) {
		waldoi_session_abort(session,
		                     "refs_per_message: %u references%s, at "
		                     "most %u are taken",
		                     count, c->failed ? ", malformed" : "",
		                     session->limits->refs_per_message);
		return false;
	}
	if (!waldoi_message_room(message, count)) {
		(void) out_of_memory(session);
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		message->refs[i] = read_one(session, c);
		if (message->refs[i] == NULL) {
			if (session->state == WALDOI_OPEN_SESSION) {
				waldoi_session_abort(session,
				                     "reference %u of the "
				                     "message is malformed",
				                     i);
			}
			return false;
		}
	}
	return true;
}
