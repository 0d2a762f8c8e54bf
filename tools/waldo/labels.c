/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "labels.h"

#define ASK_TIMEOUT_MS 2000

/* The class in the answer to .describe; "?" if there is none. */
static const char *
read_class(waldo_reader *reader)
{
	const char *class_name = "?";
	size_t pairs = waldo_read_map(reader);

	while (pairs-- > 0) {
		if (strcmp(waldo_read_str(reader, NULL), "class") == 0) {
			class_name = waldo_read_str(reader, NULL);
		} else {
			waldo_read_skip(reader);
		}
	}
	return waldo_read_error(reader) == WALDO_OK ? class_name : "?";
}

static char *
make_text(struct labels *labels, waldo_ref *ref, size_t number)
{
	waldo_options options = {
	    .size = sizeof(options),
	    .timeout_ms = ASK_TIMEOUT_MS,
	};
	waldo_promise *promise = NULL;
	const char *class_name = "?";
	char *text = NULL;

	if (!labels->dont_ask && waldo_ref_get_state(ref) != WALDO_BROKEN) {
		waldo_err err;

		promise = waldo_request_send(
		    waldo_request_new(ref, ".describe", &options));
		err = waldo_promise_wait(promise, -1);
		if (err == WALDO_OK) {
			class_name =
			    read_class(waldo_promise_get_result(promise));
		}
		/* One peer that does not answer must cost this once only. */
		labels->dont_ask = err == WALDO_EDEADLINE;
	}
	if (asprintf(&text, "%s#%zu", class_name, number) < 0) {
		text = NULL;
	}
	waldo_promise_release(promise);
	return text;
}

static bool
make_room(struct labels *labels)
{
	size_t capacity = labels->capacity > 0 ? 2 * labels->capacity : 8;
	struct label *items;

	if (labels->count < labels->capacity) {
		return true;
	}
	items = reallocarray(labels->items, capacity, sizeof(*items));
	if (items == NULL) {
		return false;
	}
	labels->items = items;
	labels->capacity = capacity;
	return true;
}

const char *
labels_get(struct labels *labels, waldo_ref *ref)
{
	char *text = NULL;
	size_t i;

	for (i = 0; i < labels->count; i++) {
		if (waldo_ref_equal(labels->items[i].ref, ref)) {
			text = labels->items[i].text;
			return text != NULL ? text : "?";
		}
	}
	if (!make_room(labels)) {
		return "?";
	}

	/* The number is taken first, because the items may grow and move while
	 * the object is asked. */
	labels->items[labels->count++] =
	    (struct label){.ref = waldo_ref_retain(ref)};
	text = make_text(labels, ref, i + 1);
	labels->items[i].text = text;
	return text != NULL ? text : "?";
}

void
labels_clear(struct labels *labels)
{
	size_t i;

	for (i = 0; i < labels->count; i++) {
		waldo_ref_release(labels->items[i].ref);
		free(labels->items[i].text);
	}
	free(labels->items);
	*labels = (struct labels){0};
}
