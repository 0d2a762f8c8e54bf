/* SPDX-License-Identifier: MIT */
/*
 * serial/head.h - what stands before the body of a value
 *
 * The one place that knows the first bytes of MessagePack: the checker, the
 * reader and whatever skips or searches walk from head to head. Bounds are
 * always looked at, so that it serves unchecked bytes as well; but for
 * waldoi_..._at(), which are for values that are known to be there.
 */
#ifndef WALDOI_HEAD_H
#define WALDOI_HEAD_H

#include "serial/be.h"
#include <waldo/reader.h>

#define WALDOI_EXT_REF  1
#define WALDOI_EXT_TIME (-1)

/* An extension that is not ours; beside the values of waldo_type. */
#define WALDOI_TYPE_FOREIGN (WALDO_TYPE_UINT + 1)

typedef struct waldoi_head {
	const uint8_t *body; /* behind the head; body[-1] is the first byte of a
	                      * number, and the type of an extension */
	uint32_t len;        /* bytes of the body of a scalar */
	uint32_t count;      /* values (a pair is two) of a list or map */
	uint8_t type;        /* waldo_type, or WALDOI_TYPE_FOREIGN */
} waldoi_head;

/* Of the first bytes 0xc0 to 0xdf: how many bytes tell the length or count,
 * or else the length of the body. Type END is not MessagePack. */
static const struct {
	uint8_t type, width, len;
} waldoi_head_table[32] = {
    {WALDO_TYPE_NIL, 0, 0},       {WALDO_TYPE_END, 0, 0},
    {WALDO_TYPE_BOOL, 0, 0},      {WALDO_TYPE_BOOL, 0, 0},
    {WALDO_TYPE_BYTES, 1, 0},     {WALDO_TYPE_BYTES, 2, 0},
    {WALDO_TYPE_BYTES, 4, 0},     {WALDOI_TYPE_FOREIGN, 1, 0},
    {WALDOI_TYPE_FOREIGN, 2, 0},  {WALDOI_TYPE_FOREIGN, 4, 0},
    {WALDO_TYPE_DOUBLE, 0, 4},    {WALDO_TYPE_DOUBLE, 0, 8},
    {WALDO_TYPE_INT, 0, 1},       {WALDO_TYPE_INT, 0, 2},
    {WALDO_TYPE_INT, 0, 4},       {WALDO_TYPE_INT, 0, 8},
    {WALDO_TYPE_INT, 0, 1},       {WALDO_TYPE_INT, 0, 2},
    {WALDO_TYPE_INT, 0, 4},       {WALDO_TYPE_INT, 0, 8},
    {WALDOI_TYPE_FOREIGN, 0, 1},  {WALDOI_TYPE_FOREIGN, 0, 2},
    {WALDOI_TYPE_FOREIGN, 0, 4},  {WALDOI_TYPE_FOREIGN, 0, 8},
    {WALDOI_TYPE_FOREIGN, 0, 16}, {WALDO_TYPE_STR, 1, 0},
    {WALDO_TYPE_STR, 2, 0},       {WALDO_TYPE_STR, 4, 0},
    {WALDO_TYPE_LIST, 2, 0},      {WALDO_TYPE_LIST, 4, 0},
    {WALDO_TYPE_MAP, 2, 0},       {WALDO_TYPE_MAP, 4, 0},
};

static inline bool
waldoi_head_is_container(const waldoi_head *head)
{
	return head->type == WALDO_TYPE_LIST || head->type == WALDO_TYPE_MAP;
}

/* The end of a scalar, the first value of a list or map. */
static inline const uint8_t *
waldoi_head_next(const waldoi_head *head)
{
	return head->body + head->len;
}

/* Ends the reading of a head whose length or count is `n`. Each value has at
 * least a byte, so that a count is also checked against what is there. */
static inline bool
waldoi_head_set(waldoi_head *head, unsigned type, const uint8_t *body,
                const uint8_t *end, uint64_t n)
{
	bool container = type == WALDO_TYPE_LIST || type == WALDO_TYPE_MAP;

	if (n > (uint64_t) (end - body) || n > UINT32_MAX) {
		return false;
	}
	head->body = body;
	head->len = container ? 0 : (uint32_t) n;
	head->count = container ? (uint32_t) n : 0;
	head->type = (uint8_t) type;
	return true;
}

static inline uint64_t
waldoi_head_be(const uint8_t *p, size_t len)
{
	return waldoi_be_load(p, len);
}

/* A head from 0xc0 to 0xdf, `p` behind its first byte. */
static inline bool
waldoi_head_read_long(waldoi_head *head, uint8_t first, const uint8_t *p,
                      const uint8_t *end)
{
	unsigned type = waldoi_head_table[first & 0x1f].type;
	size_t width = waldoi_head_table[first & 0x1f].width;
	uint64_t n = waldoi_head_table[first & 0x1f].len;

	if (type == WALDO_TYPE_END || (size_t) (end - p) < width) {
		return false;
	}
	if (width > 0) {
		n = waldoi_head_be(p, width);
		p += width;
	}
	if (type == WALDO_TYPE_MAP) {
		n *= 2;
	} else if (type == WALDOI_TYPE_FOREIGN) {
		if (p == end) {
			return false;
		}
		if (*p == WALDOI_EXT_REF) {
			type = WALDO_TYPE_REF;
		} else if (*p == (uint8_t) WALDOI_EXT_TIME) {
			type = WALDO_TYPE_TIME;
		}
		p++;
	}
	return waldoi_head_set(head, type, p, end, n);
}

/* False if there is no value, or less of it than it claims. */
static inline bool
waldoi_head_read(waldoi_head *head, const uint8_t *p, const uint8_t *end)
{
	uint8_t first;

	if (p >= end) {
		return false;
	}
	first = *p++;
	if (first < 0x80 || first >= 0xe0) {
		return waldoi_head_set(head, WALDO_TYPE_INT, p, end, 0);
	}
	if (first >= 0xc0) {
		return waldoi_head_read_long(head, first, p, end);
	}
	if (first >= 0xa0) {
		return waldoi_head_set(head, WALDO_TYPE_STR, p, end,
		                       first & 0x1f);
	}
	if (first >= 0x90) {
		return waldoi_head_set(head, WALDO_TYPE_LIST, p, end,
		                       first & 0x0f);
	}
	return waldoi_head_set(head, WALDO_TYPE_MAP, p, end,
	                       2 * (uint64_t) (first & 0x0f));
}

/* The bits of an integer (two's complement) and whether it is below 0. */
static inline uint64_t
waldoi_head_int(const waldoi_head *head, bool *ret_negative)
{
	uint8_t first = head->body[-1];
	uint64_t v =
	    head->len == 0 ? first : waldoi_head_be(head->body, head->len);
	unsigned bits = head->len == 0 ? 8 : 8 * head->len;

	*ret_negative = first >= 0xd0 && v >> (bits - 1) != 0;
	if (*ret_negative && bits < 64) {
		v |= UINT64_MAX << bits;
	}
	return v;
}

/* The integer at `p`, which is there whole; returns what is behind it, or NULL
 * if it is none or does not fit into int64. */
static inline const uint8_t *
waldoi_int_at(const uint8_t *p, int64_t *ret_value)
{
	if (*p < 0x80 || *p >= 0xe0) {
		*ret_value = (int8_t) *p;
		return p + 1;
	}
	switch (*p) {
	case 0xcc: *ret_value = p[1]; return p + 2;
	case 0xcd: *ret_value = waldoi_be_load16(p + 1); return p + 3;
	case 0xce: *ret_value = waldoi_be_load32(p + 1); return p + 5;
	case 0xd0: *ret_value = (int8_t) p[1]; return p + 2;
	case 0xd1: *ret_value = (int16_t) waldoi_be_load16(p + 1); return p + 3;
	case 0xd2: *ret_value = (int32_t) waldoi_be_load32(p + 1); return p + 5;
	case 0xcf:
	case 0xd3:
		*ret_value = (int64_t) waldoi_be_load64(p + 1);
		return *p == 0xcf && *ret_value < 0 ? NULL : p + 9;
	default: return NULL;
	}
}

/* The head of the list at `p`, which is there whole; returns where its values
 * begin, or NULL if it is none. */
static inline const uint8_t *
waldoi_list_at(const uint8_t *p, uint32_t *ret_count)
{
	if (*p >= 0x90 && *p <= 0x9f) {
		*ret_count = *p & 0x0f;
		return p + 1;
	}
	switch (*p) {
	case 0xdc: *ret_count = waldoi_be_load16(p + 1); return p + 3;
	case 0xdd: *ret_count = waldoi_be_load32(p + 1); return p + 5;
	default: return NULL;
	}
}

double waldoi_head_double(const waldoi_head *head);

/* Microseconds of a time, rounded down. False if its length or nanoseconds
 * are none of a timestamp, or if the result is out of range. */
bool waldoi_head_time(const waldoi_head *head, int64_t *ret_microseconds);

/* The position that a reference says; -1 if its length is wrong. */
static inline int32_t
waldoi_head_ref(const waldoi_head *head)
{
	if (head->len != 1 && head->len != 2) {
		return -1;
	}
	return (int32_t) waldoi_head_be(head->body, head->len);
}

/* Behind one value with all that is in it; NULL if it is cut short. */
const uint8_t *waldoi_head_skip(const uint8_t *p, const uint8_t *end);

/* The English name of a type, "string", "list", ...; "nothing" for END. */
const char *waldoi_head_type_name(unsigned type);

#endif
