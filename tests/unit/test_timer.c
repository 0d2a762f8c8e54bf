/* SPDX-License-Identifier: MIT */
#include "broker/timer.h"
#include "tests/waldo_test.h"

#include <stdlib.h>

enum { FEW = 50, MANY = 10000 };

static waldoi_timer timers[MANY];
static waldoi_timers heap;

static int
setup(void **state)
{
	(void) state;
	for (int i = 0; i < MANY; i++) {
		timers[i] = (waldoi_timer){0};
	}
	heap = (waldoi_timers){0};
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	return 0;
}

static void
fire(waldoi_timer *timer)
{
	(void) timer;
}

static void
arm(int i, uint64_t at)
{
	waldoi_timer_arm(&heap, &timers[i], at, fire);
}

/* ---- against a plain model: when each is due, or never */

static uint64_t due[FEW];

static uint64_t
first_due(void)
{
	uint64_t first = WALDOI_NEVER;

	for (int i = 0; i < FEW; i++) {
		first = due[i] < first ? due[i] : first;
	}
	return first;
}

static void
check_against_model(void)
{
	size_t armed = 0;

	for (int i = 0; i < FEW; i++) {
		assert_int_equal(waldoi_timer_is_armed(&timers[i]),
		                 due[i] != WALDOI_NEVER);
		armed += waldoi_timer_is_armed(&timers[i]);
	}
	assert_int_equal(heap.count, armed);
	assert_int_equal(waldoi_timers_next(&heap), first_due());
}

static void
pop_and_check(uint64_t now)
{
	uint64_t first = first_due();
	waldoi_timer *timer = waldoi_timers_pop(&heap, now);

	if (first > now) {
		assert_null(timer);
		return;
	}
	assert_non_null(timer);
	assert_int_equal(timer->at, first);
	assert_int_equal(due[timer - timers], first);
	assert_true(timer->fire == fire);
	due[timer - timers] = WALDOI_NEVER;
}

static void
they_come_in_the_order_of_a_plain_model(void **state)
{
	(void) state;
	for (int i = 0; i < FEW; i++) {
		due[i] = WALDOI_NEVER;
	}
	for (int step = 0; step < 30000; step++) {
		int i = rand() % FEW;

		switch (rand() % 4) {
		case 0:
		case 1: /* also again, and many at the same time */
			due[i] = (uint64_t) (rand() % 40);
			arm(i, due[i]);
			break;
		case 2:
			due[i] = WALDOI_NEVER;
			waldoi_timer_stop(&heap, &timers[i]);
			break;
		default: pop_and_check((uint64_t) (rand() % 40));
		}
		check_against_model();
	}
}

/* ---- many */

static void
pop_all(size_t count)
{
	uint64_t last = 0;

	for (size_t i = 0; i < count; i++) {
		waldoi_timer *timer = waldoi_timers_pop(&heap, UINT64_MAX - 1);

		assert_non_null(timer);
		assert_true(timer->at >= last);
		last = timer->at;
	}
	assert_null(waldoi_timers_pop(&heap, UINT64_MAX - 1));
	assert_int_equal(waldoi_timers_next(&heap), WALDOI_NEVER);
}

static void
ten_thousand_come_in_order(void **state)
{
	size_t stopped = 0;

	(void) state;
	for (int i = 0; i < MANY; i++) {
		arm(i, (uint64_t) rand());
	}
	(void) waldoi_timers_pop(&heap, UINT64_MAX - 1);
	for (int i = 0; i < MANY; i += 3) {
		stopped += waldoi_timer_is_armed(&timers[i]);
		waldoi_timer_stop(&heap, &timers[i]);
	}
	assert_int_equal(heap.count, MANY - 1 - stopped);
	pop_all(MANY - 1 - stopped);
}

/* The shapes that a heap by pointers could recurse or crawl in. */
static void
rising_and_falling_times_come_in_order(void **state)
{
	(void) state;
	for (int i = 0; i < MANY; i++) {
		arm(i, (uint64_t) i);
	}
	pop_all(MANY);
	for (int i = 0; i < MANY; i++) {
		arm(i, (uint64_t) (MANY - i));
	}
	pop_all(MANY);
}

static void
of_equal_times_each_comes_once(void **state)
{
	(void) state;
	for (int i = 0; i < MANY; i++) {
		arm(i, 5);
	}
	for (int i = 0; i < MANY; i++) {
		waldoi_timer *timer = waldoi_timers_pop(&heap, 5);

		assert_non_null(timer);
		assert_false(waldoi_timer_is_armed(timer));
		timer->at = 0; /* seen */
	}
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(timers[i].at, 0);
	}
}

/* ---- one */

static void
one_is_due_at_its_time_and_not_before(void **state)
{
	(void) state;
	arm(0, 1000);
	assert_null(waldoi_timers_pop(&heap, 999));
	assert_ptr_equal(waldoi_timers_pop(&heap, 1000), &timers[0]);
	assert_null(waldoi_timers_pop(&heap, 1000));
}

static void
armed_again_it_has_its_new_time_only(void **state)
{
	(void) state;
	arm(0, 10);
	arm(1, 20);
	arm(0, 30);
	assert_int_equal(heap.count, 2);
	assert_ptr_equal(waldoi_timers_pop(&heap, 50), &timers[1]);
	assert_ptr_equal(waldoi_timers_pop(&heap, 50), &timers[0]);
	assert_null(waldoi_timers_pop(&heap, 50));
}

static void
one_that_is_not_armed_can_be_stopped(void **state)
{
	(void) state;
	waldoi_timer_stop(&heap, &timers[0]);
	arm(0, 10);
	waldoi_timer_stop(&heap, &timers[0]);
	waldoi_timer_stop(&heap, &timers[0]);
	assert_int_equal(heap.count, 0);
	assert_int_equal(waldoi_timers_next(&heap), WALDOI_NEVER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(they_come_in_the_order_of_a_plain_model),
	    waldo_test(ten_thousand_come_in_order),
	    waldo_test(rising_and_falling_times_come_in_order),
	    waldo_test(of_equal_times_each_comes_once),
	    waldo_test(one_is_due_at_its_time_and_not_before),
	    waldo_test(armed_again_it_has_its_new_time_only),
	    waldo_test(one_that_is_not_armed_can_be_stopped),
	};

	srand(1);
	return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
