/* SPDX-License-Identifier: MIT */
#include "server/store/rows.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PURPOSE "grant"

const char waldoi_rows_schema[] =
    "CREATE TABLE IF NOT EXISTS grants ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " hash BLOB NOT NULL UNIQUE,"
    " kind TEXT NOT NULL,"
    " owner TEXT,"
    " seal BLOB,"
    " args BLOB NOT NULL,"
    " made INTEGER NOT NULL,"
    " expires INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS grants_kind ON grants (kind);"
    "CREATE INDEX IF NOT EXISTS grants_owner ON grants (owner)"
    " WHERE owner IS NOT NULL;"
    "CREATE INDEX IF NOT EXISTS grants_expires ON grants (expires)"
    " WHERE expires > 0;"
    "CREATE TABLE IF NOT EXISTS revocations ("
    " id INTEGER PRIMARY KEY CHECK (id = 0),"
    " count INTEGER NOT NULL);"
    "INSERT OR IGNORE INTO revocations VALUES (0, 0);"
    /* Behind all others: there is always one to be looked at. No swissnum has
     * this hash, no factory this kind. */
    "INSERT OR IGNORE INTO grants VALUES (0, x'"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',"
    " '', NULL, NULL, x'', 0, 0)";

waldo_err
waldoi_rows_open(waldo_node *node, const waldoi_store *store, waldoi_rows *rows)
{
	const struct {
		sqlite3_stmt **stmt;
		const char *sql;
	} all[] = {
	    {&rows->begin, "BEGIN IMMEDIATE"},
	    {&rows->commit, "COMMIT"},
	    {&rows->purge, "DELETE FROM grants"
	                   " WHERE expires > 0 AND expires <= ?"},
	    {&rows->insert, "INSERT INTO grants"
	                    " (hash, kind, owner, seal, args, made, expires)"
	                    " VALUES (?, ?, ?, ?, ?, ?, ?)"},
	    {&rows->find, "SELECT hash, seal, expires, id, kind, args"
	                  " FROM grants WHERE hash >= ?"
	                  " ORDER BY hash LIMIT 1"},
	    {&rows->exists, "SELECT 1 FROM grants WHERE id = ?"},
	    {&rows->version, "PRAGMA data_version"},
	    {&rows->count, "SELECT count FROM revocations"},
	};
	waldo_err err = WALDO_OK;

	rows->node = node;
	rows->store = store;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all) && err == WALDO_OK;
	     i++) {
		err = waldoi_store_prepare(store, all[i].sql, all[i].stmt);
	}
	if (err == WALDO_OK) {
		(void) waldoi_rows_changed(rows);
	}
	return err;
}

/* ---- transactions */

static waldo_err
finish(const waldoi_rows *rows, waldo_err err)
{
	if (err == WALDO_OK) {
		err = waldoi_store_run(rows->store, rows->commit);
	}
	if (err != WALDO_OK) {
		(void) sqlite3_exec(waldoi_store_db(rows->store), "ROLLBACK",
		                    NULL, NULL, NULL);
	}
	return err;
}

/* ---- making */

static waldo_err
insert(const waldoi_rows *rows, const uint8_t *hash,
       const waldo_grant_options *options, const void *args, size_t args_len,
       int64_t now)
{
	sqlite3_stmt *stmt = rows->insert;

	(void) sqlite3_bind_blob(stmt, 1, hash, WALDOI_HASH_BYTES,
	                         SQLITE_STATIC);
	(void) sqlite3_bind_text(stmt, 2, options->kind, -1, SQLITE_STATIC);
	(void) sqlite3_bind_text(stmt, 3, options->owner, -1, SQLITE_STATIC);
	(void) sqlite3_bind_blob(stmt, 4, options->seal, WALDO_KEY_BYTES,
	                         SQLITE_STATIC);
	(void) sqlite3_bind_blob(stmt, 5, args, (int) args_len, SQLITE_STATIC);
	(void) sqlite3_bind_int64(stmt, 6, now);
	(void) sqlite3_bind_int64(stmt, 7, options->expires);
	return waldoi_store_run(rows->store, stmt);
}

waldo_err
waldoi_rows_add(const waldoi_rows *rows, const char *swissnum,
                const waldo_grant_options *options, const void *args,
                size_t args_len)
{
	uint8_t hash[WALDOI_HASH_BYTES];
	int64_t now = waldoi_store_now();
	waldo_err err = waldoi_store_run(rows->store, rows->begin);

	if (err != WALDO_OK) {
		return err;
	}
	waldoi_store_hash(rows->store, PURPOSE, swissnum, strlen(swissnum),
	                  hash);
	(void) sqlite3_bind_int64(rows->purge, 1, now);
	err = waldoi_store_run(rows->store, rows->purge);
	if (err == WALDO_OK) {
		err = insert(rows, hash, options, args, args_len, now);
	}
	return finish(rows, err);
}

/* ---- finding */

static bool
same(const void *found, int len, const uint8_t *wanted)
{
	return found != NULL && len == WALDO_KEY_BYTES &&
	       sodium_memcmp(found, wanted, WALDO_KEY_BYTES) == 0;
}

/* Whether there is a key or a seal, they are compared. */
static bool
opens(sqlite3_stmt *stmt, const uint8_t *key)
{
	static const uint8_t none[WALDO_KEY_BYTES];
	const void *seal = sqlite3_column_blob(stmt, 1);
	bool fits =
	    same(seal == NULL ? none : seal,
	         seal == NULL ? WALDO_KEY_BYTES : sqlite3_column_bytes(stmt, 1),
	         key == NULL ? none : key);

	return sqlite3_column_type(stmt, 1) == SQLITE_NULL ||
	       (fits && key != NULL);
}

waldo_err
waldoi_rows_find(const waldoi_rows *rows, const char *swissnum,
                 const uint8_t *key, int64_t now, waldoi_row *ret_row)
{
	sqlite3_stmt *stmt = rows->find;
	uint8_t hash[WALDOI_HASH_BYTES];
	bool is_it, is_open, is_live;
	int code;

	waldoi_store_hash(rows->store, PURPOSE, swissnum, strlen(swissnum),
	                  hash);
	(void) sqlite3_bind_blob(stmt, 1, hash, sizeof(hash), SQLITE_TRANSIENT);
	code = sqlite3_step(stmt);
	if (code != SQLITE_ROW && code != SQLITE_DONE) {
		return waldoi_store_fail(rows->store);
	}
	/* Where there is no such grant it is the next, and it all runs the
	 * same. */
	is_it = same(sqlite3_column_blob(stmt, 0),
	             sqlite3_column_bytes(stmt, 0), hash);
	is_open = opens(stmt, key);
	ret_row->expires = sqlite3_column_int64(stmt, 2);
	is_live = ret_row->expires == 0 || ret_row->expires > now;
	if (!is_it || !is_open || !is_live) {
		return WALDO_ENAME;
	}
	ret_row->id = sqlite3_column_int64(stmt, 3);
	ret_row->kind = (const char *) sqlite3_column_text(stmt, 4);
	ret_row->args = sqlite3_column_blob(stmt, 5);
	ret_row->args_len = (size_t) sqlite3_column_bytes(stmt, 5);
	return ret_row->kind != NULL ? WALDO_OK
	                             : waldoi_store_fail(rows->store);
}

void
waldoi_rows_done(const waldoi_rows *rows)
{
	(void) sqlite3_reset(rows->find);
	(void) sqlite3_clear_bindings(rows->find);
}

/* The first column of the first row, or -1. */
static int64_t
ask(sqlite3_stmt *stmt)
{
	int64_t number = sqlite3_step(stmt) == SQLITE_ROW
	                     ? sqlite3_column_int64(stmt, 0)
	                     : -1;

	(void) sqlite3_reset(stmt);
	return number;
}

bool
waldoi_rows_exists(const waldoi_rows *rows, int64_t id)
{
	(void) sqlite3_bind_int64(rows->exists, 1, id);
	return ask(rows->exists) == 1;
}

bool
waldoi_rows_changed(waldoi_rows *rows)
{
	int64_t version = ask(rows->version);
	int64_t count;

	if (version != -1 && version == rows->seen_version) {
		return false;
	}
	rows->seen_version = version;
	count = ask(rows->count);
	if (count != -1 && count == rows->seen_count) {
		return false;
	}
	rows->seen_count = count;
	return true;
}

/* ---- revoking */

/* One condition for each field that is set, so that SQLite can choose an
 * index. */
static sqlite3_stmt *
prepare_revoke(const waldoi_rows *rows, const waldo_grant_match *match,
               waldo_err *ret_err)
{
	char sql[160];
	sqlite3_stmt *stmt = NULL;

	(void) snprintf(sql, sizeof(sql),
	                "DELETE FROM grants WHERE id > 0%s%s%s%s",
	                match->swissnum != NULL ? " AND hash = ?1" : "",
	                match->id != 0 ? " AND id = ?2" : "",
	                match->owner != NULL ? " AND owner = ?3" : "",
	                match->kind != NULL ? " AND kind = ?4" : "");
	*ret_err = waldoi_store_prepare(rows->store, sql, &stmt);
	return stmt;
}

static void
bind_revoke(const waldoi_rows *rows, sqlite3_stmt *stmt,
            const waldo_grant_match *match)
{
	uint8_t hash[WALDOI_HASH_BYTES];

	if (match->swissnum != NULL) {
		waldoi_store_hash(rows->store, PURPOSE, match->swissnum,
		                  strlen(match->swissnum), hash);
		(void) sqlite3_bind_blob(stmt, 1, hash, sizeof(hash),
		                         SQLITE_TRANSIENT);
	}
	/* Those that do not stand in the text are out of range, and ignored. */
	(void) sqlite3_bind_int64(stmt, 2, match->id);
	(void) sqlite3_bind_text(stmt, 3, match->owner, -1, SQLITE_STATIC);
	(void) sqlite3_bind_text(stmt, 4, match->kind, -1, SQLITE_STATIC);
}

waldo_err
waldoi_rows_revoke(const waldoi_rows *rows, const waldo_grant_match *match,
                   size_t *ret_count)
{
	waldo_err err;
	sqlite3_stmt *stmt = prepare_revoke(rows, match, &err);

	if (err == WALDO_OK) {
		err = waldoi_store_run(rows->store, rows->begin);
	}
	if (err == WALDO_OK) {
		bind_revoke(rows, stmt, match);
		err = waldoi_store_run(rows->store, stmt);
		*ret_count =
		    (size_t) sqlite3_changes(waldoi_store_db(rows->store));
		if (err == WALDO_OK && *ret_count > 0) {
			err = waldoi_store_exec(
			    rows->store,
			    "UPDATE revocations SET count = count + 1");
		}
		err = finish(rows, err);
	}
	(void) sqlite3_finalize(stmt);
	return err;
}

/* ---- listing */

waldo_err
waldoi_rows_list(const waldoi_rows *rows,
                 void (*cb)(const waldo_grant_info *info, void *user),
                 void *user)
{
	sqlite3_stmt *stmt = NULL;
	waldo_err err =
	    waldoi_store_prepare(rows->store,
	                         "SELECT id, kind, owner, seal, made, expires"
	                         " FROM grants WHERE id > 0 ORDER BY id",
	                         &stmt);
	int code = SQLITE_ERROR;

	while (err == WALDO_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		waldo_grant_info info = {
		    .id = sqlite3_column_int64(stmt, 0),
		    .kind = (const char *) sqlite3_column_text(stmt, 1),
		    .owner = (const char *) sqlite3_column_text(stmt, 2),
		    .seal = sqlite3_column_blob(stmt, 3),
		    .made = sqlite3_column_int64(stmt, 4),
		    .expires = sqlite3_column_int64(stmt, 5),
		};

		cb(&info, user);
	}
	if (err == WALDO_OK && code != SQLITE_DONE) {
		err = waldoi_store_fail(rows->store);
	}
	(void) sqlite3_finalize(stmt);
	return err;
}
