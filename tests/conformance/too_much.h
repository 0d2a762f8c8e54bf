/* SPDX-License-Identifier: MIT */
/*
 * conformance/too_much.h - calls of the gate that may be too large, too deep,
 * or with too many references, and how they fail
 */
#ifndef WALDO_CONFORMANCE_TOO_MUCH_H
#define WALDO_CONFORMANCE_TOO_MUCH_H

#include "tests/conformance/fixture.h"

/* Calls mark(1, bytes), which says 1. */
struct outcome *send_bytes(struct fixture *f, size_t len);

/* Calls echo() with lists in each other. */
struct outcome *send_deep(struct fixture *f, int levels);

/* Calls let_go() with the gate, so many times. */
struct outcome *send_refs(struct fixture *f, int count);

/* Passes objects, which the other end stores; the outcome of the last. */
struct outcome *give_objects(struct fixture *f, int count);

#define assert_limit(got, want_fate, want)                                     \
	do {                                                                   \
		const struct outcome *limited = (got);                         \
		assert_failed(limited, WALDO_ELIMIT, want_fate);               \
		assert_string_equal(limited->message, want);                   \
	} while (0)

#endif
