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
}

static waldo_err
check(const char *name, size_t value, size_t least, size_t most,
      char message[200])
{
	if (value >= least && value <= most) {
		return WALDO_OK;
	}
	snprintf(message, 200, "limits.%s is %zu, not in %zu..%zu", name, value,
	         least, most);
	return WALDO_EINVAL;
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
	if (given->size < sizeof(*given)) {
		snprintf(message, 200, "limits.size is %zu, not %zu",
		         given->size, sizeof(*given));
		return WALDO_EINVAL;
	}
	take(given, to);
	/* The floors are what every peer assumes before it is told otherwise
	 * (PROTOCOL.md F21). */
	if ((err = check("message_bytes", to->message_bytes, 64 * 1024,
	                 1024 * MEBI, message)) == WALDO_OK &&
	    (err = check("depth", to->depth, 16, 64, message)) == WALDO_OK &&
	    (err = check("exports", to->exports, 1, UINT32_MAX, message)) ==
	        WALDO_OK &&
	    (err = check("imports", to->imports, 64, UINT32_MAX, message)) ==
	        WALDO_OK &&
	    (err = check("open_calls", to->open_calls, 16, UINT32_MAX,
	                 message)) == WALDO_OK &&
	    (err = check("queued_bytes", to->queued_bytes, to->message_bytes,
	                 SIZE_MAX / 4, message)) == WALDO_OK &&
	    (err = check("retained_bytes", to->retained_bytes,
	                 to->message_bytes, SIZE_MAX, message)) == WALDO_OK &&
	    (err = check("call_window", to->call_window, to->message_bytes,
	                 UINT32_MAX, message)) == WALDO_OK &&
	    (err = check("total_bytes", to->total_bytes, to->message_bytes,
	                 SIZE_MAX / 4, message)) == WALDO_OK &&
	    (err = check("parked_bytes", to->parked_bytes, 1, SIZE_MAX / 4,
	                 message)) == WALDO_OK &&
	    (err = check("refs_per_message", to->refs_per_message, 16, 256,
	                 message)) == WALDO_OK &&
	    (err = check("names", to->names, 64, 65536, message)) == WALDO_OK) {
		err = check("dead_peer_ms", to->dead_peer_ms, 100,
		            24 * 3600 * 1000, message);
	}
	return err;
}
