/* SPDX-License-Identifier: MIT */
/* A node between two others: what goes through it, and what breaks with it
 * (P7, P13, P14, P33). */
#include "tests/conformance/trio.h"

/* ---- through a proxy (P13, P14, P33) */

/* The third node's object, as the first one has it from the second. */
static waldo_ref *
third_at_first(struct fixture *f, struct trio *t)
{
	return give(f, t->first_at_second, t->first, t->third_at_second);
}

static void
a_cancellation_goes_through(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held;
	struct outcome *o;

	trio_open(f, &t);
	held = hold(f, third_at_first(f, &t), t.third);
	o = watch_outcome(f, waldo_promise_retain(held));
	waldo_promise_cancel(held);
	until(f, o->count > 0);
	assert_failed(o, WALDO_ECANCELLED, WALDO_MAYBE_EXECUTED);
	until(f, t.third->cancelled == 1);
	service_answer(t.third, 1);
	barrier(f);
	assert_int_equal(t.third->cancelled, 1);
	waldo_promise_release(held);
	trio_close(&t);
}

static waldo_promise *
hold_for(waldo_ref *ref, uint32_t timeout_ms)
{
	const waldo_options options = {.size = sizeof(options),
	                               .timeout_ms = timeout_ms};

	return waldo_request_send(waldo_request_new(ref, "hold", &options));
}

static void
a_deadline_goes_through(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	struct outcome *o;

	trio_open(f, &t);
	o = watch_outcome(f, hold_for(third_at_first(f, &t), 400));
	until(f, t.third->held_count == 1);
	assert_true(t.third->time_left > 0 && t.third->time_left <= 400);
	until(f, o->count > 0);
	/* All three clocks strike at once. */
	assert_err(o->code, WALDO_EDEADLINE);
	assert_int_not_equal(o->fate, WALDO_NOT_SENT);
	until(f, t.third->cancelled == 1);
	trio_close(&t);
}

/* A call on a promise that never settles has its deadline, too. */
static void
a_deadline_holds_for_what_waits_at_another_node(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held;
	struct outcome *o;
	waldo_ref *promised;
	size_t calls;

	trio_open(f, &t);
	held = hold(f, t.first_ref, t.first);
	promised = give(f, f->gate, f->service, waldo_promise_get_ref(held));
	promised = give(f, t.third_at_second, t.third, promised);
	calls = count_of(f->client).calls;
	o = watch_outcome(f, hold_for(promised, 100));
	until(f, count_of(f->client).calls > calls);
	until(f, o->count > 0);
	assert_err(o->code, WALDO_EDEADLINE);
	until(f, count_of(f->client).calls == calls);
	service_answer_ref(t.first, t.first_ref);
	barrier(f);
	assert_int_equal(t.first->held_count, 0);
	waldo_promise_release(held);
	trio_close(&t);
}

/* P7: the callee answered, and that went through. */
static void
an_error_goes_through(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	struct outcome *o;

	trio_open(f, &t);
	o = outcome_of(f, waldo_ref_invoke(third_at_first(f, &t), "fail", "ss",
	                                   "game.Blocked", "a wall"));
	assert_failed(o, WALDO_EREMOTE, WALDO_EXECUTED);
	assert_string_equal(o->kind, "game.Blocked");
	assert_true(o->remote);
	trio_close(&t);
}

/* ---- what breaks, or leads through what breaks */

static void
a_promise_that_breaks_breaks_everywhere(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held;
	waldo_ref *at_second, *at_third;
	struct outcome *before, *after;

	trio_open(f, &t);
	held = hold(f, t.first_ref, t.first);
	at_second = give(f, f->gate, f->service, waldo_promise_get_ref(held));
	at_third = give(f, t.third_at_second, t.third, at_second);
	before = watch_outcome(f, waldo_ref_invoke(at_third, "add", "i", 1));
	pump(f);
	waldo_call_fail(t.first->held[--t.first->held_count], "game.Over",
	                "it ended");
	until(f, waldo_ref_get_state(at_third) == WALDO_BROKEN);
	assert_int_equal(waldo_ref_get_state(at_second), WALDO_BROKEN);
	assert_string_equal(waldo_ref_get_failure(at_third)->type, "game.Over");
	until(f, before->count > 0);
	assert_err(before->code, WALDO_EREMOTE);
	assert_string_equal(before->kind, "game.Over");
	after = outcome_of(f, waldo_ref_invoke(at_third, "add", "i", 1));
	assert_failed(after, WALDO_EREMOTE, WALDO_NOT_SENT);
	waldo_promise_release(held);
	trio_close(&t);
}

static void
a_broken_result_is_broken_two_nodes_on(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *bad, *held;
	struct outcome *o;

	trio_open(f, &t);
	bad = waldo_ref_invoke(t.third_at_second, "fail", "ss", "game.Over",
	                       "it ended");
	until(f,
	      waldo_ref_get_state(waldo_promise_get_ref(bad)) == WALDO_BROKEN);
	held = hold(f, f->gate, f->service);
	o = watch_outcome(
	    f, waldo_ref_invoke(waldo_promise_get_ref(held), "add", "i", 1));
	service_answer_ref(f->service, waldo_promise_get_ref(bad));
	until(f, o->count > 0);
	assert_string_equal(o->kind, "game.Over");
	until(f,
	      waldo_ref_get_state(waldo_promise_get_ref(held)) == WALDO_BROKEN);
	waldo_promise_release(bad);
	waldo_promise_release(held);
	trio_close(&t);
}

/* The second node goes: what leads through it breaks, and what waited for it
 * fails once. */
static void
promises_break_with_the_node_that_passed_them_on(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held, *through;
	waldo_ref *at_second, *at_third;
	struct outcome *o;

	trio_open(f, &t);
	held = hold(f, t.first_ref, t.first);
	at_second = give(f, f->gate, f->service, waldo_promise_get_ref(held));
	at_third = give(f, t.third_at_second, t.third, at_second);
	through = waldo_ref_invoke(at_third, "add", "i", 1);
	o = watch_outcome(f, waldo_promise_retain(through));
	pump(f);
	waldo_ref_release(t.third_at_second);
	t.third_at_second = NULL;
	waldo_ref_release(f->service_ref);
	f->service_ref = NULL;
	node_free(&f->server);
	until(f, waldo_ref_get_state(at_third) == WALDO_BROKEN);
	until(f, o->count > 0);
	assert_err(o->code, WALDO_ELOST);
	service_answer_ref(t.first, t.first_ref);
	pump(f);
	assert_int_equal(o->count, 1);
	waldo_promise_release(through);
	waldo_promise_release(held);
	trio_close(&t);
}

const struct CMUnitTest relaying_tests[] = {
    waldo_test(a_cancellation_goes_through),
    waldo_test(a_deadline_goes_through),
    waldo_test(a_deadline_holds_for_what_waits_at_another_node),
    waldo_test(an_error_goes_through),
    waldo_test(a_promise_that_breaks_breaks_everywhere),
    waldo_test(a_broken_result_is_broken_two_nodes_on),
    waldo_test(promises_break_with_the_node_that_passed_them_on),
};
END_SUITE(relaying);
