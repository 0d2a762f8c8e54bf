/* SPDX-License-Identifier: MIT */
/*
 * tests/waldo_test.h - what the cmocka suites share
 *
 * cmocka's assertions leave by longjmp: assert in the body of a test, never
 * in a callback that the library runs.
 */
#ifndef WALDO_TEST_H
#define WALDO_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <waldo/error.h>

/* Compares by name, so that a failure says what came instead of its number. */
#define assert_err(expr, want)                                                 \
	assert_string_equal(waldo_strerror(expr), waldo_strerror(want))
#define assert_ok(expr) assert_err(expr, WALDO_OK)

/* For a suite with a setup() and a teardown() of its own. */
#define waldo_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* For a test of time, or of descriptors, some of which valgrind keeps for
 * itself; tools/test says so when it runs a suite under it. */
#define skip_under_valgrind()                                                  \
	do {                                                                   \
		if (getenv("WALDO_VALGRIND") != NULL) {                        \
			skip();                                                \
		}                                                              \
	} while (0)

#endif
