/* SPDX-License-Identifier: MIT */
#include "tests/conformance/trio.h"

#include <stdio.h>

/* ---- calls in order */

void
flow_on(struct flow *flow, int count)
{
	while (count-- > 0) {
		assert_ok(
		    waldo_ref_notify(flow->ref, "order", "i", flow->next++));
	}
}

void
flow_along(struct fixture *f, struct flow *flow, int count)
{
	while (count-- > 0) {
		flow_on(flow, 1);
		pump(f);
	}
}

void
flow_until_settled(struct fixture *f, struct flow *flow)
{
	uint64_t give_up = wire->now_ms() + 5000;

	while (waldo_ref_get_state(flow->ref) == WALDO_PENDING) {
		if (flow->next < MAX_ORDER / 2) {
			flow_on(flow, 1);
		}
		pump(f);
		assert_true(wire->now_ms() < give_up);
	}
	flow_along(f, flow, 5);
}

static void
assert_order(const struct service *service, const struct flow *flow)
{
	for (size_t i = 0; i < service->order_count; i++) {
		assert_int_equal(service->order[i], i);
	}
	assert_int_equal(service->order_count, flow->next);
}

void
assert_flowed(struct fixture *f, const struct service *service,
              struct flow *flow)
{
	struct outcome *o = outcome_of(
	    f, waldo_ref_invoke(flow->ref, "order", "i", flow->next++));

	assert_integer(o, flow->next - 1);
	assert_order(service, flow);
}

/* ---- three nodes */

waldo_ref *
last_stored(const struct service *service)
{
	assert_true(service->stored_count > 0);
	return service->stored[service->stored_count - 1];
}

waldo_ref *
give(struct fixture *f, waldo_ref *target, struct service *to, waldo_ref *ref)
{
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(target, "store", "r", ref));

	assert_ok(o->code);
	return last_stored(to);
}

void
trio_pair(struct fixture *f, struct trio *t)
{
	memset(t, 0, sizeof(*t));
	t->first = service_new(f, f->client, &t->first_ref);
	assert_non_null(t->first);
	t->first_at_second = give(f, f->gate, f->service, t->first_ref);
}

void
trio_open(struct fixture *f, struct trio *t)
{
	waldo_listener *listener;
	char uri[600];

	trio_pair(f, t);
	f->third = node_new(NULL);
	t->third = service_new(f, f->third, &t->third_ref);
	assert_non_null(t->third);
	assert_ok(waldo_listen(f->third, wire->address(), &listener));
	assert_ok(waldo_publish(f->third, "gate", t->third_ref));
	(void) snprintf(uri, sizeof(uri), "%s/gate",
	                waldo_listener_get_uri(listener));
	assert_ok(waldo_connect(f->server, uri, &t->third_at_second));
	t->first_at_third =
	    give(f, t->third_at_second, t->third, t->first_at_second);
	t->second_at_third =
	    give(f, t->third_at_second, t->third, f->service_ref);
}

void
trio_close(struct trio *t)
{
	waldo_ref_release(t->first_ref);
	waldo_ref_release(t->third_ref);
	waldo_ref_release(t->third_at_second);
}

waldo_promise *
hold(struct fixture *f, waldo_ref *target, struct service *service)
{
	size_t before = service->held_count;
	waldo_promise *held = waldo_ref_invoke(target, "hold", "");

	until(f, service->held_count > before);
	return held;
}

waldoi_counts
count_of(const waldo_node *node)
{
	waldoi_counts counts;

	waldoi_node_count(node, &counts);
	return counts;
}
