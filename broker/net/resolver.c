/* SPDX-License-Identifier: MIT */
#include "broker/net/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* getaddrinfo() may wait for seconds and cannot be interrupted, hence threads
 * that nobody joins: each works off the queue and ends when it is empty. More
 * than one, so that a name server that is silent does not hold up all. */
#define MAX_WORKERS 8

struct waldoi_resolution {
	waldoi_task task; /* brings it home */
	waldoi_postbox *box;
	waldoi_resolved_cb *cb; /* the loop's thread only; NULL: cancelled */
	void *user;
	int error; /* for gai_strerror() */
	waldoi_sockaddr *array;
	size_t count;
	STAILQ_ENTRY(waldoi_resolution) entry;
	uint16_t port;
	char host[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static STAILQ_HEAD(, waldoi_resolution) queue = STAILQ_HEAD_INITIALIZER(queue);
static unsigned workers;

static void
resolution_free(waldoi_resolution *resolution)
{
	waldoi_postbox_release(resolution->box);
	free(resolution->array);
	free(resolution);
}

static void
bring_home(void *user)
{
	waldoi_resolution *resolution = user;
	waldoi_sockaddr *array = resolution->array;

	if (resolution->cb != NULL) {
		resolution->array = NULL;
		resolution->cb(array, resolution->count,
		               resolution->error != 0
		                   ? gai_strerror(resolution->error)
		                   : NULL,
		               resolution->user);
	}
	resolution_free(resolution);
}

static waldoi_resolution *
take_next(void)
{
	waldoi_resolution *next;

	pthread_mutex_lock(&lock);
	next = STAILQ_FIRST(&queue);
	if (next != NULL) {
		STAILQ_REMOVE_HEAD(&queue, entry);
	} else {
		workers--;
	}
	pthread_mutex_unlock(&lock);
	return next;
}

static void *
work(void *user)
{
	waldoi_resolution *next;

	(void) user;
	while ((next = take_next()) != NULL) {
		next->error = waldoi_sockaddr_resolve(
		    next->host, next->port, false, &next->array, &next->count);
		if (!waldoi_postbox_put(next->box, &next->task)) {
			resolution_free(next);
		}
	}
	return NULL;
}

/* Signals are for the threads of the application. */
static bool
start_worker(void)
{
	sigset_t all, old;
	pthread_t thread;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&thread, NULL, work, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error == 0) {
		pthread_detach(thread);
	}
	return error == 0;
}

/* False if nobody would ever come to it. */
static bool
enqueue(waldoi_resolution *resolution)
{
	bool somebody;

	pthread_mutex_lock(&lock);
	if (workers < MAX_WORKERS && start_worker()) {
		workers++;
	}
	somebody = workers > 0;
	if (somebody) {
		STAILQ_INSERT_TAIL(&queue, resolution, entry);
	}
	pthread_mutex_unlock(&lock);
	return somebody;
}

waldoi_resolution *
waldoi_resolve(waldoi_postbox *box, const char *host, uint16_t port,
               waldoi_resolved_cb *cb, void *user)
{
	size_t size = strlen(host) + 1;
	waldoi_resolution *resolution = calloc(1, sizeof(*resolution) + size);

	if (resolution == NULL) {
		return NULL;
	}
	waldoi_postbox_retain(box);
	resolution->box = box;
	resolution->task.run = bring_home;
	resolution->task.user = resolution;
	resolution->cb = cb;
	resolution->user = user;
	resolution->port = port;
	memcpy(resolution->host, host, size);
	if (!enqueue(resolution)) {
		resolution_free(resolution);
		return NULL;
	}
	return resolution;
}

void
waldoi_resolution_cancel(waldoi_resolution *resolution)
{
	if (resolution != NULL) {
		resolution->cb = NULL;
	}
}
