/* SPDX-License-Identifier: MIT */
#include "broker/key.h"
#include "broker/node.h"
#include "tests/waldo_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/waldo-key-XXXXXX";
static char path[64];

static int folders_synced;
static waldo_key **rival; /* who loads it meanwhile, once */

int
fsync(int fd)
{
	struct stat file;
	waldo_key **to = rival;

	rival = NULL;
	if (to != NULL && waldo_key_load(path, to) != WALDO_OK) {
		return -1;
	}
	folders_synced += fstat(fd, &file) == 0 && S_ISDIR(file.st_mode);
	return (int) syscall(SYS_fsync, fd);
}

static int
make_folder(void **state)
{
	(void) state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (mkdtemp(folder) == NULL) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/key", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void) state;
	unlink(path);
	return rmdir(folder); /* nothing else was left there */
}

static void
put_file(const char *content, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
assert_refused(waldo_err err, const char *why)
{
	waldo_key *key;

	assert_err(waldo_key_load(path, &key), err);
	assert_non_null(strstr(waldo_node_get_message(NULL), path));
	assert_non_null(strstr(waldo_node_get_message(NULL), why));
}

/* ---- pairs */

/* RFC 7748 section 6.1. */
static void
the_public_half_is_that_of_the_secret(void **state)
{
	static const uint8_t alice[] = {
	    0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
	    0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
	    0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};
	static const uint8_t expected[] = {
	    0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d,
	    0xdc, 0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38,
	    0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a};
	waldo_key *key = waldoi_key_of(alice);

	(void) state;
	assert_memory_equal(waldo_key_get_public(key), expected, 32);
	assert_ptr_equal(waldo_key_retain(key), key);
	waldo_key_release(key);
	assert_memory_equal(waldo_key_get_public(key), expected, 32);
	waldo_key_release(key);
}

static void
no_two_are_the_same(void **state)
{
	waldo_key *a, *b;

	(void) state;
	assert_ok(waldo_key_new(&a));
	assert_ok(waldo_key_new(&b));
	assert_memory_not_equal(waldo_key_get_public(a),
	                        waldo_key_get_public(b), 32);
	waldo_key_release(a);
	waldo_key_release(b);
}

static void
null_is_accepted(void **state)
{
	(void) state;
	assert_null(waldo_key_retain(NULL));
	assert_null(waldo_key_get_public(NULL));
	waldo_key_release(NULL);
	assert_err(waldo_key_new(NULL), WALDO_EINVAL);
	assert_err(waldo_key_load(NULL, NULL), WALDO_EINVAL);
}

/* ---- where the secret half lies (SECURITY.md S12) */

static bool
survives(void (*what)(uint8_t *secret), uint8_t *secret)
{
	int status = -1;
	pid_t child;

	(void) fflush(stdout);
	child = fork();
	if (child == 0) {
		/* A sanitizer has a handler of its own. */
		(void) signal(SIGSEGV, SIG_DFL);
		what(secret);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGSEGV);
	return WIFEXITED(status);
}

static void
look(uint8_t *secret)
{
	(void) *(volatile uint8_t *) secret;
}

static void
look_behind(uint8_t *secret)
{
	(void) *(volatile uint8_t *) (secret + WALDO_KEY_BYTES);
}

static void
look_before(uint8_t *secret)
{
	long page = sysconf(_SC_PAGESIZE);

	(void) *(volatile uint8_t *) (secret - page);
}

static void
change(uint8_t *secret)
{
	*(volatile uint8_t *) secret = 0;
}

/* Whether the page of `at` is left out of core dumps. */
static bool
is_not_dumped(const void *at)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	bool is_it = false, found = false;
	unsigned long begin, end;
	char line[512];

	assert_non_null(maps);
	while (!found && fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx ", &begin, &end) == 2) {
			is_it = (uintptr_t) at >= begin && (uintptr_t) at < end;
		} else if (is_it && strncmp(line, "VmFlags:", 8) == 0) {
			found = strstr(line, " dd") != NULL;
			is_it = false;
		}
	}
	(void) fclose(maps);
	return found;
}

static void
the_secret_lies_read_only_between_guards_and_out_of_core_dumps(void **state)
{
	waldo_key *key;
	uint8_t *secret;

	(void) state;
	assert_ok(waldo_key_new(&key));
	secret = key->pair.secret;
	assert_true(survives(look, secret));
	assert_false(survives(change, secret));
	assert_false(survives(look_behind, secret));
	assert_false(survives(look_before, secret));
	assert_true(is_not_dumped(secret));
	waldo_key_release(key);
}

/* ---- texts */

static void
a_text_is_base32_without_padding(void **state)
{
	uint8_t key[32] = "foobarfoobarfoobarfoobarfoobarfo", back[32];
	char text[WALDO_KEY_TEXT];

	(void) state;
	waldo_key_format(key, text);
	assert_string_equal(text, "mzxw6ytbojtg633cmfzgm33pmjqxezt"
	                          "pn5rgc4tgn5xweylsmzxq");
	assert_true(waldo_key_parse(text, back));
	assert_memory_equal(key, back, 32);
	text[0] = 'M';
	assert_true(waldo_key_parse(text, back));
	assert_memory_equal(key, back, 32);
}

static void
every_key_has_one_text_and_comes_back_from_it(void **state)
{
	uint8_t key[32], back[32];
	char text[WALDO_KEY_TEXT];

	(void) state;
	assert_true(sodium_init() >= 0);
	for (int i = 0; i < 1000; i++) {
		randombytes_buf(key, sizeof(key));
		waldo_key_format(key, text);
		assert_int_equal(strlen(text), WALDO_KEY_TEXT - 1);
		assert_true(waldo_key_parse(text, back));
		assert_memory_equal(key, back, 32);
	}
}

static void
what_is_no_key_is_refused_and_changes_nothing(void **state)
{
	static const char good[] =
	    "mzxw6ytbojtg633cmfzgm33pmjqxeztpn5rgc4tgn5xweylsmzxq";
	uint8_t key[32] = {1, 2, 3}, before[32];
	char text[80];

	(void) state;
	memcpy(before, key, sizeof(key));
	assert_false(waldo_key_parse(NULL, key));
	assert_false(waldo_key_parse("", key));
	snprintf(text, sizeof(text), "%sa", good);
	assert_false(waldo_key_parse(text, key));
	snprintf(text, sizeof(text), "%.51s", good);
	assert_false(waldo_key_parse(text, key));
	for (const char *c = "018=-_ \xc3"; *c != '\0'; c++) {
		snprintf(text, sizeof(text), "%s", good);
		text[17] = *c;
		assert_false(waldo_key_parse(text, key));
	}
	/* Bits that belong to no byte. */
	snprintf(text, sizeof(text), "%.51sr", good);
	assert_false(waldo_key_parse(text, key));
	assert_memory_equal(key, before, sizeof(key));
}

/* SHA-256 of 32 zero bytes begins 66687aadf862bd776c8fc18b8e. */
static void
a_fingerprint_is_a_digest_in_groups(void **state)
{
	const uint8_t key[32] = {0};
	char text[WALDO_KEY_PRINT];

	(void) state;
	waldo_key_fingerprint(key, text);
	assert_string_equal(text, "mzuh-vlpy-mk6x-o3ep-ygfy");
}

/* ---- files */

static void
a_file_is_made_once_for_its_owner_alone(void **state)
{
	waldo_key *made, *read;
	struct stat file;

	(void) state;
	assert_ok(waldo_key_load(path, &made));
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	assert_ok(waldo_key_load(path, &read));
	assert_memory_equal(waldo_key_get_public(made),
	                    waldo_key_get_public(read), 32);
	waldo_key_release(made);
	waldo_key_release(read);
}

static void
two_that_begin_at_a_time_have_one_key(void **state)
{
	waldo_key *first, *second = NULL;

	(void) state;
	rival = &second;
	assert_ok(waldo_key_load(path, &first));
	assert_non_null(second);
	assert_memory_equal(waldo_key_get_public(first),
	                    waldo_key_get_public(second), 32);
	waldo_key_release(first);
	waldo_key_release(second);
}

static void
a_file_that_others_may_read_is_refused(void **state)
{
	waldo_key *key;

	(void) state;
	assert_ok(waldo_key_load(path, &key));
	waldo_key_release(key);
	assert_int_equal(chmod(path, 0640), 0);
	assert_refused(WALDO_EDENIED, "640");
	assert_int_equal(chmod(path, 0602), 0);
	assert_refused(WALDO_EDENIED, "602");
}

static void
a_file_that_is_no_key_is_refused_and_stays(void **state)
{
	char content[120];
	struct stat file;

	(void) state;
	put_file("", 0600);
	assert_refused(WALDO_EINVAL, "not a secret key");
	put_file("mzxw6ytbojtg633cmfzgm33pmjqxeztpn5rgc4tgn5xweylsmzxq\n",
	         0600);
	assert_refused(WALDO_EINVAL, "not a secret key");
	snprintf(content, sizeof(content), "waldo-secret-key %s\nmore",
	         "mzxw6ytbojtg633cmfzgm33pmjqxeztpn5rgc4tgn5xweylsmzxq");
	put_file(content, 0600);
	assert_refused(WALDO_EINVAL, "not a secret key");
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_size, strlen(content));
}

static void
a_folder_or_a_missing_one_is_said(void **state)
{
	waldo_key *key;

	(void) state;
	assert_err(waldo_key_load(folder, &key), WALDO_EINVAL);
	assert_err(waldo_key_load("/nowhere/key", &key), WALDO_ESYSTEM);
	assert_non_null(strstr(waldo_node_get_message(NULL), "/nowhere/key"));
}

/* Who prints a URI with a key has it also when the power was lost. */
static void
a_file_that_was_made_is_on_the_disk(void **state)
{
	waldo_key *key;

	(void) state;
	folders_synced = 0;
	assert_ok(waldo_key_load(path, &key));
	waldo_key_release(key);
	assert_int_equal(folders_synced, 1);
	assert_ok(waldo_key_load(path, &key));
	waldo_key_release(key);
	assert_int_equal(folders_synced, 1);
}

static void
a_pipe_is_refused_and_not_waited_for(void **state)
{
	(void) state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_refused(WALDO_EINVAL, "not a regular file");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_public_half_is_that_of_the_secret),
	    cmocka_unit_test(no_two_are_the_same),
	    cmocka_unit_test(null_is_accepted),
	    cmocka_unit_test(
	        the_secret_lies_read_only_between_guards_and_out_of_core_dumps),
	    cmocka_unit_test(a_text_is_base32_without_padding),
	    cmocka_unit_test(every_key_has_one_text_and_comes_back_from_it),
	    cmocka_unit_test(what_is_no_key_is_refused_and_changes_nothing),
	    cmocka_unit_test(a_fingerprint_is_a_digest_in_groups),
	    cmocka_unit_test_setup_teardown(
	        a_file_is_made_once_for_its_owner_alone, make_folder,
	        remove_folder),
	    cmocka_unit_test_setup_teardown(
	        two_that_begin_at_a_time_have_one_key, make_folder,
	        remove_folder),
	    cmocka_unit_test_setup_teardown(
	        a_file_that_others_may_read_is_refused, make_folder,
	        remove_folder),
	    cmocka_unit_test_setup_teardown(
	        a_file_that_is_no_key_is_refused_and_stays, make_folder,
	        remove_folder),
	    cmocka_unit_test_setup_teardown(a_folder_or_a_missing_one_is_said,
	                                    make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(a_file_that_was_made_is_on_the_disk,
	                                    make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(
	        a_pipe_is_refused_and_not_waited_for, make_folder,
	        remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
