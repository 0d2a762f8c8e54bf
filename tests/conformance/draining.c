/* SPDX-License-Identifier: MIT */
/* A node that was told to stop finishes what it has taken, and says of the rest
 * that it never ran (PROTOCOL.md P28, P40). */
#include "tests/conformance/fixture.h"

#define GRACE_MS 4000

/* The server runs call 1 of two that are open, and has said GOAWAY. */
static struct outcome *
stop_with_a_call_held(struct fixture *f)
{
	struct outcome *held =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));

	until(f, f->service->held_count == 1);
	waldo_node_stop(f->server, GRACE_MS);
	for (int i = 0; i < 10; i++) {
		(void) waldo_node_step(f->server, 0);
	}
	return held;
}

static void
finish(struct fixture *f, struct outcome *held)
{
	uint64_t start = wire->now_ms();

	service_answer(f->service, 8);
	until(f, held->count > 0);
	assert_integer(held, 8);
	until(f, !waldo_node_is_running(f->server));
	until(f, waldo_ref_get_state(f->gate) == WALDO_BROKEN);
	assert_true(wire->now_ms() - start < GRACE_MS);
}

static void
a_call_that_comes_after_goaway_never_runs(void **state)
{
	struct fixture *f = *state;
	struct outcome *held = stop_with_a_call_held(f);
	/* One that may be under way, and one that cannot. */
	struct outcome *crossing =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "order", "i", 1));
	struct outcome *later;

	until(f, crossing->count > 0);
	assert_failed(crossing, WALDO_ELOST, WALDO_NOT_SENT);
	assert_string_equal(
	    crossing->message,
	    "the peer takes no more calls: the node is stopping");
	later = outcome_of(f, waldo_ref_invoke(f->gate, "order", "i", 2));
	assert_failed(later, WALDO_ELOST, WALDO_NOT_SENT);
	assert_err(waldo_ref_notify(f->gate, "order", "i", 3), WALDO_ELOST);
	assert_int_equal(held->count, 0);
	finish(f, held);
	assert_int_equal(f->service->order_count, 0);
}

/* Many at once: each ran and was answered, or neither. */
static void
every_call_that_crosses_goaway_has_a_true_fate(void **state)
{
	struct fixture *f = *state;
	struct outcome *held, *o[100];
	size_t ran = 0;

	barrier(f);
	held = watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));
	until(f, f->service->held_count == 1);
	for (int i = 0; i < 100; i++) {
		o[i] = watch_outcome(
		    f, waldo_ref_invoke(f->gate, "order", "i", i));
		if (i % 10 == 9) {
			(void) waldo_node_step(f->client, 0);
			(void) waldo_node_step(f->server, 0);
		}
		if (i == 50) {
			waldo_node_stop(f->server, GRACE_MS);
		}
	}
	until(f, o[99]->count > 0);
	finish(f, held);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(o[i]->count, 1);
		if (o[i]->code == WALDO_OK) {
			assert_int_equal(f->service->order[ran++], i);
		} else {
			assert_failed(o[i], WALDO_ELOST, WALDO_NOT_SENT);
		}
	}
	assert_int_equal(f->service->order_count, ran);
	assert_true(ran > 0 && ran < 100);
}

static void
a_call_that_was_parked_before_goaway_still_runs(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise = waldo_ref_invoke(f->gate, "hold", "");
	struct outcome *parked =
	    watch_outcome(f, waldo_ref_invoke(waldo_promise_get_ref(promise),
	                                      "order", "i", 1));
	struct outcome *late;

	until(f, f->service->held_count == 1);
	barrier(f);
	waldo_node_stop(f->server, GRACE_MS);
	for (int i = 0; i < 10; i++) {
		(void) waldo_node_step(f->server, 0);
	}
	late = outcome_of(f, waldo_ref_invoke(waldo_promise_get_ref(promise),
	                                      "order", "i", 2));
	assert_failed(late, WALDO_ELOST, WALDO_NOT_SENT);
	service_answer_ref(f->service, f->service_ref);
	until(f, parked->count > 0);
	assert_integer(parked, 1);
	waldo_promise_release(promise);
	until(f, !waldo_node_is_running(f->server));
	assert_int_equal(f->service->order_count, 1);
}

/* F48: its frame is acknowledged all the same. */
static void
a_one_way_call_after_goaway_was_not_delivered(void **state)
{
	struct fixture *f = *state;
	const waldo_options one_way = {.size = sizeof(one_way),
	                               .flags = WALDO_ONE_WAY};
	struct outcome *held = stop_with_a_call_held(f);
	waldo_request *request = waldo_request_new(f->gate, "order", &one_way);
	struct outcome *o;

	waldo_put_int(waldo_request_get_args(request), 1);
	o = outcome_of(f, waldo_request_send(request));
	assert_failed(o, WALDO_ELOST, WALDO_NOT_SENT);
	finish(f, held);
	assert_int_equal(f->service->order_count, 0);
}

/* What the calls that run need: the peer calls back, and is answered. */
static void
callbacks_go_on_during_the_grace(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;
	struct service *service = service_new(f, f->client, &mine);
	struct outcome *held, *o;

	held = watch_outcome(
	    f, waldo_ref_invoke(f->gate, "call", "rs", mine, "hold"));
	until(f, service->held_count == 1);
	(void) outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", mine));
	waldo_node_stop(f->server, GRACE_MS);
	for (int i = 0; i < 10; i++) {
		(void) waldo_node_step(f->server, 0);
	}
	o = outcome_of(f, waldo_ref_invoke(f->service->kept, "add", "i", 1));
	assert_integer(o, 2);
	service_answer(service, 9);
	until(f, held->count > 0);
	assert_integer(held, 9);
	waldo_ref_release(mine);
	until(f, !waldo_node_is_running(f->server));
}

static void
what_a_call_after_goaway_has_given_away_comes_back(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;
	struct outcome *held, *o;
	struct service *service;

	barrier(f);
	held = stop_with_a_call_held(f);
	service = service_new(f, f->client, &mine);
	o = outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", mine));
	assert_failed(o, WALDO_ELOST, WALDO_NOT_SENT);
	waldo_ref_release(mine);
	until(f, service->destroyed == 1);
	assert_int_equal(held->count, 0);
	assert_null(f->service->kept);
	finish(f, held);
}

static void
a_node_that_stops_dials_no_more(void **state)
{
	struct fixture *f = *state;
	struct outcome *held = stop_with_a_call_held(f);
	waldo_ref *ref = NULL;

	f->third = node_new(NULL);
	assert_ok(waldo_listen(f->third, wire->address(), &f->listener));
	assert_err(
	    waldo_connect(f->server, waldo_listener_get_uri(f->listener), &ref),
	    WALDO_ELOST);
	assert_string_equal(waldo_node_get_message(f->server),
	                    "the node is stopping");
	finish(f, held);
}

const struct CMUnitTest draining_tests[] = {
    waldo_test(a_call_that_comes_after_goaway_never_runs),
    waldo_test(every_call_that_crosses_goaway_has_a_true_fate),
    waldo_test(a_call_that_was_parked_before_goaway_still_runs),
    waldo_test(a_one_way_call_after_goaway_was_not_delivered),
    waldo_test(callbacks_go_on_during_the_grace),
    waldo_test(what_a_call_after_goaway_has_given_away_comes_back),
    waldo_test(a_node_that_stops_dials_no_more),
};
END_SUITE(draining);
