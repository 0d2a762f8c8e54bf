/* SPDX-License-Identifier: MIT */
/*
 * abuse/server.c - a user's program, with a meter in it
 *
 * Its objects are fast (`echo`, `nop`, `take`), slow (`slow` answers after
 * 5 ms, `hold` never), and generous (`big` answers with many bytes, `make` with
 * a new object).
 */
#include "abuse/arena.h"
#include "abuse/wrap.h"
#include "broker/limits.h"
#include "broker/node.h"
#include "sim/memory.h"

#include <waldo/object.h>
#include <waldo/server.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STEP_MS = 5, SLOW_MS = 5, MOST_FDS = 65536, MOST_BIG = 64 * 1024 };

static struct arena *arena;
static bool of_rival[MOST_FDS];

uint64_t
arena_now_us(void)
{
	struct timespec now;

	(void) clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

void
arena_fill_limits(const waldo_limits *given, waldo_limits *ret_limits)
{
	char message[200];

	if (waldoi_limits_set(given, ret_limits, message) != WALDO_OK) {
		(void) fprintf(stderr, "%s\n", message);
		exit(2);
	}
}

/* ---- objects */

static void
echo(void *self, waldo_call *call)
{
	waldo_reader *args = waldo_call_get_args(call);
	int64_t value = waldo_read_int(args, INT64_MIN, INT64_MAX);

	(void) self;
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "i", value);
	}
}

static void
nop(void *self, waldo_call *call)
{
	(void) self;
	waldo_call_reply(call, "");
}

static void
take(void *self, waldo_call *call)
{
	size_t len = 0;

	(void) self;
	(void) waldo_read_bytes(waldo_call_get_args(call), &len);
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "i", (int64_t) len);
	}
}

static void
big(void *self, waldo_call *call)
{
	static const uint8_t bytes[MOST_BIG];

	(void) self;
	waldo_put_bytes(waldo_call_get_result(call), bytes,
	                arena->limits.message_bytes / 4 < MOST_BIG
	                    ? arena->limits.message_bytes / 4
	                    : MOST_BIG);
	waldo_call_reply(call, "");
}

static void
give_up(waldo_call *call, void *user)
{
	(void) user;
	waldo_call_fail(call, "test.GivenUp", "nobody waits");
}

static void
hold(void *self, waldo_call *call)
{
	(void) self;
	(void) waldo_call_defer(call, give_up, NULL);
}

struct slow_call {
	waldo_call *call;
	waldo_watch *watch;
};

static void
finish_slow(void *user)
{
	struct slow_call *slow = user;

	waldo_call_reply(slow->call, "");
	waldo_watch_stop(slow->watch);
	free(slow);
}

static void
give_up_slow(waldo_call *call, void *user)
{
	struct slow_call *slow = user;

	waldo_watch_stop(slow->watch);
	free(slow);
	give_up(call, NULL);
}

static void
slow(void *self, waldo_call *call)
{
	struct slow_call *slow = malloc(sizeof(*slow));

	(void) self;
	if (slow == NULL ||
	    waldo_node_after(waldo_call_get_node(call), SLOW_MS, finish_slow,
	                     slow, &slow->watch) != WALDO_OK) {
		free(slow);
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	slow->call = waldo_call_defer(call, give_up_slow, slow);
}

static const waldo_method no_methods[] = {{NULL, NULL, NULL, 0}};
static const waldo_class thing_class = {WALDO_CLASS_SIZES, "Thing", no_methods,
                                        free, NULL};

static void
make(void *self, waldo_call *call)
{
	void *thing = malloc(SERVER_THING);
	waldo_ref *ref = NULL;

	(void) self;
	if (thing == NULL ||
	    waldo_object_new(waldo_call_get_node(call), &thing_class, thing,
	                     &ref) != WALDO_OK) {
		free(thing);
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	waldo_call_reply(call, "r", ref);
	waldo_ref_release(ref);
}

static const waldo_method methods[] = {
    {"echo", echo, NULL, 0}, {"nop", nop, NULL, 0},   {"take", take, NULL, 0},
    {"big", big, NULL, 0},   {"hold", hold, NULL, 0}, {"slow", slow, NULL, 0},
    {"make", make, NULL, 0}, {NULL, NULL, NULL, 0},
};
static const waldo_class gate_class = {WALDO_CLASS_SIZES, "Gate", methods, NULL,
                                       NULL};

/* ---- the meter */

static void
on_higher(size_t bytes)
{
	size_t grant = arena->base + arena->grant, received = arena->received;
	size_t worst;

	arena->peak = bytes;
	if (bytes > grant) {
		/* Before the first byte nothing was for bytes. */
		worst = (bytes - grant) * 1000 / (received > 0 ? received : 1);
		if (worst > arena->worst_milli) {
			arena->worst_milli = worst;
		}
	}
}

static void
on_recv(int fd, size_t len)
{
	if (fd >= 0 && fd < MOST_FDS && of_rival[fd]) {
		arena->received += len;
	}
}

static void
on_accept(int fd)
{
	if (fd >= 0 && fd < MOST_FDS) {
		of_rival[fd] = true;
		arena->accepted++;
	}
}

static void
tell_calls(void)
{
	arena->allocations = sim_memory_calls();
	arena->receives = wrap_recvs;
	arena->sends = wrap_sends;
}

static void
set_mark(void)
{
	memset(of_rival, 0, sizeof(of_rival));
	arena->base = arena->peak = sim_memory_bytes();
	arena->node_peak = arena->received = arena->worst_milli = 0;
	arena->accepted = arena->lines = 0;
	sim_memory_watch(on_higher);
	arena->mark = false;
}

static void
look(waldo_node *node)
{
	waldoi_counts counts;

	waldoi_node_count(node, &counts);
	if (counts.bytes > arena->node_peak) {
		arena->node_peak = counts.bytes;
	}
	arena->now = sim_memory_bytes();
	arena->sessions = counts.sessions;
	if (arena->mark) {
		set_mark();
	}
	if (arena->ask) {
		arena->allocations = sim_memory_calls();
		arena->ask = false;
	}
}

static void
on_log(waldo_log_level level, const char *line, void *user)
{
	(void) user;
	if (level <= WALDO_LOG_WARN) {
		unsigned n = arena->lines;

		if (n < ARENA_LINES) {
			(void) snprintf(arena->line[n], ARENA_TEXT, "%s", line);
		}
		arena->lines = n + 1;
	}
}

/* ---- life */

static waldo_node *
open_node(void)
{
	waldo_node_options options = {
	    .size = sizeof(options), .limits = &arena->limits, .log = on_log};
	waldo_listener *listener = NULL;
	waldo_node *node = NULL;
	waldo_ref *gate = NULL;

	if (waldo_node_new(&options, &node) != WALDO_OK ||
	    waldo_object_new(node, &gate_class, NULL, &gate) != WALDO_OK ||
	    waldo_publish(node, "gate", gate) != WALDO_OK ||
	    waldo_listen(node, arena->address, &listener) != WALDO_OK) {
		(void) fprintf(stderr, "no server at %s: %s\n", arena->address,
		               waldo_node_get_message(node));
		_exit(2);
	}
	waldo_ref_release(gate);
	(void) snprintf(arena->uri, sizeof(arena->uri), "%s",
	                waldo_listener_get_uri(listener));
	return node;
}

void
server_run(struct arena *shared)
{
	size_t before = sim_memory_blocks();
	waldo_node *node;

	arena = shared;
	wrap_on_recv = on_recv;
	wrap_on_accept = on_accept;
	wrap_on_send = tell_calls;
	node = open_node();
	arena->serving = true;
	while (!arena->stop) {
		(void) waldo_node_step(node, STEP_MS);
		look(node);
	}
	sim_memory_watch(NULL);
	waldo_node_free(node);
	arena->clean = sim_memory_blocks() == before;
	_exit(0);
}
