/* SPDX-License-Identifier: MIT */
/* waldo_node_dump(): who holds what, in lines for people. */
#include "tests/unit/session_fixture.h"

#include "broker/line.h"
#include "tests/memory/driver.h"

#include <stdio.h>

/* What was told, a newline behind each line. */
struct told {
	size_t len, lines, longest;
	bool too_much;
	char text[64 * 1024];
};

static void
take_line(const char *line, void *user)
{
	struct told *told = user;
	size_t len = strlen(line);

	told->lines++;
	told->longest = len > told->longest ? len : told->longest;
	if (told->len + len + 2 > sizeof(told->text)) {
		told->too_much = true;
		return;
	}
	memcpy(told->text + told->len, line, len);
	memcpy(told->text + told->len + len, "\n", 2);
	told->len += len + 1;
}

static struct told told;

static const char *
dump(const waldo_node *node)
{
	told = (struct told){0};
	waldo_node_dump(node, take_line, &told);
	assert_false(told.too_much);
	return told.text;
}

/* The line that begins so is there, and whole. */
#define assert_told(text, want)                                                \
	do {                                                                   \
		if (strstr(text, want "\n") == NULL) {                         \
			fail_msg("\"%s\" is not in:\n%s", want, text);         \
		}                                                              \
	} while (0)

static void
a_node_without_peers_is_two_lines(void **state)
{
	struct session *s = session_of(state);
	const char *text;

	peer_fini(&s->peer);
	assert_true(memory_settle());
	text = dump(s->f->server);
	assert_begins(text, "node: sessions 0, objects 2, references 2, "
	                    "promises 0, calls 0, timers 0, tasks 0, bytes 0 "
	                    "of 268435456\n");
	assert_told(text, "\n  listens at waldo+inproc:n");
	assert_int_equal(told.lines, 2);
}

static void
no_node_has_nothing_to_tell(void **state)
{
	(void) state;
	assert_string_equal(dump(NULL), "");
	waldo_node_dump(NULL, NULL, NULL);
}

static void
a_session_tells_its_peer_its_frames_and_limits(void **state)
{
	struct session *s = session_of(state);
	const char *text;

	fetch(s);
	memory_advance(2500 * 1000);
	text = dump(s->f->server);
	assert_told(text, "\n  session, accepted from inproc:, open, 2.500 s "
	                  "since it was heard");
	assert_told(text, "\n    frames: 2 applied, 2 acknowledged; of ours 1 "
	                  "queued, 1 sent, 0 acknowledged");
	assert_told(text, "\n    call windows: of ours 0 of 65536 used, of the "
	                  "peer's 27 of 8388608, 0 bytes paused");
	assert_told(text, "\n    the peer takes: message_bytes 65536, depth "
	                  "16, open_calls 16, imports 64, refs_per_message "
	                  "16, names 64");
}

static void
each_reference_tells_how_often_it_was_mentioned(void **state)
{
	struct session *s = session_of(state);
	const char *text;

	fetch(s);
	send(s, "[1,3,-2,'keep',[[0,-1,nil]],{}] [<0>]",
	     "[1,5,-2,'keep',[[0,-1,nil]],{}] [<0>]",
	     "[1,7,0,'fetch',[],{}] ['gate']", "[1,9,-2,'make',[],{}] []");
	(void) peer_await(&s->peer, "[2,9,");
	text = dump(s->f->server);
	assert_told(text, "\n    exports: 2\n      -2 Service, mentioned 2\n"
	                  "      -4 Service, mentioned 1");
	assert_told(text, "\n    imports: 1\n      -1, mentioned 2, held 1");
	assert_told(
	    text, "\n      7 fetch of Bootstrap, answered, its result is kept, "
	          "0.000 s");
}

static void
promises_tell_that_they_are_some(void **state)
{
	struct session *s = session_of(state);
	const char *text;

	fetch(s);
	send(s, "[1,3,-2,'keep',[[1,-1]],{}] [<0>]");
	(void) peer_await(&s->peer, "[2,3,");
	text = dump(s->f->server);
	assert_told(text, "\n    imports: 1\n      -1, a promise, mentioned 1, "
	                  "held 1");
	send(s, "[3,-1,[0,-3,nil]]");
	assert_true(memory_settle());
	text = dump(s->f->server);
	assert_told(text, "\n      -1, now -3 of inproc:, mentioned 1, held 1");
}

static void
calls_of_the_peer_tell_their_phase_and_age(void **state)
{
	struct session *s = session_of(state);
	const char *text;

	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []");
	memory_advance(1000 * 1000);
	send(s, "[1,5,-2,'hold',[],{}] []", "[1,7,3,'add',[],{}] [1]");
	send(s, "[5,5]");
	memory_advance(234 * 1000);
	text = dump(s->f->server);
	assert_told(text, "\n    calls of the peer's: 3\n"
	                  "      3 hold of Service, deferred, 1.234 s\n"
	                  "      5 hold of Service, deferred, cancelled, "
	                  "0.234 s\n"
	                  "      7 add of a result that is not there yet, "
	                  "waiting, 0.234 s");
	service_answer(s->f->service, 1);
	service_answer(s->f->service, 1);
}

static void
calls_of_ours_tell_their_age(void **state)
{
	struct session *s = session_of(state);
	const char *text;

	fetch(s);
	send(s, "[1,3,-2,'call',[[0,-1,nil]],{}] [<0>,'turn']");
	memory_advance(10 * 1000);
	text = dump(s->f->server);
	assert_told(text, "\n    calls of ours: 1\n      2 turn, 0.010 s");
	assert_told(text, "\n      3 call of Service, following another, "
	                  "0.010 s");
	send(s, "[2,2,0,false,[]] 1");
	assert_string_equal(peer_await(&s->peer, "[2,3,"),
	                    "[2,3,0,false,[]] 1");
	text = dump(s->f->server);
	assert_null(strstr(text, "calls of ours"));
}

static void
a_call_of_ours_that_was_given_up_says_so(void **state)
{
	struct session *s = session_of(state);
	waldo_promise *promise;

	fetch(s);
	send(s, "[1,3,-2,'keep',[[0,-1,nil]],{}] [<0>]");
	(void) peer_await(&s->peer, "[2,3,");
	promise = waldo_ref_invoke(s->f->service->kept, "knock", "");
	assert_begins(peer_await(&s->peer, "[1,2,"), "[1,2,-1,[1,'knock']");
	waldo_promise_cancel(promise);
	assert_true(memory_settle());
	assert_told(dump(s->f->server), "\n    calls of ours: 1\n"
	                                "      2 knock, given up, 0.000 s");
	waldo_promise_release(promise);
}

static void
one_way_calls_of_ours_are_told_until_they_arrived(void **state)
{
	const waldo_options options = {.size = sizeof(options),
	                               .flags = WALDO_ONE_WAY};
	struct session *s = session_of(state);
	waldo_request *request;
	waldo_promise *promise;

	fetch(s);
	send(s, "[1,3,-2,'keep',[[0,-1,nil]],{}] [<0>]");
	(void) peer_await(&s->peer, "[2,3,");
	request = waldo_request_new(s->f->service->kept, "knock", &options);
	promise = waldo_request_send(request);
	assert_begins(peer_await(&s->peer, "[1,nil,"), "[1,nil,-1,[1,'knock']");
	assert_told(dump(s->f->server),
	            "\n    one-way calls of ours that are not acknowledged:\n"
	            "      frame 3, 0.000 s");
	send(s, "![5,3]");
	assert_true(memory_settle());
	assert_null(strstr(dump(s->f->server), "one-way"));
	waldo_promise_release(promise);
}

static void
a_call_that_was_answered_for_its_object_is_over(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []");
	assert_true(memory_settle());
	waldo_object_revoke(s->f->service_ref);
	assert_begins(peer_await(&s->peer, "[2,3,"), "[2,3,1,false,[]] [11,");
	assert_told(dump(s->f->server),
	            "\n      over hold of a broken reference (the Service was "
	            "revoked), deferred, nobody waits for it, 0.000 s");
	service_answer(s->f->service, 1);
}

static void
what_waits_for_the_peers_hello_is_told(void **state)
{
	struct session *s = session_of(state);
	waldo_ref *far = NULL;
	waldo_promise *many[20];
	struct peer deaf;
	const char *text;

	assert_true(peer_listen(&deaf, "deaf"));
	assert_ok(waldo_connect(s->f->server, "waldo+inproc:deaf/x", &far));
	for (size_t i = 0; i < 20; i++) {
		many[i] = waldo_ref_invoke(far, "knock", "");
	}
	memory_advance(5000);
	text = dump(s->f->server);
	assert_told(text, "\n  session, dialled inproc:deaf, open, it has not "
	                  "said HELLO, 0.005 s since it was heard");
	assert_told(text, "\n    calls of ours that wait for HELLO or credit:\n"
	                  "      knock, 0.005 s");
	for (size_t i = 0; i < 20; i++) {
		waldo_promise_release(many[i]);
	}
	waldo_ref_release(far);
	peer_fini(&deaf);
}

static void
sessions_are_told_in_the_order_in_which_they_began(void **state)
{
	struct session *s = session_of(state);
	const char *first, *second;
	struct peer other;

	fetch(s);
	assert_true(peer_dial(&other, "n"));
	assert_true(peer_send(&other, "[1,1,0,'names',[],{}] []"));
	assert_begins(peer_receive(&other), "[2,1,0,false,[]]");
	(void) dump(s->f->server);
	first = strstr(told.text, "exports: 1");
	second = strstr(told.text, "frames: 1 applied");
	assert_non_null(first);
	assert_non_null(second);
	assert_true(first < second);
	peer_fini(&other);
}

static void
text_of_a_peer_cannot_move_the_cursor(void **state)
{
	waldoi_line line = {0};

	(void) state;
	waldoi_line_add(&line, "a\x1b[2J \xc2\x9b \x7f \xc3\xa9 %s", "\r\n");
	assert_string_equal(waldoi_line_end(&line), "a?[2J ? ? \xc3\xa9 ??");
}

static void
copy_line(waldo_log_level level, const char *line, void *user)
{
	(void) level;
	(void) snprintf(user, 100, "%s", line);
}

/* Whatever name of a peer's is in it. */
static void
text_of_a_peer_writes_no_other_line_of_the_log(void **state)
{
	char line[100] = "";
	const waldo_node_options options = {
	    .size = sizeof(options), .log = copy_line, .log_user = line};
	waldo_node *node = NULL;

	(void) state;
	assert_ok(memory_node_new(&options, &node));
	waldo_node_log(node, WALDO_LOG_INFO, "user '%s' is denied",
	               "a\nwaldo: user 'root' is admitted\x1b[2J");
	assert_string_equal(line, "user 'a?waldo: user 'root' is "
	                          "admitted?[2J' is denied");
	waldo_node_free(node);
}

static void
lines_are_bounded(void **state)
{
	waldoi_line line = {0};

	(void) state;
	for (int i = 0; i < 1000; i++) {
		waldoi_line_add(&line, "x\xc3\xa9");
	}
	(void) waldoi_line_end(&line);
	assert_true(strlen(line.text) < WALDOI_LINE);
	assert_true(strlen(line.text) > WALDOI_LINE - 4);
	assert_true(strlen(line.text) % 3 < 2); /* no half a letter */
}

static void
a_call_whose_session_has_ended_is_told_without_one(void **state)
{
	struct session *s = session_of(state);
	const char *text;

	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []", "![9,0,'bye']");
	assert_true(memory_settle());
	text = dump(s->f->server);
	assert_told(text, "\n  calls without a session: 1\n    left hold of "
	                  "Service, deferred, nobody waits for it, 0.000 s");
	service_answer(s->f->service, 1);
}

static void
dump_in_method(void *self, waldo_call *call)
{
	(void) self;
	waldo_node_dump(waldo_call_get_node(call), take_line, &told);
	waldo_call_reply(call, "");
}

static void
it_may_be_asked_for_in_a_method(void **state)
{
	static const waldo_class dumper = {WALDO_CLASS_SIZES, "Dumper", NULL,
	                                   NULL, dump_in_method};
	struct session *s = session_of(state);
	waldo_ref *ref = NULL;

	assert_ok(waldo_object_new(s->f->server, &dumper, NULL, &ref));
	told = (struct told){0};
	waldo_promise_release(waldo_ref_invoke(ref, "look", ""));
	assert_true(memory_settle());
	assert_told(told.text, "\n    near look of Dumper, running, 0.000 s");
	waldo_ref_release(ref);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(a_node_without_peers_is_two_lines),
	    session_test(no_node_has_nothing_to_tell),
	    session_test(a_session_tells_its_peer_its_frames_and_limits),
	    session_test(each_reference_tells_how_often_it_was_mentioned),
	    session_test(promises_tell_that_they_are_some),
	    session_test(calls_of_the_peer_tell_their_phase_and_age),
	    session_test(calls_of_ours_tell_their_age),
	    session_test(a_call_of_ours_that_was_given_up_says_so),
	    session_test(one_way_calls_of_ours_are_told_until_they_arrived),
	    session_test(a_call_that_was_answered_for_its_object_is_over),
	    session_test(what_waits_for_the_peers_hello_is_told),
	    session_test(sessions_are_told_in_the_order_in_which_they_began),
	    session_test(text_of_a_peer_cannot_move_the_cursor),
	    session_test(text_of_a_peer_writes_no_other_line_of_the_log),
	    session_test(lines_are_bounded),
	    session_test(a_call_whose_session_has_ended_is_told_without_one),
	    session_test(it_may_be_asked_for_in_a_method),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
