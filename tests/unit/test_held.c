/* SPDX-License-Identifier: MIT */
/* What is held while a flush is on its way, and what becomes of it
 * (PROTOCOL.md "Settling", P8, P11, P13, P38). */
#include "tests/unit/settle_fixture.h"

#include <stdio.h>

/* ---- how it ends */

/* P11: whatever comes back in the flush's place fails what it held, NOT_SENT;
 * then order starts anew. */
static void
a_flush_that_fails_fails_what_it_held(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct outcome *o, *after;
	struct flush flush;
	char frame[100];

	send(s, "[3,-1,[2,-2]]");
	flush = take_flush(s, "-1");
	o = watch_outcome(s->f, waldo_ref_invoke(ref, "order", "i", 7));
	assert_ok(waldo_ref_notify(ref, "order", "i", 8));
	(void) snprintf(frame, sizeof(frame),
	                "[2,%d,1,false,[]] [3,'waldo.Limit','hops',nil]",
	                flush.id);
	send(s, frame);
	(void) memory_settle();
	assert_failed(o, WALDO_ELIMIT, WALDO_NOT_SENT);
	assert_order(s->f->service, 0);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_NEAR);
	after = watch_outcome(s->f, waldo_ref_invoke(ref, "order", "i", 1));
	(void) memory_settle();
	assert_integer(after, 1);
	assert_order(s->f->service, 1);
}

static void
a_session_that_ends_fails_what_its_flush_held(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct outcome *o;

	send(s, "[3,-1,[2,-2]]");
	(void) take_flush(s, "-1");
	o = watch_outcome(s->f, waldo_ref_invoke(ref, "order", "i", 7));
	(void) memory_settle();
	peer_fini(&s->peer);
	(void) memory_settle();
	assert_failed(o, WALDO_ELOST, WALDO_NOT_SENT);
	assert_ok(waldo_ref_notify(ref, "order", "i", 1));
	(void) memory_settle();
	assert_order(s->f->service, 1);
}

/* P13: a held call has not begun. */
static void
a_held_call_can_be_cancelled(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	waldo_promise *call;
	struct outcome *o, *late;
	struct flush flush;
	static const waldo_options options = {.size = sizeof(options),
	                                      .timeout_ms = 50};

	send(s, "[3,-1,[2,-2]]");
	flush = take_flush(s, "-1");
	call = waldo_ref_invoke(ref, "order", "i", 7);
	o = watch_outcome(s->f, waldo_promise_retain(call));
	late = watch_outcome(s->f, waldo_request_send(waldo_request_new(
	                               ref, "order", &options)));
	waldo_promise_cancel(call);
	memory_advance(60 * 1000);
	assert_failed(o, WALDO_ECANCELLED, WALDO_NOT_SENT);
	assert_failed(late, WALDO_EDEADLINE, WALDO_NOT_SENT);
	assert_ok(waldo_ref_notify(ref, "order", "i", 1));
	answer(s, &flush);
	assert_order(s->f->service, 1);
	waldo_promise_release(call);
}

/* A call of the peer's that comes for what is held counts as parked. */
static void
calls_of_peers_are_held_too(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct flush flush;

	send(s, "[3,-1,[2,-2]]");
	flush = take_flush(s, "-1");
	s->f->service->kept = waldo_ref_retain(ref);
	send(s, "[1,5,-2,'kept',[],{}] []");
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,5,0,true,[[1,-4]]] <0>");
	send(s, "[1,7,-4,'order',[],{}] [2]", "[1,nil,-4,'order',[],{}] [3]");
	assert_string_equal(peer_receive(&s->peer), "");
	send(s, "[1,nil,-2,'order',[],{5:1}] [1]");
	answer(s, &flush);
	assert_string_equal(peer_await(&s->peer, "[2,7,"),
	                    "[2,7,0,false,[]] 2");
	assert_order(s->f->service, 3);
}

static struct outcome *
mark(struct session *s, waldo_ref *ref)
{
	static const waldo_options one_way = {.size = sizeof(one_way),
	                                      .flags = WALDO_ONE_WAY};
	waldo_request *request = waldo_request_new(ref, "mark", &one_way);

	waldo_putf(waldo_request_get_args(request), "i", 1);
	return watch_outcome(s->f, waldo_request_send(request));
}

/* waldo/promise.h: once the peer has it, and not before. */
static void
a_one_way_call_that_is_held_has_not_arrived(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct outcome *o, *lost;
	struct flush flush;

	send(s, "[3,-1,[2,-2]]");
	flush = take_flush(s, "-1");
	o = mark(s, ref);
	(void) memory_settle();
	assert_int_equal(o->count, 0);
	answer(s, &flush);
	assert_ok(o->code);
	assert_int_equal(o->count, 1);
	assert_order(s->f->service, 1);

	send(s, "[1,5,-2,'store',[[1,-3]],{}] [<0>]");
	assert_begins(peer_receive(&s->peer), "[2,5,0,");
	ref = s->f->service->stored[1];
	assert_ok(waldo_ref_notify(ref, "m", ""));
	assert_begins(peer_receive(&s->peer), "[1,nil,-3,");
	send(s, "[3,-3,[2,-2]]");
	(void) take_flush(s, "-3");
	lost = mark(s, ref);
	peer_fini(&s->peer);
	(void) memory_settle();
	assert_failed(lost, WALDO_ELOST, WALDO_NOT_SENT);
	assert_order(s->f->service, 1);
}

/* ---- what is held goes on to another node */

/* Another peer, whose bootstrap object the node holds. */
struct third {
	struct peer peer;
	waldo_ref *ref;
};

static void
connect_third(struct session *s, struct third *third)
{
	memset(third, 0, sizeof(*third));
	assert_true(peer_listen(&third->peer, "third"));
	assert_ok(
	    waldo_connect(s->f->server, "waldo+inproc:third/", &third->ref));
	(void) memory_settle();
	assert_true(peer_send(&third->peer, PEER_HELLO));
	assert_begins(peer_receive(&third->peer), "![0,");
}

/* The peer's promise, -1, becomes what the node has from a third; the flush. */
static struct flush
settle_to_third(struct session *s, struct third *third)
{
	connect_third(s, third);
	s->f->service->kept = waldo_ref_retain(third->ref);
	send(s, "[1,5,-2,'kept',[],{}] []");
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,5,0,true,[[0,-4,nil]]] <0>");
	send(s, "[3,-1,[2,-4]]");
	return take_flush(s, "-1");
}

static void
close_third(struct third *third)
{
	waldo_ref_release(third->ref);
	peer_fini(&third->peer);
}

/* "yours" may be what a third node has. */
static void
what_is_held_goes_on_to_a_third_node(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct outcome *o;
	struct third third;
	struct flush flush;

	flush = settle_to_third(s, &third);
	o = watch_outcome(s->f, waldo_ref_invoke(ref, "order", "i", 2));
	assert_string_equal(peer_receive(&third.peer), "");
	answer(s, &flush);
	assert_begins(peer_receive(&third.peer), "[1,1,0,[1,'order'],[],{");
	assert_int_equal(waldo_ref_get_state(ref), WALDO_FAR);
	assert_true(peer_send(&third.peer, "[2,1,0,false,[]] 2"));
	(void) memory_settle();
	assert_integer(o, 2);
	close_third(&third);
}

static void
a_one_way_call_that_was_held_arrives_at_a_third_node(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct outcome *o;
	struct third third;
	struct flush flush;

	flush = settle_to_third(s, &third);
	o = mark(s, ref);
	answer(s, &flush);
	assert_begins(peer_receive(&third.peer), "[1,nil,0,[1,'mark'],[],{");
	assert_int_equal(o->count, 0);
	assert_true(peer_send(&third.peer, "![5,1]"));
	(void) memory_settle();
	assert_ok(o->code);
	assert_int_equal(o->count, 1);
	close_third(&third);
}

/* P7: a call of this node's own is passed on, not answered, when it has been
 * held: if it is lost there, it is MAYBE_EXECUTED, as any. */
static void
a_call_that_was_held_has_the_fate_of_what_became_of_it(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct outcome *lost, *refused;
	struct third third;
	struct flush flush;

	flush = settle_to_third(s, &third);
	refused = watch_outcome(s->f, waldo_ref_invoke(ref, "a", ""));
	lost = watch_outcome(s->f, waldo_ref_invoke(ref, "b", ""));
	answer(s, &flush);
	assert_begins(peer_receive(&third.peer), "[1,1,0,[1,'a'],");
	assert_begins(peer_receive(&third.peer), "[1,3,0,[2,'b'],");
	assert_true(
	    peer_send(&third.peer, "[2,1,1,false,[]] [1001,'a.B','c',nil]"));
	(void) memory_settle();
	assert_failed(refused, WALDO_EREMOTE, WALDO_EXECUTED);
	peer_fini(&third.peer);
	(void) memory_settle();
	assert_failed(lost, WALDO_ELOST, WALDO_MAYBE_EXECUTED);
	close_third(&third);
}

/* What was to be called next is lost before the flush is back. */
static void
what_is_held_fails_with_what_it_waits_for(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct outcome *o;
	struct third third;
	struct flush flush;

	flush = settle_to_third(s, &third);
	o = watch_outcome(s->f, waldo_ref_invoke(ref, "order", "i", 2));
	peer_fini(&third.peer);
	(void) memory_settle();
	answer(s, &flush);
	assert_failed(o, WALDO_ELOST, WALDO_NOT_SENT);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	close_third(&third);
}

/* ---- calls that waited for the window before (P38) */

/* What was made on the very reference, and was never sent, is held with it;
 * the others keep their order. */
static void
calls_that_wait_go_by_the_new_path(void **state)
{
	enum { LARGE = 60000, MORE = 10000 };
	static const uint8_t data[LARGE];
	struct session *s = session_of(state);
	waldo_ref *theirs, *late;

	begin(s);
	theirs = give(s, "[0,-101,nil]");
	late = give(s, "[1,-103]");
	assert_ok(waldo_ref_notify(theirs, "m", "y", data, (size_t) LARGE));
	assert_begins(peer_receive(&s->peer), "[1,nil,-101,[1,'m']");
	/* The window is 64 KiB. */
	assert_ok(waldo_ref_notify(theirs, "m", "y", data, (size_t) MORE));
	assert_ok(waldo_ref_notify(late, "order", "i", 1));
	assert_ok(waldo_ref_notify(theirs, "order", "i", 2));
	assert_string_equal(peer_receive(&s->peer), "");
	send(s, "[3,-103,[2,-2]]");
	(void) memory_settle();
	assert_order(s->f->service, 1);
	send(s, "[6,0,200000]");
	assert_begins(peer_receive(&s->peer), "[1,nil,-101,1,[],{}]");
	assert_string_equal(peer_receive(&s->peer),
	                    "[1,nil,-101,[2,'order'],[],{}] [2]");
	assert_string_equal(peer_receive(&s->peer), "");
}

/* P8: those that wait stand before those that are made while it is held. */
static void
calls_that_wait_are_held_with_their_reference(void **state)
{
	enum { LARGE = 60000, MORE = 10000 };
	static const uint8_t data[LARGE];
	struct session *s = session_of(state);
	waldo_ref *theirs, *late;
	struct flush flush;

	begin(s);
	theirs = give(s, "[0,-101,nil]");
	late = give(s, "[1,-103]");
	assert_ok(waldo_ref_notify(late, "order", "i", 1));
	assert_begins(peer_receive(&s->peer), "[1,nil,-103,");
	assert_ok(waldo_ref_notify(theirs, "m", "y", data, (size_t) LARGE));
	assert_begins(peer_receive(&s->peer), "[1,nil,-101,");
	assert_ok(waldo_ref_notify(theirs, "m", "y", data, (size_t) MORE));
	assert_ok(waldo_ref_notify(late, "order", "i", 2));
	send(s, "[3,-103,[2,-2]]");
	flush = take_flush(s, "-103");
	assert_ok(waldo_ref_notify(late, "order", "i", 3));
	assert_order(s->f->service, 0);
	send(s, "[1,nil,-2,'order',[],{5:1}] [1]");
	answer(s, &flush);
	assert_order(s->f->service, 3);
	send(s, "[6,0,200000]");
	assert_begins(peer_receive(&s->peer), "[1,nil,-101,");
	assert_string_equal(peer_receive(&s->peer), "");
}

static waldo_promise *doomed;

static void
cancel_doomed(void *self)
{
	(void) self;
	waldo_promise_cancel(doomed);
}

static const waldo_method no_methods[] = {{NULL, NULL, NULL, 0}};
static const waldo_class canceller_class = {WALDO_CLASS_SIZES, "Canceller",
                                            no_methods, cancel_doomed, NULL};

/* Of two calls that wait, the first finds no room where it is to be held; with
 * it goes an object whose end cancels the second. */
static void
a_call_that_finds_no_room_may_take_the_next_along(void **state)
{
	enum { BIG = 60000, SMALL = 10000 };
	static const uint8_t big[BIG];
	static const waldo_limits limits = {.size = sizeof(limits),
	                                    .message_bytes = 65536,
	                                    .queued_bytes = 65536,
	                                    .retained_bytes = 65536};
	struct session *s = session_of(state);
	struct outcome *first, *second;
	waldo_ref *theirs, *late, *object = NULL;
	waldo_promise *held, *parked;

	reopen(s, &limits);
	begin(s);
	theirs = give(s, "[0,-101,nil]");
	late = give(s, "[1,-103]");
	/* Now the window has no room. */
	assert_ok(waldo_ref_notify(theirs, "m", "y", big, (size_t) BIG));
	assert_begins(peer_receive(&s->peer), "[1,nil,-101,");
	held = waldo_ref_invoke(s->f->service_ref, "hold", "");
	(void) memory_settle();
	parked = waldo_ref_invoke(waldo_promise_get_ref(held), "m", "y", big,
	                          (size_t) BIG);
	assert_ok(waldo_object_new(s->f->third, &canceller_class, s, &object));
	first = watch_outcome(s->f, waldo_ref_invoke(late, "m", "ry", object,
	                                             big, (size_t) SMALL));
	waldo_ref_release(object);
	doomed = waldo_ref_invoke(late, "order", "i", 1);
	second = watch_outcome(s->f, waldo_promise_retain(doomed));
	assert_string_equal(peer_receive(&s->peer), "");
	send(s, "[3,-103,[2,-2]]");
	(void) memory_settle();
	assert_failed(first, WALDO_ELIMIT, WALDO_NOT_SENT);
	assert_non_null(strstr(first->message, "queued_bytes"));
	assert_failed(second, WALDO_ECANCELLED, WALDO_NOT_SENT);
	assert_order(s->f->service, 0);
	waldo_promise_release(doomed);
	waldo_promise_release(held);
	waldo_promise_release(parked);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(a_flush_that_fails_fails_what_it_held),
	    session_test(a_session_that_ends_fails_what_its_flush_held),
	    session_test(a_held_call_can_be_cancelled),
	    session_test(calls_of_peers_are_held_too),
	    session_test(a_one_way_call_that_is_held_has_not_arrived),
	    session_test(what_is_held_goes_on_to_a_third_node),
	    session_test(a_one_way_call_that_was_held_arrives_at_a_third_node),
	    session_test(
	        a_call_that_was_held_has_the_fate_of_what_became_of_it),
	    session_test(what_is_held_fails_with_what_it_waits_for),
	    session_test(calls_that_wait_go_by_the_new_path),
	    session_test(calls_that_wait_are_held_with_their_reference),
	    session_test(a_call_that_finds_no_room_may_take_the_next_along),
	};

	return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
