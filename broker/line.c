/* SPDX-License-Identifier: MIT */
#include "broker/line.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

char *
waldoi_escape(char *to, const char *from, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char) from[i];
		bool c1 = c == 0xc2 && i + 1 < len &&
		          (unsigned char) from[i + 1] < 0xa0;

		if (c1) {
			i++;
		}
		*to++ = c < 0x20 || c == 0x7f || c1 ? '?' : (char) c;
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
