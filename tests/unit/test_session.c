/* SPDX-License-Identifier: MIT */
/*
 * The session against a peer that says exactly what the test tells it to:
 * what broker/PROTOCOL.md makes a protocol error, what it makes the failure
 * of one call, and what it has counted.
 */
#include "tests/conformance/fixture.h"
#include "tests/memory/peer.h"

#include <stdio.h>
#include <stdlib.h>

struct session {
	struct fixture *f;
	struct peer peer;
};

static struct session *
session_of(void **state)
{
	return *state;
}

static int
open_session(void **state)
{
	struct session *s = calloc(1, sizeof(*s));
	void *fixture;

	wire = transport_find("memory");
	if (s == NULL || setup_nothing(&fixture) != 0) {
		return -1;
	}
	s->f = fixture;
	s->f->server = node_new(NULL);
	s->f->service = service_new(s->f, s->f->server, &s->f->service_ref);
	assert_ok(waldo_listen(s->f->server, "inproc:n", NULL));
	assert_ok(waldo_publish(s->f->server, "gate", s->f->service_ref));
	*state = s;
	return peer_dial(&s->peer, "n") ? 0 : -1;
}

static int
close_session(void **state)
{
	struct session *s = *state;
	void *fixture = s->f;

	peer_fini(&s->peer);
	free(s);
	return teardown(&fixture);
}

#define session_test(name)                                                     \
	cmocka_unit_test_setup_teardown(name, open_session, close_session)

static void
send_all(struct session *s, const char *const *frames)
{
	for (; *frames != NULL; frames++) {
		assert_true(peer_send(&s->peer, *frames));
	}
}

#define send(s, ...) send_all(s, (const char *const[]){__VA_ARGS__, NULL})

#define assert_begins(text, start)                                             \
	do {                                                                   \
		const char *got = (text);                                      \
		if (strncmp(got, start, strlen(start)) != 0) {                 \
			fail_msg("\"%s\" does not begin with \"%s\"", got,     \
			         start);                                       \
		}                                                              \
	} while (0)

/* ABORT with code PROTOCOL, which is 0, and the end of the session. */
#define assert_protocol_error(s, about)                                        \
	do {                                                                   \
		const char *said = peer_await(&(s)->peer, "![10,");            \
		assert_begins(said, "![10,");                                  \
		if (strstr(said, about) == NULL) {                             \
			fail_msg("\"%s\" does not say \"%s\"", said, about);   \
		}                                                              \
		assert_true(peer_is_closed(&(s)->peer));                       \
	} while (0)

#define assert_alive(s, number)                                                \
	do {                                                                   \
		send(s, "![6," #number "]");                                   \
		assert_string_equal(peer_await(&(s)->peer, "![7,"),            \
		                    "![7," #number "]");                       \
	} while (0)

/* Call 1: the gate, which is export -2. */
static void
fetch(struct session *s)
{
	send(s, "[1,1,0,'fetch',[],{}] ['gate']");
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,1,0,true,[[0,-2,nil]]] <0>");
	send(s, "[4,1,1]");
}

/* ---- calls and returns */

static void
the_bootstrap_object_is_target_0(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'add',[],{}] [41]");
	assert_string_equal(peer_receive(&s->peer), "[2,3,0,false,[]] 42");
}

static void
a_one_way_call_is_not_answered(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,nil,-2,'add',[],{}] [1]", "[1,nil,-2,'fly',[],{}] [1]",
	     "[1,nil,-2,'add',[],{}] ['x']");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_int_equal(s->f->service->calls, 1);
	assert_alive(s, 1);
}

/* P1 */
static void
call_ids_have_no_gaps(void **state)
{
	struct session *s = session_of(state);

	send(s, "[1,3,0,'names',[],{}] []");
	assert_protocol_error(s, "3");
}

static void
call_ids_are_odd_for_the_initiator(void **state)
{
	struct session *s = session_of(state);

	send(s, "[1,2,0,'names',[],{}] []");
	assert_protocol_error(s, "2");
}

static void
a_call_id_is_not_used_twice(void **state)
{
	struct session *s = session_of(state);

	send(s, "[1,1,0,'names',[],{}] []", "[1,1,0,'names',[],{}] []");
	assert_protocol_error(s, "1");
}

static void
an_export_that_was_never_given_is_no_target(void **state)
{
	struct session *s = session_of(state);

	send(s, "[1,1,-2,'add',[],{}] [1]");
	assert_protocol_error(s, "-2");
}

static void
a_dropped_export_is_no_target(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[4,-2,1]", "[1,3,-2,'add',[],{}] [1]");
	assert_protocol_error(s, "-2");
}

static void
a_call_that_was_never_made_is_no_target(void **state)
{
	struct session *s = session_of(state);

	send(s, "[1,1,3,'add',[],{}] [1]");
	assert_protocol_error(s, "3");
}

static void
a_call_is_not_its_own_target(void **state)
{
	struct session *s = session_of(state);

	send(s, "[1,1,1,'add',[],{}] [1]");
	assert_protocol_error(s, "1");
}

static void
a_path_belongs_to_calls_only(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,[-2,0],'add',[],{}] [1]");
	assert_protocol_error(s, "-2");
}

static void
a_path_has_at_most_8_steps(void **state)
{
	struct session *s = session_of(state);

	send(s, "[1,1,0,'names',[],{}] []",
	     "[1,3,[1,0,0,0,0,0,0,0,0,0],'add',[],{}] [1]");
	assert_protocol_error(s, "");
}

/* F3 */
static void
a_call_on_an_answer_that_is_gone_is_answered(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'add',[],{}] [1]");
	assert_string_equal(peer_receive(&s->peer), "[2,3,0,false,[]] 2");
	send(s, "[1,5,3,'add',[],{}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,5,4,false,[]] [");
	send(s, "[1,7,1,'add',[],{}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,7,4,false,[]] [");
}

static void
a_call_waits_for_the_answer_it_is_made_on(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []", "[1,5,3,'order',[],{}] [5]",
	     "[1,7,3,'order',[],{}] [7]");
	assert_string_equal(peer_receive(&s->peer), "");
	service_answer_ref(s->f->service, s->f->service_ref);
	assert_string_equal(peer_receive(&s->peer),
	                    "[2,3,0,true,[[0,-2,nil]]] <0>");
	assert_string_equal(peer_receive(&s->peer), "[2,5,0,false,[]] 5");
	assert_string_equal(peer_receive(&s->peer), "[2,7,0,false,[]] 7");
}

static void
an_answer_that_is_kept_stays_a_target(void **state)
{
	struct session *s = session_of(state);

	send(s, "[1,1,0,'fetch',[],{}] ['gate']");
	assert_begins(peer_receive(&s->peer), "[2,1,0,true,");
	send(s, "[4,-2,1]", "[1,3,1,'add',[],{}] [1]");
	assert_string_equal(peer_receive(&s->peer), "[2,3,0,false,[]] 2");
	send(s, "[4,1,1]", "[1,5,1,'add',[],{}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,5,4,false,[]] [");
}

static void
a_path_finds_its_way_into_a_kept_answer(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'tree',[],{}] []",
	     "[1,5,[3,'things',1],'add',[],{}] [1]",
	     "[1,7,[3,'n'],'add',[],{}] [1]",
	     "[1,9,[3,'things',2],'add',[],{}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,3,0,true,[[0,");
	assert_string_equal(peer_receive(&s->peer), "[2,5,0,false,[]] 2");
	assert_begins(peer_receive(&s->peer), "[2,7,1,false,[]] [");
	assert_begins(peer_receive(&s->peer), "[2,9,1,false,[]] [");
	assert_int_equal(s->f->services[2].calls, 1);
}

/* P2 */
static void
a_payload_that_does_not_parse_fails_its_call(void **state)
{
	struct session *s = session_of(state);
	static const char *const payloads[] = {
	    "=c1=",       "=dd00ffffffff=",   "=93=",
	    "=91a161c0=", "=91d40105=",       "=91a2ff20=",
	    "=91c70500=", "=82a161c0a161c0=", "7",
	    "{}"};
	char frame[100];
	int id = 3;

	fetch(s);
	for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
		char want[50];

		(void) snprintf(frame, sizeof(frame),
		                "[1,%d,-2,'echo',[],{}] %s", id, payloads[i]);
		send(s, frame);
		(void) snprintf(want, sizeof(want), "[2,%d,1,false,[]] [", id);
		assert_begins(peer_receive(&s->peer), want);
		id += 2;
	}
	assert_int_equal(s->f->service->calls, 0);
	assert_alive(s, 9);
}

static void
a_call_without_a_payload_fails(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'add',[],{}]");
	assert_begins(peer_receive(&s->peer), "[2,3,1,false,[]] [");
	assert_alive(s, 9);
}

/* Every header that is not as it must be; each in a session of its own. */
static const char *const bad_headers[] = {
    "=c1=",
    "7",
    "[]",
    "[1]",
    "['x']",
    "[1,1,0,'names',[]] []",
    "[1,1,0,'names',[],{},7] []",
    "[1,'x',0,'names',[],{}] []",
    "[1,1,'x','names',[],{}] []",
    "[1,1,0,-1,[],{}] []",
    "[1,1,0,7,[],{}] []",
    "[1,1,0,'',[],{}] []",
    "[1,1,0,[2,'x'],[],{}] []",
    "[1,1,0,[1],[],{}] []",
    "[1,1,0,'names',7,{}] []",
    "[1,1,0,'names',[7],{}] []",
    "[1,1,0,'names',[[0,0,nil]],{}] []",
    "[1,1,0,'names',[[0,5,nil]],{}] []",
    "[1,1,0,'names',[[0,-2,nil]],{}] []",
    "[1,1,0,'names',[[2,-2]],{}] []",
    "[1,1,0,'names',[[2,0]],{}] []",
    "[1,1,0,'names',[[3,1]],{}] []",
    "[1,1,0,'names',[[0,-1]],{}] []",
    "[1,1,0,'names',[],7] []",
    "[1,1,0,'names',[],{0:1,0:2}] []",
    "[1,1,0,'names',[],{'x':1}] []",
    "[1,1,0,'names',[],{0:-1}] []",
    "=dc0006010100a56e616d6573=",
    "=ddffffffff=",
    "[2,2,0,false,[]] 7",
    "[2,1,0,false,[]] 7",
    "[2,0,0,false,[]] 7",
    "[4,-1,1]",
    "[4,0,1]",
    "[4,-2,1]",
    "[4,1,1]",
    "[4]",
    "[4,-2]",
    "[5,1]",
    "[5,2]",
    "[5]",
    "![0,{0:[1,1]}]",
    "![5,99]",
    "![6]",
};

static void
a_header_that_is_wrong_ends_the_session(void **state)
{
	struct session *s = session_of(state);

	for (size_t i = 0; i < sizeof(bad_headers) / sizeof(*bad_headers);
	     i++) {
		struct peer peer;
		const char *said;
		bool closed;

		assert_true(peer_dial(&peer, "n"));
		assert_true(peer_send(&peer, bad_headers[i]));
		said = peer_await(&peer, "![10,");
		closed = peer_is_closed(&peer);
		if (strncmp(said, "![10,", 5) != 0 || !closed) {
			print_error("after \"%s\" came \"%s\"\n",
			            bad_headers[i], said);
		}
		assert_begins(said, "![10,");
		assert_true(closed);
		peer_fini(&peer);
	}
	assert_alive(s, 1);
}

static void
frames_of_no_length_and_of_too_much_end_the_session(void **state)
{
	struct session *s = session_of(state);
	static const uint8_t empty[] = {0, 0, 0, 0};
	static const uint8_t huge[] = {0x7f, 0xff, 0xff, 0xff, 0};
	struct peer peer;

	assert_true(peer_send_bytes(&s->peer, empty, sizeof(empty)));
	assert_protocol_error(s, "");
	assert_true(peer_dial(&peer, "n"));
	assert_true(peer_send_bytes(&peer, huge, sizeof(huge)));
	assert_begins(peer_await(&peer, "![10,"), "![10,");
	assert_true(peer_is_closed(&peer));
	peer_fini(&peer);
}

static void
unknown_kinds_of_frames(void **state)
{
	struct session *s = session_of(state);
	static const uint8_t skipped[] = {0, 0, 0, 3, 200, 1, 2};
	static const uint8_t wrong[] = {0, 0, 0, 3, 3, 1, 2};

	assert_true(peer_send_bytes(&s->peer, skipped, sizeof(skipped)));
	assert_alive(s, 1);
	send(s, "![99,1,2]");
	assert_alive(s, 2);
	assert_true(peer_send_bytes(&s->peer, wrong, sizeof(wrong)));
	assert_protocol_error(s, "3");
}

/* F32 */
static void
an_unknown_operation_is_said_to_be_one(void **state)
{
	struct session *s = session_of(state);

	send(s, "[99,5]");
	assert_begins(peer_receive(&s->peer), "[10,99,");
	send(s, "[10,5,nil]");
	assert_string_equal(peer_receive(&s->peer), "");
	assert_alive(s, 1);
}

static void
unknown_options_are_ignored_or_refused(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'add',[],{98:['x']}] [1]");
	assert_string_equal(peer_receive(&s->peer), "[2,3,0,false,[]] 2");
	send(s, "[1,5,-2,'add',[],{99:1}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,5,1,false,[]] [");
	assert_int_equal(s->f->service->calls, 1);
}

/* P15, F28 */
static void
a_method_is_numbered_when_its_frame_is_applied(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	/* Defined by a call that fails, and by one that does not parse. */
	send(s, "[1,3,-2,[1,'fly'],[],{}] []",
	     "[1,5,-2,[2,'add'],[],{}] =c1=", "[1,7,-2,2,[],{}] [1]",
	     "[1,9,-2,1,[],{}] []");
	assert_begins(peer_receive(&s->peer), "[2,3,1,");
	assert_begins(peer_receive(&s->peer), "[2,5,1,");
	assert_string_equal(peer_receive(&s->peer), "[2,7,0,false,[]] 2");
	assert_begins(peer_receive(&s->peer), "[2,9,1,");
	send(s, "[1,11,-2,[2,'add'],[],{}] [1]");
	assert_protocol_error(s, "2");
}

static void
method_0_is_a_flush(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,0,[],{}] [x'000102030405060708090a0b0c0d0e0f']");
	assert_begins(peer_receive(&s->peer), "[2,3,0,");
}

/* ---- counting */

/* P3: whatever becomes of the call. */
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

/* ---- cancelling and deadlines */

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

/* ---- the link */

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

/* Promise 6, rule 9: a burst in one read is all done, in order. */
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
	assert_ok(waldo_node_step(s->f->server, 0));
	assert_in_range(s->f->service->calls, 1, 4999);
	assert_alive(s, 1);
	assert_int_equal(s->f->service->calls, 5000);
}

/* The ledger of waldoi_node_count(). */
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
	    session_test(the_bootstrap_object_is_target_0),
	    session_test(a_one_way_call_is_not_answered),
	    session_test(call_ids_have_no_gaps),
	    session_test(call_ids_are_odd_for_the_initiator),
	    session_test(a_call_id_is_not_used_twice),
	    session_test(an_export_that_was_never_given_is_no_target),
	    session_test(a_dropped_export_is_no_target),
	    session_test(a_call_that_was_never_made_is_no_target),
	    session_test(a_call_is_not_its_own_target),
	    session_test(a_path_belongs_to_calls_only),
	    session_test(a_path_has_at_most_8_steps),
	    session_test(a_call_on_an_answer_that_is_gone_is_answered),
	    session_test(a_call_waits_for_the_answer_it_is_made_on),
	    session_test(an_answer_that_is_kept_stays_a_target),
	    session_test(a_path_finds_its_way_into_a_kept_answer),
	    session_test(a_payload_that_does_not_parse_fails_its_call),
	    session_test(a_call_without_a_payload_fails),
	    session_test(a_header_that_is_wrong_ends_the_session),
	    session_test(frames_of_no_length_and_of_too_much_end_the_session),
	    session_test(unknown_kinds_of_frames),
	    session_test(an_unknown_operation_is_said_to_be_one),
	    session_test(unknown_options_are_ignored_or_refused),
	    session_test(a_method_is_numbered_when_its_frame_is_applied),
	    session_test(method_0_is_a_flush),
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
	    session_test(a_call_at_its_deadline_does_not_start),
	    session_test(acks_say_what_was_applied),
	    session_test(an_ack_is_not_acknowledged),
	    session_test(bye_ends_the_session),
	    session_test(what_a_peer_says_in_the_end_is_escaped),
	    session_test(a_silent_link_is_pinged_and_then_lost),
	    session_test(a_link_that_answers_pings_is_not_lost),
	    session_test(whoever_does_not_open_the_link_is_closed),
	    session_test(hello_comes_first),
	    session_test(versions_must_meet),
	    session_test(a_burst_is_worked_off_over_several_turns),
	    session_test(nothing_stays_of_a_session_that_ended),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
