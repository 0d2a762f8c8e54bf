/* SPDX-License-Identifier: MIT */
#include "broker/known_hosts.h"

#include <stdio.h>
#include <string.h>

#define FIELDS 3

/* What blanks and tabs stand between; not terminated. */
typedef struct field {
	const char *text;
	size_t len;
} field;

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool
is_text(const field *f, const char *text)
{
	return f->len == strlen(text) && memcmp(f->text, text, f->len) == 0;
}

static bool
get_key(const field *f, uint8_t key[WALDO_KEY_BYTES])
{
	char text[WALDO_KEY_TEXT];

	if (f->len != sizeof(text) - 1) {
		return false;
	}
	memcpy(text, f->text, f->len);
	text[f->len] = '\0';
	return waldo_key_parse(text, key);
}

static bool
is_key(const field *f, const uint8_t key[WALDO_KEY_BYTES])
{
	uint8_t found[WALDO_KEY_BYTES];

	return get_key(f, found) && memcmp(found, key, sizeof(found)) == 0;
}

/* The fields of the line at *at, which moves behind it. False at the end.
 * A line with fewer or more fields has none. */
static bool
next_line(const char **at, const char *end, field ret_fields[FIELDS])
{
	const char *p = *at;
	const char *stop;
	size_t count = 0;

	if (p == end) {
		return false;
	}
	stop = memchr(p, '\n', (size_t) (end - p));
	*at = stop != NULL ? stop + 1 : end;
	stop = stop != NULL ? stop : end;
	memset(ret_fields, 0, FIELDS * sizeof(*ret_fields));
	for (;;) {
		const char *begin;

		while (p < stop && is_blank(*p)) {
			p++;
		}
		if (p == stop) {
			break;
		}
		for (begin = p; p < stop && !is_blank(*p); p++) {
		}
		if (count < FIELDS) {
			ret_fields[count] =
			    (field){begin, (size_t) (p - begin)};
		}
		count++;
	}
	if (count != FIELDS) {
		memset(ret_fields, 0, FIELDS * sizeof(*ret_fields));
	}
	return true;
}

bool
waldoi_known_find(const char *text, size_t len, const char *place,
                  uint8_t ret_key[WALDO_KEY_BYTES])
{
	const char *at = text, *end = text + len;
	field fields[FIELDS];
	bool found = false;

	while (next_line(&at, end, fields)) {
		if (is_text(&fields[0], "host") && is_text(&fields[1], place) &&
		    get_key(&fields[2], ret_key)) {
			found = true;
		}
	}
	return found;
}

bool
waldoi_known_has_next(const char *text, size_t len,
                      const uint8_t key[WALDO_KEY_BYTES],
                      const uint8_t next[WALDO_KEY_BYTES])
{
	const char *at = text, *end = text + len;
	field fields[FIELDS];

	while (next_line(&at, end, fields)) {
		if (is_text(&fields[0], "next") && is_key(&fields[1], key) &&
		    is_key(&fields[2], next)) {
			return true;
		}
	}
	return false;
}

size_t
waldoi_known_count_next(const char *text, size_t len,
                        const uint8_t key[WALDO_KEY_BYTES])
{
	const char *at = text, *end = text + len;
	field fields[FIELDS];
	size_t count = 0;

	while (next_line(&at, end, fields)) {
		count += is_text(&fields[0], "next") && is_key(&fields[1], key);
	}
	return count;
}

static bool
is_among(const uint8_t key[WALDO_KEY_BYTES], uint8_t (*keys)[WALDO_KEY_BYTES],
         size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (memcmp(keys[i], key, WALDO_KEY_BYTES) == 0) {
			return true;
		}
	}
	return false;
}

/* Puts what `key` said behind the `count` keys that are there. */
static size_t
add_next(const char *text, size_t len, const uint8_t key[WALDO_KEY_BYTES],
         uint8_t (*keys)[WALDO_KEY_BYTES], size_t count, size_t max)
{
	const char *at = text, *end = text + len;
	uint8_t next[WALDO_KEY_BYTES];
	field fields[FIELDS];

	while (count < max && next_line(&at, end, fields)) {
		if (is_text(&fields[0], "next") && is_key(&fields[1], key) &&
		    get_key(&fields[2], next) && !is_among(next, keys, count)) {
			memcpy(keys[count++], next, sizeof(next));
		}
	}
	return count;
}

static void
reverse(uint8_t (*keys)[WALDO_KEY_BYTES], size_t count)
{
	uint8_t key[WALDO_KEY_BYTES];

	for (size_t i = 0; i < count / 2; i++) {
		memcpy(key, keys[i], sizeof(key));
		memcpy(keys[i], keys[count - 1 - i], sizeof(key));
		memcpy(keys[count - 1 - i], key, sizeof(key));
	}
}

size_t
waldoi_known_list_next(const char *text, size_t len,
                       const uint8_t key[WALDO_KEY_BYTES],
                       uint8_t ret_keys[][WALDO_KEY_BYTES], size_t max)
{
	size_t count = add_next(text, len, key, ret_keys, 0, max);

	/* Each once, so that keys which name each other end it. */
	for (size_t i = 0; i < count; i++) {
		count = add_next(text, len, ret_keys[i], ret_keys, count, max);
	}
	reverse(ret_keys, count);
	return count;
}

void
waldoi_known_format_host(const char *place, const uint8_t key[WALDO_KEY_BYTES],
                         char line[WALDOI_KNOWN_LINE])
{
	char text[WALDO_KEY_TEXT];

	waldo_key_format(key, text);
	(void) snprintf(line, WALDOI_KNOWN_LINE, "host %s %s\n", place, text);
}

void
waldoi_known_format_next(const uint8_t key[WALDO_KEY_BYTES],
                         const uint8_t next[WALDO_KEY_BYTES],
                         char line[WALDOI_KNOWN_LINE])
{
	char from[WALDO_KEY_TEXT], to[WALDO_KEY_TEXT];

	waldo_key_format(key, from);
	waldo_key_format(next, to);
	(void) snprintf(line, WALDOI_KNOWN_LINE, "next %s %s\n", from, to);
}
