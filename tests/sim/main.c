/* SPDX-License-Identifier: MIT */
/*
 * waldo-sim - many nodes, virtual time, seeded faults
 *
 *	waldo-sim --seeds N | --seeds A-B [--jobs N] [--failures N] [--twice]
 *	          [--encrypted all|none|some]
 *	waldo-sim --seed S [--history] [--twice] [--encrypted ...]
 *
 * A seed decides everything that happens in a run. --history prints it, one
 * line for each event; --twice runs each seed twice and compares. Workers are
 * processes, so that one that crashes says which seed it was at.
 */
#include "sim/sim.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_JOBS     64
#define SEED_SECONDS 10 /* of real time: longer is an endless loop */

typedef struct worker {
	sim_stats stats;
	uint64_t seed; /* that runs now */
	bool failed;   /* and why: */
	char violation[400];
} worker;

typedef struct shared {
	atomic_uint_fast64_t next;
	worker workers[MAX_JOBS];
} shared;

typedef struct arguments {
	uint64_t first, last;
	unsigned jobs, failures; /* failures: then it gives up */
	bool history, twice, single;
	sim_sealing sealing; /* some: half of the seeds, by themselves */
} arguments;

static bool
run_seed(uint64_t seed, const arguments *args, worker *self)
{
	static sim_world world; /* large */
	uint64_t hash;

	self->seed = seed;
	(void) alarm(SEED_SECONDS);
	if (sim_world_run(&world, seed, args->sealing, args->history,
	                  &self->stats) &&
	    args->twice) {
		hash = world.hash;
		if (sim_world_run(&world, seed, args->sealing, false,
		                  &self->stats) &&
		    world.hash != hash) {
			world.failed = true;
			(void) snprintf(
			    world.violation, sizeof(world.violation),
			    "two runs differ: %016" PRIx64 ", %016" PRIx64,
			    hash, world.hash);
		}
	}
	(void) alarm(0);
	if (args->single) {
		(void) printf("seed %" PRIu64 ": history %016" PRIx64 "\n",
		              seed, world.hash);
	}
	self->failed = world.failed;
	memcpy(self->violation, world.violation, sizeof(world.violation));
	return !world.failed;
}

/* Takes seeds until there are none; a failed one leaves its heap in disorder,
 * so the process ends there. */
static void
work(shared *all, worker *self, const arguments *args)
{
	uint64_t seed;

	while ((seed = atomic_fetch_add(&all->next, 1)) <= args->last) {
		if (!run_seed(seed, args, self)) {
			(void) fflush(stdout);
			_exit(1);
		}
	}
	exit(0);
}

static pid_t
start(shared *all, worker *self, const arguments *args)
{
	pid_t pid;

	self->failed = false;
	(void) fflush(stdout);
	pid = fork();
	if (pid == 0) {
		work(all, self, args);
	}
	if (pid < 0) {
		perror("waldo-sim: fork");
		exit(2);
	}
	return pid;
}

static void
report(const worker *self, int status, const arguments *args)
{
	static const char *const sealing[] = {"", " --encrypted all",
	                                      " --encrypted none"};
	const char *more = sealing[args->sealing];

	if (self->failed) {
		(void) printf("FAILED seed %" PRIu64 ": %s\n", self->seed,
		              self->violation);
	} else if (WIFSIGNALED(status)) {
		(void) printf("FAILED seed %" PRIu64 ": %s\n", self->seed,
		              strsignal(WTERMSIG(status)));
	} else {
		(void) printf("FAILED seed %" PRIu64 ": exit status %d\n",
		              self->seed, WEXITSTATUS(status));
	}
	(void) printf("  waldo-sim --seed %" PRIu64 " --history%s\n",
	              self->seed, more);
}

static unsigned
run_all(shared *all, const arguments *args)
{
	pid_t pids[MAX_JOBS];
	unsigned failures = 0, running = args->jobs;
	int status;
	pid_t pid;

	for (unsigned i = 0; i < args->jobs; i++) {
		pids[i] = start(all, &all->workers[i], args);
	}
	while (running > 0 && (pid = wait(&status)) > 0) {
		unsigned i = 0;

		while (pids[i] != pid) {
			i++;
		}
		running--;
		if (status == 0) {
			continue;
		}
		failures++;
		report(&all->workers[i], status, args);
		if (failures < args->failures &&
		    atomic_load(&all->next) <= args->last) {
			pids[i] = start(all, &all->workers[i], args);
			running++;
		}
	}
	return failures;
}

static void
usage(void)
{
	(void) fprintf(stderr,
	               "usage: waldo-sim --seeds N | --seeds A-B [--jobs N] "
	               "[--failures N] [--twice]\n"
	               "                 [--encrypted all|none|some]\n"
	               "       waldo-sim --seed S [--history] [--twice] "
	               "[--encrypted ...]\n");
	exit(2);
}

static uint64_t
number(const char *text, char **ret_end)
{
	if (text == NULL || text[0] < '0' || text[0] > '9') {
		usage();
	}
	return strtoull(text, ret_end, 10);
}

static sim_sealing
sealing(const char *text)
{
	if (text == NULL ||
	    (strcmp(text, "all") != 0 && strcmp(text, "none") != 0 &&
	     strcmp(text, "some") != 0)) {
		usage();
	}
	return strcmp(text, "all") == 0    ? SIM_ALL
	       : strcmp(text, "none") == 0 ? SIM_NONE
	                                   : SIM_SOME;
}

static void
parse(int argc, char **argv, arguments *args)
{
	*args = (arguments){.first = 1, .last = 100, .jobs = 2, .failures = 10};
	for (int i = 1; i < argc; i++) {
		char *end = argv[i];

		if (strcmp(argv[i], "--seeds") == 0) {
			args->last = number(argv[++i], &end);
			if (*end == '-') {
				args->first = args->last;
				args->last = number(end + 1, &end);
			}
		} else if (strcmp(argv[i], "--seed") == 0) {
			args->first = args->last = number(argv[++i], &end);
			args->single = true;
		} else if (strcmp(argv[i], "--jobs") == 0) {
			args->jobs = (unsigned) number(argv[++i], &end);
		} else if (strcmp(argv[i], "--failures") == 0) {
			args->failures = (unsigned) number(argv[++i], &end);
		} else if (strcmp(argv[i], "--history") == 0 ||
		           strcmp(argv[i], "--verbose") == 0) {
			args->history = true;
			end = argv[i] + strlen(argv[i]);
		} else if (strcmp(argv[i], "--encrypted") == 0) {
			args->sealing = sealing(argv[++i]);
			end = argv[i] + strlen(argv[i]);
		} else if (strcmp(argv[i], "--twice") == 0) {
			args->twice = true;
			end = argv[i] + strlen(argv[i]);
		}
		if (*end != '\0') {
			usage();
		}
	}
	if (args->jobs < 1 || args->jobs > MAX_JOBS) {
		usage();
	}
}

int
main(int argc, char **argv)
{
	static sim_stats sum;
	arguments args;
	shared *all;
	unsigned failures;
	bool complete;

	parse(argc, argv, &args);
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE,
	           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED) {
		perror("waldo-sim: mmap");
		return 2;
	}
	if (args.single) {
		if (run_seed(args.first, &args, &all->workers[0])) {
			return 0;
		}
		report(&all->workers[0], 0, &args);
		(void) fflush(stdout);
		_exit(1);
	}
	atomic_store(&all->next, args.first);
	failures = run_all(all, &args);
	for (unsigned i = 0; i < args.jobs; i++) {
		sim_stats_add(&sum, &all->workers[i].stats);
	}
	/* A few seeds do not meet everything. */
	complete = sim_stats_print(&sum, args.sealing == SIM_SOME &&
	                                     sum.seeds >= 1000);
	(void) printf("%u of %" PRIu64 " seeds failed\n", failures, sum.seeds);
	return failures > 0 || !complete;
}
