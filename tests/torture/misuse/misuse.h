/* SPDX-License-Identifier: MIT */
/*
 * torture/misuse/misuse.h - what nobody should do, and what comes of it
 *
 * A row is one misuse of one public function. Every public function has one
 * at least: the suite compares with tests/meta/symbols.txt.
 */
#ifndef WALDO_TORTURE_MISUSE_H
#define WALDO_TORTURE_MISUSE_H

#include "world/world.h"
#include "waldo_test.h"

#include <stdio.h>
#include <string.h>

struct row {
	const char *function;
	const char *misuse;
	void (*test)(struct world *w);
};

/* The row of a test that is named for both: waldo_x_y__how. */
#define ROW(function, how)                                                     \
	{                                                                      \
#function, #how, function##__##how                             \
	}
#define MISUSE(function, how) static void function##__##how(struct world *w)

extern const struct row value_rows[], call_rows[], promise_rows[], ref_rows[],
    node_rows[], key_rows[], portal_rows[];
extern const size_t value_row_count, call_row_count, promise_row_count,
    ref_row_count, node_row_count, key_row_count, portal_row_count;
#define END_ROWS(name)                                                         \
	const size_t name##_row_count =                                        \
	    sizeof(name##_rows) / sizeof(*name##_rows)

/* A far object (or a near one of the client's) whose every method is `method`, with one integer: what comes of
 * a call on it; its message is in probe_message. */
waldo_err probe(struct world *w, void (*method)(waldo_call *call));
waldo_err probe_near(struct world *w, void (*method)(waldo_call *call));
extern char probe_message[512];
extern waldo_fate probe_fate;

/* The outcome of `promise`, which is taken. */
waldo_err outcome_of(waldo_promise *promise);

/* Before the world's end. */
void free_node(waldo_node **node);

/* Has `cb` run in a callback of the client's. */
void in_callback(struct world *w, waldo_task_cb *cb, void *user);

/* The outcome of echo(), on the gate, of what was put in `request`. */
waldo_request *new_echo(struct world *w);

/* Counts. */
void count_done(waldo_reader *result, const waldo_failure *failure, void *user);
void count_task(void *user);
void count_state(waldo_ref *ref, waldo_state state, void *user);

#endif
