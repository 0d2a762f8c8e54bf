/* SPDX-License-Identifier: MIT */
/*
 * abuse/handshakes.c - what a handshake costs beside its products of X25519
 *
 * Both ends of handshakes in memory, and in the same run, block by block, the
 * same number of bare products: at most 1.3 times as much CPU time.
 */
#include "broker/channel/handshake.h"
#include "waldo_test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	BLOCKS = 25,
	EACH = 20,
	PRODUCTS = 6, /* of both ends, */
	BASES = 2     /* and of the base point */
};

struct end {
	waldoi_handshake handshake;
	waldoi_keypair keypair;
	uint8_t psk[WALDOI_KEY];
	bool met;
};

static struct end ends[2];

/* ---- the owners */

static void
end_random(void *owner, void *data, size_t len)
{
	(void) owner;
	randombytes_buf(data, len);
}

static const waldoi_keypair *
end_find_key(void *owner, const uint8_t *hint)
{
	const struct end *end = owner;
	uint8_t own[WALDOI_HINT];

	waldoi_key_hint(end->keypair.public, own);
	return hint == NULL || memcmp(own, hint, sizeof(own)) == 0
	           ? &end->keypair
	           : NULL;
}

static const uint8_t *
end_find_psk(void *owner, unsigned slot)
{
	const struct end *end = owner;

	(void) slot;
	return end->psk;
}

static bool
end_accepts(void *owner, unsigned pattern)
{
	(void) owner;
	(void) pattern;
	return true;
}

static waldoi_verdict
end_afford(void *owner)
{
	(void) owner;
	return WALDOI_GO_ON;
}

/* An empty map. */
static size_t
end_offer(void *owner, uint8_t *data)
{
	(void) owner;
	data[0] = 0x80;
	return 1;
}

static waldoi_verdict
end_meet(void *owner, const uint8_t *key, uint8_t *payload, size_t len)
{
	struct end *end = owner;

	(void) key;
	end->met = len == 1 && payload[0] == 0x80;
	return WALDOI_GO_ON;
}

static const waldoi_handshake_ops ops = {
    .random = end_random,
    .find_key = end_find_key,
    .find_psk = end_find_psk,
    .accepts = end_accepts,
    .afford = end_afford,
    .offer = end_offer,
    .meet = end_meet,
};

/* ---- what is measured */

static void
pass_on(struct end *from, struct end *to)
{
	uint8_t *out = from->handshake.out;
	size_t len = from->handshake.out_len;

	from->handshake.out = NULL;
	from->handshake.out_len = 0;
	assert_int_equal(waldoi_handshake_input(&to->handshake, out, len), len);
	free(out);
}

static void
shake_hands(waldoi_pattern pattern)
{
	const waldoi_dial_keys keys = {
	    .pattern = pattern,
	    .slot = pattern == WALDOI_XKPSK3,
	    .keypair = &ends[0].keypair,
	    .remote = pattern == WALDOI_XX ? NULL : ends[1].keypair.public,
	    .psk = pattern == WALDOI_XKPSK3 ? ends[0].psk : NULL,
	};
	waldoi_cipher ciphers[2];

	assert_ok(
	    waldoi_handshake_init(&ends[0].handshake, &ops, &ends[0], &keys));
	assert_ok(
	    waldoi_handshake_init(&ends[1].handshake, &ops, &ends[1], NULL));
	waldoi_handshake_start(&ends[0].handshake);
	pass_on(&ends[0], &ends[1]);
	pass_on(&ends[1], &ends[0]);
	pass_on(&ends[0], &ends[1]);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ends[i].handshake.state, WALDOI_HS_OPEN);
		assert_true(ends[i].met);
		waldoi_noise_split(ends[i].handshake.noise, &ciphers[0],
		                   &ciphers[1]);
		waldoi_handshake_fini(&ends[i].handshake);
	}
}

static void
multiply(waldoi_pattern pattern)
{
	static uint8_t secret[WALDOI_KEY] = {1, 2, 3}, point[WALDOI_KEY];

	(void) pattern;
	for (int i = 0; i < BASES; i++) {
		assert_int_equal(crypto_scalarmult_base(point, secret), 0);
		secret[0]++;
	}
	for (int i = 0; i < PRODUCTS; i++) {
		assert_int_equal(crypto_scalarmult(secret, secret, point), 0);
	}
}

static double
time_of(void (*work)(waldoi_pattern pattern), waldoi_pattern pattern)
{
	struct timespec begin, end;

	(void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	for (int i = 0; i < EACH; i++) {
		work(pattern);
	}
	(void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	return ((double) (end.tv_sec - begin.tv_sec) * 1e6 +
	        (double) (end.tv_nsec - begin.tv_nsec) / 1e3) /
	       EACH;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return x < y ? -1 : x > y;
}

static void
most_of_it_are_products(void **state)
{
	waldoi_pattern pattern = *(const waldoi_pattern *) *state;
	double ratios[BLOCKS], ours[BLOCKS];

	(void) time_of(shake_hands, pattern);
	for (int i = 0; i < BLOCKS; i++) {
		ours[i] = time_of(shake_hands, pattern);
		ratios[i] = ours[i] / time_of(multiply, pattern);
	}
	qsort(ratios, BLOCKS, sizeof(*ratios), compare);
	qsort(ours, BLOCKS, sizeof(*ours), compare);
	(void) printf("pattern %d: %.0f us for both ends, %.3f times the "
	              "products of X25519 (%.3f to %.3f)\n",
	              (int) pattern, ours[BLOCKS / 2], ratios[BLOCKS / 2],
	              ratios[BLOCKS / 4], ratios[BLOCKS * 3 / 4]);
	assert_true(ratios[BLOCKS / 2] <= 1.3);
}

static int
setup(void **state)
{
	uint8_t secret[WALDOI_KEY];

	(void) state;
	if (sodium_init() < 0) {
		return -1;
	}
	for (int i = 0; i < 2; i++) {
		randombytes_buf(secret, sizeof(secret));
		if (!waldoi_keypair_init(&ends[i].keypair, secret)) {
			return -1;
		}
	}
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	waldoi_keypair_fini(&ends[0].keypair);
	waldoi_keypair_fini(&ends[1].keypair);
	return 0;
}

#define OF(which)                                                              \
	{                                                                      \
		.name = "most of it are products: " #which,                    \
		.test_func = most_of_it_are_products,                          \
		.initial_state = &(waldoi_pattern){which},                     \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    OF(WALDOI_XK),
	    OF(WALDOI_XX),
	    OF(WALDOI_XKPSK3),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
