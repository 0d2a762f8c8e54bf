/* SPDX-License-Identifier: MIT */
#include "oom/ground.h"
#include "memory/driver.h"

/* Longer than the silence that ends a session. */
#define LONG_MS 60000

waldo_err
ground_node_new(const waldo_node_options *options, waldo_node **ret_node)
{
	return memory_node_new(options, ret_node);
}

void
ground_node_free(waldo_node *node)
{
	waldo_node_free(node);
}

void
ground_settle(void)
{
	(void) memory_settle();
}

void
ground_advance(uint32_t ms)
{
	memory_advance((uint64_t) ms * 1000);
}

void
ground_outlast(void)
{
	ground_advance(LONG_MS);
}
