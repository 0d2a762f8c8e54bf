/* SPDX-License-Identifier: MIT */
#include "serial/cursor.h"

#include "serial/head.h"

#include <string.h>

double
waldoi_head_double(const waldoi_head *head)
{
	uint64_t bits = waldoi_head_be(head->body, head->len);
	uint32_t bits32 = (uint32_t) bits;
	float f;
	double d;

	if (head->len == 4) {
		memcpy(&f, &bits32, sizeof(f));
		return (double) f;
	}
	memcpy(&d, &bits, sizeof(d));
	return d;
}

bool
waldoi_head_time(const waldoi_head *head, int64_t *ret_microseconds)
{
	const uint8_t *p = head->body;
	uint64_t nanoseconds = 0;
	int64_t seconds;
	int64_t us;

	switch (head->len) {
	case 4: seconds = (int64_t) waldoi_head_be(p, 4); break;
	case 8:
		nanoseconds = waldoi_head_be(p, 8) >> 34;
		seconds = (int64_t) (waldoi_head_be(p, 8) & 0x3ffffffff);
		break;
	case 12:
		nanoseconds = waldoi_head_be(p, 4);
		seconds = (int64_t) waldoi_head_be(p + 4, 8);
		break;
	default: return false;
	}
	if (nanoseconds > 999999999) {
		return false;
	}
	/* A second more, so that the product of the first microseconds of
	 * all does not leave the range before the rest is added. */
	us = (int64_t) (nanoseconds / 1000);
	if (seconds < 0) {
		seconds++;
		us -= 1000000;
	}
	if (seconds > INT64_MAX / 1000000 || seconds < INT64_MIN / 1000000) {
		return false;
	}
	seconds *= 1000000;
	if ((us > 0 && seconds > INT64_MAX - us) ||
	    (us < 0 && seconds < INT64_MIN - us)) {
		return false;
	}
	*ret_microseconds = seconds + us;
	return true;
}

const uint8_t *
waldoi_head_skip(const uint8_t *p, const uint8_t *end)
{
	waldoi_head head;
	uint64_t left = 1;

	while (left > 0) {
		if (!waldoi_head_read(&head, p, end)) {
			return NULL;
		}
		left += head.count;
		left--;
		p = waldoi_head_next(&head);
	}
	return p;
}

const char *
waldoi_head_type_name(unsigned type)
{
	static const char *const names[] = {
	    [WALDO_TYPE_END] = "nothing",   [WALDO_TYPE_NIL] = "nil",
	    [WALDO_TYPE_BOOL] = "boolean",  [WALDO_TYPE_INT] = "integer",
	    [WALDO_TYPE_DOUBLE] = "double", [WALDO_TYPE_STR] = "string",
	    [WALDO_TYPE_BYTES] = "bytes",   [WALDO_TYPE_LIST] = "list",
	    [WALDO_TYPE_MAP] = "map",       [WALDO_TYPE_TIME] = "time",
	    [WALDO_TYPE_REF] = "reference",
	};

	return type < sizeof(names) / sizeof(names[0]) ? names[type]
	                                               : "extension";
}

/* The bytes behind the first of an integer. */
static size_t
int_len(uint8_t first)
{
	return first >= 0xcc && first <= 0xd3 ? (size_t) 1 << (first & 3) : 0;
}

int64_t
waldoi_cursor_long_int(waldoi_cursor *c)
{
	size_t left = (size_t) (c->end - c->p);
	const uint8_t *next = NULL;
	int64_t v;

	if (left > 8 || left > int_len(waldoi_cursor_peek(c))) {
		next = waldoi_int_at(c->p, &v);
	}
	if (next == NULL) {
		waldoi_cursor_fail(c);
		return 0;
	}
	c->p = next;
	return v;
}

uint64_t
waldoi_cursor_long_count(waldoi_cursor *c, uint8_t wide)
{
	uint64_t b = waldoi_cursor_be(c, 1);

	if (b != wide && b != wide + 1U) {
		waldoi_cursor_fail(c);
		return 0;
	}
	return waldoi_cursor_be(c, b == wide ? 2 : 4);
}

uint64_t
waldoi_cursor_long_len(waldoi_cursor *c)
{
	uint64_t b = waldoi_cursor_be(c, 1);

	if (b < 0xd9 || b > 0xdb) {
		waldoi_cursor_fail(c);
		return 0;
	}
	return waldoi_cursor_be(c, (size_t) 1 << (b - 0xd9));
}

void
waldoi_cursor_skip(waldoi_cursor *c)
{
	const uint8_t *p = waldoi_head_skip(c->p, c->end);

	if (p == NULL) {
		waldoi_cursor_fail(c);
	} else {
		c->p = p;
	}
}
