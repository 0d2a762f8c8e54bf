/* SPDX-License-Identifier: MIT */
/* Sessions: shared, ended, lost. */
#include "tests/conformance/fixture.h"

#include <stdio.h>

static waldo_ref *
connect_again(struct fixture *f)
{
	char uri[700];
	waldo_ref *ref = NULL;

	(void) snprintf(uri, sizeof(uri), "%s/gate", f->uri);
	assert_ok(waldo_connect(f->client, uri, &ref));
	return ref;
}

/* A2. */
static void
two_references_to_one_address_share_a_session(void **state)
{
	struct fixture *f = *state;
	waldo_ref *second = connect_again(f);

	until(f, waldo_ref_get_state(second) == WALDO_FAR &&
	             waldo_ref_get_state(f->gate) == WALDO_FAR);
	assert_true(waldo_ref_equal(second, f->gate));
	waldo_ref_end_session(second, "both");
	assert_int_equal(waldo_ref_get_state(f->gate), WALDO_BROKEN);
	waldo_ref_release(second);
}

static void
a_session_that_ended_is_followed_by_a_new_one(void **state)
{
	struct fixture *f = *state;
	waldo_ref *again;

	barrier(f);
	waldo_ref_end_session(f->gate, "over");
	again = connect_again(f);
	assert_integer(outcome_of(f, waldo_ref_invoke(again, "add", "i", 1)),
	               2);
	assert_int_equal(waldo_ref_get_state(f->gate), WALDO_BROKEN);
	assert_false(waldo_ref_equal(again, f->gate));
	waldo_ref_release(again);
}

/* P7, P27. */
static void
what_was_not_sent_when_a_session_ends_says_so(void **state)
{
	struct fixture *f = *state;
	struct outcome *sent, *unsent, *late;

	barrier(f);
	sent = watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));
	until(f, f->service->held_count == 1);
	unsent = watch_outcome(f, waldo_ref_invoke(f->gate, "order", "i", 1));
	waldo_ref_end_session(f->gate, "over");
	late = watch_outcome(f, waldo_ref_invoke(f->gate, "order", "i", 2));
	until(f, sent->count + unsent->count + late->count == 3);
	assert_failed(sent, WALDO_ELOST, WALDO_MAYBE_EXECUTED);
	assert_failed(unsent, WALDO_ELOST, WALDO_NOT_SENT);
	assert_failed(late, WALDO_ELOST, WALDO_NOT_SENT);
	until(f, f->service->cancelled == 1);
	assert_int_equal(f->service->order_count, 0);
}

static void
the_peer_is_told_why(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;
	const waldo_failure *failure;

	(void) service_new(f, f->client, &mine);
	(void) outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", mine));
	waldo_ref_end_session(f->gate, "the game is over");
	until(f, waldo_ref_get_state(f->service->kept) == WALDO_BROKEN);
	failure = waldo_ref_get_failure(f->service->kept);
	assert_err(failure->code, WALDO_ELOST);
	assert_non_null(strstr(failure->message, "the game is over"));
	waldo_ref_release(mine);
}

/* P35. Promise 1: each exactly once, whatever state it was in. */
static void
every_call_of_a_lost_session_fails_once(void **state)
{
	struct fixture *f = *state;
	struct outcome *o[60];

	for (int i = 0; i < 60; i++) {
		waldo_promise *p = waldo_ref_invoke(f->gate, "hold", "");

		o[i] = watch_outcome(
		    f, i % 2 == 0 ? waldo_promise_retain(p)
		                  : waldo_ref_invoke(waldo_promise_get_ref(p),
		                                     "add", "i", i));
		waldo_promise_release(p);
		if (i == 30) {
			until(f, f->service->held_count > 0);
		}
	}
	node_free(&f->server);
	until(f, o[59]->count > 0);
	for (int i = 0; i < 60; i++) {
		assert_int_equal(o[i]->count, 1);
		assert_err(o[i]->code, WALDO_ELOST);
		assert_int_not_equal(o[i]->fate, WALDO_EXECUTED);
	}
}

static void
a_session_ends_when_nobody_needs_it(void **state)
{
	struct fixture *f = *state;
	waldo_ref *made, *mine = NULL;
	struct outcome *o;

	(void) service_new(f, f->client, &mine);
	(void) outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", mine));
	o = outcome_of(f, waldo_ref_invoke(f->gate, "make", ""));
	waldo_ref_release(f->gate);
	f->gate = NULL;
	/* Held from both sides still. */
	made = o->ref;
	o->ref = NULL;
	assert_integer(outcome_of(f, waldo_ref_invoke(made, "add", "i", 1)), 2);
	waldo_ref_release(f->service->kept);
	f->service->kept = NULL;
	waldo_ref_release(mine);
	waldo_ref_release(made);
	until(f,
	      f->services[1].destroyed == 1 && f->services[2].destroyed == 1);
}

/* P29. */
static void
a_one_way_call_of_a_lost_session_fails_once(void **state)
{
	struct fixture *f = *state;
	const waldo_options options = {.size = sizeof(options),
	                               .flags = WALDO_ONE_WAY};
	struct outcome *o;

	barrier(f);
	o = watch_outcome(
	    f, waldo_request_send(waldo_request_new(f->gate, "add", &options)));
	waldo_ref_end_session(f->gate, "over");
	assert_int_equal(o->count, 0);
	until(f, o->count > 0);
	assert_failed(o, WALDO_ELOST, WALDO_NOT_SENT);
}

/* P28; DESIGN 4.3, 5. What was taken is sent, though nobody waits for it. */
static void
a_notification_before_the_last_release_arrives(void **state)
{
	struct fixture *f = *state;

	barrier(f);
	assert_ok(waldo_ref_notify(f->gate, "order", "i", 1));
	waldo_ref_release(f->gate);
	f->gate = NULL;
	until(f, f->service->order_count == 1);
}

/* P28. */
static void
a_stop_lets_open_calls_finish(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));

	until(f, f->service->held_count == 1);
	assert_true(waldo_node_is_running(f->server));
	waldo_node_stop(f->server, 4000);
	for (int i = 0; i < 10; i++) {
		(void) waldo_node_step(f->server, 0);
		(void) waldo_node_step(f->client, 0);
	}
	assert_true(waldo_node_is_running(f->server));
	assert_int_equal(o->count, 0);
	service_answer(f->service, 8);
	until(f, o->count > 0);
	assert_integer(o, 8);
	until(f, !waldo_node_is_running(f->server));
	until(f, waldo_ref_get_state(f->gate) == WALDO_BROKEN);
	assert_err(waldo_ref_get_failure(f->gate)->code, WALDO_ELOST);
}

/* P28. */
static void
a_stop_does_not_wait_longer_than_its_grace(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));

	until(f, f->service->held_count == 1);
	waldo_node_stop(f->server, 30);
	until(f, !waldo_node_is_running(f->server));
	until(f, o->count > 0);
	assert_failed(o, WALDO_ELOST, WALDO_MAYBE_EXECUTED);
}

static void
a_second_stop_shortens_the_grace(void **state)
{
	struct fixture *f = *state;
	uint64_t start = wire->now_ms();

	waldo_promise_release(waldo_ref_invoke(f->gate, "hold", ""));
	until(f, f->service->held_count == 1);
	waldo_node_stop(f->server, 60000);
	pump(f);
	waldo_node_stop(f->server, 0);
	until(f, !waldo_node_is_running(f->server));
	assert_true(wire->now_ms() - start < 4000);
}

static void
a_stop_without_anything_open_ends_at_once(void **state)
{
	struct fixture *f = *state;

	barrier(f);
	waldo_node_stop(f->server, 60000);
	until(f, !waldo_node_is_running(f->server));
	until(f, waldo_ref_get_state(f->gate) == WALDO_BROKEN);
}

static void
a_node_that_stopped_accepts_nobody(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref;
	struct outcome *o;

	waldo_node_stop(f->server, 0);
	until(f, !waldo_node_is_running(f->server));
	until(f, waldo_ref_get_state(f->gate) == WALDO_BROKEN);
	ref = connect_again(f);
	o = outcome_of(f, waldo_ref_invoke(ref, "add", "i", 1));
	assert_failed(o, WALDO_ECONNECT, WALDO_NOT_SENT);
	waldo_ref_release(ref);
}

static void
run_returns_when_the_node_has_stopped(void **state)
{
	struct fixture *f = *state;

	waldo_node_stop(f->server, 0);
	assert_ok(waldo_node_run(f->server));
	assert_false(waldo_node_is_running(f->server));
}

/* Messages of every size share a link, and stay whole and in order. */
static void
large_and_small_messages_take_turns(void **state)
{
	struct fixture *f = *state;
	static const int sizes[] = {3000000, 5,     100000, 16384, 16385,
	                            65536,   0,     65531,  4000,  1000000,
	                            1,       70000, 200};
	enum { COUNT = sizeof(sizes) / sizeof(*sizes) };
	struct outcome *o[COUNT];

	for (int i = 0; i < COUNT; i++) {
		o[i] = watch_outcome(
		    f, waldo_ref_invoke(f->gate, "big", "i", sizes[i]));
	}
	until(f, o[COUNT - 1]->count > 0);
	for (int i = 0; i < COUNT; i++) {
		assert_ok(o[i]->code);
		assert_int_equal(o[i]->len, sizes[i]);
	}
}

const struct CMUnitTest sessions_tests[] = {
    waldo_test(two_references_to_one_address_share_a_session),
    waldo_test(a_session_that_ended_is_followed_by_a_new_one),
    waldo_test(what_was_not_sent_when_a_session_ends_says_so),
    waldo_test(the_peer_is_told_why),
    waldo_test(every_call_of_a_lost_session_fails_once),
    waldo_test(a_session_ends_when_nobody_needs_it),
    waldo_test(a_one_way_call_of_a_lost_session_fails_once),
    waldo_test(a_notification_before_the_last_release_arrives),
    waldo_test(a_stop_lets_open_calls_finish),
    waldo_test(a_stop_does_not_wait_longer_than_its_grace),
    waldo_test(a_second_stop_shortens_the_grace),
    waldo_test(a_stop_without_anything_open_ends_at_once),
    waldo_test(a_node_that_stopped_accepts_nobody),
    waldo_test(run_returns_when_the_node_has_stopped),
    waldo_test(large_and_small_messages_take_turns),
};
END_SUITE(sessions);
