/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/secure_test.h - what the suites of encrypted links share
 *
 * The state of a test is two ends (secure_fixture.h).
 */
#ifndef WALDO_SECURE_TEST_H
#define WALDO_SECURE_TEST_H

#include "tests/unit/secure_fixture.h"
#include "tests/waldo_test.h"

int secure_setup(void **state); /* of the group */

/* Without links, and with one that is open, where nothing was said yet. */
int ends_setup(void **state);
int open_setup(void **state);
int ends_teardown(void **state);

/* For a test that needs many pairs: without a link, and with one. */
void secure_restart(struct end ends[2]);
void secure_reopen(struct end ends[2]);

/* Both know who the other is, and what it has said. */
void assert_opened(struct end ends[2]);

/* The link was open, and is of no use any more. */
void assert_broken(const struct end *end, waldo_err err);

/* It sends nothing more, whatever its session says. */
void assert_silent(struct end *end);

/* So many random bytes. */
void say_many(struct end *end, size_t len);

waldoi_records *records_of(struct end *end);

#endif
