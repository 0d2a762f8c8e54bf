/* SPDX-License-Identifier: MIT */
/* References whose path changes when they settle: when there is a flush, where
 * it goes, and whose token lifts what is held (PROTOCOL.md "Settling", P10 to
 * P12, F25, F26). What is held has a suite of its own, and so have the slots of
 * flushes. */
#include "tests/unit/settle_fixture.h"

#include <stdio.h>

/* ---- when there is a flush (P10) */

static void
what_was_called_on_is_held_until_the_flush_is_back(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct flush flush;

	send(s, "[3,-1,[2,-2]]");
	flush = take_flush(s, "-1");
	assert_int_equal(waldo_ref_get_state(ref), WALDO_PENDING);
	assert_ok(waldo_ref_notify(ref, "order", "i", 2));
	assert_ok(waldo_ref_notify(ref, "order", "i", 3));
	assert_string_equal(peer_receive(&s->peer), "");
	assert_order(s->f->service, 0);
	/* The first call is on its way back. */
	send(s, "[1,nil,-2,'order',[],{5:1}] [1]");
	(void) memory_settle();
	assert_order(s->f->service, 1);
	answer(s, &flush);
	assert_order(s->f->service, 3);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_NEAR);
	assert_ok(waldo_ref_notify(ref, "order", "i", 4));
	assert_string_equal(peer_receive(&s->peer), "");
	assert_order(s->f->service, 4);
}

static void
what_was_not_called_on_needs_no_flush(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref;

	begin(s);
	ref = give(s, "[1,-1]");
	send(s, "[3,-1,[2,-2]]");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(waldo_ref_get_state(ref), WALDO_NEAR);
	assert_ok(waldo_ref_notify(ref, "order", "i", 1));
	(void) memory_settle();
	assert_order(s->f->service, 1);
}

/* The place of a result goes over the call's id, and the DROP of that id
 * behind it (F47). */
static void
the_flush_of_a_result_goes_before_its_drop(void **state)
{
	struct session *s = session_of(state);
	waldo_promise *call;
	struct flush flush;

	begin(s);
	call = waldo_ref_invoke(give(s, "[0,-1,nil]"), "m", "");
	assert_ok(
	    waldo_ref_notify(waldo_promise_get_ref(call), "order", "i", 1));
	assert_begins(peer_receive(&s->peer), "[1,2,-1,[1,'m']");
	assert_begins(peer_receive(&s->peer), "[1,nil,2,[2,'order']");
	send(s, "[2,2,0,true,[[2,-2]]] <0>");
	flush = take_flush(s, "2");
	assert_string_equal(peer_receive(&s->peer), "[4,2,1]");
	assert_ok(
	    waldo_ref_notify(waldo_promise_get_ref(call), "order", "i", 2));
	send(s, "[1,nil,-2,'order',[],{5:1}] [1]");
	answer(s, &flush);
	assert_order(s->f->service, 2);
	waldo_promise_release(call);
}

/* Each place that was called on has a path of its own. */
static void
the_flush_of_a_place_names_its_path(void **state)
{
	struct session *s = session_of(state);
	struct flush b, c;
	waldo_promise *call;

	begin(s);
	call = waldo_ref_invoke(give(s, "[0,-1,nil]"), "m", "");
	assert_ok(waldo_ref_notify(waldo_promise_get_ref_at(call, "a/b"),
	                           "order", "i", 1));
	assert_non_null(waldo_promise_get_ref_at(call, "a/unused"));
	assert_ok(waldo_ref_notify(waldo_promise_get_ref_at(call, "a/c/7"),
	                           "order", "i", 1));
	assert_ok(waldo_ref_notify(waldo_promise_get_ref_at(call, "a/theirs"),
	                           "order", "i", 1));
	assert_begins(peer_await(&s->peer, "[1,nil,[2,'a','theirs']"), "[1,");
	send(s, "[2,2,0,true,[[2,-2],[0,-3,nil]]] "
	        "{'a':{'b':<0>,'unused':<0>,'c':[0,1,2,3,4,5,6,<0>],"
	        "'theirs':<1>}}");
	c = take_flush(s, "[2,'a','c',7]");
	b = take_flush(s, "[2,'a','b']");
	assert_int_not_equal(b.id, c.id);
	assert_string_not_equal(b.token, c.token);
	assert_string_equal(peer_receive(&s->peer), "[4,2,1]");
	assert_int_equal(
	    waldo_ref_get_state(waldo_promise_get_ref_at(call, "a/unused")),
	    WALDO_NEAR);
	assert_int_equal(
	    waldo_ref_get_state(waldo_promise_get_ref_at(call, "a/theirs")),
	    WALDO_FAR);
	answer(s, &b);
	assert_int_equal(
	    waldo_ref_get_state(waldo_promise_get_ref_at(call, "a/b")),
	    WALDO_NEAR);
	assert_int_equal(
	    waldo_ref_get_state(waldo_promise_get_ref_at(call, "a/c/7")),
	    WALDO_PENDING);
	answer(s, &c);
	waldo_promise_release(call);
}

/* From promise to promise of the peer the path stays, and so does what was
 * called on it. */
static void
a_call_counts_though_the_promise_became_another(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct flush flush;

	send(s, "[3,-1,[1,-3]]", "[3,-3,[2,-2]]");
	flush = take_flush(s, "-3");
	assert_ok(waldo_ref_notify(ref, "order", "i", 2));
	send(s, "[1,nil,-2,'order',[],{5:1}] [1]");
	answer(s, &flush);
	assert_order(s->f->service, 2);
}

static void
what_breaks_needs_no_flush(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);

	send(s, "[3,-1,[6,[1001,'a.B','c',nil]]]");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
}

/* What has been given back breaks here, too, if it is broken by now. */
static void
a_revoked_object_needs_no_flush(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);

	waldo_object_revoke(s->f->service_ref);
	send(s, "[3,-1,[2,-2]]");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	assert_err(waldo_ref_get_failure(ref)->code, WALDO_EREVOKED);
}

static void
a_place_without_a_reference_needs_no_flush(void **state)
{
	struct session *s = session_of(state);
	waldo_promise *call;

	begin(s);
	call = waldo_ref_invoke(give(s, "[0,-1,nil]"), "m", "");
	assert_ok(
	    waldo_ref_notify(waldo_promise_get_ref(call), "order", "i", 1));
	assert_begins(peer_await(&s->peer, "[1,nil,"), "[1,");
	send(s, "[2,2,0,false,[]] 7");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(waldo_ref_get_state(waldo_promise_get_ref(call)),
	                 WALDO_BROKEN);
	waldo_promise_release(call);
}

/* ---- where it leads: "yours", "your answer" */

/* The answer that is to come: the flush waits in it, as any call. */
static void
a_promise_may_become_the_answer_to_a_call(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct flush flush;
	int id;
	char want[100];

	next_call = 7;
	send(s, "[1,5,-2,'hold',[],{}] []", "[3,-1,[3,5]]");
	flush = take_flush(s, "-1");
	assert_ok(waldo_ref_notify(ref, "order", "i", 2));
	send(s, "[1,nil,5,'order',[],{5:1}] [1]");
	id = forward(s, &flush, "5");
	assert_string_equal(peer_receive(&s->peer), "");
	service_answer_ref(s->f->service, s->f->service_ref);
	assert_begins(peer_receive(&s->peer), "[2,5,0,true,");
	(void) snprintf(want, sizeof(want), "[2,%d,0,false,[]] %s", id,
	                flush.token);
	assert_string_equal(peer_receive(&s->peer), want);
	assert_order(s->f->service, 2);
	answer(s, &flush);
	assert_order(s->f->service, 2);
}

/* A dead call is no reference. */
static void
a_promise_that_becomes_the_answer_to_a_dead_call_breaks(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);

	send(s, "[1,5,-2,'add',[],{}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,5,0,false,");
	send(s, "[3,-1,[3,5]]");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
}

/* F26: by now the answer is an object of the peer's own, to which there is a
 * shorter way; but the earlier call takes that through here. */
static void
an_answer_that_leads_back_to_the_peer_needs_a_flush(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct flush flush;
	int id;
	char want[100];

	next_call = 7;
	send(s, "[1,5,-2,'echo',[[0,-3,nil]],{}] [<0>]");
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,5,0,true,[[2,-3]]] <0>");
	send(s, "[3,-1,[3,5]]");
	flush = take_flush(s, "-1");
	assert_ok(waldo_ref_notify(ref, "order", "i", 2));
	assert_string_equal(peer_receive(&s->peer), "");
	send(s, "[1,nil,5,'order',[],{5:1}] [1]");
	assert_string_equal(peer_receive(&s->peer),
	                    "[1,nil,-3,1,[],{5:2}] [1]");
	id = forward(s, &flush, "5");
	(void) snprintf(want, sizeof(want), "[1,%d,-3,0,[],{5:2}] [%s]",
	                flush.id + 2, flush.token);
	assert_string_equal(peer_receive(&s->peer), want);
	(void) snprintf(want, sizeof(want), "[2,%d,0,false,[]] %s",
	                flush.id + 2, flush.token);
	send(s, want);
	(void) snprintf(want, sizeof(want), "[2,%d,0,false,[]] %s", id,
	                flush.token);
	assert_string_equal(peer_receive(&s->peer), want);
	assert_string_equal(peer_receive(&s->peer), "");
	answer(s, &flush);
	assert_begins(peer_receive(&s->peer), "[1,nil,-3,1,[],{");
	assert_int_equal(waldo_ref_get_state(ref), WALDO_FAR);
}

/* The same by a promise of ours, which has become an object of the peer's. */
static void
a_promise_of_ours_that_leads_back_needs_a_flush(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s), *theirs;
	waldo_promise *held = waldo_ref_invoke(s->f->service_ref, "hold", "");
	struct flush flush;

	(void) memory_settle();
	theirs = give(s, "[0,-3,nil]");
	s->f->service->kept = waldo_ref_retain(waldo_promise_get_ref(held));
	send(s, "[1,7,-2,'kept',[],{}] []");
	assert_begins(peer_receive(&s->peer), "[2,7,0,true,[[1,-4]]]");
	service_answer_ref(s->f->service, theirs);
	assert_string_equal(peer_receive(&s->peer), "[3,-4,[2,-3]]");
	/* Both RESOLVEs crossed. */
	send(s, "[3,-1,[2,-4]]");
	flush = take_flush(s, "-1");
	assert_ok(waldo_ref_notify(ref, "order", "i", 2));
	assert_string_equal(peer_receive(&s->peer), "");
	answer(s, &flush);
	assert_begins(peer_receive(&s->peer), "[1,nil,-3,1,[],{");
	waldo_promise_release(held);
}

/* A promise of ours that still is one: what is held waits for both. */
static void
a_promise_may_become_a_promise_of_ours(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	waldo_promise *held = waldo_ref_invoke(s->f->service_ref, "hold", "");
	struct flush flush;

	(void) memory_settle();
	s->f->service->kept = waldo_ref_retain(waldo_promise_get_ref(held));
	send(s, "[1,5,-2,'kept',[],{}] []");
	assert_begins(peer_receive(&s->peer), "[2,5,0,true,[[1,-4]]]");
	next_call = 7;
	send(s, "[3,-1,[2,-4]]");
	flush = take_flush(s, "-1");
	assert_ok(waldo_ref_notify(ref, "order", "i", 2));
	send(s, "[1,nil,-4,'order',[],{5:1}] [1]");
	(void) forward(s, &flush, "-4");
	assert_string_equal(peer_receive(&s->peer), "");
	service_answer_ref(s->f->service, s->f->service_ref);
	assert_string_equal(peer_await(&s->peer, "[3,"), "[3,-4,[0,-2,nil]]");
	assert_order(s->f->service, 2);
	answer(s, &flush);
	waldo_promise_release(held);
}

/* P12: what it is to be turns out to be what waits for it. */
static void
what_is_held_until_itself_breaks(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	waldo_promise *held = waldo_ref_invoke(s->f->service_ref, "hold", "");
	struct outcome *o;
	struct flush flush;

	(void) memory_settle();
	s->f->service->kept = waldo_ref_retain(waldo_promise_get_ref(held));
	send(s, "[1,5,-2,'kept',[],{}] []");
	assert_begins(peer_receive(&s->peer), "[2,5,0,true,[[1,-4]]]");
	next_call = 7;
	send(s, "[3,-1,[2,-4]]");
	flush = take_flush(s, "-1");
	o = watch_outcome(s->f, waldo_ref_invoke(ref, "order", "i", 2));
	(void) forward(s, &flush, "-4");
	service_answer_ref(s->f->service, ref);
	assert_begins(peer_await(&s->peer, "[2,7,"), "[2,7,1,false,[]] [1,");
	assert_begins(peer_receive(&s->peer), "[3,-4,[6,[1,");
	send(s, "[2,2,1,false,[]] [1,'waldo.Invalid','itself',nil]");
	(void) memory_settle();
	assert_int_equal(o->count, 1);
	assert_int_equal(o->fate, WALDO_NOT_SENT);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	waldo_promise_release(held);
}

/* Two that wait for each other. */
static void
what_is_held_for_each_other_breaks(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *refs[2] = {give_used(s), NULL};
	struct service *service = s->f->service;
	waldo_promise *held[2];
	struct flush flushes[2];
	struct outcome *o;
	char frame[100];

	refs[1] = give(s, "[1,-3]");
	assert_ok(waldo_ref_notify(refs[1], "order", "i", 1));
	assert_begins(peer_receive(&s->peer), "[1,nil,-3,");
	for (int i = 0; i < 2; i++) {
		held[i] = waldo_ref_invoke(s->f->service_ref, "hold", "");
		(void) memory_settle();
		waldo_ref_release(service->kept);
		service->kept =
		    waldo_ref_retain(waldo_promise_get_ref(held[i]));
		(void) snprintf(frame, sizeof(frame),
		                "[1,%d,-2,'kept',[],{}] []", next_call);
		send(s, frame);
		next_call += 2;
		assert_non_null(strstr(peer_receive(&s->peer), ",0,true,[[1,"));
	}
	send(s, "[3,-1,[2,-4]]", "[3,-3,[2,-6]]");
	flushes[0] = take_flush(s, "-1");
	flushes[1] = take_flush(s, "-3");
	(void) forward(s, &flushes[0], "-4");
	(void) forward(s, &flushes[1], "-6");
	o = watch_outcome(s->f, waldo_ref_invoke(refs[0], "order", "i", 2));
	service_answer_ref(service, refs[1]);
	service_answer_ref(service, refs[0]);
	for (int i = 1; i >= 0; i--) {
		assert_begins(peer_await(&s->peer, "[2,"), "[2,");
		(void) snprintf(frame, sizeof(frame),
		                "[2,%d,1,false,[]] [1,'waldo.Invalid','x',nil]",
		                flushes[i].id);
		send(s, frame);
		(void) memory_settle();
		assert_int_equal(waldo_ref_get_state(refs[i]), WALDO_BROKEN);
	}
	assert_int_equal(o->count, 1);
	assert_int_equal(o->fate, WALDO_NOT_SENT);
	waldo_promise_release(held[0]);
	waldo_promise_release(held[1]);
}

/* The same when the call whose answer it is to be returns it, while the flush
 * is on its way: that comes back to what waits for it. */
static void
a_flush_that_comes_back_to_what_it_holds_lifts_it(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct outcome *o;
	struct flush flush;

	next_call = 7;
	send(s, "[1,5,-2,'hold',[],{}] []", "[3,-1,[3,5]]");
	flush = take_flush(s, "-1");
	o = watch_outcome(s->f, waldo_ref_invoke(ref, "order", "i", 2));
	service_answer_ref(s->f->service, ref);
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,5,0,true,[[1,-4]]] <0>");
	(void) forward(s, &flush, "5");
	assert_begins(peer_receive(&s->peer), "[3,-4,[6,[1,");
	assert_begins(peer_receive(&s->peer), "[2,7,");
	(void) memory_settle();
	assert_int_equal(o->count, 1);
	assert_int_equal(o->fate, WALDO_NOT_SENT);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
}

/* P9: so does one that waits for a result, together with what waits there. They
 * are answered when it is known what has become of that. */
static void
a_result_that_its_flush_breaks_is_told_first(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct flush flush;

	next_call = 9;
	send(s, "[1,5,-2,'hold',[],{}] []", "[3,-1,[2,-2]]");
	flush = take_flush(s, "-1");
	send(s, "[1,7,5,'order',[],{}] [2]");
	(void) forward(s, &flush, "5");
	send(s, "[1,11,5,'order',[],{}] [3]");
	assert_string_equal(peer_receive(&s->peer), "");
	service_answer_ref(s->f->service, ref);
	assert_begins(peer_receive(&s->peer), "[2,5,0,true,[[6,[1,");
	assert_begins(peer_receive(&s->peer), "[2,7,4,");
	assert_begins(peer_receive(&s->peer), "[2,9,4,");
	assert_begins(peer_receive(&s->peer), "[2,11,4,");
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	assert_order(s->f->service, 0);
}

/* ---- the token */

/* A node that holds the object itself need not wait for the answer. */
static void
our_own_token_lifts_what_is_held(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct flush flush;
	char want[100];
	int id;

	send(s, "[3,-1,[2,-2]]");
	flush = take_flush(s, "-1");
	assert_ok(waldo_ref_notify(ref, "order", "i", 2));
	send(s, "[1,nil,-2,'order',[],{5:1}] [1]");
	id = forward(s, &flush, "-2");
	(void) snprintf(want, sizeof(want), "[2,%d,0,false,[]] %s", id,
	                flush.token);
	assert_string_equal(peer_receive(&s->peer), want);
	assert_order(s->f->service, 2);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_NEAR);
	/* Its answer is nothing any more, whatever it is. */
	(void) snprintf(want, sizeof(want),
	                "[2,%d,1,false,[]] [1001,'a.B','c',nil]", flush.id);
	send(s, want);
	assert_ok(waldo_ref_notify(ref, "order", "i", 3));
	(void) memory_settle();
	assert_order(s->f->service, 3);
}

static void
the_token_of_another_lifts_nothing(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct flush flush;

	send(s, "[3,-1,[2,-2]]");
	flush = take_flush(s, "-1");
	assert_ok(waldo_ref_notify(ref, "order", "i", 1));
	send(s, "[1,5,-2,0,[],{}] =91c410000102030405060708090a0b0c0d0e0f=",
	     "[1,7,-2,0,[],{}] []");
	assert_begins(peer_receive(&s->peer), "[2,5,0,");
	assert_begins(peer_receive(&s->peer), "[2,7,0,");
	assert_order(s->f->service, 0);
	answer(s, &flush);
	assert_order(s->f->service, 1);
}

/* P33: what is passed on has the caller's deadline, not one of this node's own
 * calls; or a flush would fail here that nobody gave a time. */
static void
what_is_passed_on_without_a_deadline_gets_none(void **state)
{
	static const waldo_limits limits = {.size = sizeof(limits),
	                                    .call_timeout_ms = 100};
	struct flush flush = {.token = "x'00112233445566778899aabbccddeeff'"};
	struct session *s = session_of(state);

	reopen(s, &limits);
	fetch(s);
	send(s, "[1,3,-2,'echo',[[0,-1,nil]],{}] [<0>]");
	assert_begins(peer_receive(&s->peer), "[2,3,0,true,[[2,-1]]]");
	send(s, "[1,5,3,'m',[],{}] []");
	assert_string_equal(peer_receive(&s->peer),
	                    "[1,2,-1,[1,'m'],[],{5:1}] []");
	next_call = 7;
	(void) forward(s, &flush, "3");
	assert_begins(peer_receive(&s->peer), "[1,4,-1,0,[],{5:2}] [x'0011");
	memory_advance(200 * 1000);
	assert_string_equal(peer_receive(&s->peer), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(what_was_called_on_is_held_until_the_flush_is_back),
	    session_test(what_was_not_called_on_needs_no_flush),
	    session_test(the_flush_of_a_result_goes_before_its_drop),
	    session_test(the_flush_of_a_place_names_its_path),
	    session_test(a_call_counts_though_the_promise_became_another),
	    session_test(what_breaks_needs_no_flush),
	    session_test(a_revoked_object_needs_no_flush),
	    session_test(a_place_without_a_reference_needs_no_flush),
	    session_test(a_promise_may_become_the_answer_to_a_call),
	    session_test(
	        a_promise_that_becomes_the_answer_to_a_dead_call_breaks),
	    session_test(an_answer_that_leads_back_to_the_peer_needs_a_flush),
	    session_test(a_promise_of_ours_that_leads_back_needs_a_flush),
	    session_test(a_promise_may_become_a_promise_of_ours),
	    session_test(what_is_held_until_itself_breaks),
	    session_test(what_is_held_for_each_other_breaks),
	    session_test(a_flush_that_comes_back_to_what_it_holds_lifts_it),
	    session_test(a_result_that_its_flush_breaks_is_told_first),
	    session_test(our_own_token_lifts_what_is_held),
	    session_test(the_token_of_another_lifts_nothing),
	    session_test(what_is_passed_on_without_a_deadline_gets_none),
	};

	return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
