/* SPDX-License-Identifier: MIT */
/*
 * demo_values.h - values of any shape, taken from a reader, to be counted
 *
 * A list is put with its length first, and a reader does not tell how many
 * values it has left.
 */
#ifndef DEMO_VALUES_H
#define DEMO_VALUES_H

#include <waldo.h>

struct value; /* one scalar, or the header of a list or map */

struct values {
	struct value *items;
	size_t count, capacity;
	size_t top; /* values that are in no list or map */
};

/* Reads all that is left; what is in `values` is borrowed from `reader`. */
waldo_err values_read(struct values *values, waldo_reader *reader)
    WALDO_MUST_CHECK;
void values_put(waldo_writer *writer, const struct values *values);
void values_clear(struct values *values);

#endif
