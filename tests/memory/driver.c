/* SPDX-License-Identifier: MIT */
#include "tests/memory/driver.h"
#include "tests/memory/link.h"
#include "broker/runqueue.h"
#include "broker/uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 100000 };

struct driver;

struct listener {
	waldo_listener listener; /* first */
	struct port port;
	struct driver *driver;
	char uri[WALDOI_MAX_URI];
};

struct task {
	waldo_task_cb *cb;
	void *user;
	STAILQ_ENTRY(task) entry;
};

struct driver {
	waldo_node *node;
	uint64_t at; /* of the next turn by the clock */
	uint64_t seed;
	bool woken, stopping, busy;
	uint32_t grace_ms;
	struct links links;
	STAILQ_HEAD(, task) tasks;
	TAILQ_ENTRY(driver) entry;
};

static TAILQ_HEAD(, driver) drivers = TAILQ_HEAD_INITIALIZER(drivers);
static uint64_t clock_us = 1000000;
static char known[4096];
static char source[64] = "inproc:";
static uint64_t cost_us; /* of what is random */

/* ---- the driver */

static uint64_t
driver_now(void *user)
{
	(void) user;
	return clock_us;
}

static void
driver_random(void *user, void *data, size_t len)
{
	struct driver *driver = user;
	uint8_t *p = data;

	clock_us += cost_us;
	for (size_t i = 0; i < len; i++) {
		driver->seed = driver->seed * 6364136223846793005u + 1;
		p[i] = (uint8_t) (driver->seed >> 56);
	}
}

static void
driver_wake(void *user)
{
	((struct driver *) user)->woken = true;
}

static void
driver_arm(void *user, uint64_t at)
{
	((struct driver *) user)->at = at;
}

static waldo_err
driver_dial(void *user, const waldoi_address *address,
            waldo_err (*begin)(void *owner, waldoi_link *link), void *owner,
            waldoi_link **ret_link)
{
	struct driver *driver = user;
	struct link *link;

	if (address->scheme != WALDOI_INPROC && address->scheme != WALDOI_TCP) {
		waldoi_node_set_message(driver->node,
		                        "%s: only inproc and tcp here",
		                        address->text);
		return WALDO_EADDRESS;
	}
	link = link_new(driver->node, &driver->links);
	if (link == NULL) {
		return WALDO_ENOMEM;
	}
	link->dialling = true;
	(void) snprintf(link->name, sizeof(link->name), "%s", address->host);
	if (begin(owner, &link->link) != WALDO_OK) {
		link_free(link);
		return WALDO_ENOMEM;
	}
	*ret_link = &link->link;
	return WALDO_OK;
}

/* There is one file, whatever its path. */
static waldo_err
driver_remember(void *user, const char *path, const char *line)
{
	size_t len = strlen(known);

	(void) user;
	(void) path;
	if (len + strlen(line) >= sizeof(known)) {
		return WALDO_ELIMIT;
	}
	(void) snprintf(known + len, sizeof(known) - len, "%s", line);
	return WALDO_OK;
}

static waldo_err
driver_recall(void *user, const char *path, char **ret_text, size_t *ret_len)
{
	(void) user;
	(void) path;
	*ret_text = strdup(known);
	*ret_len = strlen(known);
	return *ret_text == NULL ? WALDO_ENOMEM : WALDO_OK;
}

static bool
listener_accept(struct port *port, struct end *end)
{
	struct listener *listener =
	    waldoi_container_of(port, struct listener, port);
	struct driver *driver = listener->driver;
	struct link *link = link_new(driver->node, &driver->links);

	if (link == NULL) {
		return false;
	}
	(void) snprintf(link->source, sizeof(link->source), "%s", source);
	link->link.peer.address = link->source;
	end_join(&link->end, end);
	waldoi_node_enter(driver->node);
	if (listener->listener.secure
	        ? waldoi_guest_accept(driver->node, &link->link) != WALDO_OK
	        : waldoi_session_accept(driver->node, &link->link) == NULL) {
		link_free(link);
	}
	return true;
}

static void
listener_close(waldo_listener *base)
{
	struct listener *listener = (struct listener *) base;

	port_close(&listener->port);
}

static void
listener_free(waldo_listener *base)
{
	free(base); /* the first member of ours */
}

static waldo_err
driver_listen(void *user, const waldoi_address *address,
              waldo_listener **ret_listener)
{
	struct driver *driver = user;
	const uint8_t *key = NULL;
	struct listener *listener;

	if ((address->scheme != WALDOI_INPROC &&
	     address->scheme != WALDOI_TCP) ||
	    port_find(address->host) != NULL) {
		waldoi_node_set_message(driver->node, "%s: in use",
		                        address->text);
		return WALDO_ESYSTEM;
	}
	listener = calloc(1, sizeof(*listener));
	if (listener == NULL) {
		return WALDO_ENOMEM;
	}
	listener->driver = driver;
	listener->listener.secure = address->scheme == WALDOI_TCP;
	if (listener->listener.secure &&
	    waldoi_node_open_identity(driver->node, &key) != WALDO_OK) {
		free(listener);
		return WALDO_ENOMEM;
	}
	waldoi_uri_format(address, key, listener->uri);
	listener->listener.uri = listener->uri;
	listener->listener.close = listener_close;
	listener->listener.free = listener_free;
	port_open(&listener->port, address->host, listener_accept);
	*ret_listener = &listener->listener;
	return WALDO_OK;
}

static void
run_tasks(struct driver *driver)
{
	struct task *task;

	while ((task = STAILQ_FIRST(&driver->tasks)) != NULL) {
		STAILQ_REMOVE_HEAD(&driver->tasks, entry);
		waldoi_node_run_task(driver->node, task->cb, task->user);
		free(task);
	}
}

/* Does what there is to do for one node; false if that was nothing. */
static bool
driver_turn(struct driver *driver)
{
	bool did = false;
	struct link *link, *next;

	if (driver->busy) {
		return false; /* a callback of its own drives the world */
	}
	driver->busy = true;
	if (!STAILQ_EMPTY(&driver->tasks)) {
		run_tasks(driver);
		did = true;
	}
	if (driver->stopping) {
		driver->stopping = false;
		waldoi_node_enter(driver->node);
		waldoi_node_stop(driver->node, driver->grace_ms);
		did = true;
	}
	for (link = TAILQ_FIRST(&driver->links); link != NULL; link = next) {
		next = TAILQ_NEXT(link, entry);
		did |= link_step(link);
	}
	if (driver->woken || driver->at <= clock_us) {
		driver->woken = false;
		if (driver->at <= clock_us) {
			driver->at = UINT64_MAX;
		}
		waldoi_node_turn(driver->node);
		did = true;
	}
	driver->busy = false;
	return did;
}

bool
memory_turn(void)
{
	bool did = false;
	struct driver *driver;

	TAILQ_FOREACH(driver, &drivers, entry) {
		did |= driver_turn(driver);
	}
	return did;
}

static uint64_t
next_timer(void)
{
	uint64_t at = UINT64_MAX;
	struct driver *driver;

	TAILQ_FOREACH(driver, &drivers, entry) {
		at = driver->at < at ? driver->at : at;
	}
	return at;
}

/* Steps the world, since a node that waits needs the others to answer. */
static waldo_err
driver_step(void *user, int timeout_ms)
{
	struct driver *driver = user;
	uint64_t until = clock_us + (uint64_t) timeout_ms * 1000;
	uint64_t at;

	if (waldoi_node_in_callback(driver->node)) {
		return WALDO_EINVAL;
	}
	if (memory_turn() || timeout_ms == 0) {
		return WALDO_OK;
	}
	at = next_timer();
	if (timeout_ms < 0 && at == UINT64_MAX) {
		(void) fprintf(stderr, "memory: this would wait for ever\n");
		abort();
	}
	if (timeout_ms > 0 && at > until) {
		at = until;
	}
	clock_us = at > clock_us ? at : clock_us;
	(void) memory_turn();
	return WALDO_OK;
}

static waldo_err
driver_run(void *user)
{
	struct driver *driver = user;
	waldo_err err = WALDO_OK;

	while (err == WALDO_OK && waldo_node_is_running(driver->node)) {
		err = driver_step(driver, -1);
	}
	return err;
}

static int
driver_get_fd(void *user)
{
	(void) user;
	return -1;
}

static waldo_err
driver_post(void *user, waldo_task_cb *cb, void *context)
{
	struct driver *driver = user;
	struct task *task = malloc(sizeof(*task));

	if (task == NULL) {
		return WALDO_ENOMEM;
	}
	task->cb = cb;
	task->user = context;
	STAILQ_INSERT_TAIL(&driver->tasks, task, entry);
	return WALDO_OK;
}

static void
driver_stop(void *user, uint32_t grace_ms)
{
	struct driver *driver = user;

	driver->stopping = true;
	driver->grace_ms = grace_ms;
}

static void
driver_free(void *user)
{
	struct driver *driver = user;
	struct link *link;

	run_tasks(driver);
	while ((link = TAILQ_FIRST(&driver->links)) != NULL) {
		link_free(link);
	}
	TAILQ_REMOVE(&drivers, driver, entry);
	free(driver);
}

static const waldoi_driver_ops ops = {
    .now = driver_now,
    .random = driver_random,
    .wake = driver_wake,
    .arm = driver_arm,
    .dial = driver_dial,
    .remember = driver_remember,
    .recall = driver_recall,
    .listen = driver_listen,
    .step = driver_step,
    .run = driver_run,
    .get_fd = driver_get_fd,
    .post = driver_post,
    .stop = driver_stop,
    .free = driver_free,
};

/* Another for each node, or they would take each other's tokens for their own;
 * the same for the n-th node of every world. */
static uint64_t
next_seed(void)
{
	static uint64_t last;

	last = TAILQ_EMPTY(&drivers) ? 1 : last + 1;
	return last;
}

waldo_err
memory_node_new(const waldo_node_options *options, waldo_node **ret_node)
{
	struct driver *driver = calloc(1, sizeof(*driver));
	waldo_err err;

	if (driver == NULL) {
		return WALDO_ENOMEM;
	}
	if (TAILQ_EMPTY(&drivers)) {
		known[0] = '\0';
	}
	driver->at = UINT64_MAX;
	driver->seed = next_seed();
	TAILQ_INIT(&driver->links);
	STAILQ_INIT(&driver->tasks);
	err = waldoi_node_new(options, &ops, driver, &driver->node);
	if (err != WALDO_OK) {
		free(driver);
		return err;
	}
	TAILQ_INSERT_TAIL(&drivers, driver, entry);
	*ret_node = driver->node;
	return WALDO_OK;
}

/* ---- the world */

void
memory_set_cost(uint64_t microseconds)
{
	cost_us = microseconds;
}

void
memory_set_source(const char *address)
{
	(void) snprintf(source, sizeof(source), "%s",
	                address == NULL ? "inproc:" : address);
}

const char *
memory_known(void)
{
	return known;
}

void
memory_forget(void)
{
	known[0] = '\0';
}

uint64_t
memory_now(void)
{
	return clock_us;
}

void
memory_cut(void)
{
	struct driver *driver;
	struct link *link;

	TAILQ_FOREACH(driver, &drivers, entry) {
		TAILQ_FOREACH(link, &driver->links, entry) {
			end_part(&link->end);
			link->end.start = link->end.len = 0;
		}
	}
}

bool
memory_settle(void)
{
	for (int i = 0; i < MAX_ROUNDS; i++) {
		if (!memory_turn()) {
			return true;
		}
	}
	return false;
}

void
memory_approach(uint64_t microseconds)
{
	uint64_t until = clock_us + microseconds;
	uint64_t at;

	while (memory_settle() && (at = next_timer()) < until) {
		clock_us = at > clock_us ? at : clock_us;
	}
	clock_us = until;
}

void
memory_pass(uint64_t microseconds)
{
	clock_us += microseconds;
}

void
memory_advance(uint64_t microseconds)
{
	memory_approach(microseconds);
	(void) memory_settle();
}
