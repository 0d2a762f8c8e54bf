/* SPDX-License-Identifier: MIT */
/*
 * broker/session/calls.h - our calls that are open, by id
 *
 * Their ids follow each other, and most are answered in about the order in
 * which they were made. So those made last stand in a ring, each at the place
 * that its id says; one whose place is taken, by a call that is open for long,
 * goes into a table. A single call needs no ring; and without calls there is
 * none, unless there were many just now.
 */
#ifndef WALDOI_CALLS_H
#define WALDOI_CALLS_H

#include "broker/call.h"
#include "broker/session/table.h"

typedef struct waldoi_calls {
	waldo_promise **ring; /* NULL: none; else of mask + 1, free ones NULL */
	uint32_t mask;
	uint32_t count;      /* all of them */
	waldoi_table others; /* that are not in the ring */
} waldoi_calls;

void waldoi_calls_init(waldoi_calls *calls);
void waldoi_calls_fini(waldoi_calls *calls);

/* For what the ring does not do at once. */
bool waldoi_calls_insert_other(waldoi_calls *calls, int64_t id,
                               waldo_promise *promise);
waldo_promise *waldoi_calls_remove_other(waldoi_calls *calls, int64_t id);
void waldoi_calls_trim(waldoi_calls *calls);

static inline waldo_promise **
waldoi_calls_place(const waldoi_calls *calls, int64_t id)
{
	/* Those of one side are all odd, or all even. */
	return &calls->ring[(uint64_t) id >> 1 & calls->mask];
}

/* False if memory runs out. There is none of that id; it becomes the
 * promise's. */
static inline bool
waldoi_calls_insert(waldoi_calls *calls, int64_t id, waldo_promise *promise)
{
	if (calls->ring != NULL && *waldoi_calls_place(calls, id) == NULL) {
		*waldoi_calls_place(calls, id) = promise;
	} else if (!waldoi_calls_insert_other(calls, id, promise)) {
		return false;
	}
	promise->id = id;
	calls->count++;
	return true;
}

/* The only one, if there is one: its outcome may be about to come. */
static inline void
waldoi_calls_prefetch(const waldoi_calls *calls)
{
	if (calls->others.count == 1 && calls->others.bits == 0) {
		waldoi_promise_prefetch(calls->others.one.value);
	}
}

/* NULL: there is none. */
static inline waldo_promise *
waldoi_calls_find(const waldoi_calls *calls, int64_t id)
{
	waldo_promise *promise =
	    calls->ring == NULL ? NULL : *waldoi_calls_place(calls, id);

	return promise != NULL && promise->id == id
	           ? promise
	           : waldoi_table_find(&calls->others, (uint64_t) id);
}

/* What was there, or NULL. */
static inline waldo_promise *
waldoi_calls_remove(waldoi_calls *calls, int64_t id)
{
	waldo_promise *promise =
	    calls->ring == NULL ? NULL : *waldoi_calls_place(calls, id);

	if (promise == NULL || promise->id != id) {
		promise = waldoi_calls_remove_other(calls, id);
		if (promise == NULL) {
			return NULL;
		}
	} else {
		*waldoi_calls_place(calls, id) = NULL;
		/* The next one is probably what comes next. */
		waldoi_promise_prefetch(*waldoi_calls_place(calls, id + 2));
	}
	calls->count--;
	if (calls->count == 0) {
		waldoi_calls_trim(calls);
	}
	return promise;
}

/* One after the other, NULL at the end. *at is 0 at first; they do not change
 * meanwhile. */
waldo_promise *waldoi_calls_next(const waldoi_calls *calls, uint32_t *at);

/* Takes one out, or NULL if there is none: to end them all. *at is 0 at
 * first. */
waldo_promise *waldoi_calls_take(waldoi_calls *calls, uint32_t *at);

#endif
