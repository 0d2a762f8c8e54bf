/* SPDX-License-Identifier: MIT */
/* How an encrypted link opens, and how it does not: PROTOCOL.md N1 to N8. */
#include "tests/unit/secure_fixture.h"
#include "tests/waldo_test.h"

#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_1 (WALDOI_PREAMBLE + WALDOI_MESSAGE_HEAD)
#define MESSAGE_3 (MESSAGE_1 + 48)

#define HELLO "a frame and another one"

static int
sodium_setup(void **state)
{
	(void) state;
	return sodium_init() < 0 ? -1 : 0;
}

static int
setup(void **state)
{
	struct end *ends = malloc(2 * sizeof(*ends));

	*state = ends;
	return ends != NULL && ends_init(ends) ? 0 : -1;
}

static int
teardown(void **state)
{
	ends_fini(*state);
	free(*state);
	return 0;
}

/* For the tests that need many pairs. */
static void
restart(struct end ends[2])
{
	ends_fini(ends);
	assert_true(ends_init(ends));
}

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

static void
assert_open(struct end ends[2])
{
	for (int i = 0; i < 2; i++) {
		const struct end *end = &ends[i], *other = &ends[1 - i];

		assert_int_equal(end->session.opened, 1);
		assert_int_equal(end->met, 1);
		assert_ok(end->failed);
		assert_ok(end->session.broken);
		assert_memory_equal(end->key, other->keys[0].public,
		                    WALDOI_KEY);
		assert_memory_equal(waldoi_channel_get_key(&end->channel),
		                    other->keys[0].public, WALDOI_KEY);
		assert_int_equal(end->said.len, strlen(other->payload));
		assert_memory_equal(end->said.data, other->payload,
		                    end->said.len);
		assert_true(end_heard(end, other));
	}
	assert_memory_equal(waldoi_channel_get_binding(&ends[0].channel),
	                    waldoi_channel_get_binding(&ends[1].channel),
	                    WALDOI_HASH);
}

/* ---- how it opens */

static void
both_ends_learn_who_the_other_is_and_what_it_says(void **state)
{
	struct end *ends = *state;

	for (int pattern = WALDOI_XK; pattern <= WALDOI_XKPSK3; pattern++) {
		restart(ends);
		assert_true(ends_open(ends, (waldoi_pattern) pattern));
		end_say(&ends[0], HELLO, sizeof(HELLO));
		end_say(&ends[1], "back", 4);
		ends_settle(ends, 0);
		assert_open(ends);
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
	assert_open(ends);
}

static void
it_opens_wherever_the_stream_is_cut(void **state)
{
	struct end *ends = *state;

	for (int pattern = WALDOI_XK; pattern <= WALDOI_XKPSK3; pattern++) {
		for (size_t chunk = 1; chunk < 140; chunk++) {
			restart(ends);
			assert_true(ends_open(ends, (waldoi_pattern) pattern));
			end_say(&ends[0], HELLO, sizeof(HELLO));
			end_say(&ends[1], "back", 4);
			ends_settle(ends, chunk);
			assert_open(ends);
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
	assert_open(ends);
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
	assert_open(ends);
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
		restart(ends);
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

	restart(ends);
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

static void
a_message_of_a_wrong_length_ends_it_at_once(void **state)
{
	static const size_t lens[] = {0, 15, 47, 49, 1200, 65535};
	struct end *ends = *state;

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		restart(ends);
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
		restart(ends);
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
		restart(ends);
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
	assert_open(ends);
	waldoi_channel_answer(&ends[0].channel, false); /* too late */
	assert_open(ends);
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

	restart(ends);
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

/* ---- an attacker in between */

/* Where what is to be sent is changed: bit `bit` of all that ends[from] sends.
 */
struct flip {
	int from;
	size_t bit;
};

static void
settle_with_flip(struct end ends[2], const struct flip *flip)
{
	size_t more = 1;

	while (more > 0) {
		more = 0;
		for (int i = 0; i < 2; i++) {
			size_t len = end_take(&ends[i], SIZE_MAX);
			struct bytes *wire = &ends[i].wire;
			size_t at = wire->len - len;

			if (i == flip->from && flip->bit / 8 >= at &&
			    flip->bit / 8 < wire->len) {
				wire->data[flip->bit / 8] ^=
				    (uint8_t) (1 << flip->bit % 8);
			}
			end_give(&ends[1 - i], wire->data + at, len, 0);
			more += len;
		}
	}
}

static bool
is_prefix(const struct end *end, const struct end *other)
{
	const struct bytes *in = &end->session.in;

	return in->len <= other->session.out.len &&
	       (in->len == 0 ||
	        memcmp(in->data, other->session.out.data, in->len) == 0);
}

/* Who is misled must notice; who waits for what does not come loses it at the
 * end. Never is anything heard that was not said. */
static void
assert_rejected(struct end ends[2], const struct flip *flip)
{
	const struct end *victim = &ends[1 - flip->from];
	const waldoi_secure *secure = victim->channel.secure;
	bool waits;

	assert_true(is_prefix(&ends[0], &ends[1]));
	assert_true(is_prefix(&ends[1], &ends[0]));
	waits = secure->handshake != NULL ? secure->handshake->in_len > 0
	                                  : secure->records->part_len > 0;
	/* The first message of XX is judged by who gets the second. */
	assert_true(victim->failed != WALDO_OK ||
	            victim->session.broken != WALDO_OK || waits ||
	            ends[flip->from].failed != WALDO_OK);
	assert_false(end_heard(&ends[0], &ends[1]) &&
	             end_heard(&ends[1], &ends[0]));
}

static void
converse(struct end ends[2], waldoi_pattern pattern, const struct flip *flip)
{
	assert_true(ends_open(ends, pattern));
	end_say(&ends[0], HELLO, sizeof(HELLO));
	end_say(&ends[1], "back", 4);
	settle_with_flip(ends, flip);
	/* A second record each way. */
	end_say(&ends[0], "more", 4);
	end_say(&ends[1], "yes", 3);
	settle_with_flip(ends, flip);
}

static void
every_flipped_bit_of_a_conversation_is_rejected(void **state)
{
	struct end *ends = *state;
	struct flip flip = {0, SIZE_MAX};
	size_t lens[2];

	for (int pattern = WALDOI_XK; pattern <= WALDOI_XKPSK3; pattern++) {
		restart(ends);
		converse(ends, (waldoi_pattern) pattern,
		         &(struct flip){0, SIZE_MAX});
		assert_open(ends);
		lens[0] = ends[0].wire.len;
		lens[1] = ends[1].wire.len;
		for (flip.from = 0; flip.from < 2; flip.from++) {
			size_t bits = 8 * lens[flip.from];

			for (flip.bit = 0; flip.bit < bits; flip.bit++) {
				restart(ends);
				converse(ends, (waldoi_pattern) pattern, &flip);
				assert_rejected(ends, &flip);
			}
		}
	}
}

/* Who recorded everything that a client said cannot say it again. */
static void
a_replayed_conversation_opens_nothing(void **state)
{
	struct end *ends = *state;
	struct bytes said[2] = {{0}};

	assert_true(ends_open(ends, WALDOI_XK));
	end_say(&ends[0], HELLO, sizeof(HELLO));
	ends_settle(ends, 0);
	assert_open(ends);
	for (int i = 0; i < 2; i++) {
		bytes_add(&said[i], ends[i].wire.data, ends[i].wire.len);
	}

	/* To a responder whose randomness is fresh. */
	restart(ends);
	ends[1].seed = 77;
	assert_true(end_accept(&ends[1]));
	end_give(&ends[1], said[0].data, said[0].len, 0);
	assert_int_equal(ends[1].met, 0);
	assert_err(ends[1].failed, WALDO_EDENIED);
	assert_int_equal(ends[1].session.in.len, 0);

	/* And the responder's words to another initiator. */
	restart(ends);
	ends[0].seed = 78;
	assert_true(ends_open(ends, WALDOI_XK));
	(void) end_take(&ends[0], SIZE_MAX);
	end_give(&ends[0], said[1].data, said[1].len, 0);
	assert_int_equal(ends[0].met, 0);
	assert_err(ends[0].failed, WALDO_EDENIED);
	bytes_fini(&said[0]);
	bytes_fini(&said[1]);
}

static void
a_message_that_comes_twice_is_refused(void **state)
{
	struct end *ends = *state;
	size_t first, all;

	assert_true(ends_open(ends, WALDOI_XK));
	first = end_take(&ends[0], SIZE_MAX);
	end_give(&ends[1], ends[0].wire.data, first, 0);
	end_give(&ends[1], ends[0].wire.data + WALDOI_PREAMBLE,
	         first - WALDOI_PREAMBLE, 0); /* message 1 instead of 3 */
	assert_int_not_equal(ends[1].failed, WALDO_OK);

	restart(ends);
	assert_true(ends_open(ends, WALDOI_XK));
	ends_settle(ends, 0);
	assert_open(ends);
	all = ends[0].wire.len;
	end_give(&ends[1], ends[0].wire.data + first, all - first, 0);
	assert_int_not_equal(ends[1].session.broken, WALDO_OK);
}

/* ---- what it costs */

static size_t
size_of(const void *memory)
{
	return malloc_usable_size((void *) (uintptr_t) memory);
}

/* security.md 1.4: below 600 bytes for each stranger, the link included. */
static void
a_stranger_costs_less_than_half_a_kib(void **state)
{
	struct end *ends = *state;
	const waldoi_secure *secure;
	size_t total;

	assert_true(ends_open(ends, WALDOI_XX));
	(void) end_take(&ends[0], SIZE_MAX);
	end_give(&ends[1], ends[0].wire.data, ends[0].wire.len, 0);
	(void) end_take(&ends[1], SIZE_MAX);
	secure = ends[1].channel.secure;
	total = sizeof(ends[1].channel) + size_of(secure) +
	        size_of(secure->handshake);
	assert_null(secure->kept);
	assert_null(secure->handshake->in);
	assert_null(secure->handshake->out);
	assert_in_range(total, 1, 512);
}

static void
an_idle_link_costs_less_than_that(void **state)
{
	struct end *ends = *state;
	const waldoi_secure *secure;
	size_t total;

	assert_true(ends_open(ends, WALDOI_XK));
	end_say(&ends[0], HELLO, sizeof(HELLO));
	ends_settle(ends, 7);
	for (int i = 0; i < 2; i++) {
		secure = ends[i].channel.secure;
		total = sizeof(ends[i].channel) + size_of(secure) +
		        size_of(secure->records);
		assert_null(secure->handshake);
		assert_null(secure->kept);
		assert_null(secure->records->part);
		assert_in_range(total, 1, 400);
	}
}

/* What is buffered for a stranger grows with what it sends. */
static void
a_claimed_length_costs_nothing(void **state)
{
	struct end *ends = *state;
	const waldoi_secure *secure;
	size_t first;

	assert_true(ends_open(ends, WALDOI_XK));
	first = end_take(&ends[0], SIZE_MAX);
	end_give(&ends[1], ends[0].wire.data, first, 0);
	secure = ends[1].channel.secure;
	end_give(&ends[1], (const uint8_t *) "\4\100", 2, 1);
	assert_in_range(secure->handshake->in_cap, 2, 64);
	for (int i = 0; i < 300; i++) {
		end_give(&ends[1], (const uint8_t *) "?", 1, 0);
		assert_in_range(secure->handshake->in_cap, 3 + i,
		                64 + 2 * (3 + i));
	}
	assert_ok(ends[1].failed);
}

/* ---- memory */

static int allow = -1; /* so many allocations succeed; -1: all */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static bool
may_allocate(void)
{
	if (allow > 0) {
		allow--;
		return true;
	}
	return allow < 0;
}

void *
__wrap_malloc(size_t size)
{
	return may_allocate() ? __real_malloc(size) : NULL;
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *
__wrap_realloc(void *memory, size_t size)
{
	return may_allocate() ? __real_realloc(memory, size) : NULL;
}

/* Secrets that must not be in memory that is given back. */
static struct {
	const uint8_t *bytes;
	unsigned found;
} secrets[8];
static size_t secret_count;

void
__wrap_free(void *memory)
{
	for (size_t i = 0; memory != NULL && i < secret_count; i++) {
		size_t size = size_of(memory);

		if (memmem(memory, size, secrets[i].bytes, WALDOI_KEY) !=
		    NULL) {
			secrets[i].found++;
		}
	}
	__real_free(memory);
}

/* The whole conversation with no more than `n` allocations at an end; what is
 * the fixture's own is not counted. */
static bool
open_with(struct end ends[2], int victim, int n, bool *ret_opened)
{
	bool made;

	restart(ends);
	for (int i = 0; i < 2; i++) {
		/* The fixture's own memory is there already. */
		bytes_add(&ends[i].said, HELLO, sizeof(HELLO));
		ends[i].said.len = 0;
	}
	allow = victim == 0 ? n : -1;
	made = end_dial(&ends[0],
	                &(waldoi_dial_keys){.pattern = WALDOI_XK,
	                                    .keypair = &ends[0].keys[0],
	                                    .remote = ends[1].keys[0].public});
	n = victim == 0 ? allow : n;
	allow = victim == 1 ? n : -1;
	made = made && end_accept(&ends[1]);
	n = victim == 1 ? allow : n;
	allow = -1;
	if (!made) {
		*ret_opened = false;
		return n == 0;
	}
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 2; i++) {
			struct iovec iov[8];
			size_t count, at = ends[i].wire.len;

			allow = victim == i ? n : -1;
			count = waldoi_channel_output(&ends[i].channel, iov, 8);
			n = victim == i ? allow : n;
			allow = -1;
			for (size_t k = 0; k < count; k++) {
				bytes_add(&ends[i].wire, iov[k].iov_base,
				          iov[k].iov_len);
			}
			waldoi_channel_sent(&ends[i].channel,
			                    ends[i].wire.len - at);
			/* In two halves, so that the first is kept. */
			for (size_t half = 0; half < 2; half++) {
				size_t all = ends[i].wire.len - at;
				size_t from = half * (all / 2);
				size_t to = half == 0 ? all / 2 : all;

				allow = victim == 1 - i ? n : -1;
				waldoi_channel_input(
				    &ends[1 - i].channel,
				    ends[i].wire.data + at + from, to - from);
				n = victim == 1 - i ? allow : n;
				allow = -1;
			}
		}
	}
	*ret_opened =
	    ends[0].session.opened == 1 && ends[1].session.opened == 1;
	return n == 0;
}

static void
without_memory_it_fails_and_says_so(void **state)
{
	struct end *ends = *state;

	for (int victim = 0; victim < 2; victim++) {
		bool opened = false, used_up = true;

		for (int n = 0; !opened; n++) {
			used_up = open_with(ends, victim, n, &opened);
			assert_true(opened || used_up);
			if (!opened && ends[victim].channel.secure != NULL) {
				assert_err(ends[victim].failed, WALDO_ENOMEM);
			}
			assert_in_range(n, 0, 12);
		}
	}
}

static void
watch_secret(const uint8_t *bytes)
{
	secrets[secret_count].bytes = bytes;
	secrets[secret_count++].found = 0;
}

/* N12: an ephemeral key, the keys of the records, our own. */
static void
no_secret_is_left_in_memory_that_is_freed(void **state)
{
	struct end *ends = *state;
	uint8_t copies[8][WALDOI_KEY];
	const waldoi_records *records;
	void *test_block = malloc(100);

	assert_non_null(test_block);
	assert_true(ends_open(ends, WALDOI_XKPSK3));
	memset(copies[0], 1, WALDOI_KEY);   /* the initiator's ephemeral */
	memset(copies[1], 101, WALDOI_KEY); /* the responder's */
	memset(copies[2], 200, WALDOI_KEY); /* their static ones */
	memset(copies[3], 202, WALDOI_KEY);
	memset(copies[4], 9, WALDOI_KEY); /* what they have in common */
	(void) end_take(&ends[0], SIZE_MAX);
	end_give(&ends[1], ends[0].wire.data, ends[0].wire.len, 0);
	/* It would be found if it were there. */
	assert_memory_equal(ends[1].channel.secure->handshake->noise.ephemeral,
	                    copies[1], WALDOI_KEY);
	/* The chaining key, from which all others follow. */
	memcpy(copies[5], ends[1].channel.secure->handshake->noise.ck,
	       WALDOI_KEY);
	for (int i = 0; i < 6; i++) {
		watch_secret(copies[i]);
	}
	ends_settle(ends, 0);
	restart(ends);
	assert_true(ends_open(ends, WALDOI_XKPSK3));
	ends_settle(ends, 0);
	records = ends[1].channel.secure->records;
	memcpy(copies[6], records->send.key, WALDOI_KEY);
	memcpy(copies[7], records->receive.key, WALDOI_KEY);
	watch_secret(copies[6]);
	watch_secret(copies[7]);
	ends_fini(ends);
	for (size_t i = 0; i < secret_count; i++) {
		assert_int_equal(secrets[i].found, 0);
	}
	/* And would have been found (a compiler may leave out what is written
	 * before free). */
	memcpy(test_block, copies[7], WALDOI_KEY);
	__wrap_free(test_block);
	assert_int_equal(secrets[7].found, 1);
	secret_count = 0;
	assert_true(ends_init(ends));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(both_ends_learn_who_the_other_is_and_what_it_says),
	    waldo_test(the_first_frames_leave_with_message_3),
	    waldo_test(it_opens_wherever_the_stream_is_cut),
	    waldo_test(it_opens_however_little_is_sent_at_a_time),
	    waldo_test(the_hint_names_one_of_several_keys),
	    waldo_test(the_largest_payloads_pass),
	    waldo_test(a_preamble_of_another_kind_is_answered_with_our_version),
	    waldo_test(a_pattern_that_is_not_welcome_is_answered_likewise),
	    waldo_test(who_speaks_something_else_is_told_nothing),
	    waldo_test(another_key_is_asked_for_in_vain_and_in_silence),
	    waldo_test(a_key_with_the_same_hint_is_not_the_key),
	    waldo_test(a_slot_without_a_secret_is_passed_over_in_silence),
	    waldo_test(another_secret_in_that_slot_meets_nobody),
	    waldo_test(a_message_of_a_wrong_length_ends_it_at_once),
	    waldo_test(an_answer_in_another_protocol_is_named),
	    waldo_test(a_key_of_low_order_gets_no_answer),
	    waldo_test(a_server_key_of_low_order_is_dialled_in_vain),
	    waldo_test(nothing_is_said_until_the_key_is_accepted),
	    waldo_test(a_key_that_is_refused_learns_nothing_of_us),
	    waldo_test(who_speaks_before_its_turn_is_not_waited_for),
	    waldo_test(a_client_that_is_refused_hears_nothing_more),
	    waldo_test(every_flipped_bit_of_a_conversation_is_rejected),
	    waldo_test(a_replayed_conversation_opens_nothing),
	    waldo_test(a_message_that_comes_twice_is_refused),
	    waldo_test(a_stranger_costs_less_than_half_a_kib),
	    waldo_test(an_idle_link_costs_less_than_that),
	    waldo_test(a_claimed_length_costs_nothing),
	    waldo_test(without_memory_it_fails_and_says_so),
	    waldo_test(no_secret_is_left_in_memory_that_is_freed),
	};

	return cmocka_run_group_tests(tests, sodium_setup, NULL);
}
