/* SPDX-License-Identifier: MIT */
/* How an encrypted link opens, and how it does not: PROTOCOL.md N1 to N7. */
#include "tests/unit/secure_test.h"

#include <sodium.h>
#include <string.h>

#define MESSAGE_1 (WALDOI_PREAMBLE + WALDOI_MESSAGE_HEAD)
#define MESSAGE_3 (MESSAGE_1 + 48)

#define HELLO "a frame and another one"

static bool
is_silent(const struct end *end)
{
	return end->wire.len == 0 && !waldoi_channel_owes(&end->channel);
}

static const uint8_t refusal[] = {0xc1, 'W', 'D', 1};

static void
assert_refuses(struct end *end)
{
	assert_err(end->failed, WALDO_ECONNECT);
	assert_true(waldoi_channel_owes(&end->channel));
	assert_int_equal(end_take(end, SIZE_MAX), sizeof(refusal));
	assert_memory_equal(end->wire.data, refusal, sizeof(refusal));
}

/* ---- how it opens */

static void
both_ends_learn_who_the_other_is_and_what_it_says(void **state)
{
	struct end *ends = *state;

	for (int pattern = WALDOI_XK; pattern <= WALDOI_XKPSK3; pattern++) {
		secure_restart(ends);
		assert_true(ends_open(ends, (waldoi_pattern) pattern));
		end_say(&ends[0], HELLO, sizeof(HELLO));
		end_say(&ends[1], "back", 4);
		ends_settle(ends, 0);
		assert_opened(ends);
	}
}

/* N1: one round trip, and the first call is on its way. */
static void
the_first_frames_leave_with_message_3(void **state)
{
	struct end *ends = *state;
	struct iovec iov[8];
	size_t len;

	assert_true(ends_open(ends, WALDOI_XK));
	end_say(&ends[0], HELLO, sizeof(HELLO));
	assert_int_equal(end_take(&ends[0], SIZE_MAX), MESSAGE_3);
	end_give(&ends[1], ends[0].wire.data, MESSAGE_3, 0);
	assert_null(ends[1].channel.session); /* it does not know who that is */
	len = end_take(&ends[1], SIZE_MAX);
	assert_int_equal(len, WALDOI_MESSAGE_HEAD + 48 + strlen("who answers"));
	end_give(&ends[0], ends[1].wire.data, len, 0);
	assert_int_equal(waldoi_channel_output(&ends[0].channel, iov, 8), 2);
	assert_int_equal(iov[0].iov_len,
	                 WALDOI_MESSAGE_HEAD + 64 + strlen("who dials"));
	assert_int_equal(iov[1].iov_len,
	                 WALDOI_RECORD_HEAD + sizeof(HELLO) + WALDOI_TAG);
	ends_settle(ends, 0);
	assert_opened(ends);
}

static void
it_opens_wherever_the_stream_is_cut(void **state)
{
	struct end *ends = *state;

	for (int pattern = WALDOI_XK; pattern <= WALDOI_XKPSK3; pattern++) {
		for (size_t chunk = 1; chunk < 140; chunk++) {
			secure_restart(ends);
			assert_true(ends_open(ends, (waldoi_pattern) pattern));
			end_say(&ends[0], HELLO, sizeof(HELLO));
			end_say(&ends[1], "back", 4);
			ends_settle(ends, chunk);
			assert_opened(ends);
		}
	}
}

/* The kernel takes what it likes. */
static void
it_opens_however_little_is_sent_at_a_time(void **state)
{
	struct end *ends = *state;
	size_t len[2] = {1, 1};

	assert_true(ends_open(ends, WALDOI_XX));
	end_say(&ends[0], HELLO, sizeof(HELLO));
	while (len[0] + len[1] > 0) {
		for (int i = 0; i < 2; i++) {
			const struct bytes *wire = &ends[i].wire;

			len[i] = end_take(&ends[i], 3);
			end_give(&ends[1 - i], wire->data + wire->len - len[i],
			         len[i], 0);
		}
	}
	assert_opened(ends);
}

/* N4: a port answers for several keys. */
static void
the_hint_names_one_of_several_keys(void **state)
{
	struct end *ends = *state;
	const waldoi_dial_keys dial = {.pattern = WALDOI_XK,
	                               .keypair = &ends[0].keys[0],
	                               .remote = ends[1].keys[1].public};

	assert_true(end_dial(&ends[0], &dial) && end_accept(&ends[1]));
	ends_settle(ends, 0);
	assert_int_equal(ends[0].session.opened, 1);
	assert_int_equal(ends[1].session.opened, 1);
	assert_memory_equal(ends[0].key, ends[1].keys[1].public, WALDOI_KEY);
}

/* N5: a HELLO has at most 1,024 bytes. */
static void
the_largest_payloads_pass(void **state)
{
	struct end *ends = *state;
	char large[WALDOI_PAYLOAD + 1];

	memset(large, 'x', WALDOI_PAYLOAD);
	large[WALDOI_PAYLOAD] = '\0';
	ends[0].payload = ends[1].payload = large;
	assert_true(ends_open(ends, WALDOI_XX));
	ends_settle(ends, 0);
	assert_opened(ends);
}

/* N3 and all else that both ends must do alike: with these keys and this
 * randomness every byte is known. What changes it is another version. (That
 * these are the right bytes is what tests/interop shows.) */
static void
the_bytes_on_the_wire_are_what_they_were(void **state)
{
	static const char *const want[] = {
	    "a169d43ed72f750e1e64a9fe5531b6ff408ae87aca49d7f139867f5919249e78",
	    "82fda5d221b47c78caf93ccb5471277effb8d24ab0c8684a8a16d38e76cc4b85",
	    "fb9d279046a3c62b8ab6eef079cecac370a3e5144d1ddb947dad974fbc37db55",
	};
	struct end *ends = *state;
	crypto_hash_sha256_state hash;
	uint8_t digest[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(digest) + 1];

	for (int pattern = WALDOI_XK; pattern <= WALDOI_XKPSK3; pattern++) {
		secure_restart(ends);
		assert_true(ends_open(ends, (waldoi_pattern) pattern));
		end_say(&ends[0], HELLO, sizeof(HELLO));
		end_say(&ends[1], "back", 4);
		ends_settle(ends, 0);
		crypto_hash_sha256_init(&hash);
		for (int i = 0; i < 2; i++) {
			crypto_hash_sha256_update(&hash, ends[i].wire.data,
			                          ends[i].wire.len);
		}
		crypto_hash_sha256_final(&hash, digest);
		assert_string_equal(
		    sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest)),
		    want[pattern - WALDOI_XK]);
	}
}

/* ---- what is refused with a word, and what without (N2, N4) */

static void
give_preamble(struct end *end, const uint8_t preamble[WALDOI_PREAMBLE])
{
	assert_true(end_accept(end));
	end_give(end, preamble, WALDOI_PREAMBLE, 0);
}

static void
a_preamble_of_another_kind_is_answered_with_our_version(void **state)
{
	static const uint8_t others[][WALDOI_PREAMBLE] = {
	    {0xc1, 'W', 'D', 2, 1, 1},          /* a later version */
	    {0xc1, 'W', 'D', 1},                /* in clear */
	    {0xc1, 'W', 'D', 1, 4, 1},          /* an unknown pattern */
	    {0xc1, 'W', 'D', 1, 1, 2},          /* an unknown suite */
	    {0xc1, 'W', 'D', 1, 1, 1, 1},       /* a reserved flag */
	    {0xc1, 'W', 'D', 1, 1, 1, 0, 3},    /* a slot that is not used */
	    {0xc1, 'W', 'D', 1, 3, 1, 0, 0},    /* none that would be */
	    {0xc1, 'W', 'D', 1, 2, 1, 0, 0, 1}, /* a hint at no key */
	};
	struct end *ends = *state;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		secure_restart(ends);
		give_preamble(&ends[1], others[i]);
		assert_refuses(&ends[1]);
		assert_int_equal(ends[1].asked, 0);
	}
}

static void
a_pattern_that_is_not_welcome_is_answered_likewise(void **state)
{
	struct end *ends = *state;

	ends[1].accepted = 1U << WALDOI_XKPSK3;
	assert_true(ends_open(ends, WALDOI_XK));
	ends_settle(ends, 0);
	assert_err(ends[1].failed, WALDO_ECONNECT);
	assert_err(ends[0].failed, WALDO_ECONNECT);
	assert_non_null(strstr(ends[0].why, "refuses"));
	assert_int_equal(ends[1].wire.len, sizeof(refusal));
}

static void
who_speaks_something_else_is_told_nothing(void **state)
{
	struct end *ends = *state;

	assert_true(end_accept(&ends[1]));
	end_give(&ends[1], (const uint8_t *) "G", 1, 0);
	assert_err(ends[1].failed, WALDO_ECONNECT);
	assert_true(is_silent(&ends[1]));

	secure_restart(ends);
	assert_true(end_accept(&ends[1]));
	end_give(&ends[1], (const uint8_t *) "\xc1W", 2, 1);
	assert_ok(ends[1].failed);
	end_give(&ends[1], (const uint8_t *) "X", 1, 0);
	assert_err(ends[1].failed, WALDO_ECONNECT);
	assert_true(is_silent(&ends[1]));
}

static void
another_key_is_asked_for_in_vain_and_in_silence(void **state)
{
	struct end *ends = *state;
	const waldoi_dial_keys dial = {.pattern = WALDOI_XK,
	                               .keypair = &ends[0].keys[0],
	                               .remote = ends[0].keys[1].public};

	assert_true(end_dial(&ends[0], &dial) && end_accept(&ends[1]));
	ends_settle(ends, 0);
	assert_err(ends[1].failed, WALDO_EDENIED);
	assert_true(is_silent(&ends[1]));

	/* Which the initiator's session is told as what it may mean. */
	waldoi_channel_lost(&ends[0].channel, WALDO_ELOST, "it closed");
	assert_err(ends[0].session.why_lost, WALDO_EDENIED);
	assert_string_equal(ends[0].session.lost_message,
	                    "it closed before it had proved that it has the "
	                    "key that was asked for");
}

/* The hint is right, what it stands for is not. */
static void
a_key_with_the_same_hint_is_not_the_key(void **state)
{
	struct end *ends = *state;

	assert_true(ends_open(ends, WALDOI_XK));
	(void) end_take(&ends[0], SIZE_MAX);
	/* As if the hint of another key were that one. */
	ends[1].keys[0].secret = ends[1].keys[1].secret;
	end_give(&ends[1], ends[0].wire.data, ends[0].wire.len, 0);
	assert_err(ends[1].failed, WALDO_EDENIED);
	assert_true(is_silent(&ends[1]));
	ends[1].keys[0].secret = NULL;
}

static void
a_slot_without_a_secret_is_passed_over_in_silence(void **state)
{
	struct end *ends = *state;
	const waldoi_dial_keys dial = {.pattern = WALDOI_XKPSK3,
	                               .slot = 4,
	                               .keypair = &ends[0].keys[0],
	                               .remote = ends[1].keys[0].public,
	                               .psk = ends[0].psk};

	assert_true(end_dial(&ends[0], &dial) && end_accept(&ends[1]));
	ends_settle(ends, 0);
	assert_err(ends[1].failed, WALDO_EDENIED);
	assert_true(is_silent(&ends[1]));
}

/* F22: what proves it is message 3; the initiator believes it is in. */
static void
another_secret_in_that_slot_meets_nobody(void **state)
{
	struct end *ends = *state;

	ends[0].psk[0] ^= 1;
	assert_true(ends_open(ends, WALDOI_XKPSK3));
	end_say(&ends[0], HELLO, sizeof(HELLO));
	ends_settle(ends, 0);
	assert_int_equal(ends[1].met, 0);
	assert_err(ends[1].failed, WALDO_EDENIED);
	assert_int_equal(ends[1].session.in.len, 0);
	assert_int_equal(ends[0].session.in.len, 0);
}

/* Sets what message `at` of `wire` claims to be long. */
static void
claim(struct bytes *wire, size_t at, size_t len)
{
	wire->data[at] = (uint8_t) (len >> 8);
	wire->data[at + 1] = (uint8_t) len;
}

/* N5: its two bytes tell. */
static void
a_message_of_a_wrong_length_ends_it_at_once(void **state)
{
	static const size_t lens[] = {0, 15, 47, 49, 1200, 65535};
	struct end *ends = *state;

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		secure_restart(ends);
		assert_true(ends_open(ends, WALDOI_XK));
		(void) end_take(&ends[0], SIZE_MAX);
		claim(&ends[0].wire, WALDOI_PREAMBLE, lens[i]);
		end_give(&ends[1], ends[0].wire.data, MESSAGE_1, 0);
		assert_err(ends[1].failed, WALDO_ECONNECT);
		assert_true(is_silent(&ends[1]));
	}
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		if (lens[i] == 49) {
			continue; /* it has a payload then */
		}
		secure_restart(ends);
		assert_true(ends_open(ends, WALDOI_XK));
		(void) end_take(&ends[0], SIZE_MAX);
		end_give(&ends[1], ends[0].wire.data, MESSAGE_3, 0);
		(void) end_take(&ends[1], SIZE_MAX);
		claim(&ends[1].wire, 0, lens[i]);
		end_give(&ends[0], ends[1].wire.data, WALDOI_MESSAGE_HEAD, 0);
		assert_err(ends[0].failed, WALDO_ECONNECT);
	}
}

static void
an_answer_in_another_protocol_is_named(void **state)
{
	struct end *ends = *state;

	assert_true(ends_open(ends, WALDOI_XK));
	(void) end_take(&ends[0], SIZE_MAX);
	end_give(&ends[0], (const uint8_t *) "HTTP/1.1 400", 12, 0);
	assert_err(ends[0].failed, WALDO_ECONNECT);
	assert_string_equal(ends[0].why, "what it says is no handshake");
}

static void
a_key_of_low_order_gets_no_answer(void **state)
{
	struct end *ends = *state;

	for (int pattern = WALDOI_XK; pattern <= WALDOI_XX; pattern++) {
		secure_restart(ends);
		assert_true(ends_open(ends, (waldoi_pattern) pattern));
		(void) end_take(&ends[0], SIZE_MAX);
		memset(ends[0].wire.data + MESSAGE_1, 0, WALDOI_KEY);
		end_give(&ends[1], ends[0].wire.data, ends[0].wire.len, 0);
		assert_err(ends[1].failed, WALDO_EDENIED);
		assert_true(is_silent(&ends[1]));
	}
}

static void
a_server_key_of_low_order_is_dialled_in_vain(void **state)
{
	struct end *ends = *state;
	const uint8_t zero[WALDOI_KEY] = {0};
	const waldoi_dial_keys dial = {
	    .pattern = WALDOI_XK, .keypair = &ends[0].keys[0], .remote = zero};

	assert_true(end_dial(&ends[0], &dial));
	assert_int_equal(end_take(&ends[0], SIZE_MAX), 0);
	assert_err(ends[0].failed, WALDO_EDENIED);
}

/* ---- trust on first use, and who may come in (N6) */

static void
nothing_is_said_until_the_key_is_accepted(void **state)
{
	struct end *ends = *state;

	ends[0].verdict = WALDOI_WAIT;
	assert_true(ends_open(ends, WALDOI_XX));
	end_say(&ends[0], HELLO, sizeof(HELLO));
	ends_settle(ends, 0);
	assert_int_equal(ends[0].met, 1);
	assert_memory_equal(ends[0].key, ends[1].keys[0].public, WALDOI_KEY);
	assert_int_equal(ends[0].session.opened, 0);
	assert_int_equal(ends[0].wire.len, MESSAGE_1 + 32);
	assert_int_equal(ends[1].met, 0);

	waldoi_channel_answer(&ends[0].channel, true);
	ends_settle(ends, 0);
	assert_opened(ends);
	waldoi_channel_answer(&ends[0].channel, false); /* too late */
	assert_opened(ends);
}

static void
a_key_that_is_refused_learns_nothing_of_us(void **state)
{
	struct end *ends = *state;

	ends[0].verdict = WALDOI_WAIT;
	assert_true(ends_open(ends, WALDOI_XX));
	ends_settle(ends, 0);
	waldoi_channel_answer(&ends[0].channel, false);
	assert_err(ends[0].failed, WALDO_EDENIED);
	ends_settle(ends, 0);
	assert_int_equal(ends[0].wire.len, MESSAGE_1 + 32);

	secure_restart(ends);
	ends[0].verdict = WALDOI_REFUSE;
	assert_true(ends_open(ends, WALDOI_XX));
	ends_settle(ends, 0);
	assert_err(ends[0].failed, WALDO_EDENIED);
	assert_int_equal(ends[0].wire.len, MESSAGE_1 + 32);
}

static void
who_speaks_before_its_turn_is_not_waited_for(void **state)
{
	struct end *ends = *state;

	ends[0].verdict = WALDOI_WAIT;
	assert_true(ends_open(ends, WALDOI_XX));
	ends_settle(ends, 0);
	end_give(&ends[0], (const uint8_t *) "?", 1, 0);
	assert_err(ends[0].failed, WALDO_EPROTOCOL);
	waldoi_channel_answer(&ends[0].channel, true);
	assert_int_equal(end_take(&ends[0], SIZE_MAX), 0);
}

static void
a_client_that_is_refused_hears_nothing_more(void **state)
{
	struct end *ends = *state;
	size_t said;

	ends[1].verdict = WALDOI_REFUSE;
	assert_true(ends_open(ends, WALDOI_XK));
	end_say(&ends[0], HELLO, sizeof(HELLO));
	ends_settle(ends, 0);
	assert_int_equal(ends[1].met, 1);
	assert_memory_equal(ends[1].key, ends[0].keys[0].public, WALDOI_KEY);
	assert_err(ends[1].failed, WALDO_EDENIED);
	said = WALDOI_MESSAGE_HEAD + 48 + strlen("who answers");
	assert_int_equal(ends[1].wire.len, said);
	assert_int_equal(ends[1].session.in.len, 0);
}

#define ends_test(name)                                                        \
	cmocka_unit_test_setup_teardown(name, ends_setup, ends_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ends_test(both_ends_learn_who_the_other_is_and_what_it_says),
	    ends_test(the_first_frames_leave_with_message_3),
	    ends_test(it_opens_wherever_the_stream_is_cut),
	    ends_test(it_opens_however_little_is_sent_at_a_time),
	    ends_test(the_hint_names_one_of_several_keys),
	    ends_test(the_largest_payloads_pass),
	    ends_test(the_bytes_on_the_wire_are_what_they_were),
	    ends_test(a_preamble_of_another_kind_is_answered_with_our_version),
	    ends_test(a_pattern_that_is_not_welcome_is_answered_likewise),
	    ends_test(who_speaks_something_else_is_told_nothing),
	    ends_test(another_key_is_asked_for_in_vain_and_in_silence),
	    ends_test(a_key_with_the_same_hint_is_not_the_key),
	    ends_test(a_slot_without_a_secret_is_passed_over_in_silence),
	    ends_test(another_secret_in_that_slot_meets_nobody),
	    ends_test(a_message_of_a_wrong_length_ends_it_at_once),
	    ends_test(an_answer_in_another_protocol_is_named),
	    ends_test(a_key_of_low_order_gets_no_answer),
	    ends_test(a_server_key_of_low_order_is_dialled_in_vain),
	    ends_test(nothing_is_said_until_the_key_is_accepted),
	    ends_test(a_key_that_is_refused_learns_nothing_of_us),
	    ends_test(who_speaks_before_its_turn_is_not_waited_for),
	    ends_test(a_client_that_is_refused_hears_nothing_more),
	};

	return cmocka_run_group_tests(tests, secure_setup, NULL);
}
