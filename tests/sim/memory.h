/* SPDX-License-Identifier: MIT */
/*
 * sim/memory.h - malloc, which counts and fails
 *
 * The linker leads all of the program's allocations here (--wrap), the
 * library's and, if it used them, the simulator's own. The latter uses
 * sim_alloc(), so that what is counted is the library's alone.
 */
#ifndef WALDO_SIM_MEMORY_H
#define WALDO_SIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What happens to the allocations of one node. */
typedef struct sim_memory {
	unsigned fail_in; /* the one that many from now fails; 0: none does */
	bool fail_all;    /* ... and all that follow, until it is told */
	unsigned failed;
	size_t largest; /* single allocation */
} sim_memory;

/* On whose behalf the library allocates from now on; NULL: nobody's. Returns
 * who was before. */
sim_memory *sim_memory_of(sim_memory *memory);

/* What the library owns. */
size_t sim_memory_bytes(void);
size_t sim_memory_blocks(void);
/* How often it asked for more, so far. */
size_t sim_memory_calls(void);

/* Has `higher` told whenever the library owns more than it ever did since now;
 * NULL: nobody. */
void sim_memory_watch(void (*higher)(size_t bytes));

/* Zeroed, and freed with all the rest by sim_alloc_reset(). */
void *sim_alloc(size_t size);
void sim_alloc_reset(void);

/* A block of its own, so that a sanitizer sees who leaves it. */
void *sim_block(size_t size);
void sim_block_free(void *block);

#endif
