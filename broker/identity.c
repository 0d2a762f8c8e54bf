/* SPDX-License-Identifier: MIT */
#include "broker/identity.h"
#include "broker/node.h"
#include "serial/api.h"
#include "serial/cursor.h"
#include "serial/pack.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SLOT 255
#define KEY_NEXT 1 /* of the payload's map */

bool
waldoi_identity_init(waldoi_identity *identity,
                     const waldo_node_options *options)
{
	*identity = (waldoi_identity){0};
	if (options == NULL) {
		return true;
	}
	if (options->key != NULL) {
		identity->keys[0] = waldo_key_retain(options->key);
		identity->key_count = 1;
	}
	identity->trust = options->trust;
	identity->trust_user = options->trust_user;
	if (options->known_hosts != NULL) {
		identity->known_hosts = strdup(options->known_hosts);
	}
	return options->known_hosts == NULL || identity->known_hosts != NULL;
}

static void
free_psk(waldoi_psk *psk)
{
	LIST_REMOVE(psk, entry);
	sodium_memzero(psk, sizeof(*psk));
	free(psk);
}

void
waldoi_identity_fini(waldoi_identity *identity)
{
	waldoi_psk *psk;

	while ((psk = LIST_FIRST(&identity->psks)) != NULL) {
		free_psk(psk);
	}
	while (identity->key_count > 0) {
		waldo_key_release(identity->keys[--identity->key_count]);
	}
	free(identity->known_hosts);
	identity->known_hosts = NULL;
	waldoi_sealer_free(identity->sealer);
	identity->sealer = NULL;
}

waldo_err
waldoi_identity_open(waldoi_identity *identity)
{
	waldo_err err = WALDO_OK;

	if (identity->key_count == 0) {
		err = waldo_key_new(&identity->keys[0]);
		identity->key_count = err == WALDO_OK;
	}
	return err;
}

waldoi_sealer *
waldoi_identity_get_sealer(waldoi_identity *identity)
{
	if (identity->sealer == NULL && sodium_init() >= 0) {
		identity->sealer = waldoi_sealer_new();
	}
	return identity->sealer;
}

/* ---- keys */

waldo_err
waldoi_node_open_identity(waldo_node *node, const uint8_t **ret_key)
{
	waldo_err err = waldoi_identity_open(&node->identity);

	if (err != WALDO_OK) {
		return waldoi_node_fail(node, err,
		                        "no memory for a key can be guarded");
	}
	*ret_key = node->identity.keys[0]->pair.public;
	return WALDO_OK;
}

static bool
has_hint(const waldo_key *key, const uint8_t *hint)
{
	uint8_t own[WALDOI_HINT];

	waldoi_key_hint(key->pair.public, own);
	return memcmp(own, hint, sizeof(own)) == 0;
}

const waldoi_keypair *
waldoi_identity_find(const waldoi_identity *identity, const uint8_t *hint)
{
	for (unsigned i = 0; i < identity->key_count; i++) {
		if (hint == NULL || has_hint(identity->keys[i], hint)) {
			return &identity->keys[i]->pair;
		}
	}
	return NULL;
}

WALDO_API waldo_err
waldo_node_add_key(waldo_node *node, waldo_key *key)
{
	waldoi_identity *identity;
	uint8_t hint[WALDOI_HINT];

	if (node == NULL || key == NULL) {
		return WALDO_EINVAL;
	}
	identity = &node->identity;
	if (identity->key_count == WALDOI_MAX_KEYS) {
		return waldoi_node_fail(node, WALDO_EINVAL,
		                        "a node has at most %d keys",
		                        WALDOI_MAX_KEYS);
	}
	waldoi_key_hint(key->pair.public, hint);
	if (waldoi_identity_find(identity, hint) != NULL) {
		return waldoi_node_fail(node, WALDO_EINVAL,
		                        "the node has that key already, or "
		                        "one that begins alike");
	}
	identity->keys[identity->key_count++] = waldo_key_retain(key);
	return WALDO_OK;
}

/* ---- the cluster's secrets */

static waldoi_psk *
find_psk(const waldoi_identity *identity, unsigned slot)
{
	waldoi_psk *psk;

	LIST_FOREACH(psk, &identity->psks, entry) {
		if (psk->slot == slot) {
			return psk;
		}
	}
	return NULL;
}

const uint8_t *
waldoi_identity_find_psk(const waldoi_identity *identity, unsigned slot)
{
	const waldoi_psk *psk = find_psk(identity, slot);

	return psk == NULL ? NULL : psk->secret;
}

WALDO_API waldo_err
waldo_node_set_psk(waldo_node *node, unsigned slot, const uint8_t secret[32],
                   bool required)
{
	waldoi_psk *psk;

	if (node == NULL) {
		return WALDO_EINVAL;
	}
	if (slot < 1 || slot > MAX_SLOT) {
		return waldoi_node_fail(node, WALDO_EINVAL,
		                        "slot %u: there are slots 1 to %d",
		                        slot, MAX_SLOT);
	}
	psk = find_psk(&node->identity, slot);
	if (secret == NULL && psk != NULL) {
		free_psk(psk);
	} else if (secret != NULL) {
		if (psk == NULL) {
			psk = calloc(1, sizeof(*psk));
			if (psk == NULL) {
				return waldoi_node_fail(node, WALDO_ENOMEM,
				                        "out of memory");
			}
			psk->slot = slot;
			LIST_INSERT_HEAD(&node->identity.psks, psk, entry);
		}
		memcpy(psk->secret, secret, sizeof(psk->secret));
	}
	node->identity.psk_required |= required;
	return WALDO_OK;
}

/* ---- announcing */

size_t
waldoi_identity_announce(const waldoi_identity *identity,
                         uint8_t payload[WALDOI_PAYLOAD])
{
	uint8_t *p = payload;

	if (identity->key_count < 2) {
		return (size_t) (waldoi_pack_map(p, 0) - payload);
	}
	p = waldoi_pack_map(p, 1);
	p = waldoi_pack_uint(p, KEY_NEXT);
	p = waldoi_pack_array(p, identity->key_count - 1);
	for (unsigned i = 1; i < identity->key_count; i++) {
		p = waldoi_pack_bin(p, identity->keys[i]->pair.public,
		                    WALDO_KEY_BYTES);
	}
	return (size_t) (p - payload);
}

/* bin 8 of 32 bytes. */
static void
read_key(waldoi_cursor *c, uint8_t key[WALDO_KEY_BYTES])
{
	const uint8_t *bytes;

	if (waldoi_cursor_be(c, 2) != (0xc400 | WALDO_KEY_BYTES)) {
		waldoi_cursor_fail(c);
	}
	bytes = waldoi_cursor_bytes(c, WALDO_KEY_BYTES);
	if (bytes != NULL) {
		memcpy(key, bytes, WALDO_KEY_BYTES);
	}
}

bool
waldoi_identity_read(const uint8_t *payload, size_t len,
                     uint8_t ret_keys[WALDOI_MAX_KEYS][WALDO_KEY_BYTES],
                     size_t *ret_count)
{
	waldoi_cursor c = waldoi_cursor_of(payload, len);
	uint32_t pairs = waldoi_cursor_map(&c);
	uint64_t seen = 0;

	*ret_count = 0;
	for (uint32_t i = 0; i < pairs && !c.failed; i++) {
		uint32_t count;

		/* A later version may say more. */
		if (waldoi_cursor_key(&c, UINT32_MAX, &seen) != KEY_NEXT) {
			waldoi_cursor_skip(&c);
			continue;
		}
		count = waldoi_cursor_array(&c);
		if (count > WALDOI_MAX_KEYS) {
			waldoi_cursor_fail(&c);
		}
		for (uint32_t k = 0; k < count && !c.failed; k++) {
			read_key(&c, ret_keys[k]);
		}
		*ret_count = count;
	}
	return !c.failed && c.p == c.end;
}
