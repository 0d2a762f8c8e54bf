/* SPDX-License-Identifier: MIT */
/*
 * abuse/strangers.c - links that never prove who they are, on real sockets
 *
 * A server that listens encrypted, strangers from many addresses in every state
 * in which a link can stay before its peer is known, and an honest client.
 *
 * - What one of them costs, all in all: under 600 bytes,
 *   whatever address it has.
 * - While 10,000 of them are there, and those that are closed come again: the
 *   server's heap is bounded, and the honest client connects and calls within
 *   two seconds. Afterwards all is given back.
 * - While they make the server compute as much as it lets them, calls of a
 *   session are at most twice as slow as beside strangers that are silent.
 */
#include "abuse/strangers.h"
#include "waldo_test.h"

#include <waldo/client.h>

#include <event2/event.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	KIB = 1024,
	FEW = 960,    /* fewer than the server lets be, */
	PLACES = 16,  /* from so many places */
	MANY = 10000, /* far more */
	MOST = 600,   /* bytes of each */
	TRIES = 3,
	SLACK = 256 * KIB, /* tables of sources and of descriptors, a session */
	WAIT_MS = 20 * 1000,
	HONEST_US = 2000 * 1000,
	SLOW_US = 10 * 1000 * 1000, /* for sanitizers */
	HONEST_TIMES = 3,
	ROUNDS = 8,
	WINDOW_US = 200 * 1000,
	MOST_CALLS = 20000,
	FAST = 10000, /* new ones each second, as they come, */
	RATE = 1000   /* then, and beside those who are in */
};

#define FOUR "tcp:127.0.0.1:0"
#define SIX  "tcp:[::1]:0"

static struct arena *arena;
static pid_t server, strangers;
static bool quick; /* not how slow: a sanitizer is */

/* ---- the processes */

static bool
await(atomic_bool *claim)
{
	uint64_t end = arena_now_us() + WAIT_MS * UINT64_C(1000);

	while (!*claim && arena_now_us() < end) {
		(void) usleep(200);
	}
	return *claim;
}

static void
start_flood(const struct flood *flood)
{
	arena->over = arena->ready = false;
	(void) fflush(stdout);
	strangers = fork();
	assert_true(strangers >= 0);
	if (strangers == 0) {
		flood_run(arena, flood);
	}
}

static void
end_flood(void)
{
	arena->over = true;
	if (strangers > 0) {
		(void) waitpid(strangers, NULL, 0);
	}
	strangers = 0;
}

/* What the server owns is counted from here on. */
static void
set_mark(void)
{
	arena->mark = true;
	while (arena->mark) {
		(void) usleep(200);
	}
}

static int
open_server(const char *address, const waldo_limits *limits)
{
	memset(arena, 0, sizeof(*arena));
	(void) snprintf(arena->address, sizeof(arena->address), "%s", address);
	arena_fill_limits(limits, &arena->limits);
	(void) fflush(stdout);
	server = fork();
	if (server == 0) {
		server_run(arena);
	}
	return server > 0 && await(&arena->serving) ? 0 : -1;
}

static int
setup(void **state)
{
	const waldo_limits limits = {.size = sizeof(limits)};

	(void) state;
	return open_server(FOUR, &limits);
}

static bool
has_six(void)
{
	const struct sockaddr_in6 address = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool ok = fd >= 0 && bind(fd, (const struct sockaddr *) &address,
	                          sizeof(address)) == 0;

	(void) close(fd);
	return ok;
}

/* All of them come from one place. */
static int
setup_six(void **state)
{
	const waldo_limits limits = {.size = sizeof(limits),
	                             .handshakes_per_source = KIB};

	(void) state;
	return open_server(has_six() ? SIX : FOUR, &limits);
}

/* The machine is not ours alone. */
static int
setup_small(void **state)
{
	const waldo_limits limits = {.size = sizeof(limits),
	                             .handshake_budget = RATE / 5};

	(void) state;
	return open_server(FOUR, &limits);
}

static int
teardown(void **state)
{
	(void) state;
	end_flood();
	arena->stop = true;
	(void) waitpid(server, NULL, 0);
	return arena->clean ? 0 : -1;
}

/* ---- what one costs */

static void
await_what_was(size_t sessions)
{
	uint64_t end = arena_now_us() + WAIT_MS * UINT64_C(1000);

	while (
	    (arena->now > arena->base + SLACK || arena->sessions > sessions) &&
	    arena_now_us() < end) {
		(void) usleep(1000);
	}
	assert_in_range(arena->now, 0, arena->base + SLACK);
	assert_int_equal(arena->sessions, sessions);
}

static size_t
cost_of(enum stranger_kind kind, unsigned places)
{
	const struct flood flood = {kind, FEW, places, FAST, RATE};
	size_t each;

	set_mark();
	start_flood(&flood);
	assert_true(await(&arena->ready));
	for (int i = 0; i < 1000 && arena->accepted < FEW; i++) {
		(void) usleep(1000);
	}
	(void) usleep(20 * 1000);
	/* But for a few that were too slow, and came again. */
	assert_in_range(arena->accepted, FEW, FEW + FEW / 10);
	each = (arena->peak - arena->base) / FEW;
	end_flood();
	await_what_was(0);
	return each;
}

/* The least of some tries: on a busy machine there are more than are counted. */
static size_t
least_cost_of(enum stranger_kind kind, unsigned places, size_t most)
{
	size_t least = SIZE_MAX;

	for (int i = 0; i < TRIES && least > most; i++) {
		size_t each = cost_of(kind, places);

		least = each < least ? each : least;
	}
	return least;
}

/* `text` is how much longer an address can be than those that come here. */
static void
measure_costs(unsigned places, size_t text)
{
	/* Tables of descriptors, which stay. */
	(void) cost_of(SILENT, places);
	for (int kind = 0; kind < STRANGER_KINDS; kind++) {
		size_t each = least_cost_of((enum stranger_kind) kind, places,
		                            MOST - 1 - text);

		(void) printf("%-10s %4zu bytes each%s\n", stranger_names[kind],
		              each, text > 0 ? ", from [::1]" : "");
		assert_in_range(each, 100, MOST - 1 - text);
	}
}

static void
one_costs_little(void **state)
{
	(void) state;
	measure_costs(PLACES, 0);
}

/* Its address is kept as text, which may be a long one. */
static void
one_costs_little_by_ipv6(void **state)
{
	static const char here[] = "::1",
	                  longest[] = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

	(void) state;
	if (!has_six()) {
		(void) printf("SKIP: there is no IPv6\n");
		skip();
	}
	measure_costs(0, sizeof(longest) - sizeof(here));
}

/* ---- 10,000 of them */

/* From the dial to the answer. */
static uint64_t
time_of_honest(void)
{
	char uri[sizeof(arena->uri) + 8];
	uint64_t begin = arena_now_us();
	waldo_node *node = NULL;
	waldo_ref *gate = NULL;
	waldo_promise *promise;

	(void) snprintf(uri, sizeof(uri), "%s/gate", arena->uri);
	assert_ok(waldo_node_new(NULL, &node));
	assert_ok(waldo_connect(node, uri, &gate));
	promise = waldo_ref_invoke(gate, "echo", "i", INT64_C(7));
	assert_ok(waldo_promise_wait(promise, WAIT_MS));
	begin = arena_now_us() - begin;
	waldo_promise_release(promise);
	waldo_ref_release(gate);
	waldo_node_free(node);
	return begin;
}

static uint64_t
worst_of_honest(void)
{
	uint64_t worst = 0;

	for (int i = 0; i < HONEST_TIMES; i++) {
		uint64_t took = time_of_honest();

		worst = took > worst ? took : worst;
		(void) usleep(100 * 1000);
	}
	return worst;
}

static void
the_honest_are_served(void **state)
{
	const struct flood *flood = *state;
	uint64_t first, then;
	size_t peak;

	if (!flood_may_have(flood->count)) {
		(void) printf("SKIP: no process may have %u descriptors\n",
		              flood->count);
		skip();
	}
	set_mark();
	start_flood(flood);
	first = worst_of_honest();
	assert_true(await(&arena->ready));
	then = worst_of_honest();
	peak = arena->peak - arena->base;
	end_flood();
	(void) printf("%-10s %5u accepted, heap %4zu KiB, honest %.0f ms as "
	              "they come, then %.0f ms\n",
	              stranger_names[flood->kind], arena->accepted, peak / KIB,
	              (double) first / 1000, (double) then / 1000);
	assert_in_range(arena->accepted, flood->count, UINT32_MAX);
	assert_in_range(peak, 0, arena->limits.handshakes * MOST + SLACK);
	assert_in_range(first, 0, quick ? SLOW_US : HONEST_US);
	assert_in_range(then, 0, quick ? SLOW_US : HONEST_US);
	await_what_was(0);
}

/* ---- those who are in */

static int
compare(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* The median of calls one after the other, in us. */
static double
call_for_a_while(waldo_ref *gate)
{
	static double took[MOST_CALLS];
	uint64_t end = arena_now_us() + WINDOW_US, begin;
	unsigned count = 0;

	do {
		waldo_promise *promise =
		    waldo_ref_invoke(gate, "echo", "i", INT64_C(7));

		begin = arena_now_us();
		assert_ok(waldo_promise_wait(promise, WAIT_MS));
		took[count++] = (double) (arena_now_us() - begin);
		waldo_promise_release(promise);
	} while (count < MOST_CALLS && arena_now_us() < end);
	qsort(took, count, sizeof(*took), compare);
	return took[count / 2];
}

static double
call_beside(waldo_ref *gate, enum stranger_kind kind)
{
	/* Few at a time: each is closed by the next of its place. */
	const struct flood flood = {kind, 1000, 4, RATE, RATE};
	double median;

	start_flood(&flood);
	(void) usleep(100 * 1000);
	median = call_for_a_while(gate);
	end_flood();
	await_what_was(1);
	return median;
}

static void
sessions_keep_their_time(void **state)
{
	char uri[sizeof(arena->uri) + 8];
	double times[ROUNDS];
	waldo_node *node = NULL;
	waldo_ref *gate = NULL;

	(void) state;
	if (quick) {
		skip();
	}
	(void) snprintf(uri, sizeof(uri), "%s/gate", arena->uri);
	assert_ok(waldo_node_new(NULL, &node));
	assert_ok(waldo_connect(node, uri, &gate));
	set_mark();
	(void) call_for_a_while(gate);
	for (int i = 0; i < ROUNDS; i++) {
		double silent = call_beside(gate, SILENT);
		double busy = call_beside(gate, MESSAGE_1);

		times[i] = busy / silent;
		(void) printf("calls: %.0f us beside the silent, %.0f us "
		              "beside handshakes\n",
		              silent, busy);
	}
	waldo_ref_release(gate);
	waldo_node_free(node);
	qsort(times, ROUNDS, sizeof(*times), compare);
	(void) printf("calls are %.2f times as slow, in three of four rounds "
	              "at least %.2f\n",
	              times[ROUNDS / 2], times[ROUNDS / 4]);
	/* Others use the machine as well. */
	assert_true(times[ROUNDS / 4] <= 2);
}

/* ---- all of them */

#define MANY_OF(kind, sources)                                                 \
	{                                                                      \
		.name = "the honest are served beside 10,000 of: " #kind,      \
		.test_func = the_honest_are_served, .setup_func = setup,       \
		.teardown_func = teardown,                                     \
		.initial_state =                                               \
		    &(struct flood){kind, MANY, sources, FAST, RATE},          \
	}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(one_costs_little, setup, teardown),
	    cmocka_unit_test_setup_teardown(one_costs_little_by_ipv6, setup_six,
	                                    teardown),
	    MANY_OF(SILENT, 157),
	    MANY_OF(PREAMBLE, 157),
	    MANY_OF(MESSAGE_1, 157),
	    MANY_OF(SLOWLY, 157),
	    cmocka_unit_test_setup_teardown(sessions_keep_their_time,
	                                    setup_small, teardown),
	};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quick") == 0) {
			quick = true;
		} else {
			cmocka_set_test_filter(argv[i]);
		}
	}
	event_set_mem_functions(malloc, realloc, free);
	(void) signal(SIGPIPE, SIG_IGN);
	arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE,
	             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED) {
		perror("test_strangers");
		return 2;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
