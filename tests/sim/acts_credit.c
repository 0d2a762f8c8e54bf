/* SPDX-License-Identifier: MIT */
/*
 * What users do to those who do not keep up: more calls than the window has
 * room for, in both directions at once, to peers that do not read; and what
 * else travels meanwhile.
 */
#include "sim/sim.h"

/* As much as one may send to a node of the lowest limits. */
static uint32_t
much(sim_world *world)
{
	return 10000 + sim_below(world, 50000);
}

/* A far reference to somebody who is easily filled; NULL: nobody is. Not by
 * way of others, who cannot stop the answers that they pass on. */
static sim_hold *
pick_small(sim_node *node)
{
	for (int i = 0; i < 4; i++) {
		sim_hold *hold = sim_hold_in(node, WALDO_FAR);

		if (hold != NULL && hold->link != NULL && hold->peer != NULL &&
		    sim_hold_is_direct(hold) &&
		    hold->peer->limits.call_window != 0) {
			return hold;
		}
	}
	return NULL;
}

static void
send_much(sim_node *node, sim_hold *target, bool one_way)
{
	sim_inv *inv = sim_inv_new(node, target, SIM_BIG);

	inv->size = much(node->world);
	inv->one_way = one_way;
	sim_call_send(inv, false);
}

/* ---- full windows */

static bool
do_fill(sim_node *node)
{
	sim_hold *target = pick_small(node);

	if (target == NULL) {
		return false;
	}
	for (uint32_t i = 2 + sim_below(node->world, 5); i > 0; i--) {
		send_much(node, target, sim_chance(node->world, 40));
		(void) sim_call_plan(node, target, SIM_ECHO);
	}
	return true;
}

/* Calls that are answered when a call back was, with as many bytes. */
static void
send_bounces(sim_node *node, sim_hold *target)
{
	sim_hold *arg = sim_hold_in(node, WALDO_NEAR);

	for (uint32_t i = 3 + sim_below(node->world, 8); arg != NULL && i > 0;
	     i--) {
		sim_inv *inv = sim_inv_new(node, target, SIM_BOUNCE);

		inv->arg = arg;
		inv->size = much(node->world);
		sim_call_send(inv, false);
	}
}

/* Both at once: each must read on to make progress. */
static bool
do_bounce(sim_node *node)
{
	sim_hold *there = pick_small(node), *back;

	if (there == NULL) {
		return false;
	}
	send_bounces(node, there);
	back = sim_node_can_act(there->peer) ? sim_hold_to(there->peer, node)
	                                     : NULL;
	if (back != NULL) {
		send_bounces(there->peer, back);
	}
	return true;
}

/* ---- who does not read */

/* For a moment, which nobody takes for the end. */
static void
stand_still(sim_link *link, const sim_node *reader)
{
	unsigned side = link->ends[0].node == reader ? 1 : 0;
	sim_world *world = link->world;
	uint64_t until = world->now + sim_below(world, 400000);

	if (sim_link_is_up(link) &&
	    link->ends[side].out.stalled_until < until) {
		link->ends[side].out.stalled_until = until;
		world->stats->faults[SIM_PAUSE_FAULT]++;
	}
}

/* One-way, until there is no room; then asks to be told. */
static bool
do_flood(sim_node *node)
{
	sim_hold *target = pick_small(node);
	sim_inv *inv = NULL;

	if (target == NULL || node->limits.queued_bytes == 0) {
		return false;
	}
	stand_still(target->link, target->peer);
	for (int i = 0; i < 30 && (inv == NULL || !inv->refused); i++) {
		inv = sim_inv_new(node, target, SIM_BIG);
		inv->size = much(node->world);
		sim_notify_send(inv);
	}
	return sim_watch_room(node, target);
}

/* Its answers do not leave: then its calls wait (P39). */
static bool
do_pause(sim_node *node)
{
	sim_hold *target = pick_small(node);

	if (target == NULL || target->peer->limits.queued_bytes == 0) {
		return false;
	}
	stand_still(target->link, node);
	for (int i = 0; i < 12; i++) {
		(void) sim_call_plan(node, target, SIM_PULL);
		(void) sim_call_plan(node, target,
		                     i % 4 == 0 ? SIM_LATER : SIM_ECHO);
	}
	return true;
}

static bool
do_watch_room(sim_node *node)
{
	sim_hold *hold = sim_hold_pick(node);

	return hold != NULL && sim_watch_room(node, hold);
}

/* A reference changes its path and is let go of behind calls that wait. */
static bool
do_settle_behind(sim_node *node)
{
	sim_world *world = node->world;
	sim_hold *target = pick_small(node);
	sim_hold *arg = sim_hold_in(node, WALDO_NEAR), *promised;
	sim_inv *inv;

	if (target == NULL || arg == NULL) {
		return false;
	}
	if (sim_chance(world, 50)) {
		stand_still(target->link, target->peer);
	}
	inv = sim_relay_new(node, target, 0, SIM_ARG, arg);
	sim_call_send(inv, true);
	promised = inv->promise != NULL ? sim_hold_promised(inv, NULL) : NULL;
	for (int i = 0; i < 3 && promised != NULL; i++) {
		send_much(node, promised, false);
		(void) sim_call_plan(node, promised, SIM_ECHO);
		send_much(node, target, true);
	}
	if (promised != NULL) {
		(void) sim_call_plan(node, promised, SIM_WHO);
		sim_hold_let_go(promised);
	}
	if (inv->promise != NULL && sim_chance(world, 50)) {
		sim_promise_drop(inv);
	}
	return true;
}

const sim_act sim_credit_acts[] = {
    {"calls beyond the window", 4, do_fill},
    {"calls back at full windows", 2, do_bounce},
    {"flood of one who does not read", 2, do_flood},
    {"flood of calls without reading", 2, do_pause},
    {"watch for room", 3, do_watch_room},
    {"path that changes behind waiting calls", 3, do_settle_behind},
    {NULL, 0, NULL},
};
