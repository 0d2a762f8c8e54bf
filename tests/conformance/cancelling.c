/* SPDX-License-Identifier: MIT */
/* Giving calls up (F29, P6, P13). */
#include "tests/conformance/fixture.h"

static void
a_cancelled_call_settles_in_the_next_turn(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise = waldo_ref_invoke(f->gate, "hold", "");
	struct outcome *o = watch_outcome(f, waldo_promise_retain(promise));

	until(f, f->service->held_count == 1);
	waldo_promise_cancel(promise);
	assert_int_equal(o->count, 0);
	until(f, o->count > 0);
	assert_failed(o, WALDO_ECANCELLED, WALDO_MAYBE_EXECUTED);
	assert_string_equal(o->kind, "waldo.Cancelled");
	waldo_promise_release(promise);
}

static void
the_callee_hears_of_it_once(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise = waldo_ref_invoke(f->gate, "hold", "");
	struct outcome *o = watch_outcome(f, waldo_promise_retain(promise));

	until(f, f->service->held_count == 1);
	waldo_promise_cancel(promise);
	waldo_promise_cancel(promise);
	until(f, f->service->cancelled > 0 && o->count > 0);
	waldo_promise_cancel(promise);
	barrier(f);
	assert_int_equal(f->service->cancelled, 1);
	/* The answer is still owed, and comes too late for the promise. */
	service_answer(f->service, 1);
	barrier(f);
	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_ECANCELLED);
	waldo_promise_release(promise);
}

/* P13: parked. */
static void
a_call_that_waits_for_its_target_never_runs(void **state)
{
	struct fixture *f = *state;
	waldo_promise *held = waldo_ref_invoke(f->gate, "hold", "");
	waldo_promise *parked =
	    waldo_ref_invoke(waldo_promise_get_ref(held), "order", "i", 1);
	struct outcome *o = watch_outcome(f, waldo_promise_retain(parked));

	until(f, f->service->held_count == 1);
	barrier(f);
	waldo_promise_cancel(parked);
	until(f, o->count > 0);
	barrier(f);
	service_answer_ref(f->service, f->service_ref);
	(void) outcome_of(
	    f, waldo_ref_invoke(waldo_promise_get_ref(held), "order", "i", 2));
	assert_err(o->code, WALDO_ECANCELLED);
	assert_int_equal(f->service->order_count, 1);
	assert_int_equal(f->service->order[0], 2);
	waldo_promise_release(held);
	waldo_promise_release(parked);
}

/* P7: whether it had left by then is its node's business, but what it says
 * is true. A near call has not: the loop has not been there. */
static void
a_call_that_is_said_not_to_have_left_never_runs(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise;
	struct outcome *o;

	barrier(f);
	promise = waldo_ref_invoke(f->gate, "order", "i", 1);
	o = watch_outcome(f, waldo_promise_retain(promise));
	waldo_promise_cancel(promise);
	until(f, o->count > 0);
	barrier(f);
	assert_err(o->code, WALDO_ECANCELLED);
	assert_int_not_equal(o->fate, WALDO_EXECUTED);
	if (wire->is_near || o->fate == WALDO_NOT_SENT) {
		assert_int_equal(o->fate, WALDO_NOT_SENT);
		assert_int_equal(f->service->order_count, 0);
	}
	waldo_promise_release(promise);
}

/* A failed call leaves a gap, never a swap. */
static void
the_others_stay_in_order_around_it(void **state)
{
	struct fixture *f = *state;
	const int64_t *order = f->service->order;
	waldo_promise *second;

	barrier(f);
	waldo_promise_release(waldo_ref_invoke(f->gate, "order", "i", 1));
	second = waldo_ref_invoke(f->gate, "order", "i", 2);
	waldo_promise_release(waldo_ref_invoke(f->gate, "order", "i", 3));
	waldo_promise_cancel(second);
	waldo_promise_release(second);
	barrier(f);
	assert_in_range(f->service->order_count, 2, 3);
	for (size_t i = 1; i < f->service->order_count; i++) {
		assert_true(order[i] > order[i - 1]);
	}
	assert_int_equal(order[f->service->order_count - 1], 3);
}

static void
a_finished_call_cannot_be_cancelled(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise = waldo_ref_invoke(f->gate, "add", "i", 1);
	struct outcome *o = watch_outcome(f, waldo_promise_retain(promise));

	until(f, o->count > 0);
	waldo_promise_cancel(promise);
	waldo_promise_release(promise);
	barrier(f);
	assert_int_equal(o->count, 1);
	assert_integer(o, 2);
}

static void
cancelling_goes_along_with_a_call_that_follows(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise =
	    waldo_ref_invoke(f->gate, "call", "rs", f->gate, "hold");
	struct outcome *o = watch_outcome(f, waldo_promise_retain(promise));

	until(f, f->service->held_count == 1);
	waldo_promise_cancel(promise);
	until(f, f->service->cancelled == 1 && o->count > 0);
	assert_err(o->code, WALDO_ECANCELLED);
	service_answer(f->service, 0);
	barrier(f);
	assert_int_equal(o->count, 1);
	waldo_promise_release(promise);
}

static void
a_forgotten_promise_calls_nobody_and_the_call_runs(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise = waldo_ref_invoke(f->gate, "add", "i", 1);
	struct outcome *o = watch_outcome(f, waldo_promise_retain(promise));

	waldo_promise_forget(promise);
	waldo_promise_release(promise);
	barrier(f);
	assert_int_equal(f->service->calls, 1);
	assert_int_equal(o->count, 0);
}

static void
a_released_promise_does_not_cancel(void **state)
{
	struct fixture *f = *state;

	waldo_promise_release(waldo_ref_invoke(f->gate, "hold", ""));
	waldo_promise_release(waldo_ref_invoke(f->gate, "add", "i", 1));
	barrier(f);
	assert_int_equal(f->service->calls, 2);
	assert_int_equal(f->service->held_count, 1);
	assert_int_equal(f->service->cancelled, 0);
	service_answer(f->service, 1);
	barrier(f);
}

static void
a_promise_with_a_callback_may_be_released(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1));

	/* `when` took it: nobody else holds the promise. */
	assert_integer(o, 2);
}

static void
a_second_callback_is_refused_and_takes_its_count(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise = waldo_ref_invoke(f->gate, "add", "i", 1);
	struct outcome *o = watch_outcome(f, waldo_promise_retain(promise));
	struct outcome *second = outcome_new(f);

	assert_err(waldo_promise_when(promise, note_outcome, second),
	           WALDO_EINVAL);
	until(f, o->count > 0);
	barrier(f);
	assert_int_equal(second->count, 0);
}

static void
a_callback_may_come_after_the_outcome(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise = waldo_ref_invoke(f->gate, "add", "i", 1);
	struct outcome *o;

	barrier(f);
	o = watch_outcome(f, promise);
	assert_int_equal(o->count, 0);
	until(f, o->count > 0);
	assert_integer(o, 2);
}

const struct CMUnitTest cancelling_tests[] = {
    waldo_test(a_cancelled_call_settles_in_the_next_turn),
    waldo_test(the_callee_hears_of_it_once),
    waldo_test(a_call_that_waits_for_its_target_never_runs),
    waldo_test(a_call_that_is_said_not_to_have_left_never_runs),
    waldo_test(the_others_stay_in_order_around_it),
    waldo_test(a_finished_call_cannot_be_cancelled),
    waldo_test(cancelling_goes_along_with_a_call_that_follows),
    waldo_test(a_forgotten_promise_calls_nobody_and_the_call_runs),
    waldo_test(a_released_promise_does_not_cancel),
    waldo_test(a_promise_with_a_callback_may_be_released),
    waldo_test(a_second_callback_is_refused_and_takes_its_count),
    waldo_test(a_callback_may_come_after_the_outcome),
};
END_SUITE(cancelling);
