/* SPDX-License-Identifier: MIT */
/* A client that only calls, one call after the other. */
#include "tests/soak/soak.h"

#include <waldo.h>

enum { EVERY_MS = 5 };

static void
count(double seconds)
{
	double at = seconds * 1e6 / LATENCY_US;
	size_t bucket = at < LATENCIES - 1 ? (size_t) at : LATENCIES - 1;

	atomic_fetch_add(&board->latencies[bucket], 1);
	atomic_fetch_add(&board->calm_calls, 1);
	if (seconds > board->worst) {
		board->worst = seconds;
	}
}

static bool
call(waldo_ref *soak)
{
	static const char text[64] = "calm";
	double begin = soak_now();
	waldo_promise *promise =
	    waldo_ref_invoke(soak, "echo", "y", text, sizeof(text));
	bool good = waldo_promise_wait(promise, -1) == WALDO_OK;

	count(soak_now() - begin);
	if (!good) {
		soak_wrong("a calm call failed: %s",
		           waldo_promise_get_failure(promise)->message);
	}
	waldo_promise_release(promise);
	return good;
}

int
soak_calm(void)
{
	waldo_node *node = NULL;
	waldo_ref *soak = NULL;
	bool good = waldo_node_new(NULL, &node) == WALDO_OK &&
	            waldo_connect(node, board->uri[0], &soak) == WALDO_OK;

	if (!good) {
		soak_wrong("no connection");
	}
	while (good && !soak_is_told_to_stop()) {
		double next = soak_now() + EVERY_MS / 1e3;

		good = call(soak);
		while (soak_now() < next) {
			(void) waldo_node_step(node, 1);
		}
	}
	waldo_ref_release(soak);
	waldo_node_free(node);
	return good ? 0 : 1;
}
