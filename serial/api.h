/* SPDX-License-Identifier: MIT */
/* serial/api.h - what is said of functions: which the shared library exports,
 * and which stand apart, so that a caller is not burdened with what it rarely
 * does, or (cold) only when something is wrong */
#ifndef WALDOI_API_H
#define WALDOI_API_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define WALDO_API    __attribute__((visibility("default")))
#define WALDOI_APART __attribute__((noinline))
#define WALDOI_COLD  __attribute__((cold, noinline))
#else
#define WALDO_API
#define WALDOI_APART
#define WALDOI_COLD
#endif

/* Of a line of the cache, or less. */
#define WALDOI_CACHE_LINE 64

/* `size` bytes that will be read soon; any pointer will do. */
static inline void
waldoi_prefetch(const void *data, size_t size)
{
#if defined(__GNUC__)
	for (size_t i = 0; i < size; i += WALDOI_CACHE_LINE) {
		__builtin_prefetch((const void *) ((uintptr_t) data + i));
	}
#else
	(void) data;
	(void) size;
#endif
}

#endif
