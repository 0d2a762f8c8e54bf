/* SPDX-License-Identifier: MIT */
/*
 * broker/pool.h - used pieces of one size, kept for the next time
 *
 * So that a small call allocates nothing in the steady state. Under a
 * sanitizer nothing is kept: every use after free must be seen.
 */
#ifndef WALDOI_POOL_H
#define WALDOI_POOL_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct waldoi_pool {
	void *first;
	size_t size; /* of a piece; at least a pointer's */
	size_t kept, most;
} waldoi_pool;

void waldoi_pool_init(waldoi_pool *pool, size_t size, size_t most);
void waldoi_pool_fini(waldoi_pool *pool);

/* Not zeroed; NULL if memory runs out. */
static inline void *
waldoi_pool_take(waldoi_pool *pool)
{
	void *piece = pool->first;

	if (piece == NULL) {
		return malloc(pool->size);
	}
	memcpy(&pool->first, piece, sizeof(pool->first));
	pool->kept--;
	return piece;
}

static inline void
waldoi_pool_give(waldoi_pool *pool, void *piece)
{
	if (pool->kept >= pool->most) {
		free(piece);
		return;
	}
	memcpy(piece, &pool->first, sizeof(pool->first));
	pool->first = piece;
	pool->kept++;
}

#endif
