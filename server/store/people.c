/* SPDX-License-Identifier: MIT */
#include "server/store/people.h"

#include <stdio.h>
#include <string.h>

#define PURPOSE "login token"

const char waldoi_people_schema[] =
    "CREATE TABLE IF NOT EXISTS accounts ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " name TEXT NOT NULL UNIQUE,"
    " verifier TEXT,"
    " disabled INTEGER NOT NULL DEFAULT 0,"
    " made INTEGER NOT NULL,"
    " last_login INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE IF NOT EXISTS account_keys ("
    " key BLOB PRIMARY KEY,"
    " account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE);"
    "CREATE INDEX IF NOT EXISTS account_keys_account"
    " ON account_keys (account);"
    "CREATE TABLE IF NOT EXISTS account_tokens ("
    " hash BLOB PRIMARY KEY,"
    " account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE);"
    "CREATE INDEX IF NOT EXISTS account_tokens_account"
    " ON account_tokens (account)";

waldo_err
waldoi_people_open(waldo_node *node, const waldoi_store *store,
                   waldoi_people *people)
{
#define PERSON "SELECT id, disabled, name, verifier FROM accounts WHERE "
	const struct {
		sqlite3_stmt **stmt;
		const char *sql;
	} all[] = {
	    {&people->by_name, PERSON "name = ?"},
	    {&people->by_token,
	     PERSON "id = (SELECT account FROM account_tokens"
	            " WHERE hash = ?)"},
	    {&people->by_key, PERSON "id = (SELECT account FROM account_keys"
	                             " WHERE key = ?)"},
	    {&people->seen, "UPDATE accounts SET last_login = ?"
	                    " WHERE id = ? AND disabled = 0"},
	};
#undef PERSON
	waldo_err err = WALDO_OK;

	people->node = node;
	people->store = store;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all) && err == WALDO_OK;
	     i++) {
		err = waldoi_store_prepare(store, all[i].sql, all[i].stmt);
	}
	return err;
}

/* ---- finding */

static void
copy_text(char *to, size_t size, const unsigned char *text)
{
	(void) snprintf(to, size, "%s",
	                text == NULL ? "" : (const char *) text);
}

static waldo_err
find(const waldoi_people *people, sqlite3_stmt *stmt, waldoi_person *ret_person)
{
	int code = sqlite3_step(stmt);
	waldo_err err = WALDO_OK;

	if (code == SQLITE_ROW) {
		ret_person->id = sqlite3_column_int64(stmt, 0);
		ret_person->disabled = sqlite3_column_int(stmt, 1) != 0;
		copy_text(ret_person->name, sizeof(ret_person->name),
		          sqlite3_column_text(stmt, 2));
		copy_text(ret_person->verifier, sizeof(ret_person->verifier),
		          sqlite3_column_text(stmt, 3));
	} else {
		err = code == SQLITE_DONE ? WALDO_ENAME
		                          : waldoi_store_fail(people->store);
	}
	(void) sqlite3_reset(stmt);
	(void) sqlite3_clear_bindings(stmt);
	return err;
}

waldo_err
waldoi_people_by_name(const waldoi_people *people, const char *name,
                      waldoi_person *ret_person)
{
	(void) sqlite3_bind_text(people->by_name, 1, name, -1, SQLITE_STATIC);
	return find(people, people->by_name, ret_person);
}

waldo_err
waldoi_people_by_token(const waldoi_people *people, const char *token,
                       waldoi_person *ret_person)
{
	uint8_t hash[WALDOI_HASH_BYTES];

	waldoi_store_hash(people->store, PURPOSE, token, strlen(token), hash);
	(void) sqlite3_bind_blob(people->by_token, 1, hash, sizeof(hash),
	                         SQLITE_STATIC);
	return find(people, people->by_token, ret_person);
}

waldo_err
waldoi_people_by_key(const waldoi_people *people, const uint8_t *key,
                     waldoi_person *ret_person)
{
	(void) sqlite3_bind_blob(people->by_key, 1, key, WALDO_KEY_BYTES,
	                         SQLITE_STATIC);
	return find(people, people->by_key, ret_person);
}

waldo_err
waldoi_people_see(const waldoi_people *people, int64_t id)
{
	sqlite3 *db = waldoi_store_db(people->store);
	waldo_err err;

	(void) sqlite3_bind_int64(people->seen, 1, waldoi_store_now());
	(void) sqlite3_bind_int64(people->seen, 2, id);
	(void) sqlite3_exec(db, "PRAGMA synchronous = NORMAL", NULL, NULL,
	                    NULL);
	err = waldoi_store_run(people->store, people->seen);
	(void) sqlite3_exec(db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
	if (err == WALDO_OK && sqlite3_changes(db) == 0) {
		err = WALDO_ENAME;
	}
	return err;
}

/* ---- changing */

/* What is bound to a statement: of name, text, data and number in this order
 * those that it has parameters for. */
typedef struct change {
	const char *sql;
	const char *name; /* ?1 */
	const char *text; /* ?2 unless there is data */
	const void *data;
	size_t len;
	int64_t number; /* ?3 */
} change;

static waldo_err
run(const waldoi_people *people, const change *c, int *ret_count)
{
	sqlite3_stmt *stmt = NULL;
	waldo_err err = waldoi_store_prepare(people->store, c->sql, &stmt);

	if (err != WALDO_OK) {
		return err;
	}
	(void) sqlite3_bind_text(stmt, 1, c->name, -1, SQLITE_STATIC);
	if (c->data != NULL) {
		(void) sqlite3_bind_blob(stmt, 2, c->data, (int) c->len,
		                         SQLITE_STATIC);
	} else {
		(void) sqlite3_bind_text(stmt, 2, c->text, -1, SQLITE_STATIC);
	}
	(void) sqlite3_bind_int64(stmt, 3, c->number);
	err = waldoi_store_run(people->store, stmt);
	*ret_count = sqlite3_changes(waldoi_store_db(people->store));
	(void) sqlite3_finalize(stmt);
	return err;
}

static waldo_err
change_one(const waldoi_people *people, const change *c)
{
	int count = 0;
	waldo_err err = run(people, c, &count);

	if (err == WALDO_OK && count == 0) {
		err = waldo_node_fail(people->node, WALDO_ENAME,
		                      "accounts: there is no account '%.64s'",
		                      c->name);
	}
	return err;
}

waldo_err
waldoi_people_add(const waldoi_people *people, const char *name)
{
	const change c = {
	    .sql = "INSERT OR IGNORE INTO accounts (name, made)"
	           " VALUES (?1, ?3)",
	    .name = name,
	    .number = waldoi_store_now(),
	};
	int count = 0;
	waldo_err err = run(people, &c, &count);

	if (err == WALDO_OK && count == 0) {
		err = waldo_node_fail(people->node, WALDO_EINVAL,
		                      "accounts: '%s' is there already", name);
	}
	return err;
}

waldo_err
waldoi_people_set_verifier(const waldoi_people *people, const char *name,
                           const char *verifier)
{
	return change_one(people,
	                  &(change){.sql = "UPDATE accounts SET verifier = ?2"
	                                   " WHERE name = ?1",
	                            .name = name,
	                            .text = verifier});
}

waldo_err
waldoi_people_add_key(const waldoi_people *people, const char *name,
                      const uint8_t *key)
{
	waldoi_person owner;
	waldo_err err = waldoi_people_by_key(people, key, &owner);

	if (err == WALDO_OK) {
		return strcmp(owner.name, name) == 0
		           ? WALDO_OK
		           : waldo_node_fail(people->node, WALDO_EINVAL,
		                             "accounts: the key belongs to "
		                             "'%s' already",
		                             owner.name);
	}
	if (err != WALDO_ENAME) {
		return err;
	}
	return change_one(people,
	                  &(change){.sql = "INSERT INTO account_keys"
	                                   " SELECT ?2, id FROM accounts"
	                                   " WHERE name = ?1",
	                            .name = name,
	                            .data = key,
	                            .len = WALDO_KEY_BYTES});
}

waldo_err
waldoi_people_add_token(const waldoi_people *people, const char *name,
                        const char *token)
{
	uint8_t hash[WALDOI_HASH_BYTES];

	waldoi_store_hash(people->store, PURPOSE, token, strlen(token), hash);
	return change_one(people,
	                  &(change){.sql = "INSERT INTO account_tokens"
	                                   " SELECT ?2, id FROM accounts"
	                                   " WHERE name = ?1",
	                            .name = name,
	                            .data = hash,
	                            .len = sizeof(hash)});
}

waldo_err
waldoi_people_disable(const waldoi_people *people, const char *name,
                      bool disabled)
{
	return change_one(people,
	                  &(change){.sql = "UPDATE accounts SET disabled = ?3"
	                                   " WHERE name = ?1",
	                            .name = name,
	                            .number = disabled});
}

waldo_err
waldoi_people_remove(const waldoi_people *people, const char *name)
{
	return change_one(
	    people, &(change){.sql = "DELETE FROM accounts WHERE name = ?1",
	                      .name = name});
}

waldo_err
waldoi_people_list(const waldoi_people *people,
                   void (*cb)(const waldo_account_info *info, void *user),
                   void *user)
{
	sqlite3_stmt *stmt = NULL;
	waldo_err err = waldoi_store_prepare(
	    people->store,
	    "SELECT name, disabled, verifier IS NOT NULL,"
	    " (SELECT count(*) FROM account_keys WHERE account = id),"
	    " (SELECT count(*) FROM account_tokens WHERE account = id),"
	    " made, last_login FROM accounts ORDER BY name",
	    &stmt);
	int code = SQLITE_ERROR;

	while (err == WALDO_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		waldo_account_info info = {
		    .name = (const char *) sqlite3_column_text(stmt, 0),
		    .disabled = sqlite3_column_int(stmt, 1) != 0,
		    .has_password = sqlite3_column_int(stmt, 2) != 0,
		    .keys = (uint32_t) sqlite3_column_int(stmt, 3),
		    .tokens = (uint32_t) sqlite3_column_int(stmt, 4),
		    .made = sqlite3_column_int64(stmt, 5),
		    .last_login = sqlite3_column_int64(stmt, 6),
		};

		cb(&info, user);
	}
	if (err == WALDO_OK && code != SQLITE_DONE) {
		err = waldoi_store_fail(people->store);
	}
	(void) sqlite3_finalize(stmt);
	return err;
}
