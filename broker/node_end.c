/* SPDX-License-Identifier: MIT */
#include "broker/call.h"
#include "broker/node.h"
#include "broker/session/session.h"
#include "broker/watch.h"
#include "serial/api.h"

#include <assert.h>
#include <stdlib.h>

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
	while ((ref = LIST_FIRST(&node->refs)) != NULL) {
		waldoi_ref_orphan(ref, gone);
	}
	waldoi_node_run_jobs(node);
	while ((watch = LIST_FIRST(&node->afters)) != NULL) {
		waldoi_watch_orphan(watch);
	}
	waldoi_failure_release(gone);
}

static waldo_promise *
find_open(waldo_node *node)
{
	waldo_promise *promise;

	LIST_FOREACH(promise, &node->promises, entry) {
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

	LIST_FOREACH(call, &node->calls, entry) {
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
