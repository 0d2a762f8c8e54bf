/* SPDX-License-Identifier: MIT */
#include "broker/session/calls.h"
#include "serial/api.h"

#include <stdlib.h>

#define FIRST_SIZE 8
#define MOST_SIZE  1024 /* with more at a time the ring is no help */

static uint32_t
size_of(const waldoi_calls *calls)
{
	return calls->ring == NULL ? 0 : calls->mask + 1;
}

void
waldoi_calls_init(waldoi_calls *calls)
{
	calls->ring = NULL;
	calls->mask = calls->count = 0;
	waldoi_table_init(&calls->others, 0);
}

void
waldoi_calls_fini(waldoi_calls *calls)
{
	free(calls->ring);
	calls->ring = NULL;
	calls->mask = calls->count = 0;
	waldoi_table_fini(&calls->others);
}

/* A larger ring has a place for each that is in the smaller one. */
static bool
resize(waldoi_calls *calls, uint32_t size)
{
	waldoi_calls other = {.mask = size - 1};

	other.ring = calloc(size, sizeof(waldo_promise *));
	if (other.ring == NULL) {
		return false;
	}
	for (uint32_t i = 0; i < size_of(calls); i++) {
		waldo_promise *promise = calls->ring[i];

		if (promise != NULL) {
			*waldoi_calls_place(&other, promise->id) = promise;
		}
	}
	free(calls->ring);
	calls->ring = other.ring;
	calls->mask = other.mask;
	return true;
}

/* Worth it if the place is taken because there are many, not because one is
 * open for long. */
static bool
grow(waldoi_calls *calls)
{
	uint32_t size = size_of(calls);

	if (size == 0) {
		return calls->count > 0 && resize(calls, FIRST_SIZE);
	}
	return size < MOST_SIZE && calls->count > size / 2 &&
	       resize(calls, 2 * size);
}

WALDOI_APART bool
waldoi_calls_insert_other(waldoi_calls *calls, int64_t id,
                          waldo_promise *promise)
{
	if (grow(calls) && *waldoi_calls_place(calls, id) == NULL) {
		*waldoi_calls_place(calls, id) = promise;
		return true;
	}
	return waldoi_table_insert(&calls->others, (uint64_t) id, promise);
}

WALDOI_APART waldo_promise *
waldoi_calls_remove_other(waldoi_calls *calls, int64_t id)
{
	return waldoi_table_remove(&calls->others, (uint64_t) id);
}

WALDOI_APART void
waldoi_calls_trim(waldoi_calls *calls)
{
	uint32_t size = size_of(calls);

	if (size > FIRST_SIZE) {
		/* Without memory it stays. */
		(void) resize(calls, size / 2);
	} else if (size > 0) {
		waldoi_calls_fini(calls);
	}
}

waldo_promise *
waldoi_calls_next(const waldoi_calls *calls, uint32_t *at)
{
	uint32_t size = size_of(calls);
	const waldoi_slot *slot;
	uint32_t rest;

	while (*at < size) {
		waldo_promise *promise = calls->ring[(*at)++];

		if (promise != NULL) {
			return promise;
		}
	}
	rest = *at - size;
	slot = waldoi_table_next(&calls->others, &rest);
	*at = size + rest;
	return slot == NULL ? NULL : slot->value;
}

waldo_promise *
waldoi_calls_take(waldoi_calls *calls, uint32_t *at)
{
	waldo_promise *promise = NULL;
	uint64_t key;

	while (*at < size_of(calls) && promise == NULL) {
		promise = calls->ring[(*at)++];
	}
	if (promise == NULL) {
		promise = waldoi_table_any(&calls->others, &key);
	}
	return promise == NULL ? NULL : waldoi_calls_remove(calls, promise->id);
}
