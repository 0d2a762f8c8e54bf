/* SPDX-License-Identifier: MIT */
/*
 * broker/channel/aead.h - ChaCha20-Poly1305 (RFC 8439), as Noise uses it: the
 * nonce is four zero bytes and `n`, little endian (section 12.3)
 *
 * By libsodium; what is long, by libgcrypt, which has faster code for the same
 * thing, if Waldo was built with it. Any thread.
 */
#ifndef WALDOI_AEAD_H
#define WALDOI_AEAD_H

#include "broker/channel/keypair.h"

#include <stddef.h>

#define WALDOI_TAG 16

/* What is not shorter may be libgcrypt's. */
#define WALDOI_AEAD_LONG ((size_t) 4096)

/* `out` has room for len + WALDOI_TAG bytes and is `data`, or apart from it. */
void waldoi_aead_seal(const uint8_t *key, uint64_t n, const uint8_t *ad,
                      size_t ad_len, const uint8_t *data, size_t len,
                      uint8_t *out);

/* `len` includes the tag; `out`, of len - WALDOI_TAG bytes, is `data` or apart
 * from it. False: nobody sealed that who has the key; then `out` has nothing of
 * it. */
bool waldoi_aead_open(const uint8_t *key, uint64_t n, const uint8_t *ad,
                      size_t ad_len, const uint8_t *data, size_t len,
                      uint8_t *out);

#endif
