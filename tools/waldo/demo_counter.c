/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <sys/queue.h>
#include "demo.h"

/* A peer may hand in one observer again and again, and drop what it got. */
#define MAX_SUBSCRIPTIONS 1024

struct counter {
	int64_t total;
	size_t count;
	TAILQ_HEAD(, subscription) subscriptions;
};

/* Lives while the counter lists it or somebody holds it as an object. */
struct subscription {
	TAILQ_ENTRY(subscription) entry;
	struct counter *counter; /* NULL once it has ended */
	waldo_ref *observer;
	waldo_watch *broken;
	bool held;
};

static void
subscription_free_unused(struct subscription *s)
{
	if (s->counter == NULL && !s->held) {
		free(s);
	}
}

static void
subscription_end(struct subscription *s)
{
	struct counter *counter = s->counter;

	if (counter != NULL) {
		TAILQ_REMOVE(&counter->subscriptions, s, entry);
		counter->count--;
		s->counter = NULL;
		waldo_watch_stop(s->broken);
		waldo_ref_release(s->observer);
	}
	subscription_free_unused(s);
}

static void
on_observer(waldo_ref *observer, waldo_state state, void *user)
{
	(void) observer;
	if (state == WALDO_BROKEN) {
		subscription_end(user);
	}
}

static void
subscription_cancel(void *self, waldo_call *call)
{
	if (waldo_call_check(call)) {
		subscription_end(self);
		waldo_call_reply(call, "");
	}
}

/* Nobody can cancel it any more, but the observer goes on to be told. */
static void
subscription_destroy(void *self)
{
	struct subscription *s = self;

	s->held = false;
	subscription_free_unused(s);
}

static const waldo_method subscription_methods[] = {
    {"cancel", subscription_cancel, "()", WALDO_REPEATABLE},
    {0},
};

static const waldo_class subscription_class = {
    WALDO_CLASS_SIZES,    "Subscription", subscription_methods,
    subscription_destroy, NULL,
};

static void
counter_add(void *self, waldo_call *call)
{
	struct counter *counter = self;
	int64_t n =
	    waldo_read_int(waldo_call_get_args(call), INT64_MIN, INT64_MAX);
	struct subscription *s;
	int64_t total;

	if (!waldo_call_check(call)) {
		return;
	}
	if (__builtin_add_overflow(counter->total, n, &total)) {
		waldo_call_fail(call, "demo.Overflow",
		                "the total would not fit into 64 bits");
		return;
	}
	counter->total = total;
	TAILQ_FOREACH(s, &counter->subscriptions, entry) {
		/* Who does not read fast enough misses this total, not the
		 * next; who is gone is told by on_observer(). */
		(void) waldo_ref_notify(s->observer, "changed", "I", total);
	}
	waldo_call_reply(call, "I", total);
}

static void
counter_get(void *self, waldo_call *call)
{
	const struct counter *counter = self;

	if (waldo_call_check(call)) {
		waldo_call_reply(call, "I", counter->total);
	}
}

/* Lists a new subscription, which is not yet an object. */
static waldo_err
subscribe(struct counter *counter, waldo_ref *observer,
          struct subscription **ret_subscription)
{
	struct subscription *s = calloc(1, sizeof(*s));
	waldo_err err;

	if (s == NULL) {
		return WALDO_ENOMEM;
	}
	err = waldo_ref_watch(observer, on_observer, s, &s->broken);
	if (err != WALDO_OK) {
		free(s);
		return err;
	}
	s->observer = waldo_ref_retain(observer);
	s->counter = counter;
	TAILQ_INSERT_TAIL(&counter->subscriptions, s, entry);
	counter->count++;
	*ret_subscription = s;
	return WALDO_OK;
}

static void
counter_watch(void *self, waldo_call *call)
{
	struct counter *counter = self;
	waldo_ref *observer = waldo_read_ref(waldo_call_get_args(call));
	struct subscription *s = NULL;
	waldo_ref *ref = NULL;
	waldo_err err;

	if (!waldo_call_check(call)) {
		return;
	}
	if (counter->count >= MAX_SUBSCRIPTIONS) {
		waldo_call_fail(call, "demo.Full", "%d observers at most",
		                MAX_SUBSCRIPTIONS);
		return;
	}
	err = subscribe(counter, observer, &s);
	if (err == WALDO_OK) {
		err = waldo_object_new(waldo_call_get_node(call),
		                       &subscription_class, s, &ref);
		s->held = err == WALDO_OK;
	}
	if (err != WALDO_OK) {
		if (s != NULL) {
			subscription_end(s);
		}
		waldo_call_fail_err(call, err);
		return;
	}
	waldo_call_reply(call, "r", ref);
	waldo_ref_release(ref);
}

static void
counter_destroy(void *self)
{
	struct counter *counter = self;
	struct subscription *s;

	while ((s = TAILQ_FIRST(&counter->subscriptions)) != NULL) {
		subscription_end(s);
	}
	free(counter);
}

static const waldo_method counter_methods[] = {
    {"add", counter_add, "(n: i64) -> i64", 0},
    {"get", counter_get, "() -> i64", WALDO_READONLY},
    {"watch", counter_watch, "(observer: ref) -> ref Subscription", 0},
    {0},
};

static const waldo_class counter_class = {
    WALDO_CLASS_SIZES, "Counter", counter_methods, counter_destroy, NULL,
};

waldo_err
demo_counter_new(struct demo *demo, waldo_ref **ret_ref)
{
	struct counter *counter = calloc(1, sizeof(*counter));
	waldo_err err = WALDO_ENOMEM;

	if (counter != NULL) {
		TAILQ_INIT(&counter->subscriptions);
		err = waldo_object_new(demo->node, &counter_class, counter,
		                       ret_ref);
	}
	if (err != WALDO_OK) {
		free(counter);
	}
	return err;
}
