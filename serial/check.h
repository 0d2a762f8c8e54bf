/* SPDX-License-Identifier: MIT */
/*
 * serial/check.h - is this payload what a reader may walk over?
 *
 * Nothing of a payload is looked at before it went through here: after it, no
 * length leads outside, no nesting is too deep, strings are UTF-8, extensions
 * are ours (WIRE.md), references are in range and maps have no key twice.
 */
#ifndef WALDOI_CHECK_H
#define WALDOI_CHECK_H

#include <waldo/error.h>

/* What the checker has to say fits in this. */
#define WALDOI_CHECK_MESSAGE 160

/* True for what most payloads are: a plain value, or a short list of them, and
 * valid. Of all others nothing is said. */
bool waldoi_is_plain(const uint8_t *data, size_t len, uint32_t max_depth);

/* The same as waldoi_check(), for those. */
waldo_err waldoi_check_any(const uint8_t *data, size_t len, uint32_t max_depth,
                           size_t handle_count,
                           char message[WALDOI_CHECK_MESSAGE]) WALDO_MUST_CHECK;

/*
 * Checks that `data` is exactly one value of at most `max_depth` levels whose
 * references are below `handle_count`. A scalar has no level, a list of
 * scalars has one. No recursion, and no allocation but for maps of many
 * pairs, whose keys are put into a table (at most 24 bytes for each key, which
 * is known to be there).
 *
 *   WALDO_EARGS   not one whole valid value; `message` says what, and at
 *                 which byte
 *   WALDO_ELIMIT  too deep; `message` names the limit and its value
 *   WALDO_ENOMEM
 */
static inline WALDO_MUST_CHECK waldo_err
waldoi_check(const uint8_t *data, size_t len, uint32_t max_depth,
             size_t handle_count, char message[WALDOI_CHECK_MESSAGE])
{
	return waldoi_is_plain(data, len, max_depth)
	           ? WALDO_OK
	           : waldoi_check_any(data, len, max_depth, handle_count,
	                              message);
}

/* True if `data` is UTF-8 (RFC 3629: no surrogates, nothing overlong, nothing
 * above U+10FFFF). NUL is allowed. */
bool waldoi_is_utf8(const char *data, size_t len);

#endif
