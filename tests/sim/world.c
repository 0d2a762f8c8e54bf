/* SPDX-License-Identifier: MIT */
/* The world: its clock, its events, its history and the course of a run. */
#include "sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ACTS       200 /* what a run has at least */
#define ACT_KINDS  10
#define FAULTS     5
#define MAX_EVENTS 400000 /* more than that: it does not come to rest */
#define SECOND     1000000u

/* ---- history */

static void
mix(sim_world *world, uint64_t value)
{
	world->hash = (world->hash ^ value) * 0x100000001b3u;
	world->hash ^= world->hash >> 29;
}

void
sim_note(sim_world *world, const char *what, uint64_t a, uint64_t b, uint64_t c)
{
	mix(world, world->now);
	for (const char *p = what; *p != '\0'; p++) {
		mix(world, (uint8_t) *p);
	}
	mix(world, a);
	mix(world, b);
	mix(world, c);
	if (world->verbose) {
		(void) printf("%10" PRIu64 ".%06" PRIu64 " %-12s %" PRIu64
		              " %" PRIu64 " %" PRIu64 "\n",
		              world->now / SECOND, world->now % SECOND, what, a,
		              b, c);
	}
}

void
sim_kept(sim_world *world, sim_rule rule)
{
	world->stats->rules[rule]++;
}

void
sim_violated(sim_world *world, sim_rule rule, const char *format, ...)
{
	va_list args;
	size_t len;

	if (world->failed) {
		return; /* the first one counts */
	}
	world->failed = true;
	len = (size_t) snprintf(
	    world->violation, sizeof(world->violation),
	    "%s (%s) at %" PRIu64 " us: ", sim_rule_name(rule),
	    sim_rule_source(rule), world->now);
	va_start(args, format);
	(void) vsnprintf(world->violation + len, sizeof(world->violation) - len,
	                 format, args);
	va_end(args);
	if (world->verbose) {
		(void) printf("VIOLATION %s\n", world->violation);
	}
}

bool
sim_world_step(sim_world *world)
{
	sim_event event;

	if (world->event_count == 0 || world->failed) {
		return false;
	}
	event = sim_next_event(world);
	if (event.at > world->now) {
		world->now = event.at;
	}
	if (++world->events_run > MAX_EVENTS) {
		sim_violated(world, SIM_COMPLETE_RULE, "it does not end");
		return false;
	}
	event.run(event.what, event.arg);
	return true;
}

static void
run_for(sim_world *world, uint64_t microseconds)
{
	uint64_t until = world->now + microseconds;

	while (!world->failed && world->event_count > 0 &&
	       world->events[0].at <= until) {
		(void) sim_world_step(world);
	}
	if (world->now < until) {
		world->now = until;
	}
}

/* ---- the course of a run */

static sim_node *
random_node(sim_world *world)
{
	return &world->nodes[sim_below(world, world->node_count)];
}

static void
on_act(void *what, uint64_t arg)
{
	sim_world *world = what;
	sim_node *node = random_node(world);
	uint32_t burst = 1 + (sim_chance(world, 20) ? sim_below(world, 4) : 0);

	if (world->stage != SIM_BUSY) {
		return;
	}
	while (burst-- > 0 && node->node != NULL && !world->failed &&
	       !world->waiting && node->busy_until <= world->now) {
		sim_act_any(node);
	}
	/* Most follow closely, some after seconds. */
	sim_at(world,
	       world->now + (sim_chance(world, 3) ? sim_below(world, SECOND)
	                                          : sim_below(world, 9000)),
	       on_act, world, arg);
}

static void
on_fault(void *what, uint64_t arg)
{
	sim_world *world = what;

	if (world->stage != SIM_BUSY) {
		return;
	}
	if (!world->waiting) {
		sim_fault_any(world);
	}
	sim_at(world, world->now + sim_below(world, world->fault_gap_us),
	       on_fault, world, arg);
}

static bool
is_enough(const sim_world *world)
{
	return world->acts >= ACTS && world->act_kinds >= ACT_KINDS &&
	       world->faults >= FAULTS;
}

/* True if all that users wait for has come. */
static bool
is_settled(const sim_world *world)
{
	for (unsigned i = 0; i < world->invs.count; i++) {
		const sim_inv *inv = world->invs.items[i];

		if (inv->awaited && inv->completed == 0) {
			return false;
		}
	}
	return true;
}

/* P12: with nobody who does anything, nothing is said any more. */
static void
check_silence(sim_world *world)
{
	for (int i = 0; i < 30 && !world->failed &&
	                world->now < world->last_op + 2 * SECOND;
	     i++) {
		run_for(world, 2 * SECOND);
	}
	sim_expect(world, SIM_SILENCE_RULE,
	           world->now >= world->last_op + 2 * SECOND,
	           "a minute after the last act nodes still talk");
}

/* No more faults and acts; what was deferred is answered. */
static void
settle(sim_world *world)
{
	world->stage = SIM_SETTLING;
	sim_faults_end(world);
	for (int round = 0; round < 60 && !world->failed; round++) {
		run_for(world, 2 * SECOND);
		for (unsigned i = 0; i < world->node_count; i++) {
			sim_node *node = &world->nodes[i];

			while (node->calls.count > 0 && !world->failed) {
				sim_call_answer(node->calls.items[0]);
			}
		}
		if (round > 2 && is_settled(world)) {
			break;
		}
	}
	/* An acknowledgement may take a second. */
	run_for(world, 2 * SECOND);
	for (int i = 0; i < 10 && !world->failed && !sim_is_acked(world); i++) {
		run_for(world, 2 * SECOND);
	}
	if (!world->failed) {
		check_silence(world);
		sim_check_settled(world);
	}
}

static bool
has_sessions(const sim_world *world)
{
	for (unsigned i = 0; i < world->node_count; i++) {
		waldoi_counts counts;

		if (world->nodes[i].node != NULL) {
			waldoi_node_count(world->nodes[i].node, &counts);
			if (counts.sessions > 0) {
				return true;
			}
		}
	}
	return false;
}

static bool
has_knots(const sim_world *world)
{
	for (unsigned i = 0; i < world->holds.count; i++) {
		if (sim_hold_is_knot(world->holds.items[i])) {
			return true;
		}
	}
	return false;
}

/* Promises that lead back to themselves hold each other, from node to node:
 * nobody can collect that but with the sessions. */
static void
stop_all(sim_world *world)
{
	for (unsigned i = 0; i < world->node_count; i++) {
		sim_node *node = &world->nodes[i];

		if (node->node != NULL && !node->stop_called) {
			node->stop_called = true;
			node->stop_by = 0;
			waldo_node_stop(node->node, 0);
		}
	}
}

/* What calls that were late have given to objects. */
static void
release_late(sim_world *world)
{
	for (unsigned i = 0; i < world->node_count && !world->failed; i++) {
		if (world->nodes[i].node != NULL) {
			sim_node_release_all(&world->nodes[i]);
		}
	}
}

/* Everything is given back, whatever has no holder goes. */
static void
release(sim_world *world)
{
	world->stage = SIM_OVER;
	for (unsigned i = 0; i < world->node_count; i++) {
		sim_node *node = &world->nodes[i];
		sim_scope scope;

		if (node->node == NULL) {
			continue;
		}
		sim_node_release_all(node);
		scope = sim_enter(node, SIM_API_ANY);
		for (int k = 0; k < SIM_NAMES; k++) {
			char name[16];

			(void) snprintf(name, sizeof(name), "obj%d", k);
			node->named[k] = NULL;
			waldo_unpublish(node->node, name);
		}
		sim_leave(node, scope);
	}
	/* Sessions end when nothing leads through them, or when their peer is
	 * found dead. */
	for (int i = 0; i < 100 && !world->failed; i++) {
		run_for(world, SECOND);
		release_late(world);
		if (i > 2 && !has_sessions(world)) {
			break;
		}
		if (i == 5 && has_knots(world)) {
			stop_all(world);
		}
	}
	for (unsigned i = 0; i < world->node_count && !world->failed; i++) {
		if (world->nodes[i].node != NULL) {
			sim_check_released(&world->nodes[i]);
		}
	}
}

static void
begin(sim_world *world)
{
	world->calm = sim_chance(world, 25);
	world->stats->trust[SIM_WORLD_TRUST] += world->sealed;
	world->fault_gap_us = 100000 + sim_below(world, 900000);
	world->node_count = 3 + sim_below(world, SIM_NODES - 2);
	for (unsigned i = 0; i < world->node_count && !world->failed; i++) {
		sim_node *node = &world->nodes[i];

		node->world = world;
		node->index = i;
		(void) snprintf(node->name, sizeof(node->name), "node%u", i);
		(void) sim_node_start(node);
	}
	sim_at(world, 0, on_act, world, 0);
	sim_at(world, 1000, on_fault, world, 0);
}

static void
end(sim_world *world)
{
	for (unsigned i = 0; i < world->node_count && !world->failed; i++) {
		if (world->nodes[i].node != NULL) {
			sim_node_kill(&world->nodes[i], false);
		}
	}
	if (!world->failed) {
		sim_check_end(world);
	}
	world->stats->seeds++;
	world->stats->failed += world->failed;
	world->stats->events += world->events_run;
	world->stats->virtual_us += world->now;
}

/* Drawn from the seed alone, so that what happens in clear is as it is without
 * such worlds. */
static bool
is_sealed(uint64_t seed, sim_sealing sealing)
{
	sim_rng rng = {seed};

	return sealing == SIM_ALL ||
	       (sealing == SIM_SOME && sim_random(&rng) >> 63 != 0);
}

bool
sim_world_run(sim_world *world, uint64_t seed, sim_sealing sealing,
              bool verbose, sim_stats *stats)
{
	sim_alloc_reset();
	*world = (sim_world){.seed = seed, .verbose = verbose, .stats = stats};
	world->heap_bytes = sim_memory_bytes();
	world->heap_blocks = sim_memory_blocks();
	world->rng.state = seed * 0x2545f4914f6cdd1du + 1;
	world->now = 1000;
	world->sealed = is_sealed(seed, sealing);
	begin(world);
	while (!world->failed && !is_enough(world)) {
		(void) sim_world_step(world);
	}
	if (!world->failed) {
		settle(world);
	}
	if (!world->failed) {
		release(world);
	}
	end(world);
	return !world->failed;
}
