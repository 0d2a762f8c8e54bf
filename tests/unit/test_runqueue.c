/* SPDX-License-Identifier: MIT */
#include "broker/runqueue.h"
#include "tests/waldo_test.h"

enum { JOBS = 5 };

struct work {
	waldoi_job job;
	int runs;
	waldoi_runqueue *again; /* it queues itself there */
};

static struct work works[JOBS];
static waldoi_runqueue queue;

static int
setup(void **state)
{
	(void) state;
	waldoi_runqueue_init(&queue);
	for (int i = 0; i < JOBS; i++) {
		works[i] = (struct work){0};
	}
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	return 0;
}

static void
run(waldoi_job *job)
{
	struct work *work = waldoi_container_of(job, struct work, job);

	work->runs++;
	if (work->again != NULL) {
		waldoi_runqueue_add(work->again, job, run);
	}
}

static void
add(int i)
{
	waldoi_runqueue_add(&queue, &works[i].job, run);
}

static void
assert_order(const int *order, size_t count)
{
	assert_int_equal(queue.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_ptr_equal(waldoi_runqueue_pop(&queue),
		                 &works[order[i]].job);
	}
	assert_null(waldoi_runqueue_pop(&queue));
	assert_int_equal(queue.count, 0);
}

/* PROTOCOL.md P8 */
static void
jobs_come_out_in_the_order_in_which_they_went_in(void **state)
{
	(void) state;
	add(2);
	add(0);
	add(1);
	assert_order((const int[]){2, 0, 1}, 3);
}

static void
a_job_that_is_queued_stays_where_it_is(void **state)
{
	waldoi_runqueue other;

	(void) state;
	waldoi_runqueue_init(&other);
	add(0);
	add(1);
	add(0);
	waldoi_runqueue_add(&other, &works[0].job, run);
	assert_int_equal(other.count, 0);
	assert_order((const int[]){0, 1}, 2);
}

static void
a_job_can_be_taken_out_from_anywhere(void **state)
{
	(void) state;
	for (int i = 0; i < JOBS; i++) {
		add(i);
	}
	waldoi_runqueue_remove(&works[0].job);
	waldoi_runqueue_remove(&works[2].job);
	waldoi_runqueue_remove(&works[4].job);
	waldoi_runqueue_remove(&works[4].job);
	assert_order((const int[]){1, 3}, 2);
}

static void
a_job_that_was_taken_out_can_be_queued_again_behind_the_others(void **state)
{
	(void) state;
	add(0);
	add(1);
	waldoi_runqueue_remove(&works[0].job);
	add(0);
	assert_order((const int[]){1, 0}, 2);
}

static void
a_job_may_queue_itself_while_it_runs(void **state)
{
	waldoi_job *job;

	(void) state;
	works[0].again = &queue;
	add(0);
	add(1);
	job = waldoi_runqueue_pop(&queue);
	job->run(job);
	assert_int_equal(works[0].runs, 1);
	assert_order((const int[]){1, 0}, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(jobs_come_out_in_the_order_in_which_they_went_in),
	    waldo_test(a_job_that_is_queued_stays_where_it_is),
	    waldo_test(a_job_can_be_taken_out_from_anywhere),
	    waldo_test(
	        a_job_that_was_taken_out_can_be_queued_again_behind_the_others),
	    waldo_test(a_job_may_queue_itself_while_it_runs),
	};

	return cmocka_run_group_tests_name("runqueue", tests, NULL, NULL);
}
