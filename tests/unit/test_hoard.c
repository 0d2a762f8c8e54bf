/* SPDX-License-Identifier: MIT */
/*
 * What a peer can make a node keep, and how much work it can make: no more than
 * the limits (DESIGN, promise 6). All allocations are counted (sim/memory.h).
 */
#include "serial/pack.h"
#include "sim/memory.h"
#include "tests/memory/text.h"
#include "tests/unit/session_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { KIB = 1024, MAX_FRAME = 1024 * KIB };

static uint8_t frame[MAX_FRAME];

/* A CALL, whose payload is too large or too odd to be written as text. */
static void
send_raw(struct peer *peer, const char *head, const void *payload, size_t len)
{
	size_t n = text_encode(head, frame + 5, 8 * KIB);

	assert_true(n > 0 && 5 + n + len <= sizeof(frame));
	memcpy(frame + 5 + n, payload, len);
	waldoi_pack_be(frame, 1 + n + len, 4);
	frame[4] = 0;
	assert_true(peer_send_bytes(peer, frame, 5 + n + len));
}

/* A session whose peer takes frames of 4 MiB, with 256 references. */
static int
open_large(void **state)
{
	struct session *s;

	if (open_session(state) != 0) {
		return -1;
	}
	s = *state;
	peer_fini(&s->peer);
	memset(&s->peer, 0, sizeof(s->peer));
	s->peer.raw = memory_raw_dial("n");
	return s->peer.raw != NULL &&
	               peer_send_bytes(&s->peer, peer_preamble, 12) &&
	               peer_send(&s->peer,
	                         "![0,{0:[1,1],1:1,2:4194304,7:256}]") &&
	               strncmp(peer_receive(&s->peer), "![0,{", 5) == 0
	           ? 0
	           : -1;
}

#define large_test(name)                                                       \
	cmocka_unit_test_setup_teardown(name, open_large, close_session)

/* Reads all that has come. */
static void
take_all(struct peer *peer)
{
	size_t len;

	(void) memory_settle();
	(void) memory_raw_received(peer->raw, &len);
	memory_raw_skip(peer->raw, len);
}

static void
acknowledge(struct peer *peer, unsigned frames)
{
	char text[40];

	(void) snprintf(text, sizeof(text), "![5,%u]", frames);
	assert_true(peer_send(peer, text));
	take_all(peer);
}

static size_t
node_bytes(const waldo_node *node)
{
	waldoi_counts counts;

	waldoi_node_count(node, &counts);
	return counts.bytes;
}

/* ---- kept answers */

/* Call `id`: an echo of `len` bytes with the gate behind them, which is kept
 * until its DROP. */
static void
keep_answer(struct session *s, int id, size_t len)
{
	uint8_t *payload = malloc(len + 16), *p = payload;
	char head[64];

	assert_non_null(payload);
	p = waldoi_pack_array(waldoi_pack_array(p, 1), 2);
	memcpy(p, "\xd4\x01\x00", 3);
	p += 3;
	*p++ = 0xc6;
	p = waldoi_pack_be(p, len, 4);
	memset(p, 'x', len);
	(void) snprintf(head, sizeof(head), "[1,%d,-2,'echo',[[2,-2]],{}]", id);
	send_raw(&s->peer, head, payload, (size_t) (p - payload) + len);
	free(payload);
	take_all(&s->peer);
}

/* What a kept answer is for are its references; DESIGN, promise 6. */
static void
a_kept_answer_does_not_keep_its_result(void **state)
{
	enum { ANSWERS = 20, SIZE = 100 * KIB };
	struct session *s = session_of(state);
	size_t before;

	fetch(s);
	keep_answer(s, 3, SIZE);
	acknowledge(&s->peer, 2);
	before = sim_memory_bytes();
	for (int i = 1; i <= ANSWERS; i++) {
		keep_answer(s, 3 + 2 * i, SIZE);
		acknowledge(&s->peer, (unsigned) i + 2);
	}
	assert_true(sim_memory_bytes() < before + ANSWERS * 8 * KIB);
	send(s, "[1,45,[43,0],'add',[],{}] [1]");
	assert_string_equal(peer_receive(&s->peer), "[2,45,0,false,[]] 2");
}

/* A result of 1.7 KB with 256 mentions of one reference, each at the end of a
 * path of 7 long keys. */
static size_t
pack_many_places(uint8_t *payload)
{
	char key[128];
	uint8_t *p = waldoi_pack_array(payload, 1);

	memset(key, 'k', sizeof(key));
	for (int i = 0; i < 7; i++) {
		p = waldoi_pack_map(p, 1);
		p = waldoi_pack_str(p, key, sizeof(key));
	}
	p = waldoi_pack_array(p, 256);
	for (int i = 0; i < 256; i++) {
		memcpy(p, "\xd4\x01\x00", 3);
		p += 3;
	}
	return (size_t) (p - payload);
}

/* P37. */
static void
the_places_of_a_kept_answer_are_bounded(void **state)
{
	enum { ANSWERS = 50 };
	struct session *s = session_of(state);
	uint8_t payload[4 * KIB];
	size_t len = pack_many_places(payload);
	size_t before = 0;

	fetch(s);
	for (int i = 0; i <= ANSWERS; i++) {
		char head[64];

		(void) snprintf(head, sizeof(head),
		                "[1,%d,-2,'echo',[[2,-2]],{}]", 3 + 2 * i);
		send_raw(&s->peer, head, payload, len);
		assert_non_null(strstr(peer_receive(&s->peer), ",0,true,"));
		acknowledge(&s->peer, (unsigned) i + 2);
		before = i == 0 ? sim_memory_bytes() : before;
	}
	assert_true(sim_memory_bytes() < before + ANSWERS * 16 * KIB);
	assert_alive(s, 1);
}

/* A list of `count` nils and the gate, as call 3. */
static void
keep_long_answer(struct session *s, size_t count)
{
	uint8_t *payload = malloc(count + 16), *p = payload;

	assert_non_null(payload);
	p = waldoi_pack_array(waldoi_pack_array(p, 1), count + 1);
	memset(p, 0xc0, count);
	p += count;
	memcpy(p, "\xd4\x01\x00", 3);
	send_raw(&s->peer, "[1,3,-2,'echo',[[2,-2]],{}]", payload,
	         (size_t) (p + 3 - payload));
	free(payload);
	assert_begins(peer_receive(&s->peer), "[2,3,0,true,");
}

/* One frame of 2 KB names 200 places of a result of 500 KB: that must not cost
 * what 200 walks through the result do. Making and sending the result is some
 * of those walks. */
static void
a_place_is_found_without_a_walk_through_the_result(void **state)
{
	enum { COUNT = 500 * KIB, PLACES = 200 };
	struct session *s = session_of(state);
	char head[8 * KIB];
	size_t len;
	clock_t begin, made, named;

	fetch(s);
	begin = clock();
	keep_long_answer(s, COUNT);
	made = clock() - begin;
	len = (size_t) snprintf(head, sizeof(head), "[1,nil,-2,'mark',[");
	for (int i = 0; i < PLACES; i++) {
		len += (size_t) snprintf(head + len, sizeof(head) - len,
		                         "%s[3,3,%d]", i > 0 ? "," : "",
		                         COUNT - PLACES + i);
	}
	(void) snprintf(head + len, sizeof(head) - len, "],{}] [1]");
	begin = clock();
	send(s, head);
	(void) memory_settle();
	named = clock() - begin;
	assert_int_equal(s->f->service->order_count, 1);
	assert_true(named < 3 * made);
}

/* ---- peers that do not read, or do not say that they have */

enum { PEERS = 10, SMALL = 64 * KIB };

struct crowd {
	struct peer peers[PEERS];
	size_t most; /* bytes that the node ever held */
	unsigned closed;
};

static const waldo_limits crowd_limits = {
    .size = sizeof(waldo_limits),
    .message_bytes = SMALL,
    .queued_bytes = 4 * SMALL,
    .retained_bytes = 4 * SMALL,
    .total_bytes = 8 * SMALL,
};

/* Each has call after call answered and acknowledges nothing. */
static void
ask_for_more(struct session *s, struct crowd *crowd, int calls, int size)
{
	assert_ok(waldo_listen(s->f->third, "inproc:crowd", NULL));
	assert_ok(waldo_publish(s->f->third, "gate", s->f->services[1].target));
	for (int i = 0; i < PEERS; i++) {
		struct peer *peer = &crowd->peers[i];

		assert_true(peer_dial(peer, "crowd"));
		fetch_of(peer);
		for (int j = 0; j < calls; j++) {
			char text[80];
			size_t bytes;

			(void) snprintf(text, sizeof(text),
			                "[1,%d,-2,'big',[],{}] [%d]", 3 + 2 * j,
			                size);
			(void) peer_send(peer, text);
			take_all(peer);
			bytes = node_bytes(s->f->third);
			crowd->most = bytes > crowd->most ? bytes : crowd->most;
		}
	}
	for (int i = 0; i < PEERS; i++) {
		crowd->closed += peer_is_closed(&crowd->peers[i]);
	}
}

/* A peer that reads and acknowledges is not made to pay. */
static void
check_innocent(void)
{
	struct peer innocent;
	size_t len;

	assert_true(peer_dial(&innocent, "crowd"));
	fetch_of(&innocent);
	for (int i = 0; i < 5; i++) {
		char text[80];

		(void) snprintf(text, sizeof(text),
		                "[1,%d,-2,'big',[],{}] [1000]", 3 + 2 * i);
		assert_true(peer_send(&innocent, text));
		(void) memory_settle();
		(void) memory_raw_received(innocent.raw, &len);
		assert_true(len > 1000);
		acknowledge(&innocent, (unsigned) i + 2);
	}
	assert_false(peer_is_closed(&innocent));
	peer_fini(&innocent);
}

/* limits.h: total_bytes is "for all peers together", replies included. */
static void
check_crowd(struct session *s, int calls, int size)
{
	struct crowd crowd = {.most = 0};
	waldo_ref *ref = NULL;

	s->f->third = node_new(&crowd_limits);
	assert_non_null(service_new(s->f, s->f->third, &ref));
	s->f->services[1].kept = ref; /* released by the teardown */
	ask_for_more(s, &crowd, calls, size);
	assert_true(crowd.closed > 0);
	assert_true(crowd.most <= 9 * SMALL);
	assert_true(node_bytes(s->f->third) <= 8 * SMALL);
	check_innocent();
	for (int i = 0; i < PEERS; i++) {
		peer_fini(&crowd.peers[i]);
	}
}

/* 320 KiB: 256 of them are retained, the rest is queued. */
static void
replies_that_are_not_read_stay_below_total_bytes(void **state)
{
	check_crowd(session_of(state), 10, 32 * KIB);
}

/* 96 KiB: all have left; nothing large waits at any time. */
static void
replies_that_are_not_acknowledged_stay_below_total_bytes(void **state)
{
	check_crowd(session_of(state), 12, 8 * KIB);
}

/* ---- parked calls */

/* P37, P16: calls count while they wait, also when what they wait for becomes
 * another promise. */
static void
a_call_that_waits_on_counts_as_parked(void **state)
{
	enum { CALLS = 40, SIZE = 50 * KIB };
	struct session *s = session_of(state);
	struct service *service = s->f->service;
	waldo_promise *promise =
	    waldo_ref_invoke(s->f->service_ref, "hold", "");
	size_t before;
	char *payload = calloc(1, SIZE + 6);

	assert_non_null(payload);
	(void) memory_settle();
	(void) waldo_call_defer(service->held[0], NULL, NULL);
	fetch(s);
	memcpy(payload, "\x91\xc6", 2);
	waldoi_pack_be((uint8_t *) payload + 2, SIZE, 4);
	before = sim_memory_bytes();
	for (int i = 0; i < CALLS; i++) {
		char head[64];

		(void) snprintf(head, sizeof(head), "[1,%d,-2,'hold',[],{}] []",
		                3 + 2 * i);
		send(s, head);
		(void) snprintf(head, sizeof(head), "[1,nil,%d,'mark',[],{}]",
		                3 + 2 * i);
		send_raw(&s->peer, head, payload, 6 + SIZE);
		(void) memory_settle();
		assert_int_equal(service->held_count, 2);
		waldo_call_reply(service->held[--service->held_count], "r",
		                 waldo_promise_get_ref(promise));
		take_all(&s->peer);
	}
	/* parked_bytes is 1 MiB; without it there are 2 MB. */
	assert_true(sim_memory_bytes() < before + 1536 * KIB);
	free(payload);
	service_answer_ref(service, s->f->service_ref);
	(void) memory_settle();
	assert_true(service->order_count > 0);
	assert_true(service->order_count < CALLS);
	waldo_promise_release(promise);
}

/* The arguments of call `id`, which waits for call 3: `count` references that
 * this version has not, 2 bytes each. */
static void
send_unknown_references(struct session *s, int id, int count)
{
	char head[4 * KIB];
	size_t len =
	    (size_t) snprintf(head, sizeof(head), "[1,%d,3,'mark',[", id);

	for (int i = 0; i < count; i++) {
		len += (size_t) snprintf(head + len, sizeof(head) - len,
		                         "%s[7]", i > 0 ? "," : "");
	}
	(void) snprintf(head + len, sizeof(head) - len, "],{}] []");
	send(s, head);
}

/* P37: each is one here as well. */
static void
references_of_parked_calls_count_as_parked(void **state)
{
	enum { CALLS = 200, REFS = 250 };
	struct session *s = session_of(state);
	size_t before;

	fetch(s);
	send(s, "[1,3,-2,'hold',[],{}] []");
	(void) memory_settle();
	before = sim_memory_bytes();
	for (int i = 0; i < CALLS; i++) {
		send_unknown_references(s, 5 + 2 * i, REFS);
	}
	take_all(&s->peer);
	assert_true(sim_memory_bytes() < before + 1536 * KIB);
	assert_alive(s, 1);
}

/* ---- calls that are passed on */

/* They are the next node's. */
static void
a_relay_does_not_keep_what_it_has_passed_on(void **state)
{
	enum { CALLS = 7, SIZE = 100 * KIB };
	static uint8_t payload[SIZE + 6] = {0x91, 0xc6};
	struct session *s = session_of(state);
	struct peer second = {0};
	waldo_ref *ref = NULL;
	size_t before = 0;

	waldoi_pack_be(payload + 2, SIZE, 4);
	assert_true(peer_listen(&second, "second"));
	assert_ok(waldo_connect(s->f->server, "waldo+inproc:second/", &ref));
	(void) memory_settle();
	assert_true(
	    peer_send(&second, "![0,{0:[1,1],1:1,2:4194304,5:8388608}]"));
	fetch(s);
	/* The first round is for the buffers. */
	for (int round = 0; round < 2; round++) {
		int id = 3 + round * 2 * (CALLS + 1);
		char head[64];

		(void) snprintf(head, sizeof(head), "[1,%d,-2,'hold',[],{}] []",
		                id);
		send(s, head);
		for (int i = 1; i <= CALLS; i++) {
			(void) snprintf(head, sizeof(head),
			                "[1,%d,%d,'mark',[],{}]", id + 2 * i,
			                id);
			send_raw(&s->peer, head, payload, sizeof(payload));
		}
		take_all(&s->peer);
		service_answer_ref(s->f->service, ref);
		take_all(&second);
		acknowledge(&second, (unsigned) (CALLS + CALLS * round));
		take_all(&s->peer);
		before = round == 0 ? sim_memory_bytes() : before;
	}
	assert_false(peer_is_closed(&second));
	assert_true(sim_memory_bytes() < before + 2 * SIZE);
	waldo_ref_release(ref);
	peer_fini(&second);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    large_test(a_kept_answer_does_not_keep_its_result),
	    large_test(the_places_of_a_kept_answer_are_bounded),
	    large_test(a_place_is_found_without_a_walk_through_the_result),
	    session_test(replies_that_are_not_read_stay_below_total_bytes),
	    session_test(
	        replies_that_are_not_acknowledged_stay_below_total_bytes),
	    session_test(a_call_that_waits_on_counts_as_parked),
	    large_test(references_of_parked_calls_count_as_parked),
	    large_test(a_relay_does_not_keep_what_it_has_passed_on),
	};

	return cmocka_run_group_tests_name("hoard", tests, NULL, NULL);
}
