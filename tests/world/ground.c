/* SPDX-License-Identifier: MIT */
#include "world/ground.h"
#include "memory/driver.h"

/* Longer than the silence that ends a session. */
#define LONG_MS 60000

static void (*between)(void);

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
ground_between(void (*cb)(void))
{
	between = cb;
}

void
ground_settle(void)
{
	if (between == NULL) {
		(void) memory_settle();
		return;
	}
	while (memory_turn()) {
		between();
	}
	between();
}

void
ground_advance(uint32_t ms)
{
	ground_settle();
	memory_advance((uint64_t) ms * 1000);
	ground_settle();
}

void
ground_outlast(void)
{
	ground_advance(LONG_MS);
}
