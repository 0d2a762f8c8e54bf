/* SPDX-License-Identifier: MIT */
/* Formats, put by a writer, and packed without one. */
#include "serial/put.h"
#include "tests/unit/writer_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
a_format_puts_what_its_letters_say(void **state)
{
	struct fixture *f = *state;

	waldo_putf(&f->writer, "nbiIuUdsyr", true, -1, (int64_t) -2, 3U,
	           (uint64_t) 4, 0.5, "x", "yz", (size_t) 2, &counts[0]);
	assert_payload(f, true,
	               "\x9a\xc0\xc3\xff\xfe\x03\x04"
	               "\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00"
	               "\xa1x\xc4\x02yz\xd4\x01\x00");
}

static void
a_format_counts_what_its_brackets_hold(void **state)
{
	struct fixture *f = *state;

	waldo_putf(&f->writer, "i[i[]{s[ii]sn}i]{}s", 1, 2, "a", 3, 4, "b", 5,
	           "end");
	assert_payload(f, true,
	               "\x94\x01\x94\x02\x90\x82\xa1"
	               "a\x92\x03\x04\xa1"
	               "b\xc0\x05\x80\xa3"
	               "end");
}

static void
a_wrong_format_is_told(void **state)
{
	static const struct {
		const char *format;
		const char *message;
	} cases[] = {
	    {"ix", "format: 'x' at 1 is no letter of ours"},
	    {"i i", "format: ' ' at 1 is no letter of ours"},
	    {"[i", "format: '[' at 0 is not closed"},
	    {"i]", "format: ']' at 1 closes nothing"},
	    {"[i}", "format: '}' at 2 closes nothing"},
	    {"{[i}]", "format: '}' at 3 closes nothing"},
	    {"i{sis}", "format: '{' at 1 has a key without a value"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		waldo_putf(&f->writer, cases[i].format, 1, 2, 3);
		assert_failed(f, true, WALDO_EINVAL, cases[i].message);
		waldoi_writer_reset(&f->writer);
	}
}

static void
a_format_of_brackets_without_end_is_refused(void **state)
{
	char format[200];
	struct fixture *f = *state;

	memset(format, '[', sizeof(format));
	format[sizeof(format) - 1] = '\0';
	waldo_putf(&f->writer, format);
	assert_failed(f, true, WALDO_EINVAL, "format: '[' at 64 is too deep");
}

/* ---- without a writer */

#define ROOM 64

/* What waldoi_packf() makes of it; 0: nothing. */
static size_t
pack(uint8_t *to, size_t room, uint32_t levels, const char *format, ...)
{
	uint32_t count;
	uint8_t *end;
	va_list args;

	va_start(args, format);
	end = waldoi_packf(to, to + room, levels, format, args, &count);
	va_end(args);
	return end == NULL ? 0 : (size_t) (end - to);
}

#define assert_packed_alike(f, format, ...)                                    \
	do {                                                                   \
		uint8_t packed_[ROOM + WALDOI_WRITER_SLACK];                   \
		size_t len_ = pack(packed_, ROOM, 5, format, __VA_ARGS__);     \
		waldoi_writer_reset(&(f)->writer);                             \
		waldo_putf(&(f)->writer, format, __VA_ARGS__);                 \
		finish(f, false);                                              \
		assert_int_equal(len_, (f)->len);                              \
		assert_memory_equal(packed_, (f)->bytes, len_);                \
	} while (0)

static void
what_is_packed_at_once_is_what_a_writer_packs(void **state)
{
	struct fixture *f = *state;

	for (int shift = 0; shift < 63; shift++) {
		int64_t number = INT64_C(1) << shift;

		assert_packed_alike(f, "[IIUUi]", number - 1, -number,
		                    (uint64_t) number - 1, (uint64_t) number,
		                    (int) number);
	}
	assert_packed_alike(f, "[nbbuds]", 1, 0, 70000U, 1.5, "h\xc3\xa9llo");
	assert_packed_alike(f, "s", "0123456789abcdef0123456789abcdef");
	assert_packed_alike(f, "[sys]", NULL, "\x00\xff", (size_t) 2, "");
	assert_packed_alike(f, "{s[i{}]s{si}}", "a", 1, "b", "c", 2);
	assert_packed_alike(f, "[[[[[]]]]]", 0);
}

/* Whoever asked for it goes the long way, and is told what is wrong. */
static void
what_is_not_plain_is_not_packed_at_once(void **state)
{
	static const char *const formats[] = {
	    "[n",  "n]", "[n}", "{n}",    "{n]", "]",
	    "r",   "x",  "nnx", "[[[[[[", "",    "[nnnnnnnnnnnnnnnn]",
	    "[[]",
	};
	uint8_t bytes[ROOM + WALDOI_WRITER_SLACK];

	(void) state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		assert_int_equal(pack(bytes, ROOM, 5, formats[i], NULL), 0);
	}
	assert_int_equal(pack(bytes, ROOM, 0, "[]", 0), 0);
	assert_int_equal(pack(bytes, ROOM, 1, "[[]]", 0), 0);
	assert_int_equal(pack(bytes, ROOM, 64, "[[[[[[[[[]]]]]]]]]", 0), 0);
	assert_int_equal(pack(bytes, ROOM, 5, "s", "\xff"), 0);
}

/* At each length up to the room, and never beyond it. */
static void
what_finds_no_room_is_not_packed(void **state)
{
	uint8_t bytes[ROOM + WALDOI_WRITER_SLACK], text[ROOM + 1];

	(void) state;
	memset(text, 'x', sizeof(text));
	for (size_t room = 0; room < ROOM; room++) {
		size_t head = room < 34 ? 1 : 2;

		memset(bytes, 0x5a, sizeof(bytes));
		text[room] = '\0';
		assert_int_equal(pack(bytes, room, 5, "s", text), 0);
		assert_int_equal(pack(bytes, room, 5, "y", text, room), 0);
		text[room] = 'x';
		/* 33 bytes are no string: 31 have a head of one, 32 of two. */
		if (room >= head && room != 33) {
			text[room - head] = '\0';
			assert_int_equal(pack(bytes, room, 5, "s", text), room);
			text[room - head] = 'x';
		}
		for (size_t i = room + WALDOI_WRITER_SLACK; i < sizeof(bytes);
		     i++) {
			assert_int_equal(bytes[i], 0x5a);
		}
	}
	assert_int_equal(pack(bytes, 8, 5, "d", 1.5), 0);
	assert_int_equal(pack(bytes, 9, 5, "d", 1.5), 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(a_format_puts_what_its_letters_say),
	    waldo_test(a_format_counts_what_its_brackets_hold),
	    waldo_test(a_wrong_format_is_told),
	    waldo_test(a_format_of_brackets_without_end_is_refused),
	    waldo_test(what_is_packed_at_once_is_what_a_writer_packs),
	    waldo_test(what_is_not_plain_is_not_packed_at_once),
	    waldo_test(what_finds_no_room_is_not_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
