/* SPDX-License-Identifier: MIT */
/*
 * Promises that travel between two and three nodes, and the order of what is
 * called on them while they settle (P8 to P12, P33, F5, F26).
 *
 * `f->client` is the first node, `f->server` the second, and the third holds
 * what the second gives it.
 */
#include "broker/driver.h"
#include "tests/conformance/fixture.h"

#include <stdio.h>

/* Calls on one reference, numbered as they are made. */
struct flow {
	waldo_ref *ref;
	int next;
};

static void
flow_on(struct flow *flow, int count)
{
	while (count-- > 0) {
		assert_ok(
		    waldo_ref_notify(flow->ref, "order", "i", flow->next++));
	}
}

/* And lets the nodes run in between, so that calls are under way at every
 * place when something happens next. */
static void
flow_along(struct fixture *f, struct flow *flow, int count)
{
	while (count-- > 0) {
		flow_on(flow, 1);
		pump(f);
	}
}

static void
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

/* All has arrived, in order. */
static void
assert_flowed(struct fixture *f, const struct service *service,
              struct flow *flow)
{
	struct outcome *o = outcome_of(
	    f, waldo_ref_invoke(flow->ref, "order", "i", flow->next++));

	assert_integer(o, flow->next - 1);
	assert_order(service, flow);
}

/* The other end's last reference that came with store(). */
static waldo_ref *
last_stored(const struct service *service)
{
	assert_true(service->stored_count > 0);
	return service->stored[service->stored_count - 1];
}

/* Gives `ref`, through `target`, to the service behind that. */
static waldo_ref *
give(struct fixture *f, waldo_ref *target, struct service *to, waldo_ref *ref)
{
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(target, "store", "r", ref));

	assert_ok(o->code);
	return last_stored(to);
}

/* An object of each node, as the other nodes see it. */
struct trio {
	struct service *first, *third;
	waldo_ref *first_ref;                        /* near */
	waldo_ref *first_at_second;                  /* borrowed */
	waldo_ref *third_ref, *third_at_second;      /* near; far */
	waldo_ref *first_at_third, *second_at_third; /* borrowed */
};

static void
trio_pair(struct fixture *f, struct trio *t)
{
	memset(t, 0, sizeof(*t));
	t->first = service_new(f, f->client, &t->first_ref);
	assert_non_null(t->first);
	t->first_at_second = give(f, f->gate, f->service, t->first_ref);
}

static void
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

static void
trio_close(struct trio *t)
{
	waldo_ref_release(t->first_ref);
	waldo_ref_release(t->third_ref);
	waldo_ref_release(t->third_at_second);
}

/* A call on `target` that its service holds; released by the caller. */
static waldo_promise *
hold(struct fixture *f, waldo_ref *target, struct service *service)
{
	size_t before = service->held_count;
	waldo_promise *held = waldo_ref_invoke(target, "hold", "");

	until(f, service->held_count > before);
	return held;
}

/* ---- two nodes */

/* A-B-A: what was promised is the caller's own. */
static void
a_result_is_the_callers_own_object(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held;
	struct flow flow = {0};

	trio_pair(f, &t);
	held = hold(f, f->gate, f->service);
	flow.ref = waldo_promise_get_ref(held);
	flow_along(f, &flow, 5);
	flow_on(&flow, 20);
	waldo_node_flush(f->client);
	service_answer_ref(f->service, t.first_at_second);
	flow_until_settled(f, &flow);
	assert_int_equal(waldo_ref_get_state(flow.ref), WALDO_NEAR);
	assert_flowed(f, t.first, &flow);
	waldo_promise_release(held);
	trio_close(&t);
}

/* The same when all is there at once, and nothing is called meanwhile. */
static void
a_call_behind_the_result_does_not_overtake_one_before(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held;
	struct flow flow = {0};

	trio_pair(f, &t);
	(void) outcome_of(f,
	                  waldo_ref_invoke(f->gate, "keep", "r", t.first_ref));
	held = waldo_ref_invoke(f->gate, "kept", "");
	flow.ref = waldo_promise_get_ref(held);
	flow_on(&flow, 10);
	flow_until_settled(f, &flow);
	assert_flowed(f, t.first, &flow);
	waldo_promise_release(held);
	trio_close(&t);
}

/* A-B-A-B: what was promised is promised by the caller, and is an object of the
 * callee's. */
static void
a_result_goes_there_and_back_and_there_again(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held, *back;
	struct flow flow = {0};

	trio_pair(f, &t);
	held = hold(f, f->gate, f->service);
	flow.ref = waldo_promise_get_ref(held);
	flow_along(f, &flow, 5);
	back = hold(f, t.first_at_second, t.first);
	flow_on(&flow, 10);
	waldo_node_flush(f->client);
	service_answer_ref(f->service, waldo_promise_get_ref(back));
	flow_along(f, &flow, 20);
	service_answer_ref(t.first, f->gate);
	flow_until_settled(f, &flow);
	assert_int_equal(waldo_ref_get_state(flow.ref), WALDO_FAR);
	assert_flowed(f, f->service, &flow);
	waldo_promise_release(held);
	waldo_promise_release(back);
	trio_close(&t);
}

/* The same, but both RETURNs cross. */
static void
results_that_cross_keep_their_order(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held, *back;
	struct flow flow = {0};

	trio_pair(f, &t);
	held = hold(f, f->gate, f->service);
	flow.ref = waldo_promise_get_ref(held);
	back = hold(f, t.first_at_second, t.first);
	flow_on(&flow, 10);
	waldo_node_flush(f->client);
	service_answer_ref(f->service, waldo_promise_get_ref(back));
	service_answer_ref(t.first, f->gate);
	flow_until_settled(f, &flow);
	assert_flowed(f, f->service, &flow);
	waldo_promise_release(held);
	waldo_promise_release(back);
	trio_close(&t);
}

/* Whose object is what was promised in an argument. */
enum owner { FIRST, SECOND, THIRD };

static struct service *
service_of(struct fixture *f, const struct trio *t, enum owner owner)
{
	return owner == FIRST    ? t->first
	       : owner == SECOND ? f->service
	                         : t->third;
}

/* The second node calls what the first one promised it in an argument. */
static void
argument_becomes(struct fixture *f, struct trio *t, enum owner owner)
{
	waldo_ref *third_at_first =
	    owner == THIRD
	        ? give(f, t->first_at_second, t->first, t->third_at_second)
	        : NULL;
	waldo_promise *held = hold(f, t->first_ref, t->first);
	struct flow flow = {0};

	flow.ref = give(f, f->gate, f->service, waldo_promise_get_ref(held));
	assert_int_equal(waldo_ref_get_state(flow.ref), WALDO_PENDING);
	flow_along(f, &flow, 5);
	flow_on(&flow, 10);
	waldo_node_flush(f->server);
	service_answer_ref(t->first, owner == FIRST    ? t->first_ref
	                             : owner == SECOND ? f->gate
	                                               : third_at_first);
	flow_until_settled(f, &flow);
	assert_flowed(f, service_of(f, t, owner), &flow);
	waldo_promise_release(held);
}

static void
a_promised_argument_becomes_an_object_of_its_sender(void **state)
{
	struct fixture *f = *state;
	struct trio t;

	trio_pair(f, &t);
	argument_becomes(f, &t, FIRST);
	trio_close(&t);
}

static void
a_promised_argument_becomes_an_object_of_its_receiver(void **state)
{
	struct fixture *f = *state;
	struct trio t;

	trio_pair(f, &t);
	argument_becomes(f, &t, SECOND);
	assert_int_equal(waldo_ref_get_state(last_stored(f->service)),
	                 WALDO_NEAR);
	trio_close(&t);
}

static void
a_promised_argument_becomes_an_object_of_a_third_node(void **state)
{
	struct fixture *f = *state;
	struct trio t;

	trio_open(f, &t);
	argument_becomes(f, &t, THIRD);
	trio_close(&t);
}

/* ---- three nodes */

static void
a_result_is_an_object_of_a_third_node(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held;
	struct flow flow = {0};

	trio_open(f, &t);
	held = hold(f, f->gate, f->service);
	flow.ref = waldo_promise_get_ref(held);
	flow_along(f, &flow, 5);
	flow_on(&flow, 10);
	waldo_node_flush(f->client);
	service_answer_ref(f->service, t.third_at_second);
	flow_until_settled(f, &flow);
	assert_flowed(f, t.third, &flow);
	waldo_promise_release(held);
	trio_close(&t);
}

/* The first node's promise, of which the third one learns by the second. */
static void
passed_on_becomes(struct fixture *f, enum owner owner)
{
	struct trio t;
	waldo_promise *held;
	waldo_ref *third_at_first, *at_second;
	struct flow flow = {0};

	trio_open(f, &t);
	third_at_first = give(f, t.first_at_second, t.first, t.third_at_second);
	held = hold(f, t.first_ref, t.first);
	at_second = give(f, f->gate, f->service, waldo_promise_get_ref(held));
	flow.ref = give(f, t.third_at_second, t.third, at_second);
	assert_int_equal(waldo_ref_get_state(flow.ref), WALDO_PENDING);
	flow_along(f, &flow, 5);
	flow_on(&flow, 10);
	waldo_node_flush(f->third);
	service_answer_ref(t.first, owner == FIRST    ? t.first_ref
	                            : owner == SECOND ? f->gate
	                                              : third_at_first);
	flow_until_settled(f, &flow);
	assert_int_equal(waldo_ref_get_state(flow.ref),
	                 owner == THIRD ? WALDO_NEAR : WALDO_FAR);
	assert_flowed(f, service_of(f, &t, owner), &flow);
	waldo_promise_release(held);
	trio_close(&t);
}

static void
a_promise_that_was_passed_on_becomes_the_first_nodes(void **state)
{
	passed_on_becomes(*state, FIRST);
}

static void
a_promise_that_was_passed_on_becomes_the_second_nodes(void **state)
{
	passed_on_becomes(*state, SECOND);
}

static void
a_promise_that_was_passed_on_becomes_the_third_nodes(void **state)
{
	passed_on_becomes(*state, THIRD);
}

/* A result that the second node has from the third: calls go through both. */
static void
promised_by_the_third_becomes(struct fixture *f, enum owner owner)
{
	struct trio t;
	waldo_promise *held, *behind;
	struct flow flow = {0};

	trio_open(f, &t);
	held = hold(f, f->gate, f->service);
	behind = hold(f, t.third_at_second, t.third);
	flow.ref = waldo_promise_get_ref(held);
	flow_along(f, &flow, 5);
	service_answer_ref(f->service, waldo_promise_get_ref(behind));
	flow_along(f, &flow, 10);
	flow_on(&flow, 10);
	waldo_node_flush(f->client);
	service_answer_ref(t.third, owner == FIRST    ? t.first_at_third
	                            : owner == SECOND ? t.second_at_third
	                                              : t.third_ref);
	flow_until_settled(f, &flow);
	assert_int_equal(waldo_ref_get_state(flow.ref),
	                 owner == FIRST ? WALDO_NEAR : WALDO_FAR);
	assert_flowed(f, service_of(f, &t, owner), &flow);
	waldo_promise_release(held);
	waldo_promise_release(behind);
	trio_close(&t);
}

static void
a_promise_of_a_third_node_becomes_the_first_nodes(void **state)
{
	promised_by_the_third_becomes(*state, FIRST);
}

static void
a_promise_of_a_third_node_becomes_the_second_nodes(void **state)
{
	promised_by_the_third_becomes(*state, SECOND);
}

static void
a_promise_of_a_third_node_becomes_the_third_nodes(void **state)
{
	promised_by_the_third_becomes(*state, THIRD);
}

/* The calls of each caller are in order, numbered from its own base. */
static void
assert_both_in_order(const struct service *service, int base, int count)
{
	int low = 0, high = base;

	for (size_t i = 0; i < service->order_count; i++) {
		int64_t n = service->order[i];

		assert_int_equal(n, n < base ? low : high);
		low += n < base;
		high += n >= base;
	}
	assert_int_equal(low, count);
	assert_int_equal(high, base + count);
}

/* Two callers of one promise that the second node made, while it becomes the
 * object of one of them: one path gets shorter, the other does not. */
static void
two_callers_race_for_a_promise(void **state)
{
	enum { BASE = 1000, COUNT = 60 };
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held;
	struct flow first = {0}, third = {.next = BASE};

	trio_open(f, &t);
	held = hold(f, f->service_ref, f->service);
	third.ref =
	    give(f, t.third_at_second, t.third, waldo_promise_get_ref(held));
	first.ref =
	    give(f, t.first_at_second, t.first, waldo_promise_get_ref(held));
	for (int i = 0; i < COUNT; i++) {
		flow_on(&first, 1);
		flow_on(&third, 1);
		if (i % 3 == 0) {
			pump(f);
		}
		if (i == COUNT / 3) {
			service_answer_ref(f->service, t.first_at_second);
		}
	}
	until(f, t.first->order_count == 2 * COUNT);
	assert_both_in_order(t.first, BASE, COUNT);
	until(f, waldo_ref_get_state(first.ref) == WALDO_NEAR);
	until(f, waldo_ref_get_state(third.ref) == WALDO_FAR);
	waldo_promise_release(held);
	trio_close(&t);
}

/* A promise of the first node's comes home by the second and the third, as
 * another promise of each; all become the one object. */
static void
a_promise_that_came_home_by_way_of_others_keeps_its_order(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held;
	waldo_ref *at_second, *at_third;
	struct flow flow = {0};

	trio_open(f, &t);
	held = hold(f, t.first_ref, t.first);
	at_second = give(f, f->gate, f->service, waldo_promise_get_ref(held));
	at_third = give(f, t.third_at_second, t.third, at_second);
	flow.ref = give(f, t.first_at_third, t.first, at_third);
	flow_along(f, &flow, 10);
	flow_on(&flow, 10);
	waldo_node_flush(f->client);
	service_answer_ref(t.first, t.first_ref);
	flow_until_settled(f, &flow);
	assert_int_equal(waldo_ref_get_state(flow.ref), WALDO_NEAR);
	assert_flowed(f, t.first, &flow);
	waldo_promise_release(held);
	trio_close(&t);
}

/* Results of results, each held by another node and settled last to first. */
static void
a_chain_of_promises_over_three_nodes_keeps_its_order(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *a, *b, *c;
	struct flow flow = {0};

	trio_open(f, &t);
	a = hold(f, f->gate, f->service);
	b = hold(f, t.third_at_second, t.third);
	c = hold(f, t.first_at_third, t.first);
	flow.ref = waldo_promise_get_ref(a);
	flow_along(f, &flow, 5);
	service_answer_ref(t.third, waldo_promise_get_ref(c));
	flow_along(f, &flow, 5);
	service_answer_ref(f->service, waldo_promise_get_ref(b));
	flow_along(f, &flow, 15);
	service_answer_ref(t.first, t.first_ref);
	flow_until_settled(f, &flow);
	assert_int_equal(waldo_ref_get_state(flow.ref), WALDO_NEAR);
	assert_flowed(f, t.first, &flow);
	waldo_promise_release(a);
	waldo_promise_release(b);
	waldo_promise_release(c);
	trio_close(&t);
}

/* ---- what breaks */

static void
a_promise_that_breaks_breaks_everywhere(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held;
	waldo_ref *at_second, *at_third;
	struct outcome *before, *after;

	trio_open(f, &t);
	held = hold(f, t.first_ref, t.first);
	at_second = give(f, f->gate, f->service, waldo_promise_get_ref(held));
	at_third = give(f, t.third_at_second, t.third, at_second);
	before = watch_outcome(f, waldo_ref_invoke(at_third, "add", "i", 1));
	pump(f);
	waldo_call_fail(t.first->held[--t.first->held_count], "game.Over",
	                "it ended");
	until(f, waldo_ref_get_state(at_third) == WALDO_BROKEN);
	assert_int_equal(waldo_ref_get_state(at_second), WALDO_BROKEN);
	assert_string_equal(waldo_ref_get_failure(at_third)->type, "game.Over");
	until(f, before->count > 0);
	assert_err(before->code, WALDO_EREMOTE);
	assert_string_equal(before->kind, "game.Over");
	after = outcome_of(f, waldo_ref_invoke(at_third, "add", "i", 1));
	assert_failed(after, WALDO_EREMOTE, WALDO_NOT_SENT);
	waldo_promise_release(held);
	trio_close(&t);
}

static void
a_broken_result_is_broken_two_nodes_on(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *bad, *held;
	struct outcome *o;

	trio_open(f, &t);
	bad = waldo_ref_invoke(t.third_at_second, "fail", "ss", "game.Over",
	                       "it ended");
	until(f,
	      waldo_ref_get_state(waldo_promise_get_ref(bad)) == WALDO_BROKEN);
	held = hold(f, f->gate, f->service);
	o = watch_outcome(
	    f, waldo_ref_invoke(waldo_promise_get_ref(held), "add", "i", 1));
	service_answer_ref(f->service, waldo_promise_get_ref(bad));
	until(f, o->count > 0);
	assert_string_equal(o->kind, "game.Over");
	until(f,
	      waldo_ref_get_state(waldo_promise_get_ref(held)) == WALDO_BROKEN);
	waldo_promise_release(bad);
	waldo_promise_release(held);
	trio_close(&t);
}

/* The second node goes: what leads through it breaks, and what waited for it
 * fails once. */
static void
promises_break_with_the_node_that_passed_them_on(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held, *through;
	waldo_ref *at_second, *at_third;
	struct outcome *o;

	trio_open(f, &t);
	held = hold(f, t.first_ref, t.first);
	at_second = give(f, f->gate, f->service, waldo_promise_get_ref(held));
	at_third = give(f, t.third_at_second, t.third, at_second);
	through = waldo_ref_invoke(at_third, "add", "i", 1);
	o = watch_outcome(f, waldo_promise_retain(through));
	pump(f);
	waldo_ref_release(t.third_at_second);
	t.third_at_second = NULL;
	waldo_ref_release(f->service_ref);
	f->service_ref = NULL;
	node_free(&f->server);
	until(f, waldo_ref_get_state(at_third) == WALDO_BROKEN);
	until(f, o->count > 0);
	assert_err(o->code, WALDO_ELOST);
	service_answer_ref(t.first, t.first_ref);
	pump(f);
	assert_int_equal(o->count, 1);
	waldo_promise_release(through);
	waldo_promise_release(held);
	trio_close(&t);
}

/* ---- through a proxy (P13, P14, P33) */

/* The third node's object, as the first one has it from the second. */
static waldo_ref *
third_at_first(struct fixture *f, struct trio *t)
{
	return give(f, t->first_at_second, t->first, t->third_at_second);
}

static void
a_cancellation_goes_through(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held;
	struct outcome *o;

	trio_open(f, &t);
	held = hold(f, third_at_first(f, &t), t.third);
	o = watch_outcome(f, waldo_promise_retain(held));
	waldo_promise_cancel(held);
	until(f, o->count > 0);
	assert_failed(o, WALDO_ECANCELLED, WALDO_MAYBE_EXECUTED);
	until(f, t.third->cancelled == 1);
	service_answer(t.third, 1);
	barrier(f);
	assert_int_equal(t.third->cancelled, 1);
	waldo_promise_release(held);
	trio_close(&t);
}

static waldo_promise *
hold_for(waldo_ref *ref, uint32_t timeout_ms)
{
	const waldo_options options = {.size = sizeof(options),
	                               .timeout_ms = timeout_ms};

	return waldo_request_send(waldo_request_new(ref, "hold", &options));
}

static void
a_deadline_goes_through(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	struct outcome *o;

	trio_open(f, &t);
	o = watch_outcome(f, hold_for(third_at_first(f, &t), 400));
	until(f, t.third->held_count == 1);
	assert_true(t.third->time_left > 0 && t.third->time_left <= 400);
	until(f, o->count > 0);
	/* All three clocks strike at once. */
	assert_err(o->code, WALDO_EDEADLINE);
	assert_int_not_equal(o->fate, WALDO_NOT_SENT);
	until(f, t.third->cancelled == 1);
	trio_close(&t);
}

static waldoi_counts
count(const waldo_node *node)
{
	waldoi_counts counts;

	waldoi_node_count(node, &counts);
	return counts;
}

/* A call on a promise that never settles has its deadline, too. */
static void
a_deadline_holds_for_what_waits_at_another_node(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *held;
	struct outcome *o;
	waldo_ref *promised;
	size_t calls;

	trio_open(f, &t);
	held = hold(f, t.first_ref, t.first);
	promised = give(f, f->gate, f->service, waldo_promise_get_ref(held));
	promised = give(f, t.third_at_second, t.third, promised);
	calls = count(f->client).calls;
	o = watch_outcome(f, hold_for(promised, 100));
	until(f, count(f->client).calls > calls);
	until(f, o->count > 0);
	assert_err(o->code, WALDO_EDEADLINE);
	until(f, count(f->client).calls == calls);
	service_answer_ref(t.first, t.first_ref);
	barrier(f);
	assert_int_equal(t.first->held_count, 0);
	waldo_promise_release(held);
	trio_close(&t);
}

/* P7: the callee answered, and that went through. */
static void
an_error_goes_through(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	struct outcome *o;

	trio_open(f, &t);
	o = outcome_of(f, waldo_ref_invoke(third_at_first(f, &t), "fail", "ss",
	                                   "game.Blocked", "a wall"));
	assert_failed(o, WALDO_EREMOTE, WALDO_EXECUTED);
	assert_string_equal(o->kind, "game.Blocked");
	assert_true(o->remote);
	trio_close(&t);
}

/* ---- counts */

struct ledger {
	waldoi_counts before[MAX_NODES];
};

static void
ledger_open(struct fixture *f, struct ledger *ledger)
{
	waldo_node *nodes[MAX_NODES] = {f->client, f->server, f->third};

	barrier(f);
	for (int i = 0; i < MAX_NODES; i++) {
		ledger->before[i] =
		    nodes[i] == NULL ? (waldoi_counts){0} : count(nodes[i]);
	}
}

static bool
is_as_before(const waldo_node *node, const waldoi_counts *before)
{
	waldoi_counts now;

	if (node == NULL) {
		return true;
	}
	now = count(node);
	return now.exports == before->exports &&
	       now.imports == before->imports && now.refs == before->refs &&
	       now.promises == before->promises && now.calls == before->calls &&
	       now.objects == before->objects;
}

static bool
is_balanced(struct fixture *f, const struct ledger *ledger)
{
	return is_as_before(f->client, &ledger->before[0]) &&
	       is_as_before(f->server, &ledger->before[1]) &&
	       is_as_before(f->third, &ledger->before[2]);
}

static void
forget_stored(struct service *service)
{
	waldo_ref_release(service->stored[--service->stored_count]);
	service->stored[service->stored_count] = NULL;
}

/* P3: on both sides nothing is left of a promise, whenever it was let go. */
static void
released_at(struct fixture *f, bool before_it_settles)
{
	struct trio t;
	struct ledger ledger;
	waldo_promise *held;
	waldo_ref *at_second, *at_third;

	trio_open(f, &t);
	ledger_open(f, &ledger);
	held = hold(f, t.first_ref, t.first);
	at_second = give(f, f->gate, f->service, waldo_promise_get_ref(held));
	at_third = give(f, t.third_at_second, t.third, at_second);
	assert_ok(waldo_ref_notify(at_third, "order", "i", 0));
	if (!before_it_settles) {
		service_answer_ref(t.first, f->gate);
		until(f, waldo_ref_get_state(at_third) == WALDO_FAR);
	}
	forget_stored(t.third);
	forget_stored(f->service);
	barrier(f);
	if (before_it_settles) {
		service_answer_ref(t.first, f->gate);
	}
	waldo_promise_release(held);
	until(f, f->service->order_count == 1);
	until(f, is_balanced(f, &ledger));
	trio_close(&t);
}

static void
promises_that_are_let_go_before_they_settle_leave_nothing(void **state)
{
	released_at(*state, true);
}

static void
promises_that_are_let_go_after_they_settled_leave_nothing(void **state)
{
	released_at(*state, false);
}

/* Nor is anything left of the flushes, or of what they held. */
static void
paths_that_changed_leave_nothing(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	struct ledger ledger;
	waldo_promise *held;
	struct flow flow = {0};

	trio_pair(f, &t);
	ledger_open(f, &ledger);
	held = hold(f, f->gate, f->service);
	flow.ref = waldo_promise_get_ref(held);
	flow_along(f, &flow, 5);
	flow_on(&flow, 5);
	service_answer_ref(f->service, t.first_at_second);
	flow_until_settled(f, &flow);
	assert_flowed(f, t.first, &flow);
	waldo_promise_release(held);
	until(f, is_balanced(f, &ledger));
	trio_close(&t);
}

/* ---- cycles (F5, P12) */

/* What is called on a cycle fails, once; and then there is silence. */
static void
assert_cycle(struct fixture *f, waldo_promise *a, waldo_promise *b,
             waldo_promise *c)
{
	waldo_ref *ref = waldo_promise_get_ref(a);
	struct outcome *o = watch_outcome(f, waldo_ref_invoke(ref, "m", ""));
	struct outcome *again;

	until(f, o->count > 0);
	assert_int_not_equal(o->code, WALDO_OK);
	until(f, strstr(o->message, "hops") != NULL ||
	             waldo_ref_get_state(ref) == WALDO_BROKEN);
	again = outcome_of(f, waldo_ref_invoke(ref, "m", ""));
	assert_int_not_equal(again->code, WALDO_OK);
	waldo_promise_release(a);
	waldo_promise_release(b);
	waldo_promise_release(c);
}

static void
a_cycle_over_two_nodes_ends(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	struct ledger ledger;
	waldo_promise *a, *b;

	trio_pair(f, &t);
	ledger_open(f, &ledger);
	a = hold(f, f->gate, f->service);
	b = hold(f, t.first_at_second, t.first);
	assert_ok(waldo_ref_notify(waldo_promise_get_ref(a), "m", ""));
	assert_ok(waldo_ref_notify(waldo_promise_get_ref(b), "m", ""));
	pump(f);
	service_answer_ref(f->service, waldo_promise_get_ref(b));
	for (int i = 0; i < 20; i++) {
		pump(f);
	}
	service_answer_ref(t.first, waldo_promise_get_ref(a));
	assert_cycle(f, a, b, NULL);
	until(f, is_balanced(f, &ledger));
	trio_close(&t);
}

static void
a_cycle_that_closes_from_both_ends_at_once_ends(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	struct ledger ledger;
	waldo_promise *a, *b;

	trio_pair(f, &t);
	ledger_open(f, &ledger);
	a = hold(f, f->gate, f->service);
	b = hold(f, t.first_at_second, t.first);
	assert_ok(waldo_ref_notify(waldo_promise_get_ref(a), "m", ""));
	assert_ok(waldo_ref_notify(waldo_promise_get_ref(b), "m", ""));
	service_answer_ref(f->service, waldo_promise_get_ref(b));
	service_answer_ref(t.first, waldo_promise_get_ref(a));
	assert_cycle(f, a, b, NULL);
	until(f, is_balanced(f, &ledger));
	trio_close(&t);
}

static void
a_cycle_over_three_nodes_ends(void **state)
{
	struct fixture *f = *state;
	struct trio t;
	waldo_promise *a, *b, *c;

	trio_open(f, &t);
	a = hold(f, f->gate, f->service);
	b = hold(f, t.third_at_second, t.third);
	c = hold(f, t.first_at_third, t.first);
	assert_ok(waldo_ref_notify(waldo_promise_get_ref(a), "m", ""));
	service_answer_ref(f->service, waldo_promise_get_ref(b));
	pump(f);
	service_answer_ref(t.third, waldo_promise_get_ref(c));
	service_answer_ref(t.first, waldo_promise_get_ref(a));
	assert_cycle(f, a, b, c);
	/* No call is on its way any more. */
	until(f, count(f->server).calls == 0);
	until(f, count(f->client).calls == 0);
	until(f, count(f->third).calls == 0);
	trio_close(&t);
}

const struct CMUnitTest settling_tests[] = {
    waldo_test(a_result_is_the_callers_own_object),
    waldo_test(a_call_behind_the_result_does_not_overtake_one_before),
    waldo_test(a_result_goes_there_and_back_and_there_again),
    waldo_test(results_that_cross_keep_their_order),
    waldo_test(a_promised_argument_becomes_an_object_of_its_sender),
    waldo_test(a_promised_argument_becomes_an_object_of_its_receiver),
    waldo_test(a_promised_argument_becomes_an_object_of_a_third_node),
    waldo_test(a_result_is_an_object_of_a_third_node),
    waldo_test(a_promise_that_was_passed_on_becomes_the_first_nodes),
    waldo_test(a_promise_that_was_passed_on_becomes_the_second_nodes),
    waldo_test(a_promise_that_was_passed_on_becomes_the_third_nodes),
    waldo_test(a_promise_of_a_third_node_becomes_the_first_nodes),
    waldo_test(a_promise_of_a_third_node_becomes_the_second_nodes),
    waldo_test(a_promise_of_a_third_node_becomes_the_third_nodes),
    waldo_test(two_callers_race_for_a_promise),
    waldo_test(a_promise_that_came_home_by_way_of_others_keeps_its_order),
    waldo_test(a_chain_of_promises_over_three_nodes_keeps_its_order),
    waldo_test(a_promise_that_breaks_breaks_everywhere),
    waldo_test(a_broken_result_is_broken_two_nodes_on),
    waldo_test(promises_break_with_the_node_that_passed_them_on),
    waldo_test(a_cancellation_goes_through),
    waldo_test(a_deadline_goes_through),
    waldo_test(a_deadline_holds_for_what_waits_at_another_node),
    waldo_test(an_error_goes_through),
    waldo_test(promises_that_are_let_go_before_they_settle_leave_nothing),
    waldo_test(promises_that_are_let_go_after_they_settled_leave_nothing),
    waldo_test(paths_that_changed_leave_nothing),
    waldo_test(a_cycle_over_two_nodes_ends),
    waldo_test(a_cycle_that_closes_from_both_ends_at_once_ends),
    waldo_test(a_cycle_over_three_nodes_ends),
};
END_SUITE(settling);
