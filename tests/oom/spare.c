/* SPDX-License-Identifier: MIT */
#include "sim/memory.h"

#include <stdlib.h>

/* The driver in memory plays the network, which is not ours to run out of
 * memory: its buffers (CMakeLists.txt) come from here. */
void *spare_malloc(size_t size);
void *spare_realloc(void *block, size_t size);

void *
spare_malloc(size_t size)
{
	return spare_realloc(NULL, size);
}

void *
spare_realloc(void *block, size_t size)
{
	sim_memory *memory = sim_memory_of(NULL);
	void *after = realloc(block, size);

	(void) sim_memory_of(memory);
	return after;
}
