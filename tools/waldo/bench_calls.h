/* SPDX-License-Identifier: MIT */
/* bench_calls.h - what the client of waldo bench calls, and checks */
#ifndef BENCH_CALLS_H
#define BENCH_CALLS_H

#include "bench.h"

struct bench_connection {
	waldo_ref *target;
	int64_t sent, answered; /* small calls: answers come in order */
};

struct bench_slot;
typedef void bench_call_fn(struct bench_slot *slot);

struct bench_runner {
	meter *meter;
	bench_call_fn *start; /* a call of the workload */
	const char *address;
	struct event_base *base; /* of all nodes; NULL: its own */
	waldo_node **nodes;      /* each has a session at each address */
	int node_count, hosts;
	struct bench_connection *connections;
	uint8_t *payload; /* large */
	int status;
};

/* One of those that are in flight. */
struct bench_slot {
	struct bench_runner *runner;
	int connection;
	waldo_ref *object; /* that was made, until it was called */
	uint32_t calls;
};

/* How a call of the workload begins; when it is done the next one does. */
bench_call_fn *bench_find_call(const meter *m);

/* Has the server push events; a status. */
int bench_start_events(struct bench_runner *runner);

#endif
