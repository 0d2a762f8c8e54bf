/* SPDX-License-Identifier: MIT */
/* Nodes on real sockets, turned by hand, and a clock that is moved by hand. */
#include "world/ground.h"
#include "torture/syscalls/ground.h"
#include "torture/syscalls/faults.h"

#include <unistd.h>

/* Longer than any silence, and a second of lingering. */
#define LONG_MS (SILENCE_MS + 1100)
#define TICK_MS 300

/* Turns without an effect, though there was something to be done: a
 * descriptor that nobody looks after keeps a loop busy for ever. */
#define MOST_IN_VAIN 500

enum { MAX_NODES = 8 };

static waldo_node *nodes[MAX_NODES];
static bool spun;

waldo_err
ground_node_new(const waldo_node_options *options, waldo_node **ret_node)
{
	const waldo_limits limits = {.size = sizeof(limits),
	                             .dead_peer_ms = SILENCE_MS};
	waldo_node_options ours = *options;
	waldo_err err;
	int i = 0;

	ours.limits = &limits;
	err = waldo_node_new(&ours, ret_node);
	if (err != WALDO_OK) {
		return err;
	}
	/* For the sake of its system calls; it may fail. */
	(void) waldo_node_get_fd(*ret_node);
	while (nodes[i] != NULL) {
		i++;
	}
	nodes[i] = *ret_node;
	return WALDO_OK;
}

void
ground_node_free(waldo_node *node)
{
	for (int i = 0; i < MAX_NODES; i++) {
		if (node != NULL && nodes[i] == node) {
			nodes[i] = NULL;
		}
	}
	waldo_node_free(node);
}

static bool
turn_all(void)
{
	size_t before = faults_progress();

	for (int i = 0; i < MAX_NODES; i++) {
		if (nodes[i] != NULL) {
			(void) waldo_node_step(nodes[i], 0);
		}
	}
	return faults_progress() != before;
}

void
ground_settle(void)
{
	bool did = true, ready = true;

	for (int vain = 0; did || ready || faults_threads() > 0;) {
		if (faults_threads() > 0) {
			usleep(100);
			vain = 0;
		}
		did = turn_all();
		ready = faults_was_ready();
		vain = did ? 0 : vain + 1;
		if (vain > MOST_IN_VAIN) {
			spun = true;
			return;
		}
	}
}

void
ground_advance(uint32_t ms)
{
	ground_settle();
	for (uint32_t passed = 0; passed < ms; passed += TICK_MS) {
		faults_pass_time(TICK_MS);
		ground_settle();
	}
}

void
ground_outlast(void)
{
	ground_advance(LONG_MS);
}

bool
ground_spun(void)
{
	bool was = spun;

	spun = false;
	return was;
}
