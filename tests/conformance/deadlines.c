/* SPDX-License-Identifier: MIT */
/* Deadlines, at the caller and at the callee (P14, F16). */
#include "tests/conformance/fixture.h"

static waldo_request *
request(waldo_ref *ref, const char *method, uint32_t timeout_ms)
{
	const waldo_options options = {.size = sizeof(options),
	                               .timeout_ms = timeout_ms};

	return waldo_request_new(ref, method, &options);
}

static waldo_promise *
with_timeout(waldo_ref *ref, const char *method, uint32_t timeout_ms)
{
	return waldo_request_send(request(ref, method, timeout_ms));
}

static void
an_answer_that_does_not_come_in_time_is_a_failure(void **state)
{
	struct fixture *f = *state;
	uint64_t start, took;
	struct outcome *o;

	barrier(f);
	start = wire->now_ms();
	o = outcome_of(f, with_timeout(f->gate, "hold", 60));
	took = wire->now_ms() - start;
	/* The callee may have been the first to say so. */
	assert_err(o->code, WALDO_EDEADLINE);
	assert_int_not_equal(o->fate, WALDO_NOT_SENT);
	assert_string_equal(o->kind, "waldo.Deadline");
	assert_in_range(took, 59, 1000);
}

static void
the_callee_hears_of_the_deadline_once(void **state)
{
	struct fixture *f = *state;
	struct outcome *o;

	barrier(f);
	o = outcome_of(f, with_timeout(f->gate, "hold", 40));
	until(f, f->service->cancelled > 0);
	barrier(f);
	assert_int_equal(f->service->cancelled, 1);
	service_answer(f->service, 1);
	barrier(f);
	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_EDEADLINE);
}

static void
the_callee_knows_how_much_time_is_left(void **state)
{
	struct fixture *f = *state;
	struct outcome *with =
	    watch_outcome(f, with_timeout(f->gate, "hold", 60000));

	until(f, f->service->held_count == 1);
	assert_in_range(f->service->time_left, 50000, 60000);
	assert_in_range(waldo_call_get_time_left_ms(f->service->held[0]), 50000,
	                60000);
	service_answer(f->service, 1);
	until(f, with->count > 0);
	assert_integer(with, 1);
}

static void
a_call_without_a_deadline_has_all_the_time(void **state)
{
	struct fixture *f = *state;

	waldo_promise_release(waldo_ref_invoke(f->gate, "hold", ""));
	until(f, f->service->held_count == 1);
	assert_int_equal(f->service->time_left, UINT32_MAX);
}

static void
an_answer_in_time_is_all_that_comes(void **state)
{
	struct fixture *f = *state;
	waldo_request *r = request(f->gate, "add", 80);
	uint64_t end = wire->now_ms() + 160;
	struct outcome *o;

	waldo_put_int(waldo_request_get_args(r), 1);
	o = outcome_of(f, waldo_request_send(r));
	assert_integer(o, 2);
	until(f, wire->now_ms() >= end);
	assert_int_equal(o->count, 1);
}

/* A call at or past its deadline never starts. */
static void
a_call_that_waited_too_long_for_its_target_never_runs(void **state)
{
	struct fixture *f = *state;
	waldo_promise *held = waldo_ref_invoke(f->gate, "hold", "");
	waldo_request *r = request(waldo_promise_get_ref(held), "order", 50);
	struct outcome *o;

	waldo_put_int(waldo_request_get_args(r), 1);
	o = outcome_of(f, waldo_request_send(r));
	assert_err(o->code, WALDO_EDEADLINE);
	barrier(f); /* by now the callee has heard of it, too */
	service_answer_ref(f->service, f->service_ref);
	barrier(f);
	assert_int_equal(f->service->order_count, 0);
	assert_int_equal(o->count, 1);
	waldo_promise_release(held);
}

static void
the_deadline_goes_along_with_a_call_that_follows(void **state)
{
	struct fixture *f = *state;
	waldo_request *r = request(f->gate, "call", 60);
	struct outcome *o;

	waldo_putf(waldo_request_get_args(r), "rs", f->gate, "hold");
	o = watch_outcome(f, waldo_request_send(r));
	until(f, f->service->held_count == 1);
	assert_int_equal(f->service->cancelled, 0);
	until(f, o->count > 0 && f->service->cancelled > 0);
	assert_err(o->code, WALDO_EDEADLINE);
	barrier(f);
	assert_int_equal(f->service->cancelled, 1);
}

static void
the_node_has_a_timeout_for_calls_that_name_none(void **state)
{
	struct fixture *f = *state;
	const waldo_limits limits = {.size = sizeof(limits),
	                             .call_timeout_ms = 50};
	struct outcome *o;

	fixture_open(f, &limits, &limits);
	o = outcome_of(f, waldo_ref_invoke(f->gate, "hold", ""));
	assert_err(o->code, WALDO_EDEADLINE);
}

static void
a_call_may_ask_for_more_time_than_the_node_gives(void **state)
{
	struct fixture *f = *state;
	const waldo_limits limits = {.size = sizeof(limits),
	                             .call_timeout_ms = 30};
	uint64_t end;
	struct outcome *o;

	fixture_open(f, &limits, &limits);
	o = watch_outcome(f, with_timeout(f->gate, "hold", 30000));
	end = wire->now_ms() + 80;
	until(f, wire->now_ms() >= end);
	assert_int_equal(o->count, 0);
	service_answer(f->service, 4);
	until(f, o->count > 0);
	assert_integer(o, 4);
}

static void
earlier_deadlines_come_first(void **state)
{
	struct fixture *f = *state;
	struct outcome *late =
	    watch_outcome(f, with_timeout(f->gate, "hold", 90));
	struct outcome *soon =
	    watch_outcome(f, with_timeout(f->gate, "hold", 30));

	until(f, late->count > 0);
	assert_int_equal(soon->count, 1);
	assert_true(soon->sequence < late->sequence);
}

static void
count_tick(void *user)
{
	struct outcome *o = user;

	o->count++;
	o->sequence = ++o->f->sequence;
}

static void
a_task_runs_once_after_its_delay(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = outcome_new(f);
	uint64_t start = wire->now_ms();
	uint64_t end = start + 120;

	assert_ok(waldo_node_after(f->client, 40, count_tick, o, NULL));
	assert_int_equal(o->count, 0);
	until(f, o->count > 0);
	assert_true(wire->now_ms() - start >= 39);
	until(f, wire->now_ms() >= end);
	assert_int_equal(o->count, 1);
}

static void
a_task_that_is_stopped_does_not_run(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = outcome_new(f);
	uint64_t end = wire->now_ms() + 60;
	waldo_watch *watch;

	assert_ok(waldo_node_after(f->client, 20, count_tick, o, &watch));
	waldo_watch_stop(watch);
	until(f, wire->now_ms() >= end);
	assert_int_equal(o->count, 0);
}

static void
a_task_may_be_stopped_after_it_ran(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = outcome_new(f);
	waldo_watch *watch;

	assert_ok(waldo_node_after(f->client, 0, count_tick, o, &watch));
	assert_int_equal(o->count, 0);
	until(f, o->count > 0);
	waldo_watch_stop(watch);
}

static void
a_task_dies_with_its_node(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = outcome_new(f), *posted = outcome_new(f);
	waldo_watch *watch;

	assert_ok(waldo_node_after(f->client, 0, count_tick, o, NULL));
	assert_ok(waldo_node_after(f->client, 0, count_tick, o, &watch));
	assert_ok(waldo_node_post(f->client, count_tick, posted));
	if (f->client == f->server) {
		f->server = NULL;
	}
	node_free(&f->client);
	waldo_watch_stop(watch);
	assert_int_equal(o->count, 0);
	/* Those that were posted run even so. */
	assert_int_equal(posted->count, 1);
}

const struct CMUnitTest deadlines_tests[] = {
    waldo_test(an_answer_that_does_not_come_in_time_is_a_failure),
    waldo_test(the_callee_hears_of_the_deadline_once),
    waldo_test(the_callee_knows_how_much_time_is_left),
    waldo_test(a_call_without_a_deadline_has_all_the_time),
    waldo_test(an_answer_in_time_is_all_that_comes),
    waldo_test(a_call_that_waited_too_long_for_its_target_never_runs),
    waldo_test(the_deadline_goes_along_with_a_call_that_follows),
    cmocka_unit_test_setup_teardown(
        the_node_has_a_timeout_for_calls_that_name_none, setup_nothing,
        teardown),
    cmocka_unit_test_setup_teardown(
        a_call_may_ask_for_more_time_than_the_node_gives, setup_nothing,
        teardown),
    waldo_test(earlier_deadlines_come_first),
    waldo_test(a_task_runs_once_after_its_delay),
    waldo_test(a_task_that_is_stopped_does_not_run),
    waldo_test(a_task_may_be_stopped_after_it_ran),
    waldo_test(a_task_dies_with_its_node),
};
END_SUITE(deadlines);
