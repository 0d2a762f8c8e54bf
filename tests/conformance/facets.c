/* SPDX-License-Identifier: MIT */
/* Facets: what they let through, what goes along, and how they end. Here they
 * are the client's, over the gate; views.c has those of the server. */
#include "tests/conformance/fixture.h"

#include <waldo/facet.h>

static waldo_ref *
facet_of(waldo_ref *target, const waldo_facet_options *options)
{
	waldo_ref *facet = NULL;

	assert_ok(waldo_facet_new(target, options, &facet));
	assert_non_null(facet);
	return facet;
}

static waldo_ref *
facet_for(waldo_ref *target, const char *const *methods)
{
	const waldo_facet_options options = {.size = sizeof(options),
	                                     .methods = methods};

	return facet_of(target, &options);
}

static void
assert_ordered(const struct service *service, size_t count)
{
	assert_int_equal(service->order_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(service->order[i], i);
	}
}

static void
send_orders(struct fixture *f, waldo_ref *ref, int from, int to)
{
	for (int i = from; i < to; i++) {
		(void) watch_outcome(f, waldo_ref_invoke(ref, "order", "i", i));
	}
}

static void
until_settled(struct fixture *f)
{
	for (size_t i = 0; i < f->outcome_count; i++) {
		until(f, f->outcomes[i].count > 0);
	}
}

/* ---- passing on */

/* P8 */
static void
calls_pass_in_order(void **state)
{
	struct fixture *f = *state;
	waldo_ref *facet = facet_of(f->gate, NULL);

	send_orders(f, facet, 0, 50);
	until_settled(f);
	assert_ordered(f->service, 50);
	assert_integer(&f->outcomes[f->outcome_count - 1], 49);
	waldo_ref_release(facet);
}

/* P8, P9 */
static void
calls_keep_their_order_while_the_target_is_pending(void **state)
{
	struct fixture *f = *state;
	waldo_promise *held = waldo_ref_invoke(f->gate, "hold", "");
	waldo_ref *facet = facet_of(waldo_promise_get_ref(held), NULL);

	send_orders(f, facet, 0, 5);
	until(f, f->service->held_count == 1);
	assert_int_equal(f->service->order_count, 0);
	send_orders(f, facet, 5, 10);
	service_answer_ref(f->service, f->service_ref);
	send_orders(f, facet, 10, 15);
	pump(f);
	send_orders(f, facet, 15, 20);
	until_settled(f);
	assert_ordered(f->service, 20);
	waldo_ref_release(facet);
	waldo_promise_release(held);
}

static void
references_go_along(void **state)
{
	struct fixture *f = *state;
	waldo_ref *facet = facet_of(f->gate, NULL);
	waldo_ref *mine = NULL;
	struct outcome *o;

	(void) service_new(f, f->client, &mine);
	o = outcome_of(f, waldo_ref_invoke(facet, "echo", "r", mine));
	assert_true(waldo_ref_equal(o->ref, mine));
	o = outcome_of(f, waldo_ref_invoke(facet, "echo", "r", facet));
	assert_true(waldo_ref_equal(o->ref, facet));
	waldo_ref_release(mine);
	waldo_ref_release(facet);
}

static void
calls_are_pipelined_on_what_comes_through(void **state)
{
	struct fixture *f = *state;
	waldo_ref *facet = facet_of(f->gate, NULL);
	waldo_promise *made = waldo_ref_invoke(facet, "make", "");
	struct outcome *o = outcome_of(
	    f, waldo_ref_invoke(waldo_promise_get_ref(made), "add", "i", 4));

	assert_integer(o, 5);
	waldo_promise_release(made);
	waldo_ref_release(facet);
}

static void
failures_pass_as_they_are(void **state)
{
	struct fixture *f = *state;
	waldo_ref *facet = facet_of(f->gate, NULL);
	struct outcome *o =
	    outcome_of(f, waldo_ref_invoke(facet, "fail", "ss", "a.B", "c"));

	assert_string_equal(o->kind, "a.B");
	assert_string_equal(o->message, "c");
	assert_int_equal(o->fate, WALDO_EXECUTED);
	waldo_ref_release(facet);
}

static void
what_goes_one_way_does_so(void **state)
{
	struct fixture *f = *state;
	waldo_ref *facet = facet_of(f->gate, NULL);

	assert_ok(waldo_ref_notify(facet, "order", "i", 0));
	until(f, f->service->order_count == 1);
	waldo_ref_release(facet);
}

/* P14 */
static void
a_deadline_goes_along(void **state)
{
	const waldo_options soon = {sizeof(soon), 200, 0};
	struct fixture *f = *state;
	waldo_ref *facet = facet_of(f->gate, NULL);
	struct outcome *o = outcome_of(
	    f, waldo_request_send(waldo_request_new(facet, "hold", &soon)));

	assert_err(o->code, WALDO_EDEADLINE);
	until(f, f->service->cancelled == 1);
	assert_in_range(f->service->time_left, 1, 200);
	waldo_ref_release(facet);
}

/* P13 */
static void
a_cancellation_goes_along(void **state)
{
	struct fixture *f = *state;
	waldo_ref *facet = facet_of(f->gate, NULL);
	waldo_promise *held = waldo_ref_invoke(facet, "hold", "");
	struct outcome *o = watch_outcome(f, waldo_promise_retain(held));

	until(f, f->service->held_count == 1);
	waldo_promise_cancel(held);
	until(f, f->service->cancelled == 1);
	assert_failed(o, WALDO_ECANCELLED, WALDO_MAYBE_EXECUTED);
	waldo_promise_release(held);
	waldo_ref_release(facet);
}

/* P12 */
static void
a_circle_of_facets_ends(void **state)
{
	static const char *const some[] = {"add", NULL};
	struct fixture *f = *state;
	waldo_promise *held = waldo_ref_invoke(f->gate, "hold", "");
	waldo_ref *facet = facet_for(waldo_promise_get_ref(held), some);
	struct outcome *o;

	until(f, f->service->held_count == 1);
	(void) outcome_of(f, waldo_ref_invoke(f->gate, "keep", "r", facet));
	service_answer_ref(f->service, f->service->kept);
	o = outcome_of(f, waldo_ref_invoke(facet, "add", "i", 1));
	assert_err(o->code, WALDO_ELIMIT);
	assert_non_null(strstr(o->message, "hops"));
	o = outcome_of(f, waldo_ref_invoke(facet, ".describe", ""));
	assert_err(o->code, WALDO_ELIMIT);
	waldo_promise_release(held);
	waldo_object_revoke(facet); /* or it would hold itself for ever */
	waldo_ref_release(facet);
}

/* ---- what is let through */

static void
what_is_not_listed_is_denied(void **state)
{
	static const char *const some[] = {"add", "echo", NULL};
	struct fixture *f = *state;
	waldo_ref *facet = facet_for(f->gate, some);
	struct outcome *o;

	o = outcome_of(f, waldo_ref_invoke(facet, "order", "i", 1));
	assert_failed(o, WALDO_EDENIED, WALDO_NOT_SENT);
	assert_non_null(strstr(o->message, "'order'"));
	o = outcome_of(f, waldo_ref_invoke(facet, "ad", "i", 1));
	assert_failed(o, WALDO_EDENIED, WALDO_NOT_SENT);
	assert_int_equal(f->service->calls, 0);
	assert_integer(outcome_of(f, waldo_ref_invoke(facet, "add", "i", 1)),
	               2);
	waldo_ref_release(facet);
}

static void
a_list_is_copied_and_may_be_empty(void **state)
{
	char name[] = "add";
	const char *names[] = {name, NULL};
	struct fixture *f = *state;
	waldo_ref *facet = facet_for(f->gate, names);
	waldo_ref *closed;
	struct outcome *o;

	name[0] = 'x';
	names[0] = NULL;
	assert_integer(outcome_of(f, waldo_ref_invoke(facet, "add", "i", 1)),
	               2);
	closed = facet_for(f->gate, names);
	o = outcome_of(f, waldo_ref_invoke(closed, "add", "i", 1));
	assert_err(o->code, WALDO_EDENIED);
	o = outcome_of(f, waldo_ref_invoke(closed, ".ping", ""));
	assert_ok(o->code);
	waldo_ref_release(closed);
	waldo_ref_release(facet);
}

/* The names that a description tells, and its class. */
struct described {
	bool done;
	char text[600];
};

static void
note_methods(waldo_reader *r, struct described *d)
{
	for (size_t n = waldo_read_list(r); n > 0; n--) {
		for (size_t m = waldo_read_map(r); m > 0; m--) {
			const char *key = waldo_read_str(r, NULL);

			if (waldo_read_type(r) == WALDO_TYPE_STR &&
			    strcmp(key, "flags") != 0) {
				strcat(d->text, " ");
				strcat(d->text, waldo_read_str(r, NULL));
			} else {
				waldo_read_skip(r);
			}
		}
	}
}

static void
note_description(waldo_reader *r, const waldo_failure *failure, void *user)
{
	struct described *d = user;

	d->done = true;
	if (failure != NULL) {
		strcpy(d->text, failure->message);
		return;
	}
	for (size_t n = waldo_read_map(r); n > 0; n--) {
		if (strcmp(waldo_read_str(r, NULL), "methods") == 0) {
			note_methods(r, d);
		} else {
			strcat(d->text, waldo_read_str(r, NULL));
		}
	}
	if (waldo_read_end(r) != WALDO_OK) {
		strcpy(d->text, waldo_read_message(r));
	}
}

static void
describe(struct fixture *f, waldo_ref *ref, struct described *d)
{
	*d = (struct described){0};
	assert_ok(waldo_promise_when(waldo_ref_invoke(ref, ".describe", ""),
	                             note_description, d));
	until(f, d->done);
}

static void
a_description_tells_what_is_let_through(void **state)
{
	static const char *const some[] = {"nothing", "order", "add", NULL};
	struct fixture *f = *state;
	waldo_ref *facet = facet_for(f->gate, some);
	waldo_ref *all = facet_of(f->gate, NULL);
	struct described d, whole;

	describe(f, facet, &d);
	assert_string_equal(d.text, "Service order (n: i64) -> i64 add "
	                            "(n: i64)");
	describe(f, f->gate, &whole);
	describe(f, all, &d);
	assert_string_equal(d.text, whole.text);
	waldo_ref_release(all);
	waldo_ref_release(facet);
}

static void
calls_beyond_the_rate_fail(void **state)
{
	const waldo_facet_options options = {
	    .size = sizeof(options), .calls_per_second = 5, .burst = 3};
	struct fixture *f = *state;
	waldo_ref *facet = facet_of(f->gate, &options);
	uint64_t since;

	send_orders(f, facet, 0, 4);
	until_settled(f);
	assert_ordered(f->service, 3);
	assert_failed(&f->outcomes[3], WALDO_ELIMIT, WALDO_NOT_SENT);
	assert_non_null(strstr(f->outcomes[3].message, "5 calls a second"));
	since = wire->now_ms();
	until(f, wire->now_ms() > since + 250);
	send_orders(f, facet, 3, 5);
	until_settled(f);
	assert_ordered(f->service, 4);
	waldo_ref_release(facet);
}

static void
a_burst_is_as_a_second_has(void **state)
{
	const waldo_facet_options options = {.size = sizeof(options),
	                                     .calls_per_second = 2};
	struct fixture *f = *state;
	waldo_ref *facet = facet_of(f->gate, &options);

	send_orders(f, facet, 0, 3);
	until_settled(f);
	assert_ordered(f->service, 2);
	waldo_ref_release(facet);
}

/* ---- its end */

static void
a_revoked_facet_is_broken_and_its_target_is_not(void **state)
{
	struct fixture *f = *state;
	waldo_ref *facet = facet_of(f->gate, NULL);
	struct outcome *o;

	waldo_object_revoke(facet);
	assert_int_equal(waldo_ref_get_state(facet), WALDO_BROKEN);
	o = outcome_of(f, waldo_ref_invoke(facet, "add", "i", 1));
	assert_failed(o, WALDO_EREVOKED, WALDO_NOT_SENT);
	assert_integer(outcome_of(f, waldo_ref_invoke(f->gate, "add", "i", 1)),
	               2);
	waldo_ref_release(facet);
}

/* The caller is told in the next turn, whatever the callee does. */
static void
its_calls_under_way_fail_and_are_cancelled(void **state)
{
	struct fixture *f = *state;
	waldo_ref *facet = facet_of(f->gate, NULL);
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(facet, "hold", ""));

	until(f, f->service->held_count == 1);
	waldo_object_revoke(facet);
	assert_int_equal(o->count, 0);
	(void) waldo_node_step(f->client, 0);
	assert_failed(o, WALDO_EREVOKED, WALDO_MAYBE_EXECUTED);
	until(f, f->service->cancelled == 1);
	service_answer(f->service, 3);
	barrier(f);
	assert_int_equal(f->service->cancelled, 1);
	assert_int_equal(o->count, 1);
	waldo_ref_release(facet);
}

static void
a_facet_expires(void **state)
{
	const waldo_facet_options options = {.size = sizeof(options),
	                                     .lifetime_ms = 50};
	struct fixture *f = *state;
	waldo_ref *facet = facet_of(f->gate, &options);
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(facet, "hold", ""));

	until(f, f->service->held_count == 1);
	until(f, o->count > 0);
	assert_failed(o, WALDO_EREVOKED, WALDO_MAYBE_EXECUTED);
	assert_string_equal(o->message, "the facet has expired");
	assert_int_equal(waldo_ref_get_state(facet), WALDO_BROKEN);
	until(f, f->service->cancelled == 1);
	waldo_ref_release(facet);
}

static void
a_facet_breaks_as_its_target_does(void **state)
{
	struct fixture *f = *state;
	waldo_promise *held = waldo_ref_invoke(f->gate, "hold", "");
	waldo_ref *facet = facet_of(waldo_promise_get_ref(held), NULL);
	struct outcome *o =
	    watch_outcome(f, waldo_ref_invoke(facet, "add", "i", 1));

	until(f, f->service->held_count == 1);
	waldo_object_revoke(f->service_ref); /* which the hold is of */
	until(f, waldo_ref_get_state(facet) == WALDO_BROKEN);
	assert_err(waldo_ref_get_failure(facet)->code, WALDO_EREVOKED);
	assert_non_null(
	    strstr(waldo_ref_get_failure(facet)->message, "Service"));
	until(f, o->count > 0);
	assert_err(o->code, WALDO_EREVOKED);
	waldo_promise_release(held);
	waldo_ref_release(facet);
}

static void
a_facet_of_what_is_broken_is_broken(void **state)
{
	struct fixture *f = *state;
	waldo_ref *ref = NULL;
	waldo_ref *facet;

	(void) service_new(f, f->client, &ref);
	waldo_object_revoke(ref);
	facet = facet_of(ref, NULL);
	assert_int_equal(waldo_ref_get_state(facet), WALDO_BROKEN);
	assert_err(waldo_ref_get_failure(facet)->code, WALDO_EREVOKED);
	waldo_ref_release(facet);
	waldo_ref_release(ref);
}

static void
a_facet_of_a_facet_lets_through_what_both_do(void **state)
{
	static const char *const few[] = {"add", "echo", NULL};
	static const char *const others[] = {"add", "order", NULL};
	struct fixture *f = *state;
	waldo_ref *inner = facet_for(f->gate, few);
	waldo_ref *outer = facet_for(inner, others);
	struct described d;
	struct outcome *o;

	assert_integer(outcome_of(f, waldo_ref_invoke(outer, "add", "i", 1)),
	               2);
	o = outcome_of(f, waldo_ref_invoke(outer, "echo", "i", 1));
	assert_err(o->code, WALDO_EDENIED);
	o = outcome_of(f, waldo_ref_invoke(outer, "order", "i", 1));
	assert_err(o->code, WALDO_EDENIED);
	describe(f, outer, &d);
	assert_string_equal(d.text, "Service add (n: i64)");
	waldo_object_revoke(inner);
	until(f, waldo_ref_get_state(outer) == WALDO_BROKEN);
	assert_err(waldo_ref_get_failure(outer)->code, WALDO_EREVOKED);
	waldo_ref_release(outer);
	waldo_ref_release(inner);
}

static void
a_facet_equals_itself_alone(void **state)
{
	struct fixture *f = *state;
	waldo_ref *one = facet_of(f->gate, NULL);
	waldo_ref *two = facet_of(f->gate, NULL);

	assert_true(waldo_ref_equal(one, one));
	assert_false(waldo_ref_equal(one, two));
	assert_false(waldo_ref_equal(one, f->gate));
	assert_null(waldo_ref_get_self(one, &service_class));
	waldo_ref_release(one);
	waldo_ref_release(two);
}

/* Promise 5 */
static void
the_last_release_releases_the_target(void **state)
{
	struct fixture *f = *state;
	struct outcome *made =
	    outcome_of(f, waldo_ref_invoke(f->gate, "make", ""));
	waldo_ref *facet = facet_of(made->ref, NULL);

	waldo_ref_release(made->ref);
	made->ref = NULL;
	assert_integer(outcome_of(f, waldo_ref_invoke(facet, "add", "i", 1)),
	               2);
	barrier(f);
	assert_int_equal(f->services[1].destroyed, 0);
	waldo_ref_release(facet);
	until(f, f->services[1].destroyed == 1);
}

static void
burn(void *self, waldo_call *call)
{
	waldo_object_revoke(self);
	waldo_call_reply(call, "");
}

/* `ref` (taken) behind as many facets. */
static waldo_ref *
behind(waldo_ref *ref, int count)
{
	for (int i = 0; i < count; i++) {
		waldo_ref *next = facet_of(ref, NULL);

		waldo_ref_release(ref);
		ref = next;
	}
	return ref;
}

/* Both calls move on in step: the revocation comes just before the target's
 * turn, where the call waits already. */
static void
what_was_passed_on_and_has_not_begun_never_does(void **state)
{
	static const waldo_method methods[] = {{"burn", burn, NULL, 0},
	                                       {NULL, NULL, NULL, 0}};
	static const waldo_class fuse_class = {WALDO_CLASS_SIZES, "Fuse",
	                                       methods, NULL, NULL};
	struct fixture *f = *state;
	waldo_ref *near = NULL, *fuse = NULL, *facet;
	struct service *service = service_new(f, f->client, &near);
	struct outcome *o;

	facet = behind(near, 4);
	assert_ok(waldo_object_new(f->client, &fuse_class, facet, &fuse));
	fuse = behind(fuse, 4);
	(void) watch_outcome(f, waldo_ref_invoke(fuse, "burn", ""));
	o = watch_outcome(f, waldo_ref_invoke(facet, "order", "i", 1));
	until_settled(f);
	assert_failed(o, WALDO_EREVOKED, WALDO_MAYBE_EXECUTED);
	barrier(f);
	assert_int_equal(service->order_count, 0);
	waldo_ref_release(fuse);
	waldo_ref_release(facet);
}

static void
a_facet_that_cannot_be_is_refused(void **state)
{
	static const char *const dotted[] = {".ping", NULL};
	static const char *const slashed[] = {"add", "a/b", NULL};
	struct fixture *f = *state;
	waldo_facet_options options = {.size = sizeof(options) - 1};
	waldo_ref *facet = NULL;

	assert_err(waldo_facet_new(f->gate, &options, &facet), WALDO_EINVAL);
	options.size = sizeof(options);
	options.methods = dotted;
	assert_err(waldo_facet_new(f->gate, &options, &facet), WALDO_EINVAL);
	options.methods = slashed;
	assert_err(waldo_facet_new(f->gate, &options, &facet), WALDO_EINVAL);
	assert_non_null(strstr(waldo_node_get_message(f->client), "'a/b'"));
	options.methods = NULL;
	options.burst = 7;
	assert_err(waldo_facet_new(f->gate, &options, &facet), WALDO_EINVAL);
	assert_err(waldo_facet_new(NULL, NULL, &facet), WALDO_EINVAL);
	assert_err(waldo_facet_new(f->gate, NULL, NULL), WALDO_EINVAL);
	assert_null(facet);
}

const struct CMUnitTest facets_tests[] = {
    waldo_test(calls_pass_in_order),
    waldo_test(calls_keep_their_order_while_the_target_is_pending),
    waldo_test(references_go_along),
    waldo_test(calls_are_pipelined_on_what_comes_through),
    waldo_test(failures_pass_as_they_are),
    waldo_test(what_goes_one_way_does_so),
    waldo_test(a_deadline_goes_along),
    waldo_test(a_cancellation_goes_along),
    waldo_test(a_circle_of_facets_ends),
    waldo_test(what_is_not_listed_is_denied),
    waldo_test(a_list_is_copied_and_may_be_empty),
    waldo_test(a_description_tells_what_is_let_through),
    waldo_test(calls_beyond_the_rate_fail),
    waldo_test(a_burst_is_as_a_second_has),
    waldo_test(a_revoked_facet_is_broken_and_its_target_is_not),
    waldo_test(its_calls_under_way_fail_and_are_cancelled),
    waldo_test(a_facet_expires),
    waldo_test(a_facet_breaks_as_its_target_does),
    waldo_test(a_facet_of_what_is_broken_is_broken),
    waldo_test(a_facet_of_a_facet_lets_through_what_both_do),
    waldo_test(a_facet_equals_itself_alone),
    waldo_test(the_last_release_releases_the_target),
    waldo_test(what_was_passed_on_and_has_not_begun_never_does),
    waldo_test(a_facet_that_cannot_be_is_refused),
};
END_SUITE(facets);
