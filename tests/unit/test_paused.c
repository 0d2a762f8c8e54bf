/* SPDX-License-Identifier: MIT */
/* What happens to the calls of a peer that leaves our output unread
 * (PROTOCOL.md P17, P39). */
#include "broker/session/session.h"
#include "tests/unit/credit_fixture.h"

#include <stdio.h>

/* Results until more than a quarter of queued_bytes waits: two of them have
 * left, and before they are acknowledged a third does not begin. */
static void
choke(struct session *s)
{
	send(s, "[1,3,-2,'big',[],{}] [60000]", "[1,5,-2,'big',[],{}] [60000]",
	     "[1,7,-2,'big',[],{}] [60000]");
	take(s);
}

/* Acknowledges all frames up to that one. */
static void
acknowledge(struct session *s, const char *start)
{
	size_t n = find_seen(start);
	char ack[32];

	assert_true(n < seen.count);
	(void) snprintf(ack, sizeof(ack), "![5,%zu]", n + 1);
	send(s, ack);
}

static void
assert_order(const struct session *s, int from, int count)
{
	const struct service *service = s->f->service;

	assert_int_equal(service->order_count, count);
	for (int i = 0; i < count; i++) {
		assert_int_equal(service->order[i], from + i);
	}
}

static void
calls_of_a_peer_that_does_not_read_wait_in_order(void **state)
{
	struct session *s = session_of(state);

	open_gate(s, small());
	choke(s);
	send(s, "[1,9,-2,'mark',[],{}] [0]", "[1,nil,-2,'mark',[],{}] [1]",
	     "[1,11,-2,'mark',[],{}] [2]", "[1,13,-2,'no_such',[],{}] []",
	     "[1,nil,-2,'mark',[],{}] [3]");
	take(s);
	assert_int_equal(s->f->service->order_count, 0);
	assert_false(was_seen("[2,9,"));
	assert_alive(s, 1); /* P17: all else goes on */
	read_on(s);
	assert_order(s, 0, 4);
	assert_true(was_seen("[2,9,0,false,[]] 0"));
	assert_true(was_seen("[2,11,0,false,[]] 2"));
	assert_true(was_seen("[2,13,1,"));
	/* And nothing waits any more. */
	send(s, "[1,nil,-2,'mark',[],{}] [4]");
	take(s);
	assert_order(s, 0, 5);
}

/* Results that stop the output again in the middle. */
static void
calls_wait_again_when_their_results_are_not_read(void **state)
{
	struct session *s = session_of(state);

	open_gate(s, small());
	choke(s);
	send(s, "[1,nil,-2,'mark',[],{}] [0]", "[1,9,-2,'big',[],{}] [60000]",
	     "[1,11,-2,'big',[],{}] [60000]", "[1,nil,-2,'mark',[],{}] [1]");
	take(s);
	assert_int_equal(s->f->service->order_count, 0);
	acknowledge(s, "[2,3,");
	take(s);
	assert_int_equal(s->f->service->order_count, 1);
	read_on(s);
	assert_order(s, 0, 2);
	assert_true(was_seen("[2,11,0,"));
}

static void
a_paused_call_can_be_cancelled(void **state)
{
	struct session *s = session_of(state);

	open_gate(s, small());
	choke(s);
	send(s, "[1,9,-2,'mark',[],{}] [9]", "[1,11,-2,'mark',[],{}] [0]",
	     "[5,9]", "[5,9]");
	read_on(s);
	assert_order(s, 0, 1);
	assert_true(was_seen("[2,9,2,false,[]]"));
	assert_true(was_seen("[2,11,0,"));
}

static size_t
call_count(const struct session *s)
{
	waldoi_counts counts;

	waldoi_node_count(s->f->server, &counts);
	return counts.calls;
}

static void
a_paused_call_may_be_late(void **state)
{
	struct session *s = session_of(state);

	open_gate(s, small());
	choke(s);
	send(s, "[1,9,-2,'mark',[],{0:50}] [9]", "[1,11,-2,'mark',[],{}] [0]");
	(void) memory_settle();
	assert_int_equal(call_count(s), 3); /* 1 is kept */
	memory_advance(100 * 1000);
	assert_int_equal(call_count(s), 2);
	read_on(s);
	assert_order(s, 0, 1);
	assert_true(was_seen("[2,9,3,false,[]]"));
}

static void
open_door(void *self, waldo_call *call)
{
	struct service *service = self;

	service_answer_ref(service, service->f->service_ref);
	waldo_call_reply(call, "");
}

static const waldo_method door_methods[] = {{"open", open_door, NULL, 0},
                                            {NULL, NULL, NULL, 0}};
static const waldo_class door_class = {WALDO_CLASS_SIZES, "Door", door_methods,
                                       NULL, NULL};

/* The same for one that came when its object had calls to run before it, whose
 * results are too many. */
static void
a_call_whose_turn_had_come_may_be_late(void **state)
{
	struct session *s = session_of(state);

	open_gate(s, small());
	assert_ok(waldo_object_new(s->f->server, &door_class, s->f->service,
	                           &s->f->service->kept));
	send(s, "[1,3,-2,'kept',[],{}] []", "[4,3,1]",
	     "[1,5,-2,'hold',[],{}] []");
	take(s);
	assert_true(was_seen("[2,3,0,true,[[0,-4,nil]]]"));
	send(s, "[1,7,5,'big',[],{}] [60000]", "[1,9,5,'big',[],{}] [60000]",
	     "[1,11,5,'big',[],{}] [60000]", "[1,13,-4,'open',[],{}] []",
	     "[1,15,-2,'mark',[],{0:50}] [9]", "[1,17,-2,'mark',[],{}] [0]");
	(void) memory_settle();
	assert_int_equal(s->f->service->order_count, 0);
	assert_int_equal(call_count(s), 4); /* 1 and 5 are kept */
	memory_advance(100 * 1000);
	assert_int_equal(call_count(s), 3);
	read_on(s);
	assert_order(s, 0, 1);
	assert_true(was_seen("[2,15,3,false,[]]"));
}

/* P4. */
static void
a_paused_call_holds_its_target(void **state)
{
	struct session *s = session_of(state);

	open_gate(s, small());
	send(s, "[1,3,-2,'make',[],{}] []", "[4,3,1]");
	take(s);
	assert_true(was_seen("[2,3,0,true,[[0,-4,nil]]]"));
	send(s, "[1,5,-2,'big',[],{}] [60000]", "[1,7,-2,'big',[],{}] [60000]",
	     "[1,9,-2,'big',[],{}] [60000]");
	take(s);
	send(s, "[1,11,-4,'add',[],{}] [1]", "[4,-4,1]");
	take(s);
	assert_int_equal(s->f->services[2].destroyed, 0);
	read_on(s);
	assert_true(was_seen("[2,11,0,false,[]] 2"));
	assert_int_equal(s->f->services[2].destroyed, 1);
}

/* It is a target as soon as it has come. */
static void
a_paused_call_may_be_called_on(void **state)
{
	struct session *s = session_of(state);

	open_gate(s, small());
	choke(s);
	send(s, "[1,9,-2,'make',[],{}] []", "[1,11,9,'add',[],{}] [1]");
	read_on(s);
	assert_true(was_seen("[2,11,0,false,[]] 2"));
}

static void
paused_calls_end_with_their_session(void **state)
{
	struct session *s = session_of(state);
	waldoi_counts counts;

	open_gate(s, small());
	choke(s);
	send(s, "[1,9,-2,'mark',[],{0:1000}] [1]",
	     "[1,nil,-2,'mark',[],{}] [2]", "[1,11,9,'mark',[],{}] [2]");
	(void) memory_settle();
	waldoi_node_count(s->f->server, &counts);
	assert_int_equal(counts.calls, 4); /* 1 is kept */
	peer_fini(&s->peer);
	s->peer.raw = NULL;
	(void) memory_settle();
	waldoi_node_count(s->f->server, &counts);
	assert_int_equal(counts.calls, 0);
	assert_int_equal(counts.bytes, 0);
	assert_int_equal(s->f->service->order_count, 0);
}

/* The teardown frees the node. */
static void
paused_calls_end_with_their_node(void **state)
{
	struct session *s = session_of(state);

	open_gate(s, small());
	choke(s);
	send(s, "[1,9,-2,'mark',[],{0:1000}] [1]",
	     "[1,nil,-2,'mark',[],{}] [2]", "[1,11,9,'mark',[],{}] [2]");
	(void) memory_settle();
	assert_int_equal(s->f->service->order_count, 0);
}

static void
paused_calls_give_their_bytes_back_when_they_go(void **state)
{
	struct session *s = session_of(state);
	uint64_t before;
	size_t len;

	open_gate(s, small());
	choke(s);
	read_on(s);
	before = seen.total;
	len = send_call(s, "[1,9,-2,'big',[],{}]", 60000, 0);
	len += send_call(s, "[1,11,-2,'big',[],{}]", 60000, 0);
	len += send_call(s, "[1,13,-2,'big',[],{}]", 60000, 0);
	len += send_call(s, "[1,nil,-2,'mark',[],{}]", 0, 20000);
	len += send_call(s, "[1,15,-2,'mark',[],{}]", 9, 20000);
	send(s, "[5,15]");
	read_on(s);
	assert_order(s, 0, 1);
	assert_int_equal(seen.total, before + len);
}

/* P39: they are not given back before, so they are at most the window. */
static void
paused_calls_are_at_most_the_window(void **state)
{
	struct session *s = session_of(state);

	open_gate(s, small());
	choke(s);
	(void) send_call(s, "[1,nil,-2,'mark',[],{}]", 0, 30000);
	(void) memory_settle();
	(void) send_call(s, "[1,nil,-2,'mark',[],{}]", 1, 30000);
	(void) memory_settle();
	(void) send_call(s, "[1,nil,-2,'mark',[],{}]", 2, 30000);
	assert_begins(peer_await(&s->peer, "![10,"), "![10,1,");
	assert_int_equal(s->f->service->order_count, 0);
}

/* P34 counts what the user holds, and one-way calls cannot be counted by their
 * caller: none of these is lost. */
static void
more_one_way_calls_than_may_be_open_wait(void **state)
{
	struct session *s = session_of(state);
	waldo_limits limits = small();
	char text[64];

	limits.open_calls = 16;
	open_gate(s, limits);
	choke(s);
	for (int i = 0; i < 50; i++) {
		(void) snprintf(text, sizeof(text),
		                "[1,nil,-2,'mark',[],{}] [%d]", i);
		send(s, text);
	}
	(void) memory_settle();
	assert_int_equal(s->f->service->order_count, 0);
	read_on(s);
	assert_order(s, 0, 50);
}

/* But the user is not made to hold more for that. */
static void
calls_that_go_on_count_as_open(void **state)
{
	struct session *s = session_of(state);
	waldo_limits limits = small();

	limits.open_calls = 16;
	open_gate(s, limits);
	choke(s);
	for (int i = 0; i < 20; i++) {
		send(s, "[1,nil,-2,'hold',[],{}] []");
	}
	read_on(s);
	/* The kept result of call 1, and those of `big`, which have gone. */
	assert_int_equal(s->f->service->held_count, 15);
}

/* Promise 6: they count in total_bytes. */
static void
paused_calls_count_in_total_bytes(void **state)
{
	struct session *s = session_of(state);
	waldo_limits limits = small();

	limits.call_window = 256 * KIB;
	limits.queued_bytes = 192 * KIB;
	limits.total_bytes = 340 * KIB;
	open_gate(s, limits);
	choke(s);
	(void) send_call(s, "[1,9,-2,'mark',[],{}]", 0, 60000);
	(void) send_call(s, "[1,11,-2,'mark',[],{}]", 1, 60000);
	(void) send_call(s, "[1,13,-2,'mark',[],{}]", 2, 60000);
	read_on(s);
	assert_order(s, 0, 2);
	assert_true(was_seen("[2,13,1,false,[]] [3,'waldo.Limit','total_byt"));
	assert_alive(s, 1);
}

/* Small calls cost more than their bytes: they are bounded, too. */
static void
paused_calls_count_in_queued_bytes(void **state)
{
	enum { MANY = 1000 };
	struct session *s = session_of(state);
	size_t ran;

	open_gate(s, small());
	choke(s);
	for (int i = 0; i < MANY; i++) {
		send(s, "[1,nil,-2,'mark',[],{}] [0]");
	}
	read_on(s);
	ran = (size_t) s->f->service->order_count;
	assert_true(ran > 16 && ran <= 128 * KIB / sizeof(waldo_call) + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(calls_of_a_peer_that_does_not_read_wait_in_order),
	    session_test(calls_wait_again_when_their_results_are_not_read),
	    session_test(a_paused_call_can_be_cancelled),
	    session_test(a_paused_call_may_be_late),
	    session_test(a_call_whose_turn_had_come_may_be_late),
	    session_test(a_paused_call_holds_its_target),
	    session_test(a_paused_call_may_be_called_on),
	    session_test(paused_calls_end_with_their_session),
	    session_test(paused_calls_end_with_their_node),
	    session_test(paused_calls_give_their_bytes_back_when_they_go),
	    session_test(paused_calls_are_at_most_the_window),
	    session_test(more_one_way_calls_than_may_be_open_wait),
	    session_test(calls_that_go_on_count_as_open),
	    session_test(paused_calls_count_in_total_bytes),
	    session_test(paused_calls_count_in_queued_bytes),
	};

	return cmocka_run_group_tests_name("paused", tests, NULL, NULL);
}
