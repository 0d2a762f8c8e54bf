/* SPDX-License-Identifier: MIT */
/* Calls, answers and headers as a peer may write them: what is a protocol
 * error, what fails one call (PROTOCOL.md P1, P2, P15). */
#include "tests/unit/session_fixture.h"

#include <stdio.h>

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

/* P32, F3 */
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

/* P9, P37. */
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

/* P9; DESIGN 4.3, 4. */
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

/* P9: whoever called learns first why. */
static void
a_result_that_is_broken_goes_before_the_calls_on_it(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s,
	     "[1,3,-2,'store',[[6,[1000,'t.Gone','it is gone',nil]]],{}] "
	     "[<0>]",
	     "[1,5,-2,'hold',[],{}] []", "[1,7,5,'add',[],{}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,3,0,");
	assert_string_equal(peer_receive(&s->peer), "");
	service_answer_ref(s->f->service, s->f->service->stored[0]);
	assert_begins(peer_receive(&s->peer), "[2,5,0,true,[[6,[1000,");
	assert_begins(peer_receive(&s->peer), "[2,7,4,false,[]] [1000,");
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
	assert_begins(peer_receive(&s->peer), "[2,7,4,false,[]] [");
	assert_begins(peer_receive(&s->peer), "[2,9,4,false,[]] [");
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

/* P11, F26. */
static void
method_0_is_a_flush(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,0,[],{}] [x'000102030405060708090a0b0c0d0e0f']");
	assert_begins(peer_receive(&s->peer), "[2,3,0,");
}

/* P11: with its argument, in its turn among the calls on the object. */
static void
a_flush_is_answered_in_its_turn(void **state)
{
	struct session *s = session_of(state);

	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []", "[1,5,3,'order',[],{}] [1]",
	     "[1,7,3,0,[],{}] [7]", "[1,9,3,'order',[],{}] [2]",
	     "[1,11,-2,0,[],{}] []");
	/* P17: what is parked holds up nobody else. */
	assert_string_equal(peer_receive(&s->peer), "[2,11,0,false,[]] nil");
	assert_string_equal(peer_receive(&s->peer), "");
	service_answer_ref(s->f->service, s->f->service_ref);
	assert_begins(peer_receive(&s->peer), "[2,3,0,true,");
	assert_string_equal(peer_receive(&s->peer), "[2,5,0,false,[]] 1");
	assert_string_equal(peer_receive(&s->peer), "[2,7,0,false,[]] 7");
	assert_string_equal(peer_receive(&s->peer), "[2,9,0,false,[]] 2");
}

/* P12, P33: as a call of its own, with one hop more, 16 times at most. */
static void
a_call_is_forwarded_16_times(void **state)
{
	struct session *s = session_of(state);
	const char *answer;

	fetch(s);
	send(s, "[1,3,-2,'echo',[[0,-1,nil]],{}] [<0>]",
	     "[1,5,3,'add',[],{5:15}] [1]");
	assert_begins(peer_receive(&s->peer), "[2,3,0,true,[[2,-1]]] ");
	assert_string_equal(peer_receive(&s->peer),
	                    "[1,2,-1,[1,'add'],[],{5:16}] [1]");
	send(s, "[2,2,0,false,[]] 8");
	assert_string_equal(peer_await(&s->peer, "[2,5,"),
	                    "[2,5,0,false,[]] 8");
	send(s, "[1,7,3,'add',[],{5:16}] [1]");
	answer = peer_receive(&s->peer);
	assert_begins(answer, "[2,7,1,false,[]] [3,");
	assert_non_null(strstr(answer, "hops"));
}

/* P34: the caller can count the calls that are not dead. */
static void
a_call_more_than_open_calls_ends_the_session(void **state)
{
	struct session *s = session_of(state);
	const waldo_limits limits = {.size = sizeof(limits), .open_calls = 16};
	waldo_ref *ref = NULL;
	char frame[64];

	s->f->third = node_new(&limits);
	assert_non_null(service_new(s->f, s->f->third, &ref));
	assert_ok(waldo_listen(s->f->third, "inproc:few", NULL));
	assert_ok(waldo_publish(s->f->third, "gate", ref));
	waldo_ref_release(ref);
	peer_fini(&s->peer);
	assert_true(peer_dial(&s->peer, "few"));
	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []");
	for (int i = 1; i < 16; i++) {
		(void) snprintf(frame, sizeof(frame),
		                "[1,%d,3,'add',[],{}] [1]", 3 + 2 * i);
		send(s, frame);
	}
	assert_alive(s, 1);
	send(s, "[1,35,3,'add',[],{}] [1]");
	assert_protocol_error(s, "open_calls");
}

/* P37: no frame names more places than that of a result to come. */
static void
a_result_has_at_most_64_places(void **state)
{
	struct session *s = session_of(state);
	const char *answer;
	char frame[64];

	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []");
	for (int i = 0; i < 64; i++) {
		(void) snprintf(frame, sizeof(frame),
		                "[1,nil,[3,%d],'add',[],{}] [1]", i);
		send(s, frame);
	}
	send(s, "[1,5,[3,63],'add',[],{}] [1]");
	assert_string_equal(peer_receive(&s->peer), "");
	send(s, "[1,7,[3,64],'add',[],{}] [1]");
	answer = peer_receive(&s->peer);
	assert_begins(answer, "[2,7,1,false,[]] [3,");
	assert_non_null(strstr(answer, "at most 64"));
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
	    session_test(a_result_that_is_broken_goes_before_the_calls_on_it),
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
	    session_test(a_flush_is_answered_in_its_turn),
	    session_test(a_call_is_forwarded_16_times),
	    session_test(a_call_more_than_open_calls_ends_the_session),
	    session_test(a_result_has_at_most_64_places),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
