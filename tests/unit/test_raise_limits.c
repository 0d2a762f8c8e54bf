/* SPDX-License-Identifier: MIT */
/* What strangers may use, and LIMITS, said and taken (PROTOCOL.md P41). */
#include "serial/pack.h"
#include "tests/memory/text.h"
#include "tests/unit/session_fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- a node that is wary of strangers, and an object that raises */

static const waldo_limits strangers = {
    .size = sizeof(strangers),
    .message_bytes = 65536,
    .depth = 16,
    .exports = 8,
    .imports = 64,
    .open_calls = 16,
    .call_window = 100000,
    .refs_per_message = 16,
    .names = 64,
    .parked_bytes = 4096,
};

static const waldo_limits *raise_to; /* by `login` */
static waldo_err raised;             /* what it was told */
static waldo_call *held;

static void
login(void *self, waldo_call *call)
{
	(void) self;
	raised = waldo_call_raise_limits(call, raise_to);
	waldo_call_reply(call, "");
}

static void
hold(void *self, waldo_call *call)
{
	(void) self;
	held = waldo_call_defer(call, NULL, NULL);
}

static const waldo_method door_methods[] = {
    {"login", login, NULL, 0}, {"hold", hold, NULL, 0}, {NULL, NULL, NULL, 0}};
static const waldo_class door_class = {WALDO_CLASS_SIZES, "Door", door_methods,
                                       NULL, NULL};

/* As open_session(), with the peer's link to that node. */
static int
open_wary(void **state)
{
	const waldo_node_options options = {.size = sizeof(options),
	                                    .strangers = &strangers};
	struct session *s;
	waldo_ref *door = NULL;

	raise_to = NULL;
	raised = WALDO_OK;
	held = NULL;
	if (open_session(state) != 0) {
		return -1;
	}
	s = *state;
	assert_ok(wire->node_new(&options, &s->f->third));
	assert_ok(waldo_object_new(s->f->third, &door_class, NULL, &door));
	assert_ok(waldo_publish(s->f->third, "gate", door));
	assert_ok(waldo_listen(s->f->third, "inproc:wary", NULL));
	waldo_ref_release(door);
	peer_fini(&s->peer);
	return peer_dial(&s->peer, "wary") ? 0 : -1;
}

#define wary_test(name)                                                        \
	cmocka_unit_test_setup_teardown(name, open_wary, close_session)

/* The door is export -2; call 3, in frame 3, has raised. */
static const char *
fetch_and_login(struct session *s)
{
	fetch(s);
	send(s, "[1,3,-2,'login',[],{}] []");
	return peer_receive(&s->peer);
}

static void
hello_offers_strangers_less(void **state)
{
	struct session *s = session_of(state);
	struct peer peer = {0};

	peer.raw = memory_raw_dial("wary");
	assert_non_null(peer.raw);
	assert_true(peer_send_bytes(&peer, peer_preamble, 12));
	assert_begins(peer_receive(&peer), "![0,{0:[1,1],1:1,2:65536,3:16,4:16,"
	                                   "5:100000,6:64,7:16,10:64,12:6666,");
	peer_fini(&peer);
	assert_alive(s, 1);
}

/* Before anything that the same method answers. */
static void
limits_are_told_before_the_answer(void **state)
{
	struct session *s = session_of(state);

	assert_string_equal(
	    fetch_and_login(s),
	    "[9,{2:4194304,3:64,4:1024,5:8388608,6:16384,7:256,10:1024}]");
	assert_ok(raised);
	assert_string_equal(peer_receive(&s->peer), "[2,3,0,false,[]] nil");
}

static void
only_what_has_changed_is_told(void **state)
{
	const waldo_limits some = {.size = sizeof(some),
	                           .message_bytes = 65536,
	                           .open_calls = 17,
	                           .names = 65};
	struct session *s = session_of(state);

	raise_to = &some;
	assert_string_equal(fetch_and_login(s), "[9,{4:17,10:65}]");
	assert_string_equal(peer_receive(&s->peer), "[2,3,0,false,[]] nil");
	send(s, "[1,5,-2,'login',[],{}] []");
	assert_string_equal(peer_receive(&s->peer), "[2,5,0,false,[]] nil");
}

static void
limits_that_are_lower_stay(void **state)
{
	const waldo_limits low = {.size = sizeof(low),
	                          .message_bytes = 1,
	                          .depth = 1,
	                          .open_calls = 1};
	struct session *s = session_of(state);

	raise_to = &low;
	assert_string_equal(fetch_and_login(s), "[2,3,0,false,[]] nil");
	assert_ok(raised);
}

static void
limits_that_nobody_could_keep_to_are_refused(void **state)
{
	const waldo_limits bad = {
	    .size = sizeof(bad), .depth = 65, .open_calls = 100};
	struct session *s = session_of(state);

	raise_to = &bad;
	assert_string_equal(fetch_and_login(s), "[2,3,0,false,[]] nil");
	assert_err(raised, WALDO_EINVAL);
	assert_string_equal(waldo_node_get_message(s->f->third),
	                    "limits.depth is 65, not in 16..64");
}

/* 65,537 bytes: one more than strangers may send. */
static void
send_large(struct session *s)
{
	static uint8_t frame[4 + 65537] = {0, 1, 0, 1, 200};

	assert_true(peer_send_bytes(&s->peer, frame, sizeof(frame)));
	(void) memory_settle();
}

static void
a_large_message_of_a_stranger_is_not_taken(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send_large(s);
	assert_protocol_error(s, "message_bytes: a frame of 65537 bytes, at "
	                         "most 65536 are taken");
}

static void
a_large_message_is_taken_once_limits_are_raised(void **state)
{
	struct session *s = session_of(state);

	assert_begins(fetch_and_login(s), "[9,");
	assert_begins(peer_receive(&s->peer), "[2,3,");
	send_large(s);
	assert_alive(s, 1);
}

/* Calls of 60,000 bytes each, `from` and the next, in one go. */
static void
send_two_calls(struct session *s, int from)
{
	static uint8_t frames[2 * 60004];

	memset(frames, 0xc0, sizeof(frames));
	for (int i = 0; i < 2; i++) {
		uint8_t *frame = frames + 60004 * i;
		char head[64];

		(void) snprintf(head, sizeof(head), "[1,%d,-2,'x',[],{}]",
		                from + 2 * i);
		(void) waldoi_pack_be(frame, 60000, 4);
		frame[4] = 0;
		assert_true(text_encode(head, frame + 5, 100) > 0);
	}
	assert_true(peer_send_bytes(&s->peer, frames, sizeof(frames)));
	(void) memory_settle();
}

static void
the_window_of_a_stranger_is_smaller(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send_two_calls(s, 3);
	assert_protocol_error(s, "call_window: a call of 60000 bytes");
}

static void
the_window_grows_by_the_difference(void **state)
{
	const waldo_limits more = {.size = sizeof(more), .call_window = 130000};
	struct session *s = session_of(state);

	raise_to = &more;
	assert_string_equal(fetch_and_login(s), "[9,{5:130000}]");
	assert_begins(peer_receive(&s->peer), "[2,3,");
	send_two_calls(s, 5);
	assert_alive(s, 1);
}

/* The answers are kept, so that their calls are not dead. */
static void
make_flushes(struct session *s, int from, int count)
{
	char frame[64];

	for (int i = 0; i < count; i++) {
		(void) snprintf(frame, sizeof(frame),
		                "[1,%d,-2,'login',[],{2:1}] []", from + 2 * i);
		send(s, frame);
		(void) memory_settle();
	}
}

static void
a_stranger_has_fewer_calls_open(void **state)
{
	const waldo_limits none = {.size = sizeof(none), .names = 64};
	struct session *s = session_of(state);

	raise_to = &none;
	fetch(s);
	make_flushes(s, 3, 16);
	assert_alive(s, 1);
	make_flushes(s, 35, 1);
	assert_protocol_error(s, "open_calls: more than 16 calls at a time");
}

static void
more_calls_may_be_open_once_limits_are_raised(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	make_flushes(s, 3, 100);
	assert_alive(s, 1);
}

static void
a_stranger_passes_fewer_references(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'hold',["
	        "[0,-1,nil],[0,-1,nil],[0,-1,nil],[0,-1,nil],[0,-1,nil],"
	        "[0,-1,nil],[0,-1,nil],[0,-1,nil],[0,-1,nil],[0,-1,nil],"
	        "[0,-1,nil],[0,-1,nil],[0,-1,nil],[0,-1,nil],[0,-1,nil],"
	        "[0,-1,nil],[0,-1,nil]],{}] []");
	assert_protocol_error(s, "refs_per_message: 17 references, at most 16");
}

static void
a_call_that_no_peer_made_raises_nothing(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *door = NULL;
	struct outcome *o;

	assert_ok(waldo_object_new(s->f->third, &door_class, NULL, &door));
	o = watch_outcome(s->f, waldo_ref_invoke(door, "login", ""));
	waldo_ref_release(door);
	(void) memory_settle();
	assert_ok(o->code);
	assert_err(raised, WALDO_EINVAL);
	assert_string_equal(waldo_node_get_message(s->f->third),
	                    "the call did not come from a peer");
	assert_err(waldo_call_raise_limits(NULL, NULL), WALDO_EINVAL);
}

static void
a_call_whose_session_is_over_raises_nothing(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []", "![9,0,'bye']");
	(void) memory_settle();
	assert_non_null(held);
	assert_err(waldo_call_raise_limits(held, NULL), WALDO_ELOST);
	node_free(&s->f->third);
	assert_err(waldo_call_raise_limits(held, NULL), WALDO_ELOST);
	waldo_call_reply(held, "");
}

static void
strangers_get_no_more_than_others(void **state)
{
	const waldo_limits limits = {.size = sizeof(limits), .open_calls = 20};
	const waldo_limits more = {.size = sizeof(more), .open_calls = 21};
	const waldo_node_options options = {
	    .size = sizeof(options), .limits = &limits, .strangers = &more};
	waldo_node *node = NULL;

	(void) state;
	assert_err(wire->node_new(&options, &node), WALDO_EINVAL);
	assert_string_equal(waldo_node_get_message(NULL),
	                    "strangers.open_calls is 21, not in 0..20");
}

/* ---- the peer's LIMITS */

static void
limits_are_raised_by_the_peer(void **state)
{
	struct session *s = session_of(state);
	struct outcome *o = NULL;

	for (int i = 0; i < 17; i++) {
		o = watch_outcome(s->f,
		                  waldo_ref_invoke(s->f->gate, "hold", ""));
	}
	(void) memory_settle();
	assert_failed(o, WALDO_ELIMIT, WALDO_NOT_SENT);
	send(s, "[9,{4:17,99:'later',63:[1]}]");
	(void) memory_settle();
	o = watch_outcome(s->f, waldo_ref_invoke(s->f->gate, "hold", ""));
	assert_begins(peer_await(&s->peer, "[1,33,"), "[1,33,0,");
	assert_int_equal(o->count, 0);
	o = watch_outcome(s->f, waldo_ref_invoke(s->f->gate, "hold", ""));
	(void) memory_settle();
	assert_string_equal(o->message, "open_calls: the peer runs at most 17 "
	                                "calls of ours at a time");
}

static void
limits_of_everything_are_raised(void **state)
{
	struct session *s = session_of(state);
	waldo_request *request;
	char data[70000] = "";

	send(s, "[9,{2:100000,3:20,5:100000,6:70,7:17,10:70}]");
	(void) memory_settle();
	request = waldo_request_new(s->f->gate, "m", NULL);
	waldo_put_bytes(waldo_request_get_args(request), data, sizeof(data));
	for (int i = 0; i < 17; i++) {
		waldo_put_list(waldo_request_get_args(request), 1);
	}
	for (int i = 0; i < 17; i++) {
		waldo_put_ref(waldo_request_get_args(request), s->f->gate);
	}
	(void) watch_outcome(s->f, waldo_request_send(request));
	(void) memory_settle();
	assert_int_equal(s->f->outcomes[0].count, 0);
}

/* P38 */
static void
calls_that_waited_for_the_window_go(void **state)
{
	struct session *s = session_of(state);
	static char data[40000];
	struct outcome *o;

	for (int i = 0; i < 2; i++) {
		o = watch_outcome(s->f, waldo_ref_invoke(s->f->gate, "m", "y",
		                                         data, sizeof(data)));
	}
	assert_begins(peer_await(&s->peer, "[1,1,"), "[1,1,0,");
	assert_string_equal(peer_await(&s->peer, "[1,"), "");
	send(s, "[9,{5:131072}]");
	assert_begins(peer_await(&s->peer, "[1,3,"), "[1,3,0,");
	assert_int_equal(o->count, 0);
}

static void
limits_are_never_lowered(void **state)
{
	static const char *const frames[] = {
	    "[9,{2:65535}]",    "[9,{3:15}]",    "[9,{4:15}]",
	    "[9,{5:65535}]",    "[9,{2:65537}]", "[9,{6:63}]",
	    "[9,{7:15}]",       "[9,{10:63}]",   "[9,{4:20,4:20}]",
	    "[9,{4:20,3:15}]",  "[9]",           "[9,{4:20},1]",
	    "[9,[4,20]]",       "[9,{4:'20'}]",  "[9,{'a':1}]",
	    "[9,{4:-1}]",       "[9,nil]",       "[9,{99:1,-1:20}]",
	    "[9,{50:1,50:20}]", "[9,{4:nil}]"};

	(void) state;
	assert_each_is_an_error(frames, sizeof(frames) / sizeof(*frames));
}

/* "not smaller than the last", which is what an earlier LIMITS said. */
static void
limits_are_not_lowered_to_what_hello_said(void **state)
{
	struct session *s = session_of(state);

	send(s, "[9,{4:20}]", "[9,{4:20}]");
	assert_alive(s, 1);
	send(s, "[9,{4:19}]");
	assert_begins(peer_await(&s->peer, "![10,"), "![10,1,");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    wary_test(hello_offers_strangers_less),
	    wary_test(limits_are_told_before_the_answer),
	    wary_test(only_what_has_changed_is_told),
	    wary_test(limits_that_are_lower_stay),
	    wary_test(limits_that_nobody_could_keep_to_are_refused),
	    wary_test(a_large_message_of_a_stranger_is_not_taken),
	    wary_test(a_large_message_is_taken_once_limits_are_raised),
	    wary_test(the_window_of_a_stranger_is_smaller),
	    wary_test(the_window_grows_by_the_difference),
	    wary_test(a_stranger_has_fewer_calls_open),
	    wary_test(more_calls_may_be_open_once_limits_are_raised),
	    wary_test(a_stranger_passes_fewer_references),
	    wary_test(a_call_that_no_peer_made_raises_nothing),
	    wary_test(a_call_whose_session_is_over_raises_nothing),
	    wary_test(strangers_get_no_more_than_others),
	    client_test(limits_are_raised_by_the_peer),
	    client_test(limits_of_everything_are_raised),
	    client_test(calls_that_waited_for_the_window_go),
	    cmocka_unit_test(limits_are_never_lowered),
	    client_test(limits_are_not_lowered_to_what_hello_said),
	};

	return cmocka_run_group_tests_name("raise_limits", tests, NULL, NULL);
}
