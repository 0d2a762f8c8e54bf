/* SPDX-License-Identifier: MIT */
/* Links: how they come to be, and which is which. */
#include "sim/sim.h"

#include <stdio.h>
#include <string.h>

static const waldoi_link_ops link_ops = {sim_link_flush, sim_link_close};

sim_end *
sim_end_peer(sim_end *end)
{
	return &end->link->ends[end == &end->link->ends[0] ? 1 : 0];
}

sim_end *
sim_link_end_of(sim_link *link, const sim_node *node)
{
	/* A node that dials itself has both; the end that is asked for is
	 * then the one that dialled. */
	return link->ends[0].node == node   ? &link->ends[0]
	       : link->ends[1].node == node ? &link->ends[1]
	                                    : NULL;
}

bool
sim_link_is_up(const sim_link *link)
{
	return link->ends[0].open && (link->ends[1].open || !link->established);
}

sim_link *
sim_link_from_name(sim_world *world, const char *name)
{
	unsigned id;

	if ((sscanf(name, "inproc:L%u", &id) != 1 &&
	     sscanf(name, "tcp:10.%*u.0.1:%u", &id) != 1) ||
	    id == 0 || id > world->links.count) {
		return NULL; /* "near:" */
	}
	return world->links.items[id - 1];
}

/* ---- opening */

static void
end_init(sim_end *end, sim_link *link)
{
	sim_world *world = link->world;

	end->base.ops = &link_ops;
	end->base.peer = (waldo_peer){link->name, NULL, -1, -1};
	end->link = link;
	end->out.room =
	    sim_chance(world, 30) ? 1 + sim_below(world, 3000) : 212992;
	if (world->sealed && world->calm && end->out.room < 2048) {
		end->out.room = 2048; /* HELLO may share a large record */
	}
}

static bool
accept(sim_node *node, sim_end *end)
{
	if (!end->link->sealed) {
		return waldoi_session_accept(node->node, &end->base) != NULL;
	}
	return waldoi_guest_accept(node->node, &end->base) == WALDO_OK;
}

bool
sim_link_answer(sim_link *link, const char *host)
{
	sim_world *world = link->world;
	sim_end *end = &link->ends[1];
	sim_scope scope;

	if (strcmp(host, "evil") == 0) {
		end->open = true;
		sim_hostile_answer(link);
		return true;
	}
	for (unsigned i = 0; i < world->node_count; i++) {
		sim_node *node = &world->nodes[i];

		if (strcmp(node->name, host) != 0 || node->listener == NULL) {
			continue;
		}
		end->node = node;
		scope = sim_event_begin(node);
		end->open = accept(node, end);
		if (end->open) {
			sim_tap(end);
		}
		sim_event_end(node, scope);
		if (!end->open) {
			link->touched = true;
			end->out.eof = true;
			sim_pipe_schedule(end);
		}
		return true;
	}
	return false;
}

typedef struct dialling {
	sim_link *link;
	char host[16];
} dialling;

static void
on_connect(void *what, uint64_t arg)
{
	dialling *dial = what;
	sim_link *link = dial->link;
	sim_end *end = &link->ends[0];
	sim_scope scope;

	if (!end->open) {
		return;
	}
	if (end->node->busy_until > link->world->now) {
		sim_node_postpone(end->node, on_connect, what, arg);
		return;
	}
	if (strcmp(dial->host, "silent") == 0) {
		return; /* for ever */
	}
	sim_race_arrives(link);
	if (!sim_link_answer(link, dial->host)) {
		link->refused = true;
		sim_end_lost(end, WALDO_ECONNECT, "connection refused");
		return;
	}
	link->established = true;
	link->touched |= end->node->stop_called ||
	                 (link->target != NULL && link->target->stop_called);
	sim_note(link->world, "open", link->id, end->node->index, 0);
	scope = sim_event_begin(end->node);
	sim_link_flush(&end->base);
	sim_event_end(end->node, scope);
}

sim_link *
sim_link_new(sim_world *world, sim_node *from)
{
	sim_link *link = sim_alloc(sizeof(*link));

	sim_list_add(&world->links, link);
	link->world = world;
	link->id = world->links.count;
	link->style = sim_below(world, SIM_STYLES);
	link->delay_us = sim_below(world, 2000);
	link->sealed = world->sealed;
	if (link->sealed) {
		/* Where it comes from counts (waldo_limits.handshakes). */
		(void) snprintf(
		    link->name, sizeof(link->name), "tcp:10.%u.0.1:%u",
		    from != NULL ? from->index : SIM_NODES, link->id);
		world->stats->trust[SIM_LINK_TRUST]++;
	} else {
		(void) snprintf(link->name, sizeof(link->name), "inproc:L%u",
		                link->id);
	}
	world->stats->faults[SIM_SPLIT_FAULT] += link->style != SIM_WHOLE;
	world->stats->faults[SIM_COALESCE_FAULT] += link->style == SIM_WHOLE;
	end_init(&link->ends[0], link);
	end_init(&link->ends[1], link);
	link->ends[0].node = from;
	link->ends[0].open = true;
	if (link->sealed) {
		sim_spoil_new(link);
	}
	return link;
}

static void
dial(sim_link *link, const char *host)
{
	sim_world *world = link->world;
	dialling *dial = sim_alloc(sizeof(*dial));

	for (unsigned i = 0; i < world->node_count; i++) {
		if (strcmp(world->nodes[i].name, host) == 0) {
			link->target = &world->nodes[i];
			/* It may not answer for seconds. */
			link->touched = world->nodes[i].busy_until > world->now;
		}
	}
	dial->link = link;
	(void) snprintf(dial->host, sizeof(dial->host), "%s", host);
	sim_at(world, world->now + link->delay_us, on_connect, dial, 0);
}

sim_link *
sim_link_open(sim_node *from, const char *host)
{
	sim_link *link = sim_link_new(from->world, from);

	dial(link, host);
	sim_hold_connected(from, link, host);
	return link;
}

sim_link *
sim_link_open_sealed(sim_node *from, const char *host,
                     const waldoi_attempt *attempt)
{
	sim_link *link = sim_link_new(from->world, from);

	sim_race_enter(link, attempt);
	dial(link, host);
	return link;
}

bool
sim_link_is_hostile(const sim_link *link)
{
	return link->established &&
	       (link->ends[0].node == NULL || link->ends[1].node == NULL);
}
