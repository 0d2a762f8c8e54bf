/* SPDX-License-Identifier: MIT */
/* References whose path changes when they settle: when there is a flush, where
 * it goes, what it holds, and what becomes of that (PROTOCOL.md "Settling", P8,
 * P10 to P12, P34, F25, F26, F47). */
#include "tests/unit/session_fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- what the tests have in common */

static int next_call; /* the peer's next id */

/* Has the node keep what `desc` says; its reference. */
static waldo_ref *
give(struct session *s, const char *desc)
{
	char frame[200], want[40];

	(void) snprintf(frame, sizeof(frame), "[1,%d,-2,'store',[%s],{}] [<0>]",
	                next_call, desc);
	send(s, frame);
	(void) snprintf(want, sizeof(want), "[2,%d,0,false,[]] nil", next_call);
	assert_string_equal(peer_receive(&s->peer), want);
	next_call += 2;
	return s->f->service->stored[s->f->service->stored_count - 1];
}

/* A promise of the peer's, with a call on its way unless it is `unused`. The
 * name `order` is number 1 from here on. */
static waldo_ref *
give_used(struct session *s)
{
	waldo_ref *ref;

	next_call = 3;
	fetch(s);
	ref = give(s, "[1,-1]");
	assert_ok(waldo_ref_notify(ref, "order", "i", 1));
	assert_string_equal(peer_receive(&s->peer),
	                    "[1,nil,-1,[1,'order'],[],{}] [1]");
	return ref;
}

struct flush {
	int id;
	char token[40]; /* as text */
};

/* The next frame is a flush to `target`. */
static struct flush
take_flush(struct session *s, const char *target)
{
	struct flush flush = {0};
	const char *frame = peer_receive(&s->peer), *p;
	char want[100];

	if (sscanf(frame, "[1,%d,", &flush.id) != 1) {
		fail_msg("\"%s\" is no call", frame);
	}
	(void) snprintf(want, sizeof(want), "[1,%d,%s,0,[],{}] [x'", flush.id,
	                target);
	assert_begins(frame, want);
	p = strrchr(frame, '[') + 1;
	assert_int_equal(strlen(p), 36); /* x'', 16 bytes, and the list's end */
	(void) snprintf(flush.token, sizeof(flush.token), "%.35s", p);
	return flush;
}

/* The peer passes the flush on to `target`, as its own call, byte for byte
 * (P42); its id. */
static int
forward(struct session *s, const struct flush *flush, const char *target)
{
	char frame[100];
	int id = next_call;

	(void) snprintf(frame, sizeof(frame),
	                "[1,%d,%s,0,[],{5:1}] =91c410%.32s=", id, target,
	                flush->token + 2);
	send(s, frame);
	next_call += 2;
	return id;
}

static void
answer(struct session *s, const struct flush *flush)
{
	char frame[100];

	(void) snprintf(frame, sizeof(frame), "[2,%d,0,false,[]] %s", flush->id,
	                flush->token);
	send(s, frame);
	(void) memory_settle();
}

static void
assert_order(const struct service *service, size_t count)
{
	assert_int_equal(service->order_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(service->order[i], i + 1);
	}
}

/* The gate of a node with these limits, in place of the fixture's. */
static void
reopen(struct session *s, const waldo_limits *limits)
{
	waldo_ref *ref = NULL;

	s->f->third = node_new(limits);
	s->f->service = service_new(s->f, s->f->third, &ref);
	assert_non_null(s->f->service);
	assert_ok(waldo_listen(s->f->third, "inproc:other", NULL));
	assert_ok(waldo_publish(s->f->third, "gate", ref));
	waldo_ref_release(s->f->service_ref);
	s->f->service_ref = ref;
	peer_fini(&s->peer);
	assert_true(peer_dial(&s->peer, "other"));
}

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

	next_call = 3;
	fetch(s);
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

	next_call = 3;
	fetch(s);
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

	next_call = 3;
	fetch(s);
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

	next_call = 3;
	fetch(s);
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
	assert_begins(peer_receive(&s->peer), "[2,7,");
	(void) memory_settle();
	assert_int_equal(o->count, 1);
	assert_int_equal(o->fate, WALDO_NOT_SENT);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	assert_begins(peer_receive(&s->peer), "[3,-4,[6,[1,");
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

/* ---- what is held */

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

/* ---- other nodes */

/* A second peer, whose object or promise the node holds: its bootstrap. */
struct second {
	struct peer peer;
	waldo_ref *ref;
};

static void
connect_second(struct session *s, struct second *second)
{
	memset(second, 0, sizeof(*second));
	assert_true(peer_listen(&second->peer, "second"));
	assert_ok(
	    waldo_connect(s->f->server, "waldo+inproc:second/", &second->ref));
	(void) memory_settle();
	assert_true(peer_send(&second->peer, PEER_HELLO));
	assert_begins(peer_receive(&second->peer), "![0,");
}

static void
close_second(struct second *second)
{
	waldo_ref_release(second->ref);
	peer_fini(&second->peer);
}

/* "yours" may be what a third node has. */
static void
what_is_held_goes_on_to_a_third_node(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct outcome *o;
	struct second third;
	struct flush flush;

	connect_second(s, &third);
	s->f->service->kept = waldo_ref_retain(third.ref);
	send(s, "[1,5,-2,'kept',[],{}] []");
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,5,0,true,[[0,-4,nil]]] <0>");
	send(s, "[3,-1,[2,-4]]");
	flush = take_flush(s, "-1");
	o = watch_outcome(s->f, waldo_ref_invoke(ref, "order", "i", 2));
	assert_string_equal(peer_receive(&third.peer), "");
	answer(s, &flush);
	assert_begins(peer_receive(&third.peer), "[1,1,0,[1,'order'],[],{");
	assert_int_equal(waldo_ref_get_state(ref), WALDO_FAR);
	assert_true(peer_send(&third.peer, "[2,1,0,false,[]] 2"));
	(void) memory_settle();
	assert_integer(o, 2);
	close_second(&third);
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

static void
a_one_way_call_that_was_held_arrives_at_a_third_node(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct outcome *o;
	struct second third;
	struct flush flush;

	connect_second(s, &third);
	s->f->service->kept = waldo_ref_retain(third.ref);
	send(s, "[1,5,-2,'kept',[],{}] []");
	assert_begins(peer_receive(&s->peer), "[2,5,0,true,");
	send(s, "[3,-1,[2,-4]]");
	flush = take_flush(s, "-1");
	o = mark(s, ref);
	answer(s, &flush);
	assert_begins(peer_receive(&third.peer), "[1,nil,0,[1,'mark'],[],{");
	assert_int_equal(o->count, 0);
	assert_true(peer_send(&third.peer, "![5,1]"));
	(void) memory_settle();
	assert_ok(o->code);
	assert_int_equal(o->count, 1);
	close_second(&third);
}

/* What became of a link of ours is not told with its address (P33). */
static void
addresses_of_ours_are_not_told_to_peers(void **state)
{
	struct session *s = session_of(state);
	struct second third;
	const char *said;

	fetch(s);
	connect_second(s, &third);
	s->f->service->kept = waldo_ref_retain(third.ref);
	send(s, "[1,3,-2,'kept',[],{}] []");
	assert_begins(peer_receive(&s->peer), "[2,3,0,true,");
	send(s, "[4,3,1]", "[1,5,-4,'m',[],{}] []");
	assert_begins(peer_receive(&third.peer), "[1,1,0,[1,'m'],");
	peer_fini(&third.peer);
	third.peer.raw = NULL;
	said = peer_await(&s->peer, "[2,5,");
	assert_begins(said, "[2,5,1,false,[]] [6,'waldo.Lost',");
	assert_null(strstr(said, "inproc"));
	close_second(&third);
}

/* P7: a call of this node's own is passed on, not answered, when it has been
 * held: if it is lost there, it is MAYBE_EXECUTED, as any. */
static void
a_call_that_was_held_has_the_fate_of_what_became_of_it(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct outcome *lost, *refused;
	struct second third;
	struct flush flush;

	connect_second(s, &third);
	s->f->service->kept = waldo_ref_retain(third.ref);
	send(s, "[1,5,-2,'kept',[],{}] []");
	assert_begins(peer_receive(&s->peer), "[2,5,0,true,");
	send(s, "[3,-1,[2,-4]]");
	flush = take_flush(s, "-1");
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
	close_second(&third);
}

/* What was to be called next is lost before the flush is back. */
static void
what_is_held_fails_with_what_it_waits_for(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_used(s);
	struct outcome *o;
	struct second third;
	struct flush flush;

	connect_second(s, &third);
	s->f->service->kept = waldo_ref_retain(third.ref);
	send(s, "[1,5,-2,'kept',[],{}] []");
	assert_begins(peer_receive(&s->peer), "[2,5,0,true,");
	send(s, "[3,-1,[2,-4]]");
	flush = take_flush(s, "-1");
	o = watch_outcome(s->f, waldo_ref_invoke(ref, "order", "i", 2));
	peer_fini(&third.peer);
	(void) memory_settle();
	answer(s, &flush);
	assert_failed(o, WALDO_ELOST, WALDO_NOT_SENT);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	close_second(&third);
}

/* The bootstrap object of the peer's has no id to give back, so it is given as
 * ours; and that is another path. */
static void
the_peers_bootstrap_object_is_given_as_ours(void **state)
{
	struct session *s = session_of(state);
	struct second other;

	next_call = 3;
	connect_second(s, &other);
	assert_ok(waldo_ref_notify(other.ref, "m", "r", other.ref));
	assert_string_equal(peer_receive(&other.peer),
	                    "[1,nil,0,[1,'m'],[[0,-1,nil]],{}] [<0>]");
	assert_true(peer_send(&other.peer, "[1,2,-1,'n',[],{}] [1]"));
	assert_string_equal(peer_receive(&other.peer),
	                    "[1,1,0,[2,'n'],[],{5:1}] [1]");
	assert_true(peer_send(&other.peer, "[2,1,0,false,[]] 5"));
	assert_string_equal(peer_receive(&other.peer), "[2,2,0,false,[]] 5");
	/* A result that is that very object. */
	{
		waldo_promise *call = waldo_ref_invoke(other.ref, "m", "");

		assert_ok(
		    waldo_ref_notify(waldo_promise_get_ref(call), "n", "i", 1));
		assert_begins(peer_receive(&other.peer), "[1,3,0,1,");
		assert_begins(peer_receive(&other.peer), "[1,nil,3,2,");
		assert_true(
		    peer_send(&other.peer, "[2,3,0,true,[[2,-1]]] <0>"));
		assert_begins(peer_receive(&other.peer), "[1,5,3,0,[],{}] [x'");
		assert_string_equal(peer_receive(&other.peer), "[4,3,1]");
		waldo_promise_release(call);
	}
	close_second(&other);
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

/* ---- F47: slots of flushes */

enum { SLOTS = 16 }; /* the floor of open_calls */

/* `count` promises of the peer's, -1, -3, ..., each with a call on its way; and
 * all become the gate. */
static void
settle_many(struct session *s, int count)
{
	char frame[64];

	next_call = 3;
	fetch(s);
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

/* P34: they are counted apart. */
static void
flushes_need_no_slots_of_calls(void **state)
{
	struct session *s = session_of(state);
	struct outcome *calls[SLOTS];
	waldo_ref *theirs;

	next_call = 3;
	fetch(s);
	theirs = give(s, "[0,-101,nil]");
	for (int i = 0; i < SLOTS; i++) {
		calls[i] =
		    watch_outcome(s->f, waldo_ref_invoke(theirs, "m", ""));
		assert_begins(peer_receive(&s->peer), "[1,");
	}
	assert_failed(outcome_of(s->f, waldo_ref_invoke(theirs, "m", "")),
	              WALDO_ELIMIT, WALDO_NOT_SENT);
	for (int i = 0; i < SLOTS; i++) {
		char frame[64];
		waldo_ref *ref;

		(void) snprintf(frame, sizeof(frame), "[1,%d]", -1 - 2 * i);
		ref = give(s, frame);
		assert_ok(waldo_ref_notify(ref, "order", "i", 0));
		assert_begins(peer_receive(&s->peer), "[1,nil,-");
		(void) snprintf(frame, sizeof(frame), "[3,%d,[2,-2]]",
		                -1 - 2 * i);
		send(s, frame);
		(void) snprintf(frame, sizeof(frame), "%d", -1 - 2 * i);
		(void) take_flush(s, frame);
	}
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
	char target[20];

	settle_many(s, SLOTS + 2);
	for (int i = 0; i < SLOTS; i++) {
		(void) snprintf(target, sizeof(target), "%d", -1 - 2 * i);
		flushes[i] = take_flush(s, target);
	}
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
	char target[20];

	settle_many(s, SLOTS);
	for (int i = 0; i < SLOTS; i++) {
		(void) snprintf(target, sizeof(target), "%d", -1 - 2 * i);
		flushes[i] = take_flush(s, target);
	}
	theirs = give(s, "[0,-101,nil]");
	call = waldo_ref_invoke(theirs, "m", "");
	assert_ok(
	    waldo_ref_notify(waldo_promise_get_ref(call), "order", "i", 0));
	(void) snprintf(target, sizeof(target), "%d", flushes[15].id + 2);
	assert_begins(peer_receive(&s->peer), "[1,34,-101,[2,'m']");
	assert_string_equal(target, "34");
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
	char target[20];

	settle_many(s, SLOTS + 1);
	for (int i = 0; i < SLOTS; i++) {
		(void) snprintf(target, sizeof(target), "%d", -1 - 2 * i);
		flushes[i] = take_flush(s, target);
	}
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

	next_call = 3;
	fetch(s);
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

/* What was made on the very reference, and was never sent, is held with it;
 * the others keep their order. */
static void
calls_that_wait_go_by_the_new_path(void **state)
{
	enum { LARGE = 60000, MORE = 10000 };
	static const uint8_t data[LARGE];
	struct session *s = session_of(state);
	waldo_ref *theirs, *late;

	next_call = 3;
	fetch(s);
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

	next_call = 3;
	fetch(s);
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

/* A session that ends lets go of flushes that wait, and of what they hold. */
static void
a_flush_that_waits_fails_with_its_session(void **state)
{
	struct session *s = session_of(state);
	struct outcome *o;

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
	char frame[64], target[20];
	int echo, id;

	settle_many(s, SLOTS);
	for (int i = 0; i < SLOTS; i++) {
		(void) snprintf(target, sizeof(target), "%d", -1 - 2 * i);
		(void) take_flush(s, target);
	}
	echo = next_call;
	next_call += 2;
	(void) snprintf(frame, sizeof(frame),
	                "[1,%d,-2,'echo',[[0,-101,nil]],{}] [<0>]", echo);
	send(s, frame);
	assert_non_null(strstr(peer_receive(&s->peer), "[[2,-101]]"));
	(void) snprintf(target, sizeof(target), "%d", echo);
	id = forward(s, &flush, target);
	(void) snprintf(frame, sizeof(frame), "[2,%d,1,false,[]] [3,", id);
	{
		const char *said = peer_receive(&s->peer);

		assert_begins(said, frame);
		assert_non_null(strstr(said, "flushes"));
	}
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

	next_call = 3;
	fetch(s);
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

/* ---- what waits and finds no room */

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
	next_call = 3;
	fetch(s);
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
	    session_test(our_own_token_lifts_what_is_held),
	    session_test(the_token_of_another_lifts_nothing),
	    session_test(a_flush_that_fails_fails_what_it_held),
	    session_test(a_session_that_ends_fails_what_its_flush_held),
	    session_test(a_held_call_can_be_cancelled),
	    session_test(calls_of_peers_are_held_too),
	    session_test(what_is_held_goes_on_to_a_third_node),
	    session_test(a_one_way_call_that_is_held_has_not_arrived),
	    session_test(a_one_way_call_that_was_held_arrives_at_a_third_node),
	    session_test(addresses_of_ours_are_not_told_to_peers),
	    session_test(
	        a_call_that_was_held_has_the_fate_of_what_became_of_it),
	    session_test(what_is_held_fails_with_what_it_waits_for),
	    session_test(the_peers_bootstrap_object_is_given_as_ours),
	    session_test(what_is_passed_on_without_a_deadline_gets_none),
	    session_test(flushes_need_no_slots_of_calls),
	    session_test(a_flush_without_a_slot_waits),
	    session_test(the_drop_of_a_result_waits_for_its_flush),
	    session_test(a_flush_that_is_passed_on_fails_without_a_slot),
	    session_test(a_flush_waits_for_the_window_before_all_calls),
	    session_test(no_call_waits_for_a_flush_that_waits),
	    session_test(a_flush_of_a_program_without_a_slot_fails),
	    session_test(calls_that_wait_go_by_the_new_path),
	    session_test(calls_that_wait_are_held_with_their_reference),
	    session_test(a_flush_that_waits_fails_with_its_session),
	    session_test(a_peer_may_have_as_many_flushes_as_calls),
	    session_test(a_flush_that_is_kept_leaves_its_slot),
	    session_test(a_flush_that_is_kept_takes_no_slot_of_calls),
	    session_test(a_call_that_finds_no_room_may_take_the_next_along),
	};

	return cmocka_run_group_tests_name("settle", tests, NULL, NULL);
}
