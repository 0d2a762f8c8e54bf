/* SPDX-License-Identifier: MIT */
/* abuse/measure.h - a server, an honest client and each attack in turn */
#ifndef WALDO_ABUSE_MEASURE_H
#define WALDO_ABUSE_MEASURE_H

#include "abuse/arena.h"
#include "abuse/rival.h"

enum { MOST_ATTACKS = 40, MOST_ROUNDS = 50 };

struct profile {
	const char *name;
	const char *address;
	waldo_limits limits;
	bool small; /* each is reached in a moment, and so must be named */
};

/* What was seen of an attack, in all its rounds. */
struct row {
	const struct profile *profile;
	const struct rival *attack;
	size_t sent, received, peak, node_peak, worst_milli;
	size_t grant, bound;
	/* total_bytes, and what the protocol lets be beyond it: a message, and
	 * of each peer replies that are a sixteenth of queued_bytes. */
	size_t total;
	unsigned lines;
	bool named;
	char words[ARENA_TEXT]; /* that named it, or the first */
	unsigned rounds;
	/* The client's calls in each, in us, and to those beside the honest
	 * peer. */
	double p50[MOST_ROUNDS], p99[MOST_ROUNDS], times[MOST_ROUNDS];
	/* The median of these, and the lower quartile. */
	double slower, least_slower;
};

struct measuring {
	unsigned rounds, window_ms;
	bool latency;     /* who was slow is looked at again */
	const char *only; /* the tag of one attack; NULL: all */
};

/* Fills the rows of the attacks (attack_count of them) that were asked for. False
 * if it could not be measured, or the server left something behind. */
bool measure_profile(struct arena *arena, const char *directory,
                     const struct profile *profile, const struct measuring *how,
                     struct row *rows);

/* In three of four rounds, at least. */
bool row_is_slow(const struct row *row);

/* Sorts them. */
double median_of(double *values, unsigned count);

#endif
