/* SPDX-License-Identifier: MIT */
/*
 * serial/cursor.h - walking over bytes that nobody has checked
 *
 * The primitive below everything that reads a peer's bytes: each function
 * checks against `end` before it looks, and its failure is sticky. Headers of
 * operations and link frames are read with it directly, in one pass and
 * without an allocation. Inline, because a call of 30 bytes passes a dozen of
 * these.
 */
#ifndef WALDOI_CURSOR_H
#define WALDOI_CURSOR_H

#include "serial/be.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct waldoi_cursor {
	const uint8_t *p;
	const uint8_t *end;
	bool failed; /* then p == end, and every read gives zero */
} waldoi_cursor;

static inline waldoi_cursor
waldoi_cursor_of(const uint8_t *data, size_t len)
{
	/* An empty range may be NULL, to which nothing may be added. */
	return (waldoi_cursor){data, len > 0 ? data + len : data, false};
}

static inline void
waldoi_cursor_fail(waldoi_cursor *c)
{
	c->failed = true;
	c->p = c->end;
}

/* The next byte, which stays; 0xc1, which MessagePack never uses, at the end.
 */
static inline uint8_t
waldoi_cursor_peek(const waldoi_cursor *c)
{
	return c->p < c->end ? *c->p : 0xc1;
}

/* `len` (1 to 8) bytes as a big-endian number. */
static inline uint64_t
waldoi_cursor_be(waldoi_cursor *c, size_t len)
{
	const uint8_t *p = c->p;

	if ((size_t) (c->end - p) < len) {
		waldoi_cursor_fail(c);
		return 0;
	}
	c->p += len;
	return waldoi_be_load(p, len);
}

/* `len` raw bytes; NULL if they are not there. */
static inline const uint8_t *
waldoi_cursor_bytes(waldoi_cursor *c, size_t len)
{
	const uint8_t *p = c->p;

	if ((size_t) (c->end - c->p) < len) {
		waldoi_cursor_fail(c);
		return NULL;
	}
	c->p += len;
	return p;
}

static inline bool
waldoi_cursor_is_nil(const waldoi_cursor *c)
{
	return waldoi_cursor_peek(c) == 0xc0;
}

static inline void
waldoi_cursor_nil(waldoi_cursor *c)
{
	if (waldoi_cursor_be(c, 1) != 0xc0) {
		waldoi_cursor_fail(c);
	}
}

static inline bool
waldoi_cursor_bool(waldoi_cursor *c)
{
	uint64_t b = waldoi_cursor_be(c, 1);

	if (b != 0xc2 && b != 0xc3) {
		waldoi_cursor_fail(c);
		return false;
	}
	return b == 0xc3;
}

/* The most bytes of one. */
#define WALDOI_SHORT_UINT 5

/* An integer from 0 to 2^32 - 1 at `p`, where as many bytes are; returns what
 * is behind it, or NULL if there is another, or none. */
static inline const uint8_t *
waldoi_short_uint_at(const uint8_t *p, int64_t *ret_value)
{
	switch (*p) {
	case 0xce: *ret_value = waldoi_be_load32(p + 1); return p + 5;
	case 0xcd: *ret_value = waldoi_be_load16(p + 1); return p + 3;
	case 0xcc: *ret_value = p[1]; return p + 2;
	default: *ret_value = *p; return *p < 0x80 ? p + 1 : NULL;
	}
}

/* The same of more than one byte, or none. */
int64_t waldoi_cursor_long_int(waldoi_cursor *c);

/* An integer of any width. Fails outside int64. */
static inline int64_t
waldoi_cursor_int(waldoi_cursor *c)
{
	if (c->p < c->end && *c->p < 0x80) {
		return *c->p++;
	}
	return waldoi_cursor_long_int(c);
}

/* An unsigned integer of any width, at most `max`. */
static inline uint64_t
waldoi_cursor_uint(waldoi_cursor *c, uint64_t max)
{
	int64_t v = waldoi_cursor_int(c);

	if (v < 0 || (uint64_t) v > max) {
		waldoi_cursor_fail(c);
		return 0;
	}
	return (uint64_t) v;
}

/* A count in 16 or 32 bits, behind its first byte: `wide`, or one more. */
uint64_t waldoi_cursor_long_count(waldoi_cursor *c, uint8_t wide);

/* The number of items; each needs at least one byte, so more items than
 * bytes left is a failure. */
static inline uint32_t
waldoi_cursor_array(waldoi_cursor *c)
{
	uint8_t b = waldoi_cursor_peek(c);
	uint64_t n;

	if (b >= 0x90 && b <= 0x9f) {
		c->p++;
		n = b & 0x0f;
	} else {
		n = waldoi_cursor_long_count(c, 0xdc);
	}
	if (n > (uint64_t) (c->end - c->p)) {
		waldoi_cursor_fail(c);
		return 0;
	}
	return (uint32_t) n;
}

/* The number of pairs, at least two bytes each. */
static inline uint32_t
waldoi_cursor_map(waldoi_cursor *c)
{
	uint8_t b = waldoi_cursor_peek(c);
	uint64_t n;

	if (b >= 0x80 && b <= 0x8f) {
		c->p++;
		n = b & 0x0f;
	} else {
		n = waldoi_cursor_long_count(c, 0xde);
	}
	if (2 * n > (uint64_t) (c->end - c->p)) {
		waldoi_cursor_fail(c);
		return 0;
	}
	return (uint32_t) n;
}

static inline bool
waldoi_cursor_is_str(const waldoi_cursor *c)
{
	uint8_t b = waldoi_cursor_peek(c);

	return (b >= 0xa0 && b <= 0xbf) || (b >= 0xd9 && b <= 0xdb);
}

static inline bool
waldoi_cursor_is_array(const waldoi_cursor *c)
{
	uint8_t b = waldoi_cursor_peek(c);

	return (b >= 0x90 && b <= 0x9f) || b == 0xdc || b == 0xdd;
}

/* The length of a string of more than 31 bytes; fails if there is none. */
uint64_t waldoi_cursor_long_len(waldoi_cursor *c);

/* A string of at most `max` bytes, not terminated, its UTF-8 not checked. */
static inline const char *
waldoi_cursor_str(waldoi_cursor *c, size_t max, size_t *ret_len)
{
	uint8_t b = waldoi_cursor_peek(c);
	uint64_t n;
	const uint8_t *p;

	*ret_len = 0;
	if (b >= 0xa0 && b <= 0xbf) {
		c->p++;
		n = b & 0x1f;
	} else {
		n = waldoi_cursor_long_len(c);
	}
	if (c->failed || n > max) {
		waldoi_cursor_fail(c);
		return NULL;
	}
	p = waldoi_cursor_bytes(c, (size_t) n);
	if (p != NULL) {
		*ret_len = (size_t) n;
	}
	return (const char *) p;
}

/* A key of a map, at most `max`; those below 64 may stand there once, for which
 * *seen begins with 0. */
static inline uint64_t
waldoi_cursor_key(waldoi_cursor *c, uint64_t max, uint64_t *seen)
{
	uint64_t key = waldoi_cursor_uint(c, max);
	uint64_t bit = key < 64 ? UINT64_C(1) << key : 0;

	if ((*seen & bit) != 0) {
		waldoi_cursor_fail(c);
	}
	*seen |= bit;
	return key;
}

/* Skips one value of any shape, without recursion. */
void waldoi_cursor_skip(waldoi_cursor *c);

#endif
