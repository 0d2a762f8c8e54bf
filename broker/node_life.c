/* SPDX-License-Identifier: MIT */
#include "broker/call.h"
#include "broker/limits.h"
#include "broker/methods.h"
#include "broker/node.h"
#include "broker/object.h"
#include "broker/session/dial.h"
#include "broker/session/session.h"
#include "broker/watch.h"
#include "serial/api.h"

#include <assert.h>
#include <stdlib.h>

/* ---- making */

static void
init_pools(waldo_node *node)
{
	waldoi_pool_init(&node->call_pool, sizeof(waldo_call), 256);
	waldoi_pool_init(&node->promise_pool, sizeof(waldo_promise), 1024);
	waldoi_pool_init(&node->request_pool, sizeof(waldo_request), 16);
	waldoi_pool_init(&node->slab_pool, WALDOI_SLAB, 16);
	waldoi_pool_init(&node->small_pool, WALDOI_SMALL, 128);
	waldoi_pool_init(&node->object_pool, sizeof(waldoi_object), 256);
	waldoi_pool_init(&node->export_pool, sizeof(waldoi_export), 256);
	waldoi_pool_init(&node->import_pool, waldoi_import_size(), 256);
	waldoi_pool_init(&node->pending_pool, sizeof(waldoi_pending), 256);
}

static void
init_lists(waldo_node *node)
{
	waldoi_runqueue_init(&node->jobs);
	waldoi_runqueue_init(&node->next_jobs);
	waldoi_runqueue_init(&node->facets);
	TAILQ_INIT(&node->dirty);
	LIST_INIT(&node->refs);
	LIST_INIT(&node->spent_refs);
	LIST_INIT(&node->promises);
	LIST_INIT(&node->calls);
	LIST_INIT(&node->requests);
	LIST_INIT(&node->sessions);
	LIST_INIT(&node->afters);
	LIST_INIT(&node->holds);
	LIST_INIT(&node->rooms);
	LIST_INIT(&node->questions);
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
	if (err == WALDO_OK) {
		err = waldoi_limits_set_strangers(
		    options == NULL ? NULL : options->strangers, &node->limits,
		    &node->strangers, message);
	}
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
	if (err == WALDO_OK &&
	    !waldoi_identity_init(&node->identity, options)) {
		waldoi_identity_fini(&node->identity);
		err = waldoi_node_fail(NULL, WALDO_ENOMEM, "out of memory");
	}
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
		ret_counts->imports += session->caller->imports.count;
	}
}

void
waldoi_node_set_bootstrap(waldo_node *node, waldo_ref *bootstrap)
{
	waldo_ref *old = node->bootstrap;

	node->bootstrap = bootstrap;
	waldo_ref_release(old);
}

/* ---- stopping */

WALDO_API void
waldo_node_stop(waldo_node *node, uint32_t grace_ms)
{
	if (node != NULL && !node->gone) {
		node->driver->stop(node->driver_data, grace_ms);
	}
}

WALDO_API bool
waldo_node_is_running(const waldo_node *node)
{
	return node != NULL && !node->stopped;
}

static void
stop_listening(waldo_listener *listener)
{
	if (!listener->closed) {
		listener->closed = true;
		listener->close(listener);
	}
}

void
waldoi_listener_close(waldo_listener *listener)
{
	if (listener != NULL) {
		TAILQ_REMOVE(&listener->node->listeners, listener, entry);
		stop_listening(listener);
		listener->free(listener);
	}
}

/* Those who have them may still close them. */
static void
stop_listeners(waldo_node *node)
{
	waldo_listener *listener;

	TAILQ_FOREACH(listener, &node->listeners, entry) {
		stop_listening(listener);
	}
}

static void
free_listeners(waldo_node *node)
{
	waldo_listener *listener;

	while ((listener = TAILQ_FIRST(&node->listeners)) != NULL) {
		waldoi_listener_close(listener);
	}
}

static void
look_at_stop(waldoi_job *job)
{
	waldo_node *node = waldoi_container_of(job, waldo_node, stop_job);

	if (node->stopped || node->freeing) {
		return;
	}
	if (waldoi_timer_is_armed(&node->stop_timer) &&
	    !waldoi_sessions_are_busy(node)) {
		waldoi_timer_stop(&node->timers, &node->stop_timer);
		waldoi_sessions_end_all(node, WALDO_ELOST,
		                        "the node has stopped");
	}
	if (!waldoi_timer_is_armed(&node->stop_timer) &&
	    LIST_EMPTY(&node->sessions)) {
		node->stopped = true;
		waldoi_node_wake(node); /* so that run() looks */
	}
}

static void
end_grace(waldoi_timer *timer)
{
	waldo_node *node = waldoi_container_of(timer, waldo_node, stop_timer);

	waldoi_sessions_end_all(node, WALDO_ELOST, "the node has stopped");
	waldoi_node_check_stop(node);
}

/* Who stops a node with nothing to do need not be told so. */
static void
log_grace(waldo_node *node, uint32_t grace_ms)
{
	size_t count = waldoi_sessions_count_open(node);

	if (count > 0) {
		waldoi_node_log(node, WALDO_LOG_INFO,
		                "the node is stopping: %zu calls of peers have "
		                "%u ms to finish",
		                count, grace_ms);
	}
}

void
waldoi_node_stop(waldo_node *node, uint32_t grace_ms)
{
	uint64_t at = waldoi_node_clock(node) + grace_ms * UINT64_C(1000);

	if (!node->stopping) {
		node->stopping = true;
		node->look_at_stop = look_at_stop;
		log_grace(node, grace_ms);
		stop_listeners(node);
		waldoi_guests_end(node);
		waldoi_sessions_go_away(node);
	} else if (!waldoi_timer_is_armed(&node->stop_timer) ||
	           node->stop_timer.at <= at) {
		return; /* never later than was said before */
	}
	waldoi_node_arm(node, &node->stop_timer, at, end_grace);
	waldoi_node_check_stop(node);
}

/* ---- freeing */

/* Every object gives its `self` back, while its `destroy` can still use the
 * node. */
static void
destroy_objects(waldo_node *node)
{
	waldo_ref *ref;

	while ((ref = LIST_FIRST(&node->refs)) != NULL) {
		waldo_ref_retain(ref);
		LIST_REMOVE(ref, entry);
		LIST_INSERT_HEAD(&node->spent_refs, ref, entry);
		waldoi_object_orphan(ref);
		waldo_ref_release(ref);
	}
}

/* Whatever the user still holds stays, broken and without a node. */
static void
orphan_handles(waldo_node *node)
{
	waldoi_failure *gone = waldoi_failure_new(WALDO_ELOST, WALDO_NOT_SENT,
	                                          "the node was freed");
	waldo_ref *ref;
	waldo_promise *promise;
	waldo_call *call;
	waldo_watch *watch;
	waldo_request *request;

	while ((call = LIST_FIRST(&node->calls)) != NULL) {
		waldoi_call_orphan(call);
	}
	waldoi_node_run_jobs(node);
	while ((request = LIST_FIRST(&node->requests)) != NULL) {
		waldoi_request_orphan(request);
	}
	while ((promise = LIST_FIRST(&node->promises)) != NULL) {
		waldoi_promise_orphan(promise, gone);
	}
	destroy_objects(node); /* those that a task of the driver's left */
	while ((ref = LIST_FIRST(&node->spent_refs)) != NULL) {
		waldoi_ref_orphan(ref, gone);
	}
	waldoi_node_run_jobs(node);
	while ((watch = LIST_FIRST(&node->afters)) != NULL) {
		waldoi_watch_orphan(watch);
	}
	waldoi_failure_release(gone);
}

/* Each promise once, though the list changes beneath: those that were looked
 * at stand in another. */
static void
give_up_promises(waldo_node *node)
{
	LIST_HEAD(, waldo_promise) seen = LIST_HEAD_INITIALIZER(seen);
	waldo_promise *promise;

	while ((promise = LIST_FIRST(&node->promises)) != NULL) {
		LIST_REMOVE(promise, entry);
		LIST_INSERT_HEAD(&seen, promise, entry);
		waldoi_promise_give_up(promise, WALDO_ELOST,
		                       "the node was freed");
	}
	while ((promise = LIST_FIRST(&seen)) != NULL) {
		LIST_REMOVE(promise, entry);
		LIST_INSERT_HEAD(&node->promises, promise, entry);
	}
}

static void
give_up_calls(waldo_node *node)
{
	LIST_HEAD(, waldo_call) seen = LIST_HEAD_INITIALIZER(seen);
	waldo_call *call;

	while ((call = LIST_FIRST(&node->calls)) != NULL) {
		LIST_REMOVE(call, entry);
		LIST_INSERT_HEAD(&seen, call, entry);
		if (!call->gave_up) {
			waldoi_call_give_up(call);
		}
	}
	while ((call = LIST_FIRST(&seen)) != NULL) {
		LIST_REMOVE(call, entry);
		LIST_INSERT_HEAD(&node->calls, call, entry);
	}
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
	free_listeners(node);
	waldoi_guests_end(node);
	free(node->guests);
	node->guests = NULL;
	waldoi_sessions_free_all(node);
	waldoi_dial_forget_questions(node);
	/* The sessions have ended; what is left is near. What the callbacks of
	 * all this would start does not begin (waldoi_request_send_for). */
	give_up_promises(node);
	give_up_calls(node);
	waldoi_node_run_jobs(node);
	waldoi_node_set_bootstrap(node, NULL);
	waldoi_node_run_jobs(node);
	destroy_objects(node);
	waldoi_node_run_jobs(node);
	node->gone = true;
	node->driver->free(node->driver_data);
	waldoi_node_run_jobs(node);
	waldoi_identity_fini(&node->identity);
	orphan_handles(node);
	waldoi_methods_fini(node);
	waldoi_pool_fini(&node->call_pool);
	waldoi_pool_fini(&node->promise_pool);
	waldoi_pool_fini(&node->request_pool);
	waldoi_pool_fini(&node->slab_pool);
	waldoi_pool_fini(&node->small_pool);
	waldoi_pool_fini(&node->object_pool);
	waldoi_pool_fini(&node->export_pool);
	waldoi_pool_fini(&node->import_pool);
	waldoi_pool_fini(&node->pending_pool);
	waldoi_spares_fini(&node->spares);
	free(node);
}
