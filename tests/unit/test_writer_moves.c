/* SPDX-License-Identifier: MIT */
/* Bytes that a writer takes over: lent, moved, the rest of a reader. */
#include "tests/unit/samples.h"
#include "tests/unit/writer_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
