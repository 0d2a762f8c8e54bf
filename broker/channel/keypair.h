/* SPDX-License-Identifier: MIT */
/*
 * broker/channel/keypair.h - a long-term X25519 key
 *
 * The secret half lies between guard pages, locked into memory, read-only and
 * kept out of core dumps, as far as the machine allows; it is wiped at the
 * end. That costs three pages or more: it is for keys that last, not for those
 * of a link.
 */
#ifndef WALDOI_KEYPAIR_H
#define WALDOI_KEYPAIR_H

#include <stdbool.h>
#include <stdint.h>

#define WALDOI_KEY  32 /* bytes of either half */
#define WALDOI_HINT 4

typedef struct waldoi_keypair {
	uint8_t public[WALDOI_KEY];
	uint8_t *secret; /* guarded; NULL before init and after fini */
} waldoi_keypair;

/* Copies `secret`, which the caller wipes. False: no memory can be guarded.
 * libsodium is initialised. */
bool waldoi_keypair_init(waldoi_keypair *keypair,
                         const uint8_t secret[WALDOI_KEY]);
void waldoi_keypair_fini(waldoi_keypair *keypair);

/* By what a preamble names a public key: the first bytes of its SHA-256. */
void waldoi_key_hint(const uint8_t key[WALDOI_KEY], uint8_t hint[WALDOI_HINT]);

#endif
