/* SPDX-License-Identifier: MIT */
/*
 * What a turn of the loop may cost: no stack for each link of a chain, no
 * second look at everything, no endless turn, and no peer's link because a
 * method was slow (DESIGN 4.3, 9; P25 of PROTOCOL.md).
 */
#include "tests/memory/text.h"
#include "tests/unit/bare_node.h"
#include "tests/unit/edge_fixture.h"

#include <pthread.h>
#include <time.h>

enum { LINKS = 8000, MANY = EDGE_HELD, SMALL_STACK = 512 * 1024 };

/* ---- long chains */

static void *
act_and_settle(void *user)
{
	void (**act)(void) = user;

	(*act)();
	(void) memory_settle();
	return NULL;
}

/* DESIGN 4.3, 9: a reply that triggers a call must not recurse. In a thread,
 * since only there is the stack's size ours. */
static void
on_a_small_stack(void (*act)(void))
{
	pthread_attr_t attr;
	pthread_t thread;

	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, SMALL_STACK), 0);
	assert_int_equal(
	    pthread_create(&thread, &attr, act_and_settle, (void *) &act), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_attr_destroy(&attr), 0);
}

static void
answer_first(void)
{
	waldo_call_reply(edge.held[--edge.held_count], "i", 7);
}

static void
fail_first(void)
{
	waldo_call_fail(edge.held[--edge.held_count], "test.No", "no");
}

static void
cancel_last(void)
{
	waldo_promise_cancel(edge.open);
}

/* edge.open: the outermost of LINKS calls that follow each other. */
static struct outcome *
follow_each_other(struct fixture *f)
{
	edge_new(f->server);
	edge.open = waldo_ref_invoke(edge.ref, "deep", "i", LINKS);
	assert_true(memory_settle());
	assert_int_equal(edge.held_count, 1);
	return watch_outcome(f, waldo_promise_retain(edge.open));
}

static void
an_answer_goes_through_any_number_of_followers(void **state)
{
	struct outcome *o = follow_each_other(*state);

	on_a_small_stack(answer_first);
	assert_int_equal(o->count, 1);
	assert_integer(o, 7);
	waldo_promise_release(edge.open);
	edge_end();
}

static void
a_cancellation_goes_through_any_number_of_followers(void **state)
{
	struct outcome *o = follow_each_other(*state);

	on_a_small_stack(cancel_last);
	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_ECANCELLED);
	assert_int_equal(edge.cancelled, 1);
	waldo_promise_release(edge.open);
	edge_end();
}

static void
a_failure_goes_through_any_number_of_results(void **state)
{
	struct fixture *f = *state;
	waldo_promise *last, *next;
	struct outcome *o;

	edge_new(f->server);
	last = waldo_ref_invoke(edge.ref, "hold", "");
	for (int i = 0; i < LINKS; i++) {
		next = waldo_ref_invoke(waldo_promise_get_ref(last), "add", "i",
		                        1);
		waldo_promise_release(last);
		last = next;
	}
	o = watch_outcome(f, last);
	assert_true(memory_settle());
	on_a_small_stack(fail_first);
	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_EREMOTE);
	assert_string_equal(o->kind, "test.No");
	edge_end();
}

/* Each promise is looked at once, not all of them for each that is given up:
 * that would take a hundred times as long as making them. */
static void
freeing_a_node_takes_as_long_as_what_it_has(void **state)
{
	static waldo_promise *promises[MANY];
	struct fixture *f = *state;
	clock_t begin = clock(), made, freed;

	edge_new(f->server);
	for (int i = 0; i < MANY; i++) {
		promises[i] = waldo_ref_invoke(edge.ref, "hold", "");
		assert_true(memory_settle());
	}
	assert_int_equal(edge.held_count, MANY);
	made = clock() - begin;
	begin = clock();
	f->client = NULL; /* the same node */
	node_free(&f->server);
	freed = clock() - begin;
	for (int i = 0; i < MANY; i++) {
		waldo_promise_release(promises[i]);
	}
	edge_end();
	assert_true(freed < 10 * made);
}

/* ---- time */

static struct again {
	waldo_node *node;
	int fired;
	bool failed;
} again;

static void
fire_again(void *user)
{
	(void) user;
	if (++again.fired < 1000 && waldo_node_after(again.node, 0, fire_again,
	                                             NULL, NULL) != WALDO_OK) {
		again.failed = true;
	}
}

/* "Go on later": the links have their turn in between. */
static void
what_is_to_run_at_once_runs_once_in_a_turn(void **state)
{
	struct fixture *f = *state;

	again = (struct again){.node = f->server};
	assert_ok(waldo_node_after(f->server, 0, fire_again, NULL, NULL));
	for (int i = 1; i <= 5; i++) {
		int before = again.fired;

		assert_ok(waldo_node_step(f->server, 1));
		assert_true(again.fired - before <= 1);
	}
	assert_true(again.fired > 1);
	assert_false(again.failed);
}

/* A link of which the test is the other end, and which the loop reads when the
 * test says so. */
static struct blocked {
	waldo_node *node;
	waldoi_link link;
	bool closed; /* the node has let go of it */
} blocked;

static void
blocked_flush(waldoi_link *link)
{
	struct iovec iov[8];
	size_t count;

	while ((count = waldoi_channel_output(&link->channel, iov, 8)) > 0) {
		size_t sent = 0;

		for (size_t i = 0; i < count; i++) {
			sent += iov[i].iov_len;
		}
		waldoi_channel_sent(&link->channel, sent);
	}
}

static void
blocked_close(waldoi_link *link, waldoi_close how)
{
	(void) link;
	(void) how;
	blocked.closed = true;
}

static const waldoi_link_ops blocked_ops = {blocked_flush, blocked_close};

/* A link frame, as an event brings it. */
static void
hear(const char *text)
{
	uint8_t frame[128] = {0};
	size_t len = text_encode(text, frame + 5, sizeof(frame) - 5);

	assert_true(len > 0);
	frame[3] = (uint8_t) (len + 1);
	frame[4] = 2;
	waldoi_node_enter(blocked.node);
	waldoi_channel_input(&blocked.link.channel, frame, 5 + len);
	waldoi_node_turn(blocked.node);
}

static int
open_blocked(void **state)
{
	uint8_t preamble[12] = {0xc1, 'W', 'D', 1};

	(void) state;
	memset(&blocked, 0, sizeof(blocked));
	blocked.node = bare_node_new();
	blocked.link.ops = &blocked_ops;
	blocked.link.peer.address = "inproc:";
	if (blocked.node == NULL ||
	    waldoi_session_accept(blocked.node, &blocked.link) == NULL) {
		return -1;
	}
	waldoi_node_enter(blocked.node);
	waldoi_channel_input(&blocked.link.channel, preamble, sizeof(preamble));
	hear("[0,{0:[1,1],1:1}]");
	return blocked.closed ? -1 : 0;
}

static int
close_blocked(void **state)
{
	(void) state;
	waldo_node_free(blocked.node);
	return 0;
}

#define blocked_test(name)                                                     \
	cmocka_unit_test_setup_teardown(name, open_blocked, close_blocked)

/* The loop comes back this late: timers first, what waits is read later. */
static void
block_for_ms(uint32_t ms)
{
	bare_clock += ms * UINT64_C(1000);
	waldoi_node_turn(blocked.node);
}

static uint32_t
too_long(void)
{
	return waldoi_node_get_dead_peer_ms(blocked.node) + 5000;
}

/* P25: an idle link that is well is never lost; who could not listen has not
 * heard silence. */
static void
a_method_that_blocks_loses_no_link(void **state)
{
	(void) state;
	block_for_ms(too_long());
	assert_false(blocked.closed);
	hear("[6,1]");
	assert_false(blocked.closed);
}

static void
a_second_method_that_blocks_loses_no_link(void **state)
{
	(void) state;
	block_for_ms(too_long());
	hear("[6,1]");
	block_for_ms(too_long());
	assert_false(blocked.closed);
	hear("[6,2]");
	assert_false(blocked.closed);
}

/* The second chance is one. */
static void
a_peer_that_is_dead_is_lost_after_a_method_that_blocks(void **state)
{
	(void) state;
	block_for_ms(too_long());
	block_for_ms(1000);
	assert_true(blocked.closed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    near_test(an_answer_goes_through_any_number_of_followers),
	    near_test(a_cancellation_goes_through_any_number_of_followers),
	    near_test(a_failure_goes_through_any_number_of_results),
	    near_test(freeing_a_node_takes_as_long_as_what_it_has),
	    near_test(what_is_to_run_at_once_runs_once_in_a_turn),
	    blocked_test(a_method_that_blocks_loses_no_link),
	    blocked_test(a_second_method_that_blocks_loses_no_link),
	    blocked_test(
	        a_peer_that_is_dead_is_lost_after_a_method_that_blocks),
	};

	return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
