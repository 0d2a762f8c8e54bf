/* SPDX-License-Identifier: MIT */
/*
 * broker/net/loop.h - a node's driver on libevent
 *
 * Everything in this folder runs on the thread of the node, save postbox,
 * inproc and resolver, which are between threads. The base is used without
 * locks. What libevent holds to be fatal ends the process, as ever: the
 * callback that could replace that is global and the application's.
 */
#ifndef WALDOI_LOOP_H
#define WALDOI_LOOP_H

#include "broker/driver.h"
#include "broker/net/postbox.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>

/* One receive of each link and turn takes at most this much. */
#define WALDOI_SCRATCH ((size_t) 64 * 1024)

/* How long an orderly end may take, and how long a listener rests that found
 * no descriptor left. */
#define WALDOI_LINGER_MS 1000
#define WALDOI_REST_MS   100

typedef struct waldoi_loop {
	waldo_node *node;
	struct event_base *base;
	bool own_base;
	bool dispatching; /* inside event_base_loop(), or a task */
	bool turning;     /* inside waldoi_node_turn(), called by us */
	bool inside;      /* an event, waldoi_loop_leave() will come */
	bool woken;       /* meanwhile; so it has a turn come */

	struct event turn;   /* wake */
	struct event timer;  /* arm */
	struct event limit;  /* of step */
	struct event posted; /* the postbox is readable */
	uint64_t armed_at;
	waldoi_postbox *box;
	atomic_uint_least64_t grace; /* of a stop that was asked for */

	/* For get_fd: an epoll that holds libevent's and a timer. */
	int outer_fd, timer_fd;
	uint64_t timer_fd_at; /* what it is set to; UINT64_MAX: not */
	unsigned timed;       /* links and listeners that wait for a timeout */

	int reserve_fd; /* given up to accept a link and refuse it */
	uint8_t *scratch;
	LIST_HEAD(, waldoi_link_more) lingering;
} waldoi_loop;

/* Around what an event brings: waldoi_node_enter() before, and the turn after
 * it. That comes at once if this was the last event of the pass, else behind
 * the others. */
void waldoi_loop_enter(waldoi_loop *loop);
void waldoi_loop_leave(waldoi_loop *loop);

/* Counts who waits for a timeout of libevent's; `flag` is the owner's. */
void waldoi_loop_set_timed(waldoi_loop *loop, bool *flag, bool timed);

/* outer.c: the descriptor of get_fd; -1 if there can be none. Afterwards
 * waldoi_outer_update() after whatever changes when there is something to
 * do. */
int waldoi_outer_open(waldoi_loop *loop);
void waldoi_outer_update(waldoi_loop *loop);
void waldoi_outer_close(waldoi_loop *loop);

uint64_t waldoi_loop_now(void *driver);

/* Parts of waldoi_driver_ops: dial.c, listener.c */
waldo_err waldoi_loop_dial(void *driver, const waldoi_address *address,
                           waldo_err (*begin)(void *owner, waldoi_link *link),
                           void *owner, waldoi_link **ret_link);
waldo_err waldoi_loop_listen(void *driver, const waldoi_address *address,
                             waldo_listener **ret_listener);

#endif
