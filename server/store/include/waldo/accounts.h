/* SPDX-License-Identifier: MIT */
/*
 * waldo/accounts.h - who may log in: the checkers that come with a store
 *
 * The functions that change something commit to the disk before they return.
 */
#ifndef WALDO_ACCOUNTS_H
#define WALDO_ACCOUNTS_H

#include <waldo/portal.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WALDO_TOKEN_TEXT 44 /* 43 characters of base64url and NUL */

typedef struct waldo_accounts waldo_accounts;

/* Opens the accounts in the file `path` (SQLite), as waldo_grants_open() does;
 * it may be the same file. They are closed with the node at the latest. */
waldo_err waldo_accounts_open(waldo_node *node, const char *path,
                              waldo_accounts **ret_accounts) WALDO_MUST_CHECK;
/* Portals that ask it keep it until they are gone. NULL is accepted. */
void waldo_accounts_close(waldo_accounts *accounts);

/*
 * Has `portal` ask these accounts for
 *
 *	user, password   the verifier is Argon2id's, computed by at most two
 *	                 threads beside the loop; at most 32 wait, others fail
 *	                 with WALDO_ELIMIT; `secret`
 *	token            256 random bits, stored as a keyed hash; `secret`
 *	key              the client's own, as its link proves it: costs nothing.
 *	                 The text is the account's name, or "" for the one that
 *	                 the key belongs to
 *
 * Whether there is such an account is told by neither the answer nor its time.
 * Failures with passwords are counted for each account, and with tokens as well
 * for each source (an IPv4 address, an IPv6 /64, a Unix user): after the fifth
 * an attempt waits a second before anything is looked at, after each more twice
 * as long, up to a minute; four of one source may wait, others fail with
 * WALDO_ELIMIT. Ten minutes without a failure, or a login with the account's
 * password, and its failures are forgotten.
 *
 * When the accounts are closed, with the node at the latest, that waits for the
 * passwords that are being verified (about 0.1 s). WALDO_ENOMEM: some of the
 * checkers may be there.
 */
waldo_err waldo_portal_add_accounts(waldo_portal *portal,
                                    waldo_accounts *accounts) WALDO_MUST_CHECK;

/* Makes the account `name` (1 to 64 bytes of UTF-8, no control characters), or
 * WALDO_EINVAL if it is there already. */
waldo_err waldo_account_add(waldo_accounts *accounts, const char *name)
    WALDO_MUST_CHECK;
/* Each WALDO_ENAME if there is no such account. A password has 1 to 1024 bytes;
 * NULL takes it away. Computes Argon2id on the caller's thread (about 0.1 s). */
waldo_err waldo_account_set_password(waldo_accounts *accounts, const char *name,
                                     const char *password) WALDO_MUST_CHECK;
/* It may log in with this key, too; a key belongs to one account (WALDO_EINVAL
 * if it is another's). */
waldo_err waldo_account_add_key(waldo_accounts *accounts, const char *name,
                                const uint8_t key[32]) WALDO_MUST_CHECK;
/* A new token, told here and never again; older ones stay. */
waldo_err waldo_account_add_token(waldo_accounts *accounts, const char *name,
                                  char token[WALDO_TOKEN_TEXT])
    WALDO_MUST_CHECK;
/* It cannot log in any more (or can again); tokens and keys stay. Whoever is in
 * stays in: see waldo_portal_logout(). */
waldo_err waldo_account_disable(waldo_accounts *accounts, const char *name,
                                bool disabled) WALDO_MUST_CHECK;
waldo_err waldo_account_remove(waldo_accounts *accounts, const char *name)
    WALDO_MUST_CHECK;

typedef struct waldo_account_info {
	const char *name;
	bool disabled, has_password;
	uint32_t keys, tokens;
	int64_t made, last_login; /* microseconds since 1970; 0: never */
} waldo_account_info;
/* By name; borrowed. Nothing may be changed meanwhile. */
waldo_err waldo_accounts_list(waldo_accounts *accounts,
                              void (*cb)(const waldo_account_info *info,
                                         void *user),
                              void *user) WALDO_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
