/* SPDX-License-Identifier: MIT */
/*
 * unit/writer_fixture.h - a writer whose handles count
 */
#ifndef WALDO_TEST_WRITER_FIXTURE_H
#define WALDO_TEST_WRITER_FIXTURE_H

#include "serial/check.h"
#include "serial/writer.h"
#include "tests/waldo_test.h"

#define COUNTS 300

/* A handle is one of these; its value is how often it is retained. */
extern int counts[COUNTS];

struct fixture {
	waldo_writer writer;
	unsigned given_back;
	unsigned done;
	uint8_t bytes[8192]; /* of the last payload */
	size_t len;
	waldo_reader reader;
};

#define assert_payload(f, list, want)                                          \
	do {                                                                   \
		finish(f, list);                                               \
		assert_int_equal((f)->len, sizeof(want) - 1);                  \
		assert_memory_equal((f)->bytes, want, sizeof(want) - 1);       \
	} while (0)

#define setup    writer_setup
#define teardown writer_teardown

void give_back(waldoi_taken *taken, void *context);
void count_done(void *user);
int setup(void **state);
int teardown(void **state);
/* Ends the payload, checks it and keeps it in f->bytes. */
void finish(struct fixture *f, bool list);
void assert_failed(struct fixture *f, bool list, waldo_err err,
                   const char *message);
/* What was put, to be read. */
waldo_reader *read_back(struct fixture *f, bool list);

#endif
