/* SPDX-License-Identifier: MIT */
/*
 * abuse/counts.c - what a call costs, counted
 *
 * A client and a server, each a process of its own, over real sockets;
 * allocations and system calls of either are counted (sim/memory.h, wrap.h).
 * Frames are acknowledged and kept until then, as always.
 */
#include "abuse/arena.h"
#include "abuse/wrap.h"
#include "broker/pool.h"
#include "sim/memory.h"
#include "waldo_test.h"

#include <waldo/client.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CALLS = 10000,
	WARM_UP = 3000,
	WINDOW = 256,
	CONNECTIONS = 100,
	CHAINS = 100,
	CALL_MS = 5000,
	TRIES = 5,
	/* Of all these calls: a buffer that finds its size only now, when the
	 * machine has kept one of the processes for unusually long. */
	SETTLING = 3
};

struct peer {
	waldo_node *node;
	waldo_ref *gate;
};

struct cost {
	size_t client, server; /* allocations */
};

static struct arena *arena;
static char directory[] = "/tmp/waldo-counts-XXXXXX";
static pid_t server;
static struct peer peers[CONNECTIONS];
static char scores[20][120];
static unsigned score_count;

/* ---- the processes */

static void
start_server(const char *address)
{
	memset(arena, 0, sizeof(*arena));
	(void) snprintf(arena->address, sizeof(arena->address), address,
	                directory);
	arena->limits.size = sizeof(arena->limits);
	(void) fflush(stdout);
	server = fork();
	if (server == 0) {
		server_run(arena);
	}
	while (server > 0 && !arena->serving) {
		(void) usleep(200);
	}
}

static bool
open_peer(struct peer *peer)
{
	char uri[sizeof(arena->uri) + 8];

	(void) snprintf(uri, sizeof(uri), "%s/gate", arena->uri);
	return waldo_node_new(NULL, &peer->node) == WALDO_OK &&
	       waldo_connect(peer->node, uri, &peer->gate) == WALDO_OK;
}

static int
setup(void **state)
{
	start_server(*state);
	return server > 0 && open_peer(&peers[0]) ? 0 : -1;
}

static int
teardown(void **state)
{
	(void) state;
	for (int i = 0; i < CONNECTIONS; i++) {
		waldo_ref_release(peers[i].gate);
		waldo_node_free(peers[i].node);
		peers[i] = (struct peer){0};
	}
	arena->stop = true;
	(void) waitpid(server, NULL, 0);
	return arena->clean ? 0 : -1;
}

static size_t
server_allocations(void)
{
	arena->ask = true;
	while (arena->ask) {
		(void) usleep(100);
	}
	return arena->allocations;
}

/* For tools/scoreboard. */
static void
score(const char *transport, const char *what, double value, const char *unit,
      double limit)
{
	(void) snprintf(scores[score_count++], sizeof(scores[0]),
	                "score R13 %s_%s %.4f %s %g %s", what,
	                strncmp(transport, "unix", 4) == 0 ? "unix" : "tcp",
	                value, unit, limit, value <= limit ? "pass" : "fail");
}

/* ---- ways to call: each in the callback of another, if not over */

static unsigned to_make, to_come, failed;
static struct cost before, after; /* all so far */

static void make_one(const struct peer *peer);

/* The steady state begins some calls after the first, and ends when the window
 * runs dry. */
static void
look_at_cost(void)
{
	if (to_come == CALLS + WINDOW) {
		before.server = server_allocations();
		before.client = sim_memory_calls();
	} else if (to_come == WINDOW) {
		after.client = sim_memory_calls();
		after.server = server_allocations();
	}
}

static void
answered(waldo_reader *result, const waldo_failure *failure, void *user)
{
	failed += failure != NULL ||
	          waldo_read_int(result, INT64_MIN, INT64_MAX) != 1;
	to_come--;
	look_at_cost();
	make_one(user);
}

static void
make_one(const struct peer *peer)
{
	if (to_make > 0) {
		to_make--;
		failed +=
		    waldo_promise_when(
		        waldo_ref_invoke(peer->gate, "echo", "i", (int64_t) 1),
		        answered, (void *) (uintptr_t) peer) != WALDO_OK;
	}
}

static bool
call(const struct peer *peer, unsigned count, unsigned window)
{
	waldo_err err = WALDO_OK;

	to_make = to_come = count;
	failed = 0;
	while (window-- > 0) {
		make_one(peer);
	}
	while (to_come > 0 && failed == 0 && err == WALDO_OK) {
		err = waldo_node_step(peer->node, CALL_MS);
	}
	return failed == 0 && err == WALDO_OK;
}

static bool
call_in_sequence(unsigned count)
{
	return call(&peers[0], count, 1);
}

static bool
call_in_a_window(unsigned count)
{
	return call(&peers[0], count, WINDOW);
}

static bool
call_in_turn(unsigned count)
{
	waldo_err err = WALDO_OK;

	to_come = count;
	failed = 0;
	for (unsigned i = 0; i < count && err == WALDO_OK; i++) {
		const struct peer *peer = &peers[i % CONNECTIONS];
		unsigned left = to_come;

		to_make = 1;
		make_one(peer);
		while (to_come == left && failed == 0 && err == WALDO_OK) {
			err = waldo_node_step(peer->node, CALL_MS);
		}
	}
	return failed == 0 && err == WALDO_OK;
}

/* Sanitizers see more when nothing is kept for the next time. */
static bool
pools_keep(void)
{
	waldoi_pool pool;

	waldoi_pool_init(&pool, 64, 1);
	return pool.most > 0;
}

static void
check_allocations(const char *transport, const char *what,
                  bool (*act)(unsigned count))
{
	struct cost cost = {SETTLING + 1, 0};
	char name[60];

	if (!pools_keep()) {
		skip();
	}
	/* On a busy machine acknowledgements come late, and each connection
	 * keeps more for a while than it ever did. */
	for (int i = 0; i < TRIES && cost.client + cost.server > SETTLING;
	     i++) {
		assert_true(act(WARM_UP + CALLS + WINDOW));
		cost.client = after.client - before.client;
		cost.server = after.server - before.server;
	}
	(void) printf(
	    "%.4s: %u calls, %s: %zu allocations at the client, %zu at "
	    "the server\n",
	    transport, CALLS, what, cost.client, cost.server);
	(void) snprintf(name, sizeof(name), "allocations_%s", what);
	score(transport, name, (double) (cost.client + cost.server) / CALLS,
	      "a_call", 2.0 * SETTLING / CALLS);
	assert_in_range(cost.client, 0, SETTLING);
	assert_in_range(cost.server, 0, SETTLING);
}

/* ---- the claims */

static void
small_calls_in_sequence_allocate_nothing(void **state)
{
	check_allocations(*state, "in_sequence", call_in_sequence);
}

static void
small_calls_in_a_window_allocate_nothing(void **state)
{
	check_allocations(*state, "in_a_window", call_in_a_window);
}

static void
small_calls_on_many_connections_in_turn_allocate_nothing(void **state)
{
	for (int i = 1; i < CONNECTIONS; i++) {
		assert_true(open_peer(&peers[i]));
	}
	check_allocations(*state, "on_100_connections", call_in_turn);
}

/* Calls of the client up to here. */
struct calls {
	uint64_t sends, receives;
	bool there;
	waldo_err err;
};

static void
note_calls(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct calls *calls = user;

	(void) result;
	calls->sends = wrap_sends;
	calls->receives = wrap_recvs;
	calls->err = failure != NULL ? failure->code : WALDO_OK;
	calls->there = true;
}

/* What makes an object and calls it at once, before it is there: until its
 * answer. */
static waldo_err
make_and_call(struct calls *ret_calls)
{
	const struct peer *peer = &peers[0];
	waldo_promise *made = waldo_ref_invoke(peer->gate, "make", "");
	waldo_err err = waldo_promise_when(
	    waldo_ref_invoke(waldo_promise_get_ref(made), ".ping", ""),
	    note_calls, ret_calls);

	while (err == WALDO_OK && !ret_calls->there) {
		err = waldo_node_step(peer->node, CALL_MS);
	}
	waldo_promise_release(made);
	return err != WALDO_OK ? err : ret_calls->err;
}

/* Drops and acknowledgements of the last chain are on their way no more. */
static void
let_settle(void)
{
	for (int i = 0; i < 3; i++) {
		(void) waldo_node_step(peers[0].node, 2);
	}
}

static void
to_make_an_object_and_call_it_costs_one_flight(void **state)
{
	size_t sends = 0, receives = 0, server_sends = 0, server_receives = 0;

	assert_true(call_in_sequence(100));
	for (int i = 0; i < CHAINS; i++) {
		struct calls calls = {0};
		uint64_t sends_before, receives_before;
		size_t there_sends, there_receives;

		let_settle();
		/* The server is told of what it did as it begins to send, and
		 * this call is the last. */
		assert_true(call_in_sequence(1));
		let_settle();
		sends_before = wrap_sends;
		receives_before = wrap_recvs;
		there_sends = arena->sends;
		there_receives = arena->receives;
		assert_ok(make_and_call(&calls));
		sends += calls.sends - sends_before;
		receives += calls.receives - receives_before;
		server_sends += arena->sends - there_sends;
		server_receives += arena->receives - there_receives;
	}
	(void) printf(
	    "%.4s: to make an object and call it, %d times: %zu sends "
	    "and %zu receives at the client, %zu and %zu at the "
	    "server\n",
	    (const char *) *state, CHAINS, sends, receives, server_sends,
	    server_receives);
	score(*state, "sends_to_make_and_call",
	      (double) (sends + server_sends) / CHAINS, "at_both", 2);
	score(*state, "receives_to_make_and_call",
	      (double) (receives + server_receives) / CHAINS, "at_both", 2);
	assert_int_equal(sends, CHAINS);
	assert_int_equal(receives, CHAINS);
	assert_int_equal(server_sends, CHAINS);
	assert_int_equal(server_receives, CHAINS);
}

#define counts_tests(address)                                                  \
	counts_test(small_calls_in_sequence_allocate_nothing, address),        \
	    counts_test(small_calls_in_a_window_allocate_nothing, address),    \
	    counts_test(                                                       \
	        small_calls_on_many_connections_in_turn_allocate_nothing,      \
	        address),                                                      \
	    counts_test(to_make_an_object_and_call_it_costs_one_flight,        \
	                address)
#define counts_test(name, address)                                             \
	cmocka_unit_test_prestate_setup_teardown(name, setup, teardown, address)

int
main(void)
{
	static char unix_address[] = "unix:%s/counts",
	            tcp_address[] = "tcp-insecure:127.0.0.1:0";
	const struct CMUnitTest tests[] = {
	    counts_tests(unix_address),
	    counts_tests(tcp_address),
	};
	int status;

	event_set_mem_functions(malloc, realloc, free);
	arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE,
	             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED || mkdtemp(directory) == NULL) {
		perror("test_counts");
		return 2;
	}
	status = cmocka_run_group_tests_name("counts", tests, NULL, NULL);
	for (unsigned i = 0; i < score_count; i++) {
		(void) puts(scores[i]);
	}
	(void) rmdir(directory);
	return status;
}
