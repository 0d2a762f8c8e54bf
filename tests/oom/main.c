/* SPDX-License-Identifier: MIT */
/*
 * oom/main.c - every allocation fails once
 *
 * Each scenario is run again and again: first its first allocation fails, then
 * its second, until it passes without a failure. Then the same with all that
 * follow failing too, to the end of the nodes. Whatever fails, promises 1 and
 * 2 hold, what was lent comes back, and nothing is left behind.
 */
#include "oom/scenarios.h"
#include "memory/driver.h"
#include "sim/memory.h"
#include "waldo_test.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST_POINTS = 5000 };

struct way {
	const char *name;
	const char *address; /* NULL: both are one node */
	size_t chunk;
	bool fail_all;
	bool costly; /* ends one way or the other, not both */
};

static const struct way ways[] = {
    {"near, once", NULL, 0, false, false},
    {"near, from there on", NULL, 0, true, false},
    {"far, once", "inproc:oom", 0, false, false},
    {"far, from there on", "inproc:oom", 0, true, false},
    {"far in pieces, once", "inproc:oom", 7, false, false},
    {"encrypted, once", "tcp:oom:1", 0, false, true},
};

enum { WAYS = sizeof(ways) / sizeof(*ways) };

struct trial {
	const struct scenario *scenario;
	const struct way *way;
};

static size_t points;
static struct world world;

/* One run; false once the n-th allocation was not reached any more. At its end
 * either everything is given back to the nodes, or they go first and handles
 * outlive them. */
static bool
run(const struct trial *trial, unsigned n, bool release)
{
	sim_memory memory = {.fail_in = n, .fail_all = trial->way->fail_all};
	size_t before = sim_memory_blocks();
	const char *bad;

	(void) sim_memory_of(&memory);
	memory_set_chunk(trial->way->chunk);
	world_open(&world, trial->way->address);
	trial->scenario->act(&world);
	world_settle();
	bad = world_check_settled(&world, memory.failed > 0);
	if (bad == NULL && release) {
		bad = world_release(&world);
	}
	world_close(&world);
	memory_set_chunk(0);
	(void) sim_memory_of(NULL);
	if (bad == NULL) {
		bad = world_check_closed(&world);
	}
	if (bad != NULL) {
		fail_msg("allocation %u: %s", n, bad);
	}
	if (sim_memory_blocks() != before) {
		fail_msg("allocation %u: %zu blocks are left", n,
		         sim_memory_blocks() - before);
	}
	return memory.failed > 0;
}

static void
survives(void **state)
{
	const struct trial *trial = *state;
	bool failed = true;

	for (unsigned n = 1; failed; n++) {
		assert_true(n < MOST_POINTS);
		failed = run(trial, n, n % 2 == 0);
		if (!trial->way->costly) {
			failed |= run(trial, n, n % 2 != 0);
		}
		points += failed;
		assert_true(failed || n > 1);
	}
}

/* An argument selects scenarios: test_oom 'pipelining*'. */
int
main(int argc, char **argv)
{
	size_t count = scenario_count * WAYS;
	struct CMUnitTest *tests = calloc(count, sizeof(*tests));
	struct trial *trials = calloc(count, sizeof(*trials));
	char(*names)[128] = calloc(count, sizeof(*names));
	int status = 1;

	for (size_t i = 0;
	     names != NULL && tests != NULL && trials != NULL && i < count;
	     i++) {
		trials[i] =
		    (struct trial){&scenarios[i / WAYS], &ways[i % WAYS]};
		(void) snprintf(names[i], sizeof(names[i]), "%s: %s",
		                trials[i].scenario->name, trials[i].way->name);
		tests[i] = (struct CMUnitTest){
		    .name = names[i],
		    .test_func = survives,
		    .initial_state = &trials[i],
		};
	}
	if (argc > 1) {
		cmocka_set_test_filter(argv[1]);
	}
	if (names != NULL && tests != NULL && trials != NULL) {
		status =
		    _cmocka_run_group_tests("oom", tests, count, NULL, NULL);
		(void) printf("%zu allocations failed in turn\n", points);
	}
	free(names);
	free(trials);
	free(tests);
	return status;
}
