/* SPDX-License-Identifier: MIT */
#include "broker/runqueue.h"

void
waldoi_runqueue_init(waldoi_runqueue *queue)
{
	TAILQ_INIT(&queue->jobs);
	queue->count = 0;
}

void
waldoi_runqueue_add(waldoi_runqueue *queue, waldoi_job *job,
                    void (*run)(waldoi_job *job))
{
	if (job->queue != NULL) {
		return;
	}
	job->queue = queue;
	job->run = run;
	TAILQ_INSERT_TAIL(&queue->jobs, job, entry);
	queue->count++;
}

void
waldoi_runqueue_remove(waldoi_job *job)
{
	if (job->queue == NULL) {
		return;
	}
	TAILQ_REMOVE(&job->queue->jobs, job, entry);
	job->queue->count--;
	job->queue = NULL;
}

waldoi_job *
waldoi_runqueue_pop(waldoi_runqueue *queue)
{
	waldoi_job *job = TAILQ_FIRST(&queue->jobs);

	if (job != NULL) {
		waldoi_runqueue_remove(job);
	}
	return job;
}
