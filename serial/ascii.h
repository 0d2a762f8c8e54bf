/* SPDX-License-Identifier: MIT */
/*
 * serial/ascii.h - the quick way for text that is ASCII, as most is
 *
 * Words of 8 bytes; what is left behind them is looked at by a word that
 * overlaps the last one. Whatever is not ASCII is left to waldoi_is_utf8().
 */
#ifndef WALDOI_ASCII_H
#define WALDOI_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WALDOI_NOT_ASCII UINT64_C(0x8080808080808080)

static inline uint64_t
waldoi_ascii_load(const char *from, size_t size)
{
	uint64_t word = 0;

	memcpy(&word, from, size);
	return word;
}

static inline uint64_t
waldoi_ascii_move(uint8_t *to, const char *from, size_t size)
{
	uint64_t word = waldoi_ascii_load(from, size);

	memcpy(to, &word, size);
	return word;
}

static inline bool
waldoi_is_ascii(const char *p, size_t len)
{
	uint64_t bits = 0;
	size_t at = 0;

	if (len >= 8) {
		for (; at < len - 8; at += 8) {
			bits |= waldoi_ascii_load(p + at, 8);
		}
		bits |= waldoi_ascii_load(p + len - 8, 8);
	} else if (len >= 4) {
		bits =
		    waldoi_ascii_load(p, 4) | waldoi_ascii_load(p + len - 4, 4);
	} else {
		for (; at < len; at++) {
			bits |= (uint8_t) p[at];
		}
	}
	return (bits & WALDOI_NOT_ASCII) == 0;
}

/* Copies `len` bytes, whatever they are; true if they are ASCII. */
static inline bool
waldoi_ascii_copy(uint8_t *to, const char *from, size_t len)
{
	uint64_t bits = 0;
	size_t at = 0;

	if (len >= 8) {
		for (; at < len - 8; at += 8) {
			bits |= waldoi_ascii_move(to + at, from + at, 8);
		}
		at = len - 8;
		bits |= waldoi_ascii_move(to + at, from + at, 8);
	} else if (len >= 4) {
		at = len - 4;
		bits = waldoi_ascii_move(to, from, 4) |
		       waldoi_ascii_move(to + at, from + at, 4);
	} else {
		for (; at < len; at++) {
			to[at] = (uint8_t) from[at];
			bits |= to[at];
		}
	}
	return (bits & WALDOI_NOT_ASCII) == 0;
}

#endif
