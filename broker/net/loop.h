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
	bool running;     /* for waldo_node_run(): until there is no need */
	bool turning;     /* inside waldoi_node_turn(), called by us */
	bool inside;      /* an event, waldoi_loop_leave() will come */
	bool woken;       /* meanwhile; so it has a turn come */

	struct event turn;   /* wake */
	struct event timer;  /* timer_fd is readable */
	struct event limit;  /* of step */
	struct event posted; /* the postbox is readable */
	uint64_t due;        /* arm; UINT64_MAX: not */
	int timer_fd;
	uint64_t timer_at; /* what it is set to, or earlier than `due` */
	waldoi_postbox *box;
	atomic_uint_least64_t grace; /* of a stop that was asked for */

	int outer_fd;   /* of get_fd: an epoll that holds libevent's */
	unsigned timed; /* links and listeners that wait for a timeout */

	int reserve_fd; /* given up to accept a link and refuse it */
	uint8_t *scratch;
	LIST_HEAD(, waldoi_link_more) lingering;
} waldoi_loop;

/* Around what an event brings: waldoi_node_enter() before, and the turn after
 * it. That comes at once if this was the last event of the pass, else behind
 * the others. */
void waldoi_loop_enter(waldoi_loop *loop);
void waldoi_loop_leave(waldoi_loop *loop);

/* After a turn, and when a link is gone that lingered: perhaps run() is done. */
void waldoi_loop_look(waldoi_loop *loop);

/* Counts who waits for a timeout of libevent's; `flag` is the owner's. */
void waldoi_loop_set_timed(waldoi_loop *loop, bool *flag, bool timed);

/* Has the timer run out no later than anything is due. */
void waldoi_loop_set_timer(waldoi_loop *loop);

/* outer.c: the descriptor of get_fd; -1 if there can be none. Afterwards
 * waldoi_outer_update() after whatever changes when there is something to
 * do. */
int waldoi_outer_open(waldoi_loop *loop);
void waldoi_outer_update(waldoi_loop *loop);
/* `at`, or earlier if it has to wait for what libevent does later. */
uint64_t waldoi_outer_due(waldoi_loop *loop, uint64_t at);
void waldoi_outer_close(waldoi_loop *loop);

uint64_t waldoi_loop_now(void *driver);

/* Parts of waldoi_driver_ops: dial.c, listener.c */
waldo_err waldoi_loop_dial(void *driver, const waldoi_address *address,
                           waldo_err (*begin)(void *owner, waldoi_link *link),
                           void *owner, waldoi_link **ret_link);
waldo_err waldoi_loop_listen(void *driver, const waldoi_address *address,
                             waldo_listener **ret_listener);

#endif
