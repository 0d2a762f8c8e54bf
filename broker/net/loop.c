/* SPDX-License-Identifier: MIT */
#include "broker/net/loop.h"
#include "broker/known_hosts.h"
#include "broker/node.h"
#include "broker/net/link.h"
#include "serial/api.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NO_STOP UINT64_MAX

static struct timeval
timeval_of(uint64_t us)
{
	return (struct timeval){.tv_sec = (time_t) (us / 1000000),
	                        .tv_usec = (suseconds_t) (us % 1000000)};
}

/* ---- time, randomness, turns */

uint64_t
waldoi_loop_now(void *driver)
{
	struct timespec now;

	(void) driver;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static void
loop_random(void *driver, void *data, size_t len)
{
	(void) driver;
	randombytes_buf(data, len);
}

void
waldoi_loop_look(waldoi_loop *loop)
{
	if (loop->running && !waldo_node_is_running(loop->node) &&
	    LIST_EMPTY(&loop->lingering)) {
		(void) event_base_loopbreak(loop->base);
	}
}

static void
turn(waldoi_loop *loop)
{
	loop->turning = true;
	waldoi_node_turn(loop->node);
	loop->turning = false;
	waldoi_loop_look(loop);
}

static void
on_turn(evutil_socket_t fd, short events, void *user)
{
	(void) fd;
	(void) events;
	turn(user);
}

static void
loop_wake(void *driver)
{
	const struct timeval now = {0};
	waldoi_loop *loop = driver;

	if (loop->inside) {
		loop->woken = true;
		return;
	}
	/* An active event runs in this pass, after those that are active
	 * already. What a turn leaves for the next one comes after the
	 * sockets have been looked at again. */
	if (!loop->turning || event_add(&loop->turn, &now) != 0) {
		event_active(&loop->turn, EV_TIMEOUT, 1);
	}
	if (!loop->dispatching) {
		waldoi_outer_update(loop);
	}
}

void
waldoi_loop_enter(waldoi_loop *loop)
{
	loop->inside = true;
	waldoi_node_enter(loop->node);
}

void
waldoi_loop_leave(waldoi_loop *loop)
{
	loop->inside = false;
	if (!loop->woken) {
		return; /* a turn is due already */
	}
	loop->woken = false;
	if (waldoi_node_leave(loop->node)) {
		return; /* what came was answered on the spot */
	}
	if (event_base_get_num_events(loop->base, EVENT_BASE_COUNT_ACTIVE) ==
	    0) {
		turn(loop);
	} else {
		event_active(&loop->turn, EV_TIMEOUT, 1);
	}
}

/* ---- the timer */

/* The other way, should the kernel refuse. */
static void
set_timeout(waldoi_loop *loop, uint64_t at)
{
	uint64_t now = waldoi_loop_now(loop);
	struct timeval left = timeval_of(at > now ? at - now : 0);

	(void) event_add(&loop->timer, &left);
}

/* A timerfd: its clock goes on while the machine sleeps, and it costs a turn
 * nothing, whereas libevent reads its own clock for each pass as long as it has
 * a timer. */
void
waldoi_loop_set_timer(waldoi_loop *loop)
{
	uint64_t at = waldoi_outer_due(loop, loop->due);
	struct itimerspec timer = {
	    .it_value.tv_sec = (time_t) (at / 1000000),
	    .it_value.tv_nsec = (long) (at % 1000000) * 1000 + 1,
	};

	/* If it runs out too early it is set anew: what is due is mostly put
	 * off, and each time would be a system call. */
	if (at >= loop->timer_at) {
		return;
	}
	loop->timer_at = at;
	if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL) !=
	    0) {
		set_timeout(loop, at);
	}
}

static void
loop_arm(void *driver, uint64_t at)
{
	waldoi_loop *loop = driver;

	loop->due = at;
	waldoi_loop_set_timer(loop);
}

static void
on_timer(evutil_socket_t fd, short events, void *user)
{
	waldoi_loop *loop = user;
	uint64_t times;

	if ((events & EV_TIMEOUT) != 0) {
		event_remove_timer(&loop->timer); /* which repeats itself */
	}
	while (read(fd, &times, sizeof(times)) < 0 && errno == EINTR) {
	}
	loop->timer_at = UINT64_MAX;
	if (loop->due <= waldoi_loop_now(loop)) {
		loop->due = UINT64_MAX;
		turn(loop);
	}
	waldoi_loop_set_timer(loop);
}

void
waldoi_loop_set_timed(waldoi_loop *loop, bool *flag, bool timed)
{
	if (*flag != timed) {
		*flag = timed;
		loop->timed += timed ? 1 : -1U;
		if (!loop->dispatching) {
			waldoi_outer_update(loop);
		}
	}
}

/* ---- running */

/* One pass with EVLOOP_ONCE. While a loop runs nobody else may run it. */
static waldo_err
dispatch(waldoi_loop *loop, int timeout_ms, int flags)
{
	struct timeval limit = {0};
	int result;

	if (waldoi_node_in_callback(loop->node) || loop->dispatching) {
		waldoi_node_set_message(loop->node,
		                        "a callback of the node cannot run it");
		return WALDO_EINVAL;
	}
	if (timeout_ms == 0) {
		flags |= EVLOOP_NONBLOCK;
	} else if (timeout_ms > 0) {
		limit = timeval_of((uint64_t) timeout_ms * 1000);
		if (event_add(&loop->limit, &limit) != 0) {
			return WALDO_ENOMEM;
		}
	}
	loop->dispatching = true;
	result = event_base_loop(loop->base, flags);
	loop->dispatching = false;
	if (timeout_ms > 0) {
		event_del(&loop->limit);
	}
	waldoi_outer_update(loop);
	if (result < 0) {
		waldoi_node_set_message(loop->node,
		                        "the event_base cannot be dispatched: "
		                        "is it being dispatched already?");
		return WALDO_EINVAL;
	}
	return WALDO_OK;
}

static waldo_err
loop_step(void *driver, int timeout_ms)
{
	return dispatch(driver, timeout_ms, EVLOOP_ONCE);
}

static waldo_err
loop_run(void *driver)
{
	waldoi_loop *loop = driver;
	waldo_err err = WALDO_OK;

	/* What was said last should arrive before the process ends. */
	while (err == WALDO_OK && (waldo_node_is_running(loop->node) ||
	                           !LIST_EMPTY(&loop->lingering))) {
		loop->running = true;
		err = dispatch(loop, -1, 0);
		loop->running = false;
		if (event_base_got_exit(loop->base) ||
		    event_base_got_break(loop->base)) {
			break; /* the owner of the base wants it back */
		}
	}
	return err;
}

static void
on_limit(evutil_socket_t fd, short events, void *user)
{
	(void) fd;
	(void) events;
	(void) user;
}

static int
loop_get_fd(void *driver)
{
	return waldoi_outer_open(driver);
}

/* ---- from other threads */

typedef struct user_task {
	waldoi_task task;
	waldo_node *node;
	waldo_task_cb *cb;
	void *user;
} user_task;

static void
run_user_task(void *user)
{
	user_task *task = user;

	waldoi_node_run_task(task->node, task->cb, task->user);
	free(task);
}

static waldo_err
loop_post(void *driver, waldo_task_cb *cb, void *user)
{
	waldoi_loop *loop = driver;
	user_task *task = malloc(sizeof(*task));

	if (task == NULL) {
		return WALDO_ENOMEM;
	}
	task->task.run = run_user_task;
	task->task.user = task;
	task->node = loop->node;
	task->cb = cb;
	task->user = user;
	if (!waldoi_postbox_put(loop->box, &task->task)) {
		free(task);
		return WALDO_EINVAL;
	}
	return WALDO_OK;
}

static void
loop_stop(void *driver, uint32_t grace_ms)
{
	waldoi_loop *loop = driver;
	uint_least64_t old = atomic_load(&loop->grace);

	/* The shortest counts, whoever comes first. */
	while (grace_ms < old &&
	       !atomic_compare_exchange_weak(&loop->grace, &old, grace_ms)) {
	}
	waldoi_postbox_ring(loop->box);
}

/* Those that they post wait for the next pass. */
static void
run_tasks(waldoi_loop *loop, struct waldoi_tasks *tasks)
{
	bool dispatching = loop->dispatching;
	waldoi_task *task;

	loop->dispatching = true; /* by whomever */
	while ((task = STAILQ_FIRST(tasks)) != NULL) {
		STAILQ_REMOVE_HEAD(tasks, entry);
		task->run(task->user);
	}
	loop->dispatching = dispatching;
}

static void
on_posted(evutil_socket_t fd, short events, void *user)
{
	waldoi_loop *loop = user;
	struct waldoi_tasks tasks;
	uint_least64_t grace;

	(void) fd;
	(void) events;
	/* First, which silences the bell: a stop that comes from here on rings
	 * it again. */
	waldoi_postbox_take(loop->box, &tasks);
	grace = atomic_exchange(&loop->grace, NO_STOP);
	waldoi_node_enter(loop->node);
	if (grace != NO_STOP) {
		waldoi_node_stop(loop->node, (uint32_t) grace);
	}
	run_tasks(loop, &tasks);
}

/* ---- birth and death */

static struct event_base *
new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config != NULL) {
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		/* Else each pass reads a clock that nobody looks at. */
		event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
		base = event_base_new_with_config(config);
		event_config_free(config);
	}
	return base;
}

/* Copes with a loop that is half built. */
static void
loop_free(void *driver)
{
	waldoi_loop *loop = driver;

	if (loop->box != NULL) {
		struct waldoi_tasks tasks;

		waldoi_postbox_close(loop->box);
		waldoi_postbox_take(loop->box, &tasks);
		run_tasks(loop, &tasks);
	}
	if (loop->base != NULL) {
		waldoi_links_end(loop);
		event_del(&loop->turn);
		event_del(&loop->timer);
		event_del(&loop->limit);
		event_del(&loop->posted);
	}
	waldoi_outer_close(loop);
	if (loop->own_base && loop->base != NULL) {
		event_base_free(loop->base);
	}
	waldoi_postbox_release(loop->box);
	if (loop->timer_fd >= 0) {
		close(loop->timer_fd);
	}
	if (loop->reserve_fd >= 0) {
		close(loop->reserve_fd);
	}
	free(loop->scratch);
	free(loop);
}

static waldoi_loop *
loop_new(struct event_base *base)
{
	waldoi_loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL) {
		return NULL;
	}
	loop->own_base = base == NULL;
	loop->reserve_fd = loop->outer_fd = -1;
	loop->due = loop->timer_at = UINT64_MAX;
	atomic_init(&loop->grace, NO_STOP);
	LIST_INIT(&loop->lingering);
	loop->scratch = malloc(WALDOI_SCRATCH);
	loop->box = waldoi_postbox_new();
	loop->timer_fd =
	    timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->scratch == NULL || loop->box == NULL || loop->timer_fd < 0 ||
	    (base == NULL && (base = new_base()) == NULL)) {
		goto out;
	}
	loop->base = base;
	event_assign(&loop->turn, base, -1, 0, on_turn, loop);
	event_assign(&loop->timer, base, loop->timer_fd, EV_READ | EV_PERSIST,
	             on_timer, loop);
	event_assign(&loop->limit, base, -1, 0, on_limit, loop);
	event_assign(&loop->posted, base, waldoi_postbox_get_fd(loop->box),
	             EV_READ | EV_PERSIST, on_posted, loop);
	if (event_add(&loop->posted, NULL) == 0 &&
	    event_add(&loop->timer, NULL) == 0) {
		return loop;
	}
out:
	loop_free(loop);
	return NULL;
}

static waldo_err
loop_remember(void *driver, const char *path, const char *line)
{
	waldoi_loop *loop = driver;
	char message[200];
	waldo_err err = waldoi_known_append(path, line, message);

	return err == WALDO_OK
	           ? err
	           : waldoi_node_fail(loop->node, err, "%s", message);
}

static waldo_err
loop_recall(void *driver, const char *path, char **ret_text, size_t *ret_len)
{
	waldoi_loop *loop = driver;
	char message[200];
	waldo_err err = waldoi_known_read(path, ret_text, ret_len, message);

	return err == WALDO_OK
	           ? err
	           : waldoi_node_fail(loop->node, err, "%s", message);
}

static const waldoi_driver_ops loop_ops = {
    .now = waldoi_loop_now,
    .random = loop_random,
    .wake = loop_wake,
    .arm = loop_arm,
    .dial = waldoi_loop_dial,
    .remember = loop_remember,
    .recall = loop_recall,
    .listen = waldoi_loop_listen,
    .step = loop_step,
    .run = loop_run,
    .get_fd = loop_get_fd,
    .post = loop_post,
    .stop = loop_stop,
    .free = loop_free,
};

/* Standard error is the user's, who asked for it in the environment. */
static void
print_trace(const char *line, void *user)
{
	(void) user;
	fprintf(stderr, "%s\n", line);
}

/* Options of an older caller may end before `base`. */
static struct event_base *
base_of(const waldo_node_options *options)
{
	size_t end = offsetof(waldo_node_options, base) +
	             sizeof(((waldo_node_options *) NULL)->base);

	return options != NULL && options->size >= end ? options->base : NULL;
}

WALDO_API waldo_err
waldo_node_new(const waldo_node_options *options, waldo_node **ret_node)
{
	const char *trace = getenv("WALDO_TRACE");
	waldoi_loop *loop;
	waldo_err err;

	errno = 0;
	if (sodium_init() < 0 || (loop = loop_new(base_of(options))) == NULL) {
		err = errno == ENOMEM ? WALDO_ENOMEM : WALDO_ESYSTEM;
		waldoi_node_set_message(NULL, "cannot make a node: %s",
		                        strerror(errno));
		return err;
	}
	err = waldoi_node_new(options, &loop_ops, loop, &loop->node);
	if (err != WALDO_OK) {
		loop_free(loop);
		return err;
	}
	if (trace != NULL && strcmp(trace, "1") == 0) {
		waldoi_node_set_trace(loop->node, print_trace, NULL);
	}
	*ret_node = loop->node;
	return WALDO_OK;
}
