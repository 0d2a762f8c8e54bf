/* SPDX-License-Identifier: MIT */
#include "broker/line.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static bool
is_between(unsigned char c, unsigned char first, unsigned char last)
{
	return c >= first && c <= last;
}

/* How long the character that begins here is if nobody may see it; else 0. C0,
 * DEL, C1; U+2028 and U+2029, which end lines; and what has a terminal show the
 * text around it in another order: U+061C, U+200E, U+200F, U+202A to U+202E,
 * U+2066 to U+2069. */
static size_t
is_control(const unsigned char *at, size_t left)
{
	if (at[0] < 0x20 || at[0] == 0x7f) {
		return 1;
	}
	if (left > 1 && ((at[0] == 0xc2 && at[1] < 0xa0) ||
	                 (at[0] == 0xd8 && at[1] == 0x9c))) {
		return 2;
	}
	if (left > 2 && at[0] == 0xe2 &&
	    ((at[1] == 0x80 && (is_between(at[2], 0x8e, 0x8f) ||
	                        is_between(at[2], 0xa8, 0xae))) ||
	     (at[1] == 0x81 && is_between(at[2], 0xa6, 0xa9)))) {
		return 3;
	}
	return 0;
}

char *
waldoi_escape(char *to, const char *from, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		size_t hidden =
		    is_control((const unsigned char *) from + i, len - i);

		*to++ = hidden > 0 ? '?' : from[i];
		i += hidden > 0 ? hidden - 1 : 0;
	}
	*to++ = '\0';
	return to;
}

void
waldoi_line_add(waldoi_line *line, const char *format, ...)
{
	size_t room = sizeof(line->text) - line->len;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line->text + line->len, room, format, args);
	va_end(args);
	if (len > 0) {
		line->len += (size_t) len < room ? (size_t) len : room - 1;
	}
}

/* Where the character that a cut may have gone through begins. */
static size_t
whole_characters(const waldoi_line *line)
{
	size_t len = line->len;

	if (len < sizeof(line->text) - 1) {
		return len;
	}
	while (len > 0 &&
	       ((unsigned char) line->text[len - 1] & 0xc0) == 0x80) {
		len--;
	}
	return len > 0 && (unsigned char) line->text[len - 1] >= 0xc0 ? len - 1
	                                                              : len;
}

const char *
waldoi_line_end(waldoi_line *line)
{
	waldoi_escape(line->text, line->text, whole_characters(line));
	return line->text;
}
