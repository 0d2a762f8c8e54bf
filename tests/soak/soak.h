/* SPDX-License-Identifier: MIT */
/*
 * soak/soak.h - a server under many clients and much chaos, for a long time
 *
 * One program in several processes. A server; crowds, each of them a process
 * with a part of the connections, whose users do everything that users do; one
 * calm client, whose calls tell what all that does to somebody who has no part
 * in it. The driver stops crowds for a moment, silences them until they are
 * given up, and kills them. What all count lies in memory that they share.
 */
#ifndef WALDO_TEST_SOAK_H
#define WALDO_TEST_SOAK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

enum {
	CROWDS = 10,
	MAX_SAMPLES = 1 << 16,
	SAMPLE_MS = 100,
	LATENCIES = 2000, /* of 100 us, the last is for all above */
	LATENCY_US = 100,
	DEAD_PEER_MS = 2000
};

/* The server, at one moment. */
struct sample {
	double at; /* seconds */
	long heap, rss;
	unsigned items; /* objects that users had it make */
};

struct board {
	char uri[2][128]; /* tcp-insecure, unix; not before the server is up */
	atomic_bool is_up, server_failed, is_over;
	atomic_uint_fast64_t connects, calls, results, failures, events;
	atomic_uint_fast64_t wrong; /* what must not be, and was said */
	struct sample idle[2];      /* before the node was, and after it */
	struct sample samples[MAX_SAMPLES];
	atomic_size_t sample_count;
	atomic_uint_fast64_t latencies[LATENCIES], calm_calls;
	double worst; /* seconds */
};

extern struct board *board;

double soak_now(void);

/* Says what is wrong, and counts it. */
void soak_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* True once SIGTERM came. */
bool soak_is_told_to_stop(void);

/* The processes; each returns its exit status. */
int soak_server(const char *socket);
int soak_crowd(unsigned number, unsigned users);
int soak_calm(void);

/* Prints the figures; false if one is not as it must be. A short run tells
 * nothing about slopes. */
bool soak_report(unsigned connections, double seconds);

/* A line for each: seconds, heap, resident memory, items. */
void soak_write_samples(FILE *file);

#endif
