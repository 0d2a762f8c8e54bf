/* SPDX-License-Identifier: MIT */
/*
 * serial/pack.h - packing one value
 *
 * The cursor's counterpart, for the headers of frames and for the writer. The
 * caller has made room: the most that one function writes is told by its
 * comment. Lengths and counts have 32 bits. Always the shortest form; the
 * tests compare with what msgpack-c packs.
 */
#ifndef WALDOI_PACK_H
#define WALDOI_PACK_H

#include "serial/be.h"

/* `len` low bytes of `v`, big-endian. */
static inline uint8_t *
waldoi_pack_be(uint8_t *p, uint64_t v, size_t len)
{
	return waldoi_be_store(p, v, len);
}

static inline uint8_t *
waldoi_pack_nil(uint8_t *p)
{
	*p++ = 0xc0;
	return p;
}

static inline uint8_t *
waldoi_pack_bool(uint8_t *p, int value)
{
	*p++ = value ? 0xc3 : 0xc2;
	return p;
}

/* 9 bytes. */
static inline uint8_t *
waldoi_pack_double(uint8_t *p, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	*p++ = 0xcb;
	return waldoi_pack_be(p, bits, 8);
}

/* At most 9 bytes; the shortest form. */
static inline uint8_t *
waldoi_pack_uint(uint8_t *p, uint64_t v)
{
	if (v < 0x80) {
		*p++ = (uint8_t) v;
		return p;
	}
	if (v <= UINT8_MAX) {
		*p++ = 0xcc;
		return waldoi_pack_be(p, v, 1);
	}
	if (v <= UINT16_MAX) {
		*p++ = 0xcd;
		return waldoi_pack_be(p, v, 2);
	}
	if (v <= UINT32_MAX) {
		*p++ = 0xce;
		return waldoi_pack_be(p, v, 4);
	}
	*p++ = 0xcf;
	return waldoi_pack_be(p, v, 8);
}

/* At most 9 bytes. */
static inline uint8_t *
waldoi_pack_int(uint8_t *p, int64_t v)
{
	if (v >= 0) {
		return waldoi_pack_uint(p, (uint64_t) v);
	}
	if (v >= -32) {
		*p++ = (uint8_t) v;
		return p;
	}
	if (v >= INT8_MIN) {
		*p++ = 0xd0;
		return waldoi_pack_be(p, (uint64_t) v, 1);
	}
	if (v >= INT16_MIN) {
		*p++ = 0xd1;
		return waldoi_pack_be(p, (uint64_t) v, 2);
	}
	if (v >= INT32_MIN) {
		*p++ = 0xd2;
		return waldoi_pack_be(p, (uint64_t) v, 4);
	}
	*p++ = 0xd3;
	return waldoi_pack_be(p, (uint64_t) v, 8);
}

/* At most 5 bytes. */
static inline uint8_t *
waldoi_pack_array(uint8_t *p, size_t n)
{
	if (n <= 15) {
		*p++ = (uint8_t) (0x90 | n);
		return p;
	}
	if (n <= UINT16_MAX) {
		*p++ = 0xdc;
		return waldoi_pack_be(p, n, 2);
	}
	*p++ = 0xdd;
	return waldoi_pack_be(p, n, 4);
}

/* At most 5 bytes. */
static inline uint8_t *
waldoi_pack_map(uint8_t *p, size_t n)
{
	if (n <= 15) {
		*p++ = (uint8_t) (0x80 | n);
		return p;
	}
	if (n <= UINT16_MAX) {
		*p++ = 0xde;
		return waldoi_pack_be(p, n, 2);
	}
	*p++ = 0xdf;
	return waldoi_pack_be(p, n, 4);
}

/* At most 5 bytes: what stands before a string of `len`. */
static inline uint8_t *
waldoi_pack_str_head(uint8_t *p, size_t len)
{
	if (len <= 31) {
		*p++ = (uint8_t) (0xa0 | len);
		return p;
	}
	if (len <= UINT8_MAX) {
		*p++ = 0xd9;
		return waldoi_pack_be(p, len, 1);
	}
	if (len <= UINT16_MAX) {
		*p++ = 0xda;
		return waldoi_pack_be(p, len, 2);
	}
	*p++ = 0xdb;
	return waldoi_pack_be(p, len, 4);
}

/* At most 5 bytes: what stands before `len` bytes. */
static inline uint8_t *
waldoi_pack_bin_head(uint8_t *p, size_t len)
{
	if (len <= UINT8_MAX) {
		*p++ = 0xc4;
		return waldoi_pack_be(p, len, 1);
	}
	if (len <= UINT16_MAX) {
		*p++ = 0xc5;
		return waldoi_pack_be(p, len, 2);
	}
	*p++ = 0xc6;
	return waldoi_pack_be(p, len, 4);
}

/* At most 5 + len bytes. */
static inline uint8_t *
waldoi_pack_str(uint8_t *p, const char *s, size_t len)
{
	p = waldoi_pack_str_head(p, len);
	memcpy(p, s, len);
	return p + len;
}

/* At most 5 + len bytes. */
static inline uint8_t *
waldoi_pack_bin(uint8_t *p, const void *data, size_t len)
{
	p = waldoi_pack_bin_head(p, len);
	memcpy(p, data, len);
	return p + len;
}

#endif
