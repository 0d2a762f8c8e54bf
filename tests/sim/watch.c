/* SPDX-License-Identifier: MIT */
/* Watches of references, of room for calls, and timers. */
#include "sim/sim.h"

static void
on_state(waldo_ref *ref, waldo_state state, void *user)
{
	sim_watch *watch = user;
	sim_node *node = watch->node;
	sim_scope scope = sim_callback_begin(node, SIM_API_NONE);

	watch->up += state != WALDO_BROKEN;
	watch->broken += state == WALDO_BROKEN;
	sim_note(node->world, "watch", node->index, state, watch->broken);
	sim_expect(node->world, SIM_WATCH_ONCE_RULE,
	           ref != NULL && !watch->stopped && watch->broken <= 1 &&
	               watch->up <= 1 && state != WALDO_PENDING &&
	               (watch->broken == 0 || state == WALDO_BROKEN),
	           "a watch tells of state %d; stopped %d, told %u and %u",
	           (int) state, watch->stopped, watch->up, watch->broken);
	sim_callback_end(node, scope);
}

static sim_watch *
watch_new(sim_node *node, sim_hold *hold)
{
	sim_watch *watch = sim_alloc(sizeof(*watch));

	watch->node = node;
	watch->incarnation = node->incarnation;
	watch->hold = hold;
	sim_list_add(&node->world->watches, watch);
	return watch;
}

static bool
do_watch(sim_node *node)
{
	sim_hold *hold = sim_hold_pick(node);
	bool owned = sim_chance(node->world, 80);
	sim_watch *watch;
	sim_scope scope;
	waldo_err err;

	if (hold == NULL || (!owned && hold->link == NULL)) {
		return false;
	}
	watch = watch_new(node, hold);
	scope = sim_enter(node, SIM_API_ANY);
	err = waldo_ref_watch(hold->ref, on_state, watch,
	                      owned ? &watch->handle : NULL);
	sim_leave(node, scope);
	if (err != WALDO_OK) {
		watch->stopped = true;
	} else if (owned) {
		sim_list_add(&node->watches, watch);
	} else {
		hold->immortal = true;
	}
	return true;
}

/* If there is room, one more call will do. */
static void
check_room(sim_watch *watch)
{
	sim_node *node = watch->node;
	sim_inv *inv;

	if (watch->hold->ref == NULL || node->freeing || node->stop_called) {
		return;
	}
	inv = sim_inv_new(node, watch->hold, SIM_WHO);
	sim_notify_send(inv);
	sim_expect(node->world, SIM_ROOM_RULE,
	           !inv->refused || inv->code != WALDO_ELIMIT,
	           "a watch tells of room, and a call of a few bytes is "
	           "refused: %s",
	           waldo_node_get_message(node->node));
}

static void
on_room(waldo_ref *ref, waldo_state state, void *user)
{
	sim_watch *watch = user;
	sim_node *node = watch->node;
	sim_scope scope = sim_callback_begin(node, SIM_API_NONE);

	watch->up++;
	sim_note(node->world, "room", node->index, state, watch->up);
	sim_expect(node->world, SIM_ROOM_RULE,
	           ref != NULL && !watch->stopped && watch->up == 1,
	           "a watch for room tells; stopped %d, told %u",
	           watch->stopped, watch->up);
	if (state != WALDO_BROKEN) {
		check_room(watch);
	}
	sim_callback_end(node, scope);
}

bool
sim_watch_room(sim_node *node, sim_hold *hold)
{
	sim_watch *watch = watch_new(node, hold);
	sim_scope scope = sim_enter(node, SIM_API_ANY);
	waldo_err err =
	    waldo_ref_watch_room(hold->ref, on_room, watch, &watch->handle);

	sim_leave(node, scope);
	sim_note(node->world, "  room of", hold->serial, sim_hold_state(hold),
	         err);
	watch->room = true;
	if (err != WALDO_OK) {
		watch->stopped = true;
	} else {
		sim_list_add(&node->watches, watch);
	}
	return true;
}

static bool
do_stop_watch(sim_node *node)
{
	sim_watch *watch = sim_list_pick(node->world, &node->watches);
	sim_scope scope;

	if (watch == NULL) {
		return false;
	}
	(void) sim_list_drop(&node->watches, watch);
	scope = sim_enter(node, SIM_API_ANY);
	waldo_watch_stop(watch->handle);
	sim_leave(node, scope);
	watch->stopped = true;
	return true;
}

static void
on_time(void *user)
{
	sim_watch *timer = user;
	sim_node *node = timer->node;
	sim_scope scope = sim_callback_begin(node, SIM_API_NONE);

	timer->up++;
	sim_expect(node->world, SIM_TIMER_RULE,
	           timer->up == 1 && !timer->stopped &&
	               sim_node_now(node) + SIM_TURN_US >= timer->due,
	           "a timer runs %u times, stopped %d, due at %" PRIu64
	           ", now it is %" PRIu64,
	           timer->up, timer->stopped, timer->due, sim_node_now(node));
	sim_callback_end(node, scope);
}

static bool
do_after(sim_node *node)
{
	uint32_t delay_ms = sim_below(node->world, 500);
	sim_watch *timer = watch_new(node, NULL);
	sim_scope scope = sim_enter(node, SIM_API_ANY);
	waldo_err err;

	timer->due = sim_node_now(node) + delay_ms * 1000;
	if (node->depth > 0) {
		timer->due = 0; /* from when the turn began */
	}
	err = waldo_node_after(node->node, delay_ms, on_time, timer,
	                       &timer->handle);
	sim_leave(node, scope);
	if (err != WALDO_OK) {
		timer->stopped = true;
	} else {
		sim_list_add(&node->watches, timer);
	}
	return true;
}

const sim_act sim_watch_acts[] = {
    {"watch", 6, do_watch},
    {"stop a watch", 4, do_stop_watch},
    {"timer", 3, do_after},
    {NULL, 0, NULL},
};
