/* SPDX-License-Identifier: MIT */
#include "abuse/measure.h"
#include "broker/net/link.h"
#include "broker/object.h"
#include "broker/session/session.h"

#include <waldo/client.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	KIB = 1024,
	MOST_CALLS = 20000, /* in a window */
	CALL_MS = 5000,
	QUIET_MS = 3000,
	MOST_WAITS = 200, /* windows */

	/* Pools, tables of descriptors, what the honest client has waiting. */
	SLACK = 1024 * KIB,
	/* Of a link: its session, its socket, its tables, a slab of output and
	 * the first bytes of a frame. */
	LINK = sizeof(waldoi_session) + sizeof(waldoi_socket_link) +
	       WALDOI_SLAB + 4 * KIB,
	/* Of a call that is held: a place in a table that is at most a quarter
	 * full, and what the user's object remembers. */
	CALL = sizeof(waldo_call) + 4 * 2 * sizeof(void *) + 256,
	/* Of an object: the same in two tables. */
	OBJECT = sizeof(waldoi_object) + sizeof(waldoi_export) +
	         2 * 4 * 2 * sizeof(void *) + SERVER_THING + 64,
	NAME = sizeof(waldoi_name) + WALDOI_MAX_METHOD + 32
};

static struct arena *arena;
static struct measuring how;
static waldo_node *node;
static waldo_ref *gate;

/* ---- what may be */

static size_t
links_of(const struct rival *rival)
{
	/* The last one may not be gone while the next is there. */
	return rival->links == MANY ? rival_many(arena) + 16 : rival->links + 1;
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Whatever it has sent. */
static size_t
grant_of(const struct rival *rival)
{
	const waldo_limits *l = &arena->limits;
	size_t links = links_of(rival), one = LINK;

	one += (rival->takes & GRANT_CALLS) != 0 ? l->open_calls * CALL : 0;
	one += (rival->takes & GRANT_OBJECTS) != 0 ? l->exports * OBJECT : 0;
	return links * one +
	       ((rival->takes & GRANT_REPLIES) != 0
	            ? smaller(l->total_bytes,
	                      links * (2 * l->queued_bytes + l->retained_bytes))
	            : 0);
}

/* For what it has sent. */
static size_t
room_of(const struct rival *rival)
{
	const waldo_limits *l = &arena->limits;
	size_t one = 0;

	one += (rival->takes & ROOM_WINDOW) != 0 ? l->call_window : 0;
	one += (rival->takes & ROOM_PARKED) != 0 ? l->parked_bytes : 0;
	one += (rival->takes & ROOM_NAMES) != 0 ? l->names * NAME : 0;
	one += (rival->takes & ROOM_MESSAGE) != 0 ? l->message_bytes + 4 : 0;
	return smaller(links_of(rival) * one, l->total_bytes);
}

/* ---- the processes */

static pid_t
start(void (*run)(struct arena *arena))
{
	pid_t child;

	(void) fflush(stdout);
	child = fork();
	if (child == 0) {
		run(arena);
		_exit(0);
	}
	if (child < 0) {
		perror("fork");
		exit(2);
	}
	return child;
}

static bool
await(atomic_bool *claim, unsigned ms)
{
	uint64_t end = arena_now_us() + ms * UINT64_C(1000);

	while (!*claim && arena_now_us() < end) {
		(void) usleep(200);
	}
	return *claim;
}

static void
stop_rival(pid_t rival)
{
	arena->over = true;
	(void) waitpid(rival, NULL, 0);
}

/* All that the last rival held is given back. */
static bool
await_quiet(size_t base)
{
	uint64_t end = arena_now_us() + QUIET_MS * UINT64_C(1000);

	do {
		(void) waldo_node_step(node, 5);
	} while ((arena->sessions > 1 || arena->now > base + SLACK) &&
	         arena_now_us() < end);
	return arena->sessions <= 1 && arena->now <= base + SLACK;
}

static pid_t
start_rival(const struct rival *rival)
{
	pid_t child;

	arena->over = arena->ready = false;
	arena->sent = 0;
	arena->said_count = 0;
	memset(arena->said, 0, sizeof(arena->said));
	memset(arena->line, 0, sizeof(arena->line));
	arena->grant = grant_of(rival);
	arena->mark = true;
	while (arena->mark) {
		(void) waldo_node_step(node, 1);
	}
	child = start(rival->run);
	(void) await(&arena->ready, CALL_MS);
	return child;
}

/* ---- the honest client */

static int
compare(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return x < y ? -1 : x > y;
}

double
median_of(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), compare);
	return count == 0 ? 0 : values[count / 2];
}

/* One call after the other for a while: false if one failed. */
static bool
call_for_a_while(double *ret_p50, double *ret_p99)
{
	static double took[MOST_CALLS];
	uint64_t end = arena_now_us() + how.window_ms * UINT64_C(1000), begin;
	unsigned count = 0;

	do {
		waldo_promise *promise =
		    waldo_ref_invoke(gate, "echo", "i", (int64_t) count);
		waldo_err err;

		begin = arena_now_us();
		err = waldo_promise_wait(promise, CALL_MS);
		took[count++] = (double) (arena_now_us() - begin);
		if (err != WALDO_OK) {
			(void) fprintf(
			    stderr, "the honest client: %s\n",
			    waldo_promise_get_failure(promise)->message);
			waldo_promise_release(promise);
			return false;
		}
		waldo_promise_release(promise);
	} while (count < MOST_CALLS && arena_now_us() < end);
	*ret_p50 = median_of(took, count);
	*ret_p99 = took[count * 99 / 100];
	return true;
}

/* ---- a round */

static void
look_for_words(struct row *row)
{
	const char *says = row->attack->says;

	for (int i = 0; i < 2 * ARENA_LINES && !row->named; i++) {
		const char *text = i < ARENA_LINES
		                       ? arena->said[i]
		                       : arena->line[i - ARENA_LINES];

		row->named = says != NULL && strstr(text, says) != NULL;
		if (row->named || (row->words[0] == '\0' && *text != '\0')) {
			(void) snprintf(row->words, sizeof(row->words), "%s",
			                text);
		}
	}
}

static void
take_measure(struct row *row)
{
	size_t peak = arena->peak - arena->base;

	row->peak = peak > row->peak ? peak : row->peak;
	if (arena->node_peak > row->node_peak) {
		row->node_peak = arena->node_peak;
	}
	if (arena->worst_milli > row->worst_milli) {
		row->worst_milli = arena->worst_milli;
	}
	row->sent += arena->sent;
	row->received += arena->received;
	row->lines += arena->lines;
	look_for_words(row);
}

static bool
meet(const struct rival *rival, double *ret_p50, double *ret_p99)
{
	pid_t child = start_rival(rival);
	bool well = call_for_a_while(ret_p50, ret_p99);

	stop_rival(child);
	return well;
}

static bool
measure_references(double p50[REFERENCES], size_t base)
{
	double p99;

	for (int i = 0; i < REFERENCES; i++) {
		if (!meet(&references[i], &p50[i], &p99) ||
		    !await_quiet(base)) {
			return false;
		}
	}
	return true;
}

/* It goes on until the limit is reached that is to be named; or not. */
static bool
meet_attack(struct row *row, double *ret_p50, double *ret_p99)
{
	pid_t child = start_rival(row->attack);
	bool well = call_for_a_while(ret_p50, ret_p99);
	double p50, p99;

	look_for_words(row);
	for (int i = 0; well && i < MOST_WAITS && row->profile->small &&
	                row->attack->says != NULL && !row->named;
	     i++) {
		well = call_for_a_while(&p50, &p99);
		look_for_words(row);
	}
	stop_rival(child);
	return well;
}

static bool
measure(struct row *row, const double reference[REFERENCES], size_t base)
{
	double p50, p99;

	if (!meet_attack(row, &p50, &p99)) {
		return false;
	}
	take_measure(row);
	row->p50[row->rounds] = p50;
	row->p99[row->rounds] = p99;
	row->times[row->rounds++] = p50 / reference[row->attack->as];
	if (!await_quiet(base)) {
		(void) fprintf(stderr, "%s: %zu KiB and %zu links are left\n",
		               row->attack->name, (arena->now - base) / KIB,
		               arena->sessions - 1);
		return false;
	}
	return true;
}

bool
row_is_slow(const struct row *row)
{
	return row->least_slower > 2;
}

static unsigned
count_slow(const struct row *rows)
{
	unsigned count = 0;

	for (unsigned i = 0; i < attack_count; i++) {
		count += rows[i].attack != NULL && row_is_slow(&rows[i]);
	}
	return count;
}

/* Of all attacks, or of those alone that others were slow beside. */
static bool
run_round(struct row *rows, bool all, size_t base)
{
	double reference[REFERENCES];
	bool well = measure_references(reference, base);

	for (unsigned i = 0; i < attack_count && well; i++) {
		if (rows[i].attack != NULL && (all || row_is_slow(&rows[i]))) {
			well = measure(&rows[i], reference, base);
		}
	}
	return well;
}

static void
sum_up(struct row *rows)
{
	for (unsigned i = 0; i < attack_count; i++) {
		struct row *row = &rows[i];
		double sorted[MOST_ROUNDS];

		memcpy(sorted, row->times, sizeof(sorted));
		row->slower = median_of(sorted, row->rounds);
		row->least_slower = sorted[row->rounds / 4];
	}
}

/* Whoever was slow is looked at again: the machine is not ours alone. */
static bool
run_rounds(struct row *rows, size_t base)
{
	bool well = true;

	for (unsigned i = 0; i < how.rounds && well; i++) {
		well = run_round(rows, true, base);
	}
	sum_up(rows);
	for (unsigned i = 0; i < 2 * how.rounds && well && how.latency; i++) {
		if (count_slow(rows) > 0) {
			well = run_round(rows, false, base);
			sum_up(rows);
		}
	}
	return well;
}

/* ---- a profile */

static bool
open_client(void)
{
	char uri[sizeof(arena->uri) + 8];

	(void) snprintf(uri, sizeof(uri), "%s/gate", arena->uri);
	return waldo_node_new(NULL, &node) == WALDO_OK &&
	       waldo_connect(node, uri, &gate) == WALDO_OK;
}

static void
fill_rows(struct row *rows, const struct profile *profile)
{
	for (unsigned i = 0; i < attack_count; i++) {
		const struct rival *attack = &attacks[i];

		if (how.only != NULL && strcmp(how.only, attack->tag) != 0) {
			continue;
		}
		rows[i] = (struct row){.profile = profile, .attack = attack};
		rows[i].grant = grant_of(attack);
		rows[i].bound = rows[i].grant + room_of(attack) + SLACK;
		rows[i].total =
		    arena->limits.total_bytes + arena->limits.message_bytes +
		    links_of(attack) *
		        (arena->limits.queued_bytes / 16 + WALDOI_SLAB);
	}
}

bool
measure_profile(struct arena *shared, const char *directory,
                const struct profile *profile, const struct measuring *wanted,
                struct row *rows)
{
	bool well = true;
	pid_t server;
	double p50, p99;
	size_t base;

	arena = shared;
	how = *wanted;
	memset(arena, 0, sizeof(*arena));
	(void) snprintf(arena->address, sizeof(arena->address),
	                profile->address, directory);
	arena_fill_limits(&profile->limits, &arena->limits);
	fill_rows(rows, profile);
	server = start(server_run);
	well = await(&arena->serving, CALL_MS) && open_client() &&
	       call_for_a_while(&p50, &p99);
	base = arena->now;
	well = well && run_rounds(rows, base);
	waldo_ref_release(gate);
	waldo_node_free(node);
	arena->stop = true;
	(void) waitpid(server, NULL, 0);
	if (!arena->clean) {
		(void) fprintf(stderr, "the server left memory behind\n");
	}
	return well && arena->clean;
}
