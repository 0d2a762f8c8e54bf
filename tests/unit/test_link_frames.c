/* SPDX-License-Identifier: MIT */
/* Opening a link, keeping it, ending it (PROTOCOL.md P19, P20, P23, P25, P26). */
#include "tests/unit/session_fixture.h"

#include <stdio.h>

/* P19, P26. */
static void
acks_say_what_was_applied(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	assert_string_equal(peer_receive(&s->peer), "");
	memory_advance(2000000);
	assert_string_equal(peer_receive(&s->peer), "");
	/* The call and its drop. */
	assert_int_equal(s->peer.acked, 2);
}

/* F14, P20: two idle nodes are silent, but for their pings. */
static void
an_ack_is_not_acknowledged(void **state)
{
	struct session *s = session_of(state);
	unsigned acks;

	fetch(s);
	memory_advance(2000000);
	assert_string_equal(peer_receive(&s->peer), "");
	acks = s->peer.acks;
	send(s, "![5,1]");
	assert_alive(s, 1);
	memory_advance(2000000);
	assert_string_equal(peer_await(&s->peer, "["), "");
	assert_int_equal(s->peer.acks, acks);
}

/* P26: it does not know what that is. */
static void
a_peer_without_the_feature_is_told_nothing(void **state)
{
	struct session *s = session_of(state);

	peer_fini(&s->peer);
	memset(&s->peer, 0, sizeof(s->peer));
	s->peer.raw = memory_raw_dial("n");
	assert_non_null(s->peer.raw);
	assert_true(peer_send_bytes(&s->peer, peer_preamble, 12));
	assert_true(peer_send(&s->peer, "![0,{0:[1,1]}]"));
	assert_begins(peer_receive(&s->peer), "![0,{");
	fetch(s);
	memory_advance(2000000);
	assert_alive(s, 1);
	assert_int_equal(s->peer.acks, 0);
}

/* P26: not each frame, if there is nothing else to say. */
static void
an_ack_waits_for_a_second_or_for_32_kib(void **state)
{
	enum { SIZE = 3000 };
	struct session *s = session_of(state);
	char frame[2 * SIZE + 64], *p;
	unsigned acks;

	fetch(s);
	memory_advance(2000000);
	assert_string_equal(peer_receive(&s->peer), "");
	acks = s->peer.acks;
	p = frame + sprintf(frame, "[1,nil,-2,'mark',[],{}] [1,x'");
	for (int i = 0; i < SIZE; i++) {
		p += sprintf(p, "00");
	}
	(void) strcpy(p, "']");
	for (int i = 0; i < 10; i++) {
		send(s, frame);
		assert_string_equal(peer_receive(&s->peer), "");
		assert_int_equal(s->peer.acks, acks);
	}
	send(s, frame);
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(s->peer.acks, acks + 1);
	assert_int_equal(s->peer.acked, 13);
	send(s, "[1,nil,-2,'mark',[],{}] [1]");
	memory_advance(990000);
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(s->peer.acks, acks + 1);
	memory_advance(20000);
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(s->peer.acked, 14);
}

/* Calls `first` up to `last`, each answered before the next; returns how many
 * ACKs came along. */
static unsigned
count_acks(struct session *s, int first, int last, const char *args)
{
	unsigned acks = s->peer.acks;
	char frame[3 * 1500 + 64], start[16];

	for (int id = first; id <= last; id += 2) {
		(void) snprintf(frame, sizeof(frame),
		                "[1,%d,-2,'echo',[],{}] [%s]", id, args);
		(void) snprintf(start, sizeof(start), "[2,%d,0,", id);
		send(s, frame);
		assert_begins(peer_receive(&s->peer), start);
	}
	assert_string_equal(peer_receive(&s->peer), "");
	return s->peer.acks - acks;
}

/* P26: of many small calls in a row few are acknowledged at once. */
static void
an_ack_goes_along_with_sixteen_frames_or_4_kib(void **state)
{
	struct session *s = session_of(state);
	char args[3 * 1500 + 1], *p = args;

	fetch(s); /* call 1 and a drop */
	memory_advance(2000000);
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(s->peer.acked, 2);
	memory_advance(200000);
	assert_int_equal(count_acks(s, 3, 3, "1"), 1);
	assert_int_equal(s->peer.acked, 3);
	assert_int_equal(count_acks(s, 5, 33, "1"), 0);
	assert_int_equal(count_acks(s, 35, 35, "1"), 1);
	assert_int_equal(s->peer.acked, 19);
	p += sprintf(p, "=c50578"); /* bin 16, 1,400 bytes */
	for (int i = 0; i < 1400; i++) {
		p += sprintf(p, "00");
	}
	(void) strcpy(p, "=");
	assert_int_equal(count_acks(s, 37, 39, args), 0);
	assert_int_equal(count_acks(s, 41, 41, args), 1);
	assert_int_equal(s->peer.acked, 22);
}

/* P26, P29. */
static void
an_ack_goes_along_with_a_pong_and_after_a_pause(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	memory_advance(2200000);
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(count_acks(s, 3, 3, "1"), 1);
	assert_int_equal(count_acks(s, 5, 5, "1"), 0);
	assert_alive(s, 1);
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(s->peer.acked, 4);
	assert_int_equal(count_acks(s, 7, 7, "1"), 0);
	memory_advance(100000);
	assert_int_equal(count_acks(s, 9, 9, "1"), 1);
	assert_int_equal(count_acks(s, 11, 11, "1"), 0);
	memory_advance(1000000);
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(s->peer.acked, 7);
}

/* P23. */
static void
bye_ends_the_session(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'keep',[[0,-1,nil]],{}] [<0>]");
	assert_begins(peer_receive(&s->peer), "[2,3,0,");
	send(s, "![9,0,'so long']");
	assert_true(peer_is_closed(&s->peer));
	assert_int_equal(waldo_ref_get_state(s->f->service->kept),
	                 WALDO_BROKEN);
	assert_non_null(strstr(
	    waldo_ref_get_failure(s->f->service->kept)->message, "so long"));
}

static void
what_a_peer_says_in_the_end_is_escaped(void **state)
{
	struct session *s = session_of(state);
	const char *message;

	fetch(s);
	send(s, "[1,3,-2,'keep',[[0,-1,nil]],{}] [<0>]");
	assert_begins(peer_receive(&s->peer), "[2,3,0,");
	send(s, "![10,0,'a\n\x1b[1mb',0]");
	assert_true(peer_is_closed(&s->peer));
	message = waldo_ref_get_failure(s->f->service->kept)->message;
	assert_null(strchr(message, '\n'));
	assert_null(strchr(message, '\x1b'));
}

static void
a_silent_link_is_pinged_and_then_lost(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	memory_advance(15000000);
	assert_begins(peer_await(&s->peer, "![6,"), "![6,");
	assert_false(peer_is_closed(&s->peer));
	memory_advance(15000000);
	assert_true(peer_is_closed(&s->peer));
}

/* P25: an idle healthy link is never lost. */
static void
a_link_that_answers_pings_is_not_lost(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	for (int i = 0; i < 100; i++) {
		const char *ping;
		char pong[64];

		memory_advance(2000000);
		ping = peer_await(&s->peer, "![6,");
		if (*ping != '\0') {
			(void) snprintf(pong, sizeof(pong), "![7,%s", ping + 4);
			send(s, pong);
		}
	}
	assert_false(peer_is_closed(&s->peer));
	assert_alive(s, 7);
}

static void
whoever_does_not_open_the_link_is_closed(void **state)
{
	static const char *const openings[] = {
	    "GET / HTTP/1.1\r\n\r\n",
	    "\xc1WD\x02\0\0\0\0\0\0\0\0",
	    "\xc1WD\x01\x09\0\0\0\0\0\0\0",
	    "\xc1XD\x01\0\0\0\0\0\0\0\0",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(openings) / sizeof(*openings); i++) {
		struct peer peer = {0};

		peer.raw = memory_raw_dial("n");
		assert_non_null(peer.raw);
		assert_true(peer_send_bytes(&peer, openings[i], 12));
		assert_true(peer_is_closed(&peer));
		peer_fini(&peer);
	}
}

static void
hello_comes_first(void **state)
{
	struct peer peer = {0};

	(void) state;
	peer.raw = memory_raw_dial("n");
	assert_non_null(peer.raw);
	assert_true(peer_send_bytes(&peer, peer_preamble, 12));
	assert_true(peer_send(&peer, "[1,1,0,'names',[],{}] []"));
	assert_begins(peer_await(&peer, "![10,"), "![10,");
	assert_true(peer_is_closed(&peer));
	peer_fini(&peer);
}

static void
versions_must_meet(void **state)
{
	struct peer peer = {0};

	(void) state;
	peer.raw = memory_raw_dial("n");
	assert_non_null(peer.raw);
	assert_true(peer_send_bytes(&peer, peer_preamble, 12));
	assert_true(peer_send(&peer, "![0,{0:[2,3]}]"));
	assert_true(peer_is_closed(&peer));
	peer_fini(&peer);
}

/* P36; DESIGN 4.3, 9. Promise 6: a burst in one read is all done, in order. */
static void
a_burst_is_worked_off_over_several_turns(void **state)
{
	struct session *s = session_of(state);
	char frame[64];

	fetch(s);
	for (int i = 0; i < 5000; i++) {
		(void) snprintf(frame, sizeof(frame),
		                "[1,nil,-2,'add',[],{}] [%d]", i % 100);
		send(s, frame);
	}
	/* One turn takes a part of it; then others have theirs. */
	assert_ok(waldo_node_step(s->f->server, 0));
	assert_in_range(s->f->service->calls, 1, 4999);
	assert_alive(s, 1);
	assert_int_equal(s->f->service->calls, 5000);
}

static void
work_for_a_while(void *self, waldo_call *call)
{
	++*(int *) self;
	memory_pass(20);
	waldo_call_reply(call, "");
}

static const waldo_method slow_methods[] = {{"work", work_for_a_while, NULL, 0},
                                            {NULL, NULL, NULL, 0}};
static const waldo_class slow_class = {WALDO_CLASS_SIZES, "Slow", slow_methods,
                                       NULL, NULL};

/* P36: few frames may be much work, for which others must not wait. */
static void
work_of_one_link_does_not_keep_others_waiting(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *slow = NULL;
	int worked = 0;

	assert_ok(waldo_object_new(s->f->server, &slow_class, &worked, &slow));
	assert_ok(waldo_publish(s->f->server, "slow", slow));
	waldo_ref_release(slow);
	send(s, "[1,1,0,'fetch',[],{}] ['slow']");
	assert_begins(peer_receive(&s->peer), "[2,1,0,true,");
	for (int i = 0; i < 200; i++) {
		send(s, "[1,nil,-2,'work',[],{}] []");
	}
	for (int turns = 0; turns < 200; turns++) {
		int before = worked;

		assert_ok(waldo_node_step(s->f->server, 0));
		assert_in_range(worked - before, 0, 40);
	}
	assert_int_equal(worked, 200);
	waldo_unpublish(s->f->server, "slow");
}

/* DESIGN 4.3, 8. The ledger of waldoi_node_count(). */
static void
nothing_stays_of_a_session_that_ended(void **state)
{
	struct session *s = session_of(state);
	waldoi_counts before, after;
	struct peer peer;

	peer_fini(&s->peer);
	(void) memory_settle();
	waldoi_node_count(s->f->server, &before);
	assert_int_equal(before.sessions, 0);
	assert_true(peer_dial(&peer, "n"));
	assert_true(peer_send(&peer, "[1,1,0,'fetch',[],{}] ['gate']"));
	assert_true(peer_send(&peer, "[1,3,1,'list',[[0,-1,nil]],{}] [1,<0>]"));
	assert_true(peer_send(&peer, "[1,5,1,'fail',[],{0:100000}] ['a','b']"));
	assert_true(peer_send(&peer, "[1,7,1,'make',[],{}] []"));
	assert_begins(peer_await(&peer, "[2,7,"), "[2,7,0");
	waldoi_node_count(s->f->server, &after);
	assert_int_equal(after.sessions, 1);
	assert_true(after.exports >= 2);
	peer_fini(&peer);
	(void) memory_settle();
	waldoi_node_count(s->f->server, &after);
	assert_memory_equal(&before, &after, sizeof(before));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(acks_say_what_was_applied),
	    session_test(an_ack_is_not_acknowledged),
	    session_test(a_peer_without_the_feature_is_told_nothing),
	    session_test(an_ack_waits_for_a_second_or_for_32_kib),
	    session_test(an_ack_goes_along_with_sixteen_frames_or_4_kib),
	    session_test(an_ack_goes_along_with_a_pong_and_after_a_pause),
	    session_test(bye_ends_the_session),
	    session_test(what_a_peer_says_in_the_end_is_escaped),
	    session_test(a_silent_link_is_pinged_and_then_lost),
	    session_test(a_link_that_answers_pings_is_not_lost),
	    session_test(whoever_does_not_open_the_link_is_closed),
	    session_test(hello_comes_first),
	    session_test(versions_must_meet),
	    session_test(a_burst_is_worked_off_over_several_turns),
	    session_test(work_of_one_link_does_not_keep_others_waiting),
	    session_test(nothing_stays_of_a_session_that_ended),
	};

	return cmocka_run_group_tests_name("link_frames", tests, NULL, NULL);
}
