/* SPDX-License-Identifier: MIT */
#include "tests/soak/soak.h"

#include <inttypes.h>
#include <stdio.h>

/* What a run must be for its figures to tell something. */
#define TELLING_SECONDS 60.0

#define MOST_GROWTH   0.05  /* of the mean, in the whole run */
#define MOST_LEFT     256.0 /* KiB, which malloc keeps for the thread */
#define MOST_TAIL_MS  200.0 /* two cores, and six times as many processes */
#define WARM_FRACTION 2     /* of the samples, the first do not count */
#define WINDOWS       16

static bool
score(const char *name, double value, const char *unit, double limit)
{
	bool good = value <= limit;

	(void) printf("score R14 %s %.1f %s %.1f %s\n", name, value, unit,
	              limit, good ? "pass" : "fail");
	return good;
}

struct point {
	double x, y; /* seconds, bytes */
};

struct line {
	double mean, slope; /* a second */
	double length;
};

static double
value_of(const struct sample *sample, bool heap)
{
	return (double) (heap ? sample->heap : sample->rss);
}

/* What stands still lets much wait in memory for a while, so the least of some
 * seconds tells: what is never given back raises that as well. */
static size_t
find_floors(bool heap, struct point floors[WINDOWS])
{
	size_t count = atomic_load(&board->sample_count);
	size_t first = count / WARM_FRACTION;
	size_t width = (count - first) / WINDOWS;

	for (size_t w = 0; w < WINDOWS && width > 0; w++) {
		const struct sample *s = &board->samples[first + w * width];

		floors[w] = (struct point){s->at, value_of(s, heap)};
		for (size_t i = 1; i < width; i++) {
			if (value_of(&s[i], heap) < floors[w].y) {
				floors[w].y = value_of(&s[i], heap);
			}
		}
	}
	return width > 0 ? WINDOWS : 0;
}

/* Least squares. */
static struct line
fit(const struct point *points, size_t count)
{
	double x = 0, y = 0, xy = 0, xx = 0;

	for (size_t i = 0; i < count; i++) {
		x += points[i].x / (double) count;
		y += points[i].y / (double) count;
	}
	for (size_t i = 0; i < count; i++) {
		xx += (points[i].x - x) * (points[i].x - x);
		xy += (points[i].x - x) * (points[i].y - y);
	}
	return (struct line){y, xx > 0 ? xy / xx : 0,
	                     points[count - 1].x - points[0].x};
}

/* Of a minute's growth in KiB; the limit is that of the whole run's. */
static bool
report_slope(const char *what, const char *name, bool heap)
{
	struct point floors[WINDOWS];
	struct line line;
	double most;

	if (find_floors(heap, floors) == 0) {
		(void) printf("too few samples\n");
		return false;
	}
	line = fit(floors, WINDOWS);
	most = line.mean * MOST_GROWTH / line.length;
	(void) printf("%s: at least %.0f KiB on the average, %+.1f KiB a "
	              "minute\n",
	              what, line.mean / 1024, line.slope * 60 / 1024);
	return score(name, line.slope * 60 / 1024, "KiB/min", most * 60 / 1024);
}

static double
quantile_ms(double q)
{
	double wanted = q * (double) atomic_load(&board->calm_calls), sum = 0;
	size_t i = 0;

	for (; i < LATENCIES - 1; i++) {
		sum += (double) atomic_load(&board->latencies[i]);
		if (sum >= wanted) {
			break;
		}
	}
	return i < LATENCIES - 1 ? (double) (i + 1) * LATENCY_US / 1e3
	                         : board->worst * 1e3;
}

static bool
report_gates(void)
{
	bool good = report_slope("heap in use", "heap_slope", true);

	good = report_slope("resident", "rss_slope", false) && good;
	good =
	    score("heap_left",
	          (double) (board->idle[1].heap - board->idle[0].heap) / 1024,
	          "KiB", MOST_LEFT) &&
	    good;
	good = score("objects_left", board->idle[1].items, "-", 0) && good;
	return score("p99.9", quantile_ms(0.999), "ms", MOST_TAIL_MS) && good;
}

void
soak_write_samples(FILE *file)
{
	size_t count = atomic_load(&board->sample_count);

	for (size_t i = 0; i < count; i++) {
		const struct sample *s = &board->samples[i];

		(void) fprintf(file, "%.1f %ld %ld %u\n",
		               s->at - board->samples[0].at, s->heap, s->rss,
		               s->items);
	}
}

bool
soak_report(unsigned connections, double seconds)
{
	uint64_t connects = atomic_load(&board->connects);
	uint64_t calls = atomic_load(&board->calls);
	uint64_t again = connects > connections ? connects - connections : 0;
	bool good;

	(void) printf("%u connections for %.0f s, %" PRIu64 " reconnects\n",
	              connections, seconds, again);
	(void) printf("%" PRIu64 " calls, %" PRIu64 " results, %" PRIu64
	              " failures, %" PRIu64 " events\n",
	              calls, atomic_load(&board->results),
	              atomic_load(&board->failures),
	              atomic_load(&board->events));
	(void) printf("calm: %" PRIu64 " calls, p50 %.1f ms, p99 %.1f ms, "
	              "p99.9 %.1f ms, worst %.1f ms\n",
	              atomic_load(&board->calm_calls), quantile_ms(0.5),
	              quantile_ms(0.99), quantile_ms(0.999),
	              board->worst * 1e3);
	(void) printf("score R14 reconnects %" PRIu64 " - - pass\n", again);
	good = score("violations", (double) atomic_load(&board->wrong), "-", 0);
	if (again == 0 || calls == 0 || atomic_load(&board->events) == 0) {
		(void) printf("nothing was shown\n");
		good = false;
	}
	if (seconds >= TELLING_SECONDS) {
		good = report_gates() && good;
	}
	return good;
}
