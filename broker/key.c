/* SPDX-License-Identifier: MIT */
#include "broker/key.h"
#include "serial/api.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PRINT_BYTES 13 /* of a digest, for 20 characters */

waldo_key *
waldoi_key_of(const uint8_t secret[WALDO_KEY_BYTES])
{
	waldo_key *key;

	if (sodium_init() < 0 || (key = malloc(sizeof(*key))) == NULL) {
		return NULL;
	}
	if (!waldoi_keypair_init(&key->pair, secret)) {
		free(key);
		return NULL;
	}
	atomic_init(&key->count, 1);
	return key;
}

WALDO_API waldo_err
waldo_key_new(waldo_key **ret_key)
{
	uint8_t secret[WALDO_KEY_BYTES];
	waldo_key *key;

	if (ret_key == NULL) {
		return WALDO_EINVAL;
	}
	if (sodium_init() < 0) {
		return WALDO_ENOMEM;
	}
	randombytes_buf(secret, sizeof(secret));
	key = waldoi_key_of(secret);
	sodium_memzero(secret, sizeof(secret));
	if (key == NULL) {
		return WALDO_ENOMEM;
	}
	*ret_key = key;
	return WALDO_OK;
}

WALDO_API waldo_key *
waldo_key_retain(waldo_key *key)
{
	if (key != NULL) {
		atomic_fetch_add(&key->count, 1);
	}
	return key;
}

WALDO_API void
waldo_key_release(waldo_key *key)
{
	if (key != NULL && atomic_fetch_sub(&key->count, 1) == 1) {
		waldoi_keypair_fini(&key->pair);
		free(key);
	}
}

WALDO_API const uint8_t *
waldo_key_get_public(const waldo_key *key)
{
	return key == NULL ? NULL : key->pair.public;
}

/* ---- texts */

static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

/* The first `count` groups of five bits; those beyond the end are zero. */
static void
format_base32(const uint8_t *data, size_t len, char *text, size_t count)
{
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0, at = 0; i < count; i++) {
		if (have < 5) {
			bits = bits << 8 | (at < len ? data[at++] : 0U);
			have += 8;
		}
		have -= 5;
		text[i] = letters[bits >> have & 31];
	}
	text[count] = '\0';
}

/* -1 if it is no letter of base32. */
static int
letter_value(char c)
{
	if (c >= 'a' && c <= 'z') {
		return c - 'a';
	}
	if (c >= 'A' && c <= 'Z') {
		return c - 'A';
	}
	return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

WALDO_API void
waldo_key_format(const uint8_t key[WALDO_KEY_BYTES], char text[WALDO_KEY_TEXT])
{
	format_base32(key, WALDO_KEY_BYTES, text, WALDO_KEY_TEXT - 1);
}

WALDO_API bool
waldo_key_parse(const char *text, uint8_t key[WALDO_KEY_BYTES])
{
	uint8_t parsed[WALDO_KEY_BYTES];
	uint32_t bits = 0;
	unsigned have = 0;
	size_t at = 0;

	if (text == NULL || strlen(text) != WALDO_KEY_TEXT - 1) {
		return false;
	}
	for (; *text != '\0'; text++) {
		int value = letter_value(*text);

		if (value < 0) {
			return false;
		}
		bits = bits << 5 | (uint32_t) value;
		have += 5;
		if (have >= 8) {
			have -= 8;
			parsed[at++] = (uint8_t) (bits >> have);
		}
	}
	/* One text for one key: the four bits that are left over are zero. */
	if ((bits & 15) != 0) {
		return false;
	}
	memcpy(key, parsed, sizeof(parsed));
	return true;
}

WALDO_API void
waldo_key_fingerprint(const uint8_t key[WALDO_KEY_BYTES],
                      char text[WALDO_KEY_PRINT])
{
	uint8_t digest[crypto_hash_sha256_BYTES];
	char all[21];
	char *to = text;

	(void) crypto_hash_sha256(digest, key, WALDO_KEY_BYTES);
	format_base32(digest, PRINT_BYTES, all, sizeof(all) - 1);
	for (size_t i = 0; all[i] != '\0'; i++) {
		if (i > 0 && i % 4 == 0) {
			*to++ = '-';
		}
		*to++ = all[i];
	}
	*to = '\0';
}
