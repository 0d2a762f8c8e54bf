/* SPDX-License-Identifier: MIT */
/*
 * Calls that follow a promise, or are deferred, when they have been cancelled or
 * revoked by then; and results that have moved on (waldo/call.h, promise.h).
 */
#include "tests/unit/edge_fixture.h"

#include <stdio.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests_name("following", tests, NULL, NULL);
}
