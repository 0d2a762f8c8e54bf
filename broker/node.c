/* SPDX-License-Identifier: MIT */
#include "broker/node.h"
#include "broker/call.h"
#include "broker/limits.h"
#include "broker/session/session.h"
#include "broker/watch.h"
#include "serial/api.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_PER_TURN 4096 /* then the links have their turn again */

/* Why the last node of this thread could not be made. */
static _Thread_local char no_node_message[256];

/* ---- messages and the log */

static void
set_messagev(waldo_node *node, const char *format, va_list args)
{
	char *to = node == NULL ? no_node_message : node->message;

	vsnprintf(to, sizeof(no_node_message), format, args);
}

void
waldoi_node_set_message(waldo_node *node, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_messagev(node, format, args);
	va_end(args);
}

waldo_err
waldoi_node_fail(waldo_node *node, waldo_err err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_messagev(node, format, args);
	va_end(args);
	return err;
}

WALDO_API const char *
waldo_node_get_message(const waldo_node *node)
{
	return node == NULL ? no_node_message : node->message;
}

void
waldoi_node_log(waldo_node *node, waldo_log_level level, const char *format,
                ...)
{
	char line[512];
	va_list args;

	if (node->log == NULL) {
		return;
	}
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	node->log(level, line, node->log_user);
}

void
waldoi_node_set_trace(waldo_node *node,
                      void (*trace)(const char *line, void *user), void *user)
{
	node->trace = trace;
	node->trace_user = user;
}

/* ---- turns */

uint64_t
waldoi_node_now(waldo_node *node)
{
	if (!node->entered) {
		node->now = node->driver->now(node->driver_data);
	}
	return node->now;
}

uint64_t
waldoi_node_clock(waldo_node *node)
{
	node->now = node->driver->now(node->driver_data);
	return node->now;
}

void
waldoi_node_wake(waldo_node *node)
{
	if (!node->woken && !node->freeing) {
		node->woken = true;
		node->driver->wake(node->driver_data);
	}
}

void
waldoi_node_queue(waldo_node *node, waldoi_job *job,
                  void (*run)(waldoi_job *job))
{
	waldoi_runqueue_add(&node->jobs, job, run);
	waldoi_node_wake(node);
}

void
waldoi_node_queue_next(waldo_node *node, waldoi_job *job,
                       void (*run)(waldoi_job *job))
{
	waldoi_runqueue_add(&node->next_jobs, job, run);
	waldoi_node_wake(node);
}

static void
rearm(waldo_node *node)
{
	uint64_t next = waldoi_timers_next(&node->timers);

	if (next != node->armed && !node->freeing) {
		node->armed = next;
		node->driver->arm(node->driver_data, next);
	}
}

void
waldoi_node_arm(waldo_node *node, waldoi_timer *timer, uint64_t at,
                void (*fire)(waldoi_timer *timer))
{
	waldoi_timer_arm(&node->timers, timer, at, fire);
	/* The end of the turn tells the driver, if there will be one. */
	if (!node->entered) {
		rearm(node);
	}
}

void
waldoi_node_enter(waldo_node *node)
{
	node->entered = true;
	node->now = node->driver->now(node->driver_data);
	waldoi_node_wake(node); /* the turn that ends this */
}

/* What is due as the turn begins; what that arms is for the next. */
static void
run_timers(waldo_node *node)
{
	uint64_t now = node->now;
	waldoi_timer *timer;

	while ((timer = waldoi_timers_pop(&node->timers, now)) != NULL) {
		timer->fire(timer);
	}
}

/* What was put off until this turn. */
static void
take_next(waldo_node *node)
{
	waldoi_job *job;

	while ((job = waldoi_runqueue_pop(&node->next_jobs)) != NULL) {
		waldoi_runqueue_add(&node->jobs, job, job->run);
	}
}

static void
run_jobs(waldo_node *node)
{
	waldoi_job *job;

	for (int i = 0; i < JOBS_PER_TURN; i++) {
		job = waldoi_runqueue_pop(&node->jobs);
		if (job == NULL) {
			return;
		}
		job->run(job);
	}
}

void
waldoi_node_run_jobs(waldo_node *node)
{
	do {
		run_jobs(node);
		take_next(node);
	} while (node->jobs.count > 0);
}

void
waldoi_node_turn(waldo_node *node)
{
	node->entered = node->turning = true;
	node->woken = true; /* whatever is queued from here on runs here */
	node->now = node->driver->now(node->driver_data);
	take_next(node);
	run_timers(node);
	run_jobs(node);
	waldoi_sessions_flush(node);
	node->turning = node->entered = node->woken = false;
	rearm(node);
	if (node->jobs.count > 0 || node->next_jobs.count > 0 ||
	    !TAILQ_EMPTY(&node->dirty)) {
		waldoi_node_wake(node);
	}
}

void
waldoi_node_run_task(waldo_node *node, waldo_task_cb *task, void *user)
{
	node->callbacks++;
	task(user);
	node->callbacks--;
}

bool
waldoi_node_in_callback(const waldo_node *node)
{
	return node->callbacks > 0;
}

WALDO_API waldo_err
waldo_node_step(waldo_node *node, int timeout_ms)
{
	if (node == NULL || node->callbacks > 0) {
		return WALDO_EINVAL;
	}
	return node->driver->step(node->driver_data, timeout_ms);
}

WALDO_API waldo_err
waldo_node_run(waldo_node *node)
{
	if (node == NULL || node->callbacks > 0) {
		return WALDO_EINVAL;
	}
	return node->driver->run(node->driver_data);
}

WALDO_API void
waldo_node_flush(waldo_node *node)
{
	if (node != NULL && !node->turning) {
		node->turning = true;
		waldoi_sessions_flush(node);
		node->turning = false;
	}
}

WALDO_API int
waldo_node_get_fd(waldo_node *node)
{
	return node == NULL || node->gone
	           ? -1
	           : node->driver->get_fd(node->driver_data);
}

WALDO_API waldo_err
waldo_node_post(waldo_node *node, waldo_task_cb *cb, void *user)
{
	if (node == NULL || cb == NULL || node->gone) {
		return WALDO_EINVAL;
	}
	return node->driver->post(node->driver_data, cb, user);
}

/* ---- taken bytes */

/* Whoever lent bytes is told from the loop. */
static void
tell_lenders(waldoi_job *job)
{
	waldo_node *node = waldoi_container_of(job, waldo_node, lenders_job);
	waldoi_taken *taken = node->lenders;

	node->lenders = NULL;
	while (taken != NULL) {
		waldoi_taken *next = taken->next;

		if (taken->done != NULL) {
			node->callbacks++;
			taken->done(taken->user);
			node->callbacks--;
		}
		free(taken);
		taken = next;
	}
}

void
waldoi_node_give_back(waldoi_taken *taken, void *context)
{
	waldo_node *node = context;

	if (node == NULL) {
		if (taken->done != NULL) {
			taken->done(taken->user);
		}
		free(taken);
		return;
	}
	taken->next = node->lenders;
	node->lenders = taken;
	waldoi_node_queue(node, &node->lenders_job, tell_lenders);
}

/* ---- life */

void
waldoi_node_set_bootstrap(waldo_node *node, waldo_ref *bootstrap)
{
	waldo_ref *old = node->bootstrap;

	node->bootstrap = bootstrap;
	waldo_ref_release(old);
}

uint32_t
waldoi_node_get_dead_peer_ms(const waldo_node *node)
{
	return node->limits.dead_peer_ms;
}

static void
init_pools(waldo_node *node)
{
	waldoi_pool_init(&node->call_pool, sizeof(waldo_call), 256);
	waldoi_pool_init(&node->promise_pool, sizeof(waldo_promise), 1024);
	waldoi_pool_init(&node->request_pool, sizeof(waldo_request), 16);
	waldoi_pool_init(&node->slab_pool, WALDOI_SLAB, 16);
}

static void
init_lists(waldo_node *node)
{
	waldoi_runqueue_init(&node->jobs);
	waldoi_runqueue_init(&node->next_jobs);
	TAILQ_INIT(&node->dirty);
	LIST_INIT(&node->refs);
	LIST_INIT(&node->spent_refs);
	LIST_INIT(&node->promises);
	LIST_INIT(&node->calls);
	LIST_INIT(&node->requests);
	LIST_INIT(&node->sessions);
	LIST_INIT(&node->afters);
	TAILQ_INIT(&node->listeners);
}

static waldo_err
take_options(waldo_node *node, const waldo_node_options *options)
{
	char message[200];
	waldo_err err;

	if (options != NULL && options->size < sizeof(*options)) {
		return waldoi_node_fail(NULL, WALDO_EINVAL,
		                        "waldo_node_options.size is %zu, not "
		                        "%zu",
		                        options->size, sizeof(*options));
	}
	err = waldoi_limits_set(options == NULL ? NULL : options->limits,
	                        &node->limits, message);
	if (err != WALDO_OK) {
		return waldoi_node_fail(NULL, err, "%s", message);
	}
	node->writer_limits = (waldoi_writer_limits){
	    node->limits.message_bytes, node->limits.depth,
	    node->limits.refs_per_message};
	if (options != NULL) {
		node->log = options->log;
		node->log_user = options->log_user;
	}
	return WALDO_OK;
}

waldo_err
waldoi_node_new(const waldo_node_options *options, const waldoi_driver_ops *ops,
                void *driver, waldo_node **ret_node)
{
	waldo_node *node = calloc(1, sizeof(*node));
	waldo_err err;

	if (node == NULL) {
		return waldoi_node_fail(NULL, WALDO_ENOMEM, "out of memory");
	}
	node->driver = ops;
	node->driver_data = driver;
	node->armed = WALDOI_NEVER;
	err = take_options(node, options);
	if (err != WALDO_OK) {
		free(node);
		return err;
	}
	init_lists(node);
	init_pools(node);
	ops->random(driver, &node->secret, sizeof(node->secret));
	ops->random(driver, node->incarnation, sizeof(node->incarnation));
	*ret_node = node;
	return WALDO_OK;
}

void
waldoi_node_count(const waldo_node *node, waldoi_counts *ret_counts)
{
	const waldoi_session *session;

	*ret_counts = (waldoi_counts){
	    .sessions = node->session_count,
	    .objects = node->object_count,
	    .refs = node->ref_count,
	    .promises = node->promise_count,
	    .calls = node->call_count,
	    .timers = node->timers.count,
	    .tasks = node->jobs.count + node->next_jobs.count,
	    .bytes = node->bytes,
	};
	LIST_FOREACH(session, &node->sessions, entry) {
		ret_counts->exports += session->exports.count;
		ret_counts->imports += session->imports.count;
	}
}
