/* SPDX-License-Identifier: MIT */
/* After the peer's GOAWAY: what its callers are told, and what goes on
 * (PROTOCOL.md P40, F48). */
#include "tests/unit/session_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static struct outcome *
call(struct session *s)
{
	return watch_outcome(s->f, waldo_ref_invoke(s->f->gate, "add", "i", 7));
}

static struct outcome *
call_one_way(struct session *s)
{
	const waldo_options one_way = {.size = sizeof(one_way),
	                               .flags = WALDO_ONE_WAY};

	return watch_outcome(s->f, waldo_request_send(waldo_request_new(
	                               s->f->gate, "add", &one_way)));
}

static void
calls_above_the_last_frame_never_run(void **state)
{
	struct session *s = session_of(state);
	struct outcome *first = call(s), *second = call(s), *third = call(s);

	(void) memory_settle();
	send(s, "[8,1,5,'closing time']");
	(void) memory_settle();
	assert_int_equal(first->count, 0);
	assert_failed(second, WALDO_ELOST, WALDO_NOT_SENT);
	assert_failed(third, WALDO_ELOST, WALDO_NOT_SENT);
	assert_true(second->sequence < third->sequence);
	assert_string_equal(second->message,
	                    "the peer takes no more calls: closing time");
	send(s, "[2,1,0,false,[]] 8");
	(void) memory_settle();
	assert_integer(first, 8);
	/* No answer may come for the others. */
	send(s, "[2,3,0,false,[]] 8");
	assert_protocol_error(s, "3, which is no open call");
}

/* Of many that were answered: only what is open is looked for. */
static void
calls_that_were_answered_before_are_not_in_the_way(void **state)
{
	struct session *s = session_of(state);
	struct outcome *open = call(s), *late;
	char frame[64];

	for (int id = 3; id < 43; id += 2) {
		struct outcome *o = call(s);

		(void) memory_settle();
		(void) snprintf(frame, sizeof(frame), "[2,%d,0,false,[]] 8",
		                id);
		send(s, frame);
		(void) memory_settle();
		assert_integer(o, 8);
	}
	late = call(s);
	(void) memory_settle();
	send(s, "[8,21,5,'bye']");
	(void) memory_settle();
	assert_int_equal(open->count, 0);
	assert_failed(late, WALDO_ELOST, WALDO_NOT_SENT);
}

static void
a_call_that_is_made_after_goaway_fails_at_once(void **state)
{
	struct session *s = session_of(state);
	struct outcome *open = call(s), *o;

	(void) memory_settle();
	send(s, "[8,1,5,'bye']");
	(void) memory_settle();
	o = call(s);
	(void) memory_settle();
	assert_failed(o, WALDO_ELOST, WALDO_NOT_SENT);
	assert_err(waldo_ref_notify(s->f->gate, "add", "i", 1), WALDO_ELOST);
	assert_string_equal(waldo_node_get_message(s->f->client),
	                    "the peer takes no more calls: bye");
	assert_string_equal(peer_await(&s->peer, "[1,3"), "");
	assert_int_equal(open->count, 0);
	assert_int_equal(waldo_ref_get_state(s->f->gate), WALDO_FAR);
}

/* P38: those have no frame; and a flush that stood behind them goes. */
static void
a_call_that_waits_for_the_window_never_runs(void **state)
{
	struct session *s = session_of(state);
	static char data[40000];
	struct outcome *o[2], *flush;

	for (int i = 0; i < 2; i++) {
		o[i] =
		    watch_outcome(s->f, waldo_ref_invoke(s->f->gate, "m", "y",
		                                         data, sizeof(data)));
	}
	flush =
	    watch_outcome(s->f, waldo_ref_invoke(s->f->gate, ".flush", "i", 1));
	assert_begins(peer_await(&s->peer, "[1,1,"), "[1,1,0,");
	assert_string_equal(peer_await(&s->peer, "[1,"), "");
	send(s, "[8,1,5,'bye']");
	(void) memory_settle();
	assert_int_equal(o[0]->count, 0);
	assert_failed(o[1], WALDO_ELOST, WALDO_NOT_SENT);
	assert_string_equal(peer_await(&s->peer, "[1,"), "[1,3,0,0,[],{}] [1]");
	assert_int_equal(flush->count, 0);
}

/* What was built on a result fails as the call does, and no DROP names it. */
static void
calls_on_results_that_never_come_fail(void **state)
{
	struct session *s = session_of(state);
	struct outcome *open = call(s), *on, *on_that;
	waldo_promise *made = waldo_ref_invoke(s->f->gate, "make", "");
	waldo_promise *again =
	    waldo_ref_invoke(waldo_promise_get_ref(made), "make", "");
	waldo_ref *kept = waldo_ref_retain(waldo_promise_get_ref(again));

	on = watch_outcome(s->f, again);
	on_that = watch_outcome(s->f, waldo_ref_invoke(kept, "add", "i", 1));
	(void) memory_settle();
	send(s, "[8,1,5,'bye']");
	(void) memory_settle();
	assert_failed(on, WALDO_ELOST, WALDO_NOT_SENT);
	assert_failed(on_that, WALDO_ELOST, WALDO_NOT_SENT);
	assert_int_equal(waldo_ref_get_state(kept), WALDO_BROKEN);
	waldo_ref_release(kept);
	waldo_promise_release(made);
	assert_string_equal(peer_await(&s->peer, "[4,"), "");
	assert_int_equal(open->count, 0);
	assert_false(peer_is_closed(&s->peer));
}

/* P3: the peer counts what calls above `last` bring, and drops it. */
static void
what_such_a_call_has_given_away_is_dropped_by_the_peer(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *mine = NULL;
	struct service *service = service_new(s->f, s->f->client, &mine);
	struct outcome *open = call(s),
	               *o = watch_outcome(
	                   s->f,
	                   waldo_ref_invoke(s->f->gate, "keep", "r", mine));

	waldo_ref_release(mine);
	(void) memory_settle();
	send(s, "[8,1,5,'bye']");
	(void) memory_settle();
	assert_failed(o, WALDO_ELOST, WALDO_NOT_SENT);
	assert_int_equal(service->destroyed, 0);
	send(s, "[4,-1,1]");
	(void) memory_settle();
	assert_int_equal(service->destroyed, 1);
	assert_int_equal(open->count, 0);
}

/* F48 */
static void
a_one_way_call_above_the_last_frame_was_not_delivered(void **state)
{
	struct session *s = session_of(state);
	struct outcome *below = call_one_way(s), *above = call_one_way(s);

	(void) memory_settle();
	send(s, "[8,1,5,'bye']");
	(void) memory_settle();
	assert_failed(above, WALDO_ELOST, WALDO_NOT_SENT);
	assert_int_equal(below->count, 0);
	send(s, "![5,2]");
	(void) memory_settle();
	assert_int_equal(below->count, 1);
	assert_ok(below->code);
}

/* P6: cancelled before, it had its outcome; its id is forgotten with it. */
static void
a_call_that_was_cancelled_before_goaway_is_over(void **state)
{
	struct session *s = session_of(state);
	waldo_promise *promise = waldo_ref_invoke(s->f->gate, "add", "i", 7);
	struct outcome *o = watch_outcome(s->f, waldo_promise_retain(promise));

	(void) memory_settle();
	waldo_promise_cancel(promise);
	waldo_promise_release(promise);
	(void) memory_settle();
	waldo_ref_release(s->f->gate);
	s->f->gate = NULL;
	(void) memory_settle();
	assert_failed(o, WALDO_ECANCELLED, WALDO_MAYBE_EXECUTED);
	/* Nothing else is open: the session was kept for this call alone. */
	send(s, "[8,0,5,'bye']");
	assert_begins(peer_await(&s->peer, "![9,"), "![9,0,");
}

static void
a_flush_after_goaway_still_goes(void **state)
{
	struct session *s = session_of(state);
	struct outcome *before, *after;

	before =
	    watch_outcome(s->f, waldo_ref_invoke(s->f->gate, ".flush", "i", 1));
	(void) memory_settle();
	send(s, "[8,0,5,'bye']");
	(void) memory_settle();
	after =
	    watch_outcome(s->f, waldo_ref_invoke(s->f->gate, ".flush", "i", 2));
	assert_string_equal(peer_await(&s->peer, "[1,3,"),
	                    "[1,3,0,0,[],{}] [2]");
	send(s, "[2,1,0,false,[]] 1", "[2,3,0,false,[]] 2");
	(void) memory_settle();
	assert_integer(before, 1);
	assert_integer(after, 2);
}

static void
a_session_whose_peer_goes_is_not_shared_any_more(void **state)
{
	struct session *s = session_of(state);
	struct peer next = {0};
	waldo_ref *again = NULL;
	struct outcome *o;

	send(s, "[8,0,5,'bye']");
	(void) memory_settle();
	assert_true(peer_listen(&next, "p"));
	assert_ok(waldo_connect(s->f->client, "waldo+inproc:p/", &again));
	o = watch_outcome(s->f, waldo_ref_invoke(again, "add", "i", 1));
	(void) memory_settle();
	send(s, "![6,1]");
	assert_true(peer_send(&next, PEER_HELLO));
	assert_string_equal(peer_await(&next, "[1,"),
	                    "[1,1,0,[1,'add'],[],{}] [1]");
	assert_true(peer_send(&next, "[2,1,0,false,[]] 2"));
	(void) memory_settle();
	assert_integer(o, 2);
	assert_int_equal(waldo_ref_get_state(s->f->gate), WALDO_FAR);
	waldo_ref_release(again);
	peer_fini(&next);
}

/* The peer's own calls run on. */
static void
calls_of_a_peer_that_goes_are_answered(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *mine = NULL;
	struct outcome *o;

	(void) service_new(s->f, s->f->client, &mine);
	o = watch_outcome(s->f,
	                  waldo_ref_invoke(s->f->gate, "hold", "r", mine));
	(void) memory_settle();
	send(s, "[8,1,5,'bye']", "[1,2,-1,'add',[],{}] [1]");
	assert_string_equal(peer_await(&s->peer, "[2,"), "[2,2,0,false,[]] 2");
	assert_int_equal(o->count, 0);
	waldo_ref_release(mine);
}

static void
a_peer_goes_once(void **state)
{
	struct session *s = session_of(state);

	send(s, "[8,0,5,'bye']", "[8,0,5,'bye']");
	assert_begins(peer_await(&s->peer, "![10,"), "![10,1,");
}

static void
a_peer_has_not_taken_what_was_not_sent(void **state)
{
	struct session *s = session_of(state);

	(void) call(s);
	(void) memory_settle();
	send(s, "[8,2,5,'bye']");
	assert_begins(peer_await(&s->peer, "![10,"), "![10,1,");
}

static void
a_peer_takes_back_no_acknowledgement(void **state)
{
	struct session *s = session_of(state);

	(void) call(s);
	(void) memory_settle();
	send(s, "![5,1]", "[8,0,5,'bye']");
	assert_begins(peer_await(&s->peer, "![10,"), "![10,1,");
}

static void
a_goaway_that_is_malformed_is_a_protocol_error(void **state)
{
	static const char *const frames[] = {
	    "[8]",           "[8,0,5]",       "[8,0,5,'a',1]", "[8,-1,5,'a']",
	    "[8,nil,5,'a']", "[8,0,5,1]",     "[8,0,5,nil]",   "[8,0,'5','a']",
	    "[8,0,-5,'a']",  "[8,0,5,'\xff']"};

	(void) state;
	assert_each_is_an_error(frames, sizeof(frames) / sizeof(*frames));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    client_test(calls_above_the_last_frame_never_run),
	    client_test(calls_that_were_answered_before_are_not_in_the_way),
	    client_test(a_call_that_is_made_after_goaway_fails_at_once),
	    client_test(a_call_that_waits_for_the_window_never_runs),
	    client_test(calls_on_results_that_never_come_fail),
	    client_test(what_such_a_call_has_given_away_is_dropped_by_the_peer),
	    client_test(a_one_way_call_above_the_last_frame_was_not_delivered),
	    client_test(a_call_that_was_cancelled_before_goaway_is_over),
	    client_test(a_flush_after_goaway_still_goes),
	    client_test(a_session_whose_peer_goes_is_not_shared_any_more),
	    client_test(calls_of_a_peer_that_goes_are_answered),
	    client_test(a_peer_goes_once),
	    client_test(a_peer_has_not_taken_what_was_not_sent),
	    client_test(a_peer_takes_back_no_acknowledgement),
	    cmocka_unit_test(a_goaway_that_is_malformed_is_a_protocol_error),
	};

	return cmocka_run_group_tests_name("farewell", tests, NULL, NULL);
}
