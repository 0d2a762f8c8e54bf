/* SPDX-License-Identifier: MIT */
/* Promises as arguments and results, in both directions, and RESOLVE: who
 * counts what, and what is a protocol error (PROTOCOL.md, RESOLVE and
 * Descriptors; P3, P9, P12, F5). */
#include "tests/unit/session_fixture.h"

#include <stdio.h>

/* ---- the peer's */

/* Has the node keep what `desc` says; its reference. */
static waldo_ref *
give(struct session *s, int call, const char *desc)
{
	char frame[200], want[40];

	(void) snprintf(frame, sizeof(frame), "[1,%d,-2,'store',[%s],{}] [<0>]",
	                call, desc);
	send(s, frame);
	(void) snprintf(want, sizeof(want), "[2,%d,0,false,[]] nil", call);
	assert_string_equal(peer_receive(&s->peer), want);
	return s->f->service->stored[s->f->service->stored_count - 1];
}

/* The promise -1 of the peer's. */
static waldo_ref *
give_promise(struct session *s)
{
	fetch(s);
	return give(s, 3, "[1,-1]");
}

static void
let_go(struct session *s)
{
	struct service *service = s->f->service;

	while (service->stored_count > 0) {
		waldo_ref_release(service->stored[--service->stored_count]);
	}
}

/* Both orders are good. */
static void
assert_dropped(struct session *s, const char *a, const char *b)
{
	char first[100];

	(void) snprintf(first, sizeof(first), "%s", peer_receive(&s->peer));
	assert_string_equal(peer_receive(&s->peer),
	                    strcmp(first, a) == 0 ? b : a);
	assert_true(strcmp(first, a) == 0 || strcmp(first, b) == 0);
	assert_string_equal(peer_receive(&s->peer), "");
}

static void
a_promise_is_pending_and_can_be_called(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_promise(s);

	assert_int_equal(waldo_ref_get_state(ref), WALDO_PENDING);
	assert_ok(waldo_ref_notify(ref, "order", "i", 1));
	assert_string_equal(peer_receive(&s->peer),
	                    "[1,nil,-1,[1,'order'],[],{}] [1]");
}

/* P3: each mention counts, resolved or not. */
static void
mentions_of_a_promise_count(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_promise(s);

	assert_ptr_equal(give(s, 5, "[1,-1]"), ref);
	let_go(s);
	assert_string_equal(peer_receive(&s->peer), "[4,-1,2]");
	assert_string_equal(peer_receive(&s->peer), "");
}

/* "Settling": the peer has moved the earlier calls already. */
static void
what_is_the_peers_own_is_called_there_at_once(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_promise(s);

	assert_ok(waldo_ref_notify(ref, "order", "i", 1));
	assert_begins(peer_receive(&s->peer), "[1,nil,-1,");
	send(s, "[3,-1,[0,-3,nil]]");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(waldo_ref_get_state(ref), WALDO_FAR);
	assert_ok(waldo_ref_notify(ref, "order", "i", 2));
	assert_string_equal(peer_receive(&s->peer), "[1,nil,-3,1,[],{}] [2]");
	let_go(s);
	assert_dropped(s, "[4,-1,1]", "[4,-3,1]");
}

static void
a_promise_may_become_another_of_the_same_peer(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_promise(s);

	send(s, "[3,-1,[1,-3]]");
	(void) memory_settle();
	assert_int_equal(waldo_ref_get_state(ref), WALDO_PENDING);
	assert_ok(waldo_ref_notify(ref, "order", "i", 1));
	assert_begins(peer_receive(&s->peer), "[1,nil,-3,");
	send(s, "[3,-3,[0,-5,nil]]");
	(void) memory_settle();
	assert_int_equal(waldo_ref_get_state(ref), WALDO_FAR);
	assert_ok(waldo_ref_notify(ref, "order", "i", 2));
	assert_begins(peer_receive(&s->peer), "[1,nil,-5,");
	assert_string_equal(peer_receive(&s->peer), "");
}

static void
a_promise_may_break(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_promise(s);
	struct outcome *o;

	assert_ok(waldo_ref_notify(ref, "order", "i", 1));
	assert_begins(peer_receive(&s->peer), "[1,nil,-1,");
	send(s, "[3,-1,[6,[1001,'game.Over','it ended',nil]]]");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	assert_string_equal(waldo_ref_get_failure(ref)->type, "game.Over");
	o = watch_outcome(s->f, waldo_ref_invoke(ref, "order", "i", 2));
	(void) memory_settle();
	assert_failed(o, WALDO_EREMOTE, WALDO_NOT_SENT);
	let_go(s);
	assert_string_equal(peer_receive(&s->peer), "[4,-1,1]");
}

/* A kind of descriptor that this version has not is a broken reference. */
static void
what_a_later_version_resolves_to_is_broken(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_promise(s);

	send(s, "[3,-1,[4,'third',{}]]");
	assert_alive(s, 1);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
}

/* P12, "A reference that would settle to itself breaks". */
static void
a_promise_that_becomes_itself_breaks(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_promise(s);

	send(s, "[3,-1,[1,-1]]");
	assert_alive(s, 1);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	let_go(s);
	assert_string_equal(peer_receive(&s->peer), "[4,-1,2]");
}

static void
a_ring_of_promises_breaks(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *ref = give_promise(s);
	waldo_ref *other = give(s, 5, "[1,-3]");

	send(s, "[1,7,-2,'store',[[1,-3]],{}] [<0>]", "[3,-1,[1,-3]]",
	     "[3,-3,[1,-3]]");
	assert_begins(peer_receive(&s->peer), "[2,7,0,");
	assert_alive(s, 1);
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	assert_int_equal(waldo_ref_get_state(other), WALDO_BROKEN);
}

/* The program has let the promise go before it learned what that became. */
static void
what_comes_for_a_dropped_promise_is_released(void **state)
{
	struct session *s = session_of(state);

	(void) give_promise(s);
	let_go(s);
	assert_string_equal(peer_receive(&s->peer), "[4,-1,1]");
	send(s, "[3,-1,[0,-3,nil]]");
	assert_string_equal(peer_receive(&s->peer), "[4,-3,1]");
	assert_alive(s, 1);
}

struct wrong {
	const char *frame, *about;
};

/* Each behind the promise -1 and the object -3. */
static const struct wrong wrong_resolves[] = {
    {"[3,-5,[0,-7,nil]]", "RESOLVE of -5"},
    {"[3,-3,[0,-7,nil]]", "no promise"},
    {"[3,-2,[0,-7,nil]]", "RESOLVE of -2"},
    {"[3,0,[0,-7,nil]]", "RESOLVE of 0"},
    {"[3,1,[0,-7,nil]]", "RESOLVE of 1"},
    {"[3,-1]", "RESOLVE"},
    {"[3,-1,[0,-7,nil],nil]", "RESOLVE"},
    {"[3,'x',[0,-7,nil]]", "RESOLVE"},
    {"[3,-1,nil]", "malformed"},
    {"[3,-1,[0,-7]]", "malformed"},
    {"[3,-1,[1,-7,nil]]", "malformed"},
    {"[3,-1,[6,'x']]", "malformed"},
    {"[3,-1,[0,-1,nil]]", "-1"},
    {"[3,-1,[1,-3]]", "-3"},
    {"[3,-1,[2,-8]]", "-8"},
    {"[3,-1,[3,99]]", "99"},
    {"[3,-1,[0,0,nil]]", "0"},
    {"[3,-1,[1,0]]", "0"},
    {"[3,-1,[1,7]]", "7"},
    {"[3,-1,[1,-2]]", "-2"},
};

static void
a_resolve_that_is_wrong_ends_the_session(void **state)
{
	struct session *s = session_of(state);

	for (size_t i = 0; i < sizeof(wrong_resolves) / sizeof(struct wrong);
	     i++) {
		(void) give_promise(s);
		(void) give(s, 5, "[0,-3,nil]");
		send(s, wrong_resolves[i].frame);
		assert_protocol_error(s, wrong_resolves[i].about);
		let_go(s);
		peer_fini(&s->peer);
		assert_true(peer_dial(&s->peer, "n"));
	}
}

static void
a_promise_is_resolved_once(void **state)
{
	struct session *s = session_of(state);

	(void) give_promise(s);
	send(s, "[3,-1,[0,-3,nil]]", "[3,-1,[0,-3,nil]]");
	assert_protocol_error(s, "-1");
}

/* Also when it was resolved to what is broken. */
static void
a_broken_promise_is_not_resolved_again(void **state)
{
	struct session *s = session_of(state);

	(void) give_promise(s);
	send(s, "[3,-1,[6,[1001,'a.B','c',nil]]]", "[3,-1,[0,-3,nil]]");
	assert_protocol_error(s, "-1");
}

static void
a_resolved_promise_is_not_mentioned_again(void **state)
{
	struct session *s = session_of(state);

	(void) give_promise(s);
	send(s, "[3,-1,[0,-3,nil]]", "[1,5,-2,'store',[[1,-1]],{}] [<0>]");
	assert_protocol_error(s, "-1");
}

/* A live id is always the same, object or promise. */
static void
a_promise_is_not_mentioned_as_an_object(void **state)
{
	struct session *s = session_of(state);

	(void) give_promise(s);
	send(s, "[1,5,-2,'store',[[0,-1,nil]],{}] [<0>]");
	assert_protocol_error(s, "-1");
}

static void
an_object_is_not_mentioned_as_a_promise(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	(void) give(s, 3, "[0,-1,nil]");
	send(s, "[1,5,-2,'store',[[1,-1]],{}] [<0>]");
	assert_protocol_error(s, "-1");
}

/* ---- the node's */

/* A pending reference of the node's, that the service hands out as kept(). */
static waldo_promise *
keep_pending(struct session *s)
{
	waldo_promise *held = waldo_ref_invoke(s->f->service_ref, "hold", "");

	(void) memory_settle();
	assert_int_equal(s->f->service->held_count, 1);
	waldo_ref_release(s->f->service->kept);
	s->f->service->kept = waldo_ref_retain(waldo_promise_get_ref(held));
	return held;
}

/* Call 3: kept(), the promise -4. */
static waldo_promise *
export_promise(struct session *s)
{
	waldo_promise *held;

	fetch(s);
	held = keep_pending(s);
	send(s, "[1,3,-2,'kept',[],{}] []");
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,3,0,true,[[1,-4]]] <0>");
	return held;
}

/* P9: what came for it has been moved on, and what still comes goes there. */
static void
a_pending_reference_is_given_as_a_promise(void **state)
{
	struct session *s = session_of(state);
	waldo_promise *held = export_promise(s);

	send(s, "[1,5,-4,'order',[],{}] [1]", "[1,7,3,'order',[],{}] [2]");
	assert_string_equal(peer_receive(&s->peer), "");
	service_answer_ref(s->f->service, s->f->service_ref);
	assert_string_equal(peer_await(&s->peer, "[3,"), "[3,-4,[0,-2,nil]]");
	send(s, "[1,9,-4,'order',[],{}] [3]", "[1,11,3,'order',[],{}] [4]",
	     "[1,13,-2,'order',[],{}] [5]");
	assert_string_equal(peer_await(&s->peer, "[2,13,"),
	                    "[2,13,0,false,[]] 5");
	assert_int_equal(s->f->service->order_count, 5);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(s->f->service->order[i], i + 1);
	}
	waldo_promise_release(held);
}

/* The mention in RESOLVE counts, and the promise's own stay until their DROP.
 */
static void
a_resolve_counts_what_it_mentions(void **state)
{
	struct session *s = session_of(state);
	waldo_promise *held = export_promise(s);

	send(s, "[1,5,-2,'kept',[],{}] []");
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,5,0,true,[[1,-4]]] <0>");
	service_answer_ref(s->f->service, s->f->service_ref);
	assert_string_equal(peer_receive(&s->peer), "[3,-4,[0,-2,nil]]");
	/* Once; and it is not mentioned any more. */
	send(s, "[1,7,-2,'kept',[],{}] []");
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,7,0,true,[[0,-2,nil]]] <0>");
	send(s, "[4,-4,2]", "[4,-2,3]");
	assert_alive(s, 1);
	send(s, "[1,9,-4,'order',[],{}] [1]");
	assert_protocol_error(s, "-4");
	waldo_promise_release(held);
}

static void
a_dropped_promise_is_not_resolved(void **state)
{
	struct session *s = session_of(state);
	waldo_promise *held = export_promise(s);

	send(s, "[4,-4,1]");
	(void) memory_settle();
	service_answer_ref(s->f->service, s->f->service_ref);
	assert_string_equal(peer_receive(&s->peer), "");
	waldo_promise_release(held);
}

/* F5: what is not final yet is not told. */
static void
a_promise_is_not_resolved_to_another(void **state)
{
	struct session *s = session_of(state);
	waldo_promise *held = export_promise(s), *next;

	next = waldo_ref_invoke(s->f->service_ref, "hold", "");
	(void) memory_settle();
	service_answer_ref(s->f->service, waldo_promise_get_ref(next));
	assert_string_equal(peer_receive(&s->peer), "");
	service_answer_ref(s->f->service, s->f->service_ref);
	assert_string_equal(peer_receive(&s->peer), "[3,-4,[0,-2,nil]]");
	waldo_promise_release(held);
	waldo_promise_release(next);
}

static void
a_promise_that_breaks_is_resolved_to_that(void **state)
{
	struct session *s = session_of(state);
	waldo_promise *held = export_promise(s);

	waldo_call_fail(s->f->service->held[--s->f->service->held_count],
	                "game.Over", "it ended");
	assert_string_equal(peer_receive(&s->peer),
	                    "[3,-4,[6,[1000,'game.Over','it ended',nil]]]");
	send(s, "[1,5,-4,'order',[],{}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,5,1,false,[]] [1000,'game.");
	waldo_promise_release(held);
}

static void
a_promise_that_holds_no_reference_is_broken(void **state)
{
	struct session *s = session_of(state);
	waldo_promise *held = export_promise(s);

	service_answer(s->f->service, 7);
	assert_begins(peer_receive(&s->peer), "[3,-4,[6,[1,");
	waldo_promise_release(held);
}

static void
a_promise_that_becomes_the_peers_own_is_named_as_that(void **state)
{
	struct session *s = session_of(state);
	waldo_promise *held = export_promise(s);
	waldo_ref *theirs = give(s, 5, "[0,-1,nil]");

	service_answer_ref(s->f->service, theirs);
	assert_string_equal(peer_receive(&s->peer), "[3,-4,[2,-1]]");
	/* Whatever comes for it is passed on, for ever. */
	send(s, "[1,7,-4,'m',[],{}] [1]");
	assert_string_equal(peer_receive(&s->peer),
	                    "[1,2,-1,[1,'m'],[],{5:1}] [1]");
	waldo_promise_release(held);
}

/* P9: what waited has left before anybody is told where to. */
static void
calls_that_waited_leave_before_the_resolve(void **state)
{
	struct session *s = session_of(state);
	waldo_promise *held = export_promise(s);
	waldo_ref *theirs = give(s, 5, "[0,-1,nil]");

	send(s, "[1,nil,-4,'m',[],{}] [1]", "[1,nil,3,'m',[],{}] [2]");
	assert_string_equal(peer_receive(&s->peer), "");
	service_answer_ref(s->f->service, theirs);
	assert_string_equal(peer_receive(&s->peer),
	                    "[1,nil,-1,[1,'m'],[],{5:1}] [1]");
	assert_string_equal(peer_receive(&s->peer),
	                    "[1,nil,-1,1,[],{5:1}] [2]");
	assert_string_equal(peer_receive(&s->peer), "[3,-4,[2,-1]]");
	waldo_promise_release(held);
}

static void
calls_that_waited_leave_before_the_answer(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *theirs;

	fetch(s);
	theirs = give(s, 3, "[0,-1,nil]");
	send(s, "[1,5,-2,'hold',[],{}] []", "[1,nil,5,'m',[],{}] [1]");
	assert_string_equal(peer_receive(&s->peer), "");
	service_answer_ref(s->f->service, theirs);
	assert_string_equal(peer_receive(&s->peer),
	                    "[1,nil,-1,[1,'m'],[],{5:1}] [1]");
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,5,0,true,[[2,-1]]] <0>");
}

/* Limits: exports and imports, the smaller of the two; here 64. */
static void
a_promise_is_broken_if_what_it_became_cannot_be_given(void **state)
{
	struct session *s = session_of(state);
	waldo_promise *held = export_promise(s);
	waldo_ref *ref = NULL;
	char frame[64];

	for (int i = 0; i < 62; i++) {
		(void) snprintf(frame, sizeof(frame),
		                "[1,%d,-2,'make',[],{}] []", 5 + 2 * i);
		send(s, frame);
		assert_non_null(strstr(peer_receive(&s->peer), ",0,true,"));
		(void) snprintf(frame, sizeof(frame), "[4,%d,1]", 5 + 2 * i);
		send(s, frame);
	}
	assert_non_null(service_new(s->f, s->f->server, &ref));
	service_answer_ref(s->f->service, ref);
	waldo_ref_release(ref);
	{
		const char *said = peer_receive(&s->peer);

		assert_begins(said, "[3,-4,[6,[3,'waldo.Limit','imports: ");
	}
	/* Only its name is missing: calls still find it. */
	send(s, "[1,129,-4,'add',[],{}] [1]");
	assert_string_equal(peer_receive(&s->peer), "[2,129,0,false,[]] 2");
	waldo_promise_release(held);
}

/* As an argument, too. */
static void
a_pending_argument_is_a_promise(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *theirs;
	waldo_promise *held;

	fetch(s);
	theirs = give(s, 3, "[0,-1,nil]");
	held = keep_pending(s);
	assert_ok(waldo_ref_notify(theirs, "m", "rr", s->f->service->kept,
	                           s->f->service->kept));
	assert_string_equal(peer_receive(&s->peer),
	                    "[1,nil,-1,[1,'m'],[[1,-4],[1,-4]],{}] [<0>,<1>]");
	service_answer_ref(s->f->service, s->f->service_ref);
	assert_string_equal(peer_receive(&s->peer), "[3,-4,[0,-2,nil]]");
	send(s, "[4,-4,2]");
	assert_alive(s, 1);
	waldo_promise_release(held);
}

/* A promise of the peer's comes home as the peer's own. */
static void
a_promise_that_comes_home_is_named_as_the_peers_own(void **state)
{
	struct session *s = session_of(state);

	(void) give_promise(s);
	send(s, "[1,5,-2,'echo',[[1,-1]],{}] [<0>]");
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,5,0,true,[[2,-1]]] <0>");
}

/* What it was resolved to is what is named, also before the peer can know. */
static void
the_end_of_a_session_takes_its_promises_along(void **state)
{
	struct session *s = session_of(state);
	waldo_promise *held = export_promise(s);
	waldo_ref *ref = give(s, 5, "[1,-1]");

	peer_fini(&s->peer);
	(void) memory_settle();
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	service_answer_ref(s->f->service, s->f->service_ref);
	(void) memory_settle();
	waldo_promise_release(held);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(a_promise_is_pending_and_can_be_called),
	    session_test(mentions_of_a_promise_count),
	    session_test(what_is_the_peers_own_is_called_there_at_once),
	    session_test(a_promise_may_become_another_of_the_same_peer),
	    session_test(a_promise_may_break),
	    session_test(what_a_later_version_resolves_to_is_broken),
	    session_test(a_promise_that_becomes_itself_breaks),
	    session_test(a_ring_of_promises_breaks),
	    session_test(what_comes_for_a_dropped_promise_is_released),
	    session_test(a_resolve_that_is_wrong_ends_the_session),
	    session_test(a_promise_is_resolved_once),
	    session_test(a_broken_promise_is_not_resolved_again),
	    session_test(a_resolved_promise_is_not_mentioned_again),
	    session_test(a_promise_is_not_mentioned_as_an_object),
	    session_test(an_object_is_not_mentioned_as_a_promise),
	    session_test(a_pending_reference_is_given_as_a_promise),
	    session_test(a_resolve_counts_what_it_mentions),
	    session_test(a_dropped_promise_is_not_resolved),
	    session_test(a_promise_is_not_resolved_to_another),
	    session_test(a_promise_that_breaks_is_resolved_to_that),
	    session_test(a_promise_that_holds_no_reference_is_broken),
	    session_test(a_promise_that_becomes_the_peers_own_is_named_as_that),
	    session_test(calls_that_waited_leave_before_the_resolve),
	    session_test(calls_that_waited_leave_before_the_answer),
	    session_test(a_promise_is_broken_if_what_it_became_cannot_be_given),
	    session_test(a_pending_argument_is_a_promise),
	    session_test(a_promise_that_comes_home_is_named_as_the_peers_own),
	    session_test(the_end_of_a_session_takes_its_promises_along),
	};

	return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
