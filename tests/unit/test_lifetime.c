/* SPDX-License-Identifier: MIT */
/*
 * What a correct program may do at the edges of a lifetime: give its last count
 * away, cancel, revoke and stop from inside, outlive its node (waldo/call.h,
 * promise.h, ref.h, node.h).
 */
#include "tests/conformance/fixture.h"
#include "tests/memory/driver.h"

#include <stdio.h>

static int
open_near(void **state)
{
	wire = transport_find("near");
	return setup(state);
}

static int
open_far(void **state)
{
	wire = transport_find("memory");
	return setup(state);
}

#define near_test(name)                                                        \
	cmocka_unit_test_setup_teardown(name, open_near, teardown)
#define far_test(name) cmocka_unit_test_setup_teardown(name, open_far, teardown)

static waldo_call *
take_held(struct service *service)
{
	assert_true(service->held_count > 0);
	return service->held[--service->held_count];
}

/* ---- an object whose `destroy` does something */

static struct ending {
	void (*act)(void);
	waldo_node *node;
	waldo_promise *promise;
	waldo_call *call;
	int destroyed, ran;
} ending;

static void
ending_destroy(void *self)
{
	(void) self;
	ending.destroyed++;
	ending.act();
}

static const waldo_method no_methods[] = {{NULL, NULL, NULL, 0}};
static const waldo_class ending_class = {WALDO_CLASS_SIZES, "Ending",
                                         no_methods, ending_destroy, NULL};

static waldo_ref *
ending_new(waldo_node *node, void (*act)(void))
{
	waldo_ref *ref = NULL;

	ending = (struct ending){.act = act, .node = node};
	assert_ok(waldo_object_new(node, &ending_class, &ending, &ref));
	return ref;
}

/* ---- an object at the edge */

static struct edge {
	waldo_ref *ref;
	waldo_promise *open;
	waldo_call *held[4];
	size_t held_count;
	int cancelled;
} edge;

static void
edge_cancelled(waldo_call *call, void *user)
{
	(void) call;
	(void) user;
	edge.cancelled++;
}

static void
edge_hold(void *self, waldo_call *call)
{
	(void) self;
	edge.held[edge.held_count++] =
	    waldo_call_defer(call, edge_cancelled, NULL);
}

static void
edge_revoke(void *self, waldo_call *call)
{
	waldo_object_revoke(edge.ref);
	edge_hold(self, call);
}

static void
edge_revoke_and_follow(void *self, waldo_call *call)
{
	(void) self;
	waldo_object_revoke(edge.ref);
	waldo_call_follow(call, waldo_promise_retain(edge.open));
}

static void
edge_follow(void *self, waldo_call *call)
{
	(void) self;
	waldo_call_follow(call, waldo_promise_retain(edge.open));
}

static void
edge_no_promise(void *self, waldo_call *call)
{
	(void) self;
	waldo_call_fail_with(call, waldo_promise_get_failure(NULL));
}

static void
edge_no_ref(void *self, waldo_call *call)
{
	(void) self;
	waldo_call_fail_with(call, waldo_ref_get_failure(NULL));
}

static void
edge_open(void *self, waldo_call *call)
{
	(void) self;
	waldo_call_fail_with(call, waldo_promise_get_failure(edge.open));
}

static const waldo_method edge_methods[] = {
    {"hold", edge_hold, NULL, 0},
    {"revoke", edge_revoke, NULL, 0},
    {"revoke_and_follow", edge_revoke_and_follow, NULL, 0},
    {"follow", edge_follow, NULL, 0},
    {"no_promise", edge_no_promise, NULL, 0},
    {"no_ref", edge_no_ref, NULL, 0},
    {"open", edge_open, NULL, 0},
    {NULL, NULL, NULL, 0},
};
static const waldo_class edge_class = {WALDO_CLASS_SIZES, "Edge", edge_methods,
                                       NULL, NULL};

static void
edge_new(waldo_node *node)
{
	memset(&edge, 0, sizeof(edge));
	assert_ok(waldo_object_new(node, &edge_class, NULL, &edge.ref));
}

/* Ends what is held and lets the object go. */
static void
edge_end(void)
{
	while (edge.held_count > 0) {
		waldo_call_reply(edge.held[--edge.held_count], "");
	}
	waldo_ref_release(edge.ref);
	edge.ref = NULL;
}

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

/* ---- results that moved on */

static void
check_followed(struct fixture *f, waldo_promise *inner, const struct outcome *o)
{
	struct outcome *again;

	assert_true(memory_settle());
	assert_int_equal(o->count, 1);
	assert_integer(o, 42);
	assert_err(waldo_read_error(waldo_promise_get_result(inner)),
	           WALDO_EINVAL);
	again = watch_outcome(f, inner);
	assert_true(memory_settle());
	assert_int_equal(again->count, 1);
	assert_err(again->end, WALDO_EINVAL);
}

static void
a_result_that_was_followed_reads_as_gone(void **state)
{
	struct fixture *f = *state;
	waldo_promise *inner = waldo_ref_invoke(f->gate, "add", "i", 41);
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));

	assert_true(memory_settle());
	waldo_call_follow(take_held(f->service), waldo_promise_retain(inner));
	check_followed(f, inner, o);
}

static void
a_result_that_is_followed_reads_as_gone(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));
	waldo_promise *inner;

	assert_true(memory_settle());
	inner = waldo_ref_invoke(f->gate, "add", "i", 41);
	waldo_call_follow(take_held(f->service), waldo_promise_retain(inner));
	check_followed(f, inner, o);
}

static void
follow_promise(void)
{
	waldo_call_follow(ending.call, waldo_promise_retain(ending.promise));
}

/* The result is there, but not yet where it will be kept: what waits for it
 * goes first, and one of those runs the user's code. */
static void
a_promise_may_be_followed_while_it_settles(void **state)
{
	struct fixture *f = *state;
	struct service *service = f->service;
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));
	waldo_ref *ref = ending_new(f->server, follow_promise);

	assert_true(memory_settle());
	ending.call = take_held(service);
	(void) service_new(f, f->server, &service->kept);
	waldo_object_revoke(service->kept);
	ending.promise = waldo_ref_invoke(f->gate, "kept", "");
	/* Fails as soon as it finds what it is called on, and lets go. */
	assert_ok(waldo_ref_notify(waldo_promise_get_ref(ending.promise), "add",
	                           "r", ref));
	waldo_ref_release(ref);
	assert_true(memory_settle());
	assert_int_equal(ending.destroyed, 1);
	assert_int_equal(o->count, 1);
	assert_string_equal(o->message, "");
	assert_int_equal(o->type, WALDO_TYPE_REF);
	waldo_promise_release(ending.promise);
}

static struct peeked {
	waldo_promise *promise;
	int64_t value;
	waldo_err end;
} peeked;

static void
peek(waldo_reader *result, const waldo_failure *failure, void *user)
{
	(void) failure;
	(void) user;
	(void) waldo_promise_get_result(peeked.promise);
	peeked.value = waldo_read_int(result, 0, 100);
	peeked.end = waldo_read_end(result);
}

static void
a_callback_may_ask_for_the_result_that_it_reads(void **state)
{
	struct fixture *f = *state;

	peeked = (struct peeked){.promise =
	                             waldo_ref_invoke(f->gate, "add", "i", 41)};
	assert_ok(waldo_promise_when(waldo_promise_retain(peeked.promise), peek,
	                             NULL));
	assert_true(memory_settle());
	assert_int_equal(peeked.value, 42);
	assert_ok(peeked.end);
	waldo_promise_release(peeked.promise);
}

/* A reader lives as long as what it reads, and then says so. */
static void
a_result_that_a_callback_was_given_reads_as_gone(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise = waldo_ref_invoke(f->gate, "echo", "s", "hi");
	struct outcome *o;

	assert_ok(waldo_promise_wait(promise, 1000));
	(void) waldo_promise_get_result(promise);
	o = watch_outcome(f, waldo_promise_retain(promise));
	assert_true(memory_settle());
	assert_string_equal(o->text, "hi");
	assert_string_equal(
	    waldo_read_str(waldo_promise_get_result(promise), NULL), "");
	assert_err(waldo_read_error(waldo_promise_get_result(promise)),
	           WALDO_EINVAL);
	waldo_promise_release(promise);
}

/* ---- revoked and cancelled, then deferred */

/* waldo_object_revoke(): "deferred calls are cancelled". */
static void
check_revoked(struct fixture *f, waldo_ref *ref)
{
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(ref, "revoke", ""));

	assert_true(memory_settle());
	assert_int_equal(o->count, 1);
	assert_int_equal(edge.held_count, 1);
	assert_int_equal(edge.cancelled, 1);
	edge_end();
}

static void
a_near_call_deferred_by_what_it_revoked_is_cancelled(void **state)
{
	struct fixture *f = *state;

	edge_new(f->server);
	check_revoked(f, edge.ref);
}

static void
a_far_call_deferred_by_what_it_revoked_is_cancelled(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;
	char uri[600];

	edge_new(f->server);
	assert_ok(waldo_publish(f->server, "edge", edge.ref));
	(void) snprintf(uri, sizeof(uri), "%s/edge", f->uri);
	assert_ok(waldo_connect(f->client, uri, &ref));
	check_revoked(f, ref);
	waldo_ref_release(ref);
}

/* And what it follows is given up with it. */
static void
a_call_that_follows_when_it_was_revoked_is_cancelled(void **state)
{
	struct fixture *f = *state;
	struct outcome *o;

	edge_new(f->server);
	edge.open = waldo_ref_invoke(f->gate, "hold", "");
	o = watch_outcome(f,
	                  waldo_ref_invoke(edge.ref, "revoke_and_follow", ""));
	assert_true(memory_settle());
	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_EREVOKED);
	assert_err(waldo_promise_get_failure(edge.open)->code,
	           WALDO_ECANCELLED);
	assert_int_equal(f->service->cancelled, 1);
	waldo_promise_release(edge.open);
	edge_end();
}

/* Nothing would ever settle it. */
static void
a_call_does_not_follow_itself(void **state)
{
	struct fixture *f = *state;

	edge_new(f->server);
	edge.open = waldo_ref_invoke(edge.ref, "follow", "");
	assert_true(memory_settle());
	assert_err(waldo_promise_get_failure(edge.open)->code, WALDO_EINVAL);
	assert_int_equal(waldo_promise_get_failure(edge.open)->fate,
	                 WALDO_EXECUTED);
	waldo_promise_release(edge.open);
	edge_end();
}

/* Holds a call that the caller has given up already. */
static waldo_call *
hold_cancelled(struct fixture *f)
{
	waldo_promise *promise = waldo_ref_invoke(f->gate, "hold", "");

	assert_true(memory_settle());
	waldo_promise_cancel(promise);
	waldo_promise_release(promise);
	assert_true(memory_settle());
	assert_int_equal(f->service->cancelled, 1);
	return take_held(f->service);
}

/* waldo_call_follow(): "If the caller gives up, the promise is cancelled". */
static void
what_a_cancelled_call_follows_is_cancelled(void **state)
{
	struct fixture *f = *state;
	waldo_call *call = hold_cancelled(f);
	waldo_promise *promise = waldo_ref_invoke(f->service_ref, "hold", "");

	assert_true(memory_settle());
	waldo_call_follow(call, waldo_promise_retain(promise));
	assert_true(memory_settle());
	assert_err(waldo_promise_get_failure(promise)->code, WALDO_ECANCELLED);
	waldo_promise_release(promise);
}

/* It had no callback to tell when the news came. */
static void
a_cancellation_reaches_a_callback_that_comes_later(void **state)
{
	struct fixture *f = *state;
	waldo_promise *promise = waldo_ref_invoke(f->gate, "hold", "");
	waldo_call *call;

	memset(&edge, 0, sizeof(edge));
	assert_true(memory_settle());
	call = waldo_call_defer(take_held(f->service), NULL, NULL);
	waldo_promise_cancel(promise);
	waldo_promise_release(promise);
	assert_true(memory_settle());
	(void) waldo_call_defer(call, edge_cancelled, NULL);
	assert_true(memory_settle());
	assert_int_equal(edge.cancelled, 1);
	waldo_call_reply(call, "");
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
	    near_test(a_result_that_was_followed_reads_as_gone),
	    near_test(a_result_that_is_followed_reads_as_gone),
	    near_test(a_promise_may_be_followed_while_it_settles),
	    near_test(a_callback_may_ask_for_the_result_that_it_reads),
	    near_test(a_result_that_a_callback_was_given_reads_as_gone),
	    near_test(a_near_call_deferred_by_what_it_revoked_is_cancelled),
	    far_test(a_far_call_deferred_by_what_it_revoked_is_cancelled),
	    near_test(a_call_that_follows_when_it_was_revoked_is_cancelled),
	    near_test(a_call_does_not_follow_itself),
	    far_test(what_a_cancelled_call_follows_is_cancelled),
	    far_test(a_cancellation_reaches_a_callback_that_comes_later),
	    far_test(a_reference_of_another_node_is_not_published),
	    far_test(a_reference_of_another_node_is_no_argument),
	    far_test(a_reference_of_another_node_is_no_result),
	    far_test(a_promise_of_another_node_is_not_followed),
	};

	return cmocka_run_group_tests_name("lifetime", tests, NULL, NULL);
}
