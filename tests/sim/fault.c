/* SPDX-License-Identifier: MIT */
/* What goes wrong. A new fault is one function and one line in the table. */
#include "sim/sim.h"

static sim_link *
any_link(sim_world *world)
{
	for (int i = 0; i < 8; i++) {
		sim_link *link = sim_list_pick(world, &world->links);

		if (link != NULL && sim_link_is_up(link)) {
			return link;
		}
	}
	return NULL;
}

static sim_node *
any_node(sim_world *world)
{
	sim_node *node = &world->nodes[sim_below(world, world->node_count)];

	return node->node != NULL ? node : NULL;
}

static bool
slow_down(sim_world *world)
{
	sim_link *link = any_link(world);

	if (link != NULL) {
		/* Who proves nothing within five seconds is not waited for. */
		link->touched |=
		    !world->calm && link->sealed && link->opened < 2;
		/* Each piece of a few bytes; HELLO may have to pass before
		 * anybody would tell that he lives. */
		link->delay_us = sim_below(world, world->calm ? 20000 : 200000);
	}
	return link != NULL;
}

static bool
stall(sim_world *world)
{
	sim_link *link = any_link(world);
	uint64_t until = world->now + sim_below(world, 20000000);

	if (link == NULL) {
		return false;
	}
	link->touched = true;
	link->ends[sim_below(world, 2)].out.stalled_until = until;
	return true;
}

static bool
half_close(sim_world *world)
{
	sim_link *link = any_link(world);
	sim_end *end;

	if (link == NULL) {
		return false;
	}
	link->touched = true;
	end = &link->ends[sim_below(world, 2)];
	end->out.eof = true;
	sim_pipe_schedule(end);
	return true;
}

static bool
reset(sim_world *world)
{
	sim_link *link = any_link(world);

	if (link == NULL) {
		return false;
	}
	link->touched = true;
	sim_link_reset(link);
	return true;
}

static bool
spoil(sim_world *world)
{
	sim_link *link = any_link(world);

	return link != NULL && sim_spoil_one(link);
}

static bool
vanish(sim_world *world)
{
	sim_link *link = any_link(world);

	if (link == NULL) {
		return false;
	}
	link->touched = true;
	link->ends[0].out.stalled_until = UINT64_MAX;
	link->ends[1].out.stalled_until = UINT64_MAX;
	return true;
}

static void
on_restart(void *what, uint64_t incarnation)
{
	sim_node *node = what;

	if (node->node == NULL && node->incarnation == incarnation &&
	    node->world->stage != SIM_OVER) {
		node->world->stats->faults[SIM_RESTART_FAULT]++;
		(void) sim_node_start(node);
	}
}

static bool
kill_node(sim_world *world)
{
	sim_node *node = any_node(world);

	if (node == NULL || node->busy_until > world->now) {
		return false;
	}
	sim_node_kill(node, sim_chance(world, 70));
	sim_at(world, world->now + sim_below(world, 3000000), on_restart, node,
	       node->incarnation);
	return true;
}

static void
on_memory_back(void *what, uint64_t arg)
{
	sim_node *node = what;

	(void) arg;
	node->memory.fail_in = 0;
}

static bool
starve(sim_world *world)
{
	sim_node *node = any_node(world);

	if (node == NULL) {
		return false;
	}
	node->memory.fail_in = 1 + sim_below(world, 40);
	node->memory.fail_all = sim_chance(world, 30);
	if (node->memory.fail_all) {
		sim_at(world, world->now + sim_below(world, 20000),
		       on_memory_back, node, 0);
	}
	return true;
}

static bool
hostile(sim_world *world)
{
	sim_node *node = any_node(world);

	if (node != NULL) {
		sim_hostile_dial(world, node);
	}
	return node != NULL;
}

static bool
jump(sim_world *world)
{
	sim_node *node = any_node(world);

	if (node == NULL) {
		return false;
	}
	sim_node_touch(node);
	node->skew +=
	    1 + sim_below(world, sim_chance(world, 50) ? 1000000 : 60000000);
	sim_node_timer_again(node);
	return true;
}

static bool
block(sim_world *world)
{
	sim_node *node = any_node(world);
	uint64_t until = world->now + sim_below(world, 3000000);

	if (node == NULL || until < node->busy_until) {
		return false; /* clocks do not go back */
	}
	sim_node_touch(node);
	node->busy_until = until;
	return true;
}

static const struct {
	unsigned weight;
	int kind; /* of the statistics; -1: counts for itself */
	bool (*run)(sim_world *world);
	bool gentle; /* in a calm world, too */
} faults[] = {
    {6, SIM_DELAY_FAULT, slow_down, true},
    {4, SIM_STALL_FAULT, stall, false},
    {2, SIM_HALF_CLOSE_FAULT, half_close, false},
    {2, SIM_RESET_FAULT, reset, false},
    {1, SIM_VANISH_FAULT, vanish, false},
    {1, SIM_KILL_FAULT, kill_node, false},
    {3, SIM_OOM_ARMED_FAULT, starve, false},
    {6, -1, hostile, true},
    {2, SIM_JUMP_FAULT, jump, false},
    {2, SIM_BLOCK_FAULT, block, false},
    {3, -1, spoil, false},
};

void
sim_fault_any(sim_world *world)
{
	uint32_t total = 0, left;
	unsigned i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		total += faults[i].weight;
	}
	left = sim_below(world, total);
	i = 0;
	while (left >= faults[i].weight) {
		left -= faults[i++].weight;
	}
	if ((world->calm && !faults[i].gentle) || !faults[i].run(world)) {
		return;
	}
	sim_note(world, "fault", i, 0, 0);
	world->faults++;
	if (faults[i].kind >= 0) {
		world->stats->faults[faults[i].kind]++;
	}
}

/* What stood still moves again, fake peers go; what is dead stays dead. */
void
sim_faults_end(sim_world *world)
{
	for (unsigned i = 0; i < world->node_count; i++) {
		world->nodes[i].memory.fail_in = 0;
	}
	for (unsigned i = 0; i < world->links.count; i++) {
		sim_link *link = world->links.items[i];

		/* A length that was changed may be waited for very long. */
		if (sim_link_is_hostile(link) ||
		    (link->spoiled && !link->ends[0].out.flipped &&
		     !link->ends[1].out.flipped)) {
			sim_link_reset(link);
		}
		/* Slow, but not so slow that a message takes minutes. */
		link->delay_us = link->delay_us < 500 ? link->delay_us : 500;
		for (int side = 0; side < 2; side++) {
			sim_pipe *out = &link->ends[side].out;

			out->room = out->room > 2048 ? out->room : 2048;
			out->spoil = SIM_SOUND;
			if (out->stalled_until != UINT64_MAX) {
				out->stalled_until = 0;
				out->scheduled = false;
				sim_pipe_schedule(&link->ends[side]);
			}
		}
	}
}
