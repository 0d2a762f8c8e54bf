/* SPDX-License-Identifier: MIT */
/* A thousand references made by their owner A, handed by B to C, home and
 * back, and dropped in random order: after each step the owner's counts are
 * exactly what a model says (PROTOCOL.md P3, P4). */
#include "broker/session/session.h"
#include "tests/memory/driver.h"
#include "tests/waldo_test.h"

#include <waldo/client.h>
#include <waldo/object.h>
#include <waldo/server.h>

#include <stdlib.h>
#include <string.h>

enum { COUNT = 1000, HOLDERS = 3 };

/* Who may hold each: B since it was made, C, and B once more since C has given
 * it back. */
enum holder { B_FIRST, C_ONLY, B_AGAIN };

struct world {
	waldo_node *a, *b, *c;
	waldo_ref *source; /* of A, at B */
	waldo_ref *taker;  /* of C, at B */
	waldo_ref *basket; /* of B, at C */
	waldo_ref *held[COUNT][HOLDERS];
	bool lives[COUNT]; /* the owner's object */
	size_t made;
	waldo_ref *came; /* with the last call or answer; retained */
	void *came_home; /* the last that A was shown, by its `self` */
	waldoi_counts empty_a, empty_b, empty_c;
	uint64_t random;
};

static struct world w;

static size_t
below(size_t n)
{
	w.random ^= w.random << 13;
	w.random ^= w.random >> 7;
	w.random ^= w.random << 17;
	return (size_t) (w.random % n);
}

/* ---- the objects */

static void
thing_destroy(void *self)
{
	*(bool *) self = false;
}

static const waldo_class thing_class = {WALDO_CLASS_SIZES, "Thing", NULL,
                                        thing_destroy, NULL};

static void
source_make(void *self, waldo_call *call)
{
	waldo_ref *ref = NULL;

	(void) self;
	if (waldo_object_new(w.a, &thing_class, &w.lives[w.made], &ref) ==
	    WALDO_OK) {
		w.lives[w.made++] = true;
	}
	waldo_call_reply(call, "r", ref);
	waldo_ref_release(ref);
}

static void
source_home(void *self, waldo_call *call)
{
	(void) self;
	w.came_home = waldo_ref_get_self(
	    waldo_read_ref(waldo_call_get_args(call)), &thing_class);
	waldo_call_reply(call, "");
}

static void
take(void *self, waldo_call *call)
{
	(void) self;
	w.came = waldo_ref_retain(waldo_read_ref(waldo_call_get_args(call)));
	waldo_call_reply(call, "");
}

/* Keeps nothing. */
static void
look(void *self, waldo_call *call)
{
	(void) self;
	(void) waldo_read_ref(waldo_call_get_args(call));
	waldo_call_reply(call, "");
}

static const waldo_method source_methods[] = {
    {"make", source_make, NULL, 0}, {"home", source_home, NULL, 0}, {0}};
static const waldo_class source_class = {WALDO_CLASS_SIZES, "Source",
                                         source_methods, NULL, NULL};
static const waldo_method taker_methods[] = {
    {"take", take, NULL, 0}, {"look", look, NULL, 0}, {0}};
static const waldo_class taker_class = {WALDO_CLASS_SIZES, "Taker",
                                        taker_methods, NULL, NULL};

/* ---- the world */

static void
publish(waldo_node *node, const waldo_class *kind, const char *address)
{
	waldo_ref *ref = NULL;

	assert_ok(waldo_object_new(node, kind, &w, &ref));
	assert_ok(waldo_publish(node, "it", ref));
	assert_ok(waldo_listen(node, address, NULL));
	waldo_ref_release(ref);
}

static void
note_ref(waldo_reader *result, const waldo_failure *failure, void *user)
{
	(void) failure;
	(void) user;
	w.came = waldo_ref_retain(waldo_read_ref(result));
}

/* What came of the last step, taken. */
static waldo_ref *
settle(void)
{
	waldo_ref *came;

	assert_true(memory_settle());
	came = w.came;
	w.came = NULL;
	return came;
}

static void
hand(waldo_ref *to, const char *method, waldo_ref *ref)
{
	waldo_promise_release(waldo_ref_invoke(to, method, "r", ref));
}

static waldo_ref *
connect_to(waldo_node *node, const char *uri)
{
	waldo_ref *ref = NULL;

	assert_ok(waldo_connect(node, uri, &ref));
	assert_true(memory_settle());
	assert_int_equal(waldo_ref_get_state(ref), WALDO_FAR);
	return ref;
}

static int
open_world(void **state)
{
	waldo_ref *basket = NULL;

	(void) state;
	w = (struct world){0};
	assert_ok(memory_node_new(NULL, &w.a));
	assert_ok(memory_node_new(NULL, &w.b));
	assert_ok(memory_node_new(NULL, &w.c));
	publish(w.a, &source_class, "inproc:a");
	publish(w.c, &taker_class, "inproc:c");
	w.source = connect_to(w.b, "waldo+inproc:a/it");
	w.taker = connect_to(w.b, "waldo+inproc:c/it");
	assert_ok(waldo_object_new(w.b, &taker_class, &w, &basket));
	hand(w.taker, "take", basket);
	waldo_ref_release(basket);
	w.basket = settle();
	waldoi_node_count(w.a, &w.empty_a);
	waldoi_node_count(w.b, &w.empty_b);
	waldoi_node_count(w.c, &w.empty_c);
	return 0;
}

static int
close_world(void **state)
{
	(void) state;
	waldo_ref_release(w.came);
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t j = 0; j < HOLDERS; j++) {
			waldo_ref_release(w.held[i][j]);
		}
	}
	waldo_ref_release(w.basket);
	waldo_ref_release(w.taker);
	waldo_ref_release(w.source);
	waldo_node_free(w.c);
	waldo_node_free(w.b);
	waldo_node_free(w.a);
	return 0;
}

/* ---- the model */

static bool
is_held(size_t i)
{
	return w.held[i][B_FIRST] != NULL || w.held[i][C_ONLY] != NULL ||
	       w.held[i][B_AGAIN] != NULL;
}

/* C holds through B, which thereby holds of A. */
static void
check_counts(void)
{
	waldoi_counts a, b, c;
	size_t living = 0, at_c = 0;

	for (size_t i = 0; i < COUNT; i++) {
		living += is_held(i);
		at_c += w.held[i][C_ONLY] != NULL;
		assert_int_equal(w.lives[i], is_held(i));
	}
	waldoi_node_count(w.a, &a);
	waldoi_node_count(w.b, &b);
	waldoi_node_count(w.c, &c);
	assert_int_equal(a.objects, w.empty_a.objects + living);
	assert_int_equal(a.exports, w.empty_a.exports + living);
	assert_int_equal(a.refs, w.empty_a.refs + living);
	assert_int_equal(b.imports, w.empty_b.imports + living);
	assert_int_equal(b.exports, w.empty_b.exports + at_c);
	assert_int_equal(c.imports, w.empty_c.imports + at_c);
	assert_int_equal(a.calls + b.calls + c.calls, 0);
	assert_int_equal(a.promises + b.promises + c.promises, 0);
}

/* The one that was dialled to `address`; NULL: that was accepted. */
static const waldoi_session *
session_to(const waldo_node *node, const char *address)
{
	const waldoi_session *session;

	LIST_FOREACH(session, &node->sessions, entry) {
		if (address == NULL
		        ? session->caller->address == NULL
		        : session->caller->address != NULL &&
		              strcmp(session->caller->address, address) == 0) {
			return session;
		}
	}
	return NULL;
}

/* P3: each count of the exporter's is that of an import. */
static void
check_mentions(const waldoi_session *given, const waldoi_session *taken)
{
	const waldoi_slot *slot;
	uint32_t at = 0;

	assert_non_null(given);
	assert_non_null(taken);
	assert_int_equal(given->exports.count, taken->caller->imports.count);
	while ((slot = waldoi_table_next(&given->exports, &at)) != NULL) {
		const waldoi_export *export = slot->value;
		const waldo_ref *ref = waldoi_table_find(
		    &taken->caller->imports, (uint64_t) export->id);

		assert_non_null(ref);
		assert_int_equal(export->sent, waldoi_import_received(ref));
	}
}

static void
check_all_mentions(void)
{
	check_mentions(session_to(w.a, NULL), session_to(w.b, "inproc:a"));
	check_mentions(session_to(w.b, "inproc:c"), session_to(w.c, NULL));
}

/* ---- the steps */

/* 0, 1, ... COUNT * HOLDERS - 1, shuffled. */
static void
shuffle(uint16_t *order, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		order[i] = (uint16_t) i;
	}
	for (size_t i = count; i > 1; i--) {
		size_t j = below(i);
		uint16_t swapped = order[i - 1];

		order[i - 1] = order[j];
		order[j] = swapped;
	}
}

static void
make_all(void)
{
	for (size_t i = 0; i < COUNT; i++) {
		assert_ok(waldo_promise_when(
		    waldo_ref_invoke(w.source, "make", ""), note_ref, NULL));
		w.held[i][B_FIRST] = settle();
		assert_non_null(w.held[i][B_FIRST]);
		check_counts();
	}
	check_all_mentions();
}

/* Some go more than once: then they are mentioned more than once. */
static void
pass_to_c_and_back(size_t i)
{
	waldo_ref *again;

	hand(w.taker, "take", w.held[i][B_FIRST]);
	w.held[i][C_ONLY] = settle();
	assert_int_equal(waldo_ref_get_state(w.held[i][C_ONLY]), WALDO_FAR);
	while (below(2) == 0) {
		hand(w.taker, "take", w.held[i][B_FIRST]);
		again = settle();
		assert_ptr_equal(again, w.held[i][C_ONLY]);
		waldo_ref_release(again);
	}
	hand(w.basket, "take", w.held[i][C_ONLY]);
	w.held[i][B_AGAIN] = settle();
	assert_ptr_equal(w.held[i][B_AGAIN], w.held[i][B_FIRST]);
	hand(w.source, "home", w.held[i][B_AGAIN]);
	assert_null(settle());
	assert_ptr_equal(w.came_home, &w.lives[i]);
}

static void
run(uint64_t seed)
{
	static uint16_t order[COUNT * HOLDERS];

	w.random = seed;
	make_all();
	shuffle(order, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		pass_to_c_and_back(order[i]);
		check_counts();
	}
	check_all_mentions();
	shuffle(order, COUNT * HOLDERS);
	for (size_t i = 0; i < COUNT * HOLDERS; i++) {
		waldo_ref **held =
		    &w.held[order[i] / HOLDERS][order[i] % HOLDERS];

		waldo_ref_release(*held);
		*held = NULL;
		assert_null(settle());
		check_counts();
		if (i % 100 == 0) {
			check_all_mentions();
		}
	}
	for (size_t i = 0; i < COUNT; i++) {
		assert_false(w.lives[i]);
	}
}

static void
a_thousand_references_are_counted_exactly_at_every_step(void **state)
{
	(void) state;
	run(UINT64_C(0x9e3779b97f4a7c15));
}

static void
in_another_order_too(void **state)
{
	(void) state;
	run(UINT64_C(20261123));
}

/* P4: what is under way holds it. */
static void
dropped_while_they_travel_they_go_when_they_have_arrived(void **state)
{
	(void) state;
	w.random = 7;
	make_all();
	for (size_t i = 0; i < COUNT; i++) {
		hand(w.taker, "look", w.held[i][B_FIRST]);
		hand(w.source, "home", w.held[i][B_FIRST]);
		waldo_ref_release(w.held[i][B_FIRST]);
		w.held[i][B_FIRST] = NULL;
		assert_true(w.lives[i]);
		if (below(8) == 0) {
			assert_null(settle());
			check_counts();
			assert_ptr_equal(w.came_home, &w.lives[i]);
		}
	}
	assert_null(settle());
	check_counts();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
	        a_thousand_references_are_counted_exactly_at_every_step,
	        open_world, close_world),
	    cmocka_unit_test_setup_teardown(in_another_order_too, open_world,
	                                    close_world),
	    cmocka_unit_test_setup_teardown(
	        dropped_while_they_travel_they_go_when_they_have_arrived,
	        open_world, close_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
