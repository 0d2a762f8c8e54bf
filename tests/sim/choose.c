/* SPDX-License-Identifier: MIT */
/* What a user does next, at random. A new kind is one function and one line in
 * the table of its file. */
#include "sim/sim.h"

static const sim_act *const tables[] = {sim_calls,       sim_promise_acts,
                                        sim_credit_acts, sim_watch_acts,
                                        sim_drain_acts,  sim_acts};

/* All of them, one after the other. */
static struct {
	const sim_act *acts[SIM_MAX_ACTS];
	unsigned count;
	uint32_t weight;
} all;

static void
gather(void)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const sim_act *act = tables[i]; act->name != NULL; act++) {
			all.acts[all.count++] = act;
			all.weight += act->weight;
		}
	}
}

unsigned
sim_act_count(void)
{
	if (all.count == 0) {
		gather();
	}
	return all.count;
}

const char *
sim_act_name(unsigned index)
{
	return all.acts[index]->name;
}

static unsigned
choose(sim_world *world)
{
	unsigned count = sim_act_count(), index = 0;
	uint32_t left = sim_below(world, all.weight);

	while (index + 1 < count && left >= all.acts[index]->weight) {
		left -= all.acts[index++]->weight;
	}
	return index;
}

/* A user does not hoard. */
static void
trim(sim_node *node)
{
	while (node->holds.count > SIM_HELD) {
		sim_hold *hold = sim_list_pick(node->world, &node->holds);

		if (hold->immortal) {
			return;
		}
		sim_hold_give_back(hold);
	}
}

void
sim_act_any(sim_node *node)
{
	sim_world *world = node->world;
	unsigned index = choose(world);

	sim_note(world, sim_act_name(index), index, node->index, node->depth);
	if (!all.acts[index]->run(node)) {
		return;
	}
	world->acts++;
	world->stats->acts[index]++;
	if (!world->act_seen[index]) {
		world->act_seen[index] = true;
		world->act_kinds++;
	}
	if (node->node != NULL) {
		trim(node);
	}
}
