/* SPDX-License-Identifier: MIT */
/*
 * waldo/key.h - who a node is
 *
 * An X25519 key pair. Its public half is the node's identity: it stands in
 * URIs, and a link proves it (waldo_peer.key). The secret half is kept in
 * memory that is locked, guarded and wiped.
 *
 * Threads: keys are immutable and counted atomically; any thread.
 */
#ifndef WALDO_KEY_H
#define WALDO_KEY_H

#include <waldo/error.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WALDO_KEY_BYTES 32
#define WALDO_KEY_TEXT  53 /* 52 characters of base32 and NUL */
#define WALDO_KEY_PRINT 25 /* "abcd-efgh-jkmn-pqrs-tuvw" and NUL */

typedef struct waldo_key waldo_key;

/* A fresh one. WALDO_ENOMEM also if memory cannot be guarded. */
waldo_err waldo_key_new(waldo_key **ret_key) WALDO_MUST_CHECK;

/*
 * The one in the file `path`; if there is no such file a fresh one is put
 * there first, readable by its owner alone. waldo_node_get_message(NULL) says
 * what went wrong.
 *
 *   WALDO_EDENIED  others than its owner may read or write the file
 *   WALDO_EINVAL   its content is no key
 *   WALDO_ESYSTEM  it cannot be read or made
 */
waldo_err waldo_key_load(const char *path, waldo_key **ret_key)
    WALDO_MUST_CHECK;

/* Counting, as for references. NULL is accepted. */
waldo_key *waldo_key_retain(waldo_key *key);
void waldo_key_release(waldo_key *key);

/* The public half: WALDO_KEY_BYTES, borrowed. NULL for NULL. */
const uint8_t *waldo_key_get_public(const waldo_key *key);

/* A public key as it stands in a URI: base32 (RFC 4648 section 6) in small
 * letters without padding. */
void waldo_key_format(const uint8_t key[WALDO_KEY_BYTES],
                      char text[WALDO_KEY_TEXT]);
/* Capital letters are accepted; false if `text` is anything else. */
bool waldo_key_parse(const char *text, uint8_t key[WALDO_KEY_BYTES])
    WALDO_MUST_CHECK;

/* What two people compare: the first 100 bits of its SHA-256, in base32. */
void waldo_key_fingerprint(const uint8_t key[WALDO_KEY_BYTES],
                           char text[WALDO_KEY_PRINT]);

#ifdef __cplusplus
}
#endif
#endif
