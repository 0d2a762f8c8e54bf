/* SPDX-License-Identifier: MIT */
#include "tests/memory/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- text to bytes */

struct encoder {
	const char *at;
	uint8_t *data;
	size_t len, cap;
	bool wrong;
};

static void
put(struct encoder *e, unsigned byte)
{
	if (e->len == e->cap) {
		e->wrong = true;
		return;
	}
	e->data[e->len++] = (uint8_t) byte;
}

static void
put_be(struct encoder *e, uint64_t value, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--) {
		put(e, (unsigned) (value >> (8 * i)) & 0xff);
	}
}

static void
put_integer(struct encoder *e)
{
	char *end;
	long long value = strtoll(e->at, &end, 10);

	e->wrong |= end == e->at;
	e->at = end;
	if (value >= 0 && value < 128) {
		put(e, (unsigned) value);
	} else if (value < 0 && value >= -32) {
		put(e, (unsigned) (0x100 + value));
	} else {
		put(e, value < 0 ? 0xd3 : 0xcf);
		put_be(e, (uint64_t) value, 8);
	}
}

static unsigned
hex(char c)
{
	return (unsigned) (isdigit((unsigned char) c) ? c - '0' : c - 'a' + 10);
}

/* Digits up to `end`, which is passed. */
static void
put_hex(struct encoder *e, char end)
{
	while (isxdigit((unsigned char) e->at[0]) &&
	       isxdigit((unsigned char) e->at[1])) {
		put(e, hex(e->at[0]) * 16 + hex(e->at[1]));
		e->at += 2;
	}
	e->wrong |= *e->at != end;
	e->at += *e->at == end;
}

static void
put_string(struct encoder *e)
{
	const char *end = strchr(++e->at, '\'');
	size_t len;

	if (end == NULL) {
		e->wrong = true;
		return;
	}
	len = (size_t) (end - e->at);
	if (len < 32) {
		put(e, 0xa0 | (unsigned) len);
	} else {
		put(e, 0xda);
		put_be(e, len, 2);
	}
	while (e->at < end) {
		put(e, (uint8_t) *e->at++);
	}
	e->at++;
}

static void put_value(struct encoder *e);

/* The header is a 16 bit one, so that its place is known beforehand. */
static void
put_items(struct encoder *e, unsigned head, char end)
{
	size_t where = e->len + 1;
	unsigned count = 0;

	e->at++;
	put(e, head);
	put_be(e, 0, 2);
	while (!e->wrong && *e->at != end) {
		put_value(e);
		if (head == 0xde) {
			e->wrong |= *e->at++ != ':';
			put_value(e);
		}
		count++;
		e->wrong |= *e->at != ',' && *e->at != end;
		e->at += *e->at == ',';
	}
	if (!e->wrong) {
		e->at++;
		e->data[where] = (uint8_t) (count >> 8);
		e->data[where + 1] = (uint8_t) count;
	}
}

static bool
take_word(struct encoder *e, const char *word, unsigned byte)
{
	size_t len = strlen(word);

	if (strncmp(e->at, word, len) != 0) {
		return false;
	}
	e->at += len;
	put(e, byte);
	return true;
}

static void
put_value(struct encoder *e)
{
	if (e->wrong || take_word(e, "nil", 0xc0) ||
	    take_word(e, "false", 0xc2) || take_word(e, "true", 0xc3)) {
		return;
	}
	switch (*e->at) {
	case '[': put_items(e, 0xdc, ']'); return;
	case '{': put_items(e, 0xde, '}'); return;
	case '\'': put_string(e); return;
	case '=':
		e->at++;
		put_hex(e, '=');
		return;
	case '<':
		e->at++;
		put(e, 0xd4);
		put(e, 1);
		put(e, (unsigned) strtoul(e->at, NULL, 10));
		e->at += strcspn(e->at, ">") + 1;
		return;
	case 'x': {
		size_t where;

		e->at += 2;
		put(e, 0xc4);
		where = e->len;
		put(e, 0);
		put_hex(e, '\'');
		e->data[where] = (uint8_t) (e->len - where - 1);
		return;
	}
	default: put_integer(e);
	}
}

size_t
text_encode(const char *text, uint8_t *data, size_t cap)
{
	struct encoder e = {text, data, 0, cap, false};

	while (!e.wrong && *e.at != '\0') {
		put_value(&e);
		e.at += *e.at == ' ';
	}
	return e.wrong ? 0 : e.len;
}

/* ---- bytes to text */

struct decoder {
	const uint8_t *p, *end;
	char *text;
	size_t len, cap;
	bool wrong;
};

static void __attribute__((format(printf, 2, 3)))
say(struct decoder *d, const char *format, ...)
{
	va_list args;
	int written;

	va_start(args, format);
	written = vsnprintf(d->text + d->len, d->cap - d->len, format, args);
	va_end(args);
	if (written > 0) {
		d->len += (size_t) written;
		d->len = d->len < d->cap ? d->len : d->cap - 1;
	}
}

static uint64_t
get_be(struct decoder *d, int bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < bytes; i++) {
		if (d->p == d->end) {
			d->wrong = true;
			return 0;
		}
		value = value << 8 | *d->p++;
	}
	return value;
}

static void
say_bytes(struct decoder *d, uint64_t len, bool text)
{
	if (len > (uint64_t) (d->end - d->p)) {
		d->wrong = true;
		return;
	}
	say(d, "%s'", text ? "" : "x");
	for (uint64_t i = 0; i < len; i++, d->p++) {
		if (text) {
			say(d, "%c", *d->p);
		} else {
			say(d, "%02x", *d->p);
		}
	}
	say(d, "'");
}

static void say_value(struct decoder *d);

static void
say_items(struct decoder *d, uint64_t count, bool map)
{
	say(d, map ? "{" : "[");
	for (uint64_t i = 0; i < count && !d->wrong; i++) {
		say(d, i > 0 ? "," : "");
		say_value(d);
		if (map) {
			say(d, ":");
			say_value(d);
		}
	}
	say(d, map ? "}" : "]");
}

static void
say_extension(struct decoder *d, uint64_t len)
{
	uint64_t type = get_be(d, 1);

	if (type == 1 && len <= 2) {
		say(d, "<%" PRIu64 ">", get_be(d, (int) len));
	} else {
		say(d, "ext%" PRIu64, type);
		say_bytes(d, len, false);
	}
}

static void
say_double(struct decoder *d)
{
	uint64_t bits = get_be(d, 8);
	double value;

	memcpy(&value, &bits, sizeof(value));
	say(d, "%g", value);
}

static void
say_signed(struct decoder *d, int bytes)
{
	uint64_t value = get_be(d, bytes);
	int shift = 64 - 8 * bytes;

	say(d, "%" PRId64, (int64_t) (value << shift) >> shift);
}

static void
say_value(struct decoder *d)
{
	unsigned c = (unsigned) get_be(d, 1);

	if (d->wrong) {
		return;
	}
	if (c < 0x80) {
		say(d, "%u", c);
	} else if (c < 0x90) {
		say_items(d, c & 15, true);
	} else if (c < 0xa0) {
		say_items(d, c & 15, false);
	} else if (c < 0xc0) {
		say_bytes(d, c & 31, true);
	} else if (c >= 0xe0) {
		say(d, "%d", (int) c - 256);
	} else if (c >= 0xd4 && c <= 0xd8) {
		say_extension(d, 1u << (c - 0xd4));
	} else if (c >= 0xcc && c <= 0xcf) {
		say(d, "%" PRIu64, get_be(d, 1 << (c - 0xcc)));
	} else if (c >= 0xd0 && c <= 0xd3) {
		say_signed(d, 1 << (c - 0xd0));
	} else if (c >= 0xd9 && c <= 0xdb) {
		say_bytes(d, get_be(d, 1 << (c - 0xd9)), true);
	} else if (c >= 0xc4 && c <= 0xc6) {
		say_bytes(d, get_be(d, 1 << (c - 0xc4)), false);
	} else if (c >= 0xc7 && c <= 0xc9) {
		say_extension(d, get_be(d, 1 << (c - 0xc7)));
	} else if (c == 0xdc || c == 0xdd) {
		say_items(d, get_be(d, 2 << (c - 0xdc)), false);
	} else if (c == 0xde || c == 0xdf) {
		say_items(d, get_be(d, 2 << (c - 0xde)), true);
	} else if (c == 0xcb) {
		say_double(d);
	} else {
		say(d, c == 0xc0   ? "nil"
		       : c == 0xc2 ? "false"
		       : c == 0xc3 ? "true"
		                   : "?");
	}
}

void
text_decode(const uint8_t *data, size_t len, char *text, size_t cap)
{
	struct decoder d = {data, data + len, text, 0, cap, false};

	text[0] = '\0';
	while (d.p < d.end && !d.wrong) {
		say(&d, d.len > 0 ? " " : "");
		say_value(&d);
	}
	if (d.wrong) {
		say(&d, "...");
	}
}
