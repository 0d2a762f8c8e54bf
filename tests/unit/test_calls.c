/* SPDX-License-Identifier: MIT */
#include "broker/session/calls.h"
#include "tests/waldo_test.h"

enum { MANY = 3000 }; /* more than any ring has places */

static waldo_promise promises[MANY];

static waldoi_calls
none(void)
{
	waldoi_calls calls;

	waldoi_calls_init(&calls);
	return calls;
}

/* The ids of one side: 1, 3, 5 ... */
static int64_t
id_of(int i)
{
	return 2 * i + 1;
}

static void
insert(waldoi_calls *calls, int i)
{
	waldo_promise *promise = &promises[i % MANY];

	assert_true(waldoi_calls_insert(calls, id_of(i), promise));
	assert_int_equal(promise->id, id_of(i));
}

static void
see(waldoi_calls *calls, int i)
{
	assert_ptr_equal(waldoi_calls_find(calls, id_of(i)),
	                 &promises[i % MANY]);
}

static void
take_out(waldoi_calls *calls, int i)
{
	assert_ptr_equal(waldoi_calls_remove(calls, id_of(i)),
	                 &promises[i % MANY]);
	assert_null(waldoi_calls_find(calls, id_of(i)));
	assert_null(waldoi_calls_remove(calls, id_of(i)));
}

static void
no_calls_own_and_find_nothing(void **state)
{
	waldoi_calls calls = none();
	uint32_t at = 0;

	(void) state;
	assert_null(calls.ring);
	assert_null(waldoi_calls_find(&calls, 1));
	assert_null(waldoi_calls_remove(&calls, 1));
	assert_null(waldoi_calls_next(&calls, &at));
	at = 0;
	assert_null(waldoi_calls_take(&calls, &at));
}

static void
one_call_after_the_other_needs_no_ring(void **state)
{
	waldoi_calls calls = none();

	(void) state;
	for (int i = 0; i < 100; i++) {
		insert(&calls, i);
		see(&calls, i);
		assert_null(calls.ring);
		take_out(&calls, i);
	}
	assert_int_equal(calls.count, 0);
}

static void
calls_are_found_however_many_are_open(void **state)
{
	(void) state;
	for (int window = 2; window < MANY; window = window * 3 - 1) {
		waldoi_calls calls = none();
		int end = 0;

		for (int i = 0; i < 2 * MANY; i++) {
			for (; end < i + window && end < 2 * MANY; end++) {
				insert(&calls, end);
			}
			assert_int_equal(calls.count, end - i);
			see(&calls, end - 1);
			see(&calls, i);
			take_out(&calls, i);
			assert_null(waldoi_calls_find(&calls, id_of(end)));
		}
		assert_int_equal(calls.count, 0);
		waldoi_calls_fini(&calls);
	}
}

static void
those_open_for_long_are_in_nobodys_way(void **state)
{
	waldoi_calls calls = none();

	(void) state;
	/* Four of them, wherever the ring is. */
	for (int i = 0; i < 4; i++) {
		insert(&calls, i);
	}
	for (int i = 4; i < MANY; i++) {
		insert(&calls, i);
		see(&calls, i);
		take_out(&calls, i);
		see(&calls, i % 4);
	}
	assert_true(calls.mask < 16);
	for (int i = 3; i >= 0; i--) {
		take_out(&calls, i);
	}
	waldoi_calls_fini(&calls);
}

static void
each_is_met_once(void **state)
{
	waldoi_calls calls = none();
	bool met[MANY] = {false};
	waldo_promise *promise;
	uint32_t at = 0, count = 0;

	(void) state;
	for (int i = 0; i < MANY; i++) {
		insert(&calls, i);
	}
	while ((promise = waldoi_calls_next(&calls, &at)) != NULL) {
		assert_false(met[promise - promises]);
		met[promise - promises] = true;
		count++;
	}
	assert_int_equal(count, MANY);
	waldoi_calls_fini(&calls);
}

static void
all_can_be_taken_out(void **state)
{
	waldoi_calls calls = none();
	waldo_promise *promise;
	uint32_t at = 0;
	int count = 0;

	(void) state;
	for (int i = 0; i < MANY; i++) {
		insert(&calls, i);
	}
	while ((promise = waldoi_calls_take(&calls, &at)) != NULL) {
		assert_null(waldoi_calls_find(&calls, promise->id));
		count++;
	}
	assert_int_equal(count, MANY);
	assert_int_equal(calls.count, 0);
	waldoi_calls_fini(&calls);
}

static void
a_large_ring_shrinks_with_each_pause(void **state)
{
	waldoi_calls calls = none();

	(void) state;
	for (int i = 0; i < 1000; i++) {
		insert(&calls, i);
	}
	for (int i = 0; i < 1000; i++) {
		take_out(&calls, i);
	}
	assert_non_null(calls.ring);
	for (int i = 1000; calls.ring != NULL; i++) {
		assert_true(i < 1020);
		insert(&calls, i);
		take_out(&calls, i);
	}
	assert_int_equal(calls.count, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_calls_own_and_find_nothing),
	    cmocka_unit_test(one_call_after_the_other_needs_no_ring),
	    cmocka_unit_test(calls_are_found_however_many_are_open),
	    cmocka_unit_test(those_open_for_long_are_in_nobodys_way),
	    cmocka_unit_test(each_is_met_once),
	    cmocka_unit_test(all_can_be_taken_out),
	    cmocka_unit_test(a_large_ring_shrinks_with_each_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
