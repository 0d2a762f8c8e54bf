/* SPDX-License-Identifier: MIT */
/* How calls are answered: at once, later, or by the outcome of another. */
#include "sim/sim.h"

void
sim_call_ended(sim_object *object, sim_link *link, unsigned side)
{
	object->running--;
	if (link != NULL) {
		link->running[side]--;
	}
}

/* Answers with a reference to a new object, which is the caller's alone. */
void
sim_reply_object(sim_node *node, sim_inv *inv, waldo_call *call)
{
	waldo_ref *ref = NULL;
	sim_object *object = sim_object_new(node, &ref);
	sim_scope scope = sim_enter(node, SIM_API_ANY);

	if (object == NULL) {
		waldo_call_fail_err(call,
		                    node->freeing ? WALDO_ELOST : WALDO_ENOMEM);
		sim_leave(node, scope);
		return;
	}
	if (inv != NULL) {
		inv->made = object;
	}
	if (inv != NULL && inv->plan == SIM_TABLE) {
		waldo_call_reply(call, "{sus[{sr}]}", "n", inv->id, "players",
		                 "avatar", ref);
	} else {
		waldo_call_reply(call, "r", ref);
	}
	sim_leave(node, scope);
	if (sim_chance(node->world, 30)) {
		(void) sim_hold_own(node, ref);
	} else {
		scope = sim_enter(node, SIM_API_RELEASE);
		waldo_ref_release(ref);
		sim_leave(node, scope);
	}
}

void
sim_call_follow(waldo_call *call, sim_inv *inv, sim_inv *next)
{
	sim_node *node = next->caller;
	sim_scope scope;
	waldo_promise *promise;

	inv->followed = next;
	promise = sim_call_promise(next);
	scope = sim_enter(node, SIM_API_ANY);
	waldo_call_follow(call, promise);
	sim_leave(node, scope);
}

/* Answers with the outcome of another call; false if there is none to make.
 * Not of one that may wait, perhaps for this very answer. */
static bool
follow(sim_call *call)
{
	sim_hold *target = sim_hold_pick(call->node);

	if (target == NULL || sim_hold_object(target) == NULL) {
		return false;
	}
	sim_call_follow(call->call, call->inv,
	                sim_inv_new(call->node, target, SIM_MAKE));
	return true;
}

static void
answer_later(sim_call *call)
{
	sim_node *node = call->node;
	uint32_t way = sim_below(node->world, 100);
	sim_scope scope;

	if (way < 15 || node->node == NULL || node->freeing) {
		scope = sim_enter(node, SIM_API_ANY);
		waldo_call_fail(call->call, "sim.Fail", "invocation %u",
		                call->inv->id);
		sim_leave(node, scope);
	} else if (way < 60 || node->world->stage != SIM_BUSY ||
	           !follow(call)) {
		sim_reply_object(node, call->inv, call->call);
	}
}

void
sim_call_answer(sim_call *call)
{
	sim_node *node = call->node;
	sim_scope scope;

	(void) sim_list_drop(&node->calls, call);
	call->answered = true;
	sim_call_ended(call->object, call->link, call->side);
	if (call->inv != NULL) {
		call->inv->answered = true;
		sim_note(node->world, "answer", call->inv->id, 0, 0);
	}
	if (call->inv != NULL && call->inv->plan == SIM_LATER) {
		answer_later(call);
		return;
	}
	if (call->inv != NULL && call->inv->plan == SIM_RELAY) {
		sim_relay_answer(call);
		return;
	}
	scope = sim_enter(node, SIM_API_ANY);
	waldo_call_reply(call->call, "");
	sim_leave(node, scope);
}

void
sim_on_cancel(waldo_call *waldo, void *user)
{
	sim_call *call = user;
	sim_node *node = call->node;
	sim_scope scope = sim_callback_begin(node, SIM_API_NONE);

	call->cancels++;
	sim_note(node->world, "on_cancel", call->object->serial, 0, 0);
	sim_expect(node->world, SIM_ON_CANCEL_RULE,
	           call->cancels == 1 && call->returned && !call->answered &&
	               waldo == call->call,
	           "on_cancel: %u times, method returned %d, answered %d",
	           call->cancels, call->returned, call->answered);
	if (!call->answered && sim_chance(node->world, 50)) {
		sim_call_answer(call);
	}
	sim_callback_end(node, scope);
}
