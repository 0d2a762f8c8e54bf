/* SPDX-License-Identifier: MIT */
/*
 * Where a reference comes from, and so what it leads to, as far as the world
 * knows. A reference is the result of an invocation (sim_hold.from), or came
 * as the argument of one (sim_hold.origin); a result is a new object, the
 * result of another invocation, or a reference that the callee held.
 */
#include "sim/sim.h"

#include <stdio.h>

#define FAR_ENOUGH 200 /* steps; more of them lead in a circle */

/* One step nearer to the object; NULL at the end. At most one of the two is
 * where we are. */
typedef struct place {
	sim_hold *hold;
	sim_inv *inv;
} place;

static place
step(place at)
{
	if (at.hold != NULL) {
		return (place){at.hold->from == NULL ? at.hold->origin : NULL,
		               at.hold->from};
	}
	return (place){at.inv->followed == NULL ? at.inv->gave : NULL,
	               at.inv->followed};
}

static sim_object *
object_at(place at)
{
	return at.hold != NULL ? at.hold->object : at.inv->made;
}

void
sim_hold_explain(sim_hold *hold)
{
	place at = {hold, NULL};

	for (int i = 0; i < 20 && (at.hold || at.inv); i++) {
		if (at.hold != NULL) {
			(void) printf(
			    "  reference %u of node %u by link %u%s%s, "
			    "state %d",
			    at.hold->serial, at.hold->node->index,
			    at.hold->link != NULL ? at.hold->link->id : 0,
			    at.hold->proxy ? ", passed on" : "",
			    at.hold->tied ? ", tied" : "",
			    at.hold->ref != NULL ? (int) sim_hold_state(at.hold)
			                         : -1);
		} else {
			(void) printf("  result of %u (%s) on reference %u, "
			              "executed %u, answered %d, code %d",
			              at.inv->id, at.inv->method,
			              at.inv->target->serial, at.inv->executed,
			              at.inv->answered, (int) at.inv->code);
		}
		(void) printf("\n");
		at = step(at);
	}
}

sim_object *
sim_hold_object(sim_hold *hold)
{
	place at = {hold, NULL};

	for (int i = 0; i < FAR_ENOUGH && (at.hold || at.inv); i++) {
		sim_object *object = object_at(at);

		if (object != NULL) {
			hold->object = object;
			return object;
		}
		at = step(at);
	}
	return NULL;
}

bool
sim_hold_is_knot(sim_hold *hold)
{
	place at = {hold, NULL};

	for (int i = 0; i < FAR_ENOUGH; i++) {
		if ((at.hold == NULL && at.inv == NULL) ||
		    object_at(at) != NULL) {
			return false;
		}
		at = step(at);
	}
	return true;
}

bool
sim_hold_is_known(sim_hold *hold)
{
	return hold != NULL && !hold->hostile &&
	       (hold->connected >= 0 || sim_hold_object(hold) != NULL);
}

/* The same, and from a call without an answer to what was passed with it, which
 * it may be answered with: by that a promise would come back to the call that
 * it waits for. Anything else that it is answered with is looked at then. */
static place
step_ahead(place at)
{
	place next = step(at);

	if (at.inv != NULL && next.hold == NULL && next.inv == NULL &&
	    at.inv->made == NULL) {
		next.hold = at.inv->arg;
	}
	return next;
}

bool
sim_hold_is_sure(sim_hold *hold)
{
	place at = {hold, NULL};

	for (int i = 0; i < FAR_ENOUGH && (at.hold || at.inv); i++) {
		if (at.inv != NULL && at.inv->executed == 0 &&
		    !sim_hold_is_known(at.inv->target)) {
			return false;
		}
		at = step_ahead(at);
	}
	return true;
}

static bool
is_result_direct(const sim_inv *inv)
{
	return inv->came_by == inv->link && inv->hops == 0 &&
	       !inv->passed_promise && inv->followed == NULL &&
	       (inv->made != NULL || (inv->gave != NULL && inv->gave->own));
}

bool
sim_hold_is_direct(sim_hold *hold)
{
	const sim_object *object = sim_hold_object(hold);
	const sim_inv *from = hold->from;

	return object != NULL && hold->link != NULL &&
	       hold->peer == object->node && hold->peer != hold->node &&
	       !hold->proxy && (hold->origin == NULL || hold->origin->own) &&
	       (from == NULL || is_result_direct(from));
}

/* Not what `inv` must result in: a new object, as itself. */
static bool
is_uncertain(const sim_inv *inv)
{
	return inv->code != WALDO_OK || inv->completed == 0 ||
	       inv->made == NULL;
}

bool
sim_hold_is_doubtful(sim_hold *hold)
{
	for (int i = 0; i < FAR_ENOUGH; i++) {
		if (hold->from != NULL) {
			return is_uncertain(hold->from) || hold->from_path;
		}
		if (hold->origin == NULL) {
			return false;
		}
		hold = hold->origin;
		if (hold->connected >= 0) {
			return true;
		}
	}
	return true;
}
