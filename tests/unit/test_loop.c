/* SPDX-License-Identifier: MIT */
/* Who runs the loop: the node, a foreign one, the caller's own base; and how
 * other threads and signals reach it. */
#include "tests/unit/net_fixture.h"

#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define setup    net_setup
#define teardown net_teardown

static void
note_done(waldo_reader *result, const waldo_failure *failure, void *user)
{
	(void) result;
	(void) failure;
	*(bool *) user = true;
}

static void
note_run(void *user)
{
	*(bool *) user = true;
}

static bool
is_readable(waldo_node *node, int timeout_ms)
{
	struct pollfd pollfd = {waldo_node_get_fd(node), POLLIN, 0};

	return poll(&pollfd, 1, timeout_ms) == 1;
}

/* A foreign loop, which knows nothing but two descriptors: never steps what
 * is not readable. False if it would hang. */
static bool
poll_until(net_fixture *f, const bool *claim)
{
	struct pollfd fds[] = {{waldo_node_get_fd(f->client), POLLIN, 0},
	                       {waldo_node_get_fd(f->server), POLLIN, 0}};

	while (!*claim && poll(fds, 2, PATIENCE_MS) > 0) {
		if (fds[0].revents != 0) {
			(void) waldo_node_step(f->client, 0);
		}
		if (fds[1].revents != 0) {
			(void) waldo_node_step(f->server, 0);
		}
	}
	return *claim;
}

static void
a_foreign_loop_needs_one_descriptor_for_a_call(void **state)
{
	net_fixture *f = *state;
	waldo_ref *ref = net_connect(f, "tcp-insecure:localhost:0");
	bool done;

	for (int i = 0; i < 3; i++) {
		done = false;
		assert_ok(waldo_promise_when(
		    waldo_ref_invoke(ref, "echo", "s", "x"), note_done, &done));
		assert_true(poll_until(f, &done));
	}
	waldo_ref_release(ref);
}

static void
a_foreign_loop_needs_one_descriptor_for_timers(void **state)
{
	net_fixture *f = *state;
	uint64_t begin = net_now_ms();
	bool done = false;

	assert_ok(waldo_node_after(f->client, 60, note_run, &done, NULL));
	assert_true(poll_until(f, &done));
	assert_in_range(net_now_ms() - begin, 59, 200);
}

static void
a_foreign_loop_hears_of_a_dial_that_failed(void **state)
{
	net_fixture *f = *state;
	bool done = false;
	waldo_ref *ref;

	(void) is_readable(f->client, 0); /* it is asked for its descriptor */
	assert_ok(waldo_connect(f->client, "waldo+inproc:nobody/x", &ref));
	assert_ok(waldo_promise_when(waldo_ref_invoke(ref, "echo", "s", "x"),
	                             note_done, &done));
	assert_true(poll_until(f, &done));
	waldo_ref_release(ref);
}

/* After half of the silence that ends the session (and wakes the loop). */
static void
a_foreign_loop_hears_of_a_connection_that_timed_out(void **state)
{
	const waldo_limits limits = {.size = sizeof(limits),
	                             .dead_peer_ms = 2000};
	const waldo_node_options options = {.size = sizeof(options),
	                                    .limits = &limits};
	uint64_t begin = net_now_ms();
	net_fixture own = {0};
	bool done = false;
	waldo_ref *ref;
	char uri[64];
	int fd = net_silent_listener(0, uri);
	int first = net_raw_connect(uri); /* fills the queue */

	(void) state;
	assert_ok(waldo_node_new(&options, &own.client));
	assert_ok(waldo_node_new(&options, &own.server));
	assert_ok(waldo_connect(own.client, uri, &ref));
	assert_ok(waldo_promise_when(waldo_ref_invoke(ref, "echo", "s", "x"),
	                             note_done, &done));
	assert_true(poll_until(&own, &done));
	assert_in_range(net_now_ms() - begin, 900, 1900);
	waldo_ref_release(ref);
	waldo_node_free(own.client);
	waldo_node_free(own.server);
	close(first);
	close(fd);
}

static void
the_descriptor_of_an_idle_node_is_not_readable(void **state)
{
	net_fixture *f = *state;

	for (int i = 0; i < 20 && is_readable(f->client, 0); i++) {
		(void) waldo_node_step(f->client, 0);
	}
	assert_false(is_readable(f->client, 100));
}

static void
a_node_lives_on_the_callers_event_base(void **state)
{
	net_fixture *f = *state;
	waldo_node_options options = {.size = sizeof(options)};
	struct event_base *base = event_base_new();
	uint64_t end = net_now_ms() + PATIENCE_MS;
	waldo_listener *listener;
	bool done = false;
	waldo_node *node;
	waldo_ref *ref;
	char uri[128];

	options.base = base;
	assert_ok(waldo_node_new(&options, &node));
	assert_int_equal(waldo_node_get_fd(node), -1);
	assert_ok(
	    waldo_listen(f->server, "tcp-insecure:127.0.0.1:0", &listener));
	snprintf(uri, sizeof(uri), "%s/echo", waldo_listener_get_uri(listener));
	assert_ok(waldo_connect(node, uri, &ref));
	assert_ok(waldo_promise_when(waldo_ref_invoke(ref, "echo", "s", "x"),
	                             note_done, &done));
	while (!done && net_now_ms() < end) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		(void) waldo_node_step(f->server, 1);
	}
	assert_true(done);
	waldo_ref_release(ref);
	waldo_node_free(node);
	/* Nothing of the node is left in it. */
	assert_int_equal(event_base_loop(base, EVLOOP_NONBLOCK), 1);
	event_base_free(base);
}

/* ---- other threads */

enum { TASKS = 500 };

typedef struct poster {
	waldo_node *node;
	pthread_t owner;
	int ran;        /* the node's thread only */
	bool elsewhere; /* one ran on another thread */
} poster;

static void
count_task(void *user)
{
	poster *p = user;

	p->ran++;
	p->elsewhere |= !pthread_equal(pthread_self(), p->owner);
}

static void *
post_many(void *user)
{
	poster *p = user;
	intptr_t failed = 0;

	for (int i = 0; i < TASKS; i++) {
		failed += waldo_node_post(p->node, count_task, p) != WALDO_OK;
	}
	return (void *) failed;
}

static void
tasks_of_all_threads_run_on_the_nodes(void **state)
{
	net_fixture *f = *state;
	poster p = {f->client, pthread_self(), 0, false};
	uint64_t end = net_now_ms() + PATIENCE_MS;
	pthread_t threads[3];
	void *failed;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    pthread_create(&threads[i], NULL, post_many, &p), 0);
	}
	while (p.ran < 3 * TASKS && net_now_ms() < end) {
		assert_ok(waldo_node_step(f->client, 100));
	}
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_int_equal(p.ran, 3 * TASKS);
	assert_false(p.elsewhere);
}

typedef struct nested {
	waldo_node *node;
	waldo_err step, run;
	bool done;
} nested;

static void
try_to_nest(void *user)
{
	nested *n = user;

	n->step = waldo_node_step(n->node, 0);
	n->run = waldo_node_run(n->node);
	n->done = true;
}

static void
tasks_that_have_not_run_run_when_the_node_is_freed(void **state)
{
	nested n = {.done = false};

	(void) state;
	assert_ok(waldo_node_new(NULL, &n.node));
	assert_ok(waldo_node_post(n.node, try_to_nest, &n));
	waldo_node_free(n.node);
	assert_true(n.done);
	assert_err(n.step, WALDO_EINVAL);
	assert_err(n.run, WALDO_EINVAL);
}

static void
a_callback_cannot_run_the_loop_that_runs_it(void **state)
{
	net_fixture *f = *state;
	nested n = {f->client, WALDO_OK, WALDO_OK, false};

	assert_ok(waldo_node_post(f->client, try_to_nest, &n));
	assert_true(net_until(f, &n.done));
	assert_err(n.step, WALDO_EINVAL);
	assert_err(n.run, WALDO_EINVAL);

	n = (nested){f->client, WALDO_OK, WALDO_OK, false};
	assert_ok(waldo_node_after(f->client, 0, try_to_nest, &n, NULL));
	assert_true(net_until(f, &n.done));
	assert_err(n.step, WALDO_EINVAL);
	assert_err(n.run, WALDO_EINVAL);
}

/* Calls "echo" of a node of another thread, over inproc. */
static void *
call_from_a_thread(void *user)
{
	waldo_err err = WALDO_ENOMEM;
	waldo_promise *promise;
	waldo_node *node;
	waldo_ref *ref;

	(void) user;
	if (waldo_node_new(NULL, &node) != WALDO_OK) {
		return (void *) (intptr_t) err;
	}
	for (int i = 0; i < 20; i++) {
		err = waldo_connect(node, "waldo+inproc:threads/echo", &ref);
		if (err != WALDO_OK) {
			break;
		}
		promise = waldo_ref_invoke(ref, "echo", "s", "x");
		err = waldo_promise_wait(promise, PATIENCE_MS);
		waldo_promise_release(promise);
		waldo_ref_release(ref);
		if (err != WALDO_OK) {
			break;
		}
	}
	waldo_node_free(node);
	return (void *) (intptr_t) err;
}

typedef struct joiner {
	pthread_t thread;
	waldo_node *server;
	waldo_err err;
} joiner;

static void *
call_then_stop(void *user)
{
	joiner *j = user;

	j->err = (waldo_err) (intptr_t) call_from_a_thread(NULL);
	waldo_node_stop(j->server, 0);
	return NULL;
}

static void
nodes_of_two_threads_meet_in_the_process(void **state)
{
	net_fixture *f = *state;
	joiner j = {.server = f->server};

	assert_ok(waldo_listen(f->server, "inproc:threads", NULL));
	assert_int_equal(pthread_create(&j.thread, NULL, call_then_stop, &j),
	                 0);
	assert_ok(waldo_node_run(f->server));
	pthread_join(j.thread, NULL);
	assert_ok(j.err);
}

/* ---- the end */

static void
do_nothing(void *user)
{
	(void) user;
}

static void *
post_and_stop(void *user)
{
	waldo_node *node = user;

	(void) !waldo_node_post(node, do_nothing, NULL);
	waldo_node_stop(node, 0);
	return NULL;
}

/* While the node looks at what was posted, it may be told to stop. */
static void
a_stop_that_meets_a_task_is_not_lost(void **state)
{
	(void) state;
	for (int round = 0; round < 1000; round++) {
		waldo_node *node = NULL;
		pthread_t thread;
		int steps = 0;

		assert_ok(waldo_node_new(NULL, &node));
		assert_int_equal(
		    pthread_create(&thread, NULL, post_and_stop, node), 0);
		while (waldo_node_is_running(node)) {
			assert_true(steps++ < 100);
			assert_ok(waldo_node_step(node, 100));
		}
		pthread_join(thread, NULL);
		waldo_node_free(node);
	}
}

static _Atomic(waldo_node *) to_stop;

static void
stop_on_signal(int signal)
{
	(void) signal;
	waldo_node_stop(to_stop, 0);
}

static void
a_signal_handler_may_stop_the_node(void **state)
{
	net_fixture *f = *state;
	struct sigaction action = {.sa_handler = stop_on_signal}, old;
	struct itimerval once = {{0, 0}, {0, 30000}};
	uint64_t begin = net_now_ms();

	to_stop = f->server;
	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &once, NULL);
	assert_ok(waldo_node_run(f->server));
	sigaction(SIGALRM, &old, NULL);
	assert_false(waldo_node_is_running(f->server));
	assert_in_range(net_now_ms() - begin, 29, 1000);
}

static void
step_waits_as_long_as_it_is_told(void **state)
{
	net_fixture *f = *state;
	uint64_t begin;

	for (int i = 0; i < 3; i++) {
		assert_ok(waldo_node_step(f->client, 0));
	}
	begin = net_now_ms();
	assert_ok(waldo_node_step(f->client, 50));
	assert_in_range(net_now_ms() - begin, 49, 300);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    waldo_test(a_foreign_loop_needs_one_descriptor_for_a_call),
	    waldo_test(a_foreign_loop_needs_one_descriptor_for_timers),
	    waldo_test(a_foreign_loop_hears_of_a_dial_that_failed),
	    waldo_test(a_foreign_loop_hears_of_a_connection_that_timed_out),
	    waldo_test(the_descriptor_of_an_idle_node_is_not_readable),
	    waldo_test(a_node_lives_on_the_callers_event_base),
	    waldo_test(tasks_of_all_threads_run_on_the_nodes),
	    waldo_test(tasks_that_have_not_run_run_when_the_node_is_freed),
	    waldo_test(a_callback_cannot_run_the_loop_that_runs_it),
	    waldo_test(nodes_of_two_threads_meet_in_the_process),
	    waldo_test(a_signal_handler_may_stop_the_node),
	    waldo_test(a_stop_that_meets_a_task_is_not_lost),
	    waldo_test(step_waits_as_long_as_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
