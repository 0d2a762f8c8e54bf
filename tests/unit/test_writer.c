/* SPDX-License-Identifier: MIT */
/* Values, lists and handles, as they are written. */
#include "tests/unit/writer_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* W1, W5, W7: what a program puts, and the bytes that it becomes. */
static void
scalars_are_packed_in_their_shortest_form(void **state)
{
	struct fixture *f = *state;
	waldo_writer *w = &f->writer;

	waldo_put_nil(w);
	waldo_put_bool(w, true);
	waldo_put_bool(w, false);
	waldo_put_int(w, 127);
	waldo_put_int(w, 128);
	waldo_put_int(w, -32);
	waldo_put_int(w, -33);
	waldo_put_int(w, INT64_MIN);
	waldo_put_uint(w, 65536);
	waldo_put_uint(w, UINT64_MAX);
	waldo_put_double(w, 1.5);
	waldo_put_str(w, "hi");
	waldo_put_bytes(w, "\x00\xff", 2);
	assert_payload(f, true,
	               "\x9d\xc0\xc3\xc2\x7f\xcc\x80\xe0\xd0\xdf"
	               "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"
	               "\xce\x00\x01\x00\x00"
	               "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
	               "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"
	               "\xa2hi\xc4\x02\x00\xff");
}

/* W12 */
static void
times_are_packed_in_their_shortest_form(void **state)
{
	struct fixture *f = *state;

	waldo_put_time(&f->writer, 1000000);
	waldo_put_time(&f->writer, 2000001);
	waldo_put_time(&f->writer, -1);
	assert_payload(f, true,
	               "\x93\xd6\xff\x00\x00\x00\x01"
	               "\xd7\xff\x00\x00\x0f\xa0\x00\x00\x00\x02"
	               "\xc7\x0c\xff\x3b\x9a\xc6\x18"
	               "\xff\xff\xff\xff\xff\xff\xff\xff");
}

static void
any_time_comes_back_as_it_was(void **state)
{
	static const int64_t times[] = {INT64_MIN,
	                                INT64_MIN + 1,
	                                -1000001,
	                                -1000000,
	                                -999999,
	                                -1,
	                                0,
	                                1,
	                                999999,
	                                1000000,
	                                4294967295999999,
	                                4294967296000000,
	                                17179869183999999,
	                                17179869184000000,
	                                INT64_MAX - 1,
	                                INT64_MAX};
	struct fixture *f = *state;
	waldo_reader *r;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		waldo_put_time(&f->writer, times[i]);
	}
	r = read_back(f, true);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		assert_true(waldo_read_time(r) == times[i]);
	}
	assert_ok(waldo_read_end(r));
}

/* W8 */
static void
lists_and_maps_are_packed_with_their_counts(void **state)
{
	struct fixture *f = *state;
	waldo_writer *w = &f->writer;

	waldo_put_list(w, 2);
	waldo_put_int(w, 1);
	waldo_put_map(w, 1);
	waldo_put_str(w, "k");
	waldo_put_list(w, 0);
	assert_payload(f, false, "\x92\x01\x81\xa1k\x90");
}

/* W2 */
static void
no_value_is_an_empty_list_or_nil(void **state)
{
	struct fixture *f = *state;

	assert_payload(f, true, "\x90");
	waldoi_writer_reset(&f->writer);
	assert_payload(f, false, "\xc0");
}

static void
the_head_of_the_arguments_grows_with_their_number(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 15; i++) {
		waldo_put_int(&f->writer, i);
	}
	finish(f, true);
	assert_int_equal(f->len, 1 + 15);
	assert_int_equal(f->bytes[0], 0x9f);
	waldoi_writer_reset(&f->writer);
	for (int i = 0; i < 300; i++) {
		waldo_put_bool(&f->writer, true);
	}
	finish(f, true);
	assert_int_equal(f->len, 3 + 300);
	assert_memory_equal(f->bytes, "\xdc\x01\x2c\xc3", 4);
}

static void
a_null_string_is_nil(void **state)
{
	struct fixture *f = *state;

	waldo_put_str(&f->writer, NULL);
	assert_payload(f, false, "\xc0");
}

/* W6 */
static void
a_string_that_is_not_utf8_is_refused(void **state)
{
	struct fixture *f = *state;
	char text[40];

	for (size_t len = 1; len <= 40; len++) {
		for (size_t at = 0; at < len; at++) {
			memset(text, 'x', len);
			text[at] = '\x80';
			waldo_put_strn(&f->writer, text, len);
			assert_failed(f, true, WALDO_EINVAL,
			              "a string that is not UTF-8");
			waldoi_writer_reset(&f->writer);
		}
	}
}

static void
the_first_error_stays(void **state)
{
	struct fixture *f = *state;

	waldo_put_str(&f->writer, "\xff");
	waldoi_writer_fail(&f->writer, WALDO_ELIMIT, "later");
	waldo_put_int(&f->writer, 1);
	waldo_put_list(&f->writer, 1);
	waldo_putf(&f->writer, "ii", 1, 2);
	assert_failed(f, true, WALDO_EINVAL, "a string that is not UTF-8");
}

static void
a_writer_that_failed_is_well_after_reset(void **state)
{
	struct fixture *f = *state;

	waldoi_put_handle(&f->writer, &counts[0]);
	waldo_put_str(&f->writer, "\xff");
	waldoi_writer_reset(&f->writer);
	assert_int_equal(counts[0], 0);
	waldo_put_int(&f->writer, 7);
	assert_payload(f, true, "\x91\x07");
}

static void
a_list_that_lacks_values_is_refused(void **state)
{
	struct fixture *f = *state;

	waldo_put_map(&f->writer, 2);
	waldo_put_int(&f->writer, 1);
	waldo_put_list(&f->writer, 2);
	waldo_put_int(&f->writer, 1);
	assert_failed(f, true, WALDO_EINVAL, "a list or map lacks 3 values");
}

static void
two_values_are_no_result(void **state)
{
	struct fixture *f = *state;

	waldo_putf(&f->writer, "[i]i", 1, 2);
	assert_failed(f, false, WALDO_EINVAL, "2 values where one belongs");
}

/* W4: arguments are a level themselves. */
static void
what_is_too_deep_is_refused_where_it_begins(void **state)
{
	struct fixture *f = *state;

	waldo_putf(&f->writer, "[[[[[n]]]]]");
	finish(f, false);
	waldoi_writer_reset(&f->writer);
	waldo_putf(&f->writer, "[[[[[n]]]]]");
	assert_failed(f, true, WALDO_ELIMIT, "depth: more than 5 levels");
	waldoi_writer_reset(&f->writer);
	waldo_putf(&f->writer, "[[[[]]]]");
	finish(f, true);
	waldoi_writer_reset(&f->writer);
	waldo_putf(&f->writer, "[[[[[{}]]]]]");
	assert_failed(f, false, WALDO_ELIMIT, "depth: more than 5 levels");
}

/* The head of the list is a byte too. */
static void
a_message_may_have_as_many_bytes_as_the_limit_and_no_more(void **state)
{
	static char data[8000];
	struct fixture *f = *state;

	waldo_put_bytes(&f->writer, data, 8000 - 4);
	finish(f, true);
	assert_int_equal(f->len, 8000);
	waldoi_writer_reset(&f->writer);
	waldo_put_bytes(&f->writer, data, 8000 - 3);
	assert_failed(f, true, WALDO_ELIMIT,
	              "message_bytes: a message of more than 8000 bytes");
	waldoi_writer_reset(&f->writer);
	waldo_put_bytes(&f->writer, data, 8000 - 2);
	assert_err(f->writer.error, WALDO_ELIMIT);
}

static void
a_count_that_no_message_has_is_refused_at_once(void **state)
{
	static const size_t many[] = {
	    8001,         UINT32_MAX,       (size_t) UINT32_MAX + 1,
	    SIZE_MAX / 2, SIZE_MAX / 2 + 2, SIZE_MAX};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++) {
		waldo_put_list(&f->writer, many[i]);
		assert_err(f->writer.error, WALDO_ELIMIT);
		waldoi_writer_reset(&f->writer);
		waldo_put_map(&f->writer, many[i]);
		assert_err(f->writer.error, WALDO_ELIMIT);
		waldoi_writer_reset(&f->writer);
		waldo_put_bytes(&f->writer, "", many[i]);
		assert_err(f->writer.error, WALDO_ELIMIT);
		waldoi_writer_reset(&f->writer);
		waldo_put_strn(&f->writer, "", many[i]);
		assert_err(f->writer.error, WALDO_ELIMIT);
		waldoi_writer_reset(&f->writer);
	}
}

/* W11: each occurrence is a position. */
static void
the_same_handle_twice_has_two_positions(void **state)
{
	struct fixture *f = *state;

	waldoi_put_handle(&f->writer, &counts[0]);
	waldoi_put_handle(&f->writer, NULL);
	waldoi_put_handle(&f->writer, &counts[0]);
	assert_int_equal(counts[0], 2);
	assert_payload(f, true, "\x93\xd4\x01\x00\xc0\xd4\x01\x01");
	assert_ptr_equal(f->writer.handles[0], &counts[0]);
	assert_ptr_equal(f->writer.handles[1], &counts[0]);
}

/* W11 */
static void
a_position_above_255_has_two_bytes(void **state)
{
	struct fixture *f = *state;
	waldo_reader *r;

	for (int i = 0; i < 270; i++) {
		waldoi_put_handle(&f->writer, &counts[i]);
	}
	r = read_back(f, true);
	assert_memory_equal(f->bytes + 3 + 256 * 3, "\xd5\x01\x01\x00", 4);
	for (int i = 0; i < 270; i++) {
		assert_ptr_equal(waldoi_read_handle(r), &counts[i]);
	}
	assert_ok(waldo_read_end(r));
}

static void
one_reference_too_many_is_refused(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 271; i++) {
		waldoi_put_handle(&f->writer, &counts[i]);
	}
	assert_failed(f, true, WALDO_ELIMIT,
	              "refs_per_message: more than 270 references");
	assert_int_equal(counts[269], 1);
	assert_int_equal(counts[270], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(scalars_are_packed_in_their_shortest_form),
	    waldo_test(times_are_packed_in_their_shortest_form),
	    waldo_test(any_time_comes_back_as_it_was),
	    waldo_test(lists_and_maps_are_packed_with_their_counts),
	    waldo_test(no_value_is_an_empty_list_or_nil),
	    waldo_test(the_head_of_the_arguments_grows_with_their_number),
	    waldo_test(a_null_string_is_nil),
	    waldo_test(a_string_that_is_not_utf8_is_refused),
	    waldo_test(the_first_error_stays),
	    waldo_test(a_writer_that_failed_is_well_after_reset),
	    waldo_test(a_list_that_lacks_values_is_refused),
	    waldo_test(two_values_are_no_result),
	    waldo_test(what_is_too_deep_is_refused_where_it_begins),
	    waldo_test(
	        a_message_may_have_as_many_bytes_as_the_limit_and_no_more),
	    waldo_test(a_count_that_no_message_has_is_refused_at_once),
	    waldo_test(the_same_handle_twice_has_two_positions),
	    waldo_test(a_position_above_255_has_two_bytes),
	    waldo_test(one_reference_too_many_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
