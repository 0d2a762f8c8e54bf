/* SPDX-License-Identifier: MIT */
/* References that users hold. */
#include "sim/sim.h"

static sim_hold *
find_hold(const sim_node *node, const waldo_ref *ref)
{
	for (unsigned i = 0; i < node->holds.count; i++) {
		sim_hold *hold = node->holds.items[i];

		if (hold->ref == ref) {
			return hold;
		}
	}
	return NULL;
}

sim_object *
sim_hold_near(sim_hold *hold)
{
	const sim_list *objects = &hold->node->objects;

	for (unsigned i = 0; i < objects->count; i++) {
		sim_object *object = objects->items[i];

		if (waldo_ref_get_self(hold->ref, sim_object_class(object)) ==
		    object) {
			return object;
		}
	}
	return NULL;
}

sim_hold *
sim_hold_own(sim_node *node, waldo_ref *ref)
{
	sim_hold *hold;
	sim_object *object;
	bool is_new;

	if (ref == NULL) {
		return NULL;
	}
	hold = find_hold(node, ref);
	is_new = hold == NULL;
	if (is_new) {
		hold = sim_alloc(sizeof(*hold));
		hold->node = node;
		hold->incarnation = node->incarnation;
		hold->ref = ref;
		hold->connected = -1;
		sim_list_add(&node->world->holds, hold);
		hold->serial = node->world->holds.count;
		sim_list_add(&node->holds, hold);
	}
	hold->count++;
	object = sim_hold_near(hold);
	if (object != NULL) {
		hold->object = object;
		hold->peer = node;
		hold->own |= is_new;
	}
	return hold;
}

sim_hold *
sim_hold_keep(sim_node *node, waldo_ref *ref)
{
	sim_scope scope = sim_enter(node, SIM_API_ANY);

	ref = waldo_ref_retain(ref);
	sim_leave(node, scope);
	return sim_hold_own(node, ref);
}

void
sim_hold_give_back(sim_hold *hold)
{
	sim_node *node = hold->node;
	waldo_ref *ref = hold->ref;
	sim_scope scope;

	if (--hold->count == 0) {
		hold->given_back = !node->freeing;
		hold->ref = NULL;
		(void) sim_list_drop(&node->holds, hold);
	}
	scope = sim_enter(node, SIM_API_RELEASE);
	waldo_ref_release(ref);
	sim_leave(node, scope);
}

void
sim_hold_let_go(sim_hold *hold)
{
	if (!hold->immortal) {
		sim_hold_give_back(hold);
	}
}

waldo_state
sim_hold_state(sim_hold *hold)
{
	sim_scope scope = sim_enter(hold->node, SIM_API_ANY);
	waldo_state state = waldo_ref_get_state(hold->ref);

	sim_leave(hold->node, scope);
	return state;
}

/* One of an honest object's. */
sim_hold *
sim_hold_pick(sim_node *node)
{
	waldo_state state;

	for (int i = 0; i < 6; i++) {
		sim_hold *hold = sim_list_pick(node->world, &node->holds);

		/* A broken one is of little use, and much is near. */
		if (hold == NULL || hold->hostile) {
			continue;
		}
		state = sim_hold_state(hold);
		if (state == WALDO_FAR || state == WALDO_PENDING ||
		    sim_chance(node->world, state == WALDO_NEAR ? 40 : 15)) {
			return hold;
		}
	}
	return NULL;
}

sim_hold *
sim_hold_in(sim_node *node, waldo_state state)
{
	for (int i = 0; i < 8; i++) {
		sim_hold *hold = sim_list_pick(node->world, &node->holds);

		if (hold != NULL && !hold->hostile &&
		    sim_hold_state(hold) == state) {
			return hold;
		}
	}
	return NULL;
}

sim_hold *
sim_hold_to(sim_node *node, const sim_node *peer)
{
	for (unsigned i = 0; i < node->holds.count; i++) {
		sim_hold *hold = node->holds.items[i];

		if (hold->peer == peer && !hold->hostile &&
		    sim_hold_state(hold) == WALDO_FAR) {
			return hold;
		}
	}
	return NULL;
}

sim_hold *
sim_hold_promised(sim_inv *inv, const char *path)
{
	sim_node *node = inv->caller;
	sim_scope scope = sim_enter(node, SIM_API_ANY);
	waldo_ref *ref = path == NULL
	                     ? waldo_promise_get_ref(inv->promise)
	                     : waldo_promise_get_ref_at(inv->promise, path);
	sim_hold *hold;

	sim_leave(node, scope);
	hold = sim_hold_keep(node, ref);
	if (hold != NULL && hold->from == NULL && hold->object == NULL &&
	    hold->link == NULL) {
		hold->from = inv;
		hold->from_path = path != NULL;
		hold->link = inv->link;
		hold->peer = inv->peer;
		hold->hostile = inv->hostile;
	}
	return hold;
}
