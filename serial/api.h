/* SPDX-License-Identifier: MIT */
/* serial/api.h - what is said of functions: which the shared library exports,
 * and which stand apart, so that a caller is not burdened with what it rarely
 * does, or (cold) only when something is wrong */
#ifndef WALDOI_API_H
#define WALDOI_API_H

#if defined(__GNUC__)
#define WALDO_API    __attribute__((visibility("default")))
#define WALDOI_APART __attribute__((noinline))
#define WALDOI_COLD  __attribute__((cold, noinline))
#else
#define WALDO_API
#define WALDOI_APART
#define WALDOI_COLD
#endif

#endif
