/* SPDX-License-Identifier: MIT */
/*
 * serial/ascii.h - the quick way for text that is ASCII, as most is
 *
 * Pairs of words, or single words where less is there; what is left behind
 * them is looked at by one that overlaps the last. Whatever is not ASCII is
 * left to waldoi_is_utf8().
 */
#ifndef WALDOI_ASCII_H
#define WALDOI_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WALDOI_NOT_ASCII UINT64_C(0x8080808080808080)
#define WALDOI_ONES      UINT64_C(0x0101010101010101)

/* 16 bytes, each half of them as a word. */
typedef uint64_t waldoi_pair __attribute__((vector_size(16)));

static inline waldoi_pair
waldoi_pair_load(const void *from)
{
	waldoi_pair pair;

	memcpy(&pair, from, sizeof(pair));
	return pair;
}

static inline uint64_t
waldoi_pair_or(waldoi_pair pair)
{
	return pair[0] | pair[1];
}

/* Not 0 if one of the bytes is. */
static inline uint64_t
waldoi_pair_nul(waldoi_pair pair)
{
	return waldoi_pair_or((pair - WALDOI_ONES) & ~pair) & WALDOI_NOT_ASCII;
}

/* Up to 8 bytes. */
static inline uint64_t
waldoi_word_load(const void *from, size_t size)
{
	uint64_t word = 0;

	memcpy(&word, from, size);
	return word;
}

static inline uint64_t
waldoi_word_move(void *to, const void *from, size_t size)
{
	uint64_t word = waldoi_word_load(from, size);

	memcpy(to, &word, size);
	return word;
}

static inline bool
waldoi_is_ascii(const char *p, size_t len)
{
	uint64_t bits = 0;

	if (len >= 16) {
		waldoi_pair all = waldoi_pair_load(p + len - 16);

		for (size_t at = 0; at < len - 16; at += 16) {
			all |= waldoi_pair_load(p + at);
		}
		bits = waldoi_pair_or(all);
	} else if (len >= 8) {
		bits =
		    waldoi_word_load(p, 8) | waldoi_word_load(p + len - 8, 8);
	} else if (len >= 4) {
		bits =
		    waldoi_word_load(p, 4) | waldoi_word_load(p + len - 4, 4);
	} else {
		for (size_t at = 0; at < len; at++) {
			bits |= (uint8_t) p[at];
		}
	}
	return (bits & WALDOI_NOT_ASCII) == 0;
}

/* Moves at most 32 bytes down by one, to `to`; true if a NUL is among them. All
 * is loaded before any of it is stored. */
static inline bool
waldoi_shift_down(char *to, size_t len)
{
	const char *from = to + 1;
	bool nul = false;

	if (len >= 16) {
		waldoi_pair first = waldoi_pair_load(from);
		waldoi_pair last = waldoi_pair_load(from + len - 16);

		memcpy(to, &first, 16);
		memcpy(to + len - 16, &last, 16);
		return (waldoi_pair_nul(first) | waldoi_pair_nul(last)) != 0;
	}
	if (len >= 8) {
		waldoi_pair both = {waldoi_word_load(from, 8),
		                    waldoi_word_load(from + len - 8, 8)};

		memcpy(to, &both, 8);
		memcpy(to + len - 8, (const char *) &both + 8, 8);
		return waldoi_pair_nul(both) != 0;
	}
	for (size_t i = 0; i < len; i++) {
		to[i] = from[i];
		nul |= to[i] == '\0';
	}
	return nul;
}

/* Copies `len` bytes, whatever they are; true if they are ASCII. */
static inline bool
waldoi_ascii_copy(uint8_t *to, const char *from, size_t len)
{
	uint64_t bits = 0;

	if (len >= 16) {
		waldoi_pair last = waldoi_pair_load(from + len - 16);
		waldoi_pair all = last;

		for (size_t at = 0; at < len - 16; at += 16) {
			waldoi_pair pair = waldoi_pair_load(from + at);

			memcpy(to + at, &pair, 16);
			all |= pair;
		}
		memcpy(to + len - 16, &last, 16);
		bits = waldoi_pair_or(all);
	} else if (len >= 8) {
		bits = waldoi_word_move(to, from, 8) |
		       waldoi_word_move(to + len - 8, from + len - 8, 8);
	} else if (len >= 4) {
		bits = waldoi_word_move(to, from, 4) |
		       waldoi_word_move(to + len - 4, from + len - 4, 4);
	} else {
		for (size_t at = 0; at < len; at++) {
			to[at] = (uint8_t) from[at];
			bits |= to[at];
		}
	}
	return (bits & WALDOI_NOT_ASCII) == 0;
}

#endif
