/* SPDX-License-Identifier: MIT */
#include "broker/line.h"
#include "broker/node.h"
#include "serial/api.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUCH (64 * 1024) /* to send; then peers may begin with it */

/* So many lines in so long. */
#define MOST_WARNINGS  50
#define WARN_PERIOD_US (10 * UINT64_C(1000000))

/* Why the last node of this thread could not be made. */
static _Thread_local char no_node_message[256];

/* ---- messages and the log */

static void
set_messagev(waldo_node *node, const char *format, va_list args)
{
	char *to = node == NULL ? no_node_message : node->message;

	vsnprintf(to, sizeof(no_node_message), format, args);
}

void
waldoi_node_set_message(waldo_node *node, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_messagev(node, format, args);
	va_end(args);
}

waldo_err
waldoi_node_fail(waldo_node *node, waldo_err err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_messagev(node, format, args);
	va_end(args);
	return err;
}

WALDO_API waldo_err
waldo_node_fail(waldo_node *node, waldo_err err, const char *format, ...)
{
	va_list args;

	if (format == NULL) {
		return err;
	}
	va_start(args, format);
	set_messagev(node, format, args);
	va_end(args);
	return err;
}

WALDO_API const char *
waldo_node_get_message(const waldo_node *node)
{
	return node == NULL ? no_node_message : node->message;
}

static waldoi_warnings *
find_warnings(waldo_node *node, const char *format)
{
	waldoi_warnings *oldest = node->warnings;

	for (int i = 0; i < WALDOI_WARNINGS; i++) {
		waldoi_warnings *w = &node->warnings[i];

		if (w->format == format) {
			return w;
		}
		oldest = w->since < oldest->since ? w : oldest;
	}
	*oldest = (waldoi_warnings){.format = format};
	return oldest;
}

static void
tell_spared(waldo_node *node, uint32_t spared)
{
	char line[80];

	if (spared > 0) {
		snprintf(line, sizeof(line),
		         "%u lines as the next were left out", spared);
		node->log(WALDO_LOG_WARN, line, node->log_user);
	}
}

/* Peers that come again and again must not fill a disk. */
static bool
may_warn(waldo_node *node, const char *format)
{
	waldoi_warnings *w = find_warnings(node, format);
	uint64_t now = waldoi_node_now(node);

	if (w->since == 0 || now - w->since >= WARN_PERIOD_US) {
		tell_spared(node, w->spared);
		*w = (waldoi_warnings){.format = format, .since = now};
	}
	w->spared += w->count == MOST_WARNINGS;
	w->count += w->count < MOST_WARNINGS;
	return w->spared == 0;
}

static void
logv(waldo_node *node, waldo_log_level level, const char *format, va_list args)
{
	char line[512];

	if (node->log == NULL ||
	    (level == WALDO_LOG_WARN && !may_warn(node, format))) {
		return;
	}
	vsnprintf(line, sizeof(line), format, args);
	/* It may have words of a peer: they must not write other lines, nor
	 * move about on a terminal. */
	(void) waldoi_escape(line, line, strlen(line));
	node->log(level, line, node->log_user);
}

void
waldoi_node_log(waldo_node *node, waldo_log_level level, const char *format,
                ...)
{
	va_list args;

	va_start(args, format);
	logv(node, level, format, args);
	va_end(args);
}

WALDO_API void
waldo_node_log(waldo_node *node, waldo_log_level level, const char *format, ...)
{
	va_list args;

	if (node == NULL || format == NULL) {
		return;
	}
	va_start(args, format);
	logv(node, level, format, args);
	va_end(args);
}

void
waldoi_node_set_trace(waldo_node *node,
                      void (*trace)(const char *line, void *user), void *user)
{
	node->trace = trace;
	node->trace_user = user;
}

/* ---- time and what waits */

uint64_t
waldoi_node_clock(waldo_node *node)
{
	node->now = node->driver->now(node->driver_data);
	return node->now;
}

void
waldoi_node_wake(waldo_node *node)
{
	if (!node->woken && !node->freeing) {
		node->woken = true;
		node->driver->wake(node->driver_data);
	}
}

void
waldoi_node_queue(waldo_node *node, waldoi_job *job,
                  void (*run)(waldoi_job *job))
{
	waldoi_runqueue_add(&node->jobs, job, run);
	waldoi_node_wake(node);
}

void
waldoi_node_queue_next(waldo_node *node, waldoi_job *job,
                       void (*run)(waldoi_job *job))
{
	waldoi_runqueue_add(&node->next_jobs, job, run);
	waldoi_node_wake(node);
}

void
waldoi_node_rearm(waldo_node *node)
{
	uint64_t next = waldoi_timers_next(&node->timers);

	if (next != node->armed && !node->freeing) {
		node->armed = next;
		node->driver->arm(node->driver_data, next);
	}
}

void
waldoi_node_arm(waldo_node *node, waldoi_timer *timer, uint64_t at,
                void (*fire)(waldoi_timer *timer))
{
	waldoi_timer_arm(&node->timers, timer, at, fire);
	/* The end of the turn tells the driver, if there will be one. */
	if (!node->entered) {
		waldoi_node_rearm(node);
	}
}

/* What was put off until this turn. */
void
waldoi_node_take_next(waldo_node *node)
{
	waldoi_job *job;

	while ((job = waldoi_runqueue_pop(&node->next_jobs)) != NULL) {
		waldoi_runqueue_add(&node->jobs, job, job->run);
	}
}

bool
waldoi_node_run_some(waldo_node *node, int *left)
{
	waldoi_job *job;

	node->gathered = 0;
	while (*left > 0 && (job = waldoi_runqueue_pop(&node->jobs)) != NULL) {
		--*left;
		job->run(job);
		if (node->gathered >= MUCH) {
			return true;
		}
	}
	return false;
}

void
waldoi_node_run_jobs(waldo_node *node)
{
	do {
		int left = INT_MAX;

		(void) waldoi_node_run_some(node, &left);
		waldoi_node_take_next(node);
	} while (node->jobs.count > 0);
}

void
waldoi_node_run_task(waldo_node *node, waldo_task_cb *task, void *user)
{
	node->callbacks++;
	task(user);
	node->callbacks--;
}

bool
waldoi_node_in_callback(const waldo_node *node)
{
	return node->callbacks > 0;
}

/* ---- taken bytes */

/* Whoever lent bytes is told from the loop. */
static void
tell_lenders(waldoi_job *job)
{
	waldo_node *node = waldoi_container_of(job, waldo_node, lenders_job);
	waldoi_taken *taken = node->lenders;

	node->lenders = NULL;
	while (taken != NULL) {
		waldoi_taken *next = taken->next;

		if (taken->done != NULL) {
			node->callbacks++;
			taken->done(taken->user);
			node->callbacks--;
		}
		free(taken);
		taken = next;
	}
}

void
waldoi_node_give_back(waldoi_taken *taken, void *context)
{
	waldo_node *node = context;

	if (node == NULL) {
		if (taken->done != NULL) {
			taken->done(taken->user);
		}
		free(taken);
		return;
	}
	taken->next = node->lenders;
	node->lenders = taken;
	waldoi_node_queue(node, &node->lenders_job, tell_lenders);
}

uint32_t
waldoi_node_get_dead_peer_ms(const waldo_node *node)
{
	return node->limits.dead_peer_ms;
}

void
waldoi_node_check_stop(waldo_node *node)
{
	if (node->look_at_stop != NULL) {
		waldoi_node_queue(node, &node->stop_job, node->look_at_stop);
	}
}
