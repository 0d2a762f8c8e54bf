/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "base64.h"

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_print(FILE *out, const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i += 3) {
		size_t rest = len - i;
		uint32_t v = (uint32_t) data[i] << 16;

		v |= rest > 1 ? (uint32_t) data[i + 1] << 8 : 0;
		v |= rest > 2 ? data[i + 2] : 0;
		fputc(digits[v >> 18], out);
		fputc(digits[v >> 12 & 63], out);
		fputc(rest > 1 ? digits[v >> 6 & 63] : '=', out);
		fputc(rest > 2 ? digits[v & 63] : '=', out);
	}
}

/* The 18 or 24 bits of one group of `count` digits; -1 if one is none, or if
 * bits that no byte takes are set. */
static int32_t
decode_group(const char *text, size_t count)
{
	int32_t v = 0;
	size_t i;

	for (i = 0; i < 4; i++) {
		const char *digit = i < count && text[i] != '\0'
		                        ? strchr(digits, text[i])
		                        : NULL;

		if (i < count && digit == NULL) {
			return -1;
		}
		v = v << 6 | (i < count ? (int32_t) (digit - digits) : 0);
	}
	if ((count == 2 && (v & 0xffff) != 0) ||
	    (count == 3 && (v & 0xff) != 0)) {
		return -1;
	}
	return v;
}

ptrdiff_t
base64_decode(const char *text, size_t len, uint8_t *data)
{
	ptrdiff_t done = 0;
	size_t i;

	if (len % 4 != 0) {
		return -1;
	}
	for (i = 0; i < len; i += 4) {
		bool last = i + 4 == len;
		size_t padding = 0;
		size_t j;
		int32_t v;

		while (last && padding < 2 && text[len - 1 - padding] == '=') {
			padding++;
		}
		v = decode_group(text + i, 4 - padding);
		if (v < 0) {
			return -1;
		}
		for (j = 0; j < 3 - padding; j++, done++) {
			if (data != NULL) {
				data[done] = (uint8_t) (v >> (16 - 8 * j));
			}
		}
	}
	return done;
}
