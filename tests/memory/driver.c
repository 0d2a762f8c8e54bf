/* SPDX-License-Identifier: MIT */
#include "tests/memory/driver.h"
#include "broker/uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 100000 };

/* One end of a link; what it has received and not yet used. */
struct end {
	struct end *peer; /* NULL: the other end has let go */
	uint8_t *data;    /* `len` bytes from `start` on */
	size_t start, len, cap;
};

struct driver;

struct link {
	waldoi_link link; /* first */
	struct end end;
	struct driver *driver;
	bool dialling; /* not yet joined to whoever listens */
	char name[256];
	TAILQ_ENTRY(link) entry;
};

struct listener {
	waldo_listener listener; /* first */
	struct driver *driver;
	char name[256], uri[WALDOI_MAX_URI];
	TAILQ_ENTRY(listener) entry;
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
	TAILQ_HEAD(, link) links;
	TAILQ_HEAD(, listener) listeners;
	STAILQ_HEAD(, task) tasks;
	TAILQ_ENTRY(driver) entry;
};

struct memory_raw {
	struct end end;
	char name[256]; /* listens there; "" once it is joined */
	TAILQ_ENTRY(memory_raw) entry;
};

static TAILQ_HEAD(, driver) drivers = TAILQ_HEAD_INITIALIZER(drivers);
static TAILQ_HEAD(, memory_raw) raws = TAILQ_HEAD_INITIALIZER(raws);
static uint64_t clock_us = 1000000;
static size_t chunk;
static memory_tap *tap;
static void *tap_user;

/* ---- ends */

static bool
end_put(struct end *end, const void *data, size_t len)
{
	if (end->start > 0 && end->cap - end->start - end->len < len) {
		memmove(end->data, end->data + end->start, end->len);
		end->start = 0;
	}
	if (end->cap - end->start - end->len < len) {
		size_t cap = (end->len + len) * 2;
		uint8_t *grown = realloc(end->data, cap);

		if (grown == NULL) {
			return false;
		}
		end->data = grown;
		end->cap = cap;
	}
	if (len > 0) {
		memcpy(end->data + end->start + end->len, data, len);
	}
	end->len += len;
	return true;
}

static void
end_skip(struct end *end, size_t len)
{
	end->len -= len;
	end->start = end->len == 0 ? 0 : end->start + len;
}

static void
end_join(struct end *a, struct end *b)
{
	a->peer = b;
	b->peer = a;
}

static void
end_part(struct end *end)
{
	if (end->peer != NULL) {
		end->peer->peer = NULL;
		end->peer = NULL;
	}
}

static void
end_fini(struct end *end)
{
	end_part(end);
	free(end->data);
}

/* ---- links */

static void
link_free(struct link *link)
{
	TAILQ_REMOVE(&link->driver->links, link, entry);
	end_fini(&link->end);
	free(link);
}

static void
link_flush(waldoi_link *base)
{
	struct link *link = (struct link *) base;
	struct iovec iov[8];
	size_t count;

	while (!link->dialling &&
	       (count = waldoi_channel_output(&base->channel, iov, 8)) > 0) {
		size_t sent = 0;

		for (size_t i = 0; i < count; i++) {
			if (link->end.peer != NULL &&
			    !end_put(link->end.peer, iov[i].iov_base,
			             iov[i].iov_len)) {
				abort();
			}
			sent += iov[i].iov_len;
		}
		waldoi_channel_sent(&base->channel, sent);
	}
}

static void
link_close(waldoi_link *base, waldoi_close how)
{
	(void) how;
	link_free((struct link *) base);
}

static const waldoi_link_ops link_ops = {link_flush, link_close};

static struct link *
link_new(struct driver *driver)
{
	struct link *link = calloc(1, sizeof(*link));

	if (link != NULL) {
		link->link.ops = &link_ops;
		link->link.peer.address = "inproc:";
		link->link.peer.uid = -1;
		link->link.peer.pid = -1;
		link->driver = driver;
		TAILQ_INSERT_TAIL(&driver->links, link, entry);
	}
	return link;
}

static struct listener *
find_listener(const char *name)
{
	struct driver *driver;
	struct listener *listener;

	TAILQ_FOREACH(driver, &drivers, entry) {
		TAILQ_FOREACH(listener, &driver->listeners, entry) {
			if (strcmp(listener->name, name) == 0) {
				return listener;
			}
		}
	}
	return NULL;
}

/* Joins a new link of whoever listens at `name` to `end`. */
static bool
accept_link(const char *name, struct end *end)
{
	struct listener *listener = find_listener(name);
	struct memory_raw *raw;
	struct link *link;

	TAILQ_FOREACH(raw, &raws, entry) {
		if (strcmp(raw->name, name) == 0 && name[0] != '\0') {
			raw->name[0] = '\0';
			end_join(&raw->end, end);
			return true;
		}
	}
	if (listener == NULL || (link = link_new(listener->driver)) == NULL) {
		return false;
	}
	end_join(&link->end, end);
	waldoi_node_enter(listener->driver->node);
	if (waldoi_session_accept(listener->driver->node, &link->link) ==
	    NULL) {
		link_free(link);
	}
	return true;
}

static void
link_lost(struct link *link, waldo_err err, const char *what)
{
	char message[320];

	(void) snprintf(message, sizeof(message), what, link->name);
	waldoi_channel_lost(&link->link.channel, err, message);
	link_free(link);
}

static void
link_receive(struct link *link)
{
	waldoi_channel *channel = &link->link.channel;
	struct end *end = &link->end;
	size_t len = end->len, space;
	uint8_t *to;

	if (chunk > 0 && len > chunk) {
		/* More of a long queue, or its end would never come. */
		size_t some = chunk + len / 64;

		len = some < len ? some : len;
	}
	to = waldoi_channel_space(channel, &space);
	len = to != NULL && space < len ? space : len;
	if (tap != NULL) {
		size_t most = tap(link->name[0] != '\0', end->data + end->start,
		                  len, tap_user);

		if (most < len) {
			end_part(end);
			end->len = len = most;
		}
	}
	if (len == 0) {
		return;
	}
	if (to != NULL) {
		memcpy(to, end->data + end->start, len);
		end_skip(end, len);
		waldoi_channel_received(channel, len);
	} else {
		/* In a block of its own size, so that a sanitizer sees who
		 * reads too far. */
		uint8_t *copy = malloc(len);

		if (copy == NULL) {
			abort();
		}
		memcpy(copy, end->data + end->start, len);
		end_skip(end, len);
		waldoi_channel_input(channel, copy, len);
		free(copy);
	}
}

static void
link_connect(struct link *link)
{
	link->dialling = false;
	if (accept_link(link->name, &link->end)) {
		/* What waits for the link leaves in this turn. */
		link_flush(&link->link);
	} else {
		link_lost(link, WALDO_ECONNECT,
		          "cannot connect to inproc:%s: nobody listens there");
	}
}

/* Does one thing for a link; false if there was nothing to do. */
static bool
link_step(struct link *link)
{
	bool readable = link->end.len > 0 &&
	                waldoi_channel_wants_input(&link->link.channel);
	bool ended = link->end.len == 0 && link->end.peer == NULL;

	if (!link->dialling && !readable && !ended) {
		return false;
	}
	waldoi_node_enter(link->driver->node);
	if (link->dialling) {
		link_connect(link);
	} else if (readable) {
		link_receive(link);
	} else {
		link_lost(link, WALDO_ELOST,
		          "inproc:%s: the peer closed the connection");
	}
	return true;
}

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
driver_dial(void *user, const waldoi_address *address, waldoi_session *session,
            waldoi_link **ret_link)
{
	struct driver *driver = user;
	struct link *link;

	if (address->scheme != WALDOI_INPROC) {
		waldoi_node_set_message(driver->node, "%s: only inproc here",
		                        address->text);
		return WALDO_EADDRESS;
	}
	link = link_new(driver);
	if (link == NULL) {
		return WALDO_ENOMEM;
	}
	link->dialling = true;
	(void) snprintf(link->name, sizeof(link->name), "%s", address->host);
	waldoi_session_begin(session, &link->link);
	*ret_link = &link->link;
	return WALDO_OK;
}

static void
listener_close(waldo_listener *base)
{
	struct listener *listener = (struct listener *) base;

	TAILQ_REMOVE(&listener->driver->listeners, listener, entry);
	free(listener);
}

static waldo_err
driver_listen(void *user, const waldoi_address *address,
              waldo_listener **ret_listener)
{
	struct driver *driver = user;
	struct listener *listener;

	if (address->scheme != WALDOI_INPROC ||
	    find_listener(address->host) != NULL) {
		waldoi_node_set_message(driver->node, "%s: in use",
		                        address->text);
		return WALDO_ESYSTEM;
	}
	listener = calloc(1, sizeof(*listener));
	if (listener == NULL) {
		return WALDO_ENOMEM;
	}
	listener->driver = driver;
	(void) snprintf(listener->name, sizeof(listener->name), "%s",
	                address->host);
	waldoi_uri_format(address, NULL, listener->uri);
	listener->listener.uri = listener->uri;
	listener->listener.close = listener_close;
	TAILQ_INSERT_TAIL(&driver->listeners, listener, entry);
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
	driver->at = UINT64_MAX;
	driver->seed = next_seed();
	TAILQ_INIT(&driver->links);
	TAILQ_INIT(&driver->listeners);
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

uint64_t
memory_now(void)
{
	return clock_us;
}

void
memory_set_chunk(size_t bytes)
{
	chunk = bytes;
}

void
memory_set_tap(memory_tap *new_tap, void *user)
{
	tap = new_tap;
	tap_user = user;
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
memory_advance(uint64_t microseconds)
{
	memory_approach(microseconds);
	(void) memory_settle();
}

/* ---- raw peers */

static memory_raw *
raw_new(const char *name)
{
	memory_raw *raw = calloc(1, sizeof(*raw));

	if (raw != NULL) {
		(void) snprintf(raw->name, sizeof(raw->name), "%s", name);
		TAILQ_INSERT_TAIL(&raws, raw, entry);
	}
	return raw;
}

memory_raw *
memory_raw_dial(const char *name)
{
	memory_raw *raw = raw_new("");

	if (raw != NULL && !accept_link(name, &raw->end)) {
		memory_raw_free(raw);
		return NULL;
	}
	return raw;
}

memory_raw *
memory_raw_listen(const char *name)
{
	return raw_new(name);
}

bool
memory_raw_send(memory_raw *raw, const void *data, size_t len)
{
	return raw->end.peer != NULL && end_put(raw->end.peer, data, len);
}

const uint8_t *
memory_raw_received(const memory_raw *raw, size_t *ret_len)
{
	*ret_len = raw->end.len;
	return raw->end.data + raw->end.start;
}

void
memory_raw_skip(memory_raw *raw, size_t len)
{
	end_skip(&raw->end, len);
}

bool
memory_raw_is_closed(const memory_raw *raw)
{
	return raw->end.peer == NULL;
}

void
memory_raw_free(memory_raw *raw)
{
	if (raw != NULL) {
		TAILQ_REMOVE(&raws, raw, entry);
		end_fini(&raw->end);
		free(raw);
	}
}
