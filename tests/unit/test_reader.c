/* SPDX-License-Identifier: MIT */
#include "serial/check.h"
#include "serial/reader.h"
#include "tests/unit/samples.h"
#include "tests/waldo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int objects[SAMPLE_HANDLES];
static void *const handles[SAMPLE_HANDLES] = {&objects[0], &objects[1],
                                              &objects[2]};

struct fixture {
	uint8_t *data; /* ends where its memory ends */
	waldo_reader reader;
};

static int
setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	free(f->data);
	free(f);
	return 0;
}

/* A reader of checked bytes; again if there was one. */
static waldo_reader *
open_bytes(struct fixture *f, const char *bytes, size_t len, bool open)
{
	char message[WALDOI_CHECK_MESSAGE] = "";

	free(f->data);
	f->data = malloc(len);
	assert_non_null(f->data);
	memcpy(f->data, bytes, len);
	if (waldoi_check(f->data, len, WALDOI_MAX_DEPTH, SAMPLE_HANDLES,
	                 message) != WALDO_OK) {
		fail_msg("%s", message);
	}
	waldoi_reader_init(&f->reader, f->data, len, open, handles,
	                   SAMPLE_HANDLES);
	return &f->reader;
}

#define open_args(f, bytes)  open_bytes(f, bytes, sizeof(bytes) - 1, true)
#define open_value(f, bytes) open_bytes(f, bytes, sizeof(bytes) - 1, false)

static void
arguments_are_read_in_a_row(void **state)
{
	waldo_reader *r = open_args(*state, "\x95\xa5hello\xcd\x03\xe8\xc3"
	                                    "\xd4\x01\x02\xc4\x02\x00\xff");
	size_t len;

	assert_string_equal(waldo_read_str(r, NULL), "hello");
	assert_int_equal(waldo_read_int(r, 0, 1000), 1000);
	assert_true(waldo_read_bool(r));
	assert_ptr_equal(waldoi_read_handle(r), &objects[2]);
	assert_memory_equal(waldo_read_bytes(r, &len), "\x00\xff", 2);
	assert_int_equal(len, 2);
	assert_ok(waldo_read_end(r));
	assert_string_equal(waldo_read_message(r), "");
}

static void
a_result_is_read_from_its_one_value(void **state)
{
	waldo_reader *r = open_value(*state, "\x92\x01\x02");

	assert_int_equal(waldo_read_list(r), 2);
	assert_int_equal(waldo_read_int(r, 0, 9), 1);
	assert_int_equal(waldo_read_int(r, 0, 9), 2);
	assert_ok(waldo_read_end(r));
}

static void
every_type_is_told_and_stays_unread(void **state)
{
	static const waldo_type types[] = {
	    WALDO_TYPE_NIL,    WALDO_TYPE_BOOL, WALDO_TYPE_INT,
	    WALDO_TYPE_DOUBLE, WALDO_TYPE_STR,  WALDO_TYPE_BYTES,
	    WALDO_TYPE_TIME,   WALDO_TYPE_REF,  WALDO_TYPE_LIST,
	    WALDO_TYPE_MAP,
	};
	waldo_reader *r = open_args(
	    *state, "\x9a\xc0\xc2\xff\xca\x3f\xc0\x00\x00\xa1x\xc4\x00"
	            "\xd6\xff\x00\x00\x00\x01\xd4\x01\x00\x90\x80");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		assert_int_equal(waldo_read_type(r), types[i]);
		assert_int_equal(waldo_read_type(r), types[i]);
		waldo_read_skip(r);
	}
	assert_int_equal(waldo_read_type(r), WALDO_TYPE_END);
	assert_ok(waldo_read_end(r));
}

/* W5: an integer of any width. */
static void
integers_are_read_whatever_their_width(void **state)
{
	waldo_reader *r = open_args(
	    *state, "\x98\x07\xcc\x07\xcd\x00\x07\xce\x00\x00\x00\x07"
	            "\xcf\x00\x00\x00\x00\x00\x00\x00\x07\xd0\x07\xd1\x00\x07"
	            "\xd3\x00\x00\x00\x00\x00\x00\x00\x07");

	for (int i = 0; i < 8; i++) {
		assert_int_equal(waldo_read_int(r, 7, 7), 7);
	}
	assert_ok(waldo_read_end(r));
}

static void
the_ends_of_the_integers_are_read(void **state)
{
	waldo_reader *r =
	    open_args(*state, "\x94\xd3\x80\x00\x00\x00\x00\x00\x00\x00"
	                      "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff"
	                      "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
	                      "\xd0\x80");

	assert_true(waldo_read_int(r, INT64_MIN, INT64_MAX) == INT64_MIN);
	assert_true(waldo_read_int(r, INT64_MIN, INT64_MAX) == INT64_MAX);
	assert_true(waldo_read_uint(r, UINT64_MAX) == UINT64_MAX);
	assert_true(waldo_read_int(r, -128, 0) == -128);
	assert_ok(waldo_read_end(r));
}

/* W5 */
static void
any_number_is_read_as_a_double(void **state)
{
	waldo_reader *r =
	    open_args(*state, "\x95\x07\xff\xca\x3f\xc0\x00\x00"
	                      "\xcb\x40\x00\x00\x00\x00\x00\x00\x00"
	                      "\xcf\x80\x00\x00\x00\x00\x00\x00\x00");

	assert_true(waldo_read_double(r) == 7.0);
	assert_true(waldo_read_double(r) == -1.0);
	assert_true(waldo_read_double(r) == 1.5);
	assert_true(waldo_read_double(r) == 2.0);
	assert_true(waldo_read_double(r) == 9223372036854775808.0);
	assert_ok(waldo_read_end(r));
}

/* W12 */
static void
a_time_is_rounded_down_to_microseconds(void **state)
{
	waldo_reader *r = open_args(
	    *state, "\x94\xd6\xff\x00\x00\x00\x01"
	            "\xd7\xff\x00\x00\x17\x70\x00\x00\x00\x02"
	            "\xc7\x0c\xff\x3b\x9a\xc9\xff\xff\xff\xff\xff\xff\xff\xff"
	            "\xff\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff"
	            "\xff\xfe");

	assert_true(waldo_read_time(r) == 1000000);
	assert_true(waldo_read_time(r) == 2000001); /* 1,500 ns */
	assert_true(waldo_read_time(r) == -1);      /* 999,999,999 ns */
	assert_true(waldo_read_time(r) == -2000000);
	assert_ok(waldo_read_end(r));
}

static void
strings_end_with_nul_and_leave_what_follows_intact(void **state)
{
	waldo_reader *r =
	    open_args(*state, "\x94\xa2hi\xa0\xd9\x03yes\xda\x00\x02no");
	const char *hi = waldo_read_str(r, NULL);
	const char *empty = waldo_read_str(r, NULL);
	const char *yes = waldo_read_str(r, NULL);
	const char *no = waldo_read_str(r, NULL);

	assert_ok(waldo_read_end(r));
	assert_string_equal(hi, "hi");
	assert_string_equal(empty, "");
	assert_string_equal(yes, "yes");
	assert_string_equal(no, "no");
}

static void
a_string_with_nul_needs_its_length(void **state)
{
	struct fixture *f = *state;
	waldo_reader *r = open_args(f, "\x91\xa3"
	                               "a\0b");
	size_t len;

	assert_memory_equal(waldo_read_str(r, &len), "a\0b", 4);
	assert_int_equal(len, 3);
	r = open_args(f, "\x91\xa3"
	                 "a\0b");
	assert_string_equal(waldo_read_str(r, NULL), "");
	assert_string_equal(
	    waldo_read_message(r),
	    "argument 1: expected string without NUL, found NUL in it");
}

/* Short ones are moved by words that overlap, long ones by memmove(). */
static void
a_string_of_any_length_is_moved_whole(void **state)
{
	struct fixture *f = *state;
	char bytes[2 + 40], want[40];
	size_t len, head;

	for (size_t n = 0; n < sizeof(want); n++) {
		head = n < 32 ? 1 : 2;
		bytes[0] = (char) (n < 32 ? 0xa0 | n : 0xd9);
		bytes[1] = (char) n;
		for (size_t i = 0; i < n; i++) {
			bytes[head + i] = want[i] = (char) ('A' + i);
		}
		want[n] = '\0';
		open_bytes(f, bytes, head + n, false);
		assert_memory_equal(waldo_read_str(&f->reader, NULL), want,
		                    n + 1);
		for (size_t i = 0; i < n; i++) {
			bytes[head + i] = want[i] = '\0';
			open_bytes(f, bytes, head + n, false);
			assert_memory_equal(waldo_read_str(&f->reader, &len),
			                    want, n + 1);
			assert_int_equal(len, n);
			open_bytes(f, bytes, head + n, false);
			assert_string_equal(waldo_read_str(&f->reader, NULL),
			                    "");
			assert_err(waldo_read_error(&f->reader), WALDO_EARGS);
			bytes[head + i] = want[i] = (char) ('A' + i);
		}
	}
}

static void
reading_goes_on_behind_a_list_by_itself(void **state)
{
	waldo_reader *r = open_args(*state, "\x93\x92\x01\x91\x91\x02\x90\x03");

	assert_int_equal(waldo_read_list(r), 2);
	assert_int_equal(waldo_read_int(r, 1, 1), 1);
	assert_int_equal(waldo_read_list(r), 1);
	assert_int_equal(waldo_read_list(r), 1);
	assert_int_equal(waldo_read_int(r, 2, 2), 2);
	assert_int_equal(waldo_read_list(r), 0);
	assert_int_equal(waldo_read_int(r, 3, 3), 3);
	assert_ok(waldo_read_end(r));
}

static void
skipping_inside_a_list_keeps_its_place(void **state)
{
	waldo_reader *r =
	    open_args(*state, "\x92\x93\x81\xa1k\x92\x01\x02\x90\xa1x\xc3");

	assert_int_equal(waldo_read_list(r), 3);
	waldo_read_skip(r);
	waldo_read_skip(r);
	waldo_read_int(r, 0, 0);
	assert_string_equal(
	    waldo_read_message(r),
	    "argument 1, item 3: expected integer, found string");
}

static void
skipping_the_last_of_a_list_leaves_it(void **state)
{
	waldo_reader *r = open_args(*state, "\x92\x91\x92\x01\x02\xc3");

	assert_int_equal(waldo_read_list(r), 1);
	waldo_read_skip(r);
	assert_true(waldo_read_bool(r));
	assert_ok(waldo_read_end(r));
}

static void
a_map_is_read_pair_by_pair(void **state)
{
	waldo_reader *r =
	    open_args(*state, "\x92\x82\xa1x\x01\xa1y\x91\x02\x03");

	assert_int_equal(waldo_read_map(r), 2);
	assert_string_equal(waldo_read_str(r, NULL), "x");
	assert_int_equal(waldo_read_int(r, 0, 9), 1);
	assert_string_equal(waldo_read_str(r, NULL), "y");
	assert_int_equal(waldo_read_list(r), 1);
	assert_int_equal(waldo_read_int(r, 0, 9), 2);
	assert_int_equal(waldo_read_int(r, 0, 9), 3);
	assert_ok(waldo_read_end(r));
}

/* What was found where, and what had been expected. */
static void
a_misfit_says_what_was_found_in_its_place(void **state)
{
	static const struct {
		struct sample sample;
		const char *found;
	} cases[] = {
	    {SAMPLE("", "\x91\xc0"), "nil"},
	    {SAMPLE("", "\x91\xc2"), "boolean"},
	    {SAMPLE("", "\x91\x07"), "integer"},
	    {SAMPLE("", "\x91\xca\x00\x00\x00\x00"), "double"},
	    {SAMPLE("", "\x91\xc4\x00"), "bytes"},
	    {SAMPLE("", "\x91\x90"), "list"},
	    {SAMPLE("", "\x91\x80"), "map"},
	    {SAMPLE("", "\x91\xd6\xff\x00\x00\x00\x00"), "time"},
	    {SAMPLE("", "\x91\xd4\x01\x00"), "reference"},
	    {SAMPLE("", "\x90"), "nothing"},
	};
	char want[80];
	waldo_reader *r;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		r = open_bytes(*state, cases[i].sample.bytes,
		               cases[i].sample.len, true);
		assert_string_equal(waldo_read_str(r, NULL), "");
		assert_err(waldo_read_error(r), WALDO_EARGS);
		snprintf(want, sizeof(want),
		         "argument 1: expected string, found %s",
		         cases[i].found);
		assert_string_equal(waldo_read_message(r), want);
	}
}

static void
a_misfit_says_what_was_expected(void **state)
{
	struct fixture *f = *state;
	waldo_reader *r = &f->reader;

#define assert_expected(read, name)                                            \
	open_args(f, "\x91\xc0");                                              \
	read;                                                                  \
	assert_string_equal(waldo_read_message(r),                             \
	                    "argument 1: expected " name ", found nil")
	assert_expected(waldo_read_bool(r), "boolean");
	assert_expected(waldo_read_int(r, 0, 0), "integer");
	assert_expected(waldo_read_uint(r, 0), "integer");
	assert_expected(waldo_read_double(r), "number");
	assert_expected(waldo_read_bytes(r, NULL), "bytes");
	assert_expected(waldo_read_time(r), "time");
	assert_expected(waldo_read_list(r), "list");
	assert_expected(waldo_read_map(r), "map");
	assert_expected(waldoi_read_handle(r), "reference");
#undef assert_expected
}

static void
a_number_out_of_range_is_told(void **state)
{
	struct fixture *f = *state;
	waldo_reader *r = open_args(f, "\x91\xcd\x13\x88");

	assert_int_equal(waldo_read_int(r, -1000, 1000), 0);
	assert_err(waldo_read_error(r), WALDO_EARGS);
	assert_string_equal(
	    waldo_read_message(r),
	    "argument 1: expected integer in -1000..1000, found 5000");
	r = open_args(f, "\x91\xff");
	assert_int_equal(waldo_read_uint(r, 10), 0);
	assert_string_equal(waldo_read_message(r),
	                    "argument 1: expected integer in 0..10, found -1");
	r = open_args(f, "\x91\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
	assert_int_equal(waldo_read_int(r, -1, INT64_MAX), 0);
	assert_string_equal(waldo_read_message(r),
	                    "argument 1: expected integer in "
	                    "-1..9223372036854775807, found "
	                    "18446744073709551615");
}

static void
a_misfit_says_where_it_is(void **state)
{
	struct fixture *f = *state;
	waldo_reader *r = open_args(f, "\x92\x01\x92\xa1x\x02");

	waldo_read_skip(r);
	waldo_read_list(r);
	waldo_read_skip(r);
	waldo_read_str(r, NULL);
	assert_string_equal(
	    waldo_read_message(r),
	    "argument 2, item 2: expected string, found integer");
	r = open_value(f, "\x82\xa1x\x01\xa1y\x92\x02\x03");
	waldo_read_map(r);
	waldo_read_skip(r);
	waldo_read_skip(r);
	waldo_read_int(r, 0, 0);
	assert_string_equal(
	    waldo_read_message(r),
	    "value 1, pair 2 key: expected integer, found string");
	r = open_value(f, "\x82\xa1x\x01\xa1y\x92\x02\x03");
	waldo_read_map(r);
	waldo_read_skip(r);
	waldo_read_str(r, NULL);
	assert_string_equal(
	    waldo_read_message(r),
	    "value 1, pair 1 value: expected string, found integer");
	r = open_value(f, "\x82\xa1x\x01\xa1y\x92\x02\x03");
	waldo_read_map(r);
	waldo_read_skip(r);
	waldo_read_skip(r);
	waldo_read_skip(r);
	waldo_read_list(r);
	waldo_read_skip(r);
	waldo_read_str(r, NULL);
	assert_string_equal(
	    waldo_read_message(r),
	    "value 1, pair 2, item 2: expected string, found integer");
}

static void
a_deep_place_leaves_out_its_middle(void **state)
{
	waldo_reader *r =
	    open_args(*state, "\x91\x92\x00\x91\x91\x91\x92\x01\x02");

	waldo_read_list(r);
	waldo_read_skip(r);
	waldo_read_list(r);
	waldo_read_list(r);
	waldo_read_list(r);
	waldo_read_list(r);
	waldo_read_skip(r);
	waldo_read_str(r, NULL);
	assert_string_equal(waldo_read_message(r),
	                    "argument 1, ..., item 1, item 1, item 2: "
	                    "expected string, found integer");
}

static void
the_first_error_stays(void **state)
{
	waldo_reader *r = open_args(*state, "\x93\x01\xa1x\xd4\x01\x00");
	size_t len = 9;

	waldo_read_str(r, NULL);
	assert_int_equal(waldo_read_int(r, 0, 9), 0);
	assert_string_equal(waldo_read_str(r, &len), "");
	assert_int_equal(len, 0);
	assert_null(waldo_read_bytes(r, &len));
	assert_null(waldoi_read_handle(r));
	assert_int_equal(waldo_read_list(r), 0);
	waldo_read_skip(r);
	assert_int_equal(waldo_read_type(r), WALDO_TYPE_END);
	assert_err(waldo_read_end(r), WALDO_EARGS);
	assert_string_equal(waldo_read_message(r),
	                    "argument 1: expected string, found integer");
}

static void
too_few_values_are_told(void **state)
{
	struct fixture *f = *state;
	waldo_reader *r = open_args(f, "\x91\x01");

	waldo_read_skip(r);
	assert_ok(waldo_read_error(r));
	waldo_read_str(r, NULL);
	assert_string_equal(waldo_read_message(r),
	                    "argument 2: expected string, found nothing");
	r = open_args(f, "\x90");
	waldo_read_skip(r);
	assert_string_equal(waldo_read_message(r),
	                    "argument 1: expected a value, found nothing");
}

static void
values_left_unread_are_told(void **state)
{
	struct fixture *f = *state;
	waldo_reader *r = open_args(f, "\x93\x01\x02\xa1x");

	waldo_read_skip(r);
	waldo_read_skip(r);
	assert_ok(waldo_read_error(r));
	assert_err(waldo_read_end(r), WALDO_EARGS);
	assert_string_equal(waldo_read_message(r),
	                    "argument 3: expected nothing more, found string");
	r = open_args(f, "\x91\x92\x01\x02");
	waldo_read_list(r);
	waldo_read_skip(r);
	assert_err(waldo_read_end(r), WALDO_EARGS);
	assert_string_equal(
	    waldo_read_message(r),
	    "argument 1, item 2: expected nothing more, found integer");
}

static void
no_reader_reads_as_one_that_has_failed(void **state)
{
	size_t len = 9;

	(void) state;

	assert_int_equal(waldo_read_type(NULL), WALDO_TYPE_END);
	waldo_read_skip(NULL);
	assert_false(waldo_read_bool(NULL));
	assert_int_equal(waldo_read_int(NULL, 1, 2), 0);
	assert_int_equal(waldo_read_uint(NULL, 2), 0);
	assert_true(waldo_read_double(NULL) == 0.0);
	assert_string_equal(waldo_read_str(NULL, &len), "");
	assert_null(waldo_read_bytes(NULL, &len));
	assert_int_equal(len, 0);
	assert_int_equal(waldo_read_time(NULL), 0);
	assert_int_equal(waldo_read_list(NULL), 0);
	assert_int_equal(waldo_read_map(NULL), 0);
	assert_null(waldoi_read_handle(NULL));
	assert_err(waldo_read_error(NULL), WALDO_EINVAL);
	assert_err(waldo_read_end(NULL), WALDO_EINVAL);
	assert_string_equal(waldo_read_message(NULL),
	                    "there is nothing to read");
}

static void
a_reader_can_begin_with_an_error(void **state)
{
	struct fixture *f = *state;

	waldoi_reader_init_failed(&f->reader, WALDO_ELOST, "the peer is gone");
	assert_int_equal(waldo_read_int(&f->reader, 0, 9), 0);
	assert_int_equal(waldo_read_type(&f->reader), WALDO_TYPE_END);
	assert_err(waldo_read_end(&f->reader), WALDO_ELOST);
	assert_string_equal(waldo_read_message(&f->reader), "the peer is gone");
}

#define as_handle(bytes)                                                       \
	waldoi_payload_as_handle((const uint8_t *) bytes, sizeof(bytes) - 1)

static void
a_payload_that_is_a_reference_is_known(void **state)
{
	(void) state;

	assert_int_equal(as_handle("\xd4\x01\x02"), 2);
	assert_int_equal(as_handle("\xd5\x01\x01\x00"), 256);
	assert_int_equal(as_handle("\x91\xd4\x01\x02"), -1);
	assert_int_equal(as_handle("\x02"), -1);
	assert_int_equal(as_handle("\xd6\xff\x00\x00\x00\x01"), -1);
}

static void
a_place_inside_a_payload_is_found(void **state)
{
	/* {"a": [1, {"bc": "x", "b": 7}], 5: 6} */
	static const char bytes[] = "\x82\xa1"
	                            "a\x92\x01\x82\xa2"
	                            "bc\xa1x\xa1"
	                            "b\x07\x05\x06";
	const uint8_t *data = (const uint8_t *) bytes;
	size_t size = sizeof(bytes) - 1;
	const waldoi_step steps[] = {
	    {.key = "a", .len = 1}, {.index = 1}, {.key = "b", .len = 1}};
	const waldoi_step misses[] = {
	    {.key = "x", .len = 1}, {.index = 0}, {.key = "ab", .len = 2}};
	const waldoi_step beyond = {.index = 2};
	const uint8_t *list;
	size_t len = 0;

	(void) state;

	assert_ptr_equal(waldoi_payload_find(data, size, NULL, 0, &len), data);
	assert_int_equal(len, size);
	list = waldoi_payload_find(data, size, steps, 1, &len);
	assert_int_equal(*list, 0x92);
	assert_int_equal(len, 11);
	assert_memory_equal(waldoi_payload_find(data, size, steps, 3, &len),
	                    "\x07", 1);
	assert_int_equal(len, 1);
	for (size_t i = 0; i < 3; i++) {
		assert_null(
		    waldoi_payload_find(data, size, &misses[i], 1, &len));
	}
	assert_null(waldoi_payload_find(list, 11, &beyond, 1, &len));
	assert_null(waldoi_payload_find(list, 11, steps, 1, &len));
}

static void
the_type_of_a_payload_has_a_name(void **state)
{
	(void) state;

	assert_string_equal(
	    waldoi_payload_type_name((const uint8_t *) "\xa0", 1), "string");
	assert_string_equal(
	    waldoi_payload_type_name((const uint8_t *) "\xd4\x01\x00", 3),
	    "reference");
	assert_string_equal(waldoi_payload_type_name(NULL, 0), "nothing");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(arguments_are_read_in_a_row),
	    waldo_test(a_result_is_read_from_its_one_value),
	    waldo_test(every_type_is_told_and_stays_unread),
	    waldo_test(integers_are_read_whatever_their_width),
	    waldo_test(the_ends_of_the_integers_are_read),
	    waldo_test(any_number_is_read_as_a_double),
	    waldo_test(a_time_is_rounded_down_to_microseconds),
	    waldo_test(strings_end_with_nul_and_leave_what_follows_intact),
	    waldo_test(a_string_with_nul_needs_its_length),
	    waldo_test(a_string_of_any_length_is_moved_whole),
	    waldo_test(reading_goes_on_behind_a_list_by_itself),
	    waldo_test(skipping_inside_a_list_keeps_its_place),
	    waldo_test(skipping_the_last_of_a_list_leaves_it),
	    waldo_test(a_map_is_read_pair_by_pair),
	    waldo_test(a_misfit_says_what_was_found_in_its_place),
	    waldo_test(a_misfit_says_what_was_expected),
	    waldo_test(a_number_out_of_range_is_told),
	    waldo_test(a_misfit_says_where_it_is),
	    waldo_test(a_deep_place_leaves_out_its_middle),
	    waldo_test(the_first_error_stays),
	    waldo_test(too_few_values_are_told),
	    waldo_test(values_left_unread_are_told),
	    waldo_test(no_reader_reads_as_one_that_has_failed),
	    waldo_test(a_reader_can_begin_with_an_error),
	    waldo_test(a_payload_that_is_a_reference_is_known),
	    waldo_test(a_place_inside_a_payload_is_found),
	    waldo_test(the_type_of_a_payload_has_a_name),
	};

	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
