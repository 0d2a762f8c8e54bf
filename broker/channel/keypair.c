/* SPDX-License-Identifier: MIT */
#include "broker/channel/keypair.h"

#include <sodium.h>
#include <string.h>

bool
waldoi_keypair_init(waldoi_keypair *keypair, const uint8_t secret[WALDOI_KEY])
{
	keypair->secret = sodium_malloc(WALDOI_KEY);
	if (keypair->secret == NULL) {
		return false;
	}
	memcpy(keypair->secret, secret, WALDOI_KEY);
	(void) sodium_mprotect_readonly(keypair->secret);
	(void) crypto_scalarmult_base(keypair->public, keypair->secret);
	return true;
}

void
waldoi_keypair_fini(waldoi_keypair *keypair)
{
	sodium_free(keypair->secret);
	keypair->secret = NULL;
}

void
waldoi_key_hint(const uint8_t key[WALDOI_KEY], uint8_t hint[WALDOI_HINT])
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	(void) crypto_hash_sha256(hash, key, WALDOI_KEY);
	memcpy(hint, hash, WALDOI_HINT);
}
