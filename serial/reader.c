/* SPDX-License-Identifier: MIT */
#include "serial/reader.h"

#include "serial/api.h"
#include "serial/ascii.h"
#include "serial/head.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Levels that a message names; of deeper places the middle is left out. */
#define NAMED_LEVELS 3

void
waldoi_reader_init(waldo_reader *reader, uint8_t *data, size_t len, bool open,
                   void *const *handles, size_t handle_count)
{
	uint32_t count = 1;

	reader->p = data;
	reader->end = data + len;
	if (open) {
		assert(waldoi_payload_is_list(data, len));
		reader->p += waldoi_list_at(data, &count) - data;
	}
	reader->here = (waldoi_level){count, count};
	reader->depth = 0;
	reader->error = WALDO_OK;
	reader->maps = 0;
	reader->handles = handles;
	reader->handle_count = (uint32_t) handle_count;
	reader->what = open ? "argument" : "value";
	reader->message = "";
}

void
waldoi_reader_init_failed(waldo_reader *reader, waldo_err err,
                          const char *message)
{
	size_t len = strnlen(message, sizeof(reader->text) - 1);

	waldoi_reader_init_gone(reader, err, reader->text);
	memcpy(reader->text, message, len);
	reader->text[len] = '\0';
}

/* A part of the message at `to`; returns where the next one goes. */
static size_t WALDO_PRINTF(3, 4)
    say(waldo_reader *reader, size_t to, const char *format, ...)
{
	size_t room = sizeof(reader->text) - to;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(reader->text + to, room, format, args);
	va_end(args);
	return n < 0 || (size_t) n >= room ? to + room - 1 : to + (size_t) n;
}

/* Where the next value stands in the level at depth `d`; in those around, the
 * one that we are in. */
static uint32_t
index_at(const waldo_reader *reader, uint32_t d)
{
	if (d < reader->depth) {
		return reader->around[d].count - reader->around[d].left - 1;
	}
	return reader->here.count - reader->here.left;
}

/* "argument 2, pair 1, item 3": the place of the next value. */
static size_t
say_place(waldo_reader *reader)
{
	uint32_t depth = reader->depth;
	uint32_t index;
	size_t to = 0;

	for (uint32_t d = 0; d <= depth; d++) {
		index = index_at(reader, d);
		if (d == 0) {
			to = say(reader, to, "%s %" PRIu32, reader->what,
			         index + 1);
		} else if (d + NAMED_LEVELS <= depth) {
			to = d == 1 ? say(reader, to, ", ...") : to;
		} else if ((reader->maps >> (d - 1) & 1) == 0) {
			to = say(reader, to, ", item %" PRIu32, index + 1);
		} else {
			to = say(reader, to, ", pair %" PRIu32 "%s",
			         index / 2 + 1,
			         d < depth        ? ""
			         : index % 2 == 0 ? " key"
			                          : " value");
		}
	}
	return to;
}

static const char *
found_name(const waldo_reader *reader)
{
	return waldoi_payload_type_name(reader->p,
	                                (size_t) (reader->end - reader->p));
}

/* The next value is not what was expected. */
static WALDOI_COLD void
misfit(waldo_reader *reader, const char *expected, const char *found)
{
	size_t to = say_place(reader);

	say(reader, to, ": expected %s, found %s", expected, found);
	reader->error = WALDO_EARGS;
	reader->message = reader->text;
	reader->here.left = 0;
}

/* There is a next value; also false for a reader that has failed. */
static inline bool
has_next(const waldo_reader *reader)
{
	return reader != NULL && reader->here.left > 0;
}

/* Gets the head of the next value, if there is one. */
static bool
next_head(const waldo_reader *reader, waldoi_head *head)
{
	return has_next(reader) &&
	       waldoi_head_read(head, reader->p, reader->end);
}

/* The next value, if any, is not of the type that was expected. */
static WALDOI_COLD void
refuse(waldo_reader *reader, const char *expected)
{
	if (reader != NULL && reader->error == WALDO_OK) {
		misfit(reader, expected, found_name(reader));
	}
}

/* Gets the head of the next value if it is of `type`; else a misfit. */
static bool
next_is(waldo_reader *reader, waldo_type type, const char *expected,
        waldoi_head *head)
{
	if (next_head(reader, head) && head->type == type) {
		return true;
	}
	refuse(reader, expected);
	return false;
}

static inline void
leave(waldo_reader *reader)
{
	while (reader->here.left == 0 && reader->depth > 0) {
		reader->here = reader->around[--reader->depth];
	}
}

/* The value before `next` has been read. */
static inline void
advance(waldo_reader *reader, const uint8_t *next)
{
	reader->p += next - reader->p;
	if (--reader->here.left == 0) {
		leave(reader);
	}
}

WALDO_API waldo_type
waldo_read_type(const waldo_reader *reader)
{
	waldoi_head head;
	bool negative;

	if (!next_head(reader, &head)) {
		return WALDO_TYPE_END;
	}
	if (head.type == WALDO_TYPE_INT &&
	    waldoi_head_int(&head, &negative) > INT64_MAX && !negative) {
		return WALDO_TYPE_UINT;
	}
	return (waldo_type) head.type;
}

WALDO_API size_t
waldo_read_count(const waldo_reader *reader)
{
	return reader == NULL ? 0 : reader->here.left;
}

WALDO_API void
waldo_read_skip(waldo_reader *reader)
{
	waldoi_head head;

	if (next_head(reader, &head)) {
		advance(reader, waldoi_head_skip(reader->p, reader->end));
	} else if (reader != NULL && reader->error == WALDO_OK) {
		misfit(reader, "a value", "nothing");
	}
}

WALDO_API bool
waldo_read_bool(waldo_reader *reader)
{
	bool value;

	if (!has_next(reader) || *reader->p >> 1 != 0xc2 >> 1) {
		refuse(reader, "boolean");
		return false;
	}
	value = *reader->p == 0xc3;
	advance(reader, reader->p + 1);
	return value;
}

/* The value that is out of a range, as it is written. */
static void
found_integer(char found[24], uint64_t value, bool negative)
{
	if (negative) {
		snprintf(found, 24, "%" PRId64, (int64_t) value);
	} else {
		snprintf(found, 24, "%" PRIu64, value);
	}
}

/* The next value is no integer from `min` to `max`. */
static WALDOI_COLD int64_t
refuse_int(waldo_reader *reader, int64_t min, int64_t max)
{
	waldoi_head head;
	char expected[64];
	char found[24];
	uint64_t v;
	bool negative;

	if (!next_is(reader, WALDO_TYPE_INT, "integer", &head)) {
		return 0;
	}
	v = waldoi_head_int(&head, &negative);
	snprintf(expected, sizeof(expected), "integer in %" PRId64 "..%" PRId64,
	         min, max);
	found_integer(found, v, negative);
	misfit(reader, expected, found);
	return 0;
}

WALDO_API int64_t
waldo_read_int(waldo_reader *reader, int64_t min, int64_t max)
{
	const uint8_t *next;
	int64_t v;

	if (!has_next(reader) ||
	    (next = waldoi_int_at(reader->p, &v)) == NULL || v < min ||
	    v > max) {
		return refuse_int(reader, min, max);
	}
	advance(reader, next);
	return v;
}

/* The next value is above INT64_MAX, or no integer from 0 to `max`. */
static WALDOI_APART uint64_t
read_large(waldo_reader *reader, uint64_t max)
{
	waldoi_head head;
	char expected[64];
	char found[24];
	uint64_t v;
	bool negative;

	if (!next_is(reader, WALDO_TYPE_INT, "integer", &head)) {
		return 0;
	}
	v = waldoi_head_int(&head, &negative);
	if (negative || v > max) {
		snprintf(expected, sizeof(expected), "integer in 0..%" PRIu64,
		         max);
		found_integer(found, v, negative);
		misfit(reader, expected, found);
		return 0;
	}
	advance(reader, waldoi_head_next(&head));
	return v;
}

WALDO_API uint64_t
waldo_read_uint(waldo_reader *reader, uint64_t max)
{
	const uint8_t *next;
	int64_t v;

	if (!has_next(reader) ||
	    (next = waldoi_int_at(reader->p, &v)) == NULL || v < 0 ||
	    (uint64_t) v > max) {
		return read_large(reader, max);
	}
	advance(reader, next);
	return (uint64_t) v;
}

/* A number that is no float64, or none. */
static WALDOI_APART double
read_number(waldo_reader *reader)
{
	waldoi_head head;
	uint64_t v;
	bool negative;

	if (next_head(reader, &head) && head.type == WALDO_TYPE_INT) {
		v = waldoi_head_int(&head, &negative);
		advance(reader, waldoi_head_next(&head));
		return negative ? (double) (int64_t) v : (double) v;
	}
	if (!next_is(reader, WALDO_TYPE_DOUBLE, "number", &head)) {
		return 0;
	}
	advance(reader, waldoi_head_next(&head));
	return waldoi_head_double(&head);
}

WALDO_API double
waldo_read_double(waldo_reader *reader)
{
	uint64_t bits;
	double value;

	if (!has_next(reader) || *reader->p != 0xcb) {
		return read_number(reader);
	}
	bits = waldoi_be_load64(reader->p + 1);
	memcpy(&value, &bits, sizeof(value));
	advance(reader, reader->p + 9);
	return value;
}

/* A string with a NUL in it, and nobody asked for its length. */
static WALDOI_COLD const char *
refuse_nul(waldo_reader *reader)
{
	misfit(reader, "string without NUL", "NUL in it");
	return "";
}

/* A string of more than 31 bytes, or none. It is ended with NUL: moved one byte
 * down, over its own head. */
static WALDOI_APART const char *
read_long_str(waldo_reader *reader, size_t *ret_len)
{
	waldoi_head head;
	char *text;

	if (!next_is(reader, WALDO_TYPE_STR, "string", &head)) {
		if (ret_len != NULL) {
			*ret_len = 0;
		}
		return "";
	}
	if (ret_len != NULL) {
		*ret_len = head.len;
	} else if (memchr(head.body, 0, head.len) != NULL) {
		return refuse_nul(reader);
	}
	text = (char *) reader->p + (head.body - reader->p - 1);
	advance(reader, waldoi_head_next(&head));
	memmove(text, head.body, head.len);
	text[head.len] = '\0';
	return text;
}

/* A short one is not worth a call, of memmove() or another. */
WALDO_API const char *
waldo_read_str(waldo_reader *reader, size_t *ret_len)
{
	char *text;
	size_t len;
	bool nul;

	if (!has_next(reader) || *reader->p >> 5 != 0xa0 >> 5) {
		return read_long_str(reader, ret_len);
	}
	text = (char *) reader->p;
	len = *reader->p & 0x1f;
	nul = waldoi_shift_down(text, len);
	if (ret_len != NULL) {
		*ret_len = len;
	} else if (nul) {
		return refuse_nul(reader);
	}
	text[len] = '\0';
	advance(reader, reader->p + 1 + len);
	return text;
}

WALDO_API const void *
waldo_read_bytes(waldo_reader *reader, size_t *ret_len)
{
	waldoi_head head;
	bool fits = next_is(reader, WALDO_TYPE_BYTES, "bytes", &head);

	if (ret_len != NULL) {
		*ret_len = fits ? head.len : 0;
	}
	if (!fits) {
		return NULL;
	}
	advance(reader, waldoi_head_next(&head));
	return head.body;
}

WALDO_API int64_t
waldo_read_time(waldo_reader *reader)
{
	waldoi_head head;
	int64_t us = 0;

	if (next_is(reader, WALDO_TYPE_TIME, "time", &head) &&
	    waldoi_head_time(&head, &us)) {
		advance(reader, waldoi_head_next(&head));
	}
	return us;
}

void *
waldoi_read_handle(waldo_reader *reader)
{
	waldoi_head head;
	int32_t position;

	if (!next_is(reader, WALDO_TYPE_REF, "reference", &head)) {
		return NULL;
	}
	position = waldoi_head_ref(&head);
	assert(position >= 0 && (uint32_t) position < reader->handle_count);
	advance(reader, waldoi_head_next(&head));
	return reader->handles[position];
}

/* Goes into a list or map of `count` values, which begin at `values`; an empty
 * one has been read by that. */
static inline void
enter(waldo_reader *reader, const uint8_t *values, uint32_t count, bool map)
{
	uint64_t bit = UINT64_C(1) << reader->depth;
	/* In parts: a whole that was written in parts just now is slow. */
	uint32_t left = reader->here.left - 1;
	waldoi_level *around = &reader->around[reader->depth];

	if (count == 0) {
		advance(reader, values);
		return;
	}
	assert(reader->depth < WALDOI_MAX_DEPTH);
	reader->p += values - reader->p;
	around->left = left;
	around->count = reader->here.count;
	reader->depth++;
	reader->here = (waldoi_level){count, count};
	reader->maps = map ? reader->maps | bit : reader->maps & ~bit;
}

WALDO_API size_t
waldo_read_list(waldo_reader *reader)
{
	const uint8_t *values;
	uint32_t count;

	if (!has_next(reader) ||
	    (values = waldoi_list_at(reader->p, &count)) == NULL) {
		refuse(reader, "list");
		return 0;
	}
	enter(reader, values, count, false);
	return count;
}

WALDO_API size_t
waldo_read_map(waldo_reader *reader)
{
	waldoi_head head;

	if (!next_is(reader, WALDO_TYPE_MAP, "map", &head)) {
		return 0;
	}
	enter(reader, head.body, head.count, true);
	return head.count / 2;
}

WALDO_API waldo_err
waldo_read_error(const waldo_reader *reader)
{
	return reader != NULL ? reader->error : WALDO_EINVAL;
}

WALDO_API waldo_err
waldo_read_end(waldo_reader *reader)
{
	if (reader == NULL) {
		return WALDO_EINVAL;
	}
	if (reader->here.left > 0) {
		misfit(reader, "nothing more", found_name(reader));
	}
	return reader->error;
}

WALDO_API const char *
waldo_read_message(const waldo_reader *reader)
{
	return reader != NULL ? reader->message : "there is nothing to read";
}
