/* SPDX-License-Identifier: MIT */
/*
 * What libgcrypt computes is what libsodium does, bit for bit, and it is not
 * missed. SECURITY.md, "What it rests on".
 */
#include "broker/channel/aead.h"
#include "waldo_test.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 65535 };

/* The names that --wrap gives; the real one is there with libgcrypt. */
unsigned __real_gcry_cipher_open(void **ret_cipher, int algo, int mode,
                                 unsigned flags);
unsigned __wrap_gcry_cipher_open(void **ret_cipher, int algo, int mode,
                                 unsigned flags);

static bool fails; /* gcry_cipher_open() */
static unsigned opened;

static const size_t lens[] = {
    0,
    1,
    WALDOI_AEAD_LONG - WALDOI_TAG,
    WALDOI_AEAD_LONG - 1,
    WALDOI_AEAD_LONG,
    WALDOI_AEAD_LONG + 1,
    WALDOI_AEAD_LONG + 63,
    16384,
    MOST - WALDOI_TAG,
};

enum { LENS = sizeof(lens) / sizeof(*lens) };

static uint8_t key[WALDOI_KEY], plain[MOST], sealed[MOST], out[MOST];

unsigned
__wrap_gcry_cipher_open(void **ret_cipher, int algo, int mode, unsigned flags)
{
	opened++;
#if WALDO_HAS_GCRYPT
	if (!fails) {
		return __real_gcry_cipher_open(ret_cipher, algo, mode, flags);
	}
#endif
	(void) ret_cipher;
	(void) algo;
	(void) mode;
	(void) flags;
	return 1;
}

static int
setup(void **state)
{
	(void) state;
	if (sodium_init() < 0) {
		return -1;
	}
	fails = false;
	opened = 0;
	randombytes_buf_deterministic(
	    plain, sizeof(plain),
	    (const uint8_t[randombytes_SEEDBYTES]){"plain"});
	memset(key, 7, sizeof(key));
	return 0;
}

/* As libsodium seals it, with nonce 0x0102. */
static void
seal_by_sodium(size_t len)
{
	static const uint8_t nonce[12] = {0, 0, 0, 0, 2, 1};

	(void) crypto_aead_chacha20poly1305_ietf_encrypt(
	    sealed, NULL, plain, len, NULL, 0, NULL, nonce, key);
}

static void
assert_alike(size_t len)
{
	seal_by_sodium(len);
	waldoi_aead_seal(key, 0x0102, NULL, 0, plain, len, out);
	assert_memory_equal(out, sealed, len + WALDOI_TAG);
	memcpy(out, plain, len);
	waldoi_aead_seal(key, 0x0102, NULL, 0, out, len, out);
	assert_memory_equal(out, sealed, len + WALDOI_TAG);
	assert_true(
	    waldoi_aead_open(key, 0x0102, NULL, 0, out, len + WALDOI_TAG, out));
	assert_memory_equal(out, plain, len);
	memset(out, 0, len);
	assert_true(waldoi_aead_open(key, 0x0102, NULL, 0, sealed,
	                             len + WALDOI_TAG, out));
	assert_memory_equal(out, plain, len);
}

static void
messages_of_every_length_are_sealed_alike(void **state)
{
	(void) state;
	for (int i = 0; i < LENS; i++) {
		assert_alike(lens[i]);
	}
}

static void
only_long_ones_are_for_libgcrypt(void **state)
{
	(void) state;
	if (!WALDO_HAS_GCRYPT) {
		skip();
	}
	assert_alike(WALDOI_AEAD_LONG - 1);
	assert_int_equal(opened, 0);
	assert_alike(WALDOI_AEAD_LONG);
	assert_int_equal(opened, 4);
}

static void
without_memory_for_libgcrypt_they_are_the_same(void **state)
{
	(void) state;
	fails = true;
	assert_alike(WALDOI_AEAD_LONG);
	assert_alike(MOST - WALDOI_TAG);
}

/* Where it is changed, `out` has nothing of it afterwards. */
static void
assert_refused(size_t len, bool in_place)
{
	const uint8_t *from = in_place ? out : sealed;

	memset(out, '?', sizeof(out));
	if (in_place) {
		memcpy(out, sealed, len + WALDOI_TAG);
	}
	assert_false(waldoi_aead_open(key, 0x0102, NULL, 0, from,
	                              len + WALDOI_TAG, out));
	assert_memory_not_equal(out, plain, 8);
	assert_memory_not_equal(out + len - 8, plain + len - 8, 8);
}

static void
what_was_changed_is_not_opened(void **state)
{
	(void) state;
	for (int i = 2; i < LENS; i++) {
		const size_t len = lens[i];
		const size_t at[] = {0, len / 2, len - 1, len, len + 15};

		seal_by_sodium(len);
		for (size_t k = 0; k < sizeof(at) / sizeof(*at); k++) {
			for (int bit = 0; bit < 8; bit++) {
				sealed[at[k]] ^= (uint8_t) (1 << bit);
				assert_refused(len, bit % 2 == 0);
				sealed[at[k]] ^= (uint8_t) (1 << bit);
			}
		}
	}
}

static void
another_key_and_another_nonce_do_not_open_it(void **state)
{
	const size_t whole = WALDOI_AEAD_LONG + WALDOI_TAG;

	(void) state;
	seal_by_sodium(WALDOI_AEAD_LONG);
	assert_false(
	    waldoi_aead_open(key, 0x0103, NULL, 0, sealed, whole, out));
	key[31] ^= 1;
	assert_false(
	    waldoi_aead_open(key, 0x0102, NULL, 0, sealed, whole, out));
}

/* It is not left to the message: libgcrypt is not asked then. */
static void
what_is_to_be_proved_besides_is_proved(void **state)
{
	const size_t len = WALDOI_AEAD_LONG;
	const uint8_t *ad = (const uint8_t *) "besides";

	(void) state;
	waldoi_aead_seal(key, 1, ad, 7, plain, len, sealed);
	assert_true(
	    waldoi_aead_open(key, 1, ad, 7, sealed, len + WALDOI_TAG, out));
	assert_memory_equal(out, plain, len);
	assert_false(
	    waldoi_aead_open(key, 1, ad, 6, sealed, len + WALDOI_TAG, out));
	assert_false(
	    waldoi_aead_open(key, 1, NULL, 0, sealed, len + WALDOI_TAG, out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(messages_of_every_length_are_sealed_alike,
	                           setup),
	    cmocka_unit_test_setup(only_long_ones_are_for_libgcrypt, setup),
	    cmocka_unit_test_setup(
	        without_memory_for_libgcrypt_they_are_the_same, setup),
	    cmocka_unit_test_setup(what_was_changed_is_not_opened, setup),
	    cmocka_unit_test_setup(another_key_and_another_nonce_do_not_open_it,
	                           setup),
	    cmocka_unit_test_setup(what_is_to_be_proved_besides_is_proved,
	                           setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
