/* SPDX-License-Identifier: MIT */
#include <event2/event.h>
#include <stdlib.h>
#include <sys/resource.h>
#include "bench_calls.h"

#define OTHER_FDS 32 /* of the process, beside sockets and nodes */

static void
fill(uint8_t *data, size_t len)
{
	uint32_t x = 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (uint8_t) (x >> 24);
	}
}

static int
open_nodes(struct bench_runner *runner)
{
	waldo_node_options options = {
	    .size = sizeof(options),
	    .base = runner->base,
	};
	waldo_err err = WALDO_OK;

	for (int i = 0; i < runner->node_count && err == WALDO_OK; i++) {
		err = waldo_node_new(&options, &runner->nodes[i]);
	}
	return err == WALDO_OK ? STATUS_OK : complain_err(err, NULL);
}

/* Connects, and knows that the object is there. */
static int
open_connection(struct bench_runner *runner, int index)
{
	struct bench_connection *c = &runner->connections[index];
	waldo_node *node = runner->nodes[index / runner->hosts];
	char *uri = bench_make_uri(runner->address, index % runner->hosts);
	const struct peer peer = {.uri = uri};
	waldo_promise *promise;
	waldo_err err =
	    uri != NULL ? waldo_connect(node, uri, &c->target) : WALDO_ENOMEM;
	int status = STATUS_OK;

	if (err != WALDO_OK) {
		free(uri);
		return complain_err(err, node);
	}
	promise = waldo_ref_invoke(c->target, ".ping", "");
	if (waldo_promise_wait(promise, -1) != WALDO_OK) {
		status =
		    complain_failure(waldo_promise_get_failure(promise), &peer);
	}
	waldo_promise_release(promise);
	free(uri);
	return status;
}

static int
open_connections(struct bench_runner *runner)
{
	int count = runner->meter->connections, status;
	rlim_t needed = (rlim_t) (count + 2 * runner->node_count) + OTHER_FDS;
	struct rlimit limit = {0};

	getrlimit(RLIMIT_NOFILE, &limit);
	if (needed > limit.rlim_cur) {
		return complain(STATUS_LOST,
		                "%d connections take %llu descriptors; the "
		                "system allows %llu",
		                count, (unsigned long long) needed,
		                (unsigned long long) limit.rlim_cur);
	}
	status = open_nodes(runner);
	for (int i = 0; i < count && status == STATUS_OK; i++) {
		status = open_connection(runner, i);
	}
	return status;
}

/* Of nodes that nobody has seen before: nothing is resumed, and there are keys
 * to be made and proved, where it is encrypted. */
static int
open_again_and_again(struct bench_runner *runner)
{
	struct bench_connection *c = &runner->connections[0];
	int status;

	meter_connected(runner->meter);
	meter_start(runner->meter);
	do {
		status = open_nodes(runner);
		if (status == STATUS_OK) {
			status = open_connection(runner, 0);
		}
		waldo_ref_release(c->target);
		c->target = NULL;
		waldo_node_free(runner->nodes[0]);
		runner->nodes[0] = NULL;
	} while (status == STATUS_OK && meter_count(runner->meter));
	if (status == STATUS_OK && meter_print(runner->meter) != 0) {
		status = STATUS_LOST;
	}
	return status;
}

/* Connection after connection gets its share. */
static void
start_calls(struct bench_runner *runner, struct bench_slot *slots)
{
	const meter *m = runner->meter;
	int at = 0;

	for (int i = 0; i < meter_first(m); i++) {
		for (int k = 0; k < m->share; k++) {
			slots[at] = (struct bench_slot){.runner = runner,
			                                .connection = i};
			runner->start(&slots[at++]);
		}
	}
}

static int
measure(struct bench_runner *runner, struct bench_slot *slots)
{
	waldo_err err = WALDO_OK;
	int status = open_connections(runner);

	if (status != STATUS_OK) {
		return status;
	}
	meter_connected(runner->meter);
	meter_start(runner->meter);
	if (meter_is(runner->meter, "event")) {
		status = bench_start_events(runner);
	} else {
		start_calls(runner, slots);
	}
	if (status == STATUS_OK) {
		err = waldo_node_run(runner->nodes[0]);
	}
	if (err != WALDO_OK) {
		return complain_err(err, runner->nodes[0]);
	}
	status = status == STATUS_OK ? runner->status : status;
	if (status == STATUS_OK && meter_print(runner->meter) != 0) {
		status = STATUS_LOST;
	}
	return status;
}

static void
close_connections(struct bench_runner *runner, struct bench_slot *slots)
{
	for (int i = 0; i < runner->meter->window; i++) {
		waldo_ref_release(slots[i].object);
		slots[i].object = NULL;
	}
	for (int i = 0; i < runner->meter->connections; i++) {
		waldo_ref_release(runner->connections[i].target);
	}
	for (int i = 0; i < runner->node_count; i++) {
		waldo_node_free(runner->nodes[i]);
	}
}

static bool
allocate(struct bench_runner *runner)
{
	int connections = runner->meter->connections;
	bool shared;

	runner->start = bench_find_call(runner->meter);
	runner->hosts = bench_count_hosts(runner->address);
	runner->node_count = (connections - 1) / runner->hosts + 1;
	/* A node alone, for all of the run, has its own. */
	shared = runner->node_count > 1 || meter_is(runner->meter, "open");
	runner->base = shared ? event_base_new() : NULL;
	runner->connections =
	    calloc((size_t) connections, sizeof(*runner->connections));
	runner->nodes =
	    calloc((size_t) runner->node_count, sizeof(waldo_node *));
	runner->payload = malloc(METER_LARGE);
	if ((shared && runner->base == NULL) || runner->connections == NULL ||
	    runner->nodes == NULL || runner->payload == NULL) {
		return false;
	}
	if (runner->meter->is_large) {
		fill(runner->payload, METER_LARGE);
	}
	return true;
}

int
bench_run(meter *m, const char *address)
{
	struct bench_runner runner = {.meter = m, .address = address};
	struct bench_slot *slots = calloc((size_t) m->window, sizeof(*slots));
	int status;

	if (slots != NULL && allocate(&runner)) {
		status = meter_is(m, "open") ? open_again_and_again(&runner)
		                             : measure(&runner, slots);
		close_connections(&runner, slots);
	} else {
		status = complain(STATUS_LOST, "out of memory");
	}
	if (runner.base != NULL) {
		event_base_free(runner.base);
	}
	free(runner.payload);
	free(runner.nodes);
	free(runner.connections);
	free(slots);
	return status;
}
