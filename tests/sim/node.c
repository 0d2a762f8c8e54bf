/* SPDX-License-Identifier: MIT */
/* Simulated nodes: their lives and deaths. */
#include "sim/sim.h"

#include <stdio.h>

sim_scope
sim_enter(sim_node *node, sim_api api)
{
	sim_scope scope = {node->world->api, sim_memory_of(&node->memory),
	                   node->memory.largest};

	node->world->api = api;
	return scope;
}

/* When memory has run out, a session may end. */
static void
notice_oom(sim_node *node)
{
	if (node->memory.failed > 0) {
		node->world->stats->faults[SIM_OOM_HIT_FAULT] +=
		    node->memory.failed;
		sim_note(node->world, "oom", node->index, node->memory.failed,
		         0);
		node->memory.failed = 0;
		node->world->oom_seen = true;
		node->world->upsets++;
		sim_node_touch(node);
	}
}

void
sim_leave(sim_node *node, sim_scope scope)
{
	notice_oom(node);
	node->world->api = scope.api;
	(void) sim_memory_of(scope.memory);
}

sim_scope
sim_event_begin(sim_node *node)
{
	sim_scope scope = sim_enter(node, SIM_API_NONE);

	node->in_turn = true;
	waldoi_node_enter(node->node);
	return scope;
}

void
sim_event_end(sim_node *node, sim_scope scope)
{
	node->in_turn = false;
	sim_leave(node, scope);
}

sim_scope
sim_callback_begin(sim_node *node, sim_api allowed)
{
	sim_world *world = node->world;
	bool turn =
	    world->api == SIM_API_NONE && (node->in_turn || node->freeing);

	sim_expect(
	    world, SIM_IN_TURN_RULE,
	    turn || allowed == SIM_API_ANY ||
	        (allowed != SIM_API_NONE && world->api == allowed),
	    "node %u: a callback outside a turn, inside function kind %d",
	    node->index, (int) world->api);
	notice_oom(node);
	node->depth++;
	return sim_enter(node, SIM_API_NONE);
}

void
sim_callback_end(sim_node *node, sim_scope scope)
{
	node->depth--;
	sim_leave(node, scope);
	node->memory.largest = scope.largest;
}

void
sim_node_postpone(sim_node *node, void (*run)(void *what, uint64_t arg),
                  void *what, uint64_t arg)
{
	sim_at(node->world, node->busy_until, run, what, arg);
}

bool
sim_node_can_act(const sim_node *node)
{
	return node->node != NULL && !node->stop_called && node->depth == 0 &&
	       !node->freeing && node->busy_until <= node->world->now;
}

void
sim_node_touch(sim_node *node)
{
	const sim_list *links = &node->world->links;

	for (unsigned i = 0; i < links->count; i++) {
		sim_link *link = links->items[i];

		if (sim_link_end_of(link, node) != NULL) {
			link->touched = true;
		}
	}
}

static void
on_log(waldo_log_level level, const char *line, void *user)
{
	sim_node *node = user;

	sim_note(node->world, line, node->index, level, 0);
}

/* Frames are printed with the history, of which they are no part. */
static void
on_trace(const char *line, void *user)
{
	(void) printf("                  node %u: %s\n",
	              ((sim_node *) user)->index, line);
}

/* Limits that one may meet within a few seconds. */
static void
choose_limits(sim_node *node)
{
	sim_world *world = node->world;
	waldo_limits *limits = &node->limits;

	*limits = (waldo_limits){.size = sizeof(*limits)};
	limits->dead_peer_ms = 2000 + sim_below(world, 18000);
	if (sim_chance(world, 50)) {
		limits->open_calls = 16;
	}
	if (sim_chance(world, 30)) {
		limits->message_bytes = 64 * 1024;
		limits->queued_bytes = 128 * 1024;
		limits->retained_bytes = 128 * 1024;
		limits->call_window = 64 * 1024;
	}
	if (sim_chance(world, 30)) {
		limits->parked_bytes = 1024;
	}
	if (sim_chance(world, 30)) {
		limits->exports = 4 + sim_below(world, 60);
		limits->imports = 64;
		limits->names = 64;
	}
}

/* What those who dial may use, until it is raised. */
static void
choose_strangers(sim_node *node)
{
	sim_world *world = node->world;
	waldo_limits *strangers = &node->strangers;

	*strangers = (waldo_limits){.size = sizeof(*strangers)};
	if (sim_chance(world, 60)) {
		return;
	}
	strangers->open_calls = 16;
	if (sim_chance(world, 50)) {
		strangers->message_bytes = 64 * 1024;
		strangers->call_window = 64 * 1024;
	}
	if (sim_chance(world, 50)) {
		strangers->imports = strangers->names = 64;
		strangers->parked_bytes = 1024;
	}
}

/* The objects under the three names; held by the user, too. */
static bool
publish_all(sim_node *node)
{
	for (unsigned i = 0; i < SIM_NAMES; i++) {
		waldo_ref *ref;
		char name[16];
		sim_object *object = sim_object_new(node, &ref);

		if (object == NULL) {
			return false;
		}
		(void) snprintf(name, sizeof(name), "obj%u", i);
		if (waldo_publish(node->node, name, ref) != WALDO_OK) {
			return false;
		}
		node->named[i] = object;
		node->was_unpublished[i] = false;
		(void) sim_hold_own(node, ref);
	}
	return true;
}

static void
reset_node(sim_node *node)
{
	node->incarnation++;
	node->armed = UINT64_MAX;
	node->turn_pending = node->in_turn = false;
	node->freeing = node->abrupt = false;
	node->stop_called = node->ended_one = false;
	node->memory = (sim_memory){0};
	node->skew = (int64_t) sim_below(node->world, 1000000000) * 1000;
	node->busy_until = 0;
	node->rng.state = sim_random(&node->world->rng);
	choose_limits(node);
	choose_strangers(node);
}

static bool
open_node(sim_node *node)
{
	waldo_node_options options = {.size = sizeof(options)};
	waldo_key *key = NULL;
	char address[32];
	waldo_err err;

	if (node->world->sealed) {
		options.key = key = sim_keys_begin(node);
		options.known_hosts = "known";
		options.trust = sim_keys_ask;
		options.trust_user = node;
	}
	options.limits = &node->limits;
	options.strangers = &node->strangers;
	options.log = on_log;
	options.log_user = node;
	(void) snprintf(address, sizeof(address),
	                key != NULL ? "tcp:%s:1" : "inproc:%s", node->name);
	err = waldoi_node_new(&options, &sim_driver_ops, node, &node->node);
	waldo_key_release(key);
	if (err != WALDO_OK) {
		return false;
	}
	if (key != NULL) {
		sim_keys_add(node);
	}
	if (node->world->verbose) {
		waldoi_node_set_trace(node->node, on_trace, node);
	}
	return waldo_listen(node->node, address, NULL) == WALDO_OK &&
	       publish_all(node);
}

bool
sim_node_start(sim_node *node)
{
	sim_memory *memory = sim_memory_of(NULL); /* not a time to fail */
	bool open;

	reset_node(node);
	open = open_node(node);
	(void) sim_memory_of(memory);
	if (!open) {
		sim_violated(node->world, SIM_REASON_RULE,
		             "node %u does not start: %s", node->index,
		             waldo_node_get_message(node->node));
		return false;
	}
	sim_note(node->world, "start", node->index, node->incarnation, 0);
	return true;
}

/* The links of a process that died: reset by its system, or silent. */
static void
abandon_links(sim_node *node)
{
	const sim_list *links = &node->world->links;

	for (unsigned i = 0; i < links->count; i++) {
		sim_link *link = links->items[i];

		for (int side = 0; side < 2; side++) {
			sim_end *end = &link->ends[side];

			if (end->node != node || !end->open) {
				continue;
			}
			end->open = false;
			node->world->upsets++;
			if (sim_chance(node->world, 30)) {
				end->out.stalled_until = UINT64_MAX;
				node->world->stats->faults[SIM_VANISH_FAULT]++;
			} else {
				end->out.reset = true;
				sim_pipe_schedule(end);
			}
		}
	}
}

/* A reference with a watch that nobody can stop lives until it breaks. */
static void
end_immortal(sim_hold *hold)
{
	sim_object *object = sim_hold_near(hold);
	sim_scope scope = sim_enter(hold->node, SIM_API_RELEASE);

	if (object != NULL) {
		sim_object_revoked(object);
		waldo_object_revoke(hold->ref);
	}
	sim_node_touch(hold->node);
	waldo_ref_end_session(hold->ref, "no more");
	sim_leave(hold->node, scope);
}

/* Gives back everything that a user may still hold. What they held when
 * their node died they did not give back, as far as peers are concerned. */
void
sim_node_release_all(sim_node *node)
{
	while (node->calls.count > 0) {
		sim_call *call = node->calls.items[0];

		call->waits = NULL;
		sim_call_answer(call);
	}
	while (node->watches.count > 0) {
		sim_watch *watch = node->watches.items[0];
		sim_scope scope = sim_enter(node, SIM_API_ANY);

		waldo_watch_stop(watch->handle);
		sim_leave(node, scope);
		watch->stopped = true;
		(void) sim_list_drop(&node->watches, watch);
	}
	while (node->promises.count > 0) {
		sim_promise_drop(node->promises.items[0]);
	}
	while (node->holds.count > 0) {
		sim_hold *hold = node->holds.items[0];

		if (hold->immortal) {
			end_immortal(hold);
		}
		sim_hold_give_back(hold);
	}
}

void
sim_node_kill(sim_node *node, bool abrupt)
{
	sim_memory *memory;

	sim_note(node->world, "kill", node->index, abrupt, 0);
	sim_node_touch(node);
	node->abrupt = abrupt;
	if (abrupt) {
		abandon_links(node);
	}
	for (unsigned i = 0; i < node->holds.count; i++) {
		sim_hold *hold = node->holds.items[i];

		hold->lost = sim_hold_state(hold) != WALDO_FAR;
	}
	node->memory.fail_in = 0;
	memory = sim_memory_of(&node->memory);
	node->freeing = true;
	waldo_node_free(node->node);
	node->node = NULL;
	(void) sim_memory_of(memory);
	sim_node_release_all(node);
	node->freeing = false;
	node->deadlines.count = 0;
	for (unsigned i = 0; i < node->objects.count; i++) {
		const sim_object *object = node->objects.items[i];

		sim_expect(
		    node->world, SIM_DESTROY_ONCE_RULE, object->destroyed == 1,
		    "object %u was destroyed %u times in its node's life",
		    object->serial, object->destroyed);
	}
	node->objects.count = 0;
}
