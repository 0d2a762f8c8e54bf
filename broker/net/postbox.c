/* SPDX-License-Identifier: MIT */
#include "broker/net/postbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct waldoi_postbox {
	atomic_uint count;
	int fd;               /* an eventfd; never changes */
	pthread_mutex_t lock; /* over what follows */
	bool closed;
	struct waldoi_tasks tasks;
};

waldoi_postbox *
waldoi_postbox_new(void)
{
	waldoi_postbox *box = calloc(1, sizeof(*box));

	if (box == NULL) {
		return NULL;
	}
	box->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (box->fd < 0) {
		free(box);
		return NULL;
	}
	atomic_init(&box->count, 1);
	pthread_mutex_init(&box->lock, NULL);
	STAILQ_INIT(&box->tasks);
	return box;
}

void
waldoi_postbox_retain(waldoi_postbox *box)
{
	atomic_fetch_add(&box->count, 1);
}

void
waldoi_postbox_release(waldoi_postbox *box)
{
	if (box != NULL && atomic_fetch_sub(&box->count, 1) == 1) {
		pthread_mutex_destroy(&box->lock);
		close(box->fd);
		free(box);
	}
}

int
waldoi_postbox_get_fd(const waldoi_postbox *box)
{
	return box->fd;
}

void
waldoi_postbox_ring(const waldoi_postbox *box)
{
	uint64_t one = 1;
	int error = errno; /* the signal's victim may be looking at it */

	/* Fails only if the counter is full: then it is readable. */
	while (write(box->fd, &one, sizeof(one)) < 0 && errno == EINTR) {
	}
	errno = error;
}

bool
waldoi_postbox_put(waldoi_postbox *box, waldoi_task *task)
{
	bool open;

	pthread_mutex_lock(&box->lock);
	open = !box->closed;
	if (open) {
		STAILQ_INSERT_TAIL(&box->tasks, task, entry);
		waldoi_postbox_ring(box);
	}
	pthread_mutex_unlock(&box->lock);
	return open;
}

void
waldoi_postbox_take(waldoi_postbox *box, struct waldoi_tasks *ret_tasks)
{
	uint64_t rings;

	STAILQ_INIT(ret_tasks);
	pthread_mutex_lock(&box->lock);
	/* Nobody having rung is as good as somebody. */
	(void) !read(box->fd, &rings, sizeof(rings));
	STAILQ_CONCAT(ret_tasks, &box->tasks);
	pthread_mutex_unlock(&box->lock);
}

void
waldoi_postbox_close(waldoi_postbox *box)
{
	pthread_mutex_lock(&box->lock);
	box->closed = true;
	pthread_mutex_unlock(&box->lock);
}
