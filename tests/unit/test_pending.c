/* SPDX-License-Identifier: MIT */
#include "broker/pending.h"
#include "tests/unit/bare_node.h"
#include "tests/waldo_test.h"

#include <stdio.h>

static waldo_node *node;
static waldo_ref *object;
static waldoi_pending *list;
static waldoi_message value;
static int seen[8], seen_count;

/* ---- an object that takes notes */

static void
note(void *self, waldo_call *call)
{
	int64_t n = waldo_read_int(waldo_call_get_args(call), 0, 100);

	(void) self;
	if (waldo_call_check(call) && seen_count < 8) {
		seen[seen_count++] = (int) n;
		waldo_call_reply(call, "");
	}
}

static const waldo_method methods[] = {{"note", note, NULL, 0}, {0}};
static const waldo_class notes = {WALDO_CLASS_SIZES, "Notes", methods, NULL,
                                  NULL};

/* What the tests call the result: {"players": [7, object], "name": "x"}. */
static void
fill_value(void)
{
	waldo_writer writer;

	waldoi_writer_init(&writer, &waldoi_ref_handles, &node->writer_limits,
	                   waldoi_node_give_back, node);
	waldo_putf(&writer, "{s[ir]ss}", "players", 7, object, "name", "x");
	assert_ok(waldoi_message_from(&value, &writer, false));
	waldoi_writer_fini(&writer);
}

static int
setup(void **state)
{
	(void) state;
	node = bare_node_new();
	list = NULL;
	seen_count = 0;
	waldoi_message_init(&value);
	if (node == NULL ||
	    waldo_object_new(node, &notes, NULL, &object) != WALDO_OK) {
		return -1;
	}
	fill_value();
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	waldoi_pendings_free(&list);
	waldoi_message_fini(&value);
	waldo_ref_release(object);
	waldo_node_free(node);
	return 0;
}

/* ---- paths */

static void
assert_key(const waldoi_step *step, const char *key)
{
	assert_non_null(step->key);
	assert_int_equal(step->len, strlen(key));
	assert_memory_equal(step->key, key, step->len);
}

static void
assert_index(const waldoi_step *step, uint32_t index)
{
	assert_null(step->key);
	assert_int_equal(step->index, index);
}

static waldoi_path
parse(const char *text)
{
	waldoi_path path;

	waldoi_path_parse(text, &path);
	return path;
}

static void
the_steps_of_a_path_are_keys_and_indices(void **state)
{
	waldoi_path path = parse("players/0/avatar");

	(void) state;
	assert_false(path.malformed);
	assert_int_equal(path.count, 3);
	assert_key(&path.steps[0], "players");
	assert_index(&path.steps[1], 0);
	assert_key(&path.steps[2], "avatar");
}

static void
the_empty_path_has_no_steps(void **state)
{
	waldoi_path path = parse("");

	(void) state;
	assert_false(path.malformed);
	assert_int_equal(path.count, 0);
}

static void
only_digits_alone_that_can_count_are_an_index(void **state)
{
	static const char *const keys[] = {"-1",
	                                   "1a",
	                                   "a1",
	                                   " 1",
	                                   "1.0",
	                                   "4294967296",
	                                   "99999999999999999999999999"};
	waldoi_path path;

	(void) state;
	path = parse("4294967295");
	assert_index(&path.steps[0], UINT32_MAX);
	path = parse("007");
	assert_index(&path.steps[0], 7);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		path = parse(keys[i]);
		assert_int_equal(path.count, 1);
		assert_key(&path.steps[0], keys[i]);
	}
}

static void
a_path_has_at_most_eight_steps_of_128_bytes(void **state)
{
	char text[400];

	(void) state;
	assert_int_equal(parse("1/2/3/4/5/6/7/8").count, 8);
	assert_true(parse("1/2/3/4/5/6/7/8/9").malformed);
	memset(text, 'k', sizeof(text));
	text[128] = '/';
	text[257] = '\0';
	assert_int_equal(parse(text).count, 2);
	text[257] = 'k';
	text[258] = '\0';
	assert_true(parse(text).malformed);
}

static void
a_path_with_an_empty_step_is_malformed(void **state)
{
	static const char *const bad[] = {"/",    "/a",   "a/",
	                                  "a//b", "a/b/", "//"};

	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		waldoi_path path = parse(bad[i]);

		assert_true(path.malformed);
		assert_int_equal(path.count, 0);
	}
}

static waldo_ref *
find(const char *text, const char **ret_message)
{
	static char message[200];
	waldoi_path path = parse(text);
	waldoi_failure *failure = NULL;
	waldo_ref *ref = waldoi_path_find(&path, &value, NULL, &failure);

	*ret_message = NULL;
	if (failure != NULL) {
		(void) snprintf(message, sizeof(message), "%s",
		                failure->pub.message);
		waldoi_failure_release(failure);
		*ret_message = message;
	}
	return ref;
}

static void
a_path_leads_to_a_reference_or_says_what_is_there(void **state)
{
	static const struct {
		const char *path, *message;
	} cases[] = {
	    {"", "the result is not a reference but map"},
	    {"players", "the result is not a reference but list"},
	    {"players/0", "the result is not a reference but integer"},
	    {"name", "the result is not a reference but string"},
	    {"players/2", "the result has no such place"},
	    {"players/x", "the result has no such place"},
	    {"players/1/0", "the result has no such place"},
	    {"0", "the result has no such place"},
	    {"nobody", "the result has no such place"},
	};
	const char *message;

	(void) state;
	assert_ptr_equal(find("players/1", &message), object);
	assert_null(message);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_null(find(cases[i].path, &message));
		assert_non_null(message);
		assert_string_equal(message, cases[i].message);
	}
}

/* ---- references that are not known yet */

static waldo_ref *
get(const char *text)
{
	waldoi_path path = parse(text);
	waldo_ref *ref = waldoi_pendings_get(&list, node, &path, NULL);

	assert_non_null(ref);
	return ref;
}

static void
one_place_has_one_reference(void **state)
{
	char text[] = "players/1";
	waldo_ref *ref = get(text);

	(void) state;
	memset(text, 'z', sizeof(text) - 1); /* it keeps the keys itself */
	assert_ptr_equal(get("players/1"), ref);
	assert_ptr_not_equal(get("players/2"), ref);
	assert_ptr_not_equal(get("players"), ref);
	assert_ptr_not_equal(get("playerz/1"), ref);
	assert_ptr_not_equal(get(""), get("//"));
	assert_int_equal(waldo_ref_get_state(ref), WALDO_PENDING);
}

static void
with_the_result_each_becomes_what_stands_at_its_place(void **state)
{
	waldo_ref *player = get("players/1"), *name = get("name");

	(void) state;
	waldoi_pendings_settle(&list, &value, NULL);
	assert_int_equal(waldo_ref_get_state(player), WALDO_NEAR);
	assert_true(waldo_ref_equal(player, object));
	assert_int_equal(waldo_ref_get_state(name), WALDO_BROKEN);
	assert_string_equal(waldo_ref_get_failure(name)->message,
	                    "the result is not a reference but string");
}

static void
with_a_failure_all_break_with_it(void **state)
{
	waldo_ref *a = get("a"), *b = get("");
	waldoi_failure *failure = waldoi_failure_typed("game.Blocked", "no");

	(void) state;
	waldoi_pendings_settle(&list, NULL, failure);
	waldoi_failure_release(failure);
	assert_string_equal(waldo_ref_get_failure(a)->type, "game.Blocked");
	assert_string_equal(waldo_ref_get_failure(b)->type, "game.Blocked");
}

static void
what_is_settled_stays_as_it_is(void **state)
{
	waldo_ref *player = get("players/1");
	waldoi_failure *failure = waldoi_failure_typed("game.Blocked", "no");

	(void) state;
	waldoi_pendings_settle(&list, &value, NULL);
	waldoi_pendings_settle(&list, NULL, failure);
	waldoi_failure_release(failure);
	assert_int_equal(waldo_ref_get_state(player), WALDO_NEAR);
}

static void
what_nobody_settles_breaks_when_its_call_ends(void **state)
{
	waldo_ref *ref = waldo_ref_retain(get("a"));

	(void) state;
	waldoi_pendings_free(&list);
	assert_null(list);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	assert_err(waldo_ref_get_failure(ref)->code, WALDO_ELOST);
	waldo_ref_release(ref);
}

/* PROTOCOL.md P9 */
static void
calls_that_came_too_early_move_on_in_order(void **state)
{
	waldo_ref *ref = get("players/1");

	(void) state;
	for (int i = 0; i < 5; i++) {
		assert_ok(waldo_ref_notify(ref, "note", "i", i));
	}
	waldoi_node_run_jobs(node);
	assert_int_equal(seen_count, 0);

	waldoi_pendings_settle(&list, &value, NULL);
	assert_ok(waldo_ref_notify(ref, "note", "i", 5));
	assert_ok(waldo_ref_notify(object, "note", "i", 6));
	waldoi_node_run_jobs(node);
	assert_int_equal(seen_count, 7);
	for (int i = 0; i < 7; i++) {
		assert_int_equal(seen[i], i);
	}
}

static int settled;
static waldo_err code;
static waldo_fate fate;

static void
note_outcome(waldo_reader *result, const waldo_failure *failure, void *user)
{
	(void) result;
	(void) user;
	settled++;
	code = failure == NULL ? WALDO_OK : failure->code;
	fate = failure == NULL ? WALDO_EXECUTED : failure->fate;
}

static void
calls_that_wait_for_what_breaks_fail_and_have_not_run(void **state)
{
	waldo_ref *ref = get("name");

	(void) state;
	settled = 0;
	assert_ok(waldo_promise_when(waldo_ref_invoke(ref, "note", "i", 1),
	                             note_outcome, NULL));
	waldoi_node_run_jobs(node);
	assert_int_equal(settled, 0);

	waldoi_pendings_settle(&list, &value, NULL);
	waldoi_node_run_jobs(node);
	assert_int_equal(settled, 1);
	assert_err(code, WALDO_EINVAL);
	assert_int_equal(fate, WALDO_NOT_SENT);
	assert_int_equal(seen_count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(the_steps_of_a_path_are_keys_and_indices),
	    waldo_test(the_empty_path_has_no_steps),
	    waldo_test(only_digits_alone_that_can_count_are_an_index),
	    waldo_test(a_path_has_at_most_eight_steps_of_128_bytes),
	    waldo_test(a_path_with_an_empty_step_is_malformed),
	    waldo_test(a_path_leads_to_a_reference_or_says_what_is_there),
	    waldo_test(one_place_has_one_reference),
	    waldo_test(with_the_result_each_becomes_what_stands_at_its_place),
	    waldo_test(with_a_failure_all_break_with_it),
	    waldo_test(what_is_settled_stays_as_it_is),
	    waldo_test(what_nobody_settles_breaks_when_its_call_ends),
	    waldo_test(calls_that_came_too_early_move_on_in_order),
	    waldo_test(calls_that_wait_for_what_breaks_fail_and_have_not_run),
	};

	return cmocka_run_group_tests_name("pending", tests, NULL, NULL);
}
