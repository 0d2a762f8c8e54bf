/* SPDX-License-Identifier: MIT */
/* Records with an attacker in between, and links that end: PROTOCOL.md N13 and
 * N14. */
#include "tests/unit/secure_test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define OVERHEAD (WALDOI_RECORD_HEAD + WALDOI_TAG)
enum { EACH = 30, RECORD = EACH + OVERHEAD };

/* Ten records, taken and not given. */
static void
say_ten(struct end *end)
{
	for (int i = 0; i < 10; i++) {
		say_many(end, EACH);
		(void) end_take(end, SIZE_MAX);
	}
	assert_int_equal(end->wire.len, 10 * RECORD);
}

/* `good` records were heard, then it broke. */
static void
assert_heard_then_broken(struct end ends[2], size_t good)
{
	const struct bytes *in = &ends[1].session.in;

	assert_broken(&ends[1], WALDO_ELOST);
	assert_int_equal(in->len, good * EACH);
	if (good > 0) {
		assert_memory_equal(in->data, ends[0].session.out.data,
		                    in->len);
	}
	assert_silent(&ends[1]);
}

static void
give_record(struct end ends[2], int n)
{
	end_give(&ends[1], ends[0].wire.data + n * RECORD, RECORD, 0);
}

static void
a_record_that_comes_again_breaks_the_link(void **state)
{
	struct end *ends = *state;

	say_ten(&ends[0]);
	give_record(ends, 0);
	give_record(ends, 1);
	give_record(ends, 1);
	assert_heard_then_broken(ends, 2);
	give_record(ends, 2); /* and nothing mends it */
	assert_int_equal(ends[1].session.in.len, 2 * EACH);
}

static void
a_record_that_is_missing_breaks_the_link(void **state)
{
	struct end *ends = *state;

	say_ten(&ends[0]);
	give_record(ends, 0);
	give_record(ends, 2);
	assert_heard_then_broken(ends, 1);
}

static void
records_that_are_swapped_break_the_link(void **state)
{
	struct end *ends = *state;

	say_ten(&ends[0]);
	give_record(ends, 1);
	assert_heard_then_broken(ends, 0);
}

static void
a_record_that_comes_back_breaks_the_link(void **state)
{
	struct end *ends = *state;

	say_ten(&ends[0]);
	end_give(&ends[0], ends[0].wire.data, RECORD, 0);
	assert_broken(&ends[0], WALDO_ELOST);
	assert_int_equal(ends[0].session.in.len, 0);
	assert_silent(&ends[0]);
}

static void
a_record_of_another_link_breaks_the_link(void **state)
{
	struct end *ends = *state;
	uint8_t stolen[RECORD];

	say_ten(&ends[0]);
	memcpy(stolen, ends[0].wire.data, sizeof(stolen));
	ends_fini(ends);
	assert_true(ends_init(ends));
	ends[0].seed = 50; /* its ephemeral key is another */
	assert_true(ends_open(ends, WALDOI_XK));
	ends_settle(ends, 0);
	end_give(&ends[1], stolen, sizeof(stolen), 0);
	assert_heard_then_broken(ends, 0);
}

/* The good ones before a bad one were good, in the same input too. */
static void
what_came_before_a_bad_record_counts(void **state)
{
	struct end *ends = *state;

	say_ten(&ends[0]);
	ends[0].wire.data[7 * RECORD + 20] ^= 1;
	end_give(&ends[1], ends[0].wire.data, ends[0].wire.len, 0);
	assert_heard_then_broken(ends, 7);
}

static void
a_length_that_no_record_has_breaks_the_link_at_once(void **state)
{
	struct end *ends = *state;

	for (uint8_t len = 0; len < WALDOI_TAG; len++) {
		uint8_t head[2] = {0, len};

		secure_reopen(ends);
		say_many(&ends[0], EACH);
		(void) end_take(&ends[0], SIZE_MAX);
		give_record(ends, 0);
		end_give(&ends[1], head, 2, len % 2);
		assert_heard_then_broken(ends, 1);
	}
}

static void
every_flipped_bit_of_a_large_record_is_noticed(void **state)
{
	struct end *ends = *state;
	waldoi_records *records = records_of(&ends[1]);
	uint8_t *plain = malloc(5000);
	size_t bits;

	assert_non_null(plain);
	say_many(&ends[0], 5000);
	(void) end_take(&ends[0], SIZE_MAX);
	bits = 8 * (ends[0].wire.len - WALDOI_RECORD_HEAD);
	for (size_t bit = 0; bit < bits; bit++) {
		uint8_t *byte =
		    ends[0].wire.data + WALDOI_RECORD_HEAD + bit / 8;

		*byte ^= (uint8_t) (1 << bit % 8);
		assert_false(waldoi_record_open(records, ends[0].wire.data,
		                                5000, plain));
		*byte ^= (uint8_t) (1 << bit % 8);
	}
	assert_true(
	    waldoi_record_open(records, ends[0].wire.data, 5000, plain));
	assert_memory_equal(plain, ends[0].session.out.data, 5000);
	print_message("score R8 flips_in_a_record %zu - - pass\n", bits);
	free(plain);
}

/* ---- the end of a link (N14) */

static void
an_end_within_a_record_gives_nothing_of_it(void **state)
{
	struct end *ends = *state;

	for (size_t cut = 0; cut <= 10 * RECORD; cut++) {
		const struct bytes *in = &ends[1].session.in;

		secure_reopen(ends);
		say_ten(&ends[0]);
		end_give(&ends[1], ends[0].wire.data, cut, 0);
		waldoi_channel_lost(&ends[1].channel, WALDO_ELOST, "closed");
		assert_int_equal(in->len, cut / RECORD * EACH);
		if (in->len > 0) {
			assert_memory_equal(in->data, ends[0].session.out.data,
			                    in->len);
		}
		assert_int_equal(ends[1].session.lost, 1);
		assert_err(ends[1].session.why_lost, WALDO_ELOST);
		assert_string_equal(ends[1].session.lost_message, "closed");
	}
}

static void
what_comes_when_the_session_has_let_go_is_discarded(void **state)
{
	struct end *ends = *state;

	say_ten(&ends[0]);
	give_record(ends, 0);
	ends[1].channel.session = NULL;
	give_record(ends, 1);
	end_give(&ends[1], (const uint8_t *) "\0\0", 2, 0);
	assert_int_equal(ends[1].session.in.len, EACH);
	assert_ok(ends[1].session.broken);
	assert_int_equal(end_take(&ends[1], SIZE_MAX), 0);
	assert_true(waldoi_channel_wants_input(&ends[1].channel));
}

static void
a_session_that_does_not_want_input_is_asked(void **state)
{
	struct end *ends = *state;

	assert_true(waldoi_channel_wants_input(&ends[1].channel));
	ends[1].session.busy = true;
	assert_false(waldoi_channel_wants_input(&ends[1].channel));
}

#define open_test(name)                                                        \
	cmocka_unit_test_setup_teardown(name, open_setup, ends_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    open_test(a_record_that_comes_again_breaks_the_link),
	    open_test(a_record_that_is_missing_breaks_the_link),
	    open_test(records_that_are_swapped_break_the_link),
	    open_test(a_record_that_comes_back_breaks_the_link),
	    open_test(a_record_of_another_link_breaks_the_link),
	    open_test(what_came_before_a_bad_record_counts),
	    open_test(a_length_that_no_record_has_breaks_the_link_at_once),
	    open_test(every_flipped_bit_of_a_large_record_is_noticed),
	    open_test(an_end_within_a_record_gives_nothing_of_it),
	    open_test(what_comes_when_the_session_has_let_go_is_discarded),
	    open_test(a_session_that_does_not_want_input_is_asked),
	};

	return cmocka_run_group_tests(tests, secure_setup, NULL);
}
