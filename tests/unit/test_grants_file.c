/* SPDX-License-Identifier: MIT */
/* Grants on the disk: what is listed, what stands there, what survives. */
#include "tests/unit/grants_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

/* ---- listing, and what is refused */

static void
note(const waldo_grant_info *info, void *user)
{
	char *to = user;

	snprintf(to + strlen(to), 200 - strlen(to), "%lld %s %s%s%s;",
	         (long long) info->id, info->kind,
	         info->owner == NULL ? "-" : info->owner,
	         info->seal == NULL ? "" : " sealed",
	         info->expires == 0 ? "" : " expires");
	if (info->made < now_us() - 10000000 || info->made > now_us()) {
		strcat(to, "made at another time");
	}
}

static void
grants_are_listed_in_the_order_in_which_they_were_made(void **state)
{
	fixture *f = *state;
	waldo_grant_options options = options_of("thing");
	waldo_grant_match match = match_of(NULL);
	char swissnum[WALDO_SWISSNUM_TEXT], list[200] = "";
	uint8_t key[32] = {1};

	grant(f, "a", swissnum);
	options.owner = "ann";
	options.seal = key;
	options.expires = now_us() + 60000000;
	assert_ok(waldo_grant_new(f->grants, &options, swissnum, ""));
	assert_ok(waldo_grants_list(f->grants, note, list));
	assert_string_equal(list, "1 thing -;2 thing ann sealed expires;");
	/* Numbers are not used again. */
	match.id = 2;
	assert_ok(waldo_grants_revoke(f->grants, &match, NULL));
	grant(f, "a", swissnum);
	list[0] = '\0';
	assert_ok(waldo_grants_list(f->grants, note, list));
	assert_string_equal(list, "1 thing -;3 thing -;");
}

static void
what_cannot_be_granted_is_refused_and_told(void **state)
{
	fixture *f = *state;
	waldo_grant_options options = options_of("thing");
	char swissnum[WALDO_SWISSNUM_TEXT] = "untouched", list[200] = "";
	char big[70000];

	assert_err(
	    waldo_grant_new(f->grants, &options, swissnum, "r", f->factory),
	    WALDO_EINVAL);
	assert_non_null(strstr(waldo_node_get_message(f->node),
	                       "a reference cannot be kept"));
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_err(waldo_grant_new(f->grants, &options, swissnum, "s", big),
	           WALDO_EINVAL);
	assert_err(waldo_grant_new(f->grants, &options, swissnum, "["),
	           WALDO_EINVAL);
	options.kind = "";
	assert_err(waldo_grant_new(f->grants, &options, swissnum, ""),
	           WALDO_EINVAL);
	big[65] = '\0';
	options.kind = big;
	assert_err(waldo_grant_new(f->grants, &options, swissnum, ""),
	           WALDO_EINVAL);
	options.kind = "a\xff";
	assert_err(waldo_grant_new(f->grants, &options, swissnum, ""),
	           WALDO_EINVAL);
	options = options_of("thing");
	options.owner = "\xc3";
	assert_err(waldo_grant_new(f->grants, &options, swissnum, ""),
	           WALDO_EINVAL);
	options = options_of("thing");
	options.size--;
	assert_err(waldo_grant_new(f->grants, &options, swissnum, ""),
	           WALDO_EINVAL);
	assert_string_equal(swissnum, "untouched");
	assert_ok(waldo_grants_list(f->grants, note, list));
	assert_string_equal(list, "");
}

static bool
file_has(const char *path, const void *part, size_t len)
{
	FILE *file = fopen(path, "r");
	char *data = calloc(1, 1 << 20);
	size_t size = file == NULL ? 0 : fread(data, 1, 1 << 20, file);
	bool has = memmem(data, size, part, len) != NULL;

	free(data);
	if (file != NULL) {
		fclose(file);
	}
	return has;
}

static void
no_swissnum_stands_in_the_file(void **state)
{
	fixture *f = *state;
	char swissnum[WALDO_SWISSNUM_TEXT], wal[60];

	snprintf(wal, sizeof(wal), "%s-wal", f->path);
	grant(f, "a-word-that-is-there", swissnum);
	assert_true(file_has(f->path, "a-word-that-is-there", 20) ||
	            file_has(wal, "a-word-that-is-there", 20));
	assert_false(file_has(f->path, swissnum, 12));
	assert_false(file_has(wal, swissnum, 12));
}

/* ---- what survives */

static void
grant_for_ever(const fixture *f, int out)
{
	waldo_grant_options options = options_of("thing");
	waldo_node *node = NULL;
	waldo_grants *grants = NULL;
	char swissnum[WALDO_SWISSNUM_TEXT];

	if (waldo_node_new(NULL, &node) != WALDO_OK ||
	    waldo_grants_open(node, f->path, &grants) != WALDO_OK) {
		_exit(1);
	}
	while (waldo_grant_new(grants, &options, swissnum, "s", "kept") ==
	       WALDO_OK) {
		if (write(out, swissnum, sizeof(swissnum)) !=
		    sizeof(swissnum)) {
			_exit(2);
		}
	}
	_exit(3);
}

/* What was granted until the kill, which is when `us` have passed since the
 * first. */
static size_t
kill_while_it_grants(const fixture *f, useconds_t us,
                     char (*swissnums)[WALDO_SWISSNUM_TEXT], size_t max)
{
	int out[2], status;
	size_t count = 0;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(out[0]);
		grant_for_ever(f, out[1]);
	}
	close(out[1]);
	assert_int_equal(read(out[0], swissnums[count], sizeof(*swissnums)),
	                 sizeof(*swissnums));
	count++;
	usleep(us);
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (count < max && read(out[0], swissnums[count],
	                           sizeof(*swissnums)) == sizeof(*swissnums)) {
		count++;
	}
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return count;
}

enum { ROUNDS = 200, MOST = 4096 };

static void
no_grant_is_lost_when_its_process_is_killed(void **state)
{
	fixture *f = *state;
	static char swissnums[MOST][WALDO_SWISSNUM_TEXT];
	unsigned seed = (unsigned) getpid();
	size_t total = 0;

	for (int round = 0; round < ROUNDS; round++) {
		useconds_t us = (useconds_t) (rand_r(&seed) % 6000);
		size_t count = kill_while_it_grants(f, us, swissnums, MOST);
		waldo_type type;

		for (size_t i = 0; i < count; i++) {
			assert_ok(find_as(f, swissnums[i], NULL, &type));
			assert_int_equal(type, WALDO_TYPE_REF);
		}
		total += count;
		/* And by whoever opens it afresh. */
		assert_int_equal(revoke_elsewhere(f, swissnums[0]), 0);
	}
	print_message("%zu grants in %d kills\n", total, ROUNDS);
}

static int
fill_the_disk(fixture *f)
{
	waldo_grant_options options = options_of("thing");
	struct rlimit limit = {128 * 1024, RLIM_INFINITY};
	waldo_node *node = NULL;
	waldo_grants *grants = NULL;
	char swissnum[WALDO_SWISSNUM_TEXT], text[9000];
	waldo_err err = WALDO_OK;
	int i;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	signal(SIGXFSZ, SIG_IGN);
	if (waldo_node_new(NULL, &node) != WALDO_OK ||
	    waldo_grants_open(node, f->path, &grants) != WALDO_OK ||
	    setrlimit(RLIMIT_FSIZE, &limit) != 0) {
		return 1;
	}
	for (i = 0; i < 1000 && err == WALDO_OK; i++) {
		err = waldo_grant_new(grants, &options, swissnum, "s", text);
	}
	if (err != WALDO_ESYSTEM || i < 2) {
		return 2;
	}
	limit.rlim_cur = RLIM_INFINITY;
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
	    waldo_grant_new(grants, &options, swissnum, "s", text) !=
	        WALDO_OK) {
		return 3;
	}
	return 0;
}

static void
a_grant_that_finds_no_room_fails_and_the_next_may_do(void **state)
{
	fixture *f = *state;
	char swissnum[WALDO_SWISSNUM_TEXT];
	int status;
	pid_t pid;

	skip_under_valgrind(); /* it writes files of its own */
	grant(f, "chair", swissnum);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		_exit(fill_the_disk(f));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_string_equal(fetch_and_ask(f, swissnum), "chair");
}

static void
a_damaged_page_is_an_error_and_no_crash(void **state)
{
	fixture *f = *state;
	char swissnum[WALDO_SWISSNUM_TEXT];
	struct stat size;
	FILE *file;

	for (int i = 0; i < 200; i++) {
		grant(f, "chair", swissnum);
	}
	close_node(f);
	assert_int_equal(stat(f->path, &size), 0);
	file = fopen(f->path, "r+");
	assert_non_null(file);
	/* All but the first pages, which say what is where. */
	assert_int_equal(fseek(file, 4096 * 12, SEEK_SET), 0);
	for (off_t i = 4096 * 12; i < size.st_size; i++) {
		assert_int_equal(fputc(0x5a, file), 0x5a);
	}
	assert_int_equal(fclose(file), 0);
	assert_int_equal(open_node(f), 0);
	assert_non_null(strstr(fetch_and_ask(f, swissnum), "waldo.System"));
	assert_non_null(strstr(f->log, "malformed"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(grants_are_listed_in_the_order_in_which_they_were_made),
	    waldo_test(what_cannot_be_granted_is_refused_and_told),
	    waldo_test(no_swissnum_stands_in_the_file),
	    waldo_test(no_grant_is_lost_when_its_process_is_killed),
	    waldo_test(a_grant_that_finds_no_room_fails_and_the_next_may_do),
	    waldo_test(a_damaged_page_is_an_error_and_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
