/* SPDX-License-Identifier: MIT */
/*
 * unit/output_fixture.h - the output of a node without links: what was queued,
 * what has left, and whether that is the same
 */
#ifndef WALDO_TEST_OUTPUT_FIXTURE_H
#define WALDO_TEST_OUTPUT_FIXTURE_H

#include "broker/session/output.h"
#include "tests/waldo_test.h"

enum {
	MAX_WIRE = 1024 * 1024,
	MAX_LINKS = 2000,
	LENT = 4,
	LOAN = 70,
	LARGE_LOAN = 20000
};

extern waldo_node *node;
extern waldoi_output output;
extern int done[LENT]; /* how often each loan was given back */

extern struct output_world {
	uint8_t want[MAX_WIRE]; /* the numbered frames, as they were queued */
	size_t want_len, ends[MAX_LINKS], frames;
	uint8_t wire[MAX_WIRE]; /* all that has left */
	size_t wire_len;
} world;

int setup(void **state);
int teardown(void **state); /* fails if bytes are still counted */
void start_over(void **state);
void let_pass(uint64_t ms);

/* ---- queueing */

/* A frame of `len` bytes in all, at least 8. */
void queue(size_t len);

/* A frame with two loans of `len` bytes, small values about them, and an empty
 * loan; its arguments alone; and what queues such, false without memory. */
void queue_loans(size_t len);
void fill_with_loans(waldo_writer *writer, size_t len);
bool queue_writer(waldo_writer *writer);

/* A link frame, with a number to know it by. */
void say(uint8_t number);

/* ---- sending */

/* What there is to send, of which nothing is taken. */
size_t offer(struct iovec *iov, size_t count);

/* At most `most` bytes, as a socket takes them. */
size_t send_some(size_t most);
void send_exactly(size_t len);
void drain(size_t chunk);

/* ---- what has left */

/* Link frames. */
extern struct seen_link {
	size_t before; /* so many numbered frames came before it */
	uint8_t code;
	uint64_t number;
} links[MAX_LINKS];
extern size_t link_count;

/* Whole frames and no more; the numbered ones as they were queued. Returns
 * how many those are. */
size_t read_wire(void);
void assert_link(size_t i, uint8_t code, uint64_t number, size_t before);

#endif
