/* SPDX-License-Identifier: MIT */
/* The kinds of calls. */
#include "sim/sim.h"

#include <stdio.h>

/* ---- kinds of calls */

#define PLAN(name, plan)                                                       \
	static bool name(sim_node *node)                                       \
	{                                                                      \
		return sim_call_plan(node, NULL, plan);                        \
	}
PLAN(do_echo, SIM_ECHO)
PLAN(do_who, SIM_WHO)
PLAN(do_make, SIM_MAKE)
PLAN(do_get, SIM_GET)
PLAN(do_give, SIM_GIVE)
PLAN(do_back, SIM_BACK)
PLAN(do_later, SIM_LATER)
PLAN(do_fail, SIM_FAIL)
PLAN(do_fail_err, SIM_FAIL_ERR)
PLAN(do_table, SIM_TABLE)
PLAN(do_big, SIM_BIG)
PLAN(do_types, SIM_TYPES)
PLAN(do_home, SIM_HOME)
PLAN(do_block, SIM_BLOCK)
PLAN(do_no_reply, SIM_NO_REPLY)
PLAN(do_dynamic, SIM_DYNAMIC)
PLAN(do_unknown, SIM_UNKNOWN)
PLAN(do_ping, SIM_PING)

static bool
do_wrong_args(sim_node *node)
{
	sim_hold *target = sim_hold_pick(node);
	sim_inv *inv;

	if (target == NULL) {
		return false;
	}
	inv = sim_inv_new(node, target,
	                  sim_chance(node->world, 50) ? SIM_ECHO : SIM_BIG);
	inv->wrong_args = true;
	sim_call_send(inv, false);
	return true;
}

static bool
do_deadline(sim_node *node)
{
	static const sim_plan plans[] = {SIM_LATER, SIM_ECHO, SIM_BACK,
	                                 SIM_BLOCK};
	sim_hold *target = sim_hold_pick(node);
	sim_inv *inv;

	if (target == NULL) {
		return false;
	}
	inv = sim_inv_new(node, target, plans[sim_below(node->world, 4)]);
	inv->deadline =
	    inv->made_at + 1000 * (1 + (uint64_t) sim_below(node->world, 400));
	sim_call_send(inv, false);
	return true;
}

static bool
do_one_way(sim_node *node)
{
	sim_hold *target = sim_hold_pick(node);
	sim_inv *inv;

	if (target == NULL) {
		return false;
	}
	inv = sim_inv_new(node, target, SIM_ECHO);
	inv->one_way = true;
	sim_call_send(inv, false);
	return true;
}

static bool
do_notify(sim_node *node)
{
	sim_hold *target = sim_hold_pick(node);

	return target != NULL && sim_call_notify(node, target, SIM_WHO);
}

/* A promise of a reference: made, or promised for later. */
static sim_inv *
promise_of_ref(sim_node *node, sim_hold *target)
{
	return sim_call_kept(
	    node, target, sim_chance(node->world, 50) ? SIM_MAKE : SIM_LATER);
}

/* 1 to 4 deep, and several calls at the end. */
static bool
do_pipeline(sim_node *node)
{
	sim_hold *target = sim_hold_pick(node);
	sim_hold *base = target;
	uint32_t deep = 1 + sim_below(node->world, 4);

	if (target == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < deep; i++) {
		sim_inv *inv = promise_of_ref(node, target);

		target = inv != NULL ? sim_hold_promised(inv, NULL) : NULL;
		if (target == NULL) {
			return true; /* out of memory */
		}
		(void) sim_call_plan(node, target, SIM_ECHO);
		if (sim_chance(node->world, 50)) {
			(void) sim_call_plan(node, base, SIM_ECHO);
			(void) sim_call_plan(node, target, SIM_ECHO);
		}
	}
	(void) sim_call_plan(node, target, SIM_WHO);
	return true;
}

static bool
do_path(sim_node *node)
{
	sim_hold *target = sim_hold_pick(node);
	sim_inv *inv;

	if (target == NULL) {
		return false;
	}
	inv = sim_call_kept(node, target, SIM_TABLE);
	target =
	    inv != NULL ? sim_hold_promised(inv, "players/0/avatar") : NULL;
	if (target != NULL) {
		(void) sim_call_plan(node, target, SIM_WHO);
		(void) sim_call_plan(node, target, SIM_ECHO);
	}
	return true;
}

/* On a promise that is kept from earlier. */
static bool
do_pipeline_old(sim_node *node)
{
	sim_inv *inv = sim_list_pick(node->world, &node->promises);
	sim_hold *target;

	if (inv == NULL || inv->hostile || inv->completed > 0 ||
	    (inv->plan != SIM_MAKE && inv->plan != SIM_LATER &&
	     inv->plan != SIM_GET)) {
		return false;
	}
	target = sim_hold_promised(inv, NULL);
	return target != NULL && sim_call_plan(node, target, SIM_ECHO);
}

/* More than some nodes allow at a time, some of them one-way. */
void
sim_burst(sim_node *node, sim_hold *target)
{
	uint32_t count = 10 + sim_below(node->world, 15);

	while (count-- > 0) {
		(void) sim_call_plan(node, target, SIM_LATER);
		if (sim_chance(node->world, 20)) {
			(void) sim_call_notify(node, target, SIM_WHO);
		}
	}
}

static bool
do_burst(sim_node *node)
{
	sim_hold *target = sim_hold_pick(node);

	if (target != NULL) {
		sim_burst(node, target);
	}
	return target != NULL;
}

static void
cancel(sim_inv *inv)
{
	sim_node *node = inv->caller;
	sim_scope scope = sim_enter(node, SIM_API_ANY);

	waldo_promise_cancel(inv->promise);
	sim_leave(node, scope);
	sim_note(node->world, "cancel", inv->id, 0, 0);
	if (inv->awaited && inv->completed == 0 && !inv->cancelled) {
		inv->cancel_turn = node->turns;
		sim_inv_arm(inv);
	}
	inv->cancelled = true;
	inv->cancelled_after = node->world->invs.count;
}

static bool
do_cancel(sim_node *node)
{
	sim_inv *inv = sim_list_pick(node->world, &node->promises);

	if (inv == NULL) {
		return false;
	}
	cancel(inv);
	return true;
}

static bool
do_cancel_at_once(sim_node *node)
{
	sim_hold *target = sim_hold_pick(node);
	sim_inv *inv =
	    target != NULL ? sim_call_kept(node, target, SIM_LATER) : NULL;

	if (inv != NULL) {
		cancel(inv);
	}
	return inv != NULL;
}

/* Make, call, release; nothing of it is looked at. */
static bool
do_churn(sim_node *node)
{
	sim_hold *target = sim_hold_pick(node);
	sim_inv *inv =
	    target != NULL ? sim_call_kept(node, target, SIM_MAKE) : NULL;

	if (inv == NULL) {
		return false;
	}
	target = sim_hold_promised(inv, NULL);
	if (target != NULL) {
		(void) sim_call_plan(node, target, SIM_ECHO);
		sim_hold_let_go(target);
	}
	if (inv->promise != NULL) {
		sim_promise_drop(inv);
	}
	return true;
}

static bool
do_wait(sim_node *node)
{
	sim_hold *target = sim_hold_pick(node);
	sim_inv *inv;
	waldo_promise *promise;
	sim_scope scope;
	waldo_err err;

	if (target == NULL || node->depth > 0 || node->world->waiting) {
		return false;
	}
	inv = sim_inv_new(node, target, SIM_WHO);
	node->world->waiting = true;
	scope = sim_enter(node, SIM_API_ANY);
	promise = waldo_ref_invoke(target->ref, inv->method, "u", inv->id);
	err = waldo_promise_wait(promise, 500);
	if (err == WALDO_OK && !inv->hostile) {
		sim_expect(
		    node->world, SIM_VALUE_RULE,
		    inv->executed == 1 &&
		        waldo_read_uint(waldo_promise_get_result(promise),
		                        UINT32_MAX) == inv->ran_on->serial,
		    "invocation %u, waited for: not its result", inv->id);
	}
	inv->refused = promise == NULL;
	waldo_promise_release(promise);
	sim_leave(node, scope);
	node->world->waiting = false;
	return true;
}

const sim_act sim_calls[] = {
    {"call", 12, do_echo},
    {"call, by the name of none", 4, do_dynamic},
    {"call for an object's identity", 4, do_who},
    {"call for a new object", 8, do_make},
    {"call for a held reference", 8, do_get},
    {"pass a reference", 8, do_give},
    {"pass a reference to be called back", 6, do_back},
    {"send a reference home", 5, do_home},
    {"call answered later", 8, do_later},
    {"call answered with an error", 3, do_fail},
    {"call answered with a code", 2, do_fail_err},
    {"call never answered", 2, do_no_reply},
    {"call with all types", 4, do_types},
    {"call with a big payload", 2, do_big},
    {"call that blocks its node", 1, do_block},
    {"call of a method that is not there", 2, do_unknown},
    {"call of the library's own method", 2, do_ping},
    {"call with wrong arguments", 2, do_wrong_args},
    {"call with a deadline", 8, do_deadline},
    {"call for a structure", 2, do_table},
    {"one-way call", 3, do_one_way},
    {"notify", 5, do_notify},
    {"pipeline, 1 to 4 deep", 6, do_pipeline},
    {"pipeline by a path", 4, do_path},
    {"pipeline on an old promise", 4, do_pipeline_old},
    {"burst of calls", 1, do_burst},
    {"cancel", 4, do_cancel},
    {"cancel at once", 3, do_cancel_at_once},
    {"make, call and release", 5, do_churn},
    {"wait", 2, do_wait},
    {NULL, 0, NULL},
};
