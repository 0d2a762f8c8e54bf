/* SPDX-License-Identifier: MIT */
/* When objects end: not before, not after the last one who holds them. */
#include "tests/conformance/fixture.h"

static waldo_ref *
make(struct fixture *f)
{
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, "make", ""));
	waldo_ref *ref = o->ref;

	assert_non_null(ref);
	o->ref = NULL;
	return ref;
}

static void
an_object_ends_with_its_last_holder(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = make(f);

	waldo_ref_retain(ref);
	waldo_ref_release(ref);
	barrier(f);
	assert_int_equal(f->services[1].destroyed, 0);
	waldo_ref_release(ref);
	until(f, f->services[1].destroyed > 0);
	barrier(f);
	assert_int_equal(f->services[1].destroyed, 1);
}

static void
a_near_object_ends_before_release_returns(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;
	struct service *service = service_new(f, f->client, &ref);

	waldo_ref_retain(ref);
	waldo_ref_release(ref);
	assert_int_equal(service->destroyed, 0);
	waldo_ref_release(ref);
	assert_int_equal(service->destroyed, 1);
}

/* Deferred or not: waldo_call_get_args(). */
static void
an_argument_lives_until_its_method_returns(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;
	struct service *service = service_new(f, f->client, &mine);
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "hold", "r", mine));

	waldo_ref_release(mine);
	assert_int_equal(service->destroyed, 0);
	until(f, f->service->held_count == 1);
	until(f, service->destroyed > 0);
	service_answer(f->service, 1);
	until(f, o->count > 0);
	assert_integer(o, 1);
	assert_int_equal(service->destroyed, 1);
}

/* P4. */
static void
an_argument_lives_while_its_call_waits_for_the_target(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;
	struct service *service = service_new(f, f->client, &mine);
	waldo_promise *held = waldo_ref_invoke(f->gate, "hold", "");
	waldo_promise *parked =
	    waldo_ref_invoke(waldo_promise_get_ref(held), "keep", "r", mine);
	struct outcome *o = watch_outcome(f, parked);

	waldo_ref_release(mine);
	until(f, f->service->held_count == 1);
	barrier(f);
	assert_int_equal(service->destroyed, 0);
	service_answer_ref(f->service, f->service_ref);
	until(f, o->count > 0);
	barrier(f);
	assert_int_equal(service->destroyed, 0);
	assert_int_equal(waldo_ref_get_state(f->service->kept), WALDO_FAR);
	(void) outcome_of(f, waldo_ref_invoke(f->gate, "let_go", ""));
	until(f, service->destroyed > 0);
	waldo_promise_release(held);
}

static void
a_call_under_way_holds_its_target(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = make(f);
	struct outcome *o = watch_outcome(f, waldo_ref_invoke(ref, "hold", ""));

	waldo_ref_release(ref);
	until(f, f->services[1].held_count == 1);
	barrier(f);
	assert_int_equal(f->services[1].destroyed, 0);
	service_answer(&f->services[1], 6);
	until(f, o->count > 0);
	assert_integer(o, 6);
	until(f, f->services[1].destroyed > 0);
	barrier(f);
	assert_int_equal(f->services[1].destroyed, 1);
}

static void
arguments_that_nobody_kept_end_with_the_call(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;
	struct service *service = service_new(f, f->client, &mine);

	(void) outcome_of(f,
	                  waldo_ref_invoke(f->gate, "call", "rs", mine, "add"));
	waldo_ref_release(mine);
	until(f, service->destroyed > 0);
	assert_int_equal(service->destroyed, 1);
}

/* P3, DESIGN 4.3, 2: counted, whatever becomes of the message. */
static void
arguments_of_a_call_that_is_refused_are_let_go(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;
	struct service *service = service_new(f, f->client, &mine);

	(void) outcome_of(f, waldo_ref_invoke(f->gate, "fly", "r", mine));
	(void) outcome_of(f, waldo_ref_invoke(f->gate, "add", "r", mine));
	assert_ok(waldo_ref_notify(f->gate, "fly", "rr", mine, mine));
	barrier(f);
	waldo_ref_release(mine);
	until(f, service->destroyed > 0);
	assert_int_equal(service->destroyed, 1);
}

static void
a_reference_that_stands_twice_in_a_message_counts_twice(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;
	struct service *service = service_new(f, f->client, &mine);

	(void) outcome_of(
	    f, waldo_ref_invoke(f->gate, "list", "irrr", 3, mine, mine, mine));
	assert_int_equal(service->destroyed, 0);
	(void) outcome_of(f,
	                  waldo_ref_invoke(f->gate, "keep", "rr", mine, mine));
	waldo_ref_release(mine);
	barrier(f);
	assert_int_equal(service->destroyed, 0);
	(void) outcome_of(f, waldo_ref_invoke(f->gate, "let_go", ""));
	until(f, service->destroyed > 0);
	assert_int_equal(service->destroyed, 1);
}

/* DESIGN 4.3, 1: a drop says how many it has seen, so that one that crosses
 * the next send of the same object takes nothing away. */
static void
drops_may_cross_new_sends(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = make(f);

	(void) outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", ref));
	for (int i = 0; i < 40; i++) {
		struct outcome *o =
		    watch_outcome(f, waldo_ref_invoke(f->gate, "kept", ""));
		struct outcome *alive;

		for (int k = 0; k < i % 4; k++) {
			pump(f);
		}
		waldo_ref_release(ref);
		until(f, o->count > 0);
		ref = o->ref;
		o->ref = NULL;
		assert_non_null(ref);
		alive = outcome_of(f, waldo_ref_invoke(ref, "add", "i", i));
		assert_integer(alive, i + 1);
	}
	(void) outcome_of(f, waldo_ref_invoke(f->gate, "let_go", ""));
	assert_int_equal(f->services[1].destroyed, 0);
	waldo_ref_release(ref);
	until(f, f->services[1].destroyed > 0);
	assert_int_equal(f->services[1].destroyed, 1);
}

static void
a_result_that_nobody_wants_is_let_go(void **state)
{
	struct fixture *f = *state;

	waldo_promise_release(waldo_ref_invoke(f->gate, "make", ""));
	until(f, f->service_count == 2 && f->services[1].destroyed > 0);
	assert_int_equal(f->services[1].destroyed, 1);
}

/* DESIGN 4.3, 6; F29, P6: what comes later for a settled promise is released
 * silently. */
static void
a_result_that_comes_too_late_is_let_go(void **state)
{
	struct fixture *f = *state;
	waldo_promise *held = waldo_ref_invoke(f->gate, "hold", "");
	struct outcome *o = watch_outcome(f, waldo_promise_retain(held));
	waldo_ref *ref = NULL;
	struct service *late = service_new(f, f->server, &ref);

	until(f, f->service->held_count == 1);
	waldo_promise_cancel(held);
	until(f, o->count > 0);
	service_answer_ref(f->service, ref);
	waldo_ref_release(ref);
	until(f, late->destroyed > 0);
	barrier(f);
	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_ECANCELLED);
	waldo_promise_release(held);
}

static void
a_result_is_borrowed_by_its_callback(void **state)
{
	struct fixture *f = *state;
	waldo_promise *made = waldo_ref_invoke(f->gate, "make", "");
	struct outcome *o = watch_outcome(f, made);

	until(f, o->count > 0);
	assert_int_equal(f->services[1].destroyed, 0);
	waldo_ref_release(o->ref);
	o->ref = NULL;
	until(f, f->services[1].destroyed > 0);
}

static void
a_promise_holds_its_result(void **state)
{
	struct fixture *f = *state;
	waldo_promise *made = waldo_ref_invoke(f->gate, "make", "");
	waldo_ref *ref = waldo_promise_get_ref(made);

	until(f, waldo_ref_get_state(ref) == WALDO_FAR);
	barrier(f);
	assert_int_equal(f->services[1].destroyed, 0);
	waldo_promise_release(made);
	until(f, f->services[1].destroyed > 0);
}

static void
a_path_holds_only_what_it_leads_to(void **state)
{
	struct fixture *f = *state;
	waldo_promise *tree = waldo_ref_invoke(f->gate, "tree", "");
	waldo_ref *first =
	    waldo_ref_retain(waldo_promise_get_ref_at(tree, "things/0"));

	until(f, waldo_ref_get_state(first) == WALDO_FAR);
	waldo_promise_release(tree);
	until(f, f->services[2].destroyed > 0);
	barrier(f);
	assert_int_equal(f->services[1].destroyed, 0);
	waldo_ref_release(first);
	until(f, f->services[1].destroyed > 0);
}

struct broken {
	struct fixture *f;
	int count, sequence;
};

static void
note_broken(waldo_ref *ref, waldo_state state, void *user)
{
	struct broken *broken = user;

	(void) ref;
	if (state == WALDO_BROKEN) {
		broken->count++;
		broken->sequence = ++broken->f->sequence;
	}
}

/* P35. Promise 5. */
static void
references_break_before_what_the_peer_held_is_released(void **state)
{
	struct fixture *f = *state;
	struct broken broken = {f, 0, 0};
	waldo_ref *mine = NULL;
	struct service *service = service_new(f, f->client, &mine);
	struct outcome *o;

	(void) outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", mine));
	waldo_ref_release(mine);
	assert_ok(waldo_ref_watch(f->gate, note_broken, &broken, NULL));
	o = watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));
	until(f, f->service->held_count == 1);
	assert_int_equal(service->destroyed, 0);
	waldo_ref_end_session(f->gate, "the test is over");
	until(f, service->destroyed > 0);
	assert_int_equal(broken.count, 1);
	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_ELOST);
	assert_true(o->sequence < service->destroyed_at);
	assert_true(broken.sequence < service->destroyed_at);
	/* The other side learns of it too. */
	until(f, f->service->cancelled == 1);
	until(f, waldo_ref_get_state(f->service->kept) == WALDO_BROKEN);
}

static void
a_peer_that_vanishes_lets_go_of_all_it_held(void **state)
{
	struct fixture *f = *state;
	waldo_ref *a = make(f), *b = make(f);
	struct outcome *o = watch_outcome(f, waldo_ref_invoke(a, "hold", ""));

	until(f, f->services[1].held_count == 1);
	node_free(&f->client);
	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_ELOST);
	until(f, f->services[2].destroyed == 1);
	until(f, f->services[1].cancelled == 1);
	service_answer(&f->services[1], 1);
	until(f, f->services[1].destroyed == 1);
	waldo_ref_release(a);
	waldo_ref_release(b);
}

static void
handles_outlive_their_node(void **state)
{
	struct fixture *f = *state;
	waldo_ref *far = make(f), *mine = NULL;
	struct service *service = service_new(f, f->client, &mine);
	waldo_promise *held = waldo_ref_invoke(far, "hold", "");
	waldo_promise *near = waldo_ref_invoke(mine, "hold", "");
	waldo_promise *after;
	struct outcome *o = outcome_new(f);

	until(f, f->services[1].held_count == 1 && service->held_count == 1);
	node_free(&f->client);
	assert_int_equal(service->destroyed, 1);
	assert_int_equal(service->cancelled, 1);
	assert_int_equal(waldo_ref_get_state(far), WALDO_BROKEN);
	assert_int_equal(waldo_ref_get_state(mine), WALDO_BROKEN);
	assert_non_null(waldo_promise_get_failure(held));
	assert_non_null(waldo_promise_get_failure(near));
	assert_err(waldo_ref_notify(far, "add", "i", 1),
	           waldo_ref_get_failure(far)->code);
	after = waldo_ref_invoke(far, "add", "i", 1);
	waldo_promise_release(after);
	waldo_object_revoke(mine);
	service_answer(service, 1);
	(void) o;
	waldo_ref_release(far);
	waldo_ref_release(mine);
	waldo_promise_release(held);
	waldo_promise_release(near);
}

/* DESIGN 4.3, 8: everything in flight, and the node goes. */
static void
a_node_may_be_freed_with_everything_in_flight(void **state)
{
	struct fixture *f = *state;
	struct outcome *o[40];
	waldo_ref *mine = NULL;

	(void) service_new(f, f->client, &mine);
	for (int i = 0; i < 40; i++) {
		waldo_promise *made =
		    waldo_ref_invoke(f->gate, "call", "rs", mine, "hold");

		o[i] = watch_outcome(
		    f, waldo_ref_invoke(waldo_promise_get_ref(made), "add", "i",
		                        i));
		waldo_promise_release(made);
		if (i % 8 == 0) {
			pump(f);
		}
	}
	waldo_ref_release(mine);
	node_free(&f->client);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(o[i]->count, 1);
		assert_int_not_equal(o[i]->code, WALDO_OK);
	}
	node_free(&f->server);
}

const struct CMUnitTest release_tests[] = {
    waldo_test(an_object_ends_with_its_last_holder),
    waldo_test(a_near_object_ends_before_release_returns),
    waldo_test(an_argument_lives_until_its_method_returns),
    waldo_test(an_argument_lives_while_its_call_waits_for_the_target),
    waldo_test(a_call_under_way_holds_its_target),
    waldo_test(arguments_that_nobody_kept_end_with_the_call),
    waldo_test(arguments_of_a_call_that_is_refused_are_let_go),
    waldo_test(a_reference_that_stands_twice_in_a_message_counts_twice),
    waldo_test(drops_may_cross_new_sends),
    waldo_test(a_result_that_nobody_wants_is_let_go),
    waldo_test(a_result_that_comes_too_late_is_let_go),
    waldo_test(a_result_is_borrowed_by_its_callback),
    waldo_test(a_promise_holds_its_result),
    waldo_test(a_path_holds_only_what_it_leads_to),
    waldo_test(references_break_before_what_the_peer_held_is_released),
    waldo_test(a_peer_that_vanishes_lets_go_of_all_it_held),
    waldo_test(handles_outlive_their_node),
    waldo_test(a_node_may_be_freed_with_everything_in_flight),
};
END_SUITE(release);
