/* SPDX-License-Identifier: MIT */
/*
 * world/ground.h - what the nodes of a world stand on
 *
 * Memory, when allocations fail; sockets, when system calls do. On both a
 * clock moves only when it is told to.
 */
#ifndef WALDO_WORLD_GROUND_H
#define WALDO_WORLD_GROUND_H

#include <waldo/node.h>

waldo_err ground_node_new(const waldo_node_options *options,
                          waldo_node **ret_node) WALDO_MUST_CHECK;

/* NULL is accepted. */
void ground_node_free(waldo_node *node);

/* Bytes go around until nobody has anything to do. */
void ground_settle(void);

/* Has `cb` run between any two turns of a node, outside of its callbacks; in
 * memory only. */
void ground_between(void (*cb)(void));

/* The same, and then time passes. */
void ground_advance(uint32_t ms);

/* Time passes until whatever a clock may end has ended. */
void ground_outlast(void);

#endif
