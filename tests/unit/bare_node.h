/* SPDX-License-Identifier: MIT */
/*
 * unit/bare_node.h - a node without links, for what is below sessions
 *
 * Its clock stands where the test puts it; jobs run when the test says so.
 */
#ifndef WALDO_BARE_NODE_H
#define WALDO_BARE_NODE_H

#include "broker/node.h"

#include <string.h>

static uint64_t bare_clock; /* microseconds */

static uint64_t
bare_now(void *driver)
{
	(void) driver;
	return bare_clock;
}

static void
bare_random(void *driver, void *data, size_t len)
{
	(void) driver;
	memset(data, 0x5a, len);
}

static void
bare_nothing(void *driver)
{
	(void) driver;
}

static void
bare_arm(void *driver, uint64_t at)
{
	(void) driver;
	(void) at;
}

static const waldoi_driver_ops bare_ops = {
    .now = bare_now,
    .random = bare_random,
    .wake = bare_nothing,
    .arm = bare_arm,
    .free = bare_nothing,
};

static waldo_node *
bare_node_new(void)
{
	waldo_node *node = NULL;

	bare_clock = 1000 * 1000;
	return waldoi_node_new(NULL, &bare_ops, NULL, &node) == WALDO_OK ? node
	                                                                 : NULL;
}

#endif
