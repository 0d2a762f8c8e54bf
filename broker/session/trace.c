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
	if (header < len) {
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
	if (writer != NULL && writer->taken != NULL) {
		waldoi_line_add(&l, " (%zu bytes)", len + writer->taken_bytes);
	} else if (len > 0) {
		add_value(&l, payload, len);
	}
	end(&l, session);
}
