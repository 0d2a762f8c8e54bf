/* SPDX-License-Identifier: MIT */
/* The call window in both directions (PROTOCOL.md P16, P38; operation 6). */
#include "tests/unit/credit_fixture.h"

#include <stdio.h>

/* ---- our calls: the sender keeps within the window */

/* The node holds an object of the peer's, -1. */
static waldo_ref *
take_object(struct session *s)
{
	send(s, "[1,1,0,'fetch',[],{}] ['gate']", "[4,1,1]",
	     "[1,3,-2,'keep',[[0,-1,nil]],{}] [<0>]");
	read_on(s);
	assert_true(was_seen("[2,3,0,"));
	return s->f->service->kept;
}

static void
notify(struct session *s, int n, size_t len)
{
	static const uint8_t data[FRAME];

	assert_ok(
	    waldo_ref_notify(s->f->service->kept, "m", "iy", n, data, len));
}

static void
a_sender_keeps_within_the_window(void **state)
{
	struct session *s = session_of(state);
	size_t each, before;
	char credit[40];

	reopen(s, small(), PEER_HELLO);
	(void) take_object(s);
	notify(s, 0, 10000); /* which spells the name */
	read_on(s);
	assert_true(seen.calls > 0);
	notify(s, 1, 10000);
	before = (size_t) seen.calls;
	read_on(s);
	each = (size_t) seen.calls - before;
	for (int i = 2; i < 12; i++) {
		notify(s, i, 10000);
	}
	read_on(s);
	assert_true(seen.calls <= FRAME);
	assert_true(seen.calls + each > FRAME);
	before = (size_t) seen.calls;
	/* One byte too few, then enough for one, then for all. */
	(void) snprintf(credit, sizeof(credit), "[6,0,%zu]", before + each - 1);
	send(s, credit);
	read_on(s);
	assert_int_equal(seen.calls, before);
	(void) snprintf(credit, sizeof(credit), "[6,0,%zu]", before + each);
	send(s, credit);
	read_on(s);
	assert_int_equal(seen.calls, before + each);
	send(s, "[6,0,1000000]");
	read_on(s);
	assert_int_equal(seen.calls, before + each * (12 - before / each));
}

/* Totals are absolute: saying one again gives nothing. */
static void
credit_is_a_sum_over_the_session(void **state)
{
	struct session *s = session_of(state);
	uint64_t before;

	reopen(s, small(), PEER_HELLO);
	(void) take_object(s);
	notify(s, 0, 40000);
	notify(s, 1, 40000);
	read_on(s);
	before = seen.calls;
	assert_true(before < FRAME);
	send(s, "[6,0,65536]", "[6,0,65536]", "[6,0,66000]");
	read_on(s);
	assert_int_equal(seen.calls, before);
	send(s, "[6,0,90000]");
	read_on(s);
	assert_true(seen.calls > 80000);
}

/* P8: what would fit stays behind what does not. */
static void
no_call_overtakes_one_that_waits(void **state)
{
	struct session *s = session_of(state);
	uint64_t before;

	reopen(s, small(), PEER_HELLO);
	(void) take_object(s);
	notify(s, 0, 40000);
	notify(s, 1, 40000);
	notify(s, 2, 10);
	read_on(s);
	before = seen.calls;
	assert_true(before > 40000 && before < 50000);
	send(s, "[6,0,200000]");
	read_on(s);
	assert_true(seen.calls > before + 40000);
}

/* P38: no id, no count, NOT_SENT. */
static void
a_call_that_waits_is_cancelled_without_a_trace(void **state)
{
	static const uint8_t data[FRAME];
	struct session *s = session_of(state);
	waldo_ref *kept;
	waldo_promise *large, *next;
	size_t count;

	reopen(s, small(), PEER_HELLO);
	kept = take_object(s);
	notify(s, 0, 40000);
	large = waldo_ref_invoke(kept, "m", "yr", data, (size_t) 40000,
	                         s->f->service_ref);
	next = waldo_ref_invoke(kept, "m", "i", 7);
	read_on(s);
	count = seen.count;
	waldo_promise_cancel(large);
	assert_err(waldo_promise_get_failure(large)->code, WALDO_ECANCELLED);
	assert_int_equal(waldo_promise_get_failure(large)->fate,
	                 WALDO_NOT_SENT);
	/* Which makes way for the one behind it: it has the id. */
	read_on(s);
	assert_int_equal(seen.count, count + 1);
	assert_begins(seen.texts[count], "[1,2,-1,1,[],{}] [7]");
	waldo_promise_release(large);
	waldo_promise_release(next);
}

static void
a_call_that_waits_may_be_late(void **state)
{
	static const uint8_t data[30000];
	const waldo_options options = {sizeof(options), 50, 0};
	struct session *s = session_of(state);
	waldo_request *request;
	waldo_promise *late;
	size_t count;

	reopen(s, small(), PEER_HELLO);
	request = waldo_request_new(take_object(s), "m", &options);
	notify(s, 0, 60000);
	waldo_put_bytes(waldo_request_get_args(request), data, sizeof(data));
	late = waldo_request_send(request);
	read_on(s);
	count = seen.count;
	memory_advance(100 * 1000);
	assert_err(waldo_promise_get_failure(late)->code, WALDO_EDEADLINE);
	assert_int_equal(waldo_promise_get_failure(late)->fate, WALDO_NOT_SENT);
	send(s, "[6,0,200000]");
	read_on(s);
	assert_int_equal(seen.count, count);
	waldo_promise_release(late);
}

/* F25: it holds its target and its arguments, whose DROP stays behind. */
static void
a_call_that_waits_holds_its_target(void **state)
{
	struct session *s = session_of(state);
	size_t count;

	reopen(s, small(), PEER_HELLO);
	(void) take_object(s);
	notify(s, 0, 60000);
	notify(s, 1, 30000);
	send(s, "[1,5,-2,'let_go',[],{}] []");
	read_on(s);
	assert_false(was_seen("[4,-1,"));
	count = seen.count;
	send(s, "[6,0,200000]");
	read_on(s);
	assert_int_equal(seen.count, count + 2);
	assert_begins(seen.texts[count], "[1,nil,-1,1,[],{}] [1,");
	assert_begins(seen.texts[count + 1], "[4,-1,1]");
}

struct room {
	int told;
	waldo_state state;
};

static void
note_room(waldo_ref *ref, waldo_state state, void *user)
{
	struct room *room = user;

	(void) ref;
	room->told++;
	room->state = state;
}

/* P38: bounded by queued_bytes; what is made on a result to come stands in the
 * same queue. */
static void
there_is_room_when_half_of_what_waited_has_left(void **state)
{
	static const uint8_t data[10000];
	struct session *s = session_of(state);
	struct room far = {0}, promised = {0};
	waldo_promise *promise;
	waldo_ref *kept;
	int n = 0;

	reopen(s, small(), PEER_HELLO);
	kept = take_object(s);
	promise = waldo_ref_invoke(kept, "m", "");
	while (waldo_ref_notify(kept, "m", "y", data, sizeof(data)) ==
	       WALDO_OK) {
		n++;
	}
	assert_int_equal(n, 12);
	assert_non_null(
	    strstr(waldo_node_get_message(s->f->server), "at most 131072 may"));
	assert_ok(waldo_ref_watch_room(kept, note_room, &far, NULL));
	assert_ok(waldo_ref_watch_room(waldo_promise_get_ref(promise),
	                               note_room, &promised, NULL));
	send(s, "[6,0,65537]");
	read_on(s); /* 6 of 12 leave, and 6 still wait: with all they cost, no
	             * less than half of what may */
	send(s, "[6,0,70000]");
	read_on(s);
	assert_int_equal(far.told + promised.told, 0);
	send(s, "[6,0,80200]");
	read_on(s);
	assert_int_equal(far.told, 1);
	assert_int_equal(far.state, WALDO_FAR);
	assert_int_equal(promised.told, 1);
	assert_int_equal(promised.state, WALDO_PENDING);
	waldo_promise_release(promise);
}

/* Else whoever tries again when there is room would do so for ever. */
static void
there_is_no_room_while_total_bytes_are_used(void **state)
{
	static const uint8_t data[10000];
	struct session *s = session_of(state);
	waldo_limits limits = small();
	struct room room = {0};
	waldo_ref *kept;

	limits.queued_bytes = 1024 * KIB;
	limits.total_bytes = 256 * KIB;
	reopen(s, limits, "![0,{0:[1,1],1:1,5:8388608}]");
	kept = take_object(s);
	while (waldo_ref_notify(kept, "m", "y", data, sizeof(data)) ==
	       WALDO_OK) {
	}
	assert_begins(waldo_node_get_message(s->f->server), "total_bytes: ");
	assert_ok(waldo_ref_watch_room(kept, note_room, &room, NULL));
	(void) memory_settle();
	assert_int_equal(room.told, 0);
	read_on(s);
	assert_int_equal(room.told, 1);
	assert_int_equal(room.state, WALDO_FAR);
}

static void
a_smaller_sum_is_an_error(void **state)
{
	struct session *s = session_of(state);

	send(s, "[6,0,65535]");
	assert_protocol_error(s, "CREDIT of 65535 bytes for 0, after 65536");
}

static void
credit_for_a_stream_is_an_error(void **state)
{
	struct session *s = session_of(state);

	send(s, "[6,1,100000]");
	assert_protocol_error(s, "CREDIT of 100000 bytes for 1");
}

static void
malformed_credit_is_an_error(void **state)
{
	struct session *s = session_of(state);

	send(s, "[6,0]");
	assert_protocol_error(s, "CREDIT");
}

static void
credit_with_too_many_elements_is_an_error(void **state)
{
	struct session *s = session_of(state);

	send(s, "[6,0,100000,0]");
	assert_protocol_error(s, "CREDIT");
}

/* ---- HELLO, key 5 */

static void
hello_offers_our_window(void **state)
{
	struct session *s = session_of(state);
	waldo_limits limits = small();

	limits.call_window = 77777;
	reopen(s, limits, PEER_HELLO);
	assert_non_null(strstr(s->peer.text, ",5:77777,"));
}

/* What the node says to that HELLO, or to a PING behind it. */
static const char *
greet(struct session *s, const char *hello)
{
	const char *text;

	reopen(s, small(), hello);
	text = peer_receive(&s->peer);
	if (*text != '\0') {
		return text;
	}
	send(s, "![6,1]");
	return peer_receive(&s->peer);
}

static void
a_window_below_the_floor_is_an_error(void **state)
{
	struct session *s = session_of(state);

	assert_begins(greet(s, "![0,{0:[1,1],1:1,5:65535}]"), "![10,1,");
	assert_begins(greet(s, "![0,{0:[1,1],1:1,5:65536}]"), "![7,1]");
}

static void
a_window_that_holds_no_frame_is_an_error(void **state)
{
	struct session *s = session_of(state);

	assert_begins(greet(s, "![0,{0:[1,1],1:1,5:99999,2:100000}]"),
	              "![10,1,");
	assert_begins(greet(s, "![0,{0:[1,1],1:1,5:100000,2:100000}]"),
	              "![7,1]");
}

/* Else a frame that the peer takes could never be sent. */
static void
a_window_that_is_missing_holds_a_frame(void **state)
{
	struct session *s = session_of(state);
	waldo_limits limits = small();

	limits.message_bytes = limits.retained_bytes = limits.call_window =
	    128 * KIB;
	reopen(s, limits, "![0,{0:[1,1],1:1,2:120000}]");
	(void) take_object(s);
	for (int i = 0; i < 2; i++) {
		notify(s, i, 55000);
	}
	take(s);
	assert_true(seen.calls > 110000);
}

/* ---- the peer's calls: their bytes come back */

static uint64_t
total_of(struct session *s)
{
	take(s);
	return seen.total;
}

/* P16, F24. */
static void
a_call_gives_its_bytes_back_before_it_completes(void **state)
{
	struct session *s = session_of(state);
	uint64_t before;
	size_t len;

	open_gate(s, small());
	before = total_of(s);
	len = send_call(s, "[1,3,-2,'hold',[],{}]", 1, 30000);
	assert_int_equal(total_of(s), before + len);
	assert_false(was_seen("[2,3,"));
	assert_int_equal(s->f->service->held_count, 1);
}

static void
parked_and_refused_calls_give_their_bytes_back(void **state)
{
	struct session *s = session_of(state);
	size_t len;
	uint64_t before;

	open_gate(s, small());
	send(s, "[1,3,-2,'hold',[],{}] []");
	before = total_of(s);
	len = send_call(s, "[1,5,3,'mark',[],{}]", 1, 30000);
	len += send_call(s, "[1,7,-2,'no_such',[],{}]", 1, 20000);
	assert_int_equal(total_of(s), before + len);
	len += send_call(s, "[1,nil,0,'no_such',[],{}]", 1, 20000);
	assert_int_equal(total_of(s), before + len);
	/* A dead target. */
	send(s, "[4,1,1]");
	len += send_call(s, "[1,9,1,'mark',[],{}]", 1, 20000);
	assert_int_equal(total_of(s), before + len);
	assert_alive(s, 1);
}

static void
a_call_beyond_the_window_is_an_error(void **state)
{
	struct session *s = session_of(state);

	open_gate(s, small());
	/* Before there was a turn in which CREDIT could have come. */
	(void) send_call(s, "[1,nil,-2,'mark',[],{}]", 1, 30000);
	(void) send_call(s, "[1,nil,-2,'mark',[],{}]", 2, 30000);
	(void) send_call(s, "[1,nil,-2,'mark',[],{}]", 3, 30000);
	assert_protocol_error(s, "call_window: a call of 300");
	assert_int_equal(s->f->service->order_count, 2);
}

/* Whatever small calls came before, the largest that may come has room once
 * they are done. */
static void
the_window_never_sticks_below_a_frame(void **state)
{
	struct session *s = session_of(state);

	open_gate(s, small());
	send(s, "[1,nil,-2,'mark',[],{}] [0]");
	(void) memory_settle();
	assert_int_equal(send_call(s, "[1,nil,-2,'mark',[],{}]", 1, FRAME - 25),
	                 FRAME);
	assert_alive(s, 1);
	assert_int_equal(s->f->service->order_count, 2);
}

/* Credit is told by the quarter: calls in turn do not cost one each. */
static void
small_calls_do_not_cost_a_credit_each(void **state)
{
	struct session *s = session_of(state);
	waldo_limits limits = small();
	uint64_t sent = 0;

	limits.call_window = 400 * KIB;
	open_gate(s, limits);
	for (int i = 0; i < 100; i++) {
		sent += send_call(s, "[1,nil,-2,'mark',[],{}]", i, 3000);
		take(s);
	}
	assert_true(sent > 2 * 100 * KIB && sent < 3 * 100 * KIB);
	assert_int_equal(seen.credits, 2);
	assert_int_equal(s->f->service->order_count, 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(a_sender_keeps_within_the_window),
	    session_test(credit_is_a_sum_over_the_session),
	    session_test(no_call_overtakes_one_that_waits),
	    session_test(a_call_that_waits_is_cancelled_without_a_trace),
	    session_test(a_call_that_waits_may_be_late),
	    session_test(a_call_that_waits_holds_its_target),
	    session_test(there_is_room_when_half_of_what_waited_has_left),
	    session_test(there_is_no_room_while_total_bytes_are_used),
	    session_test(a_smaller_sum_is_an_error),
	    session_test(credit_for_a_stream_is_an_error),
	    session_test(malformed_credit_is_an_error),
	    session_test(credit_with_too_many_elements_is_an_error),
	    session_test(hello_offers_our_window),
	    session_test(a_window_below_the_floor_is_an_error),
	    session_test(a_window_that_holds_no_frame_is_an_error),
	    session_test(a_window_that_is_missing_holds_a_frame),
	    session_test(a_call_gives_its_bytes_back_before_it_completes),
	    session_test(parked_and_refused_calls_give_their_bytes_back),
	    session_test(a_call_beyond_the_window_is_an_error),
	    session_test(the_window_never_sticks_below_a_frame),
	    session_test(small_calls_do_not_cost_a_credit_each),
	};

	return cmocka_run_group_tests_name("credit", tests, NULL, NULL);
}
