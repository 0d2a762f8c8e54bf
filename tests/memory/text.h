/* SPDX-License-Identifier: MIT */
/*
 * memory/text.h - MessagePack, written as a person would
 *
 *	[1,2,0,'add',[],{}] [41]
 *
 * is two values, one behind the other: integers, 'strings', nil, true, false,
 * [lists], {key:value} maps, <3> for the reference at position 3, x'c0ff' for
 * bytes, and =c0ff= for bytes that are put as they are, valid or not.
 */
#ifndef WALDO_TEST_TEXT_H
#define WALDO_TEST_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Encodes; returns the length, or 0 if the text is wrong or does not fit. */
size_t text_encode(const char *text, uint8_t *data, size_t cap);

/* Writes all values of `data` as text, one space between them; what cannot
 * be read ends it with "...". Always ends with NUL. */
void text_decode(const uint8_t *data, size_t len, char *text, size_t cap);

#endif
