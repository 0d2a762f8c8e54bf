/* SPDX-License-Identifier: MIT */
/*
 * broker/identity.h - the keys and secrets of a node
 *
 * What the encrypted channel asks of a node: who it is, in up to eight keys,
 * the cluster's secrets, and what it remembers of others.
 */
#ifndef WALDOI_IDENTITY_H
#define WALDOI_IDENTITY_H

#include "broker/channel/channel.h"
#include "broker/key.h"
#include <waldo/node.h>

#include <stddef.h>
#include <sys/queue.h>

#define WALDOI_MAX_KEYS 8

typedef struct waldoi_psk {
	LIST_ENTRY(waldoi_psk) entry;
	unsigned slot;
	uint8_t secret[WALDO_KEY_BYTES];
} waldoi_psk;

typedef struct waldoi_identity {
	waldo_key *keys[WALDOI_MAX_KEYS]; /* the first is who we are */
	unsigned key_count;
	LIST_HEAD(, waldoi_psk) psks;
	bool psk_required;
	char *known_hosts; /* NULL: nothing is remembered */
	waldo_trust_cb *trust;
	void *trust_user;
	waldoi_sealer *sealer; /* made for the first link that needs it */
} waldoi_identity;

/* False without memory. */
bool waldoi_identity_init(waldoi_identity *identity,
                          const waldo_node_options *options);
void waldoi_identity_fini(waldoi_identity *identity);

/* Ready to listen: a key is made if there is none. */
waldo_err waldoi_identity_open(waldoi_identity *identity) WALDO_MUST_CHECK;

/* NULL without memory. */
waldoi_sealer *waldoi_identity_get_sealer(waldoi_identity *identity);

/* The key that a preamble asks for; without a hint the first one. NULL: it is
 * not ours. */
const waldoi_keypair *waldoi_identity_find(const waldoi_identity *identity,
                                           const uint8_t *hint);
/* NULL: the slot is empty. */
const uint8_t *waldoi_identity_find_psk(const waldoi_identity *identity,
                                        unsigned slot);

/* What a responder says in message 2: a map whose key 1 has the list of its
 * other keys (PROTOCOL.md, N9). At most WALDOI_PAYLOAD bytes; returns how
 * many. */
size_t waldoi_identity_announce(const waldoi_identity *identity,
                                uint8_t payload[WALDOI_PAYLOAD]);
/* Reads it. False: it is malformed. */
bool waldoi_identity_read(const uint8_t *payload, size_t len,
                          uint8_t ret_keys[WALDOI_MAX_KEYS][WALDO_KEY_BYTES],
                          size_t *ret_count);

#endif
