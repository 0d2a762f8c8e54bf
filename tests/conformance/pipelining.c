/* SPDX-License-Identifier: MIT */
/* Calls on what other calls will return (F3, F4, P8, P9). */
#include "tests/conformance/fixture.h"

static void
a_result_is_invoked_before_it_is_there(void **state)
{
	struct fixture *f = *state;
	waldo_promise *made = waldo_ref_invoke(f->gate, "make", "");
	waldo_promise *sum =
	    waldo_ref_invoke(waldo_promise_get_ref(made), "add", "i", 1);
	struct outcome *o = outcome_of(f, sum);

	assert_integer(o, 2);
	assert_int_equal(f->services[1].calls, 1);
	waldo_promise_release(made);
}

static void
a_chain_of_eight_is_one_journey(void **state)
{
	struct fixture *f = *state;
	waldo_ref *at = waldo_ref_retain(f->gate);
	struct outcome *o;

	for (int i = 0; i < 8; i++) {
		waldo_promise *next = waldo_ref_invoke(at, "make", "");

		waldo_ref_release(at);
		at = waldo_ref_retain(waldo_promise_get_ref(next));
		waldo_promise_release(next);
	}
	o = watch_outcome(f, waldo_ref_invoke(at, "add", "i", 5));
	waldo_ref_release(at);
	until(f, o->count > 0);
	assert_integer(o, 6);
	assert_int_equal(f->service_count, 9);
	/* Nobody holds any of the eight. */
	until(f, f->services[8].destroyed == 1);
	barrier(f);
	for (int i = 1; i < 9; i++) {
		assert_int_equal(f->services[i].destroyed, 1);
	}
}

static void
the_reference_of_a_promise_is_always_the_same(void **state)
{
	struct fixture *f = *state;
	waldo_promise *made = waldo_ref_invoke(f->gate, "make", "");
	waldo_ref *ref = waldo_promise_get_ref(made);

	assert_non_null(ref);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_PENDING);
	assert_null(waldo_ref_get_failure(ref));
	assert_ptr_equal(waldo_promise_get_ref(made), ref);
	until(f, waldo_ref_get_state(ref) != WALDO_PENDING);
	assert_int_equal(waldo_ref_get_state(ref),
	                 wire->is_near ? WALDO_NEAR : WALDO_FAR);
	assert_ptr_equal(waldo_promise_get_ref(made), ref);
	waldo_promise_release(made);
}

static waldo_promise *
at_path(waldo_promise *tree, const char *path)
{
	return waldo_ref_invoke(waldo_promise_get_ref_at(tree, path), "add",
	                        "i", 1);
}

static void
a_path_leads_into_the_result(void **state)
{
	struct fixture *f = *state;
	waldo_promise *tree = waldo_ref_invoke(f->gate, "tree", "");
	struct outcome *first = watch_outcome(f, at_path(tree, "things/0"));
	struct outcome *second = watch_outcome(f, at_path(tree, "things/1"));
	struct outcome *deep = watch_outcome(f, at_path(tree, "deep/self"));

	until(f, first->count + second->count + deep->count == 3);
	assert_integer(first, 2);
	assert_integer(second, 2);
	assert_integer(deep, 2);
	assert_int_equal(f->services[1].calls, 1);
	assert_int_equal(f->services[2].calls, 1);
	assert_int_equal(f->service->calls, 2);
	waldo_promise_release(tree);
}

static void
a_path_can_still_be_asked_for_when_the_result_is_there(void **state)
{
	struct fixture *f = *state;
	waldo_promise *tree = waldo_ref_invoke(f->gate, "tree", "");
	waldo_ref *whole = waldo_promise_get_ref_at(tree, "things/0");
	struct outcome *o;

	until(f, waldo_ref_get_state(whole) != WALDO_PENDING);
	o = outcome_of(f, at_path(tree, "things/1"));
	assert_integer(o, 2);
	assert_int_equal(f->services[2].calls, 1);
	waldo_promise_release(tree);
}

static void
the_empty_path_is_the_result_itself(void **state)
{
	struct fixture *f = *state;
	waldo_promise *made = waldo_ref_invoke(f->gate, "make", "");
	struct outcome *o = outcome_of(f, at_path(made, ""));

	assert_integer(o, 2);
	waldo_promise_release(made);
}

static void
a_path_that_leads_nowhere_fails_the_call(void **state)
{
	struct fixture *f = *state;
	waldo_promise *tree = waldo_ref_invoke(f->gate, "tree", "");
	static const char *const paths[] = {
	    "things/2", "things/x", "nothing", "n", "things", "n/1", ""};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct outcome *o = outcome_of(f, at_path(tree, paths[i]));

		assert_int_equal(o->count, 1);
		assert_int_not_equal(o->code, WALDO_OK);
		assert_string_not_equal(o->message, "");
	}
	assert_int_equal(f->services[1].calls, 0);
	assert_int_equal(f->services[2].calls, 0);
	waldo_promise_release(tree);
}

static void
a_malformed_path_is_a_broken_reference(void **state)
{
	struct fixture *f = *state;
	waldo_promise *tree = waldo_ref_invoke(f->gate, "tree", "");
	static const char *const paths[] = {"/", "a//b", "a/", "/a",
	                                    "1/2/3/4/5/6/7/8/9"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		waldo_ref *ref = waldo_promise_get_ref_at(tree, paths[i]);

		assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
		assert_failed(outcome_of(f, at_path(tree, paths[i])),
		              WALDO_EINVAL, WALDO_NOT_SENT);
	}
	waldo_promise_release(tree);
}

/* P32. */
static void
a_call_on_a_plain_value_fails_and_says_so(void **state)
{
	struct fixture *f = *state;
	waldo_promise *sum = waldo_ref_invoke(f->gate, "add", "i", 1);
	waldo_ref *ref = waldo_promise_get_ref(sum);
	struct outcome *o = outcome_of(f, waldo_ref_invoke(ref, "add", "i", 1));

	assert_int_not_equal(o->code, WALDO_OK);
	assert_non_null(strstr(o->message, "integer"));
	until(f, waldo_ref_get_state(ref) == WALDO_BROKEN);
	assert_non_null(waldo_ref_get_failure(ref));
	assert_int_equal(f->service->calls, 1);
	waldo_promise_release(sum);
}

/* P32, F3: the caller substitutes the failure of the promise. */
static void
a_call_on_a_failed_result_fails_as_that_did(void **state)
{
	struct fixture *f = *state;
	waldo_promise *bad =
	    waldo_ref_invoke(f->gate, "fail", "ss", "game.Blocked", "a wall");
	waldo_ref *ref = waldo_promise_get_ref(bad);
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(ref, "add", "i", 1));
	struct outcome *later;

	until(f, o->count > 0);
	assert_err(o->code, WALDO_EREMOTE);
	assert_string_equal(o->kind, "game.Blocked");
	assert_string_equal(o->message, "a wall");
	until(f, waldo_ref_get_state(ref) == WALDO_BROKEN);
	later = outcome_of(f, waldo_ref_invoke(ref, "add", "i", 1));
	assert_failed(later, WALDO_EREMOTE, WALDO_NOT_SENT);
	assert_int_equal(f->service->calls, 1);
	waldo_promise_release(bad);
}

static void
a_failure_runs_down_the_whole_chain(void **state)
{
	struct fixture *f = *state;
	waldo_promise *a = waldo_ref_invoke(f->gate, "fail", "ss", "x.Y", "no");
	waldo_promise *b =
	    waldo_ref_invoke(waldo_promise_get_ref(a), "make", "");
	waldo_promise *c =
	    waldo_ref_invoke(waldo_promise_get_ref(b), "make", "");
	struct outcome *o = outcome_of(
	    f, waldo_ref_invoke(waldo_promise_get_ref(c), "make", ""));

	assert_err(o->code, WALDO_EREMOTE);
	assert_string_equal(o->kind, "x.Y");
	assert_int_equal(f->service_count, 1);
	waldo_promise_release(a);
	waldo_promise_release(b);
	waldo_promise_release(c);
}

/* DESIGN 4.3, 4; P8: over the settlement, calls stay in order. */
static void
calls_before_and_after_the_settlement_stay_in_order(void **state)
{
	struct fixture *f = *state;
	waldo_promise *held = waldo_ref_invoke(f->gate, "hold", "");
	waldo_ref *ref = waldo_promise_get_ref(held);
	struct outcome *last = NULL;
	int next = 0;

	while (next < 10) {
		assert_ok(waldo_ref_notify(ref, "order", "i", next++));
	}
	until(f, f->service->held_count == 1);
	while (next < 20) {
		assert_ok(waldo_ref_notify(ref, "order", "i", next++));
	}
	while (next < 30) {
		assert_ok(waldo_ref_notify(ref, "order", "i", next++));
	}
	/* These are under way when the others cease to wait. */
	waldo_node_flush(f->client);
	service_answer_ref(f->service, f->service_ref);
	while (waldo_ref_get_state(ref) == WALDO_PENDING) {
		assert_true(next < 400);
		assert_ok(waldo_ref_notify(ref, "order", "i", next++));
		pump(f);
	}
	assert_ok(waldo_ref_notify(ref, "order", "i", next++));
	last = outcome_of(f, waldo_ref_invoke(ref, "order", "i", next++));
	assert_integer(last, next - 1);
	assert_int_equal(f->service->order_count, next);
	for (int i = 0; i < next; i++) {
		assert_int_equal(f->service->order[i], i);
	}
	waldo_promise_release(held);
}

static void
a_promised_reference_is_an_argument(void **state)
{
	struct fixture *f = *state;
	waldo_promise *made = waldo_ref_invoke(f->gate, "make", "");
	struct outcome *o = watch_outcome(
	    f, waldo_ref_invoke(f->gate, "call", "rs",
	                        waldo_promise_get_ref(made), "add"));

	waldo_promise_release(made);
	until(f, o->count > 0);
	assert_integer(o, 8);
	assert_int_equal(f->services[1].calls, 1);
}

static void
pipelined_calls_run_though_nobody_wants_the_result(void **state)
{
	struct fixture *f = *state;
	waldo_promise *made = waldo_ref_invoke(f->gate, "make", "");
	waldo_promise *other = waldo_ref_invoke(f->gate, "make", "");
	struct outcome *a, *b;

	a = watch_outcome(
	    f, waldo_ref_invoke(waldo_promise_get_ref(made), "add", "i", 1));
	waldo_promise_release(made);
	b = watch_outcome(
	    f, waldo_ref_invoke(waldo_promise_get_ref(other), "add", "i", 2));
	waldo_promise_forget(other);
	waldo_promise_release(other);
	until(f, a->count + b->count == 2);
	assert_integer(a, 2);
	assert_integer(b, 3);
	until(f, f->services[1].destroyed + f->services[2].destroyed == 2);
}

static void
calls_on_a_cancelled_result_fail_as_cancelled(void **state)
{
	struct fixture *f = *state;
	waldo_promise *held = waldo_ref_invoke(f->gate, "hold", "");
	struct outcome *o = watch_outcome(
	    f, waldo_ref_invoke(waldo_promise_get_ref(held), "add", "i", 1));

	until(f, f->service->held_count == 1);
	waldo_promise_cancel(held);
	until(f, f->service->cancelled == 1);
	service_answer_ref(f->service, f->service_ref);
	until(f, o->count > 0);
	/* The call went out on the answer, which came after all; or it was
	 * failed here with its parent. It may not do both. */
	assert_int_equal(o->count, 1);
	assert_true(o->code == WALDO_ECANCELLED ||
	            (o->code == WALDO_OK && f->service->calls == 2));
	waldo_promise_release(held);
}

/* P12: it is made on what will be answered with what it results in itself.
 * Nobody looks for that. */
static void
a_call_on_its_own_result_waits_until_it_is_cancelled(void **state)
{
	struct fixture *f = *state;
	waldo_promise *held = waldo_ref_invoke(f->gate, "hold", "");
	waldo_ref *ref = waldo_promise_get_ref(held);
	waldo_promise *own = waldo_ref_invoke(ref, "make", "");
	struct outcome *o = watch_outcome(f, waldo_promise_retain(own));
	struct outcome *stored =
	    outcome_of(f, waldo_ref_invoke(f->gate, "store", "r",
	                                   waldo_promise_get_ref(own)));

	assert_int_equal(stored->count, 1);
	service_answer_ref(f->service, f->service->stored[0]);
	barrier(f);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_PENDING);
	assert_int_equal(o->count, 0);
	waldo_promise_cancel(own);
	until(f, o->count > 0 && waldo_ref_get_state(ref) == WALDO_BROKEN);
	assert_failed(o, WALDO_ECANCELLED,
	              wire->is_near ? WALDO_NOT_SENT : WALDO_MAYBE_EXECUTED);
	assert_int_equal(f->service_count, 1); /* it never ran */
	waldo_promise_release(held);
	waldo_promise_release(own);
}

struct settled {
	int count;
	waldo_state states[4];
};

static void
note_state(waldo_ref *ref, waldo_state state, void *user)
{
	struct settled *settled = user;

	(void) ref;
	if (settled->count < 4) {
		settled->states[settled->count] = state;
	}
	settled->count++;
}

static void
a_watch_tells_once_what_became_of_the_reference(void **state)
{
	struct fixture *f = *state;
	struct settled good = {0}, bad = {0};
	waldo_promise *made = waldo_ref_invoke(f->gate, "make", "");
	waldo_promise *sum = waldo_ref_invoke(f->gate, "add", "i", 1);
	waldo_watch *watch;

	assert_ok(waldo_ref_watch(waldo_promise_get_ref(made), note_state,
	                          &good, &watch));
	assert_ok(waldo_ref_watch(waldo_promise_get_ref(sum), note_state, &bad,
	                          NULL));
	until(f, good.count > 0 && bad.count > 0);
	barrier(f);
	assert_int_equal(good.count, 1);
	assert_int_equal(good.states[0],
	                 wire->is_near ? WALDO_NEAR : WALDO_FAR);
	assert_int_equal(bad.count, 1);
	assert_int_equal(bad.states[0], WALDO_BROKEN);
	waldo_watch_stop(watch);
	waldo_promise_release(made);
	waldo_promise_release(sum);
}

const struct CMUnitTest pipelining_tests[] = {
    waldo_test(a_result_is_invoked_before_it_is_there),
    waldo_test(a_chain_of_eight_is_one_journey),
    waldo_test(the_reference_of_a_promise_is_always_the_same),
    waldo_test(a_path_leads_into_the_result),
    waldo_test(a_path_can_still_be_asked_for_when_the_result_is_there),
    waldo_test(the_empty_path_is_the_result_itself),
    waldo_test(a_path_that_leads_nowhere_fails_the_call),
    waldo_test(a_malformed_path_is_a_broken_reference),
    waldo_test(a_call_on_a_plain_value_fails_and_says_so),
    waldo_test(a_call_on_a_failed_result_fails_as_that_did),
    waldo_test(a_failure_runs_down_the_whole_chain),
    waldo_test(calls_before_and_after_the_settlement_stay_in_order),
    waldo_test(a_promised_reference_is_an_argument),
    waldo_test(pipelined_calls_run_though_nobody_wants_the_result),
    waldo_test(calls_on_a_cancelled_result_fail_as_cancelled),
    waldo_test(a_call_on_its_own_result_waits_until_it_is_cancelled),
    waldo_test(a_watch_tells_once_what_became_of_the_reference),
};
END_SUITE(pipelining);
