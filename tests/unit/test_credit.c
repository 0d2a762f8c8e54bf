/* SPDX-License-Identifier: MIT */
/*
 * The call window in both directions, and what happens to the calls of a peer
 * that leaves our output unread (PROTOCOL.md P16, P38, P39; operation 6).
 */
#include "broker/session/session.h"
#include "serial/pack.h"
#include "tests/memory/text.h"
#include "tests/unit/session_fixture.h"

#include <stdio.h>
#include <stdlib.h>

enum { KIB = 1024, FRAME = 64 * KIB, MAX_SEEN = 256 };

static uint8_t frame[FRAME + 64];

/* The node's limits: as small as they may be, so that a result and a half stop
 * its output until the peer acknowledges. */
static waldo_limits
small(void)
{
	return (waldo_limits){.size = sizeof(waldo_limits),
	                      .message_bytes = FRAME,
	                      .retained_bytes = FRAME,
	                      .queued_bytes = 128 * KIB,
	                      .call_window = FRAME};
}

/* The setup opened a session with a node of the default limits: here is one
 * with others, and with a peer that says `hello`. */
static void
reopen(struct session *s, waldo_limits limits, const char *hello)
{
	struct fixture *f = s->f;

	peer_fini(&s->peer);
	waldo_ref_release(f->service_ref);
	node_free(&f->server);
	f->server = node_new(&limits);
	f->service = service_new(f, f->server, &f->service_ref);
	assert_ok(waldo_listen(f->server, "inproc:n", NULL));
	assert_ok(waldo_publish(f->server, "gate", f->service_ref));
	memset(&s->peer, 0, sizeof(s->peer));
	s->peer.raw = memory_raw_dial("n");
	assert_non_null(s->peer.raw);
	assert_true(peer_send_bytes(&s->peer, peer_preamble, 12));
	send(s, hello);
	assert_begins(peer_receive(&s->peer), "![0,{");
}

/* A CALL, less its payload, which is [n, len bytes]. Returns `length`. */
static size_t
send_call(struct session *s, const char *head, int n, size_t len)
{
	uint8_t *p = frame + 5 + text_encode(head, frame + 5, 8 * KIB);

	p = waldoi_pack_array(p, 2);
	p = waldoi_pack_int(p, n);
	*p++ = 0xc6;
	p = waldoi_pack_be(p, len, 4);
	memset(p, 'x', len);
	p += len;
	waldoi_pack_be(frame, (size_t) (p - frame) - 4, 4);
	frame[4] = 0;
	assert_true(peer_send_bytes(&s->peer, frame, (size_t) (p - frame)));
	return (size_t) (p - frame) - 4;
}

/* ---- what the node has sent */

static struct seen {
	char texts[MAX_SEEN][64]; /* of numbered frames, as they begin */
	size_t count;             /* since the session began */
	uint64_t calls;           /* their lengths, of CALLs */
	int credits;
	uint64_t total; /* as the last CREDIT said */
} seen;

static void
note_frame(const uint8_t *p, size_t len, const char *text)
{
	if (p[4] != 0) {
		return;
	}
	assert_true(seen.count < MAX_SEEN);
	(void) snprintf(seen.texts[seen.count++], sizeof(seen.texts[0]),
	                "%.63s", text);
	if (strncmp(text, "[1,", 3) == 0) {
		seen.calls += len;
	} else if (strncmp(text, "[6,0,", 5) == 0) {
		seen.credits++;
		seen.total = strtoull(text + 5, NULL, 10);
	}
}

/* Takes all that has come. */
static void
take(struct session *s)
{
	static char text[8 * KIB];
	size_t have, len;
	const uint8_t *p;

	(void) memory_settle();
	while ((p = memory_raw_received(s->peer.raw, &have)), have >= 5) {
		len = (size_t) p[0] << 24 | (size_t) p[1] << 16 |
		      (size_t) p[2] << 8 | p[3];
		if (have < len + 4) {
			return;
		}
		text_decode(p + 5, len - 1, text, sizeof(text));
		note_frame(p, len, text);
		memory_raw_skip(s->peer.raw, len + 4);
	}
}

/* The same, and acknowledges it, until nothing more comes. */
static void
read_on(struct session *s)
{
	size_t before;
	char ack[32];

	take(s);
	do {
		before = seen.count;
		(void) snprintf(ack, sizeof(ack), "![5,%zu]", before);
		send(s, ack);
		take(s);
	} while (seen.count > before);
}

static bool
begins(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool
was_seen(const char *start)
{
	for (size_t i = 0; i < seen.count; i++) {
		if (begins(seen.texts[i], start)) {
			return true;
		}
	}
	return false;
}

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
open_default(struct session *s)
{
	memset(&seen, 0, sizeof(seen));
	reopen(s, small(), PEER_HELLO);
}

static void
a_sender_keeps_within_the_window(void **state)
{
	struct session *s = session_of(state);
	size_t each, before;
	char credit[40];

	open_default(s);
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

	open_default(s);
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

	open_default(s);
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

	open_default(s);
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
	const waldo_options options = {sizeof(options), 50, 0};
	struct session *s = session_of(state);
	waldo_request *request;
	waldo_promise *late;
	size_t count;

	open_default(s);
	request = waldo_request_new(take_object(s), "m", &options);
	notify(s, 0, 60000);
	waldo_put_bytes(waldo_request_get_args(request), frame, 30000);
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

	open_default(s);
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

	open_default(s);
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

	memset(&seen, 0, sizeof(seen));
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

	memset(&seen, 0, sizeof(seen));
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

/* The default session, whose window is small. Calls up to 4 are known. */
static void
open_gate(struct session *s, waldo_limits limits)
{
	memset(&seen, 0, sizeof(seen));
	reopen(s, limits, PEER_HELLO);
	send(s, "[1,1,0,'fetch',[],{}] ['gate']");
	take(s);
	assert_true(was_seen("[2,1,0,true,[[0,-2,nil]]]"));
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

/* ---- P39: a peer that does not read */

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
	char ack[32];
	size_t n = 0;

	while (n < seen.count && !begins(seen.texts[n], start)) {
		n++;
	}
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

static void
a_paused_call_may_be_late(void **state)
{
	struct session *s = session_of(state);

	open_gate(s, small());
	choke(s);
	send(s, "[1,9,-2,'mark',[],{0:50}] [9]", "[1,11,-2,'mark',[],{}] [0]");
	(void) memory_settle();
	memory_advance(100 * 1000);
	read_on(s);
	assert_order(s, 0, 1);
	assert_true(was_seen("[2,9,3,false,[]]"));
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
	    session_test(calls_of_a_peer_that_does_not_read_wait_in_order),
	    session_test(calls_wait_again_when_their_results_are_not_read),
	    session_test(a_paused_call_can_be_cancelled),
	    session_test(a_paused_call_may_be_late),
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

	return cmocka_run_group_tests_name("credit", tests, NULL, NULL);
}
