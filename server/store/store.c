/* SPDX-License-Identifier: MIT */
#include "server/store/store.h"

#include <waldo/packed.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define APPLICATION 0x57414c44 /* "WALD", where SQLite has the application */
#define VERSION     1
#define BUSY_MS     5000

struct waldoi_store {
	waldo_node *node;
	sqlite3 *db;
	char *path; /* without symbolic links */
	uint8_t secret[crypto_generichash_blake2b_KEYBYTES];
};

/* ---- failures */

waldo_err
waldoi_store_fail(const waldoi_store *store)
{
	int code = sqlite3_errcode(store->db);
	int number = sqlite3_system_errno(store->db);
	bool system = code == SQLITE_IOERR || code == SQLITE_CANTOPEN;

	if (code == SQLITE_NOMEM) {
		return waldo_node_fail(store->node, WALDO_ENOMEM,
		                       "out of memory");
	}
	return waldo_node_fail(
	    store->node, code == SQLITE_NOTADB ? WALDO_EINVAL : WALDO_ESYSTEM,
	    "%s: %s%s%s", store->path, sqlite3_errmsg(store->db),
	    system && number != 0 ? ": " : "",
	    system && number != 0 ? strerror(number) : "");
}

static waldo_err
fail_errno(waldo_node *node, const char *path)
{
	return waldo_node_fail(node,
	                       errno == ENOMEM ? WALDO_ENOMEM : WALDO_ESYSTEM,
	                       "%s: %s", path, strerror(errno));
}

/* ---- the file */

/* By name and not through a descriptor: to close one would give up the locks
 * that another store of this process has on the file. */
static waldo_err
check_file(waldo_node *node, const char *path, bool must_exist)
{
	struct stat file;

	if (lstat(path, &file) != 0) {
		return errno == ENOENT && !must_exist ? WALDO_OK
		                                      : fail_errno(node, path);
	}
	if (!S_ISREG(file.st_mode)) {
		return waldo_node_fail(node, WALDO_EINVAL,
		                       "%s: it is not a regular file", path);
	}
	if ((file.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		return waldo_node_fail(node, WALDO_EDENIED,
		                       "%s: its mode is %03o; a store is for "
		                       "its owner alone (chmod 600)",
		                       path, (unsigned) (file.st_mode & 0777));
	}
	if (file.st_uid != geteuid()) {
		return waldo_node_fail(node, WALDO_EDENIED,
		                       "%s: it belongs to another user", path);
	}
	return WALDO_OK;
}

/* That a file was made is on the disk when its folder is. */
static bool
sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy == NULL
	             ? -1
	             : open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool synced = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0) {
		(void) close(fd);
	}
	free(copy);
	return synced;
}

/* SQLite gives the files beside it the same mode, and makes sure of them. */
static waldo_err
make_file(waldo_node *node, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
	              S_IRUSR | S_IWUSR);

	if (fd < 0) {
		return errno == EEXIST ? WALDO_OK : fail_errno(node, path);
	}
	(void) close(fd);
	return sync_folder(path) ? WALDO_OK : fail_errno(node, path);
}

static waldo_err
check_files(const waldoi_store *store)
{
	static const char *const beside[] = {"-wal", "-shm", "-journal"};
	waldo_err err = check_file(store->node, store->path, true);

	for (size_t i = 0; err == WALDO_OK && i < 3; i++) {
		char path[PATH_MAX + 16];

		(void) snprintf(path, sizeof(path), "%s%s", store->path,
		                beside[i]);
		err = check_file(store->node, path, false);
	}
	return err;
}

/* ---- statements */

sqlite3 *
waldoi_store_db(const waldoi_store *store)
{
	return store->db;
}

waldo_err
waldoi_store_prepare(const waldoi_store *store, const char *sql,
                     sqlite3_stmt **ret_stmt)
{
	if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
	                       ret_stmt, NULL) != SQLITE_OK) {
		return waldoi_store_fail(store);
	}
	return WALDO_OK;
}

waldo_err
waldoi_store_exec(const waldoi_store *store, const char *sql)
{
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK
	           ? WALDO_OK
	           : waldoi_store_fail(store);
}

waldo_err
waldoi_store_run(const waldoi_store *store, sqlite3_stmt *stmt)
{
	waldo_err err = sqlite3_step(stmt) == SQLITE_DONE
	                    ? WALDO_OK
	                    : waldoi_store_fail(store);

	(void) sqlite3_reset(stmt);
	(void) sqlite3_clear_bindings(stmt);
	return err;
}

/* ---- what is in it */

/* The first column of the first row. */
static waldo_err
read_number(const waldoi_store *store, const char *sql, int64_t *ret_number)
{
	sqlite3_stmt *stmt = NULL;
	waldo_err err = waldoi_store_prepare(store, sql, &stmt);

	if (err != WALDO_OK) {
		return err;
	}
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		*ret_number = sqlite3_column_int64(stmt, 0);
	} else {
		err = waldoi_store_fail(store);
	}
	(void) sqlite3_finalize(stmt);
	return err;
}

static waldo_err
not_ours(const waldoi_store *store, const char *why)
{
	return waldo_node_fail(store->node, WALDO_EINVAL, "%s: %s", store->path,
	                       why);
}

/* Whether the database is ours; `*ret_fresh` if it is nobody's yet. */
static waldo_err
check_owner(const waldoi_store *store, bool *ret_fresh)
{
	int64_t application = 0, version = 0, tables = 0;
	waldo_err err =
	    read_number(store, "PRAGMA application_id", &application);

	if (err == WALDO_OK) {
		err = read_number(store, "PRAGMA user_version", &version);
	}
	if (err == WALDO_OK) {
		err = read_number(store, "SELECT count(*) FROM sqlite_schema",
		                  &tables);
	}
	if (err != WALDO_OK) {
		return err;
	}
	*ret_fresh = application == 0 && version == 0 && tables == 0;
	if (!*ret_fresh && application != APPLICATION) {
		return not_ours(store, "it is another program's database");
	}
	if (version > VERSION) {
		return not_ours(store, "a later version of Waldo has made it");
	}
	return WALDO_OK;
}

/* Before anything of another program's is changed; in one transaction, for
 * others may be making it at this moment. */
static waldo_err
look_at_owner(const waldoi_store *store)
{
	bool fresh;
	waldo_err err = waldoi_store_exec(store, "BEGIN");

	if (err == WALDO_OK) {
		err = check_owner(store, &fresh);
		(void) sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	}
	return err;
}

static waldo_err
read_secret(waldoi_store *store)
{
	sqlite3_stmt *stmt = NULL;
	waldo_err err =
	    waldoi_store_prepare(store, "SELECT secret FROM store", &stmt);

	if (err != WALDO_OK) {
		return err;
	}
	if (sqlite3_step(stmt) == SQLITE_ROW &&
	    sqlite3_column_bytes(stmt, 0) == sizeof(store->secret)) {
		memcpy(store->secret, sqlite3_column_blob(stmt, 0),
		       sizeof(store->secret));
	} else {
		err = not_ours(store, "its secret is not there");
	}
	(void) sqlite3_finalize(stmt);
	return err;
}

static waldo_err
make_secret(const waldoi_store *store)
{
	uint8_t secret[sizeof(store->secret)];
	sqlite3_stmt *stmt = NULL;
	waldo_err err =
	    waldoi_store_exec(store, "CREATE TABLE store (secret BLOB)");

	if (err == WALDO_OK) {
		err = waldoi_store_prepare(
		    store, "INSERT INTO store VALUES (?)", &stmt);
	}
	if (err == WALDO_OK) {
		randombytes_buf(secret, sizeof(secret));
		(void) sqlite3_bind_blob(stmt, 1, secret, sizeof(secret),
		                         SQLITE_STATIC);
		err = waldoi_store_run(store, stmt);
		sodium_memzero(secret, sizeof(secret));
	}
	(void) sqlite3_finalize(stmt);
	return err;
}

static waldo_err
mark_as_ours(const waldoi_store *store)
{
	char sql[80];

	(void) snprintf(sql, sizeof(sql),
	                "PRAGMA application_id = %d; PRAGMA user_version = %d",
	                APPLICATION, VERSION);
	return waldoi_store_exec(store, sql);
}

/* In the transaction that the first of several that open a new file wins. */
static waldo_err
set_up(waldoi_store *store, const char *schema)
{
	bool fresh = false;
	waldo_err err = check_owner(store, &fresh);

	if (err == WALDO_OK && fresh) {
		err = mark_as_ours(store);
		if (err == WALDO_OK) {
			err = make_secret(store);
		}
	}
	if (err == WALDO_OK) {
		err = read_secret(store);
	}
	return err == WALDO_OK ? waldoi_store_exec(store, schema) : err;
}

/* Write-ahead mode is asked for only where it is not set: SQLite does not wait
 * for others there (SQLITE_BUSY at once), so that we do. */
static waldo_err
set_mode(const waldoi_store *store)
{
	static const struct timespec moment = {0, 5 * 1000 * 1000};
	for (int tries = 0; tries < BUSY_MS / 5; tries++) {
		int code = sqlite3_exec(store->db, "PRAGMA journal_mode = WAL",
		                        NULL, NULL, NULL);

		if ((code & 0xff) != SQLITE_BUSY) {
			return code == SQLITE_OK ? WALDO_OK
			                         : waldoi_store_fail(store);
		}
		(void) nanosleep(&moment, NULL);
	}
	return waldoi_store_fail(store);
}

static waldo_err
open_database(waldoi_store *store, const char *schema)
{
	waldo_err err;

	/* NOFOLLOW: the path was resolved, and what it leads to checked. */
	if (sqlite3_open_v2(store->path, &store->db,
	                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
	                        SQLITE_OPEN_NOFOLLOW,
	                    NULL) != SQLITE_OK) {
		return waldoi_store_fail(store);
	}
	(void) sqlite3_extended_result_codes(store->db, 0);
	(void) sqlite3_busy_timeout(store->db, BUSY_MS);
	(void) sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void) sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0,
	                         NULL);
	err = look_at_owner(store);
	if (err == WALDO_OK) {
		err = set_mode(store);
	}
	if (err == WALDO_OK) {
		err = waldoi_store_exec(store, "PRAGMA synchronous = FULL;"
		                               "PRAGMA foreign_keys = ON;"
		                               "BEGIN IMMEDIATE");
	}
	if (err != WALDO_OK) {
		return err;
	}
	err = set_up(store, schema);
	if (err == WALDO_OK) {
		err = waldoi_store_exec(store, "COMMIT");
	}
	if (err != WALDO_OK) {
		(void) sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	}
	return err;
}

waldo_err
waldoi_store_open(waldo_node *node, const char *path, const char *schema,
                  waldoi_store **ret_store)
{
	waldoi_store *store;
	waldo_err err;

	if (sodium_init() < 0 || (store = calloc(1, sizeof(*store))) == NULL) {
		return waldo_node_fail(node, WALDO_ENOMEM, "out of memory");
	}
	store->node = node;
	err = make_file(node, path);
	if (err == WALDO_OK) {
		store->path = realpath(path, NULL);
		err = store->path == NULL ? fail_errno(node, path)
		                          : check_files(store);
	}
	if (err == WALDO_OK) {
		err = open_database(store, schema);
	}
	if (err != WALDO_OK) {
		waldoi_store_close(store);
		return err;
	}
	*ret_store = store;
	return WALDO_OK;
}

void
waldoi_store_close(waldoi_store *store)
{
	sqlite3_stmt *stmt;

	if (store == NULL) {
		return;
	}
	while (store->db != NULL &&
	       (stmt = sqlite3_next_stmt(store->db, NULL)) != NULL) {
		(void) sqlite3_finalize(stmt);
	}
	(void) sqlite3_close(store->db);
	sodium_memzero(store->secret, sizeof(store->secret));
	free(store->path);
	free(store);
}

/* ---- hashes, texts and the time */

void
waldoi_store_hash(const waldoi_store *store, const char *purpose,
                  const void *data, size_t len, uint8_t hash[WALDOI_HASH_BYTES])
{
	uint8_t personal[crypto_generichash_blake2b_PERSONALBYTES] = {0};
	size_t purpose_len = strlen(purpose);

	assert(purpose_len <= sizeof(personal));
	memcpy(personal, purpose, purpose_len);
	(void) crypto_generichash_blake2b_salt_personal(
	    hash, WALDOI_HASH_BYTES, data, len, store->secret,
	    sizeof(store->secret), NULL, personal);
}

void
waldoi_store_draw(char secret[WALDOI_SECRET_TEXT])
{
	uint8_t bits[32];

	do {
		randombytes_buf(bits, sizeof(bits));
		(void) sodium_bin2base64(
		    secret, WALDOI_SECRET_TEXT, bits, sizeof(bits),
		    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	} while (secret[0] == '-');
	sodium_memzero(bits, sizeof(bits));
}

/* A writer knows UTF-8. */
bool
waldoi_store_is_text(const char *text, size_t max)
{
	waldo_writer *writer = waldo_writer_new(max + 16);
	uint8_t *packed = NULL;
	size_t len;
	bool good;

	waldo_put_str(writer, text);
	good = text != NULL && text[0] != '\0' && strlen(text) <= max &&
	       waldo_writer_pack(writer, &packed, &len) == WALDO_OK;
	free(packed);
	waldo_writer_free(writer);
	return good;
}

static int64_t
read_clock(clockid_t clock)
{
	struct timespec now;

	(void) clock_gettime(clock, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
waldoi_store_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
waldoi_store_steady(void)
{
	return read_clock(CLOCK_MONOTONIC);
}
