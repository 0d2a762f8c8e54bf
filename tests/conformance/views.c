/* SPDX-License-Identifier: MIT */
/* Facets that are handed out: with a perspective they are views (PB's
 * Viewable); revoked, they are so for whoever holds them, through others too. */
#include "tests/conformance/fixture.h"

#include <waldo/facet.h>

#include <stdio.h>

/* A view of `target` for `perspective`, which may be NULL. */
static waldo_ref *
view_of(waldo_ref *target, waldo_ref *perspective)
{
	const waldo_facet_options options = {.size = sizeof(options),
	                                     .perspective = perspective};
	waldo_ref *view = NULL;

	assert_ok(waldo_facet_new(target, &options, &view));
	return view;
}

/* An object of the server that stands for a user. */
static waldo_ref *
user_new(struct fixture *f)
{
	waldo_ref *user = NULL;

	assert_non_null(service_new(f, f->server, &user));
	return user;
}

/* What the client gets when the server hands `ref` out; of the outcome. */
static struct outcome *
hand_out(struct fixture *f, waldo_ref *ref)
{
	waldo_ref_release(f->service->kept);
	f->service->kept = waldo_ref_retain(ref);
	return outcome_of(f, waldo_ref_invoke(f->gate, "kept", ""));
}

static const waldo_ref *
told_by(struct fixture *f, waldo_ref *ref)
{
	f->service->perspective = NULL;
	assert_integer(outcome_of(f, waldo_ref_invoke(ref, "add", "i", 1)), 2);
	return f->service->perspective;
}

static void
methods_learn_whose_view_was_invoked(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ann = user_new(f), *bob = user_new(f);
	waldo_ref *anns = view_of(f->service_ref, ann);
	waldo_ref *bobs = view_of(f->service_ref, bob);
	waldo_ref *at_ann = hand_out(f, anns)->ref;
	waldo_ref *at_bob = hand_out(f, bobs)->ref;

	assert_ptr_equal(told_by(f, at_ann), ann);
	assert_ptr_equal(told_by(f, at_bob), bob);
	assert_ptr_equal(told_by(f, at_ann), ann);
	waldo_ref_release(anns);
	waldo_ref_release(bobs);
	waldo_ref_release(ann);
	waldo_ref_release(bob);
}

static void
a_call_on_the_object_itself_has_no_perspective(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ann = user_new(f);
	waldo_ref *view = view_of(f->service_ref, ann);

	(void) told_by(f, hand_out(f, view)->ref);
	assert_null(told_by(f, f->gate));
	assert_null(told_by(f, f->service_ref));
	waldo_ref_release(view);
	waldo_ref_release(ann);
}

/* Whoever passes a view on has it act for its own perspective still; a
 * method's own calls act for nobody. */
static void
a_perspective_is_of_the_view_and_not_of_who_calls(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ann = user_new(f), *other = NULL;
	struct service *second = service_new(f, f->server, &other);
	waldo_ref *view = view_of(f->service_ref, ann);
	waldo_ref *mine = hand_out(f, view)->ref;
	waldo_ref *to_second = hand_out(f, other)->ref;

	/* The second calls the view, for the client. */
	second->perspective = ann;
	assert_integer(outcome_of(f, waldo_ref_invoke(to_second, "call", "rs",
	                                              mine, "add")),
	               8);
	assert_null(second->perspective);
	assert_ptr_equal(f->service->perspective, ann);
	/* The service, called through the view, calls the second. */
	f->service->perspective = NULL;
	second->perspective = ann;
	assert_integer(outcome_of(f, waldo_ref_invoke(mine, "call", "rs",
	                                              to_second, "add")),
	               8);
	assert_ptr_equal(f->service->perspective, ann);
	assert_null(second->perspective);
	waldo_ref_release(view);
	waldo_ref_release(other);
	waldo_ref_release(ann);
}

static void
the_view_next_to_the_object_decides(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ann = user_new(f), *bob = user_new(f);
	waldo_ref *anns = view_of(f->service_ref, ann);
	waldo_ref *bare = view_of(anns, NULL);
	waldo_ref *bobs = view_of(bare, bob);
	waldo_ref *plain = view_of(f->service_ref, NULL);
	waldo_ref *through = view_of(plain, bob);

	assert_ptr_equal(told_by(f, hand_out(f, bare)->ref), ann);
	assert_ptr_equal(told_by(f, hand_out(f, bobs)->ref), ann);
	assert_null(told_by(f, hand_out(f, plain)->ref));
	assert_ptr_equal(told_by(f, hand_out(f, through)->ref), bob);
	waldo_ref_release(through);
	waldo_ref_release(plain);
	waldo_ref_release(bobs);
	waldo_ref_release(bare);
	waldo_ref_release(anns);
	waldo_ref_release(ann);
	waldo_ref_release(bob);
}

/* Calls that wait for what a view is of have its perspective too. */
static void
a_view_of_what_is_pending_tells_it_later(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ann = user_new(f), *other = NULL;
	struct service *second = service_new(f, f->server, &other);
	waldo_promise *held = waldo_ref_invoke(other, "hold", "");
	waldo_ref *view = view_of(waldo_promise_get_ref(held), ann);
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(view, "add", "i", 1));

	until(f, second->held_count == 1);
	service_answer_ref(second, f->service_ref);
	until(f, o->count > 0);
	assert_integer(o, 2);
	assert_ptr_equal(f->service->perspective, ann);
	waldo_promise_release(held);
	waldo_ref_release(view);
	waldo_ref_release(other);
	waldo_ref_release(ann);
}

/* While the call lives, whatever becomes of the view. */
static void
a_deferred_call_keeps_its_perspective(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ann = user_new(f);
	struct service *user = &f->services[f->service_count - 1];
	waldo_ref *view = view_of(f->service_ref, ann);
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(view, "hold", ""));

	until(f, f->service->held_count == 1);
	waldo_ref_release(view);
	waldo_ref_release(ann);
	assert_int_equal(user->destroyed, 0);
	assert_ptr_equal(waldo_call_get_perspective(f->service->held[0]),
	                 user->target);
	service_answer(f->service, 3);
	until(f, o->count > 0);
	barrier(f);
	assert_int_equal(user->destroyed, 1);
}

static void
a_view_holds_its_perspective(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ann = user_new(f);
	struct service *user = &f->services[f->service_count - 1];
	waldo_ref *view = view_of(f->service_ref, ann);

	waldo_ref_release(ann);
	assert_int_equal(user->destroyed, 0);
	waldo_ref_release(view);
	assert_int_equal(user->destroyed, 1);
}

const struct CMUnitTest views_tests[] = {
    waldo_test(methods_learn_whose_view_was_invoked),
    waldo_test(a_call_on_the_object_itself_has_no_perspective),
    waldo_test(a_perspective_is_of_the_view_and_not_of_who_calls),
    waldo_test(the_view_next_to_the_object_decides),
    waldo_test(a_view_of_what_is_pending_tells_it_later),
    waldo_test(a_deferred_call_keeps_its_perspective),
    waldo_test(a_view_holds_its_perspective),
};
END_SUITE(views);

/* ---- with a wire between, and a third node behind that */

static void
a_foreign_perspective_is_refused(void **state)
{
	struct fixture *f = *state;
	waldo_facet_options options = {.size = sizeof(options)};
	waldo_ref *theirs = NULL, *view = NULL;

	(void) service_new(f, f->client, &theirs);
	options.perspective = theirs;
	assert_err(waldo_facet_new(f->service_ref, &options, &view),
	           WALDO_EINVAL);
	assert_null(view);
	waldo_ref_release(theirs);
}

/* A view that a peer makes of our object is that of the peer alone. */
static void
no_peer_can_tell_a_perspective(void **state)
{
	struct fixture *f = *state;
	waldo_ref *theirs = NULL, *view;

	(void) service_new(f, f->client, &theirs);
	view = view_of(f->gate, theirs);
	assert_null(told_by(f, view));
	waldo_ref_release(view);
	waldo_ref_release(theirs);
}

/* A third node, whose service keeps what the client gives it: it reaches the
 * server through the client alone, which is the vine. */
static struct service *
plant(struct fixture *f, waldo_ref *given)
{
	waldo_listener *listener;
	waldo_ref *ref = NULL;
	struct service *third;
	char uri[600];

	f->third = node_new(NULL);
	third = service_new(f, f->third, &ref);
	assert_ok(waldo_listen(f->third, wire->address(), &listener));
	assert_ok(waldo_publish(f->third, "gate", ref));
	waldo_ref_release(ref);
	(void) snprintf(uri, sizeof(uri), "%s/gate",
	                waldo_listener_get_uri(listener));
	assert_ok(waldo_connect(f->client, uri, &ref));
	assert_ok(
	    outcome_of(f, waldo_ref_invoke(ref, "keep", "r", given))->code);
	waldo_ref_release(ref);
	return third;
}

static void
a_revocation_reaches_who_holds_it_through_another(void **state)
{
	struct fixture *f = *state;
	waldo_ref *facet = view_of(f->service_ref, NULL);
	struct outcome *out = hand_out(f, facet);
	struct service *third = plant(f, out->ref);
	struct outcome *near, *far;

	waldo_ref_release(f->service->kept);
	f->service->kept = NULL;
	near = watch_outcome(f, waldo_ref_invoke(out->ref, "hold", ""));
	far = watch_outcome(f, waldo_ref_invoke(third->kept, "hold", ""));
	until(f, f->service->held_count == 2);
	waldo_object_revoke(facet);
	until(f, near->count > 0 && far->count > 0);
	assert_err(near->code, WALDO_EREVOKED);
	assert_err(far->code, WALDO_EREVOKED);
	until(f, f->service->cancelled == 2);
	near = outcome_of(f, waldo_ref_invoke(out->ref, "add", "i", 1));
	far = outcome_of(f, waldo_ref_invoke(third->kept, "add", "i", 1));
	assert_err(near->code, WALDO_EREVOKED);
	assert_err(far->code, WALDO_EREVOKED);
	assert_int_equal(f->service->calls, 3); /* kept, and two that held */
	waldo_ref_release(facet);
}

/* A facet in the middle, of an object that lives elsewhere. */
static void
a_revocation_in_the_middle_cancels_further_on(void **state)
{
	struct fixture *f = *state;
	waldo_ref *facet = view_of(f->gate, NULL);
	struct service *third = plant(f, facet);
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(third->kept, "hold", ""));

	until(f, f->service->held_count == 1);
	waldo_object_revoke(facet);
	until(f, o->count > 0);
	assert_err(o->code, WALDO_EREVOKED);
	until(f, f->service->cancelled == 1);
	o = outcome_of(f, waldo_ref_invoke(third->kept, "add", "i", 1));
	assert_err(o->code, WALDO_EREVOKED);
	waldo_ref_release(facet);
}

static void
a_view_acts_for_its_perspective_through_another(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ann = user_new(f);
	waldo_ref *view = view_of(f->service_ref, ann);
	struct service *third = plant(f, hand_out(f, view)->ref);

	assert_ptr_equal(told_by(f, third->kept), ann);
	waldo_ref_release(view);
	waldo_ref_release(ann);
}

static void
a_facet_breaks_with_the_session_of_its_target(void **state)
{
	struct fixture *f = *state;
	waldo_ref *facet = view_of(f->gate, NULL);
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(facet, "hold", ""));

	until(f, f->service->held_count == 1);
	waldo_ref_end_session(f->gate, "enough");
	until(f, waldo_ref_get_state(facet) == WALDO_BROKEN);
	assert_err(waldo_ref_get_failure(facet)->code, WALDO_ELOST);
	assert_failed(o, WALDO_ELOST, WALDO_MAYBE_EXECUTED);
	waldo_ref_release(facet);
}

/* Promise 5: the last peer that lets go of a facet releases its target. */
static void
the_last_peer_that_lets_go_releases_the_target(void **state)
{
	struct fixture *f = *state;
	waldo_ref *object = NULL;
	struct service *service = service_new(f, f->server, &object);
	waldo_ref *facet = view_of(object, NULL);
	struct outcome *out = hand_out(f, facet);
	struct service *third = plant(f, out->ref);

	waldo_ref_release(object);
	waldo_ref_release(facet);
	waldo_ref_release(f->service->kept);
	f->service->kept = NULL;
	waldo_ref_release(out->ref);
	out->ref = NULL;
	barrier(f);
	assert_integer(
	    outcome_of(f, waldo_ref_invoke(third->kept, "add", "i", 1)), 2);
	assert_int_equal(service->destroyed, 0);
	waldo_ref_release(third->kept);
	third->kept = NULL;
	until(f, service->destroyed == 1);
}

const struct CMUnitTest vines_tests[] = {
    waldo_test(a_foreign_perspective_is_refused),
    waldo_test(no_peer_can_tell_a_perspective),
    waldo_test(a_revocation_reaches_who_holds_it_through_another),
    waldo_test(a_revocation_in_the_middle_cancels_further_on),
    waldo_test(a_view_acts_for_its_perspective_through_another),
    waldo_test(a_facet_breaks_with_the_session_of_its_target),
    waldo_test(the_last_peer_that_lets_go_releases_the_target),
};
END_SUITE(vines);
