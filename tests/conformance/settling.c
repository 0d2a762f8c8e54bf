/* SPDX-License-Identifier: MIT */
/* The order of what is called on promises that travel between two and three
 * nodes, while they settle (P8 to P11, F26). */
#include "tests/conformance/trio.h"

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
};
END_SUITE(settling);
