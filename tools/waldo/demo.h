/* SPDX-License-Identifier: MIT */
/* demo.h - the objects that waldo serve --demo publishes */
#ifndef DEMO_H
#define DEMO_H

#include <stdint.h>
#include <waldo.h>

/* What the objects of one node share; outlives the node. */
struct demo {
	waldo_node *node;
	uint64_t cancelled; /* deferred calls that their callers gave up */
	uint64_t labels;    /* objects of Factory.make that live */
};

/* The names in the order in which they are published; NULL ends them. */
extern const char *const demo_names[];

waldo_err demo_publish(struct demo *demo) WALDO_MUST_CHECK;

waldo_err demo_echo_new(struct demo *demo, waldo_ref **ret_ref)
    WALDO_MUST_CHECK;
waldo_err demo_counter_new(struct demo *demo, waldo_ref **ret_ref)
    WALDO_MUST_CHECK;
waldo_err demo_factory_new(struct demo *demo, waldo_ref **ret_ref)
    WALDO_MUST_CHECK;
waldo_err demo_clock_new(struct demo *demo, waldo_ref **ret_ref)
    WALDO_MUST_CHECK;
waldo_err demo_relay_new(struct demo *demo, waldo_ref **ret_ref)
    WALDO_MUST_CHECK;

/* What restores grants of kind "counter": a counter for each name, which lives
 * as long as the node. */
waldo_err demo_restore_new(struct demo *demo, waldo_ref **ret_ref)
    WALDO_MUST_CHECK;

/* Publishes "gate", a portal for the accounts in the file `path`. */
waldo_err demo_gate_publish(struct demo *demo, const char *path)
    WALDO_MUST_CHECK;

#endif
