/* SPDX-License-Identifier: MIT */
/* References, watches and objects. */
#include "torture/misuse/misuse.h"

#include <waldo/facet.h>

/* ---- NULL is a broken reference */

MISUSE(waldo_ref_retain, null)
{
	(void) w;
	assert_null(waldo_ref_retain(NULL));
}

MISUSE(waldo_ref_release, null)
{
	(void) w;
	waldo_ref_release(NULL);
}

MISUSE(waldo_ref_get_state, null)
{
	(void) w;
	assert_int_equal(waldo_ref_get_state(NULL), WALDO_BROKEN);
}

MISUSE(waldo_ref_get_binding, null_near_and_broken)
{
	assert_null(waldo_ref_get_binding(NULL));
	assert_null(waldo_ref_get_binding(w->service));
	assert_null(waldo_ref_get_binding(w->gate));
}

MISUSE(waldo_ref_get_failure, null)
{
	(void) w;
	assert_non_null(waldo_ref_get_failure(NULL)->message);
}

MISUSE(waldo_ref_equal, null)
{
	assert_false(waldo_ref_equal(NULL, NULL));
	assert_false(waldo_ref_equal(w->gate, NULL));
	assert_false(waldo_ref_equal(NULL, w->gate));
}

MISUSE(waldo_ref_get_self, null)
{
	assert_null(waldo_ref_get_self(NULL, NULL));
	assert_null(waldo_ref_get_self(w->service, NULL));
}

MISUSE(waldo_ref_get_self, of_a_far_one)
{
	static const waldo_class other = {
	    WALDO_CLASS_SIZES, "Other", NULL, NULL, NULL,
	};

	assert_null(waldo_ref_get_self(w->gate, &other));
	assert_null(waldo_ref_get_self(w->service, &other));
}

MISUSE(waldo_ref_end_session, null)
{
	(void) w;
	waldo_ref_end_session(NULL, NULL);
}

MISUSE(waldo_ref_watch, null)
{
	waldo_watch *watch = NULL;
	int told = 0;

	(void) w;
	assert_err(waldo_ref_watch(NULL, count_state, &told, &watch),
	           WALDO_EINVAL);
	assert_null(watch);
}

MISUSE(waldo_ref_watch, without_a_callback)
{
	assert_err(waldo_ref_watch(w->gate, NULL, NULL, NULL), WALDO_EINVAL);
}

MISUSE(waldo_ref_watch_room, null)
{
	waldo_watch *watch = NULL;
	int told = 0;

	assert_err(waldo_ref_watch_room(NULL, count_state, &told, &watch),
	           WALDO_EINVAL);
	assert_err(waldo_ref_watch_room(w->gate, NULL, NULL, &watch),
	           WALDO_EINVAL);
	assert_null(watch);
}

MISUSE(waldo_ref_watch_room, of_what_never_has_any)
{
	int told = 0;

	waldo_ref_end_session(w->gate, "no more");
	assert_ok(waldo_ref_watch_room(w->gate, count_state, &told, NULL));
	assert_int_equal(told, 0);
	pump();
	assert_int_equal(told, 1);
}

MISUSE(waldo_ref_watch_room, after_the_node)
{
	waldo_watch *watch = NULL;
	int told = 0;

	free_node(&w->client);
	assert_true(waldo_ref_watch_room(w->gate, count_state, &told, &watch) !=
	            WALDO_OK);
	assert_null(watch);
}

MISUSE(waldo_ref_invoke, null)
{
	(void) w;
	assert_true(outcome_of(waldo_ref_invoke(NULL, "echo", "i", 1)) !=
	            WALDO_OK);
	assert_int_equal(probe_fate, WALDO_NOT_SENT);
}

MISUSE(waldo_ref_invoke, null_method)
{
	assert_err(outcome_of(waldo_ref_invoke(w->gate, NULL, "")),
	           WALDO_EINVAL);
}

MISUSE(waldo_ref_notify, null)
{
	(void) w;
	assert_true(waldo_ref_notify(NULL, "echo", "") != WALDO_OK);
}

MISUSE(waldo_ref_notify, what_cannot_be_sent)
{
	assert_err(waldo_ref_notify(w->gate, NULL, ""), WALDO_EINVAL);
	assert_err(waldo_ref_notify(w->gate, "a/b", ""), WALDO_EINVAL);
	assert_err(waldo_ref_notify(w->gate, "echo", "?"), WALDO_EINVAL);
	assert_err(waldo_ref_notify(w->gate, "echo", "s", "\xff"),
	           WALDO_EINVAL);
	assert_err(waldo_ref_notify(w->gate, "echo", "r", w->service),
	           WALDO_EINVAL);
}

MISUSE(waldo_ref_notify, a_broken_one)
{
	waldo_ref_end_session(w->gate, "no more");
	assert_err(waldo_ref_notify(w->gate, "echo", ""), WALDO_ELOST);
}

/* ---- sessions that are ended */

MISUSE(waldo_ref_end_session, near)
{
	waldo_ref_end_session(w->service, "nothing");
	assert_int_equal(waldo_ref_get_state(w->service), WALDO_NEAR);
}

MISUSE(waldo_ref_end_session, twice)
{
	waldo_ref_end_session(w->gate, "no more");
	waldo_ref_end_session(w->gate, "no more");
	waldo_ref_end_session(w->hand, "no more");
	assert_err(waldo_ref_get_failure(w->gate)->code, WALDO_ELOST);
}

static void
expect_end(struct world *w, const char *reason)
{
	waldo_ref *ref = gate_of(w, w->client);

	pump();
	assert_int_equal(waldo_ref_get_state(ref), WALDO_FAR);
	waldo_ref_end_session(ref, reason);
	pump();
	assert_int_equal(waldo_ref_get_state(ref), WALDO_BROKEN);
	assert_false(w->broken); /* the peer has understood */
	waldo_ref_release(ref);
}

MISUSE(waldo_ref_end_session, for_a_bad_reason)
{
	static char long_reason[5000], no_character[300];

	memset(long_reason, 'x', sizeof(long_reason) - 1);
	memset(no_character, 0x80, sizeof(no_character) - 1);
	expect_end(w, NULL);
	expect_end(w, "");
	expect_end(w, "\xff\xfe");
	expect_end(w, "\033[2J\n");
	expect_end(w, long_reason);
	expect_end(w, no_character);
}

MISUSE(waldo_ref_end_session, after_the_node)
{
	free_node(&w->client);
	waldo_ref_end_session(w->gate, "no more");
}

/* ---- after the node */

MISUSE(waldo_ref_invoke, after_the_node)
{
	free_node(&w->client);
	assert_err(outcome_of(waldo_ref_invoke(w->gate, "echo", "i", 1)),
	           WALDO_ELOST);
	assert_int_equal(probe_fate, WALDO_NOT_SENT);
	assert_err(waldo_ref_notify(w->gate, "echo", "i", 1), WALDO_ELOST);
}

MISUSE(waldo_ref_watch, after_the_node)
{
	waldo_watch *watch = NULL;
	int told = 0;

	free_node(&w->client);
	assert_true(waldo_ref_watch(w->gate, count_state, &told, &watch) !=
	            WALDO_OK);
	assert_null(watch);
}

MISUSE(waldo_ref_get_failure, after_the_node)
{
	waldo_ref *again = waldo_ref_retain(w->gate);

	free_node(&w->client);
	assert_int_equal(waldo_ref_get_state(again), WALDO_BROKEN);
	assert_err(waldo_ref_get_failure(again)->code, WALDO_ELOST);
	assert_true(waldo_ref_equal(again, w->gate));
	assert_null(waldo_ref_get_self(again, NULL));
	waldo_ref_release(again);
}

MISUSE(waldo_ref_release, nodes_in_any_order)
{
	waldo_ref *near = waldo_ref_retain(w->service);

	free_node(&w->server);
	pump();
	assert_int_equal(waldo_ref_get_state(near), WALDO_BROKEN);
	assert_int_equal(waldo_ref_get_state(w->gate), WALDO_BROKEN);
	waldo_ref_release(near);
	free_node(&w->client);
}

/* ---- of another node */

MISUSE(waldo_ref_invoke, with_another_nodes)
{
	assert_err(
	    outcome_of(waldo_ref_invoke(w->gate, "keep", "ir", 1, w->service)),
	    WALDO_EINVAL);
	assert_int_equal(probe_fate, WALDO_NOT_SENT);
}

MISUSE(waldo_ref_equal, of_two_nodes)
{
	pump();
	assert_false(waldo_ref_equal(w->gate, w->service));
}

/* ---- watches */

MISUSE(waldo_watch_stop, null)
{
	(void) w;
	waldo_watch_stop(NULL);
}

MISUSE(waldo_watch_stop, after_it_fired)
{
	waldo_watch *watch;
	int told = 0;

	pump();
	assert_ok(waldo_ref_watch(w->gate, count_state, &told, &watch));
	waldo_ref_end_session(w->gate, "no more");
	pump();
	assert_int_equal(told, 1);
	waldo_watch_stop(watch);
}

MISUSE(waldo_watch_stop, before_it_fires)
{
	waldo_watch *watch;
	int told = 0;

	pump();
	assert_ok(waldo_ref_watch(w->gate, count_state, &told, &watch));
	waldo_ref_end_session(w->gate, "no more");
	waldo_watch_stop(watch); /* it is about to be told */
	pump();
	assert_int_equal(told, 0);
}

MISUSE(waldo_watch_stop, after_the_node)
{
	waldo_watch *of_ref, *of_time;
	int told = 0, fired = 0;

	pump();
	assert_ok(waldo_ref_watch(w->gate, count_state, &told, &of_ref));
	assert_ok(
	    waldo_node_after(w->client, 1000, count_task, &fired, &of_time));
	free_node(&w->client);
	assert_int_equal(told, 1);
	assert_int_equal(fired, 0);
	waldo_watch_stop(of_time);
	waldo_watch_stop(of_ref);
}

/* ---- objects */

MISUSE(waldo_object_revoke, null)
{
	(void) w;
	waldo_object_revoke(NULL);
}

MISUSE(waldo_object_revoke, a_far_one)
{
	pump();
	waldo_object_revoke(w->gate);
	assert_int_equal(waldo_ref_get_state(w->gate), WALDO_FAR);
}

MISUSE(waldo_object_revoke, twice)
{
	waldo_object_revoke(w->service);
	waldo_object_revoke(w->service);
	assert_err(waldo_ref_get_failure(w->service)->code, WALDO_EREVOKED);
	assert_int_equal(w->services[0].destroyed, 1);
}

MISUSE(waldo_object_revoke, after_the_node)
{
	free_node(&w->server);
	waldo_object_revoke(w->service);
	assert_int_equal(w->services[0].destroyed, 1);
}

static void
expect_bad_class(struct world *w, const waldo_class *kind)
{
	waldo_ref *ref = w->gate;

	assert_err(waldo_object_new(w->server, kind, w, &ref), WALDO_EINVAL);
	assert_ptr_equal(ref, w->gate);
}

static void
do_nothing(void *self, waldo_call *call)
{
	(void) self;
	(void) call;
}

MISUSE(waldo_object_new, null)
{
	static const waldo_class kind = {
	    WALDO_CLASS_SIZES, "Kind", NULL, NULL, do_nothing,
	};
	waldo_ref *ref = NULL;

	expect_bad_class(w, NULL);
	assert_err(waldo_object_new(NULL, &kind, w, &ref), WALDO_EINVAL);
	assert_null(ref);
	assert_err(waldo_object_new(w->server, &kind, w, NULL), WALDO_EINVAL);
}

MISUSE(waldo_object_new, of_a_bad_class)
{
	static const waldo_method bad[][3] = {
	    {{"", do_nothing, NULL, 0}, {0}},
	    {{".dot", do_nothing, NULL, 0}, {0}},
	    {{"a/b", do_nothing, NULL, 0}, {0}},
	    {{"\xff", do_nothing, NULL, 0}, {0}},
	    {{"go", NULL, NULL, 0}, {0}},
	    {{"go", do_nothing, NULL, 0}, {"go", do_nothing, NULL, 0}, {0}}};
	static waldo_class kind = {
	    WALDO_CLASS_SIZES, "Kind", NULL, NULL, do_nothing,
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		kind.methods = bad[i];
		expect_bad_class(w, &kind);
	}
	kind.methods = NULL;
	kind.name = NULL;
	expect_bad_class(w, &kind);
	kind.name = "";
	expect_bad_class(w, &kind);
	kind.name = "Kind";
	kind.size = 0;
	expect_bad_class(w, &kind);
	kind.size = sizeof(kind);
	kind.method_size = 1;
	expect_bad_class(w, &kind);
}

static waldo_err late_error;

static void
make_late(void *self)
{
	static const waldo_class kind = {
	    WALDO_CLASS_SIZES, "Kind", NULL, NULL, do_nothing,
	};
	struct world *w = self;
	waldo_ref *ref;

	late_error = waldo_object_new(w->server, &kind, NULL, &ref);
}

MISUSE(waldo_object_new, while_the_node_is_freed)
{
	static const waldo_class kind = {
	    WALDO_CLASS_SIZES, "Kind", NULL, make_late, do_nothing,
	};
	waldo_node *gone = w->server;
	waldo_ref *ref;

	assert_ok(waldo_object_new(w->server, &kind, w, &ref));
	waldo_node_free(gone);
	w->server = NULL;
	assert_err(late_error, WALDO_ELOST);
	waldo_ref_release(ref);
}

MISUSE(waldo_facet_new, null)
{
	waldo_ref *facet = NULL;

	assert_err(waldo_facet_new(NULL, NULL, &facet), WALDO_EINVAL);
	assert_err(waldo_facet_new(w->gate, NULL, NULL), WALDO_EINVAL);
	assert_null(facet);
}

MISUSE(waldo_facet_new, with_bad_options)
{
	static const char *const nameless[] = {"echo", "", NULL};
	waldo_facet_options options = {.size = 1};
	waldo_ref *facet = NULL;

	assert_err(waldo_facet_new(w->gate, &options, &facet), WALDO_EINVAL);
	options = (waldo_facet_options){.size = sizeof(options), .burst = 1};
	assert_err(waldo_facet_new(w->gate, &options, &facet), WALDO_EINVAL);
	options =
	    (waldo_facet_options){.size = sizeof(options), .methods = nameless};
	assert_err(waldo_facet_new(w->gate, &options, &facet), WALDO_EINVAL);
	options = (waldo_facet_options){.size = sizeof(options),
	                                .perspective = w->service};
	assert_err(waldo_facet_new(w->gate, &options, &facet), WALDO_EINVAL);
	assert_null(facet);
}

MISUSE(waldo_facet_new, after_the_node)
{
	waldo_ref *facet = NULL, *second = NULL;

	assert_ok(waldo_facet_new(w->gate, NULL, &facet));
	free_node(&w->client);
	assert_int_equal(waldo_ref_get_state(facet), WALDO_BROKEN);
	assert_err(waldo_facet_new(facet, NULL, &second), WALDO_ELOST);
	assert_err(outcome_of(waldo_ref_invoke(facet, "echo", "i", 1)),
	           WALDO_ELOST);
	assert_null(second);
	waldo_ref_release(facet);
}

const struct row ref_rows[] = {
    ROW(waldo_ref_retain, null),
    ROW(waldo_ref_release, null),
    ROW(waldo_ref_release, nodes_in_any_order),
    ROW(waldo_ref_get_state, null),
    ROW(waldo_ref_get_binding, null_near_and_broken),
    ROW(waldo_ref_get_failure, null),
    ROW(waldo_ref_get_failure, after_the_node),
    ROW(waldo_ref_equal, null),
    ROW(waldo_ref_equal, of_two_nodes),
    ROW(waldo_ref_get_self, null),
    ROW(waldo_ref_get_self, of_a_far_one),
    ROW(waldo_ref_end_session, null),
    ROW(waldo_ref_end_session, near),
    ROW(waldo_ref_end_session, twice),
    ROW(waldo_ref_end_session, for_a_bad_reason),
    ROW(waldo_ref_end_session, after_the_node),
    ROW(waldo_ref_watch, null),
    ROW(waldo_ref_watch, without_a_callback),
    ROW(waldo_ref_watch, after_the_node),
    ROW(waldo_ref_watch_room, null),
    ROW(waldo_ref_watch_room, of_what_never_has_any),
    ROW(waldo_ref_watch_room, after_the_node),
    ROW(waldo_ref_invoke, null),
    ROW(waldo_ref_invoke, null_method),
    ROW(waldo_ref_invoke, after_the_node),
    ROW(waldo_ref_invoke, with_another_nodes),
    ROW(waldo_ref_notify, null),
    ROW(waldo_ref_notify, what_cannot_be_sent),
    ROW(waldo_ref_notify, a_broken_one),
    ROW(waldo_watch_stop, null),
    ROW(waldo_watch_stop, after_it_fired),
    ROW(waldo_watch_stop, before_it_fires),
    ROW(waldo_watch_stop, after_the_node),
    ROW(waldo_object_revoke, null),
    ROW(waldo_object_revoke, a_far_one),
    ROW(waldo_object_revoke, twice),
    ROW(waldo_object_revoke, after_the_node),
    ROW(waldo_object_new, null),
    ROW(waldo_object_new, of_a_bad_class),
    ROW(waldo_object_new, while_the_node_is_freed),
    ROW(waldo_facet_new, null),
    ROW(waldo_facet_new, with_bad_options),
    ROW(waldo_facet_new, after_the_node),
};
END_ROWS(ref);
