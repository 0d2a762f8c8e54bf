/* SPDX-License-Identifier: MIT */
/* PROTOCOL.md P15: numbers are dense, and both sides have the same. And what a
 * node remembers of the names that it numbers. */
#include "broker/methods.h"
#include "broker/session/names.h"
#include "tests/unit/bare_node.h"
#include "tests/waldo_test.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 1024 };

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

/* Another each time, as after the node has forgotten it; many share a hash. */
static waldoi_name *
name_of(const char *text)
{
	size_t len = strlen(text);
	waldoi_name *name = waldoi_name_new(text, len);

	assert_non_null(name);
	name->hash = (uint32_t) (len * 31 + (unsigned char) text[len - 1]);
	return name;
}

static uint32_t
find(const char *text)
{
	waldoi_name *name = name_of(text);
	uint32_t number = waldoi_names_out_find(&out, name);

	waldoi_name_release(name);
	return number;
}

static void
define(const char *text)
{
	waldoi_name *name = name_of(text);

	assert_true(waldoi_names_out_define(&out, name));
	waldoi_name_release(name);
}

static void
undefine(const char *text)
{
	waldoi_name *name = name_of(text);

	waldoi_names_out_undefine(&out, name);
	waldoi_name_release(name);
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

static void
a_name_that_the_node_remembers_replaces_one_that_it_forgot(void **state)
{
	waldoi_name *old = name_of("look"), *new = name_of("look");

	(void) state;
	assert_true(waldoi_names_out_define(&out, old));
	assert_int_equal(waldoi_names_out_find(&out, old), 1);
	assert_int_equal(waldoi_names_out_find(&out, new), 1);
	waldoi_names_out_undefine(&out, new);
	assert_int_equal(waldoi_names_out_find(&out, old), 0);
	waldoi_name_release(old);
	waldoi_name_release(new);
}

/* ---- what a node calls */

static waldo_node *node;

static int
open_node(void **state)
{
	(void) state;
	node = bare_node_new();
	return node == NULL ? -1 : 0;
}

static int
close_node(void **state)
{
	(void) state;
	waldo_node_free(node);
	return 0;
}

#define node_test(name)                                                        \
	cmocka_unit_test_setup_teardown(name, open_node, close_node)

static waldoi_name *
get(const char *text)
{
	waldoi_name *name = NULL;

	assert_ok(waldoi_methods_get(node, text, &name));
	assert_string_equal(name->text, text);
	assert_int_equal(name->len, strlen(text));
	return name;
}

static void
a_name_is_made_once_wherever_its_text_stands(void **state)
{
	char here[] = "look", there[] = "look";
	waldoi_name *name = get(here);

	(void) state;
	for (int i = 0; i < 3; i++) {
		waldoi_name *same = get(i % 2 == 0 ? there : here);

		assert_ptr_equal(same, name);
		waldoi_name_release(same);
	}
	waldoi_name_release(name);
}

static void
another_text_at_the_same_place_is_another_name(void **state)
{
	char text[] = "look";
	waldoi_name *look = get(text), *book;

	(void) state;
	text[0] = 'b';
	book = get(text);
	assert_ptr_not_equal(book, look);
	assert_string_equal(look->text, "look");
	text[2] = '\0';
	waldoi_name_release(get(text));
	waldoi_name_release(look);
	waldoi_name_release(book);
}

/* More than it remembers: each is forgotten, and some are held meanwhile. */
static void
a_name_outlives_being_forgotten_for_who_holds_it(void **state)
{
	waldoi_name *held[8];
	char text[32];

	(void) state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 1000; i++) {
			waldoi_name *name;

			numbered(text, i);
			name = get(text);
			if (round == 0 && i < 8) {
				held[i] = name;
			} else {
				waldoi_name_release(name);
			}
		}
	}
	for (int i = 0; i < 8; i++) {
		numbered(text, i);
		assert_string_equal(held[i]->text, text);
		waldoi_name_release(held[i]);
	}
}

static void
what_is_no_name_of_a_method_is_not_remembered(void **state)
{
	char longest[WALDOI_MAX_METHOD + 2];
	waldoi_name *name = NULL;

	(void) state;
	memset(longest, 'a', sizeof(longest));
	longest[WALDOI_MAX_METHOD + 1] = '\0';
	for (int i = 0; i < 2; i++) {
		assert_err(waldoi_methods_get(node, "", &name), WALDO_EINVAL);
		assert_err(waldoi_methods_get(node, "a/b", &name),
		           WALDO_EINVAL);
		assert_err(waldoi_methods_get(node, "\xff", &name),
		           WALDO_EINVAL);
		assert_err(waldoi_methods_get(node, longest, &name),
		           WALDO_EINVAL);
	}
	assert_null(name);
	longest[WALDOI_MAX_METHOD] = '\0';
	waldoi_name_release(get(longest));
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
	    waldo_test(
	        a_name_that_the_node_remembers_replaces_one_that_it_forgot),
	    node_test(a_name_is_made_once_wherever_its_text_stands),
	    node_test(another_text_at_the_same_place_is_another_name),
	    node_test(a_name_outlives_being_forgotten_for_who_holds_it),
	    node_test(what_is_no_name_of_a_method_is_not_remembered),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
