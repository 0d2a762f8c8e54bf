/* SPDX-License-Identifier: MIT */
/* bench.h - the two ends of waldo bench */
#ifndef BENCH_H
#define BENCH_H

#include "meter.h"
#include "tool.h"

/* Under which the object with the methods of the workloads is published. */
#define BENCH_NAME "bench"

/*
 * What one node connects at one address shares a session. So that a client can
 * have many sessions and few nodes, a server at 127.0.0.1 is at so many more
 * addresses, which follow it; they are all the loopback interface's. What is
 * encrypted shares a session by key instead, so that a server has several.
 */
#define BENCH_HOSTS 250
#define BENCH_KEYS  4

#define BENCH_WORKLOADS "lat pipe fan large churn churnp event open"

/* Of a small call, and of the first object's method; what is sent counts on
 * from there. */
#define BENCH_NUMBER INT64_C(0x123456789abc)

/* At how many addresses, or with how many keys, a server is that was told
 * `address`. */
int bench_count_hosts(const char *address);

/* One of them; NULL: no memory. To be freed. */
char *bench_make_address(const char *address, int host);

/* The URI of the object that is published there; the same. */
char *bench_make_uri(const char *address, int host);

/* Who serves there: NULL unless it is encrypted, and when there are no more.
 * Borrowed. */
waldo_err bench_get_key(const char *address, int host, waldo_key **ret_key);

/* Publishes the object and serves until a signal; a status. */
int bench_serve(const char *address);

/* Calls it, as the meter says, and prints what was measured; a status. */
int bench_run(meter *m, const char *address);

#endif
