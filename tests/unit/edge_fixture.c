/* SPDX-License-Identifier: MIT */
#include "tests/unit/edge_fixture.h"

struct ending ending;
struct edge edge;

int
open_near(void **state)
{
	wire = transport_find("near");
	return setup(state);
}

int
open_far(void **state)
{
	wire = transport_find("memory");
	return setup(state);
}

waldo_call *
take_held(struct service *service)
{
	assert_true(service->held_count > 0);
	return service->held[--service->held_count];
}

/* ---- an object whose `destroy` does something */

static void
ending_destroy(void *self)
{
	(void) self;
	ending.destroyed++;
	ending.act();
}

static const waldo_method no_methods[] = {{NULL, NULL, NULL, 0}};
static const waldo_class ending_class = {WALDO_CLASS_SIZES, "Ending",
                                         no_methods, ending_destroy, NULL};

waldo_ref *
ending_new(waldo_node *node, void (*act)(void))
{
	waldo_ref *ref = NULL;

	ending = (struct ending){.act = act, .node = node};
	assert_ok(waldo_object_new(node, &ending_class, &ending, &ref));
	return ref;
}

/* ---- an object whose methods do */

void
edge_cancelled(waldo_call *call, void *user)
{
	(void) call;
	(void) user;
	edge.cancelled++;
}

static void
edge_hold(void *self, waldo_call *call)
{
	(void) self;
	edge.held[edge.held_count++] =
	    waldo_call_defer(call, edge_cancelled, NULL);
}

/* deep(n): what deep(n - 1) says; the last one waits. */
static void
edge_deep(void *self, waldo_call *call)
{
	int64_t n = waldo_read_int(waldo_call_get_args(call), 0, EDGE_HELD);

	if (n == 0) {
		edge_hold(self, call);
		return;
	}
	waldo_call_follow(call, waldo_ref_invoke(edge.ref, "deep", "I", n - 1));
}

static void
edge_revoke(void *self, waldo_call *call)
{
	waldo_object_revoke(edge.ref);
	edge_hold(self, call);
}

static void
edge_revoke_and_follow(void *self, waldo_call *call)
{
	(void) self;
	waldo_object_revoke(edge.ref);
	waldo_call_follow(call, waldo_promise_retain(edge.open));
}

static void
edge_follow(void *self, waldo_call *call)
{
	(void) self;
	waldo_call_follow(call, waldo_promise_retain(edge.open));
}

static void
edge_no_promise(void *self, waldo_call *call)
{
	(void) self;
	waldo_call_fail_with(call, waldo_promise_get_failure(NULL));
}

static void
edge_no_ref(void *self, waldo_call *call)
{
	(void) self;
	waldo_call_fail_with(call, waldo_ref_get_failure(NULL));
}

static void
edge_open(void *self, waldo_call *call)
{
	(void) self;
	waldo_call_fail_with(call, waldo_promise_get_failure(edge.open));
}

static const waldo_method edge_methods[] = {
    {"hold", edge_hold, NULL, 0},
    {"deep", edge_deep, NULL, 0},
    {"revoke", edge_revoke, NULL, 0},
    {"revoke_and_follow", edge_revoke_and_follow, NULL, 0},
    {"follow", edge_follow, NULL, 0},
    {"no_promise", edge_no_promise, NULL, 0},
    {"no_ref", edge_no_ref, NULL, 0},
    {"open", edge_open, NULL, 0},
    {NULL, NULL, NULL, 0},
};
static const waldo_class edge_class = {WALDO_CLASS_SIZES, "Edge", edge_methods,
                                       NULL, NULL};

void
edge_new(waldo_node *node)
{
	memset(&edge, 0, sizeof(edge));
	assert_ok(waldo_object_new(node, &edge_class, NULL, &edge.ref));
}

void
edge_end(void)
{
	while (edge.held_count > 0) {
		waldo_call_reply(edge.held[--edge.held_count], "");
	}
	waldo_ref_release(edge.ref);
	edge.ref = NULL;
}
