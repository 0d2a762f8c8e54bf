/* SPDX-License-Identifier: MIT */
/*
 * server/store/store.h - a file that keeps what must not be lost
 *
 * An SQLite database in write-ahead mode, in which a transaction that has been
 * committed is on the disk. Several stores, of one process or of many, may
 * have the same file open, each with tables of its own.
 *
 * Threads: a store belongs to its node's.
 */
#ifndef WALDOI_STORE_H
#define WALDOI_STORE_H

#include <waldo/node.h>

#include <sqlite3.h>

#define WALDOI_HASH_BYTES  32
#define WALDOI_SECRET_TEXT 44 /* characters, with NUL */

typedef struct waldoi_store waldoi_store;

/*
 * Opens the file `path`, made with mode 0600 if it is not there, and runs
 * `schema` ("CREATE TABLE IF NOT EXISTS ...") in a transaction. A symbolic
 * link is followed; what counts is the file that it leads to. All that fails
 * here or below says why in the node's message.
 *
 *   WALDO_EDENIED  it, or one of SQLite's files beside it, is another user's,
 *                  or others may read or write it
 *   WALDO_EINVAL   it is no store of ours, or of a later version
 *   WALDO_ESYSTEM  SQLite failed
 */
waldo_err waldoi_store_open(waldo_node *node, const char *path,
                            const char *schema, waldoi_store **ret_store)
    WALDO_MUST_CHECK;

/* Finalizes all statements. NULL is accepted. */
void waldoi_store_close(waldoi_store *store);

sqlite3 *waldoi_store_db(const waldoi_store *store);

/* The node's message becomes what SQLite says of its last failure;
 * WALDO_ENOMEM or WALDO_ESYSTEM. */
waldo_err waldoi_store_fail(const waldoi_store *store);

/* A statement that lives until it is finalized or the store is closed. */
waldo_err waldoi_store_prepare(const waldoi_store *store, const char *sql,
                               sqlite3_stmt **ret_stmt) WALDO_MUST_CHECK;

/* Runs what answers no rows. */
waldo_err waldoi_store_exec(const waldoi_store *store, const char *sql)
    WALDO_MUST_CHECK;

/* Steps a statement that answers no rows to its end, and resets it with its
 * bindings. */
waldo_err waldoi_store_run(const waldoi_store *store, sqlite3_stmt *stmt)
    WALDO_MUST_CHECK;

/* Something that only this file makes of the data: BLAKE2b keyed with a secret
 * that was made with the file, so that others' tables of hashes do not serve.
 * `purpose` (at most 16 bytes) keeps what is hashed for one apart from what is
 * hashed for another. */
void waldoi_store_hash(const waldoi_store *store, const char *purpose,
                       const void *data, size_t len,
                       uint8_t hash[WALDOI_HASH_BYTES]);

/* 32 bytes that nobody can guess, in base64url. None begins with a hyphen: on
 * a command line it would be an option. */
void waldoi_store_draw(char secret[WALDOI_SECRET_TEXT]);

/* Whether it has 1 to `max` bytes, of UTF-8. */
bool waldoi_store_is_text(const char *text, size_t max);

/* Microseconds since 1970, and of a clock that is never set. */
int64_t waldoi_store_now(void);
int64_t waldoi_store_steady(void);

#endif
