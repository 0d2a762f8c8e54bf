/* SPDX-License-Identifier: MIT */
#include "serial/check.h"
#include "serial/put.h"
#include "serial/writer.h"
#include "tests/unit/samples.h"
#include "tests/waldo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNTS 300

/* A handle is one of these; its value is how often it is retained. */
static int counts[COUNTS];

struct fixture {
	waldo_writer writer;
	unsigned given_back;
	unsigned done;
	uint8_t bytes[8192]; /* of the last payload */
	size_t len;
	waldo_reader reader;
};

static void *
retain(void *handle)
{
	++*(int *) handle;
	return handle;
}

static void
release(void *handle)
{
	--*(int *) handle;
}

static const waldoi_writer_ops ops = {retain, release};
static const waldoi_writer_limits limits = {
    .message_bytes = 8000, .depth = 5, .refs_per_message = 270};

static void
give_back(waldoi_taken *taken, void *context)
{
	struct fixture *f = context;

	f->given_back++;
	if (taken->done != NULL) {
		taken->done(taken->user);
	}
	free(taken);
}

static void
count_done(void *user)
{
	struct fixture *f = user;

	f->done++;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		return -1;
	}
	memset(counts, 0, sizeof(counts));
	waldoi_writer_init(&f->writer, &ops, &limits, give_back, f);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	waldoi_writer_fini(&f->writer);
	free(f);
	for (int i = 0; i < COUNTS; i++) {
		if (counts[i] != 0) {
			return -1;
		}
	}
	return 0;
}

/* Ends the payload, checks it and keeps it in f->bytes. */
static void
finish(struct fixture *f, bool list)
{
	char message[WALDOI_CHECK_MESSAGE] = "";
	const uint8_t *bytes = NULL;
	size_t len = 0;

	if (waldoi_writer_finish(&f->writer, list, &bytes, &len) != WALDO_OK) {
		fail_msg("%s", f->writer.message);
	}
	f->len = len + f->writer.taken_bytes;
	assert_true(f->len <= sizeof(f->bytes));
	waldoi_writer_copy_out(&f->writer, bytes, len, f->bytes);
	if (waldoi_check(f->bytes, f->len, limits.depth, f->writer.handle_count,
	                 message) != WALDO_OK) {
		fail_msg("%s", message);
	}
}

#define assert_payload(f, list, want)                                          \
	do {                                                                   \
		finish(f, list);                                               \
		assert_int_equal((f)->len, sizeof(want) - 1);                  \
		assert_memory_equal((f)->bytes, want, sizeof(want) - 1);       \
	} while (0)

static void
assert_failed(struct fixture *f, bool list, waldo_err err, const char *message)
{
	const uint8_t *bytes = NULL;
	size_t len = 0;

	assert_err(waldoi_writer_finish(&f->writer, list, &bytes, &len), err);
	assert_string_equal(f->writer.message, message);
}

/* What was put, to be read. */
static waldo_reader *
read_back(struct fixture *f, bool list)
{
	finish(f, list);
	waldoi_reader_init(&f->reader, f->bytes, f->len, list,
	                   f->writer.handles, f->writer.handle_count);
	return &f->reader;
}

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

static void
taken_bytes_stand_where_they_were_put(void **state)
{
	struct fixture *f = *state;
	waldo_writer *w = &f->writer;

	waldo_put_int(w, 1);
	waldo_put_bytes_take(w, "abc", 3, count_done, f);
	waldo_put_int(w, 2);
	waldo_put_bytes_take(w, "", 0, NULL, NULL);
	waldo_put_bytes_take(w, "de", 2, count_done, f);
	assert_payload(f, true,
	               "\x95\x01\xc4\x03"
	               "abc\x02\xc4\x00\xc4\x02"
	               "de");
	assert_int_equal(w->taken->offset, 4);
	assert_int_equal(w->taken_bytes, 5);
	assert_int_equal(f->done, 0);
	waldoi_writer_reset(w);
	assert_int_equal(f->given_back, 3);
	assert_int_equal(f->done, 2);
}

static void
what_was_moved_away_is_not_given_back(void **state)
{
	struct fixture *f = *state;
	waldoi_taken *taken;

	waldo_put_bytes_take(&f->writer, "abc", 3, count_done, f);
	taken = f->writer.taken;
	f->writer.taken = NULL;
	waldoi_writer_reset(&f->writer);
	assert_int_equal(f->given_back, 0);
	taken->give_back(taken, taken->context);
	assert_int_equal(f->done, 1);
}

static void
a_writer_that_failed_gives_back_at_once(void **state)
{
	struct fixture *f = *state;

	waldo_put_str(&f->writer, "\xff");
	waldo_put_bytes_take(&f->writer, "abc", 3, count_done, f);
	assert_null(f->writer.taken);
	assert_int_equal(f->given_back, 1);
	assert_int_equal(f->done, 1);
}

static void
taken_bytes_count_for_the_limit(void **state)
{
	static char data[5000];
	struct fixture *f = *state;

	waldo_put_bytes_take(&f->writer, data, 5000, count_done, f);
	waldo_put_bytes_take(&f->writer, data, 5000, count_done, f);
	assert_failed(f, true, WALDO_ELIMIT,
	              "message_bytes: a message of more than 8000 bytes");
	assert_int_equal(f->given_back, 1);
}

static void
without_a_writer_nothing_happens_but_done(void **state)
{
	struct fixture *f = *state;

	waldo_put_nil(NULL);
	waldo_put_bool(NULL, true);
	waldo_put_int(NULL, 1);
	waldo_put_uint(NULL, 1);
	waldo_put_double(NULL, 1);
	waldo_put_str(NULL, "x");
	waldo_put_str(NULL, NULL);
	waldo_put_strn(NULL, "x", 1);
	waldo_put_bytes(NULL, "x", 1);
	waldo_put_time(NULL, 1);
	waldo_put_list(NULL, 1);
	waldo_put_map(NULL, 1);
	waldo_put_rest(NULL, NULL);
	waldo_putf(NULL, "i", 1);
	waldoi_put_handle(NULL, &counts[0]);
	waldoi_writer_fail(NULL, WALDO_EINVAL, "nobody reads this");
	waldo_put_bytes_take(NULL, "x", 1, count_done, f);
	waldo_put_bytes_take(NULL, "x", 1, NULL, NULL);
	assert_int_equal(f->done, 1);
}

#define open_rest(f, bytes) rest_of(f, bytes, sizeof(bytes) - 1)

/* Arguments with the handles counts[10], counts[11], ... */
static waldo_reader *
rest_of(struct fixture *f, const char *bytes, size_t len)
{
	static void *handles[] = {&counts[10], &counts[11], &counts[12]};
	char message[WALDOI_CHECK_MESSAGE] = "";

	assert_true(len <= sizeof(f->bytes));
	memcpy(f->bytes, bytes, len);
	if (waldoi_check(f->bytes, len, WALDOI_MAX_DEPTH, 3, message) !=
	    WALDO_OK) {
		fail_msg("%s", message);
	}
	waldoi_reader_init(&f->reader, f->bytes, len, true, handles, 3);
	return &f->reader;
}

/* W11 */
static void
the_rest_moves_over_with_its_references_renumbered(void **state)
{
	struct fixture *f = *state;
	waldo_reader *r = open_rest(f, "\x94\xa1x\xd4\x01\x02\x92\x01\xd5\x01"
	                               "\x00\x00\x81\xa1k\xc0");

	assert_string_equal(waldo_read_str(r, NULL), "x");
	waldoi_put_handle(&f->writer, &counts[0]);
	waldo_put_rest(&f->writer, r);
	assert_ok(waldo_read_end(r));
	assert_int_equal(counts[12], 1);
	assert_int_equal(counts[10], 1);
	assert_ptr_equal(f->writer.handles[1], &counts[12]);
	assert_ptr_equal(f->writer.handles[2], &counts[10]);
	assert_payload(f, true,
	               "\x94\xd4\x01\x00\xd4\x01\x01\x92\x01\xd4\x01"
	               "\x02\x81\xa1k\xc0");
}

static void
the_rest_fills_a_list_that_is_open(void **state)
{
	struct fixture *f = *state;

	waldo_put_list(&f->writer, 3);
	waldo_put_int(&f->writer, 7);
	waldo_put_rest(&f->writer, open_rest(f, "\x92\x01\x91\x02"));
	assert_payload(f, false, "\x93\x07\x01\x91\x02");
}

static void
no_rest_is_no_value(void **state)
{
	struct fixture *f = *state;

	waldo_put_rest(&f->writer, open_rest(f, "\x90"));
	assert_payload(f, true, "\x90");
}

static void
the_rest_is_bound_by_the_limits_of_its_writer(void **state)
{
	static char many[8000] = "\xdc\x1f\x3d";
	struct fixture *f = *state;
	waldo_reader *r = open_rest(f, "\x92\x91\x91\x91\x91\x91\x01\xc3");

	waldo_put_rest(&f->writer, r);
	assert_failed(f, true, WALDO_ELIMIT, "depth: more than 5 levels");
	assert_ok(waldo_read_end(r));
	waldoi_writer_reset(&f->writer);
	waldo_put_bytes(&f->writer, "0123456789", 10);
	waldo_put_rest(&f->writer, rest_of(f, many, sizeof(many)));
	assert_failed(f, true, WALDO_ELIMIT,
	              "message_bytes: a message of more than 8000 bytes");
}

static void
the_rest_of_a_reader_that_failed_fails_the_writer(void **state)
{
	struct fixture *f = *state;
	waldo_reader *r = open_rest(f, "\x91\x01");

	waldo_read_str(r, NULL);
	waldo_put_rest(&f->writer, r);
	assert_failed(f, true, WALDO_EARGS,
	              "argument 1: expected string, found integer");
	waldoi_writer_reset(&f->writer);
	waldo_put_rest(&f->writer, NULL);
	assert_failed(f, true, WALDO_EINVAL, "there is nothing to read");
}

static void
every_sample_moves_over_unchanged(void **state)
{
	struct fixture *f = *state;
	char bytes[128] = "\x91";
	waldo_reader *r;

	for (size_t i = 0; i < SAMPLE_COUNT; i++) {
		memcpy(bytes + 1, samples[i].bytes, samples[i].len);
		r = rest_of(f, bytes, samples[i].len + 1);
		waldo_put_rest(&f->writer, r);
		assert_string_equal(f->writer.message, "");
		finish(f, true);
		if (f->writer.handle_count == 0) {
			assert_int_equal(f->len, samples[i].len + 1);
			assert_memory_equal(f->bytes, bytes, f->len);
		}
		waldoi_writer_reset(&f->writer);
	}
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
	    waldo_test(a_format_puts_what_its_letters_say),
	    waldo_test(a_format_counts_what_its_brackets_hold),
	    waldo_test(a_wrong_format_is_told),
	    waldo_test(a_format_of_brackets_without_end_is_refused),
	    waldo_test(taken_bytes_stand_where_they_were_put),
	    waldo_test(what_was_moved_away_is_not_given_back),
	    waldo_test(a_writer_that_failed_gives_back_at_once),
	    waldo_test(taken_bytes_count_for_the_limit),
	    waldo_test(without_a_writer_nothing_happens_but_done),
	    waldo_test(the_rest_moves_over_with_its_references_renumbered),
	    waldo_test(the_rest_fills_a_list_that_is_open),
	    waldo_test(no_rest_is_no_value),
	    waldo_test(the_rest_is_bound_by_the_limits_of_its_writer),
	    waldo_test(the_rest_of_a_reader_that_failed_fails_the_writer),
	    waldo_test(every_sample_moves_over_unchanged),
	    waldo_test(what_is_packed_at_once_is_what_a_writer_packs),
	    waldo_test(what_is_not_plain_is_not_packed_at_once),
	    waldo_test(what_finds_no_room_is_not_packed),
	};

	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
