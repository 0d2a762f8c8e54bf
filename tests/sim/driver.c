/* SPDX-License-Identifier: MIT */
/* The driver of a simulated node: broker/driver.h says what is asked. */
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct task {
	waldo_task_cb *cb;
	void *user;
} task;

typedef struct listener {
	waldo_listener base; /* first */
	sim_node *node;
	char uri[64];
} listener;

uint64_t
sim_node_now(const sim_node *node)
{
	uint64_t now = node->world->now;

	if (now < node->busy_until) {
		now = node->busy_until;
	}
	return (uint64_t) ((int64_t) now + node->skew);
}

static uint64_t
driver_now(void *driver)
{
	return sim_node_now(driver);
}

static void
driver_random(void *driver, void *data, size_t len)
{
	sim_node *node = driver;
	uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		p[i] = (uint8_t) (sim_random(&node->rng) >> 40);
	}
}

/* One turn of the node; `began` is told by its own clock. */
static void
turn(sim_node *node)
{
	uint64_t began = sim_node_now(node);
	sim_scope scope = sim_enter(node, SIM_API_NONE);

	node->turn_pending = false;
	node->in_turn = true;
	node->turns++;
	waldoi_node_turn(node->node);
	node->in_turn = false;
	sim_leave(node, scope);
	node->world->stats->turns++;
	sim_check_turn(node, began);
}

static void
on_turn(void *what, uint64_t incarnation)
{
	sim_node *node = what;

	if (node->node == NULL || node->incarnation != incarnation ||
	    !node->turn_pending) {
		return;
	}
	if (node->busy_until > node->world->now) {
		sim_node_postpone(node, on_turn, node, incarnation);
		return;
	}
	turn(node);
}

void
sim_node_wake(void *driver)
{
	sim_node *node = driver;
	uint64_t later = 0;

	if (node->turn_pending) {
		return;
	}
	node->turn_pending = true;
	/* Sometimes more comes in before the turn does. */
	if (sim_chance(node->world, 20)) {
		later = sim_below(node->world, SIM_TURN_US);
	}
	sim_at(node->world, node->world->now + later, on_turn, node,
	       node->incarnation);
}

static void
on_timer(void *what, uint64_t version)
{
	sim_node *node = what;

	if (node->node == NULL || node->timer_version != version) {
		return;
	}
	if (node->busy_until > node->world->now) {
		sim_node_postpone(node, on_timer, node, version);
		return;
	}
	node->armed = UINT64_MAX;
	turn(node);
}

void
sim_node_timer_again(sim_node *node)
{
	uint64_t at = node->armed - (uint64_t) node->skew;

	node->timer_version++;
	if (node->armed == UINT64_MAX) {
		return;
	}
	/* A time before the world began is one that has passed, too. */
	if (node->armed < (uint64_t) node->skew || at < node->world->now) {
		at = node->world->now;
	}
	sim_at(node->world, at, on_timer, node, node->timer_version);
}

static void
driver_arm(void *driver, uint64_t at)
{
	sim_node *node = driver;

	node->armed = at;
	sim_node_timer_again(node);
}

static waldo_err
driver_dial(void *driver, const waldoi_address *address,
            waldo_err (*begin)(void *owner, waldoi_link *link), void *owner,
            waldoi_link **ret_link)
{
	sim_node *node = driver;
	sim_link *link = address->scheme == WALDOI_TCP
	                     ? sim_link_open_sealed(node, address->host, owner)
	                     : sim_link_open(node, address->host);
	waldo_err err = begin(owner, &link->ends[0].base);

	if (err != WALDO_OK) {
		waldoi_node_set_message(node->node, "out of memory");
		link->ends[0].open = false;
		link->touched = true;
		sim_race_lost(link);
		return err;
	}
	sim_tap(&link->ends[0]);
	*ret_link = &link->ends[0].base;
	return WALDO_OK;
}

static void
listener_close(waldo_listener *base)
{
	listener *self = (listener *) base;

	self->node->listener = NULL;
}

static void
listener_free(waldo_listener *base)
{
	(void) base; /* what sim_alloc() gives goes with the world */
}

static waldo_err
driver_listen(void *driver, const waldoi_address *address,
              waldo_listener **ret_listener)
{
	sim_node *node = driver;
	listener *self = sim_alloc(sizeof(*self));

	if (node->listener != NULL || strcmp(address->host, node->name) != 0) {
		waldoi_node_set_message(node->node, "%s: not here",
		                        address->text);
		return WALDO_ESYSTEM;
	}
	(void) snprintf(self->uri, sizeof(self->uri), "%s:%s",
	                address->scheme == WALDOI_TCP ? "tcp" : "waldo+inproc",
	                node->name);
	self->base.secure = address->scheme == WALDOI_TCP;
	self->node = node;
	self->base.uri = self->uri;
	self->base.close = listener_close;
	self->base.free = listener_free;
	node->listener = &self->base;
	*ret_listener = &self->base;
	return WALDO_OK;
}

/* For waldo_promise_wait(): the world goes on until this node had a turn. */
static waldo_err
driver_step(void *driver, int timeout_ms)
{
	sim_node *node = driver;
	sim_world *world = node->world;
	uint64_t until = timeout_ms < 0
	                     ? UINT64_MAX
	                     : world->now + (uint64_t) timeout_ms * 1000;
	uint64_t before = node->turns;
	sim_api api = world->api;

	if (waldoi_node_in_callback(node->node)) {
		return WALDO_EINVAL;
	}
	world->api = SIM_API_NONE;
	while (node->turns == before && !world->failed &&
	       world->event_count > 0 && world->events[0].at <= until) {
		(void) sim_world_step(world);
	}
	if (node->turns == before && until != UINT64_MAX) {
		world->now = until > world->now ? until : world->now;
	}
	world->api = api;
	return world->failed ? WALDO_ESYSTEM : WALDO_OK;
}

static waldo_err
driver_run(void *driver)
{
	waldo_err err = WALDO_OK;

	while (err == WALDO_OK &&
	       waldo_node_is_running(((sim_node *) driver)->node)) {
		err = driver_step(driver, -1);
	}
	return err;
}

static int
driver_get_fd(void *driver)
{
	(void) driver;
	return -1;
}

static void
run_tasks(sim_node *node)
{
	while (node->tasks.count > 0) {
		task *next = node->tasks.items[0];

		(void) sim_list_drop(&node->tasks, next);
		next->cb(next->user);
	}
}

static void
on_tasks(void *what, uint64_t incarnation)
{
	sim_node *node = what;
	sim_scope scope;

	if (node->node == NULL || node->incarnation != incarnation) {
		return;
	}
	scope = sim_event_begin(node);
	run_tasks(node);
	sim_event_end(node, scope);
}

static waldo_err
driver_post(void *driver, waldo_task_cb *cb, void *user)
{
	sim_node *node = driver;
	task *next = sim_alloc(sizeof(*next));

	next->cb = cb;
	next->user = user;
	sim_list_add(&node->tasks, next);
	sim_at(node->world, node->world->now, on_tasks, node,
	       node->incarnation);
	return WALDO_OK;
}

static void
on_stop(void *what, uint64_t arg)
{
	sim_node *node = what;
	sim_scope scope;

	if (node->node == NULL || node->incarnation != arg >> 32) {
		return;
	}
	sim_node_touch(node);
	scope = sim_event_begin(node);
	waldoi_node_stop(node->node, (uint32_t) arg);
	sim_event_end(node, scope);
}

static void
driver_stop(void *driver, uint32_t grace_ms)
{
	sim_node *node = driver;

	sim_at(node->world, node->world->now, on_stop, node,
	       (uint64_t) node->incarnation << 32 | grace_ms);
}

static void
driver_free(void *driver)
{
	run_tasks(driver);
}

const waldoi_driver_ops sim_driver_ops = {
    .now = driver_now,
    .random = driver_random,
    .wake = sim_node_wake,
    .arm = driver_arm,
    .dial = driver_dial,
    .remember = sim_keys_remember,
    .recall = sim_keys_recall,
    .listen = driver_listen,
    .step = driver_step,
    .run = driver_run,
    .get_fd = driver_get_fd,
    .post = driver_post,
    .stop = driver_stop,
    .free = driver_free,
};
