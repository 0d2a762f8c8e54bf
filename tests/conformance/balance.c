/* SPDX-License-Identifier: MIT */
/* What is left of promises that have travelled, once they have settled: nothing
 * on either side (P3); and cycles of them end (F5, P12). */
#include "tests/conformance/trio.h"

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
		    nodes[i] == NULL ? (waldoi_counts){0} : count_of(nodes[i]);
	}
}

static bool
is_as_before(const waldo_node *node, const waldoi_counts *before)
{
	waldoi_counts now;

	if (node == NULL) {
		return true;
	}
	now = count_of(node);
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
	until(f, count_of(f->server).calls == 0);
	until(f, count_of(f->client).calls == 0);
	until(f, count_of(f->third).calls == 0);
	trio_close(&t);
}

const struct CMUnitTest balance_tests[] = {
    waldo_test(promises_that_are_let_go_before_they_settle_leave_nothing),
    waldo_test(promises_that_are_let_go_after_they_settled_leave_nothing),
    waldo_test(paths_that_changed_leave_nothing),
    waldo_test(a_cycle_over_two_nodes_ends),
    waldo_test(a_cycle_that_closes_from_both_ends_at_once_ends),
    waldo_test(a_cycle_over_three_nodes_ends),
};
END_SUITE(balance);
