/* SPDX-License-Identifier: MIT */
/* Objects that are taken back from everybody at once. */
#include "tests/conformance/fixture.h"

static void
a_revoked_object_is_destroyed_once_and_at_once(void **state)
{
	struct fixture *f = *state;

	waldo_object_revoke(f->service_ref);
	assert_int_equal(f->service->destroyed, 1);
	waldo_object_revoke(f->service_ref);
	assert_int_equal(f->service->destroyed, 1);
}

static void
its_near_references_are_broken(void **state)
{
	struct fixture *f = *state;
	const waldo_failure *failure;

	waldo_object_revoke(f->service_ref);
	assert_int_equal(waldo_ref_get_state(f->service_ref), WALDO_BROKEN);
	assert_null(waldo_ref_get_self(f->service_ref, &service_class));
	failure = waldo_ref_get_failure(f->service_ref);
	assert_non_null(failure);
	assert_err(failure->code, WALDO_EREVOKED);
}

static void
calls_that_come_later_fail(void **state)
{
	struct fixture *f = *state;
	struct outcome *o;

	barrier(f);
	waldo_object_revoke(f->service_ref);
	o = outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1));
	assert_int_equal(o->count, 1);
	assert_err(o->code, WALDO_EREVOKED);
	assert_int_equal(f->service->calls, 0);
}

static void
calls_that_are_under_way_fail(void **state)
{
	struct fixture *f = *state;
	struct outcome *o;

	barrier(f);
	o = watch_outcome(f, waldo_ref_invoke(f->gate, "add", "i", 1));
	waldo_object_revoke(f->service_ref);
	until(f, o->count > 0);
	assert_err(o->code, WALDO_EREVOKED);
	assert_int_equal(f->service->calls, 0);
}

static void
calls_that_wait_for_it_fail(void **state)
{
	struct fixture *f = *state;
	waldo_promise *held = waldo_ref_invoke(f->gate, "hold", "");
	waldo_ref *other_ref = NULL;
	struct service *other = service_new(f, f->server, &other_ref);
	struct outcome *o = watch_outcome(
	    f, waldo_ref_invoke(waldo_promise_get_ref(held), "add", "i", 1));

	until(f, f->service->held_count == 1);
	waldo_object_revoke(other_ref);
	service_answer_ref(f->service, other_ref);
	until(f, o->count > 0);
	assert_err(o->code, WALDO_EREVOKED);
	assert_int_equal(other->calls, 0);
	waldo_ref_release(other_ref);
	waldo_promise_release(held);
}

static void
its_deferred_calls_are_cancelled(void **state)
{
	struct fixture *f = *state;
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(f->gate, "hold", ""));

	until(f, f->service->held_count == 1);
	waldo_object_revoke(f->service_ref);
	until(f, f->service->cancelled == 1);
	service_answer(f->service, 3);
	until(f, o->count > 0);
	barrier(f);
	assert_int_equal(f->service->cancelled, 1);
	assert_int_equal(o->count, 1);
}

struct told {
	int count;
	waldo_state state;
};

static void
note_broken(waldo_ref *ref, waldo_state state, void *user)
{
	struct told *told = user;

	(void) ref;
	told->count++;
	told->state = state;
}

static void
its_near_watches_are_told_once(void **state)
{
	struct fixture *f = *state;
	struct told told = {0};

	assert_ok(waldo_ref_watch(f->service_ref, note_broken, &told, NULL));
	waldo_object_revoke(f->service_ref);
	assert_int_equal(told.count, 0);
	until(f, told.count > 0);
	barrier(f);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.state, WALDO_BROKEN);
}

static void
an_object_without_a_name_may_be_revoked_before_it_was_used(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;
	struct service *service = service_new(f, f->server, &ref);

	waldo_object_revoke(ref);
	assert_int_equal(service->destroyed, 1);
	waldo_ref_release(ref);
	assert_int_equal(service->destroyed, 1);
}

static void
a_revoked_object_is_passed_as_a_broken_reference(void **state)
{
	struct fixture *f = *state;
	waldo_ref *mine = NULL;
	struct outcome *o;

	(void) service_new(f, f->client, &mine);
	waldo_object_revoke(mine);
	o = outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", mine));
	assert_ok(o->code);
	assert_int_equal(waldo_ref_get_state(f->service->kept), WALDO_BROKEN);
	assert_err(waldo_ref_get_failure(f->service->kept)->code,
	           WALDO_EREVOKED);
	waldo_ref_release(mine);
}

static void
the_caller_of_a_far_object_keeps_a_reference_that_fails(void **state)
{
	struct fixture *f = *state;
	struct outcome *made =
	    outcome_of(f, waldo_ref_invoke(f->gate, "make", ""));
	struct outcome *o;

	waldo_object_revoke(f->services[1].target);
	assert_int_equal(f->services[1].destroyed, 1);
	o = outcome_of(f, waldo_ref_invoke(made->ref, "add", "i", 1));
	assert_err(o->code, WALDO_EREVOKED);
	/* F6: sent home, it is still that object, and still broken. */
	(void) outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", made->ref));
	assert_int_equal(waldo_ref_get_state(f->service->kept), WALDO_BROKEN);
}

const struct CMUnitTest revoking_tests[] = {
    waldo_test(a_revoked_object_is_destroyed_once_and_at_once),
    waldo_test(its_near_references_are_broken),
    waldo_test(calls_that_come_later_fail),
    waldo_test(calls_that_are_under_way_fail),
    waldo_test(calls_that_wait_for_it_fail),
    waldo_test(its_deferred_calls_are_cancelled),
    waldo_test(its_near_watches_are_told_once),
    waldo_test(an_object_without_a_name_may_be_revoked_before_it_was_used),
    waldo_test(a_revoked_object_is_passed_as_a_broken_reference),
    waldo_test(the_caller_of_a_far_object_keeps_a_reference_that_fails),
};
END_SUITE(revoking);
