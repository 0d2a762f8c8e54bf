/* SPDX-License-Identifier: MIT */
#include "server/store/verify.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

TAILQ_HEAD(tasks, waldoi_verify);

struct waldoi_verifiers {
	waldo_node *node;
	pthread_t threads[WALDOI_VERIFY_THREADS];
	size_t thread_count;
	bool collecting; /* collect() is on the stack */
	bool closed;     /* and is to be freed by whoever is still to come */

	pthread_mutex_t lock; /* for all below */
	pthread_cond_t changed;
	struct tasks waiting, done;
	size_t waiting_count;
	size_t idle;   /* threads that wait for a task */
	bool stopping; /* no task is begun any more */
	bool posted;   /* a collect() will run */
};

waldoi_verifiers *
waldoi_verifiers_new(waldo_node *node)
{
	waldoi_verifiers *v = calloc(1, sizeof(*v));

	if (v == NULL) {
		return NULL;
	}
	if (pthread_mutex_init(&v->lock, NULL) != 0) {
		free(v);
		return NULL;
	}
	if (pthread_cond_init(&v->changed, NULL) != 0) {
		(void) pthread_mutex_destroy(&v->lock);
		free(v);
		return NULL;
	}
	v->node = node;
	TAILQ_INIT(&v->waiting);
	TAILQ_INIT(&v->done);
	return v;
}

static void
free_if_unused(waldoi_verifiers *v)
{
	if (v->closed && !v->posted && !v->collecting) {
		(void) pthread_cond_destroy(&v->changed);
		(void) pthread_mutex_destroy(&v->lock);
		free(v);
	}
}

static waldoi_verify *
take(waldoi_verifiers *v, struct tasks *tasks)
{
	waldoi_verify *task;

	(void) pthread_mutex_lock(&v->lock);
	task = TAILQ_FIRST(tasks);
	if (task != NULL) {
		TAILQ_REMOVE(tasks, task, entry);
	}
	(void) pthread_mutex_unlock(&v->lock);
	return task;
}

/* Whoever is told may close us. */
static void
collect(void *user)
{
	waldoi_verifiers *v = user;
	waldoi_verify *task;

	(void) pthread_mutex_lock(&v->lock);
	v->posted = false;
	(void) pthread_mutex_unlock(&v->lock);
	v->collecting = true;
	while (!v->closed && (task = take(v, &v->done)) != NULL) {
		task->done(task);
	}
	v->collecting = false;
	free_if_unused(v);
}

/* ---- the threads */

static void
compute(waldoi_verify *task)
{
	static const uint8_t salt[crypto_pwhash_SALTBYTES];
	uint8_t hash[32];
	size_t len = strlen(task->password);

	if (task->verifier[0] != '\0') {
		task->good = crypto_pwhash_str_verify(task->verifier,
		                                      task->password, len) == 0;
		return;
	}
	if (crypto_pwhash(hash, sizeof(hash), task->password, len, salt,
	                  task->cost.ops, task->cost.memory,
	                  crypto_pwhash_ALG_DEFAULT) != 0) {
		return; /* no memory: neither would there be for a real one */
	}
	sodium_memzero(hash, sizeof(hash));
}

/* NULL: the thread is to end. The lock is held. */
static waldoi_verify *
wait_for_task(waldoi_verifiers *v)
{
	waldoi_verify *task;

	while (TAILQ_EMPTY(&v->waiting) && !v->stopping) {
		v->idle++;
		(void) pthread_cond_wait(&v->changed, &v->lock);
		v->idle--;
	}
	if (v->stopping) {
		return NULL;
	}
	task = TAILQ_FIRST(&v->waiting);
	TAILQ_REMOVE(&v->waiting, task, entry);
	v->waiting_count--;
	return task;
}

/* The lock is held. It fails only without memory, which others will give
 * back. */
static void
post(waldoi_verifiers *v)
{
	static const struct timespec moment = {0, 10 * 1000 * 1000};

	while (!v->posted && !v->stopping) {
		v->posted = true;
		(void) pthread_mutex_unlock(&v->lock);
		if (waldo_node_post(v->node, collect, v) == WALDO_OK) {
			(void) pthread_mutex_lock(&v->lock);
			return;
		}
		(void) nanosleep(&moment, NULL);
		(void) pthread_mutex_lock(&v->lock);
		v->posted = false;
	}
}

static void *
work(void *user)
{
	waldoi_verifiers *v = user;
	waldoi_verify *task;

	(void) pthread_mutex_lock(&v->lock);
	while ((task = wait_for_task(v)) != NULL) {
		(void) pthread_mutex_unlock(&v->lock);
		compute(task);
		(void) pthread_mutex_lock(&v->lock);
		TAILQ_INSERT_TAIL(&v->done, task, entry);
		post(v);
	}
	(void) pthread_mutex_unlock(&v->lock);
	return NULL;
}

/* Signals are for the program's own threads. */
static bool
start_thread(waldoi_verifiers *v)
{
	sigset_t all, old;
	bool started;

	(void) sigfillset(&all);
	(void) pthread_sigmask(SIG_SETMASK, &all, &old);
	started =
	    pthread_create(&v->threads[v->thread_count], NULL, work, v) == 0;
	(void) pthread_sigmask(SIG_SETMASK, &old, NULL);
	v->thread_count += started;
	return started;
}

/* ---- the node's thread */

waldo_err
waldoi_verifiers_submit(waldoi_verifiers *v, waldoi_verify *task)
{
	waldo_err err = WALDO_OK;

	(void) pthread_mutex_lock(&v->lock);
	if (v->waiting_count >= WALDOI_VERIFY_WAITING) {
		err = WALDO_ELIMIT;
	} else if (v->idle <= v->waiting_count &&
	           v->thread_count < WALDOI_VERIFY_THREADS &&
	           !start_thread(v) && v->thread_count == 0) {
		err = WALDO_ESYSTEM;
	}
	if (err == WALDO_OK) {
		task->good = false;
		TAILQ_INSERT_TAIL(&v->waiting, task, entry);
		v->waiting_count++;
		(void) pthread_cond_signal(&v->changed);
	}
	(void) pthread_mutex_unlock(&v->lock);
	return err;
}

void
waldoi_verifiers_close(waldoi_verifiers *v)
{
	waldoi_verify *task;

	if (v == NULL) {
		return;
	}
	(void) pthread_mutex_lock(&v->lock);
	v->stopping = true;
	(void) pthread_cond_broadcast(&v->changed);
	(void) pthread_mutex_unlock(&v->lock);
	for (size_t i = 0; i < v->thread_count; i++) {
		(void) pthread_join(v->threads[i], NULL);
	}
	v->closed = true;
	while ((task = take(v, &v->waiting)) != NULL ||
	       (task = take(v, &v->done)) != NULL) {
		task->good = false;
		task->done(task);
	}
	free_if_unused(v);
}
