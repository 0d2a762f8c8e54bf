/* SPDX-License-Identifier: MIT */
#include "meter.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MAX_LATENCIES ((size_t) 4 << 20)
#define MAX_OPEN      60000 /* what 10,000 connections take, by far */

/* ---- what is measured */

static uint64_t
nanoseconds(clockid_t clock)
{
	struct timespec t = {0};

	clock_gettime(clock, &t);
	return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

static uint64_t
now(void)
{
	return nanoseconds(CLOCK_MONOTONIC);
}

static uint64_t
cpu_of(int process)
{
	clockid_t clock;

	return process > 0 && clock_getcpuclockid(process, &clock) == 0
	           ? nanoseconds(clock)
	           : 0;
}

/* Bytes of memory that are there; 0 if nobody knows. */
static long
rss_of(int process)
{
	char path[64];
	long total, resident = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", process);
	file = fopen(path, "r");
	if (file != NULL) {
		if (fscanf(file, "%ld %ld", &total, &resident) != 2) {
			resident = 0;
		}
		fclose(file);
	}
	return resident * sysconf(_SC_PAGESIZE);
}

static meter_mark
take_mark(const meter *m, uint64_t time)
{
	return (meter_mark){
	    .calls = m->calls,
	    .time = time,
	    .client_cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID),
	    .server_cpu = cpu_of(m->server),
	};
}

/* ---- the beginning */

void
meter_raise_limits(void)
{
	struct rlimit limit = {MAX_OPEN, MAX_OPEN};

	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 &&
	    getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void) setrlimit(RLIMIT_NOFILE, &limit);
	}
	signal(SIGPIPE, SIG_IGN);
}

/* Whether `word` is one of `words`. */
static bool
is_among(const char *word, const char *words)
{
	size_t len = strlen(word);
	const char *p = words;

	for (; len > 0 && (p = strstr(p, word)) != NULL; p++) {
		if ((p == words || p[-1] == ' ') &&
		    (p[len] == '\0' || p[len] == ' ')) {
			return true;
		}
	}
	return false;
}

/* A whole number in min..max, or -1. */
static int
number(const char *text, long min, long max)
{
	char *end = NULL;
	long value = strtol(text, &end, 10);

	return end != text && *end == '\0' && value >= min && value <= max
	           ? (int) value
	           : -1;
}

bool
meter_is(const meter *m, const char *workload)
{
	return strcmp(m->workload, workload) == 0;
}

static const char *
take_words(meter *m, char **words, const char *workloads)
{
	char *end = NULL;

	*m = (meter){.workload = words[0], .address = words[1]};
	if (!is_among(m->workload, workloads)) {
		return "no such WORKLOAD here";
	}
	m->seconds = strtod(words[2], &end);
	if (end == words[2] || *end != '\0' ||
	    !(m->seconds > 0 && m->seconds <= 3600)) {
		return "SECONDS is a number above 0 and up to 3600";
	}
	m->server = number(words[3], 1, INT32_MAX);
	if (m->server < 0) {
		return "SERVER_PID is the number of a process";
	}
	m->connections = number(words[4], 1, 50000);
	if (m->connections < 0) {
		return "CONNECTIONS is a number in 1..50000";
	}
	m->window = number(words[5], 1, 1000000);
	if (m->window < 0) {
		return "WINDOW is a number in 1..1000000";
	}
	return NULL;
}

const char *
meter_parse(meter *m, char **words, const char *workloads)
{
	const char *wrong = take_words(m, words, workloads);

	if (wrong != NULL) {
		return wrong;
	}
	m->is_sequential = meter_is(m, "lat");
	m->is_large = meter_is(m, "large");
	m->mask = m->is_sequential || m->is_large ? 0 : 15;
	m->share = m->window >= m->connections ? m->window / m->connections : 1;
	if (m->is_sequential) {
		m->latencies = (uint32_t *) malloc(MAX_LATENCIES * 4);
		if (m->latencies == NULL) {
			return "out of memory";
		}
		/* So that no page is missing later. */
		memset(m->latencies, 1, MAX_LATENCIES * 4);
	}
	meter_raise_limits();
	alarm((unsigned) (3 * m->seconds) + 40);
	m->rss_empty = rss_of(m->server);
	return NULL;
}

void
meter_init(meter *m, int argc, char **argv, const char *workloads)
{
	const char *wrong = "too few words";

	if (argc >= 7) {
		wrong = meter_parse(m, argv + 1, workloads);
	}
	if (wrong != NULL) {
		fprintf(stderr,
		        "%s: %s\nusage: %s WORKLOAD ADDRESS SECONDS SERVER_PID "
		        "CONNECTIONS WINDOW\nworkloads: %s\n",
		        argv[0], wrong, argv[0], workloads);
		exit(2);
	}
}

void
meter_connected(meter *m)
{
	usleep(200000); /* for what the server does at leisure */
	m->rss_connected = rss_of(m->server);
}

/* ---- the phases */

static uint64_t
later(const meter *m, uint64_t time, double part)
{
	return time + (uint64_t) (part * m->seconds * 1e9);
}

void
meter_start(meter *m)
{
	m->phase = METER_WARM_UP;
	m->last = now();
	m->deadline = later(m, m->last, 0.25);
}

bool
meter_look(meter *m)
{
	uint64_t time = now();

	if (m->phase == METER_RUNNING && m->is_sequential &&
	    m->latency_count < MAX_LATENCIES) {
		m->latencies[m->latency_count++] = (uint32_t) (time - m->last);
	}
	m->last = time;
	if (time < m->deadline || m->phase == METER_OVER) {
		return m->phase != METER_OVER;
	}
	if (m->phase == METER_WARM_UP) {
		m->phase = METER_RUNNING;
		m->begin = take_mark(m, time);
		m->deadline = later(m, time, 1);
		m->last = now();
		return true;
	}
	m->phase = METER_OVER;
	m->end = take_mark(m, time);
	return false;
}

/* ---- the end */

static int
compare(const void *a, const void *b)
{
	const uint32_t *x = (const uint32_t *) a, *y = (const uint32_t *) b;

	return (*x > *y) - (*x < *y);
}

/* Microseconds. */
static double
quantile(const meter *m, double part)
{
	size_t at = (size_t) (part * (double) m->latency_count);

	return m->latency_count > 0 ? m->latencies[at] / 1e3 : 0;
}

int
meter_print(const meter *m)
{
	double calls = (double) (m->end.calls - m->begin.calls);
	double seconds = (double) (m->end.time - m->begin.time) / 1e9;
	double ccpu = (double) (m->end.client_cpu - m->begin.client_cpu);
	double scpu = (double) (m->end.server_cpu - m->begin.server_cpu);
	long rss = m->rss_connected - m->rss_empty;

	if (m->phase != METER_OVER || !(calls > 0)) {
		fputs("nothing was measured\n", stderr);
		return 1;
	}
	if (m->latency_count > 0) {
		qsort(m->latencies, m->latency_count, 4, compare);
	}
	printf("{\"wl\": \"%s\", \"conns\": %d, \"window\": %d, \"n\": %.0f, "
	       "\"secs\": %.4f, \"rate\": %.2f, \"p50\": %.2f, \"p99\": %.2f, "
	       "\"ccpu\": %.4f, \"scpu\": %.4f, \"rss_conn\": %ld, "
	       "\"MBps\": %.2f}\n",
	       m->workload, m->connections, m->window, calls, seconds,
	       calls / seconds, quantile(m, 0.5), quantile(m, 0.99),
	       ccpu / calls / 1e3, scpu / calls / 1e3,
	       m->rss_connected > 0 ? rss / m->connections : 0,
	       m->is_large ? calls * (double) METER_LARGE / seconds / 1e6 : 0);
	return fflush(stdout) == 0 ? 0 : 1;
}

void
meter_finish(const meter *m)
{
	_exit(meter_print(m));
}
