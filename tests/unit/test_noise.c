/* SPDX-License-Identifier: MIT */
/* The messages and ciphers of Noise: as others compute them (tests/vectors),
 * and what is not theirs is refused. */
#include "broker/channel/noise.h"
#include "tests/waldo_test.h"

#include <jansson.h>
#include <sodium.h>
#include <string.h>

enum { MOST = 256 };

struct side {
	waldoi_noise noise;
	waldoi_keypair keypair;
	waldoi_noise_keys keys;
	uint8_t ephemeral[WALDOI_KEY];
	uint8_t psk[WALDOI_KEY];
	uint8_t prologue[MOST];
	size_t prologue_len;
	uint8_t remote[WALDOI_KEY]; /* the peer's static key */
	waldoi_cipher send, receive;
};

static int
sodium_setup(void **state)
{
	(void) state;
	return sodium_init() < 0 ? -1 : 0;
}

/* ---- the vectors */

/* A field in hexadecimal; 0 bytes if it is not there. */
static size_t
field(const json_t *object, const char *name, uint8_t *data, size_t max)
{
	const char *hex = json_string_value(json_object_get(object, name));
	size_t len = 0;

	if (hex != NULL) {
		assert_int_equal(sodium_hex2bin(data, max, hex, strlen(hex),
		                                NULL, &len, NULL),
		                 0);
	}
	return len;
}

static size_t
side_field(const json_t *vector, const char *side, const char *name,
           uint8_t *data, size_t max)
{
	char full[64];

	(void) snprintf(full, sizeof(full), "%s_%s", side, name);
	return field(vector, full, data, max);
}

static waldoi_pattern
pattern_of(const json_t *vector)
{
	static const struct {
		const char *name;
		waldoi_pattern pattern;
	} names[] = {
	    {"Noise_XK_25519_ChaChaPoly_SHA256", WALDOI_XK},
	    {"Noise_XX_25519_ChaChaPoly_SHA256", WALDOI_XX},
	    {"Noise_XKpsk3_25519_ChaChaPoly_SHA256", WALDOI_XKPSK3},
	};
	const char *name =
	    json_string_value(json_object_get(vector, "protocol_name"));

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(name, names[i].name) == 0) {
			return names[i].pattern;
		}
	}
	fail_msg("no pattern %s", name);
	return WALDOI_CLEAR;
}

static void
open_side(struct side *side, const json_t *vector, const char *name)
{
	uint8_t secret[WALDOI_KEY];
	char full[32];
	const json_t *psk;
	size_t len;

	memset(side, 0, sizeof(*side));
	assert_int_equal(
	    side_field(vector, name, "static", secret, sizeof(secret)),
	    sizeof(secret));
	assert_true(waldoi_keypair_init(&side->keypair, secret));
	assert_int_equal(
	    side_field(vector, name, "ephemeral", side->ephemeral, WALDOI_KEY),
	    WALDOI_KEY);
	side->prologue_len = side_field(vector, name, "prologue",
	                                side->prologue, sizeof(side->prologue));
	len = side_field(vector, name, "remote_static", side->remote,
	                 sizeof(side->remote));
	(void) snprintf(full, sizeof(full), "%s_psks", name);
	psk = json_array_get(json_object_get(vector, full), 0);
	if (psk != NULL) {
		assert_int_equal(sodium_hex2bin(side->psk, WALDOI_KEY,
		                                json_string_value(psk),
		                                2 * WALDOI_KEY, NULL, NULL,
		                                NULL),
		                 0);
	}
	side->keys =
	    (waldoi_noise_keys){&side->keypair, side->psk, side->remote};
	waldoi_noise_init(&side->noise, pattern_of(vector),
	                  strcmp(name, "init") == 0, side->prologue,
	                  side->prologue_len,
	                  len > 0 ? side->remote : side->keypair.public);
}

static void
close_side(struct side *side)
{
	waldoi_keypair_fini(&side->keypair);
}

/* A message of the handshake: written as the vector has it, and read. */
static void
run_handshake_message(struct side *from, struct side *to,
                      const uint8_t *payload, size_t len, const uint8_t *want,
                      size_t want_len)
{
	uint8_t message[2 * MOST], *got;
	size_t message_len = waldoi_noise_overhead(&from->noise) + len;

	assert_int_equal(message_len, want_len);
	assert_true(waldoi_noise_write(&from->noise, from->keys,
	                               from->ephemeral, payload, len, message));
	assert_memory_equal(message, want, want_len);
	assert_true(waldoi_noise_read(&to->noise, to->keys, message,
	                              message_len, &got, &message_len));
	assert_int_equal(message_len, len);
	assert_memory_equal(got, payload, len);
}

static void
run_message(struct side *from, struct side *to, const uint8_t *payload,
            size_t len, const uint8_t *want, size_t want_len)
{
	uint8_t message[2 * MOST];

	assert_int_equal(len + WALDOI_TAG, want_len);
	assert_true(
	    waldoi_cipher_seal(&from->send, NULL, 0, payload, len, message));
	assert_memory_equal(message, want, want_len);
	assert_true(waldoi_cipher_open(&to->receive, NULL, 0, message, want_len,
	                               message));
	assert_memory_equal(message, payload, len);
}

static void
end_handshake(struct side *a, struct side *b, const json_t *vector)
{
	uint8_t hash[WALDOI_HASH];

	assert_memory_equal(a->noise.h, b->noise.h, WALDOI_HASH);
	if (field(vector, "handshake_hash", hash, sizeof(hash)) > 0) {
		assert_memory_equal(a->noise.h, hash, WALDOI_HASH);
	}
	assert_memory_equal(a->noise.key, b->keypair.public, WALDOI_KEY);
	assert_memory_equal(b->noise.key, a->keypair.public, WALDOI_KEY);
	waldoi_noise_split(&a->noise, &a->send, &a->receive);
	waldoi_noise_split(&b->noise, &b->send, &b->receive);
}

static size_t
run_vector(const json_t *vector)
{
	const json_t *messages = json_object_get(vector, "messages"), *message;
	uint8_t payload[MOST], want[2 * MOST];
	struct side sides[2];
	size_t i;

	open_side(&sides[0], vector, "init");
	open_side(&sides[1], vector, "resp");
	json_array_foreach(messages, i, message)
	{
		struct side *from = &sides[i % 2], *to = &sides[1 - i % 2];
		size_t len =
		    field(message, "payload", payload, sizeof(payload));
		size_t want_len =
		    field(message, "ciphertext", want, sizeof(want));

		if (i < 3) {
			run_handshake_message(from, to, payload, len, want,
			                      want_len);
		} else {
			run_message(from, to, payload, len, want, want_len);
		}
		if (i == 2) {
			end_handshake(&sides[0], &sides[1], vector);
		}
	}
	close_side(&sides[0]);
	close_side(&sides[1]);
	return i;
}

static void
the_official_vectors_come_out_byte_for_byte(void **state)
{
	json_t *root = json_load_file(WALDO_VECTORS, 0, NULL);
	const json_t *vectors = json_object_get(root, "vectors"), *vector;
	size_t i, messages = 0;

	(void) state;
	json_array_foreach(vectors, i, vector)
	{
		messages += run_vector(vector);
	}
	assert_int_equal(i, 5);
	assert_int_equal(messages, 28);
	print_message("score R8 vectors %zu - 5 pass\n", i);
	print_message("score R8 messages_of_vectors %zu - 28 pass\n", messages);
	json_decref(root);
}

/* ---- what must not pass */

struct pair {
	struct side sides[2];
	uint8_t messages[3][MOST];
	size_t lens[3];
};

static const uint8_t prologue[] = "a prologue";

static void
open_pair(struct pair *pair, waldoi_pattern pattern)
{
	uint8_t secret[WALDOI_KEY];

	memset(pair, 0, sizeof(*pair));
	for (uint8_t i = 0; i < 2; i++) {
		struct side *side = &pair->sides[i];

		memset(secret, 17 + i, sizeof(secret));
		assert_true(waldoi_keypair_init(&side->keypair, secret));
		memset(side->ephemeral, 33 + i, WALDOI_KEY);
		memset(side->psk, 55, WALDOI_KEY);
	}
	for (int i = 0; i < 2; i++) {
		struct side *side = &pair->sides[i];

		side->keys = (waldoi_noise_keys){&side->keypair, side->psk,
		                                 side->remote};
		if (i == 0 && pattern != WALDOI_XX) {
			memcpy(side->remote, pair->sides[1].keypair.public,
			       WALDOI_KEY);
		}
		waldoi_noise_init(&side->noise, pattern, i == 0, prologue,
		                  sizeof(prologue),
		                  pair->sides[1].keypair.public);
	}
}

static void
close_pair(struct pair *pair)
{
	close_side(&pair->sides[0]);
	close_side(&pair->sides[1]);
}

static void
write_next(struct pair *pair, int message)
{
	struct side *from = &pair->sides[message % 2];

	pair->lens[message] = waldoi_noise_overhead(&from->noise) + 4;
	assert_true(waldoi_noise_write(
	    &from->noise, from->keys, from->ephemeral, (const uint8_t *) "word",
	    4, pair->messages[message]));
}

static bool
read_next(struct pair *pair, int message)
{
	uint8_t *payload;
	size_t len;

	struct side *to = &pair->sides[1 - message % 2];

	return waldoi_noise_read(&to->noise, to->keys, pair->messages[message],
	                         pair->lens[message], &payload, &len) &&
	       len == 4 && memcmp(payload, "word", 4) == 0;
}

static void
go_to(struct pair *pair, int message)
{
	for (int i = 0; i < message; i++) {
		write_next(pair, i);
		assert_true(read_next(pair, i));
	}
	write_next(pair, message);
}

static void
every_flipped_bit_of_a_handshake_is_refused(void **state)
{
	struct pair pair;
	size_t flips = 0;

	(void) state;
	for (int pattern = WALDOI_XK; pattern <= WALDOI_XKPSK3; pattern++) {
		for (int message = 0; message < 3; message++) {
			size_t bits = MOST;

			/* Message 1 of XX has no tag: see message 2 then. */
			if (pattern == WALDOI_XX && message == 0) {
				continue;
			}
			for (size_t bit = 0; bit < bits; bit++, flips++) {
				open_pair(&pair, (waldoi_pattern) pattern);
				go_to(&pair, message);
				bits = 8 * pair.lens[message];
				pair.messages[message][bit / 8] ^=
				    (uint8_t) (1 << bit % 8);
				assert_false(read_next(&pair, message));
				close_pair(&pair);
			}
		}
	}
	print_message("score R8 flips_in_messages %zu - - pass\n", flips);
}

static void
a_changed_first_message_of_xx_fails_at_the_second(void **state)
{
	struct pair pair;

	(void) state;
	open_pair(&pair, WALDOI_XX);
	go_to(&pair, 0);
	pair.messages[0][0] ^= 1;
	assert_true(read_next(&pair, 0));
	write_next(&pair, 1);
	assert_false(read_next(&pair, 1));
	close_pair(&pair);
}

static void
a_message_that_is_cut_short_is_refused(void **state)
{
	struct pair pair;

	(void) state;
	for (int message = 0; message < 3; message++) {
		size_t len = MOST;

		for (size_t cut = 1; cut <= len; cut++) {
			open_pair(&pair, WALDOI_XK);
			go_to(&pair, message);
			len = pair.lens[message];
			pair.lens[message] -= cut;
			assert_false(read_next(&pair, message));
			close_pair(&pair);
		}
	}
}

/* Of the points of low order those that are canonical, and their like. */
static const uint8_t low_order[][WALDOI_KEY] = {
    {0},
    {1},
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
     0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
     0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
     0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
     0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

enum { LOW_ORDER = sizeof(low_order) / sizeof(*low_order) };

/* What would be 0 whatever our key is has to end it. */
static void
an_ephemeral_of_low_order_is_refused(void **state)
{
	struct pair pair;

	(void) state;
	for (int i = 0; i < LOW_ORDER; i++) {
		open_pair(&pair, WALDOI_XK);
		go_to(&pair, 0);
		memcpy(pair.messages[0], low_order[i], WALDOI_KEY);
		assert_false(read_next(&pair, 0));
		close_pair(&pair);

		/* That of XX is used when it is answered. */
		open_pair(&pair, WALDOI_XX);
		go_to(&pair, 0);
		memcpy(pair.messages[0], low_order[i], WALDOI_KEY);
		assert_true(read_next(&pair, 0));
		assert_false(waldoi_noise_write(
		    &pair.sides[1].noise, pair.sides[1].keys,
		    pair.sides[1].ephemeral, NULL, 0, pair.messages[1]));
		close_pair(&pair);
	}
}

static void
a_static_key_of_low_order_is_refused(void **state)
{
	struct pair pair;

	(void) state;
	for (int i = 0; i < LOW_ORDER; i++) {
		/* The responder's, as the initiator was told it. */
		open_pair(&pair, WALDOI_XK);
		memcpy(pair.sides[0].remote, low_order[i], WALDOI_KEY);
		waldoi_noise_init(&pair.sides[0].noise, WALDOI_XK, true,
		                  prologue, sizeof(prologue), low_order[i]);
		assert_false(waldoi_noise_write(
		    &pair.sides[0].noise, pair.sides[0].keys,
		    pair.sides[0].ephemeral, NULL, 0, pair.messages[0]));
		close_pair(&pair);

		/* The initiator's, as it says itself. */
		open_pair(&pair, WALDOI_XK);
		memcpy(pair.sides[0].keypair.public, low_order[i], WALDOI_KEY);
		go_to(&pair, 2);
		assert_false(read_next(&pair, 2));
		close_pair(&pair);
	}
}

static void
assert_fails_at(struct pair *pair, int message)
{
	go_to(pair, message);
	assert_false(read_next(pair, message));
	close_pair(pair);
}

static void
who_disagrees_about_anything_does_not_meet(void **state)
{
	struct pair pair;
	struct side *side = &pair.sides[1];

	(void) state;
	open_pair(&pair, WALDOI_XK); /* another prologue */
	waldoi_noise_init(&side->noise, WALDOI_XK, false, prologue,
	                  sizeof(prologue) - 1, side->keypair.public);
	assert_fails_at(&pair, 0);

	open_pair(&pair, WALDOI_XK); /* another responder */
	waldoi_noise_init(&side->noise, WALDOI_XK, false, prologue,
	                  sizeof(prologue), pair.sides[0].keypair.public);
	assert_fails_at(&pair, 0);

	open_pair(&pair, WALDOI_XKPSK3); /* another secret */
	side->psk[31] ^= 0x80;
	assert_fails_at(&pair, 2);

	open_pair(&pair, WALDOI_XKPSK3); /* another pattern */
	waldoi_noise_init(&side->noise, WALDOI_XK, false, prologue,
	                  sizeof(prologue), side->keypair.public);
	assert_fails_at(&pair, 0);
}

/* ---- ciphers */

static void
a_cipher_stops_before_its_nonces_are_used_up(void **state)
{
	waldoi_cipher cipher = {{1}, WALDOI_LAST_NONCE - 1}, other = cipher;
	uint8_t data[4 + WALDOI_TAG] = "word";

	(void) state;
	assert_true(waldoi_cipher_seal(&cipher, NULL, 0, data, 4, data));
	assert_true(
	    waldoi_cipher_open(&other, NULL, 0, data, sizeof(data), data));
	assert_false(waldoi_cipher_seal(&cipher, NULL, 0, data, 4, data));
	assert_false(
	    waldoi_cipher_open(&other, NULL, 0, data, sizeof(data), data));
}

/* Section 4.2: the first 32 bytes of what seals zeros with the last nonce. */
static void
a_new_key_is_what_the_old_one_makes_of_zeros(void **state)
{
	static const uint8_t zeros[WALDOI_KEY];
	uint8_t nonce[12], want[WALDOI_KEY + WALDOI_TAG];
	waldoi_cipher cipher = {{7, 8, 9}, 5};

	(void) state;
	memset(nonce, 0, 4);
	memset(nonce + 4, 0xff, 8);
	(void) crypto_aead_chacha20poly1305_ietf_encrypt(
	    want, NULL, zeros, sizeof(zeros), NULL, 0, NULL, nonce, cipher.key);
	waldoi_cipher_rekey(&cipher);
	assert_memory_equal(cipher.key, want, WALDOI_KEY);
	assert_int_equal(cipher.n, 5);
}

static void
what_does_not_open_leaves_nothing_and_spends_no_nonce(void **state)
{
	waldoi_cipher cipher = {{3}, 0}, other = cipher;
	uint8_t sealed[4 + WALDOI_TAG], plain[4] = "????";

	(void) state;
	assert_true(waldoi_cipher_seal(&cipher, NULL, 0,
	                               (const uint8_t *) "word", 4, sealed));
	sealed[0] ^= 1;
	assert_false(
	    waldoi_cipher_open(&other, NULL, 0, sealed, sizeof(sealed), plain));
	assert_memory_not_equal(plain, "word", 4);
	sealed[0] ^= 1;
	assert_true(
	    waldoi_cipher_open(&other, NULL, 0, sealed, sizeof(sealed), plain));
	assert_memory_equal(plain, "word", 4);
}

/* ---- keys */

static void
a_hint_is_the_beginning_of_the_keys_hash(void **state)
{
	uint8_t key[WALDOI_KEY] = {0}, hint[WALDOI_HINT];
	/* printf '\0%.0s' {1..32} | sha256sum */
	static const uint8_t want[] = {0x66, 0x68, 0x7a, 0xad};

	(void) state;
	waldoi_key_hint(key, hint);
	assert_memory_equal(hint, want, sizeof(want));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_official_vectors_come_out_byte_for_byte),
	    cmocka_unit_test(every_flipped_bit_of_a_handshake_is_refused),
	    cmocka_unit_test(a_changed_first_message_of_xx_fails_at_the_second),
	    cmocka_unit_test(a_message_that_is_cut_short_is_refused),
	    cmocka_unit_test(an_ephemeral_of_low_order_is_refused),
	    cmocka_unit_test(a_static_key_of_low_order_is_refused),
	    cmocka_unit_test(who_disagrees_about_anything_does_not_meet),
	    cmocka_unit_test(a_cipher_stops_before_its_nonces_are_used_up),
	    cmocka_unit_test(a_new_key_is_what_the_old_one_makes_of_zeros),
	    cmocka_unit_test(
	        what_does_not_open_leaves_nothing_and_spends_no_nonce),
	    cmocka_unit_test(a_hint_is_the_beginning_of_the_keys_hash),
	};

	return cmocka_run_group_tests(tests, sodium_setup, NULL);
}
