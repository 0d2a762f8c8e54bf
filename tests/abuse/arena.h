/* SPDX-License-Identifier: MIT */
/*
 * abuse/arena.h - what the processes of an abuse test share
 *
 * A server (server.c), an honest client (main.c) and a rival (rival.c), each a
 * process of its own, over real sockets. The server measures itself: what it
 * owns, counted at each allocation, and what it received of the links that
 * were accepted since the rival began.
 */
#ifndef WALDO_ABUSE_ARENA_H
#define WALDO_ABUSE_ARENA_H

#include <waldo/limits.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	ARENA_LINES = 16,
	ARENA_TEXT = 400,
	SERVER_THING = 64 /* bytes of the user's in what `make` makes */
};

struct arena {
	char address[200]; /* to listen at */
	char uri[300];     /* of the listener, once it is there */
	waldo_limits limits;
	atomic_bool serving, stop;
	bool clean; /* the server left nothing behind */

	/* The server's measure, since the last mark. */
	atomic_bool mark;
	atomic_size_t base, peak; /* bytes that the library owns */
	atomic_size_t now;        /* the same, at the end of each step */
	atomic_size_t node_peak;  /* waldoi_counts.bytes */
	atomic_size_t sessions;
	atomic_size_t received;    /* of new links */
	atomic_uint accepted;      /* new links */
	atomic_size_t grant;       /* see struct attack; before the mark */
	atomic_size_t worst_milli; /* bytes above the grant for each that was
	                            * received, at the worst moment, times 1000 */
	atomic_uint lines;         /* warnings and errors of its log */
	char line[ARENA_LINES][ARENA_TEXT]; /* the first of them */

	/* What it has called so far, as it last began to send. */
	atomic_size_t allocations, receives, sends;
	atomic_bool ask; /* to have the first of these told now */

	/* The rival's. */
	atomic_bool ready, over;
	atomic_size_t sent;
	atomic_uint said_count;
	char said[ARENA_LINES][ARENA_TEXT]; /* errors that it was told */
};

/* The limits once zeros are defaults. */
void arena_fill_limits(const waldo_limits *given, waldo_limits *ret_limits);

/* Serves until arena->stop; does not return. */
void server_run(struct arena *arena) __attribute__((noreturn));

/* Monotonic. */
uint64_t arena_now_us(void);

#endif
