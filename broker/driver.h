/* SPDX-License-Identifier: MIT */
/*
 * broker/driver.h - what the broker needs from outside, and how it is driven
 *
 * The broker does no I/O: it is given bytes, the time and randomness, and
 * asks for links. Whoever does that is the node's driver: broker/net/ with
 * libevent and sockets, the simulator with pipes in memory and virtual time.
 *
 * A turn. The driver calls waldoi_node_enter() before it hands the node what
 * an event brought (bytes, a lost link, a new link). Whenever something then
 * waits to be done, the node calls `wake`, once, and the driver answers with
 * one waldoi_node_turn(), as soon as what is at hand has been handed in:
 * queued work, due timers and user's callbacks run there, and what is to be
 * sent leaves at its end. Methods and the callbacks of promises may run as
 * soon as a channel is given bytes. Only inside waldoi_node_turn(),
 * waldo_node_flush() and waldo_node_free() does the broker call the operations
 * of a link.
 */
#ifndef WALDOI_DRIVER_H
#define WALDOI_DRIVER_H

#include "broker/address.h"
#include "broker/channel/channel.h"
#include <waldo/node.h>

#include <sys/queue.h>
#include <sys/uio.h>

typedef struct waldoi_link waldoi_link;
typedef struct waldoi_session waldoi_session;
typedef struct waldo_listener waldo_listener; /* as in <waldo/server.h> */

typedef struct waldoi_driver_ops {
	/* Microseconds of a clock that never goes back and goes on while the
	 * machine sleeps (CLOCK_BOOTTIME). */
	uint64_t (*now)(void *driver);

	void (*random)(void *driver, void *data, size_t len);

	/* waldoi_node_turn() as soon as possible; see above. */
	void (*wake)(void *driver);

	/* waldoi_node_turn() at `at`; UINT64_MAX: not by the clock. Replaces
	 * what was armed before. */
	void (*arm)(void *driver, uint64_t at);

	/* Opens a link as initiator, whose channel `begin` initialises. At
	 * once: what fails later is told by waldoi_channel_lost(). Fails with a
	 * message in waldoi_node_set_message(). */
	waldo_err (*dial)(void *driver, const waldoi_address *address,
	                  waldo_err (*begin)(void *owner, waldoi_link *link),
	                  void *owner, waldoi_link **ret_link);

	/* Appends a line to a file, and gets the whole of it, malloc'ed; an
	 * error's message as above. NULL: there are no files. */
	waldo_err (*remember)(void *driver, const char *path, const char *line);
	waldo_err (*recall)(void *driver, const char *path, char **ret_text,
	                    size_t *ret_len);

	/* Accepts links; for each, waldoi_session_accept(). The driver makes
	 * the listener (waldo_listener below is its first member). */
	waldo_err (*listen)(void *driver, const waldoi_address *address,
	                    waldo_listener **ret_listener);

	/* See the functions of waldo/node.h that have these names. */
	waldo_err (*step)(void *driver, int timeout_ms);
	waldo_err (*run)(void *driver);
	int (*get_fd)(void *driver);
	waldo_err (*post)(void *driver, waldo_task_cb *cb, void *user);
	void (*stop)(void *driver, uint32_t grace_ms);

	/* The last call: the node is about to be freed, all its links and
	 * listeners are closed. Frees the driver. Posted tasks that have not
	 * run run now. */
	void (*free)(void *driver);
} waldoi_driver_ops;

/* How a link ends when its session has no more use for it. */
typedef enum waldoi_close {
	WALDOI_CLOSE_ORDERLY, /* all was sent: shutdown, then read and discard
	                       * until the peer has closed, or one second */
	WALDOI_CLOSE_NOW      /* whatever is still under way is lost */
} waldoi_close;

typedef struct waldoi_link_ops {
	/* Sends what waldoi_channel_output() gives until there is no more or
	 * the socket refuses; then goes on by itself when it can. */
	void (*flush)(waldoi_link *link);

	/* Lets go of the session: channel.session is NULL already. The link
	 * frees itself, now or later. */
	void (*close)(waldoi_link *link, waldoi_close how);
} waldoi_link_ops;

/* The first member of the driver's own link. */
struct waldoi_link {
	const waldoi_link_ops *ops;
	waldoi_channel channel;
	waldo_peer peer; /* strings and key live as long as the link */
};

/* The first member of the driver's own listener. */
struct waldo_listener {
	waldo_node *node; /* set by the broker */
	const char *uri;  /* owned by the driver's listener */
	bool secure;      /* its links are encrypted */
	bool closed;      /* set by the broker: `close` has been called */
	/* Accepts no more. Whoever has listened may still ask for its URI. */
	void (*close)(waldo_listener *listener);
	void (*free)(waldo_listener *listener); /* after `close` */
	TAILQ_ENTRY(waldo_listener) entry;      /* the broker's */
};

/* Makes a node on `driver`. `options` may be NULL. On failure the driver
 * still belongs to the caller. */
waldo_err waldoi_node_new(const waldo_node_options *options,
                          const waldoi_driver_ops *ops, void *driver,
                          waldo_node **ret_node) WALDO_MUST_CHECK;

/* An event begins: the clock is read afresh. */
void waldoi_node_enter(waldo_node *node);

/* The event ends. True if a turn would find nothing to do: then it, and the
 * wake that asked for it, are forgotten. Nobody has to. */
bool waldoi_node_leave(waldo_node *node);

/* Behind the input of a link: what there is to send to its peer leaves already,
 * before another event is looked at, while all of it is in the cache. Nobody
 * has to. The link is still there afterwards. */
void waldoi_node_flush_link(waldo_node *node, waldoi_link *link);

/* Does all that waits, bounded; calls `wake` again if more is left. */
void waldoi_node_turn(waldo_node *node);

/* The driver's `stop` has reached the node's thread. */
void waldoi_node_stop(waldo_node *node, uint32_t grace_ms);

/* Runs a task that was posted, as a callback. */
void waldoi_node_run_task(waldo_node *node, waldo_task_cb *task, void *user);

/* True while a callback of the user's runs: step, run and wait refuse. */
bool waldoi_node_in_callback(const waldo_node *node);

/* What waldo_node_get_message() will say. */
void waldoi_node_set_message(waldo_node *node, const char *format, ...)
    WALDO_PRINTF(2, 3);

/* Warnings are what peers bring about: of each format there are at most 50 in ten
 * seconds, and what was left out is counted. */
void waldoi_node_log(waldo_node *node, waldo_log_level level,
                     const char *format, ...) WALDO_PRINTF(3, 4);

/* Prints one line for each frame; NULL: no trace. */
void waldoi_node_set_trace(waldo_node *node,
                           void (*trace)(const char *line, void *user),
                           void *user);

/*
 * A session for a link that was accepted. link->channel is initialised here,
 * as the responder's. NULL if there is no room (waldo_limits.sessions) or no
 * memory: the driver closes the socket; it was logged.
 */
waldoi_session *waldoi_session_accept(waldo_node *node, waldoi_link *link);

/* The same for a link that is to be encrypted: it becomes a session when its
 * peer has proved who it is. Fails without memory, or with too many of them:
 * the driver closes the socket. */
waldo_err waldoi_guest_accept(waldo_node *node, waldoi_link *link)
    WALDO_MUST_CHECK;

/* Who answers behind a listener that is secure, its public key; made if the
 * node has none. */
waldo_err waldoi_node_open_identity(waldo_node *node, const uint8_t **ret_key)
    WALDO_MUST_CHECK;

/* Silence after which a link is given up, for the driver's own options
 * (TCP_USER_TIMEOUT). */
uint32_t waldoi_node_get_dead_peer_ms(const waldo_node *node);

/* How much there is of each thing; all zero but for what the user holds when
 * everything was released. For the ledger of the tests. */
typedef struct waldoi_counts {
	size_t sessions, objects, refs, promises, calls, timers, tasks;
	size_t exports, imports; /* table entries, over all sessions */
	size_t bytes; /* in buffers for peers: queued, retained, partial */
} waldoi_counts;
void waldoi_node_count(const waldo_node *node, waldoi_counts *ret_counts);

#endif
