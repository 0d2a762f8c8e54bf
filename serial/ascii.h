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

/* Not 0 if one of the 8 bytes is. */
static inline uint64_t
waldoi_nul_in(uint64_t word)
{
	return (word - UINT64_C(0x0101010101010101)) & ~word & WALDOI_NOT_ASCII;
}

/* Moves at most 32 bytes down by one, to `to`; true if a NUL is among them. */
static inline bool
waldoi_shift_down(char *to, size_t len)
{
	const char *from = to + 1;
	uint64_t nul = 0, words[4];

	/* Words that overlap: all are loaded before the first is stored. */
	if (len >= 8) {
		size_t last = len - 8;
		size_t second = len >= 16 ? 8 : 0;

		words[0] = waldoi_ascii_load(from, 8);
		words[1] = waldoi_ascii_load(from + second, 8);
		words[2] = waldoi_ascii_load(from + last - second, 8);
		words[3] = waldoi_ascii_load(from + last, 8);
		memcpy(to, &words[0], 8);
		memcpy(to + second, &words[1], 8);
		memcpy(to + last - second, &words[2], 8);
		memcpy(to + last, &words[3], 8);
		return (waldoi_nul_in(words[0]) | waldoi_nul_in(words[1]) |
		        waldoi_nul_in(words[2]) | waldoi_nul_in(words[3])) != 0;
	}
	for (size_t i = 0; i < len; i++) {
		to[i] = from[i];
		nul |= to[i] == '\0';
	}
	return nul != 0;
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
