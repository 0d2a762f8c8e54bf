/* SPDX-License-Identifier: MIT */
/* memory/end.h - one end of a link, and the bytes that wait there */
#ifndef WALDO_TEST_END_H
#define WALDO_TEST_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct end {
	struct end *peer; /* NULL: the other end has let go */
	uint8_t *data;    /* received and not yet used: `len` from `start` on */
	size_t start, len, cap;
};

/* Adds what the other end has sent; false without memory. */
bool end_put(struct end *end, const void *data, size_t len);
void end_skip(struct end *end, size_t len);

void end_join(struct end *a, struct end *b);

/* Lets the other end go; what has been received stays. */
void end_part(struct end *end);
void end_fini(struct end *end);

#endif
