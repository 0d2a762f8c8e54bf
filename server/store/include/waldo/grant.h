/* SPDX-License-Identifier: MIT */
/*
 * waldo/grant.h - references that survive: a text that anybody can keep
 *
 * A grant says how an object can be had again: its kind, and arguments for the
 * factory of that kind. Its swissnum, 256 random bits that stand in a URI
 * where a name would, is the only way to it, and is nowhere stored: the store
 * (SQLite) has a keyed hash.
 *
 * Whoever fetches a swissnum gets a facet of the object (<waldo/facet.h>), so
 * that revoking a grant takes back what was fetched with it, from everybody,
 * at once. A swissnum that is wrong, revoked, expired or sealed to another key
 * is answered alike, WALDO_ENAME.
 *
 * These functions commit to the disk before they return.
 */
#ifndef WALDO_GRANT_H
#define WALDO_GRANT_H

#include <waldo/key.h>
#include <waldo/packed.h>
#include <waldo/server.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WALDO_SWISSNUM_TEXT 44 /* 43 characters of base64url and NUL */

typedef struct waldo_grants waldo_grants;

/*
 * Opens the store in the file `path`, which is made if it is not there,
 * readable by its owner alone. It lives until it is closed or the node is
 * freed. Any number of processes may have it open, but none whose parent had
 * when it forked (sqlite.org/howtocorrupt.html, section 2.6).
 *
 *   WALDO_EDENIED  others than its owner may read or write the file
 *   WALDO_EINVAL   it is no store of ours, or of a later version
 *   WALDO_ESYSTEM  SQLite failed; waldo_node_get_message() says how
 */
waldo_err waldo_grants_open(waldo_node *node, const char *path,
                            waldo_grants **ret_grants) WALDO_MUST_CHECK;

/* The object whose find() restores grants, borrowed, for waldo_set_finder() or
 * to be asked by a finder of yours. */
waldo_ref *waldo_grants_get_finder(waldo_grants *grants);

/* What was fetched stays with whoever holds it. NULL is accepted. */
void waldo_grants_close(waldo_grants *grants);

/* `factory` (retained) restores grants of `kind`: its method `restore` is
 * called with the arguments of the grant and answers with a reference, now or
 * later. NULL: none any more. Grants of a kind without a factory are
 * answered as if they were not there, and stay; the log tells. */
waldo_err waldo_grants_set_factory(waldo_grants *grants, const char *kind,
                                   waldo_ref *factory) WALDO_MUST_CHECK;

typedef struct waldo_grant_options {
	size_t size;         /* sizeof(waldo_grant_options) */
	const char *kind;    /* 1 to 64 bytes of UTF-8 */
	const char *owner;   /* for waldo_grants_revoke(); NULL: nobody */
	const uint8_t *seal; /* only the client with this key may fetch it;
	                      * NULL: whoever knows the swissnum */
	int64_t expires;     /* microseconds since 1970; 0: never */
	waldo_writer *args;  /* of waldo_writer_new(), borrowed: arguments
	                      * before those of the format; NULL: none */
} waldo_grant_options;

/*
 * Makes a grant with the values of waldo_putf() as the factory's arguments;
 * they can hold no references. `swissnum` is told here and never again.
 *
 *   WALDO_EINVAL   a size, the kind, the owner, or the arguments
 *   WALDO_ESYSTEM  it could not be stored
 */
waldo_err waldo_grant_new(waldo_grants *grants,
                          const waldo_grant_options *options,
                          char swissnum[WALDO_SWISSNUM_TEXT],
                          const char *format, ...) WALDO_MUST_CHECK;

typedef struct waldo_grant_info {
	int64_t id; /* in this store, never used again */
	const char *kind;
	const char *owner;     /* NULL: nobody */
	const uint8_t *seal;   /* NULL: not sealed */
	int64_t made, expires; /* microseconds since 1970; 0: never */
} waldo_grant_info;

/* Calls `cb` for each grant, oldest first; all is borrowed. Nothing may be
 * granted or revoked meanwhile. */
waldo_err waldo_grants_list(waldo_grants *grants,
                            void (*cb)(const waldo_grant_info *info,
                                       void *user),
                            void *user) WALDO_MUST_CHECK;

/* Which to revoke: all that match each field that is set, of which one must. */
typedef struct waldo_grant_match {
	size_t size; /* sizeof(waldo_grant_match) */
	const char *swissnum;
	int64_t id; /* 0: any */
	const char *owner;
	const char *kind;
} waldo_grant_match;

/* Revokes for ever; what was fetched breaks with WALDO_EREVOKED before this
 * returns. `*ret_count` (may be NULL) gets how many there were. */
waldo_err waldo_grants_revoke(waldo_grants *grants,
                              const waldo_grant_match *match, size_t *ret_count)
    WALDO_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
