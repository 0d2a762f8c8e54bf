/* SPDX-License-Identifier: MIT */
/* serial/be.h - big-endian numbers, which are all that MessagePack has */
#ifndef WALDOI_BE_H
#define WALDOI_BE_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t
waldoi_be_load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return be16toh(v);
}

static inline uint32_t
waldoi_be_load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static inline uint64_t
waldoi_be_load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

/* `len` bytes, up to 8. The usual lengths are one load each. */
static inline uint64_t
waldoi_be_load(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	switch (len) {
	case 1: return *p;
	case 2: return waldoi_be_load16(p);
	case 4: return waldoi_be_load32(p);
	case 8: return waldoi_be_load64(p);
	default: break;
	}
	while (len-- > 0) {
		v = v << 8 | *p++;
	}
	return v;
}

/* The `len` low bytes of `v`, 1 to 8; returns what is behind them. */
static inline uint8_t *
waldoi_be_store(uint8_t *p, uint64_t v, size_t len)
{
	uint64_t bytes = htobe64(v << (64 - 8 * len));

	memcpy(p, &bytes, len);
	return p + len;
}

#endif
