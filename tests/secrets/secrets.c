/* SPDX-License-Identifier: MIT */
/*
 * What is done does not depend on secrets.
 *
 * Secrets are marked as if they had never been written, and memcheck complains
 * whenever a branch or an index depends on what follows from them. What goes
 * over the wire is public, and so is whether a tag was right and whether a
 * product of X25519 was zero. `secrets leak` compares a secret as one should
 * not, to see that it would be noticed. Run by tests/secrets/run.
 */
#include "tests/unit/secure_fixture.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND                  0
#define VALGRIND_MAKE_MEM_UNDEFINED(at, len) (void) (at)
#define VALGRIND_MAKE_MEM_DEFINED(at, len)   (void) (at)
#endif

int __real_crypto_scalarmult(unsigned char *q, const unsigned char *n,
                             const unsigned char *p);
int __wrap_crypto_scalarmult(unsigned char *q, const unsigned char *n,
                             const unsigned char *p);
bool __real_waldoi_noise_write(waldoi_noise *noise, waldoi_noise_keys keys,
                               const uint8_t *ephemeral, const uint8_t *payload,
                               size_t len, uint8_t *message);
bool __wrap_waldoi_noise_write(waldoi_noise *noise, waldoi_noise_keys keys,
                               const uint8_t *ephemeral, const uint8_t *payload,
                               size_t len, uint8_t *message);
int __real_crypto_aead_chacha20poly1305_ietf_decrypt(
    unsigned char *m, unsigned long long *m_len, unsigned char *nsec,
    const unsigned char *c, unsigned long long c_len, const unsigned char *ad,
    unsigned long long ad_len, const unsigned char *nonce,
    const unsigned char *key);
int __wrap_crypto_aead_chacha20poly1305_ietf_decrypt(
    unsigned char *m, unsigned long long *m_len, unsigned char *nsec,
    const unsigned char *c, unsigned long long c_len, const unsigned char *ad,
    unsigned long long ad_len, const unsigned char *nonce,
    const unsigned char *key);
int __real_sodium_memcmp(const void *a, const void *b, size_t len);
int __wrap_sodium_memcmp(const void *a, const void *b, size_t len);

int
__wrap_crypto_scalarmult(unsigned char *q, const unsigned char *n,
                         const unsigned char *p)
{
	int result = __real_crypto_scalarmult(q, n, p);

	VALGRIND_MAKE_MEM_DEFINED(&result, sizeof(result));
	return result;
}

int
__wrap_crypto_aead_chacha20poly1305_ietf_decrypt(
    unsigned char *m, unsigned long long *m_len, unsigned char *nsec,
    const unsigned char *c, unsigned long long c_len, const unsigned char *ad,
    unsigned long long ad_len, const unsigned char *nonce,
    const unsigned char *key)
{
	int result = __real_crypto_aead_chacha20poly1305_ietf_decrypt(
	    m, m_len, nsec, c, c_len, ad, ad_len, nonce, key);

	VALGRIND_MAKE_MEM_DEFINED(&result, sizeof(result));
	return result;
}

int
__wrap_sodium_memcmp(const void *a, const void *b, size_t len)
{
	int result = __real_sodium_memcmp(a, b, len);

	VALGRIND_MAKE_MEM_DEFINED(&result, sizeof(result));
	return result;
}

/* An ephemeral key is a secret. */
bool
__wrap_waldoi_noise_write(waldoi_noise *noise, waldoi_noise_keys keys,
                          const uint8_t *ephemeral, const uint8_t *payload,
                          size_t len, uint8_t *message)
{
	VALGRIND_MAKE_MEM_UNDEFINED(ephemeral, WALDOI_KEY);
	return __real_waldoi_noise_write(noise, keys, ephemeral, payload, len,
	                                 message);
}

static void
expect(bool claim, const char *what)
{
	if (!claim) {
		fprintf(stderr, "failed: %s\n", what);
		exit(1);
	}
}

static void
begin(struct end ends[2], waldoi_pattern pattern)
{
	expect(ends_init(ends) && ends_open(ends, pattern), "memory");
	for (int i = 0; i < 2; i++) {
		struct end *end = &ends[i];

		for (int k = 0; k < 2; k++) {
			VALGRIND_MAKE_MEM_UNDEFINED(end->keys[k].secret,
			                            WALDOI_KEY);
		}
		VALGRIND_MAKE_MEM_UNDEFINED(end->psk, WALDOI_KEY);
	}
}

/* What is on the wire is everybody's. */
static void
settle(struct end ends[2], size_t chunk, bool spoil)
{
	size_t more;

	do {
		more = 0;
		for (int i = 0; i < 2; i++) {
			size_t len = end_take(&ends[i], SIZE_MAX);
			struct bytes *wire = &ends[i].wire;
			uint8_t *at = wire->data + wire->len - len;

			if (len == 0) {
				continue;
			}
			VALGRIND_MAKE_MEM_DEFINED(at, len);
			at[len - 1] ^= spoil;
			end_give(&ends[1 - i], at, len, chunk);
			more += len;
		}
	} while (more > 0);
}

static void
say_something(struct end ends[2], size_t len)
{
	uint8_t words[300] = "confidential";

	VALGRIND_MAKE_MEM_UNDEFINED(words, sizeof(words));
	for (int i = 0; i < 2; i++) {
		for (size_t done = 0; done < len; done += sizeof(words)) {
			end_say(&ends[i], words, sizeof(words));
		}
	}
}

static void
check_heard(struct end ends[2])
{
	for (int i = 0; i < 2; i++) {
		struct waldoi_session *session = &ends[i].session;

		VALGRIND_MAKE_MEM_DEFINED(session->in.data, session->in.len);
		VALGRIND_MAKE_MEM_DEFINED(session->out.data, session->out.len);
	}
	expect(end_heard(&ends[0], &ends[1]) && end_heard(&ends[1], &ends[0]),
	       "what was said is heard");
}

static void
converse(waldoi_pattern pattern, size_t chunk)
{
	struct end ends[2];

	begin(ends, pattern);
	settle(ends, chunk, false);
	expect(ends[0].session.opened + ends[1].session.opened == 2,
	       "it opens");
	for (int i = 0; i < 2; i++) {
		ends[i].channel.secure->records->period = 3;
	}
	for (int i = 0; i < 7; i++) {
		say_something(ends, i == 3 ? 100000 : 300);
		settle(ends, chunk, false);
	}
	check_heard(ends);
	say_something(ends, 300);
	settle(ends, chunk, true);
	expect(ends[1].session.broken != WALDO_OK, "it breaks");
	ends_fini(ends);
}

/* As no secret may be compared: with a branch for each byte. */
static int
leak(void)
{
	struct end ends[2];
	const volatile uint8_t *secret;
	int same = 0;

	begin(ends, WALDOI_XKPSK3);
	secret = ends[0].psk;
	while (same < WALDOI_KEY && secret[same] == 9) {
		same++;
	}
	printf("%d\n", same);
	ends_fini(ends);
	return 0;
}

int
main(int argc, char **argv)
{
	expect(sodium_init() >= 0, "libsodium");
	if (!RUNNING_ON_VALGRIND) {
		printf("it does not run under valgrind, or was built without "
		       "its headers\n");
		return 77;
	}
	if (argc > 1 && strcmp(argv[1], "leak") == 0) {
		return leak();
	}
	for (int pattern = WALDOI_XK; pattern <= WALDOI_XKPSK3; pattern++) {
		converse((waldoi_pattern) pattern, 0);
		converse((waldoi_pattern) pattern, 13);
	}
	return 0;
}
