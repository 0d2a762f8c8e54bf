/* SPDX-License-Identifier: MIT */
/* How an encrypted link opens with an attacker in between, for strangers and
 * without memory: PROTOCOL.md N7, N8, N12. */
#include "tests/unit/secure_test.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define HELLO "a frame and another one"

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
	size_t lens[2], flips = 0;

	for (int pattern = WALDOI_XK; pattern <= WALDOI_XKPSK3; pattern++) {
		secure_restart(ends);
		converse(ends, (waldoi_pattern) pattern,
		         &(struct flip){0, SIZE_MAX});
		assert_opened(ends);
		lens[0] = ends[0].wire.len;
		lens[1] = ends[1].wire.len;
		for (flip.from = 0; flip.from < 2; flip.from++) {
			size_t bits = 8 * lens[flip.from];

			for (flip.bit = 0; flip.bit < bits;
			     flip.bit++, flips++) {
				secure_restart(ends);
				converse(ends, (waldoi_pattern) pattern, &flip);
				assert_rejected(ends, &flip);
			}
		}
	}
	print_message("score R8 flips_in_conversations %zu - - pass\n", flips);
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
	assert_opened(ends);
	for (int i = 0; i < 2; i++) {
		bytes_add(&said[i], ends[i].wire.data, ends[i].wire.len);
	}

	/* To a responder whose randomness is fresh. */
	secure_restart(ends);
	ends[1].seed = 77;
	assert_true(end_accept(&ends[1]));
	end_give(&ends[1], said[0].data, said[0].len, 0);
	assert_int_equal(ends[1].met, 0);
	assert_err(ends[1].failed, WALDO_EDENIED);
	assert_int_equal(ends[1].session.in.len, 0);

	/* And the responder's words to another initiator. */
	secure_restart(ends);
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

	secure_restart(ends);
	assert_true(ends_open(ends, WALDOI_XK));
	ends_settle(ends, 0);
	assert_opened(ends);
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
	assert_in_range(waldoi_handshake_room(secure->handshake), 2, 64);
	for (int i = 0; i < 300; i++) {
		end_give(&ends[1], (const uint8_t *) "?", 1, 0);
		assert_in_range(waldoi_handshake_room(secure->handshake), 3 + i,
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

	secure_restart(ends);
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

/* Whoever has the link by then: who meets the peer, or its session. */
static waldo_err
told_of(const struct end *end)
{
	return end->failed != WALDO_OK ? end->failed : end->session.broken;
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
				assert_err(told_of(&ends[victim]),
				           WALDO_ENOMEM);
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
	void *test_block;

	skip_under_valgrind(); /* it looks at what nobody has written, too */
	test_block = malloc(100);
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
	assert_memory_equal(ends[1].channel.secure->handshake->noise->key,
	                    copies[1], WALDOI_KEY);
	/* The chaining key, from which all others follow. */
	memcpy(copies[5], ends[1].channel.secure->handshake->noise->ck,
	       WALDOI_KEY);
	for (int i = 0; i < 6; i++) {
		watch_secret(copies[i]);
	}
	ends_settle(ends, 0);
	secure_restart(ends);
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

#define ends_test(name)                                                        \
	cmocka_unit_test_setup_teardown(name, ends_setup, ends_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ends_test(every_flipped_bit_of_a_conversation_is_rejected),
	    ends_test(a_replayed_conversation_opens_nothing),
	    ends_test(a_message_that_comes_twice_is_refused),
	    ends_test(a_stranger_costs_less_than_half_a_kib),
	    ends_test(an_idle_link_costs_less_than_that),
	    ends_test(a_claimed_length_costs_nothing),
	    ends_test(without_memory_it_fails_and_says_so),
	    ends_test(no_secret_is_left_in_memory_that_is_freed),
	};

	return cmocka_run_group_tests(tests, secure_setup, NULL);
}
