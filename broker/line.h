/* SPDX-License-Identifier: MIT */
/*
 * broker/line.h - a line of text for people, of bounded length
 *
 * Most of it may be a peer's claim: what a terminal would obey does not get
 * through.
 */
#ifndef WALDOI_LINE_H
#define WALDOI_LINE_H

#include <waldo/error.h>

#include <stddef.h>

#define WALDOI_LINE 1000 /* longer ones are cut */

typedef struct waldoi_line {
	size_t len;
	char text[WALDOI_LINE];
} waldoi_line;

void waldoi_line_add(waldoi_line *line, const char *format, ...)
    WALDO_PRINTF(2, 3);

/* The whole, ready to be shown; lives as long as `line`. */
const char *waldoi_line_end(waldoi_line *line);

/* Copies what a terminal would show; anything else becomes "?". UTF-8 above
 * ASCII passes, but for the C1 controls and what ends lines or turns them
 * around. `to` may be `from`; it has room for
 * `len` bytes and a NUL, behind which is what is returned. */
char *waldoi_escape(char *to, const char *from, size_t len);

#endif
