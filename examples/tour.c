/* SPDX-License-Identifier: MIT */
/*
 * tour URI: what Waldo does, told by calling what `waldo serve --demo`
 * publishes. URI is what is printed there for a name, less the slash and the
 * name. Each step checks what it tells; the first that fails ends the tour.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <waldo.h>

struct tour {
	waldo_node *node;
	waldo_ref *counter, *echo, *factory, *clock;
	double started;  /* of the step, in seconds */
	int64_t seen;    /* what our observer was told last */
	int told;        /* how often */
	int finished[2]; /* which sleep was answered first, which second */
	int finished_count;
};

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static void
title(struct tour *tour, const char *text)
{
	printf("\n%s\n", text);
	tour->started = now();
}

static bool
fail(const char *what, const waldo_failure *failure)
{
	fprintf(stderr, "tour: %s: %s\n", what,
	        failure != NULL ? failure->message : "not what was expected");
	return false;
}

/* Waits for an integer, and releases the promise. */
static bool
wait_int(waldo_promise *promise, const char *what, int64_t *ret_value)
{
	waldo_reader *result;
	bool ok;

	if (waldo_promise_wait(promise, 5000) != WALDO_OK) {
		ok = fail(what, waldo_promise_get_failure(promise));
	} else {
		result = waldo_promise_get_result(promise);
		*ret_value = waldo_read_int(result, INT64_MIN, INT64_MAX);
		ok = waldo_read_end(result) == WALDO_OK || fail(what, NULL);
	}
	waldo_promise_release(promise);
	return ok;
}

static bool
show_call(struct tour *tour)
{
	int64_t total = 0;

	title(tour, "A call: the object lives in the other process.");
	if (!wait_int(waldo_ref_invoke(tour->counter, "add", "i", 5), "add",
	              &total)) {
		return false;
	}
	printf("    counter.add(5) -> %lld, after %.2f ms\n", (long long) total,
	       (now() - tour->started) * 1e3);
	return true;
}

/* ---- replies come when they come */

static void
on_slept(struct tour *tour, int which, const waldo_failure *failure)
{
	if (failure == NULL && tour->finished_count < 2) {
		tour->finished[tour->finished_count++] = which;
		printf("    after %3.0f ms: the %s call is answered\n",
		       (now() - tour->started) * 1e3,
		       which == 1 ? "first" : "second");
	}
}

static void
on_first(waldo_reader *result, const waldo_failure *failure, void *user)
{
	(void) result;
	on_slept(user, 1, failure);
}

static void
on_second(waldo_reader *result, const waldo_failure *failure, void *user)
{
	(void) result;
	on_slept(user, 2, failure);
}

static bool
show_deferred(struct tour *tour)
{
	title(tour, "Every reply may come later; a later call may be answered "
	            "first.");
	printf("    echo.sleep(300) is called first, echo.sleep(100) second\n");
	if (waldo_promise_when(waldo_ref_invoke(tour->echo, "sleep", "i", 300),
	                       on_first, tour) != WALDO_OK ||
	    waldo_promise_when(waldo_ref_invoke(tour->echo, "sleep", "i", 100),
	                       on_second, tour) != WALDO_OK) {
		return fail("sleep", NULL);
	}
	while (tour->finished_count < 2 && now() - tour->started < 5) {
		if (waldo_node_step(tour->node, 100) != WALDO_OK) {
			break;
		}
	}
	return (tour->finished[0] == 2 && tour->finished[1] == 1) ||
	       fail("the order of the answers", NULL);
}

/* ---- the server calls us */

static void
observer_changed(void *self, waldo_call *call)
{
	struct tour *tour = self;
	int64_t total =
	    waldo_read_int(waldo_call_get_args(call), INT64_MIN, INT64_MAX);

	if (!waldo_call_check(call)) {
		return;
	}
	tour->seen = total;
	tour->told++;
	printf("    the server calls observer.changed(%lld)\n",
	       (long long) total);
	waldo_call_reply(call, "");
}

static const waldo_method observer_methods[] = {
    {"changed", observer_changed, "(total: i64)", 0},
    {0},
};

static const waldo_class observer_class = {
    WALDO_CLASS_SIZES, "Observer", observer_methods, NULL, NULL,
};

static bool
show_callback(struct tour *tour)
{
	waldo_promise *watch;
	waldo_ref *observer = NULL;
	int64_t total = 0;
	bool ok;

	title(tour, "Objects go both ways: we hand in an observer of ours.");
	if (waldo_object_new(tour->node, &observer_class, tour, &observer) !=
	    WALDO_OK) {
		return fail("observer", NULL);
	}
	printf("    counter.watch(observer) -> a subscription\n");
	watch = waldo_ref_invoke(tour->counter, "watch", "r", observer);
	waldo_ref_release(observer);

	ok = wait_int(waldo_ref_invoke(tour->counter, "add", "i", 1), "add",
	              &total) &&
	     wait_int(waldo_ref_invoke(tour->counter, "add", "i", 10), "add",
	              &total);
	if (ok && (tour->told != 2 || tour->seen != total)) {
		ok = fail("what the observer was told", NULL);
	}
	if (ok) {
		/* On the subscription that watch() returned. */
		waldo_promise *cancel = waldo_ref_invoke(
		    waldo_promise_get_ref(watch), "cancel", "");

		printf("    subscription.cancel()\n");
		if (waldo_promise_wait(cancel, 5000) != WALDO_OK) {
			ok = fail("cancel", waldo_promise_get_failure(cancel));
		}
		waldo_promise_release(cancel);
	}
	waldo_promise_release(watch);
	return ok;
}

/* ---- calls on what is not there yet */

static bool
show_pipelining(struct tour *tour)
{
	waldo_promise *made, *renamed, *label;
	bool ok = false;

	title(tour, "What a call will return can be called before it is there: "
	            "one round trip.");
	made = waldo_ref_invoke(tour->factory, "make", "s", "a box");
	renamed = waldo_ref_invoke(waldo_promise_get_ref(made), "rename", "s",
	                           "a red box");
	label = waldo_ref_invoke(waldo_promise_get_ref(made), "label", "");
	printf(
	    "    factory.make(\"a box\"), then at once .rename(\"a red box\") "
	    "and .label()\n");
	if (waldo_promise_wait(label, 5000) != WALDO_OK) {
		fail("label", waldo_promise_get_failure(label));
	} else {
		waldo_reader *result = waldo_promise_get_result(label);
		const char *text = waldo_read_str(result, NULL);

		printf("    -> \"%s\", after %.2f ms\n", text,
		       (now() - tour->started) * 1e3);
		ok = strcmp(text, "a red box") == 0 || fail("label", NULL);
	}
	waldo_promise_release(label);
	waldo_promise_release(renamed);
	waldo_promise_release(made);
	return ok;
}

/* ---- what goes wrong */

static bool
show_error(struct tour *tour)
{
	waldo_promise *promise;
	const waldo_failure *failure;
	bool ok;

	title(tour,
	      "An error is data: a type for programs, a message for people.");
	promise = waldo_ref_invoke(tour->echo, "fail", "ss", "bank.Overdrawn",
	                           "12 coins are missing");
	ok = waldo_promise_wait(promise, 5000) == WALDO_EREMOTE;
	failure = waldo_promise_get_failure(promise);
	ok = (ok && strcmp(failure->type, "bank.Overdrawn") == 0) ||
	     fail("fail", failure);
	if (ok) {
		printf("    echo.fail(...) -> %s: %s\n", failure->type,
		       failure->message);
	}
	waldo_promise_release(promise);
	return ok;
}

static bool
show_deadline(struct tour *tour)
{
	waldo_options options = {.size = sizeof(options), .timeout_ms = 150};
	waldo_request *request;
	waldo_promise *promise;
	int64_t before = 0;
	int64_t after = 0;
	bool ok;

	title(tour, "A deadline travels with its call, so that nobody works in "
	            "vain.");
	ok = wait_int(waldo_ref_invoke(tour->clock, "cancelled", ""),
	              "cancelled", &before);

	request = waldo_request_new(tour->echo, "sleep", &options);
	waldo_put_int(waldo_request_get_args(request), 60000);
	promise = waldo_request_send(request);
	if (ok && waldo_promise_wait(promise, -1) != WALDO_EDEADLINE) {
		ok = fail("deadline", waldo_promise_get_failure(promise));
	}
	if (ok) {
		printf("    echo.sleep(60000) with a deadline of 150 ms\n"
		       "    after %3.0f ms: %s\n",
		       (now() - tour->started) * 1e3,
		       waldo_promise_get_failure(promise)->message);
	}
	waldo_promise_release(promise);

	/* The server has its own clock, and two objects have no common order.
	 */
	do {
		ok = ok &&
		     wait_int(waldo_ref_invoke(tour->clock, "cancelled", ""),
		              "cancelled", &after);
	} while (ok && after == before && now() - tour->started < 1);
	if (ok) {
		printf(
		    "    clock.cancelled() went from %lld to %lld: the server "
		    "stopped too\n",
		    (long long) before, (long long) after);
		ok = after == before + 1 || fail("cancelled", NULL);
	}
	return ok;
}

/* ---- nobody has to tidy up */

#define KEPT 500

static bool
show_references(struct tour *tour)
{
	waldo_promise *made[KEPT];
	int64_t before = 0;
	int64_t held = 0;
	int64_t after = 0;
	bool ok;
	int i;

	title(tour,
	      "An object lives while somebody refers to it, in any process.");
	ok = wait_int(waldo_ref_invoke(tour->factory, "count", ""), "count",
	              &before);
	for (i = 0; i < KEPT; i++) {
		made[i] =
		    waldo_ref_invoke(tour->factory, "make", "s", "one of many");
	}
	ok = ok && wait_int(waldo_ref_invoke(tour->factory, "count", ""),
	                    "count", &held);
	for (i = 0; i < KEPT; i++) {
		waldo_promise_release(made[i]);
	}
	ok = ok && wait_int(waldo_ref_invoke(tour->factory, "count", ""),
	                    "count", &after);
	if (ok) {
		printf("    factory.make() %d times: %lld of them live\n"
		       "    all references released: %lld live\n",
		       KEPT, (long long) (held - before),
		       (long long) (after - before));
		ok = (held - before == KEPT && after == before) ||
		     fail("count", NULL);
	}
	return ok;
}

static waldo_err
connect_name(struct tour *tour, const char *base, const char *name,
             waldo_ref **ret_ref)
{
	char uri[512];

	snprintf(uri, sizeof(uri), "%s/%s", base, name);
	return waldo_connect(tour->node, uri, ret_ref);
}

int
main(int argc, char **argv)
{
	struct tour tour = {0};
	bool ok = false;

	if (argc != 2) {
		fprintf(stderr, "usage: tour URI\n");
		return EXIT_FAILURE;
	}
	if (waldo_node_new(NULL, &tour.node) != WALDO_OK ||
	    connect_name(&tour, argv[1], "counter", &tour.counter) !=
	        WALDO_OK ||
	    connect_name(&tour, argv[1], "echo", &tour.echo) != WALDO_OK ||
	    connect_name(&tour, argv[1], "factory", &tour.factory) !=
	        WALDO_OK ||
	    connect_name(&tour, argv[1], "clock", &tour.clock) != WALDO_OK) {
		fprintf(stderr, "tour: %s\n",
		        waldo_node_get_message(tour.node));
	} else {
		ok = show_call(&tour) && show_deferred(&tour) &&
		     show_callback(&tour) && show_pipelining(&tour) &&
		     show_error(&tour) && show_deadline(&tour) &&
		     show_references(&tour);
	}
	waldo_ref_release(tour.clock);
	waldo_ref_release(tour.factory);
	waldo_ref_release(tour.echo);
	waldo_ref_release(tour.counter);
	waldo_node_free(tour.node);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
