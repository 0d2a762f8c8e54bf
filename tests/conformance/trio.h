/* SPDX-License-Identifier: MIT */
/*
 * conformance/trio.h - promises that travel between two and three nodes, and
 * calls on them
 *
 * `f->client` is the first node, `f->server` the second, and the third holds
 * what the second gives it.
 */
#ifndef WALDO_CONFORMANCE_TRIO_H
#define WALDO_CONFORMANCE_TRIO_H

#include "broker/driver.h"
#include "tests/conformance/fixture.h"

/* Calls on one reference, numbered as they are made. */
struct flow {
	waldo_ref *ref;
	int next;
};

void flow_on(struct flow *flow, int count);

/* And lets the nodes run in between, so that calls are under way at every
 * place when something happens next. */
void flow_along(struct fixture *f, struct flow *flow, int count);
void flow_until_settled(struct fixture *f, struct flow *flow);

/* All has arrived, in order. */
void assert_flowed(struct fixture *f, const struct service *service,
                   struct flow *flow);

/* An object of each node, as the other nodes see it. */
struct trio {
	struct service *first, *third;
	waldo_ref *first_ref;                        /* near */
	waldo_ref *first_at_second;                  /* borrowed */
	waldo_ref *third_ref, *third_at_second;      /* near; far */
	waldo_ref *first_at_third, *second_at_third; /* borrowed */
};

/* Without the third node, and with it. */
void trio_pair(struct fixture *f, struct trio *t);
void trio_open(struct fixture *f, struct trio *t);
void trio_close(struct trio *t);

/* Gives `ref`, through `target`, to the service behind that; as that has it,
 * borrowed. */
waldo_ref *give(struct fixture *f, waldo_ref *target, struct service *to,
                waldo_ref *ref);

/* The last that a service was given. */
waldo_ref *last_stored(const struct service *service);

/* A call on `target` that its service holds; released by the caller. */
waldo_promise *hold(struct fixture *f, waldo_ref *target,
                    struct service *service);

waldoi_counts count_of(const waldo_node *node);

#endif
