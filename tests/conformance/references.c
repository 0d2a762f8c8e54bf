/* SPDX-License-Identifier: MIT */
/* References that travel. */
#include "tests/conformance/fixture.h"

#include <stdio.h>

static void
an_object_that_was_passed_is_called_back(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;
	struct service *callback = service_new(f, f->client, &mine);
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(f->gate, "call", "rs", mine, "add"));

	waldo_ref_release(mine);
	assert_integer(o, 8);
	assert_int_equal(callback->calls, 1);
}

static void
a_reference_is_far_where_it_arrives(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;

	(void) service_new(f, f->client, &mine);
	(void) outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", mine));
	assert_int_equal(waldo_ref_get_state(mine), WALDO_NEAR);
	assert_int_equal(waldo_ref_get_state(f->service->kept), WALDO_FAR);
	assert_null(waldo_ref_get_self(f->service->kept, &service_class));
	waldo_ref_release(mine);
}

static void
a_reference_that_comes_home_is_the_object(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;
	struct service *service = service_new(f, f->client, &mine);
	struct outcome *o;

	(void) outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", mine));
	o = outcome_of(f, waldo_ref_invoke(f->gate, "kept", ""));
	assert_int_equal(o->type, WALDO_TYPE_REF);
	assert_int_equal(waldo_ref_get_state(o->ref), WALDO_NEAR);
	assert_ptr_equal(waldo_ref_get_self(o->ref, &service_class), service);
	assert_true(waldo_ref_equal(o->ref, mine));
	waldo_ref_release(mine);
}

static void
what_was_given_comes_home_to_the_giver(void **state)
{
	struct fixture *f = *state;
	struct outcome *made =
	    outcome_of(f, waldo_ref_invoke(f->gate, "make", ""));

	(void) outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", made->ref));
	assert_ptr_equal(waldo_ref_get_self(f->service->kept, &service_class),
	                 &f->services[1]);
	assert_true(waldo_ref_equal(f->service->kept, f->services[1].target));
}

static void
the_object_of_another_class_is_not_ours(void **state)
{
	struct fixture *f = *state;
	static const waldo_class other = {WALDO_CLASS_SIZES, "Other", NULL,
	                                  NULL, NULL};

	assert_ptr_equal(waldo_ref_get_self(f->service_ref, &service_class),
	                 f->service);
	assert_null(waldo_ref_get_self(f->service_ref, &other));
}

/* F6: one live id for each object and session. */
static void
an_object_that_comes_twice_is_one(void **state)
{
	struct fixture *f = *state;
	struct outcome *made =
	    outcome_of(f, waldo_ref_invoke(f->gate, "make", ""));
	struct outcome *a, *b, *other;

	(void) outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", made->ref));
	a = outcome_of(f, waldo_ref_invoke(f->gate, "kept", ""));
	b = outcome_of(f, waldo_ref_invoke(f->gate, "kept", ""));
	other = outcome_of(f, waldo_ref_invoke(f->gate, "make", ""));
	assert_true(waldo_ref_equal(a->ref, b->ref));
	assert_true(waldo_ref_equal(a->ref, made->ref));
	assert_false(waldo_ref_equal(a->ref, other->ref));
}

static void
a_pending_reference_becomes_equal_when_it_is_known(void **state)
{
	struct fixture *f = *state;
	waldo_promise *made = waldo_ref_invoke(f->gate, "make", "");
	waldo_ref *pending = waldo_promise_get_ref(made);
	struct outcome *o;

	assert_true(waldo_ref_equal(pending, pending));
	assert_false(waldo_ref_equal(pending, f->gate));
	o = watch_outcome(f, waldo_promise_retain(made));
	until(f, o->count > 0);
	assert_true(waldo_ref_equal(pending, o->ref));
	waldo_promise_release(made);
}

static void
a_reference_deep_inside_an_argument_arrives(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;
	struct outcome *list;

	(void) service_new(f, f->client, &mine);
	list = outcome_of(
	    f, waldo_ref_invoke(f->gate, "echo", "[{s[r]}]", "k", mine));
	waldo_ref_release(mine);
	assert_ok(list->code);
	assert_int_equal(list->count_in, 1);
}

static void
no_reference_is_nil(void **state)
{
	struct fixture *f = *state;
	struct outcome *o = outcome_of(
	    f, waldo_ref_invoke(f->gate, "echo", "r", (waldo_ref *) NULL));

	assert_ok(o->code);
	assert_int_equal(o->type, WALDO_TYPE_NIL);
}

static void
a_broken_reference_arrives_broken(void **state)
{
	struct fixture *f = *state;
	waldo_promise *bad =
	    waldo_ref_invoke(f->gate, "fail", "ss", "game.Blocked", "a wall");
	waldo_ref *ref = waldo_promise_get_ref(bad);
	struct outcome *o;

	until(f, waldo_ref_get_state(ref) == WALDO_BROKEN);
	o = outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", ref));
	assert_ok(o->code);
	assert_int_equal(waldo_ref_get_state(f->service->kept), WALDO_BROKEN);
	assert_string_equal(waldo_ref_get_failure(f->service->kept)->type,
	                    "game.Blocked");
	waldo_promise_release(bad);
}

/* Descriptor 3: what this session's own call will return. */
static void
a_promised_reference_arrives_and_can_be_invoked(void **state)
{
	struct fixture *f = *state;
	waldo_promise *held = waldo_ref_invoke(f->gate, "hold", "");
	struct outcome *o;

	(void) outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r",
	                                      waldo_promise_get_ref(held)));
	assert_int_not_equal(waldo_ref_get_state(f->service->kept),
	                     WALDO_BROKEN);
	o = watch_outcome(f,
	                  waldo_ref_invoke(f->service->kept, "order", "i", 3));
	barrier(f);
	assert_int_equal(o->count, 0);
	service_answer_ref(f->service, f->service_ref);
	until(f, o->count > 0);
	assert_integer(o, 3);
	assert_int_equal(f->service->order_count, 1);
	until(f, waldo_ref_get_state(f->service->kept) == WALDO_NEAR);
	waldo_promise_release(held);
}

static void
a_promised_reference_that_fails_arrives_broken(void **state)
{
	struct fixture *f = *state;
	waldo_promise *sum = waldo_ref_invoke(f->gate, "add", "i", 1);

	(void) outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r",
	                                      waldo_promise_get_ref(sum)));
	until(f, waldo_ref_get_state(f->service->kept) == WALDO_BROKEN);
	waldo_promise_release(sum);
}

static void
connect_third(struct fixture *f)
{
	waldo_listener *listener;
	waldo_ref *ref = NULL;
	struct service *service;
	char uri[600];

	f->third = node_new(NULL);
	service = service_new(f, f->third, &ref);
	assert_non_null(service);
	assert_ok(waldo_listen(f->third, wire->address(), &listener));
	assert_ok(waldo_publish(f->third, "gate", ref));
	waldo_ref_release(ref);
	(void) snprintf(uri, sizeof(uri), "%s/gate",
	                waldo_listener_get_uri(listener));
	/* The server keeps what the third node publishes. */
	ref = NULL;
	assert_ok(waldo_connect(f->server, uri, &ref));
	f->service->kept = ref;
}

/* P33. */
static void
the_object_of_a_third_node_is_reached_through_the_second(void **state)
{
	struct fixture *f = *state;
	struct outcome *kept, *o;

	connect_third(f);
	until(f, waldo_ref_get_state(f->service->kept) == WALDO_FAR);
	kept = outcome_of(f, waldo_ref_invoke(f->gate, "kept", ""));
	assert_ok(kept->code);
	assert_int_equal(kept->type, WALDO_TYPE_REF);
	o = outcome_of(f, waldo_ref_invoke(kept->ref, "add", "i", 1));
	assert_integer(o, 2);
	assert_int_equal(f->services[1].calls, 1);
}

const struct CMUnitTest references_tests[] = {
    waldo_test(an_object_that_was_passed_is_called_back),
    waldo_test(a_reference_is_far_where_it_arrives),
    waldo_test(a_reference_that_comes_home_is_the_object),
    waldo_test(what_was_given_comes_home_to_the_giver),
    waldo_test(the_object_of_another_class_is_not_ours),
    waldo_test(an_object_that_comes_twice_is_one),
    waldo_test(a_pending_reference_becomes_equal_when_it_is_known),
    waldo_test(a_reference_deep_inside_an_argument_arrives),
    waldo_test(no_reference_is_nil),
    waldo_test(a_broken_reference_arrives_broken),
    waldo_test(a_promised_reference_arrives_and_can_be_invoked),
    waldo_test(a_promised_reference_that_fails_arrives_broken),
    waldo_test(the_object_of_a_third_node_is_reached_through_the_second),
};
END_SUITE(references);
