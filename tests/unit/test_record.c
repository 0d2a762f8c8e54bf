/* SPDX-License-Identifier: MIT */
/* What follows a handshake: an authenticated stream of bytes, in records.
 * PROTOCOL.md N8 to N12. */
#include "tests/unit/secure_test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1024 * 1024 };

#define OVERHEAD (WALDOI_RECORD_HEAD + WALDOI_TAG)

/* How many records the bytes are; they end with one. */
static size_t
count_records(const struct bytes *wire)
{
	size_t at = 0, count = 0;

	while (at < wire->len) {
		at += WALDOI_RECORD_HEAD +
		      ((size_t) wire->data[at] << 8 | wire->data[at + 1]);
		count++;
	}
	assert_int_equal(at, wire->len);
	return count;
}
/* ---- frames and records */

/* N9: where one record ends means nothing. */
static void
many_frames_share_a_record(void **state)
{
	struct end *ends = *state;

	ends[0].session.piece = 50;
	say_many(&ends[0], 50);
	ends_settle(ends, 0);
	say_many(&ends[0], 8 * 50); /* as many as the fixture takes at once */
	ends_settle(ends, 0);
	assert_int_equal(count_records(&ends[0].wire), 2);
	assert_int_equal(ends[0].wire.len, 9 * 50 + 2 * OVERHEAD);
	assert_true(end_heard(&ends[1], &ends[0]));
	assert_int_equal(ends[1].session.inputs, 2);
}

/* N9: HELLO can be read as soon as it is there, however much is behind it. */
static void
what_is_said_first_has_a_record_of_its_own(void **state)
{
	struct end *ends = *state;
	const uint8_t *wire;

	ends[0].session.piece = 50;
	say_many(&ends[0], 8 * 50);
	ends_settle(ends, 0);
	wire = ends[0].wire.data;
	assert_int_equal(count_records(&ends[0].wire), 2);
	assert_int_equal(wire[0] << 8 | wire[1], 50 + WALDOI_TAG);
	assert_true(end_heard(&ends[1], &ends[0]));
}

static void
as_few_records_as_can_be_carry_a_large_frame(void **state)
{
	struct end *ends = *state;

	say_many(&ends[0], MIB);
	ends_settle(ends, 0);
	assert_int_equal(count_records(&ends[0].wire), 17);
	assert_int_equal(ends[0].wire.len, MIB + 17 * OVERHEAD);
	assert_true(end_heard(&ends[1], &ends[0]));
}

/* What is large is sealed where it stands, what is small around it is
 * gathered. */
static void
pieces_of_any_size_arrive_in_order(void **state)
{
	static const size_t pieces[] = {
	    1, 100, 16383, 16384, 16385, 65518, 65519, 65520, 200000,
	};
	struct end *ends = *state;

	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		ends[0].session.piece = pieces[i];
		say_many(&ends[0], 3 * pieces[i] + 7);
		ends_settle(ends, 0);
		assert_true(end_heard(&ends[1], &ends[0]));
	}
}

static size_t
seal(waldoi_records *records, const struct iovec *pieces, size_t count,
     uint8_t *out, size_t *ret_len)
{
	size_t len;

	records->send.n = 0;
	len = waldoi_record_seal(records, pieces, count, out, ret_len);
	assert_int_equal(*ret_len, len + OVERHEAD);
	return len;
}

static void
a_record_takes_what_fits_into_it(void **state)
{
	struct end *ends = *state;
	waldoi_records *records = records_of(&ends[0]);
	uint8_t *data = calloc(1, MIB);
	uint8_t *out = malloc(WALDOI_RECORD_HEAD + WALDOI_RECORD_REST);
	struct iovec pieces[5] = {{data, 10}, {data, 20}, {data, 30}};
	size_t len;

	assert_true(data != NULL && out != NULL);
	assert_int_equal(seal(records, pieces, 3, out, &len), 60);
	pieces[0].iov_len = 65000; /* one record, and nothing of the next */
	assert_int_equal(seal(records, pieces, 3, out, &len), 65000);
	pieces[0].iov_len = MIB;
	assert_int_equal(seal(records, pieces, 3, out, &len),
	                 WALDOI_RECORD_PLAIN);
	assert_int_equal(len, WALDOI_RECORD_HEAD + WALDOI_RECORD_REST);
	pieces[0].iov_len = 10; /* a large one begins a record of its own */
	pieces[1].iov_len = 16384;
	assert_int_equal(seal(records, pieces, 3, out, &len), 10);
	pieces[0].iov_len = pieces[1].iov_len = 16383;
	assert_int_equal(seal(records, pieces, 3, out, &len), 2 * 16383 + 30);
	for (int i = 0; i < 5; i++) {
		pieces[i] = (struct iovec){data, 16383};
	}
	assert_int_equal(seal(records, pieces, 5, out, &len),
	                 WALDOI_RECORD_PLAIN);
	assert_int_equal(seal(records, pieces, 0, out, &len), 0);
	free(data);
	free(out);
}

/* F8: what the session keeps is not touched. */
static void
what_is_sealed_stays_readable_where_it_was(void **state)
{
	struct end *ends = *state;
	uint8_t *before = malloc(100000);

	assert_non_null(before);
	for (size_t piece = 10; piece <= 100000; piece *= 10) {
		ends[0].session.piece = piece;
		ends[0].session.out.len = ends[0].session.out_sent = 0;
		say_many(&ends[0], 100000);
		memcpy(before, ends[0].session.out.data, 100000);
		(void) end_take(&ends[0], SIZE_MAX);
		assert_memory_equal(ends[0].session.out.data, before, 100000);
	}
	free(before);
}

static void
records_arrive_wherever_the_stream_is_cut(void **state)
{
	struct end *ends = *state;
	static const size_t chunks[] = {1, 2, 3, 17, 18, 19, 1000, 65536};

	ends[0].session.piece = 300;
	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		say_many(&ends[0], 40000);
		ends_settle(ends, chunks[i]);
		assert_true(end_heard(&ends[1], &ends[0]));
		assert_null(records_of(&ends[1])->part);
	}
}

static void
many_small_records_are_one_input(void **state)
{
	struct end *ends = *state;
	size_t inputs;

	for (int i = 0; i < 100; i++) {
		say_many(&ends[0], 20);
		(void) end_take(&ends[0], SIZE_MAX);
	}
	assert_int_equal(count_records(&ends[0].wire), 100);
	inputs = ends[1].session.inputs;
	end_give(&ends[1], ends[0].wire.data, ends[0].wire.len, 0);
	assert_true(end_heard(&ends[1], &ends[0]));
	assert_int_equal(ends[1].session.inputs, inputs + 1);
}

static void
a_large_record_is_opened_where_the_session_wants_it(void **state)
{
	struct end *ends = *state;
	struct waldoi_session *session = &ends[1].session;
	uint8_t *space = malloc(MIB);

	assert_non_null(space);
	session->space = space;
	session->space_len = 40000;
	say_many(&ends[0], 40000);
	ends_settle(ends, 0);
	assert_int_equal(session->received, 1);
	assert_int_equal(session->inputs, 0);
	session->space_len = 39999; /* then it goes the usual way */
	say_many(&ends[0], 40000);
	ends_settle(ends, 0);
	assert_int_equal(session->received, 1);
	assert_int_equal(session->inputs, 1);
	assert_true(end_heard(&ends[1], &ends[0]));
	free(space);
}

/* ---- keepalive (N10) */

static void
an_empty_record_says_nothing_but_that_the_peer_lives(void **state)
{
	struct end *ends = *state;
	uint8_t record[OVERHEAD];
	size_t len;

	for (int i = 0; i < 5; i++) {
		(void) waldoi_record_seal(records_of(&ends[0]), NULL, 0, record,
		                          &len);
		assert_int_equal(len, OVERHEAD);
		end_give(&ends[1], record, len, 0);
	}
	assert_int_equal(ends[1].session.signs, 5);
	assert_int_equal(ends[1].session.inputs, 0);
	say_many(&ends[0], 10);
	ends_settle(ends, 0);
	assert_true(end_heard(&ends[1], &ends[0]));
	assert_int_equal(ends[1].session.signs, 5);
}

/* F20: any byte counts, a large record would look like silence. */
static void
a_part_of_a_record_is_a_sign_of_life_too(void **state)
{
	struct end *ends = *state;

	say_many(&ends[0], 1000);
	(void) end_take(&ends[0], SIZE_MAX);
	end_give(&ends[1], ends[0].wire.data, 1000, 100);
	assert_int_equal(ends[1].session.signs, 10);
	assert_int_equal(ends[1].session.inputs, 0);
}

/* ---- rekey (N11) */

static void
keys_change_together_at_any_period(void **state)
{
	struct end *ends = *state;

	for (uint32_t period = 1; period < 6; period++) {
		for (int i = 0; i < 2; i++) {
			records_of(&ends[i])->period = period;
		}
		for (int n = 0; n < 23; n++) {
			say_many(&ends[0], 10);
			say_many(&ends[1], n % 3 == 0 ? 10 : 0);
			ends_settle(ends, 0);
			assert_true(end_heard(&ends[1], &ends[0]));
			assert_true(end_heard(&ends[0], &ends[1]));
		}
	}
}

static void
the_key_changes_behind_record_65536_and_not_before(void **state)
{
	struct end *ends = *state;
	waldoi_records *send = records_of(&ends[0]);
	waldoi_records *receive = records_of(&ends[1]);
	uint8_t first[WALDOI_KEY];

	memcpy(first, send->send.key, WALDOI_KEY);
	for (int n = 0; n < 65536; n++) {
		assert_memory_equal(send->send.key, first, WALDOI_KEY);
		end_say(&ends[0], "?", 1);
		(void) end_take(&ends[0], SIZE_MAX);
		end_give(&ends[1], ends[0].wire.data, ends[0].wire.len, 0);
		ends[0].wire.len = 0;
	}
	assert_memory_not_equal(send->send.key, first, WALDOI_KEY);
	assert_memory_equal(send->send.key, receive->receive.key, WALDOI_KEY);
	assert_int_equal(send->send.n, 65536); /* it goes on */
	end_say(&ends[0], "!", 1);
	ends_settle(ends, 0);
	assert_true(end_heard(&ends[1], &ends[0]));
}

static void
who_forgets_to_change_the_key_is_not_understood(void **state)
{
	struct end *ends = *state;

	records_of(&ends[0])->period = 4;
	records_of(&ends[1])->period = 8;
	for (int n = 0; n < 4; n++) {
		say_many(&ends[0], 10);
		ends_settle(ends, 0);
		assert_ok(ends[1].session.broken);
	}
	say_many(&ends[0], 10);
	ends_settle(ends, 0);
	assert_broken(&ends[1], WALDO_ELOST);
	assert_int_equal(ends[1].session.in.len, 40);
}

static void
the_last_nonce_is_the_end(void **state)
{
	struct end *ends = *state;

	records_of(&ends[0])->send.n = WALDOI_LAST_NONCE - 1;
	records_of(&ends[1])->receive.n = WALDOI_LAST_NONCE - 1;
	say_many(&ends[0], 10);
	ends_settle(ends, 0);
	assert_true(end_heard(&ends[1], &ends[0]));
	say_many(&ends[0], 10);
	ends_settle(ends, 0);
	assert_broken(&ends[0], WALDO_ELIMIT);
	assert_false(end_heard(&ends[1], &ends[0]));
	assert_silent(&ends[0]);
}

/* What the child sealed, its parent would seal with the same nonce. */
static void
a_copy_of_the_process_seals_nothing(void **state)
{
	struct end *ends = *state;
	size_t said = ends[0].wire.len;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		say_many(&ends[0], 10);
		ends_settle(ends, 0);
		_exit(ends[0].wire.len == said &&
		              ends[0].session.broken == WALDO_ELOST
		          ? 0
		          : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	say_many(&ends[0], 10);
	ends_settle(ends, 0);
	assert_true(end_heard(&ends[1], &ends[0]));
}

/* ---- the kernel takes less */

static void
a_record_goes_out_however_little_is_sent_at_a_time(void **state)
{
	struct end *ends = *state;
	size_t at = 0;

	for (size_t most = 1; most < 80; most++) {
		say_many(&ends[0], 50);
		while (end_take(&ends[0], most) > 0) {
		}
		end_give(&ends[1], ends[0].wire.data + at,
		         ends[0].wire.len - at, 0);
		at = ends[0].wire.len;
		assert_true(end_heard(&ends[1], &ends[0]));
	}
}

/* One call of the kernel. */
static void
take_once(struct end *end, size_t most)
{
	struct iovec iov[8];
	size_t count = waldoi_channel_output(&end->channel, iov, 8), now = 0;

	for (size_t i = 0; i < count && now < most; i++) {
		size_t len = iov[i].iov_len;

		len = len < most - now ? len : most - now;
		bytes_add(&end->wire, iov[i].iov_base, len);
		now += len;
	}
	if (now > 0) {
		waldoi_channel_sent(&end->channel, now);
	}
}

/* Its nonce is spent: it must go out as it is, though others use the same
 * sealer meanwhile. */
static void
a_record_that_is_stuck_is_kept_when_others_seal(void **state)
{
	struct end *ends = *state;
	struct end others[2];

	assert_true(ends_init(others));
	assert_true(ends_open(others, WALDOI_XX));
	others[0].channel.secure->sealer = ends[0].sealer;
	for (size_t most = 0; most < 70; most++) {
		size_t at = ends[0].wire.len;

		say_many(&ends[0], 50);
		take_once(&ends[0], most);
		assert_true(waldoi_channel_owes(&ends[0].channel) ||
		            most >= 68);
		end_say(&others[0], "in between", 10);
		ends_settle(others, 0);
		assert_true(end_heard(&others[1], &others[0]));
		(void) end_take(&ends[0], SIZE_MAX);
		end_give(&ends[1], ends[0].wire.data + at,
		         ends[0].wire.len - at, 0);
		assert_true(end_heard(&ends[1], &ends[0]));
		assert_null(ends[0].channel.secure->kept);
	}
	others[0].channel.secure->sealer = others[0].sealer;
	ends_fini(others);
}

/* No more than one record is sealed for a link that takes nothing. */
static void
a_link_that_is_stuck_seals_no_more(void **state)
{
	struct end *ends = *state;
	struct end others[2];
	size_t sealed;

	assert_true(ends_init(others));
	assert_true(ends_open(others, WALDOI_XX));
	others[0].channel.secure->sealer = ends[0].sealer;
	ends_settle(others, 0);
	for (int i = 0; i < 50; i++) {
		say_many(&ends[0], 10000);
		take_once(&ends[0], 0);
		end_say(&others[0], "in between", 10);
		ends_settle(others, 0);
	}
	sealed = ends[0].session.out_sent;
	assert_int_equal(sealed, 10000);
	assert_int_equal(waldoi_secure_left(ends[0].channel.secure),
	                 10000 + OVERHEAD);
	ends_settle(ends, 0);
	assert_true(end_heard(&ends[1], &ends[0]));
	others[0].channel.secure->sealer = others[0].sealer;
	ends_fini(others);
}

static void
the_session_is_told_when_what_was_stuck_has_left(void **state)
{
	struct end *ends = *state;

	say_many(&ends[0], 50);
	ends_settle(ends, 0);
	assert_int_equal(ends[0].session.sent_0, 0); /* nothing was */
	say_many(&ends[0], 50);
	take_once(&ends[0], 30);
	assert_int_equal(ends[0].session.out_sent, 100);
	assert_true(waldoi_channel_owes(&ends[0].channel));
	assert_int_equal(ends[0].session.sent_0, 0);
	take_once(&ends[0], SIZE_MAX);
	assert_false(waldoi_channel_owes(&ends[0].channel));
	assert_int_equal(ends[0].session.sent_0, 1);
}

/* ---- memory */

static void
a_record_in_part_costs_at_most_twice_what_has_come(void **state)
{
	struct end *ends = *state;
	waldoi_records *records = records_of(&ends[1]);

	say_many(&ends[0], 60000);
	(void) end_take(&ends[0], SIZE_MAX);
	for (size_t i = 0; i + 1 < ends[0].wire.len; i++) {
		end_give(&ends[1], ends[0].wire.data + i, 1, 0);
		assert_int_equal(records->part_len, i + 1);
		assert_in_range(records->part_cap, i + 1,
		                i < 32 ? 64 : 2 * (i + 1));
	}
	end_give(&ends[1], ends[0].wire.data + ends[0].wire.len - 1, 1, 0);
	assert_true(end_heard(&ends[1], &ends[0]));
	assert_null(records->part);
}

/* Where large records follow each other only the first is copied. */
static void
large_records_are_received_where_they_are_opened(void **state)
{
	struct end *ends = *state;
	waldoi_records *records = records_of(&ends[1]);
	const size_t whole = WALDOI_RECORD_HEAD + WALDOI_RECORD_REST;
	const uint8_t *part;
	size_t room = 0, at = 40000;

	say_many(&ends[0], MIB);
	(void) end_take(&ends[0], SIZE_MAX);
	end_give(&ends[1], ends[0].wire.data, at, 0);
	part = waldoi_channel_space(&ends[1].channel, &room);
	assert_ptr_equal(part, records->part + at);
	for (int i = 0; i < 10; i++) {
		(void) waldoi_channel_space(&ends[1].channel, &room);
		part = records->part;
		assert_int_equal(room, whole + WALDOI_RECORD_HEAD -
		                           (i == 0 ? at : WALDOI_RECORD_HEAD));
		end_give(&ends[1], ends[0].wire.data + at, room, 0);
		at += room;
		assert_ptr_equal(records->part, part);
		assert_int_equal(records->part_len, WALDOI_RECORD_HEAD);
		assert_int_equal(ends[1].session.inputs, i + 1);
	}
	end_give(&ends[1], ends[0].wire.data + at, ends[0].wire.len - at, 0);
	assert_true(end_heard(&ends[1], &ends[0]));
	assert_null(records->part);
}

/* Else a claim would cost what only its fulfilment may. */
static void
no_more_room_is_made_than_has_come(void **state)
{
	struct end *ends = *state;
	waldoi_records *records = records_of(&ends[1]);
	size_t room = 0;

	say_many(&ends[0], 60000);
	(void) end_take(&ends[0], SIZE_MAX);
	end_give(&ends[1], ends[0].wire.data, 10000, 0);
	assert_null(waldoi_channel_space(&ends[1].channel, &room));
	end_give(&ends[1], ends[0].wire.data + 10000, 10000, 0);
	assert_non_null(waldoi_channel_space(&ends[1].channel, &room));
	assert_int_equal(room, 20000);
	assert_int_equal(records->part_cap, 40000);
}

static void
small_records_are_received_together(void **state)
{
	struct end *ends = *state;
	size_t room = 0;

	say_many(&ends[0], 16000);
	(void) end_take(&ends[0], SIZE_MAX);
	end_give(&ends[1], ends[0].wire.data, 15000, 0);
	assert_null(waldoi_channel_space(&ends[1].channel, &room));
	assert_null(waldoi_channel_space(&ends[0].channel, &room));
}

#define open_test(name)                                                        \
	cmocka_unit_test_setup_teardown(name, open_setup, ends_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    open_test(many_frames_share_a_record),
	    open_test(what_is_said_first_has_a_record_of_its_own),
	    open_test(as_few_records_as_can_be_carry_a_large_frame),
	    open_test(pieces_of_any_size_arrive_in_order),
	    open_test(a_record_takes_what_fits_into_it),
	    open_test(what_is_sealed_stays_readable_where_it_was),
	    open_test(records_arrive_wherever_the_stream_is_cut),
	    open_test(many_small_records_are_one_input),
	    open_test(a_large_record_is_opened_where_the_session_wants_it),
	    open_test(an_empty_record_says_nothing_but_that_the_peer_lives),
	    open_test(a_part_of_a_record_is_a_sign_of_life_too),
	    open_test(keys_change_together_at_any_period),
	    open_test(the_key_changes_behind_record_65536_and_not_before),
	    open_test(who_forgets_to_change_the_key_is_not_understood),
	    open_test(the_last_nonce_is_the_end),
	    open_test(a_copy_of_the_process_seals_nothing),
	    open_test(a_record_goes_out_however_little_is_sent_at_a_time),
	    open_test(a_record_that_is_stuck_is_kept_when_others_seal),
	    open_test(a_link_that_is_stuck_seals_no_more),
	    open_test(the_session_is_told_when_what_was_stuck_has_left),
	    open_test(a_record_in_part_costs_at_most_twice_what_has_come),
	    open_test(large_records_are_received_where_they_are_opened),
	    open_test(no_more_room_is_made_than_has_come),
	    open_test(small_records_are_received_together),
	};

	return cmocka_run_group_tests(tests, secure_setup, NULL);
}
