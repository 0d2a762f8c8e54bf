/* SPDX-License-Identifier: MIT */
/* Invocations: references that are held, and calls on them. */
#include "sim/sim.h"

#include <stdio.h>
#include <string.h>

/* ---- references */

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

	if (ref == NULL) {
		return NULL;
	}
	hold = find_hold(node, ref);
	if (hold == NULL) {
		hold = sim_alloc(sizeof(*hold));
		hold->node = node;
		hold->incarnation = node->incarnation;
		hold->ref = ref;
		hold->connected = -1;
		sim_list_add(&node->world->holds, hold);
		sim_list_add(&node->holds, hold);
	}
	hold->count++;
	object = sim_hold_near(hold);
	if (object != NULL) {
		hold->object = object;
		hold->peer = node;
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

waldo_state
sim_hold_state(sim_hold *hold)
{
	sim_scope scope = sim_enter(hold->node, SIM_API_ANY);
	waldo_state state = waldo_ref_get_state(hold->ref);

	sim_leave(hold->node, scope);
	return state;
}

/* What an invocation's result turned out to be. */
static sim_object *
result_object(const sim_inv *inv)
{
	for (int i = 0; inv != NULL && i < 20; i++, inv = inv->followed) {
		if (inv->made != NULL) {
			return inv->made;
		}
		if (inv->gave != NULL) {
			return sim_hold_object(inv->gave);
		}
	}
	return NULL;
}

sim_object *
sim_hold_object(sim_hold *hold)
{
	if (hold->object == NULL && hold->from != NULL) {
		hold->object = result_object(hold->from);
	}
	return hold->object;
}

/* A reference to an object of the user's own node. */
static bool
is_own(const sim_hold *hold)
{
	return hold == NULL || (hold->link == NULL && hold->peer == hold->node);
}

static bool
is_result_direct(const sim_inv *inv)
{
	return inv->came_by == inv->link && !inv->passed_promise &&
	       inv->followed == NULL &&
	       (inv->made != NULL || (inv->gave != NULL && is_own(inv->gave)));
}

bool
sim_hold_is_direct(sim_hold *hold)
{
	const sim_object *object = sim_hold_object(hold);
	const sim_inv *from = hold->from;

	return object != NULL && hold->link != NULL &&
	       hold->peer == object->node && hold->peer != hold->node &&
	       !hold->proxy && is_own(hold->origin) &&
	       (from == NULL || is_result_direct(from));
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

/* ---- invocations */

const char *const sim_methods[SIM_PLANS] = {
    "echo",  "who",   "make", "get",   "give", "back",  "later",   "fail",
    "fail2", "table", "big",  "types", "home", "block", "no_reply"};

sim_inv *
sim_inv_new(sim_node *node, sim_hold *target, sim_plan plan)
{
	sim_world *world = node->world;
	sim_inv *inv = sim_alloc(sizeof(*inv));

	sim_list_add(&world->invs, inv);
	inv->id = world->invs.count;
	inv->caller = node;
	inv->incarnation = node->incarnation;
	inv->target = target;
	inv->seq = ++target->next_seq;
	inv->pending = sim_hold_state(target) == WALDO_PENDING;
	inv->link = target->link;
	inv->peer = target->peer;
	inv->near = sim_hold_state(target) == WALDO_NEAR;
	if (inv->near) {
		inv->link = NULL;
		inv->peer = node;
	}
	inv->plan = plan;
	inv->hostile = target->hostile;
	inv->made_at = sim_node_now(node);
	if (plan < SIM_PLANS) {
		(void) snprintf(inv->method, sizeof(inv->method), "%s",
		                sim_methods[plan]);
	} else if (plan == SIM_PING) {
		(void) snprintf(inv->method, sizeof(inv->method), ".ping");
	} else {
		(void) snprintf(inv->method, sizeof(inv->method), "%s%u",
		                plan == SIM_DYNAMIC ? "name" : ".nothing",
		                sim_below(world, 100));
	}
	world->stats->invocations++;
	sim_note(world, inv->method, inv->id, node->index, inv->seq);
	return inv;
}

void
sim_inv_arm(sim_inv *inv)
{
	sim_list_add(&inv->caller->deadlines, inv);
}

void
sim_promise_drop(sim_inv *inv)
{
	sim_scope scope = sim_enter(inv->caller, SIM_API_ANY);

	(void) sim_list_drop(&inv->caller->promises, inv);
	waldo_promise_release(inv->promise);
	inv->promise = NULL;
	sim_leave(inv->caller, scope);
}

static void
keep_promise(sim_inv *inv, waldo_promise *promise)
{
	sim_node *node = inv->caller;

	if (node->promises.count >= 24) {
		sim_promise_drop(node->promises.items[0]);
	}
	inv->promise = promise;
	sim_list_add(&node->promises, inv);
}

/* `when`, in the usual case. Takes one count of the promise. */
static void
await(sim_inv *inv, waldo_promise *promise)
{
	waldo_err err = waldo_promise_when(promise, sim_done, inv);

	inv->awaited = err == WALDO_OK;
	if (err == WALDO_ELOST && inv->caller->freeing) {
		inv->refused = true; /* no loop will ever tell */
		return;
	}
	sim_expect(inv->caller->world, SIM_COMPLETE_RULE, err == WALDO_OK,
	           "invocation %u: when says %s", inv->id, waldo_strerror(err));
}

void
sim_inv_sent(sim_inv *inv, waldo_promise *promise)
{
	sim_node *node = inv->caller;
	sim_world *world = node->world;
	uint32_t way = sim_below(world, 100);
	sim_scope scope;

	if (promise == NULL) {
		inv->refused = true;
		inv->code = WALDO_ENOMEM;
		return;
	}
	scope = sim_enter(node, SIM_API_ANY);
	if (way < 55) {
		await(inv, promise);
	} else if (way < 85) {
		await(inv, waldo_promise_retain(promise));
		keep_promise(inv, promise);
	} else if (way < 92) {
		await(inv, waldo_promise_retain(promise));
		waldo_promise_forget(promise);
		waldo_promise_release(promise);
		inv->awaited = false;
	} else if (way < 96) {
		waldo_promise_release(promise);
	} else {
		keep_promise(inv, promise);
	}
	sim_leave(node, scope);
	if (inv->awaited && inv->deadline != 0) {
		sim_inv_arm(inv);
	}
}

/* Values of all kinds; object.c sends them back, outcome.c compares. */
static void
put_types(waldo_writer *writer, const sim_inv *inv)
{
	waldo_put_list(writer, 8);
	waldo_put_nil(writer);
	waldo_put_bool(writer, inv->id % 2 != 0);
	waldo_put_int(writer, -(int64_t) inv->id * 1000003);
	waldo_put_uint(writer, UINT64_MAX - inv->id);
	waldo_put_double(writer, inv->id / 4.0);
	waldo_put_str(writer, inv->method);
	waldo_put_time(writer, (int64_t) inv->id * 1000000);
	waldo_put_map(writer, 1);
	waldo_put_str(writer, "ref");
	waldo_put_ref(writer, inv->arg != NULL ? inv->arg->ref : NULL);
}

static void
put_args(sim_inv *inv, waldo_writer *writer)
{
	char text[16];

	waldo_put_uint(writer, inv->id);
	if (inv->wrong_args) {
		waldo_put_double(writer, 0.5);
		return;
	}
	switch (inv->plan) {
	case SIM_ECHO:
		(void) snprintf(text, sizeof(text), "t%u", inv->id);
		waldo_put_str(writer, text);
		break;
	case SIM_GIVE:
	case SIM_BACK:
	case SIM_HOME: waldo_put_ref(writer, inv->arg->ref); break;
	case SIM_BIG:
		sim_bytes_put(inv->caller, writer, inv->id, inv->size);
		break;
	case SIM_TYPES: put_types(writer, inv); break;
	case SIM_BLOCK: waldo_put_uint(writer, inv->size); break;
	default: break;
	}
}

/* By format, or value by value. */
static waldo_promise *
send(sim_inv *inv)
{
	waldo_ref *ref = inv->target->ref;
	waldo_options options = {.size = sizeof(options)};
	waldo_request *request;

	if (inv->deadline == 0 && !inv->one_way && !inv->wrong_args &&
	    sim_chance(inv->caller->world, 50)) {
		if (inv->plan == SIM_WHO || inv->plan == SIM_MAKE ||
		    inv->plan == SIM_GET || inv->plan >= SIM_DYNAMIC) {
			return waldo_ref_invoke(ref, inv->method, "u", inv->id);
		}
		if (inv->plan == SIM_GIVE || inv->plan == SIM_BACK) {
			return waldo_ref_invoke(ref, inv->method, "ur", inv->id,
			                        inv->arg->ref);
		}
	}
	options.flags = inv->one_way ? WALDO_ONE_WAY : 0;
	options.timeout_ms =
	    inv->deadline == 0
	        ? 0
	        : (uint32_t) ((inv->deadline - inv->made_at) / 1000);
	request = waldo_request_new(ref, inv->method, &options);
	put_args(inv, waldo_request_get_args(request));
	return waldo_request_send(request);
}

/* What a plan needs; false if it is not there. */
static bool
prepare(sim_inv *inv)
{
	sim_world *world = inv->caller->world;
	sim_hold *arg;

	switch (inv->plan) {
	case SIM_GIVE:
	case SIM_BACK:
	case SIM_HOME:
	case SIM_TYPES:
		arg = inv->plan == SIM_HOME ? inv->target
		                            : sim_hold_pick(inv->caller);
		if (arg == NULL) {
			return inv->plan == SIM_TYPES;
		}
		inv->arg = arg;
		inv->passed_promise =
		    arg->proxy || sim_hold_state(arg) == WALDO_PENDING;
		inv->vague = sim_hold_state(arg) != WALDO_NEAR &&
		             arg->link != inv->target->link;
		return true;
	case SIM_BIG:
		inv->size = sim_chance(world, 10)
		                ? 16384 + sim_below(world, 90000)
		                : sim_below(world, 40000);
		return true;
	case SIM_BLOCK: inv->size = sim_below(world, 300); return true;
	default: return true;
	}
}

void
sim_call_send(sim_inv *inv, bool keep)
{
	sim_node *node = inv->caller;
	sim_scope scope;
	waldo_promise *promise;

	if (!prepare(inv)) {
		inv->plan = SIM_PING;
		(void) snprintf(inv->method, sizeof(inv->method), ".ping");
	}
	scope = sim_enter(node, SIM_API_ANY);
	promise = send(inv);
	if (keep && promise != NULL) {
		await(inv, waldo_promise_retain(promise));
		keep_promise(inv, promise);
		sim_leave(node, scope);
		return;
	}
	sim_leave(node, scope);
	sim_inv_sent(inv, promise);
}

sim_inv *
sim_call_kept(sim_node *node, sim_hold *target, sim_plan plan)
{
	sim_inv *inv = sim_inv_new(node, target, plan);

	sim_call_send(inv, true);
	return inv->promise != NULL ? inv : NULL;
}

bool
sim_call_plan(sim_node *node, sim_hold *target, sim_plan plan)
{
	if (target == NULL) {
		target = sim_hold_pick(node);
	}
	if (target != NULL) {
		sim_call_send(sim_inv_new(node, target, plan), false);
	}
	return target != NULL;
}
