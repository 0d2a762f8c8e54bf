/* SPDX-License-Identifier: MIT */
/* What users do that is no call: connecting, publishing, watching, holding
 * and letting go. */
#include "sim/sim.h"

#include <stdio.h>
#include <string.h>

/* ---- connecting and publishing */

/* The link by which `node` reaches `host` now, if it is known. */
static sim_link *
current_link(sim_node *node, const sim_node *peer)
{
	sim_list *links = &node->world->links;

	for (unsigned i = links->count; i-- > 0;) {
		sim_link *link = links->items[i];

		if (link->ends[0].node == node && link->ends[0].open &&
		    link->target == peer) {
			return link;
		}
	}
	return NULL;
}

void
sim_hold_connected(sim_node *node, sim_link *link, const char *host)
{
	for (unsigned i = 0; i < node->holds.count; i++) {
		sim_hold *hold = node->holds.items[i];

		if (hold->connected >= 0 && hold->link == NULL &&
		    hold->peer != NULL && strcmp(hold->peer->name, host) == 0) {
			hold->link = link;
		}
	}
}

static waldo_err
connect_host(sim_node *node, const char *host, const char *name,
             waldo_ref **ret_ref)
{
	char uri[48];

	(void) snprintf(uri, sizeof(uri), "waldo+inproc:%s/%s", host, name);
	return waldo_connect(node->node, uri, ret_ref);
}

/* `peer` NULL: somebody evil. */
static sim_hold *
connect_any(sim_node *node, sim_node *peer, int number)
{
	waldo_ref *ref = NULL;
	sim_link *link = NULL;
	sim_hold *hold;
	sim_scope scope;
	waldo_err err;
	char name[16];

	(void) snprintf(name, sizeof(name), "%s%d",
	                number == SIM_NAMES ? "nobody" : "obj", number);
	scope = sim_enter(node, SIM_API_ANY);
	if (!node->world->sealed) {
		err = connect_host(node, peer == NULL ? "evil" : peer->name,
		                   name, &ref);
		link = peer == NULL ? NULL : current_link(node, peer);
	} else if (peer == NULL) {
		err = sim_race_connect_evil(node, &ref);
	} else {
		err = sim_race_connect(node, peer, name, &ref, &link);
	}
	sim_leave(node, scope);
	if (err != WALDO_OK) {
		sim_expect(node->world, SIM_REASON_RULE,
		           (err == WALDO_ENOMEM && node->world->oom_seen) ||
		               node->stop_called || node->freeing,
		           "%s of node %d: %s", name,
		           peer == NULL ? -1 : (int) peer->index,
		           waldo_strerror(err));
		return NULL;
	}
	hold = sim_hold_own(node, ref);
	hold->connected = number;
	hold->peer = peer;
	hold->link = link;
	return hold;
}

sim_hold *
sim_connect(sim_node *node, sim_node *peer, int name)
{
	return connect_any(node, peer, name);
}

static bool
connect_to(sim_node *node, sim_node *peer, int name)
{
	sim_hold *hold = sim_connect(node, peer, name);

	if (hold != NULL) {
		(void) sim_call_plan(node, hold, SIM_WHO);
	}
	if (hold != NULL && sim_chance(node->world, 10)) {
		/* More than may leave before the peer has spoken. */
		sim_burst(node, hold);
	}
	return true;
}

static sim_node *
other_node(sim_node *node)
{
	sim_world *world = node->world;

	return &world->nodes[sim_below(world, world->node_count)];
}

static bool
do_connect(sim_node *node)
{
	return connect_to(node, other_node(node),
	                  (int) sim_below(node->world, SIM_NAMES));
}

static bool
do_connect_nobody(sim_node *node)
{
	return connect_to(node, other_node(node), SIM_NAMES);
}

static bool
do_connect_evil(sim_node *node)
{
	sim_hold *hold = connect_any(node, NULL, 0);

	if (hold != NULL) {
		hold->hostile = true;
		node->world->stats->faults[SIM_HOSTILE_SERVER_FAULT]++;
		(void) sim_call_plan(node, hold, SIM_ECHO);
	}
	return true;
}

static bool
do_unpublish(sim_node *node)
{
	uint32_t i = sim_below(node->world, SIM_NAMES);
	sim_scope scope;
	char name[16];

	if (node->named[i] == NULL) {
		return false;
	}
	(void) snprintf(name, sizeof(name), "obj%u", i);
	node->named[i] = NULL;
	node->was_unpublished[i] = true;
	scope = sim_enter(node, SIM_API_ANY);
	waldo_unpublish(node->node, name);
	sim_leave(node, scope);
	return true;
}

/* Under a name that is free, or (which is refused) one that is not. */
static bool
do_publish(sim_node *node)
{
	uint32_t i = sim_below(node->world, SIM_NAMES);
	sim_object *object;
	waldo_ref *ref;
	sim_scope scope;
	waldo_err err;
	char name[16];

	object = sim_object_new(node, &ref);
	if (object == NULL) {
		return true;
	}
	(void) snprintf(name, sizeof(name), "obj%u", i);
	scope = sim_enter(node, SIM_API_ANY);
	err = waldo_publish(node->node, name, ref);
	sim_leave(node, scope);
	if (err == WALDO_OK) {
		sim_expect(node->world, SIM_SAME_RULE, node->named[i] == NULL,
		           "%s is published twice", name);
		node->named[i] = object;
	} else {
		sim_expect(node->world, SIM_REASON_RULE,
		           (err == WALDO_EINVAL && node->named[i] != NULL) ||
		               (err == WALDO_ENOMEM && node->world->oom_seen),
		           "publish %s: %s", name, waldo_strerror(err));
	}
	(void) sim_hold_own(node, ref);
	return true;
}

/* ---- holding and letting go */

static bool
do_release(sim_node *node)
{
	sim_hold *hold = sim_list_pick(node->world, &node->holds);

	if (hold == NULL || hold->immortal) {
		return false;
	}
	sim_note(node->world, "release", node->index,
	         hold->object != NULL ? hold->object->serial : 0, hold->count);
	sim_hold_give_back(hold);
	return true;
}

static bool
do_retain(sim_node *node)
{
	sim_hold *hold = sim_list_pick(node->world, &node->holds);

	return hold != NULL && sim_hold_keep(node, hold->ref) != NULL;
}

static bool
do_drop_promise(sim_node *node)
{
	sim_inv *inv = sim_list_pick(node->world, &node->promises);

	if (inv != NULL) {
		sim_promise_drop(inv);
	}
	return inv != NULL;
}

static bool
do_revoke(sim_node *node)
{
	sim_hold *hold = sim_list_pick(node->world, &node->holds);
	sim_scope scope;

	if (hold == NULL || hold->object == NULL ||
	    hold->object->node != node || hold->object->destroyed > 0 ||
	    sim_hold_state(hold) != WALDO_NEAR) {
		return false;
	}
	sim_note(node->world, "revoke", hold->object->serial, 0, 0);
	sim_object_revoked(hold->object);
	scope = sim_enter(node, SIM_API_RELEASE);
	waldo_object_revoke(hold->ref);
	sim_leave(node, scope);
	sim_expect(node->world, SIM_DESTROY_ONCE_RULE,
	           hold->object->destroyed == 1 || hold->object->running > 0 ||
	               node->depth > 0,
	           "object %u was revoked and is not destroyed",
	           hold->object->serial);
	return true;
}

static bool
do_end_session(sim_node *node)
{
	sim_hold *hold = sim_hold_pick(node);
	sim_scope scope;

	if (hold == NULL || hold->link == NULL || node->world->calm ||
	    sim_hold_state(hold) != WALDO_FAR) {
		return false;
	}
	if (sim_hold_is_direct(hold)) {
		hold->link->touched = true;
	} else {
		sim_node_touch(node); /* it may be another one */
	}
	node->ended_one = true;
	sim_note(node->world, "end", hold->link->id, 0, 0);
	scope = sim_enter(node, SIM_API_ANY);
	waldo_ref_end_session(hold->ref, "enough");
	sim_leave(node, scope);
	sim_expect(node->world, SIM_REASON_RULE,
	           sim_hold_state(hold) == WALDO_BROKEN,
	           "a session was ended and its reference is in state %d",
	           (int) sim_hold_state(hold));
	return true;
}

static bool
do_answer(sim_node *node)
{
	sim_call *call = sim_list_pick(node->world, &node->calls);

	if (call == NULL || call->waits != NULL || !call->returned) {
		return false;
	}
	sim_call_answer(call);
	return true;
}

/* ---- the loop */

static void
on_posted(void *user)
{
	sim_node *node = user;

	sim_callback_end(node, sim_callback_begin(node, SIM_API_NONE));
}

static bool
do_post(sim_node *node)
{
	return waldo_node_post(node->node, on_posted, node) == WALDO_OK;
}

static bool
do_flush(sim_node *node)
{
	sim_scope scope = sim_enter(node, SIM_API_ANY);

	waldo_node_flush(node->node);
	sim_leave(node, scope);
	return true;
}

const sim_act sim_acts[] = {
    {"connect", 14, do_connect},
    {"connect to a name that is not there", 2, do_connect_nobody},
    {"connect to a fake node", 2, do_connect_evil},
    {"publish", 3, do_publish},
    {"unpublish", 2, do_unpublish},
    {"release a reference", 16, do_release},
    {"retain a reference", 2, do_retain},
    {"release a promise", 4, do_drop_promise},
    {"revoke", 2, do_revoke},
    {"end a session", 1, do_end_session},
    {"answer a deferred call", 16, do_answer},
    {"post", 2, do_post},
    {"flush", 2, do_flush},
    {NULL, 0, NULL},
};
