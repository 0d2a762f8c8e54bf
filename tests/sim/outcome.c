/* SPDX-License-Identifier: MIT */
/* What comes back to a caller: the value that it must be, or a failure. */
#include "sim/sim.h"

#include <stdio.h>
#include <string.h>

/* Keeps a reference that came as a result, most of the time. */
static void
keep_result(sim_inv *inv, waldo_ref *ref)
{
	sim_world *world = inv->caller->world;
	unsigned before = world->holds.count;
	sim_hold *hold;

	if (ref == NULL || sim_chance(world, 30) || world->stage != SIM_BUSY) {
		return;
	}
	hold = sim_hold_keep(inv->caller, ref);
	if (hold == NULL || world->holds.count == before) {
		return;
	}
	hold->from = inv;
	if (hold->peer == NULL && !inv->near) {
		hold->link = inv->link;
		hold->peer = inv->peer;
		hold->hostile = inv->hostile;
		hold->proxy = inv->came_by != inv->link || inv->hops > 0 ||
		              (inv->gave != NULL && inv->passed_promise);
	}
}

static void
read_reference(sim_inv *inv, waldo_reader *result)
{
	if (waldo_read_type(result) == WALDO_TYPE_NIL) {
		waldo_read_skip(result);
	} else {
		keep_result(inv, waldo_read_ref(result));
	}
}

/* {"n": id, "players": [{"avatar": reference}]} */
static bool
read_table(sim_inv *inv, waldo_reader *result)
{
	bool good = waldo_read_map(result) == 2 &&
	            strcmp(waldo_read_str(result, NULL), "n") == 0 &&
	            waldo_read_uint(result, UINT32_MAX) == inv->id &&
	            strcmp(waldo_read_str(result, NULL), "players") == 0 &&
	            waldo_read_list(result) == 1 &&
	            waldo_read_map(result) == 1 &&
	            strcmp(waldo_read_str(result, NULL), "avatar") == 0;

	keep_result(inv, waldo_read_ref(result));
	return good;
}

/* What put_types() of ops.c put. */
static bool
read_types(const sim_inv *inv, waldo_reader *result)
{
	size_t count = waldo_read_list(result);
	bool good = count == 8 && waldo_read_type(result) == WALDO_TYPE_NIL;

	waldo_read_skip(result);
	good &= waldo_read_bool(result) == (inv->id % 2 != 0);
	good &= waldo_read_int(result, INT64_MIN, INT64_MAX) ==
	        -(int64_t) inv->id * 1000003;
	good &= waldo_read_uint(result, UINT64_MAX) == UINT64_MAX - inv->id;
	good &= waldo_read_double(result) * 4 == inv->id;
	good &= strcmp(waldo_read_str(result, NULL), inv->method) == 0;
	good &= waldo_read_time(result) == (int64_t) inv->id * 1000000;
	good &= waldo_read_map(result) == 1;
	good &= strcmp(waldo_read_str(result, NULL), "ref") == 0;
	good &=
	    (waldo_read_type(result) == WALDO_TYPE_REF) == (inv->arg != NULL);
	waldo_read_skip(result);
	return good;
}

static bool
read_echo(const sim_inv *inv, waldo_reader *result)
{
	char expected[16];

	(void) snprintf(expected, sizeof(expected), "t%u", inv->id);
	return strcmp(waldo_read_str(result, NULL), expected) == 0;
}

/* True if the result is the one of this very call. */
static bool
read_value(sim_inv *inv, waldo_reader *result)
{
	const uint8_t *data;
	size_t len = 0;

	switch (inv->plan) {
	case SIM_ECHO: return read_echo(inv, result);
	case SIM_TYPES: return read_types(inv, result);
	case SIM_TABLE: return read_table(inv, result);
	case SIM_WHO:
		return inv->ran_on != NULL &&
		       waldo_read_uint(result, UINT32_MAX) ==
		           inv->ran_on->serial;
	case SIM_DYNAMIC: return waldo_read_uint(result, UINT32_MAX) == inv->id;
	case SIM_PULL:
	case SIM_BIG:
		data = waldo_read_bytes(result, &len);
		return sim_bytes_are(data, len, inv->id, inv->size);
	case SIM_MAKE:
	case SIM_GET:
	case SIM_RELAY:
	case SIM_LATER: read_reference(inv, result); return true;
	default:
		if (waldo_read_type(result) != WALDO_TYPE_NIL) {
			return false;
		}
		waldo_read_skip(result);
		return true;
	}
}

static void
check_value(sim_inv *inv, waldo_reader *result)
{
	sim_plan plan = inv->plan;
	bool good;

	sim_expect(inv->caller->world, SIM_KNOT_RULE,
	           !inv->target->tied || inv->one_way,
	           "invocation %u (%s), on a promise of itself, has a result",
	           inv->id, inv->method);

	if (inv->hostile) {
		return; /* whatever it says */
	}
	inv->plan = inv->one_way ? SIM_PING : plan; /* nil */
	good = read_value(inv, result);
	inv->plan = plan;
	sim_expect(inv->caller->world, SIM_VALUE_RULE,
	           good && waldo_read_end(result) == WALDO_OK,
	           "invocation %u (%s): not its result: %s", inv->id,
	           inv->method, waldo_read_message(result));
}

/* Deferred calls that are answered by this outcome. */
static void
answer_waiting(sim_inv *inv)
{
	sim_list *calls = &inv->caller->calls;

	for (unsigned i = 0; i < calls->count; i++) {
		sim_call *call = calls->items[i];

		if (call->waits == inv) {
			sim_call_answer(call);
			return;
		}
	}
}

void
sim_done(waldo_reader *result, const waldo_failure *failure, void *user)
{
	sim_inv *inv = user;
	sim_node *node = inv->caller;
	sim_world *world = node->world;
	sim_scope scope = sim_callback_begin(node, SIM_API_NONE);
	sim_scope inner;

	inv->completed++;
	inv->code = failure != NULL ? failure->code : WALDO_OK;
	inv->fate = failure != NULL ? failure->fate : WALDO_EXECUTED;
	sim_note(world, "done", inv->id, inv->code, inv->fate);
	sim_expect(world, SIM_ONCE_RULE, inv->completed == 1,
	           "invocation %u completed %u times", inv->id, inv->completed);
	sim_expect(world, SIM_FORGOTTEN_RULE, inv->awaited,
	           "invocation %u completed: it was forgotten, or its callback "
	           "ran inside waldo_promise_when()",
	           inv->id);
	inner = sim_enter(node, SIM_API_ANY);
	if (failure != NULL) {
		sim_check_failure(inv, failure);
	} else {
		check_value(inv, result);
	}
	sim_leave(node, inner);
	if (sim_chance(world, 5)) {
		sim_expect(world, SIM_NO_LOOP_RULE,
		           node->freeing ||
		               waldo_node_step(node->node, 0) == WALDO_EINVAL,
		           "node %u: a callback may step", node->index);
	}
	answer_waiting(inv);
	if (inv->promise != NULL && sim_chance(world, 20)) {
		sim_promise_drop(inv);
	}
	if (node->depth < 2 && world->stage == SIM_BUSY && !world->failed &&
	    sim_chance(world, 10)) {
		sim_act_any(node);
	}
	sim_callback_end(node, scope);
}
