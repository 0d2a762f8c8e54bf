/* SPDX-License-Identifier: MIT */
/* What users do to go away in good order, and to let others use more. */
#include "sim/sim.h"

#include <string.h>

/* ---- stopping */

/* In good order; then the process ends and comes again. */
static void
on_stopped(void *what, uint64_t incarnation)
{
	sim_node *node = what;

	if (node->node == NULL || node->incarnation != incarnation) {
		return;
	}
	if (node->world->waiting) {
		sim_at(node->world, node->world->now + 1000000, on_stopped,
		       node, incarnation);
		return;
	}
	sim_expect(node->world, SIM_COMPLETE_RULE,
	           !waldo_node_is_running(node->node),
	           "node %u does not come to its stop", node->index);
	sim_node_kill(node, false);
	if (node->world->stage != SIM_OVER) {
		(void) sim_node_start(node);
	}
}

/* What its user still owes, at any time of the grace. */
static void
on_owed(void *what, uint64_t incarnation)
{
	sim_node *node = what;

	if (node->node == NULL || node->incarnation != incarnation ||
	    node->calls.count == 0 || node->depth > 0) {
		return;
	}
	if (node->busy_until > node->world->now || node->world->waiting) {
		sim_at(node->world, node->world->now + 5000, on_owed, node,
		       incarnation);
		return;
	}
	sim_call_answer(node->calls.items[0]);
}

static void
stop(sim_node *node, uint32_t grace_ms)
{
	sim_world *world = node->world;

	node->stop_called = true;
	node->stop_by = sim_node_now(node) + (uint64_t) grace_ms * 1000;
	sim_node_touch(node);
	sim_note(world, "stop", node->index, grace_ms, 0);
	waldo_node_stop(node->node, grace_ms);
	if (sim_chance(world, 60)) {
		for (unsigned i = 0; i < node->calls.count + 5; i++) {
			sim_at(world,
			       world->now + sim_below(world, grace_ms * 700),
			       on_owed, node, node->incarnation);
		}
	}
	sim_at(world, world->now + (grace_ms + 12000) * 1000, on_stopped, node,
	       node->incarnation);
}

/* Some of the references that others hold to what is at `node`. */
static unsigned
find_callers(sim_node *node, sim_hold **holds, unsigned most)
{
	sim_world *world = node->world;
	unsigned count = 0;

	for (unsigned i = 0; i < world->node_count && count < most; i++) {
		sim_node *other = &world->nodes[i];
		sim_hold *hold = sim_node_can_act(other) && other != node
		                     ? sim_hold_to(other, node)
		                     : NULL;

		if (hold != NULL) {
			holds[count++] = hold;
		}
	}
	return count;
}

/* While others call it, and go on calling. */
static bool
do_stop(sim_node *node)
{
	static const sim_plan plans[] = {SIM_LATER, SIM_ECHO, SIM_BIG,
	                                 SIM_LATER};
	sim_world *world = node->world;
	sim_hold *holds[3];
	unsigned count;

	if (!sim_node_can_act(node) || world->calm || !sim_chance(world, 30)) {
		return false;
	}
	count = find_callers(node, holds, 3);
	for (unsigned i = 0; i < count; i++) {
		for (unsigned k = sim_below(world, 5); k > 0; k--) {
			(void) sim_call_plan(holds[i]->node, holds[i],
			                     plans[sim_below(world, 4)]);
		}
	}
	stop(node, sim_below(world, sim_chance(world, 50) ? 500 : 3000));
	for (unsigned i = 0; i < count; i++) {
		sim_stream(holds[i]);
	}
	return true;
}

/* ---- raising limits */

static bool
do_raise(sim_node *node)
{
	sim_hold *target = sim_hold_pick(node);

	return target != NULL && sim_call_plan(node, target, SIM_RAISE);
}

static uint32_t
or_default(uint32_t open_calls)
{
	return open_calls != 0 ? open_calls : 1024;
}

/* The callee's side: all of it, or a part. A call that was taken may run when
 * its session has just ended, and has no link any more. */
void
sim_raise(sim_dispatch *d)
{
	sim_node *node = d->node;
	waldo_limits more = {
	    .size = sizeof(more), .open_calls = 64, .call_window = 256 * 1024};
	bool all = sim_chance(node->world, 60);
	bool near = strcmp(waldo_call_get_peer(d->call)->address, "near:") == 0;
	waldo_err err = waldo_call_raise_limits(d->call, all ? NULL : &more);

	sim_expect(node->world, SIM_LIMITS_RULE,
	           err == (near ? WALDO_EINVAL : WALDO_OK) ||
	               (err == WALDO_ENOMEM && node->memory.failed > 0) ||
	               (err == WALDO_ELOST && !near &&
	                (d->link == NULL || d->link->touched)),
	           "limits are not raised: %s", waldo_strerror(err));
	if (d->link != NULL && err == WALDO_OK) {
		uint32_t *raised = &d->link->raised[1 - d->side];
		uint32_t to =
		    all ? or_default(node->limits.open_calls) : more.open_calls;

		*raised = to > *raised ? to : *raised;
	}
	waldo_call_reply(d->call, "");
}

uint32_t
sim_open_calls(const sim_link *link, unsigned side)
{
	const sim_node *node = link->ends[side].node;
	uint32_t limit = or_default(node->limits.open_calls);

	if (side == 1 && node->strangers.open_calls != 0) {
		limit = node->strangers.open_calls;
	}
	return link->raised[side] > limit ? link->raised[side] : limit;
}

const sim_act sim_drain_acts[] = {
    {"stop a node", 1, do_stop},
    {"have limits raised", 2, do_raise},
    {NULL, 0, NULL},
};
