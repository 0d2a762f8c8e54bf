/* SPDX-License-Identifier: MIT */
/*
 * broker/channel/noise.h - the Noise protocol framework, revision 34, as far
 * as Waldo has it: Noise_{XK,XX,XKpsk3}_25519_ChaChaPoly_SHA256
 *
 * Messages and ciphers only; what stands around them is handshake.h and
 * record.h. Nothing here branches on a secret or uses one as an index, but for
 * whether a tag was right and whether a product of X25519 was zero.
 */
#ifndef WALDOI_NOISE_H
#define WALDOI_NOISE_H

#include "broker/channel/aead.h"

#define WALDOI_HASH 32

/* No message with this number or a greater one is sealed or opened. */
#define WALDOI_LAST_NONCE (UINT64_C(1) << 63)

/* The values are those of the preamble. */
typedef enum waldoi_pattern {
	WALDOI_CLEAR = 0, /* none */
	WALDOI_XK = 1,    /* the initiator knows the responder's key */
	WALDOI_XX = 2,    /* it learns it */
	WALDOI_XKPSK3 = 3 /* as XK, and both have a secret in common */
} waldoi_pattern;

/* ---- CipherState */

typedef struct waldoi_cipher {
	uint8_t key[WALDOI_KEY];
	uint64_t n; /* the next nonce */
} waldoi_cipher;

/* `out` has room for len + WALDOI_TAG bytes and is `data`, or apart from it.
 * False: all nonces are used up. */
bool waldoi_cipher_seal(waldoi_cipher *cipher, const uint8_t *ad, size_t ad_len,
                        const uint8_t *data, size_t len, uint8_t *out);

/* `len` includes the tag; `out`, of len - WALDOI_TAG bytes, is `data` or apart
 * from it. False: it was sealed by nobody who has the key, or all nonces are
 * used up; then `out` has nothing of it, and the nonce is not spent. */
bool waldoi_cipher_open(waldoi_cipher *cipher, const uint8_t *ad, size_t ad_len,
                        const uint8_t *data, size_t len, uint8_t *out);

/* REKEY of section 4.2; the nonce goes on. */
void waldoi_cipher_rekey(waldoi_cipher *cipher);

/* ---- HandshakeState */

/* Who we are, for the messages that say or use it. */
typedef struct waldoi_noise_keys {
	const waldoi_keypair *keypair; /* the responder's: messages 1 and 2; the
	                                * initiator's: message 3 */
	const uint8_t *psk; /* WALDOI_KEY bytes; message 3 of XKpsk3 */
	uint8_t *remote;    /* the peer's static key: set where the initiator
	                     * of XK and XKpsk3 begins, else what is read goes
	                     * here; for messages 2 and 3, and the initiator's
	                     * first */
} waldoi_noise_keys;

/*
 * A responder holds one for each stranger that it has answered: it is small,
 * and has but one key. The initiator has done with its own ephemeral key when
 * message 2 has come, the responder with the peer's when that leaves.
 */
typedef struct waldoi_noise {
	uint8_t k[WALDOI_KEY]; /* and n below: the cipher of the handshake */
	uint8_t ck[WALDOI_HASH];
	uint8_t h[WALDOI_HASH];
	uint8_t key[WALDOI_KEY]; /* the ephemeral one of message 1, then that of
	                          * message 2 (secret where it is ours), at last
	                          * the peer's static one */
	uint8_t n;
	bool keyed; /* there is a k */
	bool initiator;
	uint8_t pattern;
	uint8_t message; /* 0 to 2: the next one; 3: all were there */
} waldoi_noise;

/* `responder` is the responder's public key, of use unless XX; not kept. */
void waldoi_noise_init(waldoi_noise *noise, waldoi_pattern pattern,
                       bool initiator, const uint8_t *prologue, size_t len,
                       const uint8_t *responder);

/* How much longer the next message is than its payload; and the first. */
size_t waldoi_noise_overhead(const waldoi_noise *noise);
size_t waldoi_noise_first(waldoi_pattern pattern);

/* Writes the next message, which is ours. `ephemeral`, WALDOI_KEY random bytes
 * for messages 1 and 2, is copied. False: a key of the peer's is none. After
 * false, of this and of the next one, it is of no more use. */
bool waldoi_noise_write(waldoi_noise *noise, waldoi_noise_keys keys,
                        const uint8_t *ephemeral, const uint8_t *payload,
                        size_t len, uint8_t *message);

/* Reads the next message, which is the peer's, in place; its payload is its
 * end. False: it is not authentic, too short, or has a key that is none. */
bool waldoi_noise_read(waldoi_noise *noise, waldoi_noise_keys keys,
                       uint8_t *message, size_t len, uint8_t **ret_payload,
                       size_t *ret_len);

/* After message 3: the ciphers of both directions. noise->h is the handshake
 * hash, noise->key the peer's static key. */
void waldoi_noise_split(const waldoi_noise *noise, waldoi_cipher *ret_send,
                        waldoi_cipher *ret_receive);

#endif
