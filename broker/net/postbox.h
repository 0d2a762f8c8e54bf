/* SPDX-License-Identifier: MIT */
/*
 * broker/net/postbox.h - the one way into a loop from other threads
 *
 * The loop opens it and closes it when it goes; a thread that holds a count
 * of it may outlive the loop, and is then told that nobody is there.
 */
#ifndef WALDOI_POSTBOX_H
#define WALDOI_POSTBOX_H

#include <waldo/node.h>

#include <sys/queue.h>

typedef struct waldoi_postbox waldoi_postbox;

typedef struct waldoi_task {
	waldo_task_cb *run; /* on the loop's thread; frees the task */
	void *user;
	STAILQ_ENTRY(waldoi_task) entry;
} waldoi_task;

STAILQ_HEAD(waldoi_tasks, waldoi_task);

/* NULL: errno says why. */
waldoi_postbox *waldoi_postbox_new(void);
void waldoi_postbox_retain(waldoi_postbox *box);
void waldoi_postbox_release(waldoi_postbox *box);

/* Readable while there is something in the box, or after a ring. */
int waldoi_postbox_get_fd(const waldoi_postbox *box);

/* Async-signal-safe. */
void waldoi_postbox_ring(const waldoi_postbox *box);

/* Takes `task`; false if the box is closed, then it is still the caller's. */
bool waldoi_postbox_put(waldoi_postbox *box, waldoi_task *task);

/* Moves what was put to `ret_tasks`, in order. */
void waldoi_postbox_take(waldoi_postbox *box, struct waldoi_tasks *ret_tasks);

/* Nothing can be put any more. */
void waldoi_postbox_close(waldoi_postbox *box);

#endif
