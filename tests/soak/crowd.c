/* SPDX-License-Identifier: MIT */
/*
 * soak/crowd.c - users, each with a node and a connection of its own
 *
 * A user does something now and then, ends its session or its node now and
 * then, and connects again whenever it was parted from the server. Whatever
 * happens, each call ends once, and as it may.
 */
#include "tests/soak/soak.h"

#include <waldo.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELD = 4, LARGE = 32 * 1024, SMALL = 200, AGAIN_MS = 20 };

struct user {
	waldo_node *node;
	const char *uri;
	waldo_ref *soak;
	waldo_ref *held[HELD];   /* items of the server */
	waldo_promise *doubtful; /* to be cancelled, or NULL */
	unsigned open;           /* calls */
	bool stale;              /* `soak` is gone */
	bool leaves;             /* its node is to go */
};

struct call {
	struct user *user;
	size_t len;    /* of the bytes that come back; 0: none do */
	bool may_fail; /* it was cancelled, or has a deadline */
};

static struct event_base *base;
static struct user *users;
static unsigned user_count;
static uint8_t bytes[LARGE];

static unsigned
below(unsigned n)
{
	return (unsigned) random() % n;
}

/* ---- calls */

static bool
is_as_sent(waldo_reader *result, size_t len)
{
	size_t got;
	const void *data = waldo_read_bytes(result, &got);

	return data != NULL && got == len && memcmp(data, bytes, len) == 0;
}

static void
done(waldo_reader *result, const waldo_failure *failure, void *user)
{
	struct call *call = user;
	struct user *self = call->user;

	atomic_fetch_add(failure == NULL ? &board->results : &board->failures,
	                 1);
	if (self->open-- == 0) {
		soak_wrong("a call ended twice");
	}
	if (failure == NULL) {
		if (call->len > 0 && !is_as_sent(result, call->len)) {
			soak_wrong("the result is not what was sent");
		}
	} else if (failure->code == WALDO_ELOST ||
	           failure->code == WALDO_ECONNECT) {
		self->stale = true;
	} else if (!call->may_fail || (failure->code != WALDO_ECANCELLED &&
	                               failure->code != WALDO_EDEADLINE)) {
		soak_wrong("a call failed: %s", failure->message);
	}
	free(call);
}

static void
expect(struct user *self, waldo_promise *promise, size_t len, bool may_fail)
{
	struct call *call = calloc(1, sizeof(*call));

	if (call == NULL) {
		soak_wrong("out of memory");
		abort();
	}
	*call = (struct call){self, len, may_fail};
	self->open++;
	atomic_fetch_add(&board->calls, 1);
	if (waldo_promise_when(promise, done, call) != WALDO_OK) {
		soak_wrong("a promise takes no callback");
	}
}

/* ---- what users do */

static void
do_echo(struct user *self)
{
	expect(self,
	       waldo_ref_invoke(self->soak, "echo", "y", bytes, (size_t) SMALL),
	       SMALL, false);
}

static void
do_echo_large(struct user *self)
{
	expect(self,
	       waldo_ref_invoke(self->soak, "echo", "y", bytes, (size_t) LARGE),
	       LARGE, false);
}

static void
do_later(struct user *self)
{
	expect(self, waldo_ref_invoke(self->soak, "later", "u", below(300)), 0,
	       false);
}

static void
do_deadline(struct user *self)
{
	const waldo_options options = {.size = sizeof(options),
	                               .timeout_ms = 1 + below(100)};
	waldo_request *request =
	    waldo_request_new(self->soak, "later", &options);

	waldo_putf(waldo_request_get_args(request), "u", below(100));
	expect(self, waldo_request_send(request), 0, true);
}

/* Made now; cancelled at the next occasion, when it may have ended. */
static void
do_cancel(struct user *self)
{
	if (self->doubtful == NULL) {
		self->doubtful =
		    waldo_ref_invoke(self->soak, "later", "u", below(2000));
		expect(self, waldo_promise_retain(self->doubtful), 0, true);
		return;
	}
	waldo_promise_cancel(self->doubtful);
	waldo_promise_release(self->doubtful);
	self->doubtful = NULL;
}

static void
do_forget(struct user *self)
{
	waldo_promise_release(
	    waldo_ref_invoke(self->soak, "later", "u", below(300)));
}

/* Called before it is there, and held for a while. */
static void
do_make(struct user *self)
{
	waldo_promise *promise = waldo_ref_invoke(self->soak, "make", "");
	waldo_ref *item = waldo_promise_get_ref(promise);
	unsigned place = below(HELD);

	expect(self, waldo_ref_invoke(item, "poke", ""), 0, false);
	waldo_ref_release(self->held[place]);
	self->held[place] = waldo_ref_retain(item);
	waldo_promise_release(promise);
}

static void
do_note(struct user *self)
{
	for (int i = 0; i < 20; i++) {
		(void) waldo_ref_notify(self->soak, "note", "y", bytes,
		                        (size_t) below(500));
	}
}

static void
observer_event(void *self, waldo_call *call)
{
	(void) self;
	atomic_fetch_add(&board->events, 1);
	waldo_call_reply(call, "");
}

static const waldo_method observer_methods[] = {
    {"event", observer_event, NULL, 0}, {NULL, NULL, NULL, 0}};
static const waldo_class observer_class = {
    WALDO_CLASS_SIZES, "Observer", observer_methods, NULL, NULL,
};

static void
do_watch(struct user *self)
{
	waldo_ref *observer = NULL;

	if (waldo_object_new(self->node, &observer_class, NULL, &observer) !=
	    WALDO_OK) {
		soak_wrong("no observer");
		return;
	}
	expect(self, waldo_ref_invoke(self->soak, "watch", "r", observer), 0,
	       false);
	waldo_ref_release(observer);
}

static void
do_end(struct user *self)
{
	waldo_ref_end_session(self->soak, "for a change");
	self->stale = true;
}

static void
do_leave(struct user *self)
{
	self->leaves = true;
}

static const struct {
	void (*act)(struct user *self);
	unsigned weight;
} acts[] = {
    {do_echo, 300},  {do_echo_large, 20}, {do_later, 100}, {do_deadline, 50},
    {do_cancel, 50}, {do_forget, 50},     {do_make, 200},  {do_note, 50},
    {do_watch, 10},  {do_end, 10},        {do_leave, 5},
};

static void
choose(struct user *self)
{
	unsigned sum = 0, at;
	size_t i = 0;

	for (size_t k = 0; k < sizeof(acts) / sizeof(*acts); k++) {
		sum += acts[k].weight;
	}
	for (at = below(sum); at >= acts[i].weight; i++) {
		at -= acts[i].weight;
	}
	acts[i].act(self);
}

/* ---- their lives */

static void
release_all(struct user *self)
{
	for (int i = 0; i < HELD; i++) {
		waldo_ref_release(self->held[i]);
		self->held[i] = NULL;
	}
	waldo_promise_release(self->doubtful);
	self->doubtful = NULL;
	waldo_ref_release(self->soak);
	self->soak = NULL;
}

static void
reconnect(struct user *self)
{
	release_all(self);
	if (waldo_connect(self->node, self->uri, &self->soak) == WALDO_OK) {
		self->stale = false;
		atomic_fetch_add(&board->connects, 1);
	}
}

static void
on_time(void *user)
{
	struct user *self = user;
	bool parted = self->stale;

	if (parted) {
		reconnect(self);
	} else if (!self->leaves) {
		choose(self);
	}
	if (waldo_node_after(self->node, parted ? AGAIN_MS : 50 + below(400),
	                     on_time, self, NULL) != WALDO_OK) {
		soak_wrong("no timer");
	}
}

static void
end(struct user *self)
{
	if (below(2) == 0) {
		release_all(self); /* or what is held outlives its node */
	}
	waldo_node_free(self->node);
	release_all(self);
	if (self->open > 0) {
		soak_wrong("%u calls never ended", self->open);
	}
}

static bool
begin(struct user *self)
{
	const waldo_limits limits = {.size = sizeof(limits),
	                             .dead_peer_ms = DEAD_PEER_MS};
	const waldo_node_options options = {
	    .size = sizeof(options), .base = base, .limits = &limits};

	*self = (struct user){.uri = self->uri, .stale = true};
	if (waldo_node_new(&options, &self->node) != WALDO_OK) {
		soak_wrong("no node: %s", waldo_node_get_message(NULL));
		return false;
	}
	on_time(self);
	return true;
}

static bool
begin_all(unsigned number)
{
	users = calloc(user_count, sizeof(*users));
	base = event_base_new();
	if (users == NULL || base == NULL) {
		soak_wrong("out of memory");
		return false;
	}
	for (unsigned i = 0; i < user_count; i++) {
		users[i].uri = board->uri[number % 2];
		if (!begin(&users[i])) {
			return false;
		}
	}
	return true;
}

static void
wake(evutil_socket_t fd, short what, void *user)
{
	(void) fd;
	(void) what;
	(void) user;
}

/* Those who leave do so behind their callbacks; then somebody else comes. */
static bool
live(void)
{
	const struct timeval often = {.tv_usec = 100000};
	struct event *alarm = event_new(base, -1, EV_PERSIST, wake, NULL);
	bool good = alarm != NULL && event_add(alarm, &often) == 0;

	while (good && !soak_is_told_to_stop()) {
		good = event_base_loop(base, EVLOOP_ONCE) >= 0;
		for (unsigned i = 0; i < user_count && good; i++) {
			if (users[i].leaves) {
				end(&users[i]);
				good = begin(&users[i]);
			}
		}
	}
	if (alarm != NULL) {
		event_free(alarm);
	}
	return good;
}

int
soak_crowd(unsigned number, unsigned count)
{
	bool good;

	user_count = count;
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t) (i * 7 + i / 256);
	}
	good = begin_all(number) && live();
	for (unsigned i = 0; i < user_count && users != NULL; i++) {
		if (users[i].node != NULL) {
			end(&users[i]);
		}
	}
	if (base != NULL) {
		event_base_free(base);
	}
	free(users);
	return good ? 0 : 1;
}
