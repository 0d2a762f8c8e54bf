/* SPDX-License-Identifier: MIT */
/*
 * broker/node.h - the inside of a node
 *
 * What the floors of the broker share: the clock of this turn, the queue of
 * what is to be done, the pools, and a list of every handle, so that the node
 * can let go of all of them when it dies.
 */
#ifndef WALDOI_NODE_H
#define WALDOI_NODE_H

#include "broker/driver.h"
#include "broker/failure.h"
#include "broker/identity.h"
#include "broker/pool.h"
#include "broker/runqueue.h"
#include "broker/source.h"
#include "broker/timer.h"
#include "serial/frame.h"
#include "serial/writer.h"

#define WALDOI_METHOD_BITS 6
#define WALDOI_WARNINGS    8

/* Lines of the log that have one format. */
typedef struct waldoi_warnings {
	const char *format;
	uint64_t since;         /* these were counted; the oldest makes room */
	uint32_t count, spared; /* logged, and left out */
} waldoi_warnings;

/* What each call needs, at one of its ends or both, stands in front. */
struct waldo_node {
	const waldoi_driver_ops *driver;
	void *driver_data;
	uint64_t now; /* when this turn began, or later */
	bool entered; /* an event or a turn is under way: `now` is fresh */
	bool woken;   /* `wake` was called; a turn will come */
	bool turning; /* inside waldoi_node_turn() */
	bool gone;    /* its driver is: what is left is user's callbacks */
	bool freeing; /* inside waldo_node_free() */
	bool stopping, stopped;
	uint32_t callbacks; /* of the user's that are running */
	LIST_HEAD(, waldo_promise) promises;
	LIST_HEAD(, waldo_call) calls;
	size_t promise_count, call_count;
	void (*trace)(const char *line, void *user);
	waldo_ref *bootstrap; /* what id 0 means here; NULL: nothing */
	LIST_HEAD(, waldo_watch) rooms; /* waldo_ref_watch_room() */
	size_t bytes;      /* in buffers for and from peers, against
	                                 * limits.total_bytes */
	size_t gathered;   /* bytes queued for peers by the jobs of this turn
	                    * since it last sent */
	size_t near_bytes; /* of near calls that wait, against queued_bytes */
	waldoi_pool call_pool, promise_pool;
	TAILQ_HEAD(, waldoi_session) dirty; /* have something to send */
	waldoi_runqueue jobs;
	waldoi_writer_limits writer_limits;
	waldo_limits limits; /* no zeros left, but for call_timeout_ms */

	waldo_limits strangers;    /* the same, of sessions that are accepted */
	uint64_t armed;            /* what the driver was last told */
	waldoi_runqueue next_jobs; /* not before the next turn */
	waldoi_timers timers;

	waldoi_runqueue facets; /* that let go of their targets (facet.c) */
	bool letting_go;

	LIST_HEAD(, waldo_ref) refs; /* all that know this node */
	LIST_HEAD(, waldo_ref)
	spent_refs; /* of them, when it is freed: those
	                                    * whose object is gone */
	LIST_HEAD(, waldo_request) requests;
	LIST_HEAD(, waldoi_session) sessions;
	LIST_HEAD(, waldo_watch) afters; /* waldo_node_after() */
	LIST_HEAD(, waldoi_hold) holds;  /* until a flush came back */
	waldoi_job rooms_job;
	TAILQ_HEAD(, waldo_listener) listeners;
	size_t ref_count, object_count;
	size_t session_count;

	waldoi_pool request_pool;
	waldoi_pool slab_pool, small_pool;
	waldoi_pool object_pool, export_pool;
	waldoi_pool import_pool, pending_pool;

	/* the names of those called last; NULL: none (methods.h) */
	struct waldoi_name *methods[1 << WALDOI_METHOD_BITS];
	struct waldoi_name *method_places[1 << WALDOI_METHOD_BITS];
	waldoi_spares spares;

	waldoi_taken *lenders; /* whose bytes are not needed any more */
	waldoi_job lenders_job;

	const struct waldo_class *checked; /* the class of the last object: it
	                                    * is as it must be */
	waldo_reader telling; /* of the result that a callback is told */

	/* stopping */
	waldoi_timer stop_timer;
	waldoi_job stop_job;
	void (*look_at_stop)(waldoi_job *job); /* NULL until it is to stop */

	waldoi_identity identity;
	struct waldoi_guests *guests;       /* who have not proved who they are;
	                                     * NULL: there were none yet */
	LIST_HEAD(, waldo_trust) questions; /* that are not answered */

	void (*log)(waldo_log_level level, const char *line, void *user);
	void *log_user;
	waldoi_warnings warnings[WALDOI_WARNINGS];
	void *trace_user;
	uint64_t secret; /* of the hash tables */
	uint8_t incarnation[16];
	char message[256];
};

/* Has a turn come soon. */
void waldoi_node_wake(waldo_node *node);

/* Queues a job and has a turn come. */
void waldoi_node_queue(waldo_node *node, waldoi_job *job,
                       void (*run)(waldoi_job *job));

/* The same, not before other links have had their turn. */
void waldoi_node_queue_next(waldo_node *node, waldoi_job *job,
                            void (*run)(waldoi_job *job));

/* For the turn: what was put off until this one; at most `left` jobs, counted
 * down, and true if they have left much to be sent; telling the driver when the
 * next timer is due. */
void waldoi_node_take_next(waldo_node *node);
bool waldoi_node_run_some(waldo_node *node, int *left);
void waldoi_node_rearm(waldo_node *node);

/* All that is queued, and all that this queues: only when the node dies. */
void waldoi_node_run_jobs(waldo_node *node);

/* The time, read afresh: where a user's own timeout begins, since a method may
 * have kept the turn for long. */
uint64_t waldoi_node_clock(waldo_node *node);

/* The time: that of the turn, or afresh outside one. */
static inline uint64_t
waldoi_node_now(waldo_node *node)
{
	return node->entered ? node->now : waldoi_node_clock(node);
}

void waldoi_node_arm(waldo_node *node, waldoi_timer *timer, uint64_t at,
                     void (*fire)(waldoi_timer *timer));

/* What peers reach with id 0; takes `bootstrap`. */
void waldoi_node_set_bootstrap(waldo_node *node, waldo_ref *bootstrap);

/* Off the node's list, and closed; NULL is accepted. */
void waldoi_listener_close(waldo_listener *listener);

/* A call or a session has ended: a stopping node looks whether it was the
 * last. */
void waldoi_node_check_stop(waldo_node *node);

/* A copy of the message and the code, for functions that fail at once. */
WALDOI_COLD waldo_err waldoi_node_fail(waldo_node *node, waldo_err err,
                                       const char *format, ...)
    WALDO_PRINTF(3, 4);

/* Less waits somewhere: those who watch for room are told in the turn. */
void waldoi_node_look_for_room(waldo_node *node);

/* waldoi_writer's: has waldoi_taken.done run from the loop; `context` is the
 * node, which outlives it or is NULL. */
void waldoi_node_give_back(waldoi_taken *taken, void *context);

#endif
