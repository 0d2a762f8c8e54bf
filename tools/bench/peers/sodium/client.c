/* SPDX-License-Identifier: MIT */
/*
 * sodium, the other end: a payload is sealed and opened on its way there, and
 * on its way back, with ChaCha20-Poly1305 in records of 64 KiB, the largest
 * that Waldo has. The records never leave the cache.
 */
#include "meter.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG   crypto_aead_chacha20poly1305_ietf_ABYTES
#define PLAIN ((size_t) 65535 - TAG) /* of a record */

static uint8_t key[crypto_aead_chacha20poly1305_ietf_KEYBYTES];
static uint8_t payload[METER_LARGE], received[METER_LARGE];

static void
pass_record(const uint8_t *from, size_t len, uint8_t *to)
{
	static uint8_t record[PLAIN + TAG];
	static uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

	(void) crypto_aead_chacha20poly1305_ietf_encrypt(
	    record, NULL, from, len, NULL, 0, NULL, nonce, key);
	if (crypto_aead_chacha20poly1305_ietf_decrypt(
	        to, NULL, NULL, record, len + TAG, NULL, 0, nonce, key) != 0) {
		abort();
	}
	sodium_increment(nonce, sizeof(nonce));
}

static void
pass(const uint8_t *from, uint8_t *to)
{
	for (size_t at = 0, len; at < METER_LARGE; at += len) {
		len = METER_LARGE - at < PLAIN ? METER_LARGE - at : PLAIN;
		pass_record(from + at, len, to + at);
	}
}

int
main(int argc, char **argv)
{
	meter m;

	meter_init(&m, argc, argv, "large");
	if (sodium_init() < 0) {
		fprintf(stderr, "libsodium does not start\n");
		return 1;
	}
	memset(payload, 'x', sizeof(payload));
	meter_connected(&m);
	meter_start(&m);
	do {
		pass(payload, received);
		pass(received, payload);
	} while (meter_count(&m));
	meter_finish(&m);
}
