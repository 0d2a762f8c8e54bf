/* SPDX-License-Identifier: MIT */
#include "broker/channel/aead.h"

#include <sodium.h>
#include <string.h>
#ifdef WALDO_GCRYPT
#include <gcrypt.h>
#include <pthread.h>
#endif

_Static_assert(WALDOI_KEY == crypto_aead_chacha20poly1305_ietf_KEYBYTES,
               "ChaCha20-Poly1305");
_Static_assert(WALDOI_TAG == crypto_aead_chacha20poly1305_ietf_ABYTES, "tags");

#define NONCE crypto_aead_chacha20poly1305_ietf_NPUBBYTES

static void
make_nonce(uint64_t n, uint8_t nonce[NONCE])
{
	memset(nonce, 0, NONCE);
	for (int i = 0; i < 8; i++) {
		nonce[4 + i] = (uint8_t) (n >> (8 * i));
	}
}

/* ---- long messages */

#ifdef WALDO_GCRYPT

static bool ready;

/* A program that uses libgcrypt itself has to be done with this before (manual
 * of libgcrypt, section 2.4). */
static void
make_ready(void)
{
	ready = gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P) != 0 ||
	        (gcry_check_version(GCRYPT_VERSION) != NULL &&
	         gcry_control(GCRYCTL_INITIALIZATION_FINISHED) == 0);
}

/* False, and nothing was done: it cannot, for want of memory, or because it may
 * not (FIPS mode). Closing it wipes the key. */
static bool
open_cipher(const uint8_t *key, const uint8_t nonce[NONCE],
            gcry_cipher_hd_t *ret_cipher)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (pthread_once(&once, make_ready) != 0 || !ready ||
	    gcry_cipher_open(ret_cipher, GCRY_CIPHER_CHACHA20,
	                     GCRY_CIPHER_MODE_POLY1305, 0) != 0) {
		return false;
	}
	if (gcry_cipher_setkey(*ret_cipher, key, WALDOI_KEY) != 0 ||
	    gcry_cipher_setiv(*ret_cipher, nonce, NONCE) != 0) {
		gcry_cipher_close(*ret_cipher);
		return false;
	}
	(void) gcry_cipher_final(*ret_cipher);
	return true;
}

/* False: by the other, then. */
static bool
seal_long(const uint8_t *key, const uint8_t nonce[NONCE], const uint8_t *data,
          size_t len, uint8_t *out)
{
	gcry_cipher_hd_t cipher;

	if (!open_cipher(key, nonce, &cipher)) {
		return false;
	}
	if (gcry_cipher_encrypt(cipher, out, len, data, len) != 0 ||
	    gcry_cipher_gettag(cipher, out + len, WALDOI_TAG) != 0) {
		/* It has no reason to; then nobody shall open it. */
		memset(out, 0, len + WALDOI_TAG);
	}
	gcry_cipher_close(cipher);
	return true;
}

/* The same; whether it was opened goes to *ret_opened. */
static bool
open_long(const uint8_t *key, const uint8_t nonce[NONCE], const uint8_t *data,
          size_t len, uint8_t *out, bool *ret_opened)
{
	uint8_t tag[WALDOI_TAG];
	gcry_cipher_hd_t cipher;

	if (!open_cipher(key, nonce, &cipher)) {
		return false;
	}
	*ret_opened = gcry_cipher_decrypt(cipher, out, len, data, len) == 0 &&
	              gcry_cipher_gettag(cipher, tag, WALDOI_TAG) == 0 &&
	              sodium_memcmp(tag, data + len, WALDOI_TAG) == 0;
	gcry_cipher_close(cipher);
	if (!*ret_opened) {
		memset(out, 0, len);
	}
	return true;
}

#else

static bool
seal_long(const uint8_t *key, const uint8_t nonce[NONCE], const uint8_t *data,
          size_t len, uint8_t *out)
{
	(void) key;
	(void) nonce;
	(void) data;
	(void) len;
	(void) out;
	return false;
}

static bool
open_long(const uint8_t *key, const uint8_t nonce[NONCE], const uint8_t *data,
          size_t len, uint8_t *out, bool *ret_opened)
{
	(void) ret_opened;
	return seal_long(key, nonce, data, len, out);
}

#endif

/* ---- */

void
waldoi_aead_seal(const uint8_t *key, uint64_t n, const uint8_t *ad,
                 size_t ad_len, const uint8_t *data, size_t len, uint8_t *out)
{
	uint8_t nonce[NONCE];

	make_nonce(n, nonce);
	if (len < WALDOI_AEAD_LONG || ad_len > 0 ||
	    !seal_long(key, nonce, data, len, out)) {
		(void) crypto_aead_chacha20poly1305_ietf_encrypt(
		    out, NULL, data, len, ad, ad_len, NULL, nonce, key);
	}
}

bool
waldoi_aead_open(const uint8_t *key, uint64_t n, const uint8_t *ad,
                 size_t ad_len, const uint8_t *data, size_t len, uint8_t *out)
{
	uint8_t nonce[NONCE];
	bool opened;

	make_nonce(n, nonce);
	if (len < WALDOI_AEAD_LONG + WALDOI_TAG || ad_len > 0 ||
	    !open_long(key, nonce, data, len - WALDOI_TAG, out, &opened)) {
		opened = crypto_aead_chacha20poly1305_ietf_decrypt(
		             out, NULL, NULL, data, len, ad, ad_len, nonce,
		             key) == 0;
	}
	return opened;
}
