/* SPDX-License-Identifier: MIT */
/* Each limit of waldo/limits.h, exceeded: what fails is told which limit it
 * was, and its value (promise 6). */
#include "tests/conformance/too_much.h"

#include <stdio.h>

static waldo_limits
none(void)
{
	return (waldo_limits){.size = sizeof(waldo_limits)};
}

static void
our_own_message_may_be_too_large(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	struct outcome *o;

	limits.message_bytes = 65536;
	fixture_open(f, NULL, &limits);
	o = send_bytes(f, 70000);
	assert_limit(o, WALDO_NOT_SENT,
	             "message_bytes: a message of more than 65536 bytes");
	assert_ok(send_bytes(f, 60000)->code);
}

static void
a_message_may_be_too_large_for_the_peer(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	struct outcome *o;

	limits.message_bytes = 65536;
	fixture_open(f, &limits, NULL);
	barrier(f);
	o = send_bytes(f, 70000);
	assert_limit(o, WALDO_NOT_SENT,
	             "message_bytes: a message of 70021 bytes, the peer takes "
	             "at most 65536");
	assert_ok(send_bytes(f, 60000)->code);
}

/* DESIGN 4.3, 3: what cannot be sent has counted nothing. */
static void
a_call_that_is_too_large_gives_nothing_away(void **state)
{
	struct fixture *f = *state;
	static char data[70000];
	waldo_limits limits = none();
	waldo_ref *mine = NULL;
	struct service *service;
	struct outcome *o;

	limits.message_bytes = 65536;
	fixture_open(f, &limits, NULL);
	barrier(f);
	service = service_new(f, f->client, &mine);
	o = outcome_of(f, waldo_ref_invoke(f->gate, "keep", "ry", mine, data,
	                                   sizeof(data)));
	assert_err(o->code, WALDO_ELIMIT);
	waldo_ref_release(mine);
	assert_int_equal(service->destroyed, 1);
}

/* DESIGN 4.3, 7: an oversized result is an error reply. */
static void
a_result_may_be_too_large(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	struct outcome *o;

	limits.message_bytes = 65536;
	fixture_open(f, NULL, &limits);
	barrier(f);
	o = outcome_of(f, waldo_ref_invoke(f->gate, "big", "i", 70000));
	assert_limit(o, WALDO_EXECUTED,
	             "message_bytes: a result of 70012 bytes, the caller "
	             "takes at most 65536");
	assert_int_equal(
	    outcome_of(f, waldo_ref_invoke(f->gate, "big", "i", 60000))->len,
	    60000);
}

static void
a_value_may_be_too_deep_for_the_peer(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	struct outcome *o;

	limits.depth = 16;
	fixture_open(f, &limits, NULL);
	barrier(f);
	o = send_deep(f, 17);
	assert_limit(
	    o, WALDO_NOT_SENT,
	    "depth: arguments of 17 levels, the peer takes at most 16");
}

static void
we_give_no_more_objects_than_we_want_to(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	struct outcome *o;

	limits.exports = 4;
	fixture_open(f, NULL, &limits);
	o = give_objects(f, 5);
	assert_limit(
	    o, WALDO_NOT_SENT,
	    "exports: the peer holds 4 objects of ours, at most 4 are allowed");
	assert_int_equal(f->service->stored_count, 4);
}

static void
we_give_no_more_objects_than_the_peer_wants(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	struct outcome *o;

	limits.imports = 64;
	fixture_open(f, &limits, NULL);
	barrier(f);
	o = give_objects(f, 65);
	assert_limit(o, WALDO_NOT_SENT,
	             "imports: the peer holds 64 objects of ours, at most "
	             "64 are allowed");
}

static void
a_result_may_be_one_object_too_many(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	struct outcome *o = NULL;

	limits.exports = 4;
	fixture_open(f, &limits, NULL);
	for (int i = 0; i < 4; i++) {
		o = outcome_of(f, waldo_ref_invoke(f->gate, "make", ""));
	}
	/* The gate itself is one of the four. */
	assert_limit(
	    o, WALDO_EXECUTED,
	    "exports: the peer holds 4 objects of ours, at most 4 are allowed");
}

#define OPEN_CALLS                                                             \
	"open_calls: the peer runs at most 16 calls of ours at a time"

/* P16, P34. */
static void
a_peer_has_no_more_calls_open_than_it_may(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	struct outcome *o[18];

	limits.open_calls = 16;
	fixture_open(f, &limits, NULL);
	barrier(f);
	for (int i = 0; i < 18; i++) {
		o[i] = watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));
	}
	until(f, o[16]->count > 0 && o[17]->count > 0);
	assert_limit(o[16], WALDO_NOT_SENT, OPEN_CALLS);
	assert_limit(o[17], WALDO_NOT_SENT, OPEN_CALLS);
	until(f, f->service->held_count == 16);
	/* One that has finished makes room for one. */
	service_answer(f->service, 1);
	until(f, o[0]->count == 1);
	o[0] = watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));
	until(f, f->service->held_count == 16);
	assert_int_equal(o[0]->count, 0);
}

/* Nothing leaves: the loop is not entered. */
static waldo_err
fill(struct fixture *f, int *ret_sent)
{
	static char data[8192];
	waldo_err err = WALDO_OK;

	for (*ret_sent = 0; err == WALDO_OK && *ret_sent < 10000; ++*ret_sent) {
		err =
		    waldo_ref_notify(f->gate, "order", "y", data, sizeof(data));
	}
	return err;
}

static void
what_waits_for_a_peer_that_does_not_read_is_bounded(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	int sent;

	limits.queued_bytes = 256 * 1024;
	limits.message_bytes = 65536;
	fixture_open(f, NULL, &limits);
	barrier(f);
	assert_err(fill(f, &sent), WALDO_ELIMIT);
	assert_true(sent > 10);
	assert_string_equal(
	    waldo_node_get_message(f->client),
	    "queued_bytes: no room for 8208 more: 254455 bytes wait for a peer "
	    "that does not keep up, at most 262144 may");
	/* Once it reads, all that was taken arrives, and more may come. */
	barrier(f);
	assert_int_equal(
	    outcome_of(f, waldo_ref_invoke(f->gate, "order", "i", 1))->integer,
	    1);
}

static void
what_waits_for_all_peers_is_bounded(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	unsigned long long bytes = 0;
	int sent, end = 0;

	limits.queued_bytes = 1024 * 1024;
	limits.total_bytes = 256 * 1024;
	limits.message_bytes = 65536;
	fixture_open(f, NULL, &limits);
	barrier(f);
	assert_err(fill(f, &sent), WALDO_ELIMIT);
	(void) sscanf(
	    waldo_node_get_message(f->client),
	    "total_bytes: no room for %*u more: %llu bytes wait for all peers, "
	    "at most 262144 may%n",
	    &bytes, &end);
	/* Some that were sent are perhaps not acknowledged yet. */
	assert_in_range(bytes, 262144 - 8192, 262144 + 8192);
	assert_int_equal(end, strlen(waldo_node_get_message(f->client)));
	barrier(f);
}

/* What one peer leaves unread is not there for the others. */
static void
what_waits_for_one_peer_counts_for_the_others(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	waldo_listener *listener = NULL;
	waldo_ref *ref = NULL, *other = NULL;
	char uri[600];
	int sent;

	limits.queued_bytes = 1024 * 1024;
	limits.total_bytes = 256 * 1024;
	limits.message_bytes = 65536;
	fixture_open(f, NULL, &limits);
	f->third = node_new(NULL);
	(void) service_new(f, f->third, &ref);
	assert_ok(waldo_listen(f->third, wire->address(), &listener));
	assert_ok(waldo_publish(f->third, "other", ref));
	waldo_ref_release(ref);
	(void) snprintf(uri, sizeof(uri), "%s/",
	                waldo_listener_get_uri(listener));
	assert_ok(waldo_connect(f->client, uri, &other));
	(void) outcome_of(f, waldo_ref_invoke(other, "names", ""));
	barrier(f);
	assert_err(fill(f, &sent), WALDO_ELIMIT);
	assert_err(waldo_ref_notify(other, "names", "s", "a"), WALDO_ELIMIT);
	assert_memory_equal(waldo_node_get_message(f->client),
	                    "total_bytes: ", 13);
	/* Until it has come, and is known to have. */
	until(f, waldo_ref_notify(other, "names", "s", "a") == WALDO_OK);
	assert_ok(outcome_of(f, waldo_ref_invoke(other, "names", ""))->code);
	waldo_ref_release(other);
}

static void
a_node_has_no_more_sessions_than_it_may(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	waldo_ref *ref = NULL;
	char uri[600];
	struct outcome *o;

	limits.sessions = 1;
	fixture_open(f, &limits, NULL);
	barrier(f);
	f->third = node_new(NULL);
	(void) snprintf(uri, sizeof(uri), "%s/gate", f->uri);
	assert_ok(waldo_connect(f->third, uri, &ref));
	o = outcome_of(f, waldo_ref_invoke(ref, "add", "i", 1));
	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_ELOST);
	assert_non_null(strstr(o->message, "sessions: at most 1 at a time"));
	assert_integer(outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1)),
	               2);
	assert_int_equal(f->service->calls, 1);
	waldo_ref_release(ref);
}

static void
a_node_dials_no_more_sessions_than_it_may(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	waldo_listener *listener = NULL;
	waldo_ref *ref = NULL;
	char uri[600];
	waldo_err err;

	limits.sessions = 1;
	fixture_open(f, NULL, &limits);
	barrier(f);
	f->third = node_new(NULL);
	assert_ok(waldo_listen(f->third, wire->address(), &listener));
	(void) snprintf(uri, sizeof(uri), "%s/gate",
	                waldo_listener_get_uri(listener));
	err = waldo_connect(f->client, uri, &ref);
	if (err == WALDO_OK) {
		struct outcome *o =
		    outcome_of(f, waldo_ref_invoke(ref, "add", "i", 1));

		assert_limit(o, WALDO_NOT_SENT,
		             "sessions: at most 1 at a time");
	} else {
		assert_err(err, WALDO_ELIMIT);
		assert_string_equal(waldo_node_get_message(f->client),
		                    "sessions: at most 1 at a time");
	}
	waldo_ref_release(ref);
}

static void
a_message_has_no_more_references_than_it_may(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	struct outcome *o;

	limits.refs_per_message = 16;
	fixture_open(f, NULL, &limits);
	barrier(f);
	o = send_refs(f, 17);
	assert_limit(o, WALDO_NOT_SENT,
	             "refs_per_message: more than 16 references");
	assert_ok(send_refs(f, 16)->code);
}

static void
a_message_has_no_more_references_than_the_peer_wants(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	struct outcome *o;

	limits.refs_per_message = 16;
	fixture_open(f, &limits, NULL);
	barrier(f);
	o = send_refs(f, 17);
	assert_limit(o, WALDO_NOT_SENT,
	             "refs_per_message: a message with 17 references, the peer "
	             "takes at most 16");
	assert_ok(send_refs(f, 16)->code);
}

/* F28: who has no number left sends the name. */
static void
more_method_names_than_the_peer_remembers_still_work(void **state)
{
	struct fixture *f = *state;
	waldo_limits limits = none();
	char name[16];

	limits.names = 64;
	fixture_open(f, &limits, NULL);
	barrier(f);
	for (int i = 0; i < 100; i++) {
		struct outcome *o;

		(void) snprintf(name, sizeof(name), "m%d", i);
		o = outcome_of(f, waldo_ref_invoke(f->gate, name, ""));
		assert_err(o->code, WALDO_EMETHOD);
		assert_non_null(strstr(o->message, name));
	}
	assert_integer(outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1)),
	               2);
}

/* P37, P16. */
static void
calls_that_wait_for_a_promise_are_bounded(void **state)
{
	struct fixture *f = *state;
	static char data[30000];
	waldo_limits limits = none();
	waldo_promise *held;
	struct outcome *o[4];

	limits.parked_bytes = 100000;
	fixture_open(f, &limits, NULL);
	held = waldo_ref_invoke(f->gate, "hold", "");
	for (int i = 0; i < 4; i++) {
		o[i] = watch_outcome(
		    f, waldo_ref_invoke(waldo_promise_get_ref(held), "echo",
		                        "y", data, sizeof(data)));
	}
	until(f, o[3]->count > 0);
	/* What one takes besides its arguments is not for a test to say. */
	assert_failed(o[3], WALDO_ELIMIT, WALDO_EXECUTED);
	assert_memory_equal(o[3]->message, "parked_bytes: ", 14);
	assert_non_null(strstr(o[3]->message, " bytes of calls wait for "
	                                      "promises, at most 100000 may"));
	assert_int_equal(o[0]->count + o[1]->count + o[2]->count, 0);
	service_answer_ref(f->service, f->service_ref);
	until(f, o[0]->count + o[1]->count + o[2]->count == 3);
	assert_ok(o[2]->code);
	waldo_promise_release(held);
}

#define limit_test(name)                                                       \
	cmocka_unit_test_setup_teardown(name, setup_nothing, teardown)

const struct CMUnitTest limits_tests[] = {
    limit_test(our_own_message_may_be_too_large),
    limit_test(a_message_may_be_too_large_for_the_peer),
    limit_test(a_call_that_is_too_large_gives_nothing_away),
    limit_test(a_result_may_be_too_large),
    limit_test(a_value_may_be_too_deep_for_the_peer),
    limit_test(we_give_no_more_objects_than_we_want_to),
    limit_test(we_give_no_more_objects_than_the_peer_wants),
    limit_test(a_result_may_be_one_object_too_many),
    limit_test(a_peer_has_no_more_calls_open_than_it_may),
    limit_test(what_waits_for_a_peer_that_does_not_read_is_bounded),
    limit_test(what_waits_for_all_peers_is_bounded),
    limit_test(what_waits_for_one_peer_counts_for_the_others),
    limit_test(a_node_has_no_more_sessions_than_it_may),
    limit_test(a_node_dials_no_more_sessions_than_it_may),
    limit_test(a_message_has_no_more_references_than_it_may),
    limit_test(a_message_has_no_more_references_than_the_peer_wants),
    limit_test(more_method_names_than_the_peer_remembers_still_work),
    limit_test(calls_that_wait_for_a_promise_are_bounded),
};
END_SUITE(limits);
