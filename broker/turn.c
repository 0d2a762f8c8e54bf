/* SPDX-License-Identifier: MIT */
/* Turns: how a node is driven, by its driver and by its user. */
#include "broker/session/session.h"
#include "serial/api.h"

#define JOBS_PER_TURN 4096 /* then the links have their turn again */

void
waldoi_node_enter(waldo_node *node)
{
	node->entered = true;
	node->now = node->driver->now(node->driver_data);
	waldoi_node_wake(node); /* the turn that ends this */
}

static bool
has_work(const waldo_node *node)
{
	return node->jobs.count > 0 || node->next_jobs.count > 0 ||
	       !TAILQ_EMPTY(&node->dirty);
}

bool
waldoi_node_leave(waldo_node *node)
{
	if (has_work(node) || !LIST_EMPTY(&node->rooms) ||
	    waldoi_timers_next(&node->timers) <= node->now) {
		return false;
	}
	node->entered = node->woken = false;
	waldoi_node_rearm(node);
	return true;
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

void
waldoi_node_turn(waldo_node *node)
{
	int left = JOBS_PER_TURN;

	node->entered = node->turning = true;
	node->woken = true; /* whatever is queued from here on runs here */
	node->now = node->driver->now(node->driver_data);
	waldoi_node_take_next(node);
	run_timers(node);
	if (!LIST_EMPTY(&node->rooms)) {
		/* Any peer may have given back some of total_bytes. */
		waldoi_node_look_for_room(node);
	}
	while (waldoi_node_run_some(node, &left)) {
		waldoi_sessions_flush(node);
	}
	waldoi_sessions_flush(node);
	node->turning = node->entered = node->woken = false;
	waldoi_node_rearm(node);
	if (has_work(node)) {
		waldoi_node_wake(node);
	}
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
