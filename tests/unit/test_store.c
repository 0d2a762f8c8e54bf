/* SPDX-License-Identifier: MIT */
/* The file of a store: whose it is, what is in it, and what becomes of it. */
#include "server/store/store.h"
#include "waldo_test.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#define SCHEMA "CREATE TABLE IF NOT EXISTS things (name TEXT)"

typedef struct fixture {
	char folder[32], path[48], wal[56];
	waldo_node *node;
	waldoi_store *store, *other;
} fixture;

static int
setup(void **state)
{
	fixture *f = calloc(1, sizeof(*f));

	*state = f;
	strcpy(f->folder, "/tmp/waldo-store-XXXXXX");
	if (mkdtemp(f->folder) == NULL) {
		return -1;
	}
	snprintf(f->path, sizeof(f->path), "%s/store", f->folder);
	snprintf(f->wal, sizeof(f->wal), "%s-wal", f->path);
	return waldo_node_new(NULL, &f->node) == WALDO_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	fixture *f = *state;
	char command[64];

	waldoi_store_close(f->other);
	waldoi_store_close(f->store);
	waldo_node_free(f->node);
	snprintf(command, sizeof(command), "rm -rf %s", f->folder);
	free(f);
	return system(command);
}

static waldo_err
open_store(fixture *f)
{
	return waldoi_store_open(f->node, f->path, SCHEMA, &f->store);
}

static void
close_store(fixture *f)
{
	waldoi_store_close(f->store);
	f->store = NULL;
}

static void
write_file(const char *path, const char *content, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void
run_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(chmod(path, 0600), 0);
}

static bool
message_has(const fixture *f, const char *part)
{
	return strstr(waldo_node_get_message(f->node), part) != NULL;
}

static int64_t
count_things(const waldoi_store *store)
{
	sqlite3_stmt *stmt = NULL;
	int64_t count = -1;

	if (waldoi_store_prepare(store, "SELECT count(*) FROM things", &stmt) ==
	        WALDO_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW) {
		count = sqlite3_column_int64(stmt, 0);
	}
	(void) sqlite3_finalize(stmt);
	return count;
}

/* ---- the file */

static unsigned
mode_of(const char *path)
{
	struct stat file;

	return stat(path, &file) == 0 ? (unsigned) file.st_mode & 0777 : 0;
}

static void
what_is_made_is_for_its_owner_alone(void **state)
{
	fixture *f = *state;
	mode_t old = umask(0);
	waldo_err err = open_store(f);

	umask(old);
	assert_ok(err);
	assert_int_equal(mode_of(f->path), 0600);
	assert_int_equal(mode_of(f->wal), 0600);
}

static void
what_others_may_read_is_refused(void **state)
{
	fixture *f = *state;

	assert_ok(open_store(f));
	close_store(f);
	assert_int_equal(chmod(f->path, 0640), 0);
	assert_err(open_store(f), WALDO_EDENIED);
	assert_true(message_has(f, f->path));
	assert_true(message_has(f, "640"));
}

static void
a_file_beside_it_that_others_may_read_is_refused(void **state)
{
	fixture *f = *state;

	assert_ok(open_store(f));
	assert_int_equal(chmod(f->wal, 0604), 0);
	assert_err(waldoi_store_open(f->node, f->path, SCHEMA, &f->other),
	           WALDO_EDENIED);
	assert_true(message_has(f, "-wal"));
}

static void
a_link_is_followed_and_a_folder_is_not_a_store(void **state)
{
	fixture *f = *state;
	char link[48];

	snprintf(link, sizeof(link), "%s/link", f->folder);
	assert_ok(open_store(f));
	assert_int_equal(symlink(f->path, link), 0);
	assert_ok(waldoi_store_open(f->node, link, SCHEMA, &f->other));
	assert_ok(
	    waldoi_store_exec(f->other, "INSERT INTO things VALUES ('it')"));
	assert_int_equal(count_things(f->store), 1);
	close_store(f);
	assert_err(waldoi_store_open(f->node, f->folder, SCHEMA, &f->store),
	           WALDO_EINVAL);
}

static void
a_place_that_is_not_there_is_told(void **state)
{
	fixture *f = *state;

	assert_err(
	    waldoi_store_open(f->node, "/nowhere/store", SCHEMA, &f->store),
	    WALDO_ESYSTEM);
	assert_true(message_has(f, "/nowhere/store: No such file"));
}

/* ---- whose it is */

static void
what_is_no_database_is_refused_and_left_as_it_is(void **state)
{
	fixture *f = *state;
	char noise[4096];

	memset(noise, 'x', sizeof(noise));
	write_file(f->path, noise, sizeof(noise));
	assert_err(open_store(f), WALDO_EINVAL);
	assert_true(message_has(f, "not a database"));
}

static void
the_database_of_another_program_is_refused_and_left_as_it_is(void **state)
{
	fixture *f = *state;
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;

	run_sql(f->path, "CREATE TABLE mine (a)");
	assert_err(open_store(f), WALDO_EINVAL);
	assert_true(message_has(f, "another program"));
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &stmt, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(stmt, 0), "delete");
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void
a_store_of_a_later_version_is_refused(void **state)
{
	fixture *f = *state;

	assert_ok(open_store(f));
	close_store(f);
	run_sql(f->path, "PRAGMA user_version = 2");
	assert_err(open_store(f), WALDO_EINVAL);
	assert_true(message_has(f, "later version"));
}

static void
a_store_that_was_damaged_is_refused(void **state)
{
	fixture *f = *state;
	FILE *file;

	assert_ok(open_store(f));
	close_store(f);
	file = fopen(f->path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 100, SEEK_SET), 0);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(fputc(0xa5, file), 0xa5);
	}
	assert_int_equal(fclose(file), 0);
	assert_err(open_store(f), WALDO_ESYSTEM);
	assert_true(message_has(f, "malformed"));
}

/* ---- what is in it */

static void
two_stores_may_have_one_file_open(void **state)
{
	fixture *f = *state;

	assert_ok(open_store(f));
	assert_ok(waldoi_store_open(f->node, f->path,
	                            "CREATE TABLE IF NOT EXISTS others (a)",
	                            &f->other));
	assert_ok(
	    waldoi_store_exec(f->store, "INSERT INTO things VALUES ('one')"));
	assert_ok(
	    waldoi_store_exec(f->other, "INSERT INTO things VALUES ('two')"));
	assert_int_equal(count_things(f->store), 2);
	assert_int_equal(count_things(f->other), 2);
}

static void
hashes_differ_by_purpose_and_file_and_by_nothing_else(void **state)
{
	fixture *f = *state;
	uint8_t first[WALDOI_HASH_BYTES], again[WALDOI_HASH_BYTES];
	char path[56];

	assert_ok(open_store(f));
	waldoi_store_hash(f->store, "grant", "data", 4, first);
	waldoi_store_hash(f->store, "token", "data", 4, again);
	assert_memory_not_equal(first, again, sizeof(first));
	close_store(f);

	assert_ok(open_store(f));
	waldoi_store_hash(f->store, "grant", "data", 4, again);
	assert_memory_equal(first, again, sizeof(first));

	snprintf(path, sizeof(path), "%s2", f->path);
	assert_ok(waldoi_store_open(f->node, path, SCHEMA, &f->other));
	waldoi_store_hash(f->other, "grant", "data", 4, again);
	assert_memory_not_equal(first, again, sizeof(first));
}

/* Whoever opens a new file at once with others gets the secret of the first. */
static void
many_processes_may_open_a_new_file_at_once(void **state)
{
	fixture *f = *state;
	int out[2];
	uint8_t first[WALDOI_HASH_BYTES], hash[WALDOI_HASH_BYTES];

	assert_int_equal(pipe(out), 0);
	for (int i = 0; i < 8; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			bool good = waldoi_store_open(NULL, f->path, SCHEMA,
			                              &f->store) == WALDO_OK;

			if (good) {
				waldoi_store_hash(f->store, "x", "y", 1, hash);
				good = write(out[1], hash, sizeof(hash)) ==
				       sizeof(hash);
				waldoi_store_close(f->store);
			}
			_exit(good ? 0 : 1);
		}
	}
	for (int i = 0; i < 8; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
		assert_int_equal(read(out[0], hash, sizeof(hash)),
		                 sizeof(hash));
		if (i == 0) {
			memcpy(first, hash, sizeof(first));
		}
		assert_memory_equal(first, hash, sizeof(first));
	}
	close(out[0]);
	close(out[1]);
}

/* A process of its own, for a limit on files would stop the test's report. */
static int
fill_the_disk(fixture *f)
{
	struct rlimit limit = {64 * 1024, RLIM_INFINITY};
	const char *sql = "INSERT INTO things VALUES (zeroblob(20000))";
	waldo_err err = WALDO_OK;

	signal(SIGXFSZ, SIG_IGN);
	if (waldoi_store_open(NULL, f->path, SCHEMA, &f->store) != WALDO_OK ||
	    setrlimit(RLIMIT_FSIZE, &limit) != 0) {
		return 1;
	}
	for (int i = 0; i < 100 && err == WALDO_OK; i++) {
		err = waldoi_store_exec(f->store, sql);
	}
	if (err != WALDO_ESYSTEM || count_things(f->store) < 1) {
		return 2;
	}
	limit.rlim_cur = RLIM_INFINITY;
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0) {
		return 3;
	}
	return waldoi_store_exec(f->store, sql) == WALDO_OK ? 0 : 4;
}

static void
a_full_disk_is_told_and_the_store_goes_on_when_there_is_room(void **state)
{
	fixture *f = *state;
	int status;
	pid_t pid;

	skip_under_valgrind(); /* it writes files of its own */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		_exit(fill_the_disk(f));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_ok(open_store(f));
	assert_true(count_things(f->store) >= 2);
}

static void
a_secret_is_never_taken_for_an_option(void **state)
{
	char secret[WALDOI_SECRET_TEXT], before[WALDOI_SECRET_TEXT] = "";
	int i;

	(void) state;
	for (i = 0; i < 2000; i++) {
		waldoi_store_draw(secret);
		assert_int_equal(strlen(secret), sizeof(secret) - 1);
		assert_int_not_equal(secret[0], '-');
		assert_string_not_equal(secret, before);
		memcpy(before, secret, sizeof(secret));
	}
}

static void
a_secret_has_256_random_bits(void **state)
{
	char secret[WALDOI_SECRET_TEXT];
	uint8_t bits[32], set[32] = {0}, unset[32] = {0}, all[32];
	size_t len;

	(void) state;
	memset(all, 0xff, sizeof(all));
	for (int i = 0; i < 200; i++) {
		waldoi_store_draw(secret);
		assert_int_equal(
		    sodium_base642bin(bits, sizeof(bits), secret,
		                      strlen(secret), NULL, &len, NULL,
		                      sodium_base64_VARIANT_URLSAFE_NO_PADDING),
		    0);
		assert_int_equal(len, sizeof(bits));
		for (size_t k = 0; k < sizeof(bits); k++) {
			set[k] |= bits[k];
			unset[k] |= (uint8_t) ~bits[k];
		}
	}
	assert_memory_equal(set, all, sizeof(all));
	assert_memory_equal(unset, all, sizeof(all));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(what_is_made_is_for_its_owner_alone),
	    waldo_test(what_others_may_read_is_refused),
	    waldo_test(a_file_beside_it_that_others_may_read_is_refused),
	    waldo_test(a_link_is_followed_and_a_folder_is_not_a_store),
	    waldo_test(a_place_that_is_not_there_is_told),
	    waldo_test(what_is_no_database_is_refused_and_left_as_it_is),
	    waldo_test(
	        the_database_of_another_program_is_refused_and_left_as_it_is),
	    waldo_test(a_store_of_a_later_version_is_refused),
	    waldo_test(a_store_that_was_damaged_is_refused),
	    waldo_test(two_stores_may_have_one_file_open),
	    waldo_test(hashes_differ_by_purpose_and_file_and_by_nothing_else),
	    waldo_test(many_processes_may_open_a_new_file_at_once),
	    waldo_test(a_secret_is_never_taken_for_an_option),
	    cmocka_unit_test(a_secret_has_256_random_bits),
	    waldo_test(
	        a_full_disk_is_told_and_the_store_goes_on_when_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
