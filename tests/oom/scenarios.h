/* SPDX-License-Identifier: MIT */
/* oom/scenarios.h - what a world does while its memory runs out */
#ifndef WALDO_OOM_SCENARIOS_H
#define WALDO_OOM_SCENARIOS_H

#include "world/world.h"

struct scenario {
	const char *name;
	void (*act)(struct world *w);
};

extern const struct scenario scenarios[];
extern const size_t scenario_count;

#endif
