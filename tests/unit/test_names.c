/* SPDX-License-Identifier: MIT */
/* PROTOCOL.md P15: numbers are dense, and both sides have the same. */
#include "broker/session/names.h"
#include "tests/waldo_test.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 1024 };

#define SECRET UINT64_C(0x1234567890abcdef)

static waldoi_names_out out;
static waldoi_names_in in;

static int
setup(void **state)
{
	(void) state;
	out = (waldoi_names_out){0};
	in = (waldoi_names_in){0};
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	waldoi_names_out_fini(&out);
	waldoi_names_in_fini(&in);
	return 0;
}

static uint32_t
find(const char *text)
{
	return waldoi_names_out_find(&out, text, strlen(text), SECRET);
}

static void
define(const char *text)
{
	assert_true(waldoi_names_out_define(&out, text, strlen(text), SECRET));
}

static void
undefine(const char *text)
{
	waldoi_names_out_undefine(&out, text, strlen(text), SECRET);
}

static void
numbered(char to[32], int i)
{
	(void) snprintf(to, 32, "method_%d", i);
}

static void
a_name_has_no_number_until_it_is_defined(void **state)
{
	(void) state;
	assert_int_equal(find("look"), 0);
	define("look");
	assert_int_equal(find("look"), 1);
	assert_int_equal(find("Look"), 0);
}

/* As many as a peer has room for by default; they share places by the
 * hundred. */
static void
numbers_are_dense_and_stay(void **state)
{
	char name[32];

	(void) state;
	for (int i = 0; i < MANY; i++) {
		numbered(name, i);
		assert_int_equal(find(name), 0);
		define(name);
		assert_int_equal(out.count, i + 1);
	}
	for (int i = 0; i < MANY; i++) {
		numbered(name, i);
		assert_int_equal(find(name), i + 1);
	}
}

static void
names_that_begin_alike_are_told_apart(void **state)
{
	char longest[WALDOI_MAX_METHOD + 1] = "";

	(void) state;
	for (size_t len = 1; len <= WALDOI_MAX_METHOD; len++) {
		longest[len - 1] = 'a';
		define(longest);
	}
	for (size_t len = WALDOI_MAX_METHOD; len > 0; len--) {
		longest[len] = '\0';
		assert_int_equal(find(longest), len);
	}
}

static void
the_last_definition_can_be_taken_back(void **state)
{
	char name[32];

	(void) state;
	for (int i = 0; i < 100; i++) {
		numbered(name, i);
		define(name);
		undefine(name); /* its frame found no room */
		assert_int_equal(find(name), 0);
		assert_int_equal(out.count, i);
		define(name);
	}
	for (int i = 0; i < 100; i++) {
		numbered(name, i);
		assert_int_equal(find(name), i + 1);
	}
}

static void
the_only_definition_can_be_taken_back(void **state)
{
	(void) state;
	define("a");
	undefine("a");
	assert_int_equal(find("a"), 0);
	define("b");
	assert_int_equal(find("b"), 1);
	assert_int_equal(find("a"), 0);
}

/* ---- what the peer calls ours */

static void
the_peer_s_numbers_begin_at_one_and_end_at_the_last(void **state)
{
	char text[32];

	(void) state;
	assert_null(waldoi_names_in_get(&in, 0));
	assert_null(waldoi_names_in_get(&in, 1));
	for (int i = 0; i < MANY; i++) {
		numbered(text, i);
		assert_true(waldoi_names_in_define(
		    &in, waldoi_name_new(text, strlen(text))));
	}
	for (int i = 0; i < MANY; i++) {
		numbered(text, i);
		assert_string_equal(
		    waldoi_names_in_get(&in, (uint64_t) i + 1)->text, text);
	}
	assert_null(waldoi_names_in_get(&in, 0));
	assert_null(waldoi_names_in_get(&in, MANY + 1));
	assert_null(waldoi_names_in_get(&in, UINT64_C(1) + UINT32_MAX + 1));
}

static void
a_name_outlives_the_table_for_who_has_retained_it(void **state)
{
	waldoi_name *name = waldoi_name_new("look", 4);

	(void) state;
	assert_true(waldoi_names_in_define(&in, waldoi_name_retain(name)));
	waldoi_names_in_fini(&in);
	assert_int_equal(name->count, 1);
	assert_string_equal(name->text, "look");
	waldoi_name_release(name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(a_name_has_no_number_until_it_is_defined),
	    waldo_test(numbers_are_dense_and_stay),
	    waldo_test(names_that_begin_alike_are_told_apart),
	    waldo_test(the_last_definition_can_be_taken_back),
	    waldo_test(the_only_definition_can_be_taken_back),
	    waldo_test(the_peer_s_numbers_begin_at_one_and_end_at_the_last),
	    waldo_test(a_name_outlives_the_table_for_who_has_retained_it),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
