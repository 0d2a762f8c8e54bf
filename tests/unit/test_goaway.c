/* SPDX-License-Identifier: MIT */
/* After our GOAWAY: what runs, and what is only counted (PROTOCOL.md P40,
 * F48). */
#include "tests/unit/session_fixture.h"

#define GOAWAY(last) "[8," #last ",5,'the node is stopping']"

/* The peer has call 3 held, in frame 3. */
static void
stop_with_a_call_held(struct session *s)
{
	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []");
	(void) memory_settle();
	assert_int_equal(s->f->service->held_count, 1);
	waldo_node_stop(s->f->server, 60000);
}

static void
a_stop_says_goaway_at_once(void **state)
{
	struct session *s = session_of(state);

	stop_with_a_call_held(s);
	assert_string_equal(peer_receive(&s->peer), GOAWAY(3));
	assert_string_equal(peer_receive(&s->peer), "");
	/* And once, whatever is said again. */
	waldo_node_stop(s->f->server, 50000);
	assert_string_equal(peer_receive(&s->peer), "");
}

static void
a_call_after_goaway_neither_runs_nor_is_answered(void **state)
{
	struct session *s = session_of(state);

	stop_with_a_call_held(s);
	assert_string_equal(peer_receive(&s->peer), GOAWAY(3));
	send(s, "[1,5,-2,'add',[],{}] [1]", "[1,nil,-2,'order',[],{}] [1]",
	     "[1,7,-2,'fly',[],{}] []", "[1,9,5,'add',[],{}] [1]",
	     "[1,11,-2,'add',[],{}] =c1=");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(s->f->service->calls, 1);
	assert_alive(s, 1);
}

/* P3, P15: the tables stay the same at both ends. */
static void
a_call_after_goaway_is_counted(void **state)
{
	struct session *s = session_of(state);

	stop_with_a_call_held(s);
	assert_string_equal(peer_receive(&s->peer), GOAWAY(3));
	send(s, "[1,5,-2,[1,'keep'],[[0,-1,nil],[0,-1,nil]],{}] [<0>]");
	assert_string_equal(peer_receive(&s->peer), "[4,-1,2]");
	send(s, "[1,7,-2,1,[],{}] []", "[1,9,-2,[2,'x'],[],{}] []");
	assert_alive(s, 1);
	send(s, "[1,9,-2,'x',[],{}] []");
	assert_protocol_error(s, "11 was to come");
}

static void
a_name_that_was_defined_after_goaway_is_not_defined_again(void **state)
{
	struct session *s = session_of(state);

	stop_with_a_call_held(s);
	send(s, "[1,5,-2,[1,'keep'],[],{}] []", "[1,7,-2,[1,'x'],[],{}] []");
	assert_protocol_error(s, "names");
}

static void
what_a_call_after_goaway_may_not_be_it_may_not_be_then(void **state)
{
	struct session *s = session_of(state);

	stop_with_a_call_held(s);
	send(s, "[1,5,-4,'add',[],{}] [1]");
	assert_protocol_error(s, "-4");
}

static void
a_call_after_goaway_may_be_cancelled(void **state)
{
	struct session *s = session_of(state);

	stop_with_a_call_held(s);
	assert_string_equal(peer_receive(&s->peer), GOAWAY(3));
	send(s, "[1,5,-2,'add',[],{}] [1]", "[5,5]");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_alive(s, 1);
}

/* The result of a call that the server has made is given to call 5. */
static void
the_result_of_a_call_after_goaway_is_a_broken_reference(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'call',[[0,-1,nil]],{}] [<0>,'m']");
	assert_string_equal(peer_receive(&s->peer),
	                    "[1,2,-1,[1,'m'],[],{}] [7]");
	waldo_node_stop(s->f->server, 60000);
	assert_string_equal(peer_await(&s->peer, "[8,"), GOAWAY(3));
	send(s, "[1,5,-2,'make',[],{}] []", "[2,2,0,true,[[3,5]]] <0>");
	assert_begins(peer_await(&s->peer, "[2,"),
	              "[2,3,0,true,[[6,[1,'waldo.Invalid',");
}

/* P11: what was called before it is settled all the same. */
static void
a_flush_after_goaway_is_answered(void **state)
{
	struct session *s = session_of(state);

	stop_with_a_call_held(s);
	assert_string_equal(peer_receive(&s->peer), GOAWAY(3));
	send(s, "[1,5,-2,0,[],{}] ['token']", "[1,7,3,0,[],{}] ['later']");
	assert_string_equal(peer_receive(&s->peer), "[2,5,0,false,[]] 'token'");
	assert_string_equal(peer_receive(&s->peer), "");
	service_answer_ref(s->f->service, s->f->service_ref);
	assert_begins(peer_receive(&s->peer), "[2,3,0,true,");
	assert_string_equal(peer_receive(&s->peer), "[2,7,0,false,[]] 'later'");
}

/* P9: up to `last` each call is answered, as before. */
static void
a_call_that_was_parked_before_goaway_runs(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []", "[1,5,3,'add',[],{}] [1]");
	(void) memory_settle();
	waldo_node_stop(s->f->server, 60000);
	assert_string_equal(peer_receive(&s->peer), GOAWAY(4));
	service_answer_ref(s->f->service, s->f->service_ref);
	assert_string_equal(peer_await(&s->peer, "[2,5,"),
	                    "[2,5,0,false,[]] 2");
}

/* P28 */
static void
after_the_last_answer_the_session_ends_in_good_order(void **state)
{
	struct session *s = session_of(state);
	uint64_t start = memory_now();

	stop_with_a_call_held(s);
	assert_string_equal(peer_receive(&s->peer), GOAWAY(3));
	service_answer(s->f->service, 8);
	assert_string_equal(peer_receive(&s->peer), "[2,3,0,false,[]] 8");
	assert_begins(peer_receive(&s->peer), "![9,0,");
	assert_true(peer_is_closed(&s->peer));
	assert_false(waldo_node_is_running(s->f->server));
	assert_int_equal(memory_now(), start);
}

static void
drops_and_results_after_goaway_are_taken(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'call',[[0,-1,nil]],{}] [<0>,'m']");
	assert_begins(peer_receive(&s->peer), "[1,2,-1,");
	waldo_node_stop(s->f->server, 60000);
	assert_string_equal(peer_await(&s->peer, "[8,"), GOAWAY(3));
	send(s, "[4,-2,1]", "[2,2,0,false,[]] 8");
	assert_string_equal(peer_await(&s->peer, "[2,3,"),
	                    "[2,3,0,false,[]] 8");
}

/* F48: GOAWAY waits behind what the peer has not acknowledged; an ACK for the
 * one-way call would tell its caller that it was delivered. */
static void
no_acknowledgement_says_more_than_goaway_before_it(void **state)
{
	const waldo_limits limits = {.size = sizeof(limits),
	                             .message_bytes = 65536,
	                             .retained_bytes = 65536};
	struct session *s = session_of(state);
	struct service *service;
	waldo_ref *ref = NULL;

	s->f->third = node_new(&limits);
	service = service_new(s->f, s->f->third, &ref);
	assert_ok(waldo_listen(s->f->third, "inproc:small", NULL));
	assert_ok(waldo_publish(s->f->third, "gate", ref));
	waldo_ref_release(ref);
	peer_fini(&s->peer);
	assert_true(peer_dial(&s->peer, "small"));
	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []", "[1,5,-2,'big',[],{}] [40000]",
	     "[1,7,-2,'big',[],{}] [40000]");
	(void) memory_settle();
	waldo_node_stop(s->f->third, 60000);
	(void) memory_settle();
	send(s, "[1,nil,-2,'order',[],{}] [1]");
	memory_advance(3000 * 1000);
	assert_begins(peer_await(&s->peer, "[2,5,"), "[2,5,0,");
	assert_string_equal(peer_await(&s->peer, "[8,"), "");
	assert_int_equal(s->peer.acked, 5);
	send(s, "![5,3]");
	assert_string_equal(peer_await(&s->peer, "[8,"), GOAWAY(5));
	memory_advance(3000 * 1000);
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(s->peer.acked, 6);
	service_answer(service, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(a_stop_says_goaway_at_once),
	    session_test(a_call_after_goaway_neither_runs_nor_is_answered),
	    session_test(a_call_after_goaway_is_counted),
	    session_test(
	        a_name_that_was_defined_after_goaway_is_not_defined_again),
	    session_test(
	        what_a_call_after_goaway_may_not_be_it_may_not_be_then),
	    session_test(a_call_after_goaway_may_be_cancelled),
	    session_test(
	        the_result_of_a_call_after_goaway_is_a_broken_reference),
	    session_test(a_flush_after_goaway_is_answered),
	    session_test(a_call_that_was_parked_before_goaway_runs),
	    session_test(after_the_last_answer_the_session_ends_in_good_order),
	    session_test(drops_and_results_after_goaway_are_taken),
	    session_test(no_acknowledgement_says_more_than_goaway_before_it),
	};

	return cmocka_run_group_tests_name("goaway", tests, NULL, NULL);
}
