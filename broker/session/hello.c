/* SPDX-License-Identifier: MIT */
/* What the two sides tell each other of their limits: HELLO, and LIMITS, which
 * raises them. */
#include "broker/limits.h"
#include "broker/session/session.h"
#include "serial/pack.h"
#include <waldo/version.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_IDLE_MS 33 /* of the least dead_peer_ms */

/* Keys of HELLO; LIMITS has those of the limits. */
enum {
	KEY_VERSION = 0,
	KEY_FEATURES = 1,
	KEY_MAX_FRAME = 2,
	KEY_MAX_DEPTH = 3,
	KEY_OPEN_CALLS = 4,
	KEY_CALL_WINDOW = 5,
	KEY_IMPORTS = 6,
	KEY_REFS = 7,
	KEY_NAMES = 10,
	KEY_IDLE_MS = 12,
	KEY_INCARNATION = 14,
	KEY_AGENT = 15
};

/* ---- saying */

#define LIMITS      7
#define LIMITS_ROOM (LIMITS * 10)

typedef struct told {
	uint64_t key, value;
} told;

static void
list_limits(const waldo_limits *limits, told ret_list[LIMITS])
{
	const told list[LIMITS] = {
	    {KEY_MAX_FRAME, limits->message_bytes},
	    {KEY_MAX_DEPTH, limits->depth},
	    {KEY_OPEN_CALLS, limits->open_calls},
	    {KEY_CALL_WINDOW, limits->call_window},
	    {KEY_IMPORTS, limits->imports},
	    {KEY_REFS, limits->refs_per_message},
	    {KEY_NAMES, limits->names},
	};

	memcpy(ret_list, list, sizeof(list));
}

static uint8_t *
pack_pair(uint8_t *p, uint64_t key, uint64_t value)
{
	return waldoi_pack_uint(waldoi_pack_uint(p, key), value);
}

bool
waldoi_session_say_hello(waldoi_session *session)
{
	static const char agent[] = "waldo/" WALDO_VERSION;
	uint32_t idle_ms = session->node->limits.dead_peer_ms / 3;
	uint8_t frame[WALDOI_LINK_FRAME];
	uint8_t *p = waldoi_link_begin(frame, 2, WALDOI_LINK_HELLO);
	told limits[LIMITS];

	list_limits(session->limits, limits);
	p = waldoi_pack_map(p, 5 + LIMITS);
	p = waldoi_pack_uint(p, KEY_VERSION);
	p = waldoi_pack_array(p, 2);
	p = waldoi_pack_uint(waldoi_pack_uint(p, 1), 1);
	p = pack_pair(p, KEY_FEATURES, WALDOI_FEATURE_ACK);
	for (int i = 0; i < LIMITS; i++) {
		p = pack_pair(p, limits[i].key, limits[i].value);
	}
	p = pack_pair(p, KEY_IDLE_MS, idle_ms);
	p = waldoi_pack_uint(p, KEY_INCARNATION);
	p = waldoi_pack_bin(p, session->node->incarnation,
	                    sizeof(session->node->incarnation));
	p = waldoi_pack_uint(p, KEY_AGENT);
	p = waldoi_pack_str(p, agent, strlen(agent));
	return waldoi_link_say(session, frame, p);
}

/* What is greater than it was `before`. */
static void
say_limits(waldoi_session *session, const waldo_limits *before)
{
	uint8_t head[WALDOI_OP_ROOM + LIMITS_ROOM], pairs[LIMITS_ROOM];
	uint8_t *p = waldoi_op_begin(head, 2, WALDOI_OP_LIMITS);
	uint8_t *end = pairs;
	told was[LIMITS], is[LIMITS];
	size_t count = 0;

	list_limits(before, was);
	list_limits(session->limits, is);
	for (int i = 0; i < LIMITS; i++) {
		if (is[i].value != was[i].value) {
			end = pack_pair(end, is[i].key, is[i].value);
			count++;
		}
	}
	if (count == 0) {
		return;
	}
	p = waldoi_pack_map(p, count);
	memcpy(p, pairs, (size_t) (end - pairs));
	waldoi_op_send(session, head, p + (end - pairs));
}

waldo_err
waldoi_session_raise_limits(waldoi_session *session, const waldo_limits *limits,
                            char message[200])
{
	const waldo_limits before = *session->limits;
	waldo_limits *after = malloc(sizeof(*after));
	waldo_err err;

	if (after == NULL) {
		snprintf(message, 200, "out of memory");
		return WALDO_ENOMEM;
	}
	*after = before;
	err = waldoi_limits_raise(limits, after, message);
	if (err != WALDO_OK) {
		free(after);
		return err;
	}
	waldoi_session_set_limits(session, after);
	session->in.max_frame = (uint32_t) after->message_bytes;
	session->window_told += after->call_window - before.call_window;
	say_limits(session, &before);
	return WALDO_OK;
}

/* ---- taking */

static uint32_t
take_limit(waldoi_cursor *c, uint32_t least)
{
	uint64_t value = waldoi_cursor_uint(c, WALDOI_MAX_ID);

	if (value < least) {
		waldoi_cursor_fail(c);
	}
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t) value;
}

/* One of the limits, which is not below what it is; false if `key` is none of
 * them. */
static bool
take_limit_key(waldoi_cursor *c, uint64_t key, waldoi_peer_limits *l)
{
	uint32_t *limit;

	switch (key) {
	case KEY_MAX_FRAME: limit = &l->max_frame; break;
	case KEY_MAX_DEPTH: limit = &l->max_depth; break;
	case KEY_OPEN_CALLS: limit = &l->open_calls; break;
	case KEY_CALL_WINDOW: limit = &l->call_window; break;
	case KEY_IMPORTS: limit = &l->exports; break;
	case KEY_REFS: limit = &l->refs_per_message; break;
	case KEY_NAMES: limit = &l->names; break;
	default: return false;
	}
	*limit = take_limit(c, *limit);
	return true;
}

/* True unless the versions have nothing in common. */
static bool
take_version(waldoi_cursor *c)
{
	uint64_t first, last;

	if (waldoi_cursor_array(c) != 2) {
		waldoi_cursor_fail(c);
	}
	first = waldoi_cursor_uint(c, UINT16_MAX);
	last = waldoi_cursor_uint(c, UINT16_MAX);
	return c->failed || (first <= 1 && last >= 1);
}

typedef struct hello {
	waldoi_peer_limits limits;
	uint64_t features;
	bool version;
} hello;

static void
take_key(waldoi_cursor *c, uint64_t key, hello *h)
{
	switch (key) {
	case KEY_VERSION: h->version = take_version(c); break;
	case KEY_FEATURES:
		h->features = waldoi_cursor_uint(c, WALDOI_MAX_ID);
		break;
	case KEY_IDLE_MS:
		h->limits.idle_ms = take_limit(c, LEAST_IDLE_MS);
		break;
	default:
		if (!take_limit_key(c, key, &h->limits)) {
			waldoi_cursor_skip(c);
		}
	}
}

/* Keys that this version does not know are skipped; what stands twice is an
 * error, as is a limit below the floor, which nobody could keep to. */
void
waldoi_session_take_hello(waldoi_session *session, waldoi_cursor *c)
{
	hello h = {.limits = session->peer};
	uint32_t count = waldoi_cursor_map(c);
	uint64_t seen = 0;

	for (uint32_t i = 0; i < count && !c->failed; i++) {
		take_key(c, waldoi_cursor_key(c, WALDOI_MAX_ID, &seen), &h);
	}
	/* A call must not be one that the window could never hold. */
	if ((seen & UINT64_C(1) << KEY_CALL_WINDOW) == 0) {
		h.limits.call_window = h.limits.max_frame;
	} else if (h.limits.call_window < h.limits.max_frame) {
		waldoi_cursor_fail(c);
	}
	if (c->failed || session->greeted || (seen & 1) == 0) {
		waldoi_session_abort(session, "HELLO is malformed, or came "
		                              "twice");
		return;
	}
	if (!h.version) {
		waldoi_session_refused(session, "no version that both have");
		return;
	}
	session->peer = h.limits;
	session->window_total = h.limits.call_window;
	session->greeted = true;
	if ((h.features & WALDOI_FEATURE_ACK) == 0) {
		waldoi_output_let_go(&session->out, session->node);
		waldoi_session_settle_one_way(session, session->out.sent);
	}
	waldoi_session_set_timer(session);
	waldoi_session_send_waiting(session);
}

void
waldoi_session_take_limits(waldoi_session *session, waldoi_cursor *c,
                           uint32_t count)
{
	waldoi_peer_limits limits = session->peer;
	uint32_t keys = waldoi_cursor_map(c);
	uint64_t seen = 0;

	for (uint32_t i = 0; i < keys && !c->failed; i++) {
		uint64_t key = waldoi_cursor_key(c, WALDOI_MAX_ID, &seen);

		if (!take_limit_key(c, key, &limits)) {
			waldoi_cursor_skip(c);
		}
	}
	if (c->failed || count != 2 || limits.call_window < limits.max_frame) {
		waldoi_session_abort(session, "LIMITS is malformed, or lowers "
		                              "a limit");
		return;
	}
	session->window_total += limits.call_window - session->peer.call_window;
	session->peer = limits;
	waldoi_session_send_waiting(session);
}
