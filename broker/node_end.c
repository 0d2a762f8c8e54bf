/* SPDX-License-Identifier: MIT */
#include "broker/call.h"
#include "broker/node.h"
#include "broker/object.h"
#include "broker/session/session.h"
#include "broker/watch.h"
#include "serial/api.h"

#include <assert.h>
#include <stdlib.h>

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
	uint64_t at = waldoi_node_clock(node) + grace_ms * UINT64_C(1000);

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
	close_listeners(node);
	waldoi_sessions_free_all(node);
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
	orphan_handles(node);
	waldoi_pool_fini(&node->call_pool);
	waldoi_pool_fini(&node->promise_pool);
	waldoi_pool_fini(&node->request_pool);
	waldoi_pool_fini(&node->slab_pool);
	free(node);
}
