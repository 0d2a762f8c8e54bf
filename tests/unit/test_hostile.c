/* SPDX-License-Identifier: MIT */
/*
 * What a peer can say that means harm, or is badly made, and what must not come
 * of it: a call on what it was not given, a lie about what ran, a crash (DESIGN,
 * promises 2 and 7). What it can make a node keep is in test_hoard.c.
 */
#include "tests/unit/session_fixture.h"

#include <stdio.h>

/* ---- what is called */

/* P32, F3: what is no reference was not called, also if the answer is still
 * kept: its caller is told so (P7). */
static void
a_call_on_what_is_no_reference_never_ran(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'tree',[],{}] []");
	assert_begins(peer_receive(&s->peer), "[2,3,0,true,");
	send(s, "[1,5,[3,'n'],'add',[],{}] [1]",
	     "[1,7,[3,'nowhere'],'add',[],{}] [1]", "[4,3,1]",
	     "[1,9,[3,'n'],'add',[],{}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,5,4,false,[]] ");
	assert_begins(peer_receive(&s->peer), "[2,7,4,false,[]] ");
	assert_begins(peer_receive(&s->peer), "[2,9,4,false,[]] ");
}

/* One-way calls have no id, and 0 as a target is the peer's bootstrap object:
 * a call on the result, which will be nil, must not reach that. */
static void
nothing_is_called_on_what_a_one_way_call_returns(void **state)
{
	static const uint8_t big[70000];
	static const waldo_options one_way = {.size = sizeof(one_way),
	                                      .flags = WALDO_ONE_WAY};
	struct fixture *f = session_of(state)->f;
	struct peer peer = {0};
	waldo_ref *ref = NULL;
	waldo_request *request;
	waldo_promise *promise;
	struct outcome *o;
	const char *text;

	f->client = node_new(NULL);
	assert_true(peer_listen(&peer, "other"));
	assert_ok(waldo_connect(f->client, "waldo+inproc:other", &ref));
	request = waldo_request_new(ref, "log", &one_way);
	/* Too much for a peer that has not said HELLO: it waits. */
	waldo_put_bytes(waldo_request_get_args(request), big, sizeof(big));
	promise = waldo_request_send(request);
	o = watch_outcome(
	    f, waldo_ref_invoke(waldo_promise_get_ref(promise), "quit", ""));
	assert_ok(waldo_ref_notify(waldo_promise_get_ref_at(promise, "a"),
	                           "quit", ""));
	(void) memory_settle();
	memory_raw_skip(peer.raw, 12);
	assert_true(peer_send(&peer, "![0,{0:[1,1],1:1,2:4194304}]"));
	assert_begins(peer_await(&peer, "[1,nil,0,"), "[1,nil,0,[1,'log'],");
	assert_true(peer_send(&peer, "![5,1]"));
	while (*(text = peer_receive(&peer)) != '\0') {
		assert_null(strstr(text, "quit"));
	}
	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_EINVAL);
	assert_int_equal(o->fate, WALDO_NOT_SENT);
	waldo_promise_release(promise);
	waldo_ref_release(ref);
	peer_fini(&peer);
}

static struct service *subscribed;

static void
end_subscription(void *self)
{
	struct service *service = self;

	if (service->held_count > 0) {
		waldo_call_fail(service->held[--service->held_count],
		                "test.Gone", "the subscription has ended");
	}
}

static const waldo_method no_methods[] = {{NULL, NULL, NULL, 0}};
static const waldo_class subscription_class = {
    WALDO_CLASS_SIZES, "Subscription", no_methods, end_subscription, NULL};

/* P14: "at it, RETURN DEADLINE goes out at once and a later answer is thrown
 * away", also one that the RETURN itself sets off. */
static void
a_late_call_may_be_answered_by_what_fails_with_it(void **state)
{
	struct session *s = session_of(state);

	subscribed = s->f->service;
	assert_ok(waldo_object_new(s->f->server, &subscription_class,
	                           subscribed, &subscribed->kept));
	fetch(s);
	send(s, "[1,3,-2,'hold',[],{0:50}] []", "[1,5,-2,'kept',[],{}] []");
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,5,0,true,[[0,-4,nil]]] <0>");
	/* From here on only the call that waits for 3 holds it. */
	send(s, "[1,7,3,'add',[[2,-4]],{}] [<0>]", "[1,9,-2,'let_go',[],{}] []",
	     "[4,-4,1,5,1]");
	assert_begins(peer_receive(&s->peer), "[2,9,0,");
	assert_int_equal(subscribed->held_count, 1);
	memory_advance(100 * 1000);
	assert_int_equal(subscribed->held_count, 0);
	assert_begins(peer_receive(&s->peer), "[2,3,3,false,[]] ");
	assert_begins(peer_receive(&s->peer), "[2,7,");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_alive(s, 1);
}

/* ---- what descriptors and options say */

/* "Descriptors": a broken reference is kept for as long as somebody holds it,
 * so its text is short. */
static void
the_text_of_a_broken_reference_is_bounded(void **state)
{
	struct session *s = session_of(state);
	char text[400], message[242];

	memset(message, 'x', sizeof(message));
	fetch(s);
	(void) snprintf(text, sizeof(text),
	                "[1,3,-2,'echo',[[6,[1,'a','%.240s',nil]]],{}] [<0>]",
	                message);
	send(s, text);
	assert_begins(peer_receive(&s->peer), "[2,3,0,true,[[6,[1,'a','xxx");
	(void) snprintf(text, sizeof(text),
	                "[1,5,-2,'echo',[[6,[1,'a','%.241s',nil]]],{}] [<0>]",
	                message);
	send(s, text);
	assert_protocol_error(s, "reference 0");
}

static void
a_broken_reference_has_no_details(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'echo',[[6,[1,'a','b',1]]],{}] [<0>]");
	assert_protocol_error(s, "reference 0");
}

/* waldo_call_get_time_left_ms(): UINT32_MAX means that there is none. */
static void
a_deadline_of_many_days_is_not_a_short_one(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'hold',[],{0:4294967297}] []");
	(void) memory_settle();
	assert_int_equal(s->f->service->time_left, UINT32_MAX - 1);
	send(s, "[1,5,-2,'hold',[],{0:4294967295}] []");
	(void) memory_settle();
	assert_int_equal(s->f->service->time_left, UINT32_MAX - 1);
	send(s, "[1,7,-2,'hold',[],{0:9007199254740991}] []");
	(void) memory_settle();
	assert_int_equal(s->f->service->time_left, UINT32_MAX - 1);
}

/* ---- versions, ends, lines */

/* PROTOCOL.md, "Links": whoever speaks another version learns which we do. */
static void
another_version_is_told_which_we_have(void **state)
{
	static const uint8_t newer[12] = {0xc1, 'W', 'D', 2};
	memory_raw *raw = memory_raw_dial("n");
	const uint8_t *said;
	size_t len = 0;

	(void) state;
	assert_non_null(raw);
	assert_true(memory_raw_send(raw, newer, sizeof(newer)));
	(void) memory_settle();
	said = memory_raw_received(raw, &len);
	assert_int_equal(len, 4);
	assert_memory_equal(said, peer_preamble, 4);
	assert_true(memory_raw_is_closed(raw));
	memory_raw_free(raw);
}

static void
a_refusal_is_understood(void **state)
{
	struct fixture *f = session_of(state)->f;
	struct peer peer = {0};
	waldo_ref *ref = NULL;
	struct outcome *o;

	f->client = node_new(NULL);
	assert_true(peer_listen(&peer, "newer"));
	assert_ok(waldo_connect(f->client, "waldo+inproc:newer/x", &ref));
	o = watch_outcome(f, waldo_ref_invoke(ref, "add", "i", 1));
	(void) memory_settle();
	assert_true(peer_send_bytes(&peer, "\xc1WD\x02", 4));
	(void) memory_settle();
	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_ECONNECT);
	assert_non_null(strstr(o->message, "version"));
	waldo_ref_release(ref);
	peer_fini(&peer);
}

/* P7, promise 2: what the peer has acknowledged may have run, whatever it says
 * as it goes. */
static void
an_abort_does_not_unsay_an_ack(void **state)
{
	struct fixture *f = session_of(state)->f;
	struct peer peer = {0};
	waldo_ref *ref = NULL;
	struct outcome *first, *second;

	f->client = node_new(NULL);
	assert_true(peer_listen(&peer, "liar"));
	assert_ok(waldo_connect(f->client, "waldo+inproc:liar", &ref));
	first = watch_outcome(f, waldo_ref_invoke(ref, "pay", ""));
	second = watch_outcome(f, waldo_ref_invoke(ref, "pay", ""));
	(void) memory_settle();
	assert_true(peer_send(&peer, PEER_HELLO));
	assert_true(peer_send(&peer, "![5,1]"));
	assert_true(peer_send(&peer, "![10,5,'going',0]"));
	(void) memory_settle();
	assert_failed(first, WALDO_ELOST, WALDO_MAYBE_EXECUTED);
	assert_failed(second, WALDO_ELOST, WALDO_NOT_SENT);
	waldo_ref_release(ref);
	peer_fini(&peer);
}

static void
count_line(waldo_log_level level, const char *line, void *user)
{
	(void) level;
	(void) line;
	++*(int *) user;
}

/* A frame of 9 bytes must not cost a line of the log: that fills disks. */
static void
a_peer_does_not_fill_the_log(void **state)
{
	struct fixture *f = session_of(state)->f;
	static int lines;
	const waldo_limits limits = {.size = sizeof(limits), .open_calls = 16};
	const waldo_node_options options = {.size = sizeof(options),
	                                    .limits = &limits,
	                                    .log = count_line,
	                                    .log_user = &lines};
	struct peer peer;
	waldo_ref *ref = NULL;

	lines = 0;
	assert_ok(memory_node_new(&options, &f->third));
	assert_non_null(service_new(f, f->third, &ref));
	assert_ok(waldo_listen(f->third, "inproc:log", NULL));
	assert_ok(waldo_publish(f->third, "gate", ref));
	waldo_ref_release(ref);
	assert_true(peer_dial(&peer, "log"));
	fetch_of(&peer);
	for (int i = 0; i < 100; i++) {
		assert_true(peer_send(&peer, "[10,1,1]"));
		assert_true(peer_send(&peer, "[99,1]"));
		assert_true(peer_send(&peer, "[1,nil,-2,'hold',[],{}] []"));
		assert_true(peer_send(&peer, "[1,nil,-2,'fly',[],{}] []"));
	}
	(void) memory_settle();
	assert_false(peer_is_closed(&peer));
	assert_true(lines <= 2);
	peer_fini(&peer);
}

/* ---- a log that names limits, and is not filled */

static int lines;
static char last_line[512];

static void
keep_line(waldo_log_level level, const char *line, void *user)
{
	(void) level;
	(void) user;
	lines++;
	(void) snprintf(last_line, sizeof(last_line), "%s", line);
}

/* The third node logs here, and has published the gate. */
static void
open_logging_node(struct fixture *f, const waldo_limits *limits)
{
	const waldo_node_options options = {
	    .size = sizeof(options), .limits = limits, .log = keep_line};
	waldo_ref *ref = NULL;

	lines = 0;
	assert_ok(memory_node_new(&options, &f->third));
	assert_non_null(service_new(f, f->third, &ref));
	assert_ok(waldo_listen(f->third, "inproc:log", NULL));
	assert_ok(waldo_publish(f->third, "gate", ref));
	waldo_ref_release(ref);
}

static void
come_and_break_the_protocol(int times)
{
	struct peer peer;

	while (times-- > 0) {
		assert_true(peer_dial(&peer, "log"));
		assert_true(peer_send(&peer, "[4,-2,1]"));
		assert_true(peer_is_closed(&peer));
		peer_fini(&peer);
	}
}

/* 50 lines of a kind in ten seconds; what was left out is counted. */
static void
peers_that_come_again_do_not_fill_the_log(void **state)
{
	struct fixture *f = session_of(state)->f;

	open_logging_node(f, NULL);
	come_and_break_the_protocol(60);
	assert_int_equal(lines, 50);
	memory_advance(10 * 1000 * 1000);
	come_and_break_the_protocol(1);
	assert_int_equal(lines, 52);
	assert_non_null(strstr(last_line, "broke the protocol"));
	come_and_break_the_protocol(1);
	assert_int_equal(lines, 53);
}

/* A peer that reads nothing does not read the ABORT, either. */
static void
the_log_names_the_limit_that_ends_a_session(void **state)
{
	enum { SMALL = 64 * 1024 };
	const waldo_limits limits = {.size = sizeof(limits),
	                             .message_bytes = SMALL,
	                             .queued_bytes = 4 * SMALL,
	                             .retained_bytes = 4 * SMALL,
	                             .total_bytes = 4 * SMALL};
	struct session *s = session_of(state);
	struct peer peer;

	open_logging_node(s->f, &limits);
	assert_true(peer_dial(&peer, "log"));
	fetch_of(&peer);
	for (int i = 0; i < 100 && lines == 0; i++) {
		char text[80];

		(void) snprintf(text, sizeof(text),
		                "[1,%d,-2,'big',[],{}] [%d]", 3 + 2 * i,
		                SMALL / 2);
		(void) peer_send(&peer, text);
		(void) memory_settle();
	}
	assert_int_equal(lines, 1);
	assert_non_null(strstr(last_line, "total_bytes: "));
	peer_fini(&peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(a_call_on_what_is_no_reference_never_ran),
	    session_test(nothing_is_called_on_what_a_one_way_call_returns),
	    session_test(a_late_call_may_be_answered_by_what_fails_with_it),
	    session_test(the_text_of_a_broken_reference_is_bounded),
	    session_test(a_broken_reference_has_no_details),
	    session_test(a_deadline_of_many_days_is_not_a_short_one),
	    session_test(another_version_is_told_which_we_have),
	    session_test(a_refusal_is_understood),
	    session_test(an_abort_does_not_unsay_an_ack),
	    session_test(a_peer_does_not_fill_the_log),
	    session_test(peers_that_come_again_do_not_fill_the_log),
	    session_test(the_log_names_the_limit_that_ends_a_session),
	};

	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
