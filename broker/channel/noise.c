/* SPDX-License-Identifier: MIT */
#include "broker/channel/noise.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

_Static_assert(WALDOI_KEY == crypto_scalarmult_BYTES, "X25519");
_Static_assert(WALDOI_HASH == crypto_auth_hmacsha256_BYTES, "SHA-256");

/* ---- CipherState */

bool
waldoi_cipher_seal(waldoi_cipher *cipher, const uint8_t *ad, size_t ad_len,
                   const uint8_t *data, size_t len, uint8_t *out)
{
	if (cipher->n >= WALDOI_LAST_NONCE) {
		return false;
	}
	waldoi_aead_seal(cipher->key, cipher->n++, ad, ad_len, data, len, out);
	return true;
}

bool
waldoi_cipher_open(waldoi_cipher *cipher, const uint8_t *ad, size_t ad_len,
                   const uint8_t *data, size_t len, uint8_t *out)
{
	if (cipher->n >= WALDOI_LAST_NONCE ||
	    !waldoi_aead_open(cipher->key, cipher->n, ad, ad_len, data, len,
	                      out)) {
		return false;
	}
	cipher->n++;
	return true;
}

void
waldoi_cipher_rekey(waldoi_cipher *cipher)
{
	static const uint8_t zeros[WALDOI_KEY];
	uint8_t key[WALDOI_KEY + WALDOI_TAG];

	waldoi_aead_seal(cipher->key, UINT64_MAX, NULL, 0, zeros, sizeof(zeros),
	                 key);
	memcpy(cipher->key, key, WALDOI_KEY);
	sodium_memzero(key, sizeof(key));
}

/* ---- SymmetricState */

/* HKDF of section 4.3: `count` outputs. What HMAC makes of its key is computed
 * once for all of them: that is half of the work. */
static void
derive(const uint8_t ck[WALDOI_HASH], const uint8_t *input, size_t len,
       uint8_t count, uint8_t out[][WALDOI_HASH])
{
	crypto_auth_hmacsha256_state keyed, state;
	uint8_t key[WALDOI_HASH];

	crypto_auth_hmacsha256_init(&state, ck, WALDOI_HASH);
	crypto_auth_hmacsha256_update(&state, input, len);
	crypto_auth_hmacsha256_final(&state, key);
	crypto_auth_hmacsha256_init(&keyed, key, sizeof(key));
	for (uint8_t i = 1; i <= count; i++) {
		state = keyed;
		if (i > 1) {
			crypto_auth_hmacsha256_update(&state, out[i - 2],
			                              WALDOI_HASH);
		}
		crypto_auth_hmacsha256_update(&state, &i, 1);
		crypto_auth_hmacsha256_final(&state, out[i - 1]);
	}
	sodium_memzero(key, sizeof(key));
	sodium_memzero(&keyed, sizeof(keyed));
	sodium_memzero(&state, sizeof(state));
}

static void
mix_hash(waldoi_noise *noise, const uint8_t *data, size_t len)
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, noise->h, sizeof(noise->h));
	crypto_hash_sha256_update(&state, data, len);
	crypto_hash_sha256_final(&state, noise->h);
}

static void
mix_key(waldoi_noise *noise, const uint8_t input[WALDOI_KEY])
{
	uint8_t out[2][WALDOI_HASH];

	derive(noise->ck, input, WALDOI_KEY, 2, out);
	memcpy(noise->ck, out[0], WALDOI_HASH);
	memcpy(noise->k, out[1], WALDOI_KEY);
	noise->n = 0;
	noise->keyed = true;
	sodium_memzero(out, sizeof(out));
}

static void
mix_key_and_hash(waldoi_noise *noise, const uint8_t input[WALDOI_KEY])
{
	uint8_t out[3][WALDOI_HASH];

	derive(noise->ck, input, WALDOI_KEY, 3, out);
	memcpy(noise->ck, out[0], WALDOI_HASH);
	mix_hash(noise, out[1], WALDOI_HASH);
	memcpy(noise->k, out[2], WALDOI_KEY);
	noise->n = 0;
	noise->keyed = true;
	sodium_memzero(out, sizeof(out));
}

/* Returns the length of what was written. */
static size_t
encrypt_and_hash(waldoi_noise *noise, const uint8_t *data, size_t len,
                 uint8_t *out)
{
	size_t out_len = len;

	if (noise->keyed) {
		waldoi_aead_seal(noise->k, noise->n++, noise->h,
		                 sizeof(noise->h), data, len, out);
		out_len += WALDOI_TAG;
	} else if (len > 0) {
		memcpy(out, data, len);
	}
	mix_hash(noise, out, out_len);
	return out_len;
}

/* In place; the hash is of what came. */
static bool
decrypt_and_hash(waldoi_noise *noise, uint8_t *data, size_t len)
{
	uint8_t before[WALDOI_HASH];

	memcpy(before, noise->h, sizeof(before));
	mix_hash(noise, data, len);
	return !noise->keyed ||
	       waldoi_aead_open(noise->k, noise->n++, before, sizeof(before),
	                        data, len, data);
}

/* ---- HandshakeState */

enum token { END, E, S, EE, ES, SE, PSK };

static const struct pattern {
	const char *name;
	uint8_t tokens[3][5];
	uint8_t overhead[3]; /* keys and tags, those of the payload too */
} patterns[] = {
    [WALDOI_XK] = {"Noise_XK_25519_ChaChaPoly_SHA256",
                   {{E, ES}, {E, EE}, {S, SE}},
                   {48, 48, 64}},
    [WALDOI_XX] = {"Noise_XX_25519_ChaChaPoly_SHA256",
                   {{E}, {E, EE, S, ES}, {S, SE}},
                   {32, 96, 64}},
    [WALDOI_XKPSK3] = {"Noise_XKpsk3_25519_ChaChaPoly_SHA256",
                       {{E, ES}, {E, EE}, {S, SE, PSK}},
                       {48, 48, 64}},
};

void
waldoi_noise_init(waldoi_noise *noise, waldoi_pattern pattern, bool initiator,
                  const uint8_t *prologue, size_t len, const uint8_t *responder)
{
	const char *name = patterns[pattern].name;
	size_t name_len = strlen(name);

	*noise = (waldoi_noise){.initiator = initiator,
	                        .pattern = (uint8_t) pattern};
	if (name_len <= WALDOI_HASH) {
		memcpy(noise->h, name, name_len);
	} else {
		(void) crypto_hash_sha256(noise->h, (const uint8_t *) name,
		                          name_len);
	}
	memcpy(noise->ck, noise->h, sizeof(noise->ck));
	mix_hash(noise, prologue, len);
	if (pattern != WALDOI_XX) {
		/* The pre-message. */
		mix_hash(noise, responder, WALDOI_KEY);
	}
}

size_t
waldoi_noise_overhead(const waldoi_noise *noise)
{
	return patterns[noise->pattern].overhead[noise->message];
}

size_t
waldoi_noise_first(waldoi_pattern pattern)
{
	return patterns[pattern].overhead[0];
}

static bool
mix_dh(waldoi_noise *noise, const uint8_t *secret, const uint8_t *public)
{
	uint8_t shared[WALDOI_KEY];
	/* Refuses points of low order, which would make the result known. */
	bool ok = crypto_scalarmult(shared, secret, public) == 0;

	if (ok) {
		mix_key(noise, shared);
	}
	sodium_memzero(shared, sizeof(shared));
	return ok;
}

/* The keys that a message works with. */
struct keys {
	waldoi_noise_keys ours;
	const uint8_t *ephemeral; /* our secret one */
	const uint8_t *remote_ephemeral;
};

/* The tokens that both sides treat alike. The first letter is the initiator's
 * key, the second the responder's. */
static bool
mix_token(waldoi_noise *noise, const struct keys *keys, uint8_t token)
{
	switch (token) {
	case EE: return mix_dh(noise, keys->ephemeral, keys->remote_ephemeral);
	case ES:
		return noise->initiator
		           ? mix_dh(noise, keys->ephemeral, keys->ours.remote)
		           : mix_dh(noise, keys->ours.keypair->secret,
		                    keys->remote_ephemeral);
	case SE:
		return noise->initiator
		           ? mix_dh(noise, keys->ours.keypair->secret,
		                    keys->remote_ephemeral)
		           : mix_dh(noise, keys->ephemeral, keys->ours.remote);
	default:
		assert(token == PSK);
		mix_key_and_hash(noise, keys->ours.psk);
		return true;
	}
}

static void
mix_ephemeral(waldoi_noise *noise, const uint8_t *public)
{
	mix_hash(noise, public, WALDOI_KEY);
	if (noise->pattern == WALDOI_XKPSK3) {
		mix_key(noise, public); /* section 9.2 */
	}
}

/* To the next message; `key` is what that will need. */
static void
go_on(waldoi_noise *noise, const uint8_t *key)
{
	memcpy(noise->key, key, WALDOI_KEY);
	noise->message++;
}

bool
waldoi_noise_write(waldoi_noise *noise, waldoi_noise_keys ours,
                   const uint8_t *ephemeral, const uint8_t *payload, size_t len,
                   uint8_t *message)
{
	const uint8_t *token = patterns[noise->pattern].tokens[noise->message];
	const struct keys keys = {ours, ephemeral, noise->key};

	assert(noise->message < 3 &&
	       noise->initiator == (noise->message % 2 == 0));
	for (; *token != END; token++) {
		if (*token == E) {
			(void) crypto_scalarmult_base(message, ephemeral);
			mix_ephemeral(noise, message);
			message += WALDOI_KEY;
		} else if (*token == S) {
			message += encrypt_and_hash(noise, ours.keypair->public,
			                            WALDOI_KEY, message);
		} else if (!mix_token(noise, &keys, *token)) {
			return false;
		}
	}
	(void) encrypt_and_hash(noise, payload, len, message);
	go_on(noise, noise->message < 2 ? ephemeral : ours.remote);
	return true;
}

bool
waldoi_noise_read(waldoi_noise *noise, waldoi_noise_keys ours, uint8_t *message,
                  size_t len, uint8_t **ret_payload, size_t *ret_len)
{
	const uint8_t *token = patterns[noise->pattern].tokens[noise->message];
	const size_t s_len = WALDOI_KEY + WALDOI_TAG; /* it is always sealed */
	const struct keys keys = {ours, noise->key, message};
	uint8_t *end = message + len;

	assert(noise->message < 3 &&
	       noise->initiator == (noise->message % 2 != 0));
	if (len < waldoi_noise_overhead(noise)) {
		return false;
	}
	for (; *token != END; token++) {
		if (*token == E) {
			mix_ephemeral(noise, message);
			message += WALDOI_KEY;
		} else if (*token == S) {
			if (!decrypt_and_hash(noise, message, s_len)) {
				return false;
			}
			memcpy(ours.remote, message, WALDOI_KEY);
			message += s_len;
		} else if (!mix_token(noise, &keys, *token)) {
			return false;
		}
	}
	len = (size_t) (end - message);
	if (!decrypt_and_hash(noise, message, len)) {
		return false;
	}
	go_on(noise, noise->message < 2 ? keys.remote_ephemeral : ours.remote);
	*ret_payload = message;
	*ret_len = len - (noise->keyed ? WALDOI_TAG : 0);
	return true;
}

void
waldoi_noise_split(const waldoi_noise *noise, waldoi_cipher *ret_send,
                   waldoi_cipher *ret_receive)
{
	uint8_t out[2][WALDOI_HASH];

	assert(noise->message == 3);
	derive(noise->ck, NULL, 0, 2, out);
	memcpy(ret_send->key, out[noise->initiator ? 0 : 1], WALDOI_KEY);
	memcpy(ret_receive->key, out[noise->initiator ? 1 : 0], WALDOI_KEY);
	ret_send->n = ret_receive->n = 0;
	sodium_memzero(out, sizeof(out));
}
