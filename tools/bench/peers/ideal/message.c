/* SPDX-License-Identifier: MIT */
#include "ideal.h"

#include <string.h>

uint32_t
ideal_load32(const uint8_t *p)
{
	uint32_t big;

	memcpy(&big, p, sizeof(big));
	return __builtin_bswap32(big);
}

static uint64_t
load64(const uint8_t *p)
{
	uint64_t big;

	memcpy(&big, p, sizeof(big));
	return __builtin_bswap64(big);
}

void
ideal_store32(uint8_t *p, size_t value)
{
	uint32_t big = __builtin_bswap32((uint32_t) value);

	memcpy(p, &big, sizeof(big));
}

bool
ideal_read_array(struct ideal_reader *r, unsigned count)
{
	return r->p < r->end && *r->p++ == (0x90 | count);
}

static bool
has(const struct ideal_reader *r, size_t len)
{
	return (size_t) (r->end - r->p) >= len;
}

bool
ideal_read_uint(struct ideal_reader *r, uint64_t *ret_value)
{
	uint8_t type;
	size_t len;

	if (!has(r, 1)) {
		return false;
	}
	type = *r->p++;
	if (type < 0x80) {
		*ret_value = type;
		return true;
	}
	switch (type) {
	case 0xcc: len = 1; break;
	case 0xcd: len = 2; break;
	case 0xce: len = 4; break;
	case 0xcf:
	case 0xd3: len = 8; break;
	default: return false;
	}
	if (!has(r, len)) {
		return false;
	}
	switch (len) {
	case 1: *ret_value = r->p[0]; break;
	case 2: *ret_value = (uint64_t) r->p[0] << 8 | r->p[1]; break;
	case 4: *ret_value = ideal_load32(r->p); break;
	default: *ret_value = load64(r->p);
	}
	r->p += len;
	return true;
}

bool
ideal_read_text(struct ideal_reader *r, const uint8_t **ret_text,
                size_t *ret_len)
{
	uint8_t type;
	size_t len;

	if (!has(r, 1)) {
		return false;
	}
	type = *r->p++;
	if ((type & 0xe0) == 0xa0) {
		len = type & 31;
	} else if (type == 0xd9 && has(r, 1)) {
		len = *r->p++;
	} else {
		return false;
	}
	if (!has(r, len)) {
		return false;
	}
	*ret_text = r->p;
	*ret_len = len;
	r->p += len;
	return true;
}

uint8_t *
ideal_put_uint32(uint8_t *p, uint32_t value)
{
	*p++ = 0xce;
	ideal_store32(p, value);
	return p + 4;
}

uint8_t *
ideal_put_int64(uint8_t *p, uint64_t value)
{
	uint64_t big = __builtin_bswap64(value);

	*p++ = 0xd3;
	memcpy(p, &big, sizeof(big));
	return p + sizeof(big);
}

uint8_t *
ideal_put_text(uint8_t *p, const void *text, size_t len)
{
	*p++ = (uint8_t) (0xa0 | len);
	memcpy(p, text, len);
	return p + len;
}
