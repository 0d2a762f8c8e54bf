/* SPDX-License-Identifier: MIT */
/* An object with a unit test: its node talks to itself. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <waldo.h>

struct counter {
	int64_t total;
	int destroyed;
};

static void
counter_add(void *self, waldo_call *call)
{
	struct counter *c = self;
	int64_t n = waldo_read_int(waldo_call_get_args(call), -1000, 1000);

	if (!waldo_call_check(call)) {
		return;
	}
	c->total += n;
	waldo_call_reply(call, "I", c->total);
}

static void
counter_destroy(void *self)
{
	((struct counter *) self)->destroyed++;
}

static const waldo_method counter_methods[] = {
    {"add", counter_add, "(n: i64) -> i64", 0},
    {0},
};

static const waldo_class counter_class = {
    WALDO_CLASS_SIZES, "Counter", counter_methods, counter_destroy, NULL,
};

struct fixture {
	waldo_node *node;
	struct counter counter;
	waldo_ref *far;
};

static int
setup(void **state)
{
	static struct fixture f;
	waldo_ref *near = NULL;

	f = (struct fixture){0};
	*state = &f;
	if (waldo_node_new(NULL, &f.node) != WALDO_OK ||
	    waldo_object_new(f.node, &counter_class, &f.counter, &near) !=
	        WALDO_OK ||
	    waldo_publish(f.node, "counter", near) != WALDO_OK ||
	    waldo_listen(f.node, "inproc:test", NULL) != WALDO_OK ||
	    waldo_connect(f.node, "waldo+inproc:test/counter", &f.far) !=
	        WALDO_OK) {
		return -1;
	}
	waldo_ref_release(near);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	waldo_ref_release(f->far);
	waldo_node_free(f->node);
	return f->counter.destroyed == 1 ? 0 : -1;
}

static void
add_returns_the_new_total(void **state)
{
	struct fixture *f = *state;
	waldo_promise *p = waldo_ref_invoke(f->far, "add", "i", 3);
	waldo_reader *result;

	assert_int_equal(waldo_promise_wait(p, 1000), WALDO_OK);
	result = waldo_promise_get_result(p);
	assert_int_equal(waldo_read_int(result, 0, 9), 3);
	assert_int_equal(waldo_read_end(result), WALDO_OK);
	waldo_promise_release(p);
}

static void
add_refuses_what_is_not_a_number(void **state)
{
	struct fixture *f = *state;
	waldo_promise *p = waldo_ref_invoke(f->far, "add", "s", "three");
	const waldo_failure *why;

	assert_int_equal(waldo_promise_wait(p, 1000), WALDO_EARGS);
	why = waldo_promise_get_failure(p);
	assert_non_null(why);
	assert_int_equal(why->code, WALDO_EARGS);
	assert_string_equal(
	    why->message,
	    "add(n: i64): argument 1: expected integer, found string");
	waldo_promise_release(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(add_returns_the_new_total, setup,
	                                    teardown),
	    cmocka_unit_test_setup_teardown(add_refuses_what_is_not_a_number,
	                                    setup, teardown),
	};

	return cmocka_run_group_tests_name("counter", tests, NULL, NULL);
}
