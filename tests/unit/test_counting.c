/* SPDX-License-Identifier: MIT */
/* What has been given and what is left of it, when calls are cancelled or late
 * (PROTOCOL.md P3 to P5, P13, P14). */
#include "tests/unit/session_fixture.h"

/* DESIGN 4.3, 2; P3: whatever becomes of the call. */
static void
references_of_refused_calls_are_dropped(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'fly',[[0,-1,nil]],{}] [<0>]");
	assert_begins(peer_receive(&s->peer), "[2,3,1,");
	assert_string_equal(peer_receive(&s->peer), "[4,-1,1]");
	send(s, "[1,5,-2,'add',[[0,-1,nil]],{}] =c1=");
	assert_begins(peer_receive(&s->peer), "[2,5,1,");
	assert_string_equal(peer_receive(&s->peer), "[4,-1,1]");
}

/* P3; DESIGN 4.3, 1. */
static void
each_occurrence_counts(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s,
	     "[1,3,-2,'let_go',[[0,-1,nil],[0,-1,nil],[0,-3,nil]],{}] [<0>]");
	assert_begins(peer_receive(&s->peer), "[2,3,0,");
	{
		const char *drop = peer_receive(&s->peer);

		if (strcmp(drop, "[4,-1,2,-3,1]") != 0 &&
		    strcmp(drop, "[4,-3,1,-1,2]") != 0) {
			assert_string_equal(drop, "[4,-1,2]");
			assert_string_equal(peer_receive(&s->peer), "[4,-3,1]");
		}
	}
}

static void
a_kept_reference_is_dropped_when_it_is_let_go(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'keep',[[0,-1,nil]],{}] [<0>]",
	     "[1,5,-2,'keep',[[0,-1,nil]],{}] [<0>]");
	assert_begins(peer_receive(&s->peer), "[2,3,0,");
	assert_begins(peer_receive(&s->peer), "[2,5,0,");
	assert_string_equal(peer_receive(&s->peer), "");
	/* Before the answer, since the method itself lets go. */
	send(s, "[1,7,-2,'let_go',[],{}] []");
	assert_string_equal(peer_receive(&s->peer), "[4,-1,2]");
	assert_begins(peer_receive(&s->peer), "[2,7,0,");
}

static void
what_comes_home_is_named_as_the_peers_own(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'echo',[[0,-1,nil]],{}] [<0>]");
	assert_begins(peer_receive(&s->peer), "[2,3,0,true,[[2,-1]]] <0>");
	/* The answer holds it until it is dropped. */
	assert_string_equal(peer_receive(&s->peer), "");
	send(s, "[4,3,1]");
	assert_string_equal(peer_receive(&s->peer), "[4,-1,1]");
}

static void
more_may_not_be_dropped_than_was_sent(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[4,-2,2]");
	assert_protocol_error(s, "-2");
}

static void
nothing_may_not_be_dropped(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[4,-2,0]");
	assert_protocol_error(s, "");
}

static void
an_answer_is_dropped_after_it_came_and_once(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[4,1,1]");
	assert_protocol_error(s, "1");
}

static void
an_answer_that_is_not_kept_is_not_dropped(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'add',[],{}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,3,0,false,");
	send(s, "[4,3,1]");
	assert_protocol_error(s, "3");
}

/* F6: a revoked export stays a target until it is dropped. */
static void
a_revoked_export_stays_until_it_is_dropped(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	waldo_object_revoke(s->f->service_ref);
	send(s, "[1,3,-2,'add',[],{}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,3,1,false,[]] [");
	send(s, "[4,-2,1]");
	assert_alive(s, 1);
	send(s, "[1,5,-2,'add',[],{}] [1]");
	assert_protocol_error(s, "-2");
}

/* DESIGN 4.3, 8. */
static void
the_end_of_the_link_drops_all(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'make',[],{}] []");
	assert_begins(peer_receive(&s->peer), "[2,3,0,true,");
	assert_int_equal(s->f->services[1].destroyed, 0);
	peer_fini(&s->peer);
	(void) memory_settle();
	assert_int_equal(s->f->services[1].destroyed, 1);
}

static void
cancelling_what_is_finished_does_nothing(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[5,1]", "[5,1]");
	assert_alive(s, 1);
}

/* P5, P13: a cancelled call is still answered, once. */
static void
a_parked_call_that_is_cancelled_is_answered_and_never_runs(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []", "[1,5,3,'order',[],{}] [5]",
	     "[5,5]");
	assert_begins(peer_receive(&s->peer), "[2,5,2,false,[]] [");
	service_answer_ref(s->f->service, s->f->service_ref);
	assert_begins(peer_receive(&s->peer), "[2,3,0,true,");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(s->f->service->order_count, 0);
}

static void
a_running_call_that_is_cancelled_answers_for_itself(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []", "[5,3]");
	(void) memory_settle();
	send(s, "[5,3]"); /* only says so again */
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(s->f->service->cancelled, 1);
	service_answer(s->f->service, 4);
	assert_string_equal(peer_receive(&s->peer), "[2,3,0,false,[]] 4");
}

static void
a_deadline_is_answered_when_it_comes(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'hold',[],{0:100}] []");
	assert_string_equal(peer_receive(&s->peer), "");
	memory_advance(99000);
	assert_string_equal(peer_receive(&s->peer), "");
	memory_advance(2000);
	assert_begins(peer_receive(&s->peer), "[2,3,3,false,[]] [");
	assert_int_equal(s->f->service->cancelled, 1);
	/* A later answer is thrown away (F29). */
	service_answer(s->f->service, 4);
	assert_string_equal(peer_receive(&s->peer), "");
}

/* P14: also one that has not begun. */
static void
a_parked_call_is_answered_at_its_deadline(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []", "[1,5,3,'add',[],{0:100}] [1]");
	assert_string_equal(peer_receive(&s->peer), "");
	memory_advance(99000);
	assert_string_equal(peer_receive(&s->peer), "");
	memory_advance(2000);
	assert_begins(peer_receive(&s->peer), "[2,5,3,false,[]] [");
	service_answer_ref(s->f->service, s->f->service_ref);
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,3,0,true,[[0,-2,nil]]] <0>");
	assert_string_equal(peer_receive(&s->peer), "");
}

/* P14 */
static void
a_call_at_its_deadline_does_not_start(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'order',[],{0:0}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,3,3,false,[]] [");
	/* F16: it has waited longer than it had time. */
	send(s, "![8,500]", "[1,5,-2,'order',[],{0:500}] [2]",
	     "[1,7,-2,'order',[],{0:501}] [3]", "![8,0]",
	     "[1,9,-2,'order',[],{0:1}] [4]");
	assert_begins(peer_receive(&s->peer), "[2,5,3,false,[]] [");
	assert_begins(peer_receive(&s->peer), "[2,7,0,false,[]] 3");
	assert_begins(peer_receive(&s->peer), "[2,9,0,false,[]] 4");
	assert_int_equal(s->f->service->order_count, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(references_of_refused_calls_are_dropped),
	    session_test(each_occurrence_counts),
	    session_test(a_kept_reference_is_dropped_when_it_is_let_go),
	    session_test(what_comes_home_is_named_as_the_peers_own),
	    session_test(more_may_not_be_dropped_than_was_sent),
	    session_test(nothing_may_not_be_dropped),
	    session_test(an_answer_is_dropped_after_it_came_and_once),
	    session_test(an_answer_that_is_not_kept_is_not_dropped),
	    session_test(a_revoked_export_stays_until_it_is_dropped),
	    session_test(the_end_of_the_link_drops_all),
	    session_test(cancelling_what_is_finished_does_nothing),
	    session_test(
	        a_parked_call_that_is_cancelled_is_answered_and_never_runs),
	    session_test(a_running_call_that_is_cancelled_answers_for_itself),
	    session_test(a_deadline_is_answered_when_it_comes),
	    session_test(a_parked_call_is_answered_at_its_deadline),
	    session_test(a_call_at_its_deadline_does_not_start),
	};

	return cmocka_run_group_tests_name("counting", tests, NULL, NULL);
}
