/* SPDX-License-Identifier: MIT */
/* The slots that flushes have apart from calls, and what waits for one
 * (PROTOCOL.md P34, P16, F47). */
#include "tests/unit/settle_fixture.h"

#include <stdio.h>

enum { SLOTS = 16 }; /* the floor of open_calls */

/* `count` promises of the peer's, -1, -3, ..., each with a call on its way; and
 * all become the gate. */
static void
settle_many(struct session *s, int count)
{
	char frame[64];

	for (int i = 0; i < count; i++) {
		waldo_ref *ref;

		(void) snprintf(frame, sizeof(frame), "[1,%d]", -1 - 2 * i);
		ref = give(s, frame);
		assert_ok(waldo_ref_notify(ref, "order", "i", 0));
		assert_begins(peer_receive(&s->peer), "[1,nil,-");
	}
	for (int i = 0; i < count; i++) {
		(void) snprintf(frame, sizeof(frame), "[3,%d,[2,-2]]",
		                -1 - 2 * i);
		send(s, frame);
	}
}

/* The flushes of the first of them, which take all slots. */
static void
take_flushes(struct session *s, struct flush *flushes)
{
	for (int i = 0; i < SLOTS; i++) {
		char target[20];

		(void) snprintf(target, sizeof(target), "%d", -1 - 2 * i);
		flushes[i] = take_flush(s, target);
	}
}

/* ---- flushes of ours */

/* P34: they are counted apart. */
static void
flushes_need_no_slots_of_calls(void **state)
{
	struct session *s = session_of(state);
	struct outcome *calls[SLOTS];
	struct flush flushes[SLOTS];
	waldo_ref *theirs;

	begin(s);
	theirs = give(s, "[0,-101,nil]");
	for (int i = 0; i < SLOTS; i++) {
		calls[i] =
		    watch_outcome(s->f, waldo_ref_invoke(theirs, "m", ""));
		assert_begins(peer_receive(&s->peer), "[1,");
	}
	assert_failed(outcome_of(s->f, waldo_ref_invoke(theirs, "m", "")),
	              WALDO_ELIMIT, WALDO_NOT_SENT);
	settle_many(s, SLOTS);
	take_flushes(s, flushes);
	for (int i = 0; i < SLOTS; i++) {
		assert_int_equal(calls[i]->count, 0);
	}
}

static void
a_flush_without_a_slot_waits(void **state)
{
	struct session *s = session_of(state);
	struct flush flushes[SLOTS];
	struct service *service = s->f->service;

	begin(s);
	settle_many(s, SLOTS + 2);
	take_flushes(s, flushes);
	assert_string_equal(peer_receive(&s->peer), "");
	assert_ok(waldo_ref_notify(service->stored[SLOTS], "order", "i", 2));
	assert_ok(waldo_ref_notify(service->stored[0], "order", "i", 1));
	(void) memory_settle();
	assert_order(service, 0);
	/* One is answered, so the next goes. */
	answer(s, &flushes[0]);
	assert_order(service, 1);
	flushes[0] = take_flush(s, "-33");
	answer(s, &flushes[1]);
	flushes[1] = take_flush(s, "-35");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_order(service, 1);
	answer(s, &flushes[0]);
	assert_order(service, 2);
}

/* F47, F25: until it has left, so waits the DROP of what it names, and the call
 * counts. */
static void
the_drop_of_a_result_waits_for_its_flush(void **state)
{
	struct session *s = session_of(state);
	struct flush flushes[SLOTS], last;
	waldo_ref *theirs;
	waldo_promise *call;

	begin(s);
	settle_many(s, SLOTS);
	take_flushes(s, flushes);
	theirs = give(s, "[0,-101,nil]");
	call = waldo_ref_invoke(theirs, "m", "");
	assert_ok(
	    waldo_ref_notify(waldo_promise_get_ref(call), "order", "i", 0));
	assert_int_equal(flushes[SLOTS - 1].id, 32);
	assert_begins(peer_receive(&s->peer), "[1,34,-101,[2,'m']");
	assert_begins(peer_receive(&s->peer), "[1,nil,34,1,");
	send(s, "[2,34,0,true,[[2,-2]]] <0>");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_ok(
	    waldo_ref_notify(waldo_promise_get_ref(call), "order", "i", 1));
	(void) memory_settle();
	answer(s, &flushes[3]);
	last = take_flush(s, "34");
	assert_string_equal(peer_receive(&s->peer), "[4,34,1]");
	assert_order(s->f->service, 0);
	answer(s, &last);
	assert_order(s->f->service, 1);
	waldo_promise_release(call);
}

/* It is behind all that was sent before, and that is all it need be: what the
 * others wait for may be one of these calls (P16). */
static void
no_call_waits_for_a_flush_that_waits(void **state)
{
	struct session *s = session_of(state);
	struct flush flushes[SLOTS];
	waldo_ref *theirs;

	begin(s);
	settle_many(s, SLOTS + 1);
	take_flushes(s, flushes);
	theirs = give(s, "[0,-101,nil]");
	assert_ok(waldo_ref_notify(theirs, "order", "i", 1));
	assert_string_equal(peer_receive(&s->peer), "[1,nil,-101,1,[],{}] [1]");
	assert_string_equal(peer_receive(&s->peer), "");
	answer(s, &flushes[0]);
	(void) take_flush(s, "-33");
}

/* Those of a program are calls: over the limit they say so. */
static void
a_flush_of_a_program_without_a_slot_fails(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref;
	struct outcome *o = NULL;

	begin(s);
	ref = give(s, "[1,-1]");
	for (int i = 0; i <= SLOTS; i++) {
		o = watch_outcome(s->f,
		                  waldo_ref_invoke(ref, ".flush", "i", i));
	}
	(void) memory_settle();
	assert_failed(o, WALDO_ELIMIT, WALDO_NOT_SENT);
	assert_non_null(strstr(o->message, "open_calls"));
	assert_ok(waldo_ref_notify(ref, "order", "i", 1));
	assert_begins(peer_await(&s->peer, "[1,nil,"), "[1,nil,-1,");
}

/* A session that ends lets go of flushes that wait, and of what they hold. */
static void
a_flush_that_waits_fails_with_its_session(void **state)
{
	struct session *s = session_of(state);
	struct outcome *o;

	begin(s);
	settle_many(s, SLOTS + 1);
	(void) memory_settle();
	o = watch_outcome(s->f, waldo_ref_invoke(s->f->service->stored[SLOTS],
	                                         "order", "i", 7));
	peer_fini(&s->peer);
	(void) memory_settle();
	assert_failed(o, WALDO_ELOST, WALDO_NOT_SENT);
	assert_order(s->f->service, 0);
}

/* P34: one that is passed on does not, since it may be on a circle, whose every
 * slot it has. */
static void
a_flush_that_is_passed_on_fails_without_a_slot(void **state)
{
	struct session *s = session_of(state);
	struct flush flush = {.token = "x'00112233445566778899aabbccddeeff'"};
	struct flush flushes[SLOTS];
	char frame[64], target[20];
	const char *said;
	int echo, id;

	begin(s);
	settle_many(s, SLOTS);
	take_flushes(s, flushes);
	echo = next_call;
	next_call += 2;
	(void) snprintf(frame, sizeof(frame),
	                "[1,%d,-2,'echo',[[0,-101,nil]],{}] [<0>]", echo);
	send(s, frame);
	assert_non_null(strstr(peer_receive(&s->peer), "[[2,-101]]"));
	(void) snprintf(target, sizeof(target), "%d", echo);
	id = forward(s, &flush, target);
	(void) snprintf(frame, sizeof(frame), "[2,%d,1,false,[]] [3,", id);
	said = peer_receive(&s->peer);
	assert_begins(said, frame);
	assert_non_null(strstr(said, "flushes"));
	assert_alive(s, 1);
}

/* P38: it waits for the peer's window, too, but in front of all calls; and the
 * DROP of what it names behind it. */
static void
a_flush_waits_for_the_window_before_all_calls(void **state)
{
	enum { BIG = 64000 };
	static const uint8_t big[BIG];
	struct session *s = session_of(state);
	waldo_ref *theirs;
	waldo_promise *call;
	const char *frame;
	int waiting = 0;

	begin(s);
	theirs = give(s, "[0,-1,nil]");
	call = waldo_ref_invoke(theirs, "m", "");
	assert_ok(
	    waldo_ref_notify(waldo_promise_get_ref(call), "order", "i", 1));
	assert_begins(peer_await(&s->peer, "[1,nil,2,"), "[1,nil,2,");
	assert_ok(waldo_ref_notify(theirs, "n", "y", big, (size_t) BIG));
	do {
		frame = peer_receive(&s->peer);
		assert_ok(waldo_ref_notify(theirs, "w", "i", ++waiting));
	} while (*frame != '\0');
	send(s, "[2,2,0,true,[[2,-2]]] <0>");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_ok(
	    waldo_ref_notify(waldo_promise_get_ref(call), "order", "i", 2));
	assert_string_equal(peer_receive(&s->peer), "");
	send(s, "[6,0,131072]");
	(void) take_flush(s, "2");
	assert_string_equal(peer_receive(&s->peer), "[4,2,1]");
	assert_begins(peer_receive(&s->peer), "[1,nil,-1,");
	send(s, "[1,nil,-2,'order',[],{5:1}] [1]", "[2,4,0,false,[]] nil");
	(void) memory_settle();
	assert_order(s->f->service, 2);
	waldo_promise_release(call);
}

/* ---- flushes of the peer's */

/* The other side of it: a peer may have so many flushes, and not one more. */
static void
a_peer_may_have_as_many_flushes_as_calls(void **state)
{
	static const waldo_limits limits = {.size = sizeof(limits),
	                                    .open_calls = SLOTS};
	struct session *s = session_of(state);
	char frame[64];

	reopen(s, &limits);
	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []");
	for (int i = 1; i < 2 * SLOTS; i++) {
		(void) snprintf(frame, sizeof(frame), "[1,%d,3,%s,[],{}] [1]",
		                3 + 2 * i, i < SLOTS ? "'add'" : "0");
		send(s, frame);
	}
	assert_alive(s, 1);
	send(s, "[1,67,3,0,[],{}] [1]");
	assert_protocol_error(s, "open_calls");
}

/* Until its RETURN. Else those who wait for a slot, to drop what it returned,
 * might wait for each other. */
static void
a_flush_that_is_kept_leaves_its_slot(void **state)
{
	static const waldo_limits limits = {.size = sizeof(limits),
	                                    .open_calls = SLOTS};
	struct session *s = session_of(state);
	char frame[64];
	int id = 3;

	reopen(s, &limits);
	fetch(s);
	for (int i = 0; i < 2 * SLOTS; i++, id += 2) {
		(void) snprintf(frame, sizeof(frame),
		                "[1,%d,-2,0,[[2,-2]],{}] [<0>]", id);
		send(s, frame);
		assert_non_null(strstr(peer_receive(&s->peer), ",0,true,"));
	}
	/* But there is an end to them. */
	(void) snprintf(frame, sizeof(frame), "[1,%d,-2,0,[],{}] [1]", id);
	send(s, frame);
	assert_protocol_error(s, "open_calls");
}

/* For its caller it is a call as soon as the RETURN is there; but a call may
 * be on its way by then. */
static void
a_flush_that_is_kept_takes_no_slot_of_calls(void **state)
{
	static const waldo_limits limits = {.size = sizeof(limits),
	                                    .open_calls = SLOTS};
	struct session *s = session_of(state);
	struct service *service;
	char frame[64];

	reopen(s, &limits);
	service = s->f->service;
	fetch(s);
	for (int i = 0; i < SLOTS; i++) {
		(void) snprintf(frame, sizeof(frame),
		                "[1,%d,-2,'hold',[],{}] []", 3 + 2 * i);
		send(s, frame);
	}
	send(s, "[1,35,3,0,[[2,-2]],{}] [<0>]");
	(void) memory_settle();
	assert_int_equal(service->held_count, SLOTS);
	waldo_call_reply(service->held[--service->held_count], "");
	assert_begins(peer_receive(&s->peer), "[2,33,0,false,");
	service_answer_ref(service, s->f->service_ref);
	(void) memory_settle();
	/* It was sent before these two had come. */
	send(s, "[1,37,-2,'add',[],{}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,3,0,true,");
	assert_begins(peer_receive(&s->peer), "[2,35,0,true,");
	assert_begins(peer_receive(&s->peer), "[2,37,0,false,");
	send(s, "[4,35,1]", "[1,39,-2,'add',[],{}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,39,0,false,");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(flushes_need_no_slots_of_calls),
	    session_test(a_flush_without_a_slot_waits),
	    session_test(the_drop_of_a_result_waits_for_its_flush),
	    session_test(no_call_waits_for_a_flush_that_waits),
	    session_test(a_flush_of_a_program_without_a_slot_fails),
	    session_test(a_flush_that_waits_fails_with_its_session),
	    session_test(a_flush_that_is_passed_on_fails_without_a_slot),
	    session_test(a_flush_waits_for_the_window_before_all_calls),
	    session_test(a_peer_may_have_as_many_flushes_as_calls),
	    session_test(a_flush_that_is_kept_leaves_its_slot),
	    session_test(a_flush_that_is_kept_takes_no_slot_of_calls),
	};

	return cmocka_run_group_tests_name("flush_slots", tests, NULL, NULL);
}
