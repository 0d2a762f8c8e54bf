/* SPDX-License-Identifier: MIT */
#include "broker/pool.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define KEEPS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEPS 0
#endif
#endif
#ifndef KEEPS
#define KEEPS 1
#endif

void
waldoi_pool_init(waldoi_pool *pool, size_t size, size_t most)
{
	*pool = (waldoi_pool){.size = size, .most = KEEPS ? most : 0};
}

void
waldoi_pool_fini(waldoi_pool *pool)
{
	while (pool->first != NULL) {
		free(waldoi_pool_take(pool));
	}
}

void *
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

void
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
