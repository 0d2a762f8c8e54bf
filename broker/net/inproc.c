/* SPDX-License-Identifier: MIT */
#include "broker/net/inproc.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct visitor {
	int fd;
	STAILQ_ENTRY(visitor) entry;
} visitor;

struct waldoi_meeting {
	int bell; /* an eventfd; counts the visitors */
	STAILQ_HEAD(, visitor) visitors;
	LIST_ENTRY(waldoi_meeting) entry;
	char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, waldoi_meeting) meetings = LIST_HEAD_INITIALIZER(meetings);

/* With the lock held. */
static waldoi_meeting *
find_meeting(const char *name)
{
	waldoi_meeting *meeting;

	LIST_FOREACH(meeting, &meetings, entry) {
		if (strcmp(meeting->name, name) == 0) {
			return meeting;
		}
	}
	return NULL;
}

int
waldoi_meeting_open(const char *name, waldoi_meeting **ret_meeting)
{
	size_t size = strlen(name) + 1;
	waldoi_meeting *meeting = calloc(1, sizeof(*meeting) + size);
	bool taken;

	if (meeting == NULL) {
		return ENOMEM;
	}
	STAILQ_INIT(&meeting->visitors);
	memcpy(meeting->name, name, size);
	meeting->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE);
	if (meeting->bell < 0) {
		int error = errno;

		free(meeting);
		return error;
	}
	pthread_mutex_lock(&lock);
	taken = find_meeting(name) != NULL;
	if (!taken) {
		LIST_INSERT_HEAD(&meetings, meeting, entry);
	}
	pthread_mutex_unlock(&lock);
	if (taken) {
		close(meeting->bell);
		free(meeting);
		return EADDRINUSE;
	}
	*ret_meeting = meeting;
	return 0;
}

int
waldoi_meeting_get_bell(const waldoi_meeting *meeting)
{
	return meeting->bell;
}

/* The bell counts; nothing but a signal keeps it from doing so. */
static void
ring(waldoi_meeting *meeting)
{
	uint64_t one = 1;

	while (write(meeting->bell, &one, sizeof(one)) < 0 && errno == EINTR) {
	}
}

static void
hear(waldoi_meeting *meeting)
{
	uint64_t one;

	while (read(meeting->bell, &one, sizeof(one)) < 0 && errno == EINTR) {
	}
}

int
waldoi_meeting_accept(waldoi_meeting *meeting)
{
	visitor *first;
	int fd = -1;

	pthread_mutex_lock(&lock);
	first = STAILQ_FIRST(&meeting->visitors);
	if (first != NULL) {
		STAILQ_REMOVE_HEAD(&meeting->visitors, entry);
		hear(meeting);
		fd = first->fd;
		free(first);
	}
	pthread_mutex_unlock(&lock);
	errno = EAGAIN;
	return fd;
}

void
waldoi_meeting_close(waldoi_meeting *meeting)
{
	int fd;

	if (meeting == NULL) {
		return;
	}
	pthread_mutex_lock(&lock);
	LIST_REMOVE(meeting, entry);
	pthread_mutex_unlock(&lock);

	while ((fd = waldoi_meeting_accept(meeting)) >= 0) {
		close(fd);
	}
	close(meeting->bell);
	free(meeting);
}

/* Leaves `guest` at the meeting point; 0 or an errno. */
static int
visit(const char *name, visitor *guest)
{
	waldoi_meeting *meeting;

	pthread_mutex_lock(&lock);
	meeting = find_meeting(name);
	if (meeting != NULL) {
		STAILQ_INSERT_TAIL(&meeting->visitors, guest, entry);
		ring(meeting);
	}
	pthread_mutex_unlock(&lock);
	return meeting != NULL ? 0 : ECONNREFUSED;
}

int
waldoi_meeting_dial(const char *name)
{
	visitor *guest = malloc(sizeof(*guest));
	int pair[2], error;

	if (guest == NULL) {
		errno = ENOMEM;
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	               pair) != 0) {
		free(guest);
		return -1;
	}
	guest->fd = pair[1];
	error = visit(name, guest);
	if (error != 0) {
		close(pair[0]);
		close(pair[1]);
		free(guest);
		errno = error;
		return -1;
	}
	return pair[0];
}
