/* SPDX-License-Identifier: MIT */
/*
 * broker/uri.h - what to dial, whom to expect there, what to ask for
 *
 * Parsing only, as strict as that of addresses. The grammar is in PROTOCOL.md,
 * "Addresses and URIs".
 */
#ifndef WALDOI_URI_H
#define WALDOI_URI_H

#include "broker/address.h"
#include <waldo/key.h>

#define WALDOI_MAX_HOSTS 8

typedef struct waldoi_uri {
	/* Where: one, or with WALDOI_TCP several. */
	waldoi_address addresses[WALDOI_MAX_HOSTS];
	size_t count;
	bool has_key; /* else, with WALDOI_TCP, the one that is remembered */
	uint8_t key[WALDO_KEY_BYTES];
	unsigned psk; /* the slot of the cluster's secret; 0: none */
	char name[WALDOI_MAX_NAME + 1]; /* "" if there is none */
} waldoi_uri;

/* WALDO_EADDRESS, and why. */
waldo_err waldoi_uri_parse(const char *text, waldoi_uri *ret_uri,
                           char message[200]) WALDO_MUST_CHECK;

/* What waldoi_uri_parse() reads, less the slash and the name. `address` is
 * not WALDOI_FD; `key` is NULL but for WALDOI_TCP. */
void waldoi_uri_format(const waldoi_address *address, const uint8_t *key,
                       char ret_uri[WALDOI_MAX_URI]);

#endif
