/* SPDX-License-Identifier: MIT */
/* oom/scenarios.h - what a world does while its memory runs out */
#ifndef WALDO_OOM_SCENARIOS_H
#define WALDO_OOM_SCENARIOS_H

#include "world/world.h"

struct scenario {
	const char *name;
	void (*act)(struct world *w);
};

/* secure.c */
void trusting_a_host(struct world *w);
void trusting_a_host_later(struct world *w);
void trying_two_places(struct world *w);
void meeting_a_cluster(struct world *w);
void following_a_rotation(struct world *w);
void fetching_a_grant(struct world *w);

extern const struct scenario scenarios[];
extern const size_t scenario_count;

#endif
