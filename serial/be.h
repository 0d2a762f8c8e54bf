/* SPDX-License-Identifier: MIT */
/* serial/be.h - big-endian numbers, which are all that MessagePack has */
#ifndef WALDOI_BE_H
#define WALDOI_BE_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* `len` bytes, up to 8. The usual lengths are one load each. */
static inline uint64_t
waldoi_be_load(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	switch (len) {
	case 1: return *p;
	case 2: return (uint64_t) p[0] << 8 | p[1];
	case 8: memcpy(&v, p, 8); return be64toh(v);
	case 4: memcpy((uint8_t *) &v + 4, p, 4); return be64toh(v);
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
