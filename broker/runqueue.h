/* SPDX-License-Identifier: MIT */
/*
 * broker/runqueue.h - what waits to be done in a turn
 *
 * Jobs live inside what they belong to (a call to be dispatched, a promise
 * to be told, a watch to be fired), so queueing one cannot fail. They run in
 * the order in which they were queued: the order of calls on a near object
 * rests on it (PROTOCOL.md P8).
 */
#ifndef WALDOI_RUNQUEUE_H
#define WALDOI_RUNQUEUE_H

#include <stddef.h>
#include <sys/queue.h>

/* The `type` whose `member` is at `pointer`. */
#define waldoi_container_of(pointer, type, member)                             \
	((type *) (void *) ((char *) (pointer) -offsetof(type, member)))

typedef struct waldoi_runqueue waldoi_runqueue;
typedef struct waldoi_job waldoi_job;

struct waldoi_job {
	TAILQ_ENTRY(waldoi_job) entry;
	waldoi_runqueue *queue; /* NULL: in none */
	void (*run)(waldoi_job *job);
};

struct waldoi_runqueue {
	TAILQ_HEAD(, waldoi_job) jobs;
	size_t count;
};

void waldoi_runqueue_init(waldoi_runqueue *queue);

/* A job that is in a queue stays where it is. */
void waldoi_runqueue_add(waldoi_runqueue *queue, waldoi_job *job,
                         void (*run)(waldoi_job *job));

/* Out of whichever queue it is in. */
void waldoi_runqueue_remove(waldoi_job *job);

/* Takes the first job out; NULL if there is none. The caller runs it. */
waldoi_job *waldoi_runqueue_pop(waldoi_runqueue *queue);

#endif
