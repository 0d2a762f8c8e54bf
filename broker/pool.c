/* SPDX-License-Identifier: MIT */
#include "broker/pool.h"

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
