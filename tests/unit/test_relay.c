/* SPDX-License-Identifier: MIT */
/* Messages that are passed on, and nobody looks into (PROTOCOL.md P2, P33,
 * P42, F7): what arrives is what came, byte for byte, also if it is invalid;
 * and whoever reads it has checked it before. */
#include "tests/memory/text.h"
#include "tests/unit/session_fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* The caller is s->peer; the callee stands behind its object -4, which is the
 * bootstrap object of `end`. */
struct relay {
	struct session *s;
	struct peer end;
};

static int
open_relay(void **state)
{
	struct relay *r = calloc(1, sizeof(*r));
	void *session;
	waldo_ref *ref = NULL;

	if (r == NULL || open_session(&session) != 0 ||
	    !peer_listen(&r->end, "end")) {
		return -1;
	}
	r->s = session;
	assert_ok(waldo_connect(r->s->f->server, "waldo+inproc:end/", &ref));
	r->s->f->service->kept = ref;
	(void) memory_settle();
	assert_true(peer_send(&r->end, PEER_HELLO));
	assert_begins(peer_receive(&r->end), "![0,");
	fetch(r->s);
	send(r->s, "[1,3,-2,'kept',[],{}] []");
	assert_string_equal(peer_receive(&r->s->peer),
	                    "[2,3,0,true,[[0,-4,nil]]] <0>");
	send(r->s, "[4,3,1]");
	(void) memory_settle();
	*state = r;
	return 0;
}

static int
close_relay(void **state)
{
	struct relay *r = *state;
	void *session = r->s;

	peer_fini(&r->end);
	free(r);
	return close_session(&session);
}

#define relay_test(name)                                                       \
	cmocka_unit_test_setup_teardown(name, open_relay, close_relay)

/* The next frame that is no ACK ends with these bytes (as text), headers
 * included as far as they are said. */
static void
assert_ends(struct peer *peer, const char *text)
{
	uint8_t want[1024];
	size_t len = text_encode(text, want, sizeof(want));
	const uint8_t *got;
	size_t size, n = 0;

	(void) memory_settle();
	got = memory_raw_received(peer->raw, &size);
	for (;;) {
		assert_true(size >= 5);
		n = (size_t) got[2] << 8 | got[3];
		assert_true(size >= n + 4);
		if (got[4] == 0) {
			break;
		}
		memory_raw_skip(peer->raw, n + 4);
		got = memory_raw_received(peer->raw, &size);
	}
	assert_true(len > 0 && n > len);
	assert_memory_equal(got + 4 + n - len, want, len);
	(void) peer_receive(peer);
}

/* 65 lists in each other. */
#define TOO_DEEP                                                               \
	"=9191919191919191919191919191919191919191919191919191919191919191919" \
	"1"                                                                    \
	"919191919191919191919191919191919191919191919191919191919191919191c0" \
	"="

/* Valid in other widths than we would choose; then: a list that is cut short,
 * a byte that nothing begins with, strings that are not UTF-8, a reference that
 * is not there, a duplicate key, more than one value, too deep. */
static const char *const payloads[] = {
    "=dc0001cd0007=",
    "=dd00000001d900=",
    "=93=",
    "=c1=",
    "=91a2ff20=",
    "=91d40105=",
    "=9182a161c0a161c0=",
    "=90c0=",
    "=dd00ffffffff=",
    "=91c6ffffffff=",
    TOO_DEEP,
};

enum { PAYLOADS = sizeof(payloads) / sizeof(*payloads) };

/* P42 */
static void
arguments_are_passed_on_as_they_came(void **state)
{
	struct relay *r = *state;

	for (int i = 0; i < PAYLOADS; i++) {
		char frame[400], want[400];

		(void) snprintf(frame, sizeof(frame), "[1,%d,-4,'m',[],{}] %s",
		                5 + 2 * i, payloads[i]);
		send(r->s, frame);
		/* Behind the options, which say: one hop. */
		(void) snprintf(want, sizeof(want), "=810501= %s", payloads[i]);
		assert_ends(&r->end, want);
	}
	assert_alive(r->s, 1);
}

static void
a_result_is_passed_on_as_it_came(void **state)
{
	struct relay *r = *state;

	for (int i = 0; i < PAYLOADS; i++) {
		char frame[400];

		(void) snprintf(frame, sizeof(frame), "[1,%d,-4,'m',[],{}] []",
		                5 + 2 * i);
		send(r->s, frame);
		assert_begins(peer_receive(&r->end), "[1,");
		(void) snprintf(frame, sizeof(frame), "[2,%d,0,false,[]] %s",
		                1 + 2 * i, payloads[i]);
		assert_true(peer_send(&r->end, frame));
		/* Behind the references, of which there are none. */
		(void) snprintf(frame, sizeof(frame), "=c290= %s", payloads[i]);
		assert_ends(&r->s->peer, frame);
	}
	assert_alive(r->s, 1);
}

static void
no_payload_is_passed_on_as_none(void **state)
{
	struct relay *r = *state;

	send(r->s, "[1,5,-4,'m',[],{}]");
	assert_string_equal(peer_receive(&r->end), "[1,1,0,[1,'m'],[],{5:1}]");
	assert_true(peer_send(&r->end, "[2,1,0,false,[]]"));
	assert_string_equal(peer_receive(&r->s->peer), "[2,5,0,false,[]]");
}

/* P33 */
static void
what_may_be_repeated_may_be_so_further_on(void **state)
{
	struct relay *r = *state;

	send(r->s, "[1,5,-4,'m',[],{2:2}] []", "[1,nil,-4,'m',[],{2:2}] []");
	assert_string_equal(peer_receive(&r->end),
	                    "[1,1,0,[1,'m'],[],{2:2,5:1}] []");
	assert_string_equal(peer_receive(&r->end),
	                    "[1,nil,0,1,[],{2:2,5:1}] []");
}

/* References are named anew, and the payload stays. */
static void
references_are_named_anew(void **state)
{
	struct relay *r = *state;

	send(r->s, "[1,5,-4,'m',[[0,-1,nil],[1,-3],[2,-4],[2,-2]],{}] "
	           "=dc0004d40100d40101d40102d40103=");
	assert_string_equal(
	    peer_receive(&r->end),
	    "[1,1,0,[1,'m'],[[0,-1,nil],[1,-3],[0,-5,nil],[0,-7,nil]],{5:1}] "
	    "[<0>,<1>,<2>,<3>]");
	/* The third was the end's own bootstrap object, which has no id. */
	assert_true(peer_send(&r->end, "[2,1,0,true,[[2,-1],[2,-3]]] "
	                               "=dc0002d40101d40100="));
	assert_string_equal(peer_receive(&r->s->peer),
	                    "[2,5,0,true,[[2,-1],[2,-3]]] [<1>,<0>]");
}

/* With references somebody keeps places of it, and so must look. */
static void
a_result_with_references_is_checked(void **state)
{
	struct relay *r = *state;

	send(r->s, "[1,5,-4,'m',[],{}] []");
	assert_begins(peer_receive(&r->end), "[1,1,");
	assert_true(peer_send(&r->end, "[2,1,0,true,[[0,-2,nil]]] =93d40100="));
	assert_begins(peer_receive(&r->s->peer), "[2,5,1,false,[]] [14,");
	assert_string_equal(peer_receive(&r->end), "[4,1,1]");
	assert_string_equal(peer_receive(&r->end), "[4,-2,1]");
	assert_alive(r->s, 1);
}

/* So does whoever looks for places that were named before. */
static void
a_result_that_is_pipelined_on_is_checked(void **state)
{
	struct relay *r = *state;

	send(r->s, "[1,5,-4,'m',[],{}] []", "[1,7,[5,'a'],'n',[],{}] []",
	     "[1,9,-2,'store',[[3,5,'b',3]],{}] [<0>]");
	assert_begins(peer_receive(&r->end), "[1,1,");
	assert_begins(peer_receive(&r->s->peer), "[2,9,0,");
	assert_true(peer_send(&r->end, "[2,1,0,false,[]] =82a161d9ff="));
	assert_begins(peer_receive(&r->s->peer), "[2,5,1,false,[]] [14,");
	assert_begins(peer_receive(&r->s->peer), "[2,7,4,false,[]] [");
	assert_int_equal(waldo_ref_get_state(r->s->f->service->stored[0]),
	                 WALDO_BROKEN);
}

/* ---- the end notices */

/* P2: also when they have waited, and moved. */
static void
arguments_that_waited_are_checked(void **state)
{
	struct relay *r = *state;
	struct session *s = r->s;

	send(s, "[1,5,-2,'hold',[],{}] []",
	     "[1,7,5,'order',[],{}] =91a2ff20=", "[1,9,5,0,[],{}] =91c7=",
	     "[1,11,5,'fly',[],{}] =c1=", "[1,13,5,'echo',[],{}] 7",
	     "[1,nil,5,'order',[],{}] =c1=", "[1,15,5,'order',[],{}] [1]");
	assert_string_equal(peer_receive(&s->peer), "");
	service_answer_ref(s->f->service, s->f->service_ref);
	assert_begins(peer_receive(&s->peer), "[2,5,0,true,");
	assert_begins(peer_receive(&s->peer), "[2,7,1,false,[]] [14,");
	assert_begins(peer_receive(&s->peer), "[2,9,1,false,[]] [14,");
	assert_begins(peer_receive(&s->peer), "[2,11,1,false,[]] [14,");
	assert_begins(peer_receive(&s->peer), "[2,13,1,false,[]] [14,");
	assert_string_equal(peer_receive(&s->peer), "[2,15,0,false,[]] 1");
	assert_int_equal(s->f->service->order_count, 1);
}

/* Held behind a flush, then passed on to the end of another session, and to an
 * object of this node. */
static void
arguments_that_were_held_are_checked(void **state)
{
	struct relay *r = *state;
	struct session *s = r->s;
	waldo_ref *ref;
	int id;

	send(s, "[1,5,-2,'store',[[1,-1]],{}] [<0>]");
	assert_begins(peer_receive(&s->peer), "[2,5,0,");
	ref = s->f->service->stored[0];
	waldo_ref_release(s->f->service->kept);
	s->f->service->kept = waldo_ref_retain(ref);
	assert_ok(waldo_ref_notify(ref, "m", ""));
	assert_begins(peer_receive(&s->peer), "[1,nil,-1,");
	send(s, "[3,-1,[2,-2]]");
	assert_int_equal(sscanf(peer_receive(&s->peer), "[1,%d,-1,0,", &id), 1);
	send(s, "[1,7,-2,'kept',[],{}] []");
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,7,0,true,[[1,-6]]] <0>");
	send(s,
	     "[1,9,-6,'order',[],{}] =91a2ff20=", "[1,11,7,'order',[],{}] [1]");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(id, 2);
	send(s, "[2,2,0,false,[]] nil");
	assert_begins(peer_await(&s->peer, "[2,9,"), "[2,9,1,false,[]] [14,");
	assert_begins(peer_receive(&s->peer), "[2,11,0,");
	assert_int_equal(s->f->service->order_count, 1);
}

/* A call of this node's own, on the end; a call of the peer's follows it. */
static waldo_promise *
follow_end(struct relay *r)
{
	struct service *service = r->s->f->service;
	waldo_promise *promise;

	send(r->s, "[1,5,-2,'hold',[],{}] []");
	(void) memory_settle();
	promise = waldo_ref_invoke(service->kept, "m", "");
	waldo_call_follow(service->held[--service->held_count],
	                  waldo_promise_retain(promise));
	assert_begins(peer_receive(&r->end), "[1,1,");
	return promise;
}

/* A promise that a peer's call followed may be the user's, too. */
static void
a_result_that_was_passed_on_is_checked_when_it_is_read(void **state)
{
	struct relay *r = *state;
	waldo_promise *promise = follow_end(r);
	waldo_ref *place;

	assert_true(peer_send(&r->end, "[2,1,0,false,[]] =91d9ff="));
	assert_ends(&r->s->peer, "=c290= =91d9ff=");
	place = waldo_promise_get_ref_at(promise, "0/x");
	assert_int_equal(waldo_ref_get_state(place), WALDO_BROKEN);
	assert_err(waldo_read_error(waldo_promise_get_result(promise)),
	           WALDO_EARGS);
	waldo_promise_release(promise);
}

/* The same when a call of this node's own follows it then, and somebody waits
 * for a place in its result. */
static void
a_result_that_was_passed_on_is_checked_when_it_is_followed(void **state)
{
	struct relay *r = *state;
	struct fixture *f = r->s->f;
	waldo_promise *promise, *near;
	struct outcome *o, *inside;

	promise = follow_end(r);
	assert_true(peer_send(&r->end, "[2,1,0,false,[]] =91d9ff="));
	assert_ends(&r->s->peer, "=c290= =91d9ff=");
	near = waldo_ref_invoke(f->service_ref, "hold", "");
	(void) memory_settle();
	inside = watch_outcome(
	    f,
	    waldo_ref_invoke(waldo_promise_get_ref_at(near, "0/x"), "m", ""));
	o = watch_outcome(f, waldo_promise_retain(near));
	f->service->held_count--;
	waldo_call_follow(f->service->held[0], promise);
	(void) memory_settle();
	assert_failed(o, WALDO_EARGS, WALDO_EXECUTED);
	assert_failed(inside, WALDO_EARGS, WALDO_NOT_SENT);
	waldo_promise_release(near);
}

/* Whoever asked has gone before the answer was there. */
static void
a_result_that_nobody_waits_for_is_checked(void **state)
{
	struct relay *r = *state;
	waldo_promise *promise = follow_end(r);

	assert_true(peer_send(&r->end, "[2,1,0,false,[]] =91d9ff="));
	peer_fini(&r->s->peer);
	(void) memory_settle();
	assert_int_not_equal(
	    waldo_read_error(waldo_promise_get_result(promise)), WALDO_OK);
	assert_int_equal(waldo_ref_get_state(waldo_promise_get_ref(promise)),
	                 WALDO_BROKEN);
	waldo_promise_release(promise);
}

/* What became of a link of ours is not told with its address (P33). */
static void
addresses_of_ours_are_not_told_to_peers(void **state)
{
	struct relay *r = *state;
	const char *said;

	send(r->s, "[1,5,-4,'m',[],{}] []");
	assert_begins(peer_receive(&r->end), "[1,1,0,[1,'m'],");
	peer_fini(&r->end);
	r->end.raw = NULL;
	said = peer_await(&r->s->peer, "[2,5,");
	assert_begins(said, "[2,5,1,false,[]] [6,'waldo.Lost',");
	assert_null(strstr(said, "inproc"));
}

/* The peer's bootstrap object has no id to give back, so it is given as ours;
 * and that is another path (P10). */
static void
the_peers_bootstrap_object_is_given_as_ours(void **state)
{
	struct relay *r = *state;
	waldo_ref *ref = r->s->f->service->kept;
	waldo_promise *call;

	assert_ok(waldo_ref_notify(ref, "m", "r", ref));
	assert_string_equal(peer_receive(&r->end),
	                    "[1,nil,0,[1,'m'],[[0,-1,nil]],{}] [<0>]");
	assert_true(peer_send(&r->end, "[1,2,-1,'n',[],{}] [1]"));
	assert_string_equal(peer_receive(&r->end),
	                    "[1,1,0,[2,'n'],[],{5:1}] [1]");
	assert_true(peer_send(&r->end, "[2,1,0,false,[]] 5"));
	assert_string_equal(peer_receive(&r->end), "[2,2,0,false,[]] 5");
	/* A result that is that very object. */
	call = waldo_ref_invoke(ref, "m", "");
	assert_ok(waldo_ref_notify(waldo_promise_get_ref(call), "n", "i", 1));
	assert_begins(peer_receive(&r->end), "[1,3,0,1,");
	assert_begins(peer_receive(&r->end), "[1,nil,3,2,");
	assert_true(peer_send(&r->end, "[2,3,0,true,[[2,-1]]] <0>"));
	assert_begins(peer_receive(&r->end), "[1,5,3,0,[],{}] [x'");
	assert_string_equal(peer_receive(&r->end), "[4,3,1]");
	waldo_promise_release(call);
}

/* P33: time goes on; and cancelling goes through, once. */
static void
a_deadline_and_a_cancellation_pass_through(void **state)
{
	struct relay *r = *state;
	const char *frame;
	int left = 0;

	send(r->s, "[1,5,-4,'m',[],{0:5000}] []");
	frame = peer_receive(&r->end);
	assert_int_equal(
	    sscanf(frame, "[1,1,0,[1,'m'],[],{0:%d,5:1}] []", &left), 1);
	assert_true(left > 4000 && left <= 5000);
	send(r->s, "[5,5]");
	assert_string_equal(peer_receive(&r->end), "[5,1]");
	send(r->s, "[5,5]");
	assert_string_equal(peer_receive(&r->end), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    relay_test(arguments_are_passed_on_as_they_came),
	    relay_test(a_result_is_passed_on_as_it_came),
	    relay_test(no_payload_is_passed_on_as_none),
	    relay_test(what_may_be_repeated_may_be_so_further_on),
	    relay_test(references_are_named_anew),
	    relay_test(a_result_with_references_is_checked),
	    relay_test(a_result_that_is_pipelined_on_is_checked),
	    relay_test(arguments_that_waited_are_checked),
	    relay_test(arguments_that_were_held_are_checked),
	    relay_test(a_result_that_was_passed_on_is_checked_when_it_is_read),
	    relay_test(
	        a_result_that_was_passed_on_is_checked_when_it_is_followed),
	    relay_test(a_result_that_nobody_waits_for_is_checked),
	    relay_test(addresses_of_ours_are_not_told_to_peers),
	    relay_test(the_peers_bootstrap_object_is_given_as_ours),
	    relay_test(a_deadline_and_a_cancellation_pass_through),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
