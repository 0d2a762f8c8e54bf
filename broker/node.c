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

static void
run_timers(waldo_node *node)
{
	waldoi_timer *timer;

	while ((timer = waldoi_timers_pop(&node->timers, node->now)) != NULL) {
		timer->fire(timer);
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
	while (node->jobs.count > 0) {
		run_jobs(node);
	}
}

void
waldoi_node_turn(waldo_node *node)
{
	node->entered = node->turning = true;
	node->woken = true; /* whatever is queued from here on runs here */
	node->now = node->driver->now(node->driver_data);
	run_timers(node);
	run_jobs(node);
	waldoi_sessions_flush(node);
	node->turning = node->entered = node->woken = false;
	rearm(node);
	if (node->jobs.count > 0 || !TAILQ_EMPTY(&node->dirty)) {
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
	return node == NULL ? -1 : node->driver->get_fd(node->driver_data);
}

WALDO_API waldo_err
waldo_node_post(waldo_node *node, waldo_task_cb *cb, void *user)
{
	if (node == NULL || cb == NULL) {
		return WALDO_EINVAL;
	}
	return node->driver->post(node->driver_data, cb, user);
}

/* ---- stopping */

WALDO_API void
waldo_node_stop(waldo_node *node, uint32_t grace_ms)
{
	if (node != NULL) {
		node->driver->stop(node->driver_data, grace_ms);
	}
}

WALDO_API bool
waldo_node_is_running(const waldo_node *node)
{
	return node != NULL && !node->stopped;
}

void
waldoi_listener_close(waldo_listener *listener)
{
	if (listener != NULL) {
		TAILQ_REMOVE(&listener->node->listeners, listener, entry);
		listener->close(listener);
	}
}

static void
close_listeners(waldo_node *node)
{
	waldo_listener *listener;

	while ((listener = TAILQ_FIRST(&node->listeners)) != NULL) {
		waldoi_listener_close(listener);
	}
}

static void
end_grace(waldoi_timer *timer)
{
	waldo_node *node = waldoi_container_of(timer, waldo_node, stop_timer);

	waldoi_sessions_end_all(node, WALDO_ELOST, "the node has stopped");
	waldoi_node_check_stop(node);
}

void
waldoi_node_stop(waldo_node *node, uint32_t grace_ms)
{
	uint64_t at = waldoi_node_now(node) + grace_ms * UINT64_C(1000);

	if (!node->stopping) {
		node->stopping = true;
		close_listeners(node);
	} else if (!node->stop_timer.armed || node->stop_timer.at <= at) {
		return; /* never later than was said before */
	}
	waldoi_node_arm(node, &node->stop_timer, at, end_grace);
	waldoi_node_check_stop(node);
}

void
waldoi_node_check_stop(waldo_node *node)
{
	if (!node->stopping || node->stopped) {
		return;
	}
	if (node->stop_timer.armed && !waldoi_sessions_are_busy(node)) {
		waldoi_timer_stop(&node->timers, &node->stop_timer);
		waldoi_sessions_end_all(node, WALDO_ELOST,
		                        "the node has stopped");
	}
	if (!node->stop_timer.armed && LIST_EMPTY(&node->sessions)) {
		node->stopped = true;
		waldoi_node_wake(node); /* so that run() looks */
	}
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
	TAILQ_INIT(&node->dirty);
	LIST_INIT(&node->refs);
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
	err = waldoi_limits_set(options == NULL ? NULL : &options->limits,
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
waldoi_node_new(const waldo_node_options *options,
                const waldoi_driver_ops *ops, void *driver,
                waldo_node **ret_node)
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

/* Whatever the user still holds stays, broken and without a node. */
static void
orphan_handles(waldo_node *node)
{
	waldoi_failure *gone = waldoi_failure_new(
	    WALDO_ELOST, WALDO_NOT_SENT, "the node was freed");
	waldo_ref *ref;
	waldo_promise *promise;
	waldo_call *call;
	waldo_watch *watch;
	waldo_request *request;

	while ((call = LIST_FIRST(&node->calls)) != NULL) {
		waldoi_call_orphan(call);
	}
	while ((request = LIST_FIRST(&node->requests)) != NULL) {
		waldoi_request_orphan(request);
	}
	while ((promise = LIST_FIRST(&node->promises)) != NULL) {
		waldoi_promise_orphan(promise, gone);
	}
	while ((ref = LIST_FIRST(&node->refs)) != NULL) {
		waldoi_ref_orphan(ref, gone);
	}
	while ((watch = LIST_FIRST(&node->afters)) != NULL) {
		waldoi_watch_orphan(watch);
	}
	waldoi_failure_release(gone);
}

static waldo_promise *
find_open(waldo_node *node)
{
	waldo_promise *promise;

	LIST_FOREACH (promise, &node->promises, entry) {
		if (promise->settled == WALDOI_OPEN) {
			return promise;
		}
	}
	return NULL;
}

static waldo_call *
find_waiting(waldo_node *node)
{
	waldo_call *call;

	LIST_FOREACH (call, &node->calls, entry) {
		if (!call->gave_up) {
			return call;
		}
	}
	return NULL;
}

/* The sessions have ended; what is left is near. Every promise is settled and
 * every deferred call is told; what their callbacks would start does not
 * begin (waldoi_request_send_for). */
static void
give_up_all(waldo_node *node)
{
	waldo_promise *promise;
	waldo_call *call;

	while ((promise = find_open(node)) != NULL) {
		waldoi_promise_give_up(promise, WALDO_ELOST,
		                       "the node was freed");
	}
	while ((call = find_waiting(node)) != NULL) {
		waldoi_call_give_up(call);
	}
	waldoi_node_run_jobs(node);
}

WALDO_API void
waldo_node_free(waldo_node *node)
{
	if (node == NULL) {
		return;
	}
	assert(node->callbacks == 0);
	waldoi_node_enter(node);
	node->freeing = node->turning = true;
	close_listeners(node);
	waldoi_sessions_free_all(node);
	give_up_all(node);
	waldoi_node_set_bootstrap(node, NULL);
	waldoi_node_run_jobs(node);
	node->driver->free(node->driver_data);
	waldoi_node_run_jobs(node);
	orphan_handles(node);
	waldoi_pool_fini(&node->call_pool);
	waldoi_pool_fini(&node->promise_pool);
	waldoi_pool_fini(&node->request_pool);
	waldoi_pool_fini(&node->slab_pool);
	free(node);
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
	    .tasks = node->jobs.count,
	    .bytes = node->bytes,
	};
	LIST_FOREACH (session, &node->sessions, entry) {
		ret_counts->exports += session->exports.count;
		ret_counts->imports += session->imports.count;
		ret_counts->bytes += waldoi_cutter_owned(&session->in);
	}
}
