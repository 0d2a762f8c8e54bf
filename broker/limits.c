/* SPDX-License-Identifier: MIT */
#include "broker/limits.h"

#include <stdio.h>

#define MEBI (1024u * 1024u)

static const waldo_limits defaults = {
    .size = sizeof(waldo_limits),
    .message_bytes = 4 * MEBI,
    .depth = 64,
    .exports = 16384,
    .open_calls = 1024,
    .queued_bytes = 16 * MEBI,
    .total_bytes = 256 * MEBI,
    .sessions = 16384,
    .call_timeout_ms = 0,
    .dead_peer_ms = 20000,
    .imports = 16384,
    .refs_per_message = 256,
    .names = 1024,
    .parked_bytes = 1 * MEBI,
    .retained_bytes = 8 * MEBI,
    .call_window = 8 * MEBI,
    .handshakes = 1024,
    .handshakes_per_source = 64,
    .handshake_rate = 100,
    .handshake_budget = 1000,
};

#define TAKE(field)                                                            \
	do {                                                                   \
		if (given->field != 0) {                                       \
			to->field = given->field;                              \
		}                                                              \
	} while (0)

static void
take(const waldo_limits *given, waldo_limits *to)
{
	TAKE(message_bytes);
	TAKE(depth);
	TAKE(exports);
	TAKE(open_calls);
	TAKE(queued_bytes);
	TAKE(total_bytes);
	TAKE(sessions);
	TAKE(call_timeout_ms);
	TAKE(dead_peer_ms);
	TAKE(imports);
	TAKE(refs_per_message);
	TAKE(names);
	TAKE(parked_bytes);
	TAKE(retained_bytes);
	TAKE(call_window);
	TAKE(handshakes);
	TAKE(handshakes_per_source);
	TAKE(handshake_rate);
	TAKE(handshake_budget);
}

static waldo_err
check(const char *whose, const char *name, size_t value, size_t least,
      size_t most, char message[200])
{
	if (value >= least && value <= most) {
		return WALDO_OK;
	}
	snprintf(message, 200, "%s.%s is %zu, not in %zu..%zu", whose, name,
	         value, least, most);
	return WALDO_EINVAL;
}

static waldo_err
check_size(const char *whose, const waldo_limits *given, char message[200])
{
	if (given->size >= sizeof(*given)) {
		return WALDO_OK;
	}
	snprintf(message, 200, "%s.size is %zu, not %zu", whose, given->size,
	         sizeof(*given));
	return WALDO_EINVAL;
}

#define CHECK(field, least, most)                                              \
	do {                                                                   \
		waldo_err err =                                                \
		    check(whose, #field, to->field, least, most, message);     \
		if (err != WALDO_OK) {                                         \
			return err;                                            \
		}                                                              \
	} while (0)

/* The floors are what every peer assumes before it is told otherwise
 * (PROTOCOL.md F21). */
static waldo_err
check_all(const char *whose, const waldo_limits *to, char message[200])
{
	CHECK(message_bytes, 64 * 1024, 1024 * MEBI);
	CHECK(depth, 16, 64);
	CHECK(exports, 1, UINT32_MAX);
	CHECK(imports, 64, UINT32_MAX);
	CHECK(open_calls, 16, UINT32_MAX);
	CHECK(queued_bytes, to->message_bytes, SIZE_MAX / 4);
	CHECK(retained_bytes, to->message_bytes, SIZE_MAX);
	CHECK(call_window, to->message_bytes, UINT32_MAX);
	CHECK(total_bytes, to->message_bytes, SIZE_MAX / 4);
	CHECK(parked_bytes, 1, SIZE_MAX / 4);
	CHECK(refs_per_message, 16, 256);
	CHECK(names, 64, 65536);
	CHECK(dead_peer_ms, 100, 24 * 3600 * 1000);
	CHECK(handshakes, 1, UINT32_MAX);
	CHECK(handshakes_per_source, 1, UINT32_MAX);
	CHECK(handshake_rate, 1, 1000000);
	CHECK(handshake_budget, 1, 1000000);
	return WALDO_OK;
}

waldo_err
waldoi_limits_set(const waldo_limits *given, waldo_limits *to,
                  char message[200])
{
	waldo_err err;

	*to = defaults;
	if (given == NULL || given->size == 0) {
		return WALDO_OK;
	}
	err = check_size("limits", given, message);
	if (err != WALDO_OK) {
		return err;
	}
	take(given, to);
	return check_all("limits", to, message);
}

/* ---- for one peer */

#define LOWER(field) CHECK(field, 0, limits->field)

/* What is not of one peer, or is only ours to keep to. */
#define SAME(field) CHECK(field, limits->field, limits->field)

static waldo_err
check_strangers(const waldo_limits *to, const waldo_limits *limits,
                char message[200])
{
	const char *whose = "strangers";

	LOWER(message_bytes);
	LOWER(depth);
	LOWER(exports);
	LOWER(imports);
	LOWER(open_calls);
	LOWER(call_window);
	LOWER(refs_per_message);
	LOWER(names);
	LOWER(parked_bytes);
	SAME(queued_bytes);
	SAME(retained_bytes);
	SAME(total_bytes);
	SAME(sessions);
	SAME(call_timeout_ms);
	SAME(dead_peer_ms);
	SAME(handshakes);
	SAME(handshakes_per_source);
	SAME(handshake_rate);
	SAME(handshake_budget);
	return check_all(whose, to, message);
}

waldo_err
waldoi_limits_set_strangers(const waldo_limits *given,
                            const waldo_limits *limits, waldo_limits *to,
                            char message[200])
{
	waldo_err err;

	*to = *limits;
	if (given == NULL || given->size == 0) {
		return WALDO_OK;
	}
	err = check_size("strangers", given, message);
	if (err != WALDO_OK) {
		return err;
	}
	take(given, to);
	return check_strangers(to, limits, message);
}

#define RAISE(field)                                                           \
	do {                                                                   \
		if (given->field > raised.field) {                             \
			raised.field = given->field;                           \
		}                                                              \
	} while (0)

waldo_err
waldoi_limits_raise(const waldo_limits *given, waldo_limits *limits,
                    char message[200])
{
	waldo_limits raised = *limits;
	waldo_err err = check_size("limits", given, message);

	if (err != WALDO_OK) {
		return err;
	}
	RAISE(message_bytes);
	RAISE(depth);
	RAISE(exports);
	RAISE(imports);
	RAISE(open_calls);
	RAISE(call_window);
	RAISE(refs_per_message);
	RAISE(names);
	RAISE(parked_bytes);
	err = check_all("limits", &raised, message);
	if (err == WALDO_OK) {
		*limits = raised;
	}
	return err;
}
