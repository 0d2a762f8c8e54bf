/* SPDX-License-Identifier: MIT */
#include "broker/session/session.h"
#include "broker/line.h"
#include "serial/check.h"
#include "serial/cursor.h"

#include <msgpack.h>
#include <stdio.h>
#include <string.h>

#define DEPTH 24 /* what msgpack-c decodes without complaint */

static const char *const op_names[] = {
    [WALDOI_OP_CALL] = "CALL",       [WALDOI_OP_RETURN] = "RETURN",
    [WALDOI_OP_DROP] = "DROP",       [WALDOI_OP_CANCEL] = "CANCEL",
    [WALDOI_OP_RESOLVE] = "RESOLVE", [WALDOI_OP_CREDIT] = "CREDIT",
    [WALDOI_OP_GOAWAY] = "GOAWAY",   [WALDOI_OP_LIMITS] = "LIMITS",
    [WALDOI_OP_UNKNOWN] = "UNKNOWN",
};

static const char *const link_names[] = {
    [WALDOI_LINK_HELLO] = "HELLO", [WALDOI_LINK_ACK] = "ACK",
    [WALDOI_LINK_PING] = "PING",   [WALDOI_LINK_PONG] = "PONG",
    [WALDOI_LINK_AGE] = "AGE",     [WALDOI_LINK_BYE] = "BYE",
    [WALDOI_LINK_ABORT] = "ABORT",
};

/* One value, as msgpack-c prints it; what is not a value, as its size. */
static void
add_value(waldoi_line *l, const uint8_t *data, size_t len)
{
	char message[WALDOI_CHECK_MESSAGE];
	msgpack_unpacked unpacked;
	size_t at = 0;

	if (waldoi_check(data, len, DEPTH, SIZE_MAX, message) != WALDO_OK) {
		waldoi_line_add(l, " (%zu bytes)", len);
		return;
	}
	msgpack_unpacked_init(&unpacked);
	if (msgpack_unpack_next(&unpacked, (const char *) data, len, &at) ==
	    MSGPACK_UNPACK_SUCCESS) {
		char text[WALDOI_LINE] = "";

		/* One byte is kept back: a value that has no room fills the
		 * buffer without an end. */
		msgpack_object_print_buffer(text, sizeof(text) - 1,
		                            unpacked.data);
		waldoi_line_add(l, " %s", text);
	}
	msgpack_unpacked_destroy(&unpacked);
}

static void
add_header(waldoi_line *l, uint8_t kind, const uint8_t *header, size_t len)
{
	bool link = kind == WALDOI_KIND_LINK;
	const char *const *names = link ? link_names : op_names;
	size_t count = link ? sizeof(link_names) / sizeof(*link_names)
	                    : sizeof(op_names) / sizeof(*op_names);
	waldoi_cursor c = waldoi_cursor_of(header, len);
	uint64_t code;

	(void) waldoi_cursor_array(&c);
	code = waldoi_cursor_uint(&c, WALDOI_MAX_ID);
	if (!c.failed && code < count && names[code] != NULL) {
		waldoi_line_add(l, " %s", names[code]);
	} else {
		waldoi_line_add(l, " kind %u", kind);
	}
	add_value(l, header, len);
}

/* ---- what is not told */

/* Of a CALL, behind its target: the method, as it is spelled here or was
 * before. NULL: who knows. */
static const char *
method_of(const waldoi_session *session, char way, waldoi_cursor *c,
          size_t *ret_len)
{
	uint8_t first = waldoi_cursor_peek(c);
	const char *text = NULL;
	uint64_t number;

	if ((first & 0xf0) == 0x90) {
		(void) waldoi_cursor_array(c);
		waldoi_cursor_skip(c);
		first = waldoi_cursor_peek(c);
	}
	if ((first & 0xe0) == 0xa0 || (first >= 0xd9 && first <= 0xdb)) {
		return waldoi_cursor_str(c, WALDOI_MAX_METHOD, ret_len);
	}
	number = waldoi_cursor_uint(c, UINT32_MAX);
	if (!c->failed && way == '<') {
		const waldoi_name *name =
		    waldoi_names_in_get(&session->names_in, number);

		text = name == NULL ? NULL : name->text;
	} else if (!c->failed && session->caller != NULL) {
		text = waldoi_names_out_get(&session->caller->names_out,
		                            (uint32_t) number);
	}
	*ret_len = text == NULL ? 0 : strlen(text);
	return text;
}

/* Passwords and tokens are arguments of `login`, and what a grant is fetched by
 * is a secret as well. */
static bool
is_secret(const waldoi_session *session, char way, uint8_t kind,
          const uint8_t *header, size_t len)
{
	waldoi_cursor c = waldoi_cursor_of(header, len);
	size_t text_len = 0;
	const char *text;

	(void) waldoi_cursor_array(&c);
	if (kind != WALDOI_KIND_OP ||
	    waldoi_cursor_uint(&c, WALDOI_MAX_ID) != WALDOI_OP_CALL) {
		return false;
	}
	waldoi_cursor_skip(&c); /* id */
	waldoi_cursor_skip(&c); /* target */
	text = method_of(session, way, &c, &text_len);
	return text != NULL && text_len == 5 &&
	       (memcmp(text, "login", 5) == 0 || memcmp(text, "fetch", 5) == 0);
}

static void
begin(waldoi_line *l, waldoi_session *session, char way)
{
	const char *address = waldoi_session_get_peer(session)->address;

	l->len = 0;
	if (address[0] == '\0' && session->caller->address != NULL) {
		address = session->caller->address;
	}
	waldoi_line_add(l, "waldo: %s %c", address, way);
}

static void
end(waldoi_line *l, waldoi_session *session)
{
	session->node->trace(waldoi_line_end(l), session->node->trace_user);
}

void
waldoi_trace_frame(waldoi_session *session, char way, uint8_t kind,
                   const uint8_t *body, size_t len)
{
	waldoi_cursor c = waldoi_cursor_of(body, len);
	size_t header;
	waldoi_line l;

	waldoi_cursor_skip(&c);
	header = c.failed ? len : (size_t) (c.p - body);
	begin(&l, session, way);
	add_header(&l, kind, body, header);
	if (header < len && is_secret(session, way, kind, body, header)) {
		waldoi_line_add(&l, " (not shown)");
	} else if (header < len) {
		add_value(&l, body + header, len - header);
	}
	end(&l, session);
}

void
waldoi_trace_sent(waldoi_session *session, const uint8_t *head, size_t head_len,
                  const uint8_t *payload, size_t len,
                  const waldo_writer *writer)
{
	waldoi_line l;

	begin(&l, session, '>');
	add_header(&l, head[4], head + WALDOI_FRAME_HEAD,
	           head_len - WALDOI_FRAME_HEAD);
	if (is_secret(session, '>', head[4], head + WALDOI_FRAME_HEAD,
	              head_len - WALDOI_FRAME_HEAD)) {
		waldoi_line_add(&l, " (not shown)");
	} else if (writer != NULL && writer->taken != NULL) {
		waldoi_line_add(&l, " (%zu bytes)", len + writer->taken_bytes);
	} else if (len > 0) {
		add_value(&l, payload, len);
	}
	end(&l, session);
}
