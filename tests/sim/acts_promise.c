/* SPDX-License-Identifier: MIT */
/*
 * What users do with promises that travel: they pass them on, answer with
 * them, tie them in circles, and call through all of it while it changes.
 */
#include "sim/sim.h"

/* ---- calls on one reference, while that becomes something else */

typedef struct stream {
	sim_hold *hold;
	unsigned incarnation;
	uint32_t left; /* times */
} stream;

static void
call_once(sim_node *node, sim_hold *hold)
{
	uint32_t way = sim_below(node->world, 100);

	if (way < 55) {
		(void) sim_call_plan(node, hold, SIM_ECHO);
	} else if (way < 75) {
		(void) sim_call_notify(node, hold, SIM_WHO);
	} else if (way < 85) {
		(void) sim_call_plan(node, hold, SIM_BIG);
	} else {
		(void) sim_call_plan(node, hold, SIM_LATER);
	}
}

static void
on_stream(void *what, uint64_t arg)
{
	stream *s = what;
	sim_node *node = s->hold->node;
	sim_world *world = node->world;
	uint32_t count = 1 + sim_below(world, 3);

	if (node->node == NULL || node->incarnation != s->incarnation ||
	    s->hold->ref == NULL || world->stage != SIM_BUSY) {
		return;
	}
	if (node->busy_until > world->now || world->waiting) {
		sim_at(world, world->now + 5000, on_stream, what, arg);
		return;
	}
	while (count-- > 0) {
		call_once(node, s->hold);
	}
	if (--s->left > 0) {
		sim_at(world, world->now + sim_below(world, 3000), on_stream,
		       what, arg);
	} else if (sim_chance(world, 50)) {
		sim_hold_let_go(s->hold);
	}
}

/* Now, and some times in the milliseconds to come. */
void
sim_stream(sim_hold *hold)
{
	sim_world *world = hold->node->world;
	stream *s = sim_alloc(sizeof(*s));

	*s = (stream){hold, hold->node->incarnation, 2 + sim_below(world, 8)};
	call_once(hold->node, hold);
	sim_at(world, world->now + sim_below(world, 3000), on_stream, s, 0);
}

static bool
begin_stream(sim_hold *hold)
{
	if (hold != NULL) { /* else out of memory */
		sim_stream(hold);
	}
	return true;
}

/* The promise of what `inv` brings, and calls on it. */
static bool
stream_on_result(sim_inv *inv)
{
	sim_call_send(inv, true);
	return begin_stream(inv->promise != NULL ? sim_hold_promised(inv, NULL)
	                                         : NULL);
}

/* ---- promises as values */

/* Of something that is not known yet. */
static sim_hold *
new_promise(sim_node *node)
{
	sim_hold *target = sim_hold_pick(node);
	sim_inv *inv =
	    target != NULL
	        ? sim_call_kept(node, target,
	                        sim_chance(node->world, 70) ? SIM_LATER
	                                                    : SIM_MAKE)
	        : NULL;

	return inv != NULL ? sim_hold_promised(inv, NULL) : NULL;
}

static bool
pass(sim_node *node, sim_hold *arg, sim_hold *target)
{
	static const sim_plan plans[] = {SIM_GIVE, SIM_BACK, SIM_TYPES};
	sim_inv *inv;

	if (arg == NULL || arg->ref == NULL || target == NULL ||
	    target->ref == NULL) {
		return false;
	}
	inv = sim_inv_new(node, target, plans[sim_below(node->world, 3)]);
	inv->arg = arg;
	sim_call_send(inv, false);
	return true;
}

/* To anybody; then it goes on being called here. */
static bool
do_pass_promise(sim_node *node)
{
	sim_hold *arg = new_promise(node);

	if (!pass(node, arg, sim_hold_pick(node))) {
		return false;
	}
	return begin_stream(arg);
}

/* To those from whom it will come: it is their own answer. */
static bool
do_pass_answer(sim_node *node)
{
	sim_hold *target = sim_hold_pick(node);
	sim_inv *inv =
	    target != NULL ? sim_call_kept(node, target, SIM_LATER) : NULL;

	return inv != NULL && pass(node, sim_hold_promised(inv, NULL), target);
}

/* One that somebody else passed on before. */
static bool
do_pass_on(sim_node *node)
{
	sim_hold *arg = sim_hold_in(node, WALDO_PENDING);

	return arg != NULL && arg->from == NULL && arg->origin != NULL &&
	       pass(node, arg, sim_hold_pick(node));
}

static bool
do_pass_broken(sim_node *node)
{
	return pass(node, sim_hold_in(node, WALDO_BROKEN),
	            sim_hold_in(node, WALDO_FAR));
}

/* ---- promises as answers */

/* Through `deep` nodes beyond the next. */
static bool
relay(sim_node *node, uint32_t deep, sim_finish finish, sim_way way)
{
	sim_hold *target = sim_hold_pick(node);
	sim_hold *arg = NULL;
	sim_inv *inv;

	if (target == NULL) {
		return false;
	}
	if (finish == SIM_ARG) {
		arg = sim_hold_in(node, sim_chance(node->world, 70)
		                            ? WALDO_NEAR
		                            : WALDO_PENDING);
		if (arg == NULL) {
			return false;
		}
	}
	inv = sim_relay_new(node, target, deep, finish, arg);
	inv->way = way;
	return stream_on_result(inv);
}

static bool
do_reflect(sim_node *node)
{
	return relay(node, 0, SIM_ARG, SIM_ANY_WAY);
}

static bool
do_reflect_far(sim_node *node)
{
	return relay(node, 1 + sim_below(node->world, 3), SIM_ARG, SIM_ANY_WAY);
}

static bool
do_third(sim_node *node)
{
	return relay(node, sim_below(node->world, 2), SIM_OTHER, SIM_ANY_WAY);
}

static bool
do_chain(sim_node *node)
{
	return relay(node, 2 + sim_below(node->world, 4), SIM_NEW, SIM_ANY_WAY);
}

static bool
do_promise_of_promise(sim_node *node)
{
	return relay(node, 1 + sim_below(node->world, 2), SIM_DEFER,
	             SIM_PROMISE);
}

static bool
do_broken_answer(sim_node *node)
{
	return relay(node, sim_below(node->world, 2), SIM_BROKEN, SIM_ANY_WAY);
}

/* Told to become something that becomes something else, while calls travel. */
static bool
do_race(sim_node *node)
{
	sim_hold *target = sim_hold_pick(node);
	sim_hold *arg = sim_hold_in(node, WALDO_NEAR);
	sim_inv *inv;

	if (target == NULL) {
		return false;
	}
	inv = sim_relay_new(node, target, sim_below(node->world, 2), SIM_DEFER,
	                    arg);
	inv->way = SIM_PROMISE;
	inv->again = 1 + sim_below(node->world, 3);
	return stream_on_result(inv);
}

/* ---- circles */

#define MOST_TIED 3

/* Each of `count` nodes promises the next one what that one's own promise
 * will be. */
static bool
tie(sim_node *const *nodes, uint32_t count)
{
	sim_inv *invs[MOST_TIED];
	sim_hold *promised[MOST_TIED];

	for (uint32_t i = 0; i < count; i++) {
		sim_hold *target =
		    sim_connect(nodes[i], nodes[(i + 1) % count],
		                (int) sim_below(nodes[i]->world, SIM_NAMES));

		if (target == NULL) {
			return true;
		}
		invs[i] = sim_relay_new(nodes[i], target, 0, SIM_DEFER, NULL);
		sim_call_send(invs[i], true);
		promised[i] = invs[i]->promise != NULL
		                  ? sim_hold_promised(invs[i], NULL)
		                  : NULL;
		if (promised[i] == NULL) {
			return true; /* what was made so far is answered */
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		invs[i]->tie = promised[(i + 1) % count];
		promised[i]->tied = true;
		(void) begin_stream(promised[i]);
	}
	return true;
}

static bool
tie_some(sim_node *node, uint32_t count)
{
	sim_world *world = node->world;
	sim_node *nodes[MOST_TIED];

	for (uint32_t i = 0; i < count; i++) {
		nodes[i] = &world->nodes[(node->index + i) % world->node_count];
		if (!sim_node_can_act(nodes[i])) {
			return false;
		}
	}
	return tie(nodes, count);
}

static bool
do_tie_two(sim_node *node)
{
	return tie_some(node, 2);
}

static bool
do_tie_three(sim_node *node)
{
	return tie_some(node, 3);
}

/* ---- the rest */

static bool
do_stream(sim_node *node)
{
	sim_hold *hold = sim_hold_pick(node);

	return hold != NULL && begin_stream(hold);
}

/* Through others, as fast as it goes. */
static bool
do_burst_by_proxy(sim_node *node)
{
	sim_hold *hold = sim_hold_in(node, WALDO_FAR);

	if (hold == NULL || !hold->proxy) {
		return false;
	}
	for (uint32_t i = 5 + sim_below(node->world, 20); i > 0; i--) {
		(void) sim_call_notify(node, hold, SIM_WHO);
	}
	return true;
}

/* Several promises, and the references that they will be, let go of at any
 * time. */
static void
on_let_go(void *what, uint64_t arg)
{
	sim_inv *inv = what;
	sim_node *node = inv->caller;

	(void) arg;
	if (inv->promise == NULL || node->node == NULL ||
	    node->incarnation != inv->incarnation) {
		return;
	}
	if (node->busy_until > node->world->now || node->world->waiting) {
		sim_at(node->world, node->world->now + 5000, on_let_go, inv, 0);
		return;
	}
	sim_promise_drop(inv);
}

static bool
do_let_go(sim_node *node)
{
	sim_world *world = node->world;
	sim_hold *target = sim_hold_pick(node);

	for (uint32_t i = 2 + sim_below(world, 4); target != NULL && i > 0;
	     i--) {
		sim_inv *inv = sim_relay_new(node, target, sim_below(world, 2),
		                             sim_below(world, SIM_FINISHES),
		                             sim_hold_pick(node));

		(void) stream_on_result(inv);
		sim_at(world, world->now + sim_below(world, 8000), on_let_go,
		       inv, 0);
		if (target->ref == NULL) {
			break;
		}
	}
	return target != NULL;
}

/* What calls are held for, with luck. */
static void
on_cut(void *what, uint64_t arg)
{
	sim_link *link = what;

	(void) arg;
	if (sim_link_is_up(link) && link->world->stage == SIM_BUSY) {
		link->touched = true;
		sim_link_reset(link);
	}
}

static bool
do_cut_while_held(sim_node *node)
{
	sim_world *world = node->world;
	sim_hold *target = sim_hold_in(node, WALDO_FAR);
	sim_hold *arg = sim_hold_in(node, WALDO_NEAR);

	if (target == NULL || arg == NULL || target->link == NULL ||
	    world->calm) {
		return false;
	}
	sim_at(world,
	       world->now + 2 * target->link->delay_us + sim_below(world, 4000),
	       on_cut, target->link, 0);
	return stream_on_result(sim_relay_new(node, target, 0, SIM_ARG, arg));
}

const sim_act sim_promise_acts[] = {
    {"pass a promise", 6, do_pass_promise},
    {"pass a promise to whom it is of", 3, do_pass_answer},
    {"pass on a promise of others", 6, do_pass_on},
    {"pass a broken reference", 2, do_pass_broken},
    {"answered with one's own object", 6, do_reflect},
    {"... by way of others", 4, do_reflect_far},
    {"answered with a third node's object", 4, do_third},
    {"answered through a chain of nodes", 4, do_chain},
    {"answered with a promise of others", 4, do_promise_of_promise},
    {"answered with a broken reference", 2, do_broken_answer},
    {"promise that becomes another", 5, do_race},
    {"promises of two nodes in a circle", 1, do_tie_two},
    {"promises of three nodes in a circle", 1, do_tie_three},
    {"stream of calls on a reference", 4, do_stream},
    {"burst through others", 4, do_burst_by_proxy},
    {"promises let go of at any time", 3, do_let_go},
    {"link cut while calls are held", 1, do_cut_while_held},
    {NULL, 0, NULL},
};
