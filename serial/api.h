/* SPDX-License-Identifier: MIT */
/* serial/api.h - what is said of definitions: which the shared library exports,
 * and which stand apart, so that a caller is not burdened with what it rarely
 * does */
#ifndef WALDOI_API_H
#define WALDOI_API_H

#if defined(__GNUC__)
#define WALDO_API    __attribute__((visibility("default")))
#define WALDOI_APART __attribute__((noinline))
#else
#define WALDO_API
#define WALDOI_APART
#endif

#endif
