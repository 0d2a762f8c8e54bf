/* SPDX-License-Identifier: MIT */
#include "serial/check.h"
#include "serial/cursor.h"
#include "serial/reader.h"
#include "tests/msgpack_walk.h"
#include "tests/unit/samples.h"
#include "tests/waldo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int objects[SAMPLE_HANDLES];
static void *const handles[SAMPLE_HANDLES] = {&objects[0], &objects[1],
                                              &objects[2]};
static char message[WALDOI_CHECK_MESSAGE];

/* Checks a copy that ends where its memory ends. */
static waldo_err
check(const void *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	waldo_err err;

	assert_non_null(copy);
	memcpy(copy, data, len);
	message[0] = '\0';
	err =
	    waldoi_check(copy, len, WALDOI_MAX_DEPTH, SAMPLE_HANDLES, message);
	free(copy);
	return err;
}

/* W1, W5, W6, W7, W8, W10, W11, W12: what is accepted. */
static void
every_sample_is_accepted(void **state)
{
	(void) state;

	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		if (check(samples[i].bytes, samples[i].len) != WALDO_OK) {
			fail_msg("%s: %s", samples[i].name, message);
		}
	}
}

static void
every_sample_reads_as_msgpack_c_decodes_it(void **state)
{
	const char *why;

	(void) state;

	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		why =
		    walk_disagreement((const uint8_t *) samples[i].bytes,
		                      samples[i].len, handles, SAMPLE_HANDLES);
		if (why != NULL) {
			fail_msg("%s: %s", samples[i].name, why);
		}
	}
}

/* W2 */
static void
every_sample_cut_short_anywhere_is_refused(void **state)
{
	(void) state;

	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		for (size_t len = 0; len < samples[i].len; len++) {
			assert_err(check(samples[i].bytes, len), WALDO_EARGS);
			assert_non_null(strstr(message, "cut short"));
		}
	}
}

/* W2 */
static void
a_byte_behind_any_sample_is_refused(void **state)
{
	char bytes[128];

	(void) state;

	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		assert_true(samples[i].len < sizeof(bytes));
		memcpy(bytes, samples[i].bytes, samples[i].len);
		bytes[samples[i].len] = '\0';
		assert_err(check(bytes, samples[i].len + 1), WALDO_EARGS);
		assert_non_null(strstr(message, "more than one value"));
	}
}

static const struct {
	struct sample sample;
	const char *message;
} bad[] = {
    /* W1 */
    {SAMPLE("0xc1", "\xc1"), "0xc1, which is no value at byte 0"},
    {SAMPLE("0xc1 in a list", "\x92\x01\xc1"),
     "0xc1, which is no value at byte 2"},
    /* W3 */
    {SAMPLE("str32 of 4 GiB", "\xdb\xff\xff\xff\xff"), "cut short at byte 0"},
    {SAMPLE("bin32 of 4 GiB", "\xc6\xff\xff\xff\xff"), "cut short at byte 0"},
    {SAMPLE("ext32 of 4 GiB", "\xc9\xff\xff\xff\xff\x01"), "cut short"},
    {SAMPLE("array32 of 4 G", "\xdd\xff\xff\xff\xff"), "cut short at byte 0"},
    {SAMPLE("map32 of 4 G", "\xdf\xff\xff\xff\xff"), "cut short at byte 0"},
    {SAMPLE("map16 of more pairs than bytes", "\xde\x00\x02\x01\x01\x02"),
     "cut short at byte 0"},
    {SAMPLE("list inside that takes what is outside", "\x92\x92\x01"),
     "cut short"},
    /* W6 */
    {SAMPLE("lone continuation", "\xa1\x80"), "not UTF-8 at byte 0"},
    {SAMPLE("overlong slash", "\xa2\xc0\xaf"), "not UTF-8"},
    {SAMPLE("overlong 3 bytes", "\xa3\xe0\x9f\xbf"), "not UTF-8"},
    {SAMPLE("overlong 4 bytes", "\xa4\xf0\x8f\xbf\xbf"), "not UTF-8"},
    {SAMPLE("surrogate", "\xa3\xed\xa0\x80"), "not UTF-8"},
    {SAMPLE("above U+10FFFF", "\xa4\xf4\x90\x80\x80"), "not UTF-8"},
    {SAMPLE("first byte f5", "\xa4\xf5\x80\x80\x80"), "not UTF-8"},
    {SAMPLE("character cut by the end of its string", "\x92\xa2\xe2\x82\xac"),
     "not UTF-8 at byte 1"},
    {SAMPLE("third byte is none", "\xa3\xe2\x82x"), "not UTF-8"},
    {SAMPLE("fourth byte is none", "\xa4\xf0\x90\x80x"), "not UTF-8"},
    {SAMPLE("bad byte behind 8 good ones", "\xa9"
                                           "12345678\xff"),
     "not UTF-8"},
    {SAMPLE("key that is not UTF-8", "\x81\xa1\xff\xc0"),
     "not UTF-8 at byte 1"},
    /* W9 */
    {SAMPLE("same string twice", "\x82\xa1k\x01\xa1k\x02"),
     "a map that has a key twice"},
    {SAMPLE("same string, wider", "\x82\xa1k\x01\xd9\x01k\x02"), "twice"},
    {SAMPLE("same integer, wider", "\x82\x07\x01\xcd\x00\x07\x02"), "twice"},
    {SAMPLE("same integer, signed", "\x82\x07\x01\xd3\0\0\0\0\0\0\0\x07\x02"),
     "twice"},
    {SAMPLE("same negative, wider", "\x82\xff\x01\xd1\xff\xff\x02"), "twice"},
    {SAMPLE("same bytes, wider", "\x82\xc4\x01k\x01\xc5\x00\x01k\x02"),
     "twice"},
    {SAMPLE("same double, wider",
            "\x82\xca\x3f\xc0\x00\x00\x01\xcb\x3f\xf8\0\0\0\0\0\0\x02"),
     "twice"},
    {SAMPLE("same time, wider",
            "\x82\xd6\xff\0\0\0\x01\x01\xd7\xff\0\0\0\0\0\0\0\x01\x02"),
     "twice"},
    {SAMPLE("nil twice", "\x82\xc0\x01\xc0\x02"), "twice"},
    {SAMPLE("false twice", "\x82\xc2\x01\xc2\x02"), "twice"},
    {SAMPLE("first and last of three", "\x83\x01\xc0\x02\xc0\x01\xc0"),
     "twice"},
    {SAMPLE("twice around a map", "\x82\xa1k\x82\x01\x01\x02\x02\xa1k\xc0"),
     "twice"},
    {SAMPLE("twice inside a map", "\x82\xa1k\x82\x01\x01\x01\x02\xa1l\xc0"),
     "twice"},
    /* W10 */
    {SAMPLE("list as key", "\x81\x90\xc0"), "a key that is a list, map or"},
    {SAMPLE("map as key", "\x81\x80\xc0"), "a key that is a list, map or"},
    {SAMPLE("reference as key", "\x81\xd4\x01\x00\xc0"),
     "a key that is a list, map or reference at byte 1"},
    /* W11 */
    {SAMPLE("reference to the fourth of three", "\xd4\x01\x03"),
     "a reference to none of the message at byte 0"},
    {SAMPLE("reference 256", "\xd5\x01\x01\x00"), "a reference to none"},
    {SAMPLE("reference without bytes", "\xc7\x00\x01"), "a wrong length"},
    {SAMPLE("reference of 3 bytes", "\xc7\x03\x01\0\0\0"), "a wrong length"},
    {SAMPLE("reference of 4 bytes", "\xd6\x01\0\0\0\0"), "a wrong length"},
    /* W12 */
    {SAMPLE("timestamp of 1 byte", "\xd4\xff\x00"), "a time that is none"},
    {SAMPLE("timestamp of 16 bytes", "\xd8\xff" NULS16), "a time that is none"},
    {SAMPLE("timestamp 64 with 1e9 ns", "\xd7\xff\xee\x6b\x28\0\0\0\0\0"),
     "a time that is none"},
    {SAMPLE("timestamp 96 with 1e9 ns",
            "\xc7\x0c\xff\x3b\x9a\xca\x00\0\0\0\0\0\0\0\0"),
     "a time that is none"},
    {SAMPLE("timestamp 96, a microsecond before the first",
            "\xc7\x0c\xff\x0d\x5c\xe5\xff\xff\xff\xf7\x9c\x84\x2f\xa5\x09"),
     "a time that is none"},
    {SAMPLE("timestamp 96, a microsecond after the last",
            "\xc7\x0c\xff\x2e\x3d\xe4\x00\x00\x00\x08\x63\x7b\xd0\x5a\xf6"),
     "a time that is none"},
    {SAMPLE("timestamp 96, the last second of 64 bits",
            "\xc7\x0c\xff\0\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
     "a time that is none"},
    {SAMPLE("timestamp 96, the first second of 64 bits",
            "\xc7\x0c\xff\0\0\0\0\x80\0\0\0\0\0\0\0"),
     "a time that is none"},
    /* W13 */
    {SAMPLE("extension 0", "\xd4\x00\x00"), "an extension of an unknown type"},
    {SAMPLE("extension 2", "\xd4\x02\x00"), "an extension of an unknown type"},
    {SAMPLE("extension -2", "\xc7\x04\xfe\0\0\0\0"), "an unknown type"},
};

static void
bad_bytes_are_refused_and_told(void **state)
{
	(void) state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (check(bad[i].sample.bytes, bad[i].sample.len) !=
		        WALDO_EARGS ||
		    strstr(message, bad[i].message) == NULL) {
			fail_msg("%s: \"%s\", not \"%s\"", bad[i].sample.name,
			         message, bad[i].message);
		}
	}
}

/* W4 */
static void
sixty_four_levels_are_accepted_and_no_more(void **state)
{
	uint8_t bytes[66];

	(void) state;

	memset(bytes, 0x91, sizeof(bytes));
	bytes[64] = 0xc0;
	assert_ok(check(bytes, 65));
	bytes[64] = 0x90;
	assert_err(check(bytes, 65), WALDO_ELIMIT);
	assert_string_equal(message, "depth: more than 64 levels at byte 64");
	bytes[64] = 0x80;
	assert_err(check(bytes, 65), WALDO_ELIMIT);
}

/* W4 */
static void
the_depth_may_be_less_but_never_more_than_a_reader_has(void **state)
{
	const uint8_t pair[] = {0x91, 0x91, 0xc0};
	uint8_t bytes[66];

	(void) state;

	assert_ok(waldoi_check(pair, 3, 2, 0, message));
	assert_err(waldoi_check(pair, 3, 1, 0, message), WALDO_ELIMIT);
	assert_string_equal(message, "depth: more than 1 levels at byte 1");
	assert_ok(waldoi_check(pair + 2, 1, 0, 0, message));
	memset(bytes, 0x91, sizeof(bytes));
	bytes[65] = 0xc0;
	assert_err(waldoi_check(bytes, sizeof(bytes), 1000, 0, message),
	           WALDO_ELIMIT);
}

static void
a_value_as_deep_as_a_reader_can_read_is_read(void **state)
{
	uint8_t bytes[65];
	waldo_reader reader;

	(void) state;

	memset(bytes, 0x91, 64);
	bytes[64] = 0xc3;
	assert_ok(check(bytes, sizeof(bytes)));
	waldoi_reader_init(&reader, bytes, sizeof(bytes), false, NULL, 0);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(waldo_read_list(&reader), 1);
	}
	assert_true(waldo_read_bool(&reader));
	assert_ok(waldo_read_end(&reader));
}

/* A map of `n` pairs whose keys are uint16 and go down from n. */
static size_t
make_map(uint8_t *bytes, unsigned n)
{
	uint8_t *p = bytes;

	*p++ = 0xde;
	*p++ = (uint8_t) (n >> 8);
	*p++ = (uint8_t) n;
	for (unsigned i = n; i > 0; i--) {
		*p++ = 0xcd;
		*p++ = (uint8_t) (i >> 8);
		*p++ = (uint8_t) i;
		*p++ = 0xc0;
	}
	return (size_t) (p - bytes);
}

/* W9 */
static void
a_key_twice_is_found_among_many(void **state)
{
	static uint8_t bytes[3 + 4 * 5000];
	size_t len = make_map(bytes, 5000);

	(void) state;

	assert_ok(check(bytes, len));
	/* The last key, 1, becomes the 2500th from the end. */
	bytes[len - 3] = 2500 >> 8;
	bytes[len - 2] = 2500 & 0xff;
	assert_err(check(bytes, len), WALDO_EARGS);
	assert_non_null(strstr(message, "twice"));
}

/* W3 */
static void
the_cursor_skips_every_sample(void **state)
{
	waldoi_cursor c;

	(void) state;

	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		c = waldoi_cursor_of((const uint8_t *) samples[i].bytes,
		                     samples[i].len);
		waldoi_cursor_skip(&c);
		assert_false(c.failed);
		assert_ptr_equal(c.p, c.end);
		for (size_t len = 0; len < samples[i].len; len++) {
			c = waldoi_cursor_of((const uint8_t *) samples[i].bytes,
			                     len);
			waldoi_cursor_skip(&c);
			assert_true(c.failed);
			assert_ptr_equal(c.p, c.end);
		}
	}
}

/* What link frames may have that payloads may not. */
static void
the_cursor_skips_extensions_that_are_not_ours(void **state)
{
	waldoi_cursor c =
	    waldoi_cursor_of((const uint8_t *) "\x92\xd4\x05\x00\x80\x07", 6);

	(void) state;

	waldoi_cursor_skip(&c);
	assert_int_equal(waldoi_cursor_int(&c), 7);
	assert_false(c.failed);
}

static void
no_bytes_at_all_are_refused(void **state)
{
	(void) state;

	assert_err(waldoi_check(NULL, 0, 64, 0, message), WALDO_EARGS);
	assert_string_equal(message, "a value that is cut short at byte 0");
}

/* W6: whether they are looked at by words or one by one. */
static void
a_wrong_byte_anywhere_in_a_string_is_refused(void **state)
{
	uint8_t bytes[2 + 48] = {0xd9};

	(void) state;

	for (size_t len = 1; len <= 48; len++) {
		size_t head = len <= 31 ? 1 : 2;

		bytes[0] = (uint8_t) (len <= 31 ? 0xa0 | len : 0xd9);
		bytes[1] = (uint8_t) len;
		memset(bytes + head, 'x', len);
		assert_ok(check(bytes, head + len));
		for (size_t at = 0; at < len; at++) {
			bytes[head + at] = 0x80;
			assert_err(check(bytes, head + len), WALDO_EARGS);
			bytes[head + at] = 'x';
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_wrong_byte_anywhere_in_a_string_is_refused),
	    cmocka_unit_test(every_sample_is_accepted),
	    cmocka_unit_test(every_sample_reads_as_msgpack_c_decodes_it),
	    cmocka_unit_test(every_sample_cut_short_anywhere_is_refused),
	    cmocka_unit_test(a_byte_behind_any_sample_is_refused),
	    cmocka_unit_test(bad_bytes_are_refused_and_told),
	    cmocka_unit_test(sixty_four_levels_are_accepted_and_no_more),
	    cmocka_unit_test(
	        the_depth_may_be_less_but_never_more_than_a_reader_has),
	    cmocka_unit_test(a_value_as_deep_as_a_reader_can_read_is_read),
	    cmocka_unit_test(a_key_twice_is_found_among_many),
	    cmocka_unit_test(the_cursor_skips_every_sample),
	    cmocka_unit_test(the_cursor_skips_extensions_that_are_not_ours),
	    cmocka_unit_test(no_bytes_at_all_are_refused),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
