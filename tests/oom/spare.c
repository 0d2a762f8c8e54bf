/* SPDX-License-Identifier: MIT */
#include "sim/memory.h"

#include <stdlib.h>
#include <string.h>

/* The driver in memory plays the network, which is not ours to run out of
 * memory: its buffers (CMakeLists.txt) come from here. */
void *spare_malloc(size_t size);
void *spare_realloc(void *block, size_t size);
char *__real_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved);

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

/* What libc allocates for others to free is counted, too. */
char *
__wrap_realpath(const char *path, char *resolved)
{
	char *found = __real_realpath(path, resolved), *copy;

	if (resolved != NULL || found == NULL) {
		return found;
	}
	copy = strdup(found);
	sim_block_free(found);
	return copy;
}
