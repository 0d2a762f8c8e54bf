/* SPDX-License-Identifier: MIT */
/*
 * server/store/rows.h - grants in the store
 *
 * A grant that was revoked is a row that is not there. Revocations are counted,
 * for the stores that other processes have open: they look for what is gone
 * when the count has changed.
 */
#ifndef WALDOI_ROWS_H
#define WALDOI_ROWS_H

#include "server/store/store.h"
#include <waldo/grant.h>

extern const char waldoi_rows_schema[];

typedef struct waldoi_rows {
	const waldoi_store *store;
	waldo_node *node;
	sqlite3_stmt *begin, *commit, *purge, *insert, *find, *exists;
	sqlite3_stmt *version, *count;
	int64_t seen_version, seen_count; /* what others had done so far */
} waldoi_rows;

/* The statements live until the store is closed. */
waldo_err waldoi_rows_open(waldo_node *node, const waldoi_store *store,
                           waldoi_rows *rows) WALDO_MUST_CHECK;

/* Stores a grant, whose kind and owner have been checked, and forgets those
 * that have expired. */
waldo_err waldoi_rows_add(const waldoi_rows *rows, const char *swissnum,
                          const waldo_grant_options *options, const void *args,
                          size_t args_len) WALDO_MUST_CHECK;

typedef struct waldoi_row {
	int64_t id, expires;
	const char *kind;
	const void *args;
	size_t args_len;
} waldoi_row;

/*
 * The grant that `swissnum` is for whoever has `key` (NULL: none) at `now`; it
 * is borrowed until waldoi_rows_done(), which follows in any case. WALDO_ENAME,
 * after the same work, if there is none, it has expired, or is sealed to
 * another key; WALDO_ESYSTEM if the store fails.
 */
waldo_err waldoi_rows_find(const waldoi_rows *rows, const char *swissnum,
                           const uint8_t *key, int64_t now, waldoi_row *ret_row)
    WALDO_MUST_CHECK;
void waldoi_rows_done(const waldoi_rows *rows);

/* Deletes all that match; `*ret_count` of them. */
waldo_err waldoi_rows_revoke(const waldoi_rows *rows,
                             const waldo_grant_match *match, size_t *ret_count)
    WALDO_MUST_CHECK;

/* Whether others have revoked something since this was last asked. */
bool waldoi_rows_changed(waldoi_rows *rows);

/* False also if the store fails: rather take back too much. */
bool waldoi_rows_exists(const waldoi_rows *rows, int64_t id);

waldo_err waldoi_rows_list(const waldoi_rows *rows,
                           void (*cb)(const waldo_grant_info *info, void *user),
                           void *user) WALDO_MUST_CHECK;

#endif
