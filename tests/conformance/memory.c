/* SPDX-License-Identifier: MIT */
/* Nodes without a system beneath them, and with a clock of their own. */
#include "tests/conformance/transport.h"
#include "tests/memory/driver.h"

#include <stdio.h>
#include <string.h>

static char text[32];

static const char *
memory_address(void)
{
	static unsigned count;

	(void) snprintf(text, sizeof(text), "inproc:node%u", ++count);
	return text;
}

static const char *
secure_address(void)
{
	static unsigned count;

	(void) snprintf(text, sizeof(text), "tcp:host%u:1", ++count);
	return text;
}

static uint64_t
memory_now_ms(void)
{
	return memory_now() / 1000;
}

/* A single step of each, so that a condition can be met between two turns;
 * time passes when nobody has anything to do. */
static void
memory_pump(waldo_node *const *nodes, size_t count)
{
	uint64_t before = memory_now();

	for (size_t i = 0; i < count; i++) {
		if (nodes[i] != NULL) {
			(void) waldo_node_step(nodes[i], 1);
			if (memory_now() != before) {
				return;
			}
		}
	}
}

static const transport transports[] = {
    {"near", true, false, memory_node_new, memory_address, memory_pump,
     memory_now_ms},
    {"memory", false, false, memory_node_new, memory_address, memory_pump,
     memory_now_ms},
    {"trickle", false, false, memory_node_new, memory_address, memory_pump,
     memory_now_ms},
    {"secure", false, true, memory_node_new, secure_address, memory_pump,
     memory_now_ms},
};

const transport *
transport_find(const char *name)
{
	for (size_t i = 0; i < sizeof(transports) / sizeof(*transports); i++) {
		if (strcmp(transports[i].name, name) == 0) {
			/* Every frame is cut at every place, in some test. */
			memory_set_chunk(strcmp(name, "trickle") == 0 ? 7 : 0);
			memory_set_source(NULL);
			memory_set_cost(0);
			return &transports[i];
		}
	}
	return NULL;
}

const char *
transport_names(void)
{
	return "near, memory, trickle, secure";
}
