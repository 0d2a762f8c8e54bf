/* SPDX-License-Identifier: MIT */
/* Invocations. */
#include "sim/sim.h"

#include <stdio.h>
#include <string.h>

const char *const sim_methods[SIM_PLANS] = {
    "echo",     "who",   "make",   "get",   "give",  "back", "later",
    "fail",     "fail2", "table",  "big",   "types", "home", "block",
    "no_reply", "relay", "bounce", "raise", "pull"};

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
	inv->upset = world->upsets;
	inv->began = world->now;
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
	sim_note(world, "  on", target->serial, sim_hold_state(target),
	         inv->near);
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
	case SIM_RELAY:
		waldo_put_ref(writer, inv->arg != NULL ? inv->arg->ref : NULL);
		break;
	case SIM_BOUNCE:
		waldo_put_ref(writer, inv->arg->ref);
		sim_bytes_put(inv->caller, writer, inv->id, inv->size);
		break;
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

static void
look_at_argument(sim_inv *inv)
{
	sim_hold *arg = inv->arg;

	if (arg != NULL) {
		inv->passed_promise =
		    arg->proxy || sim_hold_state(arg) == WALDO_PENDING;
		inv->vague = sim_hold_state(arg) != WALDO_NEAR &&
		             arg->link != inv->target->link;
		sim_note(inv->caller->world, "  with", arg->serial,
		         sim_hold_state(arg), inv->passed_promise);
	}
}

/* What a plan needs; false if it is not there. */
static bool
prepare(sim_inv *inv)
{
	sim_world *world = inv->caller->world;

	switch (inv->plan) {
	case SIM_GIVE:
	case SIM_BACK:
	case SIM_HOME:
	case SIM_TYPES:
		if (inv->plan == SIM_HOME) {
			inv->arg = inv->target;
		} else if (inv->arg == NULL) {
			inv->arg = sim_hold_pick(inv->caller);
		}
		look_at_argument(inv);
		return inv->arg != NULL || inv->plan == SIM_TYPES;
	case SIM_BOUNCE:
	case SIM_RELAY: look_at_argument(inv); return true;
	case SIM_BIG:
		if (inv->size == 0) {
			inv->size = sim_chance(world, 10)
			                ? 16384 + sim_below(world, 90000)
			                : sim_below(world, 20000);
		}
		return true;
	case SIM_PULL: inv->size = sim_below(world, 60000); return true;
	case SIM_BLOCK: inv->size = sim_below(world, 300); return true;
	default: return true;
	}
}

waldo_promise *
sim_call_promise(sim_inv *inv)
{
	sim_scope scope;
	waldo_promise *promise;

	if (!prepare(inv)) {
		inv->plan = SIM_PING;
		(void) snprintf(inv->method, sizeof(inv->method), ".ping");
	}
	scope = sim_enter(inv->caller, SIM_API_ANY);
	promise = send(inv);
	sim_leave(inv->caller, scope);
	inv->refused = promise == NULL;
	return promise;
}

void
sim_call_send(sim_inv *inv, bool keep)
{
	waldo_promise *promise = sim_call_promise(inv);
	sim_scope scope;

	if (!keep || promise == NULL) {
		sim_inv_sent(inv, promise);
		return;
	}
	scope = sim_enter(inv->caller, SIM_API_ANY);
	await(inv, waldo_promise_retain(promise));
	keep_promise(inv, promise);
	sim_leave(inv->caller, scope);
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

void
sim_notify_send(sim_inv *inv)
{
	sim_node *node = inv->caller;
	waldo_ref *ref = inv->target->ref;
	sim_scope scope = sim_enter(node, SIM_API_ANY);
	waldo_err err;

	if (inv->plan == SIM_BIG) {
		uint8_t *data = sim_block(inv->size);

		sim_bytes_fill(data, inv->id, inv->size);
		err = waldo_ref_notify(ref, inv->method, "uy", inv->id, data,
		                       (size_t) inv->size);
		sim_block_free(data);
	} else {
		err = waldo_ref_notify(ref, inv->method, "u", inv->id);
	}
	sim_leave(node, scope);
	inv->notify = true;
	inv->refused = err != WALDO_OK;
	inv->code = err;
	sim_note(node->world, "  notify", inv->id, err, inv->size);
}

bool
sim_call_notify(sim_node *node, sim_hold *target, sim_plan plan)
{
	sim_notify_send(sim_inv_new(node, target, plan));
	return true;
}
