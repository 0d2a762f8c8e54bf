/* SPDX-License-Identifier: MIT */
#include "tests/soak/soak.h"

#include <waldo.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EVENTS = 20, EVENT_MS = 50, MAX_LATER_MS = 2000 };

static waldo_node *node;
static unsigned items, waiting; /* objects that users made; timers */

/* ---- what make() returns */

static void
item_poke(void *self, waldo_call *call)
{
	(void) self;
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "");
	}
}

static void
item_destroy(void *self)
{
	free(self);
	items--;
}

static const waldo_method item_methods[] = {{"poke", item_poke, NULL, 0},
                                            {NULL, NULL, NULL, 0}};
static const waldo_class item_class = {
    WALDO_CLASS_SIZES, "SoakItem", item_methods, item_destroy, NULL,
};

static void
make(void *self, waldo_call *call)
{
	waldo_ref *ref = NULL;
	void *item = malloc(100);
	waldo_err err = item == NULL
	                    ? WALDO_ENOMEM
	                    : waldo_object_new(node, &item_class, item, &ref);

	(void) self;
	if (err != WALDO_OK) {
		free(item);
		waldo_call_fail_err(call, err);
		return;
	}
	items++;
	waldo_call_reply(call, "r", ref);
	waldo_ref_release(ref);
}

/* ---- watch(observer): some events, then no more */

struct watcher {
	waldo_ref *observer;
	unsigned left;
};

static void
tell(void *user)
{
	struct watcher *watcher = user;

	if (watcher->left-- > 0 &&
	    waldo_ref_notify(watcher->observer, "event", "u", watcher->left) ==
	        WALDO_OK &&
	    waldo_node_after(node, EVENT_MS, tell, watcher, NULL) == WALDO_OK) {
		return;
	}
	waldo_ref_release(watcher->observer);
	free(watcher);
}

static void
watch(void *self, waldo_call *call)
{
	waldo_ref *observer = waldo_read_ref(waldo_call_get_args(call));
	struct watcher *watcher;

	(void) self;
	if (!waldo_call_check(call)) {
		return;
	}
	watcher = calloc(1, sizeof(*watcher));
	if (watcher == NULL) {
		waldo_call_fail_err(call, WALDO_ENOMEM);
		return;
	}
	watcher->observer = waldo_ref_retain(observer);
	watcher->left = EVENTS;
	waldo_call_reply(call, "");
	waiting++;
	tell(watcher);
}

/* ---- the others */

static void
echo(void *self, waldo_call *call)
{
	size_t len;
	const void *data = waldo_read_bytes(waldo_call_get_args(call), &len);

	(void) self;
	if (waldo_call_check(call)) {
		waldo_call_reply(call, "y", data, len);
	}
}

static void
answer(void *user)
{
	waiting--;
	waldo_call_reply(user, "");
}

static void
later(void *self, waldo_call *call)
{
	uint64_t ms = waldo_read_uint(waldo_call_get_args(call), MAX_LATER_MS);

	(void) self;
	if (!waldo_call_check(call)) {
		return;
	}
	call = waldo_call_defer(call, NULL, NULL);
	if (waldo_node_after(node, (uint32_t) ms, answer, call, NULL) ==
	    WALDO_OK) {
		waiting++;
	} else {
		waldo_call_fail_err(call, WALDO_ENOMEM);
	}
}

static void
note(void *self, waldo_call *call)
{
	(void) self;
	waldo_call_reply(call, "");
}

static const waldo_method methods[] = {
    {"echo", echo, NULL, 0}, {"later", later, NULL, 0},
    {"make", make, NULL, 0}, {"watch", watch, NULL, 0},
    {"note", note, NULL, 0}, {NULL, NULL, NULL, 0},
};
static const waldo_class soak_class = {
    WALDO_CLASS_SIZES, "Soak", methods, NULL, NULL,
};

/* ---- what it costs */

static long
resident(void)
{
	long total, pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file != NULL) {
		if (fscanf(file, "%ld %ld", &total, &pages) != 2) {
			pages = 0;
		}
		(void) fclose(file);
	}
	return pages * sysconf(_SC_PAGESIZE);
}

static struct sample
measure(void)
{
	struct mallinfo2 heap = mallinfo2();

	return (struct sample){
	    .at = soak_now(),
	    .heap = (long) (heap.uordblks + heap.hblkhd),
	    .rss = resident(),
	    .items = items,
	};
}

static void
take_sample(void *user)
{
	size_t count = atomic_load(&board->sample_count);

	(void) user;
	if (atomic_load(&board->is_over) || count == MAX_SAMPLES) {
		return;
	}
	board->samples[count] = measure();
	atomic_store(&board->sample_count, count + 1);
	if (waldo_node_after(node, SAMPLE_MS, take_sample, NULL, NULL) !=
	    WALDO_OK) {
		soak_wrong("no more samples");
	}
}

/* ---- its life */

static waldo_err
open_up(const char *socket)
{
	waldo_listener *listeners[2];
	char address[128];
	waldo_ref *ref = NULL;
	waldo_err err = waldo_object_new(node, &soak_class, NULL, &ref);

	(void) snprintf(address, sizeof(address), "unix:%s", socket);
	if (err == WALDO_OK &&
	    (err = waldo_publish(node, "soak", ref)) == WALDO_OK &&
	    (err = waldo_listen(node, "tcp-insecure:127.0.0.1:0",
	                        &listeners[0])) == WALDO_OK &&
	    (err = waldo_listen(node, address, &listeners[1])) == WALDO_OK) {
		for (int i = 0; i < 2; i++) {
			(void) snprintf(board->uri[i], sizeof(board->uri[i]),
			                "%s/soak",
			                waldo_listener_get_uri(listeners[i]));
		}
	}
	waldo_ref_release(ref);
	return err;
}

/* Whoever held something is gone: it is all there again. */
static void
look_after_the_last(void)
{
	double end = soak_now() + 2 * MAX_LATER_MS / 1e3;

	while ((items > 0 || waiting > 0) && soak_now() < end) {
		(void) waldo_node_step(node, 100);
	}
	if (items > 0) {
		soak_wrong("%u objects outlived their users", items);
	}
}

int
soak_server(const char *socket)
{
	const waldo_limits limits = {.size = sizeof(limits),
	                             .dead_peer_ms = DEAD_PEER_MS};
	const waldo_node_options options = {.size = sizeof(options),
	                                    .limits = &limits};
	waldo_err err;

	board->idle[0] = measure();
	err = waldo_node_new(&options, &node);
	if (err == WALDO_OK) {
		err = open_up(socket);
	}
	if (err != WALDO_OK) {
		(void) fprintf(stderr, "soak: server: %s\n",
		               waldo_node_get_message(node));
		atomic_store(&board->server_failed, true);
		waldo_node_free(node);
		return 1;
	}
	take_sample(NULL);
	atomic_store(&board->is_up, true);
	while (!soak_is_told_to_stop() &&
	       waldo_node_step(node, 100) == WALDO_OK) {
	}
	look_after_the_last();
	waldo_node_free(node);
	board->idle[1] = measure();
	return items == 0 ? 0 : 1;
}
