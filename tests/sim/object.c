/* SPDX-License-Identifier: MIT */
/* What is called: one class of objects (with `other` and without), whose
 * methods do what the invocation's plan says. */
#include "sim/sim.h"

#include <stdio.h>
#include <string.h>

/* ---- methods */

sim_call *
sim_call_defer(sim_dispatch *d)
{
	sim_call *call = sim_alloc(sizeof(*call));

	call->node = d->node;
	call->inv = d->inv;
	call->object = d->object;
	call->link = d->link;
	call->side = d->side;
	call->call = waldo_call_defer(d->call, sim_on_cancel, call);
	sim_list_add(&d->node->calls, call);
	d->deferred = call;
	return call;
}

sim_hold *
sim_argument_keep(sim_dispatch *d, waldo_ref *ref)
{
	unsigned before = d->node->world->holds.count;
	sim_hold *hold = sim_hold_keep(d->node, ref);

	if (hold == NULL || d->node->world->holds.count == before ||
	    hold->object != NULL) {
		return hold; /* was here before, or is our own */
	}
	hold->link = d->link;
	hold->hostile = d->inv == NULL;
	if (d->inv != NULL) {
		hold->origin = d->inv->arg;
		hold->proxy = d->inv->passed_promise ||
		              d->link != d->inv->link || d->inv->hops > 0;
		hold->object = sim_hold_object(d->inv->arg);
		hold->peer =
		    d->link != NULL ? d->link->ends[d->side].node : d->node;
	}
	return hold;
}

/* `home` was sent on the very reference that it has for an argument. */
static void
check_home(sim_dispatch *d, waldo_ref *ref)
{
	void *self = waldo_ref_get_self(ref, sim_object_class(d->object));

	sim_expect(d->node->world, SIM_HOME_RULE,
	           self == d->object || (self == NULL && d->inv->pending),
	           "object %u came home as something else (state %d)",
	           d->object->serial, (int) waldo_ref_get_state(ref));
}

static void
with_reference(sim_dispatch *d, waldo_reader *args)
{
	waldo_ref *ref = waldo_read_ref(args);
	sim_hold *hold;
	sim_call *call;
	sim_inv *back;
	size_t len = 0;
	const void *data =
	    d->inv->plan == SIM_BOUNCE ? waldo_read_bytes(args, &len) : NULL;

	if (!waldo_call_check(d->call)) {
		return;
	}
	if (data != NULL) {
		sim_expect(d->node->world, SIM_VALUE_RULE,
		           sim_bytes_are(data, len, d->inv->id, d->inv->size),
		           "invocation %u: not the %u bytes that were sent",
		           d->inv->id, d->inv->size);
	}
	if (d->inv->plan == SIM_HOME) {
		check_home(d, ref);
		waldo_call_reply(d->call, "");
		return;
	}
	hold = sim_argument_keep(d, ref);
	if (d->inv->plan == SIM_GIVE || hold == NULL) {
		waldo_call_reply(d->call, "");
		return;
	}
	call = sim_call_defer(d);
	back = sim_inv_new(d->node, hold,
	                   d->inv->plan == SIM_BOUNCE ? SIM_BIG : SIM_ECHO);
	back->size = d->inv->size;
	sim_call_send(back, true);
	call->waits = back->promise != NULL ? back : NULL;
}

static void
echo(sim_dispatch *d, waldo_reader *args)
{
	const char *text = waldo_read_str(args, NULL);
	char expected[16];

	if (!waldo_call_check(d->call)) {
		return;
	}
	(void) snprintf(expected, sizeof(expected), "t%u", d->inv->id);
	sim_expect(d->node->world, SIM_VALUE_RULE, strcmp(text, expected) == 0,
	           "invocation %u came with \"%s\"", d->inv->id, text);
	waldo_call_reply(d->call, "s", text);
}

static void
big(sim_dispatch *d, waldo_reader *args)
{
	size_t len = 0;
	const void *data = waldo_read_bytes(args, &len);

	if (!waldo_call_check(d->call)) {
		return;
	}
	sim_expect(d->node->world, SIM_VALUE_RULE,
	           sim_bytes_are(data, len, d->inv->id, d->inv->size),
	           "invocation %u: %zu bytes, not the %u that were sent",
	           d->inv->id, len, d->inv->size);
	sim_bytes_put(d->node, waldo_call_get_result(d->call), d->inv->id,
	              d->inv->size);
	waldo_call_reply(d->call, "");
}

/* More comes back than was sent. */
static void
pull(sim_dispatch *d)
{
	if (!waldo_call_check(d->call)) {
		return;
	}
	sim_bytes_put(d->node, waldo_call_get_result(d->call), d->inv->id,
	              d->inv->size);
	waldo_call_reply(d->call, "");
}

static bool
is_promise(sim_hold *hold)
{
	return hold->proxy || sim_hold_state(hold) == WALDO_PENDING;
}

static void
get(sim_dispatch *d)
{
	sim_hold *hold = sim_hold_pick(d->node);

	if (!waldo_call_check(d->call)) {
		return;
	}
	if (hold != NULL && !sim_hold_is_sure(hold)) {
		hold = NULL;
	}
	d->inv->gave = hold;
	d->inv->passed_promise = hold != NULL && is_promise(hold);
	waldo_call_reply(d->call, "r", hold != NULL ? hold->ref : NULL);
}

static void
block(sim_dispatch *d, waldo_reader *args)
{
	uint64_t ms = waldo_read_uint(args, 1000);
	uint64_t until = d->node->world->now + ms * 1000;

	if (!waldo_call_check(d->call)) {
		return;
	}
	if (until > d->node->busy_until) {
		d->node->busy_until = until;
		d->node->world->stats->faults[SIM_BLOCK_FAULT]++;
	}
	waldo_call_reply(d->call, "");
}

static void
run_plan(sim_dispatch *d, waldo_reader *args)
{
	switch (d->inv->plan) {
	case SIM_ECHO: echo(d, args); break;
	case SIM_BIG: big(d, args); break;
	case SIM_BLOCK: block(d, args); break;
	case SIM_PULL: pull(d); break;
	case SIM_GET: get(d); break;
	case SIM_GIVE:
	case SIM_BACK:
	case SIM_BOUNCE:
	case SIM_HOME: with_reference(d, args); break;
	case SIM_TYPES:
		waldo_put_rest(waldo_call_get_result(d->call), args);
		waldo_call_reply(d->call, "");
		break;
	case SIM_LATER: (void) sim_call_defer(d); break;
	case SIM_FAIL:
		waldo_call_fail(d->call, "sim.Fail", "invocation %u",
		                d->inv->id);
		break;
	case SIM_FAIL_ERR: waldo_call_fail_err(d->call, WALDO_EDENIED); break;
	case SIM_NO_REPLY: break;
	case SIM_RELAY: sim_relay(d, args); break;
	case SIM_RAISE: sim_raise(d); break;
	case SIM_MAKE:
	case SIM_TABLE:
		if (waldo_call_check(d->call)) {
			sim_reply_object(d->node, d->inv, d->call);
		}
		break;
	case SIM_WHO: waldo_call_reply(d->call, "u", d->object->serial); break;
	default:
		if (waldo_call_check(d->call)) {
			waldo_call_reply(d->call, "u", d->inv->id);
		}
		break;
	}
}

/* A fake peer may call whatever it likes; of what it passes only this may be
 * used, and never passed on. */
static void
run_hostile(sim_dispatch *d, waldo_reader *args)
{
	uint32_t way = sim_below(d->node->world, 4);

	if (waldo_read_type(args) == WALDO_TYPE_REF) {
		sim_hold *hold = sim_argument_keep(d, waldo_read_ref(args));

		if (hold != NULL && hold->hostile) {
			sim_call_plan(d->node, hold, SIM_ECHO);
		}
	}
	if (way == 0) {
		(void) sim_call_defer(d);
	} else if (way == 1) {
		sim_reply_object(d->node, NULL, d->call);
	} else if (way == 2) {
		waldo_put_rest(waldo_call_get_result(d->call), args);
		waldo_call_reply(d->call, "");
	} else if (waldo_call_check(d->call)) {
		waldo_call_reply(d->call, "");
	}
}

/* Which of a link's two ends called: the other one. */
static unsigned
caller_side(const sim_link *link, const sim_node *node)
{
	return link->ends[0].node == node ? 1 : 0;
}

static void
count_call(sim_dispatch *d)
{
	const sim_link *link = d->link;
	uint32_t limit;

	d->object->running++;
	if (link == NULL) {
		return;
	}
	d->side = caller_side(link, d->node);
	d->link->running[d->side]++;
	limit = sim_open_calls(link, 1 - d->side);
	if (link->ends[0].node != link->ends[1].node) {
		sim_expect(d->node->world, SIM_OPEN_CALLS_RULE,
		           link->running[d->side] <= limit,
		           "%u calls of one peer run, open_calls %u",
		           link->running[d->side], limit);
	}
}

/* A call that was deferred earlier is answered from within this one, while
 * those that wait for it may stand right behind in the link's bytes. */
static void
answer_another(sim_dispatch *d)
{
	sim_call *call = sim_list_pick(d->node->world, &d->node->calls);

	if (call != NULL && call->returned && call->waits == NULL) {
		sim_call_answer(call);
	}
}

static void
method(void *self, waldo_call *call)
{
	sim_dispatch d = {.object = self, .call = call};
	sim_world *world = d.object->node->world;
	waldo_reader *args = waldo_call_get_args(call);
	sim_scope scope, inner;
	uint64_t id;

	d.node = d.object->node;
	scope = sim_callback_begin(d.node, SIM_API_NONE);
	d.link = sim_link_from_name(world, waldo_call_get_peer(call)->address);
	count_call(&d);
	id = waldo_read_uint(args, UINT32_MAX);
	if (d.link != NULL && sim_link_is_hostile(d.link)) {
		sim_note(world, "hostile", d.link->id, d.object->serial, 0);
		inner = sim_enter(d.node, SIM_API_ANY);
		run_hostile(&d, args);
		sim_leave(d.node, inner);
	} else if (id == 0 || id > world->invs.count) {
		sim_violated(world, SIM_VALUE_RULE,
		             "object %u was called out of the blue",
		             d.object->serial);
	} else {
		d.inv = world->invs.items[id - 1];
		d.inv->came_by = d.link;
		sim_check_dispatch(d.inv, d.object, call);
		sim_check_cancelled(d.inv, d.link, d.side);
		inner = sim_enter(d.node, SIM_API_ANY);
		run_plan(&d, args);
		sim_leave(d.node, inner);
		d.inv->answered |= d.deferred == NULL;
	}
	if (sim_chance(world, 15)) {
		answer_another(&d);
	}
	if (d.deferred == NULL) {
		sim_call_ended(d.object, d.link, d.side);
	} else {
		d.deferred->returned = true;
	}
	sim_callback_end(d.node, scope);
}

static void
destroy(void *self)
{
	sim_object *object = self;
	sim_scope scope = sim_callback_begin(object->node, SIM_API_ANY);

	object->destroyed++;
	sim_note(object->node->world, "destroy", object->serial, 0, 0);
	sim_check_destroy(object);
	sim_callback_end(object->node, scope);
}

static const waldo_method methods[] = {
    {"echo", method, "(id: u32, text: string) -> string", WALDO_READONLY},
    {"who", method, NULL, 0},
    {"make", method, NULL, 0},
    {"get", method, NULL, 0},
    {"give", method, NULL, 0},
    {"back", method, NULL, 0},
    {"later", method, NULL, 0},
    {"fail", method, NULL, 0},
    {"fail2", method, NULL, 0},
    {"table", method, NULL, 0},
    {"big", method, NULL, 0},
    {"types", method, NULL, 0},
    {"home", method, NULL, 0},
    {"block", method, NULL, 0},
    {"no_reply", method, NULL, 0},
    {"relay", method, NULL, 0},
    {"bounce", method, NULL, 0},
    {"raise", method, NULL, 0},
    {"pull", method, NULL, 0},
    {NULL, NULL, NULL, 0},
};

static const waldo_class open_class = {WALDO_CLASS_SIZES, "sim.Open", methods,
                                       destroy, method};
static const waldo_class plain_class = {WALDO_CLASS_SIZES, "sim.Plain", methods,
                                        destroy, NULL};

const waldo_class *
sim_object_class(const sim_object *object)
{
	return object->plain ? &plain_class : &open_class;
}

sim_object *
sim_object_new(sim_node *node, waldo_ref **ret_ref)
{
	sim_world *world = node->world;
	sim_object *object = sim_alloc(sizeof(*object));
	sim_scope scope;
	waldo_err err;

	object->node = node;
	object->incarnation = node->incarnation;
	object->serial = world->objects.count + 1;
	object->plain = object->serial % 2 != 0;
	scope = sim_enter(node, SIM_API_ANY);
	err = waldo_object_new(node->node, sim_object_class(object), object,
	                       ret_ref);
	sim_leave(node, scope);
	if (err != WALDO_OK) {
		sim_expect(world, SIM_REASON_RULE,
		           (err == WALDO_ENOMEM && world->oom_seen) ||
		               node->freeing,
		           "no object: %s", waldo_strerror(err));
		return NULL;
	}
	sim_list_add(&world->objects, object);
	sim_list_add(&node->objects, object);
	return object;
}

/* Calls on it that its user holds were answered for him: they count no more
 * as their peers'. */
void
sim_object_revoked(sim_object *object)
{
	const sim_list *calls = &object->node->calls;

	object->revoked = true;
	for (unsigned i = 0; i < calls->count; i++) {
		sim_call *call = calls->items[i];

		if (call->object == object && call->link != NULL) {
			call->link->running[call->side]--;
			call->link = NULL;
		}
	}
}
