/* SPDX-License-Identifier: MIT */
/*
 * What a correct program may do at the edges of a lifetime: give its last count
 * away, outlive its node, use what was lent, mistake a node for another
 * (waldo/promise.h, ref.h, node.h).
 */
#include "tests/unit/edge_fixture.h"

/* ---- who lets the last count go */

/* "The request retains `target`": nobody else need. */
static void
a_request_may_hold_the_last_count_of_its_target(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;
	struct service *service = service_new(f, f->server, &ref);
	waldo_request *request = waldo_request_new(ref, "add", NULL);

	waldo_put_int(waldo_request_get_args(request), 41);
	waldo_ref_release(ref);
	assert_int_equal(service->destroyed, 0);
	assert_integer(outcome_of(f, waldo_request_send(request)), 42);
	assert_int_equal(service->destroyed, 1);
}

static void
cancel_promise(void)
{
	waldo_promise_cancel(ending.promise);
}

/* A call that holds the last count of an object that will cancel it, as a
 * callback object does that owns its subscription. */
static struct outcome *
call_with_its_canceller(struct fixture *f, waldo_ref *target, size_t len)
{
	static const uint8_t big[100000];
	waldo_ref *ref = ending_new(f->client, cancel_promise);
	waldo_request *request = waldo_request_new(target, "keep", NULL);

	assert_true(len <= sizeof(big));
	waldo_put_bytes(waldo_request_get_args(request), big, len);
	waldo_put_ref(waldo_request_get_args(request), ref);
	waldo_ref_release(ref);
	ending.promise = waldo_request_send(request);
	return watch_outcome(f, waldo_promise_retain(ending.promise));
}

static void
release_canceller(void)
{
	assert_int_equal(ending.destroyed, 1);
	waldo_promise_release(ending.promise);
}

/* 100 KB are above what may be sent before the peer's HELLO. */
static struct outcome *
wait_with_its_canceller(struct fixture *f, const char *uri, waldo_ref **ret_ref)
{
	assert_ok(waldo_connect(f->client, uri, ret_ref));
	return call_with_its_canceller(f, *ret_ref, 100000);
}

static void
a_cancelled_call_may_let_go_who_cancels_it(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;
	struct outcome *o = wait_with_its_canceller(f, f->uri, &ref);

	waldo_promise_cancel(ending.promise);
	assert_true(memory_settle());
	assert_failed(o, WALDO_ECANCELLED, WALDO_NOT_SENT);
	release_canceller();
	waldo_ref_release(ref);
}

static void
a_lost_call_may_let_go_who_cancels_it(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;
	struct outcome *o = wait_with_its_canceller(f, f->uri, &ref);

	waldo_ref_end_session(ref, "enough");
	assert_true(memory_settle());
	assert_failed(o, WALDO_ELOST, WALDO_NOT_SENT);
	release_canceller();
	waldo_ref_release(ref);
}

static void
a_refused_call_may_let_go_who_cancels_it(void **state)
{
	struct fixture *f = *state;
	const waldo_limits small = {.size = sizeof(small),
	                            .message_bytes = 64 * 1024};
	waldo_listener *listener = NULL;
	waldo_ref *ref = NULL;
	struct outcome *o;

	f->third = node_new(&small);
	assert_ok(waldo_listen(f->third, wire->address(), &listener));
	o = wait_with_its_canceller(f, waldo_listener_get_uri(listener), &ref);
	assert_true(memory_settle());
	assert_failed(o, WALDO_ELIMIT, WALDO_NOT_SENT);
	release_canceller();
	waldo_ref_release(ref);
}

/* Promise 2: it is said to have run only if it may have. */
static void
a_near_call_may_let_go_who_cancels_it(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = call_with_its_canceller(f, f->gate, 1);

	waldo_promise_cancel(ending.promise);
	assert_true(memory_settle());
	assert_failed(o, WALDO_ECANCELLED, WALDO_NOT_SENT);
	assert_int_equal(f->service->calls, 0);
	release_canceller();
}

/* ---- what outlives its node */

/* A near one: `client` is the same node. */
static void
free_near_node(struct fixture *f)
{
	f->client = NULL;
	node_free(&f->server);
}

static void
a_result_outlives_its_node(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise = waldo_ref_invoke(f->gate, "add", "i", 41);

	assert_true(memory_settle());
	free_near_node(f);
	assert_ok(waldo_promise_wait(promise, 0));
	assert_null(waldo_promise_get_failure(promise));
	assert_int_equal(
	    waldo_read_int(waldo_promise_get_result(promise), 0, 100), 42);
	waldo_promise_release(promise);
}

static void
no_callback_can_be_had_when_the_node_is_gone(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise = waldo_ref_invoke(f->gate, "add", "i", 41);
	struct outcome *o = outcome_new(f);

	assert_true(memory_settle());
	free_near_node(f);
	assert_err(waldo_promise_when(promise, note_outcome, o), WALDO_ELOST);
	assert_int_equal(o->count, 0);
}

static void
run_task(void *user)
{
	(void) user;
	ending.ran++;
}

static void
use_node(void)
{
	waldo_node_stop(ending.node, 0);
	(void) waldo_node_get_fd(ending.node);
	if (waldo_node_post(ending.node, run_task, NULL) == WALDO_OK) {
		ending.ran += 10;
	}
}

/* "Tasks that have not run when the node is freed run in waldo_node_free()":
 * those too that the last object leaves behind. */
static void
a_destroy_in_node_free_may_use_the_node(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = ending_new(f->server, use_node);

	free_near_node(f);
	assert_int_equal(ending.destroyed, 1);
	assert_int_equal(ending.ran, 11);
	waldo_ref_release(ref);
}

/* ---- failures that are lent */

/* The failure of NULL is one that the library lends, as any other. */
static void
a_failure_of_null_may_be_passed_on(void **state)
{
	struct fixture *f = *state;

	edge_new(f->server);
	edge.open = waldo_ref_invoke(edge.ref, "hold", "");
	for (int i = 0; i < 2; i++) {
		assert_failed(
		    outcome_of(f, waldo_ref_invoke(edge.ref, "no_promise", "")),
		    WALDO_ENOMEM, WALDO_EXECUTED);
		assert_failed(
		    outcome_of(f, waldo_ref_invoke(edge.ref, "no_ref", "")),
		    waldo_ref_get_failure(NULL)->code, WALDO_EXECUTED);
		assert_failed(
		    outcome_of(f, waldo_ref_invoke(edge.ref, "open", "")),
		    WALDO_EINVAL, WALDO_EXECUTED);
	}
	waldo_promise_release(edge.open);
	edge_end();
}

/* ---- what belongs to another node */

/* "A node and everything made with it belong to the thread that steps it": a
 * reference that slipped into another would be called on the wrong one. */
static void
a_reference_of_another_node_is_not_published(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;

	(void) service_new(f, f->client, &ref);
	assert_err(waldo_publish(f->server, "x", ref), WALDO_EINVAL);
	assert_err(waldo_set_finder(f->server, ref), WALDO_EINVAL);
	waldo_ref_release(ref);
}

static void
a_reference_of_another_node_is_no_argument(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;

	(void) service_new(f, f->client, &ref);
	assert_failed(
	    outcome_of(f, waldo_ref_invoke(f->service_ref, "keep", "r", ref)),
	    WALDO_EINVAL, WALDO_NOT_SENT);
	assert_failed(outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r",
	                                             f->service_ref)),
	              WALDO_EINVAL, WALDO_NOT_SENT);
	assert_int_equal(f->service->calls, 0);
	waldo_ref_release(ref);
}

static void
a_reference_of_another_node_is_no_result(void **state)
{
	struct fixture *f = *state;
	struct outcome *o;

	(void) service_new(f, f->client, &f->service->kept);
	o = outcome_of(f, waldo_ref_invoke(f->gate, "kept", ""));
	assert_failed(o, WALDO_EINVAL, WALDO_EXECUTED);
}

static void
a_promise_of_another_node_is_not_followed(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));

	assert_true(memory_settle());
	waldo_call_follow(take_held(f->service),
	                  waldo_ref_invoke(f->gate, "add", "i", 1));
	assert_true(memory_settle());
	assert_failed(o, WALDO_EINVAL, WALDO_EXECUTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    near_test(a_request_may_hold_the_last_count_of_its_target),
	    far_test(a_cancelled_call_may_let_go_who_cancels_it),
	    far_test(a_lost_call_may_let_go_who_cancels_it),
	    far_test(a_refused_call_may_let_go_who_cancels_it),
	    near_test(a_near_call_may_let_go_who_cancels_it),
	    near_test(a_result_outlives_its_node),
	    near_test(no_callback_can_be_had_when_the_node_is_gone),
	    near_test(a_destroy_in_node_free_may_use_the_node),
	    near_test(a_failure_of_null_may_be_passed_on),
	    far_test(a_reference_of_another_node_is_not_published),
	    far_test(a_reference_of_another_node_is_no_argument),
	    far_test(a_reference_of_another_node_is_no_result),
	    far_test(a_promise_of_another_node_is_not_followed),
	};

	return cmocka_run_group_tests_name("lifetime", tests, NULL, NULL);
}
