/* SPDX-License-Identifier: MIT */
/* What must be true when all has come to rest, and when all was released. */
#include "sim/wire.h"

/* Nobody is told what becomes of a notification. When nothing happened to its
 * link and its object it must have run. */
static bool
must_arrive(const sim_inv *inv)
{
	sim_hold *target = inv->target;

	return inv->notify && !inv->refused && !inv->pending &&
	       inv->link != NULL && inv->link == target->link &&
	       !inv->link->touched && sim_hold_is_direct(target) &&
	       !target->object->revoked &&
	       target->peer->limits.open_calls == 0 && /* else refused */
	       target->peer->limits.queued_bytes == 0 &&
	       target->peer->strangers.open_calls == 0;
}

/* P40: it did not run, and whoever made it and heard of the GOAWAY knows; also
 * of a one-way call, which nobody has acknowledged. */
static void
check_unwelcome(sim_world *world, const sim_inv *inv)
{
	const sim_link *link = inv->unwelcome;
	const sim_end *end = sim_link_end_of(inv->unwelcome, inv->caller);

	sim_expect(world, SIM_GOAWAY_RULE, inv->executed == 0,
	           "invocation %u (%s) reached a node by link %u that went "
	           "away, and executed",
	           inv->id, inv->method, link->id);
	if (world->oom_seen || inv->hops > 0 || end == NULL ||
	    end->wire == NULL || link->ends[0].node == link->ends[1].node ||
	    end->wire->heard_going == 0 || inv->completed == 0 ||
	    (inv->code != WALDO_OK && inv->code != WALDO_ELOST)) {
		return;
	}
	sim_expect(world, SIM_GOAWAY_RULE,
	           inv->code == WALDO_ELOST && inv->fate == WALDO_NOT_SENT,
	           "invocation %u (%s) came after a GOAWAY by link %u: code "
	           "%d, fate %d",
	           inv->id, inv->method, link->id, (int) inv->code,
	           (int) inv->fate);
}

/* Promises 1 and 2, once nothing is under way any more. */
static void
check_invocation(sim_world *world, const sim_inv *inv)
{
	bool ok = inv->completed > 0 && inv->code == WALDO_OK;

	if (inv->awaited && inv->completed != 1 && world->verbose) {
		sim_hold_explain(inv->target);
	}
	sim_expect(world, SIM_COMPLETE_RULE,
	           !inv->awaited || inv->completed == 1,
	           "invocation %u (%s) of node %u never completed", inv->id,
	           inv->method, inv->caller->index);
	if (inv->hostile) {
		return;
	}
	if (ok && !inv->one_way && inv->plan != SIM_PING) {
		sim_expect(world, SIM_OK_RAN_RULE, inv->executed == 1,
		           "invocation %u (%s) has a result and executed %u "
		           "times",
		           inv->id, inv->method, inv->executed);
	}
	if (must_arrive(inv)) {
		sim_expect(world, SIM_DELIVERED_RULE, inv->executed == 1,
		           "invocation %u (%s, one-way) was taken, its link "
		           "holds, and it did not execute",
		           inv->id, inv->method);
	}
	if (inv->unwelcome != NULL) {
		check_unwelcome(world, inv);
	}
	if (inv->refused ||
	    (inv->completed > 0 && !ok && inv->fate == WALDO_NOT_SENT)) {
		sim_expect(world, SIM_NOT_SENT_RULE, inv->executed == 0,
		           "invocation %u (%s): NOT_SENT, and executed",
		           inv->id, inv->method);
	}
}

/* P3: equal if and only if one object, as far as both came through one session
 * (of a node with itself there are two at one link). */
static void
check_pair(sim_world *world, sim_hold *a, sim_hold *b)
{
	bool equal;

	if (a->object == NULL || b->object == NULL || a->hostile ||
	    b->hostile || sim_hold_state(a) != sim_hold_state(b) ||
	    sim_hold_state(a) == WALDO_BROKEN ||
	    sim_hold_state(a) == WALDO_PENDING) {
		return;
	}
	equal = waldo_ref_equal(a->ref, b->ref);
	if (a->object != b->object) {
		sim_expect(world, SIM_EQUAL_RULE, !equal,
		           "references to objects %u and %u are equal",
		           a->object->serial, b->object->serial);
	} else if (sim_hold_state(a) == WALDO_NEAR ||
	           (a->link == b->link && sim_hold_is_direct(a) &&
	            sim_hold_is_direct(b))) {
		if (!equal && world->verbose) {
			sim_hold_explain(a);
			sim_hold_explain(b);
		}
		sim_expect(world, SIM_EQUAL_RULE, equal,
		           "two references to object %u are not equal",
		           a->object->serial);
	}
}

static void
check_equal(sim_world *world)
{
	for (unsigned i = 0; i < world->node_count; i++) {
		const sim_list *holds = &world->nodes[i].holds;

		for (unsigned a = 0; a < holds->count; a++) {
			for (unsigned b = a + 1; b < holds->count; b++) {
				check_pair(world, holds->items[a],
				           holds->items[b]);
			}
		}
	}
}

/* P23: whoever watched something that broke was told once. */
static void
check_watch(sim_world *world, const sim_watch *watch)
{
	sim_hold *hold = watch->hold;

	if (hold == NULL || watch->stopped || hold->ref == NULL) {
		return;
	}
	if (watch->room) {
		/* A peer that is silent for ever is given up later. */
		sim_expect(world, SIM_ROOM_RULE,
		           watch->up == 1 ||
		               (watch->up == 0 && hold->link != NULL &&
		                hold->link->touched),
		           "a watch for room told %u times; its reference is "
		           "in state %d",
		           watch->up, (int) sim_hold_state(hold));
		return;
	}
	sim_expect(world, SIM_WATCH_END_RULE,
	           watch->broken ==
	               (sim_hold_state(hold) == WALDO_BROKEN ? 1u : 0u),
	           "a watch told %u times that its reference, now in state %d, "
	           "broke",
	           watch->broken, (int) sim_hold_state(hold));
}

/* What is kept for peers while nothing is under way; 0 if something is, as far
 * as can be seen: a link on which a peer is silent has not been given up. */
static size_t
kept_bytes(sim_node *node)
{
	const sim_list *links = &node->world->links;
	waldoi_counts counts;

	for (unsigned i = 0; i < links->count; i++) {
		sim_link *link = links->items[i];
		const sim_end *ends = link->ends;

		if (sim_link_end_of(link, node) != NULL &&
		    (ends[0].open || ends[1].open) &&
		    (link->touched || !sim_link_is_up(link) ||
		     ends[0].out.len > 0 || ends[1].out.len > 0 ||
		     ends[0].waiting || ends[1].waiting)) {
			return 0;
		}
	}
	waldoi_node_count(node->node, &counts);
	return counts.bytes < 64 ? 0 : counts.bytes; /* part of a PING */
}

bool
sim_is_acked(sim_world *world)
{
	for (unsigned i = 0; i < world->node_count; i++) {
		if (world->nodes[i].node != NULL &&
		    kept_bytes(&world->nodes[i]) > 0) {
			return false;
		}
	}
	return true;
}

/* All calls were answered, so whatever is known is known to its holders. */
static void
check_resolved(sim_world *world)
{
	for (unsigned i = 0; i < world->holds.count && world->calm; i++) {
		sim_hold *hold = world->holds.items[i];

		if (hold->ref == NULL || hold->hostile ||
		    sim_hold_object(hold) == NULL) {
			continue;
		}
		if (world->verbose && sim_hold_state(hold) == WALDO_PENDING) {
			sim_hold_explain(hold);
		}
		sim_expect(world, SIM_RESOLVED_RULE,
		           sim_hold_state(hold) != WALDO_PENDING,
		           "reference %u of node %u, which is object %u, is "
		           "still pending",
		           hold->serial, hold->node->index,
		           hold->object->serial);
	}
}

/* N7, N13. What an end waits for because of a length that nobody has said is
 * another matter (spoil.c). */
static void
check_spoiled(sim_world *world)
{
	for (unsigned i = 0; i < world->links.count; i++) {
		const sim_link *link = world->links.items[i];

		if (link->ends[0].out.flipped || link->ends[1].out.flipped) {
			sim_expect(world, SIM_NOTICED_RULE,
			           !sim_link_is_up(link),
			           "link %u goes on, a bit of it was changed",
			           link->id);
			world->stats->trust[SIM_ENDED_TRUST]++;
		}
	}
}

void
sim_check_settled(sim_world *world)
{
	check_spoiled(world);
	check_resolved(world);
	sim_expect(world, SIM_ACKED_RULE, sim_is_acked(world),
	           "a node keeps bytes for peers that have them all");
	for (unsigned i = 0; i < world->invs.count; i++) {
		check_invocation(world, world->invs.items[i]);
	}
	for (unsigned i = 0; i < world->watches.count; i++) {
		check_watch(world, world->watches.items[i]);
	}
	check_equal(world);
}

/* P3, P4 and the ledger: nobody holds anything. What a net driver would have
 * besides, descriptors, does not exist here. */
void
sim_check_released(sim_node *node)
{
	sim_world *world = node->world;
	waldoi_counts c;

	for (unsigned i = 0; i < node->objects.count; i++) {
		const sim_object *object = node->objects.items[i];

		sim_expect(world, SIM_RELEASED_RULE, object->destroyed == 1,
		           "object %u was released by all and lives",
		           object->serial);
	}
	/* One object is the node's own: the bootstrap, which has the names. */
	waldoi_node_count(node->node, &c);
	sim_expect(world, SIM_LEDGER_RULE,
	           c.sessions == 0 && c.objects == 1 && c.refs == 1 &&
	               c.promises == 0 && c.calls == 0 && c.exports == 0 &&
	               c.imports == 0 && c.timers == 0 && c.tasks == 0 &&
	               c.bytes == 0,
	           "node %u still has %zu sessions, %zu objects, %zu "
	           "references, %zu promises, %zu calls, %zu exports, %zu "
	           "imports, %zu timers, %zu tasks, %zu bytes",
	           node->index, c.sessions, c.objects, c.refs, c.promises,
	           c.calls, c.exports, c.imports, c.timers, c.tasks, c.bytes);
}

void
sim_check_end(sim_world *world)
{
	for (unsigned i = 0; i < world->objects.count; i++) {
		const sim_object *object = world->objects.items[i];

		sim_expect(world, SIM_DESTROY_ONCE_RULE, object->destroyed == 1,
		           "object %u was destroyed %u times", object->serial,
		           object->destroyed);
	}
	sim_expect(world, SIM_TAKEN_RULE, world->taken == world->taken_done,
	           "of %u blocks that were taken %u were given back",
	           world->taken, world->taken_done);
	sim_expect(world, SIM_HEAP_RULE,
	           sim_memory_blocks() == world->heap_blocks &&
	               sim_memory_bytes() == world->heap_bytes,
	           "%zu bytes in %zu blocks are left",
	           sim_memory_bytes() - world->heap_bytes,
	           sim_memory_blocks() - world->heap_blocks);
}
