/* SPDX-License-Identifier: MIT */
/*
 * abuse/main.c - what one hostile peer costs a server, and everybody else
 *
 * A server, an honest client that makes one call after the other, and a rival
 * are processes of their own on real sockets. Of each attack is told
 *
 * - how far the server's heap grew, counted at each allocation: not beyond what
 *   the limits grant and let bytes occupy, and a stated slack;
 * - how much of that each byte cost that the server had received of it, at the
 *   worst moment: at most 8, beyond what the limits grant a peer that has sent
 *   nothing (its link, the calls and the objects that it may hold, replies that
 *   it asked for);
 * - how much slower the client's calls were, at the median, than beside an
 *   honest peer that does the same work: a machine of two cores serves three
 *   processes slower than two, whatever they say, so that to compare with
 *   silence would tell of the machine. Each round measures the honest peers and
 *   then each attack; at most 2 times as slow, but in a quarter of the rounds,
 *   for others use the machine as well;
 * - whether the log, or what the attacker was told, names the limit.
 *
 * Afterwards the server owns what it did before.
 */
#include "abuse/measure.h"
#include "waldo_test.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { KIB = 1024 };

#define SMALL_LIMITS                                                           \
	{                                                                      \
		.size = sizeof(waldo_limits), .message_bytes = 64 * KIB,       \
		.exports = 256, .imports = 256, .open_calls = 64,              \
		.queued_bytes = 256 * KIB, .total_bytes = 1024 * KIB,          \
		.sessions = 128, .names = 64, .parked_bytes = 64 * KIB,        \
		.retained_bytes = 256 * KIB, .call_window = 256 * KIB          \
	}

static const struct profile profiles[] = {
    {"unix, small limits", "unix:%s/small", SMALL_LIMITS, true},
    {"tcp-insecure, default limits",
     "tcp-insecure:127.0.0.1:0",
     {.size = sizeof(waldo_limits)},
     false},
    {"tcp-insecure, small limits", "tcp-insecure:127.0.0.1:0", SMALL_LIMITS,
     true},
    {"unix, default limits",
     "unix:%s/default",
     {.size = sizeof(waldo_limits)},
     false},
};

static struct arena *arena;
static char directory[] = "/tmp/waldo-abuse-XXXXXX";
static struct measuring how = {.rounds = 3, .window_ms = 50, .latency = true};

/* ---- the verdict */

static double
per_byte(const struct row *row)
{
	return (double) row->worst_milli / 1000;
}

/* waldoi_node_log(): 50 in ten seconds, and one that counts the rest. */
static unsigned
most_lines(void)
{
	return 51 * (3 * how.rounds * how.window_ms / 1000 + 2);
}

static void
judge(void **state)
{
	const struct row *row = *state;
	const char *says = row->attack->says;

	if (row->peak > row->bound) {
		fail_msg("the server's heap grew by %zu KiB, and %zu may be",
		         row->peak / KIB, row->bound / KIB);
	}
	if (row->node_peak > row->total) {
		fail_msg("the node held %zu KiB for its peers, and %zu may be",
		         row->node_peak / KIB, row->total / KIB);
	}
	if (per_byte(row) > 8) {
		fail_msg("a byte of it cost %.1f bytes", per_byte(row));
	}
	if (says != NULL && row->profile->small && !row->named) {
		fail_msg("nobody was told of %s, but: %s", says, row->words);
	}
	if (how.latency && row_is_slow(row)) {
		fail_msg("calls of others took %.1f times as long",
		         row->slower);
	}
	if (row->lines > most_lines()) {
		fail_msg("the log has %u lines of it", row->lines);
	}
}

static void
print_rows(struct row *rows, unsigned count)
{
	(void) printf("%-20s %10s %9s %9s %7s %8s %8s %6s %6s %5s  %s\n",
	              "attack", "sent KiB", "heap KiB", "may be", "x byte",
	              "p50 us", "p99 us", "times", "3 of 4", "lines", "words");
	for (unsigned i = 0; i < count; i++) {
		struct row *row = &rows[i];

		if (i == 0 || row->profile != rows[i - 1].profile) {
			(void) printf("-- %s\n", row->profile->name);
		}
		(void) printf("%-20s %10zu %9zu %9zu %7.1f %8.0f %8.0f %6.2f "
		              "%6.2f %5u  %.100s\n",
		              row->attack->tag, row->sent / KIB,
		              row->peak / KIB, row->bound / KIB, per_byte(row),
		              median_of(row->p50, row->rounds),
		              median_of(row->p99, row->rounds), row->slower,
		              row->least_slower, row->lines, row->words);
	}
}

static void
print_score(const char *name, double value, const char *unit, double limit)
{
	(void) printf("score R13 %s %.2f %s %g %s\n", name, value, unit, limit,
	              value <= limit ? "pass" : "fail");
}

/* For tools/scoreboard: the worst of all. */
static void
print_scores(const struct row *rows, unsigned count)
{
	double heap = 0, bytes = 0, slower = 0;

	for (unsigned i = 0; i < count; i++) {
		double share = (double) rows[i].peak / (double) rows[i].bound;

		heap = share > heap ? share : heap;
		bytes = per_byte(&rows[i]) > bytes ? per_byte(&rows[i]) : bytes;
		if (rows[i].least_slower > slower) {
			slower = rows[i].least_slower;
		}
	}
	print_score("heap_of_what_limits_allow", heap * 100, "%", 100);
	print_score("heap_for_each_attacker_byte", bytes, "bytes", 8);
	if (how.latency) {
		print_score("latency_of_others", slower, "times", 2);
	}
}

static int
run_rows(struct row *rows, unsigned count)
{
	static struct CMUnitTest tests[4 * MOST_ATTACKS];
	static char names[4 * MOST_ATTACKS][160];

	for (unsigned i = 0; i < count; i++) {
		(void) snprintf(names[i], sizeof(names[i]), "%s: %s",
		                rows[i].profile->name, rows[i].attack->name);
		tests[i] = (struct CMUnitTest){.name = names[i],
		                               .test_func = judge,
		                               .initial_state = &rows[i]};
	}
	return _cmocka_run_group_tests("abuse", tests, count, NULL, NULL);
}

/* Rows of attacks that were not asked for are left out. */
static unsigned
pack(struct row *rows)
{
	unsigned count = 0;

	for (unsigned i = 0; i < attack_count; i++) {
		if (rows[i].attack != NULL) {
			struct row row = rows[i];

			rows[i].attack = NULL;
			rows[count++] = row;
		}
	}
	return count;
}

static const char usage[] =
    "usage: test_abuse [--long | --quick] [ATTACK]\n"
    "  --long   more rounds, all limits over all transports\n"
    "  --quick  memory and words only, and small limits: for sanitizers\n";

int
main(int argc, char **argv)
{
	static struct row rows[4 * MOST_ATTACKS];
	unsigned count = 0, some = 2;
	int status = 1;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--long") == 0) {
			how.rounds = 9;
			how.window_ms = 150;
			some = 4;
		} else if (strcmp(argv[i], "--quick") == 0) {
			how.latency = false;
			how.rounds = 1;
			some = 1;
		} else if (argv[i][0] != '-') {
			how.only = argv[i];
		} else {
			(void) fputs(usage, stderr);
			return 2;
		}
	}
	event_set_mem_functions(malloc, realloc, free);
	(void) signal(SIGPIPE, SIG_IGN);
	arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE,
	             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED || mkdtemp(directory) == NULL) {
		perror("test_abuse");
		return 2;
	}
	for (unsigned i = 0; i < some; i++) {
		if (!measure_profile(arena, directory, &profiles[i], &how,
		                     rows + count)) {
			(void) fprintf(stderr, "%s: it could not be measured\n",
			               profiles[i].name);
			goto out;
		}
		count += pack(rows + count);
	}
	status = run_rows(rows, count);
	print_rows(rows, count);
	print_scores(rows, count);
out:
	(void) rmdir(directory);
	return status;
}
