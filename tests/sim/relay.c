/* SPDX-License-Identifier: MIT */
/*
 * Passing references on. `relay` takes one along as many nodes as its caller
 * wants, each of which calls the next and answers with what comes of that:
 * as soon as it is there, or as a promise before it is. So references lead
 * through chains of nodes, come home to whom they lead to, and are promises
 * of promises of others.
 */
#include "sim/sim.h"

sim_inv *
sim_relay_new(sim_node *node, sim_hold *target, uint32_t deep,
              sim_finish finish, sim_hold *arg)
{
	sim_inv *inv = sim_inv_new(node, target, SIM_RELAY);

	inv->deep = deep;
	inv->finish = finish;
	inv->arg = arg;
	inv->way = SIM_ANY_WAY;
	return inv;
}

/* Back along the way it came, on to the node's neighbour, so that the nodes
 * form a ring, or anywhere. */
static sim_hold *
next_target(sim_node *node, sim_hold *arg)
{
	sim_world *world = node->world;
	uint32_t way = sim_below(world, 100);
	sim_hold *any = sim_hold_pick(node);

	if (way < 30 && sim_hold_is_known(arg)) {
		return arg;
	}
	if (way < 60 && sim_hold_is_known(any)) {
		return any;
	}
	return sim_connect(node,
	                   &world->nodes[(node->index + 1) % world->node_count],
	                   (int) sim_below(world, SIM_NAMES));
}

/* The next call of the same kind; NULL if there is nobody to call. */
static sim_inv *
next_call(sim_node *node, const sim_inv *inv, uint32_t deep, sim_hold *arg)
{
	sim_hold *target = next_target(node, arg);
	sim_inv *next;

	if (target == NULL || target->ref == NULL) {
		return NULL;
	}
	next = sim_relay_new(node, target, deep, inv->finish, arg);
	next->way = inv->way;
	return next;
}

static void
reply_hold(waldo_call *call, sim_inv *inv, sim_hold *hold)
{
	sim_node *node = hold->node;
	sim_scope scope = sim_enter(node, SIM_API_ANY);

	sim_note(node->world, "gave", inv->id, hold->serial,
	         sim_hold_state(hold));
	inv->gave = hold;
	inv->passed_promise |=
	    hold->proxy || sim_hold_state(hold) == WALDO_PENDING;
	waldo_call_reply(call, "r", hold->ref);
	sim_leave(node, scope);
}

static void
reply_nothing(sim_node *node, waldo_call *call)
{
	sim_scope scope = sim_enter(node, SIM_API_ANY);

	waldo_call_reply(call, "");
	sim_leave(node, scope);
}

/* A place that no result has. */
static void
reply_broken(sim_node *node, sim_inv *inv, waldo_call *call)
{
	sim_hold *hold = sim_hold_in(node, WALDO_BROKEN);

	if (hold != NULL) {
		reply_hold(call, inv, hold);
	} else {
		reply_nothing(node, call);
	}
}

static void
fail(sim_node *node, sim_inv *inv, waldo_call *call)
{
	sim_scope scope = sim_enter(node, SIM_API_ANY);

	waldo_call_fail(call, "sim.Fail", "invocation %u", inv->id);
	sim_leave(node, scope);
}

/* What a call is answered with where it ends. */
static void
finish(sim_node *node, sim_inv *inv, waldo_call *call, sim_hold *arg)
{
	sim_hold *other;

	switch (inv->finish) {
	case SIM_ARG:
		if (arg != NULL && arg->ref != NULL) {
			reply_hold(call, inv, arg);
			return;
		}
		break;
	case SIM_OTHER:
		other = sim_hold_pick(node);
		if (other != NULL && sim_hold_is_sure(other)) {
			reply_hold(call, inv, other);
			return;
		}
		break;
	case SIM_BROKEN: reply_broken(node, inv, call); return;
	case SIM_ERROR: fail(node, inv, call); return;
	default: break;
	}
	sim_reply_object(node, inv, call);
}

/* ---- at the nodes on the way */

static void
reply_promise(waldo_call *call, sim_inv *inv, sim_inv *next)
{
	sim_node *node = next->caller;
	sim_hold *promised;

	sim_call_send(next, true);
	promised = next->promise != NULL ? sim_hold_promised(next, NULL) : NULL;
	if (promised == NULL) {
		fail(node, inv, call);
		return;
	}
	reply_hold(call, inv, promised);
	if (sim_chance(node->world, 50)) {
		sim_hold_let_go(promised);
	}
	if (next->promise != NULL && sim_chance(node->world, 50)) {
		sim_promise_drop(next);
	}
}

static void
reply_with(sim_dispatch *d, sim_inv *next)
{
	sim_way way = next->way;
	sim_call *call;

	if (way == SIM_ANY_WAY) {
		way = sim_below(d->node->world, SIM_WAYS);
	}
	if (way == SIM_PROMISE) {
		reply_promise(d->call, d->inv, next);
		return;
	}
	if (way == SIM_FOLLOW) {
		sim_call_follow(d->call, d->inv, next);
		return;
	}
	call = sim_call_defer(d);
	sim_call_send(next, true);
	if (next->promise != NULL) {
		call->promised = sim_hold_promised(next, NULL);
		call->waits = next;
	}
}

/* Where it is answered with itself (sim_tie), at once or later. */
static bool
reply_tied(sim_dispatch *d)
{
	sim_hold *tie = d->inv->tie;

	if (tie == NULL) {
		return false;
	}
	if (tie->node == d->node && tie->ref != NULL &&
	    sim_chance(d->node->world, 50)) {
		reply_hold(d->call, d->inv, tie);
	} else {
		(void) sim_call_defer(d);
	}
	return true;
}

void
sim_relay(sim_dispatch *d, waldo_reader *args)
{
	sim_hold *arg = NULL;
	sim_inv *next = NULL;

	if (waldo_read_type(args) == WALDO_TYPE_NIL) {
		waldo_read_skip(args);
	} else {
		arg = sim_argument_keep(d, waldo_read_ref(args));
	}
	if (!waldo_call_check(d->call) || reply_tied(d)) {
		return;
	}
	if (d->inv->deep > 0) {
		next = next_call(d->node, d->inv, d->inv->deep - 1, arg);
	}
	if (next != NULL) {
		next->again = d->inv->again;
		reply_with(d, next);
	} else if (d->inv->finish == SIM_DEFER) {
		sim_call_defer(d)->arg = arg;
	} else {
		finish(d->node, d->inv, d->call, arg);
	}
}

/* ---- later */

/* Which finish it is if it is left open. */
static const sim_finish finishes[] = {SIM_NEW,    SIM_NEW,  SIM_NEW,
                                      SIM_ARG,    SIM_ARG,  SIM_OTHER,
                                      SIM_BROKEN, SIM_ERROR};

void
sim_relay_answer(sim_call *call)
{
	sim_node *node = call->node;
	sim_inv *inv = call->inv, *next;
	sim_hold *with = inv->tie != NULL ? inv->tie : call->promised;

	if (node->node == NULL || node->freeing) {
		fail(node, inv, call->call);
		return;
	}
	if (inv->tie != NULL || call->waits != NULL) {
		if (with != NULL && with->ref != NULL && with->node == node) {
			reply_hold(call->call, inv, with);
		} else {
			fail(node, inv, call->call);
		}
		return;
	}
	if (inv->again > 0 && node->world->stage == SIM_BUSY) {
		next = next_call(node, inv, 0, call->arg);
		if (next != NULL) {
			next->again = inv->again - 1;
			reply_promise(call->call, inv, next);
			return;
		}
	}
	inv->finish = finishes[sim_below(node->world, 8)];
	finish(node, inv, call->call, call->arg);
}
