/* SPDX-License-Identifier: MIT */
#include "broker/known_hosts.h"
#include "tests/waldo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint8_t keys[5][WALDO_KEY_BYTES]; /* all bytes are the index + 1 */
static char texts[5][WALDO_KEY_TEXT];
static char path[] = "/tmp/waldo-known-XXXXXX";
static char message[200];

static int
make_keys(void **state)
{
	int fd;

	(void) state;
	for (int i = 0; i < 5; i++) {
		memset(keys[i], i + 1, sizeof(keys[i]));
		waldo_key_format(keys[i], texts[i]);
	}
	strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	if (fd < 0) {
		return -1;
	}
	close(fd);
	return unlink(path);
}

static int
remove_file(void **state)
{
	(void) state;
	unlink(path);
	return 0;
}

/* ---- the text */

static void
assert_finds(const char *text, const char *place, const uint8_t *expected)
{
	uint8_t key[WALDO_KEY_BYTES];
	bool found = waldoi_known_find(text, strlen(text), place, key);

	assert_int_equal(found, expected != NULL);
	if (found) {
		assert_memory_equal(key, expected, sizeof(key));
	}
}

static void
a_host_has_the_key_of_its_last_line(void **state)
{
	char text[1000];

	(void) state;
	snprintf(text, sizeof(text),
	         "# mine\n"
	         "host a:1 %s\n"
	         "\thost  b:2\t%s \r\n"
	         "host a:1 %s\n"
	         "host c:3 %s",
	         texts[0], texts[1], texts[2], texts[3]);
	assert_finds(text, "a:1", keys[2]);
	assert_finds(text, "b:2", keys[1]);
	assert_finds(text, "c:3", keys[3]);
	assert_finds(text, "a", NULL);
	assert_finds(text, "a:11", NULL);
	assert_finds("", "a:1", NULL);
}

static void
a_line_that_is_none_is_skipped(void **state)
{
	char text[1000];

	(void) state;
	snprintf(text, sizeof(text),
	         "host a:1\nhost a:1 %s more\nhosts a:1 %s\nhost a:1 %.51s\n"
	         "host a:1 %.51s!\nnext a:1 %s\n\n \n",
	         texts[0], texts[0], texts[0], texts[0], texts[0]);
	assert_finds(text, "a:1", NULL);
}

static void
the_latest_key_of_a_chain_comes_first(void **state)
{
	uint8_t found[8][WALDO_KEY_BYTES];
	char text[1000];
	size_t len;

	(void) state;
	snprintf(text, sizeof(text),
	         "next %s %s\nnext %s %s\nnext %s %s\nnext %s %s\n", texts[1],
	         texts[2], texts[0], texts[1], texts[2], texts[0], texts[3],
	         texts[4]);
	len = strlen(text);
	/* The third names the first again, which ends it. */
	assert_int_equal(waldoi_known_list_next(text, len, keys[0], found, 8),
	                 3);
	assert_memory_equal(found[0], keys[0], WALDO_KEY_BYTES);
	assert_memory_equal(found[1], keys[2], WALDO_KEY_BYTES);
	assert_memory_equal(found[2], keys[1], WALDO_KEY_BYTES);
	assert_int_equal(waldoi_known_list_next(text, len, keys[4], found, 8),
	                 0);
	assert_int_equal(waldoi_known_list_next(text, len, keys[0], found, 1),
	                 1);
	assert_true(waldoi_known_has_next(text, len, keys[0], keys[1]));
	assert_false(waldoi_known_has_next(text, len, keys[0], keys[2]));
}

static void
what_is_written_is_found_again(void **state)
{
	char line[WALDOI_KNOWN_LINE], long_place[260];

	(void) state;
	memset(long_place, 'h', sizeof(long_place));
	strcpy(long_place + 253, ":65535");
	waldoi_known_format_host(long_place, keys[3], line);
	assert_finds(line, long_place, keys[3]);
	waldoi_known_format_next(keys[0], keys[4], line);
	assert_true(
	    waldoi_known_has_next(line, strlen(line), keys[0], keys[4]));
}

/* ---- the file */

static void
a_file_that_is_not_there_is_empty_and_made_by_the_first_line(void **state)
{
	struct stat file;
	size_t len;
	char *text;

	(void) state;
	assert_ok(waldoi_known_read(path, &text, &len, message));
	assert_int_equal(len, 0);
	free(text);
	assert_int_not_equal(stat(path, &file), 0);
	assert_ok(waldoi_known_append(path, "one\n", message));
	assert_ok(waldoi_known_append(path, "two\n", message));
	assert_ok(waldoi_known_read(path, &text, &len, message));
	assert_string_equal(text, "one\ntwo\n");
	assert_int_equal(len, 8);
	free(text);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
}

static void
a_file_that_others_may_write_is_refused(void **state)
{
	size_t len;
	char *text;

	(void) state;
	assert_ok(waldoi_known_append(path, "one\n", message));
	assert_int_equal(chmod(path, 0620), 0);
	assert_err(waldoi_known_read(path, &text, &len, message),
	           WALDO_EDENIED);
	assert_non_null(strstr(message, path));
	assert_err(waldoi_known_append(path, "two\n", message), WALDO_EDENIED);
	assert_int_equal(chmod(path, 0644), 0);
	assert_ok(waldoi_known_read(path, &text, &len, message));
	assert_string_equal(text, "one\n");
	free(text);
}

static void
a_file_that_is_too_long_or_none_is_refused(void **state)
{
	size_t len;
	char *text;

	(void) state;
	assert_ok(waldoi_known_append(path, "one\n", message));
	assert_int_equal(truncate(path, 1024 * 1024 + 1), 0);
	assert_err(waldoi_known_read(path, &text, &len, message), WALDO_ELIMIT);
	assert_err(waldoi_known_read("/tmp", &text, &len, message),
	           WALDO_EINVAL);
	assert_err(waldoi_known_append("/nowhere/known", "x\n", message),
	           WALDO_ESYSTEM);
	assert_non_null(strstr(message, "/nowhere/known"));
}

/* However many lines others have us write, it stays one that we can read. */
static void
a_file_that_is_full_is_not_written(void **state)
{
	char line[100];
	size_t len;
	char *text;

	(void) state;
	memset(line, '#', sizeof(line) - 2);
	strcpy(line + sizeof(line) - 2, "\n");
	assert_ok(waldoi_known_append(path, "one\n", message));
	assert_int_equal(truncate(path, 1024 * 1024 - 50), 0);
	assert_err(waldoi_known_append(path, line, message), WALDO_ELIMIT);
	assert_ok(waldoi_known_read(path, &text, &len, message));
	free(text);
}

/* As of a disk that was full. */
static void
a_line_in_part_does_not_spoil_the_next(void **state)
{
	char line[WALDOI_KNOWN_LINE];
	size_t len;
	char *text;

	(void) state;
	assert_ok(waldoi_known_append(path, "host a.example:1 ab", message));
	waldoi_known_format_host("b.example:1", keys[1], line);
	assert_ok(waldoi_known_append(path, line, message));
	assert_ok(waldoi_known_append(path, line, message));
	assert_ok(waldoi_known_read(path, &text, &len, message));
	assert_finds(text, "b.example:1", keys[1]);
	assert_null(strstr(text, "\n\n"));
	free(text);
}

static void
a_pipe_is_refused_and_not_waited_for(void **state)
{
	size_t len;
	char *text;

	(void) state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_err(waldoi_known_read(path, &text, &len, message), WALDO_EINVAL);
	assert_err(waldoi_known_append(path, "one\n", message), WALDO_EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_host_has_the_key_of_its_last_line),
	    cmocka_unit_test(a_line_that_is_none_is_skipped),
	    cmocka_unit_test(the_latest_key_of_a_chain_comes_first),
	    cmocka_unit_test(what_is_written_is_found_again),
	    cmocka_unit_test_setup_teardown(
	        a_file_that_is_not_there_is_empty_and_made_by_the_first_line,
	        make_keys, remove_file),
	    cmocka_unit_test_setup_teardown(
	        a_file_that_others_may_write_is_refused, make_keys,
	        remove_file),
	    cmocka_unit_test_setup_teardown(
	        a_file_that_is_too_long_or_none_is_refused, make_keys,
	        remove_file),
	    cmocka_unit_test_setup_teardown(a_file_that_is_full_is_not_written,
	                                    make_keys, remove_file),
	    cmocka_unit_test_setup_teardown(
	        a_line_in_part_does_not_spoil_the_next, make_keys, remove_file),
	    cmocka_unit_test_setup_teardown(
	        a_pipe_is_refused_and_not_waited_for, make_keys, remove_file),
	};

	return cmocka_run_group_tests(tests, make_keys, NULL);
}
