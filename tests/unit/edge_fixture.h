/* SPDX-License-Identifier: MIT */
/*
 * unit/edge_fixture.h - objects that do what they may at the edge of a lifetime
 */
#ifndef WALDO_TEST_EDGE_FIXTURE_H
#define WALDO_TEST_EDGE_FIXTURE_H

#include "tests/conformance/fixture.h"
#include "tests/memory/driver.h"

/* conformance/fixture.h: one node, or two that are joined by memory. */
int open_near(void **state);
int open_far(void **state);

#define near_test(name)                                                        \
	cmocka_unit_test_setup_teardown(name, open_near, teardown)
#define far_test(name) cmocka_unit_test_setup_teardown(name, open_far, teardown)

/* The last call that is held, which is the caller's now. */
waldo_call *take_held(struct service *service);

/* An object whose `destroy` acts. */
extern struct ending {
	void (*act)(void);
	waldo_node *node;
	waldo_promise *promise;
	waldo_call *call;
	int destroyed, ran;
} ending;

waldo_ref *ending_new(waldo_node *node, void (*act)(void));

enum { EDGE_HELD = 20000 };

/*
 * An object with the methods hold(); deep(n), which is what deep(n - 1) says,
 * and hold() in the end; revoke() itself and hold(); follow() `open`;
 * revoke_and_follow(); and open(), no_promise() and no_ref(), which fail with
 * the failure of `open`, of no promise and of no reference.
 */
extern struct edge {
	waldo_ref *ref;
	waldo_promise *open;
	waldo_call *held[EDGE_HELD];
	size_t held_count;
	int cancelled;
} edge;

void edge_new(waldo_node *node);
waldo_cancel_cb edge_cancelled; /* counts */

/* Ends what is held and lets the object go. */
void edge_end(void);

#endif
