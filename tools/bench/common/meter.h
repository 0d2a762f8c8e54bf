/* SPDX-License-Identifier: MIT */
/*
 * meter.h - what every client of the bench does alike
 *
 * A client keeps `window` calls in flight, counts those that are done, and has
 * the meter look at the clock: a warm-up of a quarter of the time, then the
 * time that counts. At its two ends the CPU time of both processes is taken.
 * One thread at a time.
 */
#ifndef METER_H
#define METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define METER_LARGE ((size_t) 1 << 20) /* bytes of a large payload */
#define METER_TEXT  "0123456789abcdef" /* of a small call, with an integer */

enum meter_phase { METER_WARM_UP, METER_RUNNING, METER_OVER };

/* What is read at the beginning and at the end of the time that counts;
 * nanoseconds. */
typedef struct meter_mark {
	uint64_t calls, time, client_cpu, server_cpu;
} meter_mark;

typedef struct meter {
	const char *workload, *address;
	double seconds;
	int server; /* its process */
	int connections, window;
	int share; /* of the window, on each connection that has any */
	bool is_sequential, is_large;

	/* The meter's own. */
	enum meter_phase phase;
	uint64_t calls, mask;
	uint64_t deadline; /* of the phase */
	uint64_t last;     /* sequential: when the last call was done */
	meter_mark begin, end;
	uint32_t *latencies; /* nanoseconds */
	size_t latency_count;
	long rss_empty, rss_connected; /* of the server, bytes */
} meter;

/*
 * Takes the six words WORKLOAD ADDRESS SECONDS SERVER_PID CONNECTIONS WINDOW;
 * `workloads` are those that the client has, with a space between. Returns
 * NULL, or what is wrong. Raises the limit of descriptors, and bounds the
 * life of the process.
 */
const char *meter_parse(meter *m, char **words, const char *workloads);

/* The same for main(): does not return if there is anything wrong. */
void meter_init(meter *m, int argc, char **argv, const char *workloads);

/* As many descriptors as the system lets us have. */
void meter_raise_limits(void);

bool meter_is(const meter *m, const char *workload);

/* All connections are up and idle: weighs the server. */
void meter_connected(meter *m);

/* The first calls leave now. */
void meter_start(meter *m);

/* Prints the line of JSON; the exit status. */
int meter_print(const meter *m);

/* The same, and ends the process, with whatever is still in flight. */
void meter_finish(const meter *m);

bool meter_look(meter *m);

/* A call is done. False: enough, there need not be another one. */
static inline bool
meter_count(meter *m)
{
	if ((++m->calls & m->mask) != 0) {
		return m->phase != METER_OVER;
	}
	return meter_look(m);
}

/* Where the next call goes, after one on `connection`: with fewer calls than
 * connections they wander, so that each connection has its turn. */
static inline int
meter_next(const meter *m, int connection)
{
	return m->window >= m->connections
	           ? connection
	           : (connection + m->window) % m->connections;
}

/* How many connections have calls at the beginning, `share` each. */
static inline int
meter_first(const meter *m)
{
	return m->window < m->connections ? m->window : m->connections;
}

#ifdef __cplusplus
}
#endif
#endif
