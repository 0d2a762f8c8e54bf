/* SPDX-License-Identifier: MIT */
/* What follows a handshake: an authenticated stream of bytes, in records.
 * PROTOCOL.md N9 to N14. */
#include "tests/unit/secure_fixture.h"
#include "tests/waldo_test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1024 * 1024 };

#define OVERHEAD (WALDOI_RECORD_HEAD + WALDOI_TAG)

static int
sodium_setup(void **state)
{
	(void) state;
	return sodium_init() < 0 ? -1 : 0;
}

/* A link that is open, and nothing was said yet. */
static int
setup(void **state)
{
	struct end *ends = malloc(2 * sizeof(*ends));

	*state = ends;
	if (ends == NULL || !ends_init(ends) || !ends_open(ends, WALDOI_XK)) {
		return -1;
	}
	ends_settle(ends, 0);
	ends[0].wire.len = ends[1].wire.len = 0;
	return ends[1].session.opened == 1 ? 0 : -1;
}

static int
teardown(void **state)
{
	ends_fini(*state);
	free(*state);
	return 0;
}

static waldoi_records *
records_of(struct end *end)
{
	return end->channel.secure->records;
}

static void
say_many(struct end *end, size_t len)
{
	uint8_t *data = malloc(len);

	assert_non_null(data);
	randombytes_buf(data, len);
	end_say(end, data, len);
	free(data);
}

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

static void
assert_broken(const struct end *end, waldo_err err)
{
	assert_err(end->session.broken, err);
	assert_int_equal(end->session.lost, 0);
}

/* N13: whoever notices says nothing. */
static void
assert_silent(struct end *end)
{
	size_t before = end->wire.len;

	end_say(end, "too late", 8);
	assert_int_equal(end_take(end, SIZE_MAX), 0);
	assert_int_equal(end->wire.len, before);
	assert_false(waldoi_channel_owes(&end->channel));
}

/* ---- frames and records */

static void
many_frames_share_a_record(void **state)
{
	struct end *ends = *state;

	ends[0].session.piece = 50;
	say_many(&ends[0], 8 * 50); /* as many as the fixture takes at once */
	ends_settle(ends, 0);
	assert_int_equal(count_records(&ends[0].wire), 1);
	assert_int_equal(ends[0].wire.len, 8 * 50 + OVERHEAD);
	assert_true(end_heard(&ends[1], &ends[0]));
	assert_int_equal(ends[1].session.inputs, 1);
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
	struct iovec pieces[3] = {{data, 10}, {data, 20}, {data, 30}};
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

/* ---- an attacker in between (N13) */

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

		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
		ends = *state;
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
	free(plain);
}

/* ---- the end of a link (N14) */

static void
an_end_within_a_record_gives_nothing_of_it(void **state)
{
	struct end *ends = *state;

	for (size_t cut = 0; cut <= 10 * RECORD; cut++) {
		const struct bytes *in;

		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
		ends = *state;
		in = &ends[1].session.in;
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
	assert_int_equal(ends[0].channel.secure->kept_len, 10000 + OVERHEAD);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(many_frames_share_a_record),
	    waldo_test(as_few_records_as_can_be_carry_a_large_frame),
	    waldo_test(pieces_of_any_size_arrive_in_order),
	    waldo_test(a_record_takes_what_fits_into_it),
	    waldo_test(what_is_sealed_stays_readable_where_it_was),
	    waldo_test(records_arrive_wherever_the_stream_is_cut),
	    waldo_test(many_small_records_are_one_input),
	    waldo_test(a_large_record_is_opened_where_the_session_wants_it),
	    waldo_test(an_empty_record_says_nothing_but_that_the_peer_lives),
	    waldo_test(a_part_of_a_record_is_a_sign_of_life_too),
	    waldo_test(keys_change_together_at_any_period),
	    waldo_test(the_key_changes_behind_record_65536_and_not_before),
	    waldo_test(who_forgets_to_change_the_key_is_not_understood),
	    waldo_test(the_last_nonce_is_the_end),
	    waldo_test(a_record_that_comes_again_breaks_the_link),
	    waldo_test(a_record_that_is_missing_breaks_the_link),
	    waldo_test(records_that_are_swapped_break_the_link),
	    waldo_test(a_record_that_comes_back_breaks_the_link),
	    waldo_test(a_record_of_another_link_breaks_the_link),
	    waldo_test(what_came_before_a_bad_record_counts),
	    waldo_test(a_length_that_no_record_has_breaks_the_link_at_once),
	    waldo_test(every_flipped_bit_of_a_large_record_is_noticed),
	    waldo_test(an_end_within_a_record_gives_nothing_of_it),
	    waldo_test(what_comes_when_the_session_has_let_go_is_discarded),
	    waldo_test(a_session_that_does_not_want_input_is_asked),
	    waldo_test(a_record_goes_out_however_little_is_sent_at_a_time),
	    waldo_test(a_record_that_is_stuck_is_kept_when_others_seal),
	    waldo_test(a_link_that_is_stuck_seals_no_more),
	    waldo_test(the_session_is_told_when_what_was_stuck_has_left),
	    waldo_test(a_record_in_part_costs_at_most_twice_what_has_come),
	};

	return cmocka_run_group_tests(tests, sodium_setup, NULL);
}
