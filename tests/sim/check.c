/* SPDX-License-Identifier: MIT */
/* What was promised, and whether it was kept. The numbers are those of
 * broker/PROTOCOL.md; sim/stats.h has them beside each rule. */
#include "sim/sim.h"

#include <ctype.h>
#include <string.h>

#define SLACK_US 2000 /* of a timer */

/* ---- a call begins */

/* Promise 3, P8, P10: on one reference, whatever that becomes. Only if
 * something broke on the way may an earlier call come by another path than a
 * later one, after that: a flush that failed starts the order anew. */
static void
check_order(sim_inv *inv)
{
	sim_world *world = inv->caller->world;
	sim_hold *hold = inv->target;

	if (inv->seq < hold->last_seq && inv->upset != world->upsets &&
	    !sim_hold_is_direct(hold)) {
		return;
	}
	sim_expect(world, SIM_ORDER_RULE, inv->seq > hold->last_seq,
	           "invocation %u, number %u on its reference, begins after "
	           "number %u",
	           inv->id, inv->seq, hold->last_seq);
	hold->last_seq = inv->seq;
}

/* P14. `caller` and callee are one node: its clock is the caller's own. The
 * turn's time counts, which user code that blocks leaves behind. */
static void
check_deadline(const sim_inv *inv, const sim_object *object, waldo_call *call)
{
	sim_node *node = object->node;
	sim_world *world = node->world;

	if (inv->deadline == 0) {
		return;
	}
	sim_expect(world, SIM_CALLEE_DEADLINE_RULE,
	           waldo_call_get_time_left_ms(call) > 0 ||
	               node->busy_until > world->now,
	           "invocation %u begins with no time left", inv->id);
	if (inv->near && node->busy_until <= world->now) {
		sim_expect(world, SIM_CALLEE_DEADLINE_RULE,
		           sim_node_now(node) < inv->deadline,
		           "invocation %u begins %" PRIu64
		           " us past its deadline",
		           inv->id, sim_node_now(node) - inv->deadline);
	}
}

void
sim_check_dispatch(sim_inv *inv, sim_object *object, waldo_call *call)
{
	sim_world *world = object->node->world;
	sim_object *known = sim_hold_object(inv->target);

	world->stats->executions++;
	sim_note(world, "execute", inv->id, object->serial, inv->seq);
	sim_expect(world, SIM_AT_MOST_ONCE_RULE, ++inv->executed == 1,
	           "invocation %u executed %u times", inv->id, inv->executed);
	sim_expect(world, SIM_KNOT_RULE, !inv->target->tied,
	           "invocation %u, on a promise of itself, executes", inv->id);
	sim_expect(world, SIM_NAMES_RULE,
	           strcmp(waldo_call_get_method(call), inv->method) == 0,
	           "invocation %u of %s came as %s", inv->id, inv->method,
	           waldo_call_get_method(call));
	sim_expect(world, SIM_ALIVE_RULE,
	           !object->revoked && object->destroyed == 0,
	           "invocation %u on object %u, revoked %d, destroyed %u",
	           inv->id, object->serial, object->revoked, object->destroyed);
	sim_expect(world, inv->pending ? SIM_MOVED_RULE : SIM_SAME_RULE,
	           known == NULL || known == object,
	           "invocation %u on object %u instead of %u", inv->id,
	           object->serial, known->serial);
	inv->ran_on = object;
	inv->target->object = object;
	check_order(inv);
	check_deadline(inv, object, call);
}

/* P13: CANCEL travels behind the call; when a later call from there has begun,
 * it has come, and a call that still waited then never runs. */
void
sim_check_cancelled(sim_inv *inv, sim_link *link, unsigned side)
{
	if (link == NULL || inv->link != link || inv->hops > 0 ||
	    !sim_hold_is_direct(inv->target)) {
		return;
	}
	if (inv->cancelled && !inv->one_way) {
		sim_expect(inv->caller->world, SIM_CANCEL_PARKED_RULE,
		           link->latest[side] <= inv->cancelled_after,
		           "invocation %u was cancelled after %u and begins "
		           "after %u",
		           inv->id, inv->cancelled_after, link->latest[side]);
	}
	if (inv->id > link->latest[side]) {
		link->latest[side] = inv->id;
	}
}

/* ---- an object ends */

/* Promise 5, P23: the session is over, so all that led through it at this
 * node is broken before the export is given back. */
static void
check_break_first(const sim_object *object, const sim_link *link)
{
	const sim_node *node = object->node;

	for (unsigned i = 0; i < node->holds.count; i++) {
		sim_hold *hold = node->holds.items[i];

		if (hold->link == link && sim_hold_is_direct(hold)) {
			sim_expect(node->world, SIM_BREAK_FIRST_RULE,
			           sim_hold_state(hold) != WALDO_FAR,
			           "object %u is released, and a reference "
			           "through that session is not broken",
			           object->serial);
		}
	}
}

/* `hold` is a peer's that never gave it back. */
static void
check_remote(sim_object *object, sim_hold *hold)
{
	sim_node *node = object->node;
	sim_link *link = hold->link;

	if (hold->given_back || hold->lost || !sim_hold_is_direct(hold)) {
		return;
	}
	if (hold->ref != NULL && sim_hold_state(hold) != WALDO_FAR) {
		return;
	}
	sim_expect(node->world, SIM_HELD_RULE,
	           link->touched || !sim_link_is_up(link) ||
	               (link->passes_on && node->limits.queued_bytes != 0),
	           "object %u is destroyed, node %u holds it by link %u",
	           object->serial, hold->node->index, link->id);
	check_break_first(object, link);
}

void
sim_check_destroy(sim_object *object)
{
	sim_node *node = object->node;
	sim_world *world = node->world;

	sim_expect(world, SIM_DESTROY_ONCE_RULE, object->destroyed == 1,
	           "object %u is destroyed %u times", object->serial,
	           object->destroyed);
	if (node->freeing || object->revoked) {
		return;
	}
	sim_expect(world, SIM_HELD_RULE, object->running == 0,
	           "object %u is destroyed, %u calls run on it", object->serial,
	           object->running);
	for (int i = 0; i < SIM_NAMES; i++) {
		sim_expect(world, SIM_HELD_RULE, node->named[i] != object,
		           "object %u is destroyed and has a name",
		           object->serial);
	}
	for (unsigned i = 0; i < world->holds.count; i++) {
		sim_hold *hold = world->holds.items[i];

		if (hold->object != object || hold->node != node) {
			if (hold->object == object) {
				check_remote(object, hold);
			}
			continue;
		}
		sim_expect(world, SIM_HELD_RULE,
		           hold->ref == NULL || hold->peer != node ||
		               sim_hold_state(hold) != WALDO_NEAR,
		           "object %u is destroyed, its own user holds it",
		           object->serial);
	}
}

/* ---- a failure comes */

/* Promise 6, P16: the message has a limit's name, and its value. */
static void
check_limit(const sim_inv *inv, const waldo_failure *failure)
{
	static const char *const limits[] = {
	    "message_bytes", "depth",
	    "exports",       "open_calls",
	    "queued_bytes",  "total_bytes",
	    "sessions",      "imports",
	    "parked_bytes",  "refs_per_message",
	    "names",         "retained_bytes",
	    "hops"};
	bool named = false, valued = false;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		named |= strstr(failure->message, limits[i]) != NULL;
	}
	for (const char *p = failure->message; *p != '\0'; p++) {
		valued |= isdigit((unsigned char) *p) != 0;
	}
	sim_expect(inv->caller->world, SIM_LIMIT_NAMED_RULE, named && valued,
	           "invocation %u: \"%s\" does not name a limit and its value",
	           inv->id, failure->message);
}

/* Whether a session may have been lost, somewhere on the way. */
static bool
was_touched(const sim_inv *inv)
{
	const sim_link *link = inv->link;

	return link == NULL || link->touched || link->refused || link->denied ||
	       !sim_hold_is_direct(inv->target);
}

/* The peer did not prove who it is, somewhere on the way. */
static bool
was_denied(const sim_inv *inv)
{
	return inv->caller->world->sealed && was_touched(inv);
}

/* ENAME: at the time, or later. */
static bool
was_unpublished(const sim_hold *hold)
{
	return hold->connected == SIM_NAMES ||
	       (hold->connected >= 0 && hold->peer != NULL &&
	        (hold->peer->was_unpublished[hold->connected] ||
	         hold->peer->incarnation > 1));
}

/* Whether the code can be true, by what the world knows. */
static bool
is_true(const sim_inv *inv, const waldo_failure *failure)
{
	const sim_hold *hold = inv->target;
	sim_plan plan = inv->plan;

	switch (failure->code) {
	case WALDO_ENOMEM: return inv->caller->world->oom_seen;
	case WALDO_ELIMIT: return true; /* check_limit() */
	case WALDO_ECONNECT:
	case WALDO_ELOST: return was_touched(inv);
	case WALDO_EDENIED: return plan == SIM_FAIL_ERR || was_denied(inv);
	case WALDO_EPROTOCOL: return inv->link != NULL && inv->link->spoiled;
	case WALDO_EDEADLINE: return inv->deadline != 0;
	case WALDO_ECANCELLED: return inv->cancelled;
	case WALDO_EREVOKED:
		return hold->object == NULL || hold->object->revoked ||
		       hold->object->destroyed > 0;
	case WALDO_ENAME: return was_unpublished(hold);
	case WALDO_EMETHOD: return plan == SIM_DYNAMIC || plan == SIM_UNKNOWN;
	case WALDO_EARGS: return inv->wrong_args;
	case WALDO_EREMOTE:
		return plan == SIM_FAIL || plan == SIM_LATER ||
		       plan == SIM_RELAY || plan == SIM_NO_REPLY;
	default: return false;
	}
}

/* Somebody else had it first, who forwards what is called on it. */
static bool
was_passed_on(const sim_hold *hold)
{
	return hold->proxy || hold->origin != NULL ||
	       (hold->from != NULL &&
	        (hold->from->gave != NULL || hold->from->followed != NULL));
}

/* The callee's own error says that it ran. A call on a promise of ours that
 * broke so never did, and we know; one on a promise that a peer passed on was
 * answered by that peer, which is all that EXECUTED says. */
static void
check_own_error(const sim_inv *inv, const waldo_failure *failure)
{
	bool ran = inv->executed == 1 && inv->answered;

	sim_expect(inv->caller->world, SIM_EXECUTED_RULE,
	           (ran && failure->fate == WALDO_EXECUTED) ||
	               (inv->executed == 0 &&
	                sim_hold_is_doubtful(inv->target) &&
	                (failure->fate == WALDO_NOT_SENT ||
	                 was_passed_on(inv->target))),
	           "invocation %u: the callee's own error; answered %d, "
	           "executed %u, fate %d",
	           inv->id, inv->answered, inv->executed, (int) failure->fate);
}

static void
check_reason(sim_inv *inv, const waldo_failure *failure)
{
	sim_world *world = inv->caller->world;
	bool can_be = is_true(inv, failure) ||
	              strstr(failure->message, "held no reference") ||
	              strstr(failure->message, "HELLO did not come first") ||
	              sim_hold_is_doubtful(inv->target) || inv->vague ||
	              inv->followed != NULL;

	if (!can_be && world->verbose) {
		sim_hold_explain(inv->target);
	}
	sim_expect(world,
	           failure->code == WALDO_EPROTOCOL ? SIM_HONEST_RULE
	                                            : SIM_REASON_RULE,
	           can_be, "invocation %u (%s): %s, \"%s\", which cannot be",
	           inv->id, inv->method, waldo_err_type(failure->code),
	           failure->message);
}

/* The result of a call that failed holds no session up: who has no other use
 * for it ends it, and calls on that result fail by this or by that. */
static bool
is_of_failed(const sim_hold *hold)
{
	return hold->from != NULL && hold->from->completed > 0 &&
	       hold->from->code != WALDO_OK;
}

/* Promises 2 and 7: a failure says what happened. */
void
sim_check_failure(sim_inv *inv, const waldo_failure *failure)
{
	sim_world *world = inv->caller->world;

	if (inv->hostile) {
		return;
	}
	if (failure->code == WALDO_ELIMIT) {
		check_limit(inv, failure);
	}
	if (world->calm && world->stage != SIM_OVER &&
	    !is_of_failed(inv->target)) {
		sim_expect(world, SIM_CALM_RULE,
		           failure->code != WALDO_ELOST &&
		               failure->code != WALDO_ECONNECT,
		           "invocation %u (%s) is lost where nothing broke: %s",
		           inv->id, inv->method, failure->message);
	}
	if (failure->code == WALDO_EREMOTE &&
	    strcmp(failure->type, "sim.Fail") == 0 && inv->followed == NULL) {
		check_own_error(inv, failure);
	}
	if (failure->code == WALDO_EDEADLINE && inv->deadline != 0 &&
	    !sim_hold_is_doubtful(inv->target)) {
		sim_expect(
		    world, SIM_CALLER_DEADLINE_RULE,
		    sim_node_now(inv->caller) + SLACK_US >= inv->deadline ||
		        failure->remote || failure->fate == WALDO_EXECUTED,
		    "invocation %u fails %" PRIu64 " us before its deadline",
		    inv->id, inv->deadline - sim_node_now(inv->caller));
	}
	check_reason(inv, failure);
}

/* ---- a turn ends */

/* P14, promise 1: what was due when the turn began has completed, and the
 * clock is set for what is due next. */
static void
check_due(sim_node *node, const sim_inv *inv, uint64_t began)
{
	sim_world *world = node->world;

	if (node->turn_pending) {
		return;
	}
	if (inv->cancelled && inv->cancel_turn < node->turns) {
		sim_violated(world, SIM_CANCELLED_RULE,
		             "invocation %u was cancelled, had a turn, and is "
		             "still open",
		             inv->id);
	}
	if (inv->deadline != 0 && (began > inv->deadline + SLACK_US ||
	                           node->armed > inv->deadline + SLACK_US)) {
		sim_violated(world, SIM_CALLER_DEADLINE_RULE,
		             "invocation %u is due at %" PRIu64
		             ", the turn began at %" PRIu64
		             ", the next is set for %" PRIu64,
		             inv->id, inv->deadline, began, node->armed);
	}
}

void
sim_check_turn(sim_node *node, uint64_t began)
{
	for (unsigned i = node->deadlines.count; i-- > 0;) {
		sim_inv *inv = node->deadlines.items[i];

		if (inv->completed == 0 && inv->awaited) {
			check_due(node, inv, began);
			continue;
		}
		sim_kept(node->world, inv->cancelled
		                          ? SIM_CANCELLED_RULE
		                          : SIM_CALLER_DEADLINE_RULE);
		(void) sim_list_drop(&node->deadlines, inv);
	}
	if (node->turns % 8 == 0) {
		sim_check_bytes(node);
	}
}

static size_t
or_default(size_t value, size_t otherwise)
{
	return value != 0 ? value : otherwise;
}

/* Promise 6, P16, P20, P39: what is kept for each peer has a bound: what waits
 * to be sent, what was sent and not acknowledged, one message of theirs, and
 * their calls that wait until they read. */
void
sim_check_bytes(sim_node *node)
{
	const waldo_limits *limits = &node->limits;
	size_t each = 2 * or_default(limits->queued_bytes, 16u << 20) +
	              or_default(limits->retained_bytes, 8u << 20) +
	              2 * or_default(limits->message_bytes, 4u << 20) +
	              or_default(limits->call_window, 8u << 20) +
	              or_default(limits->parked_bytes, 1u << 20);
	waldoi_counts counts;

	waldoi_node_count(node->node, &counts);
	sim_expect(node->world, SIM_QUEUED_RULE,
	           counts.bytes <= (counts.sessions + 1) * each,
	           "%zu bytes for %zu sessions", counts.bytes, counts.sessions);
	if (limits->exports != 0) {
		sim_expect(node->world, SIM_EXPORTS_RULE,
		           counts.exports <= counts.sessions * limits->exports,
		           "%zu exports in %zu sessions, exports %u",
		           counts.exports, counts.sessions, limits->exports);
	}
}
