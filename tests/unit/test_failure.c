/* SPDX-License-Identifier: MIT */
/*
 * What a peer answers that means no good, and what the caller learns of it:
 * code, fate, and a text that is safe to print.
 */
#include "tests/conformance/fixture.h"
#include "tests/memory/peer.h"

#include <stdio.h>
#include <stdlib.h>

struct answered {
	struct fixture *f;
	struct peer peer;
};

/* A client whose call 1 has reached the peer: gate.add(7), pipelined on the
 * fetch unless the reference is the bootstrap itself. */
static int
open_client(void **state)
{
	struct answered *a = calloc(1, sizeof(*a));
	void *fixture;

	wire = transport_find("memory");
	if (a == NULL || setup_nothing(&fixture) != 0 ||
	    !peer_listen(&a->peer, "p")) {
		return -1;
	}
	a->f = fixture;
	a->f->client = node_new(NULL);
	assert_ok(waldo_connect(a->f->client, "waldo+inproc:p/", &a->f->gate));
	(void) memory_settle();
	*state = a;
	return peer_send(&a->peer, PEER_HELLO) ? 0 : -1;
}

static int
close_client(void **state)
{
	struct answered *a = *state;
	void *fixture = a->f;

	peer_fini(&a->peer);
	free(a);
	return teardown(&fixture);
}

#define failure_test(name)                                                     \
	cmocka_unit_test_setup_teardown(name, open_client, close_client)

static struct outcome *
call(struct answered *a)
{
	return watch_outcome(a->f, waldo_ref_invoke(a->f->gate, "add", "i", 7));
}

/* Call 1 goes out, `frame` comes back. */
static struct outcome *
answer(struct answered *a, const char *frame)
{
	struct outcome *o = call(a);
	const char *sent = peer_await(&a->peer, "[1,1,0,");

	assert_string_equal(sent, "[1,1,0,[1,'add'],[],{}] [7]");
	assert_true(peer_send(&a->peer, frame));
	(void) memory_settle();
	return o;
}

static void
an_answer_is_a_result(void **state)
{
	struct answered *a = *state;
	struct outcome *o = answer(a, "[2,1,0,false,[]] 8");

	assert_int_equal(o->count, 1);
	assert_integer(o, 8);
}

/* DESIGN 4.3, 10. */
static void
an_error_has_the_callees_number(void **state)
{
	struct answered *a = *state;
	struct outcome *o =
	    answer(a, "[2,1,1,false,[]] [1042,'game.Blocked','a wall',nil]");

	assert_failed(o, WALDO_EREMOTE, WALDO_EXECUTED);
	assert_true(o->remote);
	assert_string_equal(o->kind, "game.Blocked");
	assert_string_equal(o->message, "a wall");
}

/* The type is printed and compared: it is as unsafe as the message. */
static void
what_an_error_says_is_escaped(void **state)
{
	struct answered *a = *state;
	struct outcome *o =
	    answer(a, "[2,1,1,false,[]] [1000,'a\nb','\x1b[31mred\r\x7f',nil]");

	assert_failed(o, WALDO_EREMOTE, WALDO_EXECUTED);
	for (const char *p = o->kind; *p != '\0'; p++) {
		assert_true(*p >= ' ');
	}
	for (const char *p = o->message; *p != '\0'; p++) {
		assert_true((*p >= ' ' || *p < 0) && *p != 0x7f);
	}
}

/* What would be read in another order than it stands, or as another line. */
static void
what_an_error_says_cannot_be_turned_around(void **state)
{
	struct answered *a = *state;
	struct outcome *o =
	    answer(a, "[2,1,1,false,[]] [1000,'a','x\xe2\x80\xaey\xe2\x80\xa8z"
	              "\xe2\x81\xa6\xd8\x9c\xe2\x80\x8f\xc2\x85 \xc3\xa9"
	              "\xe2\x80\x94\xe2\x82\xac',nil]");

	assert_string_equal(o->message, "x?y?z???? \xc3\xa9\xe2\x80\x94"
	                                "\xe2\x82\xac");
}

/* DESIGN 4.3, 7: that call fails, not the link. */
static void
an_answer_that_does_not_parse_fails_its_call(void **state)
{
	struct answered *a = *state;
	struct outcome *o = answer(a, "[2,1,0,false,[]] =c1=");

	assert_int_equal(o->count, 1);
	assert_int_not_equal(o->code, WALDO_OK);
	assert_int_equal(o->fate, WALDO_EXECUTED);
	assert_true(peer_send(&a->peer, "![6,1]"));
	assert_string_equal(peer_await(&a->peer, "![7,"), "![7,1]");
}

static void
an_error_that_does_not_parse_is_still_one(void **state)
{
	static const char *const errors[] = {"7",
	                                     "[]",
	                                     "['x','y','z',nil]",
	                                     "[1000]",
	                                     "[-1,'a','b',nil]",
	                                     "[1000,nil,nil,nil]",
	                                     "=c1="};
	struct answered *a = *state;
	int id = 1;

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		struct outcome *o = call(a);
		char frame[100];

		assert_string_not_equal(peer_await(&a->peer, "[1,"), "");
		(void) snprintf(frame, sizeof(frame), "[2,%d,1,false,[]] %s",
		                id, errors[i]);
		assert_true(peer_send(&a->peer, frame));
		(void) memory_settle();
		assert_int_equal(o->count, 1);
		assert_int_not_equal(o->code, WALDO_OK);
		assert_int_equal(o->fate, WALDO_EXECUTED);
		assert_string_not_equal(o->kind, "");
		id += 2;
	}
	assert_false(peer_is_closed(&a->peer));
}

/* DESIGN 4.3, 10; promise 2. A peer may not make its caller believe that the
 * call did not run, nor that the caller's own memory ran out. */
static void
the_fate_is_never_read_from_the_wire(void **state)
{
	struct answered *a = *state;
	struct outcome *o = answer(
	    a, "[2,1,1,false,[]] [6,'waldo.Lost','the session ended',nil]");

	assert_int_equal(o->count, 1);
	assert_int_equal(o->fate, WALDO_EXECUTED);
	assert_true(o->remote);
}

static void
a_status_that_is_not_known_is_a_protocol_error(void **state)
{
	struct answered *a = *state;
	struct outcome *o = answer(a, "[2,1,9,false,[]] 7");

	assert_string_not_equal(peer_await(&a->peer, "![10,"), "");
	assert_failed(o, WALDO_EPROTOCOL, WALDO_MAYBE_EXECUTED);
}

static void
a_kept_failure_is_a_protocol_error(void **state)
{
	struct answered *a = *state;
	struct outcome *o = answer(a, "[2,1,1,true,[]] [1000,'a','b',nil]");

	assert_string_not_equal(peer_await(&a->peer, "![10,"), "");
	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_EPROTOCOL);
}

/* P5, P6 */
static void
a_second_answer_is_a_protocol_error(void **state)
{
	struct answered *a = *state;
	struct outcome *o = answer(a, "[2,1,0,false,[]] 8");

	assert_true(peer_send(&a->peer, "[2,1,0,false,[]] 9"));
	assert_string_not_equal(peer_await(&a->peer, "![10,"), "");
	assert_int_equal(o->count, 1);
	assert_integer(o, 8);
	assert_err(waldo_ref_get_failure(a->f->gate)->code, WALDO_EPROTOCOL);
}

static void
an_answer_to_no_call_is_a_protocol_error(void **state)
{
	struct answered *a = *state;

	assert_true(peer_send(&a->peer, "[2,1,0,false,[]] 8"));
	assert_string_not_equal(peer_await(&a->peer, "![10,"), "");
	assert_int_equal(waldo_ref_get_state(a->f->gate), WALDO_BROKEN);
}

/* F3: keep=true needs exactly one DROP, which says one. */
static void
a_kept_answer_is_dropped_once(void **state)
{
	struct answered *a = *state;
	struct outcome *o = answer(a, "[2,1,0,true,[[0,-2,nil]]] <0>");

	assert_int_equal(waldo_ref_get_state(o->ref), WALDO_FAR);
	assert_string_equal(peer_await(&a->peer, "[4,1"), "[4,1,1]");
	waldo_ref_release(o->ref);
	o->ref = NULL;
	assert_string_equal(peer_await(&a->peer, "[4,"), "[4,-2,1]");
	assert_string_equal(peer_await(&a->peer, "[4,"), "");
}

/* DESIGN 4.3, 6; P6: what comes later for a settled promise is released
 * silently. */
static void
what_comes_for_an_abandoned_call_is_dropped(void **state)
{
	struct answered *a = *state;
	waldo_promise *promise = waldo_ref_invoke(a->f->gate, "add", "i", 7);
	struct outcome *o = watch_outcome(a->f, waldo_promise_retain(promise));

	assert_string_not_equal(peer_await(&a->peer, "[1,1,"), "");
	waldo_promise_cancel(promise);
	waldo_promise_release(promise);
	assert_string_equal(peer_await(&a->peer, "[5,"), "[5,1]");
	assert_int_equal(o->count, 1);
	assert_true(peer_send(
	    &a->peer, "[2,1,0,true,[[0,-2,nil],[0,-2,nil]]] [<0>,<1>]"));
	{
		bool call_dropped = false, export_dropped = false;
		const char *frame;

		while (*(frame = peer_await(&a->peer, "[4,")) != '\0') {
			call_dropped |= strstr(frame, ",1,1") != NULL;
			export_dropped |= strstr(frame, "-2,2") != NULL;
		}
		assert_true(call_dropped);
		assert_true(export_dropped);
	}
	assert_int_equal(o->count, 1);
}

/* Promise 1: both are there when the loop looks. */
static void
an_answer_that_meets_a_cancellation_is_no_second_outcome(void **state)
{
	struct answered *a = *state;
	waldo_promise *promise = waldo_ref_invoke(a->f->gate, "add", "i", 7);
	struct outcome *o = watch_outcome(a->f, waldo_promise_retain(promise));

	assert_string_not_equal(peer_await(&a->peer, "[1,1,"), "");
	assert_true(peer_send(&a->peer, "[2,1,0,false,[]] 8"));
	waldo_promise_cancel(promise);
	assert_int_equal(o->count, 0);
	(void) memory_settle();
	assert_failed(o, WALDO_ECANCELLED, WALDO_MAYBE_EXECUTED);
	waldo_promise_release(promise);
}

/* P26, P29: whoever waits for a delivery asks for it, behind the call, and the
 * ACK that comes with the answer settles it; a second's silence is not needed.
 */
static void
a_one_way_call_asks_for_its_acknowledgement(void **state)
{
	struct answered *a = *state;
	const waldo_options options = {.size = sizeof(options),
	                               .flags = WALDO_ONE_WAY};
	struct outcome *o = watch_outcome(
	    a->f,
	    waldo_request_send(waldo_request_new(a->f->gate, "add", &options)));

	assert_string_not_equal(peer_await(&a->peer, "[1,nil,"), "");
	assert_string_not_equal(peer_await(&a->peer, "![6,"), "");
	assert_int_equal(o->count, 0);
	assert_true(peer_send(&a->peer, "![5,1]"));
	(void) memory_settle();
	assert_int_equal(o->count, 1);
	assert_ok(o->code);
}

/* P7 */
static void
an_abort_says_which_calls_never_ran(void **state)
{
	struct answered *a = *state;
	struct outcome *first = call(a), *second = call(a);

	assert_string_not_equal(peer_await(&a->peer, "[1,3,"), "");
	assert_true(peer_send(&a->peer, "![10,3,'full',1]"));
	(void) memory_settle();
	assert_int_equal(first->count + second->count, 2);
	assert_int_equal(first->fate, WALDO_MAYBE_EXECUTED);
	assert_int_equal(second->fate, WALDO_NOT_SENT);
	assert_non_null(strstr(first->message, "full"));
}

static void
a_peer_that_closes_leaves_the_fate_open(void **state)
{
	struct answered *a = *state;
	struct outcome *o = call(a);

	assert_string_not_equal(peer_await(&a->peer, "[1,1,"), "");
	memory_raw_free(a->peer.raw);
	a->peer.raw = NULL;
	(void) memory_settle();
	assert_failed(o, WALDO_ELOST, WALDO_MAYBE_EXECUTED);
	assert_false(o->remote);
}

static void
a_peer_that_speaks_something_else_is_told_apart(void **state)
{
	struct fixture *f = ((struct answered *) *state)->f;
	struct peer other = {0};
	waldo_ref *ref = NULL;
	struct outcome *o;

	assert_true(peer_listen(&other, "http"));
	assert_ok(waldo_connect(f->client, "waldo+inproc:http/x", &ref));
	o = watch_outcome(f, waldo_ref_invoke(ref, "add", "i", 1));
	(void) memory_settle();
	assert_true(
	    peer_send_bytes(&other, "HTTP/1.1 400 Bad Request\r\n\r\n", 28));
	(void) memory_settle();
	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_ECONNECT);
	waldo_ref_release(ref);
	peer_fini(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    failure_test(an_answer_is_a_result),
	    failure_test(an_error_has_the_callees_number),
	    failure_test(what_an_error_says_is_escaped),
	    failure_test(what_an_error_says_cannot_be_turned_around),
	    failure_test(an_answer_that_does_not_parse_fails_its_call),
	    failure_test(an_error_that_does_not_parse_is_still_one),
	    failure_test(the_fate_is_never_read_from_the_wire),
	    failure_test(a_status_that_is_not_known_is_a_protocol_error),
	    failure_test(a_kept_failure_is_a_protocol_error),
	    failure_test(a_second_answer_is_a_protocol_error),
	    failure_test(an_answer_to_no_call_is_a_protocol_error),
	    failure_test(a_kept_answer_is_dropped_once),
	    failure_test(what_comes_for_an_abandoned_call_is_dropped),
	    failure_test(
	        an_answer_that_meets_a_cancellation_is_no_second_outcome),
	    failure_test(a_one_way_call_asks_for_its_acknowledgement),
	    failure_test(an_abort_says_which_calls_never_ran),
	    failure_test(a_peer_that_closes_leaves_the_fate_open),
	    failure_test(a_peer_that_speaks_something_else_is_told_apart),
	};

	return cmocka_run_group_tests_name("failure", tests, NULL, NULL);
}
