/* SPDX-License-Identifier: MIT */
/*
 * labels.h - how references are called in what is printed: "Label#3"
 *
 * The class is what the object says of itself, the number is unique in one
 * run of the command. For people: a label gives no access to the object.
 */
#ifndef LABELS_H
#define LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <waldo.h>

struct label {
	waldo_ref *ref; /* retained, so that the number stays the object's */
	char *text;
};

struct labels {
	struct label *items; /* items[n] has number n + 1 */
	size_t count;
	size_t capacity;
	bool dont_ask; /* no round trip: inside a callback, or nobody answers */
};

/* Never NULL; lives until labels_clear(). Runs the node. */
const char *labels_get(struct labels *labels, waldo_ref *ref);

void labels_clear(struct labels *labels);

#endif
