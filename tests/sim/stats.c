/* SPDX-License-Identifier: MIT */
#include "sim/sim.h"

#include <stdio.h>

static const struct {
	const char *source, *text;
} rules[SIM_RULES] = {
#define X(name, source, text) {source, text},
    SIM_RULE_LIST(X)
#undef X
};

static const char *const faults[SIM_FAULTS] = {
#define X(name, text) text,
    SIM_FAULT_LIST(X)
#undef X
};

static const char *const frames[SIM_FRAMES] = {
#define X(name, text) text,
    SIM_FRAME_LIST(X)
#undef X
};

static const char *const trusts[SIM_TRUSTS] = {
#define X(name, text) text,
    SIM_TRUST_LIST(X)
#undef X
};

const char *
sim_rule_name(sim_rule rule)
{
	return rules[rule].text;
}

const char *
sim_rule_source(sim_rule rule)
{
	return rules[rule].source;
}

void
sim_stats_add(sim_stats *to, const sim_stats *from)
{
	/* Nothing but counters. */
	uint64_t *a = (uint64_t *) to;
	const uint64_t *b = (const uint64_t *) from;

	for (size_t i = 0; i < sizeof(*to) / sizeof(*a); i++) {
		a[i] += b[i];
	}
}

/* One line; false if it never happened. */
static bool
print_line(const char *text, const char *source, uint64_t count)
{
	(void) printf("  %12" PRIu64 "  %-44s %s%s\n", count, text, source,
	              count == 0 ? "  <- NEVER" : "");
	return count > 0;
}

bool
sim_stats_print(const sim_stats *stats, bool complete)
{
	bool all = true;

	(void) printf("what users did\n");
	for (unsigned i = 0; i < sim_act_count(); i++) {
		all &= print_line(sim_act_name(i), "", stats->acts[i]);
	}
	(void) printf("what went wrong\n");
	for (int i = 0; i < SIM_FAULTS; i++) {
		all &= print_line(faults[i], "", stats->faults[i]);
	}
	(void) printf("encrypted links\n");
	for (int i = 0; i < SIM_TRUSTS; i++) {
		all &= print_line(trusts[i], "", stats->trust[i]);
	}
	(void) printf("what was said\n");
	for (int i = 0; i < SIM_FRAMES; i++) {
		all &= print_line(frames[i], "", stats->frames[i]);
	}
	(void) printf("what was kept\n");
	for (int i = 0; i < SIM_RULES; i++) {
		all &=
		    print_line(rules[i].text, rules[i].source, stats->rules[i]);
	}
	(void) printf("in all: %" PRIu64 " seeds, %" PRIu64 " virtual hours, "
	              "%" PRIu64 " invocations, %" PRIu64 " executions, "
	              "%" PRIu64 " turns, %" PRIu64 " events, "
	              "%" PRIu64 " MiB\n",
	              stats->seeds, stats->virtual_us / 3600000000u,
	              stats->invocations, stats->executions, stats->turns,
	              stats->events, stats->bytes >> 20);
	if (complete && !all) {
		(void) printf("something was never exercised\n");
		return false;
	}
	return true;
}
